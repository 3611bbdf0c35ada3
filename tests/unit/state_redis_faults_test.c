/* state_redis_faults_test.c - Redis refuses, dies, hangs, forgets, lies: nothing fails, nobody
 * waits long, and it is found again. */
#include "support/loopback.h"
#include "support/redis_rig.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So many operations take minutes if each waits for Redis, and moments if only the first does. */
enum { MANY = 3000 };

static int64_t now_ms(void) {
    return fx_mono_ms(fx_clock_system());
}

/* A process that is alone: it counts, caches and wakes for itself. */
static void works_alone(struct redis_rig *rig, struct fx_state *state) {
    static const char *const keys[] = {"alone 0", "alone 1", "alone 2"};
    int64_t begin_ms = now_ms(), counted = 0;

    for (int i = 0; i < MANY; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        const char *key = keys[i % 3], *value = fx_printf(sc, "%d", i);

        rig_put(state, key, value);
        const char *read = state->get(state, sc, key);
        assert_true(read == NULL || strcmp(read, value) == 0);
        int64_t count = state->count(state, "alone", RIG_LONG_MS);
        assert_true(count > counted);
        counted = count;
    }
    rig_put(state, "alone", "kept");
    assert_string_equal(rig_get(rig, state, "alone"), "kept");
    state->wake(state, "alone");
    state->wait(state, "alone", RIG_FOREVER_MS);
    assert_true(now_ms() - begin_ms < RIG_SOON_MS);
}

/* ---- refused ---- */

static void a_wrong_password_is_told_once_and_never_said(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);

    options.password = "hush-wrong";
    struct fx_state *a = rig_open(rig, &options);
    rig_await_log(rig, "state.lost", 1);
    works_alone(rig, a);
    assert_int_equal(rig_log_count(rig, "refuses the user or the password"), 1);
    assert_int_equal(rig_log_count(rig, "hush"), 0);

    options.password = NULL;
    (void)rig_open(rig, &options);
    rig_await_log(rig, "wants a password", 1);
    options.url =
        fx_printf(rig->sc, "redis://default:hush-also-wrong@127.0.0.1:%d", rig->server.port);
    (void)rig_open(rig, &options);
    rig_await_log(rig, "refuses the user or the password", 2);
    assert_int_equal(rig_log_count(rig, "hush"), 0);
}

static void tls_that_is_not_trusted_is_absent(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);

    redis_server_certificate(&rig->server, "other", "DNS:localhost");
    options.ca_file = redis_server_file(&rig->server, rig->sc, "other.pem");
    struct fx_state *wrong_ca = rig_open(rig, &options);
    rig_await_log(rig, "the certificate of Redis", 1);
    works_alone(rig, wrong_ca);

    options = rig_options(rig);
    options.url = fx_printf(rig->sc, "rediss://127.0.0.1:%d/0", rig->server.port);
    struct fx_state *wrong_name = rig_open(rig, &options);
    rig_await_log(rig, "IP address mismatch", 1);
    works_alone(rig, wrong_name);
    assert_int_equal(redis_server_ask(&rig->server, rig->sc, "DBSIZE", NULL)->integer, 0);
}

static void a_user_who_may_not_is_told(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);

    (void)redis_server_ask(&rig->server, rig->sc, "ACL", "SETUSER", "anna", "on", ">" RIG_PASSWORD,
                           "~other:*", "&*", "+@all", NULL);
    options.username = "anna";
    struct fx_state *a = rig_open(rig, &options);
    rig_await_log(rig, "NOPERM", 1); /* before anybody needs it */
    works_alone(rig, a);
}

/* ---- dead and back ---- */

static void redis_that_comes_late_is_found(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);

    redis_server_kill(&rig->server);
    struct fx_state *a = rig_open(rig, &options);
    rig_await_log(rig, "state.lost", 1);
    works_alone(rig, a);
    redis_server_restart(&rig->server);
    rig_await_shared(rig, a);
    assert_int_equal(rig_log_count(rig, "state.lost"), 1);
    rig_await_log(rig, "state.back", 1);
}

