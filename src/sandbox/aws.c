/* aws.c - one call of AWS: protocol, signature, fault, operation, answer. */
#include "aws.h"

#include "sigv4.h"

#include <stdlib.h>
#include <string.h>

static const struct aws_service *const services[] = {
    &aws_service_sqs, &aws_service_cloudwatch, &aws_service_logs,
    &aws_service_sns, &aws_service_sts,        &aws_service_rds,
};

struct fx_json *aws_fail(struct aws_call *call, int status, const char *type, const char *code,
                         const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    call->failure = (struct aws_failure){.status = status,
                                         .type = type,
                                         .code = code != NULL ? code : type,
                                         .message = fx_vprintf(call->sc, fmt, args)};
    va_end(args);
    return NULL;
}

int64_t aws_input_int(const struct fx_json *input, const char *key, int64_t fallback) {
    struct fx_json *value = fx_json_at(input, key);
    int64_t number = 0;

    if (fx_json_type(value) == FX_JSON_STRING)
        return fx_slice_to_int(fx_json_text_slice(value), &number) ? number : fallback;
    return fx_json_to_int(value, fallback);
}

bool aws_input_bool(const struct fx_json *input, const char *key, bool fallback) {
    struct fx_json *value = fx_json_at(input, key);

    if (fx_json_type(value) == FX_JSON_STRING)
        return strcmp(fx_json_text(value), "true") == 0;
    return fx_json_to_bool(value, fallback);
}

int64_t aws_input_time(const struct fx_json *input, const char *key, int64_t fallback_ms) {
    struct fx_json *value = fx_json_at(input, key);
    struct fx_slice text = fx_json_text_slice(value);
    int64_t wall_ms = 0;
    struct fx_error err;

    if (value == NULL)
        return fallback_ms;
    if (fx_json_type(value) != FX_JSON_STRING)
        return (int64_t)(fx_json_to_real(value, 0) * 1000);
    if (fx_slice_to_int(text, &wall_ms))
        return wall_ms * 1000;
    return fx_time_parse(text, &wall_ms, &err) == FX_OK ? wall_ms : fallback_ms;
}

struct fx_json *aws_time(const struct aws_call *call, int64_t wall_ms) {
    if (call->protocol == AWS_QUERY)
        return fx_json_string(call->sc, fx_time_iso_ms(call->sc, wall_ms));
    return fx_json_real(call->sc, (double)wall_ms / 1000);
}

const char *aws_input_text(const struct fx_json *input, const char *key) {
    const char *text = fx_json_get_text(input, key);

    return text != NULL ? text : "";
}

