/* base_sign_test.c - a signature is good for one key and one message, and keys travel as PEM. */
#include "support/test.h"

#include "fluxabot/base/sign.h"

#include <stdlib.h>
#include <string.h>

/* RFC 8032, section 7.1, tests 1 and 2. */
#define PRIVATE(base64) "-----BEGIN PRIVATE KEY-----\n" base64 "\n-----END PRIVATE KEY-----\n"
static const char rfc_private[] =
    PRIVATE("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
static const char rfc_private_2[] =
    PRIVATE("MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7");
static const char rfc_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n";
static const char rfc_signature[] =
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
static const char rfc_signature_2[] =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
/* The group's order, behind which a second text of one signature would lie. */
static const char order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

static int set_up(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int tear_down(void **state) {
    fx_scope_free(*state);
    return 0;
}

static struct fx_sign_key *private_of(struct fx_scope *sc, const char *pem) {
    struct fx_sign_key *key = NULL;
    struct fx_error err;

    assert_ok(fx_sign_key_private(sc, fx_slice_of(pem), &key, &err));
    return key;
}

static struct fx_sign_key *public_of(struct fx_scope *sc, const char *pem) {
    struct fx_sign_key **keys = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(fx_sign_keys_public(sc, fx_slice_of(pem), &keys, &count, &err));
    assert_int_equal(count, 1);
    return keys[0];
}

static void signs_as_the_rfc_does(void **state) {
    struct fx_scope *sc = *state;
    struct fx_sign_key *key = private_of(sc, rfc_private);

    assert_string_equal(fx_sign(sc, key, fx_slice_of(NULL)), rfc_signature);
    assert_string_equal(fx_sign(sc, private_of(sc, rfc_private_2), FX_SLICE("\x72")),
                        rfc_signature_2);
    assert_string_equal(fx_sign_key_pem(sc, key), rfc_public);
    assert_string_equal(fx_sign_key_id(key), fx_sign_key_id(public_of(sc, rfc_public)));
    assert_int_equal(strlen(fx_sign_key_id(key)), FX_SIGN_KEY_ID);
    assert_true(
        fx_sign_verify(public_of(sc, rfc_public), FX_SLICE(""), fx_slice_of(rfc_signature)));
}

static void a_new_key_signs_and_only_its_public_half_says_yes(void **state) {
    struct fx_scope *sc = *state;
    char *pem = NULL, *other_pem = NULL;
    struct fx_sign_key *key = fx_sign_key_new(sc, &pem), *other = fx_sign_key_new(sc, &other_pem);
    const char *signature = fx_sign(sc, key, FX_SLICE("a message"));

    assert_string_not_equal(pem, other_pem);
    assert_string_not_equal(fx_sign_key_id(key), fx_sign_key_id(other));
    struct fx_sign_key *checker = public_of(sc, fx_sign_key_pem(sc, private_of(sc, pem)));

    assert_true(fx_sign_verify(checker, FX_SLICE("a message"), fx_slice_of(signature)));
    assert_false(fx_sign_verify(other, FX_SLICE("a message"), fx_slice_of(signature)));
    assert_false(fx_sign_verify(checker, FX_SLICE("a massage"), fx_slice_of(signature)));
    assert_false(fx_sign_verify(checker, FX_SLICE("a messag"), fx_slice_of(signature)));
    assert_null(strstr(fx_sign_key_pem(sc, key), "PRIVATE"));
}

/* Every digit of a signature counts, and it has one text only. */
static void a_changed_signature_is_refused(void **state) {
    struct fx_scope *sc = *state;
    struct fx_sign_key *key = public_of(sc, rfc_public);
    char *text = fx_strdup(sc, rfc_signature);

    for (size_t i = 0; i < FX_SIGNATURE_HEX; i++) {
        text[i] = text[i] == '0' ? '1' : '0';
        assert_false(fx_sign_verify(key, FX_SLICE(""), fx_slice_of(text)));
        text[i] = rfc_signature[i];
    }
    assert_true(fx_sign_verify(key, FX_SLICE(""), fx_slice_of(text)));
    text[0] = 'E';
    assert_false(fx_sign_verify(key, FX_SLICE(""), fx_slice_of(text)));
    text[0] = 'g';
    assert_false(fx_sign_verify(key, FX_SLICE(""), fx_slice_of(text)));
    assert_false(fx_sign_verify(key, FX_SLICE(""), FX_SLICE("")));
    assert_false(
        fx_sign_verify(key, FX_SLICE(""), fx_slice_of(fx_printf(sc, "%s00", rfc_signature))));
    assert_false(fx_sign_verify(key, FX_SLICE(""),
                                fx_slice_of(fx_printf(sc, "%.64s%s", rfc_signature, order))));
}

static enum fx_code read_private(struct fx_scope *sc, const char *pem) {
    struct fx_sign_key *key = NULL;
    struct fx_error err;

    return fx_sign_key_private(sc, fx_slice_of(pem), &key, &err);
}

static void what_is_no_ed25519_private_key_is_refused(void **state) {
    struct fx_scope *sc = *state;
    /* X25519, of the same size and family, cannot sign */
    static const char x25519[] =
        PRIVATE("MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
    static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n"
                                    "-----END ENCRYPTED PRIVATE KEY-----\n";

    assert_int_equal(read_private(sc, ""), FX_ERR_INPUT);
    assert_int_equal(read_private(sc, NULL), FX_ERR_INPUT);
    assert_int_equal(read_private(sc, "-----BEGIN PRIVATE KEY-----\n"), FX_ERR_INPUT);
    assert_int_equal(read_private(sc, rfc_public), FX_ERR_INPUT);
    assert_int_equal(read_private(sc, x25519), FX_ERR_INPUT);
    assert_int_equal(read_private(sc, encrypted), FX_ERR_INPUT);
    assert_int_equal(
        read_private(sc, fx_printf(sc, "%*s%s", FX_SIGN_MAX_PEM_BYTES, " ", rfc_private)),
        FX_ERR_INPUT);
}

static void several_public_keys_stand_in_one_text(void **state) {
    struct fx_scope *sc = *state;
    struct fx_sign_key **keys = NULL;
    struct fx_error err;
    char *pem = NULL, *many = fx_strdup(sc, "");
    struct fx_sign_key *fresh = fx_sign_key_new(sc, &pem);
    size_t count = 0;
    const char *both =
        fx_printf(sc, "# the old key\n%s# the new key\n%s", rfc_public, fx_sign_key_pem(sc, fresh));

    assert_ok(fx_sign_keys_public(sc, fx_slice_of(both), &keys, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(fx_sign_key_id(keys[1]), fx_sign_key_id(fresh));
    for (int i = 0; i <= FX_SIGN_MAX_KEYS; i++)
        many = fx_printf(sc, "%s%s", many, rfc_public);
    assert_int_equal(fx_sign_keys_public(sc, fx_slice_of(many), &keys, &count, &err), FX_ERR_INPUT);
    assert_int_equal(fx_sign_keys_public(sc, fx_slice_of(pem), &keys, &count, &err), FX_ERR_INPUT);
    assert_int_equal(fx_sign_keys_public(sc, FX_SLICE(""), &keys, &count, &err), FX_ERR_INPUT);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(signs_as_the_rfc_does),
        TEST(a_new_key_signs_and_only_its_public_half_says_yes),
        TEST(a_changed_signature_is_refused),
        TEST(what_is_no_ed25519_private_key_is_refused),
        TEST(several_public_keys_stand_in_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
