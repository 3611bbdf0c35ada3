/* cloudwatch_metrics.c - CloudWatch's numbers: queue history, the world's metrics, their
 * statistics. */
#include "aws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, MAX_QUERIES = 500, EXPRESSION_PASSES = 2 };

/* ---- where points come from ---- */

static bool same_dimensions(const struct fx_json *have, const struct fx_json *asked) {
    if (fx_json_count(have) != fx_json_count(asked))
        return false;
    for (size_t i = 0; i < fx_json_count(asked); i++) {
        struct fx_json *one = fx_json_item(asked, i);
        const char *value = fx_json_get_text(have, aws_input_text(one, "Name"));

        if (value == NULL || strcmp(value, aws_input_text(one, "Value")) != 0)
            return false;
    }
    return true;
}

static const struct cloudwatch_metric *find_metric(const struct sandbox_aws *aws, const char *space,
                                                   const char *name,
                                                   const struct fx_json *dimensions) {
    for (const struct cloudwatch_metric *m = aws->metrics; m != NULL; m = m->next)
        if (strcmp(m->space, space) == 0 && strcmp(m->name, name) == 0 &&
            same_dimensions(m->dimensions, dimensions))
            return m;
    return NULL;
}

static struct metric_point scripted(const struct cloudwatch_metric *metric, int64_t minute) {
    double value = metric->constant;

    if (metric->values != NULL) {
        int64_t index = (int64_t)fx_json_count(metric->values) - 1 - (metric->last_minute - minute);

        if (index < 0)
            return (struct metric_point){0};
        /* after its last minute a scripted metric stays where it was */
        if (index >= (int64_t)fx_json_count(metric->values))
            index = (int64_t)fx_json_count(metric->values) - 1;
        struct fx_json *item = fx_json_item(metric->values, (size_t)index);
        if (fx_json_type(item) == FX_JSON_NULL || item == NULL)
            return (struct metric_point){0};
        value = fx_json_to_real(item, 0);
    }
    return (struct metric_point){value, value, value, 1};
}

static void merge(struct metric_point *into, const struct metric_point *point) {
    if (point->samples == 0)
        return;
    into->min = into->samples == 0 || point->min < into->min ? point->min : into->min;
    into->max = into->samples == 0 || point->max > into->max ? point->max : into->max;
    into->sum += point->sum;
    into->samples += point->samples;
}

struct metric_point cloudwatch_points(struct sandbox_aws *aws, const char *space, const char *name,
                                      const struct fx_json *dimensions, int64_t from_minute,
                                      int64_t to_minute) {
    const struct cloudwatch_metric *metric = find_metric(aws, space, name, dimensions);
    const char *queue_name = aws_input_text(fx_json_item(dimensions, 0), "Value");
    struct sqs_queue *queue = strcmp(space, "AWS/SQS") == 0 ? sqs_find(aws, queue_name) : NULL;
    struct metric_point sum = {0};

    for (int64_t minute = from_minute; minute < to_minute; minute++) {
        struct metric_point point = {0};

        if (metric != NULL)
            point = scripted(metric, minute);
        else if (queue != NULL)
            point = sqs_history_at(queue, name, minute);
        merge(&sum, &point);
    }
    return sum;
}

double cloudwatch_statistic(const struct metric_point *point, const char *statistic) {
    if (strcmp(statistic, "Sum") == 0)
        return point->sum;
    if (strcmp(statistic, "Minimum") == 0)
        return point->min;
    if (strcmp(statistic, "SampleCount") == 0)
        return (double)point->samples;
    if (strcmp(statistic, "Average") == 0)
        return point->sum / (double)point->samples;
    return point->max; /* Maximum, and high percentiles of what is kept by minute */
}

static bool is_statistic(const char *statistic) {
    static const char *const plain[] = {"Sum", "Minimum", "Maximum", "Average", "SampleCount"};

    for (size_t i = 0; i < FX_COUNT_OF(plain); i++)
        if (strcmp(plain[i], statistic) == 0)
            return true;
    return statistic[0] == 'p' && strspn(statistic + 1, "0123456789.") == strlen(statistic + 1) &&
           statistic[1] != '\0';
}

