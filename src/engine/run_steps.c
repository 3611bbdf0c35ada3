/* run_steps.c - a run's steps, one after the other, until it waits or ends. */
#include "notices.h"
#include "steps.h"
#include "told.h"

#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

enum { READ_ATTEMPTS = 3, GO_ON_MS = 15 * 1000 };

static enum fx_code finish_run(struct engine_run *run, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *card = NULL;
    struct fx_error why = {0};

    if (engine_answer(run, &card, &why) != FX_OK || engine_answer_page(run, card, &why) != FX_OK)
        return engine_fail_run(run, FX_RUN_FAILED, "answer", &why, err);
    if (engine_is_scheduled(run->row))
        return engine_scheduled_done(run, card, err);
    const char *verdict = fx_json_get_text(card, "verdict");

    if (verdict == NULL)
        verdict = "done";
    if (run->row->incident[0] != '\0' && strcmp(run->row->trigger, "alarm") == 0)
        FX_TRY(engine_incident_verdict(run->work, run->row->incident, verdict, err));
    return engine_end_run(run, run->row->stop_requested ? FX_RUN_STOPPED : FX_RUN_DONE,
                          fx_strdup(sc, verdict), card, err);
}

/* ---- one step ---- */

enum next { NEXT_STEP, NEXT_AGAIN, NEXT_LATER, NEXT_END };

enum fx_code engine_step_is_wanted(struct engine_run *run, const struct fx_runbook_step *step,
                                   bool *ret_wanted, struct fx_error *err) {
    struct fx_json *value = NULL;

    *ret_wanted = true;
    if (step->when == NULL)
        return FX_OK;
    FX_TRY(fx_expr_fill(run->work->sc, step->when, run->names, &value, err));
    if (fx_json_type(value) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "`when` must be true or false");
    *ret_wanted = fx_json_to_bool(value, false);
    return FX_OK;
}

enum fx_code engine_read_step(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_clock *clock = run->work->engine->options.clock;
    struct fx_json *filled = NULL, *params = NULL, *checkpoint = NULL;
    struct fx_step_context ctx;

    if (step->kind->is_call)
        return engine_call_step(run, step, ret_result, err);
    if (step->each != NULL)
        return engine_each_step(run, step, ret_result, err);
    FX_TRY(fx_expr_fill_all(sc, step->params, run->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, step->kind, filled, &params, err));
    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &checkpoint, err));
    engine_step_context(run, &ctx);
    ctx.host = engine_host_new(run, step, NULL);
    if (engine_looks_again(step))
        FX_TRY(engine_begin_look(run, step, params, &checkpoint, ret_result, err));
    if (ret_result->output != NULL)
        return FX_OK;
    ctx.checkpoint = checkpoint;
    fx_scope_set_deadline(
        sc,
        fx_mono_ms(clock) + (step->timeout_ms > 0 ? step->timeout_ms : FX_ENGINE_STEP_TIMEOUT_MS));
    enum fx_code code = step->kind->run(&ctx, params, ret_result, err);

    fx_scope_set_deadline(sc, 0);
    if (code == FX_OK && step->kind->is_checklist)
        return engine_checklist_recall(run, ret_result->output, err);
    if (code == FX_OK && step->kind->is_notice)
        return engine_notice(run, ret_result->output, &ret_result->output, err);
    if (code == FX_OK && step->kind->explains_alarms)
        return engine_explain_alarms(run, ret_result->output, err);
    return code;
}

void engine_keep_value(struct engine_run *run, const struct fx_runbook_step *step,
                       struct fx_json *value) {
    fx_json_put(run->values, step->id, value);
    fx_json_put(run->names, step->id, value);
}

static void go_past(struct engine_run *run, size_t steps) {
    run->row->step += (int)steps;
    run->row->checkpoint_json = "";
}

static void go_on_at_rank(struct engine_run *run, enum fx_rank rank, int64_t due_ms) {
    struct engine_work *work = run->work;

    fx_writes_job_of_rank(work->sc, &work->writes, rank, "run", run->row->id, due_ms);
}

/* Whoever waited for what was done of the run so far waits for the rest. */
static void go_on_at(struct engine_run *run, int64_t due_ms) {
    go_on_at_rank(run, run->work->job->rank, due_ms);
}

