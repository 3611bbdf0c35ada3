/* slack_text_test.c - foreign text stays text; only parts mention, format and link. */
#include "support/test.h"

#include "fluxabot/slack.h"

#include <string.h>

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

/* How a card text stands in a section. */
static const char *shown(struct fx_scope *sc, const char *text_json) {
    struct fx_json *card = NULL, *message = NULL;
    struct fx_error err;

    assert_ok(
        fx_json_parse(sc, fx_slice_of(fx_printf(sc, "{\"verdict\":%s}", text_json)), &card, &err));
    assert_ok(fx_slack_draw(sc, card, &message, &err));
    const char *text = fx_json_text(fx_json_at_path(message, "blocks.0.text.text"));
    return text != NULL ? text : "";
}

static void escapes_exactly_three_characters(void **state) {
    assert_string_equal(fx_slack_escape(*state, "<!channel> & \"x\" 'y' *z* `k`"),
                        "&lt;!channel&gt; &amp; \"x\" 'y' *z* `k`");
    assert_string_equal(fx_slack_escape(*state, "&lt;@U1&gt;"), "&amp;lt;@U1&amp;gt;");
    assert_string_equal(fx_slack_escape(*state, ""), "");
}

static void removes_what_is_not_seen(void **state) {
    assert_string_equal(fx_slack_escape(*state, "a\x01\x1b[31m\x7f"
                                                "b"),
                        "a[31mb");
    assert_string_equal(fx_slack_escape(*state, "a\u202eb\u2066c\u2069d\u200be\ufefff\u00adg"),
                        "abcdefg");
    assert_string_equal(fx_slack_escape(*state, "\u061c\u200e\u200f\U000e0041x"), "x");
}

static void keeps_lines_and_makes_other_blanks_plain(void **state) {
    assert_string_equal(fx_slack_escape(*state, "a\tb\u00a0c\u3000d\ne\u2028f"), "a b c d\ne\nf");
}

static void keeps_letters_of_every_script_and_emoji(void **state) {
    const char *text = "Größe 数据 данные ñ 🙂 ½ €";

    assert_string_equal(fx_slack_escape(*state, text), text);
}

