/* intake_metric_test.c - how CloudWatch is asked for the metric of an alarm, and what becomes of
 * what it answers. */
#include "support/test.h"

#include "fluxabot/intake.h"

#include <math.h>
#include <string.h>

struct fx_aws {
    const char *answer, *asked, *region;
    enum fx_code failure;
};

/* Stands in for the aws module. */
enum fx_code fx_aws_call_pages(struct fx_aws *aws, struct fx_scope *sc,
                               const struct fx_aws_call *call, const struct fx_aws_paging *paging,
                               struct fx_json **ret_answer, struct fx_aws_pages *ret_pages,
                               struct fx_error *err) {
    assert_string_equal(call->service, "cloudwatch");
    assert_string_equal(call->operation, "GetMetricData");
    assert_true(paging->max_pages > 0 && call->timeout_ms > 0);
    aws->asked = fx_json_dump_canonical(sc, call->params);
    aws->region = call->region;
    *ret_pages = (struct fx_aws_pages){0};
    if (aws->failure != FX_OK)
        return fx_fail(err, aws->failure, "CloudWatch refuses");
    return fx_json_parse(sc, fx_slice_of(aws->answer), ret_answer, err);
}

static struct fx_intake_metric metric(struct fx_scope *sc, size_t count) {
    struct fx_json *query = fx_json_object_of(sc, "Id", fx_json_string(sc, "m"), NULL);

    return (struct fx_intake_metric){.region = "eu-west-1",
                                     .queries = fx_json_array_of(sc, query, NULL),
                                     .from_ms = 60000,
                                     .period_ms = 60000,
                                     .count = count};
}

static void each_point_stands_in_its_period_and_the_rest_is_not_measured(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws aws = {.answer = "{\"MetricDataResults\":[{\"Timestamps\":[60,180,0,240,1e300],"
                                   "\"Values\":[1.5,3,7,8,9]},{\"Timestamps\":[120]}]}"};
    const struct fx_intake_metric asked = metric(sc, 3);
    double *values = NULL;
    size_t measured = 0;
    struct fx_error err;

    (void)state;
    assert_ok(fx_intake_metric(&aws, sc, &asked, &values, &measured, &err));
    assert_int_equal(measured, 2);
    assert_true(values[0] == 1.5 && isnan(values[1]) && values[2] == 3);
    assert_string_equal(aws.region, "eu-west-1");
    assert_string_equal(aws.asked, "{\"EndTime\":\"1970-01-01T00:04:00Z\",\"MetricDataQueries\":"
                                   "[{\"Id\":\"m\"}],\"ScanBy\":\"TimestampAscending\","
                                   "\"StartTime\":\"1970-01-01T00:01:00Z\"}");
}

static void nothing_and_a_refusal_are_told_apart(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws aws = {.answer = "{}"};
    struct fx_intake_metric asked = metric(sc, 3);
    double *values = NULL;
    size_t measured = 9;
    struct fx_error err;

    (void)state;
    assert_ok(fx_intake_metric(&aws, sc, &asked, &values, &measured, &err));
    assert_int_equal(measured, 0);
    aws.failure = FX_ERR_DENIED;
    assert_int_equal(fx_intake_metric(&aws, sc, &asked, &values, &measured, &err), FX_ERR_DENIED);
    asked.count = FX_INTAKE_MAX_POINTS + 1;
    assert_int_equal(fx_intake_metric(&aws, sc, &asked, &values, &measured, &err), FX_ERR_LIMIT);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_point_stands_in_its_period_and_the_rest_is_not_measured),
        cmocka_unit_test(nothing_and_a_refusal_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
