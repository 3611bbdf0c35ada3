/* state_redis_test.c - the contract on a real Redis, and what two processes share through it. */
#include "contract/state_contract.h"
#include "support/redis_rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the contract ---- */

struct redis_backend {
    struct state_backend backend;
    struct redis_rig *rig;
};

static struct redis_rig *rig_of(struct state_backend *backend) {
    return FX_CONTAINER_OF(backend, struct redis_backend, backend)->rig;
}

/* Its closing belongs to the contract. */
static struct fx_state *open_redis(struct state_backend *backend) {
    struct redis_rig *rig = rig_of(backend);

    (void)redis_server_ask(&rig->server, rig->sc, "FLUSHALL", NULL);
    struct fx_state *state = rig_open_shared(rig);
    rig->states_count--;
    return state;
}

static int64_t redis_now_ms(struct redis_rig *rig) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const struct fx_redis_reply *time = redis_server_ask(&rig->server, sc, "TIME", NULL);
    int64_t seconds = 0, micros = 0;

    assert_true(fx_slice_to_int(time->items[0]->text, &seconds));
    assert_true(fx_slice_to_int(time->items[1]->text, &micros));
    return seconds * 1000 + micros / 1000;
}

/* Redis' clock and ours: counters have a window in both. */
static void advance(struct state_backend *backend, int64_t ms) {
    struct redis_rig *rig = rig_of(backend);
    int64_t until_ms = redis_now_ms(rig) + ms + 1;
    int64_t own_until_ms = fx_mono_ms(fx_clock_system()) + ms + 1;

    while (redis_now_ms(rig) < until_ms || fx_mono_ms(fx_clock_system()) < own_until_ms)
        poll(NULL, 0, 1);
}

static int contract_on(const char *name, int (*rig_setup_any)(void **state)) {
    void *rig = NULL;

    rig_setup_any(&rig);
    struct redis_backend redis = {.backend = {name, open_redis, advance}, .rig = rig};
    int failed = state_contract(&redis.backend);

    if (((struct redis_rig *)rig)->states_count == 0)
        rig_teardown(&rig);
    return failed;
}

/* ---- two processes ---- */

static void two_processes_read_each_others_values(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig), *b = rig_open_shared(rig);
    char *large = fx_alloc(rig->sc, FX_STATE_MAX_VALUE_BYTES + 1);

    memset(large, 'x', FX_STATE_MAX_VALUE_BYTES);
    rig_put(a, "k", large);
    assert_string_equal(rig_get(rig, b, "k"), large);
    rig_put(b, "k", "2");
    assert_string_equal(rig_get(rig, a, "k"), "2");
    b->put(b, "k", FX_SLICE("half\0half"), RIG_LONG_MS);
    assert_null(rig_get(rig, a, "k"));
}

struct counting {
    struct fx_state *state;
    const char *key;
    int64_t answers[300];
};

static void *count_and_note(void *item) {
    struct counting *counting = item;

    for (size_t i = 0; i < FX_COUNT_OF(counting->answers); i++)
        counting->answers[i] = counting->state->count(counting->state, counting->key, RIG_LONG_MS);
    return NULL;
}

/* True when each number from 1 was answered once, by one process or the other. */
static bool each_once(const struct counting *counting, size_t count) {
    const size_t all = count * FX_COUNT_OF(counting->answers);
    bool *seen = calloc(all + 1, sizeof(*seen));
    bool good = true;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < FX_COUNT_OF(counting->answers); j++) {
            int64_t answer = counting[i].answers[j];

            good = good && answer >= 1 && answer <= (int64_t)all && !seen[answer];
            if (good)
                seen[answer] = true;
        }
    free(seen);
    return good;
}

/* On a machine that is stopped for too long a process counts alone for a moment, as it should; then
 * the numbers say nothing, and it is tried again. */
static void two_processes_count_together(void **state) {
    struct redis_rig *rig = *state;
    struct counting counting[2] = {{.state = rig_open_shared(rig)},
                                   {.state = rig_open_shared(rig)}};
    bool good = false;

    for (int i = 0; i < 5 && !good; i++) {
        pthread_t threads[2];

        rig_await_shared(rig, counting[0].state);
        rig_await_shared(rig, counting[1].state);
        for (int t = 0; t < 2; t++) {
            counting[t].key = fx_printf(rig->sc, "count %d", i);
            assert_int_equal(pthread_create(&threads[t], NULL, count_and_note, &counting[t]), 0);
        }
        for (int t = 0; t < 2; t++)
            pthread_join(threads[t], NULL);
        good = each_once(counting, 2);
    }
    assert_true(good);
}

