/* slack.h - verifies and reads what Slack sends, draws what we show. No I/O.
 *
 * Facts: docs.slack.dev (verifying requests, interactivity, Block Kit reference), October 2026.
 */
#pragma once

#include "fluxabot/base/json.h"

struct fx_hmac_key;

/* ---- requests ---- */

enum { FX_SLACK_MAX_SKEW_MS = 5 * 60 * 1000 };

struct fx_slack_signature {
    struct fx_slice timestamp; /* X-Slack-Request-Timestamp */
    struct fx_slice signature; /* X-Slack-Signature */
};

/* FX_OK when body was signed with secret at most FX_SLACK_MAX_SKEW_MS from now, either way.
 * Otherwise FX_ERR_DENIED; the message names the reason, and is for our log, not for the sender. An
 * empty secret is FX_ERR_INTERNAL. */
enum fx_code fx_slack_verify(struct fx_slice secret, const struct fx_slack_signature *given,
                             struct fx_slice body, int64_t now_wall_ms, struct fx_error *err);
/* The same with a secret that was made ready once. */
enum fx_code fx_slack_verify_with(const struct fx_hmac_key *secret,
                                  const struct fx_slack_signature *given, struct fx_slice body,
                                  int64_t now_wall_ms, struct fx_error *err);

struct fx_slack_command {
    const char *command, *text;
    const char *user_id, *team_id, *enterprise_id; /* enterprise_id "" when none */
    const char *channel_id, *response_url, *trigger_id, *api_app_id;
    bool ssl_check;
};
/* A form body. FX_ERR_INPUT names the field that is missing, repeated or malformed. */
enum fx_code fx_slack_parse_command(struct fx_scope *sc, struct fx_slice body,
                                    struct fx_slack_command **ret_command, struct fx_error *err);

struct fx_slack_interaction {
    const char *type; /* "block_actions", "view_submission", "view_closed", ... */
    const char *user_id, *team_id, *user_team_id;
    const char *channel_id, *message_ts, *thread_ts; /* "" when absent */
    const char *response_url, *trigger_id, *api_app_id;
    const char *action_id, *block_id, *value, *action_ts; /* block_actions: the first action */
    const char *callback_id, *private_metadata, *view_id; /* views */
    const struct fx_json *values;                         /* view.state.values, or NULL */
};
/* A form with one field `payload`. Nothing but ids of it may be trusted further. */
enum fx_code fx_slack_parse_interaction(struct fx_scope *sc, struct fx_slice body,
                                        struct fx_slack_interaction **ret_interaction,
                                        struct fx_error *err);

/* ---- what we show ---- */

/* & < > as entities, control and bidirectional characters removed: foreign text can make no
 * mention, link or channel reference. */
char *fx_slack_escape(struct fx_scope *sc, const char *text);
/* The same text without what nobody sees at its ends: blanks, line ends, characters of no width.
 * Empty when there is nothing else. */
struct fx_slice fx_slack_seen(struct fx_slice text);

/* A card is JSON and knows nothing of Block Kit:
 *   key       block ids are made of it           revision  counts the edits of one message
 *   title     heading                            tone      "alarm" "good" "bad" "wait" "plain"
 *   text      the whole meaning in one paragraph, for phones and screen readers; made from the rest
 *             when absent
 *   verdict   the one sentence to read           lines     [text] further sentences
 *   fields    [{name, value}]                    table     {columns: [text], rows: [[text]]}
 *   list      [text]                             code      preformatted text
 *   progress  {done, total}                      context   small print
 *   buttons   [{text, action, value, style, label, url, confirm: {title, text, ok, back}}]
 *
 * A text may be a plain string, which is foreign, escaped and always one line, or a part, or a list
 * of strings and parts. Numbers and booleans are shown as they are written, null as nothing.
 *   {"user": id}  {"group": id}  {"time": wall_ms}  {"code": text}  {"bold": text}
 *   {"link": url, "text": text}
 * So what came from outside as JSON must be made a string before it is put into a card.
 *
 * An address is https, or http to 127.0.0.1 or localhost; another link is drawn as its text,
 * another link button is left out and counted among what is not shown. Actions and values pass
 * through; a button with a url needs no action and then has "link.N". Two buttons of one action
 * stand in different rows, because Slack wants action ids unique within a row.
 *
 * *ret_message is {"text", "blocks"} within every limit Slack documents: what does not fit is cut
 * at a code point and the cut is said, long tables are cut with "n more". Buttons have a share of
 * their own, so that no text crowds them out. FX_ERR_INPUT only for mistakes of ours: no object, a
 * button without action, an action or value that is too long. */
enum fx_code fx_slack_draw(struct fx_scope *sc, const struct fx_json *card,
                           struct fx_json **ret_message, struct fx_error *err);
/* The same message without blocks, for when Slack refuses them. */
struct fx_json *fx_slack_plain(struct fx_scope *sc, const struct fx_json *message);
/* The same message, saying that it may be a repetition: in its text, and below its blocks. */
struct fx_json *fx_slack_repeated(struct fx_scope *sc, const struct fx_json *message);

/* A dialog asking for one text: a modal view. Ids longer than Slack takes (255 and 3,000
 * characters) are a programming error. */
struct fx_slack_dialog {
    const char *callback_id, *private_metadata;
    const char *title, *submit, *intro, *label, *hint;
    size_t min_length, max_length;
};
struct fx_json *fx_slack_draw_dialog(struct fx_scope *sc, const struct fx_slack_dialog *dialog);
/* Where the text stands in view.state.values of the submission. */
#define FX_SLACK_DIALOG_BLOCK "reason"
#define FX_SLACK_DIALOG_ACTION "reason"
/* The text that was typed, of which people see something at both ends; empty when none. */
struct fx_slice fx_slack_dialog_answer(const struct fx_slack_interaction *interaction);
/* A submitted dialog that asked for a text and got none. Slack itself counts blanks as text. */
bool fx_slack_lacks_answer(const struct fx_slack_interaction *interaction);

/* Breaks a documented limit? FX_ERR_INPUT with the JSON pointer in the message. Draw's own output
 * always passes; it stands here for what comes from elsewhere and for tests. */
enum fx_code fx_slack_check_message(const struct fx_json *message, struct fx_error *err);
