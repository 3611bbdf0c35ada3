/* outbox.c - sends what waits, in order, at the other side's pace.
 *
 * One thread sends everything. A channel takes one new post a second; an edit or a private answer
 * has no such pace. What Slack refuses for its blocks is sent once more as plain text; what it
 * refuses for good is marked failed and told in the log.
 */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/pagerdutyapi.h"
#include "fluxabot/slackapi.h"

#include <stdlib.h>
#include <string.h>

enum {
    OUTBOX_BATCH = 50,
    OUTBOX_LANES = 64,
    OUTBOX_LANE_NAME_MAX = 64,
    OUTBOX_MAX_BACKOFF_MS = 60000,
    OUTBOX_ORDERED_ATTEMPTS = 6, /* then one post no longer holds up the others of its channel */
};

/* When a channel may take its next post, and when a method may be called again after a 429. */
struct lane {
    char name[OUTBOX_LANE_NAME_MAX];
    int64_t free_at_ms;
};

struct pump {
    struct fx_engine *engine;
    struct lane lanes[OUTBOX_LANES];
    size_t lanes_count;
};

static struct lane *lane_of(struct pump *pump, const char *name) {
    for (size_t i = 0; i < pump->lanes_count; i++)
        if (strcmp(pump->lanes[i].name, name) == 0)
            return &pump->lanes[i];
    /* more lanes than names: the table starts anew, which at worst earns a 429 */
    if (pump->lanes_count == OUTBOX_LANES)
        pump->lanes_count = 0;
    struct lane *lane = &pump->lanes[pump->lanes_count++];

    snprintf(lane->name, sizeof lane->name, "%s", name);
    lane->free_at_ms = 0;
    return lane;
}

static const char *lane_name(const struct fx_message *message) {
    switch (message->kind) {
    case FX_MESSAGE_PUT:
        return message->ts[0] == '\0' ? message->channel : "chat.update";
    case FX_MESSAGE_EPHEMERAL:
        return "ephemeral";
    case FX_MESSAGE_VIEW:
        return "views.open";
    case FX_MESSAGE_PAGE:
        break;
    }
    return "pagerduty";
}

static enum fx_code send_put(struct pump *pump, struct fx_scope *sc,
                             const struct fx_message *message, const struct fx_json *payload,
                             const char **ret_ts, struct fx_error *err) {
    struct fx_slackapi *slack = pump->engine->options.slack;

    if (message->ts[0] == '\0')
        return fx_slackapi_post(slack, sc, message->channel, message->parent_ts, payload, ret_ts,
                                err);
    *ret_ts = message->ts;
    return fx_slackapi_update(slack, sc, message->channel, message->ts, payload, err);
}

static enum fx_code send_once(struct pump *pump, struct fx_scope *sc,
                              const struct fx_message *message, const struct fx_json *payload,
                              const char **ret_ts, struct fx_error *err) {
    struct fx_engine_options *options = &pump->engine->options;

    switch (message->kind) {
    case FX_MESSAGE_PUT:
        return send_put(pump, sc, message, payload, ret_ts, err);
    case FX_MESSAGE_EPHEMERAL:
        return fx_slackapi_whisper(options->slack, sc, message->channel, message->user,
                                   message->response_url, payload, err);
    case FX_MESSAGE_VIEW:
        return fx_slackapi_open_view(options->slack, sc, fx_json_get_text(payload, "trigger_id"),
                                     fx_json_at(payload, "view"), err);
    case FX_MESSAGE_PAGE:
        return fx_pagerdutyapi_send(options->pagerduty, sc, payload, err);
    }
    return fx_fail(err, FX_ERR_INTERNAL, "the outbox knows no message of kind %d", message->kind);
}

