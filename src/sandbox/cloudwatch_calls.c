/* cloudwatch_calls.c - CloudWatch's calls on alarms, Fluxa's default alarms, the table of all
 * calls. */
#include "aws.h"

#include <string.h>

enum { MAX_RECORDS = 100, DEFAULT_RECORDS = 50, REASON_MAX = 1023 };

/* ---- DescribeAlarms ---- */

static struct fx_json *shown(struct aws_call *call, const struct cloudwatch_alarm *alarm) {
    struct fx_scope *sc = call->sc;
    struct fx_json *json = fx_json_copy(sc, alarm->definition);

    fx_json_put(json, "StateValue", fx_json_string(sc, alarm->state));
    fx_json_put(json, "StateReason", fx_json_string(sc, alarm->reason));
    if (alarm->reason_data != NULL)
        fx_json_put(json, "StateReasonData", fx_json_string(sc, alarm->reason_data));
    fx_json_put(json, "StateUpdatedTimestamp", aws_time(call, alarm->updated_ms));
    fx_json_put(json, "StateTransitionedTimestamp", aws_time(call, alarm->transitioned_ms));
    fx_json_put(json, "AlarmConfigurationUpdatedTimestamp", aws_time(call, 1759392705210));
    return json;
}

static bool has_action(const struct cloudwatch_alarm *alarm, const char *prefix) {
    const char *const keys[] = {"AlarmActions", "OKActions", "InsufficientDataActions"};

    for (size_t k = 0; k < FX_COUNT_OF(keys); k++) {
        struct fx_json *list = fx_json_at(alarm->definition, keys[k]);

        for (size_t i = 0; i < fx_json_count(list); i++) {
            const char *action = fx_json_text(fx_json_item(list, i));

            if (action != NULL && strncmp(action, prefix, strlen(prefix)) == 0)
                return true;
        }
    }
    return false;
}

static bool is_asked(const struct aws_call *call, const struct cloudwatch_alarm *alarm) {
    const struct fx_json *input = call->input;
    struct fx_json *names = fx_json_at(input, "AlarmNames");
    struct fx_json *types = fx_json_at(input, "AlarmTypes");
    const char *prefix = aws_input_text(input, "AlarmNamePrefix");
    const char *state = fx_json_get_text(input, "StateValue");

    if (fx_json_count(names) > 0 && !aws_list_has(names, alarm->name))
        return false;
    /* without AlarmTypes only metric alarms are returned, even when a composite one is named */
    if (types == NULL ? alarm->composite
                      : !aws_list_has(types, alarm->composite ? "CompositeAlarm" : "MetricAlarm"))
        return false;
    return strncmp(alarm->name, prefix, strlen(prefix)) == 0 &&
           (state == NULL || strcmp(alarm->state, state) == 0) &&
           has_action(alarm, aws_input_text(input, "ActionPrefix"));
}

static int64_t page_size(const struct aws_call *call) {
    int64_t most = aws_input_int(call->input, "MaxRecords", DEFAULT_RECORDS);

    return most < 1 || most > MAX_RECORDS ? MAX_RECORDS : most;
}

/* Tokens are the number of items already given. */
static bool page_start(struct aws_call *call, int64_t *ret_skip) {
    struct fx_slice token = fx_json_text_slice(fx_json_at(call->input, "NextToken"));

    *ret_skip = 0;
    if (token.len == 0 || (fx_slice_to_int(token, ret_skip) && *ret_skip >= 0))
        return true;
    aws_fail(call, 400, "InvalidNextToken", NULL, "The next token specified is invalid.");
    return false;
}

static struct fx_json *token_of(struct aws_call *call, int64_t given, bool more) {
    return more ? fx_json_stringf(call->sc, "%lld", (long long)given) : NULL;
}

static struct fx_json *describe_alarms(struct aws_call *call) {
    struct fx_json *metric = fx_json_array(call->sc), *composite = fx_json_array(call->sc);
    int64_t most = page_size(call), skip = 0, seen = 0;
    bool more = false;

    if (fx_json_count(fx_json_at(call->input, "AlarmNames")) > 0 &&
        fx_json_at(call->input, "AlarmNamePrefix") != NULL)
        return aws_fail(call, 400, "ValidationException", "ValidationError",
                        "AlarmNames and AlarmNamePrefix cannot both be given");
    if (!page_start(call, &skip))
        return NULL;
    for (struct cloudwatch_alarm *alarm = call->aws->alarms; alarm != NULL && !more;
         alarm = alarm->next) {
        if (!is_asked(call, alarm) || seen++ < skip)
            continue;
        more = seen > skip + most;
        if (!more)
            fx_json_add(alarm->composite ? composite : metric, shown(call, alarm));
    }
    return fx_json_object_of(call->sc, "MetricAlarms", metric, "CompositeAlarms", composite,
                             "NextToken", token_of(call, skip + most, more), NULL);
}

