/* private.h - what the files of the store share: the connection, transactions, statements, rows.
 *
 * Only sqlite.c and open.c speak to SQLite. The other files name a statement of the table in
 * statements.c, give its values in order and read its rows, so they hold no dialect.
 */
#pragma once

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"

#include <pthread.h>

struct sqlite3;
struct sqlite3_stmt;

enum {
    STORE_BUSY_TIMEOUT_MS = 1500, /* below the two seconds that the receiver has in all */
    STORE_FAULT_MAX = 384,
    STORE_ERROR_MAX_CODE_POINTS = 500, /* of a last_error */
    STORE_PRUNE_ROWS = 1000,
};

enum store_statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVE,
    STMT_SAVE_KEEP,
    STMT_SAVE_UNDO,

    STMT_EVENT_SEEN,
    STMT_EVENT_ADD,
    STMT_EVENT_KEY_ADD,
    STMT_EVENT_GET,

    STMT_JOB_ADD,
    STMT_JOB_READY_OF,
    STMT_JOB_SOONER,
    STMT_JOB_FIRST,
    STMT_JOB_LEASE,
    STMT_JOB_DISOWN,
    STMT_JOB_RELEASE,
    STMT_JOB_NEXT,
    STMT_JOB_HELD,
    STMT_JOB_EXTEND,
    STMT_JOB_END,
    STMT_JOB_RETRY,
    STMT_JOB_LIST,
    STMT_JOB_COUNTS,
    STMT_JOB_PRUNE,

    STMT_RUN_PUT,
    STMT_RUN_GET,
    STMT_RUN_LIST,
    STMT_RUN_STOP,
    STMT_RUN_STOPPED,

    STMT_APPROVAL_ADD,
    STMT_APPROVAL_GET,
    STMT_APPROVAL_OF,
    STMT_APPROVAL_PENDING,
    STMT_APPROVAL_DECIDE,
    STMT_APPROVAL_EXPIRE,

    STMT_INTENT_ADD,
    STMT_INTENT_END,
    STMT_INTENT_STATE,
    STMT_INTENT_LIST,

    STMT_INCIDENT_PUT,
    STMT_INCIDENT_UPDATE,
    STMT_INCIDENT_GET,
    STMT_INCIDENT_BY_KEY,
    STMT_INCIDENT_LIST,

    STMT_MESSAGE_WAITING_OF,
    STMT_MESSAGE_DROP,
    STMT_MESSAGE_ADD,
    STMT_MESSAGE_PLACE,
    STMT_MESSAGE_READY,
    STMT_MESSAGE_NEXT,
    STMT_MESSAGE_BEGIN,
    STMT_MESSAGE_GET,
    STMT_MESSAGE_SENDING,
    STMT_MESSAGE_WAIT,
    STMT_MESSAGE_END,
    STMT_MESSAGE_COUNTS,
    STMT_MESSAGE_PRUNE,
    STMT_TS_PUT,
    STMT_TS_GET,

    STMT_AUDIT_LAST,
    STMT_AUDIT_ADD,
    STMT_AUDIT_LIST,
    STMT_AUDIT_OF,

    STMT_SETTING_PUT,
    STMT_SETTING_GET,

    STMT_COUNT,
};

struct store_statement_text {
    const char *name; /* stands in messages about a refused statement */
    const char *sql;
};
extern const struct store_statement_text store_statements[STMT_COUNT];

/* An accept that waits for its commit; see accept.c. */
struct store_request;

struct sqlite_store {
    struct fx_store store;
    struct fx_scope *sc; /* owns this struct and its texts */
    struct fx_clock *clock;
    struct fx_random *random;
    const char *path;

    pthread_mutex_t connection_lock; /* guards what follows */
    struct sqlite3 *db;
    struct sqlite3_stmt *prepared[STMT_COUNT];
    char fault[STORE_FAULT_MAX]; /* why the store stopped; "" while it works */

    pthread_mutex_t queue_lock; /* guards what follows */
    struct store_request *queue_first, *queue_last;
    bool queue_led; /* some accept commits for the others */
};

static inline struct sqlite_store *store_of(struct fx_store *store) {
    return FX_CONTAINER_OF(store, struct sqlite_store, store);
}

/* -- values -- */

struct store_value {
    const char *text; /* NULL: number counts */
    int64_t number;
};
static inline struct store_value st_text(const char *text) {
    return (struct store_value){.text = text != NULL ? text : ""};
}
static inline struct store_value st_int(int64_t number) {
    return (struct store_value){.number = number};
}
#define ST_VALUES(...)                                                                             \
    (const struct store_value[]){__VA_ARGS__},                                                     \
        sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)

/* -- the connection (sqlite.c); the caller holds the lock, by store_begin or store_lock -- */

enum fx_code store_prepare_all(struct sqlite_store *db, struct fx_error *err);
void store_finalize_all(struct sqlite_store *db);
/* Maps rc to a reaction. What a broken disk says stops the store for good. */
enum fx_code store_fail(struct sqlite_store *db, int rc, const char *doing, struct fx_error *err);

