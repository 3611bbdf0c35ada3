/* json_read.c - a REST answer's JSON under the names of the model; what the model does not know, or
 * marks as sensitive text, is not read. */
#include "private.h"

static enum fx_code read_structure(struct fx_scope *sc, const struct aws_shape *shape,
                                   const struct fx_json *value, struct fx_json *out,
                                   struct fx_error *err) {
    struct fx_json *read = NULL;

    for (uint16_t i = 0; i < shape->count; i++) {
        const struct aws_member *member = &aws_members[shape->first + i];
        struct fx_json *given = fx_json_at(value, member->wire);
        if (given == NULL || fx_json_type(given) == FX_JSON_NULL || member->place != AWS_IN_BODY)
            continue;
        FX_TRY(aws_json_read(sc, member->shape, given, &read, err));
        fx_json_put(out, member->name, read);
    }
    return FX_OK;
}

static enum fx_code read_list(struct fx_scope *sc, const struct aws_shape *shape,
                              const struct fx_json *value, struct fx_json *out,
                              struct fx_error *err) {
    struct fx_json *read = NULL;

    for (size_t i = 0; i < fx_json_count(value); i++) {
        FX_TRY(aws_json_read(sc, shape->item, fx_json_item(value, i), &read, err));
        fx_json_add(out, read);
    }
    return FX_OK;
}

static enum fx_code read_map(struct fx_scope *sc, const struct aws_shape *shape,
                             const struct fx_json *value, struct fx_json *out,
                             struct fx_error *err) {
    struct fx_json *given = NULL, *read = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &given)) {
        FX_TRY(aws_json_read(sc, shape->item, given, &read, err));
        fx_json_put(out, key, read);
    }
    return FX_OK;
}

enum fx_code aws_json_read(struct fx_scope *sc, uint16_t number, struct fx_json *value,
                           struct fx_json **ret, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];
    enum fx_json_type given = fx_json_type(value);

    if (given == FX_JSON_NULL) {
        *ret = value;
        return FX_OK;
    }
    if (((shape->type == AWS_STRUCTURE || shape->type == AWS_MAP) && given != FX_JSON_OBJECT) ||
        (shape->type == AWS_LIST && given != FX_JSON_ARRAY))
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer has another form than AWS's model");
    switch (shape->type) {
    case AWS_STRUCTURE:
        *ret = fx_json_object(sc);
        return read_structure(sc, shape, value, *ret, err);
    case AWS_LIST:
        *ret = fx_json_array(sc);
        return read_list(sc, shape, value, *ret, err);
    case AWS_MAP:
        *ret = fx_json_object(sc);
        return read_map(sc, shape, value, *ret, err);
    case AWS_TIMESTAMP:
    case AWS_SECRET:
        if (given == FX_JSON_STRING)
            return aws_scalar_read(sc, shape->type, fx_json_text_slice(value), "a member", ret,
                                   err);
        *ret = shape->type == AWS_SECRET ? fx_json_null(sc) : value;
        return FX_OK;
    default:
        *ret = value;
        return FX_OK;
    }
}
