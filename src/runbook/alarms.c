/* alarms.c - which alarm means what: the routes of system.yaml. */
#include "private.h"

#include <string.h>

static const char *const severities[] = {"critical", "high", "medium", "low"};

void runbook_check_severity(struct runbook_check *c, const char *path, const char *severity) {
    runbook_check_word(c, path, severity, severities, FX_COUNT_OF(severities));
}

enum { MAX_PATTERN_BYTES = 255 }; /* CloudWatch: an alarm's name has at most 255 characters */

static void check_patterns(struct runbook_check *c, const char *path,
                           const struct fx_json *patterns) {
    for (size_t i = 0; i < fx_json_count(patterns); i++) {
        const char *pattern = fx_json_text(fx_json_item(patterns, i));
        const char *here = runbook_path_item(c, path, i);

        if (pattern == NULL)
            continue;
        if (pattern[0] == '\0' || strlen(pattern) > MAX_PATTERN_BYTES)
            runbook_say(c, here, "a pattern has 1 to %d characters", MAX_PATTERN_BYTES);
        else if (strspn(pattern, "*?") == strlen(pattern))
            runbook_say(c, here, "the pattern %s fits every alarm; write what its name holds",
                        runbook_shown(c->scratch, fx_slice_of(pattern)));
    }
}

static void check_metric(struct runbook_check *c, const char *path, const struct fx_json *metric) {
    static const struct runbook_field fields[] = {
        {"namespace", RUNBOOK_TEXT, true},
        {"name", RUNBOOK_TEXT, false},
        {"dimensions", RUNBOOK_MAP, false},
    };
    const struct fx_json *dimensions = fx_json_at(metric, "dimensions");
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *value = NULL;

    if (fx_json_type(metric) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, path, metric, "a metric", fields, FX_COUNT_OF(fields)))
        return;
    while (fx_json_next(dimensions, &cursor, &name, &value))
        if (fx_json_text(value) == NULL)
            runbook_say(c, runbook_path(c, runbook_path(c, path, "dimensions"), name),
                        "a dimension's value is a text");
}

/* What runs without being asked for: with a watch only when the alarm is over. */
static void check_triage(struct runbook_check *c, const char *path, const struct fx_json *lines,
                         bool may_watch) {
    for (size_t i = 0; i < fx_json_count(lines); i++) {
        const char *line = fx_json_text(fx_json_item(lines, i));
        const char *here = runbook_path_item(c, path, i);
        const struct fx_runbook *runbook =
            line == NULL ? NULL : runbook_check_invocation(c, here, line);

        if (runbook != NULL && fx_effect_changes(runbook->effect))
            runbook_say(c, here,
                        "%s changes something, and an alarm may only read; offer it in "
                        "buttons instead",
                        runbook->command);
        else if (runbook != NULL && runbook->watches && !may_watch)
            runbook_say(c, here,
                        "%s watches for a while, and a diagnosis is wanted at once; put it under "
                        "recovered, or offer it in buttons",
                        runbook->command);
        else if (runbook != NULL && runbook->is_notice)
            runbook_say(c, here, "%s is a person's word; offer it in buttons instead",
                        runbook->command);
    }
}

static void check_buttons(struct runbook_check *c, const char *path, const struct fx_json *lines) {
    for (size_t i = 0; i < fx_json_count(lines); i++) {
        const char *line = fx_json_text(fx_json_item(lines, i));

        if (line != NULL)
            runbook_check_invocation(c, runbook_path_item(c, path, i), line);
    }
}

