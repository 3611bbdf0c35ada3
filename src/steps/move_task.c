/* move_task.c - a redrive by SQS itself: started once, watched until it ends.
 *
 * StartMessageMoveTask has no key, and SQS does not tell who started a task: after a crash between
 * the call and its answer, a task that looks like ours may be somebody else's. So a person is
 * asked, with the list of tasks as the evidence; SQS is asked too, until it would no longer obey
 * the call. It is never started again unless it is certain that nothing was sent. Which task is
 * ours, or likely to be, is in move_task_find.c.
 */
#include "move_task.h"

#include <string.h>

enum {
    TASK_POLL_MS = 2000,
    CANCELS_MAX = 20,
    DOUBT_POLL_MS = 15 * 1000,     /* between two looks for a task that may still begin */
    UNSEEN_MAX_MS = 5 * 60 * 1000, /* without a look at our task, before a person is asked */
    ASKED_POLL_MS = 60 * 1000,
};

static const char key_start[] = "move-task";
static const char keys_cancel[] = "cancel-";

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
                                        fx_json_int(ctx->sc, MOVE_TASKS_LISTED), NULL),
                      &answer, err));
    *ret_tasks = fx_json_at(answer, "Results");
    return FX_OK;
}

/* Final: what was refused is not asked for again without a person. */
static enum fx_code fail_refused(const char *why, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s", why == NULL ? "SQS refused the move task" : why);
}

/* ---- starting ---- */

/* The call was made, or was not: what is certain is recorded at once. */
static enum fx_code record_start(const struct fx_step_context *ctx, enum fx_code code,
                                 const struct fx_json *answer, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_error told = code == FX_OK ? (struct fx_error){0} : *err;
    enum fx_ended ended = call_ended(code, &told);

    if (ended == FX_ENDED_UNKNOWN) /* the next look reconciles by the list of tasks */
        return code == FX_ERR_CANCELED ? code : FX_OK;
    FX_TRY(ctx->host->end_effect(
        ctx->host, sc, key_start, ended,
        ended == FX_ENDED_DONE ? answer : call_outcome(sc, ended, told.message), err));
    if (ended == FX_ENDED_FAILED)
        return fail_refused(told.message, err);
    if (ended == FX_ENDED_NOT_SENT)
        *err = told;
    return code;
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
    fx_json_put(what, "after", fx_json_int(sc, move_task_newest_start(tasks)));
    FX_TRY(ctx->host->begin_effect(ctx->host, sc, key_start, what, err));
    enum fx_code code = queue_call(ctx, "StartMessageMoveTask", call, &answer, err);

    return record_start(ctx, code, answer, err);
}

/* ---- the checkpoint: started, unseen_since, asked ---- */

static struct fx_json *checkpoint_of(const struct fx_step_context *ctx) {
    return ctx->checkpoint != NULL
               ? fx_json_copy(ctx->sc, ctx->checkpoint)
               : fx_json_object_of(ctx->sc, "watching", fx_json_bool(ctx->sc, true), NULL);
}

static bool was_asked(const struct fx_step_context *ctx) {
    return fx_json_get_bool(ctx->checkpoint, "asked", false);
}

static enum fx_code park(const struct fx_step_context *ctx, struct fx_json *checkpoint,
                         struct fx_step_result *ret_result) {
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                          .checkpoint = checkpoint,
                                          .due_ms = fx_wall_ms(ctx->clock) + TASK_POLL_MS};
    return FX_OK;
}

/* due_ms 0: SQS is not asked again. */
static enum fx_code ask(const struct fx_step_context *ctx, const struct fx_step_effect *begun,
                        const struct fx_json *tasks, int64_t due_ms, const char *note,
                        struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *checkpoint = checkpoint_of(ctx);

    fx_json_put(checkpoint, "asked", fx_json_bool(sc, true));
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .checkpoint = checkpoint,
        .due_ms = due_ms,
        .note = note,
        .output =
            fx_json_object_of(sc, "asked_of_sqs", fx_json_copy(sc, begun->what), "begun",
                              fx_json_string(sc, fx_time_iso(sc, begun->begun_ms)), "tasks",
                              tasks == NULL ? fx_json_array(sc) : fx_json_copy(sc, tasks), NULL)};
    return FX_OK;
}

/* ---- nobody knows whether it was started ---- */

/* What SQS shows, for whoever has to tell. Each new note is a new card, so it counts nothing that
 * still moves. */
static const char *seen_note(struct fx_scope *sc, const struct fx_json *likely, size_t newer) {
    if (newer == 0)
        return "SQS lists no such task";
    if (likely == NULL)
        return fx_printf(sc, "SQS lists %zu newer tasks, and nobody can tell which is ours", newer);
    const char *status = fx_json_get_text(likely, "Status");
    bool runs = status != NULL && strcmp(status, "RUNNING") == 0;

    return fx_printf(
        sc,
        "SQS lists one task that began as ours would have, at %s, to the same queue at the same "
        "rate; it %s. Unless somebody else has started it, it is ours",
        fx_time_iso(sc, fx_json_get_int(likely, "StartedTimestamp", 0)),
        runs
            ? "runs"
            : fx_printf(sc, "has ended (%lld moved)",
                        (long long)fx_json_get_int(likely, "ApproximateNumberOfMessagesMoved", 0)));
}

