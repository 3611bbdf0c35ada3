/* sandbox_slack_doors_test.c - what the simulated Slack sends to the bot, and what becomes of the
 * answers. */
#include "support/test.h"

#include "support/sandbox_world.h"

#include "slack_private.h"

#define HERE "\"channel\":\"C0FLUXA0001\""
#define APPROVAL                                                                                   \
    "{" HERE ",\"text\":\"decide\",\"blocks\":[{\"type\":\"actions\",\"block_id\":\"apr:1\","      \
    "\"elements\":[{\"type\":\"button\",\"action_id\":\"approve\",\"value\":\"a=1\",\"text\":{"    \
    "\"type\":\"plain_text\",\"text\":\"Approve\"}},{\"type\":\"overflow\",\"action_id\":"         \
    "\"more\","                                                                                    \
    "\"options\":[{\"value\":\"mute\",\"text\":{\"type\":\"plain_text\",\"text\":\"Mute\"}}]}]}]}"
#define REASON_VIEW                                                                                \
    "{\"type\":\"modal\",\"callback_id\":\"deny\",\"private_metadata\":\"a=1\","                   \
    "\"title\":{\"type\":\"plain_text\",\"text\":\"Deny\"},"                                       \
    "\"submit\":{\"type\":\"plain_text\",\"text\":\"Send\"},\"blocks\":[{\"type\":\"input\","      \
    "\"block_id\":\"why\",\"label\":{\"type\":\"plain_text\",\"text\":\"Reason\"},\"element\":{"   \
    "\"type\":\"plain_text_input\",\"action_id\":\"reason\",\"min_length\":3,\"max_length\":9}}]}"

