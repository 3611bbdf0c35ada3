/* sns_world.c - see sns_world.h */
#include "support/sns_world.h"

#include <stdlib.h>

static const char *const topics[] = {TOPIC, OTHER_TOPIC};
static const char *const test_hosts[] = {"localhost"};
const struct fx_sns_rules sns_rules = {
    .topics = topics, .topics_count = 2, .test_hosts = test_hosts, .test_hosts_count = 1};

const struct sns_message sns_notification = {
    .type = "Notification",
    .id = ID,
    .topic = TOPIC,
    .subject = "ALARM: \"fluxa-dlq-depth-dev\"",
    .text = "{\"AlarmName\":\"fluxa-dlq-depth-dev\"}\nä",
    .time = TIME,
    .version = "2",
    .url = "https://sns.us-east-1.amazonaws.com" PATH,
};

int sns_world_begin(void **state) {
    struct sns_world *w = calloc(1, sizeof *w);

    w->sns = signer_new(SIGNER_RSA_2048);
    w->sc = fx_scope_new(NULL);
    *state = w;
    return 0;
}

int sns_world_end(void **state) {
    struct sns_world *w = *state;

    fx_scope_free(w->sc);
    signer_free(w->sns);
    free(w);
    return 0;
}

const char *sns_certificate(struct sns_world *w, const struct signer *signer,
                            const struct signer_certificate *wish) {
    char *pem = signer_certificate(signer, wish);

    fx_defer(w->sc, free, pem);
    return pem;
}

const struct signer_certificate sns_genuine = {.common_name = "sns.amazonaws.com",
                                               .alt_name = "sns.amazonaws.com",
                                               .from_s = NOW_S - 86400,
                                               .to_s = NOW_S + 86400};

const char *sns_string_of(struct sns_world *w, const struct sns_message *m) {
    if (m->subscribe_url)
        return fx_printf(w->sc,
                         "Message\n%s\nMessageId\n%s\nSubscribeURL\n%s\nTimestamp\n%s\nToken\n%s\n"
                         "TopicArn\n%s\nType\n%s\n",
                         m->text, m->id, m->subscribe_url, m->time, m->token, m->topic, m->type);
    if (m->subject)
        return fx_printf(
            w->sc,
            "Message\n%s\nMessageId\n%s\nSubject\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n%s\n",
            m->text, m->id, m->subject, m->time, m->topic, m->type);
    return fx_printf(w->sc, "Message\n%s\nMessageId\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n%s\n",
                     m->text, m->id, m->time, m->topic, m->type);
}

const char *sns_sign(struct sns_world *w, const struct sns_message *m) {
    char *signature = signer_sign(w->sns, sns_string_of(w, m), m->version[0] - '0');

    fx_defer(w->sc, free, signature);
    return signature;
}

static struct fx_json *optional(struct sns_world *w, const char *text) {
    return text ? fx_json_string(w->sc, text) : NULL;
}

const char *sns_body_of(struct sns_world *w, const struct sns_message *m, const char *signature) {
    return fx_json_dump(
        w->sc, fx_json_object_of(
                   w->sc, "Type", optional(w, m->type), "MessageId", optional(w, m->id), "TopicArn",
                   optional(w, m->topic), "Subject", optional(w, m->subject), "Message",
                   optional(w, m->text), "Timestamp", optional(w, m->time), "SignatureVersion",
                   optional(w, m->version), "Token", optional(w, m->token), "SubscribeURL",
                   optional(w, m->subscribe_url), "Signature", fx_json_string(w->sc, signature),
                   "SigningCertURL", optional(w, m->url), NULL));
}

enum fx_code sns_receive(struct sns_world *w, const char *body, const char *pem) {
    struct fx_sns_envelope *envelope;

    w->err = (struct fx_error){0};
    FX_TRY(fx_sns_parse(w->sc, fx_slice_of(body), &sns_rules, &envelope, &w->err));
    return fx_sns_verify(w->sc, envelope, &sns_rules, fx_slice_of(pem), NOW_S * 1000, &w->err);
}

enum fx_code sns_receive_signed(struct sns_world *w, const struct sns_message *m, const char *pem) {
    return sns_receive(w, sns_body_of(w, m, sns_sign(w, m)), pem);
}

struct sns_message sns_confirmation(const char *type) {
    struct sns_message m = sns_notification;

    m.type = type;
    m.subject = NULL;
    m.token = "2336412f37fb687f";
    m.subscribe_url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=23";
    return m;
}
