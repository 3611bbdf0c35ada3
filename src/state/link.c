/* link.c - the thread that keeps the connections to Redis: one for commands, which all threads use,
 * and one that hears wake-ups. Both stand or fall together. Nobody waits for this thread, so
 * connecting may be slow; after a failure it lets Redis rest, longer each time. */
#include "private.h"

#include "fluxabot/base/log.h"

#include <string.h>
#include <sys/eventfd.h>

enum { MESSAGES_PER_TURN = 64 };

struct link {
    struct redis_state *redis;
    struct fx_scope *sc; /* for the log */
    const char *topic;   /* where wake-ups are published: "SENDER CHANNEL", a heartbeat has none */
    struct fx_redis *listener;
    int64_t since_ms; /* when both connections stood */
    int failures;
    bool told_lost;
    int64_t beat_ms; /* when the last heartbeat left */
    bool heard_beat;
};

static int64_t now_ms(void) {
    return fx_mono_ms(fx_clock_system());
}

static void drain_bell(struct redis_state *redis) {
    eventfd_t rings = 0;

    eventfd_read(redis->bell, &rings);
}

/* ---- telling and hearing ---- */

static bool publish(struct link *link, const char *channel) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *message = fx_printf(sc, "%s %s", link->redis->sender, channel);
    const struct fx_redis_reply *reply = NULL;

    return state_command(
        link->redis, sc,
        (struct fx_slice[]){FX_SLICE("PUBLISH"), fx_slice_of(link->topic), fx_slice_of(message)}, 3,
        &reply);
}

static bool take_pending(struct redis_state *redis, char channel[STATE_CHANNEL_MAX + 1]) {
    bool taken = false;

    pthread_mutex_lock(&redis->lock);
    if (redis->pending_count > 0) {
        memcpy(channel, redis->pending[--redis->pending_count], STATE_CHANNEL_MAX + 1);
        taken = true;
    }
    pthread_mutex_unlock(&redis->lock);
    return taken;
}

static void publish_pending(struct link *link) {
    char channel[STATE_CHANNEL_MAX + 1];

    while (atomic_load(&link->redis->there) && take_pending(link->redis, channel))
        publish(link, channel); /* one that is lost is found by its receiver's next look */
}

/* A heartbeat leaves by one connection and must come back by the other. */
static bool beat(struct link *link, int64_t now, struct fx_error *err) {
    if (now - link->beat_ms < FX_STATE_HEARTBEAT_MS)
        return true;
    if (!link->heard_beat) {
        (void)!fx_fail(err, FX_ERR_TIMEOUT, "Redis answers, but its messages do not arrive");
        return false;
    }
    link->heard_beat = false;
    link->beat_ms = now;
    publish(link, "");
    return true;
}

/* "message", topic, "SENDER CHANNEL". Our own only show that we are heard. */
static void hear(struct link *link, const struct fx_redis_reply *reply) {
    struct redis_state *redis = link->redis;
    struct fx_slice sender, channel;

    if (reply->kind != FX_REDIS_LIST || reply->items_count != 3 ||
        !fx_slice_equal_text(reply->items[0]->text, "message") ||
        !fx_slice_split(reply->items[2]->text, ' ', &sender, &channel))
        return;
    if (fx_slice_equal_text(sender, redis->sender)) {
        link->heard_beat = true;
        return;
    }
    if (channel.len == 0 || channel.len > STATE_CHANNEL_MAX ||
        memchr(channel.ptr, '\0', channel.len) != NULL)
        return;
    redis->local->wake(redis->local, channel.ptr);
}

/* False when the connection is over. A flood of messages is interrupted for what else there is. */
static bool hear_all(struct link *link, struct fx_error *err) {
    for (int i = 0; i < MESSAGES_PER_TURN; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        const struct fx_redis_reply *reply = NULL;
        enum fx_code code = fx_redis_receive(link->listener, sc, 0, &reply, err);

        if (code == FX_ERR_TIMEOUT)
            return true;
        if (code != FX_OK)
            return false;
        hear(link, reply);
    }
    state_ring(link->redis); /* there is more: do not wait */
    return true;
}

/* ---- the connections ---- */

static enum fx_code open_connection(struct redis_state *redis, struct fx_redis **ret_connection,
                                    struct fx_error *err) {
    return fx_redis_open(&(struct fx_redis_options){.url = redis->options.url,
                                                    .username = redis->options.username,
                                                    .password = redis->options.password,
                                                    .ca_file = redis->options.ca_file,
                                                    .clock = fx_clock_system(),
                                                    .timeout_ms = FX_STATE_CONNECT_TIMEOUT_MS},
                         ret_connection, err);
}

static void close_connection(struct fx_redis **connection) {
    fx_redis_close(*connection);
}

/* Counts on a key of its own: a replica, a user without rights and a Redis without scripts are
 * found out here and not by the first alarm. */