/* ---- GetMetricData ---- */

struct series {
    struct fx_json *query;
    const char *id, *expression;
    int64_t period_minutes;
    bool *has;
    double *values;
};

struct data_call {
    struct aws_call *call;
    struct series *series;
    size_t count, steps, step;
    int64_t from_minute, step_minutes;
};

static bool lookup(void *context, struct fx_slice id, double *ret_value) {
    const struct data_call *data = context;

    for (size_t i = 0; i < data->count; i++)
        if (fx_slice_equal_text(id, data->series[i].id)) {
            *ret_value = data->series[i].values[data->step];
            return data->series[i].has[data->step];
        }
    return false;
}

static void fill_metric(struct data_call *data, struct series *series) {
    struct fx_json *stat = fx_json_at(series->query, "MetricStat");
    struct fx_json *metric = fx_json_at(stat, "Metric");

    for (size_t step = 0; step < data->steps; step++) {
        int64_t from = data->from_minute + (int64_t)step * data->step_minutes;
        struct metric_point point =
            cloudwatch_points(data->call->aws, aws_input_text(metric, "Namespace"),
                              aws_input_text(metric, "MetricName"),
                              fx_json_at(metric, "Dimensions"), from, from + data->step_minutes);

        series->has[step] = point.samples > 0;
        if (series->has[step])
            series->values[step] = cloudwatch_statistic(&point, aws_input_text(stat, "Stat"));
    }
}

static bool fill_expression(struct data_call *data, struct series *series) {
    for (data->step = 0; data->step < data->steps; data->step++) {
        double value = 0;

        switch (metric_math(series->expression, lookup, data, &value)) {
        case METRIC_MATH_OK:
            series->has[data->step] = true;
            series->values[data->step] = value;
            break;
        case METRIC_MATH_MISSING:
            series->has[data->step] = false;
            break;
        case METRIC_MATH_MALFORMED:
            aws_fail(data->call, 400, "ValidationException", "ValidationError",
                     "Error in expression '%s': the sandbox knows + - * / ( ), ids and FILL",
                     series->id);
            return false;
        }
    }
    return true;
}

static bool read_series(struct data_call *data) {
    struct aws_call *call = data->call;
    struct fx_json *queries = fx_json_at(call->input, "MetricDataQueries");

    for (size_t i = 0; i < data->count; i++) {
        struct series *series = &data->series[i];
        struct fx_json *stat;
        int64_t period_s;

        series->query = fx_json_item(queries, i);
        series->id = aws_input_text(series->query, "Id");
        series->expression = fx_json_get_text(series->query, "Expression");
        stat = fx_json_at(series->query, "MetricStat");
        period_s = aws_input_int(stat, "Period", aws_input_int(series->query, "Period", 60));
        series->period_minutes = period_s < 60 ? 1 : period_s / 60;
        if (series->id[0] < 'a' || series->id[0] > 'z') {
            aws_fail(call, 400, "ValidationException", "ValidationError",
                     "The value '%s' for parameter MetricDataQueries.member.%zu.Id is not matching "
                     "the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
                     series->id, i + 1);
            return false;
        }
        if ((stat == NULL) == (series->expression == NULL) ||
            (stat != NULL && !is_statistic(aws_input_text(stat, "Stat")))) {
            aws_fail(call, 400, "ValidationException", "ValidationError",
                     "Exactly one of Expression and MetricStat with a valid Stat is needed in "
                     "'%s'",
                     series->id);
            return false;
        }
        /* the expressions' step is that of the metrics they read; ours share the coarsest */
        if (series->period_minutes > data->step_minutes)
            data->step_minutes = series->period_minutes;
    }
    return true;
}

static struct fx_json *result_of(const struct data_call *data, const struct series *series) {
    struct fx_scope *sc = data->call->sc;
    struct fx_json *times = fx_json_array(sc), *values = fx_json_array(sc);
    const char *label = fx_json_get_text(series->query, "Label");
    const char *name = fx_json_text(fx_json_at_path(series->query, "MetricStat.Metric.MetricName"));
    bool ascending = strcmp(aws_input_text(data->call->input, "ScanBy"), "TimestampAscending") == 0;

