/* sns_verify_test.c - whose signatures are believed. */
#include "support/sns_world.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <string.h>

static void believes_genuine_messages_of_every_kind(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    struct sns_message untitled = sns_notification;
    struct sns_message kinds[] = {sns_notification, untitled,
                                  sns_confirmation("SubscriptionConfirmation"),
                                  sns_confirmation("UnsubscribeConfirmation")};

    kinds[1].subject = NULL;
    for (size_t i = 0; i < FX_COUNT_OF(kinds); i++) {
        kinds[i].version = "1";
        if (sns_receive_signed(w, &kinds[i], pem) != FX_OK)
            fail_msg("kind %zu: %s", i, w->err.message);
        kinds[i].version = "2";
        if (sns_receive_signed(w, &kinds[i], pem) != FX_OK)
            fail_msg("kind %zu: %s", i, w->err.message);
    }
}

static char *read_golden(struct sns_world *w, const char *name, const char *suffix) {
    char path[512], *text = fx_alloc(w->sc, 16384);

    snprintf(path, sizeof path, FX_TEST_DIR "/golden/sns/%s%s", name, suffix);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be opened", path);
    text[fread(text, 1, 16383, file)] = '\0';
    fclose(file);
    return text;
}

/* Those were signed by the openssl program over text that a shell joined. */
static void believes_what_the_openssl_program_signed(void **state) {
    static const char *const names[] = {"notification-v1", "notification-v2", "untitled-v2",
                                        "null-subject-v1", "subscription-v2", "unsubscription-v1"};
    struct sns_world *w = *state;
    const char *pem = read_golden(w, "certificate", ".pem");
    const int64_t then_ms = INT64_C(1830000000000); /* within the certificate's hundred years */

    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        struct fx_sns_envelope *envelope;
        struct fx_error err = {0};

        assert_ok(fx_sns_parse(w->sc, fx_slice_of(read_golden(w, names[i], ".json")), &sns_rules,
                               &envelope, &err));
        assert_string_equal(fx_sns_string_to_sign(w->sc, envelope),
                            read_golden(w, names[i], ".string"));
        assert_ok(fx_sns_verify(w->sc, envelope, &sns_rules, fx_slice_of(pem), then_ms, &err));
        envelope->version = 3 - envelope->version;
        assert_int_equal(
            fx_sns_verify(w->sc, envelope, &sns_rules, fx_slice_of(pem), then_ms, &err),
            FX_ERR_DENIED);
    }
}

/* Every change here has a permitted form, so only the signature stands against it. */
static void refuses_a_change_of_any_signed_field(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    struct sns_message m = sns_confirmation("SubscriptionConfirmation");
    const char *titled = sns_sign(w, &sns_notification), *asked = sns_sign(w, &m);
    struct sns_message changed[] = {sns_notification, sns_notification, sns_notification,
                                    sns_notification, sns_notification, sns_notification,
                                    sns_notification, sns_notification};

    changed[0].id = OTHER_ID;
    changed[1].time = OTHER_TIME;
    changed[2].topic = OTHER_TOPIC;
    changed[3].subject = "ALARM: \"fluxa-dlq-depth-prod\"";
    changed[4].subject = NULL;
    changed[5].subject = "";
    changed[6].text = "{\"AlarmName\":\"fluxa-dlq-depth-dev\"}\\nä";
    changed[7].version = "1";
    for (size_t i = 0; i < FX_COUNT_OF(changed); i++)
        if (sns_receive(w, sns_body_of(w, &changed[i], titled), pem) != FX_ERR_DENIED)
            fail_msg("change %zu was believed", i);
    assert_int_equal(sns_receive(w, sns_body_of(w, &sns_notification, titled), pem), FX_OK);

    struct sns_message others[] = {m, m, m, m};
    others[0].token = "2336412f37fb687e";
    others[1].subscribe_url = "https://sns.us-east-1.amazonaws.com/?Token=24";
    others[2].type = "UnsubscribeConfirmation";
    others[3].text = "";
    for (size_t i = 0; i < FX_COUNT_OF(others); i++)
        assert_int_equal(sns_receive(w, sns_body_of(w, &others[i], asked), pem), FX_ERR_DENIED);
    others[0] = m;
    others[0].type = "Notification";
    assert_int_equal(sns_receive(w, sns_body_of(w, &others[0], asked), pem), FX_ERR_DENIED);
}

