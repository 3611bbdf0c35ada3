/* decisions.c - the answer of a person, of the clock, or of a fact that forbids it: the first one
 * counts. */
#include "private.h"

#include "fluxabot/base/log.h"

#include <string.h>

enum { REASON_MAX = 500 };

static const char *decision_of(const struct fx_approval *approval) {
    return approval->state == FX_APPROVAL_APPROVED ? "approved" : "denied";
}

/* Somebody was first, or the time is over: the person learns which. */
static enum fx_code explain_loss(struct engine_work *work, const char *id, const char *user,
                                 struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval *now = NULL;

    FX_TRY(store->approval(store, work->sc, id, &now, err));
    if (now != NULL && now->state == FX_APPROVAL_PENDING &&
        now->expires_ms > fx_wall_ms(work->engine->options.clock))
        return fx_fail(err, FX_ERR_CONFLICT,
                       "you have approved request %s already; it waits for somebody else", id);
    if (now == NULL || now->state == FX_APPROVAL_PENDING)
        return fx_fail(err, FX_ERR_CONFLICT, "the time to decide on %s is over", id);
    if (now->state == FX_APPROVAL_EXPIRED)
        return fx_fail(err, FX_ERR_CONFLICT, "request %s has expired; it can be asked again", id);
    if (now->decided_by[0] == '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "request %s was withdrawn: %s", id, now->reason);
    return fx_fail(err, FX_ERR_CONFLICT, "request %s was already %s by %s", id, decision_of(now),
                   strcmp(now->decided_by, user) == 0 ? "you" : "somebody before you");
}

/* Whoever may be the same person counts once, by the configuration of this moment. */
static void name_person(struct engine_work *work, struct fx_approval *given) {
    const struct fx_person *person =
        fx_policy_person(work->engine->options.policy, given->decided_by);

    if (person == NULL)
        return;
    given->accounts = person->users;
    given->accounts_count = person->users_count;
}

/* A vote that is not the last decides nothing yet. */
static void count_decision(struct engine_work *work, const struct fx_approval *given, int needed) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval *now = NULL;
    struct fx_error ignored;
    bool voted = given->state == FX_APPROVAL_APPROVED && needed > 1 &&
                 store->approval(store, work->sc, given->id, &now, &ignored) == FX_OK &&
                 now != NULL && now->state == FX_APPROVAL_PENDING;

    if (!voted)
        fx_metrics_add(work->engine->options.metrics, FX_METRIC_APPROVALS_DECIDED, 1);
    fx_log(work->sc, FX_LOG_INFO, voted ? "approval.voted" : "approval.decided",
           FX_S("approval", given->id), FX_S("by", given->decided_by),
           FX_S("decision", decision_of(given)));
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

    struct fx_json *detail = fx_json_object_of(sc, "run", fx_json_string(sc, approval->run),
                                               "digest", fx_json_string(sc, approval->digest),
                                               "reason", fx_json_string(sc, given.reason), NULL);

    (void)response_url;
    if (approval->needed > 1) /* each of them has a row like this */
        fx_json_put(detail, "approvers", fx_json_int(sc, approval->needed));
    fx_writes_audit(sc, &writes, user, approve ? "approval.approved" : "approval.denied",
                    approval->id, detail);
    name_person(work, &given);
    engine_anchor_soon(work, &writes);
    enum fx_code code = store->decide(store, sc, &given, &writes, err);

    if (code == FX_ERR_CONFLICT)
        return explain_loss(work, approval->id, user, err);
    FX_TRY(code);
    count_decision(work, &given, approval->needed);
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}

enum fx_code engine_open_deny_dialog(struct engine_work *work, const struct fx_approval *approval,
                                     const char *trigger_id, const char *channel, const char *user,
                                     const char *response_url, struct fx_error *err) {
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
            .intro = "Nothing is changed. The reason is shown in the channel and kept in the audit "
                     "log.",
            .label = "Reason",
            .hint = "For example: the failover is still running. Never paste secrets.",
            .min_length = 3,
            .max_length = REASON_MAX});

    (void)err;
    fx_writes_message(sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_VIEW,
                                           .key = engine_id(work, "view:"),
                                           .parent = "",
                                           .channel = channel,
                                           .user = user,
                                           .response_url = response_url,
                                           .payload_json = fx_json_dump(
                                               sc, fx_json_object_of(sc, "trigger_id",
                                                                     fx_json_string(sc, trigger_id),
                                                                     "view", view, NULL)),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    return FX_OK;
}

