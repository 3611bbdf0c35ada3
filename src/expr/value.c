/* value.c - how JSON values look from inside Lua. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

struct box {
    const struct fx_json *json; /* NULL: the table is its first user value */
    bool is_list;
};

/* Keys of the registry: where the two metatables are kept. */
static const char list_meta, object_meta;

static struct box *box_at(lua_State *L, int index) {
    return lua_type(L, index) == LUA_TUSERDATA ? lua_touserdata(L, index) : NULL;
}

const struct fx_json *expr_given(lua_State *L, int index) {
    struct box *box = box_at(L, index);

    return box ? box->json : NULL;
}

const char *expr_kind_name(enum expr_kind kind) {
    static const char *const names[] = {
        [EXPR_NULL] = "null",         [EXPR_BOOL] = "bool", [EXPR_NUMBER] = "number",
        [EXPR_TEXT] = "text",         [EXPR_LIST] = "list", [EXPR_OBJECT] = "object",
        [EXPR_FUNCTION] = "function",
    };
    return names[kind];
}

/* { } is a list: object() makes an empty object. */
static enum expr_kind table_kind(lua_State *L, int index) {
    if (lua_rawlen(L, index) > 0)
        return EXPR_LIST;
    index = lua_absindex(L, index);
    lua_pushnil(L);
    if (!lua_next(L, index))
        return EXPR_LIST;
    lua_pop(L, 2);
    return EXPR_OBJECT;
}

enum expr_kind expr_kind(lua_State *L, int index) {
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return EXPR_BOOL;
    case LUA_TNUMBER:
        return EXPR_NUMBER;
    case LUA_TSTRING:
        return EXPR_TEXT;
    case LUA_TTABLE:
        return table_kind(L, index);
    case LUA_TUSERDATA:
        return box_at(L, index)->is_list ? EXPR_LIST : EXPR_OBJECT;
    case LUA_TFUNCTION:
        return EXPR_FUNCTION;
    default:
        return EXPR_NULL;
    }
}

static int refuse_write(lua_State *L) {
    return luaL_error(L, "a value that was given cannot be changed");
}

static int index_list(lua_State *L) {
    if (!lua_isinteger(L, 2)) {
        if (lua_type(L, 2) == LUA_TSTRING)
            luaL_error(L, "a list has no member '%s'; take an item first, as in list[1]",
                       lua_tostring(L, 2));
        luaL_error(L, "a list is indexed by whole numbers");
    }
    lua_Integer number = lua_tointeger(L, 2);
    if (number < 1)
        luaL_error(L, "lists begin at 1; last(list) is the last item");
    expr_push_item(L, 1, (size_t)number);
    return 1;
}

static int index_object(lua_State *L) {
    if (lua_type(L, 2) != LUA_TSTRING)
        luaL_error(L, "a member of an object is named by a text");
    size_t len;
    const char *key = lua_tolstring(L, 2, &len);
    if (strlen(key) == len)
        expr_push_member(L, 1, key);
    else
        lua_pushnil(L);
    return 1;
}

static int length_of(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)expr_count(L, 1));
    return 1;
}

static int equal_boxes(lua_State *L) {
    lua_pushboolean(L, expr_equal(L, 1, 2));
    return 1;
}

static void push_metatable(lua_State *L, bool is_list) {
    const char *where = is_list ? &list_meta : &object_meta;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, where) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 5);
    lua_pushcfunction(L, is_list ? index_list : index_object);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, length_of);
    lua_setfield(L, -2, "__len");
    lua_pushcfunction(L, equal_boxes);
    lua_setfield(L, -2, "__eq");
    lua_pushstring(L, is_list ? "list" : "object");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, where);
}

static void push_box(lua_State *L, const struct fx_json *json, bool is_list) {
    struct box *box = lua_newuserdatauv(L, sizeof *box, json ? 0 : 1);

    *box = (struct box){.json = json, .is_list = is_list};
    push_metatable(L, is_list);
    lua_setmetatable(L, -2);
}

void expr_push_json(lua_State *L, const struct fx_json *json) {
    struct fx_slice text;

    luaL_checkstack(L, 8, NULL);
    switch (fx_json_type(json)) {
    case FX_JSON_ABSENT:
    case FX_JSON_NULL:
        lua_pushnil(L);
        break;
    case FX_JSON_BOOL:
        lua_pushboolean(L, fx_json_to_bool(json, false));
        break;
    case FX_JSON_INT:
        lua_pushinteger(L, fx_json_to_int(json, 0));
        break;
    case FX_JSON_REAL:
        lua_pushnumber(L, fx_json_to_real(json, 0));
        break;
    case FX_JSON_STRING:
        text = fx_json_text_slice(json);
        lua_pushlstring(L, text.ptr, text.len);
        break;
    case FX_JSON_ARRAY:
        push_box(L, json, true);
        break;
    case FX_JSON_OBJECT:
        push_box(L, json, false);
        break;
    }
}

/* The table in which the value at index keeps its items: itself or the box's. Pushes it. */
static void push_table(lua_State *L, int index) {
    if (lua_type(L, index) == LUA_TUSERDATA)
        lua_getiuservalue(L, index, 1);
    else
        lua_pushvalue(L, index);
}

/* The marker that keeps null's place inside a made list, read as nil. */
static void unmark(lua_State *L) {
    if (!lua_islightuserdata(L, -1))
        return;
    lua_pop(L, 1);
    lua_pushnil(L);
}

