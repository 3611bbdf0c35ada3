/* sqs_calls.c - SQS's calls on queues and the table of all its calls. */
#include "sqs.h"

#include <string.h>

enum { QUEUE_NAME_MAX = 80, RETENTION_MIN_S = 60, RETENTION_MAX_S = 1209600, MAX_BYTES_MIN = 1024 };

static struct fx_json *no_queue(struct aws_call *call) {
    return aws_fail(call, 400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
                    "The specified queue does not exist.");
}

struct sqs_queue *sqs_call_queue(struct aws_call *call) {
    const char *url = fx_json_get_text(call->input, "QueueUrl");
    struct sqs_queue *queue;

    /* the query protocol may post to the queue's own address instead */
    if (url == NULL && call->protocol == AWS_QUERY && strcmp(call->path, "/") != 0)
        url = call->path;
    if (url == NULL || url[0] == '\0') {
        aws_fail(call, 400, "MissingRequiredParameterException", "MissingParameter",
                 "The request must contain the parameter QueueUrl.");
        return NULL;
    }
    queue = sqs_find_url(call->aws, url);
    if (queue == NULL)
        no_queue(call);
    return queue;
}

static struct fx_json *url_of(const struct aws_call *call, const struct sqs_queue *queue) {
    return fx_json_stringf(call->sc, "http://%s/" AWS_ACCOUNT "/%s", call->host, queue->name);
}

/* ---- attributes ---- */

static const char *const attribute_names[] = {
    "All",
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
};

bool sqs_is_attribute(const char *name) {
    for (size_t i = 0; i < FX_COUNT_OF(attribute_names); i++)
        if (strcmp(attribute_names[i], name) == 0)
            return true;
    return false;
}

static struct fx_json *all_attributes(struct aws_call *call, const struct sqs_queue *queue) {
    struct fx_scope *sc = call->sc;
    struct sqs_counts counts = sqs_count(call->aws, queue);

    return fx_json_object_of(
        sc, "QueueArn", fx_json_string(sc, queue->arn), "ApproximateNumberOfMessages",
        fx_json_stringf(sc, "%zu", counts.visible), "ApproximateNumberOfMessagesNotVisible",
        fx_json_stringf(sc, "%zu", counts.in_flight), "ApproximateNumberOfMessagesDelayed",
        fx_json_stringf(sc, "%zu", counts.delayed), "CreatedTimestamp",
        fx_json_stringf(sc, "%lld", (long long)(queue->created_ms / 1000)), "LastModifiedTimestamp",
        fx_json_stringf(sc, "%lld", (long long)(queue->modified_ms / 1000)), "VisibilityTimeout",
        fx_json_stringf(sc, "%lld", (long long)queue->visibility_s), "MaximumMessageSize",
        fx_json_stringf(sc, "%lld", (long long)queue->max_bytes), "MessageRetentionPeriod",
        fx_json_stringf(sc, "%lld", (long long)queue->retention_s), "DelaySeconds",
        fx_json_stringf(sc, "%lld", (long long)queue->delay_s), "ReceiveMessageWaitTimeSeconds",
        fx_json_stringf(sc, "%lld", (long long)queue->wait_s), "SqsManagedSseEnabled",
        fx_json_string(sc, "true"), "RedrivePolicy",
        queue->redrive_policy != NULL ? fx_json_string(sc, queue->redrive_policy) : NULL,
        "RedriveAllowPolicy",
        queue->redrive_allow_policy != NULL ? fx_json_string(sc, queue->redrive_allow_policy)
                                            : NULL,
        "Policy", queue->policy != NULL ? fx_json_string(sc, queue->policy) : NULL, NULL);
}

struct fx_json *sqs_get_queue_attributes(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);
    struct fx_json *names = fx_json_at(call->input, "AttributeNames");
    struct fx_json *selected = fx_json_object(call->sc);
    void *cursor = NULL;
    const char *name;
    struct fx_json *value, *all;

    if (queue == NULL)
        return NULL;
    for (size_t i = 0; i < fx_json_count(names); i++) {
        const char *asked = fx_json_text(fx_json_item(names, i));

        if (asked == NULL || !sqs_is_attribute(asked))
            return aws_fail(call, 400, "InvalidAttributeName", NULL, "Unknown Attribute %s.",
                            asked != NULL ? asked : "");
    }
    all = all_attributes(call, queue);
    while (fx_json_next(all, &cursor, &name, &value))
        if (aws_list_has(names, "All") || aws_list_has(names, name))
            fx_json_put(selected, name, value);
    return fx_json_object_of(call->sc, "Attributes", fx_json_count(selected) > 0 ? selected : NULL,
                             NULL);
}

