/* slack_draw_test.c - cards become exactly the messages in tests/golden/slack, and stay within
 * limits.
 *
 * With FLUXABOT_WRITE_GOLDEN set, the golden messages are written instead of compared.
 */
#include "support/test.h"

#include "fluxabot/slack.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_scope(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int close_scope(void **state) {
    fx_scope_free(*state);
    return 0;
}

static struct fx_slice read_file(struct fx_scope *sc, const char *path) {
    enum { MAX = 1 << 20 };
    char *bytes = fx_alloc(sc, MAX);
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return fx_slice_of("");
    size_t len = fread(bytes, 1, MAX, file);
    fclose(file);
    return (struct fx_slice){bytes, len};
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_golden(struct fx_scope *sc, const char *path, const struct fx_json *drawn) {
    const char *text = fx_printf(sc, "%s\n", fx_json_dump_pretty(sc, drawn));

    if (getenv("FLUXABOT_WRITE_GOLDEN") != NULL)
        write_file(path, text);
    if (!fx_slice_equal_text(read_file(sc, path), text))
        fail_msg("%s is not what is drawn now:\n%s", path, text);
}

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

static struct fx_json *draw(struct fx_scope *sc, const struct fx_json *card) {
    struct fx_json *message = NULL;
    struct fx_error err;