static enum fx_code park(struct engine_run *run, const struct fx_step_result *result) {
    run->row->checkpoint_json =
        result->checkpoint == NULL ? "" : fx_json_dump(run->work->sc, result->checkpoint);
    run->row->state = FX_RUN_WAITING;
    engine_save_run(run);
    go_on_at(run, result->due_ms);
    return FX_OK;
}

/* Its card was shown: nobody waits for the next look. */
static enum fx_code park_watch(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_step_result *result, struct fx_error *err) {
    FX_TRY(engine_keep_look(run, step, result->checkpoint, err));
    run->row->checkpoint_json = "{}"; /* it is at work, and how far stands among the values */
    run->row->state = FX_RUN_WAITING;
    engine_save_run(run);
    go_on_at_rank(run, FX_RANK_MACHINE, result->due_ms);
    return FX_OK;
}

static struct fx_json *asking_card(struct engine_run *run, const struct fx_runbook_step *step,
                                   const struct engine_left *left,
                                   const struct fx_step_result *result) {
    struct fx_scope *sc = run->work->sc;
    const char *then = engine_left_question(sc, left);

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "Please look: nobody knows whether this %s: %s (%s)",
                        engine_left_asks_back(left) ? "was taken back" : "happened",
                        engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, "bad"), "verdict",
        fx_json_string(sc, engine_sentence(sc, result->note)), "lines",
        fx_json_array_of(sc, fx_json_string(sc, "It was not tried again."),
                         then == NULL ? NULL : fx_json_string(sc, then), NULL),
        "code",
        result->output == NULL ? NULL : fx_json_string(sc, fx_json_dump_pretty(sc, result->output)),
        "buttons", engine_tell_buttons(sc, run->row->id, engine_left_asks_back(left)), "context",
        fx_json_stringf(sc, "Step %s of run %s", step->id, run->row->id), NULL);
}

/* Nobody knows whether it happened: the question goes to a person, with the evidence, and nothing
 * is done again. Where the answer may still show, it is looked for. */
static enum fx_code ask_person(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_step_result *result, struct fx_error *err) {
    bool told = run->asked && strcmp(run->row->note, result->note) == 0;

    run->row->checkpoint_json =
        result->checkpoint == NULL ? "" : fx_json_dump(run->work->sc, result->checkpoint);
    if (result->due_ms > 0)
        go_on_at(run, result->due_ms);
    if (told) { /* the card says so already */
        run->row->state = FX_RUN_ASKING;
        engine_save_run(run);
        return FX_OK;
    }
    struct engine_left left;

    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    fx_metrics_add(run->work->engine->options.metrics, FX_METRIC_RUNS_UNKNOWN, !run->asked);
    return engine_end_run(run, FX_RUN_ASKING, result->note, asking_card(run, step, &left, result),
                          err);
}

/* What has begun is not given up because somebody, our own database above all, does not answer: in
 * AWS it may go on whether we look or not. It is looked at again by itself. */
static enum fx_code go_on_later(struct engine_run *run, const struct fx_runbook_step *step,
                                const struct fx_error *why, struct fx_error *err) {
    struct engine_work *work = run->work;
    struct fx_scope *sc = work->sc;

    fx_log(sc, FX_LOG_WARN, "change.goes_on_later", FX_S("step", step->id), FX_E(why));
    go_on_at(run, fx_wall_ms(work->engine->options.clock) + GO_ON_MS);
    run->row->state = run->asked ? FX_RUN_ASKING : FX_RUN_WAITING;
    engine_save_run(run);
    if (run->asked) /* the card asks already */
        return FX_OK;
    return engine_put_run_card(
        run,
        fx_json_object_of(
            sc, "title",
            fx_json_stringf(sc, "Waiting: %s (%s)", engine_run_title(run), run->row->environment),
            "tone", fx_json_string(sc, "wait"), "verdict",
            fx_json_stringf(sc, "%s What was begun is kept, and gone on with by itself.",
                            engine_sentence(sc, why->message)),
            "buttons", fx_json_array_of(sc, engine_stop_button(run, sc), NULL), "context",
            fx_json_stringf(sc, "Step %s of run %s", step->id, run->row->id), NULL),
        err);
}

