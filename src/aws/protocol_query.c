/* protocol_query.c - the query protocol: a form goes out, XML comes back. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the form ---- */

struct form {
    struct fx_scope *sc;
    struct fx_buf out;
};

static enum fx_code write_value(struct form *form, const char *name, uint16_t number,
                                const struct fx_json *value, struct fx_error *err);

static void add_field(struct form *form, const char *name, struct fx_slice value) {
    fx_buf_addf(&form->out, "%s%s=%s", form->out.len > 0 ? "&" : "",
                fx_url_encode(form->sc, fx_slice_of(name), false),
                fx_url_encode(form->sc, value, false));
}

static const char *join(struct form *form, const char *name, const char *step) {
    return name[0] != '\0' ? fx_printf(form->sc, "%s.%s", name, step) : step;
}

static enum fx_code write_structure(struct form *form, const char *name,
                                    const struct aws_shape *shape, const struct fx_json *value,
                                    struct fx_error *err) {
    struct fx_json *given = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (value != NULL && fx_json_next(value, &cursor, &key, &given)) {
        const struct aws_member *member = aws_member_find(shape, key);
        if (member == NULL)
            return fx_fail(err, FX_ERR_INTERNAL, "the parameter %s was not checked", key);
        FX_TRY(write_value(form, join(form, name, member->wire), member->shape, given, err));
    }
    return FX_OK;
}

/* "Names.member.1"; flattened "Names.1". An empty list is sent as an empty field. */
static enum fx_code write_list(struct form *form, const char *name, const struct aws_shape *shape,
                               const struct fx_json *value, struct fx_error *err) {
    const char *base = shape->flattened ? name : join(form, name, shape->item_name);

    if (fx_json_count(value) == 0)
        add_field(form, name, (struct fx_slice){0});
    for (size_t i = 0; i < fx_json_count(value); i++)
        FX_TRY(write_value(form, fx_printf(form->sc, "%s.%zu", base, i + 1), shape->item,
                           fx_json_item(value, i), err));
    return FX_OK;
}

/* "Attributes.entry.1.key" and "Attributes.entry.1.value". */
static enum fx_code write_map(struct form *form, const char *name, const struct aws_shape *shape,
                              const struct fx_json *value, struct fx_error *err) {
    struct fx_json *given = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    for (size_t i = 1; fx_json_next(value, &cursor, &key, &given); i++) {
        const char *entry =
            fx_printf(form->sc, "%s%s.%zu", name, shape->flattened ? "" : ".entry", i);
        add_field(form, join(form, entry, shape->key_name), fx_slice_of(key));
        FX_TRY(write_value(form, join(form, entry, shape->item_name), shape->item, given, err));
    }
    return FX_OK;
}

static enum fx_code write_timestamp(struct form *form, const char *name,
                                    const struct fx_json *value, struct fx_error *err) {
    int64_t wall_ms = 0;

    FX_TRY(aws_timestamp_read(value, &wall_ms, err));
    add_field(form, name,
              fx_slice_of(wall_ms % 1000 == 0 ? fx_time_iso(form->sc, wall_ms)
                                              : fx_time_iso_ms(form->sc, wall_ms)));
    return FX_OK;
}

static enum fx_code write_value(struct form *form, const char *name, uint16_t number,
                                const struct fx_json *value, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];

    switch (shape->type) {
    case AWS_STRUCTURE:
        return write_structure(form, name, shape, value, err);
    case AWS_LIST:
        return write_list(form, name, shape, value, err);
    case AWS_MAP:
        return write_map(form, name, shape, value, err);
    case AWS_TIMESTAMP:
        return write_timestamp(form, name, value, err);
    case AWS_STRING:
    case AWS_BLOB:
        add_field(form, name, fx_json_text_slice(value));
        return FX_OK;
    default:
        add_field(form, name, fx_slice_of(fx_json_dump(form->sc, value)));
        return FX_OK;
    }
}

