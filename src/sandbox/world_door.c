/* world_door.c - POST and GET /sandbox/world: changing what there is, and looking at it. */
#include "aws.h"
#include "documents.h"
#include "sqs.h"

#include <string.h>

enum { SETTLE_WAIT_MS = 50, WORLD_MAX_SENDS = 1000 };

/* ---- POST: one function for each member of the body; false and a problem when it is wrong ---- */

struct change {
    struct sandbox_request *req;
    struct sandbox_aws *aws;
    const struct fx_json *body;
    const char *problem;
};

static bool refuse(struct change *change, const char *problem) {
    change->problem = problem;
    return false;
}

static bool set_queue_numbers(struct change *change) {
    struct sqs_queue *input = sqs_find(change->aws, "Fluxa-InputQueue");
    struct fx_json *visibility = fx_json_at(change->body, "visibility_timeout");
    struct fx_json *count = fx_json_at(change->body, "max_receive_count");

    if (input == NULL)
        return true;
    if (visibility != NULL &&
        !sqs_set_attribute(
            input, "VisibilityTimeout",
            fx_printf(change->req->sc, "%lld", (long long)fx_json_to_int(visibility, -1))))
        return refuse(change, "visibility_timeout is 0 to 43200 seconds");
    if (count != NULL &&
        !sqs_set_redrive_policy(input,
                                fx_printf(change->req->sc,
                                          "{\"deadLetterTargetArn\":\"arn:aws:sqs:" AWS_REGION
                                          ":" AWS_ACCOUNT ":Fluxa-DLQ\",\"maxReceiveCount\":%lld}",
                                          (long long)fx_json_to_int(count, 0))))
        return refuse(change, "max_receive_count is 1 to 1000");
    return true;
}

static bool set_outage(struct change *change) {
    struct fx_json *outage = fx_json_at(change->body, "outage");
    const char *status = fx_json_get_text(outage, "status");

    if (outage == NULL)
        return true;
    change->aws->outage = fx_json_get_bool(outage, "database", change->aws->outage);
    if (status != NULL)
        change->aws->outage_status = fx_strdup(change->aws->world, status);
    return true;
}

/* Silently: as if SNS had lost it; POST /sandbox/alarm is the loud way. With age_ms it happened
 * that long ago. */
static bool set_alarm(struct change *change, const struct fx_json *one) {
    struct fx_json *definition = fx_json_at(one, "definition");
    const char *name = fx_json_get_text(one, "name"), *state = fx_json_get_text(one, "state");
    struct cloudwatch_alarm *alarm = name != NULL ? cloudwatch_find(change->aws, name) : NULL;
    int64_t at_ms = fx_wall_ms(change->aws->sb->clock) - fx_json_get_int(one, "age_ms", 0);

    if (name == NULL)
        return refuse(change, "an alarm needs a name");
    if (alarm == NULL)
        alarm = cloudwatch_alarm_new(
            change->aws, name, definition != NULL ? definition : fx_json_object(change->req->sc));
    if (alarm == NULL)
        return refuse(change, "the world holds no more alarms");
    if (fx_json_get_bool(one, "deleted", false))
        cloudwatch_delete(change->aws, alarm, at_ms);
    else if (state != NULL)
        cloudwatch_set_state_at(change->aws, alarm, state, fx_json_get_text(one, "reason"),
                                fx_json_get_text(one, "reason_data"), at_ms);
    return true;
}

static bool set_alarms(struct change *change) {
    struct fx_json *alarms = fx_json_at(change->body, "alarms");
    const char *mode = fx_json_text(alarms);

    if (mode != NULL)
        change->aws->alarms_follow = strcmp(mode, "follow") == 0;
    for (size_t i = 0; i < fx_json_count(alarms); i++)
        if (!set_alarm(change, fx_json_item(alarms, i)))
            return false;
    return true;
}

/* {"page": data points, "statuses": {metric name: StatusCode}} of what GetMetricData answers. */
static void set_metric_data(struct change *change) {
    struct fx_json *data = fx_json_at(change->body, "metric_data");
    struct fx_json *statuses = fx_json_at(data, "statuses");

    change->aws->metric_page = fx_json_get_int(data, "page", change->aws->metric_page);
    if (statuses != NULL)
        change->aws->metric_statuses = fx_json_copy(change->aws->world, statuses);
}

