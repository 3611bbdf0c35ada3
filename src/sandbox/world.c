/* world.c - the default world: Fluxa's queues, alarms, metrics and log groups. */
#include "aws.h"
#include "documents.h"
#include "sqs.h"

#include <string.h>

enum { DLQ_RETENTION_S = 14 * 86400 };

struct world_plan world_default_plan(uint64_t seed) {
    return (struct world_plan){
        .seed = seed,
        .connection_errors = 60,
        .schema_errors = 25,
        .hash_mismatches = 15,
        .visibility_s = 2,
        .max_receive_count = 3,
    };
}

static void clear_alarms(struct sandbox_aws *aws) {
    for (struct cloudwatch_alarm *alarm = aws->alarms; alarm != NULL; alarm = alarm->next)
        fx_scope_free(alarm->reason_scope);
    while (aws->changes != NULL) {
        struct cloudwatch_change *change = aws->changes;

        aws->changes = change->next;
        fx_scope_free(change->sc);
    }
    aws->alarms = NULL;
    aws->alarms_count = 0;
}

void world_clear(struct sandbox_aws *aws) {
    for (struct sqs_queue *queue = aws->queues; queue != NULL; queue = queue->next)
        sqs_clear(queue);
    for (struct logs_group *group = aws->groups; group != NULL; group = group->next)
        logs_clear(group);
    while (aws->queries != NULL) {
        struct logs_query *query = aws->queries;

        aws->queries = query->next;
        fx_scope_free(query->sc);
    }
    clear_alarms(aws);
    aws->queues = NULL;
    aws->queues_count = 0;
    aws->tasks = NULL;
    aws->metrics = NULL;
    aws->metric_page = 0;
    aws->metric_statuses = NULL;
    aws->groups = NULL;
    aws->lambda = NULL;
    aws->cloudtrail = NULL;
    aws->iam = NULL;
    fx_scope_free(aws->world);
    aws->world = NULL;
}

static void make_queues(struct sandbox_aws *aws, const struct world_plan *plan) {
    struct sqs_queue *dlq = sqs_queue_new(aws, "Fluxa-DLQ");
    struct sqs_queue *input = sqs_queue_new(aws, "Fluxa-InputQueue");

    dlq->retention_s = DLQ_RETENTION_S;
    dlq->redrive_allow_policy = fx_printf(
        aws->world, "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"%s\"]}", input->arn);
    input->visibility_s = plan->visibility_s;
    (void)sqs_set_redrive_policy(
        input, fx_printf(aws->world, "{\"deadLetterTargetArn\":\"%s\",\"maxReceiveCount\":%lld}",
                         dlq->arn, (long long)plan->max_receive_count));
}

