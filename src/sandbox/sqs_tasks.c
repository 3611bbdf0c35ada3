/* sqs_tasks.c - SQS's message move tasks: start, list, cancel, and what they do as time passes. */
#include "calls.h"
#include "sqs.h"

#include <string.h>

enum { SYSTEM_RATE = 100, MAX_RATE = 500, MAX_RESULTS = 10, CANCEL_MS = 300 };

#define RUNNING "RUNNING"
#define CANCELLING "CANCELLING"

static bool is_active(const struct sqs_task *task) {
    return strcmp(task->status, RUNNING) == 0 || strcmp(task->status, CANCELLING) == 0;
}

static struct fx_json *invalid(struct aws_call *call, const char *message) {
    return aws_fail(call, 400, "InvalidParameterValueException", "InvalidParameterValue", "%s",
                    message);
}

static struct fx_json *not_found(struct aws_call *call, const char *message) {
    return aws_fail(call, 404, "ResourceNotFoundException", NULL, "%s", message);
}

static bool is_dlq(struct sandbox_aws *aws, const struct sqs_queue *queue) {
    for (struct sqs_queue *source = aws->queues; source != NULL; source = source->next)
        if (source->dlq_arn != NULL && strcmp(source->dlq_arn, queue->arn) == 0)
            return true;
    return false;
}

static struct sqs_task *active_task(struct sandbox_aws *aws, const char *source_arn) {
    for (struct sqs_task *task = aws->tasks; task != NULL; task = task->next)
        if (is_active(task) && strcmp(task->source_arn, source_arn) == 0)
            return task;
    return NULL;
}

static struct sqs_task *new_task(struct aws_call *call, const struct sqs_queue *source,
                                 const struct sqs_queue *destination, int64_t rate) {
    struct sandbox_aws *aws = call->aws;
    struct fx_scope *sc = aws->world;
    struct sqs_task *task = FX_NEW(sc, struct sqs_task);
    const char *id = fx_uuid_new(call->sc, call->sb->random);
    const char *plain =
        fx_printf(call->sc, "{\"taskId\":\"%s\",\"sourceArn\":\"%s\"}", id, source->arn);

    task->handle = fx_base64(sc, fx_slice_of(plain));
    task->status = RUNNING;
    task->source_arn = fx_strdup(sc, source->arn);
    task->destination_arn = destination != NULL ? fx_strdup(sc, destination->arn) : NULL;
    task->rate = rate;
    task->to_move = (int64_t)sqs_count(aws, source).visible;
    task->started_ms = fx_wall_ms(call->sb->clock);
    task->advanced_mono_ms = fx_mono_ms(call->sb->clock);
    task->last_serial = source->last != NULL ? source->last->serial : 0;
    task->next = aws->tasks;
    aws->tasks = task;
    return task;
}

struct fx_json *sqs_start_message_move_task(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *destination_arn = fx_json_get_text(call->input, "DestinationArn");
    const char *source_arn = fx_json_get_text(call->input, "SourceArn");
    int64_t rate = aws_input_int(call->input, "MaxNumberOfMessagesPerSecond", 0);
    struct sqs_queue *source = sqs_find_arn(call->aws, source_arn);
    struct sqs_queue *destination = sqs_find_arn(call->aws, destination_arn);

    if (source_arn == NULL)
        return aws_fail(call, 400, "MissingRequiredParameterException", "MissingParameter",
                        "The request must contain the parameter SourceArn.");
    if (source == NULL)
        return not_found(call, "The resource that you specified for the SourceArn parameter "
                               "doesn't exist.");
    if (!is_dlq(call->aws, source))
        return invalid(call, "Source queue must be configured as a Dead Letter Queue.");
    if (destination_arn != NULL && destination == NULL)
        return not_found(call, "The resource that you specified for the DestinationArn parameter "
                               "doesn't exist.");
    if (destination == source)
        return invalid(call, "Source queue arn and destination queue arn cannot be the same.");
    if (rate < 0 || rate > MAX_RATE ||
        (rate == 0 && fx_json_at(call->input, "MaxNumberOfMessagesPerSecond") != NULL))
        return invalid(call, "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
                             "Reason: You must enter a value from 1 to 500.");
    if (active_task(call->aws, source->arn) != NULL)
        return invalid(call, "There is already a task running. Only one active task is allowed "
                             "for a source queue arn at a given time.");

    const struct sqs_task *task = new_task(call, source, destination, rate);
    sandbox_effect(call->sb, "sqs", "StartMessageMoveTask", source->arn,
                   fx_json_object_of(sc, "destination_arn", fx_json_string(sc, destination_arn),
                                     "rate", fx_json_int(sc, rate), "to_move",
                                     fx_json_int(sc, task->to_move), "task_handle",
                                     fx_json_string(sc, task->handle), "request_id",
                                     fx_json_string(sc, call->request_id), NULL));
    return fx_json_object_of(sc, "TaskHandle", fx_json_string(sc, task->handle), NULL);
}

static struct fx_json *entry_of(struct fx_scope *sc, const struct sqs_task *task) {
    bool running = strcmp(task->status, RUNNING) == 0;

    return fx_json_object_of(
        sc, "TaskHandle", running ? fx_json_string(sc, task->handle) : NULL, "Status",
        fx_json_string(sc, task->status), "SourceArn", fx_json_string(sc, task->source_arn),
        "DestinationArn",
        task->destination_arn != NULL ? fx_json_string(sc, task->destination_arn) : NULL,
        "MaxNumberOfMessagesPerSecond", task->rate > 0 ? fx_json_int(sc, task->rate) : NULL,
        "ApproximateNumberOfMessagesMoved", fx_json_int(sc, task->moved),
        "ApproximateNumberOfMessagesToMove", fx_json_int(sc, task->to_move), "FailureReason",
        task->failure_reason != NULL ? fx_json_string(sc, task->failure_reason) : NULL,
        "StartedTimestamp", fx_json_int(sc, task->started_ms), NULL);
}

