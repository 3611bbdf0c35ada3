/* web.h - the receiver: verifies, stores, answers. It calls nobody and runs nothing.
 *
 * A 2xx is sent only after event and job are durable. Our own trouble is 503, never 4xx: SNS does
 * not repeat a 4xx. What is refused leaves a counter and a log line, nothing else, and its
 * connection is closed.
 */
#pragma once

#include "fluxabot/base/log.h"
#include "fluxabot/base/metrics.h"
#include "fluxabot/sns.h"
#include "fluxabot/state.h"
#include "fluxabot/store.h"

struct fx_web;

enum {
    FX_WEB_MAX_CONNECTIONS = 1024, /* one more, and who has been idle longest is cut off */
    FX_WEB_MAX_ADMIN_CONNECTIONS = 32,
    FX_WEB_MAX_PER_ADDRESS = 64,
    FX_WEB_REQUEST_MS = 10 * 1000, /* TLS, headers and body of one request, whatever trickles */
    FX_WEB_STORE_MS = 2 * 1000,    /* guard and commit: Slack gives up after 3 s */
    FX_WEB_STOP_MS = 5 * 1000,     /* open requests may finish that long */
    FX_WEB_ALIVE_MS = 2 * 1000,    /* a listener that answers nobody for so long hangs */
    FX_WEB_MAX_HEADER_BYTES = 16 << 10,
    FX_WEB_MAX_COMMAND_BYTES = 64 << 10,
    FX_WEB_MAX_INTERACTION_BYTES = 1 << 20,
    /* jobs that wait: beyond, notifications are told 503 with Retry-After, which SNS repeats. What
     * people ask is still taken. Looked at once in FX_WEB_ROOM_MS, so some more may come in. */
    FX_WEB_MAX_WAITING = 50000,
    FX_WEB_ROOM_MS = 1000,
    FX_WEB_MAX_BODIES_BYTES = 64 << 20, /* of all requests in hand together; then 503 */
};

struct fx_web_listener {
    const char *address;                   /* "127.0.0.1", "0.0.0.0", "::1", "::" */
    uint16_t port;                         /* 0: any free one */
    const char *certificate_pem, *key_pem; /* NULL: plain HTTP, which only a loopback address may */
};

/* What the pointers lead to must outlive the receiver. */
struct fx_web_options {
    struct fx_store *store;
    struct fx_state *state;
    struct fx_clock *clock;
    struct fx_random *random;
    struct fx_log *log;
    struct fx_metrics *metrics;
    const char *version;
    struct fx_web_listener listener;
    struct fx_web_listener admin; /* /healthz /readyz /metrics; port 0 with address NULL: none */
    const struct fx_slice *signing_secrets;
    size_t signing_secrets_count;
    const char *const *team_ids; /* requests of other teams are refused */
    size_t team_ids_count;
    const struct fx_sns_rules *sns_rules;
    int64_t request_ms; /* 0: FX_WEB_REQUEST_MS */
    /* 0: FX_WEB_MAX_PER_ADDRESS; on a loopback address no such limit, because there everybody comes
     * from the same proxy */
    unsigned max_per_address;
};

/* FX_ERR_INPUT names what is wrong with the options: no secret, no team, plain HTTP off loopback.
 * FX_ERR_UNAVAILABLE: the port is taken, or certificate and key are unreadable or do not fit each
 * other. The sockets are open and served when it returns FX_OK. */
enum fx_code fx_web_start(const struct fx_web_options *options, struct fx_web **ret_web,
                          struct fx_error *err);
/* Refuses new connections, finishes open requests for at most FX_WEB_STOP_MS; a new request on an
 * open connection is told 503. Accepts NULL. */
void fx_web_stop(struct fx_web *web);
/* The ports in use, also when 0 was asked for. */
uint16_t fx_web_port(const struct fx_web *web);
uint16_t fx_web_admin_port(const struct fx_web *web);
/* /readyz answers 503 until this was called with true. */
void fx_web_set_ready(struct fx_web *web, bool ready);
/* FX_OK when each listener takes a connection and closes it; it is tried. FX_ERR_TIMEOUT names one
 * that hangs. */
enum fx_code fx_web_alive(struct fx_web *web, struct fx_error *err);
