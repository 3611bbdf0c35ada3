/* dlq_redrive.c - the step kind `dlq.redrive`: chooses messages by cause, says which and why.
 *
 * When every message of the queue is safe, SQS itself moves the queue (a move task cannot choose);
 * when the queue is mixed, only the chosen ones are sent one by one. A message whose cause is
 * permanent or unknown is never chosen, whatever is asked for.
 */
#include "private.h"

#include <string.h>

enum { REDRIVE_MAX_RATE = 5000, REDRIVE_MAX_TASK_RATE = 500, CANARY_DEFAULT = 10 };

static const struct fx_step_param redrive_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "the dead-letter queue"},
    {"census", FX_PARAM_ANY, true, NULL, "the value of a dlq.classify step over the whole queue"},
    {"which", FX_PARAM_LIST, false, "[]",
     "only these classes or message ids; empty: all that are safe"},
    {"max", FX_PARAM_INT, false, "2000", "no more messages than this"},
    {"rate", FX_PARAM_INT, false, "10",
     "messages a second, 1 to 5000; a move task goes no faster than 500, and above that batches go "
     "several at once where the consumer is idempotent"},
    {"canary", FX_PARAM_INT, false, "10", "how many go first and are watched; 0: none"},
    {"canary_wait", FX_PARAM_DURATION, false, "\"60s\"", "how long the canary is watched"},
    {"canary_stop", FX_PARAM_INT, false, "2", "so many that come back stop the redrive"},
    {"method", FX_PARAM_TEXT, false, "\"auto\"", "auto, selective or move-task"},
};

/* ---- choosing ---- */

struct choice {
    struct fx_json *ids;     /* [{id, md5, event_id, correlation_id, cause}] */
    struct fx_json *classes; /* object: class -> count of the chosen */
    struct fx_json *staying; /* object: class -> count of the others */
    const char *refused;     /* a message that was asked for and must not move */
};

static bool is_wanted(const struct fx_json *which, const struct fx_json *item) {
    if (fx_json_count(which) == 0)
        return true;
    for (size_t i = 0; i < fx_json_count(which); i++) {
        const char *word = fx_json_text(fx_json_item(which, i));

        if (word != NULL && census_is_called(item, word))
            return true;
    }
    return false;
}

static struct choice choose(struct fx_scope *sc, const struct fx_json *census,
                            const struct fx_json *which, int64_t max) {
    const struct fx_json *items = fx_json_at(census, "items");
    struct choice choice = {
        .ids = fx_json_array(sc), .classes = fx_json_object(sc), .staying = fx_json_object(sc)};

    for (size_t i = 0; i < fx_json_count(items); i++) {
        const struct fx_json *item = fx_json_item(items, i);
        const char *cause = fx_json_get_text(item, "cause");
        bool safe = fx_json_get_bool(item, "safe", false), wanted = is_wanted(which, item);

        if (!safe || !wanted) {
            census_count(sc, choice.staying, cause);
            if (wanted && !safe && fx_json_count(which) > 0)
                choice.refused = fx_printf(sc, "%s (%s)", fx_json_get_text(item, "id"), cause);
            continue;
        }
        if ((int64_t)fx_json_count(choice.ids) == max) {
            census_count(sc, choice.staying, cause);
            continue;
        }
        census_count(sc, choice.classes, cause);
        fx_json_add(choice.ids, fx_json_object_of(sc, "id", fx_json_at(item, "id"), "md5",
                                                  fx_json_at(item, "md5"), "event_id",
                                                  fx_json_at(item, "event_id"), "correlation_id",
                                                  fx_json_at(item, "correlation_id"), "cause",
                                                  fx_json_at(item, "cause"), NULL));
    }
    return choice;
}

/* ---- the plan ---- */

struct redrive {
    struct queue queue, main;
    const struct fx_json *census;
    struct choice choice;
    int64_t total, chosen, rate;
    bool move_task;
    const char *gate;
};

