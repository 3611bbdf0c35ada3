/* postgres.c - the PostgreSQL driver: transactions on lent connections, statements and rows.
 *
 * A COMMIT whose answer is lost is the one thing that nobody here can mend: the caller hears
 * FX_ERR_UNAVAILABLE and repeats, or finds it done. Before it nothing has happened yet, so a lost
 * connection and a transaction that stood in another one's way are tried again.
 */
#include "postgres.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* ---- transactions ---- */

static enum fx_code control(struct postgres_link *link, enum store_statement which,
                            struct fx_error *err) {
    PGresult *result = NULL;

    FX_TRY(postgres_ask(link, which, NULL, 0, &result, err));
    PQclear(result);
    return FX_OK;
}

static enum fx_code begin(struct store_db *db, enum store_mode mode, int64_t deadline_ms,
                          struct store_link **ret_link, struct fx_error *err) {
    struct postgres_link *link = NULL;

    FX_TRY(postgres_take(postgres_of(db), deadline_ms, &link, err));
    link->begins = store_mode_writes(mode);
    *ret_link = &link->link;
    return FX_OK;
}

static enum fx_code unknown(struct fx_error *err, const char *why) {
    enum fx_code code =
        fx_fail(err, FX_ERR_UNAVAILABLE,
                "PostgreSQL did not say whether it has committed (%s): this may be done", why);

    err->sent = true;
    return code;
}

static enum fx_code commit(struct postgres_link *link, struct fx_error *err) {
    PGresult *result = NULL;

    link->warned = link->again = false;
    enum fx_code code = postgres_ask(link, STMT_COMMIT, NULL, 0, &result, err);
    bool committed = code == FX_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (link->lost) {
        link->again = false;
        return unknown(err, "the connection was lost");
    }
    FX_TRY(code);
    if (!committed)
        return fx_fail(err, FX_ERR_INTERNAL, "PostgreSQL has undone the transaction");
    /* committed here, while the standby that was to have it too did not answer */
    return link->warned ? unknown(err, "a standby did not confirm it") : FX_OK;
}

static enum fx_code end(struct store_link *lent, enum fx_code code, bool *ret_again,
                        struct fx_error *err) {
    struct postgres_link *link = postgres_link_of(lent);
    struct postgres_db *self = postgres_of(lent->db);
    struct fx_error undo;

    if (code == FX_OK && lent->writes && !link->begins)
        code = commit(link, err);
    *ret_again = code != FX_OK && link->again && store_waiting_ms() < link->deadline_ms;
    if (!link->lost && PQtransactionStatus(link->connection) != PQTRANS_IDLE &&
        control(link, STMT_ROLLBACK, &undo) != FX_OK)
        link->lost = true;
    lent->sc = NULL;
    link->begins = false;
    postgres_give_back(self, link);
    return code;
}

/* ---- rows ---- */

static enum fx_code query(struct store_link *lent, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct store_rows *ret_rows, struct fx_error *err) {
    struct postgres_link *link = postgres_link_of(lent);

    link->again = false;
    FX_TRY(postgres_ask(link, which, values, count, &ret_rows->result, err));
    lent->changed = strtoll(PQcmdTuples(ret_rows->result), NULL, 10);
    return FX_OK;
}

static enum fx_code query_arrays(struct store_link *lent, enum store_statement which,
                                 const struct store_value *values, size_t count, size_t sets,
                                 struct store_rows *ret_rows, struct fx_error *err) {
    struct postgres_link *link = postgres_link_of(lent);
    struct postgres_bound bound;

    link->again = false;
    postgres_bind_arrays(lent->sc, values, count, sets, &bound);
    return postgres_ask_bound(link, which, &bound, &ret_rows->result, err);
}

static enum fx_code next(struct store_rows *rows, bool *ret_row, struct fx_error *err) {
    (void)err;
    *ret_row = rows->row < PQntuples(rows->result);
    rows->row++;
    return FX_OK;
}

static void rows_end(struct store_rows *rows) {
    PQclear(rows->result);
    rows->result = NULL;
}

static int64_t number(const struct store_rows *rows, int column) {
    return strtoll(PQgetvalue(rows->result, rows->row - 1, column), NULL, 10);
}

static const char *text(const struct store_rows *rows, int column, size_t *ret_len) {
    *ret_len = (size_t)PQgetlength(rows->result, rows->row - 1, column);
    return PQgetvalue(rows->result, rows->row - 1, column);
}

static enum fx_code query_each(struct store_link *lent, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err) {
    struct postgres_link *link = postgres_link_of(lent);

    link->again = false;
    return postgres_ask_each(link, which, values, count, sets, ret_numbers, err);
}

const struct store_driver postgres_driver = {
    .statements = store_postgres_statements,
    .begin = begin,
    .end = end,
    .query = query,
    .next = next,
    .rows_end = rows_end,
    .number = number,
    .text = text,
    .query_each = query_each,
    .query_arrays = query_arrays,
    .close = postgres_close_db,
    .tries = POSTGRES_TRIES,
    .batches = POSTGRES_BATCHES,
    .shared = true,
};
