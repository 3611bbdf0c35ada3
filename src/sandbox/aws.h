/* aws.h - what the files that play AWS share.
 *
 * An operation is written once, from JSON to JSON; aws_json.c and aws_query.c carry it over the two
 * wire protocols. Everything a world holds lives in aws->world and ends with it, except messages
 * and log events, which come and go: each owns a scope. All of it is used with the world locked.
 */
#pragma once

#include "private.h"

#include "fluxabot/base/buf.h"

#include <openssl/evp.h>

#define AWS_ACCOUNT "123456789012"
#define AWS_REGION "us-east-1"
#define AWS_ALARM_TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"

/* ---- aws.c: calls ---- */

enum aws_protocol { AWS_JSON_1_0, AWS_JSON_1_1, AWS_QUERY, AWS_REST_JSON, AWS_REST_XML };

struct aws_failure {
    int status;       /* 0: the call succeeded */
    const char *type; /* JSON's __type, after '#' */
    const char *code; /* the query protocol's word */
    const char *message;
};

struct aws_call {
    struct sandbox *sb;
    struct sandbox_aws *aws;
    struct fx_scope *sc;
    const struct aws_service *service;
    const char *operation;
    enum aws_protocol protocol;
    struct fx_json *input; /* an object */
    const char *request_id;
    const char *host; /* as the caller named us: queue URLs repeat it */
    const char *path;
    const char *identity; /* ARN of the caller */
    int rest_status;      /* of a REST operation that succeeds */
    struct aws_failure failure;
    struct sandbox_reply *reply; /* REST: headers and bytes go into it */
};

/* The output object, or NULL after aws_fail. */
typedef struct fx_json *aws_operation_fn(struct aws_call *call);

struct aws_operation {
    const char *name;
    aws_operation_fn *handle;
};

enum aws_xml_form { AWS_XML_FLAT_LIST, AWS_XML_LIST, AWS_XML_FLAT_MAP };

/* How a member is written in XML when it is not a list of <member>. */
struct aws_xml_shape {
    const char *operation; /* NULL: in all */
    const char *key;
    enum aws_xml_form form;
    const char *element;
};

/* How a query parameter is called in JSON: "AttributeName.1" is AttributeNames[0]. */
struct aws_query_name {
    const char *query, *json;
    bool map; /* a list of Name and Value becomes an object */
};

/* How a REST operation is addressed: "/2015-03-31/functions/{FunctionName}/policy". What stands
 * after a '?' has to be in the query. */
struct aws_rest_route {
    const char *method, *pattern, *operation;
    int status;
};

struct aws_service {
    const char *name;    /* in faults and effects: "cloudwatch" */
    const char *signing; /* "monitoring" */
    const char *target;  /* "GraniteServiceVersion20100801", NULL: no JSON */
    enum aws_protocol json;
    const char *xml_namespace; /* NULL: no query protocol */
    const char *error_prefix;  /* of __type: "com.amazonaws.sqs" */
    bool query_compatible;     /* old codes in x-amzn-query-error */
    bool ec2;                  /* query as EC2 speaks it: lists of <item>, no element around */
    const struct aws_operation *operations;
    size_t operations_count;
    const struct aws_xml_shape *shapes;
    size_t shapes_count;
    const struct aws_query_name *names;
    size_t names_count;
    const struct aws_rest_route *routes; /* NULL: no REST protocol */
    size_t routes_count;
};

extern const struct aws_service aws_service_sqs, aws_service_cloudwatch, aws_service_logs,
    aws_service_sns, aws_service_sts, aws_service_rds;
extern const struct aws_service aws_service_lambda, aws_service_cloudtrail, aws_service_iam;
extern const struct aws_service aws_service_s3, aws_service_ec2, aws_service_health;

/* Records the failure; NULL, so that an operation can return it. code NULL: as type. */
struct fx_json *aws_fail(struct aws_call *call, int status, const char *type, const char *code,
                         const char *fmt, ...) FX_PRINTF(5, 6);
/* Numbers and booleans come as text in the query protocol. */
int64_t aws_input_int(const struct fx_json *input, const char *key, int64_t fallback);
bool aws_input_bool(const struct fx_json *input, const char *key, bool fallback);
/* Epoch seconds or ISO text, as milliseconds. */
int64_t aws_input_time(const struct fx_json *input, const char *key, int64_t fallback_ms);
/* A moment as the call's protocol writes it. */
struct fx_json *aws_time(const struct aws_call *call, int64_t wall_ms);
/* The one text of key, or "". */
const char *aws_input_text(const struct fx_json *input, const char *key);
bool aws_list_has(const struct fx_json *list, const char *text);

