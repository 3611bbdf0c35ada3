/* base_clock_test.c - are times read and written exactly, and bad ones refused? */
#include "support/test.h"

#include "fluxabot/base/clock.h"

#include <string.h>

static const int64_t noon_ms = 1795261504000; /* 2026-11-21T11:45:04Z */

static void reads_the_forms_that_aws_and_postgresql_write(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T11:45:04Z", noon_ms},
        {"2026-11-21T11:45:04.123Z", noon_ms + 123},
        {"2026-11-21T11:45:04.123456789Z", noon_ms + 123},
        {"2026-11-21T11:45:04.1Z", noon_ms + 100},
        {"2026-11-21T11:45:04.000+0000", noon_ms},
        {"2026-11-21T11:45:04+00:00", noon_ms},
        {"2026-11-21T12:45:04+01:00", noon_ms},
        {"2026-11-21T06:15:04-0530", noon_ms},
        {"2026-11-22T01:45:04+14:00", noon_ms},
        {"2026-11-21 11:45:04+00", noon_ms},
        {"2026-11-21 11:45:04.123456+00", noon_ms + 123},
        {"2026-11-21 12:45:04+01", noon_ms},
        {"2026-11-21 06:45:04-05", noon_ms},
        {"2026-11-21 17:15:04+05:30", noon_ms},
        {"2026-11-22 01:45:04+14", noon_ms},
        {"2026-11-21 11:45:04-00", noon_ms},
        {"2026-11-21t11:45:04z", noon_ms},
        {"2026-11-21 11:45:04Z", noon_ms},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800000},
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        int64_t ms = 0;

        assert_ok(fx_time_parse(fx_slice_of(good[i].text), &ms, &err));
        if (ms != good[i].ms)
            fail_msg("%s was read as %lld", good[i].text, (long long)ms);
    }
}

static void refuses_what_is_no_time(void **state) {
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T11:45Z",
        "2026-11-21T11:45:04",
        "2026-00-21T11:45:04Z",
        "2026-13-21T11:45:04Z",
        "2026-11-00T11:45:04Z",
        "2026-11-31T11:45:04Z",
        "2026-02-31T11:45:04Z",
        "2026-02-29T11:45:04Z",
        "1900-02-29T11:45:04Z",
        "2026-04-31T11:45:04Z",
        "2026-01-32T11:45:04Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T11:60:04Z",
        "2026-11-21T11:45:61Z",
        "2026-11-21T11:45:04.Z",
        "2026-11-21T11:45:04.1234567890Z",
        "2026-11-21T11:45:04+15:00",
        "2026-11-21T11:45:04+01:60",
        "2026-11-21T11:45:04+1",
        "2026-11-21T11:45:04+",
        "2026-11-21T11:45:04+0",
        "2026-11-21T11:45:04-0",
        "2026-11-21T11:45:04+00:",
        "2026-11-21T11:45:04+00 ",
        "2026-11-21T11:45:04+000",
        "2026-11-21T11:45:04+00:0",
        "2026-11-21T11:45:04+00::00",
        "2026-11-21T11:45:04+1400x",
        "2026-11-21T11:45:04+14x",
        "2026-11-21T11:45:04+15",
        "2026-11-21T11:45:04+99",
        "2026-11-21T11:45:0400",
        "2026-11-21T11:45:04Zx",
        "2026-11-21T11:45:04Z ",
        " 2026-11-21T11:45:04Z",
        "2026-11-21T-1:45:04Z",
        "-026-11-21T11:45:04Z",
        "2026/11/21T11:45:04Z",
        "2026-1-21T11:45:04Z",
        "12026-11-21T11:45:04Z",
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_error err;
        int64_t ms = 42;

        if (fx_time_parse(fx_slice_of(bad[i]), &ms, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(ms, 42);
    }
    struct fx_error err;
    int64_t ms = 0;

    assert_int_equal(fx_time_parse((struct fx_slice){"2026-11-21T11:45:04\0", 20}, &ms, &err),
                     FX_ERR_INPUT);
    assert_int_equal(fx_time_parse((struct fx_slice){"2026-11-21T11:45:04+00\0", 23}, &ms, &err),
                     FX_ERR_INPUT);
    assert_int_equal(fx_time_parse((struct fx_slice){NULL, 0}, &ms, &err), FX_ERR_INPUT);
}

static void writes_what_it_reads(void **state) {
    static const int64_t times[] = {
        0,     1,      999,           noon_ms,      noon_ms + 7,     -1,
        -1000, -86401, 4102444800000, 951782400000, -62167219200000, 253402300799999};

    for (size_t i = 0; i < FX_COUNT_OF(times); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_error err;
        int64_t ms = 0;

        assert_ok(fx_time_parse(fx_slice_of(fx_time_iso_ms(sc, times[i])), &ms, &err));
        assert_int_equal(ms, times[i]);
        assert_ok(fx_time_parse(fx_slice_of(fx_time_iso(sc, times[i])), &ms, &err));
        assert_in_range(times[i] - ms, 0, 999);
    }
}

static void foreign_milliseconds_stay_inside_the_calendar(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    assert_string_equal(fx_time_iso_ms(sc, INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_string_equal(fx_time_iso(sc, INT64_MIN), "0000-01-01T00:00:00Z");
}

static void durations_read_well(void **state) {
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {INT64_MIN, "0 s"},
        {-5, "0 s"},
        {0, "0 s"},
        {1, "1 ms"},
        {999, "999 ms"},
        {1000, "1 s"},
        {59999, "59 s"},
        {60000, "1 min"},
        {719000, "11 min"},
        {3599999, "59 min"},
        {3600000, "1 h"},
        {7500000, "2 h 5 min"},
        {86399999, "23 h 59 min"},
        {86400000, "1 d"},
        {4 * 86400000LL + 3 * 3600000LL + 59, "4 d 3 h"},
        {INT64_MAX, "106751991167 d 7 h"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        assert_string_equal(fx_duration(sc, cases[i].ms), cases[i].text);
    }
}

static void a_pause_ends_with_its_scope(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *canceled = fx_scope_new(NULL);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *late = fx_scope_new(NULL);
    struct fx_clock *clock = fx_clock_system();
    int64_t begun_ms = fx_mono_ms(clock);

    fx_scope_cancel(canceled);
    fx_pause(canceled, clock, 60000);
    fx_scope_set_deadline(late, begun_ms + 30);
    fx_pause(late, clock, 60000);
    fx_pause(late, clock, -5);
    assert_true(fx_mono_ms(clock) - begun_ms < 10000);
    assert_true(fx_mono_ms(clock) >= begun_ms + 30);
}

static void chance_fills_every_byte(void **state) {
    unsigned char bytes[512], seen[512] = {0};

    for (int round = 0; round < 64; round++) {
        memset(bytes, 0, sizeof bytes);
        fx_random_system()->fill(fx_random_system(), bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_not_equal(seen[i], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_forms_that_aws_and_postgresql_write),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(foreign_milliseconds_stay_inside_the_calendar),
        cmocka_unit_test(durations_read_well),
        cmocka_unit_test(a_pause_ends_with_its_scope),
        cmocka_unit_test(chance_fills_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
