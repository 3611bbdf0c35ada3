/* lambda_changes.c - what changes functions; each change is on the record of effects. */
#include "lambda.h"

#include <string.h>

enum { MEMORY_MIN_MB = 128, MEMORY_MAX_MB = 10240, TIMEOUT_MAX_S = 900 };

static struct fx_json *invalid(struct aws_call *call, const char *message) {
    return aws_fail(call, 400, "InvalidParameterValueException", NULL, "%s", message);
}

/* detail is what was asked; the request's id stands beside it. */
static void record(struct aws_call *call, const char *resource, struct fx_json *detail) {
    fx_json_put(detail, "request_id", fx_json_string(call->sc, call->request_id));
    sandbox_effect(call->sb, "lambda", call->operation, resource, detail);
}

/* Without a RevisionId whatever stands there is overwritten. */
static bool revision_holds(struct aws_call *call, const char *revision) {
    const char *expected = fx_json_get_text(call->input, "RevisionId");

    if (expected == NULL || strcmp(expected, revision) == 0)
        return true;
    aws_fail(call, 412, "PreconditionFailedException", NULL,
             "The Revision Id provided does not match the latest Revision Id. Call the "
             "GetFunction/GetAlias API to retrieve the latest Revision Id");
    return false;
}

/* ---- reserved concurrency ---- */

struct fx_json *lambda_put_function_concurrency(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);
    int64_t wanted = aws_input_int(call->input, "ReservedConcurrentExecutions", -1);
    int64_t provisioned = function != NULL ? lambda_provisioned_total(function) : 0;
    int64_t own;

    if (function == NULL)
        return NULL;
    if (wanted < 0)
        return aws_fail(call, 400, "ValidationException", NULL,
                        "1 validation error detected: Value '%lld' at "
                        "'reservedConcurrentExecutions' failed to satisfy constraint: Member must "
                        "have value greater than or equal to 0",
                        (long long)wanted);
    if (wanted < provisioned)
        return invalid(call, fx_printf(call->sc,
                                       "ReservedConcurrentExecutions %lld should not be lower than "
                                       "function's total provisioned concurrency [%lld].",
                                       (long long)wanted, (long long)provisioned));
    own = function->reserved != LAMBDA_NO_RESERVATION ? function->reserved : provisioned;
    if (call->aws->lambda->account_limit - lambda_reserved(call->aws) + own - wanted <
        LAMBDA_MIN_UNRESERVED)
        return invalid(call, fx_printf(call->sc,
                                       "Specified ReservedConcurrentExecutions for function "
                                       "decreases account's UnreservedConcurrentExecution below "
                                       "its minimum value of [%d].",
                                       LAMBDA_MIN_UNRESERVED));
    function->reserved = wanted;
    record(call, function->arn,
           fx_json_object_of(call->sc, "ReservedConcurrentExecutions",
                             fx_json_int(call->sc, wanted), NULL));
    return fx_json_object_of(call->sc, "ReservedConcurrentExecutions",
                             fx_json_int(call->sc, wanted), NULL);
}

struct fx_json *lambda_delete_function_concurrency(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);

    if (function == NULL)
        return NULL;
    function->reserved = LAMBDA_NO_RESERVATION;
    record(call, function->arn, fx_json_object(call->sc));
    return fx_json_object(call->sc);
}

/* ---- configuration ---- */

/* What a call may set, as far as the sandbox looks at it; the rest is taken as it is. */
static const char *const settable[] = {
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "VpcConfig",
    "Environment",
    "Runtime",
    "KMSKeyArn",
    "DeadLetterConfig",
    "TracingConfig",
    "Layers",
    "EphemeralStorage",
    "SnapStart",
    "LoggingConfig",
    "ImageConfig",
    "FileSystemConfigs",
};

static bool number_fits(struct aws_call *call, const char *key, const char *shown, int64_t least,
                        int64_t most) {
    struct fx_json *value = fx_json_at(call->input, key);
    int64_t number = fx_json_to_int(value, least - 1);

    if (value == NULL || (number >= least && number <= most))
        return true;
    aws_fail(call, 400, "ValidationException", NULL,
             "1 validation error detected: Value '%lld' at '%s' failed to satisfy constraint: "
             "Member must have value %s than or equal to %lld",
             (long long)number, shown, number < least ? "greater" : "less",
             (long long)(number < least ? least : most));
    return false;
}

