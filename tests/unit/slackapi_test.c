/* slackapi_test.c - what goes to Slack, and what its answers mean, against a scripted exchange. */
#include "support/test.h"

#include "fluxabot/slackapi.h"

#include <string.h>

static const char *const TOKEN = "xoxb-1-secret";
static const char *const MESSAGE = "{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\"}]}";

/* The other side: remembers the one request and gives the answer that was prepared. */
struct script {
    struct fx_http http;
    int exchanges;
    const char *method, *url, *body, *authorization, *content_type;
    enum fx_http_reach reach;
    struct fx_http_reply reply;
    struct fx_http_header headers[1];
    const struct fx_error *failure; /* instead of a reply */
};

struct world {
    struct fx_scope *sc;
    struct script script;
    struct fx_slackapi *api;
};

static const char *sent_header(const struct fx_http_request *request, const char *name) {
    for (size_t i = 0; i < request->headers_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct script *script = FX_CONTAINER_OF(http, struct script, http);

    script->exchanges++;
    script->method = fx_strdup(sc, request->method);
    script->url = fx_strdup(sc, request->url);
    script->body = fx_slice_dup(sc, request->body);
    script->authorization = fx_strdup(sc, sent_header(request, "Authorization"));
    script->content_type = fx_strdup(sc, sent_header(request, "Content-Type"));
    script->reach = request->reach;
    if (script->failure != NULL) {
        *err = *script->failure;
        return err->code;
    }
    *ret_reply = &script->reply;
    return FX_OK;
}

static void answer(struct world *w, int status, const char *body) {
    w->script.reply = (struct fx_http_reply){.status = status, .body = fx_slice_of(body)};
}

static void answer_with(struct world *w, int status, const char *body, const char *retry_after) {
    answer(w, status, body);
    w->script.headers[0] = (struct fx_http_header){"retry-after", retry_after};
    w->script.reply.headers = w->script.headers;
    w->script.reply.headers_count = 1;
}

static int open_world(void **state) {
    static struct world w;
    struct fx_error err;
    struct fx_slackapi_options options = {.http = &w.script.http,
                                          .api_url = "https://slack.com/api/",
                                          .bot_token = TOKEN,
                                          .response_url_prefix = "http://127.0.0.1:8099"};

    w = (struct world){.sc = fx_scope_new(NULL), .script = {.http = {.exchange = exchange}}};
    assert_ok(fx_slackapi_open(&options, &w.api, &err));
    answer(&w, 200, "{\"ok\":true}");
    *state = &w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;

    fx_slackapi_close(w->api);
    fx_scope_free(w->sc);
    return 0;
}

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

static struct fx_json *sent(const struct world *w) {
    return parse(w->sc, w->script.body);
}

static enum fx_code post(struct world *w, struct fx_error *err) {
    const char *ts = NULL;

    return fx_slackapi_post(w->api, w->sc, "C0", "", parse(w->sc, MESSAGE), &ts, err);
}

/* ---- what goes out ---- */

static void the_token_stands_in_the_header_and_nowhere_else(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "{\"ok\":true,\"ts\":\"1.2\"}");
    assert_ok(post(w, &err));
    assert_string_equal(w->script.authorization, "Bearer xoxb-1-secret");
    assert_null(strstr(w->script.url, TOKEN));
    assert_null(strstr(w->script.body, TOKEN));
}

static void a_post_is_json_without_unfurling(void **state) {
    struct world *w = *state;
    const char *ts = NULL;
    struct fx_error err;

    answer(w, 200, "{\"ok\":true,\"ts\":\"1795269960.000200\"}");
    assert_ok(fx_slackapi_post(w->api, w->sc, "C0", "1.2", parse(w->sc, MESSAGE), &ts, &err));
    assert_string_equal(ts, "1795269960.000200");
    assert_string_equal(w->script.method, "POST");
    assert_string_equal(w->script.url, "https://slack.com/api/chat.postMessage");
    assert_string_equal(w->script.content_type, "application/json; charset=utf-8");
    assert_true(fx_json_equal(
        sent(w),
        parse(w->sc, "{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\"}],\"channel\":"
                     "\"C0\",\"parse\":\"none\",\"link_names\":false,\"thread_ts\":\"1.2\","
                     "\"unfurl_links\":false,\"unfurl_media\":false}")));
}

static void a_post_to_the_channel_names_no_thread(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "{\"ok\":true,\"ts\":\"1.2\"}");
    assert_ok(post(w, &err));
    assert_null(fx_json_at(sent(w), "thread_ts"));
}

static enum fx_code post_dumped(struct world *w, const char *message, struct fx_error *err) {
    const char *ts = NULL;

    return fx_slackapi_post_dumped(w->api, w->sc, "C0", "1.2", fx_slice_of(message),
                                   fx_slackapi_mark(w->sc, "k:1"), &ts, err);
}

