/* read.c - finds out which shape a message has and lets that shape's reader fill the alarm. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

const char *fx_alarm_shape_name(enum fx_alarm_shape shape) {
    static const char *const names[] = {
        [FX_ALARM_METRIC] = "metric",
        [FX_ALARM_MATH] = "math",
        [FX_ALARM_ANOMALY] = "anomaly",
        [FX_ALARM_COMPOSITE] = "composite",
        [FX_ALARM_EVENTBRIDGE_ALARM] = "eventbridge_alarm",
        [FX_ALARM_EVENTBRIDGE] = "eventbridge",
        [FX_ALARM_LAMBDA_DIRECT] = "lambda_direct",
        [FX_ALARM_RDS] = "rds",
        [FX_ALARM_AUTOSCALING] = "autoscaling",
        [FX_ALARM_LAMBDA_DESTINATION] = "lambda_destination",
        [FX_ALARM_BUDGET] = "budget",
        [FX_ALARM_JSON] = "json",
        [FX_ALARM_TEXT] = "text",
    };

    return (size_t)shape < FX_COUNT_OF(names) ? names[shape] : "unknown";
}

/* From the most particular to what takes anything; the first that recognises the message has it. */
static incident_read_fn *const readers[] = {
    incident_read_cloudwatch,
    incident_read_eventbridge_alarm,
    incident_read_eventbridge,
    incident_read_lambda_direct,
    incident_read_rds,
    incident_read_autoscaling,
    incident_read_lambda_destination,
    incident_read_budget,
    incident_read_json,
    incident_read_text,
};

static const struct fx_json *object_in(struct fx_scope *sc, struct fx_slice text) {
    struct fx_error ignored = {0};
    struct fx_json *json = NULL;

    if (fx_json_parse(sc, text, &json, &ignored) != FX_OK || fx_json_type(json) != FX_JSON_OBJECT)
        return NULL;
    return json;
}

/* {"default": "...", "sms": "..."} is what MessageStructure=json wants; published without that
 * attribute it arrives whole, and what was meant is the text inside. */
static bool is_message_structure(const struct fx_json *json) {
    struct fx_json *value;
    const char *key;
    void *cursor = NULL;

    if (!fx_json_get_text(json, "default"))
        return false;
    while (fx_json_next(json, &cursor, &key, &value))
        if (!fx_json_text(value))
            return false;
    return true;
}

/* Always set: two tellings of one alarm must meet, two alarms must not. */
static const char *key_of(struct fx_scope *sc, const struct fx_alarm *alarm,
                          const char *topic_arn) {
    if (*alarm->arn && strlen(alarm->arn) <= INCIDENT_MAX_ARN)
        return alarm->arn;

    const char *source = *alarm->arn ? alarm->arn
                                     : fx_printf(sc, "%s\n%s\n%s\n%s", topic_arn, alarm->account,
                                                 alarm->region, alarm->name);
    return fx_printf(sc, "%s:%s", fx_alarm_shape_name(alarm->shape),
                     fx_sha256_hex(sc, fx_slice_of(source)));
}

struct fx_alarm *incident_blank(struct fx_scope *sc) {
    struct fx_alarm *alarm = FX_NEW(sc, struct fx_alarm);

    alarm->state = FX_ALARM_STATE_NOTE;
    alarm->name = alarm->arn = alarm->key = alarm->account = alarm->region = "";
    alarm->reason = alarm->description = "";
    alarm->metric_namespace = alarm->metric_name = alarm->statistic = alarm->comparison = "";
    return alarm;
}

static struct fx_alarm *blank_alarm(struct fx_scope *sc, const struct incident_message *message) {
    struct fx_alarm *alarm = incident_blank(sc);

    alarm->changed_ms = message->sent_ms;
    incident_take_place(sc, alarm, message->topic_arn);
    return alarm;
}

/* Bytes that are no UTF-8 must not travel on; JSON strings replace them. */
static struct fx_slice readable(struct fx_scope *sc, const char *text) {
    struct fx_slice s = fx_slice_of(text);

    return fx_slice_is_utf8(s) ? s : fx_json_text_slice(fx_json_slice(sc, s));
}

enum fx_code fx_alarm_read(struct fx_scope *sc, const char *text, const char *subject,
                           const char *topic_arn, int64_t sent_ms, struct fx_alarm **ret_alarm,
                           struct fx_error *err) {
    struct incident_message message = {
        .sc = sc,
        .text = readable(sc, text),
        .topic_arn = topic_arn ? topic_arn : "",
        .sent_ms = sent_ms,
    };

    (void)err;
    message.subject = incident_line(sc, fx_slice_dup(sc, readable(sc, subject)), INCIDENT_MAX_NAME);
    message.json = object_in(sc, message.text);
    if (is_message_structure(message.json)) {
        message.text = fx_json_text_slice(fx_json_at(message.json, "default"));
        message.json = object_in(sc, message.text);
    }

    struct fx_alarm *alarm = blank_alarm(sc, &message);
    for (size_t i = 0; i < FX_COUNT_OF(readers); i++)
        if (readers[i](&message, alarm))
            break;
    if (!*alarm->name)
        alarm->name = *message.subject ? message.subject : "Alarm without a name";
    alarm->key = key_of(sc, alarm, message.topic_arn);
    *ret_alarm = alarm;
    return FX_OK;
}
