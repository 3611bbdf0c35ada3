/* compact.c - a member of a JSON object as it was written, for hashing. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_string(struct fx_slice s, size_t at) {
    for (at++; at < s.len && s.ptr[at] != '"'; at++)
        if (s.ptr[at] == '\\')
            at++;
    return at + 1;
}

/* The end of the value that begins at from: its comma or bracket at the same depth. */
static size_t skip_value(struct fx_slice s, size_t from) {
    int depth = 0;

    for (size_t at = from; at < s.len;) {
        char c = s.ptr[at];

        if (c == '"') {
            at = skip_string(s, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return at;
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        at++;
    }
    return s.len;
}

static struct fx_slice without_blanks(struct fx_scope *sc, struct fx_slice s) {
    struct fx_buf buf;

    fx_buf_init(&buf, sc, s.len + 1);
    for (size_t at = 0, from = 0; at < s.len; from = at) {
        while (at < s.len && !is_blank(s.ptr[at]))
            at = s.ptr[at] == '"' ? skip_string(s, at) : at + 1;
        fx_buf_add(&buf, fx_slice_cut(s, from, at - from));
        while (at < s.len && is_blank(s.ptr[at]))
            at++;
    }
    return fx_buf_slice(&buf);
}

struct fx_slice compact_member(struct fx_scope *sc, struct fx_slice object, const char *name) {
    size_t at = fx_slice_find(object, 0, '{') + 1;

    while (at < object.len) {
        while (at < object.len && (is_blank(object.ptr[at]) || object.ptr[at] == ','))
            at++;
        if (at >= object.len || object.ptr[at] != '"')
            break;
        size_t key_end = skip_string(object, at);
        struct fx_slice key = fx_slice_cut(object, at + 1, key_end - at - 2);
        size_t value = fx_slice_find(object, key_end, ':') + 1, end = skip_value(object, value);

        if (fx_slice_equal_text(key, name))
            return without_blanks(sc, fx_slice_cut(object, value, end - value));
        at = end;
    }
    return (struct fx_slice){"", 0};
}
