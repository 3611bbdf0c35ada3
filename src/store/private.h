/* private.h - what the files of the store share: units of work, statements, rows.
 *
 * One implementation of every operation, two databases below it. An operation names statements of
 * the table in statements.c, gives their values in order and reads their rows, so it holds no
 * dialect. A driver (sqlite.c, postgres.c) runs them; work.c stands between the two. Operations
 * are written for the database that lets others in between any two of their statements, which is
 * PostgreSQL: what must not change under them is locked by the statement that reads it, or by name
 * (store_lock_name). SQLite has one lock for all that write and leaves these out.
 */
#pragma once

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"

#include <pthread.h>

struct pg_result;
struct sqlite3_stmt;

enum {
    STORE_SCHEMA_VERSION = 7,          /* the same number means the same rows in both databases */
    STORE_ERROR_MAX_CODE_POINTS = 500, /* of a last_error */
    STORE_PRUNE_ROWS = 1000,
    STORE_BATCH_EVENTS = 256, /* that share one commit */
    STORE_BATCH_BYTES = 8 << 20,
    STORE_LOOKS = 5,        /* at what somebody else has changed in the same moment */
    STORE_ACCEPT_MS = 1600, /* the same for accept: the receiver has two seconds in all */
    STORE_MAX_UNRECORDED = 64,
    STORE_MAX_LANES = 256,  /* looked at in one look at the outbox */
    STORE_RESCUE_MS = 5000, /* between two looks for what processes that are gone have left */
    STORE_STANDBY_KEPT_MS = 24 * 60 * 60 * 1000, /* one that is away may still take over */
    STORE_STANDBY_NOTE_MS = 60 * 1000,           /* between two notes that one was there */
};

enum store_statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVE,
    STMT_SAVE_KEEP,
    STMT_SAVE_UNDO,

    STMT_LOCK_NAME,

    STMT_EVENT_TAKE,
    STMT_EVENTS_KEYS,
    STMT_EVENTS_ADD,
    STMT_EVENT_ADD,
    STMT_EVENT_ADD_GIVEN,
    STMT_EVENT_KEY_ADD,
    STMT_EVENT_KEYS_1,
    STMT_EVENT_KEYS_2,
    STMT_EVENT_KEYS_3,
    STMT_EVENT_KEY_DROP,
    STMT_EVENT_GET,

    STMT_JOB_ADD,
    STMT_JOB_ADD_GIVEN,
    STMT_JOB_READY_OF,
    STMT_JOB_SOONER,
    STMT_JOB_LOOK,
    STMT_JOB_FIRST,
    STMT_JOB_LEASE,
    STMT_JOB_DISOWN,
    STMT_JOB_RELEASE,
    STMT_JOB_NEXT,
    STMT_JOB_NEXT_OF_ALL,
    STMT_JOB_HELD,
    STMT_JOB_EXTEND,
    STMT_JOB_END,
    STMT_JOB_RETRY,
    STMT_JOB_BACK,
    STMT_JOB_REVIVE,
    STMT_JOB_LIST,
    STMT_JOB_COUNTS,
    STMT_JOB_PRUNE,

    STMT_RUN_PUT,
    STMT_RUN_GET,
    STMT_RUN_LIST,
    STMT_RUN_STOP,
    STMT_RUN_STOPPED,
    STMT_RUN_STOPPED_BY,
    STMT_RUN_STOP_TAKE,

    STMT_APPROVAL_ADD,
    STMT_APPROVAL_GET,
    STMT_APPROVAL_TAKE,
    STMT_APPROVAL_TERMS_TAKE,
    STMT_APPROVAL_OF,
    STMT_APPROVAL_PENDING,
    STMT_APPROVAL_DECIDE,
    STMT_APPROVAL_EXPIRE,
    STMT_VOTE_ADD,
    STMT_VOTE_LIST,

    STMT_INTENT_ADD,
    STMT_INTENT_AGAIN,
    STMT_INTENT_NEWEST,
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
    STMT_MESSAGE_AT_ONCE,
    STMT_MESSAGE_NEXT,
    STMT_MESSAGE_BEGIN,
    STMT_MESSAGE_TAKE,
    STMT_MESSAGE_SENDING,
    STMT_MESSAGE_OWN,
    STMT_MESSAGE_WAIT,
    STMT_MESSAGE_END,
    STMT_MESSAGE_LATE,
    STMT_MESSAGE_REPEAT,
    STMT_MESSAGE_COUNTS,
    STMT_MESSAGE_LANE,
    STMT_MESSAGE_POSTED,
    STMT_MESSAGE_PRUNE,
    STMT_LANE_LIST,
    STMT_LANE_BUSY,
    STMT_LANE_TAKE,
    STMT_LANE_FREE,
    STMT_LANE_HOLD,
    STMT_LANE_PRUNE,
    STMT_TS_PUT,
    STMT_TS_GET,

    STMT_AUDIT_LAST,
    STMT_AUDIT_ADD,
    STMT_AUDIT_LIST,
    STMT_AUDIT_OF,

    STMT_SETTING_PUT,
    STMT_SETTING_PUT_IF,
    STMT_SETTING_GET,

    STMT_STANDBYS,

    STMT_STORM_ADD,
    STMT_STORM_GET,
    STMT_STORM_OF,
    STMT_STORM_DUE,
    STMT_STORM_TELL,
    STMT_STORM_JOIN,
    STMT_STORM_STATE,
    STMT_STORM_GROW,
    STMT_STORM_TOUCH,
    STMT_STORM_GROUPS,
    STMT_STORM_ALARMS,

    STMT_COUNT,
};

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

