/* missed.c - of what CloudWatch knows of an alarm, what nobody was told. */
#include "private.h"

size_t fx_incident_missed(const struct fx_incident_past *past,
                          const struct fx_incident_facts *facts, int64_t now_ms,
                          struct fx_alarm_change *ret_changes) {
    bool open = facts->exists && facts->open, began = false; /* by an ALARM that was missed */
    size_t count = 0;

    for (size_t i = 0; i < past->count; i++) {
        const struct fx_alarm_change *change = &past->changes[i];
        bool young = change->at_ms > now_ms - FX_INCIDENT_GRACE_MS;

        if (change->state == FX_ALARM_STATE_ALARM) {
            if (young || !past->notifies ||
                incident_is_told(facts, change->at_ms, FX_INCIDENT_SAME_CHANGE_MS))
                continue;
            if (change->at_ms > facts->alarmed_ms) /* otherwise a newer one was told */
                open = began = true;
        } else if (change->state == FX_ALARM_STATE_OK) {
            /* an OK may be told right now; but without it the alarm before it would page people for
             * what is over */
            if (!open || (!began && (young || change->at_ms < facts->changed_ms)))
                continue;
            open = began = false;
        } else {
            continue;
        }
        ret_changes[count++] = *change;
    }
    return count;
}
