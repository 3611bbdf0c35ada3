/* move_task.c - a redrive by SQS itself: started once, watched until it ends.
 *
 * StartMessageMoveTask has no key: after a crash between the call and its answer, the list of tasks
 * is the evidence. A task that fits is taken for ours; without one, a person is asked. It is never
 * started again.
 */
#include "private.h"

#include <string.h>

enum { TASK_POLL_MS = 2000, CANCELS_MAX = 20 };

static const char key_start[] = "move-task";

static const struct fx_step_effect *find_start(const struct fx_step_effect *effects, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(effects[i].key, key_start) == 0)
            return &effects[i];
    return NULL;
}

static enum fx_code list_tasks(const struct fx_step_context *ctx, const struct fx_json **ret_tasks,
                               struct fx_error *err) {
    struct fx_json *answer = NULL;

    FX_TRY(queue_call(ctx, "ListMessageMoveTasks",
                      fx_json_object_of(ctx->sc, "SourceArn",
                                        fx_json_at_path(ctx->plan, "details.from"), "MaxResults",
                                        fx_json_int(ctx->sc, 10), NULL),
                      &answer, err));
    *ret_tasks = fx_json_at(answer, "Results");
    return FX_OK;
}

/* Final: what was refused is not asked for again without a person. */
static enum fx_code fail_refused(const char *why, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s", why == NULL ? "SQS refused the move task" : why);
}

/* SQS's clock at the newest task there is, 0 without any: ours will be a later one. */
static int64_t newest_start(const struct fx_json *tasks) {
    int64_t newest = 0;

    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        int64_t at = fx_json_get_int(fx_json_item(tasks, i), "StartedTimestamp", 0);

        newest = at > newest ? at : newest;
    }
    return newest;
}

static enum fx_code start(const struct fx_step_context *ctx, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *tasks = NULL;
    const struct fx_json *details = fx_json_at(ctx->plan, "details");
    struct fx_json *answer = NULL;
    struct fx_json *call = fx_json_object_of(
        sc, "SourceArn", fx_json_at(details, "from"), "DestinationArn", fx_json_at(details, "to"),
        "MaxNumberOfMessagesPerSecond", fx_json_at(details, "rate"), NULL);
    struct fx_json *what = fx_json_copy(sc, call);

    FX_TRY(list_tasks(ctx, &tasks, err));
    fx_json_put(what, "at", fx_json_int(sc, fx_wall_ms(ctx->clock)));
    fx_json_put(what, "after", fx_json_int(sc, newest_start(tasks)));
    FX_TRY(ctx->host->begin_effect(ctx->host, sc, key_start, what, err));
    enum fx_code code = queue_call(ctx, "StartMessageMoveTask", call, &answer, err);

    if (code != FX_OK && err->sent) /* unknown: the next look reconciles by the list of tasks */
        return code == FX_ERR_CANCELED ? code : FX_OK;
    struct fx_error told = *err, ignored;

    if (code != FX_OK) {
        (void)!ctx->host->end_effect(
            ctx->host, sc, key_start, false,
            fx_json_object_of(sc, "refused", fx_json_string(sc, told.message), NULL), &ignored);
        return fail_refused(told.message, err);
    }
    return ctx->host->end_effect(ctx->host, sc, key_start, true, answer, err);
}

/* The task that fits the intent: same destination and rate, the first one after those that were
 * there. */
static const struct fx_json *find_started(const struct fx_json *tasks, const struct fx_json *what) {
    int64_t after = fx_json_get_int(what, "after", 0), first = INT64_MAX;
    const struct fx_json *found = NULL;

    for (size_t i = 0; i < fx_json_count(tasks); i++) {
        const struct fx_json *task = fx_json_item(tasks, i);
        int64_t at = fx_json_get_int(task, "StartedTimestamp", 0);

        if (at > after && at < first &&
            fx_json_equal(fx_json_at(task, "DestinationArn"), fx_json_at(what, "DestinationArn")) &&
            fx_json_get_int(task, "MaxNumberOfMessagesPerSecond", -1) ==
                fx_json_get_int(what, "MaxNumberOfMessagesPerSecond", -2)) {
            found = task;
            first = at;
        }
    }
    return found;
}

static enum fx_code reconcile(const struct fx_step_context *ctx, const struct fx_step_effect *begun,
                              const struct fx_json *tasks, bool *ret_known,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *task = find_started(tasks, begun->what);

    *ret_known = task != NULL;
    if (task != NULL)
        return ctx->host->end_effect(ctx->host, sc, key_start, true, task, err);
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note = "StartMessageMoveTask was sent or was about to be sent when the bot stopped, and "
                "SQS lists no "
                "such task. Compare the depths of both queues before anybody asks again.",
        .output =
            fx_json_object_of(sc, "intent", fx_json_copy(sc, begun->what), "tasks",
                              tasks == NULL ? fx_json_array(sc) : fx_json_copy(sc, tasks), NULL)};
    return FX_OK;
}

