/* expr_value_test.c - what expressions give and refuse: values and their types, null, names. */
#include "expr_world.h"

#include <string.h>

static void gives_values_with_their_types(void **state) {
    static const struct expr_row rows[] = {
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

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
}

static void null_and_absent_behave_as_nothing(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
        {"a.n.x", "'n' is null, so it has no members"},
        {"a.gone.x", "'gone' is null"},
        {"nothing.x", "'nothing' is null"},
        {"a.n + 1", "'n' is null, not a number"},
        {"a.n .. 'x'", "'n' is null"},
        {"a.n > 1", "a number and null have no order"},
        {"{1, nil, 3}", "list(...) keeps null"},
    };

    expr_assert_rows(state, rows, FX_COUNT_OF(rows));
    expr_assert_refused(state, refusals, FX_COUNT_OF(refusals));
}

static void refuses_what_is_no_single_json_value(void **state) {
    static const struct expr_refusal rows[] = {
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

    expr_assert_refused(state, rows, FX_COUNT_OF(rows));
}

static void refuses_silent_conversions_and_changes(void **state) {
    static const struct expr_refusal rows[] = {
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

    expr_assert_refused(state, rows, FX_COUNT_OF(rows));
}

static void a_given_name_hides_a_helper(void **state) {
    struct expr_world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL;
    struct fx_json *names = fx_json_object_of(w->sc, "count", fx_json_int(w->sc, 7), NULL);

    assert_ok(fx_expr_eval(w->sc, FX_SLICE("count"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 7);
    assert_int_equal(fx_expr_eval(w->sc, FX_SLICE("count({})"), names, &value, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "'count' is a number, not a function"));
}

static void a_result_outlives_the_names(void **state) {
    struct expr_world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL, *names = NULL;
    struct fx_scope *inner = fx_scope_new(NULL);

    assert_ok(fx_json_parse(inner, FX_SLICE("{\"a\":{\"b\":[1,\"x\"]}}"), &names, &err));
    assert_ok(fx_expr_eval(w->sc, FX_SLICE("a"), names, &value, &err));
    fx_scope_free(inner);
    assert_string_equal(fx_json_dump(w->sc, value), "{\"b\":[1,\"x\"]}");
}

static void tells_the_line_of_a_long_expression(void **state) {
    struct expr_world *w = *state;
    struct fx_error err = {0};
    struct fx_json *value = NULL;

    assert_int_equal(fx_expr_eval(w->sc, FX_SLICE("1 +\n\na.n.x"), w->names, &value, &err),
                     FX_ERR_INPUT);
    assert_int_equal(strncmp(err.message, "line 3: 'n' is null", 19), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_values_with_their_types),
        cmocka_unit_test(null_and_absent_behave_as_nothing),
        cmocka_unit_test(refuses_what_is_no_single_json_value),
        cmocka_unit_test(refuses_silent_conversions_and_changes),
        cmocka_unit_test(a_given_name_hides_a_helper),
        cmocka_unit_test(a_result_outlives_the_names),
        cmocka_unit_test(tells_the_line_of_a_long_expression),
    };
    return cmocka_run_group_tests(tests, expr_world_set_up, expr_world_tear_down);
}
