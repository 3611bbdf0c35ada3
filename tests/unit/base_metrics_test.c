/* base_metrics_test.c - is what we print for Prometheus well formed and complete? */
#include "support/test.h"

#include "fluxabot/base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char *print(struct fx_scope *sc, const struct fx_metrics *metrics) {
    return fx_metrics_print(sc, metrics, "1.2.3");
}

static void prints_what_was_counted(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_metrics *metrics = fx_metrics_new();

    fx_metrics_add(metrics, FX_METRIC_REQUESTS_ACCEPTED, 3);
    fx_metrics_add(metrics, FX_METRIC_REQUESTS_ACCEPTED, 4);
    fx_metrics_set(metrics, FX_METRIC_OUTBOX_WAITING, 9);
    fx_metrics_set(metrics, FX_METRIC_OUTBOX_WAITING, 2);
    const char *text = print(sc, metrics);

    assert_non_null(strstr(text, "\nfluxabot_requests_total{verdict=\"accepted\"} 7\n"));
    assert_non_null(strstr(text, "\nfluxabot_requests_total{verdict=\"denied\"} 0\n"));
    assert_non_null(strstr(text, "\nfluxabot_outbox_waiting 2\n"));
    assert_non_null(strstr(text, "\nfluxabot_build_info{version=\"1.2.3\"} 1\n"));
    fx_metrics_free(metrics);
    fx_metrics_free(NULL);
}

/* The text format 0.0.4: HELP and TYPE once for each family and before its samples, samples of one
 * family together, the last line ended. */
static void every_family_is_introduced_once_and_stays_together(void **state) {
    enum { FAMILIES = 64 };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_metrics *metrics = fx_metrics_new();
    struct fx_slice rest = fx_slice_of(print(sc, metrics)), line, seen[FAMILIES];
    size_t families = 0, samples = 0;

    assert_true(fx_slice_ends_with(rest, FX_SLICE("\n")));
    while (fx_slice_split(rest, '\n', &line, &rest)) {
        if (fx_slice_starts_with(line, FX_SLICE("# HELP "))) {
            struct fx_slice name = fx_slice_cut(line, 7, fx_slice_find(line, 7, ' ') - 7), type;

            for (size_t i = 0; i < families; i++)
                assert_false(fx_slice_equal(seen[i], name));
            assert_true(families < FAMILIES);
            seen[families++] = name;
            fx_slice_split(rest, '\n', &type, &rest);
            assert_true(fx_slice_starts_with(
                type, fx_slice_of(fx_printf(sc, "# TYPE %.*s ", (int)name.len, name.ptr))));
            continue;
        }
        struct fx_slice name = fx_slice_cut(line, 0, fx_slice_find(line, 0, ' '));

        name.len = fx_slice_find(name, 0, '{');
        assert_true(families > 0);
        assert_true(fx_slice_equal(seen[families - 1], name));
        samples++;
    }
    assert_int_equal(samples, FX_METRIC_COUNT + 1);
    fx_metrics_free(metrics);
}

static void counters_are_named_as_totals(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_metrics *metrics = fx_metrics_new();
    struct fx_slice rest = fx_slice_of(print(sc, metrics)), line;

    while (fx_slice_split(rest, '\n', &line, &rest))
        if (fx_slice_starts_with(line, FX_SLICE("# TYPE ")))
            assert_int_equal(fx_slice_ends_with(line, FX_SLICE(" counter")),
                             fx_slice_ends_with(line, FX_SLICE("_total counter")));
    fx_metrics_free(metrics);
}

static void *count_many(void *metrics) {
    for (int i = 0; i < 20000; i++)
        fx_metrics_add(metrics, FX_METRIC_JOBS_DONE, 1);
    return NULL;
}

static void threads_lose_no_count(void **state) {
    struct fx_metrics *metrics = fx_metrics_new();
    pthread_t threads[4];

    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, metrics), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(fx_metrics_get(metrics, FX_METRIC_JOBS_DONE), 80000);
    fx_metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_was_counted),
        cmocka_unit_test(every_family_is_introduced_once_and_stays_together),
        cmocka_unit_test(counters_are_named_as_totals),
        cmocka_unit_test(threads_lose_no_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
