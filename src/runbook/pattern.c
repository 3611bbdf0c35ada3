/* pattern.c - POSIX extended regular expressions, as far as they stay cheap. */
#include "private.h"

#include <string.h>

static void regex_free(regex_t *regex) {
    regfree(regex);
}

/* Back references (a GNU extension) take exponential time, and a counted group inside a counted
 * group multiplies memory: ((a{1,255}){1,255}){1,255} would take all there is. */
static const char *costly(const char *pattern) {
    enum { MAX_GROUPS = 16 };
    bool counted[MAX_GROUPS + 1] = {false};
    size_t depth = 0;
    bool in_set = false, group_counted = false;

    for (const char *p = pattern; *p != '\0'; p++) {
        bool after_group = group_counted;

        group_counted = false;
        if (in_set) {
            in_set = *p != ']';
        } else if (*p == '\\' && p[1] != '\0') {
            p++;
            if (*p >= '1' && *p <= '9')
                return "back references are not allowed";
        } else if (*p == '[') {
            in_set = true;
            p += p[1] == '^';
            p += p[1] == ']';
        } else if (*p == '(') {
            if (++depth > MAX_GROUPS)
                return "more than 16 groups inside each other";
            counted[depth] = false;
        } else if (*p == ')' && depth > 0) {
            group_counted = counted[depth--];
            counted[depth] = counted[depth] || group_counted;
        } else if (*p == '{') {
            if (after_group)
                return "a counted group {n} inside a counted group is not allowed";
            counted[depth] = true;
        }
    }
    return NULL;
}

const char *runbook_pattern_problem(struct fx_scope *sc, const char *pattern) {
    char why[160];
    regex_t regex;

    if (strlen(pattern) > RUNBOOK_MAX_PATTERN_BYTES)
        return fx_printf(sc, "it is longer than %d bytes", RUNBOOK_MAX_PATTERN_BYTES);
    if (costly(pattern) != NULL)
        return costly(pattern);
    int rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        regerror(rc, NULL, why, sizeof why);
        return fx_strdup(sc, why);
    }
    regfree(&regex);
    return NULL;
}

bool runbook_pattern_fits(struct fx_scope *sc, const char *pattern, const char *text) {
    FX_CLEANUP(regex_free) regex_t regex = {0};
    char *anchored = fx_printf(sc, "^(%s)$", pattern);

    /* checked when the file was read, so it compiles */
    if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    return regexec(&regex, text, 0, NULL, 0) == 0;
}
