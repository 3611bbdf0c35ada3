/* aws.h - any AWS operation of the table: credentials, signature, wire protocol, retries of reads.
 *
 * Credentials are looked for in the order that AWS's SDKs share (AWS SDKs and Tools Reference
 * Guide, "Standardized credential providers",
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html): the environment,
 * a web identity, the shared files with their roles, the container's address, the instance's
 * metadata (version 2 only). The first place that has some ends the search; a place that is set up
 * and fails ends it too, so that no other identity steps in unnoticed.
 *
 * A call names service and operation ("sqs", "GetQueueAttributes") and passes parameters as JSON
 * with AWS's own names; the answer comes back as JSON whatever the protocol was. An operation that
 * is not in the table cannot be called. Reads are repeated by the rules AWS made its default on 10
 * November 2026; a call that changes something leaves at most once. err->sent is true when it may
 * have been obeyed: no answer, a 5xx, or an answer that cannot be read. A refusal by AWS (a 4xx)
 * leaves it false. An fx_aws may be used from any thread.
 */
#pragma once

#include "fluxabot/base/effect.h"
#include "fluxabot/base/json.h"
#include "fluxabot/http.h"
#include "fluxabot/state.h"

struct fx_aws;

struct fx_aws_credentials {
    const char *access_key_id, *secret_access_key, *session_token; /* session_token may be NULL */
    int64_t expires_wall_ms;                                       /* 0: never */
    const char *origin; /* where they are from: "environment", "container", ... */
    const char *absent; /* without access_key_id: why this place has none */
};

/* A place credentials come from. */
struct fx_aws_source {
    const char *name; /* "environment", "shared file", ... for doctor and error messages */
    /* FX_OK with ret->access_key_id NULL when this place has none. */
    enum fx_code (*get)(struct fx_aws_source *source, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err);
    void (*close)(struct fx_aws_source *source);
};

struct fx_aws_options {
    struct fx_http *http;
    struct fx_clock *clock;
    struct fx_random *random;
    struct fx_state *state;   /* where refusals for too many calls are shared; NULL: nowhere */
    const char *region;       /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's */
    const char *endpoint_url; /* NULL: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the real one */
    const char *(*getenv)(const char *name); /* tests pass their own */
};

enum fx_code fx_aws_open(const struct fx_aws_options *options, struct fx_aws **ret_aws,
                         struct fx_error *err);
void fx_aws_close(struct fx_aws *aws);
/* The default region, or NULL when nobody says one. */
const char *fx_aws_region(const struct fx_aws *aws);

/* ---- somebody else's rights ---- */

enum { FX_AWS_MAX_SESSION_NAME = 64 };

/* What a role's credentials are asked for with. */
struct fx_aws_role {
    const char *arn;         /* NULL: no role, the program's own credentials */
    const char *external_id; /* NULL: none */
    const char *session;     /* "fluxabot-r4k2..." stands in CloudTrail; NULL: "fluxabot". Longer
                                names are cut, other characters become '-' */
    int64_t duration_s;      /* 0: an hour */
    const char *region;      /* the default one of the view; NULL: that of aws */
};

/* aws as seen by role: calls through *ret_aws carry that role's credentials. Nothing is asked for
 * yet. Lives in sc and needs no close; sc must end before aws is closed. The credentials are
 * remembered in aws, renewed like all others, and shared by views of the same role and session. */
struct fx_aws *fx_aws_as(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_role *role);

/* Which credentials a call would carry now; the secret part stays inside. */
struct fx_aws_standing {
    const char *origin, *access_key_id;
    int64_t expires_wall_ms; /* 0: never */
};

/* To be asked before the intent of a change is written: afterwards the call that follows within
 * hold_ms needs no renewal, so a failing renewal cannot come between intent and call. FX_ERR_* when
 * there are no credentials that hold so long; nothing was done then. ret_standing may be NULL. */
enum fx_code fx_aws_prepare(struct fx_aws *aws, struct fx_scope *sc, int64_t hold_ms,
                            struct fx_aws_standing *ret_standing, struct fx_error *err);