static bool set_metrics(struct change *change) {
    struct fx_json *metrics = fx_json_at(change->body, "metrics");
    struct fx_scope *sc = change->aws->world;

    for (size_t i = 0; i < fx_json_count(metrics); i++) {
        struct fx_json *one = fx_json_item(metrics, i), *dimensions = fx_json_at(one, "dimensions");
        struct fx_json *values = fx_json_at(one, "values");
        struct cloudwatch_metric *metric = FX_NEW(sc, struct cloudwatch_metric);

        if (fx_json_get_text(one, "namespace") == NULL || fx_json_get_text(one, "name") == NULL)
            return refuse(change, "a metric needs namespace and name");
        metric->space = fx_strdup(sc, fx_json_get_text(one, "namespace"));
        metric->name = fx_strdup(sc, fx_json_get_text(one, "name"));
        metric->dimensions = dimensions != NULL ? fx_json_copy(sc, dimensions) : fx_json_object(sc);
        metric->values = fx_json_count(values) > 0 ? fx_json_copy(sc, values) : NULL;
        metric->constant = fx_json_get_real(one, "value", 0);
        metric->last_minute = fx_wall_ms(change->aws->sb->clock) / 60000;
        metric->next = change->aws->metrics; /* found first, so it covers an older one */
        change->aws->metrics = metric;
    }
    set_metric_data(change);
    return true;
}

static bool set_logs(struct change *change) {
    struct fx_json *logs = fx_json_at(change->body, "logs");
    int64_t now_ms = fx_wall_ms(change->aws->sb->clock);

    change->aws->logs_page = fx_json_get_int(change->body, "logs_page", change->aws->logs_page);
    for (size_t i = 0; i < fx_json_count(logs); i++) {
        struct fx_json *one = fx_json_item(logs, i), *message = fx_json_at(one, "message");
        const char *group = fx_json_get_text(one, "group");

        if (group == NULL || message == NULL)
            return refuse(change, "a log event needs group and message");
        logs_put(change->aws, group, "sandbox", now_ms - fx_json_get_int(one, "age_ms", 0),
                 fx_json_text(message) != NULL ? fx_json_text(message)
                                               : fx_json_dump(change->req->sc, message));
    }
    return true;
}

static bool make_queues(struct change *change) {
    struct fx_json *queues = fx_json_at(change->body, "queues");

    for (size_t i = 0; i < fx_json_count(queues); i++) {
        struct fx_json *one = fx_json_item(queues, i), *value;
        const char *name = fx_json_get_text(one, "name"), *key;
        struct sqs_queue *queue = name != NULL ? sqs_find(change->aws, name) : NULL;
        void *cursor = NULL;

        if (name == NULL || (queue == NULL && change->aws->queues_count >= SQS_MAX_QUEUES))
            return refuse(change, "a queue needs a name, and there is a limit to their number");
        if (queue == NULL)
            queue = sqs_queue_new(change->aws, name);
        while (fx_json_next(fx_json_at(one, "attributes"), &cursor, &key, &value))
            if (fx_json_text(value) == NULL || !sqs_is_attribute(key) ||
                !sqs_set_attribute(queue, key, fx_json_text(value)))
                return refuse(change, "an attribute of a queue is wrong; values are texts");
    }
    return true;
}

/* Messages from nowhere: not an effect of any call. */
static bool send_messages(struct change *change) {
    struct fx_json *sends = fx_json_at(change->body, "send");

    if (fx_json_count(sends) > WORLD_MAX_SENDS)
        return refuse(change, "too many messages in one request");
    for (size_t i = 0; i < fx_json_count(sends); i++) {
        struct fx_json *one = fx_json_item(sends, i), *body = fx_json_at(one, "body");
        const char *name = fx_json_get_text(one, "queue");
        struct sqs_queue *queue = name != NULL ? sqs_find(change->aws, name) : NULL;
        const char *source = fx_json_get_text(one, "source");
        const char *text =
            fx_json_text(body) != NULL ? fx_json_text(body) : fx_json_dump(change->req->sc, body);
        size_t bytes = 0;

        if (queue == NULL || body == NULL ||
            sqs_attributes_check(change->req->sc, fx_json_at(one, "attributes"), &bytes)[0] != '\0')
            return refuse(change, "a message needs the name of a queue and a body");
        struct sqs_message *message =
            sqs_send(change->aws, queue,
                     &(struct sqs_draft){.body = fx_slice_of(text),
                                         .attributes = fx_json_at(one, "attributes"),
                                         .delay_s = fx_json_get_int(one, "delay", 0)});
        if (source != NULL && sqs_find(change->aws, source) != NULL)
            message->source_arn = fx_strdup(message->sc, sqs_find(change->aws, source)->arn);
    }
    return true;
}

