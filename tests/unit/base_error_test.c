/* base_error_test.c - do errors keep their promise: filled, cut whole, put into context? */
#include "support/test.h"

#include "fluxabot/base/slice.h"

#include <string.h>

static void fills_code_and_message(void **state) {
    struct fx_error err = {.sent = true, .retry_after_ms = 7, .upstream = "AccessDenied"};

    assert_int_equal(fx_fail(&err, FX_ERR_LIMIT, "%d is more than %d", 8, 7), FX_ERR_LIMIT);
    assert_int_equal(err.code, FX_ERR_LIMIT);
    assert_string_equal(err.message, "8 is more than 7");
    assert_false(err.sent);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.upstream, "");
}

static void may_quote_the_message_it_replaces(void **state) {
    struct fx_error err;

    assert_int_equal(fx_fail(&err, FX_ERR_TIMEOUT, "no answer"), FX_ERR_TIMEOUT);
    assert_int_equal(fx_fail(&err, FX_ERR_CONFLICT, "the cause is back: %s", err.message),
                     FX_ERR_CONFLICT);
    assert_string_equal(err.message, "the cause is back: no answer");
}

static void accepts_nobody_listening(void **state) {
    assert_int_equal(fx_fail(NULL, FX_ERR_INPUT, "unheard"), FX_ERR_INPUT);
    assert_int_equal(fx_fail_in(NULL, "unheard"), FX_ERR_INTERNAL);
}

static void cuts_a_long_message_between_characters(void **state) {
    char text[FX_ERROR_MESSAGE_MAX * 2];
    struct fx_error err;

    for (size_t shift = 0; shift < 4; shift++) {
        size_t at = shift;

        memset(text, 'x', shift);
        for (; at + 4 < sizeof text; at += 4)
            memcpy(text + at, "\xF0\x9F\x92\xA5", 4);
        text[at] = '\0';
        assert_int_equal(fx_fail(&err, FX_ERR_INPUT, "%s", text), FX_ERR_INPUT);
        assert_true(fx_slice_is_utf8(fx_slice_of(err.message)));
        assert_in_range(strlen(err.message), FX_ERROR_MESSAGE_MAX - 5, FX_ERROR_MESSAGE_MAX - 1);
    }
}

static void puts_context_before_the_message(void **state) {
    struct fx_error err;

    assert_int_equal(fx_fail(&err, FX_ERR_DENIED, "not allowed"), FX_ERR_DENIED);
    assert_int_equal(fx_fail_in(&err, "step %d", 3), FX_ERR_DENIED);
    assert_string_equal(err.message, "step 3: not allowed");
    assert_int_equal(fx_fail_in(&err, "run %s", "abc"), FX_ERR_DENIED);
    assert_string_equal(err.message, "run abc: step 3: not allowed");
}

static void context_of_any_length_stays_inside(void **state) {
    char context[2 * FX_ERROR_MESSAGE_MAX];
    struct fx_error err;

    for (size_t len = FX_ERROR_MESSAGE_MAX - 20; len < FX_ERROR_MESSAGE_MAX + 20; len++) {
        memset(context, 'c', len);
        context[len - 1] = '\xC3'; /* so that a cut may fall into a character */
        context[len] = '\xA4';
        context[len + 1] = '\0';
        assert_int_equal(fx_fail(&err, FX_ERR_INPUT, "message"), FX_ERR_INPUT);
        assert_int_equal(fx_fail_in(&err, "%s", context), FX_ERR_INPUT);
        assert_true(strlen(err.message) < FX_ERROR_MESSAGE_MAX);
        assert_true(fx_slice_is_utf8(fx_slice_of(err.message)));
    }
}

static void only_weather_is_transient(void **state) {
    for (int code = FX_OK; code <= FX_ERR_INTERNAL; code++) {
        bool weather =
            code == FX_ERR_THROTTLED || code == FX_ERR_UNAVAILABLE || code == FX_ERR_TIMEOUT;

        assert_int_equal(fx_code_is_transient((enum fx_code)code), weather);
    }
}

static void every_code_has_a_name_of_its_own(void **state) {
    for (int a = FX_OK; a <= FX_ERR_INTERNAL; a++)
        for (int b = FX_OK; b < a; b++)
            assert_string_not_equal(fx_code_name((enum fx_code)a), fx_code_name((enum fx_code)b));
    assert_string_equal(fx_code_name((enum fx_code)999), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_code_and_message),
        cmocka_unit_test(may_quote_the_message_it_replaces),
        cmocka_unit_test(accepts_nobody_listening),
        cmocka_unit_test(cuts_a_long_message_between_characters),
        cmocka_unit_test(puts_context_before_the_message),
        cmocka_unit_test(context_of_any_length_stays_inside),
        cmocka_unit_test(only_weather_is_transient),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
