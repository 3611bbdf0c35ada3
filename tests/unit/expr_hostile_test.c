/* expr_hostile_test.c - expressions that would run forever, grow, escape, remember or vary. */
#include "support/test.h"

#include "../../src/expr/private.h"
#include "fluxabot/base/clock.h"

#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Minutes without their budget; a busy machine takes some seconds for what they may do. */
enum { BOUND_MS = 10000, TWIN_SECONDS = 1 };

static const char names_text[] =
    "{\"now\":1795252504000,\"secret\":\"canary-7f3a\",\"a\":{\"b\":1,\"n\":null,\"s\":\"text\","
    "\"o\":{\"z\":1,\"y\":2,\"x\":3,\"w\":4,\"v\":5}},\"l\":[{\"k\":\"b\",\"n\":2},{\"k\":\"a\","
    "\"n\":1},{\"k\":\"b\",\"n\":3}]}";

static struct fx_json *names_in(struct fx_scope *sc) {
    struct fx_json *names = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(sc, fx_slice_of(names_text), &names, &err));
    return names;
}

struct bomb {
    const char *source;
    enum fx_code code;
};

/* With what an expression may use: nothing here may take its time, whatever it ends with. */
static void assert_ends(const struct bomb *bombs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *value = NULL, *names = names_in(sc);
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

#define IN_FUNCTION(body) "(function() " body " end)()"

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

static char *repeated(struct fx_scope *sc, const char *a, size_t times, const char *middle,
                      const char *b) {
    char *text = fx_alloc(sc, (strlen(a) + strlen(b)) * times + strlen(middle) + 1), *to = text;

    for (size_t i = 0; i < times; i++)
        to = stpcpy(to, a);
    to = stpcpy(to, middle);
    for (size_t i = 0; i < times; i++)
        to = stpcpy(to, b);
    return text;
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
        struct fx_json *value = NULL, *names = names_in(sc);
        struct fx_error err = {0};
        char *source = repeated(sc, rows[i].a, rows[i].times, rows[i].middle, rows[i].b);

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

static void caps_source_and_result_exactly(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL;
    struct fx_error err = {0};
    char *source = repeated(sc, " ", FX_EXPR_MAX_SOURCE_BYTES, "1", "");

    assert_int_equal(fx_expr_eval(sc, fx_slice_of(source), NULL, &value, &err), FX_ERR_LIMIT);
    assert_ok(fx_expr_eval(sc, fx_slice_of(source + 1), NULL, &value, &err));
    assert_ok(fx_expr_eval(sc, FX_SLICE("rep('x', 262140)"), NULL, &value, &err));
    assert_int_equal(fx_json_text_slice(value).len, 262140);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("rep('x', 262143)"), NULL, &value, &err),
                     FX_ERR_LIMIT);
}

static void large_values_are_read_in_parts_and_refused_as_a_whole(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL, *list = fx_json_array(sc);
    struct fx_error err = {0};
    char *text = repeated(sc, "x", 12 << 20, "", "");

    for (int i = 0; i < 50000; i++)
        fx_json_add(list, fx_json_object_of(sc, "n", fx_json_int(sc, i), NULL));
    struct fx_json *names =
        fx_json_object_of(sc, "text", fx_json_string(sc, text), "list", list, NULL);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("text"), names, &value, &err), FX_ERR_LIMIT);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("list"), names, &value, &err), FX_ERR_LIMIT);
    /* a name alone makes nothing: it is passed on, however large what it stands for is */
    assert_ok(fx_expr_fill(sc, "${ list }", names, &value, &err));
    assert_int_equal(fx_json_count(value), 50000);
    assert_ok(
        fx_expr_fill(sc, "${deep.list}", fx_json_object_of(sc, "deep", names, NULL), &value, &err));
    assert_true(fx_json_equal(value, list));
    assert_int_equal(fx_expr_fill(sc, "${(list)}", names, &value, &err), FX_ERR_LIMIT);
    assert_int_equal(fx_expr_fill(sc, "x${list}", names, &value, &err), FX_ERR_LIMIT);
    assert_ok(fx_expr_eval(sc, FX_SLICE("len(list) + list[50000].n"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 50000 + 49999);
    assert_ok(fx_expr_eval(sc, FX_SLICE("sum(list, 'n')"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 1249975000);
}

static void the_deepest_value_that_can_be_read_can_be_passed_on(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL, *names = NULL, *deep = NULL;
    struct fx_error err = {0};
    char *text = repeated(sc, "[", FX_JSON_MAX_DEPTH, "1", "]");

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &deep, &err));
    names = fx_json_object_of(sc, "deep", deep, NULL);
    assert_ok(fx_expr_eval(sc, FX_SLICE("deep"), names, &value, &err));
    assert_string_equal(fx_json_dump(sc, value), text);
    assert_ok(fx_expr_fill_all(sc, deep, names, &value, &err));
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("{{deep}}"), names, &value, &err), FX_ERR_INPUT);
}

/* --- one expression and the next --- */

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

static const char *outcome(struct fx_scope *sc, const char *source, const struct fx_json *names) {
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    if (fx_expr_eval(sc, fx_slice_of(source), names, &value, &err) != FX_OK)
        return fx_printf(sc, "%s: %s", fx_code_name(err.code), err.message);
    return fx_json_dump(sc, value);
}

