/* approvals.c - a question to a person, bound to one plan: how it is asked, and how a run reads the
 * answer. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

static const char stopped_reason[] = "stopped";

char *engine_plan_digest(struct fx_scope *sc, const struct fx_run *run,
                         const struct fx_approval *approval) {
    struct fx_json *bound = fx_json_object_of(
        sc, "system", fx_json_string(sc, run->system), "command", fx_json_string(sc, run->command),
        "runbook", fx_json_string(sc, run->runbook_digest), "run", fx_json_string(sc, run->id),
        "step", fx_json_string(sc, approval->step), "environment",
        fx_json_string(sc, run->environment), "requester", fx_json_string(sc, approval->requester),
        "plan", fx_json_string(sc, approval->plan_json), "created",
        fx_json_int(sc, approval->created_ms), "expires", fx_json_int(sc, approval->expires_ms),
        "nonce", fx_json_string(sc, approval->id), NULL);

    if (approval->needed > 1) /* one went without saying before there could be more */
        fx_json_put(bound, "approvers", fx_json_int(sc, approval->needed));
    return fx_sha256_hex(sc, fx_slice_of(fx_json_dump_canonical(sc, bound)));
}

/* ---- asking ---- */

static const struct fx_runbook_step *find_step(const struct fx_runbook *runbook, const char *id) {
    for (size_t i = 0; id != NULL && i < runbook->steps_count; i++)
        if (strcmp(runbook->steps[i].id, id) == 0)
            return &runbook->steps[i];
    return NULL;
}

/* The change's parameters are filled now and never again: what is approved is what runs. */
static enum fx_code make_plan(struct engine_run *run, const struct fx_runbook_step *gate,
                              const struct fx_runbook_step *change, struct fx_json **ret_bound,
                              struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *filled = NULL, *params = NULL, *plan = NULL, *asked = NULL, *where = NULL;
    struct fx_step_context ctx;

    FX_TRY(fx_expr_fill_all(sc, gate->params, run->names, &asked, err));
    FX_TRY(fx_expr_fill_all(sc, change->params, run->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, change->kind, filled, &params, err));
    engine_step_context(run, &ctx);
    FX_TRY(change->kind->plan(&ctx, params, &plan, err));
    if (change->kind->where != NULL)
        FX_TRY(change->kind->where(&ctx, params, &where, err));
    *ret_bound =
        fx_json_object_of(sc, "params", params, "plan", plan, "reason", fx_json_at(asked, "reason"),
                          "version", fx_json_string(sc, run->work->engine->options.version),
                          "where", where, "inputs", engine_inputs(run), NULL);
    return FX_OK;
}

/* Whoever sees a card reads the plan and may press its buttons. */
static enum fx_code check_audience(struct engine_run *run, struct fx_error *err) {
    enum fx_sharing sharing = FX_SHARING_UNKNOWN;

    FX_TRY(engine_read_sharing(run->work, run->system->channel, false, &sharing, err));
    if (sharing == FX_SHARING_OWN)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "nobody is asked to approve while another organisation or workspace is in the "
                   "channel, or invited to it; move the bot to a channel of your own");
}

static void write_asked(struct engine_run *run, const struct fx_approval *approval,
                        const struct fx_json *bound) {
    struct engine_work *work = run->work;
    struct fx_scope *sc = work->sc;
    struct fx_json *detail = fx_json_object_of(sc, "run", fx_json_string(sc, run->row->id),
                                               "digest", fx_json_string(sc, approval->digest),
                                               "reason", fx_json_at(bound, "reason"), NULL);

    if (approval->needed > 1)
        fx_json_put(detail, "approvers", fx_json_int(sc, approval->needed));
    fx_writes_audit(sc, &work->writes, run->row->requester, "approval.asked", approval->id, detail);
}

static enum fx_code check_reason(struct engine_run *run, const struct fx_runbook_step *gate,
                                 const struct fx_json *bound, struct fx_error *err) {
    struct fx_slice reason = fx_slack_seen(fx_json_text_slice(fx_json_at(bound, "reason")));

    if (reason.len > 0 || !fx_json_get_bool(gate->params, "needs_reason", false))
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "this change is not asked for without a reason; ask again and say why, see "
                   "%s help %s",
                   run->system->command, run->row->command);
}

