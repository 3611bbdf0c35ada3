/* iam.c - which calls of AWS the configured runbooks make, and on what. */
#include "private.h"

#include "fluxabot/aws.h"
#include "fluxabot/expr.h"

#include <string.h>

static const char everything[] = "*";

/* Combinations of choice arguments that are looked at one by one; with more, a resource that
 * depends on them is everything. */
enum { IAM_MAX_CASES = 64 };

/* What one environment of one system may be asked to do. */
struct asked {
    struct fx_scope *sc;
    struct fx_json *actions; /* action -> {resource: true} */
    struct fx_json *filled;  /* system.yaml with this environment's variables */
    struct fx_json *names;   /* what a step's parameters may say before anything ran */
    const char *partition, *region, *account; /* of its queues; "*" */
};

static void allow(struct fx_scope *sc, struct fx_json *actions, const char *action,
                  const char *resource) {
    struct fx_json *resources = fx_json_at(actions, action);

    if (resources == NULL) {
        resources = fx_json_object(sc);
        fx_json_put(actions, action, resources);
    }
    fx_json_put(resources, resource, fx_json_bool(sc, true));
}

static void allow_call(struct asked *a, const char *operation, const char *resource) {
    struct fx_slice service, name;

    if (!fx_slice_split(fx_slice_of(operation), ':', &service, &name))
        return;
    allow(a->sc, a->actions,
          fx_aws_iam_action(a->sc, fx_slice_dup(a->sc, service), fx_slice_dup(a->sc, name)),
          resource);
}

/* ---- the resource behind a name ---- */

/* Where queues are is where the rest is; arn:partition:service:region:account:name. */
static void read_place(struct asked *a) {
    struct fx_json *queue = NULL;
    void *cursor = NULL;
    const char *key = NULL;

    a->partition = "aws";
    a->region = a->account = everything;
    while (fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue)) {
        struct fx_slice rest = fx_json_text_slice(fx_json_at(queue, "arn")), part[5];
        bool whole = true;

        for (size_t i = 0; i < FX_COUNT_OF(part) && whole; i++)
            whole = fx_slice_split(rest, ':', &part[i], &rest);
        if (!whole)
            continue;
        a->partition = fx_slice_dup(a->sc, part[1]);
        a->region = fx_slice_dup(a->sc, part[3]);
        a->account = fx_slice_dup(a->sc, part[4]);
        return;
    }
}

static const char *arn(const struct asked *a, const char *service, const char *kind,
                       const char *name) {
    return fx_printf(a->sc, "arn:%s:%s:%s:%s:%s%s", a->partition, service, a->region, a->account,
                     kind, name);
}

static const char *log_group_arn(const struct asked *a, const char *name) {
    return fx_printf(a->sc, "%s:*", arn(a, "logs", "log-group:", name));
}

static const char *queue_arn(const struct asked *a, const char *name) {
    const char *found = fx_json_get_text(fx_json_at(fx_json_at(a->filled, "queues"), name), "arn");

    return found != NULL ? found : everything;
}

static const char *arn_of_queue_url(const struct asked *a, const char *url) {
    struct fx_json *queue = NULL;
    void *cursor = NULL;
    const char *key = NULL, *found;

    while (fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue))
        if ((found = fx_json_get_text(queue, "url")) != NULL && strcmp(found, url) == 0)
            return queue_arn(a, key);
    return everything;
}

/* An ARN of another service is not what the call is made on: the queue of
 * lambda:ListEventSourceMappings, which only everything allows. */
static bool is_of_service(const struct asked *a, const char *operation, const char *value) {
    struct fx_slice service, name, prefix, rest = fx_slice_of(value), part = {0};

    fx_slice_split(fx_slice_of(operation), ':', &service, &name);
    fx_slice_split(fx_slice_of(fx_aws_iam_action(a->sc, fx_slice_dup(a->sc, service),
                                                 fx_slice_dup(a->sc, name))),
                   ':', &prefix, &name);
    for (int i = 0; i < 3; i++)
        fx_slice_split(rest, ':', &part, &rest);
    return fx_slice_equal(part, prefix);
}

static const char *function_arn(const struct asked *a, const char *name) {
    return name != NULL ? arn(a, "lambda", "function:", name) : everything;
}

static const char *objects_arn(const struct asked *a, const char *bucket) {
    return bucket != NULL ? fx_printf(a->sc, "arn:%s:s3:::%s/*", a->partition, bucket) : everything;
}