/* -- the driver: what differs between the databases -- */

struct store_db;
struct store_rows;

/* run NULL: nothing. */
struct store_hook {
    void (*run)(void *argument);
    void *argument;
};
static inline void store_hook_run(struct store_hook hook) {
    if (hook.run != NULL)
        hook.run(hook.argument);
}

/* A connection, lent to one unit of work. */
struct store_link {
    struct store_db *db;
    struct fx_scope *sc;       /* of the operation: what is read is allocated here */
    int64_t changed;           /* rows that the last store_exec changed */
    bool writes;               /* inside a transaction */
    struct store_hook visible; /* set by the work: once its commit can be seen */
};

enum store_mode {
    STORE_READ,
    /* What is seen is on the disk when the operation returns. A STORE_READ may see what its author
     * still waits for: whatever follows from it must be written behind it, or leave nothing. */
    STORE_READ_KEPT,
    STORE_WRITE,
    /* Visible at once, and to whoever comes after a crash of this program; a power cut may undo it
     * as if it had not been. What is written later is never kept without it. Where the disk is
     * waited for one process at a time, this spares the wait. */
    STORE_WRITE_UNSYNCED,
};

static inline bool store_mode_writes(enum store_mode mode) {
    return mode == STORE_WRITE || mode == STORE_WRITE_UNSYNCED;
}

struct store_driver {
    const char *const *statements; /* by enum store_statement; NULL: as in the common table */
    /* Lends a connection, within a transaction unless it only reads. Waits until deadline_ms at
     * most, by the machine's monotonic clock. */
    enum fx_code (*begin)(struct store_db *db, enum store_mode mode, int64_t deadline_ms,
                          struct store_link **ret_link, struct fx_error *err);
    /* Commits when code is FX_OK, else undoes everything; takes the connection back. *ret_again:
     * nothing was done, and the same work may succeed now. */
    enum fx_code (*end)(struct store_link *link, enum fx_code code, bool *ret_again,
                        struct fx_error *err);
    enum fx_code (*query)(struct store_link *link, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct store_rows *ret_rows, struct fx_error *err);
    enum fx_code (*next)(struct store_rows *rows, bool *ret_row, struct fx_error *err);
    void (*rows_end)(struct store_rows *rows);
    int64_t (*number)(const struct store_rows *rows, int column); /* 0 for NULL */
    const char *(*text)(const struct store_rows *rows, int column, size_t *ret_len);
    /* The same statement sets times with count values each, sent together: *ret_numbers[i] is the
     * first column of the i-th answer. NULL where that saves nothing. */
    enum fx_code (*query_each)(struct store_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err);
    /* One statement for sets rows of count values each (sets > 0), which it gets as an array for
     * each column. NULL where query_each is. */
    enum fx_code (*query_arrays)(struct store_link *link, enum store_statement which,
                                 const struct store_value *values, size_t count, size_t sets,
                                 struct store_rows *ret_rows, struct fx_error *err);
    /* One statement for all sets with count values each, which it reads as the rows of the table
     * "given". NULL where there is no such table. */
    enum fx_code (*exec_given)(struct store_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               struct fx_error *err);
    /* Closes and frees the store. */
    void (*close)(struct store_db *db);
    int tries;   /* of one unit of work, the first included */
    int batches; /* of accept, that may be on their way at the same time */
    /* end runs link->visible by itself, before it waits for the disk. */
    bool shows_early;
    /* Other processes may be at work on the same database. */
    bool shared;
};

