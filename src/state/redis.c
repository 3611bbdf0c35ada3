/* redis.c - the state that several processes share. Every operation asks Redis once at most, and
 * goes on with the memory of this process when that brings nothing. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <assert.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct redis_state *redis_of(struct fx_state *state) {
    return FX_CONTAINER_OF(state, struct redis_state, state);
}

/* ---- keys ---- */

static const char *key_of(struct redis_state *redis, struct fx_scope *sc, char kind,
                          const char *key) {
    return fx_printf(sc, "%s%c:%s", redis->prefix, kind, key);
}

static struct fx_slice decimal(struct fx_scope *sc, int64_t number) {
    return fx_slice_of(fx_printf(sc, "%lld", (long long)number));
}

static int64_t at_most_max_ttl(int64_t ms) {
    return ms < FX_STATE_MAX_TTL_MS ? ms : FX_STATE_MAX_TTL_MS;
}

static bool is_shared(const char *key) {
    return strnlen(key, FX_STATE_MAX_KEY_BYTES + 1) <= FX_STATE_MAX_KEY_BYTES;
}

/* ---- values ---- */

static void delete_local(struct fx_state *state, const char *key) {
    state->put(state, key, (struct fx_slice){0}, 0);
}

/* What was put during an absence is read during this one only: others may put a newer one later. */
static const char *local_key(struct redis_state *redis, struct fx_scope *sc, const char *key) {
    return fx_printf(sc, "%lld:%s", (long long)atomic_load(&redis->absences), key);
}

/* Redis knows the newest there is, so nothing here may be taken for it later. */
static void forget_here(struct redis_state *redis, struct fx_scope *sc, const char *key) {
    delete_local(redis->local, local_key(redis, sc, key));
    delete_local(redis->unsettled, key);
}

static bool put_shared(struct redis_state *redis, struct fx_scope *sc, const char *key,
                       struct fx_slice value, int64_t ttl_ms) {
    const char *name = key_of(redis, sc, 'v', key);
    const struct fx_redis_reply *reply = NULL;

    if (ttl_ms <= 0 || value.len > FX_STATE_MAX_VALUE_BYTES ||
        (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL))
        return state_command(redis, sc, (struct fx_slice[]){FX_SLICE("DEL"), fx_slice_of(name)}, 2,
                             &reply);
    const struct fx_slice words[] = {FX_SLICE("SET"), fx_slice_of(name),
                                     state_seal(sc, redis->seal, name, value), FX_SLICE("PX"),
                                     decimal(sc, at_most_max_ttl(ttl_ms))};

    return state_command(redis, sc, words, FX_COUNT_OF(words), &reply);
}

/* A put that timed out may have reached Redis or not, and one during an absence has not. Such a key
 * is unsettled: Redis is not asked for it again before it has deleted what it has. */
static void put_value(struct fx_state *state, const char *key, struct fx_slice value,
                      int64_t ttl_ms) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct redis_state *redis = redis_of(state);

    if (is_shared(key) && put_shared(redis, sc, key, value, ttl_ms)) {
        forget_here(redis, sc, key);
        return;
    }
    redis->local->put(redis->local, local_key(redis, sc, key), value, ttl_ms);
    redis->unsettled->put(redis->unsettled, key, FX_SLICE("1"), FX_STATE_MAX_TTL_MS);
}

/* Deletes what Redis holds for the key, so that from now on all processes agree: it is absent. */
static bool settle(struct redis_state *redis, struct fx_scope *sc, const char *key) {
    const struct fx_slice words[] = {FX_SLICE("DEL"), fx_slice_of(key_of(redis, sc, 'v', key))};
    const struct fx_redis_reply *reply = NULL;

    if (!state_command(redis, sc, words, FX_COUNT_OF(words), &reply))
        return false;
    forget_here(redis, sc, key);
    return true;
}

