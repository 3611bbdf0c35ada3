/* cloudwatch_alarms.c - CloudWatch's alarms: their states, their history, and what Fluxa has. */
#include "aws.h"
#include "sqs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ALARM_ARN "arn:aws:cloudwatch:" AWS_REGION ":" AWS_ACCOUNT ":alarm:"

/* "2026-11-21T09:15:04.001+0000", as CloudWatch writes it. */
static const char *plus_time(struct fx_scope *sc, int64_t wall_ms) {
    const char *iso = fx_time_iso_ms(sc, wall_ms);

    return fx_printf(sc, "%.*s+0000", (int)strlen(iso) - 1, iso);
}

struct cloudwatch_alarm *cloudwatch_find(struct sandbox_aws *aws, const char *name) {
    for (struct cloudwatch_alarm *alarm = aws->alarms; alarm != NULL; alarm = alarm->next)
        if (strcmp(alarm->name, name) == 0)
            return alarm;
    return NULL;
}

struct cloudwatch_alarm *cloudwatch_alarm_new(struct sandbox_aws *aws, const char *name,
                                              const struct fx_json *definition) {
    struct fx_scope *sc = aws->world;
    struct cloudwatch_alarm *alarm;
    struct fx_json *actions;

    if (aws->alarms_count >= CLOUDWATCH_MAX_ALARMS)
        return NULL;
    actions = fx_json_array_of(sc, fx_json_string(sc, AWS_ALARM_TOPIC), NULL);
    alarm = FX_NEW(sc, struct cloudwatch_alarm);
    alarm->name = fx_strdup(sc, name);
    alarm->arn = fx_printf(sc, ALARM_ARN "%s", name);
    alarm->definition = fx_json_copy(sc, definition);
    alarm->composite = fx_json_at(definition, "AlarmRule") != NULL;
    fx_json_put(alarm->definition, "AlarmName", fx_json_string(sc, name));
    fx_json_put(alarm->definition, "AlarmArn", fx_json_string(sc, alarm->arn));
    fx_json_put(alarm->definition, "ActionsEnabled",
                fx_json_bool(sc, fx_json_get_bool(definition, "ActionsEnabled", true)));
    for (size_t i = 0; i < 2; i++) {
        const char *key = i == 0 ? "OKActions" : "AlarmActions";

        if (fx_json_at(definition, key) == NULL)
            fx_json_put(alarm->definition, key,
                        i == 0 && fx_json_at(definition, "AlarmActions") != NULL
                            ? fx_json_copy(sc, fx_json_at(definition, "AlarmActions"))
                            : actions);
    }
    if (fx_json_at(definition, "InsufficientDataActions") == NULL)
        fx_json_put(alarm->definition, "InsufficientDataActions", fx_json_array(sc));
    snprintf(alarm->state, sizeof alarm->state, "OK");
    alarm->reason_scope = fx_scope_new(NULL);
    alarm->reason = "Unchecked: Initial alarm creation";
    alarm->updated_ms = alarm->transitioned_ms = fx_wall_ms(aws->sb->clock);
    alarm->next = aws->alarms;
    aws->alarms = alarm;
    aws->alarms_count++;
    return alarm;
}

/* ---- changes ---- */

static const char *state_json(struct fx_scope *sc, const char *state, const char *reason,
                              const char *reason_data) {
    struct fx_json *data = NULL;
    struct fx_error ignored;

    if (reason_data != NULL &&
        fx_json_parse(sc, fx_slice_of(reason_data), &data, &ignored) != FX_OK)
        data = NULL;
    return fx_json_dump(sc, fx_json_object_of(sc, "stateValue", fx_json_string(sc, state),
                                              "stateReason", fx_json_string(sc, reason),
                                              "stateReasonData", data, NULL));
}

static const char *history_data(struct fx_scope *sc, const struct cloudwatch_alarm *alarm,
                                const char *state, const char *reason, const char *reason_data) {
    return fx_printf(sc, "{\"version\":\"1.0\",\"oldState\":%s,\"newState\":%s}",
                     state_json(sc, alarm->state, alarm->reason, alarm->reason_data),
                     state_json(sc, state, reason, reason_data));
}

