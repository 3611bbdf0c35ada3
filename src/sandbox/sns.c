/* sns.c - SNS's envelopes: what is signed, the signature, the certificate, and confirmation. */
#include "aws.h"

#include "fluxabot/base/buf.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

enum { STRING_TO_SIGN_MAX = 2 << 20, CERTIFICATE_MAX = 16 << 10, RSA_SIGNATURE_MAX = 512 };

enum fx_code sns_load(struct sandbox_aws *aws, struct fx_error *err) {
    struct fx_scope *sc = aws->sb->scope;
    const char *dir = aws->sb->options.dir;
    FILE *key = fopen(fx_printf(sc, "%s/sns.key", dir), "re");
    FILE *certificate = fopen(fx_printf(sc, "%s/sns.pem", dir), "re");
    char *text = fx_alloc(sc, CERTIFICATE_MAX + 1);

    if (key != NULL)
        aws->sns.key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    size_t len = certificate != NULL ? fread(text, 1, CERTIFICATE_MAX, certificate) : 0;
    if (key != NULL)
        fclose(key);
    if (certificate != NULL)
        fclose(certificate);
    if (aws->sns.key == NULL || len == 0)
        return fx_fail(err, FX_ERR_INPUT, "%s/sns.key or sns.pem is not readable; remove both",
                       dir);
    aws->sns.certificate = text;
    snprintf(aws->sns.certificate_path, sizeof aws->sns.certificate_path,
             "/SimpleNotificationService-%s.pem", fx_md5_hex(sc, (struct fx_slice){text, len}));
    return FX_OK;
}

void sandbox_tls_handle(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct sns_state *sns = &req->sb->aws->sns;

    if (strcmp(req->path, sns->certificate_path) != 0)
        sandbox_reply_error(req, reply, 404, "the signing certificate is at %s",
                            sns->certificate_path);
    else
        sandbox_reply_text(reply, 200, "application/x-pem-file", sns->certificate);
}

/* Key, LF, value, LF for each signed key in byte order. */
static void add_signed(struct fx_buf *buf, const char *key, const char *value) {
    if (value != NULL)
        fx_buf_addf(buf, "%s\n%s\n", key, value);
}

static const char *subscribe_url(struct fx_scope *sc, const struct sns_envelope *envelope) {
    if (envelope->token == NULL)
        return NULL;
    return fx_printf(sc,
                     "https://sns." AWS_REGION
                     ".amazonaws.com/?Action=ConfirmSubscription&TopicArn="
                     "%s&Token=%s",
                     envelope->topic_arn, envelope->token);
}

static char *signature(struct sandbox_aws *aws, struct fx_scope *sc,
                       const struct sns_envelope *envelope) {
    const EVP_MD *digest = strcmp(envelope->version, "2") == 0 ? EVP_sha256() : EVP_sha1();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char bytes[RSA_SIGNATURE_MAX];
    size_t len = sizeof bytes;
    struct fx_buf buf;

    fx_buf_init(&buf, sc, STRING_TO_SIGN_MAX);
    add_signed(&buf, "Message", envelope->message);
    add_signed(&buf, "MessageId", envelope->message_id);
    if (envelope->token == NULL)
        add_signed(&buf, "Subject", envelope->subject);
    add_signed(&buf, "SubscribeURL", subscribe_url(sc, envelope));
    add_signed(&buf, "Timestamp", envelope->timestamp);
    add_signed(&buf, "Token", envelope->token);
    add_signed(&buf, "TopicArn", envelope->topic_arn);
    add_signed(&buf, "Type", envelope->type);

    bool ok = EVP_DigestSignInit(context, NULL, digest, NULL, aws->sns.key) == 1 &&
              EVP_DigestSign(context, bytes, &len, (const unsigned char *)buf.ptr, buf.len) == 1;
    EVP_MD_CTX_free(context);
    return ok ? fx_base64(sc, (struct fx_slice){(const char *)bytes, len}) : fx_strdup(sc, "");
}

static struct fx_json *text_or_absent(struct fx_scope *sc, const char *text) {
    return text != NULL ? fx_json_string(sc, text) : NULL;
}