/* The worked example of docs.slack.dev/authentication/verifying-requests-from-slack. */
static void signs_as_in_slacks_own_example(void **state) {
    static const char body[] =
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
        "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
        "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%"
        "2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
        "47445629121.803a0bc887a14d10d2c447fce8b6703c";
    struct world *world = *state;

    assert_string_equal(
        slack_sign(world->sc, "8f742231b10e8888abcd99yyyzzz85a5", "1531420618", fx_slice_of(body)),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
}

static void a_command_arrives_as_a_signed_form_with_every_field(void **state) {
    struct world *world = *state;
    struct fx_json *outcome = world_door(
        world, sandbox_door_command, "{\"user\":\"requester\",\"text\":\"/fluxa  dlq inspect \"}");

    assert_int_equal(fx_json_get_int(outcome, "status", 0), 200);
    assert_string_equal(world->sent_url, "https://127.0.0.1:8443/slack/commands");
    assert_string_equal(world_sent_field(world, "command"), "/fluxa");
    assert_string_equal(world_sent_field(world, "text"), "dlq inspect");
    assert_string_equal(world_sent_field(world, "user_id"), "U0ANNA0001");
    assert_string_equal(world_sent_field(world, "team_id"), "T0FLUXA0001");
    assert_string_equal(world_sent_field(world, "channel_id"), "C0FLUXA0001");
    assert_string_equal(world_sent_field(world, "channel_name"), "fluxa-alerts");
    assert_string_equal(world_sent_field(world, "api_app_id"), "A0FLUXABOT");
    assert_non_null(world_sent_field(world, "trigger_id"));
    assert_non_null(strstr(world_sent_field(world, "response_url"), "/slack/hooks/"));
    assert_string_equal(world_sent_header(world, "X-Slack-Request-Timestamp"), "1795269720");
    assert_string_equal(world_sent_header(world, "X-Slack-Signature"),
                        slack_sign(world->sc, "8f742231b10e8888abcd99yyyzzz85a5", "1795269720",
                                   fx_slice_of(world->sent_body)));
}

struct escaped {
    const char *typed, *sent;
};
static const struct escaped escaped_texts[] = {
    {"ask @bo now", "ask <@U0BOLIND02> now"},
    {"in #fluxa-alerts", "in <#C0FLUXA0001|fluxa-alerts>"},
    {"mail a@bo", "mail a@bo"},
    {"see https://a.example/x?y=1 there", "see <https://a.example/x?y=1> there"},
    {"a < b && c", "a &lt; b &amp;&amp; c"},
    {"<!channel>", "&lt;!channel&gt;"},
    {"<@U0BOLIND02> twice", "<@U0BOLIND02> twice"},
    {"@nobody", "@nobody"},
};

static void command_text_is_escaped_as_should_escape_does(void **state) {
    struct world *world = *state;

    for (size_t i = 0; i < FX_COUNT_OF(escaped_texts); i++)
        assert_string_equal(slack_escape_command(&world->sb, world->sc, escaped_texts[i].typed),
                            escaped_texts[i].sent);
}

static struct fx_json *last_private(struct world *world) {
    struct fx_json *messages =
        fx_json_at(world_look(world, sandbox_door_private, "user=requester"), "messages");

    return fx_json_item(messages, fx_json_count(messages) - 1);
}

static void type_a_command(struct world *world) {
    world_door(world, sandbox_door_command, "{\"user\":\"requester\",\"text\":\"/fluxa help\"}");
}

static void the_answer_to_a_command_is_private_unless_it_says_in_channel(void **state) {
    struct world *world = *state;

    world->bot_type = "application/json";
    world->bot_body = "{\"text\":\"only you\"}";
    type_a_command(world);
    assert_string_equal(fx_json_get_text(last_private(world), "text"), "only you");
    world->bot_body = "{\"response_type\":\"in_channel\",\"text\":\"all\"}";
    type_a_command(world);
    assert_string_equal(fx_json_text(fx_json_at_path(world_look(world, sandbox_door_messages, ""),
                                                     "messages.0.text")),
                        "all");
}

static void a_bot_that_fails_is_told_of_in_slacks_words(void **state) {
    struct world *world = *state;

    world->bot_failure = FX_ERR_TIMEOUT;
    type_a_command(world);
    assert_non_null(strstr(fx_json_get_text(last_private(world), "text"), "operation_timeout"));
    world->bot_failure = FX_ERR_UNAVAILABLE;
    type_a_command(world);
    assert_non_null(strstr(fx_json_get_text(last_private(world), "text"), "dispatch_failed"));
    world->bot_failure = FX_OK;
    world->bot_status = 503;
    type_a_command(world);
    assert_non_null(strstr(fx_json_get_text(last_private(world), "text"), "http_service_error"));
    world->bot_status = 200;
    world->bot_type = "application/json";
    world->bot_body = "{\"blocks\":[{\"type\":\"alert\"}]}";
    type_a_command(world);
    assert_non_null(
        strstr(fx_json_get_text(last_private(world), "text"), "invalid_command_response"));
}

static struct fx_json *click(struct world *world, const char *user, const char *ts,
                             const char *rest) {
    return world_door(
        world, sandbox_door_click,
        fx_printf(world->sc, "{\"user\":\"%s\",\"message_ts\":\"%s\",%s}", user, ts, rest));
}

static void a_click_carries_value_container_and_message(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, APPROVAL);

    click(world, "approver", ts, "\"action_id\":\"approve\"");
    struct fx_json *payload = world_sent_payload(world);
    assert_string_equal(world->sent_url, "https://127.0.0.1:8443/slack/interactions");
    assert_string_equal(fx_json_get_text(payload, "type"), "block_actions");
    assert_string_equal(fx_json_text(fx_json_at_path(payload, "user.id")), "U0BOLIND02");
    assert_string_equal(fx_json_text(fx_json_at_path(payload, "actions.0.value")), "a=1");
    assert_string_equal(fx_json_text(fx_json_at_path(payload, "actions.0.block_id")), "apr:1");
    assert_string_equal(fx_json_text(fx_json_at_path(payload, "container.message_ts")), ts);
    assert_string_equal(fx_json_text(fx_json_at_path(payload, "message.text")), "decide");
    assert_non_null(fx_json_get_text(payload, "response_url"));
}