/* Into its place by time; the oldest are forgotten. */
static void remember(struct sandbox_aws *aws, struct cloudwatch_change *change) {
    struct cloudwatch_change **at = &aws->changes;
    size_t kept = 0;

    while (*at != NULL && (*at)->time_ms > change->time_ms)
        at = &(*at)->next;
    change->next = *at;
    *at = change;
    for (at = &aws->changes; *at != NULL && kept < CLOUDWATCH_MAX_CHANGES; kept++)
        at = &(*at)->next;
    while (*at != NULL) {
        struct cloudwatch_change *old = *at;

        *at = old->next;
        fx_scope_free(old->sc);
    }
}

static struct cloudwatch_change *new_change(const struct cloudwatch_alarm *alarm, const char *type,
                                            int64_t at_ms) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct cloudwatch_change *change = FX_NEW(sc, struct cloudwatch_change);

    change->sc = sc;
    change->alarm = fx_strdup(sc, alarm->name);
    change->composite = alarm->composite;
    change->type = type;
    change->time_ms = at_ms;
    return change;
}

static void remember_state(struct sandbox_aws *aws, const struct cloudwatch_alarm *alarm,
                           const char *state, const char *reason, const char *reason_data,
                           int64_t at_ms) {
    struct cloudwatch_change *change = new_change(alarm, "StateUpdate", at_ms);

    change->summary = fx_printf(change->sc, "Alarm updated from %s to %s", alarm->state, state);
    change->data = history_data(change->sc, alarm, state, reason, reason_data);
    remember(aws, change);
}

void cloudwatch_delete(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm, int64_t at_ms) {
    struct cloudwatch_change *change = new_change(alarm, "ConfigurationUpdate", at_ms);
    struct cloudwatch_alarm **at = &aws->alarms;

    change->summary = fx_printf(change->sc, "Alarm \"%s\" deleted", alarm->name);
    change->data = fx_json_dump(
        change->sc,
        fx_json_object_of(change->sc, "version", fx_json_string(change->sc, "1.0"), "type",
                          fx_json_string(change->sc, "Delete"), "deletedAlarm",
                          fx_json_object_of(change->sc, "alarmName",
                                            fx_json_string(change->sc, alarm->name), "alarmArn",
                                            fx_json_string(change->sc, alarm->arn), NULL),
                          NULL));
    remember(aws, change);
    while (*at != NULL && *at != alarm)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = alarm->next;
    aws->alarms_count--;
    fx_scope_free(alarm->reason_scope); /* the rest is the world's */
}

/* The value that the reason names: the true depth for a queue, else one above the threshold. */
static double datapoint(struct sandbox_aws *aws, const struct cloudwatch_alarm *alarm,
                        bool breaching) {
    double threshold = fx_json_get_real(alarm->definition, "Threshold", 0);
    const char *name =
        aws_input_text(fx_json_item(fx_json_at(alarm->definition, "Dimensions"), 0), "Value");
    struct sqs_queue *queue = sqs_find(aws, name);

    if (queue != NULL && strcmp(aws_input_text(alarm->definition, "Namespace"), "AWS/SQS") == 0 &&
        ((double)sqs_count(aws, queue).visible > threshold) == breaching)
        return (double)sqs_count(aws, queue).visible;
    return breaching ? threshold + 1 : 0;
}

static const char *default_reason(struct sandbox_aws *aws, struct fx_scope *sc,
                                  const struct cloudwatch_alarm *alarm, const char *state) {
    double threshold = fx_json_get_real(alarm->definition, "Threshold", 0);
    bool breaching = strcmp(state, "ALARM") == 0;
    const char *iso = fx_time_iso(sc, fx_wall_ms(aws->sb->clock) / 60000 * 60000);

    if (strcmp(state, "INSUFFICIENT_DATA") == 0)
        return "Insufficient Data: 1 datapoint was unknown.";
    if (alarm->composite)
        return fx_printf(sc, ALARM_ARN "fluxa-dlq-depth-dev transitioned to %s", state);
    return fx_printf(sc,
                     "Threshold Crossed: 1 out of the last 1 datapoints [%.1f (%.2s/%.2s/%.2s "
                     "%.8s)] was %sgreater than the threshold (%.1f) (minimum 1 datapoint for %s "
                     "transition).",
                     datapoint(aws, alarm, breaching), iso + 8, iso + 5, iso + 2, iso + 11,
                     breaching ? "" : "not ", threshold, breaching ? "OK -> ALARM" : "ALARM -> OK");
}

