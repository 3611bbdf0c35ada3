/* sandbox_aws_test.c - the sandbox's other AWS parts: wire forms, alarms, numbers, logs, faults. */
#include "support/test.h"

#include "insights.h"
#include "logs.h"
#include "sandbox_rig.h"

static int setup(void **state) {
    *state = rig_open(60, 25, 15);
    return 0;
}

static int teardown(void **state) {
    rig_close(*state);
    return 0;
}

/* ---- the query protocol ---- */

static void reads_a_form_into_lists_maps_and_structures(void **state) {
    struct rig *rig = *state;
    struct aws_call call = {.sc = rig->sc, .service = &aws_service_sqs};

    call.input = aws_query_parse(
        rig->sc, FX_SLICE("Action=SendMessageBatch&SendMessageBatchRequestEntry.2.Id=b&"
                          "SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1."
                          "MessageAttribute.1.Name=k%2E1&SendMessageBatchRequestEntry.1."
                          "MessageAttribute.1.Value.DataType=String&Plain=x+y"));
    aws_query_rename(&call);
    assert_string_equal(fx_json_text(fx_json_at_path(call.input, "Entries.0.Id")), "a");
    assert_string_equal(fx_json_text(fx_json_at_path(call.input, "Entries.1.Id")), "b");
    struct fx_json *attributes =
        fx_json_at(fx_json_item(fx_json_at(call.input, "Entries"), 0), "MessageAttributes");
    assert_string_equal(fx_json_get_text(fx_json_at(attributes, "k.1"), "DataType"), "String");
    assert_string_equal(fx_json_get_text(call.input, "Plain"), "x y");
}

static void refuses_forms_that_contradict_themselves(void **state) {
    struct rig *rig = *state;

    assert_null(aws_query_parse(rig->sc, FX_SLICE("a=1&a.b=2")));
    assert_null(aws_query_parse(rig->sc, FX_SLICE("a=%zz")));
    assert_null(aws_query_parse(rig->sc, FX_SLICE("a.b.c.d.e.f.g.h.i.j.k.l.m.n=1")));
}

static void writes_xml_that_cannot_be_broken_by_a_message(void **state) {
    struct rig *rig = *state;
    struct sandbox_reply reply = {0};
    struct aws_call call = {.sc = rig->sc,
                            .service = &aws_service_sqs,
                            .operation = "ReceiveMessage",
                            .protocol = AWS_QUERY,
                            .request_id = "r"};

    aws_query_write(&call, rig_json(rig, "{\"Messages\":[{\"Body\":\"</Body><X>&\\r\"}]}"), &reply);
    assert_non_null(strstr(reply.body.ptr,
                           "<ReceiveMessageResult><Message><Body>&lt;/Body&gt;&lt;X&gt;&amp;&#xD;"
                           "</Body></Message></ReceiveMessageResult>"));
}

static void json_failures_carry_the_old_code_in_a_header(void **state) {
    struct rig *rig = *state;
    struct sandbox_reply reply = {0};
    struct aws_call call = {.sc = rig->sc, .service = &aws_service_sqs};

    aws_fail(&call, 400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "gone");
    aws_json_write_failure(&call, &reply);
    assert_string_equal(reply.headers[0].value, "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert_string_equal(
        reply.body.ptr,
        "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}");
}

/* ---- alarms ---- */

static struct fx_json *alarms(struct rig *rig, const char *input) {
    return rig_call(rig, &aws_service_cloudwatch, "DescribeAlarms", rig_json(rig, input));
}

static void composite_alarms_are_shown_only_when_asked_for(void **state) {
    struct rig *rig = *state;
    const char *by_name = "{\"AlarmNames\":[\"fluxa-pipeline-unhealthy-dev\"]}";

    assert_int_equal(fx_json_count(fx_json_at(alarms(rig, by_name), "CompositeAlarms")), 0);
    assert_int_equal(fx_json_count(fx_json_at(alarms(rig, "{\"AlarmTypes\":[\"CompositeAlarm\"]}"),
                                              "CompositeAlarms")),
                     1);
}

