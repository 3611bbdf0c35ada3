/* server.c - three loopback listeners on libmicrohttpd, one thread per connection. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SANDBOX_LISTENERS = 3, PEM_MAX_BYTES = 64 << 10 };

struct listening {
    struct sandbox *sb;
    enum sandbox_listener listener;
    struct MHD_Daemon *daemon;
};

struct sandbox_server {
    struct listening listening[SANDBOX_LISTENERS];
};

/* One request while it is being received. */
struct exchange {
    struct fx_scope *sc;
    const char *raw_uri;
    struct fx_buf body;
    bool headers_seen;
};

static const struct sandbox_route *find_route(const struct sandbox_request *req) {
    for (size_t i = 0; i < sandbox_routes_count; i++) {
        const struct sandbox_route *route = &sandbox_routes[i];
        struct fx_slice pattern = fx_slice_of(route->path);

        if (route->listener != req->listener ||
            (strcmp(route->method, "*") != 0 && strcmp(route->method, req->method) != 0))
            continue;
        if (fx_slice_ends_with(pattern, FX_SLICE("*"))) {
            if (strncmp(req->path, pattern.ptr, pattern.len - 1) == 0)
                return route;
        } else if (strcmp(req->path, route->path) == 0) {
            return route;
        }
    }
    return NULL;
}

/* libmicrohttpd shows the target before it decodes anything: signatures are over these bytes. */
static void *begin_exchange(void *cls, const char *uri, struct MHD_Connection *connection) {
    struct listening *listening = cls;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct exchange *exchange = FX_NEW(sc, struct exchange);

    (void)connection;
    fx_scope_set_log(sc, listening->sb->log);
    exchange->sc = sc;
    exchange->raw_uri = fx_strdup(sc, uri);
    fx_buf_init(&exchange->body, sc, SANDBOX_MAX_BODY_BYTES);
    return exchange;
}

static void end_exchange(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why) {
    struct exchange *exchange = *context;

    (void)cls;
    (void)connection;
    (void)why;
    *context = NULL;
    if (exchange != NULL)
        fx_scope_free(exchange->sc);
}

