/* steps_sql_test.c - the step `sql`: what it refuses before it runs, what reaches the database, and
 * what a person is told when the database does not answer. */
#include "steps_rig.h"

#include <stdio.h>
#include <string.h>

static enum fx_code check(struct steps_rig *rig, const char *params, struct fx_error *err) {
    struct fx_json *filled = NULL;

    FX_TRY(fx_step_fill_params(rig->sc, &step_sql, steps_rig_json(rig, params), &filled, err));
    return step_sql.check(rig->sc, rig->ctx.system, filled, err);
}

static enum fx_code run(struct steps_rig *rig, const char *params, struct fx_json **ret_output,
                        struct fx_error *err) {
    struct fx_step_result result = {0};
    struct fx_json *filled = NULL;

    FX_TRY(fx_step_fill_params(rig->sc, &step_sql, steps_rig_json(rig, params), &filled, err));
    FX_TRY(step_sql.run(&rig->ctx, filled, &result, err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    *ret_output = result.output;
    return FX_OK;
}

#define ASK "'database':'events','query':'SELECT $1'"

/* ---- before it runs ---- */

static void a_statement_with_a_template_is_refused(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(check(rig, "{" ASK "}", &err));
    assert_int_equal(check(rig, "{'database':'events','query':'SELECT ${arguments.id}'}", &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "write $1"));
    assert_int_equal(check(rig, "{'database':'events','query':'SELECT $${x}'}", &err),
                     FX_ERR_INPUT);
}

static void a_timeout_has_its_limits(void **state) {
    static const char *const good[] = {"'100ms'", "'5s'", "'30s'", "'${variables.timeout}'"};
    static const char *const bad[] = {"'99ms'", "'31s'", "'0s'", "'1h'", "'soon'", "true"};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(good); i++)
        assert_ok(
            check(rig, fx_printf(rig->sc, "{" ASK ",'statement_timeout':%s}", good[i]), &err));
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(
            check(rig, fx_printf(rig->sc, "{" ASK ",'statement_timeout':%s}", bad[i]), &err),
            FX_ERR_INPUT);
}

/* A template is filled only when it runs. */
static void a_timeout_is_looked_at_again_when_it_runs(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    assert_int_equal(run(rig, "{" ASK ",'statement_timeout':'1h'}", &output, &err), FX_ERR_INPUT);
    assert_int_equal(rig->opened, 0);
}

/* ---- what reaches the database ---- */

static void one_connection_for_one_statement(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    rig->rows = steps_rig_json(rig, "[{'n':1},{'n':2}]");
    assert_ok(
        run(rig, "{" ASK ",'with':['x'],'max_rows':7,'statement_timeout':'30s'}", &output, &err));
    assert_int_equal(fx_json_get_int(output, "count", 0), 2);
    assert_string_equal(rig->statement, "SELECT $1");
    assert_int_equal(rig->max_rows, 7);
    assert_int_equal(rig->statement_timeout_ms, 30000);
    assert_int_equal(rig->opened, 1);
    assert_int_equal(rig->closed, 1); /* although the run goes on */
    assert_ok(run(rig, "{" ASK "}", &output, &err));
    assert_int_equal(rig->statement_timeout_ms, 5000);
    assert_int_equal(rig->max_rows, 100);
}

static void hostile_arguments_stay_beside_the_statement(void **state) {
    static const char *const hostile[] = {
        "; DROP TABLE events; --", "\\\" OR 1=1", "$1", "%s%n", "${1+1}", "\xe2\x80\xae"};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(hostile); i++) {
        struct fx_json *params = steps_rig_json(rig, "{" ASK "}");
        struct fx_step_result result = {0};
        struct fx_json *filled = NULL;

        fx_json_put(params, "with",
                    fx_json_array_of(rig->sc, fx_json_string(rig->sc, hostile[i]), NULL));
        assert_ok(fx_step_fill_params(rig->sc, &step_sql, params, &filled, &err));
        assert_ok(step_sql.run(&rig->ctx, filled, &result, &err));
        assert_string_equal(rig->statement, "SELECT $1");
        assert_string_equal(fx_json_text(fx_json_item(rig->asked, 0)), hostile[i]);
    }
}