/* ---- aws_json.c, aws_query.c: the two wire protocols ---- */

bool aws_json_read(struct aws_call *call, struct fx_slice body);
void aws_json_write(struct aws_call *call, const struct fx_json *output,
                    struct sandbox_reply *reply);
void aws_json_write_failure(struct aws_call *call, struct sandbox_reply *reply);

/* The form as nested JSON, before the service's names are known; NULL when it is not a form. */
struct fx_json *aws_query_parse(struct fx_scope *sc, struct fx_slice form);
void aws_query_rename(struct aws_call *call);
void aws_query_write(struct aws_call *call, const struct fx_json *output,
                     struct sandbox_reply *reply);
void aws_query_write_failure(struct aws_call *call, struct sandbox_reply *reply);
/* A value as XML, its lists as the service's shapes say. */
void aws_xml_add(const struct aws_call *call, struct fx_buf *buf, const char *element,
                 const struct fx_json *value);

/* ---- aws_rest.c: the service is known by the signature, the operation by the path ---- */

/* Labels, query and body become the input. */
bool aws_rest_read(struct aws_call *call, const struct sandbox_request *req);
void aws_rest_write(struct aws_call *call, const struct fx_json *output,
                    struct sandbox_reply *reply);
void aws_rest_write_failure(struct aws_call *call, struct sandbox_reply *reply);

/* ---- cloudwatch_alarms.c, cloudwatch_metrics.c, metric_math.c ---- */

/* What one minute saw of one metric. */
struct metric_point {
    double sum, min, max;
    int64_t samples; /* 0: nothing was seen */
};

struct cloudwatch_alarm {
    struct cloudwatch_alarm *next;
    const char *name, *arn;
    bool composite;
    struct fx_json *definition; /* as DescribeAlarms shows it, without the state */
    char state[24];
    struct fx_scope *reason_scope; /* the texts below, replaced with each change */
    const char *reason, *reason_data;
    int64_t updated_ms, transitioned_ms;
};

/* An item of the history; it outlives its alarm. */
struct cloudwatch_change {
    struct cloudwatch_change *next; /* newest first */
    struct fx_scope *sc;
    const char *alarm, *type, *summary, *data;
    bool composite;
    int64_t time_ms;
};

struct cloudwatch_metric {
    struct cloudwatch_metric *next;
    const char *space, *name;
    struct fx_json *dimensions; /* {name: value} */
    struct fx_json *values;     /* one a minute; the last one is last_minute's */
    int64_t last_minute;
    double constant; /* when values is NULL */
};

enum { CLOUDWATCH_MAX_ALARMS = 20000, CLOUDWATCH_MAX_CHANGES = 2000, CLOUDWATCH_MAX_POINTS = 1440 };

struct cloudwatch_alarm *cloudwatch_find(struct sandbox_aws *aws, const char *name);
/* definition is copied; state OK until it is set. */
struct cloudwatch_alarm *cloudwatch_alarm_new(struct sandbox_aws *aws, const char *name,
                                              const struct fx_json *definition);
/* True when the state changed. */
bool cloudwatch_set_state(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm,
                          const char *state, const char *reason, const char *reason_data);
/* The same, a while ago. */
bool cloudwatch_set_state_at(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm,
                             const char *state, const char *reason, const char *reason_data,
                             int64_t at_ms);
/* What is left is its history, which says so. */
void cloudwatch_delete(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm, int64_t at_ms);
/* The same, and CloudWatch's actions follow a change. */
void cloudwatch_change(struct sandbox_aws *aws, struct cloudwatch_alarm *alarm, const char *state,
                       const char *reason, const char *reason_data);
/* The default alarms of Fluxa. */
void cloudwatch_default_alarms(struct sandbox_aws *aws);
/* With "alarms": "follow": the depth alarm does what CloudWatch would. */
void cloudwatch_follow(struct sandbox_aws *aws);
/* What CloudWatch writes into Message for this alarm's present state. */
struct fx_json *cloudwatch_alarm_message(struct fx_scope *sc, const struct cloudwatch_alarm *alarm,
                                         const char *old_state);

/* One point of a metric over [from, to) minutes; samples 0 when nothing was seen. */
struct metric_point cloudwatch_points(struct sandbox_aws *aws, const char *space, const char *name,
                                      const struct fx_json *dimensions, int64_t from_minute,
                                      int64_t to_minute);
