/* names.c - what a name in an expression means. */
#include "private.h"

#include <string.h>

/* Names that everybody who knows Lua tries first. Missing ones have no bounded form. */
static const struct alias {
    const char *space, *name; /* space is NULL for a global */
    lua_CFunction call;
} aliases[] = {
    {NULL, "tostring", expr_text},   {NULL, "tonumber", expr_tonumber},
    {"math", "floor", expr_floor},   {"math", "ceil", expr_ceil},
    {"math", "abs", expr_abs},       {"math", "min", expr_min},
    {"math", "max", expr_max},       {"math", "tointeger", expr_int},
    {"string", "len", expr_len},     {"string", "lower", expr_lower},
    {"string", "upper", expr_upper}, {"string", "sub", expr_sub},
    {"string", "rep", expr_rep},     {"string", "format", expr_format},
    {"table", "concat", expr_join},
};

const struct fx_expr_helper *expr_find_helper(const char *name) {
    for (size_t i = 0; i < fx_expr_helpers_count; i++)
        if (strcmp(fx_expr_helpers[i].name, name) == 0)
            return &fx_expr_helpers[i];
    return NULL;
}

static bool is_space(const char *name) {
    return strcmp(name, "math") == 0 || strcmp(name, "string") == 0 || strcmp(name, "table") == 0;
}

static const struct alias *find_alias(const char *space, const char *name) {
    for (size_t i = 0; i < FX_COUNT_OF(aliases); i++) {
        const struct alias *a = &aliases[i];
        bool same_space = space ? a->space && strcmp(a->space, space) == 0 : !a->space;

        if (same_space && strcmp(a->name, name) == 0)
            return a;
    }
    return NULL;
}

bool expr_is_builtin(const char *name) {
    return expr_find_helper(name) || find_alias(NULL, name) || is_space(name) ||
           strcmp(name, "null") == 0;
}

static int missing_in_space(lua_State *L) {
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";

    return luaL_error(L, "there is no %s.%s here; contains, replace, split and round may do",
                      lua_tostring(L, lua_upvalueindex(1)), name);
}

static void push_space(lua_State *L, const char *space) {
    lua_newtable(L);
    for (size_t i = 0; i < FX_COUNT_OF(aliases); i++)
        if (aliases[i].space && strcmp(aliases[i].space, space) == 0) {
            lua_pushcfunction(L, aliases[i].call);
            lua_setfield(L, -2, aliases[i].name);
        }
    lua_createtable(L, 0, 1);
    lua_pushstring(L, space);
    lua_pushcclosure(L, missing_in_space, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Pushes the meaning, or nothing and answers false. */
static bool push_builtin(lua_State *L, const char *name) {
    const struct fx_expr_helper *helper = expr_find_helper(name);
    const struct alias *alias = find_alias(NULL, name);

    if (helper)
        lua_pushcfunction(L, helper->call);
    else if (alias)
        lua_pushcfunction(L, alias->call);
    else if (is_space(name))
        push_space(L, name);
    else
        return false;
    return true;
}

/* The globals' __index; what was found is kept in its upvalue. */
static int read_name(lua_State *L) {
    size_t len;

    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "a name must be a text");
    const char *name = lua_tolstring(L, 2, &len);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);

    const struct fx_json *given = strlen(name) == len ? fx_json_at(expr_job(L)->names, name) : NULL;
    if (given)
        expr_push_json(L, given);
    else if (strcmp(name, "null") == 0)
        lua_pushnil(L);
    else if (!push_builtin(L, name))
        return luaL_error(L, "the name '%s' is not known here", name);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
    return 1;
}

static int refuse_assignment(lua_State *L) {
    return luaL_error(L, "an expression cannot set '%s'; use local inside a function",
                      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

/* text:upper() is upper(text). The real string library stays away: its patterns are unbounded and
 * its arithmetic turns texts into numbers. */
static int read_method(lua_State *L) {
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    const struct fx_expr_helper *helper = expr_find_helper(name);

    if (!helper)
        return luaL_error(L, "a text has no '%s'; contains, replace and split may do", name);
    lua_pushcfunction(L, helper->call);
    return 1;
}

void expr_open_names(lua_State *L) {
    lua_pushglobaltable(L);
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    lua_pushcclosure(L, read_name, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_assignment);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);

    lua_pushliteral(L, "");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_method);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
