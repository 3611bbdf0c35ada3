/* slack_doors.c - the doors that show what stands in Slack, send raw requests, and set its options.
 */
#include "slack_private.h"

#include <string.h>

void sandbox_door_messages(struct sandbox_request *req, struct sandbox_reply *reply) {
    const char *name = sandbox_query(req, "channel");
    const struct slack_channel *channel = slack_channel_at(req->sb, name ? name : SLACK_CHANNEL);

    if (!channel) {
        sandbox_reply_error(req, reply, 404, "there is no channel %s", name);
        return;
    }
    struct fx_json *messages = slack_show_channel(req->sb, req->sc, channel->id);
    sandbox_reply_json(req, reply, 200, fx_json_object_of(req->sc, "messages", messages, NULL));
}

void sandbox_door_private(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct slack_person *person = slack_person_at(req->sb, sandbox_query(req, "user"));

    if (!person)
        sandbox_reply_error(req, reply, 404, "user must name somebody, like ?user=requester");
    else
        sandbox_reply_json(req, reply, 200, slack_show_private(req->sb, req->sc, person->id));
}

void sandbox_door_people(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct sandbox_slack *slack = req->sb->slack;
    struct fx_json *people = fx_json_array(req->sc), *channels = fx_json_array(req->sc);
    struct fx_json *members = fx_json_array(req->sc);

    for (size_t i = 0; i < slack->people_count; i++) {
        const struct slack_person *person = &slack->people[i];
        struct fx_json *json = slack_person_json(req->sc, person);
        fx_json_put(json, "role", fx_json_string(req->sc, person->role));
        fx_json_add(people, json);
        if (person->in_group)
            fx_json_add(members, fx_json_string(req->sc, person->id));
    }
    for (size_t i = 0; i < slack->channels_count; i++)
        fx_json_add(channels, slack_channel_json(req->sc, &slack->channels[i]));
    struct fx_json *group =
        fx_json_object_of(req->sc, "id", fx_json_string(req->sc, SLACK_GROUP), "handle",
                          fx_json_string(req->sc, "fluxa-oncall"), "users", members, NULL);
    sandbox_reply_json(req, reply, 200,
                       fx_json_object_of(req->sc, "team", fx_json_string(req->sc, SLACK_TEAM),
                                         "people", people, "channels", channels, "groups",
                                         fx_json_array_of(req->sc, group, NULL), NULL));
}

void sandbox_door_slack_options(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);

    if (!body)
        return;
    const char *wrong = sandbox_slack_configure(req->sb, req->sc, body);
    if (wrong)
        sandbox_reply_error(req, reply, 400, "%s", wrong);
    else
        sandbox_reply_json(req, reply, 200,
                           fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL));
}

/* Everything the page needs in one answer; only the number when nothing has changed since. */
void sandbox_door_state(struct sandbox_request *req, struct sandbox_reply *reply) {
    const char *since = sandbox_query(req, "since"), *where = sandbox_query(req, "channel");
    const struct slack_person *person = slack_person_at(req->sb, sandbox_query(req, "user"));
    const struct slack_channel *channel = slack_channel_at(req->sb, where ? where : SLACK_CHANNEL);
    int64_t seen = -1;
    struct fx_json *state = fx_json_object_of(req->sc, "revision",
                                              fx_json_int(req->sc, req->sb->slack->revision), NULL);

    if (!person || !channel) {
        sandbox_reply_error(req, reply, 404, "there is no such user or channel");
        return;
    }
    if (!since || !fx_slice_to_int(fx_slice_of(since), &seen) || seen != req->sb->slack->revision) {
        fx_json_put(state, "messages", slack_show_channel(req->sb, req->sc, channel->id));
        fx_json_put(state, "private", slack_show_private(req->sb, req->sc, person->id));
        fx_json_put(state, "pages", sandbox_pagerduty_pages(req->sb, req->sc));
    }
    sandbox_reply_json(req, reply, 200, state);
}

static void add(struct slack_outgoing *out, const char *name, const char *value) {
    if (out->headers_count < FX_COUNT_OF(out->headers))
        out->headers[out->headers_count++] = (struct fx_http_header){name, value};
}