static void a_killed_redis_is_missed_by_nobody(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);

    rig_put(a, "before", "1");
    assert_int_equal(a->count(a, "alone", RIG_LONG_MS), 1);
    redis_server_kill(&rig->server);
    works_alone(rig, a);
    rig_await_log(rig, "state.lost", 1);
    assert_null(rig_get(rig, a, "before"));
    rig_put(a, "during", "2");
    assert_string_equal(rig_get(rig, a, "during"), "2");

    redis_server_restart(&rig->server);
    rig_await_shared(rig, a);
    assert_null(rig_get(rig, a, "before"));
    assert_true(a->count(a, "alone", RIG_LONG_MS) > MANY); /* its own are not forgotten */
    assert_int_equal(rig_log_count(rig, "state.lost"), 1);
    rig_await_log(rig, "state.back", 1);
}

struct hammer {
    struct redis_rig *rig;
    struct fx_state *state;
    atomic_bool *stop;
    int number;
    bool good;
};

/* Own keys, so that each answer can be judged. */
static void *hammer(void *item) {
    struct hammer *h = item;
    int64_t counted = 0;

    h->good = true;
    for (int i = 0; i < MANY / 10 || !atomic_load(h->stop); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        const char *key = fx_printf(sc, "hammer %d", h->number);
        const char *value = fx_printf(sc, "%d", i);

        rig_put(h->state, key, value);
        const char *read = h->state->get(h->state, sc, key);
        int64_t count = h->state->count(h->state, key, RIG_LONG_MS);
        h->good = h->good && (read == NULL || strcmp(read, value) == 0) && count > counted;
        counted = count;
        h->state->wake(h->state, key);
        h->state->wait(h->state, key, RIG_FOREVER_MS);
    }
    return NULL;
}

enum { HAMMERS = 8 };

static void start_hammers(struct redis_rig *rig, struct hammer *hammers, pthread_t *threads,
                          struct fx_state *state, atomic_bool *stop) {
    for (int i = 0; i < HAMMERS; i++) {
        hammers[i] = (struct hammer){.rig = rig, .state = state, .stop = stop, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &hammers[i]), 0);
    }
}

static void join_hammers(struct hammer *hammers, pthread_t *threads, atomic_bool *stop) {
    atomic_store(stop, true);
    for (int i = 0; i < HAMMERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < HAMMERS; i++)
        assert_true(hammers[i].good);
}

static void threads_do_not_notice_a_kill(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);
    struct hammer hammers[HAMMERS];
    pthread_t threads[HAMMERS];
    atomic_bool stop = false;

    start_hammers(rig, hammers, threads, a, &stop);
    redis_server_kill(&rig->server);
    rig_await_log(rig, "state.lost", 1);
    redis_server_restart(&rig->server);
    rig_await_shared(rig, a);
    join_hammers(hammers, threads, &stop);
}

/* Wiped under load: keys are absent, never wrong, and a counter never falls below our own. */
static void a_wiped_redis_is_only_forgetful(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);
    struct hammer hammers[HAMMERS];
    pthread_t threads[HAMMERS];
    atomic_bool stop = false;

    start_hammers(rig, hammers, threads, a, &stop);
    for (int i = 0; i < 100; i++) {
        (void)redis_server_ask(&rig->server, rig->sc, "FLUSHALL", NULL);
        poll(NULL, 0, 1 + i % 3);
    }
    join_hammers(hammers, threads, &stop);
    (void)redis_server_ask(&rig->server, rig->sc, "SCRIPT", "FLUSH", NULL);
    rig_put(a, "k", "1");
    (void)redis_server_ask(&rig->server, rig->sc, "FLUSHALL", NULL);
    assert_null(rig_get(rig, a, "k"));
    assert_int_equal(a->count(a, "after", RIG_LONG_MS), 1);
}

