/* json.c - a Lua value becomes JSON, and what is no JSON is refused. */
#include "private.h"

#include <math.h>
#include <string.h>

struct out {
    lua_State *L;
    struct fx_scope *sc;
    size_t left; /* bytes that may still be written */
};

enum { NODE_COST = 16 }; /* a node takes some 150 bytes of the scope, which the cap does not see */

static void take(struct out *out, size_t bytes) {
    expr_charge(out->L, NODE_COST + bytes / 16);
    if (bytes > out->left)
        expr_stop(out->L, EXPR_STOP_RESULT);
    out->left -= bytes;
}

static void check_depth(struct out *out, int depth) {
    if (depth > FX_JSON_MAX_DEPTH + 1) /* a leaf below the deepest list */
        luaL_error(out->L, "the value is nested deeper than %d levels, or holds itself",
                   FX_JSON_MAX_DEPTH);
}

/* Counts a given value before it is copied. */
static void measure(struct out *out, const struct fx_json *json, int depth) {
    const char *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;
    size_t count = fx_json_count(json);

    check_depth(out, depth);
    take(out, 2 + fx_json_text_slice(json).len);
    if (fx_json_type(json) == FX_JSON_OBJECT)
        while (fx_json_next(json, &cursor, &key, &value)) {
            take(out, strlen(key) + 2);
            measure(out, value, depth + 1);
        }
    else
        for (size_t i = 0; i < count; i++)
            measure(out, fx_json_item(json, i), depth + 1);
}

static struct fx_json *convert(struct out *out, int index, int depth);

static struct fx_json *convert_number(struct out *out, int index) {
    lua_State *L = out->L;

    take(out, 8);
    if (lua_isinteger(L, index))
        return fx_json_int(out->sc, lua_tointeger(L, index));
    double real = lua_tonumber(L, index);
    if (!isfinite(real))
        luaL_error(L, "the value is %s; is something divided by zero?",
                   isnan(real) ? "not a number" : "infinite");
    return fx_json_real(out->sc, real);
}

static struct fx_json *convert_text(struct out *out, int index) {
    struct fx_slice s;

    s.ptr = lua_tolstring(out->L, index, &s.len);
    if (memchr(s.ptr, 0, s.len))
        luaL_error(out->L, "the value holds a text with a NUL byte");
    take(out, s.len + 2);
    return fx_json_slice(out->sc, s);
}

static struct fx_json *convert_list(struct out *out, int index, int depth) {
    struct fx_json *array = fx_json_array(out->sc);
    size_t count = expr_count(out->L, index);

    for (size_t i = 1; i <= count; i++) {
        expr_push_item(out->L, index, i);
        fx_json_add(array, convert(out, lua_gettop(out->L), depth + 1));
        lua_pop(out->L, 1);
    }
    return array;
}

static struct fx_json *convert_object(struct out *out, int index, int depth) {
    lua_State *L = out->L;
    struct fx_json *object = fx_json_object(out->sc);
    size_t count = expr_push_keys(L, index);
    int keys = lua_gettop(L);

    for (size_t i = 1; i <= count; i++) {
        struct fx_slice key;

        lua_rawgeti(L, keys, (lua_Integer)i);
        key.ptr = lua_tolstring(L, -1, &key.len);
        if (memchr(key.ptr, 0, key.len) || !fx_slice_is_utf8(key))
            luaL_error(L, "the value has a key that is not text");
        take(out, key.len + 2);
        expr_push_member(L, index, key.ptr);
        fx_json_put(object, key.ptr, convert(out, lua_gettop(L), depth + 1));
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return object;
}

/* {1, nil, 3} and {1, x = 2} would lose something without a word. */
static void check_table(lua_State *L, int index) {
    size_t count = 0, length = lua_rawlen(L, index);

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        expr_charge(L, 1);
        count++;
    }
    if (length > 0 && count != length)
        luaL_error(L, "a table is neither a list nor an object; list(...) keeps null");
}

static struct fx_json *convert(struct out *out, int index, int depth) {
    lua_State *L = out->L;

    luaL_checkstack(L, 16, NULL);
    check_depth(out, depth);
    take(out, 2);
    if (lua_type(L, index) == LUA_TTABLE)
        check_table(L, index);
    const struct fx_json *given = expr_given(L, index);
    if (given) {
        measure(out, given, depth);
        return fx_json_copy(out->sc, given);
    }
    switch (expr_kind(L, index)) {
    case EXPR_BOOL:
        return fx_json_bool(out->sc, lua_toboolean(L, index));
    case EXPR_NUMBER:
        return convert_number(out, index);
    case EXPR_TEXT:
        return convert_text(out, index);
    case EXPR_LIST:
        return convert_list(out, index, depth);
    case EXPR_OBJECT:
        return convert_object(out, index, depth);
    case EXPR_FUNCTION:
        luaL_error(L, "the value is a function; is a call's ( ) missing?");
        break;
    case EXPR_NULL:
        break;
    }
    return fx_json_null(out->sc);
}

struct fx_json *expr_to_json(lua_State *L, int index, struct fx_scope *sc) {
    struct out out = {.L = L, .sc = sc, .left = FX_EXPR_MAX_RESULT_BYTES};

    return convert(&out, lua_absindex(L, index), 1);
}

void expr_charge_json(lua_State *L, const struct fx_json *json) {
    struct out out = {.L = L, .left = SIZE_MAX};

    measure(&out, json, 1);
}
