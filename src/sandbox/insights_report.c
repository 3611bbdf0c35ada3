/* insights_report.c - the fields that Logs Insights discovers in the lines of Lambda's platform. */
#include "insights.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_OF_A_MEGABYTE = 1000000 };

static const struct {
    const char *label, *field;
    double scale;
} parts[] = {
    {"Duration: ", "@duration", 1},
    {"Billed Duration: ", "@billedDuration", 1},
    {"Memory Size: ", "@memorySize", BYTES_OF_A_MEGABYTE},
    {"Max Memory Used: ", "@maxMemoryUsed", BYTES_OF_A_MEGABYTE},
    {"Init Duration: ", "@initDuration", 1},
};

/* "Duration: 84.12 ms" */
static void add_part(struct fx_scope *sc, struct fx_json *record, struct fx_slice part) {
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        size_t len = strlen(parts[i].label);

        if (part.len <= len || memcmp(part.ptr, parts[i].label, len) != 0)
            continue;
        double number = strtod(fx_slice_dup(sc, fx_slice_cut(part, len, part.len - len)), NULL);
        fx_json_put(record, parts[i].field, fx_json_real(sc, number * parts[i].scale));
    }
}

void insights_discover(struct fx_scope *sc, struct fx_json *record, const char *message) {
    static const char *const types[] = {"START", "END", "REPORT"};
    struct fx_slice rest = fx_slice_of(message), part;

    for (size_t i = 0; i < FX_COUNT_OF(types); i++) {
        const char *head = fx_printf(sc, "%s RequestId: ", types[i]);

        if (strncmp(message, head, strlen(head)) != 0)
            continue;
        fx_json_put(record, "@type", fx_json_string(sc, types[i]));
        const char *id = message + strlen(head);
        fx_json_put(record, "@requestId",
                    fx_json_slice(sc, (struct fx_slice){id, strcspn(id, " \t\n")}));
        while (rest.len > 0) {
            fx_slice_split(rest, '\t', &part, &rest);
            add_part(sc, record, part);
        }
    }
}
