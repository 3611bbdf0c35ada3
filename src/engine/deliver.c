/* deliver.c - one message of the outbox on its way, and what became of it.
 *
 * What Slack refuses for its blocks is sent once more as plain text; what it refuses for good is
 * marked failed and told in the log. An attempt that was not answered may have arrived: a new post
 * carries its key as metadata, and before it is sent again the channel or the thread is looked
 * through for it. Where the token may not look (no channels:history) and for private answers, which
 * nobody can look up, the repetition says that it may be one. An edit, a page and a dialog need
 * neither: done twice they are what they were.
 */
#include "files.h"

#include "fluxabot/base/log.h"
#include "fluxabot/pagerdutyapi.h"
#include "fluxabot/slackapi.h"

enum {
    MAX_BACKOFF_MS = 60000,
    /* Words that we do not know may mean anything; of an answer to one person it is too late. */
    UNKNOWN_ATTEMPTS = 20,
    UNKNOWN_MS = 24 * 60 * 60 * 1000,
};

/* ---- sending ---- */

/* By what the message can be found again: ids only, since everybody in the workspace may read it.
 */
static struct fx_json *mark_of(struct fx_scope *sc, const struct fx_message *message) {
    return message->key[0] != '\0' ? fx_slackapi_mark(sc, message->key) : NULL;
}

static struct fx_json *with_key(struct fx_scope *sc, const struct fx_message *message,
                                const struct fx_json *payload) {
    struct fx_json *marked = fx_json_copy(sc, payload), *mark = mark_of(sc, message);

    if (mark != NULL)
        fx_json_put(marked, "metadata", mark);
    return marked;
}

/* In doubt: the post is made the edit of what is there already, or known not to be there, or says
 * that it may be a repetition. *ret_ts "" for a post. */
static enum fx_code resolve_doubt(struct fx_engine *engine, struct fx_scope *sc,
                                  const struct fx_message *message, struct fx_json **io_payload,
                                  const char **ret_ts, struct fx_error *err) {
    struct fx_slackapi *slack = engine->options.slack;
    bool sure = false;
    enum fx_code code =
        message->key[0] == '\0'
            ? FX_ERR_NOT_FOUND
            : fx_slackapi_find(slack, sc, message->channel, message->parent_ts, message->key,
                               message->created_ms, ret_ts, &sure, err);

    if (code != FX_OK && fx_code_is_transient(code)) {
        err->sent = false; /* only looked */
        /* looking was put off, and posting was not: this one waits, and no other for it */
        if (code == FX_ERR_THROTTLED)
            err->code = FX_ERR_UNAVAILABLE;
        return err->code;
    }
    if (code != FX_OK || (!sure && (*ret_ts)[0] == '\0')) {
        *ret_ts = "";
        *io_payload = fx_slack_repeated(sc, *io_payload);
    }
    fx_log(sc, FX_LOG_INFO, "outbox.doubt", FX_S("key", message->key), FX_S("found", *ret_ts),
           FX_I("marked", code != FX_OK || !sure));
    return FX_OK;
}

static enum fx_code send_put(struct fx_engine *engine, struct fx_scope *sc,
                             const struct fx_message *message, struct fx_json *payload,
                             const char **ret_ts, struct fx_error *err) {
    struct fx_slackapi *slack = engine->options.slack;
    const char *ts = message->ts;

    if (ts[0] == '\0' && message->in_doubt)
        FX_TRY(resolve_doubt(engine, sc, message, &payload, &ts, err));
    if (ts[0] == '\0')
        return fx_slackapi_post(slack, sc, message->channel, message->parent_ts, payload, ret_ts,
                                err);
    *ret_ts = ts;
    return fx_slackapi_update(slack, sc, message->channel, ts, payload, err);
}

static enum fx_code send_once(struct fx_engine *engine, struct fx_scope *sc,
                              const struct fx_message *message, struct fx_json *payload,
                              const char **ret_ts, struct fx_error *err) {
    struct fx_engine_options *options = &engine->options;

    switch (message->kind) {
    case FX_MESSAGE_PUT:
        return send_put(engine, sc, message, payload, ret_ts, err);
    case FX_MESSAGE_EPHEMERAL:
        return fx_slackapi_whisper(
            options->slack, sc, message->channel, message->user, message->response_url,
            message->in_doubt ? fx_slack_repeated(sc, payload) : payload, err);
    case FX_MESSAGE_VIEW:
        return fx_slackapi_open_view(options->slack, sc, fx_json_get_text(payload, "trigger_id"),
                                     fx_json_at(payload, "view"), err);
    case FX_MESSAGE_PAGE:
        return fx_pagerdutyapi_send(options->pagerduty, sc, payload, err);
    case FX_MESSAGE_FILE:
        break; /* never comes here, see send_message */
    }
    return fx_fail(err, FX_ERR_INTERNAL, "the outbox knows no message of kind %d", message->kind);
}

