/* rest.c - what REST operations say outside their bodies: path, query, headers, status. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>
#include <time.h>

enum { REST_MAX_PATH = 8 << 10, REST_MAX_QUERY = 32 << 10 };

/* ---- the path ---- */

/* "." and ".." would lead the call to another address than the one that was checked. */
static bool leads_away(struct fx_slice text) {
    struct fx_slice segment, rest = text;

    while (rest.len > 0) {
        fx_slice_split(rest, '/', &segment, &rest);
        if (fx_slice_equal_text(segment, ".") || fx_slice_equal_text(segment, ".."))
            return true;
    }
    return false;
}

static const struct aws_member *find_label(const struct aws_shape *input, struct fx_slice label) {
    for (uint16_t i = 0; i < input->count; i++) {
        const struct aws_member *member = &aws_members[input->first + i];
        if (member->place == AWS_IN_URI && fx_slice_equal_text(label, member->wire))
            return member;
    }
    return NULL;
}

/* label is "Name", or "Name+" when slashes stay. */
static enum fx_code add_label(struct fx_buf *path, const struct aws_shape *input,
                              struct fx_slice label, const struct fx_json *params,
                              struct fx_error *err) {
    bool keep_slash = fx_slice_ends_with(label, FX_SLICE("+"));
    const struct aws_member *member =
        find_label(input, fx_slice_cut(label, 0, label.len - (keep_slash ? 1 : 0)));
    struct fx_slice text = {0};

    if (member == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "the table has no member for {%.*s}", (int)label.len,
                       label.ptr);
    const struct fx_json *value = fx_json_at(params, member->name);
    if (value != NULL)
        FX_TRY(aws_scalar_write(path->sc, aws_shapes[member->shape].type, value, &text, err));
    if (text.len == 0)
        return fx_fail(err, FX_ERR_INPUT, "%s must not be empty", member->name);
    if (leads_away(text))
        return fx_fail(err, FX_ERR_INPUT, "%s must not hold . or .. as a part of its path",
                       member->name);
    fx_buf_add_text(path, fx_url_encode(path->sc, text, keep_slash));
    return FX_OK;
}

static enum fx_code write_path(struct fx_scope *sc, const struct aws_operation *operation,
                               struct fx_slice pattern, const struct fx_json *params,
                               const char **ret_path, struct fx_error *err) {
    struct fx_slice plain, label, rest = pattern;
    struct fx_buf path;

    fx_buf_init(&path, sc, REST_MAX_PATH);
    for (;;) {
        bool more = fx_slice_split(rest, '{', &plain, &rest);
        fx_buf_add(&path, plain);
        if (!more)
            break;
        fx_slice_split(rest, '}', &label, &rest);
        FX_TRY(add_label(&path, &aws_shapes[operation->input], label, params, err));
    }
    if (path.full)
        return fx_fail(err, FX_ERR_LIMIT, "the path is longer than %d bytes", REST_MAX_PATH);
    *ret_path = fx_buf_text(&path);
    return FX_OK;
}

/* ---- query and headers ---- */

static void add_pair(struct fx_buf *query, const char *name, struct fx_slice value) {
    fx_buf_addf(query, "%s%s=%s", query->len > 0 ? "&" : "",
                fx_url_encode(query->sc, fx_slice_of(name), false),
                fx_url_encode(query->sc, value, false));
}

static enum fx_code add_query(struct fx_buf *query, const char *name, uint16_t number,
                              const struct fx_json *value, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];
    struct fx_json *entry = NULL;
    const char *key = NULL;
    void *cursor = NULL;
    struct fx_slice text;

    if (shape->type == AWS_LIST) { /* the name stands before every item */
        for (size_t i = 0; i < fx_json_count(value); i++)
            FX_TRY(add_query(query, name, shape->item, fx_json_item(value, i), err));
        return FX_OK;
    }
    if (shape->type == AWS_MAP) {
        while (fx_json_next(value, &cursor, &key, &entry))
            FX_TRY(add_query(query, key, shape->item, entry, err));
        return FX_OK;
    }
    FX_TRY(aws_scalar_write(query->sc, shape->type, value, &text, err));
    add_pair(query, name, text);
    return FX_OK;
}

static enum fx_code write_http_date(struct fx_scope *sc, const struct fx_json *value,
                                    struct fx_slice *ret_text, struct fx_error *err) {
    int64_t wall_ms = 0;
    char text[64];
    struct tm tm;

    FX_TRY(aws_timestamp_read(value, &wall_ms, err));
    gmtime_r(&(time_t){(time_t)(wall_ms / 1000)}, &tm);
    *ret_text = fx_slice_of(fx_printf(
        sc, "%.*s", (int)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm), text));
    return FX_OK;
}

