/* sns_certificate_test.c - from which addresses a signing certificate is fetched. */
#include "support/test.h"

#include "fluxabot/sns.h"

#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"
#define HEX "0123456789abcdef0123456789abcdef"
#define PATH "/SimpleNotificationService-" HEX ".pem"
#define URL "https://sns.us-east-1.amazonaws.com" PATH

static const char *const topics[] = {TOPIC};
static const struct fx_sns_rules rules = {.topics = topics, .topics_count = 1};

static int begin(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int end(void **state) {
    fx_scope_free(*state);
    return 0;
}

/* An envelope with nothing wrong but what topic and address make so. */
static enum fx_code parse(struct fx_scope *sc, const char *topic, const char *url,
                          const struct fx_sns_rules *with, struct fx_sns_envelope **ret_envelope) {
    struct fx_error err = {0};
    const struct fx_json *json = fx_json_object_of(
        sc, "Type", fx_json_string(sc, "Notification"), "MessageId",
        fx_json_string(sc, "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1"), "TopicArn",
        fx_json_string(sc, topic), "Message", fx_json_string(sc, "words"), "Timestamp",
        fx_json_string(sc, "2026-11-21T09:15:04.123Z"), "SignatureVersion", fx_json_string(sc, "2"),
        "Signature", fx_json_string(sc, "AAAA"), "SigningCertURL", fx_json_string(sc, url), NULL);

    return fx_sns_parse(sc, fx_slice_of(fx_json_dump(sc, json)), with, ret_envelope, &err);
}

static void refuses_listed_topics_whose_place_does_not_exist(void **state) {
    static const char *const odd[] = {
        "arn:aws:sns:us-gov-west-1:123456789012:t",
        "arn:aws:sns:cn-north-1:123456789012:t",
        "arn:aws-cn:sns:us-east-1:123456789012:t",
        "arn:aws-us-gov:sns:us-east-1:123456789012:t",
        "arn:aws:sns:us-east-1.evil.example/:1:t",
        "arn:aws:sns:us-east-:1:t",
        "arn:aws:sns::123456789012:t",
        "arn:aws:sqs:us-east-1:123456789012:t",
        "arn:aws:sns:us-east-1:123456789012:",
        "arn:aws:sns:us-east-1::t",
        "arn:aws-mars:sns:us-east-1:1:t",
        "topic",
        "arn:aws:sns:us-east-123:1:t",
        "arn:aws:sns:us-East-1:1:t",
        "arn:aws:sns:us-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1:1:t",
    };
    struct fx_scope *sc = *state;
    struct fx_sns_envelope *envelope;

    for (size_t i = 0; i < FX_COUNT_OF(odd); i++) {
        const struct fx_sns_rules listed = {.topics = &odd[i], .topics_count = 1};
        struct fx_slice part = {"", 0}, rest = fx_slice_of(odd[i]);

        for (int colons = 0; colons < 4; colons++)
            (void)fx_slice_split(rest, ':', &part, &rest);
        const char *url =
            fx_printf(sc, "https://sns.%s.amazonaws.com" PATH, fx_slice_dup(sc, part));
        if (parse(sc, odd[i], url, &listed, &envelope) != FX_ERR_DENIED)
            fail_msg("%s was taken", odd[i]);
    }
}

static const char *const hostile_urls[] = {
    "",
    "https://",
    "sns.us-east-1.amazonaws.com" PATH,
    "//sns.us-east-1.amazonaws.com" PATH,
    "http://sns.us-east-1.amazonaws.com" PATH,
    "HTTPS://sns.us-east-1.amazonaws.com" PATH,
    "ftp://sns.us-east-1.amazonaws.com" PATH,
    "file:///etc/ssl/certs/ca-certificates.crt",
    "file://sns.us-east-1.amazonaws.com" PATH,
    "data:application/x-pem-file;base64,AAAA",
    "javascript:alert(1)//sns.us-east-1.amazonaws.com" PATH,
    "https:/sns.us-east-1.amazonaws.com" PATH,
    "https:///sns.us-east-1.amazonaws.com" PATH,
    "https:\\\\sns.us-east-1.amazonaws.com" PATH,
    " https://sns.us-east-1.amazonaws.com" PATH,
    "\thttps://sns.us-east-1.amazonaws.com" PATH,
    "https://sns.us-east-1.amazonaws.com" PATH " ",
    "https://sns.us-east-1.amazonaws.com" PATH "\n",
    "https://sns.us-east-1.amazonaws.com" PATH "\r\nHost: evil.example",
    "https://evil.example" PATH,
    "https://evil.example/sns.us-east-1.amazonaws.com" PATH,
    "https://sns.us-east-1.amazonaws.com.evil.example" PATH,
    "https://sns.us-east-1.amazonaws.com.cn" PATH,
    "https://sns.us-east-1.amazonaws.comevil.example" PATH,
    "https://sns.us-east-1.amazonaws.com@evil.example" PATH,
    "https://sns.us-east-1.amazonaws.com:pw@evil.example" PATH,
    "https://user@sns.us-east-1.amazonaws.com" PATH,
    "https://user:pw@sns.us-east-1.amazonaws.com" PATH,
    "https://@sns.us-east-1.amazonaws.com" PATH,
    "https://evil.example@sns.us-east-1.amazonaws.com" PATH,
    "https://evil.example#@sns.us-east-1.amazonaws.com" PATH,
    "https://evil.example?@sns.us-east-1.amazonaws.com" PATH,
    "https://evil.example\\@sns.us-east-1.amazonaws.com" PATH,
    "https://sns.us-east-1.amazonaws.com\\@evil.example" PATH,
    "https://sns.us-east-1.amazonaws.com#@evil.example" PATH,
    "https://sns.us-east-1.amazonaws.com:443" PATH,
    "https://sns.us-east-1.amazonaws.com:8443" PATH,
    "https://sns.us-east-1.amazonaws.com:" PATH,
    "https://sns.us-east-1.amazonaws.com." PATH,
    "https://SNS.us-east-1.amazonaws.com" PATH,
    "https://sns.US-EAST-1.amazonaws.com" PATH,
    "https://xsns.us-east-1.amazonaws.com" PATH,
    "https://x.sns.us-east-1.amazonaws.com" PATH,
    "https://sns.us-east-2.amazonaws.com" PATH,
    "https://sns.eu-west-1.amazonaws.com" PATH,
    "https://sns.us-east-11.amazonaws.com" PATH,
    "https://sns.us-east-1xamazonaws.com" PATH,
    "https://sns.us-east-1-amazonaws.com" PATH,
    "https://snsxus-east-1.amazonaws.com" PATH,
    "https://sns.amazonaws.com" PATH,
    "https://sns..amazonaws.com" PATH,
    "https://us-east-1.amazonaws.com" PATH,
    "https://sns.s3-us-east-1.amazonaws.com" PATH,
    "https://sns.s3-ap-southeast-2.amazonaws.com" PATH,
    "https://sns.s3.us-east-1.amazonaws.com" PATH,
    "https://s3.amazonaws.com/sns.us-east-1.amazonaws.com" PATH,
    "https://sns.execute-api.us-east-1.amazonaws.com" PATH,
    "https://sns.us-east-1.elb.amazonaws.com" PATH,
    "https://sns.us-east-1.amazonaws.com%2eevil.example" PATH,
    "https://sns.us-east-1%2eamazonaws.com" PATH,
    "https://sns.us-east-1.amazonaws.com%00.evil.example" PATH,
    "https://sns.us\xe2\x80\x90"
    "east-1.amazonaws.com" PATH,
    "https://\xd1\x95ns.us-east-1.amazonaws.com" PATH,
    "https://127.0.0.1" PATH,
    "https://[::1]" PATH,
    "https://169.254.169.254" PATH,
    "https://localhost" PATH,
    "https://localhost:8443" PATH,
    "https://sns.us-east-1.amazonaws.com",
    "https://sns.us-east-1.amazonaws.com/",
    "https://sns.us-east-1.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com/" PATH,
    "https://sns.us-east-1.amazonaws.com/." PATH,
    "https://sns.us-east-1.amazonaws.com/.." PATH,
    "https://sns.us-east-1.amazonaws.com/a/.." PATH,
    "https://sns.us-east-1.amazonaws.com" PATH "?x=1",
    "https://sns.us-east-1.amazonaws.com" PATH "?",
    "https://sns.us-east-1.amazonaws.com" PATH "#",
    "https://sns.us-east-1.amazonaws.com" PATH "#x",
    "https://sns.us-east-1.amazonaws.com" PATH "/",
    "https://sns.us-east-1.amazonaws.com" PATH ".exe",
    "https://sns.us-east-1.amazonaws.com" PATH ";a",
    "https://sns.us-east-1.amazonaws.com/?Action=Publish&x=.pem",
    "https://sns.us-east-1.amazonaws.com/?x=" PATH,
    "https://sns.us-east-1.amazonaws.com/#" PATH,
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" HEX,
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" HEX ".PEM",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" HEX ".pe",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" HEX "0.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" HEX "xpem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789ABCDEF0123456789ABCDEF"
    ".pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdeg0123456789abcdef"
    ".pem",
    "https://sns.us-east-1.amazonaws.com/simplenotificationservice-" HEX ".pem",
    "https://sns.us-east-1.amazonaws.com/%53impleNotificationService-" HEX ".pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService_" HEX ".pem",
};

static void refuses_every_hostile_certificate_address(void **state) {
    struct fx_scope *sc = *state;
    struct fx_sns_envelope *envelope;

    assert_true(FX_COUNT_OF(hostile_urls) >= 60);
    for (size_t i = 0; i < FX_COUNT_OF(hostile_urls); i++)
        if (parse(sc, TOPIC, hostile_urls[i], &rules, &envelope) != FX_ERR_DENIED)
            fail_msg("%s was taken", hostile_urls[i]);
}

static void believes_one_certificate_host_in_each_partition(void **state) {
    static const struct {
        const char *partition, *region, *host;
    } places[] = {
        {"aws", "us-east-1", "sns.us-east-1.amazonaws.com"},
        {"aws", "eu-central-1", "sns.eu-central-1.amazonaws.com"},
        {"aws", "ap-southeast-7", "sns.ap-southeast-7.amazonaws.com"},
        {"aws", "sa-east-1", "sns.sa-east-1.amazonaws.com"},
        {"aws", "ca-west-1", "sns.ca-west-1.amazonaws.com"},
        {"aws", "me-central-1", "sns.me-central-1.amazonaws.com"},
        {"aws", "af-south-1", "sns.af-south-1.amazonaws.com"},
        {"aws", "il-central-1", "sns.il-central-1.amazonaws.com"},
        {"aws", "mx-central-1", "sns.mx-central-1.amazonaws.com"},
        {"aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn"},
        {"aws-cn", "cn-northwest-1", "sns.cn-northwest-1.amazonaws.com.cn"},
        {"aws-us-gov", "us-gov-east-1", "sns.us-gov-east-1.amazonaws.com"},
        {"aws-iso", "us-iso-east-1", "sns.us-iso-east-1.c2s.ic.gov"},
        {"aws-iso-b", "us-isob-east-1", "sns.us-isob-east-1.sc2s.sgov.gov"},
        {"aws-iso-e", "eu-isoe-west-1", "sns.eu-isoe-west-1.cloud.adc-e.uk"},
        {"aws-iso-f", "us-isof-south-1", "sns.us-isof-south-1.csp.hci.ic.gov"},
        {"aws-eusc", "eusc-de-east-1", "sns.eusc-de-east-1.amazonaws.eu"},
    };
    struct fx_scope *sc = *state;
    struct fx_sns_envelope *envelope;

    for (size_t i = 0; i < FX_COUNT_OF(places); i++) {
        const char *topic =
            fx_printf(sc, "arn:%s:sns:%s:123456789012:t", places[i].partition, places[i].region);
        const struct fx_sns_rules listed = {.topics = &topic, .topics_count = 1};

        for (size_t j = 0; j < FX_COUNT_OF(places); j++) {
            const char *url = fx_printf(sc, "https://%s" PATH, places[j].host);
            enum fx_code code = parse(sc, topic, url, &listed, &envelope);
            if (code != (i == j ? FX_OK : FX_ERR_DENIED))
                fail_msg("%s with a certificate of %s", topic, places[j].host);
            if (i == j)
                assert_string_equal(envelope->region, places[i].region);
        }
    }
}

static void takes_test_hosts_with_any_port_and_nothing_else(void **state) {
    static const char *const hosts[] = {"localhost", "127.0.0.1", ""};
    static const char *const good[] = {"https://localhost" PATH, "https://localhost:8443" PATH,
                                       "https://127.0.0.1:1" PATH};
    static const char *const bad[] = {
        "http://localhost" PATH,
        "https://localhost:" PATH,
        "https://localhost:123456" PATH,
        "https://localhost.evil" PATH,
        "https://localhost:8a" PATH,
        "https://localhost@evil" PATH,
        "https://localhost:80@e" PATH,
        "https://x@localhost" PATH,
        "https://localhost/x.pem",
        "https://localhost" PATH "?x",
        "https://" PATH,
        "https://:8443" PATH,
        "https://evil.example" PATH,
    };
    const struct fx_sns_rules with_tests = {
        .topics = topics, .topics_count = 1, .test_hosts = hosts, .test_hosts_count = 3};
    struct fx_scope *sc = *state;
    struct fx_sns_envelope *envelope;

    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        assert_int_equal(parse(sc, TOPIC, good[i], &with_tests, &envelope), FX_OK);
        assert_true(envelope->from_test_host);
        assert_int_equal(parse(sc, TOPIC, good[i], &rules, &envelope), FX_ERR_DENIED);
    }
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        if (parse(sc, TOPIC, bad[i], &with_tests, &envelope) != FX_ERR_DENIED)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(parse(sc, TOPIC, URL, &with_tests, &envelope), FX_OK);
    assert_false(envelope->from_test_host);
}

#define scope_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        scope_test(refuses_listed_topics_whose_place_does_not_exist),
        scope_test(refuses_every_hostile_certificate_address),
        scope_test(believes_one_certificate_host_in_each_partition),
        scope_test(takes_test_hosts_with_any_port_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
