/* private.h - what the files of the sandbox share.
 *
 * One process plays three services on three loopback listeners: the page, the doors, Slack's Web
 * API and PagerDuty on `page`; AWS's endpoints on `aws`; the SNS signing certificate over TLS on
 * `tls`. All state is one world behind one mutex: a handler runs with it held, and gives it up only
 * inside sandbox_sleep. Slow and outgoing work is done by threads that lock the world briefly.
 */
#pragma once

#include "fluxabot/base/digest.h"
#include "fluxabot/base/json.h"
#include "fluxabot/base/log.h"
#include "fluxabot/http.h"

#include <pthread.h>

/* ---- core.c: options, the world, time ---- */

struct sandbox_options {
    const char *dir; /* CA, keys and the effects log are kept here */
    const char
        *bot_url; /* where Slack requests and SNS notifications go: "https://127.0.0.1:8443" */
    const char *bot_ca_file;  /* trusted for bot_url; NULL for the sandbox's own CA */
    const char *database_url; /* Fluxa's database for the stand-in processor; NULL: no processor */
    uint16_t page_port, aws_port, tls_port; /* 0: any free one */
    const char *ready_file; /* written when all listeners answer: JSON with the ports */
    const char *signing_secret, *bot_token; /* Slack's */
    const char *access_key, *secret_key;    /* the only ones AWS knows */
    int aws_delay_ms;                       /* every AWS call takes at least this long */
};

struct sandbox_aws;       /* aws_*.c */
struct sandbox_slack;     /* slack_*.c */
struct sandbox_pagerduty; /* pagerduty.c */
struct sandbox_faults;    /* faults.c */
struct sandbox_server;    /* server.c */

struct sandbox {
    struct sandbox_options options; /* the ports are the real ones once the server listens */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* broadcast when a message arrived somewhere, or stopping was set */
    struct fx_clock *clock;
    struct fx_random *random; /* one generator for everything, seeded by the world */
    struct fx_http *http;     /* to the bot */
    struct fx_log *log;
    struct fx_scope *scope; /* lives as long as the process; never grow it per request */
    bool stopping;
    int effects_fd; /* -1: not kept on disk */
    int64_t effects_seq;
    struct sandbox_faults *faults;
    struct sandbox_server *server;
    struct sandbox_aws *aws;
    struct sandbox_slack *slack;
    struct sandbox_pagerduty *pagerduty;
};

/* Builds everything, serves until SIGTERM or SIGINT; the exit code of the process. */
int sandbox_main(int argc, char **argv);

/* ---- wait.c: the lock, waiting, chance ---- */

void sandbox_lock_init(struct sandbox *sb);
void sandbox_lock(struct sandbox *sb);
void sandbox_unlock(struct sandbox *sb);
/* With the lock held: gives it up, waits, takes it again; returns early only when stopping. */
void sandbox_sleep(struct sandbox *sb, int64_t ms);
/* The same, but also returns when sandbox_notify was called. What was borrowed from the world
 * before may be gone afterwards: look it up again. */
void sandbox_wait(struct sandbox *sb, int64_t ms);
void sandbox_notify(struct sandbox *sb);

/* The same seed gives the same sequence. Static storage is not used; lives in sc. */
struct fx_random *sandbox_random_new(struct fx_scope *sc, uint64_t seed);
void sandbox_random_seed(struct fx_random *random, uint64_t seed);
uint64_t sandbox_random_next(struct fx_random *random);
/* 0 <= result < bound; bound > 0. */
uint64_t sandbox_random_below(struct fx_random *random, uint64_t bound);
/* True with probability rate. */
bool sandbox_random_chance(struct fx_random *random, double rate);

/* ---- ca.c: the sandbox's own certificates ---- */

/* Makes what is missing in dir: ca.pem, server.pem (127.0.0.1, localhost), sns.pem and their .key.
 */
enum fx_code sandbox_ca_ensure(const char *dir, struct fx_error *err);

/* ---- server.c: HTTP ---- */

enum sandbox_listener { SANDBOX_PAGE, SANDBOX_AWS, SANDBOX_TLS };

enum {
    SANDBOX_MAX_BODY_BYTES = 8 << 20,
    SANDBOX_MAX_HEADERS = 64,
    SANDBOX_MAX_CONNECTIONS = 512,
    SANDBOX_IDLE_TIMEOUT_S = 120,
};

