/* slack_parse_test.c - commands and interactions are read strictly, and absent parts are "". */
#include "support/test.h"

#include "fluxabot/base/digest.h"
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

static const char *const COMMAND =
    "token=old&team_id=T0FLUXA01&team_domain=acme&channel_id=C0FLUXA0001&channel_name=alerts&"
    "user_id=U0ANNA0001&user_name=anna&command=%2Ffluxa&text=logs+a%26b%3Dc&api_app_id=A0FLUXA&"
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0%2F1%2Fx&trigger_id=13.37.abc";

static enum fx_code parse_command(struct fx_scope *sc, const char *body,
                                  struct fx_slack_command **ret, struct fx_error *err) {
    return fx_slack_parse_command(sc, fx_slice_of(body), ret, err);
}

static void reads_every_field_of_a_command(void **state) {
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    assert_ok(parse_command(*state, COMMAND, &command, &err));
    assert_string_equal(command->command, "/fluxa");
    assert_string_equal(command->text, "logs a&b=c");
    assert_string_equal(command->user_id, "U0ANNA0001");
    assert_string_equal(command->team_id, "T0FLUXA01");
    assert_string_equal(command->enterprise_id, "");
    assert_string_equal(command->channel_id, "C0FLUXA0001");
    assert_string_equal(command->response_url, "https://hooks.slack.com/commands/T0/1/x");
    assert_string_equal(command->trigger_id, "13.37.abc");
    assert_string_equal(command->api_app_id, "A0FLUXA");
    assert_false(command->ssl_check);
}

static void answers_the_certificate_check_without_other_fields(void **state) {
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    assert_ok(parse_command(*state, "token=old&ssl_check=1", &command, &err));
    assert_true(command->ssl_check);
    assert_string_equal(command->user_id, "");
}

static void refuses_a_field_that_comes_twice(void **state) {
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    const char *body = fx_printf(*state, "%s&user_id=U0EVIL", COMMAND);
    assert_int_equal(parse_command(*state, body, &command, &err), FX_ERR_INPUT);
    assert_string_equal(err.message, "the field user_id comes twice");
    assert_null(command);
}

static void names_the_field_that_is_missing(void **state) {
    static const char *const required[] = {"command",    "user_id",      "team_id",
                                           "channel_id", "response_url", "trigger_id"};
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(required); i++) {
        char *body = fx_strdup(*state, COMMAND);
        char *field = strstr(body, required[i]);
        assert_non_null(field);
        field[0] = 'x'; /* a name nobody asks for */
        assert_int_equal(parse_command(*state, body, &command, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, fx_printf(*state, "the field %s is missing", required[i]));
    }
}

static void refuses_malformed_forms(void **state) {
    static const char *const bad[] = {
        "",         "&",     "=",     "a",        "a&b=c",       "a=b&",       "&a=b",
        "a=b&&c=d", "=b",    "a b=c", "a%20b=c",  "a[]=c",       "a=%",        "a=%1",
        "a=%zz",    "a=%00", "a=%ff", "a=%c0%af", "a=%ed%a0%80", "\xc3\xa4=b",
    };
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        if (parse_command(*state, bad[i], &command, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
        const char *body = fx_printf(*state, "%s&%s", COMMAND, bad[i]);
        if (parse_command(*state, body, &command, &err) != FX_ERR_INPUT)
            fail_msg("accepted at the end: %s", bad[i]);
    }
}

/* A value of any length, with something to decode or to refuse in any place of it. */
static void decodes_and_refuses_in_every_place(void **state) {
    static const struct {
        const char *encoded, *decoded; /* NULL: refused */
    } cases[] = {{"%2B", "+"},
                 {"+", " "},
                 {"%C3%A4", "\xc3\xa4"},
                 {"\xc3\xa4", "\xc3\xa4"},
                 {",", ","},
                 {"~", "~"},
                 {"%", NULL},
                 {"%0g", NULL},
                 {"%00", NULL},
                 {"%C3", NULL},
                 {"\xc3", NULL},
                 {"\x80", NULL}};
    enum { LONGEST = 20 };

    for (size_t length = 0; length <= LONGEST; length++)
        for (size_t at = 0; at <= length; at++)
            for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
                FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
                char around[LONGEST + 1] = {0};
                struct fx_slack_command *command = NULL;
                struct fx_error err;

                memset(around, 'x', length);
                const char *body = fx_printf(sc, "%s&enterprise_id=&more=%.*s%s%s", COMMAND,
                                             (int)at, around, cases[i].encoded, around + at);
                enum fx_code code = parse_command(sc, body, &command, &err);

                assert_int_equal(code, cases[i].decoded != NULL ? FX_OK : FX_ERR_INPUT);
                body = fx_printf(sc, "ssl_check=1&text=%.*s%s%s", (int)at, around, cases[i].encoded,
                                 around + at);
                if (cases[i].decoded == NULL)
                    continue;
                assert_ok(parse_command(sc, body, &command, &err));
                assert_string_equal(command->text, fx_printf(sc, "%.*s%s%s", (int)at, around,
                                                             cases[i].decoded, around + at));
            }
}

