/* tls.c - TLS 1.2 or 1.3 on a socket that never blocks, on OpenSSL; hiredis 0.14 has none. */
#include "private.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

/* Forward secrecy and authenticated encryption; TLS 1.3 has nothing else. */
static const char tls12_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static void free_context(SSL_CTX **context) {
    SSL_CTX_free(*context);
}

/* OpenSSL's queue of errors is per thread and would be read by the next TLS call. */
static enum fx_code make_context(const char *ca_file, SSL_CTX **ret_context, struct fx_error *err) {
    FX_CLEANUP(free_context) SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, tls12_ciphers) != 1)
        return fx_fail(err, FX_ERR_INTERNAL, "OpenSSL cannot speak TLS 1.2");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    bool loaded = ca_file != NULL ? SSL_CTX_load_verify_file(context, ca_file) == 1
                                  : SSL_CTX_set_default_verify_paths(context) == 1;

    ERR_clear_error();
    if (!loaded)
        return fx_fail(err, FX_ERR_INPUT, "%s holds no certificate that can be read",
                       ca_file != NULL ? ca_file : "the system's CA directory");
    *ret_context = FX_TAKE(context);
    return FX_OK;
}

enum fx_code redis_tls_check(const char *ca_file, struct fx_error *err) {
    FX_CLEANUP(free_context) SSL_CTX *context = NULL;

    return make_context(ca_file, &context, err);
}

/* A certificate names hosts and addresses in different fields, and only hosts go into SNI. */
static bool expect_name(SSL *ssl, const char *host) {
    struct in6_addr ignored;

    if (inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* -1 and the events to wait for, or 0 when the connection is over. */
static ssize_t look_at(SSL *ssl, int result, short *ret_events) {
    int why = SSL_get_error(ssl, result);

    *ret_events = why == SSL_ERROR_WANT_READ ? POLLIN : why == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
    ERR_clear_error();
    return *ret_events != 0 ? -1 : 0;
}

static enum fx_code shake_hands(struct redis_transport *transport, struct fx_error *err) {
    short events = 0;

    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(transport->ssl);

        if (result == 1)
            return FX_OK;
        if (look_at(transport->ssl, result, &events) == 0)
            break;
        FX_TRY(redis_transport_wait(transport, events, err));
    }
    long verdict = SSL_get_verify_result(transport->ssl);

    if (verdict != X509_V_OK)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "the certificate of Redis at %s is refused: %s",
                       transport->name, X509_verify_cert_error_string(verdict));
    return fx_fail(err, FX_ERR_UNAVAILABLE, "Redis at %s does not speak TLS 1.2 or 1.3",
                   transport->name);
}

enum fx_code redis_tls_begin(struct redis_transport *transport, const char *host,
                             const char *ca_file, struct fx_error *err) {
    FX_CLEANUP(free_context) SSL_CTX *context = NULL;

    FX_TRY(make_context(ca_file, &context, err));
    transport->ssl = SSL_new(context);
    if (transport->ssl == NULL || SSL_set_fd(transport->ssl, transport->fd) != 1 ||
        !expect_name(transport->ssl, host))
        return fx_fail(err, FX_ERR_INTERNAL, "OpenSSL cannot use %s as a name", host);
    return shake_hands(transport, err);
}

void redis_tls_end(struct ssl_st *ssl) {
    SSL_free(ssl);
}

ssize_t redis_tls_read(struct ssl_st *ssl, char *to, size_t size, short *ret_events) {
    size_t len = 0;

    ERR_clear_error();
    int result = SSL_read_ex(ssl, to, size, &len);
    return result == 1 ? (ssize_t)len : look_at(ssl, result, ret_events);
}

ssize_t redis_tls_write(struct ssl_st *ssl, struct fx_slice bytes, short *ret_events) {
    size_t len = 0;

    ERR_clear_error();
    int result = SSL_write_ex(ssl, bytes.ptr, bytes.len, &len);
    return result == 1 ? (ssize_t)len : look_at(ssl, result, ret_events);
}