static void no_alarm_rings_in_a_new_world_before_it_is_raised(void **state) {
    struct rig *rig = *state;
    const char *ringing = "{\"StateValue\":\"ALARM\",\"ActionPrefix\":\"arn:aws:sns:us-"
                          "east-1:123456789012:fluxa-alarms\"}";

    assert_int_equal(fx_json_count(fx_json_at(alarms(rig, ringing), "MetricAlarms")), 0);
    cloudwatch_set_state(&rig->aws, cloudwatch_find(&rig->aws, "fluxa-dlq-depth-dev"), "ALARM",
                         NULL, NULL);
    struct fx_json *list = fx_json_at(alarms(rig, ringing), "MetricAlarms");

    assert_int_equal(fx_json_count(list), 1);
    assert_string_equal(fx_json_get_text(fx_json_item(list, 0), "AlarmName"),
                        "fluxa-dlq-depth-dev");
    assert_int_equal(fx_json_count(fx_json_at(
                         alarms(rig, "{\"ActionPrefix\":\"arn:aws:sns:other\"}"), "MetricAlarms")),
                     0);
}

static void pages_hold_every_alarm_once(void **state) {
    struct rig *rig = *state;
    const char *token = "";
    size_t seen = 0, pages = 0;

    do {
        struct fx_json *out =
            alarms(rig, fx_printf(rig->sc, "{\"MaxRecords\":3,\"NextToken\":\"%s\"}", token));
        seen += fx_json_count(fx_json_at(out, "MetricAlarms"));
        token = fx_json_get_text(out, "NextToken");
        pages++;
    } while (token != NULL && pages < 10);
    assert_int_equal(seen, 4);
    assert_int_equal(pages, 2);
}

static void the_reason_of_a_state_is_replaced_and_the_history_keeps_both(void **state) {
    struct rig *rig = *state;
    struct cloudwatch_alarm *alarm = cloudwatch_find(&rig->aws, "fluxa-DBHighCPU-dev");

    assert_true(cloudwatch_set_state(&rig->aws, alarm, "ALARM", "first", NULL));
    assert_false(cloudwatch_set_state(&rig->aws, alarm, "ALARM", "second", NULL));
    assert_string_equal(alarm->reason, "second");
    assert_true(cloudwatch_set_state(&rig->aws, alarm, "OK", "third", NULL));
    struct fx_json *out = rig_call(rig, &aws_service_cloudwatch, "DescribeAlarmHistory",
                                   rig_json(rig, "{\"AlarmName\":\"fluxa-DBHighCPU-dev\"}"));
    assert_int_equal(fx_json_count(fx_json_at(out, "AlarmHistoryItems")), 2);
}

static struct fx_json *history(struct rig *rig, const char *input) {
    return rig_call(rig, &aws_service_cloudwatch, "DescribeAlarmHistory", rig_json(rig, input));
}

/* The alarms' names in the order of the answer. */
static const char *names_in(struct rig *rig, const struct fx_json *out) {
    const struct fx_json *items = fx_json_at(out, "AlarmHistoryItems");
    const char *names = "";

    for (size_t i = 0; i < fx_json_count(items); i++)
        names = fx_printf(rig->sc, "%s%s ", names,
                          fx_json_get_text(fx_json_item(items, i), "AlarmName"));
    return names;
}

/* "a" went to ALARM ten minutes ago, "c", a composite one, eight, "b" five; told in another order.
 */
static void make_history(struct rig *rig) {
    static const struct {
        const char *name, *definition;
        int minutes;
    } made[] = {{"b", "{}", 5}, {"a", "{}", 10}, {"c", "{\"AlarmRule\":\"x\"}", 8}};

    for (size_t i = 0; i < FX_COUNT_OF(made); i++)
        cloudwatch_set_state_at(
            &rig->aws,
            cloudwatch_alarm_new(&rig->aws, made[i].name, rig_json(rig, made[i].definition)),
            "ALARM", "because", "{\"threshold\":1}", rig->wall_ms - made[i].minutes * 60000);
}