bool cloudwatch_set_state(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm,
                          const char *state, const char *reason, const char *reason_data) {
    return cloudwatch_set_state_at(aws, alarm, state, reason, reason_data,
                                   fx_wall_ms(aws->sb->clock));
}

bool cloudwatch_set_state_at(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm,
                             const char *state, const char *reason, const char *reason_data,
                             int64_t at_ms) {
    bool changed = strcmp(alarm->state, state) != 0;
    struct fx_scope *sc = fx_scope_new(NULL);
    const char *text =
        reason != NULL ? fx_strdup(sc, reason) : default_reason(aws, sc, alarm, state);

    if (changed)
        remember_state(aws, alarm, state, text, reason_data, at_ms);
    fx_scope_free(alarm->reason_scope);
    alarm->reason_scope = sc;
    alarm->reason = text;
    alarm->reason_data = fx_strdup(sc, reason_data);
    alarm->updated_ms = at_ms;
    if (changed)
        alarm->transitioned_ms = at_ms;
    snprintf(alarm->state, sizeof alarm->state, "%s", state);
    return changed;
}

static void notify(struct sandbox_aws *aws, const struct cloudwatch_alarm *alarm,
                   const char *old_state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    sns_publish(aws,
                &(struct sns_envelope){
                    .type = "Notification",
                    .message_id = sns_message_id(sc),
                    .topic_arn = AWS_ALARM_TOPIC,
                    .subject = fx_printf(sc, "%s: \"%.60s\" in US East (N. Virginia)", alarm->state,
                                         alarm->name),
                    .message = fx_json_dump(sc, cloudwatch_alarm_message(sc, alarm, old_state)),
                    .timestamp = fx_time_iso_ms(sc, fx_wall_ms(aws->sb->clock)),
                    .version = aws->sns.version,
                });
}

void cloudwatch_change(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm, const char *state,
                       const char *reason, const char *reason_data) {
    char old_state[sizeof alarm->state];

    memcpy(old_state, alarm->state, sizeof old_state);
    if (cloudwatch_set_state(aws, alarm, state, reason, reason_data))
        notify(aws, alarm, old_state);
}

void cloudwatch_follow(struct sandbox_aws *aws) {
    struct cloudwatch_alarm *alarm = cloudwatch_find(aws, "fluxa-dlq-depth-dev");
    struct sqs_queue *dlq = sqs_find(aws, "Fluxa-DLQ");

    if (!aws->alarms_follow || alarm == NULL || dlq == NULL)
        return;
    const char *state = sqs_count(aws, dlq).visible > 0 ? "ALARM" : "OK";
    if (strcmp(alarm->state, state) != 0)
        cloudwatch_change(aws, alarm, state, NULL, NULL);
}

/* ---- the message ---- */

static struct fx_json *small_dimensions(struct fx_scope *sc, const struct fx_json *dimensions) {
    struct fx_json *list = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(dimensions); i++) {
        struct fx_json *one = fx_json_item(dimensions, i);

        fx_json_add(
            list, fx_json_object_of(sc, "value", fx_json_string(sc, aws_input_text(one, "Value")),
                                    "name", fx_json_string(sc, aws_input_text(one, "Name")), NULL));
    }
    return list;
}

static struct fx_json *small_metrics(struct fx_scope *sc, const struct fx_json *metrics) {
    struct fx_json *list = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(metrics); i++) {
        struct fx_json *one = fx_json_copy(sc, fx_json_item(metrics, i));
        struct fx_json *metric = fx_json_at_path(one, "MetricStat.Metric");

        if (metric != NULL)
            fx_json_put(metric, "Dimensions",
                        small_dimensions(sc, fx_json_at(metric, "Dimensions")));
        fx_json_add(list, one);
    }
    return list;
}

