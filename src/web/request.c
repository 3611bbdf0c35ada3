/* request.c - one request: its headers are guarded, its body is capped, its answer is sent. */
#include "private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* ---- answering ---- */

static enum MHD_Result send_answer(struct web_request *request, const struct web_answer *answer) {
    /* not copied: the scope of the request ends when the answer has been sent */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(answer->text), (void *)answer->text, MHD_RESPMEM_PERSISTENT);

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            answer->content_type == NULL ? "text/plain; charset=utf-8"
                                                         : answer->content_type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (answer->status != MHD_HTTP_OK)
        MHD_add_response_header(response, "Connection", "close");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", request->listener->admin ? "GET" : "POST");
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "5");
    enum MHD_Result result = MHD_queue_response(request->connection, answer->status, response);

    MHD_destroy_response(response);
    return result;
}

static const char *peer_of(struct web_request *request) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char *text = fx_alloc(request->sc, INET6_ADDRSTRLEN);
    const void *address = NULL;

    if (info == NULL || info->client_addr == NULL)
        return "";
    if (info->client_addr->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr;
    else if (info->client_addr->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr;
    if (address == NULL ||
        inet_ntop(info->client_addr->sa_family, address, text, INET6_ADDRSTRLEN) == NULL)
        return "";
    return text;
}

void web_refuse(struct web_request *request, struct web_answer *answer, enum fx_metric metric,
                unsigned status, const struct fx_error *why) {
    fx_metrics_add(request->web->options.metrics, metric, 1);
    fx_log(request->sc, FX_LOG_WARN, "request.refused",
           FX_S("path", request->route == NULL ? "" : request->route->path),
           FX_S("from", peer_of(request)), FX_I("status", status), FX_E(why));
    *answer = (struct web_answer){status, NULL, "refused\n"};
}

static enum MHD_Result refuse_early(struct web_request *request, unsigned status,
                                    const struct fx_error *why) {
    struct web_answer answer;

    request->refused = true;
    web_refuse(request, &answer, FX_METRIC_REFUSED_GUARD, status, why);
    return send_answer(request, &answer);
}

/* Never a 4xx: SNS does not repeat those. */
static enum MHD_Result put_off(struct web_request *request, const char *text) {
    request->refused = true;
    fx_metrics_add(request->web->options.metrics, FX_METRIC_UNAVAILABLE, 1);
    return send_answer(request, &(struct web_answer){MHD_HTTP_SERVICE_UNAVAILABLE, NULL, text});
}

/* ---- the hand: what fx_web_stop waits for ---- */

static bool take_in_hand(struct web_request *request) {
    struct fx_web *web = request->web;

    if (request->listener->admin)
        return true;
    pthread_mutex_lock(&web->hand_lock);
    request->counted = !atomic_load(&web->stopping);
    web->in_hand += request->counted;
    pthread_mutex_unlock(&web->hand_lock);
    return request->counted;
}

static void let_go(struct web_request *request) {
    struct fx_web *web = request->web;

    atomic_fetch_sub(&web->bodies_bytes, request->body.len);
    if (!request->counted)
        return;
    pthread_mutex_lock(&web->hand_lock);
    if (--web->in_hand == 0)
        pthread_cond_broadcast(&web->hand_empty);
    pthread_mutex_unlock(&web->hand_lock);
}

/* ---- headers, body, end ---- */

void *web_request_new(void *context, const char *uri, struct MHD_Connection *connection) {
    struct web_listener *listener = context;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct web_request *request = FX_NEW(sc, struct web_request);

    fx_scope_set_log(sc, listener->web->options.log);
    *request = (struct web_request){
        .web = listener->web,
        .listener = listener,
        .sc = sc,
        .connection = connection,
        .raw_target = fx_strdup(sc, uri),
    };
    return request;
}

static enum MHD_Result begin(struct web_request *request, const struct web_line *line) {
    struct fx_error err = {0};
    bool path_known = false;

    request->begun = true;
    if (web_check_request(request, line, &err) != FX_OK)
        return refuse_early(request, MHD_HTTP_BAD_REQUEST, &err);
    request->route =
        web_find_route(line->method, request->raw_target, request->listener->admin, &path_known);
    if (request->route == NULL) {
        (void)fx_fail(&err, FX_ERR_NOT_FOUND, "no such address, or not with this method");
        return refuse_early(request, path_known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
                            &err);
    }
    size_t length = request->announced_bytes;

    if (length > request->route->max_body_bytes) {
        (void)fx_fail(&err, FX_ERR_LIMIT, "a body of %zu bytes, more than the %zu allowed", length,
                      request->route->max_body_bytes);
        return refuse_early(request, MHD_HTTP_CONTENT_TOO_LARGE, &err);
    }
    if (!take_in_hand(request))
        return put_off(request, "stopping, send it again\n");
    request->buffer = fx_alloc(request->sc, length + 1);
    request->buffer_size = length;
    return MHD_YES;
}

static bool reserve(struct fx_web *web, size_t size) {
    if (atomic_fetch_add(&web->bodies_bytes, size) + size <= FX_WEB_MAX_BODIES_BYTES)
        return true;
    atomic_fetch_sub(&web->bodies_bytes, size);
    return false;
}

static void take_body(struct web_request *request, const char *data, size_t size) {
    if (request->refused || request->crowded_out)
        return;
    if (size > request->buffer_size - request->body.len || !reserve(request->web, size)) {
        request->crowded_out = true;
        return;
    }
    memcpy(request->buffer + request->body.len, data, size);
    request->body.ptr = request->buffer;
    request->body.len += size;
}

static enum MHD_Result finish(struct web_request *request) {
    struct fx_web_options *options = &request->web->options;
    struct web_answer answer = {MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "no answer\n"};
    struct fx_error err = {0};

    web_watch_received(request->listener->watch, request->connection);
    if (request->crowded_out)
        return put_off(request, "busy, send it again\n");
    if (request->body.len != request->buffer_size) {
        (void)fx_fail(&err, FX_ERR_INPUT, "the body ended early");
        return refuse_early(request, MHD_HTTP_BAD_REQUEST, &err);
    }
    if (request->body.ptr == NULL)
        request->body = FX_SLICE("");
    request->now_ms = fx_wall_ms(options->clock);
    fx_scope_set_deadline(request->sc, fx_mono_ms(options->clock) + FX_WEB_STORE_MS);
    if (request->route->guard(request, &answer, &err) == FX_OK)
        request->route->handle(request, &answer);
    return send_answer(request, &answer);
}

enum MHD_Result web_request_handle(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *data_size, void **request_context) {
    struct web_request *request = *request_context;

    (void)context;
    (void)connection;
    if (request == NULL)
        return MHD_NO;
    if (!request->begun)
        return begin(request, &(struct web_line){method, url, version});
    if (*data_size > 0) {
        take_body(request, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    return request->refused ? MHD_YES : finish(request);
}

void web_request_completed(void *context, struct MHD_Connection *connection, void **request_context,
                           enum MHD_RequestTerminationCode code) {
    struct web_listener *listener = context;
    struct web_request *request = *request_context;

    (void)code;
    web_watch_completed(listener->watch, connection);
    if (request == NULL)
        return;
    let_go(request);
    fx_scope_free(request->sc);
    *request_context = NULL;
}
