/* cloudwatch.c - a CloudWatch alarm as SNS tells it: metric, math, anomaly band, composite. */
#include "private.h"

/* The children that are in alarm now; on recovery the list names those that are not. */
static const struct fx_json *triggering_children(struct fx_scope *sc,
                                                 const struct fx_json *children) {
    struct fx_json *names = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(children) && i < INCIDENT_MAX_CHILDREN; i++) {
        const struct fx_json *child = fx_json_item(children, i);
        const char *arn = fx_json_get_text(child, "Arn");
        const char *state = fx_json_text(fx_json_at_path(child, "State.Value"));

        if (!arn || incident_state_of(state) != FX_ALARM_STATE_ALARM)
            continue;
        const char *name = incident_alarm_name_of(sc, arn);
        fx_json_add(names, fx_json_string(sc, *name ? name : incident_line(sc, arn, 255)));
    }
    return names;
}

static void read_single_metric(struct fx_scope *sc, const struct fx_json *trigger,
                               struct fx_alarm *alarm) {
    const char *statistic = fx_json_get_text(trigger, "ExtendedStatistic");

    if (!statistic)
        statistic = fx_json_get_text(trigger, "Statistic");
    alarm->statistic = incident_statistic(sc, statistic);
    alarm->metric_namespace = incident_member(sc, trigger, "Namespace", INCIDENT_MAX_FIELD);
    alarm->metric_name = incident_member(sc, trigger, "MetricName", INCIDENT_MAX_FIELD);
    alarm->dimensions = incident_dimensions(sc, fx_json_at(trigger, "Dimensions"));
    incident_take_query(sc, trigger, alarm);
}

void incident_take_trigger(struct fx_scope *sc, const struct fx_json *trigger,
                           struct fx_alarm *alarm) {
    const struct fx_json *metrics = fx_json_at(trigger, "Metrics");

    alarm->comparison = incident_comparison(fx_json_get_text(trigger, "ComparisonOperator"));
    incident_take_threshold(fx_json_at(trigger, "Threshold"), alarm);
    if (fx_json_get_text(trigger, "ThresholdMetricId"))
        alarm->shape = FX_ALARM_ANOMALY;
    else if (fx_json_count(metrics) > 0)
        alarm->shape = FX_ALARM_MATH;
    if (alarm->shape == FX_ALARM_METRIC)
        read_single_metric(sc, trigger, alarm);
    else
        incident_take_metrics(sc, metrics, alarm);
    if (alarm->shape == FX_ALARM_MATH)
        incident_take_queries(sc, metrics, alarm);
}

/* Region is a display name ("US East (N. Virginia)"), so the region comes from the ARN. Messages of
 * old had no AlarmArn; a name and a new state are enough to know an alarm by. */
bool incident_read_cloudwatch(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json;
    const char *account = incident_member(sc, json, "AWSAccountId", INCIDENT_MAX_FIELD);

    if (!fx_json_get_text(json, "NewStateValue") ||
        (!fx_json_get_text(json, "AlarmArn") && !fx_json_get_text(json, "AlarmName")))
        return false;
    alarm->shape = FX_ALARM_METRIC;
    alarm->state = incident_state_of(fx_json_get_text(json, "NewStateValue"));
    alarm->arn = incident_member(sc, json, "AlarmArn", INCIDENT_MAX_ARN);
    alarm->name = incident_member(sc, json, "AlarmName", INCIDENT_MAX_NAME);
    if (!*alarm->name)
        alarm->name = incident_alarm_name_of(sc, alarm->arn);
    incident_take_place(sc, alarm, alarm->arn);
    if (*account)
        alarm->account = account;
    alarm->reason = incident_member(sc, json, "NewStateReason", INCIDENT_MAX_REASON);
    alarm->description = incident_member(sc, json, "AlarmDescription", INCIDENT_MAX_REASON);
    incident_take_time(fx_json_get_text(json, "StateChangeTime"), message->sent_ms,
                       &alarm->changed_ms);

    if (fx_json_get_text(json, "AlarmRule")) {
        alarm->shape = FX_ALARM_COMPOSITE;
        alarm->children = triggering_children(sc, fx_json_at(json, "TriggeringChildren"));
    } else {
        incident_take_trigger(sc, fx_json_at(json, "Trigger"), alarm);
    }
    return true;
}
