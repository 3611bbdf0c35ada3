/* fault_store.c - see fault_store.h. */
#include "support/fault_store.h"

#include <stdatomic.h>

struct fault_store {
    struct fx_store store;
    struct fx_scope *sc;
    struct fx_store *inner;
    _Atomic int64_t calls;
    _Atomic int64_t left; /* calls until the fault, this one included; 0 when none is armed */
    _Atomic bool fired;
    enum fault_when when;
    struct fault_hook *hook; /* NULL: none */
};

static struct fault_store *fault_of(struct fx_store *store) {
    return FX_CONTAINER_OF(store, struct fault_store, store);
}

/* Whether this call is the one. With FAULT_AFTER it is remembered by the thread's own call only, so
 * before() leaves left at -1 for after() to find. */
static enum fx_code before(struct fault_store *fault, struct fx_error *err) {
    if (fault->hook != NULL)
        return fault->hook->before(fault->hook, err);
    atomic_fetch_add(&fault->calls, 1);
    if (atomic_load(&fault->left) <= 0 || atomic_fetch_sub(&fault->left, 1) != 1)
        return FX_OK;
    if (fault->when == FAULT_AFTER) {
        atomic_store(&fault->left, -1);
        return FX_OK;
    }
    atomic_store(&fault->fired, true);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the store was made to fail before the call");
}

static enum fx_code after(struct fault_store *fault, enum fx_code code, struct fx_error *err) {
    int64_t due = -1;

    if (fault->hook != NULL)
        return fault->hook->after(fault->hook, code, err);
    if (!atomic_compare_exchange_strong(&fault->left, &due, 0))
        return code;
    atomic_store(&fault->fired, true);
    code = fx_fail(err, FX_ERR_UNAVAILABLE, "the store was made to lose its answer");
    err->sent = true; /* as a database does whose commit was not answered */
    return code;
}

static void fault_close(struct fx_store *store) {
    if (store != NULL)
        fx_scope_free(fault_of(store)->sc);
}

/* ---- every operation ---- */

static enum fx_code fault_accept(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_event *event, bool *ret_new,
                                 struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->accept(fault->inner, sc, event, ret_new, err), err);
}

static enum fx_code fault_claim(struct fx_store *store, struct fx_scope *sc, const char *worker,
                                int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                                int64_t *ret_next_due_ms, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->claim(fault->inner, sc, worker, now_ms, lease_ms, ret_job,
                                     ret_next_due_ms, err),
                 err);
}

static enum fx_code fault_claim_for_people(struct fx_store *store, struct fx_scope *sc,
                                           const char *worker, int64_t now_ms, int64_t lease_ms,
                                           struct fx_job **ret_job, int64_t *ret_next_due_ms,
                                           struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->claim_for_people(fault->inner, sc, worker, now_ms, lease_ms, ret_job,
                                                ret_next_due_ms, err),
                 err);
}

static enum fx_code fault_extend(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, int64_t until_ms, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->extend(fault->inner, sc, job, until_ms, err), err);
}

static enum fx_code fault_settle(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, enum fx_settle how, int64_t due_ms,
                                 const char *error, const struct fx_writes *writes,
                                 struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->settle(fault->inner, sc, job, how, due_ms, error, writes, err), err);
}

static enum fx_code fault_write(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_job *job, const struct fx_writes *writes,
                                struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->write(fault->inner, sc, job, writes, err), err);
}

static enum fx_code fault_begin_effect(struct fx_store *store, struct fx_scope *sc,
                                       const struct fx_job *job, const struct fx_intent *intent,
                                       const struct fx_writes *writes, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->begin_effect(fault->inner, sc, job, intent, writes, err),
                 err);
}

static enum fx_code fault_end_effect(struct fx_store *store, struct fx_scope *sc,
                                     const struct fx_intent *intent, const struct fx_writes *writes,
                                     struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->end_effect(fault->inner, sc, intent, writes, err), err);
}