/* until_ms 0: that is over. */
static const char *doubt_note(struct fx_scope *sc, const char *seen, int64_t until_ms) {
    const char *now =
        until_ms > 0
            ? fx_printf(sc, "SQS would still obey the call until %s; it is looked for until then",
                        fx_time_iso(sc, until_ms))
            : "By now SQS would no longer obey the call";

    return fx_printf(sc,
                     "StartMessageMoveTask was sent or was about to be sent when the bot stopped "
                     "or the answer got lost. %s. %s. Compare the depths of both queues before "
                     "anybody asks again.",
                     seen, now);
}

static enum fx_code reconcile(const struct fx_step_context *ctx, const struct fx_step_effect *begun,
                              const struct fx_json *tasks, struct fx_step_result *ret_result,
                              struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    int64_t now = fx_wall_ms(ctx->clock), until = begun->begun_ms + FX_EFFECT_FENCE_MS + 1;
    bool fenced = begun->next != FX_NEXT_READ_BACK;
    size_t newer = 0;
    const struct fx_json *likely = move_task_find_likely(tasks, begun, &newer);

    if (begun->known == FX_KNOWN_BEGUN)
        FX_TRY(ctx->host->end_effect(
            ctx->host, sc, key_start, FX_ENDED_UNKNOWN,
            fx_json_object_of(sc, "tasks",
                              tasks == NULL ? fx_json_array(sc) : fx_json_copy(sc, tasks), NULL),
            err));
    return ask(ctx, begun, tasks,
               fenced                        ? 0
               : now + DOUBT_POLL_MS < until ? now + DOUBT_POLL_MS
                                             : until,
               doubt_note(sc, seen_note(sc, likely, newer), fenced ? 0 : until), ret_result);
}

/* ---- stopping ---- */

/* Cancelling twice does no harm, a Stop that got lost does: each try has a key of its own. */
static enum fx_code cancel(const struct fx_step_context *ctx, const struct fx_json *task,
                           size_t tries, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    const struct fx_json *handle = fx_json_at(task, "TaskHandle");
    struct fx_error why = {0};

    if (handle == NULL)
        return FX_OK; /* it has ended meanwhile */
    const char *key = fx_printf(sc, "%s%zu", keys_cancel, tries + 1);

    FX_TRY(ctx->host->begin_stop(ctx->host, sc, key, task, err));
    enum fx_code code = queue_call(
        ctx, "CancelMessageMoveTask",
        fx_json_object_of(sc, "TaskHandle", fx_json_copy(sc, handle), NULL), &answer, &why);
    enum fx_ended ended = call_ended(code, &why);

    return ctx->host->end_effect(
        ctx->host, sc, key, ended,
        ended == FX_ENDED_DONE ? answer : call_outcome(sc, ended, why.message), err);
}

/* What became of a cancel without an answer is seen by the task; while it runs, SQS may still obey,
 * until it would not any more. */
static enum fx_code read_back_cancels(const struct fx_step_context *ctx,
                                      const struct fx_step_effect *effects, size_t count,
                                      const struct fx_json *task, bool runs, struct fx_error *err) {
    for (size_t i = 0; i < count; i++) {
        bool open = effects[i].known == FX_KNOWN_BEGUN || effects[i].known == FX_KNOWN_UNKNOWN;
        bool is_certain = !runs || effects[i].next != FX_NEXT_READ_BACK;

        if (open && is_certain && strncmp(effects[i].key, keys_cancel, sizeof keys_cancel - 1) == 0)
            FX_TRY(ctx->host->end_effect(
                ctx->host, ctx->sc, effects[i].key, runs ? FX_ENDED_FAILED : FX_ENDED_DONE,
                fx_json_object_of(ctx->sc, "read_back", fx_json_copy(ctx->sc, task), NULL), err));
    }
    return FX_OK;
}

/* ---- watching ---- */

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

/* Our task, or the list, cannot be seen: SQS goes on whether it answers us or not, so it is not
 * left unwatched for a bad minute; but not for ever either. tasks is NULL when there was no list.
 */
static enum fx_code unseen(const struct fx_step_context *ctx, const struct fx_step_effect *begun,
                           const struct fx_json *tasks, const char *why,
                           struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *checkpoint = checkpoint_of(ctx);
    int64_t now = fx_wall_ms(ctx->clock);
    int64_t since = fx_json_get_int(checkpoint, "unseen_since", now);

    fx_json_put(checkpoint, "unseen_since", fx_json_int(sc, since));
    if (!was_asked(ctx) && now - since <= UNSEEN_MAX_MS)
        return park(ctx, checkpoint, ret_result);
    int64_t due = now - since <= FX_EFFECT_FENCE_MS ? now + ASKED_POLL_MS : 0;

    FX_TRY(ask(ctx, begun, tasks, due,
               fx_printf(sc,
                         "The move task %s, and since %s it cannot be watched: %s. Compare the "
                         "depths of both queues.",
                         begun->known == FX_KNOWN_DONE ? "was started" : "may have been started",
                         fx_time_iso(sc, since), why),
               ret_result));
    fx_json_put(ret_result->checkpoint, "unseen_since", fx_json_int(sc, since));
    return FX_OK;
}

