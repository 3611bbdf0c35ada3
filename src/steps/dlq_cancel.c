/* dlq_cancel.c - the step kind `dlq.cancel`: stops a running move task, now.
 *
 * The first look decides which task is meant; its handle stands in the intent and is the key of the
 * call. Cancelling one task twice does no more than cancelling it once, so an attempt whose answer
 * got lost is read back by that handle and may be repeated with it. A task that somebody starts
 * meanwhile is not ours to stop. Moved messages stay moved.
 */
#include "private.h"

#include <string.h>

enum { CANCEL_MAX_ATTEMPTS = 5, CANCEL_LOOK_MS = 1000 };

static const char key_cancel[] = "cancel";

static const struct fx_step_param cancel_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue whose move task is stopped"},
};

static enum fx_code list_tasks(const struct fx_step_context *ctx, const struct queue *queue,
                               const struct fx_json **ret_tasks, struct fx_error *err) {
    struct fx_json *answer = NULL;

    FX_TRY(queue_call(ctx, "ListMessageMoveTasks",
                      fx_json_object_of(ctx->sc, "SourceArn", fx_json_string(ctx->sc, queue->arn),
                                        "MaxResults", fx_json_int(ctx->sc, 10), NULL),
                      &answer, err));
    *ret_tasks = fx_json_at(answer, "Results");
    return FX_OK;
}

/* The one that runs; NULL when none does. */
static const struct fx_json *find_running(const struct fx_json *tasks) {
    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        const char *status = fx_json_get_text(fx_json_item(tasks, i), "Status");

        if (status != NULL && strcmp(status, "RUNNING") == 0)
            return fx_json_item(tasks, i);
    }
    return NULL;
}

/* The task of the intent as it is now: SQS shows its handle while it runs, and always when it was
 * started. NULL when it has left the list. */
static const struct fx_json *find_same(const struct fx_json *tasks, const struct fx_json *what) {
    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        const struct fx_json *task = fx_json_item(tasks, i);
        const struct fx_json *handle = fx_json_at(task, "TaskHandle");

        if (handle != NULL ? fx_json_equal(handle, fx_json_at(what, "TaskHandle"))
                           : fx_json_equal(fx_json_at(task, "StartedTimestamp"),
                                           fx_json_at(what, "StartedTimestamp")))
            return task;
    }
    return NULL;
}

/* As SQS lists it; the answer to the call tells how many were moved, and no status. Of a task that
 * has left the list neither is known. */
static const char *status_of(const struct fx_json *task) {
    const char *status = fx_json_get_text(task, "Status");

    return status != NULL                                                 ? status
           : fx_json_at(task, "ApproximateNumberOfMessagesMoved") != NULL ? "CANCELLING"
                                                                          : "GONE";
}

static enum fx_code done(const struct fx_step_context *ctx, const struct queue *queue,
                         const struct fx_json *task, struct fx_step_result *ret_result,
                         struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *moved = fx_json_at(task, "ApproximateNumberOfMessagesMoved");
    struct queue_depth depth;

    FX_TRY(queue_depth(ctx, queue, &depth, err));
    ret_result->output =
        fx_json_object_of(sc, "moved", moved == NULL ? fx_json_null(sc) : fx_json_copy(sc, moved),
                          "left", fx_json_int(sc, depth.visible + depth.in_flight), "status",
                          fx_json_string(sc, status_of(task)), NULL);
    return FX_OK;
}

/* In a moment, whether it worked or not. */
static enum fx_code look_again(const struct fx_step_context *ctx, int64_t attempts,
                               struct fx_step_result *ret_result) {
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(ctx->sc, "attempts", fx_json_int(ctx->sc, attempts), NULL),
        .due_ms = fx_wall_ms(ctx->clock) + CANCEL_LOOK_MS};
    return FX_OK;
}

