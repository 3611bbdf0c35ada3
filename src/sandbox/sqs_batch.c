/* sqs_batch.c - SQS's batch calls: up to ten entries, each of which may fail alone. */
#include "sqs.h"

#include <string.h>

enum { ENTRY_ID_MAX = 80 };

typedef struct fx_json *entry_fn(struct aws_call *call, struct sqs_queue *queue,
                                 const struct fx_json *entry, bool batch);

static bool is_entry_id(const char *id) {
    size_t len = id != NULL ? strlen(id) : 0;

    return len > 0 && len <= ENTRY_ID_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static bool check_entries(struct aws_call *call, const struct fx_json *entries) {
    size_t count = fx_json_count(entries);

    if (count == 0) {
        aws_fail(call, 400, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest",
                 "There should be at least one entry in the request.");
        return false;
    }
    if (count > SQS_MAX_BATCH) {
        aws_fail(call, 400, "TooManyEntriesInBatchRequest",
                 "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                 "Maximum number of entries per request are 10. You have sent %zu.", count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *id = fx_json_get_text(fx_json_item(entries, i), "Id");

        if (!is_entry_id(id)) {
            aws_fail(call, 400, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId",
                     "A batch entry id can only contain alphanumeric characters, hyphens and "
                     "underscores. It can be at most 80 letters long.");
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(id, aws_input_text(fx_json_item(entries, j), "Id")) != 0)
                continue;
            aws_fail(call, 400, "BatchEntryIdsNotDistinct",
                     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id %s repeated.", id);
            return false;
        }
    }
    return true;
}

static struct fx_json *failed_entry(struct aws_call *call, const char *id) {
    const struct aws_failure *failure = &call->failure;

    return fx_json_object_of(call->sc, "Id", fx_json_string(call->sc, id), "SenderFault",
                             fx_json_bool(call->sc, failure->status < 500), "Code",
                             fx_json_string(call->sc, failure->code), "Message",
                             fx_json_string(call->sc, failure->message), NULL);
}

static struct fx_json *run_batch(struct aws_call *call, struct sqs_queue *queue, entry_fn *run) {
    struct fx_scope *sc = call->sc;
    struct fx_json *entries = fx_json_at(call->input, "Entries");
    struct fx_json *successful = fx_json_array(sc), *failed = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        struct fx_json *entry = fx_json_item(entries, i);
        const char *id = fx_json_get_text(entry, "Id");
        struct fx_json *done = run(call, queue, entry, true);

        if (done == NULL) {
            fx_json_add(failed, failed_entry(call, id));
            call->failure = (struct aws_failure){0};
            continue;
        }
        fx_json_put(done, "Id", fx_json_string(sc, id));
        fx_json_add(successful, done);
    }
    return fx_json_object_of(sc, "Successful", fx_json_count(successful) > 0 ? successful : NULL,
                             "Failed", fx_json_count(failed) > 0 ? failed : NULL, NULL);
}

static struct fx_json *batch(struct aws_call *call, entry_fn *run) {
    struct sqs_queue *queue = sqs_call_queue(call);

    if (queue == NULL || !check_entries(call, fx_json_at(call->input, "Entries")))
        return NULL;
    return run_batch(call, queue, run);
}

struct fx_json *sqs_send_message_batch(struct aws_call *call) {
    struct fx_json *entries = fx_json_at(call->input, "Entries");
    size_t bytes = 0;

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        struct fx_json *entry = fx_json_item(entries, i);

        bytes += fx_json_text_slice(fx_json_at(entry, "MessageBody")).len;
        (void)sqs_attributes_check(call->sc, fx_json_at(entry, "MessageAttributes"), &bytes);
    }
    if (bytes > SQS_MAX_BYTES)
        return aws_fail(call, 400, "BatchRequestTooLong",
                        "AWS.SimpleQueueService.BatchRequestTooLong",
                        "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
                        SQS_MAX_BYTES, bytes);
    return batch(call, sqs_send_entry);
}

struct fx_json *sqs_delete_message_batch(struct aws_call *call) {
    return batch(call, sqs_delete_entry);
}

struct fx_json *sqs_change_message_visibility_batch(struct aws_call *call) {
    return batch(call, sqs_visibility_entry);
}
