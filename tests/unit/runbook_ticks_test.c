/* runbook_ticks_test.c - when a schedule is due, by the calendar and after a clock that jumped. */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/runbook.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

static int64_t at(const char *text) {
    struct fx_error err = {0};
    int64_t ms = 0;

    assert_ok(fx_time_parse(fx_slice_of(text), &ms, &err));
    return ms;
}

static const struct fx_schedule five_minutes = {.every_ms = 5 * MINUTE_MS};
static const struct fx_schedule daily = {.every_ms = DAY_MS,
                                         .offset_ms = 6 * HOUR_MS + 30 * MINUTE_MS};
static const struct fx_schedule mondays = {.every_ms = 7 * (int64_t)DAY_MS,
                                           .offset_ms = 4 * DAY_MS + 8 * HOUR_MS};
static const struct fx_schedule monthly = {.months = 1, .offset_ms = 9 * HOUR_MS};
static const struct fx_schedule late_monthly = {.months = 1, .offset_ms = 27 * (int64_t)DAY_MS};
static const struct fx_schedule quarterly = {.months = 3, .offset_ms = 14 * DAY_MS};

struct expected {
    const struct fx_schedule *schedule;
    const char *now, *last, *next;
};

static void ticks_stand_where_the_clock_says_however_long_the_bot_has_run(void **state) {
    static const struct expected rows[] = {
        /* clang-format off */
        {&five_minutes, "2026-11-22T10:03:20Z", "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"},
        {&five_minutes, "2026-11-22T10:05:00Z", "2026-11-22T10:05:00Z", "2026-11-22T10:10:00Z"},
        {&five_minutes, "2026-11-22T10:04:59.999Z", "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"},
        {&daily, "2026-11-22T06:29:59Z", "2026-11-21T06:30:00Z", "2026-11-22T06:30:00Z"},
        {&daily, "2026-11-22T06:30:00Z", "2026-11-22T06:30:00Z", "2026-11-23T06:30:00Z"},
        {&daily, "2026-11-22T23:59:59Z", "2026-11-22T06:30:00Z", "2026-11-23T06:30:00Z"},
        {&mondays, "2026-11-22T12:00:00Z", "2026-11-16T08:00:00Z", "2026-11-23T08:00:00Z"}, /* a Sunday */
        {&mondays, "2026-11-23T07:59:59Z", "2026-11-16T08:00:00Z", "2026-11-23T08:00:00Z"},
        {&mondays, "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z"},
        {&monthly, "2026-11-22T12:00:00Z", "2026-11-01T09:00:00Z", "2026-12-01T09:00:00Z"},
        {&monthly, "2026-12-31T23:59:59Z", "2026-12-01T09:00:00Z", "2027-01-01T09:00:00Z"},
        {&monthly, "2027-01-01T08:59:59Z", "2026-12-01T09:00:00Z", "2027-01-01T09:00:00Z"},
        {&monthly, "2028-02-29T12:00:00Z", "2028-02-01T09:00:00Z", "2028-03-01T09:00:00Z"},
        {&monthly, "2028-03-01T09:00:00Z", "2028-03-01T09:00:00Z", "2028-04-01T09:00:00Z"},
        {&late_monthly, "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-28T00:00:00Z"},
        {&late_monthly, "2027-02-27T23:59:59Z", "2027-01-28T00:00:00Z", "2027-02-28T00:00:00Z"},
        {&late_monthly, "2100-03-01T00:00:00Z", "2100-02-28T00:00:00Z", "2100-03-28T00:00:00Z"}, /* no leap year */
        {&quarterly, "2026-11-22T12:00:00Z", "2026-10-15T00:00:00Z", "2027-01-15T00:00:00Z"},
        {&quarterly, "2026-10-14T23:59:59Z", "2026-07-15T00:00:00Z", "2026-10-15T00:00:00Z"},
        {&quarterly, "2026-04-15T00:00:00Z", "2026-04-15T00:00:00Z", "2026-07-15T00:00:00Z"},
        /* clang-format on */
    };

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        int64_t now = at(rows[i].now);
        const char *last = fx_time_iso(*state, fx_schedule_last(rows[i].schedule, now));
        const char *next = fx_time_iso(*state, fx_schedule_next(rows[i].schedule, now));

        if (strcmp(last, rows[i].last) != 0 || strcmp(next, rows[i].next) != 0)
            fail_msg("row %zu, %s: %s and %s", i, rows[i].now, last, next);
    }
}

