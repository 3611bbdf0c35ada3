/* described.c - alarms and their changes as CloudWatch shows them when it is asked. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <string.h>

/* Answers of AWS carry times in seconds since 1970, with milliseconds as a fraction. */
static int64_t time_ms(const struct fx_json *object, const char *key) {
    return (int64_t)(fx_json_get_real(object, key, 0) * 1000 + 0.5);
}

static const char *text_of(const struct fx_json *object, const char *key) {
    const char *text = fx_json_get_text(object, key);

    return text ? text : "";
}

static const struct fx_json *object_in(struct fx_scope *sc, const char *text) {
    struct fx_error ignored = {0};
    struct fx_json *json = NULL;

    if (!*text || fx_json_parse(sc, fx_slice_of(text), &json, &ignored) != FX_OK)
        return NULL;
    return json;
}

/* StateUpdatedTimestamp moves with every new reason, StateTransitionedTimestamp only with the
 * state; not everything that speaks CloudWatch's language has the latter. */
static struct fx_alarm_change change_now(struct fx_scope *sc, const struct fx_json *described) {
    int64_t at_ms = time_ms(described, "StateTransitionedTimestamp");

    return (struct fx_alarm_change){
        .state = incident_state_of(fx_json_get_text(described, "StateValue")),
        .at_ms = at_ms > 0 ? at_ms : time_ms(described, "StateUpdatedTimestamp"),
        .reason = incident_member(sc, described, "StateReason", INCIDENT_MAX_REASON),
        .reason_data = text_of(described, "StateReasonData"),
    };
}

/* The data is cut at 4,095 characters and then no JSON any more; the summary is "Alarm updated from
 * OK to ALARM". */
static enum fx_alarm_state summary_state(const char *summary) {
    const char *from = strstr(summary, "updated from "), *to = from ? strstr(from, " to ") : NULL;

    return incident_state_of(to ? to + strlen(" to ") : NULL);
}

static struct fx_alarm_change change_then(struct fx_scope *sc, const struct fx_json *item) {
    const struct fx_json *state =
        fx_json_at(object_in(sc, text_of(item, "HistoryData")), "newState");
    const struct fx_json *data = fx_json_at(state, "stateReasonData");
    const char *value = fx_json_get_text(state, "stateValue");

    return (struct fx_alarm_change){
        .state = value ? incident_state_of(value) : summary_state(text_of(item, "HistorySummary")),
        .at_ms = time_ms(item, "Timestamp"),
        .reason = incident_member(sc, state, "stateReason", INCIDENT_MAX_REASON),
        .reason_data = fx_json_type(data) == FX_JSON_OBJECT ? fx_json_dump(sc, data) : "",
    };
}

static bool is_same(const struct fx_alarm_change *a, const struct fx_alarm_change *b) {
    int64_t apart_ms = a->at_ms - b->at_ms;

    return a->state == b->state && apart_ms <= FX_INCIDENT_SAME_CHANGE_MS &&
           apart_ms >= -FX_INCIDENT_SAME_CHANGE_MS;
}

/* The two calls are not one moment: the history may know more than the alarm showed. */
static size_t add_now(struct fx_alarm_change *changes, size_t count,
                      const struct fx_alarm_change *now) {
    size_t at = count;

    for (size_t i = 0; i < count; i++)
        if (is_same(&changes[i], now))
            return count;
    for (; at > 0 && changes[at - 1].at_ms > now->at_ms; at--)
        changes[at] = changes[at - 1];
    changes[at] = *now;
    return count + 1;
}

struct fx_alarm_change *fx_alarm_changes(struct fx_scope *sc, const struct fx_json *described,
                                         const struct fx_json *items, size_t *ret_count) {
    size_t known = *text_of(described, "ActionsSuppressor") ? 0 : fx_json_count(items), count = 0;
    struct fx_alarm_change *changes = fx_alloc(sc, (known + 1) * sizeof *changes);
    struct fx_alarm_change now = change_now(sc, described);

    for (size_t i = 0; i < known; i++) {
        changes[count] = change_then(sc, fx_json_item(items, i));
        count += changes[count].state != FX_ALARM_STATE_NOTE;
    }
    if (now.state != FX_ALARM_STATE_NOTE && now.at_ms > 0)
        count = add_now(changes, count, &now);
    *ret_count = count;
    return changes;
}

struct fx_alarm *fx_alarm_described(struct fx_scope *sc, const struct fx_json *described,
                                    const struct fx_alarm_change *change) {
    struct fx_alarm *alarm = incident_blank(sc);

    alarm->shape = FX_ALARM_METRIC;
    alarm->state = change->state;
    alarm->arn = incident_member(sc, described, "AlarmArn", INCIDENT_MAX_ARN);
    alarm->name = incident_member(sc, described, "AlarmName", INCIDENT_MAX_NAME);
    if (!*alarm->name)
        alarm->name = incident_alarm_name_of(sc, alarm->arn);
    alarm->key = alarm->arn;
    incident_take_place(sc, alarm, alarm->arn);
    alarm->reason = incident_line(sc, change->reason, INCIDENT_MAX_REASON);
    alarm->description = incident_member(sc, described, "AlarmDescription", INCIDENT_MAX_REASON);
    alarm->changed_ms = change->at_ms;
    alarm->asked = true;
    if (fx_json_get_text(described, "AlarmRule")) {
        alarm->shape = FX_ALARM_COMPOSITE;
        alarm->children = incident_children(sc, object_in(sc, change->reason_data));
    } else {
        incident_take_trigger(sc, described, alarm);
    }
    return alarm;
}

/* Actions may be switched off, and a composite's be held back by another alarm. */
bool fx_alarm_notifies(const struct fx_json *described, enum fx_alarm_state state,
                       const char *topic_arn) {
    const struct fx_json *actions =
        fx_json_at(described, state == FX_ALARM_STATE_ALARM ? "AlarmActions" : "OKActions");

    if (!fx_json_get_bool(described, "ActionsEnabled", true) ||
        *text_of(described, "ActionsSuppressedBy"))
        return false;
    for (size_t i = 0; i < fx_json_count(actions); i++) {
        const char *action = fx_json_text(fx_json_item(actions, i));

        if (action && strcmp(action, topic_arn) == 0)
            return true;
    }
    return false;
}