static void refuses_a_change_of_any_byte_of_the_message(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine),
               *signature = sns_sign(w, &sns_notification);
    size_t len = strlen("{\"AlarmName\":\"fluxa-dlq-depth-dev\"}");

    for (size_t i = 0; i < len; i++) {
        char *text = fx_strdup(w->sc, sns_notification.text);
        struct sns_message changed = sns_notification;

        text[i] ^= 1;
        changed.text = text;
        assert_int_equal(sns_receive(w, sns_body_of(w, &changed, signature), pem), FX_ERR_DENIED);
    }
}

static void refuses_a_change_of_any_byte_of_the_signature(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine),
               *signature = sns_sign(w, &sns_notification);
    size_t len = strlen(signature);

    for (size_t i = 0; i < len; i++) {
        char *changed = fx_strdup(w->sc, signature);

        changed[i] = changed[i] == 'A' ? 'Q' : 'A';
        if (sns_receive(w, sns_body_of(w, &sns_notification, changed), pem) == FX_OK)
            fail_msg("byte %zu of the signature does not count", i);
    }
    assert_int_equal(sns_receive(w, sns_body_of(w, &sns_notification, "AAAA"), pem), FX_ERR_DENIED);
    const char *longer = fx_printf(w->sc, "AAAA%s", signature);
    assert_int_equal(sns_receive(w, sns_body_of(w, &sns_notification, longer), pem), FX_ERR_DENIED);
}

static void wants_the_name_of_the_topics_region(void **state) {
    static const struct {
        const char *topic, *host, *name;
    } places[] = {
        {"arn:aws:sns:us-east-1:1:t", "sns.us-east-1.amazonaws.com", "sns.amazonaws.com"},
        {"arn:aws:sns:eu-west-1:1:t", "sns.eu-west-1.amazonaws.com", "sns.amazonaws.com"},
        {"arn:aws:sns:us-east-9:1:t", "sns.us-east-9.amazonaws.com", "sns.amazonaws.com"},
        {"arn:aws:sns:ap-east-1:1:t", "sns.ap-east-1.amazonaws.com",
         "sns-signing.ap-east-1.amazonaws.com"},
        {"arn:aws:sns:ap-southeast-5:1:t", "sns.ap-southeast-5.amazonaws.com",
         "sns-signing.ap-southeast-5.amazonaws.com"},
        {"arn:aws:sns:eu-central-2:1:t", "sns.eu-central-2.amazonaws.com",
         "sns-signing.eu-central-2.amazonaws.com"},
        {"arn:aws:sns:il-central-1:1:t", "sns.il-central-1.amazonaws.com",
         "sns-signing.il-central-1.amazonaws.com"},
        {"arn:aws-cn:sns:cn-north-1:1:t", "sns.cn-north-1.amazonaws.com.cn",
         "sns-cn-north-1.amazonaws.com.cn"},
        {"arn:aws-cn:sns:cn-northwest-1:1:t", "sns.cn-northwest-1.amazonaws.com.cn",
         "sns-cn-northwest-1.amazonaws.com.cn"},
        {"arn:aws-us-gov:sns:us-gov-east-1:1:t", "sns.us-gov-east-1.amazonaws.com",
         "sns-us-gov-west-1.amazonaws.com"},
        {"arn:aws-us-gov:sns:us-gov-west-1:1:t", "sns.us-gov-west-1.amazonaws.com",
         "sns-us-gov-west-1.amazonaws.com"},
        {"arn:aws-iso:sns:us-iso-east-1:1:t", "sns.us-iso-east-1.c2s.ic.gov",
         "sns-us-iso-east-1.c2s.ic.gov"},
        {"arn:aws-iso:sns:us-iso-west-1:1:t", "sns.us-iso-west-1.c2s.ic.gov", "sns.c2s.ic.gov"},
        {"arn:aws-iso-b:sns:us-isob-east-1:1:t", "sns.us-isob-east-1.sc2s.sgov.gov",
         "sns-us-isob-east-1.sc2s.sgov.gov"},
        {"arn:aws-iso-e:sns:eu-isoe-west-1:1:t", "sns.eu-isoe-west-1.cloud.adc-e.uk",
         "sns-signing.eu-isoe-west-1.cloud.adc-e.uk"},
        {"arn:aws-iso-f:sns:us-isof-east-1:1:t", "sns.us-isof-east-1.csp.hci.ic.gov",
         "sns-signing.us-isof-east-1.csp.hci.ic.gov"},
        {"arn:aws-eusc:sns:eusc-de-east-1:1:t", "sns.eusc-de-east-1.amazonaws.eu",
         "sns-signing.eusc-de-east-1.amazonaws.eu"},
    };
    struct sns_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(places); i++) {
        const struct fx_sns_rules listed = {.topics = &places[i].topic, .topics_count = 1};
        struct sns_message m = sns_notification;
        struct fx_sns_envelope *envelope;
        struct fx_error err = {0};

        m.topic = places[i].topic;
        m.url = fx_printf(w->sc, "https://%s" PATH, places[i].host);
        assert_ok(fx_sns_parse(w->sc, fx_slice_of(sns_body_of(w, &m, sns_sign(w, &m))), &listed,
                               &envelope, &err));
        for (size_t j = 0; j < FX_COUNT_OF(places); j++) {
            struct signer_certificate wish = sns_genuine;

            wish.common_name = wish.alt_name = places[j].name;
            bool same = strcmp(places[i].name, places[j].name) == 0;
            if (fx_sns_verify(w->sc, envelope, &listed,
                              fx_slice_of(sns_certificate(w, w->sns, &wish)), NOW_S * 1000,
                              &err) != (same ? FX_OK : FX_ERR_DENIED))
                fail_msg("%s with a certificate for %s", places[i].topic, places[j].name);
        }
    }
}

