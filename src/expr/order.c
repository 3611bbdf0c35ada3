/* order.c - helpers that compare items: sort, group, unique, min, max. */
#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What an item is sorted by. Texts are borrowed from Lua values that stay in a table. */
struct sort_key {
    enum expr_kind kind;
    lua_Integer whole;
    lua_Number real;
    struct fx_slice text;
    size_t place; /* from 1; decides between equals, so sorting is stable */
    bool descending;
};

static int compare_texts(struct fx_slice a, struct fx_slice b) {
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.ptr, b.ptr, least) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Numbers of a list are either all whole or all real: mixed exactness would not be an order. */
static int compare_values(const struct sort_key *a, const struct sort_key *b) {
    if (a->kind == EXPR_TEXT)
        return compare_texts(a->text, b->text);
    if (a->real != b->real)
        return a->real < b->real ? -1 : 1;
    return (a->whole > b->whole) - (a->whole < b->whole);
}

static int compare_keys(const void *x, const void *y) {
    const struct sort_key *a = x, *b = y;
    int order = 0;

    if ((a->kind == EXPR_NULL) != (b->kind == EXPR_NULL))
        return a->kind == EXPR_NULL ? 1 : -1; /* null is last, whichever way */
    if (a->kind != EXPR_NULL)
        order = compare_values(a, b);
    if (order != 0)
        return a->descending ? -order : order;
    return (a->place > b->place) - (a->place < b->place);
}

static struct sort_key read_key(lua_State *L, int index) {
    struct sort_key key = {.kind = expr_kind(L, index)};

    switch (key.kind) {
    case EXPR_NULL:
        break;
    case EXPR_TEXT:
        key.text.ptr = lua_tolstring(L, index, &key.text.len);
        break;
    case EXPR_NUMBER:
        if (lua_isinteger(L, index))
            key.whole = lua_tointeger(L, index);
        else
            key.real = lua_tonumber(L, index);
        if (isnan(key.real))
            expr_refuse(L, "an item is not a number (0/0)");
        break;
    case EXPR_BOOL:
        key.whole = lua_toboolean(L, index);
        break;
    default:
        expr_refuse(L, "lists and objects have no order; name a member to compare by");
    }
    return key;
}

static void check_kinds(lua_State *L, struct sort_key *keys, size_t count, bool all_whole) {
    enum expr_kind kind = EXPR_NULL;

    for (size_t i = 0; i < count; i++) {
        if (keys[i].kind == EXPR_NULL)
            continue;
        if (kind != EXPR_NULL && keys[i].kind != kind)
            expr_refuse(L, "numbers and texts cannot be compared; number(...) reads a text");
        kind = keys[i].kind;
        if (kind == EXPR_NUMBER && !all_whole) {
            keys[i].real += (lua_Number)keys[i].whole; /* one of them is 0 */
            keys[i].whole = 0;
        }
    }
}

/* (list, by): one key per item, in a userdata; the values they borrow from in a table below it. */
static struct sort_key *push_keys(lua_State *L, size_t count) {
    bool all_whole = true;

    expr_charge(L, count * 16);
    lua_createtable(L, (int)count, 0);
    int values = lua_gettop(L);
    struct sort_key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    int top = lua_gettop(L);

    for (size_t i = 0; i < count; i++) {
        expr_push_item(L, 1, i + 1);
        expr_push_by(L, top + 1, 2);
        keys[i] = read_key(L, top + 2);
        keys[i].place = i + 1;
        all_whole &= lua_type(L, top + 2) != LUA_TNUMBER || lua_isinteger(L, top + 2);
        expr_put_item(L, values, i + 1);
        lua_settop(L, top);
    }
    check_kinds(L, keys, count, all_whole);
    return keys;
}

int expr_sort(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 3);
    bool descending = !lua_isnil(L, 3);
    if (descending && strcmp(expr_arg_name(L, 3), "desc") != 0 &&
        strcmp(expr_arg_name(L, 3), "asc") != 0)
        expr_refuse(L, "the order is \"asc\" or \"desc\"");
    descending = descending && strcmp(expr_arg_name(L, 3), "desc") == 0;

    struct sort_key *keys = push_keys(L, count);
    for (size_t i = 0; i < count; i++)
        keys[i].descending = descending;
    qsort(keys, count, sizeof *keys, compare_keys);
    lua_createtable(L, (int)count, 0);
    int sorted = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        expr_push_item(L, 1, keys[i].place);
        expr_put_item(L, sorted, i + 1);
    }
    expr_make_list(L);
    return 1;
}