/* ---- cut off ---- */

static void a_cut_listener_is_replaced(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig), *b = NULL;

    (void)redis_server_ask(&rig->server, rig->sc, "CLIENT", "KILL", "TYPE", "pubsub", NULL);
    rig_await_log(rig, "state.lost", 1); /* noticed by itself, without any operation */
    works_alone(rig, a);
    rig_await_log(rig, "state.back", 1);
    rig_await_shared(rig, a);
    b = rig_open_shared(rig);
    b->wake(b, "jobs");
    a->wait(a, "jobs", RIG_FOREVER_MS);

    /* what was put during the first absence is not of use in the second */
    rig_put(b, "alone", "newer");
    redis_server_kill(&rig->server);
    assert_null(rig_get(rig, a, "alone"));
}

static void a_cut_connection_is_replaced(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);

    (void)redis_server_ask(&rig->server, rig->sc, "CLIENT", "KILL", "TYPE", "normal", "SKIPME",
                           "yes", NULL);
    works_alone(rig, a);
    rig_await_log(rig, "state.lost", 1);
    rig_await_shared(rig, a);
    rig_await_log(rig, "state.back", 1);
}

static void a_replica_is_no_state(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);
    const char *nobody = fx_printf(rig->sc, "%d", loopback_closed_port());

    rig_put(a, "k", "old");
    (void)redis_server_ask(&rig->server, rig->sc, "REPLICAOF", "127.0.0.1", nobody, NULL);
    rig_put(a, "k", "new"); /* the replica still holds the old one */
    works_alone(rig, a);
    rig_await_log(rig, "READONLY", 1);
    assert_string_equal(rig_get(rig, a, "k"), "new");
    (void)redis_server_ask(&rig->server, rig->sc, "REPLICAOF", "NO", "ONE", NULL);
    rig_await_shared(rig, a);
    assert_null(rig_get(rig, a, "k"));
    assert_null(rig_get(rig, a, "k"));
    rig_put(a, "k", "newer");
    assert_string_equal(rig_get(rig, a, "k"), "newer");
}

/* ---- hanging ---- */

static void a_stopped_redis_holds_up_the_first_only(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);

    rig_put(a, "k", "old");
    rig_put(a, "gone", "old");
    kill(rig->server.pid, SIGSTOP);
    rig_put(a, "k", "new");
    a->put(a, "gone", FX_SLICE(""), 0);
    works_alone(rig, a);
    assert_string_equal(rig_get(rig, a, "k"), "new");
    assert_null(rig_get(rig, a, "gone"));
    rig_await_log(rig, "state.lost", 1);
    kill(rig->server.pid, SIGCONT);
    rig_await_shared(rig, a);
    assert_null(rig_get(rig, a, "k")); /* Redis kept "old" all the time */
    assert_null(rig_get(rig, a, "gone"));
    assert_int_equal(redis_server_ask(&rig->server, rig->sc, "EXISTS", RIG_KEY("v", "k"),
                                      RIG_KEY("v", "gone"), NULL)
                         ->integer,
                     0);
}

static void threads_do_not_queue_behind_a_stopped_redis(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state *a = rig_open_shared(rig);
    struct hammer hammers[HAMMERS];
    pthread_t threads[HAMMERS];
    atomic_bool stop = true;
    int64_t begin_ms = now_ms();

    kill(rig->server.pid, SIGSTOP);
    start_hammers(rig, hammers, threads, a, &stop);
    join_hammers(hammers, threads, &stop);
    assert_true(now_ms() - begin_ms < RIG_SOON_MS);
    kill(rig->server.pid, SIGCONT);
}

static void be_silent(struct loopback *server, int conn) {
    loopback_wait_for_close(server, conn);
}

