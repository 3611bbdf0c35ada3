/* sqs_messages.c - SQS's calls on single messages: send, receive, delete, change visibility, purge.
 */
#include "sqs.h"

#include <string.h>

enum { MAX_DELAY_S = 900, PURGE_PAUSE_MS = 60000, WAIT_SLICE_MS = 100 };

static struct fx_json *invalid(struct aws_call *call, const char *message) {
    return aws_fail(call, 400, "InvalidParameterValueException", "InvalidParameterValue", "%s",
                    message);
}

static struct fx_json *missing(struct aws_call *call, const char *parameter) {
    return aws_fail(call, 400, "MissingRequiredParameterException", "MissingParameter",
                    "The request must contain the parameter %s.", parameter);
}

/* #x9 #xA #xD #x20 and up; U+FFFE and U+FFFF are refused, the rest of UTF-8 is fine. */
static bool allowed_characters(struct fx_slice body) {
    for (size_t i = 0; i < body.len; i++) {
        unsigned char c = (unsigned char)body.ptr[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            return false;
        if (c == 0xef && i + 2 < body.len && (unsigned char)body.ptr[i + 1] == 0xbf &&
            (unsigned char)body.ptr[i + 2] >= 0xbe)
            return false;
    }
    return true;
}

static void record(struct aws_call *call, const char *operation, const struct sqs_queue *queue,
                   const struct sqs_message *message, bool batch) {
    struct fx_scope *sc = call->sc;
    struct fx_json *detail = sqs_fingerprint(sc, message);

    fx_json_put(detail, "request_id", fx_json_string(sc, call->request_id));
    fx_json_put(detail, "batch", fx_json_bool(sc, batch));
    sandbox_effect(call->sb, "sqs", operation, queue->arn, detail);
}

/* ---- send ---- */

static bool draft_of(struct aws_call *call, const struct sqs_queue *queue,
                     const struct fx_json *entry, struct sqs_draft *ret_draft) {
    struct fx_json *attributes = fx_json_at(entry, "MessageAttributes");
    struct fx_json *system = fx_json_at(entry, "MessageSystemAttributes");
    struct fx_slice body = fx_json_text_slice(fx_json_at(entry, "MessageBody"));
    int64_t delay_s = aws_input_int(entry, "DelaySeconds", queue->delay_s);
    size_t bytes = body.len;
    const char *problem;

    if (body.len == 0) {
        missing(call, "MessageBody");
        return false;
    }
    if (delay_s < 0 || delay_s > MAX_DELAY_S) {
        invalid(call, fx_printf(call->sc,
                                "Value %lld for parameter DelaySeconds is invalid. Reason: "
                                "DelaySeconds must be >= 0 and <= 900.",
                                (long long)delay_s));
        return false;
    }
    problem = sqs_attributes_check(call->sc, attributes, &bytes);
    if (problem[0] != '\0') {
        invalid(call, problem);
        return false;
    }
    if (bytes > (size_t)queue->max_bytes) {
        invalid(call, fx_printf(call->sc,
                                "One or more parameters are invalid. Reason: Message must be "
                                "shorter than %lld bytes.",
                                (long long)queue->max_bytes));
        return false;
    }
    if (!allowed_characters(body)) {
        aws_fail(call, 400, "InvalidMessageContents", NULL,
                 "Invalid binary character was found in the message body, the set of allowed "
                 "characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to "
                 "#x10FFFF");
        return false;
    }
    *ret_draft = (struct sqs_draft){
        .body = body,
        .attributes = attributes,
        .delay_s = delay_s,
        .trace_header = fx_json_text(fx_json_at_path(system, "AWSTraceHeader.StringValue")),
    };
    return true;
}

struct fx_json *sqs_send_entry(struct aws_call *call, struct sqs_queue *queue,
                               const struct fx_json *entry, bool batch) {
    struct fx_scope *sc = call->sc;
    struct sqs_draft draft;
    const struct sqs_message *message;

    if (!draft_of(call, queue, entry, &draft))
        return NULL;
    message = sqs_send(call->aws, queue, &draft);
    record(call, "SendMessage", queue, message, batch);

    const char *md5 = sqs_attributes_md5(sc, message->attributes);
    return fx_json_object_of(sc, "MessageId", fx_json_string(sc, message->id), "MD5OfMessageBody",
                             fx_json_string(sc, fx_md5_hex(sc, message->body)),
                             "MD5OfMessageAttributes", md5 != NULL ? fx_json_string(sc, md5) : NULL,
                             NULL);
}

struct fx_json *sqs_send_message(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);

    return queue != NULL ? sqs_send_entry(call, queue, call->input, false) : NULL;
}

/* ---- receive ---- */

static struct fx_json *names_of(const struct fx_json *input, const char *name, const char *older) {
    struct fx_json *names = fx_json_at(input, name);

    return names != NULL ? names : fx_json_at(input, older);
}

