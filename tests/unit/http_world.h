/* http_world.h - the outgoing exchange and one real server on 127.0.0.1 that it asks. */
#pragma once

#include "support/loopback.h"

#include "fluxabot/http.h"

struct http_world {
    struct fx_http *http;
    struct fx_scope *sc;
    struct loopback server;
    struct fx_http_request request; /* to be changed before a call */
    struct fx_http_reply *reply;    /* of the last call */
    struct fx_error err;
    int64_t started_ms;
};

/* answer is for those serve functions that send it, else NULL. The request asks this server. */
void http_world_begin(struct http_world *w, void (*serve)(struct loopback *, int),
                      const char *answer);
void http_world_end(struct http_world *w);
enum fx_code http_world_call(struct http_world *w);

/* ---- manners ---- */

#define HTTP_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* Each request of a connection. */
void http_answer_all(struct loopback *server, int conn);
/* The first request of a connection, which ends then. */
void http_answer_one(struct loopback *server, int conn);
void http_answer_never(struct loopback *server, int conn);
