/* private.h - what the files of aws share: the table's rows and the stages of a call. */
#pragma once

#include "fluxabot/aws.h"
#include "fluxabot/base/buf.h"

#include <pthread.h>

enum {
    AWS_MAX_PARAMS_BYTES = 2 << 20, /* SQS takes 1 MiB, which JSON escaping may enlarge */
    AWS_MAX_PROFILE_BYTES = 256 << 10,
    AWS_XML_MAX_DEPTH = 48,
    AWS_XML_MAX_NODES = 200000,
    AWS_MAX_SERVICES = 64,
    AWS_MAX_REGION = 32,
    AWS_MAX_PATH = 200, /* of a parameter's path in a message */
};

/* ---- the table (table_data.c is generated) ---- */

enum aws_type {
    AWS_STRING,
    AWS_INTEGER,
    AWS_FLOAT,
    AWS_BOOLEAN,
    AWS_TIMESTAMP,
    AWS_BLOB,
    AWS_STRUCTURE,
    AWS_LIST,
    AWS_MAP,
};

struct aws_shape {
    enum aws_type type;
    bool flattened;        /* query: items stand without an element around them */
    uint16_t first, count; /* a structure's rows of aws_members */
    uint16_t item;         /* shape of a list's items or a map's values */
    const char *item_name; /* query: "member"; of a map: "value" */
    const char *key_name;
};

struct aws_member {
    const char *name, *wire;
    uint16_t shape;
    bool required;
};

enum aws_protocol { AWS_PROTOCOL_JSON, AWS_PROTOCOL_QUERY };

struct aws_service {
    const char *name;         /* as runbooks write it */
    const char *id;           /* as in AWS_ENDPOINT_URL_<ID> */
    const char *host;         /* first label of the host name */
    const char *signing_name; /* in the credential scope */
    const char *iam_prefix;
    enum aws_protocol protocol;
    const char *version; /* of JSON, or of the query API */
    const char *target;  /* JSON: prefix of X-Amz-Target */
};

struct aws_operation {
    const struct aws_service *service;
    const char *name;
    enum fx_effect effect;
    const char *iam_action, *method, *uri;
    uint16_t input, output; /* shapes; output 0 where the answer explains itself */
    const char *wrapper;    /* query: element around the answer, or NULL */
};

extern const struct aws_shape aws_shapes[];
extern const struct aws_member aws_members[];
extern const struct aws_service aws_services[];
extern const size_t aws_services_count;
extern const struct aws_operation aws_operations[];
extern const size_t aws_operations_count;

/* NULL when absent. */
const struct aws_operation *aws_operation_find(const char *service, const char *operation);
const struct aws_member *aws_member_find(const struct aws_shape *shape, const char *name);

/* ---- parameters ---- */

/* With templates, a string that holds "${" passes for every type. */
enum fx_code aws_params_check(const struct aws_operation *operation, const struct fx_json *params,
                              bool templates, struct fx_error *err);
/* A timestamp parameter: seconds since 1970 or text like 2026-11-21T09:15:04Z. */
enum fx_code aws_timestamp_read(const struct fx_json *value, int64_t *ret_wall_ms,
                                struct fx_error *err);

/* ---- where a call goes ---- */

struct aws_profile; /* ~/.aws/config and ~/.aws/credentials, read once */

struct aws_settings {
    struct fx_http *http;
    struct fx_clock *clock;
    struct fx_random *random;
    const char *(*getenv)(const char *name);
    const char *region, *endpoint_url; /* as configured, NULL when not */
};

struct aws_endpoint {
    const char *url;    /* "https://sqs.us-east-1.amazonaws.com/" with the operation's path */
    const char *host;   /* as the Host header has it */
    const char *path;   /* of url */
    const char *region; /* for the signature */
};

enum fx_code aws_endpoint_find(struct fx_scope *sc, const struct aws_settings *settings,
                               const struct aws_operation *operation,
                               const struct fx_aws_call *call, struct aws_endpoint *ret_endpoint,
                               struct fx_error *err);
/* The region by settings, environment and profile; NULL when nobody says. */
const char *aws_region_default(struct fx_scope *sc, const struct aws_settings *settings);

/* key of the chosen profile, from the credentials file when credentials, else from the config
 * file; *ret_value is NULL when absent. FX_ERR_INPUT when a chosen file is unreadable. */
