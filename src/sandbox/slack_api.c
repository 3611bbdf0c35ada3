/* slack_api.c - POST /slack/api/METHOD: token, scopes, pace, faults and the form of every answer.
 */
#include "slack_private.h"

#include <string.h>

struct slack_method {
    const char *name;
    const char *scope; /* NULL: any token will do */
    int per_minute;    /* Slack's tier; chat.postMessage is counted per channel instead */
    slack_method_fn *call;
};

static const struct slack_method methods[] = {
    {"auth.test", NULL, 600, slack_auth_test},
    {"chat.postMessage", "chat:write", 0, slack_chat_post},
    {"chat.update", "chat:write", 50, slack_chat_update},
    {"chat.postEphemeral", "chat:write", 100, slack_chat_ephemeral},
    {"chat.delete", "chat:write", 50, slack_chat_delete},
    {"chat.getPermalink", NULL, 600, slack_chat_permalink},
    {"reactions.add", "reactions:write", 50, slack_reactions_add},
    {"views.open", NULL, 100, slack_views_open},
    {"views.push", NULL, 100, slack_views_push},
    {"views.update", NULL, 100, slack_views_update},
    {"views.publish", NULL, 100, slack_views_publish},
    {"users.info", "users:read", 100, slack_users_info},
    {"users.list", "users:read", 20, slack_users_list},
    {"usergroups.list", "usergroups:read", 20, slack_usergroups_list},
    {"usergroups.users.list", "usergroups:read", 20, slack_usergroups_users_list},
    {"conversations.info", "channels:read", 50, slack_conversations_info},
    {"conversations.list", "channels:read", 20, slack_conversations_list},
    {"conversations.history", "channels:history", 50, slack_conversations_history},
    {"conversations.replies", "channels:history", 50, slack_conversations_replies},
    {"conversations.members", "channels:read", 100, slack_conversations_members},
    {"files.getUploadURLExternal", "files:write", 100, slack_files_get_url},
    {"files.completeUploadExternal", "files:write", 100, slack_files_complete},
};
_Static_assert(FX_COUNT_OF(methods) <= SLACK_METHODS_MAX, "a bucket for each method");

/* What a method beyond its tier forgives: Slack's own figures are minimums. */
enum { BURST_FACTOR = 3, MS_PER_MINUTE = 60000, MS_PER_DAY = 24 * 3600 * 1000 };

const char *slack_arg(const struct slack_call *call, const char *name) {
    const char *text = fx_json_get_text(call->args, name);

    return text && *text ? text : NULL;
}

bool slack_bucket_take(struct slack_bucket *bucket, int64_t now_ms, int64_t per_minute,
                       int64_t burst, int *ret_wait_s) {
    if (bucket->at_ms == 0)
        bucket->level_milli = burst * 1000;
    else
        bucket->level_milli += (now_ms - bucket->at_ms) * per_minute * 1000 / MS_PER_MINUTE;
    if (bucket->level_milli > burst * 1000)
        bucket->level_milli = burst * 1000;
    bucket->at_ms = now_ms;
    if (bucket->level_milli >= 1000) {
        bucket->level_milli -= 1000;
        return true;
    }
    int64_t wait_ms = (1000 - bucket->level_milli) * MS_PER_MINUTE / (per_minute * 1000);
    *ret_wait_s = wait_ms < 1000 ? 1 : (int)((wait_ms + 999) / 1000);
    return false;
}

static bool has_scope(const struct sandbox_slack *slack, const char *wanted) {
    struct fx_slice scope, rest = fx_slice_of(slack->scopes);

    do {
        fx_slice_split(rest, ',', &scope, &rest);
        if (fx_slice_equal_text(scope, wanted))
            return true;
    } while (rest.len > 0);
    return false;
}

