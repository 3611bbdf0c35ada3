/* step_params_test.c - are a step's parameters checked against its rows? */
#include "support/test.h"

#include "fluxabot/step.h"

#include <string.h>

static const struct fx_step_param rows[] = {
    {"text", FX_PARAM_TEXT, true, NULL, "what to say"},
    {"count", FX_PARAM_INT, false, "10", "how many"},
    {"really", FX_PARAM_BOOL, false, NULL, "whether"},
    {"timeout", FX_PARAM_DURATION, false, "\"30s\"", "how long"},
    {"list", FX_PARAM_LIST, false, NULL, "which"},
    {"map", FX_PARAM_OBJECT, false, NULL, "what"},
    {"any", FX_PARAM_ANY, false, NULL, "anything"},
    {"queue", FX_PARAM_QUEUE, false, NULL, "where"},
};
static const struct fx_step_kind kind = {
    .name = "say", .params = rows, .params_count = FX_COUNT_OF(rows)};

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

static enum fx_code fill(void **state, const char *text, struct fx_json **ret_params,
                         struct fx_error *err) {
    struct fx_json *params = NULL;

    if (fx_json_parse(*state, fx_slice_of(text), &params, err) != FX_OK)
        fail_msg("not JSON: %s", text);
    return fx_step_fill_params(*state, &kind, params, ret_params, err);
}

static void fills_fallbacks_and_durations(void **state) {
    struct fx_json *params = NULL;
    struct fx_error err;

    assert_ok(fill(state, "{\"text\":\"hi\"}", &params, &err));
    assert_string_equal(fx_json_dump_canonical(*state, params),
                        "{\"count\":10,\"text\":\"hi\",\"timeout\":30000}");
    assert_ok(fill(state, "{\"timeout\":\"2h\",\"text\":\"hi\",\"count\":3,\"any\":null}", &params,
                   &err));
    assert_string_equal(fx_json_dump_canonical(*state, params),
                        "{\"any\":null,\"count\":3,\"text\":\"hi\",\"timeout\":7200000}");
}

static void filling_twice_changes_nothing(void **state) {
    struct fx_json *once = NULL, *twice = NULL;
    struct fx_error err;

    assert_ok(fill(state, "{\"text\":\"hi\",\"timeout\":\"5m\"}", &once, &err));
    assert_ok(fx_step_fill_params(*state, &kind, once, &twice, &err));
    assert_true(fx_json_equal(once, twice));
}

static void templates_pass_any_type(void **state) {
    struct fx_json *params = NULL;
    struct fx_error err;

    assert_ok(fill(state,
                   "{\"text\":\"${a}\",\"count\":\"${b}\",\"really\":\"${c}\",\"list\":\"${d}\","
                   "\"map\":\"x ${e}\",\"timeout\":\"${f}\",\"queue\":\"${g}\"}",
                   &params, &err));
    assert_string_equal(fx_json_get_text(params, "timeout"), "${f}");
}

static void refuses_wrong_types_by_name(void **state) {
    static const struct {
        const char *params, *named;
    } bad[] = {
        {"{\"text\":5}", "text"},
        {"{\"text\":null}", "text"},
        {"{\"text\":\"x\",\"count\":\"5\"}", "count"},
        {"{\"text\":\"x\",\"count\":5.0}", "count"},
        {"{\"text\":\"x\",\"count\":true}", "count"},
        {"{\"text\":\"x\",\"really\":\"yes\"}", "really"},
        {"{\"text\":\"x\",\"really\":1}", "really"},
        {"{\"text\":\"x\",\"list\":{}}", "list"},
        {"{\"text\":\"x\",\"map\":[]}", "map"},
        {"{\"text\":\"x\",\"queue\":7}", "queue"},
        {"{\"text\":\"x\",\"timeout\":1.5}", "timeout"},
        {"{\"text\":\"x\",\"timeout\":-1}", "timeout"},
        {"{\"text\":\"x\",\"timeout\":\"soon\"}", "timeout"},
        {"{\"text\":\"x\",\"timeout\":[]}", "timeout"},
        {"{\"text\":\"x\",\"colour\":1}", "colour"},
        {"{}", "text"},
        {"{\"count\":1}", "text"},
        {"[]", "map"},
        {"\"x\"", "map"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_json *params = NULL;
        struct fx_error err;

        if (fill(state, bad[i].params, &params, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i].params);
        assert_null(params);
        assert_non_null(strstr(err.message, "say"));
        if (strstr(err.message, bad[i].named) == NULL)
            fail_msg("%s: the message does not name %s: %s", bad[i].params, bad[i].named,
                     err.message);
    }
}

static void no_parameters_are_an_empty_map(void **state) {
    static const struct fx_step_kind plain = {
        .name = "plain", .params = rows + 1, .params_count = 1};
    struct fx_json *params = NULL;
    struct fx_error err;

    assert_ok(fx_step_fill_params(*state, &plain, NULL, &params, &err));
    assert_string_equal(fx_json_dump(*state, params), "{\"count\":10}");
}

static void reads_durations(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0s", 0},       {"250ms", 250},   {"90s", 90000}, {"5m", 300000},
        {"2h", 7200000}, {"1d", 86400000}, {"007s", 7000}, {"9999999d", 9999999LL * 86400000}};
    static const char *const bad[] = {
        "",   "s",  "5",    "-5s",  "+5s",       "5 s",   " 5s",       "5s ",
        "5S", "5x", "1.5h", "5min", "12345678s", "1h30m", "\xC3\xA4s", "99999999999999999999s"};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        int64_t ms = -1;

        assert_ok(fx_step_parse_duration(fx_slice_of(good[i].text), &ms, &err));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        int64_t ms = 42;

        if (fx_step_parse_duration(fx_slice_of(bad[i]), &ms, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(ms, 42);
    }
}

static void a_long_wrong_duration_is_cut_between_characters(void **state) {
    char text[200];
    int64_t ms = 0;
    struct fx_error err;

    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 4);
    assert_int_equal(fx_step_parse_duration(fx_slice_of(text), &ms, &err), FX_ERR_INPUT);
    assert_true(fx_slice_is_utf8(fx_slice_of(err.message)));
    assert_int_equal(fx_step_parse_duration((struct fx_slice){NULL, 0}, &ms, &err), FX_ERR_INPUT);
}

#define STEP_TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(fills_fallbacks_and_durations),
        STEP_TEST(filling_twice_changes_nothing),
        STEP_TEST(templates_pass_any_type),
        STEP_TEST(refuses_wrong_types_by_name),
        STEP_TEST(no_parameters_are_an_empty_map),
        STEP_TEST(reads_durations),
        STEP_TEST(a_long_wrong_duration_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
