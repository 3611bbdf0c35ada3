/* loopback.h - a real HTTP server on 127.0.0.1 whose manners a test chooses.
 *
 * One thread accepts and serves one connection after the other. serve() gets the open connection
 * and returns when it is done with it; the server closes it.
 */
#pragma once

#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { LOOPBACK_MAX_CONNECTIONS = 1024, LOOPBACK_MAX_REQUEST = 64 << 10 };

struct loopback {
    void (*serve)(struct loopback *server, int conn);
    const char *answer; /* for serve functions that send a fixed text */
    void *arg;          /* a test's own */
    int listener, stop[2];
    int port;
    pthread_t thread, conn_threads[LOOPBACK_MAX_CONNECTIONS];
    pthread_mutex_t lock; /* for last */
    atomic_int connections, requests;
    char last[LOOPBACK_MAX_REQUEST]; /* the newest request; read it after the exchange */
    size_t last_len;
};

void loopback_start(struct loopback *server);
void loopback_stop(struct loopback *server);

/* Reads one request with its body into last. False when the peer closed or the test ends. */
bool loopback_read(struct loopback *server, int conn);
void loopback_send(int conn, const char *bytes, size_t len);
void loopback_say(int conn, const char *text);
/* Waits until the peer closes or the test ends. */
void loopback_wait_for_close(struct loopback *server, int conn);

/* A closed port on 127.0.0.1. */
int loopback_closed_port(void);
