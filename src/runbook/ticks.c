/* ticks.c - when a schedule is due: arithmetic over the clock, which nothing that happened moves.
 */
#include "fluxabot/runbook.h"

static const int64_t day_ms = 24 * 60 * 60 * 1000;

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Leap days from year 1 up to the end of this one. */
static int64_t leap_days(int64_t year) {
    return floor_div(year, 4) - floor_div(year, 100) + floor_div(year, 400);
}

/* Days from 1970 to the beginning of a month; months count from January 1970. */
static int64_t days_before_month(int64_t month) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t years = floor_div(month, 12), year = 1970 + years, of_year = month - years * 12;
    bool leaped = of_year >= 2 && leap_days(year) > leap_days(year - 1);

    return years * 365 + leap_days(year - 1) - leap_days(1969) + before[of_year] + leaped;
}

static int64_t tick(const struct fx_schedule *schedule, int64_t index) {
    return schedule->offset_ms + (schedule->months == 0
                                      ? index * schedule->every_ms
                                      : days_before_month(index * schedule->months) * day_ms);
}

/* Of the newest tick at or before this time. */
static int64_t index_at(const struct fx_schedule *schedule, int64_t wall_ms) {
    if (wall_ms < 0)
        wall_ms = 0;
    if (schedule->months == 0)
        return floor_div(wall_ms - schedule->offset_ms, schedule->every_ms);
    /* no month is longer than 31 days, so this is not too late */
    int64_t index = wall_ms / (31 * day_ms) / schedule->months - 1;

    while (tick(schedule, index + 1) <= wall_ms)
        index++;
    return index;
}

int64_t fx_schedule_last(const struct fx_schedule *schedule, int64_t wall_ms) {
    return tick(schedule, index_at(schedule, wall_ms));
}

int64_t fx_schedule_next(const struct fx_schedule *schedule, int64_t wall_ms) {
    return tick(schedule, index_at(schedule, wall_ms) + 1);
}
