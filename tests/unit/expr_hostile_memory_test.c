/* expr_hostile_memory_test.c - how large a source, a value and a result may be, and what becomes of
 * an expression that gets no memory.
 */
#include "expr_hostile_rig.h"

#include "../../src/expr/private.h"

#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
enum {
    ADDRESS_SANITIZER = __has_feature(address_sanitizer),
    THREAD_SANITIZER = __has_feature(thread_sanitizer)
};
#elif defined(__SANITIZE_ADDRESS__)
enum { ADDRESS_SANITIZER = 1, THREAD_SANITIZER = 0 };
#elif defined(__SANITIZE_THREAD__)
enum { ADDRESS_SANITIZER = 0, THREAD_SANITIZER = 1 };
#else
enum { ADDRESS_SANITIZER = 0, THREAD_SANITIZER = 0 };
#endif

/* --- sizes --- */

static void caps_source_and_result_exactly(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL;
    struct fx_error err = {0};
    char *source = hostile_repeated(sc, " ", FX_EXPR_MAX_SOURCE_BYTES, "1", "");

    assert_int_equal(fx_expr_eval(sc, fx_slice_of(source), NULL, &value, &err), FX_ERR_LIMIT);
    assert_ok(fx_expr_eval(sc, fx_slice_of(source + 1), NULL, &value, &err));
    assert_ok(fx_expr_eval(sc, FX_SLICE("rep('x', 262140)"), NULL, &value, &err));
    assert_int_equal(fx_json_text_slice(value).len, 262140);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("rep('x', 262143)"), NULL, &value, &err),
                     FX_ERR_LIMIT);
}

static void large_values_are_read_in_parts_and_refused_as_a_whole(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL, *list = fx_json_array(sc);
    struct fx_error err = {0};
    char *text = hostile_repeated(sc, "x", 12 << 20, "", "");

    for (int i = 0; i < 50000; i++)
        fx_json_add(list, fx_json_object_of(sc, "n", fx_json_int(sc, i), NULL));
    struct fx_json *names =
        fx_json_object_of(sc, "text", fx_json_string(sc, text), "list", list, NULL);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("text"), names, &value, &err), FX_ERR_LIMIT);
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("list"), names, &value, &err), FX_ERR_LIMIT);
    /* a name alone makes nothing: it is passed on, however large what it stands for is */
    assert_ok(fx_expr_fill(sc, "${ list }", names, &value, &err));
    assert_int_equal(fx_json_count(value), 50000);
    assert_ok(
        fx_expr_fill(sc, "${deep.list}", fx_json_object_of(sc, "deep", names, NULL), &value, &err));
    assert_true(fx_json_equal(value, list));
    assert_int_equal(fx_expr_fill(sc, "${(list)}", names, &value, &err), FX_ERR_LIMIT);
    assert_int_equal(fx_expr_fill(sc, "x${list}", names, &value, &err), FX_ERR_LIMIT);
    assert_ok(fx_expr_eval(sc, FX_SLICE("len(list) + list[50000].n"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 50000 + 49999);
    if (THREAD_SANITIZER) /* beneath it the next takes longer than an expression may */
        return;
    assert_ok(fx_expr_eval(sc, FX_SLICE("sum(list, 'n')"), names, &value, &err));
    assert_int_equal(fx_json_to_int(value, 0), 1249975000);
}

static void the_deepest_value_that_can_be_read_can_be_passed_on(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *value = NULL, *names = NULL, *deep = NULL;
    struct fx_error err = {0};
    char *text = hostile_repeated(sc, "[", FX_JSON_MAX_DEPTH, "1", "]");

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &deep, &err));
    names = fx_json_object_of(sc, "deep", deep, NULL);
    assert_ok(fx_expr_eval(sc, FX_SLICE("deep"), names, &value, &err));
    assert_string_equal(fx_json_dump(sc, value), text);
    assert_ok(fx_expr_fill_all(sc, deep, names, &value, &err));
    assert_int_equal(fx_expr_eval(sc, FX_SLICE("{{deep}}"), names, &value, &err), FX_ERR_INPUT);
}

