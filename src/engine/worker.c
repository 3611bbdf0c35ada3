/* worker.c - claims a job, runs its handler, settles it.
 *
 * A job whose holder died is tried again, but a job that kills whoever holds it must not go on for
 * ever, nor take with it what the other workers had in hand. So the last try is made alone: nothing
 * else is claimed meanwhile, and who dies then did it himself.
 */
#include "anchors.h"
#include "files.h"
#include "notices.h"

#include "fluxabot/base/heap.h"
#include "fluxabot/base/log.h"
#include "fluxabot/base/turns.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_REDOS = 50, /* each time somebody else got a step further */
};

typedef enum fx_code job_handler_fn(struct engine_work *work, struct fx_error *err);

static enum fx_code handle_event(struct engine_work *work, struct fx_error *err) {
    static const struct {
        const char *kind;
        enum fx_code (*handle)(struct engine_work *, const struct fx_event *, struct fx_error *);
    } kinds[] = {
        {"sns", engine_event_sns},
        {"reconcile", engine_event_reconcile},
        {"slack.command", engine_event_command},
        {"slack.interaction", engine_event_interaction},
    };
    struct fx_store *store = work->engine->options.store;
    struct fx_event *event = NULL;

    FX_TRY(store->event(store, work->sc, work->job->subject, &event, err));
    if (event == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "the event %s is not in the store",
                       work->job->subject);
    for (size_t i = 0; i < FX_COUNT_OF(kinds); i++)
        if (strcmp(event->kind, kinds[i].kind) == 0)
            return kinds[i].handle(work, event, err);
    return fx_fail(err, FX_ERR_INTERNAL, "no handler for an event of kind %s", event->kind);
}

static const struct {
    const char *kind;
    job_handler_fn *handle;
} job_kinds[] = {
    {"event", handle_event},         {"run", engine_continue_run},  {"expire", engine_expire},
    {"remind", engine_remind},       {"schedule", engine_schedule}, {"anchor", engine_anchor},
    {"reconcile", engine_reconcile}, {"picture", engine_picture},   {"watch", engine_watch},
};

static enum fx_code handle(struct engine_work *work, struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(job_kinds); i++)
        if (strcmp(work->job->kind, job_kinds[i].kind) == 0)
            return job_kinds[i].handle(work, err);
    return fx_fail(err, FX_ERR_INTERNAL, "no handler for a job of kind %s", work->job->kind);
}

/* Up to 1, 2, 4, 8 s, and half of it at least: the handlers' own calls have been repeated already
 * where that was allowed, at any moment. What has failed together does not come back together. */
static int64_t backoff_ms(struct fx_random *random, int attempts) {
    int64_t half_ms = (int64_t)500 << (attempts < 6 ? attempts - 1 : 5);
    uint32_t drawn = 0;

    random->fill(random, &drawn, sizeof drawn);
    return half_ms + (int64_t)drawn % (half_ms + 1);
}

static bool worth_another_try(const struct engine_work *work, enum fx_code code) {
    /* cancelled work is not at fault: the program stops, or the lease is somebody else's */
    return code == FX_ERR_CANCELED ||
           (fx_code_is_transient(code) &&
            work->job->attempts - work->job->deaths < FX_ENGINE_MAX_ATTEMPTS);
}

static enum fx_code settle_retry(struct engine_work *work, enum fx_code code,
                                 const struct fx_error *why, struct fx_error *err) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;
    int64_t due =
        fx_wall_ms(engine->options.clock) +
        (code == FX_ERR_CANCELED ? 0 : backoff_ms(engine->options.random, work->job->attempts));

    fx_log(work->sc, FX_LOG_WARN, "job.retry", FX_S("kind", work->job->kind),
           FX_I("attempt", work->job->attempts), FX_E(why));
    fx_metrics_add(engine->options.metrics, FX_METRIC_JOBS_RETRIED, 1);
    return store->settle(store, work->sc, work->job, FX_SETTLE_RETRY, due, why->message, NULL, err);
}

