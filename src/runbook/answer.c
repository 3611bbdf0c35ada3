/* answer.c - what a command says when its steps are done. */
#include "private.h"

#include <string.h>

static const char *const tones[] = {"alarm", "good", "bad", "wait", "plain"};
static const char *const visibilities[] = {"private", "channel"};

static struct fx_json *with_name(struct runbook_check *c, const struct fx_json *known,
                                 const char *name) {
    struct fx_json *more = fx_json_copy(c->scratch, known);

    fx_json_put(more, name, fx_json_bool(c->scratch, true));
    return more;
}

/* `rows` and `items`: one expression that gives a list. */
static void check_source(struct runbook_check *c, const char *path, const struct fx_json *json,
                         const struct fx_json *known) {
    const char *text = fx_json_text(json);

    if (json == NULL)
        return;
    if (text == NULL || strncmp(text, "${", 2) != 0 || text[strlen(text) - 1] != '}')
        runbook_say(c, path, "give one expression that is a list, such as \"${messages.items}\"");
    else
        runbook_check_texts(c, path, json, known);
}

static void check_scalars(struct runbook_check *c, const char *path, const struct fx_json *map) {
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;

    while (fx_json_next(map, &cursor, &key, &value)) {
        enum fx_json_type type = fx_json_type(value);

        if (type == FX_JSON_OBJECT || type == FX_JSON_ARRAY || type == FX_JSON_NULL)
            runbook_say(c, runbook_path(c, path, key), "%s must be a text",
                        runbook_shown(c->scratch, fx_slice_of(key)));
    }
}

static void check_table(struct runbook_check *c, const struct fx_json *table,
                        const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"rows", RUNBOOK_ANY, true},
        {"columns", RUNBOOK_MAP, true},
    };
    const struct fx_json *columns = fx_json_at(table, "columns");

    if (fx_json_type(table) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer.table", table, "a table", fields, FX_COUNT_OF(fields)))
        return;
    check_source(c, "answer.table.rows", fx_json_at(table, "rows"), known);
    if (fx_json_type(columns) == FX_JSON_OBJECT && fx_json_count(columns) == 0)
        runbook_say(c, "answer.table.columns", "a table needs a column");
    check_scalars(c, "answer.table.columns", columns);
    runbook_check_texts(c, "answer.table.columns", columns, with_name(c, known, "row"));
}

static void check_list(struct runbook_check *c, const struct fx_json *list,
                       const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"items", RUNBOOK_ANY, true},
        {"text", RUNBOOK_TEXT, true},
    };
    if (fx_json_type(list) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer.list", list, "a list", fields, FX_COUNT_OF(fields)))
        return;
    check_source(c, "answer.list.items", fx_json_at(list, "items"), known);
    runbook_check_texts(c, "answer.list.text", fx_json_at(list, "text"),
                        with_name(c, known, "item"));
}

/* A name and where its points come from, or {points, unit}. */
static void check_sparklines(struct runbook_check *c, const struct fx_json *sparklines,
                             const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"points", RUNBOOK_TEXT, true},
        {"unit", RUNBOOK_TEXT, false},
    };
    const char *name = NULL;
    struct fx_json *line = NULL;
    void *cursor = NULL;

    while (fx_json_next(sparklines, &cursor, &name, &line)) {
        const char *path = runbook_path(c, "answer.sparklines", name);

        if (fx_json_type(line) != FX_JSON_OBJECT)
            check_source(c, path, line, known);
        else if (runbook_check_fields(c, path, line, "a sparkline", fields, FX_COUNT_OF(fields)))
            check_source(c, runbook_path(c, path, "points"), fx_json_at(line, "points"), known);
    }
}

/* `when`, kept as a condition. */
static void check_when(struct runbook_check *c, const char *path, struct fx_json *part,
                       const struct fx_json *known) {
    const char *when = fx_json_get_text(part, "when");

    if (when != NULL)
        fx_json_put(part, "when",
                    fx_json_string(c->scratch, runbook_condition(c, path, when, known)));
}

