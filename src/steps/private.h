/* private.h - what the step kinds share. */
#pragma once

#include "fluxabot/aws.h"
#include "fluxabot/http.h"
#include "fluxabot/sql.h"
#include "fluxabot/steps.h"

enum {
    SQS_BATCH = 10,          /* SQS takes ten entries a batch */
    DLQ_MAX_MESSAGES = 2000, /* how much of a queue one command looks at */
    DLQ_VISIBILITY_S = 30,   /* how long a look hides a message, unless the queue says otherwise */
    DLQ_LONG_POLL_S = 1,
    DLQ_EMPTY_RECEIVES = 3, /* a short poll may miss messages: so many empty answers mean "none" */
    DLQ_SAMPLES = 3,
};

extern const struct fx_step_kind step_aws, step_sql, step_insights, step_metric, step_wait,
    step_approval, step_run_newest, step_dlq_inspect, step_dlq_classify, step_dlq_redrive,
    step_dlq_verify, step_dlq_cancel, step_aws_change, step_sql_change, step_let, step_dns,
    step_tls_expiry, step_http_probe, step_s3_digest, step_net_path, step_lambda_env,
    step_logs_search, step_assert, step_checklist, step_link, step_run, step_dlq_quarantine,
    step_dlq_override, step_proof_keep, step_proof_find, step_incident, step_page,
    step_alarms_explain, step_redis;

enum fx_effect step_reads(const struct fx_json *params);
/* "sqs:GetQueueAttributes" under `operation` -> both halves; false without a colon. */
bool split_operation(struct fx_scope *sc, const struct fx_json *params, const char **ret_service,
                     const char **ret_operation);

/* ---- calls of AWS that several kinds make (struct fx_step_call) ---- */

/* clang-format off */
#define CALLS_OF_DEPTH {"sqs:GetQueueAttributes", "queue"}
#define CALLS_OF_EVIDENCE {"logs:StartQuery", "/dlq_evidence.log_groups"}, {"logs:GetQueryResults", NULL}
#define CALLS_OF_A_LOOK CALLS_OF_DEPTH, {"sqs:ListMessageMoveTasks", "queue"}, \
    {"sqs:ReceiveMessage", "queue"}, {"sqs:ChangeMessageVisibilityBatch", "queue"}, CALLS_OF_EVIDENCE
/* clang-format on */

/* ---- queue.c: a queue of system.yaml and its SQS calls ---- */

struct queue {
    const char *name; /* as AWS and people call it; system.yaml's key when the ARN tells none */
    const char *url, *arn;
    const char *source; /* name of the queue whose dead letters it holds; NULL */
    bool idempotent;    /* its consumer may see a message twice */
    int64_t visibility_s;
};

/* The named queue of ctx->system; FX_ERR_INPUT says what is missing. */
enum fx_code queue_find(const struct fx_step_context *ctx, const char *name,
                        struct queue *ret_queue, struct fx_error *err);
/* The dead-letter queue and the one its messages belong to: FX_ERR_DENIED unless that one sends its
 * dead letters there, FX_ERR_CONFLICT while a move task runs. */
enum fx_code queue_and_source(const struct fx_step_context *ctx, const char *name,
                              struct queue *ret_queue, struct queue *ret_source,
                              struct fx_error *err);
enum fx_code queue_call(const struct fx_step_context *ctx, const char *operation,
                        const struct fx_json *params, struct fx_json **ret_answer,
                        struct fx_error *err);

/* One of several calls of fx_aws_call_all; its answer will live in sc. */
struct fx_aws_one queue_one(struct fx_scope *sc, const char *operation,
                            const struct fx_json *params);

/* How a changing call ended that returned code and err; for end_effect. */
enum fx_ended call_ended(enum fx_code code, const struct fx_error *err);
/* What is recorded of one that was not obeyed. */
struct fx_json *call_outcome(struct fx_scope *sc, enum fx_ended ended, const char *message);

struct queue_depth {
    int64_t visible, in_flight, delayed;
    const char *dead_letter_target; /* of its RedrivePolicy; "" when none */
};
enum fx_code queue_depth(const struct fx_step_context *ctx, const struct queue *queue,
                         struct queue_depth *ret_depth, struct fx_error *err);
/* FX_ERR_CONFLICT while a move task of this queue runs. */
enum fx_code queue_refuse_running_task(const struct fx_step_context *ctx, const struct queue *queue,
                                       struct fx_error *err);

/* ---- peek.c: looking at dead letters ---- */

