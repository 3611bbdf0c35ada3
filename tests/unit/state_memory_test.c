/* state_memory_test.c - the contract, and times and limits to the millisecond and the key. */
#include "contract/state_contract.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct fx_clock clock;
    _Atomic int64_t now_ms;
    struct fx_state *state;
    struct fx_scope *sc;
};

static int64_t clock_now(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct fixture, clock)->now_ms);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->clock = (struct fx_clock){clock_now, clock_now};
    f->now_ms = 1000;
    f->state = fx_state_memory_new(&f->clock);
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

/* ---- values ---- */

static void a_value_is_there_until_its_time_is_over(void **state) {
    struct fixture *f = *state;

    assert_null(get(f, "a"));
    put(f, "a", "1", 50);
    f->now_ms += 49;
    assert_string_equal(get(f, "a"), "1");
    f->now_ms += 1;
    assert_null(get(f, "a"));
    f->now_ms -= 1; /* gone is gone */
    assert_null(get(f, "a"));
}

static void a_newer_value_replaces_and_lives_its_own_time(void **state) {
    struct fixture *f = *state;

    put(f, "a", "1", 50);
    put(f, "a", "2", 500);
    f->now_ms += 100;
    assert_string_equal(get(f, "a"), "2");
    put(f, "a", "3", 0);
    assert_null(get(f, "a"));
    put(f, "a", "4", INT64_MAX);
    assert_string_equal(get(f, "a"), "4");
}

static void the_oldest_makes_room(void **state) {
    struct fixture *f = *state;

    for (int i = 0; i < FX_STATE_MAX_KEYS; i++)
        put(f, fx_printf(f->sc, "k%d", i), "x", 1000);
    put(f, "k0", "again", 1000); /* so k1 is the oldest now */
    put(f, "one more", "x", 1000);
    assert_null(get(f, "k1"));
    assert_string_equal(get(f, "k0"), "again");
    assert_string_equal(get(f, "k2"), "x");
    for (int i = 0; i < 3 * FX_STATE_MAX_KEYS; i++)
        put(f, fx_printf(f->sc, "n%d", i), "x", 1000);
    assert_null(get(f, "k2"));
    int left = 0;
    for (int i = 0; i < 3 * FX_STATE_MAX_KEYS; i++)
        left += get(f, fx_printf(f->sc, "n%d", i)) != NULL;
    assert_int_equal(left, FX_STATE_MAX_KEYS);
}

static void what_is_in_use_is_not_the_oldest(void **state) {
    struct fixture *f = *state;

    put(f, "certificate", "pem", 1000);
    for (int i = 0; i < 3 * FX_STATE_MAX_KEYS; i++) {
        put(f, fx_printf(f->sc, "n%d", i), "x", 1000);
        if (i % 1000 == 0)
            assert_string_equal(get(f, "certificate"), "pem");
    }
    assert_string_equal(get(f, "certificate"), "pem");
}

static void a_value_beyond_the_limit_is_absent_not_stale(void **state) {
    struct fixture *f = *state;
    char *large = fx_alloc(f->sc, FX_STATE_MAX_VALUE_BYTES + 2);

    memset(large, 'x', FX_STATE_MAX_VALUE_BYTES + 1);
    put(f, "a", "old", 100);
    put(f, "a", large, 100);
    assert_null(get(f, "a"));
    large[FX_STATE_MAX_VALUE_BYTES] = '\0';
    put(f, "a", large, 100);
    assert_non_null(get(f, "a"));
}

static void an_answer_outlives_the_value(void **state) {
    struct fixture *f = *state;

    put(f, "a", "1", 50);
    const char *value = get(f, "a");
    put(f, "a", "2", 50);
    f->now_ms += 100;
    assert_null(get(f, "a"));
    assert_string_equal(value, "1");
}

/* ---- counters ---- */

static void counts_within_a_window_and_begins_again(void **state) {
    struct fixture *f = *state;

    assert_int_equal(f->state->count(f->state, "u", 100), 1);
    assert_int_equal(f->state->count(f->state, "u", 100), 2);
    assert_int_equal(f->state->count(f->state, "v", 100), 1);
    f->now_ms += 99;
    assert_int_equal(f->state->count(f->state, "u", 100), 3);
    f->now_ms += 1;
    assert_int_equal(f->state->count(f->state, "u", 100), 1);
    put(f, "u", "a value is no counter", 100);
    assert_int_equal(f->state->count(f->state, "u", 100), 2);
}

/* ---- the contract ---- */

struct memory_backend {
    struct state_backend backend;
    struct fx_clock clock;
    _Atomic int64_t now_ms;
};

static int64_t backend_now(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct memory_backend, clock)->now_ms);
}

static struct fx_state *open_memory(struct state_backend *backend) {
    return fx_state_memory_new(&FX_CONTAINER_OF(backend, struct memory_backend, backend)->clock);
}

static void advance(struct state_backend *backend, int64_t ms) {
    atomic_fetch_add(&FX_CONTAINER_OF(backend, struct memory_backend, backend)->now_ms, ms);
}

int main(void) {
#define STATE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STATE_TEST(a_value_is_there_until_its_time_is_over),
        STATE_TEST(a_newer_value_replaces_and_lives_its_own_time),
        STATE_TEST(the_oldest_makes_room),
        STATE_TEST(what_is_in_use_is_not_the_oldest),
        STATE_TEST(a_value_beyond_the_limit_is_absent_not_stale),
        STATE_TEST(an_answer_outlives_the_value),
        STATE_TEST(counts_within_a_window_and_begins_again),
    };
    struct memory_backend memory = {
        .backend = {"state in memory", open_memory, advance},
        .clock = {backend_now, backend_now},
        .now_ms = 1000,
    };
    int failed = state_contract(&memory.backend);

    return failed + cmocka_run_group_tests_name("memory state", tests, NULL, NULL);
}
