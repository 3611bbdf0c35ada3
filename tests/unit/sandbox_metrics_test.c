/* sandbox_metrics_test.c - the sandbox's GetMetricData: pages, incomplete results, and what it
 * refuses. */
#include "support/test.h"

#include "sandbox_rig.h"

static int setup(void **state) {
    *state = rig_open(0, 0, 0);
    return 0;
}

static int teardown(void **state) {
    rig_close(*state);
    return 0;
}

static void put_metric(struct rig *rig, const char *name, const char *values) {
    struct cloudwatch_metric *metric = FX_NEW(rig->aws.world, struct cloudwatch_metric);

    *metric = (struct cloudwatch_metric){
        .next = rig->aws.metrics,
        .space = "Own",
        .name = name,
        .dimensions = fx_json_object(rig->aws.world),
        .values = fx_json_copy(rig->aws.world, rig_json(rig, values)),
        .last_minute = rig->wall_ms / 60000,
    };
    rig->aws.metrics = metric;
}

#define METRIC(id, name)                                                                           \
    "{\"Id\":\"" id "\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"Own\",\"MetricName\":\"" name  \
    "\",\"Dimensions\":[]},\"Period\":60,\"Stat\":\"Sum\"}}"
#define QUERIES "[" METRIC("a", "A") "," METRIC("none", "None") "," METRIC("b", "B") "]"

static struct fx_json *ask(struct rig *rig, const char *queries, const char *token) {
    struct fx_json *input =
        fx_json_object_of(rig->sc, "StartTime", fx_json_int(rig->sc, rig->wall_ms / 1000 - 240),
                          "EndTime", fx_json_int(rig->sc, rig->wall_ms / 1000 + 1), "ScanBy",
                          fx_json_string(rig->sc, "TimestampAscending"), "MetricDataQueries",
                          rig_json(rig, queries), NULL);

    if (token != NULL)
        fx_json_put(input, "NextToken", fx_json_string(rig->sc, token));
    return rig_call(rig, &aws_service_cloudwatch, "GetMetricData", input);
}

/* Adds what the page says of an id to the texts: its values, and its state. */
static void collect(struct rig *rig, const struct fx_json *answer, struct fx_json *seen) {
    const struct fx_json *results = fx_json_at(answer, "MetricDataResults");

    for (size_t i = 0; i < fx_json_count(results); i++) {
        const struct fx_json *one = fx_json_item(results, i);
        const char *id = fx_json_get_text(one, "Id"), *before = fx_json_get_text(seen, id);
        struct fx_json *values = fx_json_at(one, "Values");
        const char *text = before == NULL ? "" : before;

        assert_int_equal(fx_json_count(values), fx_json_count(fx_json_at(one, "Timestamps")));
        for (size_t k = 0; k < fx_json_count(values); k++)
            text = fx_printf(rig->sc, "%s%.0f ", text, fx_json_to_real(fx_json_item(values, k), 0));
        fx_json_put(seen, id, fx_json_string(rig->sc, text));
        fx_json_put(seen, fx_printf(rig->sc, "%s is", id), fx_json_at(one, "StatusCode"));
    }
}

static void pages_of_any_size_hold_every_point_once(void **state) {
    struct rig *rig = *state;

    put_metric(rig, "A", "[1,2,null,4,5]");
    put_metric(rig, "B", "[6,7,8,9,10]");
    for (int64_t page = 1; page <= 12; page++) {
        struct fx_json *seen = fx_json_object(rig->sc), *answer;
        const char *token = NULL;
        int pages = 0;

        rig->aws.metric_page = page;
        do {
            answer = ask(rig, QUERIES, token);
            collect(rig, answer, seen);
            token = fx_json_get_text(answer, "NextToken");
            assert_true(++pages < 12);
        } while (token != NULL);
        assert_string_equal(fx_json_get_text(seen, "a"), "1 2 4 5 ");
        assert_string_equal(fx_json_get_text(seen, "b"), "6 7 8 9 10 ");
        assert_string_equal(fx_json_get_text(seen, "none"), "");
        assert_string_equal(fx_json_get_text(seen, "a is"), "Complete");
        assert_string_equal(fx_json_get_text(seen, "none is"), "Complete");
        assert_string_equal(fx_json_get_text(seen, "b is"), "Complete");
        assert_int_equal(pages, (9 + page - 1) / page);
    }
}

static void a_result_may_stay_incomplete(void **state) {
    struct rig *rig = *state;
    struct fx_json *seen = fx_json_object(rig->sc);

    put_metric(rig, "A", "[1,2,3,4,5]");
    put_metric(rig, "B", "[6,7,8,9,10]");
    rig->aws.metric_statuses = rig_json(rig, "{\"A\":\"PartialData\"}");
    collect(rig, ask(rig, QUERIES, NULL), seen);
    assert_string_equal(fx_json_get_text(seen, "a"), "1 2 ");
    assert_string_equal(fx_json_get_text(seen, "a is"), "PartialData");
    assert_string_equal(fx_json_get_text(seen, "b is"), "Complete");
}

static void refuses_what_aws_refuses(void **state) {
    static const struct {
        const char *queries, *token, *says;
    } cases[] = {
        {"[]", NULL, "1 to 500"},
        {"[" METRIC("A", "A") "]", NULL, "expected pattern"},
        {"[" METRIC("a", "A") "," METRIC("a", "B") "]", NULL, "not unique"},
        {"[" METRIC("a", "A") ",{\"Id\":\"e\",\"Expression\":\"a+b\"}]", NULL, "not defined"},
        {"[" METRIC("a", "A") ",{\"Id\":\"e\",\"Expression\":\"FILL(b,0)\"}]", NULL, "not defined"},
        {"[" METRIC("a", "A") "]", "elsewhere", "NextToken is not valid"},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        assert_null(ask(rig, cases[i].queries, cases[i].token));
        if (strstr(rig->failure.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].queries, rig->failure.message);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(pages_of_any_size_hold_every_point_once),
        TEST(a_result_may_stay_incomplete),
        TEST(refuses_what_aws_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
