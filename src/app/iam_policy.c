/* iam_policy.c - `fluxabot iam`: those calls as a policy, and no more. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char everything[] = "*";

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, sorted. */
static const char **keys(struct fx_scope *sc, const struct fx_json *object, size_t *ret_count) {
    size_t count = fx_json_count(object), i = 0;
    const char **list = fx_alloc(sc, (count + 1) * sizeof *list), *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;

    while (fx_json_next(object, &cursor, &key, &value))
        list[i++] = key;
    qsort(list, count, sizeof *list, by_name);
    *ret_count = count;
    return list;
}

/* All resources make the narrower ones beside them meaningless. */
static struct fx_json *resource_list(struct fx_scope *sc, const struct fx_json *resources) {
    struct fx_json *list = fx_json_array(sc);
    size_t count = 0;
    const char **names = keys(sc, resources, &count);

    if (fx_json_at(resources, everything) != NULL)
        return fx_json_array_of(sc, fx_json_string(sc, everything), NULL);
    for (size_t i = 0; i < count; i++)
        fx_json_add(list, fx_json_string(sc, names[i]));
    return list;
}

/* Actions on the same resources stand together. */
struct fx_json *app_iam_statements(struct fx_scope *sc, const struct fx_json *actions) {
    struct fx_json *list = fx_json_array(sc), *by_resources = fx_json_object(sc);
    size_t count = 0;
    const char **names = keys(sc, actions, &count);

    for (size_t i = 0; i < count; i++) {
        struct fx_json *resources = resource_list(sc, fx_json_at(actions, names[i]));
        const char *key = fx_json_dump(sc, resources);
        struct fx_json *statement = fx_json_at(by_resources, key);

        if (statement == NULL) {
            statement = fx_json_object_of(sc, "Effect", fx_json_string(sc, "Allow"), "Action",
                                          fx_json_array(sc), "Resource", resources, NULL);
            fx_json_put(by_resources, key, statement);
            fx_json_add(list, statement);
        }
        fx_json_add(fx_json_at(statement, "Action"), fx_json_string(sc, names[i]));
    }
    return list;
}

int app_iam(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc, .secrets_may_lack = true};
    struct fx_runbooks *runbooks = NULL;
    struct app_config *config = NULL;
    struct fx_json *actions = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_config_load(sc, arguments->config, &config, &findings, &err);

    if (code == FX_OK)
        code = app_runbooks_load(config, &runbooks, &findings, &err);
    if (code == FX_OK)
        code = app_iam_actions(sc, config, arguments->environment, &actions, &err);
    app_print_findings(&findings);
    fx_runbooks_close(runbooks);
    if (code != FX_OK) {
        if (findings.count == 0)
            fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    printf("%s\n", fx_json_dump_pretty(
                       sc, fx_json_object_of(sc, "Version", fx_json_string(sc, "2012-10-17"),
                                             "Statement", app_iam_statements(sc, actions), NULL)));
    return EXIT_GOOD;
}
