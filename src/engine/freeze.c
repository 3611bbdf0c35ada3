/* freeze.c - while one of two settings of the store says so, no change begins; reading goes on.
 *
 * A setting's value is {"by", "at", "reason"}, "at" in wall milliseconds; "" means that nothing is
 * frozen. One is turned by people and by the count of crashes, the other by the check of the audit
 * log: whoever vouches for the log says nothing about what a person had stopped. Every place where
 * a change begins asks engine_frozen, which reads the store: a freeze holds on every replica from
 * the moment it is written.
 */
#include "private.h"

#include <string.h>

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

static enum fx_code read_one(struct engine_work *work, const char *setting,
                             struct engine_freeze *ret_freeze, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_json *json = NULL;
    struct fx_error ignored;
    const char *value = "";

    FX_TRY(store->setting(store, work->sc, setting, &value, err));
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

enum fx_code engine_freeze_read(struct engine_work *work, struct engine_freeze *ret_freeze,
                                struct fx_error *err) {
    struct engine_freeze *people = FX_NEW(work->sc, struct engine_freeze), log;

    FX_TRY(read_one(work, ENGINE_FREEZE_SETTING, people, err));
    FX_TRY(read_one(work, ENGINE_FREEZE_LOG_SETTING, &log, err));
    log.by = ENGINE_FREEZE_BY_AUDIT; /* also when it cannot be read: nobody else ends it */
    *ret_freeze = log.is_on ? log : *people;
    if (log.is_on && people->is_on && !is_by_audit(people)) /* an older version wrote both here */
        ret_freeze->and = people;
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, ret_freeze->is_on);
    return FX_OK;
}

const struct engine_freeze *engine_freeze_of_people(const struct engine_freeze *freeze) {
    return is_by_audit(freeze) ? freeze->and : freeze->is_on ? freeze : NULL;
}

static const char *told(struct fx_scope *sc, const struct engine_freeze *freeze) {
    return fx_printf(sc, "since %s: %s; %s", fx_time_iso(sc, freeze->at_ms), freeze->reason,
                     engine_freeze_way_out(freeze));
}

enum fx_code engine_frozen(struct engine_work *work, struct fx_error *err) {
    struct engine_freeze freeze;

    FX_TRY(engine_freeze_read(work, &freeze, err));
    if (!freeze.is_on)
        return check_may_forget(work, err);
    return fx_fail(err, FX_ERR_DENIED, "changes are frozen %s%s%s", told(work->sc, &freeze),
                   freeze.and == NULL ? "" : "; and ",
                   freeze.and == NULL ? "" : told(work->sc, freeze.and));
}

struct fx_json *engine_freeze_text(struct fx_scope *sc, const char *since,
                                   const struct engine_freeze *freeze) {
    struct fx_json *text = fx_json_array(sc);

    for (; freeze != NULL; freeze = freeze->and) {
        fx_json_add(text, fx_json_string(sc, since));
        fx_json_add(text, engine_time(sc, freeze->at_ms));
        fx_json_add(text, fx_json_string(sc, " by "));
        fx_json_add(text, engine_freezer(sc, freeze->by));
        fx_json_add(text, fx_json_stringf(sc, ": %s", engine_sentence(sc, freeze->reason)));
        since = " And since ";
    }
    return text;
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

static const char *setting_of(const char *by) {
    return strcmp(by, ENGINE_FREEZE_BY_AUDIT) == 0 ? ENGINE_FREEZE_LOG_SETTING
                                                   : ENGINE_FREEZE_SETTING;
}

/* expected is what was read before, NULL when it does not matter. */
static void write_freeze(struct engine_work *work, const char *by, const char *reason,
                         const char *expected) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *value =
        fx_json_object_of(sc, "by", fx_json_string(sc, by), "at", fx_json_int(sc, work->now_ms),
                          "reason", fx_json_string(sc, reason), NULL);

    fx_writes_setting_if(sc, &work->writes, setting_of(by), fx_json_dump(sc, value), expected);
    fx_writes_audit(sc, &work->writes, is_ours(by) ? "fluxabot" : by, "changes.frozen",
                    ENGINE_FREEZE_SETTING,
                    fx_json_object_of(sc, "by", fx_json_string(sc, by), "reason",
                                      fx_json_string(sc, reason), NULL));
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, 1);
}

