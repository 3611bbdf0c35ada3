/* metric.c - the metric, dimensions and threshold of an alarm, in all spellings. */
#include "private.h"

#include <string.h>

/* SNS capitalises the members of a metric, EventBridge does not. */
static const struct fx_json *either(const struct fx_json *object, const char *sns,
                                    const char *eventbridge) {
    const struct fx_json *member = fx_json_at(object, sns);

    return member ? member : fx_json_at(object, eventbridge);
}

static const char *either_text(struct fx_scope *sc, const struct fx_json *object, const char *sns,
                               const char *eventbridge) {
    return incident_line(sc, fx_json_text(either(object, sns, eventbridge)), INCIDENT_MAX_FIELD);
}

static void put_dimension(struct fx_scope *sc, struct fx_json *dimensions, const char *name,
                          const char *value) {
    name = incident_line(sc, name, INCIDENT_MAX_FIELD);
    if (*name)
        fx_json_put(dimensions, name,
                    fx_json_string(sc, incident_line(sc, value, INCIDENT_MAX_FIELD)));
}

const struct fx_json *incident_dimensions(struct fx_scope *sc, const struct fx_json *dimensions) {
    struct fx_json *found = fx_json_object(sc), *value;
    const char *name;
    void *cursor = NULL;

    for (size_t i = 0; i < fx_json_count(dimensions) && i < INCIDENT_MAX_DIMENSIONS; i++) {
        const struct fx_json *item = fx_json_item(dimensions, i);

        put_dimension(sc, found, fx_json_text(either(item, "name", "Name")),
                      fx_json_text(either(item, "value", "Value")));
    }
    if (fx_json_type(dimensions) == FX_JSON_OBJECT)
        for (size_t i = 0;
             i < INCIDENT_MAX_DIMENSIONS && fx_json_next(dimensions, &cursor, &name, &value); i++)
            put_dimension(sc, found, name, fx_json_text(value));
    return fx_json_count(found) > 0 ? found : NULL;
}

const char *incident_statistic(struct fx_scope *sc, const char *text) {
    static const char *const names[] = {"Average", "Sum", "Maximum", "Minimum", "SampleCount"};

    if (!text)
        return "";
    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        if (strcasecmp(text, names[i]) == 0)
            return names[i];
    return incident_line(sc, text, INCIDENT_MAX_FIELD);
}

const char *incident_comparison(const char *operator_name) {
    static const struct {
        const char *name, *sign;
    } signs[] = {
        {"GreaterThanThreshold", ">"},
        {"GreaterThanOrEqualToThreshold", ">="},
        {"LessThanThreshold", "<"},
        {"LessThanOrEqualToThreshold", "<="},
        {"GreaterThanUpperThreshold", ">"},
        {"LessThanLowerThreshold", "<"},
        {"LessThanLowerOrGreaterThanUpperThreshold", "outside"},
    };

    for (size_t i = 0; operator_name && i < FX_COUNT_OF(signs); i++)
        if (strcmp(operator_name, signs[i].name) == 0)
            return signs[i].sign;
    return "";
}

void incident_take_threshold(const struct fx_json *threshold, struct fx_alarm *alarm) {
    enum fx_json_type type = fx_json_type(threshold);

    alarm->has_threshold = type == FX_JSON_INT || type == FX_JSON_REAL;
    alarm->threshold = fx_json_to_real(threshold, 0);
}

/* "100*errors/invocations" of one function is still an alarm of that function: what the metrics
 * agree on is kept, what differs is emptied. */
static void merge_metric(struct fx_scope *sc, const struct fx_json *stat, bool first,
                         struct fx_alarm *alarm) {
    const struct fx_json *metric = either(stat, "Metric", "metric");
    const char *space = either_text(sc, metric, "Namespace", "namespace");
    const struct fx_json *dimensions =
        incident_dimensions(sc, either(metric, "Dimensions", "dimensions"));

    if (first) {
        alarm->metric_namespace = space;
        alarm->metric_name = either_text(sc, metric, "MetricName", "name");
        alarm->statistic = incident_statistic(sc, fx_json_text(either(stat, "Stat", "stat")));
        alarm->dimensions = dimensions;
        return;
    }
    alarm->metric_name = alarm->statistic = "";
    if (strcmp(alarm->metric_namespace, space) != 0)
        alarm->metric_namespace = "";
    if (!alarm->dimensions || !dimensions || !fx_json_equal(alarm->dimensions, dimensions))
        alarm->dimensions = NULL;
}

void incident_take_metrics(struct fx_scope *sc, const struct fx_json *metrics,
                           struct fx_alarm *alarm) {
    bool first = true;

    for (size_t i = 0; i < fx_json_count(metrics) && i < INCIDENT_MAX_CHILDREN; i++) {
        const struct fx_json *stat = either(fx_json_item(metrics, i), "MetricStat", "metricStat");

        if (fx_json_type(stat) != FX_JSON_OBJECT)
            continue;
        merge_metric(sc, stat, first, alarm);
        first = false;
    }
}
