/* slackapi.h - calls Slack's Web API and response URLs.
 *
 * One call is one exchange: pace, order and repetition are the outbox's business. Slack's error
 * word is in err->upstream. Codes: THROTTLED with retry_after_ms; UNAVAILABLE and TIMEOUT may be
 * tried again; DENIED is a set-up fault whose message says the fix (scope, invitation, token);
 * INPUT means that Slack refused the content (invalid_blocks ...); NOT_FOUND that the target is
 * gone. err->sent says that it may have been carried out all the same: no answer, a 5xx, an
 * internal error. Slack has no key that makes a post happen once: after err->sent, look for it with
 * fx_slackapi_find before it is posted again.
 */
#pragma once

#include "fluxabot/http.h"
#include "fluxabot/slack.h"

struct fx_slackapi;

struct fx_slackapi_options {
    struct fx_http *http;
    const char *api_url;   /* "https://slack.com/api" */
    const char *bot_token; /* copied, wiped at close */
    /* NULL: response URLs only below https://hooks.slack.com/, in actions/, commands/ and app/.
     * Else below that prefix too (operator's own test). */
    const char *response_url_prefix;
};
enum fx_code fx_slackapi_open(const struct fx_slackapi_options *options,
                              struct fx_slackapi **ret_api, struct fx_error *err);
void fx_slackapi_close(struct fx_slackapi *api);

/* Any method; payload is sent as JSON to methods that write (chat, views, ...), as a form to
 * others: Slack reads JSON only there. */
enum fx_code fx_slackapi_call(struct fx_slackapi *api, struct fx_scope *sc, const char *method,
                              const struct fx_json *payload, struct fx_json **ret_answer,
                              struct fx_error *err);
/* chat.postMessage with unfurling off; parent_ts "" for the channel. *ret_ts in sc. */
enum fx_code fx_slackapi_post(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                              const char *parent_ts, const struct fx_json *message,
                              const char **ret_ts, struct fx_error *err);
/* The same of a message as fx_json_dump wrote it, an object with a text, which is not read once
 * more; mark: see fx_slackapi_mark, NULL for none. */
enum fx_code fx_slackapi_post_dumped(struct fx_slackapi *api, struct fx_scope *sc,
                                     const char *channel, const char *parent_ts,
                                     struct fx_slice message_json, struct fx_json *mark,
                                     const char **ret_ts, struct fx_error *err);
enum fx_code fx_slackapi_update(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                                const char *ts, const struct fx_json *message,
                                struct fx_error *err);
/* What a post carries as its metadata so that it can be found by this key. */
struct fx_json *fx_slackapi_mark(struct fx_scope *sc, const char *key);
/* Looks for our message with this mark among those of the channel, or of the thread parent_ts
 * unless "", that are not older than since_ms, a named number of pages. *ret_ts "" when there is
 * none; *ret_sure then says whether all pages were seen. FX_ERR_DENIED when the token may not look:
 * that wants channels:history (groups:history in a private channel). */
enum fx_code fx_slackapi_find(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                              const char *parent_ts, const char *key, int64_t since_ms,
                              const char **ret_ts, bool *ret_sure, struct fx_error *err);

/* ---- files ---- */

enum { FX_SLACKAPI_MAX_FILE_BYTES = 1 << 20 }; /* what Slack shows as text, and more than a chart */

struct fx_slackapi_file {
    const char *name;  /* "failed-r-1.csv" */
    const char *title; /* what people read */
    const char *alt;   /* of a picture; NULL or "" */
    struct fx_slice bytes;
};
/* Uploads the file and shares it in the thread parent_ts ("": in the channel). Three exchanges, of
 * which only the last shows anything to anybody: before it err->sent is never set. FX_ERR_LIMIT
 * for no bytes or more than FX_SLACKAPI_MAX_FILE_BYTES. */
enum fx_code fx_slackapi_share_file(struct fx_slackapi *api, struct fx_scope *sc,
                                    const char *channel, const char *parent_ts,
                                    const struct fx_slackapi_file *file, struct fx_error *err);
/* As fx_slackapi_find, for a message with a file of ours of this name. Slack shows a file some time
 * after it has answered, so "" proves nothing. */
enum fx_code fx_slackapi_find_file(struct fx_slackapi *api, struct fx_scope *sc,
                                   const char *channel, const char *parent_ts, const char *name,
                                   int64_t since_ms, const char **ret_ts, struct fx_error *err);

/* Only to user; through response_url when that is one we may call, else by chat.postEphemeral. */
enum fx_code fx_slackapi_whisper(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                                 const char *user, const char *response_url,
                                 const struct fx_json *message, struct fx_error *err);
enum fx_code fx_slackapi_open_view(struct fx_slackapi *api, struct fx_scope *sc,
                                   const char *trigger_id, const struct fx_json *view,
                                   struct fx_error *err);

/* Who a user is, fresh from Slack. */
struct fx_slack_user {
    const char *id, *team_id, *name;
    bool deleted, bot, guest, stranger;
};
enum fx_code fx_slackapi_user(struct fx_slackapi *api, struct fx_scope *sc, const char *user_id,
                              struct fx_slack_user **ret_user, struct fx_error *err);
/* Ids of a user group's members. */
enum fx_code fx_slackapi_group(struct fx_slackapi *api, struct fx_scope *sc, const char *group_id,
                               struct fx_json **ret_user_ids, struct fx_error *err);

/* Who else is in a channel, fresh from Slack. */
struct fx_slack_channel {
    const char *id;
    bool shared;     /* Slack Connect: another organisation is in it, or invited */
    bool org_shared; /* several workspaces of one Enterprise organisation are in it */
    const struct fx_json *team_ids; /* those workspaces, as far as Slack names them: texts */
    bool archived, private;
};
enum fx_code fx_slackapi_channel(struct fx_slackapi *api, struct fx_scope *sc,
                                 const char *channel_id, struct fx_slack_channel **ret_channel,
                                 struct fx_error *err);
