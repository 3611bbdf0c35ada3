/* parse.c - libyaml's events become JSON, and every value remembers its line. */
#include "private.h"

#include <string.h>

struct build {
    struct fx_scope *sc;
    struct fx_yaml *yaml;
    struct fx_slice text;
    yaml_parser_t *parser;
    int quote_line, quote_end; /* of the last scalar, when it was quoted; else equal */
};

static void parser_delete(yaml_parser_t *parser) {
    yaml_parser_delete(parser);
}

static void event_delete(yaml_event_t *event) {
    yaml_event_delete(event);
}

static int line_of(const yaml_event_t *event) {
    return (int)event->start_mark.line + 1;
}

/* A quote that is not closed ends at the next one, wherever that is. */
static void note_quote(struct build *b, const yaml_event_t *event) {
    yaml_scalar_style_t style = event->data.scalar.style;

    if (event->type != YAML_SCALAR_EVENT)
        return;
    b->quote_line = line_of(event);
    b->quote_end = (int)event->end_mark.line + 1;
    if (style != YAML_DOUBLE_QUOTED_SCALAR_STYLE && style != YAML_SINGLE_QUOTED_SCALAR_STYLE)
        b->quote_end = b->quote_line;
}

static enum fx_code next_event(struct build *b, yaml_event_t *ret_event, struct fx_error *err) {
    if (yaml_parser_parse(b->parser, ret_event)) {
        note_quote(b, ret_event);
        return FX_OK;
    }
    if (b->quote_end > b->quote_line && (int)b->parser->problem_mark.line + 1 == b->quote_end)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: the quote that opens here is closed only in line %d, where "
                       "something follows that does not fit; close it in its line",
                       b->yaml->file, b->quote_line, b->quote_end);
    return yaml_explain(b->yaml->file, b->text, b->parser, err);
}

static enum fx_code refuse_extras(struct build *b, int line, const yaml_char_t *anchor,
                                  const yaml_char_t *tag, struct fx_error *err) {
    const char *file = b->yaml->file;

    if (anchor)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: anchors (&%.40s) are not allowed; write the value out", file, line,
                       (const char *)anchor);
    if (tag)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: tags (%.40s) are not allowed; quote the value to make it text", file,
                       line, (const char *)tag);
    return FX_OK;
}

static struct yaml_node *add_node(struct build *b, struct yaml_node *parent, const char *key,
                                  int line) {
    struct yaml_node *node = FX_NEW(b->sc, struct yaml_node);

    node->key = key;
    node->line = line;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

static enum fx_code build_value(struct build *b, const yaml_event_t *event, struct yaml_node *node,
                                int depth, struct fx_json **ret_json, struct fx_error *err);

static enum fx_code build_scalar(struct build *b, const yaml_event_t *event,
                                 struct fx_json **ret_json, struct fx_error *err) {
    struct fx_slice s = {(const char *)event->data.scalar.value, event->data.scalar.length};

    FX_TRY(
        refuse_extras(b, line_of(event), event->data.scalar.anchor, event->data.scalar.tag, err));
    if (memchr(s.ptr, 0, s.len))
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: a text may not hold a NUL (\\0)", b->yaml->file,
                       line_of(event));
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return yaml_plain(b->sc, b->yaml->file, line_of(event), s, ret_json, err);
    *ret_json = fx_json_slice(b->sc, s);
    return FX_OK;
}

static enum fx_code build_sequence(struct build *b, const yaml_event_t *start,
                                   struct yaml_node *node, int depth, struct fx_json **ret_json,
                                   struct fx_error *err) {
    struct fx_json *array = fx_json_array(b->sc);

    FX_TRY(refuse_extras(b, line_of(start), start->data.sequence_start.anchor,
                         start->data.sequence_start.tag, err));
    for (;;) {
        FX_CLEANUP(event_delete) yaml_event_t event = {0};
        struct fx_json *item = NULL;

        FX_TRY(next_event(b, &event, err));
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        struct yaml_node *child = add_node(b, node, NULL, line_of(&event));
        FX_TRY(build_value(b, &event, child, depth + 1, &item, err));
        fx_json_add(array, item);
    }
    *ret_json = array;
    return FX_OK;
}

static enum fx_code check_key(struct build *b, const yaml_event_t *event, const char **ret_key,
                              struct fx_error *err) {
    const char *file = b->yaml->file;
    int line = line_of(event);

    if (event->type == YAML_ALIAS_EVENT)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: aliases are not allowed; quote a key that "
                       "begins with *",
                       file, line);
    if (event->type != YAML_SCALAR_EVENT)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: a key must be a word; put a value that begins with { or [ in quotes",
                       file, line);
    FX_TRY(refuse_extras(b, line, event->data.scalar.anchor, event->data.scalar.tag, err));

    const char *key = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(key) != event->data.scalar.length)
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: a key may not hold a NUL (\\0)", file, line);
    if (plain && strcmp(key, "<<") == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: merge keys (<<) are not allowed; write the members out", file, line);
    if (plain && (key[0] == '\0' || strcmp(key, "~") == 0))
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: a key is missing before the colon", file, line);
    *ret_key = fx_strdup(b->sc, key);
    return FX_OK;
}

