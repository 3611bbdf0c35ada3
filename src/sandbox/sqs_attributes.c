/* sqs_attributes.c - SQS message attributes: their rules, their MD5, which of them a reader wants.
 */
#include "sqs.h"

#include "fluxabot/base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256, TRANSPORT_TEXT = 1, TRANSPORT_BINARY = 2 };

static bool starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The bytes of a value, decoded; false when it has none. */
static bool value_of(struct fx_scope *sc, const struct fx_json *attribute, struct fx_slice *ret) {
    struct fx_json *text = fx_json_at(attribute, "StringValue");
    struct fx_json *binary = fx_json_at(attribute, "BinaryValue");
    struct fx_error err;

    if (starts(aws_input_text(attribute, "DataType"), "Binary"))
        return binary != NULL &&
               fx_base64_decode(sc, fx_json_text_slice(binary), ret, &err) == FX_OK && ret->len > 0;
    *ret = fx_json_text_slice(text);
    return ret->len > 0;
}

const char *sqs_attributes_check(struct fx_scope *sc, const struct fx_json *attributes,
                                 size_t *bytes) {
    void *cursor = NULL;
    const char *name;
    struct fx_json *attribute;

    if (fx_json_count(attributes) > SQS_MAX_ATTRIBUTES)
        return fx_printf(sc, "Number of message attributes [%zu] exceeds the allowed maximum [%d].",
                         fx_json_count(attributes), SQS_MAX_ATTRIBUTES);
    while (fx_json_next(attributes, &cursor, &name, &attribute)) {
        const char *type = aws_input_text(attribute, "DataType");
        struct fx_slice value = {0};

        if (strlen(name) > NAME_MAX_BYTES || strlen(type) > NAME_MAX_BYTES)
            return fx_printf(sc, "Message attribute name or type is too long.");
        if (!starts(type, "String") && !starts(type, "Number") && !starts(type, "Binary"))
            return fx_printf(sc,
                             "The type of message (user) attribute '%s' is invalid. You must use "
                             "only the following supported type prefixes: Binary, Number, String.",
                             name);
        if (!value_of(sc, attribute, &value))
            return fx_printf(sc,
                             "Message (user) attribute '%s' must contain a non-empty value of type "
                             "'%s'.",
                             name, type);
        *bytes += strlen(name) + strlen(type) + value.len;
    }
    return "";
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* SQS's rule: each part after its length as four bytes, big end first. */
static void add_part(struct fx_buf *buf, struct fx_slice part) {
    for (int shift = 24; shift >= 0; shift -= 8)
        fx_buf_add_char(buf, (char)(unsigned char)(part.len >> shift & 0xff));
    fx_buf_add(buf, part);
}

const char *sqs_attributes_md5(struct fx_scope *sc, const struct fx_json *attributes) {
    const char *names[SQS_MAX_ATTRIBUTES];
    size_t count = 0;
    void *cursor = NULL;
    const char *name;
    struct fx_json *attribute;
    struct fx_buf buf;

    while (count < SQS_MAX_ATTRIBUTES && fx_json_next(attributes, &cursor, &name, &attribute))
        names[count++] = name;
    if (count == 0)
        return NULL;
    qsort(names, count, sizeof names[0], compare_names);

    fx_buf_init(&buf, sc, 2 * SQS_MAX_BYTES);
    for (size_t i = 0; i < count; i++) {
        attribute = fx_json_at(attributes, names[i]);
        const char *type = aws_input_text(attribute, "DataType");
        struct fx_slice value = {0};

        (void)value_of(sc, attribute, &value);
        add_part(&buf, fx_slice_of(names[i]));
        add_part(&buf, fx_slice_of(type));
        fx_buf_add_char(&buf, starts(type, "Binary") ? TRANSPORT_BINARY : TRANSPORT_TEXT);
        add_part(&buf, value);
    }
    return fx_md5_hex(sc, fx_buf_slice(&buf));
}

static bool wanted(const struct fx_json *names, const char *name) {
    for (size_t i = 0; i < fx_json_count(names); i++) {
        struct fx_slice pattern = fx_json_text_slice(fx_json_item(names, i));

        if (fx_slice_equal_text(pattern, "All") || fx_slice_equal_text(pattern, ".*") ||
            fx_slice_equal_text(pattern, name))
            return true;
        if (fx_slice_ends_with(pattern, FX_SLICE(".*")) &&
            strncmp(name, pattern.ptr, pattern.len - 1) == 0)
            return true;
    }
    return false;
}

struct fx_json *sqs_attributes_select(struct fx_scope *sc, const struct fx_json *attributes,
                                      const struct fx_json *names) {
    struct fx_json *selected = fx_json_object(sc);
    void *cursor = NULL;
    const char *name;
    struct fx_json *attribute;

    while (fx_json_next(attributes, &cursor, &name, &attribute))
        if (wanted(names, name))
            fx_json_put(selected, name, fx_json_copy(sc, attribute));
    return fx_json_count(selected) > 0 ? selected : NULL;
}
