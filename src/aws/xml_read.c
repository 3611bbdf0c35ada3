/* xml_read.c - an XML answer as JSON, by the types of the model. */
#include "private.h"

#include <string.h>

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

    if (child == NULL || member->place != AWS_IN_BODY)
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
    default:
        return aws_scalar_read(sc, shape->type, node->text, node->name, ret, err);
    }
}

enum fx_code aws_xml_read(struct fx_scope *sc, uint16_t shape, const struct aws_xml *node,
                          struct fx_json **ret, struct fx_error *err) {
    return read_value(sc, shape, node, ret, err);
}
