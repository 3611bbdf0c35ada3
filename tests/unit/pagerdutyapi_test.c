/* pagerdutyapi_test.c - what PagerDuty's answers mean, and where the routing key may be seen. */
#include "support/test.h"

#include "fluxabot/base/json.h"
#include "fluxabot/pagerdutyapi.h"

#include <stdlib.h>
#include <string.h>

#define KEY "R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY00"
#define ENQUEUE "https://events.pagerduty.com/v2/enqueue"

/* An exchange that answers what the test wrote down and remembers what it was asked. */
struct script {
    struct fx_http http;
    int status;
    const char *body, *retry_after;
    enum fx_code failure;
    int calls;
    char sent[4096], *sent_at;
    char url[256], method[8];
    bool any;
};

static enum fx_code answer(struct fx_http *http, struct fx_scope *sc,
                           const struct fx_http_request *request, struct fx_http_reply **ret_reply,
                           struct fx_error *err) {
    struct script *script = FX_CONTAINER_OF(http, struct script, http);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    struct fx_http_header *header = FX_NEW(sc, struct fx_http_header);

    script->calls++;
    script->sent_at = (char *)(uintptr_t)request->body.ptr;
    assert_true(request->body.len < sizeof script->sent);
    memcpy(script->sent, request->body.ptr, request->body.len);
    script->sent[request->body.len] = '\0';
    strncpy(script->url, request->url, sizeof script->url - 1);
    strncpy(script->method, request->method, sizeof script->method - 1);
    script->any = request->reach == FX_HTTP_ANY;
    if (script->failure != FX_OK)
        return fx_fail(err, script->failure, "events.pagerduty.com did not answer");
    *header = (struct fx_http_header){"retry-after", script->retry_after};
    reply->status = script->status;
    reply->headers = header;
    reply->headers_count = script->retry_after ? 1 : 0;
    reply->body = fx_slice_of(script->body);
    *ret_reply = reply;
    return FX_OK;
}

struct world {
    struct fx_scope *sc;
    struct script script;
    struct fx_pagerdutyapi *api;
    struct fx_json *event;
    struct fx_error err;
};

static int begin(void **state) {
    struct world *w = calloc(1, sizeof *w);
    struct fx_error err;

    w->sc = fx_scope_new(NULL);
    w->script = (struct script){.http.exchange = answer, .status = 202, .body = "{}"};
    const struct fx_pagerdutyapi_options options = {&w->script.http, ENQUEUE, KEY};
    assert_ok(fx_pagerdutyapi_open(&options, &w->api, &err));
    w->event = fx_json_object_of(w->sc, "event_action", fx_json_string(w->sc, "trigger"),
                                 "dedup_key", fx_json_string(w->sc, "k"), NULL);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_pagerdutyapi_close(w->api);
    fx_scope_free(w->sc);
    free(w);
    return 0;
}

static enum fx_code send(struct world *w, int status, const char *body) {
    w->script.status = status;
    w->script.body = body;
    w->err = (struct fx_error){0};
    return fx_pagerdutyapi_send(w->api, w->sc, w->event, &w->err);
}

static void sends_the_event_with_its_key_to_the_configured_address(void **state) {
    struct world *w = *state;

    assert_int_equal(send(w, 202, "{\"status\":\"success\",\"dedup_key\":\"k\"}"), FX_OK);
    assert_string_equal(w->script.sent, "{\"routing_key\":\"" KEY "\",\"event_action\":\"trigger\","
                                        "\"dedup_key\":\"k\"}");
    assert_string_equal(w->script.url, ENQUEUE);
    assert_string_equal(w->script.method, "POST");
    assert_int_equal(w->script.calls, 1);
}

static void wipes_the_key_from_the_body_once_it_was_sent(void **state) {
    struct world *w = *state;

    assert_int_equal(send(w, 202, "{}"), FX_OK);
    assert_int_equal(w->script.sent_at[0], 0);
    assert_int_equal(w->script.sent_at[16], 0);
    w->script.failure = FX_ERR_TIMEOUT;
    assert_int_equal(send(w, 202, "{}"), FX_ERR_TIMEOUT);
    assert_int_equal(w->script.sent_at[16], 0);
    assert_null(strstr(fx_json_dump(w->sc, w->event), KEY));
}

static void sorts_answers_by_what_to_do_about_them(void **state) {
    static const struct {
        int status;
        enum fx_code code;
    } answers[] = {
        {202, FX_OK},
        {400, FX_ERR_INPUT},
        {429, FX_ERR_THROTTLED},
        {500, FX_ERR_UNAVAILABLE},
        {502, FX_ERR_UNAVAILABLE},
        {503, FX_ERR_UNAVAILABLE},
        {504, FX_ERR_UNAVAILABLE},
        {200, FX_ERR_UPSTREAM}, /* some proxy's page, not an accepted event */
        {302, FX_ERR_UPSTREAM},
        {401, FX_ERR_UPSTREAM},
        {404, FX_ERR_UPSTREAM},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        if (send(w, answers[i].status, "no JSON") != answers[i].code)
            fail_msg("status %d", answers[i].status);
        assert_int_equal(w->err.sent, answers[i].code != FX_OK);
    }
}

