/* insights_parse.c - reads a Logs Insights query. */
#include "insights.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MAX = 32, REGEX_MAX = 1000 };

struct parser {
    struct fx_scope *sc;
    const char *start, *at;
    const char *problem;
    int depth;
};

static struct insights_node *parse_or(struct parser *p);

static void *fail_at(struct parser *p, const char *what) {
    if (p->problem == NULL)
        p->problem = fx_printf(p->sc, "unexpected symbol found at line 1 and position %zu: %s",
                               (size_t)(p->at - p->start), what);
    return NULL;
}

static void skip(struct parser *p) {
    for (;;) {
        while (isspace((unsigned char)*p->at))
            p->at++;
        if (*p->at != '#')
            return;
        while (*p->at != '\0' && *p->at != '\n')
            p->at++;
    }
}

static bool take(struct parser *p, const char *symbol) {
    skip(p);
    if (strncmp(p->at, symbol, strlen(symbol)) != 0)
        return false;
    p->at += strlen(symbol);
    return true;
}

static bool is_name_char(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '@' || c == '.';
}

static bool take_word(struct parser *p, const char *word) {
    size_t len = strlen(word);

    skip(p);
    if (strncasecmp(p->at, word, len) != 0 || is_name_char(p->at[len]))
        return false;
    p->at += len;
    return true;
}

/* A field or function name, bare or in backticks; NULL when there is none. */
static const char *take_name(struct parser *p) {
    const char *from;

    skip(p);
    if (*p->at == '`') {
        const char *end = strchr(p->at + 1, '`');
        if (end == NULL)
            return fail_at(p, "a backtick is not closed");
        from = p->at + 1;
        p->at = end + 1;
        return fx_slice_dup(p->sc, (struct fx_slice){from, (size_t)(end - from)});
    }
    from = p->at;
    if (!isalpha((unsigned char)*from) && *from != '_' && *from != '@')
        return NULL;
    while (is_name_char(*p->at))
        p->at++;
    return fx_slice_dup(p->sc, (struct fx_slice){from, (size_t)(p->at - from)});
}

static struct insights_node *new_node(struct parser *p, enum insights_op op) {
    struct insights_node *node = FX_NEW(p->sc, struct insights_node);

    node->op = op;
    return node;
}

static struct insights_node *parse_text(struct parser *p) {
    char quote = *p->at++, *text = fx_alloc(p->sc, strlen(p->at) + 1);
    struct insights_node *node = new_node(p, OP_TEXT);
    size_t len = 0;

    for (; *p->at != quote; p->at++) {
        if (*p->at == '\\' && p->at[1] != '\0')
            p->at++;
        if (*p->at == '\0')
            return fail_at(p, "a quote is not closed");
        text[len++] = *p->at;
    }
    p->at++;
    node->text = text;
    return node;
}

static struct insights_node *parse_number(struct parser *p) {
    char text[NUMBER_MAX + 1];
    size_t len = strspn(p->at, "-0123456789.");
    struct insights_node *node = new_node(p, OP_NUMBER);

    if (len == 0 || len > NUMBER_MAX)
        return fail_at(p, "a value is expected");
    memcpy(text, p->at, len);
    text[len] = '\0';
    p->at += len;
    node->number = strtod(text, NULL);
    /* "5m" of bin(5m) */
    if (isalpha((unsigned char)*p->at)) {
        node->text = take_name(p);
        node->op = OP_TEXT;
        node->text = fx_printf(p->sc, "%s%s", text, node->text);
    }
    return node;
}

static void free_regex(void *regex) {
    regfree(regex);
}

static struct insights_node *parse_regex(struct parser *p, struct insights_node *left) {
    struct insights_node *node = new_node(p, OP_LIKE_REGEX);
    char text[REGEX_MAX + 1];
    size_t len = 0;
    int flags = REG_EXTENDED | REG_NOSUB;

