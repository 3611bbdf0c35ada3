/* follow_ups.c - `follow_ups` of a command: which commands look again by themselves, and when. */
#include "private.h"

enum {
    FOLLOW_UPS_MAX = 5,
    FOLLOW_UP_TIMES_MAX = 10,
    FOLLOW_UP_MIN_MS = 1000,
};
static const int64_t follow_up_max_ms = 7LL * 24 * 3600 * 1000;

/* One time may stand for a list of one. */
static const char *const *read_times(struct runbook_check *c, const struct fx_json *after,
                                     size_t *ret_count) {
    if (fx_json_type(after) == FX_JSON_STRING)
        after = fx_json_array_of(c->scratch, fx_json_copy(c->scratch, after), NULL);
    return runbook_texts(c->scratch, after, ret_count);
}

static void check_times(struct runbook_check *c, const char *path, const struct fx_json *after,
                        struct fx_follow_up *follow_up) {
    enum fx_json_type type = fx_json_type(after);
    size_t count = 0;
    const char *const *texts = read_times(c, after, &count);
    int64_t *times = fx_alloc(c->scratch, (count + 1) * sizeof *times);

    if ((type != FX_JSON_STRING && type != FX_JSON_ARRAY) || count < fx_json_count(after))
        return; /* said already: it is missing, or something else than texts */
    if (count == 0 || count > FOLLOW_UP_TIMES_MAX) {
        runbook_say(c, path, "give 1 to %d times, such as [2m, 15m]", FOLLOW_UP_TIMES_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *here = runbook_path_item(c, path, i);
        struct fx_error err = {0};

        if (fx_step_parse_duration(fx_slice_of(texts[i]), &times[i], &err) != FX_OK)
            runbook_say(c, here, "%s", err.message);
        else if (times[i] < FOLLOW_UP_MIN_MS || times[i] > follow_up_max_ms)
            runbook_say(c, here, "%s is not within 1s to 7d", texts[i]);
    }
    follow_up->after_ms = times;
    follow_up->after_count = count;
}

static void check_reads(struct runbook_check *c, const char *path,
                        const struct fx_runbook *runbook) {
    if (runbook == NULL)
        return;
    if (fx_effect_changes(runbook->effect))
        runbook_say(c, path, "%s changes something, and nothing is changed without being asked for",
                    runbook->command);
    else if (runbook->is_notice)
        runbook_say(c, path, "%s is a person's word, and nobody asks for a follow-up",
                    runbook->command);
    else if (runbook->is_private)
        runbook_say(c, path, "%s answers one person in private, and nobody asks for a follow-up",
                    runbook->command);
}

/* Either a while after the change, or at a time that somebody gave. */
static void check_when(struct runbook_check *c, const char *path, const struct fx_json *json,
                       const struct fx_json *known, struct fx_follow_up *follow_up) {
    const struct fx_json *after = fx_json_at(json, "after"), *at = fx_json_at(json, "at");

    if ((after == NULL) == (at == NULL))
        runbook_say(c, path,
                    "a follow-up needs either after, such as 2m, or at, such as "
                    "\"${arguments.ends}\"");
    else if (after != NULL)
        check_times(c, runbook_path(c, path, "after"), after, follow_up);
    if (fx_json_text(at) == NULL)
        return;
    if (!fx_expr_is_template(fx_json_text(at)))
        runbook_say(c, runbook_path(c, path, "at"),
                    "a time that is written out is the same whenever it is asked for; take it from "
                    "an argument");
    runbook_check_texts(c, runbook_path(c, path, "at"), at, known);
    follow_up->at = fx_json_text(at);
}

static void check_one(struct runbook_check *c, const char *path, const struct fx_json *json,
                      const struct fx_json *known, struct fx_follow_up *follow_up) {
    static const struct runbook_field fields[] = {
        {"command", RUNBOOK_TEXT, true},
        {"arguments", RUNBOOK_TEXT, false},
        {"after", RUNBOOK_LINES, false},
        {"at", RUNBOOK_TEXT, false},
    };
    const char *command = fx_json_get_text(json, "command");
    const char *arguments = fx_json_get_text(json, "arguments");

    if (!runbook_check_fields(c, path, json, "a follow-up", fields, FX_COUNT_OF(fields)))
        return;
    check_when(c, path, json, known, follow_up);
    if (command == NULL)
        return;
    const char *here = runbook_path(c, path, "command");
    if (fx_expr_is_template(command)) {
        runbook_say(c, here, "a follow-up's command is written out; put ${ } into its arguments");
        return;
    }
    const struct fx_runbook *runbook =
        runbook_check_apart(c, path, command, arguments == NULL ? "" : arguments, known);

    check_reads(c, here, runbook);
    follow_up->command = runbook == NULL ? command : runbook->command;
    follow_up->arguments = arguments == NULL ? "" : arguments;
}

void runbook_check_follow_ups(struct runbook_check *c, struct fx_runbook *runbook,
                              const struct fx_json *json) {
    size_t count = fx_json_count(json);
    struct fx_follow_up *follow_ups = fx_alloc(c->scratch, (count + 1) * sizeof *follow_ups);
    struct fx_json *known = runbook_known(c);

    if (fx_json_type(json) != FX_JSON_ARRAY)
        return;
    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].id != NULL)
            fx_json_put(known, runbook->steps[i].id, fx_json_bool(c->scratch, true));
    if (count > FOLLOW_UPS_MAX)
        runbook_say(c, "follow_ups", "a command has at most %d follow-ups", FOLLOW_UPS_MAX);
    if (count > 0 && !fx_effect_changes(runbook->effect))
        runbook_say(c, "follow_ups", "follow-ups come after a change, and this command makes none");
    for (size_t i = 0; i < count; i++) {
        follow_ups[i] = (struct fx_follow_up){.arguments = ""};
        check_one(c, runbook_path_item(c, "follow_ups", i), fx_json_item(json, i), known,
                  &follow_ups[i]);
    }
    runbook->follow_ups = follow_ups;
    runbook->follow_ups_count = count;
}
