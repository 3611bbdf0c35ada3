/* state.h - what may be lost: wake-ups, short caches, counters shared by the threads of a process.
 *
 * Nothing here decides whether a step runs. With the state gone each key is absent, and only
 * latency grows. All operations may be called from any thread and never fail.
 */
#pragma once

#include "fluxabot/base/clock.h"

enum { FX_STATE_MAX_KEYS = 4096, FX_STATE_MAX_VALUE_BYTES = 64 << 10 };

struct fx_state {
    void (*close)(struct fx_state *state);
    /* A value that disappears after ttl_ms; the oldest goes first when there are too many. */
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
