/* expr_test.c - what expressions mean: values, names, helpers, templates and their checking. */
#include "support/test.h"

#include "fluxabot/expr.h"

#include <stdio.h>
#include <string.h>

static const char names_text[] =
    "{\"now\":1795252504000,\"nothing\":null,\"big\":9007199254740993,\"half\":2.5,"
    "\"a\":{\"b\":1,\"n\":null,\"s\":\"text\",\"l\":[3,1,2,null],\"o\":{\"x\":\"y\"}},"
    "\"msgs\":[{\"id\":\"m1\",\"cause\":\"x\",\"n\":5,\"at\":1795252384000},"
    "{\"id\":\"m2\",\"cause\":\"y\",\"n\":2},{\"id\":\"m3\",\"cause\":\"x\",\"n\":9}]}";

struct world {
    struct fx_scope *sc;
    struct fx_json *names;
};

static int setup(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct world *w = FX_NEW(sc, struct world);
    struct fx_error err = {0};

    w->sc = sc;
    *state = w;
    return fx_json_parse(sc, fx_slice_of(names_text), &w->names, &err) == FX_OK ? 0 : -1;
}

static int teardown(void **state) {
    fx_scope_free(((struct world *)*state)->sc);
    return 0;
}

struct row {
    const char *source, *json;
};

static void assert_rows(void **state, const struct row *rows, size_t count) {
    struct world *w = *state;

    for (size_t i = 0; i < count; i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;

        if (fx_expr_eval(w->sc, fx_slice_of(rows[i].source), w->names, &value, &err) != FX_OK)
            fail_msg("%s: %s", rows[i].source, err.message);
        const char *json = fx_json_dump(w->sc, value);
        if (strcmp(json, rows[i].json) != 0)
            fail_msg("%s is %s, not %s", rows[i].source, json, rows[i].json);
    }
}

struct refusal {
    const char *source, *says;
};

static void assert_refused(void **state, const struct refusal *rows, size_t count) {
    struct world *w = *state;

    for (size_t i = 0; i < count; i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;
        enum fx_code code =
            fx_expr_eval(w->sc, fx_slice_of(rows[i].source), w->names, &value, &err);

        if (code != FX_ERR_INPUT)
            fail_msg("%s: %s, not refused", rows[i].source, fx_code_name(code));
        if (value)
            fail_msg("%s: a refusal gave a value", rows[i].source);
        if (!strstr(err.message, rows[i].says))
            fail_msg("%s: '%s' does not say '%s'", rows[i].source, err.message, rows[i].says);
    }
}

