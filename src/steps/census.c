/* census.c - what plans over a classified queue share: which of its messages a word means, how many
 * there are of each cause, and the rows that an approver reads. */
#include "private.h"

#include <string.h>

static const char word_retryable[] = "retryable";

bool census_is_called(const struct fx_json *item, const char *word) {
    if (strcasecmp(word, word_retryable) == 0)
        return fx_json_get_bool(item, "safe", false);
    return strcmp(word, fx_json_get_text(item, "id")) == 0 ||
           strcasecmp(word, fx_json_get_text(item, "cause")) == 0 ||
           strcmp(word, fx_json_get_text(item, "event_id")) == 0;
}

/* A word that names nothing is a mistake of whoever typed it, not a wish for less. */
const char *census_find_unknown(const struct fx_json *which, const struct fx_json *items) {
    for (size_t i = 0; i < fx_json_count(which); i++) {
        const char *word = fx_json_text(fx_json_item(which, i));
        bool known = word == NULL || strcasecmp(word, word_retryable) == 0;

        for (size_t k = 0; k < fx_json_count(items) && !known; k++)
            known = census_is_called(fx_json_item(items, k), word);
        if (!known)
            return word;
    }
    return NULL;
}

void census_count(struct fx_scope *sc, struct fx_json *counts, const char *class) {
    fx_json_put(counts, class, fx_json_int(sc, fx_json_get_int(counts, class, 0) + 1));
}

const char *census_counts_text(struct fx_scope *sc, const struct fx_json *counts) {
    const char *text = "", *name = NULL;
    struct fx_json *count = NULL;
    void *cursor = NULL;

    while (fx_json_next(counts, &cursor, &name, &count))
        text = fx_printf(sc, "%s%s%lld %s", text, text[0] == '\0' ? "" : ", ",
                         (long long)fx_json_to_int(count, 0), name);
    return text;
}

struct fx_json *plan_fact(struct fx_scope *sc, const char *name, const char *value) {
    return fx_json_object_of(sc, "name", fx_json_string(sc, name), "value",
                             fx_json_string(sc, value), NULL);
}

struct fx_json *plan_call(struct fx_scope *sc, const char *operation, const char *resource,
                          int64_t count) {
    return fx_json_object_of(sc, "operation", fx_json_string(sc, operation), "resource",
                             fx_json_string(sc, resource), "count", fx_json_int(sc, count), NULL);
}
