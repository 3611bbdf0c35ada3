/* pattern.c - POSIX extended regular expressions, as far as they stay cheap. */
#include "private.h"

#include <limits.h>
#include <stdint.h>
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

/* Behind the bracket expression that opens at p; p itself when none does or it is not closed. */
static const char *behind_set(const char *p) {
    const char *at = p + 1;

    if (*p != '[')
        return p;
    at += *at == '^';
    at += *at == ']';
    for (; *at != '\0' && *at != ']'; at++)
        if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '='))
            return p; /* classes have brackets of their own: left to regcomp */
    return *at == ']' ? at + 1 : p;
}

struct shape {
    const char *pattern;
    size_t least, most; /* bytes of the text */
};

/* "{1,512}" and nothing behind it. */
static bool read_count(struct fx_slice s, int64_t *ret_least, int64_t *ret_most) {
    struct fx_slice least, most;

    if (s.len < 2 || s.ptr[0] != '{' || s.ptr[s.len - 1] != '}')
        return false;
    return fx_slice_split(fx_slice_cut(s, 1, s.len - 2), ',', &least, &most) &&
           fx_slice_to_int(least, ret_least) && fx_slice_to_int(most, ret_most) &&
           *ret_least >= 0 && *ret_least <= *ret_most && *ret_most <= RE_DUP_MAX;
}

/* regcomp makes as many states as a count says, which takes longer than all else. In the commonest
 * form, one kind of character so many times, the text's length says it as well: "[a-z]{1,512}" is
 * "[a-z]*" of 1 to 512 bytes. */
static struct shape shape_of(struct fx_scope *sc, const char *pattern) {
    struct shape shape = {.pattern = pattern, .most = SIZE_MAX};
    const char *behind = *pattern == '.' ? pattern + 1 : behind_set(pattern);
    int64_t least = 0, most = 0;

    if (behind == pattern || !read_count(fx_slice_of(behind), &least, &most))
        return shape;
    shape.pattern = fx_printf(sc, "%.*s*", (int)(behind - pattern), pattern);
    shape.least = (size_t)least;
    shape.most = (size_t)most;
    return shape;
}

const char *runbook_pattern_problem(struct fx_scope *sc, const char *pattern) {
    char why[160];
    regex_t regex;

    if (strlen(pattern) > RUNBOOK_MAX_PATTERN_BYTES)
        return fx_printf(sc, "it is longer than %d bytes", RUNBOOK_MAX_PATTERN_BYTES);
    if (costly(pattern) != NULL)
        return costly(pattern);
    int rc = regcomp(&regex, shape_of(sc, pattern).pattern, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        regerror(rc, NULL, why, sizeof why);
        return fx_strdup(sc, why);
    }
    regfree(&regex);
    return NULL;
}

bool runbook_pattern_fits(struct fx_scope *sc, const char *pattern, const char *text) {
    FX_CLEANUP(regex_free) regex_t regex = {0};
    struct shape shape = shape_of(sc, pattern);
    size_t length = strlen(text);
    char *anchored = fx_printf(sc, "^(%s)$", shape.pattern);

    if (length < shape.least || length > shape.most)
        return false;
    /* checked when the file was read, so it compiles */
    if (regcomp(&regex, anchored, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    return regexec(&regex, text, 0, NULL, 0) == 0;
}
