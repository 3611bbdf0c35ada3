/* queue.c - a queue of system.yaml, and what SQS says about it. */
#include "private.h"

#include <string.h>

/* People know a queue by its own name, not by its key in system.yaml. */
static const char *name_in_arn(const char *arn, const char *otherwise) {
    const char *colon = arn == NULL ? NULL : strrchr(arn, ':');

    return colon == NULL || colon[1] == '\0' ? otherwise : colon + 1;
}

enum fx_code queue_find(const struct fx_step_context *ctx, const char *name,
                        struct queue *ret_queue, struct fx_error *err) {
    const struct fx_json *row = fx_json_at(fx_json_at(ctx->system, "queues"), name);

    if (row == NULL)
        return fx_fail(err, FX_ERR_INPUT, "system.yaml names no queue %s", name);
    *ret_queue =
        (struct queue){.name = name_in_arn(fx_json_get_text(row, "arn"), name),
                       .url = fx_json_get_text(row, "url"),
                       .arn = fx_json_get_text(row, "arn"),
                       .source = fx_json_get_text(row, "source"),
                       .idempotent = fx_json_get_bool(row, "idempotent", false),
                       .visibility_s = fx_json_get_int(row, "visibility", DLQ_VISIBILITY_S)};
    if (ret_queue->url == NULL || ret_queue->arn == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the queue %s needs url and arn in system.yaml", name);
    return FX_OK;
}

enum fx_code queue_call(const struct fx_step_context *ctx, const char *operation,
                        const struct fx_json *params, struct fx_json **ret_answer,
                        struct fx_error *err) {
    return fx_aws_call(
        ctx->aws, ctx->sc,
        &(struct fx_aws_call){.service = "sqs", .operation = operation, .params = params},
        ret_answer, err);
}

struct fx_aws_one queue_one(struct fx_scope *sc, const char *operation,
                            const struct fx_json *params) {
    return (struct fx_aws_one){
        .sc = sc, .call = {.service = "sqs", .operation = operation, .params = params}};
}

/* What was not sent and what is refused for a moment only is known to have changed nothing, and may
 * be tried anew; a refusal for good is not tried again without a person. */
enum fx_ended call_ended(enum fx_code code, const struct fx_error *err) {
    if (code == FX_OK)
        return FX_ENDED_DONE;
    if (err->sent)
        return FX_ENDED_UNKNOWN;
    return code == FX_ERR_CANCELED || fx_code_is_transient(code) ? FX_ENDED_NOT_SENT
                                                                 : FX_ENDED_FAILED;
}

struct fx_json *call_outcome(struct fx_scope *sc, enum fx_ended ended, const char *message) {
    const char *name = ended == FX_ENDED_UNKNOWN    ? "unanswered"
                       : ended == FX_ENDED_NOT_SENT ? "not_sent"
                                                    : "refused";

    return fx_json_object_of(sc, name, fx_json_string(sc, message), NULL);
}

/* SQS gives every attribute as text, policies as JSON inside text. */
static int64_t number_at(const struct fx_json *attributes, const char *name) {
    int64_t value = 0;

    return fx_slice_to_int(fx_json_text_slice(fx_json_at(attributes, name)), &value) ? value : 0;
}

static const char *target_of(struct fx_scope *sc, const struct fx_json *attributes) {
    struct fx_json *policy = NULL;
    struct fx_error ignored;
    const char *target = NULL;

    if (fx_json_at(attributes, "RedrivePolicy") != NULL &&
        fx_json_parse(sc, fx_json_text_slice(fx_json_at(attributes, "RedrivePolicy")), &policy,
                      &ignored) == FX_OK)
        target = fx_json_get_text(policy, "deadLetterTargetArn");
    return target == NULL ? "" : target;
}

enum fx_code queue_depth(const struct fx_step_context *ctx, const struct queue *queue,
                         struct queue_depth *ret_depth, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    const struct fx_json *params = fx_json_object_of(
        sc, "QueueUrl", fx_json_string(sc, queue->url), "AttributeNames",
        fx_json_array_of(sc, fx_json_string(sc, "ApproximateNumberOfMessages"),
                         fx_json_string(sc, "ApproximateNumberOfMessagesNotVisible"),
                         fx_json_string(sc, "ApproximateNumberOfMessagesDelayed"),
                         fx_json_string(sc, "RedrivePolicy"), NULL),
        NULL);

    if (queue_call(ctx, "GetQueueAttributes", params, &answer, err) != FX_OK)
        return fx_fail_in(err, "the state of queue %s", queue->name);
    const struct fx_json *attributes = fx_json_at(answer, "Attributes");

    *ret_depth = (struct queue_depth){
        .visible = number_at(attributes, "ApproximateNumberOfMessages"),
        .in_flight = number_at(attributes, "ApproximateNumberOfMessagesNotVisible"),
        .delayed = number_at(attributes, "ApproximateNumberOfMessagesDelayed"),
        .dead_letter_target = target_of(sc, attributes)};
    return FX_OK;
}

enum fx_code queue_refuse_running_task(const struct fx_step_context *ctx, const struct queue *queue,
                                       struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;

    FX_TRY(queue_call(ctx, "ListMessageMoveTasks",
                      fx_json_object_of(sc, "SourceArn", fx_json_string(sc, queue->arn),
                                        "MaxResults", fx_json_int(sc, 1), NULL),
                      &answer, err));
    const char *status = fx_json_text(fx_json_at_path(answer, "Results.0.Status"));

    if (status != NULL && (strcmp(status, "RUNNING") == 0 || strcmp(status, "CANCELLING") == 0))
        return fx_fail(err, FX_ERR_CONFLICT,
                       "a move task of queue %s is %s; wait for it or cancel it", queue->name,
                       status);
    return FX_OK;
}

enum fx_code queue_and_source(const struct fx_step_context *ctx, const char *name,
                              struct queue *ret_queue, struct queue *ret_source,
                              struct fx_error *err) {
    struct queue_depth depth;

    FX_TRY(queue_find(ctx, name, ret_queue, err));
    if (ret_queue->source == NULL)
        return fx_fail(
            err, FX_ERR_DENIED,
            "queue %s names no source in system.yaml, so nobody knows where its messages belong",
            ret_queue->name);
    FX_TRY(queue_find(ctx, ret_queue->source, ret_source, err));
    FX_TRY(queue_depth(ctx, ret_source, &depth, err));
    if (strcmp(depth.dead_letter_target, ret_queue->arn) != 0)
        return fx_fail(err, FX_ERR_DENIED,
                       "%s does not send its dead letters to %s (its redrive policy names %s)",
                       ret_source->name, ret_queue->name,
                       depth.dead_letter_target[0] == '\0' ? "none" : depth.dead_letter_target);
    return queue_refuse_running_task(ctx, ret_queue, err);
}
