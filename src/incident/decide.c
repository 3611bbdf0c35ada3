/* decide.c - which open incident an alarm belongs to, and what changes. */
#include "private.h"

bool fx_incident_knows(const struct fx_alarm *alarm, const struct fx_incident_facts *facts) {
    int64_t most_ms = alarm->asked || facts->asked ? FX_INCIDENT_SAME_CHANGE_MS : 0;
    int64_t apart_ms = alarm->changed_ms - facts->alarmed_ms;

    return facts->exists && facts->alarmed_ms > 0 && alarm->state == FX_ALARM_STATE_ALARM &&
           apart_ms <= most_ms && apart_ms >= -most_ms;
}

/* Where it is only told that it was, a time that is a little off must not make one change two. */
bool fx_incident_overtaken(const struct fx_alarm *alarm, const struct fx_incident_facts *facts) {
    return alarm->state == FX_ALARM_STATE_ALARM && alarm->changed_ms < facts->alarmed_ms &&
           !incident_is_told(facts, alarm->changed_ms, FX_INCIDENT_SAME_CHANGE_MS);
}

static enum fx_incident_change decide_alarm(const struct fx_alarm *alarm,
                                            const struct fx_incident_facts *facts) {
    if (!facts->exists)
        return FX_INCIDENT_OPENS;
    /* The same change told twice: SNS delivers at least once, and EventBridge may tell it too. */
    if (alarm->changed_ms == facts->changed_ms || fx_incident_knows(alarm, facts))
        return FX_INCIDENT_IGNORES;
    if (facts->open)
        return FX_INCIDENT_REPEATS;
    if (alarm->changed_ms - facts->closed_ms <= FX_INCIDENT_REOPEN_WITHIN_MS)
        return FX_INCIDENT_REOPENS;
    return FX_INCIDENT_OPENS;
}

/* Order is that of the state changes, never that of arrival: SNS promises none. */
enum fx_incident_change fx_incident_decide(const struct fx_alarm *alarm,
                                           const struct fx_incident_facts *facts) {
    if (alarm->state == FX_ALARM_STATE_NOTE)
        return FX_INCIDENT_NOTES;
    /* Missing data says nothing about the trouble: it neither begins nor ends. */
    if (alarm->state == FX_ALARM_STATE_INSUFFICIENT)
        return FX_INCIDENT_IGNORES;
    if (facts->exists && alarm->changed_ms < facts->changed_ms)
        return FX_INCIDENT_IGNORES;
    if (alarm->state == FX_ALARM_STATE_ALARM)
        return decide_alarm(alarm, facts);
    return facts->exists && facts->open ? FX_INCIDENT_CLOSES : FX_INCIDENT_IGNORES;
}
