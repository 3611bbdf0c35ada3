/* sqs_queue.c - SQS's queues: visibility, receive counts, dead-lettering, receipt handles. */
#include "sqs.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_VISIBILITY_S = 30,
    DEFAULT_RETENTION_S = 4 * 86400,
    MS_PER_S = 1000,
};

struct sqs_queue *sqs_queue_new(struct sandbox_aws *aws, const char *name) {
    struct fx_scope *sc = aws->world;
    struct sqs_queue *queue = FX_NEW(sc, struct sqs_queue);

    queue->sc = sc;
    queue->name = fx_strdup(sc, name);
    queue->arn = fx_printf(sc, "arn:aws:sqs:" AWS_REGION ":" AWS_ACCOUNT ":%s", name);
    queue->created_ms = queue->modified_ms = fx_wall_ms(aws->sb->clock);
    queue->visibility_s = DEFAULT_VISIBILITY_S;
    queue->retention_s = DEFAULT_RETENTION_S;
    queue->max_bytes = SQS_MAX_BYTES;
    queue->purged_mono_ms = INT64_MIN / 2;
    queue->history = fx_alloc(sc, SQS_HISTORY_MINUTES * sizeof queue->history[0]);
    queue->next = aws->queues;
    aws->queues = queue;
    aws->queues_count++;
    return queue;
}

struct sqs_queue *sqs_find(struct sandbox_aws *aws, const char *name) {
    for (struct sqs_queue *queue = aws->queues; queue != NULL; queue = queue->next)
        if (strcmp(queue->name, name) == 0)
            return queue;
    return NULL;
}

struct sqs_queue *sqs_find_arn(struct sandbox_aws *aws, const char *arn) {
    for (struct sqs_queue *queue = aws->queues; arn != NULL && queue != NULL; queue = queue->next)
        if (strcmp(queue->arn, arn) == 0)
            return queue;
    return NULL;
}

struct sqs_queue *sqs_find_url(struct sandbox_aws *aws, const char *url) {
    const char *tail = strstr(url, "/" AWS_ACCOUNT "/");

    return tail != NULL ? sqs_find(aws, tail + sizeof "/" AWS_ACCOUNT "/" - 1) : NULL;
}

bool sqs_set_redrive_policy(struct sqs_queue *queue, const char *policy) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *json = NULL;
    struct fx_error err;

    if (policy[0] == '\0') {
        queue->redrive_policy = queue->dlq_arn = NULL;
        return true;
    }
    if (fx_json_parse(sc, fx_slice_of(policy), &json, &err) != FX_OK)
        return false;

    const char *arn = fx_json_get_text(json, "deadLetterTargetArn");
    struct fx_json *count_value = fx_json_at(json, "maxReceiveCount");
    int64_t count = fx_json_to_int(count_value, 0);
    if (fx_json_type(count_value) == FX_JSON_STRING)
        (void)fx_slice_to_int(fx_json_text_slice(count_value), &count);
    if (arn == NULL || count < 1 || count > 1000)
        return false;
    queue->redrive_policy = fx_strdup(queue->sc, policy);
    queue->dlq_arn = fx_strdup(queue->sc, arn);
    queue->max_receive_count = count;
    return true;
}

/* ---- the list ---- */

static void append(struct sqs_queue *queue, struct sqs_message *message) {
    message->next = NULL;
    message->previous = queue->last;
    if (queue->last != NULL)
        queue->last->next = message;
    else
        queue->first = message;
    queue->last = message;
    queue->count++;
}

static void unlink_message(struct sqs_queue *queue, struct sqs_message *message) {
    if (message->previous != NULL)
        message->previous->next = message->next;
    else
        queue->first = message->next;
    if (message->next != NULL)
        message->next->previous = message->previous;
    else
        queue->last = message->previous;
    queue->count--;
}

struct sqs_message *sqs_send(struct sandbox_aws *aws, struct sqs_queue *queue,
                             const struct sqs_draft *draft) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct sqs_message *message = FX_NEW(sc, struct sqs_message);
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    message->sc = sc;
    message->serial = ++aws->serial;
    message->id = fx_uuid_new(sc, aws->sb->random);
    message->body = (struct fx_slice){fx_slice_dup(sc, draft->body), draft->body.len};
    if (fx_json_count(draft->attributes) > 0)
        message->attributes = fx_json_copy(sc, draft->attributes);
    message->trace_header = fx_strdup(sc, draft->trace_header);
    message->sender = fx_strdup(sc, draft->sender != NULL ? draft->sender : "AIDASANDBOXFLUXABOT");
    message->sent_ms = message->arrived_ms = draft->sent_ms != 0 ? draft->sent_ms : now_ms;
    message->visible_mono_ms = fx_mono_ms(aws->sb->clock) + draft->delay_s * MS_PER_S;
    message->delayed = draft->delay_s > 0;
    append(queue, message);
    sqs_history_count(aws, queue, SQS_METRIC_SENT);
    sandbox_notify(aws->sb);
    return message;
}

void sqs_remove(struct sandbox_aws *aws, struct sqs_queue *queue, struct sqs_message *message) {
    unlink_message(queue, message);
    fx_scope_free(message->sc);
    sqs_history_count(aws, queue, SQS_METRIC_DELETED);
}