/* A raw NUL would end the text that is stored, and hide what comes behind it. */
static void refuses_a_nul_in_every_place(void **state) {
    for (size_t at = 0; at <= strlen(COMMAND); at++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        size_t len = strlen(COMMAND);
        char *body = fx_alloc(sc, len + 1); /* no zero behind it */
        struct fx_slack_command *command = NULL;
        struct fx_error err;

        memcpy(body, COMMAND, at);
        memcpy(body + at + 1, COMMAND + at, len - at);
        assert_int_equal(
            fx_slack_parse_command(sc, (struct fx_slice){body, len + 1}, &command, &err),
            FX_ERR_INPUT);
    }
}

static void refuses_ids_that_are_no_ids(void **state) {
    static const char *const bad[] = {"u0anna",     "U0%20ANNA", "U0ANNA%0A",  "%3CU0ANNA%3E",
                                      "U0ANNA%2C1", "U0-1",      "U0%C3%84NNA"};
    struct fx_slack_command *command = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++) {
        const char *body =
            fx_printf(*state,
                      "command=%%2Ffluxa&user_id=%s&team_id=T0&channel_id=C0&trigger_id=1.2&"
                      "response_url=https%%3A%%2F%%2Fhooks.slack.com%%2F",
                      bad[i]);
        assert_int_equal(parse_command(*state, body, &command, &err), FX_ERR_INPUT);
        assert_string_equal(err.message, "the field user_id is malformed");
    }
}

static void refuses_more_than_the_named_sizes(void **state) {
    struct fx_slack_command *command = NULL;
    struct fx_error err;
    size_t size = (64 << 10) + 1;
    char *body = fx_alloc(*state, size + 1);

    memset(body, 'a', size);
    memcpy(body, "text=", 5);
    assert_int_equal(parse_command(*state, body, &command, &err), FX_ERR_LIMIT);

    const char *many = "f0=";
    for (int i = 1; i <= 64; i++)
        many = fx_printf(*state, "%s&f%d=", many, i);
    assert_int_equal(parse_command(*state, many, &command, &err), FX_ERR_LIMIT);
}

/* ---- interactions ---- */

static enum fx_code parse_payload(struct fx_scope *sc, const char *json,
                                  struct fx_slack_interaction **ret, struct fx_error *err) {
    const char *body = fx_printf(sc, "payload=%s", fx_url_encode(sc, fx_slice_of(json), false));

    return fx_slack_parse_interaction(sc, fx_slice_of(body), ret, err);
}

static const char *const CLICK =
    "{\"type\":\"block_actions\",\"user\":{\"id\":\"U0BO\",\"name\":\"bo\",\"team_id\":\"T0\"},"
    "\"api_app_id\":\"A0\",\"team\":{\"id\":\"T0\"},\"container\":{\"type\":\"message\","
    "\"message_ts\":\"1795269960.000200\",\"channel_id\":\"C0\",\"thread_ts\":\"1795269725."
    "000100\"},"
    "\"trigger_id\":\"1.2.a\",\"channel\":{\"id\":\"C0\",\"name\":\"x\"},"
    "\"message\":{\"ts\":\"9.9\",\"text\":\"old\"},\"response_url\":\"https://hooks.slack.com/a\","
    "\"actions\":[{\"action_id\":\"approve\",\"block_id\":\"k:a:1\",\"type\":\"button\","
    "\"value\":\"A-1042\",\"action_ts\":\"1795270860.5\"},{\"action_id\":\"second\"}]}";

