/* step.h - what a step kind is. Types only.
 *
 * A step kind is one file and one row in steps/kinds.c. It gets its parameters as checked JSON, the
 * means to work with, and a host through which it makes intents durable; it cannot reach the store.
 * A step that would wait says so and is called again later with its checkpoint: nobody sleeps.
 */
#pragma once

#include "fluxabot/base/clock.h"
#include "fluxabot/base/effect.h"
#include "fluxabot/base/json.h"

struct fx_aws;
struct fx_http;

enum fx_param_type {
    FX_PARAM_TEXT,
    FX_PARAM_INT,
    FX_PARAM_BOOL,
    FX_PARAM_DURATION, /* "30s", "5m", "2h", "1d"; in milliseconds once filled */
    FX_PARAM_LIST,
    FX_PARAM_OBJECT,
    FX_PARAM_ANY,
    FX_PARAM_QUEUE,    /* a name under system.yaml's queues */
    FX_PARAM_DATABASE, /* a name under system.yaml's databases */
    FX_PARAM_STEP,     /* the id of a later step */
};

struct fx_step_param {
    const char *name;
    enum fx_param_type type;
    bool required;
    const char *fallback; /* JSON text; NULL: absent */
    const char *help;
};

enum fx_step_outcome {
    FX_STEP_DONE,   /* output is the step's value */
    FX_STEP_PARKED, /* call again at due_ms with checkpoint */
    /* Take the steps from the one that the kind's `again` parameter names on once more, then call
     * again with checkpoint. */
    FX_STEP_AGAIN,
    /* The outcome of a change is unknown: note is the question, output the evidence. With a
     * checkpoint the step is called again with it at due_ms, to look and to do nothing else. */
    FX_STEP_ASK,
};

struct fx_step_result {
    enum fx_step_outcome outcome;
    struct fx_json *output;
    struct fx_json *checkpoint;
    int64_t due_ms;
    const char *note;
};

struct fx_step_host;

/* What an earlier attempt of this step promised. */
struct fx_step_effect {
    const char *key;
    enum fx_known known;
    enum fx_next next; /* what the class of the step's kind permits now */
    int64_t begun_ms;  /* wall */
    const struct fx_json *what, *outcome;
};

/* How a call ended. */
enum fx_ended {
    FX_ENDED_FAILED, /* the other side refused it */
    FX_ENDED_DONE,
    FX_ENDED_UNKNOWN,  /* it was sent and nobody knows: not a failure */
    FX_ENDED_NOT_SENT, /* it did not leave this program, or was turned away for a moment: the key
                          may be begun anew */
};

/* One of several changes that are promised together, and that leave at the same moment. */
struct fx_step_promise {
    const char *key;
    const struct fx_json *what;
};

/* How one of several ended. */
struct fx_step_ending {
    const char *key;
    enum fx_ended ended;
    const struct fx_json *outcome;
};

/* A change is promised, sent at once and once, and its end recorded. Of a promise that is refused,
 * nothing was done: FX_ERR_CANCELED, the step is called again soon and reads its effects anew (the
 * claim is over, the key was begun before, a person pressed Stop); FX_ERR_DENIED, it must not be
 * done (changes are frozen, the approval is not given or too old). After a promise was given, a
 * changing call that comes too late is not sent (fx_scope_send_before). */
struct fx_step_host {
    /* Makes the intent durable before a change. */
    enum fx_code (*begin_effect)(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                 const struct fx_json *what, struct fx_error *err);
    /* The same for several at once: all of them are promised, or none is. */
    enum fx_code (*begin_effects)(struct fx_step_host *host, struct fx_scope *sc,
                                  const struct fx_step_promise *promises, size_t count,
                                  struct fx_error *err);
    /* The same for what ends a change of this run: neither Stop nor a freeze nor time forbids it.
     */
    enum fx_code (*begin_stop)(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                               const struct fx_json *what, struct fx_error *err);
    /* The same call again under the same key, for an effect whose next is FX_NEXT_REPEAT;
     * FX_ERR_DENIED for any other. */
    enum fx_code (*repeat_effect)(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                  struct fx_error *err);
    /* Also after the claim is over: the truth may always be told, once. FX_ERR_CANCELED: somebody
     * has told it before; it stands among the effects, and nothing is to be concluded here. */
    enum fx_code (*end_effect)(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                               enum fx_ended ended, const struct fx_json *outcome,
                               struct fx_error *err);
    /* The same for several at once. When it fails it is not known of any whether it was recorded.
     */
    enum fx_code (*end_effects)(struct fx_step_host *host, struct fx_scope *sc,
                                const struct fx_step_ending *endings, size_t count,
                                struct fx_error *err);
    enum fx_code (*effects)(struct fx_step_host *host, struct fx_scope *sc,
                            struct fx_step_effect **ret_effects, size_t *ret_count,
                            struct fx_error *err);
    /* Makes the checkpoint durable without parking. */
    enum fx_code (*checkpoint)(struct fx_step_host *host, struct fx_scope *sc,
                               const struct fx_json *checkpoint, struct fx_error *err);
    /* Shows how far it is: {"text", "done", "total", "fields":[{"name","value"}]}. Cheap, may be
     * dropped. */
    void (*progress)(struct fx_step_host *host, struct fx_scope *sc,
                     const struct fx_json *progress);
    /* True once a person pressed Stop. */
    bool (*stop_requested)(struct fx_step_host *host, struct fx_scope *sc);
    /* What must be known beyond this run, under a name of this system and environment. *ret_value
     * is NULL when nothing was ever kept there. */
    enum fx_code (*recall)(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err);
    enum fx_code (*remember)(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err);
    /* The newest run of this command, in this system and environment, that changed something; or
     * the run with this id, unless "". {"id", "requester", "approver", "state", "note", "started",
     * "values"}; NULL when there is none. */
    enum fx_code (*past_run)(struct fx_step_host *host, struct fx_scope *sc, const char *command,
                             const char *id, struct fx_json **ret_run, struct fx_error *err);
};

