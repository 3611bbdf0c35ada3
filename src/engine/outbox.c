/* outbox.c - who sends what next.
 *
 * One thread looks at the outbox and hands what may go to a few senders; each lane has one message
 * under way at a time (store.h), so a slow channel or somebody's dead response_url holds up nobody
 * else. Private answers and files never take all senders.
 *
 * A worker that is not needed for the next job may begin a message in the transaction that makes it
 * and send it itself (worker.c): then it leaves without a second wait for the disk, or for anybody.
 */
#include "private.h"

#include "fluxabot/base/heap.h"
#include "fluxabot/base/log.h"

#include <stdlib.h>
#include <string.h>

/* Senders that these may take at once: texts never wait for them. */
enum {
    OUTBOX_WHISPERS = 2,
    OUTBOX_FILES = 1, /* more would draw two pictures at once, which chart.h forbids */
};

/* A thread, and what it has in hand; guarded by the pump's lock. */
struct engine_sender {
    struct engine_pump *pump;
    pthread_t thread;
    pthread_cond_t given;
    bool taken;          /* while its message is begun */
    struct fx_scope *sc; /* of the message; NULL: idle */
    struct fx_message message;
};

struct engine_pump {
    struct fx_engine *engine;
    pthread_mutex_t lock;
    bool closed; /* nobody takes a sender any more */
    struct engine_sender senders[FX_ENGINE_SENDERS];
};

/* ---- a sender ---- */

static void *sender_main(void *argument) {
    struct engine_sender *sender = argument;
    struct engine_pump *pump = sender->pump;
    struct fx_state *state = pump->engine->options.state;

    pthread_mutex_lock(&pump->lock);
    for (;;) {
        while (sender->sc == NULL && (sender->taken || !pump->closed))
            pthread_cond_wait(&sender->given, &pump->lock);
        if (sender->sc == NULL)
            break;
        pthread_mutex_unlock(&pump->lock);
        engine_deliver(pump->engine, sender->sc, &sender->message);
        bool was_file = sender->message.kind == FX_MESSAGE_FILE;

        pthread_mutex_lock(&pump->lock);
        fx_scope_free(sender->sc);
        sender->sc = NULL;
        if (was_file) { /* a picture takes some megabytes, and the next may be hours away */
            pthread_mutex_unlock(&pump->lock);
            fx_heap_trim();
            pthread_mutex_lock(&pump->lock);
        }
        state->wake(state, "outbox");
    }
    pthread_mutex_unlock(&pump->lock);
    return NULL;
}

static size_t at_most(enum fx_message_kind kind) {
    return kind == FX_MESSAGE_EPHEMERAL ? OUTBOX_WHISPERS
           : kind == FX_MESSAGE_FILE    ? OUTBOX_FILES
                                        : FX_ENGINE_SENDERS;
}

/* NULL when nobody is free for this now. */
static struct engine_sender *take(struct engine_pump *pump, enum fx_message_kind kind) {
    struct engine_sender *idle = NULL;
    size_t alike = 0, to_slack = 0;

    pthread_mutex_lock(&pump->lock);
    for (size_t i = 0; i < FX_COUNT_OF(pump->senders); i++) {
        struct engine_sender *sender = &pump->senders[i];

        if (sender->sc != NULL) {
            alike += sender->message.kind == kind;
            to_slack += sender->message.kind != FX_MESSAGE_PAGE;
        } else if (!sender->taken) {
            idle = sender;
        }
    }
    if (pump->closed || alike >= at_most(kind))
        idle = NULL;
    if (kind != FX_MESSAGE_PAGE && to_slack >= FX_ENGINE_SENDERS - FX_ENGINE_SENDERS_FOR_PAGES)
        idle = NULL;
    if (idle != NULL)
        idle->taken = true;
    pthread_mutex_unlock(&pump->lock);
    return idle;
}

static struct fx_message copy_of(struct fx_scope *sc, const struct fx_message *message) {
    struct fx_message copy = *message;

    copy.key = fx_strdup(sc, message->key);
    copy.parent = fx_strdup(sc, message->parent);
    copy.channel = fx_strdup(sc, message->channel);
    copy.user = fx_strdup(sc, message->user);
    copy.response_url = fx_strdup(sc, message->response_url);
    copy.payload_json = fx_strdup(sc, message->payload_json);
    copy.last_error = fx_strdup(sc, message->last_error);
    copy.lane = fx_strdup(sc, message->lane);
    copy.ts = fx_strdup(sc, message->ts);
    copy.parent_ts = fx_strdup(sc, message->parent_ts);
    return copy;
}

/* A message that was begun; NULL: there is none, after all. */
static void give(struct engine_sender *sender, const struct fx_message *message) {
    struct engine_pump *pump = sender->pump;
    struct fx_scope *sc = NULL;
    struct fx_message copy = {0};

    if (message != NULL) {
        sc = fx_scope_new(NULL);
        fx_scope_set_log(sc, pump->engine->options.log);
        copy = copy_of(sc, message);
    }
    pthread_mutex_lock(&pump->lock);
    sender->message = copy;
    sender->sc = sc;
    sender->taken = false;
    pthread_mutex_unlock(&pump->lock);
    pthread_cond_signal(&sender->given);
}

