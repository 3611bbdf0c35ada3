/* redis.h - one connection to a Redis server, over TCP, TLS or a unix socket; the only user of
 * hiredis.
 *
 * A connection belongs to one thread at a time. Every call has a deadline. After a failure other
 * than FX_ERR_UPSTREAM the connection is broken, because a late reply would answer the wrong
 * command: close it. Messages name host and port or the socket, never a user, a password, an
 * argument or the server's own sentences; its error word ("READONLY") is in err->upstream. The
 * process ignores SIGPIPE. TLS is 1.2 or 1.3, and always checks certificate and name.
 */
#pragma once

#include "fluxabot/base/clock.h"

enum {
    FX_REDIS_MAX_REPLY_BYTES = 1 << 20,
    FX_REDIS_MAX_ITEMS = 4096, /* of all lists of one reply together */
    FX_REDIS_MAX_ARGUMENTS = 16,
};

struct fx_redis;

struct fx_redis_options {
    /* redis://[user[:password]@]host[:port][/db], rediss:// for TLS, or unix:///path; user and
     * password percent-encoded */
    const char *url;
    const char *username, *password; /* NULL: those of the url */
    const char *ca_file;             /* the only roots trusted; NULL: the system's */
    struct fx_clock *clock;          /* one that runs */
    int64_t timeout_ms;              /* for connection, TLS and login together */
};

enum fx_redis_kind {
    FX_REDIS_NIL,
    FX_REDIS_TEXT,
    FX_REDIS_STATUS,
    FX_REDIS_ERROR,
    FX_REDIS_INTEGER,
    FX_REDIS_LIST,
};

struct fx_redis_reply {
    enum fx_redis_kind kind;
    int64_t integer;
    struct fx_slice text; /* terminated; may hold zero bytes */
    const struct fx_redis_reply **items;
    size_t items_count;
};

/* "host:6379, database 0 as user": where such a url leads, and nothing secret of it; NULL when it
 * is none. */
const char *fx_redis_place(struct fx_scope *sc, const char *url);
/* Reads the address and the CA file and connects to nobody. FX_ERR_INPUT. */
enum fx_code fx_redis_check(const struct fx_redis_options *options, struct fx_error *err);

/* Connects and logs in. Nothing of options is used later. FX_ERR_DENIED when user or password are
 * refused, FX_ERR_UNAVAILABLE or FX_ERR_TIMEOUT when nobody answers or TLS does not trust the
 * other side. Only the resolver may take longer than timeout_ms. */
enum fx_code fx_redis_open(const struct fx_redis_options *options, struct fx_redis **ret_redis,
                           struct fx_error *err);
void fx_redis_close(struct fx_redis *redis);

/* Sends one command, its name first, and waits for its reply. An error reply is FX_ERR_UPSTREAM. */
enum fx_code fx_redis_call(struct fx_redis *redis, struct fx_scope *sc,
                           const struct fx_slice *arguments, size_t count, int64_t timeout_ms,
                           const struct fx_redis_reply **ret_reply, struct fx_error *err);

/* ---- a connection that listens: SUBSCRIBE ---- */

enum fx_code fx_redis_send(struct fx_redis *redis, const struct fx_slice *arguments, size_t count,
                           int64_t timeout_ms, struct fx_error *err);
/* The next reply or message. With FX_ERR_TIMEOUT the connection stays whole. An error reply is
 * FX_ERR_UPSTREAM. */
enum fx_code fx_redis_receive(struct fx_redis *redis, struct fx_scope *sc, int64_t timeout_ms,
                              const struct fx_redis_reply **ret_reply, struct fx_error *err);
/* Returns when bytes have come, other_fd can be read or the time is over. What was received before
 * is not waited for: call fx_redis_receive first, until FX_ERR_TIMEOUT. redis may be NULL. */
void fx_redis_wait(struct fx_redis *redis, int other_fd, int64_t timeout_ms);
