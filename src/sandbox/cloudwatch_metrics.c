/* cloudwatch_metrics.c - CloudWatch's numbers: queue history, the world's metrics, their
 * statistics. */
#include "aws.h"
#include "sqs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

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

bool cloudwatch_is_statistic(const char *statistic) {
    static const char *const plain[] = {"Sum", "Minimum", "Maximum", "Average", "SampleCount"};

    for (size_t i = 0; i < FX_COUNT_OF(plain); i++)
        if (strcmp(plain[i], statistic) == 0)
            return true;
    return statistic[0] == 'p' && strspn(statistic + 1, "0123456789.") == strlen(statistic + 1) &&
           statistic[1] != '\0';
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

        if (name == NULL || !cloudwatch_is_statistic(name) || name[0] == 'p')
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