/* ---- DescribeAlarmHistory ---- */

static bool is_history_asked(const struct aws_call *call, const struct cloudwatch_change *change) {
    const struct fx_json *input = call->input;
    struct fx_json *types = fx_json_at(input, "AlarmTypes");
    const char *name = fx_json_get_text(input, "AlarmName");
    const char *type = fx_json_get_text(input, "HistoryItemType");

    if (types == NULL ? change->composite
                      : !aws_list_has(types, change->composite ? "CompositeAlarm" : "MetricAlarm"))
        return false;
    return (name == NULL || strcmp(change->alarm, name) == 0) &&
           (type == NULL || strcmp(change->type, type) == 0) &&
           change->time_ms >= aws_input_time(input, "StartDate", 0) &&
           change->time_ms <= aws_input_time(input, "EndDate", INT64_MAX);
}

static struct fx_json *history_item(struct aws_call *call, const struct cloudwatch_change *change) {
    struct fx_scope *sc = call->sc;

    return fx_json_object_of(
        sc, "AlarmName", fx_json_string(sc, change->alarm), "AlarmType",
        fx_json_string(sc, change->composite ? "CompositeAlarm" : "MetricAlarm"), "Timestamp",
        aws_time(call, change->time_ms), "HistoryItemType", fx_json_string(sc, change->type),
        "HistorySummary", fx_json_string(sc, change->summary), "HistoryData",
        fx_json_string(sc, change->data), NULL);
}

/* The newest first, as it is kept, unless the oldest are wanted first. */
static const struct cloudwatch_change **asked_history(struct aws_call *call, size_t *ret_count) {
    const struct cloudwatch_change **list =
        fx_alloc(call->sc, (CLOUDWATCH_MAX_CHANGES + 1) * sizeof(void *));
    const char *order = aws_input_text(call->input, "ScanBy");
    size_t count = 0;

    for (struct cloudwatch_change *change = call->aws->changes; change != NULL;
         change = change->next)
        if (is_history_asked(call, change))
            list[count++] = change;
    for (size_t i = 0; strcmp(order, "TimestampAscending") == 0 && i < count / 2; i++) {
        const struct cloudwatch_change *other = list[i];

        list[i] = list[count - 1 - i];
        list[count - 1 - i] = other;
    }
    *ret_count = count;
    return list;
}

static struct fx_json *describe_alarm_history(struct aws_call *call) {
    struct fx_json *items = fx_json_array(call->sc);
    int64_t most = page_size(call), skip = 0;
    size_t count = 0;

    if (!page_start(call, &skip))
        return NULL;
    const struct cloudwatch_change **list = asked_history(call, &count);

    for (int64_t i = skip; i < (int64_t)count && i < skip + most; i++)
        fx_json_add(items, history_item(call, list[i]));
    return fx_json_object_of(call->sc, "AlarmHistoryItems", items, "NextToken",
                             token_of(call, skip + most, skip + most < (int64_t)count), NULL);
}

static struct fx_json *set_alarm_state(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *state = aws_input_text(call->input, "StateValue");
    const char *reason = aws_input_text(call->input, "StateReason");
    struct cloudwatch_alarm *alarm =
        cloudwatch_find(call->aws, aws_input_text(call->input, "AlarmName"));

    if (alarm == NULL)
        return aws_fail(call, 404, "ResourceNotFound", NULL, "Alarm does not exist");
    if (strcmp(state, "OK") != 0 && strcmp(state, "ALARM") != 0 &&
        strcmp(state, "INSUFFICIENT_DATA") != 0)
        return aws_fail(call, 400, "ValidationException", "ValidationError",
                        "StateValue must be OK, ALARM or INSUFFICIENT_DATA");
    if (reason[0] == '\0' || strlen(reason) > REASON_MAX)
        return aws_fail(call, 400, "ValidationException", "ValidationError",
                        "StateReason must have 1 to %d characters", REASON_MAX);
    sandbox_effect(call->sb, "cloudwatch", "SetAlarmState", alarm->arn,
                   fx_json_object_of(sc, "state", fx_json_string(sc, state), "reason",
                                     fx_json_string(sc, reason), "request_id",
                                     fx_json_string(sc, call->request_id), NULL));
    cloudwatch_change(call->aws, alarm, state, reason,
                      fx_json_get_text(call->input, "StateReasonData"));
    return fx_json_object(sc);
}

/* ---- Fluxa's alarms ---- */