/* A stopped copy stays behind in the world: readers of this call may still hold it. */
static struct fx_json *apply_settings(struct aws_call *call, struct lambda_version *latest) {
    struct fx_scope *world = call->aws->world;
    struct fx_json *settings = fx_json_copy(world, latest->settings);
    struct fx_json *changed = fx_json_object(call->sc);

    for (size_t i = 0; i < FX_COUNT_OF(settable); i++) {
        struct fx_json *value = fx_json_at(call->input, settable[i]);

        if (value == NULL)
            continue;
        fx_json_put(settings, settable[i], fx_json_copy(world, value));
        fx_json_put(changed, settable[i], value);
    }
    latest->settings = settings;
    return changed;
}

struct fx_json *lambda_update_function_configuration(struct aws_call *call) {
    const char *qualifier;
    struct lambda_function *function = lambda_call_function(call, &qualifier);
    struct lambda_state *state = call->aws->lambda;
    struct lambda_version *latest = function != NULL ? function->versions : NULL;

    if (function == NULL ||
        !number_fits(call, "MemorySize", "memorySize", MEMORY_MIN_MB, MEMORY_MAX_MB) ||
        !number_fits(call, "Timeout", "timeout", 1, TIMEOUT_MAX_S))
        return NULL;
    if (function->updating)
        return aws_fail(call, 409, "ResourceConflictException", NULL,
                        "The operation cannot be performed at this time. An update is in progress "
                        "for resource: %s",
                        function->arn);
    if (!revision_holds(call, latest->revision))
        return NULL;

    struct fx_json *changed = apply_settings(call, latest);
    latest->modified_ms = fx_wall_ms(call->sb->clock);
    latest->revision = lambda_revision(call->aws);
    function->updating = true;
    function->updated_mono_ms = fx_mono_ms(call->sb->clock) + state->update_ms;
    record(call, function->arn, changed);
    return lambda_configuration(call, function, latest, "");
}

/* ---- aliases ---- */

static bool weights_fit(struct aws_call *call, struct lambda_function *function,
                        const struct fx_json *weights) {
    void *cursor = NULL;
    const char *number;
    struct fx_json *share;

    while (fx_json_next(weights, &cursor, &number, &share)) {
        double part = fx_json_to_real(share, -1);

        if (lambda_call_version(call, function, number) == NULL)
            return false;
        if (!(part >= 0 && part <= 1) || fx_json_count(weights) > 1) {
            invalid(call, "An alias can route to one additional version, with a weight of 0 to 1.");
            return false;
        }
    }
    return true;
}

struct fx_json *lambda_update_alias(struct aws_call *call) {
    struct fx_scope *world = call->aws->world;
    const char *qualifier, *number = fx_json_get_text(call->input, "FunctionVersion");
    const char *description = fx_json_get_text(call->input, "Description");
    struct lambda_function *function = lambda_call_function(call, &qualifier);
    struct lambda_alias *alias = function != NULL ? lambda_call_alias(call, function) : NULL;
    struct fx_json *routing = fx_json_at(call->input, "RoutingConfig");
    struct fx_json *weights = fx_json_at(routing, "AdditionalVersionWeights");
    const struct lambda_version *version;

    if (alias == NULL || !revision_holds(call, alias->revision) ||
        !weights_fit(call, function, weights))
        return NULL;
    version = lambda_call_version(call, function, number != NULL ? number : alias->version);
    if (version == NULL)
        return NULL;

    alias->version = version->number;
    if (description != NULL)
        alias->description = fx_strdup(world, description);
    if (routing != NULL) /* an empty one ends the routing */
        alias->weights = fx_json_count(weights) > 0 ? fx_json_copy(world, weights) : NULL;
    alias->revision = lambda_revision(call->aws);
    record(call, fx_printf(call->sc, "%s:%s", function->arn, alias->name),
           fx_json_object_of(call->sc, "FunctionVersion", fx_json_string(call->sc, alias->version),
                             "RoutingConfig", routing, NULL));
    return lambda_alias_json(call, function, alias);
}
