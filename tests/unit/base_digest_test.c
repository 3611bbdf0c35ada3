/* base_digest_test.c - do hashes, codes and ids agree with the published vectors? */
#include "support/test.h"

#include "fluxabot/base/digest.h"

#include <string.h>

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

static void sha256_agrees_with_fips_180(void **state) {
    char *million = fx_alloc(*state, 1000001);

    memset(million, 'a', 1000000);
    assert_string_equal(fx_sha256_hex(*state, FX_SLICE("")),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(fx_sha256_hex(*state, (struct fx_slice){NULL, 0}),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(fx_sha256_hex(*state, FX_SLICE("abc")),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(fx_sha256_hex(*state, fx_slice_of(million)),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void md5_agrees_with_rfc_1321(void **state) {
    assert_string_equal(fx_md5_hex(*state, FX_SLICE("")), "d41d8cd98f00b204e9800998ecf8427e");
    assert_string_equal(fx_md5_hex(*state, FX_SLICE("message digest")),
                        "f96b697d7cb7938d525a2f31aaf161d0");
}

/* RFC 4231, cases 1, 2, 3, 6 and 7. */
static void hmac_agrees_with_rfc_4231(void **state) {
    static const struct {
        char fill;
        size_t key_len;
        const char *key, *text, *mac;
    } cases[] = {
        {'\x0b', 20, NULL, "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0, 4, "Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {'\xaa', 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {'\xaa', 131, NULL,
         "This is a test using a larger than block-size key and a larger than block-size data. "
         "The key needs to be hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        char key[256];
        uint8_t mac[FX_SHA256_BYTES];

        memset(key, cases[i].fill, sizeof key);
        if (cases[i].key != NULL)
            memcpy(key, cases[i].key, cases[i].key_len);
        fx_hmac_sha256((struct fx_slice){key, cases[i].key_len}, fx_slice_of(cases[i].text), mac);
        assert_string_equal(fx_hex(*state, mac, sizeof mac), cases[i].mac);

        struct fx_hmac_key *ready = fx_hmac_key_new((struct fx_slice){key, cases[i].key_len});
        struct fx_slice text = fx_slice_of(cases[i].text);

        for (size_t cut = 0; cut <= text.len; cut += 7) { /* again and again, in any two parts */
            const struct fx_slice parts[] = {fx_slice_cut(text, 0, cut),
                                             fx_slice_cut(text, cut, text.len)};

            memset(mac, 0, sizeof mac);
            fx_hmac_key_sign(ready, parts, FX_COUNT_OF(parts), mac);
            assert_string_equal(fx_hex(*state, mac, sizeof mac), cases[i].mac);
        }
        fx_hmac_key_free(ready);
    }
}

static void an_empty_key_or_text_still_has_a_code(void **state) {
    uint8_t a[FX_SHA256_BYTES], b[FX_SHA256_BYTES];

    fx_hmac_sha256((struct fx_slice){NULL, 0}, (struct fx_slice){NULL, 0}, a);
    fx_hmac_sha256(FX_SLICE(""), FX_SLICE(""), b);
    assert_memory_equal(a, b, sizeof a);
    assert_string_equal(fx_hex(*state, a, sizeof a),
                        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 4648, section 10. */
static void base64_agrees_with_rfc_4648(void **state) {
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xFE", "+//+"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(pairs); i++) {
        struct fx_slice data;
        struct fx_error err;

        assert_string_equal(fx_base64(*state, fx_slice_of(pairs[i][0])), pairs[i][1]);
        assert_ok(fx_base64_decode(*state, fx_slice_of(pairs[i][1]), &data, &err));
        assert_true(fx_slice_equal_text(data, pairs[i][0]));
    }
}

static void base64_is_strict(void **state) {
    static const char *const bad[] = {
        "Z",        "Zg",   "Zg=",    "Zm9",          "=",    "====",  "A===",
        "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9v\n\n\n\n", "Zm-_", "Zg==x", "Zm9=Zm9v",
        "Z===",     "Zh==", "Zm9=",   "\xC3\xA4Zm",
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_slice data;
        struct fx_error err;

        if (fx_base64_decode(*state, fx_slice_of(bad[i]), &data, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void every_length_of_bytes_comes_back(void **state) {
    char bytes[300];
    struct fx_error err;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t len = 0; len < sizeof bytes; len++) {
        struct fx_slice data, given = {bytes, len};

        assert_ok(fx_base64_decode(*state, fx_slice_of(fx_base64(*state, given)), &data, &err));
        assert_true(fx_slice_equal(data, given));
        if (memchr(bytes, 0, len) == NULL) {
            assert_ok(fx_url_decode(*state, fx_slice_of(fx_url_encode(*state, given, false)), true,
                                    &data, &err));
            assert_true(fx_slice_equal(data, given));
        }
    }
    for (int c = 1; c < 256; c++) {
        struct fx_slice data, given = {(char[]){(char)c}, 1};

        assert_ok(fx_url_decode(*state, fx_slice_of(fx_url_encode(*state, given, c % 2 == 0)), true,
                                &data, &err));
        assert_true(fx_slice_equal(data, given));
    }
}

static void url_encoding_is_the_one_of_aws(void **state) {
    assert_string_equal(fx_url_encode(*state, FX_SLICE("a b/c~-_.*+\xC3\xA4"), false),
                        "a%20b%2Fc~-_.%2A%2B%C3%A4");
    assert_string_equal(fx_url_encode(*state, FX_SLICE("/a b/"), true), "/a%20b/");
    assert_string_equal(fx_url_encode(*state, (struct fx_slice){"\0", 1}, true), "%00");
}

static void url_decoding_refuses_broken_escapes(void **state) {
    static const char *const bad[] = {"%", "%1", "a%", "%g0", "%0g", "% 1", "%-1", "%00", "a%00b"};
    struct fx_slice text;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        if (fx_url_decode(*state, fx_slice_of(bad[i]), true, &text, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(fx_url_decode(*state, (struct fx_slice){"a\0b", 3}, true, &text, &err),
                     FX_ERR_INPUT);
    assert_ok(fx_url_decode(*state, FX_SLICE("a+b%2bc%41"), true, &text, &err));
    assert_true(fx_slice_equal_text(text, "a b+cA"));
    assert_ok(fx_url_decode(*state, FX_SLICE("a+b"), false, &text, &err));
    assert_true(fx_slice_equal_text(text, "a+b"));
}

static void all_ones(struct fx_random *random, void *bytes, size_t len) {
    memset(bytes, 0xFF, len);
}

static void ids_have_their_form(void **state) {
    struct fx_random ones = {all_ones};

    assert_string_equal(fx_id_new(*state, &ones, "run_"), "run_zzzzzzzzzzzz");
    assert_string_equal(fx_uuid_new(*state, &ones), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    /* the time of the example in RFC 9562, A.6 */
    assert_string_equal(fx_uuid_at(*state, &ones, 0x017f22e279b0),
                        "017f22e2-79b0-7fff-bfff-ffffffffffff");
    for (int i = 0; i < 200; i++) {
        const char *id = fx_id_new(*state, fx_random_system(), "");

        assert_int_equal(strlen(id), 12);
        assert_int_equal(strspn(id, "0123456789abcdefghjkmnpqrstvwxyz"), 12);
    }
}

static void ids_do_not_repeat(void **state) {
    enum { MANY = 500 };
    const char *ids[MANY];

    for (size_t i = 0; i < MANY; i++) {
        ids[i] = fx_id_new(*state, fx_random_system(), "");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

#define DIGEST_TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)

int main(void) {
    const struct CMUnitTest tests[] = {
        DIGEST_TEST(sha256_agrees_with_fips_180),
        DIGEST_TEST(md5_agrees_with_rfc_1321),
        DIGEST_TEST(hmac_agrees_with_rfc_4231),
        DIGEST_TEST(an_empty_key_or_text_still_has_a_code),
        DIGEST_TEST(base64_agrees_with_rfc_4648),
        DIGEST_TEST(base64_is_strict),
        DIGEST_TEST(every_length_of_bytes_comes_back),
        DIGEST_TEST(url_encoding_is_the_one_of_aws),
        DIGEST_TEST(url_decoding_refuses_broken_escapes),
        DIGEST_TEST(ids_have_their_form),
        DIGEST_TEST(ids_do_not_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
