/* settings.c - named values, the counts for gauges, and the forgetting of what is over. */
#include "private.h"

/* ---- named values ---- */

static void *read_value(struct fx_scope *sc, const struct store_rows *rows) {
    (void)sc;
    return (void *)(uintptr_t)store_text(rows, 0);
}

static enum fx_code get_setting(struct fx_store *store, struct fx_scope *sc, const char *name,
                                const char **ret_value, struct fx_error *err) {
    char *value = NULL;

    FX_TRY(
        store_one(store, sc, STMT_SETTING_GET, ST_VALUES(st_text(name)), read_value, &value, err));
    *ret_value = value != NULL ? value : "";
    return FX_OK;
}

enum fx_code store_setting_look(struct store_link *link, const char *name, const char **ret_value,
                                struct fx_error *err) {
    char *value = NULL;

    FX_TRY(
        store_read_one(link, STMT_SETTING_GET, ST_VALUES(st_text(name)), read_value, &value, err));
    *ret_value = value != NULL ? value : "";
    return FX_OK;
}

/* Locked by name: a freeze that is begun for the first time has no row yet. */
enum fx_code store_setting_take(struct store_link *link, const char *name, const char **ret_value,
                                struct fx_error *err) {
    FX_TRY(store_lock_name(link, STORE_LOCK_SETTING, name, "", err));
    return store_setting_look(link, name, ret_value, err);
}

enum fx_code store_setting_put(struct store_link *link, const struct fx_setting *setting,
                               struct fx_error *err) {
    FX_TRY(store_lock_name(link, STORE_LOCK_SETTING, setting->name, "", err));
    if (setting->expected == NULL)
        return store_exec(link, STMT_SETTING_PUT,
                          ST_VALUES(st_text(setting->name), st_text(setting->value)), err);
    FX_TRY(store_exec(
        link, STMT_SETTING_PUT_IF,
        ST_VALUES(st_text(setting->name), st_text(setting->value), st_text(setting->expected)),
        err));
    if (link->changed == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "the setting %s has been changed meanwhile",
                       setting->name);
    return FX_OK;
}

/* ---- counts ---- */

struct tally {
    int64_t jobs[4], messages[4]; /* by state */
};

static enum fx_code count_by_state(struct store_link *link, enum store_statement which,
                                   int64_t ret_counts[4], struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    FX_TRY(store_query(link, which, NULL, 0, &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    while (row) {
        ret_counts[store_int(&rows, 0) & 3] = store_int(&rows, 1);
        FX_TRY(store_next(&rows, &row, err));
    }
    return FX_OK;
}

static enum fx_code count_in(struct store_link *link, void *what, struct fx_error *err) {
    struct tally *tally = what;

    *tally = (struct tally){0};
    FX_TRY(count_by_state(link, STMT_JOB_COUNTS, tally->jobs, err));
    return count_by_state(link, STMT_MESSAGE_COUNTS, tally->messages, err);
}

static enum fx_code get_counts(struct fx_store *store, struct fx_scope *sc,
                               struct fx_store_counts *ret_counts, struct fx_error *err) {
    struct tally tally;

    FX_TRY(store_read(store, sc, count_in, &tally, err));
    *ret_counts = (struct fx_store_counts){
        .jobs_ready = tally.jobs[FX_JOB_READY],
        .jobs_leased = tally.jobs[FX_JOB_LEASED],
        .jobs_quarantined = tally.jobs[FX_JOB_QUARANTINED],
        .messages_waiting = tally.messages[FX_MESSAGE_WAITING],
        .messages_sending = tally.messages[FX_MESSAGE_SENDING],
        .messages_failed = tally.messages[FX_MESSAGE_FAILED],
    };
    return FX_OK;
}

/* ---- forgetting ---- */

static enum fx_code prune_in(struct store_link *link, void *what, struct fx_error *err) {
    const int64_t *before_ms = what;

    FX_TRY(store_exec(link, STMT_JOB_PRUNE, ST_VALUES(st_int(*before_ms), st_int(STORE_PRUNE_ROWS)),
                      err));
    FX_TRY(store_exec(link, STMT_MESSAGE_PRUNE,
                      ST_VALUES(st_int(*before_ms), st_int(STORE_PRUNE_ROWS)), err));
    return store_exec(link, STMT_LANE_PRUNE, ST_VALUES(st_int(*before_ms)), err);
}

static enum fx_code prune(struct fx_store *store, struct fx_scope *sc, int64_t before_ms,
                          struct fx_error *err) {
    return store_write(store, sc, prune_in, &before_ms, err);
}

void store_settings_bind(struct fx_store *store) {
    store->setting = get_setting;
    store->counts = get_counts;
    store->prune = prune;
}
