/* recall.c - what steps may know beyond their own run: what was remembered, what ran before. */
#include "private.h"

#include <string.h>

/* Systems and environments do not see each other's. */
static const char *setting_name(struct fx_scope *sc, const struct engine_run *run, const char *kind,
                                const char *name) {
    return fx_printf(sc, "%s:%s/%s:%s", kind, run->row->system, run->row->environment, name);
}

enum fx_code engine_recall(struct engine_run *run, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    const char *value = NULL;

    *ret_value = NULL;
    FX_TRY(store->setting(store, sc, setting_name(sc, run, "step", name), &value, err));
    return value[0] == '\0' ? FX_OK : fx_json_parse(sc, fx_slice_of(value), ret_value, err);
}

enum fx_code engine_remember(struct engine_run *run, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_writes writes = {0};

    fx_writes_setting(sc, &writes, setting_name(sc, run, "step", name), fx_json_dump(sc, value));
    return store->write(store, sc, run->work->job, &writes, err);
}

void engine_note_change(struct engine_run *run, struct fx_scope *sc, struct fx_writes *writes) {
    fx_writes_setting(sc, writes, setting_name(sc, run, "changed", run->row->command),
                      run->row->id);
}

const char *engine_approver(const struct fx_json *values) {
    struct fx_json *value = NULL;
    const char *by = "";
    void *cursor = NULL;

    while (fx_json_next(values, &cursor, NULL, &value))
        if (fx_json_type(value) == FX_JSON_OBJECT && fx_json_get_text(value, "by") != NULL)
            by = fx_json_get_text(value, "by");
    return by;
}

const struct fx_json *engine_approvers(const struct fx_json *values) {
    const struct fx_json *all = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;

    while (fx_json_next(values, &cursor, NULL, &value))
        if (fx_json_type(value) == FX_JSON_OBJECT && fx_json_get_text(value, "by") != NULL)
            all = fx_json_at(value, "all");
    return all;
}

static enum fx_code describe(struct fx_scope *sc, const struct fx_run *row,
                             struct fx_json **ret_run, struct fx_error *err) {
    struct fx_json *values = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(row->values_json), &values, err));
    *ret_run = fx_json_object_of(
        sc, "id", fx_json_string(sc, row->id), "requester", fx_json_string(sc, row->requester),
        "approver", fx_json_string(sc, engine_approver(values)), "state",
        fx_json_string(sc, fx_run_state_name(row->state)), "note", fx_json_string(sc, row->note),
        "started", fx_json_int(sc, row->created_ms), "values", values, NULL);
    return FX_OK;
}

enum fx_code engine_past_run(struct engine_run *run, struct fx_scope *sc, const char *command,
                             const char *id, struct fx_json **ret_run, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_run *row = NULL;

    *ret_run = NULL;
    if (id[0] == '\0')
        FX_TRY(store->setting(store, sc, setting_name(sc, run, "changed", command), &id, err));
    if (id[0] == '\0')
        return FX_OK;
    FX_TRY(store->run(store, sc, id, &row, err));
    if (row == NULL || strcmp(row->command, command) != 0 ||
        strcmp(row->system, run->row->system) != 0 ||
        strcmp(row->environment, run->row->environment) != 0)
        return FX_OK;
    return describe(sc, row, ret_run, err);
}
