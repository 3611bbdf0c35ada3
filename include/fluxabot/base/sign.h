/* sign.h - Ed25519: one says a thing, everybody else can check who said it.
 *
 * A key is wiped when its scope ends, and there is no way to print a private one but to make it. A
 * key may be used by several threads at once.
 */
#pragma once

#include "fluxabot/base/scope.h"

enum {
    FX_SIGNATURE_HEX = 128,
    FX_SIGN_KEY_ID = 16,
    FX_SIGN_MAX_KEYS = 16, /* public keys in one text */
    FX_SIGN_MAX_PEM_BYTES = 64 << 10,
};

struct fx_sign_key;

/* A new pair. *ret_pem is its private key as PKCS #8, wiped when sc ends. */
struct fx_sign_key *fx_sign_key_new(struct fx_scope *sc, char **ret_pem);
/* FX_ERR_INPUT when pem holds no Ed25519 private key, or one that needs a password. */
enum fx_code fx_sign_key_private(struct fx_scope *sc, struct fx_slice pem,
                                 struct fx_sign_key **ret_key, struct fx_error *err);
/* Every public key of a text, one PEM block after the other; text between them is skipped.
 * FX_ERR_INPUT when there is none, or one of another kind. */
enum fx_code fx_sign_keys_public(struct fx_scope *sc, struct fx_slice pem,
                                 struct fx_sign_key ***ret_keys, size_t *ret_count,
                                 struct fx_error *err);

/* FX_SIGN_KEY_ID hexadecimal digits of the SHA-256 of the public key. */
const char *fx_sign_key_id(const struct fx_sign_key *key);
/* The public key as PEM. */
char *fx_sign_key_pem(struct fx_scope *sc, const struct fx_sign_key *key);

/* FX_SIGNATURE_HEX digits. key must hold a private one. */
char *fx_sign(struct fx_scope *sc, const struct fx_sign_key *key, struct fx_slice message);
/* False for anything but this key's signature of this message. */
bool fx_sign_verify(const struct fx_sign_key *key, struct fx_slice message,
                    struct fx_slice signature);
