/* text.c - helpers for texts: plain search only, no patterns. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <lualib.h>
#include <string.h>

enum { MAX_FORMAT_BYTES = 1024 };

static int push_slice(lua_State *L, struct fx_slice s) {
    lua_pushlstring(L, s.len ? s.ptr : "", s.len);
    return 1;
}

int expr_text(lua_State *L) {
    lua_settop(L, 1);
    expr_push_text(L, 1);
    return 1;
}

static char lower_char(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper_char(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* ASCII only, so that the answer does not depend on the machine's locale. */
static int change_case(lua_State *L, char (*change)(char c)) {
    struct fx_slice s = expr_arg_text(L, 1);
    luaL_Buffer buffer;
    char *to = luaL_buffinitsize(L, &buffer, s.len);

    for (size_t i = 0; i < s.len; i++)
        to[i] = change(s.ptr[i]);
    luaL_pushresultsize(&buffer, s.len);
    return 1;
}

int expr_lower(lua_State *L) {
    return change_case(L, lower_char);
}

int expr_upper(lua_State *L) {
    return change_case(L, upper_char);
}

int expr_trim(lua_State *L) {
    return push_slice(L, fx_slice_trim(expr_arg_text(L, 1)));
}

int expr_short(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1);
    size_t max = (size_t)expr_arg_int(L, 2, 1, INT32_MAX);

    if (fx_slice_utf8_count(s) <= max)
        return push_slice(L, s);
    push_slice(L, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, max - 1)));
    lua_pushliteral(L, "…");
    lua_concat(L, 2);
    return 1;
}

/* Code points from first to last, from 1; negative ones count from the end, as in Lua. */
int expr_sub(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1);
    lua_Integer count = (lua_Integer)fx_slice_utf8_count(s);
    lua_Integer first = expr_arg_int(L, 2, INT32_MIN, INT32_MAX);
    lua_Integer last = lua_isnoneornil(L, 3) ? -1 : expr_arg_int(L, 3, INT32_MIN, INT32_MAX);

    first = first < 0 ? count + first + 1 : first;
    last = last < 0 ? count + last + 1 : last;
    first = first < 1 ? 1 : first;
    last = last > count ? count : last;
    if (first > last)
        return push_slice(L, FX_SLICE(""));
    size_t from = fx_slice_utf8_prefix(s, (size_t)first - 1);
    size_t to = fx_slice_utf8_prefix(s, (size_t)last);
    return push_slice(L, fx_slice_cut(s, from, to - from));
}

int expr_rep(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1);
    size_t times = (size_t)expr_arg_int(L, 2, 0, INT32_MAX);
    luaL_Buffer buffer;

    if (s.len == 0 || times == 0)
        return push_slice(L, FX_SLICE(""));
    if (times > FX_EXPR_MAX_RESULT_BYTES / s.len)
        expr_stop(L, EXPR_STOP_RESULT);
    expr_charge_bytes(L, s.len * times);
    char *to = luaL_buffinitsize(L, &buffer, s.len * times);
    for (size_t i = 0; i < times; i++)
        memcpy(to + i * s.len, s.ptr, s.len);
    luaL_pushresultsize(&buffer, s.len * times);
    return 1;
}

static bool list_contains(lua_State *L) {
    size_t count = expr_arg_list(L, 1);

    lua_settop(L, 2);
    for (size_t i = 1; i <= count; i++) {
        expr_push_item(L, 1, i);
        if (expr_equal(L, 3, 2))
            return true;
        lua_settop(L, 2);
    }
    return false;
}

int expr_contains(lua_State *L) {
    enum expr_kind kind = expr_kind(L, 1);

    if (kind == EXPR_LIST || kind == EXPR_NULL) {
        lua_pushboolean(L, list_contains(L));
        return 1;
    }
    struct fx_slice s = expr_arg_text(L, 1), part = expr_arg_text(L, 2);
    lua_pushboolean(L, memmem(s.ptr, s.len, part.ptr, part.len) != NULL);
    return 1;
}

int expr_starts_with(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1), part = expr_arg_text(L, 2);

    lua_pushboolean(L, fx_slice_starts_with(s, part));
    return 1;
}

int expr_ends_with(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1), part = expr_arg_text(L, 2);

    lua_pushboolean(L, fx_slice_ends_with(s, part));
    return 1;
}

/* What stands before the next part in *rest, which moves behind it; all of it at the end. */
static bool cut_before(struct fx_slice *rest, struct fx_slice part, struct fx_slice *ret_piece) {
    const char *at = memmem(rest->ptr, rest->len, part.ptr, part.len);

    *ret_piece = *rest;
    if (!at)
        return false;
    ret_piece->len = (size_t)(at - rest->ptr);
    *rest = fx_slice_cut(*rest, ret_piece->len + part.len, rest->len);
    return true;
}

