/* reconcile.h - one comparison of a topic's alarms with what was told, in hand. */
#pragma once

#include "private.h"

struct engine_comparison {
    struct engine_work *work;
    const struct fx_engine_topic *topic;
    const struct fx_engine_system *system;
    struct fx_aws *aws;  /* with the rights of the topic's environment */
    const char *setting; /* where the four below are remembered */
    int64_t until_ms;    /* up to here the history was read; 0: nothing was ever compared */
    int64_t failures, failing_since_ms;
    bool first;                /* the past is not ours */
    bool more;                 /* there is more history than was read */
    struct fx_incident **open; /* of this system and environment, about alarms of this region */
    size_t open_count;
    struct fx_json *alarms;  /* ARN -> as DescribeAlarms shows it */
    struct fx_json *history; /* name -> items of DescribeAlarmHistory, the oldest first */
    struct fx_error trouble; /* the first thing AWS did not answer */
    int64_t found;           /* new events */
};

/* What follows ":alarm:"; "" when the ARN is not an alarm's. */
const char *engine_alarm_name_in(const char *alarm_arn);
/* Keeps the first trouble. What AWS does not answer now is asked again next time, and what it did
 * answer counts; only a cancelled comparison ends. */
enum fx_code engine_reconcile_note(struct engine_comparison *c, enum fx_code code,
                                   const struct fx_error *why);

/* reconcile_ask.c: fills open, alarms and history, moves until_ms on. */
enum fx_code engine_reconcile_ask(struct engine_comparison *c, struct fx_error *err);
/* reconcile_find.c: makes events of what was missed. */
enum fx_code engine_reconcile_find(struct engine_comparison *c, struct fx_error *err);
