/* jobs.c - the queue of work: who may do what, and until when. */
#include "private.h"

#include "fluxabot/base/digest.h"

static enum fx_code lease_lost(const struct fx_job *job, struct fx_error *err) {
    return fx_fail(err, FX_ERR_CONFLICT,
                   "the claim of job %lld is over: another worker has taken it",
                   (long long)job->id);
}

enum fx_code store_job_held(struct sqlite_store *db, const struct fx_job *job,
                            struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool held = false;

    if (job == NULL)
        return FX_OK;
    FX_TRY(store_query(db, STMT_JOB_HELD, ST_VALUES(st_int(job->id), st_text(job->token)), &rows,
                       err));
    FX_TRY(store_next(&rows, &held, err));
    return held ? FX_OK : lease_lost(job, err);
}

enum fx_code store_job_put(struct sqlite_store *db, const char *kind, const char *subject,
                           int64_t due_ms, struct fx_error *err) {
    int64_t id = 0;
    bool ready = false;
    {
        FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
        FX_TRY(store_query(db, STMT_JOB_READY_OF, ST_VALUES(st_text(kind), st_text(subject)), &rows,
                           err));
        FX_TRY(store_next(&rows, &ready, err));
        if (ready)
            id = store_int(&rows, 0);
    }
    if (ready)
        return store_exec(db, STMT_JOB_SOONER, ST_VALUES(st_int(due_ms), st_int(id)), err);
    return store_exec(db, STMT_JOB_ADD, ST_VALUES(st_text(kind), st_text(subject), st_int(due_ms)),
                      err);
}

/* ---- claim ---- */

static void *read_job(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_job *job = FX_NEW(sc, struct fx_job);

    *job = (struct fx_job){
        .id = store_int(rows, 0),
        .kind = store_text(rows, sc, 1),
        .subject = store_text(rows, sc, 2),
        .due_ms = store_int(rows, 3),
        .attempts = (int)store_int(rows, 4),
        .token = store_text(rows, sc, 5),
        .last_error = store_text(rows, sc, 6),
    };
    return job;
}

struct claim {
    const char *worker, *token;
    int64_t now_ms, until_ms;
};

/* A lease of the same subject that ran out loses its token too, so that there is never more than
 * one holder of it. */
static enum fx_code lease_first(struct sqlite_store *db, struct fx_scope *sc,
                                const struct claim *claim, struct fx_job **ret_job,
                                struct fx_error *err) {
    struct fx_job *job = NULL;

    FX_TRY(store_read_one(db, sc, STMT_JOB_FIRST, ST_VALUES(st_int(claim->now_ms)), read_job, &job,
                          err));
    *ret_job = job;
    if (job == NULL)
        return FX_OK;
    FX_TRY(store_exec(db, STMT_JOB_LEASE,
                      ST_VALUES(st_text(claim->token), st_text(claim->worker),
                                st_int(claim->until_ms), st_int(job->id)),
                      err));
    FX_TRY(store_exec(db, STMT_JOB_DISOWN,
                      ST_VALUES(st_text(job->kind), st_text(job->subject), st_int(job->id)), err));
    job->token = claim->token;
    job->attempts++;
    return FX_OK;
}