/* -- statements -- */

struct store_statement_text {
    const char *name; /* stands in messages about a refused statement */
    const char *sql;
};
extern const struct store_statement_text store_statements[STMT_COUNT];
/* What differs, by dialect. "" is a statement that this database needs not. */
extern const char *const store_sqlite_statements[STMT_COUNT];
extern const char *const store_postgres_statements[STMT_COUNT];
const char *store_sql(const struct store_driver *driver, enum store_statement which);

/* -- the store -- */

/* An accept that waits for its commit; see accept.c. */
struct store_request;

/* The part of a store that both databases have; a driver's own struct begins with it. */
/* Messages that may stand as being sent and are not; see outbox.c. */
struct store_unrecorded {
    pthread_mutex_t lock;
    size_t count; /* also of those beyond the end of the list */
    int64_t seqs[STORE_MAX_UNRECORDED];
};

struct store_db {
    struct fx_store store;
    struct fx_scope *sc; /* owns the whole store and its texts */
    struct fx_clock *clock;
    struct fx_random *random;
    const struct store_driver *driver;
    _Atomic int64_t rescue_at_ms; /* when to look again; see store_rescue */
    struct store_unrecorded unrecorded;
    _Atomic int people_in_a_row; /* claims since the last one for FX_RANK_MACHINE; see jobs.c */

    pthread_mutex_t queue_lock; /* guards what follows */
    struct store_request *queue_first, *queue_last;
    bool queue_appointed; /* the first knows that it is to commit for the others */
    int queue_under_way;  /* batches that are being committed */
};

static inline struct store_db *store_of(struct fx_store *store) {
    return FX_CONTAINER_OF(store, struct store_db, store);
}
/* Fills in everything but the driver's own. sc is taken over. */
void store_init(struct store_db *db, struct fx_scope *sc, struct fx_clock *clock,
                struct fx_random *random, const struct store_driver *driver);
/* For the driver's close: releases what store_init made, db itself included. */
void store_free(struct store_db *db);

/* -- work (work.c): a transaction, or a look without one -- */

typedef enum fx_code store_work_fn(struct store_link *link, void *what, struct fx_error *err);

/* work may be called more than once: whatever it has done before is undone then. */
enum fx_code store_write(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                         void *what, struct fx_error *err);
enum fx_code store_write_until(struct store_db *db, struct fx_scope *sc, int64_t deadline_ms,
                               store_work_fn *work, void *what, struct fx_error *err);
/* For what is worth nothing after a power cut: see STORE_WRITE_UNSYNCED. */
enum fx_code store_write_unsynced(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                                  void *what, struct fx_error *err);
/* For what leaves the program with no write before it: see STORE_READ_KEPT. */
enum fx_code store_read_kept(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                             void *what, struct fx_error *err);
enum fx_code store_read(struct fx_store *store, struct fx_scope *sc, store_work_fn *work,
                        void *what, struct fx_error *err);
/* Now, by the clock that waiting is measured with: the machine's, also under a fake one. */
int64_t store_waiting_ms(void);

/* As the driver's exec_given. */
enum fx_code store_exec_given(struct store_link *link, enum store_statement which,
                              const struct store_value *values, size_t count, size_t sets,
                              struct fx_error *err);
enum fx_code store_do(struct store_link *link, enum store_statement which, struct fx_error *err);
enum fx_code store_exec(struct store_link *link, enum store_statement which,
                        const struct store_value *values, size_t count, struct fx_error *err);

struct store_rows {
    struct store_link *link;
    enum store_statement which;
    bool open; /* store_rows_end has something to end */
    /* of the driver */
    struct sqlite3_stmt *stmt;
    struct pg_result *result;
    int row;
};
enum fx_code store_query(struct store_link *link, enum store_statement which,
                         const struct store_value *values, size_t count,
                         struct store_rows *ret_rows, struct fx_error *err);
/* The same with query_arrays of the driver. */
enum fx_code store_query_arrays(struct store_link *link, enum store_statement which,
                                const struct store_value *values, size_t count, size_t sets,
                                struct store_rows *ret_rows, struct fx_error *err);
