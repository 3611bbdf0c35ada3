/* dlq_cancel.c - the step kind `dlq.cancel`: stops a running move task, now.
 *
 * Cancelling twice does no more than cancelling once. So each attempt has an intent of its own, an
 * attempt whose answer got lost is read back from the list of tasks, and the next one may follow.
 * Moved messages stay moved.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

enum { CANCEL_MAX_ATTEMPTS = 5, CANCEL_LOOK_MS = 1000, CANCEL_KEY_MAX = 32 };

static const struct fx_step_param cancel_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue whose move task is stopped"},
};

/* The newest task there is, and the one that runs; NULL when there is none. */
static enum fx_code find_tasks(const struct fx_step_context *ctx, const struct queue *queue,
                               const struct fx_json **ret_newest,
                               const struct fx_json **ret_running, struct fx_error *err) {
    struct fx_json *answer = NULL;

    *ret_running = NULL;
    FX_TRY(queue_call(ctx, "ListMessageMoveTasks",
                      fx_json_object_of(ctx->sc, "SourceArn", fx_json_string(ctx->sc, queue->arn),
                                        "MaxResults", fx_json_int(ctx->sc, 10), NULL),
                      &answer, err));
    const struct fx_json *tasks = fx_json_at(answer, "Results");

    *ret_newest = fx_json_item(tasks, 0);
    for (size_t i = 0; i < fx_json_count(tasks) && *ret_running == NULL; i++) {
        const char *status = fx_json_get_text(fx_json_item(tasks, i), "Status");

        if (status != NULL && strcmp(status, "RUNNING") == 0)
            *ret_running = fx_json_item(tasks, i);
    }
    return FX_OK;
}

/* Attempts without a recorded outcome: it worked if the task no longer runs. */
static enum fx_code read_back(const struct fx_step_context *ctx,
                              const struct fx_step_effect *effects, size_t count,
                              const struct fx_json *newest, bool still_runs, struct fx_error *err) {
    for (size_t i = 0; i < count; i++)
        if (!effects[i].settled)
            FX_TRY(ctx->host->end_effect(
                ctx->host, ctx->sc, effects[i].key, !still_runs,
                fx_json_object_of(ctx->sc, "read_back", fx_json_copy(ctx->sc, newest), NULL), err));
    return FX_OK;
}

static enum fx_code done(const struct fx_step_context *ctx, const struct queue *queue,
                         const struct fx_json *task, struct fx_step_result *ret_result,
                         struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct queue_depth depth;

    FX_TRY(queue_depth(ctx, queue, &depth, err));
    ret_result->output = fx_json_object_of(
        sc, "moved", fx_json_int(sc, fx_json_get_int(task, "ApproximateNumberOfMessagesMoved", 0)),
        "left", fx_json_int(sc, depth.visible + depth.in_flight), NULL);
    return FX_OK;
}

static enum fx_code attempt(const struct fx_step_context *ctx, const struct queue *queue,
                            const struct fx_json *task, size_t number,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    struct fx_error why = {0};
    char key[CANCEL_KEY_MAX];

    snprintf(key, sizeof key, "cancel-%zu", number);
    FX_TRY(ctx->host->begin_effect(ctx->host, sc, key, task, err));
    enum fx_code code = queue_call(
        ctx, "CancelMessageMoveTask",
        fx_json_object_of(sc, "TaskHandle", fx_json_at(task, "TaskHandle"), NULL), &answer, &why);

    if (code == FX_OK) {
        FX_TRY(ctx->host->end_effect(ctx->host, sc, key, true, answer, err));
        return done(ctx, queue, answer, ret_result, err);
    }
    if (why.sent && code != FX_ERR_CANCELED) { /* it may have worked: look again in a moment */
        *ret_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                              .due_ms = fx_wall_ms(ctx->clock) + CANCEL_LOOK_MS};
        return FX_OK;
    }
    if (!why.sent)
        FX_TRY(ctx->host->end_effect(
            ctx->host, sc, key, false,
            fx_json_object_of(sc, "refused", fx_json_string(sc, why.message), NULL), err));
    *err = why;
    return code;
}

static enum fx_code cancel_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_effect *effects = NULL;
    const struct fx_json *newest = NULL, *running = NULL;
    struct queue queue;
    size_t count = 0;

    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &queue, err));
    FX_TRY(ctx->host->effects(ctx->host, ctx->sc, &effects, &count, err));
    FX_TRY(find_tasks(ctx, &queue, &newest, &running, err));
    FX_TRY(read_back(ctx, effects, count, newest, running != NULL, err));
    if (running == NULL && count > 0)
        return done(ctx, &queue, newest, ret_result, err);
    if (running == NULL)
        return fx_fail(err, FX_ERR_CONFLICT, "no move task of %s is running", queue.name);
    if (count >= CANCEL_MAX_ATTEMPTS)
        return fx_fail(
            err, FX_ERR_UPSTREAM,
            "the move task of %s still runs after %d attempts; cancel it in the SQS console",
            queue.name, CANCEL_MAX_ATTEMPTS);
    return attempt(ctx, &queue, running, count + 1, ret_result, err);
}

static enum fx_effect cancel_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_ABSOLUTE;
}

const struct fx_step_kind step_dlq_cancel = {
    .name = "dlq.cancel",
    .summary = "Stops a running move task at once; no second person is asked.",
    .params = cancel_params,
    .params_count = FX_COUNT_OF(cancel_params),
    .is_stop = true,
    .effect = cancel_effect,
    .run = cancel_run,
};
