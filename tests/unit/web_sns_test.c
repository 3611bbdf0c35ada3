/* web_sns_test.c - notifications: of our topics, in exact form, fresh, signed, stored once. */
#include "support/web_rig.h"

#include "support/fault_store.h"
#include "support/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREIGN_TOPIC "arn:aws:sns:us-east-1:666666666666:mine"
#define ID "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1"
#define OTHER_ID "11111111-2222-3333-4444-555555555555"
#define TIME "2026-11-21T09:15:04.123Z" /* 16 s before the rig's time */
#define URL_OF(name) "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" name ".pem"
#define URL URL_OF("0123456789abcdef0123456789abcdef")
#define OTHER_URL URL_OF("ffffffffffffffffffffffffffffffff")

static struct web_rig rig;
static struct web_reply reply;
static struct fx_scope *sc;
static struct signer *signer;
static char *certificate;

struct message {
    const char *id, *topic, *subject, *text, *time, *url;
};
static const struct message alarm = {.id = ID,
                                     .topic = WEB_TOPIC,
                                     .subject = "ALARM: dlq",
                                     .text = "{\"AlarmName\":\"dlq\"}",
                                     .time = TIME,
                                     .url = URL};

static const char *sign_with(const struct message *m, int version) {
    char *signature = signer_sign(
        signer,
        fx_printf(sc,
                  "Message\n%s\nMessageId\n%s\nSubject\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n"
                  "Notification\n",
                  m->text, m->id, m->subject, m->time, m->topic),
        version);

    fx_defer(sc, free, signature);
    return signature;
}

static const char *sign(const struct message *m) {
    return sign_with(m, 2);
}

static const char *body_of_version(const struct message *m, const char *signature,
                                   const char *version) {
    return fx_json_dump(
        sc, fx_json_object_of(sc, "Type", fx_json_string(sc, "Notification"), "MessageId",
                              fx_json_string(sc, m->id), "TopicArn", fx_json_string(sc, m->topic),
                              "Subject", fx_json_string(sc, m->subject), "Message",
                              fx_json_string(sc, m->text), "Timestamp", fx_json_string(sc, m->time),
                              "SignatureVersion", fx_json_string(sc, version), "Signature",
                              fx_json_string(sc, signature), "SigningCertURL",
                              fx_json_string(sc, m->url), NULL));
}

static const char *body_of(const struct message *m, const char *signature) {
    return body_of_version(m, signature, "2");
}

static const char *signed_body(const struct message *m) {
    return body_of(m, sign(m));
}

static int post_with(const char *headers, const char *body) {
    const char *text = web_post(sc, "/webhooks/sns", headers, body);

    web_exchange(&rig, false, text, strlen(text), &reply);
    return reply.status;
}

static int post(const char *body) {
    return post_with("", body);
}

static void give_certificate(void) {
    rig.state->put(rig.state, "sns-certificate:" URL, fx_slice_of(certificate), 3600 * 1000);
}

static const char *other_signature(void) {
    struct message m = alarm;

    m.text = "something else";
    return sign(&m);
}

/* ---- what is accepted ---- */

static void stores_a_signed_notification_as_verified(void **state) {
    const char *body = signed_body(&alarm);

    give_certificate();
    assert_int_equal(post(body), 200);
    assert_string_equal(web_body_of(&reply), "stored\n");
    struct fx_event *event = web_rig_event(&rig);
    assert_string_equal(event->kind, "sns");
    assert_string_equal(event->body, body);
    assert_true(event->verified);
}

static void stores_it_as_unverified_without_the_certificate(void **state) {
    assert_int_equal(post(signed_body(&alarm)), 200);
    assert_false(web_rig_event(&rig)->verified);
}

static void does_not_ask_for_a_content_type_or_for_amazons_headers(void **state) {
    give_certificate();
    assert_int_equal(
        post_with("x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: " WEB_TOPIC
                  "\r\nx-amz-sns-rawdelivery: false\r\n",
                  signed_body(&alarm)),
        200);
}

