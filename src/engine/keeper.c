/* keeper.c - keeps the leases of running jobs alive, forgets jobs that are long done, looks whether
 * an anchor is due, and sees to it that a clock that was set back delays neither the schedules nor
 * the comparisons with CloudWatch. */
#include "anchors.h"

#include "fluxabot/base/log.h"

enum {
    KEEPER_PERIOD_MS = FX_ENGINE_LEASE_MS / FX_ENGINE_LEASE_LOOKS,
    PRUNE_PERIODS = 6, /* between two looks at what can be forgotten */
};

/* A worker whose lease is lost is cancelled: somebody else may already have the job. */
static void keep_one(struct fx_engine *engine, struct engine_worker *worker, struct fx_scope *sc) {
    struct fx_store *store = engine->options.store;
    struct fx_error err = {0};

    pthread_mutex_lock(&worker->lock);
    if (worker->scope != NULL) {
        int64_t until = fx_wall_ms(engine->options.clock) + FX_ENGINE_LEASE_MS;

        if (store->extend(store, sc, &worker->job, until, &err) == FX_ERR_CONFLICT) {
            fx_log(sc, FX_LOG_WARN, "job.lease_lost", FX_I("job", worker->job.id), FX_E(&err));
            fx_scope_cancel(worker->scope);
        }
    }
    pthread_mutex_unlock(&worker->lock);
}

/* Every tick of a schedule leaves two done jobs. */
static void forget(struct fx_engine *engine, struct fx_scope *sc, int64_t now_ms) {
    struct fx_store *store = engine->options.store;
    struct fx_error err = {0};

    if (store->prune(store, sc, now_ms - FX_ENGINE_KEEP_MS, &err) != FX_OK)
        fx_log(sc, FX_LOG_WARN, "store.not_pruned", FX_E(&err));
}

/* The next tick and the next comparison were written by the clock as it was: they may now lie far
 * ahead. */
static void begin_again(struct fx_engine *engine, struct fx_scope *sc) {
    struct fx_error err = {0};

    fx_log(sc, FX_LOG_WARN, "clock.set_back");
    if (engine_schedules_begin(engine, &err) != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "schedules.not_begun", FX_E(&err));
    if (engine_reconciling_begin(engine, &err) != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "reconciling.not_begun", FX_E(&err));
}

void engine_keep(struct fx_engine *engine, struct engine_keeping *keeping) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    int64_t now_ms = fx_wall_ms(engine->options.clock);

    fx_scope_set_log(sc, engine->options.log);
    for (int i = 0; i < engine->workers_count; i++)
        keep_one(engine, &engine->workers[i], sc);
    engine_anchor_watch(engine, sc);
    if (now_ms < keeping->last_ms)
        begin_again(engine, sc);
    keeping->last_ms = now_ms;
    if (keeping->periods++ % PRUNE_PERIODS == 0)
        forget(engine, sc, now_ms);
}

void *engine_keeper_main(void *argument) {
    struct fx_engine *engine = argument;
    struct fx_state *state = engine->options.state;
    struct engine_keeping keeping = {0};

    while (!atomic_load(&engine->stopping)) {
        state->wait(state, "keeper", KEEPER_PERIOD_MS);
        engine_keep(engine, &keeping);
        engine_pulse(&engine->keeper_pulse, engine->options.clock, FX_ENGINE_STALL_MS);
    }
    engine_thread_ends(engine, &engine->keeper_pulse);
    return NULL;
}