static size_t count_members(lua_State *L, int index) {
    size_t count = 0;

    push_table(L, index);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        count++;
        expr_charge(L, 1);
    }
    lua_pop(L, 1);
    return count;
}

size_t expr_count(lua_State *L, int index) {
    struct box *box = box_at(L, index);
    enum expr_kind kind = expr_kind(L, index);

    if (box && box->json)
        return fx_json_count(box->json);
    if (kind == EXPR_OBJECT)
        return count_members(L, lua_absindex(L, index));
    if (kind != EXPR_LIST)
        return 0;
    luaL_checkstack(L, 4, NULL);
    push_table(L, index);
    size_t count = lua_rawlen(L, -1);
    lua_pop(L, 1);
    return count;
}

void expr_push_item(lua_State *L, int index, size_t number) {
    struct box *box = box_at(L, index);

    luaL_checkstack(L, 8, NULL);
    if (box && box->json) {
        expr_push_json(L, fx_json_item(box->json, number - 1));
        return;
    }
    push_table(L, index);
    lua_rawgeti(L, -1, (lua_Integer)number);
    lua_remove(L, -2);
    unmark(L);
}

bool expr_push_member(lua_State *L, int index, const char *key) {
    struct box *box = box_at(L, index);

    luaL_checkstack(L, 8, NULL);
    if (box && box->json) {
        const struct fx_json *member = fx_json_at(box->json, key);
        expr_push_json(L, member);
        return member != NULL;
    }
    push_table(L, index);
    lua_pushstring(L, key);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    bool found = !lua_isnil(L, -1);
    unmark(L);
    return found;
}

static bool push_step(lua_State *L, int index, struct fx_slice name) {
    int64_t number = 0;

    switch (expr_kind(L, index)) {
    case EXPR_OBJECT:
        return expr_push_member(L, index, fx_slice_dup(expr_job(L)->temp, name));
    case EXPR_LIST:
        if (!fx_slice_to_int(name, &number) || number < 1 ||
            (uint64_t)number > expr_count(L, index))
            break;
        expr_push_item(L, index, (size_t)number);
        return true;
    default:
        break;
    }
    lua_pushnil(L);
    return false;
}

bool expr_push_path(lua_State *L, int index, const char *path) {
    struct fx_slice rest = fx_slice_of(path), name;
    bool more = true, found = true;

    expr_charge_bytes(L, rest.len * 4);
    luaL_checkstack(L, 8, NULL);
    lua_pushvalue(L, index);
    while (more && found) {
        more = fx_slice_split(rest, '.', &name, &rest);
        found = push_step(L, lua_gettop(L), name);
        lua_remove(L, -2);
    }
    return found;
}

static int by_bytes(const void *a, const void *b) {
    const struct fx_slice *x = a, *y = b;
    size_t least = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, least);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* Lua's own order differs from run to run: its hash is seeded with an address. */
static size_t push_sorted_keys(lua_State *L, int index) {
    size_t count = expr_count(L, index), n = 0;

    luaL_checkstack(L, 8, NULL);
    expr_charge(L, count * 8);
    struct fx_slice *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    push_table(L, index);
    lua_pushnil(L);
    while (n < count && lua_next(L, -2)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "a table must be a list or have texts as keys, not both");
        keys[n].ptr = lua_tolstring(L, -1, &keys[n].len);
        n++;
    }
    lua_settop(L, index + 2);
    qsort(keys, n, sizeof *keys, by_bytes);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushlstring(L, keys[i].ptr, keys[i].len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return n;
}

size_t expr_push_keys(lua_State *L, int index) {
    struct box *box = box_at(L, index);
    const char *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;
    size_t n = 0;

    if (!box || !box->json) {
        int top = lua_gettop(L);
        luaL_checkstack(L, 8, NULL);
        lua_pushvalue(L, index);
        n = push_sorted_keys(L, top + 1);
        lua_replace(L, top + 1);
        lua_settop(L, top + 1);
        return n;
    }
    lua_newtable(L);
    while (fx_json_next(box->json, &cursor, &key, &value)) {
        expr_charge(L, 4);
        lua_pushstring(L, key);
        lua_rawseti(L, -2, (lua_Integer)++n);
    }
    return n;
}

bool expr_equal(lua_State *L, int a, int b) {
    enum expr_kind kind = expr_kind(L, a);
    struct fx_scope *temp = expr_job(L)->temp;

    if (kind != expr_kind(L, b))
        return false;
    if (kind != EXPR_LIST && kind != EXPR_OBJECT)
        return lua_rawequal(L, a, b);
    return fx_json_equal(expr_to_json(L, a, temp), expr_to_json(L, b, temp));
}

static void mark(lua_State *L) {
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL);
}

void expr_put_item(lua_State *L, int index, size_t number) {
    index = lua_absindex(L, index);
    mark(L);
    lua_rawseti(L, index, (lua_Integer)number);
}

void expr_put_member(lua_State *L, int index, const char *key) {
    index = lua_absindex(L, index);
    mark(L);
    lua_pushstring(L, key);
    lua_insert(L, -2);
    lua_rawset(L, index);
}

static void make_box(lua_State *L, bool is_list) {
    luaL_checkstack(L, 4, NULL);
    push_box(L, NULL, is_list);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
}

void expr_make_list(lua_State *L) {
    make_box(L, true);
}

void expr_make_object(lua_State *L) {
    make_box(L, false);
}
