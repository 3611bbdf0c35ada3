/* sandbox_slack_blocks_test.c - the simulated Slack refuses the blocks and views that Slack
 * refuses. */
#include "support/test.h"

#include "slack_shapes.h"

#include <stdio.h>
#include <string.h>

#define TEXT(words) "{\"type\":\"plain_text\",\"text\":\"" words "\"}"
#define BUTTON(id) "{\"type\":\"button\",\"action_id\":\"" id "\",\"text\":" TEXT("Go") "}"

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

static int set_up(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int tear_down(void **state) {
    fx_scope_free(*state);
    return 0;
}

struct refusal {
    const char *blocks;
    const char *complaint; /* the first one, as Slack words it */
};

static const struct refusal refusals[] = {
    {"[{\"type\":\"sektion\"}]", "unsupported type: sektion [json-pointer:/blocks/0/type]"},
    {"[{\"text\":\"x\"}]", "missing required field: type [json-pointer:/blocks/0]"},
    {"[{\"type\":\"divider\"},7]", "must provide an object [json-pointer:/blocks/1]"},
    {"[{\"type\":\"divider\",\"colour\":\"red\"}]",
     "invalid additional property: colour [json-pointer:/blocks/0]"},
    {"[{\"type\":\"header\"}]", "missing required field: text [json-pointer:/blocks/0]"},
    {"[{\"type\":\"header\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"x\"}}]",
     "failed to match all allowed schemas [json-pointer:/blocks/0/text]"},
    {"[{\"type\":\"header\",\"text\":\"x\"}]",
     "failed to match all allowed schemas [json-pointer:/blocks/0/text]"},
    {"[{\"type\":\"header\",\"text\":" TEXT("") "}]",
     "must be more than 0 characters [json-pointer:/blocks/0/text/text]"},
    {"[{\"type\":\"header\",\"level\":5,\"text\":" TEXT("x") "}]",
     "must be from 1 to 4 [json-pointer:/blocks/0/level]"},
    {"[{\"type\":\"section\"}]", "must define either `text` or `fields` [json-pointer:/blocks/0]"},
    {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"x\",\"emoji\":true}}"
     "]",
     "invalid additional property: emoji [json-pointer:/blocks/0/text]"},
    {"[{\"type\":\"section\",\"fields\":[]}]",
     "no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"},
    {"[{\"type\":\"section\",\"text\":" TEXT(
         "x") ",\"accessory\":{\"type\":\"plain_text_input\"}}]",
     "unsupported type: plain_text_input [json-pointer:/blocks/0/accessory/type]"},
    {"[{\"type\":\"actions\",\"elements\":[]}]",
     "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"image\",\"alt_text\":\"a\"}]}]",
     "unsupported type: image [json-pointer:/blocks/0/elements/0/type]"},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"style\":\"warning\","
     "\"text\":" TEXT("Go") "}]}]",
     "must be one of primary|danger [json-pointer:/blocks/0/elements/0/style]"},
    {"[{\"type\":\"actions\",\"elements\":[" BUTTON("a") "," BUTTON("a") "]}]",
     "`action_id` \"a\" already exists in this block "
     "[json-pointer:/blocks/0/elements/1/action_id]"},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"url\":\"not an "
     "address\",\"text\":" TEXT("Go") "}]}]",
     "must be a valid URL [json-pointer:/blocks/0/elements/0/url]"},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":" TEXT(
         "Go") ",\"confirm\":{\"title\":" TEXT("t") ",\"text\":" TEXT("t") ",\"confirm\""
                                                                           ":" TEXT("y") "}"
                                                                                         "}"
                                                                                         "]"
                                                                                         "}"
                                                                                         "]",
     "missing required field: deny [json-pointer:/blocks/0/elements/0/confirm]"},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"static_select\"}]}]",
     "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]"},
    {"[{\"type\":\"divider\",\"block_id\":\"b\"},{\"type\":\"divider\",\"block_id\":\"b\"}"
     "]",
     "`block_id` \"b\" already exists [json-pointer:/blocks/1/block_id]"},
    {"[{\"type\":\"image\",\"alt_text\":\"a\"}]",
     "must define either `image_url` or `slack_file` [json-pointer:/blocks/0]"},
    {"[{\"type\":\"image\",\"image_url\":\"https://a.example/x.png\"}]",
     "missing required field: alt_text [json-pointer:/blocks/0]"},
    {"[{\"type\":\"image\",\"alt_text\":\"a\",\"slack_file\":{\"id\":\"F1\",\"url\":"
     "\"https://a.example/"
     "f\"}}]",
     "must define either `id` or `url` [json-pointer:/blocks/0/slack_file]"},
    {"[{\"type\":\"alert\",\"text\":" TEXT("x") "}]",
     "unsupported type: alert [json-pointer:/blocks/0/type]"},
    {"[{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_list\",\"style\":"
     "\"dash\","
     "\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[]}]}]}]",
     "must be one of bullet|ordered [json-pointer:/blocks/0/elements/0/style]"},
    {"[{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_preformatted\","
     "\"elements\":[{"
     "\"type\":\"user\",\"user_id\":\"U1\"}]}]}]",
     "unsupported type: user [json-pointer:/blocks/0/elements/0/elements/0/type]"},
    {"[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_number\",\"value\":1}]]}]",
     "unsupported type: raw_number [json-pointer:/blocks/0/rows/0/0/type]"},
    {"[{\"type\":\"table\",\"rows\":[[null]]}]",
     "must provide an object [json-pointer:/blocks/0/rows/0/0]"},
    {"[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_text\",\"text\":\"a\"}]]},"
     "{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_text\",\"text\":\"a\"}]]}]",
     "only one table is allowed in a message [json-pointer:/blocks/1]"},
    {"[{\"type\":\"data_table\",\"caption\":\"c\",\"rows\":[[{\"type\":\"raw_text\","
     "\"text\":\"a\"}],"
     "[{\"type\":\"raw_text\",\"text\":\"a\"},{\"type\":\"raw_text\",\"text\":\"b\"}]]}]",
     "row 1 must have as many cells as the header [json-pointer:/blocks/0]"},
    {"[{\"type\":\"plan\",\"title\":\"t\",\"tasks\":[{\"type\":\"task_card\",\"task_id\":"
     "\"1\","
     "\"title\":\"t\",\"status\":\"done\"}]}]",
     "must be one of pending|in_progress|complete|error "
     "[json-pointer:/blocks/0/tasks/0/status]"},
    {"{\"type\":\"divider\"}", "must provide an array [json-pointer:/blocks]"},
};