static enum fx_code fault_decide(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_approval *given, const struct fx_writes *writes,
                                 struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->decide(fault->inner, sc, given, writes, err), err);
}

static enum fx_code fault_request_stop(struct fx_store *store, struct fx_scope *sc,
                                       const char *run_id, const char *user,
                                       const struct fx_writes *writes, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->request_stop(fault->inner, sc, run_id, user, writes, err),
                 err);
}

static enum fx_code fault_outbox_ready(struct fx_store *store, struct fx_scope *sc, int64_t now_ms,
                                       size_t max, struct fx_message ***ret_messages,
                                       size_t *ret_count, int64_t *ret_next_due_ms,
                                       struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->outbox_ready(fault->inner, sc, now_ms, max, ret_messages, ret_count,
                                            ret_next_due_ms, err),
                 err);
}

static enum fx_code fault_outbox_begin(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                       int64_t now_ms, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->outbox_begin(fault->inner, sc, seq, now_ms, err), err);
}

static enum fx_code fault_outbox_sent(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                      const char *ts, int64_t now_ms, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->outbox_sent(fault->inner, sc, seq, ts, now_ms, err), err);
}

static enum fx_code fault_outbox_retry(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                       int64_t due_ms, const struct fx_error *why,
                                       struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->outbox_retry(fault->inner, sc, seq, due_ms, why, err), err);
}

static enum fx_code fault_outbox_failed(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                        const char *error, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->outbox_failed(fault->inner, sc, seq, error, err), err);
}

static enum fx_code fault_release_leases(struct fx_store *store, struct fx_scope *sc,
                                         struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->release_leases(fault->inner, sc, err), err);
}

static enum fx_code fault_revive(struct fx_store *store, struct fx_scope *sc, int64_t job_id,
                                 int64_t now_ms, const struct fx_writes *writes,
                                 struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->revive(fault->inner, sc, job_id, now_ms, writes, err), err);
}

static enum fx_code fault_may_forget(struct fx_store *store, struct fx_scope *sc,
                                     const char **ret_how, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->may_forget(fault->inner, sc, ret_how, err), err);
}

static enum fx_code fault_outbox_recover(struct fx_store *store, struct fx_scope *sc,
                                         struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->outbox_recover(fault->inner, sc, err), err);
}

static enum fx_code fault_storm_begin(struct fx_store *store, struct fx_scope *sc,
                                      const struct fx_storm *storm, struct fx_storm **ret_storm,
                                      struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->storm_begin(fault->inner, sc, storm, ret_storm, err), err);
}

static enum fx_code fault_storm(struct fx_store *store, struct fx_scope *sc, const char *id,
                                struct fx_storm **ret_storm, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->storm(fault->inner, sc, id, ret_storm, err), err);
}

static enum fx_code fault_storm_of(struct fx_store *store, struct fx_scope *sc, const char *channel,
                                   struct fx_storm **ret_storm, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->storm_of(fault->inner, sc, channel, ret_storm, err), err);
}

static enum fx_code fault_storms_due(struct fx_store *store, struct fx_scope *sc,
                                     int64_t told_before_ms, int64_t quiet_since_ms,
                                     struct fx_storm ***ret_storms, size_t *ret_count,
                                     struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->storms_due(fault->inner, sc, told_before_ms, quiet_since_ms,
                                          ret_storms, ret_count, err),
                 err);
}

static enum fx_code fault_storm_groups(struct fx_store *store, struct fx_scope *sc, const char *id,
                                       struct fx_storm_group ***ret_groups, size_t *ret_count,
                                       struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->storm_groups(fault->inner, sc, id, ret_groups, ret_count, err), err);
}

static enum fx_code fault_storm_incidents(struct fx_store *store, struct fx_scope *sc,
                                          const char *id, size_t skip, size_t max,
                                          struct fx_incident ***ret_incidents, size_t *ret_count,
                                          struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->storm_incidents(fault->inner, sc, id, skip, max, ret_incidents,
                                               ret_count, err),
                 err);
}

