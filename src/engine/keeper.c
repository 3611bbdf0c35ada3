/* keeper.c - keeps the leases of running jobs alive, and counts what waits. */
#include "private.h"

#include "fluxabot/base/log.h"

enum { KEEPER_PERIOD_MS = FX_ENGINE_LEASE_MS / 3 };

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

void *engine_keeper_main(void *argument) {
    struct fx_engine *engine = argument;
    struct fx_state *state = engine->options.state;

    while (!atomic_load(&engine->stopping)) {
        state->wait(state, "keeper", KEEPER_PERIOD_MS);

        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        fx_scope_set_log(sc, engine->options.log);
        for (int i = 0; i < engine->workers_count; i++)
            keep_one(engine, &engine->workers[i], sc);
    }
    return NULL;
}
