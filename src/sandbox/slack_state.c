/* slack_state.c - the messages of the simulated workspace and the ids it gives out. */
#include "slack_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void sandbox_slack_touched(struct sandbox *sb) {
    sb->slack->revision++;
}

void slack_next_ts(struct sandbox *sb, char ret_ts[SLACK_TS_MAX]) {
    int64_t now_us = fx_wall_ms(sb->clock) * 1000;

    if (now_us <= sb->slack->last_ts_us)
        now_us = sb->slack->last_ts_us + 1;
    sb->slack->last_ts_us = now_us;
    snprintf(ret_ts, SLACK_TS_MAX, "%lld.%06lld", (long long)(now_us / 1000000),
             (long long)(now_us % 1000000));
}

void slack_new_id(struct sandbox *sb, const char *prefix, char *ret_id, size_t size) {
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
    size_t used = strlen(prefix);

    assert(used < size);
    memcpy(ret_id, prefix, used);
    sb->random->fill(sb->random, ret_id + used, size - used);
    for (size_t i = used; i + 1 < size; i++)
        ret_id[i] = letters[(unsigned char)ret_id[i] % (sizeof letters - 1)];
    ret_id[size - 1] = '\0';
}

static void put(char *field, size_t size, const char *text) {
    snprintf(field, size, "%s", text ? text : "");
}

static void unlink_message(struct sandbox_slack *slack, struct slack_message *message) {
    if (message->older)
        message->older->newer = message->newer;
    else
        slack->oldest = message->newer;
    if (message->newer)
        message->newer->older = message->older;
    else
        slack->newest = message->older;
    slack->messages_count--;
}

void slack_remove(struct sandbox *sb, struct slack_message *message) {
    unlink_message(sb->slack, message);
    fx_scope_free(message->content_sc);
    fx_scope_free(message->sc);
    sandbox_slack_touched(sb);
}

/* Each message has scopes of its own, so that an edit or a removal gives the memory back. */
struct slack_message *slack_add(struct sandbox *sb, const struct slack_draft *draft) {
    struct sandbox_slack *slack = sb->slack;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct slack_message *message = FX_NEW(sc, struct slack_message);

    message->sc = sc;
    message->content_sc = fx_scope_new(NULL);
    message->content = fx_json_copy(message->content_sc, draft->content);
    slack_next_ts(sb, message->ts);
    put(message->channel, sizeof message->channel, draft->channel);
    put(message->thread_ts, sizeof message->thread_ts, draft->thread_ts);
    put(message->user, sizeof message->user, draft->user);
    put(message->only_for, sizeof message->only_for, draft->only_for);
    message->ephemeral = draft->ephemeral;
    message->older = slack->newest;
    if (slack->newest)
        slack->newest->newer = message;
    else
        slack->oldest = message;
    slack->newest = message;
    if (++slack->messages_count > SLACK_MESSAGES_MAX)
        slack_remove(sb, slack->oldest);
    sandbox_slack_touched(sb);
    return message;
}

void slack_replace(struct sandbox *sb, struct slack_message *message,
                   const struct fx_json *content) {
    struct fx_scope *old = message->content_sc;

    message->content_sc = fx_scope_new(NULL);
    message->content = fx_json_copy(message->content_sc, content);
    fx_scope_free(old);
    sandbox_slack_touched(sb);
}

struct slack_message *slack_message_at(struct sandbox *sb, const char *channel, const char *ts,
                                       const char *user) {
    for (struct slack_message *m = sb->slack->newest; ts && m; m = m->older) {
        bool visible = !m->only_for[0] || (user && strcmp(m->only_for, user) == 0);
        if (visible && strcmp(m->ts, ts) == 0 && (!channel || strcmp(m->channel, channel) == 0))
            return m;
    }
    return NULL;
}

void slack_tell(struct sandbox *sb, struct fx_scope *sc, const char *user, const char *channel,
                const char *text) {
    const struct slack_draft draft = {
        .channel = channel,
        .user = SLACK_OF_ITSELF,
        .only_for = user,
        .ephemeral = true,
        .content = fx_json_object_of(sc, "text", fx_json_string(sc, text), NULL)};

    slack_add(sb, &draft);
}

enum fx_code sandbox_slack_start(struct sandbox *sb, struct fx_error *err) {
    if (!sb->options.signing_secret || !*sb->options.signing_secret || !sb->options.bot_token)
        return fx_fail(err, FX_ERR_INPUT,
                       "the simulated Slack needs a signing secret and a bot token");
    sb->slack = FX_NEW(sb->scope, struct sandbox_slack);
    sb->slack->patience_ms = SLACK_PATIENCE_MS;
    slack_people_reset(sb);
    return FX_OK;
}

static void forget_uploads(struct sandbox_slack *slack, bool complete_too) {
    for (size_t i = 0; i < SLACK_UPLOADS_MAX; i++) {
        if (slack->uploads[i].complete && !complete_too)
            continue;
        fx_scope_free(slack->uploads[i].sc);
        slack->uploads[i] = (struct slack_upload){0};
    }
}

/* ts stay unique over a reset: a bot that remembers an old one must not hit a new message.
 * Files that were shared stay: a page may be about to draw the old world's pictures. */
void sandbox_slack_reset(struct sandbox *sb) {
    struct sandbox_slack *slack = sb->slack;

    while (slack->oldest)
        slack_remove(sb, slack->oldest);
    while (slack->views)
        slack_view_close(sb, slack->views);
    forget_uploads(slack, false);
    memset(slack->triggers, 0, sizeof slack->triggers);
    memset(slack->hooks, 0, sizeof slack->hooks);
    slack_people_reset(sb);
    sandbox_slack_touched(sb);
}

void sandbox_slack_stop(struct sandbox *sb) {
    if (!sb->slack)
        return;
    sandbox_slack_reset(sb);
    forget_uploads(sb->slack, true);
    fx_scope_free(sb->slack->last_scope);
    sb->slack->last_scope = NULL;
}
