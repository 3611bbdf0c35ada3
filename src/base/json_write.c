/* json_write.c - JSON values as text.
 *
 * The compact text, which all messages, rows and digests are made of, is written here and not by
 * jansson: that looks for a value that holds itself by entering the printed address of each
 * container into a table, which takes five times as long as the text. No value of ours can hold
 * itself: each is made of values that are whole already. Tests compare the two byte for byte.
 */
#include "json_text.h"

#include "fluxabot/base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All reals of a text are printed with so many digits: 15 give back every decimal of a person,
 * 17 every double, but they would print 0.1 as 0.10000000000000001. */
enum { REAL_DIGITS = 15, REAL_DIGITS_EXACT = 17 };

enum { NUMBER_BYTES_MAX = 40 };

/* The text is written twice: first it is only measured, so that it takes no more than its size. */
struct writer {
    char *to; /* NULL: measured */
    size_t len;
    const json_t *whole;
    size_t digits;            /* 0: no real has been met */
    struct fx_scope *sort_in; /* for keys that are sorted; NULL: they stay in their order */
};

static json_t *of(const struct fx_json *json) {
    return (json_t *)json;
}

/* ---- strings ---- */

struct fx_slice json_repair(struct fx_scope *sc, struct fx_slice s) {
    struct fx_buf buf;

    if (fx_slice_is_utf8(s) && fx_slice_find(s, 0, '\0') == s.len)
        return s;
    fx_buf_init(&buf, sc, 3 * s.len + 1);
    for (size_t i = 0; i < s.len;) {
        size_t length = 1;

        while (length < 4 && !fx_slice_is_utf8(fx_slice_cut(s, i, length)))
            length++;
        struct fx_slice one = fx_slice_cut(s, i, length);

        if (s.ptr[i] != '\0' && fx_slice_is_utf8(one)) {
            fx_buf_add(&buf, one);
            i += one.len;
        } else {
            fx_buf_add_text(&buf, "\xEF\xBF\xBD");
            i++;
        }
    }
    return fx_buf_slice(&buf);
}

/* 0: it stands for itself. */
static char letter_after_backslash(unsigned char c) {
    static const char letters[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
                                   ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\'};

    return c < sizeof letters ? letters[c] : '\0';
}

static void add(struct writer *w, const char *text, size_t len) {
    if (w->to != NULL && len > 0)
        memcpy(w->to + w->len, text, len);
    w->len += len;
}

static void add_escaped(struct writer *w, unsigned char c) {
    const char with_letter[] = {'\\', letter_after_backslash(c)};
    char with_number[sizeof "\\u0000"];

    if (with_letter[1] != '\0') {
        add(w, with_letter, sizeof with_letter);
        return;
    }
    snprintf(with_number, sizeof with_number, "\\u%04X", c);
    add(w, with_number, sizeof with_number - 1);
}

static bool is_plain(unsigned char c) {
    return c >= ' ' && c != '"' && c != '\\';
}

/* Eight bytes at once: where one is less than another, the high bit of the difference is set. A
 * borrow from a neighbour may say so of a byte that is not, never the other way round. */
static bool are_plain(const char *text) {
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t bytes = 0;

    memcpy(&bytes, text, sizeof bytes);
    uint64_t quote = bytes ^ ones * '"', backslash = bytes ^ ones * '\\';
    uint64_t found = ((bytes - ones * ' ') & ~bytes) | ((quote - ones) & ~quote) |
                     ((backslash - ones) & ~backslash);

    return (found & high) == 0;
}

static size_t plain_run(const char *text, size_t len) {
    size_t run = 0;

    while (len - run >= sizeof(uint64_t) && are_plain(text + run))
        run += sizeof(uint64_t);
    while (run < len && is_plain((unsigned char)text[run]))
        run++;
    return run;
}

static void add_string(struct writer *w, const char *text, size_t len) {
    add(w, "\"", 1);
    for (size_t at = 0; at < len;) {
        size_t run = plain_run(text + at, len - at);

        add(w, text + at, run);
        at += run;
        if (at < len)
            add_escaped(w, (unsigned char)text[at++]);
    }
    add(w, "\"", 1);
}

/* ---- numbers ---- */

static size_t digits_needed(const json_t *value) {
    size_t most = REAL_DIGITS, index = 0;
    const char *key = NULL;
    json_t *part = NULL;

    if (json_is_real(value)) {
        char text[40];

        snprintf(text, sizeof text, "%.*g", REAL_DIGITS, json_real_value(value));
        return strtod(text, NULL) == json_real_value(value) ? REAL_DIGITS : REAL_DIGITS_EXACT;
    }
    json_array_foreach(value, index, part) {
        if (most == REAL_DIGITS)
            most = digits_needed(part);
    }
    json_object_foreach((json_t *)value, key, part) {
        if (most == REAL_DIGITS)
            most = digits_needed(part);
    }
    return most;
}

static void add_int(struct writer *w, json_int_t value) {
    char text[NUMBER_BYTES_MAX];

    add(w, text, (size_t)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value));
}

