/* variables.c - system.yaml's variables: what they are, and the values of each environment. */
#include "private.h"

#include <string.h>

static const char *const types[] = {"text",     "url",  "arn",    "integer", "number",
                                    "duration", "list", "choice", "boolean"};

static bool is_text_list(const struct fx_json *value) {
    size_t count = 0;

    if (fx_json_type(value) != FX_JSON_ARRAY)
        return false;
    for (size_t i = 0; i < fx_json_count(value); i++)
        count += fx_json_type(fx_json_item(value, i)) == FX_JSON_STRING;
    return count == fx_json_count(value);
}

static bool is_choice(const struct fx_json *choices, const struct fx_json *value) {
    for (size_t i = 0; i < fx_json_count(choices); i++)
        if (fx_json_equal(fx_json_item(choices, i), value))
            return true;
    return false;
}

const char *runbook_variable_problem(struct fx_scope *sc, const struct fx_json *declaration,
                                     const struct fx_json *value) {
    const char *type = fx_json_get_text(declaration, "type");
    const char *text = fx_json_text(value);
    struct fx_error err = {0};
    int64_t ms = 0;

    if (type == NULL)
        return NULL;
    if (strcmp(type, "integer") == 0)
        return fx_json_type(value) == FX_JSON_INT ? NULL : "must be a whole number";
    if (strcmp(type, "number") == 0)
        return fx_json_type(value) == FX_JSON_INT || fx_json_type(value) == FX_JSON_REAL
                   ? NULL
                   : "must be a number";
    if (strcmp(type, "boolean") == 0)
        return fx_json_type(value) == FX_JSON_BOOL ? NULL : "must be true or false";
    if (strcmp(type, "list") == 0)
        return is_text_list(value) ? NULL : "must be a list of texts";
    if (text == NULL)
        return "must be a text (in quotes when it looks like a number)";
    if (strcmp(type, "url") == 0)
        return runbook_pattern_fits(sc, "https?://[^[:space:]]+", text)
                   ? NULL
                   : "must be an address that begins with https:// or http://";
    /* docs.aws.amazon.com, "Amazon Resource Names": arn:partition:service:region:account:resource
     */
    if (strcmp(type, "arn") == 0)
        return runbook_pattern_fits(sc, "arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^[:space:]]+",
                                    text)
                   ? NULL
                   : "must be an ARN: arn:aws:service:region:account:resource";
    if (strcmp(type, "duration") == 0)
        return fx_step_parse_duration(fx_slice_of(text), &ms, &err) == FX_OK
                   ? NULL
                   : "must be a duration such as 30s, 5m or 2h";
    if (strcmp(type, "choice") == 0 && !is_choice(fx_json_at(declaration, "choices"), value))
        return "must be one of its choices";
    return NULL;
}

static void check_declaration(struct runbook_check *c, const char *path,
                              const struct fx_json *declaration) {
    static const struct runbook_field fields[] = {
        {"type", RUNBOOK_TEXT, true},
        {"default", RUNBOOK_ANY, false},
        {"choices", RUNBOOK_TEXTS, false},
        {"help", RUNBOOK_TEXT, false},
    };
    if (!runbook_check_fields(c, path, declaration, "a variable", fields, FX_COUNT_OF(fields)))
        return;
    const char *type = fx_json_get_text(declaration, "type");
    const struct fx_json *fallback = fx_json_at(declaration, "default");
    bool is_choices = type != NULL && strcmp(type, "choice") == 0;

    if (type == NULL)
        return;
    if (!runbook_is_one_of(type, types, FX_COUNT_OF(types))) {
        runbook_say(c, runbook_path(c, path, "type"), "%s is no type of a variable; use %s",
                    runbook_shown(c->scratch, fx_slice_of(type)),
                    runbook_or_list(c->scratch, types, FX_COUNT_OF(types)));
        return;
    }
    if (is_choices != (fx_json_count(fx_json_at(declaration, "choices")) > 0))
        runbook_say(c, path,
                    is_choices ? "a choice needs the list choices"
                               : "choices belong to the type choice alone");
    /* `default: null` says that the variable may be absent */
    if (fallback != NULL && fx_json_type(fallback) != FX_JSON_NULL) {
        const char *problem = runbook_variable_problem(c->scratch, declaration, fallback);

        if (problem != NULL)
            runbook_say(c, runbook_path(c, path, "default"), "the default %s", problem);
    }
}

static void check_value(struct runbook_check *c, const char *path, const char *environment,
                        const char *name, const struct fx_json *declaration,
                        const struct fx_json *value) {
    if (value == NULL && fx_json_at(declaration, "default") == NULL)
        runbook_say(c, path,
                    "the environment %s gives no value for %s, which has no default; set it under "
                    "systems.%s.environments.%s.variables",
                    environment, name, c->source->name, environment);
    else if (value != NULL && fx_json_type(value) != FX_JSON_NULL) {
        const char *problem = runbook_variable_problem(c->scratch, declaration, value);

        if (problem != NULL)
            runbook_say(c, path, "the value of %s in the environment %s %s", name, environment,
                        problem);
    }
}

static void check_environment(struct runbook_check *c, const struct fx_json *variables,
                              const char *environment, const struct fx_json *values) {
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *declaration = NULL;

    while (fx_json_next(variables, &cursor, &name, &declaration))
        check_value(c, runbook_path(c, "variables", name), environment, name, declaration,
                    fx_json_at(values, name));
    cursor = NULL;
    while (fx_json_next(values, &cursor, &name, NULL))
        if (fx_json_at(variables, name) == NULL)
            runbook_say(c, "variables",
                        "the environment %s sets the variable %s, which is not declared here",
                        environment, runbook_shown(c->scratch, fx_slice_of(name)));
}

void runbook_check_variables(struct runbook_check *c, const struct fx_json *variables) {
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *value = NULL;

    while (fx_json_next(variables, &cursor, &name, &value)) {
        const char *path = runbook_path(c, "variables", name);

        if (!runbook_is_name(name))
            runbook_say(c, path, "a variable's name is made of a-z, 0-9 and _, such as dlq_url");
        check_declaration(c, path, value);
    }
    runbook_check_texts(c, "variables", variables, NULL);
    cursor = NULL;
    while (fx_json_next(c->source->environments, &cursor, &name, &value))
        check_environment(c, variables, name, value);
}

void runbook_say_unused_variables(struct runbook_check *c) {
    void *cursor = NULL;
    const char *name = NULL;

    if (c->all_variables_used)
        return;
    while (fx_json_next(fx_json_at(c->definition, "variables"), &cursor, &name, NULL))
        if (fx_json_at(c->used_variables, name) == NULL)
            runbook_say(c, runbook_path(c, "variables", name),
                        "the variable %s is not used by any command or here; remove it", name);
}
