/* incident.h - reads an alarm, and says which open incident it belongs to and what changes. Pure.
 *
 * Every text that reaches an alarm topic becomes an alarm: what is not recognised becomes a plain
 * note and is never dropped. Facts: samples recorded from AWS; CloudWatch User Guide.
 */
#pragma once

#include "fluxabot/base/json.h"

enum fx_alarm_shape {
    FX_ALARM_METRIC,
    FX_ALARM_MATH,
    FX_ALARM_ANOMALY,
    FX_ALARM_COMPOSITE,
    FX_ALARM_EVENTBRIDGE_ALARM, /* CloudWatch Alarm State Change through EventBridge */
    FX_ALARM_EVENTBRIDGE,       /* ECS, Health, CodePipeline ... */
    FX_ALARM_LAMBDA_DIRECT,     /* alarmData */
    FX_ALARM_RDS,
    FX_ALARM_AUTOSCALING,
    FX_ALARM_LAMBDA_DESTINATION,
    FX_ALARM_BUDGET,
    FX_ALARM_JSON, /* an object we do not know */
    FX_ALARM_TEXT,
};
const char *fx_alarm_shape_name(enum fx_alarm_shape shape);

enum fx_alarm_state {
    FX_ALARM_STATE_ALARM,
    FX_ALARM_STATE_OK,
    FX_ALARM_STATE_INSUFFICIENT,
    FX_ALARM_STATE_NOTE
};

struct fx_alarm {
    enum fx_alarm_shape shape;
    enum fx_alarm_state state; /* NOTE: an event without a state */
    const char *name;          /* never empty */
    const char *arn;           /* of the alarm or of what the event is about; "" when none */
    const char
        *key; /* what makes two tellings the same: the ARN, else a digest of source and name */
    const char *account, *region; /* "" when not told */
    const char *reason;           /* in AWS's words, at most 1,024 characters */
    const char *description;      /* "" */
    int64_t changed_ms; /* StateChangeTime; the envelope's time when not told, or told to lie
                         * after it: a future date would make all that follows look old */
    const char *metric_namespace, *metric_name, *statistic; /* "" when there is none; with several
                                                             * metrics "" where they differ, and no
                                                             * name and statistic */
    const struct fx_json *dimensions; /* object name -> value, shared by all metrics; NULL */
    bool has_threshold;
    double threshold;
    const char *comparison; /* ">" ">=" "<" "<=" "outside", "" */
    const struct fx_json
        *children; /* composite: names of the children in alarm, maybe none; else NULL */
    const struct fx_json *extra; /* notes: what to show, an object; NULL */
};

/* Never fails on content: FX_OK for any text. topic_arn supplies account and region when the
 * message has none; subject may be NULL. */
enum fx_code fx_alarm_read(struct fx_scope *sc, const char *message, const char *subject,
                           const char *topic_arn, int64_t sent_ms, struct fx_alarm **ret_alarm,
                           struct fx_error *err);

/* ---- what an alarm does to incidents ---- */

enum fx_incident_change {
    FX_INCIDENT_OPENS,   /* a new one */
    FX_INCIDENT_REOPENS, /* closed a short while ago: the same card lives again */
    FX_INCIDENT_REPEATS, /* still in alarm: count it, change the card, no new triage */
    FX_INCIDENT_CLOSES,
    FX_INCIDENT_NOTES,   /* an event without a state: a plain card */
    FX_INCIDENT_IGNORES, /* told before, older than what we know, OK without an open incident,
                          * insufficient data */
};

enum { FX_INCIDENT_REOPEN_WITHIN_MS = 30 * 60 * 1000 };

struct fx_incident_facts {
    bool exists, open;
    int64_t changed_ms, closed_ms; /* of the newest incident with this key */
};
/* An OK that is ignored because the incident is closed, but newer than changed_ms, must become its
 * changed_ms all the same: the alarm before it may still be on its way and would reopen the
 * incident. */
enum fx_incident_change fx_incident_decide(const struct fx_alarm *alarm,
                                           const struct fx_incident_facts *facts);
