/* lambda_mappings.c - event source mappings: which function reads which queue, and how. */
#include "lambda.h"

#include <string.h>

enum { BATCH_WITHOUT_WINDOW = 10, BATCH_MAX = 10000, WINDOW_MAX_S = 300, LIST_MAX = 100 };

struct lambda_mapping *lambda_mapping_find(struct sandbox_aws *aws, const char *uuid) {
    for (struct lambda_mapping *m = aws->lambda->mappings; m != NULL; m = m->next)
        if (strcmp(m->uuid, uuid) == 0)
            return m;
    return NULL;
}

struct lambda_mapping *lambda_mapping_new(struct sandbox_aws *aws, const char *function_arn,
                                          const char *queue_arn) {
    struct lambda_mapping *mapping = FX_NEW(aws->world, struct lambda_mapping);

    if (aws->lambda->mappings_count >= LAMBDA_MAX_MAPPINGS)
        return NULL;
    mapping->uuid = lambda_id(aws, "mapping");
    mapping->function_arn = fx_strdup(aws->world, function_arn);
    mapping->queue_arn = fx_strdup(aws->world, queue_arn);
    mapping->batch_size = BATCH_WITHOUT_WINDOW;
    mapping->enabled = true;
    mapping->modified_ms = fx_wall_ms(aws->sb->clock);
    mapping->next = aws->lambda->mappings;
    aws->lambda->mappings = mapping;
    aws->lambda->mappings_count++;
    return mapping;
}

static bool is_settled(const struct sandbox_aws *aws, const struct lambda_mapping *mapping) {
    return fx_mono_ms(aws->sb->clock) >= mapping->settled_mono_ms;
}

bool lambda_consumes(struct sandbox_aws *aws, const char *queue_arn) {
    for (const struct lambda_mapping *m = aws->lambda->mappings; m != NULL; m = m->next) {
        const char *name = strstr(m->function_arn, ":function:") + strlen(":function:");
        struct fx_slice plain, qualifier;

        if (strcmp(m->queue_arn, queue_arn) != 0)
            continue;
        fx_slice_split(fx_slice_of(name), ':', &plain, &qualifier);
        const struct lambda_function *function = lambda_find(aws, plain);
        if (m->enabled && function != NULL && function->reserved != 0)
            return true;
    }
    return false;
}

static struct fx_json *shown(struct aws_call *call, const struct lambda_mapping *mapping) {
    struct fx_scope *sc = call->sc;
    const char *state = mapping->enabled ? "Enabled" : "Disabled";

    if (!is_settled(call->aws, mapping))
        state = mapping->passing;
    return fx_json_object_of(
        sc, "UUID", fx_json_string(sc, mapping->uuid), "BatchSize",
        fx_json_int(sc, mapping->batch_size), "MaximumBatchingWindowInSeconds",
        fx_json_int(sc, mapping->window_s), "EventSourceArn",
        fx_json_string(sc, mapping->queue_arn), "FunctionArn",
        fx_json_string(sc, mapping->function_arn), "LastModified",
        fx_json_real(sc, (double)mapping->modified_ms / 1000), "State", fx_json_string(sc, state),
        "StateTransitionReason", fx_json_string(sc, "USER_INITIATED"), "FunctionResponseTypes",
        mapping->report_failures
            ? fx_json_array_of(sc, fx_json_string(sc, "ReportBatchItemFailures"), NULL)
            : fx_json_array(sc),
        "ScalingConfig",
        mapping->max_concurrency > 0
            ? fx_json_object_of(sc, "MaximumConcurrency", fx_json_int(sc, mapping->max_concurrency),
                                NULL)
            : NULL,
        "EventSourceMappingArn",
        fx_json_stringf(sc, "arn:aws:lambda:" AWS_REGION ":" AWS_ACCOUNT ":event-source-mapping:%s",
                        mapping->uuid),
        NULL);
}

/* A name or an ARN, with its qualifier or without one: as Lambda, exactly what was mapped. */
static bool is_of(const struct lambda_mapping *mapping, const char *function) {
    const char *wanted = strstr(function, "function:");
    const char *tail = strstr(mapping->function_arn, ":function:") + strlen(":function:");

    return strcmp(tail, wanted != NULL ? wanted + strlen("function:") : function) == 0;
}

