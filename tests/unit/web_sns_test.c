/* web_sns_test.c - notifications that are stored: once, however they come again; and put off while
 * the queue is full or the store fails.
 */
#include "web_sns_rig.h"

#include "support/fault_store.h"

#include <string.h>

/* ---- what is accepted ---- */

static void stores_a_signed_notification_as_verified(void **state) {
    const char *body = sns_rig_signed_body(&sns_rig_alarm);

    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(body), 200);
    assert_string_equal(web_body_of(&sns_rig.reply), "stored\n");
    struct fx_event *event = web_rig_event(&sns_rig.web);
    assert_string_equal(event->kind, "sns");
    assert_string_equal(event->body, body);
    assert_true(event->verified);
}

static void stores_it_as_unverified_without_the_certificate(void **state) {
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)), 200);
    assert_false(web_rig_event(&sns_rig.web)->verified);
}

static void does_not_ask_for_a_content_type_or_for_amazons_headers(void **state) {
    sns_rig_give_certificate();
    assert_int_equal(
        sns_rig_post_with("x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: " WEB_TOPIC
                          "\r\nx-amz-sns-rawdelivery: false\r\n",
                          sns_rig_signed_body(&sns_rig_alarm)),
        200);
}

static void answers_a_repetition_with_200_and_stores_it_once(void **state) {
    const char *body = sns_rig_signed_body(&sns_rig_alarm);

    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(body), 200);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sns_rig_post(body), 200);
        assert_string_equal(web_body_of(&sns_rig.reply), "known\n");
    }
    web_rig_reopen(&sns_rig.web);
    assert_int_equal(sns_rig_post(body), 200);
    assert_string_equal(web_body_of(&sns_rig.reply), "known\n");
    assert_int_equal(web_rig_stored(&sns_rig.web), 1);
}

static void a_repetition_is_known_whether_the_certificate_came_or_went(void **state) {
    const char *body = sns_rig_signed_body(&sns_rig_alarm);

    assert_int_equal(sns_rig_post(body), 200);
    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(body), 200);
    assert_string_equal(web_body_of(&sns_rig.reply), "known\n");
    assert_int_equal(web_rig_stored(&sns_rig.web), 1);
    sns_rig.web.state->put(sns_rig.web.state, "sns-certificate:" URL,
                           fx_slice_of(sns_rig.certificate), 1);
    atomic_fetch_add(&sns_rig.web.clock.wall_ms, 2000);
    assert_int_equal(sns_rig_post(body), 200);
    assert_string_equal(web_body_of(&sns_rig.reply), "known\n");
    assert_int_equal(web_rig_stored(&sns_rig.web), 1);
}

static void a_notification_that_was_signed_anew_is_known_by_its_id(void **state) {
    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)), 200);
    assert_int_equal(sns_rig_post(sns_rig_body_of_version(
                         &sns_rig_alarm, sns_rig_sign_with(&sns_rig_alarm, 1), "1")),
                     200);
    assert_string_equal(web_body_of(&sns_rig.reply), "known\n");
    assert_int_equal(web_rig_stored(&sns_rig.web), 1);
}

static void the_same_words_under_two_ids_are_two_notifications(void **state) {
    struct sns_rig_message other = sns_rig_alarm;

    other.id = OTHER_ID;
    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)), 200);
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&other)), 200);
    assert_int_equal(web_rig_stored(&sns_rig.web), 2);
}

static void takes_a_notification_of_full_size(void **state) {
    enum { SIZE = 256 << 10 };
    struct sns_rig_message m = sns_rig_alarm;
    char *text = fx_alloc(sns_rig.sc, SIZE + 1);

    sns_rig_give_certificate();
    memset(text, '"', SIZE); /* doubled by its escape; commas and brackets in text do not count */
    memset(text, ',', 10000);
    m.text = text;
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&m)), 200);
}