static struct fx_json *copy_of(struct fx_scope *sc, const struct fx_json *from, const char *key) {
    struct fx_json *value = fx_json_at(from, key);

    return value != NULL ? fx_json_copy(sc, value) : NULL;
}

static struct fx_json *trigger_of(struct fx_scope *sc, const struct fx_json *definition) {
    const char *statistic = fx_json_get_text(definition, "Statistic");
    const char *treat = fx_json_get_text(definition, "TreatMissingData");
    struct fx_json *metrics = fx_json_at(definition, "Metrics");
    struct fx_json *trigger = fx_json_object(sc);
    char *upper = fx_strdup(sc, statistic != NULL ? statistic : "");

    for (char *c = upper; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    if (metrics == NULL) {
        fx_json_put(trigger, "MetricName", copy_of(sc, definition, "MetricName"));
        fx_json_put(trigger, "Namespace", copy_of(sc, definition, "Namespace"));
        fx_json_put(trigger, "StatisticType",
                    fx_json_string(sc, statistic != NULL ? "Statistic" : "ExtendedStatistic"));
        fx_json_put(trigger, "Statistic", statistic != NULL ? fx_json_string(sc, upper) : NULL);
        fx_json_put(trigger, "ExtendedStatistic", copy_of(sc, definition, "ExtendedStatistic"));
        fx_json_put(trigger, "Unit", fx_json_null(sc));
        fx_json_put(trigger, "Dimensions",
                    small_dimensions(sc, fx_json_at(definition, "Dimensions")));
    }
    fx_json_put(trigger, "Period", copy_of(sc, definition, "Period"));
    fx_json_put(trigger, "EvaluationPeriods", copy_of(sc, definition, "EvaluationPeriods"));
    fx_json_put(trigger, "DatapointsToAlarm", copy_of(sc, definition, "DatapointsToAlarm"));
    fx_json_put(trigger, "ComparisonOperator", copy_of(sc, definition, "ComparisonOperator"));
    fx_json_put(trigger, "Threshold", copy_of(sc, definition, "Threshold"));
    fx_json_put(trigger, "ThresholdMetricId", copy_of(sc, definition, "ThresholdMetricId"));
    fx_json_put(trigger, "TreatMissingData", fx_json_string(sc, treat != NULL ? treat : ""));
    fx_json_put(trigger, "EvaluateLowSampleCountPercentile", fx_json_string(sc, ""));
    fx_json_put(trigger, "Metrics", metrics != NULL ? small_metrics(sc, metrics) : NULL);
    return trigger;
}

struct fx_json *cloudwatch_alarm_message(struct fx_scope *sc, const struct cloudwatch_alarm *alarm,
                                         const char *old_state) {
    const struct fx_json *definition = alarm->definition;
    struct fx_json *description = copy_of(sc, definition, "AlarmDescription");

    return fx_json_object_of(
        sc, "AlarmName", fx_json_string(sc, alarm->name), "AlarmDescription",
        description != NULL ? description : fx_json_null(sc), "AWSAccountId",
        fx_json_string(sc, AWS_ACCOUNT), "AlarmConfigurationUpdatedTimestamp",
        fx_json_string(sc, "2026-10-02T08:11:45.210+0000"), "NewStateValue",
        fx_json_string(sc, alarm->state), "NewStateReason", fx_json_string(sc, alarm->reason),
        "StateChangeTime", fx_json_string(sc, plus_time(sc, alarm->updated_ms)), "Region",
        fx_json_string(sc, "US East (N. Virginia)"), "AlarmArn", fx_json_string(sc, alarm->arn),
        "OldStateValue", fx_json_string(sc, old_state), "OKActions",
        copy_of(sc, definition, "OKActions"), "AlarmActions",
        copy_of(sc, definition, "AlarmActions"), "InsufficientDataActions",
        copy_of(sc, definition, "InsufficientDataActions"), "Trigger",
        alarm->composite ? NULL : trigger_of(sc, definition), "AlarmRule",
        copy_of(sc, definition, "AlarmRule"), "TriggeringChildren",
        alarm->composite ? fx_json_array(sc) : NULL, NULL);
}
