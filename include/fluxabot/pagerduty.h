/* pagerduty.h - builds PagerDuty Events API v2 bodies. No I/O.
 *
 * Facts: PagerDuty developer documentation, Events API v2, August 2026.
 */
#pragma once

#include "fluxabot/base/json.h"

enum fx_page_action { FX_PAGE_TRIGGER, FX_PAGE_ACKNOWLEDGE, FX_PAGE_RESOLVE };

struct fx_page {
    enum fx_page_action action;
    const char *key; /* what makes two pages the same: hashed into dedup_key when it is too long */
    const char *summary, *source, *severity; /* severity: our own scale */
    const char *component, *group, *class_;  /* NULL: left out */
    int64_t at_ms;
    const struct fx_json *details; /* custom_details; NULL */
    const char *link, *link_text;  /* back to Slack or the console; NULL */
};
/* The dedup_key for a key: stable, at most 255 characters. */
char *fx_pagerduty_dedup_key(struct fx_scope *sc, const char *key);
/* The body without routing_key, which is added at the moment of sending. Foreign text is cut to
 * PagerDuty's limits. */
struct fx_json *fx_pagerduty_event(struct fx_scope *sc, const struct fx_page *page);
