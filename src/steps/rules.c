/* rules.c - dlq_classes of system.yaml: which class a message's evidence belongs to. */
#include "private.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

const char *class_name(const struct fx_json *class) {
    const char *name = fx_json_get_text(class, "class");

    return name == NULL ? "Unknown" : name;
}

const char *class_retry(const struct fx_json *class) {
    const char *retry = fx_json_get_text(class, "retry");

    return retry == NULL ? "hold" : retry;
}

bool class_is_safe(const struct fx_json *class) {
    return strcmp(class_retry(class), "yes") == 0;
}

/* "hash_mismatch", "Hash-Mismatch" and "HashMismatch" are one code. */
static void normalize(const char *code, char *ret_text, size_t size) {
    size_t length = 0;

    for (; *code != '\0' && length + 1 < size; code++)
        if (strchr("_- ", *code) == NULL)
            ret_text[length++] = (char)tolower((unsigned char)*code);
    ret_text[length] = '\0';
}

static bool same_code(const char *a, const char *b) {
    enum { CODE_MAX = 80 };
    char left[CODE_MAX], right[CODE_MAX];

    normalize(a, left, sizeof left);
    normalize(b, right, sizeof right);
    return strcmp(left, right) == 0;
}

static bool has_code(const struct fx_json *class, const struct fx_json *codes) {
    const struct fx_json *aliases = fx_json_at(class, "codes");

    for (size_t i = 0; i < fx_json_count(codes); i++) {
        const char *code = fx_json_text(fx_json_item(codes, i));

        if (same_code(class_name(class), code))
            return true;
        for (size_t k = 0; k < fx_json_count(aliases); k++)
            if (same_code(fx_json_text(fx_json_item(aliases, k)), code))
                return true;
    }
    return false;
}

/* ---- the patterns of a look ---- */

struct pattern {
    regex_t regex;
    bool is_there; /* a loaded system has none that does not compile */
};

struct patterns {
    struct pattern *items;
    size_t count;
};

struct rules {
    struct fx_scope *sc;
    const struct fx_json *classes;
    struct patterns **of_class; /* NULL until a text is held against them */
};

struct rules *rules_new(struct fx_scope *sc, const struct fx_json *system) {
    struct rules *rules = FX_NEW(sc, struct rules);

    rules->sc = sc;
    rules->classes = fx_json_at(system, "dlq_classes");
    rules->of_class = fx_alloc(sc, (fx_json_count(rules->classes) + 1) * sizeof(struct patterns *));
    return rules;
}

static void release(void *thing) {
    regfree(thing);
}

static struct patterns *compile(struct fx_scope *sc, const struct fx_json *texts) {
    struct patterns *patterns = FX_NEW(sc, struct patterns);

    patterns->count = fx_json_count(texts);
    patterns->items = fx_alloc(sc, (patterns->count + 1) * sizeof *patterns->items);
    for (size_t i = 0; i < patterns->count; i++) {
        struct pattern *pattern = &patterns->items[i];

        pattern->is_there = regcomp(&pattern->regex, fx_json_text(fx_json_item(texts, i)),
                                    REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
        if (pattern->is_there)
            fx_defer(sc, release, &pattern->regex);
    }
    return patterns;
}

/* regexec is linear for POSIX patterns without back references, which `check` refuses; evidence
 * texts are cut before they come here. Compiling one takes longer than many looks through it. */
static bool matches_text(struct rules *rules, size_t number, const struct fx_json *texts) {
    if (fx_json_count(texts) == 0)
        return false;
    if (rules->of_class[number] == NULL)
        rules->of_class[number] =
            compile(rules->sc, fx_json_at(fx_json_item(rules->classes, number), "match"));
    const struct patterns *patterns = rules->of_class[number];

    for (size_t i = 0; i < patterns->count; i++)
        for (size_t k = 0; patterns->items[i].is_there && k < fx_json_count(texts); k++)
            if (regexec(&patterns->items[i].regex, fx_json_text(fx_json_item(texts, k)), 0, NULL,
                        0) == 0)
                return true;
    return false;
}

/* The matching class with the lowest priority number: permanent causes stand before transient ones.
 */
const struct fx_json *rule_for(struct rules *rules, const struct dead_letter *letter) {
    const struct fx_json *best = NULL;

    for (size_t i = 0; i < fx_json_count(rules->classes); i++) {
        const struct fx_json *class = fx_json_item(rules->classes, i);

        if (!has_code(class, letter->codes) && !matches_text(rules, i, letter->texts))
            continue;
        if (best == NULL ||
            fx_json_get_int(class, "priority", 500) < fx_json_get_int(best, "priority", 500))
            best = class;
    }
    return best;
}
