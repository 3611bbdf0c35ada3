/* locks.c - a class that came back after a redrive is left alone for a while.
 *
 * A lock is a time kept per queue and class. It is written by what verifies a redrive and read by
 * whatever is about to call a message safe: a new look at the queue, and the last check before an
 * approved redrive begins.
 */
#include "private.h"

static const char *name_of(const struct fx_step_context *ctx, const struct queue *queue,
                           const char *class) {
    return fx_printf(ctx->sc, "redrive-lock:%s:%s", queue->name, class);
}

enum fx_code lock_class(const struct fx_step_context *ctx, const struct queue *queue,
                        const char *class, int64_t since_ms, int64_t lock_ms, int64_t *ret_until_ms,
                        struct fx_error *err) {
    const char *name = name_of(ctx, queue, class);
    struct fx_json *lock = NULL;

    FX_TRY(ctx->host->recall(ctx->host, ctx->sc, name, &lock, err));
    *ret_until_ms = fx_json_get_int(lock, "until", 0);
    if (lock != NULL && fx_json_get_int(lock, "since", -1) == since_ms)
        return FX_OK;
    *ret_until_ms = fx_wall_ms(ctx->clock) + lock_ms;
    return ctx->host->remember(ctx->host, ctx->sc, name,
                               fx_json_object_of(ctx->sc, "until",
                                                 fx_json_int(ctx->sc, *ret_until_ms), "since",
                                                 fx_json_int(ctx->sc, since_ms), NULL),
                               err);
}

enum fx_code lock_find(const struct fx_step_context *ctx, const struct queue *queue,
                       const char *class, int64_t *ret_until_ms, struct fx_error *err) {
    struct fx_json *lock = NULL;

    *ret_until_ms = 0;
    FX_TRY(ctx->host->recall(ctx->host, ctx->sc, name_of(ctx, queue, class), &lock, err));
    int64_t until = fx_json_get_int(lock, "until", 0);

    if (until > fx_wall_ms(ctx->clock))
        *ret_until_ms = until;
    return FX_OK;
}

enum fx_code lock_refuse(const struct fx_step_context *ctx, const struct queue *queue,
                         const struct fx_json *classes, struct fx_error *err) {
    const char *class = NULL;
    void *cursor = NULL;

    while (fx_json_next(classes, &cursor, &class, NULL)) {
        int64_t until = 0;

        FX_TRY(lock_find(ctx, queue, class, &until, err));
        if (until > 0)
            return fx_fail(err, FX_ERR_CONFLICT,
                           "%s came back after an earlier redrive and is locked until %s", class,
                           fx_time_iso(ctx->sc, until));
    }
    return FX_OK;
}
