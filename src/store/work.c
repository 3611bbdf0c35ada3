/* work.c - a unit of work against whichever database it is: tried, tried again, committed. */
#include "private.h"

#include <string.h>

int64_t store_waiting_ms(void) {
    return fx_mono_ms(fx_clock_system());
}

static enum fx_code try_work(struct store_db *db, struct fx_scope *sc, enum store_mode mode,
                             int64_t deadline_ms, store_work_fn *work, void *what, bool *ret_again,
                             struct fx_error *err) {
    struct store_link *link = NULL;

    *ret_again = false;
    FX_TRY(db->driver->begin(db, mode, deadline_ms, &link, err));
    link->db = db;
    link->sc = sc;
    link->writes = store_mode_writes(mode);
    link->visible = (struct store_hook){0};
    enum fx_code code = work(link, what, err);
    struct store_hook visible = link->visible; /* the link is given back */

    FX_TRY(db->driver->end(link, code, ret_again, err));
    if (!db->driver->shows_early)
        store_hook_run(visible);
    return FX_OK;
}

static enum fx_code run_until(struct store_db *db, struct fx_scope *sc, enum store_mode mode,
                              int64_t deadline_ms, store_work_fn *work, void *what,
                              struct fx_error *err) {
    enum fx_code code = FX_OK;
    bool again = true;

    for (int i = 0; i < db->driver->tries && again; i++)
        code = try_work(db, sc, mode, deadline_ms, work, what, &again, err);
    return code;
}

enum fx_code store_write_until(struct store_db *db, struct fx_scope *sc, int64_t deadline_ms,
                               store_work_fn *work, void *what, struct fx_error *err) {
    return run_until(db, sc, STORE_WRITE, deadline_ms, work, what, err);
}

enum fx_code store_write(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                         void *what, struct fx_error *err) {
    return run_until(store_of(store), sc, STORE_WRITE, store_waiting_ms() + FX_STORE_WAIT_MS, work,
                     what, err);
}

enum fx_code store_write_unsynced(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                                  void *what, struct fx_error *err) {
    return run_until(store_of(store), sc, STORE_WRITE_UNSYNCED,
                     store_waiting_ms() + FX_STORE_WAIT_MS, work, what, err);
}

enum fx_code store_read(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                        void *what, struct fx_error *err) {
    return run_until(store_of(store), sc, STORE_READ, store_waiting_ms() + FX_STORE_WAIT_MS, work,
                     what, err);
}

enum fx_code store_read_kept(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                             void *what, struct fx_error *err) {
    return run_until(store_of(store), sc, STORE_READ_KEPT, store_waiting_ms() + FX_STORE_WAIT_MS,
                     work, what, err);
}

/* ---- statements ---- */

static enum fx_code check_sizes(const struct store_value *values, size_t count,
                                struct fx_error *err) {
    for (size_t i = 0; i < count; i++) {
        size_t len = values[i].text != NULL ? strlen(values[i].text) : 0;

        if (len > FX_STORE_MAX_BODY_BYTES)
            return fx_fail(err, FX_ERR_LIMIT,
                           "a text of %zu bytes is more than the store takes (%d)", len,
                           FX_STORE_MAX_BODY_BYTES);
    }
    return FX_OK;
}

enum fx_code store_query(struct store_link *link, enum store_statement which,
                         const struct store_value *values, size_t count,
                         struct store_rows *ret_rows, struct fx_error *err) {
    *ret_rows = (struct store_rows){.link = link, .which = which};
    FX_TRY(check_sizes(values, count, err));
    ret_rows->open = true;
    return link->db->driver->query(link, which, values, count, ret_rows, err);
}

enum fx_code store_query_arrays(struct store_link *link, enum store_statement which,
                                const struct store_value *values, size_t count, size_t sets,
                                struct store_rows *ret_rows, struct fx_error *err) {
    *ret_rows = (struct store_rows){.link = link, .which = which};
    FX_TRY(check_sizes(values, count * sets, err));
    ret_rows->open = true;
    return link->db->driver->query_arrays(link, which, values, count, sets, ret_rows, err);
}

enum fx_code store_next(struct store_rows *rows, bool *ret_row, struct fx_error *err) {
    return rows->link->db->driver->next(rows, ret_row, err);
}

void store_rows_end(struct store_rows *rows) {
    if (rows->open)
        rows->link->db->driver->rows_end(rows);
    rows->open = false;
}

int64_t store_int(const struct store_rows *rows, int column) {
    return rows->link->db->driver->number(rows, column);
}

const char *store_text(const struct store_rows *rows, int column) {
    size_t len = 0;
    const char *text = rows->link->db->driver->text(rows, column, &len);
    char *copy = fx_slice_dup(rows->link->sc, (struct fx_slice){text, len});

    for (char *at = copy; (at = memchr(at, '\0', len - (size_t)(at - copy))) != NULL;)
        *at = '?';
    return copy;
}

enum fx_code store_exec(struct store_link *link, enum store_statement which,
                        const struct store_value *values, size_t count, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    if (store_sql(link->db->driver, which)[0] == '\0')
        return FX_OK;
    FX_TRY(store_query(link, which, values, count, &rows, err));
    return store_next(&rows, &row, err);
}

enum fx_code store_do(struct store_link *link, enum store_statement which, struct fx_error *err) {
    return store_exec(link, which, NULL, 0, err);
}

enum fx_code store_exec_given(struct store_link *link, enum store_statement which,
                              const struct store_value *values, size_t count, size_t sets,
                              struct fx_error *err) {
    FX_TRY(check_sizes(values, count * sets, err));
    return link->db->driver->exec_given(link, which, values, count, sets, err);
}

enum fx_code store_lock_name(struct store_link *link, enum store_lock kind, const char *name,
                             const char *more, struct fx_error *err) {
    return store_exec(link, STMT_LOCK_NAME, ST_VALUES(st_int(kind), st_text(name), st_text(more)),
                      err);
}
