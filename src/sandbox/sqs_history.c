/* sqs_history.c - what CloudWatch would have measured about the queues, minute by minute. */
#include "sqs.h"

#include <string.h>

enum { MINUTE_MS = 60000 };

static const char *const metric_names[SQS_METRICS] = {
    [SQS_METRIC_VISIBLE] = "ApproximateNumberOfMessagesVisible",
    [SQS_METRIC_NOT_VISIBLE] = "ApproximateNumberOfMessagesNotVisible",
    [SQS_METRIC_DELAYED] = "ApproximateNumberOfMessagesDelayed",
    [SQS_METRIC_AGE] = "ApproximateAgeOfOldestMessage",
    [SQS_METRIC_SENT] = "NumberOfMessagesSent",
    [SQS_METRIC_RECEIVED] = "NumberOfMessagesReceived",
    [SQS_METRIC_DELETED] = "NumberOfMessagesDeleted",
    [SQS_METRIC_EMPTY_RECEIVES] = "NumberOfEmptyReceives",
};

static struct sqs_minute *minute_of(struct sqs_queue *queue, int64_t minute) {
    struct sqs_minute *slot = &queue->history[minute % SQS_HISTORY_MINUTES];

    if (slot->minute != minute) {
        memset(slot, 0, sizeof *slot);
        slot->minute = minute;
        /* a counter that did not move was 0, not unknown */
        for (size_t metric = SQS_METRIC_SENT; metric < SQS_METRICS; metric++)
            slot->points[metric].samples = 1;
    }
    return slot;
}

static void add_gauge(struct metric_point *point, double value) {
    point->min = point->samples == 0 || value < point->min ? value : point->min;
    point->max = point->samples == 0 || value > point->max ? value : point->max;
    point->sum += value;
    point->samples++;
}

void sqs_history_count(struct sandbox_aws *aws, struct sqs_queue *queue, enum sqs_metric metric) {
    struct metric_point *point =
        &minute_of(queue, fx_wall_ms(aws->sb->clock) / MINUTE_MS)->points[metric];

    point->sum += 1;
    point->max = 1;
}

void sqs_history_sample(struct sandbox_aws *aws) {
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    for (struct sqs_queue *queue = aws->queues; queue != NULL; queue = queue->next) {
        struct sqs_minute *slot = minute_of(queue, now_ms / MINUTE_MS);
        struct sqs_counts counts = sqs_count(aws, queue);
        /* for a dead-letter queue the age counts from the move, so from the arrival */
        int64_t oldest_ms = queue->first != NULL ? queue->first->arrived_ms : now_ms;

        add_gauge(&slot->points[SQS_METRIC_VISIBLE], (double)counts.visible);
        add_gauge(&slot->points[SQS_METRIC_NOT_VISIBLE], (double)counts.in_flight);
        add_gauge(&slot->points[SQS_METRIC_DELAYED], (double)counts.delayed);
        add_gauge(&slot->points[SQS_METRIC_AGE], (double)((now_ms - oldest_ms) / 1000));
    }
}

void sqs_history_backfill(struct sandbox_aws *aws, struct sqs_queue *queue) {
    int64_t now_minute = fx_wall_ms(aws->sb->clock) / MINUTE_MS;

    memset(queue->history, 0, SQS_HISTORY_MINUTES * sizeof queue->history[0]);
    for (int64_t minute = now_minute - SQS_HISTORY_MINUTES + 1; minute < now_minute; minute++) {
        struct sqs_minute *slot = minute_of(queue, minute);
        int64_t end_ms = (minute + 1) * MINUTE_MS, oldest_ms = end_ms;
        double depth = 0;

        for (const struct sqs_message *m = queue->first; m != NULL; m = m->next) {
            if (m->arrived_ms >= end_ms)
                continue;
            depth++;
            oldest_ms = m->arrived_ms < oldest_ms ? m->arrived_ms : oldest_ms;
        }
        add_gauge(&slot->points[SQS_METRIC_VISIBLE], depth);
        add_gauge(&slot->points[SQS_METRIC_NOT_VISIBLE], 0);
        add_gauge(&slot->points[SQS_METRIC_DELAYED], 0);
        add_gauge(&slot->points[SQS_METRIC_AGE], (double)((end_ms - oldest_ms) / 1000));
    }
}

struct metric_point sqs_history_at(const struct sqs_queue *queue, const char *metric,
                                   int64_t minute) {
    const struct sqs_minute *slot = &queue->history[minute % SQS_HISTORY_MINUTES];

    for (size_t i = 0; slot->minute == minute && i < SQS_METRICS; i++)
        if (strcmp(metric_names[i], metric) == 0)
            return slot->points[i];
    return (struct metric_point){0};
}
