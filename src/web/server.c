/* server.c - libmicrohttpd with a thread per connection: reads a capped body, guards, answers.
 *
 * A durable commit blocks, and libmicrohttpd's manual keeps blocking work out of every mode but
 * this.
 */
#include "private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTION_MEMORY_BYTES = 32 << 10, BACKLOG = 512 };

/* TLS 1.2 and 1.3 with forward secrecy and AEAD only; the library's default would offer TLS 1.0. */
static const char tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-"
    "128-GCM:"
    "-MAC-ALL:+AEAD:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE";

/* ---- answering ---- */

static enum MHD_Result send_answer(struct web_request *request, const struct web_answer *answer) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(answer->text), (void *)answer->text, MHD_RESPMEM_MUST_COPY);

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            answer->content_type == NULL ? "text/plain; charset=utf-8"
                                                         : answer->content_type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (answer->status != MHD_HTTP_OK)
        MHD_add_response_header(response, "Connection", "close");
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "5");
    enum MHD_Result result = MHD_queue_response(request->connection, answer->status, response);

    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct web_request *request, unsigned status,
                              const struct fx_error *why) {
    request->refused = true;
    fx_metrics_add(request->web->options.metrics, FX_METRIC_REFUSED_GUARD, 1);
    fx_log(request->sc, FX_LOG_WARN, "request.refused", FX_I("status", status), FX_E(why));
    return send_answer(request, &(struct web_answer){status, NULL, "refused\n"});
}

/* ---- one request: headers, body, answer ---- */

static void *remember_target(void *context, const char *uri, struct MHD_Connection *connection) {
    const struct web_listener *listener = context;
    struct web_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        abort();
    request->web = listener->web;
    request->connection = connection;
    request->sc = fx_scope_new(NULL);
    fx_scope_set_log(request->sc, listener->web->options.log);
    request->raw_target = fx_strdup(request->sc, uri);
    return request;
}

static enum MHD_Result begin(struct web_request *request, bool admin, const char *url,
                             const char *method, const char *version) {
    struct fx_web_options *options = &request->web->options;
    struct fx_error err = {0};
    bool path_known = false;

    request->now_ms = fx_wall_ms(options->clock);
    fx_scope_set_deadline(request->sc, fx_mono_ms(options->clock) + FX_WEB_REQUEST_MS);
    if (web_check_request(request, version, &err) != FX_OK)
        return refuse(request, MHD_HTTP_BAD_REQUEST, &err);
    request->route = web_find_route(method, url, admin, &path_known);
    if (request->route == NULL) {
        (void)fx_fail(&err, FX_ERR_NOT_FOUND, "no such address");
        return refuse(request, path_known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND, &err);
    }
    size_t length = web_content_length(request);

    if (length > request->route->max_body_bytes) {
        (void)fx_fail(&err, FX_ERR_LIMIT, "a body of %zu bytes, more than the %zu allowed", length,
                      request->route->max_body_bytes);
        return refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, &err);
    }
    request->buffer = fx_alloc(request->sc, length + 1);
    request->buffer_size = length;
    return MHD_YES;
}

static void take_body(struct web_request *request, const char *data, size_t *io_size) {
    size_t room = request->buffer_size - request->body.len;
    size_t taken = *io_size < room ? *io_size : room;

    if (!request->refused && taken > 0) {
        memcpy(request->buffer + request->body.len, data, taken);
        request->body.ptr = request->buffer;
        request->body.len += taken;
    }
    *io_size = 0;
}

static enum MHD_Result finish(struct web_request *request) {
    struct fx_web_options *options = &request->web->options;
    struct web_answer answer = {MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "no answer\n"};
    struct fx_error err = {0};

    if (request->body.len != request->buffer_size) {
        (void)fx_fail(&err, FX_ERR_INPUT, "the body ended early");
        return refuse(request, MHD_HTTP_BAD_REQUEST, &err);
    }
    if (request->body.ptr == NULL)
        request->body = FX_SLICE("");
    if (atomic_load(&request->web->stopping) && !request->route->admin)
        return send_answer(request, &(struct web_answer){MHD_HTTP_SERVICE_UNAVAILABLE, NULL,
                                                         "stopping, send it again\n"});
    request->now_ms = fx_wall_ms(options->clock);
    fx_scope_set_deadline(request->sc, fx_mono_ms(options->clock) + FX_WEB_STORE_MS);
    if (request->route->guard(request, &answer, &err) == FX_OK)
        request->route->handle(request, &answer);
    else
        fx_log(request->sc, FX_LOG_WARN, "request.refused", FX_S("path", request->route->path),
               FX_E(&err));
    return send_answer(request, &answer);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **request_context) {
    const struct web_listener *listener = context;
    struct web_request *request = *request_context;

    (void)connection;
    if (request == NULL)
        return MHD_NO;
    if (request->now_ms == 0)
        return begin(request, listener->admin, url, method, version);
    if (*data_size > 0) {
        take_body(request, data, data_size);
        return MHD_YES;
    }
    return request->refused ? MHD_YES : finish(request);
}