/* Cancelling twice does no harm, a Stop that got lost does: each try has a key of its own. */
static enum fx_code cancel(const struct fx_step_context *ctx, const struct fx_json *task,
                           size_t tries, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    const struct fx_json *handle = fx_json_at(task, "TaskHandle");
    struct fx_error why;

    if (handle == NULL)
        return FX_OK; /* it has ended meanwhile */
    const char *key = fx_printf(sc, "cancel-%zu", tries + 1);

    FX_TRY(ctx->host->begin_effect(ctx->host, sc, key, task, err));
    enum fx_code code = queue_call(
        ctx, "CancelMessageMoveTask",
        fx_json_object_of(sc, "TaskHandle", fx_json_copy(sc, handle), NULL), &answer, &why);

    return ctx->host->end_effect(ctx->host, sc, key, code == FX_OK,
                                 code == FX_OK
                                     ? answer
                                     : fx_json_object_of(sc, why.sent ? "unanswered" : "refused",
                                                         fx_json_string(sc, why.message), NULL),
                                 err);
}

static enum fx_code park(const struct fx_step_context *ctx, struct fx_step_result *ret_result) {
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = fx_json_object_of(ctx->sc, "watching", fx_json_bool(ctx->sc, true), NULL),
        .due_ms = fx_wall_ms(ctx->clock) + TASK_POLL_MS};
    return FX_OK;
}

static void show(const struct fx_step_context *ctx, const struct fx_json *task) {
    struct fx_scope *sc = ctx->sc;
    int64_t moved = fx_json_get_int(task, "ApproximateNumberOfMessagesMoved", 0);
    int64_t total = fx_json_get_int(task, "ApproximateNumberOfMessagesToMove",
                                    fx_json_to_int(fx_json_at_path(ctx->plan, "details.total"), 0));

    ctx->host->progress(
        ctx->host, sc,
        fx_json_object_of(sc, "text", fx_json_string(sc, "SQS moves the queue as one task."),
                          "done", fx_json_int(sc, moved), "total", fx_json_int(sc, total), NULL));
}

static struct fx_json *outcome(const struct fx_step_context *ctx, const struct fx_json *task,
                               const struct fx_json *began) {
    struct fx_scope *sc = ctx->sc;
    const char *status = fx_json_get_text(task, "Status");
    const char *reason = fx_json_get_text(task, "FailureReason");
    const struct fx_json *messages = fx_json_at_path(ctx->plan, "details.messages");

    return fx_json_object_of(
        sc, "method", fx_json_string(sc, "move-task"), "status", fx_json_string(sc, status),
        "moved", fx_json_int(sc, fx_json_get_int(task, "ApproximateNumberOfMessagesMoved", 0)),
        "of", fx_json_at_path(ctx->plan, "details.total"), "stopped",
        fx_json_string(sc, strcmp(status, "COMPLETED") == 0   ? ""
                           : strcmp(status, "CANCELLED") == 0 ? "a person pressed Stop"
                           : reason == NULL                   ? status
                                                              : reason),
        "maybe_twice", fx_json_int(sc, 0), "missing", fx_json_int(sc, 0), "problems",
        fx_json_array(sc), "messages", fx_json_copy(sc, messages), "began",
        began == NULL ? fx_json_int(sc, 0) : fx_json_copy(sc, began), NULL);
}

static enum fx_code watch(const struct fx_step_context *ctx, const struct fx_step_effect *begun,
                          size_t cancels, const struct fx_json *tasks,
                          struct fx_step_result *ret_result, struct fx_error *err) {
    const struct fx_json *task = find_started(tasks, begun->what);
    const char *status = fx_json_get_text(task, "Status");

    if (status == NULL)
        return park(ctx, ret_result);
    if (strcmp(status, "RUNNING") == 0 || strcmp(status, "CANCELLING") == 0) {
        if (strcmp(status, "RUNNING") == 0 && cancels < CANCELS_MAX &&
            ctx->host->stop_requested(ctx->host, ctx->sc))
            FX_TRY(cancel(ctx, task, cancels, err));
        show(ctx, task);
        return park(ctx, ret_result);
    }
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_DONE, .output = outcome(ctx, task, fx_json_at(begun->what, "at"))};
    return FX_OK;
}

enum fx_code move_task_run(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_step_effect *effects = NULL;
    const struct fx_json *tasks = NULL;
    size_t count = 0;

    (void)params;
    FX_TRY(ctx->host->effects(ctx->host, ctx->sc, &effects, &count, err));
    const struct fx_step_effect *begun = find_start(effects, count);

    if (begun == NULL) {
        FX_TRY(start(ctx, err));
        return park(ctx, ret_result);
    }
    if (begun->settled && !begun->ok)
        return fail_refused(fx_json_get_text(begun->outcome, "refused"), err);
    enum fx_code code = list_tasks(ctx, &tasks, err);

    /* SQS goes on whether it answers us or not: a task is not left unwatched for a bad minute */
    if (fx_code_is_transient(code))
        return park(ctx, ret_result);
    FX_TRY(code);
    if (!begun->settled) {
        bool known = false;

        FX_TRY(reconcile(ctx, begun, tasks, &known, ret_result, err));
        return known ? park(ctx, ret_result) : FX_OK;
    }
    return watch(ctx, begun, count - 1, tasks, ret_result, err);
}