static bool refusal(enum fx_code code) {
    return code == FX_ERR_CONFLICT || code == FX_ERR_DENIED;
}

/* A step has failed: later again, on with its error as its value, or the end of the run. */
static enum fx_code settle_failure(struct engine_run *run, const struct fx_runbook_step *step,
                                   bool changes, const struct fx_error *why, enum next *ret_next,
                                   struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    enum fx_next next = fx_effect_next(step->kind->effect(step->params),
                                       why->sent ? FX_KNOWN_BEGUN : FX_KNOWN_NOTHING, FX_HOLD_OPEN);
    bool may_look = next == FX_NEXT_RUN || next == FX_NEXT_REPEAT || next == FX_NEXT_READ_BACK;

    /* the step reads its effects before it does anything: looking again repeats nothing */
    if (why->code == FX_ERR_CANCELED ||
        (fx_code_is_transient(why->code) && may_look &&
         run->work->job->attempts - run->work->job->deaths < READ_ATTEMPTS)) {
        *err = *why; /* the job is settled as "retry"; the run begins this step again */
        return why->code;
    }
    bool begun = false, told = false;

    if (changes && fx_code_is_transient(why->code))
        FX_TRY(engine_has_begun(run, step, &begun, err));
    if (begun) {
        *ret_next = NEXT_LATER;
        return go_on_later(run, step, why, err);
    }
    if (!changes && step->otherwise != NULL) {
        engine_keep_value(
            run, step,
            fx_json_object_of(sc, "error", fx_json_string(sc, fx_strdup(sc, why->message)), NULL));
        *ret_next = NEXT_STEP;
        return FX_OK;
    }
    *ret_next = NEXT_END;
    if (run->asked && changes) /* what the step took for a refusal may be what a person has told */
        FX_TRY(engine_end_if_told(run, &told, err));
    if (told)
        return FX_OK;
    if (refusal(why->code) && engine_looks_again(step))
        return engine_refuse_watch(run, step->id, why, err);
    return engine_fail_run(run, refusal(why->code) && changes ? FX_RUN_REFUSED : FX_RUN_FAILED,
                           step->id, why, err);
}

/* What is never done is refused here too, whoever has let the runbook pass. */
static enum fx_code check_permitted(const struct fx_runbook_step *step, struct fx_error *err) {
    if (step->kind->is_approval ||
        fx_effect_next(step->kind->effect(step->params), FX_KNOWN_NOTHING, FX_HOLD_FENCED) !=
            FX_NEXT_REFUSE)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "step %s is of a kind that this program never does; do it by hand", step->id);
}

static enum fx_code run_step(struct engine_run *run, const struct fx_runbook_step *step,
                             enum next *ret_next, struct fx_error *err) {
    struct fx_step_result result = {0};
    struct fx_error why = {0};
    bool wanted = true, changes = fx_effect_changes(step->kind->effect(step->params));
    enum fx_code code = engine_step_is_wanted(run, step, &wanted, &why);

    *ret_next = NEXT_STEP;
    run->refusal = FX_REFUSED_NOT;
    if (code == FX_OK && !wanted) {
        engine_keep_value(run, step, fx_json_null(run->work->sc));
        return FX_OK;
    }
    if (code == FX_OK && check_permitted(step, &why) != FX_OK)
        return settle_failure(run, step, true, &why, ret_next, err);
    if (code == FX_OK && step->kind->is_approval) {
        struct fx_json *value = NULL;

        code = engine_approval_step(run, step, &value, &why);
        if (code == FX_OK) {
            *ret_next = value != NULL ? NEXT_STEP : NEXT_END;
            if (value != NULL)
                engine_keep_value(run, step, value);
            return FX_OK;
        }
    } else if (code == FX_OK) {
        code = changes ? engine_change_step(run, step, &result, &why)
                       : engine_read_step(run, step, &result, &why);
    }
    if (code != FX_OK)
        return settle_failure(run, step, changes || step->kind->is_approval, &why, ret_next, err);
    switch (result.outcome) {
    case FX_STEP_DONE:
        engine_keep_value(run, step,
                          result.output == NULL ? fx_json_null(run->work->sc) : result.output);
        return FX_OK;
    case FX_STEP_AGAIN:
        *ret_next = NEXT_AGAIN;
        engine_look_again(run, step, result.checkpoint);
        return FX_OK;
    case FX_STEP_PARKED:
        *ret_next = NEXT_LATER;
        return engine_looks_again(step) ? park_watch(run, step, &result, err) : park(run, &result);
    case FX_STEP_ASK:
        *ret_next = NEXT_END;
        return ask_person(run, step, &result, err);
    }
    return fx_fail(err, FX_ERR_INTERNAL, "step %s ended in no known way", step->id);
}

