/* slack_show.c - messages and views as the doors give them: copies, oldest first. */
#include "slack_private.h"

#include <string.h>

struct fx_json *slack_show_message(struct fx_scope *sc, const struct slack_message *message) {
    static const char *const members[] = {"blocks", "attachments", "metadata", "files",
                                          "reactions"};
    const char *text = fx_json_get_text(message->content, "text");
    bool bot = strcmp(message->user, SLACK_BOT_USER) == 0;
    struct fx_json *json = fx_json_object_of(
        sc, "type", fx_json_string(sc, "message"), "ts", fx_json_string(sc, message->ts), "user",
        fx_json_string(sc, message->user), "bot_id", bot ? fx_json_string(sc, SLACK_BOT) : NULL,
        "app_id", bot ? fx_json_string(sc, SLACK_APP) : NULL, "team",
        fx_json_string(sc, SLACK_TEAM), "channel", fx_json_string(sc, message->channel), "text",
        fx_json_string(sc, text ? text : ""), NULL);

    for (size_t i = 0; i < FX_COUNT_OF(members); i++)
        if (fx_json_at(message->content, members[i]))
            fx_json_put(json, members[i],
                        fx_json_copy(sc, fx_json_at(message->content, members[i])));
    if (message->thread_ts[0])
        fx_json_put(json, "thread_ts", fx_json_string(sc, message->thread_ts));
    if (message->edited)
        fx_json_put(json, "edited",
                    fx_json_object_of(sc, "user", fx_json_string(sc, message->user), NULL));
    if (message->ephemeral)
        fx_json_put(json, "is_ephemeral", fx_json_bool(sc, true));
    return json;
}

struct fx_json *slack_show_channel(struct sandbox *sb, struct fx_scope *sc, const char *channel) {
    struct fx_json *messages = fx_json_array(sc);
    struct fx_json *by_ts = fx_json_object(sc); /* parents, to hang replies under */

    for (const struct slack_message *m = sb->slack->oldest; m; m = m->newer) {
        if (m->only_for[0] || strcmp(m->channel, channel) != 0)
            continue;
        struct fx_json *json = slack_show_message(sc, m);
        struct fx_json *parent = fx_json_at(by_ts, m->thread_ts);
        if (parent) {
            fx_json_add(fx_json_at(parent, "replies"), json);
            continue;
        }
        fx_json_put(json, "replies", fx_json_array(sc));
        fx_json_put(by_ts, m->ts, json);
        fx_json_add(messages, json);
    }
    return messages;
}

struct fx_json *slack_show_private(struct sandbox *sb, struct fx_scope *sc, const char *user) {
    struct fx_json *messages = fx_json_array(sc), *views = fx_json_array(sc), *home = NULL;

    for (const struct slack_message *m = sb->slack->oldest; m; m = m->newer)
        if (strcmp(m->only_for, user) == 0)
            fx_json_add(messages, slack_show_message(sc, m));
    for (const struct slack_view *view = sb->slack->views; view; view = view->next) {
        if (strcmp(view->user, user) != 0)
            continue;
        if (view->home)
            home = slack_view_json(sc, view, NULL);
        else
            fx_json_add(views, slack_view_json(sc, view, NULL));
    }
    return fx_json_object_of(sc, "messages", messages, "views", views, "home", home, NULL);
}
