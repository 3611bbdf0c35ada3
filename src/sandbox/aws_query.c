/* aws_query.c - AWS's query protocol: forms in, XML out. */
#include "aws.h"

#include "fluxabot/base/buf.h"

#include <string.h>

enum { QUERY_MAX_FIELDS = 4000, QUERY_MAX_DEPTH = 12, XML_MAX_BYTES = 16 << 20 };

/* ---- in ---- */

static bool is_number(const char *text) {
    int64_t number;

    return fx_slice_to_int(fx_slice_of(text), &number) && number > 0;
}

/* "A.member.1.B" = v as {"A": {"1": {"B": v}}}; lists are recognised afterwards. */
static bool put_field(struct fx_scope *sc, struct fx_json *root, struct fx_slice key,
                      struct fx_slice value) {
    struct fx_json *at = root;
    struct fx_slice rest = key, part;
    int depth = 0;

    while (fx_slice_split(rest, '.', &part, &rest)) {
        if (fx_slice_equal_text(part, "member") || fx_slice_equal_text(part, "entry"))
            continue;
        if (++depth > QUERY_MAX_DEPTH)
            return false;
        const char *name = fx_slice_dup(sc, part);
        struct fx_json *child = fx_json_at(at, name);
        if (child == NULL)
            fx_json_put(at, name, child = fx_json_object(sc));
        if (fx_json_type(child) != FX_JSON_OBJECT)
            return false;
        at = child;
    }
    fx_json_put(at, fx_slice_dup(sc, part), fx_json_slice(sc, value));
    return true;
}

static bool all_keys_are_numbers(const struct fx_json *object) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value;

    while (fx_json_next(object, &cursor, &key, &value))
        if (!is_number(key))
            return false;
    return fx_json_count(object) > 0;
}

static struct fx_json *settle(struct fx_scope *sc, struct fx_json *json) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value;
    struct fx_json *settled;

    if (fx_json_type(json) != FX_JSON_OBJECT)
        return json;
    if (all_keys_are_numbers(json)) {
        settled = fx_json_array(sc);
        /* numbers may have gaps but not go beyond what was sent */
        for (size_t i = 1; i <= QUERY_MAX_FIELDS && fx_json_count(settled) < fx_json_count(json);
             i++)
            fx_json_add(settled, settle(sc, fx_json_at(json, fx_printf(sc, "%zu", i))));
        return settled;
    }
    settled = fx_json_object(sc);
    while (fx_json_next(json, &cursor, &key, &value))
        fx_json_put(settled, key, settle(sc, value));
    return settled;
}

struct fx_json *aws_query_parse(struct fx_scope *sc, struct fx_slice form) {
    struct fx_json *root = fx_json_object(sc);
    size_t fields = 0;

    while (form.len > 0) {
        struct fx_slice pair, key, value, name, text;
        struct fx_error err;

        fx_slice_split(form, '&', &pair, &form);
        if (pair.len == 0)
            continue;
        fx_slice_split(pair, '=', &key, &value);
        if (++fields > QUERY_MAX_FIELDS || fx_url_decode(sc, key, true, &name, &err) != FX_OK ||
            fx_url_decode(sc, value, true, &text, &err) != FX_OK ||
            !put_field(sc, root, name, text))
            return NULL;
    }
    return settle(sc, root);
}

static struct fx_json *map_of(struct fx_scope *sc, const struct fx_json *list) {
    struct fx_json *map = fx_json_object(sc);

    for (size_t i = 0; i < fx_json_count(list); i++) {
        struct fx_json *pair = fx_json_item(list, i);
        const char *name = fx_json_get_text(pair, "Name");

        if (name == NULL)
            name = fx_json_get_text(pair, "Key");
        if (name != NULL)
            fx_json_put(map, name, fx_json_at(pair, "Value"));
    }
    return map;
}

static struct fx_json *rename_in(const struct aws_call *call, struct fx_json *json);

