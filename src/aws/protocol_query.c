/* protocol_query.c - the query protocol: a form goes out, XML comes back. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

/* ---- the form ---- */

struct form {
    struct fx_scope *sc;
    bool ec2;
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

    /* EC2 knows no empty list. */
    if (fx_json_count(value) == 0 && !form->ec2)
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

static enum fx_code write_value(struct form *form, const char *name, uint16_t number,
                                const struct fx_json *value, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];
    struct fx_slice text = {0};

    switch (shape->type) {
    case AWS_STRUCTURE:
        return write_structure(form, name, shape, value, err);
    case AWS_LIST:
        return write_list(form, name, shape, value, err);
    case AWS_MAP:
        return write_map(form, name, shape, value, err);
    default:
        FX_TRY(aws_scalar_write(form->sc, shape->type, value, &text, err));
        add_field(form, name, text);
        return FX_OK;
    }
}

static enum fx_code write_request(struct fx_scope *sc, const struct aws_operation *operation,
                                  const struct fx_json *params, struct aws_wire *ret_wire,
                                  struct fx_error *err) {
    struct form form = {.sc = sc, .ec2 = operation->service->protocol == AWS_PROTOCOL_EC2};

    fx_buf_init(&form.out, sc, AWS_MAX_PARAMS_BYTES);
    add_field(&form, "Action", fx_slice_of(operation->name));
    add_field(&form, "Version", fx_slice_of(operation->service->version));
    FX_TRY(write_structure(&form, "", &aws_shapes[operation->input], params, err));
    if (form.out.full)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters take more than %d bytes",
                       AWS_MAX_PARAMS_BYTES);
    *ret_wire = (struct aws_wire){
        .path = "/",
        .query = "",
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .body = fx_buf_slice(&form.out),
    };
    return FX_OK;
}

/* ---- the answer ---- */

static enum fx_code read_answer(struct fx_scope *sc, const struct aws_operation *operation,
                                const struct fx_http_reply *reply, struct fx_json **ret_answer,
                                struct fx_error *err) {
    struct aws_xml *root = NULL;

    FX_TRY(aws_xml_parse(sc, reply->body, &root, err));
    const struct aws_xml *answer =
        operation->wrapper != NULL ? aws_xml_child(root, operation->wrapper) : root;
    if (answer == NULL)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer has no element %s", operation->wrapper);
    return aws_xml_read(sc, operation->output, answer, ret_answer, err);
}

static const char *text_of(struct fx_scope *sc, const struct aws_xml *parent, const char *name) {
    const struct aws_xml *node = parent != NULL ? aws_xml_child(parent, name) : NULL;

    return node != NULL ? fx_slice_dup(sc, fx_slice_trim(node->text)) : "";
}

void aws_xml_read_fault(struct fx_scope *sc, const struct fx_http_reply *reply,
                        struct aws_fault *ret_fault) {
    const char *request_id = aws_request_id(reply);
    const struct aws_xml *error = NULL, *id = NULL;
    struct aws_xml *root = NULL;
    struct fx_error ignored;

    *ret_fault = (struct aws_fault){.status = reply->status, .code = "", .message = ""};
    if (aws_xml_parse(sc, reply->body, &root, &ignored) == FX_OK) {
        /* S3 has nothing around the error; EC2 writes the id in capitals. */
        error = strcmp(root->name, "Error") == 0 ? root : aws_xml_descendant(root, "Error");
        id = aws_xml_descendant(root, "RequestId");
        if (id == NULL)
            id = aws_xml_descendant(root, "RequestID");
    }
    ret_fault->code = text_of(sc, error, "Code");
    ret_fault->message = text_of(sc, error, "Message");
    if (id != NULL)
        request_id = fx_slice_dup(sc, fx_slice_trim(id->text));
    ret_fault->request_id = request_id;
}

const struct aws_protocol_ops aws_protocol_query = {write_request, read_answer, aws_xml_read_fault};
