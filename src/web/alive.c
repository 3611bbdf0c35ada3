/* alive.c - do the listeners still answer? Asked as a stranger would, so that nothing between the
 * kernel's queue and the thread of a connection is taken on trust. */
#include "private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_p(int *file) {
    if (*file >= 0)
        close(*file);
}

/* Where it listens on every address, loopback is one of them. */
static socklen_t make_address(const struct web_listener *listener, const char *address,
                              struct sockaddr_storage *ret_address) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    uint16_t port = htons(info == NULL ? 0 : info->port);

    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        if (v4->sin_addr.s_addr == htonl(INADDR_ANY))
            v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof *v4;
    }
    (void)inet_pton(AF_INET6, address, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    if (memcmp(&v6->sin6_addr, &in6addr_any, sizeof in6addr_any) == 0)
        v6->sin6_addr = in6addr_loopback;
    return sizeof *v6;
}

static bool comes(int file, short events) {
    struct pollfd one = {.fd = file, .events = events};

    return poll(&one, 1, FX_WEB_ALIVE_MS) == 1;
}

/* It says nothing and hangs up, so no request is counted or told. A listener that works hangs up
 * as well. */
static enum fx_code probe(const struct web_listener *listener, const char *address,
                          struct fx_error *err) {
    struct sockaddr_storage to;
    socklen_t length = make_address(listener, address, &to);
    FX_CLEANUP(close_p)
    int file = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = 0;
    socklen_t failed_length = sizeof failed;

    if (file < 0)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "no socket was left to ask with: %s",
                       strerror(errno));
    if (connect(file, (struct sockaddr *)&to, length) != 0 && errno != EINPROGRESS)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the listener on %s refuses: %s", address,
                       strerror(errno));
    if (!comes(file, POLLOUT))
        return fx_fail(err, FX_ERR_TIMEOUT, "the listener on %s takes no connection", address);
    getsockopt(file, SOL_SOCKET, SO_ERROR, &failed, &failed_length);
    if (failed != 0)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the listener on %s refuses: %s", address,
                       strerror(failed));
    shutdown(file, SHUT_WR);
    if (!comes(file, POLLIN))
        return fx_fail(err, FX_ERR_TIMEOUT, "the listener on %s does not answer", address);
    return FX_OK;
}

enum fx_code fx_web_alive(struct fx_web *web, struct fx_error *err) {
    FX_TRY(probe(&web->public, web->options.listener.address, err));
    if (web->options.admin.address == NULL)
        return FX_OK;
    return probe(&web->admin, web->options.admin.address, err);
}
