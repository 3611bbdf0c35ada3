/* steps_logs_test.c - the steps `logs.insights` and `logs.search`: what may stand in a text that
 * CloudWatch Logs parses, when a query is stopped, and what a search says it did not look at. */
#include "steps_rig.h"

#include <stdio.h>
#include <string.h>

static enum fx_code step(struct steps_rig *rig, const struct fx_step_kind *kind, const char *params,
                         struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_json *filled = NULL;

    *ret_result = (struct fx_step_result){0};
    FX_TRY(fx_step_fill_params(rig->sc, kind, steps_rig_json(rig, params), &filled, err));
    return kind->run(&rig->ctx, filled, ret_result, err);
}

/* What the n-th request said. */
static struct fx_json *request(struct steps_rig *rig, size_t n) {
    struct fx_json *body = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(rig->sc, rig->world.script.requests[n].body, &body, &err));
    return body;
}

static const char *operation(struct steps_rig *rig, size_t n) {
    const char *target = scripted_http_header(&rig->world.script, n, "x-amz-target");

    return target == NULL ? "" : strchr(target, '.') + 1;
}

/* ---- queries ---- */

static enum fx_code check(struct steps_rig *rig, const char *query, struct fx_error *err) {
    return log_query_check(query, steps_rig_json(rig, "['a','b']"), err);
}

static void a_query_holds_no_template_but_variables(void **state) {
    static const char *const bad[] = {"filter a = \"${arguments.id}\"", "filter a = ${x}",
                                      "${variables.f[1]}", "${variables.}", "${variables.f"};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(check(rig, "filter ${variables.log_status} = $1 and b in $2", &err));
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_int_equal(check(rig, bad[i], &err), FX_ERR_INPUT);
        assert_non_null(strstr(err.message, "write $1"));
    }
}

static void a_place_has_a_value_and_stands_outside_quotes(void **state) {
    static const char *const bad[] = {"filter a = \"$1\"",   "filter a = '$1'",  "filter `$1` = 1",
                                      "filter a like /x$1/", "filter a =~ /$1/", "filter a = $3"};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(check(rig, "filter @message like /end$/ and a / b = $1", &err));
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        if (check(rig, bad[i], &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
}

static void values_bring_their_quotes(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};
    const char *query = NULL;

    assert_ok(log_query_bind(rig->sc, "filter a = $1 and b in $2 and c > $3 and d = \"$1\"",
                             steps_rig_json(rig, "['evt-1',['x','y:z'],7]"), &query, &err));
    assert_string_equal(query, "filter a = \"evt-1\" and b in [\"x\",\"y:z\"] and c > 7 and d = "
                               "\"$1\"");
}

static void a_value_that_could_end_its_quotes_is_refused(void **state) {
    static const char *const bad[] = {"a\"b", "a\\b", "a b", "a|b", "", "a\nb", "$1", "\xc3\xa4"};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};
    const char *query = NULL;
    char longest[130];

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_json *value = fx_json_string(rig->sc, bad[i]);
        struct fx_json *list = fx_json_array_of(rig->sc, value, NULL);

        assert_int_equal(log_query_bind(rig->sc, "filter a = $1", list, &query, &err),
                         FX_ERR_INPUT);
        assert_int_equal(log_query_bind(rig->sc, "filter a in $1",
                                        fx_json_array_of(rig->sc, list, NULL), &query, &err),
                         FX_ERR_INPUT);
    }
    memset(longest, 'x', sizeof longest);
    longest[128] = '\0';
    struct fx_json *list = fx_json_array_of(rig->sc, fx_json_string(rig->sc, longest), NULL);
    assert_ok(log_query_bind(rig->sc, "$1", list, &query, &err));
    longest[128] = 'x';
    longest[129] = '\0';
    list = fx_json_array_of(rig->sc, fx_json_string(rig->sc, longest), NULL);
    assert_int_equal(log_query_bind(rig->sc, "$1", list, &query, &err), FX_ERR_INPUT);
}

