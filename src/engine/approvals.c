/* approvals.c - a question to a person, bound to one plan: asked, decided, expired. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

enum { DIGEST_SHOWN = 8, REASON_MAX = 500 };

char *engine_plan_digest(struct fx_scope *sc, const struct fx_engine *engine,
                         const struct fx_run *run, const struct fx_approval *approval) {
    const struct fx_json *bound = fx_json_object_of(
        sc, "version", fx_json_string(sc, engine->options.version), "system",
        fx_json_string(sc, run->system), "command", fx_json_string(sc, run->command), "runbook",
        fx_json_string(sc, run->runbook_digest), "run", fx_json_string(sc, run->id), "step",
        fx_json_string(sc, approval->step), "environment", fx_json_string(sc, run->environment),
        "requester", fx_json_string(sc, approval->requester), "plan",
        fx_json_string(sc, approval->plan_json), "created", fx_json_int(sc, approval->created_ms),
        "expires", fx_json_int(sc, approval->expires_ms), "nonce", fx_json_string(sc, approval->id),
        NULL);

    return fx_sha256_hex(sc, fx_slice_of(fx_json_dump_canonical(sc, bound)));
}

/* ---- cards ---- */

static struct fx_json *plan_fields(struct fx_scope *sc, const struct fx_json *plan) {
    const struct fx_json *facts = fx_json_at(plan, "facts");
    struct fx_json *fields = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(facts); i++)
        fx_json_add(fields, fx_json_item(facts, i));
    return fields;
}

static struct fx_json *plan_calls(struct fx_scope *sc, const struct fx_json *plan) {
    const struct fx_json *calls = fx_json_at(plan, "calls");
    struct fx_json *lines = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(calls); i++) {
        const struct fx_json *call = fx_json_item(calls, i);

        fx_json_add(lines,
                    fx_json_array_of(
                        sc, fx_json_object_of(sc, "code", fx_json_at(call, "operation"), NULL),
                        fx_json_stringf(sc, " up to %lld times on ",
                                        (long long)fx_json_get_int(call, "count", 1)),
                        fx_json_object_of(sc, "code", fx_json_at(call, "resource"), NULL), NULL));
    }
    return lines;
}

static struct fx_json *approve_button(struct fx_scope *sc, const struct fx_approval *approval,
                                      const char *summary) {
    struct fx_json *button = engine_button(sc, "Approve", "approve", approval->id, "primary");

    fx_json_put(button, "confirm",
                fx_json_object_of(sc, "title", fx_json_string(sc, "Approve this change?"), "text",
                                  fx_json_string(sc, summary), "ok", fx_json_string(sc, "Approve"),
                                  "back", fx_json_string(sc, "Go back"), NULL));
    return button;
}

static struct fx_json *pending_card(struct engine_run *run, const struct fx_approval *approval,
                                    const struct fx_json *plan) {
    struct fx_scope *sc = run->work->sc;
    const char *summary = fx_json_get_text(plan, "summary");
    struct fx_json *fields = plan_fields(sc, plan);
    struct fx_json *lines = plan_calls(sc, plan);

    fx_json_add(lines,
                fx_json_array_of(sc, engine_user(sc, run->row->requester),
                                 fx_json_string(sc, " asks. Somebody else with the approver role "
                                                    "decides; the requester cannot."),
                                 NULL));
    fx_json_add(fields, engine_field(sc, "Decide before", engine_time(sc, approval->expires_ms)));
    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "Approval needed: %s (%s)", run->row->command, run->row->environment),
        "tone", fx_json_string(sc, "wait"), "verdict", fx_json_string(sc, summary), "lines", lines,
        "fields", fields, "buttons",
        fx_json_array_of(sc, approve_button(sc, approval, summary),
                         engine_button(sc, "Deny", "deny", approval->id, "danger"), NULL),
        "context",
        fx_json_stringf(sc, "Request %s, run %s, plan digest %.*s", approval->id, run->row->id,
                        DIGEST_SHOWN, approval->digest),
        NULL);
}