enum fx_code aws_profile_get(struct fx_scope *sc, const struct aws_settings *settings,
                             bool credentials, const char *key, const char **ret_value,
                             struct fx_error *err);
const char *aws_profile_name(const struct aws_settings *settings);

/* ---- credentials ---- */

/* A source lives in sc; settings outlive it. */
typedef struct fx_aws_source *aws_source_new_fn(struct fx_scope *sc,
                                                const struct aws_settings *settings);
aws_source_new_fn aws_source_environment_new, aws_source_file_new, aws_source_chain_new;
/* Takes inner, closes it with itself. */
struct fx_aws_source *aws_source_cached_new(struct fx_scope *sc,
                                            const struct aws_settings *settings,
                                            struct fx_aws_source *inner);

/* ---- wire protocols ---- */

struct aws_wire {
    const char *content_type;
    const char *target; /* X-Amz-Target, or NULL */
    struct fx_slice body;
};

/* What AWS says when it refuses. Members are "" when unknown. */
struct aws_fault {
    int status;
    const char *code, *message, *request_id;
};

struct aws_protocol_ops {
    enum fx_code (*write)(struct fx_scope *sc, const struct aws_operation *operation,
                          const struct fx_json *params, struct aws_wire *ret_wire,
                          struct fx_error *err);
    enum fx_code (*read)(struct fx_scope *sc, const struct aws_operation *operation,
                         const struct fx_http_reply *reply, struct fx_json **ret_answer,
                         struct fx_error *err);
    void (*read_fault)(struct fx_scope *sc, const struct fx_http_reply *reply,
                       struct aws_fault *ret_fault);
};
extern const struct aws_protocol_ops aws_protocol_json, aws_protocol_query;

struct aws_xml {
    const char *name;
    struct fx_slice text; /* of this element alone */
    struct aws_xml *first, *next;
};
/* Without entities of its own, without DTD, within the limits above. */
enum fx_code aws_xml_parse(struct fx_scope *sc, struct fx_slice text, struct aws_xml **ret_root,
                           struct fx_error *err);
const struct aws_xml *aws_xml_child(const struct aws_xml *parent, const char *name);
/* The first element of that name at any depth. */
const struct aws_xml *aws_xml_descendant(const struct aws_xml *root, const char *name);

/* ---- when it fails ---- */

enum aws_trouble { AWS_TROUBLE_FINAL, AWS_TROUBLE_TRANSIENT, AWS_TROUBLE_THROTTLED };

/* Turns a refusal into an error for people; err->sent is true when the call may have been obeyed.
 */
enum fx_code aws_fault_fail(struct fx_scope *sc, const struct aws_operation *operation,
                            const struct aws_fault *fault, struct fx_error *err);
enum aws_trouble aws_fault_trouble(const struct aws_fault *fault);

enum { AWS_BUCKET_TOKENS = 500, AWS_MAX_ATTEMPTS = 3 };

/* Tokens that retries cost, so that a failing service is not stormed. */
struct aws_bucket {
    pthread_mutex_t lock;
    int tokens;
};
void aws_bucket_init(struct aws_bucket *bucket);
/* The cost of a retry after trouble, or 0 when the bucket is too empty. */
int aws_bucket_take(struct aws_bucket *bucket, enum aws_trouble trouble);
/* After a success: the last retry's cost comes back, or one token when there was none. */
void aws_bucket_refund(struct aws_bucket *bucket, int last_cost);
/* retry counts from 0; hint_ms is the server's x-amz-retry-after, 0 without. */
int64_t aws_retry_delay_ms(struct fx_random *random, enum aws_trouble trouble, int retry,
                           int64_t hint_ms);
enum fx_code aws_retry_wait(struct fx_scope *sc, struct fx_clock *clock, int64_t delay_ms,
                            struct fx_error *err);

/* How far the machine's clock is behind AWS's. */
struct aws_skew {
    _Atomic int64_t ms;
};
void aws_skew_learn(struct aws_skew *skew, const struct fx_http_reply *reply,
                    int64_t started_wall_ms, int64_t round_trip_ms);
/* True when a refusal with this code may come from the clock, given what was just learnt. */
bool aws_skew_explains(const struct aws_skew *skew, const char *code);
