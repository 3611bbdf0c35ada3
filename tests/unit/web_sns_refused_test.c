/* web_sns_refused_test.c - notifications that are refused: forged, of other topics, not in exact
 * form, too old, too large, or with a certificate from elsewhere.
 */
#include "web_sns_rig.h"

#include <string.h>

static void refuses_a_forged_notification_for_good(void **state) {
    struct sns_rig_message changed = sns_rig_alarm;
    const char *genuine = sns_rig_sign(&sns_rig_alarm);

    sns_rig_give_certificate();
    changed.text = "{\"AlarmName\":\"other\"}";
    assert_int_equal(sns_rig_post(sns_rig_body_of(&changed, genuine)), 403);
    changed = sns_rig_alarm, changed.id = OTHER_ID;
    assert_int_equal(sns_rig_post(sns_rig_body_of(&changed, genuine)), 403);
    changed = sns_rig_alarm, changed.time = "2026-11-21T09:15:05.123Z";
    assert_int_equal(sns_rig_post(sns_rig_body_of(&changed, genuine)), 403);
    changed = sns_rig_alarm, changed.subject = "OK: dlq";
    assert_int_equal(sns_rig_post(sns_rig_body_of(&changed, genuine)), 403);
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, sns_rig_other_signature())), 403);
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, "AAAA")), 403);
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, "")), 400);
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_a_topic_that_is_not_ours_however_well_signed(void **state) {
    static const char *const topics[] = {
        FOREIGN_TOPIC,
        "arn:aws:sns:us-east-1:123456789012:fluxa-alarms2",
        "arn:aws:sns:us-east-1:123456789012:fluxa-alarm",
        "arn:aws:sns:us-east-1:123456789012:FLUXA-ALARMS",
        "arn:aws:sns:us-west-2:123456789012:fluxa-alarms",
        "arn:aws-cn:sns:us-east-1:123456789012:fluxa-alarms",
        " " WEB_TOPIC,
        WEB_TOPIC " ",
        WEB_TOPIC "\n",
        "",
    };

    sns_rig_give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(topics); i++) {
        struct sns_rig_message foreign = sns_rig_alarm;

        foreign.topic = topics[i];
        if (sns_rig_post(sns_rig_signed_body(&foreign)) / 100 != 4)
            fail_msg("accepted '%s'", topics[i]);
    }
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_old_and_early_notifications(void **state) {
    static const struct {
        const char *time;
        int status;
    } cases[] = {{"2026-11-21T08:00:21.000Z", 200}, {"2026-11-21T08:00:19.000Z", 403},
                 {"2026-11-21T09:20:19.000Z", 200}, {"2026-11-21T09:20:21.000Z", 403},
                 {"2025-11-21T09:15:04.123Z", 403}, {"2026-11-21T09:15:04Z", 400},
                 {"2026-11-21 09:15:04.123Z", 400}, {"1795252504", 400}};

    sns_rig_give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct sns_rig_message m = sns_rig_alarm;

        m.time = cases[i].time;
        m.id = fx_printf(sns_rig.sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9%02zx", i);
        assert_int_equal(sns_rig_post(sns_rig_signed_body(&m)), cases[i].status);
    }
    assert_int_equal(web_rig_stored(&sns_rig.web), 2);
}

