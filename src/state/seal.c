/* seal.c - values that lie where others can write: HMAC-SHA256 over key and value stands before
 * them. What is cached, such as the certificate that alarms are verified with, is believed. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

/* A key holds no NUL, so the boundary between key and value cannot be moved. */
static void mac_of(struct fx_scope *sc, struct fx_slice seal, const char *key,
                   struct fx_slice value, uint8_t ret_mac[FX_SHA256_BYTES]) {
    size_t key_bytes = strlen(key) + 1;
    char *both = fx_alloc(sc, key_bytes + value.len);

    memcpy(both, key, key_bytes);
    if (value.len > 0)
        memcpy(both + key_bytes, value.ptr, value.len);
    fx_hmac_sha256(seal, (struct fx_slice){both, key_bytes + value.len}, ret_mac);
}

struct fx_slice state_seal(struct fx_scope *sc, struct fx_slice seal, const char *key,
                           struct fx_slice value) {
    char *sealed = fx_alloc(sc, FX_SHA256_BYTES + value.len);

    mac_of(sc, seal, key, value, (uint8_t *)sealed);
    if (value.len > 0)
        memcpy(sealed + FX_SHA256_BYTES, value.ptr, value.len);
    return (struct fx_slice){sealed, FX_SHA256_BYTES + value.len};
}

const char *state_unseal(struct fx_scope *sc, struct fx_slice seal, const char *key,
                         struct fx_slice sealed) {
    struct fx_slice value = fx_slice_cut(sealed, FX_SHA256_BYTES, sealed.len);
    uint8_t mac[FX_SHA256_BYTES];

    if (sealed.len < FX_SHA256_BYTES || value.len > FX_STATE_MAX_VALUE_BYTES ||
        memchr(value.ptr, '\0', value.len) != NULL)
        return NULL;
    mac_of(sc, seal, key, value, mac);
    if (!fx_slice_equal_secret(fx_slice_cut(sealed, 0, FX_SHA256_BYTES),
                               (struct fx_slice){(const char *)mac, sizeof(mac)}))
        return NULL;
    return fx_slice_dup(sc, value);
}
