/* sqlite.c - the SQLite connection: its lock, transactions, statements and rows. */
#include "private.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* ---- failures ---- */

/* After a failed write nobody knows what is on the disk, so the store answers nothing any more: a
 * restart reads the truth from the file. */
static enum fx_code stop_for_good(struct sqlite_store *db, struct fx_error *err, const char *what,
                                  const char *advice) {
    if (db->fault[0] == '\0')
        snprintf(db->fault, sizeof(db->fault),
                 "the store has stopped because %s %s: %s, then restart fluxabot", db->path, what,
                 advice);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "%s", db->fault);
}

enum fx_code store_fail(struct sqlite_store *db, int rc, const char *doing, struct fx_error *err) {
    switch (rc & 0xff) { /* the low byte is the primary code, the rest details it */
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fx_fail(err, FX_ERR_UNAVAILABLE,
                       "another process has kept %s locked for more than %d ms", db->path,
                       STORE_BUSY_TIMEOUT_MS);
    case SQLITE_FULL:
        return stop_for_good(db, err, "has no room to grow", "free space on its disk");
    case SQLITE_IOERR:
        return stop_for_good(db, err, "cannot be read or written (disk I/O error)",
                             "look at the disk and the kernel's log");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return stop_for_good(db, err, "is no longer writable",
                             "look at the owner of the file and at the mount");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return stop_for_good(db, err, "is damaged",
                             "keep a copy of it and restore the last backup");
    case SQLITE_TOOBIG:
        return fx_fail(err, FX_ERR_LIMIT, "a row would be larger than the store allows");
    default:
        return fx_fail(err, FX_ERR_INTERNAL, "the store could not do \"%s\": %s", doing,
                       sqlite3_errmsg(db->db));
    }
}

/* ---- lock and transaction ---- */

enum fx_code store_lock(struct sqlite_store *db, struct fx_error *err) {
    pthread_mutex_lock(&db->connection_lock);
    if (db->fault[0] == '\0')
        return FX_OK;

    enum fx_code code = fx_fail(err, FX_ERR_UNAVAILABLE, "%s", db->fault);
    pthread_mutex_unlock(&db->connection_lock);
    return code;
}

void store_unlock(struct sqlite_store *db) {
    pthread_mutex_unlock(&db->connection_lock);
}

enum fx_code store_begin(struct sqlite_store *db, struct fx_error *err) {
    FX_TRY(store_lock(db, err));

    enum fx_code code = store_do(db, STMT_BEGIN, err);
    if (code != FX_OK)
        store_unlock(db);
    return code;
}

enum fx_code store_end(struct sqlite_store *db, enum fx_code code, struct fx_error *err) {
    if (code == FX_OK)
        code = store_do(db, STMT_COMMIT, err);
    /* a failed COMMIT may have rolled back by itself */
    if (code != FX_OK && sqlite3_get_autocommit(db->db) == 0) {
        struct fx_error undo;
        if (store_do(db, STMT_ROLLBACK, &undo) != FX_OK && db->fault[0] == '\0')
            (void)stop_for_good(db, &undo, "could not undo a transaction", "look at its disk");
    }
    store_unlock(db);
    return code;
}

/* ---- statements ---- */

/* Statements are shared with a dialect where $2 means the second value, so here too it must. */
static void check_parameters(struct sqlite3_stmt *stmt) {
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "$%d", i);
        const char *name = sqlite3_bind_parameter_name(stmt, i);
        assert(name != NULL && strcmp(name, expected) == 0);
    }
}

enum fx_code store_prepare_all(struct sqlite_store *db, struct fx_error *err) {
    for (size_t i = 0; i < STMT_COUNT; i++) {
        const struct store_statement_text *text = &store_statements[i];
        assert(text->sql != NULL);
        int rc = sqlite3_prepare_v3(db->db, text->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->prepared[i], NULL);
        if (rc != SQLITE_OK)
            return store_fail(db, rc, text->name, err);
        check_parameters(db->prepared[i]);
    }
    return FX_OK;
}

void store_finalize_all(struct sqlite_store *db) {
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(db->prepared[i]);
}

static enum fx_code bind(struct sqlite_store *db, enum store_statement which,
                         const struct store_value *values, size_t count, struct fx_error *err) {
    struct sqlite3_stmt *stmt = db->prepared[which];

    assert((int)count == sqlite3_bind_parameter_count(stmt));
    for (size_t i = 0; i < count; i++) {
        int rc = SQLITE_OK;
        if (values[i].text == NULL) {
            rc = sqlite3_bind_int64(stmt, (int)i + 1, values[i].number);
        } else {
            size_t len = strlen(values[i].text);
            if (len > FX_STORE_MAX_BODY_BYTES)
                return fx_fail(err, FX_ERR_LIMIT,
                               "a text of %zu bytes is more than the store takes (%d)", len,
                               FX_STORE_MAX_BODY_BYTES);
            /* the caller's text outlives the statement's use: it is reset before we return */
            rc = sqlite3_bind_text(stmt, (int)i + 1, values[i].text, (int)len, SQLITE_STATIC);
        }
        if (rc != SQLITE_OK)
            return store_fail(db, rc, store_statements[which].name, err);
    }
    return FX_OK;
}

enum fx_code store_exec(struct sqlite_store *db, enum store_statement which,
                        const struct store_value *values, size_t count, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    FX_TRY(store_query(db, which, values, count, &rows, err));
    return store_next(&rows, &row, err);
}

enum fx_code store_do(struct sqlite_store *db, enum store_statement which, struct fx_error *err) {
    return store_exec(db, which, NULL, 0, err);
}

int64_t store_changed(struct sqlite_store *db) {
    return sqlite3_changes64(db->db);
}

int64_t store_inserted(struct sqlite_store *db) {
    return sqlite3_last_insert_rowid(db->db);
}

/* ---- rows ---- */

enum fx_code store_query(struct sqlite_store *db, enum store_statement which,
                         const struct store_value *values, size_t count,
                         struct store_rows *ret_rows, struct fx_error *err) {
    *ret_rows = (struct store_rows){.db = db, .stmt = db->prepared[which], .which = which};
    return bind(db, which, values, count, err);
}

enum fx_code store_next(struct store_rows *rows, bool *ret_row, struct fx_error *err) {
    int rc = sqlite3_step(rows->stmt);

    *ret_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return FX_OK;
    return store_fail(rows->db, rc, store_statements[rows->which].name, err);
}

void store_rows_end(struct store_rows *rows) {
    if (rows->stmt == NULL)
        return;
    sqlite3_reset(rows->stmt);
    sqlite3_clear_bindings(rows->stmt);
    rows->stmt = NULL;
}

int64_t store_int(const struct store_rows *rows, int column) {
    return sqlite3_column_int64(rows->stmt, column);
}

const char *store_text(const struct store_rows *rows, struct fx_scope *sc, int column) {
    const char *text = (const char *)sqlite3_column_text(rows->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(rows->stmt, column);
    char *copy = fx_alloc(sc, len + 1);

    for (size_t i = 0; i < len; i++)
        copy[i] = text[i] != '\0' ? text[i] : '?';
    return copy;
}

/* ---- pragmas and scripts, for opening only ---- */

enum fx_code store_pragma(struct sqlite_store *db, const char *sql, struct fx_error *err) {
    int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? FX_OK : store_fail(db, rc, "open", err);
}

enum fx_code store_pragma_int(struct sqlite_store *db, const char *pragma, int64_t *ret_value,
                              struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->db, pragma, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? FX_OK : store_fail(db, rc, pragma, err);
}
