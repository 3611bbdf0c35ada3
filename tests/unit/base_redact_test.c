/* base_redact_test.c - is every form of a credential taken out, and nothing else? */
#include "support/test.h"

#include "fluxabot/base/redact.h"

#include <string.h>

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

/* Well-known examples and made-up values. The canary is the part that must not come through; the
 * texts are put together here so that no scanner takes this file for a leak. */
static const struct {
    const char *before, *canary, *after;
} canaries[] = {
    {"key AKIA", "IOSFODNN7EXAMPLE", " in use"},
    {"key=ASIA", "IOSFODNN7EXAMPLE", ""},
    {"user-AKIA", "IOSFODNN7EXAMPLE", ", ok"},
    {"AKIA"
     "IOSFODNN7EXAMPLE,",
     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "\n"},
    {"AKIA"
     "IOSFODNN7EXAMPLE\n",
     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
    {"aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
    {"AWS_SECRET_ACCESS_KEY=", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", " ./go"},
    {"{\"SecretAccessKey\": \"", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "\"}"},
    {"{\"SessionToken\":\"", "IQoJb3JpZ2luX2VjEXAMPLE//////////wEa", "\",\"x\":1}"},
    {"X-Amz-Security-Token=", "IQoJb3JpZ2luX2VjEXAMPLE", "&X-Amz-Date=20261121"},
    {"xoxb-", "1234567890-abcdefghij", " said"},
    {"token xoxp-", "1234567890-1234567890", ""},
    {"(xapp-", "1-A012345-678-abcdef", ")"},
    {"xoxe.xoxp-", "1-Mi0yLTEyMzQ1Njc4OTA", ""},
    {"<https://hooks.slack.com/", "services/T000/B000/XXXXXXXXXXXX", "|hook>"},
    {"POST https://hooks.slack.com/", "commands/T000/1234/abcdef", " 200"},
    {"Authorization: Bearer ", "mF_9.B5f-4.1JqM0000", ""},
    {"authorization: basic ", "dXNlcjpwYXNzd29yZA==", "\r\n"},
    {"Authorization: Token token=", "y_NbAkKc66ryYTWUXYEu", ""},
    {"jwt eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMDA", " end"},
    {"-----BEGIN RSA PRIVATE KEY-----\n", "MIIEpAIBAAKCAQEA",
     "\n-----END RSA PRIVATE KEY-----\nok"},
    {"\"-----BEGIN PRIVATE KEY-----\\n", "MIIEvQIBADANBg", "\\n-----END PRIVATE KEY-----\\n\""},
    {"-----BEGIN EC PRIVATE KEY-----\n", "MHcCAQEEIcutoff", ""},
    {"postgresql://fluxa:", "s3cret", "@db.internal:5432/fluxa"},
    {"postgres://u:", "p@ss", "@db/x failed"},
    {"rediss://:", "p&s;s(w", "@cache:6379"},
    {"host=db user=fluxa password=", "hunter2!", " dbname=fluxa"},
    {"host=db password='", "my pass, word", "' dbname=fluxa"},
    {"PGPASSWORD=", "hunter22", " psql"},
    {"{\"dbPassword\":\"", "a\\\"b c", "\",\"user\":\"x\"}"},
    {"{\\\"password\\\":\\\"", "my pass", "\\\",\\\"user\\\":\\\"x\\\"}"},
    {"routing_key: ", "0123456789abcdef0123456789abcdef", ""},
    {"{\"routing_key\":\"", "R0123456789abcdef", "\",\"event_action\":\"trigger\"}"},
    {"SLACK_SIGNING_SECRET=", "8f742231b10e8888abcd99yyyzzz85a5", ""},
    {"client_secret=", "abcdEFGH1234", "&code=1"},
    {"x-api-key: ", "abcd1234efgh", ""},
    {"refresh_token=", "1//0abcdef", "&x=1"},
    {"ghp_", "abcdefghijklmnopqrst0123456789", ""},
    {"MYSQL_PWD=", "hunter2", ""},
};

static void takes_out_every_canary(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(canaries); i++) {
        const char *text =
            fx_printf(*state, "%s%s%s", canaries[i].before, canaries[i].canary, canaries[i].after);
        const char *clean = fx_redact(*state, text);

        if (strstr(clean, canaries[i].canary) != NULL || strstr(clean, "[redacted]") == NULL)
            fail_msg("form %zu came through: %s", i, clean);
        /* no half of it either */
        for (size_t half = 0; half + 4 <= strlen(canaries[i].canary); half += 4) {
            const char *piece =
                fx_slice_dup(*state, fx_slice_cut(fx_slice_of(canaries[i].canary), half, 4));

            if (strstr(clean, piece) != NULL && strstr(canaries[i].before, piece) == NULL &&
                strstr(canaries[i].after, piece) == NULL)
                fail_msg("form %zu came through in part: %s", i, clean);
        }
    }
}

static void keeps_what_stands_around(void **state) {
    assert_string_equal(fx_redact(*state, "postgresql://fluxa:s3cret@db:5432/fluxa is down"),
                        "postgresql://fluxa:[redacted]@db:5432/fluxa is down");
    assert_string_equal(fx_redact(*state, "{\"password\":\"abcdef\",\"user\":\"x\"}"),
                        "{\"password\":\"[redacted]\",\"user\":\"x\"}");
    assert_string_equal(
        fx_redact(*state, "{\\\"password\\\":\\\"abcdef\\\",\\\"user\\\":\\\"x\\\"}"),
        "{\\\"password\\\":\\\"[redacted]\\\",\\\"user\\\":\\\"x\\\"}");
    assert_string_equal(fx_redact(*state, "a xoxb-1234567890-ab b xoxb-1234567890-cd c"),
                        "a [redacted] b [redacted] c");
    assert_string_equal(fx_redact(*state, "Authorization: Bearer abcdefgh12345678 x"),
                        "Authorization: Bearer [redacted] x");
}

static void keeps_not_even_the_size(void **state) {
    assert_string_equal(fx_redact(*state, "password=abcd"),
                        fx_redact(*state, "password=abcdefghijklmnopqrstuvwxyz0123456789"));
}

static const char *const near_misses[] = {
    "",
    "the password is wrong",
    "password authentication failed for user \"fluxa\"",
    "fe_sendauth: no password supplied",
    "Basic authentication is required",
    "Bearer authentication failed, renew the token",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "arn:aws:iam::123456789012:role/AKIA-rotator",
    "secretsmanager:GetSecretValue",
    "AROAIOSFODNN7EXAMPLE:session",
    "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "https://sqs.us-east-1.amazonaws.com/123456789012/fluxa-dlq",
    "https://db.internal:5432/path?to=joe@example.com",
    "https://example.com/a:b@c",
    "ops@example.com:8080",
    "redis://cache:6379",
    "postgresql://fluxa@db/fluxa",
    "https://hooks.slack.com/",
    "xoxb- is how bot tokens begin",
    "{\"NextToken\":\"AAAAabcdefghijklmnop\"}",
    "eyJhbGciOiJIUzI1NiJ9",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "run_0123456789ab waits for U012ABCDEF",
    "11111111-2222-4333-8444-555555555555",
    "api_key_count 3",
    "2026-11-21T11:45:04.123Z",
    "makia1234567890123456789",
    "secret",
    "password=",
};

static void leaves_near_misses_alone(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(near_misses); i++)
        assert_ptr_equal(fx_redact(*state, near_misses[i]), near_misses[i]);
    assert_string_equal(fx_redact(*state, NULL) == NULL ? "" : fx_redact(*state, NULL), "");
}

static void is_the_same_when_done_twice(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(canaries); i++) {
        const char *once = fx_redact(*state, fx_printf(*state, "%s%s%s", canaries[i].before,
                                                       canaries[i].canary, canaries[i].after));

        assert_string_equal(fx_redact(*state, once), once);
    }
}

