/* engine_sparklines_test.c - lines of bars on a card: what they say in words, and what is no data.
 */
#include "engine_rig.h"

#include <string.h>

/* The value of the one field that `template` makes of `found`, as JSON. */
static const char *draw(struct engine_rig *rig, const char *template, const char *found,
                        enum fx_code expected) {
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "look", "r1");
    struct fx_json *fields = fx_json_array(rig->sc);
    struct fx_error err = {0};

    rig->runbook = (struct fx_runbook){
        .command = "look",
        .answer = engine_rig_json(rig, fx_printf(rig->sc, "{'sparklines':{'Load':%s}}", template))};
    fx_json_put(run.names, "found", engine_rig_json(rig, found));
    assert_int_equal(engine_answer_sparklines(&run, fields, &err), expected);
    if (expected != FX_OK)
        return fx_strdup(rig->sc, err.message);
    assert_int_equal(fx_json_count(fields), 1);
    assert_string_equal(fx_json_get_text(fx_json_item(fields, 0), "name"), "Load");
    return fx_json_dump(rig->sc, fx_json_at(fx_json_item(fields, 0), "value"));
}

#define POINTS "'${found.points}'"

static void bars_come_with_their_numbers(void **state) {
    struct engine_rig *rig = *state;

    assert_string_equal(draw(rig, POINTS, "{'points':[1,4.5,8]}", FX_OK),
                        "[{\"code\":\"▁▅█\"},\" last 8, 1 to 8\"]");
    assert_string_equal(draw(rig, "{'points':" POINTS ",'unit':'%'}", "{'points':[8,0.25]}", FX_OK),
                        "[{\"code\":\"█▁\"},\" last 0.25 %, 0.25 to 8 %\"]");
    assert_string_equal(draw(rig, POINTS, "{'points':[2147483648,1234.5]}", FX_OK),
                        "[{\"code\":\"█▁\"},\" last 1234, 1234 to 2147483648\"]");
}

static void what_a_metric_step_found_is_taken_as_it_is(void **state) {
    struct engine_rig *rig = *state;

    assert_string_equal(draw(rig, "'${found}'", "{'points':[1,2],'latest':2}", FX_OK),
                        "[{\"code\":\"▁█\"},\" last 2, 1 to 2\"]");
}

static void gaps_are_told_and_nothing_is_no_data(void **state) {
    struct engine_rig *rig = *state;

    assert_string_equal(draw(rig, POINTS, "{'points':[null,0,8,null]}", FX_OK),
                        "[{\"code\":\"·▁█·\"},\" last 8, 0 to 8; 2 of 4 not measured\"]");
    assert_string_equal(draw(rig, POINTS, "{'points':[null,null]}", FX_OK), "\"no data\"");
    assert_string_equal(draw(rig, POINTS, "{'points':[]}", FX_OK), "\"no data\"");
    assert_string_equal(draw(rig, POINTS, "{}", FX_OK), "\"no data\"");
}

static void a_text_says_why_there_is_none(void **state) {
    struct engine_rig *rig = *state;

    assert_string_equal(draw(rig, POINTS, "{'points':'could not be read'}", FX_OK),
                        "\"could not be read\"");
    assert_non_null(
        strstr(draw(rig, POINTS, "{'points':7}", FX_ERR_INPUT), "answer sparkline Load"));
    assert_non_null(
        strstr(draw(rig, POINTS, "{'points':[1,'2']}", FX_ERR_INPUT), "not all numbers"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
        TEST(bars_come_with_their_numbers),
        TEST(what_a_metric_step_found_is_taken_as_it_is),
        TEST(gaps_are_told_and_nothing_is_no_data),
        TEST(a_text_says_why_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