static void refuses_each_broken_shape_with_a_pointer_to_it(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(refusals); i++) {
        struct fx_json *complaints =
            slack_check_blocks(*state, parse(*state, refusals[i].blocks), SLACK_MESSAGE, "/blocks");
        const char *first = fx_json_text(fx_json_item(complaints, 0));
        if (!first || strcmp(first, refusals[i].complaint) != 0)
            fail_msg("%s\n  expected: %s\n  got: %s", refusals[i].blocks, refusals[i].complaint,
                     first ? first : "accepted");
        assert_int_equal(fx_json_count(complaints), 1);
    }
}

static const char *repeated(struct fx_scope *sc, const char *text, size_t times) {
    char *all = fx_alloc(sc, strlen(text) * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(all + i * strlen(text), text, strlen(text));
    return all;
}

struct length_limit {
    const char *format; /* %s stands where text of a given length goes */
    size_t max;
};
static const struct length_limit length_limits[] = {
    {"[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"%s\"}}]", 150},
    {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%s\"}}]", 3000},
    {"[{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"%s\"}]}]", 2000},
    {"[{\"type\":\"divider\",\"block_id\":\"%s\"}]", 255},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"action_id\":\"%s\","
     "\"text\":" TEXT("Go") "}]}]",
     255},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"value\":\"%s\",\"text\":" TEXT(
         "Go") "}]}]",
     2000},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","
     "\"text\":\"%s\"}}]}]",
     75},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"accessibility_label\":\"%s\","
     "\"text\":" TEXT("Go") "}]}]",
     75},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":" TEXT(
         "Go") ",\"confirm\":{\"title\":" TEXT("t") ",\"text\":{\"type\":\"plain_text\",\"text\":"
                                                    "\"%s\"},\"confirm\":" TEXT(
                                                        "y") ",\"deny\":" TEXT("n") "}}]}]",
     300},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"overflow\",\"options\":[{\"value\":\"1\","
     "\"text\":{\"type\":\"plain_text\",\"text\":\"%s\"}}]}]}]",
     75},
    {"[{\"type\":\"image\",\"image_url\":\"https://a.example/x.png\",\"alt_text\":\"%s\"}]", 2000},
    {"[{\"type\":\"markdown\",\"text\":\"%s\"}]", SLACK_MARKDOWN_CHARACTERS},
    {"[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_text\",\"text\":\"%s\"}]]}]",
     SLACK_TABLE_CHARACTERS},
};

