/* database.c - opens a database that system.yaml names, read-only. */
#include "private.h"

enum fx_code database_open(const struct fx_step_context *ctx, const char *name,
                           int statement_timeout_ms, struct fx_sql **ret_sql,
                           struct fx_error *err) {
    const char *url = ctx->database_url(ctx, name);

    if (url == NULL)
        return fx_fail(
            err, FX_ERR_INPUT,
            "the database %s is not configured for %s; put its connection string under databases",
            name, ctx->environment);
    return fx_sql_open(ctx->sc,
                       &(struct fx_sql_options){.url = url,
                                                .application_name = "fluxabot",
                                                .statement_timeout_ms = statement_timeout_ms,
                                                .read_only = true},
                       ret_sql, err);
}