static int64_t time_to_live(struct redis_rig *rig, const char *key) {
    return redis_server_ask(&rig->server, rig->sc, "PTTL", key, NULL)->integer;
}

static void no_counter_lives_for_ever(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);
    const char *key = RIG_KEY("c", "u");

    a->count(a, "u", RIG_LONG_MS);
    assert_true(time_to_live(rig, key) > 0 && time_to_live(rig, key) <= RIG_LONG_MS);
    (void)redis_server_ask(&rig->server, rig->sc, "PEXPIRE", key, "300000", NULL);
    assert_int_equal(a->count(a, "u", RIG_LONG_MS), 2);
    assert_true(time_to_live(rig, key) <= 300000); /* the window is fixed */
    (void)redis_server_ask(&rig->server, rig->sc, "PERSIST", key, NULL);
    assert_int_equal(a->count(a, "u", RIG_LONG_MS), 3);
    assert_true(time_to_live(rig, key) > 0);
    a->put(a, "k", FX_SLICE("x"), INT64_MAX);
    assert_true(time_to_live(rig, RIG_KEY("v", "k")) > 0);
    assert_true(time_to_live(rig, RIG_KEY("v", "k")) <= FX_STATE_MAX_TTL_MS);
}

/* ---- wake-ups between processes ---- */

struct sleeper {
    struct fx_state *state;
    int64_t waited_ms;
};

static void *sleep_for_jobs(void *item) {
    struct sleeper *sleeper = item;
    int64_t begin_ms = fx_mono_ms(fx_clock_system());

    sleeper->state->wait(sleeper->state, "jobs", RIG_FOREVER_MS);
    sleeper->waited_ms = fx_mono_ms(fx_clock_system()) - begin_ms;
    return NULL;
}

static void processes_wake_each_other(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *states[] = {rig_open_shared(rig), rig_open_shared(rig)};

    for (int i = 0; i < 2; i++) {
        struct sleeper sleeper = {.state = states[i]};
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, sleep_for_jobs, &sleeper), 0);
        states[1 - i]->wake(states[1 - i], "jobs");
        pthread_join(thread, NULL);
        assert_true(sleeper.waited_ms < RIG_SOON_MS);
        /* the one who woke keeps its own wake-up, once: its echo is no second one */
        states[1 - i]->wait(states[1 - i], "jobs", RIG_FOREVER_MS);
    }
}

/* After a message of another process all earlier ones have arrived, our own among them. */
static void a_wake_comes_back_to_nobody(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig), *b = rig_open_shared(rig);
    int64_t begin_ms = 0;

    a->wake(a, "jobs");
    a->wait(a, "jobs", RIG_FOREVER_MS);
    b->wait(b, "jobs", RIG_FOREVER_MS); /* so it has been published */
    b->wake(b, "outbox");
    a->wait(a, "outbox", RIG_FOREVER_MS);
    begin_ms = fx_mono_ms(fx_clock_system());
    a->wait(a, "jobs", 50);
    assert_true(fx_mono_ms(fx_clock_system()) - begin_ms >= 49);
}

static void strange_messages_are_harmless(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig), *b = rig_open_shared(rig);
    static const char *const messages[] = {
        "", " ", "x", "x ", " x", "x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    for (size_t i = 0; i < FX_COUNT_OF(messages); i++)
        (void)redis_server_ask(&rig->server, rig->sc, "PUBLISH", "fluxabot:default:wake",
                               messages[i], NULL);
    for (int i = 0; i < 200; i++) /* more than is heard in one turn, and more channels than kept */
        (void)redis_server_ask(&rig->server, rig->sc, "PUBLISH", "fluxabot:default:wake",
                               fx_printf(rig->sc, "somebody c%d", i), NULL);
    b->wake(b, "jobs");
    a->wait(a, "jobs", RIG_FOREVER_MS);
    assert_int_equal(rig_log_count(rig, "state.lost"), 0);
}

/* ---- who else is in this Redis ---- */

static void installations_do_not_meet(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);
    struct fx_state *a = rig_open_shared(rig);

    options.namespace = "other";
    struct fx_state *b = rig_open(rig, &options);
    while (b->put(b, "ready", FX_SLICE("x"), RIG_LONG_MS),
           redis_server_ask(&rig->server, rig->sc, "EXISTS", "fluxabot:other:v:ready", NULL)
                   ->integer == 0)
        poll(NULL, 0, 5);
    rig_put(a, "k", "1");
    assert_null(rig_get(rig, b, "k"));
    assert_int_equal(a->count(a, "u", RIG_LONG_MS), 1);
    assert_int_equal(b->count(b, "u", RIG_LONG_MS), 1);
}