/* Parameters of AWS that name what a call is made on. */
static const char *arn_of_parameter(const struct asked *a, const char *operation, const char *name,
                                    const char *value) {
    static const struct {
        const char *name, *service, *kind;
    } named[] = {
        {"FunctionName", "lambda", "function:"},
        {"DBInstanceIdentifier", "rds", "db:"},
        {"DBParameterGroupName", "rds", "pg:"},
    };

    if (strncmp(value, "arn:", 4) == 0)
        return is_of_service(a, operation, value) ? value : NULL;
    if (strcmp(name, "QueueUrl") == 0)
        return arn_of_queue_url(a, value);
    if (strcmp(name, "logGroupName") == 0)
        return log_group_arn(a, value);
    if (strcmp(name, "Bucket") == 0)
        return fx_printf(a->sc, "arn:%s:s3:::%s", a->partition, value);
    for (size_t i = 0; i < FX_COUNT_OF(named); i++)
        if (strcmp(named[i].name, name) == 0)
            return arn(a, named[i].service, named[i].kind, value);
    return NULL;
}

/* ---- what a step calls ---- */

/* A parameter's value when it depends on the configuration alone; NULL: only a run will know. */
static const struct fx_json *known_value(struct asked *a, const struct fx_json *params,
                                         const char *name) {
    const struct fx_json *value = fx_json_at(params, name);
    struct fx_json *filled = NULL;
    struct fx_error ignored = {0};

    if (value == NULL || fx_expr_fill_all(a->sc, value, a->names, &filled, &ignored) != FX_OK)
        return NULL;
    return filled;
}

static void allow_groups(struct asked *a, const char *operation, const struct fx_json *groups) {
    if (fx_json_count(groups) == 0)
        allow_call(a, operation, everything);
    for (size_t i = 0; i < fx_json_count(groups); i++)
        allow_call(a, operation, log_group_arn(a, fx_json_text(fx_json_item(groups, i))));
}

static void allow_gates(struct asked *a, const char *operation) {
    const struct fx_json *classes = fx_json_at(a->filled, "dlq_classes");

    for (size_t i = 0; i < fx_json_count(classes); i++) {
        const struct fx_json *gate = fx_json_at(fx_json_item(classes, i), "gate");
        const char *instance = fx_json_get_text(gate, "instance");

        if (instance != NULL)
            allow_call(a, operation, arn(a, "rds", "db:", instance));
    }
}

/* An empty name: it is not configured, and nothing is called. */
static void allow_own_bucket(struct asked *a, const struct fx_step_call *call, const char *bucket) {
    if (bucket != NULL && bucket[0] == '\0')
        return;
    if (bucket == NULL || strcmp(call->on, "bucket") == 0)
        allow_call(a, call->operation, objects_arn(a, bucket));
    else
        allow_call(a, call->operation, fx_printf(a->sc, "arn:%s:s3:::%s", a->partition, bucket));
}

static void allow_own_call(struct asked *a, const struct fx_step_call *call,
                           const struct fx_json *params) {
    const char *queue;

    if (call->on == NULL)
        allow_call(a, call->operation, everything);
    else if (strcmp(call->on, "gates") == 0)
        allow_gates(a, call->operation);
    else if (call->on[0] == '/')
        allow_groups(a, call->operation, fx_json_at_path(a->filled, call->on + 1));
    else if (strcmp(call->on, "groups") == 0)
        allow_groups(a, call->operation, known_value(a, params, "groups"));
    else if (strcmp(call->on, "function") == 0)
        allow_call(a, call->operation,
                   function_arn(a, fx_json_text(known_value(a, params, "function"))));
    else if (strncmp(call->on, "bucket", strlen("bucket")) == 0)
        allow_own_bucket(a, call, fx_json_text(known_value(a, params, "bucket")));
    else if ((queue = fx_json_text(known_value(a, params, "queue"))) == NULL)
        allow_call(a, call->operation, everything);
    else if (strcmp(call->on, "queue") == 0)
        allow_call(a, call->operation, queue_arn(a, queue));
    else
        allow_call(a, call->operation,
                   queue_arn(a, fx_json_get_text(fx_json_at(fx_json_at(a->filled, "queues"), queue),
                                                 "source")));
}

