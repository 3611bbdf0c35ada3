/* slack_click.c - somebody presses a button or chooses in a menu: POST /sandbox/slack/click. */
#include "slack_private.h"

#include <string.h>

struct wanted {
    const char *action_id, *block_id, *value; /* the last two may be NULL */
    struct fx_json *element;
    const char *found_block;
};

/* A button may share its action_id with others; then value tells which. Elsewhere value is the
 * choice. */
static bool matches(const struct wanted *wanted, const struct fx_json *json, const char *block_id) {
    const char *action_id = fx_json_get_text(json, "action_id");
    const char *type = fx_json_get_text(json, "type");
    const char *value = fx_json_get_text(json, "value");

    if (!action_id || strcmp(action_id, wanted->action_id) != 0)
        return false;
    if (wanted->block_id && strcmp(wanted->block_id, block_id) != 0)
        return false;
    bool button = type && strcmp(type, "button") == 0;
    return !button || !wanted->value || (value && strcmp(value, wanted->value) == 0);
}

static void look_in(struct wanted *wanted, struct fx_json *json, const char *block_id) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *member;

    if (wanted->element)
        return;
    if (fx_json_type(json) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(json); i++)
            look_in(wanted, fx_json_item(json, i), block_id);
    if (fx_json_type(json) != FX_JSON_OBJECT)
        return;
    const char *own = fx_json_get_text(json, "block_id");
    block_id = own ? own : block_id;
    if (matches(wanted, json, block_id)) {
        wanted->element = json;
        wanted->found_block = block_id;
        return;
    }
    while (fx_json_next(json, &cursor, &key, &member))
        look_in(wanted, member, block_id);
}

static struct fx_json *message_container(struct fx_scope *sc, const struct slack_message *message) {
    return fx_json_object_of(
        sc, "type", fx_json_string(sc, "message"), "message_ts", fx_json_string(sc, message->ts),
        "channel_id", fx_json_string(sc, message->channel), "is_ephemeral",
        fx_json_bool(sc, message->ephemeral), "thread_ts",
        message->thread_ts[0] ? fx_json_string(sc, message->thread_ts) : NULL, NULL);
}

/* What a block_actions payload says of the message the element stands in. */
static void put_message(struct sandbox *sb, struct fx_scope *sc, struct fx_json *payload,
                        const struct slack_person *person, const struct slack_message *message) {
    const struct slack_channel *channel = slack_channel_at(sb, message->channel);
    const char *name = channel ? channel->name : "directmessage";

    fx_json_put(payload, "container", message_container(sc, message));
    fx_json_put(payload, "channel",
                fx_json_object_of(sc, "id", fx_json_string(sc, message->channel), "name",
                                  fx_json_string(sc, name), NULL));
    fx_json_put(payload, "message", slack_show_message(sc, message));
    fx_json_put(payload, "state", fx_json_object_of(sc, "values", fx_json_object(sc), NULL));
    fx_json_put(
        payload, "response_url",
        fx_json_string(sc, slack_new_hook(sb, sc, person->id, message->channel, message->ts)));
}

static void put_view(struct fx_scope *sc, struct fx_json *payload, const struct slack_view *view,
                     const struct fx_json *values) {
    fx_json_put(payload, "container",
                fx_json_object_of(sc, "type", fx_json_string(sc, "view"), "view_id",
                                  fx_json_string(sc, view->id), NULL));
    fx_json_put(payload, "view", slack_view_json(sc, view, values));
}

struct click {
    const struct slack_person *person;
    struct slack_message *message; /* or */
    struct slack_view *view;
    struct wanted wanted;
    const struct fx_json *values; /* what a view's inputs hold at this moment, may be NULL */
};

static bool read_click(struct sandbox_request *req, struct sandbox_reply *reply,
                       struct click *click) {
    struct fx_json *body = sandbox_body(req, reply);

    if (!body)
        return false;
    click->person = slack_person_at(req->sb, fx_json_get_text(body, "user"));
    click->wanted = (struct wanted){.action_id = fx_json_get_text(body, "action_id"),
                                    .block_id = fx_json_get_text(body, "block_id"),
                                    .value = fx_json_get_text(body, "value")};
    click->values = fx_json_at(body, "values");
    if (!click->person || !click->wanted.action_id) {
        sandbox_reply_error(req, reply, click->person ? 400 : 404, "%s",
                            click->person ? "action_id is missing" : "there is no such user");
        return false;
    }
    click->view = slack_view_at(req->sb, fx_json_get_text(body, "view_id"));
    if (!click->view)
        click->message = slack_message_at(req->sb, fx_json_get_text(body, "channel"),
                                          fx_json_get_text(body, "message_ts"), click->person->id);
    if (!click->message && (!click->view || strcmp(click->view->user, click->person->id) != 0)) {
        sandbox_reply_error(req, reply, 404, "%s sees no such message or dialog",
                            click->person->real_name);
        return false;
    }
    struct fx_json *in = click->message ? click->message->content : click->view->view;
    look_in(&click->wanted, fx_json_at(in, "blocks"), "");
    look_in(&click->wanted, fx_json_at(in, "attachments"), "");
    if (!click->wanted.element)
        sandbox_reply_error(req, reply, 404, "there is no element with the action_id %s%s there",
                            click->wanted.action_id, click->wanted.value ? " and that value" : "");
    return click->wanted.element != NULL;
}

void sandbox_door_click(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_http_reply *bot = NULL;
    struct click click = {0};
    const char *wrong = NULL;

    if (!read_click(req, reply, &click))
        return;
    struct fx_json *action = slack_action(req->sb, req->sc, click.wanted.element,
                                          click.wanted.found_block, click.wanted.value, &wrong);
    if (!action) {
        sandbox_reply_error(req, reply, 400, "%s", wrong);
        return;
    }
    struct fx_json *payload = slack_payload(req->sc, "block_actions", click.person);
    if (click.message)
        put_message(req->sb, req->sc, payload, click.person, click.message);
    else
        put_view(
            req->sc, payload, click.view,
            slack_values(req->sc, fx_json_at(click.view->view, "blocks"), click.values, &wrong));
    fx_json_put(payload, "trigger_id",
                fx_json_string(req->sc, slack_new_trigger(req->sb, req->sc, click.person->id,
                                                          click.view ? click.view->id : NULL)));
    fx_json_put(payload, "actions", fx_json_array_of(req->sc, action, NULL));
    const char *failure = slack_send_payload(req->sb, req->sc, payload, &bot);
    sandbox_reply_json(req, reply, 200, slack_outcome(req->sc, bot, failure));
}