enum fx_code store_next(struct store_rows *rows, bool *ret_row, struct fx_error *err);
void store_rows_end(struct store_rows *rows);
int64_t store_int(const struct store_rows *rows, int column);
/* A NUL inside a text, which only a foreign hand can have put there, is read as '?'. */
const char *store_text(const struct store_rows *rows, int column);

/* What is done by one transaction at a time, by kind. In the order in which they are taken: nobody
 * may take an earlier one while it holds a later one, or two wait for each other. */
enum store_lock {
    STORE_LOCK_INCIDENT = 4,
    STORE_LOCK_SETTING = 5,
    STORE_LOCK_MESSAGE = 1,
    STORE_LOCK_JOB = 2,
    STORE_LOCK_AUDIT = 3,
};
/* Waits until no other transaction holds this name; until the end of ours nobody else gets it. */
enum fx_code store_lock_name(struct store_link *link, enum store_lock kind, const char *name,
                             const char *more, struct fx_error *err);

/* -- lists (rows.c) -- */

/* Reads one row into a new struct. */
typedef void *store_read_fn(struct fx_scope *sc, const struct store_rows *rows);
/* All rows of a statement; *ret_list is an array of pointers. */
enum fx_code store_read_list(struct store_link *link, enum store_statement which,
                             const struct store_value *values, size_t count, store_read_fn *read,
                             void *ret_list, size_t *ret_count, struct fx_error *err);
/* The first row, or NULL. */
enum fx_code store_read_one(struct store_link *link, enum store_statement which,
                            const struct store_value *values, size_t count, store_read_fn *read,
                            void *ret_item, struct fx_error *err);
/* The first column of the first row; *ret_row says whether there is one. */
enum fx_code store_read_int(struct store_link *link, enum store_statement which,
                            const struct store_value *values, size_t count, bool *ret_row,
                            int64_t *ret_number, struct fx_error *err);
/* The first two as a whole read operation. */
enum fx_code store_list(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                        const struct store_value *values, size_t count, store_read_fn *read,
                        void *ret_list, size_t *ret_count, struct fx_error *err);
enum fx_code store_one(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                       const struct store_value *values, size_t count, store_read_fn *read,
                       void *ret_item, struct fx_error *err);
int64_t store_max_rows(size_t max);

/* -- events (accept_rows.c) -- */

enum {
    STORE_EVENT_KEY1 = 5,
    STORE_EVENT_COLUMNS = STORE_EVENT_KEY1 + FX_STORE_EVENT_KEYS,
    STORE_EVENT_VALUES /* with the rank of its job */
};

/* values holds STORE_EVENT_VALUES of each event: as STMT_EVENT_ADD wants them. *ret_added of each:
 * 1, or 0 for a repetition. For drivers with query_arrays, inside a transaction. FX_ERR_CONFLICT:
 * undo everything and take them one by one. */
enum fx_code store_add_event_rows(struct store_link *link, const struct store_value *values,
                                  size_t count, int64_t *ret_added, struct fx_error *err);

/* -- rows that several operations write; inside a transaction -- */

/* What a set of writes needs from clock and redactor, fetched before the lock is taken. */
struct store_batch {
    const struct fx_writes *writes;
    const char **details; /* of the audits, redacted */
    int64_t now_ms;
};
struct store_batch store_batch_of(struct store_db *db, struct fx_scope *sc,
                                  const struct fx_writes *writes);
/* also, unless NULL, is one more job. */
enum fx_code store_apply(struct store_link *link, const struct store_batch *batch,
                         const struct fx_job *also, struct fx_error *err);
const char *store_error_text(struct fx_scope *sc, const char *error);

/* Of job kind, subject, rank and due_ms count. */
enum fx_code store_job_put(struct store_link *link, const struct fx_job *job, struct fx_error *err);
/* FX_ERR_CONFLICT unless job's claim is the newest; a NULL job is always held. */
enum fx_code store_job_held(struct store_link *link, const struct fx_job *job,
                            struct fx_error *err);
/* The same; *ret_until_ms is when its lease ends. */
enum fx_code store_job_lease(struct store_link *link, const struct fx_job *job,
                             int64_t *ret_until_ms, struct fx_error *err);
enum fx_code store_setting_look(struct store_link *link, const char *name, const char **ret_value,
                                struct fx_error *err);
/* Waits for whoever is just writing the setting, and keeps others from it until the end. */
enum fx_code store_setting_take(struct store_link *link, const char *name, const char **ret_value,
                                struct fx_error *err);
enum fx_code store_setting_put(struct store_link *link, const struct fx_setting *setting,
                               struct fx_error *err);
