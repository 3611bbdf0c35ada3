/* json.c - a chart as a row of the outbox keeps it until it is drawn. */
#include "private.h"

#include <math.h>

struct fx_json *fx_chart_dump(struct fx_scope *sc, const struct fx_chart *chart) {
    struct fx_json *points = fx_json_array(sc);

    for (size_t i = 0; i < chart->count; i++)
        fx_json_add(points, isfinite(chart->values[i]) ? fx_json_real(sc, chart->values[i])
                                                       : fx_json_null(sc));
    return fx_json_object_of(
        sc, "title", fx_json_string(sc, chart->title), "unit", fx_json_string(sc, chart->unit),
        "from", fx_json_int(sc, chart->from_ms), "period", fx_json_int(sc, chart->period_ms),
        "threshold", isfinite(chart->threshold) ? fx_json_real(sc, chart->threshold) : NULL,
        "alarm", chart->alarm_ms != 0 ? fx_json_int(sc, chart->alarm_ms) : NULL, "points", points,
        NULL);
}

enum fx_code fx_chart_parse(struct fx_scope *sc, const struct fx_json *json,
                            struct fx_chart *ret_chart, struct fx_error *err) {
    const struct fx_json *points = fx_json_at(json, "points");
    const char *title = fx_json_get_text(json, "title"), *unit = fx_json_get_text(json, "unit");
    size_t count = fx_json_count(points);

    if (title == NULL || fx_json_type(points) != FX_JSON_ARRAY)
        return fx_fail(err, FX_ERR_INPUT, "a chart needs a title and points");
    if (count > FX_CHART_MAX_POINTS)
        return fx_fail(err, FX_ERR_LIMIT, "a chart has at most %d points", FX_CHART_MAX_POINTS);
    double *values = fx_alloc(sc, (count + 1) * sizeof(double));

    for (size_t i = 0; i < count; i++)
        values[i] = fx_json_to_real(fx_json_item(points, i), NAN);
    *ret_chart = (struct fx_chart){.title = title,
                                   .unit = unit != NULL ? unit : "",
                                   .values = values,
                                   .count = count,
                                   .from_ms = fx_json_get_int(json, "from", 0),
                                   .period_ms = fx_json_get_int(json, "period", 0),
                                   .threshold = fx_json_get_real(json, "threshold", NAN),
                                   .alarm_ms = fx_json_get_int(json, "alarm", 0)};
    return FX_OK;
}
