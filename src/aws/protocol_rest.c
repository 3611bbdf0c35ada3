/* protocol_rest.c - REST operations with bodies in JSON or XML. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

static bool has_body_members(const struct aws_shape *shape) {
    for (uint16_t i = 0; i < shape->count; i++)
        if (aws_members[shape->first + i].place == AWS_IN_BODY)
            return true;
    return false;
}

static bool has_header(const struct aws_wire *wire, const char *name) {
    for (size_t i = 0; i < wire->headers_count; i++)
        if (strcmp(wire->headers[i].name, name) == 0)
            return true;
    return false;
}

/* A parameter that is the whole body, and not a structure. */
static enum fx_code write_bytes(struct fx_scope *sc, const struct aws_member *payload,
                                const struct fx_json *params, struct aws_wire *wire,
                                struct fx_error *err) {
    const struct fx_json *value = fx_json_at(params, payload->name);

    if (value == NULL)
        return FX_OK;
    wire->body = fx_json_text_slice(value);
    if (!has_header(wire, "Content-Type"))
        wire->content_type = "application/octet-stream";
    if (aws_shapes[payload->shape].type != AWS_BLOB)
        return FX_OK;
    if (fx_base64_decode(sc, fx_json_text_slice(value), &wire->body, err) != FX_OK)
        return fx_fail_in(err, "%s is a blob, so it is written in Base64", payload->name);
    return FX_OK;
}

/* ---- JSON ---- */

static enum fx_code write_json(struct fx_scope *sc, const struct aws_operation *operation,
                               const struct fx_json *params, struct aws_wire *ret_wire,
                               struct fx_error *err) {
    const struct aws_shape *input = &aws_shapes[operation->input];
    const struct aws_member *payload = NULL;
    struct fx_json *body = NULL;

    *ret_wire = (struct aws_wire){0};
    FX_TRY(aws_rest_address(sc, operation, params, ret_wire, &payload, err));
    if (payload != NULL && aws_shapes[payload->shape].type != AWS_STRUCTURE)
        return write_bytes(sc, payload, params, ret_wire, err);
    if (payload == NULL && !has_body_members(input))
        return FX_OK;
    if (payload == NULL)
        FX_TRY(aws_json_write_body(sc, input, params, &body, err));
    else if (fx_json_at(params, payload->name) != NULL)
        FX_TRY(aws_json_write(sc, payload->shape, fx_json_at(params, payload->name), &body, err));
    else
        body = fx_json_object(sc);
    ret_wire->content_type = "application/json";
    ret_wire->body = fx_slice_of(fx_json_dump(sc, body));
    return FX_OK;
}

static enum fx_code read_json_body(struct fx_scope *sc, uint16_t shape, struct fx_slice text,
                                   struct fx_json **ret, struct fx_error *err) {
    struct fx_json *body = NULL;

    *ret = fx_json_object(sc);
    if (text.len == 0)
        return FX_OK;
    if (fx_json_parse(sc, text, &body, err) != FX_OK || fx_json_type(body) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer is not a JSON object");
    return aws_json_read(sc, shape, body, ret, err);
}

static enum fx_code read_xml_body(struct fx_scope *sc, uint16_t shape, struct fx_slice text,
                                  struct fx_json **ret, struct fx_error *err) {
    struct aws_xml *root = NULL;

    *ret = fx_json_object(sc);
    if (text.len == 0) /* HEAD */
        return FX_OK;
    FX_TRY(aws_xml_parse(sc, text, &root, err));
    return aws_xml_read(sc, shape, root, ret, err);
}

typedef enum fx_code read_body_fn(struct fx_scope *sc, uint16_t shape, struct fx_slice text,
                                  struct fx_json **ret, struct fx_error *err);

static enum fx_code read_payload(struct fx_scope *sc, const struct aws_member *payload,
                                 struct fx_slice body, read_body_fn *read_body,
                                 struct fx_json **ret, struct fx_error *err) {
    switch (aws_shapes[payload->shape].type) {
    case AWS_STRUCTURE:
        return read_body(sc, payload->shape, body, ret, err);
    case AWS_BLOB:
        *ret = fx_json_string(sc, fx_base64(sc, body));
        return FX_OK;
    default:
        *ret = fx_json_slice(sc, body);
        return FX_OK;
    }
}

static enum fx_code read_answer(struct fx_scope *sc, const struct aws_operation *operation,
                                const struct fx_http_reply *reply, read_body_fn *read_body,
                                struct fx_json **ret_answer, struct fx_error *err) {
    const struct aws_shape *output = &aws_shapes[operation->output];
    struct fx_json *head = fx_json_object(sc), *body = NULL, *value = NULL;
    const struct aws_member *payload = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    FX_TRY(aws_rest_read_head(sc, output, reply, head, &payload, err));
    *ret_answer = head;
    if (payload != NULL) {
        FX_TRY(read_payload(sc, payload, reply->body, read_body, &body, err));
        fx_json_put(head, payload->name, body);
        return FX_OK;
    }
    if (!has_body_members(output))
        return FX_OK;
    FX_TRY(read_body(sc, operation->output, reply->body, &body, err));
    while (fx_json_next(body, &cursor, &key, &value))
        fx_json_put(head, key, value);
    return FX_OK;
}

static enum fx_code read_json(struct fx_scope *sc, const struct aws_operation *operation,
                              const struct fx_http_reply *reply, struct fx_json **ret_answer,
                              struct fx_error *err) {
    return read_answer(sc, operation, reply, read_json_body, ret_answer, err);
}

/* ---- XML ---- */

static enum fx_code write_element(struct fx_buf *out, const char *name, uint16_t number,
                                  const struct fx_json *value, struct fx_error *err);

static void add_escaped(struct fx_buf *out, struct fx_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\r' || c == '\n' || c == '\t')
            fx_buf_addf(out, "&#%d;", c);
        else
            fx_buf_add_char(out, c);
    }
}

