/* load.c - sends prepared requests over keep-alive connections and tells how long the answers took.
 *
 *   bench_load --port N --requests FILE --count N [--skip N] [--connections N] [--rate N] [--tls]
 *              [--pid PID]
 *
 * The file holds requests one after the other, each a length (four bytes, little endian) and its
 * bytes. Every request is sent once: a receiver that knows repetitions must see none. Connections
 * are open, with their TLS handshake done, before the clock starts. Without --rate each connection
 * sends its next request when the answer is there (closed loop); with it, requests begin at their
 * scheduled time and their time counts from there (open loop). --pid also tells the CPU seconds
 * that process took meanwhile. The answer is one line of JSON. All errors are fatal: a benchmark
 * that goes on with half of its requests measures something else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 16 << 10, EVENTS = 256, QUIET_MS = 20000 };

struct options {
    int port;
    const char *requests;
    size_t skip, count, connections;
    double rate;
    bool tls;
    long pid;
};

struct request {
    const char *bytes;
    size_t len;
};

struct connection {
    int fd;
    SSL *ssl;
    bool busy;
    int64_t since_ns; /* when its request began, or should have */
    size_t got;
    char answer[ANSWER_MAX_BYTES];
};

struct load {
    struct options options;
    struct request *requests;
    struct connection *connections;
    int epoll;
    size_t sent, answered, good;
    int64_t *times_ns;
    int other_status; /* the last that was not 200 */
};

__attribute__((format(printf, 1, 2))) _Noreturn static void stop(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    fputs("bench_load: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static double cpu_seconds(long pid) {
    struct timespec used = {0};
    clockid_t clock;

    if (pid == 0)
        return 0;
    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        stop("process %ld is gone", pid);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* ---- the requests ---- */

static char *read_file(const char *path, size_t *ret_len) {
    FILE *file = fopen(path, "rb");

    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        stop("%s cannot be read", path);
    *ret_len = (size_t)ftell(file);
    char *bytes = malloc(*ret_len + 1);

    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *ret_len, file) != *ret_len)
        stop("%s cannot be read", path);
    fclose(file);
    return bytes;
}

static void read_requests(struct load *load) {
    size_t len = 0, at = 0, seen = 0, kept = 0;
    char *bytes = read_file(load->options.requests, &len);

    load->requests = calloc(load->options.count, sizeof *load->requests);
    while (at + 4 <= len && kept < load->options.count) {
        const unsigned char *head = (const unsigned char *)bytes + at;
        size_t size =
            head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;

        if (size > len - at - 4)
            stop("%s ends early", load->options.requests);
        if (seen++ >= load->options.skip)
            load->requests[kept++] = (struct request){bytes + at + 4, size};
        at += 4 + size;
    }
    if (kept < load->options.count)
        stop("%s has only %zu requests from number %zu on", load->options.requests, kept,
             load->options.skip);
}

/* ---- connections ---- */