static void a_query_is_never_cut(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *ids = fx_json_array(rig->sc);
    struct fx_error err = {0};
    const char *query = NULL;

    for (size_t i = 0; i < 1000; i++)
        fx_json_add(ids, fx_json_stringf(rig->sc, "correlation-%zu", i));
    assert_int_equal(log_query_bind(rig->sc, "filter a in $1", fx_json_array_of(rig->sc, ids, NULL),
                                    &query, &err),
                     FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "10000"));
}

#define QUERY "{'query':'filter a = $1','groups':['g','h'],'with':['x'],'window':'1h'}"
#define STARTED REPLY(200, "{\"queryId\":\"q-1\"}")
#define RUNNING REPLY(200, "{\"status\":\"Running\",\"results\":[]}")

static void a_query_is_waited_for_without_a_thread(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(&rig->world, STARTED, RUNNING,
                     REPLY(200, "{\"status\":\"Complete\",\"results\":[[{\"field\":\"n\",\"value\":"
                                "\"3\"},{\"field\":\"@ptr\",\"value\":\"x\"}]],\"statistics\":{"
                                "\"recordsScanned\":7.0,\"recordsMatched\":3.0,\"bytesScanned\":"
                                "90.0}}"));
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_string_equal(fx_json_get_text(request(rig, 0), "queryString"), "filter a = \"x\"");
    assert_int_equal(fx_json_get_int(request(rig, 0), "startTime", 0), RIG_NOW_MS / 1000 - 3600);
    rig->ctx.checkpoint = result.checkpoint;
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_string_equal(fx_json_get_text(request(rig, 1), "queryId"), "q-1");
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_string_equal(fx_json_dump_canonical(rig->sc, result.output),
                        "{\"bytes\":90,\"count\":1,\"matched\":3,\"rows\":[{\"n\":\"3\"}],"
                        "\"scanned\":7}");
}

static void only_one_of_its_groups_is_asked(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(&rig->world, STARTED);
    assert_ok(
        step(rig, &step_insights, "{'query':'x','groups':['g','h'],'only':'h'}", &result, &err));
    assert_string_equal(fx_json_dump(rig->sc, fx_json_at(request(rig, 0), "logGroupNames")),
                        "[\"h\"]");
    assert_int_equal(
        step(rig, &step_insights, "{'query':'x','groups':['g','h'],'only':'i'}", &result, &err),
        FX_ERR_INPUT);
}

/* It bills while it reads. */
static void a_query_that_takes_too_long_is_stopped_and_not_begun_again(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(&rig->world, STARTED, RUNNING, RUNNING, REPLY(200, "{\"success\":true}"));
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    rig->ctx.checkpoint = result.checkpoint;
    rig->world.clock.wall_ms += 60 * 1000;
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    rig->world.clock.wall_ms += 1;
    assert_int_equal(step(rig, &step_insights, QUERY, &result, &err), FX_ERR_UPSTREAM);
    assert_false(fx_code_is_transient(err.code));
    assert_non_null(strstr(err.message, "was stopped; ask for a shorter window"));
    assert_string_equal(operation(rig, 3), "StopQuery");
    assert_string_equal(fx_json_get_text(request(rig, 3), "queryId"), "q-1");
}

static void a_query_that_may_not_be_looked_at_is_stopped(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(&rig->world, STARTED,
                     REPLY(400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}"),
                     REPLY(200, "{\"success\":true}"));
    assert_ok(step(rig, &step_insights, QUERY, &result, &err));
    rig->ctx.checkpoint = result.checkpoint;
    assert_int_equal(step(rig, &step_insights, QUERY, &result, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "logs:GetQueryResults"));
    assert_string_equal(operation(rig, 2), "StopQuery");
}

/* ---- patterns ---- */

static void a_pattern_holds_nothing_that_ends_its_quotes(void **state) {
    static const struct {
        const char *word, *pattern;
    } rows[] = {
        {"connection refused", "\"connection refused\""},
        {"say \"hi\"", "\"say \" \"hi\""},
        {"a\\b%c%\td", "\"a\" \"b\" \"c\" \"d\""},
        {"{ $.a = 1 } [x] ?y -z", "\"{ $.a = 1 } [x] ?y -z\""},
        {"\"\\\" \"", ""},
        {"", ""},
    };
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const char *pattern = NULL;
        struct fx_json *words =
            fx_json_array_of(rig->sc, fx_json_string(rig->sc, rows[i].word), NULL);

        assert_ok(log_pattern(rig->sc, words, &pattern, &err));
        assert_string_equal(pattern, rows[i].pattern);
    }
}