/* ---- when it does not answer ---- */

static void refuse_with(struct steps_rig *rig, enum fx_code code, const char *state,
                        const char *message) {
    (void)fx_fail(&rig->refused, code, "the database refused the statement: %s", message);
    snprintf(rig->refused.upstream, sizeof rig->refused.upstream, "%s", state);
}

static void each_refusal_says_what_to_do(void **state) {
    static const struct {
        const char *state;
        enum fx_code code, told;
        const char *says;
    } rows[] = {
        {"42501", FX_ERR_DENIED, FX_ERR_DENIED, "README.md"},
        {"42P01", FX_ERR_UPSTREAM, FX_ERR_UPSTREAM, "right database"},
        {"42703", FX_ERR_UPSTREAM, FX_ERR_UPSTREAM, "right database"},
        {"55P03", FX_ERR_UPSTREAM, FX_ERR_UPSTREAM, "holds a lock"},
        {"53300", FX_ERR_UNAVAILABLE, FX_ERR_UNAVAILABLE, "no connection is free"},
        {"57P01", FX_ERR_UNAVAILABLE, FX_ERR_UNAVAILABLE, "see that it runs"},
        /* not transient: another try would load the database once more */
        {"57014", FX_ERR_TIMEOUT, FX_ERR_UPSTREAM, "is not tried again"},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_json *output = NULL;
        struct fx_error err = {0};

        refuse_with(rig, rows[i].code, rows[i].state, "its own words");
        assert_int_equal(run(rig, "{" ASK "}", &output, &err), rows[i].told);
        assert_non_null(strstr(err.message, "events: "));
        assert_non_null(strstr(err.message, "its own words; "));
        assert_non_null(strstr(err.message, rows[i].says));
        assert_string_equal(err.upstream, rows[i].state);
        assert_int_equal(rig->opened, rig->closed);
    }
}

static void long_words_of_the_database_leave_room_for_ours(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};
    char words[480];

    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    refuse_with(rig, FX_ERR_TIMEOUT, "57014", words);
    assert_int_equal(run(rig, "{" ASK "}", &output, &err), FX_ERR_UPSTREAM);
    assert_non_null(strstr(err.message, "in the runbook"));
}

static void a_refused_connection_is_told_too(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    rig->database_fails = FX_ERR_UNAVAILABLE;
    assert_int_equal(run(rig, "{" ASK "}", &output, &err), FX_ERR_UNAVAILABLE);
    assert_string_equal(err.message, "events: the database is away; see that it runs, and that it "
                                     "lets the bot's address and role in");
}

static void what_needs_no_advice_is_passed_on(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    refuse_with(rig, FX_ERR_LIMIT, "", "101 rows");
    assert_int_equal(run(rig, "{" ASK "}", &output, &err), FX_ERR_LIMIT);
    assert_string_equal(err.message, rig->refused.message);
}

int main(void) {
#define SQL_TEST(test) cmocka_unit_test_setup_teardown(test, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        SQL_TEST(a_statement_with_a_template_is_refused),
        SQL_TEST(a_timeout_has_its_limits),
        SQL_TEST(a_timeout_is_looked_at_again_when_it_runs),
        SQL_TEST(one_connection_for_one_statement),
        SQL_TEST(hostile_arguments_stay_beside_the_statement),
        SQL_TEST(each_refusal_says_what_to_do),
        SQL_TEST(long_words_of_the_database_leave_room_for_ours),
        SQL_TEST(a_refused_connection_is_told_too),
        SQL_TEST(what_needs_no_advice_is_passed_on),
    };
    return cmocka_run_group_tests_name("steps sql", tests, NULL, NULL);
}