static void the_history_is_in_the_order_of_time_and_told_from_either_end(void **state) {
    struct rig *rig = *state;

    make_history(rig);
    assert_string_equal(names_in(rig, history(rig, "{}")), "b a ");
    assert_string_equal(names_in(rig, history(rig, "{\"AlarmTypes\":[\"CompositeAlarm\"]}")), "c ");
    assert_string_equal(
        names_in(rig, history(rig, "{\"ScanBy\":\"TimestampAscending\",\"AlarmTypes\":["
                                   "\"MetricAlarm\",\"CompositeAlarm\"]}")),
        "a c b ");
    assert_string_equal(
        names_in(rig, history(rig, fx_printf(rig->sc, "{\"StartDate\":%lld,\"EndDate\":%lld}",
                                             (long long)(rig->wall_ms / 1000 - 600),
                                             (long long)(rig->wall_ms / 1000 - 599)))),
        "a ");
    const struct fx_json *item =
        fx_json_item(fx_json_at(history(rig, "{\"AlarmName\":\"a\"}"), "AlarmHistoryItems"), 0);

    assert_string_equal(fx_json_get_text(item, "HistorySummary"), "Alarm updated from OK to ALARM");
    assert_string_equal(fx_json_get_text(item, "HistoryData"),
                        "{\"version\":\"1.0\",\"oldState\":{\"stateValue\":\"OK\",\"stateReason\":"
                        "\"Unchecked: Initial alarm creation\"},\"newState\":{\"stateValue\":"
                        "\"ALARM\",\"stateReason\":\"because\",\"stateReasonData\":{\"threshold\":"
                        "1}}}");
}

static void the_history_comes_in_pages(void **state) {
    struct rig *rig = *state;

    make_history(rig);
    const struct fx_json *first = history(rig, "{\"MaxRecords\":1}");

    assert_string_equal(names_in(rig, first), "b ");
    const struct fx_json *second =
        history(rig, fx_printf(rig->sc, "{\"MaxRecords\":1,\"NextToken\":\"%s\"}",
                               fx_json_get_text(first, "NextToken")));

    assert_string_equal(names_in(rig, second), "a ");
    assert_null(fx_json_get_text(second, "NextToken"));
}

static void of_an_alarm_that_is_deleted_the_history_stays_and_says_so(void **state) {
    struct rig *rig = *state;

    make_history(rig);
    size_t before = rig->aws.alarms_count;
    cloudwatch_delete(&rig->aws, cloudwatch_find(&rig->aws, "a"), rig->wall_ms - 60000);
    assert_null(cloudwatch_find(&rig->aws, "a"));
    assert_int_equal(rig->aws.alarms_count, before - 1);
    assert_int_equal(
        fx_json_count(fx_json_at(alarms(rig, "{\"AlarmNames\":[\"a\"]}"), "MetricAlarms")), 0);
    const struct fx_json *items =
        fx_json_at(history(rig, "{\"AlarmName\":\"a\"}"), "AlarmHistoryItems");

    assert_int_equal(fx_json_count(items), 2);
    assert_string_equal(fx_json_get_text(fx_json_item(items, 0), "HistoryItemType"),
                        "ConfigurationUpdate");
    assert_string_equal(fx_json_get_text(fx_json_item(items, 0), "HistorySummary"),
                        "Alarm \"a\" deleted");
    assert_string_equal(
        names_in(rig, history(rig, "{\"AlarmName\":\"a\",\"HistoryItemType\":\"StateUpdate\"}")),
        "a ");
}

/* ---- numbers ---- */

static bool lookup(void *context, struct fx_slice id, double *ret_value) {
    (void)context;
    *ret_value = 4;
    return !fx_slice_equal_text(id, "missing");
}

static void computes_metric_math(void **state) {
    static const struct {
        const char *text;
        enum metric_math outcome;
        double value;
    } cases[] = {
        {"100*a/b", METRIC_MATH_OK, 100},        {"1+2*3", METRIC_MATH_OK, 7},
        {"(1+2)*-3", METRIC_MATH_OK, -9},        {"FILL(missing, 0) + 1", METRIC_MATH_OK, 1},
        {"a + missing", METRIC_MATH_MISSING, 0}, {"1/0", METRIC_MATH_MISSING, 0},
        {"1/0 +", METRIC_MATH_MALFORMED, 0},     {"SEARCH('x')", METRIC_MATH_MALFORMED, 0},
        {"", METRIC_MATH_MALFORMED, 0},
    };

    (void)state;
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        double value = 0;
        enum metric_math outcome = metric_math(cases[i].text, lookup, NULL, &value);

        if (outcome != cases[i].outcome || value != cases[i].value)
            fail_msg("%s: %d %f", cases[i].text, (int)outcome, value);
    }
}