    assert_ok(fx_slack_draw(sc, card, &message, &err));
    assert_ok(fx_slack_check_message(message, &err));
    return message;
}

static struct fx_json *draw_text(struct fx_scope *sc, const char *card) {
    return draw(sc, parse(sc, card));
}

static const char *at(const struct fx_json *message, const char *path) {
    const char *text = fx_json_text(fx_json_at_path(message, path));

    return text != NULL ? text : "(absent)";
}

static void every_golden_card_gives_its_golden_message(void **state) {
    glob_t found;

    assert_int_equal(glob(FX_TEST_DIR "/golden/slack/*.card.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 12);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *card = NULL;
        struct fx_error err;
        const char *card_path = found.gl_pathv[i];

        assert_ok(fx_json_parse(sc, read_file(sc, card_path), &card, &err));
        size_t stem = strlen(card_path) - strlen(".card.json");
        const char *path = fx_printf(sc, "%.*s.message.json", (int)stem, card_path);
        expect_golden(sc, path, draw(sc, card));
    }
    globfree(&found);
}

static void every_mrkdwn_object_is_verbatim(void **state) {
    glob_t found;

    assert_int_equal(glob(FX_TEST_DIR "/golden/slack/*.message.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *message = NULL;
        struct fx_error err;

        assert_ok(fx_json_parse(sc, read_file(sc, found.gl_pathv[i]), &message, &err));
        const char *text = fx_json_dump(sc, message);
        for (const char *c = text; (c = strstr(c, "\"mrkdwn\"")) != NULL; c++) {
            const char *end = strstr(c, "\"verbatim\":true}");
            const char *next = strstr(c + 1, "\"mrkdwn\"");
            assert_non_null(end);
            assert_true(next == NULL || end < next);
        }
    }
    globfree(&found);
}

static void the_text_carries_what_the_blocks_say(void **state) {
    struct fx_json *message = draw_text(
        *state, "{\"title\":\"DLQ holds 12\",\"tone\":\"alarm\",\"verdict\":\"Nine are safe.\","
                "\"lines\":[\"The database answers\"],\"fields\":[{\"name\":\"Where\",\"value\":"
                "\"prod\"}],\"table\":{\"columns\":[\"Cause\",\"Count\"],\"rows\":[[\"Hash\",2]]},"
                "\"progress\":{\"done\":6,\"total\":9},\"buttons\":[{\"text\":\"Redrive\","
                "\"action\":\"a\"}]}");

    assert_string_equal(at(message, "text"),
                        "DLQ holds 12. Nine are safe. The database answers. 6 of 9 (66 percent). "
                        "Where: prod. Cause: Hash, Count: 2. Buttons: Redrive.");
}

static void a_given_text_is_the_text(void **state) {
    struct fx_json *message =
        draw_text(*state, "{\"title\":\"T\",\"text\":[\"Seen by \",{\"user\":\"U0BO\"},\" at \","
                          "{\"time\":1795272300000}]}");

    assert_string_equal(at(message, "text"), "Seen by <@U0BO> at 2026-11-21 14:45:00 UTC");
}

static void the_tone_is_one_emoji_behind_the_words(void **state) {
    static const char *const tones[][2] = {
        {"alarm", "Hot :red_circle:"},
        {"good", "Hot :large_green_circle:"},
        {"wait", "Hot :hourglass_flowing_sand:"},
        {"bad", "Hot :x:"},
        {"plain", "Hot"},
        {"purple", "Hot"},
    };

    for (size_t i = 0; i < FX_COUNT_OF(tones); i++) {
        struct fx_json *message = draw_text(
            *state, fx_printf(*state, "{\"title\":\"Hot\",\"tone\":\"%s\"}", tones[i][0]));
        assert_string_equal(at(message, "blocks.0.text.text"), tones[i][1]);
        assert_string_equal(at(message, "text"), "Hot.");
    }
}

static void a_title_cannot_bring_an_emoji_of_its_own(void **state) {
    struct fx_json *message = draw_text(
        *state, "{\"tone\":\"alarm\",\"title\":\":white_check_mark: fine :a: arn:aws:sqs:x\"}");

    assert_string_equal(at(message, "blocks.0.text.text"),
                        "꞉white_check_mark: fine ꞉a: arn:aws:sqs:x :red_circle:");
}

static void block_ids_change_with_the_revision(void **state) {
    struct fx_json *first = draw_text(*state, "{\"key\":\"apr:A-1\",\"title\":\"T\"}");
    struct fx_json *second =
        draw_text(*state, "{\"key\":\"apr:A-1\",\"revision\":7,\"title\":\"T\"}");

    assert_string_equal(at(first, "blocks.0.block_id"), "apr:A-1:h:1");
    assert_string_equal(at(second, "blocks.0.block_id"), "apr:A-1:h:7");
}

static void buttons_pass_ids_through_and_carry_a_label(void **state) {
    struct fx_json *message = draw_text(
        *state,
        "{\"buttons\":[{\"text\":\"Approve\",\"action\":\"fluxa.approve\",\"value\":\"A-1\","
        "\"style\":\"primary\",\"label\":\"Approve request A-1\",\"confirm\":{\"title\":"
        "\"Sure?\",\"text\":\"9 messages move\",\"ok\":\"Move\",\"back\":\"Stay\"}},"
        "{\"text\":\"Other\",\"action\":\"fluxa.other\",\"style\":\"primary\"}]}");
    const struct fx_json *button = fx_json_at_path(message, "blocks.0.elements.0");

    assert_string_equal(at(button, "action_id"), "fluxa.approve");
    assert_string_equal(at(button, "value"), "A-1");
    assert_string_equal(at(button, "style"), "primary");
    assert_string_equal(at(button, "accessibility_label"), "Approve request A-1");
    assert_string_equal(at(button, "confirm.confirm.text"), "Move");
    assert_string_equal(at(button, "confirm.deny.text"), "Stay");
    assert_string_equal(at(message, "blocks.0.elements.1.style"), "(absent)");
}

static void a_repeated_action_begins_another_row(void **state) {
    struct fx_json *message =
        draw_text(*state, "{\"buttons\":[{\"text\":\"A\",\"action\":\"run\",\"value\":\"1\"},"
                          "{\"text\":\"B\",\"action\":\"run\",\"value\":\"2\"},"
                          "{\"text\":\"C\",\"action\":\"stop\"}]}");

    assert_int_equal(fx_json_count(fx_json_at(message, "blocks")), 2);
    assert_string_equal(at(message, "blocks.0.elements.1.action_id"), "stop");
    assert_string_equal(at(message, "blocks.1.elements.0.value"), "2");
}

static void only_safe_addresses_become_link_buttons(void **state) {
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"https://example.com/a?b=c#d", true},
        {"http://127.0.0.1:8080/x", true},
        {"http://localhost/x", true},
        {"http://localhost:9/", true},
        {"http://example.com/", false},
        {"http://127.0.0.1.evil.com/", false},
        {"http://localhost.evil.com/", false},
        {"http://127.0.0.1@evil.com/", false},
        {"https://user@evil.com/", false},
        {"https://a:b@evil.com/", false},
        {"javascript:alert(1)", false},
        {"https://", false},
        {"https:///x", false},
        {"ftp://example.com/", false},
        {"//example.com", false},
        {"https://exa mple.com/", false},
        {"https://example.com:99999/", false},
        {"https://example.com:x/", false},
        {"HTTPS://example.com/", false},
        {"slack://open", false},
        {"data:text/html,x", false},
        {"https://[::1]/", false},
        {"http://2130706433/", false},
        {"https://ex\xc3\xa4mple.com/", false},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct fx_json *card = parse(*state, "{\"buttons\":[{\"text\":\"Open\"}]}");
        fx_json_put(fx_json_at_path(card, "buttons.0"), "url",
                    fx_json_string(*state, cases[i].url));
        struct fx_json *message = draw(*state, card);
        bool linked = strcmp(at(message, "blocks.0.elements.0.url"), cases[i].url) == 0;
        if (linked != cases[i].good)
            fail_msg("%s: %s", cases[i].url, linked ? "linked" : "not linked");
        assert_string_equal(at(message, "blocks.0.elements.0.action_id"),
                            linked ? "link.1" : "(absent)");
    }
}

static void a_button_without_action_is_our_mistake(void **state) {
    struct fx_json *message = NULL;
    struct fx_error err;

    assert_int_equal(
        fx_slack_draw(*state, parse(*state, "{\"buttons\":[{\"text\":\"A\"}]}"), &message, &err),
        FX_ERR_INPUT);
    assert_string_equal(err.message, "button 1 of the card has no action");
    assert_int_equal(fx_slack_draw(*state, parse(*state, "[]"), &message, &err), FX_ERR_INPUT);
}

static const char *repeat(struct fx_scope *sc, const char *unit, size_t count) {
    size_t len = strlen(unit);
    char *text = fx_alloc(sc, len * count + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, unit, len);
    return text;
}

static bool contains(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static void a_cut_is_said_and_never_splits_an_entity(void **state) {
    for (size_t shift = 0; shift < 8; shift++) {
        struct fx_json *card = fx_json_object(*state);
        fx_json_put(card, "verdict",
                    fx_json_stringf(*state, "%s%s", repeat(*state, "x", shift),
                                    repeat(*state, "<&>", 3000)));
        struct fx_json *message = draw(*state, card);
        const char *text = at(message, "blocks.0.text.text");
        size_t len = strlen(text);

        assert_true(len > 2700);
        assert_string_equal(text + len - strlen("… (cut)"), "… (cut)");
        assert_int_equal(text[len - strlen("… (cut)") - 1], ';');
        assert_true(contains(at(message, "text"), "… (cut)"));
    }
}

static void a_cut_never_splits_a_character(void **state) {
    struct fx_json *card = fx_json_object(*state);

    fx_json_put(card, "title", fx_json_string(*state, repeat(*state, "ä€🙂", 100)));
    struct fx_json *message = draw(*state, card);
    assert_true(fx_slice_is_utf8(fx_slice_of(at(message, "blocks.0.text.text"))));
    assert_true(contains(at(message, "blocks.0.text.text"), "… (cut)"));
}

static void a_long_table_says_how_many_rows_are_missing(void **state) {
    struct fx_json *rows = fx_json_array(*state);
    struct fx_json *card = parse(*state, "{\"table\":{\"columns\":[\"A\",\"B\"]}}");

    for (int i = 0; i < 250; i++)
        fx_json_add(rows, fx_json_array_of(*state, fx_json_int(*state, i),
                                           fx_json_string(*state, "x"), NULL));
    fx_json_put(fx_json_at(card, "table"), "rows", rows);
    struct fx_json *message = draw(*state, card);
    assert_int_equal(fx_json_count(fx_json_at_path(message, "blocks.0.rows")), 100);
    assert_string_equal(at(message, "blocks.1.elements.0.text"),
                        "Cut, not shown here: 151 more rows");
    assert_true(contains(at(message, "text"), "245 more rows"));
}

static void rows_are_made_as_long_as_the_heading(void **state) {
    struct fx_json *message = draw_text(
        *state,
        "{\"table\":{\"columns\":[\"A\",\"B\"],\"rows\":[[\"1\"],[\"1\",\"2\",\"3\"],[]]}}");

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fx_json_count(fx_json_item(fx_json_at_path(message, "blocks.0.rows"), i)),
                         2);
    assert_string_equal(at(message, "blocks.0.rows.1.1.text"), "–");
    assert_string_equal(at(message, "blocks.0.column_settings.0.align"), "right");
}

static void the_buttons_survive_whatever_else_is_long(void **state) {
    static const char *const names[] = {"title", "verdict", "code", "context", "text"};
    static const char *const lists[] = {"lines", "list"};
    const char *flood = repeat(*state, "flood ", 3000);
    struct fx_json *card =
        parse(*state, "{\"buttons\":[{\"text\":\"Approve\",\"action\":\"approve\"}]}");

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        fx_json_put(card, names[i], fx_json_string(*state, flood));
    for (size_t i = 0; i < FX_COUNT_OF(lists); i++) {
        struct fx_json *list = fx_json_array(*state);
        for (int n = 0; n < 50; n++)
            fx_json_add(list, fx_json_string(*state, flood));
        fx_json_put(card, lists[i], list);
    }
    struct fx_json *message = draw(*state, card);
    assert_true(contains(fx_json_dump(*state, message), "\"action_id\":\"approve\""));
    assert_true(contains(fx_json_dump(*state, message), "Cut, not shown here: "));
}

static void progress_is_told_in_numbers_and_never_rounds_up_to_done(void **state) {
    struct fx_json *message =
        draw_text(*state, "{\"progress\":{\"done\":999999,\"total\":1000000}}");

    assert_string_equal(at(message, "blocks.0.text.text"),
                        "999999 of 1000000 (99 percent) `████████████████████`");
    message = draw_text(*state, "{\"progress\":{\"done\":12,\"total\":0}}");
    assert_true(contains(at(message, "text"), "12 done"));
    message = draw_text(*state, "{\"progress\":{\"done\":9223372036854775807,"
                                "\"total\":9223372036854775807}}");
    assert_true(contains(at(message, "text"), "(100 percent)"));
}

static void an_empty_card_still_is_a_message(void **state) {
    struct fx_json *message = draw_text(*state, "{}");

    assert_string_equal(at(message, "text"), "There is nothing to show.");
    assert_null(fx_json_at(message, "blocks"));
}

static void the_plain_message_has_the_text_alone(void **state) {
    struct fx_json *message = draw_text(*state, "{\"title\":\"T\"}");
    struct fx_json *plain = fx_slack_plain(*state, message);

    assert_string_equal(fx_json_dump(*state, plain), "{\"text\":\"T.\"}");
    assert_non_null(fx_json_at(message, "blocks"));
}

static void a_dialog_asks_for_one_text(void **state) {
    struct fx_json *view = fx_slack_draw_dialog(
        *state, &(struct fx_slack_dialog){.callback_id = "deny",
                                          .private_metadata = "A-1042",
                                          .title = "Deny request A-1042 of Anna Ode",
                                          .submit = "Deny request",
                                          .intro = "Redrive of <9> messages",
                                          .label = "Reason",
                                          .hint = "Shown in the channel",
                                          .min_length = 3,
                                          .max_length = 500});

    expect_golden(*state, FX_TEST_DIR "/golden/slack/deny-dialog.view.json", view);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)
    const struct CMUnitTest tests[] = {
        TEST(every_golden_card_gives_its_golden_message),
        TEST(every_mrkdwn_object_is_verbatim),
        TEST(the_text_carries_what_the_blocks_say),
        TEST(a_given_text_is_the_text),
        TEST(the_tone_is_one_emoji_behind_the_words),
        TEST(a_title_cannot_bring_an_emoji_of_its_own),
        TEST(block_ids_change_with_the_revision),
        TEST(buttons_pass_ids_through_and_carry_a_label),
        TEST(a_repeated_action_begins_another_row),
        TEST(only_safe_addresses_become_link_buttons),
        TEST(a_button_without_action_is_our_mistake),
        TEST(a_cut_is_said_and_never_splits_an_entity),
        TEST(a_cut_never_splits_a_character),
        TEST(a_long_table_says_how_many_rows_are_missing),
        TEST(rows_are_made_as_long_as_the_heading),
        TEST(the_buttons_survive_whatever_else_is_long),
        TEST(progress_is_told_in_numbers_and_never_rounds_up_to_done),
        TEST(an_empty_card_still_is_a_message),
        TEST(the_plain_message_has_the_text_alone),
        TEST(a_dialog_asks_for_one_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
