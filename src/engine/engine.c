/* engine.c - starts and stops the threads. */
#include "private.h"

#include <stdlib.h>

static enum fx_code check_options(const struct fx_engine_options *options, struct fx_error *err) {
    if (options->workers < 1 || options->workers > ENGINE_MAX_WORKERS)
        return fx_fail(err, FX_ERR_INPUT, "the number of workers must be between 1 and %d",
                       ENGINE_MAX_WORKERS);
    return FX_OK;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
    if (pthread_create(thread, NULL, run, argument) != 0)
        abort(); /* no threads left at start: nothing useful can follow */
}

enum fx_code fx_engine_start(const struct fx_engine_options *options, struct fx_engine **ret_engine,
                             struct fx_error *err) {
    FX_TRY(check_options(options, err));

    struct fx_engine *engine = calloc(1, sizeof *engine);

    if (engine == NULL)
        abort();
    engine->options = *options;
    if (engine->options.approval_ms == 0)
        engine->options.approval_ms = FX_ENGINE_APPROVAL_MS;
    if (engine->options.execute_ms == 0)
        engine->options.execute_ms = FX_ENGINE_EXECUTE_MS;
    engine->scope = fx_scope_new(NULL);
    fx_scope_set_log(engine->scope, options->log);
    enum fx_code code = engine_anchor_start(engine, err);

    if (code == FX_OK)
        code = engine_schedules_begin(engine, err);
    if (code == FX_OK)
        code = engine_start_reconciling(engine, err);

    if (code != FX_OK) {
        fx_scope_free(engine->scope);
        free(engine);
        return code;
    }
    engine->workers_count = options->workers;
    for (int i = 0; i < engine->workers_count; i++) {
        struct engine_worker *worker = &engine->workers[i];

        worker->engine = engine;
        worker->index = i;
        pthread_mutex_init(&worker->lock, NULL);
        start_thread(&worker->thread, engine_worker_main, worker);
    }
    start_thread(&engine->outbox, engine_outbox_main, engine);
    start_thread(&engine->keeper, engine_keeper_main, engine);
    *ret_engine = engine;
    return FX_OK;
}

static void ask_to_stop(struct fx_engine *engine) {
    atomic_store(&engine->stopping, true);
    for (int i = 0; i < engine->workers_count; i++) {
        pthread_mutex_lock(&engine->workers[i].lock);
        if (engine->workers[i].scope != NULL)
            fx_scope_cancel(engine->workers[i].scope);
        pthread_mutex_unlock(&engine->workers[i].lock);
        engine->options.state->wake(engine->options.state, "jobs");
    }
    engine->options.state->wake(engine->options.state, "outbox");
    engine->options.state->wake(engine->options.state, "keeper");
}

void fx_engine_stop(struct fx_engine *engine) {
    if (engine == NULL)
        return;
    ask_to_stop(engine);
    for (int i = 0; i < engine->workers_count; i++)
        pthread_join(engine->workers[i].thread, NULL);
    pthread_join(engine->outbox, NULL);
    pthread_join(engine->keeper, NULL);
    /* the keeper looks at the workers until its own end */
    for (int i = 0; i < engine->workers_count; i++)
        pthread_mutex_destroy(&engine->workers[i].lock);
    engine_anchor_drain(engine);
    fx_scope_free(engine->scope);
    free(engine);
}