/* A version or an alias has an ARN of its own, and a call on it is allowed for that one alone. */
static const char *qualified(struct asked *a, const char *resource, const struct fx_json *with) {
    const struct fx_json *qualifier = known_value(a, with, "Qualifier");
    const char *text = fx_json_text(qualifier);

    if (text == NULL) /* only a run will know */
        return fx_printf(a->sc, "%s:*", resource);
    if (text[0] == '\0')
        return resource;
    return fx_printf(a->sc, "%s:%s", resource, text);
}

/* The operation that the runbook names itself. */
static void allow_named_call(struct asked *a, const char *operation, const struct fx_json *with) {
    struct fx_json *value = NULL;
    void *cursor = NULL;
    const char *name = NULL, *resource = NULL;

    while (resource == NULL && fx_json_next(with, &cursor, &name, &value)) {
        const char *text = fx_json_text(known_value(a, with, name));

        if (text != NULL)
            resource = arn_of_parameter(a, operation, name, text);
        /* what is done to an object is allowed for objects, not for their bucket */
        if (text != NULL && strcmp(name, "Bucket") == 0 && fx_json_at(with, "Key") != NULL)
            resource = objects_arn(a, text);
    }
    /* backups are resources of their own, named by no parameter */
    if (strstr(operation, "Snapshots") != NULL || strstr(operation, "AutomatedBackups") != NULL)
        resource = NULL;
    if (resource != NULL && fx_json_at(with, "Qualifier") != NULL)
        resource = qualified(a, resource, with);
    allow_call(a, operation, resource != NULL ? resource : everything);
}

/* What a changing step looks at before and after. */
static void allow_reads(struct asked *a, const struct fx_json *reads) {
    struct fx_json *read = NULL;
    void *cursor = NULL;
    const char *name = NULL, *operation;

    while (fx_json_next(reads, &cursor, &name, &read))
        if ((operation = fx_json_get_text(read, "operation")) != NULL)
            allow_named_call(a, operation, fx_json_at(read, "with"));
}

/* What the configuration alone rules out is never called. */
static bool may_run(struct asked *a, const struct fx_runbook_step *step) {
    struct fx_json *wanted = NULL;
    struct fx_error ignored = {0};

    return step->when == NULL ||
           fx_expr_fill(a->sc, step->when, a->names, &wanted, &ignored) != FX_OK ||
           fx_json_to_bool(wanted, true);
}

