/* slack_private.h - what the slack_*.c files share: the workspace, its messages, and requests to
 * the bot.
 *
 * Everything here is called with the world locked. Only slack_send gives the lock up, while the bot
 * answers; whoever calls it looks its messages and views up again afterwards.
 */
#pragma once

#include "private.h"
#include "slack_shapes.h"

enum {
    SLACK_ID_MAX = 24,
    SLACK_TS_MAX = 24,
    SLACK_PEOPLE_MAX = 16,
    SLACK_CHANNELS_MAX = 16,
    SLACK_MESSAGES_MAX = 20000, /* older ones are forgotten */
    SLACK_VIEWS_MAX = 100,
    SLACK_TRIGGERS_MAX = 1024,
    SLACK_HOOKS_MAX = 4096,
    SLACK_UPLOADS_MAX = 64,
    SLACK_UPLOAD_BYTES_MAX = 4 << 20,
    SLACK_ALT_TEXT_MAX = 1000,
    SLACK_METHODS_MAX = 40,
    SLACK_SCOPES_MAX = 512,
    SLACK_VIEW_STACK = 3,
    SLACK_VIEW_BYTES = 250000,
    SLACK_TEXT_CUT = 40000,   /* chat.postMessage cuts here */
    SLACK_UPDATE_TEXT = 4000, /* chat.update refuses more */
    SLACK_ATTACHMENTS = 100,
    SLACK_METADATA_BYTES = 16384, /* a limit exists, its figure is not published */
    SLACK_HOOK_MS = 30 * 60 * 1000,
    SLACK_HOOK_USES = 5,
    SLACK_PATIENCE_MS = 3000, /* then it shows operation_timeout, and a trigger opens nothing */
};

#define SLACK_TEAM "T0FLUXA0001"
#define SLACK_AWAY_TEAM "T0STRANGER1" /* of another organisation */
#define SLACK_ORG "E0FLUXAORG1"      /* the Enterprise organisation of our and one more workspace */
#define SLACK_ORG_TEAM "T0FLUXA0002" /* that other workspace */
#define SLACK_TEAM_DOMAIN "fluxa-sandbox"
#define SLACK_CHANNEL "C0FLUXA0001"
#define SLACK_GROUP "S0FLUXA01"
#define SLACK_APP "A0FLUXABOT"
#define SLACK_BOT_USER "U0FLUXABOT"
#define SLACK_BOT "B0FLUXABOT"
#define SLACK_OF_ITSELF "USLACKBOT" /* whose name Slack's own words carry */

struct slack_person {
    const char *id, *name, *real_name, *role, *team;
    bool is_restricted, is_stranger, is_bot, deleted, in_group;
};

struct slack_channel {
    const char *id, *name;
    bool is_member, is_archived, is_private, is_ext_shared, is_pending_ext_shared, is_org_shared;
};

struct slack_bucket {
    int64_t level_milli, at_ms; /* at_ms 0: never used, full */
};

struct slack_message {
    struct slack_message *older, *newer;
    struct fx_scope *sc;         /* holds the message itself */
    struct fx_scope *content_sc; /* holds content, replaced by an edit */
    char ts[SLACK_TS_MAX], channel[SLACK_ID_MAX], thread_ts[SLACK_TS_MAX]; /* "": no reply */
    char user[SLACK_ID_MAX];
    char only_for[SLACK_ID_MAX]; /* who alone sees it; "" for everybody */
    bool ephemeral;              /* false with only_for: a direct message */
    bool edited;
    struct fx_json *content; /* text, blocks, attachments, metadata, reactions */
};

struct slack_view {
    struct slack_view *next; /* opened before this one */
    struct fx_scope *sc, *content_sc;
    char id[SLACK_ID_MAX], hash[SLACK_TS_MAX + 12], user[SLACK_ID_MAX];
    char root[SLACK_ID_MAX], previous[SLACK_ID_MAX];
    bool home;
    struct fx_json *view; /* as the bot sent it, block ids filled in */
};

struct slack_trigger {
    char id[64], user[SLACK_ID_MAX], view[SLACK_ID_MAX];
    int64_t expires_ms;
    bool used;
};

struct slack_hook {
    char id[64], user[SLACK_ID_MAX], channel[SLACK_ID_MAX];
    char source_ts[SLACK_TS_MAX]; /* the message whose button was pressed; "" for a command */
    int64_t expires_ms;
    int uses;
};

struct slack_upload {
    char id[SLACK_ID_MAX];
    struct fx_scope *sc;
    struct fx_slice bytes;
    const char *name, *alt_text, *content_type;
    int64_t length;
    bool complete;
};

