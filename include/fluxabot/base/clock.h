/* clock.h - time and chance as parameters, so that tests own both.
 *
 * Wall time is for signatures, rows and people; monotonic time is for deadlines. A decision reads
 * the clock once and passes the number on. All calls may come from any thread.
 */
#pragma once

#include "fluxabot/base/scope.h"

struct fx_clock {
    int64_t (*wall_ms)(struct fx_clock *clock); /* milliseconds since 1970-01-01 UTC */
    int64_t (*mono_ms)(struct fx_clock *clock); /* milliseconds since some start, never back */
};

/* The machine's clocks: CLOCK_REALTIME and CLOCK_BOOTTIME. Static, needs no release. */
struct fx_clock *fx_clock_system(void);

static inline int64_t fx_wall_ms(struct fx_clock *clock) {
    return clock->wall_ms(clock);
}
static inline int64_t fx_mono_ms(struct fx_clock *clock) {
    return clock->mono_ms(clock);
}

/* Waits between two looks at something outside; ends early when the scope is cancelled or out of
 * time. */
void fx_pause(struct fx_scope *sc, struct fx_clock *clock, int64_t ms);

/* "2026-11-21T09:15:04Z" and "2026-11-21T09:15:04.123Z". */
char *fx_time_iso(struct fx_scope *sc, int64_t wall_ms);
char *fx_time_iso_ms(struct fx_scope *sc, int64_t wall_ms);
/* Reads the forms AWS and PostgreSQL write: Z, +00, +0000 or +00:00, with or without a fraction. */
enum fx_code fx_time_parse(struct fx_slice text, int64_t *ret_wall_ms, struct fx_error *err);
/* "3 s", "12 min", "2 h 5 min", "4 d 3 h": what a person wants to read. Negative counts as 0. */
char *fx_duration(struct fx_scope *sc, int64_t ms);

/* Secrets, nonces and ids come from here; a test's source counts 1, 2, 3. */
struct fx_random {
    void (*fill)(struct fx_random *random, void *bytes, size_t len);
};
struct fx_random *fx_random_system(void);
