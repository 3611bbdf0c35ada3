/* reply.c - what handlers read from a request and answer with; knows nothing of the HTTP library.
 */
#include "private.h"

#include <string.h>
#include <strings.h>

const char *sandbox_header(struct sandbox_request *req, const char *name) {
    for (size_t i = 0; i < req->headers_count; i++)
        if (strcasecmp(req->headers[i].name, name) == 0)
            return req->headers[i].value;
    return NULL;
}

const char *sandbox_query(struct sandbox_request *req, const char *name) {
    struct fx_slice rest = fx_slice_of(req->raw_query);

    while (rest.len > 0) {
        struct fx_slice pair, key, value, text;
        struct fx_error err;

        fx_slice_split(rest, '&', &pair, &rest);
        fx_slice_split(pair, '=', &key, &value);
        if (fx_url_decode(req->sc, key, true, &text, &err) != FX_OK ||
            !fx_slice_equal_text(text, name))
            continue;
        if (fx_url_decode(req->sc, value, true, &text, &err) != FX_OK)
            return NULL;
        return fx_slice_dup(req->sc, text);
    }
    return NULL;
}

void sandbox_reply_header(struct sandbox_reply *reply, const char *name, const char *value) {
    for (size_t i = 0; i + 1 < FX_COUNT_OF(reply->headers); i++)
        if (reply->headers[i].name == NULL) {
            reply->headers[i] = (struct fx_http_header){name, value};
            return;
        }
}

void sandbox_reply_text(struct sandbox_reply *reply, int status, const char *content_type,
                        const char *text) {
    reply->status = status;
    reply->content_type = content_type;
    reply->body = fx_slice_of(text);
}

void sandbox_reply_json(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                        struct fx_json *json) {
    sandbox_reply_text(reply, status, "application/json; charset=utf-8",
                       fx_json_dump(req->sc, json));
}

void sandbox_reply_error(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                         const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    const char *message = fx_vprintf(req->sc, fmt, args);
    va_end(args);
    sandbox_reply_json(req, reply, status,
                       fx_json_object_of(req->sc, "error", fx_json_string(req->sc, message), NULL));
}

struct fx_json *sandbox_body(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *json = NULL;
    struct fx_error err;

    if (fx_json_parse(req->sc, req->body, &json, &err) != FX_OK) {
        sandbox_reply_error(req, reply, 400, "the body is not JSON: %s", err.message);
        return NULL;
    }
    if (fx_json_type(json) != FX_JSON_OBJECT) {
        sandbox_reply_error(req, reply, 400, "the body is not a JSON object");
        return NULL;
    }
    return json;
}
