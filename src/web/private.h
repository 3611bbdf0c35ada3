/* private.h - what the files of the receiver share. */
#pragma once

#include "fluxabot/web.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct web_certificates;
struct web_watch;

struct web_listener {
    struct fx_web *web;
    struct MHD_Daemon *daemon; /* NULL: not started */
    struct web_watch *watch;
    bool admin;
};

struct fx_web {
    struct fx_web_options options;
    struct web_listener public, admin;
    struct fx_hmac_key **secrets; /* of options.signing_secrets */
    struct web_certificates *certificates;
    atomic_bool ready, stopping;
    atomic_size_t bodies_bytes; /* of the requests in hand */
    _Atomic int64_t room_at_ms; /* when to look again at what waits; see room.c */
    atomic_bool crowded;

    pthread_mutex_t hand_lock; /* guards what follows */
    pthread_cond_t hand_empty;
    size_t in_hand; /* requests on the public listener, from their headers to their answer */
};

/* One request in hand; it lies in its own scope. */
struct web_request {
    struct fx_web *web;
    struct web_listener *listener;
    struct fx_scope *sc;
    struct MHD_Connection *connection;
    const struct web_route *route;
    bool begun, counted, refused; /* refused: answered before its body came */
    bool crowded_out;             /* its body did not fit beside the others */
    struct fx_slice body;         /* once it has come whole, a zero follows it */
    char *buffer;                 /* one byte longer than buffer_size, and zero there */
    size_t buffer_size;
    size_t announced_bytes; /* Content-Length; 0: none */
    const char *raw_target; /* the request line's target, before decoding */
    int64_t now_ms;
};

struct web_answer {
    unsigned status;
    const char *content_type; /* NULL: text/plain */
    const char *text;         /* lives in the request's scope or is static */
};

typedef void web_route_fn(struct web_request *request, struct web_answer *answer);
/* FX_OK, or why this request is refused; the answer is filled then. */
typedef enum fx_code web_guard_fn(struct web_request *request, struct web_answer *answer,
                                  struct fx_error *err);

/* A route carries its guard, so no handler can forget it. */
struct web_route {
    const char *method, *path;
    web_guard_fn *guard;
    size_t max_body_bytes;
    web_route_fn *handle;
    bool admin;
};

/* ---- room.c ---- */
/* FX_ERR_UNAVAILABLE while FX_WEB_MAX_WAITING jobs wait. */
enum fx_code web_check_room(struct web_request *request, struct fx_error *err);
/* After something was stored. */
void web_look_for_room(struct web_request *request);

/* ---- routes.c ---- */
const struct web_route *web_find_route(const char *method, const char *raw_target, bool admin,
                                       bool *ret_path_known);

/* ---- guard.c ---- */
/* As libmicrohttpd hands them over: parts of the received bytes, each ended by a zero. */
struct web_line {
    const char *method, *url, *version;
};
/* What libmicrohttpd lets through and we do not: facts, and why, in guard.c. Fills in
 * announced_bytes. */
enum fx_code web_check_request(struct web_request *request, const struct web_line *line,
                               struct fx_error *err);

/* ---- layout.c ---- */
enum fx_code web_check_layout(struct web_request *request, const struct web_line *line,
                              struct fx_error *err);

/* ---- header.c ---- */
/* The one header of this name; NULL when absent or repeated. */
const char *web_header(struct web_request *request, const char *name);
int web_header_count(struct web_request *request, const char *name);

/* ---- request.c: libmicrohttpd's callbacks; context is a struct web_listener ---- */
void *web_request_new(void *context, const char *uri, struct MHD_Connection *connection);
enum MHD_Result web_request_handle(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *data, size_t *data_size, void **request_context);
void web_request_completed(void *context, struct MHD_Connection *connection, void **request_context,
                           enum MHD_RequestTerminationCode code);
/* Fills the answer; counts and logs why. */
void web_refuse(struct web_request *request, struct web_answer *answer, enum fx_metric metric,
                unsigned status, const struct fx_error *why);

/* ---- slack.c, sns.c, admin.c ---- */
web_guard_fn web_guard_slack, web_guard_none;
web_route_fn web_slack_command, web_slack_interaction, web_sns, web_health, web_ready, web_metrics;

/* ---- certificates.c ---- */
struct web_certificates *web_certificates_new(void);
void web_certificates_free(struct web_certificates *certificates);
/* NULL: nobody has fetched it yet. It lives at least as long as the request. */
enum fx_code web_find_certificate(struct web_request *request, const char *url,
                                  struct fx_sns_certificate **ret_certificate,
                                  struct fx_error *err);

/* ---- accept.c ---- */
/* Stores event and job. An answer of 503 is filled in when that fails. */
bool web_accept(struct web_request *request, struct fx_event *event, struct web_answer *answer,
                bool *ret_new);

/* ---- watch.c: whole-request deadlines ---- */
/* How many connections the daemon must let in for limit of them to be kept: those that are being
 * cut off take a moment to go. */
size_t web_watch_room(size_t limit);
struct web_watch *web_watch_new(struct fx_clock *clock, int64_t request_ms, size_t limit);
void web_watch_free(struct web_watch *watch);
void web_watch_connection(void *watch, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what);
/* The request has come whole: the time is ours now. */
void web_watch_received(struct web_watch *watch, struct MHD_Connection *connection);
/* A request of this connection has been answered: its time starts anew. */
void web_watch_completed(struct web_watch *watch, struct MHD_Connection *connection);
