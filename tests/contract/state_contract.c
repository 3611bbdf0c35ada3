/* state_contract.c - values disappear, counters count, no wake-up is lost. */
#include "contract/state_contract.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONG_MS = 600000, BRIEF_MS = 40 };

struct fixture {
    struct state_backend *backend;
    struct fx_state *state;
    struct fx_scope *sc;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->backend = *state;
    f->state = f->backend->open(f->backend);
    f->sc = fx_scope_new(NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    f->state->close(f->state);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *key, const char *value, int64_t ttl_ms) {
    f->state->put(f->state, key, fx_slice_of(value), ttl_ms);
}

static const char *get(struct fixture *f, const char *key) {
    return f->state->get(f->state, f->sc, key);
}

static int64_t count(struct fixture *f, const char *key, int64_t window_ms) {
    return f->state->count(f->state, key, window_ms);
}

/* ---- values ---- */

static void a_value_is_there_until_its_time_is_over(void **state) {
    struct fixture *f = *state;

    assert_null(get(f, "a"));
    put(f, "a", "1", LONG_MS);
    put(f, "b", "1", BRIEF_MS);
    f->backend->advance(f->backend, BRIEF_MS);
    assert_null(get(f, "b"));
    assert_string_equal(get(f, "a"), "1");
}

static void a_newer_value_replaces_and_lives_its_own_time(void **state) {
    struct fixture *f = *state;

    put(f, "a", "1", BRIEF_MS);
    put(f, "a", "2", LONG_MS);
    put(f, "b", "1", LONG_MS);
    put(f, "b", "2", BRIEF_MS);
    f->backend->advance(f->backend, BRIEF_MS);
    assert_string_equal(get(f, "a"), "2");
    assert_null(get(f, "b"));
    put(f, "a", "3", 0);
    assert_null(get(f, "a"));
    put(f, "a", "4", INT64_MAX);
    assert_string_equal(get(f, "a"), "4");
    put(f, "a", "5", -1);
    assert_null(get(f, "a"));
}

static void a_value_may_be_empty_and_hold_any_text(void **state) {
    struct fixture *f = *state;
    const char *key = "k\r\n*1\r\n$8\r\nFLUSHALL\r\n \xff %s ${} :";

    put(f, key, "", LONG_MS);
    assert_string_equal(get(f, key), "");
    put(f, key, "\r\n$-1\r\n\x01\xfe", LONG_MS);
    assert_string_equal(get(f, key), "\r\n$-1\r\n\x01\xfe");
    assert_null(get(f, "k"));
}

static void a_value_beyond_the_limit_is_absent_not_stale(void **state) {
    struct fixture *f = *state;
    char *large = fx_alloc(f->sc, FX_STATE_MAX_VALUE_BYTES + 2);

    memset(large, 'x', FX_STATE_MAX_VALUE_BYTES + 1);
    put(f, "a", "old", LONG_MS);
    put(f, "a", large, LONG_MS);
    assert_null(get(f, "a"));
    large[FX_STATE_MAX_VALUE_BYTES] = '\0';
    put(f, "a", large, LONG_MS);
    assert_string_equal(get(f, "a"), large);
}

/* A reader gets a text, which would end there. */
static void a_value_with_a_zero_byte_is_absent_not_half(void **state) {
    struct fixture *f = *state;

    put(f, "a", "old", LONG_MS);
    f->state->put(f->state, "a", FX_SLICE("half\0half"), LONG_MS);
    assert_null(get(f, "a"));
}

static void a_long_key_is_a_key(void **state) {
    struct fixture *f = *state;
    char *key = fx_alloc(f->sc, 2 * FX_STATE_MAX_KEY_BYTES + 1);

    memset(key, 'k', 2 * FX_STATE_MAX_KEY_BYTES);
    put(f, key, "1", LONG_MS);
    assert_string_equal(get(f, key), "1");
    assert_int_equal(count(f, key, LONG_MS), 1);
    assert_int_equal(count(f, key, LONG_MS), 2);
    key[2 * FX_STATE_MAX_KEY_BYTES - 1] = 'l';
    assert_null(get(f, key));
    assert_int_equal(count(f, key, LONG_MS), 1);
}

static void an_answer_outlives_the_value(void **state) {
    struct fixture *f = *state;

    put(f, "a", "1", LONG_MS);
    const char *value = get(f, "a");
    put(f, "a", "2", 0);
    assert_null(get(f, "a"));
    assert_string_equal(value, "1");
}

/* ---- counters ---- */

static void counts_within_a_window_and_begins_again(void **state) {
    struct fixture *f = *state;

    assert_int_equal(count(f, "u", LONG_MS), 1);
    assert_int_equal(count(f, "u", LONG_MS), 2);
    assert_int_equal(count(f, "v", BRIEF_MS), 1);
    f->backend->advance(f->backend, BRIEF_MS);
    assert_int_equal(count(f, "v", BRIEF_MS), 1);
    assert_int_equal(count(f, "u", LONG_MS), 3);
    put(f, "u", "a value is no counter", LONG_MS);
    assert_int_equal(count(f, "u", LONG_MS), 4);
    assert_string_equal(get(f, "u"), "a value is no counter");
    assert_int_equal(count(f, "w", 0), 1);
    assert_int_equal(count(f, "w", 0), 1);
    assert_int_equal(count(f, "x", INT64_MAX), 1);
    assert_int_equal(count(f, "x", INT64_MAX), 2);
}

enum { COUNTERS = 8, COUNTS_EACH = 500 };

static void *count_many(void *item) {
    struct fixture *f = item;

    for (int i = 0; i < COUNTS_EACH; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        f->state->count(f->state, "shared", LONG_MS);
        f->state->put(f->state, fx_printf(sc, "k%d", i % 7), FX_SLICE("x"), 10);
        f->state->get(f->state, sc, "k3");
        fx_scope_free(sc);
    }
    return NULL;
}

static void threads_lose_no_count(void **state) {
    struct fixture *f = *state;
    pthread_t threads[COUNTERS];

    for (int i = 0; i < COUNTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, f), 0);
    for (int i = 0; i < COUNTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(count(f, "shared", LONG_MS), COUNTERS * COUNTS_EACH + 1);
}

/* ---- wake-ups ---- */

enum { FOREVER_MS = 20000, SOON_MS = 5000 };

static int64_t waited_ms(struct fixture *f, const char *channel, int64_t timeout_ms) {
    int64_t begin_ms = fx_mono_ms(fx_clock_system());

    f->state->wait(f->state, channel, timeout_ms);
    return fx_mono_ms(fx_clock_system()) - begin_ms;
}

static void a_wake_before_the_wait_is_kept_once(void **state) {
    struct fixture *f = *state;

    f->state->wake(f->state, "jobs");
    f->state->wake(f->state, "jobs");
    assert_true(waited_ms(f, "jobs", FOREVER_MS) < SOON_MS);
    assert_true(waited_ms(f, "jobs", 30) >= 29);
}

static void a_wake_is_for_its_channel_only(void **state) {
    struct fixture *f = *state;

    f->state->wake(f->state, "outbox");
    assert_true(waited_ms(f, "jobs", 30) >= 29);
    assert_true(waited_ms(f, "outbox", FOREVER_MS) < SOON_MS);
}

static void a_wait_without_time_returns_at_once(void **state) {
    struct fixture *f = *state;

    assert_true(waited_ms(f, "jobs", 0) < SOON_MS);
    assert_true(waited_ms(f, "jobs", -5) < SOON_MS);
}

static void many_channels_still_wake(void **state) {
    struct fixture *f = *state;

    for (int i = 0; i < 40; i++) {
        const char *channel = fx_printf(f->sc, "channel %d", i);
        f->state->wake(f->state, channel);
        assert_true(waited_ms(f, channel, FOREVER_MS) < SOON_MS);
    }
}

struct relay {
    struct fixture *f;
    const char *mine, *other;
    int64_t slowest_ms;
};
enum { RELAYS = 2000 };

static void *pass_on(void *item) {
    struct relay *relay = item;

    for (int i = 0; i < RELAYS; i++) {
        int64_t ms = waited_ms(relay->f, relay->mine, FOREVER_MS);
        relay->slowest_ms = ms > relay->slowest_ms ? ms : relay->slowest_ms;
        relay->f->state->wake(relay->f->state, relay->other);
    }
    return NULL;
}

/* Two threads wake each other in turn: one lost wake-up and both sleep until the timeout. */
static void no_wake_is_lost_between_two_threads(void **state) {
    struct fixture *f = *state;
    struct relay relays[] = {{f, "ping", "pong", 0}, {f, "pong", "ping", 0}};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pass_on, &relays[i]), 0);
    f->state->wake(f->state, "ping");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(relays[0].slowest_ms < SOON_MS);
    assert_true(relays[1].slowest_ms < SOON_MS);
}

