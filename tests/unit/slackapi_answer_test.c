/* slackapi_answer_test.c - what the answers of Slack mean, and what is known without one. */
#include "slackapi_world.h"

#include <string.h>

static const struct {
    const char *word;
    enum fx_code code;
    const char *says;
} meanings[] = {
    {"ratelimited", FX_ERR_THROTTLED, "slower"},
    {"message_limit_exceeded", FX_ERR_THROTTLED, "slower"},
    {"internal_error", FX_ERR_UNAVAILABLE, "internal error"},
    {"fatal_error", FX_ERR_UNAVAILABLE, "internal error"},
    {"service_unavailable", FX_ERR_UNAVAILABLE, "down"},
    {"invalid_blocks", FX_ERR_INPUT, "blocks"},
    {"msg_blocks_too_long", FX_ERR_INPUT, "too long"},
    {"msg_too_long", FX_ERR_INPUT, "too long"},
    {"no_text", FX_ERR_INPUT, "no text"},
    {"block_mismatch", FX_ERR_INPUT, "rich text"},
    {"invalid_auth", FX_ERR_DENIED, "copy the token again"},
    {"not_authed", FX_ERR_DENIED, "slack.bot_token"},
    {"account_inactive", FX_ERR_DENIED, "install it again"},
    {"token_revoked", FX_ERR_DENIED, "install the app again"},
    {"not_in_channel", FX_ERR_DENIED, "/invite"},
    {"channel_not_found", FX_ERR_DENIED, "/invite"},
    {"is_archived", FX_ERR_DENIED, "unarchive"},
    {"restricted_action", FX_ERR_DENIED, "administrator"},
    {"restricted_action_read_only_channel", FX_ERR_DENIED, "administrator"},
    {"plan_upgrade_required", FX_ERR_DENIED, "in the configuration"},
    {"message_not_found", FX_ERR_NOT_FOUND, "deleted"},
    {"edit_window_closed", FX_ERR_NOT_FOUND, "too old"},
    {"user_not_found", FX_ERR_NOT_FOUND, "no such user"},
    {"no_such_subteam", FX_ERR_NOT_FOUND, "no such user group"},
    {"expired_trigger_id", FX_ERR_NOT_FOUND, "press again"},
    {"something_new", FX_ERR_UPSTREAM, "something_new"},
};

static void every_word_of_slack_has_a_meaning_and_a_fix(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(meanings); i++) {
        slackapi_world_answer(
            w, 200, fx_printf(w->sc, "{\"ok\":false,\"error\":\"%s\"}", meanings[i].word));
        assert_int_equal(slackapi_world_post(w, &err), meanings[i].code);
        assert_string_equal(err.upstream, meanings[i].word);
        if (strstr(err.message, meanings[i].says) == NULL)
            fail_msg("%s says: %s", meanings[i].word, err.message);
        assert_true(strstr(err.message, "chat.postMessage: ") == err.message);
        assert_int_not_equal(err.message[strlen(err.message) - 1], '.');
    }
}

static void only_an_internal_error_may_have_done_something(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(meanings); i++) {
        slackapi_world_answer(
            w, 200, fx_printf(w->sc, "{\"ok\":false,\"error\":\"%s\"}", meanings[i].word));
        assert_int_not_equal(slackapi_world_post(w, &err), FX_OK);
        bool unsure = strcmp(meanings[i].word, "internal_error") == 0 ||
                      strcmp(meanings[i].word, "fatal_error") == 0;
        assert_int_equal(err.sent, unsure);
    }
}

static void a_missing_scope_is_named_with_those_that_are_there(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200,
                          "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"users:read\","
                          "\"provided\":\"chat:write,commands\"}");
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_DENIED);
    assert_string_equal(err.upstream, "missing_scope");
    assert_string_equal(err.message,
                        "chat.postMessage: the bot token lacks the scope users:read (it has "
                        "chat:write,commands): add it under OAuth & Permissions and install the "
                        "app again");
}

static void refused_blocks_come_with_their_pointer(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(
        w, 200,
        "{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":{\"messages\":"
        "[\"[ERROR] no more than 25 items allowed\\n[json-pointer:/blocks/1/elements]\"]}}");
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_INPUT);
    assert_string_equal(err.message,
                        "chat.postMessage: Slack refuses the blocks: [ERROR] no more than 25 items "
                        "allowed [json-pointer:/blocks/1/elements]");
}

