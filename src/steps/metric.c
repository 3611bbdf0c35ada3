/* metric.c - the step kind `metric`: one CloudWatch metric over a window. */
#include "private.h"

static const struct fx_step_param metric_params[] = {
    {"namespace", FX_PARAM_TEXT, true, NULL, "such as AWS/SQS"},
    {"name", FX_PARAM_TEXT, true, NULL, "such as ApproximateAgeOfOldestMessage"},
    {"dimensions", FX_PARAM_OBJECT, false, "{}", "name -> value"},
    {"stat", FX_PARAM_TEXT, false, "\"Maximum\"",
     "Sum, Average, Maximum, Minimum, SampleCount or p99"},
    {"period", FX_PARAM_DURATION, false, "\"1m\"", "of one data point"},
    {"window", FX_PARAM_DURATION, false, "\"15m\"", "how far back"},
};

static struct fx_json *query_of(struct fx_scope *sc, const struct fx_json *params) {
    struct fx_json *dimensions = fx_json_array(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(fx_json_at(params, "dimensions"), &cursor, &name, &value))
        fx_json_add(dimensions,
                    fx_json_object_of(sc, "Name", fx_json_string(sc, name), "Value", value, NULL));
    return fx_json_object_of(
        sc, "Id", fx_json_string(sc, "m"), "MetricStat",
        fx_json_object_of(
            sc, "Metric",
            fx_json_object_of(sc, "Namespace", fx_json_at(params, "namespace"), "MetricName",
                              fx_json_at(params, "name"), "Dimensions", dimensions, NULL),
            "Period", fx_json_int(sc, fx_json_get_int(params, "period", 60000) / 1000), "Stat",
            fx_json_at(params, "stat"), NULL),
        "ReturnData", fx_json_bool(sc, true), NULL);
}

/* No data point is "no data", never zero: latest, sum and max are then null. */
static struct fx_json *summarize(struct fx_scope *sc, struct fx_json *values) {
    size_t count = fx_json_count(values);
    double sum = 0, max = 0;

    for (size_t i = 0; i < count; i++) {
        double value = fx_json_to_real(fx_json_item(values, i), 0);

        sum += value;
        max = i == 0 || value > max ? value : max;
    }
    return fx_json_object_of(sc, "values", values, "latest",
                             count == 0 ? fx_json_null(sc) : fx_json_item(values, count - 1), "sum",
                             count == 0 ? fx_json_null(sc) : fx_json_real(sc, sum), "max",
                             count == 0 ? fx_json_null(sc) : fx_json_real(sc, max), NULL);
}

static enum fx_code metric_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    int64_t now_s = fx_wall_ms(ctx->clock) / 1000;
    int64_t from_s = now_s - fx_json_get_int(params, "window", 900000) / 1000;
    const struct fx_json *call =
        fx_json_object_of(sc, "StartTime", fx_json_string(sc, fx_time_iso(sc, from_s * 1000)),
                          "EndTime", fx_json_string(sc, fx_time_iso(sc, now_s * 1000 + 1000)),
                          "ScanBy", fx_json_string(sc, "TimestampAscending"), "MetricDataQueries",
                          fx_json_array_of(sc, query_of(sc, params), NULL), NULL);

    FX_TRY(fx_aws_call(ctx->aws, sc,
                       &(struct fx_aws_call){
                           .service = "cloudwatch", .operation = "GetMetricData", .params = call},
                       &answer, err));
    struct fx_json *values = fx_json_at_path(answer, "MetricDataResults.0.Values");

    ret_result->output = summarize(sc, values == NULL ? fx_json_array(sc) : values);
    return FX_OK;
}

static const struct fx_step_call metric_calls[] = {
    {"cloudwatch:GetMetricData", NULL},
};

const struct fx_step_kind step_metric = {
    .name = "metric",
    .summary =
        "Reads one CloudWatch metric; {values, latest, sum, max}, null where there is no data.",
    .params = metric_params,
    .params_count = FX_COUNT_OF(metric_params),
    .calls = metric_calls,
    .calls_count = FX_COUNT_OF(metric_calls),
    .effect = step_reads,
    .run = metric_run,
};