static void a_dumped_message_goes_out_as_it_is_with_its_mark(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "{\"ok\":true,\"ts\":\"1.3\"}");
    assert_ok(post_dumped(w, "{\"text\":\"t }\",\"blocks\":[]}", &err));
    assert_true(fx_json_equal(
        sent(w),
        parse(w->sc, "{\"text\":\"t }\",\"blocks\":[],\"channel\":\"C0\",\"parse\":\"none\","
                     "\"link_names\":false,\"thread_ts\":\"1.2\",\"unfurl_links\":false,"
                     "\"unfurl_media\":false,\"metadata\":{\"event_type\":\"fluxabot_message\","
                     "\"event_payload\":{\"key\":\"k:1\"}}}")));
}

/* Whatever a message says of itself, it goes where it is sent, and nothing is fetched for it. */
static void a_dumped_message_cannot_choose_its_channel(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "{\"ok\":true,\"ts\":\"1.3\"}");
    assert_ok(post_dumped(w, "{\"text\":\"t\",\"channel\":\"C9\",\"unfurl_links\":true}", &err));
    const char *ours = strstr(w->script.body, "\"channel\":\"C0\"");

    assert_non_null(ours);
    assert_true(ours > strstr(w->script.body, "\"C9\""));
    assert_true(strstr(w->script.body, "\"unfurl_links\":false") >
                strstr(w->script.body, "\"unfurl_links\":true"));
}

static void what_is_no_message_is_not_sent(void **state) {
    static const char *const wrong[] = {"", "{}", "[]", "{\"text\":\"t\"", "\"{\""};
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++)
        assert_int_equal(post_dumped(w, wrong[i], &err), FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 0);
}

static void a_post_without_a_place_may_have_happened(void **state) {
    struct world *w = *state;
    struct fx_error err;

    assert_int_equal(post(w, &err), FX_ERR_UPSTREAM);
    assert_true(err.sent);
}

static void an_update_always_carries_text_and_blocks(void **state) {
    struct world *w = *state;
    struct fx_error err;

    assert_ok(fx_slackapi_update(w->api, w->sc, "C0", "1.2", parse(w->sc, MESSAGE), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/chat.update");
    assert_string_equal(fx_json_get_text(sent(w), "ts"), "1.2");
    assert_int_equal(fx_json_count(fx_json_at(sent(w), "blocks")), 1);

    assert_ok(
        fx_slackapi_update(w->api, w->sc, "C0", "1.2", parse(w->sc, "{\"text\":\"t\"}"), &err));
    assert_int_equal(fx_json_type(fx_json_at(sent(w), "blocks")), FX_JSON_ARRAY);
    assert_int_equal(
        fx_slackapi_update(w->api, w->sc, "C0", "1.2", parse(w->sc, "{\"blocks\":[]}"), &err),
        FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 2);
}

static void a_whisper_goes_to_the_response_url_and_replaces_nothing(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "ok");
    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                  "https://hooks.slack.com/actions/T0/1/x", parse(w->sc, MESSAGE),
                                  &err));
    assert_string_equal(w->script.url, "https://hooks.slack.com/actions/T0/1/x");
    assert_null(w->script.authorization);
    assert_int_equal(w->script.reach, FX_HTTP_PUBLIC);
    assert_string_equal(fx_json_get_text(sent(w), "response_type"), "ephemeral");
    assert_false(fx_json_get_bool(sent(w), "replace_original", true));
}

static void a_whisper_without_a_response_url_is_an_ephemeral_post(void **state) {
    struct world *w = *state;
    struct fx_error err;

    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0", "", parse(w->sc, MESSAGE), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/chat.postEphemeral");
    assert_string_equal(fx_json_get_text(sent(w), "user"), "U0");
    assert_string_equal(fx_json_get_text(sent(w), "channel"), "C0");
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
    struct world *w = *state;
    struct fx_error err;

    assert_true(FX_COUNT_OF(bad) >= 60);
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_ok(
            fx_slackapi_whisper(w->api, w->sc, "C0", "U0", bad[i], parse(w->sc, MESSAGE), &err));
        if (strcmp(w->script.url, "https://slack.com/api/chat.postEphemeral") != 0)
            fail_msg("called: %s", bad[i]);
    }
}

static void the_operators_own_prefix_is_allowed(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "ok");
    assert_ok(fx_slackapi_whisper(w->api, w->sc, "C0", "U0", "http://127.0.0.1:8099/hooks/7",
                                  parse(w->sc, MESSAGE), &err));
    assert_string_equal(w->script.url, "http://127.0.0.1:8099/hooks/7");
    assert_int_equal(w->script.reach, FX_HTTP_ANY);
}

