/* time.c - helpers for times and spans; the present is the given name `now`. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <math.h>
#include <string.h>

/* AWS gives times as text, as seconds (with fractions) and as milliseconds. As milliseconds,
 * 10^11 is in 1973; as seconds, in the year 5138. */
static const lua_Number first_ms = 1e11;

/* Years 1 to 9999, which four digits can write. */
static const int64_t least_ms = -62135596800000, greatest_ms = 253402300799999;

static int64_t check_range(lua_State *L, lua_Number ms) {
    if (!(ms >= (lua_Number)least_ms && ms <= (lua_Number)greatest_ms))
        expr_refuse(L, "the time is out of range");
    return (int64_t)ms;
}

static int64_t from_number(lua_State *L, lua_Number value) {
    return check_range(L, fabs(value) < first_ms ? value * 1000 : value);
}

static int64_t arg_time(lua_State *L, int arg) {
    struct fx_error err = {0};
    int64_t ms = 0;

    expr_charge(L, 16);
    if (lua_type(L, arg) == LUA_TNUMBER)
        return from_number(L, lua_tonumber(L, arg));
    if (lua_type(L, arg) != LUA_TSTRING)
        expr_bad_argument(L, arg, "a time (a number or a text like 2026-11-21T09:15:04Z)");
    struct fx_slice text = fx_slice_trim(expr_arg_text(L, arg));
    if (fx_slice_to_int(text, &ms))
        return from_number(L, (lua_Number)ms);
    if (fx_time_parse(text, &ms, &err) != FX_OK)
        expr_refuse(L, "the text is not a time like 2026-11-21T09:15:04Z");
    return check_range(L, (lua_Number)ms);
}

static int64_t read_now(lua_State *L) {
    const struct fx_json *now = fx_json_at(expr_job(L)->names, "now");

    if (fx_json_type(now) != FX_JSON_INT && fx_json_type(now) != FX_JSON_REAL)
        expr_refuse(L, "the name 'now' is not given here");
    return check_range(L, fx_json_to_real(now, 0));
}

int expr_duration(lua_State *L) {
    static const struct {
        const char *name;
        lua_Number ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    lua_Number value = expr_arg_number(L, 1), scale = 0;
    const char *unit = lua_isnoneornil(L, 2) ? "ms" : expr_arg_name(L, 2);

    for (size_t i = 0; i < FX_COUNT_OF(units); i++)
        if (strcmp(units[i].name, unit) == 0)
            scale = units[i].ms;
    if (scale == 0)
        expr_refuse(L, "the unit is \"ms\", \"s\", \"min\", \"h\" or \"d\"");
    value *= scale;
    if (!(fabs(value) < 9e15))
        expr_refuse(L, "the span is out of range");
    expr_charge(L, 16);
    lua_pushstring(L, fx_duration(expr_job(L)->temp, (int64_t)value));
    return 1;
}

int expr_age(lua_State *L) {
    int64_t age = read_now(L) - arg_time(L, 1);

    lua_pushstring(L, fx_duration(expr_job(L)->temp, age));
    return 1;
}

int expr_ago(lua_State *L) {
    int64_t age = read_now(L) - arg_time(L, 1);
    const char *span = fx_duration(expr_job(L)->temp, age < 0 ? -age : age);

    lua_pushfstring(L, age < 0 ? "in %s" : "%s ago", span);
    return 1;
}

int expr_iso(lua_State *L) {
    lua_pushstring(L, fx_time_iso(expr_job(L)->temp, arg_time(L, 1)));
    return 1;
}

int expr_date(lua_State *L) {
    lua_pushlstring(L, fx_time_iso(expr_job(L)->temp, arg_time(L, 1)), 10);
    return 1;
}

int expr_clock(lua_State *L) {
    lua_pushlstring(L, fx_time_iso(expr_job(L)->temp, arg_time(L, 1)) + 11, 8);
    return 1;
}

int expr_parse_time(lua_State *L) {
    lua_pushinteger(L, arg_time(L, 1));
    return 1;
}
