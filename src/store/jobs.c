/* jobs.c - the queue of work: who may do what, and until when. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <stdatomic.h>

static enum fx_code lease_lost(const struct fx_job *job, struct fx_error *err) {
    return fx_fail(err, FX_ERR_CONFLICT,
                   "the claim of job %lld is over: another worker has taken it",
                   (long long)job->id);
}

enum fx_code store_job_lease(struct store_link *link, const struct fx_job *job,
                             int64_t *ret_until_ms, struct fx_error *err) {
    bool held = false;

    FX_TRY(store_read_int(link, STMT_JOB_HELD, ST_VALUES(st_int(job->id), st_text(job->token)),
                          &held, ret_until_ms, err));
    return held ? FX_OK : lease_lost(job, err);
}

enum fx_code store_job_held(struct store_link *link, const struct fx_job *job,
                            struct fx_error *err) {
    int64_t ignored = 0;

    return job == NULL ? FX_OK : store_job_lease(link, job, &ignored, err);
}

/* Locked by name, because a row that is not there yet cannot be locked: two who both find none
 * would both add one. */
enum fx_code store_job_put(struct store_link *link, const struct fx_job *job,
                           struct fx_error *err) {
    int64_t id = 0;
    bool ready = false;

    FX_TRY(store_lock_name(link, STORE_LOCK_JOB, job->kind, job->subject, err));
    FX_TRY(store_read_int(link, STMT_JOB_READY_OF,
                          ST_VALUES(st_text(job->kind), st_text(job->subject)), &ready, &id, err));
    if (ready)
        return store_exec(link, STMT_JOB_SOONER,
                          ST_VALUES(st_int(job->due_ms), st_int(job->rank), st_int(id)), err);
    return store_exec(link, STMT_JOB_ADD,
                      ST_VALUES(st_text(job->kind), st_text(job->subject), st_int(job->due_ms),
                                st_int(job->rank)),
                      err);
}

/* ---- claim ---- */

static void *read_job(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_job *job = FX_NEW(sc, struct fx_job);

    *job = (struct fx_job){
        .id = store_int(rows, 0),
        .kind = store_text(rows, 1),
        .subject = store_text(rows, 2),
        .due_ms = store_int(rows, 3),
        .attempts = (int)store_int(rows, 4),
        .token = store_text(rows, 5),
        .last_error = store_text(rows, 6),
        .rank = (enum fx_rank)store_int(rows, 7),
        .deaths = (int)store_int(rows, 8),
    };
    return job;
}

struct claim {
    const char *worker, *token;
    int64_t now_ms, until_ms;
    enum fx_rank first; /* which rank is looked at before the other */
    bool people_only;   /* the other one is not looked at */
    struct fx_job *job;
    int64_t next_due_ms;
};

/* ---- whose turn it is ----
 *
 * People, but every (FX_STORE_PEOPLE_IN_A_ROW + 1)th claim takes what waits of the other rank. Each
 * process counts for itself: it is a share, which needs no agreement. */

static enum fx_rank whose_turn(struct store_db *db) {
    return atomic_load(&db->people_in_a_row) < FX_STORE_PEOPLE_IN_A_ROW ? FX_RANK_PERSON
                                                                        : FX_RANK_MACHINE;
}

static enum fx_rank other_rank(enum fx_rank rank) {
    return rank == FX_RANK_PERSON ? FX_RANK_MACHINE : FX_RANK_PERSON;
}

static void note_turn(struct store_db *db, enum fx_rank rank) {
    if (rank == FX_RANK_MACHINE)
        atomic_store(&db->people_in_a_row, 0);
    else if (whose_turn(db) == FX_RANK_PERSON)
        atomic_fetch_add(&db->people_in_a_row, 1);
}

/* What was given back unused is still to come: else a job that asks for somebody who is alone would
 * never find him, as long as people go on asking. */
static void return_turn(struct store_db *db, enum fx_rank rank) {
    if (rank == FX_RANK_MACHINE)
        atomic_store(&db->people_in_a_row, FX_STORE_PEOPLE_IN_A_ROW);
}

/* ---- the claim itself ---- */

static enum fx_code first_of(struct store_link *link, struct claim *claim, enum fx_rank rank,
                             struct fx_error *err) {
    return store_read_one(link, STMT_JOB_FIRST, ST_VALUES(st_int(claim->now_ms), st_int(rank)),
                          read_job, &claim->job, err);
}

/* MIN of nothing is NULL, which reads as 0. What is due but not free is not waited for: whoever has
 * its subject looks when he is done. */
static enum fx_code next_after(struct store_link *link, struct claim *claim, struct fx_error *err) {
    bool row = false;

