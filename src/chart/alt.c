/* alt.c - a chart in one sentence. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <math.h>

struct chart_range chart_range(const struct fx_chart *chart) {
    struct chart_range range = {.least = INFINITY, .greatest = -INFINITY, .last = NAN};

    for (size_t i = 0; i < chart->count; i++) {
        if (!isfinite(chart->values[i]))
            continue;
        range.last = chart->values[i];
        range.least = fmin(range.least, range.last);
        range.greatest = fmax(range.greatest, range.last);
        range.measured++;
    }
    return range;
}

/* "2026-11-22 14:05" */
static const char *moment(struct fx_scope *sc, int64_t wall_ms) {
    const char *iso = fx_time_iso(sc, wall_ms);

    return fx_printf(sc, "%.10s %.5s", iso, iso + 11);
}

char *fx_chart_alt(struct fx_scope *sc, const struct fx_chart *chart) {
    struct chart_range range = chart_range(chart);
    int64_t to_ms = chart->from_ms + (int64_t)chart->count * chart->period_ms;
    const char *unit = chart->unit[0] == '\0' ? "" : fx_printf(sc, " %s", chart->unit);
    const char *numbers = "no data", *gaps = "", *threshold = "", *alarm = "";

    if (range.measured > 0)
        numbers = fx_printf(sc, "last %.4g%s, between %.4g and %.4g%s", range.last, unit,
                            range.least, range.greatest, unit);
    if (range.measured > 0 && range.measured < chart->count)
        gaps = fx_printf(sc, "; %zu of %zu points not measured", chart->count - range.measured,
                         chart->count);
    if (isfinite(chart->threshold))
        threshold = fx_printf(sc, "; threshold %.4g%s", chart->threshold, unit);
    if (chart->alarm_ms != 0)
        alarm = fx_printf(sc, "; alarm at %s", moment(sc, chart->alarm_ms));
    return fx_printf(sc, "%s, %s to %s UTC: %s%s%s%s", chart->title, moment(sc, chart->from_ms),
                     moment(sc, to_ms), numbers, gaps, threshold, alarm);
}
