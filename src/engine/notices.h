/* notices.h - what people tell the bot about alarms, and what it knows of them. */
#pragma once

#include "private.h"

/* ---- incident_watch.c ---- */

/* No page before for_ms have passed. FX_ERR_CONFLICT: it is over already. */
enum fx_code engine_snooze(struct engine_work *work, const char *incident_id, const char *user,
                           int64_t for_ms, struct fx_error *err);
/* Ends a snooze. FX_ERR_CONFLICT: there is none. */
enum fx_code engine_wake(struct engine_work *work, const char *incident_id, const char *user,
                         struct fx_error *err);
/* The job "watch": the subject is an incident. */
enum fx_code engine_watch(struct engine_work *work, struct fx_error *err);
/* When the incident's snooze ends; 0 when it has none. */
int64_t engine_snoozed_until(const struct fx_json *body, int64_t now_ms);

/* ---- notices.c ---- */

/* Carries out a step that is_notice, among the writes of the run's job. params is what its kind put
 * out; *ret_value is the step's value. What makes no sense is a value that says so, no error. */
enum fx_code engine_notice(struct engine_run *run, const struct fx_json *params,
                           struct fx_json **ret_value, struct fx_error *err);

/* ---- alarm_table.c ---- */

/* Adds to each alarm of the list what system.yaml and the incidents say of it. */
enum fx_code engine_explain_alarms(struct engine_run *run, struct fx_json *alarms,
                                   struct fx_error *err);
