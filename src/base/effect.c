/* effect.c - names of the effect classes. */
#include "fluxabot/base/effect.h"

const char *fx_effect_letter(enum fx_effect effect) {
    static const char *const letters[] = {"R", "R*", "K", "A", "U", "X"};

    return (size_t)effect < FX_COUNT_OF(letters) ? letters[effect] : "X";
}

bool fx_effect_changes(enum fx_effect effect) {
    return effect == FX_EFFECT_KEYED || effect == FX_EFFECT_ABSOLUTE || effect == FX_EFFECT_UNKEYED;
}
