/* curl.c - one exchange on libcurl: its options, its idle handles, what its failures mean. */
#include "flight.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HTTP_MAX_CA_BYTES = 4 << 20,
    /* Below the 20 s after which AWS's front ends hang up on an idle connection. */
    HTTP_MAX_IDLE_CONNECTION_S = 15,
};

static CURL *take_handle(struct curl_http *http, enum fx_http_reach reach) {
    CURL *easy = NULL;

    pthread_mutex_lock(&http->lock);
    for (size_t i = http->idle_count; i > 0 && easy == NULL; i--) {
        if (http->idle[i - 1].reach != reach)
            continue;
        easy = http->idle[i - 1].easy;
        http->idle[i - 1] = http->idle[--http->idle_count];
    }
    pthread_mutex_unlock(&http->lock);
    return easy != NULL ? easy : curl_easy_init();
}

static void give_handle(struct curl_http *http, CURL *easy, enum fx_http_reach reach) {
    curl_easy_reset(easy);
    pthread_mutex_lock(&http->lock);
    if (http->idle_count < HTTP_MAX_IDLE_HANDLES) {
        http->idle[http->idle_count++] = (struct idle_handle){easy, reach};
        easy = NULL;
    }
    pthread_mutex_unlock(&http->lock);
    if (easy != NULL)
        curl_easy_cleanup(easy);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg) {
    struct flight *flight = arg;
    struct fx_slice line = {bytes, size * count};

    return http_reading_add_header(&flight->reading, line) ? line.len : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
    struct flight *flight = arg;
    struct fx_slice part = {bytes, size * count};

    return http_reading_add_body(&flight->reading, part) ? part.len : 0;
}

static size_t on_send(char *to, size_t size, size_t count, void *arg) {
    struct flight *flight = arg;
    size_t len = size * count < flight->unsent.len ? size * count : flight->unsent.len;

    memcpy(to, flight->unsent.ptr, len);
    flight->unsent = fx_slice_cut(flight->unsent, len, flight->unsent.len - len);
    return len;
}

/* libcurl repeats a request whose reused connection died, also a POST that may have been obeyed. It
 * must rewind the body for that, and here it cannot. */
static int on_rewind(void *arg, curl_off_t offset, int origin) {
    (void)arg, (void)offset, (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

/* Called on an open connection just before the first byte of the request. */
static int on_ready(void *arg, char *remote, char *local, int remote_port, int local_port) {
    struct flight *flight = arg;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    flight->late = flight->send_before_mono_ms != 0 &&
                   fx_mono_ms(flight->clock) >= flight->send_before_mono_ms;
    if (flight->late)
        return CURL_PREREQFUNC_ABORT;
    flight->sent = true;
    return CURL_PREREQFUNC_OK;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
    struct flight *flight = arg;
    struct fx_error ignored;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return fx_scope_check(flight->sc, fx_mono_ms(flight->clock), &ignored) != FX_OK;
}

/* Sees the resolved address, so neither a name nor a second resolution can deceive it. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *address) {
    struct flight *flight = arg;

    (void)purpose;
    if (flight->reach == FX_HTTP_PUBLIC && !http_address_is_public(&address->addr)) {
        flight->refused++;
        if (getnameinfo(&address->addr, address->addrlen, flight->refused_address,
                        sizeof(flight->refused_address), NULL, 0, NI_NUMERICHOST) != 0)
            flight->refused_address[0] = '\0';
        return CURL_SOCKET_BAD;
    }
    flight->opened++;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static struct curl_slist *build_headers(struct fx_scope *sc,
                                        const struct fx_http_request *request) {
    /* What libcurl would add by itself: the caller alone decides, and signs. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool typed = false;

    for (size_t i = 0; i < request->headers_count; i++) {
        const struct fx_http_header *header = &request->headers[i];
        typed = typed || strcasecmp(header->name, "content-type") == 0;
        /* "Name:" would remove the header, "Name;" sends it empty. */
        const char *line = header->value[0] == '\0'
                               ? fx_printf(sc, "%s;", header->name)
                               : fx_printf(sc, "%s: %s", header->name, header->value);
        list = curl_slist_append(list, line);
    }
    return typed ? list : curl_slist_append(list, "Content-Type:");
}