/* Binds the three listeners and serves; a request waits for the lock. Fills in the ports. */
enum fx_code sandbox_server_start(struct sandbox *sb, struct fx_error *err);
void sandbox_server_stop(struct sandbox *sb);

struct sandbox_request {
    struct sandbox *sb;
    struct fx_scope *sc;
    enum sandbox_listener listener;
    const char *method, *path; /* path decoded, without the query */
    const char *raw_path;      /* as received */
    const char *raw_query;     /* as received, without '?'; "" when none */
    struct fx_slice body;
    const struct fx_http_header *headers; /* as received, in order */
    size_t headers_count;
    void *connection; /* libmicrohttpd's */
};

struct sandbox_reply {
    int status;
    const char *content_type;
    struct fx_slice body;
    struct fx_http_header headers[24]; /* name NULL ends the list */
    bool hang_up;                      /* close without answering: a fault */
};

/* Called with the world locked and *reply zeroed but for status 200. Fills *reply, whose body must
 * live in req->sc or be static. */
typedef void sandbox_handler_fn(struct sandbox_request *req, struct sandbox_reply *reply);

struct sandbox_route {
    enum sandbox_listener listener;
    const char *method;
    const char *path; /* exact, or a prefix when it ends in '*' */
    sandbox_handler_fn *handle;
};

/* The one table of routes, in routes.c; the first match wins. */
extern const struct sandbox_route sandbox_routes[];
extern const size_t sandbox_routes_count;

/* ---- reply.c: what handlers read and answer with ---- */

const char *sandbox_header(struct sandbox_request *req, const char *name); /* NULL when absent */
/* A member of the query string, decoded; NULL when absent. */
const char *sandbox_query(struct sandbox_request *req, const char *name);

void sandbox_reply_json(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                        struct fx_json *json);
void sandbox_reply_text(struct sandbox_reply *reply, int status, const char *content_type,
                        const char *text);
/* {"error": message} for the doors. */
void sandbox_reply_error(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                         const char *fmt, ...) FX_PRINTF(4, 5);
void sandbox_reply_header(struct sandbox_reply *reply, const char *name, const char *value);
/* The body as a JSON object, or NULL after having answered 400. */
struct fx_json *sandbox_body(struct sandbox_request *req, struct sandbox_reply *reply);

/* ---- effects.c: the truth tests compare with ---- */

/* Appends {seq,time,service,operation,resource,detail} in memory and to DIR/effects.jsonl (flushed
 * to the kernel before it returns): every changing call that reached a service. detail is copied.
 */
void sandbox_effect(struct sandbox *sb, const char *service, const char *operation,
                    const char *resource, const struct fx_json *detail);
enum fx_code sandbox_effects_open(struct sandbox *sb, struct fx_error *err);
void sandbox_effects_close(struct sandbox *sb);
sandbox_handler_fn sandbox_door_effects; /* GET /sandbox/effects[?since=SEQ] */

/* ---- faults.c: POST /sandbox/fault ---- */

enum sandbox_fault {
    SANDBOX_FAULT_NONE,
    SANDBOX_FAULT_THROTTLE,       /* "429": refused for now, in the service's own words */
    SANDBOX_FAULT_ERROR,          /* "5xx" */
    SANDBOX_FAULT_ERROR_AFTER,    /* "internal_error": Slack did it and says so; elsewhere a 5xx */
    SANDBOX_FAULT_TIMEOUT_BEFORE, /* "timeout_before": connection closed, nothing happened */
    SANDBOX_FAULT_TIMEOUT_AFTER,  /* "timeout_after": it happened, connection closed */
    SANDBOX_FAULT_SLOW,           /* "slow": 3 s longer */
    SANDBOX_FAULT_HELD,           /* "held": goes on when the fault is cleared */
    SANDBOX_FAULT_DENIED,         /* "denied": AccessDenied, missing_scope */
};

/* Which fault the next call of target suffers ("sqs", "sqs:SendMessageBatch", "slack",
 * "slack:chat.postMessage", "pagerduty", "logs", ...); counts it down. request is what the call
 * sends: a fault with "about" spoils only calls that have that text in it. */
enum sandbox_fault sandbox_fault_take(struct sandbox *sb, const char *service,
                                      const char *operation, struct fx_slice request);