static void gives_values_with_their_types(void **state) {
    static const struct row rows[] = {
        {"1 + 1", "2"},
        {"a.b", "1"},
        {"a", "{\"b\":1,\"n\":null,\"s\":\"text\",\"l\":[3,1,2,null],\"o\":{\"x\":\"y\"}}"},
        {"big", "9007199254740993"},
        {"big + 1", "9007199254740994"},
        {"half", "2.5"},
        {"3 // 2", "1"},
        {"a.b == 1", "true"},
        {"'a' .. 1", "\"a1\""},
        {"a.l[1]", "3"},
        {"a.l[9]", "null"},
        {"#a.l", "4"},
        {"a['s']", "\"text\""},
        {"a.s:upper()", "\"TEXT\""},
        {"{}", "[]"},
        {"object()", "{}"},
        {"{1, {x = 'y'}}", "[1,{\"x\":\"y\"}]"},
        {"{b = 1, a = 2}", "{\"a\":2,\"b\":1}"},
        {"(function() local s = 0; for _, m in ipairs(msgs) do s = s + m.n end return s end)()",
         "16"},
        {"a.b -- a note", "1"},
        {"a.b --[[ a note ]] + 1", "2"},
        {"\"caf\\u{e9}\"", "\"caf\xC3\xA9\""},
        {"'\\xff'", "\"\xEF\xBF\xBD\""},
        {"math.floor(2.7) + math.max(1, 2)", "4"},
        {"string.format('%03d', 7)", "\"007\""},
        {"table.concat({1, 2}, '-')", "\"1-2\""},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
}

static void null_and_absent_behave_as_nothing(void **state) {
    static const struct row rows[] = {
        {"a.n", "null"},
        {"a.gone", "null"},
        {"a.n == null", "true"},
        {"a.gone == null", "true"},
        {"a.b == null", "false"},
        {"a.b ~= null", "true"},
        {"nothing == null", "true"},
        {"not a.n", "true"},
        {"a.n or 'none'", "\"none\""},
        {"a.l[4] == null", "true"},
        {"len(a.n)", "0"},
        {"has(a, 'n')", "true"},
        {"has(a, 'gone')", "false"},
        {"list(1, null, 3)", "[1,null,3]"},
        {"object('k', null)", "{\"k\":null}"},
        {"reverse(a.l)", "[null,2,1,3]"},
        {"len(list(null, null))", "2"},
        {"pick(list(a, a), 'n')", "[null,null]"},
    };
    static const struct refusal refusals[] = {
        {"a.n.x", "'n' is null, so it has no members"},
        {"a.gone.x", "'gone' is null"},
        {"nothing.x", "'nothing' is null"},
        {"a.n + 1", "'n' is null, not a number"},
        {"a.n .. 'x'", "'n' is null"},
        {"a.n > 1", "a number and null have no order"},
        {"{1, nil, 3}", "list(...) keeps null"},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
    assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void refuses_what_is_no_single_json_value(void **state) {
    static const struct refusal rows[] = {
        {"", "empty"},
        {"  ", "empty"},
        {"1, 2", "2 values"},
        {"-- nothing", "0 values"},
        {"len", "function"},
        {"{len}", "function"},
        {"0/0", "divided by zero"},
        {"1/0", "divided by zero"},
        {"1//0", "divided by zero"},
        {"'a\\0b'", "NUL"},
        {"{['a\\0b'] = 1}", "not text"},
        {"{['\\xff'] = 1}", "not text"},
        {"{1, x = 2}", "neither a list nor an object"},
        {"{[2] = 1}", "list"},
        {"{[{}] = 1}", "list"},
        {"return 1", "does not compile"},
        {"1 +", "does not compile"},
        {"a b", "does not compile"},
        {"1 end", "does not compile"},
        {"'open", "does not compile"},
        {"x = 1", "does not compile"},
        {"(function() local t = {} t.t = t return t end)()", "holds itself"},
    };

    assert_refused(state, rows, FX_COUNT_OF(rows));
}

static void refuses_silent_conversions_and_changes(void **state) {
    static const struct refusal rows[] = {
        {"'10' + 1", "is a text, not a number"},
        {"a.s * 2", "'s' is a text, not a number"},
        {"'0x10' + 0", "a text"},
        {"-'2'", "a text"},
        {"'1' < 2", "no order"},
        {"gone", "the name 'gone' is not known here"},
        {"(function() x = 1 end)()", "cannot set 'x'"},
        {"(function() a.b = 2 end)()", "cannot be changed"},
        {"(function() a.l[1] = 2 end)()", "cannot be changed"},
        {"a.l[0]", "lists begin at 1"},
        {"a.l[-1]", "lists begin at 1"},
        {"a.l.x", "no member 'x'"},
        {"a[1]", "named by a text"},
        {"a.b()", "'b' is a number, not a function"},
        {"a.s.zzz", "a text has no 'zzz'"},
        {"filter(msgs, function(m) return m.n end)", "neither true nor false"},
        {"filter(msgs, 'n')", "neither true nor false"},
    };

    assert_refused(state, rows, FX_COUNT_OF(rows));
}

static void helpers_for_any_value(void **state) {
    static const struct row rows[] = {
        {"len('h\xC3\xA9llo')", "5"},
        {"len(a.o)", "1"},
        {"{empty(null), empty(''), empty({}), empty(a.n), empty(0), empty(msgs)}",
         "[true,true,true,true,false,false]"},
        {"{type(null), type(1), type('x'), type(a), type(a.l), type(true), type(len), type({x=1})}",
         "[\"null\",\"number\",\"text\",\"object\",\"list\",\"bool\",\"function\",\"object\"]"},
        {"default(a.n, 5)", "5"},
        {"default(false, 5)", "false"},
        {"coalesce(null, a.n, 3, 4)", "3"},
        {"coalesce()", "null"},
        {"equal(a.o, {x = 'y'})", "true"},
        {"equal(a.o, {x = 'z'})", "false"},
        {"a.o == a.o", "true"},
        {"equal(1, 1.0)", "true"},
        {"json(a.o)", "\"{\\\"x\\\":\\\"y\\\"}\""},
        {"parse_json('[1,{\"a\":null}]')", "[1,{\"a\":null}]"},
        {"parse_json('{', 'bad')", "\"bad\""},
        {"parse_json('3')", "3"},
        {"get(a, 'o.x')", "\"y\""},
        {"get(a, 'l.2')", "1"},
        {"get(a, 'l.9', 'd')", "\"d\""},
        {"get(a, 'n', 'd')", "\"d\""},
        {"get(null, 'x', 'd')", "\"d\""},
        {"get(a, 's.x.y', 'd')", "\"d\""},
        {"get({x = {y = 1}}, 'x.y')", "1"},
        {"has(a, 'o.x')", "true"},
        {"keys(a)", "[\"b\",\"n\",\"s\",\"l\",\"o\"]"},
        {"keys({b = 1, a = 2})", "[\"a\",\"b\"]"},
        {"keys({})", "[]"},
        {"values({b = 1, a = 2})", "[2,1]"},
        {"(function() local s = '' for k, v in pairs(a.o) do s = s .. k .. v end return s end)()",
         "\"xy\""},
        {"(function() local n = 0 for i in pairs(a.l) do n = n + i end return n end)()", "10"},
    };
    static const struct refusal refusals[] = {
        {"len(1)", "len: argument 1 is number"},
        {"keys(msgs)", "keys: argument 1 is list, not an object"},
        {"parse_json('{')", "not JSON"},
        {"get(a)", "get: argument 2 is null"},
        {"object('a')", "pairs"},
        {"object(1, 2)", "object: argument 1 is number"},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
    assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_lists(void **state) {
    static const struct row rows[] = {
        {"count(msgs)", "3"},
        {"count(null)", "0"},
        {"count(msgs, 'cause', 'x')", "2"},
        {"count(msgs, function(m) return m.n > 4 end)", "2"},
        {"first(msgs).id", "\"m1\""},
        {"first({}) == null", "true"},
        {"pick(first(msgs, 2), 'id')", "[\"m1\",\"m2\"]"},
        {"len(first(msgs, 99))", "3"},
        {"last(msgs).id", "\"m3\""},
        {"pick(last(msgs, 2), 'id')", "[\"m2\",\"m3\"]"},
        {"append({1}, a.l, null, {2})", "[1,3,1,2,null,2]"},
        {"range(3)", "[1,2,3]"},
        {"range(-1, 1)", "[-1,0,1]"},
        {"range(0)", "[]"},
        {"map({1, 2}, function(x) return x * 2 end)", "[2,4]"},
        {"map(range(3), function(x) return map(range(x), function(y) return x * y end) end)",
         "[[1],[2,4],[3,6,9]]"},
        {"pick(filter(msgs, 'cause', 'x'), 'id')", "[\"m1\",\"m3\"]"},
        {"filter({1, 2, 3}, function(x) return x ~= 2 end)", "[1,3]"},
        {"filter(null, 'x', 1)", "[]"},
        {"pick(filter(msgs, 'at', null), 'id')", "[\"m2\",\"m3\"]"},
        {"find(msgs, 'id', 'm2').n", "2"},
        {"find(msgs, 'id', 'm9')", "null"},
        {"any(msgs, 'cause', 'y')", "true"},
        {"any(msgs, 'cause', 'z')", "false"},
        {"all(msgs, function(m) return m.n > 1 end)", "true"},
        {"all({}, 'x')", "true"},
        {"sum({1, 2, 3})", "6"},
        {"sum(msgs, 'n')", "16"},
        {"sum(msgs, function(m) return m.n / 2 end)", "8.0"},
        {"sum(a.l)", "6"},
        {"sum({})", "0"},
        {"avg({1, 2})", "1.5"},
        {"avg({})", "null"},
        {"min(msgs, 'n')", "2"},
        {"max(msgs, 'n')", "9"},
        {"min(3, 1, 2)", "1"},
        {"max(1, 2.5)", "2.5"},
        {"max(null, 2)", "2"},
        {"max({})", "null"},
        {"max('a', 'b')", "\"b\""},
        {"min(a.l)", "1"},
        {"sort({3, 1, 2})", "[1,2,3]"},
        {"sort({'b', 'a', 'B'})", "[\"B\",\"a\",\"b\"]"},
        {"sort(a.l)", "[1,2,3,null]"},
        {"sort(a.l, null, 'desc')", "[3,2,1,null]"},
        {"pick(sort(msgs, 'n'), 'id')", "[\"m2\",\"m1\",\"m3\"]"},
        {"pick(sort(msgs, 'cause'), 'id')", "[\"m1\",\"m3\",\"m2\"]"},
        {"pick(sort(msgs, 'cause', 'desc'), 'id')", "[\"m2\",\"m1\",\"m3\"]"},
        {"sort({2, 1.5, 1})", "[1,1.5,2]"},
        {"sort({true, false})", "[false,true]"},
        {"pick(group(msgs, 'cause'), 'key')", "[\"x\",\"y\"]"},
        {"pick(group(msgs, 'cause'), 'count')", "[2,1]"},
        {"pick(group(msgs, 'cause')[1].items, 'id')", "[\"m1\",\"m3\"]"},
        {"pick(group({'b', 'a', 'a', 'b', 'c'}), 'key')", "[\"b\",\"a\",\"c\"]"},
        {"group(a.l)[4].key == null", "true"},
        {"unique({1, 2, 1, 3})", "[1,2,3]"},
        {"unique(a.l)", "[3,1,2,null]"},
        {"pick(unique(msgs, 'cause'), 'id')", "[\"m1\",\"m2\"]"},
        {"contains(a.l, 2)", "true"},
        {"contains({{x = 1}}, {x = 1})", "true"},
        {"contains(null, 2)", "false"},
        {"sparkline({1, 2, 3, 4, 5, 6, 7, 8})", "\"▁▂▃▄▅▆▇█\""},
        {"sparkline(list(1, null, 3))", "\"▁·█\""},
        {"sparkline({5, 5})", "\"▁▁\""},
        {"sparkline({})", "\"\""},
        {"len(sparkline(range(1000)))", "60"},
    };
    static const struct refusal refusals[] = {
        {"sum({1, 'x'})", "number(...) reads a text"},
        {"sort({1, 'x'})", "cannot be compared"},
        {"sort({{}, {}})", "no order"},
        {"sort({1}, null, 'down')", "asc"},
        {"range(100000)", "more than"},
        {"map(a, 'x')", "map: argument 1 is object, not a list"},
        {"map({1})", "map: argument 2"},
        {"group({a})", "key"},
        {"first({1}, -1)", "not between"},
        {"first({1}, 1.5)", "whole number"},
        {"count()", "missing"},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
    assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_texts(void **state) {
    static const struct row rows[] = {
        {"text(1)", "\"1\""},
        {"text(6 / 2)", "\"3\""},
        {"text(0.1 + 0.2)", "\"0.3\""},
        {"text(a.o)", "\"{\\\"x\\\":\\\"y\\\"}\""},
        {"text(null)", "\"null\""},
        {"lower('AbC\xC3\x89')", "\"abc\xC3\x89\""},
        {"upper('abc')", "\"ABC\""},
        {"trim('  a b ')", "\"a b\""},
        {"short('h\xC3\xA9llo world', 6)", "\"h\xC3\xA9llo…\""},
        {"short('abc', 3)", "\"abc\""},
        {"sub('h\xC3\xA9llo', 2, 3)", "\"\xC3\xA9l\""},
        {"sub('hello', -3)", "\"llo\""},
        {"sub('hello', 4, 2)", "\"\""},
        {"sub('hello', 0, 99)", "\"hello\""},
        {"rep('ab', 3)", "\"ababab\""},
        {"rep('', 1000000000)", "\"\""},
        {"contains('abc', 'b')", "true"},
        {"contains('abc', '.')", "false"},
        {"contains('abc', '')", "true"},
        {"starts_with('abc', 'ab')", "true"},
        {"ends_with('abc', 'bc')", "true"},
        {"replace('a.b.c', '.', '%1')", "\"a%1b%1c\""},
        {"replace('aaa', 'aa', 'b')", "\"ba\""},
        {"split('a,b,,c', ',')", "[\"a\",\"b\",\"\",\"c\"]"},
        {"split('', ',')", "[\"\"]"},
        {"split('a--b', '--')", "[\"a\",\"b\"]"},
        {"lines('a\\nb\\n')", "[\"a\",\"b\"]"},
        {"join({'a', 1, true}, ', ')", "\"a, 1, true\""},
        {"join(null, ',')", "\"\""},
        {"plural(1, 'message', 'messages')", "\"1 message\""},
        {"plural(0, 'message', 'messages')", "\"0 messages\""},
        {"plural(2, 'day')", "\"2 days\""},
        {"format('%5.1f|%s|%d%%', 1.25, a.o, 3)", "\"  1.2|{\\\"x\\\":\\\"y\\\"}|3%\""},
        {"url_encode('a b/\xC3\xA9')", "\"a%20b%2F%C3%A9\""},
        {"('a'):rep(2):upper():len()", "2"},
    };
    static const struct refusal refusals[] = {
        {"lower(null)", "lower: argument 1 is null, not a text"},
        {"lower(a)", "lower: argument 1 is object"},
        {"replace('a', '', 'b')", "empty"},
        {"split('a', '')", "empty"},
        {"join(list(null))", "null"},
        {"format('%p', 1)", "only"},
        {"format('%q', 'x')", "only"},
        {"format('%a', 1)", "only"},
        {"format('%', 1)", "only"},
        {"format('%d')", "more %"},
        {"format('%d', 'x')", "does not fit"},
        {"format('%s', len)", "function"},
        {"short('x', 0)", "not between"},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
    assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_numbers_and_times(void **state) {
    static const struct row rows[] = {
        {"number('12')", "12"},
        {"number(' -3.5 ')", "-3.5"},
        {"number('+7')", "7"},
        {"number('1e3')", "1000.0"},
        {"number('9007199254740993')", "9007199254740993"},
        {"number('x', 0)", "0"},
        {"number(null, 0)", "0"},
        {"tonumber('x') == null", "true"},
        {"tonumber('0x10') == null", "true"},
        {"int('12.7')", "12"},
        {"int(-2.7)", "-2"},
        {"bool('Yes')", "true"},
        {"bool(0)", "false"},
        {"bool(null)", "false"},
        {"round(2.5)", "3"},
        {"round(-2.5)", "-3"},
        {"round(2.345, 1)", "2.3"},
        {"floor(-1.5)", "-2"},
        {"ceil(1.2)", "2"},
        {"abs(-3)", "3"},
        {"percent(1, 3)", "\"33.3%\""},
        {"percent(1, 4)", "\"25%\""},
        {"percent(1, 3, 3)", "\"33.333%\""},
        {"percent(1, 0)", "\"n/a\""},
        {"bytes(100)", "\"100 B\""},
        {"bytes(1536)", "\"1.5 KiB\""},
        {"bytes(3 * 1024 * 1024)", "\"3 MiB\""},
        {"duration(7500000)", "\"2 h 5 min\""},
        {"duration(3, 's')", "\"3 s\""},
        {"ago(msgs[1].at)", "\"2 min ago\""},
        {"ago('2026-11-21T09:15:01Z')", "\"3 s ago\""},
        {"ago(1795252501)", "\"3 s ago\""},
        {"ago('1795252501000')", "\"3 s ago\""},
        {"ago(now + 3000)", "\"in 3 s\""},
        {"age(now - 3000)", "\"3 s\""},
        {"iso(now)", "\"2026-11-21T09:15:04Z\""},
        {"date(now)", "\"2026-11-21\""},
        {"clock(now)", "\"09:15:04\""},
        {"parse_time('2026-11-21T09:15:04Z')", "1795252504000"},
        {"parse_time(1795252504.5)", "1795252504500"},
    };
    static const struct refusal refusals[] = {
        {"number('x')", "not a number"},
        {"number('inf')", "not a number"},
        {"number('nan')", "not a number"},
        {"number('')", "not a number"},
        {"number(null)", "null"},
        {"bool('maybe')", "neither"},
        {"round('1')", "number(...) reads a text"},
        {"ago('yesterday')", "not a time"},
        {"iso(1e300)", "out of range"},
        {"iso(0/0)", "out of range"},
        {"duration(1, 'week')", "unit"},
        {"duration(1e300)", "out of range"},
    };

    assert_rows(state, rows, FX_COUNT_OF(rows));
    assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void every_helper_in_the_table_can_be_called(void **state) {
    struct world *w = *state;

    assert_true(fx_expr_helpers_count > 50);
    for (size_t i = 0; i < fx_expr_helpers_count; i++) {
        const struct fx_expr_helper *h = &fx_expr_helpers[i];
        struct fx_error err = {0};
        struct fx_json *value = NULL;
        const char *source = fx_printf(w->sc, "type(%s)", h->name);

        assert_ok(fx_expr_eval(w->sc, fx_slice_of(source), NULL, &value, &err));
        assert_string_equal(fx_json_text(value), "function");
        assert_int_equal(strncmp(h->signature, h->name, strlen(h->name)), 0);
        assert_true(strlen(h->help) > 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(h->name, fx_expr_helpers[j].name);
    }
}

static void a_given_name_hides_a_helper(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL;
    struct fx_json *names = fx_json_object_of(w->sc, "count", fx_json_int(w->sc, 7), NULL);

    assert_ok(fx_expr_eval(w->sc, FX_SLICE("count"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 7);
    assert_int_equal(fx_expr_eval(w->sc, FX_SLICE("count({})"), names, &value, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "'count' is a number, not a function"));
}

static void a_result_outlives_the_names(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL, *names = NULL;
    struct fx_scope *inner = fx_scope_new(NULL);

    assert_ok(fx_json_parse(inner, FX_SLICE("{\"a\":{\"b\":[1,\"x\"]}}"), &names, &err));
    assert_ok(fx_expr_eval(w->sc, FX_SLICE("a"), names, &value, &err));
    fx_scope_free(inner);
    assert_string_equal(fx_json_dump(w->sc, value), "{\"b\":[1,\"x\"]}");
}

static void tells_the_line_of_a_long_expression(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL;

    assert_int_equal(fx_expr_eval(w->sc, FX_SLICE("1 +\n\na.n.x"), w->names, &value, &err),
                     FX_ERR_INPUT);
    assert_int_equal(strncmp(err.message, "line 3: 'n' is null", 19), 0);
}

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
    struct world *w = *state;

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
    struct world *w = *state;
    struct fx_error err = {0};

    assert_ok(fx_expr_check(fx_expr_checker_new(w->sc),
                            FX_SLICE("(function() while true do end end)()"), NULL, &err));
}

static void fills_texts(void **state) {
    static const struct row rows[] = {
        {"plain", "\"plain\""},
        {"", "\"\""},
        {"${a.b}", "1"},
        {"${a.n}", "null"},
        {"${ a.l }", "[3,1,2,null]"},
        {"${a.b} ", "\"1 \""},
        {"${a.s} and ${a.b}", "\"text and 1\""},
        {"${a.s}${a.s}", "\"texttext\""},
        {"n=${6/2} ${half} ${true} ${a.o}", "\"n=3 2.5 true {\\\"x\\\":\\\"y\\\"}\""},
        {"${ #({1,2,3}) }", "3"},
        {"x ${ '}' } y ${ \"{\" } z", "\"x } y { z\""},
        {"${ {x = {y = 1}}  }", "{\"x\":{\"y\":1}}"},
        {"${ [[ } ]] }", "\" } \""},
        {"${ [=[ ]] } ]=] }", "\" ]] } \""},
        {"${ a.b --[[ } ]] }", "1"},
        {"${ a.b -- }\n }", "1"},
        {"${ 'it\\'s }' }", "\"it's }\""},
        {"$${x}", "\"${x}\""},
        {"$$${x}", "\"$${x}\""},
        {"a $${ b ${a.b}", "\"a ${ b 1\""},
        {"$ 5 $", "\"$ 5 $\""},
        {"{x} } {", "\"{x} } {\""},
        {"$(echo)", "\"$(echo)\""},
    };
    static const struct refusal refusals[] = {
        {"${a.n} x", "${a.n}: the value is null"},
        {"x ${a.gone}", "the value is null"},
        {"${a.b", "not closed"},
        {"x ${ 'y }", "not closed"},
        {"${ a.b --[[ }", "not closed"},
        {"${}", "empty"},
        {"x ${ } y", "empty"},
        {"${foo}", "${foo}: the name 'foo' is not known here"},
        {"${1}} ${2", "not closed"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;
        if (fx_expr_fill(w->sc, rows[i].source, w->names, &value, &err) != FX_OK)
            fail_msg("%s: %s", rows[i].source, err.message);
        assert_string_equal(fx_json_dump(w->sc, value), rows[i].json);
    }
    for (size_t i = 0; i < FX_COUNT_OF(refusals); i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;
        assert_int_equal(fx_expr_fill(w->sc, refusals[i].source, w->names, &value, &err),
                         FX_ERR_INPUT);
        if (!strstr(err.message, refusals[i].says))
            fail_msg("%s: %s", refusals[i].source, err.message);
    }
}

static void filled_values_are_not_read_again(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL;
    struct fx_json *names =
        fx_json_object_of(w->sc, "evil", fx_json_string(w->sc, "${1+1} $${ \"}"), NULL);

    assert_ok(fx_expr_fill(w->sc, "${evil}", names, &value, &err));
    assert_string_equal(fx_json_text(value), "${1+1} $${ \"}");
    assert_ok(fx_expr_fill(w->sc, "<${evil}>", names, &value, &err));
    assert_string_equal(fx_json_text(value), "<${1+1} $${ \"}>");
}

static void fills_every_text_of_a_value(void **state) {
    static const char text[] = "{\"Url\":\"${a.s}\",\"N\":\"${a.b}\",\"${a.b}\":\"k\",\"L\":[\"${a."
                               "l}\",\"x${a.b}\",1,null,true,2.5],\"O\":{\"p\":{}}}";
    static const char filled[] = "{\"Url\":\"text\",\"N\":1,\"${a.b}\":\"k\",\"L\":[[3,1,2,null],"
                                 "\"x1\",1,null,true,2.5],\"O\":{\"p\":{}}}";
    struct world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL, *result = NULL;

    assert_ok(fx_json_parse(w->sc, fx_slice_of(text), &value, &err));
    assert_ok(fx_expr_fill_all(w->sc, value, w->names, &result, &err));
    assert_string_equal(fx_json_dump(w->sc, result), filled);
    assert_string_equal(fx_json_dump(w->sc, value), text);

    assert_ok(fx_json_parse(w->sc, FX_SLICE("{\"with\":{\"Url\":\"${foo}\"}}"), &value, &err));
    assert_int_equal(fx_expr_fill_all(w->sc, value, w->names, &result, &err), FX_ERR_INPUT);
    assert_int_equal(strncmp(err.message, "with: Url: ${foo}: the name 'foo'", 33), 0);
}

static void checks_texts_and_knows_templates(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};

    assert_ok(fx_expr_check_text(fx_expr_checker_new(w->sc), "x ${a.b} $${foo} ${len(msgs)}",
                                 w->names, &err));
    assert_ok(fx_expr_check_text(fx_expr_checker_new(w->sc), "", w->names, &err));
    assert_int_equal(
        fx_expr_check_text(fx_expr_checker_new(w->sc), "${a.b} ${foo}", w->names, &err),
        FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "${foo}: the name 'foo'"));
    assert_int_equal(fx_expr_check_text(fx_expr_checker_new(w->sc), "${a.b", w->names, &err),
                     FX_ERR_INPUT);
    assert_int_equal(fx_expr_check_text(fx_expr_checker_new(w->sc), "${a.b +}", w->names, &err),
                     FX_ERR_INPUT);
    assert_true(fx_expr_is_template("a ${b}"));
    assert_true(fx_expr_is_template("a $${b}"));
    assert_false(fx_expr_is_template("a $ {b} $"));
    assert_false(fx_expr_is_template(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_values_with_their_types),
        cmocka_unit_test(null_and_absent_behave_as_nothing),
        cmocka_unit_test(refuses_what_is_no_single_json_value),
        cmocka_unit_test(refuses_silent_conversions_and_changes),
        cmocka_unit_test(helpers_for_any_value),
        cmocka_unit_test(helpers_for_lists),
        cmocka_unit_test(helpers_for_texts),
        cmocka_unit_test(helpers_for_numbers_and_times),
        cmocka_unit_test(every_helper_in_the_table_can_be_called),
        cmocka_unit_test(a_given_name_hides_a_helper),
        cmocka_unit_test(a_result_outlives_the_names),
        cmocka_unit_test(tells_the_line_of_a_long_expression),
        cmocka_unit_test(finds_names_that_are_not_given),
        cmocka_unit_test(checking_runs_nothing),
        cmocka_unit_test(fills_texts),
        cmocka_unit_test(filled_values_are_not_read_again),
        cmocka_unit_test(fills_every_text_of_a_value),
        cmocka_unit_test(checks_texts_and_knows_templates),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