static void put_wanted(struct fx_scope *sc, struct fx_json *into, const struct fx_json *names,
                       const char *name, const char *value) {
    if (value != NULL && (aws_list_has(names, "All") || aws_list_has(names, name)))
        fx_json_put(into, name, fx_json_string(sc, value));
}

static struct fx_json *system_attributes(struct fx_scope *sc, const struct sqs_message *m,
                                         const struct fx_json *names) {
    struct fx_json *out = fx_json_object(sc);

    put_wanted(sc, out, names, "SenderId", m->sender);
    put_wanted(sc, out, names, "SentTimestamp", fx_printf(sc, "%lld", (long long)m->sent_ms));
    put_wanted(sc, out, names, "ApproximateReceiveCount",
               fx_printf(sc, "%lld", (long long)m->receive_count));
    put_wanted(sc, out, names, "ApproximateFirstReceiveTimestamp",
               fx_printf(sc, "%lld", (long long)m->first_receive_ms));
    put_wanted(sc, out, names, "DeadLetterQueueSourceArn", m->source_arn);
    put_wanted(sc, out, names, "AWSTraceHeader", m->trace_header);
    return fx_json_count(out) > 0 ? out : NULL;
}

static struct fx_json *received(struct aws_call *call, const struct sqs_queue *queue,
                                const struct sqs_message *m) {
    struct fx_scope *sc = call->sc;
    struct fx_json *system_names =
        names_of(call->input, "MessageSystemAttributeNames", "AttributeNames");
    struct fx_json *attributes =
        sqs_attributes_select(sc, m->attributes, fx_json_at(call->input, "MessageAttributeNames"));
    const char *md5 = sqs_attributes_md5(sc, attributes);

    return fx_json_object_of(
        sc, "MessageId", fx_json_string(sc, m->id), "ReceiptHandle",
        fx_json_string(sc, sqs_receipt_new(sc, queue, m)), "MD5OfBody",
        fx_json_string(sc, fx_md5_hex(sc, m->body)), "Body", fx_json_slice(sc, m->body),
        "Attributes", system_attributes(sc, m, system_names), "MD5OfMessageAttributes",
        md5 != NULL ? fx_json_string(sc, md5) : NULL, "MessageAttributes", attributes, NULL);
}

/* Short polling asks some of SQS's servers only, so it may see fewer messages, or none. */
static size_t sampled(struct aws_call *call, size_t max, bool long_poll) {
    struct fx_random *random = call->sb->random;

    if (call->aws->short_receives <= 0 || !sandbox_random_chance(random, call->aws->short_receives))
        return max;
    return long_poll ? 1 + (size_t)sandbox_random_below(random, max)
                     : (size_t)sandbox_random_below(random, max);
}

/* Waits for messages up to wait_s. The queue is looked up again after each wait: it may be gone,
 * and those of a new world are not for a call of the old one. */
static size_t poll(struct aws_call *call, struct sqs_queue **queue, size_t max, int64_t wait_s,
                   struct sqs_message **messages) {
    const char *name = fx_strdup(call->sc, (*queue)->name);
    int64_t end_ms = fx_mono_ms(call->sb->clock) + wait_s * 1000, worlds = call->aws->worlds;
    size_t most = sampled(call, max, wait_s > 0);

    for (;;) {
        int64_t visibility_s =
            aws_input_int(call->input, "VisibilityTimeout", (*queue)->visibility_s);
        size_t count = sqs_receive(call->aws, *queue, most, visibility_s, messages);
        int64_t left_ms = end_ms - fx_mono_ms(call->sb->clock);

        if (count > 0 || left_ms <= 0 || call->sb->stopping)
            return count;
        /* visibility that runs out notifies nobody, hence slices */
        sandbox_wait(call->sb, left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS);
        *queue = call->aws->worlds == worlds ? sqs_find(call->aws, name) : NULL;
        if (*queue == NULL)
            return 0;
    }
}

