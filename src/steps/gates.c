/* gates.c - is the cause of the failures gone? Asked before a redrive is offered, and again before
 * it runs. */
#include "private.h"

#include <string.h>

static enum fx_code probe_database(const struct fx_step_context *ctx, const char *name,
                                   const char **io_text, struct fx_error *err) {
    struct fx_json *rows = NULL;
    struct fx_sql *sql = NULL;
    int64_t began = fx_mono_ms(ctx->clock);
    enum fx_code code = database_open(ctx, name, 0, &sql, err);

    if (code == FX_OK)
        code = fx_sql_query(sql, ctx->sc, "SELECT 1 AS ok", NULL, 1, &rows, err);
    fx_sql_close(sql);
    if (code != FX_OK)
        return fx_fail(err, FX_ERR_CONFLICT, "the %s database does not answer yet (%s)", name,
                       err->message);
    *io_text = fx_printf(ctx->sc, "%s%sthe %s database answers in %lld ms", *io_text,
                         (*io_text)[0] == '\0' ? "" : ", ", name,
                         (long long)(fx_mono_ms(ctx->clock) - began));
    return FX_OK;
}

/* RDS's own word, where the system names its instance: the bot's network path is not the Lambda's.
 */
static enum fx_code probe_instance(const struct fx_step_context *ctx, const char *instance,
                                   const char **io_text, struct fx_error *err) {
    struct fx_json *answer = NULL;

    FX_TRY(fx_aws_call(
        ctx->aws, ctx->sc,
        &(struct fx_aws_call){.service = "rds",
                              .operation = "DescribeDBInstances",
                              .params = fx_json_object_of(ctx->sc, "DBInstanceIdentifier",
                                                          fx_json_string(ctx->sc, instance), NULL)},
        &answer, err));
    const char *status = fx_json_text(fx_json_at_path(answer, "DBInstances.0.DBInstanceStatus"));

    if (status == NULL || strcmp(status, "available") != 0)
        return fx_fail(err, FX_ERR_CONFLICT, "RDS says that %s is %s", instance,
                       status == NULL ? "not there" : status);
    *io_text = fx_printf(ctx->sc, "%s%sRDS calls it available", *io_text,
                         (*io_text)[0] == '\0' ? "" : ", ");
    return FX_OK;
}

/* Several classes may stand behind one gate. */
static bool is_first(struct fx_json *asked, const struct fx_step_context *ctx, const char *kind,
                     const char *name) {
    const char *key = fx_printf(ctx->sc, "%s %s", kind, name);
    bool first = fx_json_at(asked, key) == NULL;

    fx_json_put(asked, key, fx_json_bool(ctx->sc, true));
    return first;
}

enum fx_code check_gates(const struct fx_step_context *ctx, const struct fx_json *classes,
                         const char **ret_text, struct fx_error *err) {
    const struct fx_json *rules = fx_json_at(ctx->system, "dlq_classes");
    struct fx_json *asked = fx_json_object(ctx->sc);

    *ret_text = "";
    for (size_t i = 0; i < fx_json_count(rules); i++) {
        const struct fx_json *rule = fx_json_item(rules, i);
        const struct fx_json *gate = fx_json_at(rule, "gate");
        const char *database = fx_json_get_text(gate, "database");
        const char *instance = fx_json_get_text(gate, "instance");

        if (fx_json_at(classes, class_name(rule)) == NULL || gate == NULL)
            continue;
        if (database != NULL && is_first(asked, ctx, "database", database))
            FX_TRY(probe_database(ctx, database, ret_text, err));
        if (instance != NULL && is_first(asked, ctx, "instance", instance))
            FX_TRY(probe_instance(ctx, instance, ret_text, err));
    }
    return FX_OK;
}