static enum fx_code write_request(struct fx_scope *sc, const struct aws_operation *operation,
                                  const struct fx_json *params, struct aws_wire *ret_wire,
                                  struct fx_error *err) {
    struct form form = {.sc = sc};

    fx_buf_init(&form.out, sc, AWS_MAX_PARAMS_BYTES);
    add_field(&form, "Action", fx_slice_of(operation->name));
    add_field(&form, "Version", fx_slice_of(operation->service->version));
    FX_TRY(write_structure(&form, "", &aws_shapes[operation->input], params, err));
    if (form.out.full)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters take more than %d bytes",
                       AWS_MAX_PARAMS_BYTES);
    *ret_wire = (struct aws_wire){
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .body = fx_buf_slice(&form.out),
    };
    return FX_OK;
}

/* ---- the answer ---- */

static enum fx_code read_value(struct fx_scope *sc, uint16_t number, const struct aws_xml *node,
                               struct fx_json **ret, struct fx_error *err);

static enum fx_code read_structure(struct fx_scope *sc, const struct aws_shape *shape,
                                   const struct aws_xml *node, struct fx_json **ret,
                                   struct fx_error *err);

/* Items of a list that stand in parent under name. */
static enum fx_code read_items(struct fx_scope *sc, const struct aws_shape *shape,
                               const struct aws_xml *parent, const char *name, struct fx_json **ret,
                               struct fx_error *err) {
    struct fx_json *item = NULL;

    *ret = fx_json_array(sc);
    for (const struct aws_xml *node = parent->first; node != NULL; node = node->next) {
        if (strcmp(node->name, name) != 0)
            continue;
        FX_TRY(read_value(sc, shape->item, node, &item, err));
        fx_json_add(*ret, item);
    }
    return FX_OK;
}

static enum fx_code read_entries(struct fx_scope *sc, const struct aws_shape *shape,
                                 const struct aws_xml *parent, const char *name,
                                 struct fx_json **ret, struct fx_error *err) {
    struct fx_json *value = NULL;

    *ret = fx_json_object(sc);
    for (const struct aws_xml *node = parent->first; node != NULL; node = node->next) {
        const struct aws_xml *key = aws_xml_child(node, shape->key_name);
        const struct aws_xml *content = aws_xml_child(node, shape->item_name);
        if (strcmp(node->name, name) != 0 || key == NULL || content == NULL)
            continue;
        FX_TRY(read_value(sc, shape->item, content, &value, err));
        fx_json_put(*ret, fx_slice_dup(sc, key->text), value);
    }
    return FX_OK;
}

static enum fx_code read_member(struct fx_scope *sc, const struct aws_member *member,
                                const struct aws_xml *node, struct fx_json *out,
                                struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[member->shape];
    const struct aws_xml *child = aws_xml_child(node, member->wire);
    struct fx_json *value = NULL;

    if (child == NULL)
        return FX_OK;
    if (shape->flattened && shape->type == AWS_LIST)
        FX_TRY(read_items(sc, shape, node, member->wire, &value, err));
    else if (shape->flattened && shape->type == AWS_MAP)
        FX_TRY(read_entries(sc, shape, node, member->wire, &value, err));
    else
        FX_TRY(read_value(sc, member->shape, child, &value, err));
    fx_json_put(out, member->name, value);
    return FX_OK;
}

static enum fx_code read_structure(struct fx_scope *sc, const struct aws_shape *shape,
                                   const struct aws_xml *node, struct fx_json **ret,
                                   struct fx_error *err) {
    *ret = fx_json_object(sc);
    for (uint16_t i = 0; i < shape->count; i++)
        FX_TRY(read_member(sc, &aws_members[shape->first + i], node, *ret, err));
    return FX_OK;
}

static enum fx_code fail_scalar(const struct aws_xml *node, const char *wanted,
                                struct fx_error *err) {
    return fx_fail(err, FX_ERR_UPSTREAM, "%s in the answer is not %s", node->name, wanted);
}

static enum fx_code read_float(struct fx_scope *sc, const struct aws_xml *node,
                               struct fx_json **ret, struct fx_error *err) {
    const char *text = fx_slice_dup(sc, fx_slice_trim(node->text));
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0')
        return fail_scalar(node, "a number", err);
    /* JSON has no word for NaN or infinity. */
    *ret = isfinite(value) ? fx_json_real(sc, value) : fx_json_null(sc);
    return FX_OK;
}