struct fx_json *sqs_receive_message(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);
    struct sqs_message *messages[SQS_MAX_BATCH];
    struct fx_json *list = fx_json_array(call->sc);
    int64_t max, wait_s, visibility_s;

    if (queue == NULL)
        return NULL;
    max = aws_input_int(call->input, "MaxNumberOfMessages", 1);
    wait_s = aws_input_int(call->input, "WaitTimeSeconds", queue->wait_s);
    visibility_s = aws_input_int(call->input, "VisibilityTimeout", queue->visibility_s);
    if (max < 1 || max > SQS_MAX_BATCH)
        return invalid(call, fx_printf(call->sc,
                                       "Value %lld for parameter MaxNumberOfMessages is invalid. "
                                       "Reason: Must be between 1 and 10, if provided.",
                                       (long long)max));
    if (wait_s < 0 || wait_s > SQS_MAX_WAIT_S)
        return invalid(call, fx_printf(call->sc,
                                       "Value %lld for parameter WaitTimeSeconds is invalid. "
                                       "Reason: Must be >= 0 and <= 20, if provided.",
                                       (long long)wait_s));
    if (visibility_s < 0 || visibility_s > SQS_MAX_VISIBILITY_S)
        return invalid(call, fx_printf(call->sc,
                                       "Value %lld for parameter VisibilityTimeout is invalid. "
                                       "Reason: Must be >= 0 and <= 43200, if provided.",
                                       (long long)visibility_s));
    if (queue->count >= SQS_MAX_IN_FLIGHT &&
        sqs_count(call->aws, queue).in_flight >= SQS_MAX_IN_FLIGHT)
        return aws_fail(call, 400, "OverLimit", NULL, "Too many messages are in flight.");

    size_t count = poll(call, &queue, (size_t)max, wait_s, messages);
    if (count == 0 && queue != NULL)
        sqs_history_count(call->aws, queue, SQS_METRIC_EMPTY_RECEIVES);
    for (size_t i = 0; i < count; i++)
        fx_json_add(list, received(call, queue, messages[i]));
    return fx_json_object_of(call->sc, "Messages", count > 0 ? list : NULL, NULL);
}

/* ---- delete, visibility, purge ---- */

static enum sqs_receipt find_receipt(struct aws_call *call, struct sqs_queue *queue,
                                     const struct fx_json *entry, struct sqs_message **ret) {
    const char *handle = fx_json_get_text(entry, "ReceiptHandle");
    enum sqs_receipt receipt;

    if (handle == NULL || handle[0] == '\0') {
        missing(call, "ReceiptHandle");
        return SQS_RECEIPT_INVALID;
    }
    receipt = sqs_receipt_find(call->sc, queue, handle, ret);
    if (receipt == SQS_RECEIPT_INVALID)
        aws_fail(call, 400, "ReceiptHandleIsInvalid", NULL,
                 "The input receipt handle \"%.100s\" is not a valid receipt handle.", handle);
    return receipt;
}

/* An old handle is accepted and deletes nothing, as with SQS. */
struct fx_json *sqs_delete_entry(struct aws_call *call, struct sqs_queue *queue,
                                 const struct fx_json *entry, bool batch) {
    struct sqs_message *message = NULL;

    switch (find_receipt(call, queue, entry, &message)) {
    case SQS_RECEIPT_INVALID:
        return NULL;
    case SQS_RECEIPT_GONE:
        break;
    case SQS_RECEIPT_LATEST:
        record(call, "DeleteMessage", queue, message, batch);
        sqs_remove(call->aws, queue, message);
    }
    return fx_json_object(call->sc);
}

struct fx_json *sqs_delete_message(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);

    return queue != NULL ? sqs_delete_entry(call, queue, call->input, false) : NULL;
}

struct fx_json *sqs_visibility_entry(struct aws_call *call, struct sqs_queue *queue,
                                     const struct fx_json *entry, bool batch) {
    int64_t now_ms = fx_mono_ms(call->sb->clock);
    int64_t visibility_s = aws_input_int(entry, "VisibilityTimeout", batch ? 0 : -1);
    struct sqs_message *message = NULL;

    if (visibility_s < 0 || visibility_s > SQS_MAX_VISIBILITY_S)
        return invalid(call, "VisibilityTimeout must be between 0 and 43200 seconds.");
    switch (find_receipt(call, queue, entry, &message)) {
    case SQS_RECEIPT_INVALID:
        return NULL;
    case SQS_RECEIPT_GONE:
        return invalid(call, "Value for parameter ReceiptHandle is invalid. Reason: Message does "
                             "not exist or is not available for visibility timeout change.");
    case SQS_RECEIPT_LATEST:
        break;
    }
    if (sqs_is_visible(message, now_ms))
        return aws_fail(call, 400, "MessageNotInflight",
                        "AWS.SimpleQueueService.MessageNotInflight",
                        "The specified message isn't in flight.");
    message->visible_mono_ms = now_ms + visibility_s * 1000;
    if (visibility_s == 0)
        sandbox_notify(call->sb);
    return fx_json_object(call->sc);
}

struct fx_json *sqs_change_message_visibility(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);

    return queue != NULL ? sqs_visibility_entry(call, queue, call->input, false) : NULL;
}

struct fx_json *sqs_purge_queue(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);
    int64_t now_ms = fx_mono_ms(call->sb->clock);
    struct fx_scope *sc = call->sc;

    if (queue == NULL)
        return NULL;
    if (now_ms - queue->purged_mono_ms < PURGE_PAUSE_MS)
        return aws_fail(
            call, 403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
            "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue->name);
    queue->purged_mono_ms = now_ms;
    sandbox_effect(call->sb, "sqs", "PurgeQueue", queue->arn,
                   fx_json_object_of(sc, "messages", fx_json_int(sc, (int64_t)queue->count),
                                     "request_id", fx_json_string(sc, call->request_id), NULL));
    sqs_clear(queue);
    return fx_json_object(sc);
}
