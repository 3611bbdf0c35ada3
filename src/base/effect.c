/* effect.c - the classes of effects, and the one table of what each of them permits. */
#include "fluxabot/base/effect.h"

const char *fx_effect_letter(enum fx_effect effect) {
    static const char *const letters[] = {"R", "R*", "K", "A", "U", "X"};

    return (size_t)effect < FX_COUNT_OF(letters) ? letters[effect] : "X";
}

bool fx_effect_changes(enum fx_effect effect) {
    return effect == FX_EFFECT_KEYED || effect == FX_EFFECT_ABSOLUTE || effect == FX_EFFECT_UNKEYED;
}

/* Columns: nothing, begun, done, failed, unknown. Whoever has lost the claim does nothing, so only
 * the two other holds have rows. */
#define RUN FX_NEXT_RUN
#define REPEAT FX_NEXT_REPEAT
#define LOOK FX_NEXT_READ_BACK
#define ASK FX_NEXT_ASK
#define ON FX_NEXT_GO_ON
#define NO FX_NEXT_REFUSE
static const enum fx_next table[FX_EFFECTS][2][FX_KNOWNS] = {
    [FX_EFFECT_READ] = {{RUN, RUN, ON, RUN, RUN}, {RUN, RUN, ON, RUN, RUN}},
    [FX_EFFECT_PEEK] = {{RUN, RUN, ON, RUN, RUN}, {RUN, RUN, ON, RUN, RUN}},
    [FX_EFFECT_KEYED] = {{RUN, REPEAT, ON, NO, REPEAT}, {RUN, REPEAT, ON, NO, REPEAT}},
    [FX_EFFECT_ABSOLUTE] = {{RUN, LOOK, ON, NO, LOOK}, {RUN, REPEAT, ON, NO, REPEAT}},
    [FX_EFFECT_UNKEYED] = {{RUN, LOOK, ON, NO, LOOK}, {RUN, ASK, ON, NO, ASK}},
    [FX_EFFECT_REFUSED] = {{NO, NO, NO, NO, NO}, {NO, NO, NO, NO, NO}},
};

enum fx_next fx_effect_next(enum fx_effect effect, enum fx_known known, enum fx_hold hold) {
    if ((size_t)effect >= FX_EFFECTS || (size_t)known >= FX_KNOWNS ||
        (hold != FX_HOLD_OPEN && hold != FX_HOLD_FENCED))
        return FX_NEXT_REFUSE;
    return table[effect][hold == FX_HOLD_FENCED][known];
}

enum fx_hold fx_effect_hold(int64_t begun_wall_ms, int64_t now_wall_ms) {
    return now_wall_ms - begun_wall_ms > FX_EFFECT_FENCE_MS ? FX_HOLD_FENCED : FX_HOLD_OPEN;
}

const char *fx_next_name(enum fx_next next) {
    static const char *const names[] = {"run", "repeat", "read back", "ask", "go on", "refuse"};

    return (size_t)next < FX_COUNT_OF(names) ? names[next] : "refuse";
}