struct fx_json *sqs_list_message_move_tasks(struct aws_call *call) {
    const char *arn = aws_input_text(call->input, "SourceArn");
    int64_t most = aws_input_int(call->input, "MaxResults", 1);
    struct fx_json *results = fx_json_array(call->sc);

    if (sqs_find_arn(call->aws, arn) == NULL)
        return not_found(call, "The resource that you specified for the SourceArn parameter "
                               "doesn't exist.");
    if (most < 1 || most > MAX_RESULTS)
        return invalid(call, "Value for parameter MaxResults is invalid. Reason: It must be "
                             "between 1 and 10.");
    sqs_tasks_advance(call->aws);
    for (struct sqs_task *task = call->aws->tasks; task != NULL; task = task->next)
        if (strcmp(task->source_arn, arn) == 0 && (int64_t)fx_json_count(results) < most)
            fx_json_add(results, entry_of(call->sc, task));
    return fx_json_object_of(call->sc, "Results", results, NULL);
}

static struct sqs_task *find_task(struct sandbox_aws *aws, const char *handle) {
    for (struct sqs_task *task = aws->tasks; task != NULL; task = task->next)
        if (strcmp(task->handle, handle) == 0)
            return task;
    return NULL;
}

const char *sqs_task_source(struct sandbox_aws *aws, const char *handle) {
    const struct sqs_task *task = find_task(aws, handle);

    return task == NULL ? NULL : task->source_arn;
}

struct fx_json *sqs_cancel_message_move_task(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *handle = aws_input_text(call->input, "TaskHandle");
    struct sqs_task *task;
    struct fx_slice plain;
    struct fx_json *json;
    struct fx_error err;

    sqs_tasks_advance(call->aws);
    task = find_task(call->aws, handle);
    if (fx_base64_decode(sc, fx_slice_of(handle), &plain, &err) != FX_OK ||
        fx_json_parse(sc, plain, &json, &err) != FX_OK || fx_json_get_text(json, "taskId") == NULL)
        return invalid(call, "Value for parameter TaskHandle is invalid.");
    if (task == NULL)
        return not_found(call, "Task does not exist.");
    if (strcmp(task->status, RUNNING) != 0)
        return invalid(call, "Only active tasks can be cancelled.");

    task->status = CANCELLING;
    task->advanced_mono_ms = fx_mono_ms(call->sb->clock);
    sandbox_effect(call->sb, "sqs", "CancelMessageMoveTask", task->source_arn,
                   fx_json_object_of(sc, "task_handle", fx_json_string(sc, task->handle), "moved",
                                     fx_json_int(sc, task->moved), "request_id",
                                     fx_json_string(sc, call->request_id), NULL));
    return fx_json_object_of(sc, "ApproximateNumberOfMessagesMoved", fx_json_int(sc, task->moved),
                             NULL);
}

/* ---- as time passes ---- */

static struct sqs_message *next_message(const struct sqs_task *task, const struct sqs_queue *source,
                                        int64_t now_ms) {
    for (struct sqs_message *m = source->first; m != NULL && m->serial <= task->last_serial;
         m = m->next)
        if (sqs_is_visible(m, now_ms))
            return m;
    return NULL;
}

/* A moved message is a new one: id, time and receive count begin again. */
static void move_one(struct sandbox_aws *aws, struct sqs_task *task, struct sqs_queue *source,
                     struct sqs_message *message) {
    struct sqs_queue *destination = sqs_find_arn(
        aws, task->destination_arn != NULL ? task->destination_arn : message->source_arn);

    if (destination == NULL) {
        task->status = "FAILED";
        task->failure_reason = task->destination_arn == NULL && message->source_arn == NULL
                                   ? "CouldNotDetermineMessageSource"
                                   : "AWS.SimpleQueueService.NonExistentQueue";
        return;
    }
    message->id = fx_uuid_new(message->sc, aws->sb->random);
    message->sent_ms = fx_wall_ms(aws->sb->clock);
    message->receive_count = message->first_receive_ms = 0;
    message->source_arn = NULL;
    sqs_history_count(aws, source, SQS_METRIC_RECEIVED);
    sqs_history_count(aws, source, SQS_METRIC_DELETED);
    sqs_history_count(aws, destination, SQS_METRIC_SENT);
    sqs_move(aws, source, destination, message);
    task->moved++;
}

static void advance(struct sandbox_aws *aws, struct sqs_task *task, int64_t now_ms) {
    struct sqs_queue *source = sqs_find_arn(aws, task->source_arn);
    int64_t passed_ms = now_ms - task->advanced_mono_ms;

    if (strcmp(task->status, CANCELLING) == 0) {
        if (passed_ms >= CANCEL_MS)
            task->status = "CANCELLED";
        return;
    }
    task->advanced_mono_ms = now_ms;
    task->due += (double)passed_ms / 1000 * (double)(task->rate > 0 ? task->rate : SYSTEM_RATE);
    while (strcmp(task->status, RUNNING) == 0 && task->due >= 1) {
        struct sqs_message *message = source != NULL ? next_message(task, source, now_ms) : NULL;

        task->due -= 1;
        if (message != NULL)
            move_one(aws, task, source, message);
        else
            task->status = "COMPLETED";
    }
}

void sqs_tasks_advance(struct sandbox_aws *aws) {
    int64_t now_ms = fx_mono_ms(aws->sb->clock);

    for (struct sqs_task *task = aws->tasks; task != NULL; task = task->next)
        if (is_active(task))
            advance(aws, task, now_ms);
}
