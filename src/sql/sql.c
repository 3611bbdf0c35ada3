/* sql.c - a PostgreSQL connection with its guards, on libpq. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type ids of pg_type.dat, stable since PostgreSQL 7. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701
};

enum { DEFAULT_STATEMENT_TIMEOUT_MS = 5000, DEFAULT_LOCK_TIMEOUT_MS = 1000 };

/* libpq's texts end in a newline and may span lines ("DETAIL: ..."): the first line says it all. */
static enum fx_code fail_with(struct fx_error *err, enum fx_code code, const char *what,
                              const char *message, const char *state) {
    size_t length = strcspn(message == NULL ? "" : message, "\n");
    enum fx_code result =
        fx_fail(err, code, "%s: %.*s", what, (int)length, message == NULL ? "" : message);

    if (err != NULL && state != NULL)
        snprintf(err->upstream, sizeof err->upstream, "%s", state);
    return result;
}

/* Class 57 is operator intervention, 53 missing resources, 08 the connection itself. */
static enum fx_code code_of_state(const char *state, PGconn *connection) {
    if (PQstatus(connection) != CONNECTION_OK || state == NULL)
        return FX_ERR_UNAVAILABLE;
    if (strcmp(state, "57014") == 0)
        return FX_ERR_TIMEOUT; /* query_canceled: the statement's own timeout */
    if (strncmp(state, "57", 2) == 0 || strncmp(state, "53", 2) == 0 ||
        strncmp(state, "08", 2) == 0)
        return FX_ERR_UNAVAILABLE;
    if (strcmp(state, "42501") == 0)
        return FX_ERR_DENIED;
    return FX_ERR_UPSTREAM;
}

enum fx_code sql_check_result(struct fx_sql *sql, PGresult *result, struct fx_error *err) {
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return FX_OK;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return fail_with(err, code_of_state(state, sql->connection),
                     "the database refused the statement",
                     result == NULL ? PQerrorMessage(sql->connection)
                                    : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                     state);
}

enum fx_code sql_run_plain(struct fx_sql *sql, const char *statement, struct fx_error *err) {
    PGresult *result = PQexec(sql->connection, statement);
    enum fx_code code = sql_check_result(sql, result, err);

    PQclear(result);
    return code;
}

static void ignore_notice(void *unused, const char *message) {
    (void)unused;
    (void)message;
}

static int statement_timeout_ms(const struct fx_sql_options *options) {
    return options->statement_timeout_ms == 0 ? DEFAULT_STATEMENT_TIMEOUT_MS
                                              : options->statement_timeout_ms;
}

static int lock_timeout_ms(const struct fx_sql_options *options) {
    return options->lock_timeout_ms == 0 ? DEFAULT_LOCK_TIMEOUT_MS : options->lock_timeout_ms;
}

/* Timeouts of a read-only connection belong to each transaction alone, so that
 * pg_settings.reset_val still tells the server's own. */
static const char *session_options(struct fx_scope *sc, const struct fx_sql_options *options) {
    if (options->read_only)
        return "-c default_transaction_read_only=on";
    return fx_printf(sc, "-c statement_timeout=%d -c lock_timeout=%d",
                     statement_timeout_ms(options), lock_timeout_ms(options));
}

/* libpq gives no SQLSTATE of a refused connection, only the server's words. In another language
 * than English it stays a connection that failed. */
static const char *state_of_refusal(const char *message) {
    static const char *const words[] = {"too many connections", "too many clients",
                                        "connection slots"};

    for (size_t i = 0; i < FX_COUNT_OF(words); i++)
        if (strstr(message, words[i]) != NULL)
            return "53300"; /* too_many_connections */
    return NULL;
}

static enum fx_code fail_to_connect(struct fx_error *err, const char *message) {
    /* behind "connection to server at ... failed: " stands the server's own word, if it gave one */
    const char *word = strstr(message, "FATAL:");

    return fail_with(err, FX_ERR_UNAVAILABLE, "the database cannot be reached",
                     word != NULL ? word : message, state_of_refusal(message));
}

enum fx_code fx_sql_open(struct fx_scope *sc, const struct fx_sql_options *options,
                         struct fx_sql **ret_sql, struct fx_error *err) {
    char connect_timeout[16];
    const char *session = session_options(sc, options);

    snprintf(connect_timeout, sizeof connect_timeout, "%d", FX_SQL_CONNECT_TIMEOUT_S);
    const char *const names[] = {"dbname",  "application_name", "connect_timeout",
                                 "options", "client_encoding",  NULL};
    const char *const values[] = {
        options->url, options->application_name, connect_timeout, session, "UTF8", NULL};
    PGconn *connection = PQconnectdbParams(names, values, 1);

    if (PQstatus(connection) != CONNECTION_OK) {
        enum fx_code code =
            fail_to_connect(err, connection == NULL ? "" : PQerrorMessage(connection));

        PQfinish(connection);
        return code;
    }
    PQsetNoticeProcessor(connection, ignore_notice, NULL);

    struct fx_sql *sql = calloc(1, sizeof *sql);

    if (sql == NULL)
        abort();
    *sql = (struct fx_sql){.connection = connection};
    if (options->read_only)
        snprintf(sql->begin, sizeof sql->begin,
                 "BEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %d",
                 statement_timeout_ms(options), lock_timeout_ms(options));
    *ret_sql = sql;
    return FX_OK;
}

