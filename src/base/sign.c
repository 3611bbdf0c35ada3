/* sign.c - Ed25519 signatures, on OpenSSL. */
#include "fluxabot/base/sign.h"

#include "fluxabot/base/digest.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_BYTES = FX_SIGNATURE_HEX / 2, PUBLIC_BYTES = 32 };

struct fx_sign_key {
    EVP_PKEY *pkey;
    bool is_private;
    char id[FX_SIGN_KEY_ID + 1];
};

static void free_pkey(void *pkey) {
    EVP_PKEY_free(pkey);
}

static void free_bio(BIO **bio) {
    BIO_free(*bio);
}

static void free_context(EVP_MD_CTX **context) {
    EVP_MD_CTX_free(*context);
}

static void wipe(void *text) {
    explicit_bzero(text, strlen(text));
}

/* A PEM block may claim to be encrypted, and OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *context) {
    (void)buf, (void)size, (void)writing, (void)context;
    return -1;
}

/* Takes pkey. NULL when it is no Ed25519 key. */
static struct fx_sign_key *key_of(struct fx_scope *sc, EVP_PKEY *pkey, bool is_private) {
    uint8_t public_bytes[PUBLIC_BYTES];
    size_t length = sizeof public_bytes;

    fx_defer(sc, free_pkey, pkey);
    if (!EVP_PKEY_is_a(pkey, "ED25519") ||
        EVP_PKEY_get_raw_public_key(pkey, public_bytes, &length) != 1)
        return NULL;
    struct fx_sign_key *key = FX_NEW(sc, struct fx_sign_key);

    key->pkey = pkey;
    key->is_private = is_private;
    memcpy(key->id, fx_sha256_hex(sc, (struct fx_slice){(const char *)public_bytes, length}),
           FX_SIGN_KEY_ID);
    return key;
}

/* What a memory BIO holds. */
static char *text_of(struct fx_scope *sc, BIO *bio) {
    char *bytes = NULL;
    long length = BIO_get_mem_data(bio, &bytes);

    return fx_slice_dup(sc, (struct fx_slice){bytes, (size_t)length});
}

struct fx_sign_key *fx_sign_key_new(struct fx_scope *sc, char **ret_pem) {
    FX_CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_secmem());
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct fx_sign_key *key = pkey == NULL ? NULL : key_of(sc, pkey, true);

    if (bio == NULL || key == NULL ||
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        abort(); /* the library is broken, or has no memory or chance */
    *ret_pem = text_of(sc, bio);
    fx_defer(sc, wipe, *ret_pem);
    return key;
}

static BIO *reader(struct fx_slice pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr == NULL ? "" : pem.ptr, (int)pem.len);

    if (bio == NULL)
        abort();
    return bio;
}

enum fx_code fx_sign_key_private(struct fx_scope *sc, struct fx_slice pem,
                                 struct fx_sign_key **ret_key, struct fx_error *err) {
    if (pem.len > FX_SIGN_MAX_PEM_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "a key is not larger than %d bytes",
                       FX_SIGN_MAX_PEM_BYTES);
    FX_CLEANUP(free_bio) BIO *bio = reader(pem);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

    ERR_clear_error();
    *ret_key = pkey == NULL ? NULL : key_of(sc, pkey, true);
    if (*ret_key == NULL)
        return fx_fail(err, FX_ERR_INPUT, "not an Ed25519 private key in PEM without a password");
    return FX_OK;
}

enum fx_code fx_sign_keys_public(struct fx_scope *sc, struct fx_slice pem,
                                 struct fx_sign_key ***ret_keys, size_t *ret_count,
                                 struct fx_error *err) {
    struct fx_sign_key **keys = fx_alloc(sc, FX_SIGN_MAX_KEYS * sizeof *keys);
    size_t count = 0;
    EVP_PKEY *pkey = NULL;

    if (pem.len > FX_SIGN_MAX_PEM_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "public keys are not larger than %d bytes",
                       FX_SIGN_MAX_PEM_BYTES);
    FX_CLEANUP(free_bio) BIO *bio = reader(pem);

    while ((pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL)) != NULL) {
        struct fx_sign_key *key = key_of(sc, pkey, false);

        if (key == NULL)
            return fx_fail(err, FX_ERR_INPUT, "a public key that is not Ed25519");
        if (count == FX_SIGN_MAX_KEYS)
            return fx_fail(err, FX_ERR_INPUT, "more than %d public keys", FX_SIGN_MAX_KEYS);
        keys[count++] = key;
    }
    ERR_clear_error();
    if (count == 0)
        return fx_fail(err, FX_ERR_INPUT, "no public key in PEM");
    *ret_keys = keys;
    *ret_count = count;
    return FX_OK;
}

const char *fx_sign_key_id(const struct fx_sign_key *key) {
    return key->id;
}

char *fx_sign_key_pem(struct fx_scope *sc, const struct fx_sign_key *key) {
    FX_CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());

    if (bio == NULL || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
        abort();
    return text_of(sc, bio);
}

char *fx_sign(struct fx_scope *sc, const struct fx_sign_key *key, struct fx_slice message) {
    FX_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t signature[SIGNATURE_BYTES];
    size_t length = sizeof signature;

    assert(key->is_private);
    if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) != 1 ||
        EVP_DigestSign(context, signature, &length, (const uint8_t *)message.ptr, message.len) != 1)
        abort();
    return fx_hex(sc, signature, length);
}

/* Lower case only, so that one signature has one text. */
static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool fx_sign_verify(const struct fx_sign_key *key, struct fx_slice message,
                    struct fx_slice signature) {
    FX_CLEANUP(free_context) EVP_MD_CTX *context = NULL;
    uint8_t bytes[SIGNATURE_BYTES];

    if (signature.len != FX_SIGNATURE_HEX)
        return false;
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        int high = digit_of(signature.ptr[2 * i]), low = digit_of(signature.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    context = EVP_MD_CTX_new();
    if (context == NULL)
        abort();
    bool good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestVerify(context, bytes, sizeof bytes, (const uint8_t *)message.ptr,
                                 message.len) == 1;

    ERR_clear_error();
    return good;
}
