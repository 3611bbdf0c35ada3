/* signer.c - see signer.h */
#include "support/signer.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct signer {
    EVP_PKEY *key;
};

/* A key that only makes signatures with padding other than SNS's. */
static EVP_PKEY *make_pss_key(void) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *make_key(enum signer_key key) {
    switch (key) {
    case SIGNER_EC:
        return EVP_EC_gen("P-256");
    case SIGNER_RSA_PSS:
        return make_pss_key();
    case SIGNER_RSA_1024:
        return EVP_RSA_gen(1024u);
    default:
        return EVP_RSA_gen(2048u);
    }
}

struct signer *signer_new(enum signer_key key) {
    struct signer *signer = calloc(1, sizeof *signer);

    assert_non_null(signer);
    signer->key = make_key(key);
    assert_non_null(signer->key);
    return signer;
}

void signer_free(struct signer *signer) {
    EVP_PKEY_free(signer->key);
    free(signer);
}

static void add_alt_name(X509 *x509, const char *name) {
    char text[256];

    snprintf(text, sizeof text, "DNS:%s", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

char *signer_certificate(const struct signer *signer, const struct signer_certificate *wish) {
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes, *pem;

    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)wish->from_s);
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)wish->to_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               (const unsigned char *)wish->common_name, -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    X509_set_pubkey(x509, signer->key);
    if (wish->alt_name)
        add_alt_name(x509, wish->alt_name);
    assert_true(X509_sign(x509, signer->key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);

    size_t len = (size_t)BIO_get_mem_data(bio, &bytes);
    pem = strndup(bytes, len);
    BIO_free(bio);
    X509_free(x509);
    return pem;
}

char *signer_sign(const struct signer *signer, const char *text, int version) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t len = sizeof signature;
    char *base64 = calloc(1, 4 * sizeof signature / 3 + 4);

    assert_int_equal(EVP_DigestSignInit(context, NULL, version == 1 ? EVP_sha1() : EVP_sha256(),
                                        NULL, signer->key),
                     1);
    assert_int_equal(
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_EncodeBlock((unsigned char *)base64, signature, (int)len);
    EVP_MD_CTX_free(context);
    return base64;
}
