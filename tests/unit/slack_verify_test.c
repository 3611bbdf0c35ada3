/* slack_verify_test.c - only what Slack signed just now is accepted. */
#include "support/test.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/slack.h"

#include <stdio.h>
#include <string.h>

/* The worked example of Slack's guide "Verifying requests from Slack". */
static const char *const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
static const char *const TIMESTAMP = "1531420618";
static const char *const BODY =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
    "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
    "command=%2Fwebhook-collect&text=&"
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    "96rGlfmibIGlgcZRskXaIFfN&"
    "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
static const char *const SIGNATURE =
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
static const int64_t SENT_MS = 1531420618000;

static enum fx_code verify(const char *secret, const char *timestamp, const char *signature,
                           const char *body, int64_t now_ms, struct fx_error *err) {
    struct fx_slack_signature given = {fx_slice_of(timestamp), fx_slice_of(signature)};

    return fx_slack_verify(fx_slice_of(secret), &given, fx_slice_of(body), now_ms, err);
}

static enum fx_code verify_at(int64_t now_ms, struct fx_error *err) {
    return verify(SECRET, TIMESTAMP, SIGNATURE, BODY, now_ms, err);
}

static void accepts_the_example_of_the_guide(void **state) {
    struct fx_error err;

    assert_ok(verify_at(SENT_MS, &err));
}

static void refuses_a_request_older_than_five_minutes(void **state) {
    struct fx_error err;

    assert_ok(verify_at(SENT_MS + FX_SLACK_MAX_SKEW_MS, &err));
    assert_int_equal(verify_at(SENT_MS + FX_SLACK_MAX_SKEW_MS + 1, &err), FX_ERR_DENIED);
    assert_string_equal(err.message, "the timestamp is 300 s off");
}

static void refuses_a_request_from_more_than_five_minutes_ahead(void **state) {
    struct fx_error err;

    assert_ok(verify_at(SENT_MS - FX_SLACK_MAX_SKEW_MS, &err));
    assert_int_equal(verify_at(SENT_MS - FX_SLACK_MAX_SKEW_MS - 1, &err), FX_ERR_DENIED);
}

static void refuses_to_work_without_a_secret(void **state) {
    struct fx_error err;

    assert_int_equal(verify("", TIMESTAMP, SIGNATURE, BODY, SENT_MS, &err), FX_ERR_INTERNAL);
}

static void refuses_another_secret(void **state) {
    struct fx_error err;

    assert_int_equal(
        verify("8f742231b10e8888abcd99yyyzzz85a6", TIMESTAMP, SIGNATURE, BODY, SENT_MS, &err),
        FX_ERR_DENIED);
    assert_string_equal(err.message, "the signature does not match");
}

/* Signs as Slack would, so that the form of the timestamp is the only thing that can be refused. */
static enum fx_code verify_signed(const char *timestamp, size_t len, int64_t now_ms,
                                  struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    uint8_t mac[FX_SHA256_BYTES];
    char base[128] = "v0:";

    memcpy(base + 3, timestamp, len);
    memcpy(base + 3 + len, ":body", 5);
    fx_hmac_sha256(fx_slice_of(SECRET), (struct fx_slice){base, 3 + len + 5}, mac);
    struct fx_slack_signature given = {
        {timestamp, len}, fx_slice_of(fx_printf(sc, "v0=%s", fx_hex(sc, mac, sizeof mac)))};
    return fx_slack_verify(fx_slice_of(SECRET), &given, FX_SLICE("body"), now_ms, err);
}

static void refuses_every_timestamp_that_is_not_plain_digits(void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "+",
        "-",
        "0x",
        "x",
        "1e9",
        "1531420618.0",
        "1531420618.",
        ".1531420618",
        " 1531420618",
        "1531420618 ",
        "\t1531420618",
        "1531420618\n",
        "1531420618\r\n",
        "+1531420618",
        "-1531420618",
        "--1531420618",
        "1531420618-",
        "1,531,420,618",
        "1_531420618",
        "1531420618L",
        "1531420618u",
        "0x5b47a04a",
        "5b47a04a",
        "0b1011",
        "1531420618;",
        "15314206l8",
        "153142061O",
        "1531420618,1531420618",
        "1531420618 1531420618",
        "'1531420618'",
        "\"1531420618\"",
        "15314206180",
        "01531420618",
        "00000000001531420618",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "-9223372036854775808",
        "99999999999999999999999999999999",
        "NaN",
        "nan",
        "inf",
        "Infinity",
        "null",
        "true",
        "1531420618%00",
        "%31531420618",
        "１５３１４２０６１８",
        "١٥٣١٤٢٠٦١٨",
        "1531420618\xc2\xa0",
        "\ufeff1531420618",
        "1531420618:",
        ":1531420618",
        "v0:1531420618",
        "2018-07-12",
        "2018-07-12T18:36:58Z",
        "1531420618/1",
        "0153142061 8",
        "1.531420618e9",
    };
    struct fx_error err;
    size_t refused = 0;

    assert_true(FX_COUNT_OF(bad) >= 60);
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        enum fx_code code = verify_signed(bad[i], strlen(bad[i]), SENT_MS, &err);
        if (code != FX_ERR_DENIED)
            fail_msg("\"%s\" gave %s", bad[i], fx_code_name(code));
        refused++;
    }
    assert_int_equal(refused, FX_COUNT_OF(bad));
    assert_ok(
        verify_signed(TIMESTAMP, strlen(TIMESTAMP), SENT_MS, &err)); /* the twin that passes */
}

static void refuses_a_timestamp_with_a_nul_inside(void **state) {
    struct fx_error err;

    assert_int_equal(verify_signed("15314206\0008", 10, SENT_MS, &err), FX_ERR_DENIED);
}

