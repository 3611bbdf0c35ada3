/* lambda_calls.c - what reads functions, and the table of all of Lambda's calls. */
#include "lambda.h"

#include <string.h>

static struct fx_json *not_found(struct aws_call *call, const char *arn, const char *qualifier) {
    return aws_fail(call, 404, "ResourceNotFoundException", NULL, "Function not found: %s%s%s", arn,
                    qualifier[0] != '\0' ? ":" : "", qualifier);
}

/* "NAME", "NAME:QUALIFIER", "123456789012:function:NAME", "arn:...:function:NAME:QUALIFIER" */
struct lambda_function *lambda_call_function(struct aws_call *call, const char **ret_qualifier) {
    const char *given = aws_input_text(call->input, "FunctionName");
    const char *tail = strstr(given, "function:");
    struct fx_slice name, qualifier = {0};
    struct lambda_function *function;
    bool foreign = strncmp(given, "arn:", 4) == 0 &&
                   strstr(given, ":" AWS_REGION ":" AWS_ACCOUNT ":function:") == NULL;

    fx_slice_split(fx_slice_of(tail != NULL ? tail + strlen("function:") : given), ':', &name,
                   &qualifier);
    *ret_qualifier = fx_slice_dup(call->sc, qualifier);
    function = foreign ? NULL : lambda_find(call->aws, name);
    if (function == NULL) {
        not_found(call,
                  fx_printf(call->sc, "arn:aws:lambda:" AWS_REGION ":" AWS_ACCOUNT ":function:%.*s",
                            (int)name.len, name.ptr),
                  *ret_qualifier);
        return NULL;
    }
    lambda_settle(call->aws, function);
    return function;
}

struct lambda_version *lambda_call_version(struct aws_call *call, struct lambda_function *function,
                                           const char *qualifier) {
    const struct lambda_alias *alias = lambda_alias_find(function, fx_slice_of(qualifier));
    const char *number = alias != NULL ? alias->version : qualifier;
    struct lambda_version *version =
        number[0] == '\0' ? function->versions : lambda_version_find(function, fx_slice_of(number));

    if (version == NULL)
        not_found(call, function->arn, qualifier);
    return version;
}

struct lambda_alias *lambda_call_alias(struct aws_call *call, struct lambda_function *function) {
    const char *name = aws_input_text(call->input, "Name");
    struct lambda_alias *alias = lambda_alias_find(function, fx_slice_of(name));

    if (alias == NULL)
        aws_fail(call, 404, "ResourceNotFoundException", NULL, "Cannot find alias arn: %s:%s",
                 function->arn, name);
    return alias;
}

/* "2026-11-22T10:15:04.000+0000": Lambda writes its zone without a colon. */
static struct fx_json *modified(struct fx_scope *sc, int64_t wall_ms) {
    const char *iso = fx_time_iso_ms(sc, wall_ms);

    return fx_json_stringf(sc, "%.*s+0000", (int)(strlen(iso) - 1), iso);
}

struct fx_json *lambda_configuration(struct aws_call *call, struct lambda_function *function,
                                     const struct lambda_version *version, const char *qualifier) {
    struct fx_scope *sc = call->sc;
    struct fx_json *json = fx_json_copy(sc, version->settings);
    bool latest = version == function->versions, running = latest && function->updating;

    fx_json_put(json, "FunctionName", fx_json_string(sc, function->name));
    fx_json_put(
        json, "FunctionArn",
        fx_json_stringf(sc, "%s%s%s", function->arn, qualifier[0] != '\0' ? ":" : "", qualifier));
    fx_json_put(json, "Version", fx_json_string(sc, version->number));
    fx_json_put(json, "CodeSha256", fx_json_string(sc, version->sha256));
    fx_json_put(json, "RevisionId", fx_json_string(sc, version->revision));
    fx_json_put(json, "LastModified", modified(sc, version->modified_ms));
    fx_json_put(json, "LastUpdateStatus",
                fx_json_string(sc, running  ? "InProgress"
                                   : latest ? function->update_status
                                            : "Successful"));
    if (running || (latest && function->update_reason != NULL)) {
        fx_json_put(json, "LastUpdateStatusReason",
                    fx_json_string(sc, running ? "The function is being created."
                                               : function->update_reason));
        fx_json_put(json, "LastUpdateStatusReasonCode",
                    fx_json_string(sc, running ? "Creating" : "InternalError"));
    }
    return json;
}

