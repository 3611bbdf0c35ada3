/* parse.c - reads an SNS envelope and gives every signed field its exact form. */
#include "private.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/base/digest.h"

#include <string.h>

/* The string to sign joins fields with line feeds and no lengths, so a sender could move the border
 * between two fields without breaking the signature. The forms below leave no other border. */

enum {
    MAX_SUBJECT_BYTES = 1024, /* SNS allows 100 characters */
    MAX_TOKEN_BYTES = 2048,
    MAX_URL_BYTES = 4096,
    MAX_SIGNATURE_BYTES = 1024, /* Base64 of 4,096 bits is 684 */
};

static enum fx_code member_text(const struct sns_members *members, enum sns_member which,
                                const char **ret_text, struct fx_error *err) {
    if (members->kind[which] == FX_JSON_ABSENT)
        return fx_fail(err, FX_ERR_INPUT, "the SNS envelope has no %s", sns_member_name(which));
    *ret_text = members->text[which];
    if (!*ret_text)
        return fx_fail(err, FX_ERR_INPUT, "%s of the SNS envelope is not a string",
                       sns_member_name(which));
    return FX_OK;
}

static bool has_control(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return true;
    return false;
}

/* Printable ASCII without blanks: what tokens and addresses are made of. */
static bool is_graphic(const char *text) {
    for (const char *c = text; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f)
            return false;
    return *text != '\0';
}

/* In a form 'h' is a hex digit of either case, 'd' a decimal digit, anything else itself. */
static bool has_form(const char *text, const char *form) {
    for (; *form; form++, text++) {
        bool digit = *text >= '0' && *text <= '9';
        bool letter = (*text >= 'a' && *text <= 'f') || (*text >= 'A' && *text <= 'F');

        if (*form == 'h' ? !(digit || letter) : *form == 'd' ? !digit : *text != *form)
            return false;
    }
    return *text == '\0';
}

static enum fx_code parse_type(const char *text, enum fx_sns_type *ret_type, struct fx_error *err) {
    static const struct {
        const char *text;
        enum fx_sns_type type;
    } types[] = {
        {"Notification", FX_SNS_NOTIFICATION},
        {"SubscriptionConfirmation", FX_SNS_SUBSCRIPTION},
        {"UnsubscribeConfirmation", FX_SNS_UNSUBSCRIPTION},
    };

    for (size_t i = 0; i < FX_COUNT_OF(types); i++)
        if (strcmp(text, types[i].text) == 0) {
            *ret_type = types[i].type;
            return FX_OK;
        }
    return fx_fail(err, FX_ERR_INPUT, "the SNS envelope has an unknown Type");
}

static enum fx_code parse_topic(const char *topic_arn, const struct fx_sns_rules *rules,
                                struct fx_error *err) {
    for (size_t i = 0; i < rules->topics_count; i++)
        if (strcmp(topic_arn, rules->topics[i]) == 0)
            return FX_OK;
    return fx_fail(err, FX_ERR_DENIED, "the topic is not on the list of accepted topics");
}

/* Decoding takes one spelling of a signature only, or a repetition could look new. */
static enum fx_code check_signature(struct fx_scope *sc, const char *text, struct fx_error *err) {
    struct fx_slice bytes;

    if (*text == '\0' || strlen(text) > MAX_SIGNATURE_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "the signature has no signature's length");
    return fx_base64_decode(sc, fx_slice_of(text), &bytes, err);
}

/* SNS gives the three always; a Subject only to some notifications, and copies of an envelope made
 * by others carry null where it was absent. Where it is not signed it is not read. */
static enum fx_code read_subject(const struct sns_members *members,
                                 struct fx_sns_envelope *envelope, struct fx_error *err) {
    enum fx_json_type kind = members->kind[SNS_SUBJECT];

    if (envelope->type != FX_SNS_NOTIFICATION || kind == FX_JSON_ABSENT || kind == FX_JSON_NULL)
        return FX_OK;
    FX_TRY(member_text(members, SNS_SUBJECT, &envelope->subject, err));
    if (has_control(envelope->subject) || strlen(envelope->subject) > MAX_SUBJECT_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "Subject has control characters or is too long");
    return FX_OK;
}