static void answers_a_repetition_with_200_and_stores_it_once(void **state) {
    const char *body = signed_body(&alarm);

    give_certificate();
    assert_int_equal(post(body), 200);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(post(body), 200);
        assert_string_equal(web_body_of(&reply), "known\n");
    }
    web_rig_reopen(&rig);
    assert_int_equal(post(body), 200);
    assert_string_equal(web_body_of(&reply), "known\n");
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void a_repetition_is_known_whether_the_certificate_came_or_went(void **state) {
    const char *body = signed_body(&alarm);

    assert_int_equal(post(body), 200);
    give_certificate();
    assert_int_equal(post(body), 200);
    assert_string_equal(web_body_of(&reply), "known\n");
    assert_int_equal(web_rig_stored(&rig), 1);
    rig.state->put(rig.state, "sns-certificate:" URL, fx_slice_of(certificate), 1);
    atomic_fetch_add(&rig.clock.wall_ms, 2000);
    assert_int_equal(post(body), 200);
    assert_string_equal(web_body_of(&reply), "known\n");
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void a_notification_that_was_signed_anew_is_known_by_its_id(void **state) {
    give_certificate();
    assert_int_equal(post(signed_body(&alarm)), 200);
    assert_int_equal(post(body_of_version(&alarm, sign_with(&alarm, 1), "1")), 200);
    assert_string_equal(web_body_of(&reply), "known\n");
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void the_same_words_under_two_ids_are_two_notifications(void **state) {
    struct message other = alarm;

    other.id = OTHER_ID;
    give_certificate();
    assert_int_equal(post(signed_body(&alarm)), 200);
    assert_int_equal(post(signed_body(&other)), 200);
    assert_int_equal(web_rig_stored(&rig), 2);
}

/* ---- what is refused ---- */

static void refuses_a_forged_notification_for_good(void **state) {
    struct message changed = alarm;
    const char *genuine = sign(&alarm);

    give_certificate();
    changed.text = "{\"AlarmName\":\"other\"}";
    assert_int_equal(post(body_of(&changed, genuine)), 403);
    changed = alarm, changed.id = OTHER_ID;
    assert_int_equal(post(body_of(&changed, genuine)), 403);
    changed = alarm, changed.time = "2026-11-21T09:15:05.123Z";
    assert_int_equal(post(body_of(&changed, genuine)), 403);
    changed = alarm, changed.subject = "OK: dlq";
    assert_int_equal(post(body_of(&changed, genuine)), 403);
    assert_int_equal(post(body_of(&alarm, other_signature())), 403);
    assert_int_equal(post(body_of(&alarm, "AAAA")), 403);
    assert_int_equal(post(body_of(&alarm, "")), 400);
    assert_int_equal(web_rig_stored(&rig), 0);
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

    give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(topics); i++) {
        struct message foreign = alarm;

        foreign.topic = topics[i];
        if (post(signed_body(&foreign)) / 100 != 4)
            fail_msg("accepted '%s'", topics[i]);
    }
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_old_and_early_notifications(void **state) {
    static const struct {
        const char *time;
        int status;
    } cases[] = {{"2026-11-21T08:00:21.000Z", 200}, {"2026-11-21T08:00:19.000Z", 403},
                 {"2026-11-21T09:20:19.000Z", 200}, {"2026-11-21T09:20:21.000Z", 403},
                 {"2025-11-21T09:15:04.123Z", 403}, {"2026-11-21T09:15:04Z", 400},
                 {"2026-11-21 09:15:04.123Z", 400}, {"1795252504", 400}};

    give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct message m = alarm;

        m.time = cases[i].time;
        m.id = fx_printf(sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9%02zx", i);
        assert_int_equal(post(signed_body(&m)), cases[i].status);
    }
    assert_int_equal(web_rig_stored(&rig), 2);
}

/* The string to sign has no lengths, so a border between two fields can be moved. */
static void refuses_a_notification_that_was_cut_anew(void **state) {
    struct message cut = alarm;
    const char *signature = sign(&alarm);

    give_certificate();
    cut.id = ID "\nSubject\nALARM: dlq";
    assert_int_equal(
        post(fx_json_dump(sc, fx_json_object_of(sc, "Type", fx_json_string(sc, "Notification"),
                                                "MessageId", fx_json_string(sc, cut.id), "TopicArn",
                                                fx_json_string(sc, cut.topic), "Message",
                                                fx_json_string(sc, cut.text), "Timestamp",
                                                fx_json_string(sc, cut.time), "SignatureVersion",
                                                fx_json_string(sc, "2"), "Signature",
                                                fx_json_string(sc, signature), "SigningCertURL",
                                                fx_json_string(sc, cut.url), NULL))),
        400);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_what_is_no_envelope(void **state) {
    const char *good = signed_body(&alarm);
    const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{",
        "\"x\"",
        "hello",
        "{\"Type\":\"Notification\"}",
        fx_printf(sc, "%s%s", good, good),
        fx_printf(sc, "%s x", good),
        fx_printf(sc, "%.*s", (int)strlen(good) - 1, good),
        fx_printf(sc, "{\"MessageId\":\"" OTHER_ID "\",%s", good + 1),
        fx_printf(sc, "{\"TopicArn\":\"" FOREIGN_TOPIC "\",%s", good + 1),
        fx_printf(sc, "{\"Type\":\"SubscriptionConfirmation\",%s", good + 1),
        fx_printf(sc, "{\"x\":\"\xff\",%s", good + 1),
        fx_printf(sc, "{\"x\":\"\\u0000\",%s", good + 1),
        fx_printf(sc, "{\"x\":NaN,%s", good + 1),
    };

    give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++)
        if (post(bodies[i]) != 400)
            fail_msg("%d for %s", reply.status, bodies[i]);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_raw_delivery_and_says_so_in_the_log(void **state) {
    give_certificate();
    assert_int_equal(post_with("x-amz-sns-rawdelivery: true\r\n", "the bare message"), 403);
    assert_int_equal(post_with("X-Amz-Sns-RawDelivery: TRUE\r\n", signed_body(&alarm)), 403);
    assert_int_equal(web_rig_stored(&rig), 0);
    fflush(rig.log_stream);
    assert_non_null(strstr(rig.log_text, "raw delivery"));
}

static void refuses_a_header_that_names_another_topic(void **state) {
    const char *body = signed_body(&alarm);

    give_certificate();
    assert_int_equal(post_with("x-amz-sns-topic-arn: " FOREIGN_TOPIC "\r\n", body), 403);
    assert_int_equal(post_with("x-amz-sns-topic-arn: \r\n", body), 403);
    assert_int_equal(post_with("x-amz-sns-topic-arn: " WEB_TOPIC
                               "\r\nx-amz-sns-topic-arn: " WEB_TOPIC "\r\n",
                               body),
                     403);
    assert_int_equal(web_rig_stored(&rig), 0);
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
        struct message m = alarm;

        m.url = urls[i];
        if (post(signed_body(&m)) / 100 != 4)
            fail_msg("accepted %s", urls[i]);
    }
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_floods_of_values_before_they_are_parsed(void **state) {
    enum { SIZE = FX_SNS_MAX_BODY_BYTES };
    char *body = fx_alloc(sc, SIZE + 1);

    for (size_t i = 0; i < SIZE; i++)
        body[i] = i == 0 ? '[' : i == SIZE - 1 ? ']' : i % 2 ? '0' : ',';
    int64_t start = fx_mono_ms(fx_clock_system());
    assert_int_equal(post(body), 400);
    assert_true(fx_mono_ms(fx_clock_system()) - start < 20000);
    assert_int_equal(post(fx_printf(sc, "%sx", body)), 413);
    fflush(rig.log_stream);
    assert_non_null(strstr(rig.log_text, "too many for an envelope"));
}

static void takes_a_notification_of_full_size(void **state) {
    enum { SIZE = 256 << 10 };
    struct message m = alarm;
    char *text = fx_alloc(sc, SIZE + 1);

    give_certificate();
    memset(text, '"', SIZE); /* doubled by its escape; commas and brackets in text do not count */
    memset(text, ',', 10000);
    m.text = text;
    assert_int_equal(post(signed_body(&m)), 200);
}

/* ---- notifications that nobody can verify yet ---- */

/* Whoever sees a notification elsewhere could be quicker than SNS and send its ids first. */
static void an_unverified_forgery_does_not_make_the_genuine_one_look_known(void **state) {
    struct message forged = alarm;
    const char *genuine = sign(&alarm);

    forged.text = "nothing to see";
    assert_int_equal(post(body_of(&forged, genuine)), 200);          /* the same signature */
    assert_int_equal(post(body_of(&alarm, other_signature())), 200); /* the same words */
    forged = alarm, forged.url = OTHER_URL;
    assert_int_equal(post(body_of(&forged, genuine)), 200); /* another certificate */
    assert_int_equal(web_rig_stored(&rig), 3);

    give_certificate();
    assert_int_equal(post(body_of(&alarm, genuine)), 200);
    assert_string_equal(web_body_of(&reply), "stored\n");
    assert_int_equal(web_rig_stored(&rig), 4);
}

static void a_cached_certificate_is_not_walked_around(void **state) {
    struct message m = alarm;

    give_certificate();
    m.url = OTHER_URL;
    assert_int_equal(post(signed_body(&m)), 200);
    assert_false(web_rig_event(&rig)->verified);
}

static void give_certificate_of(const struct signer *owner, int64_t to_s) {
    char *pem =
        signer_certificate(owner, &(struct signer_certificate){.common_name = "sns.amazonaws.com",
                                                               .alt_name = "sns.amazonaws.com",
                                                               .from_s = WEB_NOW_S - 86400,
                                                               .to_s = to_s});

    rig.state->put(rig.state, "sns-certificate:" URL, fx_slice_of(pem), 3600 * 1000);
    free(pem);
}

static void a_replaced_certificate_is_believed_no_longer_than_a_minute(void **state) {
    struct signer *other = signer_new(SIGNER_RSA_2048);
    struct message second = alarm, third = alarm;

    second.id = "6f0d7a52-2b1e-5c0c-9d55-21b0a4c00002";
    third.id = "6f0d7a52-2b1e-5c0c-9d55-21b0a4c00003";
    give_certificate();
    assert_int_equal(post(signed_body(&alarm)), 200);
    give_certificate_of(other, WEB_NOW_S + 86400);
    atomic_fetch_add(&rig.clock.wall_ms, 59 * 1000);
    assert_int_equal(post(signed_body(&second)), 200);
    atomic_fetch_add(&rig.clock.wall_ms, 1000);
    assert_int_equal(post(signed_body(&third)), 403);
    signer_free(other);
}

/* More than are kept: the rest is read for each request, and all are believed. */
static void certificates_beyond_the_room_for_them_are_read_anew(void **state) {
    enum { CERTIFICATES = 40 };

    for (int i = 0; i < CERTIFICATES; i++) {
        struct message m = alarm;

        m.id = fx_printf(sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c1%04x", i);
        give_certificate_of(signer, WEB_NOW_S + 86400 + i);
        assert_int_equal(post(signed_body(&m)), 200);
        atomic_fetch_add(&rig.clock.wall_ms, 60 * 1000);
    }
    give_certificate_of(signer, WEB_NOW_S - 1); /* has expired */
    assert_int_equal(post(body_of(&alarm, sign(&alarm))), 403);
}

static void takes_only_so_many_unverified_ones_and_then_answers_503(void **state) {
    enum { SENT = 230 };
    int stored = 0, put_off = 0;

    for (int i = 0; i < SENT; i++) {
        struct message m = alarm;

        m.id = fx_printf(sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0%04x", i);
        int status = post(body_of(&m, "AAAA"));

        stored += status == 200;
        put_off += status == 503;
    }
    assert_int_equal(stored + put_off, SENT);
    assert_int_equal(stored, 200);
    assert_int_equal(web_rig_stored(&rig), stored);

    give_certificate(); /* with it nobody waits */
    assert_int_equal(post(signed_body(&alarm)), 200);
    atomic_fetch_add(&rig.clock.wall_ms, 61 * 1000);
}

static void takes_fewer_large_unverified_ones(void **state) {
    enum { SENT = 20, SIZE = 70 << 10 };
    char *text = fx_alloc(sc, SIZE + 1);
    int stored = 0;

    memset(text, 'x', SIZE);
    for (int i = 0; i < SENT; i++) {
        struct message m = alarm;

        m.text = text;
        m.id = fx_printf(sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0%04x", i);
        stored += post(body_of(&m, "AAAA")) == 200;
    }
    assert_int_equal(stored, 8);
    assert_int_equal(post(signed_body(&alarm)), 200); /* small ones still pass */
}

/* ---- our own trouble ---- */

typedef enum fx_code count_fn(struct fx_store *, struct fx_scope *, struct fx_store_counts *,
                              struct fx_error *);

static int64_t waiting; /* as the store counts */

static enum fx_code count_waiting(struct fx_store *store, struct fx_scope *scope,
                                  struct fx_store_counts *ret_counts, struct fx_error *err) {
    (void)store, (void)scope, (void)err;
    *ret_counts = (struct fx_store_counts){.jobs_ready = waiting};
    return FX_OK;
}

static int send_alarm(const char *id) {
    struct message m = alarm;

    m.id = id;
    return post(signed_body(&m));
}

static void a_full_queue_puts_alarms_off_and_still_takes_commands(void **state) {
    count_fn *count = rig.store->counts;
    const char *command = web_slack_command_body(sc, WEB_TEAM, "9.9.a", "status");

    give_certificate();
    rig.store->counts = count_waiting;
    waiting = FX_WEB_MAX_WAITING;
    assert_int_equal(send_alarm(ID), 200); /* it was looked at afterwards */
    assert_int_equal(send_alarm(OTHER_ID), 503);
    assert_non_null(strstr(reply.text, "Retry-After: "));
    const char *asked =
        web_post(sc, "/slack/commands", web_slack_headers(&rig, sc, command), command);
    web_exchange(&rig, false, asked, strlen(asked), &reply);
    assert_int_equal(reply.status, 200);

    waiting = FX_WEB_MAX_WAITING - 1;
    while (send_alarm(OTHER_ID) != 200)
        assert_int_equal(reply.status, 503);
    rig.store->counts = count;
    assert_int_equal(web_rig_stored(&rig), 3); /* each once */
}

static void answers_503_and_never_4xx_when_the_store_fails(void **state) {
    static const enum fault_when whens[] = {FAULT_BEFORE, FAULT_AFTER};

    give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(whens); i++) {
        struct fx_store *faulty = fault_store_new(rig.store);
        struct message m = alarm;

        m.id = i == 0 ? ID : OTHER_ID;
        const char *body = signed_body(&m);

        web_rig_stop(&rig);
        rig.options.store = faulty;
        web_rig_start(&rig);
        fault_store_arm(faulty, 1, whens[i]);
        assert_int_equal(post(body), 503);
        assert_true(fault_store_fired(faulty));
        assert_int_equal(post(body), 200);
        assert_int_equal(web_rig_stored(&rig), i + 1);
        web_rig_stop(&rig);
        faulty->close(faulty);
    }
}

static void says_which_repetition_it_counts(void **state) {
    give_certificate();
    post(signed_body(&alarm));
    post(signed_body(&alarm));
    post(body_of(&alarm, "AAAA"));
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REQUESTS_ACCEPTED), 1);
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REQUESTS_REPEATED), 1);
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REFUSED_SIGNATURE), 1);
}