static enum fx_code ask(struct engine_run *run, const struct fx_runbook_step *step,
                        struct fx_error *err) {
    struct engine_work *work = run->work;
    struct fx_scope *sc = work->sc;
    const struct fx_runbook_step *change =
        find_step(run->runbook, fx_json_get_text(step->params, "step"));
    struct fx_json *bound = NULL;
    int64_t now = fx_wall_ms(work->engine->options.clock);

    if (change == NULL || change->kind->plan == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "the approval %s names no step that can be planned",
                       step->id);
    FX_TRY(engine_frozen(work, err));
    FX_TRY(check_audience(run, err));
    FX_TRY(make_plan(run, step, change, &bound, err));
    FX_TRY(check_reason(run, step, bound, err));
    FX_TRY(engine_check_approvers(work, run->row->requester,
                                  (int)fx_json_get_int(step->params, "approvers", 1), err));
    if (fx_json_at_path(bound, "plan.title") != NULL)
        fx_json_put(run->values, "_title", fx_json_at_path(bound, "plan.title"));

    struct fx_approval *approval = FX_NEW(sc, struct fx_approval);

    *approval = (struct fx_approval){.id = engine_id(work, "apr-"),
                                     .run = run->row->id,
                                     .step = step->id,
                                     .plan_json = fx_json_dump_canonical(sc, bound),
                                     .requester = run->row->requester,
                                     .created_ms = now,
                                     .expires_ms = now + work->engine->options.approval_ms,
                                     .needed = (int)fx_json_get_int(step->params, "approvers", 1),
                                     .decided_by = "",
                                     .reason = ""};
    approval->digest = engine_plan_digest(sc, run->row, approval);
    run->row->state = FX_RUN_APPROVAL;
    engine_save_run(run);
    fx_writes_approval(sc, &work->writes, approval);
    fx_writes_job_of_rank(sc, &work->writes, FX_RANK_PERSON, "expire", approval->id,
                          approval->expires_ms);
    fx_writes_job_of_rank(sc, &work->writes, FX_RANK_PERSON, "remind", approval->id,
                          now + (approval->expires_ms - now) / 2);
    write_asked(run, approval, bound);
    work->urgency = FX_URGENCY_DECISION;
    enum fx_code code = engine_put_run_card(
        run,
        engine_pending_card(run, &(struct engine_request){.approval = approval, .bound = bound}),
        err);

    work->urgency = FX_URGENCY_NORMAL;
    return code;
}

/* Somebody pressed Stop before anybody decided: the request can no longer be approved. Should a
 * decision have come first, *approval is that one. */
static enum fx_code void_request(struct engine_run *run, struct fx_approval *approval,
                                 struct fx_error *err) {
    struct engine_work *work = run->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_approval given = *approval, *now = NULL;
    struct fx_writes writes = {0};

    given.state = FX_APPROVAL_DENIED;
    given.decided_by = run->row->stop_by;
    given.decided_ms = fx_wall_ms(work->engine->options.clock);
    given.reason = stopped_reason;
    fx_writes_audit(work->sc, &writes, run->row->stop_by, "approval.denied", approval->id,
                    fx_json_object_of(work->sc, "run", fx_json_string(work->sc, approval->run),
                                      "reason", fx_json_string(work->sc, stopped_reason), NULL));
    enum fx_code code = store->decide(store, work->sc, &given, &writes, err);

    if (code != FX_OK && code != FX_ERR_CONFLICT)
        return code;
    FX_TRY(store->approval(store, work->sc, approval->id, &now, err));
    if (now != NULL)
        *approval = *now;
    return FX_OK;
}

/* A run may have more than one request: what came before this one stays as it is. */
static enum fx_code what_was_changed(struct engine_run *run, const char **ret_text,
                                     struct fx_error *err) {
    struct engine_changes changes = {0};

    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    *ret_text = engine_changes_text(run->work->sc, &changes);
    return FX_OK;
}

static enum fx_code end_stopped(struct engine_run *run, const struct fx_approval *approval,
                                struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const char *changed = "";

    FX_TRY(what_was_changed(run, &changed, err));
    return engine_end_run(
        run, FX_RUN_STOPPED, "stopped before anybody decided",
        engine_decided_card(
            run, approval, "Stopped", "plain",
            fx_json_array_of(
                sc, engine_user(sc, run->row->stop_by),
                fx_json_stringf(sc, " pressed Stop before anybody decided. %s", changed), NULL),
            ""),
        err);
}