void fx_sql_close(struct fx_sql *sql) {
    if (sql == NULL)
        return;
    PQfinish(sql->connection);
    free(sql);
}

void fx_sql_close_any(void *sql) {
    fx_sql_close(sql);
}

/* PostgreSQL's array literal: {"a","b"} with backslash and quote escaped. */
static enum fx_code array_literal(struct fx_scope *sc, const struct fx_json *array,
                                  const char **ret_text, struct fx_error *err) {
    struct fx_buf buf;

    fx_buf_init(&buf, sc, FX_JSON_MAX_BYTES);
    fx_buf_add_char(&buf, '{');
    for (size_t i = 0; i < fx_json_count(array); i++) {
        const char *text = fx_json_text(fx_json_item(array, i));

        if (text == NULL)
            return fx_fail(err, FX_ERR_INPUT, "an array parameter may hold texts only");
        fx_buf_add_text(&buf, i == 0 ? "\"" : ",\"");
        for (const char *p = text; *p != '\0'; p++) {
            if (*p == '"' || *p == '\\')
                fx_buf_add_char(&buf, '\\');
            fx_buf_add_char(&buf, *p);
        }
        fx_buf_add_char(&buf, '"');
    }
    fx_buf_add_char(&buf, '}');
    if (buf.full)
        return fx_fail(err, FX_ERR_LIMIT, "the array parameter is too large");
    *ret_text = fx_buf_text(&buf);
    return FX_OK;
}

enum fx_code sql_bind_param(struct fx_scope *sc, const struct fx_json *param, const char **ret_text,
                            struct fx_error *err) {
    switch (fx_json_type(param)) {
    case FX_JSON_STRING:
        *ret_text = fx_json_text(param);
        return FX_OK;
    case FX_JSON_NULL:
        *ret_text = NULL;
        return FX_OK;
    case FX_JSON_BOOL:
        *ret_text = fx_json_to_bool(param, false) ? "t" : "f";
        return FX_OK;
    case FX_JSON_INT:
    case FX_JSON_REAL:
        *ret_text = fx_json_dump(sc, param);
        return FX_OK;
    case FX_JSON_ARRAY:
        return array_literal(sc, param, ret_text, err);
    case FX_JSON_OBJECT:
    case FX_JSON_ABSENT:
        break;
    }
    return fx_fail(err, FX_ERR_INPUT, "a parameter is neither text, number, bool, null nor list");
}

static struct fx_json *read_value(struct fx_scope *sc, PGresult *result, int row, int column) {
    if (PQgetisnull(result, row, column))
        return fx_json_null(sc);
    const char *text = PQgetvalue(result, row, column);

    switch (PQftype(result, column)) {
    case OID_BOOL:
        return fx_json_bool(sc, text[0] == 't');
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return fx_json_int(sc, strtoll(text, NULL, 10));
    case OID_FLOAT4:
    case OID_FLOAT8:
        return fx_json_real(sc, strtod(text, NULL));
    default:
        return fx_json_string(sc, text);
    }
}

static struct fx_json *read_rows(struct fx_scope *sc, PGresult *result) {
    struct fx_json *rows = fx_json_array(sc);

    for (int row = 0; row < PQntuples(result); row++) {
        struct fx_json *object = fx_json_object(sc);

        for (int column = 0; column < PQnfields(result); column++)
            fx_json_put(object, PQfname(result, column), read_value(sc, result, row, column));
        fx_json_add(rows, object);
    }
    return rows;
}

static enum fx_code query_bound(struct fx_sql *sql, struct fx_scope *sc, const char *statement,
                                const struct fx_json *params, size_t max_rows,
                                struct fx_json **ret_rows, struct fx_error *err) {
    const char *texts[FX_SQL_MAX_PARAMS];
    size_t count = fx_json_count(params);

    if (count > FX_SQL_MAX_PARAMS)
        return fx_fail(err, FX_ERR_LIMIT, "a statement takes at most %d parameters",
                       FX_SQL_MAX_PARAMS);
    for (size_t i = 0; i < count; i++)
        FX_TRY(sql_bind_param(sc, fx_json_item(params, i), &texts[i], err));

    PGresult *result =
        PQexecParams(sql->connection, statement, (int)count, NULL, texts, NULL, NULL, 0);
    enum fx_code code = sql_check_result(sql, result, err);

    if (code == FX_OK && (size_t)PQntuples(result) > max_rows)
        code = fx_fail(err, FX_ERR_LIMIT, "the statement gave %d rows, more than the %zu allowed",
                       PQntuples(result), max_rows);
    if (code == FX_OK)
        *ret_rows = read_rows(sc, result);
    PQclear(result);
    return code;
}

enum fx_code fx_sql_query(struct fx_sql *sql, struct fx_scope *sc, const char *statement,
                          const struct fx_json *params, size_t max_rows, struct fx_json **ret_rows,
                          struct fx_error *err) {
    struct fx_error ignored;

    if (max_rows == 0)
        max_rows = FX_SQL_MAX_ROWS;
    if (sql->begin[0] == '\0')
        return query_bound(sql, sc, statement, params, max_rows, ret_rows, err);

    FX_TRY(sql_run_plain(sql, sql->begin, err));
    enum fx_code code = query_bound(sql, sc, statement, params, max_rows, ret_rows, err);

    /* nothing was written, so how the transaction ends does not change the answer */
    (void)!sql_run_plain(sql, "ROLLBACK", &ignored);
    return code;
}
