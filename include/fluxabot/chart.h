/* chart.h - a metric over time as a PNG picture and as a sentence. No files, no network; the only
 * user of cairo. May be called from any thread, but a picture by one at a time: where it writes
 * text, cairo 1.16 takes the locks of a font and of all fonts in either order, so that two drawings
 * at once could wait for each other for good.
 *
 * libcairo is opened with the first picture and stays from then on: about 2.5 MB, of which 0.5 MB
 * are the process's own. A program that draws none never has it.
 *
 * The picture has a background of its own, so it reads the same on a light and on a dark page, and
 * it uses the letters built into cairo, so it needs no fonts: other characters than ASCII are left
 * out of it, and stand in the sentence.
 */
#pragma once

#include "fluxabot/base/json.h"

enum {
    FX_CHART_WIDTH = 800, /* pixels, when none are asked for */
    FX_CHART_HEIGHT = 360,
    FX_CHART_MIN_WIDTH = 240, /* less has no room for the axes */
    FX_CHART_MIN_HEIGHT = 120,
    FX_CHART_MAX_WIDTH = 2000,
    FX_CHART_MAX_HEIGHT = 1200,
    FX_CHART_MAX_POINTS = 3000,
    FX_CHART_MAX_BYTES = 1 << 20,
};

struct fx_chart {
    const char *title, *unit; /* unit may be "" */
    const double *values;     /* one for each period; NAN was not measured */
    size_t count;
    int64_t from_ms, period_ms; /* wall time of the first period, and how long each is */
    double threshold;           /* a line across; NAN: none */
    int64_t alarm_ms;           /* a line upright, wall time; 0: none */
    int width, height;          /* pixels; 0: FX_CHART_WIDTH, FX_CHART_HEIGHT */
};

/* *ret_png lives in sc. FX_ERR_INPUT for no points or no period, FX_ERR_LIMIT beyond the limits
 * above, FX_ERR_INTERNAL where libcairo is not installed; nothing was drawn then. */
enum fx_code fx_chart_png(struct fx_scope *sc, const struct fx_chart *chart,
                          struct fx_slice *ret_png, struct fx_error *err);
/* What the picture shows, for those who do not see it: times in UTC, last, least and greatest
 * value, threshold, alarm, and how much was not measured. */
char *fx_chart_alt(struct fx_scope *sc, const struct fx_chart *chart);
/* As JSON, without its size; texts in the result of fx_chart_parse are those of json. FX_ERR_INPUT
 * without title or points, FX_ERR_LIMIT for too many of them. */
struct fx_json *fx_chart_dump(struct fx_scope *sc, const struct fx_chart *chart);
enum fx_code fx_chart_parse(struct fx_scope *sc, const struct fx_json *json,
                            struct fx_chart *ret_chart, struct fx_error *err);
