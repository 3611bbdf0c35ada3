/* pagerduty_test.c - the body of a page, with PagerDuty's limits and without secrets. */
#include "support/test.h"

#include "fluxabot/base/json.h"
#include "fluxabot/pagerduty.h"

#include <stdlib.h>
#include <string.h>

static int begin(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int end(void **state) {
    fx_scope_free(*state);
    return 0;
}

static char *repeat(struct fx_scope *sc, const char *piece, size_t times) {
    size_t len = strlen(piece);
    char *text = fx_alloc(sc, len * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, piece, len);
    return text;
}

static struct fx_page page(void) {
    return (struct fx_page){.action = FX_PAGE_TRIGGER,
                            .key = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:dlq",
                            .summary = "7 messages in Fluxa-DLQ",
                            .source = "fluxa prod",
                            .severity = "high",
                            .at_ms = INT64_C(1795252504001)};
}

static const char *text_at(const struct fx_json *json, const char *path) {
    const char *text = fx_json_text(fx_json_at_path(json, path));

    return text ? text : "(absent)";
}

static void builds_a_trigger_with_everything(void **state) {
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    p.component = "Fluxa-DLQ";
    p.group = "fluxa";
    p.class_ = "AWS/SQS";
    p.details = fx_json_object_of(sc, "state_reason", fx_json_string(sc, "7 > 0"), NULL);
    p.link = "https://acme.slack.com/archives/C1/p1";
    p.link_text = "Incident in Slack";
    assert_string_equal(
        fx_json_dump(sc, fx_pagerduty_event(sc, &p)),
        "{\"event_action\":\"trigger\","
        "\"dedup_key\":\"arn:aws:cloudwatch:us-east-1:123456789012:alarm:dlq\","
        "\"payload\":{\"summary\":\"7 messages in Fluxa-DLQ\",\"source\":\"fluxa prod\","
        "\"severity\":\"error\",\"timestamp\":\"2026-11-21T09:15:04.001Z\","
        "\"component\":\"Fluxa-DLQ\",\"group\":\"fluxa\",\"class\":\"AWS/SQS\","
        "\"custom_details\":{\"state_reason\":\"7 > 0\"}},\"client\":\"fluxabot\","
        "\"client_url\":\"https://acme.slack.com/archives/C1/p1\","
        "\"links\":[{\"href\":\"https://acme.slack.com/archives/C1/p1\","
        "\"text\":\"Incident in Slack\"}]}");
}

static void acknowledges_and_resolves_by_key_alone(void **state) {
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    p.key = "k";
    p.action = FX_PAGE_ACKNOWLEDGE;
    assert_string_equal(fx_json_dump(sc, fx_pagerduty_event(sc, &p)),
                        "{\"event_action\":\"acknowledge\",\"dedup_key\":\"k\"}");
    p.action = FX_PAGE_RESOLVE;
    assert_string_equal(fx_json_dump(sc, fx_pagerduty_event(sc, &p)),
                        "{\"event_action\":\"resolve\",\"dedup_key\":\"k\"}");
}

static void translates_our_severities(void **state) {
    static const char *const words[][2] = {{"critical", "critical"}, {"high", "error"},
                                           {"medium", "warning"},    {"low", "info"},
                                           {"P1", "error"},          {"", "error"}};
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    for (size_t i = 0; i < FX_COUNT_OF(words); i++) {
        p.severity = words[i][0];
        assert_string_equal(text_at(fx_pagerduty_event(sc, &p), "payload.severity"), words[i][1]);
    }
    p.severity = NULL;
    assert_string_equal(text_at(fx_pagerduty_event(sc, &p), "payload.severity"), "error");
}

static void keeps_short_keys_and_hashes_the_others(void **state) {
    struct fx_scope *sc = *state;
    const char *longest = repeat(sc, "k", 255), *longer = repeat(sc, "k", 256);
    const char *hashed[] = {longer, repeat(sc, "k", 1600), "ä", "a\nb", ""};

    assert_string_equal(fx_pagerduty_dedup_key(sc, longest), longest);
    assert_string_equal(fx_pagerduty_dedup_key(sc, "arn:aws:cloudwatch:r:1:alarm:two words"),
                        "arn:aws:cloudwatch:r:1:alarm:two words");
    for (size_t i = 0; i < FX_COUNT_OF(hashed); i++) {
        const char *key = fx_pagerduty_dedup_key(sc, hashed[i]);

        assert_int_equal(strlen(key), strlen("sha256:") + 64);
        assert_memory_equal(key, "sha256:", 7);
        assert_string_equal(key, fx_pagerduty_dedup_key(sc, hashed[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(key, fx_pagerduty_dedup_key(sc, hashed[j]));
    }
}

static void cuts_foreign_text_at_a_character(void **state) {
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    p.summary = repeat(sc, "€", 3000);
    p.source = p.component = p.group = p.class_ = repeat(sc, "ä", 3000);
    const struct fx_json *event = fx_pagerduty_event(sc, &p);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(text_at(event, "payload.summary"))), 1024);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(text_at(event, "payload.source"))), 255);
    assert_int_equal(fx_slice_utf8_count(fx_slice_of(text_at(event, "payload.class"))), 255);
}

