/* metric.c - the step kind `metric`: CloudWatch metrics, and metric math over them, in one call. */
#include "metric.h"

static const struct fx_step_param metric_params[] = {
    {"namespace", FX_PARAM_TEXT, false, NULL, "such as AWS/SQS"},
    {"name", FX_PARAM_TEXT, false, NULL, "such as ApproximateAgeOfOldestMessage"},
    {"dimensions", FX_PARAM_OBJECT, false, "{}", "name -> value"},
    {"stat", FX_PARAM_TEXT, false, "\"Maximum\"",
     "Sum, Average, Maximum, Minimum, SampleCount or p99"},
    {"metrics", FX_PARAM_OBJECT, false, NULL,
     "instead of name: id -> {name, namespace, dimensions, stat}, each but name as above when it "
     "is "
     "left out, or id -> {expression}, metric math over the ids before it; at most 60"},
    {"period", FX_PARAM_DURATION, false, NULL,
     "of one data point, whole minutes; without it 1m, or longer where that were over 1440 points"},
    {"window", FX_PARAM_DURATION, false, "\"15m\"", "how far back, at most 15d"},
    {"compare", FX_PARAM_BOOL, false, "false",
     "also reads the window before it, as `before`; both then end with a whole period"},
};

/* ---- the call ---- */

static struct fx_json *dimensions_of(struct fx_scope *sc, const struct fx_json *map) {
    struct fx_json *dimensions = fx_json_array(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(map, &cursor, &name, &value))
        fx_json_add(dimensions,
                    fx_json_object_of(sc, "Name", fx_json_string(sc, name), "Value", value, NULL));
    return dimensions;
}

static struct fx_json *query_of(struct fx_scope *sc, const struct fx_json *params, const char *id,
                                const struct fx_json *one, int64_t period_ms) {
    struct fx_json *yes = fx_json_bool(sc, true);

    if (fx_json_at(one, "expression") != NULL)
        return fx_json_object_of(sc, "Id", fx_json_string(sc, id), "Expression",
                                 fx_json_at(one, "expression"), "ReturnData", yes, NULL);
    struct fx_json *metric =
        fx_json_object_of(sc, "Namespace", metric_member(params, one, "namespace"), "MetricName",
                          metric_member(params, one, "name"), "Dimensions",
                          dimensions_of(sc, metric_member(params, one, "dimensions")), NULL);

    return fx_json_object_of(sc, "Id", fx_json_string(sc, id), "MetricStat",
                             fx_json_object_of(sc, "Metric", metric, "Period",
                                               fx_json_int(sc, period_ms / 1000), "Stat",
                                               metric_member(params, one, "stat"), NULL),
                             "ReturnData", yes, NULL);
}

static struct fx_json *queries_of(struct fx_scope *sc, const struct fx_json *params,
                                  int64_t period_ms) {
    struct fx_json *queries = fx_json_array(sc), *one = NULL;
    const char *id = NULL;
    void *cursor = NULL;

    if (fx_json_at(params, "metrics") == NULL)
        fx_json_add(queries, query_of(sc, params, "m", params, period_ms));
    while (fx_json_next(fx_json_at(params, "metrics"), &cursor, &id, &one))
        fx_json_add(queries, query_of(sc, params, id, one, period_ms));
    return queries;
}

static enum fx_code ask(const struct fx_step_context *ctx, const struct fx_json *params,
                        int64_t from_ms, int64_t to_ms, struct fx_json **ret_answer,
                        struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_aws_pages pages;
    const struct fx_json *call =
        fx_json_object_of(sc, "StartTime", fx_json_string(sc, fx_time_iso(sc, from_ms)), "EndTime",
                          fx_json_string(sc, fx_time_iso(sc, to_ms)), "ScanBy",
                          fx_json_string(sc, "TimestampAscending"), "MetricDataQueries",
                          queries_of(sc, params, metric_period(params)), NULL);

    return fx_aws_call_pages(
        ctx->aws, sc,
        &(struct fx_aws_call){
            .service = "cloudwatch", .operation = "GetMetricData", .params = call},
        &(struct fx_aws_paging){.max_pages = METRIC_MAX_PAGES}, ret_answer, &pages, err);
}

/* ---- the value ---- */

/* The period at work counts, unless two windows are compared: half of it would look like a fall. */
static struct metric_window window_of(const struct fx_step_context *ctx,
                                      const struct fx_json *params) {
    int64_t period = metric_period(params), now = fx_wall_ms(ctx->clock);
    int64_t window = fx_json_get_int(params, "window", 0);

    if (!fx_json_get_bool(params, "compare", false))
        return (struct metric_window){.from_ms = (now - window) / period * period,
                                      .to_ms = (now / period + 1) * period,
                                      .period_ms = period,
                                      .is_open = true};
    window = (window + period - 1) / period * period;
    return (struct metric_window){.from_ms = now / period * period - window,
                                  .to_ms = now / period * period,
                                  .period_ms = period};
}

static struct fx_json *value_of(struct fx_scope *sc, const struct fx_json *answer, const char *id,
                                const struct metric_window *window,
                                const struct metric_window *before) {
    struct fx_json *value = metric_series(sc, answer, id, window);

    if (before != NULL)
        fx_json_put(value, "before", metric_series(sc, answer, id, before));
    return value;
}

static enum fx_code metric_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL, *output = fx_json_object(sc);
    bool compare = fx_json_get_bool(params, "compare", false);
    const char *id = NULL;
    void *cursor = NULL;

    FX_TRY(metric_check(sc, ctx->system, params, err));
    struct metric_window window = window_of(ctx, params);
    struct metric_window earlier = {.from_ms = window.from_ms - (window.to_ms - window.from_ms),
                                    .to_ms = window.from_ms,
                                    .period_ms = window.period_ms};
    const struct metric_window *before = compare ? &earlier : NULL;

    FX_TRY(
        ask(ctx, params, compare ? earlier.from_ms : window.from_ms, window.to_ms, &answer, err));
    if (fx_json_at(params, "metrics") == NULL)
        output = value_of(sc, answer, "m", &window, before);
    while (fx_json_next(fx_json_at(params, "metrics"), &cursor, &id, NULL))
        fx_json_put(output, id, value_of(sc, answer, id, &window, before));
    ret_result->output = output;
    return FX_OK;
}

static const struct fx_step_call metric_calls[] = {
    {"cloudwatch:GetMetricData", NULL},
};

const struct fx_step_kind step_metric = {
    .name = "metric",
    .summary = "Reads CloudWatch metrics in one call. Each is {values, times, points, latest, sum, "
               "avg, min, max, count, from, period, status}: points has a member for each period, "
               "null where nothing was measured; the numbers are null where there is no data or "
               "CloudWatch gave only a part. With `metrics` the value is id -> that.",
    .params = metric_params,
    .params_count = FX_COUNT_OF(metric_params),
    .calls = metric_calls,
    .calls_count = FX_COUNT_OF(metric_calls),
    .is_parallel = true,
    .is_answered = true,
    .effect = step_reads,
    .check = metric_check,
    .run = metric_run,
};