/* "é" is two bytes: Slack counts characters. */
static struct fx_json *check_length(struct fx_scope *sc, const struct length_limit *limit,
                                    size_t length) {
    const char *at = strstr(limit->format, "%s");
    const char *text = fx_printf(sc, "%.*s%s%s", (int)(at - limit->format), limit->format,
                                 repeated(sc, "é", length), at + 2);

    return slack_check_blocks(sc, parse(sc, text), SLACK_MESSAGE, "/blocks");
}

static void counts_every_limited_text_in_characters(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(length_limits); i++) {
        const struct length_limit *limit = &length_limits[i];
        if (fx_json_count(check_length(*state, limit, limit->max)) != 0)
            fail_msg("%s refuses %zu characters", limit->format, limit->max);
        if (fx_json_count(check_length(*state, limit, limit->max + 1)) == 0)
            fail_msg("%s accepts %zu characters", limit->format, limit->max + 1);
    }
}

struct count_limit {
    const char *before, *item, *after;
    size_t max;
    enum slack_surface surface;
};
static const struct count_limit count_limits[] = {
    {"[", "{\"type\":\"divider\"}", "]", 50, SLACK_MESSAGE},
    {"[", "{\"type\":\"divider\"}", "]", 100, SLACK_MODAL},
    {"[{\"type\":\"context\",\"elements\":[", TEXT("x"), "]}]", 10, SLACK_MESSAGE},
    {"[{\"type\":\"section\",\"fields\":[", TEXT("x"), "]}]", 10, SLACK_MESSAGE},
    {"[{\"type\":\"actions\",\"elements\":[", "{\"type\":\"button\",\"text\":" TEXT("Go") "}",
     "]}]", 25, SLACK_MESSAGE},
    {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"overflow\",\"options\":[",
     "{\"value\":\"1\",\"text\":" TEXT("x") "}", "]}]}]", 5, SLACK_MESSAGE},
    {"[{\"type\":\"table\",\"rows\":[", "[{\"type\":\"raw_text\",\"text\":\"a\"}]", "]}]", 100,
     SLACK_MESSAGE},
    {"[{\"type\":\"table\",\"rows\":[[", "{\"type\":\"raw_text\",\"text\":\"a\"}", "]]}]", 20,
     SLACK_MESSAGE},
};

static size_t complaints_with(struct fx_scope *sc, const struct count_limit *limit, size_t count) {
    const char *items = repeated(sc, fx_printf(sc, ",%s", limit->item), count);
    const char *text = fx_printf(sc, "%s%s%s", limit->before, items + 1, limit->after);

    return fx_json_count(slack_check_blocks(sc, parse(sc, text), limit->surface, "/blocks"));
}

static void counts_every_limited_list(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(count_limits); i++) {
        if (complaints_with(*state, &count_limits[i], count_limits[i].max) != 0)
            fail_msg("%s refuses %zu items", count_limits[i].before, count_limits[i].max);
        if (complaints_with(*state, &count_limits[i], count_limits[i].max + 1) == 0)
            fail_msg("%s accepts %zu items", count_limits[i].before, count_limits[i].max + 1);
    }
}