static void allow_steps(struct asked *a, const struct fx_runbook *runbook) {
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
static void allow_cases(struct asked *a, const struct fx_runbook *runbook, size_t index,
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

static void allow_runbook(struct asked *a, const struct fx_runbook *runbook) {
    if (count_cases(runbook) <= IAM_MAX_CASES)
        allow_cases(a, runbook, 0, fx_json_object(a->sc));
    else
        allow_steps(a, runbook);
    fx_json_remove(a->names, "arguments");
}

/* ---- what is encrypted ---- */

/* What a call needs of the key of what it is made on (AWS KMS Developer Guide and the services'
 * own pages): reading asks for the data key to be decrypted, writing for a new one as well. */
static const struct {
    const char *member, *action;
    bool writes;
} keyed[] = {
    {"queue", "sqs:ReceiveMessage", false},
    {"queue", "sqs:SendMessage", true},
    {"queue", "sqs:StartMessageMoveTask", false},
    {"bucket", "s3:GetObject", false},
    {"function", "lambda:GetFunctionConfiguration", false},
};

static const char *arn_of_encrypted(const struct asked *a, const struct fx_json *row,
                                    const char *member) {
    const char *name = fx_json_get_text(row, member);

    if (name == NULL)
        return NULL;
    if (strcmp(member, "queue") == 0)
        return queue_arn(a, name);
    return strcmp(member, "bucket") == 0 ? objects_arn(a, name) : function_arn(a, name);
}

static bool is_allowed(const struct asked *a, const char *action, const char *resource) {
    const struct fx_json *resources = fx_json_at(a->actions, action);

    return fx_json_at(resources, resource) != NULL || fx_json_at(resources, everything) != NULL;
}

/* What a move task takes from one queue it puts into another one. */
static bool is_filled_by_a_task(const struct asked *a, const struct fx_json *row) {
    const char *name = fx_json_get_text(row, "queue"), *key = NULL, *source;
    struct fx_json *queue = NULL;
    void *cursor = NULL;

    while (name != NULL && fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue))
        if ((source = fx_json_get_text(queue, "source")) != NULL && strcmp(source, name) == 0 &&
            is_allowed(a, "sqs:StartMessageMoveTask", queue_arn(a, key)))
            return true;
    return false;
}

static void allow_keys(struct asked *a) {
    const struct fx_json *rows = fx_json_at(a->filled, "encrypted");

    for (size_t i = 0; i < fx_json_count(rows); i++) {
        const struct fx_json *row = fx_json_item(rows, i);
        const char *key = fx_json_get_text(row, "key");
        bool reads = false, writes = is_filled_by_a_task(a, row);

        for (size_t k = 0; k < FX_COUNT_OF(keyed); k++) {
            const char *resource = arn_of_encrypted(a, row, keyed[k].member);

            if (resource == NULL || !is_allowed(a, keyed[k].action, resource))
                continue;
            reads = true;
            writes |= keyed[k].writes;
        }
        if (key == NULL || key[0] == '\0')
            continue;
        if (reads || writes)
            allow(a->sc, a->actions, "kms:Decrypt", key);
        if (writes)
            allow(a->sc, a->actions, "kms:GenerateDataKey", key);
    }
}

/* ---- whose policy ---- */

/* runbook NULL: all of them. */
static enum fx_code allow_environment(struct fx_scope *sc, const struct fx_engine_system *system,
                                      const struct fx_environment *environment,
                                      const struct fx_runbook *runbook, struct fx_json *actions,
                                      struct fx_error *err) {
    struct asked a = {.sc = sc, .actions = actions};

    FX_TRY(fx_system_fill(sc, system->system, environment->name, environment->variables, &a.filled,
                          err));
    a.names = fx_json_object_of(sc, "variables", fx_json_at(a.filled, "variables"), "queue",
                                fx_json_at(a.filled, "queues"), "environment",
                                fx_json_string(sc, environment->name), NULL);
    read_place(&a);
    for (size_t k = 0; k < system->system->runbooks_count; k++)
        if (runbook == NULL || runbook == &system->system->runbooks[k])
            allow_runbook(&a, &system->system->runbooks[k]);
    allow_keys(&a);
    return FX_OK;
}

enum fx_code app_iam_of_command(struct fx_scope *sc, const struct fx_engine_system *system,
                                const struct fx_environment *environment,
                                const struct fx_runbook *runbook, struct fx_json **ret_actions,
                                struct fx_error *err) {
    *ret_actions = fx_json_object(sc);
    return allow_environment(sc, system, environment, runbook, *ret_actions, err);
}

/* What the bot does without a runbook: it looks for alarms that it missed, draws the metric of
 * those that begin, and confirms its subscriptions. */
static void allow_topics(struct fx_scope *sc, const struct app_config *config,
                         const struct fx_engine_system *system,
                         const struct fx_environment *environment, struct fx_json *actions) {
    for (size_t i = 0; i < config->topics_count; i++) {
        const struct fx_engine_topic *topic = &config->topics[i];

        if (strcmp(topic->system, system->system->name) != 0 ||
            strcmp(topic->environment, environment->name) != 0)
            continue;
        allow(sc, actions, "cloudwatch:DescribeAlarms", everything);
        allow(sc, actions, "cloudwatch:DescribeAlarmHistory", everything);
        allow(sc, actions, "cloudwatch:GetMetricData", everything);
        allow(sc, actions, "sns:ConfirmSubscription", topic->arn);
    }
}

enum fx_code app_iam_actions(struct fx_scope *sc, const struct app_config *config, const char *only,
                             struct fx_json **ret_actions, struct fx_error *err) {
    struct fx_json *actions = fx_json_object(sc);
    bool found = only == NULL;

    for (size_t i = 0; i < config->systems_count; i++)
        for (size_t k = 0; k < config->systems[i].environments_count; k++) {
            const struct fx_engine_system *system = &config->systems[i];
            const struct fx_environment *environment = &system->environments[k];

            if (only != NULL && strcmp(only, environment->name) != 0)
                continue;
            found = true;
            if (only == NULL && environment->role_arn != NULL) {
                allow(sc, actions, "sts:AssumeRole", environment->role_arn);
                continue;
            }
            allow_topics(sc, config, system, environment, actions);
            FX_TRY(allow_environment(sc, system, environment, NULL, actions, err));
        }
    if (!found)
        return fx_fail(err, FX_ERR_INPUT, "no system has an environment %s", only);
    *ret_actions = actions;
    return FX_OK;
}
