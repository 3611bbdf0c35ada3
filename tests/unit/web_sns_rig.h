/* web_sns_rig.h - a receiver that runs, and notifications in the form of SNS, signed or not. */
#pragma once

#include "support/signer.h"
#include "support/web_rig.h"

#define FOREIGN_TOPIC "arn:aws:sns:us-east-1:666666666666:mine"
#define ID "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1"
#define OTHER_ID "11111111-2222-3333-4444-555555555555"
#define TIME "2026-11-21T09:15:04.123Z" /* 16 s before the rig's time */
#define URL_OF(name) "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" name ".pem"
#define URL URL_OF("0123456789abcdef0123456789abcdef")
#define OTHER_URL URL_OF("ffffffffffffffffffffffffffffffff")

struct sns_rig {
    struct web_rig web;
    struct web_reply reply; /* to the newest notification */
    struct fx_scope *sc;
    struct signer *signer; /* one key for all tests: making it takes longest */
    char *certificate;     /* of signer, at URL */
};
extern struct sns_rig sns_rig;

/* For cmocka, of a group and of a test in it. */
int sns_rig_begin(void **state);
int sns_rig_end(void **state);
int sns_rig_set_up(void **state);
int sns_rig_tear_down(void **state);
#define SNS_TEST(name) cmocka_unit_test_setup_teardown(name, sns_rig_set_up, sns_rig_tear_down)

struct sns_rig_message {
    const char *id, *topic, *subject, *text, *time, *url;
};
extern const struct sns_rig_message sns_rig_alarm;

const char *sns_rig_sign_with(const struct sns_rig_message *m, int version);
const char *sns_rig_sign(const struct sns_rig_message *m);
/* A genuine one, of other words. */
const char *sns_rig_other_signature(void);
const char *sns_rig_body_of_version(const struct sns_rig_message *m, const char *signature,
                                    const char *version);
const char *sns_rig_body_of(const struct sns_rig_message *m, const char *signature);
const char *sns_rig_signed_body(const struct sns_rig_message *m);
/* The status; headers as for web_post. */
int sns_rig_post_with(const char *headers, const char *body);
int sns_rig_post(const char *body);
/* From now on the receiver has it. */
void sns_rig_give_certificate(void);