    if (strncmp(p->at, "(?i)", 4) == 0) {
        flags |= REG_ICASE;
        p->at += 4;
    }
    for (; *p->at != '/'; p->at++) {
        if (*p->at == '\0' || len == REGEX_MAX)
            return fail_at(p, "a regular expression is not closed or too long");
        if (*p->at == '\\' && p->at[1] == '/')
            p->at++;
        text[len++] = *p->at;
    }
    text[len] = '\0';
    p->at++;
    node->left = left;
    node->regex = FX_NEW(p->sc, regex_t);
    if (strstr(text, "(?") != NULL || regcomp(node->regex, text, flags) != 0)
        return fail_at(p, "the regular expression is not understood");
    fx_defer(p->sc, free_regex, node->regex);
    return node;
}

static bool parse_list(struct parser *p, struct insights_node *node, const char *end) {
    node->list = fx_alloc(p->sc, INSIGHTS_MAX_LIST * sizeof(struct insights_node *));
    if (take(p, end))
        return true;
    do {
        struct insights_node *item = take(p, "*") ? new_node(p, OP_STAR) : parse_or(p);

        if (item == NULL || node->list_count == INSIGHTS_MAX_LIST)
            return fail_at(p, "a value is expected") != NULL;
        node->list[node->list_count++] = item;
    } while (take(p, ","));
    return take(p, end) || fail_at(p, "a closing bracket is expected") != NULL;
}

static struct insights_node *parse_primary(struct parser *p) {
    struct insights_node *node;
    const char *name;

    skip(p);
    if (take(p, "(")) {
        node = parse_or(p);
        return take(p, ")") ? node : fail_at(p, "a closing bracket is expected");
    }
    if (*p->at == '"' || *p->at == '\'')
        return parse_text(p);
    name = take_name(p);
    if (name == NULL)
        return p->problem != NULL ? NULL : parse_number(p);
    node = new_node(p, OP_FIELD);
    node->text = name;
    if (!take(p, "("))
        return node;
    node->op = OP_CALL;
    return parse_list(p, node, ")") ? node : NULL;
}

static struct insights_node *join(struct parser *p, enum insights_op op, struct insights_node *left,
                                  struct insights_node *right) {
    struct insights_node *node = new_node(p, op);

    node->left = left;
    node->right = right;
    return right != NULL ? node : NULL;
}

static struct insights_node *parse_product(struct parser *p) {
    struct insights_node *node = parse_primary(p);

    while (node != NULL) {
        if (take(p, "*"))
            node = join(p, OP_MULTIPLY, node, parse_primary(p));
        else if (take(p, "/"))
            node = join(p, OP_DIVIDE, node, parse_primary(p));
        else
            break;
    }
    return node;
}

static struct insights_node *parse_like(struct parser *p, struct insights_node *left) {
    skip(p);
    if (take(p, "/"))
        return parse_regex(p, left);
    return join(p, OP_LIKE_TEXT, left, parse_primary(p));
}

static struct insights_node *parse_in(struct parser *p, struct insights_node *left) {
    struct insights_node *node = new_node(p, OP_IN);

    node->left = left;
    if (!take(p, "["))
        return fail_at(p, "[ is expected");
    return parse_list(p, node, "]") ? node : NULL;
}

static struct insights_node *negate(struct parser *p, struct insights_node *node) {
    struct insights_node *not_node = new_node(p, OP_NOT);

    not_node->left = node;
    return node != NULL ? not_node : NULL;
}

static struct insights_node *parse_comparison(struct parser *p) {
    static const struct {
        const char *symbol;
        enum insights_op op;
    } symbols[] = {
        {"!=", OP_UNEQUAL}, {"<=", OP_LESS_EQUAL}, {">=", OP_GREATER_EQUAL}, {"==", OP_EQUAL},
        {"=", OP_EQUAL},    {"<", OP_LESS},        {">", OP_GREATER},
    };
    struct insights_node *left = parse_product(p);

    if (left == NULL)
        return NULL;
    if (take_word(p, "like") || take(p, "=~"))
        return parse_like(p, left);
    if (take_word(p, "in"))
        return parse_in(p, left);
    if (take_word(p, "not")) {
        if (take_word(p, "like"))
            return negate(p, parse_like(p, left));
        return take_word(p, "in") ? negate(p, parse_in(p, left))
                                  : fail_at(p, "like or in is expected after not");
    }
    for (size_t i = 0; i < FX_COUNT_OF(symbols); i++)
        if (take(p, symbols[i].symbol))
            return join(p, symbols[i].op, left, parse_product(p));
    return left;
}

