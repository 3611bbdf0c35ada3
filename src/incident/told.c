/* told.c - which ALARMs of one alarm were told. */
#include "private.h"

#include <string.h>

bool incident_is_told(const struct fx_incident_facts *facts, int64_t began_ms, int64_t apart_ms) {
    if (!facts->exists || facts->alarmed_ms == 0)
        return false;
    if (began_ms <= (facts->told_count > 0 ? facts->told_ms[0] : facts->alarmed_ms) + apart_ms)
        return true;
    for (size_t i = 0; i < facts->told_count; i++)
        if (began_ms - facts->told_ms[i] <= apart_ms && facts->told_ms[i] - began_ms <= apart_ms)
            return true;
    return false;
}

void fx_incident_note_told(struct fx_incident_facts *facts, int64_t began_ms) {
    int64_t *told_ms = facts->told_ms;

    if (facts->told_count == 0) /* before the very first one nothing is known to be told: 0 */
        told_ms[facts->told_count++] = facts->alarmed_ms;
    if (facts->told_count == FX_INCIDENT_TOLD_KEPT)
        memmove(told_ms, told_ms + 1, --facts->told_count * sizeof *told_ms);
    size_t at = facts->told_count++;

    for (; at > 0 && told_ms[at - 1] > began_ms; at--)
        told_ms[at] = told_ms[at - 1];
    told_ms[at] = began_ms;
    if (began_ms > facts->alarmed_ms)
        facts->alarmed_ms = began_ms;
}
