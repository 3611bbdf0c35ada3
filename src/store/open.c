/* open.c - makes or finds the database file, checks it, and closes it. */
#include "private.h"

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
    WAL_KEPT_BYTES = 16 << 20,
    CACHE_MAX_KIB = 8 << 10,
    ROW_MAX_BYTES = 4 * FX_STORE_MAX_BODY_BYTES
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

/* ---- the connection ---- */

static enum fx_code check_readable(struct sqlite_store *db, struct fx_error *err) {
    int64_t ignored = 0;

    enum fx_code code = store_pragma_int(db, "PRAGMA schema_version", &ignored, err);
    if (code != FX_OK && sqlite3_errcode(db->db) == SQLITE_NOTADB)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s is no SQLite database: name another file in store.url", db->path);
    return code;
}

/* FULL syncs the log at every commit: with NORMAL a power cut takes acknowledged commits with it.
 */
static enum fx_code configure(struct sqlite_store *db, struct fx_error *err) {
    const char *sql = fx_printf(db->sc,
                                "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                                "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                                "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = %d; "
                                "PRAGMA cache_size = -%d",
                                WAL_KEPT_BYTES, CACHE_MAX_KIB);

    sqlite3_busy_timeout(db->db, STORE_BUSY_TIMEOUT_MS);
    sqlite3_limit(db->db, SQLITE_LIMIT_LENGTH, ROW_MAX_BYTES);
    sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return store_pragma(db, sql, err);
}

static enum fx_code check_whole(struct sqlite_store *db, struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    enum fx_code code = FX_OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        code = store_fail(db, rc, "quick_check", err);
    else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
        code = fx_fail(err, FX_ERR_UNAVAILABLE,
                       "%s is damaged (%s): keep a copy of it and restore the last backup",
                       db->path, (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return code;
}

static enum fx_code check_journal(struct sqlite_store *db, struct fx_error *err) {
    struct sqlite3_stmt *stmt = NULL;
    bool wal = sqlite3_prepare_v2(db->db, "PRAGMA journal_mode", -1, &stmt, NULL) == SQLITE_OK &&
               sqlite3_step(stmt) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;

    sqlite3_finalize(stmt);
    if (wal)
        return FX_OK;
    return fx_fail(err, FX_ERR_UNAVAILABLE,
                   "%s lies on a file system without a write-ahead log: put it on a local disk",
                   db->path);
}

static enum fx_code start(struct sqlite_store *db, struct fx_error *err) {
    int rc =
        sqlite3_open_v2(db->path, &db->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc != SQLITE_OK)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the database %s cannot be opened (%s)", db->path,
                       sqlite3_errstr(rc));
    FX_TRY(check_readable(db, err));
    FX_TRY(configure(db, err));
    FX_TRY(store_migrate(db, err));
    FX_TRY(check_journal(db, err));
    FX_TRY(check_whole(db, err));
    return store_prepare_all(db, err);
}

static void sqlite_close(struct fx_store *store) {
    if (store == NULL)
        return;

    struct sqlite_store *db = store_of(store);
    store_finalize_all(db);
    sqlite3_close(db->db);
    pthread_mutex_destroy(&db->connection_lock);
    pthread_mutex_destroy(&db->queue_lock);
    fx_scope_free(db->sc);
}

static void close_p(struct fx_store **store) {
    sqlite_close(*store);
}

enum fx_code store_sqlite_open(struct fx_scope *sc, const char *path, struct fx_clock *clock,
                               struct fx_random *random, struct fx_store **ret_store,
                               struct fx_error *err) {
    const char *absolute = NULL;

    FX_TRY(check_directory(sc, path, &absolute, err));
    FX_TRY(prepare_file(absolute, err));

    struct fx_scope *own = fx_scope_new(NULL);
    struct sqlite_store *db = FX_NEW(own, struct sqlite_store);
    *db = (struct sqlite_store){.sc = own, .clock = clock, .random = random};
    db->path = fx_strdup(own, absolute);
    pthread_mutex_init(&db->connection_lock, NULL);
    pthread_mutex_init(&db->queue_lock, NULL);

    FX_CLEANUP(close_p) struct fx_store *store = &db->store;
    store->close = sqlite_close;
    store_accept_bind(store);
    store_jobs_bind(store);
    store_effects_bind(store);
    store_approvals_bind(store);
    store_runs_bind(store);
    store_incidents_bind(store);
    store_outbox_bind(store);
    store_audit_bind(store);
    store_settings_bind(store);
    FX_TRY(start(db, err));
    *ret_store = FX_TAKE(store);
    return FX_OK;
}

enum fx_code fx_store_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                           struct fx_random *random, struct fx_store **ret_store,
                           struct fx_error *err) {
    struct fx_slice given = fx_slice_of(url);

    *ret_store = NULL;
    if (fx_slice_starts_with(given, FX_SLICE("sqlite://")) && url[9] != '/')
        return fx_fail(err, FX_ERR_INPUT,
                       "store.url wants three slashes before an absolute path: sqlite:///%s",
                       url + 9);
    if (fx_slice_starts_with(given, FX_SLICE("sqlite://")))
        return store_sqlite_open(sc, url + 9, clock, random, ret_store, err);
    if (fx_slice_starts_with(given, FX_SLICE("sqlite:")))
        return store_sqlite_open(sc, url + 7, clock, random, ret_store, err);
    if (fx_slice_starts_with(given, FX_SLICE("postgres")))
        return fx_fail(
            err, FX_ERR_INPUT,
            "this build keeps its store in SQLite only: write sqlite:///PATH in store.url");
    return fx_fail(err, FX_ERR_INPUT,
                   "store.url is not an address of a store: write sqlite:///PATH");
}
