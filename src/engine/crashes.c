/* crashes.c - a program that keeps dying must not go on changing things in between.
 *
 * Each start is written down, and struck out when somebody asks the program to end. Those that are
 * left are the crashes. When there are too many in a short time, changes are frozen until a person
 * has looked; alarms and reading commands go on, because they are what the person looks with.
 */
#include "private.h"

#include "fluxabot/base/log.h"

static const char *setting_name(struct fx_engine *engine, struct fx_scope *sc) {
    return fx_printf(sc, "starts:%s", engine->options.place);
}

/* Those of the last minutes but the one at without_ms. What cannot be read counts as none. */
static enum fx_code load(struct fx_engine *engine, struct fx_scope *sc, int64_t now_ms,
                         int64_t without_ms, struct fx_json **ret_starts, struct fx_error *err) {
    struct fx_store *store = engine->options.store;
    struct fx_json *json = NULL;
    struct fx_error ignored;
    const char *value = "";

    FX_TRY(store->setting(store, sc, setting_name(engine, sc), &value, err));
    if (fx_json_parse(sc, fx_slice_of(value), &json, &ignored) != FX_OK)
        json = NULL;
    *ret_starts = fx_json_array(sc);
    for (size_t i = 0; json != NULL && i < fx_json_count(json); i++) {
        int64_t at_ms = fx_json_to_int(fx_json_item(json, i), 0);

        /* a clock that was set back says nothing about later starts */
        if (at_ms != without_ms && at_ms <= now_ms && now_ms - at_ms < FX_ENGINE_CRASH_WINDOW_MS)
            fx_json_add(*ret_starts, fx_json_int(sc, at_ms));
    }
    return FX_OK;
}

static enum fx_code tell(struct engine_work *work, const char *reason, struct fx_error *err) {
    const struct fx_engine_options *options = &work->engine->options;
    struct fx_scope *sc = work->sc;

    if (options->systems_count == 0)
        return FX_OK;
    return engine_put_card(
        work, fx_printf(sc, "crashes:%lld", (long long)work->now_ms), "",
        options->systems[0].channel,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Changes are frozen"), "tone",
            fx_json_string(sc, "bad"), "verdict", fx_json_string(sc, engine_sentence(sc, reason)),
            "lines",
            fx_json_array_of(
                sc,
                fx_json_string(sc, "So no change begins; alarms and reading commands work as ever. "
                                   "What was begun is watched and ended as usual."),
                fx_json_stringf(sc,
                                "Whoever runs the bot finds the cause in its log (journalctl -u "
                                "fluxabot). Then an admin ends the freeze with %s unfreeze "
                                "reason:\"...\".",
                                options->systems[0].command),
                NULL),
            NULL),
        err);
}

/* Said once: as long as an admin has to end a freeze, more crashes change nothing. */
static enum fx_code freeze(struct engine_work *work, size_t crashes, struct fx_error *err) {
    struct engine_freeze now;

    FX_TRY(engine_freeze_read(work, &now, err));
    if (engine_freeze_of_people(&now) != NULL)
        return FX_OK;
    const char *reason = fx_printf(work->sc, "the bot on %s broke down %zu times within %s",
                                   work->engine->options.place, crashes,
                                   fx_duration(work->sc, FX_ENGINE_CRASH_WINDOW_MS));

    fx_log(work->sc, FX_LOG_ERROR, "crashes.frozen", FX_S("reason", reason));
    engine_freeze_begin(work, ENGINE_FREEZE_BY_CRASHES, reason);
    return tell(work, reason, err);
}

enum fx_code engine_crashes_start(struct fx_engine *engine, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(engine->scope);
    struct fx_engine_options *options = &engine->options;
    struct fx_store *store = options->store;
    struct engine_work work = {.engine = engine, .sc = sc, .now_ms = fx_wall_ms(options->clock)};
    struct fx_json *starts = NULL;

    if (options->place == NULL)
        return FX_OK;
    FX_TRY(load(engine, sc, work.now_ms, 0, &starts, err));
    if (options->crashes > 0 && fx_json_count(starts) >= (size_t)options->crashes)
        FX_TRY(freeze(&work, fx_json_count(starts), err));
    fx_json_add(starts, fx_json_int(sc, work.now_ms));
    fx_writes_setting(sc, &work.writes, setting_name(engine, sc), fx_json_dump(sc, starts));
    FX_TRY(store->write(store, sc, NULL, &work.writes, err));
    engine->started_ms = work.now_ms;
    return FX_OK;
}

void engine_crashes_end(struct fx_engine *engine) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(engine->scope);
    struct fx_store *store = engine->options.store;
    struct fx_writes writes = {0};
    struct fx_json *starts = NULL;
    struct fx_error err = {0};

    if (engine->started_ms == 0)
        return;
    enum fx_code code =
        load(engine, sc, fx_wall_ms(engine->options.clock), engine->started_ms, &starts, &err);

    if (code == FX_OK) {
        fx_writes_setting(sc, &writes, setting_name(engine, sc), fx_json_dump(sc, starts));
        code = store->write(store, sc, NULL, &writes, &err);
    }
    if (code != FX_OK) /* at worst it counts as a crash */
        fx_log(sc, FX_LOG_WARN, "crashes.not_struck_out", FX_E(&err));
}