static void a_button_that_is_not_on_the_message_cannot_be_pressed(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, APPROVAL);

    assert_non_null(
        fx_json_get_text(click(world, "approver", ts, "\"action_id\":\"deny\""), "error"));
    assert_non_null(fx_json_get_text(
        click(world, "approver", ts, "\"action_id\":\"approve\",\"value\":\"a=2\""), "error"));
    assert_non_null(
        fx_json_get_text(click(world, "approver", "1.1", "\"action_id\":\"approve\""), "error"));
    assert_int_equal(world->sent_count, 0);
}

static void a_menu_reports_the_chosen_option_and_only_an_existing_one(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, APPROVAL);

    assert_non_null(fx_json_get_text(
        click(world, "approver", ts, "\"action_id\":\"more\",\"value\":\"burn\""), "error"));
    click(world, "approver", ts, "\"action_id\":\"more\",\"value\":\"mute\"");
    assert_string_equal(
        fx_json_text(fx_json_at_path(world_sent_payload(world), "actions.0.selected_option.value")),
        "mute");
}

static void nobody_presses_buttons_in_what_another_person_was_whispered(void **state) {
    struct world *world = *state;
    const char *whisper = fx_printf(world->sc, "{\"user\":\"U0ANNA0001\",%s", &APPROVAL[1]);
    const char *ts =
        fx_json_get_text(world_api(world, "chat.postEphemeral", whisper), "message_ts");

    assert_non_null(
        fx_json_get_text(click(world, "approver", ts, "\"action_id\":\"approve\""), "error"));
    click(world, "requester", ts, "\"action_id\":\"approve\"");
    assert_true(fx_json_to_bool(
        fx_json_at_path(world_sent_payload(world), "container.is_ephemeral"), false));
}

static const char *hook_error(struct world *world, const char *url, const char *body) {
    struct sandbox_reply reply =
        world_request(world, sandbox_slack_hook, strstr(url, "/slack/hooks/"), NULL, body, NULL, 0);

    return fx_json_get_text(world_json(world, &reply), "error");
}

static void a_response_url_works_five_times_in_thirty_minutes(void **state) {
    static const char text[] = "{\"text\":\"x\"}";
    struct world *world = *state;

    type_a_command(world);
    const char *url = world_sent_field(world, "response_url");
    for (int i = 0; i < 5; i++)
        assert_null(hook_error(world, url, text));
    assert_string_equal(hook_error(world, url, text), "used_url");
    type_a_command(world);
    url = world_sent_field(world, "response_url");
    world->now_ms += 30 * 60 * 1000 + 1;
    assert_string_equal(hook_error(world, url, text), "expired_url");
    assert_string_equal(hook_error(world, "/slack/hooks/none", text), "no_service");
}

static void a_refusal_wipes_the_message_away_unless_it_forbids_replacing(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, APPROVAL);

    click(world, "approver", ts, "\"action_id\":\"approve\"");
    const char *url = fx_json_get_text(world_sent_payload(world), "response_url");
    assert_null(hook_error(world, url, "{\"replace_original\":false,\"text\":\"no\"}"));
    assert_string_equal(fx_json_text(fx_json_at_path(world_look(world, sandbox_door_messages, ""),
                                                     "messages.0.text")),
                        "decide");
    assert_null(hook_error(world, url, "{\"text\":\"no\"}"));
    assert_string_equal(fx_json_text(fx_json_at_path(world_look(world, sandbox_door_messages, ""),
                                                     "messages.0.text")),
                        "no");
    assert_null(hook_error(world, url, "{\"delete_original\":true}"));
    assert_int_equal(
        fx_json_count(fx_json_at(world_look(world, sandbox_door_messages, ""), "messages")), 0);
}

static const char *open_reason(struct world *world, const char *trigger) {
    return world_error(
        world, "views.open",
        fx_printf(world->sc, "{\"trigger_id\":\"%s\",\"view\":" REASON_VIEW "}", trigger));
}

