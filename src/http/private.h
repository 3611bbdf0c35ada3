/* private.h - what the files of http share: the reply as it grows, and the address guard. */
#pragma once

#include "fluxabot/base/buf.h"
#include "fluxabot/http.h"

enum {
    HTTP_MAX_HEADERS = 128,
    HTTP_MAX_HEADER_BYTES = 64 << 10,
    HTTP_MAX_REQUEST_HEADERS = 64,
    HTTP_MAX_HOST = 256,
};

struct sockaddr;

/* FX_ERR_INPUT when method, address or a header would not stay on its own line. */
enum fx_code http_request_check(const struct fx_http_request *request, struct fx_error *err);
/* host:port for messages; the rest of an address may be a secret. Refuses other schemes and
 * passwords. */
enum fx_code http_request_host(const struct fx_http_request *request, char ret_host[HTTP_MAX_HOST],
                               struct fx_error *err);

/* A reply while it arrives. too_large is set by whichever limit was hit first. */
struct http_reading {
    struct fx_scope *sc;
    struct fx_buf body;
    struct fx_http_header headers[HTTP_MAX_HEADERS];
    size_t headers_count, header_bytes;
    bool too_large;
};

void http_reading_begin(struct http_reading *reading, struct fx_scope *sc, size_t max_bytes);
/* One header line as it came, with its line end. False when a limit was hit. */
bool http_reading_add_header(struct http_reading *reading, struct fx_slice line);
bool http_reading_add_body(struct http_reading *reading, struct fx_slice bytes);
struct fx_http_reply *http_reading_end(struct http_reading *reading, int status);

/* False for loopback, private, link-local, metadata, multicast and reserved addresses, also when
 * they are dressed as IPv6. */
bool http_address_is_public(const struct sockaddr *address);

/* ---- certificate.c: what a connection's other side showed ---- */

void http_certificate_read(struct fx_scope *sc, void *easy,
                           struct fx_http_certificate *ret_certificate);