static void accepts_a_message_with_every_common_block(void **state) {
    static const char blocks[] = "[{\"type\":\"header\",\"block_id\":\"h\",\"text\":" TEXT(
        "Nine messages wait") "},"
                              "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"*Why*"
                              ": `timeout`\","
                              "\"verbatim\":true},\"accessory\":" BUTTON(
                                  "look") "},"
                                          "{\"type\":\"divider\"},"
                                          "{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_"
                                          "text_list\",\"style\":\"bullet\","
                                          "\"indent\":1,\"elements\":[{\"type\":\"rich_text_"
                                          "section\",\"elements\":[{\"type\":\"text\","
                                          "\"text\":\"one\",\"style\":{\"bold\":true}}]}]},{"
                                          "\"type\":\"rich_text_preformatted\","
                                          "\"elements\":[{\"type\":\"text\",\"text\":\"a <b> & "
                                          "c\"}]}]},"
                                          "{\"type\":\"table\",\"column_settings\":[{\"align\":"
                                          "\"right\",\"is_wrapped\":true}],"
                                          "\"rows\":[[{\"type\":\"raw_text\",\"text\":\"Cause\"}]]}"
                                          ","
                                          "{\"type\":\"image\",\"slack_file\":{\"id\":\"F1\"},"
                                          "\"alt_text\":\"depth over an hour\"},"
                                          "{\"type\":\"actions\",\"elements\":[" BUTTON(
                                              "a") "," BUTTON("b") ",{\"type\":\"overflow\","
                                                                   "\"action_id\":\"more\","
                                                                   "\"options\":[{\"value\":\"1\","
                                                                   "\"text\":" TEXT(
                                                                       "Ignore") "}]}]},"
                                                                                 "{\"type\":"
                                                                                 "\"context\","
                                                                                 "\"elements\":"
                                                                                 "[" TEXT(
                                                                                     "run 1") "]}]";

    assert_int_equal(
        fx_json_count(slack_check_blocks(*state, parse(*state, blocks), SLACK_MESSAGE, "/blocks")),
        0);
}

static void counts_what_people_read_and_not_what_programs_read(void **state) {
    const struct fx_json *blocks = parse(
        *state,
        "[{\"type\":\"section\",\"block_id\":\"not counted\",\"text\":{\"type\":"
        "\"mrkdwn\",\"text\":\"sieben7\"},\"accessory\":{\"type\":\"button\","
        "\"action_id\":\"not counted\",\"value\":\"not counted\",\"text\":" TEXT("drei") "}}]");

    assert_int_equal(slack_blocks_characters(blocks), 7 + 4);
}

#define MODAL(members)                                                                             \
    "{\"type\":\"modal\",\"title\":" TEXT("Deny") members                                          \
        ",\"blocks\":[{\"type\":\"input\","                                                        \
        "\"label\":" TEXT("Why") ",\"element\":{\"type\":\"plain_"                                 \
                                 "text_input\"}}]}"

static const char *first_of_view(struct fx_scope *sc, const char *view) {
    return fx_json_text(fx_json_item(slack_check_view(sc, parse(sc, view)), 0));
}

static void a_dialog_with_inputs_needs_a_submit_button(void **state) {
    assert_null(first_of_view(*state, MODAL(",\"submit\":" TEXT("Send"))));
    assert_string_equal(first_of_view(*state, MODAL("")),
                        "missing required field: submit [json-pointer:/view]");
}

static void a_dialog_title_has_at_most_24_characters(void **state) {
    static const char view[] =
        "{\"type\":\"modal\",\"blocks\":[],\"title\":" TEXT("This is a title of 25 cha") "}";

    assert_string_equal(first_of_view(*state, view),
                        "must be less than 25 characters [json-pointer:/view/title/text]");
}

static void blocks_of_a_view_stand_under_view_in_the_pointer(void **state) {
    static const char view[] = "{\"type\":\"modal\",\"title\":" TEXT(
        "T") ",\"blocks\":[{\"type\":\"table\",\"rows\":[]}]}";

    assert_string_equal(first_of_view(*state, view),
                        "unsupported type: table [json-pointer:/view/blocks/0/type]");
}

static void an_alert_block_is_for_dialogs_alone(void **state) {
    static const char view[] =
        "{\"type\":\"modal\",\"title\":" TEXT("T") ",\"blocks\":[{\"type\":\"alert\",\"level\":"
                                                   "\"warning\",\"text\":" TEXT("careful") "}]}";

    assert_null(first_of_view(*state, view));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_each_broken_shape_with_a_pointer_to_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(counts_every_limited_text_in_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_every_limited_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepts_a_message_with_every_common_block, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(counts_what_people_read_and_not_what_programs_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dialog_with_inputs_needs_a_submit_button, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dialog_title_has_at_most_24_characters, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(blocks_of_a_view_stand_under_view_in_the_pointer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_alert_block_is_for_dialogs_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