static void rename_member(const struct aws_call *call, struct fx_json *into, const char *key,
                          struct fx_json *value) {
    const struct aws_service *service = call->service;

    for (size_t i = 0; i < service->names_count; i++) {
        const struct aws_query_name *name = &service->names[i];

        if (strcmp(name->query, key) != 0 || fx_json_type(value) != FX_JSON_ARRAY)
            continue;
        fx_json_put(into, name->json, name->map ? map_of(call->sc, value) : rename_in(call, value));
        return;
    }
    fx_json_put(into, key, rename_in(call, value));
}

static struct fx_json *rename_in(const struct aws_call *call, struct fx_json *json) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value, *renamed;

    if (fx_json_type(json) == FX_JSON_ARRAY) {
        renamed = fx_json_array(call->sc);
        for (size_t i = 0; i < fx_json_count(json); i++)
            fx_json_add(renamed, rename_in(call, fx_json_item(json, i)));
        return renamed;
    }
    if (fx_json_type(json) != FX_JSON_OBJECT)
        return json;
    renamed = fx_json_object(call->sc);
    while (fx_json_next(json, &cursor, &key, &value))
        rename_member(call, renamed, key, value);
    return renamed;
}

void aws_query_rename(struct aws_call *call) {
    call->input = rename_in(call, call->input);
}

/* ---- out ---- */

static void add_text(struct fx_buf *buf, struct fx_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            fx_buf_add_text(buf, "&amp;");
            break;
        case '<':
            fx_buf_add_text(buf, "&lt;");
            break;
        case '>':
            fx_buf_add_text(buf, "&gt;");
            break;
        case '"':
            fx_buf_add_text(buf, "&quot;");
            break;
        case '\r': /* a parser would turn it into a line feed, and MD5s would differ */
            fx_buf_add_text(buf, "&#xD;");
            break;
        default:
            fx_buf_add_char(buf, text.ptr[i]);
        }
    }
}

static void add_value(const struct aws_call *call, struct fx_buf *buf, const struct fx_json *value);

static void add_element(const struct aws_call *call, struct fx_buf *buf, const char *element,
                        const struct fx_json *value) {
    fx_buf_addf(buf, "<%s>", element);
    add_value(call, buf, value);
    fx_buf_addf(buf, "</%s>", element);
}

static const struct aws_xml_shape *find_shape(const struct aws_call *call, const char *key) {
    for (size_t i = 0; i < call->service->shapes_count; i++) {
        const struct aws_xml_shape *shape = &call->service->shapes[i];

        if (strcmp(shape->key, key) == 0 &&
            (shape->operation == NULL || strcmp(shape->operation, call->operation) == 0))
            return shape;
    }
    return NULL;
}

static const char *item_of(const struct aws_call *call) {
    return call->service->ec2 ? "item" : "member";
}

static void add_items(const struct aws_call *call, struct fx_buf *buf, const char *element,
                      const struct fx_json *list) {
    for (size_t i = 0; i < fx_json_count(list); i++)
        add_element(call, buf, element, fx_json_item(list, i));
}

static void add_map(const struct aws_call *call, struct fx_buf *buf, const char *element,
                    const struct fx_json *map) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value;

    while (fx_json_next(map, &cursor, &key, &value)) {
        fx_buf_addf(buf, "<%s><Name>", element);
        add_text(buf, fx_slice_of(key));
        fx_buf_add_text(buf, "</Name>");
        add_element(call, buf, "Value", value);
        fx_buf_addf(buf, "</%s>", element);
    }
}

static void add_member(const struct aws_call *call, struct fx_buf *buf, const char *key,
                       const struct fx_json *value) {
    const struct aws_xml_shape *shape = find_shape(call, key);

    if (shape != NULL && shape->form == AWS_XML_FLAT_LIST) {
        add_items(call, buf, shape->element, value);
    } else if (shape != NULL && shape->form == AWS_XML_FLAT_MAP) {
        add_map(call, buf, shape->element, value);
    } else if (shape != NULL || fx_json_type(value) == FX_JSON_ARRAY) {
        fx_buf_addf(buf, "<%s>", key);
        add_items(call, buf, shape != NULL ? shape->element : item_of(call), value);
        fx_buf_addf(buf, "</%s>", key);
    } else {
        add_element(call, buf, key, value);
    }
}

