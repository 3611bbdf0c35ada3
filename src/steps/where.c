/* where.c - where a change is done that its parameters do not say: a service's name is the same in
 * every account, and a database's in every environment. */
#include "change.h"

enum fx_code where_of_aws(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    const char *region = fx_aws_region(ctx->aws);

    (void)params;
    FX_TRY(fx_aws_call(ctx->aws, sc,
                       &(struct fx_aws_call){.service = "sts", .operation = "GetCallerIdentity"},
                       &answer, err));
    const char *account = fx_json_get_text(answer, "Account");

    if (account == NULL)
        return fx_fail(err, FX_ERR_UPSTREAM, "AWS does not say which account the bot acts in");
    /* an address or ARN among the parameters may name another region, and is shown with them */
    *ret_where = fx_json_object_of(
        sc, "Account",
        fx_json_stringf(sc, "%s, by default in %s", account, region == NULL ? "no region" : region),
        NULL);
    return FX_OK;
}

enum fx_code where_of_sql(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err) {
    const char *name = fx_json_get_text(params, "database");
    const char *place = name == NULL ? NULL : ctx->database_place(ctx, name);

    if (place == NULL)
        return fx_fail(
            err, FX_ERR_INPUT,
            "the database %s is not configured for %s; put its connection string under databases",
            name == NULL ? "" : name, ctx->environment);
    *ret_where = fx_json_object_of(ctx->sc, "Database", fx_json_string(ctx->sc, place), NULL);
    return FX_OK;
}
