/* private.h - what the readers of the alarm shapes share.
 *
 * A reader is given an alarm with defaults in every field and overwrites what it finds; texts pass
 * incident_line or incident_text first, so whatever a sender put there is short, UTF-8 and
 * printable.
 */
#pragma once

#include "fluxabot/incident.h"

enum {
    INCIDENT_MAX_NAME = 255,    /* CloudWatch's own limit, in characters */
    INCIDENT_MAX_ARN = 1600,    /* likewise */
    INCIDENT_MAX_REASON = 1024, /* likewise, and of descriptions */
    INCIDENT_MAX_FIELD = 255,
    INCIDENT_MAX_DIMENSIONS = 30,      /* CloudWatch's limit for a metric */
    INCIDENT_MAX_PERIOD_S = 24 * 3600, /* of one data point; CloudWatch's own */
    INCIDENT_MAX_QUERIES = 10,         /* of a formula; likewise */
    INCIDENT_MAX_EXPRESSION = 1024,    /* likewise */
    INCIDENT_MAX_CHILDREN = 100,
    INCIDENT_MAX_SHOWN = 3000, /* of a text or an unknown object: what fits a Slack section */
};

/* One message and how it came. */
struct incident_message {
    struct fx_scope *sc;
    struct fx_slice text;
    const struct fx_json *json; /* the text as an object; NULL when it is none */
    const char *subject;        /* a line; "" when none */
    const char *topic_arn;      /* "" when none */
    int64_t sent_ms;
};

/* True when the message has this reader's shape; then the alarm is filled. */
typedef bool incident_read_fn(const struct incident_message *message, struct fx_alarm *alarm);

incident_read_fn incident_read_cloudwatch;         /* cloudwatch.c */
incident_read_fn incident_read_eventbridge_alarm;  /* change.c */
incident_read_fn incident_read_lambda_direct;      /* change.c */
incident_read_fn incident_read_eventbridge;        /* events.c */
incident_read_fn incident_read_rds;                /* notices.c */
incident_read_fn incident_read_autoscaling;        /* notices.c */
incident_read_fn incident_read_lambda_destination; /* notices.c */
incident_read_fn incident_read_budget;             /* text.c */
incident_read_fn incident_read_json;               /* text.c: any object */
incident_read_fn incident_read_text;               /* text.c: anything */

/* ---- read.c, cloudwatch.c, change.c: parts of readers ---- */

/* Defaults in every field. */
struct fx_alarm *incident_blank(struct fx_scope *sc);
/* Metric, threshold and shape; an alarm of DescribeAlarms has the members of SNS's Trigger. */
void incident_take_trigger(struct fx_scope *sc, const struct fx_json *trigger,
                           struct fx_alarm *alarm);
/* The names of a composite's children in alarm, from its reason data. */
const struct fx_json *incident_children(struct fx_scope *sc, const struct fx_json *reason);

/* ---- fields.c: words from outside ---- */

/* One trimmed line of at most max code points; control characters become blanks. "" for NULL. */
const char *incident_line(struct fx_scope *sc, const char *text, size_t max);
/* The same, but line feeds and tabs stay. */
const char *incident_text(struct fx_scope *sc, struct fx_slice text, size_t max);
/* incident_line of a string member; "" when there is no such string. */
const char *incident_member(struct fx_scope *sc, const struct fx_json *object, const char *key,
                            size_t max);
/* The n-th colon-separated part of an ARN, counted from 0; "" when there is none. */
const char *incident_arn_part(struct fx_scope *sc, const char *arn, size_t n);
/* What follows ":alarm:"; "" when the ARN is not an alarm's. */
const char *incident_alarm_name_of(struct fx_scope *sc, const char *arn);
/* What follows the last '/' or ':', at most the whole. */
const char *incident_last_part(const char *arn);
/* Takes account and region from the ARN where it names them. */
void incident_take_place(struct fx_scope *sc, struct fx_alarm *alarm, const char *arn);
/* Leaves *time_ms alone when the text is no time, or lies after the message was sent. */
void incident_take_time(const char *text, int64_t sent_ms, int64_t *time_ms);
enum fx_alarm_state incident_state_of(const char *text);

/* ---- told.c ---- */

/* Whether an ALARM that began at this time, or so much apart from it, was told. */
bool incident_is_told(const struct fx_incident_facts *facts, int64_t began_ms, int64_t apart_ms);

/* ---- metric.c: metric, dimensions, threshold ---- */

/* An object name -> value from [{"name","value"}] or {"name": "value"}; NULL when there are none.
 */
const struct fx_json *incident_dimensions(struct fx_scope *sc, const struct fx_json *dimensions);
/* The metrics list of a math or anomaly alarm, as SNS ("MetricStat") or EventBridge ("metricStat")
 * writes it: what all its metrics share, or the one there is. */
void incident_take_metrics(struct fx_scope *sc, const struct fx_json *metrics,
                           struct fx_alarm *alarm);
/* queries and period_ms, where they can be asked for: of one metric, and of a formula. */
void incident_take_query(struct fx_scope *sc, const struct fx_json *trigger,
                         struct fx_alarm *alarm);
void incident_take_queries(struct fx_scope *sc, const struct fx_json *metrics,
                           struct fx_alarm *alarm);
void incident_take_threshold(const struct fx_json *threshold, struct fx_alarm *alarm);
/* "MAXIMUM" as "Maximum", "p99" as it is. */
const char *incident_statistic(struct fx_scope *sc, const char *text);
const char *incident_comparison(const char *operator_name);
