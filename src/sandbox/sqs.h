/* sqs.h - the queues of the AWS that is played: what they hold, what time does to it, and the
 * operations on them. As all of aws.h it is used with the world locked.
 */
#pragma once

#include "aws.h"

/* ---- sqs_queue.c: queues and what time does to their messages ---- */

enum {
    SQS_MAX_BYTES = 1 << 20,
    SQS_MAX_BATCH = 10,
    SQS_MAX_ATTRIBUTES = 10,
    SQS_MAX_IN_FLIGHT = 120000,
    SQS_MAX_QUEUES = 64,
    SQS_MAX_WAIT_S = 20,
    SQS_MAX_VISIBILITY_S = 43200,
    SQS_HISTORY_MINUTES = 360,
};

enum sqs_metric {
    SQS_METRIC_VISIBLE,
    SQS_METRIC_NOT_VISIBLE,
    SQS_METRIC_DELAYED,
    SQS_METRIC_AGE,
    SQS_METRIC_SENT,
    SQS_METRIC_RECEIVED,
    SQS_METRIC_DELETED,
    SQS_METRIC_EMPTY_RECEIVES,
    SQS_METRICS,
};

struct sqs_minute {
    int64_t minute; /* since 1970; 0: unused */
    struct metric_point points[SQS_METRICS];
};

struct sqs_message {
    struct fx_scope *sc;
    struct sqs_message *next, *previous;
    int64_t serial; /* ascending in the order of arrival in its queue */
    const char *id;
    struct fx_slice body;
    struct fx_json *attributes; /* {name: {DataType, StringValue|BinaryValue}}, NULL: none */
    const char *trace_header;
    const char *source_arn; /* the queue it was dead-lettered from, or NULL */
    const char *sender;
    const char *cause;           /* why the world made it a dead letter; NULL: nobody knows */
    int64_t sent_ms, arrived_ms; /* wall; enqueued at first, and in this queue */
    int64_t first_receive_ms;
    int64_t visible_mono_ms;
    int64_t receive_count;  /* across all queues, as SQS reports it */
    int64_t queue_receives; /* in this queue, as its redrive policy counts */
    int64_t receipt;        /* the number in the latest handle; 0: never received */
    bool delayed;
};

struct sqs_queue {
    struct fx_scope *sc; /* of its attributes; replaced texts stay until the world ends */
    struct sqs_queue *next;
    const char *name, *arn;
    int64_t created_ms, modified_ms;
    int64_t visibility_s, delay_s, wait_s, retention_s, max_bytes;
    const char *redrive_policy, *redrive_allow_policy, *policy;
    const char *dlq_arn; /* of the redrive policy; NULL: none */
    int64_t max_receive_count;
    int64_t purged_mono_ms;
    size_t count;
    struct sqs_message *first, *last;
    struct sqs_minute *history; /* SQS_HISTORY_MINUTES entries, by minute modulo that */
};

struct sqs_counts {
    size_t visible, in_flight, delayed;
};

struct sqs_draft {
    struct fx_slice body;
    const struct fx_json *attributes;
    const char *trace_header, *sender;
    int64_t delay_s;
    int64_t sent_ms; /* 0: now */
};

struct sqs_queue *sqs_queue_new(struct sandbox_aws *aws, const char *name);
struct sqs_queue *sqs_find(struct sandbox_aws *aws, const char *name);
struct sqs_queue *sqs_find_arn(struct sandbox_aws *aws, const char *arn);
/* Any URL that ends in /ACCOUNT/NAME. */
struct sqs_queue *sqs_find_url(struct sandbox_aws *aws, const char *url);
/* {"deadLetterTargetArn","maxReceiveCount"}; "" removes it. False when it is not well formed. */
bool sqs_set_redrive_policy(struct sqs_queue *queue, const char *policy);

struct sqs_message *sqs_send(struct sandbox_aws *aws, struct sqs_queue *queue,
                             const struct sqs_draft *draft);
/* Up to max visible messages, oldest first; those received too often go to the dead-letter queue.
 */
size_t sqs_receive(struct sandbox_aws *aws, struct sqs_queue *queue, size_t max,
                   int64_t visibility_s, struct sqs_message **ret_messages);
void sqs_remove(struct sandbox_aws *aws, struct sqs_queue *queue, struct sqs_message *message);
/* Into queue at its end, as if it had arrived now; keeps id and sent_ms. */
void sqs_move(struct sandbox_aws *aws, struct sqs_queue *from, struct sqs_queue *to,
              struct sqs_message *message);
