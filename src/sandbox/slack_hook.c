/* slack_hook.c - POST /slack/hooks/ID: the response_url of a command or a click. */
#include "slack_private.h"

#include <string.h>

static struct slack_hook *hook_at(struct sandbox *sb, const char *id) {
    for (size_t i = 0; i < SLACK_HOOKS_MAX; i++)
        if (sb->slack->hooks[i].id[0] && strcmp(sb->slack->hooks[i].id, id) == 0)
            return &sb->slack->hooks[i];
    return NULL;
}

/* NULL, or why this address takes nothing more. */
static const char *spend(struct sandbox *sb, struct slack_hook *hook) {
    if (!hook)
        return "no_service";
    if (fx_mono_ms(sb->clock) > hook->expires_ms)
        return "expired_url";
    if (hook->uses >= SLACK_HOOK_USES)
        return "used_url";
    hook->uses++;
    return NULL;
}

static void post(struct sandbox *sb, const struct slack_hook *hook, const struct fx_json *args,
                 const struct fx_json *content) {
    const char *visible = fx_json_get_text(args, "response_type");
    bool public = visible && strcmp(visible, "in_channel") == 0;
    const struct slack_draft draft = {.channel = hook->channel,
                                      .thread_ts = fx_json_get_text(args, "thread_ts"),
                                      .user = SLACK_BOT_USER,
                                      .only_for = public ? NULL : hook->user,
                                      .ephemeral = !public,
                                      .content = content};

    slack_add(sb, &draft);
}

/* With a click the message that held the button is replaced unless the bot forbids it: the trap in
 * which a refusal wipes an approval away. A command has no message to replace. */
static const char *respond(struct sandbox *sb, struct fx_scope *sc, const struct slack_hook *hook,
                           const struct fx_json *args, struct fx_json **ret_complaints) {
    struct slack_message *source =
        hook->source_ts[0] ? slack_message_at(sb, hook->channel, hook->source_ts, hook->user)
                           : NULL;

    if (fx_json_get_bool(args, "delete_original", false)) {
        if (source)
            slack_remove(sb, source);
        return NULL;
    }
    struct slack_content content = slack_read_content(sb, sc, args);
    *ret_complaints = content.complaints;
    if (content.error)
        return content.error;
    if (source && fx_json_get_bool(args, "replace_original", true))
        slack_replace(sb, source, content.content);
    else
        post(sb, hook, args, content.content);
    return NULL;
}

static void refuse(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                   const char *error, struct fx_json *complaints) {
    struct fx_json *metadata = fx_json_count(complaints) > 0
                                   ? fx_json_object_of(req->sc, "messages", complaints, NULL)
                                   : NULL;

    sandbox_reply_json(req, reply, status,
                       fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, false), "error",
                                         fx_json_string(req->sc, error), "response_metadata",
                                         metadata, NULL));
}

void sandbox_slack_hook(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct slack_hook *hook = hook_at(req->sb, req->path + strlen("/slack/hooks/"));
    enum sandbox_fault fault = sandbox_fault_take(req->sb, "slack", "response_url", req->body);
    struct fx_json *args = NULL, *complaints = NULL;
    struct fx_error err;

    sandbox_fault_wait(req->sb, fault, "slack", "response_url");
    reply->hang_up = fault == SANDBOX_FAULT_TIMEOUT_BEFORE || fault == SANDBOX_FAULT_TIMEOUT_AFTER;
    if (fault == SANDBOX_FAULT_TIMEOUT_BEFORE)
        return;
    if (fault == SANDBOX_FAULT_THROTTLE) {
        sandbox_reply_header(reply, "Retry-After", "1");
        refuse(req, reply, 429, "ratelimited", NULL);
        return;
    }
    if (fault == SANDBOX_FAULT_ERROR || fault == SANDBOX_FAULT_DENIED) {
        refuse(req, reply, 500, "internal_error", NULL);
        return;
    }
    const char *error = spend(req->sb, hook);
    if (error) {
        refuse(req, reply, 404, error, NULL);
        return;
    }
    if (fx_json_parse(req->sc, req->body, &args, &err) != FX_OK ||
        fx_json_type(args) != FX_JSON_OBJECT)
        error = "invalid_payload";
    else
        error = respond(req->sb, req->sc, hook, args, &complaints);
    if (error)
        refuse(req, reply, 400, error, complaints);
    else if (fault == SANDBOX_FAULT_ERROR_AFTER)
        refuse(req, reply, 500, "internal_error", NULL);
    else
        sandbox_reply_json(req, reply, 200,
                           fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL));
}
