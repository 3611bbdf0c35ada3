/* insights.h - the part of Logs Insights' query language that the sandbox understands.
 *
 *   fields a, b as c | filter EXPR | stats count(*) as n, latest(x) by f, bin(5m) | sort n desc |
 *   limit 20 | display a
 *
 * EXPR: and or not, = != < <= > >=, in ["a"], like /re/ or "text", ispresent(), coalesce(),
 * numbers. Anything else is malformed, so that a runbook does not believe an answer nobody
 * computed.
 */
#pragma once

#include "aws.h"

#include <regex.h>

enum {
    INSIGHTS_MAX_STAGES = 16,
    INSIGHTS_MAX_ITEMS = 20,
    INSIGHTS_MAX_LIST = 1000,
    INSIGHTS_MAX_DEPTH = 32,
};

enum insights_op {
    OP_FIELD,
    OP_TEXT,
    OP_NUMBER,
    OP_CALL,
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_IN,
    OP_LIKE_TEXT,
    OP_LIKE_REGEX,
    OP_DIVIDE,
    OP_MULTIPLY,
    OP_STAR, /* the * of count(*) */
};

struct insights_node {
    enum insights_op op;
    const char *text; /* field, text or function name */
    double number;
    regex_t *regex;
    struct insights_node *left, *right;
    struct insights_node **list; /* of in [], arguments of a call */
    size_t list_count;
};

/* expression as name */
struct insights_item {
    struct insights_node *node;
    const char *name;
};

enum insights_stage_kind {
    STAGE_FIELDS,
    STAGE_DISPLAY,
    STAGE_FILTER,
    STAGE_STATS,
    STAGE_SORT,
    STAGE_LIMIT,
};

struct insights_stage {
    enum insights_stage_kind kind;
    struct insights_item items[INSIGHTS_MAX_ITEMS]; /* what is shown or computed */
    size_t items_count;
    struct insights_item keys[INSIGHTS_MAX_ITEMS]; /* stats: by */
    size_t keys_count;
    struct insights_node *condition; /* filter */
    bool descending;                 /* sort; it sorts by items[0] */
    int64_t limit;
};

struct insights_query {
    struct insights_stage stages[INSIGHTS_MAX_STAGES];
    size_t stages_count;
};

struct insights_value {
    bool present, is_number;
    double number;
    const char *text;
};

/* Of a record: an object of field names and values. */
struct insights_value insights_evaluate(struct fx_scope *sc, const struct insights_node *node,
                                        const struct fx_json *record);
bool insights_is_true(struct insights_value value);
struct insights_value insights_number(struct fx_scope *sc, double number);
/* "bin(5m)" of the query: its width; 0 when node is no bin. */
int64_t insights_bin_ms(const struct insights_node *node);
/* Adds what Logs Insights finds in a line of Lambda's platform: @type, @duration, @memorySize, ...
 */
void insights_discover(struct fx_scope *sc, struct fx_json *record, const char *message);
