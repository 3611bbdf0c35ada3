/* certificate.h - what a PEM certificate chain says of itself, for who sets one up. No I/O but the
 * system's roots.
 */
#pragma once

#include "fluxabot/base/scope.h"

enum { FX_CERTIFICATE_MAX_CHAIN = 16, FX_CERTIFICATE_MAX_NAMES = 64 };

struct fx_certificate {
    const char *subject, *names; /* names: DNS names and addresses, with commas; "" */
    int64_t starts_wall_ms, ends_wall_ms;
    size_t chain_count;
    bool key_fits;        /* false without a key */
    const char *distrust; /* why clients would not believe it; NULL: they do, by these roots */
};

/* The first certificate of chain_pem is the server's own, the others lead to a root. key_pem may be
 * NULL; roots_pem is trusted beside the system's roots, or NULL. Its time is not judged here.
 * FX_ERR_INPUT when there is no certificate in it. */
enum fx_code fx_certificate_read(struct fx_scope *sc, struct fx_slice chain_pem,
                                 const char *key_pem, const char *roots_pem,
                                 struct fx_certificate *ret_certificate, struct fx_error *err);
