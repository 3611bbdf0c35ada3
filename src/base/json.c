/* json.c - JSON values that live in a scope, on jansson. */
#include "json_text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *of(const struct fx_json *json) {
    return (json_t *)json;
}

static void release(void *value) {
    json_decref(value);
}

/* Of true, false and null jansson has one each, which is never released. */
static bool is_constant(const json_t *value) {
    return json_is_boolean(value) || json_is_null(value);
}

/* The scope holds the reference that making the value gave. */
static struct fx_json *keep(struct fx_scope *sc, json_t *value) {
    if (value == NULL)
        abort(); /* no memory: callers have made sure that nothing else can fail */
    if (!is_constant(value))
        fx_defer(sc, release, value);
    return (struct fx_json *)value;
}

/* ---- reading ---- */

/* jansson's own limit of 2,048 levels is fixed and recursion deep. */
static enum fx_code check_depth(struct fx_slice text, struct fx_error *err) {
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > FX_JSON_MAX_DEPTH)
                return fx_fail(err, FX_ERR_LIMIT, "JSON nested deeper than %d levels",
                               FX_JSON_MAX_DEPTH);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return FX_OK;
}

enum fx_code fx_json_parse(struct fx_scope *sc, struct fx_slice text, struct fx_json **ret_json,
                           struct fx_error *err) {
    json_error_t where;

    if (text.len > FX_JSON_MAX_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "JSON of %zu bytes, more than the %d allowed", text.len,
                       FX_JSON_MAX_BYTES);
    FX_TRY(check_depth(text, err));
    json_t *value =
        json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);

    if (value == NULL)
        return fx_fail(err, FX_ERR_INPUT, "not JSON: line %d, column %d: %s", where.line,
                       where.column, where.text);
    *ret_json = keep(sc, value);
    return FX_OK;
}

/* ---- making ---- */

struct fx_json *fx_json_null(struct fx_scope *sc) {
    return keep(sc, json_null());
}

struct fx_json *fx_json_bool(struct fx_scope *sc, bool value) {
    return keep(sc, json_boolean(value));
}

struct fx_json *fx_json_int(struct fx_scope *sc, int64_t value) {
    return keep(sc, json_integer(value));
}

struct fx_json *fx_json_real(struct fx_scope *sc, double value) {
    return isfinite(value) ? keep(sc, json_real(value)) : fx_json_null(sc);
}

struct fx_json *fx_json_slice(struct fx_scope *sc, struct fx_slice s) {
    struct fx_slice good = json_repair(sc, s);

    return keep(sc, json_stringn_nocheck(good.ptr == NULL ? "" : good.ptr, good.len));
}

struct fx_json *fx_json_string(struct fx_scope *sc, const char *text) {
    return text == NULL ? fx_json_null(sc) : fx_json_slice(sc, fx_slice_of(text));
}

struct fx_json *fx_json_stringf(struct fx_scope *sc, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    const char *text = fx_vprintf(sc, fmt, args);
    va_end(args);
    return fx_json_string(sc, text);
}

struct fx_json *fx_json_array(struct fx_scope *sc) {
    return keep(sc, json_array());
}

struct fx_json *fx_json_object(struct fx_scope *sc) {
    return keep(sc, json_object());
}

struct fx_json *fx_json_object_of(struct fx_scope *sc, ...) {
    struct fx_json *object = fx_json_object(sc);
    const char *key = NULL;
    va_list args;

    va_start(args, sc);
    while ((key = va_arg(args, const char *)) != NULL)
        fx_json_put(object, key, va_arg(args, struct fx_json *));
    va_end(args);
    return object;
}

struct fx_json *fx_json_array_of(struct fx_scope *sc, ...) {
    struct fx_json *array = fx_json_array(sc), *value = NULL;
    va_list args;

    va_start(args, sc);
    while ((value = va_arg(args, struct fx_json *)) != NULL)
        fx_json_add(array, value);
    va_end(args);
    return array;
}

void fx_json_put(struct fx_json *object, const char *key, struct fx_json *value) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = NULL;

    if (value == NULL)
        return;
    /* a name from a form, a table or a script may be anything, and no dump could print it */
    if (!fx_slice_is_utf8(fx_slice_of(key))) {
        sc = fx_scope_new(NULL);
        key = fx_slice_dup(sc, json_repair(sc, fx_slice_of(key)));
    }
    if (json_object_set_nocheck(of(object), key, of(value)) != 0)
        abort();
}

void fx_json_remove(struct fx_json *object, const char *key) {
    json_object_del(of(object), key);
}

void fx_json_add(struct fx_json *array, struct fx_json *value) {
    if (value != NULL && json_array_append(of(array), of(value)) != 0)
        abort();
}