/* The intent is set. */
static enum fx_code attempt(const struct fx_step_context *ctx, const struct queue *queue,
                            const struct fx_json *task, int64_t attempts,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    struct fx_error why = {0};
    enum fx_code code = queue_call(
        ctx, "CancelMessageMoveTask",
        fx_json_object_of(sc, "TaskHandle", fx_json_at(task, "TaskHandle"), NULL), &answer, &why);
    enum fx_ended ended = call_ended(code, &why);

    if (ended == FX_ENDED_UNKNOWN && code != FX_ERR_CANCELED) /* it may have worked */
        return look_again(ctx, attempts, ret_result);
    if (ended != FX_ENDED_UNKNOWN)
        FX_TRY(ctx->host->end_effect(
            ctx->host, sc, key_cancel, ended,
            ended == FX_ENDED_DONE ? answer : call_outcome(sc, ended, why.message), err));
    if (ended == FX_ENDED_DONE)
        return done(ctx, queue, answer, ret_result, err);
    *err = why;
    return code;
}

static enum fx_code begin(const struct fx_step_context *ctx, const struct queue *queue,
                          const struct fx_json *tasks, struct fx_step_result *ret_result,
                          struct fx_error *err) {
    const struct fx_json *task = find_running(tasks);

    if (task == NULL)
        return fx_fail(err, FX_ERR_CONFLICT, "no move task of %s is running", queue->name);
    FX_TRY(ctx->host->begin_effect(ctx->host, ctx->sc, key_cancel, task, err));
    return attempt(ctx, queue, task, 1, ret_result, err);
}

/* Begun before, by whoever it was: does that task still run? */
static enum fx_code go_on(const struct fx_step_context *ctx, const struct queue *queue,
                          const struct fx_step_effect *begun, const struct fx_json *tasks,
                          struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t attempts = fx_json_get_int(ctx->checkpoint, "attempts", 1);
    const struct fx_json *task = find_same(tasks, begun->what);
    const char *status = fx_json_get_text(task, "Status");
    bool runs = status != NULL && strcmp(status, "RUNNING") == 0;

    if (!runs && begun->next == FX_NEXT_REPEAT)
        FX_TRY(ctx->host->end_effect(
            ctx->host, ctx->sc, key_cancel, FX_ENDED_DONE,
            fx_json_object_of(ctx->sc, "read_back",
                              task == NULL ? fx_json_null(ctx->sc) : fx_json_copy(ctx->sc, task),
                              NULL),
            err));
    if (!runs || begun->next == FX_NEXT_GO_ON)
        return done(ctx, queue, task != NULL ? task : begun->outcome, ret_result, err);
    if (begun->next != FX_NEXT_REPEAT && begun->next != FX_NEXT_RUN)
        return fx_fail(err, FX_ERR_UPSTREAM, "SQS refused to cancel the move task of %s",
                       queue->name);
    if (attempts >= CANCEL_MAX_ATTEMPTS)
        return fx_fail(
            err, FX_ERR_UPSTREAM,
            "the move task of %s still runs after %d attempts; cancel it in the SQS console",
            queue->name, CANCEL_MAX_ATTEMPTS);
    FX_TRY(begun->next == FX_NEXT_REPEAT
               ? ctx->host->repeat_effect(ctx->host, ctx->sc, key_cancel, err)
               : ctx->host->begin_effect(ctx->host, ctx->sc, key_cancel, begun->what, err));
    return attempt(ctx, queue, task, attempts + 1, ret_result, err);
}

static enum fx_code cancel_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_effect *effects = NULL;
    const struct fx_json *tasks = NULL;
    struct queue queue;
    size_t count = 0;

    FX_TRY(queue_find(ctx, fx_json_get_text(params, "queue"), &queue, err));
    FX_TRY(ctx->host->effects(ctx->host, ctx->sc, &effects, &count, err));
    FX_TRY(list_tasks(ctx, &queue, &tasks, err));
    if (count == 0)
        return begin(ctx, &queue, tasks, ret_result, err);
    return go_on(ctx, &queue, &effects[0], tasks, ret_result, err);
}

/* The key is the task's handle. */
static enum fx_effect cancel_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_KEYED;
}

static const struct fx_step_call cancel_calls[] = {
    CALLS_OF_DEPTH,
    {"sqs:ListMessageMoveTasks", "queue"},
    {"sqs:CancelMessageMoveTask", "queue"},
};

const struct fx_step_kind step_dlq_cancel = {
    .name = "dlq.cancel",
    .summary = "Stops a running move task at once; no second person is asked.",
    .params = cancel_params,
    .params_count = FX_COUNT_OF(cancel_params),
    .is_stop = true,
    .calls = cancel_calls,
    .calls_count = FX_COUNT_OF(cancel_calls),
    .effect = cancel_effect,
    .run = cancel_run,
};
