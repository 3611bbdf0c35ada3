/* pagerdutyapi.h - sends PagerDuty events.
 *
 * One call is one exchange; the outbox repeats. THROTTLED, UNAVAILABLE and TIMEOUT may be tried
 * again (the dedup_key makes that harmless); INPUT is refused for good.
 */
#pragma once

#include "fluxabot/http.h"
#include "fluxabot/pagerduty.h"

struct fx_pagerdutyapi;

struct fx_pagerdutyapi_options {
    struct fx_http *http;
    const char *events_url;  /* "https://events.pagerduty.com/v2/enqueue" */
    const char *routing_key; /* the secret; copied, wiped at close */
};
enum fx_code fx_pagerdutyapi_open(const struct fx_pagerdutyapi_options *options,
                                  struct fx_pagerdutyapi **ret_api, struct fx_error *err);
void fx_pagerdutyapi_close(struct fx_pagerdutyapi *api);
enum fx_code fx_pagerdutyapi_send(struct fx_pagerdutyapi *api, struct fx_scope *sc,
                                  const struct fx_json *event, struct fx_error *err);
