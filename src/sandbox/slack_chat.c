/* slack_chat.c - chat.*: messages are posted, edited, whispered and deleted. */
#include "slack_private.h"

#include <string.h>

static void warn_when_cut(struct slack_call *call, const struct slack_content *content) {
    if (content->cut)
        fx_json_add(call->warnings, fx_json_string(call->sc, "message_truncated"));
}

/* NULL and the channel, or Slack's error code. */
static const char *find_channel(struct slack_call *call, struct slack_channel **ret_channel) {
    *ret_channel = slack_channel_at(call->sb, slack_arg(call, "channel"));
    if (!*ret_channel)
        return "channel_not_found";
    if ((*ret_channel)->is_archived)
        return "is_archived";
    if (!(*ret_channel)->is_member)
        return "not_in_channel";
    return NULL;
}

static const char *check_thread(struct slack_call *call, const char *channel) {
    const char *ts = slack_arg(call, "thread_ts");

    if (!ts)
        return NULL;
    const struct slack_message *parent = slack_message_at(call->sb, channel, ts, NULL);
    if (!parent)
        return "thread_not_found";
    return parent->thread_ts[0] ? "cannot_reply_to_message" : NULL;
}

static void put_posted(struct slack_call *call, const struct slack_message *message) {
    fx_json_put(call->answer, "channel", fx_json_string(call->sc, message->channel));
    fx_json_put(call->answer, "ts", fx_json_string(call->sc, message->ts));
    fx_json_put(call->answer, "message", slack_show_message(call->sc, message));
}

/* A user id opens the direct conversation with that person. */
static const char *post_direct(struct slack_call *call, const struct slack_person *person) {
    struct slack_content content = slack_read_content(call->sb, call->sc, call->args);
    const struct slack_draft draft = {.channel = fx_printf(call->sc, "D%s", person->id + 1),
                                      .user = SLACK_BOT_USER,
                                      .only_for = person->id,
                                      .content = content.content};

    call->complaints = content.complaints;
    if (person->deleted || person->is_bot)
        return "channel_not_found";
    if (content.error)
        return content.error;
    warn_when_cut(call, &content);
    put_posted(call, slack_add(call->sb, &draft));
    return NULL;
}

const char *slack_chat_post(struct slack_call *call) {
    struct sandbox_slack *slack = call->sb->slack;
    struct slack_channel *channel = NULL;
    struct slack_person *person = NULL;
    const char *to = slack_arg(call, "channel");

    if (to && *to == 'U' && (person = slack_person_at(call->sb, to)))
        return post_direct(call, person);
    const char *error = find_channel(call, &channel);
    if (!error)
        error = check_thread(call, channel->id);
    if (error)
        return error;
    struct slack_content content = slack_read_content(call->sb, call->sc, call->args);
    call->complaints = content.complaints;
    if (content.error)
        return content.error;
    if (!slack_bucket_take(&slack->channel_buckets[channel - slack->channels],
                           fx_mono_ms(call->sb->clock), slack->rates.post_per_minute,
                           slack->rates.post_burst, &call->retry_after_s))
        return "ratelimited";
    const struct slack_draft draft = {.channel = channel->id,
                                      .thread_ts = slack_arg(call, "thread_ts"),
                                      .user = SLACK_BOT_USER,
                                      .content = content.content};
    warn_when_cut(call, &content);
    put_posted(call, slack_add(call->sb, &draft));
    return NULL;
}

static bool has_rich_text(const struct fx_json *content) {
    const struct fx_json *blocks = fx_json_at(content, "blocks");

    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const char *type = fx_json_get_text(fx_json_item(blocks, i), "type");
        if (type && strcmp(type, "rich_text") == 0)
            return true;
    }
    return false;
}

static const char *find_own(struct slack_call *call, const char *foreign,
                            struct slack_message **ret_message) {
    const char *to = slack_arg(call, "channel"), *ts = slack_arg(call, "ts");
    struct slack_channel *channel = slack_channel_at(call->sb, to);
    const char *person = to && *to == 'D' ? fx_printf(call->sc, "U%s", to + 1) : NULL;

    if (!to || (!channel && !slack_person_at(call->sb, person)))
        return "channel_not_found";
    *ret_message = slack_message_at(call->sb, channel ? channel->id : to, ts, person);
    if (!*ret_message || (*ret_message)->ephemeral)
        return "message_not_found";
    return strcmp((*ret_message)->user, SLACK_BOT_USER) == 0 ? NULL : foreign;
}

