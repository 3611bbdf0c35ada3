/* anchor_cards.c - what people see of anchors: a thread of them, and cards when something is wrong.
 */
#include "anchors.h"

#include <string.h>

static const char thread_key[] = "audit:anchors";

/* Trouble is told where people look anyway. */
static const char *main_channel(const struct engine_work *work) {
    const struct fx_engine_options *options = &work->engine->options;

    return options->systems_count > 0 ? options->systems[0].channel : "";
}

static enum fx_code tell(struct engine_work *work, const char *key, const struct fx_json *card,
                         struct fx_error *err) {
    if (main_channel(work)[0] == '\0')
        return FX_OK;
    return engine_put_card(work, fx_printf(work->sc, "audit:%s:%lld", key, (long long)work->now_ms),
                           "", main_channel(work), card, err);
}

/* The head of the thread is said once; an anchor made while it waits replaces it by its equal. */
static enum fx_code put_thread(struct engine_work *work, const char *channel,
                               struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_store *store = work->engine->options.store;
    const char *ts = "";

    FX_TRY(store->message_ts(store, sc, thread_key, &ts, err));
    if (ts[0] != '\0')
        return FX_OK;
    return engine_put_card(
        work, thread_key, "", channel,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Anchors of the audit log"), "verdict",
            fx_json_string(sc, "Each message of this thread says under a signature how far the "
                               "audit log had come. Whoever changes the log later cannot change "
                               "what stands here."),
            "context",
            fx_json_string(sc, "To check them, put their lines into a file: fluxabot audit verify "
                               "--anchors FILE"),
            NULL),
        err);
}

enum fx_code engine_anchor_post(struct engine_work *work, const struct fx_anchor *anchor,
                                const char **ret_key, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const char *channel = work->engine->options.anchor_channel;

    *ret_key = "";
    if (channel == NULL || channel[0] == '\0')
        return FX_OK;
    FX_TRY(put_thread(work, channel, err));
    *ret_key = fx_printf(sc, "audit:anchor:%.16s", anchor->digest);
    return engine_put_card(
        work, *ret_key, thread_key, channel,
        fx_json_object_of(sc, "verdict",
                          fx_json_stringf(sc, "The audit log has %lld rows.", (long long)anchor->n),
                          "code", fx_json_string(sc, anchor->line), NULL),
        err);
}

enum fx_code engine_anchor_tell_frozen(struct engine_work *work, const char *reason,
                                       struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    return tell(
        work, "frozen",
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Changes are frozen"), "tone",
            fx_json_string(sc, "bad"), "verdict", fx_json_string(sc, engine_sentence(sc, reason)),
            "lines",
            fx_json_array_of(
                sc,
                fx_json_string(sc, "Which changes were made may have been forgotten. So none "
                                   "begins; alarms and reading commands work as ever."),
                fx_json_string(sc,
                               "Whoever runs the bot looks with fluxabot audit verify. If there "
                               "is a newer database, put it back. If it is known what happened, "
                               "fluxabot audit accept --reason TEXT ends the freeze."),
                NULL),
            NULL),
        err);
}

enum fx_code engine_anchor_tell_accepted(struct engine_work *work, const struct fx_anchor *anchor,
                                         struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    return tell(
        work, "accepted",
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "The audit log was accepted as it is"), "tone",
            fx_json_string(sc, "plain"), "verdict", fx_json_string(sc, anchor->reason), "context",
            fx_json_stringf(sc, "From row %lld on it is watched again.", (long long)anchor->n),
            NULL),
        err);
}

enum fx_code engine_anchor_tell_trouble(struct engine_work *work, const struct fx_audit *head,
                                        const char *what, struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    return tell(
        work, "trouble",
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "The audit log is not anchored"), "tone",
            fx_json_string(sc, "bad"), "verdict",
            fx_json_stringf(sc, "It failed %d times in a row: %s.", ENGINE_ANCHOR_PATIENCE, what),
            "lines",
            fx_json_array_of(sc,
                             fx_json_string(sc, "Work goes on and it is tried again by itself. "
                                                "Until then a change of the newest rows would not "
                                                "be seen."),
                             NULL),
            "context",
            fx_json_stringf(sc, "Newest row %lld, hash %s", (long long)head->n, head->hash), NULL),
        err);
}