int expr_replace(lua_State *L) {
    struct fx_slice rest = expr_arg_text(L, 1), old = expr_arg_text(L, 2);
    struct fx_slice fresh = expr_arg_text(L, 3), piece;
    luaL_Buffer buffer;

    if (old.len == 0)
        expr_refuse(L, "the text to be replaced is empty");
    luaL_buffinit(L, &buffer);
    while (cut_before(&rest, old, &piece)) {
        expr_charge_bytes(L, piece.len + fresh.len);
        luaL_addlstring(&buffer, piece.ptr, piece.len);
        luaL_addlstring(&buffer, fresh.ptr, fresh.len);
    }
    luaL_addlstring(&buffer, piece.ptr, piece.len);
    luaL_pushresult(&buffer);
    return 1;
}

static int push_split(lua_State *L, struct fx_slice rest, struct fx_slice separator) {
    struct fx_slice piece;
    size_t n = 0;
    bool more = true;

    lua_newtable(L);
    int made = lua_gettop(L);
    while (more) {
        more = cut_before(&rest, separator, &piece);
        expr_charge_bytes(L, piece.len + 64);
        push_slice(L, piece);
        expr_put_item(L, made, ++n);
    }
    expr_make_list(L);
    return 1;
}

int expr_split(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1), separator = expr_arg_text(L, 2);

    if (separator.len == 0)
        expr_refuse(L, "the separator is empty");
    return push_split(L, s, separator);
}

int expr_lines(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1);

    if (s.len > 0 && s.ptr[s.len - 1] == '\n')
        s.len--;
    return push_split(L, s, FX_SLICE("\n"));
}

int expr_join(lua_State *L) {
    size_t count = expr_arg_list(L, 1);
    struct fx_slice separator = FX_SLICE("");
    luaL_Buffer buffer;

    if (!lua_isnoneornil(L, 2))
        separator = expr_arg_text(L, 2);
    lua_settop(L, 2);
    luaL_buffinit(L, &buffer);
    for (size_t i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addlstring(&buffer, separator.ptr, separator.len);
        expr_push_item(L, 1, i);
        if (lua_isnil(L, -1))
            expr_refuse(L, "an item is null");
        expr_push_text(L, -1);
        lua_remove(L, -2);
        expr_charge_bytes(L, lua_rawlen(L, -1) + separator.len);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    return 1;
}

int expr_plural(lua_State *L) {
    expr_arg_number(L, 1);
    bool one = lua_tonumber(L, 1) == 1;

    expr_arg_text(L, 2);
    lua_settop(L, 3);
    expr_push_text(L, 1);
    lua_pushliteral(L, " ");
    lua_pushvalue(L, one || lua_isnil(L, 3) ? 2 : 3);
    if (!one && lua_isnil(L, 3))
        lua_pushliteral(L, "s");
    else
        lua_pushliteral(L, "");
    lua_concat(L, 4);
    return 1;
}

/* %p would print an address, %a and %q have no reader here. Returns how many values are wanted. */
static int check_format(lua_State *L, struct fx_slice format) {
    int wanted = 0;

    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%')
            continue;
        i++;
        while (i < format.len && format.ptr[i] && strchr("-+ #0123456789.", format.ptr[i]))
            i++;
        if (i == format.len || !format.ptr[i] || !strchr("diouxXeEfgGsc%", format.ptr[i]))
            expr_refuse(L, "only %d %i %u %x %X %o %e %f %g %s %c and %% are known");
        wanted += format.ptr[i] != '%';
    }
    return wanted;
}

/* Lua's own string.format, reached through a library that is opened only for it. */
static void push_lua_format(lua_State *L) {
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1); /* opening the library would replace it */
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    lua_insert(L, -3);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
}

int expr_format(lua_State *L) {
    struct fx_slice format = expr_arg_text(L, 1);
    int count = lua_gettop(L);

    if (format.len > MAX_FORMAT_BYTES)
        expr_refuse(L, "the format is too long");
    if (check_format(L, format) > count - 1)
        expr_refuse(L, "there are more % than values");
    for (int i = 2; i <= count; i++)
        if (lua_type(L, i) != LUA_TNUMBER) { /* anything else would show its address */
            expr_push_text(L, i);
            lua_replace(L, i);
            expr_charge_bytes(L, lua_rawlen(L, i));
        }
    push_lua_format(L);
    lua_insert(L, 1);
    lua_call(L, count, 1);
    return 1;
}

int expr_url_encode(lua_State *L) {
    struct fx_slice s = expr_arg_text(L, 1);

    expr_charge_bytes(L, s.len * 3);
    lua_pushstring(L, fx_url_encode(expr_job(L)->temp, s, false));
    return 1;
}
