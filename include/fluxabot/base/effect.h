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
enum { FX_EFFECTS = FX_EFFECT_REFUSED + 1 };

/* "R", "R*", "K", "A", "U", "X". */
const char *fx_effect_letter(enum fx_effect effect);
/* True for K, A and U: needs an approval before it and an intent in front of it. */
bool fx_effect_changes(enum fx_effect effect);

/* ---- what may be done now ---- */

/* What is known of one call. */
enum fx_known {
    FX_KNOWN_NOTHING, /* never begun; or begun, and it is certain that nothing was sent */
    FX_KNOWN_BEGUN,   /* begun, no outcome recorded: it may be on its way at this moment */
    FX_KNOWN_DONE,
    FX_KNOWN_FAILED,  /* the other side refused it, or somebody saw that it did not happen */
    FX_KNOWN_UNKNOWN, /* recorded as: nobody knows */
};
enum { FX_KNOWNS = FX_KNOWN_UNKNOWN + 1 };

/* Who may act, and whether an earlier attempt may still arrive. */
enum fx_hold {
    FX_HOLD_LOST,   /* the claim is over: somebody else decides */
    FX_HOLD_OPEN,   /* ours; a request that was signed before would still be taken */
    FX_HOLD_FENCED, /* ours; what was signed before is too old by now to be obeyed */
};
enum { FX_HOLDS = FX_HOLD_FENCED + 1 };

enum fx_next {
    FX_NEXT_RUN,       /* as if for the first time */
    FX_NEXT_REPEAT,    /* the same call with the same key; where it sets a value, look first */
    FX_NEXT_READ_BACK, /* look whether it happened; while that does not show, look again */
    FX_NEXT_ASK,       /* look once more; what does not show is a question to a person */
    FX_NEXT_GO_ON,     /* it is done: what it gave is recorded */
    FX_NEXT_REFUSE,    /* not by us, not now, not at all */
};

/* AWS takes a signature for 15 minutes: after this nothing arrives that was signed before. */
enum { FX_EFFECT_FENCE_MS = 16 * 60 * 1000 };

/* The one table of it. What is not in an enum is FX_NEXT_REFUSE. */
enum fx_next fx_effect_next(enum fx_effect effect, enum fx_known known, enum fx_hold hold);
/* Of a call that was begun at begun_ms, for whoever holds the claim. A clock that was set back
 * keeps it open. */
enum fx_hold fx_effect_hold(int64_t begun_wall_ms, int64_t now_wall_ms);
const char *fx_next_name(enum fx_next next); /* "run", "repeat", "read back", ... */