struct fx_json *lambda_get_function_configuration(struct aws_call *call) {
    const char *named, *qualifier = aws_input_text(call->input, "Qualifier");
    struct lambda_function *function = lambda_call_function(call, &named);
    struct lambda_version *version;

    if (function == NULL)
        return NULL;
    if (qualifier[0] == '\0')
        qualifier = named;
    version = lambda_call_version(call, function, qualifier);
    return version != NULL ? lambda_configuration(call, function, version, qualifier) : NULL;
}

/* ---- lists: Marker and MaxItems ---- */

struct page {
    int64_t skip, left;
    struct fx_json *items;
    bool more;
};

static bool begin_page(struct aws_call *call, struct page *page) {
    int64_t size = aws_input_int(call->input, "MaxItems", LAMBDA_MAX_PAGE);

    *page = (struct page){.skip = aws_input_int(call->input, "Marker", 0),
                          .left = size < LAMBDA_MAX_PAGE ? size : LAMBDA_MAX_PAGE,
                          .items = fx_json_array(call->sc)};
    if (size >= 1 && page->skip >= 0)
        return true;
    aws_fail(call, 400, "InvalidParameterValueException", NULL,
             "1 validation error detected: MaxItems must be greater than or equal to 1");
    return false;
}

static bool takes(struct page *page) {
    if (page->skip > 0) {
        page->skip--;
        return false;
    }
    page->more = page->left == 0;
    return page->left > 0 && page->left-- > 0;
}

static struct fx_json *end_page(struct aws_call *call, const struct page *page, const char *key) {
    int64_t next = aws_input_int(call->input, "Marker", 0) + (int64_t)fx_json_count(page->items);

    return fx_json_object_of(call->sc, "NextMarker",
                             page->more ? fx_json_stringf(call->sc, "%lld", (long long)next) : NULL,
                             key, page->items, NULL);
}

struct fx_json *lambda_list_functions(struct aws_call *call) {
    struct page page;

    if (!begin_page(call, &page))
        return NULL;
    for (struct lambda_function *f = call->aws->lambda->functions; f != NULL; f = f->next) {
        lambda_settle(call->aws, f);
        if (takes(&page))
            fx_json_add(page.items, lambda_configuration(call, f, f->versions, ""));
    }
    return end_page(call, &page, "Functions");
}

struct fx_json *lambda_list_versions_by_function(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);
    struct page page;

    if (function == NULL || !begin_page(call, &page))
        return NULL;
    for (struct lambda_version *v = function->versions; v != NULL; v = v->next)
        if (takes(&page))
            fx_json_add(page.items, lambda_configuration(call, function, v, v->number));
    return end_page(call, &page, "Versions");
}

/* ---- the rest ---- */

struct fx_json *lambda_alias_json(struct aws_call *call, const struct lambda_function *function,
                                  const struct lambda_alias *alias) {
    struct fx_scope *sc = call->sc;

    return fx_json_object_of(
        sc, "AliasArn", fx_json_stringf(sc, "%s:%s", function->arn, alias->name), "Name",
        fx_json_string(sc, alias->name), "FunctionVersion", fx_json_string(sc, alias->version),
        "Description", fx_json_string(sc, alias->description), "RoutingConfig",
        alias->weights != NULL ? fx_json_object_of(sc, "AdditionalVersionWeights",
                                                   fx_json_copy(sc, alias->weights), NULL)
                               : NULL,
        "RevisionId", fx_json_string(sc, alias->revision), NULL);
}

struct fx_json *lambda_get_alias(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);
    struct lambda_alias *alias = function != NULL ? lambda_call_alias(call, function) : NULL;

    return alias != NULL ? lambda_alias_json(call, function, alias) : NULL;
}

struct fx_json *lambda_get_policy(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);

    if (function == NULL)
        return NULL;
    if (function->policy == NULL)
        return aws_fail(call, 404, "ResourceNotFoundException", NULL,
                        "The resource you requested does not exist.");
    return fx_json_object_of(call->sc, "Policy", fx_json_string(call->sc, function->policy),
                             "RevisionId", fx_json_string(call->sc, function->versions->revision),
                             NULL);
}