/* The certificate that alarms are verified with is a value: nobody else may plant one. */
static void a_value_that_none_of_us_put_is_absent(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);
    struct fx_state *a = rig_open_shared(rig);
    const char *key = RIG_KEY("v", "k"), *moved = RIG_KEY("v", "moved");

    (void)redis_server_ask(&rig->server, rig->sc, "SET", key, "planted", NULL);
    assert_null(rig_get(rig, a, "k"));
    (void)redis_server_ask(&rig->server, rig->sc, "SET", key, "", NULL);
    assert_null(rig_get(rig, a, "k"));
    (void)redis_server_ask(&rig->server, rig->sc, "LPUSH", RIG_KEY("v", "list"), "planted", NULL);
    assert_null(rig_get(rig, a, "list"));

    rig_put(a, "k", "genuine");
    assert_string_equal(rig_get(rig, a, "k"), "genuine");
    (void)redis_server_ask(&rig->server, rig->sc, "RENAME", key, moved, NULL);
    assert_null(rig_get(rig, a, "moved"));
    rig_put(a, "k", "genuine");
    (void)redis_server_ask(&rig->server, rig->sc, "SETRANGE", key, "38", "E", NULL);
    assert_null(rig_get(rig, a, "k"));
    rig_put(a, "k", "genuine");
    (void)redis_server_ask(&rig->server, rig->sc, "APPEND", key, "!", NULL);
    assert_null(rig_get(rig, a, "k"));

    rig_put(a, "k", "genuine");
    options.seal = FX_SLICE("another secret");
    struct fx_state *stranger = rig_open(rig, &options);
    rig_await_shared(rig, stranger);
    assert_null(rig_get(rig, stranger, "k"));
    assert_int_equal(rig_log_count(rig, "state.lost"), 0);
}

static void a_counter_that_is_none_counts_here(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);

    (void)redis_server_ask(&rig->server, rig->sc, "SET", RIG_KEY("c", "u"), "many", NULL);
    (void)redis_server_ask(&rig->server, rig->sc, "LPUSH", RIG_KEY("c", "w"), "many", NULL);
    assert_int_equal(a->count(a, "u", RIG_LONG_MS), 1);
    assert_int_equal(a->count(a, "u", RIG_LONG_MS), 2);
    assert_int_equal(a->count(a, "w", RIG_LONG_MS), 1);
    assert_int_equal(rig_log_count(rig, "state.lost"), 0);
}

/* ---- which address ---- */

static void an_address_decides_which_state_it_is(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);
    struct fx_error err;

    options.url = "memory:";
    assert_int_equal(fx_state_check(&options, &err), FX_ERR_INPUT); /* a password for whom? */
    options.password = NULL;
    struct fx_state *memory = rig_open(rig, &options);
    rig_put(memory, "k", "1");
    assert_string_equal(rig_get(rig, memory, "k"), "1");

    static const char *const bad[] = {"", "memory", "memcached://host", "redis://", "rediss://:0"};
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        options.url = bad[i];
        assert_int_equal(fx_state_check(&options, &err), FX_ERR_INPUT);
        assert_int_equal(fx_state_open(&options, &memory, &err), FX_ERR_INPUT);
    }
    options.url = "redis://host";
    options.namespace = "a:b";
    assert_int_equal(fx_state_check(&options, &err), FX_ERR_INPUT);
    options.namespace = "";
    assert_int_equal(fx_state_check(&options, &err), FX_ERR_INPUT);
    options.namespace = "prod-1";
    assert_ok(fx_state_check(&options, &err));
    options.seal = (struct fx_slice){0};
    assert_int_equal(fx_state_open(&options, &memory, &err), FX_ERR_INPUT);
}

int main(void) {
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(two_processes_read_each_others_values),
        RIG_TEST(two_processes_count_together),
        RIG_TEST(no_counter_lives_for_ever),
        RIG_TEST(processes_wake_each_other),
        RIG_TEST(a_wake_comes_back_to_nobody),
        RIG_TEST(strange_messages_are_harmless),
        RIG_TEST(installations_do_not_meet),
        RIG_TEST(a_value_that_none_of_us_put_is_absent),
        RIG_TEST(a_counter_that_is_none_counts_here),
        RIG_TEST(an_address_decides_which_state_it_is),
    };
    int failed = contract_on("state in Redis", rig_setup);

    failed += contract_on("state in Redis behind TLS", rig_setup_tls);
    return failed + cmocka_run_group_tests_name("Redis state", tests, NULL, NULL);
}
