/* sql_change_test.c - one changing statement: what is committed, what is taken back, and what is
 * known when the connection breaks; against a real PostgreSQL.
 */
#include "support/test.h"

#include "fluxabot/sql.h"
#include "support/postgres.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct test_postgres *postgres;
    struct fx_scope *sc;
    struct fx_sql *sql;
    int64_t rows;
};

static struct fixture fixture_of_test;

static void open_with(struct fixture *f, bool read_only) {
    struct fx_error err;

    fx_sql_close(f->sql);
    assert_ok(fx_sql_open(f->sc,
                          &(struct fx_sql_options){.url = f->postgres->url,
                                                   .application_name = "sql_change_test",
                                                   .statement_timeout_ms = 30000,
                                                   .read_only = read_only},
                          &f->sql, &err));
}

static int setup(void **state) {
    struct fixture *f = &fixture_of_test;

    *f = (struct fixture){.postgres = *state, .sc = fx_scope_new(NULL)};
    test_postgres_sql(f->postgres, "DROP TABLE IF EXISTS t; CREATE TABLE t (id text); "
                                   "ALTER TABLE t OWNER TO fluxabot; "
                                   "INSERT INTO t SELECT n::text FROM generate_series(1, 5) n");
    open_with(f, false);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    fx_sql_close(f->sql);
    fx_scope_free(f->sc);
    return 0;
}

static enum fx_code change(struct fixture *f, const char *statement, bool in_transaction,
                           int64_t max_rows, struct fx_error *err) {
    *err = (struct fx_error){0};
    return fx_sql_change(f->sql, f->sc, fx_clock_system(),
                         &(struct fx_sql_change){.statement = statement,
                                                 .in_transaction = in_transaction,
                                                 .min_rows = in_transaction ? 1 : 0,
                                                 .max_rows = max_rows},
                         &f->rows, err);
}

static int64_t rows_left(struct fixture *f) {
    return test_postgres_sql(f->postgres, "SELECT count(*) FROM t");
}

/* ---- in a transaction ---- */

static void what_touches_the_right_number_of_rows_is_committed(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_ok(change(f, "DELETE FROM t WHERE id < '3'", true, 2, &err));
    assert_int_equal(f->rows, 2);
    assert_int_equal(rows_left(f), 3);
}

static enum fx_code change_after(struct fixture *f, const char *first, const char *statement,
                                 struct fx_error *err) {
    *err = (struct fx_error){0};
    return fx_sql_change(f->sql, f->sc, fx_clock_system(),
                         &(struct fx_sql_change){.statement = statement,
                                                 .first = first,
                                                 .in_transaction = true,
                                                 .min_rows = 1,
                                                 .max_rows = 1},
                         &f->rows, err);
}

static void what_runs_first_is_of_the_same_transaction(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    /* its rows do not count */
    assert_ok(
        change_after(f, "DELETE FROM t WHERE id > '3'", "DELETE FROM t WHERE id = '1'", &err));
    assert_int_equal(f->rows, 1);
    assert_int_equal(rows_left(f), 2);
    /* what is taken back, is so with it */
    assert_int_equal(
        change_after(f, "DELETE FROM t WHERE id = '2'", "DELETE FROM t WHERE id = '9'", &err),
        FX_ERR_CONFLICT);
    assert_int_equal(rows_left(f), 2);
    /* and when it fails, nothing follows */
    assert_int_not_equal(
        change_after(f, "LOCK TABLE nowhere", "DELETE FROM t WHERE id = '2'", &err), FX_OK);
    assert_false(err.sent);
    assert_int_equal(rows_left(f), 2);
}

static void what_touches_more_or_fewer_is_taken_back(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_int_equal(change(f, "DELETE FROM t", true, 4, &err), FX_ERR_CONFLICT);
    assert_false(err.sent);
    assert_int_equal(change(f, "DELETE FROM t WHERE id = 'none'", true, 4, &err), FX_ERR_CONFLICT);
    assert_int_equal(rows_left(f), 5);
    assert_ok(change(f, "DELETE FROM t", true, -1, &err)); /* the connection is still good */
    assert_int_equal(rows_left(f), 0);
}

static void a_refusal_is_the_last_word_and_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_int_equal(change(f, "DELETE FROM nowhere", true, 1, &err), FX_ERR_UPSTREAM);
    assert_string_equal(err.upstream, "42P01");
    assert_false(err.sent);
    assert_int_equal(rows_left(f), 5);
}