static void a_dialog_is_opened_with_its_trigger(void **state) {
    struct world *w = *state;
    struct fx_error err;

    assert_ok(
        fx_slackapi_open_view(w->api, w->sc, "1.2.a", parse(w->sc, "{\"type\":\"modal\"}"), &err));
    assert_string_equal(w->script.url, "https://slack.com/api/views.open");
    assert_string_equal(w->script.body, "{\"trigger_id\":\"1.2.a\",\"view\":{\"type\":\"modal\"}}");
}

/* Slack reads JSON only where something is written. */
static void a_method_that_reads_gets_a_form(void **state) {
    struct world *w = *state;
    struct fx_json *ret = NULL;
    struct fx_error err;

    assert_ok(fx_slackapi_call(w->api, w->sc, "conversations.info",
                               parse(w->sc, "{\"channel\":\"C0&x=1\",\"n\":7,\"b\":true}"), &ret,
                               &err));
    assert_string_equal(w->script.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(w->script.body, "channel=C0%26x%3D1&n=7&b=true");
}

static void a_method_name_cannot_leave_its_place(void **state) {
    static const char *const bad[] = {"", "../x", "a/b", "a?b", "a b", "a\r\nb", "a#b"};
    struct world *w = *state;
    struct fx_json *ret = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(fx_slackapi_call(w->api, w->sc, bad[i], parse(w->sc, "{}"), &ret, &err),
                         FX_ERR_INPUT);
    assert_int_equal(w->script.exchanges, 0);
}

/* ---- what comes back ---- */

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
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(meanings); i++) {
        answer(w, 200, fx_printf(w->sc, "{\"ok\":false,\"error\":\"%s\"}", meanings[i].word));
        assert_int_equal(post(w, &err), meanings[i].code);
        assert_string_equal(err.upstream, meanings[i].word);
        if (strstr(err.message, meanings[i].says) == NULL)
            fail_msg("%s says: %s", meanings[i].word, err.message);
        assert_true(strstr(err.message, "chat.postMessage: ") == err.message);
        assert_int_not_equal(err.message[strlen(err.message) - 1], '.');
    }
}

static void only_an_internal_error_may_have_done_something(void **state) {
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(meanings); i++) {
        answer(w, 200, fx_printf(w->sc, "{\"ok\":false,\"error\":\"%s\"}", meanings[i].word));
        assert_int_not_equal(post(w, &err), FX_OK);
        bool unsure = strcmp(meanings[i].word, "internal_error") == 0 ||
                      strcmp(meanings[i].word, "fatal_error") == 0;
        assert_int_equal(err.sent, unsure);
    }
}

static void a_missing_scope_is_named_with_those_that_are_there(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200,
           "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"users:read\","
           "\"provided\":\"chat:write,commands\"}");
    assert_int_equal(post(w, &err), FX_ERR_DENIED);
    assert_string_equal(err.upstream, "missing_scope");
    assert_string_equal(err.message,
                        "chat.postMessage: the bot token lacks the scope users:read (it has "
                        "chat:write,commands): add it under OAuth & Permissions and install the "
                        "app again");
}

static void refused_blocks_come_with_their_pointer(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200,
           "{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":{\"messages\":"
           "[\"[ERROR] no more than 25 items allowed\\n[json-pointer:/blocks/1/elements]\"]}}");
    assert_int_equal(post(w, &err), FX_ERR_INPUT);
    assert_string_equal(err.message,
                        "chat.postMessage: Slack refuses the blocks: [ERROR] no more than 25 items "
                        "allowed [json-pointer:/blocks/1/elements]");
}

static void a_word_that_is_no_word_is_not_repeated(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 200, "{\"ok\":false,\"error\":\"<!channel> \\n evil\"}");
    assert_int_equal(post(w, &err), FX_ERR_UPSTREAM);
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
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        answer_with(w, 429, "", cases[i].header);
        assert_int_equal(post(w, &err), FX_ERR_THROTTLED);
        assert_int_equal(err.retry_after_ms, cases[i].wait_ms);
        assert_string_equal(err.upstream, "ratelimited");
        assert_false(err.sent);
    }
    answer(w, 429, "");
    assert_int_equal(post(w, &err), FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 1000);
    answer_with(w, 200, "{\"ok\":false,\"error\":\"ratelimited\"}", "7");
    assert_int_equal(post(w, &err), FX_ERR_THROTTLED);
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
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        answer(w, cases[i].status, cases[i].body);
        assert_int_equal(post(w, &err), cases[i].code);
        assert_int_equal(err.sent, cases[i].sent);
    }
}