/* What was to be changed or answered is gone: say it anew rather than not at all. What is in doubt
 * stays so: an attempt before may have said it there already. */
static bool elsewhere(const struct fx_message *message, struct fx_message *ret_fresh) {
    *ret_fresh = *message;
    if (message->kind == FX_MESSAGE_PUT && message->ts[0] != '\0')
        ret_fresh->ts = ""; /* the message was deleted */
    else if (message->kind == FX_MESSAGE_PUT && message->parent_ts[0] != '\0')
        ret_fresh->parent_ts = ""; /* so was its thread */
    else if (message->kind == FX_MESSAGE_EPHEMERAL && message->response_url[0] != '\0')
        ret_fresh->response_url = ""; /* used up */
    else
        return false;
    return true;
}

/* As it was stored. Most are new posts of which nothing is known to be wrong: what they say need
 * not be read to be sent. */
static enum fx_code send_stored(struct fx_engine *engine, struct fx_scope *sc,
                                const struct fx_message *message, const char **ret_ts,
                                struct fx_error *err) {
    struct fx_json *payload = NULL;

    if (message->kind == FX_MESSAGE_PUT && message->ts[0] == '\0' && !message->in_doubt)
        return fx_slackapi_post_dumped(engine->options.slack, sc, message->channel,
                                       message->parent_ts, fx_slice_of(message->payload_json),
                                       mark_of(sc, message), ret_ts, err);
    FX_TRY(fx_json_parse(sc, fx_slice_of(message->payload_json), &payload, err));
    return send_once(engine, sc, message,
                     message->kind == FX_MESSAGE_PUT && message->ts[0] == '\0'
                         ? with_key(sc, message, payload)
                         : payload,
                     ret_ts, err);
}

static enum fx_code send_message(struct fx_engine *engine, struct fx_scope *sc,
                                 const struct fx_message *message, const char **ret_ts,
                                 struct fx_error *err) {
    bool is_put = message->kind == FX_MESSAGE_PUT;
    struct fx_json *payload = NULL;
    struct fx_message fresh;

    if (message->kind == FX_MESSAGE_FILE)
        return engine_send_file(engine, sc, message, err);
    enum fx_code code = send_stored(engine, sc, message, ret_ts, err);

    if (code != FX_ERR_INPUT && code != FX_ERR_NOT_FOUND)
        return code;
    FX_TRY(fx_json_parse(sc, fx_slice_of(message->payload_json), &payload, err));
    if (code == FX_ERR_INPUT && (is_put || message->kind == FX_MESSAGE_EPHEMERAL)) {
        fx_log(sc, FX_LOG_WARN, "slack.blocks_refused", FX_S("key", message->key), FX_E(err));
        struct fx_json *plain = fx_slack_plain(sc, payload);

        code = send_once(engine, sc, message, is_put ? with_key(sc, message, plain) : plain, ret_ts,
                         err);
    }
    if (code == FX_ERR_NOT_FOUND && elsewhere(message, &fresh))
        code = send_once(engine, sc, &fresh, is_put ? with_key(sc, message, payload) : payload,
                         ret_ts, err);
    return code;
}

/* ---- what became of it ---- */

static int64_t retry_in_ms(const struct fx_message *message, const struct fx_error *why) {
    int64_t backoff = (int64_t)500 << (message->attempts < 8 ? message->attempts : 8);

    if (why->retry_after_ms > 0)
        return why->retry_after_ms;
    return backoff < MAX_BACKOFF_MS ? backoff : MAX_BACKOFF_MS;
}

/* An answer that is not Slack's is a proxy's, which a person mends; of a word of Slack's that we do
 * not know nobody can tell. */
static bool may_ask_upstream_again(const struct fx_message *message, const struct fx_error *why,
                                   int64_t now_ms) {
    if (message->kind != FX_MESSAGE_PUT)
        return message->attempts < UNKNOWN_ATTEMPTS;
    return why->upstream[0] == '\0' || now_ms - message->created_ms < UNKNOWN_MS;
}

/* A set-up fault (a missing scope, a bot that is not in the channel) is mended by a person, so it
 * waits like any transient one. A dialog is only worth anything for the 3 s its trigger lives. */