struct fx_json *lambda_get_account_settings(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const struct lambda_state *state = call->aws->lambda;

    return fx_json_object_of(
        sc, "AccountLimit",
        fx_json_object_of(sc, "TotalCodeSize", fx_json_int(sc, 80530636800), "CodeSizeUnzipped",
                          fx_json_int(sc, 262144000), "CodeSizeZipped", fx_json_int(sc, 52428800),
                          "ConcurrentExecutions", fx_json_int(sc, state->account_limit),
                          "UnreservedConcurrentExecutions",
                          fx_json_int(sc, state->account_limit - lambda_reserved(call->aws)), NULL),
        "AccountUsage",
        fx_json_object_of(sc, "TotalCodeSize", fx_json_int(sc, 104857600), "FunctionCount",
                          fx_json_int(sc, (int64_t)state->functions_count), NULL),
        NULL);
}

struct fx_json *lambda_get_function_concurrency(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);

    if (function == NULL)
        return NULL;
    return fx_json_object_of(call->sc, "ReservedConcurrentExecutions",
                             function->reserved != LAMBDA_NO_RESERVATION
                                 ? fx_json_int(call->sc, function->reserved)
                                 : NULL,
                             NULL);
}

static const struct aws_operation operations[] = {
    {"GetFunctionConfiguration", lambda_get_function_configuration},
    {"ListFunctions", lambda_list_functions},
    {"ListVersionsByFunction", lambda_list_versions_by_function},
    {"GetAlias", lambda_get_alias},
    {"UpdateAlias", lambda_update_alias},
    {"GetPolicy", lambda_get_policy},
    {"GetAccountSettings", lambda_get_account_settings},
    {"GetFunctionConcurrency", lambda_get_function_concurrency},
    {"PutFunctionConcurrency", lambda_put_function_concurrency},
    {"DeleteFunctionConcurrency", lambda_delete_function_concurrency},
    {"UpdateFunctionConfiguration", lambda_update_function_configuration},
    {"ListProvisionedConcurrencyConfigs", lambda_list_provisioned},
    {"GetProvisionedConcurrencyConfig", lambda_get_provisioned},
    {"PutProvisionedConcurrencyConfig", lambda_put_provisioned},
    {"DeleteProvisionedConcurrencyConfig", lambda_delete_provisioned},
    {"ListEventSourceMappings", lambda_list_mappings},
    {"UpdateEventSourceMapping", lambda_update_mapping},
};

#define FUNCTION "/2015-03-31/functions/{FunctionName}"
#define PROVISIONED "/2019-09-30/functions/{FunctionName}/provisioned-concurrency"
static const struct aws_rest_route routes[] = {
    {"GET", FUNCTION "/configuration", "GetFunctionConfiguration", 200},
    {"PUT", FUNCTION "/configuration", "UpdateFunctionConfiguration", 200},
    {"GET", "/2015-03-31/functions", "ListFunctions", 200},
    {"GET", FUNCTION "/versions", "ListVersionsByFunction", 200},
    {"GET", FUNCTION "/aliases/{Name}", "GetAlias", 200},
    {"PUT", FUNCTION "/aliases/{Name}", "UpdateAlias", 200},
    {"GET", FUNCTION "/policy", "GetPolicy", 200},
    {"GET", "/2016-08-19/account-settings", "GetAccountSettings", 200},
    {"GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency", 200},
    {"PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency", 200},
    {"DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency",
     204},
    {"GET", PROVISIONED "?List=ALL", "ListProvisionedConcurrencyConfigs", 200},
    {"GET", PROVISIONED, "GetProvisionedConcurrencyConfig", 200},
    {"PUT", PROVISIONED, "PutProvisionedConcurrencyConfig", 202},
    {"DELETE", PROVISIONED, "DeleteProvisionedConcurrencyConfig", 204},
    {"GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings", 200},
    {"PUT", "/2015-03-31/event-source-mappings/{UUID}", "UpdateEventSourceMapping", 202},
};

const struct aws_service aws_service_lambda = {
    .name = "lambda",
    .signing = "lambda",
    .json = AWS_REST_JSON,
    .error_prefix = "com.amazonaws.lambda",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
    .routes = routes,
    .routes_count = FX_COUNT_OF(routes),
};