struct fx_step_context {
    struct fx_scope *sc;
    struct fx_clock *clock;
    struct fx_http *http;
    struct fx_aws *aws;
    const struct fx_json *system; /* system.yaml with this environment's variables filled in */
    const char *environment;
    /* The connection string of a named database of this environment; NULL when not configured. */
    const char *(*database_url)(const struct fx_step_context *ctx, const char *name);
    /* Which server, database and user such a string names, without its secrets; NULL likewise. */
    const char *(*database_place)(const struct fx_step_context *ctx, const char *name);
    void *owner;                      /* the engine's */
    const struct fx_json *checkpoint; /* NULL at the first call */
    const struct fx_json *plan;       /* the approved plan; NULL for reading steps */
    struct fx_step_host *host;        /* NULL while planning */
};

enum { FX_STEP_MAX_APPROVERS = 2 }; /* of one change */

/* A call of AWS that a kind makes by itself, for who writes the bot's policy. */
struct fx_step_call {
    const char *operation; /* "sqs:ReceiveMessage" */
    /* Where what it is made on stands: a parameter that names a queue ("queue"), the queue whose
     * dead letters that one holds ("queue.source"), a parameter or a path in system.yaml with names
     * of log groups ("groups", "/dlq_evidence.log_groups"), the function ("function"), the bucket
     * whose objects are read or written ("bucket") or that bucket ("bucket.itself"), the database
     * instances that gates of dlq_classes name ("gates"). NULL: AWS knows no resource for it. */
    const char *on;
};

struct fx_step_kind {
    const char *name, *summary;
    const struct fx_step_param *params;
    size_t params_count;
    const char *shorthand; /* the parameter that a bare scalar stands for: "aws: sqs:SendMessage" */
    const char *with;      /* the parameter that the step's `with:` stands for; NULL: none */
    /* A wait: the parameter with the id of the step from which on all is looked at anew; "" in it:
     * none. Where one stands, what the step was parked with is its value meanwhile. NULL: none. */
    const char *again;
    const struct fx_step_call *calls; /* beside the one that an `operation` parameter names */
    size_t calls_count;
    const char *const *closed; /* parameters that hold nothing that a person may have chosen */
    size_t closed_count;
    bool is_answered; /* its value is somebody else's words, never its own parameters again */
    bool is_approval; /* asks a person; the engine runs it itself */
    bool is_stop;     /* an emergency stop: changes something, and must not wait for an approver */
    /* `command` and `arguments` name another command of the system: the engine runs it itself. */
    bool is_call;
    bool is_checklist; /* its value is drawn with buttons, and who checked what is remembered */
    bool is_link;      /* its value, {text, url}, is a button of the card */
    /* Changes nothing but what this bot remembers and whom it wakes: an incident that is
     * acknowledged, a page. No approval is wanted, but a person who asks in Slack; the engine does
     * it, with the filled parameters that run puts out. */
    bool is_notice;
    const char *asks_before; /* what a button for it asks before; NULL: nothing */
    bool explains_alarms;    /* the engine adds to its value what is known of each alarm */
    /* run uses nothing of the context but sc, clock, http, aws and checkpoint, and nothing that is
     * short: several may run at once, each in a thread of its own, with no host. */
    bool is_parallel;
    /* Of these parameters, which may still hold templates. */
    enum fx_effect (*effect)(const struct fx_json *params);
    /* What types cannot say; NULL: nothing. Texts that are templates are taken to be right. */
    enum fx_code (*check)(struct fx_scope *sc, const struct fx_json *system,
                          const struct fx_json *params, struct fx_error *err);
    /* Changing kinds: resolves everything to the exact calls, changing nothing.
     * {"title": "redrive 60 of 100 messages", "summary": text, "facts": [{"name","value"}],
     * "calls": [{"operation", "resource", "count"}], "details": whatever run needs}. FX_ERR_DENIED:
     * must not be done, the message says why. A change that is taken back by itself adds
     * "rests_ms", how long after the decision its second call may be promised, and "takes_back":
     * {"key" of that call, "after_ms", "command" with which a person does it}; the promise of the
     * first call holds the latter, too. */
    enum fx_code (*plan)(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_json **ret_plan, struct fx_error *err);
    /* Changing kinds whose parameters do not say it all: where it is done, {"Account":
     * "111122223333, by default in eu-west-1"}. Shown with the plan, and compared before the first
     * run; so nothing in it may change by itself. NULL: the parameters and the configuration say
     * it. */
    enum fx_code (*where)(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err);
    /* Changing kinds, just before the first run: do the facts of ctx->plan still hold?
     * FX_ERR_CONFLICT: the message tells the difference. */
    enum fx_code (*confirm)(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_error *err);
    enum fx_code (*run)(const struct fx_step_context *ctx, const struct fx_json *params,
                        struct fx_step_result *ret_result, struct fx_error *err);
};

/* Checks params against the rows: names, types, required ones; fills in fallbacks and turns
 * durations into milliseconds. Texts that hold ${ } pass. FX_ERR_INPUT names the parameter. */
enum fx_code fx_step_fill_params(struct fx_scope *sc, const struct fx_step_kind *kind,
                                 const struct fx_json *params, struct fx_json **ret_params,
                                 struct fx_error *err);
/* "90s" and the like; FX_ERR_INPUT says what is allowed. */
enum fx_code fx_step_parse_duration(struct fx_slice text, int64_t *ret_ms, struct fx_error *err);