/* The string to sign has no lengths, so a border between two fields can be moved. */
static void refuses_a_notification_that_was_cut_anew(void **state) {
    struct sns_rig_message cut = sns_rig_alarm;
    const char *signature = sns_rig_sign(&sns_rig_alarm);

    sns_rig_give_certificate();
    cut.id = ID "\nSubject\nALARM: dlq";
    assert_int_equal(
        sns_rig_post(fx_json_dump(
            sns_rig.sc,
            fx_json_object_of(sns_rig.sc, "Type", fx_json_string(sns_rig.sc, "Notification"),
                              "MessageId", fx_json_string(sns_rig.sc, cut.id), "TopicArn",
                              fx_json_string(sns_rig.sc, cut.topic), "Message",
                              fx_json_string(sns_rig.sc, cut.text), "Timestamp",
                              fx_json_string(sns_rig.sc, cut.time), "SignatureVersion",
                              fx_json_string(sns_rig.sc, "2"), "Signature",
                              fx_json_string(sns_rig.sc, signature), "SigningCertURL",
                              fx_json_string(sns_rig.sc, cut.url), NULL))),
        400);
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_what_is_no_envelope(void **state) {
    const char *good = sns_rig_signed_body(&sns_rig_alarm);
    const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{",
        "\"x\"",
        "hello",
        "{\"Type\":\"Notification\"}",
        fx_printf(sns_rig.sc, "%s%s", good, good),
        fx_printf(sns_rig.sc, "%s x", good),
        fx_printf(sns_rig.sc, "%.*s", (int)strlen(good) - 1, good),
        fx_printf(sns_rig.sc, "{\"MessageId\":\"" OTHER_ID "\",%s", good + 1),
        fx_printf(sns_rig.sc, "{\"TopicArn\":\"" FOREIGN_TOPIC "\",%s", good + 1),
        fx_printf(sns_rig.sc, "{\"Type\":\"SubscriptionConfirmation\",%s", good + 1),
        fx_printf(sns_rig.sc, "{\"x\":\"\xff\",%s", good + 1),
        fx_printf(sns_rig.sc, "{\"x\":\"\\u0000\",%s", good + 1),
        fx_printf(sns_rig.sc, "{\"x\":NaN,%s", good + 1),
    };

    sns_rig_give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++)
        if (sns_rig_post(bodies[i]) != 400)
            fail_msg("%d for %s", sns_rig.reply.status, bodies[i]);
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_raw_delivery_and_says_so_in_the_log(void **state) {
    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post_with("x-amz-sns-rawdelivery: true\r\n", "the bare message"), 403);
    assert_int_equal(
        sns_rig_post_with("X-Amz-Sns-RawDelivery: TRUE\r\n", sns_rig_signed_body(&sns_rig_alarm)),
        403);
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
    fflush(sns_rig.web.log_stream);
    assert_non_null(strstr(sns_rig.web.log_text, "raw delivery"));
}

static void refuses_a_header_that_names_another_topic(void **state) {
    const char *body = sns_rig_signed_body(&sns_rig_alarm);

    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post_with("x-amz-sns-topic-arn: " FOREIGN_TOPIC "\r\n", body), 403);
    assert_int_equal(sns_rig_post_with("x-amz-sns-topic-arn: \r\n", body), 403);
    assert_int_equal(sns_rig_post_with("x-amz-sns-topic-arn: " WEB_TOPIC
                                       "\r\nx-amz-sns-topic-arn: " WEB_TOPIC "\r\n",
                                       body),
                     403);
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_certificates_from_elsewhere_also_unverified(void **state) {
    static const char *const urls[] = {
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-"
        "0123456789abcdef0123456789abcdef.pem",
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-"
        "0123456789abcdef0123456789abcdef.pem",
        "https://evil.example.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-"
        "0123456789abcdef0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-"
        "0123456789abcdef0123456789abcdef.pem",
        URL "?x",
        URL "#x",
        "https://sns.us-east-1.amazonaws.com/../SimpleNotificationService-"
        "0123456789abcdef0123456789abcdef.pem",
        "file:///etc/passwd",
        "",
    };

    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        struct sns_rig_message m = sns_rig_alarm;

        m.url = urls[i];
        if (sns_rig_post(sns_rig_signed_body(&m)) / 100 != 4)
            fail_msg("accepted %s", urls[i]);
    }
    assert_int_equal(web_rig_stored(&sns_rig.web), 0);
}

static void refuses_floods_of_values_before_they_are_parsed(void **state) {
    enum { SIZE = FX_SNS_MAX_BODY_BYTES };
    char *body = fx_alloc(sns_rig.sc, SIZE + 1);

    for (size_t i = 0; i < SIZE; i++)
        body[i] = i == 0 ? '[' : i == SIZE - 1 ? ']' : i % 2 ? '0' : ',';
    int64_t start = fx_mono_ms(fx_clock_system());
    assert_int_equal(sns_rig_post(body), 400);
    assert_true(fx_mono_ms(fx_clock_system()) - start < 20000);
    assert_int_equal(sns_rig_post(fx_printf(sns_rig.sc, "%sx", body)), 413);
    fflush(sns_rig.web.log_stream);
    assert_non_null(strstr(sns_rig.web.log_text, "too many for an envelope"));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SNS_TEST(refuses_a_forged_notification_for_good),
        SNS_TEST(refuses_a_topic_that_is_not_ours_however_well_signed),
        SNS_TEST(refuses_old_and_early_notifications),
        SNS_TEST(refuses_a_notification_that_was_cut_anew),
        SNS_TEST(refuses_what_is_no_envelope),
        SNS_TEST(refuses_raw_delivery_and_says_so_in_the_log),
        SNS_TEST(refuses_a_header_that_names_another_topic),
        SNS_TEST(refuses_certificates_from_elsewhere_also_unverified),
        SNS_TEST(refuses_floods_of_values_before_they_are_parsed),
    };

    return cmocka_run_group_tests(tests, sns_rig_begin, sns_rig_end);
}
