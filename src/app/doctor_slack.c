/* doctor_slack.c - Slack's token, scopes and channels, the clock by Slack's, and PagerDuty. */
#include "doctor.h"

#include "fluxabot/slackapi.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTING_KEY_LENGTH = 32 };

/* What README.md says to give the app; the last ones are of use and not needed. */
static const struct {
    const char *scope, *instead; /* instead: will do as well */
    const char *without;         /* NULL: needed */
} scopes[] = {
    {"commands", NULL, NULL},
    {"chat:write", NULL, NULL},
    {"users:read", NULL, NULL},
    {"usergroups:read", NULL, NULL},
    {"channels:read", "groups:read", NULL},
    {"channels:history", "groups:history",
     "a message whose arrival Slack did not confirm is not looked up before it is repeated"},
};

static bool has_scope(const char *list, const char *wanted) {
    struct fx_slice one, rest = fx_slice_of(list);

    while (wanted != NULL && rest.len > 0) {
        fx_slice_split(rest, ',', &one, &rest);
        if (fx_slice_equal_text(fx_slice_trim(one), wanted))
            return true;
    }
    return false;
}

static void judge_scopes(struct doctor *d, const char *list) {
    bool good = true;

    if (list == NULL) {
        doctor_say(d, DOCTOR_LOOK, "slack.scopes", "look at them on the app's page",
                   "Slack did not tell the token's scopes");
        return;
    }
    for (size_t i = 0; i < FX_COUNT_OF(scopes); i++) {
        if (has_scope(list, scopes[i].scope) || has_scope(list, scopes[i].instead))
            continue;
        good = good && scopes[i].without != NULL;
        doctor_say(d, scopes[i].without == NULL ? DOCTOR_WRONG : DOCTOR_LOOK, "slack.scopes",
                   "add the scope on the app's page and install the app again",
                   "the token lacks %s%s%s", scopes[i].scope, scopes[i].without == NULL ? "" : ": ",
                   scopes[i].without == NULL ? "" : scopes[i].without);
    }
    if (good)
        doctor_say(d, DOCTOR_OK, "slack.scopes", NULL, "the token has what is needed");
}

static void judge_clock(struct doctor *d, int64_t slack_ms, int64_t began_ms, int64_t ended_ms) {
    /* whole seconds, and somewhere between question and answer */
    int64_t off_ms = slack_ms < began_ms - 1000 ? slack_ms - began_ms
                     : slack_ms > ended_ms      ? slack_ms - ended_ms
                                                : 0;

    if (slack_ms == 0)
        doctor_say(d, DOCTOR_LOOK, "clock", "compare it by hand", "Slack did not tell the time");
    else if (llabs(off_ms) > DOCTOR_CLOCK_OFF_MS)
        doctor_say(d, DOCTOR_WRONG, "clock", "let NTP set this machine's clock",
                   "this machine's clock is %lld s %s Slack's: signed requests are refused at 300",
                   (long long)llabs(off_ms) / 1000, off_ms > 0 ? "behind" : "ahead of");
    else
        doctor_say(d, DOCTOR_OK, "clock", NULL, "it agrees with Slack's");
}

static void judge_team(struct doctor *d, const struct fx_json *answer) {
    const char *team = fx_json_get_text(answer, "team_id");

    for (size_t i = 0; i < d->config->team_ids_count; i++)
        if (team != NULL && strcmp(d->config->team_ids[i], team) == 0) {
            doctor_say(d, DOCTOR_OK, "slack.token", NULL, "it is the token of %s in %s",
                       fx_json_get_text(answer, "user"), team);
            return;
        }
    doctor_say(d, DOCTOR_WRONG, "slack.token",
               "put this workspace into slack.team_ids, or use its token",
               "the token is of the workspace %s, whose people the configuration does not know",
               team == NULL ? "?" : team);
}

/* auth.test needs no scope, and its answer's headers tell those that there are. */
static enum fx_code ask(struct doctor *d, struct fx_http_reply **ret_reply,
                        struct fx_json **ret_answer, struct fx_error *err) {
    const struct fx_http_header headers[] = {
        {"Authorization", fx_printf(d->sc, "Bearer %s", d->config->bot_token)},
        {"Content-Type", "application/x-www-form-urlencoded"},
    };
    const struct fx_http_request request = {
        .method = "POST",
        .url = fx_printf(d->sc, "%s/auth.test", d->config->slack_api_url),
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .reach = FX_HTTP_ANY,
        .timeout_ms = DOCTOR_MAX_WAIT_MS,
    };

    FX_TRY(fx_http_exchange(d->http, d->sc, &request, ret_reply, err));
    return fx_json_parse(d->sc, (*ret_reply)->body, ret_answer, err);
}

