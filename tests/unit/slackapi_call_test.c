/* slackapi_call_test.c - what goes to Slack: its token, messages, dialogs, and methods by name. */
#include "slackapi_world.h"

#include <string.h>

/* ---- the token ---- */

static void a_token_that_is_none_is_refused_at_the_start(void **state) {
    static const char *const bad[] = {NULL, "", " ", "xoxb-1\n", "xoxb 1", "xoxb-\xc3\xa4"};
    struct slackapi_world *w = *state;
    struct fx_slackapi *api = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_slackapi_options options = {
            .http = &w->script.http, .api_url = "https://slack.com/api", .bot_token = bad[i]};
        assert_int_equal(fx_slackapi_open(&options, &api, &err), FX_ERR_INPUT);
        assert_null(strstr(err.message, "xoxb"));
    }
    assert_null(api);
    fx_slackapi_close(NULL);
}

static void the_token_stands_in_the_header_and_nowhere_else(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"ts\":\"1.2\"}");
    assert_ok(slackapi_world_post(w, &err));
    assert_string_equal(w->script.authorization, "Bearer xoxb-1-secret");
    assert_null(strstr(w->script.url, SLACKAPI_TOKEN));
    assert_null(strstr(w->script.body, SLACKAPI_TOKEN));
}

/* ---- messages ---- */

static void a_post_is_json_without_unfurling(void **state) {
    struct slackapi_world *w = *state;
    const char *ts = NULL;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"ts\":\"1795269960.000200\"}");
    assert_ok(fx_slackapi_post(w->api, w->sc, "C0", "1.2",
                               slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &ts, &err));
    assert_string_equal(ts, "1795269960.000200");
    assert_string_equal(w->script.method, "POST");
    assert_string_equal(w->script.url, "https://slack.com/api/chat.postMessage");
    assert_string_equal(w->script.content_type, "application/json; charset=utf-8");
    assert_true(fx_json_equal(
        slackapi_world_sent(w),
        slackapi_world_json(w->sc,
                            "{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\"}],\"channel\":"
                            "\"C0\",\"parse\":\"none\",\"link_names\":false,\"thread_ts\":\"1.2\","
                            "\"unfurl_links\":false,\"unfurl_media\":false}")));
}

static void a_post_to_the_channel_names_no_thread(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"ts\":\"1.2\"}");
    assert_ok(slackapi_world_post(w, &err));
    assert_null(fx_json_at(slackapi_world_sent(w), "thread_ts"));
}

static enum fx_code post_dumped(struct slackapi_world *w, const char *message,
                                struct fx_error *err) {
    const char *ts = NULL;

    return fx_slackapi_post_dumped(w->api, w->sc, "C0", "1.2", fx_slice_of(message),
                                   fx_slackapi_mark(w->sc, "k:1"), &ts, err);
}

static void a_dumped_message_goes_out_as_it_is_with_its_mark(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"ts\":\"1.3\"}");
    assert_ok(post_dumped(w, "{\"text\":\"t }\",\"blocks\":[]}", &err));
    assert_true(fx_json_equal(
        slackapi_world_sent(w),
        slackapi_world_json(
            w->sc, "{\"text\":\"t }\",\"blocks\":[],\"channel\":\"C0\",\"parse\":\"none\","
                   "\"link_names\":false,\"thread_ts\":\"1.2\",\"unfurl_links\":false,"
                   "\"unfurl_media\":false,\"metadata\":{\"event_type\":\"fluxabot_message\","
                   "\"event_payload\":{\"key\":\"k:1\"}}}")));
}

/* Whatever a message says of itself, it goes where it is sent, and nothing is fetched for it. */
static void a_dumped_message_cannot_choose_its_channel(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"ts\":\"1.3\"}");
    assert_ok(post_dumped(w, "{\"text\":\"t\",\"channel\":\"C9\",\"unfurl_links\":true}", &err));
    const char *ours = strstr(w->script.body, "\"channel\":\"C0\"");

    assert_non_null(ours);
    assert_true(ours > strstr(w->script.body, "\"C9\""));
    assert_true(strstr(w->script.body, "\"unfurl_links\":false") >
                strstr(w->script.body, "\"unfurl_links\":true"));
}