    return store_read_int(link, STMT_JOB_NEXT, ST_VALUES(st_int(claim->now_ms)), &row,
                          &claim->next_due_ms, err);
}

/* A lease of the same subject that ran out loses its token first, so that there is never more than
 * one holder of it: PostgreSQL has an index that says so. */
static enum fx_code lease_first(struct store_link *link, void *what, struct fx_error *err) {
    struct claim *claim = what;
    bool row = false;

    FX_TRY(first_of(link, claim, claim->first, err));
    if (claim->job == NULL && !claim->people_only)
        FX_TRY(first_of(link, claim, other_rank(claim->first), err));
    struct fx_job *job = claim->job;

    if (job == NULL) /* somebody was quicker */
        return next_after(link, claim, err);
    FX_TRY(store_exec(link, STMT_JOB_DISOWN,
                      ST_VALUES(st_text(job->kind), st_text(job->subject), st_int(job->id),
                                st_int(claim->now_ms)),
                      err));
    FX_TRY(store_exec(link, STMT_JOB_LEASE,
                      ST_VALUES(st_text(claim->token), st_text(claim->worker),
                                st_int(claim->until_ms), st_int(job->deaths), st_int(job->id)),
                      err));
    job->token = claim->token;
    job->attempts++;
    return store_read_int(link, STMT_JOB_NEXT_OF_ALL, NULL, 0, &row, &claim->next_due_ms, err);
}

/* Where processes work at the same time, an idle poll must not write, so it looks before it begins.
 */
static enum fx_code look(struct store_link *link, void *what, struct fx_error *err) {
    struct claim *claim = what;
    struct fx_job **jobs = NULL;
    size_t count = 0;

    FX_TRY(store_read_list(link, STMT_JOB_LOOK, ST_VALUES(st_int(claim->now_ms)), read_job, &jobs,
                           &count, err));
    for (size_t i = 0; i < count; i++)
        if (jobs[i]->rank == claim->first || (claim->job == NULL && !claim->people_only))
            claim->job = jobs[i];
    if (claim->job == NULL)
        return next_after(link, claim, err);
    claim->first = claim->job->rank;
    return FX_OK;
}

static enum fx_code lease(struct fx_store *store, struct fx_scope *sc, struct claim *claim,
                          struct fx_error *err) {
    struct fx_random *random = store_of(store)->random;
    enum fx_code code = FX_ERR_CONFLICT;
    uint8_t token[16];

    random->fill(random, token, sizeof(token));
    claim->token = fx_hex(sc, token, sizeof(token));
    /* somebody took another job of the same subject in the same moment: look again */
    for (int i = 0; i < STORE_LOOKS && code == FX_ERR_CONFLICT; i++)
        code = store_write_unsynced(store, sc, lease_first, claim, err);
    return code;
}

static enum fx_code claim_as(struct fx_store *store, struct fx_scope *sc, struct claim *claim,
                             struct fx_job **ret_job, int64_t *ret_next_due_ms,
                             struct fx_error *err) {
    bool looks_first = store_of(store)->driver->shared;

    FX_TRY(store_rescue(store, sc, err));
    if (looks_first)
        FX_TRY(store_read(store, sc, look, claim, err));
    if (!looks_first || claim->job != NULL)
        FX_TRY(lease(store, sc, claim, err));
    if (claim->job != NULL)
        note_turn(store_of(store), claim->job->rank);
    *ret_job = claim->job;
    *ret_next_due_ms = claim->next_due_ms;
    return FX_OK;
}

static enum fx_code claim_job(struct fx_store *store, struct fx_scope *sc, const char *worker,
                              int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                              int64_t *ret_next_due_ms, struct fx_error *err) {
    struct claim claim = {.worker = worker,
                          .now_ms = now_ms,
                          .until_ms = now_ms + lease_ms,
                          .first = whose_turn(store_of(store))};

    return claim_as(store, sc, &claim, ret_job, ret_next_due_ms, err);
}

static enum fx_code claim_for_people(struct fx_store *store, struct fx_scope *sc,
                                     const char *worker, int64_t now_ms, int64_t lease_ms,
                                     struct fx_job **ret_job, int64_t *ret_next_due_ms,
                                     struct fx_error *err) {
    struct claim claim = {.worker = worker,
                          .now_ms = now_ms,
                          .until_ms = now_ms + lease_ms,
                          .first = FX_RANK_PERSON,
                          .people_only = true};

    return claim_as(store, sc, &claim, ret_job, ret_next_due_ms, err);
}

struct extension {
    const struct fx_job *job;
    int64_t until_ms;
};

static enum fx_code extend_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct extension *extension = what;

    FX_TRY(store_job_held(link, extension->job, err));
    return store_exec(link, STMT_JOB_EXTEND,
                      ST_VALUES(st_int(extension->until_ms), st_int(extension->job->id)), err);
}