static void reads_the_name_from_either_place_but_never_a_wildcard(void **state) {
    static const struct {
        const char *common_name, *alt_name;
        enum fx_code code;
    } names[] = {
        {"sns.amazonaws.com", NULL, FX_OK},
        {"x", "sns.amazonaws.com", FX_OK},
        {"sns.amazonaws.com", "evil.example", FX_ERR_DENIED},
        {"evil.example", NULL, FX_ERR_DENIED},
        {"*.amazonaws.com", NULL, FX_ERR_DENIED},
        {"x", "*.amazonaws.com", FX_ERR_DENIED},
        {"x", "*.com", FX_ERR_DENIED},
        {"x", "amazonaws.com", FX_ERR_DENIED},
        {"x", "sns.us-east-1.amazonaws.com", FX_ERR_DENIED},
        {"x", "sns.amazonaws.com.evil.example", FX_ERR_DENIED},
        {"sns.amazonaws.com.evil.example", NULL, FX_ERR_DENIED},
    };
    struct sns_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(names); i++) {
        struct signer_certificate wish = sns_genuine;

        wish.common_name = names[i].common_name;
        wish.alt_name = names[i].alt_name;
        if (sns_receive_signed(w, &sns_notification, sns_certificate(w, w->sns, &wish)) !=
            names[i].code)
            fail_msg("%s / %s", names[i].common_name, names[i].alt_name);
    }
}