static const char *read_form(struct slack_call *call, struct fx_slice body) {
    struct fx_error err;

    while (body.len > 0) {
        struct fx_slice pair, name, value;
        fx_slice_split(body, '&', &pair, &body);
        fx_slice_split(pair, '=', &name, &value);
        if (fx_url_decode(call->sc, name, true, &name, &err) != FX_OK ||
            fx_url_decode(call->sc, value, true, &value, &err) != FX_OK)
            return "invalid_form_data";
        if (name.len > 0)
            fx_json_put(call->args, fx_slice_dup(call->sc, name), fx_json_slice(call->sc, value));
    }
    return NULL;
}

static const char *read_arguments(struct slack_call *call, struct sandbox_request *req) {
    const char *type = sandbox_header(req, "content-type");
    struct fx_error err;

    call->args = fx_json_object(call->sc);
    if (req->body.len == 0)
        return NULL;
    if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0)
        return read_form(call, req->body);
    if (strncasecmp(type, "application/json", 16) != 0)
        return "invalid_post_type";
    if (!strcasestr(type, "charset"))
        fx_json_add(call->warnings, fx_json_string(call->sc, "missing_charset"));
    struct fx_json *args = NULL;
    if (fx_json_parse(call->sc, req->body, &args, &err) != FX_OK)
        return "invalid_json";
    if (fx_json_type(args) != FX_JSON_OBJECT)
        return "json_not_object";
    call->args = args;
    return NULL;
}

static const char *check_token(const struct slack_call *call, struct sandbox_request *req) {
    const char *header = sandbox_header(req, "authorization");
    const char *token = fx_json_get_text(call->args, "token");

    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        token = header + 7;
    if (!token || !*token)
        return "not_authed";
    if (!fx_slice_equal_secret(fx_slice_of(token), fx_slice_of(call->sb->options.bot_token)))
        return "invalid_auth";
    return call->sb->slack->token_revoked ? "token_revoked" : NULL;
}

static const char *check_pace(struct slack_call *call, const struct slack_method *method) {
    struct sandbox_slack *slack = call->sb->slack;
    int64_t per_minute = method->per_minute, burst = per_minute * BURST_FACTOR;

    if (per_minute == 0)
        return NULL;
    if (method->call == slack_chat_update) {
        per_minute = slack->rates.update_per_minute;
        burst = slack->rates.update_burst;
    }
    struct slack_bucket *bucket = &slack->method_buckets[method - methods];
    bool allowed = slack_bucket_take(bucket, fx_mono_ms(call->sb->clock), per_minute, burst,
                                     &call->retry_after_s);
    return allowed ? NULL : "ratelimited";
}

static const char *missing_scope(struct slack_call *call, const char *scope) {
    fx_json_put(call->answer, "needed", fx_json_string(call->sc, scope ? scope : "unknown"));
    fx_json_put(call->answer, "provided", fx_json_string(call->sc, call->sb->slack->scopes));
    return "missing_scope";
}

static const char *run(struct slack_call *call, struct sandbox_request *req,
                       const struct slack_method *method, enum sandbox_fault fault) {
    const char *error = read_arguments(call, req);

    if (!error)
        error = check_token(call, req);
    if (error)
        return error;
    const char *scope =
        method->call == slack_conversations_info ? slack_conversation_scope(call) : method->scope;
    if (fault == SANDBOX_FAULT_DENIED || (scope && !has_scope(call->sb->slack, scope)))
        return missing_scope(call, scope);
    if (fault == SANDBOX_FAULT_THROTTLE) {
        call->retry_after_s = 1;
        return "ratelimited";
    }
    error = check_pace(call, method);
    return error ? error : method->call(call);
}

