/* steps_revert_plan_test.c - a change that is taken back by itself: what stands in its plan, and
 * what is refused before anybody approves it. */
#include "revert_rig.h"

#include <string.h>

static void both_calls_stand_in_the_plan(void **state) {
    struct steps_rig *rig = *state;

    rig_planned(rig);
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 2);
    assert_non_null(
        strstr(fx_json_text(fx_json_at_path(rig->ctx.plan, "calls.1.resource")), "2 h later"));
    assert_string_equal(
        fx_json_text(fx_json_at_path(rig->ctx.plan, "details.revert.Attributes.VisibilityTimeout")),
        "30");
    assert_string_equal(fx_json_text(fx_json_at_path(rig->ctx.plan, "details.revert.QueueUrl")),
                        URL);
    assert_int_equal(fx_json_get_int(rig->ctx.plan, "rests_ms", 0), KEEP_MS + 24 * 60 * 60 * 1000);
}

static void check_wants_both_halves_and_a_bound(void **state) {
    static const struct {
        const char *params, *says;
    } wrong[] = {
        {"{" CALL "," BACK ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BACK "," HOW_SEEN ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BY_HAND "}", "belong together"},
        {"{" CALL "," SEEN ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BACK "," SEEN ",'revert_after':'8d'}", "at most 7 d"},
        {"{" CALL ",'revert_after':'2h'}", "revert_after needs revert"},
        {"{" CALL "," SEEN ",'revert':{'Nobody':'1'}}", "Nobody"},
        {"{" CALL "," SEEN ",'revert':{'Attributes':'nobody.knows'}}", "nobody"},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        struct fx_error err = {0};

        assert_int_equal(rig_check(rig, wrong[i].params, &err), FX_ERR_INPUT);
        rig_says(err.message, wrong[i].says);
    }
}

static void how_long_is_bounded_also_where_it_is_known_only_when_it_is_planned(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(
        rig_check(rig, "{" CALL "," BACK "," SEEN ",'revert_after':'${arguments.keep}'}", &err));
    assert_int_equal(rig_plan(rig, "{" CALL "," BACK "," SEEN ",'revert_after':'8d'}", &err),
                     FX_ERR_INPUT);
    rig_says(err.message, "at most 7 d");
}

/* Whoever wrote the runbook takes it for a change that ends by itself. */
static void a_time_without_a_way_back_is_no_plan(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(rig_check(rig, "{" CALL ",'revert_after':'${arguments.keep}'}", &err));
    assert_int_equal(rig_plan(rig, "{" CALL ",'revert_after':'2h'}", &err), FX_ERR_INPUT);
    rig_says(err.message, "revert_after needs revert");
    assert_ok(rig_plan(rig, "{" CALL ",'revert_after':'0s'}", &err));
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 1);
}

/* Else it would be approved as taken back, and could not be. */
static void what_cannot_tell_how_it_is_taken_back_is_no_plan(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_int_not_equal(
        rig_plan(rig, "{" CALL ",'revert':{'Attributes':'now + 1'}," SEEN ",'revert_after':'2h'}",
                 &err),
        FX_OK);
    rig_says(err.message, "Attributes: 'now' is an object");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, revert_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(both_calls_stand_in_the_plan),
        TEST(check_wants_both_halves_and_a_bound),
        TEST(how_long_is_bounded_also_where_it_is_known_only_when_it_is_planned),
        TEST(a_time_without_a_way_back_is_no_plan),
        TEST(what_cannot_tell_how_it_is_taken_back_is_no_plan),
    };
    return cmocka_run_group_tests_name("steps revert plan", tests, NULL, NULL);
}