    for (size_t i = 0; i < data->steps; i++) {
        size_t step = ascending ? i : data->steps - 1 - i;

        if (!series->has[step])
            continue;
        fx_json_add(times,
                    aws_time(data->call,
                             (data->from_minute + (int64_t)step * data->step_minutes) * MINUTE_MS));
        fx_json_add(values, fx_json_real(sc, series->values[step]));
    }
    if (label == NULL)
        label = name != NULL ? name : series->id;
    return fx_json_object_of(sc, "Id", fx_json_string(sc, series->id), "Label",
                             fx_json_string(sc, label), "Timestamps", times, "Values", values,
                             "StatusCode", fx_json_string(sc, "Complete"), NULL);
}

/* EndTime is exclusive; the start is rounded down to the period. */
static bool set_range(struct data_call *data) {
    struct aws_call *call = data->call;
    int64_t from_ms = aws_input_time(call->input, "StartTime", 0);
    int64_t to_ms = aws_input_time(call->input, "EndTime", 0);
    int64_t step_ms;

    if (from_ms >= to_ms) {
        aws_fail(call, 400, "ValidationException", "ValidationError",
                 "The parameter StartTime must be less than the parameter EndTime.");
        return false;
    }
    step_ms = data->step_minutes * MINUTE_MS;
    data->from_minute = from_ms / step_ms * data->step_minutes;
    data->steps = (size_t)((to_ms - data->from_minute * MINUTE_MS + step_ms - 1) / step_ms);
    if (data->steps > CLOUDWATCH_MAX_POINTS * 10) {
        aws_fail(call, 400, "ValidationException", "ValidationError",
                 "The sandbox gives at most %d points for each metric", CLOUDWATCH_MAX_POINTS * 10);
        return false;
    }
    for (size_t i = 0; i < data->count; i++) {
        data->series[i].has = fx_alloc(call->sc, data->steps * sizeof(bool));
        data->series[i].values = fx_alloc(call->sc, data->steps * sizeof(double));
    }
    return true;
}

struct fx_json *cloudwatch_get_metric_data(struct aws_call *call) {
    struct data_call data = {.call = call, .step_minutes = 1};
    struct fx_json *results = fx_json_array(call->sc);

    data.count = fx_json_count(fx_json_at(call->input, "MetricDataQueries"));
    if (data.count == 0 || data.count > MAX_QUERIES)
        return aws_fail(call, 400, "ValidationException", "ValidationError",
                        "The collection MetricDataQueries must have 1 to %d members", MAX_QUERIES);
    data.series = fx_alloc(call->sc, data.count * sizeof data.series[0]);
    if (!read_series(&data) || !set_range(&data))
        return NULL;
    for (size_t i = 0; i < data.count; i++)
        if (data.series[i].expression == NULL)
            fill_metric(&data, &data.series[i]);
    /* an expression may name one that stands after it */
    for (size_t pass = 0; pass < EXPRESSION_PASSES; pass++)
        for (size_t i = 0; i < data.count; i++)
            if (data.series[i].expression != NULL && !fill_expression(&data, &data.series[i]))
                return NULL;
    for (size_t i = 0; i < data.count; i++)
        if (aws_input_bool(data.series[i].query, "ReturnData", true))
            fx_json_add(results, result_of(&data, &data.series[i]));
    return fx_json_object_of(call->sc, "MetricDataResults", results, "Messages",
                             fx_json_array(call->sc), NULL);
}

/* ---- GetMetricStatistics, ListMetrics ---- */

