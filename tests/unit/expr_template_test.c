/* expr_template_test.c - texts with expressions in them: how they are filled and checked. */
#include "expr_world.h"

#include <string.h>

static void fills_texts(void **state) {
    static const struct expr_row rows[] = {
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
    static const struct expr_refusal refusals[] = {
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
    struct expr_world *w = *state;

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
    struct expr_world *w = *state;
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
    struct expr_world *w = *state;
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
    struct expr_world *w = *state;
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
        cmocka_unit_test(fills_texts),
        cmocka_unit_test(filled_values_are_not_read_again),
        cmocka_unit_test(fills_every_text_of_a_value),
        cmocka_unit_test(checks_texts_and_knows_templates),
    };
    return cmocka_run_group_tests(tests, expr_world_set_up, expr_world_tear_down);
}
