/* sql.c - the step kind `sql`: one bound statement in a read-only transaction. */
#include "private.h"

#include <string.h>

static const struct fx_step_param sql_params[] = {
    {"query", FX_PARAM_TEXT, true, NULL, "one statement, with $1, $2, ... for its parameters"},
    {"database", FX_PARAM_DATABASE, true, NULL, "which database of system.yaml"},
    {"with", FX_PARAM_LIST, false, "[]", "the values of $1, $2, ...; a list of texts is a text[]"},
    {"max_rows", FX_PARAM_INT, false, "100", "more rows than this are an error"},
};

/* Text of the runbook, never of a person: a template in it would be the injection the seed had. */
static enum fx_code sql_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    struct fx_slice query = fx_json_text_slice(fx_json_at(params, "query"));

    (void)sc;
    (void)system;
    if (memmem(query.ptr, query.len, "${", 2) != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the statement may hold no ${ }: write $1 and put the value under `with`");
    return FX_OK;
}

static enum fx_code sql_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;
    int64_t began = fx_mono_ms(ctx->clock);

    FX_TRY(database_open(ctx, fx_json_get_text(params, "database"), &sql, err));
    int64_t connected = fx_mono_ms(ctx->clock);

    fx_defer(ctx->sc, fx_sql_close_any, sql);
    FX_TRY(fx_sql_query(sql, ctx->sc, fx_json_get_text(params, "query"), fx_json_at(params, "with"),
                        (size_t)fx_json_get_int(params, "max_rows", 100), &rows, err));
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