static enum fx_code fault_event(struct fx_store *store, struct fx_scope *sc, const char *id,
                                struct fx_event **ret_event, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->event(fault->inner, sc, id, ret_event, err), err);
}

static enum fx_code fault_run(struct fx_store *store, struct fx_scope *sc, const char *id,
                              struct fx_run **ret_run, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->run(fault->inner, sc, id, ret_run, err), err);
}

static enum fx_code fault_stopped_by(struct fx_store *store, struct fx_scope *sc, const char *run,
                                     const char **ret_user, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->stopped_by(fault->inner, sc, run, ret_user, err), err);
}

static enum fx_code fault_runs(struct fx_store *store, struct fx_scope *sc, const char *system,
                               bool open, size_t max, struct fx_run ***ret_runs, size_t *ret_count,
                               struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->runs(fault->inner, sc, system, open, max, ret_runs, ret_count, err),
                 err);
}

static enum fx_code fault_approval(struct fx_store *store, struct fx_scope *sc, const char *id,
                                   struct fx_approval **ret_approval, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->approval(fault->inner, sc, id, ret_approval, err), err);
}

static enum fx_code fault_approval_of(struct fx_store *store, struct fx_scope *sc, const char *run,
                                      const char *step, struct fx_approval **ret_approval,
                                      struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->approval_of(fault->inner, sc, run, step, ret_approval, err),
                 err);
}

static enum fx_code fault_votes(struct fx_store *store, struct fx_scope *sc, const char *approval,
                                struct fx_vote ***ret_votes, size_t *ret_count,
                                struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->votes(fault->inner, sc, approval, ret_votes, ret_count, err),
                 err);
}

static enum fx_code fault_approvals_pending(struct fx_store *store, struct fx_scope *sc, size_t max,
                                            struct fx_approval ***ret_approvals, size_t *ret_count,
                                            struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(
        fault,
        fault->inner->approvals_pending(fault->inner, sc, max, ret_approvals, ret_count, err), err);
}

static enum fx_code fault_intents(struct fx_store *store, struct fx_scope *sc, const char *run,
                                  const char *step, struct fx_intent ***ret_intents,
                                  size_t *ret_count, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->intents(fault->inner, sc, run, step, ret_intents, ret_count, err),
                 err);
}

static enum fx_code fault_incident(struct fx_store *store, struct fx_scope *sc, const char *id,
                                   struct fx_incident **ret_incident, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->incident(fault->inner, sc, id, ret_incident, err), err);
}

static enum fx_code fault_incident_by_key(struct fx_store *store, struct fx_scope *sc,
                                          const char *system, const char *key,
                                          struct fx_incident **ret_incident, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->incident_by_key(fault->inner, sc, system, key, ret_incident, err),
                 err);
}

static enum fx_code fault_incidents(struct fx_store *store, struct fx_scope *sc, const char *system,
                                    bool open, size_t max, struct fx_incident ***ret_incidents,
                                    size_t *ret_count, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(
        fault,
        fault->inner->incidents(fault->inner, sc, system, open, max, ret_incidents, ret_count, err),
        err);
}

static enum fx_code fault_message_ts(struct fx_store *store, struct fx_scope *sc, const char *key,
                                     const char **ret_ts, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->message_ts(fault->inner, sc, key, ret_ts, err), err);
}

static enum fx_code fault_audits(struct fx_store *store, struct fx_scope *sc, int64_t from_n,
                                 size_t max, struct fx_audit ***ret_audits, size_t *ret_count,
                                 struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault,
                 fault->inner->audits(fault->inner, sc, from_n, max, ret_audits, ret_count, err),
                 err);
}

static enum fx_code fault_audits_of(struct fx_store *store, struct fx_scope *sc,
                                    const char *subject, size_t max, struct fx_audit ***ret_audits,
                                    size_t *ret_count, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(
        fault, fault->inner->audits_of(fault->inner, sc, subject, max, ret_audits, ret_count, err),
        err);
}

