/* intake_alarms_test.c - how CloudWatch is asked for a topic's alarms: page by page, within limits.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/intake.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:fluxa-alarms"
#define ALARM "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:gone"
#define T_S INT64_C(1795252504)

enum { MAX_ASKED = FX_INTAKE_MAX_PAGES + 1 };

#define assert_good(expr) assert_int_equal((expr), FX_OK)

/* Stands in for the aws module: answers are given in turn, the last one for ever. */
struct fx_aws {
    struct fx_scope *sc;
    const char *const *answers; /* JSON in which ' stands for " */
    size_t answers_count, calls;
    enum fx_code failure;
    size_t fails_at; /* the call that fails, counted from 1 */
    const char *asked[MAX_ASKED], *operation[MAX_ASKED], *region[MAX_ASKED];
    int64_t timeout_ms;
};

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err) {
    size_t at = aws->calls < aws->answers_count ? aws->calls : aws->answers_count - 1;
    char *text = fx_strdup(sc, aws->answers[at]);

    assert_true(aws->calls < MAX_ASKED);
    assert_string_equal(call->service, "cloudwatch");
    aws->asked[aws->calls] = fx_json_dump_canonical(aws->sc, call->params);
    aws->operation[aws->calls] = call->operation;
    aws->region[aws->calls] = fx_strdup(aws->sc, call->region);
    aws->timeout_ms = call->timeout_ms;
    if (++aws->calls == aws->fails_at)
        return fx_fail(err, aws->failure, "CloudWatch refuses");
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    return fx_json_parse(sc, fx_slice_of(text), ret_answer, err);
}

struct world {
    struct fx_aws aws;
    struct fx_error err;
    struct fx_json *found;
    int64_t until_ms;
};

static int begin(void **state) {
    struct world *w = calloc(1, sizeof *w);

    w->aws.sc = fx_scope_new(NULL);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_scope_free(w->aws.sc);
    free(w);
    return 0;
}

#define script(w, ...)                                                                             \
    do {                                                                                           \
        static const char *const answers_[] = {__VA_ARGS__};                                       \
        (w)->aws.answers = answers_;                                                               \
        (w)->aws.answers_count = FX_COUNT_OF(answers_);                                            \
        (w)->aws.calls = 0;                                                                        \
    } while (0)

/* Each page ends before the next comes; found gets what all of them had. */
static enum fx_code read_all(struct world *w, struct fx_intake_alarms *alarms) {
    w->found = fx_json_array(w->aws.sc);
    for (;;) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *page = NULL;

        FX_TRY(fx_intake_next(alarms, sc, &page, &w->err));
        if (page == NULL)
            return FX_OK;
        for (size_t i = 0; i < fx_json_count(page); i++)
            fx_json_add(w->found, fx_json_share(w->aws.sc, fx_json_item(page, i)));
    }
}

static enum fx_code ringing(struct world *w) {
    return read_all(w, fx_intake_ringing(&w->aws, w->aws.sc, TOPIC));
}

static enum fx_code named(struct world *w, const struct fx_json *names) {
    return read_all(w, fx_intake_named(&w->aws, w->aws.sc, TOPIC, names));
}

#define MINE(name) "{'AlarmName':'" name "','AlarmActions':['" TOPIC "']}"

static void asks_for_both_types_in_alarm_page_by_page(void **state) {
    struct world *w = *state;

    script(w,
           "{'MetricAlarms':[" MINE("a") "," MINE("b") "],'CompositeAlarms':[],'NextToken':'t1'}",
           "{'MetricAlarms':[],'CompositeAlarms':[" MINE("c") "],'NextToken':'t2'}",
           "{'MetricAlarms':[" MINE("d") "]}");
    assert_good(ringing(w));
    assert_int_equal(fx_json_count(w->found), 4);
    assert_int_equal(w->aws.calls, 3);
    assert_string_equal(w->aws.asked[0],
                        "{\"ActionPrefix\":\"" TOPIC "\",\"AlarmTypes\":[\"MetricAlarm\","
                        "\"CompositeAlarm\"],\"MaxRecords\":100,\"StateValue\":\"ALARM\"}");
    assert_non_null(strstr(w->aws.asked[1], "\"NextToken\":\"t1\""));
    assert_non_null(strstr(w->aws.asked[2], "\"NextToken\":\"t2\""));
    assert_string_equal(w->aws.region[0], "eu-west-1");
    assert_true(w->aws.timeout_ms > 0 && w->aws.timeout_ms <= 5000);
}

