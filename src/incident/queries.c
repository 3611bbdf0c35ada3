/* queries.c - what an alarm measures, as CloudWatch is asked for it (GetMetricData). */
#include "private.h"

#include <string.h>

/* What is older than three hours comes in whole minutes only. */
enum { PERIOD_S = 60 };

static const struct fx_json *either(const struct fx_json *object, const char *sns,
                                    const char *eventbridge) {
    const struct fx_json *member = fx_json_at(object, sns);

    return member ? member : fx_json_at(object, eventbridge);
}

static int64_t whole_minutes(const struct fx_json *period) {
    int64_t given = fx_json_to_int(period, 0);

    if (given <= 0 || given > INCIDENT_MAX_PERIOD_S)
        return 0;
    return (given + PERIOD_S - 1) / PERIOD_S * PERIOD_S;
}

static struct fx_json *query_of(struct fx_scope *sc, const struct fx_alarm *metric,
                                int64_t period_s) {
    struct fx_json *dimensions = fx_json_array(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(metric->dimensions, &cursor, &name, &value))
        fx_json_add(dimensions,
                    fx_json_object_of(sc, "Name", fx_json_string(sc, name), "Value", value, NULL));
    struct fx_json *asked = fx_json_object_of(
        sc, "Namespace", fx_json_string(sc, metric->metric_namespace), "MetricName",
        fx_json_string(sc, metric->metric_name), "Dimensions", dimensions, NULL);

    return fx_json_object_of(sc, "MetricStat",
                             fx_json_object_of(sc, "Metric", asked, "Period",
                                               fx_json_int(sc, period_s), "Stat",
                                               fx_json_string(sc, metric->statistic), NULL),
                             NULL);
}

static void add(struct fx_scope *sc, struct fx_json *queries, struct fx_json *query, const char *id,
                const char *label, bool shown) {
    fx_json_put(query, "Id", fx_json_string(sc, id));
    if (shown)
        fx_json_put(query, "Label", fx_json_string(sc, label));
    fx_json_put(query, "ReturnData", fx_json_bool(sc, shown));
    fx_json_add(queries, query);
}

void incident_take_query(struct fx_scope *sc, const struct fx_json *trigger,
                         struct fx_alarm *alarm) {
    int64_t period_s = whole_minutes(fx_json_at(trigger, "Period"));
    struct fx_json *queries = fx_json_array(sc);

    if (!*alarm->metric_namespace || !*alarm->metric_name || !*alarm->statistic || !period_s)
        return;
    add(sc, queries, query_of(sc, alarm, period_s), "m",
        fx_printf(sc, "%s (%s)", alarm->metric_name, alarm->statistic), true);
    alarm->queries = queries;
    alarm->period_ms = period_s * 1000;
}

/* All of a formula in one period, the longest, so that their points meet. */
static int64_t period_of(const struct fx_json *metrics) {
    int64_t period_s = 0;

    for (size_t i = 0; i < fx_json_count(metrics); i++) {
        const struct fx_json *stat = either(fx_json_item(metrics, i), "MetricStat", "metricStat");
        int64_t own = whole_minutes(either(stat, "Period", "period"));

        period_s = own > period_s ? own : period_s;
    }
    return period_s;
}

/* NULL for what cannot be asked as it is. */
static struct fx_json *part_of(struct fx_scope *sc, const struct fx_json *item, int64_t period_s) {
    const struct fx_json *stat = either(item, "MetricStat", "metricStat");
    const struct fx_json *metric = either(stat, "Metric", "metric");
    const char *expression = fx_json_text(either(item, "Expression", "expression"));

    if (expression)
        return strlen(expression) > INCIDENT_MAX_EXPRESSION
                   ? NULL
                   : fx_json_object_of(sc, "Expression", fx_json_string(sc, expression), NULL);
    const char *space = fx_json_text(either(metric, "Namespace", "namespace"));
    const char *name = fx_json_text(either(metric, "MetricName", "name"));
    const char *statistic = fx_json_text(either(stat, "Stat", "stat"));

    if (!space || !name || !statistic || !period_s || fx_json_at(item, "AccountId"))
        return NULL; /* also another account's: who may ask there is not known */
    return query_of(
        sc,
        &(struct fx_alarm){.metric_namespace = incident_line(sc, space, INCIDENT_MAX_FIELD),
                           .metric_name = incident_line(sc, name, INCIDENT_MAX_FIELD),
                           .statistic = incident_statistic(sc, statistic),
                           .dimensions =
                               incident_dimensions(sc, either(metric, "Dimensions", "dimensions"))},
        period_s);
}

void incident_take_queries(struct fx_scope *sc, const struct fx_json *metrics,
                           struct fx_alarm *alarm) {
    struct fx_json *queries = fx_json_array(sc);
    int64_t period_s = period_of(metrics);
    int returned = 0;

    if (fx_json_count(metrics) > INCIDENT_MAX_QUERIES || !period_s)
        return;
    for (size_t i = 0; i < fx_json_count(metrics); i++) {
        const struct fx_json *item = fx_json_item(metrics, i);
        const char *id = fx_json_text(either(item, "Id", "id"));
        const char *label = fx_json_text(either(item, "Label", "label"));
        const char *expression = fx_json_text(either(item, "Expression", "expression"));
        bool shown = fx_json_to_bool(either(item, "ReturnData", "returnData"), true);
        struct fx_json *query = part_of(sc, item, period_s);

        if (!id || !query)
            return;
        if (!label || !*label)
            label = expression ? expression : id;
        returned += shown;
        add(sc, queries, query, id, incident_line(sc, label, INCIDENT_MAX_FIELD), shown);
    }
    if (returned != 1) /* the alarm is about one line */
        return;
    alarm->queries = queries;
    alarm->period_ms = period_s * 1000;
}