static void a_pattern_has_limits(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *words = fx_json_array(rig->sc);
    struct fx_error err = {0};
    const char *pattern = NULL;
    char text[1024];

    memset(text, 'x', sizeof text);
    text[1022] = '\0';
    fx_json_add(words, fx_json_string(rig->sc, text));
    assert_ok(log_pattern(rig->sc, words, &pattern, &err));
    assert_int_equal(strlen(pattern), 1024);
    fx_json_add(words, fx_json_string(rig->sc, "y"));
    assert_int_equal(log_pattern(rig->sc, words, &pattern, &err), FX_ERR_INPUT);
    words = fx_json_array(rig->sc);
    for (size_t i = 0; i < 9; i++)
        fx_json_add(words, fx_json_string(rig->sc, "z"));
    assert_int_equal(log_pattern(rig->sc, words, &pattern, &err), FX_ERR_INPUT);
}

/* ---- searching ---- */

#define SEARCH "{'groups':['g'],'words':['a\\\":\\\"b'],'window':'8s','lines':2,'fields':['id']}"
#define NOTHING REPLY(200, "{\"events\":[]}")

static void the_newest_part_is_looked_at_first_and_then_all(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};
    int64_t before = RIG_NOW_MS + 1;

    aws_world_script(&rig->world, NOTHING, NOTHING, NOTHING, NOTHING);
    assert_ok(step(rig, &step_logs_search, SEARCH, &result, &err));
    for (size_t i = 0; i < rig->world.script.asked; i++) {
        assert_int_equal(fx_json_get_int(request(rig, i), "endTime", 0), before - 1);
        before = fx_json_get_int(request(rig, i), "startTime", 0);
        assert_string_equal(fx_json_get_text(request(rig, i), "filterPattern"),
                            "\"a\" \":\" \"b\"");
    }
    assert_int_equal(before, RIG_NOW_MS - 8000);
    assert_true(fx_json_get_bool(result.output, "complete", false));
    assert_string_equal(fx_json_get_text(result.output, "unread"), "");
}

static void a_line_is_shown_only_when_it_holds_the_very_text(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(
        &rig->world,
        REPLY(200, "{\"events\":[{\"timestamp\":1440938159100,\"message\":\"a then b\"},{"
                   "\"timestamp\":1440938159200,\"message\":\"1 a\\\":\\\"b\"},{\"timestamp\":"
                   "1440938159300,\"message\":\"{\\\"id\\\":\\\"7\\\",\\\"mail\\\":\\\"anna\\\","
                   "\\\"a\\\":\\\"b\\\"}\"},{\"timestamp\":1440938159400,\"message\":"
                   "\"2 a\\\":\\\"b AKIAIOSFODNN7EXAMPLE\"}]}"));
    assert_ok(step(rig, &step_logs_search, SEARCH, &result, &err));
    const char *output = fx_json_dump(rig->sc, result.output);

    assert_int_equal(fx_json_get_int(result.output, "count", 0), 3);
    assert_int_equal(fx_json_count(fx_json_at(result.output, "lines")), 2);
    assert_non_null(strstr(output, "[redacted]"));
    assert_null(strstr(output, "AKIA"));
    assert_null(strstr(output, "anna"));
    assert_string_equal(fx_json_dump(rig->sc, fx_json_at_path(result.output, "lines.1.fields")),
                        "{\"id\":\"7\"}");
    assert_non_null(strstr(fx_json_get_text(result.output, "unread"),
                           "Lines before 2015-08-30T12:35:59Z were not looked at: enough newer"));
}