/* Steps of which none needs another: read at once, settled in their order. */
static enum fx_code run_group(struct engine_run *run, size_t count, enum next *ret_next,
                              struct fx_error *err) {
    const struct fx_runbook_step *steps = &run->runbook->steps[run->row->step];
    struct engine_reading *readings = NULL;
    struct fx_step_result parked;

    *ret_next = NEXT_STEP;
    FX_TRY(engine_read_steps(run, steps, count, &readings, err));
    for (size_t i = 0; i < count && *ret_next == NEXT_STEP; i++)
        if (readings[i].code != FX_OK)
            FX_TRY(settle_failure(run, &steps[i], false, &readings[i].err, ret_next, err));
        else if (readings[i].result.outcome == FX_STEP_DONE)
            engine_keep_value(run, &steps[i], readings[i].result.output);
    if (*ret_next != NEXT_STEP || !engine_group_parks(run, readings, count, &parked))
        return FX_OK;
    *ret_next = NEXT_LATER;
    return park(run, &parked);
}

/* The program ends: whoever starts next goes on behind the last step. */
static enum fx_code stop_between_steps(struct engine_run *run) {
    return park(run, &(struct fx_step_result){.due_ms = run->work->now_ms});
}

/* Steps are counted, and a count means nothing in another text. */
static enum fx_code refuse_edited(struct engine_run *run, struct fx_error *err) {
    struct fx_error why = {0};

    (void)fx_fail(&why, FX_ERR_CONFLICT,
                  "the runbook was edited after this was asked; ask again with %s %s",
                  run->system->command, run->row->command);
    return engine_fail_run(run, FX_RUN_REFUSED, "start", &why, err);
}

/* A follow-up was planned, maybe months ago, and has not begun: it reads as the text says now. */
static bool may_begin_edited(struct engine_run *run) {
    if (run->row->state != FX_RUN_QUEUED || strcmp(run->row->trigger, "follow-up") != 0 ||
        fx_effect_changes(run->runbook->effect))
        return false;
    run->row->runbook_digest = run->runbook->digest;
    return true;
}

enum fx_code engine_continue_run(struct engine_work *work, struct fx_error *err) {
    struct engine_run run;

    FX_TRY(engine_load_run(work, &run, err));
    if (fx_run_state_is_final(run.row->state))
        return FX_OK; /* a late wake-up */
    run.asked = run.row->state == FX_RUN_ASKING;
    if (run.asked) {
        enum engine_told told = ENGINE_TOLD_WAIT;

        FX_TRY(engine_end_told(&run, &told, err));
        if (told != ENGINE_TOLD_LOOK)
            return FX_OK;
    }
    if (strcmp(run.row->runbook_digest, run.runbook->digest) != 0 && !may_begin_edited(&run))
        return refuse_edited(&run, err);
    run.row->state = FX_RUN_RUNNING;
    while ((size_t)run.row->step < run.runbook->steps_count) {
        const struct fx_runbook_step *step = &run.runbook->steps[run.row->step];
        enum next next = NEXT_END;

        if (atomic_load(&work->engine->stopping) && run.row->checkpoint_json[0] == '\0')
            return stop_between_steps(&run);
        engine_work_goes_on(work, FX_ENGINE_STALL_MS + step->timeout_ms);
        if (step->together > 1)
            FX_TRY(run_group(&run, step->together, &next, err));
        else
            FX_TRY(run_step(&run, step, &next, err));
        if (next == NEXT_AGAIN)
            continue;
        if (next != NEXT_STEP)
            return FX_OK;
        go_past(&run, step->together > 1 ? step->together : 1);
    }
    return finish_run(&run, err);
}