static void channel(struct doctor *d, struct fx_slackapi *api, const char *id) {
    struct fx_json *answer = NULL;
    struct fx_error err = {0};
    enum fx_code code = fx_slackapi_call(
        api, d->sc, "conversations.info",
        fx_json_object_of(d->sc, "channel", fx_json_string(d->sc, id), NULL), &answer, &err);
    const struct fx_json *found = fx_json_at(answer, "channel");

    if (code != FX_OK)
        doctor_say(d, DOCTOR_WRONG, "slack.channel", "correct its id, or invite the bot to it",
                   "%s: %s", id, err.message);
    else if (fx_json_get_bool(found, "is_archived", false))
        doctor_say(d, DOCTOR_WRONG, "slack.channel", "name another one", "%s is archived", id);
    else if (!fx_json_get_bool(found, "is_member", false))
        doctor_say(d, DOCTOR_WRONG, "slack.channel", "type /invite @BOT in that channel",
                   "the bot is not in %s", id);
    else if (fx_json_get_bool(found, "is_ext_shared", false) ||
             fx_json_get_bool(found, "is_pending_ext_shared", false))
        doctor_say(d, DOCTOR_WRONG, "slack.channel", "use a channel of your own",
                   "another organisation is in %s: nothing can be approved there", id);
    else
        doctor_say(d, DOCTOR_OK, "slack.channel", NULL, "the bot is in %s", id);
}

static void channels(struct doctor *d) {
    struct fx_slackapi *api = NULL;
    struct fx_error err = {0};

    if (fx_slackapi_open(&(struct fx_slackapi_options){.http = d->http,
                                                       .api_url = d->config->slack_api_url,
                                                       .bot_token = d->config->bot_token},
                         &api, &err) != FX_OK) {
        doctor_say(d, DOCTOR_WRONG, "slack.channel", "correct slack.api_url", "%s", err.message);
        return;
    }
    for (size_t i = 0; i < d->config->systems_count; i++)
        channel(d, api, d->config->systems[i].channel);
    fx_slackapi_close(api);
}

void doctor_slack(struct doctor *d) {
    int64_t began_ms = fx_wall_ms(fx_clock_system());
    struct fx_http_reply *reply = NULL;
    struct fx_json *answer = NULL;
    struct fx_error err = {0};

    if (ask(d, &reply, &answer, &err) != FX_OK) {
        doctor_say(d, DOCTOR_WRONG, "slack.reach",
                   "see that this machine resolves that name and may call it on port 443", "%s",
                   err.message);
        return;
    }
    judge_clock(d, reply->date_wall_ms, began_ms, fx_wall_ms(fx_clock_system()));
    if (!fx_json_get_bool(answer, "ok", false)) {
        const char *word = fx_json_get_text(answer, "error");

        doctor_say(d, DOCTOR_WRONG, "slack.token", "put the token that the app's page shows there",
                   "Slack refuses the token: %s", word == NULL ? "it does not say why" : word);
        return;
    }
    judge_team(d, answer);
    judge_scopes(d, fx_http_reply_header(reply, "x-oauth-scopes"));
    channels(d);
}

/* ---- PagerDuty ---- */

void doctor_pagerduty(struct doctor *d) {
    const char *key = d->config->pagerduty_routing_key;
    /* a GET is no event: nobody is paged by it */
    const struct fx_http_request request = {.method = "GET",
                                            .url = d->config->pagerduty_events_url,
                                            .reach = FX_HTTP_ANY,
                                            .timeout_ms = DOCTOR_MAX_WAIT_MS};
    struct fx_http_reply *reply = NULL;
    struct fx_error err = {0};

    if (key == NULL) {
        doctor_say(d, DOCTOR_LOOK, "pagerduty", "set pagerduty.routing_key, if somebody should be",
                   "nobody is paged");
        return;
    }
    if (strlen(key) != ROUTING_KEY_LENGTH)
        doctor_say(d, DOCTOR_WRONG, "pagerduty", "copy the service's integration key anew",
                   "the routing key has %zu characters, not %d", strlen(key), ROUTING_KEY_LENGTH);
    if (fx_http_exchange(d->http, d->sc, &request, &reply, &err) != FX_OK)
        doctor_say(d, DOCTOR_WRONG, "pagerduty.reach",
                   "see that this machine resolves that name and may call it on port 443", "%s",
                   err.message);
    else if (strlen(key) == ROUTING_KEY_LENGTH)
        doctor_say(
            d, DOCTOR_OK, "pagerduty", NULL,
            "a key is there and PagerDuty is reached; only a page shows that the key is right");
}