static void set_body(CURL *easy, const struct fx_http_request *request, struct flight *flight) {
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (!reads || request->body.len > 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_READDATA, flight);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    /* Without a body there is nothing to rewind, so only a new connection prevents a repetition. */
    if (request->fresh || (!reads && request->body.len == 0))
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_transport(struct curl_http *http, CURL *easy,
                          const struct fx_http_request *request) {
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)HTTP_MAX_IDLE_CONNECTION_S);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* the path was signed as it is */
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "fluxabot/" FLUXABOT_VERSION);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->purpose == FX_HTTP_LOOK ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->purpose == FX_HTTP_LOOK ? 0L : 2L);
    if (request->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    } else if (http->roots.len > 0) {
        struct curl_blob blob = {(void *)(uintptr_t)http->roots.ptr, http->roots.len,
                                 CURL_BLOB_NOCOPY};
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
}

/* What was shown belongs to a handshake, so a connection that is kept has nothing to tell. */
static void set_purpose(CURL *easy, const struct fx_http_request *request) {
    if (request->purpose != FX_HTTP_EXCHANGE)
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    if (request->purpose != FX_HTTP_EXCHANGE || request->certificate) {
        curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
}

static void set_callbacks(CURL *easy, struct flight *flight) {
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, flight->detail);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, flight);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, flight);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, flight);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, flight);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static enum fx_code classify(const struct flight *flight, CURLcode code, int64_t timeout_ms,
                             struct fx_error *err) {
    const char *detail = flight->detail[0] != '\0' ? flight->detail : curl_easy_strerror(code);

    if (flight->reading.too_large || code == CURLE_FILESIZE_EXCEEDED)
        return fx_fail(err, FX_ERR_LIMIT, "the reply of %s is larger than %zu bytes", flight->host,
                       flight->reading.body.max);
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return fx_fail(err, FX_ERR_TIMEOUT, "%s did not answer within %lld ms", flight->host,
                       (long long)timeout_ms);
    case CURLE_ABORTED_BY_CALLBACK:
        if (flight->late)
            return fx_fail(err, FX_ERR_TIMEOUT,
                           "the request to %s was not sent: this program stood still for too long",
                           flight->host);
        return fx_scope_check(flight->sc, fx_mono_ms(flight->clock), err);
    case CURLE_COULDNT_CONNECT:
        if (flight->refused > 0 && flight->opened == 0)
            return fx_fail(err, FX_ERR_DENIED,
                           "%s leads to %s, which is not a public address, so it was not called",
                           flight->host, flight->refused_address);
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s cannot be reached: %s", flight->host, detail);
    case CURLE_COULDNT_RESOLVE_HOST:
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the name %s cannot be resolved", flight->host);
    case CURLE_URL_MALFORMAT:
        return fx_fail(err, FX_ERR_INPUT, "the address of %s is not one libcurl understands",
                       flight->host);
    case CURLE_SSL_CACERT_BADFILE:
        return fx_fail(err, FX_ERR_INPUT, "the file of trusted certificates for %s cannot be read",
                       flight->host);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return fx_fail(err, FX_ERR_UNAVAILABLE, "no trusted TLS connection to %s: %s", flight->host,
                       detail);
    default:
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the exchange with %s broke off: %s", flight->host,
                       detail);
    }
}

static void set_up(struct curl_http *http, const struct fx_http_request *request,
                   struct flight *flight) {
    flight->lines = build_headers(flight->sc, request);
    set_transport(http, flight->easy, request);
    set_callbacks(flight->easy, flight);
    set_body(flight->easy, request, flight);
    set_purpose(flight->easy, request);
    curl_easy_setopt(flight->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(flight->easy, CURLOPT_HTTPHEADER, flight->lines);
    curl_easy_setopt(flight->easy, CURLOPT_TIMEOUT_MS, (long)flight->timeout_ms);
    curl_easy_setopt(flight->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)flight->reading.body.max);
}

enum fx_code http_flight_begin(struct curl_http *http, struct fx_scope *sc,
                               const struct fx_http_request *request, struct flight **ret_flight,
                               struct fx_error *err) {
    struct flight *flight = FX_NEW(sc, struct flight);
    int64_t now_mono_ms = fx_mono_ms(http->clock);
    int64_t cap_ms = request->timeout_ms > 0 ? request->timeout_ms : FX_HTTP_DEFAULT_TIMEOUT_MS;

    *flight = (struct flight){.sc = sc,
                              .clock = http->clock,
                              .timeout_ms = fx_scope_time_left(sc, now_mono_ms, cap_ms),
                              .reach = request->reach,
                              .unsent = request->body,
                              .send_before_mono_ms = request->send_before_mono_ms};
    http_reading_begin(&flight->reading, sc,
                       request->max_reply_bytes > 0 ? request->max_reply_bytes
                                                    : FX_HTTP_MAX_REPLY_BYTES);
    FX_TRY(http_request_check(request, err));
    FX_TRY(http_request_host(request, flight->host, err));
    FX_TRY(fx_scope_check(sc, now_mono_ms, err));

    /* For libcurl 0 means that there is no limit. */
    if (flight->timeout_ms <= 0)
        return fx_fail(err, FX_ERR_TIMEOUT, "no time was left to call %s", flight->host);

    flight->easy = take_handle(http, request->reach);
    if (flight->easy == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "libcurl gives no handle");
    set_up(http, request, flight);
    *ret_flight = flight;
    return FX_OK;
}

