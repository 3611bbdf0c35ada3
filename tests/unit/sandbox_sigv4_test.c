/* sandbox_sigv4_test.c - the sandbox's verifier accepts AWS's published vectors and nothing else.
 */
#include "support/test.h"

#include "sigv4.h"

#include <string.h>

/* 2015-08-30T12:36:00Z, the moment of AWS's signing test suite */
#define NOW_MS 1440938160000

static const struct sigv4_account account = {
    "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"};

#define SCOPE "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
#define AUTH(headers, signature)                                                                   \
    "AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=" headers ", Signature=" signature
#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

struct vector {
    const char *method, *query, *authorization;
    struct fx_http_header more[4];
};

static struct sigv4_verdict verify_at(struct fx_scope *sc, const struct vector *vector,
                                      const char *service, const char *body, int64_t now_ms) {
    struct fx_http_header headers[8] = {
        {"Host", "example.amazonaws.com"},
        {"X-Amz-Date", "20150830T123600Z"},
        {"Authorization", vector->authorization},
    };
    size_t count = 3;

    for (size_t i = 0; vector->more[i].name != NULL; i++)
        headers[count++] = vector->more[i];
    struct sandbox_request req = {.sc = sc,
                                  .method = vector->method,
                                  .raw_path = "/",
                                  .raw_query = vector->query,
                                  .body = fx_slice_of(body),
                                  .headers = headers,
                                  .headers_count = count};
    return sigv4_verify(&req, &account, service, now_ms);
}

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

static void accepts_the_published_vectors(void **state) {
    const struct vector vectors[] = {
        {"GET", "", AUTH("host;x-amz-date", VANILLA), {{0}}},
        {"POST",
         "",
         AUTH("host;x-amz-date",
              "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
         {{0}}},
        {"GET",
         "Param2=value2&Param1=value1",
         AUTH("host;x-amz-date",
              "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
         {{0}}},
        {"GET",
         "",
         AUTH("host;my-header1;my-header2;x-amz-date",
              "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
         {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
    };

    for (size_t i = 0; i < FX_COUNT_OF(vectors); i++) {
        struct sigv4_verdict verdict = verify_at(*state, &vectors[i], "service", "", NOW_MS);

        if (!verdict.valid)
            fail_msg("vector %zu: %s %s", i, verdict.code, verdict.message);
        assert_string_equal(verdict.service, "service");
    }
}

static void expect(void **state, struct vector vector, const char *service, const char *body,
                   int64_t now_ms, const char *code) {
    struct sigv4_verdict verdict = verify_at(*state, &vector, service, body, now_ms);

    assert_false(verdict.valid);
    assert_string_equal(verdict.code, code);
}

static void refuses_a_changed_request(void **state) {
    struct vector good = {"GET", "", AUTH("host;x-amz-date", VANILLA), {{0}}};

    expect(state, good, "service", "x", NOW_MS, "SignatureDoesNotMatch");
    struct vector other = good;
    other.method = "PUT";
    expect(state, other, "service", "", NOW_MS, "SignatureDoesNotMatch");
    other = good;
    other.query = "a=b";
    expect(state, other, "service", "", NOW_MS, "SignatureDoesNotMatch");
}

static void refuses_an_old_or_future_request(void **state) {
    struct vector good = {"GET", "", AUTH("host;x-amz-date", VANILLA), {{0}}};

    assert_true(verify_at(*state, &good, NULL, "", NOW_MS + SIGV4_MAX_SKEW_MS).valid);
    expect(state, good, NULL, "", NOW_MS + SIGV4_MAX_SKEW_MS + 1, "RequestExpired");
    expect(state, good, NULL, "", NOW_MS - SIGV4_MAX_SKEW_MS - 1, "RequestExpired");
}

static void refuses_a_foreign_scope(void **state) {
    struct vector good = {"GET", "", AUTH("host;x-amz-date", VANILLA), {{0}}};

    expect(state, good, "sqs", "", NOW_MS, "SignatureDoesNotMatch");
    good.authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/service/"
                         "aws4_request, SignedHeaders=host;x-amz-date, Signature=" VANILLA;
    expect(state, good, NULL, "", NOW_MS, "SignatureDoesNotMatch");
    good.authorization = "AWS4-HMAC-SHA256 Credential=OTHER/20150830/us-east-1/service/"
                         "aws4_request, SignedHeaders=host;x-amz-date, Signature=" VANILLA;
    expect(state, good, NULL, "", NOW_MS, "UnrecognizedClientException");
    good.authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/us-east-1/service/"
                         "aws4_request, SignedHeaders=host;x-amz-date, Signature=" VANILLA;
    expect(state, good, NULL, "", NOW_MS, "SignatureDoesNotMatch");
}

static void refuses_what_is_not_signed(void **state) {
    struct vector unsigned_header = {
        "GET", "", AUTH("host;x-amz-date", VANILLA), {{"X-Amz-Target", "AmazonSQS.PurgeQueue"}}};
    struct vector no_host = {"GET", "", AUTH("x-amz-date", VANILLA), {{0}}};
    struct vector absent = {"GET", "", AUTH("host;x-absent;x-amz-date", VANILLA), {{0}}};

    expect(state, unsigned_header, NULL, "", NOW_MS, "SignatureDoesNotMatch");
    expect(state, no_host, NULL, "", NOW_MS, "SignatureDoesNotMatch");
    expect(state, absent, NULL, "", NOW_MS, "SignatureDoesNotMatch");
}

static void refuses_a_body_that_is_not_the_hashed_one(void **state) {
    struct vector hashed = {"GET",
                            "",
                            AUTH("host;x-amz-content-sha256;x-amz-date", VANILLA),
                            {{"X-Amz-Content-Sha256", "00"}}};

    expect(state, hashed, NULL, "", NOW_MS, "XAmzContentSHA256Mismatch");
}

static void refuses_a_header_that_claims_nothing(void **state) {
    const char *const texts[] = {"", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=",
                                 "AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=host"};

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        expect(state, (struct vector){"GET", "", texts[i], {{0}}}, NULL, "", NOW_MS,
               "MissingAuthenticationToken");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(accepts_the_published_vectors),        TEST(refuses_a_changed_request),
        TEST(refuses_an_old_or_future_request),     TEST(refuses_a_foreign_scope),
        TEST(refuses_what_is_not_signed),           TEST(refuses_a_body_that_is_not_the_hashed_one),
        TEST(refuses_a_header_that_claims_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