static void no_expression_changes_the_next(void **state) {
    size_t pairs = 0;

    for (size_t p = 0; p < FX_COUNT_OF(poisons); p++)
        for (size_t v = 0; v < FX_COUNT_OF(victims); v++, pairs++) {
            FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
            struct fx_json *names = names_in(sc);
            const char *before = outcome(sc, victims[v], names);

            outcome(sc, poisons[p], names);
            const char *after = outcome(sc, victims[v], names);
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
        struct fx_json *names = names_in(sc);
        const char *once = outcome(sc, sources[i], names);

        for (int repeat = 0; repeat < 200; repeat++) {
            const char *again = outcome(sc, sources[i], names);
            if (strcmp(once, again) != 0)
                fail_msg("%s: %s, then %s", sources[i], once, again);
        }
    }
}

/* --- memory --- */

static void a_failing_allocation_is_an_error_wherever_it_happens(void **state) {
    static const char *const sources[] = {
        "1",
        "a.b + 1",
        "{x = a.o, y = {1, 2, 3}}",
        "sort(map(l, function(m) return m.n end))",
        "group(l, 'k')",
        "format('%s %d', a.o, 3)",
        "join(split(replace('a,b,c', ',', ';'), ';'), '-')",
        "rep('x', 5000):upper()",
        IN_FUNCTION("local s = '' for k, v in pairs({z = 1, y = 2}) do s = s .. k end return s"),
        "json(keys(a))",
        "sparkline({1, 2, 3})",
        "plural(len(l), 'message', 'messages')",
        "a.n.x",
        "1 +",
        "unknown",
    };

    for (size_t i = 0; i < FX_COUNT_OF(sources); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *names = names_in(sc);
        const char *whole = outcome(sc, sources[i], names);
        bool same = false;
        uint64_t n = 1;

        for (; !same; n++) {
            struct expr_limits limits = {8 << 20, 1000000, 1000, n};
            struct fx_json *value = NULL;
            struct fx_error err = {0};
            enum fx_code code =
                expr_eval_within(sc, fx_slice_of(sources[i]), names, &limits, &value, &err);

            if (code == FX_ERR_LIMIT)
                continue;
            const char *now =
                code == FX_OK ? fx_json_dump(sc, value) : fx_printf(sc, "input: %s", err.message);
            same = strcmp(now, whole) == 0;
            if (!same || n > 5000)
                fail_msg("%s, allocation %llu: %s", sources[i], (unsigned long long)n, now);
        }
        assert_true(n > 10); /* otherwise nothing was made to fail */
    }
}

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static long resident_kib(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &total, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void memory_is_given_back(void **state) {
    long before = 0;

    if (SANITIZED)
        skip(); /* freed memory is kept there on purpose; leaks are reported by themselves */
    for (int i = 0; i < 60; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        outcome(sc, IN_FUNCTION("local t = {} for i = 1, 1e9 do t[i] = {i} end"), names_in(sc));
        outcome(sc, IN_FUNCTION("local l = range(9000) while true do json(l) end"), NULL);
        if (i == 9)
            before = resident_kib();
    }
    if (resident_kib() - before > 2048)
        fail_msg("%ld KiB grown", resident_kib() - before);
}

/* --- twins: the same tests must see a state that is open --- */

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

static void the_twin_that_keeps_its_state_is_poisoned(void **state) {
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    assert_int_equal(luaL_dostring(L, "string.upper = function() return 'evil' end"), 0);
    assert_int_equal(luaL_dostring(L, "return ('text'):upper()"), 0);
    assert_string_equal(lua_tostring(L, -1), "evil");
    lua_close(L);
}

static void *capped(void *ud, void *ptr, size_t old_bytes, size_t new_bytes) {
    size_t *left = ud;

    (void)old_bytes;
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    if (new_bytes > *left)
        return NULL;
    *left -= new_bytes;
    return realloc(ptr, new_bytes);
}

static void the_twin_that_pushes_unprotected_aborts(void **state) {
    pid_t child = fork();

    if (child == 0) {
        struct rlimit none = {0, 0};
        size_t left = 64 << 10;
        char *text = malloc(1 << 20);
        lua_State *L = lua_newstate(capped, &left);

        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        memset(text, 'x', 1 << 20);
        lua_pushlstring(L, text, 1 << 20);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_was_measured_to_hang_ends),
        cmocka_unit_test(every_bomb_ends_as_it_should),
        cmocka_unit_test(deep_and_long_sources_end),
        cmocka_unit_test(precompiled_code_and_nul_bytes_are_refused),
        cmocka_unit_test(caps_source_and_result_exactly),
        cmocka_unit_test(large_values_are_read_in_parts_and_refused_as_a_whole),
        cmocka_unit_test(the_deepest_value_that_can_be_read_can_be_passed_on),
        cmocka_unit_test(no_expression_changes_the_next),
        cmocka_unit_test(the_same_values_give_the_same_bytes),
        cmocka_unit_test(a_failing_allocation_is_an_error_wherever_it_happens),
        cmocka_unit_test(memory_is_given_back),
        cmocka_unit_test(the_twin_with_the_whole_library_runs_over),
        cmocka_unit_test(the_twin_that_keeps_its_state_is_poisoned),
        cmocka_unit_test(the_twin_that_pushes_unprotected_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
