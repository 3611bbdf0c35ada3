/* iam_steps.c - which calls of AWS the steps of a runbook make, and on what. */
#include "iam.h"

#include "fluxabot/aws.h"
#include "fluxabot/expr.h"

#include <string.h>

/* Combinations of choice arguments that are looked at one by one; with more, a resource that
 * depends on them is everything. */
enum { IAM_MAX_CASES = 64 };

static void allow_call(struct iam_asked *a, const char *operation, const char *resource) {
    struct fx_slice service, name;

    if (!fx_slice_split(fx_slice_of(operation), ':', &service, &name))
        return;
    iam_allow(a->sc, a->actions,
              fx_aws_iam_action(a->sc, fx_slice_dup(a->sc, service), fx_slice_dup(a->sc, name)),
              resource);
}

/* A parameter's value when it depends on the configuration alone; NULL: only a run will know. */
static const struct fx_json *known_value(struct iam_asked *a, const struct fx_json *params,
                                         const char *name) {
    const struct fx_json *value = fx_json_at(params, name);
    struct fx_json *filled = NULL;
    struct fx_error ignored = {0};

    if (value == NULL || fx_expr_fill_all(a->sc, value, a->names, &filled, &ignored) != FX_OK)
        return NULL;
    return filled;
}

static void allow_groups(struct iam_asked *a, const char *operation, const struct fx_json *groups) {
    if (fx_json_count(groups) == 0)
        allow_call(a, operation, IAM_EVERYTHING);
    for (size_t i = 0; i < fx_json_count(groups); i++)
        allow_call(a, operation, iam_log_group(a, fx_json_text(fx_json_item(groups, i))));
}

static void allow_gates(struct iam_asked *a, const char *operation) {
    const struct fx_json *classes = fx_json_at(a->filled, "dlq_classes");

    for (size_t i = 0; i < fx_json_count(classes); i++) {
        const struct fx_json *gate = fx_json_at(fx_json_item(classes, i), "gate");
        const char *instance = fx_json_get_text(gate, "instance");

        if (instance != NULL)
            allow_call(a, operation, iam_arn(a, "rds", "db:", instance));
    }
}

/* An empty name: it is not configured, and nothing is called. */
static void allow_own_bucket(struct iam_asked *a, const struct fx_step_call *call,
                             const char *bucket) {
    if (bucket != NULL && bucket[0] == '\0')
        return;
    if (bucket == NULL || strcmp(call->on, "bucket") == 0)
        allow_call(a, call->operation, iam_objects(a, bucket));
    else
        allow_call(a, call->operation, iam_bucket(a, bucket));
}

static void allow_own_call(struct iam_asked *a, const struct fx_step_call *call,
                           const struct fx_json *params) {
    const char *queue;

    if (call->on == NULL)
        allow_call(a, call->operation, IAM_EVERYTHING);
    else if (strcmp(call->on, "gates") == 0)
        allow_gates(a, call->operation);
    else if (call->on[0] == '/')
        allow_groups(a, call->operation, fx_json_at_path(a->filled, call->on + 1));
    else if (strcmp(call->on, "groups") == 0)
        allow_groups(a, call->operation, known_value(a, params, "groups"));
    else if (strcmp(call->on, "function") == 0)
        allow_call(a, call->operation,
                   iam_function(a, fx_json_text(known_value(a, params, "function"))));
    else if (strncmp(call->on, "bucket", strlen("bucket")) == 0)
        allow_own_bucket(a, call, fx_json_text(known_value(a, params, "bucket")));
    else if ((queue = fx_json_text(known_value(a, params, "queue"))) == NULL)
        allow_call(a, call->operation, IAM_EVERYTHING);
    else if (strcmp(call->on, "queue") == 0)
        allow_call(a, call->operation, iam_queue(a, queue));
    else
        allow_call(a, call->operation,
                   iam_queue(a, fx_json_get_text(fx_json_at(fx_json_at(a->filled, "queues"), queue),
                                                 "source")));
}

