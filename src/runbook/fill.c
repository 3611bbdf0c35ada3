/* fill.c - system.yaml with the variables of one environment put in. */
#include "private.h"

#include <string.h>

static enum fx_code value_of(struct fx_scope *sc, const char *name,
                             const struct fx_json *declaration, const struct fx_json *given,
                             struct fx_json **ret_value, struct fx_error *err) {
    const struct fx_json *value = given == NULL ? fx_json_at(declaration, "default") : given;

    if (value == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s has no value", name);
    if (fx_json_type(value) != FX_JSON_NULL) {
        const char *problem = runbook_variable_problem(sc, declaration, value);

        if (problem != NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s %s", name, problem);
    }
    *ret_value = fx_json_copy(sc, value);
    return FX_OK;
}

static enum fx_code refuse_unknown(const struct fx_json *declared, const struct fx_json *given,
                                   struct fx_error *err) {
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(given, &cursor, &name, NULL))
        if (fx_json_at(declared, name) == NULL)
            return fx_fail(err, FX_ERR_INPUT, "%s is not declared in system.yaml", name);
    return FX_OK;
}

static enum fx_code all_values(struct fx_scope *sc, const struct fx_json *declared,
                               const struct fx_json *given, struct fx_json **ret_values,
                               struct fx_error *err) {
    struct fx_json *values = fx_json_object(sc), *declaration = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    FX_TRY(refuse_unknown(declared, given, err));
    while (fx_json_next(declared, &cursor, &name, &declaration)) {
        struct fx_json *value = NULL;

        FX_TRY(value_of(sc, name, declaration, fx_json_at(given, name), &value, err));
        fx_json_put(values, name, value);
    }
    *ret_values = values;
    return FX_OK;
}

enum fx_code fx_system_fill(struct fx_scope *sc, const struct fx_system *system,
                            const char *environment, const struct fx_json *variables,
                            struct fx_json **ret_filled, struct fx_error *err) {
    struct fx_json *filled = fx_json_object(sc), *values = NULL, *section = NULL;
    void *cursor = NULL;
    const char *key = NULL;

    if (all_values(sc, fx_json_at(system->definition, "variables"), variables, &values, err) !=
        FX_OK)
        return fx_fail_in(err, "systems.%s.environments.%s.variables", system->name, environment);
    struct fx_json *names = fx_json_object_of(sc, "variables", values, "environment",
                                              fx_json_string(sc, environment), NULL);

    while (fx_json_next(system->definition, &cursor, &key, &section)) {
        struct fx_json *value = NULL;

        /* routes and schedules are read from the system; what an alarm says is not filled in, and
         * what a schedule compares only when its run ends */
        if (strcmp(key, "variables") == 0 || strcmp(key, "alarms") == 0 ||
            strcmp(key, "schedules") == 0 || strcmp(key, "proposals") == 0)
            continue;
        if (fx_expr_fill_all(sc, section, names, &value, err) != FX_OK)
            return fx_fail_in(err, "%s of the system %s", key, system->name);
        fx_json_put(filled, key, value);
    }
    fx_json_put(filled, "variables", values);
    *ret_filled = filled;
    return FX_OK;
}
