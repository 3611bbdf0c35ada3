/* sqlite_open.c - makes or finds the database file, checks it, and closes it. */
#include "sqlite.h"

#include "fluxabot/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600,
    /* As long as it becomes: to make a file longer costs the disk more than to write over it. */
    WAL_KEPT_BYTES = 2 * SQLITE_LOG_PAGES * (4096 + 24),
    /* Of pages, which stay: enough for a large run and what every commit touches. The rest is one
     * system call away, in the kernel's own cache. */
    CACHE_MAX_KIB = 2 << 10,
    ROW_MAX_BYTES = 4 * FX_STORE_MAX_BODY_BYTES,
    CHECK_MAX_MS = 2000,     /* a start must not wait longer for it */
    CHECK_LOOK_STEPS = 10000 /* of SQLite's machine, between two looks at the clock */
};

/* ---- the file ---- */

static enum fx_code check_directory(struct fx_scope *sc, const char *path, const char **ret_path,
                                    struct fx_error *err) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *given = slash == NULL ? fx_strdup(sc, ".")
                  : slash == path
                      ? fx_strdup(sc, "/")
                      : fx_slice_dup(sc, (struct fx_slice){path, (size_t)(slash - path)});
    char directory[PATH_MAX];

    if (name[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "store.url names the directory %s but no file in it",
                       path);
    /* an absolute path also keeps SQLite from reading a meaning into names like ":memory:" */
    if (realpath(given, directory) == NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the directory %s for the database cannot be used (%s): create it with "
                       "install -d -m 0700 -o USER %s",
                       given, strerror(errno), given);
    if (access(directory, W_OK | X_OK) != 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "the directory %s is not writable for user %u, and the database needs files "
                       "beside it: chown it to that user",
                       directory, (unsigned)geteuid());
    *ret_path = fx_printf(sc, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name);
    return FX_OK;
}

/* Made before SQLite opens it, because SQLite would use the umask's mode. Its journal files take
 * the mode of this one. An existing file is never opened here: closing it would drop the locks that
 * another connection of this process holds on it. */
static enum fx_code prepare_file(const char *path, struct fx_error *err) {
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (fd >= 0) {
        close(fd);
        return FX_OK;
    }