/* A version or an alias has an ARN of its own, and a call on it is allowed for that one alone. */
static const char *qualified(struct iam_asked *a, const char *resource,
                             const struct fx_json *with) {
    const struct fx_json *qualifier = known_value(a, with, "Qualifier");
    const char *text = fx_json_text(qualifier);

    if (text == NULL) /* only a run will know */
        return fx_printf(a->sc, "%s:*", resource);
    if (text[0] == '\0')
        return resource;
    return fx_printf(a->sc, "%s:%s", resource, text);
}

/* The operation that the runbook names itself. */
static void allow_named_call(struct iam_asked *a, const char *operation,
                             const struct fx_json *with) {
    struct fx_json *value = NULL;
    void *cursor = NULL;
    const char *name = NULL, *resource = NULL;

    while (resource == NULL && fx_json_next(with, &cursor, &name, &value)) {
        const char *text = fx_json_text(known_value(a, with, name));

        if (text != NULL)
            resource = iam_of_parameter(a, operation, name, text);
        /* what is done to an object is allowed for objects, not for their bucket */
        if (text != NULL && strcmp(name, "Bucket") == 0 && fx_json_at(with, "Key") != NULL)
            resource = iam_objects(a, text);
    }
    /* backups are resources of their own, named by no parameter */
    if (strstr(operation, "Snapshots") != NULL || strstr(operation, "AutomatedBackups") != NULL)
        resource = NULL;
    if (resource != NULL && fx_json_at(with, "Qualifier") != NULL)
        resource = qualified(a, resource, with);
    allow_call(a, operation, resource != NULL ? resource : IAM_EVERYTHING);
}

/* What a changing step looks at before and after. */
static void allow_reads(struct iam_asked *a, const struct fx_json *reads) {
    struct fx_json *read = NULL;
    void *cursor = NULL;
    const char *name = NULL, *operation;

    while (fx_json_next(reads, &cursor, &name, &read))
        if ((operation = fx_json_get_text(read, "operation")) != NULL)
            allow_named_call(a, operation, fx_json_at(read, "with"));
}

/* What the configuration alone rules out is never called. */
static bool may_run(struct iam_asked *a, const struct fx_runbook_step *step) {
    struct fx_json *wanted = NULL;
    struct fx_error ignored = {0};

    return step->when == NULL ||
           fx_expr_fill(a->sc, step->when, a->names, &wanted, &ignored) != FX_OK ||
           fx_json_to_bool(wanted, true);
}

static void allow_steps(struct iam_asked *a, const struct fx_runbook *runbook) {
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];
        const char *operation = fx_json_get_text(step->params, "operation");

        if (!may_run(a, step))
            continue;
        if (operation != NULL)
            allow_named_call(a, operation, fx_json_at(step->params, "with"));
        allow_reads(a, fx_json_at(step->params, "read"));
        for (size_t k = 0; k < step->kind->calls_count; k++)
            allow_own_call(a, &step->kind->calls[k], step->params);
    }
}

static size_t count_cases(const struct fx_runbook *runbook) {
    size_t cases = 1;

    for (size_t i = 0; i < runbook->arguments_count && cases <= IAM_MAX_CASES; i++)
        if (fx_json_count(runbook->arguments[i].choices) > 0)
            cases *= fx_json_count(runbook->arguments[i].choices);
    return cases;
}

/* What stands in a list of choices is known, too: each is looked at as if it had been given. */
static void allow_cases(struct iam_asked *a, const struct fx_runbook *runbook, size_t index,
                        struct fx_json *arguments) {
    while (index < runbook->arguments_count &&
           fx_json_count(runbook->arguments[index].choices) == 0)
        index++;
    if (index == runbook->arguments_count) {
        fx_json_put(a->names, "arguments", arguments);
        allow_steps(a, runbook);
        return;
    }
    const struct fx_argument *argument = &runbook->arguments[index];
    for (size_t i = 0; i < fx_json_count(argument->choices); i++) {
        fx_json_put(arguments, argument->name, fx_json_item(argument->choices, i));
        allow_cases(a, runbook, index + 1, arguments);
    }
}

void iam_allow_runbook(struct iam_asked *a, const struct fx_runbook *runbook) {
    if (count_cases(runbook) <= IAM_MAX_CASES)
        allow_cases(a, runbook, 0, fx_json_object(a->sc));
    else
        allow_steps(a, runbook);
    fx_json_remove(a->names, "arguments");
}
