/* fuzz_alarm.c - can a message on an alarm topic hurt the reader, or leave an alarm without a name?
 */
#include "fluxabot/incident.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_sound(const char *text) {
    if (!text || !fx_slice_is_utf8(fx_slice_of(text)) || strlen(text) > 8192)
        abort();
}

/* The first line serves as the subject as well. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fx_scope *sc = fx_scope_new(NULL);
    char *message = fx_slice_dup(sc, (struct fx_slice){(const char *)data, size});
    struct fx_incident_facts facts = {.exists = size % 2, .open = size % 3 == 0};
    struct fx_alarm *alarm = NULL;
    struct fx_error err = {0};

    if (fx_alarm_read(sc, message, size % 5 ? NULL : message, "arn:aws:sns:us-east-1:1:t",
                      INT64_C(1795252504123), &alarm, &err) != FX_OK)
        abort();
    const char *const texts[] = {
        alarm->name,        alarm->arn,       alarm->key,         alarm->account,
        alarm->region,      alarm->reason,    alarm->description, alarm->metric_namespace,
        alarm->metric_name, alarm->statistic, alarm->comparison};
    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        must_be_sound(texts[i]);
    if (!*alarm->name || !*alarm->key || fx_incident_decide(alarm, &facts) > FX_INCIDENT_IGNORES)
        abort();
    fx_scope_free(sc);
    return 0;
}
