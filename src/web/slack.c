/* slack.c - slash commands and clicks: signed, fresh, never twice, of our team. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/redact.h"
#include "fluxabot/slack.h"

#include <string.h>

enum fx_code web_guard_slack(struct web_request *request, struct web_answer *answer,
                             struct fx_error *err) {
    struct fx_web_options *options = &request->web->options;
    const struct fx_slack_signature given = {
        .timestamp = fx_slice_of(web_header(request, "X-Slack-Request-Timestamp")),
        .signature = fx_slice_of(web_header(request, "X-Slack-Signature"))};

    for (size_t i = 0; i < options->signing_secrets_count; i++)
        if (fx_slack_verify_with(request->web->secrets[i], &given, request->body, request->now_ms,
                                 err) == FX_OK)
            return FX_OK;
    web_refuse(request, answer, FX_METRIC_REFUSED_SIGNATURE, MHD_HTTP_UNAUTHORIZED, err);
    return FX_ERR_DENIED;
}

static bool is_our_team(const struct fx_web_options *options, const char *team_id) {
    for (size_t i = 0; i < options->team_ids_count; i++)
        if (strcmp(options->team_ids[i], team_id) == 0)
            return true;
    return false;
}

static const char *join(struct fx_scope *sc, const char *first, const char *second,
                        const char *third) {
    const struct fx_slice parts[] = {fx_slice_of(first), fx_slice_of(second), fx_slice_of(third)};
    char *text = fx_alloc(sc, parts[0].len + parts[1].len + parts[2].len + 1), *end = text;

    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        memcpy(end, parts[i].ptr, parts[i].len);
        end += parts[i].len;
    }
    return text;
}

/* trigger_id is unique, repeats when Slack repeats, and is signed with the body: nobody can send
 * the same request with another one. Where there is none, the signature is what a repetition has in
 * common. One key, because each is a page that every commit must write. */
static const char *replay_key(struct web_request *request, const char *trigger_id) {
    if (trigger_id[0] != '\0')
        return join(request->sc, "slack-trigger:", trigger_id, "");
    return fx_printf(request->sc, "slack-signature:%s", web_header(request, "X-Slack-Signature"));
}

static bool store(struct web_request *request, const char *kind, const char *trigger_id,
                  struct web_answer *answer) {
    struct fx_scope *sc = request->sc;
    bool is_new = false;
    struct fx_event event = {.id = fx_uuid_at(sc, request->web->options.random, request->now_ms),
                             .kind = kind,
                             .body = request->body.ptr, /* ends with a zero, and holds none */
                             .verified = true,
                             .rank = FX_RANK_PERSON,
                             .received_ms = request->now_ms,
                             .keys = {replay_key(request, trigger_id)}};

    if (!web_accept(request, &event, answer, &is_new))
        return false;
    if (!is_new) {
        struct fx_error err;

        (void)fx_fail(&err, FX_ERR_DENIED, "the same request came before");
        web_refuse(request, answer, FX_METRIC_REFUSED_REPLAY, MHD_HTTP_CONFLICT, &err);
    }
    return is_new;
}

static const char *acknowledgement(struct fx_scope *sc, const struct fx_slack_command *command) {
    enum { SHOWN = 120 };
    struct fx_slice text = fx_slice_of(command->text);
    const char *shown = fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, SHOWN)));
    const char *said = fx_slack_escape(
        sc, fx_redact(sc, join(sc, join(sc, "Received: ", command->command, " "), shown, "")));

    return join(sc, "{\"response_type\":\"ephemeral\",\"text\":", fx_json_quote(sc, said), "}");
}

void web_slack_command(struct web_request *request, struct web_answer *answer) {
    struct fx_slack_command *command = NULL;
    struct fx_error err = {0};

    if (fx_slack_parse_command(request->sc, request->body, &command, &err) != FX_OK) {
        web_refuse(request, answer, FX_METRIC_REFUSED_GUARD, MHD_HTTP_BAD_REQUEST, &err);
        return;
    }
    *answer = (struct web_answer){MHD_HTTP_OK, NULL, ""};
    if (command->ssl_check) /* Slack looks at our certificate */
        return;
    if (!is_our_team(&request->web->options, command->team_id)) {
        (void)fx_fail(&err, FX_ERR_DENIED, "team %.40s is not ours", command->team_id);
        web_refuse(request, answer, FX_METRIC_REFUSED_SIGNATURE, MHD_HTTP_FORBIDDEN, &err);
        return;
    }
    if (store(request, "slack.command", command->trigger_id, answer))
        *answer = (struct web_answer){MHD_HTTP_OK, "application/json",
                                      acknowledgement(request->sc, command)};
}

/* The dialog stays open and says so below its field. Nothing is stored: nothing was said. */
static const char nothing_written[] =
    "{\"response_action\":\"errors\",\"errors\":{\"" FX_SLACK_DIALOG_BLOCK
    "\":\"Please write a reason, for whoever asks later. Nothing was decided yet.\"}}";

void web_slack_interaction(struct web_request *request, struct web_answer *answer) {
    struct fx_slack_interaction *interaction = NULL;
    struct fx_error err = {0};

    if (fx_slack_parse_interaction(request->sc, request->body, &interaction, &err) != FX_OK) {
        web_refuse(request, answer, FX_METRIC_REFUSED_GUARD, MHD_HTTP_BAD_REQUEST, &err);
        return;
    }
    /* team is null for an app that is installed for a whole organisation: then the user's own
     * counts */
    const char *team =
        interaction->team_id[0] != '\0' ? interaction->team_id : interaction->user_team_id;

    if (!is_our_team(&request->web->options, team)) {
        (void)fx_fail(&err, FX_ERR_DENIED, "team %.40s is not ours", team);
        web_refuse(request, answer, FX_METRIC_REFUSED_SIGNATURE, MHD_HTTP_FORBIDDEN, &err);
        return;
    }
    if (fx_slack_lacks_answer(interaction)) {
        *answer = (struct web_answer){MHD_HTTP_OK, "application/json", nothing_written};
        return;
    }
    /* an empty 200 closes a dialog and leaves a message as it is */
    if (store(request, "slack.interaction", interaction->trigger_id, answer))
        *answer = (struct web_answer){MHD_HTTP_OK, NULL, ""};
}
