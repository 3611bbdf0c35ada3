/* slack_history.c - conversations.history and conversations.replies: what was said in a channel,
 * the newest first, or in a thread, the oldest first. */
#include "slack_private.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_MESSAGES = 100, PAGE_MESSAGES_MAX = 999 };

/* The world's own message, without what the caller did not ask for. */
static struct fx_json *shown(struct slack_call *call, const struct slack_message *message) {
    struct fx_json *json = slack_show_message(call->sc, message);
    const struct fx_json *asked = fx_json_at(call->args, "include_all_metadata");
    const char *text = fx_json_text(asked);

    if (!(text ? strcmp(text, "true") == 0
               : fx_json_get_bool(call->args, "include_all_metadata", false)))
        fx_json_remove(json, "metadata");
    return json;
}

static int64_t number(const struct slack_call *call, const char *name, int64_t otherwise) {
    const char *text = slack_arg(call, name);

    return text ? strtoll(text, NULL, 10) : fx_json_get_int(call->args, name, otherwise);
}

/* ts are of one width, so that they compare as text. The cursor is the last one given. */
static bool is_wanted(const struct slack_message *message, const char *channel,
                      const char *thread_ts, const char *oldest, const char *cursor) {
    if (message->only_for[0] || strcmp(message->channel, channel) != 0 ||
        (oldest && strcmp(message->ts, oldest) <= 0))
        return false;
    if (!thread_ts)
        return !message->thread_ts[0] && (!cursor || strcmp(message->ts, cursor) < 0);
    return (strcmp(message->thread_ts, thread_ts) == 0 || strcmp(message->ts, thread_ts) == 0) &&
           (!cursor || strcmp(message->ts, cursor) > 0);
}

static const char *read_messages(struct slack_call *call, const char *thread_ts) {
    const char *oldest = slack_arg(call, "oldest"), *cursor = slack_arg(call, "cursor");
    const struct slack_channel *channel = slack_channel_at(call->sb, slack_arg(call, "channel"));
    struct sandbox_slack *slack = call->sb->slack;
    int64_t limit = number(call, "limit", PAGE_MESSAGES);
    struct fx_json *messages = fx_json_array(call->sc);
    const char *last = NULL;
    bool more = false;

    if (!channel)
        return "channel_not_found";
    if (!channel->is_member)
        return "not_in_channel";
    if (limit < 1 || limit > PAGE_MESSAGES_MAX)
        limit = PAGE_MESSAGES;
    for (const struct slack_message *m = thread_ts ? slack->oldest : slack->newest; m && !more;
         m = thread_ts ? m->newer : m->older) {
        if (!is_wanted(m, channel->id, thread_ts, oldest, cursor))
            continue;
        more = (int64_t)fx_json_count(messages) == limit;
        if (more)
            break;
        fx_json_add(messages, shown(call, m));
        last = m->ts;
    }
    fx_json_put(call->answer, "messages", messages);
    fx_json_put(call->answer, "has_more", fx_json_bool(call->sc, more));
    if (more)
        fx_json_put(
            call->answer, "response_metadata",
            fx_json_object_of(call->sc, "next_cursor", fx_json_string(call->sc, last), NULL));
    return NULL;
}

const char *slack_conversations_history(struct slack_call *call) {
    return read_messages(call, NULL);
}

const char *slack_conversations_replies(struct slack_call *call) {
    const char *ts = slack_arg(call, "ts");

    return ts ? read_messages(call, ts) : "thread_not_found";
}