/* ---- logs ---- */

static struct insights_result query(struct rig *rig, const char *text) {
    const char *problem = NULL;
    struct insights_query *parsed = insights_parse(rig->sc, text, &problem);

    if (parsed == NULL)
        fail_msg("%s: %s", text, problem);
    return insights_run(&rig->aws, rig->sc, parsed,
                        rig_json(rig, "[\"/aws/lambda/fluxa-processor\"]"), 0, INT64_MAX, 10000);
}

static const char *cell(const struct insights_result *result, size_t row, const char *field) {
    struct fx_json *cells = fx_json_item(result->rows, row);

    for (size_t i = 0; i < fx_json_count(cells); i++)
        if (strcmp(fx_json_get_text(fx_json_item(cells, i), "field"), field) == 0)
            return fx_json_get_text(fx_json_item(cells, i), "value");
    return NULL;
}

static void counts_failures_by_their_cause(void **state) {
    struct insights_result result = query(
        *state, "filter status = \"failure\" | stats count(*) as n by error_code | sort n desc");

    assert_int_equal(fx_json_count(result.rows), 3);
    assert_string_equal(cell(&result, 0, "error_code"), "DBConnectionError");
    assert_string_equal(cell(&result, 0, "n"), "183"); /* 60 x 3, and 3 mismatches that met one */
    assert_string_equal(cell(&result, 2, "n"), "42");
}

static void finds_the_lines_of_listed_ids(void **state) {
    struct rig *rig = *state;
    struct insights_result one =
        query(rig, "fields correlation_id | filter error_code = 'HashMismatch' | limit 1");
    const char *id = cell(&one, 0, "correlation_id");
    struct insights_result all =
        query(rig, fx_printf(rig->sc,
                             "fields @timestamp, error_code | filter correlation_id in [\"%s\", "
                             "\"c-none\"] and status = \"failure\" | sort @timestamp asc",
                             id));

    assert_int_equal(fx_json_count(all.rows), 3);
    assert_true(strcmp(cell(&all, 0, "@timestamp"), cell(&all, 2, "@timestamp")) < 0);
    assert_non_null(cell(&all, 0, "@ptr"));
}

static void an_empty_count_is_zero_and_an_empty_group_is_absent(void **state) {
    struct insights_result count = query(*state, "filter status = \"nope\" | stats count(*) as n");
    struct insights_result groups =
        query(*state, "filter status = \"nope\" | stats count(*) as n by stage");

    assert_string_equal(cell(&count, 0, "n"), "0");
    assert_int_equal(fx_json_count(groups.rows), 0);
}

static void refuses_queries_it_does_not_understand(void **state) {
    static const char *const texts[] = {
        "",
        "filter",
        "filter a =",
        "filter a in \"x\"",
        "filter a like /(/",
        "filter a like /x",
        "fields a | pattern @message",
        "fields \"open",
        "limit 0",
        "fields a b",
        "filter ((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))",
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        const char *problem = NULL;

        if (insights_parse(rig->sc, texts[i], &problem) != NULL)
            fail_msg("accepted: %s", texts[i]);
        assert_non_null(problem);
    }
}