static void a_topic_that_begins_alike_is_not_ours(void **state) {
    struct world *w = *state;

    script(w, "{'MetricAlarms':[{'AlarmActions':['" TOPIC "-2']},{'AlarmActions':['x'],"
              "'OKActions':['" TOPIC "']},{}]}");
    assert_good(ringing(w));
    assert_int_equal(fx_json_count(w->found), 1);
}

static void a_book_without_end_is_closed(void **state) {
    struct world *w = *state;

    script(w, "{'MetricAlarms':[],'NextToken':'again'}");
    assert_int_equal(ringing(w), FX_ERR_LIMIT);
    assert_int_equal(w->aws.calls, FX_INTAKE_MAX_PAGES);
}

static void the_pages_before_a_failure_count(void **state) {
    struct world *w = *state;

    script(w, "{'MetricAlarms':[" MINE("a") "],'NextToken':'t1'}");
    w->aws.failure = FX_ERR_THROTTLED;
    w->aws.fails_at = 2;
    assert_int_equal(ringing(w), FX_ERR_THROTTLED);
    assert_int_equal(fx_json_count(w->found), 1);
}

static void names_are_asked_for_a_hundred_at_a_time(void **state) {
    struct world *w = *state;
    struct fx_json *names = fx_json_array(w->aws.sc);

    script(w, "{'MetricAlarms':[{'AlarmName':'x'}],'CompositeAlarms':[{'AlarmName':'y'}]}");
    assert_good(named(w, names));
    assert_int_equal(w->aws.calls, 0);
    for (int i = 0; i < 201; i++)
        fx_json_add(names, fx_json_stringf(w->aws.sc, "n%d", i));
    assert_good(named(w, names));
    assert_int_equal(w->aws.calls, 3);
    assert_int_equal(fx_json_count(w->found), 6); /* whatever their actions are */
    assert_non_null(strstr(w->aws.asked[0], "\"n0\""));
    assert_non_null(strstr(w->aws.asked[0], "\"n99\""));
    assert_null(strstr(w->aws.asked[0], "\"n100\""));
    assert_non_null(strstr(w->aws.asked[2], "[\"n200\"]"));
    assert_null(strstr(w->aws.asked[0], "StateValue"));
}

/* ---- history ---- */

static enum fx_code history(struct world *w) {
    return fx_intake_history(&w->aws, w->aws.sc, TOPIC, (T_S - 3600) * 1000 + 5, T_S * 1000,
                             &w->found, &w->until_ms, &w->err);
}

static void the_history_is_read_from_the_oldest_on(void **state) {
    struct world *w = *state;

    script(w, "{'AlarmHistoryItems':[{'Timestamp':1},{'Timestamp':2}],'NextToken':'t1'}",
           "{'AlarmHistoryItems':[{'Timestamp':3}]}");
    assert_good(history(w));
    assert_int_equal(fx_json_count(w->found), 3);
    assert_int_equal(w->until_ms, T_S * 1000);
    assert_string_equal(
        w->aws.asked[0],
        "{\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\"],\"EndDate\":\"2026-11-21T09:15:04."
        "000Z\",\"HistoryItemType\":\"StateUpdate\",\"MaxRecords\":100,\"ScanBy\":"
        "\"TimestampAscending\",\"StartDate\":\"2026-11-21T08:15:04.005Z\"}");
    assert_string_equal(w->aws.operation[0], "DescribeAlarmHistory");
}