static bool set_sns(struct change *change) {
    struct fx_json *sns = fx_json_at(change->body, "sns");
    struct sns_state *state = &change->aws->sns;
    const char *version = fx_json_get_text(sns, "signature_version");

    state->retries = fx_json_get_int(sns, "retries", state->retries);
    state->retry_delay_ms = fx_json_get_int(sns, "retry_delay_ms", state->retry_delay_ms);
    if (version != NULL && strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        return refuse(change, "signature_version is \"1\" or \"2\"");
    if (version != NULL)
        state->version = version[0] == '1' ? "1" : "2";
    if (fx_json_get_bool(sns, "confirm", false))
        sns_ask_confirmation(change->aws);
    return true;
}

/* Functions, their trail and their rights. */
static bool set_functions(struct change *change) {
    const char *problem = lambda_change(change->aws, change->req->sc, change->body);

    if (problem == NULL)
        problem = cloudtrail_change(change->aws, change->body);
    if (problem == NULL)
        problem = iam_change(change->aws, change->body);
    return problem == NULL || refuse(change, problem);
}

static bool set_documents(struct change *change) {
    change->problem = documents_merge(change->aws, change->body);
    return change->problem == NULL;
}

static bool apply(struct change *change) {
    static bool (*const parts[])(struct change *) = {
        make_queues, set_queue_numbers, set_outage, set_alarms,    set_metrics,
        set_logs,    send_messages,     set_sns,    set_functions, set_documents,
    };

    change->aws->short_receives =
        fx_json_get_real(change->body, "short_receives", change->aws->short_receives);
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++)
        if (!parts[i](change))
            return false;
    return true;
}

static bool is_count(int64_t count) {
    return count >= 0 && count <= WORLD_MAX_MESSAGES;
}

static struct world_plan plan_of(const struct sandbox_aws *aws, const struct fx_json *body) {
    struct world_plan plan =
        world_default_plan((uint64_t)fx_json_get_int(body, "seed", (int64_t)aws->seed));
    struct fx_json *messages = fx_json_at(body, "messages");

    if (messages != NULL) {
        plan.connection_errors = fx_json_get_int(messages, "DBConnectionError", 0);
        plan.schema_errors = fx_json_get_int(messages, "SchemaValidation", 0);
        plan.hash_mismatches = fx_json_get_int(messages, "HashMismatch", 0);
    }
    return plan;
}

/* The processor must not write rows of the old world into the new one, hence the waiting. */
static enum fx_code rebuild(struct sandbox_request *req, const struct world_plan *plan,
                            struct fx_error *err) {
    struct sandbox *sb = req->sb;
    struct sandbox_aws *aws = sb->aws;
    struct fx_json *rows = NULL;
    enum fx_code code = FX_OK;

    while (aws->processor.paused && !sb->stopping)
        sandbox_sleep(sb, SETTLE_WAIT_MS); /* another reset is at work */
    aws->processor.paused = true;
    while (aws->processor.busy && !sb->stopping)
        sandbox_sleep(sb, SETTLE_WAIT_MS);
    world_build(aws, plan, req->sc, &rows);
    sandbox_slack_reset(sb);
    sandbox_pagerduty_reset(sb);
    if (sb->options.database_url != NULL) {
        sandbox_unlock(sb);
        code = processor_fill_database(aws, req->sc, rows, err);
        sandbox_lock(sb);
    }
    aws->processor.paused = false;
    return code;
}

