/* steps_aws_test.c - what the steps `aws` and `let` make of their parameters: pages that are read,
 * and values that are kept. */
#include "steps_rig.h"

static const struct fx_json *fill(struct steps_rig *rig, const struct fx_step_kind *kind,
                                  const char *text) {
    struct fx_json *params = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, kind, steps_rig_json(rig, text), &params, &err));
    return params;
}

static struct fx_json *run(struct steps_rig *rig, const struct fx_step_kind *kind,
                           const char *text) {
    struct fx_step_result result = {0};
    struct fx_error err = {0};

    assert_ok(kind->run(&rig->ctx, fill(rig, kind, text), &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    return result.output;
}

#define VERSIONS                                                                                   \
    "'operation':'lambda:ListVersionsByFunction','with':{'FunctionName':'fluxa-processor'}"

static void reads_one_page_unless_asked_for_more(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(&rig->world, REPLY(200, "{\"NextMarker\":\"1\",\"Versions\":[{}]}"));
    struct fx_json *answer = run(rig, &step_aws, "{" VERSIONS "}");
    assert_int_equal(rig->world.script.asked, 1);
    assert_int_equal(fx_json_count(fx_json_at(answer, "Versions")), 1);
    assert_string_equal(fx_json_get_text(answer, "NextMarker"), "1");
}

static void reads_as_many_pages_as_asked_and_keeps_the_token_of_what_is_left(void **state) {
    struct steps_rig *rig = *state;

    aws_world_script(&rig->world, REPLY(200, "{\"NextMarker\":\"1\",\"Versions\":[{}]}"),
                     REPLY(200, "{\"NextMarker\":\"2\",\"Versions\":[{},{}]}"));
    struct fx_json *answer = run(rig, &step_aws, "{" VERSIONS ",'pages':2}");
    assert_int_equal(rig->world.script.asked, 2);
    assert_int_equal(fx_json_count(fx_json_at(answer, "Versions")), 3);
    assert_string_equal(fx_json_get_text(answer, "NextMarker"), "2");

    aws_world_script(&rig->world, REPLY(200, "{\"NextMarker\":\"1\",\"Versions\":[{}]}"),
                     REPLY(200, "{\"Versions\":[{}]}"));
    answer = run(rig, &step_aws, "{" VERSIONS ",'pages':20}");
    assert_int_equal(rig->world.script.asked, 2);
    assert_null(fx_json_at(answer, "NextMarker"));
}

static void refuses_more_pages_than_twenty_and_less_than_one(void **state) {
    static const char *const wrong[] = {"{" VERSIONS ",'pages':21}", "{" VERSIONS ",'pages':0}",
                                        "{" VERSIONS ",'pages':-1}"};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        const struct fx_json *params = fill(rig, &step_aws, wrong[i]);
        struct fx_step_result result = {0};
        struct fx_error err = {0};

        assert_int_equal(step_aws.check(rig->sc, NULL, params, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, "pages is 1 to 20");
        assert_int_equal(step_aws.run(&rig->ctx, params, &result, &err), FX_ERR_INPUT);
    }
    assert_int_equal(rig->world.script.asked, 0);
}

static void let_keeps_a_value_of_any_kind_and_asks_nobody(void **state) {
    static const char *const values[] = {"{\"a\":[1,null]}", "[]", "false", "3", "\"text\""};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(values); i++) {
        struct fx_json *value = run(rig, &step_let, fx_printf(rig->sc, "{'value':%s}", values[i]));
        assert_string_equal(fx_json_dump(rig->sc, value), values[i]);
    }
    assert_int_equal(step_let.effect(fx_json_object(rig->sc)), FX_EFFECT_READ);
    assert_int_equal(rig->world.script.asked, 0);
    assert_int_equal(rig->statements, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_one_page_unless_asked_for_more),
        TEST(reads_as_many_pages_as_asked_and_keeps_the_token_of_what_is_left),
        TEST(refuses_more_pages_than_twenty_and_less_than_one),
        TEST(let_keeps_a_value_of_any_kind_and_asks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