/* Behind the start stand the cancels that this run has promised. */
static bool was_stopped(const struct fx_step_effect *effects, size_t count) {
    bool stopped = false;

    for (size_t i = 0; i < count; i++)
        stopped = stopped ||
                  (strncmp(effects[i].key, keys_cancel, strlen(keys_cancel)) == 0 &&
                   effects[i].known != FX_KNOWN_NOTHING && effects[i].known != FX_KNOWN_FAILED);
    return stopped;
}

/* by_us: this run has asked SQS to cancel it. */
static struct fx_json *outcome(const struct fx_step_context *ctx, const struct fx_json *task,
                               const struct fx_json *began, bool by_us) {
    struct fx_scope *sc = ctx->sc;
    const char *status = fx_json_get_text(task, "Status");
    const char *reason = fx_json_get_text(task, "FailureReason");
    const struct fx_json *messages = fx_json_at_path(ctx->plan, "details.messages");

    return fx_json_object_of(
        sc, "method", fx_json_string(sc, "move-task"), "status", fx_json_string(sc, status),
        "moved", fx_json_int(sc, fx_json_get_int(task, "ApproximateNumberOfMessagesMoved", 0)),
        "of", fx_json_at_path(ctx->plan, "details.total"), "stopped",
        fx_json_string(sc,
                       strcmp(status, "COMPLETED") == 0 ? ""
                       : strcmp(status, "CANCELLED") == 0
                           ? by_us ? "a person pressed Stop"
                                   : "somebody cancelled SQS's move task, not by Stop on this card"
                       : reason == NULL ? status
                                        : reason),
        "maybe_twice", fx_json_int(sc, 0), "missing", fx_json_int(sc, 0), "problems",
        fx_json_array(sc), "messages", fx_json_copy(sc, messages), "began",
        began == NULL ? fx_json_int(sc, 0) : fx_json_copy(sc, began), NULL);
}

static enum fx_code watch(const struct fx_step_context *ctx, const struct fx_step_effect *effects,
                          size_t count, const struct fx_step_effect *begun,
                          const struct fx_json *tasks, struct fx_step_result *ret_result,
                          struct fx_error *err) {
    const struct fx_json *task = move_task_find_watched(tasks, begun, ctx->checkpoint);
    const char *status = fx_json_get_text(task, "Status");
    struct fx_json *checkpoint = checkpoint_of(ctx);

    if (status == NULL)
        return unseen(ctx, begun, tasks, "SQS does not list it any more", ret_result);
    bool runs = strcmp(status, "RUNNING") == 0;

    fx_json_remove(checkpoint, "unseen_since");
    fx_json_remove(checkpoint, "asked");
    fx_json_put(checkpoint, "started", fx_json_at(task, "StartedTimestamp"));
    FX_TRY(read_back_cancels(ctx, effects, count, task, runs, err));
    if (runs || strcmp(status, "CANCELLING") == 0) {
        if (runs && count - 1 < CANCELS_MAX && ctx->host->stop_requested(ctx->host, ctx->sc))
            FX_TRY(cancel(ctx, task, count - 1, err));
        show(ctx, task);
        return park(ctx, checkpoint, ret_result);
    }
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_DONE,
        .output = outcome(ctx, task, fx_json_at(begun->what, "at"), was_stopped(effects, count))};
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
    enum fx_next next = begun != NULL
                            ? begun->next
                            : fx_effect_next(FX_EFFECT_UNKEYED, FX_KNOWN_NOTHING, FX_HOLD_FENCED);

    if (next == FX_NEXT_RUN && was_asked(ctx)) /* a person may have acted meanwhile */
        return fx_fail(err, FX_ERR_CONFLICT,
                       "it is certain by now that no move task was started; ask again");
    if (next == FX_NEXT_RUN) {
        FX_TRY(start(ctx, err));
        return park(ctx, checkpoint_of(ctx), ret_result);
    }
    if (next == FX_NEXT_REFUSE)
        return fail_refused(fx_json_get_text(begun->outcome, "refused"), err);
    enum fx_code code = list_tasks(ctx, &tasks, err);

    if (code == FX_ERR_CANCELED)
        return code;
    if (code != FX_OK)
        return unseen(ctx, begun, NULL, fx_strdup(ctx->sc, err->message), ret_result);
    return next == FX_NEXT_GO_ON ? watch(ctx, effects, count, begun, tasks, ret_result, err)
                                 : reconcile(ctx, begun, tasks, ret_result, err);
}
