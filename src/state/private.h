/* private.h - the state in Redis, as its files see it. */
#pragma once

#include "fluxabot/redis.h"
#include "fluxabot/state.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    STATE_SENDER_BYTES = 16,
    STATE_CHANNEL_MAX = 31, /* as much of a channel's name as counts */
    STATE_PENDING_MAX = 16, /* channels that wait to be told to others */
};

struct redis_state {
    struct fx_state state;
    struct fx_scope *sc;
    struct fx_state_options options;
    const char *prefix;   /* of all keys: "fluxabot:default:" */
    const char *sender;   /* who this process is among those that wake each other */
    struct fx_slice seal; /* derived from the options' */

    /* Wake-ups, this process's own counters, and values while Redis is away. */
    struct fx_state *local;
    /* Keys for which Redis may hold a value older than the last one put here. */
    struct fx_state *unsettled;

    /* What only the one who has taken the line may touch. */
    struct fx_redis *commands; /* NULL while Redis is away */
    struct fx_error trouble;   /* why it is */
    /* Written with the line taken, looked at without. */
    atomic_bool there;
    _Atomic int64_t absences;

    pthread_mutex_t lock; /* guards what follows; never held while Redis is waited for */
    bool line_taken;
    pthread_cond_t line_free;
    char pending[STATE_PENDING_MAX][STATE_CHANNEL_MAX + 1];
    size_t pending_count;

    pthread_t link;
    int bell; /* an eventfd: the link has something to do */
    atomic_bool stopping;
};

/* ---- line.c: one command at a time ---- */

void state_line_init(struct redis_state *redis);
void state_line_release(struct redis_state *redis);
/* Waits for as long as it takes; for the link's thread. */
void state_take_line(struct redis_state *redis);
void state_leave_line(struct redis_state *redis);
/* Redis is away from now on; err says why. Called with the line taken. */
void state_lose(struct redis_state *redis, const struct fx_error *err);
/* Runs one command when Redis is there. False when it is not, or when it fails, which ends the
 * connection unless only this key is to blame. The reply lives in sc. */
bool state_command(struct redis_state *redis, struct fx_scope *sc, const struct fx_slice *arguments,
                   size_t count, const struct fx_redis_reply **ret_reply);
/* Wakes the link's thread. */
void state_ring(struct redis_state *redis);

/* ---- redis.c ---- */

/* A command that counts one under this name, for window_ms. */
enum { STATE_COUNT_WORDS = 5 };
void state_count_words(struct fx_scope *sc, const char *name, int64_t window_ms,
                       struct fx_slice ret_words[STATE_COUNT_WORDS]);
enum fx_code state_redis_check(const struct fx_state_options *options, struct fx_error *err);

/* ---- seal.c ---- */

struct fx_slice state_seal(struct fx_scope *sc, struct fx_slice seal, const char *key,
                           struct fx_slice value);
/* NULL when it was not sealed by one of us, for this key. */
const char *state_unseal(struct fx_scope *sc, struct fx_slice seal, const char *key,
                         struct fx_slice sealed);

/* ---- link.c: the thread that keeps the connections ---- */

void *state_link_main(void *redis_state);
