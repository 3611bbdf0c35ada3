/* lambda_world.c - the functions of the default world, and how POST /sandbox/world changes them. */
#include "lambda.h"

#include <string.h>

enum {
    ACCOUNT_LIMIT = 1000,
    UPDATE_MS = 400,
    MAPPING_MS = 400,
    PROVISION_MS = 800,
    HOUR_MS = 3600 * 1000,
};

#define ALIAS "live"
#define QUEUE_ARN(name) "arn:aws:sqs:" AWS_REGION ":" AWS_ACCOUNT ":" name

static void set_setting(struct sandbox_aws *aws, struct lambda_function *function, const char *key,
                        struct fx_json *value) {
    fx_json_put(function->versions->settings, key, fx_json_copy(aws->world, value));
}

static void add_alias(struct sandbox_aws *aws, struct lambda_function *function, const char *name,
                      const char *version) {
    struct lambda_alias *alias = FX_NEW(aws->world, struct lambda_alias);

    alias->name = fx_strdup(aws->world, name);
    alias->version = fx_strdup(aws->world, version);
    alias->description = "";
    alias->revision = lambda_revision(aws);
    alias->next = function->aliases;
    function->aliases = alias;
}

/* What a deployed function knows: the password is there so that tests can look for it in vain. */
static struct fx_json *environment(struct fx_scope *sc) {
    return fx_json_object_of(
        sc, "Variables",
        fx_json_object_of(sc, "DB_HOST",
                          fx_json_string(sc, "fluxa-prod.c9akciq32.us-east-1.rds.amazonaws.com"),
                          "DB_POOL_SIZE", fx_json_string(sc, "10"), "DB_PASSWORD",
                          fx_json_string(sc, "sandbox-password-of-a-function"), "PAYLOAD_BUCKET",
                          fx_json_string(sc, "fluxa-payloads"), NULL),
        NULL);
}

static struct fx_json *network(struct fx_scope *sc) {
    return fx_json_object_of(sc, "SubnetIds",
                             fx_json_array_of(sc, fx_json_string(sc, "subnet-0a1b2c3d4e5f60718"),
                                              fx_json_string(sc, "subnet-08f7e6d5c4b3a2910"), NULL),
                             "SecurityGroupIds",
                             fx_json_array_of(sc, fx_json_string(sc, "sg-0a9b8c7d6e5f43210"), NULL),
                             "VpcId", fx_json_string(sc, "vpc-0c0ffee0123456789"), NULL);
}

static void make_function(struct sandbox_aws *aws, const char *name, int64_t timeout_s,
                          int64_t memory_mb) {
    static const struct {
        const char *number;
        int64_t hours;
    } published[] = {{"5", 31 * 24}, {"6", 12 * 24}, {"7", 3 * 24}};
    struct lambda_function *function = lambda_function_new(aws, name);
    int64_t now_ms = fx_wall_ms(aws->sb->clock);
    struct fx_scope *sc = aws->world;

    set_setting(aws, function, "Timeout", fx_json_int(sc, timeout_s));
    set_setting(aws, function, "MemorySize", fx_json_int(sc, memory_mb));
    set_setting(aws, function, "Environment", environment(sc));
    set_setting(aws, function, "VpcConfig", network(sc));
    function->versions->modified_ms = now_ms - published[2].hours * HOUR_MS;
    for (size_t i = 0; i < FX_COUNT_OF(published); i++)
        (void)lambda_publish(aws, function, published[i].number,
                             now_ms - published[i].hours * HOUR_MS);
    /* the newest version is what $LATEST was when it was published */
    function->versions->sha256 =
        lambda_version_find(function, fx_slice_of(published[2].number))->sha256;
    add_alias(aws, function, ALIAS, published[2].number);
}

void lambda_world(struct sandbox_aws *aws) {
    struct lambda_mapping *mapping;

    aws->lambda = FX_NEW(aws->world, struct lambda_state);
    aws->lambda->account_limit = ACCOUNT_LIMIT;
    aws->lambda->update_ms = UPDATE_MS;
    aws->lambda->mapping_ms = MAPPING_MS;
    aws->lambda->provision_ms = PROVISION_MS;
    make_function(aws, "fluxa-query", 3, 256);
    make_function(aws, "fluxa-processor", 3, 512);
    make_function(aws, "fluxa-ingest", 3, 256);
    lambda_find(aws, FX_SLICE("fluxa-processor"))->reserved = 20;
    mapping = lambda_mapping_new(
        aws, "arn:aws:lambda:" AWS_REGION ":" AWS_ACCOUNT ":function:fluxa-processor",
        QUEUE_ARN("Fluxa-InputQueue"));
    mapping->report_failures = true;
}