bool aws_list_has(const struct fx_json *list, const char *text) {
    for (size_t i = 0; i < fx_json_count(list); i++) {
        const char *item = fx_json_text(fx_json_item(list, i));

        if (item != NULL && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

static const struct aws_operation *find_operation(const struct aws_service *service,
                                                  const char *name) {
    for (size_t i = 0; i < service->operations_count; i++)
        if (strcmp(service->operations[i].name, name) == 0)
            return &service->operations[i];
    return NULL;
}

/* "AmazonSQS.SendMessage" */
static bool read_target(struct aws_call *call, const char *target) {
    struct fx_slice prefix, operation;

    if (!fx_slice_split(fx_slice_of(target), '.', &prefix, &operation))
        return false;
    call->operation = fx_slice_dup(call->sc, operation);
    for (size_t i = 0; i < FX_COUNT_OF(services); i++)
        if (services[i]->target != NULL && fx_slice_equal_text(prefix, services[i]->target)) {
            call->service = services[i];
            call->protocol = services[i]->json;
            return true;
        }
    return false;
}

/* The query protocol names no service: the signature's scope does. */
static bool read_action(struct aws_call *call, const char *signing) {
    const char *action = fx_json_get_text(call->input, "Action");

    call->protocol = AWS_QUERY;
    call->operation = action != NULL ? action : "";
    for (size_t i = 0; signing != NULL && i < FX_COUNT_OF(services); i++)
        if (services[i]->xml_namespace != NULL && strcmp(services[i]->signing, signing) == 0) {
            call->service = services[i];
            return action != NULL;
        }
    return false;
}

static void write_failure(struct aws_call *call, struct sandbox_reply *reply) {
    char *id = fx_strdup(call->sc, call->request_id);

    sandbox_reply_header(reply, "x-amzn-RequestId", id);
    if (call->protocol == AWS_QUERY)
        aws_query_write_failure(call, reply);
    else
        aws_json_write_failure(call, reply);
    reply->status = call->failure.status;
}

/* True when the call must not be carried out. */
static bool suffer(struct aws_call *call, enum sandbox_fault fault, struct sandbox_reply *reply) {
    switch (fault) {
    case SANDBOX_FAULT_THROTTLE:
        aws_fail(call, 400, "ThrottlingException", "Throttling", "Rate exceeded");
        return true;
    case SANDBOX_FAULT_ERROR:
    case SANDBOX_FAULT_ERROR_AFTER:
        aws_fail(call, 500, "InternalFailure", NULL,
                 "We encountered an internal error. Please try again.");
        return true;
    case SANDBOX_FAULT_DENIED:
        aws_fail(call, call->protocol == AWS_QUERY ? 403 : 400, "AccessDeniedException",
                 "AccessDenied",
                 "User: arn:aws:iam::" AWS_ACCOUNT ":user/fluxabot is not authorized to perform: "
                 "%s:%s because no identity-based policy allows the %s:%s action",
                 call->service->name, call->operation, call->service->name, call->operation);
        return true;
    case SANDBOX_FAULT_TIMEOUT_BEFORE:
        reply->hang_up = true;
        return true;
    case SANDBOX_FAULT_SLOW:
    case SANDBOX_FAULT_HELD:
        sandbox_fault_wait(call->sb, fault, call->service->name, call->operation);
        return false;
    case SANDBOX_FAULT_NONE:
    case SANDBOX_FAULT_TIMEOUT_AFTER:
        break;
    }
    return false;
}

static void carry_out(struct aws_call *call, struct fx_slice request, struct sandbox_reply *reply) {
    const struct aws_operation *operation = find_operation(call->service, call->operation);
    struct fx_json *output = NULL;
    enum sandbox_fault fault;

    if (operation == NULL) {
        if (call->protocol == AWS_QUERY)
            aws_fail(call, 400, "InvalidAction", NULL,
                     "The action %s is not valid for this web service.", call->operation);
        else
            aws_fail(call, 400, "UnknownOperationException", NULL,
                     "The sandbox does not play %s:%s", call->service->name, call->operation);
        return;
    }
    int64_t worlds = call->aws->worlds;
    sandbox_sleep(call->sb, call->sb->options.aws_delay_ms);
    fault = sandbox_fault_take(call->sb, call->service->name, call->operation, request);
    if (suffer(call, fault, reply))
        return;
    if (call->aws->worlds != worlds) { /* a call of the old world changes nothing in the new one */
        reply->hang_up = true;
        return;
    }
    output = operation->handle(call);
    if (fault == SANDBOX_FAULT_TIMEOUT_AFTER)
        reply->hang_up = true;
    if (output == NULL)
        return;
    sandbox_reply_header(reply, "x-amzn-RequestId", call->request_id);
    if (call->protocol == AWS_QUERY)
        aws_query_write(call, output, reply);
    else
        aws_json_write(call, output, reply);
}

static const char *scope_service(struct sandbox_request *req) {
    const char *text = sandbox_header(req, "authorization");
    const char *credential = text != NULL ? strstr(text, "Credential=") : NULL;
    struct fx_slice rest = fx_slice_of(credential), part = {0};

    for (int i = 0; i < 4; i++)
        fx_slice_split(rest, '/', &part, &rest);
    return part.len > 0 ? fx_slice_dup(req->sc, part) : NULL;
}

/* Finds out what is called, in which protocol. False after a failure was recorded. */
static bool recognise(struct aws_call *call, struct sandbox_request *req) {
    const char *target = sandbox_header(req, "x-amz-target");

    if (target != NULL) {
        if (!read_target(call, target)) {
            aws_fail(call, 400, "UnknownOperationException", NULL, "The sandbox does not play %s",
                     target);
            return false;
        }
        return aws_json_read(call, req->body);
    }
    call->protocol = AWS_QUERY;
    call->input =
        aws_query_parse(req->sc, req->body.len > 0 ? req->body : fx_slice_of(req->raw_query));
    if (call->input == NULL || !read_action(call, scope_service(req))) {
        aws_fail(call, 400, "MissingAction", NULL,
                 "The request has neither X-Amz-Target nor an Action of a service that the "
                 "sandbox plays");
        return false;
    }
    aws_query_rename(call);
    return true;
}

void sandbox_aws_handle(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct sandbox *sb = req->sb;
    const struct sigv4_account account = {sb->options.access_key, sb->options.secret_key,
                                          AWS_REGION};
    const char *host = sandbox_header(req, "host");
    struct aws_call call = {.sb = sb,
                            .aws = sb->aws,
                            .sc = req->sc,
                            .request_id = fx_uuid_new(req->sc, sb->random),
                            .host = host != NULL ? host : "127.0.0.1",
                            .path = req->path};

    bool recognised = recognise(&call, req);
    struct sigv4_verdict verdict = sigv4_verify(
        req, &account, call.service != NULL ? call.service->signing : NULL, fx_wall_ms(sb->clock));
    if (!verdict.valid)
        aws_fail(&call, verdict.status, verdict.code, NULL, "%s", verdict.message);
    else if (recognised)
        carry_out(&call, req->body, reply);
    if (call.failure.status != 0 && !reply->hang_up)
        write_failure(&call, reply);
}
