/* change.c - the way to a change: the right approval, unchanged plan, unchanged facts, then the
 * step. */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

enum { ASK_AGAIN_MIN_MS = 1000, ASK_AGAIN_MAX_MS = 15 * 1000 };

const struct fx_runbook_step *fx_engine_gate(const struct fx_runbook *runbook,
                                             const struct fx_runbook_step *change) {
    for (size_t i = 0; i < runbook->steps_count && &runbook->steps[i] != change; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];
        const char *names = fx_json_get_text(step->params, "step");

        if (step->kind->is_approval && names != NULL && strcmp(names, change->id) == 0)
            return step;
    }
    return NULL;
}

static enum fx_code load_approval(struct engine_run *run, const struct fx_runbook_step *step,
                                  struct fx_approval **ret_approval, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    const struct fx_runbook_step *gate = fx_engine_gate(run->runbook, step);

    if (gate == NULL)
        return fx_fail(err, FX_ERR_DENIED, "no approval stands before the change %s", step->id);
    FX_TRY(store->approval_of(store, run->work->sc, run->row->id, gate->id, ret_approval, err));
    if (*ret_approval == NULL || (*ret_approval)->state != FX_APPROVAL_APPROVED)
        return fx_fail(err, FX_ERR_DENIED, "the change %s was not approved", step->id);
    return FX_OK;
}

static enum fx_code check_binding(struct engine_run *run, const struct fx_approval *approval,
                                  struct fx_error *err) {
    if (strcmp(engine_plan_digest(run->work->sc, run->row, approval), approval->digest) != 0)
        return fx_fail(
            err, FX_ERR_DENIED,
            "the stored plan is not the one that was approved; ask again, and have the audit "
            "log verified");
    return FX_OK;
}

/* What is to be done, and has not begun, is asked for anew. */
static enum fx_code check_version(struct engine_run *run, const struct fx_json *bound,
                                  struct fx_error *err) {
    const char *is = run->work->engine->options.version, *was = fx_json_get_text(bound, "version");

    if (was != NULL && strcmp(was, is) == 0)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "the bot was updated after this was approved, from %s to %s; ask again to get a "
                   "new plan",
                   was == NULL ? "another version" : was, is);
}

/* Does it stand on what it was planned with? Once it has begun, nothing is sent or looked at with
 * other settings: what is read at another place tells nothing of what was done. */
static enum fx_code check_inputs(struct engine_run *run, const struct fx_json *bound, bool begun,
                                 struct fx_error *err) {
    const struct fx_json *was = fx_json_at(bound, "inputs");
    const char *difference = engine_difference(run->work->sc, was, engine_inputs(run));

    if (difference == NULL || (begun && fx_json_type(was) != FX_JSON_OBJECT))
        return FX_OK; /* of what an older version began, only a digest was kept */
    if (!begun)
        return fx_fail(err, FX_ERR_DENIED,
                       "the configuration of %s (%s) was changed after this was asked for; ask "
                       "again to get a new plan: %s",
                       run->row->system, run->row->environment, difference);
    return fx_fail(err, FX_ERR_DENIED,
                   "the configuration of %s (%s) was changed while this was under way, so it is "
                   "neither gone on with nor looked at, though what was begun may go on; look "
                   "yourself, and ask again for the rest: %s",
                   run->row->system, run->row->environment, difference);
}

static enum fx_code check_where(struct engine_run *run, const struct fx_runbook_step *step,
                                const struct fx_json *bound, struct fx_error *err) {
    struct fx_step_context ctx;
    struct fx_json *where = NULL;

    if (step->kind->where == NULL)
        return FX_OK;
    engine_step_context(run, &ctx);
    FX_TRY(step->kind->where(&ctx, fx_json_at(bound, "params"), &where, err));
    const char *difference = engine_difference(run->work->sc, fx_json_at(bound, "where"), where);

    if (difference == NULL)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "it would be done at another place than was approved; ask again to get a new "
                   "plan: %s",
                   difference);
}

/* Asked again at the last moment before anything happens; not once something has. A transient code:
 * Slack or AWS did not answer. */
static enum fx_code check_start(struct engine_run *run, const struct fx_runbook_step *step,
                                const struct fx_approval *approval, const struct fx_json *bound,
                                struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_vote **votes = NULL;
    size_t votes_count = 0;
    int64_t now = fx_wall_ms(run->work->engine->options.clock);

    if (run->row->stop_requested)
        return fx_fail(err, FX_ERR_DENIED, "stopped before it began");
    FX_TRY(engine_frozen(run->work, err));
    if (now > approval->execute_before_ms) /* the note says what it waited for */
        return run->row->note[0] == '\0'
                   ? fx_fail(err, FX_ERR_DENIED, "the approval was given too long ago; ask again")
                   : fx_fail(err, FX_ERR_DENIED, "%s, until the approval was too old; ask again",
                             run->row->note);
    FX_TRY(check_version(run, bound, err));
    FX_TRY(check_inputs(run, bound, false, err));
    FX_TRY(check_where(run, step, bound, err));
    FX_TRY(store->votes(store, run->work->sc, approval->id, &votes, &votes_count, err));
    FX_TRY(engine_authorize_again(run->work, run->system, approval, votes, votes_count, err));
    run->row->note = "";
    return FX_OK;
}