static void json_strings_are_redacted_at_any_depth(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(*state,
                            FX_SLICE("{\"a\":[{\"b\":\"xoxb-1234567890-abcdef\"}],\"n\":5,"
                                     "\"password\":null}"),
                            &json, &err));
    assert_string_equal(fx_json_dump(*state, fx_redact_json(*state, json)),
                        "{\"a\":[{\"b\":\"[redacted]\"}],\"n\":5,\"password\":null}");
    assert_non_null(strstr(fx_json_dump(*state, json), "xoxb-"));
}

/* Each text makes a naive matcher read one long run again from each of its bytes: at this size that
 * would take minutes. */
static void hostile_text_takes_no_longer_than_any(void **state) {
    static const char *const pieces[] = {"eyJ-",     "eyJaaaaaaaaa", "://a:",   "password",
                                         "secret:'", "-----BEGIN",   "xoxb-",   "Bearer ",
                                         "AKIA",     "\"",           "pwd=\\\""};
    enum { BYTES = 400000 };

    for (size_t i = 0; i < FX_COUNT_OF(pieces); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        size_t width = strlen(pieces[i]);
        char *text = fx_alloc(sc, BYTES + 1);

        for (size_t at = 0; at + width <= BYTES; at += width)
            memcpy(text + at, pieces[i], width);
        assert_non_null(fx_redact(sc, text));
    }
}

static void any_bytes_are_survived(void **state) {
    static const char alphabet[] = "AKIAeyJxoxb-.:/@=\"'\\ password\n\0\xC3";
    uint32_t seed = 11;

    for (int round = 0; round < 4000; round++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        size_t len = (size_t)round % 64;
        char *text = fx_alloc(sc, len + 1);

        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        struct fx_slice clean = fx_redact_slice(sc, (struct fx_slice){text, len});

        assert_true(clean.len <= 12 * len + 12);
    }
}

/* Signs of other scripts share their low bits with letters that begin a secret. */
static void any_two_bytes_may_begin_a_text(void **state) {
    for (int first = 1; first < 256; first++)
        for (int second = 1; second < 256; second++) {
            FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
            char text[] = {(char)first, (char)second, ' ', 'o', 'k', '\0'};

            assert_string_equal(fx_redact(sc, text), text);
        }
}

#define REDACT_TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)

int main(void) {
    const struct CMUnitTest tests[] = {
        REDACT_TEST(takes_out_every_canary),
        REDACT_TEST(keeps_what_stands_around),
        REDACT_TEST(keeps_not_even_the_size),
        REDACT_TEST(leaves_near_misses_alone),
        REDACT_TEST(is_the_same_when_done_twice),
        REDACT_TEST(json_strings_are_redacted_at_any_depth),
        REDACT_TEST(hostile_text_takes_no_longer_than_any),
        REDACT_TEST(any_bytes_are_survived),
        REDACT_TEST(any_two_bytes_may_begin_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
