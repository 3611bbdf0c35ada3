/* pagerduty_private.h - the incidents of the simulated PagerDuty, for the two files that handle
 * them. */
#pragma once

#include "private.h"

enum { PAGERDUTY_KEY_LENGTH = 32, PAGERDUTY_DEDUP_MAX = 255, PAGERDUTY_SECRET_MAX = 128 };

struct pagerduty_incident {
    struct pagerduty_incident *older;
    struct fx_scope *sc;                         /* holds the incident and its events */
    struct fx_scope *payload_sc;                 /* holds what the newest trigger said */
    char dedup_key[PAGERDUTY_DEDUP_MAX * 4 + 1]; /* the limit counts characters */
    char routing_key[PAGERDUTY_KEY_LENGTH * 4 + 1];
    const char *status;
    struct fx_json *payload, *links, *events;
};

struct sandbox_pagerduty {
    struct pagerduty_incident *newest;
    size_t count;
    int64_t minute_start_ms;
    int events_in_minute;
    char webhook_secret[PAGERDUTY_SECRET_MAX + 1]; /* "": no webhooks are sent */
};

/* The newest incident with this key; NULL when there is none. */
struct pagerduty_incident *pagerduty_newest(struct sandbox *sb, const char *dedup_key);
void pagerduty_add_event(struct sandbox *sb, struct pagerduty_incident *incident,
                         const char *action, const char *summary);
