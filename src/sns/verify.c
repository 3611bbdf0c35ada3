/* verify.c - checks an envelope's signature against a certificate. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* Beyond 8,192 bits a signature check costs a visible part of a second. */
enum { MIN_KEY_BITS = 2048, MAX_KEY_BITS = 8192 };

struct field {
    struct fx_slice name, value;
};

/* In one piece: texts are up to 256 KiB, and this is done for every notification. */
static char *join(struct fx_scope *sc, const struct field *fields, size_t count) {
    size_t bytes = 1;

    for (size_t i = 0; i < count; i++)
        bytes += fields[i].name.len + fields[i].value.len + 2;
    char *text = fx_alloc(sc, bytes), *at = text;

    for (size_t i = 0; i < count; i++) {
        at = mempcpy(at, fields[i].name.ptr, fields[i].name.len);
        *at++ = '\n';
        at = mempcpy(at, fields[i].value.ptr, fields[i].value.len);
        *at++ = '\n';
    }
    return text;
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
    struct field fields[7];
    size_t n = 0;

    fields[n++] = (struct field){FX_SLICE("Message"), fx_slice_of(envelope->message)};
    fields[n++] = (struct field){FX_SLICE("MessageId"), fx_slice_of(envelope->message_id)};
    if (notification && envelope->subject)
        fields[n++] = (struct field){FX_SLICE("Subject"), fx_slice_of(envelope->subject)};
    if (!notification)
        fields[n++] =
            (struct field){FX_SLICE("SubscribeURL"), fx_slice_of(envelope->subscribe_url)};
    fields[n++] = (struct field){FX_SLICE("Timestamp"), fx_slice_of(envelope->timestamp)};
    if (!notification)
        fields[n++] = (struct field){FX_SLICE("Token"), fx_slice_of(envelope->token)};
    fields[n++] = (struct field){FX_SLICE("TopicArn"), fx_slice_of(envelope->topic_arn)};
    fields[n++] = (struct field){FX_SLICE("Type"), fx_slice_of(type_names[envelope->type])};
    return join(sc, fields, n);
}

/* A PEM block may claim to be encrypted, and OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *context) {
    (void)buf, (void)size, (void)writing, (void)context;
    return -1;
}

/* What can be read or made ready without an envelope is so once. Nothing but carries changes after
 * that, so that any thread may use it. */
struct fx_sns_certificate {
    X509 *x509;
    int64_t from_s, to_s;          /* valid from the one on, and no longer at the other */
    int key_bits;                  /* 0: it has no RSA key */
    EVP_PKEY_CTX *sha1, *sha256;   /* ready to check; copied for each check */
    _Atomic(const char *) carries; /* the name it was last found to carry */
    struct fx_scope *sc;
};

/* ---- reading it ---- */

