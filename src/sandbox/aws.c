/* aws.c - one call of AWS: protocol, signature, fault, operation, answer. */
#include "aws.h"

#include "calls.h"
#include "documents.h"
#include "sigv4.h"

#include <stdlib.h>
#include <string.h>

static const struct aws_service *const services[] = {
    &aws_service_sqs, &aws_service_cloudwatch, &aws_service_logs,   &aws_service_sns,
    &aws_service_sts, &aws_service_rds,        &aws_service_lambda, &aws_service_cloudtrail,
    &aws_service_iam, &aws_service_s3,         &aws_service_ec2,    &aws_service_health,
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

/* "GraniteServiceVersion20100801", and of "com.amazonaws.x.Y" the last part: newer SDKs say "Y". */
static bool is_target(const char *target, struct fx_slice prefix) {
    const char *dot = target != NULL ? strrchr(target, '.') : NULL;

    return target != NULL && (fx_slice_equal_text(prefix, target) ||
                              (dot != NULL && fx_slice_equal_text(prefix, dot + 1)));
}

/* "AmazonSQS.SendMessage" */
static bool read_target(struct aws_call *call, const char *target) {
    const char *dot = strrchr(target, '.');

    if (dot == NULL)
        return false;
    struct fx_slice prefix = fx_slice_cut(fx_slice_of(target), 0, (size_t)(dot - target));
    call->operation = fx_strdup(call->sc, dot + 1);
    for (size_t i = 0; i < FX_COUNT_OF(services); i++)
        if (is_target(services[i]->target, prefix)) {
            call->service = services[i];
            call->protocol = services[i]->json;
            return true;
        }
    return false;
}

/* A REST call is one of the service that its signature names, when that has paths. */
static const struct aws_service *find_rest(const char *signing) {
    for (size_t i = 0; signing != NULL && i < FX_COUNT_OF(services); i++)
        if (services[i]->routes != NULL && strcmp(services[i]->signing, signing) == 0)
            return services[i];
    return NULL;
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
    else if (call->protocol == AWS_REST_JSON)
        aws_rest_write_failure(call, reply);
    else if (call->protocol == AWS_REST_XML)
        s3_write_failure(call, reply);
    else
        aws_json_write_failure(call, reply);
    reply->status = call->failure.status;
}

/* How a service says that it is too much, that it failed, and that it may not be. */
struct words {
    int throttled_status, denied_status;
    const char *throttled, *throttled_code, *failed, *denied_code;
};

static struct words words_of(const struct aws_call *call) {
    struct words words = {
        400, 400, "ThrottlingException", "Throttling", "InternalFailure", "AccessDenied"};

    if (call->protocol == AWS_REST_JSON)
        return (struct words){
            429, 403, "TooManyRequestsException", NULL, "ServiceException", "AccessDenied"};
    if (call->protocol == AWS_REST_XML)
        return (struct words){503, 403, "SlowDown", NULL, "InternalError", "AccessDenied"};
    if (call->service->ec2)
        return (struct words){
            503, 403, "RequestLimitExceeded", NULL, "InternalError", "UnauthorizedOperation"};
    if (call->protocol == AWS_QUERY)
        words.denied_status = 403;
    return words;
}

/* True when the call must not be carried out. */
static bool suffer(struct aws_call *call, enum sandbox_fault fault, struct sandbox_reply *reply) {
    struct words words = words_of(call);

    switch (fault) {
    case SANDBOX_FAULT_THROTTLE:
        aws_fail(call, words.throttled_status, words.throttled, words.throttled_code,
                 "Rate exceeded");
        return true;
    case SANDBOX_FAULT_ERROR:
    case SANDBOX_FAULT_ERROR_AFTER:
        aws_fail(call, 500, words.failed, NULL,
                 "We encountered an internal error. Please try again.");
        return true;
    case SANDBOX_FAULT_DENIED:
        aws_fail(call, words.denied_status, "AccessDeniedException", words.denied_code,
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
    else if (call->protocol == AWS_REST_JSON)
        aws_rest_write(call, output, reply);
    else if (call->protocol == AWS_REST_XML)
        s3_write(call, output, reply);
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

/* What a fault can be about: of a REST call mostly its path. */
static struct fx_slice sent(const struct sandbox_request *req) {
    const char *head;

    if (req->raw_path[0] == '\0' || strcmp(req->raw_path, "/") == 0)
        return req->body;
    head = fx_printf(req->sc, "%s?%s\n%.*s", req->path, req->raw_query, (int)req->body.len,
                     req->body.len > 0 ? req->body.ptr : "");
    return fx_slice_of(head);
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
    const char *scope = scope_service(req);
    if (scope != NULL && strcmp(scope, "s3") == 0)
        return s3_recognise(call, req);
    call->service = find_rest(scope);
    if (call->service != NULL)
        return aws_rest_read(call, req);
    call->protocol = AWS_QUERY;
    call->input =
        aws_query_parse(req->sc, req->body.len > 0 ? req->body : fx_slice_of(req->raw_query));
    if (call->input == NULL || !read_action(call, scope)) {
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
                            .path = req->path,
                            .identity = aws_identity(req),
                            .reply = reply};

    bool recognised = recognise(&call, req);
    struct sigv4_verdict verdict = sigv4_verify(
        req, &account, call.service != NULL ? call.service->signing : NULL, fx_wall_ms(sb->clock));
    if (!verdict.valid)
        aws_fail(&call, verdict.status, verdict.code, NULL, "%s", verdict.message);
    else if (recognised) {
        aws_note_call(&call);
        carry_out(&call, sent(req), reply);
    }
    if (call.failure.status != 0 && !reply->hang_up)
        write_failure(&call, reply);
}