static enum fx_code conclude(struct flight *flight, CURLcode code, struct fx_http_reply **ret_reply,
                             struct fx_error *err) {
    long status = 0;

    if (code != CURLE_OK) {
        enum fx_code failure = classify(flight, code, flight->timeout_ms, err);
        if (err != NULL)
            err->sent = flight->sent;
        return failure;
    }
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_reply = http_reading_end(&flight->reading, (int)status);
    http_certificate_read(flight->sc, flight->easy, &(*ret_reply)->certificate);
    return FX_OK;
}

enum fx_code http_flight_end(struct curl_http *http, const struct fx_http_request *request,
                             struct flight *flight, CURLcode code, struct fx_http_reply **ret_reply,
                             struct fx_error *err) {
    enum fx_code result = conclude(flight, code, ret_reply, err);

    if (request->purpose == FX_HTTP_EXCHANGE)
        give_handle(http, flight->easy, request->reach);
    else
        curl_easy_cleanup(flight->easy); /* with its connection, which nobody could use again */
    curl_slist_free_all(flight->lines);
    return result;
}

static enum fx_code exchange(struct fx_http *base, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct curl_http *http = FX_CONTAINER_OF(base, struct curl_http, base);
    struct flight *flight = NULL;

    FX_TRY(http_flight_begin(http, sc, request, &flight, err));
    return http_flight_end(http, request, flight, curl_easy_perform(flight->easy), ret_reply, err);
}

static enum fx_code add_file(struct fx_buf *buf, const char *path, struct fx_error *err) {
    char part[4096];
    size_t got;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the certificates in %s cannot be read: %s", path,
                       strerrordesc_np(errno));
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        fx_buf_add(buf, (struct fx_slice){part, got});
    fclose(file);
    fx_buf_add_char(buf, '\n');
    if (buf->full)
        return fx_fail(err, FX_ERR_LIMIT, "the certificates in %s take more than %d bytes", path,
                       HTTP_MAX_CA_BYTES);
    return FX_OK;
}

static enum fx_code read_roots(struct curl_http *http, const char *extra_ca_file,
                               struct fx_error *err) {
    const char *system_file = curl_version_info(CURLVERSION_NOW)->cainfo;
    struct fx_buf buf;

    if (extra_ca_file == NULL)
        return FX_OK;
    fx_buf_init(&buf, http->sc, HTTP_MAX_CA_BYTES);
    /* A machine without the system's bundle may still want to trust its own. */
    if (system_file != NULL && access(system_file, R_OK) == 0)
        FX_TRY(add_file(&buf, system_file, err));
    FX_TRY(add_file(&buf, extra_ca_file, err));
    http->roots = fx_buf_slice(&buf);
    return FX_OK;
}

enum fx_code fx_http_open(struct fx_clock *clock, const char *extra_ca_file,
                          struct fx_http **ret_http, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct curl_http *http = FX_NEW(sc, struct curl_http);

    http->base.exchange = exchange;
    http->base.exchange_all = http_exchange_all;
    http->clock = clock;
    http->sc = sc;
    FX_TRY(read_roots(http, extra_ca_file, err));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fx_fail(err, FX_ERR_INTERNAL, "libcurl cannot be set up");
    pthread_mutex_init(&http->lock, NULL);
    *ret_http = &http->base;
    (void)FX_TAKE(sc);
    return FX_OK;
}

void fx_http_close(struct fx_http *base) {
    if (base == NULL)
        return;
    struct curl_http *http = FX_CONTAINER_OF(base, struct curl_http, base);

    for (size_t i = 0; i < http->idle_count; i++)
        curl_easy_cleanup(http->idle[i].easy);
    for (size_t i = 0; i < http->crowds_count; i++)
        curl_multi_cleanup(http->crowds[i]);
    curl_global_cleanup();
    pthread_mutex_destroy(&http->lock);
    fx_scope_free(http->sc);
}
