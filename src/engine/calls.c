/* calls.c - the step kind `run`: another reading command, run inside this run.
 *
 * What it has found so far is part of the caller's checkpoint, so a wait inside it sleeps in the
 * store like any other. It has no row, no message and no audit of its own: the caller is the run.
 */
#include "steps.h"

#include "fluxabot/expr.h"

#include <string.h>

/* Only reading steps go back to their beginning, so an edited runbook begins anew, too. */
static enum fx_code resume(struct engine_run *inner, const char *checkpoint_json,
                           struct fx_error *err) {
    struct fx_scope *sc = inner->work->sc;
    struct fx_json *kept = NULL, *within;

    inner->row->step = 0;
    inner->row->values_json = "{}";
    inner->row->checkpoint_json = "";
    if (checkpoint_json[0] == '\0')
        return FX_OK;
    FX_TRY(fx_json_parse(sc, fx_slice_of(checkpoint_json), &kept, err));
    const char *digest = fx_json_get_text(kept, "digest");

    if (digest == NULL || strcmp(digest, inner->runbook->digest) != 0)
        return FX_OK;
    inner->row->step = (int)fx_json_get_int(kept, "step", 0);
    inner->row->values_json = fx_json_dump(sc, fx_json_at(kept, "values"));
    within = fx_json_at(kept, "checkpoint");
    inner->row->checkpoint_json = within == NULL ? "" : fx_json_dump(sc, within);
    return FX_OK;
}

static enum fx_code begin(struct engine_run *outer, const struct fx_runbook_step *step,
                          struct engine_run *ret_inner, struct fx_error *err) {
    struct fx_scope *sc = outer->work->sc;
    const char *command = fx_json_get_text(step->params, "command");
    const struct fx_runbook *runbook = fx_system_find(outer->system->system, command);
    struct fx_json *filled = NULL, *params = NULL, *arguments = NULL;

    if (runbook == NULL || fx_effect_changes(runbook->effect))
        return fx_fail(err, FX_ERR_INTERNAL, "%s is no command that only reads", command);
    if (outer->depth >= FX_RUNBOOK_MAX_CALL_DEPTH)
        return fx_fail(err, FX_ERR_LIMIT, "%s would be the %dth command inside another", command,
                       outer->depth + 1);
    FX_TRY(fx_expr_fill_all(sc, step->params, outer->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, step->kind, filled, &params, err));
    FX_TRY(fx_runbook_arguments(sc, runbook, fx_json_text_slice(fx_json_at(params, "arguments")),
                                &arguments, err));
    *ret_inner = (struct engine_run){.work = outer->work,
                                     .row = FX_NEW(sc, struct fx_run),
                                     .system = outer->system,
                                     .environment = outer->environment,
                                     .runbook = runbook,
                                     .filled = outer->filled,
                                     .depth = outer->depth + 1,
                                     .has_no_row = true};
    *ret_inner->row = *outer->row;
    ret_inner->row->command = runbook->command;
    ret_inner->row->runbook_digest = runbook->digest;
    ret_inner->row->arguments_json = fx_json_dump(sc, arguments);
    FX_TRY(resume(ret_inner, outer->row->checkpoint_json, err));
    return engine_bind_names(ret_inner, err);
}

static void park(struct engine_run *inner, const struct fx_step_result *result,
                 struct fx_step_result *ret_result) {
    struct fx_scope *sc = inner->work->sc;

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(
            sc, "digest", fx_json_string(sc, inner->runbook->digest), "step",
            fx_json_int(sc, inner->row->step), "values", inner->values, "checkpoint",
            result->checkpoint == NULL ? NULL : fx_json_copy(sc, result->checkpoint), NULL),
        .due_ms = result->due_ms};
}

/* One step of the command; FX_STEP_PARKED when it waits. */
static enum fx_code take(struct engine_run *inner, const struct fx_runbook_step *step,
                         struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = inner->work->sc;
    bool wanted = true;

    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    enum fx_code code = engine_step_is_wanted(inner, step, &wanted, err);

    if (code == FX_OK && wanted)
        code = engine_read_step(inner, step, ret_result, err);
    if (code != FX_OK && (code == FX_ERR_CANCELED || step->otherwise == NULL))
        return code;
    if (code != FX_OK)
        *ret_result = (struct fx_step_result){
            .outcome = FX_STEP_DONE,
            .output = fx_json_object_of(sc, "error", fx_json_string(sc, err->message), NULL)};
    return FX_OK;
}