static enum fx_code add_header(struct fx_scope *sc, struct aws_wire *wire, const char *name,
                               uint16_t number, const struct fx_json *value, struct fx_error *err) {
    const struct aws_shape *shape = &aws_shapes[number];
    const char *joined = "";
    struct fx_slice text = {0};

    if (wire->headers_count == AWS_MAX_WIRE_HEADERS)
        return fx_fail(err, FX_ERR_LIMIT, "the parameters ask for more than %d headers",
                       AWS_MAX_WIRE_HEADERS);
    if (shape->type == AWS_TIMESTAMP)
        FX_TRY(write_http_date(sc, value, &text, err));
    else if (shape->type != AWS_LIST)
        FX_TRY(aws_scalar_write(sc, shape->type, value, &text, err));
    for (size_t i = 0; shape->type == AWS_LIST && i < fx_json_count(value); i++) {
        FX_TRY(
            aws_scalar_write(sc, aws_shapes[shape->item].type, fx_json_item(value, i), &text, err));
        joined = fx_printf(sc, "%s%s%.*s", joined, i > 0 ? "," : "", (int)text.len, text.ptr);
        text = fx_slice_of(joined);
    }
    wire->headers[wire->headers_count++] = (struct fx_http_header){name, fx_slice_dup(sc, text)};
    return FX_OK;
}

static enum fx_code add_headers(struct fx_scope *sc, struct aws_wire *wire,
                                const struct aws_member *member, const struct fx_json *value,
                                struct fx_error *err) {
    struct fx_json *entry = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(value, &cursor, &key, &entry)) {
        for (const char *p = key; *p != '\0'; p++)
            if (*p <= ' ' || *p == ':' || *p >= 127)
                return fx_fail(err, FX_ERR_INPUT, "a key of %s cannot be a header's name",
                               member->name);
        FX_TRY(add_header(sc, wire, fx_printf(sc, "%s%s", member->wire, key),
                          aws_shapes[member->shape].item, entry, err));
    }
    return FX_OK;
}

static enum fx_code add_member(struct fx_scope *sc, const struct aws_member *member,
                               const struct fx_json *value, struct fx_buf *query,
                               struct aws_wire *wire, struct fx_error *err) {
    switch (member->place) {
    case AWS_IN_QUERY:
        return add_query(query, member->wire, member->shape, value, err);
    case AWS_IN_HEADER:
        return add_header(sc, wire, member->wire, member->shape, value, err);
    case AWS_IN_HEADERS:
        return add_headers(sc, wire, member, value, err);
    default:
        return FX_OK;
    }
}

enum fx_code aws_rest_address(struct fx_scope *sc, const struct aws_operation *operation,
                              const struct fx_json *params, struct aws_wire *wire,
                              const struct aws_member **ret_payload, struct fx_error *err) {
    const struct aws_shape *input = &aws_shapes[operation->input];
    struct fx_slice pattern, fixed = {0};
    struct fx_buf query;

    fx_slice_split(fx_slice_of(operation->uri), '?', &pattern, &fixed);
    FX_TRY(write_path(sc, operation, pattern, params, &wire->path, err));
    fx_buf_init(&query, sc, REST_MAX_QUERY);
    fx_buf_add(&query, fixed);
    *ret_payload = NULL;
    for (uint16_t i = 0; i < input->count; i++) {
        const struct aws_member *member = &aws_members[input->first + i];
        const struct fx_json *value = fx_json_at(params, member->name);
        if (member->place == AWS_IN_PAYLOAD)
            *ret_payload = member;
        if (value != NULL)
            FX_TRY(add_member(sc, member, value, &query, wire, err));
    }
    if (query.full)
        return fx_fail(err, FX_ERR_LIMIT, "the query is longer than %d bytes", REST_MAX_QUERY);
    wire->query = fx_buf_text(&query);
    return FX_OK;
}

/* ---- the answer's head ---- */

static enum fx_code read_headers(struct fx_scope *sc, const struct aws_member *member,
                                 const struct fx_http_reply *reply, struct fx_json *out) {
    struct fx_slice prefix = fx_slice_of(member->wire);
    struct fx_json *map = fx_json_object(sc);

    for (size_t i = 0; i < reply->headers_count; i++) {
        struct fx_slice name = fx_slice_of(reply->headers[i].name);
        if (fx_slice_starts_with(name, prefix))
            fx_json_put(map, reply->headers[i].name + prefix.len,
                        fx_json_string(sc, reply->headers[i].value));
    }
    if (fx_json_count(map) > 0)
        fx_json_put(out, member->name, map);
    return FX_OK;
}

enum fx_code aws_rest_read_head(struct fx_scope *sc, const struct aws_shape *shape,
                                const struct fx_http_reply *reply, struct fx_json *out,
                                const struct aws_member **ret_payload, struct fx_error *err) {
    struct fx_json *value = NULL;

    *ret_payload = NULL;
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct aws_member *member = &aws_members[shape->first + i];
        if (member->place == AWS_IN_PAYLOAD)
            *ret_payload = member;
        else if (member->place == AWS_IN_STATUS)
            fx_json_put(out, member->name, fx_json_int(sc, reply->status));
        else if (member->place == AWS_IN_HEADERS)
            FX_TRY(read_headers(sc, member, reply, out));
        else if (member->place == AWS_IN_HEADER) {
            const char *text = fx_http_reply_header(reply, member->wire);
            if (text == NULL)
                continue;
            FX_TRY(aws_scalar_read(sc, aws_shapes[member->shape].type, fx_slice_of(text),
                                   member->wire, &value, err));
            fx_json_put(out, member->name, value);
        }
    }
    return FX_OK;
}
