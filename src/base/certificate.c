/* certificate.c - reads a PEM chain, on OpenSSL. */
#include "fluxabot/base/certificate.h"

#include "fluxabot/base/buf.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { NAME_BYTES = 256, NAMES_BYTES = 4096 };

static void free_certificate(void *certificate) {
    X509_free(certificate);
}

static void free_bio(BIO **bio) {
    BIO_free(*bio);
}

static void free_key(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static void free_names(GENERAL_NAMES **names) {
    GENERAL_NAMES_free(*names);
}

static void free_store(X509_STORE **store) {
    X509_STORE_free(*store);
}

static void free_context(X509_STORE_CTX **context) {
    X509_STORE_CTX_free(*context);
}

static void free_stack(STACK_OF(X509) * *stack) {
    sk_X509_free(*stack);
}

/* A PEM block may claim to be encrypted, and OpenSSL would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *context) {
    (void)buf, (void)size, (void)writing, (void)context;
    return -1;
}

static size_t read_chain(struct fx_scope *sc, struct fx_slice pem, X509 **chain) {
    FX_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    size_t count = 0;

    while (count < FX_CERTIFICATE_MAX_CHAIN &&
           (chain[count] = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL)
        fx_defer(sc, free_certificate, chain[count++]);
    ERR_clear_error();
    return count;
}

static int64_t wall_ms(const ASN1_TIME *time) {
    ASN1_TIME *zero = ASN1_TIME_new();
    int days = 0, seconds = 0;

    ASN1_TIME_set_string(zero, "19700101000000Z");
    int good = ASN1_TIME_diff(&days, &seconds, zero, time);
    ASN1_TIME_free(zero);
    return good == 1 ? ((int64_t)days * 86400 + seconds) * 1000 : 0;
}

static void add_name(struct fx_buf *buf, const GENERAL_NAME *name) {
    const ASN1_STRING *text = name->d.ia5;

    if (name->type != GEN_DNS && name->type != GEN_IPADD)
        return;
    if (buf->len > 0)
        fx_buf_add_text(buf, ", ");
    const unsigned char *bytes = ASN1_STRING_get0_data(text);
    int length = ASN1_STRING_length(text);

    if (name->type == GEN_DNS)
        fx_buf_add(buf, (struct fx_slice){(const char *)bytes, (size_t)length});
    else if (length == 4)
        fx_buf_addf(buf, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    else
        fx_buf_add_text(buf, "an IPv6 address");
}

static const char *names_of(struct fx_scope *sc, X509 *certificate) {
    FX_CLEANUP(free_names)
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, NAMES_BYTES);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < FX_CERTIFICATE_MAX_NAMES; i++)
        add_name(&buf, sk_GENERAL_NAME_value(names, i));
    return fx_buf_text(&buf);
}

static bool fits(X509 *certificate, const char *key_pem) {
    if (key_pem == NULL)
        return false;
    FX_CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(key_pem, -1);
    FX_CLEANUP(free_key) EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    bool good = key != NULL && X509_check_private_key(certificate, key) == 1;

    ERR_clear_error();
    return good;
}

/* The time is told apart: a chain that has only run out is not a wrong one. */
static const char *distrust(struct fx_scope *sc, X509 **chain, size_t count,
                            const char *roots_pem) {
    FX_CLEANUP(free_store) X509_STORE *store = X509_STORE_new();
    FX_CLEANUP(free_context) X509_STORE_CTX *context = X509_STORE_CTX_new();
    FX_CLEANUP(free_stack) STACK_OF(X509) *between = sk_X509_new_null();
    X509 *roots[FX_CERTIFICATE_MAX_CHAIN];
    size_t roots_count = roots_pem == NULL ? 0 : read_chain(sc, fx_slice_of(roots_pem), roots);

    X509_STORE_set_default_paths(store);
    for (size_t i = 0; i < roots_count; i++)
        X509_STORE_add_cert(store, roots[i]);
    for (size_t i = 1; i < count; i++)
        sk_X509_push(between, chain[i]);
    X509_STORE_CTX_init(context, store, chain[0], between);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_NO_CHECK_TIME);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    bool good = X509_verify_cert(context) == 1;

    ERR_clear_error();
    return good ? NULL
                : fx_strdup(sc, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
}

enum fx_code fx_certificate_read(struct fx_scope *sc, struct fx_slice chain_pem,
                                 const char *key_pem, const char *roots_pem,
                                 struct fx_certificate *ret_certificate, struct fx_error *err) {
    X509 *chain[FX_CERTIFICATE_MAX_CHAIN];
    size_t count = read_chain(sc, chain_pem, chain);
    char subject[NAME_BYTES] = "";

    if (count == 0)
        return fx_fail(err, FX_ERR_INPUT, "there is no PEM certificate in it");
    X509_NAME_oneline(X509_get_subject_name(chain[0]), subject, sizeof subject);
    *ret_certificate =
        (struct fx_certificate){.subject = fx_strdup(sc, subject),
                                .names = names_of(sc, chain[0]),
                                .starts_wall_ms = wall_ms(X509_get0_notBefore(chain[0])),
                                .ends_wall_ms = wall_ms(X509_get0_notAfter(chain[0])),
                                .chain_count = count,
                                .key_fits = fits(chain[0], key_pem),
                                .distrust = distrust(sc, chain, count, roots_pem)};
    return FX_OK;
}
