/* engine.c - starts and stops the threads. */
#include "anchors.h"

#include <stdlib.h>

static enum fx_code check_options(const struct fx_engine_options *options, struct fx_error *err) {
    if (options->workers < 1 || options->workers > ENGINE_MAX_WORKERS)
        return fx_fail(err, FX_ERR_INPUT, "the number of workers must be between 1 and %d",
                       ENGINE_MAX_WORKERS);
    return FX_OK;
}

static void start_thread(struct fx_engine *engine, pthread_t *thread, struct engine_pulse *pulse,
                         void *(*run)(void *), void *argument) {
    engine_pulse(pulse, engine->options.clock, FX_ENGINE_STALL_MS);
    engine_thread_begins(engine);
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
    engine_threads_init(&engine->threads);
    if (engine->options.approval_ms == 0)
        engine->options.approval_ms = FX_ENGINE_APPROVAL_MS;
    if (engine->options.execute_ms == 0)
        engine->options.execute_ms = FX_ENGINE_EXECUTE_MS;
    engine->scope = fx_scope_new(NULL);
    fx_scope_set_log(engine->scope, options->log);
    enum fx_code code = engine_anchor_start(engine, err);

    if (code == FX_OK)
        code = engine_chain_start(engine, err);
    if (code == FX_OK)
        code = engine_crashes_start(engine, err);
    if (code == FX_OK)
        code = engine_schedules_begin(engine, err);
    if (code == FX_OK)
        code = engine_reconciling_begin(engine, err);

    if (code != FX_OK) {
        engine_threads_free(&engine->threads);
        fx_scope_free(engine->scope);
        free(engine);
        return code;
    }
    engine_pump_start(engine);
    engine->workers_count = options->workers;
    for (int i = 0; i < engine->workers_count; i++) {
        struct engine_worker *worker = &engine->workers[i];

        worker->engine = engine;
        worker->index = i;
        pthread_mutex_init(&worker->lock, NULL);
        start_thread(engine, &worker->thread, &worker->pulse, engine_worker_main, worker);
    }
    start_thread(engine, &engine->outbox, &engine->outbox_pulse, engine_outbox_main, engine);
    start_thread(engine, &engine->keeper, &engine->keeper_pulse, engine_keeper_main, engine);
    *ret_engine = engine;
    return FX_OK;
}

/* Nobody begins anything any more: a run parks behind its step, a message is the last. */
static void ask_to_stop(struct fx_engine *engine) {
    static const char *const channels[] = {"jobs", "outbox", "keeper"};
    struct fx_state *state = engine->options.state;

    atomic_store(&engine->stopping, true);
    for (size_t i = 0; i < FX_COUNT_OF(channels); i++)
        state->wake(state, channels[i]);
}

/* What has not come to its end is cut off: calls end now, and of a change that was on its way the
 * next start finds out what became of it. A worker that claims a job at this moment, perhaps the
 * one that another has just given back, cancels it itself: it looks within its lock, too. */
static void cancel(struct fx_engine *engine) {
    atomic_store(&engine->cut_off, true);
    for (int i = 0; i < engine->workers_count; i++) {
        pthread_mutex_lock(&engine->workers[i].lock);
        if (engine->workers[i].scope != NULL)
            fx_scope_cancel(engine->workers[i].scope);
        pthread_mutex_unlock(&engine->workers[i].lock);
    }
}

void fx_engine_stop(struct fx_engine *engine) {
    if (engine == NULL)
        return;
    ask_to_stop(engine);
    engine_crashes_end(engine);
    engine_wait_for_end(engine, FX_ENGINE_FINISH_MS);
    cancel(engine);
    for (int i = 0; i < engine->workers_count; i++)
        pthread_join(engine->workers[i].thread, NULL);
    pthread_join(engine->outbox, NULL);
    pthread_join(engine->keeper, NULL);
    /* the keeper looks at the workers until its own end */
    for (int i = 0; i < engine->workers_count; i++)
        pthread_mutex_destroy(&engine->workers[i].lock);
    engine_pump_free(engine);
    engine_anchor_drain(engine);
    engine_threads_free(&engine->threads);
    fx_scope_free(engine->scope);
    free(engine);
}
