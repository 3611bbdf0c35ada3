/* log.h - one JSON line per event, on one stream, redacted.
 *
 * The line carries time, level, event name, the scope's log id and typed fields. Control bytes are
 * escaped, so an event is always exactly one line. Strings pass the redactor; there is no way to
 * print a secret type. Any thread may log.
 */
#pragma once

#include "fluxabot/base/clock.h"

#include <stdio.h>

enum fx_log_level { FX_LOG_DEBUG, FX_LOG_INFO, FX_LOG_WARN, FX_LOG_ERROR };

enum { FX_LOG_LINE_MAX_BYTES = 8192 };

/* stream stays the caller's. Free with fx_log_free after the last scope that carries it. */
struct fx_log *fx_log_new(FILE *stream, enum fx_log_level least, struct fx_clock *clock);
void fx_log_free(struct fx_log *log);

struct fx_log_field {
    const char *name;
    char kind; /* 's' text, 'i' integer, 'b' bool, 'e' error, 0 ends the list */
    const char *text;
    int64_t number;
    const struct fx_error *error;
};

#define FX_S(n, v) ((struct fx_log_field){.name = (n), .kind = 's', .text = (v)})
#define FX_I(n, v) ((struct fx_log_field){.name = (n), .kind = 'i', .number = (int64_t)(v)})
#define FX_B(n, v) ((struct fx_log_field){.name = (n), .kind = 'b', .number = (v)})
#define FX_E(e) ((struct fx_log_field){.name = "error", .kind = 'e', .error = (e)})

void fx_log_write(struct fx_scope *sc, enum fx_log_level level, const char *event,
                  const struct fx_log_field *fields);
/* fx_log(sc, FX_LOG_WARN, "job.retry", FX_S("kind", kind), FX_I("attempt", 2), FX_E(&err)); */
#define fx_log(sc, level, event, ...)                                                              \
    fx_log_write((sc), (level), (event),                                                           \
                 (const struct fx_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = 0}})
