/* sql_test.c - a read-only connection: what is asked is bound, what would write is refused, what
 * takes too long or holds too much ends; against a real PostgreSQL.
 */
#include "support/test.h"

#include "fluxabot/sql.h"
#include "support/postgres.h"

#include <string.h>

/* ---- fixture ---- */

struct fixture {
    struct test_postgres *postgres;
    struct fx_scope *sc;
    struct fx_sql *sql;
};

static struct fixture fixture_of_test;

static void open_with(struct fixture *f, const struct fx_sql_options *options) {
    struct fx_sql_options given = *options;
    struct fx_error err;

    given.url = f->postgres->url;
    given.application_name = "sql_test";
    fx_sql_close(f->sql);
    assert_ok(fx_sql_open(f->sc, &given, &f->sql, &err));
}

static int setup(void **state) {
    struct fixture *f = &fixture_of_test;

    *f = (struct fixture){.postgres = *state, .sc = fx_scope_new(NULL)};
    test_postgres_sql(f->postgres, "DROP TABLE IF EXISTS t; CREATE TABLE t (id text PRIMARY KEY); "
                                   "GRANT ALL ON t TO PUBLIC; INSERT INTO t VALUES ('one')");
    open_with(f, &(struct fx_sql_options){.read_only = true});
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    fx_sql_close(f->sql);
    fx_scope_free(f->sc);
    return 0;
}

static enum fx_code ask(struct fixture *f, const char *statement, struct fx_json *param,
                        size_t max_rows, struct fx_json **ret_rows, struct fx_error *err) {
    struct fx_json *params = fx_json_array(f->sc);

    if (param != NULL)
        fx_json_add(params, param);
    return fx_sql_query(f->sql, f->sc, statement, params, max_rows, ret_rows, err);
}

static const char *text_of(struct fixture *f, const char *statement, struct fx_json *param) {
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_ok(ask(f, statement, param, 0, &rows, &err));
    assert_int_equal(fx_json_count(rows), 1);
    return fx_json_get_text(fx_json_item(rows, 0), "x");
}

static int64_t rows_left(struct fixture *f) {
    return test_postgres_sql(f->postgres, "SELECT count(*) FROM t");
}

/* ---- what is asked is bound ---- */

static const char *const hostile[] = {
    "'; DROP TABLE t; --",
    "' OR '1'='1",
    "\" OR 1=1",
    "\\'; DELETE FROM t; --",
    "$1",
    "${1+1}",
    "%s%n",
    "a\nb\tc\\",
    "{\"a\",NULL}",
    "\xe2\x80\xae\xf0\x9f\x99\x82",
    "",
};

static void hostile_texts_arrive_as_data(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < FX_COUNT_OF(hostile); i++) {
        assert_string_equal(text_of(f, "SELECT $1 AS x", fx_json_string(f->sc, hostile[i])),
                            hostile[i]);
        struct fx_json *list = fx_json_array_of(f->sc, fx_json_string(f->sc, hostile[i]), NULL);

        assert_string_equal(text_of(f, "SELECT ($1::text[])[1] AS x", list), hostile[i]);
        assert_string_equal(text_of(f, "SELECT array_length($1::text[], 1)::text AS x", list), "1");
    }
    assert_int_equal(rows_left(f), 1);
}

static void explain_takes_a_bound_parameter_too(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_ok(ask(f, "EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) SELECT * FROM t WHERE id = $1",
                  fx_json_string(f->sc, "'; DROP TABLE t; --"), 0, &rows, &err));
    assert_non_null(fx_json_get_text(fx_json_item(rows, 0), "QUERY PLAN"));
    assert_int_equal(rows_left(f), 1);
}

static void one_statement_is_one(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_int_equal(ask(f, "SELECT 1; SELECT 2", NULL, 0, &rows, &err), FX_ERR_UPSTREAM);
    assert_int_equal(ask(f, "COMMIT; DELETE FROM t", NULL, 0, &rows, &err), FX_ERR_UPSTREAM);
    assert_int_equal(rows_left(f), 1);
}

/* ---- what would write is refused ---- */

static void a_read_only_connection_writes_nothing(void **state) {
    static const char *const writes[] = {
        "DELETE FROM t",
        "INSERT INTO t VALUES ('two')",
        "WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM t",
        "CREATE TABLE u (n int)",
        "SELECT set_config('transaction_read_only', 'off', false) FROM t FOR UPDATE",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < FX_COUNT_OF(writes); i++) {
        struct fx_json *rows = NULL;
        struct fx_error err;

        assert_int_equal(ask(f, writes[i], NULL, 0, &rows, &err), FX_ERR_UPSTREAM);
        assert_string_equal(err.upstream, "25006"); /* read_only_sql_transaction */
    }
    assert_int_equal(rows_left(f), 1);
}

/* Ending the transaction early does not help: the session is read-only as well. */
static void what_ends_its_transaction_stays_read_only(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_ok(ask(f, "COMMIT", NULL, 0, &rows, &err));
    assert_string_equal(text_of(f, "SELECT current_setting('transaction_read_only') AS x", NULL),
                        "on");
    assert_string_equal(
        text_of(
            f,
            "SELECT reset_val AS x FROM pg_settings WHERE name = 'default_transaction_read_only'",
            NULL),
        "on");
}

/* ---- what takes too long or holds too much ends ---- */