static void a_black_hole_is_nobodys_business(void **state) {
    struct redis_rig *rig = *state;
    struct loopback server = {.serve = be_silent};
    struct fx_state_options options = rig_options(rig);

    loopback_start(&server);
    options.url = fx_printf(rig->sc, "redis://127.0.0.1:%d", server.port);
    struct fx_state *a = rig_open(rig, &options);
    works_alone(rig, a);
    rig_await_log(rig, "does not answer in time", 1);
    options.url = fx_printf(rig->sc, "rediss://127.0.0.1:%d", server.port);
    (void)rig_open(rig, &options);
    rig_close_newest(rig);
    rig_close_newest(rig);
    loopback_stop(&server);
}

/* ---- the breaker ---- */

static void hang_up(struct loopback *server, int conn) {
    (void)server, (void)conn;
}

static void redis_is_left_in_peace_for_longer_and_longer(void **state) {
    struct redis_rig *rig = *state;
    struct loopback server = {.serve = hang_up};
    struct fx_state_options options = rig_options(rig);

    loopback_start(&server);
    options.url = fx_printf(rig->sc, "redis://127.0.0.1:%d", server.port);
    int64_t begin_ms = now_ms();
    struct fx_state *a = rig_open(rig, &options);
    rig_await_log(rig, "state.lost", 1);
    works_alone(rig, a);
    assert_true(server.connections <= 1 + (now_ms() - begin_ms) / FX_STATE_RETRY_MIN_MS);
    while (server.connections < 3)
        poll(NULL, 0, 5);
    assert_true(now_ms() - begin_ms >= 3 * FX_STATE_RETRY_MIN_MS);
    assert_int_equal(rig_log_count(rig, "state.lost"), 1);
    rig_close_newest(rig);
    loopback_stop(&server);
}

/* ---- lying ---- */

/* Behaves until it is asked something that matters. */
static void pretend(struct loopback *server, int conn) {
    char bytes[4096];
    ssize_t len = 0;

    while ((len = recv(conn, bytes, sizeof(bytes) - 1, 0)) > 0) {
        bytes[len] = '\0';
        if (strstr(bytes, "AUTH") != NULL)
            loopback_say(conn, "+OK\r\n");
        else if (strstr(bytes, "SUBSCRIBE") != NULL)
            loopback_say(conn, "*3\r\n$9\r\nsubscribe\r\n$1\r\nt\r\n:1\r\n");
        else if (strstr(bytes, "probe") != NULL)
            loopback_say(conn, ":1\r\n");
        else if (server->answer != NULL)
            loopback_say(conn, server->answer);
    }
}

static void lies_end_the_connection(void **state) {
    struct redis_rig *rig = *state;
    static const char *const lies[] = {
        NULL,
        "nonsense\r\n",
        "$5\r\nhel",
        "*1000000000\r\n",
        "$1048577\r\n",
        "+OK\r\n+OK\r\n",
        "-READONLY no\r\n",
        "-LOADING no\r\n",
        "-" RIG_PASSWORD " no\r\n",
        "-NOAUTH " RIG_PASSWORD "\r\n",
    };

    for (size_t i = 0; i < FX_COUNT_OF(lies); i++) {
        struct loopback server = {.serve = pretend, .answer = lies[i]};
        struct fx_state_options options = rig_options(rig);

        loopback_start(&server);
        options.url = fx_printf(rig->sc, "redis://127.0.0.1:%d", server.port);
        struct fx_state *a = rig_open(rig, &options);
        rig_put(a, "k", "1");
        while (rig_log_count(rig, "state.lost") <= (int)i) {
            assert_int_equal(a->count(a, "u", 0), 1);
            (void)rig_get(rig, a, "k");
            poll(NULL, 0, 1);
        }
        works_alone(rig, a);
        rig_close_newest(rig);
        loopback_stop(&server);
    }
}

