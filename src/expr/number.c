/* number.c - helpers for numbers and for series of them. */
#include "private.h"

#include "fluxabot/base/spark.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER_TEXT = 64, MAX_DIGITS = 9 };

static size_t skip_digits(struct fx_slice s, size_t at) {
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at;
}

/* "12", "-3.5", "+1e3": no hexadecimal, no "inf", which strtod would read. */
static bool is_number_text(struct fx_slice s) {
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    size_t start = at;

    at = skip_digits(s, at);
    if (at == start)
        return false;
    if (at + 1 < s.len && s.ptr[at] == '.')
        at = skip_digits(s, at + 1);
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
            at++;
        start = at;
        at = skip_digits(s, at);
        if (at == start)
            return false;
    }
    return at == s.len && s.ptr[at - 1] != '.';
}

/* Pushes the number a text holds; false, and pushes nothing, when it holds none. */
static bool push_read_number(lua_State *L, struct fx_slice s) {
    char text[MAX_NUMBER_TEXT + 1];
    int64_t whole = 0;

    s = fx_slice_trim(s);
    if (s.len > MAX_NUMBER_TEXT || !is_number_text(s))
        return false;
    if (fx_slice_to_int(s.ptr[0] == '+' ? fx_slice_cut(s, 1, s.len) : s, &whole)) {
        lua_pushinteger(L, whole);
        return true;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double real = strtod(text, NULL);
    if (!isfinite(real))
        return false;
    lua_pushnumber(L, real);
    return true;
}

int expr_number(lua_State *L) {
    bool has_fallback = lua_gettop(L) > 1;

    lua_settop(L, 2);
    if (lua_type(L, 1) == LUA_TNUMBER)
        lua_pushvalue(L, 1);
    else if (lua_type(L, 1) == LUA_TSTRING && push_read_number(L, expr_arg_text(L, 1)))
        return 1;
    else if (has_fallback)
        lua_pushvalue(L, 2);
    else if (lua_type(L, 1) == LUA_TSTRING)
        expr_refuse(L, "the text is not a number; a second argument is taken instead");
    else
        expr_bad_argument(L, 1, "a number or a text");
    return 1;
}

int expr_tonumber(lua_State *L) {
    lua_settop(L, 1);
    lua_pushnil(L);
    return expr_number(L);
}

/* Pushes real as a whole number, or as it is where that does not fit. */
static int push_whole(lua_State *L, lua_Number real) {
    lua_Integer whole = 0;

    if (lua_numbertointeger(real, &whole))
        lua_pushinteger(L, whole);
    else
        lua_pushnumber(L, real);
    return 1;
}

int expr_int(lua_State *L) {
    expr_number(L);
    if (lua_isinteger(L, -1) || lua_type(L, -1) != LUA_TNUMBER)
        return 1;
    return push_whole(L, trunc(lua_tonumber(L, -1)));
}

int expr_bool(lua_State *L) {
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_pushboolean(L, false);
    } else if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_pushboolean(L, lua_tonumber(L, 1) != 0);
    } else if (lua_type(L, 1) == LUA_TSTRING) {
        expr_lower(L);
        const char *word = lua_tostring(L, -1);
        bool yes = strcmp(word, "true") == 0 || strcmp(word, "yes") == 0 || strcmp(word, "1") == 0;
        bool no = strcmp(word, "false") == 0 || strcmp(word, "no") == 0 || strcmp(word, "0") == 0;
        if (!yes && !no)
            expr_refuse(L, "the text is neither true nor false, yes nor no, 1 nor 0");
        lua_pushboolean(L, yes);
    } else if (lua_type(L, 1) != LUA_TBOOLEAN) {
        expr_bad_argument(L, 1, "true or false");
    }
    return 1;
}

static lua_Number round_to(lua_Number value, int digits) {
    lua_Number scale = pow(10, digits);
    lua_Number scaled = value * scale;

    return fabs(scaled) < 1e15 ? round(scaled) / scale : value;
}

int expr_round(lua_State *L) {
    lua_Number value = expr_arg_number(L, 1);

    if (lua_isnoneornil(L, 2) && lua_isinteger(L, 1)) {
        lua_settop(L, 1);
        return 1;
    }
    if (lua_isnoneornil(L, 2))
        return push_whole(L, round(value));
    lua_pushnumber(L, round_to(value, (int)expr_arg_int(L, 2, 0, MAX_DIGITS)));
    return 1;
}

static int change_real(lua_State *L, double (*change)(double value)) {
    lua_Number value = expr_arg_number(L, 1);

    lua_settop(L, 1);
    return lua_isinteger(L, 1) ? 1 : push_whole(L, change(value));
}

int expr_floor(lua_State *L) {
    return change_real(L, floor);
}

int expr_ceil(lua_State *L) {
    return change_real(L, ceil);
}

int expr_abs(lua_State *L) {
    lua_Number value = expr_arg_number(L, 1);

    if (lua_isinteger(L, 1) && lua_tointeger(L, 1) != LUA_MININTEGER)
        lua_pushinteger(L, llabs(lua_tointeger(L, 1)));
    else
        lua_pushnumber(L, fabs(value));
    return 1;
}

int expr_percent(lua_State *L) {
    lua_Number part = expr_arg_number(L, 1), whole = expr_arg_number(L, 2);
    char text[512];

    if (whole == 0 || !isfinite(part / whole)) {
        lua_pushliteral(L, "n/a");
        return 1;
    }
    lua_Number percent = 100 * part / whole;
    int digits = lua_isnoneornil(L, 3) ? 1 : (int)expr_arg_int(L, 3, 0, MAX_DIGITS);
    if (lua_isnoneornil(L, 3) && round_to(percent, 1) == round(percent))
        digits = 0;
    snprintf(text, sizeof text, "%.*f%%", digits, percent);
    lua_pushstring(L, text);
    return 1;
}

int expr_bytes(lua_State *L) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    lua_Number value = expr_arg_number(L, 1);
    size_t unit = 0;
    char text[512];

    while (fabs(value) >= 1024 && unit + 1 < FX_COUNT_OF(units)) {
        value /= 1024;
        unit++;
    }
    bool whole = round_to(value, 1) == round(value);
    snprintf(text, sizeof text, "%.*f %s", whole ? 0 : 1, value, units[unit]);
    lua_pushstring(L, text);
    return 1;
}

/* The mean of the items that share one spark; null is left out. */
static lua_Number mean_of(lua_State *L, size_t first, size_t last) {
    lua_Number total = 0;
    size_t count = 0;

    for (size_t i = first; i < last; i++) {
        expr_push_item(L, 1, i + 1);
        if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
            expr_refuse(L, "an item is not a number; number(...) reads a text");
        if (!lua_isnil(L, -1) && isfinite(lua_tonumber(L, -1))) {
            total += lua_tonumber(L, -1);
            count++;
        }
        lua_pop(L, 1);
    }
    return count ? total / (lua_Number)count : NAN;
}

int expr_sparkline(lua_State *L) {
    size_t count = expr_arg_list(L, 1), shown = count < FX_SPARK_MAX ? count : FX_SPARK_MAX;
    double means[FX_SPARK_MAX]; /* NAN where nothing was measured */
    char line[FX_SPARK_BYTES];

    for (size_t i = 0; i < shown; i++)
        means[i] = mean_of(L, i * count / shown, (i + 1) * count / shown);
    fx_sparkline(means, shown, shown, line);
    lua_pushstring(L, line);
    return 1;
}