static enum fx_code check_census(const struct fx_json *params, struct redrive *r,
                                 struct fx_error *err) {
    r->census = fx_json_at(params, "census");
    r->total = fx_json_get_int(r->census, "total", -1);
    r->rate = fx_json_get_int(params, "rate", 10);
    if (r->total < 0)
        return fx_fail(err, FX_ERR_INPUT, "census must be the value of a dlq.classify step");
    if (r->rate < 1 || r->rate > REDRIVE_MAX_RATE)
        return fx_fail(err, FX_ERR_INPUT, "rate must be between 1 and %d messages a second",
                       REDRIVE_MAX_RATE);
    if (fx_json_get_int(params, "max", 1) < 1)
        return fx_fail(err, FX_ERR_INPUT, "max must be at least 1");
    if (r->total == 0)
        return fx_fail(err, FX_ERR_DENIED, "the queue is empty: there is nothing to redrive");
    if (!fx_json_get_bool(r->census, "covered", false))
        return fx_fail(
            err, FX_ERR_DENIED,
            "only %lld of about %lld messages could be read, so the rest has no known cause; "
            "somebody else may be reading the queue: try again in a minute",
            (long long)r->total, (long long)fx_json_get_int(r->census, "depth", 0));
    return FX_OK;
}

static enum fx_code choose_method(const struct fx_json *params, struct redrive *r,
                                  struct fx_error *err) {
    const char *method = fx_json_get_text(params, "method");
    bool all = r->chosen == r->total;

    if (strcmp(method, "move-task") == 0 && !all)
        return fx_fail(err, FX_ERR_DENIED,
                       "a move task moves everything, and %lld of the %lld messages must stay",
                       (long long)(r->total - r->chosen), (long long)r->total);
    r->move_task = all && strcmp(method, "selective") != 0;
    if (r->move_task && r->rate > REDRIVE_MAX_TASK_RATE)
        r->rate = REDRIVE_MAX_TASK_RATE;
    return FX_OK;
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct redrive *r, struct fx_error *err) {
    *r = (struct redrive){0};
    FX_TRY(check_census(params, r, err));
    FX_TRY(queue_and_source(ctx, fx_json_get_text(params, "queue"), &r->queue, &r->main, err));
    const char *unknown =
        census_find_unknown(fx_json_at(params, "which"), fx_json_at(r->census, "items"));

    const char *gap = fx_json_text(fx_json_at_path(r->census, "gaps.0"));

    if (unknown != NULL)
        return fx_fail(err, FX_ERR_DENIED, "no message and no cause in the queue is called %.80s",
                       unknown);
    r->choice = choose(ctx->sc, r->census, fx_json_at(params, "which"),
                       fx_json_get_int(params, "max", DLQ_MAX_MESSAGES));
    r->chosen = (int64_t)fx_json_count(r->choice.ids);
    if (r->choice.refused != NULL)
        return fx_fail(err, FX_ERR_DENIED, "message %s must not be retried", r->choice.refused);
    if (r->chosen == 0)
        return fx_fail(err, FX_ERR_DENIED, "none of the %lld messages is safe to retry (%s)%s%s",
                       (long long)r->total, census_counts_text(ctx->sc, r->choice.staying),
                       gap == NULL ? "" : "; what could not be asked is the ",
                       gap == NULL ? "" : gap);
    enum fx_code code = check_gates(ctx, r->choice.classes, &r->gate, err);

    if (code == FX_ERR_CONFLICT)
        return fx_fail(err, FX_ERR_DENIED,
                       "the cause is not gone: %s; retrying now would fail again", err->message);
    if (code != FX_OK)
        return fx_fail_in(err, "nobody can tell whether the cause is gone");
    return choose_method(params, r, err);
}

static const char *staying_text(struct fx_scope *sc, const struct redrive *r) {
    if (r->total == r->chosen)
        return "none";
    return fx_printf(sc, "%lld (%s)", (long long)(r->total - r->chosen),
                     census_counts_text(sc, r->choice.staying));
}

