/* lambda.h - the functions that the sandbox plays: versions, aliases, concurrency, event source
 * mappings. What takes time in Lambda takes time here: a change is InProgress until its moment has
 * come. All of it lives in the world's scope and is used with the world locked.
 */
#pragma once

#include "aws.h"

enum {
    LAMBDA_MAX_FUNCTIONS = 64,
    LAMBDA_MAX_VERSIONS = 200,
    LAMBDA_MAX_PAGE = 50,
    LAMBDA_MAX_MAPPINGS = 64,
    LAMBDA_MIN_UNRESERVED = 100, /* Lambda keeps so much for functions without a reservation */
    LAMBDA_NO_RESERVATION = -1,
};

struct lambda_version {
    struct lambda_version *next; /* $LATEST, then by number */
    const char *number;
    struct fx_json *settings; /* as GetFunctionConfiguration shows them: Runtime, Timeout, ... */
    const char *sha256, *revision;
    int64_t modified_ms;
};

struct lambda_alias {
    struct lambda_alias *next;
    const char *name, *version, *description, *revision;
    struct fx_json *weights; /* {version: share}; NULL: all go to version */
};

struct lambda_provisioned {
    struct lambda_provisioned *next;
    const char *qualifier;
    int64_t requested, modified_ms, ready_mono_ms;
};

struct lambda_function {
    struct lambda_function *next;
    const char *name, *arn;
    struct lambda_version *versions; /* the first is $LATEST */
    struct lambda_alias *aliases;
    struct lambda_provisioned *provisioned;
    const char *policy;         /* of the function itself; NULL: none */
    int64_t reserved;           /* or LAMBDA_NO_RESERVATION */
    int64_t updated_mono_ms;    /* when the last update is through */
    bool updating;              /* its end has not been seen */
    const char *update_failure; /* how the next updates end; NULL: well */
    const char *update_status, *update_reason;
};

struct lambda_mapping {
    struct lambda_mapping *next;
    const char *uuid, *queue_arn, *function_arn;
    int64_t batch_size, window_s, max_concurrency; /* 0: not limited */
    bool report_failures, enabled;
    const char *passing; /* the state until settled_mono_ms: "Updating" */
    int64_t settled_mono_ms, modified_ms;
};

struct lambda_state {
    struct lambda_function *functions;
    struct lambda_mapping *mappings;
    size_t functions_count, mappings_count;
    int64_t account_limit; /* concurrent executions of all functions */
    int64_t update_ms, mapping_ms, provision_ms;
    int64_t serial; /* of revisions and ids */
};

/* ---- lambda_functions.c ---- */

struct lambda_function *lambda_find(struct sandbox_aws *aws, struct fx_slice name);
/* NULL beyond LAMBDA_MAX_FUNCTIONS. Has $LATEST with settings that a fresh function has. */
struct lambda_function *lambda_function_new(struct sandbox_aws *aws, const char *name);
/* NULL when it is not there. */
struct lambda_version *lambda_version_find(const struct lambda_function *function,
                                           struct fx_slice number);
struct lambda_alias *lambda_alias_find(const struct lambda_function *function,
                                       struct fx_slice name);
/* A copy of $LATEST under this number; NULL beyond LAMBDA_MAX_VERSIONS. */
struct lambda_version *lambda_publish(struct sandbox_aws *aws, struct lambda_function *function,
                                      const char *number, int64_t modified_ms);
const char *lambda_revision(struct sandbox_aws *aws);
/* A text that looks like an id; the same world has the same ones. */
const char *lambda_id(struct sandbox_aws *aws, const char *kind);
/* Sees the end of an update whose time has come. */
void lambda_settle(struct sandbox_aws *aws, struct lambda_function *function);
int64_t lambda_reserved(const struct sandbox_aws *aws);
int64_t lambda_provisioned_total(const struct lambda_function *function);
struct lambda_provisioned *lambda_provisioned_find(const struct lambda_function *function,
                                                   const char *qualifier);

/* ---- lambda_calls.c: what reads ---- */

/* The function that FunctionName means: a name, an ARN, either with a qualifier, which goes to
 * *ret_qualifier ("" without one). NULL after aws_fail. */
struct lambda_function *lambda_call_function(struct aws_call *call, const char **ret_qualifier);
/* The version that a qualifier means, "" for $LATEST; NULL after aws_fail. */
struct lambda_version *lambda_call_version(struct aws_call *call, struct lambda_function *function,
                                           const char *qualifier);
struct lambda_alias *lambda_call_alias(struct aws_call *call, struct lambda_function *function);
struct fx_json *lambda_configuration(struct aws_call *call, struct lambda_function *function,
                                     const struct lambda_version *version, const char *qualifier);
struct fx_json *lambda_alias_json(struct aws_call *call, const struct lambda_function *function,
                                  const struct lambda_alias *alias);
aws_operation_fn lambda_get_function_configuration, lambda_list_functions,
    lambda_list_versions_by_function, lambda_get_alias, lambda_get_policy,
    lambda_get_account_settings, lambda_get_function_concurrency;

/* ---- lambda_changes.c: what changes functions ---- */

aws_operation_fn lambda_put_function_concurrency, lambda_delete_function_concurrency,
    lambda_update_function_configuration, lambda_update_alias;

/* ---- lambda_provisioned.c ---- */

aws_operation_fn lambda_put_provisioned, lambda_get_provisioned, lambda_list_provisioned,
    lambda_delete_provisioned;

/* ---- lambda_mappings.c ---- */

struct lambda_mapping *lambda_mapping_find(struct sandbox_aws *aws, const char *uuid);
/* NULL beyond LAMBDA_MAX_MAPPINGS. */
struct lambda_mapping *lambda_mapping_new(struct sandbox_aws *aws, const char *function_arn,
                                          const char *queue_arn);
aws_operation_fn lambda_list_mappings, lambda_update_mapping;
