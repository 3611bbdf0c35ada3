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

/* regexec is linear for POSIX patterns without back references, which `check` refuses; evidence
 * texts are cut before they come here. */
static bool matches_text(const struct fx_json *class, const struct fx_json *texts) {
    const struct fx_json *patterns = fx_json_at(class, "match");
    bool found = false;

    if (fx_json_count(texts) == 0)
        return false;
    for (size_t i = 0; i < fx_json_count(patterns) && !found; i++) {
        regex_t pattern;

        if (regcomp(&pattern, fx_json_text(fx_json_item(patterns, i)),
                    REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
            continue; /* a loaded system has none that does not compile */
        for (size_t k = 0; k < fx_json_count(texts) && !found; k++)
            found = regexec(&pattern, fx_json_text(fx_json_item(texts, k)), 0, NULL, 0) == 0;
        regfree(&pattern);
    }
    return found;
}

/* The matching class with the lowest priority number: permanent causes stand before transient ones.
 */
const struct fx_json *rule_for(const struct fx_step_context *ctx,
                               const struct dead_letter *letter) {
    const struct fx_json *classes = fx_json_at(ctx->system, "dlq_classes"), *best = NULL;

    for (size_t i = 0; i < fx_json_count(classes); i++) {
        const struct fx_json *class = fx_json_item(classes, i);

        if (!has_code(class, letter->codes) && !matches_text(class, letter->texts))
            continue;
        if (best == NULL ||
            fx_json_get_int(class, "priority", 500) < fx_json_get_int(best, "priority", 500))
            best = class;
    }
    return best;
}
