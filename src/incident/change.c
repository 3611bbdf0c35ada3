/* change.c - a CloudWatch alarm's state change as EventBridge and Lambda tell it. */
#include "private.h"

#include <string.h>

/* reasonData is JSON inside a string, and the only place here that tells the threshold or a
 * composite's children. */
static const struct fx_json *reason_data(struct fx_scope *sc, const struct fx_json *change) {
    const struct fx_json *text = fx_json_at_path(change, "state.reasonData");
    struct fx_error ignored = {0};
    struct fx_json *json = NULL;

    if (!fx_json_text(text) ||
        fx_json_parse(sc, fx_json_text_slice(text), &json, &ignored) != FX_OK)
        return NULL;
    return json;
}

const struct fx_json *incident_children(struct fx_scope *sc, const struct fx_json *reason) {
    const struct fx_json *list = fx_json_at(reason, "triggeringAlarms");
    struct fx_json *names = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(list) && i < INCIDENT_MAX_CHILDREN; i++) {
        const struct fx_json *child = fx_json_item(list, i);
        const char *arn = fx_json_get_text(child, "arn");
        const char *state = fx_json_text(fx_json_at_path(child, "state.value"));
        const char *name = arn ? incident_alarm_name_of(sc, arn) : "";

        if (*name && incident_state_of(state) == FX_ALARM_STATE_ALARM)
            fx_json_add(names, fx_json_string(sc, name));
    }
    return names;
}

/* change is detail of EventBridge, or alarmData of a direct call: the two are alike. */
static void read_change(const struct incident_message *message, const struct fx_json *change,
                        const char *arn, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *configuration = fx_json_at(change, "configuration");
    const struct fx_json *state = fx_json_at(change, "state");
    const struct fx_json *reason = reason_data(sc, change);

    alarm->arn = incident_line(sc, arn, INCIDENT_MAX_ARN);
    incident_take_place(sc, alarm, alarm->arn);
    alarm->name = incident_member(sc, change, "alarmName", INCIDENT_MAX_NAME);
    if (!*alarm->name)
        alarm->name = incident_alarm_name_of(sc, alarm->arn);
    alarm->state = incident_state_of(fx_json_get_text(state, "value"));
    alarm->reason = incident_member(sc, state, "reason", INCIDENT_MAX_REASON);
    alarm->description = incident_member(sc, configuration, "description", INCIDENT_MAX_REASON);
    incident_take_time(fx_json_get_text(state, "timestamp"), message->sent_ms, &alarm->changed_ms);
    incident_take_metrics(sc, fx_json_at(configuration, "metrics"), alarm);
    incident_take_threshold(fx_json_at(reason, "threshold"), alarm);
    if (fx_json_get_text(configuration, "alarmRule"))
        alarm->children = incident_children(sc, reason);
}

static const char *alarm_among(const struct fx_json *resources) {
    for (size_t i = 0; i < fx_json_count(resources); i++) {
        const char *arn = fx_json_text(fx_json_item(resources, i));

        if (arn && strstr(arn, ":alarm:"))
            return arn;
    }
    return "";
}

bool incident_read_eventbridge_alarm(const struct incident_message *message,
                                     struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json;
    const char *type = fx_json_get_text(json, "detail-type");
    const char *account = incident_member(sc, json, "account", INCIDENT_MAX_FIELD);
    const char *region = incident_member(sc, json, "region", INCIDENT_MAX_FIELD);

    if (!type || strcmp(type, "CloudWatch Alarm State Change") != 0 ||
        fx_json_type(fx_json_at_path(json, "detail.state")) != FX_JSON_OBJECT)
        return false;
    alarm->shape = FX_ALARM_EVENTBRIDGE_ALARM;
    if (*account)
        alarm->account = account;
    if (*region)
        alarm->region = region;
    incident_take_time(fx_json_get_text(json, "time"), message->sent_ms, &alarm->changed_ms);
    read_change(message, fx_json_at(json, "detail"), alarm_among(fx_json_at(json, "resources")),
                alarm);
    return true;
}

bool incident_read_lambda_direct(const struct incident_message *message, struct fx_alarm *alarm) {
    const struct fx_json *json = message->json;
    const struct fx_json *change = fx_json_at(json, "alarmData");

    if (fx_json_type(change) != FX_JSON_OBJECT || !fx_json_get_text(json, "alarmArn"))
        return false;
    alarm->shape = FX_ALARM_LAMBDA_DIRECT;
    incident_take_time(fx_json_get_text(json, "time"), message->sent_ms, &alarm->changed_ms);
    read_change(message, change, fx_json_get_text(json, "alarmArn"), alarm);
    return true;
}