/* The longer way of a call that is slow or held. Gives the lock up meanwhile: whatever the caller
 * found before may be gone. */
void sandbox_fault_wait(struct sandbox *sb, enum sandbox_fault fault, const char *service,
                        const char *operation);
sandbox_handler_fn sandbox_door_fault;
sandbox_handler_fn sandbox_door_bot; /* POST /sandbox/bot {"url"}: where the bot is from now on */

/* ---- aws ---- */

enum fx_code sandbox_aws_start(struct sandbox *sb, struct fx_error *err);
void sandbox_aws_stop(struct sandbox *sb);
sandbox_handler_fn sandbox_aws_handle; /* every request on the aws listener */
/* GET /sandbox/calls: [{service, operation, resource, identity, count}] of this world. */
sandbox_handler_fn sandbox_door_calls;
sandbox_handler_fn sandbox_tls_handle; /* GET the signing certificate */
sandbox_handler_fn sandbox_door_alarm; /* POST /sandbox/alarm */
sandbox_handler_fn sandbox_door_world; /* POST /sandbox/world */
sandbox_handler_fn
    sandbox_door_world_show; /* GET /sandbox/world: queues, alarms, outage, processed counts */
/* AWS's part of a new world; Slack and PagerDuty forget their messages too. */
void sandbox_slack_reset(struct sandbox *sb);
void sandbox_pagerduty_reset(struct sandbox *sb);

/* ---- slack ---- */

enum fx_code sandbox_slack_start(struct sandbox *sb, struct fx_error *err);
void sandbox_slack_stop(struct sandbox *sb);
/* {"post_per_minute","post_burst","update_per_minute","update_burst","scopes":[..],"token_revoked",
 * "clock_off_ms",
 * "people":{id:{flag}},"channels":{id:{flag}}}: NULL, or what is wrong with them. */
const char *sandbox_slack_configure(struct sandbox *sb, struct fx_scope *sc,
                                    const struct fx_json *options);
/* Something the page shows has changed. */
void sandbox_slack_touched(struct sandbox *sb);
sandbox_handler_fn sandbox_slack_api;         /* POST /slack/api/METHOD */
sandbox_handler_fn sandbox_slack_hook;        /* POST /slack/hooks/ID: response_url */
sandbox_handler_fn sandbox_door_command;      /* POST /sandbox/slack/command */
sandbox_handler_fn sandbox_door_click;        /* POST /sandbox/slack/click */
sandbox_handler_fn sandbox_door_submit;       /* POST /sandbox/slack/submit */
sandbox_handler_fn sandbox_door_messages;     /* GET /sandbox/slack/messages */
sandbox_handler_fn sandbox_door_private;      /* GET /sandbox/slack/private */
sandbox_handler_fn sandbox_door_people;       /* GET /sandbox/slack/people */
sandbox_handler_fn sandbox_door_slack_raw;    /* POST /sandbox/slack/raw: any request to the bot */
sandbox_handler_fn sandbox_door_slack_replay; /* POST /sandbox/slack/replay: the last one again */
sandbox_handler_fn
    sandbox_door_slack_options;          /* POST /sandbox/slack/options: pace, scopes, people */
sandbox_handler_fn sandbox_door_state;   /* GET /sandbox/state?since=N&user=U: for the page */
sandbox_handler_fn sandbox_slack_upload; /* POST /slack/upload/ID */
sandbox_handler_fn sandbox_slack_file;   /* GET /slack/files/ID */

/* ---- pagerduty ---- */

enum fx_code sandbox_pagerduty_start(struct sandbox *sb, struct fx_error *err);
sandbox_handler_fn sandbox_pagerduty_enqueue;      /* POST /pagerduty/v2/enqueue */
sandbox_handler_fn sandbox_door_pages;             /* GET /sandbox/pagerduty/pages */
sandbox_handler_fn sandbox_door_pagerduty_options; /* POST /sandbox/pagerduty/options */
struct fx_json *sandbox_pagerduty_pages(struct sandbox *sb, struct fx_scope *sc);
sandbox_handler_fn sandbox_pagerduty_decide; /* POST /pagerduty/incidents/KEY: its buttons */
sandbox_handler_fn
    sandbox_pagerduty_incident; /* GET /pagerduty/incidents/KEY: the page behind the link */

/* ---- page ---- */

sandbox_handler_fn sandbox_page_file; /* GET / and /static/...: embedded files */
