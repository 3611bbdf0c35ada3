/* connection.c - opens a connection, logs in, sends commands and waits for replies. */
#include "private.h"

#include <poll.h>

enum { READ_BYTES = 16 << 10 };

struct fx_redis {
    struct fx_scope *sc;
    struct redis_transport transport;
    struct redis_reader reader;
    bool broken;
};

static void close_p(struct fx_redis **redis) {
    fx_redis_close(*redis);
}

/* ---- commands and replies ---- */

static void set_deadline(struct fx_redis *redis, int64_t timeout_ms) {
    redis->transport.deadline_ms = fx_mono_ms(redis->transport.clock) + timeout_ms;
}

static enum fx_code send_command(struct fx_redis *redis, const struct fx_slice *arguments,
                                 size_t count, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slice bytes = {0};

    if (redis->broken)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the connection to Redis at %s is broken",
                       redis->transport.name);
    FX_TRY(redis_format(sc, arguments, count, &bytes, err));
    enum fx_code code = redis_transport_write(&redis->transport, bytes, err);

    redis->broken = code != FX_OK; /* half a command may have left */
    return code;
}

static enum fx_code next_reply(struct fx_redis *redis, struct fx_scope *sc,
                               const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    char bytes[READ_BYTES];
    size_t len = 0;

    FX_TRY(redis_reader_next(&redis->reader, sc, ret_reply, err));
    while (*ret_reply == NULL) {
        FX_TRY(redis_transport_read(&redis->transport, bytes, sizeof(bytes), &len, err));
        FX_TRY(redis_reader_feed(&redis->reader, (struct fx_slice){bytes, len}, err));
        FX_TRY(redis_reader_next(&redis->reader, sc, ret_reply, err));
    }
    return FX_OK;
}

static enum fx_code receive(struct fx_redis *redis, struct fx_scope *sc,
                            const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    enum fx_code code = next_reply(redis, sc, ret_reply, err);

    redis->broken = code != FX_OK;
    if (code == FX_OK && (*ret_reply)->kind == FX_REDIS_ERROR)
        code = redis_fail_with_word((*ret_reply)->text, redis->transport.name, err);
    return code;
}

static enum fx_code call(struct fx_redis *redis, struct fx_scope *sc,
                         const struct fx_slice *arguments, size_t count,
                         const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    FX_TRY(send_command(redis, arguments, count, err));
    enum fx_code code = receive(redis, sc, ret_reply, err);

    if (code != FX_OK)
        err->sent = true;
    return code;
}

enum fx_code fx_redis_call(struct fx_redis *redis, struct fx_scope *sc,
                           const struct fx_slice *arguments, size_t count, int64_t timeout_ms,
                           const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    if (redis->reader.unread_bytes > 0) {
        redis->broken = true;
        return fx_fail(err, FX_ERR_UNAVAILABLE, "Redis at %s says more than it was asked",
                       redis->transport.name);
    }
    set_deadline(redis, timeout_ms);
    return call(redis, sc, arguments, count, ret_reply, err);
}

enum fx_code fx_redis_send(struct fx_redis *redis, const struct fx_slice *arguments, size_t count,
                           int64_t timeout_ms, struct fx_error *err) {
    set_deadline(redis, timeout_ms);
    return send_command(redis, arguments, count, err);
}

enum fx_code fx_redis_receive(struct fx_redis *redis, struct fx_scope *sc, int64_t timeout_ms,
                              const struct fx_redis_reply **ret_reply, struct fx_error *err) {
    if (redis->broken)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the connection to Redis at %s is broken",
                       redis->transport.name);
    set_deadline(redis, timeout_ms);
    enum fx_code code = receive(redis, sc, ret_reply, err);

    if (code == FX_ERR_TIMEOUT)
        redis->broken = false; /* the rest of it is still to come, and is read next time */
    return code;
}

void fx_redis_wait(struct fx_redis *redis, int other_fd, int64_t timeout_ms) {
    struct pollfd fds[] = {{.fd = other_fd, .events = POLLIN},
                           {.fd = redis == NULL ? -1 : redis->transport.fd, .events = POLLIN}};

    poll(fds, 2, timeout_ms < 0 ? 0 : timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX);
}

/* ---- life ---- */

static enum fx_code log_in(struct fx_redis *redis, const struct redis_address *address,
                           struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slice words[3] = {FX_SLICE("AUTH")};
    const struct fx_redis_reply *reply = NULL;
    size_t count = 1;

    if (address->password != NULL) {
        if (address->username != NULL)
            words[count++] = fx_slice_of(address->username);
        words[count++] = fx_slice_of(address->password);
        enum fx_code code = call(redis, sc, words, count, &reply, err);

        if (code == FX_ERR_UPSTREAM)
            return fx_fail(err, FX_ERR_DENIED, "Redis at %s refuses the user or the password",
                           address->name);
        FX_TRY(code);
    }
    if (fx_slice_equal_text(fx_slice_of(address->database), "0"))
        return FX_OK;
    words[0] = FX_SLICE("SELECT");
    words[1] = fx_slice_of(address->database);
    enum fx_code code = call(redis, sc, words, 2, &reply, err);

    if (code == FX_ERR_UPSTREAM)
        return fx_fail_in(err, "database %s", address->database);
    return code;
}

enum fx_code fx_redis_check(const struct fx_redis_options *options, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct redis_address address;

    FX_TRY(redis_address_read(sc, options, &address, err));
    return address.tls ? redis_tls_check(options->ca_file, err) : FX_OK;
}

enum fx_code fx_redis_open(const struct fx_redis_options *options, struct fx_redis **ret_redis,
                           struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *secrets = fx_scope_new(NULL);
    struct redis_address address;

    FX_TRY(redis_address_read(secrets, options, &address, err));

    struct fx_scope *sc = fx_scope_new(NULL);
    FX_CLEANUP(close_p) struct fx_redis *redis = FX_NEW(sc, struct fx_redis);
    redis->sc = sc;
    redis->transport = (struct redis_transport){
        .fd = -1, .clock = options->clock, .name = fx_strdup(sc, address.name)};
    redis_reader_init(&redis->reader);
    FX_TRY(redis_transport_open(&redis->transport, &address, options->ca_file, options->timeout_ms,
                                err));
    FX_TRY(log_in(redis, &address, err));
    *ret_redis = FX_TAKE(redis);
    return FX_OK;
}

void fx_redis_close(struct fx_redis *redis) {
    if (redis == NULL)
        return;
    redis_transport_close(&redis->transport);
    redis_reader_release(&redis->reader);
    fx_scope_free(redis->sc);
}
