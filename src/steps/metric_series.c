/* metric_series.c - what CloudWatch answered becomes series: a value for each period, or none. */
#include "metric.h"

#include <string.h>

struct series {
    struct fx_scope *sc;
    const struct metric_window *window;
    struct fx_json *values, *times;
    struct fx_json **grid; /* one for each period, NULL where nothing was measured */
    size_t periods;
    const char *status;
};

static void take_point(struct series *s, int64_t at_ms, struct fx_json *value) {
    if (at_ms < s->window->from_ms || at_ms >= s->window->to_ms)
        return;
    fx_json_add(s->values, value);
    fx_json_add(s->times, fx_json_int(s->sc, at_ms));
    s->grid[(at_ms - s->window->from_ms) / s->window->period_ms] = value;
}

/* A result may be spread over several pages; what the last of them says of its state counts. */
static void take_result(struct series *s, const struct fx_json *result) {
    const struct fx_json *values = fx_json_at(result, "Values");
    const struct fx_json *times = fx_json_at(result, "Timestamps");
    const char *status = fx_json_get_text(result, "StatusCode");

    s->status = status == NULL ? "Complete" : status;
    for (size_t i = 0; i < fx_json_count(values) && i < fx_json_count(times); i++)
        take_point(s, (int64_t)(fx_json_to_real(fx_json_item(times, i), 0) * 1000 + 0.5),
                   fx_json_item(values, i));
}

static struct fx_json *points_of(const struct series *s) {
    struct fx_json *points = fx_json_array(s->sc);

    size_t count = s->periods;

    if (s->window->is_open && s->grid[count - 1] == NULL)
        count--; /* not over yet, so it is no gap */
    for (size_t i = 0; i < count; i++)
        fx_json_add(points, s->grid[i] == NULL ? fx_json_null(s->sc) : s->grid[i]);
    return points;
}

/* No data point is "no data", never zero; nor is a sum of a part the sum. */
static void summarize(const struct series *s, struct fx_json *json) {
    static const char *const names[] = {"latest", "sum", "avg", "min", "max"};
    size_t count = fx_json_count(s->values);
    double sum = 0, min = 0, max = 0;

    if (count == 0 || strcmp(s->status, "Complete") != 0) {
        for (size_t i = 0; i < FX_COUNT_OF(names); i++)
            fx_json_put(json, names[i], fx_json_null(s->sc));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double value = fx_json_to_real(fx_json_item(s->values, i), 0);

        sum += value;
        min = i == 0 || value < min ? value : min;
        max = i == 0 || value > max ? value : max;
    }
    fx_json_put(json, "latest", fx_json_item(s->values, count - 1));
    fx_json_put(json, "sum", fx_json_real(s->sc, sum));
    fx_json_put(json, "avg", fx_json_real(s->sc, sum / (double)count));
    fx_json_put(json, "min", fx_json_real(s->sc, min));
    fx_json_put(json, "max", fx_json_real(s->sc, max));
}

struct fx_json *metric_series(struct fx_scope *sc, const struct fx_json *answer, const char *id,
                              const struct metric_window *window) {
    const struct fx_json *results = fx_json_at(answer, "MetricDataResults");
    struct series s = {
        .sc = sc,
        .window = window,
        .values = fx_json_array(sc),
        .times = fx_json_array(sc),
        .periods = (size_t)((window->to_ms - window->from_ms) / window->period_ms),
        .status = "Missing",
    };

    s.grid = fx_alloc(sc, (s.periods + 1) * sizeof(struct fx_json *));
    for (size_t i = 0; i < fx_json_count(results); i++) {
        const char *name = fx_json_get_text(fx_json_item(results, i), "Id");

        if (name != NULL && strcmp(name, id) == 0)
            take_result(&s, fx_json_item(results, i));
    }
    struct fx_json *json = fx_json_object_of(sc, "values", s.values, NULL);

    summarize(&s, json);
    fx_json_put(json, "times", s.times);
    fx_json_put(json, "points", points_of(&s));
    fx_json_put(json, "count", fx_json_int(sc, (int64_t)fx_json_count(s.values)));
    fx_json_put(json, "from", fx_json_int(sc, window->from_ms));
    fx_json_put(json, "period", fx_json_int(sc, window->period_ms));
    fx_json_put(json, "status", fx_json_string(sc, s.status));
    return json;
}
