/* system.c - system.yaml but for its variables, classes, alarms and schedules. */
#include "private.h"

#include <string.h>

/* SQS: StartMessageMoveTask, MaxNumberOfMessagesPerSecond is at most 500; a visibility timeout is
 * at most twelve hours. */
enum { MAX_RATE = 500, MAX_VISIBILITY_S = 43200 };

/* What every text of system.yaml may read, and alarms may not. */
static struct fx_json *known_names(struct runbook_check *c) {
    struct fx_json *yes = fx_json_bool(c->scratch, true);

    return fx_json_object_of(c->scratch, "variables", yes, "environment", yes, NULL);
}

static void check_name(struct runbook_check *c, const char *path, const char *name) {
    if (!runbook_is_name(name))
        runbook_say(c, path, "a name is made of a-z, 0-9 and _, such as dlq, and is no Lua word");
}

static void check_queue(struct runbook_check *c, const char *path, const char *name,
                        const struct fx_json *queues, const struct fx_json *queue) {
    static const struct runbook_field fields[] = {
        {"url", RUNBOOK_TEXT, true},     {"arn", RUNBOOK_TEXT, true},
        {"source", RUNBOOK_TEXT, false}, {"idempotent", RUNBOOK_BOOL, false},
        {"rate", RUNBOOK_INT, false},    {"visibility", RUNBOOK_SCALAR, false},
        {"help", RUNBOOK_TEXT, false},
    };
    const char *source = fx_json_get_text(queue, "source");
    int64_t rate = fx_json_get_int(queue, "rate", 1);
    const char *seconds = fx_json_get_text(queue, "visibility");
    int64_t visibility = fx_json_get_int(queue, "visibility", 1);

    check_name(c, path, name);
    if (!runbook_check_fields(c, path, queue, "a queue", fields, FX_COUNT_OF(fields)))
        return;
    if (source != NULL && strcmp(source, name) == 0)
        runbook_say(c, runbook_path(c, path, "source"),
                    "a queue cannot be its own dead-letter queue");
    else if (source != NULL && fx_json_at(queues, source) == NULL)
        runbook_say(c, runbook_path(c, path, "source"), "there is no queue %s",
                    runbook_shown(c->scratch, fx_slice_of(source)));
    if (rate < 1 || rate > MAX_RATE)
        runbook_say(c, runbook_path(c, path, "rate"), "the rate is from 1 to %d messages a second",
                    MAX_RATE);
    if (visibility < 1 || visibility > MAX_VISIBILITY_S ||
        (seconds != NULL && !fx_expr_is_template(seconds)))
        runbook_say(c, runbook_path(c, path, "visibility"), "visibility is from 1 to %d seconds",
                    MAX_VISIBILITY_S);
}

static void check_queues(struct runbook_check *c, const struct fx_json *queues) {
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *queue = NULL;

    while (fx_json_next(queues, &cursor, &name, &queue))
        check_queue(c, runbook_path(c, "queues", name), name, queues, queue);
}

void runbook_check_database(struct runbook_check *c, const char *path, const char *name) {
    if (name != NULL && !fx_expr_is_template(name) &&
        fx_json_at(fx_json_at(c->definition, "databases"), name) == NULL)
        runbook_say(c, path, "%s is not among the databases of system.yaml",
                    runbook_shown(c->scratch, fx_slice_of(name)));
}

static void check_databases(struct runbook_check *c, const struct fx_json *databases) {
    static const struct runbook_field fields[] = {{"help", RUNBOOK_TEXT, false},
                                                  {"kind", RUNBOOK_TEXT, false},
                                                  {"changes", RUNBOOK_BOOL, false}};
    static const char *const kinds[] = {"postgresql", "redis"};
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *database = NULL;

    while (fx_json_next(databases, &cursor, &name, &database)) {
        const char *path = runbook_path(c, "databases", name);

        check_name(c, path, name);
        if (fx_json_type(database) != FX_JSON_NULL)
            runbook_check_fields(c, path, database,
                                 "a database (its connection string stands in the configuration)",
                                 fields, FX_COUNT_OF(fields));
        runbook_check_word(c, runbook_path(c, path, "kind"), fx_json_get_text(database, "kind"),
                           kinds, FX_COUNT_OF(kinds));
        if (fx_json_get_bool(database, "changes", false) &&
            fx_json_get_text(database, "kind") != NULL &&
            strcmp(fx_json_get_text(database, "kind"), "redis") == 0)
            runbook_say(c, runbook_path(c, path, "changes"),
                        "a Redis is only asked here; leave `changes` out");
    }
}

