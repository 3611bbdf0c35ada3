/* ca.c - the sandbox's own authority, a server certificate and SNS's signing certificate. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CA_DAYS = 3650,
    LEAF_DAYS = 820,
    RSA_BITS = 2048,
    SECONDS_PER_DAY = 86400,
    CA_TEXT_MAX = 512
};

struct certificate_order {
    const char *name; /* DIR/name.pem and DIR/name.key */
    const char *common_name;
    const char *alternative_names; /* NULL: an authority */
    bool rsa;
};

static const struct certificate_order authority = {"ca", "fluxabot sandbox CA", NULL, false};
static const struct certificate_order leaves[] = {
    {"server", "127.0.0.1", "IP:127.0.0.1,DNS:localhost", false},
    {"sns", "sns.amazonaws.com", "DNS:sns.amazonaws.com", true},
};

static void pkey_free_p(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}
static void x509_free_p(X509 **cert) {
    X509_free(*cert);
}
static void bio_free_p(BIO **bio) {
    BIO_free(*bio);
}

static void path_in(char ret_path[CA_TEXT_MAX], const char *dir, const char *name,
                    const char *suffix) {
    snprintf(ret_path, CA_TEXT_MAX, "%s/%s%s", dir, name, suffix);
}

static enum fx_code write_file(const char *path, BIO *content, mode_t mode, struct fx_error *err) {
    char *bytes = NULL;
    long len = BIO_get_mem_data(content, &bytes);
    char temporary[CA_TEXT_MAX + 8];

    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
    bool written = write(fd, bytes, (size_t)len) == len;
    close(fd);
    if (!written || rename(temporary, path) != 0)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
    return FX_OK;
}

static enum fx_code save(const char *dir, const char *name, EVP_PKEY *key, X509 *cert,
                         struct fx_error *err) {
    FX_CLEANUP(bio_free_p) BIO *key_text = BIO_new(BIO_s_mem());
    FX_CLEANUP(bio_free_p) BIO *cert_text = BIO_new(BIO_s_mem());
    char path[CA_TEXT_MAX];

    if (PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(cert_text, cert) != 1)
        return fx_fail(err, FX_ERR_INTERNAL, "the certificate %s cannot be encoded", name);
    path_in(path, dir, name, ".key");
    FX_TRY(write_file(path, key_text, 0600, err));
    path_in(path, dir, name, ".pem");
    return write_file(path, cert_text, 0644, err);
}

static enum fx_code load(const char *dir, const char *name, EVP_PKEY **ret_key, X509 **ret_cert,
                         struct fx_error *err) {
    char path[CA_TEXT_MAX];

    path_in(path, dir, name, ".key");
    FX_CLEANUP(bio_free_p) BIO *key_text = BIO_new_file(path, "r");
    *ret_key = key_text != NULL ? PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL) : NULL;
    path_in(path, dir, name, ".pem");
    FX_CLEANUP(bio_free_p) BIO *cert_text = BIO_new_file(path, "r");
    *ret_cert = cert_text != NULL ? PEM_read_bio_X509(cert_text, NULL, NULL, NULL) : NULL;
    if (*ret_key == NULL || *ret_cert == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s/%s.pem or .key is not readable; remove both", dir,
                       name);
    return FX_OK;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct certificate_order *order) {
    if (order->alternative_names == NULL)
        return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
               add_extension(cert, issuer, NID_subject_key_identifier, "hash");
    return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
           add_extension(cert, issuer, NID_subject_alt_name, order->alternative_names);
}

static bool fill(X509 *cert, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                 const struct certificate_order *order) {
    long days = order->alternative_names == NULL ? CA_DAYS : LEAF_DAYS;
    X509_NAME *name = X509_get_subject_name(cert);
    uint64_t serial = 0;

    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -SECONDS_PER_DAY) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), days * SECONDS_PER_DAY) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)order->common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(cert, key) == 1 && add_extensions(cert, issuer, order) &&
           X509_sign(cert, issuer_key, EVP_sha256()) > 0;
}

/* issuer NULL: signs itself. */
static enum fx_code make(const char *dir, const struct certificate_order *order, X509 *issuer,
                         EVP_PKEY *issuer_key, struct fx_error *err) {
    FX_CLEANUP(pkey_free_p)
    EVP_PKEY *key = order->rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    FX_CLEANUP(x509_free_p) X509 *cert = X509_new();

    if (key == NULL || cert == NULL ||
        !fill(cert, key, issuer != NULL ? issuer : cert, issuer_key != NULL ? issuer_key : key,
              order))
        return fx_fail(err, FX_ERR_INTERNAL, "the certificate for %s cannot be made",
                       order->common_name);
    return save(dir, order->name, key, cert, err);
}

static bool present(const char *dir, const char *name) {
    char key[CA_TEXT_MAX], cert[CA_TEXT_MAX];

    path_in(key, dir, name, ".key");
    path_in(cert, dir, name, ".pem");
    return access(key, R_OK) == 0 && access(cert, R_OK) == 0;
}

enum fx_code sandbox_ca_ensure(const char *dir, struct fx_error *err) {
    FX_CLEANUP(pkey_free_p) EVP_PKEY *ca_key = NULL;
    FX_CLEANUP(x509_free_p) X509 *ca_cert = NULL;

    if (strlen(dir) > CA_TEXT_MAX - 32)
        return fx_fail(err, FX_ERR_LIMIT, "the path given with --dir is too long");
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be made: %s", dir, strerror(errno));

    /* leaves of an authority that is gone would be trusted by nobody */
    bool fresh = !present(dir, authority.name);
    if (fresh)
        FX_TRY(make(dir, &authority, NULL, NULL, err));
    FX_TRY(load(dir, authority.name, &ca_key, &ca_cert, err));
    for (size_t i = 0; i < FX_COUNT_OF(leaves); i++)
        if (fresh || !present(dir, leaves[i].name))
            FX_TRY(make(dir, &leaves[i], ca_cert, ca_key, err));
    return FX_OK;
}