/* (list, by) or numbers: the least (sign 1) or greatest (-1) value, null when there is none. */
static int push_extreme(lua_State *L, int sign) {
    enum expr_kind first = expr_kind(L, 1);

    if (first == EXPR_NUMBER || first == EXPR_TEXT || lua_type(L, 2) == LUA_TNUMBER) {
        expr_list(L);
        lua_replace(L, 1);
        lua_settop(L, 1);
    }
    lua_settop(L, 2);
    size_t count = expr_arg_list(L, 1), best = 0;
    struct sort_key *keys = push_keys(L, count);

    for (size_t i = 1; i < count; i++) {
        bool replaces = keys[best].kind == EXPR_NULL;
        if (keys[i].kind != EXPR_NULL && !replaces)
            replaces = compare_values(&keys[i], &keys[best]) * sign < 0;
        if (replaces)
            best = i;
    }
    if (count == 0)
        lua_pushnil(L);
    else
        expr_push_item(L, 3, best + 1);
    return 1;
}

int expr_min(lua_State *L) {
    return push_extreme(L, 1);
}

int expr_max(lua_State *L) {
    return push_extreme(L, -1);
}

/* The value by which item number is grouped, as a table's key: null becomes a marker. */
static void push_group_key(lua_State *L, int item) {
    expr_push_by(L, item, 2);
    enum expr_kind kind = expr_kind(L, -1);

    if (kind == EXPR_LIST || kind == EXPR_OBJECT || kind == EXPR_FUNCTION)
        expr_refuse(L, "a group's key must be a text, a number or true or false");
    if (kind == EXPR_NUMBER && isnan(lua_tonumber(L, -1)))
        expr_refuse(L, "an item is not a number (0/0)");
    if (kind != EXPR_NULL)
        return;
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL);
}

int expr_unique(lua_State *L) {
    size_t count = expr_arg_list(L, 1), n = 0;

    lua_settop(L, 2);
    lua_newtable(L); /* 3: keys that were seen */
    lua_newtable(L); /* 4: the items kept */
    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, i);
        push_group_key(L, 5);
        lua_pushvalue(L, 6);
        if (lua_rawget(L, 3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushboolean(L, true);
            lua_rawset(L, 3);
            expr_put_item(L, 4, ++n);
        }
        lua_settop(L, 4);
    }
    expr_make_list(L);
    return 1;
}

/* Table 3 takes a key to its group's number, table 4 holds the groups' tables of items, table 5
 * their keys. Returns the number of groups. */
static size_t collect_groups(lua_State *L, size_t count) {
    size_t groups = 0;

    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, i);
        push_group_key(L, 6);
        lua_pushvalue(L, 7);
        if (lua_rawget(L, 3) == LUA_TNIL) {
            groups++;
            lua_newtable(L);
            lua_rawseti(L, 4, (lua_Integer)groups);
            lua_pushvalue(L, 7);
            lua_rawseti(L, 5, (lua_Integer)groups);
            lua_pushvalue(L, 7);
            lua_pushinteger(L, (lua_Integer)groups);
            lua_rawset(L, 3);
            lua_pushinteger(L, (lua_Integer)groups);
            lua_replace(L, 8);
        }
        lua_rawgeti(L, 4, lua_tointeger(L, 8));
        lua_pushvalue(L, 6);
        expr_put_item(L, 9, lua_rawlen(L, 9) + 1);
        lua_settop(L, 5);
    }
    return groups;
}

/* Pushes {key, count, items} of group number. */
static void push_group(lua_State *L, lua_Integer number) {
    lua_createtable(L, 0, 3);
    int made = lua_gettop(L);

    lua_rawgeti(L, 5, number);
    lua_setfield(L, made, "key");
    lua_rawgeti(L, 4, number);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    lua_setfield(L, made, "count");
    expr_make_list(L);
    lua_setfield(L, made, "items");
    expr_make_object(L);
}

int expr_group(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 2);
    for (int i = 0; i < 3; i++)
        lua_newtable(L);
    size_t groups = collect_groups(L, count);
    expr_charge(L, groups * 16);

    struct sort_key *order = lua_newuserdatauv(L, (groups + 1) * sizeof *order, 0);
    for (size_t i = 0; i < groups; i++) {
        lua_rawgeti(L, 4, (lua_Integer)i + 1);
        order[i] = (struct sort_key){.kind = EXPR_NUMBER,
                                     .descending = true,
                                     .place = i + 1,
                                     .whole = (lua_Integer)lua_rawlen(L, -1)};
        lua_pop(L, 1);
    }
    qsort(order, groups, sizeof *order, compare_keys);
    lua_createtable(L, (int)groups, 0);
    int made = lua_gettop(L);
    for (size_t i = 0; i < groups; i++) {
        push_group(L, (lua_Integer)order[i].place);
        expr_put_item(L, made, i + 1);
    }
    expr_make_list(L);
    return 1;
}