static void says_which_repetition_it_counts(void **state) {
    sns_rig_give_certificate();
    sns_rig_post(sns_rig_signed_body(&sns_rig_alarm));
    sns_rig_post(sns_rig_signed_body(&sns_rig_alarm));
    sns_rig_post(sns_rig_body_of(&sns_rig_alarm, "AAAA"));
    assert_int_equal(fx_metrics_get(sns_rig.web.metrics, FX_METRIC_REQUESTS_ACCEPTED), 1);
    assert_int_equal(fx_metrics_get(sns_rig.web.metrics, FX_METRIC_REQUESTS_REPEATED), 1);
    assert_int_equal(fx_metrics_get(sns_rig.web.metrics, FX_METRIC_REFUSED_SIGNATURE), 1);
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
    struct sns_rig_message m = sns_rig_alarm;

    m.id = id;
    return sns_rig_post(sns_rig_signed_body(&m));
}

static void a_full_queue_puts_alarms_off_and_still_takes_commands(void **state) {
    count_fn *count = sns_rig.web.store->counts;
    const char *command = web_slack_command_body(sns_rig.sc, WEB_TEAM, "9.9.a", "status");

    sns_rig_give_certificate();
    sns_rig.web.store->counts = count_waiting;
    waiting = FX_WEB_MAX_WAITING;
    assert_int_equal(send_alarm(ID), 200); /* it was looked at afterwards */
    assert_int_equal(send_alarm(OTHER_ID), 503);
    assert_non_null(strstr(sns_rig.reply.text, "Retry-After: "));
    const char *asked = web_post(sns_rig.sc, "/slack/commands",
                                 web_slack_headers(&sns_rig.web, sns_rig.sc, command), command);
    web_exchange(&sns_rig.web, false, asked, strlen(asked), &sns_rig.reply);
    assert_int_equal(sns_rig.reply.status, 200);

    waiting = FX_WEB_MAX_WAITING - 1;
    while (send_alarm(OTHER_ID) != 200)
        assert_int_equal(sns_rig.reply.status, 503);
    sns_rig.web.store->counts = count;
    assert_int_equal(web_rig_stored(&sns_rig.web), 3); /* each once */
}

static void answers_503_and_never_4xx_when_the_store_fails(void **state) {
    static const enum fault_when whens[] = {FAULT_BEFORE, FAULT_AFTER};

    sns_rig_give_certificate();
    for (size_t i = 0; i < FX_COUNT_OF(whens); i++) {
        struct fx_store *faulty = fault_store_new(sns_rig.web.store);
        struct sns_rig_message m = sns_rig_alarm;

        m.id = i == 0 ? ID : OTHER_ID;
        const char *body = sns_rig_signed_body(&m);

        web_rig_stop(&sns_rig.web);
        sns_rig.web.options.store = faulty;
        web_rig_start(&sns_rig.web);
        fault_store_arm(faulty, 1, whens[i]);
        assert_int_equal(sns_rig_post(body), 503);
        assert_true(fault_store_fired(faulty));
        assert_int_equal(sns_rig_post(body), 200);
        assert_int_equal(web_rig_stored(&sns_rig.web), i + 1);
        web_rig_stop(&sns_rig.web);
        faulty->close(faulty);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SNS_TEST(stores_a_signed_notification_as_verified),
        SNS_TEST(stores_it_as_unverified_without_the_certificate),
        SNS_TEST(does_not_ask_for_a_content_type_or_for_amazons_headers),
        SNS_TEST(answers_a_repetition_with_200_and_stores_it_once),
        SNS_TEST(a_repetition_is_known_whether_the_certificate_came_or_went),
        SNS_TEST(a_notification_that_was_signed_anew_is_known_by_its_id),
        SNS_TEST(the_same_words_under_two_ids_are_two_notifications),
        SNS_TEST(takes_a_notification_of_full_size),
        SNS_TEST(a_full_queue_puts_alarms_off_and_still_takes_commands),
        SNS_TEST(answers_503_and_never_4xx_when_the_store_fails),
        SNS_TEST(says_which_repetition_it_counts),
    };

    return cmocka_run_group_tests(tests, sns_rig_begin, sns_rig_end);
}
