/* relay.c - what the measuring itself takes: a relay that does nothing, and the disk alone.
 *
 *   bench_relay null PORT             prints the port it listens on; each request that comes leaves
 *                                     at once as a post to 127.0.0.1:PORT, then it is answered
 *   bench_relay disk FILE BYTES COUNT PAUSE_MS   prints the milliseconds of each fdatasync behind
 *                                     so many bytes, written over those of a file that is there
 *
 * A thread per connection and one connection to post over, as the program under test has. All
 * errors are fatal.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX_BYTES = 64 << 10, LOG_BYTES = 4 << 20 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* ---- the relay ---- */

static struct {
    pthread_mutex_t lock;
    int fd; /* where posts go */
} out = {PTHREAD_MUTEX_INITIALIZER, -1};

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void no_delay(int fd) {
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0)
        fail("TCP_NODELAY");
}

static void send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            fail("send");
        bytes += n;
        len -= (size_t)n;
    }
}

/* One message with a Content-Length; the bytes of its body, or NULL at the end. */
static const char *receive(int fd, char buffer[MESSAGE_MAX_BYTES], size_t *ret_len) {
    size_t got = 0;

    for (;;) {
        ssize_t n = recv(fd, buffer + got, MESSAGE_MAX_BYTES - 1 - got, 0);

        if (n <= 0)
            return NULL;
        got += (size_t)n;
        buffer[got] = '\0';
        const char *body = strstr(buffer, "\r\n\r\n");
        const char *length = strcasestr(buffer, "\r\ncontent-length:");

        if (body == NULL || length == NULL)
            continue;
        body += 4;
        *ret_len = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
        if ((size_t)(buffer + got - body) >= *ret_len)
            return body;
    }
}

static void post(const char *body, size_t len) {
    char message[MESSAGE_MAX_BYTES + 256], answer[MESSAGE_MAX_BYTES];
    size_t answer_len = 0;
    int head = snprintf(message, sizeof message,
                        "POST /null HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        "application/json\r\nContent-Length: %zu\r\n\r\n",
                        len);

    memcpy(message + head, body, len);
    pthread_mutex_lock(&out.lock);
    send_all(out.fd, message, (size_t)head + len);
    if (receive(out.fd, answer, &answer_len) == NULL)
        fail("the post was not answered");
    pthread_mutex_unlock(&out.lock);
}

static void *serve(void *argument) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    int fd = (int)(intptr_t)argument;
    char buffer[MESSAGE_MAX_BYTES];
    const char *body = NULL;
    size_t len = 0;

    while ((body = receive(fd, buffer, &len)) != NULL) {
        post(body, len);
        send_all(fd, answer, sizeof answer - 1);
    }
    close(fd);
    return NULL;
}

static void relay(int port) {
    struct sockaddr_in at = loopback(port), own = loopback(0);
    socklen_t len = sizeof own;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    out.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(out.fd, (struct sockaddr *)&at, sizeof at) != 0)
        fail("connect");
    no_delay(out.fd);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&own, &len) != 0)
        fail("listen");
    printf("%d\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            fail("accept");
        no_delay(fd);
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
            fail("pthread_create");
        pthread_detach(thread);
    }
}

/* ---- the disk ---- */

static double now_ms(void) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void disk(const char *path, size_t bytes, int count, long pause_ms) {
    struct timespec rest = {pause_ms / 1000, pause_ms % 1000 * 1000000};
    char *block = calloc(1, LOG_BYTES);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    size_t at = 0;

    if (fd < 0 || block == NULL || write(fd, block, LOG_BYTES) != LOG_BYTES || fsync(fd) != 0)
        fail(path);
    for (int i = 0; i < count; i++) {
        nanosleep(&rest, NULL);
        if (pwrite(fd, block, bytes, (off_t)at) != (ssize_t)bytes)
            fail(path);
        at = (at + bytes) % (LOG_BYTES - bytes);
        double began = now_ms();

        if (fdatasync(fd) != 0)
            fail(path);
        printf("%.4f\n", now_ms() - began);
    }
    close(fd);
    free(block);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "null") == 0)
        relay(atoi(argv[2]));
    else if (argc == 6 && strcmp(argv[1], "disk") == 0)
        disk(argv[2], strtoul(argv[3], NULL, 10), atoi(argv[4]), atol(argv[5]));
    else
        return 2;
    return 0;
}