static void a_promise_that_is_over_is_not_kept(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    fx_scope_set_send_before(f->sc, 1);
    assert_int_equal(change(f, "DELETE FROM t", true, -1, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(change(f, "VACUUM t", false, -1, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(rows_left(f), 5);
}

/* It may begin, and is too late to be committed. */
static void what_took_too_long_is_taken_back(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    fx_scope_set_send_before(f->sc, fx_mono_ms(fx_clock_system()) + 300);
    assert_int_equal(
        change(f, "WITH x AS (SELECT pg_sleep(0.6)) DELETE FROM t USING x", true, -1, &err),
        FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(rows_left(f), 5);
}

/* ---- outside of one ---- */

static void some_statements_run_outside_a_transaction_alone(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_int_equal(change(f, "CREATE INDEX CONCURRENTLY i ON t (id)", true, -1, &err),
                     FX_ERR_UPSTREAM);
    assert_ok(change(f, "CREATE INDEX CONCURRENTLY i ON t (id)", false, -1, &err));
    assert_ok(change(f, "VACUUM (ANALYZE) t", false, -1, &err));
    assert_int_equal(test_postgres_sql(f->postgres,
                                       "SELECT indisvalid::int FROM pg_index WHERE indrelid = "
                                       "'t'::regclass"),
                     1);
}

struct meanwhile {
    struct fx_sql *other;
    int calls;
};

/* What the statement waits for happens only here. */
static void let_go(void *owner) {
    struct meanwhile *m = owner;

    if (++m->calls == 2) {
        fx_sql_close(m->other);
        m->other = NULL;
    }
}

static void while_it_is_awaited_the_caller_may_look_elsewhere(void **state) {
    static const char lock[] = "SELECT pg_advisory_lock(1)::text";
    struct fixture *f = *state;
    struct meanwhile m = {0};
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_ok(fx_sql_open(
        f->sc,
        &(struct fx_sql_options){.url = f->postgres->url, .application_name = "sql_change_test"},
        &m.other, &err));
    assert_ok(fx_sql_query(m.other, f->sc, lock, NULL, 1, &rows, &err));
    enum fx_code code =
        fx_sql_change(f->sql, f->sc, fx_clock_system(),
                      &(struct fx_sql_change){
                          .statement = lock, .max_rows = -1, .meanwhile = let_go, .owner = &m},
                      &f->rows, &err);

    assert_ok(code);
    assert_int_equal(m.calls, 2);
}

static void a_connection_that_reads_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    open_with(f, true);
    assert_int_equal(change(f, "DELETE FROM t", true, -1, &err), FX_ERR_INTERNAL);
    assert_int_equal(rows_left(f), 5);
}

/* ---- the connection breaks ---- */

/* Ends the server's process as soon as it sleeps. */
static void *cut(void *given) {
    struct fixture *f = given;

    while (test_postgres_sql(
               f->postgres, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                            "application_name = 'sql_change_test' AND wait_event = 'PgSleep'") == 0)
        usleep(1000);
    return NULL;
}

static enum fx_code change_and_cut(struct fixture *f, bool in_transaction, struct fx_error *err) {
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, cut, f), 0);
    enum fx_code code =
        change(f, "WITH x AS (SELECT pg_sleep(20)) DELETE FROM t USING x", in_transaction, -1, err);

    pthread_join(thread, NULL);
    return code;
}

static void a_connection_that_breaks_leaves_it_unknown(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_int_equal(change_and_cut(f, false, &err), FX_ERR_UNAVAILABLE);
    assert_true(err.sent);
}

static void a_transaction_that_breaks_before_its_commit_has_changed_nothing(void **state) {
    struct fixture *f = *state;
    struct fx_error err;

    assert_int_not_equal(change_and_cut(f, true, &err), FX_OK);
    assert_false(err.sent);
    assert_int_equal(rows_left(f), 5);
}

/* Cancels as soon as it sleeps. */
static void *cancel(void *given) {
    struct fixture *f = given;

    while (test_postgres_sql(f->postgres,
                             "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                             "'sql_change_test' AND wait_event = 'PgSleep'") == 0)
        usleep(1000);
    fx_scope_cancel(f->sc);
    return NULL;
}

static void who_must_stop_does_not_wait_for_the_end(void **state) {
    struct fixture *f = *state;
    struct fx_error err;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, cancel, f), 0);
    assert_int_not_equal(change(f, "SELECT pg_sleep(20)", false, -1, &err), FX_OK);
    assert_true(err.sent);
    pthread_join(thread, NULL);
}

int main(void) {
    struct test_postgres postgres;

#define SQL_TEST(test)                                                                             \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        SQL_TEST(what_touches_the_right_number_of_rows_is_committed),
        SQL_TEST(what_touches_more_or_fewer_is_taken_back),
        SQL_TEST(what_runs_first_is_of_the_same_transaction),
        SQL_TEST(a_refusal_is_the_last_word_and_changes_nothing),
        SQL_TEST(a_promise_that_is_over_is_not_kept),
        SQL_TEST(what_took_too_long_is_taken_back),
        SQL_TEST(some_statements_run_outside_a_transaction_alone),
        SQL_TEST(while_it_is_awaited_the_caller_may_look_elsewhere),
        SQL_TEST(a_connection_that_reads_changes_nothing),
        SQL_TEST(a_connection_that_breaks_leaves_it_unknown),
        SQL_TEST(a_transaction_that_breaks_before_its_commit_has_changed_nothing),
        SQL_TEST(who_must_stop_does_not_wait_for_the_end),
    };
    test_postgres_make(&postgres);
    test_postgres_start(&postgres, "-cfsync=off");
    int failed = cmocka_run_group_tests_name("sql change", tests, NULL, NULL);

    test_postgres_remove(&postgres);
    return failed;
}