static void completed(void *context, struct MHD_Connection *connection, void **request_context,
                      enum MHD_RequestTerminationCode code) {
    const struct web_listener *listener = context;
    struct web_request *request = *request_context;

    (void)code;
    web_watch_completed(listener->watch, connection);
    if (request == NULL)
        return;
    fx_scope_free(request->sc);
    free(request);
    *request_context = NULL;
}

/* ---- starting ---- */

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static enum fx_code make_address(const struct fx_web_listener *listener,
                                 struct sockaddr_storage *ret_address, struct fx_error *err) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, listener->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(listener->port);
        return FX_OK;
    }
    if (inet_pton(AF_INET6, listener->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(listener->port);
        return FX_OK;
    }
    return fx_fail(err, FX_ERR_INPUT, "%s is not an address to listen on", listener->address);
}

static enum fx_code start_daemon(const struct fx_web_listener *listener,
                                 struct web_listener *context, struct fx_error *err) {
    struct sockaddr_storage address;
    bool tls = listener->certificate_pem != NULL;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

    FX_TRY(make_address(listener, &address, err));
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)listener->key_pem},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)listener->certificate_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};

    if (tls)
        flags |= MHD_USE_TLS;
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    context->daemon = MHD_start_daemon(
        flags, listener->port, NULL, NULL, handle, context, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)FX_WEB_MAX_CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)FX_WEB_MAX_PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(FX_WEB_REQUEST_MS / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG,
        MHD_OPTION_URI_LOG_CALLBACK, remember_target, context, MHD_OPTION_NOTIFY_COMPLETED,
        completed, context, MHD_OPTION_NOTIFY_CONNECTION, web_watch_connection, context->watch,
        MHD_OPTION_ARRAY, tls ? tls_options : no_options, MHD_OPTION_END);
    if (context->daemon == NULL)
        return fx_fail(
            err, FX_ERR_UNAVAILABLE,
            "cannot listen on %s port %u%s; is the port taken, or the certificate unreadable",
            listener->address, listener->port, tls ? " with TLS" : "");
    return FX_OK;
}

static enum fx_code check_options(const struct fx_web_options *options, struct fx_error *err) {
    const struct fx_web_listener *listeners[] = {&options->listener, &options->admin};

    if (options->signing_secrets_count == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "slack.signing_secrets is empty: nothing could be verified");
    for (size_t i = 0; i < options->signing_secrets_count; i++)
        if (options->signing_secrets[i].len == 0)
            return fx_fail(err, FX_ERR_INPUT,
                           "a Slack signing secret is empty: anybody could sign");
    for (size_t i = 0; i < FX_COUNT_OF(listeners); i++)
        if (listeners[i]->address != NULL && listeners[i]->certificate_pem == NULL &&
            !is_loopback(listeners[i]->address))
            return fx_fail(err, FX_ERR_INPUT,
                           "%s needs a certificate: plain HTTP is for loopback addresses only",
                           listeners[i]->address);
    return FX_OK;
}

static uint16_t port_of(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info =
        daemon == NULL ? NULL : MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info == NULL ? 0 : info->port;
}

enum fx_code fx_web_start(const struct fx_web_options *options, struct fx_web **ret_web,
                          struct fx_error *err) {
    FX_TRY(check_options(options, err));

    struct fx_web *web = calloc(1, sizeof *web);

    if (web == NULL)
        abort();
    web->options = *options;
    web->public = (struct web_listener){.web = web, .watch = web_watch_new(options->clock)};
    web->admin =
        (struct web_listener){.web = web, .admin = true, .watch = web_watch_new(options->clock)};
    enum fx_code code = start_daemon(&options->listener, &web->public, err);

    if (code == FX_OK && options->admin.address != NULL)
        code = start_daemon(&options->admin, &web->admin, err);
    if (code != FX_OK) {
        fx_web_stop(web);
        return code;
    }
    *ret_web = web;
    return FX_OK;
}

void fx_web_stop(struct fx_web *web) {
    if (web == NULL)
        return;
    atomic_store(&web->stopping, true);
    if (web->public.daemon != NULL)
        MHD_stop_daemon(web->public.daemon);
    if (web->admin.daemon != NULL)
        MHD_stop_daemon(web->admin.daemon);
    web_watch_free(web->public.watch);
    web_watch_free(web->admin.watch);
    free(web);
}

uint16_t fx_web_port(const struct fx_web *web) {
    return port_of(web->public.daemon);
}

uint16_t fx_web_admin_port(const struct fx_web *web) {
    return port_of(web->admin.daemon);
}

void fx_web_set_ready(struct fx_web *web, bool ready) {
    atomic_store(&web->ready, ready);
}