static enum fx_code next_due(struct sqlite_store *db, int64_t now_ms, int64_t *ret_due_ms,
                             struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    FX_TRY(store_query(db, STMT_JOB_NEXT, ST_VALUES(st_int(now_ms)), &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    *ret_due_ms = store_int(&rows, 0); /* MIN of nothing is NULL, which reads as 0 */
    return FX_OK;
}

/* An idle poll must not write, so it looks before it begins. */
static enum fx_code look(struct sqlite_store *db, struct fx_scope *sc, int64_t now_ms,
                         bool *ret_something, int64_t *ret_due_ms, struct fx_error *err) {
    struct fx_job *job = NULL;

    FX_TRY(store_lock(db, err));
    enum fx_code code =
        store_read_one(db, sc, STMT_JOB_FIRST, ST_VALUES(st_int(now_ms)), read_job, &job, err);
    if (code == FX_OK)
        code = next_due(db, now_ms, ret_due_ms, err);
    store_unlock(db);
    *ret_something = job != NULL;
    return code;
}

static enum fx_code claim_job(struct fx_store *store, struct fx_scope *sc, const char *worker,
                              int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                              int64_t *ret_next_due_ms, struct fx_error *err) {
    struct sqlite_store *db = store_of(store);
    struct claim claim = {.worker = worker, .now_ms = now_ms, .until_ms = now_ms + lease_ms};
    struct fx_job *job = NULL;
    uint8_t token[16];
    bool something = false;
    int64_t due_ms = 0;

    FX_TRY(look(db, sc, now_ms, &something, &due_ms, err));
    if (something) {
        db->random->fill(db->random, token, sizeof(token));
        claim.token = fx_hex(sc, token, sizeof(token));
        FX_TRY(store_begin(db, err));
        FX_TRY(store_end(db, lease_first(db, sc, &claim, &job, err), err));
    }
    *ret_job = job;
    *ret_next_due_ms = due_ms;
    return FX_OK;
}

static enum fx_code extend_in(struct sqlite_store *db, const struct fx_job *job, int64_t until_ms,
                              struct fx_error *err) {
    FX_TRY(store_job_held(db, job, err));
    return store_exec(db, STMT_JOB_EXTEND, ST_VALUES(st_int(until_ms), st_int(job->id)), err);
}

static enum fx_code extend_job(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, int64_t until_ms, struct fx_error *err) {
    struct sqlite_store *db = store_of(store);

    (void)sc;
    FX_TRY(store_begin(db, err));
    return store_end(db, extend_in(db, job, until_ms, err), err);
}

/* ---- settle and write ---- */

struct settlement {
    const struct fx_job *job;
    enum fx_settle how;
    int64_t due_ms;
    const char *error;
};

/* The job ends before the writes, so that the same run may be asked for again among them. */
static enum fx_code settle_in(struct sqlite_store *db, struct fx_scope *sc,
                              const struct settlement *s, const struct store_batch *batch,
                              struct fx_error *err) {
    FX_TRY(store_job_held(db, s->job, err));
    if (s->how == FX_SETTLE_RETRY) {
        FX_TRY(store_exec(db, STMT_JOB_RETRY,
                          ST_VALUES(st_int(s->due_ms), st_text(s->error), st_int(s->job->id)),
                          err));
    } else {
        int state = s->how == FX_SETTLE_DONE ? FX_JOB_DONE : FX_JOB_QUARANTINED;
        FX_TRY(store_exec(
            db, STMT_JOB_END,
            ST_VALUES(st_int(state), st_text(s->error), st_int(batch->now_ms), st_int(s->job->id)),
            err));
    }
    return store_apply(db, sc, batch, err);
}

static enum fx_code settle_job(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, enum fx_settle how, int64_t due_ms,
                               const char *error, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct sqlite_store *db = store_of(store);
    struct store_batch batch = store_batch_of(db, sc, writes);
    struct settlement s = {job, how, due_ms, store_error_text(sc, error)};

    FX_TRY(store_begin(db, err));
    return store_end(db, settle_in(db, sc, &s, &batch, err), err);
}

static enum fx_code write_in(struct sqlite_store *db, struct fx_scope *sc, const struct fx_job *job,
                             const struct store_batch *batch, struct fx_error *err) {
    FX_TRY(store_job_held(db, job, err));
    return store_apply(db, sc, batch, err);
}

static enum fx_code write_rows(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_job *job, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct sqlite_store *db = store_of(store);
    struct store_batch batch = store_batch_of(db, sc, writes);

    FX_TRY(store_begin(db, err));
    return store_end(db, write_in(db, sc, job, &batch, err), err);
}

/* ---- reading ---- */

static enum fx_code list_jobs(struct fx_store *store, struct fx_scope *sc, enum fx_job_state state,
                              size_t max, struct fx_job ***ret_jobs, size_t *ret_count,
                              struct fx_error *err) {
    return store_list(store, sc, STMT_JOB_LIST,
                      ST_VALUES(st_int(state), st_int(store_max_rows(max))), read_job, ret_jobs,
                      ret_count, err);
}

static enum fx_code release_leases(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err) {
    struct sqlite_store *db = store_of(store);

    (void)sc;
    FX_TRY(store_begin(db, err));
    return store_end(db, store_exec(db, STMT_JOB_RELEASE, NULL, 0, err), err);
}

void store_jobs_bind(struct fx_store *store) {
    store->claim = claim_job;
    store->extend = extend_job;
    store->settle = settle_job;
    store->write = write_rows;
    store->jobs = list_jobs;
    store->release_leases = release_leases;
}
