/* redis_rig.h - states on a private Redis, and the log they tell.
 *
 * Setup and teardown for cmocka; *state is a struct redis_rig.
 */
#pragma once

#include "support/redis_server.h"

#include "fluxabot/state.h"

#include <stdio.h>

#define RIG_PASSWORD "s3cret-word"
#define RIG_LOG "state.log"
#define RIG_KEY(kind, key) "fluxabot:default:" kind ":" key

enum { RIG_LONG_MS = 600000, RIG_FOREVER_MS = 60000, RIG_SOON_MS = 10000, RIG_STATES_MAX = 4 };

struct redis_rig {
    struct redis_server server;
    struct fx_scope *sc;
    FILE *stream;
    struct fx_log *log;
    struct fx_state *states[RIG_STATES_MAX]; /* closed at the end, newest first */
    size_t states_count;
    int awaited; /* keys used to find out whether Redis is there */
};

int rig_setup(void **state);
int rig_setup_tls(void **state);
int rig_teardown(void **state);

/* What a test changes in them before rig_open. */
struct fx_state_options rig_options(struct redis_rig *rig);
/* Opens a state and waits for nothing. */
struct fx_state *rig_open(struct redis_rig *rig, const struct fx_state_options *options);
/* Opens a state and waits until it uses Redis. */
struct fx_state *rig_open_shared(struct redis_rig *rig);
/* Closes the newest before the end. */
void rig_close_newest(struct redis_rig *rig);

/* Waits until what state puts reaches Redis, or stops the test. */
void rig_await_shared(struct redis_rig *rig, struct fx_state *state);
/* Waits until so many lines of the log hold the text. */
void rig_await_log(struct redis_rig *rig, const char *text, int count);
int rig_log_count(struct redis_rig *rig, const char *text);

void rig_put(struct fx_state *state, const char *key, const char *value);
const char *rig_get(struct redis_rig *rig, struct fx_state *state, const char *key);