struct dead_letter {
    const char *id, *handle, *md5;
    struct fx_slice body;
    const struct fx_json *raw;             /* as SQS gave it; NULL after peek */
    const struct fx_json *json;            /* the body; NULL when it is not a JSON object */
    const char *event_id, *correlation_id; /* "" when the body has none */
    int64_t sent_ms, receives;
    const char *reference; /* under which key of S3 its payload lies; "" when it is in the body */
    bool differs;          /* the payload in the body does not have the hash that the body claims */
    /* filled by a look that shows them, see peek_note_fn */
    const struct fx_json *fields; /* name -> text; NULL */
    const char *source;           /* from which queue it came; NULL */
    const char *hash;             /* that the body claims; NULL */
    /* filled by classify */
    const struct fx_json *codes; /* evidence: error codes, derived and told */
    const struct fx_json *texts; /* evidence: error texts */
    const struct fx_json *class; /* the row of dlq_classes */
    const char *why;
};

struct letters {
    struct dead_letter *items;
    size_t count, capacity;
};

enum { PEEK_AT_ONCE = FX_HTTP_MAX_AT_ONCE }; /* looks */

/* Fills fields, source and hash while the body is at hand, in the scope of ctx. */
typedef void peek_note_fn(const struct fx_step_context *ctx, struct dead_letter *letter);

/* One ReceiveMessage of at most max; appends what was not there yet, and renews the handle of what
 * was. With max above SQS_BATCH several at once, which together ask for no more than max. */
enum fx_code peek_once(const struct fx_step_context *ctx, const struct queue *queue, size_t max,
                       int64_t wait_s, int64_t visibility_s, struct letters *letters,
                       size_t *ret_received, struct fx_error *err);
/* Its two halves, for who makes other calls at the same moment: the calls, PEEK_AT_ONCE at most,
 * whose answers will live in sc; and what came of them, but for the bodies, which letter_read_body
 * reads. brief: of SQS's own attributes only those that go with a message that is sent again. */
size_t peek_ask(struct fx_scope *sc, const struct queue *queue, size_t max, bool brief,
                int64_t wait_s, int64_t visibility_s, struct fx_aws_one *ret_calls);
void letter_read_body(struct fx_scope *sc, struct dead_letter *letter);
enum fx_code peek_take(struct fx_scope *sc, const struct queue *queue,
                       const struct fx_aws_one *calls, size_t count, struct letters *letters,
                       size_t *ret_received, struct fx_error *err);
/* Up to max distinct messages. Stops when it has as many as depth says and one more look finds
 * none, or after DLQ_EMPTY_RECEIVES empty answers. Of each message only what is understood is kept,
 * the evidence of its body and what note (NULL: nothing) says of it, but not the body itself: a
 * whole queue of them is large. */
enum fx_code peek(const struct fx_step_context *ctx, const struct queue *queue, int64_t depth,
                  size_t max, peek_note_fn *note, struct letters *ret_letters,
                  struct fx_error *err);
/* Makes them visible again; a handle that has expired meanwhile is no error. */
enum fx_code peek_release(const struct fx_step_context *ctx, const struct queue *queue,
                          const struct letters *letters, struct fx_error *err);
enum fx_code release_handles(const struct fx_step_context *ctx, const struct queue *queue,
                             const struct fx_json *handles, struct fx_error *err);
/* The calls for it, one for each SQS_BATCH of them in their order; how many. */
size_t release_ask(struct fx_scope *sc, const struct queue *queue, const struct fx_json *handles,
                   struct fx_aws_one *ret_calls);

/* ---- evidence.c, rules.c: why a message is dead ---- */

/* Gathers evidence (body and attributes, where peek has not; database; logs) and names each
 * message's class, which is not safe while it is locked for this queue. What could not be read is
 * told in *ret_gaps, and what has no cause stays Unknown. */
enum fx_code classify(const struct fx_step_context *ctx, const struct queue *queue,
                      struct letters *letters, struct fx_json **ret_gaps, struct fx_error *err);
/* dlq_classes, for as long as sc lives and in one thread: a pattern is compiled when it is needed
 * for the first time. */
struct rules;
struct rules *rules_new(struct fx_scope *sc, const struct fx_json *system);
/* From the body alone, for the last look before a message is sent: its class or NULL. */
const struct fx_json *classify_body(const struct fx_step_context *ctx, struct rules *rules,
                                    struct dead_letter *letter);