static void reads_the_first_action_of_a_click(void **state) {
    struct fx_slack_interaction *click = NULL;
    struct fx_error err;

    assert_ok(parse_payload(*state, CLICK, &click, &err));
    assert_string_equal(click->type, "block_actions");
    assert_string_equal(click->user_id, "U0BO");
    assert_string_equal(click->team_id, "T0");
    assert_string_equal(click->user_team_id, "T0");
    assert_string_equal(click->channel_id, "C0");
    assert_string_equal(click->message_ts, "1795269960.000200");
    assert_string_equal(click->thread_ts, "1795269725.000100");
    assert_string_equal(click->response_url, "https://hooks.slack.com/a");
    assert_string_equal(click->trigger_id, "1.2.a");
    assert_string_equal(click->api_app_id, "A0");
    assert_string_equal(click->action_id, "approve");
    assert_string_equal(click->block_id, "k:a:1");
    assert_string_equal(click->value, "A-1042");
    assert_string_equal(click->action_ts, "1795270860.5");
    assert_string_equal(click->callback_id, "");
    assert_null(click->values);
}

static void reads_a_submitted_dialog(void **state) {
    struct fx_slack_interaction *submission = NULL;
    struct fx_error err;

    assert_ok(parse_payload(
        *state,
        "{\"type\":\"view_submission\",\"team\":null,\"user\":{\"id\":\"U0BO\",\"team_id\":\"E0\"},"
        "\"view\":{\"id\":\"V0\",\"callback_id\":\"deny\",\"private_metadata\":\"A-1042\","
        "\"state\":{\"values\":{\"reason\":{\"reason\":{\"type\":\"plain_text_input\","
        "\"value\":\"not now\"}}}}}}",
        &submission, &err));
    assert_string_equal(submission->team_id, "");
    assert_string_equal(submission->user_team_id, "E0");
    assert_string_equal(submission->callback_id, "deny");
    assert_string_equal(submission->private_metadata, "A-1042");
    assert_string_equal(submission->view_id, "V0");
    assert_string_equal(submission->action_id, "");
    assert_string_equal(fx_slice_dup(*state, fx_slack_dialog_answer(submission)), "not now");
    assert_false(fx_slack_lacks_answer(submission));
}

static void an_unanswered_dialog_has_no_text(void **state) {
    struct fx_slack_interaction *closed = NULL;
    struct fx_error err;

    assert_ok(
        parse_payload(*state,
                      "{\"type\":\"view_closed\",\"user\":{\"id\":\"U0\"},\"view\":{\"state\":"
                      "{\"values\":{\"reason\":{\"reason\":{\"value\":null}}}}}}",
                      &closed, &err));
    assert_int_equal(fx_slack_dialog_answer(closed).len, 0);
    assert_false(fx_slack_lacks_answer(closed)); /* nobody submitted it */
}

static struct fx_slack_interaction *submitted(struct fx_scope *sc, const char *values) {
    struct fx_slack_interaction *submission = NULL;
    struct fx_error err;

    assert_ok(parse_payload(sc,
                            fx_printf(sc,
                                      "{\"type\":\"view_submission\",\"user\":{\"id\":\"U0\"},"
                                      "\"view\":{\"state\":{\"values\":%s}}}",
                                      values),
                            &submission, &err));
    return submission;
}

static struct fx_slack_interaction *typed(struct fx_scope *sc, const char *text) {
    return submitted(sc, fx_printf(sc, "{\"reason\":{\"reason\":{\"value\":%s}}}",
                                   fx_json_dump(sc, fx_json_string(sc, text))));
}

static void what_nobody_sees_is_no_answer(void **state) {
    static const char *const unseen[] = {
        "",
        " ",
        "\t\n\r",
        "\u00a0",
        "\u00ad",
        "\u1680",
        "\u2003\u2009",
        "\u200b\u200c\u200d",
        "\u2028\u2029",
        "\u202e",
        "\u205f\u2060\u2063",
        "\u3000",
        "\ufeff",
        "\u034f",
        "\u115f\u1160",
        "\u17b4",
        "\u180b\u180e",
        "\u2800",
        "\u3164",
        "\ufe0f",
        "\uffa0",
        "\U000e0041\U000e0100",
        " \u200b\n\u3164 \u2800",
    };
    struct fx_scope *sc = *state;

    for (size_t i = 0; i < FX_COUNT_OF(unseen); i++)
        if (fx_slack_dialog_answer(typed(sc, unseen[i])).len > 0 ||
            !fx_slack_lacks_answer(typed(sc, unseen[i])))
            fail_msg("text %zu counts as an answer", i);
    assert_true(fx_slack_lacks_answer(submitted(sc, "{\"reason\":{}}")));
    assert_true(fx_slack_lacks_answer(submitted(sc, "{\"reason\":{\"reason\":{\"value\":7}}}")));
    /* nor is any asked for here */
    assert_false(fx_slack_lacks_answer(submitted(sc, "{\"other\":{}}")));
    assert_false(fx_slack_lacks_answer(submitted(sc, "null")));
}

