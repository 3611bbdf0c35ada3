/* freeze.c - while the store says "freeze", no change begins; reading goes on.
 *
 * The setting's value is {"by", "at", "reason"}, "at" in wall milliseconds; "" means that nothing
 * is frozen. Every place where a change begins asks engine_frozen, which reads the store: a freeze
 * holds on every replica from the moment it is written.
 */
#include "private.h"

#include <string.h>

static const char setting[] = "freeze";

static bool is_by_audit(const struct engine_freeze *freeze) {
    return strcmp(freeze->by, ENGINE_FREEZE_BY_AUDIT) == 0;
}

const char *engine_freeze_way_out(const struct engine_freeze *freeze) {
    return is_by_audit(freeze)
               ? "whoever runs the bot looks with fluxabot audit verify, and ends this with "
                 "fluxabot audit accept --reason TEXT"
           : strcmp(freeze->by, ENGINE_FREEZE_BY_CRASHES) == 0
               ? "whoever runs the bot looks at its log, and an admin ends this with unfreeze"
               : "an admin ends this with unfreeze";
}

static bool is_ours(const char *by) {
    return strcmp(by, ENGINE_FREEZE_BY_AUDIT) == 0 || strcmp(by, ENGINE_FREEZE_BY_CRASHES) == 0;
}

/* Not a freeze, because it ends by itself when the database is set up better. */
static enum fx_code check_may_forget(struct engine_work *work, struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    const char *how = NULL;

    if (options->may_forget)
        return FX_OK;
    FX_TRY(options->store->may_forget(options->store, work->sc, &how, err));
    if (how == NULL)
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED,
                   "%s; set synchronous_standby_names, or write store: { "
                   "without_synchronous_standby: \"%s\" }",
                   how, FX_ENGINE_MAY_FORGET);
}

enum fx_code engine_freeze_read(struct engine_work *work, struct engine_freeze *ret_freeze,
                                struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct fx_json *json = NULL;
    struct fx_error ignored;
    const char *value = "";

    FX_TRY(options->store->setting(options->store, work->sc, setting, &value, err));
    if (options->metrics != NULL)
        fx_metrics_set(options->metrics, FX_METRIC_CHANGES_FROZEN, value[0] != '\0');
    *ret_freeze =
        (struct engine_freeze){.is_on = value[0] != '\0', .by = "", .reason = "", .stored = value};
    /* what cannot be read freezes too */
    if (!ret_freeze->is_on || fx_json_parse(work->sc, fx_slice_of(value), &json, &ignored) != FX_OK)
        return FX_OK;
    if (fx_json_get_text(json, "by") != NULL)
        ret_freeze->by = fx_json_get_text(json, "by");
    if (fx_json_get_text(json, "reason") != NULL)
        ret_freeze->reason = fx_json_get_text(json, "reason");
    ret_freeze->at_ms = fx_json_get_int(json, "at", 0);
    return FX_OK;
}

enum fx_code engine_frozen(struct engine_work *work, struct fx_error *err) {
    struct engine_freeze freeze;

    FX_TRY(engine_freeze_read(work, &freeze, err));
    if (!freeze.is_on)
        return check_may_forget(work, err);
    return fx_fail(err, FX_ERR_DENIED, "changes are frozen since %s: %s; %s",
                   fx_time_iso(work->sc, freeze.at_ms), freeze.reason,
                   engine_freeze_way_out(&freeze));
}

struct fx_json *engine_freeze_text(struct fx_scope *sc, const char *since,
                                   const struct engine_freeze *freeze) {
    return fx_json_array_of(sc, fx_json_string(sc, since), engine_time(sc, freeze->at_ms),
                            fx_json_string(sc, " by "), engine_freezer(sc, freeze->by),
                            fx_json_stringf(sc, ": %s", engine_sentence(sc, freeze->reason)), NULL);
}

struct fx_json *engine_freezer(struct fx_scope *sc, const char *by) {
    if (strcmp(by, ENGINE_FREEZE_BY_AUDIT) == 0)
        return fx_json_string(sc, "the check of the audit log");
    if (strcmp(by, ENGINE_FREEZE_BY_CRASHES) == 0)
        return fx_json_string(sc, "the count of starts that ended badly");
    if (strncmp(by, ENGINE_TERMINAL, strlen(ENGINE_TERMINAL)) == 0)
        return fx_json_stringf(sc, "%s at the terminal", by + strlen(ENGINE_TERMINAL));
    return by[0] == '\0' ? fx_json_string(sc, "somebody") : engine_user(sc, by);
}

/* expected is what was read before, NULL when it does not matter. */
static void write_freeze(struct engine_work *work, const char *by, const char *reason,
                         const char *expected) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *value =
        fx_json_object_of(sc, "by", fx_json_string(sc, by), "at", fx_json_int(sc, work->now_ms),
                          "reason", fx_json_string(sc, reason), NULL);

    fx_writes_setting_if(sc, &work->writes, setting, fx_json_dump(sc, value), expected);
    fx_writes_audit(sc, &work->writes, is_ours(by) ? "fluxabot" : by, "changes.frozen", setting,
                    fx_json_object_of(sc, "by", fx_json_string(sc, by), "reason",
                                      fx_json_string(sc, reason), NULL));
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, 1);
}

void engine_freeze_begin(struct engine_work *work, const char *by, const char *reason) {
    write_freeze(work, by, reason, NULL);
}

void engine_freeze_end(struct engine_work *work) {
    fx_writes_setting(work->sc, &work->writes, setting, "");
}

/* ---- a person's ---- */

enum fx_code engine_freeze_by(struct engine_work *work, const char *by, const char *reason,
                              struct fx_error *err) {
    struct engine_freeze now;

    FX_TRY(engine_freeze_read(work, &now, err));
    if (now.is_on)
        return fx_fail(err, FX_ERR_INPUT, "changes are frozen already, since %s: %s",
                       fx_time_iso(work->sc, now.at_ms), now.reason);
    write_freeze(work, by, reason, now.stored);
    return engine_tell_freeze(
        work, &(struct engine_freeze){true, by, reason, work->now_ms, now.stored}, err);
}

/* The log's own freeze is not a person's to end here: somebody has to say what happened to it. */
enum fx_code engine_unfreeze_by(struct engine_work *work, const char *by, const char *reason,
                                struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct engine_freeze now;

    FX_TRY(engine_freeze_read(work, &now, err));
    if (!now.is_on)
        return fx_fail(err, FX_ERR_INPUT, "changes are not frozen, so there is nothing to end");
    if (is_by_audit(&now))
        return fx_fail(err, FX_ERR_INPUT,
                       "changes stay frozen, because the audit log does not fit its anchors: %s",
                       engine_freeze_way_out(&now));
    if (reason[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT,
                       "a reason is missing, for whoever asks later: unfreeze reason:\"...\"");
    fx_writes_setting_if(sc, &work->writes, setting, "", now.stored);
    fx_writes_audit(sc, &work->writes, by, "changes.unfrozen", setting,
                    fx_json_object_of(sc, "reason", fx_json_string(sc, reason), "frozen_by",
                                      fx_json_string(sc, now.by), "frozen_for",
                                      fx_json_string(sc, now.reason), NULL));
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, 0);
    return engine_tell_unfreeze(work, by, reason, err);
}
