/* state.h - what may be lost: wake-ups, short caches, counters; of one process, or shared by
 * several through Redis.
 *
 * Nothing here decides whether a step runs. With the state gone each key is absent, and only
 * latency grows. All operations may be called from any thread and never fail.
 *
 * What Redis adds, and what it cannot:
 * - Without Redis a process goes on alone, with what it counts and puts from then on. It looks for
 *   Redis again by itself, and tells its log once that Redis is lost and once that it is back.
 * - A counter never says less than this process counted itself. While Redis is away, or after it
 *   was wiped, it may say less than all processes counted together: it errs towards letting
 *   through. A limit then holds for each process by itself.
 * - A value is sealed: one that nobody with the same seal has put is absent. So whoever can write
 *   to this Redis can make us forget, refuse (by high counters) and look too often, but cannot
 *   make us believe. Values are not hidden: no secret belongs into one.
 * - A process reads no value older than the one it put last itself. Across processes an older one
 *   may be read, until its own time is over, when Redis was away for one of them.
 * - A wake-up reaches this process at once and always, the others soon and mostly: who waits also
 *   looks by himself now and then.
 */
#pragma once

#include "fluxabot/base/clock.h"

struct fx_log;

enum {
    FX_STATE_MAX_KEYS = 4096, /* in memory; Redis has a limit of its own, maxmemory */
    FX_STATE_MAX_VALUE_BYTES = 64 << 10,
    FX_STATE_MAX_KEY_BYTES = 1024,              /* a longer key is not shared */
    FX_STATE_MAX_TTL_MS = 7 * 24 * 3600 * 1000, /* in Redis; more counts as this */
    FX_STATE_MAX_NAMESPACE = 32,
};

/* An operation is held up by Redis for at most these two together. */
enum { FX_STATE_QUEUE_TIMEOUT_MS = 100, FX_STATE_COMMAND_TIMEOUT_MS = 200 };

/* Looking for Redis is the business of a thread that nobody waits for. */
enum {
    FX_STATE_CONNECT_TIMEOUT_MS = 1000,
    FX_STATE_RETRY_MIN_MS = 1000, /* after a failure; doubled, and up to a quarter added */
    FX_STATE_RETRY_MAX_MS = 30000,
    FX_STATE_HEARTBEAT_MS = 10000, /* how soon a silent death is noticed */
};

struct fx_state {
    void (*close)(struct fx_state *state);
    /* A value that disappears after ttl_ms; the oldest goes first when there are too many. One that
     * is too large, or holds a zero byte, is not kept, and neither is the one before it. */
    void (*put)(struct fx_state *state, const char *key, struct fx_slice value, int64_t ttl_ms);
    /* NULL when absent. */
    const char *(*get)(struct fx_state *state, struct fx_scope *sc, const char *key);
    /* Counts one and answers how many there were within the last window_ms (a fixed window). */
    int64_t (*count)(struct fx_state *state, const char *key, int64_t window_ms);
    /* Wakes whoever waits on channel ("jobs", "outbox"). Never lost when nobody waits yet. */
    void (*wake)(struct fx_state *state, const char *channel);
    /* Returns after a wake or timeout_ms. */
    void (*wait)(struct fx_state *state, const char *channel, int64_t timeout_ms);
};

/* In-process; url "memory:". */
struct fx_state *fx_state_memory_new(struct fx_clock *clock);

struct fx_state_options {
    const char *url;                 /* memory:, redis://, rediss:// or unix://, see redis.h */
    const char *username, *password; /* NULL: those of the url */
    const char *ca_file;             /* of rediss://; NULL: the system's */
    const char *namespace;           /* apart from other installations; NULL: "default" */
    struct fx_slice seal;            /* a secret that all processes share; not for memory: */
    struct fx_clock *clock;
    struct fx_random *random;
    struct fx_log *log; /* NULL: tells nobody */
};

/* Whether fx_state_open would take these; connects to nobody. FX_ERR_INPUT. */
enum fx_code fx_state_check(const struct fx_state_options *options, struct fx_error *err);
/* The state that url names. FX_ERR_INPUT as fx_state_check, and without a seal; that Redis is away
 * is no failure. The options are copied, but for clock, random and log. */
enum fx_code fx_state_open(const struct fx_state_options *options, struct fx_state **ret_state,
                           struct fx_error *err);
/* The same for the addresses of Redis only. */
enum fx_code fx_state_redis_new(const struct fx_state_options *options, struct fx_state **ret_state,
                                struct fx_error *err);