void sandbox_door_world(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);
    struct change change = {.req = req, .aws = req->sb->aws, .body = body};
    struct fx_error err = {0};

    if (body == NULL)
        return;
    if (fx_json_get_bool(body, "reset", false)) {
        struct world_plan plan = plan_of(req->sb->aws, body);

        if (!is_count(plan.connection_errors) || !is_count(plan.schema_errors) ||
            !is_count(plan.hash_mismatches)) {
            sandbox_reply_error(req, reply, 400, "of each cause there are 0 to %d messages",
                                WORLD_MAX_MESSAGES);
            return;
        }
        if (rebuild(req, &plan, &err) != FX_OK) {
            sandbox_reply_error(req, reply, 500, "the database was not filled: %s", err.message);
            return;
        }
    }
    if (!apply(&change)) {
        sandbox_reply_error(req, reply, 400, "%s", change.problem);
        return;
    }
    sandbox_door_world_show(req, reply);
}

/* ---- GET ---- */

static struct fx_json *queues_shown(struct sandbox_request *req) {
    struct fx_scope *sc = req->sc;
    struct fx_json *list = fx_json_array(sc);
    bool messages = sandbox_query(req, "messages") != NULL;

    for (struct sqs_queue *queue = req->sb->aws->queues; queue != NULL; queue = queue->next) {
        struct sqs_counts counts = sqs_count(req->sb->aws, queue);

        fx_json_add(list, fx_json_object_of(
                              sc, "name", fx_json_string(sc, queue->name), "arn",
                              fx_json_string(sc, queue->arn), "url",
                              fx_json_stringf(sc, "http://127.0.0.1:%u/" AWS_ACCOUNT "/%s",
                                              (unsigned)req->sb->options.aws_port, queue->name),
                              "visible", fx_json_int(sc, (int64_t)counts.visible), "in_flight",
                              fx_json_int(sc, (int64_t)counts.in_flight), "delayed",
                              fx_json_int(sc, (int64_t)counts.delayed), "messages",
                              messages ? sqs_listing(sc, queue) : NULL, NULL));
    }
    return list;
}

static struct fx_json *alarms_shown(struct sandbox_request *req) {
    struct fx_scope *sc = req->sc;
    struct fx_json *list = fx_json_array(sc);

    for (struct cloudwatch_alarm *alarm = req->sb->aws->alarms; alarm != NULL; alarm = alarm->next)
        fx_json_add(list, fx_json_object_of(sc, "name", fx_json_string(sc, alarm->name), "state",
                                            fx_json_string(sc, alarm->state), "reason",
                                            fx_json_string(sc, alarm->reason), NULL));
    return list;
}

static struct fx_json *tasks_shown(struct sandbox_request *req) {
    struct fx_scope *sc = req->sc;
    struct fx_json *list = fx_json_array(sc);

    for (struct sqs_task *task = req->sb->aws->tasks; task != NULL; task = task->next)
        fx_json_add(list, fx_json_object_of(sc, "source_arn", fx_json_string(sc, task->source_arn),
                                            "status", fx_json_string(sc, task->status), "moved",
                                            fx_json_int(sc, task->moved), "to_move",
                                            fx_json_int(sc, task->to_move), NULL));
    return list;
}

void sandbox_door_world_show(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_scope *sc = req->sc;
    const struct sandbox_aws *aws = req->sb->aws;
    const struct sns_state *sns = &aws->sns;

    sandbox_reply_json(
        req, reply, 200,
        fx_json_object_of(
            sc, "seed", fx_json_int(sc, (int64_t)aws->seed), "queues", queues_shown(req), "alarms",
            alarms_shown(req), "alarms_follow", fx_json_bool(sc, aws->alarms_follow), "outage",
            fx_json_object_of(sc, "database", fx_json_bool(sc, aws->outage), NULL), "processed",
            fx_json_object_of(sc, "success", fx_json_int(sc, aws->processor.succeeded), "failed",
                              fx_json_int(sc, aws->processor.failed), "duplicate",
                              fx_json_int(sc, aws->processor.duplicates), NULL),
            "move_tasks", tasks_shown(req), "sns",
            fx_json_object_of(sc, "delivered", fx_json_int(sc, sns->delivered), "failed",
                              fx_json_int(sc, sns->failed), "lost", fx_json_int(sc, sns->lost),
                              "pending", fx_json_int(sc, (int64_t)sns->pending_count), "confirmed",
                              fx_json_bool(sc, !sns->pending_confirmation), NULL),
            "s3",
            sandbox_query(req, "s3") != NULL ? fx_json_copy(sc, documents_of(aws, "s3")) : NULL,
            "bot_url", fx_json_string(sc, req->sb->options.bot_url), "effects",
            fx_json_int(sc, req->sb->effects_seq), NULL));
}
