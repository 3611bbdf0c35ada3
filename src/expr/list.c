/* list.c - helpers that walk a list once. */
#include "private.h"

#include <math.h>

enum { MAX_RANGE = 10000 };

/* Leaves the list's items from first on, count of them, as a new list. */
static int push_part(lua_State *L, size_t first, size_t count) {
    lua_createtable(L, (int)count, 0);
    int made = lua_gettop(L);

    for (size_t i = 0; i < count; i++) {
        expr_push_item(L, 1, first + i);
        expr_put_item(L, made, i + 1);
    }
    expr_make_list(L);
    return 1;
}

static size_t wanted(lua_State *L, size_t count) {
    size_t n = (size_t)expr_arg_int(L, 2, 0, INT32_MAX);

    return n < count ? n : count;
}

int expr_first(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    if (!lua_isnoneornil(L, 2))
        return push_part(L, 1, wanted(L, count));
    expr_push_item(L, 1, 1);
    return 1;
}

int expr_last(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    if (!lua_isnoneornil(L, 2)) {
        size_t n = wanted(L, count);
        return push_part(L, count - n + 1, n);
    }
    if (count == 0)
        lua_pushnil(L);
    else
        expr_push_item(L, 1, count);
    return 1;
}

int expr_reverse(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 1);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, count - i + 1);
        expr_put_item(L, 2, i);
    }
    expr_make_list(L);
    return 1;
}

int expr_append(lua_State *L) {
    int lists = lua_gettop(L);
    size_t n = 0;

    lua_newtable(L);
    for (int arg = 1; arg <= lists; arg++) {
        size_t count = expr_arg_list(L, arg);
        for (size_t i = 1; i <= count; i++) {
            expr_push_item(L, arg, i);
            expr_put_item(L, lists + 1, ++n);
        }
    }
    expr_make_list(L);
    return 1;
}

int expr_range(lua_State *L) {
    bool two = !lua_isnoneornil(L, 2);
    lua_Integer first = two ? expr_arg_int(L, 1, INT32_MIN, INT32_MAX) : 1;
    lua_Integer last = expr_arg_int(L, two ? 2 : 1, INT32_MIN, INT32_MAX);
    lua_Integer count = last < first ? 0 : last - first + 1;

    if (count > MAX_RANGE)
        luaL_error(L, "range: more than %d numbers", MAX_RANGE);
    expr_charge(L, (size_t)count);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_pushinteger(L, first + i);
        lua_rawseti(L, -2, i + 1);
    }
    expr_make_list(L);
    return 1;
}

void expr_push_by(lua_State *L, int item, int by) {
    luaL_checkstack(L, 8, NULL);
    switch (lua_isnone(L, by) ? EXPR_NULL : expr_kind(L, by)) {
    case EXPR_NULL:
        lua_pushvalue(L, item);
        break;
    case EXPR_TEXT:
        expr_push_path(L, item, expr_arg_name(L, by));
        break;
    case EXPR_FUNCTION:
        lua_pushvalue(L, by);
        lua_pushvalue(L, item);
        lua_call(L, 1, 1);
        break;
    default:
        expr_bad_argument(L, by, "a member's name or a function");
    }
    expr_charge(L, 2);
}

static int map_items(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 2);
    if (lua_isnil(L, 2))
        expr_bad_argument(L, 2, "a member's name or a function");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, i);
        expr_push_by(L, lua_gettop(L), 2);
        expr_put_item(L, 3, i);
        lua_settop(L, 3);
    }
    expr_make_list(L);
    return 1;
}

int expr_map(lua_State *L) {
    return map_items(L);
}

int expr_pick(lua_State *L) {
    return map_items(L);
}

/* Does item number fit? (list, member, value): they are equal. (list, member or function): it is
 * true. (list): any item does. Leaves the item on top. */
static bool fits(lua_State *L, size_t number, int arguments) {
    expr_push_item(L, 1, number);
    if (arguments < 2)
        return true;

    int item = lua_gettop(L);
    expr_push_by(L, item, 2);
    bool yes;
    if (arguments > 2)
        yes = expr_equal(L, lua_gettop(L), 3);
    else if (lua_isnil(L, -1) && lua_type(L, 2) == LUA_TSTRING)
        yes = false; /* an absent member is not true */
    else if (!lua_isboolean(L, -1))
        expr_refuse(L, "the condition is neither true nor false; compare with ==");
    else
        yes = lua_toboolean(L, -1);
    lua_settop(L, item);
    return yes;
}

/* (list, condition...) with the list's length; the condition is needed when asked for. */
static size_t open_condition(lua_State *L, bool needed, int *ret_arguments) {
    int given = lua_gettop(L);
    size_t count = expr_arg_list(L, 1);

    *ret_arguments = given > 3 ? 3 : given;
    if (needed && given < 2)
        expr_bad_argument(L, 2, "a member's name or a function");
    lua_settop(L, 3);
    return count;
}

int expr_filter(lua_State *L) {
    int arguments;
    size_t count = open_condition(L, true, &arguments), n = 0;

    lua_newtable(L);
    for (size_t i = 1; i <= count; i++) {
        if (fits(L, i, arguments))
            expr_put_item(L, 4, ++n);
        lua_settop(L, 4);
    }
    expr_make_list(L);
    return 1;
}

int expr_find(lua_State *L) {
    int arguments;
    size_t count = open_condition(L, true, &arguments);

    for (size_t i = 1; i <= count; i++) {
        if (fits(L, i, arguments))
            return 1;
        lua_settop(L, 3);
    }
    lua_pushnil(L);
    return 1;
}

int expr_count_of(lua_State *L) {
    int arguments;
    size_t n = 0;

    if (expr_kind(L, 1) == EXPR_OBJECT && lua_gettop(L) == 1)
        return expr_len(L);
    size_t count = open_condition(L, false, &arguments);
    for (size_t i = 1; i <= count; i++) {
        n += fits(L, i, arguments);
        lua_settop(L, 3);
    }
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

static int answer_any(lua_State *L, bool looked_for) {
    int arguments;
    size_t count = open_condition(L, true, &arguments);
    bool found = false;

    for (size_t i = 1; i <= count && !found; i++) {
        found = fits(L, i, arguments) == looked_for;
        lua_settop(L, 3);
    }
    lua_pushboolean(L, found == looked_for);
    return 1;
}

int expr_any(lua_State *L) {
    return answer_any(L, true);
}

int expr_all(lua_State *L) {
    return answer_any(L, false);
}

struct total {
    lua_Integer whole;
    lua_Number real;
    bool is_real;
    size_t count;
};

/* Whole numbers stay whole until they no longer fit. Null is left out. */
static struct total add_up(lua_State *L) {
    struct total t = {0};
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 2);
    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, i);
        expr_push_by(L, 3, 2);
        if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
            expr_refuse(L, "an item is not a number; number(...) reads a text");
        if (!lua_isnil(L, -1)) {
            t.count++;
            t.real += lua_tonumber(L, -1);
            t.is_real |= !lua_isinteger(L, -1) ||
                         __builtin_add_overflow(t.whole, lua_tointeger(L, -1), &t.whole);
        }
        lua_settop(L, 2);
    }
    return t;
}

int expr_sum(lua_State *L) {
    struct total t = add_up(L);

    if (t.is_real)
        lua_pushnumber(L, t.real);
    else
        lua_pushinteger(L, t.whole);
    return 1;
}

int expr_avg(lua_State *L) {
    struct total t = add_up(L);

    if (t.count == 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, t.real / (lua_Number)t.count);
    return 1;
}
