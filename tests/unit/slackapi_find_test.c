/* slackapi_find_test.c - whether a message is there already, and when nobody can tell. */
#include "slackapi_world.h"

#include <string.h>

static enum fx_code find(struct slackapi_world *w, const char *parent_ts, const char **ret_ts,
                         bool *ret_sure, struct fx_error *err) {
    return fx_slackapi_find(w->api, w->sc, "C1", parent_ts, "incident:1", 1000000, ret_ts, ret_sure,
                            err);
}

#define OUR_MARK(key)                                                                              \
    "\"metadata\":{\"event_type\":\"fluxabot_message\",\"event_payload\":{\"key\":\"" key "\"}}"

static void a_message_is_found_by_its_mark_in_the_channel_or_its_thread(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;
    const char *ts = "";
    bool sure = false;

    slackapi_world_answer(w, 200,
                          "{\"ok\":true,\"messages\":[{\"ts\":\"3.1\"},{\"ts\":\"2.1\"," OUR_MARK(
                              "incident:12") "},{\"ts\":\"1.1\"," OUR_MARK("incident:1") "}]}");
    assert_ok(find(w, "", &ts, &sure, &err));
    assert_string_equal(ts, "1.1");
    assert_true(sure);
    assert_string_equal(w->script.url, "https://slack.com/api/conversations.history");
    assert_non_null(strstr(w->script.body, "include_all_metadata=true"));
    assert_non_null(strstr(w->script.body, "oldest=700.000000"));
    assert_ok(find(w, "9.1", &ts, &sure, &err));
    assert_string_equal(w->script.url, "https://slack.com/api/conversations.replies");
    assert_non_null(strstr(w->script.body, "ts=9.1"));
}

static void what_is_not_on_the_last_page_is_not_there(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;
    const char *ts = "1";
    bool sure = false;

    slackapi_world_answer(w, 200, "{\"ok\":true,\"messages\":[{\"ts\":\"3.1\"}]}");
    assert_ok(find(w, "", &ts, &sure, &err));
    assert_string_equal(ts, "");
    assert_true(sure);
    /* page after page: at some point nobody knows */
    int before = w->script.exchanges;
    slackapi_world_answer(
        w, 200, "{\"ok\":true,\"messages\":[],\"response_metadata\":{\"next_cursor\":\"abc\"}}");
    assert_ok(find(w, "", &ts, &sure, &err));
    assert_false(sure);
    assert_int_equal(w->script.exchanges - before, 3);
    assert_non_null(strstr(w->script.body, "cursor=abc"));
}

static void a_token_that_may_not_look_is_denied(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;
    const char *ts = "";
    bool sure = false;

    slackapi_world_answer(
        w, 200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"channels:history\"}");
    assert_int_equal(find(w, "", &ts, &sure, &err), FX_ERR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SLACKAPI_TEST(a_message_is_found_by_its_mark_in_the_channel_or_its_thread),
        SLACKAPI_TEST(what_is_not_on_the_last_page_is_not_there),
        SLACKAPI_TEST(a_token_that_may_not_look_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
