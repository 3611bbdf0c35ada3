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
    /* What it measures, as GetMetricData is asked for it: one of them returns data, and its Label
     * is what people call it. NULL for a band, a composite, or what was not told in full. */
    const struct fx_json *queries;
    int64_t period_ms; /* of them all, whole minutes; 0 without them */
    bool has_threshold;
    double threshold;
    const char *comparison; /* ">" ">=" "<" "<=" "outside", "" */
    const struct fx_json
        *children; /* composite: names of the children in alarm, maybe none; else NULL */
    const struct fx_json *extra; /* notes: what to show, an object; NULL */
    bool asked;                  /* CloudWatch said so when it was asked; no notification told it */
};

/* Never fails on content: FX_OK for any text. topic_arn supplies account and region when the
 * message has none; subject may be NULL. */
enum fx_code fx_alarm_read(struct fx_scope *sc, const char *message, const char *subject,
                           const char *topic_arn, int64_t sent_ms, struct fx_alarm **ret_alarm,
                           struct fx_error *err);

/* ---- what CloudWatch says when it is asked ---- */

/* One change of an alarm's state. */
struct fx_alarm_change {
    enum fx_alarm_state state;
    int64_t at_ms;
    const char *reason;      /* "" when not told */
    const char *reason_data; /* JSON as text; "" */
};

/* What is known of the past of an alarm of DescribeAlarms, the oldest first: its items of
 * DescribeAlarmHistory, given oldest first (NULL: none), and what it shows now. The items do not
 * count for an alarm whose actions another one holds back at times: nobody can say afterwards
 * whether a change was meant to be told. */
struct fx_alarm_change *fx_alarm_changes(struct fx_scope *sc, const struct fx_json *described,
                                         const struct fx_json *items, size_t *ret_count);
/* An alarm of DescribeAlarms after this change: what SNS's message of the change would be read as,
 * but for `asked`. */
struct fx_alarm *fx_alarm_described(struct fx_scope *sc, const struct fx_json *described,
                                    const struct fx_alarm_change *change);
/* Whether CloudWatch notifies this topic when the alarm goes to that state. */
bool fx_alarm_notifies(const struct fx_json *described, enum fx_alarm_state state,
                       const char *topic_arn);

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

enum {
    FX_INCIDENT_REOPEN_WITHIN_MS = 30 * 60 * 1000,
    /* SNS, DescribeAlarms and the history date one change by some milliseconds apart. CloudWatch
     * looks at an alarm every ten seconds at most, so two changes are never this close. */
    FX_INCIDENT_SAME_CHANGE_MS = 2000,
    FX_INCIDENT_GRACE_MS = 60 * 1000, /* a notification may still be on its way */
    FX_INCIDENT_TOLD_KEPT = 50,       /* ALARMs of one alarm */
};

struct fx_incident_facts {
    bool exists, open;
    int64_t changed_ms, closed_ms; /* of the newest incident with this key */
    int64_t alarmed_ms;            /* when the newest ALARM that was told began; 0: none */
    bool asked;                    /* some of it is known from asking CloudWatch */
    /* When those that were told began, in order; the first stands for all before it, too. None: so
     * does alarmed_ms. */
    int64_t told_ms[FX_INCIDENT_TOLD_KEPT];
    size_t told_count;
};
/* An OK that is ignored because the incident is closed, but newer than changed_ms, must become its
 * changed_ms all the same: the alarm before it may still be on its way and would reopen the
 * incident. */
enum fx_incident_change fx_incident_decide(const struct fx_alarm *alarm,
                                           const struct fx_incident_facts *facts);
/* True when this ALARM is the newest one that was told, told once more. */
bool fx_incident_knows(const struct fx_alarm *alarm, const struct fx_incident_facts *facts);
/* True when this ALARM was not told, though a newer one was. It changes nothing of how the incident
 * stands, but it was. */
bool fx_incident_overtaken(const struct fx_alarm *alarm, const struct fx_incident_facts *facts);
/* An ALARM that began at this time is told now: told_ms and alarmed_ms know. */
void fx_incident_note_told(struct fx_incident_facts *facts, int64_t began_ms);

/* What CloudWatch knows of one alarm. */
struct fx_incident_past {
    const struct fx_alarm_change *changes; /* the oldest first */
    size_t count;
    bool notifies; /* of ALARM; otherwise nobody was meant to be told that one began */
};
/* Those changes that nobody was told of and that a notification can hardly tell any more, the
 * oldest first, into ret_changes, which has room for all. They must be handled in this order. */
size_t fx_incident_missed(const struct fx_incident_past *past,
                          const struct fx_incident_facts *facts, int64_t now_ms,
                          struct fx_alarm_change *ret_changes);