static struct fx_json *facts(struct fx_scope *sc, const struct redrive *r, int64_t canary) {
    struct fx_json *list = fx_json_array_of(
        sc, plan_fact(sc, "From", r->queue.name), plan_fact(sc, "To", r->main.name),
        plan_fact(sc, "Moving",
                  fx_printf(sc, "%lld of %lld (%s)", (long long)r->chosen, (long long)r->total,
                            census_counts_text(sc, r->choice.classes))),
        plan_fact(sc, "Staying", staying_text(sc, r)),
        plan_fact(sc, "How",
                  r->move_task
                      ? "all at once by SQS, because every message is safe"
                      : fx_printf(sc, "one by one; the first %lld are watched before the rest",
                                  (long long)canary)),
        plan_fact(sc, "Rate",
                  fx_printf(sc, "%lld a second, about %s", (long long)r->rate,
                            fx_duration(sc, (r->chosen + r->rate - 1) / r->rate * 1000))),
        NULL);

    if (r->gate[0] != '\0')
        fx_json_add(list, plan_fact(sc, "Is the cause gone", fx_printf(sc, "yes, %s", r->gate)));
    return list;
}

static struct fx_json *calls(struct fx_scope *sc, const struct redrive *r) {
    if (r->move_task)
        return fx_json_array_of(sc, plan_call(sc, "sqs:StartMessageMoveTask", r->queue.arn, 1),
                                NULL);
    return fx_json_array_of(sc, plan_call(sc, "sqs:SendMessage", r->main.arn, r->chosen),
                            plan_call(sc, "sqs:DeleteMessage", r->queue.arn, r->chosen), NULL);
}

static enum fx_code redrive_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                                 struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    int64_t canary = fx_json_get_int(params, "canary", CANARY_DEFAULT);
    struct redrive r;

    FX_TRY(prepare(ctx, params, &r, err));
    *ret_plan = fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "redrive %lld of %lld messages", (long long)r.chosen,
                        (long long)r.total),
        "summary",
        fx_json_stringf(
            sc,
            "Move %lld of %lld messages from %s back to %s. A message that was sent cannot be "
            "called back.",
            (long long)r.chosen, (long long)r.total, r.queue.name, r.main.name),
        "facts", facts(sc, &r, canary < r.chosen ? canary : r.chosen), "calls", calls(sc, &r),
        "details",
        fx_json_object_of(sc, "method", fx_json_string(sc, r.move_task ? "move-task" : "selective"),
                          "messages", r.choice.ids, "classes", r.choice.classes, "total",
                          fx_json_int(sc, r.total), "rate", fx_json_int(sc, r.rate), "from",
                          fx_json_string(sc, r.queue.arn), "to", fx_json_string(sc, r.main.arn),
                          NULL),
        NULL);
    return FX_OK;
}

/* ---- just before it runs ---- */

static bool is_approved(const struct fx_json *messages, const char *id) {
    for (size_t i = 0; i < fx_json_count(messages); i++)
        if (strcmp(fx_json_get_text(fx_json_item(messages, i), "id"), id) == 0)
            return true;
    return false;
}

/* Which messages are still there is seen when they are received; here only whether they can be. */
static enum fx_code confirm_enough(const struct fx_step_context *ctx, const struct queue *queue,
                                   int64_t approved, struct fx_error *err) {
    struct queue_depth depth;

    FX_TRY(queue_depth(ctx, queue, &depth, err));
    int64_t left = depth.visible + depth.in_flight + depth.delayed;

    if (left < approved)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the queue changed: %lld messages were approved, %lld are there now",
                       (long long)approved, (long long)left);
    return FX_OK;
}

