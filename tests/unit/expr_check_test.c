/* expr_check_test.c - what is found wrong with an expression before it runs. */
#include "expr_world.h"

#include <string.h>

static void finds_names_that_are_not_given(void **state) {
    static const char *const good[] = {
        "a.b + now",
        "len(msgs)",
        "a.foo.bar",
        "a:foo()",
        "{foo = 1, ['bar'] = now, baz = a}",
        "{a, foo = 1; bar = 2}",
        "map(msgs, function(m) return m.n end)",
        "(function(...) return ... end)(1)",
        "(function() local x, y <const> = 1, 2; return x + y end)()",
        "(function() local function f(n) return n > 0 and f(n - 1) or n end return f(3) end)()",
        "(function() for i = 1, 3 do local z = i end for k, v in pairs(a) do return k end end)()",
        "(function() while now do local q = 1; if q then break else return q end end end)()",
        "(function() repeat local u = 1 until u == 1 end)()",
        "(function() goto out ::out:: return 1 end)()",
        "'foo bar ${baz}' .. [[ foo ]] .. [==[ ]] foo ]==]",
        "a.b -- foo",
        "a.b --[[ foo \n bar ]] + 1",
        "0x1F + 1e5 + 3 .. ''",
        "math.floor(1) .. tostring(null)",
        "a.l[a.b]",
        "a['end'] == nil",
        "not true and false or nil",
    };
    static const struct {
        const char *source, *name;
    } bad[] = {
        {"foo", "'foo'"},
        {"a.b + foo.bar", "'foo'"},
        {"foo.a", "'foo'"},
        {"{foo}", "'foo'"},
        {"{x = foo}", "'foo'"},
        {"{[foo] = 1}", "'foo'"},
        {"{foo == 1}", "'foo'"},
        {"{a, foo == 1}", "'foo'"},
        {"a[foo]", "'foo'"},
        {"len(foo)", "'foo'"},
        {"foo(1)", "'foo'"},
        {"'x' .. foo", "'foo'"},
        {"(function(foo) return foo end)(1) + foo", "'foo'"},
        {"(function() do local foo = 1 end return foo end)()", "'foo'"},
        {"(function() if now then local foo = 1 else return foo end end)()", "'foo'"},
        {"(function() for foo = 1, 2 do end return foo end)()", "'foo'"},
        {"(function() while now do local foo end return foo end)()", "'foo'"},
        {"{ f = function() return foo end }", "'foo'"},
        {"(function() foo = 1 end)()", "'foo'"},
        {"now -- note\r+ foo", "'foo'"},
        {"_G", "'_G'"},
        {"_ENV", "'_ENV'"},
        {"os.time()", "'os'"},
        {"io.open('x')", "'io'"},
        {"load('1')", "'load'"},
        {"pcall(len)", "'pcall'"},
        {"require('x')", "'require'"},
        {"setmetatable({}, {})", "'setmetatable'"},
        {"mesgs", "is 'msgs' meant?"},
        {"defualt(a, 1)", "is 'default' meant?"},
        {"{a = null}", "object(...)"},
        {"{1, nil}", "list(...)"},
        {"1 +", "does not compile"},
        {"'open", "does not compile"},
    };
    struct expr_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        struct fx_error err = {0};
        if (fx_expr_check(fx_expr_checker_new(w->sc), fx_slice_of(good[i]), w->names, &err) !=
            FX_OK)
            fail_msg("%s: %s", good[i], err.message);
    }
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_error err = {0};
        if (fx_expr_check(fx_expr_checker_new(w->sc), fx_slice_of(bad[i].source), w->names, &err) !=
            FX_ERR_INPUT)
            fail_msg("not refused: %s", bad[i].source);
        if (!strstr(err.message, bad[i].name))
            fail_msg("%s: %s", bad[i].source, err.message);
    }
}

static void checking_runs_nothing(void **state) {
    struct expr_world *w = *state;
    struct fx_error err = {0};

    assert_ok(fx_expr_check(fx_expr_checker_new(w->sc),
                            FX_SLICE("(function() while true do end end)()"), NULL, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names_that_are_not_given),
        cmocka_unit_test(checking_runs_nothing),
    };
    return cmocka_run_group_tests(tests, expr_world_set_up, expr_world_tear_down);
}