/* ---- POST /sandbox/world: "lambda", "functions", "mappings" ---- */

static void set_numbers(struct lambda_state *state, const struct fx_json *one) {
    state->account_limit = fx_json_get_int(one, "account_limit", state->account_limit);
    state->update_ms = fx_json_get_int(one, "update_ms", state->update_ms);
    state->mapping_ms = fx_json_get_int(one, "mapping_ms", state->mapping_ms);
    state->provision_ms = fx_json_get_int(one, "provision_ms", state->provision_ms);
}

static void remove_function(struct lambda_state *state, const struct lambda_function *function) {
    for (struct lambda_function **at = &state->functions; *at != NULL; at = &(*at)->next)
        if (*at == function) {
            *at = function->next;
            state->functions_count--;
            return;
        }
}

static const char *set_versions(struct sandbox_aws *aws, struct lambda_function *function,
                                const struct fx_json *versions) {
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    if (versions == NULL)
        return NULL;
    function->versions->next = NULL;
    for (size_t i = 0; i < fx_json_count(versions); i++) {
        const struct fx_json *one = fx_json_item(versions, i);
        const char *number = fx_json_get_text(one, "version");
        struct lambda_version *version =
            number != NULL
                ? lambda_publish(aws, function, number, now_ms - fx_json_get_int(one, "age_ms", 0))
                : NULL;

        if (version == NULL)
            return "a version of a function needs its number, and there is a limit to how many";
        if (fx_json_at(one, "description") != NULL)
            fx_json_put(version->settings, "Description",
                        fx_json_copy(aws->world, fx_json_at(one, "description")));
    }
    return NULL;
}

static const char *set_aliases(struct sandbox_aws *aws, struct lambda_function *function,
                               const struct fx_json *aliases) {
    if (aliases == NULL)
        return NULL;
    function->aliases = NULL;
    for (size_t i = 0; i < fx_json_count(aliases); i++) {
        const struct fx_json *one = fx_json_item(aliases, i);
        const char *name = fx_json_get_text(one, "name");
        const char *version = fx_json_get_text(one, "version");
        struct fx_json *weights = fx_json_at(one, "weights");

        if (name == NULL || version == NULL)
            return "an alias of a function needs name and version";
        add_alias(aws, function, name, version);
        if (weights != NULL)
            function->aliases->weights = fx_json_copy(aws->world, weights);
    }
    return NULL;
}

/* Environments that are ready already. */
static const char *set_provisioned(struct sandbox_aws *aws, struct lambda_function *function,
                                   const struct fx_json *configs) {
    if (configs == NULL)
        return NULL;
    function->provisioned = NULL;
    for (size_t i = 0; i < fx_json_count(configs); i++) {
        const struct fx_json *one = fx_json_item(configs, i);
        struct lambda_provisioned *config = FX_NEW(aws->world, struct lambda_provisioned);

        config->qualifier = fx_strdup(aws->world, fx_json_get_text(one, "qualifier"));
        config->requested = fx_json_get_int(one, "count", 1);
        config->modified_ms = fx_wall_ms(aws->sb->clock);
        config->next = function->provisioned;
        function->provisioned = config;
        if (config->qualifier == NULL)
            return "provisioned concurrency needs a qualifier";
    }
    return NULL;
}

