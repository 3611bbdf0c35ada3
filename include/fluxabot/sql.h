/* sql.h - one PostgreSQL connection: bound parameters, a deadline, a row cap; the only user of
 * libpq.
 *
 * A connection belongs to one thread at a time. Error texts carry the server's message and SQLSTATE
 * (in err->upstream), never the connection string.
 */
#pragma once

#include "fluxabot/base/clock.h"
#include "fluxabot/base/json.h"

struct fx_sql;

enum { FX_SQL_MAX_ROWS = 500, FX_SQL_MAX_PARAMS = 16, FX_SQL_CONNECT_TIMEOUT_S = 3 };

struct fx_sql_options {
    const char *url; /* postgresql://... */
    const char *application_name;
    int statement_timeout_ms; /* 0: 5000 */
    int lock_timeout_ms;      /* 0: 1000 */
    /* Every statement runs inside BEGIN READ ONLY, with the timeouts set for that transaction
     * alone: pg_settings.reset_val then holds the server's own. */
    bool read_only;
};

/* FX_ERR_UNAVAILABLE, with "53300" in err->upstream when the server has no connection left. */
enum fx_code fx_sql_open(struct fx_scope *sc, const struct fx_sql_options *options,
                         struct fx_sql **ret_sql, struct fx_error *err);
void fx_sql_close(struct fx_sql *sql);
/* "user=fluxabot dbname=orders host=db port=5432": what of a connection string says where it leads,
 * and nothing secret; NULL when libpq does not understand it. */
const char *fx_sql_place(struct fx_scope *sc, const char *url);
/* For fx_defer. */
void fx_sql_close_any(void *sql);

/* Runs one statement with $1..$n bound. A parameter is a string, int, real, bool or null; an array
 * of strings becomes text[]. *ret_rows is an array of objects, column -> value: integers, floats
 * and booleans as such, null as null, everything else as text. More than max_rows (0:
 * FX_SQL_MAX_ROWS) is FX_ERR_LIMIT. */
enum fx_code fx_sql_query(struct fx_sql *sql, struct fx_scope *sc, const char *statement,
                          const struct fx_json *params, size_t max_rows, struct fx_json **ret_rows,
                          struct fx_error *err);

/* ---- one statement that changes something ---- */

struct fx_sql_change {
    const char *statement;
    const struct fx_json *params; /* bound, as for fx_sql_query; NULL: none */
    /* Runs before it in the same transaction, without parameters: a lock. NULL or "": nothing. */
    const char *first;
    /* Inside BEGIN and COMMIT, which undoes it when it touches fewer or more rows than it may. Some
     * statements (VACUUM, CREATE INDEX CONCURRENTLY) cannot be. */
    bool in_transaction;
    int64_t min_rows, max_rows; /* with in_transaction; max_rows -1: any number */
    /* Called a few times a second while the answer is awaited, in the caller's thread; NULL. */
    void (*meanwhile)(void *owner);
    void *owner;
};

/* Runs it once, on a connection that is not read_only. It begins, and in a transaction is
 * committed, before fx_scope_send_before(sc) or not at all. err->sent: it may have taken effect,
 * and nobody knows. Without it nothing was changed, except that a statement outside a transaction
 * may leave behind what it had begun (FX_ERR_UPSTREAM, FX_ERR_DENIED). FX_ERR_CONFLICT: it touched
 * another number of rows than it may, and was taken back. FX_ERR_TIMEOUT: it was too late to begin.
 */
enum fx_code fx_sql_change(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                           const struct fx_sql_change *change, int64_t *ret_rows,
                           struct fx_error *err);
