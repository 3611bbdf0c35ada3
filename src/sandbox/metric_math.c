/* metric_math.c - the small part of CloudWatch's metric math that runbooks use. */
#include "aws.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MATH_MAX_DEPTH = 32, NUMBER_MAX = 32 };

struct reader {
    const char *at;
    metric_lookup_fn *lookup;
    void *context;
    enum metric_math problem;
    int depth;
};

static double read_sum(struct reader *r);

static void skip_blanks(struct reader *r) {
    while (*r->at == ' ')
        r->at++;
}

static bool take(struct reader *r, char c) {
    skip_blanks(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static double fail_with(struct reader *r, enum metric_math problem) {
    if (r->problem != METRIC_MATH_MALFORMED)
        r->problem = problem;
    return 0;
}

/* FILL(id, number): the number where the id has no point. */
static double read_fill(struct reader *r) {
    enum metric_math before = r->problem;
    double value, fallback;

    if (!take(r, '('))
        return fail_with(r, METRIC_MATH_MALFORMED);
    value = read_sum(r);
    enum metric_math inside = r->problem;
    if (inside != METRIC_MATH_MALFORMED)
        r->problem = before;
    if (!take(r, ','))
        return fail_with(r, METRIC_MATH_MALFORMED);
    fallback = read_sum(r);
    if (!take(r, ')'))
        return fail_with(r, METRIC_MATH_MALFORMED);
    return inside == METRIC_MATH_MISSING && before == METRIC_MATH_OK ? fallback : value;
}

static double read_name(struct reader *r) {
    const char *start = r->at;
    double value = 0;

    while (isalnum((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    struct fx_slice name = {start, (size_t)(r->at - start)};
    if (fx_slice_equal_text(name, "FILL"))
        return read_fill(r);
    if (!r->lookup(r->context, name, &value))
        return fail_with(r, METRIC_MATH_MISSING);
    return value;
}

static double read_number(struct reader *r) {
    char text[NUMBER_MAX + 1];
    size_t len = strspn(r->at, "0123456789.");

    if (len == 0 || len > NUMBER_MAX)
        return fail_with(r, METRIC_MATH_MALFORMED);
    memcpy(text, r->at, len);
    text[len] = '\0';
    r->at += len;
    return strtod(text, NULL);
}

static double read_factor(struct reader *r) {
    double value;

    skip_blanks(r);
    if (++r->depth > MATH_MAX_DEPTH)
        return fail_with(r, METRIC_MATH_MALFORMED);
    if (take(r, '(')) {
        value = read_sum(r);
        if (!take(r, ')'))
            return fail_with(r, METRIC_MATH_MALFORMED);
    } else if (take(r, '-')) {
        value = -read_factor(r);
    } else if (isalpha((unsigned char)*r->at)) {
        value = read_name(r);
    } else {
        value = read_number(r);
    }
    r->depth--;
    return value;
}

static double read_product(struct reader *r) {
    double value = read_factor(r);

    for (;;) {
        if (take(r, '*')) {
            value *= read_factor(r);
        } else if (take(r, '/')) {
            double by = read_factor(r);

            /* CloudWatch has no data point where it would divide by zero */
            if (by == 0)
                return fail_with(r, METRIC_MATH_MISSING);
            value /= by;
        } else {
            return value;
        }
    }
}

static double read_sum(struct reader *r) {
    double value = read_product(r);

    for (;;) {
        if (take(r, '+'))
            value += read_product(r);
        else if (take(r, '-'))
            value -= read_product(r);
        else
            return value;
    }
}

enum metric_math metric_math(const char *expression, metric_lookup_fn *lookup, void *context,
                             double *ret_value) {
    struct reader r = {.at = expression, .lookup = lookup, .context = context};
    double value = read_sum(&r);

    skip_blanks(&r);
    if (*r.at != '\0')
        r.problem = METRIC_MATH_MALFORMED;
    if (r.problem == METRIC_MATH_OK)
        *ret_value = value;
    return r.problem;
}
