/* slack_hostile_test.c - 20,000 cards full of hostile text: none mentions, links or breaks a limit.
 */
#include "support/test.h"

#include "fluxabot/slack.h"

#include <string.h>

enum { CARDS = 20000, HUGE_EVERY = 200 };

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t below(uint64_t *seed, size_t limit) {
    return (size_t)(next_random(seed) % limit);
}

static const char *const pieces[] = {
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<@U0CTO>",
    "<#C0GENERAL|x>",
    "<!subteam^S0OPS>",
    "<https://evil.example|Approve>",
    "<!date^1^{date}|now>",
    "<mailto:a@b|c>",
    "&lt;!channel&gt;",
    "&amp;lt;",
    "&#60;!here>",
    "\\u003c!here>",
    "@here",
    "@channel",
    "#general",
    "*bold*",
    "_i_",
    "~s~",
    "`code`",
    "```fence```",
    "> quote",
    "\n",
    "\r\n",
    "\n\n*Approved by* @cto\n",
    ":white_check_mark:",
    ":x:",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\xe2\x80\x8d",
    "\x1b[31m",
    "\x01",
    "\x7f",
    "\xc0\xbc",
    "\xff",
    "\xf0\x9f",
    "\xef\xbf\xbf",
    "🙂",
    "ä",
    "数据",
    "<",
    ">",
    "&",
    "|",
    "^",
    "\"",
    "\\",
    "/",
    "%3C",
    "https://evil.example/<!here>",
    " ",
    "\t",
    "<<",
    "<!",
    "<@",
    "<#",
    "！",
    "＜!channel＞",
    "x",
    "arn:aws:sqs:us-east-1:123456789012:q",
    "{\"user\":\"U0CTO\"}",
    "... (cut)",
    "–",
};

static struct fx_json *hostile(struct fx_scope *sc, uint64_t *seed, bool huge) {
    char *bytes = fx_alloc(sc, huge ? 32 << 10 : 1 << 10);
    size_t len = 0, wanted = below(seed, huge ? 400 : 12);

    for (size_t i = 0; i < wanted; i++) {
        const char *piece = pieces[below(seed, FX_COUNT_OF(pieces))];
        memcpy(bytes + len, piece, strlen(piece));
        len += strlen(piece);
        if (below(seed, 8) == 0) {
            uint64_t raw = next_random(seed) | 0x0101010101010101;
            memcpy(bytes + len, &raw, sizeof raw);
            len += sizeof raw;
        }
    }
    return fx_json_slice(sc, (struct fx_slice){bytes, len});
}

/* A text in each of its forms; the parts carry hostile text too, so none of them may mention. */
static struct fx_json *hostile_text(struct fx_scope *sc, uint64_t *seed, bool huge) {
    static const char *const keys[] = {"user", "group", "code", "bold", "time", "text"};
    struct fx_json *text = hostile(sc, seed, huge);

    switch (below(seed, 6)) {
    case 0:
        return fx_json_array_of(sc, text, hostile(sc, seed, huge), NULL);
    case 1: {
        struct fx_json *part = fx_json_object(sc);
        fx_json_put(part, keys[below(seed, FX_COUNT_OF(keys))], text);
        return fx_json_array_of(sc, hostile(sc, seed, false), part, hostile(sc, seed, false), NULL);
    }
    default:
        return text;
    }
}

static struct fx_json *hostile_list(struct fx_scope *sc, uint64_t *seed, bool huge) {
    struct fx_json *list = fx_json_array(sc);

    for (size_t n = below(seed, huge ? 130 : 5); n > 0; n--)
        fx_json_add(list, hostile_text(sc, seed, huge && below(seed, 10) == 0));
    return list;
}

static struct fx_json *hostile_table(struct fx_scope *sc, uint64_t *seed, bool huge) {
    struct fx_json *rows = fx_json_array(sc);

    for (size_t n = below(seed, huge ? 150 : 5); n > 0; n--)
        fx_json_add(rows, hostile_list(sc, seed, huge && n % 40 == 0));
    return fx_json_object_of(sc, "columns", hostile_list(sc, seed, huge && below(seed, 4) == 0),
                             "rows", rows, NULL);
}

static struct fx_json *hostile_fields(struct fx_scope *sc, uint64_t *seed, bool huge) {
    struct fx_json *fields = fx_json_array(sc);

    for (size_t n = below(seed, huge ? 80 : 5); n > 0; n--)
        fx_json_add(fields, fx_json_object_of(sc, "name", hostile_text(sc, seed, false), "value",
                                              hostile_text(sc, seed, huge), NULL));
    return fields;
}

