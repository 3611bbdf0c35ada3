/* base_buf_test.c - does growing text stop at its maximum and remember that it did? */
#include "support/test.h"

#include "fluxabot/base/buf.h"

#include <string.h>

static void grows_up_to_its_maximum_exactly(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t max = 0; max < 300; max++) {
        struct fx_buf buf;

        fx_buf_init(&buf, sc, max);
        for (size_t i = 0; i < max; i++)
            fx_buf_add_char(&buf, 'x');
        assert_false(buf.full);
        assert_int_equal(buf.len, max);
        assert_int_equal(strlen(fx_buf_text(&buf)), max);
        fx_buf_add_char(&buf, 'y');
        assert_true(buf.full);
        assert_int_equal(buf.len, max);
    }
}

static void adds_nothing_more_once_full(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, 5);
    fx_buf_add_text(&buf, "abc");
    fx_buf_add_text(&buf, "def"); /* does not fit, so not a part of it either */
    assert_true(buf.full);
    fx_buf_add_text(&buf, "g");
    assert_string_equal(fx_buf_text(&buf), "abc");
    assert_true(fx_slice_equal_text(fx_buf_slice(&buf), "abc"));
}

static void is_readable_before_anything_came(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, 10);
    assert_string_equal(fx_buf_text(&buf), "");
    assert_int_equal(fx_buf_slice(&buf).len, 0);
    fx_buf_add(&buf, (struct fx_slice){NULL, 0});
    fx_buf_add_text(&buf, NULL);
    assert_string_equal(fx_buf_text(&buf), "");
}

static void may_be_added_to_itself(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, 1 << 12);
    fx_buf_addf(&buf, "%s%d", "ab", 7);
    for (int i = 0; i < 8; i++)
        fx_buf_add(&buf, fx_buf_slice(&buf));
    assert_int_equal(buf.len, 3 << 8);
    assert_memory_equal(buf.ptr + buf.len - 6, "ab7ab7", 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_up_to_its_maximum_exactly),
        cmocka_unit_test(adds_nothing_more_once_full),
        cmocka_unit_test(is_readable_before_anything_came),
        cmocka_unit_test(may_be_added_to_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