/* Without a region: that of a parameter that is an ARN or queue URL, else the default one. */
struct fx_aws_call {
    const char *service, *operation; /* "cloudwatch", also known as "monitoring" */
    const struct fx_json *params;    /* NULL: none */
    const char *region;              /* NULL: see above */
    int64_t timeout_ms;              /* 0: 10 s, longer by itself for a long poll */
    /* Of a JSON answer: a text that is read as a placeholder because it is a secret, such as a
     * function's environment, reads FX_AWS_EQUAL when it is this one, case ignored. NULL or "": no
     * comparison. Whoever may choose it can guess, so no person may. */
    const char *guess;
    /* Of a change of which it does no harm that its answer is lost: a connection that is kept will
     * do. Any other change opens one of its own. */
    bool harmless;
};
#define FX_AWS_EQUAL "[equal]"

/* The answer as JSON with the members of AWS's model; lists are always arrays, absent ones absent,
 * times are seconds since 1970. In params a time may also be text like 2026-11-21T09:15:04Z. Errors
 * carry AWS's code in err->upstream and the request id in the message. AccessDenied names the IAM
 * action. */
enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err);

/* One of several calls at once. */
struct fx_aws_one {
    struct fx_scope *sc; /* its answer's, and whose promise it is sent for; several may share one */
    struct fx_aws_call call;
    enum fx_code code; /* what fx_aws_call would have returned */
    struct fx_json *answer;
    struct fx_error err;
};

/* All of them, as many at a time as fx_http_exchange_all takes, from this one thread. Each is what
 * fx_aws_call is. sc is for what is needed meanwhile. */
void fx_aws_call_all(struct fx_aws *aws, struct fx_scope *sc, struct fx_aws_one *all, size_t count);

/* ---- answers that come in pages ---- */

enum { FX_AWS_MAX_ITEMS = 10000, FX_AWS_MAX_PAGES = 50 };

struct fx_aws_paging {
    size_t max_items; /* 0: FX_AWS_MAX_ITEMS. A page is never cut, so the last one may go beyond */
    size_t max_pages; /* 0: FX_AWS_MAX_PAGES; pages may be empty and not the last */
};

struct fx_aws_pages {
    size_t pages, items;
    const char *stopped; /* NULL: all was read. Else why not, for people */
};

/* A call and the pages behind it as one answer: the first page, in which the lists have grown. When
 * it stopped early the answer holds the token to go on with. A token that comes a second time ends
 * the reading too. An operation without pages is called once; one that changes something is
 * FX_ERR_INPUT. err->sent as with fx_aws_call. paging may be NULL. */
enum fx_code fx_aws_call_pages(struct fx_aws *aws, struct fx_scope *sc,
                               const struct fx_aws_call *call, const struct fx_aws_paging *paging,
                               struct fx_json **ret_answer, struct fx_aws_pages *ret_pages,
                               struct fx_error *err);

/* ---- the table of operations ---- */

/* What the operation does to the world; an unknown one counts as refused. */
enum fx_effect fx_aws_effect(const char *service, const char *operation);
bool fx_aws_operation_exists(const char *service, const char *operation);
/* Checks names, types and required members without calling. FX_ERR_INPUT names the parameter.
 * Values that are still templates ("${...}") are taken to be right. */
enum fx_code fx_aws_check_params(const char *service, const char *operation,
                                 const struct fx_json *params, struct fx_error *err);
/* "sqs:SendMessage": the IAM action, which is not always the operation's name. */
const char *fx_aws_iam_action(struct fx_scope *sc, const char *service, const char *operation);

/* ---- signing, for judges and tests ---- */

struct fx_aws_signing {
    const struct fx_aws_credentials *credentials;
    const char *region, *service; /* the signing name */
    int64_t wall_ms;
    const char *method;
    const char *path;                     /* as on the wire, already encoded */
    const char *query;                    /* as on the wire, "" when none */
    const struct fx_http_header *headers; /* to be signed, with host; x-amz-date is added */
    size_t headers_count;
    struct fx_slice body;
    bool normalize_path;     /* remove dot segments; false for S3 */
    bool double_encode_path; /* true for every service but S3 */
};
struct fx_aws_signature {
    const char *canonical_request, *string_to_sign, *signature;
    const char *authorization; /* the header's value */
    const char *amz_date;
};
/* AWS Signature Version 4, stage by stage (AWS General Reference, "Signing AWS API requests"). */
struct fx_aws_signature fx_aws_sign(struct fx_scope *sc, const struct fx_aws_signing *signing);
