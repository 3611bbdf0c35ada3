/* metric.c - asks CloudWatch what an alarm measured. */
#include "fluxabot/intake.h"

#include "fluxabot/base/clock.h"

#include <math.h>

enum { TIMEOUT_MS = 5000, MAX_PAGES = 3 };

static void take(const struct fx_intake_metric *metric, const struct fx_json *result,
                 double *values) {
    const struct fx_json *times = fx_json_at(result, "Timestamps");
    const struct fx_json *found = fx_json_at(result, "Values");

    for (size_t i = 0; i < fx_json_count(found) && i < fx_json_count(times); i++) {
        double at_ms = fx_json_to_real(fx_json_item(times, i), 0) * 1000 + 0.5;
        double place = floor((at_ms - (double)metric->from_ms) / (double)metric->period_ms);

        if (place >= 0 && place < (double)metric->count)
            values[(size_t)place] = fx_json_to_real(fx_json_item(found, i), NAN);
    }
}

enum fx_code fx_intake_metric(struct fx_aws *aws, struct fx_scope *sc,
                              const struct fx_intake_metric *metric, double **ret_values,
                              size_t *ret_measured, struct fx_error *err) {
    int64_t to_ms = metric->from_ms + (int64_t)metric->count * metric->period_ms;
    struct fx_json *answer = NULL;
    struct fx_aws_pages pages;

    if (metric->count == 0 || metric->count > FX_INTAKE_MAX_POINTS || metric->period_ms <= 0)
        return fx_fail(err, FX_ERR_LIMIT, "a metric is asked for 1 to %d periods",
                       FX_INTAKE_MAX_POINTS);
    const struct fx_aws_call call = {
        .service = "cloudwatch",
        .operation = "GetMetricData",
        .params =
            fx_json_object_of(sc, "StartTime", fx_json_string(sc, fx_time_iso(sc, metric->from_ms)),
                              "EndTime", fx_json_string(sc, fx_time_iso(sc, to_ms)), "ScanBy",
                              fx_json_string(sc, "TimestampAscending"), "MetricDataQueries",
                              fx_json_copy(sc, metric->queries), NULL),
        .region = metric->region[0] != '\0' ? metric->region : NULL,
        .timeout_ms = TIMEOUT_MS,
    };

    FX_TRY(fx_aws_call_pages(aws, sc, &call, &(struct fx_aws_paging){.max_pages = MAX_PAGES},
                             &answer, &pages, err));
    const struct fx_json *results = fx_json_at(answer, "MetricDataResults");
    double *values = fx_alloc(sc, metric->count * sizeof(double));

    *ret_measured = 0;
    for (size_t i = 0; i < metric->count; i++)
        values[i] = NAN;
    for (size_t i = 0; i < fx_json_count(results); i++)
        take(metric, fx_json_item(results, i), values);
    for (size_t i = 0; i < metric->count; i++)
        *ret_measured += isfinite(values[i]) != 0;
    *ret_values = values;
    return FX_OK;
}