static void add_value(const struct aws_call *call, struct fx_buf *buf,
                      const struct fx_json *value) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *member;

    switch (fx_json_type(value)) {
    case FX_JSON_OBJECT:
        while (fx_json_next(value, &cursor, &key, &member))
            add_member(call, buf, key, member);
        break;
    case FX_JSON_ARRAY:
        add_items(call, buf, item_of(call), value);
        break;
    case FX_JSON_STRING:
        add_text(buf, fx_json_text_slice(value));
        break;
    case FX_JSON_INT:
        fx_buf_addf(buf, "%lld", (long long)fx_json_to_int(value, 0));
        break;
    case FX_JSON_REAL:
        fx_buf_addf(buf, "%.17g", fx_json_to_real(value, 0));
        break;
    case FX_JSON_BOOL:
        fx_buf_add_text(buf, fx_json_to_bool(value, false) ? "true" : "false");
        break;
    case FX_JSON_NULL:
    case FX_JSON_ABSENT:
        break;
    }
}

void aws_xml_add(const struct aws_call *call, struct fx_buf *buf, const char *element,
                 const struct fx_json *value) {
    add_member(call, buf, element, value);
}

static void write_ec2(struct aws_call *call, struct fx_buf *buf, const struct fx_json *output) {
    fx_buf_addf(buf, "<%sResponse xmlns=\"%s\"><requestId>%s</requestId>", call->operation,
                call->service->xml_namespace, call->request_id);
    add_value(call, buf, output);
    fx_buf_addf(buf, "</%sResponse>", call->operation);
}

void aws_query_write(struct aws_call *call, const struct fx_json *output,
                     struct sandbox_reply *reply) {
    const char *name = call->operation;
    struct fx_buf buf;

    fx_buf_init(&buf, call->sc, XML_MAX_BYTES);
    if (call->service->ec2) {
        write_ec2(call, &buf, output);
        sandbox_reply_text(reply, 200, "text/xml;charset=UTF-8", fx_buf_text(&buf));
        return;
    }
    fx_buf_addf(&buf, "<?xml version=\"1.0\"?><%sResponse xmlns=\"%s\"><%sResult>", name,
                call->service->xml_namespace, name);
    add_value(call, &buf, output);
    fx_buf_addf(&buf,
                "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata>"
                "</%sResponse>",
                name, call->request_id, name);
    sandbox_reply_text(reply, 200, "text/xml", fx_buf_text(&buf));
}

/* EC2 knows neither type nor namespace, and writes the id in capitals. */
static void write_ec2_failure(struct aws_call *call, struct fx_buf *buf) {
    fx_buf_add_text(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error>");
    add_member(call, buf, "Code", fx_json_string(call->sc, call->failure.code));
    add_member(call, buf, "Message", fx_json_string(call->sc, call->failure.message));
    fx_buf_addf(buf, "</Error></Errors><RequestID>%s</RequestID></Response>", call->request_id);
}

void aws_query_write_failure(struct aws_call *call, struct sandbox_reply *reply) {
    struct fx_buf buf;

    fx_buf_init(&buf, call->sc, XML_MAX_BYTES);
    if (call->service != NULL && call->service->ec2) {
        write_ec2_failure(call, &buf);
        sandbox_reply_text(reply, call->failure.status, "text/xml;charset=UTF-8",
                           fx_buf_text(&buf));
        return;
    }
    fx_buf_addf(&buf,
                "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"%s\"><Error><Type>%s</Type><Code>",
                call->service != NULL ? call->service->xml_namespace : "",
                call->failure.status >= 500 ? "Receiver" : "Sender");
    add_text(&buf, fx_slice_of(call->failure.code));
    fx_buf_add_text(&buf, "</Code><Message>");
    add_text(&buf, fx_slice_of(call->failure.message));
    fx_buf_addf(&buf, "</Message><Detail/></Error><RequestId>%s</RequestId></ErrorResponse>",
                call->request_id);
    sandbox_reply_text(reply, call->failure.status, "text/xml", fx_buf_text(&buf));
}
