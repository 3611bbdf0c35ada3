/* reconcile.h - one comparison of a topic's alarms with what was told, in hand. */
#pragma once

#include "private.h"

struct engine_comparison {
    struct engine_work *work;
    const struct fx_engine_topic *topic;
    const struct fx_engine_system *system;
    struct fx_aws *aws;  /* with the rights of the topic's environment */
    const char *setting; /* where the three below are remembered, and when that was */
    int64_t until_ms;    /* up to here the history was read; 0: nothing was ever compared */
    int64_t failures, failing_since_ms;
    bool first;                /* the past is not ours */
    bool more;                 /* there is more history than was read */
    struct fx_incident **open; /* of this system and environment, about alarms of this region */
    size_t open_count;
    struct fx_json *history; /* name -> items of DescribeAlarmHistory, the oldest first */
    struct fx_json *unseen;  /* names of the history and of open, as long as they are not shown */
    struct fx_json *hidden;  /* the same for the ARNs of open */
    struct fx_error trouble; /* the first thing AWS did not answer */
    int64_t found;           /* new events */
};

/* What follows ":alarm:"; "" when the ARN is not an alarm's. */
const char *engine_alarm_name_in(const char *alarm_arn);
/* Keeps the first trouble; one that left nothing unanswered makes room for another. What AWS does
 * not answer now is asked again next time, and what it did answer counts; only a cancelled
 * comparison ends. */
enum fx_code engine_reconcile_note(struct engine_comparison *c, enum fx_code code,
                                   const struct fx_error *why);

/* True when AWS left something unanswered; a list that is too long is answered as far as it goes.
 */
bool engine_reconcile_failed(const struct engine_comparison *c);

/* reconcile_ask.c: has each alarm that CloudWatch shows looked at, moves until_ms on. */
enum fx_code engine_reconcile_ask(struct engine_comparison *c, struct fx_error *err);
/* reconcile_find.c: make events of what was missed, of an alarm that is shown, and of the open
 * incidents whose alarm is not. */
enum fx_code engine_reconcile_find(struct engine_comparison *c, struct fx_scope *sc,
                                   struct fx_json *alarm, struct fx_error *err);
enum fx_code engine_reconcile_find_gone(struct engine_comparison *c, struct fx_error *err);