static struct fx_json *decided_card(struct engine_run *run, const struct fx_approval *approval,
                                    const char *title, const char *tone, struct fx_json *verdict,
                                    const char *line) {
    struct fx_scope *sc = run->work->sc;

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "%s: %s (%s)", title, run->row->command, run->row->environment), "tone",
        fx_json_string(sc, tone), "verdict", verdict, "lines",
        line[0] == '\0' ? NULL : fx_json_array_of(sc, fx_json_string(sc, line), NULL), "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_user(sc, run->row->requester),
                         fx_json_stringf(sc, ", request %s, run %s, plan digest %.*s", approval->id,
                                         run->row->id, DIGEST_SHOWN, approval->digest),
                         NULL),
        NULL);
}

/* ---- asking ---- */

static const struct fx_runbook_step *find_step(const struct fx_runbook *runbook, const char *id) {
    for (size_t i = 0; id != NULL && i < runbook->steps_count; i++)
        if (strcmp(runbook->steps[i].id, id) == 0)
            return &runbook->steps[i];
    return NULL;
}

/* The change's parameters are filled now and never again: what is approved is what runs. */
static enum fx_code make_plan(struct engine_run *run, const struct fx_runbook_step *change,
                              struct fx_json **ret_bound, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *filled = NULL, *params = NULL, *plan = NULL;
    struct fx_step_context ctx;

    FX_TRY(fx_expr_fill_all(sc, change->params, run->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, change->kind, filled, &params, err));
    engine_step_context(run, &ctx);
    FX_TRY(change->kind->plan(&ctx, params, &plan, err));
    *ret_bound = fx_json_object_of(sc, "params", params, "plan", plan, NULL);
    return FX_OK;
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
    FX_TRY(make_plan(run, change, &bound, err));

    struct fx_approval *approval = FX_NEW(sc, struct fx_approval);

    *approval = (struct fx_approval){.id = engine_id(work, "apr-"),
                                     .run = run->row->id,
                                     .step = step->id,
                                     .plan_json = fx_json_dump_canonical(sc, bound),
                                     .requester = run->row->requester,
                                     .created_ms = now,
                                     .expires_ms = now + work->engine->options.approval_ms,
                                     .decided_by = "",
                                     .reason = ""};
    approval->digest = engine_plan_digest(sc, work->engine, run->row, approval);
    run->row->state = FX_RUN_APPROVAL;
    engine_save_run(run);
    fx_writes_approval(sc, &work->writes, approval);
    fx_writes_job(sc, &work->writes, "expire", approval->id, approval->expires_ms);
    fx_writes_audit(sc, &work->writes, run->row->requester, "approval.asked", approval->id,
                    fx_json_object_of(sc, "run", fx_json_string(sc, run->row->id), "digest",
                                      fx_json_string(sc, approval->digest), NULL));
    return engine_put_run_card(run, pending_card(run, approval, fx_json_at(bound, "plan")), err);
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
    switch (approval->state) {
    case FX_APPROVAL_PENDING:
        return FX_OK;
    case FX_APPROVAL_APPROVED:
        *ret_value = fx_json_object_of(sc, "by", fx_json_string(sc, approval->decided_by), "at",
                                       fx_json_int(sc, approval->decided_ms), NULL);
        return FX_OK;
    case FX_APPROVAL_DENIED:
        return engine_end_run(
            run, FX_RUN_DENIED, fx_printf(sc, "denied: %s", approval->reason),
            decided_card(
                run, approval, "Denied", "bad",
                fx_json_array_of(sc, engine_user(sc, approval->decided_by),
                                 fx_json_string(sc, " denied this request. Nothing was changed."),
                                 NULL),
                approval->reason[0] == '\0' ? "" : fx_printf(sc, "Reason: %s", approval->reason)),
            err);
    case FX_APPROVAL_EXPIRED:
        break;
    }
    return engine_end_run(
        run, FX_RUN_EXPIRED, "nobody decided in time",
        decided_card(
            run, approval, "Expired", "plain",
            fx_json_string(sc, "Nobody decided in time. Nothing was changed."),
            fx_printf(sc, "Ask again with %s %s.", run->system->command, run->row->command)),
        err);
}

/* ---- deciding ---- */

static const char *decision_of(const struct fx_approval *approval) {
    switch (approval->state) {
    case FX_APPROVAL_APPROVED:
        return "approved";
    case FX_APPROVAL_DENIED:
        return "denied";
    case FX_APPROVAL_EXPIRED:
        return "expired";
    case FX_APPROVAL_PENDING:
        break;
    }
    return "pending";
}