static void a_search_ends_at_its_pages_and_says_so(void **state) {
    static struct scripted_reply replies[21];
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(replies); i++)
        replies[i] = (struct scripted_reply){
            .status = 200,
            .body = fx_printf(rig->sc,
                              "{\"events\":[{\"timestamp\":%lld,\"message\":\"no\"}],\"nextToken\":"
                              "\"t%zu\"}",
                              (long long)(RIG_NOW_MS - 1000 + 10 * (int64_t)i), i)};
    scripted_http_set(&rig->world.script, replies, FX_COUNT_OF(replies));
    assert_ok(step(rig, &step_logs_search, SEARCH, &result, &err));
    assert_int_equal(rig->world.script.asked, 20);
    assert_string_equal(fx_json_get_text(request(rig, 19), "nextToken"), "t18");
    assert_false(fx_json_get_bool(result.output, "complete", true));
    assert_string_equal(fx_json_get_text(result.output, "unread"),
                        "Lines between 2015-08-30T12:35:59Z and 2015-08-30T12:36:00Z and before "
                        "2015-08-30T12:35:59Z were not looked at: 20 pages were read.");
}

static void a_search_ends_with_its_time_and_with_a_token_that_comes_twice(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    aws_world_script(&rig->world, REPLY(200, "{\"events\":[],\"nextToken\":\"t\"}"),
                     REPLY(200, "{\"events\":[],\"nextToken\":\"t\"}"));
    assert_ok(step(rig, &step_logs_search, SEARCH, &result, &err));
    assert_non_null(strstr(fx_json_get_text(result.output, "unread"), "same page token"));
    rig->world.clock.step_ms = 15 * 1000;
    aws_world_script(&rig->world, REPLY(200, "{\"events\":[],\"nextToken\":\"t\"}"), NOTHING);
    assert_ok(step(rig, &step_logs_search, SEARCH, &result, &err));
    assert_non_null(strstr(fx_json_get_text(result.output, "unread"), "longer than 20 s"));
}

static void a_search_has_limits(void **state) {
    static const char *const bad[] = {
        "{'groups':['g'],'window':'25h'}", "{'groups':['g'],'window':'0s'}",
        "{'groups':['g'],'lines':101}",    "{'groups':['g'],'lines':0}",
        "{'groups':['g'],'only':'h'}",     "{'groups':[]}",
    };
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(step(rig, &step_logs_search, bad[i], &result, &err), FX_ERR_INPUT);
    aws_world_script(
        &rig->world,
        REPLY(400, "{\"__type\":\"ResourceNotFoundException\",\"message\":\"no such group\"}"));
    assert_true(step(rig, &step_logs_search, SEARCH, &result, &err) != FX_OK);
    assert_non_null(strstr(err.message, "right name to the variable of the log group"));
    assert_string_equal(err.upstream, "ResourceNotFoundException");
}

int main(void) {
#define LOGS_TEST(test) cmocka_unit_test_setup_teardown(test, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        LOGS_TEST(a_query_holds_no_template_but_variables),
        LOGS_TEST(a_place_has_a_value_and_stands_outside_quotes),
        LOGS_TEST(values_bring_their_quotes),
        LOGS_TEST(a_value_that_could_end_its_quotes_is_refused),
        LOGS_TEST(a_query_is_never_cut),
        LOGS_TEST(a_query_is_waited_for_without_a_thread),
        LOGS_TEST(only_one_of_its_groups_is_asked),
        LOGS_TEST(a_query_that_takes_too_long_is_stopped_and_not_begun_again),
        LOGS_TEST(a_query_that_may_not_be_looked_at_is_stopped),
        LOGS_TEST(a_pattern_holds_nothing_that_ends_its_quotes),
        LOGS_TEST(a_pattern_has_limits),
        LOGS_TEST(the_newest_part_is_looked_at_first_and_then_all),
        LOGS_TEST(a_line_is_shown_only_when_it_holds_the_very_text),
        LOGS_TEST(a_search_ends_at_its_pages_and_says_so),
        LOGS_TEST(a_search_ends_with_its_time_and_with_a_token_that_comes_twice),
        LOGS_TEST(a_search_has_limits),
    };
    return cmocka_run_group_tests_name("steps logs", tests, NULL, NULL);
}
