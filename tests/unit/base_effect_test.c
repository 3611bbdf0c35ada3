/* base_effect_test.c - every cell of the table of effects, and the rules that no cell may break. */
#include "support/test.h"

#include "fluxabot/base/effect.h"

#include <string.h>

/* The table as a person reads it: a row for class and hold; nothing, begun, done, failed, unknown.
 */
static const struct {
    const char *class;
    enum fx_hold hold;
    const char *cells[FX_KNOWNS];
} rows[] = {
    {"R", FX_HOLD_OPEN, {"run", "run", "go on", "run", "run"}},
    {"R", FX_HOLD_FENCED, {"run", "run", "go on", "run", "run"}},
    {"R*", FX_HOLD_OPEN, {"run", "run", "go on", "run", "run"}},
    {"R*", FX_HOLD_FENCED, {"run", "run", "go on", "run", "run"}},
    {"K", FX_HOLD_OPEN, {"run", "repeat", "go on", "refuse", "repeat"}},
    {"K", FX_HOLD_FENCED, {"run", "repeat", "go on", "refuse", "repeat"}},
    {"A", FX_HOLD_OPEN, {"run", "read back", "go on", "refuse", "read back"}},
    {"A", FX_HOLD_FENCED, {"run", "repeat", "go on", "refuse", "repeat"}},
    {"U", FX_HOLD_OPEN, {"run", "read back", "go on", "refuse", "read back"}},
    {"U", FX_HOLD_FENCED, {"run", "ask", "go on", "refuse", "ask"}},
    {"X", FX_HOLD_OPEN, {"refuse", "refuse", "refuse", "refuse", "refuse"}},
    {"X", FX_HOLD_FENCED, {"refuse", "refuse", "refuse", "refuse", "refuse"}},
};

static enum fx_effect class_of(const char *letter) {
    int i = 0;

    while (strcmp(fx_effect_letter((enum fx_effect)i), letter) != 0)
        i++;
    return (enum fx_effect)i;
}

static void every_cell_is_as_written_here(void **state) {
    size_t cells = 0;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++)
        for (int known = 0; known < FX_KNOWNS; known++, cells++)
            assert_string_equal(fx_next_name(fx_effect_next(class_of(rows[i].class),
                                                            (enum fx_known)known, rows[i].hold)),
                                rows[i].cells[known]);
    assert_int_equal(cells, FX_EFFECTS * FX_KNOWNS * (FX_HOLDS - 1));
}

static void whoever_has_lost_the_claim_does_nothing(void **state) {
    for (int effect = 0; effect < FX_EFFECTS; effect++)
        for (int known = 0; known < FX_KNOWNS; known++)
            assert_int_equal(
                fx_effect_next((enum fx_effect)effect, (enum fx_known)known, FX_HOLD_LOST),
                FX_NEXT_REFUSE);
}

static void what_may_have_happened_is_never_simply_run_again(void **state) {
    for (int effect = 0; effect < FX_EFFECTS; effect++)
        for (int hold = 0; hold < FX_HOLDS; hold++)
            for (int known = FX_KNOWN_BEGUN; known < FX_KNOWNS; known++) {
                enum fx_next next = fx_effect_next((enum fx_effect)effect, (enum fx_known)known,
                                                   (enum fx_hold)hold);

                if (fx_effect_changes((enum fx_effect)effect))
                    assert_int_not_equal(next, FX_NEXT_RUN);
                if (effect == FX_EFFECT_UNKEYED)
                    assert_int_not_equal(next, FX_NEXT_REPEAT);
            }
}

static void nothing_of_class_x_and_nothing_out_of_range_is_permitted(void **state) {
    for (int known = -1; known <= FX_KNOWNS; known++)
        for (int hold = -1; hold <= FX_HOLDS; hold++)
            for (int effect = FX_EFFECT_REFUSED; effect <= FX_EFFECTS + 1; effect++)
                assert_int_equal(fx_effect_next((enum fx_effect)effect, (enum fx_known)known,
                                                (enum fx_hold)hold),
                                 FX_NEXT_REFUSE);
    for (int effect = -1; effect < FX_EFFECTS; effect++) {
        assert_int_equal(
            fx_effect_next((enum fx_effect)effect, (enum fx_known)FX_KNOWNS, FX_HOLD_OPEN),
            FX_NEXT_REFUSE);
        assert_int_equal(
            fx_effect_next((enum fx_effect)effect, FX_KNOWN_NOTHING, (enum fx_hold)FX_HOLDS),
            FX_NEXT_REFUSE);
    }
    assert_string_equal(fx_next_name((enum fx_next)99), "refuse");
    assert_string_equal(fx_effect_letter((enum fx_effect)99), "X");
}

static void a_signature_is_too_old_only_after_the_fence(void **state) {
    assert_int_equal(fx_effect_hold(1000, 1000), FX_HOLD_OPEN);
    assert_int_equal(fx_effect_hold(1000, 1000 + FX_EFFECT_FENCE_MS), FX_HOLD_OPEN);
    assert_int_equal(fx_effect_hold(1000, 1001 + FX_EFFECT_FENCE_MS), FX_HOLD_FENCED);
    assert_int_equal(fx_effect_hold(1000 + FX_EFFECT_FENCE_MS, 0), FX_HOLD_OPEN);
    assert_true(FX_EFFECT_FENCE_MS > 15 * 60 * 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_as_written_here),
        cmocka_unit_test(whoever_has_lost_the_claim_does_nothing),
        cmocka_unit_test(what_may_have_happened_is_never_simply_run_again),
        cmocka_unit_test(nothing_of_class_x_and_nothing_out_of_range_is_permitted),
        cmocka_unit_test(a_signature_is_too_old_only_after_the_fence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
