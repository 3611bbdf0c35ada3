/* slack_requests.c - signs what Slack sends to the bot, sends it, and remembers it for a
 * repetition. */
#include "slack_private.h"

#include <stdio.h>
#include <string.h>

enum { REPLY_BYTES_MAX = 1 << 20 };

/* Slack signs "v0:TIMESTAMP:BODY" with the signing secret as it is written. */
const char *slack_sign(struct fx_scope *sc, const char *secret, const char *timestamp,
                       struct fx_slice body) {
    const size_t head = strlen("v0::") + strlen(timestamp);
    char *base = fx_alloc(sc, head + body.len + 1);
    uint8_t mac[FX_SHA256_BYTES];

    snprintf(base, head + 1, "v0:%s:", timestamp);
    if (body.len > 0)
        memcpy(base + head, body.ptr, body.len);
    fx_hmac_sha256(fx_slice_of(secret), (struct fx_slice){base, head + body.len}, mac);
    return fx_printf(sc, "v0=%s", fx_hex(sc, mac, sizeof mac));
}

static void add_header(struct slack_outgoing *out, const char *name, const char *value) {
    if (out->headers_count < FX_COUNT_OF(out->headers))
        out->headers[out->headers_count++] = (struct fx_http_header){name, value};
}

void slack_sign_outgoing(struct sandbox *sb, struct fx_scope *sc, struct slack_outgoing *out,
                         const char *content_type) {
    const char *timestamp = fx_printf(sc, "%lld", (long long)(fx_wall_ms(sb->clock) / 1000));

    add_header(out, "Content-Type", content_type);
    add_header(out, "User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
    add_header(out, "Accept", "application/json,*/*");
    add_header(out, "X-Slack-Request-Timestamp", timestamp);
    add_header(out, "X-Slack-Signature",
               slack_sign(sc, sb->options.signing_secret, timestamp, out->body));
}

static void remember(struct sandbox *sb, const struct slack_outgoing *out) {
    struct sandbox_slack *slack = sb->slack;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct slack_outgoing kept = *out;

    kept.method = fx_strdup(sc, out->method);
    kept.path = fx_strdup(sc, out->path);
    kept.body = (struct fx_slice){fx_slice_dup(sc, out->body), out->body.len};
    for (size_t i = 0; i < kept.headers_count; i++)
        kept.headers[i] = (struct fx_http_header){fx_strdup(sc, out->headers[i].name),
                                                  fx_strdup(sc, out->headers[i].value)};
    fx_scope_free(slack->last_scope);
    slack->last_scope = sc;
    slack->last = kept;
}

const char *slack_send(struct sandbox *sb, struct fx_scope *sc, const struct slack_outgoing *out,
                       struct fx_http_reply **ret_reply) {
    struct fx_error err;

    *ret_reply = NULL;
    if (!sb->options.bot_url)
        return "dispatch_unknown_error";
    remember(sb, out);
    const struct fx_http_request request = {
        .method = out->method,
        .url = fx_printf(sc, "%s%s", sb->options.bot_url, out->path),
        .headers = out->headers,
        .headers_count = out->headers_count,
        .body = out->body,
        .reach = FX_HTTP_ANY,
        .max_reply_bytes = REPLY_BYTES_MAX,
        .timeout_ms = sb->slack->patience_ms,
        .ca_file = sb->options.bot_ca_file};
    /* The bot may call the Web API while it answers. */
    sandbox_unlock(sb);
    enum fx_code code = fx_http_exchange(sb->http, sc, &request, ret_reply, &err);
    sandbox_lock(sb);
    if (code == FX_OK)
        return NULL;
    fx_log(sc, FX_LOG_WARN, "slack.send", FX_S("path", out->path), FX_E(&err));
    return code == FX_ERR_TIMEOUT ? "operation_timeout" : "dispatch_failed";
}

struct fx_json *slack_outcome(struct fx_scope *sc, const struct fx_http_reply *reply,
                              const char *failure) {
    struct fx_json *body = NULL;
    struct fx_error err;

    if (!reply)
        return fx_json_object_of(sc, "ok", fx_json_bool(sc, false), "status", fx_json_int(sc, 0),
                                 "error", fx_json_string(sc, failure), NULL);
    if (reply->body.len == 0 || fx_json_parse(sc, reply->body, &body, &err) != FX_OK)
        body = fx_json_slice(sc, reply->body);
    return fx_json_object_of(sc, "ok", fx_json_bool(sc, true), "status",
                             fx_json_int(sc, reply->status), "body", body, NULL);
}

const char *slack_new_trigger(struct sandbox *sb, struct fx_scope *sc, const char *user,
                              const char *view) {
    struct sandbox_slack *slack = sb->slack;
    struct slack_trigger *trigger = &slack->triggers[slack->next_trigger++ % SLACK_TRIGGERS_MAX];
    char secret[33];

    *trigger = (struct slack_trigger){.expires_ms = fx_mono_ms(sb->clock) + slack->patience_ms};
    slack_new_id(sb, "", secret, sizeof secret);
    snprintf(trigger->id, sizeof trigger->id, "%lld.%zu.%s",
             (long long)(fx_wall_ms(sb->clock) / 1000), slack->next_trigger, secret);
    snprintf(trigger->user, sizeof trigger->user, "%s", user);
    snprintf(trigger->view, sizeof trigger->view, "%s", view ? view : "");
    return fx_strdup(sc, trigger->id);
}

const char *slack_new_hook(struct sandbox *sb, struct fx_scope *sc, const char *user,
                           const char *channel, const char *source_ts) {
    struct sandbox_slack *slack = sb->slack;
    struct slack_hook *hook = &slack->hooks[slack->next_hook++ % SLACK_HOOKS_MAX];

    *hook = (struct slack_hook){.expires_ms = fx_mono_ms(sb->clock) + SLACK_HOOK_MS};
    /* counted, because a reset world draws the same random numbers again */
    slack_new_id(sb, fx_printf(sc, "%zu/", slack->next_hook), hook->id, 45);
    snprintf(hook->user, sizeof hook->user, "%s", user);
    snprintf(hook->channel, sizeof hook->channel, "%s", channel);
    snprintf(hook->source_ts, sizeof hook->source_ts, "%s", source_ts ? source_ts : "");
    return fx_printf(sc, "http://127.0.0.1:%u/slack/hooks/%s", (unsigned)sb->options.page_port,
                     hook->id);
}

const char *slack_send_payload(struct sandbox *sb, struct fx_scope *sc,
                               const struct fx_json *payload, struct fx_http_reply **ret_reply) {
    const char *text = fx_json_dump(sc, payload);
    const char *body = fx_printf(sc, "payload=%s", fx_url_encode(sc, fx_slice_of(text), false));
    struct slack_outgoing out = {
        .method = "POST", .path = "/slack/interactions", .body = fx_slice_of(body)};

    slack_sign_outgoing(sb, sc, &out, "application/x-www-form-urlencoded");
    return slack_send(sb, sc, &out, ret_reply);
}

struct fx_json *slack_payload(struct fx_scope *sc, const char *type,
                              const struct slack_person *person) {
    struct fx_json *user = fx_json_object_of(sc, "id", fx_json_string(sc, person->id), "username",
                                             fx_json_string(sc, person->name), "name",
                                             fx_json_string(sc, person->name), "team_id",
                                             fx_json_string(sc, person->team), NULL);
    struct fx_json *team = fx_json_object_of(sc, "id", fx_json_string(sc, SLACK_TEAM), "domain",
                                             fx_json_string(sc, SLACK_TEAM_DOMAIN), NULL);

    return fx_json_object_of(
        sc, "type", fx_json_string(sc, type), "user", user, "api_app_id",
        fx_json_string(sc, SLACK_APP), "token", fx_json_string(sc, "deprecated"), "team", team,
        "enterprise", fx_json_null(sc), "is_enterprise_install", fx_json_bool(sc, false), NULL);
}