void sqs_move(struct sandbox_aws *aws, struct sqs_queue *from, struct sqs_queue *to,
              struct sqs_message *message) {
    unlink_message(from, message);
    message->serial = ++aws->serial;
    message->receipt = 0;
    message->queue_receives = 0;
    message->delayed = false;
    message->visible_mono_ms = fx_mono_ms(aws->sb->clock);
    message->arrived_ms = fx_wall_ms(aws->sb->clock);
    append(to, message);
    sandbox_notify(aws->sb);
}

void sqs_clear(struct sqs_queue *queue) {
    while (queue->first != NULL) {
        struct sqs_message *message = queue->first;

        unlink_message(queue, message);
        fx_scope_free(message->sc);
    }
}

bool sqs_is_visible(const struct sqs_message *message, int64_t now_mono_ms) {
    return message->visible_mono_ms <= now_mono_ms;
}

struct sqs_counts sqs_count(const struct sandbox_aws *aws, const struct sqs_queue *queue) {
    int64_t now_ms = fx_mono_ms(aws->sb->clock);
    struct sqs_counts counts = {0};

    for (const struct sqs_message *m = queue->first; m != NULL; m = m->next) {
        if (sqs_is_visible(m, now_ms))
            counts.visible++;
        else if (m->delayed)
            counts.delayed++;
        else
            counts.in_flight++;
    }
    return counts;
}

void sqs_expire(struct sandbox_aws *aws) {
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    for (struct sqs_queue *queue = aws->queues; queue != NULL; queue = queue->next)
        for (struct sqs_message *m = queue->first, *next; m != NULL; m = next) {
            next = m->next;
            if (now_ms - m->sent_ms <= queue->retention_s * MS_PER_S)
                continue;
            unlink_message(queue, m);
            fx_scope_free(m->sc);
        }
}

/* ---- receiving ---- */

/* True when the message was received as often as its redrive policy allows, and is now gone. */
static bool dead_letter(struct sandbox_aws *aws, struct sqs_queue *queue,
                        struct sqs_message *message) {
    struct sqs_queue *dlq = sqs_find_arn(aws, queue->dlq_arn);

    if (dlq == NULL || dlq == queue || message->queue_receives < queue->max_receive_count)
        return false;
    message->source_arn = fx_strdup(message->sc, queue->arn);
    sqs_move(aws, queue, dlq, message);
    return true;
}

static void hand_out(struct sandbox_aws *aws, struct sqs_message *message, int64_t visibility_s) {
    message->receive_count++;
    message->queue_receives++;
    message->receipt = ++aws->serial;
    message->delayed = false;
    message->visible_mono_ms = fx_mono_ms(aws->sb->clock) + visibility_s * MS_PER_S;
    if (message->first_receive_ms == 0)
        message->first_receive_ms = fx_wall_ms(aws->sb->clock);
}

size_t sqs_receive(struct sandbox_aws *aws, struct sqs_queue *queue, size_t max,
                   int64_t visibility_s, struct sqs_message **ret_messages) {
    int64_t now_ms = fx_mono_ms(aws->sb->clock);
    size_t count = 0;

    for (struct sqs_message *m = queue->first, *next; m != NULL && count < max; m = next) {
        next = m->next;
        if (!sqs_is_visible(m, now_ms) || dead_letter(aws, queue, m))
            continue;
        hand_out(aws, m, visibility_s);
        sqs_history_count(aws, queue, SQS_METRIC_RECEIVED);
        ret_messages[count++] = m;
    }
    return count;
}

/* ---- receipt handles ---- */

char *sqs_receipt_new(struct fx_scope *sc, const struct sqs_queue *queue,
                      const struct sqs_message *message) {
    const char *plain = fx_printf(sc, "%s/%lld/%lld/%s", queue->name, (long long)message->serial,
                                  (long long)message->receipt, message->id);

    return fx_printf(sc, "AQEB%s", fx_base64(sc, fx_slice_of(plain)));
}

enum sqs_receipt sqs_receipt_find(struct fx_scope *sc, struct sqs_queue *queue, const char *handle,
                                  struct sqs_message **ret_message) {
    struct fx_slice text = fx_slice_of(handle), plain, name, serial_text, receipt_text;
    int64_t serial = 0, receipt = 0;
    struct fx_error err;

    if (!fx_slice_starts_with(text, FX_SLICE("AQEB")) ||
        fx_base64_decode(sc, fx_slice_cut(text, 4, text.len - 4), &plain, &err) != FX_OK)
        return SQS_RECEIPT_INVALID;
    fx_slice_split(plain, '/', &name, &plain);
    fx_slice_split(plain, '/', &serial_text, &plain);
    fx_slice_split(plain, '/', &receipt_text, &plain);
    if (!fx_slice_equal_text(name, queue->name) || !fx_slice_to_int(serial_text, &serial) ||
        !fx_slice_to_int(receipt_text, &receipt))
        return SQS_RECEIPT_INVALID;

    for (struct sqs_message *m = queue->first; m != NULL && m->serial <= serial; m = m->next)
        if (m->serial == serial && m->receipt == receipt) {
            *ret_message = m;
            return SQS_RECEIPT_LATEST;
        }
    return SQS_RECEIPT_GONE;
}
