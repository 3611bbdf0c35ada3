/* logs.h - what the files that play CloudWatch Logs share. */
#pragma once

#include "aws.h"

/* ---- logs_calls.c ---- */

/* A failure that says there is no such group; NULL. */
struct fx_json *logs_no_group(struct aws_call *call, const char *name);
/* "arn:aws:logs:us-east-1:123456789012:log-group:NAME" */
const char *logs_group_name(const char *identifier);

/* ---- logs_filter.c ---- */

struct fx_json *logs_filter(struct aws_call *call);

/* ---- logs_pattern.c: the part of filter patterns that the sandbox understands ----
 *
 *   word word   all must stand in the line; letters, digits and _ only
 *   "a phrase"  the same with any other character; \" and \\ inside
 *   ?word ?"b"  any of them is enough, when there are no others
 *   { $.a = "x" && $.b.c != 5 }  members of a line that is JSON; * in a text stands for anything
 *
 * Anything else is refused as AWS would, so that a runbook does not believe an answer nobody
 * computed.
 */

enum { LOGS_PATTERN_MAX_BYTES = 1024, LOGS_PATTERN_MAX_TERMS = 64 };

struct logs_term {
    const char *text; /* or the value to compare with */
    const char *path; /* NULL: a term of text */
    bool optional, unequal;
};

struct logs_pattern {
    struct logs_term terms[LOGS_PATTERN_MAX_TERMS];
    size_t count;
};

/* False, and AWS's sentence in *ret_problem, when the pattern is not understood. */
bool logs_pattern_parse(struct fx_scope *sc, const char *text, struct logs_pattern *ret_pattern,
                        const char **ret_problem);
bool logs_pattern_matches(struct fx_scope *sc, const struct logs_pattern *pattern,
                          const char *message);
