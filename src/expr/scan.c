/* scan.c - Lua's tokens, as far as one must know them to find names and closing braces. */
#include "private.h"

#include <string.h>

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(struct fx_slice s, size_t at) {
    return at < s.len ? s.ptr[at] : '\0';
}

/* Behind a long bracket [[ ]], [=[ ]=] that opens at `at`; `at` itself when none does, past the end
 * when it is not closed. */
static size_t skip_long(struct fx_slice s, size_t at) {
    size_t level = 0;

    while (peek(s, at + 1 + level) == '=')
        level++;
    if (peek(s, at + 1 + level) != '[')
        return at;
    for (size_t i = at + 2 + level; i < s.len; i++) {
        size_t n = 0;
        if (s.ptr[i] != ']')
            continue;
        while (n < level && peek(s, i + 1 + n) == '=')
            n++;
        if (n == level && peek(s, i + 1 + n) == ']')
            return i + 2 + n;
    }
    return s.len + 1;
}

static size_t skip_quoted(struct fx_slice s, size_t at) {
    char quote = s.ptr[at];

    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == quote)
            return i + 1;
        if (s.ptr[i] == '\\')
            i++;
    }
    return s.len + 1;
}

static size_t skip_comment(struct fx_slice s, size_t at) {
    size_t behind = at + 2;

    if (peek(s, behind) == '[' && skip_long(s, behind) != behind)
        return skip_long(s, behind);
    size_t feed = fx_slice_find(s, behind, '\n'), carriage = fx_slice_find(s, behind, '\r');
    return feed < carriage ? feed : carriage; /* either ends a line for Lua */
}

static size_t skip_blanks(struct fx_slice s, size_t at) {
    while (at < s.len) {
        if (strchr(" \t\n\r\f\v", s.ptr[at]) && s.ptr[at])
            at++;
        else if (s.ptr[at] == '-' && peek(s, at + 1) == '-')
            at = skip_comment(s, at);
        else
            break;
    }
    return at;
}

static size_t skip_number(struct fx_slice s, size_t at) {
    bool hex = peek(s, at) == '0' && (peek(s, at + 1) | 0x20) == 'x';

    while (at < s.len && (is_letter(s.ptr[at]) || is_digit(s.ptr[at]) || s.ptr[at] == '.')) {
        char exponent = hex ? 'p' : 'e';
        bool is_signed =
            (s.ptr[at] | 0x20) == exponent && (peek(s, at + 1) == '+' || peek(s, at + 1) == '-');
        at += is_signed ? 2 : 1;
    }
    return at;
}

static size_t skip_symbol(struct fx_slice s, size_t at) {
    static const char *const pairs[] = {"..", "==", "~=", "<=", ">=", "::", "//", "<<", ">>"};

    if (peek(s, at) == '.' && peek(s, at + 1) == '.' && peek(s, at + 2) == '.')
        return at + 3;
    for (size_t i = 0; i < FX_COUNT_OF(pairs); i++)
        if (s.ptr[at] == pairs[i][0] && peek(s, at + 1) == pairs[i][1])
            return at + 2;
    return at + 1;
}

static struct expr_token token(struct fx_slice s, size_t from, size_t *at, size_t to,
                               enum expr_token_type type) {
    bool closed = to <= s.len;

    *at = closed ? to : s.len;
    return (struct expr_token){closed ? type : EXPR_TOKEN_OPEN, fx_slice_cut(s, from, *at - from)};
}

struct expr_token expr_next_token(struct fx_slice s, size_t *at) {
    size_t from = skip_blanks(s, *at), to = from;
    char c = peek(s, from);

    if (from > s.len)
        return token(s, *at, at, from, EXPR_TOKEN_OPEN);
    if (from == s.len)
        return token(s, from, at, from, EXPR_TOKEN_END);
    if (is_letter(c)) {
        while (is_letter(peek(s, to)) || is_digit(peek(s, to)))
            to++;
        return token(s, from, at, to, EXPR_TOKEN_NAME);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(s, from + 1))))
        return token(s, from, at, skip_number(s, from), EXPR_TOKEN_LITERAL);
    if (c == '"' || c == '\'')
        return token(s, from, at, skip_quoted(s, from), EXPR_TOKEN_LITERAL);
    if (c == '[' && skip_long(s, from) != from)
        return token(s, from, at, skip_long(s, from), EXPR_TOKEN_LITERAL);
    return token(s, from, at, skip_symbol(s, from), EXPR_TOKEN_SYMBOL);
}
