/* redis_rig.c - see redis_rig.h */
#include "support/redis_rig.h"

#include "fluxabot/base/log.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 5, TRIES = 12000 };

static int setup_with(void **state, bool tls) {
    struct redis_rig *rig = calloc(1, sizeof(*rig));

    rig->sc = fx_scope_new(NULL);
    rig->server.password = RIG_PASSWORD;
    rig->server.tls = tls;
    redis_server_start(&rig->server);
    rig->stream = fopen(redis_server_file(&rig->server, rig->sc, RIG_LOG), "w");
    assert_non_null(rig->stream);
    rig->log = fx_log_new(rig->stream, FX_LOG_DEBUG, fx_clock_system());
    *state = rig;
    return 0;
}

int rig_setup(void **state) {
    return setup_with(state, false);
}

int rig_setup_tls(void **state) {
    return setup_with(state, true);
}

void rig_close_newest(struct redis_rig *rig) {
    struct fx_state *state = rig->states[--rig->states_count];

    state->close(state);
}

int rig_teardown(void **state) {
    struct redis_rig *rig = *state;

    while (rig->states_count > 0)
        rig_close_newest(rig);
    /* whatever a test was about, nobody tells a secret */
    assert_int_equal(redis_server_count_in(&rig->server, RIG_LOG, RIG_PASSWORD), 0);
    fx_log_free(rig->log);
    fclose(rig->stream);
    redis_server_stop(&rig->server);
    fx_scope_free(rig->sc);
    free(rig);
    return 0;
}

struct fx_state_options rig_options(struct redis_rig *rig) {
    return (struct fx_state_options){
        .url = redis_server_url(&rig->server, rig->sc),
        .password = RIG_PASSWORD,
        .ca_file =
            rig->server.tls ? redis_server_file(&rig->server, rig->sc, "certificate.pem") : NULL,
        .seal = FX_SLICE("a secret of all processes"),
        .clock = fx_clock_system(),
        .random = fx_random_system(),
        .log = rig->log,
    };
}

struct fx_state *rig_open(struct redis_rig *rig, const struct fx_state_options *options) {
    struct fx_error err;

    assert_true(rig->states_count < RIG_STATES_MAX);
    assert_ok(fx_state_open(options, &rig->states[rig->states_count], &err));
    return rig->states[rig->states_count++];
}

struct fx_state *rig_open_shared(struct redis_rig *rig) {
    struct fx_state_options options = rig_options(rig);
    struct fx_state *state = rig_open(rig, &options);

    rig_await_shared(rig, state);
    return state;
}

/* A new key each time: one that was put while Redis was away is settled first. */
void rig_await_shared(struct redis_rig *rig, struct fx_state *state) {
    for (int i = 0; i < TRIES; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        const char *key = fx_printf(sc, "await %d", rig->awaited++);

        rig_put(state, key, "x");
        if (redis_server_ask(&rig->server, sc, "EXISTS", fx_printf(sc, RIG_KEY("v", "%s"), key),
                             NULL)
                ->integer == 1)
            return;
        poll(NULL, 0, PAUSE_MS);
    }
    fail_msg("the state does not find Redis");
}

int rig_log_count(struct redis_rig *rig, const char *text) {
    return redis_server_count_in(&rig->server, RIG_LOG, text);
}

void rig_await_log(struct redis_rig *rig, const char *text, int count) {
    for (int i = 0; i < TRIES && rig_log_count(rig, text) < count; i++)
        poll(NULL, 0, PAUSE_MS);
    assert_int_equal(rig_log_count(rig, text), count);
}

void rig_put(struct fx_state *state, const char *key, const char *value) {
    state->put(state, key, fx_slice_of(value), RIG_LONG_MS);
}

const char *rig_get(struct redis_rig *rig, struct fx_state *state, const char *key) {
    return state->get(state, rig->sc, key);
}
