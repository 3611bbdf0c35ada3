/* incidents.h - what the files about incidents share: an alarm in hand, and the incident it belongs
 * to. */
#pragma once

#include "private.h"

#include "fluxabot/pagerduty.h"

struct incident_telling {
    struct engine_work *work;
    const struct fx_engine_system *system;
    const char *environment;
    const struct fx_alarm *alarm;
    const struct engine_finding *found; /* NULL: a notification told it */
    const struct fx_alarm_route *route; /* NULL: nobody described this alarm */
    struct fx_incident *incident;
    struct fx_json *body; /* "storm": it is told by that storm's card, not by one of its own */
    /* what was known of the alarm's key when this was decided; NULL: it is about one incident */
    const char *seen_id;
    int64_t seen_version;
};

/* ---- incidents.c ---- */

/* An ALARM that had ended when it became known. */
bool incident_is_over(const struct incident_telling *t);
/* All that an alarm writes: not over what another alarm of the same key has changed meanwhile. */
void incident_put(struct incident_telling *t);
/* The incident as it is now and its card, among the writes. */
enum fx_code incident_write(struct incident_telling *t, struct fx_error *err);
/* Remembers that this alarm is told. */
void incident_note_alarm(struct incident_telling *t);

/* ---- incident_open.c ---- */

enum fx_code incident_open(struct incident_telling *t, struct fx_error *err);
/* These command lines run in its thread. */
enum fx_code incident_start_runs(struct incident_telling *t, const char *trigger,
                                 const char *const *lines, size_t count, struct fx_error *err);
enum fx_code incident_reopen(struct incident_telling *t, struct fx_error *err);
/* A person wants what its alarm runs by itself to be run once more; the commands are added to
 * started. */
enum fx_code incident_look_again(struct incident_telling *t, const char *user,
                                 struct fx_json *started, struct fx_error *err);
/* An event without a state: told once. */
enum fx_code incident_note(struct incident_telling *t, struct fx_error *err);
/* An OK that came before its alarm. */
void incident_remember_ok(struct incident_telling *t);
/* An ALARM that came after its OK. */
enum fx_code incident_tell_late(struct incident_telling *t, struct fx_error *err);

/* An incident by its id, of a configured system. FX_ERR_NOT_FOUND: it is not known. */
enum fx_code incident_load(struct engine_work *work, const char *incident_id,
                           struct incident_telling *ret, struct fx_error *err);

/* ---- incident_watch.c ---- */

/* For an incident that opens or lives again and whose alarm pages: tells PagerDuty now, or once
 * nobody has acknowledged it in time. */
void incident_begin_paging(struct incident_telling *t);
/* PagerDuty is told of it: nothing else waits to do so. actor is for the audit log. */
void incident_page_now(struct incident_telling *t, const char *actor, const char *why);
/* A snooze of the same alarm before this incident goes on in it. */
void incident_keep_snooze(struct fx_scope *sc, struct fx_json *body, const struct fx_json *before,
                          int64_t now_ms);

/* ---- incident_page.c ---- */

/* Does nothing for an incident that pages nobody. */
void incident_page(struct engine_work *work, const struct fx_engine_system *system,
                   const struct fx_incident *incident, enum fx_page_action action,
                   const struct fx_json *body);
/* One page for all alarms of a storm that page no one by themselves any more. */
void incident_page_storm(struct engine_work *work, const struct fx_storm *storm,
                         enum fx_page_action action, const char *summary);

/* A page that is about no alarm: key is the same for every one of its environment. */
void incident_page_system(struct engine_work *work, const struct fx_engine_system *system,
                          const char *environment, enum fx_page_action action, const char *summary,
                          const char *asked_by);
const char *incident_system_page_key(struct fx_scope *sc, const struct fx_engine_system *system,
                                     const char *environment);

/* ---- proposals.c ---- */

/* Whether its alarm is one of those that together propose something. */
bool incident_may_propose(const struct incident_telling *t);
/* What was proposed is off its card again. */
void incident_forget_proposal(struct incident_telling *t);
/* Whether what is open now, this one included, proposes a command that is not on its card yet;
 * then it is put into the incident, which is still to be written. */
enum fx_code incident_propose(struct incident_telling *t, bool *ret_proposed, struct fx_error *err);

/* ---- storms.c ---- */

/* For an incident that opens: whether it is one too many, and so told by a storm's card. */
enum fx_code incident_count(struct incident_telling *t, struct fx_error *err);
/* The storm by whose card it is told; NULL: by its own. */
const char *incident_storm(const struct fx_json *body);
/* Its storm's card is to be changed. */
void incident_touch_storm(struct incident_telling *t);