static void check_chart(struct runbook_check *c, struct fx_json *kept,
                        const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"points", RUNBOOK_TEXT, true}, {"title", RUNBOOK_TEXT, true},
        {"unit", RUNBOOK_TEXT, false},  {"threshold", RUNBOOK_ANY, false},
        {"alarm", RUNBOOK_TEXT, false}, {"when", RUNBOOK_TEXT, false},
    };
    static const char *const texts[] = {"title", "unit", "threshold", "alarm"};
    struct fx_json *chart = fx_json_at(kept, "chart");

    if (fx_json_type(chart) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer.chart", chart, "a chart", fields, FX_COUNT_OF(fields)))
        return;
    check_source(c, "answer.chart.points", fx_json_at(chart, "points"), known);
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        runbook_check_texts(c, runbook_path(c, "answer.chart", texts[i]),
                            fx_json_at(chart, texts[i]), known);
    check_when(c, "answer.chart.when", chart, known);
}

static void check_file(struct runbook_check *c, struct fx_json *kept, const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"name", RUNBOOK_TEXT, true},   {"rows", RUNBOOK_ANY, true},
        {"columns", RUNBOOK_MAP, true}, {"title", RUNBOOK_TEXT, false},
        {"when", RUNBOOK_TEXT, false},
    };
    struct fx_json *file = fx_json_at(kept, "file"), *columns = fx_json_at(file, "columns");
    const char *name = fx_json_get_text(file, "name");

    if (fx_json_type(file) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer.file", file, "a file", fields, FX_COUNT_OF(fields)))
        return;
    if (name != NULL && !runbook_pattern_fits(c->scratch, "[a-z][a-z0-9-]{0,39}", name))
        runbook_say(c, "answer.file.name",
                    "a file's name is of a-z, 0-9 and -, without its ending: failed-events");
    check_source(c, "answer.file.rows", fx_json_at(file, "rows"), known);
    if (fx_json_type(columns) == FX_JSON_OBJECT && fx_json_count(columns) == 0)
        runbook_say(c, "answer.file.columns", "a file needs a column");
    check_scalars(c, "answer.file.columns", columns);
    runbook_check_texts(c, "answer.file.columns", columns, with_name(c, known, "row"));
    runbook_check_texts(c, "answer.file.title", fx_json_at(file, "title"), known);
    check_when(c, "answer.file.when", file, known);
}

/* Slack shows a file to the whole channel. */
static void check_files_are_public(struct runbook_check *c, const struct fx_runbook *runbook) {
    static const char *const names[] = {"chart", "file"};

    for (size_t i = 0; i < FX_COUNT_OF(names) && runbook->is_private; i++)
        if (fx_json_at(runbook->answer, names[i]) != NULL)
            runbook_say(c, runbook_path(c, "answer", names[i]),
                        "Slack shows a %s to the whole channel, and this answer is private",
                        names[i]);
}

static void check_page(struct runbook_check *c, struct fx_json *kept, const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"when", RUNBOOK_TEXT, true},
        {"summary", RUNBOOK_TEXT, true},
        {"severity", RUNBOOK_TEXT, false},
        {"key", RUNBOOK_TEXT, false},
    };
    struct fx_json *page = fx_json_at(kept, "page");
    const char *when = fx_json_get_text(page, "when");

    if (fx_json_type(page) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer.page", page, "a page", fields, FX_COUNT_OF(fields)))
        return;
    runbook_check_texts(c, "answer.page.summary", fx_json_at(page, "summary"), known);
    runbook_check_texts(c, "answer.page.key", fx_json_at(page, "key"), NULL);
    runbook_check_severity(c, "answer.page.severity", fx_json_get_text(page, "severity"));
    if (when != NULL)
        fx_json_put(
            page, "when",
            fx_json_string(c->scratch, runbook_condition(c, "answer.page.when", when, known)));
}