static struct insights_node *parse_not(struct parser *p) {
    struct insights_node *node;

    if (++p->depth > INSIGHTS_MAX_DEPTH)
        return fail_at(p, "the expression is too deep");
    node = take_word(p, "not") ? negate(p, parse_not(p)) : parse_comparison(p);
    p->depth--;
    return node;
}

static struct insights_node *parse_and(struct parser *p) {
    struct insights_node *node = parse_not(p);

    while (node != NULL && take_word(p, "and"))
        node = join(p, OP_AND, node, parse_not(p));
    return node;
}

static struct insights_node *parse_or(struct parser *p) {
    struct insights_node *node;

    if (++p->depth > INSIGHTS_MAX_DEPTH)
        return fail_at(p, "the expression is too deep");
    node = parse_and(p);
    while (node != NULL && take_word(p, "or"))
        node = join(p, OP_OR, node, parse_and(p));
    p->depth--;
    return node;
}

/* ---- commands ---- */

/* a, b as c: without "as" an item is called as it is written. */
static bool parse_items(struct parser *p, struct insights_item *items, size_t *ret_count) {
    do {
        struct insights_item item = {0};
        const char *from;

        skip(p);
        from = p->at;
        item.node = parse_or(p);
        if (item.node == NULL || *ret_count == INSIGHTS_MAX_ITEMS)
            return fail_at(p, "a field is expected") != NULL;
        item.name =
            fx_slice_dup(p->sc, fx_slice_trim((struct fx_slice){from, (size_t)(p->at - from)}));
        if (item.node->op == OP_FIELD)
            item.name = item.node->text;
        if (take_word(p, "as") && (item.name = take_name(p)) == NULL)
            return fail_at(p, "a name is expected after as") != NULL;
        items[(*ret_count)++] = item;
    } while (take(p, ","));
    return true;
}

static bool parse_stage(struct parser *p, struct insights_stage *stage) {
    if (take_word(p, "fields")) {
        stage->kind = STAGE_FIELDS;
        return parse_items(p, stage->items, &stage->items_count);
    }
    if (take_word(p, "display")) {
        stage->kind = STAGE_DISPLAY;
        return parse_items(p, stage->items, &stage->items_count);
    }
    if (take_word(p, "filter")) {
        stage->kind = STAGE_FILTER;
        stage->condition = parse_or(p);
        return stage->condition != NULL;
    }
    if (take_word(p, "stats")) {
        stage->kind = STAGE_STATS;
        return parse_items(p, stage->items, &stage->items_count) &&
               (!take_word(p, "by") || parse_items(p, stage->keys, &stage->keys_count));
    }
    if (take_word(p, "sort")) {
        stage->kind = STAGE_SORT;
        if (!parse_items(p, stage->items, &stage->items_count))
            return false;
        stage->descending = take_word(p, "desc");
        return stage->descending || take_word(p, "asc") || true;
    }
    if (take_word(p, "limit")) {
        struct insights_node *node;

        skip(p);
        node = parse_number(p);
        stage->kind = STAGE_LIMIT;
        stage->limit = node != NULL && node->op == OP_NUMBER ? (int64_t)node->number : 0;
        return stage->limit > 0;
    }
    return fail_at(p, "a command is expected: fields, display, filter, stats, sort or limit") !=
           NULL;
}

struct insights_query *insights_parse(struct fx_scope *sc, const char *text,
                                      const char **ret_message) {
    struct insights_query *query = FX_NEW(sc, struct insights_query);
    struct parser p = {.sc = sc, .start = text, .at = text};

    do {
        if (query->stages_count == INSIGHTS_MAX_STAGES) {
            fail_at(&p, "too many commands");
            break;
        }
        if (!parse_stage(&p, &query->stages[query->stages_count++])) {
            fail_at(&p, "the command is not understood");
            break;
        }
    } while (take(&p, "|"));
    skip(&p);
    if (p.problem == NULL && *p.at != '\0')
        fail_at(&p, "the query goes on where it should end");
    *ret_message = p.problem;
    return p.problem == NULL ? query : NULL;
}