/* Somebody was first, or the time is over: the person learns which. */
static enum fx_code explain_loss(struct engine_work *work, const char *id, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval *now = NULL;

    FX_TRY(store->approval(store, work->sc, id, &now, err));
    if (now == NULL || now->state == FX_APPROVAL_PENDING)
        return fx_fail(err, FX_ERR_CONFLICT, "the time to decide on %s is over", id);
    if (now->state == FX_APPROVAL_EXPIRED)
        return fx_fail(err, FX_ERR_CONFLICT, "request %s has expired; it can be asked again", id);
    return fx_fail(err, FX_ERR_CONFLICT, "request %s was already %s by somebody before you", id,
                   decision_of(now));
}

enum fx_code engine_decide(struct engine_work *work, const struct fx_approval *approval,
                           bool approve, const char *user, const char *reason,
                           const char *response_url, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_store *store = work->engine->options.store;
    int64_t now = fx_wall_ms(work->engine->options.clock);
    struct fx_slice said = fx_slice_of(reason);
    struct fx_writes writes = {0};
    struct fx_approval given = {
        .id = approval->id,
        .run = approval->run,
        .state = approve ? FX_APPROVAL_APPROVED : FX_APPROVAL_DENIED,
        .decided_by = user,
        .decided_ms = now,
        .execute_before_ms = approve ? now + work->engine->options.execute_ms : 0,
        .reason = fx_slice_dup(sc, fx_slice_cut(said, 0, fx_slice_utf8_prefix(said, REASON_MAX)))};

    (void)response_url;
    fx_writes_audit(sc, &writes, user, approve ? "approval.approved" : "approval.denied",
                    approval->id,
                    fx_json_object_of(sc, "run", fx_json_string(sc, approval->run), "digest",
                                      fx_json_string(sc, approval->digest), "reason",
                                      fx_json_string(sc, given.reason), NULL));
    enum fx_code code = store->decide(store, sc, &given, &writes, err);

    if (code == FX_ERR_CONFLICT)
        return explain_loss(work, approval->id, err);
    FX_TRY(code);
    fx_metrics_add(work->engine->options.metrics, FX_METRIC_APPROVALS_DECIDED, 1);
    fx_log(sc, FX_LOG_INFO, "approval.decided", FX_S("approval", approval->id), FX_S("by", user),
           FX_S("decision", decision_of(&given)));
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}

enum fx_code engine_open_deny_dialog(struct engine_work *work, const struct fx_approval *approval,
                                     const char *trigger_id, const char *channel,
                                     struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_json *view = fx_slack_draw_dialog(
        sc,
        &(struct fx_slack_dialog){
            .callback_id = "deny_reason",
            .private_metadata =
                fx_json_dump(sc, fx_json_object_of(sc, "approval", fx_json_string(sc, approval->id),
                                                   "channel", fx_json_string(sc, channel), NULL)),
            .title = "Deny request",
            .submit = "Deny",
            .intro =
                "The reason is shown in the channel and kept in the audit log. Nothing is changed.",
            .label = "Reason",
            .hint = "Shown to everybody. Do not paste secrets.",
            .min_length = 3,
            .max_length = REASON_MAX});

    (void)err;
    fx_writes_message(sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_VIEW,
                                           .key = engine_id(work, "view:"),
                                           .parent = "",
                                           .channel = channel,
                                           .user = "",
                                           .response_url = "",
                                           .payload_json = fx_json_dump(
                                               sc, fx_json_object_of(sc, "trigger_id",
                                                                     fx_json_string(sc, trigger_id),
                                                                     "view", view, NULL)),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    return FX_OK;
}

enum fx_code engine_expire(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval *approval = NULL;
    struct fx_writes writes = {0};

    FX_TRY(store->approval(store, work->sc, work->job->subject, &approval, err));
    if (approval == NULL || approval->state != FX_APPROVAL_PENDING)
        return FX_OK;
    fx_writes_audit(work->sc, &writes, "fluxabot", "approval.expired", approval->id, NULL);
    enum fx_code code =
        store->decide(store, work->sc,
                      &(struct fx_approval){.id = approval->id,
                                            .run = approval->run,
                                            .state = FX_APPROVAL_EXPIRED,
                                            .decided_by = "",
                                            .decided_ms = fx_wall_ms(work->engine->options.clock),
                                            .reason = ""},
                      &writes, err);

    if (code == FX_ERR_CONFLICT) /* decided in this very moment */
        return FX_OK;
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return code;
}
