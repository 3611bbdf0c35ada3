/* expr_world.c - see expr_world.h. */
#include "expr_world.h"

#include <string.h>

static const char names_text[] =
    "{\"now\":1795252504000,\"nothing\":null,\"big\":9007199254740993,\"half\":2.5,"
    "\"a\":{\"b\":1,\"n\":null,\"s\":\"text\",\"l\":[3,1,2,null],\"o\":{\"x\":\"y\"}},"
    "\"msgs\":[{\"id\":\"m1\",\"cause\":\"x\",\"n\":5,\"at\":1795252384000},"
    "{\"id\":\"m2\",\"cause\":\"y\",\"n\":2},{\"id\":\"m3\",\"cause\":\"x\",\"n\":9}]}";

int expr_world_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct expr_world *w = FX_NEW(sc, struct expr_world);
    struct fx_error err = {0};

    w->sc = sc;
    *state = w;
    return fx_json_parse(sc, fx_slice_of(names_text), &w->names, &err) == FX_OK ? 0 : -1;
}

int expr_world_tear_down(void **state) {
    fx_scope_free(((struct expr_world *)*state)->sc);
    return 0;
}

void expr_assert_rows(void **state, const struct expr_row *rows, size_t count) {
    struct expr_world *w = *state;

    for (size_t i = 0; i < count; i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;

        if (fx_expr_eval(w->sc, fx_slice_of(rows[i].source), w->names, &value, &err) != FX_OK)
            fail_msg("%s: %s", rows[i].source, err.message);
        const char *json = fx_json_dump(w->sc, value);
        if (strcmp(json, rows[i].json) != 0)
            fail_msg("%s is %s, not %s", rows[i].source, json, rows[i].json);
    }
}

void expr_assert_refused(void **state, const struct expr_refusal *rows, size_t count) {
    struct expr_world *w = *state;

    for (size_t i = 0; i < count; i++) {
        struct fx_error err = {0};
        struct fx_json *value = NULL;
        enum fx_code code =
            fx_expr_eval(w->sc, fx_slice_of(rows[i].source), w->names, &value, &err);

        if (code != FX_ERR_INPUT)
            fail_msg("%s: %s, not refused", rows[i].source, fx_code_name(code));
        if (value)
            fail_msg("%s: a refusal gave a value", rows[i].source);
        if (!strstr(err.message, rows[i].says))
            fail_msg("%s: '%s' does not say '%s'", rows[i].source, err.message, rows[i].says);
    }
}