/* A move task takes what is there at that moment, so the whole queue is looked at once more. */
static enum fx_code confirm_all_safe(const struct fx_step_context *ctx, const struct queue *queue,
                                     const struct fx_json *messages, struct fx_error *err) {
    int64_t approved = (int64_t)fx_json_count(messages);
    struct letters letters = {0};
    struct queue_depth depth;
    struct fx_json *gaps = NULL;
    struct fx_error ignored;

    FX_TRY(queue_depth(ctx, queue, &depth, err));
    enum fx_code code = peek(ctx, queue, depth.visible, DLQ_MAX_MESSAGES, NULL, &letters, err);

    if (code == FX_OK)
        code = classify(ctx, queue, &letters, &gaps, err);
    enum fx_code released = peek_release(ctx, queue, &letters, code == FX_OK ? err : &ignored);

    FX_TRY(code);
    FX_TRY(released);
    if ((int64_t)letters.count != approved || depth.in_flight > 0)
        return fx_fail(
            err, FX_ERR_CONFLICT,
            "the queue changed: %lld messages were approved, %zu are there now and %lld in flight",
            (long long)approved, letters.count, (long long)depth.in_flight);
    for (size_t i = 0; i < letters.count; i++) {
        if (!is_approved(messages, letters.items[i].id))
            return fx_fail(err, FX_ERR_CONFLICT,
                           "the queue changed: message %s was not there when this was approved",
                           letters.items[i].id);
        if (!class_is_safe(letters.items[i].class))
            return fx_fail(err, FX_ERR_CONFLICT,
                           "the queue changed: message %s is now %s and must not be retried",
                           letters.items[i].id, class_name(letters.items[i].class));
    }
    return FX_OK;
}

static enum fx_code redrive_confirm(const struct fx_step_context *ctx, const struct fx_json *params,
                                    struct fx_error *err) {
    const struct fx_json *details = fx_json_at(ctx->plan, "details");
    const char *gate = "";
    struct redrive r = {0};

    FX_TRY(queue_and_source(ctx, fx_json_get_text(params, "queue"), &r.queue, &r.main, err));
    if (strcmp(r.queue.arn, fx_json_get_text(details, "from")) != 0 ||
        strcmp(r.main.arn, fx_json_get_text(details, "to")) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the queues are configured differently than when this was approved");
    FX_TRY(lock_refuse(ctx, &r.queue, fx_json_at(details, "classes"), err));
    enum fx_code code = check_gates(ctx, fx_json_at(details, "classes"), &gate, err);

    if (code == FX_ERR_CONFLICT)
        return fx_fail(err, code, "the cause is back: %s", err->message);
    if (code != FX_OK)
        return fx_fail_in(err, "nobody can tell whether the cause is gone");
    if (strcmp(fx_json_get_text(details, "method"), "move-task") == 0)
        return confirm_all_safe(ctx, &r.queue, fx_json_at(details, "messages"), err);
    return confirm_enough(ctx, &r.queue, (int64_t)fx_json_count(fx_json_at(details, "messages")),
                          err);
}

static enum fx_code redrive_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                struct fx_step_result *ret_result, struct fx_error *err) {
    const char *method = fx_json_text(fx_json_at_path(ctx->plan, "details.method"));

    if (method != NULL && strcmp(method, "move-task") == 0)
        return move_task_run(ctx, params, ret_result, err);
    return selective_run(ctx, params, ret_result, err);
}

static enum fx_effect redrive_effect(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_UNKEYED;
}

static const struct fx_step_call redrive_calls[] = {
    CALLS_OF_A_LOOK,
    {"sqs:GetQueueAttributes", "queue.source"},
    {"sqs:SendMessageBatch", "queue.source"},
    {"sqs:DeleteMessageBatch", "queue"},
    {"sqs:StartMessageMoveTask", "queue"},
    {"sqs:CancelMessageMoveTask", "queue"},
    {"rds:DescribeDBInstances", "gates"},
};

const struct fx_step_kind step_dlq_redrive = {
    .name = "dlq.redrive",
    .summary =
        "Sends the safe dead letters back to their queue; a canary first, message by message.",
    .params = redrive_params,
    .params_count = FX_COUNT_OF(redrive_params),
    .calls = redrive_calls,
    .calls_count = FX_COUNT_OF(redrive_calls),
    .effect = redrive_effect,
    .plan = redrive_plan,
    .confirm = redrive_confirm,
    .run = redrive_run,
};
