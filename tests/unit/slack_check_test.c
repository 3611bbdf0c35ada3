/* slack_check_test.c - every documented limit is noticed one step beyond it, with its JSON pointer.
 */
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

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

/* Multi-byte characters, so that a count of bytes would give itself away. */
static struct fx_json *long_text(struct fx_scope *sc, size_t points) {
    char *text = fx_alloc(sc, points * 2 + 1);

    for (size_t i = 0; i < points; i++)
        memcpy(text + 2 * i, "ä", 2);
    return fx_json_string(sc, text);
}

static struct fx_json *long_array(struct fx_scope *sc, const struct fx_json *item, size_t count) {
    struct fx_json *array = fx_json_array(sc);

    for (size_t i = 0; i < count; i++) {
        struct fx_json *copy = fx_json_copy(sc, item);
        if (fx_json_at(copy, "action_id") != NULL)
            fx_json_put(copy, "action_id", fx_json_stringf(sc, "a%zu", i));
        fx_json_add(array, copy);
    }
    return array;
}

static const char *const WHOLE =
    "{\"text\":\"t\",\"blocks\":["
    "{\"type\":\"header\",\"block_id\":\"b0\",\"text\":{\"type\":\"plain_text\",\"text\":\"h\"}},"
    "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"s\"}},"
    "{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"f\"}]},"
    "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":\"c\"}]},"
    "{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"action_id\":\"a\",\"value\":\"v\","
    "\"url\":\"https://x\",\"accessibility_label\":\"l\",\"style\":\"danger\","
    "\"text\":{\"type\":\"plain_text\",\"text\":\"b\"},\"confirm\":{"
    "\"title\":{\"type\":\"plain_text\",\"text\":\"t\"},\"text\":{\"type\":\"mrkdwn\",\"text\":"
    "\"x\"},"
    "\"confirm\":{\"type\":\"plain_text\",\"text\":\"y\"},"
    "\"deny\":{\"type\":\"plain_text\",\"text\":\"n\"}}}]},"
    "{\"type\":\"table\",\"column_settings\":[{\"align\":\"right\"}],"
    "\"rows\":[[{\"type\":\"raw_text\",\"text\":\"1\"}]]},"
    "{\"type\":\"image\",\"image_url\":\"https://x\",\"alt_text\":\"i\","
    "\"title\":{\"type\":\"plain_text\",\"text\":\"t\"}},"
    "{\"type\":\"markdown\",\"text\":\"m\"},"
    "{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[]}]},"
    "{\"type\":\"divider\"}]}";

static void accepts_one_of_everything(void **state) {
    struct fx_error err;

    assert_ok(fx_slack_check_message(parse(*state, WHOLE), &err));
    assert_ok(fx_slack_check_message(parse(*state, "{\"text\":\"alone\"}"), &err));
}

static const struct {
    const char *holder, *key; /* where the text stands, as a path */
    const char *pointer;
    size_t most;
} text_limits[] = {
    {"", "text", "/text", 4000},
    {"blocks.0", "block_id", "/blocks/0/block_id", 255},
    {"blocks.0.text", "text", "/blocks/0/text/text", 150},
    {"blocks.1.text", "text", "/blocks/1/text/text", 3000},
    {"blocks.2.fields.0", "text", "/blocks/2/fields/0/text", 2000},
    {"blocks.3.elements.0", "text", "/blocks/3/elements/0/text", 3000},
    {"blocks.4.elements.0.text", "text", "/blocks/4/elements/0/text/text", 75},
    {"blocks.4.elements.0", "action_id", "/blocks/4/elements/0/action_id", 255},
    {"blocks.4.elements.0", "value", "/blocks/4/elements/0/value", 2000},
    {"blocks.4.elements.0", "url", "/blocks/4/elements/0/url", 3000},
    {"blocks.4.elements.0", "accessibility_label", "/blocks/4/elements/0/accessibility_label", 75},
    {"blocks.4.elements.0.confirm.title", "text", "/blocks/4/elements/0/confirm/title/text", 100},
    {"blocks.4.elements.0.confirm.text", "text", "/blocks/4/elements/0/confirm/text/text", 300},
    {"blocks.4.elements.0.confirm.confirm", "text", "/blocks/4/elements/0/confirm/confirm/text",
     30},
    {"blocks.4.elements.0.confirm.deny", "text", "/blocks/4/elements/0/confirm/deny/text", 30},
    {"blocks.5.rows.0.0", "text", "/blocks/5/rows/0/0/text", 10000},
    {"blocks.6", "image_url", "/blocks/6/image_url", 3000},
    {"blocks.6", "alt_text", "/blocks/6/alt_text", 2000},
    {"blocks.6.title", "text", "/blocks/6/title/text", 2000},
    {"blocks.7", "text", "/blocks/7/text", 12000},
};