/* One request to the bot, kept so that it can be repeated byte for byte. */
struct slack_outgoing {
    const char *method, *path;
    struct fx_http_header headers[24];
    size_t headers_count;
    struct fx_slice body;
};

struct slack_rates {
    int64_t post_per_minute, post_burst;     /* chat.postMessage, per channel */
    int64_t update_per_minute, update_burst; /* chat.update, whole workspace */
};

struct sandbox_slack {
    struct slack_person people[SLACK_PEOPLE_MAX];
    struct slack_channel channels[SLACK_CHANNELS_MAX];
    size_t people_count, channels_count;
    struct slack_rates rates;
    char scopes[SLACK_SCOPES_MAX];
    bool token_revoked;
    struct slack_message *newest, *oldest;
    size_t messages_count;
    struct slack_view *views;
    struct slack_trigger triggers[SLACK_TRIGGERS_MAX];
    struct slack_hook hooks[SLACK_HOOKS_MAX];
    struct slack_upload uploads[SLACK_UPLOADS_MAX];
    size_t next_trigger, next_hook, next_upload, next_view;
    struct slack_bucket channel_buckets[SLACK_CHANNELS_MAX], method_buckets[SLACK_METHODS_MAX];
    int64_t last_ts_us;
    int64_t revision;     /* counts every change anybody could see */
    int64_t patience_ms;  /* how long a request waits for its answer and a trigger for its dialog */
    int64_t clock_off_ms; /* how far its Date is off */
    struct slack_outgoing last;
    struct fx_scope *last_scope;
};

/* ---- slack_state.c: messages and ids ---- */

/* "1795269725.000100", later than any before. */
void slack_next_ts(struct sandbox *sb, char ret_ts[SLACK_TS_MAX]);
/* prefix and random letters and digits, size bytes with the terminator. */
void slack_new_id(struct sandbox *sb, const char *prefix, char *ret_id, size_t size);

struct slack_draft {
    const char *channel, *thread_ts, *user, *only_for; /* NULL: none */
    bool ephemeral;
    const struct fx_json *content;
};
struct slack_message *slack_add(struct sandbox *sb, const struct slack_draft *draft);
void slack_replace(struct sandbox *sb, struct slack_message *message,
                   const struct fx_json *content);
void slack_remove(struct sandbox *sb, struct slack_message *message);
/* The message with this ts; with user also what only that person sees. NULL when there is none. */
struct slack_message *slack_message_at(struct sandbox *sb, const char *channel, const char *ts,
                                       const char *user);
/* What Slackbot says to one person when an app failed. */
void slack_tell(struct sandbox *sb, struct fx_scope *sc, const char *user, const char *channel,
                const char *text);

/* ---- slack_people.c: who and where ---- */

void slack_people_reset(struct sandbox *sb);
/* By "requester", "approver", "guest", "operator", "stranger", or an id. NULL when unknown. */
struct slack_person *slack_person_at(struct sandbox *sb, const char *name);
/* By id or name, with or without '#'. NULL when unknown. */
struct slack_channel *slack_channel_at(struct sandbox *sb, const char *name);
struct fx_json *slack_person_json(struct fx_scope *sc, const struct slack_person *person);
struct fx_json *slack_channel_json(struct fx_scope *sc, const struct slack_channel *channel);

/* ---- slack_content.c: what a message may hold ---- */

struct slack_content {
    struct fx_json *content;    /* what to keep */
    const char *error;          /* Slack's code, NULL when accepted */
    struct fx_json *complaints; /* with invalid_blocks */
    bool cut;                   /* text was longer than Slack keeps */
};
struct slack_content slack_read_content(struct sandbox *sb, struct fx_scope *sc,
                                        const struct fx_json *args);
/* A member that is JSON, or text holding JSON as forms send it; *ret_broken when it is neither. */
struct fx_json *slack_json_argument(struct fx_scope *sc, const struct fx_json *args,
                                    const char *name, bool *ret_broken);
/* Gives blocks and elements the ids their author left out, as Slack does. */
void slack_fill_ids(struct sandbox *sb, struct fx_scope *sc, struct fx_json *blocks);

/* ---- slack_api.c: the Web API's frame ---- */

struct slack_call {
    struct sandbox *sb;
    struct fx_scope *sc;
    struct fx_json *args;       /* never NULL */
    struct fx_json *answer;     /* members beside "ok" */
    struct fx_json *complaints; /* with an error, or NULL */
    struct fx_json *warnings;
    int retry_after_s; /* with "ratelimited" */
};
/* NULL when it worked, else Slack's error code. */
typedef const char *slack_method_fn(struct slack_call *call);

