/* base_scope_test.c - does everything in a scope end together, in order, and on time? */
#include "support/test.h"

#include "fluxabot/base/scope.h"

#include <string.h>

struct mark {
    char *order;
    char name;
};

static void note(void *thing) {
    struct mark *mark = thing;

    mark->order[strlen(mark->order)] = mark->name;
}

static void releases_newest_first_and_once(void **state) {
    char order[8] = "";
    struct mark a = {order, 'a'}, b = {order, 'b'}, c = {order, 'c'};
    struct fx_scope *sc = fx_scope_new(NULL);

    fx_defer(sc, note, &a);
    fx_defer(sc, note, &b);
    fx_defer(sc, note, &c);
    fx_scope_free(sc);
    assert_string_equal(order, "cba");
    fx_scope_free(NULL);
}

struct late {
    struct fx_scope *sc;
    struct mark mark;
};

static void defer_another(void *thing) {
    struct late *late = thing;

    fx_alloc(late->sc, 100);
    fx_defer(late->sc, note, &late->mark);
}

static void a_release_may_defer_another(void **state) {
    char order[8] = "";
    struct fx_scope *sc = fx_scope_new(NULL);
    struct mark first = {order, '1'};
    struct late late = {sc, {order, 'L'}};

    fx_defer(sc, note, &first);
    fx_defer(sc, defer_another, &late);
    fx_scope_free(sc);
    assert_string_equal(order, "L1");
}

static void memory_is_zeroed_aligned_and_apart(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    unsigned char *seen[200];

    for (size_t n = 0; n < FX_COUNT_OF(seen); n++) {
        seen[n] = fx_alloc(sc, n * 37);
        assert_int_equal((uintptr_t)seen[n] % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n * 37; i++)
            assert_int_equal(seen[n][i], 0);
        memset(seen[n], (int)n, n * 37);
    }
    for (size_t n = 0; n < FX_COUNT_OF(seen); n++)
        for (size_t i = 0; i < n * 37; i++)
            assert_int_equal(seen[n][i], n);
}

static void a_small_scope_grows_when_it_must(void **state) {
    struct fx_scope *sc = fx_scope_new_small(NULL, 10);
    char *texts[200];

    for (int i = 0; i < 200; i++)
        texts[i] = fx_printf(sc, "%0*d", i + 1, i);
    for (int i = 0; i < 200; i++)
        assert_int_equal(strlen(texts[i]), i + 1);
    fx_scope_free(sc);
}

static void copies_text(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    assert_null(fx_strdup(sc, NULL));
    assert_string_equal(fx_strdup(sc, ""), "");
    assert_string_equal(fx_slice_dup(sc, (struct fx_slice){"abcdef", 3}), "abc");
    assert_string_equal(fx_slice_dup(sc, (struct fx_slice){NULL, 0}), "");
    assert_string_equal(fx_printf(sc, "%s-%05d", "x", 42), "x-00042");
    assert_int_equal(strlen(fx_printf(sc, "%*s", 100000, "")), 100000);
}

static void a_child_has_the_deadline_of_its_parent_at_most(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *parent = fx_scope_new(NULL);

    fx_scope_set_deadline(parent, 1000);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *child = fx_scope_new(parent);

    assert_int_equal(fx_scope_deadline(child), 1000);
    fx_scope_set_deadline(child, 5000);
    assert_int_equal(fx_scope_deadline(child), 1000);
    fx_scope_set_deadline(child, 0);
    assert_int_equal(fx_scope_deadline(child), 1000);
    fx_scope_set_deadline(child, 400);
    assert_int_equal(fx_scope_deadline(child), 400);
    assert_int_equal(fx_scope_deadline(parent), 1000);
}

static void time_left_is_capped_and_never_negative(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    assert_int_equal(fx_scope_time_left(sc, 10, 500), 500);
    fx_scope_set_deadline(sc, 1000);
    assert_int_equal(fx_scope_time_left(sc, 0, 500), 500);
    assert_int_equal(fx_scope_time_left(sc, 700, 500), 300);
    assert_int_equal(fx_scope_time_left(sc, 1000, 500), 0);
    assert_int_equal(fx_scope_time_left(sc, 99999, 500), 0);
}

static void is_over_at_the_deadline_and_not_before(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err;

    assert_int_equal(fx_scope_check(sc, INT64_MAX, &err), FX_OK);
    fx_scope_set_deadline(sc, 1000);
    assert_int_equal(fx_scope_check(sc, 999, &err), FX_OK);
    assert_int_equal(fx_scope_check(sc, 1000, &err), FX_ERR_TIMEOUT);
}

static void cancelling_reaches_grandchildren_but_not_upwards(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *top = fx_scope_new(NULL);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *middle = fx_scope_new(top);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *leaf = fx_scope_new(middle);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sibling = fx_scope_new(top);
    struct fx_error err;

    fx_scope_cancel(middle);
    assert_int_equal(fx_scope_check(leaf, 0, &err), FX_ERR_CANCELED);
    assert_int_equal(fx_scope_check(middle, 0, &err), FX_ERR_CANCELED);
    assert_int_equal(fx_scope_check(top, 0, &err), FX_OK);
    assert_int_equal(fx_scope_check(sibling, 0, &err), FX_OK);
}

static void log_id_is_inherited_and_cut(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    fx_scope_set_log_id(sc, "0123456789012345678901234567890123456789-too-long");
    assert_int_equal(strlen(fx_scope_log_id(sc)), FX_SCOPE_LOG_ID_MAX - 1);
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *child = fx_scope_new(sc);

    assert_string_equal(fx_scope_log_id(child), fx_scope_log_id(sc));
    fx_scope_set_log_id(child, "own");
    assert_string_not_equal(fx_scope_log_id(sc), "own");
    fx_scope_set_log_id(child, NULL);
    assert_string_equal(fx_scope_log_id(child), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(releases_newest_first_and_once),
        cmocka_unit_test(a_release_may_defer_another),
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(a_small_scope_grows_when_it_must),
        cmocka_unit_test(copies_text),
        cmocka_unit_test(a_child_has_the_deadline_of_its_parent_at_most),
        cmocka_unit_test(time_left_is_capped_and_never_negative),
        cmocka_unit_test(is_over_at_the_deadline_and_not_before),
        cmocka_unit_test(cancelling_reaches_grandchildren_but_not_upwards),
        cmocka_unit_test(log_id_is_inherited_and_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