static enum fx_code open_commands(struct redis_state *redis, struct fx_redis **ret_commands,
                                  struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    FX_CLEANUP(close_connection) struct fx_redis *commands = NULL;
    const struct fx_redis_reply *reply = NULL;
    struct fx_slice words[STATE_COUNT_WORDS];

    FX_TRY(open_connection(redis, &commands, err));
    state_count_words(sc, fx_printf(sc, "%sprobe", redis->prefix), FX_STATE_CONNECT_TIMEOUT_MS,
                      words);
    FX_TRY(fx_redis_call(commands, sc, words, STATE_COUNT_WORDS, FX_STATE_CONNECT_TIMEOUT_MS,
                         &reply, err));
    *ret_commands = FX_TAKE(commands);
    return FX_OK;
}

static enum fx_code open_listener(struct link *link, struct fx_redis **ret_listener,
                                  struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    FX_CLEANUP(close_connection) struct fx_redis *listener = NULL;
    const struct fx_slice words[] = {FX_SLICE("SUBSCRIBE"), fx_slice_of(link->topic)};
    const struct fx_redis_reply *reply = NULL;

    FX_TRY(open_connection(link->redis, &listener, err));
    FX_TRY(fx_redis_call(listener, sc, words, 2, FX_STATE_CONNECT_TIMEOUT_MS, &reply, err));
    *ret_listener = FX_TAKE(listener);
    return FX_OK;
}

static enum fx_code open_both(struct link *link, struct fx_error *err) {
    struct redis_state *redis = link->redis;
    FX_CLEANUP(close_connection) struct fx_redis *commands = NULL;

    FX_TRY(open_commands(redis, &commands, err));
    FX_TRY(open_listener(link, &link->listener, err));
    state_take_line(redis);
    redis->commands = FX_TAKE(commands);
    atomic_store(&redis->there, true);
    state_leave_line(redis);
    link->since_ms = link->beat_ms = now_ms();
    link->heard_beat = true;
    return FX_OK;
}

/* err is our own reason, if any; a command that failed first has left its own. */
static void close_both(struct link *link, struct fx_error *err) {
    struct redis_state *redis = link->redis;

    state_take_line(redis);
    state_lose(redis, err);
    *err = redis->trouble;
    state_leave_line(redis);
    fx_redis_close(link->listener);
    link->listener = NULL;
}

/* Returns when the connections are of no use any more, or we stop. */
static void serve(struct link *link, struct fx_error *err) {
    struct redis_state *redis = link->redis;

    while (!atomic_load(&redis->stopping)) {
        publish_pending(link);
        int64_t now = now_ms();

        if (!beat(link, now, err) || !hear_all(link, err) || !atomic_load(&redis->there))
            return;
        fx_redis_wait(link->listener, redis->bell, link->beat_ms + FX_STATE_HEARTBEAT_MS - now);
        drain_bell(redis);
    }
}

/* ---- the breaker ---- */

static int64_t rest_ms(struct link *link) {
    int64_t base = FX_STATE_RETRY_MAX_MS;
    uint32_t chance = 0;

    if (link->failures < 5)
        base = (int64_t)FX_STATE_RETRY_MIN_MS << link->failures;
    link->failures++;
    link->redis->options.random->fill(link->redis->options.random, &chance, sizeof(chance));
    return base + (int64_t)(chance % (uint64_t)(base / 4 + 1));
}

static void rest(struct link *link) {
    int64_t until = now_ms() + rest_ms(link), now = 0;

    while (!atomic_load(&link->redis->stopping) && (now = now_ms()) < until) {
        fx_redis_wait(NULL, link->redis->bell, until - now);
        drain_bell(link->redis);
    }
}

static void tell_lost(struct link *link, const struct fx_error *err) {
    if (!link->told_lost)
        fx_log(link->sc, FX_LOG_WARN, "state.lost", FX_E(err),
               FX_S("now", "this process counts, caches and wakes for itself alone"));
    link->told_lost = true;
}

static void tell_back(struct link *link) {
    if (link->told_lost)
        fx_log(link->sc, FX_LOG_INFO, "state.back");
    link->told_lost = false;
}

/* A connection that soon breaks again is a failure like one that never stood. */
static void forgive(struct link *link) {
    if (now_ms() - link->since_ms >= FX_STATE_RETRY_MAX_MS)
        link->failures = 0;
}

void *state_link_main(void *redis_state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct redis_state *redis = redis_state;
    struct link link = {.redis = redis, .sc = sc, .topic = fx_printf(sc, "%swake", redis->prefix)};

    fx_scope_set_log(sc, redis->options.log);
    while (!atomic_load(&redis->stopping)) {
        struct fx_error err = {0};

        if (open_both(&link, &err) == FX_OK) {
            tell_back(&link);
            serve(&link, &err);
            close_both(&link, &err);
            forgive(&link);
        }
        if (atomic_load(&redis->stopping))
            break;
        tell_lost(&link, &err);
        rest(&link);
    }
    return NULL;
}
