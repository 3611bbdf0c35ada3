/* expr_world.h - names that expressions may use, and tables of what expressions give. */
#pragma once

#include "support/test.h"

#include "fluxabot/expr.h"

struct expr_world {
    struct fx_scope *sc;
    struct fx_json *names;
};

/* For cmocka: *state becomes a struct expr_world, for a whole group. */
int expr_world_set_up(void **state);
int expr_world_tear_down(void **state);

struct expr_row {
    const char *source, *json;
};

/* Fails unless each source gives its value. */
void expr_assert_rows(void **state, const struct expr_row *rows, size_t count);

struct expr_refusal {
    const char *source, *says;
};

/* Fails unless each source is refused in such words, and gives no value. */
void expr_assert_refused(void **state, const struct expr_refusal *rows, size_t count);
