/* reads.c - which names an expression reads, found in its tokens; it compiles already. */
#include "private.h"

#include <string.h>

enum { MAX_TYPO_BYTES = 32 };

struct frame {
    char kind;     /* '{', '(', '[', or 'b' for a block of statements */
    bool waits_do; /* a for or while whose do is still to come */
    size_t locals; /* how many were known outside */
};

struct expr_reads {
    struct fx_scope *sc;
    struct fx_slice source;
    const struct fx_json *known;
    size_t at;
    struct expr_token previous, token, next;
    size_t room;             /* bytes of the longest source so far: */
    struct fx_slice *locals; /* of these and the frames there is at most one per byte */
    size_t locals_count;
    struct frame *frames;
    size_t frames_count;
};

static bool is(const struct expr_token *token, const char *text) {
    return token->type != EXPR_TOKEN_LITERAL && token->text.len > 0 &&
           token->text.ptr[0] == text[0] && fx_slice_equal_text(token->text, text);
}

static bool is_one_of(const struct expr_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (is(token, words[i]))
            return true;
    return false;
}

static void advance(struct expr_reads *c) {
    c->previous = c->token;
    c->token = c->next;
    c->next = expr_next_token(c->source, &c->at);
}

static struct frame *top(struct expr_reads *c) {
    return &c->frames[c->frames_count - 1];
}

static void push(struct expr_reads *c, char kind, bool waits_do) {
    c->frames[c->frames_count++] = (struct frame){kind, waits_do, c->locals_count};
}

static void pop(struct expr_reads *c) {
    if (c->frames_count > 1)
        c->locals_count = c->frames[--c->frames_count].locals;
}

static void declare(struct expr_reads *c) {
    c->locals[c->locals_count++] = c->token.text;
}

static bool is_local(const struct expr_reads *c) {
    for (size_t i = 0; i < c->locals_count; i++)
        if (fx_slice_equal(c->locals[i], c->token.text))
            return true;
    return false;
}

/* `a, b`, `a <const>, b`: from the token on. They count at once, a little before Lua's rule. */
static void declare_names(struct expr_reads *c) {
    while (c->token.type == EXPR_TOKEN_NAME) {
        declare(c);
        if (is(&c->next, "<"))
            for (int i = 0; i < 3; i++)
                advance(c);
        if (!is(&c->next, ","))
            return;
        advance(c);
        advance(c);
    }
}

/* From `function` to its `)`. */
static void open_function(struct expr_reads *c) {
    push(c, 'b', false);
    while (!is(&c->token, "("))
        advance(c);
    advance(c);
    declare_names(c);
    while (!is(&c->token, ")"))
        advance(c);
}

static void open_local(struct expr_reads *c) {
    advance(c);
    if (!is(&c->token, "function")) {
        declare_names(c);
        return;
    }
    advance(c);
    declare(c);
    open_function(c);
}

static void take_do(struct expr_reads *c) {
    if (top(c)->waits_do)
        top(c)->waits_do = false;
    else
        push(c, 'b', false);
}

/* Keywords that open, close or declare; false for other tokens. */
static bool take_keyword(struct expr_reads *c) {
    if (c->token.type != EXPR_TOKEN_NAME)
        return false;
    if (is(&c->token, "function")) {
        open_function(c);
    } else if (is(&c->token, "local")) {
        open_local(c);
    } else if (is(&c->token, "for")) {
        push(c, 'b', true);
        advance(c);
        declare_names(c);
    } else if (is(&c->token, "while")) {
        push(c, 'b', true);
    } else if (is(&c->token, "do")) {
        take_do(c);
    } else if (is(&c->token, "if") || is(&c->token, "repeat")) {
        push(c, 'b', false);
    } else if (is(&c->token, "else") || is(&c->token, "elseif")) {
        c->locals_count = top(c)->locals;
    } else if (is(&c->token, "end")) {
        pop(c);
    } else if (is(&c->token, "until")) { /* its condition still sees the block's locals */
        c->frames_count -= c->frames_count > 1;
    } else if (is(&c->token, "goto")) {
        advance(c);
    } else {
        return false;
    }
    return true;
}

static void take_symbol(struct expr_reads *c) {
    if (c->token.type != EXPR_TOKEN_SYMBOL)
        return;
    if (is(&c->token, "{") || is(&c->token, "(") || is(&c->token, "["))
        push(c, c->token.text.ptr[0], false);
    else if (is(&c->token, "}") || is(&c->token, ")") || is(&c->token, "]"))
        pop(c);
    if (is(&c->token, "::")) {
        advance(c);
        advance(c);
    }
}