    struct stat st;
    if (errno != EEXIST || stat(path, &st) != 0)
        return fx_fail(err, FX_ERR_INPUT, "the database %s cannot be created (%s)", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fx_fail(err, FX_ERR_INPUT, "%s is not a file: name another one in store.url", path);
    if ((st.st_mode & 077) != 0 && chmod(path, FILE_MODE) != 0)
        return fx_fail(
            err, FX_ERR_INPUT,
            "other users can read %s, and its mode cannot be changed (%s): chmod 0600 it", path,
            strerror(errno));
    if (access(path, R_OK | W_OK) != 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "the database %s is not writable for user %u: chown it to that user", path,
                       (unsigned)geteuid());
    return FX_OK;
}

/* ---- pragmas and scripts ---- */

enum fx_code sqlite_pragma(struct sqlite_db *self, const char *sql, struct fx_error *err) {
    int rc = sqlite3_exec(self->connection, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? FX_OK : sqlite_fail(self, rc, "open", err);
}

enum fx_code sqlite_pragma_int(struct sqlite_db *self, const char *pragma, int64_t *ret_value,
                               struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(self->connection, pragma, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? FX_OK : sqlite_fail(self, rc, pragma, err);
}

/* ---- the connection ---- */

static enum fx_code check_readable(struct sqlite_db *self, struct fx_error *err) {
    int64_t ignored = 0;

    enum fx_code code = sqlite_pragma_int(self, "PRAGMA schema_version", &ignored, err);
    if (code != FX_OK && sqlite3_errcode(self->connection) == SQLITE_NOTADB)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s is no SQLite database: name another file in store.url", self->path);
    return code;
}

/* With NORMAL the log is synced by SQLite before it goes into the file, and at every commit by
 * sqlite_log.c, or a power cut would take acknowledged commits with it. No page goes into the log
 * before its transaction ends: what fits a request fits into memory, and versions of SQLite up to
 * 3.50 lose commits that follow a savepoint whose pages went there and were undone
 * (https://sqlite.org/forum/forumpost/b490f726db). */
static enum fx_code configure(struct sqlite_db *self, struct fx_error *err) {
    const char *sql = fx_printf(self->db.sc,
                                "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; "
                                "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                                "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = %d; "
                                "PRAGMA cache_size = -%d; PRAGMA cache_spill = OFF",
                                WAL_KEPT_BYTES, CACHE_MAX_KIB);

    sqlite3_busy_timeout(self->connection, SQLITE_DB_BUSY_TIMEOUT_MS);
    sqlite3_limit(self->connection, SQLITE_LIMIT_LENGTH, ROW_MAX_BYTES);
    sqlite3_db_config(self->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite_pragma(self, sql, err);
}

/* The check reads the whole file; a large one is looked at as far as there is time. */
static int is_over(void *end_ms) {
    return store_waiting_ms() > *(int64_t *)end_ms;
}

/* *ret_whole false: there was no time for all of it. */
static enum fx_code check_with(struct sqlite_db *self, const char *pragma, int64_t end_ms,
                               bool *ret_whole, struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(self->connection, pragma, -1, &stmt, NULL);
    enum fx_code code = FX_OK;

    sqlite3_progress_handler(self->connection, CHECK_LOOK_STEPS, is_over, &end_ms);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    sqlite3_progress_handler(self->connection, 0, NULL, NULL);
    *ret_whole = rc != SQLITE_INTERRUPT;
    if (*ret_whole && rc != SQLITE_ROW)
        code = sqlite_fail(self, rc, pragma, err);
    else if (*ret_whole && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
        code = fx_fail(err, FX_ERR_UNAVAILABLE,
                       "%s is damaged (%s): keep a copy of it and restore the last backup",
                       self->path, (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return code;
}

/* The quick look first: it gets furthest. The whole one compares indexes with their rows, too, and
 * whether a change was made is looked up in one. */
static enum fx_code check_whole(struct sqlite_db *self, struct fx_error *err) {
    int64_t end_ms = store_waiting_ms() + CHECK_MAX_MS;
    bool whole = false;

    FX_TRY(check_with(self, "PRAGMA quick_check(1)", end_ms, &whole, err));
    if (whole)
        FX_TRY(check_with(self, "PRAGMA integrity_check(1)", end_ms, &whole, err));
    if (!whole)
        fx_log(self->db.sc, FX_LOG_WARN, "store.checked_in_part", FX_S("file", self->path),
               FX_I("limit_ms", CHECK_MAX_MS));
    return FX_OK;
}

static enum fx_code check_journal(struct sqlite_db *self, struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    bool wal =
        sqlite3_prepare_v2(self->connection, "PRAGMA journal_mode", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;

    sqlite3_finalize(stmt);
    if (wal)
        return FX_OK;
    return fx_fail(err, FX_ERR_UNAVAILABLE,
                   "%s lies on a file system without a write-ahead log: put it on a local disk",
                   self->path);
}

static enum fx_code start(struct sqlite_db *self, struct fx_error *err) {
    /* it would count every byte under one lock, and nobody asks; refused once SQLite is at work */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    self->frames = sqlite_frames_open(self->db.sc);
    int rc = sqlite3_open_v2(self->path, &self->connection,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             sqlite_frames_name(self->frames));

    if (rc != SQLITE_OK)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the database %s cannot be opened (%s)", self->path,
                       sqlite3_errstr(rc));
    FX_TRY(check_readable(self, err));
    FX_TRY(configure(self, err));
    FX_TRY(check_whole(self, err)); /* before a migration writes into it */
    FX_TRY(sqlite_migrate(self, err));
    FX_TRY(check_journal(self, err));
    FX_TRY(sqlite_log_open(self, err));
    FX_TRY(sqlite_given_open(self, err));
    sqlite_checkpoint_begin(self);
    return sqlite_prepare_all(self, err);
}

void sqlite_close_db(struct store_db *db) {
    struct sqlite_db *self = sqlite_of(db);

    sqlite_checkpoint_close(self);
    sqlite_finalize_all(self);
    sqlite3_close(self->connection);
    sqlite_frames_close(self->frames);
    sqlite_log_close(&self->log);
    pthread_mutex_destroy(&self->lock);
    store_free(db);
}

static void close_p(struct sqlite_db **self) {
    if (*self != NULL)
        sqlite_close_db(&(*self)->db);
}

enum fx_code store_sqlite_open(struct fx_scope *sc, const char *path, struct fx_clock *clock,
                               struct fx_random *random, struct fx_store **ret_store,
                               struct fx_error *err) {
    const char *absolute = NULL;

    FX_TRY(check_directory(sc, path, &absolute, err));
    FX_TRY(prepare_file(absolute, err));

    struct fx_scope *own = fx_scope_new(NULL);
    FX_CLEANUP(close_p) struct sqlite_db *self = FX_NEW(own, struct sqlite_db);

    store_init(&self->db, own, clock, random, &sqlite_driver);
    self->path = fx_strdup(own, absolute);
    fx_scope_set_log(own, fx_scope_log(sc));
    pthread_mutex_init(&self->lock, NULL);
    sqlite_log_init(&self->log);
    sqlite_checkpoint_open(self);
    FX_TRY(start(self, err));
    *ret_store = &FX_TAKE(self)->db.store;
    return FX_OK;
}
