/* object.c - helpers for any value and for the members of objects. */
#include "private.h"

#include <string.h>

int expr_len(lua_State *L) {
    size_t count;

    switch (expr_kind(L, 1)) {
    case EXPR_TEXT:
        count = fx_slice_utf8_count(expr_arg_text(L, 1));
        break;
    case EXPR_LIST:
    case EXPR_OBJECT:
        count = expr_count(L, 1);
        break;
    case EXPR_NULL:
        count = 0;
        break;
    default:
        expr_bad_argument(L, 1, "a text, list or object");
    }
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

int expr_empty(lua_State *L) {
    enum expr_kind kind = expr_kind(L, 1);
    bool empty = kind == EXPR_NULL;

    if (kind == EXPR_TEXT)
        empty = lua_rawlen(L, 1) == 0;
    else if (kind == EXPR_LIST || kind == EXPR_OBJECT)
        empty = expr_count(L, 1) == 0;
    lua_pushboolean(L, empty);
    return 1;
}

int expr_type(lua_State *L) {
    lua_pushstring(L, expr_kind_name(expr_kind(L, 1)));
    return 1;
}

int expr_default(lua_State *L) {
    lua_settop(L, 2);
    lua_pushvalue(L, lua_isnil(L, 1) ? 2 : 1);
    return 1;
}

int expr_coalesce(lua_State *L) {
    int count = lua_gettop(L), i = 1;

    while (i < count && lua_isnil(L, i))
        i++;
    lua_settop(L, i);
    return 1;
}

int expr_get(lua_State *L) {
    lua_settop(L, 3);
    const char *path = expr_arg_name(L, 2);
    bool found = expr_push_path(L, 1, path);

    if (!found || lua_isnil(L, -1))
        lua_pushvalue(L, 3);
    return 1;
}

int expr_has(lua_State *L) {
    const char *path = expr_arg_name(L, 2);

    lua_settop(L, 2);
    lua_pushboolean(L, expr_push_path(L, 1, path));
    return 1;
}

int expr_equal_of(lua_State *L) {
    lua_settop(L, 2);
    lua_pushboolean(L, expr_equal(L, 1, 2));
    return 1;
}

static size_t push_object_keys(lua_State *L) {
    enum expr_kind kind = expr_kind(L, 1);

    if (kind == EXPR_OBJECT)
        return expr_push_keys(L, 1);
    if (kind != EXPR_NULL && expr_count(L, 1) > 0) /* { } cannot say what it is */
        expr_bad_argument(L, 1, "an object");
    lua_newtable(L);
    return 0;
}

int expr_keys(lua_State *L) {
    lua_settop(L, 1);
    push_object_keys(L);
    expr_make_list(L);
    return 1;
}

int expr_values(lua_State *L) {
    lua_settop(L, 1);
    size_t count = push_object_keys(L);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        expr_charge(L, 4);
        lua_rawgeti(L, 2, (lua_Integer)i);
        expr_push_member(L, 1, lua_tostring(L, -1));
        expr_put_item(L, 3, i);
        lua_pop(L, 1);
    }
    expr_make_list(L);
    return 1;
}

int expr_list(lua_State *L) {
    int count = lua_gettop(L);

    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        expr_put_item(L, count + 1, (size_t)i);
    }
    expr_make_list(L);
    return 1;
}

int expr_object(lua_State *L) {
    int count = lua_gettop(L);

    if (count % 2 != 0)
        expr_refuse(L, "keys and values come in pairs");
    lua_createtable(L, 0, count / 2);
    for (int i = 1; i <= count; i += 2) {
        const char *key = expr_arg_name(L, i);
        lua_pushvalue(L, i + 1);
        expr_put_member(L, count + 1, key);
    }
    expr_make_object(L);
    return 1;
}

/* Upvalues: the value, its keys or nil, the place. The state of a generic for, without next. */
static int step_over(lua_State *L) {
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)) + 1;

    expr_charge(L, 4);
    lua_settop(L, 0);
    lua_pushinteger(L, at);
    lua_copy(L, 1, lua_upvalueindex(3));
    if (lua_isnil(L, lua_upvalueindex(2))) {
        if ((size_t)at > expr_count(L, lua_upvalueindex(1)))
            return 0;
        expr_push_item(L, lua_upvalueindex(1), (size_t)at);
        return 2;
    }
    if (lua_rawgeti(L, lua_upvalueindex(2), at) == LUA_TNIL)
        return 1;
    lua_replace(L, 1);
    expr_push_member(L, lua_upvalueindex(1), lua_tostring(L, 1));
    return 2;
}

int expr_ipairs(lua_State *L) {
    lua_settop(L, 1);
    expr_arg_list(L, 1);
    lua_pushnil(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, step_over, 3);
    return 1;
}

int expr_pairs(lua_State *L) {
    enum expr_kind kind = expr_kind(L, 1);

    if (kind == EXPR_LIST || kind == EXPR_NULL)
        return expr_ipairs(L);
    lua_settop(L, 1);
    push_object_keys(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, step_over, 3);
    return 1;
}

int expr_json(lua_State *L) {
    struct fx_scope *temp = expr_job(L)->temp;

    lua_settop(L, 1);
    const char *text = fx_json_dump_canonical(temp, expr_to_json(L, 1, temp));
    expr_charge_bytes(L, strlen(text));
    lua_pushstring(L, text);
    return 1;
}

int expr_parse_json(lua_State *L) {
    bool has_fallback = lua_gettop(L) > 1;
    struct fx_slice text = expr_arg_text(L, 1);
    struct fx_json *json = NULL;
    struct fx_error err = {0};

    lua_settop(L, 2);
    if (text.len > FX_EXPR_MAX_RESULT_BYTES)
        expr_stop(L, EXPR_STOP_RESULT);
    expr_charge(L, text.len / 4);
    if (fx_json_parse(expr_job(L)->temp, text, &json, &err) == FX_OK) {
        expr_charge_json(L, json);
        expr_push_json(L, json);
    } else if (!has_fallback) {
        expr_refuse(L, "the text is not JSON; a second argument is taken instead");
    }
    return 1;
}
