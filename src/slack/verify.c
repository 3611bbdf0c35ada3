/* verify.c - was this request signed by Slack, and just now? */
#include "fluxabot/base/digest.h"
#include "fluxabot/slack.h"

#include <string.h>

#define SIGNATURE_PREFIX "v0="

enum {
    PREFIX_BYTES = sizeof(SIGNATURE_PREFIX) - 1,
    SIGNATURE_BYTES = PREFIX_BYTES + FX_SHA256_HEX,
    TIMESTAMP_MAX_DIGITS = 10, /* reach the year 2286, and cannot overflow */
};

static enum fx_code parse_seconds(struct fx_slice s, int64_t *ret_seconds, struct fx_error *err) {
    int64_t seconds = 0;

    if (s.len == 0 || s.len > TIMESTAMP_MAX_DIGITS)
        return fx_fail(err, FX_ERR_DENIED, "the timestamp has %zu characters", s.len);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return fx_fail(err, FX_ERR_DENIED, "the timestamp is not a number");
        seconds = seconds * 10 + (s.ptr[i] - '0');
    }
    *ret_seconds = seconds;
    return FX_OK;
}

static bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static enum fx_code check_form(struct fx_slice signature, struct fx_error *err) {
    bool good = signature.len == SIGNATURE_BYTES &&
                fx_slice_starts_with(signature, FX_SLICE(SIGNATURE_PREFIX));

    for (size_t i = PREFIX_BYTES; good && i < signature.len; i++)
        good = is_lower_hex(signature.ptr[i]);
    if (!good)
        return fx_fail(err, FX_ERR_DENIED,
                       "the signature is not " SIGNATURE_PREFIX " and %d hexadecimal digits",
                       (int)FX_SHA256_HEX);
    return FX_OK;
}

static int hex_digit(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Slack signs the text "v0:TIMESTAMP:BODY" with the bytes of the body as they came. */
static bool is_signed(const struct fx_hmac_key *secret, const struct fx_slack_signature *given,
                      struct fx_slice body) {
    const struct fx_slice text[] = {FX_SLICE("v0:"), given->timestamp, FX_SLICE(":"), body};
    const char *digits = given->signature.ptr + PREFIX_BYTES;
    uint8_t mac[FX_SHA256_BYTES], claimed[FX_SHA256_BYTES];

    fx_hmac_key_sign(secret, text, FX_COUNT_OF(text), mac);
    for (size_t i = 0; i < sizeof claimed; i++)
        claimed[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
    return fx_slice_equal_secret((struct fx_slice){(const char *)claimed, sizeof claimed},
                                 (struct fx_slice){(const char *)mac, sizeof mac});
}

enum fx_code fx_slack_verify_with(const struct fx_hmac_key *secret,
                                  const struct fx_slack_signature *given, struct fx_slice body,
                                  int64_t now_wall_ms, struct fx_error *err) {
    int64_t sent_s = 0;

    FX_TRY(parse_seconds(given->timestamp, &sent_s, err));
    FX_TRY(check_form(given->signature, err));

    int64_t skew_ms = now_wall_ms - sent_s * 1000;
    if (skew_ms > FX_SLACK_MAX_SKEW_MS || skew_ms < -FX_SLACK_MAX_SKEW_MS)
        return fx_fail(err, FX_ERR_DENIED, "the timestamp is %lld s off",
                       (long long)(skew_ms / 1000));

    if (!is_signed(secret, given, body))
        return fx_fail(err, FX_ERR_DENIED, "the signature does not match");
    return FX_OK;
}

enum fx_code fx_slack_verify(struct fx_slice secret, const struct fx_slack_signature *given,
                             struct fx_slice body, int64_t now_wall_ms, struct fx_error *err) {
    if (secret.len == 0)
        return fx_fail(err, FX_ERR_INTERNAL, "there is no Slack signing secret to check with");

    struct fx_hmac_key *key = fx_hmac_key_new(secret);
    enum fx_code code = fx_slack_verify_with(key, given, body, now_wall_ms, err);

    fx_hmac_key_free(key);
    return code;
}
