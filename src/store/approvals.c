/* approvals.c - questions to people, and the one decision each of them gets. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <string.h>

enum fx_code store_approval_add(struct store_link *link, const struct fx_approval *approval,
                                struct fx_error *err) {
    FX_TRY(store_exec(link, STMT_APPROVAL_ADD,
                      ST_VALUES(st_text(approval->id), st_text(approval->run),
                                st_text(approval->step), st_text(approval->digest),
                                st_text(approval->plan_json), st_text(approval->requester),
                                st_int(approval->created_ms), st_int(approval->expires_ms),
                                st_int(approval->needed > 1 ? approval->needed : 1)),
                      err));
    if (link->changed == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "the approval %s has been asked for before",
                       approval->id);
    return FX_OK;
}

static void *read_approval(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_approval *approval = FX_NEW(sc, struct fx_approval);

    *approval = (struct fx_approval){
        .id = store_text(rows, 0),
        .run = store_text(rows, 1),
        .step = store_text(rows, 2),
        .digest = store_text(rows, 3),
        .plan_json = store_text(rows, 4),
        .requester = store_text(rows, 5),
        .state = (enum fx_approval_state)store_int(rows, 6),
        .created_ms = store_int(rows, 7),
        .expires_ms = store_int(rows, 8),
        .execute_before_ms = store_int(rows, 9),
        .decided_by = store_text(rows, 10),
        .decided_ms = store_int(rows, 11),
        .reason = store_text(rows, 12),
        .needed = (int)store_int(rows, 13),
    };
    return approval;
}

enum fx_code store_approval_take(struct store_link *link, const char *id,
                                 struct fx_approval **ret_approval, struct fx_error *err) {
    return store_read_one(link, STMT_APPROVAL_TAKE, ST_VALUES(st_text(id)), read_approval,
                          ret_approval, err);
}

static void *read_terms(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_approval *approval = FX_NEW(sc, struct fx_approval);

    approval->state = (enum fx_approval_state)store_int(rows, 0);
    approval->execute_before_ms = store_int(rows, 1);
    return approval;
}

enum fx_code store_approval_take_terms(struct store_link *link, const char *id,
                                       struct fx_approval **ret_approval, struct fx_error *err) {
    return store_read_one(link, STMT_APPROVAL_TERMS_TAKE, ST_VALUES(st_text(id)), read_terms,
                          ret_approval, err);
}

/* ---- the decision ---- */