struct fx_json *lambda_list_mappings(struct aws_call *call) {
    const char *queue = fx_json_get_text(call->input, "EventSourceArn");
    const char *function = fx_json_get_text(call->input, "FunctionName");
    int64_t left = aws_input_int(call->input, "MaxItems", LIST_MAX);
    int64_t skip = aws_input_int(call->input, "Marker", 0), next = skip;
    struct fx_json *list = fx_json_array(call->sc);
    bool more = false;

    for (struct lambda_mapping *m = call->aws->lambda->mappings; m != NULL && !more; m = m->next) {
        if ((queue != NULL && strcmp(m->queue_arn, queue) != 0) ||
            (function != NULL && !is_of(m, function)) || skip-- > 0)
            continue;
        more = left-- <= 0;
        if (!more) {
            fx_json_add(list, shown(call, m));
            next++;
        }
    }
    return fx_json_object_of(call->sc, "NextMarker",
                             more ? fx_json_stringf(call->sc, "%lld", (long long)next) : NULL,
                             "EventSourceMappings", list, NULL);
}

static bool sizes_fit(struct aws_call *call, const struct lambda_mapping *mapping) {
    int64_t batch = aws_input_int(call->input, "BatchSize", mapping->batch_size);
    int64_t window =
        aws_input_int(call->input, "MaximumBatchingWindowInSeconds", mapping->window_s);
    const char *problem = NULL;

    if (batch < 1 || batch > BATCH_MAX)
        problem = "Batch size must be 1 to 10000 for a standard queue.";
    else if (window < 0 || window > WINDOW_MAX_S)
        problem = "Maximum batch window in seconds must be 0 to 300.";
    else if (batch > BATCH_WITHOUT_WINDOW && window == 0)
        problem = "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
                  "greater than 10";
    if (problem != NULL)
        aws_fail(call, 400, "InvalidParameterValueException", NULL, "%s", problem);
    return problem == NULL;
}

static void change(struct aws_call *call, struct lambda_mapping *mapping) {
    struct fx_json *types = fx_json_at(call->input, "FunctionResponseTypes");
    struct fx_json *scaling = fx_json_at(call->input, "ScalingConfig");
    bool enabled = aws_input_bool(call->input, "Enabled", mapping->enabled);

    mapping->passing = enabled == mapping->enabled ? "Updating"
                       : enabled                   ? "Enabling"
                                                   : "Disabling";
    mapping->enabled = enabled;
    mapping->batch_size = aws_input_int(call->input, "BatchSize", mapping->batch_size);
    mapping->window_s =
        aws_input_int(call->input, "MaximumBatchingWindowInSeconds", mapping->window_s);
    if (types != NULL)
        mapping->report_failures = aws_list_has(types, "ReportBatchItemFailures");
    if (scaling != NULL)
        mapping->max_concurrency = fx_json_get_int(scaling, "MaximumConcurrency", 0);
    mapping->modified_ms = fx_wall_ms(call->sb->clock);
    mapping->settled_mono_ms = fx_mono_ms(call->sb->clock) + call->aws->lambda->mapping_ms;
}

struct fx_json *lambda_update_mapping(struct aws_call *call) {
    struct lambda_mapping *mapping =
        lambda_mapping_find(call->aws, aws_input_text(call->input, "UUID"));
    struct fx_json *detail = fx_json_copy(call->sc, call->input);

    if (mapping == NULL)
        return aws_fail(call, 404, "ResourceNotFoundException", NULL,
                        "The resource you requested does not exist.");
    if (!is_settled(call->aws, mapping))
        return aws_fail(call, 400, "ResourceInUseException", NULL,
                        "Cannot update the event source mapping because it is in use.");
    if (!sizes_fit(call, mapping))
        return NULL;
    change(call, mapping);
    fx_json_remove(detail, "UUID");
    fx_json_put(detail, "request_id", fx_json_string(call->sc, call->request_id));
    sandbox_effect(call->sb, "lambda", "UpdateEventSourceMapping", mapping->uuid, detail);
    return shown(call, mapping);
}
