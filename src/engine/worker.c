/* worker.c - claims a job, runs its handler, settles it. */
#include "private.h"

#include "fluxabot/base/log.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_CLAIMS = 10, /* of a job that never came to an end: it kills whoever touches it */
    MAX_REDOS = 50,  /* each time somebody else got a step further */
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
    {"reconcile", engine_reconcile},
};

static enum fx_code handle(struct engine_work *work, struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(job_kinds); i++)
        if (strcmp(work->job->kind, job_kinds[i].kind) == 0)
            return job_kinds[i].handle(work, err);
    return fx_fail(err, FX_ERR_INTERNAL, "no handler for a job of kind %s", work->job->kind);
}

/* 1, 2, 4, 8 s: the handlers' own calls have been repeated already where that was allowed. */
static int64_t backoff_ms(int attempts) {
    return (int64_t)1000 << (attempts < 6 ? attempts - 1 : 5);
}

static bool worth_another_try(const struct engine_work *work, enum fx_code code) {
    /* cancelled work is not at fault: the program stops, or the lease is somebody else's */
    return code == FX_ERR_CANCELED ||
           (fx_code_is_transient(code) && work->job->attempts < FX_ENGINE_MAX_ATTEMPTS);
}

static enum fx_code settle_retry(struct engine_work *work, enum fx_code code,
                                 const struct fx_error *why, struct fx_error *err) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;
    int64_t due = fx_wall_ms(engine->options.clock) +
                  (code == FX_ERR_CANCELED ? 0 : backoff_ms(work->job->attempts));

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

    fx_log(work->sc, FX_LOG_ERROR, "job.quarantined", FX_S("kind", work->job->kind),
           FX_S("subject", work->job->subject), FX_E(why));
    fx_metrics_add(engine->options.metrics, FX_METRIC_JOBS_QUARANTINED, 1);
    work->writes = (struct fx_writes){0};
    if (engine_give_up(work, why, err) != FX_OK) {
        fx_log(work->sc, FX_LOG_ERROR, "job.quarantine_not_told", FX_E(err));
        work->writes = (struct fx_writes){0};
    }
    return store->settle(store, work->sc, work->job, FX_SETTLE_QUARANTINE, 0, why->message,
                         &work->writes, err);
}

/* False: a row that was read has been changed meanwhile, so nothing was written and all of it is to
 * be done again from the start. */
static bool settle(struct engine_work *work, enum fx_code code, const struct fx_error *why) {
    struct fx_engine *engine = work->engine;
    struct fx_store *store = engine->options.store;
    struct fx_error err = {0};
    enum fx_code settled = FX_OK;

    if (code == FX_OK)
        settled =
            store->settle(store, work->sc, work->job, FX_SETTLE_DONE, 0, NULL, &work->writes, &err);
    else if (worth_another_try(work, code))
        settled = settle_retry(work, code, why, &err);
    else
        settled = settle_quarantine(work, why, &err);
    if (settled == FX_ERR_CONFLICT &&
        store->extend(store, work->sc, work->job,
                      fx_wall_ms(engine->options.clock) + FX_ENGINE_LEASE_MS, &err) == FX_OK)
        return false;
    if (settled != FX_OK) /* the lease runs out and the job is found again */
        fx_log(work->sc, FX_LOG_ERROR, "job.not_settled", FX_I("job", work->job->id), FX_E(&err));
    else if (code == FX_OK)
        fx_metrics_add(engine->options.metrics, FX_METRIC_JOBS_DONE, 1);
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
    pthread_mutex_unlock(&worker->lock);
}

/* Handles the claimed job once; false as settle says. */
static bool try_once(struct engine_worker *worker, struct fx_scope *claim,
                     const struct fx_job *job) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(claim);
    struct engine_work work = {.engine = worker->engine,
                               .sc = sc,
                               .job = job,
                               .now_ms = fx_wall_ms(worker->engine->options.clock)};
    struct fx_error err = {0};
    enum fx_code code = FX_OK;

    show_to_keeper(worker, job, claim);
    if (job->attempts > MAX_CLAIMS)
        code = fx_fail(&err, FX_ERR_INTERNAL,
                       "the program ended %d times while it was at it, so it is left alone",
                       MAX_CLAIMS);
    else
        code = handle(&work, &err);
    show_to_keeper(worker, NULL, NULL);
    return settle(&work, code, &err);
}

/* True when a job was found. */
static bool work_once(struct engine_worker *worker, int64_t *ret_next_due_ms) {
    struct fx_engine *engine = worker->engine;
    struct fx_store *store = engine->options.store;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err = {0};
    struct fx_job *job = NULL;
    char name[32];

    snprintf(name, sizeof name, "worker-%d", worker->index);
    fx_scope_set_log(sc, engine->options.log);
    if (store->claim(store, sc, name, fx_wall_ms(engine->options.clock), FX_ENGINE_LEASE_MS, &job,
                     ret_next_due_ms, &err) != FX_OK) {
        fx_log(sc, FX_LOG_ERROR, "job.claim_failed", FX_E(&err));
        *ret_next_due_ms = 0;
        return false;
    }
    if (job == NULL)
        return false;
    fx_scope_set_log_id(sc, job->subject);
    for (int i = 0; !try_once(worker, sc, job); i++)
        if (i == MAX_REDOS) { /* the lease runs out and the job is found again */
            fx_log(sc, FX_LOG_ERROR, "job.conflicts", FX_S("kind", job->kind));
            break;
        }
    return true;
}

void *engine_worker_main(void *argument) {
    struct engine_worker *worker = argument;
    struct fx_engine *engine = worker->engine;
    struct fx_state *state = engine->options.state;

    while (!atomic_load(&engine->stopping)) {
        int64_t next_due_ms = 0;

        if (work_once(worker, &next_due_ms))
            continue;
        int64_t wait_ms = FX_ENGINE_POLL_MS;

        if (next_due_ms > 0) {
            int64_t until = next_due_ms - fx_wall_ms(engine->options.clock);

            wait_ms = until < 1 ? 1 : until < wait_ms ? until : wait_ms;
        }
        state->wait(state, "jobs", wait_ms);
    }
    return NULL;
}
