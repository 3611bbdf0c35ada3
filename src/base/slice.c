/* slice.c - looking at bytes that somebody else owns. */
#include "fluxabot/base/slice.h"

#include <string.h>

struct fx_slice fx_slice_of(const char *text) {
    return text == NULL ? (struct fx_slice){"", 0} : (struct fx_slice){text, strlen(text)};
}

struct fx_slice fx_slice_cut(struct fx_slice s, size_t from, size_t len) {
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return (struct fx_slice){s.ptr + from, len};
}

bool fx_slice_equal(struct fx_slice a, struct fx_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool fx_slice_equal_text(struct fx_slice a, const char *b) {
    return fx_slice_equal(a, fx_slice_of(b));
}

bool fx_slice_equal_secret(struct fx_slice a, struct fx_slice b) {
    volatile unsigned char difference = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference =
            (unsigned char)(difference | ((unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i]));
    return difference == 0;
}

bool fx_slice_starts_with(struct fx_slice s, struct fx_slice prefix) {
    return fx_slice_equal(fx_slice_cut(s, 0, prefix.len), prefix);
}

bool fx_slice_ends_with(struct fx_slice s, struct fx_slice suffix) {
    return s.len >= suffix.len &&
           fx_slice_equal(fx_slice_cut(s, s.len - suffix.len, suffix.len), suffix);
}

size_t fx_slice_find(struct fx_slice s, size_t from, char c) {
    if (from >= s.len)
        return s.len;
    const char *found = memchr(s.ptr + from, c, s.len - from);

    return found == NULL ? s.len : (size_t)(found - s.ptr);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct fx_slice fx_slice_trim(struct fx_slice s) {
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = fx_slice_cut(s, 1, s.len);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool fx_slice_split(struct fx_slice s, char c, struct fx_slice *ret_head,
                    struct fx_slice *ret_tail) {
    size_t at = fx_slice_find(s, 0, c);

    *ret_head = fx_slice_cut(s, 0, at);
    *ret_tail = fx_slice_cut(s, at + 1, s.len);
    return at < s.len;
}

bool fx_slice_to_int(struct fx_slice s, int64_t *ret_value) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t value = 0;

    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(value, 10, &value))
            return false;
        int64_t digit = s.ptr[i] - '0';

        /* building downwards reaches INT64_MIN, which has no positive twin */
        if (__builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *ret_value = value;
    return true;
}

/* Length of the well-formed sequence at p, 0 when there is none (Unicode 15, table 3-7). */
static size_t sequence_length(const unsigned char *p, size_t left) {
    if (p[0] < 0x80)
        return 1;
    unsigned char low = 0x80, high = 0xBF;
    size_t need = 0;

    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        need = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        need = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        need = 4;
    if (need == 0 || left < need)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    if (p[0] == 0xED)
        high = 0x9F;
    if (p[0] == 0xF0)
        low = 0x90;
    if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return need;
}

bool fx_slice_is_utf8(struct fx_slice s) {
    for (size_t i = 0; i < s.len;) {
        uint64_t eight = 0x80;

        if (s.len - i >= sizeof eight)
            memcpy(&eight, s.ptr + i, sizeof eight);
        if ((eight & 0x8080808080808080u) == 0) { /* nearly all text is ASCII */
            i += sizeof eight;
            continue;
        }
        size_t length = sequence_length((const unsigned char *)s.ptr + i, s.len - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* A character begins at p whose last bytes are behind the end. */
static bool is_cut_off(const unsigned char *p, size_t left) {
    size_t need = p[0] < 0xC2 || p[0] > 0xF4 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    if (need <= left)
        return false;
    for (size_t i = 1; i < left; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return false;
    return true;
}

size_t fx_slice_utf8_prefix(struct fx_slice s, size_t max_code_points) {
    size_t i = 0;

    for (size_t count = 0; i < s.len && count < max_code_points; count++) {
        size_t length = sequence_length((const unsigned char *)s.ptr + i, s.len - i);

        if (length == 0 && is_cut_off((const unsigned char *)s.ptr + i, s.len - i))
            break;
        i += length == 0 ? 1 : length;
    }
    return i;
}

size_t fx_slice_utf8_count(struct fx_slice s) {
    size_t count = 0;

    for (size_t i = 0; i < s.len; count++) {
        size_t length = sequence_length((const unsigned char *)s.ptr + i, s.len - i);

        i += length == 0 ? 1 : length;
    }
    return count;
}
