/* slackapi_whisper_test.c - what one person alone sees, and which response URLs are called. */
#include "slackapi_world.h"

#include <string.h>

static void a_whisper_goes_to_the_response_url_and_replaces_nothing(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "ok");
    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                  "https://hooks.slack.com/actions/T0/1/x",
                                  slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err));
    assert_string_equal(w->script.url, "https://hooks.slack.com/actions/T0/1/x");
    assert_null(w->script.authorization);
    assert_int_equal(w->script.reach, FX_HTTP_PUBLIC);
    assert_string_equal(fx_json_get_text(slackapi_world_sent(w), "response_type"), "ephemeral");
    assert_false(fx_json_get_bool(slackapi_world_sent(w), "replace_original", true));
}

static void a_whisper_without_a_response_url_is_an_ephemeral_post(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0", "",
                                  slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/chat.postEphemeral");
    assert_string_equal(fx_json_get_text(slackapi_world_sent(w), "user"), "U0");
    assert_string_equal(fx_json_get_text(slackapi_world_sent(w), "channel"), "C0");
}

static void a_response_url_elsewhere_is_never_called(void **state) {
    static const char *const bad[] = {
        "http://hooks.slack.com/actions/x",
        "https://hooks.slack.com.evil.com/actions/x",
        "https://hooks.slack.com@evil.com/actions/x",
        "https://evil.com/https://hooks.slack.com/",
        "https://hooks.slack.com:443/actions/x",
        "https://hooks.slack.com/",
        "https://hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack.com/workflows/x",
        "https://hooks.slack.com",
        "https://hooks.slack.comactions/x",
        "https://hooks.slack.com/actions",
        "https://hooks.slack.com/actions/",
        "https://hooks.slack.com/actions/../services/x",
        "https://hooks.slack.com/actions/./x",
        "https://hooks.slack.com\\actions/x",
        "https://hooks.slack.com/actions/x\r\nHost: evil",
        "https://hooks.slack.com/actions/x y",
        "https://hooks.slack.com/actions/x#y",
        "https://hooks.slack.com/actions/x@y",
        "HTTPS://hooks.slack.com/actions/x",
        "https://HOOKS.slack.com/actions/x",
        " https://hooks.slack.com/actions/x",
        "https://hook.slack.com/actions/x",
        "https://hooks.slack.co/actions/x",
        "https://xhooks.slack.com/actions/x",
        "//hooks.slack.com/actions/x",
        "https:/hooks.slack.com/actions/x",
        "https:hooks.slack.com/actions/x",
        "actions/x",
        "file:///etc/passwd",
        "gopher://hooks.slack.com/actions/x",
        "javascript:alert(1)",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/actions/x",
        "http://127.0.0.1:809/x",
        "http://127.0.0.1:80990/x",
        "http://127.0.0.1:8099",
        "http://127.0.0.1:8099@evil.com/",
        "http://127.0.0.1:8099.evil.com/",
        "http://127.0.0.1:8099/../x",
        "http://127.0.0.1:8099?x",
        "https://127.0.0.1:8099/x",
        "http://localhost:8099/x",
        "http://[::1]:8099/x",
        "http://0x7f000001:8099/x",
        "http://2130706433:8099/x",
        "https://hooks.slack.com/actions/\xc3\xa4",
        "https://hooks.slack.com/actions/x\x7f",
        "https://hooks.slack.com/actions/{x}",
        "https://hooks.slack.com/actions/x|y",
        "https://hooks.slack.com/actions/\"",
        "https://hooks.slack.com/actions/`",
        "https://hooks.slack.com/actions/<x>",
        "https://hooks.slack.com/actions/^",
        "https://hooks.slack.com/Actions/x",
        "https://hooks.slack.com//actions/x",
        "https://hooks.slack.com/%61ctions/x",
        "https://hooks.slack.com/app",
        "https://user:pw@hooks.slack.com/actions/x",
        "https://hooks.slack.com?/actions/x",
    };
    struct slackapi_world *w = *state;
    struct fx_error err;

    assert_true(FX_COUNT_OF(bad) >= 60);
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0", bad[i],
                                      slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err));
        if (strcmp(w->script.url, "https://slack.com/api/chat.postEphemeral") != 0)
            fail_msg("called: %s", bad[i]);
    }
}

static void the_operators_own_prefix_is_allowed(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "ok");
    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0", "http://127.0.0.1:8099/hooks/7",
                                  slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err));
    assert_string_equal(w->script.url, "http://127.0.0.1:8099/hooks/7");
    assert_int_equal(w->script.reach, FX_HTTP_ANY);
}

static void a_used_up_response_url_is_gone(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 404, "used_url");
    assert_int_equal(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                         "https://hooks.slack.com/commands/T0/1/x",
                                         slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err),
                     FX_ERR_NOT_FOUND);
    slackapi_world_answer_with(w, 429, "", "3");
    assert_int_equal(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                         "https://hooks.slack.com/app/T0/1/x",
                                         slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err),
                     FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SLACKAPI_TEST(a_whisper_goes_to_the_response_url_and_replaces_nothing),
        SLACKAPI_TEST(a_whisper_without_a_response_url_is_an_ephemeral_post),
        SLACKAPI_TEST(a_response_url_elsewhere_is_never_called),
        SLACKAPI_TEST(the_operators_own_prefix_is_allowed),
        SLACKAPI_TEST(a_used_up_response_url_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
