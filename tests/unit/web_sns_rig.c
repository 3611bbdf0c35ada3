/* web_sns_rig.c - see web_sns_rig.h. */
#include "web_sns_rig.h"

#include <stdlib.h>
#include <string.h>

struct sns_rig sns_rig;

const struct sns_rig_message sns_rig_alarm = {.id = ID,
                                              .topic = WEB_TOPIC,
                                              .subject = "ALARM: dlq",
                                              .text = "{\"AlarmName\":\"dlq\"}",
                                              .time = TIME,
                                              .url = URL};

const char *sns_rig_sign_with(const struct sns_rig_message *m, int version) {
    char *signature = signer_sign(
        sns_rig.signer,
        fx_printf(sns_rig.sc,
                  "Message\n%s\nMessageId\n%s\nSubject\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n"
                  "Notification\n",
                  m->text, m->id, m->subject, m->time, m->topic),
        version);

    fx_defer(sns_rig.sc, free, signature);
    return signature;
}

const char *sns_rig_sign(const struct sns_rig_message *m) {
    return sns_rig_sign_with(m, 2);
}

const char *sns_rig_body_of_version(const struct sns_rig_message *m, const char *signature,
                                    const char *version) {
    return fx_json_dump(
        sns_rig.sc,
        fx_json_object_of(
            sns_rig.sc, "Type", fx_json_string(sns_rig.sc, "Notification"), "MessageId",
            fx_json_string(sns_rig.sc, m->id), "TopicArn", fx_json_string(sns_rig.sc, m->topic),
            "Subject", fx_json_string(sns_rig.sc, m->subject), "Message",
            fx_json_string(sns_rig.sc, m->text), "Timestamp", fx_json_string(sns_rig.sc, m->time),
            "SignatureVersion", fx_json_string(sns_rig.sc, version), "Signature",
            fx_json_string(sns_rig.sc, signature), "SigningCertURL",
            fx_json_string(sns_rig.sc, m->url), NULL));
}

const char *sns_rig_body_of(const struct sns_rig_message *m, const char *signature) {
    return sns_rig_body_of_version(m, signature, "2");
}

const char *sns_rig_signed_body(const struct sns_rig_message *m) {
    return sns_rig_body_of(m, sns_rig_sign(m));
}

int sns_rig_post_with(const char *headers, const char *body) {
    const char *text = web_post(sns_rig.sc, "/webhooks/sns", headers, body);

    web_exchange(&sns_rig.web, false, text, strlen(text), &sns_rig.reply);
    return sns_rig.reply.status;
}

int sns_rig_post(const char *body) {
    return sns_rig_post_with("", body);
}

void sns_rig_give_certificate(void) {
    sns_rig.web.state->put(sns_rig.web.state, "sns-certificate:" URL,
                           fx_slice_of(sns_rig.certificate), 3600 * 1000);
}

const char *sns_rig_other_signature(void) {
    struct sns_rig_message m = sns_rig_alarm;

    m.text = "something else";
    return sns_rig_sign(&m);
}

int sns_rig_begin(void **state) {
    sns_rig.signer = signer_new(SIGNER_RSA_2048);
    sns_rig.certificate = signer_certificate(
        sns_rig.signer, &(struct signer_certificate){.common_name = "sns.amazonaws.com",
                                                     .alt_name = "sns.amazonaws.com",
                                                     .from_s = WEB_NOW_S - 86400,
                                                     .to_s = WEB_NOW_S + 86400});
    return 0;
}

int sns_rig_end(void **state) {
    free(sns_rig.certificate);
    signer_free(sns_rig.signer);
    return 0;
}

int sns_rig_set_up(void **state) {
    sns_rig.sc = fx_scope_new(NULL);
    web_rig_begin(&sns_rig.web);
    web_rig_start(&sns_rig.web);
    return 0;
}

int sns_rig_tear_down(void **state) {
    web_rig_end(&sns_rig.web);
    fx_scope_free(sns_rig.sc);
    return 0;
}