/* Times are seconds since 1970, as the JSON protocols write them. */
static enum fx_code read_timestamp(struct fx_scope *sc, const struct aws_xml *node,
                                   struct fx_json **ret, struct fx_error *err) {
    int64_t wall_ms = 0;

    if (fx_time_parse(fx_slice_trim(node->text), &wall_ms, err) != FX_OK)
        return fail_scalar(node, "a time", err);
    *ret = wall_ms % 1000 == 0 ? fx_json_int(sc, wall_ms / 1000)
                               : fx_json_real(sc, (double)wall_ms / 1000);
    return FX_OK;
}

static enum fx_code read_integer(struct fx_scope *sc, const struct aws_xml *node,
                                 struct fx_json **ret, struct fx_error *err) {
    int64_t value = 0;

    if (!fx_slice_to_int(fx_slice_trim(node->text), &value))
        return fail_scalar(node, "a whole number", err);
    *ret = fx_json_int(sc, value);
    return FX_OK;
}

static enum fx_code read_value(struct fx_scope *sc, uint16_t number, const struct aws_xml *node,
                               struct fx_json **ret, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];

    switch (shape->type) {
    case AWS_STRUCTURE:
        return read_structure(sc, shape, node, ret, err);
    case AWS_LIST:
        return read_items(sc, shape, node, shape->item_name, ret, err);
    case AWS_MAP:
        return read_entries(sc, shape, node, "entry", ret, err);
    case AWS_INTEGER:
        return read_integer(sc, node, ret, err);
    case AWS_FLOAT:
        return read_float(sc, node, ret, err);
    case AWS_TIMESTAMP:
        return read_timestamp(sc, node, ret, err);
    case AWS_BOOLEAN:
        *ret = fx_json_bool(sc, fx_slice_equal_text(fx_slice_trim(node->text), "true"));
        return FX_OK;
    default:
        *ret = fx_json_slice(sc, node->text);
        return FX_OK;
    }
}

static enum fx_code read_answer(struct fx_scope *sc, const struct aws_operation *operation,
                                const struct fx_http_reply *reply, struct fx_json **ret_answer,
                                struct fx_error *err) {
    struct aws_xml *root = NULL;

    FX_TRY(aws_xml_parse(sc, reply->body, &root, err));
    const struct aws_xml *answer =
        operation->wrapper != NULL ? aws_xml_child(root, operation->wrapper) : root;
    if (answer == NULL)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer has no element %s", operation->wrapper);
    return read_structure(sc, &aws_shapes[operation->output], answer, ret_answer, err);
}

static const char *text_of(struct fx_scope *sc, const struct aws_xml *parent, const char *name) {
    const struct aws_xml *node = parent != NULL ? aws_xml_child(parent, name) : NULL;

    return node != NULL ? fx_slice_dup(sc, fx_slice_trim(node->text)) : "";
}

static void read_fault(struct fx_scope *sc, const struct fx_http_reply *reply,
                       struct aws_fault *ret_fault) {
    const char *request_id = fx_http_reply_header(reply, "x-amzn-requestid");
    const struct aws_xml *error = NULL, *id = NULL;
    struct aws_xml *root = NULL;
    struct fx_error ignored;

    *ret_fault = (struct aws_fault){.status = reply->status, .code = "", .message = ""};
    if (aws_xml_parse(sc, reply->body, &root, &ignored) == FX_OK) {
        error = aws_xml_descendant(root, "Error");
        id = aws_xml_descendant(root, "RequestId");
    }
    ret_fault->code = text_of(sc, error, "Code");
    ret_fault->message = text_of(sc, error, "Message");
    if (id != NULL)
        request_id = fx_slice_dup(sc, fx_slice_trim(id->text));
    ret_fault->request_id = request_id != NULL ? request_id : "";
}

const struct aws_protocol_ops aws_protocol_query = {write_request, read_answer, read_fault};
