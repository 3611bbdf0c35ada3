/* aws_json.c - AWS's JSON protocols 1.0 and 1.1. */
#include "aws.h"

bool aws_json_read(struct aws_call *call, struct fx_slice body) {
    struct fx_error err;

    if (body.len == 0) {
        call->input = fx_json_object(call->sc);
        return true;
    }
    if (fx_json_parse(call->sc, body, &call->input, &err) == FX_OK &&
        fx_json_type(call->input) == FX_JSON_OBJECT)
        return true;
    aws_fail(call, 400, "SerializationException", NULL, "The request body is not a JSON object");
    return false;
}

static const char *content_type(const struct aws_call *call) {
    return call->protocol == AWS_JSON_1_1 ? "application/x-amz-json-1.1"
                                          : "application/x-amz-json-1.0";
}

void aws_json_write(struct aws_call *call, const struct fx_json *output,
                    struct sandbox_reply *reply) {
    sandbox_reply_text(reply, 200, content_type(call), fx_json_dump(call->sc, output));
}

void aws_json_write_failure(struct aws_call *call, struct sandbox_reply *reply) {
    const struct aws_failure *failure = &call->failure;
    const char *prefix =
        call->service != NULL ? call->service->error_prefix : "com.amazon.coral.service";
    struct fx_json *body = fx_json_object_of(
        call->sc, "__type", fx_json_stringf(call->sc, "%s#%s", prefix, failure->type), "message",
        fx_json_string(call->sc, failure->message), NULL);

    if (call->service != NULL && call->service->query_compatible)
        sandbox_reply_header(reply, "x-amzn-query-error",
                             fx_printf(call->sc, "%s;%s", failure->code,
                                       failure->status >= 500 ? "Receiver" : "Sender"));
    sandbox_reply_text(reply, failure->status, content_type(call), fx_json_dump(call->sc, body));
}