/* ---- fixture ---- */

static int make_signer(void **state) {
    signer = signer_new(SIGNER_RSA_2048);
    certificate =
        signer_certificate(signer, &(struct signer_certificate){.common_name = "sns.amazonaws.com",
                                                                .alt_name = "sns.amazonaws.com",
                                                                .from_s = WEB_NOW_S - 86400,
                                                                .to_s = WEB_NOW_S + 86400});
    return 0;
}

static int free_signer(void **state) {
    free(certificate);
    signer_free(signer);
    return 0;
}

static int set_up(void **state) {
    sc = fx_scope_new(NULL);
    web_rig_begin(&rig);
    web_rig_start(&rig);
    return 0;
}

static int tear_down(void **state) {
    web_rig_end(&rig);
    fx_scope_free(sc);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(stores_a_signed_notification_as_verified),
        TEST(stores_it_as_unverified_without_the_certificate),
        TEST(does_not_ask_for_a_content_type_or_for_amazons_headers),
        TEST(answers_a_repetition_with_200_and_stores_it_once),
        TEST(a_repetition_is_known_whether_the_certificate_came_or_went),
        TEST(a_notification_that_was_signed_anew_is_known_by_its_id),
        TEST(the_same_words_under_two_ids_are_two_notifications),
        TEST(refuses_a_forged_notification_for_good),
        TEST(refuses_a_topic_that_is_not_ours_however_well_signed),
        TEST(refuses_old_and_early_notifications),
        TEST(refuses_a_notification_that_was_cut_anew),
        TEST(refuses_what_is_no_envelope),
        TEST(refuses_raw_delivery_and_says_so_in_the_log),
        TEST(refuses_a_header_that_names_another_topic),
        TEST(refuses_certificates_from_elsewhere_also_unverified),
        TEST(refuses_floods_of_values_before_they_are_parsed),
        TEST(takes_a_notification_of_full_size),
        TEST(an_unverified_forgery_does_not_make_the_genuine_one_look_known),
        TEST(a_cached_certificate_is_not_walked_around),
        TEST(a_replaced_certificate_is_believed_no_longer_than_a_minute),
        TEST(certificates_beyond_the_room_for_them_are_read_anew),
        TEST(takes_only_so_many_unverified_ones_and_then_answers_503),
        TEST(takes_fewer_large_unverified_ones),
        TEST(a_full_queue_puts_alarms_off_and_still_takes_commands),
        TEST(answers_503_and_never_4xx_when_the_store_fails),
        TEST(says_which_repetition_it_counts),
    };

    return cmocka_run_group_tests(tests, make_signer, free_signer);
}
