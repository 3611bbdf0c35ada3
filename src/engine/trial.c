/* trial.c - a command here and now: for the terminal, and for cases that were recorded. */
#include "steps.h"

#include "fluxabot/base/redact.h"
#include "fluxabot/expr.h"

#include <string.h>

static enum fx_code begin(const struct fx_engine_trial *trial, struct engine_work *work,
                          struct engine_run *ret_run, struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    *ret_run = (struct engine_run){.work = work,
                                   .row = FX_NEW(sc, struct fx_run),
                                   .system = trial->system,
                                   .environment = trial->environment,
                                   .runbook = trial->runbook,
                                   .has_no_row = true};
    *ret_run->row = (struct fx_run){.id = "trial",
                                    .system = trial->system->system->name,
                                    .environment = trial->environment->name,
                                    .command = trial->runbook->command,
                                    .runbook_digest = trial->runbook->digest,
                                    .arguments_json = fx_json_dump(sc, trial->arguments),
                                    .trigger = "terminal",
                                    .requester = trial->who,
                                    .channel = "",
                                    .response_url = "",
                                    .parent = "",
                                    .incident = "",
                                    .state = FX_RUN_RUNNING,
                                    .note = "",
                                    .values_json = "{}",
                                    .checkpoint_json = "",
                                    .stop_by = "",
                                    .created_ms = work->now_ms,
                                    .updated_ms = work->now_ms};
    FX_TRY(fx_system_fill(sc, trial->system->system, trial->environment->name,
                          trial->environment->variables, &ret_run->filled, err));
    return engine_bind_names(ret_run, err);
}

static bool is_change(const struct fx_runbook_step *step) {
    return !step->kind->is_approval && fx_effect_changes(step->kind->effect(step->params));
}

static enum fx_code fill_params(struct engine_run *run, const struct fx_runbook_step *step,
                                struct fx_json **ret_params, struct fx_error *err) {
    struct fx_json *filled = NULL;

    FX_TRY(fx_expr_fill_all(run->work->sc, step->params, run->names, &filled, err));
    return fx_step_fill_params(run->work->sc, step->kind, filled, ret_params, err);
}

/* What this version of the runbook would ask for, with what the steps before it found then. */
static enum fx_code add_asked(const struct fx_engine_trial *trial, struct engine_run *run,
                              const struct fx_runbook_step *step, struct fx_error *err) {
    struct fx_json *params = NULL;

    if (trial->asked == NULL || !is_change(step))
        return FX_OK;
    if (fx_engine_gate(trial->runbook, step) == NULL && !step->kind->is_stop)
        return fx_fail(err, FX_ERR_DENIED, "no approval stands before the change %s", step->id);
    FX_TRY(fill_params(run, step, &params, err));
    fx_json_put(trial->asked, step->id, fx_redact_json(run->work->sc, params));
    return FX_OK;
}

/* A step that was not wanted then is not wanted now. */
static enum fx_code take_recorded(const struct fx_engine_trial *trial, struct engine_run *run,
                                  const struct fx_runbook_step *step, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_json *value = fx_json_at(trial->recorded, step->id);
    bool wanted = true;

    FX_TRY(engine_step_is_wanted(run, step, &wanted, err));
    if (wanted)
        FX_TRY(add_asked(trial, run, step, err));
    if (wanted && trial->failed_step != NULL && strcmp(trial->failed_step, step->id) == 0)
        return fx_fail(err, FX_ERR_UPSTREAM, "%s", trial->failure == NULL ? "" : trial->failure);
    if (wanted && value == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND,
                       "the case has no result of the step %s; record it anew", step->id);
    engine_keep_value(run, step, wanted ? fx_json_copy(sc, value) : fx_json_null(sc));
    run->row->step++;
    return FX_OK;
}

static enum fx_code make_plan(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_json *params = NULL;
    struct fx_step_context ctx;

    FX_TRY(fill_params(run, step, &params, err));
    engine_step_context(run, &ctx);
    return step->kind->plan(&ctx, params, ret_plan, err);
}

/* Reads what the change depends on, plans it, and ends there. */
static enum fx_code take_planning(struct engine_run *run, const struct fx_runbook_step *step,
                                  struct fx_json **ret_plan, bool *ret_taken,
                                  struct fx_error *err) {
    bool wanted = true;

    *ret_taken = step->kind->is_approval || is_change(step);
    if (!*ret_taken)
        return FX_OK;
    FX_TRY(engine_step_is_wanted(run, step, &wanted, err));
    if (!step->kind->is_approval && wanted) {
        if (step->kind->plan == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s acts at once and has no plan", step->kind->name);
        return make_plan(run, step, ret_plan, err);
    }
    engine_keep_value(run, step, fx_json_null(run->work->sc));
    run->row->step++;
    return FX_OK;
}

static enum fx_code take_real(struct engine_run *run, bool plan, struct fx_error *err) {
    const struct fx_runbook_step *waiting = &run->runbook->steps[run->row->step];
    struct fx_clock *clock = run->work->engine->options.clock;
    struct fx_scope *sc = run->work->sc;
    struct fx_step_result result = {0};

    FX_TRY(engine_take_steps(run, &result, err));
    if (result.outcome == FX_STEP_DONE)
        return FX_OK;
    if (plan && waiting->kind->again != NULL) { /* a plan is wanted now, with what is seen now */
        engine_keep_value(run, waiting, result.checkpoint);
        run->row->step++;
        return FX_OK;
    }
    if (result.outcome == FX_STEP_ASK)
        return fx_fail(err, FX_ERR_INTERNAL, "a reading step asks a person");
    run->row->checkpoint_json =
        result.checkpoint == NULL ? "" : fx_json_dump(sc, result.checkpoint);
    fx_pause(sc, clock, result.due_ms - fx_wall_ms(clock));
    return fx_scope_check(sc, fx_mono_ms(clock), err);
}

static enum fx_code allow(const struct fx_engine_options *options,
                          const struct fx_engine_trial *trial, struct fx_error *err) {
    const struct fx_actor actor = {.user_id = trial->who, .terminal = true};
    enum fx_action action = trial->plan ? FX_ACTION_READ : engine_action(trial->runbook);

    if (trial->recorded != NULL)
        return FX_OK;
    return fx_authorize(
        options->policy,
        &(struct fx_policy_question){
            .actor = &actor, .action = action, .role = trial->runbook->role, .requester = ""},
        err);
}

enum fx_code fx_engine_try(const struct fx_engine_options *options, struct fx_scope *sc,
                           const struct fx_engine_trial *trial, struct fx_json **ret_card,
                           struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_engine engine = {.options = *options};
    struct engine_work work = {.engine = &engine, .sc = sc, .now_ms = fx_wall_ms(options->clock)};
    struct engine_run run;

    *ret_card = *ret_plan = NULL;
    FX_TRY(allow(options, trial, err));
    FX_TRY(begin(trial, &work, &run, err));
    while ((size_t)run.row->step < trial->runbook->steps_count) {
        const struct fx_runbook_step *step = &trial->runbook->steps[run.row->step];
        bool taken = false;

        if (trial->recorded != NULL) {
            FX_TRY(take_recorded(trial, &run, step, err));
            continue;
        }
        FX_TRY(take_planning(&run, step, ret_plan, &taken, err));
        if (*ret_plan != NULL)
            return FX_OK;
        if (!taken)
            FX_TRY(take_real(&run, trial->plan, err));
    }
    FX_TRY(engine_answer(&run, ret_card, err));
    *ret_card = fx_redact_json(sc, *ret_card);
    return FX_OK;
}
