/* tls_server.h - a TLS server on 127.0.0.1 with a certificate of its own: openssl's. */
#pragma once

#include "support/test.h"

#include "fluxabot/base/scope.h"

#include <stdio.h>
#include <sys/types.h>

/* The certificate is for 127.0.0.1 and names its subject "probed". */
struct tls_server {
    char dir[32];
    const char *key, *certificate;
    pid_t pid;
    FILE *said;
    int port;
};

/* days: how long the certificate lasts, also backward. answers: HTTP, with a page of its own; else
 * it says what it is sent. */
void tls_server_start(struct tls_server *server, struct fx_scope *sc, const char *days,
                      bool answers);
/* Whether that was among what it was sent. */
bool tls_server_stop(struct tls_server *server, const char *sent);
