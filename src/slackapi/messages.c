/* messages.c - posts and edits messages, whispers to one person, opens dialogs. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

/* Where a message goes. "none" leaves addresses and @names in the text as they are. */
static void put_address(struct fx_scope *sc, struct fx_json *payload, const char *channel) {
    fx_json_put(payload, "channel", fx_json_string(sc, channel));
    fx_json_put(payload, "parse", fx_json_string(sc, "none"));
    fx_json_put(payload, "link_names", fx_json_bool(sc, false));
}

/* Text and blocks always travel together: an update with text alone would be accepted and leave the
 * old blocks standing. */
static struct fx_json *address(struct fx_scope *sc, const struct fx_json *message,
                               const char *channel) {
    struct fx_json *payload = fx_json_copy(sc, message);

    put_address(sc, payload, channel);
    return payload;
}

static enum fx_code check_message(const char *method, const struct fx_json *message,
                                  struct fx_error *err) {
    const char *text = fx_json_get_text(message, "text");

    if (text == NULL || text[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "%s: the message has no text", method);
    return FX_OK;
}

/* What is ours stands behind what is the message's: of two members of one name the last counts. */
static enum fx_code join(struct fx_scope *sc, struct fx_slice message, const struct fx_json *ours,
                         struct fx_slice *ret_body, struct fx_error *err) {
    struct fx_slice tail = fx_slice_of(fx_json_dump(sc, ours));
    struct fx_buf body;

    if (!fx_slice_starts_with(message, FX_SLICE("{\"")) ||
        !fx_slice_ends_with(message, FX_SLICE("}")))
        return fx_fail(err, FX_ERR_INPUT, "the message is not an object");
    fx_buf_init(&body, sc, message.len + tail.len);
    fx_buf_add(&body, fx_slice_cut(message, 0, message.len - 1));
    fx_buf_add_text(&body, ",");
    fx_buf_add(&body, fx_slice_cut(tail, 1, tail.len - 1));
    *ret_body = fx_buf_slice(&body);
    return FX_OK;
}

static const char post_method[] = "chat.postMessage";

enum fx_code fx_slackapi_post_dumped(struct fx_slackapi *api, struct fx_scope *sc,
                                     const char *channel, const char *parent_ts,
                                     struct fx_slice message_json, struct fx_json *mark,
                                     const char **ret_ts, struct fx_error *err) {
    /* an address in a log line must not be fetched and shown */
    struct fx_json *ours = fx_json_object_of(sc, "unfurl_links", fx_json_bool(sc, false),
                                             "unfurl_media", fx_json_bool(sc, false), NULL);
    struct fx_json *answer = NULL;
    struct fx_slice body;

    put_address(sc, ours, channel);
    if (parent_ts != NULL && parent_ts[0] != '\0')
        fx_json_put(ours, "thread_ts", fx_json_string(sc, parent_ts));
    if (mark != NULL)
        fx_json_put(ours, "metadata", mark);
    FX_TRY(join(sc, message_json, ours, &body, err));
    FX_TRY(slackapi_call_dumped(api, sc, post_method, body, &answer, err));

    const char *ts = fx_json_get_text(answer, "ts");
    if (ts == NULL || ts[0] == '\0') {
        (void)fx_fail(err, FX_ERR_UPSTREAM, "%s: Slack did not say where the message stands",
                      post_method);
        err->sent = true;
        return err->code;
    }
    *ret_ts = ts;
    return FX_OK;
}

enum fx_code fx_slackapi_post(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                              const char *parent_ts, const struct fx_json *message,
                              const char **ret_ts, struct fx_error *err) {
    FX_TRY(check_message(post_method, message, err));
    return fx_slackapi_post_dumped(api, sc, channel, parent_ts,
                                   fx_slice_of(fx_json_dump(sc, message)), NULL, ret_ts, err);
}

enum fx_code fx_slackapi_update(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                                const char *ts, const struct fx_json *message,
                                struct fx_error *err) {
    static const char method[] = "chat.update";
    struct fx_json *answer = NULL;

    FX_TRY(check_message(method, message, err));
    struct fx_json *payload = address(sc, message, channel);
    fx_json_put(payload, "ts", fx_json_string(sc, ts));
    if (fx_json_at(payload, "blocks") == NULL)
        fx_json_put(payload, "blocks", fx_json_array(sc));
    return fx_slackapi_call(api, sc, method, payload, &answer, err);
}

static struct fx_json *make_private(struct fx_scope *sc, const struct fx_json *message) {
    struct fx_json *payload = fx_json_copy(sc, message);

    fx_json_put(payload, "response_type", fx_json_string(sc, "ephemeral"));
    /* or the answer would take the place of the message whose button was pressed */
    fx_json_put(payload, "replace_original", fx_json_bool(sc, false));
    return payload;
}

enum fx_code fx_slackapi_whisper(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                                 const char *user, const char *response_url,
                                 const struct fx_json *message, struct fx_error *err) {
    static const char method[] = "chat.postEphemeral";
    struct fx_json *answer = NULL;

    FX_TRY(check_message(method, message, err));
    if (slackapi_may_answer(api, response_url))
        return slackapi_answer(api, sc, response_url, make_private(sc, message), err);

    struct fx_json *payload = address(sc, message, channel);
    fx_json_put(payload, "user", fx_json_string(sc, user));
    return fx_slackapi_call(api, sc, method, payload, &answer, err);
}

enum fx_code fx_slackapi_open_view(struct fx_slackapi *api, struct fx_scope *sc,
                                   const char *trigger_id, const struct fx_json *view,
                                   struct fx_error *err) {
    struct fx_json *answer = NULL;
    struct fx_json *payload = fx_json_object_of(sc, "trigger_id", fx_json_string(sc, trigger_id),
                                                "view", fx_json_copy(sc, view), NULL);

    return fx_slackapi_call(api, sc, "views.open", payload, &answer, err);
}
