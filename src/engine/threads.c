/* threads.c - what the threads of an engine owe each other: a sign of life, rest without polling,
 * and an orderly end. */
#include "private.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { HURRY_LOOK_MS = 50 }; /* how soon a stop that was given time notices that it has none left */

void engine_threads_init(struct engine_threads *threads) {
    pthread_condattr_t monotonic;
    pthread_rwlockattr_t writers_first;

    pthread_mutex_init(&threads->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&threads->called, &monotonic);
    pthread_cond_init(&threads->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* or whoever waits to be alone never would be */
    pthread_rwlockattr_init(&writers_first);
    pthread_rwlockattr_setkind_np(&writers_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&threads->alone, &writers_first);
    pthread_rwlockattr_destroy(&writers_first);
}

void engine_threads_free(struct engine_threads *threads) {
    pthread_rwlock_destroy(&threads->alone);
    pthread_cond_destroy(&threads->ended);
    pthread_cond_destroy(&threads->called);
    pthread_mutex_destroy(&threads->lock);
}

/* ---- signs of life ---- */

void engine_pulse(struct engine_pulse *pulse, struct fx_clock *clock, int64_t allowed_ms) {
    if (pulse != NULL)
        atomic_store(&pulse->silent_until_ms, fx_mono_ms(clock) + allowed_ms);
}

void engine_pulse_rest(struct engine_pulse *pulse) {
    atomic_store(&pulse->silent_until_ms, INT64_MAX);
}

static enum fx_code check_pulse(const struct engine_pulse *pulse, int64_t now_ms, const char *who,
                                struct fx_error *err) {
    int64_t until_ms = atomic_load(&pulse->silent_until_ms);

    if (now_ms <= until_ms)
        return FX_OK;
    return fx_fail(err, FX_ERR_TIMEOUT, "%s should have gone on %lld s ago, so it hangs", who,
                   (long long)((now_ms - until_ms) / 1000));
}

enum fx_code fx_engine_alive(struct fx_engine *engine, struct fx_error *err) {
    int64_t now_ms = fx_mono_ms(engine->options.clock);

    for (int i = 0; i < engine->workers_count; i++)
        FX_TRY(check_pulse(&engine->workers[i].pulse, now_ms, "a worker", err));
    FX_TRY(check_pulse(&engine->outbox_pulse, now_ms, "the thread that posts to Slack", err));
    return check_pulse(&engine->keeper_pulse, now_ms, "the thread that keeps leases", err);
}

void engine_note_claim(struct fx_engine *engine, bool answered) {
    int64_t since_ms = 0;

    if (answered)
        atomic_store(&engine->silent_since_ms, 0);
    else
        atomic_compare_exchange_strong(&engine->silent_since_ms, &since_ms,
                                       fx_mono_ms(engine->options.clock));
}

int64_t fx_engine_store_silent_ms(struct fx_engine *engine) {
    int64_t since_ms = atomic_load(&engine->silent_since_ms);

    return since_ms == 0 ? 0 : fx_mono_ms(engine->options.clock) - since_ms;
}

/* ---- rest: one keeps watch, the others sleep until they are called ---- */

/* False when this one is to look for work itself; true when it has the watch, for *io_wait_ms. */
static bool sleep_until_called(struct fx_engine *engine, int64_t *io_wait_ms) {
    struct engine_threads *threads = &engine->threads;
    bool watch = false;

    pthread_mutex_lock(&threads->lock);
    if (!threads->watched) {
        threads->watched = watch = true;
    } else {
        threads->resting++;
        while (threads->calls == 0 && !atomic_load(&engine->stopping))
            pthread_cond_wait(&threads->called, &threads->lock);
        threads->resting--;
        if (threads->calls > 0 && --threads->calls == 0 && threads->watch_ms > 0 &&
            !threads->watched) {
            threads->watched = watch = true;
            *io_wait_ms = threads->watch_ms;
        }
    }
    pthread_mutex_unlock(&threads->lock);
    return watch;
}

void engine_rest(struct engine_worker *worker, int64_t wait_ms) {
    struct fx_engine *engine = worker->engine;
    struct fx_state *state = engine->options.state;

    engine_pulse_rest(&worker->pulse);
    if (sleep_until_called(engine, &wait_ms)) {
        engine_pulse(&worker->pulse, engine->options.clock, wait_ms + FX_ENGINE_STALL_MS);
        state->wait(state, "jobs", wait_ms);
        pthread_mutex_lock(&engine->threads.lock);
        engine->threads.watched = false;
        pthread_mutex_unlock(&engine->threads.lock);
    }
    engine_pulse(&worker->pulse, engine->options.clock, FX_ENGINE_STALL_MS);
}

void engine_call_another(struct fx_engine *engine, int64_t wait_ms) {
    struct engine_threads *threads = &engine->threads;

    pthread_mutex_lock(&threads->lock);
    bool calls = !threads->watched && threads->resting > threads->calls;

    if (calls) {
        threads->watch_ms =
            threads->calls == 0 || wait_ms < threads->watch_ms ? wait_ms : threads->watch_ms;
        threads->calls++;
    }
    pthread_mutex_unlock(&threads->lock);
    if (calls)
        pthread_cond_signal(&threads->called);
}

bool engine_may_send(struct fx_engine *engine) {
    struct engine_threads *threads = &engine->threads;

    if (engine->pump == NULL || atomic_load(&engine->stopping))
        return false;
    pthread_mutex_lock(&threads->lock);
    bool waited_for = threads->watched || threads->resting > threads->calls;
    bool may = waited_for && threads->sending < FX_ENGINE_WORKERS_SENDING;

    threads->sending += may;
    pthread_mutex_unlock(&threads->lock);
    return may;
}

void engine_has_sent(struct fx_engine *engine) {
    pthread_mutex_lock(&engine->threads.lock);
    engine->threads.sending--;
    pthread_mutex_unlock(&engine->threads.lock);
}

/* ---- the end ---- */

void engine_thread_begins(struct fx_engine *engine) {
    pthread_mutex_lock(&engine->threads.lock);
    engine->threads.running++;
    pthread_mutex_unlock(&engine->threads.lock);
}

void engine_thread_ends(struct fx_engine *engine, struct engine_pulse *pulse) {
    engine_pulse_rest(pulse);
    pthread_mutex_lock(&engine->threads.lock);
    engine->threads.running--;
    pthread_cond_broadcast(&engine->threads.ended);
    pthread_mutex_unlock(&engine->threads.lock);
}

static struct timespec soon(void) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += HURRY_LOOK_MS * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

void engine_wait_for_end(struct fx_engine *engine, int64_t at_most_ms) {
    struct engine_threads *threads = &engine->threads;
    const atomic_bool *hurry = engine->options.hurry;

    pthread_mutex_lock(&threads->lock);
    pthread_cond_broadcast(&threads->called);
    for (int64_t left_ms = at_most_ms; threads->running > 0 && left_ms > 0;
         left_ms -= HURRY_LOOK_MS) {
        struct timespec until = soon();

        if (hurry != NULL && atomic_load(hurry))
            break;
        while (threads->running > 0 &&
               pthread_cond_timedwait(&threads->ended, &threads->lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&threads->lock);
}
