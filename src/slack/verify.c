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

/* Lower case only; DIGIT is set in each that is one. */
enum { DIGIT = 0x10 };
static const uint8_t hex_digits[256] = {
    ['0'] = DIGIT | 0,  ['1'] = DIGIT | 1,  ['2'] = DIGIT | 2,  ['3'] = DIGIT | 3,
    ['4'] = DIGIT | 4,  ['5'] = DIGIT | 5,  ['6'] = DIGIT | 6,  ['7'] = DIGIT | 7,
    ['8'] = DIGIT | 8,  ['9'] = DIGIT | 9,  ['a'] = DIGIT | 10, ['b'] = DIGIT | 11,
    ['c'] = DIGIT | 12, ['d'] = DIGIT | 13, ['e'] = DIGIT | 14, ['f'] = DIGIT | 15};

static enum fx_code read_mac(struct fx_slice signature, uint8_t ret_mac[FX_SHA256_BYTES],
                             struct fx_error *err) {
    bool good = signature.len == SIGNATURE_BYTES &&
                fx_slice_starts_with(signature, FX_SLICE(SIGNATURE_PREFIX));

    for (size_t i = 0; good && i < FX_SHA256_BYTES; i++) {
        const char *digits = signature.ptr + PREFIX_BYTES + 2 * i;
        unsigned high = hex_digits[(uint8_t)digits[0]], low = hex_digits[(uint8_t)digits[1]];

        good = (high & low & DIGIT) != 0;
        ret_mac[i] = (uint8_t)(high << 4 | (low & 0xf));
    }
    if (!good)
        return fx_fail(err, FX_ERR_DENIED,
                       "the signature is not " SIGNATURE_PREFIX " and %d hexadecimal digits",
                       (int)FX_SHA256_HEX);
    return FX_OK;
}

/* Slack signs the text "v0:TIMESTAMP:BODY" with the bytes of the body as they came. */
static bool is_signed(const struct fx_hmac_key *secret, struct fx_slice timestamp,
                      struct fx_slice body, const uint8_t claimed[FX_SHA256_BYTES]) {
    const struct fx_slice text[] = {FX_SLICE("v0:"), timestamp, FX_SLICE(":"), body};
    uint8_t mac[FX_SHA256_BYTES];

    fx_hmac_key_sign(secret, text, FX_COUNT_OF(text), mac);
    return fx_slice_equal_secret((struct fx_slice){(const char *)claimed, sizeof mac},
                                 (struct fx_slice){(const char *)mac, sizeof mac});
}

enum fx_code fx_slack_verify_with(const struct fx_hmac_key *secret,
                                  const struct fx_slack_signature *given, struct fx_slice body,
                                  int64_t now_wall_ms, struct fx_error *err) {
    uint8_t claimed[FX_SHA256_BYTES];
    int64_t sent_s = 0;

    FX_TRY(parse_seconds(given->timestamp, &sent_s, err));
    FX_TRY(read_mac(given->signature, claimed, err));

    int64_t skew_ms = now_wall_ms - sent_s * 1000;
    if (skew_ms > FX_SLACK_MAX_SKEW_MS || skew_ms < -FX_SLACK_MAX_SKEW_MS)
        return fx_fail(err, FX_ERR_DENIED, "the timestamp is %lld s off",
                       (long long)(skew_ms / 1000));

    if (!is_signed(secret, given->timestamp, body, claimed))
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