/* X509_cmp_time gives 0 when the certificate's time cannot be read: such a time must refuse. */
static bool read_time(const ASN1_TIME *time, int64_t *ret_s) {
    time_t any = 0;
    struct tm tm;

    if (X509_cmp_time(time, &any) == 0 || ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *ret_s = (int64_t)timegm(&tm);
    return true;
}

static void read_validity(struct fx_sns_certificate *certificate) {
    if (!read_time(X509_get0_notBefore(certificate->x509), &certificate->from_s))
        certificate->from_s = INT64_MAX;
    if (!read_time(X509_get0_notAfter(certificate->x509), &certificate->to_s))
        certificate->to_s = INT64_MIN;
}

/* NULL: OpenSSL does not know how, or will not. */
static EVP_PKEY_CTX *ready_check(EVP_PKEY *key, const EVP_MD *digest) {
    EVP_PKEY_CTX *check = EVP_PKEY_CTX_new(key, NULL);

    if (check && EVP_PKEY_verify_init(check) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(check, RSA_PKCS1_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(check, digest) == 1)
        return check;
    EVP_PKEY_CTX_free(check);
    return NULL;
}

static void read_key(struct fx_sns_certificate *certificate) {
    EVP_PKEY *key = X509_get0_pubkey(certificate->x509);

    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return;
    certificate->key_bits = EVP_PKEY_get_bits(key);
    if (certificate->key_bits < MIN_KEY_BITS || certificate->key_bits > MAX_KEY_BITS)
        return;
    certificate->sha1 = ready_check(key, EVP_sha1());
    certificate->sha256 = ready_check(key, EVP_sha256());
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
    if (!x509) {
        ERR_clear_error(); /* OpenSSL's queue is per thread and would be read by the next TLS call
                            */
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate is not a PEM certificate");
    }

    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_sns_certificate *certificate = FX_NEW(sc, struct fx_sns_certificate);

    certificate->sc = sc;
    certificate->x509 = x509;
    read_validity(certificate);
    read_key(certificate);
    ERR_clear_error();
    *ret_certificate = certificate;
    return FX_OK;
}

void fx_sns_certificate_close(struct fx_sns_certificate *certificate) {
    if (!certificate)
        return;
    EVP_PKEY_CTX_free(certificate->sha1);
    EVP_PKEY_CTX_free(certificate->sha256);
    X509_free(certificate->x509);
    fx_scope_free(certificate->sc);
}

static void close_p(struct fx_sns_certificate **certificate) {
    fx_sns_certificate_close(*certificate);
}

/* ---- checking with it ---- */

static enum fx_code check_validity(const struct fx_sns_certificate *certificate, int64_t now_ms,
                                   struct fx_error *err) {
    int64_t now_s = now_ms / 1000;

    if (certificate->from_s > now_s)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate is not valid yet");
    if (certificate->to_s <= now_s)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate has expired");
    return FX_OK;
}

/* Names are static and few, so the pointer tells which one was looked for last. */
static enum fx_code check_name(struct fx_sns_certificate *certificate,
                               const struct sns_place *place, struct fx_error *err) {
    const char *name = sns_certificate_name(place);

    if (atomic_load(&certificate->carries) == name)
        return FX_OK;
    if (X509_check_host(certificate->x509, name, strlen(name), X509_CHECK_FLAG_NO_WILDCARDS,
                        NULL) != 1)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate does not name %s", name);
    atomic_store(&certificate->carries, name);
    return FX_OK;
}

static enum fx_code check_key(const struct fx_sns_certificate *certificate, struct fx_error *err) {
    if (certificate->key_bits == 0)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate has no RSA key");
    if (certificate->key_bits < MIN_KEY_BITS || certificate->key_bits > MAX_KEY_BITS)
        return fx_fail(err, FX_ERR_DENIED, "the signing certificate's key has %d bits",
                       certificate->key_bits);
    return FX_OK;
}

/* The string to sign has no lengths: fields of one line each behind the message leave one way to
 * cut it. Reading has made sure of their forms; this holds whatever becomes of those. */
static enum fx_code check_lines(const struct fx_sns_envelope *envelope, struct fx_error *err) {
    const char *const lines[] = {envelope->message_id, envelope->subject, envelope->timestamp,
                                 envelope->topic_arn,  envelope->token,   envelope->subscribe_url};

    for (size_t i = 0; i < FX_COUNT_OF(lines); i++)
        if (lines[i] && strchr(lines[i], '\n'))
            return fx_fail(err, FX_ERR_DENIED, "a signed field has more than one line");
    return FX_OK;
}

static void free_check(EVP_PKEY_CTX **check) {
    EVP_PKEY_CTX_free(*check);
}

static enum fx_code check_signature(const struct fx_sns_certificate *certificate, int version,
                                    struct fx_slice signature, struct fx_slice text,
                                    struct fx_error *err) {
    const EVP_PKEY_CTX *ready = version == 1 ? certificate->sha1 : certificate->sha256;
    FX_CLEANUP(free_check) EVP_PKEY_CTX *check = ready ? EVP_PKEY_CTX_dup(ready) : NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (!check || EVP_Digest(text.ptr, text.len, digest, &digest_len,
                             version == 1 ? EVP_sha1() : EVP_sha256(), NULL) != 1)
        return fx_fail(err, FX_ERR_INTERNAL, "OpenSSL cannot check RSA signatures with %s",
                       version == 1 ? "SHA-1" : "SHA-256");
    if (EVP_PKEY_verify(check, (const unsigned char *)signature.ptr, signature.len, digest,
                        digest_len) != 1)
        return fx_fail(err, FX_ERR_DENIED, "the signature does not match");
    return FX_OK;
}

/* place: whose name the certificate must carry; NULL: a test host's carries none. */
static enum fx_code verify(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                           const struct sns_place *place, struct fx_sns_certificate *certificate,
                           int64_t now_ms, struct fx_error *err) {
    struct fx_slice signature = {0};

    FX_TRY(check_validity(certificate, now_ms, err));
    if (place != NULL)
        FX_TRY(check_name(certificate, place, err));
    FX_TRY(check_key(certificate, err));
    FX_TRY(check_lines(envelope, err));
    FX_TRY(fx_base64_decode(sc, fx_slice_of(envelope->signature), &signature, err));
    return check_signature(certificate, envelope->version, signature,
                           fx_slice_of(fx_sns_string_to_sign(sc, envelope)), err);
}

enum fx_code fx_sns_verify_with(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                                const struct fx_sns_rules *rules,
                                struct fx_sns_certificate *certificate, int64_t now_ms,
                                struct fx_error *err) {
    struct sns_place place;
    bool test_host;

    FX_TRY(sns_place_of(envelope->topic_arn, &place, err));
    FX_TRY(sns_check_certificate_url(envelope->certificate_url, &place, rules, &test_host, err));
    enum fx_code code = verify(sc, envelope, test_host ? NULL : &place, certificate, now_ms, err);
    if (code != FX_OK)
        ERR_clear_error();
    return code;
}

enum fx_code fx_sns_verify(struct fx_scope *sc, const struct fx_sns_envelope *envelope,
                           const struct fx_sns_rules *rules, struct fx_slice pem, int64_t now_ms,
                           struct fx_error *err) {
    FX_CLEANUP(close_p) struct fx_sns_certificate *certificate = NULL;

    FX_TRY(fx_sns_certificate_open(pem, &certificate, err));
    return fx_sns_verify_with(sc, envelope, rules, certificate, now_ms, err);
}
