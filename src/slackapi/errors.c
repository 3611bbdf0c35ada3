/* errors.c - what Slack's refusals mean for us, and what a person does about them. */
#include "private.h"

#include <string.h>

static const struct {
    const char *word;
    enum fx_code code;
    bool may_have_happened; /* Slack says of these that part of the work may be done */
    const char *advice;
} refusals[] = {
    /* wait */
    {"ratelimited", FX_ERR_THROTTLED, false, "Slack wants us to be slower"},
    {"rate_limited", FX_ERR_THROTTLED, false, "Slack wants us to be slower"},
    {"message_limit_exceeded", FX_ERR_THROTTLED, false, "Slack wants us to be slower"},

    /* try again */
    {"internal_error", FX_ERR_UNAVAILABLE, true, "Slack has an internal error"},
    {"fatal_error", FX_ERR_UNAVAILABLE, true, "Slack has an internal error"},
    {"service_unavailable", FX_ERR_UNAVAILABLE, false, "Slack is down for a while"},
    {"request_timeout", FX_ERR_UNAVAILABLE, false, "Slack did not receive the whole request"},
    {"team_added_to_org", FX_ERR_UNAVAILABLE, false,
     "the workspace is being moved into an organisation"},

    /* our content */
    {"invalid_blocks", FX_ERR_INPUT, false, "Slack refuses the blocks"},
    {"invalid_blocks_format", FX_ERR_INPUT, false, "Slack refuses the blocks"},
    {"msg_blocks_too_long", FX_ERR_INPUT, false, "the blocks are too long together"},
    {"msg_too_long", FX_ERR_INPUT, false, "the text is too long"},
    {"no_text", FX_ERR_INPUT, false, "the message has no text"},
    {"invalid_arguments", FX_ERR_INPUT, false, "Slack refuses the arguments"},
    {"invalid_json", FX_ERR_INPUT, false, "Slack cannot read the request"},
    {"json_not_object", FX_ERR_INPUT, false, "Slack cannot read the request"},
    {"invalid_form_data", FX_ERR_INPUT, false, "Slack cannot read the request"},
    {"invalid_post_type", FX_ERR_INPUT, false, "Slack cannot read the request"},
    {"metadata_too_large", FX_ERR_INPUT, false, "the metadata is too large"},
    {"invalid_metadata_format", FX_ERR_INPUT, false, "Slack refuses the metadata"},
    {"markdown_text_conflict", FX_ERR_INPUT, false, "Slack refuses text and markdown together"},
    {"too_many_attachments", FX_ERR_INPUT, false, "the message has too many attachments"},
    {"block_mismatch", FX_ERR_INPUT, false, "rich text cannot be edited into other blocks"},

    {"missing_argument", FX_ERR_INPUT, false, "Slack misses an argument"},
    {"file_upload_size_restricted", FX_ERR_LIMIT, false, "the file is larger than Slack takes"},
    {"malware_detected", FX_ERR_INPUT, false, "Slack takes the file for harmful"},

    /* set-up */
    {"file_uploads_disabled", FX_ERR_DENIED, false,
     "the workspace takes no files: ask its administrator"},
    {"storage_limit_reached", FX_ERR_DENIED, false,
     "the workspace has no room for files: ask its administrator"},
    {"invalid_auth", FX_ERR_DENIED, false,
     "Slack does not know the bot token or blocks this address: copy the token again from OAuth & "
     "Permissions and look at the app's allowed IP ranges"},
    {"not_authed", FX_ERR_DENIED, false, "no bot token reached Slack: configure slack.bot_token"},
    {"account_inactive", FX_ERR_DENIED, false,
     "the app was uninstalled, perhaps because the person who installed it left: install it again "
     "and configure the new token"},
    {"token_revoked", FX_ERR_DENIED, false,
     "the bot token was revoked: install the app again and configure the new token"},
    {"token_expired", FX_ERR_DENIED, false,
     "the bot token has expired: switch token rotation off or configure a new token"},
    {"not_allowed_token_type", FX_ERR_DENIED, false,
     "this is not a bot token: configure the one that begins with xoxb-"},
    {"not_in_channel", FX_ERR_DENIED, false,
     "the bot is not in the channel: type /invite @ and the app's name there"},
    {"channel_not_found", FX_ERR_DENIED, false,
     "the channel does not exist or the bot cannot see it: check the channel id and type /invite @ "
     "and the app's name there"},
    {"no_permission", FX_ERR_DENIED, false,
     "the token may not do this: compare the app's scopes with the manifest and install it again"},
    {"is_archived", FX_ERR_DENIED, false,
     "the channel is archived: unarchive it or configure another one"},
    {"ekm_access_denied", FX_ERR_DENIED, false,
     "the organisation's key management has suspended posting: ask its administrator"},
    {"team_access_not_granted", FX_ERR_DENIED, false,
     "the app is not approved for this workspace: ask the organisation's administrator"},
    {"org_login_required", FX_ERR_DENIED, false,
     "the workspace is being moved into an organisation: install the app again afterwards"},
    {"access_denied", FX_ERR_DENIED, false,
     "the token may not do this: compare the app's scopes with the manifest and install it again"},
    {"plan_upgrade_required", FX_ERR_DENIED, false,
     "this Slack plan has no user groups: list the people of the role in the configuration"},

    /* the target is gone */
    {"message_not_found", FX_ERR_NOT_FOUND, false, "the message was deleted"},
    {"cant_update_message", FX_ERR_NOT_FOUND, false, "the message is not ours to edit"},
    {"edit_window_closed", FX_ERR_NOT_FOUND, false, "the message is too old to be edited"},
    {"is_inactive", FX_ERR_NOT_FOUND, false, "the message cannot be edited any more"},
    {"thread_not_found", FX_ERR_NOT_FOUND, false, "the thread was deleted"},
    {"user_not_found", FX_ERR_NOT_FOUND, false, "there is no such user"},
    {"user_not_visible", FX_ERR_NOT_FOUND, false, "the bot cannot see this user"},
    {"users_not_found", FX_ERR_NOT_FOUND, false, "there is no such user"},
    {"user_not_in_channel", FX_ERR_NOT_FOUND, false, "the user is not in the channel"},
    {"no_such_subteam", FX_ERR_NOT_FOUND, false, "there is no such user group"},
    {"view_not_found", FX_ERR_NOT_FOUND, false, "the dialog is closed"},
    {"file_not_found", FX_ERR_NOT_FOUND, false, "Slack does not have the file"},
    {"not_found", FX_ERR_NOT_FOUND, false, "it does not exist any more"},
    {"expired_trigger_id", FX_ERR_NOT_FOUND, false,
     "the click is older than three seconds: press again"},
    {"exchanged_trigger_id", FX_ERR_NOT_FOUND, false, "the click was already used: press again"},
    {"trigger_expired", FX_ERR_NOT_FOUND, false,
     "the click is older than three seconds: press again"},
    {"invalid_trigger_id", FX_ERR_NOT_FOUND, false, "Slack does not know the click: press again"},
    {"hash_conflict", FX_ERR_CONFLICT, false, "somebody changed the dialog first"},
};