slack_method_fn slack_auth_test, slack_users_info, slack_users_list, slack_usergroups_list,
    slack_usergroups_users_list, slack_conversations_info, slack_conversations_list,
    slack_conversations_members, slack_conversations_history, slack_conversations_replies;
/* What a token needs to be told of the channel it asks for. */
const char *slack_conversation_scope(const struct slack_call *call);
slack_method_fn slack_chat_post, slack_chat_update, slack_chat_ephemeral, slack_chat_delete,
    slack_chat_permalink, slack_reactions_add;
slack_method_fn slack_views_open, slack_views_push, slack_views_update, slack_views_publish;
slack_method_fn slack_files_get_url, slack_files_complete;

const char *slack_arg(const struct slack_call *call, const char *name); /* NULL when absent */
/* False when nothing is left; *ret_wait_s tells when to come again. */
bool slack_bucket_take(struct slack_bucket *bucket, int64_t now_ms, int64_t per_minute,
                       int64_t burst, int *ret_wait_s);

/* ---- slack_views.c ---- */

struct slack_view *slack_view_at(struct sandbox *sb, const char *id);
void slack_view_close(struct sandbox *sb, struct slack_view *view);
void slack_views_close_all(struct sandbox *sb, const char *user);
/* NULL when Slack would accept the view, else its error code. */
const char *slack_view_refused(struct fx_scope *sc, const struct fx_json *view,
                               struct fx_json **ret_complaints);
struct slack_view *slack_view_show(struct sandbox *sb, const char *user, const char *previous,
                                   const struct fx_json *view);
void slack_view_replace(struct sandbox *sb, struct slack_view *view, const struct fx_json *content);
/* As payloads and answers carry it; values may be NULL. */
struct fx_json *slack_view_json(struct fx_scope *sc, const struct slack_view *view,
                                const struct fx_json *values);

/* ---- slack_requests.c: to the bot ---- */

const char *slack_sign(struct fx_scope *sc, const char *secret, const char *timestamp,
                       struct fx_slice body);
/* Adds content type, timestamp and signature. */
void slack_sign_outgoing(struct sandbox *sb, struct fx_scope *sc, struct slack_outgoing *out,
                         const char *content_type);
/* Gives the world lock up while it waits. NULL in *ret_reply with Slack's word for the failure. */
const char *slack_send(struct sandbox *sb, struct fx_scope *sc, const struct slack_outgoing *out,
                       struct fx_http_reply **ret_reply);
const char *slack_new_trigger(struct sandbox *sb, struct fx_scope *sc, const char *user,
                              const char *view);
const char *slack_new_hook(struct sandbox *sb, struct fx_scope *sc, const char *user,
                           const char *channel, const char *source_ts);
/* Sends one payload to /slack/interactions. */
const char *slack_send_payload(struct sandbox *sb, struct fx_scope *sc,
                               const struct fx_json *payload, struct fx_http_reply **ret_reply);
/* The bot's answer for a door: {"ok","status","body"} or {"ok":false,"error"}. */
struct fx_json *slack_outcome(struct fx_scope *sc, const struct fx_http_reply *reply,
                              const char *failure);
/* The members that every interaction payload carries. */
struct fx_json *slack_payload(struct fx_scope *sc, const char *type,
                              const struct slack_person *person);
/* Escapes as should_escape does: mentions, channels and addresses become ids in angle brackets. */
const char *slack_escape_command(struct sandbox *sb, struct fx_scope *sc, const char *text);

/* ---- slack_values.c: what people chose or typed ---- */

/* The action of an element for a block_actions payload, with the choice in its member. NULL after
 * *ret_wrong was set, when the element has no such choice. */
struct fx_json *slack_action(struct sandbox *sb, struct fx_scope *sc, const struct fx_json *element,
                             const char *block_id, const char *chosen, const char **ret_wrong);
/* state.values of a view: given by {"block":{"action":text}}, {"action":text} or {"block":text}.
 * NULL after *ret_wrong was set, when Slack's own dialog would not let the person submit. */
struct fx_json *slack_values(struct fx_scope *sc, const struct fx_json *blocks,
                             const struct fx_json *given, const char **ret_wrong);

/* ---- slack_show.c: messages as the doors give them ---- */

struct fx_json *slack_show_message(struct fx_scope *sc, const struct slack_message *message);
struct fx_json *slack_show_channel(struct sandbox *sb, struct fx_scope *sc, const char *channel);
struct fx_json *slack_show_private(struct sandbox *sb, struct fx_scope *sc, const char *user);
