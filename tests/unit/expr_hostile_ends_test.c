/* expr_hostile_ends_test.c - expressions that would run forever, grow or escape come to an end. */
#include "expr_hostile_rig.h"

#include "fluxabot/base/clock.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Minutes without their budget; a busy machine takes some seconds for what they may do. */
enum { BOUND_MS = 10000, TWIN_SECONDS = 1 };

struct bomb {
    const char *source;
    enum fx_code code;
};

/* With what an expression may use: nothing here may take its time, whatever it ends with. */
static void assert_ends(const struct bomb *bombs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *value = NULL, *names = hostile_names(sc);
        struct fx_error err = {0};
        int64_t start = fx_mono_ms(fx_clock_system());

        enum fx_code code = fx_expr_eval(sc, fx_slice_of(bombs[i].source), names, &value, &err);
        int64_t took = fx_mono_ms(fx_clock_system()) - start;
        if (took > BOUND_MS)
            fail_msg("%s: %lld ms", bombs[i].source, (long long)took);
        if (code != bombs[i].code)
            fail_msg("%s: %s (%s), not %s", bombs[i].source, fx_code_name(code),
                     code == FX_OK ? fx_json_dump(sc, value) : err.message,
                     fx_code_name(bombs[i].code));
        if (code != FX_OK && !strstr(bombs[i].source, "0x"))
            assert_null(strstr(err.message, "0x")); /* an address would differ from run to run */
    }
}

static const struct bomb measured_bombs[] = {
    /* what was measured to run for seconds or for ever in a plain Lua 5.4 */
    {IN_FUNCTION("while true do end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local function f() return f() end return f()"), FX_ERR_LIMIT},
    {IN_FUNCTION("local function f() return 1 + f() end return f()"), FX_ERR_LIMIT},
    {"coroutine.wrap(function() while true do end end)()", FX_ERR_INPUT},
    {"string.rep('x', 1e10)", FX_ERR_INPUT},
    {"string.rep('x', 2000000000)", FX_ERR_LIMIT},
    {"rep('x', 262145)", FX_ERR_LIMIT},
    {"rep(rep('x', 1000), 1000000000)", FX_ERR_LIMIT},
    {"len(rep('', 2000000000))", FX_OK},
    {"string.rep('', 1e18)", FX_ERR_INPUT},
    {"string.gsub(rep('a', 10000), 'a', rep('b', 10000))", FX_ERR_INPUT},
    {"replace(rep('a', 10000), 'a', rep('b', 10000))", FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 100 do t[i] = rep('x', 250000) .. i end return #t"),
     FX_ERR_LIMIT},
    {"table.unpack({}, 1, 1e7)", FX_ERR_INPUT},
    {"table.concat({}, ',', 1, 1e9)", FX_OK},
    {"table.move({}, 1, 1e9, 2)", FX_ERR_INPUT},
    {"string.find(rep('a', 4096), '.-b')", FX_ERR_INPUT},
    {"('a'):match('.-.-b')", FX_ERR_INPUT},
    {"('a'):gmatch('a?')", FX_ERR_INPUT},
    {"string.find(rep('(', 50000), '%b()')", FX_ERR_INPUT},
    {"contains(rep('a', 250000), rep('a', 125000) .. 'b')", FX_OK},
    {"contains(rep('ab', 100000), rep('ba', 50000) .. 'a')", FX_OK},
    {IN_FUNCTION("local s = rep('x', 250000) while true do s:upper() end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} while true do table.insert(t, 1, 1) end"), FX_ERR_INPUT},
    {"pcall(function() while true do end end)", FX_ERR_INPUT},
    {"loadfile('/etc/passwd')", FX_ERR_INPUT},
    {"dofile('/etc/passwd')", FX_ERR_INPUT},
    {IN_FUNCTION("string.upper = function() return 'x' end return 1"), FX_OK},
    {"string.format('%p', {})", FX_ERR_INPUT},
    {"format('%p', 'x')", FX_ERR_INPUT},
    {"math.random(10)", FX_ERR_INPUT},
    {"math.randomseed(1)", FX_ERR_INPUT},
    {"'10' + 1", FX_ERR_INPUT},
    {"'0x10' + 0", FX_ERR_INPUT},
    {"9223372036854775807 + 1", FX_OK},
    {"9007199254740993 + 0.0", FX_OK},
    {"12345678901234567890", FX_OK},
    {"0/0", FX_ERR_INPUT},
    {"1//0", FX_ERR_INPUT},
    {"0 and 'yes' or 'no'", FX_OK},
    {"1, 2", FX_ERR_INPUT},
    {IN_FUNCTION("x = 1"), FX_ERR_INPUT},
};

static void everything_that_was_measured_to_hang_ends(void **state) {
    assert_ends(measured_bombs, FX_COUNT_OF(measured_bombs));
}