/* "Average", "Sum", "p99", ... of a point. */
double cloudwatch_statistic(const struct metric_point *point, const char *statistic);
/* "Sum", "p95" and the like. */
bool cloudwatch_is_statistic(const char *statistic);
aws_operation_fn cloudwatch_get_metric_data, cloudwatch_get_metric_statistics,
    cloudwatch_list_metrics;

/* A value per id of the query, by lookup; false when an id has none. */
typedef bool metric_lookup_fn(void *context, struct fx_slice id, double *ret_value);
enum metric_math { METRIC_MATH_OK, METRIC_MATH_MISSING, METRIC_MATH_MALFORMED };
/* + - * / ( ), numbers, ids, and FILL(id, number) read as the id or the number. */
enum metric_math metric_math(const char *expression, metric_lookup_fn *lookup, void *context,
                             double *ret_value);

/* ---- logs_groups.c, logs_*.c (logs.h), insights_*.c ---- */

enum { LOGS_MAX_EVENTS = 50000, LOGS_MAX_QUERIES = 100, LOGS_MAX_GROUPS = 50 };

struct logs_event {
    struct logs_event *next, *previous;
    struct fx_scope *sc;
    int64_t time_ms, ingested_ms;
    const char *id, *stream, *message;
};

struct logs_group {
    struct logs_group *next;
    const char *name;
    int64_t created_ms;
    size_t count;
    struct logs_event *first, *last; /* by time */
};

struct logs_group *logs_find(struct sandbox_aws *aws, const char *name);
struct logs_group *logs_group_new(struct sandbox_aws *aws, const char *name);
void logs_put(struct sandbox_aws *aws, const char *group, const char *stream, int64_t time_ms,
              const char *message);
void logs_clear(struct logs_group *group);

struct insights_query; /* parsed; lives in its scope */
/* NULL, and AWS's sentence in *ret_message, when the text is not understood. */
struct insights_query *insights_parse(struct fx_scope *sc, const char *text,
                                      const char **ret_message);
struct insights_result {
    struct fx_json *rows; /* [[{field, value}...]...] */
    int64_t matched, scanned, bytes;
};
/* groups are names; from and to are inclusive milliseconds. */
struct insights_result insights_run(struct sandbox_aws *aws, struct fx_scope *sc,
                                    const struct insights_query *query,
                                    const struct fx_json *groups, int64_t from_ms, int64_t to_ms,
                                    int64_t limit);

struct logs_query {
    struct logs_query *next;
    struct fx_scope *sc;
    const char *id;
    const struct insights_query *parsed;
    struct fx_json *groups;
    int64_t from_ms, to_ms, limit;
    int64_t started_mono_ms;
    bool stopped;
};

/* ---- sns.c, sns_deliver.c, alarm_door.c ---- */

enum {
    SNS_RETRIES = 3,
    SNS_RETRY_DELAY_MS = 20000,
    SNS_TIMEOUT_MS = 15000,
    SNS_MAX_PENDING = 20000,
    SNS_CERTIFICATE_NAME_MAX = 80,
};

struct sns_envelope {
    const char *type; /* "Notification", "SubscriptionConfirmation" */
    const char *message_id;
    const char *topic_arn, *subject, *message, *timestamp;
    const char *token;   /* confirmations only */
    const char *version; /* "1" or "2" */
};

struct sns_delivery {
    struct sns_delivery *next; /* by due time */
    struct fx_scope *sc;
    const char *type, *message_id, *topic_arn, *body;
    int64_t due_mono_ms;
    int attempts;
};

struct sns_state {
    EVP_PKEY *key;
    const char *certificate; /* PEM */
    char certificate_path[SNS_CERTIFICATE_NAME_MAX];
    const char *version;
    int64_t retries, retry_delay_ms;
    bool pending_confirmation;
    char token[72];
    struct sns_delivery *pending;
    size_t pending_count;
    int64_t delivered, failed, lost;
};

enum fx_code sns_load(struct sandbox_aws *aws, struct fx_error *err);
/* The signed JSON. Needs no lock: reads only what never changes. */
const char *sns_sign(struct sandbox_aws *aws, struct fx_scope *sc,
                     const struct sns_envelope *envelope);
/* Signs and queues; the delivery thread sends and repeats. */
void sns_publish(struct sandbox_aws *aws, const struct sns_envelope *envelope);
/* Gives the lock up while the bot answers; the HTTP status, 0 when there was none. A failure is
 * repeated by the delivery thread as SNS would. */