static int line_of_child(const struct yaml_node *node, const char *key) {
    const struct yaml_node *child = node->first;

    while (child && strcmp(child->key, key) != 0)
        child = child->next;
    return child ? child->line : node->line;
}

static enum fx_code build_mapping(struct build *b, const yaml_event_t *start,
                                  struct yaml_node *node, int depth, struct fx_json **ret_json,
                                  struct fx_error *err) {
    struct fx_json *object = fx_json_object(b->sc);

    FX_TRY(refuse_extras(b, line_of(start), start->data.mapping_start.anchor,
                         start->data.mapping_start.tag, err));
    for (;;) {
        FX_CLEANUP(event_delete) yaml_event_t key_event = {0};
        FX_CLEANUP(event_delete) yaml_event_t event = {0};
        struct fx_json *value = NULL;
        const char *key = NULL;

        FX_TRY(next_event(b, &key_event, err));
        if (key_event.type == YAML_MAPPING_END_EVENT)
            break;
        FX_TRY(check_key(b, &key_event, &key, err));
        if (fx_json_at(object, key))
            return fx_fail(err, FX_ERR_INPUT,
                           "%s:%d: the key '%.80s' stands already in line %d; remove one of them",
                           b->yaml->file, line_of(&key_event), key, line_of_child(node, key));
        struct yaml_node *child = add_node(b, node, key, line_of(&key_event));
        FX_TRY(next_event(b, &event, err));
        FX_TRY(build_value(b, &event, child, depth + 1, &value, err));
        fx_json_put(object, key, value);
    }
    *ret_json = object;
    return FX_OK;
}

/* The cap is met before libyaml reads on, so its cost, quadratic in flow depth, stays small. */
static enum fx_code build_value(struct build *b, const yaml_event_t *event, struct yaml_node *node,
                                int depth, struct fx_json **ret_json, struct fx_error *err) {
    if (event->type == YAML_SCALAR_EVENT)
        return build_scalar(b, event, ret_json, err);
    if (event->type == YAML_ALIAS_EVENT)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: aliases (*%.40s) are not allowed; write the value out, or quote a "
                       "text that begins with *",
                       b->yaml->file, line_of(event), (const char *)event->data.alias.anchor);
    if (depth >= FX_YAML_MAX_DEPTH)
        return fx_fail(err, FX_ERR_LIMIT, "%s:%d: nested deeper than %d levels", b->yaml->file,
                       line_of(event), FX_YAML_MAX_DEPTH);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return build_sequence(b, event, node, depth, ret_json, err);
    return build_mapping(b, event, node, depth, ret_json, err);
}

static enum fx_code build_document(struct build *b, const yaml_event_t *start,
                                   struct fx_error *err) {
    FX_CLEANUP(event_delete) yaml_event_t root = {0};
    FX_CLEANUP(event_delete) yaml_event_t end = {0};

    if (start->data.document_start.version_directive ||
        start->data.document_start.tag_directives.start !=
            start->data.document_start.tag_directives.end)
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%d: remove the directive (the line that begins with %%)", b->yaml->file,
                       line_of(start));
    FX_TRY(next_event(b, &root, err));
    b->yaml->top.line = line_of(&root);
    FX_TRY(build_value(b, &root, &b->yaml->top, 0, &b->yaml->root, err));
    return next_event(b, &end, err);
}

static enum fx_code build_stream(struct build *b, struct fx_error *err) {
    bool has_document = false;

    for (;;) {
        FX_CLEANUP(event_delete) yaml_event_t event = {0};

        FX_TRY(next_event(b, &event, err));
        if (event.type == YAML_STREAM_END_EVENT)
            return FX_OK;
        if (event.type == YAML_STREAM_START_EVENT)
            continue;
        if (has_document)
            return fx_fail(err, FX_ERR_INPUT,
                           "%s:%d: a second document begins here; one file holds one document",
                           b->yaml->file, line_of(&event));
        has_document = true;
        FX_TRY(build_document(b, &event, err));
    }
}

enum fx_code fx_yaml_parse(struct fx_scope *sc, const char *file, struct fx_slice text,
                           struct fx_yaml **ret_yaml, struct fx_error *err) {
    struct fx_yaml *yaml = FX_NEW(sc, struct fx_yaml);

    yaml->file = fx_strdup(sc, file);
    yaml->top.line = 1;
    yaml->root = fx_json_null(sc);
    FX_TRY(yaml_check_bytes(yaml->file, &text, err));

    FX_CLEANUP(parser_delete) yaml_parser_t parser = {0};
    if (!yaml_parser_initialize(&parser))
        return fx_fail(err, FX_ERR_INTERNAL, "%s: libyaml has no memory", file);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);

    struct build b = {.sc = sc, .yaml = yaml, .text = text, .parser = &parser};
    FX_TRY(build_stream(&b, err));
    *ret_yaml = yaml;
    return FX_OK;
}