static enum fx_code send_message(struct pump *pump, struct fx_scope *sc,
                                 const struct fx_message *message, const char **ret_ts,
                                 struct fx_error *err) {
    struct fx_json *payload = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(message->payload_json), &payload, err));
    enum fx_code code = send_once(pump, sc, message, payload, ret_ts, err);

    if (code == FX_ERR_INPUT &&
        (message->kind == FX_MESSAGE_PUT || message->kind == FX_MESSAGE_EPHEMERAL)) {
        fx_log(sc, FX_LOG_WARN, "slack.blocks_refused", FX_S("key", message->key), FX_E(err));
        code = send_once(pump, sc, message, fx_slack_plain(sc, payload), ret_ts, err);
    }
    /* the message we wanted to change is gone: say it anew rather than not at all */
    if (code == FX_ERR_NOT_FOUND && message->kind == FX_MESSAGE_PUT && message->ts[0] != '\0') {
        struct fx_message fresh = *message;

        fresh.ts = "";
        code = send_once(pump, sc, &fresh, payload, ret_ts, err);
    }
    return code;
}

static bool is_post(const struct fx_message *message) {
    return message->kind == FX_MESSAGE_PUT && message->ts[0] == '\0';
}

static int64_t retry_in_ms(const struct fx_message *message, const struct fx_error *why) {
    int64_t backoff = (int64_t)500 << (message->attempts < 8 ? message->attempts : 8);

    if (why->code == FX_ERR_THROTTLED && why->retry_after_ms > 0)
        return why->retry_after_ms;
    return backoff < OUTBOX_MAX_BACKOFF_MS ? backoff : OUTBOX_MAX_BACKOFF_MS;
}

/* A set-up fault (a missing scope, a bot that is not in the channel) is mended by a person, so it
 * waits like any transient one. A dialog is only worth anything for the 3 s its trigger lives. */
static bool may_try_again(const struct fx_message *message, enum fx_code code) {
    if (message->kind == FX_MESSAGE_VIEW)
        return false;
    if (message->kind == FX_MESSAGE_PAGE && message->attempts >= FX_ENGINE_PAGE_ATTEMPTS)
        return false;
    return fx_code_is_transient(code) || code == FX_ERR_DENIED;
}

