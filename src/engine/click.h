/* click.h - what somebody pressed, shared by the files that answer it. */
#pragma once

#include "private.h"

struct click {
    struct engine_work *work;
    const struct fx_slack_interaction *given;
    const struct fx_engine_system *system; /* of what was pressed; NULL: not known (yet) */
};

/* -- event_interaction.c -- */

/* Channels belong to systems; a click from elsewhere (a forwarded message) has none. */
const struct fx_engine_system *click_system_of(const struct fx_engine *engine, const char *channel);
/* Authorisation is asked for the system the thing belongs to, in the channel the click came from.
 */
enum fx_code click_allow(struct click *click, enum fx_action action, const char *role,
                         const char *requester, struct fx_error *err);
/* Its system becomes the click's. */
enum fx_code click_run(struct click *click, const char *run_id, struct fx_run **ret_run,
                       struct fx_error *err);

/* -- click_incident.c -- */

enum fx_code click_acknowledge(struct click *click, struct fx_error *err);
enum fx_code click_snooze(struct click *click, struct fx_error *err);
enum fx_code click_wake(struct click *click, struct fx_error *err);
enum fx_code click_incident_card(struct click *click, struct fx_error *err);
enum fx_code click_storm(struct click *click, struct fx_error *err);

/* -- click_command.c -- */

enum fx_code click_command(struct click *click, struct fx_error *err);
enum fx_code click_check(struct click *click, struct fx_error *err);