void sqs_clear(struct sqs_queue *queue);
bool sqs_is_visible(const struct sqs_message *message, int64_t now_mono_ms);
/* Every message of the queue, hidden or not: [{id, event_id, body_sha256, attributes_sha256,
 * cause}]. */
struct fx_json *sqs_listing(struct fx_scope *sc, const struct sqs_queue *queue);
/* What the record of effects and a listing say of a message. */
struct fx_json *sqs_fingerprint(struct fx_scope *sc, const struct sqs_message *message);
struct sqs_counts sqs_count(const struct sandbox_aws *aws, const struct sqs_queue *queue);
/* Drops what is older than the queue keeps it. */
void sqs_expire(struct sandbox_aws *aws);

enum sqs_receipt { SQS_RECEIPT_INVALID, SQS_RECEIPT_GONE, SQS_RECEIPT_LATEST };
char *sqs_receipt_new(struct fx_scope *sc, const struct sqs_queue *queue,
                      const struct sqs_message *message);
/* GONE: well formed, but deleted, moved or received again since. */
enum sqs_receipt sqs_receipt_find(struct fx_scope *sc, struct sqs_queue *queue, const char *handle,
                                  struct sqs_message **ret_message);

/* ---- sqs_history.c ---- */

void sqs_history_count(struct sandbox_aws *aws, struct sqs_queue *queue, enum sqs_metric metric);
/* One sample of every gauge of every queue. */
void sqs_history_sample(struct sandbox_aws *aws);
/* Fills the past from the messages' own times: a world that begins in the middle. */
void sqs_history_backfill(struct sandbox_aws *aws, struct sqs_queue *queue);
/* "ApproximateNumberOfMessagesVisible" at a minute; samples 0 when there is none. */
struct metric_point sqs_history_at(const struct sqs_queue *queue, const char *metric,
                                   int64_t minute);

/* ---- sqs_attributes.c: message attributes ---- */

/* "" and count when all is well, else AWS's sentence. Adds names, types and values to *bytes. */
const char *sqs_attributes_check(struct fx_scope *sc, const struct fx_json *attributes,
                                 size_t *bytes);
/* SQS's MD5 over names, types and values; NULL without attributes. */
const char *sqs_attributes_md5(struct fx_scope *sc, const struct fx_json *attributes);
/* Those that names asks for ("All", ".*", "prefix.*", "name"); NULL when none. */
struct fx_json *sqs_attributes_select(struct fx_scope *sc, const struct fx_json *attributes,
                                      const struct fx_json *names);

/* ---- sqs_calls.c, sqs_messages.c, sqs_batch.c, sqs_tasks.c: the operations ---- */

/* The queue of the call, or NULL after aws_fail. */
struct sqs_queue *sqs_call_queue(struct aws_call *call);
aws_operation_fn sqs_set_queue_attributes, sqs_get_queue_attributes;
/* Sets one attribute; false when its value is wrong. */
bool sqs_set_attribute(struct sqs_queue *queue, const char *name, const char *value);
bool sqs_is_attribute(const char *name);

/* One entry of a send, delete or visibility change, alone or in a batch. On failure the result is
 * NULL and call->failure is set. */
struct fx_json *sqs_send_entry(struct aws_call *call, struct sqs_queue *queue,
                               const struct fx_json *entry, bool batch);
struct fx_json *sqs_delete_entry(struct aws_call *call, struct sqs_queue *queue,
                                 const struct fx_json *entry, bool batch);
struct fx_json *sqs_visibility_entry(struct aws_call *call, struct sqs_queue *queue,
                                     const struct fx_json *entry, bool batch);
aws_operation_fn sqs_send_message, sqs_receive_message, sqs_delete_message,
    sqs_change_message_visibility, sqs_purge_queue;
aws_operation_fn sqs_send_message_batch, sqs_delete_message_batch,
    sqs_change_message_visibility_batch;
aws_operation_fn sqs_start_message_move_task, sqs_list_message_move_tasks,
    sqs_cancel_message_move_task, sqs_list_dead_letter_source_queues;

/* ---- sqs_tasks.c ---- */

struct sqs_task {
    struct sqs_task *next; /* newest first */
    const char *handle, *status, *source_arn, *destination_arn, *failure_reason;
    int64_t rate; /* 0: the system's choice */
    int64_t moved, to_move;
    int64_t started_ms, advanced_mono_ms;
    int64_t last_serial; /* messages that came later stay */
    double due;          /* messages that time has earned */
};

/* Moves what time has earned. */
void sqs_tasks_advance(struct sandbox_aws *aws);
