/* http.h - one outgoing exchange, with caps and a deadline.
 *
 * Any status is FX_OK: only a missing reply is an error, and then err->sent says whether part of
 * the request may have reached the other side. Redirects are never followed, proxies never used. A
 * request with a method other than GET or HEAD leaves at most once, whatever happens to its
 * connection. The scope's deadline bounds the whole exchange, its cancel flag ends it within about
 * a second. Messages name the host, never the path or the query. An fx_http may be used from any
 * thread; replies live in the scope.
 */
#pragma once

#include "fluxabot/base/clock.h"

enum { FX_HTTP_MAX_REPLY_BYTES = 8 << 20, FX_HTTP_DEFAULT_TIMEOUT_MS = 10000 };

struct fx_http_header {
    const char *name, *value; /* value holds no CR, LF or NUL, else FX_ERR_INPUT */
};

enum fx_http_reach {
    FX_HTTP_PUBLIC, /* loopback, private, link-local and metadata addresses are refused, as resolved
                     */
    FX_HTTP_ANY,    /* the address was configured by the operator */
};

enum fx_http_purpose {
    FX_HTTP_EXCHANGE,
    /* Of https the handshake alone: no byte of a request leaves, the reply has status 0 and the
     * certificate. */
    FX_HTTP_HANDSHAKE,
    /* The same, and a certificate that proves nothing is no failure: for who looks at it. */
    FX_HTTP_LOOK,
};

struct fx_http_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;    /* http or https only */
    const struct fx_http_header *headers;
    size_t headers_count;
    struct fx_slice body;
    enum fx_http_reach reach;
    size_t max_reply_bytes; /* 0: FX_HTTP_MAX_REPLY_BYTES; more is FX_ERR_LIMIT */
    int64_t timeout_ms;     /* 0: FX_HTTP_DEFAULT_TIMEOUT_MS; never past the scope's deadline */
    const char *ca_file;    /* the only roots trusted for this exchange; NULL: the system's */
    bool fresh;             /* a new connection: an idle one may die just when a change is sent */
    /* Its first byte leaves before this (monotonic) or none does: FX_ERR_TIMEOUT, not sent. 0: none
     */
    int64_t send_before_mono_ms;
    enum fx_http_purpose purpose;
    bool certificate; /* tell the certificate of an exchange, too; takes a new connection */
};

/* What the other side of an https connection showed. */
struct fx_http_certificate {
    const char *subject, *issuer;
    int64_t starts_wall_ms, ends_wall_ms; /* 0: not told, or not https */
};

struct fx_http_reply {
    int status;
    const struct fx_http_header *headers; /* names in lower case */
    size_t headers_count;
    struct fx_slice body;
    int64_t date_wall_ms; /* the Date header, 0 when absent or unreadable */
    struct fx_http_certificate certificate;
};

/* One of several exchanges at once. Each has a scope of its own, or shares one with the others. */
struct fx_http_one {
    struct fx_scope *sc;
    struct fx_http_request request;
    enum fx_code code; /* what fx_http_exchange would have returned */
    struct fx_http_reply *reply;
    struct fx_error err;
    /* Told at once when it has ended, while others are still under way; it must not wait for
     * anything. NULL, or an implementation that goes one after the other: nobody is told. */
    void (*ended)(struct fx_http_one *one);
    void *owner;
};

enum { FX_HTTP_MAX_AT_ONCE = 32 };

struct fx_http {
    enum fx_code (*exchange)(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err);
    void (*exchange_all)(struct fx_http *http, struct fx_http_one *all, size_t count); /* or NULL */
};

static inline enum fx_code fx_http_exchange(struct fx_http *http, struct fx_scope *sc,
                                            const struct fx_http_request *request,
                                            struct fx_http_reply **ret_reply,
                                            struct fx_error *err) {
    return http->exchange(http, sc, request, ret_reply, err);
}

/* All of them, in their order, no more than FX_HTTP_MAX_AT_ONCE under way at a time, from this one
 * thread; returns when the last has ended. Each is what fx_http_exchange is. Where an
 * implementation knows no other way, one after the other. */
static inline void fx_http_exchange_all(struct fx_http *http, struct fx_http_one *all,
                                        size_t count) {
    if (http->exchange_all != NULL) {
        http->exchange_all(http, all, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        all[i].code = http->exchange(http, all[i].sc, &all[i].request, &all[i].reply, &all[i].err);
}

/* The implementation on libcurl; keeps connections alive per thread. extra_ca_file is trusted
 * beside the system's roots, or NULL. Close it after every thread that used it has ended. */
enum fx_code fx_http_open(struct fx_clock *clock, const char *extra_ca_file,
                          struct fx_http **ret_http, struct fx_error *err);
void fx_http_close(struct fx_http *http);

/* False for loopback, private, link-local, metadata, multicast and reserved addresses, also when
 * they are dressed as IPv6, and for text that is no numeric address. */
bool fx_http_address_is_public(const char *numeric);

/* NULL when absent; name in lower case. */
const char *fx_http_reply_header(const struct fx_http_reply *reply, const char *name);
