/* keep.c - what stays of a system once everything is checked: copied beside each other, so that the
 * files, their lines and all that checking needed end together. */
#include "private.h"

#include <string.h>

static const char **keep_texts(struct fx_scope *sc, const char *const *texts, size_t count) {
    const char **kept = fx_alloc(sc, (count + 1) * sizeof *kept);

    for (size_t i = 0; i < count; i++)
        kept[i] = fx_strdup(sc, texts[i]);
    return kept;
}

static struct fx_json *keep_json(struct fx_scope *sc, const struct fx_json *json) {
    return json == NULL ? NULL : fx_json_copy(sc, json);
}

/* An array that all its owner's members are copied to first, and then those that point elsewhere.
 */
static void *keep_array(struct fx_scope *sc, const void *items, size_t count, size_t size) {
    void *kept = fx_alloc(sc, (count + 1) * size);

    if (count > 0)
        memcpy(kept, items, count * size);
    return kept;
}

static const struct fx_argument *keep_arguments(struct fx_scope *sc,
                                                const struct fx_argument *arguments, size_t count) {
    struct fx_argument *kept = keep_array(sc, arguments, count, sizeof *kept);

    for (size_t i = 0; i < count; i++) {
        kept[i].name = fx_strdup(sc, kept[i].name);
        kept[i].help = fx_strdup(sc, kept[i].help);
        kept[i].type = fx_strdup(sc, kept[i].type);
        kept[i].pattern = fx_strdup(sc, kept[i].pattern);
        kept[i].fallback = keep_json(sc, kept[i].fallback);
        kept[i].choices = keep_json(sc, kept[i].choices);
    }
    return kept;
}

static const struct fx_runbook_step *keep_steps(struct fx_scope *sc,
                                                const struct fx_runbook_step *steps, size_t count) {
    struct fx_runbook_step *kept = keep_array(sc, steps, count, sizeof *kept);

    for (size_t i = 0; i < count; i++) {
        kept[i].id = fx_strdup(sc, kept[i].id);
        kept[i].params = keep_json(sc, kept[i].params);
        kept[i].when = fx_strdup(sc, kept[i].when);
        kept[i].otherwise = fx_strdup(sc, kept[i].otherwise);
        kept[i].each = fx_strdup(sc, kept[i].each);
    }
    return kept;
}

static const struct fx_follow_up *
keep_follow_ups(struct fx_scope *sc, const struct fx_follow_up *follow_ups, size_t count) {
    struct fx_follow_up *kept = keep_array(sc, follow_ups, count, sizeof *kept);

    for (size_t i = 0; i < count; i++) {
        kept[i].command = fx_strdup(sc, kept[i].command);
        kept[i].arguments = fx_strdup(sc, kept[i].arguments);
        kept[i].at = fx_strdup(sc, kept[i].at);
        kept[i].after_ms =
            keep_array(sc, kept[i].after_ms, kept[i].after_count, sizeof *kept[i].after_ms);
    }
    return kept;
}

static void keep_runbook(struct fx_scope *sc, struct fx_runbook *kept) {
    kept->command = fx_strdup(sc, kept->command);
    kept->file = fx_strdup(sc, kept->file);
    kept->digest = fx_strdup(sc, kept->digest);
    kept->summary = fx_strdup(sc, kept->summary);
    kept->help = fx_strdup(sc, kept->help);
    kept->button = fx_strdup(sc, kept->button);
    kept->rows = fx_strdup(sc, kept->rows);
    kept->confirm = fx_strdup(sc, kept->confirm);
    kept->role = fx_strdup(sc, kept->role);
    kept->arguments = keep_arguments(sc, kept->arguments, kept->arguments_count);
    kept->steps = keep_steps(sc, kept->steps, kept->steps_count);
    kept->answer = keep_json(sc, kept->answer);
    kept->follow_ups = keep_follow_ups(sc, kept->follow_ups, kept->follow_ups_count);
}

static void keep_route(struct fx_scope *sc, struct fx_alarm_route *kept) {
    kept->name = fx_strdup(sc, kept->name);
    kept->patterns = keep_texts(sc, kept->patterns, kept->patterns_count);
    kept->metric_namespace = fx_strdup(sc, kept->metric_namespace);
    kept->metric_name = fx_strdup(sc, kept->metric_name);
    kept->dimensions = keep_json(sc, kept->dimensions);
    kept->severity = fx_strdup(sc, kept->severity);
    kept->cause = fx_strdup(sc, kept->cause);
    kept->first_action = fx_strdup(sc, kept->first_action);
    kept->triage = keep_texts(sc, kept->triage, kept->triage_count);
    kept->recovered = keep_texts(sc, kept->recovered, kept->recovered_count);
    kept->buttons = keep_texts(sc, kept->buttons, kept->buttons_count);
    kept->link = fx_strdup(sc, kept->link);
}

static void keep_schedule(struct fx_scope *sc, struct fx_schedule *kept) {
    kept->name = fx_strdup(sc, kept->name);
    kept->command = fx_strdup(sc, kept->command);
    kept->rhythm = fx_strdup(sc, kept->rhythm);
    kept->changes = fx_strdup(sc, kept->changes);
    kept->environments = keep_texts(sc, kept->environments, kept->environments_count);
}

static void keep_proposal(struct fx_scope *sc, struct fx_proposal *kept) {
    kept->command = fx_strdup(sc, kept->command);
    kept->text = fx_strdup(sc, kept->text);
    kept->alarms = keep_texts(sc, kept->alarms, kept->alarms_count);
}

struct fx_system runbook_keep(struct fx_scope *sc, const struct fx_system *system) {
    struct fx_system kept = *system;
    struct fx_runbook *runbooks =
        keep_array(sc, system->runbooks, system->runbooks_count, sizeof *runbooks);
    struct fx_alarm_route *routes =
        keep_array(sc, system->routes, system->routes_count, sizeof *routes);
    struct fx_schedule *schedules =
        keep_array(sc, system->schedules, system->schedules_count, sizeof *schedules);
    struct fx_proposal *proposals =
        keep_array(sc, system->proposals, system->proposals_count, sizeof *proposals);

    for (size_t i = 0; i < system->runbooks_count; i++)
        keep_runbook(sc, &runbooks[i]);
    for (size_t i = 0; i < system->routes_count; i++)
        keep_route(sc, &routes[i]);
    for (size_t i = 0; i < system->schedules_count; i++)
        keep_schedule(sc, &schedules[i]);
    for (size_t i = 0; i < system->proposals_count; i++)
        keep_proposal(sc, &proposals[i]);
    kept.name = fx_strdup(sc, kept.name);
    kept.title = fx_strdup(sc, kept.title);
    kept.path = fx_strdup(sc, kept.path);
    kept.definition = keep_json(sc, kept.definition);
    kept.runbooks = runbooks;
    kept.routes = routes;
    kept.schedules = schedules;
    kept.proposals = proposals;
    return kept;
}