static int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        stop("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

/* The certificate is not looked at: the server is one that the caller started. */
static SSL *shake_hands(SSL_CTX *context, int fd) {
    SSL *ssl = SSL_new(context);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        stop("the TLS handshake failed");
    return ssl;
}

static void open_connections(struct load *load) {
    SSL_CTX *context = load->options.tls ? SSL_CTX_new(TLS_client_method()) : NULL;

    load->connections = calloc(load->options.connections, sizeof *load->connections);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < load->options.connections; i++) {
        struct connection *connection = &load->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

        connection->fd = connect_to(load->options.port);
        connection->ssl = context == NULL ? NULL : shake_hands(context, connection->fd);
        fcntl(connection->fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
    }
}

/* A request is smaller than the socket's buffer, which is empty: the last answer is here. */
static void send_next(struct load *load, struct connection *connection, int64_t since_ns) {
    const struct request *request = &load->requests[load->sent++];
    ssize_t sent = connection->ssl != NULL
                       ? SSL_write(connection->ssl, request->bytes, (int)request->len)
                       : send(connection->fd, request->bytes, request->len, MSG_NOSIGNAL);

    if (sent != (ssize_t)request->len)
        stop("a connection was closed before request %zu of %zu", load->sent, load->options.count);
    connection->busy = true;
    connection->since_ns = since_ns;
    connection->got = 0;
}

/* ---- answers ---- */

/* NULL when the header is not there. */
static const char *header_of(const char *answer, const char *name) {
    size_t len = strlen(name);

    for (const char *line = strstr(answer, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 1;
    return NULL;
}

static bool is_whole(struct connection *connection) {
    char *end = strstr(connection->answer, "\r\n\r\n");

    if (end == NULL)
        return false;
    const char *body = end + 4, *length = header_of(connection->answer, "content-length");
    size_t body_len = connection->got - (size_t)(body - connection->answer);

    if (length != NULL)
        return body_len >= (size_t)strtoul(length, NULL, 10);
    /* chunked: the last chunk is empty */
    return body_len >= 5 && strcmp(connection->answer + connection->got - 5, "0\r\n\r\n") == 0;
}

static ssize_t receive(struct connection *connection) {
    char *at = connection->answer + connection->got;
    size_t room = sizeof connection->answer - 1 - connection->got;

    if (room == 0)
        stop("an answer is larger than %d bytes", ANSWER_MAX_BYTES);
    if (connection->ssl == NULL)
        return recv(connection->fd, at, room, 0);
    int got = SSL_read(connection->ssl, at, (int)room);

    if (got > 0 || SSL_get_error(connection->ssl, got) != SSL_ERROR_WANT_READ)
        return got > 0 ? got : 0;
    errno = EAGAIN; /* a record that is not whole, or a session ticket */
    return -1;
}

static void note_answer(struct load *load, struct connection *connection) {
    int status = atoi(connection->answer + sizeof "HTTP/1.1" - 1 + 1);

    connection->busy = false;
    load->times_ns[load->answered++] = now_ns() - connection->since_ns;
    if (status == 200)
        load->good++;
    else
        load->other_status = status;
}

/* True when an answer has come whole. */
static bool read_answer(struct load *load, struct connection *connection) {
    ssize_t got = receive(connection);

    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        stop("a connection was closed after %zu of %zu answers", load->answered,
             load->options.count);
    connection->got += (size_t)got;
    connection->answer[connection->got] = '\0';
    if (!connection->busy || !is_whole(connection))
        return false;
    note_answer(load, connection);
    return true;
}

/* ---- the two loops ---- */

static void wait_for_answers(struct load *load, int wait_ms, bool send_more) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(load->epoll, events, EVENTS, wait_ms);

    for (int i = 0; i < ready; i++) {
        struct connection *connection = events[i].data.ptr;

        if (read_answer(load, connection) && send_more && load->sent < load->options.count)
            send_next(load, connection, now_ns());
    }
    if (ready == 0 && wait_ms == QUIET_MS)
        stop("nothing came for %d ms, after %zu of %zu answers", QUIET_MS, load->answered,
             load->options.count);
}

static void run_closed(struct load *load) {
    for (size_t i = 0; i < load->options.connections && load->sent < load->options.count; i++)
        send_next(load, &load->connections[i], now_ns());
    while (load->answered < load->options.count)
        wait_for_answers(load, QUIET_MS, true);
}

static struct connection *idle_connection(struct load *load) {
    for (size_t i = 0; i < load->options.connections; i++)
        if (!load->connections[i].busy)
            return &load->connections[i];
    return NULL;
}

static void run_open(struct load *load) {
    int64_t began_ns = now_ns();

    while (load->answered < load->options.count) {
        int64_t due_ns = began_ns + (int64_t)((double)load->sent * 1e9 / load->options.rate);
        int64_t left_ns = due_ns - now_ns();
        struct connection *connection = idle_connection(load);

        if (load->sent < load->options.count && left_ns <= 0 && connection != NULL)
            send_next(load, connection, due_ns);
        else if (load->sent == load->options.count || connection == NULL)
            wait_for_answers(load, QUIET_MS, false);
        else /* the last millisecond is spent looking, because epoll_wait oversleeps */
            wait_for_answers(load, left_ns > 2000000 ? (int)(left_ns / 1000000) - 1 : 0, false);
    }
}

/* ---- what it was ---- */

static int by_time(const void *a, const void *b) {
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void report(struct load *load, double seconds, double cpu) {
    size_t n = load->answered;

    qsort(load->times_ns, n, sizeof *load->times_ns, by_time);
    printf("{\"count\":%zu,\"good\":%zu,\"other_status\":%d,\"seconds\":%.6f,\"per_second\":%.1f,"
           "\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,\"cpu_us\":%.3f}\n",
           n, load->good, load->other_status, seconds, (double)n / seconds,
           (double)load->times_ns[n / 2] / 1e6, (double)load->times_ns[n * 99 / 100] / 1e6,
           (double)load->times_ns[n - 1] / 1e6, cpu * 1e6 / (double)n);
}

static struct options read_options(int argc, char **argv) {
    struct options options = {.connections = 64};

    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];

        if (strcmp(name, "--tls") == 0) {
            options.tls = true;
            continue;
        }
        if (++i == argc)
            stop("%s wants a value", name);
        const char *value = argv[i];

        if (strcmp(name, "--requests") == 0)
            options.requests = value;
        else if (strcmp(name, "--rate") == 0)
            options.rate = strtod(value, NULL);
        else if (strcmp(name, "--port") == 0)
            options.port = (int)strtol(value, NULL, 10);
        else if (strcmp(name, "--pid") == 0)
            options.pid = strtol(value, NULL, 10);
        else if (strcmp(name, "--skip") == 0)
            options.skip = strtoul(value, NULL, 10);
        else if (strcmp(name, "--count") == 0)
            options.count = strtoul(value, NULL, 10);
        else if (strcmp(name, "--connections") == 0)
            options.connections = strtoul(value, NULL, 10);
        else
            stop("unknown option %s", name);
    }
    if (options.requests == NULL || options.count == 0 || options.connections == 0)
        stop("--requests and --count are needed");
    return options;
}

int main(int argc, char **argv) {
    struct load load = {.options = read_options(argc, argv)};

    read_requests(&load);
    load.times_ns = calloc(load.options.count, sizeof *load.times_ns);
    open_connections(&load);

    double cpu = cpu_seconds(load.options.pid);
    int64_t began_ns = now_ns();

    if (load.options.rate > 0)
        run_open(&load);
    else
        run_closed(&load);
    report(&load, (double)(now_ns() - began_ns) / 1e9, cpu_seconds(load.options.pid) - cpu);
    return 0;
}
