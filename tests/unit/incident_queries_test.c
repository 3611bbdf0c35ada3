/* incident_queries_test.c - what an alarm measures, as CloudWatch can be asked for it. */
#include "support/test.h"

#include "fluxabot/incident.h"

#include <string.h>

static const struct fx_alarm *alarm_of(struct fx_scope *sc, const char *trigger) {
    struct fx_alarm *alarm = NULL;
    struct fx_error err;
    char *text = fx_printf(sc,
                           "{'AlarmName':'a','AlarmArn':'arn:aws:cloudwatch:eu-west-1:1:alarm:a',"
                           "'NewStateValue':'ALARM','Trigger':%s}",
                           trigger);

    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_ok(fx_alarm_read(sc, text, NULL, "arn:aws:sns:eu-west-1:1:t", 1000, &alarm, &err));
    return alarm;
}

static const char *queries_of(struct fx_scope *sc, const char *trigger, int64_t period_ms) {
    const struct fx_alarm *alarm = alarm_of(sc, trigger);

    assert_int_equal(alarm->period_ms, period_ms);
    return alarm->queries == NULL ? "" : fx_json_dump_canonical(sc, alarm->queries);
}

#define SINGLE(period, statistic)                                                                  \
    "{'MetricName':'Depth','Namespace':'AWS/SQS','StatisticType':'Statistic'," statistic           \
    "'Dimensions':[{'name':'QueueName','value':'q'}],'Period':" period ",'Threshold':1.0}"

static void one_metric_is_one_query(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    (void)state;
    assert_string_equal(
        queries_of(sc, SINGLE("300", "'Statistic':'MAXIMUM',"), 300000),
        "[{\"Id\":\"m\",\"Label\":\"Depth (Maximum)\",\"MetricStat\":{\"Metric\":{\"Dimensions\":[{"
        "\"Name\":\"QueueName\",\"Value\":\"q\"}],\"MetricName\":\"Depth\",\"Namespace\":\"AWS/"
        "SQS\"},\"Period\":300,\"Stat\":\"Maximum\"},\"ReturnData\":true}]");
    /* what is older than three hours comes in whole minutes */
    assert_non_null(strstr(queries_of(sc, SINGLE("10", "'ExtendedStatistic':'p99',"), 60000),
                           "\"Period\":60,\"Stat\":\"p99\""));
}

static void what_was_not_told_is_not_asked(void **state) {
    static const char *const triggers[] = {
        SINGLE("0", "'Statistic':'Sum',"),
        SINGLE("86401", "'Statistic':'Sum',"),
        SINGLE("-60", "'Statistic':'Sum',"),
        SINGLE("'x'", "'Statistic':'Sum',"),
        SINGLE("60", ""),
        "{}",
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    (void)state;
    for (size_t i = 0; i < FX_COUNT_OF(triggers); i++)
        assert_string_equal(queries_of(sc, triggers[i], 0), "");
}

#define STAT(id, period)                                                                           \
    "{'Id':'" id "','MetricStat':{'Metric':{'MetricName':'" id "','Namespace':'N','Dimensions':"   \
    "[{'name':'F','value':'f'}]},'Period':" period ",'Stat':'Sum'},'ReturnData':false}"
#define RATE "{'Id':'rate','Expression':'100*e/i','Label':'Errors (%)','ReturnData':true}"

static void a_formula_is_asked_as_it_is_in_one_period(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *queries =
        queries_of(sc, "{'Metrics':[" RATE "," STAT("e", "60") "," STAT("i", "300") "]}", 300000);

    (void)state;
    assert_non_null(strstr(queries,
                           "{\"Expression\":\"100*e/i\",\"Id\":\"rate\",\"Label\":\"Errors "
                           "(%)\",\"ReturnData\":true}"));
    assert_null(strstr(queries, "\"Period\":60"));
    assert_non_null(strstr(queries, "\"Dimensions\":[{\"Name\":\"F\",\"Value\":\"f\"}]"));
}

static void a_formula_that_cannot_be_asked_is_left(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    char *many = fx_strdup(sc, "{'Metrics':[" RATE), *long_one = fx_alloc(sc, 1100);

    (void)state;
    for (int i = 0; i < 10; i++)
        many = fx_printf(sc, "%s," STAT("m%d", "60"), many, i, i);
    memset(long_one, '1', 1099);
    const char *const triggers[] = {
        fx_printf(sc, "%s]}", many), /* too many */
        fx_printf(sc, "{'Metrics':[{'Id':'r','Expression':'%s'}," STAT("e", "60") "]}", long_one),
        "{'Metrics':[" RATE "," RATE "," STAT("e", "60") "]}",                /* two lines */
        "{'Metrics':[" STAT("e", "60") "]}",                                  /* none */
        "{'Metrics':[" RATE "]}",                                             /* no period */
        "{'Metrics':[" RATE ",{'Id':'e'}," STAT("i", "60") "]}",              /* neither */
        "{'Metrics':[{'Expression':'1'}," STAT("i", "60") "]}",               /* no id */
        "{'ThresholdMetricId':'b','Metrics':[" RATE "," STAT("e", "60") "]}", /* a band */
    };

    for (size_t i = 0; i < FX_COUNT_OF(triggers); i++)
        assert_string_equal(queries_of(sc, triggers[i], 0), "");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_metric_is_one_query),
        cmocka_unit_test(what_was_not_told_is_not_asked),
        cmocka_unit_test(a_formula_is_asked_as_it_is_in_one_period),
        cmocka_unit_test(a_formula_that_cannot_be_asked_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