static void a_statement_has_a_timeout_of_its_own(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_string_equal(text_of(f, "SELECT current_setting('statement_timeout') AS x", NULL), "5s");
    assert_string_equal(text_of(f, "SELECT current_setting('lock_timeout') AS x", NULL), "1s");
    open_with(f, &(struct fx_sql_options){.read_only = true, .statement_timeout_ms = 100});
    assert_int_equal(ask(f, "SELECT pg_sleep(600)", NULL, 0, &rows, &err), FX_ERR_TIMEOUT);
    assert_string_equal(err.upstream, "57014");
    /* the connection is as good as new */
    assert_string_equal(text_of(f, "SELECT 'here' AS x", NULL), "here");
    assert_string_equal(text_of(f, "SELECT current_setting('statement_timeout') AS x", NULL),
                        "100ms");
}

/* A card that names lock_timeout must not name the bot's. */
static void the_servers_own_settings_can_be_read(void **state) {
    static const char *const statement =
        "SELECT setting || ' ' || reset_val AS x FROM pg_settings WHERE name = $1";
    struct fixture *f = *state;

    assert_string_equal(text_of(f, statement, fx_json_string(f->sc, "statement_timeout")),
                        "5000 0");
    assert_string_equal(text_of(f, statement, fx_json_string(f->sc, "lock_timeout")), "1000 0");
}

static void more_rows_than_allowed_are_an_error(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_ok(ask(f, "SELECT generate_series(1, 3) AS n", NULL, 3, &rows, &err));
    assert_int_equal(fx_json_count(rows), 3);
    assert_int_equal(ask(f, "SELECT generate_series(1, 4) AS n", NULL, 3, &rows, &err),
                     FX_ERR_LIMIT);
    assert_int_equal(ask(f, "SELECT generate_series(1, 501) AS n", NULL, 0, &rows, &err),
                     FX_ERR_LIMIT);
}

static void what_may_not_be_read_is_denied(void **state) {
    struct fixture *f = *state;
    struct fx_json *rows = NULL;
    struct fx_error err;

    assert_int_equal(ask(f, "SELECT * FROM pg_authid", NULL, 0, &rows, &err), FX_ERR_DENIED);
    assert_string_equal(err.upstream, "42501");
}

static void a_server_that_is_not_there_is_unavailable_and_no_url_is_told(void **state) {
    struct fixture *f = *state;
    struct fx_sql *sql = NULL;
    struct fx_error err;

    assert_int_equal(
        fx_sql_open(f->sc,
                    &(struct fx_sql_options){.url = "postgresql://u:s3cret@127.0.0.1:1/x",
                                             .application_name = "sql_test",
                                             .read_only = true},
                    &sql, &err),
        FX_ERR_UNAVAILABLE);
    assert_null(sql);
    assert_null(strstr(err.message, "s3cret"));
}

static void a_server_without_a_free_connection_is_told_apart(void **state) {
    struct fixture *f = *state;
    struct fx_sql *sql = NULL;
    struct fx_error err;

    fx_sql_close(f->sql);
    f->sql = NULL;
    test_postgres_sql(f->postgres, "ALTER ROLE fluxabot CONNECTION LIMIT 0");
    enum fx_code code =
        fx_sql_open(f->sc,
                    &(struct fx_sql_options){
                        .url = f->postgres->url, .application_name = "sql_test", .read_only = true},
                    &sql, &err);

    test_postgres_sql(f->postgres, "ALTER ROLE fluxabot CONNECTION LIMIT -1");
    assert_int_equal(code, FX_ERR_UNAVAILABLE);
    assert_string_equal(err.upstream, "53300");
    assert_string_equal(err.message, "the database cannot be reached: FATAL:  too many connections "
                                     "for role \"fluxabot\"");
}

static void where_a_connection_leads_is_said_without_what_is_secret(void **state) {
    static const struct {
        const char *url, *place;
    } cases[] = {
        {"postgresql://bot:hush@db.example:5433/orders?sslpassword=hush&application_name=x",
         "user=bot dbname=orders host=db.example port=5433"},
        {"host=db hostaddr=10.0.0.1 password=hush passfile=/hush dbname=orders",
         "dbname=orders host=db hostaddr=10.0.0.1"},
        {"service=fluxa", "service=fluxa"},
        {"postgresql://", ""},
        {"mysql://bot:hush@db/orders", NULL},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *place = fx_sql_place(f->sc, cases[i].url);

        assert_true((place == NULL) == (cases[i].place == NULL));
        if (place != NULL) {
            assert_null(strstr(place, "hush"));
            assert_string_equal(place, cases[i].place);
        }
    }
}

int main(void) {
    struct test_postgres postgres;

#define SQL_TEST(test)                                                                             \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        SQL_TEST(hostile_texts_arrive_as_data),
        SQL_TEST(explain_takes_a_bound_parameter_too),
        SQL_TEST(where_a_connection_leads_is_said_without_what_is_secret),
        SQL_TEST(one_statement_is_one),
        SQL_TEST(a_read_only_connection_writes_nothing),
        SQL_TEST(what_ends_its_transaction_stays_read_only),
        SQL_TEST(a_statement_has_a_timeout_of_its_own),
        SQL_TEST(the_servers_own_settings_can_be_read),
        SQL_TEST(more_rows_than_allowed_are_an_error),
        SQL_TEST(what_may_not_be_read_is_denied),
        SQL_TEST(a_server_that_is_not_there_is_unavailable_and_no_url_is_told),
        SQL_TEST(a_server_without_a_free_connection_is_told_apart),
    };
    test_postgres_make(&postgres);
    test_postgres_start(&postgres, "-cfsync=off");
    int failed = cmocka_run_group_tests_name("sql", tests, NULL, NULL);

    test_postgres_remove(&postgres);
    return failed;
}