/* ---- the look ---- */

/* True when the outbox should be looked at once more before anybody waits. *io_next_ms becomes at
 * most the moment when its lane is free. */
static bool try_message(struct engine_pump *pump, struct fx_scope *sc,
                        const struct fx_message *message, int64_t *io_next_ms) {
    struct fx_store *store = pump->engine->options.store;
    struct engine_sender *sender = take(pump, message->kind);
    int64_t now = fx_wall_ms(pump->engine->options.clock);
    struct fx_error err = {0};

    if (sender == NULL) /* whoever is ready next wakes us */
        return false;
    enum fx_code code = store->outbox_begin(store, sc, message->seq, now, &err);

    give(sender, code == FX_OK ? message : NULL);
    if (code == FX_OK)
        return false;
    if (code == FX_ERR_CONFLICT) /* replaced by a newer one meanwhile, or taken */
        return true;
    if (code != FX_ERR_THROTTLED) {
        fx_log(sc, FX_LOG_ERROR, "outbox.not_begun", FX_S("key", message->key), FX_E(&err));
        return false;
    }
    if (*io_next_ms == 0 || now + err.retry_after_ms < *io_next_ms)
        *io_next_ms = now + err.retry_after_ms;
    return false;
}

/* One look at the outbox: how long to wait for the next. */
static int64_t pump_once(struct engine_pump *pump) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_engine *engine = pump->engine;
    struct fx_store *store = engine->options.store;
    struct fx_message **ready = NULL;
    size_t count = 0;
    int64_t next_ms = 0;
    bool again = false;
    struct fx_error err = {0};

    fx_scope_set_log(sc, engine->options.log);
    engine_tell_storms(engine, sc);
    if (store->outbox_ready(store, sc, fx_wall_ms(engine->options.clock), 1, &ready, &count,
                            &next_ms, &err) != FX_OK) {
        fx_log(sc, FX_LOG_ERROR, "outbox.unreadable", FX_E(&err));
        return FX_ENGINE_POLL_MS;
    }
    fx_metrics_set(engine->options.metrics, FX_METRIC_OUTBOX_WAITING, (int64_t)count);
    for (size_t i = 0; i < count && !atomic_load(&engine->stopping); i++)
        again |= try_message(pump, sc, ready[i], &next_ms);
    if (again)
        return 0;
    int64_t now = fx_wall_ms(engine->options.clock);
    int64_t wait = next_ms == 0 ? FX_ENGINE_POLL_MS : next_ms - now;

    return wait < 1 ? 1 : wait < FX_ENGINE_POLL_MS ? wait : FX_ENGINE_POLL_MS;
}

/* ---- life ---- */

void engine_pump_start(struct fx_engine *engine) {
    struct engine_pump *pump = FX_NEW(engine->scope, struct engine_pump);

    pump->engine = engine;
    pthread_mutex_init(&pump->lock, NULL);
    for (size_t i = 0; i < FX_COUNT_OF(pump->senders); i++) {
        struct engine_sender *sender = &pump->senders[i];

        sender->pump = pump;
        pthread_cond_init(&sender->given, NULL);
        if (pthread_create(&sender->thread, NULL, sender_main, sender) != 0)
            abort(); /* no threads left at start: nothing useful can follow */
    }
    engine->pump = pump;
}

/* What is under way is finished. */
static void close_pump(struct engine_pump *pump) {
    pthread_mutex_lock(&pump->lock);
    pump->closed = true;
    for (size_t i = 0; i < FX_COUNT_OF(pump->senders); i++)
        pthread_cond_signal(&pump->senders[i].given);
    pthread_mutex_unlock(&pump->lock);
    for (size_t i = 0; i < FX_COUNT_OF(pump->senders); i++)
        pthread_join(pump->senders[i].thread, NULL);
}

void engine_pump_free(struct fx_engine *engine) {
    struct engine_pump *pump = engine->pump;

    for (size_t i = 0; i < FX_COUNT_OF(pump->senders); i++)
        pthread_cond_destroy(&pump->senders[i].given);
    pthread_mutex_destroy(&pump->lock);
}

void *engine_outbox_main(void *argument) {
    struct fx_engine *engine = argument;
    struct engine_pump *pump = engine->pump;

    while (!atomic_load(&engine->stopping)) {
        int64_t wait_ms = pump_once(pump);

        engine_pulse(&engine->outbox_pulse, engine->options.clock, FX_ENGINE_STALL_MS);
        if (wait_ms > 0)
            engine->options.state->wait(engine->options.state, "outbox", wait_ms);
    }
    close_pump(pump);
    engine_thread_ends(engine, &engine->outbox_pulse);
    return NULL;
}