static struct fx_json *waiting_card(struct engine_run *run, const struct fx_approval *approval,
                                    const char *why) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *by = fx_json_array_of(sc, fx_json_string(sc, "Asked by "),
                                          engine_asker(run->work, run->row), NULL);

    engine_add_approvers(sc, by, fx_json_at(run->values, approval->step), approval->decided_by);
    fx_json_add(by, fx_json_stringf(sc, ", request %s, run %s", approval->id, run->row->id));
    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "Waiting: %s (%s)", engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, "wait"), "verdict",
        fx_json_array_of(sc, fx_json_string(sc, "Nothing has begun. "),
                         fx_json_string(sc, engine_sentence(sc, why)),
                         fx_json_string(sc, " It is asked again until "),
                         engine_time(sc, approval->execute_before_ms), fx_json_string(sc, "."),
                         NULL),
        "buttons", fx_json_array_of(sc, engine_stop_button(run, sc), NULL), "context", by, NULL);
}

/* Soon at first, then less and less often, but never before Slack wants it. */
static int64_t ask_again_at(const struct fx_approval *approval, const struct fx_error *why,
                            int64_t now_ms) {
    int64_t wait_ms = (now_ms - approval->decided_ms) / 2;
    int64_t end_ms = approval->execute_before_ms + 1; /* once more, to end */

    if (wait_ms < ASK_AGAIN_MIN_MS)
        wait_ms = ASK_AGAIN_MIN_MS;
    if (wait_ms > ASK_AGAIN_MAX_MS)
        wait_ms = ASK_AGAIN_MAX_MS;
    if (wait_ms < why->retry_after_ms)
        wait_ms = why->retry_after_ms;
    return now_ms + wait_ms < end_ms ? now_ms + wait_ms : end_ms;
}

/* Without an answer nothing runs, but Slack's bad minute is no reason to lose a decision: the run
 * comes back as long as the approval lasts. */
static enum fx_code wait_for_slack(struct engine_run *run, const struct fx_approval *approval,
                                   const struct fx_error *why, struct fx_step_result *ret_result,
                                   struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *checkpoint = NULL;

    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &checkpoint, err));
    fx_log(sc, FX_LOG_WARN, "change.waits", FX_S("approval", approval->id), FX_E(why));
    if (run->row->note[0] == '\0')
        FX_TRY(engine_put_run_card(run, waiting_card(run, approval, why->message), err));
    run->row->note = fx_strdup(sc, why->message);
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = checkpoint,
        .due_ms = ask_again_at(approval, why, fx_wall_ms(run->work->engine->options.clock))};
    return FX_OK;
}

enum fx_code engine_has_begun(struct engine_run *run, const struct fx_runbook_step *step,
                              bool *ret_begun, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_intent **intents = NULL;
    size_t count = 0;

    FX_TRY(store->intents(store, run->work->sc, run->row->id, step->id, &intents, &count, err));
    *ret_begun = false;
    for (size_t i = 0; i < count; i++)
        *ret_begun = *ret_begun || engine_known(run->work->sc, intents[i]) != FX_KNOWN_NOTHING;
    return FX_OK;
}

/* Stopping must not wait for a second person: whoever may stop has been asked for when the command
 * came in, and the intent names them. */
static enum fx_code stop_at_once(struct engine_run *run, const struct fx_runbook_step *step,
                                 struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_approval *own = FX_NEW(sc, struct fx_approval);
    struct fx_json *filled = NULL, *params = NULL, *checkpoint = NULL;
    struct fx_step_context ctx;

    *own = (struct fx_approval){
        .id = "emergency-stop", .digest = run->runbook->digest, .decided_by = run->row->requester};
    FX_TRY(fx_expr_fill_all(sc, step->params, run->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, step->kind, filled, &params, err));
    engine_step_context(run, &ctx);
    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &checkpoint, err));
    ctx.checkpoint = checkpoint;
    ctx.host = engine_host_new(run, step, own);
    return step->kind->run(&ctx, params, ret_result, err);
}

enum fx_code engine_change_step(struct engine_run *run, const struct fx_runbook_step *step,
                                struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_approval *approval = NULL;
    struct fx_json *bound = NULL, *checkpoint = NULL;
    struct fx_step_context ctx;
    bool begun = false;

    if (step->kind->is_stop)
        return stop_at_once(run, step, ret_result, err);
    FX_TRY(load_approval(run, step, &approval, err));
    FX_TRY(check_binding(run, approval, err));
    FX_TRY(fx_json_parse(sc, fx_slice_of(approval->plan_json), &bound, err));
    FX_TRY(engine_has_begun(run, step, &begun, err));
    if (begun) {
        FX_TRY(check_inputs(run, bound, true, err));
    } else {
        struct fx_error why = {0};
        enum fx_code code = check_start(run, step, approval, bound, &why);

        if (fx_code_is_transient(code))
            return wait_for_slack(run, approval, &why, ret_result, err);
        if (code != FX_OK) {
            *err = why;
            return code;
        }
    }
    if (run->row->checkpoint_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->checkpoint_json), &checkpoint, err));
    engine_step_context(run, &ctx);
    ctx.plan = fx_json_at(bound, "plan");
    ctx.checkpoint = checkpoint;
    ctx.host = engine_host_new(run, step, approval);
    engine_host_read_plan(ctx.host, ctx.plan);
    if (!begun && step->kind->confirm != NULL)
        FX_TRY(step->kind->confirm(&ctx, fx_json_at(bound, "params"), err));
    fx_log(sc, FX_LOG_INFO, "change.run", FX_S("step", step->id), FX_B("again", begun));
    return step->kind->run(&ctx, fx_json_at(bound, "params"), ret_result, err);
}