/* --- memory --- */

static void a_failing_allocation_is_an_error_wherever_it_happens(void **state) {
    static const char *const sources[] = {
        "1",
        "a.b + 1",
        "{x = a.o, y = {1, 2, 3}}",
        "sort(map(l, function(m) return m.n end))",
        "group(l, 'k')",
        "format('%s %d', a.o, 3)",
        "join(split(replace('a,b,c', ',', ';'), ';'), '-')",
        "rep('x', 5000):upper()",
        IN_FUNCTION("local s = '' for k, v in pairs({z = 1, y = 2}) do s = s .. k end return s"),
        "json(keys(a))",
        "sparkline({1, 2, 3})",
        "plural(len(l), 'message', 'messages')",
        "a.n.x",
        "1 +",
        "unknown",
    };

    for (size_t i = 0; i < FX_COUNT_OF(sources); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *names = hostile_names(sc);
        const char *whole = hostile_outcome(sc, sources[i], names);
        bool same = false;
        uint64_t n = 1;

        for (; !same; n++) {
            struct expr_limits limits = {8 << 20, 1000000, 1000, n};
            struct fx_json *value = NULL;
            struct fx_error err = {0};
            enum fx_code code =
                expr_eval_within(sc, fx_slice_of(sources[i]), names, &limits, &value, &err);

            if (code == FX_ERR_LIMIT)
                continue;
            const char *now =
                code == FX_OK ? fx_json_dump(sc, value) : fx_printf(sc, "input: %s", err.message);
            same = strcmp(now, whole) == 0;
            if (!same || n > 5000)
                fail_msg("%s, allocation %llu: %s", sources[i], (unsigned long long)n, now);
        }
        assert_true(n > 10); /* otherwise nothing was made to fail */
    }
}

static long resident_kib(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &total, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void memory_is_given_back(void **state) {
    long before = 0;

    if (ADDRESS_SANITIZER || THREAD_SANITIZER)
        skip(); /* freed memory is kept there on purpose; leaks are reported by themselves */
    for (int i = 0; i < 60; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        hostile_outcome(sc, IN_FUNCTION("local t = {} for i = 1, 1e9 do t[i] = {i} end"),
                        hostile_names(sc));
        hostile_outcome(sc, IN_FUNCTION("local l = range(9000) while true do json(l) end"), NULL);
        if (i == 9)
            before = resident_kib();
    }
    if (resident_kib() - before > 2048)
        fail_msg("%ld KiB grown", resident_kib() - before);
}

/* --- twin: the same test must see a state that is open --- */

static void *capped(void *ud, void *ptr, size_t old_bytes, size_t new_bytes) {
    size_t *left = ud;

    (void)old_bytes;
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    if (new_bytes > *left)
        return NULL;
    *left -= new_bytes;
    return realloc(ptr, new_bytes);
}

static void the_twin_that_pushes_unprotected_aborts(void **state) {
    pid_t child = fork();

    if (child == 0) {
        struct rlimit none = {0, 0};
        size_t left = 64 << 10;
        char *text = malloc(1 << 20);
        lua_State *L = lua_newstate(capped, &left);

        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        memset(text, 'x', 1 << 20);
        lua_pushlstring(L, text, 1 << 20);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_source_and_result_exactly),
        cmocka_unit_test(large_values_are_read_in_parts_and_refused_as_a_whole),
        cmocka_unit_test(the_deepest_value_that_can_be_read_can_be_passed_on),
        cmocka_unit_test(a_failing_allocation_is_an_error_wherever_it_happens),
        cmocka_unit_test(memory_is_given_back),
        cmocka_unit_test(the_twin_that_pushes_unprotected_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