static void bytes_that_are_not_text_become_a_sign(void **state) {
    assert_string_equal(fx_slack_escape(*state, "a\xff"
                                                "b\xc3"),
                        "a\ufffd"
                        "b\ufffd");
    assert_string_equal(fx_slack_escape(*state, "\xc0\xbc!channel>"), "\ufffd\ufffd!channel&gt;");
    assert_string_equal(fx_slack_escape(*state, "\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
}

static void a_foreign_string_cannot_begin_a_new_line(void **state) {
    assert_string_equal(shown(*state, "\"down\\n*Approved by* <@U0CTO>\\r\\n\\n  now\""),
                        "down *Approved by* &lt;@U0CTO&gt; now");
}

static void blanks_around_a_text_are_dropped(void **state) {
    assert_string_equal(shown(*state, "[\"  a \", \" b  \", \" \"]"), "a b");
    assert_string_equal(shown(*state, "\" \\t\\u200b\""), "");
}

static void a_user_and_a_group_are_mentioned_by_their_parts(void **state) {
    assert_string_equal(shown(*state, "{\"user\":\"U0ANNA0001\"}"), "<@U0ANNA0001>");
    assert_string_equal(shown(*state, "{\"user\":\"W0ANNA0001\"}"), "<@W0ANNA0001>");
    assert_string_equal(shown(*state, "{\"group\":\"S0FLUXA01\"}"), "<!subteam^S0FLUXA01>");
}

static void an_id_of_another_form_is_text(void **state) {
    static const char *const bad[][2] = {
        {"{\"user\":\"!channel\"}", "!channel"},
        {"{\"user\":\"U0>  <!here\"}", "U0&gt; &lt;!here"},
        {"{\"user\":\"u0anna\"}", "u0anna"},
        {"{\"user\":\"U\"}", "U"},
        {"{\"user\":\"S0FLUXA01\"}", "S0FLUXA01"},
        {"{\"user\":\"U0ANNA|x\"}", "U0ANNA|x"},
        {"{\"group\":\"here\"}", "here"},
        {"{\"group\":\"U0ANNA\"}", "U0ANNA"},
        {"{\"group\":\"S0^x\"}", "S0^x"},
        {"{\"user\":{\"group\":\"S0\"}}", ""},
        {"{\"user\":7}", ""},
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_string_equal(shown(*state, bad[i][0]), bad[i][1]);
}

static void a_time_is_local_to_the_reader_and_utc_otherwise(void **state) {
    assert_string_equal(
        shown(*state, "{\"time\":1795272300999}"),
        "<!date^1795272300^{date_short_pretty} at {time_secs}|2026-11-21 14:45:00 UTC>");
    assert_string_equal(shown(*state, "{\"time\":-1}"), "unknown time");
    assert_string_equal(shown(*state, "{\"time\":\"now\"}"), "unknown time");
    assert_string_equal(shown(*state, "{\"time\":9223372036854775807}"), "unknown time");
}

static void code_and_bold_cannot_be_left_early(void **state) {
    assert_string_equal(shown(*state, "{\"code\":\"a`b\\nc <x>\"}"), "`a'b c &lt;x&gt;`");
    assert_string_equal(shown(*state, "{\"bold\":\" a*b \"}"), "*a∗b*");
    assert_string_equal(shown(*state, "[\"x\",{\"code\":\" \"},{\"bold\":\"\"},\"y\"]"), "xy");
    assert_string_equal(shown(*state, "{\"code\":42}"), "`42`");
}

static void a_link_part_links_and_nothing_leaves_it(void **state) {
    assert_string_equal(
        shown(*state, "{\"link\":\"https://a.example/x?y=1&z=2\",\"text\":\"see <b>\"}"),
        "<https://a.example/x?y=1&amp;z=2|see &lt;b&gt;>");
    assert_string_equal(shown(*state, "{\"link\":\"https://a.example/>|<!here> x\"}"),
                        "<https://a.example/%3E%7C%3C!here%3E%20x|"
                        "https://a.example/&gt;|&lt;!here&gt; x>");
    assert_string_equal(shown(*state, "{\"link\":\"javascript:alert(1)\",\"text\":\"press\"}"),
                        "press");
}

static void other_values_are_shown_as_they_are_written(void **state) {
    assert_string_equal(shown(*state, "[1, \" \", 2.5, \" \", true, null]"), "1 2.5 true");
    assert_string_equal(shown(*state, "{\"a\":\"<b>\"}"), "{\"a\":\"&lt;b&gt;\"}");
}

static void a_pair_of_marks_is_never_cut_open(void **state) {
    const char *text = "";

    for (int i = 0; i < 400; i++)
        text =
            fx_printf(*state, "%s%s{\"code\":\"%03d-12345678\"}", text, i > 0 ? ",\" \"," : "", i);
    const char *drawn = shown(*state, fx_printf(*state, "[%s]", text));
    size_t ticks = 0;

    for (const char *c = drawn; *c != '\0'; c++)
        ticks += *c == '`';
    assert_int_equal(ticks % 2, 0);
    assert_non_null(strstr(drawn, "… (cut)"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)
    const struct CMUnitTest tests[] = {
        TEST(escapes_exactly_three_characters),
        TEST(removes_what_is_not_seen),
        TEST(keeps_lines_and_makes_other_blanks_plain),
        TEST(keeps_letters_of_every_script_and_emoji),
        TEST(bytes_that_are_not_text_become_a_sign),
        TEST(a_foreign_string_cannot_begin_a_new_line),
        TEST(blanks_around_a_text_are_dropped),
        TEST(a_user_and_a_group_are_mentioned_by_their_parts),
        TEST(an_id_of_another_form_is_text),
        TEST(a_time_is_local_to_the_reader_and_utc_otherwise),
        TEST(code_and_bold_cannot_be_left_early),
        TEST(a_link_part_links_and_nothing_leaves_it),
        TEST(other_values_are_shown_as_they_are_written),
        TEST(a_pair_of_marks_is_never_cut_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
