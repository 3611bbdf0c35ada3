/* json.h - JSON values that live in a scope; the only door to jansson.
 *
 * Reading refuses repeated keys, deep nesting, oversized text, NaN, integers beyond 64 bits and
 * broken UTF-8. Making a string from foreign bytes never fails: what is not UTF-8 becomes U+FFFD.
 * Values are borrowed: whoever holds the scope may hold the value. A value may be put into several
 * parents of the same scope. Getters accept NULL and answer "absent".
 */
#pragma once

#include "fluxabot/base/scope.h"

struct fx_json;

enum { FX_JSON_MAX_DEPTH = 64, FX_JSON_MAX_BYTES = 16 << 20 };

enum fx_json_type {
    FX_JSON_ABSENT,
    FX_JSON_NULL,
    FX_JSON_BOOL,
    FX_JSON_INT,
    FX_JSON_REAL,
    FX_JSON_STRING,
    FX_JSON_ARRAY,
    FX_JSON_OBJECT,
};

/* FX_ERR_INPUT with line and column in the message, or FX_ERR_LIMIT. Scalars are values too. */
enum fx_code fx_json_parse(struct fx_scope *sc, struct fx_slice text, struct fx_json **ret_json,
                           struct fx_error *err);
/* Compact, keys in the order they were put. */
char *fx_json_dump(struct fx_scope *sc, const struct fx_json *json);
/* Compact, keys sorted: equal values give equal bytes, so a digest may be taken of them. */
char *fx_json_dump_canonical(struct fx_scope *sc, const struct fx_json *json);
/* One text as fx_json_dump writes it, quotes included, without a value being made of it. */
char *fx_json_quote(struct fx_scope *sc, const char *text);
/* For people: two blanks of indent. */
char *fx_json_dump_pretty(struct fx_scope *sc, const struct fx_json *json);

struct fx_json *fx_json_null(struct fx_scope *sc);
struct fx_json *fx_json_bool(struct fx_scope *sc, bool value);
struct fx_json *fx_json_int(struct fx_scope *sc, int64_t value);
struct fx_json *fx_json_real(struct fx_scope *sc, double value);
struct fx_json *fx_json_string(struct fx_scope *sc, const char *text); /* NULL gives null */
struct fx_json *fx_json_slice(struct fx_scope *sc, struct fx_slice s);
struct fx_json *fx_json_stringf(struct fx_scope *sc, const char *fmt, ...) FX_PRINTF(2, 3);

struct fx_json *fx_json_array(struct fx_scope *sc);
struct fx_json *fx_json_object(struct fx_scope *sc);
/* fx_json_object_of(sc, "type", fx_json_string(sc, "header"), "text", text, NULL); a NULL value is
 * left out, so an optional member needs no if. */
struct fx_json *fx_json_object_of(struct fx_scope *sc, ...);
/* fx_json_array_of(sc, a, b, NULL). */
struct fx_json *fx_json_array_of(struct fx_scope *sc, ...) FX_SENTINEL;
/* Replaces what stood under key. A NULL value is ignored. */
void fx_json_put(struct fx_json *object, const char *key, struct fx_json *value);
void fx_json_remove(struct fx_json *object, const char *key);
void fx_json_add(struct fx_json *array, struct fx_json *value);
/* A copy that shares nothing with json. */
struct fx_json *fx_json_copy(struct fx_scope *sc, const struct fx_json *json);
/* The same value, which now lives as long as sc, too: of a scope that ends before. NULL gives NULL.
 */
struct fx_json *fx_json_share(struct fx_scope *sc, struct fx_json *json);

enum fx_json_type fx_json_type(const struct fx_json *json);
bool fx_json_equal(const struct fx_json *a, const struct fx_json *b);
/* Members of an object, items of an array, else 0. */
size_t fx_json_count(const struct fx_json *json);
struct fx_json *fx_json_item(const struct fx_json *array, size_t index);   /* NULL past the end */
struct fx_json *fx_json_at(const struct fx_json *object, const char *key); /* NULL when absent */
/* "detail.state.value"; numbers index arrays. NULL when any part is absent. */
struct fx_json *fx_json_at_path(const struct fx_json *json, const char *path);

const char *fx_json_text(const struct fx_json *json); /* NULL unless a string */
struct fx_slice fx_json_text_slice(const struct fx_json *json);
int64_t fx_json_to_int(const struct fx_json *json, int64_t fallback); /* reals are truncated */
double fx_json_to_real(const struct fx_json *json, double fallback);
bool fx_json_to_bool(const struct fx_json *json, bool fallback);
/* The same for a member. */
const char *fx_json_get_text(const struct fx_json *object, const char *key);
int64_t fx_json_get_int(const struct fx_json *object, const char *key, int64_t fallback);
double fx_json_get_real(const struct fx_json *object, const char *key, double fallback);
bool fx_json_get_bool(const struct fx_json *object, const char *key, bool fallback);

/* Walks the members in order: start with *cursor = NULL; false at the end. */
bool fx_json_next(const struct fx_json *object, void **cursor, const char **ret_key,
                  struct fx_json **ret_value);
