/* clock.c - the machine's clocks and chance, and the ways people and AWS write time. */
#include "fluxabot/base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(struct fx_clock *clock) {
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

/* BOOTTIME counts while the machine sleeps, so a lease does not outlive a pause. */
static int64_t system_mono_ms(struct fx_clock *clock) {
    (void)clock;
    return read_clock(CLOCK_BOOTTIME);
}

struct fx_clock *fx_clock_system(void) {
    static const struct fx_clock clock = {system_wall_ms, system_mono_ms};

    return (struct fx_clock *)&clock; /* has no state to change */
}

void fx_pause(struct fx_scope *sc, struct fx_clock *clock, int64_t ms) {
    enum { SLICE_MS = 50 }; /* how late a cancellation may be seen */
    int64_t until = fx_mono_ms(clock) + ms, now = 0;
    struct fx_error ignored;

    while ((now = fx_mono_ms(clock)) < until && fx_scope_check(sc, now, &ignored) == FX_OK)
        poll(NULL, 0, (int)(until - now < SLICE_MS ? until - now : SLICE_MS));
}

/* Years 0000 to 9999 have four digits; what outsiders send beyond them stands at the edge. */
static struct tm calendar(int64_t wall_ms, int *ret_ms) {
    const int64_t first_ms = -62167219200000, last_ms = 253402300799999;

    wall_ms = wall_ms < first_ms ? first_ms : wall_ms > last_ms ? last_ms : wall_ms;
    int64_t ms = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm = {0};

    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    gmtime_r(&seconds, &tm);
    *ret_ms = (int)ms;
    return tm;
}

char *fx_time_iso(struct fx_scope *sc, int64_t wall_ms) {
    int ms = 0;
    struct tm tm = calendar(wall_ms, &ms);

    return fx_printf(sc, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

char *fx_time_iso_ms(struct fx_scope *sc, int64_t wall_ms) {
    int ms = 0;
    struct tm tm = calendar(wall_ms, &ms);

    return fx_printf(sc, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

/* Exactly count digits at *at. */
static bool take_digits(struct fx_slice s, size_t *at, size_t count, int *ret) {
    int64_t value = 0;

    if (*at + count > s.len || s.ptr[*at] == '-' ||
        !fx_slice_to_int(fx_slice_cut(s, *at, count), &value))
        return false;
    *at += count;
    *ret = (int)value;
    return true;
}

static bool take_char(struct fx_slice s, size_t *at, const char *any_of) {
    if (*at >= s.len || s.ptr[*at] == '\0' || strchr(any_of, s.ptr[*at]) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool take_fraction(struct fx_slice s, size_t *at, int *ret_ms) {
    int scale = 100;

    *ret_ms = 0;
    if (!take_char(s, at, "."))
        return true;
    size_t begin = *at;

    for (; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; (*at)++) {
        *ret_ms += scale * (s.ptr[*at] - '0');
        scale /= 10;
    }
    return *at > begin && *at - begin <= 9;
}

static bool take_zone(struct fx_slice s, size_t *at, int *ret_minutes) {
    int hours = 0, minutes = 0;

    *ret_minutes = 0;
    if (take_char(s, at, "Zz"))
        return true;
    if (*at >= s.len)
        return false;
    int sign = s.ptr[*at] == '-' ? -1 : 1;

    if (!take_char(s, at, "+-") || !take_digits(s, at, 2, &hours))
        return false;
    if (*at < s.len) { /* PostgreSQL leaves out minutes that are none */
        take_char(s, at, ":");
        if (!take_digits(s, at, 2, &minutes))
            return false;
    }
    if (hours > 14 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* A second 60 is a leap second. */
static bool is_in_calendar(const struct tm *tm) {
    return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days_in(tm->tm_year, tm->tm_mon) && tm->tm_hour <= 23 &&
           tm->tm_min <= 59 && tm->tm_sec <= 60;
}

enum fx_code fx_time_parse(struct fx_slice text, int64_t *ret_wall_ms, struct fx_error *err) {
    struct tm tm = {0};
    size_t at = 0;
    int ms = 0, zone_minutes = 0;

    bool ok = take_digits(text, &at, 4, &tm.tm_year) && take_char(text, &at, "-") &&
              take_digits(text, &at, 2, &tm.tm_mon) && take_char(text, &at, "-") &&
              take_digits(text, &at, 2, &tm.tm_mday) && take_char(text, &at, "Tt ") &&
              take_digits(text, &at, 2, &tm.tm_hour) && take_char(text, &at, ":") &&
              take_digits(text, &at, 2, &tm.tm_min) && take_char(text, &at, ":") &&
              take_digits(text, &at, 2, &tm.tm_sec) && take_fraction(text, &at, &ms) &&
              take_zone(text, &at, &zone_minutes) && at == text.len;
    if (!ok || !is_in_calendar(&tm))
        return fx_fail(err, FX_ERR_INPUT, "not a time such as 2026-11-21T09:15:04Z");
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000 + ms - (int64_t)zone_minutes * 60000;
    return FX_OK;
}

char *fx_duration(struct fx_scope *sc, int64_t ms) {
    int64_t s = ms < 0 ? 0 : ms / 1000;

    if (ms < 0)
        ms = 0;
    if (ms < 1000 && ms > 0)
        return fx_printf(sc, "%lld ms", (long long)ms);
    if (s < 60)
        return fx_printf(sc, "%lld s", (long long)s);
    if (s < 3600)
        return fx_printf(sc, "%lld min", (long long)(s / 60));
    if (s < 86400)
        return s % 3600 / 60 == 0 ? fx_printf(sc, "%lld h", (long long)(s / 3600))
                                  : fx_printf(sc, "%lld h %lld min", (long long)(s / 3600),
                                              (long long)(s % 3600 / 60));
    return s % 86400 / 3600 == 0 ? fx_printf(sc, "%lld d", (long long)(s / 86400))
                                 : fx_printf(sc, "%lld d %lld h", (long long)(s / 86400),
                                             (long long)(s % 86400 / 3600));
}

static void system_fill(struct fx_random *random, void *bytes, size_t len) {
    (void)random;
    for (size_t done = 0; done < len;) {
        ssize_t got = getrandom((char *)bytes + done, len - done, 0);

        if (got <= 0)
            abort(); /* ids and nonces without chance would be guessable */
        done += (size_t)got;
    }
}

struct fx_random *fx_random_system(void) {
    static const struct fx_random random = {system_fill};

    return (struct fx_random *)&random;
}
