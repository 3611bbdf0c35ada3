/* steps_metric_test.c - the step `metric`: what it refuses to ask, what goes into the one call, and
 * that what CloudWatch does not tell is never a number. */
#include "steps_rig.h"

#include "metric.h"

#include <stdio.h>
#include <string.h>

#define RESULT(id, status, times, values)                                                          \
    "<member><Id>" id "</Id><Label>l</Label><Timestamps>" times "</Timestamps><Values>" values     \
    "</Values><StatusCode>" status "</StatusCode></member>"
#define ANSWER(results, token)                                                                     \
    "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>" results                      \
    "</MetricDataResults>" token "</GetMetricDataResult></GetMetricDataResponse>"
#define AT(hm) "<member>2015-08-30T" hm ":00Z</member>" /* RIG_NOW_MS is 12:36 */
#define V(value) "<member>" value "</member>"

static enum fx_code fill(struct steps_rig *rig, const char *params, struct fx_json **ret_filled,
                         struct fx_error *err) {
    return fx_step_fill_params(rig->sc, &step_metric, steps_rig_json(rig, params), ret_filled, err);
}

static enum fx_code check(struct steps_rig *rig, const char *params, struct fx_error *err) {
    struct fx_json *filled = NULL;

    FX_TRY(fill(rig, params, &filled, err));
    return step_metric.check(rig->sc, rig->ctx.system, filled, err);
}

static struct fx_json *run(struct steps_rig *rig, const char *params) {
    struct fx_step_result result = {0};
    struct fx_json *filled = NULL;
    struct fx_error err = {0};