/* In the order of the model, which XML's readers may insist on. */
static enum fx_code write_members(struct fx_buf *out, const struct aws_shape *shape,
                                  const struct fx_json *value, struct fx_error *err) {
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct aws_member *member = &aws_members[shape->first + i];
        const struct fx_json *given = fx_json_at(value, member->name);
        if (given != NULL && member->place == AWS_IN_BODY)
            FX_TRY(write_element(out, member->wire, member->shape, given, err));
    }
    return FX_OK;
}

static enum fx_code write_items(struct fx_buf *out, const char *name, const struct aws_shape *shape,
                                const struct fx_json *value, struct fx_error *err) {
    for (size_t i = 0; i < fx_json_count(value); i++)
        FX_TRY(write_element(out, shape->flattened ? name : shape->item_name, shape->item,
                             fx_json_item(value, i), err));
    return FX_OK;
}

static enum fx_code write_element(struct fx_buf *out, const char *name, uint16_t number,
                                  const struct fx_json *value, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];
    struct fx_slice text;

    if (shape->type == AWS_LIST && shape->flattened)
        return write_items(out, name, shape, value, err);
    if (shape->type == AWS_MAP)
        return fx_fail(err, FX_ERR_INTERNAL, "%s is a map, which is not written in XML", name);
    fx_buf_addf(out, "<%s>", name);
    if (shape->type == AWS_STRUCTURE)
        FX_TRY(write_members(out, shape, value, err));
    else if (shape->type == AWS_LIST)
        FX_TRY(write_items(out, name, shape, value, err));
    else {
        FX_TRY(aws_scalar_write(out->sc, shape->type, value, &text, err));
        add_escaped(out, text);
    }
    fx_buf_addf(out, "</%s>", name);
    return FX_OK;
}

static enum fx_code write_xml(struct fx_scope *sc, const struct aws_operation *operation,
                              const struct fx_json *params, struct aws_wire *ret_wire,
                              struct fx_error *err) {
    const struct aws_member *payload = NULL;
    struct fx_buf body;

    *ret_wire = (struct aws_wire){0};
    FX_TRY(aws_rest_address(sc, operation, params, ret_wire, &payload, err));
    if (payload != NULL && aws_shapes[payload->shape].type == AWS_STRUCTURE)
        return fx_fail(err, FX_ERR_INTERNAL, "%s as a body is not written in XML", payload->name);
    if (payload != NULL)
        return write_bytes(sc, payload, params, ret_wire, err);
    if (operation->root == NULL)
        return FX_OK;
    fx_buf_init(&body, sc, AWS_MAX_PARAMS_BYTES);
    fx_buf_addf(&body, "<%s xmlns=\"%s\">", operation->root, operation->xml_namespace);
    FX_TRY(write_members(&body, &aws_shapes[operation->input], params, err));
    fx_buf_addf(&body, "</%s>", operation->root);
    if (body.full)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters take more than %d bytes",
                       AWS_MAX_PARAMS_BYTES);
    ret_wire->content_type = "application/xml";
    ret_wire->body = fx_buf_slice(&body);
    return FX_OK;
}

static enum fx_code read_xml(struct fx_scope *sc, const struct aws_operation *operation,
                             const struct fx_http_reply *reply, struct fx_json **ret_answer,
                             struct fx_error *err) {
    return read_answer(sc, operation, reply, read_xml_body, ret_answer, err);
}

const struct aws_protocol_ops aws_protocol_rest_json = {write_json, read_json, aws_json_read_fault};
const struct aws_protocol_ops aws_protocol_rest_xml = {write_xml, read_xml, aws_xml_read_fault};
