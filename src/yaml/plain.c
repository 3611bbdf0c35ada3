/* plain.c - which type an unquoted word has. */
#include "private.h"

#include <math.h>
#include <stdlib.h>

static size_t digits(struct fx_slice s, size_t at) {
    size_t start = at;

    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at - start;
}

/* JSON's number grammar, so that 007, +5, 0x1F and 1_000 stay the texts they are. */
static bool is_number(struct fx_slice s, bool *ret_real) {
    size_t at = s.len > 0 && s.ptr[0] == '-';
    size_t count = digits(s, at);

    *ret_real = false;
    if (count == 0 || (count > 1 && s.ptr[at] == '0'))
        return false;
    at += count;
    if (at < s.len && s.ptr[at] == '.') {
        count = digits(s, at + 1);
        if (count == 0)
            return false;
        at += 1 + count;
        *ret_real = true;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-'))
            at++;
        count = digits(s, at);
        if (count == 0)
            return false;
        at += count;
        *ret_real = true;
    }
    return at == s.len;
}

static enum fx_code number(struct fx_scope *sc, const char *file, int line, struct fx_slice s,
                           bool is_real, struct fx_json **ret_json, struct fx_error *err) {
    int64_t whole = 0;

    if (!is_real) {
        if (!fx_slice_to_int(s, &whole))
            return fx_fail(err, FX_ERR_INPUT,
                           "%s:%d: the number does not fit in 64 bits; quote it if it is an id",
                           file, line);
        *ret_json = fx_json_int(sc, whole);
        return FX_OK;
    }
    double real = strtod(fx_slice_dup(sc, s), NULL);
    if (!isfinite(real))
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: the number is too large; quote it if it is text",
                       file, line);
    *ret_json = fx_json_real(sc, real);
    return FX_OK;
}

enum fx_code yaml_plain(struct fx_scope *sc, const char *file, int line, struct fx_slice s,
                        struct fx_json **ret_json, struct fx_error *err) {
    bool is_real = false;

    if (is_number(s, &is_real))
        return number(sc, file, line, s, is_real, ret_json, err);
    if (s.len == 0 || fx_slice_equal_text(s, "~") || fx_slice_equal_text(s, "null"))
        *ret_json = fx_json_null(sc);
    else if (fx_slice_equal_text(s, "true") || fx_slice_equal_text(s, "false"))
        *ret_json = fx_json_bool(sc, s.ptr[0] == 't');
    else
        *ret_json = fx_json_slice(sc, s);
    return FX_OK;
}
