/* redis_server.h - a private Redis for a test: on 127.0.0.1 and a unix socket, in a folder of its
 * own, keeping nothing; and a log that can be read while others write it.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/redis.h"

#include <sys/types.h>

struct redis_server {
    const char *password; /* NULL: it wants none */
    bool tls;             /* the port speaks TLS, with certificate.pem of the folder */
    char dir[64];
    int port;
    pid_t pid; /* 0 when it does not run */
};

/* Both wait until it answers. */
void redis_server_start(struct redis_server *server);
/* After a kill: the same port, nothing remembered. */
void redis_server_restart(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
/* Kills it, if it runs, and removes the folder. */
void redis_server_stop(struct redis_server *server);

/* "redis://127.0.0.1:PORT/0", or rediss://HOST:PORT/0. */
const char *redis_server_url(struct redis_server *server, struct fx_scope *sc);
/* A file in the folder. */
const char *redis_server_file(struct redis_server *server, struct fx_scope *sc, const char *name);

/* Sends a command of at most 8 words over the socket, on a connection of its own; NULL ends it.
 * Stops the test when it fails. */
const struct fx_redis_reply *redis_server_ask(struct redis_server *server, struct fx_scope *sc,
                                              const char *word, ...) FX_SENTINEL;
/* Makes NAME.pem, a certificate that signs itself, and NAME.key. names as in "DNS:localhost". */
void redis_server_certificate(struct redis_server *server, const char *name, const char *names);

/* How often needle stands in a file of the folder. */
int redis_server_count_in(struct redis_server *server, const char *name, const char *needle);