static void reads_a_filter_pattern_as_aws_would(void **state) {
    static const struct {
        const char *pattern, *line;
        int fits; /* -1: AWS would refuse the pattern */
    } cases[] = {
        {"", "anything", 1},
        {"refused", "connection refused", 1},
        {"connection refused", "refused connection", 1},
        {"\"connection refused\"", "refused connection", 0},
        {"\"a \\\"b\\\\\"", "see a \"b\\ here", 1},
        {"?a ?b", "only b", 1},
        {"?a ?b", "neither", 0},
        {"ORDER-1", "ORDER-1", -1},
        {"\"ORDER-1\"", "ORDER-1", 1},
        {"\"open", "open", -1},
        {"a ?b", "a b", -1},
        {"%a+%", "aa", -1},
        {"\"a\"b", "ab", -1},
        {"{ $.a = \"x\" && $.b.c != 5 }", "{\"a\":\"x\",\"b\":{\"c\":6}}", 1},
        {"{ $.a = \"x\" && $.b.c != 5 }", "{\"a\":\"x\",\"b\":{\"c\":5}}", 0},
        {"{ $.a = \"x*\" }", "{\"a\":\"xyz\"}", 1},
        {"{ $.a = \"x?\" }", "{\"a\":\"xy\"}", 0},
        {"{ $.a = \"x\" }", "a = x", 0},
        {"{ $.a = \"x\" || $.b = 1 }", "{}", -1},
        {"{ $.a }", "{}", -1},
        {"[a, b]", "a b", -1},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct logs_pattern pattern;
        const char *problem = NULL;
        int fits = !logs_pattern_parse(rig->sc, cases[i].pattern, &pattern, &problem)
                       ? -1
                       : logs_pattern_matches(rig->sc, &pattern, cases[i].line);

        if (fits != cases[i].fits || (fits < 0) != (problem != NULL))
            fail_msg("%s on %s: %d", cases[i].pattern, cases[i].line, fits);
    }
}

static void a_query_runs_before_it_is_complete(void **state) {
    struct rig *rig = *state;
    struct fx_json *out =
        rig_call(rig, &aws_service_logs, "StartQuery",
                 rig_json(rig, "{\"logGroupName\":\"/aws/lambda/fluxa-processor\",\"startTime\":1,"
                               "\"endTime\":9999999999,\"queryString\":\"fields @message\"}"));
    const char *input =
        fx_printf(rig->sc, "{\"queryId\":\"%s\"}", fx_json_get_text(out, "queryId"));
    const char *const expected[] = {"Scheduled", "Running", "Complete"};

    for (size_t i = 0; i < FX_COUNT_OF(expected); i++) {
        out = rig_call(rig, &aws_service_logs, "GetQueryResults", rig_json(rig, input));
        assert_string_equal(fx_json_get_text(out, "status"), expected[i]);
        rig_pass(rig, 200);
    }
    assert_null(rig_call(rig, &aws_service_logs, "StopQuery", rig_json(rig, input)));
}

/* ---- faults ---- */

static const struct fx_slice nothing = {"", 0};

static void post_fault(struct rig *rig, const char *body, int status) {
    struct sandbox_request req = {.sb = &rig->sb, .sc = rig->sc, .body = fx_slice_of(body)};
    struct sandbox_reply reply = {.status = 200};

    sandbox_door_fault(&req, &reply);
    assert_int_equal(reply.status, status);
}

static void a_fault_hits_its_target_as_often_as_it_says(void **state) {
    struct rig *rig = *state;

    post_fault(rig, "{\"target\":\"sqs:SendMessage\",\"kind\":\"5xx\",\"count\":2}", 200);
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessageBatch", nothing),
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqsx", "SendMessage", nothing),
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessage", nothing),
                     SANDBOX_FAULT_ERROR);
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessage", nothing),
                     SANDBOX_FAULT_ERROR);
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessage", nothing),
                     SANDBOX_FAULT_NONE);
}

static void a_fault_may_let_the_first_calls_through(void **state) {
    struct rig *rig = *state;

    post_fault(rig, "{\"target\":\"slack:users.info\",\"kind\":\"429\",\"after\":2,\"count\":1}",
               200);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", nothing),
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "chat.update", nothing),
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", nothing),
                     SANDBOX_FAULT_NONE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", nothing),
                     SANDBOX_FAULT_THROTTLE);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", nothing),
                     SANDBOX_FAULT_NONE);
}

