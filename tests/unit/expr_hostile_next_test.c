/* expr_hostile_next_test.c - expressions that would remember or vary: none changes the next, and
 * the same values give the same bytes.
 */
#include "expr_hostile_rig.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

static const char *const poisons[] = {
    IN_FUNCTION("string.upper = function() return 'evil' end return 1"),
    IN_FUNCTION("math.floor = function() return 666 end return math.floor(1)"),
    IN_FUNCTION("table.concat = len return 1"),
    IN_FUNCTION("len = 1"),
    IN_FUNCTION("_ENV.a = {b = 666}"),
    IN_FUNCTION("local _ENV = {a = {b = 666}} return a.b"),
    IN_FUNCTION("a.b = 666"),
    IN_FUNCTION("a.o.z = 666"),
    IN_FUNCTION("l[1] = 666"),
    IN_FUNCTION("local t = a t.b = 666"),
    IN_FUNCTION("local s = string s.len = nil s.sub = 1 return 1"),
    "format('%s', 1)",
    IN_FUNCTION("while true do end"),
    IN_FUNCTION("local t = {} for i = 1, 1e9 do t[i] = i end"),
    "rep('x', 262145)",
    "a.n.x",
    "1 +",
    "sort(l, 'n', 'desc')",
    "map(l, function(m) m.n = 666 return m end)",
    "'canary' .. secret",
};

static const char *const victims[] = {
    "a.b",        "a", "('text'):upper()",     "math.floor(1.5)", "table.concat({1, 2}, ',')",
    "len('abc')", "l", "string.sub('abc', 2)", "format('%d', 3)", "{x = 1, y = a.s}",
};

static void no_expression_changes_the_next(void **state) {
    size_t pairs = 0;

    for (size_t p = 0; p < FX_COUNT_OF(poisons); p++)
        for (size_t v = 0; v < FX_COUNT_OF(victims); v++, pairs++) {
            FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
            struct fx_json *names = hostile_names(sc);
            const char *before = hostile_outcome(sc, victims[v], names);

            hostile_outcome(sc, poisons[p], names);
            const char *after = hostile_outcome(sc, victims[v], names);
            if (strcmp(before, after) != 0)
                fail_msg("after %s, %s is %s, not %s", poisons[p], victims[v], after, before);
        }
    assert_int_equal(pairs, 200);
}

static void the_same_values_give_the_same_bytes(void **state) {
    static const char *const sources[] = {
        "{z = 1, y = 2, x = 3, w = 4, v = 5, u = 6, t = 7}",
        "json({z = 1, y = 2, x = 3, w = 4, v = 5, u = 6, t = 7})",
        "keys({z = 1, y = 2, x = 3, w = 4, v = 5, u = 6, t = 7})",
        IN_FUNCTION("local s = '' for k, v in pairs({z = 1, y = 2, x = 3, w = 4, v = 5}) do "
                    "s = s .. k .. v end return s"),
        IN_FUNCTION("local s = '' for k, v in pairs(a.o) do s = s .. k end return s"),
        "group(l, 'k')",
        "unique(l, 'k')",
        "sort(l, 'k')",
        "values(object('z', 1, 'y', 2, 'x', 3))",
        "text(a) .. text(1 / 3) .. text(2^53)",
        "len.x",
        "{len}",
        "a.n.x",
        "format('%s', {1, {x = 1, y = 2}})",
        "map(l, function(m) return {n = m.n, k = m.k, id = 1} end)",
        "ago(now - 5000)",
    };

    for (size_t i = 0; i < FX_COUNT_OF(sources); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *names = hostile_names(sc);
        const char *once = hostile_outcome(sc, sources[i], names);

        for (int repeat = 0; repeat < 200; repeat++) {
            const char *again = hostile_outcome(sc, sources[i], names);
            if (strcmp(once, again) != 0)
                fail_msg("%s: %s, then %s", sources[i], once, again);
        }
    }
}

/* --- twin: the same test must see a state that is open --- */

static void the_twin_that_keeps_its_state_is_poisoned(void **state) {
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    assert_int_equal(luaL_dostring(L, "string.upper = function() return 'evil' end"), 0);
    assert_int_equal(luaL_dostring(L, "return ('text'):upper()"), 0);
    assert_string_equal(lua_tostring(L, -1), "evil");
    lua_close(L);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_expression_changes_the_next),
        cmocka_unit_test(the_same_values_give_the_same_bytes),
        cmocka_unit_test(the_twin_that_keeps_its_state_is_poisoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