/* What nobody will do any more is told to those who wait for it, in the same transaction. */
static enum fx_code settle_quarantine(struct engine_work *work, const struct fx_error *why,
                                      struct fx_error *err) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;

    struct fx_error untold = {0};
    enum fx_code code = FX_OK;

    work->writes = (struct fx_writes){0};
    code = engine_give_up(work, why, &untold);
    if (fx_code_is_transient(code)) /* what it was can be read and told later */
        return settle_retry(work, code, &untold, err);
    if (code != FX_OK) {
        fx_log(work->sc, FX_LOG_ERROR, "job.quarantine_not_told", FX_E(&untold));
        work->writes = (struct fx_writes){0};
    }
    fx_log(work->sc, FX_LOG_ERROR, "job.quarantined", FX_S("kind", work->job->kind),
           FX_S("subject", work->job->subject), FX_E(why));
    fx_metrics_add(engine->options.metrics, FX_METRIC_JOBS_QUARANTINED, 1);
    return store->settle(store, work->sc, work->job, FX_SETTLE_QUARANTINE, 0, why->message,
                         &work->writes, err);
}

/* The claim was lost while its effect may have been settled: whoever asks about that looks again.
 */
static void wake_run(struct engine_work *work) {
    struct fx_store *store = work->engine->options.store;
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    if (strcmp(work->job->kind, "run") != 0)
        return;
    fx_writes_job_of_rank(work->sc, &writes, work->job->rank, "run", work->job->subject,
                          fx_wall_ms(work->engine->options.clock));
    if (store->write(store, work->sc, NULL, &writes, &err) != FX_OK)
        fx_log(work->sc, FX_LOG_WARN, "run.not_woken", FX_E(&err));
}

/* Its first message leaves at once, if it may and this worker is not needed for the next job. What
 * took much memory gives that back first: whoever reads the message may ask for as much again. */
static enum fx_code settle_done(struct engine_work *work, struct fx_error *err) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;
    bool sends = work->writes.messages_count > 0 && !work->large && engine_may_send(engine);

    work->writes.ret_begun = sends ? &work->begun : NULL;
    enum fx_code code =
        store->settle(store, work->sc, work->job, FX_SETTLE_DONE, 0, NULL, &work->writes, err);

    work->writes.ret_begun = NULL;
    if (code != FX_OK)
        work->begun = NULL;
    if (sends && work->begun == NULL)
        engine_has_sent(engine);
    return code;
}

/* What is left for others to send, others are woken for. */
static void send_begun(struct engine_worker *worker, const struct fx_message *begun) {
    struct fx_engine *engine = worker->engine;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    fx_scope_set_log(sc, engine->options.log);
    engine_pulse(&worker->pulse, engine->options.clock, FX_ENGINE_STALL_MS);
    engine_deliver(engine, sc, begun);
    engine_has_sent(engine);
    engine->options.state->wake(engine->options.state, "outbox");
}

/* False: a row that was read has been changed meanwhile, so nothing was written and all of it is to
 * be done again from the start. */
static bool settle(struct engine_work *work, enum fx_code code, const struct fx_error *why) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;
    struct fx_error err = {0};
    enum fx_code settled = FX_OK;

    if (code == FX_OK)
        settled = settle_done(work, &err);
    else if (worth_another_try(work, code))
        settled = settle_retry(work, code, why, &err);
    else
        settled = settle_quarantine(work, why, &err);
    if (settled == FX_ERR_CONFLICT &&
        store->extend(store, work->sc, work->job,
                      fx_wall_ms(engine->options.clock) + FX_ENGINE_LEASE_MS, &err) == FX_OK)
        return false;
    if (settled == FX_ERR_CONFLICT)
        wake_run(work);
    if (settled != FX_OK) /* the lease runs out and the job is found again */
        fx_log(work->sc, FX_LOG_ERROR, "job.not_settled", FX_I("job", work->job->id), FX_E(&err));
    else if (code == FX_OK)
        fx_metrics_add(engine->options.metrics, FX_METRIC_JOBS_DONE, 1);
    if (work->begun == NULL || work->writes.messages_count > 1)
        engine->options.state->wake(engine->options.state, "outbox");
    if (work->writes.jobs_count > 0)
        engine->options.state->wake(engine->options.state, "jobs");
    return true;
}