static struct fx_json *holder_of(struct fx_json *message, const char *path) {
    return path[0] == '\0' ? message : fx_json_at_path(message, path);
}

static void every_text_may_reach_its_limit_and_not_pass_it(void **state) {
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(text_limits); i++) {
        struct fx_json *message = parse(*state, WHOLE);
        struct fx_json *holder = holder_of(message, text_limits[i].holder);
        size_t most = text_limits[i].most;

        if (most <= 10000) {
            fx_json_put(holder, text_limits[i].key, long_text(*state, most));
            assert_ok(fx_slack_check_message(message, &err));
        }
        fx_json_put(holder, text_limits[i].key, long_text(*state, most + 1));
        assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, fx_printf(*state, "%s has %zu characters, more than %zu",
                                                   text_limits[i].pointer, most + 1, most));
        fx_json_put(holder, text_limits[i].key, fx_json_string(*state, ""));
        assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, fx_printf(*state, "%s is empty", text_limits[i].pointer));
        fx_json_put(holder, text_limits[i].key, fx_json_int(*state, 1));
        assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
    }
}

static const struct {
    const char *holder, *key, *item, *pointer;
    size_t most;
} count_limits[] = {
    {"", "blocks", "{\"type\":\"divider\"}", "/blocks", 50},
    {"blocks.2", "fields", "{\"type\":\"mrkdwn\",\"text\":\"f\"}", "/blocks/2/fields", 10},
    {"blocks.3", "elements", "{\"type\":\"mrkdwn\",\"text\":\"f\"}", "/blocks/3/elements", 10},
    {"blocks.4", "elements",
     "{\"type\":\"button\",\"action_id\":\"a\",\"text\":{\"type\":\"plain_text\",\"text\":\"b\"}}",
     "/blocks/4/elements", 25},
    {"blocks.5", "rows", "[{\"type\":\"raw_text\",\"text\":\"1\"}]", "/blocks/5/rows", 100},
    {"blocks.5", "column_settings", "{}", "/blocks/5/column_settings", 20},
};

static void every_list_may_reach_its_limit_and_not_pass_it(void **state) {
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(count_limits); i++) {
        struct fx_json *message = parse(*state, WHOLE);
        struct fx_json *holder = holder_of(message, count_limits[i].holder);
        struct fx_json *item = parse(*state, count_limits[i].item);
        size_t most = count_limits[i].most;

        fx_json_put(holder, count_limits[i].key, long_array(*state, item, most));
        assert_ok(fx_slack_check_message(message, &err));
        fx_json_put(holder, count_limits[i].key, long_array(*state, item, most + 1));
        assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, fx_printf(*state, "%s has %zu items, more than %zu",
                                                   count_limits[i].pointer, most + 1, most));
        fx_json_put(holder, count_limits[i].key, fx_json_array(*state));
        assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
    }
}

