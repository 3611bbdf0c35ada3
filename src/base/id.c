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

enum { UUID_BYTES = 16, UUID_TIME_BYTES = 6, UUID_TEXT = 36 };

/* Eight, four, four, four and twelve digits, with version and variant in their places. */
static char *uuid_text(struct fx_scope *sc, uint8_t b[UUID_BYTES], int version) {
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    const char *hex = fx_hex(sc, b, UUID_BYTES);
    char *text = fx_alloc(sc, UUID_TEXT + 1);

    for (size_t i = 0; i < UUID_TEXT; i++)
        text[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : *hex++;
    return text;
}

char *fx_uuid_new(struct fx_scope *sc, struct fx_random *random) {
    uint8_t b[UUID_BYTES];

    random->fill(random, b, sizeof b);
    return uuid_text(sc, b, 4);
}

char *fx_uuid_at(struct fx_scope *sc, struct fx_random *random, int64_t wall_ms) {
    uint8_t b[UUID_BYTES];

    random->fill(random, b, sizeof b);
    for (int i = 0; i < UUID_TIME_BYTES; i++)
        b[i] = (uint8_t)(wall_ms >> 8 * (UUID_TIME_BYTES - 1 - i));
    return uuid_text(sc, b, 7);
}
