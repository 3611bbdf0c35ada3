/* protocol_json.c - AWS JSON 1.0 and 1.1: a POST with the operation in a header. */
#include "private.h"

#include <string.h>

static enum fx_code write_value(struct fx_scope *sc, uint16_t number, struct fx_json *value,
                                struct fx_json **ret, struct fx_error *err);

static enum fx_code write_structure(struct fx_scope *sc, const struct aws_shape *shape,
                                    const struct fx_json *value, struct fx_json *out,
                                    struct fx_error *err) {
    struct fx_json *given = NULL, *written = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (value != NULL && fx_json_next(value, &cursor, &key, &given)) {
        const struct aws_member *member = aws_member_find(shape, key);
        if (member == NULL)
            return fx_fail(err, FX_ERR_INTERNAL, "the parameter %s was not checked", key);
        if (member->place != AWS_IN_BODY)
            continue;
        FX_TRY(write_value(sc, member->shape, given, &written, err));
        fx_json_put(out, member->wire, written);
    }
    return FX_OK;
}

static enum fx_code write_list(struct fx_scope *sc, const struct aws_shape *shape,
                               const struct fx_json *value, struct fx_json *out,
                               struct fx_error *err) {
    struct fx_json *written = NULL;

    for (size_t i = 0; i < fx_json_count(value); i++) {
        FX_TRY(write_value(sc, shape->item, fx_json_item(value, i), &written, err));
        fx_json_add(out, written);
    }
    return FX_OK;
}

static enum fx_code write_map(struct fx_scope *sc, const struct aws_shape *shape,
                              const struct fx_json *value, struct fx_json *out,
                              struct fx_error *err) {
    struct fx_json *given = NULL, *written = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &given)) {
        FX_TRY(write_value(sc, shape->item, given, &written, err));
        fx_json_put(out, key, written);
    }
    return FX_OK;
}

/* JSON 1.x writes times as seconds since 1970. */
static enum fx_code write_timestamp(struct fx_scope *sc, const struct fx_json *value,
                                    struct fx_json **ret, struct fx_error *err) {
    int64_t wall_ms = 0;

    FX_TRY(aws_timestamp_read(value, &wall_ms, err));
    *ret = wall_ms % 1000 == 0 ? fx_json_int(sc, wall_ms / 1000)
                               : fx_json_real(sc, (double)wall_ms / 1000);
    return FX_OK;
}

static enum fx_code write_value(struct fx_scope *sc, uint16_t number, struct fx_json *value,
                                struct fx_json **ret, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];

    switch (shape->type) {
    case AWS_STRUCTURE:
        *ret = fx_json_object(sc);
        return write_structure(sc, shape, value, *ret, err);
    case AWS_LIST:
        *ret = fx_json_array(sc);
        return write_list(sc, shape, value, *ret, err);
    case AWS_MAP:
        *ret = fx_json_object(sc);
        return write_map(sc, shape, value, *ret, err);
    case AWS_TIMESTAMP:
        return write_timestamp(sc, value, ret, err);
    default:
        *ret = value;
        return FX_OK;
    }
}

enum fx_code aws_json_write(struct fx_scope *sc, uint16_t shape, struct fx_json *value,
                            struct fx_json **ret, struct fx_error *err) {
    return write_value(sc, shape, value, ret, err);
}

enum fx_code aws_json_write_body(struct fx_scope *sc, const struct aws_shape *shape,
                                 const struct fx_json *value, struct fx_json **ret,
                                 struct fx_error *err) {
    *ret = fx_json_object(sc);
    return write_structure(sc, shape, value, *ret, err);
}

static enum fx_code write_request(struct fx_scope *sc, const struct aws_operation *operation,
                                  const struct fx_json *params, struct aws_wire *ret_wire,
                                  struct fx_error *err) {
    const struct aws_service *service = operation->service;
    struct fx_json *body = NULL;

    FX_TRY(aws_json_write_body(sc, &aws_shapes[operation->input], params, &body, err));
    *ret_wire = (struct aws_wire){
        .path = "/",
        .query = "",
        .content_type = fx_printf(sc, "application/x-amz-json-%s", service->version),
        .target = fx_printf(sc, "%s.%s", service->target, operation->name),
        .body = fx_slice_of(fx_json_dump(sc, body)),
    };
    return FX_OK;
}

static enum fx_code read_answer(struct fx_scope *sc, const struct aws_operation *operation,
                                const struct fx_http_reply *reply, struct fx_json **ret_answer,
                                struct fx_error *err) {
    (void)operation;
    *ret_answer = fx_json_object(sc);
    /* An operation without answer sends nothing at all. */
    if (reply->body.len == 0)
        return FX_OK;
    if (fx_json_parse(sc, reply->body, ret_answer, err) != FX_OK ||
        fx_json_type(*ret_answer) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer is not a JSON object");
    return FX_OK;
}

static const char *text_or_empty(const char *text) {
    return text != NULL ? text : "";
}

/* "com.amazonaws.sqs#QueueDoesNotExist", also with ":http://..." behind it. */
static const char *bare_code(struct fx_scope *sc, const char *type) {
    struct fx_slice code, rest;

    fx_slice_split(fx_slice_of(type), ':', &code, &rest);
    size_t hash = fx_slice_find(code, 0, '#');
    if (hash < code.len)
        code = fx_slice_cut(code, hash + 1, code.len);
    return fx_slice_dup(sc, code);
}

void aws_json_read_fault(struct fx_scope *sc, const struct fx_http_reply *reply,
                         struct aws_fault *ret_fault) {
    const char *legacy = fx_http_reply_header(reply, "x-amzn-query-error");
    const char *type = fx_http_reply_header(reply, "x-amzn-errortype");
    struct fx_json *body = NULL;
    struct fx_slice code, fault;
    struct fx_error ignored;

    *ret_fault = (struct aws_fault){
        .status = reply->status,
        .code = "",
        .message = "",
        .request_id = aws_request_id(reply),
    };
    /* A proxy in between may answer with a page. */
    if (fx_json_parse(sc, reply->body, &body, &ignored) == FX_OK) {
        const char *message = fx_json_get_text(body, "message");
        if (message == NULL)
            message = fx_json_get_text(body, "Message");
        ret_fault->message = text_or_empty(message);
        if (fx_json_get_text(body, "__type") != NULL)
            type = fx_json_get_text(body, "__type");
        else if (type == NULL)
            type = fx_json_get_text(body, "code");
    }
    if (type != NULL)
        ret_fault->code = bare_code(sc, type);
    /* The code that the query protocol had; its list is the one people find documented. */
    if (legacy != NULL && fx_slice_split(fx_slice_of(legacy), ';', &code, &fault) && code.len > 0)
        ret_fault->code = fx_slice_dup(sc, code);
}

const struct aws_protocol_ops aws_protocol_json = {write_request, read_answer, aws_json_read_fault};
