/* doctor.h - what the files of `fluxabot doctor` share. */
#pragma once

#include "private.h"

enum {
    DOCTOR_MAX_WAIT_MS = 10 * 1000,  /* for one answer of somebody else */
    DOCTOR_CERTIFICATE_DAYS = 14,    /* less is told, before it is too late */
    DOCTOR_DISK_WANTED_MIB = 1024,   /* less free space is told */
    DOCTOR_DISK_NEEDED_MIB = 100,    /* less is wrong */
    DOCTOR_CLOCK_OFF_MS = 60 * 1000, /* Slack and SNS refuse at five minutes, AWS too */
};

enum doctor_state { DOCTOR_OK, DOCTOR_LOOK, DOCTOR_WRONG };

struct doctor {
    struct fx_scope *sc;
    struct app_config *config;
    struct fx_runbooks *runbooks;
    struct fx_http *http;
    struct fx_aws *aws;
    struct fx_json *lines; /* [{check, state, what, do}] */
    bool wrong;
};

/* One line. what never holds a secret; advice NULL when there is nothing to do. */
void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *advice,
                const char *fmt, ...) FX_PRINTF(5, 6);

/* ---- doctor_here.c: this machine ---- */

void doctor_certificate(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_databases(struct doctor *d);
void doctor_redis(struct doctor *d);

/* ---- doctor_slack.c: Slack, the clock, PagerDuty ---- */

void doctor_slack(struct doctor *d);
void doctor_pagerduty(struct doctor *d);

/* ---- doctor_aws.c: identities and rights ---- */

void doctor_aws(struct doctor *d);
