/* sqlite.h - what the files of the SQLite driver share. */
#pragma once

#include "private.h"

struct sqlite3;

enum {
    SQLITE_DB_BUSY_TIMEOUT_MS = 1500, /* below the two seconds that the receiver has in all */
    SQLITE_DB_FAULT_MAX = 384,
};

struct sqlite_db {
    struct store_db db;
    const char *path;

    pthread_mutex_t lock; /* guards what follows */
    struct store_link link;
    struct sqlite3 *connection;
    bool unsynced; /* commits do not wait for the disk just now */
    struct sqlite3_stmt *prepared[STMT_COUNT];
    char fault[SQLITE_DB_FAULT_MAX]; /* why the store stopped; "" while it works */
};

static inline struct sqlite_db *sqlite_of(struct store_db *db) {
    return FX_CONTAINER_OF(db, struct sqlite_db, db);
}

/* -- sqlite.c -- */

extern const struct store_driver sqlite_driver;
enum fx_code sqlite_prepare_all(struct sqlite_db *self, struct fx_error *err);
void sqlite_finalize_all(struct sqlite_db *self);
/* Maps rc to a reaction. What a broken disk says stops the store for good. */
enum fx_code sqlite_fail(struct sqlite_db *self, int rc, const char *doing, struct fx_error *err);

/* -- sqlite_open.c -- */

void sqlite_close_db(struct store_db *db);
enum fx_code sqlite_pragma(struct sqlite_db *self, const char *sql, struct fx_error *err);
enum fx_code sqlite_pragma_int(struct sqlite_db *self, const char *pragma, int64_t *ret_value,
                               struct fx_error *err);

/* -- sqlite_migrate.c -- */

enum fx_code sqlite_migrate(struct sqlite_db *self, struct fx_error *err);
