/* private.h - what the files of a connection to Redis share. */
#pragma once

#include "fluxabot/redis.h"

#include <sys/types.h>

struct redisReader;
struct ssl_st;

/* ---- address.c ---- */

struct redis_address {
    bool tls;
    const char *host, *port; /* host is NULL for a unix socket */
    const char *path;
    const char *username, *password; /* NULL when absent; wiped with their scope */
    const char *database;
    const char *name; /* for messages: "host:port" or the path */
};
enum fx_code redis_address_read(struct fx_scope *sc, const struct fx_redis_options *options,
                                struct redis_address *ret_address, struct fx_error *err);

/* ---- transport.c: bytes, until a deadline ---- */

struct redis_transport {
    int fd; /* never blocks */
    struct ssl_st *ssl;
    struct fx_clock *clock;
    const char *name;    /* of the address */
    int64_t deadline_ms; /* of what is done now */
};
/* Connects a transport that has a clock and a name, and leaves the deadline for what belongs to the
 * connecting as well. On failure it may be half open: close it all the same. */
enum fx_code redis_transport_open(struct redis_transport *transport,
                                  const struct redis_address *address, const char *ca_file,
                                  int64_t timeout_ms, struct fx_error *err);
void redis_transport_close(struct redis_transport *transport);
enum fx_code redis_transport_write(struct redis_transport *transport, struct fx_slice bytes,
                                   struct fx_error *err);
/* At least one byte. */
enum fx_code redis_transport_read(struct redis_transport *transport, char *to, size_t size,
                                  size_t *ret_len, struct fx_error *err);
/* Until the socket is ready for these events of poll. */
enum fx_code redis_transport_wait(struct redis_transport *transport, short events,
                                  struct fx_error *err);

/* ---- tls.c ---- */

enum fx_code redis_tls_check(const char *ca_file, struct fx_error *err);
/* Makes transport->ssl on its connected socket. */
enum fx_code redis_tls_begin(struct redis_transport *transport, const char *host,
                             const char *ca_file, struct fx_error *err);
void redis_tls_end(struct ssl_st *ssl);
/* Bytes moved; 0 when the connection is over; -1 when *ret_events must be waited for. */
ssize_t redis_tls_read(struct ssl_st *ssl, char *to, size_t size, short *ret_events);
ssize_t redis_tls_write(struct ssl_st *ssl, struct fx_slice bytes, short *ret_events);

/* ---- resp.c: the protocol, on hiredis ---- */

/* A command as bytes; wiped when sc ends, for it may be a password. */
enum fx_code redis_format(struct fx_scope *sc, const struct fx_slice *arguments, size_t count,
                          struct fx_slice *ret_bytes, struct fx_error *err);

struct redis_reader {
    struct redisReader *hiredis;
    struct fx_scope *sc; /* of the reply that is coming in */
    size_t items_left, unread_bytes;
};
void redis_reader_init(struct redis_reader *reader);
void redis_reader_release(struct redis_reader *reader);
enum fx_code redis_reader_feed(struct redis_reader *reader, struct fx_slice bytes,
                               struct fx_error *err);
/* *ret_reply, which goes to sc, is NULL until there are enough bytes. */
enum fx_code redis_reader_next(struct redis_reader *reader, struct fx_scope *sc,
                               const struct fx_redis_reply **ret_reply, struct fx_error *err);

/* ---- errors.c ---- */

/* FX_ERR_UPSTREAM with a message of our own for an error reply's first word. */
enum fx_code redis_fail_with_word(struct fx_slice reply, const char *name, struct fx_error *err);
