/* params.c - which kind a step is of, and its parameters against the rows of that kind. */
#include "private.h"

#include <string.h>

static const char *const own_keys[] = {"id", "when", "timeout", "on_error", "with", "each"};

static const struct fx_step_kind *find_kind(const struct runbook_check *c, const char *name) {
    for (size_t i = 0; i < c->kinds_count; i++)
        if (strcmp(c->kinds[i]->name, name) == 0)
            return c->kinds[i];
    return NULL;
}

static void say_unknown_key(struct runbook_check *c, const char *path, const char *key) {
    size_t own = FX_COUNT_OF(own_keys), count = own + c->kinds_count;
    const char **names = fx_alloc(c->scratch, count * sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = i < own ? own_keys[i] : c->kinds[i - own]->name;
    const char *meant = runbook_nearest(key, names, count);
    const char *shown = runbook_shown(c->scratch, fx_slice_of(key));

    if (meant != NULL)
        runbook_say(c, path, "there is no step kind %s; did you mean %s?", shown, meant);
    else
        runbook_say(c, path, "there is no step kind %s", shown);
}

/* Sets *ret_key when there is exactly one kind; says so otherwise. */
static const struct fx_step_kind *choose_kind(struct runbook_check *c, const char *path,
                                              const struct fx_json *step) {
    const struct fx_step_kind *chosen = NULL;
    bool is_unknown = false;
    void *cursor = NULL;
    const char *key = NULL;

    while (fx_json_next(step, &cursor, &key, NULL)) {
        const char *here = runbook_path(c, path, key);
        const struct fx_step_kind *kind = find_kind(c, key);

        if (runbook_is_one_of(key, own_keys, FX_COUNT_OF(own_keys)))
            continue;
        if (kind == NULL) {
            say_unknown_key(c, here, key);
            is_unknown = true;
        } else if (chosen != NULL)
            runbook_say(c, here, "a step is of one kind: %s or %s, not both", chosen->name, key);
        else
            chosen = kind;
    }
    if (chosen == NULL && !is_unknown)
        runbook_say(c, path, "the step says nothing to do; it needs the key of a step kind");
    return chosen;
}

static const struct fx_step_param *find_param(const struct fx_step_kind *kind, const char *name) {
    for (size_t i = 0; name != NULL && i < kind->params_count; i++)
        if (strcmp(kind->params[i].name, name) == 0)
            return &kind->params[i];
    return NULL;
}

static void say_unknown_param(struct runbook_check *c, const char *path,
                              const struct fx_step_kind *kind, const char *name) {
    const char **names = fx_alloc(c->scratch, (kind->params_count + 1) * sizeof *names);

    for (size_t i = 0; i < kind->params_count; i++)
        names[i] = kind->params[i].name;
    const char *meant = runbook_nearest(name, names, kind->params_count);
    const char *shown = runbook_shown(c->scratch, fx_slice_of(name));

    if (meant != NULL)
        runbook_say(c, path, "%s has no parameter %s; did you mean %s?", kind->name, shown, meant);
    else if (kind->params_count == 0)
        runbook_say(c, path, "%s has no parameters", kind->name);
    else
        runbook_say(c, path, "%s has no parameter %s; it takes %s", kind->name, shown,
                    runbook_or_list(c->scratch, names, kind->params_count));
}

/* Names in system.yaml; types are checked elsewhere. */
static void check_target(struct runbook_check *c, const char *path,
                         const struct fx_step_param *param, const struct fx_json *value) {
    const char *section = param->type == FX_PARAM_QUEUE      ? "queues"
                          : param->type == FX_PARAM_DATABASE ? "databases"
                                                             : NULL;
    const char *name = fx_json_text(value);
    size_t count = 0;
    void *cursor = NULL;

    if (section == NULL || name == NULL || fx_expr_is_template(name) || c->system_yaml == NULL)
        return;
    const struct fx_json *targets = fx_json_at(c->definition, section);
    if (fx_json_at(targets, name) != NULL)
        return;
    const char **names = fx_alloc(c->scratch, (fx_json_count(targets) + 1) * sizeof *names);
    while (fx_json_next(targets, &cursor, &names[count], NULL))
        count++;
    const char *meant = runbook_nearest(name, names, count);
    runbook_say(c, path, "%s is not among the %s of system.yaml%s%s%s",
                runbook_shown(c->scratch, fx_slice_of(name)), section,
                meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
                meant == NULL ? "" : "?");
}

/* One parameter alone, so that each mistake is told with its own line. */
static void take_param(struct runbook_check *c, const char *path, const struct fx_step_kind *kind,
                       const char *name, struct fx_json *value, struct fx_json *params) {
    const struct fx_step_param *param = find_param(kind, name);
    struct fx_error err = {0};
    struct fx_json *ignored = NULL;

    if (param == NULL) {
        say_unknown_param(c, path, kind, name);
        return;
    }
    if (fx_json_at(params, name) != NULL) {
        runbook_say(c, path, "the parameter %s is given twice", name);
        return;
    }
    struct fx_step_kind alone = *kind;
    alone.params = param;
    alone.params_count = 1;
    struct fx_json *one = fx_json_object_of(c->scratch, name, value, NULL);
    if (fx_step_fill_params(c->scratch, &alone, one, &ignored, &err) != FX_OK)
        runbook_say(c, path, "%s", err.message);
    check_target(c, path, param, value);
    fx_json_put(params, name, value);
}

static bool takes_shorthand(const struct fx_step_kind *kind, const struct fx_json *value) {
    const struct fx_step_param *param = find_param(kind, kind->shorthand);
    enum fx_json_type type = fx_json_type(value);

    if (param == NULL || type == FX_JSON_NULL)
        return false;
    if (type == FX_JSON_ARRAY)
        return param->type == FX_PARAM_LIST || param->type == FX_PARAM_ANY;
    return type != FX_JSON_OBJECT;
}

static void gather(struct runbook_check *c, const char *path, const struct fx_json *step,
                   const struct fx_step_kind *kind, struct fx_json *params) {
    struct fx_json *value = fx_json_at(step, kind->name), *with = fx_json_at(step, "with");
    const char *here = runbook_path(c, path, kind->name);
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *member = NULL;

    if (takes_shorthand(kind, value))
        take_param(c, here, kind, kind->shorthand, value, params);
    else if (fx_json_type(value) == FX_JSON_OBJECT)
        while (fx_json_next(value, &cursor, &name, &member))
            take_param(c, runbook_path(c, here, name), kind, name, member, params);
    else if (fx_json_type(value) != FX_JSON_NULL)
        runbook_say(c, here, "%s takes a map of parameters", kind->name);
    if (with != NULL && kind->with == NULL)
        runbook_say(c, runbook_path(c, path, "with"),
                    "%s has no use for with; put its parameters below %s", kind->name, kind->name);
    else if (with != NULL)
        take_param(c, runbook_path(c, path, "with"), kind, kind->with, with, params);
}

/* Required ones, fallbacks, and what the kind itself knows. */
static struct fx_json *finish(struct runbook_check *c, const char *path,
                              const struct fx_step_kind *kind, struct fx_json *params) {
    struct fx_json *filled = params;
    struct fx_error err = {0};

    for (size_t i = 0; i < kind->params_count; i++)
        if (kind->params[i].required && kind->params[i].fallback == NULL &&
            fx_json_at(params, kind->params[i].name) == NULL) {
            runbook_say(c, path, "%s needs %s%s%s", kind->name, kind->params[i].name,
                        kind->params[i].help == NULL ? "" : ": ",
                        kind->params[i].help == NULL ? "" : kind->params[i].help);
            return params;
        }
    if (fx_step_fill_params(c->scratch, kind, params, &filled, &err) != FX_OK)
        return params;
    if (kind->check != NULL && c->system_yaml != NULL &&
        kind->check(c->scratch, c->definition, filled, &err) != FX_OK)
        runbook_say(c, path, "%s", err.message);
    return filled;
}

struct fx_json *runbook_step_params(struct runbook_check *c, const char *path,
                                    const struct fx_json *step, const struct fx_json *known,
                                    const struct fx_step_kind **ret_kind) {
    struct fx_json *params = fx_json_object(c->scratch);
    size_t before = c->findings_count;

    *ret_kind = choose_kind(c, path, step);
    if (*ret_kind == NULL)
        return params;
    const char *here = runbook_path(c, path, (*ret_kind)->name);
    gather(c, path, step, *ret_kind, params);
    runbook_check_texts(c, here, fx_json_at(step, (*ret_kind)->name), known);
    runbook_check_texts(c, runbook_path(c, path, "with"), fx_json_at(step, "with"), known);
    return c->findings_count == before ? finish(c, here, *ret_kind, params) : params;
}

const char *runbook_names_step(const struct fx_step_kind *kind, const struct fx_json *params) {
    for (size_t i = 0; i < kind->params_count; i++)
        if (kind->params[i].type == FX_PARAM_STEP)
            return fx_json_get_text(params, kind->params[i].name);
    return NULL;
}