static void a_row_has_at_most_twenty_cells(void **state) {
    struct fx_json *cell = parse(*state, "{\"type\":\"raw_text\",\"text\":\"1\"}");
    struct fx_json *message = parse(*state, WHOLE);
    struct fx_json *table = fx_json_at_path(message, "blocks.5");
    struct fx_error err;

    fx_json_put(table, "rows", fx_json_array_of(*state, long_array(*state, cell, 20), NULL));
    assert_ok(fx_slack_check_message(message, &err));
    fx_json_put(table, "rows", fx_json_array_of(*state, long_array(*state, cell, 21), NULL));
    assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
    assert_string_equal(err.message, "/blocks/5/rows/0 has 21 items, more than 20");
}

static void notices_what_is_no_message(void **state) {
    static const struct {
        const char *message, *complaint;
    } bad[] = {
        {"{}", "/text is not text"},
        {"{\"blocks\":[{\"type\":\"divider\"}]}", "/text is not text"},
        {"{\"text\":\"t\",\"blocks\":{}}", "/blocks is not a list of at least one"},
        {"{\"text\":\"t\",\"blocks\":[{}]}",
         "/blocks/0/type is not a block that messages are made of"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"alert\"}]}",
         "/blocks/0/type is not a block that messages are made of"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"section\"}]}",
         "/blocks/0 has neither text nor fields"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"mrkdwn\","
         "\"text\":\"x\"}}]}",
         "/blocks/0/text/type is not plain_text"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\",\"block_id\":\"a\"},"
         "{\"type\":\"divider\",\"block_id\":\"a\"}]}",
         "/blocks/1/block_id comes twice in the message"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"image\",\"alt_text\":\"x\"}]}",
         "/blocks/0 has not exactly one of image_url and slack_file"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_number\","
         "\"text\":\"1\"}]]}]}",
         "/blocks/0/rows/0/0/type is not raw_text or rich_text"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_text\","
         "\"text\":\"1\"}],[]]}]}",
         "/blocks/0/rows/1 is not a list of at least one"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\","
         "\"action_id\":\"a\",\"style\":\"red\",\"text\":{\"type\":\"plain_text\",\"text\":\"x\"}}]"
         "}]}",
         "/blocks/0/elements/0/style is not primary or danger"},
        {"{\"text\":\"t\",\"blocks\":[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\","
         "\"action_id\":\"a\",\"text\":{\"type\":\"plain_text\",\"text\":\"x\"}},{\"type\":"
         "\"button\",\"action_id\":\"a\",\"text\":{\"type\":\"plain_text\",\"text\":\"x\"}}]}]}",
         "/blocks/0/elements/1/action_id comes twice in its block"},
    };
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        assert_int_equal(fx_slack_check_message(parse(*state, bad[i].message), &err), FX_ERR_INPUT);
        assert_string_equal(err.message, bad[i].complaint);
    }
}

static void notices_two_tables_and_too_much_together(void **state) {
    struct fx_json *message = parse(*state, WHOLE);
    struct fx_json *blocks = fx_json_at(message, "blocks");
    struct fx_error err;

    fx_json_add(blocks, fx_json_copy(*state, fx_json_at_path(message, "blocks.5")));
    assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
    assert_string_equal(err.message, "/blocks/10 is a second table");

    message = parse(*state, WHOLE);
    for (int i = 0; i < 5; i++) {
        struct fx_json *section = fx_json_copy(*state, fx_json_at_path(message, "blocks.1"));
        fx_json_put(fx_json_at(section, "text"), "text", long_text(*state, 2900));
        fx_json_add(fx_json_at(message, "blocks"), section);
    }
    assert_int_equal(fx_slack_check_message(message, &err), FX_ERR_INPUT);
    assert_string_equal(err.message, "/blocks has more than 12000 characters together");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)
    const struct CMUnitTest tests[] = {
        TEST(accepts_one_of_everything),
        TEST(every_text_may_reach_its_limit_and_not_pass_it),
        TEST(every_list_may_reach_its_limit_and_not_pass_it),
        TEST(a_row_has_at_most_twenty_cells),
        TEST(notices_what_is_no_message),
        TEST(notices_two_tables_and_too_much_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