static void show_to_keeper(struct engine_worker *worker, const struct fx_job *job,
                           struct fx_scope *sc) {
    pthread_mutex_lock(&worker->lock);
    if (job != NULL) {
        worker->job = *job;
        snprintf(worker->job_texts[0], sizeof worker->job_texts[0], "%s", job->kind);
        snprintf(worker->job_texts[1], sizeof worker->job_texts[1], "%s", job->token);
        worker->job.kind = worker->job_texts[0];
        worker->job.token = worker->job_texts[1];
        worker->job.subject = worker->job.last_error = "";
    }
    worker->scope = sc;
    if (sc != NULL && atomic_load(&worker->engine->cut_off))
        fx_scope_cancel(sc);
    pthread_mutex_unlock(&worker->lock);
}

/* Handles the claimed job once; false as settle says. *large: it took much memory. */
static bool try_once(struct engine_worker *worker, struct fx_scope *claim, const struct fx_job *job,
                     bool *large) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(claim);
    struct engine_work work = {.engine = worker->engine,
                               .sc = sc,
                               .job = job,
                               .now_ms = fx_wall_ms(worker->engine->options.clock),
                               .pulse = &worker->pulse};
    struct fx_error err = {0};
    enum fx_code code = FX_OK;

    engine_work_goes_on(&work, FX_ENGINE_STALL_MS);
    show_to_keeper(worker, job, claim);
    if (job->deaths >= FX_ENGINE_MAX_DEATHS)
        code = fx_fail(&err, FX_ERR_INTERNAL,
                       "the bot broke down %d times while it was at this, so it is left alone",
                       job->deaths);
    else
        code = handle(&work, &err);
    show_to_keeper(worker, NULL, NULL);
    bool settled = settle(&work, code, &err);

    if (work.begun != NULL)
        send_begun(worker, work.begun);
    *large = *large || work.large;
    return settled;
}

static void try_until_settled(struct engine_worker *worker, struct fx_scope *sc,
                              const struct fx_job *job) {
    bool large = false;

    for (int i = 0; !try_once(worker, sc, job, &large); i++)
        if (i == MAX_REDOS) { /* the lease runs out and the job is found again */
            fx_log(sc, FX_LOG_ERROR, "job.conflicts", FX_S("kind", job->kind));
            break;
        }
    /* It would keep the most it ever needed. */
    if (large)
        fx_heap_trim();
}

/* As if nobody had taken it, so that its place in the queue is the same. */
static void give_back(struct engine_worker *worker, struct fx_scope *sc, const struct fx_job *job) {
    struct fx_store *store = worker->engine->options.store;
    struct fx_error err = {0};

    if (store->settle(store, sc, job, FX_SETTLE_BACK, job->due_ms, NULL, NULL, &err) != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "job.not_settled", FX_I("job", job->id), FX_E(&err));
}

/* 0: it is due. */
static int64_t wait_until(struct fx_engine *engine, int64_t next_due_ms) {
    int64_t wait_ms = next_due_ms - fx_wall_ms(engine->options.clock);

    if (next_due_ms <= 0 || wait_ms > FX_ENGINE_POLL_MS)
        return FX_ENGINE_POLL_MS;
    return wait_ms > 0 ? wait_ms : 0;
}

/* ---- whose work a worker may take ---- */

/* True: it may take any job, until leave_machines. */
static bool may_take_machines(struct fx_engine *engine) {
    int most = engine->workers_count > FX_ENGINE_WORKERS_FOR_PEOPLE
                   ? engine->workers_count - FX_ENGINE_WORKERS_FOR_PEOPLE
                   : INT_MAX; /* one alone does everything */
    int taken = atomic_load(&engine->at_machines);

    while (taken < most)
        if (atomic_compare_exchange_weak(&engine->at_machines, &taken, taken + 1))
            return true;
    return false;
}

static void leave_machines(struct fx_engine *engine) {
    atomic_fetch_sub(&engine->at_machines, 1);
}