/* False when Redis cannot say. */
static bool get_shared(struct redis_state *redis, struct fx_scope *sc, const char *key,
                       const char **ret_value) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *own = fx_scope_new(NULL);
    const char *name = key_of(redis, own, 'v', key);
    const struct fx_redis_reply *reply = NULL;

    if (redis->unsettled->get(redis->unsettled, own, key) != NULL)
        return settle(redis, own, key);
    if (!state_command(redis, own, (struct fx_slice[]){FX_SLICE("GET"), fx_slice_of(name)}, 2,
                       &reply))
        return false;
    if (reply->kind == FX_REDIS_TEXT)
        *ret_value = fx_strdup(sc, state_unseal(own, redis->seal, name, reply->text));
    return true;
}

static const char *get_value(struct fx_state *state, struct fx_scope *sc, const char *key) {
    struct redis_state *redis = redis_of(state);
    const char *value = NULL;

    if (is_shared(key) && get_shared(redis, sc, key, &value))
        return value;
    return redis->local->get(redis->local, sc, local_key(redis, sc, key));
}

/* ---- counters ---- */

/* One script, so that no crash of anybody leaves a counter without an end. Sent whole each time:
 * Redis forgets scripts when it restarts. */
static const char count_script[] =
    "local n = redis.call('INCR', KEYS[1]) "
    "if n == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end "
    "return n";

void state_count_words(struct fx_scope *sc, const char *name, int64_t window_ms,
                       struct fx_slice ret_words[STATE_COUNT_WORDS]) {
    ret_words[0] = FX_SLICE("EVAL");
    ret_words[1] = fx_slice_of(count_script);
    ret_words[2] = FX_SLICE("1");
    ret_words[3] = fx_slice_of(name);
    ret_words[4] = decimal(sc, at_most_max_ttl(window_ms));
}

/* 0 when Redis cannot say. */
static int64_t count_shared(struct redis_state *redis, const char *key, int64_t window_ms) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const struct fx_redis_reply *reply = NULL;
    struct fx_slice words[STATE_COUNT_WORDS];

    state_count_words(sc, key_of(redis, sc, 'c', key), window_ms, words);
    if (!state_command(redis, sc, words, STATE_COUNT_WORDS, &reply) ||
        reply->kind != FX_REDIS_INTEGER)
        return 0;
    return reply->integer;
}

static int64_t count_one(struct fx_state *state, const char *key, int64_t window_ms) {
    struct redis_state *redis = redis_of(state);
    int64_t own = redis->local->count(redis->local, key, window_ms);
    int64_t all = window_ms > 0 && is_shared(key) ? count_shared(redis, key, window_ms) : 0;

    return all > own ? all : own;
}

/* ---- wake-ups ---- */

/* Others are told by the link's thread: nobody who wakes waits for Redis. */
static void tell_others(struct redis_state *redis, const char *channel) {
    bool news = true;

    pthread_mutex_lock(&redis->lock);
    for (size_t i = 0; i < redis->pending_count && news; i++)
        news = strncmp(redis->pending[i], channel, STATE_CHANNEL_MAX) != 0;
    news = news && redis->pending_count < STATE_PENDING_MAX;
    if (news) {
        char *name = redis->pending[redis->pending_count++];

        memset(name, 0, STATE_CHANNEL_MAX + 1);
        memcpy(name, channel, strnlen(channel, STATE_CHANNEL_MAX));
    }
    pthread_mutex_unlock(&redis->lock);
    if (news)
        state_ring(redis);
}

static void wake_channel(struct fx_state *state, const char *channel) {
    struct redis_state *redis = redis_of(state);

    redis->local->wake(redis->local, channel);
    tell_others(redis, channel);
}

static void wait_channel(struct fx_state *state, const char *channel, int64_t timeout_ms) {
    struct redis_state *redis = redis_of(state);

    redis->local->wait(redis->local, channel, timeout_ms);
}

/* ---- life ---- */