/* Slack repeats complaints twice: bare in errors, marked in response_metadata.messages. */
static void put_metadata(struct slack_call *call) {
    struct fx_json *metadata = fx_json_at(call->answer, "response_metadata");
    struct fx_json *messages = fx_json_array(call->sc);

    if (!metadata)
        metadata = fx_json_object(call->sc);
    for (size_t i = 0; i < fx_json_count(call->complaints); i++)
        fx_json_add(messages, fx_json_stringf(call->sc, "[ERROR] %s",
                                              fx_json_text(fx_json_item(call->complaints, i))));
    if (fx_json_count(messages) > 0) {
        fx_json_put(call->answer, "errors", call->complaints);
        fx_json_put(metadata, "messages", messages);
    }
    if (fx_json_count(call->warnings) > 0) {
        fx_json_put(call->answer, "warning", fx_json_item(call->warnings, 0));
        fx_json_put(metadata, "warnings", call->warnings);
    }
    if (fx_json_count(metadata) > 0)
        fx_json_put(call->answer, "response_metadata", metadata);
}

/* "Sun, 22 Nov 2026 15:51:43 GMT": as if Slack's clock, or ours, were wrong. */
static const char *date_header(struct fx_scope *sc, int64_t wall_ms) {
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const char *iso = fx_time_iso(sc, wall_ms);
    int64_t month = 1;

    fx_slice_to_int(fx_slice_cut(fx_slice_of(iso), 5, 2), &month);
    return fx_printf(sc, "%s, %.2s %s %.4s %.8s GMT", days[wall_ms / MS_PER_DAY % 7], iso + 8,
                     months[month - 1], iso, iso + 11);
}

static void answer(struct slack_call *call, struct sandbox_request *req,
                   struct sandbox_reply *reply, const struct slack_method *method,
                   const char *error) {
    struct fx_json *json = fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, !error), "error",
                                             error ? fx_json_string(req->sc, error) : NULL, NULL);
    void *cursor = NULL;
    const char *key;
    struct fx_json *value;

    put_metadata(call);
    while (fx_json_next(call->answer, &cursor, &key, &value))
        fx_json_put(json, key, value);
    bool limited = error && strcmp(error, "ratelimited") == 0;
    sandbox_reply_json(req, reply, limited ? 429 : 200, json);
    sandbox_reply_header(reply, "X-OAuth-Scopes", fx_strdup(req->sc, call->sb->slack->scopes));
    if (call->sb->slack->clock_off_ms != 0)
        sandbox_reply_header(
            reply, "Date",
            date_header(req->sc, fx_wall_ms(call->sb->clock) + call->sb->slack->clock_off_ms));
    if (method && method->scope)
        sandbox_reply_header(reply, "X-Accepted-OAuth-Scopes", method->scope);
    if (limited)
        sandbox_reply_header(reply, "Retry-After", fx_printf(req->sc, "%d", call->retry_after_s));
}

static const struct slack_method *method_named(const char *name) {
    for (size_t i = 0; i < FX_COUNT_OF(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

void sandbox_slack_api(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct slack_method *method = method_named(req->path + strlen("/slack/api/"));
    struct slack_call call = {.sb = req->sb,
                              .sc = req->sc,
                              .args = fx_json_object(req->sc),
                              .answer = fx_json_object(req->sc),
                              .warnings = fx_json_array(req->sc)};

    if (!method) {
        answer(&call, req, reply, NULL, "unknown_method");
        return;
    }
    enum sandbox_fault fault = sandbox_fault_take(req->sb, "slack", method->name, req->body);
    sandbox_fault_wait(req->sb, fault, "slack", method->name);
    if (fault == SANDBOX_FAULT_TIMEOUT_BEFORE) {
        reply->hang_up = true;
        return;
    }
    if (fault == SANDBOX_FAULT_ERROR) {
        answer(&call, req, reply, method, "internal_error");
        reply->status = 500;
        return;
    }
    const char *error = run(&call, req, method, fault);

    answer(&call, req, reply, method,
           error == NULL && fault == SANDBOX_FAULT_ERROR_AFTER ? "internal_error" : error);
    reply->hang_up = fault == SANDBOX_FAULT_TIMEOUT_AFTER;
}