void engine_freeze_begin(struct engine_work *work, const char *by, const char *reason) {
    write_freeze(work, by, reason, NULL);
}

/* Where an older version kept it; *ret_people is what stands in people's place. */
static enum fx_code keep_moved(struct engine_work *work, struct engine_freeze *ret_people,
                               bool *ret_moved, struct fx_error *err) {
    struct engine_freeze log;

    FX_TRY(read_one(work, ENGINE_FREEZE_SETTING, ret_people, err));
    FX_TRY(read_one(work, ENGINE_FREEZE_LOG_SETTING, &log, err));
    *ret_moved = is_by_audit(ret_people);
    if (*ret_moved && !log.is_on)
        fx_writes_setting_if(work->sc, &work->writes, ENGINE_FREEZE_LOG_SETTING, ret_people->stored,
                             log.stored);
    return FX_OK;
}

enum fx_code engine_freeze_move(struct engine_work *work, struct fx_error *err) {
    struct engine_freeze people;
    bool moved = false;

    FX_TRY(keep_moved(work, &people, &moved, err));
    if (!moved)
        return FX_OK;
    fx_writes_setting_if(work->sc, &work->writes, ENGINE_FREEZE_SETTING, "", people.stored);
    enum fx_code code = engine_flush(work, err);

    return code == FX_ERR_CONFLICT ? FX_OK : code; /* another replica has done it */
}

enum fx_code engine_freeze_end(struct engine_work *work, struct fx_error *err) {
    struct engine_freeze people;

    FX_TRY(read_one(work, ENGINE_FREEZE_SETTING, &people, err));
    fx_writes_setting(work->sc, &work->writes, ENGINE_FREEZE_LOG_SETTING, "");
    if (is_by_audit(&people))
        fx_writes_setting_if(work->sc, &work->writes, ENGINE_FREEZE_SETTING, "", people.stored);
    return FX_OK;
}

/* ---- a person's ---- */

enum fx_code engine_freeze_by(struct engine_work *work, const char *by, const char *reason,
                              struct fx_error *err) {
    struct engine_freeze people;
    bool moved = false;

    FX_TRY(keep_moved(work, &people, &moved, err));
    if (people.is_on && !moved)
        return fx_fail(err, FX_ERR_INPUT, "changes are frozen already, since %s: %s",
                       fx_time_iso(work->sc, people.at_ms), people.reason);
    write_freeze(work, by, reason, people.stored);
    return engine_tell_freeze(
        work,
        &(struct engine_freeze){.is_on = true, .by = by, .reason = reason, .at_ms = work->now_ms},
        err);
}

/* The log's own freeze is not a person's to end here: somebody has to say what happened to it. */
enum fx_code engine_unfreeze_by(struct engine_work *work, const char *by, const char *reason,
                                const struct engine_freeze **ret_left, struct fx_error *err) {
    struct engine_freeze *now = FX_NEW(work->sc, struct engine_freeze);
    struct fx_scope *sc = work->sc;

    FX_TRY(engine_freeze_read(work, now, err));
    const struct engine_freeze *people = engine_freeze_of_people(now);

    if (!now->is_on)
        return fx_fail(err, FX_ERR_INPUT, "changes are not frozen, so there is nothing to end");
    if (people == NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "changes stay frozen, because the audit log does not fit its anchors: %s",
                       engine_freeze_way_out(now));
    if (reason[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT,
                       "a reason is missing, for whoever asks later: unfreeze reason:\"...\"");
    fx_writes_setting_if(sc, &work->writes, ENGINE_FREEZE_SETTING, "", people->stored);
    fx_writes_audit(sc, &work->writes, by, "changes.unfrozen", ENGINE_FREEZE_SETTING,
                    fx_json_object_of(sc, "reason", fx_json_string(sc, reason), "frozen_by",
                                      fx_json_string(sc, people->by), "frozen_for",
                                      fx_json_string(sc, people->reason), NULL));
    *ret_left = people == now ? NULL : now;
    now->and = NULL;
    if (work->engine->options.metrics != NULL)
        fx_metrics_set(work->engine->options.metrics, FX_METRIC_CHANGES_FROZEN, *ret_left != NULL);
    return engine_tell_unfreeze(work, by, reason, *ret_left, err);
}