enum fx_code engine_withdraw(struct engine_work *work, const struct fx_approval *approval,
                             const char *reason, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_store *store = work->engine->options.store;
    struct fx_writes writes = {0};

    fx_writes_audit(sc, &writes, "fluxabot", "approval.withdrawn", approval->id,
                    fx_json_object_of(sc, "run", fx_json_string(sc, approval->run), "reason",
                                      fx_json_string(sc, reason), NULL));
    enum fx_code code =
        store->decide(store, sc,
                      &(struct fx_approval){.id = approval->id,
                                            .run = approval->run,
                                            .state = FX_APPROVAL_DENIED,
                                            .decided_by = "",
                                            .decided_ms = fx_wall_ms(work->engine->options.clock),
                                            .reason = reason},
                      &writes, err);

    if (code == FX_ERR_CONFLICT)
        return FX_OK;
    FX_TRY(code);
    fx_log(sc, FX_LOG_INFO, "approval.withdrawn", FX_S("approval", approval->id),
           FX_S("reason", reason));
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}

/* Decided in this very moment; or the clock was set back, and its time is still to come. */
static enum fx_code look_again_at(struct engine_work *work, const char *id, struct fx_error *err) {
    enum { LATER_MS = 1000 };
    struct fx_store *store = work->engine->options.store;
    int64_t now_ms = fx_wall_ms(work->engine->options.clock);
    struct fx_approval *now = NULL;

    FX_TRY(store->approval(store, work->sc, id, &now, err));
    if (now != NULL && now->state == FX_APPROVAL_PENDING)
        fx_writes_job_of_rank(work->sc, &work->writes, FX_RANK_PERSON, "expire", id,
                              now->expires_ms > now_ms ? now->expires_ms : now_ms + LATER_MS);
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

    if (code == FX_ERR_CONFLICT)
        return look_again_at(work, approval->id, err);
    FX_TRY(code);
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}

static struct fx_json *reminder(struct engine_work *work, const struct fx_run *run,
                                const struct fx_approval *approval, struct fx_vote *const *votes,
                                size_t votes_count) {
    struct fx_scope *sc = work->sc;
    const char *command =
        fx_printf(sc, "%s %s", engine_system(work->engine, run->system)->command, run->command);
    struct fx_json *parts =
        votes_count == 0
            ? fx_json_array_of(sc, fx_json_stringf(sc, "Nobody has decided on %s yet.", command),
                               NULL)
            : fx_json_array_of(sc, engine_votes(sc, approval, votes, votes_count),
                               fx_json_stringf(sc, "; %s waits for somebody else.", command), NULL);

    fx_json_add(parts, fx_json_string(sc, " Decide before "));
    fx_json_add(parts, engine_time(sc, approval->expires_ms));
    fx_json_add(parts, fx_json_string(sc, "; then it expires, and nothing is changed."));
    return fx_json_object_of(sc, "verdict", parts, NULL);
}

enum fx_code engine_remind(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_approval *approval = NULL;
    struct fx_vote **votes = NULL;
    size_t votes_count = 0;
    struct fx_run *run = NULL;

    FX_TRY(store->approval(store, work->sc, work->job->subject, &approval, err));
    if (approval == NULL || approval->state != FX_APPROVAL_PENDING)
        return FX_OK;
    FX_TRY(store->votes(store, work->sc, approval->id, &votes, &votes_count, err));
    FX_TRY(store->run(store, work->sc, approval->run, &run, err));
    if (run == NULL || engine_system(work->engine, run->system) == NULL)
        return FX_OK;
    /* in the thread that the request itself opens or stands in */
    const char *parent = run->parent[0] != '\0' ? run->parent : engine_run_key(work->sc, run->id);

    return engine_put_card(work, fx_printf(work->sc, "approval:%s:reminder", approval->id), parent,
                           engine_system(work->engine, run->system)->channel,
                           reminder(work, run, approval, votes, votes_count), err);
}
