/* slackapi_files_test.c - the three steps of an upload against a scripted exchange: what goes
 * where, which failures leave a doubt, and which addresses are never asked. */
#include "support/test.h"

#include "fluxabot/slackapi.h"

#include <string.h>

enum { STEPS = 3 };

struct step {
    int status;
    const char *body;
    struct fx_error failure; /* instead of a reply, unless its code is FX_OK */
};

struct world {
    struct fx_scope *sc;
    struct fx_http http;
    struct step steps[STEPS];
    struct fx_http_request asked[STEPS];
    int exchanges;
    struct fx_http_reply reply;
    struct fx_slackapi *api;
};

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct world *w = FX_CONTAINER_OF(http, struct world, http);

    assert_true(w->exchanges < STEPS);
    const struct step *step = &w->steps[w->exchanges];
    struct fx_http_request *asked = &w->asked[w->exchanges++];

    *asked = *request;
    asked->url = fx_strdup(sc, request->url);
    asked->body = (struct fx_slice){fx_slice_dup(sc, request->body), request->body.len};
    if (step->failure.code != FX_OK) {
        *err = step->failure;
        return err->code;
    }
    w->reply = (struct fx_http_reply){.status = step->status, .body = fx_slice_of(step->body)};
    *ret_reply = &w->reply;
    return FX_OK;
}

#define GIVEN                                                                                      \
    "{\"ok\":true,\"file_id\":\"F1\",\"upload_url\":\"https://files.slack.com/upload/v1/secret\"}"

static void open_api(struct world *w, const char *api_url) {
    const struct fx_slackapi_options options = {
        .http = &w->http, .api_url = api_url, .bot_token = "xoxb-1"};
    struct fx_error err;

    fx_slackapi_close(w->api);
    assert_ok(fx_slackapi_open(&options, &w->api, &err));
}

static int open_world(void **state) {
    static struct world w;

    w = (struct world){.sc = fx_scope_new(NULL),
                       .http = {.exchange = exchange},
                       .steps = {{.status = 200, .body = GIVEN},
                                 {.status = 200, .body = "OK - 3"},
                                 {.status = 200, .body = "{\"ok\":true,\"files\":[]}"}}};
    open_api(&w, "https://slack.com/api");
    *state = &w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;

    fx_slackapi_close(w->api);
    fx_scope_free(w->sc);
    return 0;
}

static enum fx_code share(struct world *w, struct fx_error *err) {
    const struct fx_slackapi_file file = {
        .name = "a.png", .title = "Errors", .alt = "Errors: 3", .bytes = fx_slice_of("abc")};

    w->exchanges = 0;
    *err = (struct fx_error){0};
    return fx_slackapi_share_file(w->api, w->sc, "C1", "1.1", &file, err);
}

static void three_steps_as_slack_documents_them(void **state) {
    struct world *w = *state;
    struct fx_error err;

    assert_ok(share(w, &err));
    assert_int_equal(w->exchanges, 3);
    assert_string_equal(w->asked[0].url, "https://slack.com/api/files.getUploadURLExternal");
    assert_string_equal(w->asked[0].body.ptr, "filename=a.png&length=3&alt_txt=Errors%3A%203");
    assert_string_equal(w->asked[1].url, "https://files.slack.com/upload/v1/secret");
    assert_string_equal(w->asked[1].body.ptr, "abc");
    assert_int_equal(w->asked[1].reach, FX_HTTP_PUBLIC);
    assert_string_equal(w->asked[2].url, "https://slack.com/api/files.completeUploadExternal");
    assert_string_equal(w->asked[2].body.ptr, "{\"files\":[{\"id\":\"F1\",\"title\":\"Errors\"}],"
                                              "\"channel_id\":\"C1\",\"thread_ts\":\"1.1\"}");
}

static void the_token_does_not_go_with_the_bytes(void **state) {
    struct world *w = *state;
    struct fx_error err;

    w->asked[1].headers_count = 99;
    assert_ok(share(w, &err));
    assert_int_equal(w->asked[1].headers_count, 1);
    w->steps[1].failure = (struct fx_error){.code = FX_ERR_TIMEOUT, .message = "no answer"};
    assert_int_equal(share(w, &err), FX_ERR_TIMEOUT);
    assert_null(strstr(err.message, "secret")); /* the address is a permission */
}

static void only_the_last_step_leaves_a_doubt(void **state) {
    struct world *w = *state;
    struct fx_error err;

    for (int i = 0; i < STEPS; i++) {
        const struct step good = w->steps[i];

        w->steps[i].failure = (struct fx_error){.code = FX_ERR_TIMEOUT, .sent = true};
        assert_int_equal(share(w, &err), FX_ERR_TIMEOUT);
        assert_int_equal(w->exchanges, i + 1);
        assert_int_equal(err.sent, i == STEPS - 1);
        w->steps[i] = good;
        w->steps[i].status = 503;
        assert_int_equal(share(w, &err), FX_ERR_UNAVAILABLE);
        assert_int_equal(err.sent, i == STEPS - 1);
        w->steps[i].status = 429;
        assert_int_equal(share(w, &err), FX_ERR_THROTTLED);
        assert_true(err.retry_after_ms > 0);
        assert_false(err.sent);
        w->steps[i] = good;
    }
}