static void redis_close(struct fx_state *state) {
    if (state == NULL)
        return;

    struct redis_state *redis = redis_of(state);
    atomic_store(&redis->stopping, true);
    state_ring(redis);
    pthread_join(redis->link, NULL);
    redis->local->close(redis->local);
    redis->unsettled->close(redis->unsettled);
    close(redis->bell);
    state_line_release(redis);
    pthread_mutex_destroy(&redis->lock);
    fx_scope_free(redis->sc);
}

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

static const char *keep_secret(struct fx_scope *sc, const char *text) {
    char *kept = fx_strdup(sc, text);

    if (kept != NULL)
        fx_defer(sc, wipe, kept);
    return kept;
}

static void wipe_seal(void *seal) {
    explicit_bzero(seal, FX_SHA256_BYTES);
}

/* Not the secret itself: it has another use elsewhere. */
static struct fx_slice derive_seal(struct fx_scope *sc, struct fx_slice secret) {
    uint8_t *seal = fx_alloc(sc, FX_SHA256_BYTES);

    fx_hmac_sha256(secret, FX_SLICE("fluxabot: seal of values in the shared state"), seal);
    fx_defer(sc, wipe_seal, seal);
    return (struct fx_slice){(const char *)seal, FX_SHA256_BYTES};
}

static const char *new_sender(struct fx_scope *sc, struct fx_random *random) {
    uint8_t bytes[STATE_SENDER_BYTES];

    random->fill(random, bytes, sizeof(bytes));
    return fx_hex(sc, bytes, sizeof(bytes));
}

static const char *namespace_of(const struct fx_state_options *options) {
    return options->namespace != NULL ? options->namespace : "default";
}

static bool is_namespace(const char *text) {
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return len > 0 && len <= FX_STATE_MAX_NAMESPACE && text[len] == '\0';
}

enum fx_code state_redis_check(const struct fx_state_options *options, struct fx_error *err) {
    if (!is_namespace(namespace_of(options)))
        return fx_fail(err, FX_ERR_INPUT,
                       "a namespace is 1 to %d letters, digits, dots, dashes and underscores",
                       FX_STATE_MAX_NAMESPACE);
    return fx_redis_check(&(struct fx_redis_options){.url = options->url,
                                                     .username = options->username,
                                                     .password = options->password,
                                                     .ca_file = options->ca_file},
                          err);
}

static void copy_options(struct redis_state *redis, const struct fx_state_options *options) {
    redis->options =
        (struct fx_state_options){.url = keep_secret(redis->sc, options->url),
                                  .username = keep_secret(redis->sc, options->username),
                                  .password = keep_secret(redis->sc, options->password),
                                  .ca_file = fx_strdup(redis->sc, options->ca_file),
                                  .clock = options->clock,
                                  .random = options->random,
                                  .log = options->log};
    redis->prefix = fx_printf(redis->sc, "fluxabot:%s:", namespace_of(options));
    redis->sender = new_sender(redis->sc, options->random);
    redis->seal = derive_seal(redis->sc, options->seal);
}

enum fx_code fx_state_redis_new(const struct fx_state_options *options, struct fx_state **ret_state,
                                struct fx_error *err) {
    FX_TRY(state_redis_check(options, err));
    if (options->seal.len == 0)
        return fx_fail(err, FX_ERR_INPUT, "there is no secret to seal the shared state with");

    struct fx_scope *sc = fx_scope_new(NULL);
    struct redis_state *redis = FX_NEW(sc, struct redis_state);
    redis->sc = sc;
    copy_options(redis, options);
    redis->state = (struct fx_state){
        .close = redis_close,
        .put = put_value,
        .get = get_value,
        .count = count_one,
        .wake = wake_channel,
        .wait = wait_channel,
    };
    redis->local = fx_state_memory_new(options->clock);
    redis->unsettled = fx_state_memory_new(options->clock);
    pthread_mutex_init(&redis->lock, NULL);
    state_line_init(redis);
    redis->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = redis->bell < 0 ? -1 : pthread_create(&redis->link, NULL, state_link_main, redis);

    assert(failed == 0); /* at the start of the process there is always room for one more */
    *ret_state = &redis->state;
    return FX_OK;
}
