/* together.c - which steps need nothing of each other, so that they may be read at once. */
#include "private.h"

#include <string.h>

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* As a word of its own, wherever: `x.depth` counts for a step `depth`, too, which costs only time.
 */
static bool has_word(const char *text, const char *word) {
    size_t length = strlen(word);

    for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
        if ((p == text || !is_word_char(p[-1])) && !is_word_char(p[length]))
            return true;
    return false;
}

static bool reads_name(const struct fx_json *json, const char *name) {
    struct fx_json *member = NULL;
    void *cursor = NULL;

    if (fx_json_text(json) != NULL)
        return fx_expr_is_template(fx_json_text(json)) && has_word(fx_json_text(json), name);
    if (fx_json_type(json) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(json); i++)
            if (reads_name(fx_json_item(json, i), name))
                return true;
    if (fx_json_type(json) == FX_JSON_OBJECT)
        while (fx_json_next(json, &cursor, NULL, &member))
            if (reads_name(member, name))
                return true;
    return false;
}

/* What hides messages or takes a connection is no mere reading. */
static bool may_join(const struct fx_runbook_step *step) {
    return step->kind != NULL && step->id != NULL && step->kind->is_parallel &&
           step->each == NULL && step->kind->effect(step->params) == FX_EFFECT_READ;
}

static bool needs(const struct fx_runbook_step *step, const struct fx_runbook_step *before) {
    return reads_name(step->params, before->id) ||
           (step->when != NULL && has_word(step->when, before->id));
}

/* How many from the first on; each needs none of those before it. */
static size_t group_of(const struct fx_runbook_step *steps, size_t count) {
    size_t size = 1;

    if (!may_join(&steps[0]))
        return 1;
    for (; size < count && may_join(&steps[size]); size++)
        for (size_t i = 0; i < size; i++)
            if (needs(&steps[size], &steps[i]))
                return size;
    return size;
}

void runbook_find_together(struct fx_runbook_step *steps, size_t count) {
    size_t at = 0;

    while (at < count) {
        size_t size = group_of(&steps[at], count - at);

        for (size_t i = 0; i < size; i++)
            steps[at + i].together = i == 0 ? size : 1;
        at += size;
    }
}