static enum fx_code extend_job(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, int64_t until_ms, struct fx_error *err) {
    struct extension extension = {job, until_ms};

    return store_write_unsynced(store, sc, extend_in, &extension, err);
}

/* ---- settle and write ---- */

struct settlement {
    const struct fx_job *job;
    enum fx_settle how;
    int64_t due_ms;
    const char *error;
    struct store_batch batch;
};

/* The job ends before the writes, so that the same run may be asked for again among them. */
static enum fx_code settle_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct settlement *s = what;

    FX_TRY(store_job_held(link, s->job, err));
    if (s->how == FX_SETTLE_RETRY) {
        FX_TRY(store_exec(link, STMT_JOB_RETRY,
                          ST_VALUES(st_int(s->due_ms), st_text(s->error), st_int(s->job->id)),
                          err));
    } else if (s->how == FX_SETTLE_BACK) {
        FX_TRY(
            store_exec(link, STMT_JOB_BACK, ST_VALUES(st_int(s->due_ms), st_int(s->job->id)), err));
    } else {
        int state = s->how == FX_SETTLE_DONE ? FX_JOB_DONE : FX_JOB_QUARANTINED;
        FX_TRY(store_exec(link, STMT_JOB_END,
                          ST_VALUES(st_int(state), st_text(s->error), st_int(s->batch.now_ms),
                                    st_int(s->job->id)),
                          err));
    }
    return store_apply(link, &s->batch, NULL, err);
}

/* Nobody sends it. When the answer to the commit is missing, it may stand as being sent. */
static void forget_begun(struct store_db *db, const struct fx_writes *writes,
                         const struct fx_error *why) {
    if (writes == NULL || writes->ret_begun == NULL || *writes->ret_begun == NULL)
        return;
    if (why->sent)
        store_message_unrecorded(db, (*writes->ret_begun)->seq);
    *writes->ret_begun = NULL;
}

static enum fx_code settle_job(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, enum fx_settle how, int64_t due_ms,
                               const char *error, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct settlement s = {job, how, due_ms, store_error_text(sc, error),
                           store_batch_of(store_of(store), sc, writes)};

    enum fx_code code = store_write(store, sc, settle_in, &s, err);

    if (code != FX_OK)
        forget_begun(store_of(store), writes, err);
    else if (how == FX_SETTLE_BACK)
        return_turn(store_of(store), job->rank);
    return code;
}

static enum fx_code write_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct settlement *s = what;

    FX_TRY(store_job_held(link, s->job, err));
    return store_apply(link, &s->batch, NULL, err);
}

static enum fx_code write_rows(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct settlement s = {.job = job, .batch = store_batch_of(store_of(store), sc, writes)};

    return store_write(store, sc, write_in, &s, err);
}

/* ---- once more, because a person wants it ---- */

struct revival {
    int64_t job_id, now_ms;
    struct store_batch batch;
};

static enum fx_code revive_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct revival *revival = what;

    FX_TRY(store_exec(link, STMT_JOB_REVIVE,
                      ST_VALUES(st_int(revival->now_ms), st_int(revival->job_id)), err));
    if (link->changed == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "job %lld does not wait for a person",
                       (long long)revival->job_id);
    return store_apply(link, &revival->batch, NULL, err);
}

static enum fx_code revive_job(struct fx_store *store, struct fx_scope *sc, int64_t job_id,
                               int64_t now_ms, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct revival revival = {job_id, now_ms, store_batch_of(store_of(store), sc, writes)};

    return store_write(store, sc, revive_in, &revival, err);
}

/* ---- reading ---- */

static enum fx_code list_jobs(struct fx_store *store, struct fx_scope *sc, enum fx_job_state state,
                              size_t max, struct fx_job ***ret_jobs, size_t *ret_count,
                              struct fx_error *err) {
    return store_list(store, sc, STMT_JOB_LIST,
                      ST_VALUES(st_int(state), st_int(store_max_rows(max))), read_job, ret_jobs,
                      ret_count, err);
}

enum fx_code store_release_leases(struct store_link *link, void *what, struct fx_error *err) {
    (void)what;
    return store_do(link, STMT_JOB_RELEASE, err);
}

static enum fx_code release_leases(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err) {
    return store_write(store, sc, store_release_leases, NULL, err);
}

void store_jobs_bind(struct fx_store *store) {
    store->claim = claim_job;
    store->claim_for_people = claim_for_people;
    store->extend = extend_job;
    store->settle = settle_job;
    store->write = write_rows;
    store->revive = revive_job;
    store->jobs = list_jobs;
    store->release_leases = release_leases;
}
