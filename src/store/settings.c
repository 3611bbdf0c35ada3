/* settings.c - named values, the counts for gauges, and the forgetting of what is over. */
#include "private.h"

/* ---- named values ---- */

static void *read_value(struct fx_scope *sc, const struct store_rows *rows) {
    return (void *)(uintptr_t)store_text(rows, sc, 0);
}

static enum fx_code get_setting(struct fx_store *store, struct fx_scope *sc, const char *name,
                                const char **ret_value, struct fx_error *err) {
    char *value = NULL;

    FX_TRY(
        store_one(store, sc, STMT_SETTING_GET, ST_VALUES(st_text(name)), read_value, &value, err));
    *ret_value = value != NULL ? value : "";
    return FX_OK;
}

/* ---- counts ---- */

static enum fx_code count_by_state(struct sqlite_store *db, enum store_statement which,
                                   int64_t ret_counts[4], struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    FX_TRY(store_query(db, which, NULL, 0, &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    while (row) {
        ret_counts[store_int(&rows, 0) & 3] = store_int(&rows, 1);
        FX_TRY(store_next(&rows, &row, err));
    }
    return FX_OK;
}

static enum fx_code get_counts(struct fx_store *store, struct fx_scope *sc,
                               struct fx_store_counts *ret_counts, struct fx_error *err) {
    struct sqlite_store *db = store_of(store);
    int64_t jobs[4] = {0};
    int64_t messages[4] = {0};

    (void)sc;
    FX_TRY(store_lock(db, err));
    enum fx_code code = count_by_state(db, STMT_JOB_COUNTS, jobs, err);
    if (code == FX_OK)
        code = count_by_state(db, STMT_MESSAGE_COUNTS, messages, err);
    store_unlock(db);
    FX_TRY(code);
    *ret_counts = (struct fx_store_counts){
        .jobs_ready = jobs[FX_JOB_READY],
        .jobs_leased = jobs[FX_JOB_LEASED],
        .jobs_quarantined = jobs[FX_JOB_QUARANTINED],
        .messages_waiting = messages[FX_MESSAGE_WAITING],
        .messages_sending = messages[FX_MESSAGE_SENDING],
        .messages_failed = messages[FX_MESSAGE_FAILED],
    };
    return FX_OK;
}

/* ---- forgetting ---- */

static enum fx_code prune_in(struct sqlite_store *db, int64_t before_ms, struct fx_error *err) {
    FX_TRY(store_exec(db, STMT_JOB_PRUNE, ST_VALUES(st_int(before_ms), st_int(STORE_PRUNE_ROWS)),
                      err));
    return store_exec(db, STMT_MESSAGE_PRUNE,
                      ST_VALUES(st_int(before_ms), st_int(STORE_PRUNE_ROWS)), err);
}

static enum fx_code prune(struct fx_store *store, struct fx_scope *sc, int64_t before_ms,
                          struct fx_error *err) {
    struct sqlite_store *db = store_of(store);

    (void)sc;
    FX_TRY(store_begin(db, err));
    return store_end(db, prune_in(db, before_ms, err), err);
}

void store_settings_bind(struct fx_store *store) {
    store->setting = get_setting;
    store->counts = get_counts;
    store->prune = prune;
}
