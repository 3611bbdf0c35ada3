/* calls.c - which calls of AWS came, on what and as whom: GET /sandbox/calls. For who compares a
 * policy with what is really called, so what a call is made on is read here from AWS's own
 * description of its actions, not from the bot's table. */
#include "calls.h"

#include <string.h>

enum { CALLS_MAX = 4000 }; /* kinds of calls, not calls */

#define ARN(service) "arn:aws:" service ":" AWS_REGION ":" AWS_ACCOUNT ":"

static const char *after_last(const char *text, char sign) {
    const char *last = strrchr(text, sign);

    return last == NULL ? text : last + 1;
}

static bool is_of(const struct aws_call *call, const char *service) {
    return strcmp(call->service->name, service) == 0;
}

static const char *sqs_resource(const struct aws_call *call) {
    const char *url = fx_json_get_text(call->input, "QueueUrl");
    const char *source = fx_json_get_text(call->input, "SourceArn");
    const char *name = fx_json_get_text(call->input, "QueueName");
    const char *handle = fx_json_get_text(call->input, "TaskHandle");

    if (handle != NULL)
        source = sqs_task_source(call->aws, handle);
    if (source != NULL)
        return source;
    if (url != NULL)
        name = after_last(url, '/');
    return name == NULL ? "*" : fx_printf(call->sc, ARN("sqs") "%s", name);
}

static const char *lambda_resource(const struct aws_call *call) {
    const char *name = fx_json_get_text(call->input, "FunctionName");
    const char *qualifier = fx_json_get_text(call->input, "Qualifier");
    const char *uuid = fx_json_get_text(call->input, "UUID");

    /* Lambda authorizes lists of mappings on everything */
    if (strcmp(call->operation, "ListEventSourceMappings") == 0)
        return "*";
    if (uuid != NULL)
        return fx_printf(call->sc, ARN("lambda") "event-source-mapping:%s", uuid);
    if (name == NULL)
        return "*";
    name = strncmp(name, "arn:", 4) == 0 ? name
                                         : fx_printf(call->sc, ARN("lambda") "function:%s", name);
    return qualifier == NULL ? name : fx_printf(call->sc, "%s:%s", name, qualifier);
}

static const char *s3_resource(const struct aws_call *call) {
    const char *bucket = fx_json_get_text(call->input, "Bucket");
    const char *key = fx_json_get_text(call->input, "Key");

    if (bucket == NULL)
        return "*";
    return key == NULL ? fx_printf(call->sc, "arn:aws:s3:::%s", bucket)
                       : fx_printf(call->sc, "arn:aws:s3:::%s/%s", bucket, key);
}

static const char *resource_of(const struct aws_call *call) {
    const char *instance = fx_json_get_text(call->input, "DBInstanceIdentifier");
    const char *group = fx_json_get_text(call->input, "DBParameterGroupName");
    const char *topic = fx_json_get_text(call->input, "TopicArn");
    const char *role = fx_json_get_text(call->input, "RoleArn");
    const char *principal = fx_json_get_text(call->input, "PolicySourceArn");

    if (is_of(call, "sqs"))
        return sqs_resource(call);
    if (is_of(call, "lambda"))
        return lambda_resource(call);
    if (is_of(call, "s3"))
        return s3_resource(call);
    if (is_of(call, "sns") && topic != NULL)
        return topic;
    if (is_of(call, "sts") && role != NULL)
        return role;
    if (is_of(call, "iam") && principal != NULL)
        return principal;
    if (is_of(call, "rds") && group != NULL && instance == NULL &&
        strstr(call->operation, "Restore") == NULL)
        return fx_printf(call->sc, ARN("rds") "pg:%s", group);
    if (is_of(call, "rds") && instance != NULL && strstr(call->operation, "Snapshots") == NULL &&
        strstr(call->operation, "AutomatedBackups") == NULL)
        return fx_printf(call->sc, ARN("rds") "db:%s", instance);
    return "*";
}

static void note(struct aws_call *call, const char *resource) {
    struct fx_scope *sc = call->aws->world;
    const char *key = fx_printf(call->sc, "%s:%s %s %s", call->service->name, call->operation,
                                resource, call->identity);
    struct aws_called *one = call->aws->calls;

    while (one != NULL && strcmp(one->key, key) != 0)
        one = one->next;
    if (one == NULL && call->aws->calls_count < CALLS_MAX) {
        one = FX_NEW(sc, struct aws_called);
        *one = (struct aws_called){.next = call->aws->calls,
                                   .key = fx_strdup(sc, key),
                                   .service = call->service->name,
                                   .operation = fx_strdup(sc, call->operation),
                                   .resource = fx_strdup(sc, resource),
                                   .identity = fx_strdup(sc, call->identity)};
        call->aws->calls = one;
        call->aws->calls_count++;
    }
    if (one != NULL)
        one->count++;
}

void aws_note_call(struct aws_call *call) {
    static const char *const lists[] = {"logGroupNames", "logGroupIdentifiers"};
    const char *group = fx_json_get_text(call->input, "logGroupName");

    for (size_t i = 0; i < FX_COUNT_OF(lists); i++) {
        const struct fx_json *groups = fx_json_at(call->input, lists[i]);

        for (size_t k = 0; k < fx_json_count(groups); k++)
            if (fx_json_text(fx_json_item(groups, k)) != NULL)
                note(call, fx_printf(call->sc, ARN("logs") "log-group:%s:*",
                                     fx_json_text(fx_json_item(groups, k))));
        if (fx_json_count(groups) > 0)
            return;
    }
    if (is_of(call, "logs") && group != NULL)
        note(call, fx_printf(call->sc, ARN("logs") "log-group:%s:*", group));
    else
        note(call, resource_of(call));
}

const char *aws_identity(struct sandbox_request *req) {
    const char *token = sandbox_header(req, "x-amz-security-token");
    const char *mark = token == NULL ? NULL : strstr(token, AWS_TOKEN_MARK);

    return mark == NULL ? "arn:aws:iam::" AWS_ACCOUNT ":user/fluxabot"
                        : mark + strlen(AWS_TOKEN_MARK);
}

void sandbox_door_calls(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_scope *sc = req->sc;
    struct fx_json *list = fx_json_array(sc);

    for (const struct aws_called *one = req->sb->aws->calls; one != NULL; one = one->next)
        fx_json_add(list, fx_json_object_of(sc, "service", fx_json_string(sc, one->service),
                                            "operation", fx_json_string(sc, one->operation),
                                            "resource", fx_json_string(sc, one->resource),
                                            "identity", fx_json_string(sc, one->identity), "count",
                                            fx_json_int(sc, one->count), NULL));
    sandbox_reply_json(req, reply, 200, list);
}