int sns_deliver_now(struct sandbox_aws *aws, struct fx_scope *sc,
                    const struct sns_envelope *envelope, const char **ret_problem);
const char *sns_message_id(struct fx_scope *sc);
void sns_ask_confirmation(struct sandbox_aws *aws);
void sns_drop_pending(struct sandbox_aws *aws);
/* What the delivery thread runs. */
void *sns_thread(void *aws);

/* ---- processor.c ---- */

struct processor_state {
    int64_t succeeded, failed, duplicates;
    bool paused; /* while a world is being built */
    bool busy;   /* between receiving and settling */
};

void *processor_thread(void *aws);
/* Makes Fluxa's tables where they are missing and puts the rows of a new world into them. */
enum fx_code processor_fill_database(struct sandbox_aws *aws, struct fx_scope *sc,
                                     struct fx_json *rows, struct fx_error *err);

/* Fluxa's database runs with it from now on; NULL: with its own again. Both are texts of ours:
 * numbers and names. */
void processor_set_parameter(struct sandbox_aws *aws, struct fx_scope *sc, const char *name,
                             const char *value);

/* ---- world.c, world_messages.c ---- */

enum { WORLD_MAX_MESSAGES = 20000 };

struct world_plan {
    uint64_t seed;
    int64_t connection_errors, schema_errors, hash_mismatches;
    int64_t visibility_s, max_receive_count;
};

struct world_plan world_default_plan(uint64_t seed);
/* Forgets everything and builds the default world; rows for the database come back in sc. */
void world_build(struct sandbox_aws *aws, const struct world_plan *plan, struct fx_scope *sc,
                 struct fx_json **ret_rows);
void world_clear(struct sandbox_aws *aws);
/* The DLQ's messages, with logs and rows. */
void world_messages(struct sandbox_aws *aws, const struct world_plan *plan, struct fx_scope *sc,
                    struct fx_json *rows);

/* ---- lambda_*.c, cloudtrail.c, iam.c ---- */

struct lambda_state;     /* lambda.h */
struct cloudtrail_state; /* cloudtrail.c */
struct iam_state;        /* iam.c */

/* Their part of the default world. */
void lambda_world(struct sandbox_aws *aws);
void cloudtrail_world(struct sandbox_aws *aws);
void iam_world(struct sandbox_aws *aws);
/* The members of POST /sandbox/world that are theirs; NULL, or what is wrong with them. */
const char *lambda_change(struct sandbox_aws *aws, struct fx_scope *sc, const struct fx_json *body);
const char *cloudtrail_change(struct sandbox_aws *aws, const struct fx_json *body);
const char *iam_change(struct sandbox_aws *aws, const struct fx_json *body);
/* Whether a mapping that is on reads the queue, and its function may run. */
bool lambda_consumes(struct sandbox_aws *aws, const char *queue_arn);

/* ---- the state ---- */

struct sqs_queue; /* sqs.h */
struct sqs_task;

enum { AWS_THREADS = 3 };

struct sandbox_aws {
    struct sandbox *sb;
    struct fx_scope *world;
    uint64_t seed;
    int64_t serial;           /* never goes back: old receipts match nothing */
    int64_t worlds;           /* how many there have been */
    struct aws_called *calls; /* calls.c; lives in world */
    size_t calls_count;
    double short_receives;     /* how often a receive returns fewer than it could */
    bool outage;               /* Fluxa's database does not answer */
    const char *outage_status; /* what RDS says meanwhile */
    bool alarms_follow;
    struct sqs_queue *queues;
    size_t queues_count;
    struct sqs_task *tasks;
    struct cloudwatch_alarm *alarms;
    size_t alarms_count;
    struct cloudwatch_change *changes;
    struct cloudwatch_metric *metrics;
    int64_t metric_page;             /* data points of a GetMetricData page; 0: AWS's own */
    struct fx_json *metric_statuses; /* metric name -> StatusCode of its result; NULL */
    struct logs_group *groups;
    struct logs_query *queries;
    struct lambda_state *lambda;
    struct cloudtrail_state *cloudtrail;
    struct iam_state *iam;

    struct fx_json *documents; /* service -> what it holds */
    int64_t logs_page;         /* events that one FilterLogEvents reads; 0: AWS's 10,000 */
    struct sns_state sns;
    struct processor_state processor;
    pthread_t threads[AWS_THREADS];
    size_t threads_count;
};
