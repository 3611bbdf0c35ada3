/* private.h - what the files of aws share: the table's rows and the stages of a call. */
#pragma once

#include "fluxabot/aws.h"
#include "fluxabot/base/buf.h"
#include "fluxabot/base/log.h"

#include <pthread.h>

enum {
    AWS_MAX_PARAMS_BYTES = 2 << 20, /* SQS takes 1 MiB, which JSON escaping may enlarge */
    AWS_MAX_PROFILE_BYTES = 256 << 10,
    AWS_MAX_TOKEN_BYTES = 64 << 10, /* of a file that holds a token */
    AWS_MAX_ROLE_CHAIN = 5,         /* roles that profiles assume one through the other */
    AWS_MAX_ROLES_HELD = 64,        /* credentials of assumed roles that are remembered */
    AWS_XML_MAX_DEPTH = 48,
    AWS_XML_MAX_NODES = 200000,
    AWS_MAX_SERVICES = 64,
    AWS_MAX_REGION = 32,
    AWS_MAX_BUCKETS = 256, /* pairs of service and region; those beyond share the last one */
    AWS_MAX_PATH = 200,    /* of a parameter's path in a message */
};

/* ---- the table (table_data.c is generated) ---- */

enum aws_type {
    AWS_STRING,
    AWS_INTEGER,
    AWS_FLOAT,
    AWS_BOOLEAN,
    AWS_TIMESTAMP,
    AWS_BLOB,
    AWS_SECRET, /* in answers only: text that is read as a placeholder */
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

/* Where a member of a REST operation travels; everywhere else all are in the body. */
enum aws_place {
    AWS_IN_BODY,
    AWS_IN_URI,
    AWS_IN_QUERY,
    AWS_IN_HEADER,
    AWS_IN_HEADERS, /* a map: every header with the prefix wire */
    AWS_IN_STATUS,
    AWS_IN_PAYLOAD, /* it is the body */
};

struct aws_member {
    const char *name, *wire;
    uint16_t shape;
    bool required;
    enum aws_place place;
};

enum aws_protocol {
    AWS_PROTOCOL_JSON,
    AWS_PROTOCOL_QUERY,
    AWS_PROTOCOL_EC2, /* query with lists of its own spelling */
    AWS_PROTOCOL_REST_JSON,
    AWS_PROTOCOL_REST_XML,
};

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
    uint16_t input, output;           /* shapes; output 0 where the answer explains itself */
    const char *wrapper;              /* query: element around the answer, or NULL */
    const char *root, *xml_namespace; /* REST-XML: of the body that is sent */
    /* Names with commas between: the token that goes in, where the next one comes out, the lists
     * that grow from page to page; and the flag that says there is more. NULL without pages. */
    const char *page_in, *page_out, *page_items, *page_more;
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

struct aws_core;

struct aws_settings {
    struct fx_http *http;
    struct fx_clock *clock;
    struct fx_random *random;
    struct fx_state *state; /* who else is throttled; NULL: nobody is asked */
    const char *(*getenv)(const char *name);
    const char *region, *endpoint_url; /* as configured, NULL when not */
    struct aws_core *core;             /* whom a source asks for a role */
};
/* NULL when the variable is not set or empty. */
const char *aws_getenv(const struct aws_settings *settings, const char *name);

struct aws_endpoint {
    const char *url;    /* "https://sqs.us-east-1.amazonaws.com", without a slash at its end */
    const char *host;   /* as the Host header has it */
    const char *path;   /* of url, mostly "" */
    const char *region; /* for the signature */
};

enum fx_code aws_endpoint_find(struct fx_scope *sc, const struct aws_settings *settings,
                               const struct aws_service *service, const struct fx_aws_call *call,
                               struct aws_endpoint *ret_endpoint, struct fx_error *err);
/* The region by settings, environment and profile; NULL when nobody says. */
const char *aws_region_default(struct fx_scope *sc, const struct aws_settings *settings);

/* ---- the shared files: ~/.aws/config and ~/.aws/credentials ---- */

struct aws_files {
    const char *config_path, *credentials_path; /* NULL when nobody says where */
    struct fx_slice config, credentials;
};

/* Reads both. FX_ERR_INPUT when a file that the environment names is unreadable. */
enum fx_code aws_files_read(struct fx_scope *sc, const struct aws_settings *settings,
                            struct aws_files *ret_files, struct fx_error *err);
/* "default" unless AWS_PROFILE says otherwise. */
const char *aws_profile_name(const struct aws_settings *settings);
bool aws_files_have(struct fx_scope *sc, const struct aws_files *files, const char *profile);
/* key of a profile, the credentials file first; NULL when absent. */
const char *aws_files_get(struct fx_scope *sc, const struct aws_files *files, const char *profile,
                          const char *key);
/* Like aws_files_get, from one file alone. */
const char *aws_files_get_from(struct fx_scope *sc, const struct aws_files *files, bool credentials,
                               const char *profile, const char *key);
/* endpoint_url of a service in the profile's section [services X], else in the profile itself. */
const char *aws_files_endpoint(struct fx_scope *sc, const struct aws_files *files,
                               const char *profile, const char *service_id);
/* A file whose content is secret; FX_ERR_LIMIT beyond max_bytes. */
enum fx_code aws_file_read(struct fx_scope *sc, const char *path, size_t max_bytes,
                           struct fx_slice *ret_text, struct fx_error *err);

/* ---- credentials ---- */

/* AWS's SDKs begin to renew 15 minutes before the end, while others go on with the old ones
 * (advisory), and let everybody wait for it 10 minutes before the end (mandatory). Of credentials
 * that live less than an hour it is a quarter and a sixth of their life, so that a role of 15
 * minutes is not asked for with every call. */
enum {
    AWS_CACHE_ADVISE_MS = 15 * 60 * 1000,
    AWS_CACHE_INSIST_MS = 10 * 60 * 1000,
    AWS_CACHE_ADVISE_SHARE = 4,
    AWS_CACHE_INSIST_SHARE = 6,
    /* After a renewal that failed the old ones are used this long before the next attempt. */
    AWS_CACHE_AGAIN_MS = 60 * 1000,
    /* Keys without an end are read again this often, so that a rotated file is noticed, and are
     * kept so long when it cannot be read. */
    AWS_CACHE_STATIC_MS = 60 * 1000,
    AWS_CACHE_STATIC_KEEP_MS = 10 * 60 * 1000,
};

/* A source lives in sc; settings outlive it. */
typedef struct fx_aws_source *aws_source_new_fn(struct fx_scope *sc,
                                                const struct aws_settings *settings);
aws_source_new_fn aws_source_environment_new, aws_source_web_identity_new, aws_source_file_new,
    aws_source_container_new, aws_source_imds_new, aws_source_chain_new;
/* Takes inner, closes it with itself. */
struct fx_aws_source *aws_source_cached_new(struct fx_scope *sc,
                                            const struct aws_settings *settings,
                                            struct fx_aws_source *inner);
/* The same credentials, renewed first unless they hold hold_ms longer. FX_OK only when what is
 * returned holds that long, or never ends. */
enum fx_code aws_source_cached_hold(struct fx_aws_source *cached, struct fx_scope *sc,
                                    int64_t hold_ms, struct fx_aws_credentials *ret,
                                    struct fx_error *err);
/* What role gives to the bearer of inner's credentials. Borrows inner; copies role. */
struct fx_aws_source *aws_source_role_new(struct fx_scope *sc, const struct aws_settings *settings,
                                          const struct fx_aws_role *role,
                                          struct fx_aws_source *inner);

/* STS gives a role's credentials; asked with inner's, or without any by a token. */
struct aws_assume {
    const struct fx_aws_role *role;
    struct fx_aws_source *inner; /* NULL with a token */
    const char *web_identity_token;
};
enum fx_code aws_sts_assume(struct fx_scope *sc, const struct aws_settings *settings,
                            const struct aws_assume *assume, struct fx_aws_credentials *ret,
                            struct fx_error *err);
/* The token of a file, which changes with time, exchanged for the credentials of role. */
enum fx_code aws_web_identity_get(struct fx_scope *sc, const struct aws_settings *settings,
                                  const char *token_file, const struct fx_aws_role *role,
                                  struct fx_aws_credentials *ret, struct fx_error *err);
/* {AccessKeyId, SecretAccessKey, Token, Expiration}, as containers and instances hand them out. */
enum fx_code aws_credentials_read(struct fx_scope *sc, struct fx_slice body,
                                  struct fx_aws_credentials *ret, struct fx_error *err);

/* ---- what the views of one fx_aws share ---- */

/* A call of the program's own, whatever the effect says; credentials NULL: not signed. */
enum fx_code aws_core_call(struct aws_core *core, struct fx_aws_source *credentials,
                           struct fx_scope *sc, const struct fx_aws_call *call,
                           struct fx_json **ret_answer, struct fx_error *err);

struct aws_roles; /* credentials of assumed roles, shared by all threads */

struct aws_roles *aws_roles_new(struct fx_scope *sc, const struct aws_settings *settings,
                                struct fx_aws_source *inner);
void aws_roles_close(struct aws_roles *roles);
/* Cached; belongs to the caller until sc ends. */
struct fx_aws_source *aws_roles_take(struct aws_roles *roles, struct fx_scope *sc,
                                     const struct fx_aws_role *role);

/* ---- guess.c ---- */

#define AWS_NOT_READ "[not read]"
void aws_mark_guess(struct fx_scope *sc, struct fx_json *answer, struct fx_slice body,
                    const char *guess);

/* ---- wire protocols ---- */

enum { AWS_MAX_WIRE_HEADERS = 16 };

struct aws_wire {
    const char *path, *query;                            /* encoded; query "" when there is none */
    const char *content_type;                            /* NULL without a body */
    const char *target;                                  /* X-Amz-Target, or NULL */
    struct fx_http_header headers[AWS_MAX_WIRE_HEADERS]; /* that parameters ask for */
    size_t headers_count;
    struct fx_slice body;
};

/* What AWS says when it refuses. Members are "" when unknown. */
struct aws_fault {
    int status;
    const char *code, *message, *request_id;
};

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
extern const struct aws_protocol_ops aws_protocol_json, aws_protocol_query, aws_protocol_rest_json,
    aws_protocol_rest_xml;

/* A JSON value with the wire's names, from one with AWS's names; times are seconds since 1970. */
enum fx_code aws_json_write(struct fx_scope *sc, uint16_t shape, struct fx_json *value,
                            struct fx_json **ret, struct fx_error *err);
/* The members of a structure that travel in the body. */
enum fx_code aws_json_write_body(struct fx_scope *sc, const struct aws_shape *shape,
                                 const struct fx_json *value, struct fx_json **ret,
                                 struct fx_error *err);
/* The other way round, by the model: what it does not know is left out. */
enum fx_code aws_json_read(struct fx_scope *sc, uint16_t shape, struct fx_json *value,
                           struct fx_json **ret, struct fx_error *err);
/* A value of that type out of an element of the answer. */
enum fx_code aws_xml_read(struct fx_scope *sc, uint16_t shape, const struct aws_xml *node,
                          struct fx_json **ret, struct fx_error *err);
void aws_json_read_fault(struct fx_scope *sc, const struct fx_http_reply *reply,
                         struct aws_fault *ret_fault);
void aws_xml_read_fault(struct fx_scope *sc, const struct fx_http_reply *reply,
                        struct aws_fault *ret_fault);
/* A value of that scalar type out of text; what names it in a message. */
enum fx_code aws_scalar_read(struct fx_scope *sc, enum aws_type type, struct fx_slice text,
                             const char *what, struct fx_json **ret, struct fx_error *err);
/* Parameters as text: true, 5, 2026-11-21T09:15:04Z. */
enum fx_code aws_scalar_write(struct fx_scope *sc, enum aws_type type, const struct fx_json *value,
                              struct fx_slice *ret_text, struct fx_error *err);
/* Path, query and headers of a REST call; *ret_payload is the parameter that is the body, or NULL.
 */
enum fx_code aws_rest_address(struct fx_scope *sc, const struct aws_operation *operation,
                              const struct fx_json *params, struct aws_wire *wire,
                              const struct aws_member **ret_payload, struct fx_error *err);
/* What an answer says outside its body, put into out; and the member that is its body, or NULL. */
enum fx_code aws_rest_read_head(struct fx_scope *sc, const struct aws_shape *shape,
                                const struct fx_http_reply *reply, struct fx_json *out,
                                const struct aws_member **ret_payload, struct fx_error *err);

/* ---- when it fails ---- */

enum aws_trouble { AWS_TROUBLE_FINAL, AWS_TROUBLE_TRANSIENT, AWS_TROUBLE_THROTTLED };

/* The header that names the exchange at AWS, "" without. */
const char *aws_request_id(const struct fx_http_reply *reply);
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

struct aws_buckets; /* one for each service and region, as in the SDKs' standard mode */

struct aws_buckets *aws_buckets_new(struct fx_scope *sc);
void aws_buckets_close(struct aws_buckets *buckets);
struct aws_bucket *aws_buckets_find(struct aws_buckets *buckets, const struct aws_service *service,
                                    const char *region);

/* The cost of a retry after trouble, or 0 when the bucket is too empty. */
int aws_bucket_take(struct aws_bucket *bucket, enum aws_trouble trouble);
/* After a success: the last retry's cost comes back, or one token when there was none. */
void aws_bucket_refund(struct aws_bucket *bucket, int last_cost);
/* How long the server wants us to wait. */
struct aws_hint {
    int64_t ms; /* 0: it says nothing */
    bool exact; /* Retry-After: nothing sooner makes sense; x-amz-retry-after only stretches */
};
struct aws_hint aws_hint_read(const struct fx_http_reply *reply);
/* 0 to 1 in steps of 2^-32. */
double aws_random_share(struct fx_random *random);
/* retry counts from 0. Negative when the server wants us to stay away for longer than a call should
 * wait: then the caller's caller is told, in err->retry_after_ms. */
int64_t aws_retry_delay_ms(struct fx_random *random, enum aws_trouble trouble, int retry,
                           struct aws_hint hint);
/* Waits for the signal, at most ms (below a second); signal's clock is CLOCK_MONOTONIC. False when
 * it did not come. */
bool aws_wait_moment(pthread_cond_t *signal, pthread_mutex_t *lock, int64_t ms);
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