/* Steps of which none needs another; the first failure in their order counts. */
static enum fx_code take_group(struct engine_run *inner, const struct fx_runbook_step *steps,
                               size_t count, struct fx_step_result *ret_result,
                               struct fx_error *err) {
    struct fx_scope *sc = inner->work->sc;
    struct engine_reading *readings = NULL;

    FX_TRY(engine_read_steps(inner, steps, count, &readings, err));
    for (size_t i = 0; i < count; i++) {
        const struct engine_reading *one = &readings[i];

        if (one->code != FX_OK && (one->code == FX_ERR_CANCELED || steps[i].otherwise == NULL)) {
            *err = one->err;
            return one->code;
        }
        if (one->code != FX_OK)
            engine_keep_value(
                inner, &steps[i],
                fx_json_object_of(sc, "error", fx_json_string(sc, one->err.message), NULL));
        else if (one->result.outcome == FX_STEP_DONE)
            engine_keep_value(inner, &steps[i], one->result.output);
    }
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    engine_group_parks(inner, readings, count, ret_result);
    return FX_OK;
}

enum fx_code engine_take_steps(struct engine_run *run, struct fx_step_result *ret_result,
                               struct fx_error *err) {
    const struct fx_runbook_step *step = &run->runbook->steps[run->row->step];
    size_t count = step->together > 1 ? step->together : 1;

    engine_work_goes_on(run->work, FX_ENGINE_STALL_MS + step->timeout_ms);
    if (count > 1)
        FX_TRY(take_group(run, step, count, ret_result, err));
    else
        FX_TRY(take(run, step, ret_result, err));
    if (ret_result->outcome == FX_STEP_AGAIN) {
        engine_look_again(run, step, ret_result->checkpoint);
        ret_result->outcome = FX_STEP_DONE;
        return FX_OK;
    }
    if (ret_result->outcome == FX_STEP_PARKED)
        return engine_looks_again(step) ? engine_keep_look(run, step, ret_result->checkpoint, err)
                                        : FX_OK;
    if (count == 1)
        engine_keep_value(run, step,
                          ret_result->output == NULL ? fx_json_null(run->work->sc)
                                                     : ret_result->output);
    run->row->step += (int)count;
    run->row->checkpoint_json = "";
    return FX_OK;
}

static enum fx_code go_through(struct engine_run *inner, bool *ret_parked,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_result result = {0};

    *ret_parked = false;
    while ((size_t)inner->row->step < inner->runbook->steps_count) {
        FX_TRY(engine_take_steps(inner, &result, err));
        if (result.outcome != FX_STEP_PARKED)
            continue;
        park(inner, &result, ret_result);
        *ret_parked = true;
        return FX_OK;
    }
    return FX_OK;
}

/* The card as expressions read it: fields by their names. */
static struct fx_json *value_of(struct fx_scope *sc, const struct fx_json *card) {
    const struct fx_json *list = fx_json_at(card, "fields"), *verdict = fx_json_at(card, "verdict");
    struct fx_json *fields = fx_json_object(sc), *lines = fx_json_at(card, "lines");
    struct fx_json *tone = fx_json_at(card, "tone");

    for (size_t i = 0; i < fx_json_count(list); i++) {
        const struct fx_json *field = fx_json_item(list, i);

        fx_json_put(fields, fx_json_get_text(field, "name"), fx_json_at(field, "value"));
    }
    return fx_json_object_of(sc, "title", fx_json_at(card, "title"), "tone",
                             tone == NULL ? fx_json_string(sc, "plain") : tone, "verdict",
                             verdict == NULL ? fx_json_string(sc, "") : fx_json_copy(sc, verdict),
                             "lines", lines == NULL ? fx_json_array(sc) : lines, "fields", fields,
                             NULL);
}

enum fx_code engine_call_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    const char *command = fx_json_get_text(step->params, "command");
    struct engine_run inner;
    struct fx_json *card = NULL;
    bool parked = false;

    if (begin(run, step, &inner, err) != FX_OK || go_through(&inner, &parked, ret_result, err) ||
        (!parked && engine_answer(&inner, &card, err) != FX_OK))
        return fx_fail_in(err, "%s", command);
    if (!parked)
        *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE,
                                              .output = value_of(run->work->sc, card)};
    return FX_OK;
}