void evidence_of_body(const struct fx_step_context *ctx, struct dead_letter *letter);
/* What the database's row of an event tells. */
void evidence_of_row(const struct fx_step_context *ctx, struct dead_letter *letter,
                     const struct fx_json *row);
/* What the logs since from_ms tell of the messages that have no evidence yet. */
enum fx_code evidence_of_logs(const struct fx_step_context *ctx, struct letters *letters,
                              int64_t from_ms, struct fx_error *err);
const struct fx_json *rule_for(struct rules *rules, const struct dead_letter *letter);
/* "yes", "never", "after", "hold", "no need"; "locked" for one that came back. */
const char *class_retry(const struct fx_json *class);
const char *class_name(const struct fx_json *class);
bool class_is_safe(const struct fx_json *class);

/* The text of a member of a well-formed JSON object as its writer wrote it, without the blanks
 * between tokens: what producers hash. Numbers keep their digits, which parsing and printing would
 * not. */
struct fx_slice compact_member(struct fx_scope *sc, struct fx_slice object, const char *name);

/* Statuses of events in the database named by dlq_evidence: event id -> row. */
enum fx_code evidence_events(const struct fx_step_context *ctx, const struct fx_json *event_ids,
                             struct fx_json **ret_rows, struct fx_error *err);
/* The gates of the classes that are to be retried: FX_ERR_CONFLICT names the one that is not green.
 */
enum fx_code check_gates(const struct fx_step_context *ctx, const struct fx_json *classes,
                         const char **ret_text, struct fx_error *err);

/* ---- locks.c: a class that came back after a redrive is left alone for a while ---- */

/* For what a redrive that began at since_ms showed: looking at the same redrive again does not make
 * the lock longer. *ret_until_ms is when it ends. */
enum fx_code lock_class(const struct fx_step_context *ctx, const struct queue *queue,
                        const char *class, int64_t since_ms, int64_t lock_ms, int64_t *ret_until_ms,
                        struct fx_error *err);
/* *ret_until_ms is 0 when the class is not locked now. */
enum fx_code lock_find(const struct fx_step_context *ctx, const struct queue *queue,
                       const char *class, int64_t *ret_until_ms, struct fx_error *err);
/* FX_ERR_CONFLICT names one of the classes (an object's keys) that is locked. */
enum fx_code lock_refuse(const struct fx_step_context *ctx, const struct queue *queue,
                         const struct fx_json *classes, struct fx_error *err);

/* ---- proofs.c: what a look has shown, for a later run ---- */

/* *ret_proof {at, value} under this name; NULL when there is none. */
enum fx_code proof_recall(const struct fx_step_context *ctx, const char *name,
                          struct fx_json **ret_proof, struct fx_error *err);
/* A proof of the future is none: somebody has set a clock back. */
bool proof_is_fresh(const struct fx_json *proof, int64_t now_ms, int64_t within_ms);

/* ---- returns.c: what became of the messages that were redriven ---- */

struct returns {
    int64_t success, failed, pending;
    struct fx_json *came_back; /* object: class -> how many failed again of the cause they had */
    struct fx_json *events;    /* [{event_id, status, cause, was}] of those without success */
    bool told;                 /* the system names a database that knows */
    const char *unread;        /* why the logs could not be asked, so that some stay pending; "" */
};
/* Statuses alone, for a look that is often repeated. */
enum fx_code returns_count(const struct fx_step_context *ctx, const struct fx_json *messages,
                           int64_t since_ms, struct returns *ret, struct fx_error *err);
/* The same with causes, which also costs a log query. messages: [{event_id, correlation_id,
 * cause}]. Logs that cannot be read are no failure: *ret says so. */
enum fx_code returns_find(const struct fx_step_context *ctx, const struct fx_json *messages,
                          int64_t since_ms, struct returns *ret, struct fx_error *err);

/* ---- database.c ---- */

/* FX_ERR_INPUT when it is not configured for this environment. statement_timeout_ms 0: that of
 * fx_sql_open. Close it with fx_sql_close. */
enum fx_code database_open(const struct fx_step_context *ctx, const char *name,
                           int statement_timeout_ms, struct fx_sql **ret_sql, struct fx_error *err);

/* One that changes something: `changes: true` in system.yaml. FX_ERR_INPUT when it is no such
 * database, or has the connection string of one that only reads. */
enum fx_code database_open_change(const struct fx_step_context *ctx, const char *name,
                                  int statement_timeout_ms, int lock_timeout_ms,
                                  struct fx_sql **ret_sql, struct fx_error *err);