static const struct {
    const char *name, *definition;
} default_alarms[] = {
    {"fluxa-pipeline-unhealthy-dev",
     "{\"AlarmDescription\":\"Processing is bad while the database is busy\",\"AlarmRule\":"
     "\"ALARM(\\\"fluxa-processor-error-rate-dev\\\") AND ALARM(\\\"fluxa-DBHighCPU-dev\\\")\"}"},
    {"fluxa-DBHighCPU-dev",
     "{\"AlarmDescription\":\"CPU of fluxa-prod above 80 %\",\"MetricName\":\"CPUUtilization\","
     "\"Namespace\":\"AWS/RDS\",\"Statistic\":\"Average\",\"Dimensions\":[{\"Name\":"
     "\"DBInstanceIdentifier\",\"Value\":\"fluxa-prod\"}],\"Period\":300,\"EvaluationPeriods\":1,"
     "\"Threshold\":80.0,\"ComparisonOperator\":\"GreaterThanThreshold\"}"},
    {"fluxa-processor-throttles-dev",
     "{\"AlarmDescription\":\"Lambda throttles fluxa-processor\",\"MetricName\":\"Throttles\","
     "\"Namespace\":\"AWS/Lambda\",\"Statistic\":\"Sum\",\"Dimensions\":[{\"Name\":"
     "\"FunctionName\",\"Value\":\"fluxa-processor\"}],\"Period\":300,\"EvaluationPeriods\":1,"
     "\"Threshold\":0.0,\"ComparisonOperator\":\"GreaterThanThreshold\"}"},
    {"fluxa-processor-error-rate-dev",
     "{\"AlarmDescription\":\"More than 5 % of the processor's invocations fail\",\"Metrics\":["
     "{\"Expression\":\"100*errors/invocations\",\"Id\":\"rate\",\"Label\":\"Error rate (%)\","
     "\"ReturnData\":true},{\"Id\":\"errors\",\"MetricStat\":{\"Metric\":{\"Dimensions\":["
     "{\"Name\":\"FunctionName\",\"Value\":\"fluxa-processor\"}],\"MetricName\":\"Errors\","
     "\"Namespace\":\"AWS/Lambda\"},\"Period\":300,\"Stat\":\"Sum\"},\"ReturnData\":false},{"
     "\"Id\":\"invocations\",\"MetricStat\":{\"Metric\":{\"Dimensions\":[{\"Name\":"
     "\"FunctionName\",\"Value\":\"fluxa-processor\"}],\"MetricName\":\"Invocations\","
     "\"Namespace\":\"AWS/Lambda\"},\"Period\":300,\"Stat\":\"Sum\"},\"ReturnData\":false}],"
     "\"EvaluationPeriods\":1,\"Threshold\":5.0,\"ComparisonOperator\":\"GreaterThanThreshold\","
     "\"TreatMissingData\":\"notBreaching\"}"},
    {"fluxa-dlq-depth-dev",
     "{\"AlarmDescription\":\"Messages in Fluxa-DLQ. Runbook: https://wiki.example.org/fluxa#dlq\","
     "\"MetricName\":\"ApproximateNumberOfMessagesVisible\",\"Namespace\":\"AWS/SQS\","
     "\"Statistic\":\"Maximum\",\"Dimensions\":[{\"Name\":\"QueueName\",\"Value\":\"Fluxa-DLQ\"}],"
     "\"Period\":300,\"EvaluationPeriods\":1,\"DatapointsToAlarm\":1,\"Threshold\":0.0,"
     "\"ComparisonOperator\":\"GreaterThanThreshold\",\"TreatMissingData\":\"notBreaching\"}"},
};

void cloudwatch_default_alarms(struct sandbox_aws *aws) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < FX_COUNT_OF(default_alarms); i++) {
        struct fx_json *definition = NULL;
        struct fx_error err;

        if (fx_json_parse(sc, fx_slice_of(default_alarms[i].definition), &definition, &err) ==
            FX_OK)
            (void)cloudwatch_alarm_new(aws, default_alarms[i].name, definition);
    }
}

static const struct aws_operation operations[] = {
    {"DescribeAlarms", describe_alarms},
    {"DescribeAlarmHistory", describe_alarm_history},
    {"SetAlarmState", set_alarm_state},
    {"GetMetricData", cloudwatch_get_metric_data},
    {"GetMetricStatistics", cloudwatch_get_metric_statistics},
    {"ListMetrics", cloudwatch_list_metrics},
};

const struct aws_service aws_service_cloudwatch = {
    .name = "cloudwatch",
    .signing = "monitoring",
    .target = "GraniteServiceVersion20100801",
    .json = AWS_JSON_1_0,
    .xml_namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/",
    .error_prefix = "com.amazonaws.cloudwatch.v2010_08_01",
    .query_compatible = true,
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