static void bytes_go_to_slack_alone(void **state) {
    static const char *const strangers[] = {
        "https://evil.example/upload",           "http://files.slack.com/upload",
        "https://files.slack.com.evil.example/", "https://files.slack.com@evil.example/",
        "http://169.254.169.254/latest/",        "https://files.slack.comx/",
    };
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(strangers); i++) {
        w->steps[0].body = fx_printf(
            w->sc, "{\"ok\":true,\"file_id\":\"F1\",\"upload_url\":\"%s\"}", strangers[i]);
        assert_int_equal(share(w, &err), FX_ERR_UPSTREAM);
        assert_int_equal(w->exchanges, 1);
        assert_null(strstr(err.message, "evil"));
    }
    /* the operator's own test, whose API is where the bytes go as well */
    open_api(w, "http://127.0.0.1:8099/slack/api");
    w->steps[0].body = "{\"ok\":true,\"file_id\":\"F1\","
                       "\"upload_url\":\"http://127.0.0.1:8099/slack/upload/F1\"}";
    assert_ok(share(w, &err));
    assert_int_equal(w->asked[1].reach, FX_HTTP_ANY);
    w->steps[0].body = "{\"ok\":true,\"file_id\":\"F1\","
                       "\"upload_url\":\"http://127.0.0.1:80990/slack/upload/F1\"}";
    assert_int_equal(share(w, &err), FX_ERR_UPSTREAM);
}

static void what_slack_refuses_says_what_to_do(void **state) {
    static const struct {
        const char *answer;
        enum fx_code code;
        const char *said;
    } cases[] = {
        {"{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"files:write\",\"provided\":\"x\"}",
         FX_ERR_DENIED, "lacks the scope files:write"},
        {"{\"ok\":false,\"error\":\"invalid_auth\"}", FX_ERR_DENIED, "copy the token again"},
        {"{\"ok\":false,\"error\":\"channel_not_found\"}", FX_ERR_DENIED, "/invite"},
        {"{\"ok\":false,\"error\":\"file_upload_size_restricted\"}", FX_ERR_LIMIT, "larger"},
        {"{\"ok\":false,\"error\":\"file_uploads_disabled\"}", FX_ERR_DENIED, "administrator"},
        {"{\"ok\":false,\"error\":\"file_not_found\"}", FX_ERR_NOT_FOUND, "does not have the file"},
    };
    struct world *w = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        w->steps[2].body = cases[i].answer;
        assert_int_equal(share(w, &err), cases[i].code);
        assert_non_null(strstr(err.message, cases[i].said));
        assert_false(err.sent);
    }
}

static void nothing_and_too_much_are_not_sent(void **state) {
    struct world *w = *state;
    char *large = fx_alloc(w->sc, FX_SLACKAPI_MAX_FILE_BYTES + 1);
    struct fx_slackapi_file file = {.name = "a", .title = "a"};
    struct fx_error err;

    assert_int_equal(fx_slackapi_share_file(w->api, w->sc, "C1", "", &file, &err), FX_ERR_LIMIT);
    file.bytes = (struct fx_slice){large, FX_SLACKAPI_MAX_FILE_BYTES + 1};
    assert_int_equal(fx_slackapi_share_file(w->api, w->sc, "C1", "", &file, &err), FX_ERR_LIMIT);
    assert_int_equal(w->exchanges, 0);
}

static void a_file_is_found_by_its_name(void **state) {
    struct world *w = *state;
    struct fx_error err;
    const char *ts = NULL;

    w->steps[0].body = "{\"ok\":true,\"messages\":[{\"ts\":\"1.2\",\"text\":\"a.png\"},"
                       "{\"ts\":\"1.3\",\"files\":[{\"name\":\"b.png\"}]},"
                       "{\"ts\":\"1.4\",\"files\":[{\"name\":\"c\"},{\"name\":\"a.png\"}]}]}";
    assert_ok(fx_slackapi_find_file(w->api, w->sc, "C1", "1.1", "a.png", 1000, &ts, &err));
    assert_string_equal(ts, "1.4");
    assert_string_equal(w->asked[0].url, "https://slack.com/api/conversations.replies");
    w->exchanges = 0;
    assert_ok(fx_slackapi_find_file(w->api, w->sc, "C1", "1.1", "d.png", 1000, &ts, &err));
    assert_string_equal(ts, "");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
        TEST(three_steps_as_slack_documents_them), TEST(the_token_does_not_go_with_the_bytes),
        TEST(only_the_last_step_leaves_a_doubt),   TEST(bytes_go_to_slack_alone),
        TEST(what_slack_refuses_says_what_to_do),  TEST(nothing_and_too_much_are_not_sent),
        TEST(a_file_is_found_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