bool database_changes(const struct fx_json *system, const char *name);

struct fx_redis;

/* Marked with `kind: redis`. Only redis_database_open opens it, and the others never do. */
bool database_is_redis(const struct fx_json *system, const char *name);
/* As fx_redis_open. The connection string may end in ?sslrootcert=PATH, the CA that is trusted, as
 * PostgreSQL's may. Close it with fx_redis_close. */
enum fx_code redis_database_open(const struct fx_step_context *ctx, const char *name,
                                 int64_t timeout_ms, struct fx_redis **ret_redis,
                                 struct fx_error *err);

/* ---- insights.c ---- */

enum fx_code insights_start(const struct fx_step_context *ctx, const struct fx_json *groups,
                            const char *query, int64_t from_ms, int64_t to_ms,
                            const char **ret_query_id, struct fx_error *err);
/* *ret_rows is NULL while it runs. */
enum fx_code insights_poll(const struct fx_step_context *ctx, const char *query_id,
                           struct fx_json **ret_rows, struct fx_error *err);

/* ---- log_text.c: values in texts that CloudWatch Logs parses ---- */

/* Puts values for $1 to $9: a text in quotes, a number, or a list as ["a","b"]. FX_ERR_INPUT for a
 * text that is not made of letters, digits and . _ : = - alone. */
enum fx_code log_query_bind(struct fx_scope *sc, const char *query, const struct fx_json *values,
                            const char **ret_query, struct fx_error *err);
/* Of a runbook: no ${ } but variables, every $n has a value and stands outside quotes. */
enum fx_code log_query_check(const char *query, const struct fx_json *values, struct fx_error *err);
/* A filter pattern that every line with all of words fits, and perhaps others: log_holds tells
 * them apart. "" when only reading can tell. */
enum fx_code log_pattern(struct fx_scope *sc, const struct fx_json *words, const char **ret_pattern,
                         struct fx_error *err);
bool log_holds(struct fx_slice line, const struct fx_json *words);
/* `groups`, or the one of them that `only` names; FX_ERR_INPUT when it is none of them. */
enum fx_code log_groups_chosen(struct fx_scope *sc, const struct fx_json *params,
                               struct fx_json **ret_groups, struct fx_error *err);
/* Says what to do when AWS knows no such group; the code of err. */
enum fx_code log_group_explain(struct fx_error *err);

/* ---- census.c: plans over the value of a dlq.classify step ---- */

/* Whether word means this item: its id, its event's id, its cause, or "retryable". */
bool census_is_called(const struct fx_json *item, const char *word);
/* The first word of which that means no item; NULL. */
const char *census_find_unknown(const struct fx_json *which, const struct fx_json *items);
/* counts: an object, class -> how many. */
void census_count(struct fx_scope *sc, struct fx_json *counts, const char *class);
/* "25 SchemaValidation, 15 HashMismatch" */
const char *census_counts_text(struct fx_scope *sc, const struct fx_json *counts);
/* A row of a plan's facts, and of its calls. */
struct fx_json *plan_fact(struct fx_scope *sc, const char *name, const char *value);
struct fx_json *plan_call(struct fx_scope *sc, const char *operation, const char *resource,
                          int64_t count);

/* ---- redrive: plan.c chooses, selective.c and move_task.c do it ---- */

enum fx_code move_task_run(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err);
enum fx_code selective_run(const struct fx_step_context *ctx, const struct fx_json *params,
                           struct fx_step_result *ret_result, struct fx_error *err);

/* ---- hosts.c: what `dns`, `tls.expiry` and `http.probe` may call ---- */

/* A host or an address that the runbook or the configuration names: no ${ } but ${variables.name}.
 * what: the parameter's name, for the message. */
enum fx_code host_check(const struct fx_json *params, const char *what, struct fx_error *err);
/* No ${ } in it but ${variables.name}. */
bool only_variables(const char *text);
/* A name or a numeric IPv4 address. */
bool host_is_name(const char *text);
/* "public" or "private": whether addresses inside networks may be called. */
enum fx_code reach_check(const struct fx_json *params, struct fx_error *err);
enum fx_http_reach reach_of(const struct fx_json *params);
/* A wait of at most max_ms. */
enum fx_code wait_check(const struct fx_json *params, int64_t max_ms, struct fx_error *err);
/* {subject, issuer, starts, ends, days, trusted}; null when none was shown. */
struct fx_json *certificate_told(const struct fx_step_context *ctx,
                                 const struct fx_http_certificate *certificate, bool trusted);