struct fx_json *fx_json_copy(struct fx_scope *sc, const struct fx_json *json) {
    return json == NULL ? fx_json_null(sc) : keep(sc, json_deep_copy(of(json)));
}

struct fx_json *fx_json_share(struct fx_scope *sc, struct fx_json *json) {
    return json == NULL ? NULL : keep(sc, json_incref(of(json)));
}

/* ---- looking ---- */

enum fx_json_type fx_json_type(const struct fx_json *json) {
    if (json == NULL)
        return FX_JSON_ABSENT;
    switch (json_typeof(of(json))) {
    case JSON_OBJECT:
        return FX_JSON_OBJECT;
    case JSON_ARRAY:
        return FX_JSON_ARRAY;
    case JSON_STRING:
        return FX_JSON_STRING;
    case JSON_INTEGER:
        return FX_JSON_INT;
    case JSON_REAL:
        return FX_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return FX_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return FX_JSON_NULL;
}

bool fx_json_equal(const struct fx_json *a, const struct fx_json *b) {
    return a == b || (a != NULL && b != NULL && json_equal(of(a), of(b)));
}

size_t fx_json_count(const struct fx_json *json) {
    if (json == NULL)
        return 0;
    return json_is_array(of(json)) ? json_array_size(of(json)) : json_object_size(of(json));
}

struct fx_json *fx_json_item(const struct fx_json *array, size_t index) {
    return (struct fx_json *)json_array_get(of(array), index);
}

struct fx_json *fx_json_at(const struct fx_json *object, const char *key) {
    return (struct fx_json *)json_object_get(of(object), key);
}

struct fx_json *fx_json_at_path(const struct fx_json *json, const char *path) {
    enum { KEY_MAX = 128 };
    struct fx_slice rest = fx_slice_of(path), part;
    const struct fx_json *value = json;

    while (value != NULL && rest.len > 0) {
        char key[KEY_MAX];
        int64_t index = 0;

        fx_slice_split(rest, '.', &part, &rest);
        if (part.len >= sizeof key)
            return NULL;
        memcpy(key, part.ptr, part.len);
        key[part.len] = '\0';
        if (fx_json_type(value) == FX_JSON_ARRAY)
            value = fx_slice_to_int(part, &index) && index >= 0 ? fx_json_item(value, (size_t)index)
                                                                : NULL;
        else
            value = fx_json_at(value, key);
    }
    return (struct fx_json *)value;
}

const char *fx_json_text(const struct fx_json *json) {
    return json_string_value(of(json));
}

struct fx_slice fx_json_text_slice(const struct fx_json *json) {
    const char *text = fx_json_text(json);

    return text == NULL ? (struct fx_slice){"", 0}
                        : (struct fx_slice){text, json_string_length(of(json))};
}

int64_t fx_json_to_int(const struct fx_json *json, int64_t fallback) {
    if (json_is_integer(of(json)))
        return json_integer_value(of(json));
    if (!json_is_real(of(json)))
        return fallback;
    double real = json_real_value(of(json));

    /* 2^63 is the first double that no int64 holds */
    return real >= -0x1p63 && real < 0x1p63 ? (int64_t)real : fallback;
}

double fx_json_to_real(const struct fx_json *json, double fallback) {
    return json_is_number(of(json)) ? json_number_value(of(json)) : fallback;
}

bool fx_json_to_bool(const struct fx_json *json, bool fallback) {
    return json_is_boolean(of(json)) ? json_is_true(of(json)) : fallback;
}

const char *fx_json_get_text(const struct fx_json *object, const char *key) {
    return fx_json_text(fx_json_at(object, key));
}

int64_t fx_json_get_int(const struct fx_json *object, const char *key, int64_t fallback) {
    return fx_json_to_int(fx_json_at(object, key), fallback);
}

double fx_json_get_real(const struct fx_json *object, const char *key, double fallback) {
    return fx_json_to_real(fx_json_at(object, key), fallback);
}

bool fx_json_get_bool(const struct fx_json *object, const char *key, bool fallback) {
    return fx_json_to_bool(fx_json_at(object, key), fallback);
}

bool fx_json_next(const struct fx_json *object, void **cursor, const char **ret_key,
                  struct fx_json **ret_value) {
    if (object == NULL)
        return false;
    *cursor =
        *cursor == NULL ? json_object_iter(of(object)) : json_object_iter_next(of(object), *cursor);
    if (*cursor == NULL)
        return false;
    if (ret_key != NULL)
        *ret_key = json_object_iter_key(*cursor);
    if (ret_value != NULL)
        *ret_value = (struct fx_json *)json_object_iter_value(*cursor);
    return true;
}