static bool may_try_again(const struct fx_message *message, enum fx_code code,
                          const struct fx_error *why, int64_t now_ms) {
    if (message->kind == FX_MESSAGE_VIEW)
        return false;
    if (message->kind == FX_MESSAGE_FILE)
        return engine_may_send_file_again(message, why);
    if (message->kind == FX_MESSAGE_PAGE && now_ms - message->created_ms >= FX_ENGINE_PAGE_MS)
        return false;
    if (code == FX_ERR_UPSTREAM && may_ask_upstream_again(message, why, now_ms))
        return true;
    return fx_code_is_transient(code) || code == FX_ERR_DENIED;
}

static void count(struct fx_engine *engine, const struct fx_message *message, enum fx_code code) {
    struct fx_metrics *metrics = engine->options.metrics;

    if (code == FX_OK)
        fx_metrics_add(
            metrics, message->kind == FX_MESSAGE_PAGE ? FX_METRIC_PAGES_SENT : FX_METRIC_SLACK_SENT,
            1);
    else if (code == FX_ERR_THROTTLED)
        fx_metrics_add(metrics, FX_METRIC_SLACK_THROTTLED, 1);
    else
        fx_metrics_add(metrics, FX_METRIC_SLACK_FAILED, 1);
}

/* Whoever pressed waits for a dialog that will not come. */
static void tell_no_dialog(struct fx_engine *engine, struct fx_scope *sc,
                           const struct fx_message *message, const struct fx_error *why) {
    struct engine_work work = {
        .engine = engine, .sc = sc, .now_ms = fx_wall_ms(engine->options.clock)};
    struct fx_error err = {0};

    if (engine_whisper_text(&work, message->channel, message->user, message->response_url, &err,
                            "The dialog could not be opened (%s). Nothing was changed by your "
                            "click; please press again.",
                            why->message) != FX_OK ||
        engine->options.store->write(engine->options.store, sc, NULL, &work.writes, &err) != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "dialog.not_told", FX_E(&err));
}

static void record(struct fx_engine *engine, struct fx_scope *sc, const struct fx_message *message,
                   enum fx_code code, const char *ts, const struct fx_error *why) {
    struct fx_store *store = engine->options.store;
    int64_t now = fx_wall_ms(engine->options.clock);
    struct fx_error err = {0};
    enum fx_code stored = FX_OK;
    bool again = code != FX_OK && may_try_again(message, code, why, now);

    count(engine, message, code);
    /* First: who dies in between tells it again under the same key, rather than nobody ever. */
    if (message->kind == FX_MESSAGE_PAGE)
        engine_tell_page_end(engine, sc, message,
                             code == FX_OK ? ENGINE_PAGE_SENT
                             : again       ? ENGINE_PAGE_WAITS
                                           : ENGINE_PAGE_FAILED,
                             why);
    if (code == FX_OK) {
        stored = store->outbox_sent(store, sc, message->seq, ts == NULL ? "" : ts, now, &err);
    } else if (again) {
        int64_t due = now + retry_in_ms(message, why);

        fx_log(sc, FX_LOG_WARN, "outbox.retry", FX_S("key", message->key),
               FX_I("attempt", message->attempts), FX_I("in_ms", due - now), FX_E(why));
        stored = store->outbox_retry(store, sc, message->seq, due, why, &err);
    } else {
        fx_log(sc, FX_LOG_ERROR, "outbox.failed", FX_S("key", message->key), FX_E(why));
        stored = store->outbox_failed(store, sc, message->seq, why->message, &err);
        if (message->kind == FX_MESSAGE_VIEW)
            tell_no_dialog(engine, sc, message, why);
        if (message->kind == FX_MESSAGE_FILE)
            engine_tell_no_file(engine, sc, message, why);
    }
    if (stored != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "outbox.not_recorded", FX_S("key", message->key), FX_E(&err));
}

void engine_deliver(struct fx_engine *engine, struct fx_scope *sc,
                    const struct fx_message *message) {
    struct fx_error err = {0};
    const char *ts = "";

    /* so many exchanges may follow one another; beyond this its lane is somebody else's */
    if (message->kind == FX_MESSAGE_FILE)
        fx_scope_set_deadline(sc, fx_mono_ms(engine->options.clock) + FX_ENGINE_FILE_MS);
    enum fx_code code = send_message(engine, sc, message, &ts, &err);

    fx_scope_set_deadline(sc, 0);
    err.code = code;
    record(engine, sc, message, code, ts, &err);
}