static void a_service_that_is_down_stays_down_until_it_is_cleared(void **state) {
    struct rig *rig = *state;

    post_fault(rig, "{\"target\":\"logs\",\"kind\":\"down\"}", 200);
    for (int i = 0; i < 50; i++)
        assert_int_equal(sandbox_fault_take(&rig->sb, "logs", "StartQuery", nothing),
                         SANDBOX_FAULT_TIMEOUT_BEFORE);
    post_fault(rig, "{\"clear\":true}", 200);
    assert_int_equal(sandbox_fault_take(&rig->sb, "logs", "StartQuery", nothing),
                     SANDBOX_FAULT_NONE);
}

static void a_fault_about_somebody_leaves_all_others_alone(void **state) {
    const struct fx_slice bo = FX_SLICE("user=U0BOLIND02"), anna = FX_SLICE("user=U0ANNA0001");
    struct rig *rig = *state;

    post_fault(rig,
               "{\"target\":\"slack:users.info\",\"kind\":\"5xx\",\"rate\":1,\"after\":1,"
               "\"about\":\"U0BOLIND02\"}",
               200);
    assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", bo), SANDBOX_FAULT_NONE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", anna),
                         SANDBOX_FAULT_NONE);
        assert_int_equal(sandbox_fault_take(&rig->sb, "slack", "users.info", bo),
                         SANDBOX_FAULT_ERROR);
    }
}

static void *clear_when_somebody_waits(void *argument) {
    struct rig *rig = argument;

    /* the lock is free only while the call waits */
    sandbox_lock(&rig->sb);
    post_fault(rig, "{\"clear\":true}", 200);
    sandbox_unlock(&rig->sb);
    return NULL;
}

static void a_held_call_goes_on_when_the_fault_is_cleared(void **state) {
    struct rig *rig = *state;
    pthread_t thread;

    post_fault(rig, "{\"target\":\"sqs:SendMessage\",\"kind\":\"held\"}", 200);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessage", nothing),
                         SANDBOX_FAULT_HELD);
    assert_int_equal(pthread_create(&thread, NULL, clear_when_somebody_waits, rig), 0);
    sandbox_fault_wait(&rig->sb, SANDBOX_FAULT_HELD, "sqs", "SendMessage");
    assert_int_equal(sandbox_fault_take(&rig->sb, "sqs", "SendMessage", nothing),
                     SANDBOX_FAULT_NONE);
    pthread_join(thread, NULL);
}

static void refuses_faults_that_mean_nothing(void **state) {
    struct rig *rig = *state;

    post_fault(rig, "{\"target\":\"sqs\",\"kind\":\"weird\"}", 400);
    post_fault(rig, "{\"kind\":\"5xx\"}", 400);
    post_fault(rig, "{\"target\":\"sqs\",\"kind\":\"5xx\",\"rate\":1.5}", 400);
    post_fault(rig, "[]", 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_a_form_into_lists_maps_and_structures),
        TEST(refuses_forms_that_contradict_themselves),
        TEST(writes_xml_that_cannot_be_broken_by_a_message),
        TEST(json_failures_carry_the_old_code_in_a_header),
        TEST(composite_alarms_are_shown_only_when_asked_for),
        TEST(no_alarm_rings_in_a_new_world_before_it_is_raised),
        TEST(pages_hold_every_alarm_once),
        TEST(the_reason_of_a_state_is_replaced_and_the_history_keeps_both),
        TEST(the_history_is_in_the_order_of_time_and_told_from_either_end),
        TEST(the_history_comes_in_pages),
        TEST(of_an_alarm_that_is_deleted_the_history_stays_and_says_so),
        TEST(computes_metric_math),
        TEST(counts_failures_by_their_cause),
        TEST(finds_the_lines_of_listed_ids),
        TEST(an_empty_count_is_zero_and_an_empty_group_is_absent),
        TEST(refuses_queries_it_does_not_understand),
        TEST(reads_a_filter_pattern_as_aws_would),
        TEST(a_query_runs_before_it_is_complete),
        TEST(a_fault_hits_its_target_as_often_as_it_says),
        TEST(a_fault_may_let_the_first_calls_through),
        TEST(a_service_that_is_down_stays_down_until_it_is_cleared),
        TEST(a_fault_about_somebody_leaves_all_others_alone),
        TEST(a_held_call_goes_on_when_the_fault_is_cleared),
        TEST(refuses_faults_that_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