static void a_long_history_is_read_in_parts_that_get_on(void **state) {
    struct world *w = *state;

    script(w, "{'AlarmHistoryItems':[{'Timestamp':1795249000.25}],'NextToken':'more'}");
    assert_good(history(w));
    assert_int_equal(w->aws.calls, FX_INTAKE_MAX_HISTORY_PAGES);
    assert_int_equal(w->until_ms, INT64_C(1795249000250));
    /* all of it at the moment it began with */
    script(w, "{'AlarmHistoryItems':[{'Timestamp':1795248904.005}],'NextToken':'more'}");
    assert_good(history(w));
    assert_int_equal(w->until_ms, (T_S - 3600) * 1000 + 6);
}

/* ---- deletion ---- */

static void only_the_history_proves_that_an_alarm_was_deleted(void **state) {
    static const struct {
        const char *story, *answer;
        bool deleted;
    } cases[] = {
        {"deleted",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistorySummary':'Alarm gone deleted',"
         "'HistoryData':'{\\'type\\':\\'Delete\\',\\'deletedAlarm\\':{\\'alarmArn\\':\\'" ALARM
         "\\'}}'}]}",
         true},
        {"deleted, without its ARN",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistoryData':'{\\'type\\':\\'Delete\\'}"
         "'}]}",
         true},
        {"deleted, and the data is cut",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistorySummary':'Alarm gone deleted',"
         "'HistoryData':'{\\'type\\':\\'Delete\\',\\'deletedAlarm\\':{\\'alarmArn\\':\\'" ALARM
         "\\',\\'al'}]}",
         true},
        {"another account's",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistoryData':'{\\'type\\':\\'Delete\\',"
         "\\'deletedAlarm\\':{\\'alarmArn\\':\\'arn:aws:cloudwatch:eu-west-1:999999999999:alarm:"
         "gone\\'}}'}]}",
         false},
        {"changed",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistorySummary':'Alarm gone updated',"
         "'HistoryData':'{\\'type\\':\\'Update\\'}'}]}",
         false},
        {"created again",
         "{'AlarmHistoryItems':[{'Timestamp':1795249000.25,'HistoryData':'{\\'type\\':\\'Create\\'}"
         "'}]}",
         false},
        {"no data at all", "{'AlarmHistoryItems':[{'Timestamp':1795249000.25}]}", false},
        {"nothing is known", "{'AlarmHistoryItems':[]}", false},
        {"not even a list", "{}", false},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        int64_t deleted_ms = -1;

        w->aws.answers = &cases[i].answer;
        w->aws.answers_count = 1;
        w->aws.calls = 0;
        assert_good(fx_intake_deletion(&w->aws, w->aws.sc, ALARM, "gone", &deleted_ms, &w->err));
        if (deleted_ms != (cases[i].deleted ? INT64_C(1795249000250) : 0))
            fail_msg("%s: %lld", cases[i].story, (long long)deleted_ms);
    }
    assert_string_equal(w->aws.asked[0],
                        "{\"AlarmName\":\"gone\",\"AlarmTypes\":[\"MetricAlarm\",\"CompositeAlarm\""
                        "],\"HistoryItemType\":\"ConfigurationUpdate\",\"MaxRecords\":1,\"ScanBy\":"
                        "\"TimestampDescending\"}");
    assert_string_equal(w->aws.region[0], "eu-west-1");
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(asks_for_both_types_in_alarm_page_by_page),
        world_test(a_topic_that_begins_alike_is_not_ours),
        world_test(a_book_without_end_is_closed),
        world_test(the_pages_before_a_failure_count),
        world_test(names_are_asked_for_a_hundred_at_a_time),
        world_test(the_history_is_read_from_the_oldest_on),
        world_test(a_long_history_is_read_in_parts_that_get_on),
        world_test(only_the_history_proves_that_an_alarm_was_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
