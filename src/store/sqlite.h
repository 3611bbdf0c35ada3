/* sqlite.h - what the files of the SQLite driver share. */
#pragma once

#include "private.h"

struct sqlite3;
struct sqlite3_file;
struct sqlite_frames;

enum {
    SQLITE_DB_BUSY_TIMEOUT_MS = 1500, /* below the two seconds that the receiver has in all */
    SQLITE_DB_FAULT_MAX = 384,
    SQLITE_LOG_PAGES = 4096, /* before they go into the file: hot ones then go once */
    SQLITE_GIVEN_COLUMNS = STORE_EVENT_VALUES, /* as many as an event has values */
};

/* The rows of the table "given", while a statement reads them. */
struct sqlite_given {
    const struct store_value *values;
    size_t rows;
};

/* How far the write-ahead log is on the disk; see sqlite_log.c. */
struct sqlite_log {
    struct sqlite3_file *file; /* of the connection */
    pthread_mutex_t lock;      /* guards what follows; may be taken within the connection's lock */
    pthread_cond_t changed;
    int64_t written, synced; /* transactions that somebody waits for */
    bool syncing, failed;
};

/* Who brings the log into the file; see sqlite_checkpoint.c. */
struct sqlite_checkpoint {
    /* The connection's lock guards these. */
    int asked_pages;           /* how long the log was when it was asked */
    int log_pages, file_pages; /* of the log: written, and known to be in the file */
    bool passing, began_anew;  /* a pass is under way; the log began anew since it began */

    pthread_mutex_t lock; /* guards what follows; may be taken within the connection's lock */
    pthread_cond_t changed;
    pthread_t thread;
    bool started, wanted, stopping;
};

struct sqlite_db {
    struct store_db db;
    const char *path;

    pthread_mutex_t lock; /* guards what follows */
    struct store_link link;
    struct sqlite_frames *frames; /* NULL until the file is opened */
    struct sqlite3 *connection;
    bool waits;             /* the transaction under way is told only when it is on the disk */
    int64_t changes_before; /* of all transactions before it */
    struct sqlite3_stmt *prepared[STMT_COUNT];
    struct sqlite_given given;
    char fault[SQLITE_DB_FAULT_MAX]; /* why the store stopped; "" while it works */

    struct sqlite_log log;
    struct sqlite_checkpoint checkpoint;
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

/* -- sqlite_log.c -- */

/* After the connection has read from the log for the first time. */
enum fx_code sqlite_log_open(struct sqlite_db *self, struct fx_error *err);
void sqlite_log_init(struct sqlite_log *log);
void sqlite_log_close(struct sqlite_log *log);
/* A sync has failed: nobody knows what the disk has of the log. */
bool sqlite_log_has_failed(struct sqlite_log *log);
/* Within the connection's lock: the number to wait for, behind a commit that changed something or
 * one that only saw what others did. */
int64_t sqlite_log_note(struct sqlite_log *log, bool changed);
/* Without it: until the disk has all up to that number. FX_ERR_UNAVAILABLE: nobody knows what it
 * has, and nobody will. */
enum fx_code sqlite_log_wait(struct sqlite_log *log, int64_t number, struct fx_error *err);

/* -- sqlite_frames.c -- */

/* Files whose write-ahead log is written in one piece for each commit. It outlives every connection
 * that was opened by its name. */
struct sqlite_frames *sqlite_frames_open(struct fx_scope *sc);
const char *sqlite_frames_name(const struct sqlite_frames *self);
void sqlite_frames_close(struct sqlite_frames *self);
/* Of a log that was opened so; SQLite's codes. Flushing is for those who hold the connection's lock
 * and finds nothing behind a commit; syncing is for all, and syncs what was flushed. */
int sqlite_frames_flush(struct sqlite3_file *file);
int sqlite_frames_sync(struct sqlite3_file *file);

/* -- sqlite_checkpoint.c -- */

void sqlite_checkpoint_open(struct sqlite_db *self);
/* On the open connection: from now on a long log is brought into the file. */
void sqlite_checkpoint_begin(struct sqlite_db *self);
/* Waits for its thread, if there is one; nobody may write any more. */
void sqlite_checkpoint_close(struct sqlite_db *self);

/* -- sqlite_open.c -- */

void sqlite_close_db(struct store_db *db);
enum fx_code sqlite_pragma(struct sqlite_db *self, const char *sql, struct fx_error *err);
enum fx_code sqlite_pragma_int(struct sqlite_db *self, const char *pragma, int64_t *ret_value,
                               struct fx_error *err);

/* -- sqlite_given.c -- */

/* Before anything is prepared. */
enum fx_code sqlite_given_open(struct sqlite_db *self, struct fx_error *err);

/* -- sqlite_migrate.c -- */

enum fx_code sqlite_migrate(struct sqlite_db *self, struct fx_error *err);
