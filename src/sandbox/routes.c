/* routes.c - every address of the sandbox, in one table. */
#include "private.h"

const struct sandbox_route sandbox_routes[] = {
    {SANDBOX_TLS, "GET", "*", sandbox_tls_handle},
    {SANDBOX_AWS, "*", "*", sandbox_aws_handle},
    {SANDBOX_PAGE, "POST", "/slack/api/*", sandbox_slack_api},
    {SANDBOX_PAGE, "POST", "/slack/hooks/*", sandbox_slack_hook},
    {SANDBOX_PAGE, "POST", "/pagerduty/v2/enqueue", sandbox_pagerduty_enqueue},
    {SANDBOX_PAGE, "GET", "/pagerduty/incidents/*", sandbox_pagerduty_incident},
    {SANDBOX_PAGE, "POST", "/pagerduty/incidents/*", sandbox_pagerduty_decide},
    {SANDBOX_PAGE, "POST", "/sandbox/alarm", sandbox_door_alarm},
    {SANDBOX_PAGE, "POST", "/sandbox/world", sandbox_door_world},
    {SANDBOX_PAGE, "GET", "/sandbox/world", sandbox_door_world_show},
    {SANDBOX_PAGE, "POST", "/sandbox/fault", sandbox_door_fault},
    {SANDBOX_PAGE, "GET", "/sandbox/effects", sandbox_door_effects},
    {SANDBOX_PAGE, "POST", "/sandbox/bot", sandbox_door_bot},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/command", sandbox_door_command},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/click", sandbox_door_click},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/submit", sandbox_door_submit},
    {SANDBOX_PAGE, "GET", "/sandbox/slack/messages", sandbox_door_messages},
    {SANDBOX_PAGE, "GET", "/sandbox/slack/private", sandbox_door_private},
    {SANDBOX_PAGE, "GET", "/sandbox/slack/people", sandbox_door_people},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/raw", sandbox_door_slack_raw},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/replay", sandbox_door_slack_replay},
    {SANDBOX_PAGE, "POST", "/sandbox/slack/options", sandbox_door_slack_options},
    {SANDBOX_PAGE, "GET", "/sandbox/state", sandbox_door_state},
    {SANDBOX_PAGE, "POST", "/slack/upload/*", sandbox_slack_upload},
    {SANDBOX_PAGE, "GET", "/slack/files/*", sandbox_slack_file},
    {SANDBOX_PAGE, "POST", "/sandbox/pagerduty/options", sandbox_door_pagerduty_options},
    {SANDBOX_PAGE, "GET", "/sandbox/pagerduty/pages", sandbox_door_pages},
    {SANDBOX_PAGE, "GET", "*", sandbox_page_file},
};
const size_t sandbox_routes_count = FX_COUNT_OF(sandbox_routes);
