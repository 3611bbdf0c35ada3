/* routes.c - every address of the receiver, with its guard and its largest body. */
#include "private.h"

#include <string.h>

static const struct web_route routes[] = {
    {"POST", "/webhooks/sns", web_guard_none, FX_SNS_MAX_BODY_BYTES, web_sns, false},
    {"POST", "/slack/commands", web_guard_slack, FX_WEB_MAX_COMMAND_BYTES, web_slack_command,
     false},
    {"POST", "/slack/interactions", web_guard_slack, FX_WEB_MAX_INTERACTION_BYTES,
     web_slack_interaction, false},
    {"GET", "/healthz", web_guard_none, 0, web_health, true},
    {"GET", "/readyz", web_guard_none, 0, web_ready, true},
    {"GET", "/metrics", web_guard_none, 0, web_metrics, true},
};

/* Nothing is decoded, so an address has one spelling and a proxy's rules cannot be walked around.
 */
const struct web_route *web_find_route(const char *method, const char *raw_target, bool admin,
                                       bool *ret_path_known) {
    struct fx_slice path, query;

    (void)fx_slice_split(fx_slice_of(raw_target), '?', &path, &query);
    *ret_path_known = false;
    for (size_t i = 0; i < FX_COUNT_OF(routes); i++) {
        if (routes[i].admin != admin || !fx_slice_equal_text(path, routes[i].path))
            continue;
        *ret_path_known = true;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}
