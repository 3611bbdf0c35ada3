/* intake_test.c - how certificates are fetched and subscriptions confirmed. */
#include "support/test.h"

#include "fluxabot/intake.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:fluxa-alarms"
#define URL                                                                                        \
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-"                               \
    "0123456789abcdef0123456789abcdef.pem"

/* ---- scripted outside ---- */

struct web {
    struct fx_http http;
    int status, calls;
    const char *body;
    enum fx_code failure;
    struct fx_http_request asked;
};

static enum fx_code answer(struct fx_http *http, struct fx_scope *sc,
                           const struct fx_http_request *request, struct fx_http_reply **ret_reply,
                           struct fx_error *err) {
    struct web *web = FX_CONTAINER_OF(http, struct web, http);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);

    web->calls++;
    web->asked = *request;
    if (web->failure != FX_OK)
        return fx_fail(err, web->failure, "no answer");
    reply->status = web->status;
    reply->body = fx_slice_of(web->body);
    *ret_reply = reply;
    return FX_OK;
}

/* Stands in for the aws module: intake knows it by this one call. */
struct fx_aws {
    int calls;
    struct fx_aws_call asked;
    const char *subscription_arn; /* NULL: an answer without one */
    enum fx_code failure;
};

enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err) {
    aws->calls++;
    aws->asked = *call;
    if (aws->failure != FX_OK)
        return fx_fail(err, aws->failure, "SNS refuses: AuthorizationError");
    *ret_answer = fx_json_object_of(
        sc, "SubscriptionArn",
        aws->subscription_arn ? fx_json_string(sc, aws->subscription_arn) : NULL, NULL);
    return FX_OK;
}

struct world {
    struct fx_scope *sc;
    struct web web;
    struct fx_aws aws;
    struct fx_sns_envelope envelope;
    struct fx_slice pem;
    const char *arn;
    struct fx_error err;
};

static int begin(void **state) {
    struct world *w = calloc(1, sizeof *w);

    w->sc = fx_scope_new(NULL);
    w->web = (struct web){.http.exchange = answer, .status = 200, .body = "-----BEGIN"};
    w->aws.subscription_arn = TOPIC ":0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
    w->envelope = (struct fx_sns_envelope){
        .type = FX_SNS_SUBSCRIPTION,
        .topic_arn = TOPIC,
        .token = "2336412f37fb687f",
        .subscribe_url = "https://evil.example/?Action=ConfirmSubscription",
        .certificate_url = URL,
        .region = "eu-west-1",
    };
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_scope_free(w->sc);
    free(w);
    return 0;
}

static enum fx_code fetch(struct world *w, const char *ca_file) {
    w->err = (struct fx_error){0};
    return fx_intake_certificate(&w->web.http, w->sc, &w->envelope, ca_file, &w->pem, &w->err);
}

static enum fx_code confirm(struct world *w) {
    w->err = (struct fx_error){0};
    return fx_intake_confirm(&w->aws, w->sc, &w->envelope, &w->arn, &w->err);
}

static void fetches_a_certificate_within_its_limits(void **state) {
    struct world *w = *state;

    assert_int_equal(fetch(w, NULL), FX_OK);
    assert_true(fx_slice_equal_text(w->pem, "-----BEGIN"));
    assert_string_equal(w->web.asked.url, URL);
    assert_string_equal(w->web.asked.method, "GET");
    assert_int_equal(w->web.asked.reach, FX_HTTP_PUBLIC);
    assert_int_equal(w->web.asked.max_reply_bytes, FX_SNS_MAX_CERTIFICATE_BYTES);
    assert_true(w->web.asked.timeout_ms > 0 && w->web.asked.timeout_ms <= 5000);
    assert_int_equal(w->web.calls, 1);
}