static void wants_a_certificate_that_is_valid_now(void **state) {
    static const struct {
        int64_t from_s, to_s;
        enum fx_code code;
    } spans[] = {
        {NOW_S - 1, NOW_S + 1, FX_OK},
        {NOW_S - 900, NOW_S - 1, FX_ERR_DENIED},
        {NOW_S - 900, NOW_S, FX_ERR_DENIED},
        {NOW_S + 1, NOW_S + 900, FX_ERR_DENIED},
        {NOW_S + 900, NOW_S - 900, FX_ERR_DENIED},
        {0, 1, FX_ERR_DENIED},
        {0, INT64_C(253402300799), FX_OK},
    };
    struct sns_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(spans); i++) {
        struct signer_certificate wish = sns_genuine;

        wish.from_s = spans[i].from_s;
        wish.to_s = spans[i].to_s;
        if (sns_receive_signed(w, &sns_notification, sns_certificate(w, w->sns, &wish)) !=
            spans[i].code)
            fail_msg("span %zu", i);
    }
}

/* The same with the thirteenth month in its time of this index: 0, from when; 1, until when. */
static const char *with_no_such_month(struct sns_world *w, const char *pem, int index) {
    enum { UTC_TIME = 0x17, LENGTH = 13, MONTH = 4 }; /* tag, length, two digits of the year */
    BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    char *name = NULL, *header = NULL, *text = NULL;
    unsigned char *der = NULL;
    long len = 0;

    assert_int_equal(PEM_read_bio(in, &name, &header, &der, &len), 1);
    for (long i = 0, seen = 0; i + MONTH + 1 < len; i++)
        if (der[i] == UTC_TIME && der[i + 1] == LENGTH && seen++ == index)
            memcpy(der + i + MONTH, "13", 2);
    assert_true(PEM_write_bio(out, name, header, der, len) > 0);
    len = BIO_get_mem_data(out, &text);
    const char *ret = fx_slice_dup(w->sc, (struct fx_slice){text, (size_t)len});

    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(in);
    BIO_free(out);
    return ret;
}

static void wants_a_certificate_whose_times_can_be_read(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);

    assert_int_equal(sns_receive_signed(w, &sns_notification, with_no_such_month(w, pem, 2)),
                     FX_OK); /* there is no third */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sns_receive_signed(w, &sns_notification, with_no_such_month(w, pem, i)),
                         FX_ERR_DENIED);
        assert_non_null(strstr(w->err.message, i == 0 ? "not valid yet" : "expired"));
    }
}

static void skips_only_the_name_for_test_hosts(void **state) {
    struct sns_world *w = *state;
    struct sns_message m = sns_notification;
    struct signer_certificate wish = sns_genuine;

    m.url = "https://localhost:8443" PATH;
    wish.common_name = wish.alt_name = "fluxabot-sandbox";
    assert_int_equal(sns_receive_signed(w, &m, sns_certificate(w, w->sns, &wish)), FX_OK);
    assert_int_equal(sns_receive(w, sns_body_of(w, &m, "AAAA"), sns_certificate(w, w->sns, &wish)),
                     FX_ERR_DENIED);
    wish.to_s = NOW_S - 1;
    assert_int_equal(sns_receive_signed(w, &m, sns_certificate(w, w->sns, &wish)), FX_ERR_DENIED);
}

static void refuses_keys_it_has_no_reason_to_believe(void **state) {
    struct sns_world *w = *state;
    enum signer_key kinds[] = {SIGNER_RSA_1024, SIGNER_RSA_PSS, SIGNER_EC, SIGNER_RSA_2048};

    for (size_t i = 0; i < FX_COUNT_OF(kinds); i++) {
        struct signer *own = w->sns, *other = signer_new(kinds[i]);
        const char *body, *pem = sns_certificate(w, other, &sns_genuine);

        if (kinds[i] == SIGNER_RSA_2048) { /* another key than the one that signed */
            body = sns_body_of(w, &sns_notification, sns_sign(w, &sns_notification));
        } else { /* signs properly, but with too little */
            w->sns = other;
            body = sns_body_of(w, &sns_notification, sns_sign(w, &sns_notification));
            w->sns = own;
        }
        assert_int_equal(sns_receive(w, body, pem), FX_ERR_DENIED);
        signer_free(other);
    }
}