/* What is encrypted with a key of the account's own, which `fluxabot iam` then grants. */
static void check_encrypted(struct runbook_check *c, const struct fx_json *rows) {
    static const struct runbook_field fields[] = {{"queue", RUNBOOK_TEXT, false},
                                                  {"bucket", RUNBOOK_TEXT, false},
                                                  {"function", RUNBOOK_TEXT, false},
                                                  {"key", RUNBOOK_TEXT, true}};

    for (size_t i = 0; i < fx_json_count(rows); i++) {
        const struct fx_json *row = fx_json_item(rows, i);
        const char *path = runbook_path_item(c, "encrypted", i);
        const char *queue = fx_json_get_text(row, "queue");

        if (!runbook_check_fields(c, path, row, "what is encrypted", fields, FX_COUNT_OF(fields)))
            continue;
        if ((queue != NULL) + (fx_json_at(row, "bucket") != NULL) +
                (fx_json_at(row, "function") != NULL) !=
            1)
            runbook_say(c, path, "name one of queue, bucket and function");
        if (queue != NULL && fx_json_at(fx_json_at(c->definition, "queues"), queue) == NULL)
            runbook_say(c, runbook_path(c, path, "queue"), "there is no queue %s",
                        runbook_shown(c->scratch, fx_slice_of(queue)));
    }
}

static void check_log_groups(struct runbook_check *c, const struct fx_json *groups) {
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *group = NULL;

    while (fx_json_next(groups, &cursor, &name, &group)) {
        const char *path = runbook_path(c, "log_groups", name);

        check_name(c, path, name);
        if (fx_json_text(group) == NULL || fx_json_text(group)[0] == '\0')
            runbook_say(c, path, "a log group is a text such as /aws/lambda/fluxa-processor");
    }
}

static void check_schema(struct runbook_check *c, const struct fx_json *schema) {
    static const struct runbook_field fields[] = {
        {"required", RUNBOOK_TEXTS, true},
        {"reference", RUNBOOK_TEXT, false},
    };

    if (fx_json_type(schema) == FX_JSON_OBJECT)
        runbook_check_fields(c, "schema", schema, "the schema", fields, FX_COUNT_OF(fields));
}

/* Where the cause of a dead letter is looked up. */
static void check_evidence(struct runbook_check *c, const struct fx_json *evidence) {
    static const struct runbook_field fields[] = {
        {"database", RUNBOOK_TEXT, false},
        {"query", RUNBOOK_TEXT, false},
        {"log_groups", RUNBOOK_TEXTS, false},
    };
    const char *database = fx_json_get_text(evidence, "database");

    if (fx_json_type(evidence) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, "dlq_evidence", evidence, "dlq_evidence", fields,
                              FX_COUNT_OF(fields)))
        return;
    if ((database == NULL) != (fx_json_at(evidence, "query") == NULL))
        runbook_say(c, "dlq_evidence", "database and query belong together; give both or neither");
    runbook_check_database(c, "dlq_evidence.database", database);
}

static void check_name_of_system(struct runbook_check *c, const char *name) {
    if (name != NULL && strcmp(name, c->source->name) != 0)
        runbook_say(c, "system", "this is %s, but the configuration calls the system %s",
                    runbook_shown(c->scratch, fx_slice_of(name)), c->source->name);
}

static const struct fx_json *map_at(const struct fx_json *root, const char *key) {
    const struct fx_json *map = fx_json_at(root, key);

    return fx_json_type(map) == FX_JSON_OBJECT ? map : NULL;
}

void runbook_check_system(struct runbook_check *c) {
    static const struct runbook_field fields[] = {
        {"system", RUNBOOK_TEXT, true},       {"title", RUNBOOK_TEXT, true},
        {"variables", RUNBOOK_MAP, false},    {"queues", RUNBOOK_MAP, false},
        {"databases", RUNBOOK_MAP, false},    {"log_groups", RUNBOOK_MAP, false},
        {"dlq_classes", RUNBOOK_LIST, false}, {"schema", RUNBOOK_MAP, false},
        {"dlq_evidence", RUNBOOK_MAP, false}, {"show_fields", RUNBOOK_TEXTS, false},
        {"alarms", RUNBOOK_LIST, false},      {"schedules", RUNBOOK_LIST, false},
        {"proposals", RUNBOOK_LIST, false},   {"encrypted", RUNBOOK_LIST, false},
    };
    static const char *const filled[] = {"title",       "queues",       "databases",
                                         "log_groups",  "dlq_classes",  "schema",
                                         "show_fields", "dlq_evidence", "encrypted"};
    const struct fx_json *root = c->definition;
    struct fx_json *known = known_names(c);

    c->yaml = c->system_yaml;
    c->arguments = NULL;
    if (!runbook_check_fields(c, "", root, "system.yaml", fields, FX_COUNT_OF(fields)))
        return;
    check_name_of_system(c, fx_json_get_text(root, "system"));
    runbook_check_variables(c, map_at(root, "variables"));
    check_queues(c, map_at(root, "queues"));
    check_databases(c, map_at(root, "databases"));
    check_log_groups(c, map_at(root, "log_groups"));
    check_encrypted(c, fx_json_at(root, "encrypted"));
    check_schema(c, fx_json_at(root, "schema"));
    check_evidence(c, fx_json_at(root, "dlq_evidence"));
    runbook_check_classes(c, fx_json_at(root, "dlq_classes"));
    for (size_t i = 0; i < FX_COUNT_OF(filled); i++)
        runbook_check_texts(c, filled[i], fx_json_at(root, filled[i]), known);
}
