/* help.c - what one can type, and what was probably meant. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { HELP_MAX_BYTES = 8000, SUGGESTIONS = 3 };

static struct fx_json *usage_part(struct fx_scope *sc, const struct fx_engine_system *system,
                                  const struct fx_runbook *runbook) {
    return fx_json_array_of(sc,
                            fx_json_object_of(sc, "code",
                                              fx_json_stringf(sc, "%s %s", system->command,
                                                              fx_runbook_usage(sc, runbook)),
                                              NULL),
                            fx_json_stringf(sc, ": %s", runbook->summary), NULL);
}

static int by_command(const void *a, const void *b) {
    const struct fx_runbook *const *one = a, *const *other = b;

    return strcmp((*one)->command, (*other)->command);
}

static struct fx_json *commands(struct fx_scope *sc, const struct fx_engine_system *system,
                                bool changing) {
    struct fx_json *lines = fx_json_array(sc);
    size_t count = system->system->runbooks_count;
    const struct fx_runbook **sorted = fx_alloc(sc, (count + 1) * sizeof *sorted);

    for (size_t i = 0; i < count; i++)
        sorted[i] = &system->system->runbooks[i];
    qsort(sorted, count, sizeof *sorted, by_command);
    for (size_t i = 0; i < count; i++)
        if (fx_effect_changes(sorted[i]->effect) == changing)
            fx_json_add(lines, usage_part(sc, system, sorted[i]));
    return lines;
}

/* The most that any of its changes asks for. */
static int64_t approvers_of(const struct fx_runbook *runbook) {
    int64_t most = 1;

    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].kind->is_approval) {
            int64_t asked = fx_json_get_int(runbook->steps[i].params, "approvers", 1);

            most = asked > most ? asked : most;
        }
    return most;
}

/* What is answered without a runbook. */
static void add_own_commands(struct fx_scope *sc, const struct fx_engine_system *system,
                             struct fx_json *lines) {
    static const struct {
        const char *usage, *summary;
    } own[] = {
        {"freeze [reason]", "let no change begin, in any system"},
        {"unfreeze reason:\"...\"", "end that; for admins"},
    };

    fx_json_add(lines, fx_json_object_of(sc, "bold", fx_json_string(sc, "In an emergency"), NULL));
    for (size_t i = 0; i < FX_COUNT_OF(own); i++)
        fx_json_add(
            lines,
            fx_json_array_of(
                sc,
                fx_json_object_of(
                    sc, "code", fx_json_stringf(sc, "%s %s", system->command, own[i].usage), NULL),
                fx_json_stringf(sc, ": %s", own[i].summary), NULL));
}

static struct fx_json *overview(struct fx_scope *sc, const struct fx_engine_system *system) {
    struct fx_json *lines = fx_json_array(sc);
    struct fx_json *changes = commands(sc, system, true), *reads = commands(sc, system, false);

    fx_json_add(lines,
                fx_json_object_of(sc, "bold", fx_json_string(sc, "Look (changes nothing)"), NULL));
    for (size_t i = 0; i < fx_json_count(reads); i++)
        fx_json_add(lines, fx_json_item(reads, i));
    if (fx_json_count(changes) > 0)
        fx_json_add(lines,
                    fx_json_object_of(
                        sc, "bold",
                        fx_json_string(
                            sc, "Change (somebody else approves first, unless it says otherwise)"),
                        NULL));
    for (size_t i = 0; i < fx_json_count(changes); i++)
        fx_json_add(lines, fx_json_item(changes, i));
    add_own_commands(sc, system, lines);
    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "%s commands", system->system->title), "lines", lines,
        "context",
        fx_json_stringf(
            sc,
            "%s help COMMAND explains one. env=NAME chooses an environment, otherwise it is %s. "
            "Slack takes no slash commands inside threads.",
            system->command, system->default_environment),
        NULL);
}