static bool set_number(int64_t *member, const char *value, int64_t least, int64_t most) {
    int64_t number = 0;

    if (!fx_slice_to_int(fx_slice_of(value), &number) || number < least || number > most)
        return false;
    *member = number;
    return true;
}

bool sqs_set_attribute(struct sqs_queue *queue, const char *name, const char *value) {
    if (strcmp(name, "VisibilityTimeout") == 0)
        return set_number(&queue->visibility_s, value, 0, SQS_MAX_VISIBILITY_S);
    if (strcmp(name, "DelaySeconds") == 0)
        return set_number(&queue->delay_s, value, 0, 900);
    if (strcmp(name, "ReceiveMessageWaitTimeSeconds") == 0)
        return set_number(&queue->wait_s, value, 0, SQS_MAX_WAIT_S);
    if (strcmp(name, "MessageRetentionPeriod") == 0)
        return set_number(&queue->retention_s, value, RETENTION_MIN_S, RETENTION_MAX_S);
    if (strcmp(name, "MaximumMessageSize") == 0)
        return set_number(&queue->max_bytes, value, MAX_BYTES_MIN, SQS_MAX_BYTES);
    if (strcmp(name, "RedrivePolicy") == 0)
        return sqs_set_redrive_policy(queue, value);
    if (strcmp(name, "RedriveAllowPolicy") == 0)
        queue->redrive_allow_policy = value[0] != '\0' ? fx_strdup(queue->sc, value) : NULL;
    else if (strcmp(name, "Policy") == 0)
        queue->policy = value[0] != '\0' ? fx_strdup(queue->sc, value) : NULL;
    return true;
}

static bool set_attributes(struct aws_call *call, struct sqs_queue *queue) {
    struct fx_json *attributes = fx_json_at(call->input, "Attributes");
    void *cursor = NULL;
    const char *name;
    struct fx_json *value;

    while (fx_json_next(attributes, &cursor, &name, &value)) {
        if (!sqs_is_attribute(name)) {
            aws_fail(call, 400, "InvalidAttributeName", NULL, "Unknown Attribute %s.", name);
            return false;
        }
        if (fx_json_text(value) == NULL || !sqs_set_attribute(queue, name, fx_json_text(value))) {
            aws_fail(call, 400, "InvalidAttributeValue", NULL,
                     "Invalid value for the parameter %s.", name);
            return false;
        }
    }
    return true;
}

struct fx_json *sqs_set_queue_attributes(struct aws_call *call) {
    struct sqs_queue *queue = sqs_call_queue(call);

    if (queue == NULL || !set_attributes(call, queue))
        return NULL;
    queue->modified_ms = fx_wall_ms(call->sb->clock);
    sandbox_effect(call->sb, "sqs", "SetQueueAttributes", queue->arn,
                   fx_json_object_of(call->sc, "attributes", fx_json_at(call->input, "Attributes"),
                                     "request_id", fx_json_string(call->sc, call->request_id),
                                     NULL));
    return fx_json_object(call->sc);
}

/* ---- queues ---- */

