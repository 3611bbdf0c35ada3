/* approvals.c - a question to a person, bound to one plan: how it is asked, and how a run reads the
 * answer. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

enum { DIGEST_SHOWN = 8 };

static const char stopped_reason[] = "stopped";

char *engine_plan_digest(struct fx_scope *sc, const struct fx_run *run,
                         const struct fx_approval *approval) {
    const struct fx_json *bound = fx_json_object_of(
        sc, "system", fx_json_string(sc, run->system), "command", fx_json_string(sc, run->command),
        "runbook", fx_json_string(sc, run->runbook_digest), "run", fx_json_string(sc, run->id),
        "step", fx_json_string(sc, approval->step), "environment",
        fx_json_string(sc, run->environment), "requester", fx_json_string(sc, approval->requester),
        "plan", fx_json_string(sc, approval->plan_json), "created",
        fx_json_int(sc, approval->created_ms), "expires", fx_json_int(sc, approval->expires_ms),
        "nonce", fx_json_string(sc, approval->id), NULL);

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
        int64_t times = fx_json_get_int(call, "count", 1);

        fx_json_add(lines,
                    fx_json_array_of(
                        sc, fx_json_object_of(sc, "code", fx_json_at(call, "operation"), NULL),
                        fx_json_string(sc, times == 1 ? " once on "
                                                      : fx_printf(sc, " up to %lld times on ",
                                                                  (long long)times)),
                        fx_json_object_of(sc, "code", fx_json_at(call, "resource"), NULL), NULL));
    }
    return lines;
}

static struct fx_json *approve_button(struct fx_scope *sc, const struct fx_approval *approval,
                                      const char *title, const char *summary) {
    struct fx_json *button = engine_button(sc, "Approve", "approve", approval->id, "primary");

    fx_json_put(button, "label", fx_json_stringf(sc, "Approve: %s", title));
    fx_json_put(button, "confirm",
                fx_json_object_of(sc, "title", fx_json_string(sc, "Approve this change?"), "text",
                                  fx_json_string(sc, summary), "ok", fx_json_string(sc, "Approve"),
                                  "back", fx_json_string(sc, "Go back"), NULL));
    return button;
}

static struct fx_json *deny_button(struct fx_scope *sc, const struct fx_approval *approval,
                                   const char *title) {
    struct fx_json *button = engine_button(sc, "Deny", "deny", approval->id, "danger");

    fx_json_put(button, "label", fx_json_stringf(sc, "Deny: %s; asks for a reason", title));
    return button;
}

static struct fx_json *who_asks(struct engine_run *run) {
    struct fx_scope *sc = run->work->sc;

    return fx_json_array_of(
        sc, engine_asker(run->work, run->row), fx_json_string(sc, " asks with "),
        fx_json_object_of(sc, "code",
                          fx_json_stringf(sc, "%s %s", run->system->command, run->row->command),
                          NULL),
        fx_json_string(sc, ". Somebody else who may approve decides."), NULL);
}

static struct fx_json *pending_card(struct engine_run *run, const struct fx_approval *approval,
                                    const struct fx_json *bound) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_json *plan = fx_json_at(bound, "plan"), *reason = fx_json_at(bound, "reason");
    const char *summary = fx_json_get_text(plan, "summary");
    const char *title = engine_run_title(run);
    struct fx_json *fields = plan_fields(sc, plan);

    if (fx_json_text_slice(reason).len > 0)
        fx_json_add(fields, engine_field(sc, "Reason", fx_json_copy(sc, reason)));
    fx_json_add(fields, engine_field(sc, "Decide before", engine_time(sc, approval->expires_ms)));
    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "Approval needed: %s (%s)", title, run->row->environment),
        "tone", fx_json_string(sc, "wait"), "verdict", fx_json_string(sc, summary), "lines",
        fx_json_array_of(sc, who_asks(run), NULL), "fields", fields, "list", plan_calls(sc, plan),
        "buttons",
        fx_json_array_of(sc, approve_button(sc, approval, title, summary),
                         deny_button(sc, approval, title), NULL),
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
        fx_json_stringf(sc, "%s: %s (%s)", title, engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, tone), "verdict", verdict, "lines",
        line[0] == '\0' ? NULL : fx_json_array_of(sc, fx_json_string(sc, line), NULL), "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(run->work, run->row),
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
static enum fx_code make_plan(struct engine_run *run, const struct fx_runbook_step *gate,
                              const struct fx_runbook_step *change, struct fx_json **ret_bound,
                              struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *filled = NULL, *params = NULL, *plan = NULL, *asked = NULL;
    struct fx_step_context ctx;

    FX_TRY(fx_expr_fill_all(sc, gate->params, run->names, &asked, err));
    FX_TRY(fx_expr_fill_all(sc, change->params, run->names, &filled, err));
    FX_TRY(fx_step_fill_params(sc, change->kind, filled, &params, err));
    engine_step_context(run, &ctx);
    FX_TRY(change->kind->plan(&ctx, params, &plan, err));
    *ret_bound =
        fx_json_object_of(sc, "params", params, "plan", plan, "reason", fx_json_at(asked, "reason"),
                          "version", fx_json_string(sc, run->work->engine->options.version), NULL);
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
                                     .decided_by = "",
                                     .reason = ""};
    approval->digest = engine_plan_digest(sc, run->row, approval);
    run->row->state = FX_RUN_APPROVAL;
    engine_save_run(run);
    fx_writes_approval(sc, &work->writes, approval);
    fx_writes_job(sc, &work->writes, "expire", approval->id, approval->expires_ms);
    fx_writes_job(sc, &work->writes, "remind", approval->id,
                  now + (approval->expires_ms - now) / 2);
    fx_writes_audit(sc, &work->writes, run->row->requester, "approval.asked", approval->id,
                    fx_json_object_of(sc, "run", fx_json_string(sc, run->row->id), "digest",
                                      fx_json_string(sc, approval->digest), "reason",
                                      fx_json_at(bound, "reason"), NULL));
    return engine_put_run_card(run, pending_card(run, approval, bound), err);
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

static enum fx_code end_stopped(struct engine_run *run, const struct fx_approval *approval,
                                struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;

    return engine_end_run(
        run, FX_RUN_STOPPED, "stopped before anybody decided",
        decided_card(run, approval, "Stopped", "plain",
                     fx_json_array_of(sc, engine_user(sc, run->row->stop_by),
                                      fx_json_string(sc, " pressed Stop before anybody decided. "
                                                         "Nothing was changed."),
                                      NULL),
                     ""),
        err);
}

static enum fx_code end_denied(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_approval *approval, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_error why = {0};

    if (run->row->stop_requested && strcmp(approval->reason, stopped_reason) == 0)
        return end_stopped(run, approval, err);
    if (approval->decided_by[0] == '\0') { /* withdrawn */
        (void)fx_fail(&why, FX_ERR_DENIED, "%s", approval->reason);
        return engine_fail_run(run, FX_RUN_REFUSED, step->id, &why, err);
    }
    return engine_end_run(
        run, FX_RUN_DENIED, fx_printf(sc, "denied: %s", approval->reason),
        decided_card(
            run, approval, "Denied", "bad",
            fx_json_array_of(sc, engine_user(sc, approval->decided_by),
                             fx_json_string(sc, " denied this request. Nothing was changed."),
                             NULL),
            approval->reason[0] == '\0' ? "" : fx_printf(sc, "Reason: %s", approval->reason)),
        err);
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
        return FX_OK;
    case FX_APPROVAL_APPROVED:
        *ret_value = fx_json_object_of(sc, "by", fx_json_string(sc, approval->decided_by), "at",
                                       fx_json_int(sc, approval->decided_ms), NULL);
        return FX_OK;
    case FX_APPROVAL_DENIED:
        return end_denied(run, step, approval, err);
    case FX_APPROVAL_EXPIRED:
        break;
    }
    return engine_end_run(
        run, FX_RUN_EXPIRED, "nobody decided in time",
        decided_card(
            run, approval, "Expired", "plain",
            fx_json_string(sc, "Nobody decided in time. Nothing was changed."),
            fx_printf(sc, "Ask again with %s %s", run->system->command, run->row->command)),
        err);
}
