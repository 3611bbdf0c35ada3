/* base_json_test.c - is hostile JSON refused, and does ours come out as it went in? */
#include "support/test.h"

#include "fluxabot/base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

static enum fx_code parse(void **state, const char *text, struct fx_json **ret_json,
                          struct fx_error *err) {
    return fx_json_parse(*state, fx_slice_of(text), ret_json, err);
}

static void refuses_hostile_text(void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{'a':1}",
        "{a:1}",
        "[1] x",
        "[1][2]",
        "nul",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "0x10",
        "1e999",
        "-1e999",
        "12345678901234567890",
        "-12345678901234567890",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"x\":{\"a\":1,\"b\":2,\"a\":3}}",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "\"\\u12\"",
        "\"\\x41\"",
        "\"a\\u0000b\"",
        "{\"a\\u0000b\":1}",
        "\"line\nbreak\"",
        "\"tab\tinside\"",
        "\"\xFF\"",
        "\"\xC0\xAF\"",
        "\"\xED\xA0\x80\"",
        "\"open",
        "\xEF\xBB\xBF{}",
        "// no\n1",
        "/**/1",
        "]",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        struct fx_json *json = NULL;

        if (parse(state, bad[i], &json, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
        assert_null(json);
        assert_true(fx_slice_is_utf8(fx_slice_of(err.message)));
    }
}

static void refuses_a_raw_nul(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_int_equal(fx_json_parse(*state, (struct fx_slice){"\"a\0b\"", 5}, &json, &err),
                     FX_ERR_INPUT);
    assert_int_equal(fx_json_parse(*state, (struct fx_slice){"{}\0{}", 5}, &json, &err),
                     FX_ERR_INPUT);
    assert_int_equal(fx_json_parse(*state, (struct fx_slice){NULL, 0}, &json, &err), FX_ERR_INPUT);
}

static char *nested(struct fx_scope *sc, size_t depth, const char *open, const char *shut) {
    size_t width = strlen(open);
    char *text = fx_alloc(sc, depth * (width + 1) + 2);

    for (size_t i = 0; i < depth; i++)
        memcpy(text + i * width, open, width);
    text[depth * width] = '1';
    memset(text + depth * width + 1, shut[0], depth);
    return text;
}

static void depth_ends_at_its_limit(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(parse(state, nested(*state, FX_JSON_MAX_DEPTH, "[", "]"), &json, &err));
    assert_int_equal(parse(state, nested(*state, FX_JSON_MAX_DEPTH + 1, "[", "]"), &json, &err),
                     FX_ERR_LIMIT);
    assert_ok(parse(state, nested(*state, FX_JSON_MAX_DEPTH, "{\"a\":", "}"), &json, &err));
    assert_int_equal(
        parse(state, nested(*state, FX_JSON_MAX_DEPTH + 1, "{\"a\":", "}"), &json, &err),
        FX_ERR_LIMIT);
    assert_int_equal(parse(state, nested(*state, 1000000, "[", "]"), &json, &err), FX_ERR_LIMIT);
}

static void brackets_in_strings_are_no_depth(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;
    char *text = fx_alloc(*state, 1004);

    memset(text, '[', 1003);
    text[0] = '"';
    memcpy(text + 500, "\\\"[\\\\", 5);
    text[1002] = '"';
    assert_ok(parse(state, text, &json, &err));
    assert_int_equal(fx_json_type(json), FX_JSON_STRING);
}

static void size_ends_at_its_limit(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;
    char *text = malloc((size_t)FX_JSON_MAX_BYTES + 1);

    assert_non_null(text);
    memset(text, ' ', (size_t)FX_JSON_MAX_BYTES + 1);
    text[0] = '1';
    assert_int_equal(
        fx_json_parse(*state, (struct fx_slice){text, (size_t)FX_JSON_MAX_BYTES + 1}, &json, &err),
        FX_ERR_LIMIT);
    assert_ok(fx_json_parse(*state, (struct fx_slice){text, FX_JSON_MAX_BYTES}, &json, &err));
    free(text);
}

static void comes_out_as_it_went_in(void **state) {
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "-0.5",
        "1e300",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[1,[2,[3]],{\"b\":1,\"a\":2}]",
        "{\"z\":1,\"a\":{\"y\":null,\"b\":[true]}}",
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\xA5\"",
        "\"\\u0001\\n\\t\\\"\\\\\"",
        "0.30000000000000004",
        "[1.7976931348623157e308,2.2250738585072014e-308]",
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        struct fx_json *json = NULL, *again = NULL;

        assert_ok(parse(state, texts[i], &json, &err));
        assert_ok(parse(state, fx_json_dump(*state, json), &again, &err));
        assert_true(fx_json_equal(json, again));
        assert_true(fx_json_equal(json, fx_json_copy(*state, json)));
    }
}

static void a_persons_decimals_stay_short(void **state) {
    static const char *const texts[] = {"0.1", "0.7", "19.99", "123456.789", "1732180504.123"};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        struct fx_json *json = NULL;

        assert_ok(parse(state, texts[i], &json, &err));
        assert_string_equal(fx_json_dump(*state, json), texts[i]);
    }
}

static void every_double_survives(void **state) {
    uint64_t bits = 0x9E3779B97F4A7C15;

    for (int i = 0; i < 20000; i++) {
        double value = 0;
        struct fx_json *again = NULL;
        struct fx_error err;
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        bits = bits * 6364136223846793005 + 1442695040888963407;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        struct fx_json *list = fx_json_array_of(sc, fx_json_real(sc, value), NULL);

        assert_ok(fx_json_parse(sc, fx_slice_of(fx_json_dump(sc, list)), &again, &err));
        double back = fx_json_to_real(fx_json_item(again, 0), 0);

        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void what_is_no_number_becomes_null(void **state) {
    assert_int_equal(fx_json_type(fx_json_real(*state, NAN)), FX_JSON_NULL);
    assert_int_equal(fx_json_type(fx_json_real(*state, -INFINITY)), FX_JSON_NULL);
    assert_int_equal(fx_json_type(fx_json_string(*state, NULL)), FX_JSON_NULL);
}

static void canonical_text_does_not_depend_on_order(void **state) {
    struct fx_json *a = NULL, *b = NULL;
    struct fx_error err;

    assert_ok(parse(state, "{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"y\":1,\"x\":2}]}", &a, &err));
    assert_ok(parse(state, "{\"a\":[{\"x\":2,\"y\":1}],\"b\":{\"c\":2,\"d\":1}}", &b, &err));
    assert_true(fx_json_equal(a, b));
    assert_string_equal(fx_json_dump_canonical(*state, a), fx_json_dump_canonical(*state, b));
    assert_string_not_equal(fx_json_dump(*state, a), fx_json_dump(*state, b));
    assert_string_equal(fx_json_dump_canonical(*state, a),
                        "{\"a\":[{\"x\":2,\"y\":1}],\"b\":{\"c\":2,\"d\":1}}");
}

static void repairs_foreign_bytes(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        {"ok", 2, "ok"},
        {"a\xFF"
         "b",
         3,
         "a\xEF\xBF\xBD"
         "b"},
        {"a\0b", 3,
         "a\xEF\xBF\xBD"
         "b"},
        {"\xE2\x82", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE2\x82\xAC\x80", 4, "\xE2\x82\xAC\xEF\xBF\xBD"},
        {"\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"caf\xE9", 4, "caf\xEF\xBF\xBD"},
        {"", 0, ""},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        assert_string_equal(
            fx_json_text(fx_json_slice(*state, (struct fx_slice){cases[i].bytes, cases[i].len})),
            cases[i].text);
    assert_string_equal(fx_json_text(fx_json_slice(*state, (struct fx_slice){NULL, 0})), "");
    assert_string_equal(fx_json_text(fx_json_stringf(*state, "%s\xFE", "x")), "x\xEF\xBF\xBD");
}

static void any_bytes_make_printable_json(void **state) {
    uint32_t seed = 7;

    for (int round = 0; round < 3000; round++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_error err;
        char bytes[24];
        struct fx_json *object = fx_json_object(sc), *again = NULL;

        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        bytes[23] = '\0';
        fx_json_put(object, bytes, fx_json_slice(sc, (struct fx_slice){bytes, sizeof bytes}));
        assert_ok(fx_json_parse(sc, fx_slice_of(fx_json_dump(sc, object)), &again, &err));
        assert_true(fx_json_equal(object, again));
    }
}

/* One way of writing texts, not two. */
static void a_quoted_text_is_what_a_value_would_be(void **state) {
    static const char *const texts[] = {"", "a", "/fluxa \"dlq\" \\ \xc3\xa4 \xf0\x9f\x99\x82",
                                        "\xff<\xc3", "tab\tline\nend"};

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        assert_string_equal(fx_json_quote(*state, texts[i]),
                            fx_json_dump(*state, fx_json_string(*state, texts[i])));
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'x', (char)byte, (char)byte, 'y', '\0'};

        assert_string_equal(fx_json_quote(*state, text),
                            fx_json_dump(*state, fx_json_string(*state, text)));
    }
}

static void getters_answer_for_what_is_not_there(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;
    void *cursor = NULL;

    assert_ok(parse(state, "{\"i\":7,\"r\":2.9,\"s\":\"x\",\"b\":true,\"n\":null}", &json, &err));
    assert_int_equal(fx_json_get_int(json, "i", -1), 7);
    assert_int_equal(fx_json_get_int(json, "r", -1), 2);
    assert_int_equal(fx_json_get_int(json, "s", -1), -1);
    assert_int_equal(fx_json_get_int(json, "none", -1), -1);
    assert_true(fx_json_get_bool(json, "b", false));
    assert_true(fx_json_get_bool(json, "i", true));
    assert_null(fx_json_get_text(json, "i"));
    assert_null(fx_json_get_text(json, "n"));
    assert_true(fx_json_get_real(json, "i", 0) == 7.0);
    assert_null(fx_json_at(NULL, "x"));
    assert_null(fx_json_item(json, 0));
    assert_null(fx_json_at(fx_json_array(*state), "x"));
    assert_int_equal(fx_json_count(NULL), 0);
    assert_int_equal(fx_json_count(fx_json_int(*state, 5)), 0);
    assert_int_equal(fx_json_type(NULL), FX_JSON_ABSENT);
    assert_false(fx_json_next(NULL, &cursor, NULL, NULL));
    assert_false(fx_json_equal(json, NULL));
    assert_true(fx_json_equal(NULL, NULL));
    assert_string_equal(fx_json_dump(*state, NULL), "null");
    assert_int_equal(fx_json_text_slice(NULL).len, 0);
}

static void huge_reals_are_no_int(void **state) {
    assert_int_equal(fx_json_to_int(fx_json_real(*state, 9.3e18), -1), -1);
    assert_int_equal(fx_json_to_int(fx_json_real(*state, 0x1p63), -1), -1);
    assert_int_equal(fx_json_to_int(fx_json_real(*state, -0x1p63), -1), INT64_MIN);
    assert_int_equal(fx_json_to_int(fx_json_real(*state, -2.9), -1), -2);
}

static void walks_paths(void **state) {
    struct fx_json *json = NULL;
    struct fx_error err;
    char long_path[400];

    assert_ok(parse(state, "{\"a\":{\"b\":[{\"c\":5},6]},\"0\":\"zero\"}", &json, &err));
    assert_int_equal(fx_json_to_int(fx_json_at_path(json, "a.b.0.c"), -1), 5);
    assert_int_equal(fx_json_to_int(fx_json_at_path(json, "a.b.1"), -1), 6);
    assert_string_equal(fx_json_text(fx_json_at_path(json, "0")), "zero");
    assert_ptr_equal(fx_json_at_path(json, ""), json);
    static const char *const absent[] = {
        "a.b.2", "a.b.-1", "a.b.x", "a..b", ".a", "x.y.z", "a.b.0.c.d", "a.b.99999999999999999999"};

    for (size_t i = 0; i < FX_COUNT_OF(absent); i++)
        assert_null(fx_json_at_path(json, absent[i]));
    memset(long_path, 'k', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_null(fx_json_at_path(json, long_path));
}

static void objects_keep_order_and_replace(void **state) {
    struct fx_json *object =
        fx_json_object_of(*state, "z", fx_json_int(*state, 1), "left_out", NULL, "a",
                          fx_json_array_of(*state, fx_json_bool(*state, true), NULL), NULL);

    fx_json_put(object, "m", fx_json_int(*state, 3));
    fx_json_put(object, "z", fx_json_string(*state, "new"));
    fx_json_put(object, "ignored", NULL);
    assert_string_equal(fx_json_dump(*state, object), "{\"z\":\"new\",\"a\":[true],\"m\":3}");
    fx_json_remove(object, "a");
    fx_json_remove(object, "never");
    assert_string_equal(fx_json_dump(*state, object), "{\"z\":\"new\",\"m\":3}");
}

static void one_value_may_have_two_parents(void **state) {
    struct fx_json *shared = fx_json_object_of(*state, "k", fx_json_int(*state, 1), NULL);
    struct fx_json *list = fx_json_array_of(*state, shared, shared, NULL);
    struct fx_json *copy = fx_json_copy(*state, list);

    fx_json_put(shared, "k", fx_json_int(*state, 2));
    assert_string_equal(fx_json_dump(*state, list), "[{\"k\":2},{\"k\":2}]");
    assert_string_equal(fx_json_dump(*state, copy), "[{\"k\":1},{\"k\":1}]");
}

static void a_shared_value_outlives_its_scope(void **state) {
    struct fx_scope *inner = fx_scope_new(*state);
    struct fx_json *made = fx_json_array_of(inner, fx_json_string(inner, "body"), NULL);
    struct fx_json *shared = fx_json_share(*state, made);

    assert_ptr_equal(shared, made);
    assert_null(fx_json_share(*state, NULL));
    fx_scope_free(inner);
    assert_string_equal(fx_json_dump(*state, shared), "[\"body\"]");
}

/* ---- random values, written by us and by jansson ---- */

enum { VALUES = 4000, DEPTH_MAX = 5, PARTS_MAX = 6, TEXT_MAX = 12, PIECE_MAX = 32 };

static struct fx_json *random_text(struct fx_scope *sc, unsigned *seed) {
    static const char *const pieces[] = {"a",
                                         "longer than a machine word",
                                         "Z",
                                         "0",
                                         " ",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\t",
                                         "\b",
                                         "\f",
                                         "\r",
                                         "\x01",
                                         "\x1f",
                                         "\x7f",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x90\x8C",
                                         "\xED\xA0\x80",
                                         "\xFF",
                                         "</script>",
                                         "\xE2\x80\xA8"};
    char text[TEXT_MAX * PIECE_MAX] = "";

    for (int i = rand_r(seed) % TEXT_MAX; i > 0; i--)
        strcat(text, pieces[(size_t)rand_r(seed) % FX_COUNT_OF(pieces)]);
    return fx_json_string(sc, text);
}

/* Reals of the two kinds are never mixed, for jansson prints a text's all alike. */
static struct fx_json *random_value(struct fx_scope *sc, unsigned *seed, int depth, bool exact) {
    static const double decimals[] = {0.1, -2.5, 1e300, 1e-7, 0.0, -0.0, 3, 1e15, 123456.789};
    static const double others[] = {1.0 / 3, 0x1.fffffffffffffp+1023, -2.0 / 7};
    int kind = rand_r(seed) % (depth < DEPTH_MAX ? 9 : 6);

    if (kind == 0)
        return fx_json_null(sc);
    if (kind == 1)
        return fx_json_bool(sc, rand_r(seed) % 2);
    if (kind == 2)
        return fx_json_int(sc, rand_r(seed) % 3 ? rand_r(seed) : INT64_MIN + rand_r(seed) % 2);
    if (kind == 3)
        return fx_json_real(sc, exact ? others[(size_t)rand_r(seed) % FX_COUNT_OF(others)]
                                      : decimals[(size_t)rand_r(seed) % FX_COUNT_OF(decimals)]);
    if (kind < 6)
        return random_text(sc, seed);
    struct fx_json *whole = kind == 6 ? fx_json_array(sc) : fx_json_object(sc);

    for (int i = rand_r(seed) % PARTS_MAX; i > 0; i--)
        if (kind == 6)
            fx_json_add(whole, random_value(sc, seed, depth + 1, exact));
        else
            fx_json_put(whole, fx_json_text(random_text(sc, seed)),
                        random_value(sc, seed, depth + 1, exact));
    return whole;
}

static bool has_exact_real(const char *text) {
    return strstr(text, "0.33333") || strstr(text, "1.7976") || strstr(text, "-0.2857");
}

static void assert_written_alike(const char *ours, const struct fx_json *value, size_t flags,
                                 unsigned seed) {
    size_t digits = has_exact_real(ours) ? 17 : 15;
    char *theirs = json_dumps((const json_t *)value,
                              JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits) | flags);

    if (strcmp(ours, theirs) != 0)
        fail_msg("seed %u:\n%s\n%s", seed, ours, theirs);
    free(theirs);
}

static void writes_what_jansson_would_write(void **state) {
    unsigned seed = (unsigned)time(NULL), first = seed;

    for (int i = 0; i < VALUES; i++) {
        struct fx_scope *sc = fx_scope_new(*state);
        const struct fx_json *value = random_value(sc, &seed, 0, i % 2);

        assert_written_alike(fx_json_dump(sc, value), value, 0, first);
        assert_written_alike(fx_json_dump_canonical(sc, value), value, JSON_SORT_KEYS, first);
        fx_scope_free(sc);
    }
}

#define JSON_TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)

int main(void) {
    const struct CMUnitTest tests[] = {
        JSON_TEST(refuses_hostile_text),
        JSON_TEST(refuses_a_raw_nul),
        JSON_TEST(depth_ends_at_its_limit),
        JSON_TEST(brackets_in_strings_are_no_depth),
        JSON_TEST(size_ends_at_its_limit),
        JSON_TEST(comes_out_as_it_went_in),
        JSON_TEST(a_persons_decimals_stay_short),
        JSON_TEST(every_double_survives),
        JSON_TEST(what_is_no_number_becomes_null),
        JSON_TEST(canonical_text_does_not_depend_on_order),
        JSON_TEST(repairs_foreign_bytes),
        JSON_TEST(any_bytes_make_printable_json),
        JSON_TEST(writes_what_jansson_would_write),
        JSON_TEST(a_quoted_text_is_what_a_value_would_be),
        JSON_TEST(getters_answer_for_what_is_not_there),
        JSON_TEST(huge_reals_are_no_int),
        JSON_TEST(walks_paths),
        JSON_TEST(objects_keep_order_and_replace),
        JSON_TEST(one_value_may_have_two_parents),
        JSON_TEST(a_shared_value_outlives_its_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