static void count(struct pump *pump, const struct fx_message *message, enum fx_code code) {
    struct fx_metrics *metrics = pump->engine->options.metrics;

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
static void tell_no_dialog(struct pump *pump, struct fx_scope *sc, const struct fx_message *message,
                           const struct fx_error *why) {
    struct fx_engine *engine = pump->engine;
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

static void record(struct pump *pump, struct fx_scope *sc, const struct fx_message *message,
                   enum fx_code code, const char *ts, const struct fx_error *why) {
    struct fx_store *store = pump->engine->options.store;
    int64_t now = fx_wall_ms(pump->engine->options.clock);
    struct fx_error err = {0};
    enum fx_code stored = FX_OK;

    count(pump, message, code);
    if (code == FX_OK) {
        stored = store->outbox_sent(store, sc, message->seq, ts == NULL ? "" : ts, now, &err);
    } else if (may_try_again(message, code)) {
        int64_t due = now + retry_in_ms(message, why);

        fx_log(sc, FX_LOG_WARN, "outbox.retry", FX_S("key", message->key),
               FX_I("attempt", message->attempts), FX_I("in_ms", due - now), FX_E(why));
        /* what was said later must not stand before it */
        if (code == FX_ERR_THROTTLED ||
            (is_post(message) && message->attempts < OUTBOX_ORDERED_ATTEMPTS))
            lane_of(pump, lane_name(message))->free_at_ms = due;
        stored = store->outbox_retry(store, sc, message->seq, due, why->message, &err);
    } else {
        fx_log(sc, FX_LOG_ERROR, "outbox.failed", FX_S("key", message->key), FX_E(why));
        stored = store->outbox_failed(store, sc, message->seq, why->message, &err);
        if (message->kind == FX_MESSAGE_VIEW)
            tell_no_dialog(pump, sc, message, why);
    }
    if (stored != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "outbox.not_recorded", FX_S("key", message->key), FX_E(&err));
}

/* False when its lane is not free yet; *io_next_ms then is at most the moment it will be. */
static bool try_message(struct pump *pump, struct fx_scope *parent,
                        const struct fx_message *message, int64_t *io_next_ms) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(parent);
    struct fx_store *store = pump->engine->options.store;
    struct lane *lane = lane_of(pump, lane_name(message));
    int64_t now = fx_wall_ms(pump->engine->options.clock);
    struct fx_error err = {0};
    const char *ts = "";

    engine_pulse(&pump->engine->outbox_pulse, pump->engine->options.clock, FX_ENGINE_STALL_MS);
    if (lane->free_at_ms > now) {
        if (*io_next_ms == 0 || lane->free_at_ms < *io_next_ms)
            *io_next_ms = lane->free_at_ms;
        return false;
    }
    if (is_post(message))
        lane->free_at_ms = now + FX_ENGINE_POST_PACE_MS;
    if (store->outbox_begin(store, sc, message->seq, &err) != FX_OK)
        return true; /* replaced by a newer one meanwhile: the next look finds that */

    enum fx_code code = send_message(pump, sc, message, &ts, &err);

    record(pump, sc, message, code, ts, &err);
    return true;
}

/* A later message of a key or lane must not overtake one that had to wait. */
static bool is_blocked(const struct fx_message *const *held, size_t held_count,
                       const struct fx_message *message) {
    for (size_t i = 0; i < held_count; i++)
        if (strcmp(held[i]->key, message->key) == 0 ||
            (message->kind == FX_MESSAGE_PUT && message->ts[0] == '\0' &&
             held[i]->kind == FX_MESSAGE_PUT && held[i]->ts[0] == '\0' &&
             strcmp(held[i]->channel, message->channel) == 0))
            return true;
    return false;
}

/* One look at the outbox: how long to wait for the next. */
static int64_t pump_once(struct pump *pump) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = pump->engine->options.store;
    const struct fx_message *held[OUTBOX_BATCH];
    struct fx_message **ready = NULL;
    size_t ready_count = 0, held_count = 0;
    int64_t next_ms = 0;
    struct fx_error err = {0};

    fx_scope_set_log(sc, pump->engine->options.log);
    int64_t now = fx_wall_ms(pump->engine->options.clock);

    if (store->outbox_ready(store, sc, now, OUTBOX_BATCH, &ready, &ready_count, &next_ms, &err) !=
        FX_OK) {
        fx_log(sc, FX_LOG_ERROR, "outbox.unreadable", FX_E(&err));
        return FX_ENGINE_POLL_MS;
    }
    fx_metrics_set(pump->engine->options.metrics, FX_METRIC_OUTBOX_WAITING, (int64_t)ready_count);
    bool sent_any = false;

    for (size_t i = 0; i < ready_count && !atomic_load(&pump->engine->stopping); i++) {
        if (!is_blocked(held, held_count, ready[i]) && try_message(pump, sc, ready[i], &next_ms))
            sent_any = true;
        else
            held[held_count++] = ready[i];
    }
    if (sent_any)
        return 0;
    now = fx_wall_ms(pump->engine->options.clock);
    int64_t wait = next_ms == 0 ? FX_ENGINE_POLL_MS : next_ms - now;

    return wait < 1 ? 1 : wait < FX_ENGINE_POLL_MS ? wait : FX_ENGINE_POLL_MS;
}

void *engine_outbox_main(void *argument) {
    struct pump *pump = calloc(1, sizeof *pump);
    struct fx_engine *engine = argument;

    if (pump == NULL)
        abort();
    pump->engine = engine;
    while (!atomic_load(&engine->stopping)) {
        int64_t wait_ms = pump_once(pump);

        engine_pulse(&engine->outbox_pulse, engine->options.clock, FX_ENGINE_STALL_MS);
        if (wait_ms > 0)
            engine->options.state->wait(engine->options.state, "outbox", wait_ms);
    }
    free(pump);
    engine_thread_ends(engine, &engine->outbox_pulse);
    return NULL;
}