static void passes_on_that_nobody_answered(void **state) {
    struct world *w = *state;

    w->script.failure = FX_ERR_UNAVAILABLE;
    assert_int_equal(send(w, 0, ""), FX_ERR_UNAVAILABLE);
    w->script.failure = FX_ERR_TIMEOUT;
    assert_int_equal(send(w, 0, ""), FX_ERR_TIMEOUT);
    assert_int_equal(w->script.calls, 2); /* the outbox repeats, this does not */
}

static void says_why_an_event_was_refused(void **state) {
    struct world *w = *state;

    assert_int_equal(send(w, 400,
                          "{\"status\":\"invalid event\",\"message\":\"Event object is invalid\","
                          "\"errors\":[\"Length of 'routing_key' is incorrect\",7,\"second\"]}"),
                     FX_ERR_INPUT);
    assert_string_equal(
        w->err.message,
        "PagerDuty refuses the event: Length of 'routing_key' is incorrect; second");
    assert_int_equal(send(w, 400, "{\"message\":\"Event object is invalid\"}"), FX_ERR_INPUT);
    assert_non_null(strstr(w->err.message, "Event object is invalid"));
    assert_int_equal(send(w, 400, "{\"errors\":{\"a\":1}}"), FX_ERR_INPUT);
    assert_non_null(strstr(w->err.message, "no reason given"));
}

static void never_repeats_the_key_in_a_message(void **state) {
    struct world *w = *state;

    assert_int_equal(send(w, 400, "{\"errors\":[\"unknown key " KEY "\"]}"), FX_ERR_INPUT);
    assert_null(strstr(w->err.message, KEY));
    assert_int_equal(send(w, 500, "{\"message\":\"" KEY "\"}"), FX_ERR_UNAVAILABLE);
    assert_null(strstr(w->err.message, KEY));
}

static void waits_as_long_as_it_is_told_within_reason(void **state) {
    static const struct {
        const char *header;
        uint32_t pause_ms;
    } pauses[] = {{NULL, 30000}, {"7", 7000},     {"0", 30000},    {"-5", 30000},
                  {"x", 30000},  {"600", 600000}, {"601", 600000}, {"99999999999", 600000}};
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(pauses); i++) {
        w->script.retry_after = pauses[i].header;
        assert_int_equal(send(w, 429, ""), FX_ERR_THROTTLED);
        assert_int_equal(w->err.retry_after_ms, pauses[i].pause_ms);
    }
}

static void sends_nothing_that_is_no_event(void **state) {
    struct world *w = *state;

    w->event = fx_json_object(w->sc);
    assert_int_equal(send(w, 202, ""), FX_ERR_INPUT);
    w->event = fx_json_array(w->sc);
    assert_int_equal(send(w, 202, ""), FX_ERR_INPUT);
    assert_int_equal(w->script.calls, 0);
}

static void opens_only_with_an_address_and_a_key(void **state) {
    static const char *const bad_keys[] = {NULL,          "",     "with blank", "quote\"",
                                           "back\\slash", "l\nf", "\xc3\xa4"};
    struct world *w = *state;
    struct fx_pagerdutyapi *api = NULL;
    struct fx_pagerdutyapi_options options = {&w->script.http, ENQUEUE, NULL};

    for (size_t i = 0; i < FX_COUNT_OF(bad_keys); i++) {
        options.routing_key = bad_keys[i];
        assert_int_equal(fx_pagerdutyapi_open(&options, &api, &w->err), FX_ERR_INPUT);
    }
    options.routing_key = KEY;
    options.events_url = "events.pagerduty.com";
    assert_int_equal(fx_pagerdutyapi_open(&options, &api, &w->err), FX_ERR_INPUT);
    options.events_url = NULL;
    assert_int_equal(fx_pagerdutyapi_open(&options, &api, &w->err), FX_ERR_INPUT);
    fx_pagerdutyapi_close(NULL);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(sends_the_event_with_its_key_to_the_configured_address),
        world_test(wipes_the_key_from_the_body_once_it_was_sent),
        world_test(sorts_answers_by_what_to_do_about_them),
        world_test(passes_on_that_nobody_answered),
        world_test(says_why_an_event_was_refused),
        world_test(never_repeats_the_key_in_a_message),
        world_test(waits_as_long_as_it_is_told_within_reason),
        world_test(sends_nothing_that_is_no_event),
        world_test(opens_only_with_an_address_and_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
