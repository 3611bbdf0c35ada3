/* sql.c - the step kind `sql`: one bound statement in a read-only transaction. */
#include "private.h"

#include <stdio.h>
#include <string.h>

enum {
    SQL_MIN_STATEMENT_TIMEOUT_MS = 100,
    SQL_MAX_STATEMENT_TIMEOUT_MS = 30 * 1000, /* of a scan off-peak; a card is waited for */
    SQL_SHOWN_ERROR_BYTES = 300,              /* of the database's words, so that ours fit too */
};

static const struct fx_step_param sql_params[] = {
    {"query", FX_PARAM_TEXT, true, NULL, "one statement, with $1, $2, ... for its parameters"},
    {"database", FX_PARAM_DATABASE, true, NULL, "which database of system.yaml"},
    {"with", FX_PARAM_LIST, false, "[]", "the values of $1, $2, ...; a list of texts is a text[]"},
    {"max_rows", FX_PARAM_INT, false, "100", "more rows than this are an error"},
    {"statement_timeout", FX_PARAM_DURATION, false, "\"5s\"",
     "when the database stops the statement; from 100ms to 30s"},
};

static enum fx_code check_timeout(int64_t timeout_ms, struct fx_error *err) {
    if (timeout_ms < SQL_MIN_STATEMENT_TIMEOUT_MS || timeout_ms > SQL_MAX_STATEMENT_TIMEOUT_MS)
        return fx_fail(err, FX_ERR_INPUT,
                       "statement_timeout is from 100ms to 30s; what takes longer is no question "
                       "for a chat");
    return FX_OK;
}

/* Text of the runbook, never of a person: a template in it would be the injection the seed had. */
static enum fx_code sql_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    struct fx_slice query = fx_json_text_slice(fx_json_at(params, "query"));
    const struct fx_json *timeout = fx_json_at(params, "statement_timeout");

    (void)sc;
    if (database_changes(system, fx_json_get_text(params, "database")))
        return fx_fail(err, FX_ERR_INPUT,
                       "this database is for changes (sql.change); ask through one that reads");
    if (database_is_redis(system, fx_json_get_text(params, "database")))
        return fx_fail(err, FX_ERR_INPUT, "this database is a Redis; ask it with a step redis");
    if (memmem(query.ptr, query.len, "${", 2) != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the statement may hold no ${ }: write $1 and put the value under `with`");
    if (fx_json_type(timeout) == FX_JSON_INT)
        return check_timeout(fx_json_to_int(timeout, 0), err);
    return FX_OK;
}

/* What a person can do about it. */
static const char *advice(enum fx_code code, const struct fx_error *err) {
    const char *state = err->upstream;

    if (strcmp(state, "57014") == 0)
        return "it was stopped and is not tried again; ask when the database is less busy, or "
               "raise statement_timeout in the runbook";
    if (strcmp(state, "55P03") == 0)
        return "somebody holds a lock it needs; look who, then ask again";
    if (strcmp(state, "42501") == 0)
        return "let the database's owner give the bot's role the grants that README.md lists";
    if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0)
        return "see that the connection string names the right database";
    if (strcmp(state, "53300") == 0)
        return "no connection is free; end some, or reserve one for the bot's role";
    if (code == FX_ERR_UNAVAILABLE)
        return "see that it runs, and that it lets the bot's address and role in";
    return NULL;
}

/* A statement that took too long is not repeated: that would load the database once more. */
static enum fx_code explain(const char *database, enum fx_code code, struct fx_error *err) {
    struct fx_error why = *err;
    const char *hint = advice(code, &why);

    if (hint == NULL)
        return code;
    (void)fx_fail(err, code == FX_ERR_TIMEOUT ? FX_ERR_UPSTREAM : code, "%s: %.*s; %s", database,
                  SQL_SHOWN_ERROR_BYTES, why.message, hint);
    snprintf(err->upstream, sizeof err->upstream, "%s", why.upstream);
    return err->code;
}

/* The connection ends with the statement: a runbook of five holds one at a time, not five. */
static enum fx_code ask(const struct fx_step_context *ctx, const struct fx_json *params,
                        struct fx_json **ret_rows, int64_t *ret_connected_ms,
                        struct fx_error *err) {
    const char *database = fx_json_get_text(params, "database");
    int timeout_ms = (int)fx_json_get_int(params, "statement_timeout", 0);
    struct fx_sql *sql = NULL;
    enum fx_code code = database_open(ctx, database, timeout_ms, &sql, err);

    *ret_connected_ms = fx_mono_ms(ctx->clock);
    if (code == FX_OK)
        code = fx_sql_query(sql, ctx->sc, fx_json_get_text(params, "query"),
                            fx_json_at(params, "with"),
                            (size_t)fx_json_get_int(params, "max_rows", 100), ret_rows, err);
    fx_sql_close(sql);
    return code == FX_OK ? FX_OK : explain(database, code, err);
}

static enum fx_code sql_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_json *rows = NULL;
    int64_t began = fx_mono_ms(ctx->clock), connected = 0;

    FX_TRY(check_timeout(fx_json_get_int(params, "statement_timeout", 0), err));
    FX_TRY(ask(ctx, params, &rows, &connected, err));
    ret_result->output = fx_json_object_of(
        ctx->sc, "rows", rows, "count", fx_json_int(ctx->sc, (int64_t)fx_json_count(rows)),
        "connect_ms", fx_json_int(ctx->sc, connected - began), "query_ms",
        fx_json_int(ctx->sc, fx_mono_ms(ctx->clock) - connected), NULL);
    return FX_OK;
}

const struct fx_step_kind step_sql = {
    .name = "sql",
    .summary = "Asks a database one bound question, inside BEGIN READ ONLY; {rows, count, "
               "connect_ms, query_ms}.",
    .params = sql_params,
    .params_count = FX_COUNT_OF(sql_params),
    .shorthand = "query",
    .with = "with",
    .effect = step_reads,
    .check = sql_check,
    .run = sql_run,
};
