/* cloudwatch_data.c - GetMetricData: metrics, metric math over them, pages, and results that are
 * not complete. */
#include "aws.h"

#include <string.h>

enum {
    MINUTE_MS = 60000,
    MAX_QUERIES = 500,
    MAX_DATAPOINTS = 100800, /* of a page */
    EXPRESSION_PASSES = 2,
};

struct series {
    struct fx_json *query;
    const char *id, *expression;
    int64_t period_minutes;
    bool *has;
    double *values;
    const char *status; /* the world's word; NULL: complete */
};

struct data_call {
    struct aws_call *call;
    struct series *series;
    size_t count, steps, step;
    int64_t from_minute, step_minutes;
    bool unknown; /* an expression reads an id that no query has */
};

/* ---- values ---- */

static bool lookup(void *context, struct fx_slice id, double *ret_value) {
    struct data_call *data = context;

    for (size_t i = 0; i < data->count; i++)
        if (fx_slice_equal_text(id, data->series[i].id)) {
            *ret_value = data->series[i].values[data->step];
            return data->series[i].has[data->step];
        }
    data->unknown = true;
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
    if (data->unknown)
        aws_fail(data->call, 400, "ValidationException", "ValidationError",
                 "Error in expression '%s': it reads an id that is not defined", series->id);
    return !data->unknown;
}

/* ---- the request ---- */

static bool is_taken(const struct data_call *data, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(data->series[i].id, data->series[count].id) == 0)
            return true;
    return false;
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
        series->status = fx_json_get_text(
            call->aws->metric_statuses,
            aws_input_text(fx_json_at_path(series->query, "MetricStat.Metric"), "MetricName"));
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
        if (is_taken(data, i)) {
            aws_fail(call, 400, "ValidationException", "ValidationError",
                     "The values for parameter id in MetricDataQueries are not unique");
            return false;
        }
        if ((stat == NULL) == (series->expression == NULL) ||
            (stat != NULL && !cloudwatch_is_statistic(aws_input_text(stat, "Stat")))) {
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

/* ---- the answer ---- */

/* What this page gives of the answer: so many data points from there. */
struct page {
    size_t from, room;
    size_t passed; /* data points of the series before */
    bool more;
};

static bool read_page(const struct aws_call *call, struct page *ret_page) {
    const char *token = fx_json_get_text(call->input, "NextToken");
    int64_t from = 0, room = aws_input_int(call->input, "MaxDatapoints", MAX_DATAPOINTS);

    if (call->aws->metric_page > 0 && call->aws->metric_page < room)
        room = call->aws->metric_page;
    if (token != NULL &&
        (strncmp(token, "points-", 7) != 0 || !fx_slice_to_int(fx_slice_of(token + 7), &from)))
        return false;
    *ret_page = (struct page){.from = (size_t)from, .room = (size_t)room};
    return from >= 0 && room > 0;
}

static const char *label_of(const struct series *series) {
    const char *label = fx_json_get_text(series->query, "Label");
    const char *name = fx_json_text(fx_json_at_path(series->query, "MetricStat.Metric.MetricName"));

    if (label != NULL)
        return label;
    return name != NULL ? name : series->id;
}

static size_t count_points(const struct data_call *data, const struct series *series) {
    size_t count = 0;

    for (size_t step = 0; step < data->steps; step++)
        count += series->has[step];
    /* of an incomplete one only the first half is known */
    return series->status != NULL ? count / 2 : count;
}

static void add_points(const struct data_call *data, const struct series *series, size_t skip,
                       size_t most, struct fx_json *times, struct fx_json *values) {
    bool ascending = strcmp(aws_input_text(data->call->input, "ScanBy"), "TimestampAscending") == 0;
    size_t seen = 0;

    for (size_t i = 0; i < data->steps && fx_json_count(values) < most; i++) {
        size_t step = ascending ? i : data->steps - 1 - i;
        int64_t minute = data->from_minute + (int64_t)step * data->step_minutes;

        if (!series->has[step] || seen++ < skip)
            continue;
        fx_json_add(times, aws_time(data->call, minute * MINUTE_MS));
        fx_json_add(values, fx_json_real(data->call->sc, series->values[step]));
    }
}

/* NULL when this page holds nothing of it. A result of which a page gives a part is PartialData. */
static struct fx_json *result_of(const struct data_call *data, const struct series *series,
                                 struct page *page) {
    struct fx_scope *sc = data->call->sc;
    struct fx_json *times = fx_json_array(sc), *values = fx_json_array(sc);
    size_t count = count_points(data, series), first = page->passed;
    size_t skip = page->from > first ? page->from - first : 0;
    size_t end = page->from + page->room;
    const char *status = series->status != NULL ? series->status : "Complete";

    page->passed += count;
    if (first >= end) {
        page->more = true;
        return NULL;
    }
    if (page->passed <= page->from && page->from > 0 && (count > 0 || first < page->from))
        return NULL;
    size_t most = end - (first + skip) < count - skip ? end - (first + skip) : count - skip;

    add_points(data, series, skip, most, times, values);
    if (skip + most < count) {
        page->more = true;
        status = "PartialData";
    }
    return fx_json_object_of(sc, "Id", fx_json_string(sc, series->id), "Label",
                             fx_json_string(sc, label_of(series)), "Timestamps", times, "Values",
                             values, "StatusCode", fx_json_string(sc, status), NULL);
}

static struct fx_json *write_answer(struct data_call *data, struct page *page) {
    struct fx_scope *sc = data->call->sc;
    struct fx_json *results = fx_json_array(sc), *token = NULL;

    for (size_t i = 0; i < data->count; i++) {
        if (!aws_input_bool(data->series[i].query, "ReturnData", true))
            continue;
        struct fx_json *result = result_of(data, &data->series[i], page);
        if (result != NULL)
            fx_json_add(results, result);
    }
    if (page->more)
        token = fx_json_stringf(sc, "points-%zu", page->from + page->room);
    return fx_json_object_of(sc, "MetricDataResults", results, "Messages", fx_json_array(sc),
                             "NextToken", token, NULL);
}

struct fx_json *cloudwatch_get_metric_data(struct aws_call *call) {
    struct data_call data = {.call = call, .step_minutes = 1};
    struct page page;

    if (!read_page(call, &page))
        return aws_fail(call, 400, "InvalidNextToken", NULL, "The NextToken is not valid");
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
    return write_answer(&data, &page);
}