const char *sns_sign(struct sandbox_aws *aws, struct fx_scope *sc,
                     const struct sns_envelope *envelope) {
    bool confirmation = envelope->token != NULL;
    const char *unsubscribe =
        fx_printf(sc,
                  "https://sns." AWS_REGION ".amazonaws.com/?Action=Unsubscribe&SubscriptionArn="
                  "%s:0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0",
                  envelope->topic_arn);
    struct fx_json *json = fx_json_object_of(
        sc, "Type", fx_json_string(sc, envelope->type), "MessageId",
        fx_json_string(sc, envelope->message_id), "Token", text_or_absent(sc, envelope->token),
        "TopicArn", fx_json_string(sc, envelope->topic_arn), "Subject",
        confirmation ? NULL : text_or_absent(sc, envelope->subject), "Message",
        fx_json_string(sc, envelope->message), "SubscribeURL",
        text_or_absent(sc, subscribe_url(sc, envelope)), "Timestamp",
        fx_json_string(sc, envelope->timestamp), "SignatureVersion",
        fx_json_string(sc, envelope->version), "Signature",
        fx_json_string(sc, signature(aws, sc, envelope)), "SigningCertURL",
        fx_json_stringf(sc, "https://127.0.0.1:%u%s", (unsigned)aws->sb->options.tls_port,
                        aws->sns.certificate_path),
        "UnsubscribeURL", confirmation ? NULL : fx_json_string(sc, unsubscribe), NULL);

    return fx_json_dump(sc, json);
}

/* Not of the world's numbers, which begin anew with it: one that comes twice is a repetition. */
const char *sns_message_id(struct fx_scope *sc) {
    return fx_uuid_new(sc, fx_random_system());
}

void sns_ask_confirmation(struct sandbox_aws *aws) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    uint8_t bytes[32];

    aws->sb->random->fill(aws->sb->random, bytes, sizeof bytes);
    snprintf(aws->sns.token, sizeof aws->sns.token, "%s", fx_hex(sc, bytes, sizeof bytes));
    aws->sns.pending_confirmation = true;
    sns_publish(aws, &(struct sns_envelope){
                         .type = "SubscriptionConfirmation",
                         .message_id = sns_message_id(sc),
                         .topic_arn = AWS_ALARM_TOPIC,
                         .message = "You have chosen to subscribe to the topic " AWS_ALARM_TOPIC
                                    ".\nTo confirm the subscription, visit the SubscribeURL "
                                    "included in this message.",
                         .timestamp = fx_time_iso_ms(sc, fx_wall_ms(aws->sb->clock)),
                         .token = aws->sns.token,
                         .version = aws->sns.version,
                     });
}

/* ---- calls ---- */

static struct fx_json *subscription_arn(struct aws_call *call) {
    return fx_json_string(call->sc, AWS_ALARM_TOPIC ":0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0");
}

static struct fx_json *confirm_subscription(struct aws_call *call) {
    struct sns_state *sns = &call->aws->sns;
    const char *token = aws_input_text(call->input, "Token");

    if (strcmp(aws_input_text(call->input, "TopicArn"), AWS_ALARM_TOPIC) != 0)
        return aws_fail(call, 404, "NotFound", NULL, "Topic does not exist");
    if (sns->token[0] == '\0' || strcmp(token, sns->token) != 0)
        return aws_fail(call, 400, "InvalidParameter", NULL, "Invalid token");
    sns->pending_confirmation = false;
    sandbox_effect(
        call->sb, "sns", "ConfirmSubscription", AWS_ALARM_TOPIC,
        fx_json_object_of(
            call->sc, "authenticate_on_unsubscribe",
            fx_json_bool(call->sc, aws_input_bool(call->input, "AuthenticateOnUnsubscribe", false)),
            "request_id", fx_json_string(call->sc, call->request_id), NULL));
    return fx_json_object_of(call->sc, "SubscriptionArn", subscription_arn(call), NULL);
}

static struct fx_json *list_subscriptions(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    struct fx_json *arn = call->aws->sns.pending_confirmation
                              ? fx_json_string(sc, "PendingConfirmation")
                              : subscription_arn(call);
    struct fx_json *one =
        fx_json_object_of(sc, "SubscriptionArn", arn, "Owner", fx_json_string(sc, AWS_ACCOUNT),
                          "Protocol", fx_json_string(sc, "https"), "Endpoint",
                          fx_json_stringf(sc, "%s/webhooks/sns", call->sb->options.bot_url),
                          "TopicArn", fx_json_string(sc, AWS_ALARM_TOPIC), NULL);

    return fx_json_object_of(sc, "Subscriptions", fx_json_array_of(sc, one, NULL), NULL);
}

static const struct aws_operation operations[] = {
    {"ConfirmSubscription", confirm_subscription},
    {"ListSubscriptionsByTopic", list_subscriptions},
};

const struct aws_service aws_service_sns = {
    .name = "sns",
    .signing = "sns",
    .xml_namespace = "http://sns.amazonaws.com/doc/2010-03-31/",
    .error_prefix = "com.amazonaws.sns",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
