/* fuzz_expr.c - any text is an expression, a template or refused, within the budget. */
#include "fluxabot/base/clock.h"
#include "fluxabot/expr.h"

#include <assert.h>
#include <string.h>

enum { MAX_MS = 2000 }; /* far above the budget: sanitizers and busy machines are slow */

static const char names_text[] = "{\"now\":1795252504000,\"a\":{\"b\":1,\"n\":null,\"s\":\"text\","
                                 "\"l\":[3,1,2,null]},\"l\":[{\"k\":\"b\"},{\"k\":\"a\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slice source = {(const char *)bytes, len};
    struct fx_json *names = NULL, *value = NULL, *again = NULL;
    struct fx_error err = {0};
    int64_t start = fx_mono_ms(fx_clock_system());

    if (fx_json_parse(sc, fx_slice_of(names_text), &names, &err) != FX_OK)
        return 0;
    enum fx_code checked = fx_expr_check(fx_expr_checker_new(sc), source, names, &err);
    enum fx_code code = fx_expr_eval(sc, source, names, &value, &err);
    if (code == FX_OK) {
        assert(fx_expr_eval(sc, source, names, &again, &err) == FX_OK);
        assert(strcmp(fx_json_dump(sc, value), fx_json_dump(sc, again)) == 0);
    } else if (checked == FX_OK && !memmem(bytes, len, "local", 5)) {
        /* locals count a little early in a check, so that `local x = x` passes there */
        assert(strncmp(err.message, "the name '", 10) != 0 || memmem(bytes, len, "until", 5));
    }

    char *text = fx_slice_dup(sc, source);
    checked = fx_expr_check_text(fx_expr_checker_new(sc), text, names, &err);
    code = fx_expr_fill(sc, text, names, &value, &err);
    assert(checked == FX_OK || code != FX_OK || value);
    assert(fx_mono_ms(fx_clock_system()) - start < MAX_MS);
    return 0;
}
