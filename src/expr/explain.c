/* explain.c - why an evaluation ended, in words for the writer of the runbook. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_NAME = 60 };

static const char *reason(enum expr_stop stop) {
    switch (stop) {
    case EXPR_STOP_MEMORY:
        return "the expression needs too much memory";
    case EXPR_STOP_INSTRUCTIONS:
        return "the expression takes too many steps; does a loop not end?";
    case EXPR_STOP_TIME:
        return "the expression takes too long";
    case EXPR_STOP_RESULT:
        return "the expression's value is too large; take less with pick, first or short";
    case EXPR_STOP_NONE:
        break;
    }
    return NULL;
}

/* Lua's own words for what an operator met, and ours. */
static const struct {
    const char *before, *after; /* around the kind of value */
    const char *sentence;
} operations[] = {
    {"attempt to index a ", " value",
     "so it has no members; default(..., ...) or has(..., ...) help"},
    {"attempt to call a ", " value", "not a function"},
    {"attempt to perform arithmetic on a ", " value", "not a number; number(...) reads a text"},
    {"attempt to concatenate a ", " value", "and cannot be joined with ..; text(...) makes a text"},
    {"attempt to get length of a ", " value", "so it has no length; len(...) counts null as 0"},
    {"attempt to perform bitwise operation on a ", " value", "not a whole number"},
};

static const char *kind_word(struct fx_slice kind) {
    if (fx_slice_equal_text(kind, "nil"))
        return "null";
    if (fx_slice_equal_text(kind, "string"))
        return "a text";
    if (fx_slice_equal_text(kind, "boolean"))
        return "true or false";
    if (fx_slice_equal_text(kind, "object"))
        return "an object";
    if (fx_slice_equal_text(kind, "table"))
        return "a list or object";
    if (fx_slice_equal_text(kind, "list"))
        return "a list";
    return fx_slice_equal_text(kind, "number") ? "a number" : "a function";
}

/* "attempt to index a nil value (field 'y')": y is null. */
static bool explain_operation(const char *message, struct fx_error *err) {
    for (size_t i = 0; i < FX_COUNT_OF(operations); i++) {
        size_t skip = strlen(operations[i].before);
        if (strncmp(message, operations[i].before, skip) != 0)
            continue;
        const char *kind = message + skip;
        const char *end = strstr(kind, operations[i].after);
        if (!end)
            return false;

        const char *word = kind_word((struct fx_slice){kind, (size_t)(end - kind)});
        const char *quote = strchr(end, '\'');
        const char *last = quote ? strrchr(quote + 1, '\'') : NULL;
        struct fx_slice name = {last ? quote + 1 : "", last ? (size_t)(last - quote - 1) : 0};
        name.len = fx_slice_utf8_prefix(name, SHOWN_NAME);
        (void)fx_fail(err, FX_ERR_INPUT, "%s%.*s%s is %s, %s", name.len ? "'" : "a value",
                      (int)name.len, name.ptr, name.len ? "'" : "", word, operations[i].sentence);
        return true;
    }
    return false;
}

/* "attempt to compare number with nil", "attempt to compare two nil values" */
static bool explain_comparison(const char *message, struct fx_error *err) {
    struct fx_slice rest = fx_slice_of(message), first, second;

    if (!fx_slice_starts_with(rest, FX_SLICE("attempt to compare ")))
        return false;
    rest = fx_slice_cut(rest, strlen("attempt to compare "), rest.len);
    fx_slice_split(rest, ' ', &first, &rest);
    if (fx_slice_equal_text(first, "two")) {
        fx_slice_split(rest, ' ', &first, &rest);
        second = first;
    } else {
        second = fx_slice_cut(rest, strlen("with "), rest.len);
    }
    (void)fx_fail(err, FX_ERR_INPUT, "%s and %s have no order to compare them by", kind_word(first),
                  kind_word(second));
    return true;
}

static void explain_message(const char *message, struct fx_error *err) {
    const char *detail = strstr(message, " (");

    if (explain_operation(message, err) || explain_comparison(message, err))
        return;
    if (strstr(message, "divide by zero") || strncmp(message, "attempt to perform 'n", 21) == 0)
        (void)fx_fail(err, FX_ERR_INPUT, "a whole number is divided by zero");
    else if (strncmp(message, "bad argument #", 14) == 0 && detail) /* only Lua's own format */
        (void)fx_fail(err, FX_ERR_INPUT, "format: a value does not fit%s", detail);
    else
        (void)fx_fail(err, FX_ERR_INPUT, "%s", message);
}

/* Lua begins with "expr:LINE: "; the line is told when there is more than one. */
static const char *skip_position(const struct expr_job *job, const char *message, int *ret_line) {
    *ret_line = 0;
    if (strncmp(message, "expr:", 5) != 0)
        return message;
    const char *rest = strstr(message, ": ");
    if (!rest)
        return message;
    if (fx_slice_find(job->source, 0, '\n') < job->source.len)
        *ret_line = (int)strtol(message + 5, NULL, 10);
    return rest + 2;
}

enum fx_code expr_explain(struct expr_job *job, const char *lua_message, struct fx_error *err) {
    int line = 0;
    const char *message = skip_position(job, lua_message, &line);
    const char *stopped = reason(job->budget.stop);

    if (stopped)
        return fx_fail(err, FX_ERR_LIMIT, "%s", stopped);
    if (strcmp(message, "not enough memory") == 0)
        return fx_fail(err, FX_ERR_LIMIT, "%s", reason(EXPR_STOP_MEMORY));
    if (strstr(message, "stack overflow") || strstr(message, "C stack") ||
        strstr(message, "too many C levels"))
        return fx_fail(err, FX_ERR_LIMIT, "the expression is nested or recurses too deeply");
    if (strstr(message, "string length overflow") || strstr(message, "resulting string too large"))
        return fx_fail(err, FX_ERR_LIMIT, "%s", reason(EXPR_STOP_MEMORY));
    if (!job->compiled)
        (void)fx_fail(err, FX_ERR_INPUT, "the expression does not compile: %s", message);
    else
        explain_message(message, err);
    return line > 0 ? fx_fail_in(err, "line %d", line) : err->code;
}
