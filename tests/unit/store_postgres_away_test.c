/* store_postgres_away_test.c - a server that is restarted, away or silent, and answers that are
 * lost on their way: what is waited for, what is done again, and what may be done already.
 */
#include "store_postgres_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- a server that comes and goes ---- */

static void a_restart_between_two_calls_is_not_noticed(void **state) {
    struct postgres_rig *f = *state;

    postgres_rig_open(f);
    postgres_rig_accept_new(f, "e1");
    test_postgres_stop(f->postgres);
    test_postgres_start(f->postgres, NULL);
    postgres_rig_accept_new(f, "e2");
    assert_true(postgres_rig_has_event(f, "e1"));
}

static void a_server_that_is_away_is_waited_for_but_not_for_ever(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;
    bool added = false;

    postgres_rig_open(f);
    test_postgres_kill(f->postgres);
    assert_int_equal(postgres_rig_accept(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_false(err.sent); /* it did not even begin */
    test_postgres_start(f->postgres, NULL);
    /* it may still believe that nobody is there, for as long as its last pause */
    while (postgres_rig_accept(f, "e1", &added, &err) != FX_OK)
        ;
    assert_true(added);
}

static void a_server_that_is_away_is_not_stormed(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;
    bool added = false;

    postgres_rig_open_through_proxy(f);
    int64_t before = postgres_proxy_connections(f->proxy);
    test_postgres_kill(f->postgres);
    assert_int_equal(postgres_rig_accept(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(postgres_proxy_connections(f->proxy) > before);
    assert_true(postgres_proxy_connections(f->proxy) <= before + 20);
    test_postgres_start(f->postgres, NULL);
}

static void a_silent_server_is_given_up_and_taken_back(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;
    bool added = false;

    postgres_rig_open_through_proxy(f);
    postgres_rig_accept_new(f, "e1");
    postgres_proxy_silence(f->proxy, true);
    assert_int_equal(postgres_rig_accept(f, "e2", &added, &err), FX_ERR_UNAVAILABLE);
    postgres_proxy_silence(f->proxy, false);
    while (postgres_rig_accept(f, "e2", &added, &err) != FX_OK)
        ;
    assert_true(postgres_rig_has_event(f, "e1"));
    assert_true(postgres_rig_has_event(f, "e2"));
}

/* ---- lost answers ---- */

/* Of an accept when nothing is prepared any more: BEGIN and all keys, all events, COMMIT. */
enum { REQUEST_KEYS = 1, REQUEST_EVENTS = 2, REQUEST_COMMIT = 3 };

static void what_is_lost_before_the_commit_is_done_again(void **state) {
    struct postgres_rig *f = *state;
    const char *id = NULL;

    postgres_rig_open_through_proxy(f);
    postgres_rig_accept_new(f, "e0");
    for (int n = REQUEST_KEYS; n <= REQUEST_EVENTS; n++)
        for (int when = FAULT_BEFORE; when <= FAULT_AFTER; when++) {
            id = fx_printf(f->sc, "e%d-%d", n, when);
            postgres_proxy_arm(f->proxy, n, (enum fault_when)when);
            postgres_rig_accept_new(f, id);
            assert_true(postgres_proxy_fired(f->proxy));
            assert_true(postgres_rig_has_event(f, id));
            postgres_rig_accept_new(f, fx_printf(f->sc, "%s-warm", id));
        }
}

static void a_commit_whose_answer_is_lost_may_be_done(void **state) {
    struct postgres_rig *f = *state;
    struct fx_error err;
    bool added = false;

    postgres_rig_open_through_proxy(f);
    postgres_rig_accept_new(f, "e0");
    postgres_proxy_arm(f->proxy, REQUEST_COMMIT, FAULT_AFTER);
    assert_int_equal(postgres_rig_accept(f, "e1", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(postgres_proxy_fired(f->proxy));
    assert_true(err.sent);
    assert_non_null(strstr(err.message, "may be done"));
    assert_ok(postgres_rig_accept(f, "e1", &added, &err));
    assert_false(added); /* it was */
    postgres_rig_accept_new(f, "e1-warm");

    postgres_proxy_arm(f->proxy, REQUEST_COMMIT, FAULT_BEFORE);
    assert_int_equal(postgres_rig_accept(f, "e2", &added, &err), FX_ERR_UNAVAILABLE);
    assert_true(err.sent);
    assert_ok(postgres_rig_accept(f, "e2", &added, &err));
    assert_true(added); /* it was not */
}

/* Somebody loses patience with a commit that waits for a standby: PostgreSQL then says COMMIT all
 * the same, with a warning. */
struct impatience {
    struct postgres_rig *f;
    _Atomic bool over;
};

static void *cancel_every_wait(void *item) {
    struct impatience *impatience = item;

    while (!atomic_load(&impatience->over))
        postgres_rig_sql(impatience->f, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
                                        "application_name = 'fluxabot' AND wait_event = 'SyncRep'");
    return NULL;
}

static void a_commit_that_no_standby_confirmed_is_not_acknowledged(void **state) {
    struct postgres_rig *f = *state;
    struct impatience impatience = {.f = f};
    struct fx_error err;
    pthread_t thread;
    bool added = false;

    postgres_rig_open(f);
    postgres_rig_sql(f, "ALTER SYSTEM SET synchronous_standby_names = 'ghost'");
    postgres_rig_sql(f, "SELECT pg_reload_conf()");
    while (postgres_rig_sql(
               f, "SELECT COUNT(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND "
                  "setting = 'ghost'") == 0)
        ;
    assert_int_equal(pthread_create(&thread, NULL, cancel_every_wait, &impatience), 0);
    /* the process of PostgreSQL that puts the setting into force may be slower than the one that
     * shows it */
    enum fx_code code = FX_OK;
    const char *id = "";

    for (int i = 0; code == FX_OK && i < 1000; i++)
        code = postgres_rig_accept(f, id = fx_printf(f->sc, "e%d", i), &added, &err);
    atomic_store(&impatience.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(code, FX_ERR_UNAVAILABLE);
    assert_true(err.sent);
    assert_non_null(strstr(err.message, "standby"));
    postgres_rig_sql(f, "ALTER SYSTEM RESET synchronous_standby_names");
    postgres_rig_sql(f, "SELECT pg_reload_conf()");
    assert_ok(postgres_rig_accept(f, id, &added, &err));
    assert_false(added);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(a_restart_between_two_calls_is_not_noticed),
        POSTGRES_TEST(a_server_that_is_away_is_waited_for_but_not_for_ever),
        POSTGRES_TEST(a_server_that_is_away_is_not_stormed),
        POSTGRES_TEST(a_silent_server_is_given_up_and_taken_back),
        POSTGRES_TEST(what_is_lost_before_the_commit_is_done_again),
        POSTGRES_TEST(a_commit_whose_answer_is_lost_may_be_done),
        POSTGRES_TEST(a_commit_that_no_standby_confirmed_is_not_acknowledged),
    };

    return cmocka_run_group_tests_name("store postgres away", tests, postgres_rig_begin,
                                       postgres_rig_end);
}