static bool is_queue_name(const char *name) {
    size_t len = strlen(name);

    return len > 0 && len <= QUEUE_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

static struct fx_json *create_queue(struct aws_call *call) {
    const char *name = aws_input_text(call->input, "QueueName");
    struct sqs_queue *queue = sqs_find(call->aws, name);

    if (!is_queue_name(name))
        return aws_fail(call, 400, "InvalidParameterValueException", "InvalidParameterValue",
                        "Can only include alphanumeric characters, hyphens, or underscores. 1 to "
                        "80 in length (the sandbox has standard queues only)");
    if (call->aws->queues_count >= SQS_MAX_QUEUES)
        return aws_fail(call, 400, "OverLimit", NULL, "The sandbox holds %d queues",
                        SQS_MAX_QUEUES);
    if (queue == NULL) {
        queue = sqs_queue_new(call->aws, name);
        sandbox_effect(call->sb, "sqs", "CreateQueue", queue->arn,
                       fx_json_object_of(call->sc, "request_id",
                                         fx_json_string(call->sc, call->request_id), NULL));
        if (!set_attributes(call, queue))
            return NULL;
    }
    return fx_json_object_of(call->sc, "QueueUrl", url_of(call, queue), NULL);
}

static struct fx_json *get_queue_url(struct aws_call *call) {
    struct sqs_queue *queue = sqs_find(call->aws, aws_input_text(call->input, "QueueName"));

    if (queue == NULL)
        return no_queue(call);
    return fx_json_object_of(call->sc, "QueueUrl", url_of(call, queue), NULL);
}

static struct fx_json *list_queues(struct aws_call *call) {
    const char *prefix = aws_input_text(call->input, "QueueNamePrefix");
    struct fx_json *urls = fx_json_array(call->sc);

    for (struct sqs_queue *queue = call->aws->queues; queue != NULL; queue = queue->next)
        if (strncmp(queue->name, prefix, strlen(prefix)) == 0)
            fx_json_add(urls, url_of(call, queue));
    return fx_json_object_of(call->sc, "QueueUrls", fx_json_count(urls) > 0 ? urls : NULL, NULL);
}

struct fx_json *sqs_list_dead_letter_source_queues(struct aws_call *call) {
    struct sqs_queue *dlq = sqs_call_queue(call);
    struct fx_json *urls = fx_json_array(call->sc);

    if (dlq == NULL)
        return NULL;
    for (struct sqs_queue *queue = call->aws->queues; queue != NULL; queue = queue->next)
        if (queue->dlq_arn != NULL && strcmp(queue->dlq_arn, dlq->arn) == 0)
            fx_json_add(urls, url_of(call, queue));
    return fx_json_object_of(call->sc, "queueUrls", urls, NULL);
}

static struct fx_json *list_queue_tags(struct aws_call *call) {
    return sqs_call_queue(call) != NULL ? fx_json_object(call->sc) : NULL;
}

static const struct aws_operation operations[] = {
    {"CreateQueue", create_queue},
    {"GetQueueUrl", get_queue_url},
    {"ListQueues", list_queues},
    {"ListQueueTags", list_queue_tags},
    {"GetQueueAttributes", sqs_get_queue_attributes},
    {"SetQueueAttributes", sqs_set_queue_attributes},
    {"ListDeadLetterSourceQueues", sqs_list_dead_letter_source_queues},
    {"SendMessage", sqs_send_message},
    {"SendMessageBatch", sqs_send_message_batch},
    {"ReceiveMessage", sqs_receive_message},
    {"DeleteMessage", sqs_delete_message},
    {"DeleteMessageBatch", sqs_delete_message_batch},
    {"ChangeMessageVisibility", sqs_change_message_visibility},
    {"ChangeMessageVisibilityBatch", sqs_change_message_visibility_batch},
    {"PurgeQueue", sqs_purge_queue},
    {"StartMessageMoveTask", sqs_start_message_move_task},
    {"ListMessageMoveTasks", sqs_list_message_move_tasks},
    {"CancelMessageMoveTask", sqs_cancel_message_move_task},
};

static const struct aws_xml_shape shapes[] = {
    {NULL, "Attributes", AWS_XML_FLAT_MAP, "Attribute"},
    {NULL, "MessageAttributes", AWS_XML_FLAT_MAP, "MessageAttribute"},
    {NULL, "Messages", AWS_XML_FLAT_LIST, "Message"},
    {NULL, "QueueUrls", AWS_XML_FLAT_LIST, "QueueUrl"},
    {NULL, "queueUrls", AWS_XML_FLAT_LIST, "QueueUrl"},
    {NULL, "Failed", AWS_XML_FLAT_LIST, "BatchResultErrorEntry"},
    {NULL, "Results", AWS_XML_FLAT_LIST, "ListMessageMoveTasksResultEntry"},
    {"SendMessageBatch", "Successful", AWS_XML_FLAT_LIST, "SendMessageBatchResultEntry"},
    {"DeleteMessageBatch", "Successful", AWS_XML_FLAT_LIST, "DeleteMessageBatchResultEntry"},
    {"ChangeMessageVisibilityBatch", "Successful", AWS_XML_FLAT_LIST,
     "ChangeMessageVisibilityBatchResultEntry"},
};

static const struct aws_query_name names[] = {
    {"AttributeName", "AttributeNames", false},
    {"MessageAttributeName", "MessageAttributeNames", false},
    {"MessageSystemAttributeName", "MessageSystemAttributeNames", false},
    {"Attribute", "Attributes", true},
    {"MessageAttribute", "MessageAttributes", true},
    {"MessageSystemAttribute", "MessageSystemAttributes", true},
    {"SendMessageBatchRequestEntry", "Entries", false},
    {"DeleteMessageBatchRequestEntry", "Entries", false},
    {"ChangeMessageVisibilityBatchRequestEntry", "Entries", false},
};

const struct aws_service aws_service_sqs = {
    .name = "sqs",
    .signing = "sqs",
    .target = "AmazonSQS",
    .json = AWS_JSON_1_0,
    .xml_namespace = "http://queue.amazonaws.com/doc/2012-11-05/",
    .error_prefix = "com.amazonaws.sqs",
    .query_compatible = true,
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
    .shapes = shapes,
    .shapes_count = FX_COUNT_OF(shapes),
    .names = names,
    .names_count = FX_COUNT_OF(names),
};
