/* transport.c - a connected socket, with TLS or without, and a deadline for whatever it does. */
#include "private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum fx_code redis_transport_wait(struct redis_transport *transport, short events,
                                  struct fx_error *err) {
    struct pollfd fd = {.fd = transport->fd, .events = events};

    for (;;) {
        int64_t left_ms = transport->deadline_ms - fx_mono_ms(transport->clock);

        if (poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0) > 0)
            return FX_OK;
        if (left_ms <= 0)
            return fx_fail(err, FX_ERR_TIMEOUT, "Redis at %s does not answer in time",
                           transport->name);
    }
}

/* ---- connecting ---- */

static enum fx_code fail_to_reach(const char *name, int error, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "Redis at %s cannot be reached: %s", name,
                   strerror(error));
}

static enum fx_code connect_to(struct redis_transport *transport, const struct sockaddr *address,
                               socklen_t address_len, struct fx_error *err) {
    int error = 0, on = 1;
    socklen_t len = sizeof(error);

    if (transport->fd >= 0)
        close(transport->fd);
    transport->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (transport->fd < 0)
        return fail_to_reach(transport->name, errno, err);
    if (address->sa_family != AF_UNIX)
        setsockopt(transport->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(transport->fd, address, address_len) == 0)
        return FX_OK;
    if (errno != EINPROGRESS)
        return fail_to_reach(transport->name, errno, err);
    FX_TRY(redis_transport_wait(transport, POLLOUT, err));
    if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    return error == 0 ? FX_OK : fail_to_reach(transport->name, error, err);
}

static enum fx_code connect_unix(struct redis_transport *transport, const char *path,
                                 int64_t timeout_ms, struct fx_error *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path)); /* its length was checked when it was read */
    transport->deadline_ms = fx_mono_ms(transport->clock) + timeout_ms;
    return connect_to(transport, (struct sockaddr *)&address, sizeof(address), err);
}

static void free_addresses(struct addrinfo **addresses) {
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
}

/* Each address gets its share of the time, so that a dead first one does not take it all. */
static enum fx_code connect_tcp(struct redis_transport *transport, const char *host,
                                const char *port, int64_t timeout_ms, struct fx_error *err) {
    FX_CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int failed = getaddrinfo(host, port, &wanted, &addresses);
    int count = 0;

    if (failed != 0)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the host of Redis at %s cannot be found: %s",
                       transport->name, gai_strerror(failed));
    for (struct addrinfo *one = addresses; one != NULL; one = one->ai_next)
        count++;
    int64_t end_ms = fx_mono_ms(transport->clock) + timeout_ms;
    enum fx_code code = FX_ERR_UNAVAILABLE;

    for (struct addrinfo *one = addresses; one != NULL && code != FX_OK; one = one->ai_next) {
        transport->deadline_ms = fx_mono_ms(transport->clock) + timeout_ms / count;
        code = connect_to(transport, one->ai_addr, one->ai_addrlen, err);
    }
    transport->deadline_ms = end_ms;
    return code;
}

enum fx_code redis_transport_open(struct redis_transport *transport,
                                  const struct redis_address *address, const char *ca_file,
                                  int64_t timeout_ms, struct fx_error *err) {
    transport->fd = -1;
    if (address->path != NULL)
        return connect_unix(transport, address->path, timeout_ms, err);
    FX_TRY(connect_tcp(transport, address->host, address->port, timeout_ms, err));
    return address->tls ? redis_tls_begin(transport, address->host, ca_file, err) : FX_OK;
}

void redis_transport_close(struct redis_transport *transport) {
    redis_tls_end(transport->ssl);
    if (transport->fd >= 0)
        close(transport->fd);
    transport->ssl = NULL;
    transport->fd = -1;
}

/* ---- bytes ---- */

static enum fx_code fail_closed(struct redis_transport *transport, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "Redis at %s has closed the connection",
                   transport->name);
}

/* As those of TLS: bytes, 0 when it is over, -1 to wait. */
static ssize_t plain_result(ssize_t result, short events, short *ret_events) {
    if (result > 0)
        return result;
    *ret_events = events;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : 0;
}

enum fx_code redis_transport_write(struct redis_transport *transport, struct fx_slice bytes,
                                   struct fx_error *err) {
    while (bytes.len > 0) {
        short events = 0;
        ssize_t sent = transport->ssl != NULL
                           ? redis_tls_write(transport->ssl, bytes, &events)
                           : plain_result(send(transport->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL),
                                          POLLOUT, &events);

        if (sent == 0)
            return fail_closed(transport, err);
        if (sent < 0)
            FX_TRY(redis_transport_wait(transport, events, err));
        else
            bytes = fx_slice_cut(bytes, (size_t)sent, bytes.len);
    }
    return FX_OK;
}

enum fx_code redis_transport_read(struct redis_transport *transport, char *to, size_t size,
                                  size_t *ret_len, struct fx_error *err) {
    for (;;) {
        short events = 0;
        ssize_t len = transport->ssl != NULL
                          ? redis_tls_read(transport->ssl, to, size, &events)
                          : plain_result(recv(transport->fd, to, size, 0), POLLIN, &events);

        if (len == 0)
            return fail_closed(transport, err);
        if (len > 0) {
            *ret_len = (size_t)len;
            return FX_OK;
        }
        FX_TRY(redis_transport_wait(transport, events, err));
    }
}