/* Against every day of three centuries, counted one by one. */
static void a_month_begins_on_its_first_day_in_every_year(void **state) {
    const struct fx_schedule firsts = {.months = 1};

    for (int64_t day = 0; day < 300 * 366; day += 1) {
        int64_t now = day * DAY_MS + 12 * HOUR_MS;
        const char *today = fx_time_iso(*state, now);
        const char *last = fx_time_iso(*state, fx_schedule_last(&firsts, now));
        const char *expected = fx_printf(*state, "%.8s01T00:00:00Z", today);

        if (strcmp(last, expected) != 0)
            fail_msg("%s: %s", today, last);
    }
}

/* What follows makes no schedule run twice for one tick, nor forget one. */
static void ticks_follow_each_other_without_a_gap(void **state) {
    static const struct fx_schedule *const all[] = {&five_minutes, &daily,        &mondays,
                                                    &monthly,      &late_monthly, &quarterly};

    for (size_t i = 0; i < FX_COUNT_OF(all); i++) {
        int64_t tick = fx_schedule_next(all[i], at("2026-11-22T10:03:20Z"));

        for (int n = 0; n < 2000; n++) {
            int64_t next = fx_schedule_next(all[i], tick);

            assert_true(next > tick);
            assert_int_equal(fx_schedule_last(all[i], tick), tick);
            assert_int_equal(fx_schedule_last(all[i], next - 1), tick);
            assert_int_equal(fx_schedule_next(all[i], next - 1), next);
            tick = next;
        }
    }
}

static void after_missed_ticks_the_newest_counts_and_the_next_lies_ahead(void **state) {
    int64_t due = at("2026-11-22T10:05:00Z"), now = at("2026-11-23T09:12:00Z");

    assert_true(fx_schedule_last(&five_minutes, now) > due);
    assert_int_equal(fx_schedule_next(&five_minutes, now), at("2026-11-23T09:15:00Z"));
}

static void a_clock_that_was_set_back_has_the_ticks_of_its_own_time(void **state) {
    int64_t due = at("2026-11-22T10:05:00Z"), now = at("2026-11-21T10:04:00Z");

    assert_true(fx_schedule_last(&five_minutes, now) < due);
    assert_int_equal(fx_schedule_next(&five_minutes, now), at("2026-11-21T10:05:00Z"));
}

static void a_clock_at_its_very_beginning_has_ticks_too(void **state) {
    static const struct fx_schedule *const all[] = {&five_minutes, &daily,        &mondays,
                                                    &monthly,      &late_monthly, &quarterly};
    static const int64_t times[] = {INT64_MIN, -1, 0, 1};

    for (size_t i = 0; i < FX_COUNT_OF(all); i++)
        for (size_t j = 0; j < FX_COUNT_OF(times); j++) {
            int64_t now = times[j] < 0 ? 0 : times[j];

            assert_true(fx_schedule_last(all[i], times[j]) <= now);
            assert_true(fx_schedule_next(all[i], times[j]) > now);
        }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(ticks_stand_where_the_clock_says_however_long_the_bot_has_run),
        TEST(a_month_begins_on_its_first_day_in_every_year),
        TEST(ticks_follow_each_other_without_a_gap),
        TEST(after_missed_ticks_the_newest_counts_and_the_next_lies_ahead),
        TEST(a_clock_that_was_set_back_has_the_ticks_of_its_own_time),
        TEST(a_clock_at_its_very_beginning_has_ticks_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
