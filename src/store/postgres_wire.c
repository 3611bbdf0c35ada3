/* postgres_wire.c - one connection to PostgreSQL; nothing here waits without an end.
 *
 * libpq is used without blocking, because a server that is frozen or out of reach says nothing and
 * keeps no timeout of its own. Whoever is at its deadline gives the connection up: what became of
 * the statement is then unknown, and only COMMIT makes that matter.
 */
#include "postgres.h"

#include <assert.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type ids of pg_type.dat, stable since PostgreSQL 7. */
enum { OID_INT8 = 20, OID_TEXT = 25 };

/* ---- waiting ---- */

bool postgres_wait(struct postgres_link *link, short events) {
    struct pollfd socket = {.fd = PQsocket(link->connection), .events = events};
    int ready = -1;

    while (ready < 0) {
        int64_t left_ms = link->deadline_ms - store_waiting_ms();
        if (left_ms <= 0)
            return false;
        ready = poll(&socket, 1, (int)left_ms); /* -1: a signal, look at the time again */
    }
    return ready > 0;
}

static enum fx_code no_answer(struct postgres_link *link, struct fx_error *err) {
    return postgres_lost(link, "it gave no answer in time", err);
}

static enum fx_code hung_up(struct postgres_link *link, struct fx_error *err) {
    return postgres_lost(link, PQerrorMessage(link->connection), err);
}

/* Everything on its way; reads meanwhile, or two full buffers would wait for each other. */
static enum fx_code flush(struct postgres_link *link, struct fx_error *err) {
    int rc = 0;

    while ((rc = PQflush(link->connection)) == 1) {
        if (!postgres_wait(link, POLLIN | POLLOUT))
            return no_answer(link, err);
        if (PQconsumeInput(link->connection) == 0)
            return hung_up(link, err);
    }
    return rc == 0 ? FX_OK : hung_up(link, err);
}

/* The next result, NULL after the last one of a statement. */
static enum fx_code next_result(struct postgres_link *link, PGresult **ret_result,
                                struct fx_error *err) {
    while (PQisBusy(link->connection)) {
        if (!postgres_wait(link, POLLIN))
            return no_answer(link, err);
        if (PQconsumeInput(link->connection) == 0)
            return hung_up(link, err);
    }
    *ret_result = PQgetResult(link->connection);
    return FX_OK;
}

/* The one result of a statement; of several the first that failed, or the last. */
static enum fx_code receive(struct postgres_link *link, const char *doing, PGresult **ret_result,
                            struct fx_error *err) {
    enum fx_code code = flush(link, err);
    PGresult *kept = NULL;
    PGresult *result = NULL;

    while (code == FX_OK && (code = next_result(link, &result, err)) == FX_OK && result != NULL) {
        PQclear(kept);
        kept = result;
        code = postgres_judge(link, doing, kept, err);
    }
    /* what follows a failure is no news, but must be read before the next statement */
    while (code != FX_OK && !link->lost) {
        struct fx_error ignored;
        if (next_result(link, &result, &ignored) != FX_OK || result == NULL)
            break;
        PQclear(result);
    }
    if (code == FX_OK && kept == NULL)
        code = hung_up(link, err);
    if (code != FX_OK) {
        PQclear(kept);
        kept = NULL;
    }
    *ret_result = kept;
    return code;
}

/* ---- statements ---- */

/* The values of a statement as libpq wants them. */
struct bound {
    const char *texts[POSTGRES_MAX_VALUES];
    char numbers[POSTGRES_MAX_VALUES][24];
};

/* PostgreSQL refuses what is not UTF-8, and an event is to be kept whatever its sender wrote. */
static const char *clean(struct fx_scope *sc, const char *text) {
    if (fx_slice_is_utf8(fx_slice_of(text)))
        return text;
    return fx_json_text(fx_json_string(sc, text));
}

static void bind(struct fx_scope *sc, const struct store_value *values, size_t count,
                 struct bound *ret_bound) {
    assert(count <= POSTGRES_MAX_VALUES);
    for (size_t i = 0; i < count; i++) {
        if (values[i].text != NULL) {
            ret_bound->texts[i] = clean(sc, values[i].text);
            continue;
        }
        snprintf(ret_bound->numbers[i], sizeof(ret_bound->numbers[i]), "%lld",
                 (long long)values[i].number);
        ret_bound->texts[i] = ret_bound->numbers[i];
    }
}

