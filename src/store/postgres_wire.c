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

/* PostgreSQL refuses what is not UTF-8, and an event is to be kept whatever its sender wrote. */
const char *postgres_clean(struct fx_scope *sc, const char *text) {
    if (fx_slice_is_utf8(fx_slice_of(text)))
        return text;
    return fx_json_text(fx_json_string(sc, text));
}

static void bind(struct fx_scope *sc, const struct store_value *values, size_t count,
                 struct postgres_bound *ret_bound) {
    assert(count <= POSTGRES_MAX_VALUES);
    ret_bound->count = count;
    for (size_t i = 0; i < count; i++) {
        ret_bound->lengths[i] = ret_bound->formats[i] = 0; /* a text, up to its NUL */
        if (values[i].text != NULL) {
            ret_bound->types[i] = OID_TEXT;
            ret_bound->values[i] = postgres_clean(sc, values[i].text);
            continue;
        }
        ret_bound->types[i] = OID_INT8;
        snprintf(ret_bound->numbers[i], sizeof(ret_bound->numbers[i]), "%lld",
                 (long long)values[i].number);
        ret_bound->values[i] = ret_bound->numbers[i];
    }
}

/* The types are those of the values: left to itself the server would guess small integers. */
static enum fx_code prepare(struct postgres_link *link, enum store_statement which,
                            const struct postgres_bound *bound, struct fx_error *err) {
    const char *name = store_statements[which].name;
    PGresult *result = NULL;

    if (link->prepared[which])
        return FX_OK;
    if (PQsendPrepare(link->connection, name, store_sql(&postgres_driver, which), (int)bound->count,
                      bound->types) == 0)
        return hung_up(link, err);
    FX_TRY(receive(link, name, &result, err));
    PQclear(result);
    link->prepared[which] = true;
    return FX_OK;
}

static bool send_prepared(struct postgres_link *link, enum store_statement which,
                          const struct postgres_bound *bound) {
    return PQsendQueryPrepared(link->connection, store_statements[which].name, (int)bound->count,
                               bound->values, bound->lengths, bound->formats, 0) != 0;
}

/* ---- several at once ---- */

static bool start_pipeline(struct postgres_link *link) {
    return PQenterPipelineMode(link->connection) != 0;
}

/* The answers of count statements, up to the end of the pipeline; the caller clears them. The first
 * failure is the one that counts: what was sent after it has not been looked at. */
static enum fx_code read_pipeline(struct postgres_link *link, const char *doing, size_t count,
                                  PGresult **ret_results, struct fx_error *err) {
    enum fx_code code = FX_OK;

    for (size_t i = 0; i <= count;) {
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
        if (i < count && ret_results[i] == NULL)
            ret_results[i] = result;
        else
            PQclear(result);
        if (link->lost || status == PGRES_PIPELINE_SYNC)
            return code;
    }
    return hung_up(link, err);
}

static enum fx_code end_pipeline(struct postgres_link *link, const char *doing, size_t count,
                                 PGresult **ret_results, struct fx_error *err) {
    enum fx_code code = PQpipelineSync(link->connection) == 0 ? hung_up(link, err) : FX_OK;

    memset(ret_results, 0, count * sizeof(PGresult *));
    if (code == FX_OK)
        code = flush(link, err);
    if (code == FX_OK)
        code = read_pipeline(link, doing, count, ret_results, err);
    if (!link->lost && PQexitPipelineMode(link->connection) == 0)
        code = hung_up(link, err);
    return code;
}

static void clear(PGresult **results, size_t count) {
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]);
}

/* BEGIN goes with the first statement: alone it would be a journey for nothing. */
static enum fx_code ask_behind_begin(struct postgres_link *link, enum store_statement which,
                                     const struct postgres_bound *bound, PGresult **ret_result,
                                     struct fx_error *err) {
    const char *begin = store_sql(&postgres_driver, STMT_BEGIN);
    PGresult *results[2] = {NULL};

    link->begins = false;
    if (!start_pipeline(link) ||
        PQsendQueryParams(link->connection, begin, 0, NULL, NULL, NULL, NULL, 0) == 0 ||
        !send_prepared(link, which, bound))
        return hung_up(link, err);
    enum fx_code code =
        end_pipeline(link, store_statements[which].name, FX_COUNT_OF(results), results, err);

    if (code == FX_OK)
        *ret_result = FX_TAKE(results[1]);
    clear(results, FX_COUNT_OF(results));
    return code;
}

/* ---- asking ---- */

enum fx_code postgres_ask_bound(struct postgres_link *link, enum store_statement which,
                                const struct postgres_bound *bound, struct pg_result **ret_result,
                                struct fx_error *err) {
    *ret_result = NULL;
    FX_TRY(prepare(link, which, bound, err));
    if (link->begins)
        return ask_behind_begin(link, which, bound, ret_result, err);
    if (!send_prepared(link, which, bound))
        return hung_up(link, err);
    return receive(link, store_statements[which].name, ret_result, err);
}

/* There is nothing to plan, and ROLLBACK must work when all else fails. */
static enum fx_code ask_plainly(struct postgres_link *link, enum store_statement which,
                                PGresult **ret_result, struct fx_error *err) {
    if (PQsendQuery(link->connection, store_sql(&postgres_driver, which)) == 0)
        return hung_up(link, err);
    return receive(link, store_statements[which].name, ret_result, err);
}

static enum fx_code begin_alone(struct postgres_link *link, struct fx_error *err) {
    PGresult *result = NULL;

    if (!link->begins)
        return FX_OK;
    link->begins = false;
    FX_TRY(ask_plainly(link, STMT_BEGIN, &result, err));
    PQclear(result);
    return FX_OK;
}

enum fx_code postgres_ask(struct postgres_link *link, enum store_statement which,
                          const struct store_value *values, size_t count,
                          struct pg_result **ret_result, struct fx_error *err) {
    struct postgres_bound bound;

    *ret_result = NULL;
    if (which <= STMT_SAVE_UNDO) {
        FX_TRY(begin_alone(link, err));
        return ask_plainly(link, which, ret_result, err);
    }
    bind(link->link.sc, values, count, &bound);
    return postgres_ask_bound(link, which, &bound, ret_result, err);
}

enum fx_code postgres_ask_each(struct postgres_link *link, enum store_statement which,
                               const struct store_value *values, size_t count, size_t sets,
                               int64_t *ret_numbers, struct fx_error *err) {
    PGresult **results = fx_alloc(link->link.sc, sets * sizeof(PGresult *));
    struct postgres_bound bound;

    bind(link->link.sc, values, count, &bound);
    FX_TRY(prepare(link, which, &bound, err));
    FX_TRY(begin_alone(link, err));
    if (!start_pipeline(link))
        return hung_up(link, err);
    for (size_t i = 0; i < sets; i++) {
        bind(link->link.sc, &values[i * count], count, &bound);
        if (!send_prepared(link, which, &bound))
            return hung_up(link, err);
    }
    enum fx_code code = end_pipeline(link, store_statements[which].name, sets, results, err);

    for (size_t i = 0; i < sets && code == FX_OK; i++)
        ret_numbers[i] = strtoll(PQgetvalue(results[i], 0, 0), NULL, 10);
    clear(results, sets);
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
