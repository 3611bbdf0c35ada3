/* change.c - one statement that changes something, sent once, and what is known when its answer is
 * lost. */
#include "private.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 200 }; /* how soon it is noticed that the work is to stop */

/* A connection that breaks before COMMIT takes its transaction back; without one, the server may go
 * on with what it was told. */
static enum fx_code fail_unknown(struct fx_error *err, const char *what) {
    (void)fx_fail(err, FX_ERR_UNAVAILABLE, "the connection to the database broke while %s", what);
    err->sent = true;
    return err->code;
}

static bool is_late(struct fx_scope *sc, struct fx_clock *clock) {
    int64_t before = fx_scope_send_before(sc);

    return before != 0 && fx_mono_ms(clock) >= before;
}

static enum fx_code fail_late(struct fx_error *err) {
    return fx_fail(err, FX_ERR_TIMEOUT,
                   "the statement was not carried out: it took longer than its promise held");
}

/* Waits for the answer, and leaves when the work is to stop: what was sent goes on. NULL: there is
 * no answer. */
static PGresult *await_result(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                              const struct fx_sql_change *change) {
    struct fx_error ignored;
    PGresult *last = NULL, *next;

    while (PQisBusy(sql->connection)) {
        struct pollfd wire = {.fd = PQsocket(sql->connection), .events = POLLIN};

        if (fx_scope_check(sc, fx_mono_ms(clock), &ignored) != FX_OK)
            return NULL;
        int ready = poll(&wire, 1, LOOK_MS);

        if (ready > 0 && PQconsumeInput(sql->connection) == 0)
            return NULL;
        if (ready == 0 && change->meanwhile != NULL)
            change->meanwhile(change->owner);
    }
    while ((next = PQgetResult(sql->connection)) != NULL) {
        PQclear(last);
        last = next;
    }
    return last;
}

static enum fx_code send(struct fx_sql *sql, struct fx_scope *sc,
                         const struct fx_sql_change *change, struct fx_error *err) {
    const char *texts[FX_SQL_MAX_PARAMS];
    size_t count = fx_json_count(change->params);

    if (count > FX_SQL_MAX_PARAMS)
        return fx_fail(err, FX_ERR_LIMIT, "a statement takes at most %d parameters",
                       FX_SQL_MAX_PARAMS);
    for (size_t i = 0; i < count; i++)
        FX_TRY(sql_bind_param(sc, fx_json_item(change->params, i), &texts[i], err));
    if (PQsendQueryParams(sql->connection, change->statement, (int)count, NULL, texts, NULL, NULL,
                          0) == 0)
        return fail_unknown(err, "the statement was sent");
    return FX_OK;
}

/* A refusal is the server's last word: it is not tried again by itself. */
static enum fx_code run(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                        const struct fx_sql_change *change, int64_t *ret_rows,
                        struct fx_error *err) {
    if (is_late(sc, clock))
        return fail_late(err);
    FX_TRY(send(sql, sc, change, err));
    PGresult *result = await_result(sql, sc, clock, change);

    if (result == NULL || PQstatus(sql->connection) != CONNECTION_OK) {
        PQclear(result);
        return fail_unknown(err, "the statement ran");
    }
    enum fx_code code = sql_check_result(sql, result, err);

    if (code != FX_OK && strncmp(err->upstream, "57P", 3) == 0) { /* the server ends itself */
        PQclear(result);
        return fail_unknown(err, "the statement ran");
    }
    if (code != FX_OK && code != FX_ERR_DENIED)
        err->code = code = FX_ERR_UPSTREAM;
    *ret_rows = code == FX_OK ? strtoll(PQcmdTuples(result), NULL, 10) : 0;
    PQclear(result);
    return code;
}

/* What it touches does not count. */
static enum fx_code run_first(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                              const char *first, struct fx_error *err) {
    int64_t ignored = 0;

    if (first == NULL || first[0] == '\0')
        return FX_OK;
    return run(sql, sc, clock, &(struct fx_sql_change){.statement = first}, &ignored, err);
}

static enum fx_code check_rows(const struct fx_sql_change *change, int64_t rows,
                               struct fx_error *err) {
    if (rows >= change->min_rows && (change->max_rows < 0 || rows <= change->max_rows))
        return FX_OK;
    return fx_fail(err, FX_ERR_CONFLICT,
                   "the statement touched %lld rows, where %lld to %lld were allowed; it was taken "
                   "back",
                   (long long)rows, (long long)change->min_rows, (long long)change->max_rows);
}

static enum fx_code commit(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                           struct fx_error *err) {
    if (is_late(sc, clock))
        return fail_late(err);
    enum fx_code code = sql_run_plain(sql, "COMMIT", err);

    if (code != FX_OK && PQstatus(sql->connection) != CONNECTION_OK)
        return fail_unknown(err, "it was committed");
    return code;
}

enum fx_code fx_sql_change(struct fx_sql *sql, struct fx_scope *sc, struct fx_clock *clock,
                           const struct fx_sql_change *change, int64_t *ret_rows,
                           struct fx_error *err) {
    struct fx_error ignored;

    if (sql->begin[0] != '\0')
        return fx_fail(err, FX_ERR_INTERNAL, "this connection only reads");
    if (!change->in_transaction && change->first != NULL && change->first[0] != '\0')
        return fx_fail(err, FX_ERR_INTERNAL, "without a transaction nothing can run first in it");
    if (!change->in_transaction)
        return run(sql, sc, clock, change, ret_rows, err);
    FX_TRY(sql_run_plain(sql, "BEGIN", err));
    enum fx_code code = run_first(sql, sc, clock, change->first, err);

    if (code == FX_OK)
        code = run(sql, sc, clock, change, ret_rows, err);
    if (code != FX_OK && err->sent)
        err->sent = false; /* without COMMIT it is taken back, whoever notices first */
    if (code == FX_OK)
        code = check_rows(change, *ret_rows, err);
    if (code == FX_OK)
        return commit(sql, sc, clock, err);
    (void)!sql_run_plain(sql, "ROLLBACK", &ignored);
    return code;
}