/* The types are those of the values: left to itself the server would guess small integers. */
static enum fx_code prepare(struct postgres_link *link, enum store_statement which,
                            const struct store_value *values, size_t count, struct fx_error *err) {
    const char *name = store_statements[which].name;
    Oid types[POSTGRES_MAX_VALUES];
    PGresult *result = NULL;

    if (link->prepared[which])
        return FX_OK;
    for (size_t i = 0; i < count; i++)
        types[i] = values[i].text != NULL ? OID_TEXT : OID_INT8;
    if (PQsendPrepare(link->connection, name, store_sql(&postgres_driver, which), (int)count,
                      types) == 0)
        return hung_up(link, err);
    FX_TRY(receive(link, name, &result, err));
    PQclear(result);
    link->prepared[which] = true;
    return FX_OK;
}

static bool send_prepared(struct postgres_link *link, enum store_statement which,
                          const struct store_value *values, size_t count) {
    struct bound bound;

    bind(link->link.sc, values, count, &bound);
    return PQsendQueryPrepared(link->connection, store_statements[which].name, (int)count,
                               bound.texts, NULL, NULL, 0) != 0;
}

enum fx_code postgres_ask(struct postgres_link *link, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct pg_result **ret_result, struct fx_error *err) {
    bool sent = false;

    *ret_result = NULL;
    if (which <= STMT_SAVE_UNDO) { /* nothing to plan, and ROLLBACK must work when all else fails */
        sent = PQsendQuery(link->connection, store_sql(&postgres_driver, which)) != 0;
    } else {
        FX_TRY(prepare(link, which, values, count, err));
        sent = send_prepared(link, which, values, count);
    }
    if (!sent)
        return hung_up(link, err);
    return receive(link, store_statements[which].name, ret_result, err);
}

/* ---- many at once ---- */

static enum fx_code send_each(struct postgres_link *link, enum store_statement which,
                              const struct store_value *values, size_t count, size_t sets,
                              struct fx_error *err) {
    if (PQenterPipelineMode(link->connection) == 0)
        return hung_up(link, err);
    for (size_t i = 0; i < sets; i++)
        if (!send_prepared(link, which, &values[i * count], count))
            return hung_up(link, err);
    if (PQpipelineSync(link->connection) == 0)
        return hung_up(link, err);
    return flush(link, err);
}

/* The answers up to the end of the pipeline. The first failure is the one that counts: what was
 * sent after it has not been looked at. */
static enum fx_code receive_each(struct postgres_link *link, const char *doing, size_t sets,
                                 int64_t *ret_numbers, struct fx_error *err) {
    enum fx_code code = FX_OK;

    for (size_t i = 0; i <= sets;) {
        PGresult *result = NULL;
        struct fx_error later;

        FX_TRY(next_result(link, &result, err));
        if (result == NULL) { /* the end of one answer */
            i++;
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (code == FX_OK && status != PGRES_PIPELINE_SYNC)
            code = postgres_judge(link, doing, result, err);
        else if (status == PGRES_FATAL_ERROR)
            (void)!postgres_judge(link, doing, result, &later);
        if (status == PGRES_TUPLES_OK && i < sets)
            ret_numbers[i] = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        PQclear(result);
        if (link->lost || status == PGRES_PIPELINE_SYNC)
            return code;
    }
    return hung_up(link, err);
}

enum fx_code postgres_ask_each(struct postgres_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err) {
    FX_TRY(prepare(link, which, values, count, err));
    FX_TRY(send_each(link, which, values, count, sets, err));

    enum fx_code code = receive_each(link, store_statements[which].name, sets, ret_numbers, err);

    if (!link->lost && PQexitPipelineMode(link->connection) == 0)
        code = hung_up(link, err);
    return code;
}

/* ---- scripts ---- */

static const char *joined_row(struct fx_scope *sc, const PGresult *result) {
    const char *row = "";

    for (int i = 0; i < PQnfields(result) && PQntuples(result) > 0; i++)
        row = fx_printf(sc, "%s%s%s", row, i == 0 ? "" : " ", PQgetvalue(result, 0, i));
    return row;
}

enum fx_code postgres_script(struct postgres_link *link, struct fx_scope *sc, const char *sql,
                             const char **ret_row, struct fx_error *err) {
    PGresult *result = NULL;

    if (PQsendQuery(link->connection, sql) == 0)
        return hung_up(link, err);
    FX_TRY(receive(link, "open", &result, err));
    if (ret_row != NULL)
        *ret_row = joined_row(sc, result);
    PQclear(result);
    return FX_OK;
}