static struct fx_json *datapoint_of(struct aws_call *call, const struct metric_point *point,
                                    int64_t minute) {
    struct fx_scope *sc = call->sc;
    struct fx_json *plain = fx_json_at(call->input, "Statistics");
    struct fx_json *extended = fx_json_at(call->input, "ExtendedStatistics");
    struct fx_json *json = fx_json_object_of(sc, "Timestamp", aws_time(call, minute * MINUTE_MS),
                                             "Unit", fx_json_string(sc, "None"), NULL);
    struct fx_json *percentiles = fx_json_object(sc);

    for (size_t i = 0; i < fx_json_count(plain); i++) {
        const char *name = fx_json_text(fx_json_item(plain, i));

        if (name != NULL)
            fx_json_put(json, name, fx_json_real(sc, cloudwatch_statistic(point, name)));
    }
    for (size_t i = 0; i < fx_json_count(extended); i++) {
        const char *name = fx_json_text(fx_json_item(extended, i));

        if (name != NULL)
            fx_json_put(percentiles, name, fx_json_real(sc, cloudwatch_statistic(point, name)));
    }
    if (fx_json_count(percentiles) > 0)
        fx_json_put(json, "ExtendedStatistics", percentiles);
    return json;
}

struct fx_json *cloudwatch_get_metric_statistics(struct aws_call *call) {
    const struct fx_json *input = call->input;
    struct fx_json *plain = fx_json_at(input, "Statistics"), *points = fx_json_array(call->sc);
    int64_t step = aws_input_int(input, "Period", 60) / 60;
    int64_t from_ms = aws_input_time(input, "StartTime", 0);
    int64_t to_ms = aws_input_time(input, "EndTime", 0);

    step = step < 1 ? 1 : step;
    for (size_t i = 0; i < fx_json_count(plain); i++) {
        const char *name = fx_json_text(fx_json_item(plain, i));

        if (name == NULL || !is_statistic(name) || name[0] == 'p')
            return aws_fail(call, 400, "InvalidParameterValueException", "InvalidParameterValue",
                            "The value for parameter Statistics is not a basic statistic; "
                            "percentiles go into ExtendedStatistics");
    }
    if (from_ms >= to_ms || (to_ms - from_ms) / (step * MINUTE_MS) > CLOUDWATCH_MAX_POINTS)
        return aws_fail(call, 400, "InvalidParameterCombinationException",
                        "InvalidParameterCombination",
                        "StartTime must be before EndTime and give at most %d data points",
                        CLOUDWATCH_MAX_POINTS);
    for (int64_t minute = from_ms / MINUTE_MS / step * step; minute * MINUTE_MS < to_ms;
         minute += step) {
        struct metric_point point = cloudwatch_points(
            call->aws, aws_input_text(input, "Namespace"), aws_input_text(input, "MetricName"),
            fx_json_at(input, "Dimensions"), minute, minute + step);

        if (point.samples > 0)
            fx_json_add(points, datapoint_of(call, &point, minute));
    }
    return fx_json_object_of(call->sc, "Label",
                             fx_json_string(call->sc, aws_input_text(input, "MetricName")),
                             "Datapoints", points, NULL);
}

struct fx_json *cloudwatch_list_metrics(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *space = fx_json_get_text(call->input, "Namespace");
    const char *wanted = fx_json_get_text(call->input, "MetricName");
    struct fx_json *metrics = fx_json_array(sc);

    for (const struct cloudwatch_metric *m = call->aws->metrics; m != NULL; m = m->next) {
        struct fx_json *dimensions = fx_json_array(sc);
        void *cursor = NULL;
        const char *name;
        struct fx_json *value;

        if ((space != NULL && strcmp(m->space, space) != 0) ||
            (wanted != NULL && strcmp(m->name, wanted) != 0))
            continue;
        while (fx_json_next(m->dimensions, &cursor, &name, &value))
            fx_json_add(dimensions, fx_json_object_of(sc, "Name", fx_json_string(sc, name), "Value",
                                                      fx_json_copy(sc, value), NULL));
        fx_json_add(metrics,
                    fx_json_object_of(sc, "Namespace", fx_json_string(sc, m->space), "MetricName",
                                      fx_json_string(sc, m->name), "Dimensions", dimensions, NULL));
    }
    return fx_json_object_of(sc, "Metrics", metrics, NULL);
}