/* An alarm runs its triage commands, so their answers may speak of the incident. */
static bool is_triage(const struct runbook_check *c, const struct fx_runbook *runbook) {
    for (size_t i = 0; i < c->routes_count; i++)
        for (size_t j = 0; j < c->routes[i].triage_count; j++) {
            const struct fx_runbook *found = NULL;
            struct fx_slice rest;

            runbook_match(c->runbooks, c->files_count, fx_slice_of(c->routes[i].triage[j]), &found,
                          &rest);
            if (found == runbook)
                return true;
        }
    return false;
}

static struct fx_json *answer_names(struct runbook_check *c, const struct fx_runbook *runbook) {
    struct fx_json *known = runbook_known(c), *yes = fx_json_bool(c->scratch, true);

    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].id != NULL)
            fx_json_put(known, runbook->steps[i].id, yes);
    if (c->system_yaml == NULL || is_triage(c, runbook))
        fx_json_put(known, "incident", yes);
    return known;
}

void runbook_check_answer(struct runbook_check *c, struct fx_runbook *runbook,
                          const struct fx_json *answer) {
    static const struct runbook_field fields[] = {
        {"title", RUNBOOK_TEXT, false},      {"tone", RUNBOOK_TEXT, false},
        {"verdict", RUNBOOK_TEXT, true},     {"lines", RUNBOOK_TEXTS, false},
        {"fields", RUNBOOK_MAP, false},      {"table", RUNBOOK_MAP, false},
        {"list", RUNBOOK_MAP, false},        {"code", RUNBOOK_TEXT, false},
        {"context", RUNBOOK_TEXT, false},    {"buttons", RUNBOOK_LIST, false},
        {"visibility", RUNBOOK_TEXT, false}, {"text", RUNBOOK_TEXT, false},
        {"page", RUNBOOK_MAP, false},        {"sparklines", RUNBOOK_MAP, false},
        {"shared", RUNBOOK_TEXT, false},     {"chart", RUNBOOK_MAP, false},
        {"file", RUNBOOK_MAP, false},
    };
    static const char *const texts[] = {"title", "tone",    "verdict", "lines", "fields",
                                        "code",  "context", "text",    "shared"};
    struct fx_json *known = answer_names(c, runbook);
    const char *visibility = fx_json_get_text(answer, "visibility");

    if (fx_json_type(answer) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "answer", answer, "the answer", fields, FX_COUNT_OF(fields)))
        return;
    struct fx_json *kept = fx_json_copy(c->scratch, answer);
    runbook->answer = kept;
    runbook->is_private = visibility != NULL && strcmp(visibility, "private") == 0;
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        runbook_check_texts(c, runbook_path(c, "answer", texts[i]), fx_json_at(answer, texts[i]),
                            known);
    runbook_check_word(c, "answer.tone", fx_json_get_text(answer, "tone"), tones,
                       FX_COUNT_OF(tones));
    if (visibility != NULL &&
        !runbook_is_one_of(visibility, visibilities, FX_COUNT_OF(visibilities)))
        runbook_say(c, "answer.visibility", "%s is not private or channel",
                    runbook_shown(c->scratch, fx_slice_of(visibility)));
    if (!runbook->is_private && fx_json_at(answer, "shared") != NULL)
        runbook_say(c, "answer.shared", "only an answer with visibility: private can be shared");
    check_scalars(c, "answer.fields", fx_json_at(answer, "fields"));
    check_sparklines(c, fx_json_at(answer, "sparklines"), known);
    check_table(c, fx_json_at(answer, "table"), known);
    check_list(c, fx_json_at(answer, "list"), known);
    check_page(c, kept, known);
    check_chart(c, kept, known);
    check_file(c, kept, known);
    check_files_are_public(c, runbook);
    if (fx_json_type(fx_json_at(answer, "buttons")) == FX_JSON_ARRAY)
        fx_json_put(kept, "buttons",
                    runbook_check_buttons(c, fx_json_at(answer, "buttons"), known));
}
