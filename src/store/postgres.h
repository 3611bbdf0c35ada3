/* postgres.h - what the files of the PostgreSQL driver share. */
#pragma once

#include "private.h"

struct pg_conn;

enum {
    POSTGRES_LINKS = 24,  /* connections of one process: workers, keeper, outbox and the receiver */
    POSTGRES_BATCHES = 2, /* one is being written while the disk is at the other */
    POSTGRES_TRIES = 5, /* of a transaction that another one has ended, or that never came to be */

    POSTGRES_CONNECT_MS = 1500,   /* all hosts of the address together */
    POSTGRES_SILENCE_MS = 1000,   /* bytes that nobody acknowledges, a first one included */
    POSTGRES_STATEMENT_MS = 1400, /* below what the receiver waits, STORE_ACCEPT_MS */
    POSTGRES_LOCK_MS = 1200,      /* above deadlock_timeout, which ends one of two and not both */
    POSTGRES_PAUSE_MS = 3000,     /* between two statements: a frozen process must let go */
    POSTGRES_FIRST_BACKOFF_MS = 100,
    POSTGRES_MAX_BACKOFF_MS = 1000,

    POSTGRES_OPEN_MS = 5000,
    POSTGRES_MIGRATE_MS = 60000, /* another process may be at it, too */
    POSTGRES_CLOSE_MS = 500,

    POSTGRES_MAX_VALUES = 24, /* of one statement */
};

/* Type ids of pg_type.dat, stable since PostgreSQL 7. */
enum { OID_INT8 = 20, OID_TEXT = 25, OID_TEXT_ARRAY = 1009, OID_INT8_ARRAY = 1016 };

/* The values of a statement as libpq wants them; their bytes are of the operation's scope, or in
 * numbers. */
struct postgres_bound {
    size_t count;
    unsigned types[POSTGRES_MAX_VALUES];
    const char *values[POSTGRES_MAX_VALUES];
    int lengths[POSTGRES_MAX_VALUES]; /* of those in binary */
    int formats[POSTGRES_MAX_VALUES]; /* 0: text, 1: binary */
    char numbers[POSTGRES_MAX_VALUES][24];
};

/* One connection; while it is lent it belongs to one thread. */
struct postgres_link {
    struct store_link link;
    struct pg_conn *connection; /* NULL: not open */
    int64_t deadline_ms;        /* of the unit of work under way */
    bool prepared[STMT_COUNT];
    bool lent;
    bool begins; /* a transaction, with its next statement */
    bool lost;   /* of no use any more, and nobody knows what became of the last statement */
    bool again;  /* the last failure was the moment's, and nothing was done */
    bool warned; /* the server had something to say to the last statement */
};

struct postgres_db {
    struct store_db db;
    const char *url;
    int64_t owner; /* this process among those that share the database */

    pthread_mutex_t lock; /* guards what follows, but not a link that is lent */
    pthread_cond_t changed;
    struct postgres_link links[POSTGRES_LINKS];
    int connected;
    int64_t backoff_ms, retry_at_ms; /* after a connection that did not come about */
    struct fx_error why;
};

static inline struct postgres_db *postgres_of(struct store_db *db) {
    return FX_CONTAINER_OF(db, struct postgres_db, db);
}
static inline struct postgres_link *postgres_link_of(struct store_link *link) {
    return FX_CONTAINER_OF(link, struct postgres_link, link);
}

/* -- postgres_connect.c -- */

/* FX_ERR_UNAVAILABLE, or FX_ERR_INPUT for a server that may lose what it acknowledges. */
enum fx_code postgres_connect(struct postgres_db *self, struct postgres_link *link,
                              struct fx_error *err);
/* Accepts one that is not open. */
void postgres_disconnect(struct postgres_link *link);
/* False when the server has hung up since. */
bool postgres_is_alive(struct postgres_link *link);

/* -- postgres_wire.c: one connection, every wait with an end -- */

/* True when the socket is ready for one of these poll events; false at the link's deadline. */
bool postgres_wait(struct postgres_link *link, short events);
/* One statement and its answer, which the caller clears; NULL on failure. */
enum fx_code postgres_ask(struct postgres_link *link, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct pg_result **ret_result, struct fx_error *err);
enum fx_code postgres_ask_bound(struct postgres_link *link, enum store_statement which,
                                const struct postgres_bound *bound, struct pg_result **ret_result,
                                struct fx_error *err);
/* text, or in its place one that PostgreSQL takes. */
const char *postgres_clean(struct fx_scope *sc, const char *text);
/* Several statements without values; the first row of the last one that has any, its columns
 * joined by spaces. For opening only; ret_row may be NULL. */
enum fx_code postgres_script(struct postgres_link *link, struct fx_scope *sc, const char *sql,
                             const char **ret_row, struct fx_error *err);
/* See store_driver. */
enum fx_code postgres_ask_each(struct postgres_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err);

/* -- postgres_arrays.c: many rows as the arrays of their columns -- */

/* See query_arrays of store_driver: values holds rows times count of them. */
void postgres_bind_arrays(struct fx_scope *sc, const struct store_value *values, size_t count,
                          size_t rows, struct postgres_bound *ret_bound);

/* -- postgres_answer.c: what an answer means -- */

/* FX_OK, or what the server's SQLSTATE asks for; sets link->lost and link->again. */
enum fx_code postgres_judge(struct postgres_link *link, const char *doing,
                            const struct pg_result *result, struct fx_error *err);
enum fx_code postgres_lost(struct postgres_link *link, const char *why, struct fx_error *err);
/* The first line of a text of libpq, which is what there is to know. */
const char *postgres_first_line(struct fx_scope *sc, const char *text);

/* -- postgres_pool.c -- */

/* Lends an open connection. Waits for a free one, or for the server to come back, until
 * deadline_ms. */
enum fx_code postgres_take(struct postgres_db *self, int64_t deadline_ms,
                           struct postgres_link **ret_link, struct fx_error *err);
void postgres_give_back(struct postgres_db *self, struct postgres_link *link);

/* -- postgres.c, postgres_open.c, postgres_migrate.c -- */

extern const struct store_driver postgres_driver;
void postgres_close_db(struct store_db *db);
enum fx_code postgres_migrate(struct postgres_link *link, struct fx_scope *sc,
                              struct fx_error *err);