static struct fx_json *hostile_buttons(struct fx_scope *sc, uint64_t *seed, bool huge) {
    struct fx_json *buttons = fx_json_array(sc);

    for (size_t n = below(seed, huge ? 40 : 4); n > 0; n--) {
        struct fx_json *confirm = fx_json_object_of(
            sc, "title", hostile_text(sc, seed, huge), "text", hostile_text(sc, seed, huge), "ok",
            hostile_text(sc, seed, false), "back", hostile_text(sc, seed, huge), NULL);
        fx_json_add(buttons,
                    fx_json_object_of(sc, "text", hostile_text(sc, seed, huge), "action",
                                      fx_json_stringf(sc, "act.%zu", below(seed, 20)), "label",
                                      hostile_text(sc, seed, huge), "url",
                                      below(seed, 4) == 0 ? hostile(sc, seed, false) : NULL,
                                      "confirm", below(seed, 2) == 0 ? confirm : NULL, NULL));
    }
    return buttons;
}

static struct fx_json *hostile_card(struct fx_scope *sc, uint64_t *seed, bool huge) {
    static const char *const tones[] = {"alarm", "good", "bad", "wait", "plain", "<!here>"};
    bool has_text = below(seed, 4) == 0;

    return fx_json_object_of(
        sc, "key", hostile(sc, seed, huge), "revision", fx_json_int(sc, (int64_t)below(seed, 99)),
        "tone", fx_json_string(sc, tones[below(seed, FX_COUNT_OF(tones))]), "title",
        hostile_text(sc, seed, huge), "text", has_text ? hostile_text(sc, seed, huge) : NULL,
        "verdict", hostile_text(sc, seed, huge), "lines", hostile_list(sc, seed, huge), "fields",
        hostile_fields(sc, seed, huge), "table", hostile_table(sc, seed, huge), "list",
        hostile_list(sc, seed, huge), "code", hostile_text(sc, seed, huge), "context",
        hostile_text(sc, seed, huge), "buttons", hostile_buttons(sc, seed, huge), NULL);
}

/* Slack's syntax needs a < for everything; here no part may produce one: the ids are hostile too,
 * but for "U0CTO" and "S0OPS" in angle brackets, which are not ids. */
static void expect_harmless(const struct fx_json *json, size_t card) {
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;
    const char *text = fx_json_text(json);

    if (text != NULL && strchr(text, '<') != NULL)
        fail_msg("card %zu draws: %s", card, text);
    if (text != NULL && !fx_slice_is_utf8(fx_slice_of(text)))
        fail_msg("card %zu draws broken text", card);
    for (size_t i = 0; fx_json_type(json) == FX_JSON_ARRAY && i < fx_json_count(json); i++)
        expect_harmless(fx_json_item(json, i), card);
    while (fx_json_type(json) == FX_JSON_OBJECT && fx_json_next(json, &cursor, &key, &value))
        expect_harmless(value, card);
}

static bool is_one_line(const struct fx_json *message) {
    return strpbrk(fx_json_get_text(message, "text"), "\n\r") == NULL;
}

static void no_hostile_card_mentions_links_or_breaks_a_limit(void **state) {
    uint64_t seed = 27;

    for (size_t i = 0; i < CARDS; i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_json *message = NULL;
        struct fx_error err;
        struct fx_json *card = hostile_card(sc, &seed, i % HUGE_EVERY == 0);

        assert_ok(fx_slack_draw(sc, card, &message, &err));
        if (fx_slack_check_message(message, &err) != FX_OK)
            fail_msg("card %zu: %s\n%s", i, err.message, fx_json_dump_pretty(sc, message));
        expect_harmless(message, i);
        assert_true(is_one_line(message));
    }
}

/* A check that cannot fail is worse than none: the same eyes must see an unescaped message. */
static void the_same_eyes_see_a_mention(void **state) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *message = NULL;
    struct fx_error err;
    struct fx_json *card = fx_json_object_of(
        sc, "verdict", fx_json_object_of(sc, "user", fx_json_string(sc, "U0CTO"), NULL), NULL);

    assert_ok(fx_slack_draw(sc, card, &message, &err));
    assert_non_null(strchr(fx_json_text(fx_json_at_path(message, "blocks.0.text.text")), '<'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_hostile_card_mentions_links_or_breaks_a_limit),
        cmocka_unit_test(the_same_eyes_see_a_mention),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
