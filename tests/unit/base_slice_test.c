/* base_slice_test.c - do looks at foreign bytes stay inside them and judge them rightly? */
#include "support/test.h"

#include "fluxabot/base/eight.h"
#include "fluxabot/base/slice.h"

#include <stdlib.h>
#include <string.h>

static void refuses_what_is_no_whole_number(void **state) {
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x10",
        "--1",
        "1-",
        "1e3",
        "\t1",
        "९",
        "a",
        "1a",
        "-a",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "100000000000000000000000000000",
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        int64_t value = 42;

        if (fx_slice_to_int(fx_slice_of(bad[i]), &value))
            fail_msg("\"%s\" was read as %lld", bad[i], (long long)value);
        assert_int_equal(value, 42);
    }
    int64_t value = 0;

    assert_false(fx_slice_to_int((struct fx_slice){"1\0002", 3}, &value));
}

static void reads_numbers_up_to_the_edges(void **state) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-1", -1},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"000000000000000000000000000000000001", 1},
    };

    for (size_t i = 0; i < FX_COUNT_OF(good); i++) {
        int64_t value = 42;

        assert_true(fx_slice_to_int(fx_slice_of(good[i].text), &value));
        assert_int_equal(value, good[i].value);
    }
}

static void reads_no_byte_behind_a_slice(void **state) {
    char *exact = malloc(3); /* the sanitizer watches the fourth */
    int64_t value = 0;

    assert_non_null(exact);
    memcpy(exact, "123", 3);
    assert_true(fx_slice_to_int((struct fx_slice){exact, 3}, &value));
    assert_int_equal(value, 123);
    memcpy(exact, "\xE2\x82x", 3);
    assert_false(fx_slice_is_utf8((struct fx_slice){exact, 2}));
    assert_int_equal(fx_slice_utf8_prefix((struct fx_slice){exact, 2}, 9), 0);
    assert_int_equal(fx_slice_utf8_count((struct fx_slice){exact, 2}), 2);
    free(exact);
}

static void knows_well_formed_utf8(void **state) {
    static const char *const good[] = {
        "",
        "plain",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2x",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE2\x82",
        "\xE2(\xA1",
        "\xE2\x82(",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF0\x9F\x92",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "ab\xFFxy",
    };

    for (size_t i = 0; i < FX_COUNT_OF(good); i++)
        assert_true(fx_slice_is_utf8(fx_slice_of(good[i])));
    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_false(fx_slice_is_utf8(fx_slice_of(bad[i])));
}

static void a_prefix_never_cuts_a_character(void **state) {
    struct fx_slice s = fx_slice_of("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\xA5z");
    static const size_t ends[] = {0, 1, 3, 6, 10, 11, 11};

    for (size_t n = 0; n < FX_COUNT_OF(ends); n++)
        assert_int_equal(fx_slice_utf8_prefix(s, n), ends[n]);
    assert_int_equal(fx_slice_utf8_count(s), 5);
    for (size_t len = 0; len <= s.len; len++) {
        struct fx_slice cut = fx_slice_cut(s, 0, len);

        cut.len = fx_slice_utf8_prefix(cut, cut.len);
        assert_true(fx_slice_is_utf8(cut));
        assert_true(len - cut.len < 4);
    }
}

static void broken_bytes_near_the_end_cost_no_letters(void **state) {
    struct fx_slice latin1 = fx_slice_of("caf\xE9 x");

    assert_int_equal(fx_slice_utf8_prefix(latin1, 99), latin1.len);
    assert_int_equal(fx_slice_utf8_prefix(fx_slice_of("ab\xFF"), 99), 3);
    assert_int_equal(fx_slice_utf8_prefix(fx_slice_of("ab\xF0\x9F\x92"), 99), 2);
}

