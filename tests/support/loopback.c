/* loopback.c - see loopback.h */
#include "support/loopback.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on_loopback(int *ret_port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *ret_port = ntohs(in.sin_port);
    return fd;
}

/* True when fd can be read, false when the test ends. */
static bool wait_readable(struct loopback *server, int fd, short events) {
    struct pollfd fds[] = {{.fd = server->stop[0], .events = POLLIN}, {.fd = fd, .events = events}};

    while (poll(fds, 2, -1) < 0)
        continue;
    return fds[0].revents == 0;
}

struct guest {
    struct loopback *server;
    int conn;
};

static void *serve_guest(void *arg) {
    struct guest guest = *(struct guest *)arg;

    free(arg);
    guest.server->serve(guest.server, guest.conn);
    close(guest.conn);
    return NULL;
}

static void *run(void *arg) {
    struct loopback *server = arg;
    int served = 0;

    while (served < LOOPBACK_MAX_CONNECTIONS && wait_readable(server, server->listener, POLLIN)) {
        struct guest *guest = malloc(sizeof(*guest));
        *guest = (struct guest){server, accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)};
        atomic_fetch_add(&server->connections, 1);
        if (pthread_create(&server->conn_threads[served], NULL, serve_guest, guest) != 0)
            abort();
        served++;
    }
    for (int i = 0; i < served; i++)
        pthread_join(server->conn_threads[i], NULL);
    return NULL;
}

void loopback_start(struct loopback *server) {
    server->listener = listen_on_loopback(&server->port);
    pthread_mutex_init(&server->lock, NULL);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(pipe(server->stop), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void loopback_stop(struct loopback *server) {
    assert_int_equal(write(server->stop[1], "x", 1), 1);
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
    pthread_mutex_destroy(&server->lock);
}

static size_t request_length(const char *text, size_t len) {
    const char *end = memmem(text, len, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - text) + 4;
    const char *declared = strcasestr(text, "\r\nContent-Length:");
    if (declared == NULL || declared > end)
        return head;
    return head + strtoul(declared + 17, NULL, 10);
}

bool loopback_read(struct loopback *server, int conn) {
    char text[LOOPBACK_MAX_REQUEST];
    size_t wanted = 0, len = 0;

    do {
        if (!wait_readable(server, conn, POLLIN))
            return false;
        ssize_t got = recv(conn, text + len, sizeof(text) - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        wanted = request_length(text, len);
    } while (wanted == 0 || len < wanted);
    pthread_mutex_lock(&server->lock);
    memcpy(server->last, text, len + 1);
    server->last_len = len;
    pthread_mutex_unlock(&server->lock);
    atomic_fetch_add(&server->requests, 1);
    return true;
}

void loopback_say(int conn, const char *text) {
    loopback_send(conn, text, strlen(text));
}

void loopback_send(int conn, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = send(conn, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

void loopback_wait_for_close(struct loopback *server, int conn) {
    (void)wait_readable(server, conn, POLLRDHUP);
}

int loopback_closed_port(void) {
    int port = 0;

    close(listen_on_loopback(&port));
    return port;
}