/* Headers as the caller wants them, then what Slack would add, unless the caller has set it. */
static void fill_raw(struct sandbox *sb, struct fx_scope *sc, const struct fx_json *wish,
                     struct slack_outgoing *out) {
    const struct fx_json *headers = fx_json_at(wish, "headers");
    struct fx_json *value;
    const char *timestamp = fx_json_get_text(wish, "timestamp");
    const char *signature = fx_json_get_text(wish, "signature");
    bool typed = false, sign = fx_json_get_bool(wish, "sign", true);
    void *cursor = NULL;
    const char *name;

    while (fx_json_next(headers, &cursor, &name, &value)) {
        typed |= strcasecmp(name, "content-type") == 0;
        if (fx_json_text(value))
            add(out, name, fx_json_text(value));
    }
    if (!typed)
        add(out, "Content-Type",
            out->body.len > 0 && out->body.ptr[0] == '{' ? "application/json"
                                                         : "application/x-www-form-urlencoded");
    if (fx_json_type(fx_json_at(wish, "timestamp")) == FX_JSON_INT)
        timestamp = fx_printf(sc, "%lld", (long long)fx_json_get_int(wish, "timestamp", 0));
    if (!timestamp && sign)
        timestamp = fx_printf(sc, "%lld", (long long)(fx_wall_ms(sb->clock) / 1000));
    if (!signature && sign)
        signature = slack_sign(sc, sb->options.signing_secret, timestamp, out->body);
    if (timestamp)
        add(out, "X-Slack-Request-Timestamp", timestamp);
    if (signature)
        add(out, "X-Slack-Signature", signature);
}

void sandbox_door_slack_raw(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *wish = sandbox_body(req, reply);
    const struct fx_json *body = fx_json_at(wish, "body");
    const char *method = fx_json_get_text(wish, "method");
    const char *base64 = fx_json_get_text(wish, "body_base64");
    struct slack_outgoing out = {.method = method ? method : "POST",
                                 .path = fx_json_get_text(wish, "path")};
    struct fx_http_reply *bot = NULL;
    struct fx_error err;

    if (!wish)
        return;
    if (!out.path || *out.path != '/') {
        sandbox_reply_error(req, reply, 400, "path must begin with a slash");
        return;
    }
    if (base64 && fx_base64_decode(req->sc, fx_slice_of(base64), &out.body, &err) != FX_OK) {
        sandbox_reply_error(req, reply, 400, "body_base64 is not base64");
        return;
    }
    if (!base64 && body)
        out.body = fx_json_type(body) == FX_JSON_STRING ? fx_json_text_slice(body)
                                                        : fx_slice_of(fx_json_dump(req->sc, body));
    fill_raw(req->sb, req->sc, wish, &out);
    const char *failure = slack_send(req->sb, req->sc, &out, &bot);
    sandbox_reply_json(req, reply, 200, slack_outcome(req->sc, bot, failure));
}

/* Copies the remembered request: the next one may replace it while this one is under way. */
static struct slack_outgoing last_request(struct sandbox *sb, struct fx_scope *sc) {
    struct slack_outgoing out = sb->slack->last;

    out.method = fx_strdup(sc, out.method);
    out.path = fx_strdup(sc, out.path);
    out.body = (struct fx_slice){fx_slice_dup(sc, out.body), out.body.len};
    for (size_t i = 0; i < out.headers_count; i++)
        out.headers[i] = (struct fx_http_header){fx_strdup(sc, out.headers[i].name),
                                                 fx_strdup(sc, out.headers[i].value)};
    return out;
}

void sandbox_door_slack_replay(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_http_reply *bot = NULL;

    if (!req->sb->slack->last_scope) {
        sandbox_reply_error(req, reply, 404, "nothing was sent to the bot yet");
        return;
    }
    const struct slack_outgoing out = last_request(req->sb, req->sc);
    const char *failure = slack_send(req->sb, req->sc, &out, &bot);
    sandbox_reply_json(req, reply, 200, slack_outcome(req->sc, bot, failure));
}