/* $LATEST as a deployment leaves it: settings, age, how its updates end. */
static void set_latest(struct sandbox_aws *aws, struct lambda_function *function,
                       const struct fx_json *one) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value, *age = fx_json_at(one, "age_ms");

    while (fx_json_next(fx_json_at(one, "configuration"), &cursor, &key, &value))
        set_setting(aws, function, key, value);
    if (age != NULL)
        function->versions->modified_ms = fx_wall_ms(aws->sb->clock) - fx_json_to_int(age, 0);
    if (fx_json_at(one, "update_failure") != NULL) {
        function->update_failure = fx_strdup(aws->world, fx_json_get_text(one, "update_failure"));
        function->update_status = function->update_failure != NULL ? "Failed" : "Successful";
        function->update_reason = function->update_failure;
    }
    if (fx_json_at(one, "policy") != NULL)
        function->policy = fx_strdup(aws->world, fx_json_get_text(one, "policy"));
    if (fx_json_at(one, "reserved") != NULL) /* null: none */
        function->reserved = fx_json_get_int(one, "reserved", LAMBDA_NO_RESERVATION);
}

static const char *set_function(struct sandbox_aws *aws, const struct fx_json *one) {
    const char *name = fx_json_get_text(one, "name"), *problem;
    struct lambda_function *function;

    if (name == NULL)
        return "a function needs a name";
    function = lambda_find(aws, fx_slice_of(name));
    if (fx_json_get_bool(one, "deleted", false)) {
        if (function != NULL)
            remove_function(aws->lambda, function);
        return NULL;
    }
    if (function == NULL)
        function = lambda_function_new(aws, name);
    if (function == NULL)
        return "the world holds no more functions";
    set_latest(aws, function, one);
    problem = set_versions(aws, function, fx_json_at(one, "versions"));
    if (problem == NULL)
        problem = set_aliases(aws, function, fx_json_at(one, "aliases"));
    return problem != NULL ? problem
                           : set_provisioned(aws, function, fx_json_at(one, "provisioned"));
}

static void remove_mapping(struct lambda_state *state, const struct lambda_mapping *mapping) {
    for (struct lambda_mapping **at = &state->mappings; *at != NULL; at = &(*at)->next)
        if (*at == mapping) {
            *at = mapping->next;
            state->mappings_count--;
            return;
        }
}

/* The mapping of one function to one queue; both by name, the function's with its alias. */
static const char *set_mapping(struct sandbox_aws *aws, struct fx_scope *sc,
                               const struct fx_json *one) {
    const char *function = fx_json_get_text(one, "function");
    const char *queue = fx_json_get_text(one, "queue");
    struct lambda_mapping *mapping = NULL;

    if (function == NULL || queue == NULL)
        return "a mapping needs function and queue";
    const char *arn =
        fx_printf(sc, "arn:aws:lambda:" AWS_REGION ":" AWS_ACCOUNT ":function:%s", function);
    const char *queue_arn = fx_printf(sc, QUEUE_ARN("%s"), queue);
    for (struct lambda_mapping *m = aws->lambda->mappings; m != NULL; m = m->next)
        if (strcmp(m->function_arn, arn) == 0 && strcmp(m->queue_arn, queue_arn) == 0)
            mapping = m;
    if (fx_json_get_bool(one, "deleted", false)) {
        remove_mapping(aws->lambda, mapping);
        return NULL;
    }
    if (mapping == NULL)
        mapping = lambda_mapping_new(aws, arn, queue_arn);
    if (mapping == NULL)
        return "the world holds no more mappings";
    mapping->enabled = fx_json_get_bool(one, "enabled", mapping->enabled);
    mapping->batch_size = fx_json_get_int(one, "batch_size", mapping->batch_size);
    mapping->window_s = fx_json_get_int(one, "window", mapping->window_s);
    mapping->max_concurrency = fx_json_get_int(one, "max_concurrency", mapping->max_concurrency);
    mapping->report_failures = fx_json_get_bool(one, "report_failures", mapping->report_failures);
    return NULL;
}

const char *lambda_change(struct sandbox_aws *aws, struct fx_scope *sc,
                          const struct fx_json *body) {
    struct fx_json *functions = fx_json_at(body, "functions");
    struct fx_json *mappings = fx_json_at(body, "mappings");
    const char *problem = NULL;

    set_numbers(aws->lambda, fx_json_at(body, "lambda"));
    for (size_t i = 0; i < fx_json_count(functions) && problem == NULL; i++)
        problem = set_function(aws, fx_json_item(functions, i));
    for (size_t i = 0; i < fx_json_count(mappings) && problem == NULL; i++)
        problem = set_mapping(aws, sc, fx_json_item(mappings, i));
    return problem;
}