/* Steady numbers, so that a card has something to show; tests script their own over them. */
static const struct {
    const char *space, *name, *dimension, *value;
    double constant;
} default_metrics[] = {
    {"AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", "fluxa-prod", 31},
    {"AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", "fluxa-prod", 18},
    {"AWS/RDS", "FreeableMemory", "DBInstanceIdentifier", "fluxa-prod", 2147483648},
    {"AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", "fluxa-prod", 64424509440},
    {"AWS/Lambda", "Invocations", "FunctionName", "fluxa-processor", 240},
    {"AWS/Lambda", "Errors", "FunctionName", "fluxa-processor", 1},
    {"AWS/Lambda", "Throttles", "FunctionName", "fluxa-processor", 0},
    {"AWS/Lambda", "Duration", "FunctionName", "fluxa-processor", 84},
    {"AWS/Lambda", "ConcurrentExecutions", "FunctionName", "fluxa-processor", 4},
    {"AWS/Lambda", "Invocations", "FunctionName", "fluxa-ingest", 260},
    {"AWS/Lambda", "Errors", "FunctionName", "fluxa-ingest", 0},
    {"AWS/Lambda", "Throttles", "FunctionName", "fluxa-ingest", 0},
    {"AWS/Lambda", "Duration", "FunctionName", "fluxa-ingest", 21},
    {"AWS/Lambda", "ConcurrentExecutions", "FunctionName", "fluxa-ingest", 3},
    {"AWS/Lambda", "Invocations", "FunctionName", "fluxa-query", 35},
    {"AWS/Lambda", "Errors", "FunctionName", "fluxa-query", 0},
    {"AWS/Lambda", "Throttles", "FunctionName", "fluxa-query", 0},
    {"AWS/Lambda", "Duration", "FunctionName", "fluxa-query", 33},
    {"AWS/Lambda", "ConcurrentExecutions", "FunctionName", "fluxa-query", 1},
    {"AWS/ApiGateway", "Count", "ApiId", "a1b2c3d4e5", 295},
    {"AWS/ApiGateway", "4xx", "ApiId", "a1b2c3d4e5", 2},
    {"AWS/ApiGateway", "5xx", "ApiId", "a1b2c3d4e5", 0},
    {"AWS/ApiGateway", "Latency", "ApiId", "a1b2c3d4e5", 38},
    {"AWS/ApiGateway", "IntegrationLatency", "ApiId", "a1b2c3d4e5", 29},
    {"Fluxa", "ingest_success", NULL, NULL, 260},
    {"Fluxa", "ingest_failure", NULL, NULL, 0},
    {"Fluxa", "s3_puts", NULL, NULL, 260},
    {"Fluxa", "sqs_sent", NULL, NULL, 260},
    {"Fluxa", "processed_success", NULL, NULL, 239},
    {"Fluxa", "processed_failure", NULL, NULL, 1},
    {"Fluxa", "db_latency_ms", NULL, NULL, 12},
};

static void make_metrics(struct sandbox_aws *aws) {
    struct fx_scope *sc = aws->world;

    for (size_t i = 0; i < FX_COUNT_OF(default_metrics); i++) {
        struct cloudwatch_metric *metric = FX_NEW(sc, struct cloudwatch_metric);

        metric->space = default_metrics[i].space;
        metric->name = default_metrics[i].name;
        metric->dimensions = fx_json_object(sc);
        if (default_metrics[i].dimension != NULL)
            fx_json_put(metric->dimensions, default_metrics[i].dimension,
                        fx_json_string(sc, default_metrics[i].value));
        metric->constant = default_metrics[i].constant;
        metric->next = aws->metrics;
        aws->metrics = metric;
    }
}

void world_build(struct sandbox_aws *aws, const struct world_plan *plan, struct fx_scope *sc,
                 struct fx_json **ret_rows) {
    rds_forget(aws, sc);
    world_clear(aws);
    sandbox_random_seed(aws->sb->random, plan->seed);
    aws->world = fx_scope_new(NULL);
    aws->worlds++;
    aws->seed = plan->seed;
    aws->short_receives = 0.25;
    aws->logs_page = 0;
    aws->calls = NULL;
    aws->calls_count = 0;
    aws->outage = false;
    aws->outage_status = "rebooting";
    aws->alarms_follow = false;
    aws->processor.succeeded = aws->processor.failed = aws->processor.duplicates = 0;
    sns_drop_pending(aws);
    aws->sns.pending_confirmation = false;
    aws->sns.token[0] = '\0';

    make_queues(aws, plan);
    make_metrics(aws);
    documents_build(aws);
    (void)logs_group_new(aws, "/aws/lambda/fluxa-ingest");
    (void)logs_group_new(aws, "/aws/lambda/fluxa-processor");
    (void)logs_group_new(aws, "/aws/lambda/fluxa-query");
    (void)logs_group_new(aws, "/aws/apigateway/fluxa");
    *ret_rows = fx_json_array(sc);
    world_messages(aws, plan, sc, *ret_rows);
    for (struct sqs_queue *queue = aws->queues; queue != NULL; queue = queue->next)
        sqs_history_backfill(aws, queue);

    /* all of them OK: an alarm begins when somebody raises it, and is told then */
    cloudwatch_default_alarms(aws);

    lambda_world(aws);
    cloudtrail_world(aws);
    iam_world(aws);
}
