/* lambda_provisioned.c - environments that are kept ready for a version or an alias. */
#include "lambda.h"

#include <string.h>

/* The function of the call when Qualifier names a published version or an alias of it. */
static struct lambda_function *qualified(struct aws_call *call) {
    const char *named, *qualifier = aws_input_text(call->input, "Qualifier");
    struct lambda_function *function = lambda_call_function(call, &named);

    if (function == NULL)
        return NULL;
    if (qualifier[0] == '\0') {
        aws_fail(call, 400, "ValidationException", NULL, "Qualifier must not be empty");
        return NULL;
    }
    if (strcmp(qualifier, "$LATEST") == 0) {
        aws_fail(call, 400, "InvalidParameterValueException", NULL,
                 "Provisioned Concurrency Configs cannot be applied to unpublished function "
                 "versions.");
        return NULL;
    }
    return lambda_call_version(call, function, qualifier) != NULL ? function : NULL;
}

static struct lambda_provisioned *configured(struct aws_call *call,
                                             struct lambda_function *function) {
    struct lambda_provisioned *config =
        lambda_provisioned_find(function, aws_input_text(call->input, "Qualifier"));

    if (config == NULL)
        aws_fail(call, 404, "ProvisionedConcurrencyConfigNotFoundException", NULL,
                 "No Provisioned Concurrency Config found for this function");
    return config;
}

static struct fx_json *shown(struct aws_call *call, const struct lambda_provisioned *config,
                             const char *arn) {
    struct fx_scope *sc = call->sc;
    bool ready = fx_mono_ms(call->sb->clock) >= config->ready_mono_ms;
    int64_t there = ready ? config->requested : 0;
    const char *iso = fx_time_iso(sc, config->modified_ms);

    return fx_json_object_of(
        sc, "FunctionArn", arn != NULL ? fx_json_string(sc, arn) : NULL,
        "RequestedProvisionedConcurrentExecutions", fx_json_int(sc, config->requested),
        "AvailableProvisionedConcurrentExecutions", fx_json_int(sc, there),
        "AllocatedProvisionedConcurrentExecutions", fx_json_int(sc, there), "Status",
        fx_json_string(sc, ready ? "READY" : "IN_PROGRESS"), "LastModified",
        fx_json_stringf(sc, "%.*s+0000", (int)(strlen(iso) - 1), iso), NULL);
}

struct fx_json *lambda_get_provisioned(struct aws_call *call) {
    struct lambda_function *function = qualified(call);
    struct lambda_provisioned *config = function != NULL ? configured(call, function) : NULL;

    return config != NULL ? shown(call, config, NULL) : NULL;
}

struct fx_json *lambda_list_provisioned(struct aws_call *call) {
    const char *named;
    struct lambda_function *function = lambda_call_function(call, &named);
    struct fx_json *list = fx_json_array(call->sc);

    if (function == NULL)
        return NULL;
    for (struct lambda_provisioned *p = function->provisioned; p != NULL; p = p->next)
        fx_json_add(list,
                    shown(call, p, fx_printf(call->sc, "%s:%s", function->arn, p->qualifier)));
    return fx_json_object_of(call->sc, "ProvisionedConcurrencyConfigs", list, NULL);
}

/* Within the function's reservation; without one, within what the account has left. */
static bool fits(struct aws_call *call, struct lambda_function *function, int64_t more) {
    int64_t total = lambda_provisioned_total(function) + more;
    int64_t left = call->aws->lambda->account_limit - lambda_reserved(call->aws);

    if (function->reserved != LAMBDA_NO_RESERVATION && total > function->reserved) {
        aws_fail(call, 400, "InvalidParameterValueException", NULL,
                 "Requested Provisioned Concurrency should not be greater than the "
                 "reservedConcurrentExecution for function");
        return false;
    }
    if (function->reserved == LAMBDA_NO_RESERVATION && left - more < LAMBDA_MIN_UNRESERVED) {
        aws_fail(call, 400, "InvalidParameterValueException", NULL,
                 "Specified ConcurrentExecutions for function decreases account's "
                 "UnreservedConcurrentExecution below its minimum value of [%d].",
                 LAMBDA_MIN_UNRESERVED);
        return false;
    }
    return true;
}

static struct fx_json *record(struct aws_call *call, const struct lambda_function *function,
                              const char *qualifier, struct fx_json *detail) {
    fx_json_put(detail, "request_id", fx_json_string(call->sc, call->request_id));
    sandbox_effect(call->sb, "lambda", call->operation,
                   fx_printf(call->sc, "%s:%s", function->arn, qualifier), detail);
    return fx_json_object(call->sc);
}

struct fx_json *lambda_put_provisioned(struct aws_call *call) {
    const char *qualifier = aws_input_text(call->input, "Qualifier");
    int64_t wanted = aws_input_int(call->input, "ProvisionedConcurrentExecutions", 0);
    struct lambda_function *function = qualified(call);
    struct lambda_provisioned *config;

    if (function == NULL)
        return NULL;
    if (wanted < 1)
        return aws_fail(call, 400, "ValidationException", NULL,
                        "1 validation error detected: Value '%lld' at "
                        "'provisionedConcurrentExecutions' failed to satisfy constraint: Member "
                        "must have value greater than or equal to 1",
                        (long long)wanted);
    config = lambda_provisioned_find(function, qualifier);
    if (!fits(call, function, wanted - (config != NULL ? config->requested : 0)))
        return NULL;
    if (config == NULL) {
        config = FX_NEW(call->aws->world, struct lambda_provisioned);
        config->qualifier = fx_strdup(call->aws->world, qualifier);
        config->next = function->provisioned;
        function->provisioned = config;
    }
    config->requested = wanted;
    config->modified_ms = fx_wall_ms(call->sb->clock);
    config->ready_mono_ms = fx_mono_ms(call->sb->clock) + call->aws->lambda->provision_ms;
    record(call, function, qualifier,
           fx_json_object_of(call->sc, "ProvisionedConcurrentExecutions",
                             fx_json_int(call->sc, wanted), NULL));
    return shown(call, config, NULL);
}

struct fx_json *lambda_delete_provisioned(struct aws_call *call) {
    const char *qualifier = aws_input_text(call->input, "Qualifier");
    struct lambda_function *function = qualified(call);

    if (function == NULL || configured(call, function) == NULL)
        return NULL;
    for (struct lambda_provisioned **at = &function->provisioned; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->qualifier, qualifier) == 0) {
            *at = (*at)->next;
            break;
        }
    return record(call, function, qualifier, fx_json_object(call->sc));
}