/* Takes the lock; fails, without the lock, when the store has stopped. */
enum fx_code store_lock(struct sqlite_store *db, struct fx_error *err);
void store_unlock(struct sqlite_store *db);
/* Takes the lock and begins a transaction that may write. */
enum fx_code store_begin(struct sqlite_store *db, struct fx_error *err);
/* Commits when code is FX_OK, else undoes everything; gives back the lock. The result is what the
 * operation answers. */
enum fx_code store_end(struct sqlite_store *db, enum fx_code code, struct fx_error *err);

enum fx_code store_do(struct sqlite_store *db, enum store_statement which, struct fx_error *err);
enum fx_code store_exec(struct sqlite_store *db, enum store_statement which,
                        const struct store_value *values, size_t count, struct fx_error *err);
/* Rows that the last store_exec changed. */
int64_t store_changed(struct sqlite_store *db);
/* The seq or id that the last insert made. */
int64_t store_inserted(struct sqlite_store *db);

struct store_rows {
    struct sqlite_store *db;
    struct sqlite3_stmt *stmt;
    enum store_statement which;
};
enum fx_code store_query(struct sqlite_store *db, enum store_statement which,
                         const struct store_value *values, size_t count,
                         struct store_rows *ret_rows, struct fx_error *err);
enum fx_code store_next(struct store_rows *rows, bool *ret_row, struct fx_error *err);
void store_rows_end(struct store_rows *rows);
int64_t store_int(const struct store_rows *rows, int column);
/* A NUL inside a text, which only a foreign hand can have put there, is read as '?'. */
const char *store_text(const struct store_rows *rows, struct fx_scope *sc, int column);

/* -- lists -- */

/* Reads one row into a new struct. */
typedef void *store_read_fn(struct fx_scope *sc, const struct store_rows *rows);
/* All rows of a statement; *ret_list is an array of pointers. */
enum fx_code store_read_list(struct sqlite_store *db, struct fx_scope *sc,
                             enum store_statement which, const struct store_value *values,
                             size_t count, store_read_fn *read, void *ret_list, size_t *ret_count,
                             struct fx_error *err);
/* The first row, or NULL. */
enum fx_code store_read_one(struct sqlite_store *db, struct fx_scope *sc,
                            enum store_statement which, const struct store_value *values,
                            size_t count, store_read_fn *read, void *ret_item,
                            struct fx_error *err);
/* The same two behind a lock of their own: a whole read operation. */
enum fx_code store_list(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                        const struct store_value *values, size_t count, store_read_fn *read,
                        void *ret_list, size_t *ret_count, struct fx_error *err);
enum fx_code store_one(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                       const struct store_value *values, size_t count, store_read_fn *read,
                       void *ret_item, struct fx_error *err);
int64_t store_max_rows(size_t max);

/* -- rows that several operations write; inside a transaction -- */

/* What a set of writes needs from clock and redactor, fetched before the lock is taken. */
struct store_batch {
    const struct fx_writes *writes;
    const char **details; /* of the audits, redacted */
    int64_t now_ms;
};
struct store_batch store_batch_of(struct sqlite_store *db, struct fx_scope *sc,
                                  const struct fx_writes *writes);
enum fx_code store_apply(struct sqlite_store *db, struct fx_scope *sc,
                         const struct store_batch *batch, struct fx_error *err);
const char *store_error_text(struct fx_scope *sc, const char *error);

enum fx_code store_job_put(struct sqlite_store *db, const char *kind, const char *subject,
                           int64_t due_ms, struct fx_error *err);
/* FX_ERR_CONFLICT unless job's claim is the newest; a NULL job is always held. */
enum fx_code store_job_held(struct sqlite_store *db, const struct fx_job *job,
                            struct fx_error *err);
enum fx_code store_run_put(struct sqlite_store *db, const struct fx_run *run, struct fx_error *err);
enum fx_code store_approval_add(struct sqlite_store *db, const struct fx_approval *approval,
                                struct fx_error *err);
enum fx_code store_incident_put(struct sqlite_store *db, const struct fx_incident *incident,
                                struct fx_error *err);
enum fx_code store_message_put(struct sqlite_store *db, struct fx_scope *sc,
                               const struct fx_message *message, struct fx_error *err);
enum fx_code store_audit_add(struct sqlite_store *db, struct fx_scope *sc,
                             const struct fx_audit *audit, const char *detail, int64_t now_ms,
                             struct fx_error *err);

/* -- each file fills in its operations -- */

void store_accept_bind(struct fx_store *store);
void store_jobs_bind(struct fx_store *store);
void store_effects_bind(struct fx_store *store);
void store_approvals_bind(struct fx_store *store);
void store_runs_bind(struct fx_store *store);
void store_incidents_bind(struct fx_store *store);
void store_outbox_bind(struct fx_store *store);
void store_audit_bind(struct fx_store *store);
void store_settings_bind(struct fx_store *store);

/* -- opening -- */

enum fx_code store_sqlite_open(struct fx_scope *sc, const char *path, struct fx_clock *clock,
                               struct fx_random *random, struct fx_store **ret_store,
                               struct fx_error *err);
enum fx_code store_migrate(struct sqlite_store *db, struct fx_error *err);
enum fx_code store_pragma_int(struct sqlite_store *db, const char *pragma, int64_t *ret_value,
                              struct fx_error *err);
enum fx_code store_pragma(struct sqlite_store *db, const char *sql, struct fx_error *err);
