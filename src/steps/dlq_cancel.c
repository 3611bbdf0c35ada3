/* dlq_cancel.c - the step kind `dlq.cancel`: stops a running move task, now.
 *
 * Cancelling twice does no more than cancelling once, so what an earlier attempt began is simply
 * finished. Moved messages stay moved.
 */
#include "private.h"

#include <string.h>

static const char key_cancel[] = "cancel";

static const struct fx_step_param cancel_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue whose move task is stopped"},
};

static enum fx_code find_running(const struct fx_step_context *ctx, const struct queue *queue,
                                 const struct fx_json **ret_task, struct fx_error *err) {
    struct fx_json *answer = NULL;

    *ret_task = NULL;
    FX_TRY(queue_call(ctx, "ListMessageMoveTasks",
                      fx_json_object_of(ctx->sc, "SourceArn", fx_json_string(ctx->sc, queue->arn),
                                        "MaxResults", fx_json_int(ctx->sc, 10), NULL),
                      &answer, err));
    const struct fx_json *tasks = fx_json_at(answer, "Results");

    for (size_t i = 0; i < fx_json_count(tasks) && *ret_task == NULL; i++) {
        const char *status = fx_json_get_text(fx_json_item(tasks, i), "Status");

        if (status != NULL && strcmp(status, "RUNNING") == 0)
            *ret_task = fx_json_item(tasks, i);
    }
    return FX_OK;
}

static enum fx_code cancel(const struct fx_step_context *ctx, const struct fx_json *task,
                           bool begun, struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_error why = {0}, ignored;

    if (!begun)
        FX_TRY(ctx->host->begin_effect(ctx->host, sc, key_cancel, task, err));
    enum fx_code code =
        queue_call(ctx, "CancelMessageMoveTask",
                   fx_json_object_of(sc, "TaskHandle", fx_json_at(task, "TaskHandle"), NULL),
                   ret_answer, &why);

    if (code == FX_OK)
        return ctx->host->end_effect(ctx->host, sc, key_cancel, true, *ret_answer, err);
    (void)!ctx->host->end_effect(
        ctx->host, sc, key_cancel, false,
        fx_json_object_of(sc, "error", fx_json_string(sc, why.message), NULL), &ignored);
    *err = why;
    return code;
}

static enum fx_code cancel_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_step_effect *effects = NULL;
    const struct fx_json *task = NULL;
    struct fx_json *answer = NULL;
    struct queue_depth depth;
    struct queue queue;
    size_t count = 0;

    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &queue, err));
    FX_TRY(find_running(ctx, &queue, &task, err));
    if (task == NULL)
        return fx_fail(err, FX_ERR_CONFLICT, "no move task of %s is running", queue.name);
    FX_TRY(ctx->host->effects(ctx->host, sc, &effects, &count, err));
    FX_TRY(cancel(ctx, task, count > 0, &answer, err));
    FX_TRY(queue_depth(ctx, &queue, &depth, err));
    ret_result->output = fx_json_object_of(
        sc, "moved",
        fx_json_int(sc, fx_json_get_int(answer, "ApproximateNumberOfMessagesMoved", 0)), "left",
        fx_json_int(sc, depth.visible + depth.in_flight), NULL);
    return FX_OK;
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
