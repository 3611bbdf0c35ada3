/* expr_helpers_test.c - every helper of expressions: what it gives, and what it refuses. */
#include "expr_world.h"

#include <string.h>

static void helpers_for_any_value(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
        {"len(1)", "len: argument 1 is number"},
        {"keys(msgs)", "keys: argument 1 is list, not an object"},
        {"parse_json('{')", "not JSON"},
        {"get(a)", "get: argument 2 is null"},
        {"object('a')", "pairs"},
        {"object(1, 2)", "object: argument 1 is number"},
    };

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
    expr_assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_lists(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
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

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
    expr_assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_texts(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
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

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
    expr_assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void helpers_for_numbers_and_times(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
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

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
    expr_assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void every_helper_in_the_table_can_be_called(void **state) {
    struct expr_world *w = *state;

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(helpers_for_any_value),
        cmocka_unit_test(helpers_for_lists),
        cmocka_unit_test(helpers_for_texts),
        cmocka_unit_test(helpers_for_numbers_and_times),
        cmocka_unit_test(every_helper_in_the_table_can_be_called),
    };
    return cmocka_run_group_tests(tests, expr_world_set_up, expr_world_tear_down);
}