static void trusts_the_test_roots_for_test_hosts_alone(void **state) {
    struct world *w = *state;

    assert_int_equal(fetch(w, "/tmp/ca.pem"), FX_OK);
    assert_null(w->web.asked.ca_file);
    w->envelope.from_test_host = true;
    assert_int_equal(fetch(w, "/tmp/ca.pem"), FX_OK);
    assert_string_equal(w->web.asked.ca_file, "/tmp/ca.pem");
    assert_int_equal(w->web.asked.reach, FX_HTTP_ANY);
}

static void tells_trouble_from_a_certificate_that_does_not_exist(void **state) {
    static const struct {
        int status;
        enum fx_code code;
    } answers[] = {
        {200, FX_OK},
        {204, FX_ERR_DENIED},
        {301, FX_ERR_DENIED},
        {403, FX_ERR_DENIED},
        {404, FX_ERR_DENIED},
        {408, FX_ERR_UNAVAILABLE},
        {429, FX_ERR_UNAVAILABLE},
        {500, FX_ERR_UNAVAILABLE},
        {503, FX_ERR_UNAVAILABLE},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        w->web.status = answers[i].status;
        if (fetch(w, NULL) != answers[i].code)
            fail_msg("status %d", answers[i].status);
        assert_int_equal(fx_code_is_transient(answers[i].code),
                         answers[i].code == FX_ERR_UNAVAILABLE);
    }
    w->web.status = 200;
    w->web.body = "";
    assert_int_equal(fetch(w, NULL), FX_ERR_DENIED);
}

static void passes_on_failures_of_the_exchange(void **state) {
    static const enum fx_code codes[] = {FX_ERR_TIMEOUT, FX_ERR_UNAVAILABLE, FX_ERR_LIMIT};
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(codes); i++) {
        w->web.failure = codes[i];
        assert_int_equal(fetch(w, NULL), codes[i]);
    }
}

static void confirms_by_a_signed_call_in_the_topics_region(void **state) {
    struct world *w = *state;

    assert_int_equal(confirm(w), FX_OK);
    assert_string_equal(w->arn, TOPIC ":0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0");
    assert_string_equal(w->aws.asked.service, "sns");
    assert_string_equal(w->aws.asked.operation, "ConfirmSubscription");
    assert_string_equal(w->aws.asked.region, "eu-west-1");
    assert_string_equal(fx_json_dump_canonical(w->sc, w->aws.asked.params),
                        "{\"AuthenticateOnUnsubscribe\":\"true\",\"Token\":\"2336412f37fb687f\","
                        "\"TopicArn\":\"" TOPIC "\"}");
    assert_int_equal(w->web.calls, 0);
}

static void confirms_subscriptions_and_nothing_else(void **state) {
    struct world *w = *state;

    w->envelope.type = FX_SNS_UNSUBSCRIPTION; /* confirming it would subscribe again, unasked */
    assert_int_equal(confirm(w), FX_ERR_INPUT);
    w->envelope.type = FX_SNS_NOTIFICATION;
    assert_int_equal(confirm(w), FX_ERR_INPUT);
    assert_int_equal(w->aws.calls, 0);
}

static void believes_only_a_subscription_of_the_same_topic(void **state) {
    static const char *const wrong[] = {NULL,
                                        "",
                                        "pending confirmation",
                                        TOPIC,
                                        TOPIC "2:0b1c",
                                        "arn:aws:sns:eu-west-1:666666666666:x:0b1c"};
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        w->aws.subscription_arn = wrong[i];
        assert_int_equal(confirm(w), FX_ERR_UPSTREAM);
    }
    w->aws.failure = FX_ERR_DENIED;
    assert_int_equal(confirm(w), FX_ERR_DENIED);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(fetches_a_certificate_within_its_limits),
        world_test(trusts_the_test_roots_for_test_hosts_alone),
        world_test(tells_trouble_from_a_certificate_that_does_not_exist),
        world_test(passes_on_failures_of_the_exchange),
        world_test(confirms_by_a_signed_call_in_the_topics_region),
        world_test(confirms_subscriptions_and_nothing_else),
        world_test(believes_only_a_subscription_of_the_same_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
