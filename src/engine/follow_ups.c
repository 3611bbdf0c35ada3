/* follow_ups.c - what looks again by itself after a run that changed something.
 *
 * They become durable with the end of that run, each with its time: a restart in between neither
 * loses nor doubles them.
 */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

/* Where details of this run belong: under its own message, or in the thread it already stands in.
 */
static const char *thread_of(const struct engine_run *run) {
    return run->row->parent[0] != '\0' ? run->row->parent
                                       : engine_run_key(run->work->sc, run->row->id);
}

/* A run that asks or has failed did not take all of its steps: their values are null. */
static const struct fx_json *names_of(const struct engine_run *run) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *names = fx_json_object(sc), *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    for (size_t i = 0; i < run->runbook->steps_count; i++)
        fx_json_put(names, run->runbook->steps[i].id, fx_json_null(sc));
    while (fx_json_next(run->names, &cursor, &key, &member))
        fx_json_put(names, key, member);
    return names;
}

/* An expression alone may come to a number; as a person would type it. */
static enum fx_code fill_arguments(struct engine_run *run, const struct fx_follow_up *follow_up,
                                   const char **ret_line, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *line = NULL;

    FX_TRY(fx_expr_fill(sc, follow_up->arguments, names_of(run), &line, err));
    switch (fx_json_type(line)) {
    case FX_JSON_STRING:
        *ret_line = fx_json_text(line);
        return FX_OK;
    case FX_JSON_BOOL:
    case FX_JSON_INT:
    case FX_JSON_REAL:
        *ret_line = fx_json_dump(sc, line);
        return FX_OK;
    default:
        return fx_fail(err, FX_ERR_INPUT, "%s is no text", follow_up->arguments);
    }
}

static const int64_t day_ms = 24LL * 60 * 60 * 1000;

/* What lies behind is due at once. */
static enum fx_code read_time(struct engine_run *run, const struct fx_follow_up *follow_up,
                              int64_t *ret_due_ms, struct fx_error *err) {
    struct fx_json *at = NULL;
    int64_t now = fx_wall_ms(run->work->engine->options.clock);

    FX_TRY(fx_expr_fill(run->work->sc, follow_up->at, names_of(run), &at, err));
    if (fx_json_type(at) == FX_JSON_STRING)
        FX_TRY(fx_time_parse(fx_json_text_slice(at), ret_due_ms, err));
    else if (fx_json_type(at) == FX_JSON_INT)
        *ret_due_ms = fx_json_to_int(at, 0);
    else
        return fx_fail(err, FX_ERR_INPUT, "%s is no time", follow_up->at);
    if (*ret_due_ms > now + FX_FOLLOW_UP_MAX_DAYS * day_ms)
        return fx_fail(err, FX_ERR_INPUT, "it lies more than %d days ahead", FX_FOLLOW_UP_MAX_DAYS);
    *ret_due_ms = *ret_due_ms > now ? *ret_due_ms : now;
    return FX_OK;
}

static enum fx_code start_one(struct engine_run *run, const struct fx_follow_up *follow_up,
                              int64_t due_ms, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_runbook *runbook = fx_system_find(run->system->system, follow_up->command);
    struct fx_json *arguments = NULL;
    const char *line = "";

    if (runbook == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "there is no command %s", follow_up->command);
    FX_TRY(fill_arguments(run, follow_up, &line, err));
    FX_TRY(fx_runbook_arguments(sc, runbook, fx_slice_of(line), &arguments, err));
    return engine_start_run(run->work,
                            &(struct engine_ask){.system = run->system,
                                                 .runbook = runbook,
                                                 .arguments = arguments,
                                                 .environment = run->row->environment,
                                                 .trigger = "follow-up",
                                                 .requester = "",
                                                 .channel = run->system->channel,
                                                 .response_url = "",
                                                 .parent = thread_of(run),
                                                 .incident = run->row->incident,
                                                 .due_ms = due_ms},
                            err);
}

static enum fx_code tell_missing(struct engine_run *run, size_t index, const struct fx_error *why,
                                 struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_follow_up *follow_up = &run->runbook->follow_ups[index];

    fx_log(sc, FX_LOG_ERROR, "follow_up.not_started", FX_S("command", follow_up->command),
           FX_E(why));
    return engine_put_card(
        run->work, fx_printf(sc, "run:%s:follow-up-%zu", run->row->id, index + 1), thread_of(run),
        run->system->channel,
        fx_json_object_of(
            sc, "tone", fx_json_string(sc, "bad"), "verdict",
            fx_json_stringf(
                sc, "Nothing will be checked by itself: %s %s could not be planned (%s). Type it.",
                run->system->command, follow_up->command, why->message),
            NULL),
        err);
}

static enum fx_code start_all(struct engine_run *run, const struct fx_follow_up *follow_up,
                              struct fx_error *err) {
    int64_t now = fx_wall_ms(run->work->engine->options.clock), due_ms = now;

    if (follow_up->at != NULL) {
        FX_TRY(read_time(run, follow_up, &due_ms, err));
        return start_one(run, follow_up, due_ms, err);
    }
    for (size_t k = 0; k < follow_up->after_count; k++)
        FX_TRY(start_one(run, follow_up, now + follow_up->after_ms[k], err));
    return FX_OK;
}

enum fx_code engine_start_follow_ups(struct engine_run *run, struct fx_error *err) {
    struct engine_changes changes = {0};

    if (run->runbook->follow_ups_count == 0)
        return FX_OK;
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    for (size_t i = 0; changes.made > 0 && i < run->runbook->follow_ups_count; i++) {
        const struct fx_follow_up *follow_up = &run->runbook->follow_ups[i];
        struct fx_error why = {0};

        if (start_all(run, follow_up, &why) != FX_OK)
            FX_TRY(tell_missing(run, i, &why, err));
    }
    return FX_OK;
}
