/* argument.c - what helpers are called with, and what they say when it does not fit. */
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *helper_name(lua_State *L) {
    lua_Debug ar;

    lua_getstack(L, 0, &ar);
    lua_getinfo(L, "f", &ar);
    lua_CFunction self = lua_tocfunction(L, -1);
    for (size_t i = 0; i < fx_expr_helpers_count; i++)
        if (fx_expr_helpers[i].call == self)
            return fx_expr_helpers[i].name;
    return "the helper";
}

_Noreturn void expr_refuse(lua_State *L, const char *sentence) {
    luaL_error(L, "%s: %s", helper_name(L), sentence);
    abort(); /* luaL_error does not return, but is not declared so */
}

_Noreturn void expr_bad_argument(lua_State *L, int arg, const char *wanted) {
    const char *got = lua_isnone(L, arg) ? "missing" : expr_kind_name(expr_kind(L, arg));

    luaL_error(L, "%s: argument %d is %s, not %s", helper_name(L), arg, got, wanted);
    abort();
}

static void push_real(lua_State *L, lua_Number real) {
    char text[48];

    if (!isfinite(real))
        luaL_error(L, "the value is %s; is something divided by zero?",
                   isnan(real) ? "not a number" : "infinite");
    /* 6 / 2 is 3.0 to Lua; a reader expects 3. */
    if (real == floor(real) && fabs(real) < 1e15)
        snprintf(text, sizeof text, "%lld", (long long)real);
    else
        snprintf(text, sizeof text, "%.14g", real);
    lua_pushstring(L, text);
}

void expr_push_text(lua_State *L, int index) {
    struct fx_scope *temp = expr_job(L)->temp;
    const char *json;

    luaL_checkstack(L, 8, NULL);
    index = lua_absindex(L, index);
    switch (expr_kind(L, index)) {
    case EXPR_NULL:
        lua_pushliteral(L, "null");
        break;
    case EXPR_BOOL:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case EXPR_NUMBER:
        if (lua_isinteger(L, index)) {
            lua_pushvalue(L, index);
            lua_tolstring(L, -1, NULL);
        } else {
            push_real(L, lua_tonumber(L, index));
        }
        break;
    case EXPR_TEXT:
        lua_pushvalue(L, index);
        break;
    case EXPR_LIST:
    case EXPR_OBJECT:
    case EXPR_FUNCTION: /* refused in there */
        json = fx_json_dump(temp, expr_to_json(L, index, temp));
        expr_charge_bytes(L, strlen(json));
        lua_pushstring(L, json);
        break;
    }
}

struct fx_slice expr_arg_text(lua_State *L, int arg) {
    enum expr_kind kind = expr_kind(L, arg);
    struct fx_slice s;

    if (kind == EXPR_NUMBER) {
        expr_push_text(L, arg);
        lua_replace(L, arg);
    } else if (kind != EXPR_TEXT) {
        expr_bad_argument(L, arg, "a text");
    }
    s.ptr = lua_tolstring(L, arg, &s.len);
    expr_charge_bytes(L, s.len);
    return s;
}

const char *expr_arg_name(lua_State *L, int arg) {
    struct fx_slice s;

    if (expr_kind(L, arg) != EXPR_TEXT)
        expr_bad_argument(L, arg, "a text");
    s = expr_arg_text(L, arg);
    if (memchr(s.ptr, 0, s.len))
        expr_refuse(L, "a name holds a NUL byte");
    return s.ptr;
}

size_t expr_arg_list(lua_State *L, int arg) {
    enum expr_kind kind = expr_kind(L, arg);

    if (kind != EXPR_LIST && (kind != EXPR_NULL || lua_isnone(L, arg)))
        expr_bad_argument(L, arg, "a list");
    size_t count = expr_count(L, arg);
    expr_charge(L, 1 + count);
    return count;
}

lua_Integer expr_arg_int(lua_State *L, int arg, lua_Integer low, lua_Integer high) {
    int whole = 0;
    lua_Integer value = 0;

    if (lua_type(L, arg) != LUA_TNUMBER)
        expr_bad_argument(L, arg, "a number");
    value = lua_tointegerx(L, arg, &whole);
    if (!whole)
        expr_refuse(L, "a whole number is needed; round(...) makes one");
    if (value < low || value > high)
        luaL_error(L, "%s: argument %d is not between %I and %I", helper_name(L), arg,
                   (LUAI_UACINT)low, (LUAI_UACINT)high);
    return value;
}

lua_Number expr_arg_number(lua_State *L, int arg) {
    if (lua_type(L, arg) == LUA_TSTRING)
        expr_bad_argument(L, arg, "a number; number(...) reads a text");
    if (lua_type(L, arg) != LUA_TNUMBER)
        expr_bad_argument(L, arg, "a number");
    return lua_tonumber(L, arg);
}