static enum fx_code why_not_decided(struct fx_scope *sc, const struct fx_approval *stored,
                                    struct fx_error *err) {
    static const char *const verbs[] = {
        [FX_APPROVAL_APPROVED] = "approved",
        [FX_APPROVAL_DENIED] = "denied",
        [FX_APPROVAL_EXPIRED] = "closed because it had expired",
    };

    if (stored->state != FX_APPROVAL_PENDING && stored->decided_by[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "this was already %s by %s at %s",
                       verbs[stored->state], stored->decided_by,
                       fx_time_iso(sc, stored->decided_ms));
    if (stored->state != FX_APPROVAL_PENDING)
        return fx_fail(err, FX_ERR_CONFLICT, "this was already %s at %s", verbs[stored->state],
                       fx_time_iso(sc, stored->decided_ms));
    return FX_OK;
}

static enum fx_code refuse(struct fx_scope *sc, const struct fx_approval *stored,
                           const struct fx_approval *given, struct fx_error *err) {
    FX_TRY(why_not_decided(sc, stored, err));
    if (given->state == FX_APPROVAL_EXPIRED)
        return fx_fail(err, FX_ERR_CONFLICT, "this can still be decided until %s",
                       fx_time_iso(sc, stored->expires_ms));
    return fx_fail(err, FX_ERR_CONFLICT, "this could be decided until %s only: ask again",
                   fx_time_iso(sc, stored->expires_ms));
}

struct decision {
    const struct fx_approval *given;
    struct store_batch batch;
};

static void *read_vote(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_vote *vote = FX_NEW(sc, struct fx_vote);

    *vote = (struct fx_vote){.voter = store_text(rows, 0), .at_ms = store_int(rows, 1)};
    return vote;
}

static bool is_of(const struct fx_approval *given, const char *voter) {
    for (size_t i = 0; i < given->accounts_count; i++)
        if (strcmp(given->accounts[i], voter) == 0)
            return true;
    return strcmp(given->decided_by, voter) == 0;
}

/* The row of the approval is locked, so nobody votes between the count and what follows from it. */
static enum fx_code vote_in(struct store_link *link, const struct fx_approval *stored,
                            const struct fx_approval *given, bool *ret_decided,
                            struct fx_error *err) {
    struct fx_vote **votes = NULL;
    size_t count = 0;

    *ret_decided = false;
    if (stored->state != FX_APPROVAL_PENDING || stored->expires_ms <= given->decided_ms)
        return refuse(link->sc, stored, given, err);
    FX_TRY(store_read_list(link, STMT_VOTE_LIST, ST_VALUES(st_text(given->id)), read_vote, &votes,
                           &count, err));
    for (size_t i = 0; i < count; i++)
        if (is_of(given, votes[i]->voter))
            return fx_fail(err, FX_ERR_CONFLICT,
                           "%s has approved this already at %s; somebody else has to as well",
                           votes[i]->voter, fx_time_iso(link->sc, votes[i]->at_ms));
    FX_TRY(store_exec(
        link, STMT_VOTE_ADD,
        ST_VALUES(st_text(given->id), st_text(given->decided_by), st_int(given->decided_ms)), err));
    *ret_decided = (int64_t)count + 1 >= stored->needed;
    return FX_OK;
}

/* One conditional update is the decision; whoever it does not change comes too late. */
static enum fx_code close_in(struct store_link *link, const struct fx_approval *stored,
                             const struct fx_approval *given, struct fx_error *err) {
    FX_TRY(store_exec(
        link, given->state == FX_APPROVAL_EXPIRED ? STMT_APPROVAL_EXPIRE : STMT_APPROVAL_DECIDE,
        ST_VALUES(st_int(given->state), st_text(given->decided_by), st_int(given->decided_ms),
                  st_int(given->execute_before_ms), st_text(given->reason), st_text(given->id)),
        err));
    return link->changed == 0 ? refuse(link->sc, stored, given, err) : FX_OK;
}

static enum fx_code decide_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct decision *decision = what;
    const struct fx_approval *given = decision->given;
    struct fx_approval *stored = NULL;
    bool decided = true;

    FX_TRY(store_approval_take(link, given->id, &stored, err));
    if (stored == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND, "there is no approval %s", given->id);
    if (given->state == FX_APPROVAL_APPROVED)
        FX_TRY(vote_in(link, stored, given, &decided, err));
    if (decided)
        FX_TRY(close_in(link, stored, given, err));
    return store_apply(link, &decision->batch,
                       &(struct fx_job){.kind = "run",
                                        .subject = stored->run,
                                        .rank = FX_RANK_PERSON,
                                        .due_ms = given->decided_ms},
                       err);
}

static enum fx_code decide(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_approval *given, const struct fx_writes *writes,
                           struct fx_error *err) {
    struct decision decision = {given, store_batch_of(store_of(store), sc, writes)};

    if (given->state == FX_APPROVAL_PENDING)
        return fx_fail(err, FX_ERR_INPUT, "the decision on approval %s is not named", given->id);
    return store_write(store, sc, decide_in, &decision, err);
}

/* ---- reading ---- */

static enum fx_code get_approval(struct fx_store *store, struct fx_scope *sc, const char *id,
                                 struct fx_approval **ret_approval, struct fx_error *err) {
    return store_one(store, sc, STMT_APPROVAL_GET, ST_VALUES(st_text(id)), read_approval,
                     ret_approval, err);
}

static enum fx_code approval_of(struct fx_store *store, struct fx_scope *sc, const char *run,
                                const char *step, struct fx_approval **ret_approval,
                                struct fx_error *err) {
    return store_one(store, sc, STMT_APPROVAL_OF, ST_VALUES(st_text(run), st_text(step)),
                     read_approval, ret_approval, err);
}

static enum fx_code list_votes(struct fx_store *store, struct fx_scope *sc, const char *approval,
                               struct fx_vote ***ret_votes, size_t *ret_count,
                               struct fx_error *err) {
    return store_list(store, sc, STMT_VOTE_LIST, ST_VALUES(st_text(approval)), read_vote, ret_votes,
                      ret_count, err);
}

static enum fx_code list_pending(struct fx_store *store, struct fx_scope *sc, size_t max,
                                 struct fx_approval ***ret_approvals, size_t *ret_count,
                                 struct fx_error *err) {
    return store_list(store, sc, STMT_APPROVAL_PENDING, ST_VALUES(st_int(store_max_rows(max))),
                      read_approval, ret_approvals, ret_count, err);
}

void store_approvals_bind(struct fx_store *store) {
    store->decide = decide;
    store->approval = get_approval;
    store->approval_of = approval_of;
    store->votes = list_votes;
    store->approvals_pending = list_pending;
}