struct sleeper {
    struct fixture *f;
    _Atomic int thread_id; /* the kernel's, 0 before the thread runs */
    int64_t waited_ms;
};

static void *sleep_for_jobs(void *item) {
    struct sleeper *sleeper = item;

    atomic_store(&sleeper->thread_id, gettid());
    sleeper->waited_ms = waited_ms(sleeper->f, "jobs", FOREVER_MS);
    return NULL;
}

/* proc(5): the state follows the name, S is asleep. */
static bool is_asleep(struct sleeper *sleeper) {
    char path[64];
    char stat[256] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&sleeper->thread_id));
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const char *read = fgets(stat, sizeof(stat), file);
    fclose(file);
    const char *after_name = read != NULL ? strrchr(stat, ')') : NULL;
    return after_name != NULL && after_name[1] != '\0' && after_name[2] == 'S';
}

static void one_wake_reaches_everybody_who_waits(void **state) {
    struct fixture *f = *state;
    struct sleeper sleepers[4];
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        sleepers[i] = (struct sleeper){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_for_jobs, &sleepers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        while (!is_asleep(&sleepers[i]))
            sched_yield();
    f->state->wake(f->state, "jobs");
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(sleepers[i].waited_ms < SOON_MS);
    }
}

static void close_accepts_nothing(void **state) {
    struct fixture *f = *state;

    f->state->close(NULL);
}

int state_contract(struct state_backend *backend) {
#define STATE_TEST(test)                                                                           \
    { #test, test, setup, teardown, backend }
    const struct CMUnitTest tests[] = {
        STATE_TEST(a_value_is_there_until_its_time_is_over),
        STATE_TEST(a_newer_value_replaces_and_lives_its_own_time),
        STATE_TEST(a_value_may_be_empty_and_hold_any_text),
        STATE_TEST(a_value_beyond_the_limit_is_absent_not_stale),
        STATE_TEST(a_value_with_a_zero_byte_is_absent_not_half),
        STATE_TEST(a_long_key_is_a_key),
        STATE_TEST(an_answer_outlives_the_value),
        STATE_TEST(counts_within_a_window_and_begins_again),
        STATE_TEST(threads_lose_no_count),
        STATE_TEST(a_wake_before_the_wait_is_kept_once),
        STATE_TEST(a_wake_is_for_its_channel_only),
        STATE_TEST(a_wait_without_time_returns_at_once),
        STATE_TEST(many_channels_still_wake),
        STATE_TEST(no_wake_is_lost_between_two_threads),
        STATE_TEST(one_wake_reaches_everybody_who_waits),
        STATE_TEST(close_accepts_nothing),
    };

    return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}