/* *io_machines: whether it may take a machine's job, and then whether it has. */
static enum fx_code claim(struct engine_worker *worker, struct fx_scope *sc, bool alone,
                          bool *io_machines, struct fx_job **ret_job, int64_t *ret_next_due_ms,
                          struct fx_error *err) {
    struct fx_engine *engine = worker->engine;
    struct fx_store *store = engine->options.store;
    int64_t now_ms = fx_wall_ms(engine->options.clock);
    char name[32];

    snprintf(name, sizeof name, "worker-%d", worker->index);
    enum fx_code code = (*io_machines ? store->claim : store->claim_for_people)(
        store, sc, alone ? FX_STORE_ALONE : name, now_ms, FX_ENGINE_LEASE_MS, ret_job,
        ret_next_due_ms, err);

    /* what it may not take may be due: nobody wakes it when it may */
    if (!*io_machines && *ret_job == NULL &&
        (*ret_next_due_ms == 0 || *ret_next_due_ms > now_ms + FX_ENGINE_PEOPLE_LOOK_MS))
        *ret_next_due_ms = now_ms + FX_ENGINE_PEOPLE_LOOK_MS;
    /* also after an error, whatever the store may have said before it */
    if (*io_machines && (code != FX_OK || *ret_job == NULL || (*ret_job)->rank == FX_RANK_PERSON)) {
        leave_machines(engine);
        *io_machines = false;
    }
    return code;
}

enum found { FOUND_NOTHING, FOUND_JOB, FOUND_SUSPECT };

static enum found try_claimed(struct engine_worker *worker, struct fx_scope *sc, bool alone,
                              const struct fx_job *job, int64_t next_due_ms) {
    struct fx_engine *engine = worker->engine;

    fx_scope_set_log_id(sc, job->subject);
    if (job->deaths == FX_ENGINE_MAX_DEATHS - 1 && !alone) {
        give_back(worker, sc, job);
        return FOUND_SUSPECT;
    }
    if (job->deaths == FX_ENGINE_MAX_DEATHS - 1)
        fx_log(sc, FX_LOG_WARN, "job.last_try", FX_S("kind", job->kind));
    engine_call_another(engine, wait_until(engine, next_due_ms));
    try_until_settled(worker, sc, job);
    return FOUND_JOB;
}

/* FOUND_SUSPECT: the next job is for somebody who is alone. */
static enum found claim_and_try(struct engine_worker *worker, bool alone,
                                int64_t *ret_next_due_ms) {
    struct fx_engine *engine = worker->engine;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err = {0};
    struct fx_job *job = NULL;
    bool machines = may_take_machines(engine);

    fx_scope_set_log(sc, engine->options.log);
    enum fx_code code = claim(worker, sc, alone, &machines, &job, ret_next_due_ms, &err);

    engine_note_claim(engine, code == FX_OK);
    if (code != FX_OK) {
        fx_log(sc, FX_LOG_ERROR, "job.claim_failed", FX_E(&err));
        *ret_next_due_ms = 0;
        return FOUND_NOTHING;
    }
    if (job == NULL)
        return FOUND_NOTHING;
    enum found found = try_claimed(worker, sc, alone, job, *ret_next_due_ms);

    if (machines)
        leave_machines(engine);
    return found;
}

/* The claim is part of what is done alone: whatever is in hand when the process dies counts. */
static enum found work_among(struct engine_worker *worker, bool alone, int64_t *ret_next_due_ms) {
    struct fx_engine *engine = worker->engine;
    enum found found = FOUND_NOTHING;

    engine_pulse_rest(&worker->pulse);
    if (alone)
        pthread_rwlock_wrlock(&engine->threads.alone);
    else
        pthread_rwlock_rdlock(&engine->threads.alone);
    engine_pulse(&worker->pulse, engine->options.clock, FX_ENGINE_STALL_MS);
    if (!atomic_load(&engine->stopping))
        found = claim_and_try(worker, alone, ret_next_due_ms);
    pthread_rwlock_unlock(&engine->threads.alone);
    return found;
}

/* True when a job was found. */
static bool work_once(struct engine_worker *worker, int64_t *ret_next_due_ms) {
    enum found found = work_among(worker, false, ret_next_due_ms);

    if (found == FOUND_SUSPECT)
        found = work_among(worker, true, ret_next_due_ms);
    return found != FOUND_NOTHING;
}

void *engine_worker_main(void *argument) {
    struct engine_worker *worker = argument;
    struct fx_engine *engine = worker->engine;

    fx_turns_patient();
    while (!atomic_load(&engine->stopping)) {
        int64_t next_due_ms = 0;

        if (work_once(worker, &next_due_ms))
            continue;
        int64_t wait_ms = wait_until(engine, next_due_ms);

        engine_rest(worker, wait_ms > 0 ? wait_ms : 1);
    }
    engine_thread_ends(engine, &worker->pulse);
    return NULL;
}
