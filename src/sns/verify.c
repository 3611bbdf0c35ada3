/* verify.c - checks an envelope's signature against a certificate. */
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/digest.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string.h>
#include <time.h>

/* Beyond 8,192 bits a signature check costs a visible part of a second. */
enum { MIN_KEY_BITS = 2048, MAX_KEY_BITS = 8192 };

static void add_field(struct fx_buf *buf, const char *name, const char *value) {
    fx_buf_add_text(buf, name);
    fx_buf_add_char(buf, '\n');
    fx_buf_add_text(buf, value);
    fx_buf_add_char(buf, '\n');
}

/* Name, LF, value, LF for each signed field, names in byte order. Confirmations of both kinds sign
 * SubscribeURL and Token instead of a Subject. */
char *fx_sns_string_to_sign(struct fx_scope *sc, const struct fx_sns_envelope *envelope) {
    static const char *const type_names[] = {
        [FX_SNS_NOTIFICATION] = "Notification",
        [FX_SNS_SUBSCRIPTION] = "SubscriptionConfirmation",
        [FX_SNS_UNSUBSCRIPTION] = "UnsubscribeConfirmation",
    };
    bool notification = envelope->type == FX_SNS_NOTIFICATION;
    struct fx_buf buf;

    fx_buf_init(&buf, sc, (size_t)FX_SNS_MAX_BODY_BYTES + 4096);
    add_field(&buf, "Message", envelope->message);
    add_field(&buf, "MessageId", envelope->message_id);
    if (notification && envelope->subject)
        add_field(&buf, "Subject", envelope->subject);
    if (!notification)
        add_field(&buf, "SubscribeURL", envelope->subscribe_url);
    add_field(&buf, "Timestamp", envelope->timestamp);
    if (!notification)
        add_field(&buf, "Token", envelope->token);
    add_field(&buf, "TopicArn", envelope->topic_arn);
    add_field(&buf, "Type", type_names[envelope->type]);
    return buf.ptr;
}

/* A PEM block may claim to be encrypted, and OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *context) {
    (void)buf, (void)size, (void)writing, (void)context;
    return -1;
}

/* OpenSSL's own object; it locks what it changes when it is used. */
static X509 *x509_of(const struct fx_sns_certificate *certificate) {
    return (X509 *)certificate;
}

static void close_p(struct fx_sns_certificate **certificate) {
    fx_sns_certificate_close(*certificate);
}

static void free_digest_context(EVP_MD_CTX **context) {
    EVP_MD_CTX_free(*context);
}

/* The first certificate counts; AWS serves the leaf alone. */
enum fx_code fx_sns_certificate_open(struct fx_slice pem,
                                     struct fx_sns_certificate **ret_certificate,
                                     struct fx_error *err) {
    if (pem.len > FX_SNS_MAX_CERTIFICATE_BYTES)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate is larger than %d bytes",
                       FX_SNS_MAX_CERTIFICATE_BYTES);

    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error(); /* OpenSSL's queue is per thread and would be read by the next TLS call */
    if (!x509)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate is not a PEM certificate");
    *ret_certificate = (struct fx_sns_certificate *)x509;
    return FX_OK;
}

void fx_sns_certificate_close(struct fx_sns_certificate *certificate) {
    X509_free(x509_of(certificate));
}

/* X509_cmp_time gives 0 when the certificate's time cannot be read, which must refuse as well. */
static enum fx_code check_validity(const X509 *x509, int64_t now_ms, struct fx_error *err) {
    time_t now_s = (time_t)(now_ms / 1000);

    if (X509_cmp_time(X509_get0_notBefore(x509), &now_s) >= 0)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate is not valid yet");
    if (X509_cmp_time(X509_get0_notAfter(x509), &now_s) <= 0)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate has expired");
    return FX_OK;
}

static enum fx_code check_name(X509 *x509, const struct sns_place *place, struct fx_error *err) {
    char name[SNS_MAX_NAME];

    sns_certificate_name(place, name);
    if (X509_check_host(x509, name, strlen(name), X509_CHECK_FLAG_NO_WILDCARDS, NULL) != 1)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate does not name %s", name);
    return FX_OK;
}

static enum fx_code check_signature(EVP_PKEY *key, int version, struct fx_slice signature,
                                    struct fx_slice text, struct fx_error *err) {
    FX_CLEANUP(free_digest_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = version == 1 ? EVP_sha1() : EVP_sha256();

    if (!context || EVP_DigestVerifyInit(context, NULL, digest, NULL, key) != 1)
        return fx_fail(err, FX_ERR_INTERNAL, "OpenSSL cannot check RSA signatures with %s",
                       version == 1 ? "SHA-1" : "SHA-256");
    if (EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                         (const unsigned char *)text.ptr, text.len) != 1)
        return fx_fail(err, FX_ERR_DENIED, "the signature does not match");
    return FX_OK;
}

/* place: whose name the certificate must carry; NULL: a test host's carries none. */
static enum fx_code verify(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                           const struct sns_place *place, X509 *x509, int64_t now_ms,
                           struct fx_error *err) {
    struct fx_slice signature = {0};

    FX_TRY(check_validity(x509, now_ms, err));
    if (place != NULL)
        FX_TRY(check_name(x509, place, err));

    EVP_PKEY *key = X509_get0_pubkey(x509);
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate has no RSA key");
    if (EVP_PKEY_get_bits(key) < MIN_KEY_BITS || EVP_PKEY_get_bits(key) > MAX_KEY_BITS)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate's key has %d bits",
                       EVP_PKEY_get_bits(key));

    FX_TRY(fx_base64_decode(sc, fx_slice_of(envelope->signature), &signature, err));
    return check_signature(key, envelope->version, signature,
                           fx_slice_of(fx_sns_string_to_sign(sc, envelope)), err);
}

enum fx_code fx_sns_verify_with(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                                const struct fx_sns_rules *rules,
                                const struct fx_sns_certificate *certificate, int64_t now_ms,
                                struct fx_error *err) {
    struct sns_place place;
    bool test_host;

    FX_TRY(sns_place_of(envelope->topic_arn, &place, err));
    FX_TRY(sns_check_certificate_url(envelope->certificate_url, &place, rules, &test_host, err));
    enum fx_code code =
        verify(sc, envelope, test_host ? NULL : &place, x509_of(certificate), now_ms, err);
    ERR_clear_error(); /* OpenSSL's queue is per thread and would be read by the next TLS call */
    return code;
}

enum fx_code fx_sns_verify(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                           const struct fx_sns_rules *rules, struct fx_slice pem, int64_t now_ms,
                           struct fx_error *err) {
    FX_CLEANUP(close_p) struct fx_sns_certificate *certificate = NULL;

    FX_TRY(fx_sns_certificate_open(pem, &certificate, err));
    return fx_sns_verify_with(sc, envelope, rules, certificate, now_ms, err);
}