static enum fx_code read_confirmation(const struct sns_members *members,
                                      struct fx_sns_envelope *envelope, struct fx_error *err) {
    if (envelope->type == FX_SNS_NOTIFICATION)
        return FX_OK;
    FX_TRY(member_text(members, SNS_TOKEN, &envelope->token, err));
    FX_TRY(member_text(members, SNS_SUBSCRIBE_URL, &envelope->subscribe_url, err));
    if (!is_graphic(envelope->token) || strlen(envelope->token) > MAX_TOKEN_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "Token has not the form of a token");
    if (!is_graphic(envelope->subscribe_url) || strlen(envelope->subscribe_url) > MAX_URL_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "SubscribeURL has not the form of an address");
    return FX_OK;
}

static enum fx_code read_identity(const struct sns_members *members,
                                  const struct fx_sns_rules *rules,
                                  struct fx_sns_envelope *envelope, struct fx_error *err) {
    const char *type;

    FX_TRY(member_text(members, SNS_TYPE, &type, err));
    FX_TRY(parse_type(type, &envelope->type, err));
    FX_TRY(member_text(members, SNS_MESSAGE_ID, &envelope->message_id, err));
    if (!has_form(envelope->message_id, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"))
        return fx_fail(err, FX_ERR_INPUT, "MessageId is not a UUID");
    FX_TRY(member_text(members, SNS_TOPIC_ARN, &envelope->topic_arn, err));
    FX_TRY(parse_topic(envelope->topic_arn, rules, err));
    FX_TRY(member_text(members, SNS_TIMESTAMP, &envelope->timestamp, err));
    if (!has_form(envelope->timestamp, "dddd-dd-ddTdd:dd:dd.dddZ"))
        return fx_fail(err, FX_ERR_INPUT, "Timestamp is not a time in SNS's form");
    FX_TRY(fx_time_parse(fx_slice_of(envelope->timestamp), &envelope->sent_ms, err));
    return member_text(members, SNS_MESSAGE, &envelope->message, err);
}

static enum fx_code read_signature(struct fx_scope *sc, const struct sns_members *members,
                                   const struct fx_sns_rules *rules,
                                   struct fx_sns_envelope *envelope, struct fx_error *err) {
    struct sns_place place;
    const char *version;

    FX_TRY(member_text(members, SNS_SIGNATURE_VERSION, &version, err));
    if (strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        return fx_fail(err, FX_ERR_INPUT, "SignatureVersion is neither 1 nor 2");
    envelope->version = version[0] - '0';
    FX_TRY(member_text(members, SNS_SIGNATURE, &envelope->signature, err));
    FX_TRY(check_signature(sc, envelope->signature, err));
    FX_TRY(member_text(members, SNS_CERTIFICATE_URL, &envelope->certificate_url, err));
    FX_TRY(sns_place_of(envelope->topic_arn, &place, err));
    envelope->region = fx_strdup(sc, place.region);
    return sns_check_certificate_url(envelope->certificate_url, &place, rules,
                                     &envelope->from_test_host, err);
}

enum fx_code fx_sns_parse(struct fx_scope *sc, struct fx_slice body,
                          const struct fx_sns_rules *rules, struct fx_sns_envelope **ret_envelope,
                          struct fx_error *err) {
    struct fx_sns_envelope *envelope = FX_NEW(sc, struct fx_sns_envelope);
    struct sns_members members;

    if (body.len > FX_SNS_MAX_BODY_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the SNS envelope is larger than %d bytes",
                       FX_SNS_MAX_BODY_BYTES);
    FX_TRY(sns_read_members(sc, body, &members, err));
    FX_TRY(read_identity(&members, rules, envelope, err));
    FX_TRY(read_subject(&members, envelope, err));
    FX_TRY(read_confirmation(&members, envelope, err));
    FX_TRY(read_signature(sc, &members, rules, envelope, err));
    *ret_envelope = envelope;
    return FX_OK;
}

enum fx_code fx_sns_check_fresh(const struct fx_sns_envelope *envelope, int64_t now_ms,
                                struct fx_error *err) {
    int64_t age_ms = now_ms - envelope->sent_ms;

    if (age_ms > FX_SNS_MAX_AGE_MS)
        return fx_fail(err, FX_ERR_DENIED, "the SNS message is %lld min old",
                       (long long)(age_ms / 60000));
    if (age_ms < -FX_SNS_MAX_AHEAD_MS)
        return fx_fail(err, FX_ERR_DENIED,
                       "the SNS message is dated %lld min ahead; compare this machine's clock",
                       (long long)(-age_ms / 60000));
    return FX_OK;
}
