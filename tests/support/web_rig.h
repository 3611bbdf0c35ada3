/* web_rig.h - a real receiver on 127.0.0.1 with a real SQLite store, and a client that may
 * misbehave.
 *
 * Wall time belongs to the test and stands still; monotonic time is the machine's. Signatures are
 * made here with OpenSSL, independently of the module under test.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/web.h"

#include <stdatomic.h>

#define WEB_SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define WEB_OLD_SECRET "0000aaaa1111bbbb2222cccc3333dddd"
#define WEB_TEAM "T0FLUXA01"
#define WEB_TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"

enum { WEB_NOW_S = 1795252520 }; /* 2026-11-21T09:15:20Z */

struct web_clock {
    struct fx_clock clock;
    _Atomic int64_t wall_ms;
};

struct web_rig {
    char directory[64], url[96];
    struct fx_scope *sc; /* of the rig; test code takes fx_scope_new() for much work */
    struct web_clock clock;
    struct fx_store *store;
    struct fx_state *state;
    struct fx_metrics *metrics;
    struct fx_log *log;
    char *log_text; /* complete after fflush(log_stream) */
    size_t log_size;
    FILE *log_stream;
    struct fx_web_options options; /* to be changed before web_rig_start */
    struct fx_web *web;
};

/* Everything but the start. */
void web_rig_begin(struct web_rig *rig);
void web_rig_start(struct web_rig *rig);
void web_rig_stop(struct web_rig *rig);
/* Stops, closes the store, opens it again and starts. */
void web_rig_reopen(struct web_rig *rig);
void web_rig_end(struct web_rig *rig);
/* Events that wait to be handled. */
int64_t web_rig_stored(struct web_rig *rig);
/* The one stored event; fails unless there is exactly one. */
struct fx_event *web_rig_event(struct web_rig *rig);

/* ---- the client ---- */

enum { WEB_REPLY_MAX = 64 << 10 };

/* What came on a connection, up to its end. */
struct web_reply {
    int answers, status; /* status of the first; 0: none; 100 Continue is no answer */
    int worst;           /* the lowest status of all: below 300 when anything was accepted */
    bool closed;         /* by the server */
    size_t size;
    char text[WEB_REPLY_MAX + 1];
};

int web_connect(struct web_rig *rig, bool admin);
/* From 127.0.0.source, to stand for somebody else. */
int web_connect_from(struct web_rig *rig, bool admin, unsigned source);
/* Whether somebody listens there; the connection is closed again. */
bool web_can_connect(uint16_t port);
/* False when the server has closed. */
bool web_send(int socket, const char *bytes, size_t size);
/* Until the server closes, or wait_ms passed without a byte. Closes the socket. */
void web_receive(int socket, int wait_ms, struct web_reply *ret_reply);
/* One answer with Content-Length; the connection stays. */
void web_receive_one(int socket, int wait_ms, struct web_reply *ret_reply);
/* Whether the server closes the connection within wait_ms. */
bool web_closes(int socket, int wait_ms);
/* Nothing more will come from us. */
void web_end_sending(int socket);
/* connect, send, receive. */
void web_exchange(struct web_rig *rig, bool admin, const char *bytes, size_t size,
                  struct web_reply *ret_reply);
/* What stands after the empty line of the first answer. */
const char *web_body_of(const struct web_reply *reply);

/* ---- requests ---- */

/* The code of any text, in hex. */
char *web_slack_code(struct fx_scope *sc, const char *secret, const char *text, size_t size);
/* "v0=..." of body. */
char *web_slack_signature(struct fx_scope *sc, const char *secret, int64_t timestamp_s,
                          const char *body, size_t size);
/* A form of a slash command that nobody sent before. */
char *web_slack_command_body(struct fx_scope *sc, const char *team, const char *trigger,
                             const char *text);
/* A whole request with Connection: close; headers is "" or full lines. */
char *web_post(struct fx_scope *sc, const char *path, const char *headers, const char *body);
/* The two header lines of Slack for body, signed at the rig's time. */
char *web_slack_headers(struct web_rig *rig, struct fx_scope *sc, const char *body);