static void refuses_what_is_not_a_certificate(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    const char *body = sns_body_of(w, &sns_notification, sns_sign(w, &sns_notification));
    char *large = fx_alloc(w->sc, (size_t)FX_SNS_MAX_CERTIFICATE_BYTES + 2);
    char *cut = fx_slice_dup(w->sc, (struct fx_slice){pem, strlen(pem) / 2});
    const char *head = "-----BEGIN CERTIFICATE-----\n";
    /* OpenSSL would ask the terminal for the password of this block, and wait */
    const char *locked = fx_printf(w->sc,
                                   "%sProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
                                   "00112233445566778899AABBCCDDEEFF\n\n%s",
                                   head, pem + strlen(head));

    memset(large, '\n', (size_t)FX_SNS_MAX_CERTIFICATE_BYTES + 1);
    memcpy(large + 1, pem, strlen(pem));
    const char *const wrong[] = {"", "\n", "<html>404</html>", head, cut, locked, large};
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++)
        assert_int_equal(sns_receive(w, body, wrong[i]), FX_ERR_DENIED);
    assert_int_equal(sns_receive(w, body, fx_printf(w->sc, "%s%s", pem, locked)), FX_OK);
}

static X509 *read_certificate(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(x509);
    return x509;
}

static const char *write_certificate(struct sns_world *w, X509 *x509) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    long len = BIO_get_mem_data(bio, &text);
    const char *pem = fx_slice_dup(w->sc, (struct fx_slice){text, (size_t)len});

    BIO_free(bio);
    X509_free(x509);
    return pem;
}

/* A number of that size stands for a key: nobody can sign with it, and nobody has to. */
static EVP_PKEY *key_of(int bits) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *n = BN_new(), *e = BN_new();
    EVP_PKEY *key = NULL;

    BN_set_word(e, 65537);
    BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    return key;
}

static void refuses_a_key_that_takes_long_to_check_with(void **state) {
    static const struct {
        int bits;
        const char *why;
    } cases[] = {{8200, "key has 8200 bits"}, {8192, "does not match"}};
    struct sns_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        X509 *x509 = read_certificate(sns_certificate(w, w->sns, &sns_genuine));
        EVP_PKEY *key = key_of(cases[i].bits);

        assert_int_equal(X509_set_pubkey(x509, key), 1);
        EVP_PKEY_free(key);
        assert_true(i2d_re_X509_tbs(x509, NULL) > 0); /* or the old text would be written */
        assert_int_equal(sns_receive_signed(w, &sns_notification, write_certificate(w, x509)),
                         FX_ERR_DENIED);
        assert_non_null(strstr(w->err.message, cases[i].why));
    }
}

static void refuses_a_key_of_a_kind_that_nobody_knows(void **state) {
    static const unsigned char rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    struct sns_world *w = *state;
    X509 *x509 = read_certificate(sns_certificate(w, w->sns, &sns_genuine));
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    unsigned char *at = memmem(der, (size_t)len, rsa, sizeof rsa);
    const unsigned char *from = der;

    assert_non_null(at);
    at[sizeof rsa - 1] = 0x7f;
    X509_free(x509);
    x509 = d2i_X509(NULL, &from, len);
    assert_non_null(x509);
    OPENSSL_free(der);
    assert_int_equal(sns_receive_signed(w, &sns_notification, write_certificate(w, x509)),
                     FX_ERR_DENIED);
    assert_non_null(strstr(w->err.message, "no RSA key"));
}

/* What reading an envelope has refused already is refused here once more. */
static void looks_itself_at_what_it_is_given(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    const char *body = sns_body_of(w, &sns_notification, sns_sign(w, &sns_notification));
    struct fx_sns_envelope *good = NULL;
    struct fx_error err = {0};

    assert_ok(fx_sns_parse(w->sc, fx_slice_of(body), &sns_rules, &good, &err));
    struct fx_sns_envelope wrong[] = {*good, *good, *good};

    wrong[0].topic_arn = "a topic";
    wrong[1].certificate_url = "https://example.com/mine.pem";
    wrong[2].signature = "not Base64";
    assert_ok(fx_sns_verify(w->sc, good, &sns_rules, fx_slice_of(pem), NOW_S * 1000, &err));
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++)
        assert_int_not_equal(
            fx_sns_verify(w->sc, &wrong[i], &sns_rules, fx_slice_of(pem), NOW_S * 1000, &err),
            FX_OK);
}