struct header_list {
    struct fx_scope *sc;
    struct fx_http_header *headers;
    size_t count;
};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    struct header_list *list = cls;

    (void)kind;
    if (list->count == SANDBOX_MAX_HEADERS)
        return MHD_NO;
    list->headers[list->count].name = fx_strdup(list->sc, name);
    list->headers[list->count].value = fx_strdup(list->sc, value != NULL ? value : "");
    list->count++;
    return MHD_YES;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection,
                                  const struct sandbox_reply *reply) {
    struct MHD_Response *response;
    enum MHD_Result sent;

    if (reply->hang_up)
        return MHD_NO;
    /* copied: the scope that holds the body may end before the last byte has left */
    response = MHD_create_response_from_buffer(reply->body.len, (void *)reply->body.ptr,
                                               MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    if (reply->content_type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    for (size_t i = 0; i < FX_COUNT_OF(reply->headers) && reply->headers[i].name != NULL; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    sent = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

static void answer(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct sandbox_route *route = find_route(req);

    if (route == NULL) {
        sandbox_reply_error(req, reply, 404, "the sandbox has no %s %s", req->method, req->path);
        return;
    }
    sandbox_lock(req->sb);
    if (req->sb->stopping)
        reply->hang_up = true;
    else
        route->handle(req, reply);
    sandbox_unlock(req->sb);
}

static enum MHD_Result finish(struct listening *listening, struct MHD_Connection *connection,
                              const char *method, struct exchange *exchange) {
    struct fx_scope *sc = exchange->sc;
    struct fx_http_header headers[SANDBOX_MAX_HEADERS];
    struct header_list list = {sc, headers, 0};
    struct sandbox_reply reply = {.status = 200};
    struct fx_slice raw_path, raw_query, path;
    struct fx_error err;

    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &list);
    fx_slice_split(fx_slice_of(exchange->raw_uri), '?', &raw_path, &raw_query);

    struct sandbox_request req = {
        .sb = listening->sb,
        .sc = sc,
        .listener = listening->listener,
        .method = method,
        .raw_path = fx_slice_dup(sc, raw_path),
        .raw_query = fx_slice_dup(sc, raw_query),
        .body = fx_buf_slice(&exchange->body),
        .headers = headers,
        .headers_count = list.count,
        .connection = connection,
    };
    if (fx_url_decode(sc, raw_path, false, &path, &err) != FX_OK) {
        sandbox_reply_error(&req, &reply, 400, "the path is not well formed");
    } else if (exchange->body.full) {
        sandbox_reply_error(&req, &reply, 413, "the body is larger than %d bytes",
                            SANDBOX_MAX_BODY_BYTES);
    } else {
        req.path = fx_slice_dup(sc, path);
        answer(&req, &reply);
    }
    return send_reply(connection, &reply);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **context) {
    struct exchange *exchange = *context;

    (void)url;
    (void)version;
    /* the first call comes before the body; answering there would refuse it */
    if (!exchange->headers_seen) {
        exchange->headers_seen = true;
        return MHD_YES;
    }
    if (*data_size > 0) {
        fx_buf_add(&exchange->body, (struct fx_slice){data, *data_size});
        *data_size = 0;
        return MHD_YES;
    }
    return finish(cls, connection, method, exchange);
}

static enum fx_code read_pem(struct fx_scope *sc, const char *dir, const char *name,
                             const char **ret_text, struct fx_error *err) {
    const char *path = fx_printf(sc, "%s/%s", dir, name);
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be read: %s", path, strerror(errno));
    char *text = fx_alloc(sc, PEM_MAX_BYTES + 1);
    size_t got = fread(text, 1, PEM_MAX_BYTES, file);
    fclose(file);
    text[got] = '\0';
    *ret_text = text;
    return FX_OK;
}

static struct MHD_Daemon *listen_on(struct listening *listening, uint16_t port, const char *cert,
                                    const char *key) {
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
        {MHD_OPTION_END, 0, NULL},
    };

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (cert == NULL)
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    else
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, listening, MHD_OPTION_SOCK_ADDR,
                            &address, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, listening,
                            MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)SANDBOX_MAX_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SANDBOX_IDLE_TIMEOUT_S,
                            MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

enum fx_code sandbox_server_start(struct sandbox *sb, struct fx_error *err) {
    struct sandbox_server *server = FX_NEW(sb->scope, struct sandbox_server);
    uint16_t *ports[SANDBOX_LISTENERS] = {&sb->options.page_port, &sb->options.aws_port,
                                          &sb->options.tls_port};
    const char *cert, *key;

    FX_TRY(read_pem(sb->scope, sb->options.dir, "server.pem", &cert, err));
    FX_TRY(read_pem(sb->scope, sb->options.dir, "server.key", &key, err));
    sb->server = server;
    for (size_t i = 0; i < SANDBOX_LISTENERS; i++) {
        struct listening *listening = &server->listening[i];

        listening->sb = sb;
        listening->listener = (enum sandbox_listener)i;
        listening->daemon = listen_on(listening, *ports[i], i == SANDBOX_TLS ? cert : NULL, key);
        if (listening->daemon == NULL)
            return fx_fail(err, FX_ERR_UNAVAILABLE,
                           "127.0.0.1:%u cannot be listened on; is another sandbox running",
                           (unsigned)*ports[i]);
        *ports[i] = MHD_get_daemon_info(listening->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    }
    return FX_OK;
}

void sandbox_server_stop(struct sandbox *sb) {
    for (size_t i = 0; sb->server != NULL && i < SANDBOX_LISTENERS; i++)
        if (sb->server->listening[i].daemon != NULL)
            MHD_stop_daemon(sb->server->listening[i].daemon);
}