static void a_missing_answer_keeps_what_is_known_about_it(void **state) {
    struct world *w = *state;
    struct fx_error failure = {.code = FX_ERR_TIMEOUT, .sent = true, .message = "no answer"};
    struct fx_error err;

    w->script.failure = &failure;
    assert_int_equal(post(w, &err), FX_ERR_TIMEOUT);
    assert_true(err.sent);
    assert_string_equal(err.message, "chat.postMessage: no answer");
    failure.sent = false;
    assert_int_equal(post(w, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
}

static void a_used_up_response_url_is_gone(void **state) {
    struct world *w = *state;
    struct fx_error err;

    answer(w, 404, "used_url");
    assert_int_equal(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                         "https://hooks.slack.com/commands/T0/1/x",
                                         parse(w->sc, MESSAGE), &err),
                     FX_ERR_NOT_FOUND);
    answer_with(w, 429, "", "3");
    assert_int_equal(fx_slackapi_whisper(w->api, w->sc, "C0", "U0",
                                         "https://hooks.slack.com/app/T0/1/x",
                                         parse(w->sc, MESSAGE), &err),
                     FX_ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 3000);
}

/* ---- the token ---- */

static void a_token_that_is_none_is_refused_at_the_start(void **state) {
    static const char *const bad[] = {NULL, "", " ", "xoxb-1\n", "xoxb 1", "xoxb-\xc3\xa4"};
    struct world *w = *state;
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

/* ---- is it there already? ---- */

static enum fx_code find(struct world *w, const char *parent_ts, const char **ret_ts,
                         bool *ret_sure, struct fx_error *err) {
    return fx_slackapi_find(w->api, w->sc, "C1", parent_ts, "incident:1", 1000000, ret_ts, ret_sure,
                            err);
}

#define OUR_MARK(key)                                                                              \
    "\"metadata\":{\"event_type\":\"fluxabot_message\",\"event_payload\":{\"key\":\"" key "\"}}"

static void a_message_is_found_by_its_mark_in_the_channel_or_its_thread(void **state) {
    struct world *w = *state;
    struct fx_error err;
    const char *ts = "";
    bool sure = false;

    answer(w, 200,
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
    struct world *w = *state;
    struct fx_error err;
    const char *ts = "1";
    bool sure = false;

    answer(w, 200, "{\"ok\":true,\"messages\":[{\"ts\":\"3.1\"}]}");
    assert_ok(find(w, "", &ts, &sure, &err));
    assert_string_equal(ts, "");
    assert_true(sure);
    /* page after page: at some point nobody knows */
    int before = w->script.exchanges;
    answer(w, 200, "{\"ok\":true,\"messages\":[],\"response_metadata\":{\"next_cursor\":\"abc\"}}");
    assert_ok(find(w, "", &ts, &sure, &err));
    assert_false(sure);
    assert_int_equal(w->script.exchanges - before, 3);
    assert_non_null(strstr(w->script.body, "cursor=abc"));
}

static void a_token_that_may_not_look_is_denied(void **state) {
    struct world *w = *state;
    struct fx_error err;
    const char *ts = "";
    bool sure = false;

    answer(w, 200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"channels:history\"}");
    assert_int_equal(find(w, "", &ts, &sure, &err), FX_ERR_DENIED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_found_by_its_mark_in_the_channel_or_its_thread),
        TEST(what_is_not_on_the_last_page_is_not_there),
        TEST(a_token_that_may_not_look_is_denied),
        TEST(the_token_stands_in_the_header_and_nowhere_else),
        TEST(a_post_is_json_without_unfurling),
        TEST(a_post_to_the_channel_names_no_thread),
        TEST(a_dumped_message_goes_out_as_it_is_with_its_mark),
        TEST(a_dumped_message_cannot_choose_its_channel),
        TEST(what_is_no_message_is_not_sent),
        TEST(a_post_without_a_place_may_have_happened),
        TEST(an_update_always_carries_text_and_blocks),
        TEST(a_whisper_goes_to_the_response_url_and_replaces_nothing),
        TEST(a_whisper_without_a_response_url_is_an_ephemeral_post),
        TEST(a_response_url_elsewhere_is_never_called),
        TEST(the_operators_own_prefix_is_allowed),
        TEST(a_dialog_is_opened_with_its_trigger),
        TEST(a_method_that_reads_gets_a_form),
        TEST(a_method_name_cannot_leave_its_place),
        TEST(every_word_of_slack_has_a_meaning_and_a_fix),
        TEST(only_an_internal_error_may_have_done_something),
        TEST(a_missing_scope_is_named_with_those_that_are_there),
        TEST(refused_blocks_come_with_their_pointer),
        TEST(a_word_that_is_no_word_is_not_repeated),
        TEST(a_429_says_how_long_to_wait),
        TEST(other_statuses_and_foreign_answers_are_no_success),
        TEST(a_missing_answer_keeps_what_is_known_about_it),
        TEST(a_used_up_response_url_is_gone),
        TEST(a_token_that_is_none_is_refused_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
