/* aws_rest.c - AWS's REST protocol with bodies in JSON: a path and a query in, JSON out. */
#include "aws.h"

#include <string.h>

/* One segment of the pattern against one of the path; a label takes what stands there. */
static bool match_segment(struct aws_call *call, struct fx_slice pattern, struct fx_slice segment) {
    struct fx_slice text;
    struct fx_error err;

    if (!fx_slice_starts_with(pattern, FX_SLICE("{")))
        return fx_slice_equal(pattern, segment);
    if (fx_url_decode(call->sc, segment, false, &text, &err) != FX_OK || text.len == 0)
        return false;
    fx_json_put(call->input, fx_slice_dup(call->sc, fx_slice_cut(pattern, 1, pattern.len - 2)),
                fx_json_slice(call->sc, text));
    return true;
}

/* A slash at the end makes no difference: models have it, callers leave it out. */
static bool match_path(struct aws_call *call, struct fx_slice pattern, struct fx_slice path) {
    struct fx_slice wanted, segment;

    if (fx_slice_ends_with(path, FX_SLICE("/")))
        path.len--;
    while (pattern.len > 0 && path.len > 0) {
        fx_slice_split(pattern, '/', &wanted, &pattern);
        fx_slice_split(path, '/', &segment, &path);
        if (!match_segment(call, wanted, segment))
            return false;
    }
    return pattern.len == 0 && path.len == 0;
}

static bool add_query(struct aws_call *call, const char *raw_query) {
    struct fx_slice rest = fx_slice_of(raw_query);

    while (rest.len > 0) {
        struct fx_slice pair, key, value, name, text;
        struct fx_error err;

        fx_slice_split(rest, '&', &pair, &rest);
        fx_slice_split(pair, '=', &key, &value);
        if (fx_url_decode(call->sc, key, true, &name, &err) != FX_OK ||
            fx_url_decode(call->sc, value, true, &text, &err) != FX_OK)
            return false;
        fx_json_put(call->input, fx_slice_dup(call->sc, name), fx_json_slice(call->sc, text));
    }
    return true;
}

static bool add_body(struct aws_call *call, struct fx_slice body) {
    struct fx_json *json = NULL, *value;
    void *cursor = NULL;
    const char *key;
    struct fx_error err;

    if (body.len == 0)
        return true;
    if (fx_json_parse(call->sc, body, &json, &err) != FX_OK ||
        fx_json_type(json) != FX_JSON_OBJECT) {
        aws_fail(call, 400, "InvalidRequestContentException", NULL,
                 "Could not parse request body into json");
        return false;
    }
    while (fx_json_next(json, &cursor, &key, &value))
        fx_json_put(call->input, key, value);
    return true;
}

/* "List=ALL" among what the caller asks. */
static bool has_pair(const char *raw_query, struct fx_slice wanted) {
    struct fx_slice pair, rest = fx_slice_of(raw_query);

    while (rest.len > 0) {
        fx_slice_split(rest, '&', &pair, &rest);
        if (fx_slice_equal(pair, wanted))
            return true;
    }
    return wanted.len == 0;
}

static bool matches(struct aws_call *call, const struct aws_rest_route *route,
                    const struct sandbox_request *req) {
    struct fx_slice path, query, raw = fx_slice_of(req->raw_path);

    fx_slice_split(fx_slice_of(route->pattern), '?', &path, &query);
    call->input = fx_json_object(call->sc); /* labels of a route that did not match are gone */
    return strcmp(route->method, req->method) == 0 && has_pair(req->raw_query, query) &&
           match_path(call, path, raw);
}

bool aws_rest_read(struct aws_call *call, const struct sandbox_request *req) {
    const struct aws_service *service = call->service;

    call->protocol = AWS_REST_JSON;
    for (size_t i = 0; i < service->routes_count; i++) {
        if (!matches(call, &service->routes[i], req))
            continue;
        call->operation = service->routes[i].operation;
        call->rest_status = service->routes[i].status;
        return add_query(call, req->raw_query) && add_body(call, req->body);
    }
    call->operation = req->path;
    aws_fail(call, 404, "UnknownOperationException", NULL, "The sandbox does not play %s %s of %s",
             req->method, req->path, service->name);
    return false;
}

void aws_rest_write(struct aws_call *call, const struct fx_json *output,
                    struct sandbox_reply *reply) {
    sandbox_reply_text(reply, call->rest_status, "application/json",
                       call->rest_status == 204 ? "" : fx_json_dump(call->sc, output));
}

void aws_rest_write_failure(struct aws_call *call, struct sandbox_reply *reply) {
    const struct aws_failure *failure = &call->failure;
    struct fx_json *body = fx_json_object_of(
        call->sc, "Type", fx_json_string(call->sc, failure->status >= 500 ? "Service" : "User"),
        "Message", fx_json_string(call->sc, failure->message), NULL);

    sandbox_reply_header(reply, "x-amzn-ErrorType", failure->type);
    sandbox_reply_text(reply, failure->status, "application/json", fx_json_dump(call->sc, body));
}
