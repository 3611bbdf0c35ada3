/* freeze.c - while the store says "freeze", no change begins; reading goes on.
 *
 * The setting's value is {"by", "at", "reason"}, "at" in wall milliseconds; "" means that nothing
 * is frozen. Every place where a change begins asks engine_frozen.
 */
#include "private.h"

#include <string.h>

/* Who froze decides who can tell how it ends. */
static const char *way_out(const char *by) {
    return strcmp(by, ENGINE_FREEZE_BY_AUDIT) == 0
               ? "whoever runs the bot looks with fluxabot audit verify, and ends this with "
                 "fluxabot audit accept --reason TEXT"
               : "ask those who froze them";
}

enum fx_code engine_freeze_read(struct engine_work *work, struct engine_freeze *ret_freeze,
                                struct fx_error *err) {
    struct fx_engine_options *options = &work->engine->options;
    struct fx_json *json = NULL;
    struct fx_error ignored;
    const char *value = "";

    FX_TRY(options->store->setting(options->store, work->sc, "freeze", &value, err));
    if (options->metrics != NULL)
        fx_metrics_set(options->metrics, FX_METRIC_CHANGES_FROZEN, value[0] != '\0');
    *ret_freeze = (struct engine_freeze){.is_on = value[0] != '\0', .by = "", .reason = ""};
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
        return FX_OK;
    return fx_fail(err, FX_ERR_DENIED, "changes are frozen since %s: %s; %s",
                   fx_time_iso(work->sc, freeze.at_ms), freeze.reason, way_out(freeze.by));
}

void engine_freeze_begin(struct engine_work *work, const char *by, const char *reason) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *value =
        fx_json_object_of(sc, "by", fx_json_string(sc, by), "at", fx_json_int(sc, work->now_ms),
                          "reason", fx_json_string(sc, reason), NULL);

    fx_writes_setting(sc, &work->writes, "freeze", fx_json_dump(sc, value));
    fx_writes_audit(sc, &work->writes, strcmp(by, ENGINE_FREEZE_BY_AUDIT) == 0 ? "fluxabot" : by,
                    "changes.frozen", "freeze",
                    fx_json_object_of(sc, "by", fx_json_string(sc, by), "reason",
                                      fx_json_string(sc, reason), NULL));
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, 1);
}

void engine_freeze_end(struct engine_work *work) {
    fx_writes_setting(work->sc, &work->writes, "freeze", "");
}