static void a_word_that_is_no_word_is_not_repeated(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error err;

    slackapi_world_answer(w, 200, "{\"ok\":false,\"error\":\"<!channel> \\n evil\"}");
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_UPSTREAM);
    assert_string_equal(err.upstream, "unknown_error");
    assert_null(strstr(err.message, "evil"));
}

static void a_429_says_how_long_to_wait(void **state) {
    static const struct {
        const char *header;
        uint32_t wait_ms;
    } cases[] = {
        {"30", 30000},     {" 2 ", 2000},     {"0", 1000},   {"", 1000},
        {"-5", 1000},      {"x", 1000},       {"1e9", 1000}, {"99999999999", 3600000},
        {"3600", 3600000}, {"3601", 3600000}, {"1.5", 1000},
    };
    struct slackapi_world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        slackapi_world_answer_with(w, 429, "", cases[i].header);
        assert_int_equal(slackapi_world_post(w, &err), FX_ERR_THROTTLED);
        assert_int_equal(err.retry_after_ms, cases[i].wait_ms);
        assert_string_equal(err.upstream, "ratelimited");
        assert_false(err.sent);
    }
    slackapi_world_answer(w, 429, "");
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 1000);
    slackapi_world_answer_with(w, 200, "{\"ok\":false,\"error\":\"ratelimited\"}", "7");
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 7000);
}

static void other_statuses_and_foreign_answers_are_no_success(void **state) {
    static const struct {
        int status;
        const char *body;
        enum fx_code code;
        bool sent;
    } cases[] = {
        {500, "", FX_ERR_UNAVAILABLE, true},
        {503, "{\"ok\":true,\"ts\":\"1.2\"}", FX_ERR_UNAVAILABLE, true},
        {302, "", FX_ERR_UPSTREAM, false},
        {404, "<html>", FX_ERR_UPSTREAM, false},
        {407, "", FX_ERR_UPSTREAM, false},
        {200, "", FX_ERR_UPSTREAM, true},
        {200, "<html>", FX_ERR_UPSTREAM, true},
        {200, "[]", FX_ERR_UPSTREAM, true},
        {200, "{}", FX_ERR_UPSTREAM, true},
        {200, "{\"ok\":1,\"ts\":\"1.2\"}", FX_ERR_UPSTREAM, true},
        {200, "{\"ok\":\"true\",\"ts\":\"1.2\"}", FX_ERR_UPSTREAM, true},
        {200, "{\"ok\":true,\"ok\":true,\"ts\":\"1.2\"}", FX_ERR_UPSTREAM, true},
    };
    struct slackapi_world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        slackapi_world_answer(w, cases[i].status, cases[i].body);
        assert_int_equal(slackapi_world_post(w, &err), cases[i].code);
        assert_int_equal(err.sent, cases[i].sent);
    }
}

static void a_missing_answer_keeps_what_is_known_about_it(void **state) {
    struct slackapi_world *w = *state;
    struct fx_error failure = {.code = FX_ERR_TIMEOUT, .sent = true, .message = "no answer"};
    struct fx_error err;

    w->script.failure = &failure;
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_TIMEOUT);
    assert_true(err.sent);
    assert_string_equal(err.message, "chat.postMessage: no answer");
    failure.sent = false;
    assert_int_equal(slackapi_world_post(w, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SLACKAPI_TEST(every_word_of_slack_has_a_meaning_and_a_fix),
        SLACKAPI_TEST(only_an_internal_error_may_have_done_something),
        SLACKAPI_TEST(a_missing_scope_is_named_with_those_that_are_there),
        SLACKAPI_TEST(refused_blocks_come_with_their_pointer),
        SLACKAPI_TEST(a_word_that_is_no_word_is_not_repeated),
        SLACKAPI_TEST(a_429_says_how_long_to_wait),
        SLACKAPI_TEST(other_statuses_and_foreign_answers_are_no_success),
        SLACKAPI_TEST(a_missing_answer_keeps_what_is_known_about_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
