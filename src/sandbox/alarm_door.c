/* alarm_door.c - POST /sandbox/alarm: CloudWatch changes a state, or somebody publishes a message.
 *
 * "age_ms": the state changed that long ago. "deliver": false: the notification gets lost on its
 * way, and nobody will send it again.
 */
#include "aws.h"

#include <string.h>

enum { SUBJECT_MAX = 99 };

static bool is_state(const char *state) {
    return state != NULL && (strcmp(state, "ALARM") == 0 || strcmp(state, "OK") == 0 ||
                             strcmp(state, "INSUFFICIENT_DATA") == 0);
}

static struct fx_json *dimensions_of(struct fx_scope *sc, const struct fx_json *body) {
    struct fx_json *list = fx_json_array(sc);
    void *cursor = NULL;
    const char *name;
    struct fx_json *value;

    while (fx_json_next(fx_json_at(body, "dimensions"), &cursor, &name, &value))
        fx_json_add(list,
                    fx_json_object_of(sc, "Name", fx_json_string(sc, name), "Value", value, NULL));
    return list;
}

/* An alarm nobody announced: what the body says about it, the rest by default. */
static struct cloudwatch_alarm *invent_alarm(struct sandbox_request *req, const char *name,
                                             const struct fx_json *body) {
    struct fx_scope *sc = req->sc;
    struct fx_json *definition = fx_json_at(body, "definition");
    const char *space = fx_json_get_text(body, "namespace");
    const char *metric = fx_json_get_text(body, "metric");
    const char *statistic = fx_json_get_text(body, "statistic");
    const char *description = fx_json_get_text(body, "description");
    const char *topic = fx_json_get_text(body, "topic");

    if (definition != NULL)
        return cloudwatch_alarm_new(req->sb->aws, name, definition);
    definition = fx_json_object_of(
        sc, "AlarmDescription", fx_json_string(sc, description), "AlarmActions",
        topic != NULL ? fx_json_array_of(sc, fx_json_string(sc, topic), NULL) : NULL, "MetricName",
        fx_json_string(sc, metric != NULL ? metric : "Errors"), "Namespace",
        fx_json_string(sc, space != NULL ? space : "AWS/Lambda"), "Statistic",
        fx_json_string(sc, statistic != NULL ? statistic : "Sum"), "Dimensions",
        dimensions_of(sc, body), "Period", fx_json_int(sc, fx_json_get_int(body, "period", 300)),
        "EvaluationPeriods", fx_json_int(sc, 1), "Threshold",
        fx_json_real(sc, fx_json_get_real(body, "threshold", 0)), "ComparisonOperator",
        fx_json_string(sc, "GreaterThanThreshold"), NULL);
    return cloudwatch_alarm_new(req->sb->aws, name, definition);
}

static const char *subject_of(struct fx_scope *sc, const char *name, const char *state) {
    const char *subject = fx_printf(sc, "%s: \"%s\" in US East (N. Virginia)", state, name);
    struct fx_slice slice = fx_slice_of(subject);

    return fx_slice_dup(sc, fx_slice_cut(slice, 0, fx_slice_utf8_prefix(slice, SUBJECT_MAX)));
}

/* What CloudWatch sends when the alarm goes to state; NULL after an answer was given. */
static const char *alarm_message(struct sandbox_request *req, struct sandbox_reply *reply,
                                 const struct fx_json *body, const char **ret_subject) {
    const char *name = fx_json_get_text(body, "name"), *state = fx_json_get_text(body, "state");
    struct cloudwatch_alarm *alarm;
    const char *old_state;

    if (name == NULL || name[0] == '\0' || !is_state(state)) {
        sandbox_reply_error(req, reply, 400,
                            "an alarm needs a name and a state: ALARM, OK or INSUFFICIENT_DATA; "
                            "or a message of its own");
        return NULL;
    }
    alarm = cloudwatch_find(req->sb->aws, name);
    if (alarm == NULL)
        alarm = invent_alarm(req, name, body);
    if (alarm == NULL) {
        sandbox_reply_error(req, reply, 409, "the world holds no more alarms");
        return NULL;
    }
    old_state = fx_strdup(req->sc, alarm->state);
    if (strcmp(old_state, state) == 0) /* a notification is always about a change */
        old_state = strcmp(state, "OK") == 0 ? "ALARM" : "OK";
    cloudwatch_set_state_at(req->sb->aws, alarm, state, fx_json_get_text(body, "reason"), NULL,
                            fx_wall_ms(req->sb->clock) - fx_json_get_int(body, "age_ms", 0));
    *ret_subject = subject_of(req->sc, name, state);
    return fx_json_dump(req->sc, cloudwatch_alarm_message(req->sc, alarm, old_state));
}

static const char *topic_of(struct fx_scope *sc, const struct fx_json *body) {
    const char *topic = fx_json_get_text(body, "topic");

    if (topic == NULL)
        return AWS_ALARM_TOPIC;
    if (strncmp(topic, "arn:", 4) == 0)
        return topic;
    return fx_printf(sc, "arn:aws:sns:" AWS_REGION ":" AWS_ACCOUNT ":%s", topic);
}

static const char *text_or(const struct fx_json *body, const char *key, const char *fallback) {
    const char *text = fx_json_get_text(body, key);

    return text != NULL ? text : fallback;
}

void sandbox_door_alarm(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct sandbox_aws *aws = req->sb->aws;
    struct fx_scope *sc = req->sc;
    struct fx_json *body = sandbox_body(req, reply), *given = fx_json_at(body, "message");
    const char *subject = NULL, *message, *problem = NULL;

    if (body == NULL)
        return;
    if (aws->sns.pending_confirmation) {
        sandbox_reply_error(req, reply, 409,
                            "the subscription is not confirmed yet; SNS sends "
                            "nothing before that");
        return;
    }
    if (given == NULL)
        message = alarm_message(req, reply, body, &subject);
    else if (fx_json_type(given) == FX_JSON_STRING)
        message = fx_json_text(given);
    else
        message = fx_json_dump(sc, given);
    if (message == NULL)
        return;

    const struct sns_envelope envelope = {
        .type = "Notification",
        .message_id = text_or(body, "message_id", sns_message_id(sc)),
        .topic_arn = topic_of(sc, body),
        .subject = text_or(body, "subject", subject),
        .message = message,
        .timestamp = text_or(body, "timestamp", fx_time_iso_ms(sc, fx_wall_ms(req->sb->clock))),
        .version = text_or(body, "signature_version", aws->sns.version),
    };
    bool deliver = fx_json_get_bool(body, "deliver", true);
    int status = deliver ? sns_deliver_now(aws, sc, &envelope, &problem) : 0;

    aws->sns.lost += !deliver;
    sandbox_reply_json(req, reply, 200,
                       fx_json_object_of(sc, "message_id", fx_json_string(sc, envelope.message_id),
                                         "status", fx_json_int(sc, status), "error",
                                         problem != NULL ? fx_json_string(sc, problem) : NULL,
                                         NULL));
}