enum fx_code store_run_put(struct store_link *link, const struct fx_run *run, struct fx_error *err);
enum fx_code store_approval_add(struct store_link *link, const struct fx_approval *approval,
                                struct fx_error *err);
/* Locked until the end: a decision waits. NULL when there is none. */
enum fx_code store_approval_take(struct store_link *link, const char *id,
                                 struct fx_approval **ret_approval, struct fx_error *err);
/* The same lock, and only what a change is measured by: a plan may be large, and many changes are
 * made in its name. Of the approval only state and execute_before_ms are filled in. */
enum fx_code store_approval_take_terms(struct store_link *link, const char *id,
                                       struct fx_approval **ret_approval, struct fx_error *err);
enum fx_code store_incident_put(struct store_link *link, const struct fx_incident *incident,
                                struct fx_error *err);
enum fx_code store_setting_put(struct store_link *link, const struct fx_setting *setting,
                               struct fx_error *err);
/* ret_seq: of the new row; may be NULL. */
enum fx_code store_message_put(struct store_link *link, const struct fx_message *message,
                               int64_t *ret_seq, struct fx_error *err);
/* Begins a message that was just put; *ret_begun is NULL when it may not go yet. */
enum fx_code store_message_begin_at_once(struct store_link *link, int64_t seq, int64_t now_ms,
                                         struct fx_message **ret_begun, struct fx_error *err);
/* Whether it stands as being sent nobody knows, but nobody sends it. */
void store_message_unrecorded(struct store_db *db, int64_t seq);
enum fx_code store_storm_put(struct store_link *link, const struct fx_storm_told *told,
                             struct fx_error *err);
enum fx_code store_storm_join(struct store_link *link, const struct fx_storm_member *member,
                              int64_t now_ms, struct fx_error *err);
enum fx_code store_audit_add(struct store_link *link, const struct fx_audit *audit,
                             const char *detail, int64_t now_ms, struct fx_error *err);

/* -- when a lane is free (lanes.c); inside a transaction -- */

/* 0 when it is, else until when it is not. */
enum fx_code store_lane_busy(struct store_link *link, const char *lane, int64_t now_ms,
                             int64_t *ret_until_ms, struct fx_error *err);
/* For the message seq; FX_ERR_THROTTLED when it is not free. */
enum fx_code store_lane_take(struct store_link *link, int64_t seq, int64_t now_ms,
                             struct fx_error *err);
/* The same of its lane; one that is not free is no failure. */
enum fx_code store_lane_try(struct store_link *link, const char *lane, int64_t seq, int64_t now_ms,
                            bool *ret_taken, struct fx_error *err);
/* Its message is no longer under way. A post that is tried again keeps it until not_before_ms. */
enum fx_code store_lane_free(struct store_link *link, const struct fx_message *message,
                             int64_t not_before_ms, struct fx_error *err);
enum fx_code store_method_hold(struct store_link *link, const struct fx_message *message,
                               int64_t until_ms, struct fx_error *err);

/* -- what may arrive late (late.c) -- */

/* An attempt was not answered: until when an older text may still arrive; 0 when that harms
 * nothing. */
int64_t store_late_until(struct store_link *link, const struct fx_message *message);
/* Of one that was sent just now, and after which an older text may arrive until late_ms: it is said
 * once more then, unless a newer one says so in its place. */
enum fx_code store_late_repeat(struct store_link *link, const struct fx_message *message,
                               int64_t late_ms, int64_t now_ms, struct fx_error *err);

/* -- what processes that are gone have left (rescue.c) -- */

/* Where others may work on the same database: looks now and then, and makes free what the gone
 * ones held. Does nothing elsewhere. */
enum fx_code store_rescue(struct fx_store *store, struct fx_scope *sc, struct fx_error *err);
/* may_forget, within a transaction. */
enum fx_code store_may_forget(struct store_link *link, const char **ret_how, struct fx_error *err);
void store_rescue_bind(struct fx_store *store);
store_work_fn store_release_leases;
store_work_fn store_recover_messages;

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
void store_storms_bind(struct fx_store *store);

/* -- opening -- */

enum fx_code store_sqlite_open(struct fx_scope *sc, const char *path, struct fx_clock *clock,
                               struct fx_random *random, struct fx_store **ret_store,
                               struct fx_error *err);
/* url is one that libpq understands. */
enum fx_code store_postgres_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                                 struct fx_random *random, struct fx_store **ret_store,
                                 struct fx_error *err);