static const struct bomb more_bombs[] = {
    /* loops of cheap instructions over large things */
    {IN_FUNCTION("local s = 'x' while true do s = s .. s end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s, n = rep('x', 250000), 0 while true do n = n + 1 local t = s .. n end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('x', 250000) local t, u = s .. 'a', s .. 'b' "
                 "while true do local z = t < u end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('x', 250000) local t, u = s .. 'a', s .. 'b' "
                 "while true do local z = t == u end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 1e9 do t[i] = i end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 1e9 do t['k' .. i] = {} end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 50000 do t[i] = {} end while true do local z = {} end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local function f(...) return f(1, ...) end return f()"), FX_ERR_LIMIT},
    {IN_FUNCTION("local f f = function(x) return map({1}, f) end return f(1)"), FX_ERR_LIMIT},
    {IN_FUNCTION("local f f = function(x) return sort({1, 2}, f) end return f(1)"), FX_ERR_LIMIT},
    {IN_FUNCTION("repeat local a <const> = 1 until false"), FX_ERR_LIMIT},
    {IN_FUNCTION("::top:: goto top"), FX_ERR_LIMIT},
    {IN_FUNCTION("for i = 1, 1e18 do end"), FX_ERR_LIMIT},
    {IN_FUNCTION("for i = 1.0, 2.0, 1e-18 do end"), FX_ERR_LIMIT},
    /* every helper that loops, in a loop */
    {IN_FUNCTION("local l = range(10000) while true do sort(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do reverse(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do append(l, l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = {1} while true do l = append(l, l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do contains(l, 'x') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do group(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do unique(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do sum(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do max(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do sparkline(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do join(l, ',') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do json(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do equal(l, l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do first(l, 9999) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do ipairs(l) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local l = range(10000) while true do filter(l, function() return true end) end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("while true do keys(a.o) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do values(a.o) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do get(a, 'o.x') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do text(a) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do iso(now) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do ago(now) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do duration(1) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do url_encode('x') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do format('%99.99f', 1e300) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do number('1') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do local x = a.o end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do list(1, 2, 3) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do object('a', 1) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("while true do range(10000) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('a,', 100000) while true do split(s, ',') end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('a', 250000) while true do len(s) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('a', 250000) while true do short(s, 100000) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('a', 250000) while true do sub(s, -2) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep(' ', 250000) while true do trim(s) end"), FX_ERR_LIMIT},
    {IN_FUNCTION("local s = rep('[', 60) .. rep(']', 60) while true do parse_json(s) end"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local s = json(range(10000)) while true do parse_json(s) end"), FX_ERR_LIMIT},
    {"split(rep('a', 250000), 'a')", FX_ERR_LIMIT},
    {"lines(rep('\\n', 250000))", FX_ERR_LIMIT},
    {"get(a, rep('x.', 100000))", FX_OK},
    {"number(rep('1', 250000), 0)", FX_OK},
    {"number(rep(' ', 250000) .. '1')", FX_OK},
    {"format(rep('%s', 500), 1)", FX_ERR_INPUT},
    {"format(rep('x', 2000))", FX_ERR_INPUT},
    /* results that are small in memory and large as JSON */
    {IN_FUNCTION("local t = {} for i = 1, 60 do t = {t, t} end return t"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 60 do t = {t, t} end return json(t)"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 60 do t = list(t, t) end return equal(t, t)"),
     FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 100 do t = {t} end return t"), FX_ERR_INPUT},
    {IN_FUNCTION("local t = {} t.t = t return t"), FX_ERR_INPUT},
    {IN_FUNCTION("local t = {} t[1] = t return text(t)"), FX_ERR_INPUT},
    {IN_FUNCTION("local s = rep('x', 250000) return {s, s}"), FX_ERR_LIMIT},
    {IN_FUNCTION("local t = {} for i = 1, 30000 do t['k' .. i] = 1 end return t"), FX_ERR_LIMIT},
    /* ways out */
    {"io.open('/etc/passwd')", FX_ERR_INPUT},
    {"os.getenv('HOME')", FX_ERR_INPUT},
    {"os.execute('id')", FX_ERR_INPUT},
    {"require('os')", FX_ERR_INPUT},
    {"package.loaded.os", FX_ERR_INPUT},
    {"debug.getregistry()", FX_ERR_INPUT},
    {"load('return 1')()", FX_ERR_INPUT},
    {"_G.os", FX_ERR_INPUT},
    {"_ENV.os", FX_ERR_INPUT},
    {IN_FUNCTION("_ENV.len = 1"), FX_ERR_INPUT},
    {IN_FUNCTION("local _ENV = {x = 1} return x"), FX_OK},
    {"getmetatable('').__index", FX_ERR_INPUT},
    {"setmetatable({}, {__gc = len})", FX_ERR_INPUT},
    {"rawset(a, 'b', 2)", FX_ERR_INPUT},
    {"next({})", FX_ERR_INPUT},
    {"select('#', 1)", FX_ERR_INPUT},
    {"collectgarbage('stop')", FX_ERR_INPUT},
    {"error('x')", FX_ERR_INPUT},
    {"print(1)", FX_ERR_INPUT},
    {"utf8.char(1)", FX_ERR_INPUT},
    {"string.dump(function() end)", FX_ERR_INPUT},
    {"string.pack('i', 1)", FX_ERR_INPUT},
    {"a.__index", FX_OK},
    {"a.s.__index", FX_ERR_INPUT},
    {"('x').dump", FX_ERR_INPUT},
    {IN_FUNCTION("local x <close> = a return 1"), FX_ERR_INPUT},
    {IN_FUNCTION("format('%s', 1) return ('x'):gsub('x', 'y')"), FX_ERR_INPUT},
    {IN_FUNCTION("format('%s', 1) return '10' + 1"), FX_ERR_INPUT},
    {"\x1bLua", FX_ERR_INPUT},
};

static void every_bomb_ends_as_it_should(void **state) {
    assert_true(FX_COUNT_OF(more_bombs) >= 80);
    assert_ends(more_bombs, FX_COUNT_OF(more_bombs));
}

static void deep_and_long_sources_end(void **state) {
    static const struct {
        const char *a, *middle, *b;
        size_t times;
        enum fx_code code;
    } rows[] = {
        {"(", "1", ")", 300, FX_ERR_LIMIT},
        {"{", "", "}", 300, FX_ERR_LIMIT},
        {"- ", "1", "", 2000, FX_ERR_LIMIT},
        {"not ", "true", "", 1000, FX_ERR_LIMIT},
        {"1+", "1", "", 2000, FX_OK},
        {"'a'..", "'a'", "", 150, FX_OK},
        {"'a'..", "'a'", "", 500, FX_ERR_LIMIT},
        {"a.o.x and ", "1", "", 400, FX_OK},
        {"(function() return ", "1", " end)()", 50, FX_OK},
        {"(function() return ", "1", " end)()", 130, FX_ERR_LIMIT},
        {"len(", "1", ")", 300, FX_ERR_LIMIT},
        {"{1,", "1", "}", 1000, FX_ERR_INPUT},
        {"[[", "", "]]", 1000, FX_ERR_INPUT},
        {"\n", "1", "", 4000, FX_OK},
        {"1", "", "", 4096, FX_ERR_INPUT},
    };

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *value = NULL, *names = hostile_names(sc);
        struct fx_error err = {0};
        char *source = hostile_repeated(sc, rows[i].a, rows[i].times, rows[i].middle, rows[i].b);

        enum fx_code code = fx_expr_eval(sc, fx_slice_of(source), names, &value, &err);
        if (code != rows[i].code)
            fail_msg("%zu times %s: %s %s", rows[i].times, rows[i].a, fx_code_name(code),
                     err.message);
        (void)!fx_expr_check(fx_expr_checker_new(sc), fx_slice_of(source), names, &err);
    }
}

static void precompiled_code_and_nul_bytes_are_refused(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    assert_int_equal(fx_expr_eval(sc, FX_SLICE("1 \0 + 1"), NULL, &value, &err), FX_ERR_INPUT);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("\x1bLuaT"), NULL, &value, &err), FX_ERR_INPUT);
    assert_int_equal(fx_expr_eval(sc, (struct fx_slice){NULL, 0}, NULL, &value, &err),
                     FX_ERR_INPUT);
}

/* --- twin: the same test must see a state that is open --- */

static void step_hook(lua_State *L, lua_Debug *ar) {
    (void)ar;
    int *left = *(int **)lua_getextraspace(L);

    if (--*left < 0)
        luaL_error(L, "budget");
}

/* A child with Lua as it comes and only the instruction hook. True when it had to be killed. */
static bool twin_runs_over(const char *source) {
    pid_t child = fork();

    if (child == 0) {
        int left = 1000;
        lua_State *L = luaL_newstate();

        signal(SIGALRM, SIG_DFL);
        alarm(TWIN_SECONDS);
        luaL_openlibs(L);
        *(int **)lua_getextraspace(L) = &left;
        lua_sethook(L, step_hook, LUA_MASKCOUNT, 1000);
        (void)luaL_dostring(L, source);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
}

static void the_twin_with_the_whole_library_runs_over(void **state) {
    assert_true(twin_runs_over("return string.rep('', 1e18)"));
    assert_true(twin_runs_over("return table.move({}, 1, 1e18, 2)"));
    assert_true(twin_runs_over("return string.find(string.rep('a', 1000), '.-.-.-.-b')"));
    assert_true(twin_runs_over("while true do pcall(function() while true do end end) end"));
    assert_false(twin_runs_over("while true do end")); /* the hook alone ends this one */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_was_measured_to_hang_ends),
        cmocka_unit_test(every_bomb_ends_as_it_should),
        cmocka_unit_test(deep_and_long_sources_end),
        cmocka_unit_test(precompiled_code_and_nul_bytes_are_refused),
        cmocka_unit_test(the_twin_with_the_whole_library_runs_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