/* Every byte in every place, among neighbours that are nearly what is looked for. */
static void eight_bytes_are_judged_as_each_of_them(void **state) {
    static const char neighbours[] = {'a', ',', '\x7e', (char)0x80, (char)0xff, ' '};

    for (int limit = 1; limit <= 0x80; limit++)
        for (int byte = 0; byte < 256; byte++)
            for (size_t at = 0; at < FX_EIGHT; at++) {
                char bytes[FX_EIGHT];
                bool below = false, same = false, high = false;

                for (size_t i = 0; i < FX_EIGHT; i++) {
                    bytes[i] = i == at ? (char)byte : neighbours[i % sizeof neighbours];
                    below |= (unsigned char)bytes[i] < limit;
                    same |= (unsigned char)bytes[i] == limit;
                    high |= (unsigned char)bytes[i] >= 0x80;
                }
                uint64_t eight = fx_eight_at(bytes);

                assert_int_equal(fx_eight_has_below(eight, (unsigned char)limit), below);
                assert_int_equal(fx_eight_has(eight, (unsigned char)limit), same);
                assert_int_equal(fx_eight_has_high(eight), high);
            }
}

static void compares_secrets_as_bytes(void **state) {
    char a[64], b[64];

    memset(a, 'k', sizeof a);
    for (size_t i = 0; i < sizeof a; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(b, a, sizeof b);
            b[i] = (char)(b[i] ^ (1 << bit));
            assert_false(fx_slice_equal_secret((struct fx_slice){a, 64}, (struct fx_slice){b, 64}));
        }
    }
    assert_true(fx_slice_equal_secret((struct fx_slice){a, 64}, (struct fx_slice){a, 64}));
    assert_false(fx_slice_equal_secret((struct fx_slice){a, 64}, (struct fx_slice){a, 63}));
    assert_true(fx_slice_equal_secret((struct fx_slice){NULL, 0}, FX_SLICE("")));
}

static void splits_at_the_first(void **state) {
    struct fx_slice head, tail;

    assert_true(fx_slice_split(FX_SLICE("a=b=c"), '=', &head, &tail));
    assert_true(fx_slice_equal_text(head, "a"));
    assert_true(fx_slice_equal_text(tail, "b=c"));
    assert_true(fx_slice_split(FX_SLICE("a="), '=', &head, &tail));
    assert_int_equal(tail.len, 0);
    assert_false(fx_slice_split(FX_SLICE("abc"), '=', &head, &tail));
    assert_true(fx_slice_equal_text(head, "abc"));
    assert_int_equal(tail.len, 0);
    assert_false(fx_slice_split((struct fx_slice){NULL, 0}, '=', &head, &tail));
}

static void cuts_stay_inside(void **state) {
    struct fx_slice s = FX_SLICE("hello");

    assert_true(fx_slice_equal_text(fx_slice_cut(s, 1, 3), "ell"));
    assert_true(fx_slice_equal_text(fx_slice_cut(s, 4, SIZE_MAX), "o"));
    assert_int_equal(fx_slice_cut(s, 9, 1).len, 0);
    assert_int_equal(fx_slice_cut(s, SIZE_MAX, SIZE_MAX).len, 0);
    assert_int_equal(fx_slice_find(s, 99, 'h'), s.len);
    assert_int_equal(fx_slice_find(s, 3, 'l'), 3);
    assert_true(fx_slice_equal_text(fx_slice_trim(FX_SLICE(" \t\r\n x y \n")), "x y"));
    assert_int_equal(fx_slice_trim(FX_SLICE(" \n ")).len, 0);
    assert_true(fx_slice_starts_with(s, FX_SLICE("he")));
    assert_false(fx_slice_starts_with(s, FX_SLICE("hello!")));
    assert_true(fx_slice_ends_with(s, FX_SLICE("llo")));
    assert_false(fx_slice_ends_with(s, FX_SLICE("xhello")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_whole_number),
        cmocka_unit_test(reads_numbers_up_to_the_edges),
        cmocka_unit_test(reads_no_byte_behind_a_slice),
        cmocka_unit_test(knows_well_formed_utf8),
        cmocka_unit_test(a_prefix_never_cuts_a_character),
        cmocka_unit_test(broken_bytes_near_the_end_cost_no_letters),
        cmocka_unit_test(eight_bytes_are_judged_as_each_of_them),
        cmocka_unit_test(compares_secrets_as_bytes),
        cmocka_unit_test(splits_at_the_first),
        cmocka_unit_test(cuts_stay_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