/* The word goes into logs and decisions, so nothing but a word may pass. */
static bool is_word(const char *word) {
    size_t len = word != NULL ? strlen(word) : 0;

    return len > 0 && len < sizeof((struct fx_error *)0)->upstream &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* What Slack says in its own words beside the error, made fit for one line. */
static const char *clean(struct fx_scope *sc, const char *text) {
    enum { MAX = 160 };
    struct fx_slice s = fx_slice_of(text);
    char *own = fx_slice_dup(sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, MAX)));

    for (char *c = own; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return own;
}

static uint32_t wait_ms(const struct fx_http_reply *reply) {
    const char *given = fx_http_reply_header(reply, "retry-after");
    int64_t seconds = 0;

    if (given == NULL || !fx_slice_to_int(fx_slice_trim(fx_slice_of(given)), &seconds) ||
        seconds < 0)
        return SLACKAPI_DEFAULT_WAIT_MS;
    if (seconds > SLACKAPI_MAX_WAIT_MS / 1000)
        return SLACKAPI_MAX_WAIT_MS;
    return seconds == 0 ? SLACKAPI_DEFAULT_WAIT_MS : (uint32_t)(seconds * 1000);
}

static enum fx_code refuse_scope(struct fx_scope *sc, const char *method,
                                 const struct fx_json *answer, struct fx_error *err) {
    const char *needed = fx_json_get_text(answer, "needed");
    const char *provided = fx_json_get_text(answer, "provided");

    return fx_fail(err, FX_ERR_DENIED,
                   "%s: the bot token lacks the scope %s (it has %s): add it under OAuth & "
                   "Permissions and install the app again",
                   method, clean(sc, needed != NULL ? needed : "it needs"),
                   clean(sc, provided != NULL ? provided : "others"));
}

static enum fx_code refuse_word(struct fx_scope *sc, const char *method, const char *word,
                                const struct fx_json *answer, struct fx_error *err) {
    const char *detail = fx_json_text(fx_json_at_path(answer, "response_metadata.messages.0"));

    if (strncmp(word, "restricted_action", strlen("restricted_action")) == 0)
        return fx_fail(err, FX_ERR_DENIED,
                       "%s: a rule of the workspace forbids posting there: ask its administrator",
                       method);
    for (size_t i = 0; i < FX_COUNT_OF(refusals); i++) {
        if (strcmp(word, refusals[i].word) != 0)
            continue;
        (void)fx_fail(err, refusals[i].code, "%s: %s%s%s", method, refusals[i].advice,
                      detail != NULL ? ": " : "", detail != NULL ? clean(sc, detail) : "");
        err->sent = refusals[i].may_have_happened;
        return err->code;
    }
    return fx_fail(err, FX_ERR_UPSTREAM, "%s: Slack answered %s", method, word);
}

enum fx_code slackapi_refuse(struct fx_scope *sc, const char *method, const struct fx_json *answer,
                             const struct fx_http_reply *reply, struct fx_error *err) {
    const char *word = fx_json_get_text(answer, "error");

    if (!is_word(word))
        word = "unknown_error";
    enum fx_code code = strcmp(word, "missing_scope") == 0
                            ? refuse_scope(sc, method, answer, err)
                            : refuse_word(sc, method, word, answer, err);
    if (code == FX_ERR_THROTTLED)
        err->retry_after_ms = wait_ms(reply);
    memcpy(err->upstream, word, strlen(word) + 1);
    return code;
}

enum fx_code slackapi_check_status(const char *what, const struct fx_http_reply *reply,
                                   struct fx_error *err) {
    int status = reply->status;

    if (status >= 200 && status <= 299)
        return FX_OK;
    if (status == 429) {
        (void)fx_fail(err, FX_ERR_THROTTLED, "%s: Slack wants us to be slower", what);
        err->retry_after_ms = wait_ms(reply);
        memcpy(err->upstream, "ratelimited", sizeof "ratelimited");
        return FX_ERR_THROTTLED;
    }
    if (status >= 500)
        (void)fx_fail(err, FX_ERR_UNAVAILABLE, "%s: Slack answered with status %d", what, status);
    else
        (void)fx_fail(err, FX_ERR_UPSTREAM,
                      "%s: the answer has status %d and is not Slack's: check the address and any "
                      "proxy before it",
                      what, status);
    err->sent = status >= 500;
    return err->code;
}
