/* events.c - EventBridge events that are no alarm's state change: ECS, Health, CodePipeline, any.
 */
#include "private.h"

#include <string.h>

/* Where a source keeps what a person wants to read first; paths into detail, first found wins. */
struct event_words {
    const char *source;
    const char *names[3], *reasons[3];
};
static const struct event_words event_words[] = {
    {"aws.health",
     {"eventTypeCode"},
     {"eventDescription.0.latestDescription", "statusCode", "eventTypeCategory"}},
    {"aws.ecs", {"eventName", "serviceName", "group"}, {"reason", "stoppedReason", "lastStatus"}},
    {"aws.codepipeline", {"pipeline"}, {"execution-result.external-execution-summary", "state"}},
    {"", {"name", "alarmName"}, {"reason", "message", "state"}},
};

static const struct event_words *words_of(const char *source) {
    size_t last = FX_COUNT_OF(event_words) - 1;

    for (size_t i = 0; i < last; i++)
        if (strcmp(source, event_words[i].source) == 0)
            return &event_words[i];
    return &event_words[last];
}

static const char *first_of(struct fx_scope *sc, const struct fx_json *detail,
                            const char *const paths[3], size_t max) {
    for (size_t i = 0; i < 3 && paths[i]; i++) {
        const char *text = incident_line(sc, fx_json_text(fx_json_at_path(detail, paths[i])), max);

        if (*text)
            return text;
    }
    return "";
}

/* Health's region is of the account that gets the event; the trouble is in detail.eventRegion. */
static void read_place(struct fx_scope *sc, const struct fx_json *json, struct fx_alarm *alarm) {
    const struct fx_json *detail = fx_json_at(json, "detail");
    const char *account = incident_member(sc, json, "account", INCIDENT_MAX_FIELD);
    const char *region = incident_member(sc, json, "region", INCIDENT_MAX_FIELD);
    const char *event_region = incident_member(sc, detail, "eventRegion", INCIDENT_MAX_FIELD);
    const char *event_arn = incident_member(sc, detail, "eventArn", INCIDENT_MAX_ARN);
    const char *resource = fx_json_text(fx_json_item(fx_json_at(json, "resources"), 0));

    if (*account)
        alarm->account = account;
    if (*region)
        alarm->region = region;
    if (*event_region)
        alarm->region = event_region;
    alarm->arn = *event_arn ? event_arn : incident_line(sc, resource, INCIDENT_MAX_ARN);
}

/* CodeStar notification rules write detailType where EventBridge writes detail-type. */
bool incident_read_eventbridge(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    const struct fx_json *json = message->json, *detail = fx_json_at(json, "detail");
    const char *type = incident_member(sc, json, "detail-type", INCIDENT_MAX_FIELD);
    const char *source = incident_member(sc, json, "source", INCIDENT_MAX_FIELD);

    if (!*type)
        type = incident_member(sc, json, "detailType", INCIDENT_MAX_FIELD);
    if (!*type || fx_json_type(detail) != FX_JSON_OBJECT)
        return false;

    const struct event_words *words = words_of(source);
    const char *name = first_of(sc, detail, words->names, INCIDENT_MAX_NAME);

    alarm->shape = FX_ALARM_EVENTBRIDGE;
    read_place(sc, json, alarm);
    if (!*name)
        name = incident_last_part(alarm->arn);
    alarm->name =
        incident_line(sc, *name ? fx_printf(sc, "%s: %s", type, name) : type, INCIDENT_MAX_NAME);
    alarm->reason = first_of(sc, detail, words->reasons, INCIDENT_MAX_REASON);
    incident_take_time(fx_json_get_text(json, "time"), message->sent_ms, &alarm->changed_ms);
    alarm->extra = detail;
    return true;
}
