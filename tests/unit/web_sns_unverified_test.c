/* web_sns_unverified_test.c - notifications that nobody can verify yet, and certificates that come
 * and go: what is believed, and how much is taken on trust.
 */
#include "web_sns_rig.h"

#include <stdlib.h>
#include <string.h>

/* Whoever sees a notification elsewhere could be quicker than SNS and send its ids first. */
static void an_unverified_forgery_does_not_make_the_genuine_one_look_known(void **state) {
    struct sns_rig_message forged = sns_rig_alarm;
    const char *genuine = sns_rig_sign(&sns_rig_alarm);

    forged.text = "nothing to see";
    assert_int_equal(sns_rig_post(sns_rig_body_of(&forged, genuine)), 200); /* the same signature */
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, sns_rig_other_signature())),
                     200); /* the same words */
    forged = sns_rig_alarm, forged.url = OTHER_URL;
    assert_int_equal(sns_rig_post(sns_rig_body_of(&forged, genuine)),
                     200); /* another certificate */
    assert_int_equal(web_rig_stored(&sns_rig.web), 3);

    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, genuine)), 200);
    assert_string_equal(web_body_of(&sns_rig.reply), "stored\n");
    assert_int_equal(web_rig_stored(&sns_rig.web), 4);
}

static void a_cached_certificate_is_not_walked_around(void **state) {
    struct sns_rig_message m = sns_rig_alarm;

    sns_rig_give_certificate();
    m.url = OTHER_URL;
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&m)), 200);
    assert_false(web_rig_event(&sns_rig.web)->verified);
}

static void give_certificate_of(const struct signer *owner, int64_t to_s) {
    char *pem =
        signer_certificate(owner, &(struct signer_certificate){.common_name = "sns.amazonaws.com",
                                                               .alt_name = "sns.amazonaws.com",
                                                               .from_s = WEB_NOW_S - 86400,
                                                               .to_s = to_s});

    sns_rig.web.state->put(sns_rig.web.state, "sns-certificate:" URL, fx_slice_of(pem),
                           3600 * 1000);
    free(pem);
}

static void a_replaced_certificate_is_believed_no_longer_than_a_minute(void **state) {
    struct signer *other = signer_new(SIGNER_RSA_2048);
    struct sns_rig_message second = sns_rig_alarm, third = sns_rig_alarm;

    second.id = "6f0d7a52-2b1e-5c0c-9d55-21b0a4c00002";
    third.id = "6f0d7a52-2b1e-5c0c-9d55-21b0a4c00003";
    sns_rig_give_certificate();
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)), 200);
    give_certificate_of(other, WEB_NOW_S + 86400);
    atomic_fetch_add(&sns_rig.web.clock.wall_ms, 59 * 1000);
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&second)), 200);
    atomic_fetch_add(&sns_rig.web.clock.wall_ms, 1000);
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&third)), 403);
    signer_free(other);
}

/* More than are kept: the rest is read for each request, and all are believed. */
static void certificates_beyond_the_room_for_them_are_read_anew(void **state) {
    enum { CERTIFICATES = 40 };

    for (int i = 0; i < CERTIFICATES; i++) {
        struct sns_rig_message m = sns_rig_alarm;

        m.id = fx_printf(sns_rig.sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c1%04x", i);
        give_certificate_of(sns_rig.signer, WEB_NOW_S + 86400 + i);
        assert_int_equal(sns_rig_post(sns_rig_signed_body(&m)), 200);
        atomic_fetch_add(&sns_rig.web.clock.wall_ms, 60 * 1000);
    }
    give_certificate_of(sns_rig.signer, WEB_NOW_S - 1); /* has expired */
    assert_int_equal(sns_rig_post(sns_rig_body_of(&sns_rig_alarm, sns_rig_sign(&sns_rig_alarm))),
                     403);
}

static void takes_only_so_many_unverified_ones_and_then_answers_503(void **state) {
    enum { SENT = 230 };
    int stored = 0, put_off = 0;

    for (int i = 0; i < SENT; i++) {
        struct sns_rig_message m = sns_rig_alarm;

        m.id = fx_printf(sns_rig.sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0%04x", i);
        int status = sns_rig_post(sns_rig_body_of(&m, "AAAA"));

        stored += status == 200;
        put_off += status == 503;
    }
    assert_int_equal(stored + put_off, SENT);
    assert_int_equal(stored, 200);
    assert_int_equal(web_rig_stored(&sns_rig.web), stored);

    sns_rig_give_certificate(); /* with it nobody waits */
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)), 200);
    atomic_fetch_add(&sns_rig.web.clock.wall_ms, 61 * 1000);
}

static void takes_fewer_large_unverified_ones(void **state) {
    enum { SENT = 20, SIZE = 70 << 10 };
    char *text = fx_alloc(sns_rig.sc, SIZE + 1);
    int stored = 0;

    memset(text, 'x', SIZE);
    for (int i = 0; i < SENT; i++) {
        struct sns_rig_message m = sns_rig_alarm;

        m.text = text;
        m.id = fx_printf(sns_rig.sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0%04x", i);
        stored += sns_rig_post(sns_rig_body_of(&m, "AAAA")) == 200;
    }
    assert_int_equal(stored, 8);
    assert_int_equal(sns_rig_post(sns_rig_signed_body(&sns_rig_alarm)),
                     200); /* small ones still pass */
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        SNS_TEST(an_unverified_forgery_does_not_make_the_genuine_one_look_known),
        SNS_TEST(a_cached_certificate_is_not_walked_around),
        SNS_TEST(a_replaced_certificate_is_believed_no_longer_than_a_minute),
        SNS_TEST(certificates_beyond_the_room_for_them_are_read_anew),
        SNS_TEST(takes_only_so_many_unverified_ones_and_then_answers_503),
        SNS_TEST(takes_fewer_large_unverified_ones),
    };

    return cmocka_run_group_tests(tests, sns_rig_begin, sns_rig_end);
}