static enum fx_code end_denied(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_approval *approval, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_error why = {0};
    const char *changed = "";

    if (run->row->stop_requested && strcmp(approval->reason, stopped_reason) == 0)
        return end_stopped(run, approval, err);
    if (approval->decided_by[0] == '\0') { /* withdrawn */
        (void)fx_fail(&why, FX_ERR_DENIED, "%s", approval->reason);
        return engine_fail_run(run, FX_RUN_REFUSED, step->id, &why, err);
    }
    FX_TRY(what_was_changed(run, &changed, err));
    return engine_end_run(
        run, FX_RUN_DENIED, fx_printf(sc, "denied: %s", approval->reason),
        engine_decided_card(
            run, approval, "Denied", "bad",
            fx_json_array_of(sc, engine_user(sc, approval->decided_by),
                             fx_json_stringf(sc, " denied this request. %s", changed), NULL),
            approval->reason[0] == '\0' ? "" : fx_printf(sc, "Reason: %s", approval->reason)),
        err);
}

static enum fx_code end_expired(struct engine_run *run, const struct fx_approval *approval,
                                struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_store *store = run->work->engine->options.store;
    struct fx_vote **votes = NULL;
    const char *changed = "";
    size_t count = 0;

    FX_TRY(store->votes(store, sc, approval->id, &votes, &count, err));
    FX_TRY(what_was_changed(run, &changed, err));
    return engine_end_run(
        run, FX_RUN_EXPIRED, count == 0 ? "nobody decided in time" : "too few approved in time",
        engine_decided_card(
            run, approval, "Expired", "plain",
            count == 0 ? fx_json_stringf(sc, "Nobody decided in time. %s", changed)
                       : fx_json_array_of(sc, engine_votes(sc, approval, votes, count),
                                          fx_json_stringf(sc, " in time. %s", changed), NULL),
            fx_printf(sc, "Ask again with %s %s", run->system->command, run->row->command)),
        err);
}

static enum fx_code value_of(struct engine_run *run, const struct fx_approval *approval,
                             struct fx_json **ret_value, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_store *store = run->work->engine->options.store;
    struct fx_json *all = fx_json_array(sc);
    struct fx_vote **votes = NULL;
    size_t count = 0;

    FX_TRY(store->votes(store, sc, approval->id, &votes, &count, err));
    for (size_t i = 0; i < count; i++)
        fx_json_add(all, fx_json_string(sc, votes[i]->voter));
    *ret_value = fx_json_object_of(sc, "by", fx_json_string(sc, approval->decided_by), "all", all,
                                   "at", fx_json_int(sc, approval->decided_ms), NULL);
    return FX_OK;
}

/* Somebody has voted, or changes were frozen or are no longer: the card says so. */
static enum fx_code show_again(struct engine_run *run, const struct fx_approval *approval,
                               struct fx_error *err) {
    struct engine_request request = {.approval = approval};
    struct fx_scope *sc = run->work->sc;
    struct fx_store *store = run->work->engine->options.store;

    FX_TRY(fx_json_parse(sc, fx_slice_of(approval->plan_json), &request.bound, err));
    FX_TRY(store->votes(store, sc, approval->id, &request.votes, &request.votes_count, err));
    FX_TRY(engine_freeze_read(run->work, &request.freeze, err));
    return engine_put_run_card(run, engine_pending_card(run, &request), err);
}

enum fx_code engine_approval_step(struct engine_run *run, const struct fx_runbook_step *step,
                                  struct fx_json **ret_value, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_store *store = run->work->engine->options.store;
    struct fx_approval *approval = NULL;

    *ret_value = NULL;
    FX_TRY(store->approval_of(store, sc, run->row->id, step->id, &approval, err));
    if (approval == NULL)
        return ask(run, step, err);
    if (approval->state == FX_APPROVAL_PENDING && run->row->stop_requested)
        FX_TRY(void_request(run, approval, err));
    switch (approval->state) {
    case FX_APPROVAL_PENDING:
        return show_again(run, approval, err);
    case FX_APPROVAL_APPROVED:
        return value_of(run, approval, ret_value, err);
    case FX_APPROVAL_DENIED:
        return end_denied(run, step, approval, err);
    case FX_APPROVAL_EXPIRED:
        break;
    }
    return end_expired(run, approval, err);
}
