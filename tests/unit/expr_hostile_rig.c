/* expr_hostile_rig.c - see expr_hostile_rig.h. */
#include "expr_hostile_rig.h"

#include <string.h>

static const char names_text[] =
    "{\"now\":1795252504000,\"secret\":\"canary-7f3a\",\"a\":{\"b\":1,\"n\":null,\"s\":\"text\","
    "\"o\":{\"z\":1,\"y\":2,\"x\":3,\"w\":4,\"v\":5}},\"l\":[{\"k\":\"b\",\"n\":2},{\"k\":\"a\","
    "\"n\":1},{\"k\":\"b\",\"n\":3}]}";

struct fx_json *hostile_names(struct fx_scope *sc) {
    struct fx_json *names = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(sc, fx_slice_of(names_text), &names, &err));
    return names;
}

char *hostile_repeated(struct fx_scope *sc, const char *a, size_t times, const char *middle,
                       const char *b) {
    char *text = fx_alloc(sc, (strlen(a) + strlen(b)) * times + strlen(middle) + 1), *to = text;

    for (size_t i = 0; i < times; i++)
        to = stpcpy(to, a);
    to = stpcpy(to, middle);
    for (size_t i = 0; i < times; i++)
        to = stpcpy(to, b);
    return text;
}

const char *hostile_outcome(struct fx_scope *sc, const char *source, const struct fx_json *names) {
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    if (fx_expr_eval(sc, fx_slice_of(source), names, &value, &err) != FX_OK)
        return fx_printf(sc, "%s: %s", fx_code_name(err.code), err.message);
    return fx_json_dump(sc, value);
}
