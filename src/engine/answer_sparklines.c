/* answer_sparklines.c - the `sparklines` of an answer: numbers over time as lines of bars, each
 * with its numbers in words, because not everybody sees the bars. */
#include "private.h"

#include "fluxabot/base/spark.h"
#include "fluxabot/expr.h"

#include <math.h>
#include <string.h>

enum {
    SPARKLINE_WIDTH = 24,           /* bars; more would break in the two columns of fields */
    SPARKLINE_MAX_POINTS = 1 << 14, /* of one line */
};

struct line {
    double *values;
    size_t count, measured;
    double least, greatest, latest;
};

static enum fx_code read_points(struct fx_scope *sc, const struct fx_json *points,
                                struct line *ret_line, struct fx_error *err) {
    struct line line = {.count = fx_json_count(points), .least = INFINITY, .greatest = -INFINITY};

    if (line.count > SPARKLINE_MAX_POINTS)
        return fx_fail(err, FX_ERR_LIMIT, "a sparkline has at most %d points",
                       SPARKLINE_MAX_POINTS);
    line.values = fx_alloc(sc, (line.count + 1) * sizeof(double));
    for (size_t i = 0; i < line.count; i++) {
        const struct fx_json *point = fx_json_item(points, i);
        enum fx_json_type type = fx_json_type(point);

        line.values[i] = NAN;
        if (type == FX_JSON_NULL)
            continue;
        if (type != FX_JSON_INT && type != FX_JSON_REAL)
            return fx_fail(err, FX_ERR_INPUT, "the points are not all numbers or null");
        line.latest = line.values[i] = fx_json_to_real(point, 0);
        line.least = fmin(line.least, line.latest);
        line.greatest = fmax(line.greatest, line.latest);
        line.measured++;
    }
    *ret_line = line;
    return FX_OK;
}

static const char *number_text(struct fx_scope *sc, double value) {
    return fabs(value) < 1000 ? fx_printf(sc, "%.4g", value) : fx_printf(sc, "%.0f", value);
}

/* "▁▂·█ 4.5 %, 1 to 9 %; 3 of 13 not measured" */
static struct fx_json *draw(struct fx_scope *sc, const struct line *line, const char *unit) {
    char bars[FX_SPARK_BYTES];
    const char *gaps = "", *space = unit[0] != '\0' ? " " : "";

    if (line->measured == 0)
        return fx_json_string(sc, "no data");
    if (line->measured < line->count)
        gaps =
            fx_printf(sc, "; %zu of %zu not measured", line->count - line->measured, line->count);
    fx_sparkline(line->values, line->count, SPARKLINE_WIDTH, bars);
    return fx_json_array_of(sc, fx_json_object_of(sc, "code", fx_json_string(sc, bars), NULL),
                            fx_json_stringf(sc, " last %s%s%s, %s to %s%s%s%s",
                                            number_text(sc, line->latest), space, unit,
                                            number_text(sc, line->least),
                                            number_text(sc, line->greatest), space, unit, gaps),
                            NULL);
}

/* A list of numbers and null, what a step `metric` found, or a text that says why there is none. */
static enum fx_code fill_one(struct engine_run *run, const struct fx_json *template,
                             struct fx_json **ret_value, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    bool plain = fx_json_text(template) != NULL;
    const char *source = plain ? fx_json_text(template) : fx_json_get_text(template, "points");
    const char *unit = plain ? NULL : fx_json_get_text(template, "unit");
    struct fx_json *value = NULL;
    struct line line = {0};

    FX_TRY(fx_expr_fill(sc, source, run->names, &value, err));
    if (fx_json_type(value) == FX_JSON_STRING) {
        *ret_value = value;
        return FX_OK;
    }
    if (fx_json_type(value) == FX_JSON_OBJECT)
        value = fx_json_at(value, "points");
    if (fx_json_type(value) > FX_JSON_NULL && fx_json_type(value) != FX_JSON_ARRAY)
        return fx_fail(err, FX_ERR_INPUT, "it needs a list of numbers, or a text");
    FX_TRY(read_points(sc, value, &line, err));
    *ret_value = draw(sc, &line, unit == NULL ? "" : unit);
    return FX_OK;
}

enum fx_code engine_answer_sparklines(struct engine_run *run, struct fx_json *fields,
                                      struct fx_error *err) {
    const struct fx_json *templates = fx_json_at(run->runbook->answer, "sparklines");
    struct fx_json *template = NULL, *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(templates, &cursor, &name, &template)) {
        if (fill_one(run, template, &value, err) != FX_OK)
            return fx_fail_in(err, "answer sparkline %s", name);
        fx_json_add(fields, engine_field(run->work->sc, name, value));
    }
    return FX_OK;
}