/* What was found out about a certificate once must not be believed of another question. */
static void a_certificate_that_is_kept_is_asked_anew_each_time(void **state) {
    static const char *const listed[] = {"arn:aws:sns:us-east-1:1:t", "arn:aws:sns:ap-east-1:1:t"};
    static const char *const hosts[] = {"sns.us-east-1.amazonaws.com",
                                        "sns.ap-east-1.amazonaws.com"};
    const struct fx_sns_rules rules = {.topics = listed, .topics_count = 2};
    struct sns_world *w = *state;
    struct fx_sns_certificate *kept = NULL;
    struct fx_sns_envelope *envelopes[2];
    struct fx_error err = {0};
    int64_t now_ms = NOW_S * 1000;

    for (size_t i = 0; i < 2; i++) {
        struct sns_message m = sns_notification;

        m.topic = listed[i];
        m.url = fx_printf(w->sc, "https://%s" PATH, hosts[i]);
        m.version = i == 0 ? "1" : "2";
        assert_ok(fx_sns_parse(w->sc, fx_slice_of(sns_body_of(w, &m, sns_sign(w, &m))), &rules,
                               &envelopes[i], &err));
    }
    assert_ok(fx_sns_certificate_open(fx_slice_of(sns_certificate(w, w->sns, &sns_genuine)), &kept,
                                      &err));
    for (int turn = 0; turn < 3; turn++) {
        struct fx_sns_envelope other = *envelopes[0];

        assert_ok(fx_sns_verify_with(w->sc, envelopes[0], &rules, kept, now_ms, &err));
        other.message = "another";
        assert_int_equal(fx_sns_verify_with(w->sc, &other, &rules, kept, now_ms, &err),
                         FX_ERR_DENIED);
        other = *envelopes[0], other.version = 2;
        assert_int_equal(fx_sns_verify_with(w->sc, &other, &rules, kept, now_ms, &err),
                         FX_ERR_DENIED);
        assert_int_equal(fx_sns_verify_with(w->sc, envelopes[1], &rules, kept, now_ms, &err),
                         FX_ERR_DENIED);
        assert_non_null(strstr(err.message, "does not name sns-signing.ap-east-1"));
        for (int side = -1; side <= 1; side += 2)
            assert_int_equal(fx_sns_verify_with(w->sc, envelopes[0], &rules, kept,
                                                now_ms + side * INT64_C(86401000), &err),
                             FX_ERR_DENIED);
    }
    fx_sns_certificate_close(kept);
    fx_sns_certificate_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_genuine_messages_of_every_kind),
        cmocka_unit_test(refuses_a_key_that_takes_long_to_check_with),
        cmocka_unit_test(refuses_a_key_of_a_kind_that_nobody_knows),
        cmocka_unit_test(looks_itself_at_what_it_is_given),
        cmocka_unit_test(a_certificate_that_is_kept_is_asked_anew_each_time),
        cmocka_unit_test(believes_what_the_openssl_program_signed),
        cmocka_unit_test(refuses_a_change_of_any_signed_field),
        cmocka_unit_test(refuses_a_change_of_any_byte_of_the_message),
        cmocka_unit_test(refuses_a_change_of_any_byte_of_the_signature),
        cmocka_unit_test(wants_the_name_of_the_topics_region),
        cmocka_unit_test(reads_the_name_from_either_place_but_never_a_wildcard),
        cmocka_unit_test(wants_a_certificate_that_is_valid_now),
        cmocka_unit_test(wants_a_certificate_whose_times_can_be_read),
        cmocka_unit_test(skips_only_the_name_for_test_hosts),
        cmocka_unit_test(refuses_keys_it_has_no_reason_to_believe),
        cmocka_unit_test(refuses_what_is_not_a_certificate),
    };

    return cmocka_run_group_tests(tests, sns_world_begin, sns_world_end);
}
