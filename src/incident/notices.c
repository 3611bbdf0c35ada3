/* notices.c - what RDS, Auto Scaling and Lambda send to a topic by themselves. */
#include "private.h"

#include <string.h>

/* "http://...USER_Events.html#RDS-EVENT-0049": the number after '#' is the event. */
static const char *rds_event_of(const char *id) {
    const char *hash = strrchr(id, '#');

    return hash ? hash + 1 : id;
}

/* "2026-11-21 09:02:11.417" in UTC. */
static const char *rds_time(struct fx_scope *sc, const char *text) {
    char *time = fx_printf(sc, "%sZ", text);
    char *blank = strchr(time, ' ');

    if (blank)
        *blank = 'T';
    return time;
}

bool incident_read_rds(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json;
    const char *source = incident_member(sc, json, "Event Source", INCIDENT_MAX_FIELD);
    const char *time = incident_member(sc, json, "Event Time", INCIDENT_MAX_FIELD);

    if (!*source || !fx_json_get_text(json, "Event Message"))
        return false;

    const char *id = incident_member(sc, json, "Source ID", INCIDENT_MAX_FIELD);
    const char *event = rds_event_of(incident_member(sc, json, "Event ID", INCIDENT_MAX_REASON));
    alarm->shape = FX_ALARM_RDS;
    alarm->arn = incident_member(sc, json, "Source ARN", INCIDENT_MAX_ARN);
    incident_take_place(sc, alarm, alarm->arn);
    alarm->name = incident_line(sc, fx_printf(sc, "RDS %s %s", source, id), INCIDENT_MAX_NAME);
    alarm->reason = incident_member(sc, json, "Event Message", INCIDENT_MAX_REASON);
    incident_take_time(rds_time(sc, time), message->sent_ms, &alarm->changed_ms);
    alarm->extra =
        fx_json_object_of(sc, "source", fx_json_string(sc, source), "id", fx_json_string(sc, id),
                          "event", fx_json_string(sc, event), NULL);
    return true;
}

bool incident_read_autoscaling(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json;
    const char *event = incident_member(sc, json, "Event", INCIDENT_MAX_FIELD);
    const char *group = incident_member(sc, json, "AutoScalingGroupName", INCIDENT_MAX_NAME);
    const char *account = incident_member(sc, json, "AccountId", INCIDENT_MAX_FIELD);
    const char *status = incident_member(sc, json, "StatusMessage", INCIDENT_MAX_REASON);

    if (strncmp(event, "autoscaling:", 12) != 0 || !*group)
        return false;
    alarm->shape = FX_ALARM_AUTOSCALING;
    alarm->arn = incident_member(sc, json, "AutoScalingGroupARN", INCIDENT_MAX_ARN);
    incident_take_place(sc, alarm, alarm->arn);
    if (*account)
        alarm->account = account;
    alarm->name = incident_line(sc, fx_printf(sc, "%s: %s", group, event + 12), INCIDENT_MAX_NAME);
    alarm->reason = *status ? status : incident_member(sc, json, "Cause", INCIDENT_MAX_REASON);
    alarm->description = incident_member(sc, json, "Description", INCIDENT_MAX_REASON);
    incident_take_time(fx_json_get_text(json, "Time"), message->sent_ms, &alarm->changed_ms);
    alarm->extra = fx_json_object_of(
        sc, "group", fx_json_string(sc, group), "event", fx_json_string(sc, event), "instance",
        fx_json_string(sc, incident_member(sc, json, "EC2InstanceId", INCIDENT_MAX_FIELD)),
        "status", fx_json_string(sc, incident_member(sc, json, "StatusCode", INCIDENT_MAX_FIELD)),
        NULL);
    return true;
}

/* "arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER" */
static const char *function_name_of(struct fx_scope *sc, const char *arn) {
    const char *name = incident_arn_part(sc, arn, 6);

    return *name ? name : arn;
}

/* The payloads are the function's own business data and are not shown; the error text is. */
bool incident_read_lambda_destination(const struct incident_message *message,
                                      struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json;
    const struct fx_json *context = fx_json_at(json, "requestContext");
    const struct fx_json *answer = fx_json_at(json, "responsePayload");
    const char *arn = incident_member(sc, context, "functionArn", INCIDENT_MAX_ARN);
    const char *condition = incident_member(sc, context, "condition", INCIDENT_MAX_FIELD);
    const char *words = incident_member(sc, answer, "errorMessage", INCIDENT_MAX_REASON);

    if (!*arn || !*condition)
        return false;
    alarm->shape = FX_ALARM_LAMBDA_DESTINATION;
    alarm->arn = arn;
    incident_take_place(sc, alarm, arn);
    alarm->name =
        incident_line(sc, fx_printf(sc, "Lambda %s", function_name_of(sc, arn)), INCIDENT_MAX_NAME);
    alarm->reason = incident_line(
        sc, *words ? fx_printf(sc, "%s: %s", condition, words) : condition, INCIDENT_MAX_REASON);
    incident_take_time(fx_json_get_text(json, "timestamp"), message->sent_ms, &alarm->changed_ms);
    alarm->extra = fx_json_object_of(
        sc, "condition", fx_json_string(sc, condition), "request",
        fx_json_string(sc, incident_member(sc, context, "requestId", INCIDENT_MAX_FIELD)),
        "attempts", fx_json_int(sc, fx_json_get_int(context, "approximateInvokeCount", 0)), "error",
        fx_json_string(sc, incident_member(sc, answer, "errorType", INCIDENT_MAX_FIELD)), NULL);
    return true;
}
