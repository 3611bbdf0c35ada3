/* sqlite.c - the SQLite driver: one connection with its lock, transactions, statements and rows. */
#include "sqlite.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* ---- failures ---- */

/* After a failed write nobody knows what is on the disk, so the store answers nothing any more: a
 * restart reads the truth from the file. */
static enum fx_code stop_for_good(struct sqlite_db *self, struct fx_error *err, const char *what,
                                  const char *advice) {
    if (self->fault[0] == '\0')
        snprintf(self->fault, sizeof(self->fault),
                 "the store has stopped because %s %s: %s, then restart fluxabot", self->path, what,
                 advice);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "%s", self->fault);
}

enum fx_code sqlite_fail(struct sqlite_db *self, int rc, const char *doing, struct fx_error *err) {
    switch (rc & 0xff) { /* the low byte is the primary code, the rest details it */
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fx_fail(err, FX_ERR_UNAVAILABLE,
                       "another process has kept %s locked for more than %d ms", self->path,
                       SQLITE_DB_BUSY_TIMEOUT_MS);
    case SQLITE_FULL:
        return stop_for_good(self, err, "has no room to grow", "free space on its disk");
    case SQLITE_IOERR:
        return stop_for_good(self, err, "cannot be read or written (disk I/O error)",
                             "look at the disk and the kernel's log");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return stop_for_good(self, err, "is no longer writable",
                             "look at the owner of the file and at the mount");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return stop_for_good(self, err, "is damaged",
                             "keep a copy of it and restore the last backup");
    case SQLITE_TOOBIG:
        return fx_fail(err, FX_ERR_LIMIT, "a row would be larger than the store allows");
    default:
        return fx_fail(err, FX_ERR_INTERNAL, "the store could not do \"%s\": %s", doing,
                       sqlite3_errmsg(self->connection));
    }
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

enum fx_code sqlite_prepare_all(struct sqlite_db *self, struct fx_error *err) {
    for (enum store_statement i = 0; i < STMT_COUNT; i++) {
        const char *sql = store_sql(&sqlite_driver, i);
        if (sql[0] == '\0')
            continue;
        int rc = sqlite3_prepare_v3(self->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &self->prepared[i], NULL);
        if (rc != SQLITE_OK)
            return sqlite_fail(self, rc, store_statements[i].name, err);
        check_parameters(self->prepared[i]);
    }
    return FX_OK;
}

void sqlite_finalize_all(struct sqlite_db *self) {
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(self->prepared[i]);
}

static enum fx_code query(struct store_link *link, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct store_rows *ret_rows, struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(link->db);
    struct sqlite3_stmt *stmt = self->prepared[which];

    ret_rows->stmt = stmt;
    assert((int)count == sqlite3_bind_parameter_count(stmt));
    for (size_t i = 0; i < count; i++) {
        /* the caller's text outlives the statement's use: it is reset before we return */
        int rc = values[i].text == NULL
                     ? sqlite3_bind_int64(stmt, (int)i + 1, values[i].number)
                     : sqlite3_bind_text(stmt, (int)i + 1, values[i].text, -1, SQLITE_STATIC);
        if (rc != SQLITE_OK)
            return sqlite_fail(self, rc, store_statements[which].name, err);
    }
    return FX_OK;
}

/* ---- rows ---- */

static enum fx_code next(struct store_rows *rows, bool *ret_row, struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(rows->link->db);
    int rc = sqlite3_step(rows->stmt);

    *ret_row = rc == SQLITE_ROW;
    rows->link->changed = sqlite3_changes64(self->connection);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return FX_OK;
    return sqlite_fail(self, rc, store_statements[rows->which].name, err);
}

static void rows_end(struct store_rows *rows) {
    sqlite3_reset(rows->stmt);
    sqlite3_clear_bindings(rows->stmt);
}

static int64_t number(const struct store_rows *rows, int column) {
    return sqlite3_column_int64(rows->stmt, column);
}

static const char *text(const struct store_rows *rows, int column, size_t *ret_len) {
    const char *value = (const char *)sqlite3_column_text(rows->stmt, column);

    *ret_len = (size_t)sqlite3_column_bytes(rows->stmt, column);
    return value;
}

static enum fx_code exec_given(struct store_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(link->db);

    assert(count == SQLITE_GIVEN_COLUMNS);
    self->given = (struct sqlite_given){.values = values, .rows = sets};
    enum fx_code code = store_do(link, which, err);

    self->given = (struct sqlite_given){0};
    return code;
}

/* ---- lock and transaction ---- */

static enum fx_code begin(struct store_db *db, enum store_mode mode, int64_t deadline_ms,
                          struct store_link **ret_link, struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(db);
    enum fx_code code = FX_OK;

    /* SQLite's own busy timeout is the limit */
    (void)deadline_ms;
    pthread_mutex_lock(&self->lock);
    self->link.db = db;
    if (self->fault[0] != '\0')
        code = fx_fail(err, FX_ERR_UNAVAILABLE, "%s", self->fault);
    else if (store_mode_writes(mode))
        code = store_do(&self->link, STMT_BEGIN, err);
    self->waits = mode == STORE_WRITE || mode == STORE_READ_KEPT;
    self->changes_before = sqlite3_total_changes64(self->connection);
    if (code != FX_OK)
        pthread_mutex_unlock(&self->lock);
    *ret_link = &self->link;
    return code;
}

/* Another version of SQLite may write the log in other pieces: then its end is flushed here. */
static enum fx_code commit(struct store_link *link, struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(link->db);

    FX_TRY(store_do(link, STMT_COMMIT, err));
    int rc = sqlite_frames_flush(self->log.file);

    return rc == SQLITE_OK ? FX_OK : sqlite_fail(self, rc, "write the log", err);
}

static enum fx_code wait_for_disk(struct sqlite_db *self, int64_t number, struct fx_error *err) {
    if (sqlite_log_wait(&self->log, number, err) == FX_OK)
        return FX_OK;
    pthread_mutex_lock(&self->lock);
    enum fx_code code = sqlite_fail(self, SQLITE_IOERR_FSYNC, "sync", err);

    pthread_mutex_unlock(&self->lock);
    return code;
}

static enum fx_code end(struct store_link *link, enum fx_code code, bool *ret_again,
                        struct fx_error *err) {
    struct sqlite_db *self = sqlite_of(link->db);
    struct store_hook visible = link->visible;

    *ret_again = false;
    if (link->writes && code == FX_OK)
        code = commit(link, err);
    /* a failed COMMIT may have rolled back by itself */
    if (link->writes && code != FX_OK && sqlite3_get_autocommit(self->connection) == 0) {
        struct fx_error undo;
        if (store_do(link, STMT_ROLLBACK, &undo) != FX_OK && self->fault[0] == '\0')
            (void)stop_for_good(self, &undo, "could not undo a transaction", "look at its disk");
    }
    bool waits = code == FX_OK && self->waits;
    bool changed = sqlite3_total_changes64(self->connection) != self->changes_before;
    int64_t number = waits ? sqlite_log_note(&self->log, changed) : 0;

    pthread_mutex_unlock(&self->lock);
    if (code == FX_OK)
        store_hook_run(visible);
    return waits ? wait_for_disk(self, number, err) : code;
}

const struct store_driver sqlite_driver = {
    .statements = store_sqlite_statements,
    .begin = begin,
    .end = end,
    .query = query,
    .next = next,
    .rows_end = rows_end,
    .number = number,
    .text = text,
    .exec_given = exec_given,
    .close = sqlite_close_db,
    .tries = 1,
    .batches = 1, /* it has one lock for all that write */
    .shows_early = true,
};