static void fills_what_pagerduty_requires_and_leaves_out_the_rest(void **state) {
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    p.summary = " ";
    p.source = NULL;
    p.component = "";
    p.at_ms = 0;
    const struct fx_json *event = fx_pagerduty_event(sc, &p);
    assert_string_equal(text_at(event, "payload.summary"), "An alarm without words");
    assert_string_equal(text_at(event, "payload.source"), "fluxabot");
    assert_null(fx_json_at_path(event, "payload.component"));
    assert_null(fx_json_at_path(event, "payload.timestamp"));
    assert_null(fx_json_at_path(event, "payload.custom_details"));
    assert_null(fx_json_at(event, "links"));
    assert_null(fx_json_at(event, "routing_key"));
}

static void shortens_details_that_would_be_refused(void **state) {
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    p.details = fx_json_object_of(sc, "log", fx_json_string(sc, repeat(sc, "x", 600000)), NULL);
    const struct fx_json *event = fx_pagerduty_event(sc, &p);
    assert_true(strlen(fx_json_dump(sc, event)) < 512 * 1000);
    assert_string_not_equal(text_at(event, "payload.custom_details.beginning"), "(absent)");
    p.details = fx_json_array(sc);
    assert_null(fx_json_at_path(fx_pagerduty_event(sc, &p), "payload.custom_details"));
}

static void lets_no_secret_out(void **state) {
    static const char secret[] = "AKIAIOSFODNN7EXAMPLE";
    struct fx_scope *sc = *state;
    struct fx_page p = page();
    const char *text = fx_printf(sc, "%s key %s in the log", repeat(sc, "x", 1010), secret);

    p.summary = text; /* cut before redaction, the head of the key would stand at the end */
    p.source = p.component = p.link_text = fx_printf(sc, "id %s", secret);
    p.link = "https://example.org/";
    p.details = fx_json_object_of(sc, "line", fx_json_string(sc, text), NULL);
    const char *dump = fx_json_dump(sc, fx_pagerduty_event(sc, &p));
    assert_null(strstr(dump, "AKIA"));
}

static void links_only_to_web_addresses(void **state) {
    static const char *const wrong[] = {
        "",          "javascript:alert(1)", "ftp://x/", "https://x y/", "https://x/\n",
        "/relative", "https://\xc3\xa4/"};
    struct fx_scope *sc = *state;
    struct fx_page p = page();

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        p.link = wrong[i];
        assert_null(fx_json_at(fx_pagerduty_event(sc, &p), "links"));
        assert_null(fx_json_at(fx_pagerduty_event(sc, &p), "client_url"));
    }
}

#define scope_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        scope_test(builds_a_trigger_with_everything),
        scope_test(acknowledges_and_resolves_by_key_alone),
        scope_test(translates_our_severities),
        scope_test(keeps_short_keys_and_hashes_the_others),
        scope_test(cuts_foreign_text_at_a_character),
        scope_test(fills_what_pagerduty_requires_and_leaves_out_the_rest),
        scope_test(shortens_details_that_would_be_refused),
        scope_test(lets_no_secret_out),
        scope_test(links_only_to_web_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