static void refuses_a_far_timestamp_without_overflowing(void **state) {
    struct fx_error err;

    assert_int_equal(verify_signed("9999999999", 10, SENT_MS, &err), FX_ERR_DENIED);
    assert_int_equal(verify_signed("0000000000", 10, SENT_MS, &err), FX_ERR_DENIED);
    assert_ok(verify_signed("0", 1, 0, &err));
}

static void refuses_every_other_form_of_the_signature(void **state) {
    static const char *const bad[] = {
        "",
        "v0=",
        "v0",
        "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "V0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v0:a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v0=A2114D57B48EAC39B9AD189DD8316235A7B4A8D21A10BD27519666489C69B503",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b50",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b5033",
        " v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503 ",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\n",
        "v0=g2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "v0=ohFNV7SOrDm5rRid2DFiNae0qNIaEL0nUZZmSJxptQM=",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_int_equal(verify(SECRET, TIMESTAMP, bad[i], BODY, SENT_MS, &err), FX_ERR_DENIED);
        assert_string_equal(err.message, "the signature is not v0= and 64 hexadecimal digits");
    }
}

/* ---- 100,000 requests that differ from the signed one ---- */

struct request {
    char timestamp[16], signature[80], body[1024];
    size_t timestamp_len, signature_len, body_len;
};

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void flip_bit(char *bytes, size_t len, uint64_t *seed) {
    size_t bit = next_random(seed) % (len * 8);

    bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
}

static void swap_two(char *bytes, size_t len, uint64_t *seed) {
    size_t a = next_random(seed) % len, b = next_random(seed) % len;
    char kept = bytes[a];

    bytes[a] = bytes[b];
    bytes[b] = kept;
}

static void mutate(struct request *r, uint64_t *seed) {
    switch (next_random(seed) % 9) {
    case 0:
        flip_bit(r->body, r->body_len, seed);
        break;
    case 1:
        flip_bit(r->signature, r->signature_len, seed);
        break;
    case 2:
        flip_bit(r->timestamp, r->timestamp_len, seed);
        break;
    case 3:
        r->body_len -= 1 + next_random(seed) % r->body_len;
        break;
    case 4:
        r->signature_len -= 1 + next_random(seed) % r->signature_len;
        break;
    case 5:
        r->body[r->body_len++] = (char)next_random(seed);
        break;
    case 6:
        r->signature[r->signature_len++] = "0aA= \n"[next_random(seed) % 6];
        break;
    case 7:
        swap_two(r->body, r->body_len, seed);
        break;
    default: /* the border between timestamp and body moves */
        memmove(r->body + 1, r->body, r->body_len);
        r->body[0] = r->timestamp[--r->timestamp_len];
        r->body_len++;
        break;
    }
}

static void load(struct request *r) {
    memset(r, 0, sizeof *r);
    r->timestamp_len = (size_t)snprintf(r->timestamp, sizeof r->timestamp, "%s", TIMESTAMP);
    r->signature_len = (size_t)snprintf(r->signature, sizeof r->signature, "%s", SIGNATURE);
    r->body_len = (size_t)snprintf(r->body, sizeof r->body, "%s", BODY);
}

/* A second change may have undone the first. */
static bool is_same(const struct request *a, const struct request *b) {
    return fx_slice_equal((struct fx_slice){a->timestamp, a->timestamp_len},
                          (struct fx_slice){b->timestamp, b->timestamp_len}) &&
           fx_slice_equal((struct fx_slice){a->signature, a->signature_len},
                          (struct fx_slice){b->signature, b->signature_len}) &&
           fx_slice_equal((struct fx_slice){a->body, a->body_len},
                          (struct fx_slice){b->body, b->body_len});
}

static void refuses_a_hundred_thousand_mutants(void **state) {
    struct request original, mutant;
    uint64_t seed = 20261121;
    size_t tried = 0;
    struct fx_error err;

    load(&original);
    while (tried < 100000) {
        load(&mutant);
        for (uint64_t n = 1 + next_random(&seed) % 3;
             n > 0 && mutant.body_len > 8 && mutant.signature_len > 8 && mutant.timestamp_len > 2;
             n--)
            mutate(&mutant, &seed);
        if (is_same(&mutant, &original))
            continue;
        struct fx_slack_signature given = {{mutant.timestamp, mutant.timestamp_len},
                                           {mutant.signature, mutant.signature_len}};
        struct fx_slice body = {mutant.body, mutant.body_len};
        if (fx_slack_verify(fx_slice_of(SECRET), &given, body, SENT_MS, &err) != FX_ERR_DENIED)
            fail_msg("mutant %zu was accepted: %.*s", tried, (int)body.len, body.ptr);
        tried++;
    }
}

static void refuses_a_signature_of_another_body(void **state) {
    struct fx_error err;

    assert_int_equal(verify(SECRET, TIMESTAMP, SIGNATURE, "", SENT_MS, &err), FX_ERR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_example_of_the_guide),
        cmocka_unit_test(refuses_a_request_older_than_five_minutes),
        cmocka_unit_test(refuses_a_request_from_more_than_five_minutes_ahead),
        cmocka_unit_test(refuses_to_work_without_a_secret),
        cmocka_unit_test(refuses_another_secret),
        cmocka_unit_test(refuses_every_timestamp_that_is_not_plain_digits),
        cmocka_unit_test(refuses_a_timestamp_with_a_nul_inside),
        cmocka_unit_test(refuses_a_far_timestamp_without_overflowing),
        cmocka_unit_test(refuses_every_other_form_of_the_signature),
        cmocka_unit_test(refuses_a_hundred_thousand_mutants),
        cmocka_unit_test(refuses_a_signature_of_another_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