static const char *spoken_type(const char *type) {
    return strcmp(type, "integer") == 0    ? "whole number"
           : strcmp(type, "event_id") == 0 ? "event id"
           : strcmp(type, "ids") == 0      ? "one or more"
           : strcmp(type, "boolean") == 0  ? "yes or no"
           : strcmp(type, "choice") == 0   ? "one"
                                           : type;
}

static struct fx_json *argument_line(struct fx_scope *sc, const struct fx_argument *argument) {
    struct fx_buf text;

    fx_buf_init(&text, sc, HELP_MAX_BYTES);
    fx_buf_addf(&text, ": %s (%s", argument->help == NULL ? "" : argument->help,
                spoken_type(argument->type));
    if (argument->choices != NULL)
        fx_buf_addf(&text, " of %s", fx_json_dump(sc, argument->choices));
    if (strcmp(argument->type, "integer") == 0 && argument->max < INT64_MAX)
        fx_buf_addf(&text, " from %lld to %lld", (long long)argument->min,
                    (long long)argument->max);
    if (argument->fallback != NULL)
        fx_buf_addf(&text, "; %s when not given", fx_json_dump(sc, argument->fallback));
    else if (argument->optional)
        fx_buf_add_text(&text, "; may be left out");
    if (argument->named)
        fx_buf_addf(&text, "; given as %s=...", argument->name);
    fx_buf_add_char(&text, ')');
    return fx_json_array_of(sc,
                            fx_json_object_of(sc, "code", fx_json_string(sc, argument->name), NULL),
                            fx_json_string(sc, fx_buf_text(&text)), NULL);
}

static struct fx_json *explain(struct fx_scope *sc, const struct fx_engine_system *system,
                               const struct fx_runbook *runbook) {
    struct fx_json *lines = fx_json_array(sc);

    fx_json_add(lines, usage_part(sc, system, runbook));
    for (size_t i = 0; i < runbook->arguments_count; i++)
        fx_json_add(lines, argument_line(sc, &runbook->arguments[i]));
    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "%s %s", system->command, runbook->command), "verdict",
        fx_json_string(sc, runbook->help != NULL && runbook->help[0] != '\0' ? runbook->help
                                                                             : runbook->summary),
        "lines", lines, "context",
        fx_json_string(sc, !fx_effect_changes(runbook->effect) ? "Changes nothing"
                           : approvers_of(runbook) > 1
                               ? "Changes something: two others are asked for approval first"
                               : "Changes something: somebody else is asked for approval first"),
        NULL);
}

enum fx_code engine_help(struct engine_work *work, const struct fx_engine_system *system,
                         const char *user, const char *channel, const char *response_url,
                         struct fx_slice topic, struct fx_error *err) {
    const struct fx_runbook *runbook = NULL;
    struct fx_slice rest;

    topic = fx_slice_trim(topic);
    if (topic.len > 0)
        fx_system_match(system->system, topic, &runbook, &rest);
    if (topic.len > 0 && runbook == NULL)
        return engine_unknown_command(work, system, user, channel, response_url, topic, err);
    return engine_whisper(
        work, channel, user, response_url,
        runbook == NULL ? overview(work->sc, system) : explain(work->sc, system, runbook), err);
}

enum fx_code engine_unknown_command(struct engine_work *work, const struct fx_engine_system *system,
                                    const char *user, const char *channel, const char *response_url,
                                    struct fx_slice text, struct fx_error *err) {
    enum { SHOWN = 80 };
    struct fx_scope *sc = work->sc;
    const char *names[SUGGESTIONS] = {0};
    size_t count = fx_system_suggest(sc, system->system, text, names, SUGGESTIONS);
    struct fx_json *lines = fx_json_array(sc);

    for (size_t i = 0; i < count; i++)
        fx_json_add(lines, usage_part(sc, system, fx_system_find(system->system, names[i])));
    return engine_whisper(
        work, channel, user, response_url,
        fx_json_object_of(
            sc, "verdict",
            fx_json_stringf(
                sc, "There is no command \"%s\", so nothing was done. Did you mean:",
                fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, SHOWN)))),
            "lines", lines, "context",
            fx_json_stringf(sc, "%s help lists all commands", system->command), NULL),
        err);
}