static void answers_of_another_kind_are_absent(void **state) {
    struct redis_rig *rig = *state;
    static const char *const answers[] = {
        ":5\r\n",      "$5\r\nhello\r\n",          "$-1\r\n", "*0\r\n", "-WRONGTYPE no\r\n",
        "-ERR no\r\n", "*2\r\n$1\r\na\r\n:-7\r\n",
    };

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        struct loopback server = {.serve = pretend, .answer = answers[i]};
        struct fx_state_options options = rig_options(rig);

        loopback_start(&server);
        options.url = fx_printf(rig->sc, "redis://127.0.0.1:%d", server.port);
        struct fx_state *a = rig_open(rig, &options);
        for (int n = 1; n < 200; n++) {
            assert_null(rig_get(rig, a, "k"));
            assert_true(a->count(a, "u", RIG_LONG_MS) >= n);
            if (server.connections < 2)
                poll(NULL, 0, 1);
        }
        rig_close_newest(rig);
        loopback_stop(&server);
    }
    assert_int_equal(rig_log_count(rig, "state.lost"), 0);
}

/* Redis refuses one put, takes the next, and then cannot be asked. */
static void a_value_kept_here_gives_way_to_a_newer_one(void **state) {
    struct redis_rig *rig = *state;
    struct loopback server = {.serve = pretend, .answer = "-ERR no\r\n"};
    struct fx_state_options options = rig_options(rig);

    loopback_start(&server);
    options.url = fx_printf(rig->sc, "redis://127.0.0.1:%d", server.port);
    struct fx_state *a = rig_open(rig, &options);
    while (server.connections < 2)
        poll(NULL, 0, 1);
    rig_put(a, "k", "refused");
    assert_string_equal(rig_get(rig, a, "k"), "refused");
    do { /* until the link has noticed that it stands, too */
        server.answer = "+OK\r\n";
        rig_put(a, "k", "taken");
        server.answer = "-ERR no\r\n";
    } while (rig_get(rig, a, "k") != NULL && strcmp(rig_get(rig, a, "k"), "taken") == 0);
    assert_null(rig_get(rig, a, "k"));
    rig_close_newest(rig);
    loopback_stop(&server);
}

/* ---- closing ---- */

static void closes_at_any_moment(void **state) {
    struct redis_rig *rig = *state;
    struct fx_state_options options = rig_options(rig);

    for (int i = 0; i < 60; i++) {
        struct fx_state *a = rig_open(rig, &options);

        a->wake(a, "jobs");
        if (i % 3 == 1)
            poll(NULL, 0, i % 10);
        if (i % 3 == 2)
            rig_put(a, "k", "1");
        rig_close_newest(rig);
    }
}

int main(void) {
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_wrong_password_is_told_once_and_never_said),
        cmocka_unit_test_setup_teardown(tls_that_is_not_trusted_is_absent, rig_setup_tls,
                                        rig_teardown),
        RIG_TEST(a_user_who_may_not_is_told),
        RIG_TEST(redis_that_comes_late_is_found),
        RIG_TEST(a_killed_redis_is_missed_by_nobody),
        RIG_TEST(threads_do_not_notice_a_kill),
        RIG_TEST(a_wiped_redis_is_only_forgetful),
        RIG_TEST(a_cut_listener_is_replaced),
        RIG_TEST(a_cut_connection_is_replaced),
        RIG_TEST(a_replica_is_no_state),
        RIG_TEST(a_stopped_redis_holds_up_the_first_only),
        RIG_TEST(threads_do_not_queue_behind_a_stopped_redis),
        RIG_TEST(a_black_hole_is_nobodys_business),
        RIG_TEST(redis_is_left_in_peace_for_longer_and_longer),
        RIG_TEST(lies_end_the_connection),
        RIG_TEST(answers_of_another_kind_are_absent),
        RIG_TEST(a_value_kept_here_gives_way_to_a_newer_one),
        RIG_TEST(closes_at_any_moment),
    };

    return cmocka_run_group_tests_name("Redis state in trouble", tests, NULL, NULL);
}
