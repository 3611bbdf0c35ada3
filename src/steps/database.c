/* database.c - opens a database that system.yaml names: one to read, one to change, or a Redis. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/redis.h"

#include <string.h>

bool database_changes(const struct fx_json *system, const char *name) {
    return fx_json_get_bool(fx_json_at(fx_json_at(system, "databases"), name), "changes", false);
}

bool database_is_redis(const struct fx_json *system, const char *name) {
    const char *kind = fx_json_get_text(fx_json_at(fx_json_at(system, "databases"), name), "kind");

    return kind != NULL && strcmp(kind, "redis") == 0;
}

static enum fx_code refuse_redis(const struct fx_step_context *ctx, const char *name,
                                 struct fx_error *err) {
    if (database_is_redis(ctx->system, name))
        return fx_fail(err, FX_ERR_INPUT, "the database %s is a Redis; ask it with a step redis",
                       name);
    return FX_OK;
}

static enum fx_code find_url(const struct fx_step_context *ctx, const char *name,
                             const char **ret_url, struct fx_error *err) {
    *ret_url = ctx->database_url(ctx, name);
    if (*ret_url == NULL)
        return fx_fail(
            err, FX_ERR_INPUT,
            "the database %s is not configured for %s; put its connection string under databases",
            name, ctx->environment);
    return FX_OK;
}

enum fx_code database_open(const struct fx_step_context *ctx, const char *name,
                           int statement_timeout_ms, struct fx_sql **ret_sql,
                           struct fx_error *err) {
    const char *url = NULL;

    if (database_changes(ctx->system, name))
        return fx_fail(err, FX_ERR_INPUT, "the database %s is for changes, not for questions",
                       name);
    FX_TRY(refuse_redis(ctx, name, err));
    FX_TRY(find_url(ctx, name, &url, err));
    return fx_sql_open(ctx->sc,
                       &(struct fx_sql_options){.url = url,
                                                .application_name = "fluxabot",
                                                .statement_timeout_ms = statement_timeout_ms,
                                                .read_only = true},
                       ret_sql, err);
}

/* Whoever may change is somebody else than whoever asks, or the grants mean nothing. */
static enum fx_code refuse_readers_role(const struct fx_step_context *ctx, const char *name,
                                        const char *url, struct fx_error *err) {
    void *cursor = NULL;
    const char *other = NULL;

    while (fx_json_next(fx_json_at(ctx->system, "databases"), &cursor, &other, NULL)) {
        const char *others = ctx->database_url(ctx, other);

        if (!database_changes(ctx->system, other) && others != NULL && strcmp(others, url) == 0)
            return fx_fail(err, FX_ERR_INPUT,
                           "the database %s has the connection string of %s; give what changes a "
                           "role of its own",
                           name, other);
    }
    return FX_OK;
}

enum fx_code database_open_change(const struct fx_step_context *ctx, const char *name,
                                  int statement_timeout_ms, int lock_timeout_ms,
                                  struct fx_sql **ret_sql, struct fx_error *err) {
    const char *url = NULL;

    if (!database_changes(ctx->system, name))
        return fx_fail(err, FX_ERR_INPUT,
                       "the database %s is for questions; system.yaml marks one for changes with "
                       "`changes: true`",
                       name);
    FX_TRY(refuse_redis(ctx, name, err));
    FX_TRY(find_url(ctx, name, &url, err));
    FX_TRY(refuse_readers_role(ctx, name, url, err));
    return fx_sql_open(ctx->sc,
                       &(struct fx_sql_options){.url = url,
                                                .application_name = "fluxabot",
                                                .statement_timeout_ms = statement_timeout_ms,
                                                .lock_timeout_ms = lock_timeout_ms},
                       ret_sql, err);
}

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

enum fx_code redis_database_open(const struct fx_step_context *ctx, const char *name,
                                 int64_t timeout_ms, struct fx_redis **ret_redis,
                                 struct fx_error *err) {
    struct fx_slice address, options, ca = FX_SLICE("sslrootcert="), file = {0};
    const char *url = NULL;

    if (!database_is_redis(ctx->system, name))
        return fx_fail(err, FX_ERR_INPUT, "the database %s is no Redis", name);
    FX_TRY(find_url(ctx, name, &url, err));
    bool has_options = fx_slice_split(fx_slice_of(url), '?', &address, &options);
    if (has_options && !fx_slice_starts_with(options, ca))
        return fx_fail(err, FX_ERR_INPUT,
                       "behind the ? of a Redis stands sslrootcert=PATH and nothing else");
    if (has_options)
        FX_TRY(
            fx_url_decode(ctx->sc, fx_slice_cut(options, ca.len, options.len), false, &file, err));
    char *own = fx_slice_dup(ctx->sc, address);

    fx_defer(ctx->sc, wipe, own);
    return fx_redis_open(
        &(struct fx_redis_options){
            .url = own, .ca_file = file.ptr, .clock = ctx->clock, .timeout_ms = timeout_ms},
        ret_redis, err);
}