static void a_trigger_opens_one_dialog_within_three_seconds(void **state) {
    struct world *world = *state;

    type_a_command(world);
    const char *trigger = world_sent_field(world, "trigger_id");
    assert_string_equal(open_reason(world, trigger), "ok");
    assert_string_equal(open_reason(world, trigger), "exchanged_trigger_id");
    type_a_command(world);
    world->now_ms += 3001;
    assert_string_equal(open_reason(world, world_sent_field(world, "trigger_id")),
                        "expired_trigger_id");
    assert_string_equal(open_reason(world, "1.2.3"), "invalid_trigger_id");
}

static struct fx_json *submit(struct world *world, const char *values) {
    struct fx_json *seen = world_look(world, sandbox_door_private, "user=requester");
    const char *id = fx_json_text(fx_json_at_path(seen, "views.0.id"));

    return world_door(
        world, sandbox_door_submit,
        fx_printf(world->sc, "{\"user\":\"requester\",\"view_id\":\"%s\",%s}", id, values));
}

static size_t open_dialogs(struct world *world) {
    return fx_json_count(
        fx_json_at(world_look(world, sandbox_door_private, "user=requester"), "views"));
}

static void a_dialog_reports_what_was_typed_and_closes_on_an_empty_answer(void **state) {
    static const char *const given[] = {"\"values\":{\"why\":{\"reason\":\"later\"}}",
                                        "\"values\":{\"reason\":\"later\"}"};
    struct world *world = *state;

    for (size_t i = 0; i < FX_COUNT_OF(given); i++) {
        type_a_command(world);
        open_reason(world, world_sent_field(world, "trigger_id"));
        submit(world, given[i]);
        struct fx_json *payload = world_sent_payload(world);
        assert_string_equal(fx_json_get_text(payload, "type"), "view_submission");
        assert_string_equal(
            fx_json_text(fx_json_at_path(payload, "view.state.values.why.reason.value")), "later");
        assert_string_equal(fx_json_text(fx_json_at_path(payload, "view.private_metadata")), "a=1");
        assert_int_equal(open_dialogs(world), 0);
    }
}

static void a_dialog_keeps_the_person_from_sending_what_does_not_fit(void **state) {
    struct world *world = *state;

    type_a_command(world);
    open_reason(world, world_sent_field(world, "trigger_id"));
    int before = world->sent_count;
    assert_non_null(fx_json_get_text(submit(world, "\"values\":{}"), "error"));
    assert_non_null(fx_json_get_text(submit(world, "\"values\":{\"reason\":\"no\"}"), "error"));
    assert_non_null(
        fx_json_get_text(submit(world, "\"values\":{\"reason\":\"0123456789\"}"), "error"));
    assert_int_equal(world->sent_count, before);
}

static void the_bot_may_keep_a_dialog_open_with_errors_or_change_it(void **state) {
    static const char values[] = "\"values\":{\"reason\":\"later\"}";
    struct world *world = *state;

    type_a_command(world);
    open_reason(world, world_sent_field(world, "trigger_id"));
    world->bot_body = "{\"response_action\":\"errors\",\"errors\":{\"why\":\"say more\"}}";
    assert_string_equal(fx_json_text(fx_json_at_path(submit(world, values), "body.errors.why")),
                        "say more");
    assert_int_equal(open_dialogs(world), 1);
    world->bot_body = "{\"response_action\":\"push\",\"view\":" REASON_VIEW "}";
    submit(world, values);
    assert_int_equal(open_dialogs(world), 2);
    world->bot_body = "{\"response_action\":\"update\",\"view\":{\"type\":\"modal\"}}";
    assert_non_null(fx_json_get_text(submit(world, values), "error"));
    world->bot_body = "{\"response_action\":\"clear\"}";
    submit(world, values);
    assert_int_equal(open_dialogs(world), 0);
}

