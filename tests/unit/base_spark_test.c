/* base_spark_test.c - a line of bars: heights, gaps, and how many there are. */
#include "support/test.h"

#include "fluxabot/base/spark.h"

#include <math.h>
#include <string.h>

static void expect(const double *values, size_t count, size_t width, const char *expected) {
    char line[FX_SPARK_BYTES];

    fx_sparkline(values, count, width, line);
    assert_string_equal(line, expected);
}

static void bars_stand_between_the_least_and_the_greatest(void **state) {
    (void)state;
    expect((double[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, 60, "▁▂▃▄▅▆▇█");
    expect((double[]){-7, 0, 7}, 3, 60, "▁▅█");
    expect((double[]){5, 5, 5}, 3, 60, "▁▁▁");
    expect(NULL, 0, 60, "");
}

static void a_gap_is_seen_and_no_low_value(void **state) {
    (void)state;
    expect((double[]){0, NAN, 8}, 3, 60, "▁·█");
    expect((double[]){NAN, NAN}, 2, 60, "··");
    expect((double[]){INFINITY, 1}, 2, 60, "·▁");
    /* what was measured of a bar counts, the rest of it does not */
    expect((double[]){1, NAN, NAN, NAN, 2, 2}, 6, 3, "▁·█");
}

static void there_are_never_more_bars_than_asked_for(void **state) {
    double values[1000];
    char line[FX_SPARK_BYTES];

    (void)state;
    for (size_t i = 0; i < FX_COUNT_OF(values); i++)
        values[i] = (double)i;
    for (size_t width = 0; width < 200; width++) {
        size_t most = width < FX_SPARK_MAX ? width : FX_SPARK_MAX;

        fx_sparkline(values, FX_COUNT_OF(values), width, line);
        assert_int_equal(strlen(line), most * strlen("█"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_stand_between_the_least_and_the_greatest),
        cmocka_unit_test(a_gap_is_seen_and_no_low_value),
        cmocka_unit_test(there_are_never_more_bars_than_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