static void what_is_no_message_is_not_sent(void **state) {
    static const char *const wrong[] = {"", "{}", "[]", "{\"text\":\"t\"", "\"{\""};
    struct slackapi_world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++)
        assert_int_equal(post_dumped(w, wrong[i], &err), FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 0);
}

static void a_post_without_a_place_may_have_happened(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_UPSTREAM);
    assert_true(err.sent);
}

static void an_update_always_carries_text_and_blocks(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    assert_ok(fx_slackapi_update(w->api, w->sc, "C0", "1.2",
                                 slackapi_world_json(w->sc, SLACKAPI_MESSAGE), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/chat.update");
    assert_string_equal(fx_json_get_text(slackapi_world_sent(w), "ts"), "1.2");
    assert_int_equal(fx_json_count(fx_json_at(slackapi_world_sent(w), "blocks")), 1);

    assert_ok(fx_slackapi_update(w->api, w->sc, "C0", "1.2",
                                 slackapi_world_json(w->sc, "{\"text\":\"t\"}"), &err));
    assert_int_equal(fx_json_type(fx_json_at(slackapi_world_sent(w), "blocks")), FX_JSON_ARRAY);
    assert_int_equal(fx_slackapi_update(w->api, w->sc, "C0", "1.2",
                                        slackapi_world_json(w->sc, "{\"blocks\":[]}"), &err),
                     FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 2);
}

/* ---- other methods ---- */

static void a_dialog_is_opened_with_its_trigger(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    assert_ok(fx_slackapi_open_view(w->api, w->sc, "1.2.a",
                                    slackapi_world_json(w->sc, "{\"type\":\"modal\"}"), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/views.open");
    assert_string_equal(w->script.body, "{\"trigger_id\":\"1.2.a\",\"view\":{\"type\":\"modal\"}}");
}

/* Slack reads JSON only where something is written. */
static void a_method_that_reads_gets_a_form(void **state) {
    struct slackapi_world *w = *state;
    struct fx_json *ret = NULL;
    struct fx_error err;

    assert_ok(fx_slackapi_call(
        w->api, w->sc, "conversations.info",
        slackapi_world_json(w->sc, "{\"channel\":\"C0&x=1\",\"n\":7,\"b\":true}"), &ret, &err));
    assert_string_equal(w->script.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(w->script.body, "channel=C0%26x%3D1&n=7&b=true");
}

static void a_method_name_cannot_leave_its_place(void **state) {
    static const char *const bad[] = {"", "../x", "a/b", "a?b", "a b", "a\r\nb", "a#b"};
    struct slackapi_world *w = *state;
    struct fx_json *ret = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(
            fx_slackapi_call(w->api, w->sc, bad[i], slackapi_world_json(w->sc, "{}"), &ret, &err),
            FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SLACKAPI_TEST(the_token_stands_in_the_header_and_nowhere_else),
        SLACKAPI_TEST(a_post_is_json_without_unfurling),
        SLACKAPI_TEST(a_post_to_the_channel_names_no_thread),
        SLACKAPI_TEST(a_dumped_message_goes_out_as_it_is_with_its_mark),
        SLACKAPI_TEST(a_dumped_message_cannot_choose_its_channel),
        SLACKAPI_TEST(what_is_no_message_is_not_sent),
        SLACKAPI_TEST(a_post_without_a_place_may_have_happened),
        SLACKAPI_TEST(an_update_always_carries_text_and_blocks),
        SLACKAPI_TEST(a_dialog_is_opened_with_its_trigger),
        SLACKAPI_TEST(a_method_that_reads_gets_a_form),
        SLACKAPI_TEST(a_method_name_cannot_leave_its_place),
        SLACKAPI_TEST(a_token_that_is_none_is_refused_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