static void what_is_seen_is_kept_with_what_stands_in_between(void **state) {
    static const char *const texts[][2] = {
        {"no", "no"},
        {" \u200b no\u00a0\n", "no"},
        {"not \u200b\n now ", "not \u200b\n now"},
        {"\u3000\u00e9", "\u00e9"},
        {"\u2800\u3164.\u2800 ", ".\u2800"},
        {"\ufe0f \u2764\ufe0f\n", "\u2764\ufe0f"}, /* the mark belongs to the heart */
        {"\U0001f44e", "\U0001f44e"},
    };
    struct fx_scope *sc = *state;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        assert_string_equal(fx_slice_dup(sc, fx_slack_dialog_answer(typed(sc, texts[i][0]))),
                            texts[i][1]);
        assert_false(fx_slack_lacks_answer(typed(sc, texts[i][0])));
    }
}

static void refuses_payloads_of_the_wrong_form(void **state) {
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "\"text\"",
        "{",
        "{}",
        "{\"type\":\"block_actions\"}",
        "{\"user\":{\"id\":\"U0\"}}",
        "{\"type\":\"x\",\"user\":\"U0\"}",
        "{\"type\":\"x\",\"user\":{\"id\":7}}",
        "{\"type\":\"x\",\"user\":{\"id\":null}}",
        "{\"type\":\"x\",\"user\":{\"id\":[\"U0\"]}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"u0\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"user\":{\"id\":\"U1\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\",\"id\":\"U1\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"team\":{\"id\":1}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"container\":{\"message_ts\":\"12\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"container\":{\"message_ts\":\"1.2.3\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"response_url\":\"file:///etc/passwd\"}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"response_url\":\"https://a b\"}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"actions\":[{\"value\":{\"a\":1}}]}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"},\"view\":{\"state\":{\"values\":[]}}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\\u0000\"}}",
        "{\"type\":\"a b\",\"user\":{\"id\":\"U0\"}}",
        "{\"type\":\"x\",\"user\":{\"id\":\"U0\"}} trailing",
    };
    struct fx_slack_interaction *interaction = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        if (parse_payload(*state, bad[i], &interaction, &err) != FX_ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
    assert_null(interaction);
}

static void refuses_a_form_that_is_more_than_its_payload(void **state) {
    struct fx_slack_interaction *interaction = NULL;
    struct fx_error err;
    const char *encoded = fx_url_encode(*state, fx_slice_of(CLICK), false);
    const char *bad[] = {
        fx_printf(*state, "payload=%s&payload=%s", encoded, encoded),
        fx_printf(*state, "payload=%s&other=1", encoded),
        fx_printf(*state, "Payload=%s", encoded),
        "payload=",
        "other=1",
    };

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(
            fx_slack_parse_interaction(*state, fx_slice_of(bad[i]), &interaction, &err),
            FX_ERR_INPUT);
}

static void refuses_a_payload_nested_too_deep(void **state) {
    struct fx_slack_interaction *interaction = NULL;
    struct fx_error err;
    char *deep = fx_alloc(*state, 400);

    memset(deep, '[', 300);
    assert_int_not_equal(parse_payload(*state, deep, &interaction, &err), FX_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scope, close_scope)
    const struct CMUnitTest tests[] = {
        TEST(reads_every_field_of_a_command),
        TEST(answers_the_certificate_check_without_other_fields),
        TEST(refuses_a_field_that_comes_twice),
        TEST(names_the_field_that_is_missing),
        TEST(refuses_malformed_forms),
        TEST(decodes_and_refuses_in_every_place),
        TEST(refuses_a_nul_in_every_place),
        TEST(refuses_ids_that_are_no_ids),
        TEST(refuses_more_than_the_named_sizes),
        TEST(reads_the_first_action_of_a_click),
        TEST(reads_a_submitted_dialog),
        TEST(an_unanswered_dialog_has_no_text),
        TEST(what_nobody_sees_is_no_answer),
        TEST(what_is_seen_is_kept_with_what_stands_in_between),
        TEST(refuses_payloads_of_the_wrong_form),
        TEST(refuses_a_form_that_is_more_than_its_payload),
        TEST(refuses_a_payload_nested_too_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
