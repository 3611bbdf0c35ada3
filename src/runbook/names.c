/* names.c - what an expression may read, and every text checked against it. */
#include "private.h"

#include <string.h>

struct fx_json *runbook_known(struct runbook_check *c) {
    struct fx_json *yes = fx_json_bool(c->scratch, true);

    return fx_json_object_of(c->scratch, "arguments", yes, "variables", yes, "queue", yes,
                             "dlq_classes", yes, "environment", yes, "now", yes, "run", yes, NULL);
}

static void check_text(struct runbook_check *c, const char *path, const char *text,
                       const struct fx_json *known) {
    struct fx_error err = {0};

    if (!fx_expr_is_template(text))
        return;
    if (known == NULL)
        runbook_say(c, path, "${ } is not filled in here; write the value itself");
    else if (fx_expr_check_text(c->checker, text, known, &err) != FX_OK)
        runbook_say(c, path, "%s", err.message);
    else
        runbook_check_references(c, path, text, false);
}

void runbook_check_texts(struct runbook_check *c, const char *path, const struct fx_json *json,
                         const struct fx_json *known) {
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;

    if (fx_json_type(json) == FX_JSON_STRING)
        check_text(c, path, fx_json_text(json), known);
    if (fx_json_type(json) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(json); i++)
            runbook_check_texts(c, runbook_path_item(c, path, i), fx_json_item(json, i), known);
    if (fx_json_type(json) != FX_JSON_OBJECT)
        return;
    while (fx_json_next(json, &cursor, &key, &value)) {
        const char *here = runbook_path(c, path, key);

        if (fx_expr_is_template(key))
            runbook_say(c, here, "${ } is not filled in inside a key");
        runbook_check_texts(c, here, value, known);
    }
}

/* Without the ${ } that may stand around a whole condition; NULL: it is no single expression. */
static const char *bare(struct runbook_check *c, const char *text) {
    struct fx_slice s = fx_slice_trim(fx_slice_of(text));

    if (!fx_expr_is_template(text))
        return fx_slice_dup(c->scratch, s);
    if (!fx_slice_starts_with(s, FX_SLICE("${")) || !fx_slice_ends_with(s, FX_SLICE("}")))
        return NULL;
    s = fx_slice_trim(fx_slice_cut(s, 2, s.len - 3));
    char *inner = fx_slice_dup(c->scratch, s);
    return fx_expr_is_template(inner) ? NULL : inner;
}

static const char *condition(struct runbook_check *c, const char *path, const char *text,
                             const struct fx_json *known, bool may_be_constant) {
    const char *expression = bare(c, text);
    struct fx_error err = {0};

    if (expression == NULL) {
        runbook_say(c, path, "a condition is one expression, such as \"depth.count > 0\"");
        return text;
    }
    if (fx_expr_check(c->checker, fx_slice_of(expression), known, &err) != FX_OK)
        runbook_say(c, path, "%s", err.message);
    else if (!may_be_constant && fx_expr_is_constant(c->checker, fx_slice_of(expression)))
        runbook_say(c, path,
                    "the condition reads nothing, so it is always the same; drop it, or what it "
                    "stands for");
    else
        runbook_check_references(c, path, expression, true);
    return fx_printf(c->scratch, "${%s}", expression);
}

const char *runbook_condition(struct runbook_check *c, const char *path, const char *text,
                              const struct fx_json *known) {
    return condition(c, path, text, known, true);
}

const char *runbook_when(struct runbook_check *c, const char *path, const char *text,
                         const struct fx_json *known) {
    return condition(c, path, text, known, false);
}
