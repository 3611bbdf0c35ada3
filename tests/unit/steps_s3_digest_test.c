/* steps_s3_digest_test.c - the step `s3.digest`: an object in parts, and one that does not stay as
 * it is. */
#include "steps_rig.h"

#include <string.h>

#define PART "{'bucket':'b','key':'k'}"

static enum fx_code run(struct steps_rig *rig, const char *params, struct fx_json **ret_output,
                        struct fx_error *err) {
    struct fx_step_result result = {0};
    struct fx_json *filled = NULL;

    FX_TRY(
        fx_step_fill_params(rig->sc, &step_s3_digest, steps_rig_json(rig, params), &filled, err));
    FX_TRY(step_s3_digest.run(&rig->ctx, filled, &result, err));
    *ret_output = result.output;
    return FX_OK;
}

static void the_parts_are_one_object(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    aws_world_script(&rig->world,
                     {.status = 206,
                      .body = "ab",
                      .headers = {{"content-range", "bytes 0-1/3"}, {"etag", "\"e\""}}},
                     {.status = 206,
                      .body = "c",
                      .headers = {{"content-range", "bytes 2-2/3"}, {"etag", "\"e\""}}});
    assert_ok(run(rig, PART, &output, &err));
    /* FIPS 180: "abc" */
    assert_string_equal(fx_json_get_text(output, "sha256"),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(fx_json_get_int(output, "size", 0), 3);
    assert_int_equal(rig->world.script.asked, 2);
    assert_string_equal(scripted_http_header(&rig->world.script, 0, "range"), "bytes=0-1048575");
    assert_null(scripted_http_header(&rig->world.script, 0, "if-match"));
    assert_string_equal(scripted_http_header(&rig->world.script, 1, "range"), "bytes=2-1048577");
    assert_string_equal(scripted_http_header(&rig->world.script, 1, "if-match"), "\"e\"");
}

static void an_object_that_changes_meanwhile_has_no_digest(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    aws_world_script(
        &rig->world,
        {.status = 206,
         .body = "ab",
         .headers = {{"content-range", "bytes 0-1/3"}, {"etag", "\"e\""}}},
        {.status = 412,
         .body = "<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>"});
    assert_int_equal(run(rig, PART, &output, &err), FX_ERR_CONFLICT);
    assert_null(output);
    assert_non_null(strstr(err.message, "changed while it was read"));
}

static void a_part_without_a_byte_is_no_part(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    aws_world_script(
        &rig->world,
        {.status = 206, .body = "", .headers = {{"content-range", "bytes 0-1/3"}, {"etag", "e"}}});
    assert_int_equal(run(rig, PART, &output, &err), FX_ERR_UPSTREAM);
}

static void a_large_object_is_not_read(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *output = NULL;
    struct fx_error err = {0};

    aws_world_script(&rig->world, {.status = 206,
                                   .body = "ab",
                                   .headers = {{"content-range", "bytes 0-1/11"}, {"etag", "e"}}});
    assert_int_equal(run(rig, "{'bucket':'b','key':'k','max_bytes':10}", &output, &err),
                     FX_ERR_LIMIT);
    assert_int_equal(rig->world.script.asked, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_parts_are_one_object, steps_rig_set_up,
                                        steps_rig_tear_down),
        cmocka_unit_test_setup_teardown(an_object_that_changes_meanwhile_has_no_digest,
                                        steps_rig_set_up, steps_rig_tear_down),
        cmocka_unit_test_setup_teardown(a_part_without_a_byte_is_no_part, steps_rig_set_up,
                                        steps_rig_tear_down),
        cmocka_unit_test_setup_teardown(a_large_object_is_not_read, steps_rig_set_up,
                                        steps_rig_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