static void a_raw_request_can_be_forged_and_stale(void **state) {
    struct world *world = *state;

    world_door(world, sandbox_door_slack_raw,
               "{\"path\":\"/slack/commands\",\"body\":\"a=b\",\"timestamp\":1700000000}");
    assert_string_equal(world_sent_header(world, "X-Slack-Request-Timestamp"), "1700000000");
    assert_string_equal(
        world_sent_header(world, "X-Slack-Signature"),
        slack_sign(world->sc, world->sb.options.signing_secret, "1700000000", fx_slice_of("a=b")));
    world_door(world, sandbox_door_slack_raw,
               "{\"path\":\"/slack/commands\",\"body\":\"a=b\",\"signature\":\"v0=00\"}");
    assert_string_equal(world_sent_header(world, "X-Slack-Signature"), "v0=00");
    world_door(world, sandbox_door_slack_raw,
               "{\"path\":\"/slack/commands\",\"body\":\"a=b\",\"sign\":false}");
    assert_null(world_sent_header(world, "X-Slack-Signature"));
}

static void a_replay_repeats_the_last_request_byte_for_byte(void **state) {
    struct world *world = *state;

    type_a_command(world);
    const char *body = fx_strdup(world->sc, world->sent_body);
    const char *signature = world_sent_header(world, "X-Slack-Signature");
    world->now_ms += 1000;
    world_door(world, sandbox_door_slack_replay, "{}");
    assert_int_equal(world->sent_count, 2);
    assert_string_equal(world->sent_body, body);
    assert_string_equal(world_sent_header(world, "X-Slack-Signature"), signature);
}

static void reset_while_bot_thinks(struct world *world) {
    sandbox_slack_reset(&world->sb);
}

static void a_new_world_may_begin_while_the_bot_answers(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, APPROVAL);

    type_a_command(world);
    open_reason(world, world_sent_field(world, "trigger_id"));
    world->while_bot_thinks = reset_while_bot_thinks;
    click(world, "approver", ts, "\"action_id\":\"approve\"");
    assert_int_equal(open_dialogs(world), 0);
    type_a_command(world);
}

static void the_state_is_sent_only_when_it_has_changed(void **state) {
    struct world *world = *state;
    struct fx_json *first = world_look(world, sandbox_door_state, "user=requester");
    const char *again = fx_printf(world->sc, "user=requester&since=%lld",
                                  (long long)fx_json_get_int(first, "revision", -1));

    assert_non_null(fx_json_at(first, "messages"));
    assert_null(fx_json_at(world_look(world, sandbox_door_state, again), "messages"));
    world_post(world, "{" HERE ",\"text\":\"x\"}");
    assert_int_equal(
        fx_json_count(fx_json_at(world_look(world, sandbox_door_state, again), "messages")), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(signs_as_in_slacks_own_example),
        TEST(a_command_arrives_as_a_signed_form_with_every_field),
        TEST(command_text_is_escaped_as_should_escape_does),
        TEST(the_answer_to_a_command_is_private_unless_it_says_in_channel),
        TEST(a_bot_that_fails_is_told_of_in_slacks_words),
        TEST(a_click_carries_value_container_and_message),
        TEST(a_button_that_is_not_on_the_message_cannot_be_pressed),
        TEST(a_menu_reports_the_chosen_option_and_only_an_existing_one),
        TEST(nobody_presses_buttons_in_what_another_person_was_whispered),
        TEST(a_response_url_works_five_times_in_thirty_minutes),
        TEST(a_refusal_wipes_the_message_away_unless_it_forbids_replacing),
        TEST(a_trigger_opens_one_dialog_within_three_seconds),
        TEST(a_dialog_reports_what_was_typed_and_closes_on_an_empty_answer),
        TEST(a_dialog_keeps_the_person_from_sending_what_does_not_fit),
        TEST(the_bot_may_keep_a_dialog_open_with_errors_or_change_it),
        TEST(a_raw_request_can_be_forged_and_stale),
        TEST(a_replay_repeats_the_last_request_byte_for_byte),
        TEST(a_new_world_may_begin_while_the_bot_answers),
        TEST(the_state_is_sent_only_when_it_has_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
