/* effect.h - what a call does to the world, and so what a crash permits afterwards. */
#pragma once

#include "fluxabot/base/defs.h"

enum fx_effect {
    FX_EFFECT_READ,     /* R: may run again */
    FX_EFFECT_PEEK,     /* R*: reads with a side effect (an SQS receive); may run again, gently */
    FX_EFFECT_KEYED,    /* K: may be repeated with the same key */
    FX_EFFECT_ABSOLUTE, /* A: sets a value; read back before repeating */
    FX_EFFECT_UNKEYED,  /* U: never repeated blindly */
    FX_EFFECT_REFUSED,  /* X: not done by this program at all */
};

/* "R", "R*", "K", "A", "U", "X". */
const char *fx_effect_letter(enum fx_effect effect);
/* True for K, A and U: needs an approval before it and an intent in front of it. */
bool fx_effect_changes(enum fx_effect effect);
