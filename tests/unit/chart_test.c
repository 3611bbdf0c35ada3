/* chart_test.c - the picture is read back by cairo: its size, its own background, line, gaps,
 * threshold and alarm; and what is refused. */
#include "support/test.h"

#include "fluxabot/chart.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WHITE = 0xffffff, GAP = 0xededed, BLUE = 0x0a69d9, RED = 0xcf212e, AMBER = 0xbf8700 };

struct reading {
    struct fx_slice rest;
};

static cairo_status_t give_bytes(void *context, unsigned char *bytes, unsigned int len) {
    struct reading *reading = context;

    if (len > reading->rest.len)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(bytes, reading->rest.ptr, len);
    reading->rest = fx_slice_cut(reading->rest, len, reading->rest.len - len);
    return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *drawn(struct fx_scope *sc, const struct fx_chart *chart) {
    struct reading reading = {0};
    struct fx_error err = {0};

    assert_ok(fx_chart_png(sc, chart, &reading.rest, &err));
    assert_memory_equal(reading.rest.ptr, "\x89PNG\r\n\x1a\n", 8);
    cairo_surface_t *surface = cairo_image_surface_create_from_png_stream(give_bytes, &reading);

    assert_int_equal(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
    return surface;
}

static uint32_t pixel(cairo_surface_t *surface, int x, int y) {
    const unsigned char *row = cairo_image_surface_get_data(surface) +
                               (ptrdiff_t)y * cairo_image_surface_get_stride(surface);
    uint32_t value = 0;

    memcpy(&value, row + (ptrdiff_t)x * 4, sizeof value);
    return value & 0xffffff;
}

/* How many pixels between the columns are about of this color. */
static int count_color(cairo_surface_t *surface, uint32_t color, int from, int to) {
    int count = 0;

    for (int x = from; x < to; x++)
        for (int y = 0; y < cairo_image_surface_get_height(surface); y++) {
            uint32_t found = pixel(surface, x, y);
            int far = 0;

            for (int shift = 0; shift <= 16; shift += 8)
                far |= abs((int)(found >> shift & 255) - (int)(color >> shift & 255)) > 12;
            count += !far;
        }
    return count;
}

static const double steady[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const double broken[] = {1, 2, 3, NAN, NAN, NAN, NAN, 8, 9, 10};

static struct fx_chart chart_of(const double *values) {
    return (struct fx_chart){.title = "Throttles of fluxa-processor",
                             .unit = "calls",
                             .values = values,
                             .count = 10,
                             .from_ms = 1795253700000,
                             .period_ms = 60000,
                             .threshold = NAN,
                             .width = 500,
                             .height = 200};
}

static void the_picture_has_its_size_and_its_own_background(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(steady);
    cairo_surface_t *surface = drawn(sc, &chart);

    (void)state;
    assert_int_equal(cairo_image_surface_get_width(surface), 500);
    assert_int_equal(cairo_image_surface_get_height(surface), 200);
    assert_int_equal(pixel(surface, 499, 0), WHITE);
    assert_int_equal(pixel(surface, 0, 199), WHITE);
    assert_true(count_color(surface, BLUE, 64, 480) > 300);
    assert_true(count_color(surface, 0x24292e, 0, 64) > 20); /* the axis has labels */
    assert_int_equal(count_color(surface, RED, 0, 500), 0);
    assert_int_equal(count_color(surface, AMBER, 0, 500), 0);
    cairo_surface_destroy(surface);
    chart.width = chart.height = 0;
    surface = drawn(sc, &chart);
    assert_int_equal(cairo_image_surface_get_width(surface), FX_CHART_WIDTH);
    assert_int_equal(cairo_image_surface_get_height(surface), FX_CHART_HEIGHT);
    cairo_surface_destroy(surface);
}

static void a_gap_breaks_the_line_and_is_shaded(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(broken);
    cairo_surface_t *surface = drawn(sc, &chart);

    (void)state;
    /* the plot is 416 pixels wide from 64 on, a point 41.6: those missing are from 189 to 355 */
    assert_int_equal(count_color(surface, BLUE, 195, 350), 0);
    assert_true(count_color(surface, GAP, 195, 350) > 10000);
    assert_true(count_color(surface, BLUE, 64, 185) > 50);
    cairo_surface_destroy(surface);
}

static void threshold_and_alarm_are_drawn_where_they_are(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(steady);

    (void)state;
    chart.threshold = 20; /* above all values: the scale makes room */
    chart.alarm_ms = chart.from_ms + 5 * chart.period_ms;
    cairo_surface_t *surface = drawn(sc, &chart);
    assert_true(count_color(surface, RED, 64, 480) > 150);
    assert_true(count_color(surface, AMBER, 270, 274) > 80); /* half of the plot */
    assert_int_equal(count_color(surface, AMBER, 64, 260), 0);
    cairo_surface_destroy(surface);
}

static void nothing_measured_is_said(void **state) {
    static const double none[] = {NAN, NAN, NAN, NAN, NAN, INFINITY, NAN, NAN, NAN, NAN};
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(none);
    cairo_surface_t *surface = drawn(sc, &chart);

    (void)state;
    assert_int_equal(count_color(surface, BLUE, 0, 500), 0);
    assert_non_null(strstr(fx_chart_alt(sc, &chart), "UTC: no data"));
    cairo_surface_destroy(surface);
}

static void the_sentence_tells_what_the_picture_shows(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(broken);

    (void)state;
    chart.threshold = 0;
    chart.alarm_ms = chart.from_ms + 120000;
    assert_string_equal(fx_chart_alt(sc, &chart),
                        "Throttles of fluxa-processor, 2026-11-21 09:35 to 2026-11-21 09:45 UTC: "
                        "last 10 calls, between 1 and 10 calls; 4 of 10 points not measured; "
                        "threshold 0 calls; alarm at 2026-11-21 09:37");
}

static void it_comes_back_from_json_as_it_was(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(broken), back;
    struct fx_json *json = NULL;
    struct fx_error err;

    (void)state;
    chart.threshold = 7.5;
    chart.alarm_ms = chart.from_ms + 1;
    const char *text = fx_json_dump(sc, fx_chart_dump(sc, &chart));
    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    assert_ok(fx_chart_parse(sc, json, &back, &err));
    assert_string_equal(fx_chart_alt(sc, &back), fx_chart_alt(sc, &chart));
    assert_int_equal(back.count, chart.count);
    assert_true(isnan(back.values[3]) && back.values[2] == chart.values[2]);
    fx_json_remove(json, "threshold");
    assert_ok(fx_chart_parse(sc, json, &back, &err));
    assert_true(isnan(back.threshold)); /* none is not 0 */
    fx_json_remove(json, "points");
    assert_int_equal(fx_chart_parse(sc, json, &back, &err), FX_ERR_INPUT);
}

static void silly_sizes_are_refused(void **state) {
    static const struct {
        int width, height;
        enum fx_code code;
    } cases[] = {
        {FX_CHART_MIN_WIDTH, FX_CHART_MIN_HEIGHT, FX_OK},
        {FX_CHART_MIN_WIDTH - 1, 200, FX_ERR_LIMIT},
        {500, FX_CHART_MIN_HEIGHT - 1, FX_ERR_LIMIT},
        {FX_CHART_MAX_WIDTH, FX_CHART_MAX_HEIGHT, FX_OK},
        {FX_CHART_MAX_WIDTH + 1, 200, FX_ERR_LIMIT},
        {500, FX_CHART_MAX_HEIGHT + 1, FX_ERR_LIMIT},
        {-5, 200, FX_ERR_LIMIT},
    };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_chart chart = chart_of(steady);
    struct fx_slice png;
    struct fx_error err;

    (void)state;
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        chart.width = cases[i].width;
        chart.height = cases[i].height;
        assert_int_equal(fx_chart_png(sc, &chart, &png, &err), cases[i].code);
    }
    chart = chart_of(steady);
    chart.count = 0;
    assert_int_equal(fx_chart_png(sc, &chart, &png, &err), FX_ERR_INPUT);
    chart.count = FX_CHART_MAX_POINTS + 1;
    assert_int_equal(fx_chart_png(sc, &chart, &png, &err), FX_ERR_LIMIT);
    chart.count = 10;
    chart.period_ms = 0;
    assert_int_equal(fx_chart_png(sc, &chart, &png, &err), FX_ERR_INPUT);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_has_its_size_and_its_own_background),
        cmocka_unit_test(a_gap_breaks_the_line_and_is_shaded),
        cmocka_unit_test(threshold_and_alarm_are_drawn_where_they_are),
        cmocka_unit_test(nothing_measured_is_said),
        cmocka_unit_test(the_sentence_tells_what_the_picture_shows),
        cmocka_unit_test(it_comes_back_from_json_as_it_was),
        cmocka_unit_test(silly_sizes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