static enum fx_code fault_audit_head(struct fx_store *store, struct fx_scope *sc,
                                     struct fx_audit **ret_audit, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->audit_head(fault->inner, sc, ret_audit, err), err);
}

static enum fx_code fault_setting(struct fx_store *store, struct fx_scope *sc, const char *name,
                                  const char **ret_value, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->setting(fault->inner, sc, name, ret_value, err), err);
}

static enum fx_code fault_jobs(struct fx_store *store, struct fx_scope *sc, enum fx_job_state state,
                               size_t max, struct fx_job ***ret_jobs, size_t *ret_count,
                               struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->jobs(fault->inner, sc, state, max, ret_jobs, ret_count, err),
                 err);
}

static enum fx_code fault_counts(struct fx_store *store, struct fx_scope *sc,
                                 struct fx_store_counts *ret_counts, struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->counts(fault->inner, sc, ret_counts, err), err);
}

static enum fx_code fault_prune(struct fx_store *store, struct fx_scope *sc, int64_t before_ms,
                                struct fx_error *err) {
    struct fault_store *fault = fault_of(store);

    FX_TRY(before(fault, err));
    return after(fault, fault->inner->prune(fault->inner, sc, before_ms, err), err);
}

/* ---- life ---- */

struct fx_store *fault_store_new(struct fx_store *inner) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fault_store *fault = FX_NEW(sc, struct fault_store);

    fault->sc = sc;
    fault->inner = inner;
    fault->store = (struct fx_store){
        .close = fault_close,
        .accept = fault_accept,
        .claim = fault_claim,
        .claim_for_people = fault_claim_for_people,
        .extend = fault_extend,
        .settle = fault_settle,
        .write = fault_write,
        .begin_effect = fault_begin_effect,
        .end_effect = fault_end_effect,
        .decide = fault_decide,
        .request_stop = fault_request_stop,
        .outbox_ready = fault_outbox_ready,
        .outbox_begin = fault_outbox_begin,
        .outbox_sent = fault_outbox_sent,
        .outbox_retry = fault_outbox_retry,
        .outbox_failed = fault_outbox_failed,
        .outbox_recover = fault_outbox_recover,
        .release_leases = fault_release_leases,
        .revive = fault_revive,
        .may_forget = fault_may_forget,
        .storm_begin = fault_storm_begin,
        .storm = fault_storm,
        .storm_of = fault_storm_of,
        .storms_due = fault_storms_due,
        .storm_groups = fault_storm_groups,
        .storm_incidents = fault_storm_incidents,
        .event = fault_event,
        .run = fault_run,
        .stopped_by = fault_stopped_by,
        .runs = fault_runs,
        .approval = fault_approval,
        .approval_of = fault_approval_of,
        .votes = fault_votes,
        .approvals_pending = fault_approvals_pending,
        .intents = fault_intents,
        .incident = fault_incident,
        .incident_by_key = fault_incident_by_key,
        .incidents = fault_incidents,
        .message_ts = fault_message_ts,
        .audits = fault_audits,
        .audits_of = fault_audits_of,
        .audit_head = fault_audit_head,
        .setting = fault_setting,
        .jobs = fault_jobs,
        .counts = fault_counts,
        .prune = fault_prune,
    };
    return &fault->store;
}

void fault_store_arm(struct fx_store *store, int64_t n, enum fault_when when) {
    struct fault_store *fault = fault_of(store);

    fault->when = when;
    atomic_store(&fault->fired, false);
    atomic_store(&fault->left, n);
}

bool fault_store_fired(const struct fx_store *store) {
    return atomic_load(&FX_CONTAINER_OF(store, const struct fault_store, store)->fired);
}

int64_t fault_store_calls(const struct fx_store *store) {
    return atomic_load(&FX_CONTAINER_OF(store, const struct fault_store, store)->calls);
}

void fault_store_hook(struct fx_store *store, struct fault_hook *hook) {
    fault_of(store)->hook = hook;
}
