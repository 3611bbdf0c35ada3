/* checklist.c - the step kind `checklist`: what only people can do, checked off on the card. */
#include "private.h"

#include "fluxabot/expr.h"

#include <string.h>

enum {
    CHECKLIST_MAX_ITEMS = 12, /* each has a button, and a card takes 25 */
    CHECKLIST_MAX_OUTCOMES = 4,
    CHECKLIST_MAX_TEXT = 200, /* code points of an item */
};

static const struct fx_step_param checklist_params[] = {
    {"items", FX_PARAM_LIST, true, NULL,
     "1 to 12 of them: a text, or { text, link }; one whose text comes out empty is left out"},
    {"outcomes", FX_PARAM_LIST, false, "[]",
     "2 to 4 words of which one is chosen when all is checked, such as [passed, failed]"},
};

static enum fx_code check_item(const struct fx_json *item, struct fx_error *err) {
    const char *key = NULL;
    void *cursor = NULL;

    if (fx_json_text(item) != NULL)
        return FX_OK;
    while (fx_json_next(item, &cursor, &key, NULL))
        if (strcmp(key, "text") != 0 && strcmp(key, "link") != 0)
            return fx_fail(err, FX_ERR_INPUT, "an item has text and link, but no %.40s", key);
    if (fx_json_get_text(item, "text") == NULL)
        return fx_fail(err, FX_ERR_INPUT, "an item is a text, or { text, link }");
    const char *link = fx_json_get_text(item, "link");

    if (fx_json_at(item, "link") != NULL &&
        (link == NULL || (strncmp(link, "https://", 8) != 0 && strncmp(link, "${", 2) != 0)))
        return fx_fail(err, FX_ERR_INPUT, "the link of an item begins with https://");
    return FX_OK;
}

static enum fx_code checklist_check(struct fx_scope *sc, const struct fx_json *system,
                                    const struct fx_json *params, struct fx_error *err) {
    const struct fx_json *items = fx_json_at(params, "items");
    const struct fx_json *outcomes = fx_json_at(params, "outcomes");
    size_t count = fx_json_count(items), choices = fx_json_count(outcomes);

    (void)sc;
    (void)system;
    if (fx_json_type(items) != FX_JSON_ARRAY || count == 0 || count > CHECKLIST_MAX_ITEMS)
        return fx_fail(err, FX_ERR_INPUT, "a checklist has 1 to %d items, written out",
                       CHECKLIST_MAX_ITEMS);
    for (size_t i = 0; i < count; i++)
        FX_TRY(check_item(fx_json_item(items, i), err));
    if (fx_json_type(outcomes) != FX_JSON_ARRAY || choices == 1 || choices > CHECKLIST_MAX_OUTCOMES)
        return fx_fail(err, FX_ERR_INPUT, "outcomes are 2 to %d words", CHECKLIST_MAX_OUTCOMES);
    for (size_t i = 0; i < choices; i++)
        if (fx_json_text_slice(fx_json_item(outcomes, i)).len == 0 ||
            fx_expr_is_template(fx_json_text(fx_json_item(outcomes, i))))
            return fx_fail(err, FX_ERR_INPUT, "an outcome is a word that is written out");
    return FX_OK;
}

static struct fx_json *as_item(struct fx_scope *sc, const struct fx_json *given) {
    struct fx_slice text = fx_json_text(given) != NULL
                               ? fx_json_text_slice(given)
                               : fx_json_text_slice(fx_json_at(given, "text"));
    const char *link = fx_json_get_text(given, "link");

    text.len = fx_slice_utf8_prefix(text, CHECKLIST_MAX_TEXT);
    return fx_json_object_of(sc, "text", fx_json_slice(sc, text), "link",
                             link == NULL || link[0] == '\0' ? NULL : fx_json_string(sc, link),
                             NULL);
}

static enum fx_code checklist_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                  struct fx_step_result *ret_result, struct fx_error *err) {
    const struct fx_json *given = fx_json_at(params, "items");
    struct fx_json *items = fx_json_array(ctx->sc);

    for (size_t i = 0; i < fx_json_count(given) && i < CHECKLIST_MAX_ITEMS; i++) {
        struct fx_json *item = as_item(ctx->sc, fx_json_item(given, i));

        if (fx_json_text_slice(fx_json_at(item, "text")).len > 0)
            fx_json_add(items, item);
    }
    if (fx_json_count(items) == 0)
        return fx_fail(err, FX_ERR_INPUT, "nothing of the checklist applies here");
    ret_result->output =
        fx_json_object_of(ctx->sc, "items", items, "outcomes",
                          fx_json_copy(ctx->sc, fx_json_at(params, "outcomes")), NULL);
    return FX_OK;
}

const struct fx_step_kind step_checklist = {
    .name = "checklist",
    .summary = "What people do by hand, with a button to check off each; who and when stands on "
               "the card and in the audit log; {items, outcomes, last: {at, by, outcome}}, last "
               "is null when it was never finished.",
    .params = checklist_params,
    .params_count = FX_COUNT_OF(checklist_params),
    .shorthand = "items",
    .is_checklist = true,
    .effect = step_reads,
    .check = checklist_check,
    .run = checklist_run,
};