static bool is_other_keyword(const struct expr_token *token) {
    static const char *const words[] = {"and", "break", "false",  "in",   "nil",
                                        "not", "or",    "return", "then", "true"};
    return is_one_of(token, words, FX_COUNT_OF(words));
}

static bool after_separator(const struct expr_reads *c) {
    return is(&c->previous, "{") || is(&c->previous, ",") || is(&c->previous, ";");
}

/* A name that is not read from outside: x.name, x:name(), {name = 1}. */
static bool is_member(struct expr_reads *c) {
    if (is(&c->previous, ".") || is(&c->previous, ":"))
        return true;
    return top(c)->kind == '{' && after_separator(c) && is(&c->next, "=");
}

/* {1, null} and {a = null} leave nothing behind in Lua; that surprises everybody. */
static enum fx_code check_lost_null(struct expr_reads *c, struct fx_error *err) {
    bool ends = is(&c->next, ",") || is(&c->next, ";") || is(&c->next, "}");

    if (top(c)->kind != '{' || !ends || !(after_separator(c) || is(&c->previous, "=")))
        return FX_OK;
    return fx_fail(err, FX_ERR_INPUT,
                   "null inside { } leaves nothing behind; use object(...) or list(...)");
}

static size_t least(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance of two short words. */
static size_t distance(struct fx_slice a, struct fx_slice b) {
    size_t row[MAX_TYPO_BYTES + 1];

    if (a.len > MAX_TYPO_BYTES || b.len > MAX_TYPO_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, corner + (a.ptr[i - 1] != b.ptr[j - 1]));
            corner = above;
        }
    }
    return row[b.len];
}

static const char *similar_name(const struct expr_reads *c) {
    struct fx_slice name = c->token.text;
    size_t best = name.len / 2 < 3 ? name.len / 2 : 3; /* must be nearer than this */
    const char *found = NULL, *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;

    while (fx_json_next(c->known, &cursor, &key, &value))
        if (distance(name, fx_slice_of(key)) < best) {
            found = key;
            best = distance(name, fx_slice_of(key));
        }
    for (size_t i = 0; i < fx_expr_helpers_count; i++)
        if (distance(name, fx_slice_of(fx_expr_helpers[i].name)) < best) {
            found = fx_expr_helpers[i].name;
            best = distance(name, fx_slice_of(found));
        }
    return found;
}

static enum fx_code check_name(struct expr_reads *c, struct fx_error *err) {
    if (c->token.type != EXPR_TOKEN_NAME || is_member(c))
        return FX_OK;
    if (is(&c->token, "nil") || is(&c->token, "null"))
        FX_TRY(check_lost_null(c, err));
    if (is_other_keyword(&c->token) || is_local(c))
        return FX_OK;

    const char *name = fx_slice_dup(c->sc, c->token.text);
    if (fx_json_at(c->known, name) || expr_is_builtin(name))
        return FX_OK;
    const char *similar = c->known == NULL ? NULL : similar_name(c);
    return fx_fail(err, FX_ERR_INPUT, "the name '%.80s' is not known here%s%.80s%s", name,
                   similar ? "; is '" : "", similar ? similar : "", similar ? "' meant?" : "");
}

struct expr_reads *expr_reads_new(struct fx_scope *sc) {
    struct expr_reads *reads = FX_NEW(sc, struct expr_reads);

    reads->sc = sc;
    return reads;
}

static void make_room(struct expr_reads *c, size_t source_len) {
    if (c->frames != NULL && source_len <= c->room)
        return;
    c->room = 2 * source_len;
    c->locals = fx_alloc(c->sc, (c->room + 1) * sizeof *c->locals);
    c->frames = fx_alloc(c->sc, (c->room + 2) * sizeof *c->frames);
}

enum fx_code expr_check_names(struct expr_reads *c, struct fx_slice source,
                              const struct fx_json *known, struct fx_error *err) {
    make_room(c, source.len);
    c->source = source;
    c->known = known;
    c->at = c->locals_count = c->frames_count = 0;
    c->previous = c->token = c->next = (struct expr_token){0};
    push(c, 'b', false);
    advance(c);
    for (advance(c); c->token.type != EXPR_TOKEN_END; advance(c)) {
        bool is_field = is(&c->previous, ".") || is(&c->previous, ":");
        if (!is_field && take_keyword(c))
            continue;
        FX_TRY(check_name(c, err));
        take_symbol(c);
    }
    return FX_OK;
}
