/* postgres_proxy.c - see postgres_proxy.h. */
#include "support/postgres_proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOOK_MS = 20, READ_BYTES = 64 << 10 };

struct postgres_proxy {
    char server[108], directory[80], path[108], url[160];
    int listener;
    pthread_t thread;
    _Atomic int connections; /* that are open */
    _Atomic int64_t attempts;
    _Atomic bool stopping, silent, fired;
    _Atomic int64_t left; /* requests until the fault, this one included; 0 when none is armed */
    _Atomic int when;
};

/* What has come from one side and has not gone on yet. */
struct heap {
    unsigned char *bytes;
    size_t len, room;
};

struct connection {
    struct postgres_proxy *proxy;
    int client, server;
    struct heap from_client, from_server;
    bool started;      /* the first packet has no type */
    bool drops_answer; /* up to the end of it */
};

/* ---- messages: a type and a length, but for the first ---- */

static size_t message_len(const struct heap *heap, size_t at, bool typed) {
    size_t head = typed ? 5 : 4;

    if (heap->len - at < head)
        return 0;
    const unsigned char *p = heap->bytes + at + head - 4;
    size_t len = ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]) + head - 4;

    return heap->len - at < len ? 0 : len;
}

/* Bytes up to and with the first message of one of these types; 0 while there is none. */
static size_t up_to(const struct heap *heap, const char *types) {
    size_t at = 0;
    size_t len = 0;

    while ((len = message_len(heap, at, true)) > 0) {
        char type = (char)heap->bytes[at];
        at += len;
        if (strchr(types, type) != NULL)
            return at;
    }
    return 0;
}

static void drop(struct heap *heap, size_t len) {
    memmove(heap->bytes, heap->bytes + len, heap->len - len);
    heap->len -= len;
}

static bool pass_on(struct heap *heap, size_t len, int to) {
    for (size_t at = 0; at < len;) {
        ssize_t sent = send(to, heap->bytes + at, len - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += (size_t)sent;
    }
    drop(heap, len);
    return true;
}

static bool fill(struct heap *heap, int from) {
    if (heap->room - heap->len < READ_BYTES) {
        heap->room += 4 * READ_BYTES;
        heap->bytes = realloc(heap->bytes, heap->room);
    }
    ssize_t len = read(from, heap->bytes + heap->len, READ_BYTES);

    heap->len += len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* ---- one connection ---- */

/* False: the request, and with it the connection, is lost. */
static bool request(struct connection *c, size_t len) {
    struct postgres_proxy *proxy = c->proxy;
    bool is_it = atomic_load(&proxy->left) > 0 && atomic_fetch_sub(&proxy->left, 1) == 1;

    if (is_it && atomic_load(&proxy->when) == FAULT_BEFORE) {
        atomic_store(&proxy->fired, true);
        return false;
    }
    c->drops_answer = is_it;
    return pass_on(&c->from_client, len, c->server);
}

static bool pass_requests(struct connection *c) {
    size_t len = 0;

    if (!c->started && (len = message_len(&c->from_client, 0, false)) > 0) {
        c->started = true;
        if (!pass_on(&c->from_client, len, c->server))
            return false;
    }
    /* Query or Sync ends a request, Terminate the connection */
    while (c->started && (len = up_to(&c->from_client, "QSX")) > 0)
        if (!request(c, len))
            return false;
    return true;
}

static bool pass_answers(struct connection *c) {
    if (!c->drops_answer)
        return pass_on(&c->from_server, c->from_server.len, c->client);
    if (up_to(&c->from_server, "Z") == 0) /* not all of it yet */
        return true;
    atomic_store(&c->proxy->fired, true);
    return false;
}

static bool turn(struct connection *c) {
    struct pollfd sides[] = {{.fd = c->client, .events = POLLIN},
                             {.fd = c->server, .events = POLLIN}};

    if (atomic_load(&c->proxy->silent))
        return poll(NULL, 0, LOOK_MS) == 0;
    if (poll(sides, 2, LOOK_MS) < 0)
        return false;
    if (sides[0].revents != 0 && (!fill(&c->from_client, c->client) || !pass_requests(c)))
        return false;
    return sides[1].revents == 0 || (fill(&c->from_server, c->server) && pass_answers(c));
}

static int dial(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void *serve(void *item) {
    struct connection *c = item;

    while (c->server >= 0 && !atomic_load(&c->proxy->stopping) && turn(c))
        ;
    if (c->server >= 0) /* first, so that the server is not the last to hear of it */
        close(c->server);
    close(c->client);
    atomic_fetch_sub(&c->proxy->connections, 1);
    free(c->from_client.bytes);
    free(c->from_server.bytes);
    free(c);
    return NULL;
}

/* ---- all connections ---- */

static void *listen_on(void *item) {
    struct postgres_proxy *proxy = item;
    struct pollfd door = {.fd = proxy->listener, .events = POLLIN};

    while (!atomic_load(&proxy->stopping)) {
        pthread_t thread;

        if (poll(&door, 1, LOOK_MS) <= 0)
            continue;
        struct connection *c = calloc(1, sizeof(*c));
        c->proxy = proxy;
        c->client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
        c->server = dial(proxy->server);
        atomic_fetch_add(&proxy->attempts, 1);
        atomic_fetch_add(&proxy->connections, 1);
        if (pthread_create(&thread, NULL, serve, c) != 0)
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

struct postgres_proxy *postgres_proxy_start(const char *server_directory) {
    struct postgres_proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(proxy->server, sizeof(proxy->server), "%s/.s.PGSQL.5432", server_directory);
    snprintf(proxy->directory, sizeof(proxy->directory), "%s/proxy", server_directory);
    snprintf(proxy->path, sizeof(proxy->path), "%s/.s.PGSQL.5432", proxy->directory);
    snprintf(proxy->url, sizeof(proxy->url), "postgresql://fluxabot@/fluxabot?host=%s",
             proxy->directory);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", proxy->path);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mkdir(proxy->directory, 0700) != 0 ||
        bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(proxy->listener, 64) != 0 ||
        pthread_create(&proxy->thread, NULL, listen_on, proxy) != 0) {
        perror("the proxy before PostgreSQL");
        exit(1);
    }
    return proxy;
}

void postgres_proxy_stop(struct postgres_proxy *proxy) {
    atomic_store(&proxy->stopping, true);
    pthread_join(proxy->thread, NULL);
    while (atomic_load(&proxy->connections) > 0)
        poll(NULL, 0, LOOK_MS);
    close(proxy->listener);
    unlink(proxy->path);
    rmdir(proxy->directory);
    free(proxy);
}

const char *postgres_proxy_url(const struct postgres_proxy *proxy) {
    return proxy->url;
}

void postgres_proxy_arm(struct postgres_proxy *proxy, int64_t n, enum fault_when when) {
    atomic_store(&proxy->fired, false);
    atomic_store(&proxy->when, when);
    atomic_store(&proxy->left, n);
}

bool postgres_proxy_fired(const struct postgres_proxy *proxy) {
    return atomic_load(&proxy->fired);
}

int64_t postgres_proxy_connections(const struct postgres_proxy *proxy) {
    return atomic_load(&proxy->attempts);
}

void postgres_proxy_silence(struct postgres_proxy *proxy, bool silent) {
    atomic_store(&proxy->silent, silent);
}
