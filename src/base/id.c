/* id.c - names for things, from chance. */
#include "fluxabot/base/digest.h"

char *fx_id_new(struct fx_scope *sc, struct fx_random *random, const char *prefix) {
    /* Crockford's base 32 in lower case: no i, l, o, u */
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    enum { ID_LENGTH = 12 };
    uint8_t bytes[ID_LENGTH];
    char text[ID_LENGTH + 1] = {0};

    random->fill(random, bytes, sizeof bytes);
    for (size_t i = 0; i < ID_LENGTH; i++)
        text[i] = alphabet[bytes[i] & 31];
    return fx_printf(sc, "%s%s", prefix, text);
}

char *fx_uuid_new(struct fx_scope *sc, struct fx_random *random) {
    uint8_t b[16];

    random->fill(random, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    const char *hex = fx_hex(sc, b, sizeof b);

    return fx_printf(sc, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}
