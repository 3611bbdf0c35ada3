/* deliver_file.c - a file of the outbox on its way: it is made, looked for if it may be there
 * already, and shared; and what is said when it cannot be.
 *
 * A picture is kept as its numbers and drawn when its turn has come, so that no row is large and
 * nothing is drawn in vain. Until the last of Slack's three calls nobody sees anything of a file,
 * so only that one can leave a doubt.
 */
#include "files.h"

#include "fluxabot/base/log.h"

#include <string.h>

static const char told_setting[] = "slack.pictures"; /* why there are none was told; "": not */
static const char missing_scope[] = "missing_scope";

static enum fx_code make(struct fx_scope *sc, const struct fx_json *payload,
                         struct fx_slice *ret_bytes, struct fx_error *err) {
    const struct fx_json *chart_json = fx_json_at(payload, "chart");
    struct fx_chart chart;

    if (chart_json == NULL) {
        *ret_bytes = fx_json_text_slice(fx_json_at(payload, "csv"));
        return FX_OK;
    }
    FX_TRY(fx_chart_parse(sc, chart_json, &chart, err));
    return fx_chart_png(sc, &chart, ret_bytes, err);
}

/* *ret_title "" when the file is there. Else it says that it may be a repetition: Slack shows a
 * file a while after it has taken it, so that not to find it proves nothing. */
static enum fx_code resolve_doubt(struct fx_engine *engine, struct fx_scope *sc,
                                  const struct fx_message *message, const char *name,
                                  const char *title, const char **ret_title, struct fx_error *err) {
    const char *ts = "";
    enum fx_code code =
        fx_slackapi_find_file(engine->options.slack, sc, message->channel, message->parent_ts, name,
                              message->created_ms, &ts, err);

    if (code != FX_OK && fx_code_is_transient(code)) {
        err->sent = false; /* only looked */
        return code;
    }
    *ret_title =
        code == FX_OK && ts[0] != '\0' ? "" : fx_printf(sc, "%s (perhaps here already)", title);
    fx_log(sc, FX_LOG_INFO, "outbox.doubt", FX_S("key", message->key), FX_S("found", ts),
           FX_I("marked", (*ret_title)[0] != '\0'));
    return FX_OK;
}

/* One went through: when none do again, that is news. */
static void forget_told(struct fx_engine *engine, struct fx_scope *sc) {
    struct fx_store *store = engine->options.store;
    struct fx_writes writes = {0};
    struct fx_error err = {0};
    const char *told = "";

    if (store->setting(store, sc, told_setting, &told, &err) != FX_OK || told[0] == '\0')
        return;
    fx_writes_setting(sc, &writes, told_setting, "");
    if (store->write(store, sc, NULL, &writes, &err) != FX_OK)
        fx_log(sc, FX_LOG_WARN, "outbox.not_recorded", FX_S("key", told_setting), FX_E(&err));
}

enum fx_code engine_send_file(struct fx_engine *engine, struct fx_scope *sc,
                              const struct fx_message *message, struct fx_error *err) {
    struct fx_json *payload = NULL;
    struct fx_slackapi_file file;

    FX_TRY(fx_json_parse(sc, fx_slice_of(message->payload_json), &payload, err));
    file = (struct fx_slackapi_file){.name = fx_json_get_text(payload, "name"),
                                     .title = fx_json_get_text(payload, "title"),
                                     .alt = fx_json_get_text(payload, "alt")};
    if (file.name == NULL || file.title == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "the file has no name or no title");
    if (message->in_doubt)
        FX_TRY(resolve_doubt(engine, sc, message, file.name, file.title, &file.title, err));
    if (file.title[0] == '\0')
        return FX_OK;
    FX_TRY(make(sc, payload, &file.bytes, err));
    FX_TRY(fx_slackapi_share_file(engine->options.slack, sc, message->channel, message->parent_ts,
                                  &file, err));
    forget_told(engine, sc);
    return FX_OK;
}

bool engine_may_send_file_again(const struct fx_message *message, const struct fx_error *why) {
    if (message->attempts >= FX_ENGINE_FILE_ATTEMPTS || strcmp(why->upstream, missing_scope) == 0)
        return false;
    /* NOT_FOUND: Slack lost the bytes before they were shared */
    return fx_code_is_transient(why->code) || why->code == FX_ERR_DENIED ||
           why->code == FX_ERR_UPSTREAM || why->code == FX_ERR_NOT_FOUND;
}

/* ---- what is said when there is none ---- */

static enum fx_code put_note(struct engine_work *work, const struct fx_message *message,
                             const char *what, const char *title, const struct fx_error *why,
                             struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *verdict =
        fx_json_stringf(sc, "%s \"%s\" could not be sent: %s The card is complete without it.",
                        what, title, engine_sentence(sc, why->message));

    return engine_put_card(work, fx_printf(sc, "no:%s", message->key), message->parent,
                           message->channel,
                           fx_json_object_of(sc, "verdict", fx_json_copy(sc, verdict), NULL), err);
}

void engine_tell_no_file(struct fx_engine *engine, struct fx_scope *sc,
                         const struct fx_message *message, const struct fx_error *why) {
    struct fx_store *store = engine->options.store;
    struct engine_work work = {
        .engine = engine, .sc = sc, .now_ms = fx_wall_ms(engine->options.clock)};
    struct fx_json *payload = NULL;
    struct fx_error err = {0};

    if (fx_json_parse(sc, fx_slice_of(message->payload_json), &payload, &err) != FX_OK)
        payload = fx_json_object(sc);
    const char *title = fx_json_get_text(payload, "title");
    bool picture = fx_json_at(payload, "chart") != NULL;

    /* a table was asked for; a picture only comes along, and the next one will not either */
    if (picture && strcmp(why->upstream, missing_scope) == 0)
        fx_writes_setting_if(sc, &work.writes, told_setting, missing_scope, "");
    enum fx_code code = put_note(&work, message, picture ? "The picture" : "The file",
                                 title != NULL ? title : message->key, why, &err);

    if (code == FX_OK)
        code = store->write(store, sc, NULL, &work.writes, &err);
    if (code != FX_OK && code != FX_ERR_CONFLICT) /* CONFLICT: it was told before */
        fx_log(sc, FX_LOG_ERROR, "outbox.no_file_not_told", FX_S("key", message->key), FX_E(&err));
}