const char *slack_chat_update(struct slack_call *call) {
    struct slack_message *message = NULL;
    const char *error = find_own(call, "cant_update_message", &message);

    if (error)
        return error;
    struct slack_content content = slack_read_content(call->sb, call->sc, call->args);
    call->complaints = content.complaints;
    if (content.error)
        return content.error;
    if (fx_slice_utf8_count(fx_json_text_slice(fx_json_at(content.content, "text"))) >
        SLACK_UPDATE_TEXT)
        return "msg_too_long";
    /* Slack keeps a rich_text message rich: other blocks cannot take its place. */
    if (has_rich_text(message->content) && fx_json_at(content.content, "blocks") &&
        !has_rich_text(content.content))
        return "block_mismatch";
    static const char *const kept[] = {"metadata", "reactions"};
    for (size_t i = 0; i < FX_COUNT_OF(kept); i++)
        if (!fx_json_at(content.content, kept[i]))
            fx_json_put(content.content, kept[i],
                        fx_json_copy(call->sc, fx_json_at(message->content, kept[i])));
    message->edited = !fx_json_at(content.content, "blocks");
    slack_replace(call->sb, message, content.content);
    put_posted(call, message);
    fx_json_put(call->answer, "text", fx_json_copy(call->sc, fx_json_at(message->content, "text")));
    return NULL;
}

const char *slack_chat_ephemeral(struct slack_call *call) {
    struct slack_channel *channel = NULL;
    const struct slack_person *person = slack_person_at(call->sb, slack_arg(call, "user"));
    const char *error = find_channel(call, &channel);

    if (!error && (!person || person->deleted))
        error = "user_not_in_channel";
    if (!error)
        error = check_thread(call, channel->id);
    if (error)
        return error;
    struct slack_content content = slack_read_content(call->sb, call->sc, call->args);
    call->complaints = content.complaints;
    if (content.error)
        return content.error;
    const struct slack_draft draft = {.channel = channel->id,
                                      .thread_ts = slack_arg(call, "thread_ts"),
                                      .user = SLACK_BOT_USER,
                                      .only_for = person->id,
                                      .ephemeral = true,
                                      .content = content.content};
    const struct slack_message *message = slack_add(call->sb, &draft);
    warn_when_cut(call, &content);
    fx_json_put(call->answer, "message_ts", fx_json_string(call->sc, message->ts));
    return NULL;
}

const char *slack_chat_delete(struct slack_call *call) {
    struct slack_message *message = NULL;
    const char *error = find_own(call, "cant_delete_message", &message);

    if (error)
        return error;
    fx_json_put(call->answer, "channel", fx_json_string(call->sc, message->channel));
    fx_json_put(call->answer, "ts", fx_json_string(call->sc, message->ts));
    slack_remove(call->sb, message);
    return NULL;
}

const char *slack_chat_permalink(struct slack_call *call) {
    struct slack_channel *channel = slack_channel_at(call->sb, slack_arg(call, "channel"));
    const char *ts = slack_arg(call, "message_ts");

    if (!channel)
        return "channel_not_found";
    const struct slack_message *message = slack_message_at(call->sb, channel->id, ts, NULL);
    if (!message)
        return "message_not_found";
    const char *dot = strchr(message->ts, '.');
    const char *thread = message->thread_ts[0] ? fx_printf(call->sc, "?thread_ts=%s&cid=%s",
                                                           message->thread_ts, channel->id)
                                               : "";
    fx_json_put(call->answer, "channel", fx_json_string(call->sc, channel->id));
    fx_json_put(
        call->answer, "permalink",
        fx_json_stringf(call->sc, "https://" SLACK_TEAM_DOMAIN ".slack.com/archives/%s/p%.*s%s%s",
                        channel->id, (int)(dot - message->ts), message->ts, dot + 1, thread));
    return NULL;
}

const char *slack_reactions_add(struct slack_call *call) {
    struct slack_channel *channel = slack_channel_at(call->sb, slack_arg(call, "channel"));
    const char *name = slack_arg(call, "name");

    if (!channel)
        return "channel_not_found";
    if (!name)
        return "no_reaction_specified";
    struct slack_message *message =
        slack_message_at(call->sb, channel->id, slack_arg(call, "timestamp"), NULL);
    if (!message)
        return "message_not_found";
    struct fx_json *content = fx_json_copy(call->sc, message->content);
    struct fx_json *reactions = fx_json_at(content, "reactions");
    for (size_t i = 0; i < fx_json_count(reactions); i++)
        if (strcmp(fx_json_text(fx_json_item(reactions, i)), name) == 0)
            return "already_reacted";
    if (!reactions)
        fx_json_put(content, "reactions", reactions = fx_json_array(call->sc));
    fx_json_add(reactions, fx_json_string(call->sc, name));
    slack_replace(call->sb, message, content);
    return NULL;
}