    assert_ok(fill(rig, params, &filled, &err));
    assert_ok(step_metric.run(&rig->ctx, filled, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    return result.output;
}

static void expect(struct steps_rig *rig, const struct fx_json *output, const char *path,
                   const char *expected) {
    const struct fx_json *found = fx_json_at_path(output, path);
    const char *text = found == NULL ? "absent" : fx_json_dump(rig->sc, found);

    if (strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", path, text, expected);
}

static void expect_sent(struct steps_rig *rig, size_t request, const char *part) {
    struct fx_slice body = rig->world.script.requests[request].body;

    if (strstr(fx_slice_dup(rig->sc, body), part) == NULL)
        fail_msg("%s is not in %.*s", part, (int)body.len, body.ptr);
}

static void expect_no_numbers(struct steps_rig *rig, const struct fx_json *output) {
    static const char *const names[] = {"latest", "sum", "avg", "min", "max"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        expect(rig, output, names[i], "null");
}

#define ONE "'namespace':'AWS/SQS','name':'NumberOfMessagesSent'"
#define QUEUE "'dimensions':{'QueueName':'q'}"

/* ---- what it refuses ---- */

static void takes_what_cloudwatch_takes(void **state) {
    static const char *const good[] = {
        "{" ONE "}",
        "{" ONE "," QUEUE ",'stat':'p99.9','period':'5m','window':'1h'}",
        "{" ONE ",'dimensions':'${variables.d}','stat':'${x}','period':'${p}','window':'${w}'}",
        "{" ONE ",'window':'15d'}",
        "{" ONE ",'window':'7s'}",
        "{" ONE ",'window':'1d','period':'1m'}",
        "{'namespace':'A','metrics':{'e':{'name':'Errors'},'i':{'name':'Calls','stat':'Sum'}}}",
        "{'namespace':'A','metrics':{'e':{'name':'E'},'r':{'expression':'100*e/IF(e>0,e,1)'}}}",
        "{'namespace':'A','metrics':{'e':{'name':'E'},'r':{'expression':'FILL(e, 0) - 1.5'}}}",
    };
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(good); i++)
        if (check(rig, good[i], &err) != FX_OK)
            fail_msg("%s: %s", good[i], err.message);
}

static void refuses_what_cannot_be_asked(void **state) {
    static const struct {
        const char *params, *says;
    } bad[] = {
        {"{'name':'x'}", "needs namespace"},
        {"{'namespace':'x'}", "needs name"},
        {"{" ONE ",'stat':'Median'}", "stat of"},
        {"{" ONE ",'stat':'p'}", "stat of"},
        {"{" ONE ",'stat':'p100'}", "stat of"},
        {"{" ONE ",'stat':'p99.'}", "stat of"},
        {"{" ONE ",'dimensions':{'QueueName':''}}", "dimension QueueName of the step is empty"},
        {"{" ONE ",'dimensions':{'QueueName':7}}", "is empty"},
        {"{" ONE ",'period':'30s'}", "whole minutes"},
        {"{" ONE ",'period':'90s'}", "whole minutes"},
        {"{" ONE ",'period':'2d','window':'4d'}", "whole minutes"},
        {"{" ONE ",'window':'0s'}", "window is more"},
        {"{" ONE ",'window':'361h'}", "window is more"},
        {"{" ONE ",'window':'1441m','period':'1m'}", "at most 1440 points"},
        {"{" ONE ",'metrics':{'a':{'name':'x'}}}", "not both"},
        {"{'metrics':{}}", "1 to 60"},
        {"{'metrics':'${x}'}", "1 to 60"},
        {"{'metrics':{'A':{" ONE "}}}", "the id A"},
        {"{'metrics':{'a-b':{" ONE "}}}", "the id a-b"},
        {"{'metrics':{'1a':{" ONE "}}}", "the id 1a"},
        {"{'metrics':{'error':{" ONE "}}}", "the id error"},
        {"{'metrics':{'a':'Errors'}}", "must be a map"},
        {"{'metrics':{'a':{" ONE ",'period':'5m'}}}", "no member period"},
        {"{'metrics':{'a':{'expression':'1+b'},'b':{" ONE "}}}", "reads b"},
        {"{'metrics':{'a':{'expression':'a+1'}}}", "reads a"},
        {"{'metrics':{'a':{'expression':'2','stat':'Sum'}}}", "nothing else"},
        {"{'metrics':{'a':{'expression':'SEARCH(1)'}}}", "reads SEARCH"},
        {"{'metrics':{'a':{'expression':'FILL(\\'x\\', 0)'}}}", "does not need"},
        {"{'metrics':{'a':{'expression':'${variables.sum}'}}}", "cannot hold"},
        {"{'metrics':{'a':{'expression':''}}}", "1 to 1024"},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_error err = {0};

        assert_int_equal(check(rig, bad[i].params, &err), FX_ERR_INPUT);
        if (strstr(err.message, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].params, err.message);
    }
}

/* Of a template nothing is known before it runs. */
static void looks_again_when_it_runs_and_asks_nothing_then(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result = {0};
    struct fx_json *filled = NULL;
    struct fx_error err = {0};

    assert_ok(fill(rig, "{" ONE ",'dimensions':{'QueueName':''}}", &filled, &err));
    assert_int_equal(step_metric.run(&rig->ctx, filled, &result, &err), FX_ERR_INPUT);
    assert_int_equal(rig->world.script.asked, 0);
}

static void there_are_at_most_sixty(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *metrics = fx_json_object(rig->sc);
    struct fx_json *params = fx_json_object_of(rig->sc, "metrics", metrics, NULL);
    struct fx_json *filled = NULL;
    struct fx_error err = {0};

    for (int i = 0; i <= METRIC_MAX_SERIES; i++) {
        assert_ok(fx_step_fill_params(rig->sc, &step_metric, params, &filled, &err));
        if (i > 0)
            assert_ok(metric_check(rig->sc, NULL, filled, &err));
        fx_json_put(metrics, fx_printf(rig->sc, "m%d", i), steps_rig_json(rig, "{" ONE "}"));
    }
    assert_ok(fx_step_fill_params(rig->sc, &step_metric, params, &filled, &err));
    assert_int_equal(metric_check(rig->sc, NULL, filled, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "1 to 60"));
}

/* ---- what it asks ---- */

static void metrics_and_expressions_go_out_in_one_call(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(&rig->world,
                     REPLY(200, ANSWER(RESULT("e", "Complete", AT("12:30"), V("3.0"))
                                           RESULT("rate", "Complete", AT("12:30"), V("1.5")),
                                       "")));
    struct fx_json *output =
        run(rig, "{'namespace':'AWS/Lambda','stat':'Sum','dimensions':{'FunctionName':'f'},"
                 "'period':'5m','window':'1h','metrics':{'e':{'name':'Errors'},"
                 "'q':{'namespace':'AWS/SQS','name':'Sent'," QUEUE ",'stat':'Average'},"
                 "'rate':{'expression':'100*e/q'}}}");

    assert_int_equal(rig->world.script.asked, 1);
    expect_sent(rig, 0, "MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS%2FLambda");
    expect_sent(rig, 0, "member.1.MetricStat.Metric.Dimensions.member.1.Value=f");
    expect_sent(rig, 0, "member.1.MetricStat.Period=300");
    expect_sent(rig, 0, "member.2.MetricStat.Stat=Average");
    expect_sent(rig, 0, "member.2.MetricStat.Metric.Dimensions.member.1.Name=QueueName");
    expect_sent(rig, 0, "member.3.Expression=100%2Ae%2Fq");
    expect_sent(rig, 0, "StartTime=2015-08-30T11%3A35%3A00Z");
    expect_sent(rig, 0, "EndTime=2015-08-30T12%3A40%3A00Z");
    expect(rig, output, "rate.latest", "1.5");
    expect(rig, output, "e.sum", "3.0");
    expect(rig, output, "q.status", "\"Missing\"");
    expect_no_numbers(rig, fx_json_at(output, "q"));
}

static void a_long_window_gets_a_longer_period(void **state) {
    static const struct {
        const char *window;
        int64_t minutes;
    } cases[] = {{"15m", 1}, {"24h", 1}, {"25h", 5}, {"5d", 5}, {"121h", 15}, {"15d", 15}};
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct fx_json *filled = NULL;

        assert_ok(fill(rig, fx_printf(rig->sc, "{" ONE ",'window':'%s'}", cases[i].window), &filled,
                       &err));
        assert_int_equal(metric_period(filled), cases[i].minutes * METRIC_MINUTE_MS);
        assert_ok(metric_check(rig->sc, NULL, filled, &err));
    }
}

/* ---- what it makes of the answer ---- */

static void a_gap_stays_a_gap(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(&rig->world,
                     REPLY(200, ANSWER(RESULT("m", "Complete", AT("12:32") AT("12:33") AT("12:36"),
                                              V("4.0") V("0.0") V("8.0")),
                                       "")));
    struct fx_json *output = run(rig, "{" ONE ",'window':'5m'}");

    expect(rig, output, "points", "[null,4.0,0.0,null,null,8.0]");
    expect(rig, output, "values", "[4.0,0.0,8.0]");
    expect(rig, output, "times", "[1440937920000,1440937980000,1440938160000]");
    expect(rig, output, "latest", "8.0");
    expect(rig, output, "sum", "12.0");
    expect(rig, output, "avg", "4.0");
    expect(rig, output, "min", "0.0");
    expect(rig, output, "max", "8.0");
    expect(rig, output, "count", "3");
    expect(rig, output, "period", "60000");
}

static void no_point_is_no_data_and_not_zero(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(&rig->world, REPLY(200, ANSWER(RESULT("m", "Complete", "", ""), "")));
    struct fx_json *output = run(rig, "{" ONE ",'window':'2m'}");

    expect_no_numbers(rig, output);
    expect(rig, output, "points", "[null,null]");
    expect(rig, output, "values", "[]");
    expect(rig, output, "count", "0");
}

static void a_part_gives_points_and_no_sum(void **state) {
    static const char *const words[] = {"PartialData", "InternalError", "Forbidden"};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(words); i++) {
        struct scripted_reply reply =
            REPLY(200, fx_printf(rig->sc, ANSWER(RESULT("m", "%s", AT("12:35"), V("4.0")), ""),
                                 words[i]));

        scripted_http_set(&rig->world.script, &reply, 1);
        struct fx_json *output = run(rig, "{" ONE ",'window':'2m'}");

        expect_no_numbers(rig, output);
        expect(rig, output, "points", "[null,4.0]");
        expect(rig, output, "status", fx_printf(rig->sc, "\"%s\"", words[i]));
    }
}

static void pages_are_put_together(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(
        &rig->world,
        REPLY(200, ANSWER(RESULT("m", "PartialData", AT("12:34"), V("1.0")),
                          "<NextToken>n</NextToken>")),
        REPLY(200,
              ANSWER(RESULT("m", "Complete", AT("12:35") AT("12:36"), V("2.0") V("4.0")), "")));
    struct fx_json *output = run(rig, "{" ONE ",'window':'2m'}");

    expect_sent(rig, 1, "NextToken=n");
    expect(rig, output, "points", "[1.0,2.0,4.0]");
    expect(rig, output, "sum", "7.0");
    expect(rig, output, "status", "\"Complete\"");
}

static void two_windows_are_whole_and_equally_long(void **state) {
    struct steps_rig *rig = *state;

    rig->world.clock.wall_ms += 90 * 1000; /* 12:37:30 */
    aws_world_script(
        &rig->world,
        REPLY(200, ANSWER(RESULT("m", "Complete", AT("12:33") AT("12:34") AT("12:36") AT("12:37"),
                                 V("1.0") V("2.0") V("4.0") V("100.0")),
                          "")));
    struct fx_json *output = run(rig, "{" ONE ",'window':'2m','compare':true}");

    expect_sent(rig, 0, "StartTime=2015-08-30T12%3A33%3A00Z");
    expect_sent(rig, 0, "EndTime=2015-08-30T12%3A37%3A00Z");
    expect(rig, output, "points", "[null,4.0]");
    expect(rig, output, "sum", "4.0");
    expect(rig, output, "before.points", "[1.0,2.0]");
    expect(rig, output, "before.sum", "3.0");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
        TEST(takes_what_cloudwatch_takes),
        TEST(refuses_what_cannot_be_asked),
        TEST(looks_again_when_it_runs_and_asks_nothing_then),
        TEST(there_are_at_most_sixty),
        TEST(metrics_and_expressions_go_out_in_one_call),
        TEST(a_long_window_gets_a_longer_period),
        TEST(a_gap_stays_a_gap),
        TEST(no_point_is_no_data_and_not_zero),
        TEST(a_part_gives_points_and_no_sum),
        TEST(pages_are_put_together),
        TEST(two_windows_are_whole_and_equally_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