static void add_real(struct writer *w, const json_t *value) {
    char text[NUMBER_BYTES_MAX];

    if (w->digits == 0)
        w->digits = digits_needed(w->whole);
    size_t len =
        json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY | JSON_REAL_PRECISION(w->digits));

    assert(len > 0 && len <= sizeof text);
    add(w, text, len);
}

/* ---- values ---- */

static void add_value(struct writer *w, const json_t *value);

static void add_array(struct writer *w, const json_t *array) {
    size_t index = 0;
    json_t *part = NULL;

    add(w, "[", 1);
    json_array_foreach(array, index, part) {
        if (index > 0)
            add(w, ",", 1);
        add_value(w, part);
    }
    add(w, "]", 1);
}

static void add_member(struct writer *w, void *at, bool first) {
    const char *key = json_object_iter_key(at);

    if (!first)
        add(w, ",", 1);
    add_string(w, key, strlen(key));
    add(w, ":", 1);
    add_value(w, json_object_iter_value(at));
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(json_object_iter_key(*(void *const *)a), json_object_iter_key(*(void *const *)b));
}

static void add_sorted(struct writer *w, json_t *object) {
    size_t count = json_object_size(object), n = 0;
    void **members = fx_alloc(w->sort_in, (count + 1) * sizeof *members);

    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at))
        members[n++] = at;
    qsort(members, n, sizeof *members, compare_keys);
    for (size_t i = 0; i < n; i++)
        add_member(w, members[i], i == 0);
}

static void add_object(struct writer *w, const json_t *object) {
    json_t *changeable = (json_t *)object; /* only the type: it is read */
    bool first = true;

    add(w, "{", 1);
    if (w->sort_in != NULL)
        add_sorted(w, changeable);
    for (void *at = w->sort_in != NULL ? NULL : json_object_iter(changeable); at != NULL;
         at = json_object_iter_next(changeable, at)) {
        add_member(w, at, first);
        first = false;
    }
    add(w, "}", 1);
}

static void add_value(struct writer *w, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(w, value);
        return;
    case JSON_ARRAY:
        add_array(w, value);
        return;
    case JSON_STRING:
        add_string(w, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        add_int(w, json_integer_value(value));
        return;
    case JSON_REAL:
        add_real(w, value);
        return;
    case JSON_TRUE:
        add(w, "true", strlen("true"));
        return;
    case JSON_FALSE:
        add(w, "false", strlen("false"));
        return;
    case JSON_NULL:
        break;
    }
    add(w, "null", strlen("null"));
}

/* ---- texts ---- */

static char *write_twice(struct fx_scope *sc, struct writer *w) {
    add_value(w, w->whole);
    w->to = fx_alloc(sc, w->len + 1);
    w->len = 0;
    add_value(w, w->whole);
    w->to[w->len] = '\0';
    return w->to;
}

char *fx_json_dump(struct fx_scope *sc, const struct fx_json *json) {
    struct writer w = {.whole = of(json)};

    return json == NULL ? fx_strdup(sc, "null") : write_twice(sc, &w);
}

char *fx_json_dump_canonical(struct fx_scope *sc, const struct fx_json *json) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *own = fx_scope_new(NULL);
    struct writer w = {.whole = of(json), .sort_in = own};

    return json == NULL ? fx_strdup(sc, "null") : write_twice(sc, &w);
}

char *fx_json_quote(struct fx_scope *sc, const char *text) {
    struct fx_slice s = json_repair(sc, fx_slice_of(text));
    struct writer w = {0};

    add_string(&w, s.ptr, s.len);
    w.to = fx_alloc(sc, w.len + 1);
    w.len = 0;
    add_string(&w, s.ptr, s.len);
    w.to[w.len] = '\0';
    return w.to;
}

char *fx_json_dump_pretty(struct fx_scope *sc, const struct fx_json *json) {
    if (json == NULL)
        return fx_strdup(sc, "null");
    char *text = json_dumps(of(json), JSON_INDENT(2) | JSON_ENCODE_ANY |
                                          JSON_REAL_PRECISION(digits_needed(of(json))));

    if (text == NULL)
        abort();
    char *copy = fx_strdup(sc, text);

    free(text);
    return copy;
}