static void check_route(struct runbook_check *c, const char *path, const struct fx_json *json) {
    static const struct runbook_field fields[] = {
        {"name", RUNBOOK_TEXT, true},          {"patterns", RUNBOOK_TEXTS, false},
        {"metric", RUNBOOK_MAP, false},        {"severity", RUNBOOK_TEXT, true},
        {"page", RUNBOOK_BOOL, false},         {"cause", RUNBOOK_TEXT, false},
        {"first_action", RUNBOOK_TEXT, false}, {"triage", RUNBOOK_TEXTS, false},
        {"buttons", RUNBOOK_TEXTS, false},     {"link", RUNBOOK_TEXT, false},
        {"recovered", RUNBOOK_TEXTS, false},
    };
    const char *severity = fx_json_get_text(json, "severity");
    const char *link = fx_json_get_text(json, "link");

    if (!runbook_check_fields(c, path, json, "an alarm", fields, FX_COUNT_OF(fields)))
        return;
    if (fx_json_count(fx_json_at(json, "patterns")) == 0 && fx_json_at(json, "metric") == NULL)
        runbook_say(c, path, "an alarm is known by patterns or by a metric; give one of them");
    check_patterns(c, runbook_path(c, path, "patterns"), fx_json_at(json, "patterns"));
    check_metric(c, runbook_path(c, path, "metric"), fx_json_at(json, "metric"));
    runbook_check_severity(c, runbook_path(c, path, "severity"), severity);
    if (link != NULL && strncmp(link, "https://", 8) != 0)
        runbook_say(c, runbook_path(c, path, "link"), "a link begins with https://");
    check_triage(c, runbook_path(c, path, "triage"), fx_json_at(json, "triage"), false);
    check_triage(c, runbook_path(c, path, "recovered"), fx_json_at(json, "recovered"), true);
    check_buttons(c, runbook_path(c, path, "buttons"), fx_json_at(json, "buttons"));
    runbook_check_texts(c, path, json, NULL);
}

static struct fx_alarm_route make_route(struct runbook_check *c, const struct fx_json *json) {
    const struct fx_json *metric = fx_json_at(json, "metric");
    struct fx_alarm_route route = {
        .name = fx_json_get_text(json, "name"),
        .metric_namespace = fx_json_get_text(metric, "namespace"),
        .metric_name = fx_json_get_text(metric, "name"),
        .dimensions = fx_json_at(metric, "dimensions"),
        .severity = fx_json_get_text(json, "severity"),
        .page = fx_json_get_bool(json, "page", false),
        .cause = fx_json_get_text(json, "cause"),
        .first_action = fx_json_get_text(json, "first_action"),
        .link = fx_json_get_text(json, "link"),
    };
    route.patterns = runbook_texts(c->scratch, fx_json_at(json, "patterns"), &route.patterns_count);
    route.triage = runbook_texts(c->scratch, fx_json_at(json, "triage"), &route.triage_count);
    route.buttons = runbook_texts(c->scratch, fx_json_at(json, "buttons"), &route.buttons_count);
    route.recovered =
        runbook_texts(c->scratch, fx_json_at(json, "recovered"), &route.recovered_count);
    return route;
}

/* The first of them would win, whatever the second says. */
static void check_patterns_unique(struct runbook_check *c, const struct fx_alarm_route *routes,
                                  size_t index) {
    const char *here = runbook_path(c, runbook_path_item(c, "alarms", index), "patterns");

    for (size_t k = 0; k < routes[index].patterns_count; k++)
        for (size_t i = 0; i < index; i++)
            if (runbook_is_one_of(routes[index].patterns[k], routes[i].patterns,
                                  routes[i].patterns_count))
                runbook_say(c, runbook_path_item(c, here, k),
                            "the pattern %s belongs to the alarm %s already",
                            runbook_shown(c->scratch, fx_slice_of(routes[index].patterns[k])),
                            routes[i].name == NULL ? "before it" : routes[i].name);
}

static void check_unique(struct runbook_check *c, const struct fx_alarm_route *routes,
                         size_t index) {
    for (size_t i = 0; i < index; i++)
        if (routes[i].name != NULL && routes[index].name != NULL &&
            strcmp(routes[i].name, routes[index].name) == 0)
            runbook_say(c, runbook_path(c, runbook_path_item(c, "alarms", index), "name"),
                        "the alarm %s is described already",
                        runbook_shown(c->scratch, fx_slice_of(routes[index].name)));
}

void runbook_check_alarms(struct runbook_check *c, const struct fx_json *alarms) {
    size_t count = fx_json_type(alarms) == FX_JSON_ARRAY ? fx_json_count(alarms) : 0;
    struct fx_alarm_route *routes = fx_alloc(c->scratch, (count + 1) * sizeof *routes);

    c->yaml = c->system_yaml;
    c->arguments = NULL;
    for (size_t i = 0; i < count; i++) {
        check_route(c, runbook_path_item(c, "alarms", i), fx_json_item(alarms, i));
        routes[i] = make_route(c, fx_json_item(alarms, i));
        check_unique(c, routes, i);
        check_patterns_unique(c, routes, i);
    }
    c->routes = routes;
    c->routes_count = count;
}
