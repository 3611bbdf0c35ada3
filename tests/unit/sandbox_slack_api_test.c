/* sandbox_slack_api_test.c - the simulated Web API refuses, paces and keeps messages as Slack does.
 */
#include "support/test.h"

#include "support/sandbox_world.h"

#define HERE "\"channel\":\"C0FLUXA0001\""
#define BUTTONS                                                                                    \
    "\"blocks\":[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"action_id\":\"go\","   \
    "\"value\":\"r=1\",\"text\":{\"type\":\"plain_text\",\"text\":\"Go\"}}]}]"

static void tells_a_missing_token_from_a_wrong_one(void **state) {
    static const struct fx_http_header wrong[] = {{"Authorization", "Bearer xoxb-other"}};
    struct world *world = *state;
    struct sandbox_reply none =
        world_request(world, sandbox_slack_api, "/slack/api/auth.test", NULL, "", NULL, 0);
    struct sandbox_reply bad =
        world_request(world, sandbox_slack_api, "/slack/api/auth.test", NULL, "", wrong, 1);

    assert_string_equal(fx_json_get_text(world_json(world, &none), "error"), "not_authed");
    assert_string_equal(fx_json_get_text(world_json(world, &bad), "error"), "invalid_auth");
}

static void auth_test_names_the_bot_and_its_scopes_stand_in_a_header(void **state) {
    struct world *world = *state;
    struct sandbox_reply reply = world_call(world, "auth.test", "");

    assert_string_equal(fx_json_get_text(world_json(world, &reply), "user_id"), "U0FLUXABOT");
    assert_string_equal(reply.headers[0].name, "X-OAuth-Scopes");
    assert_non_null(strstr(reply.headers[0].value, "chat:write"));
}

static void takes_forms_whose_blocks_are_text(void **state) {
    static const struct fx_http_header headers[] = {
        {"Authorization", "Bearer xoxb-test"},
        {"Content-Type", "application/x-www-form-urlencoded"}};
    struct world *world = *state;
    struct sandbox_reply reply = world_request(
        world, sandbox_slack_api, "/slack/api/chat.postMessage", NULL,
        "channel=C0FLUXA0001&text=a+b%26c&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D", headers,
        2);
    struct fx_json *answer = world_json(world, &reply);

    assert_true(fx_json_get_bool(answer, "ok", false));
    assert_string_equal(fx_json_text(fx_json_at_path(answer, "message.text")), "a b&c");
    assert_string_equal(fx_json_text(fx_json_at_path(answer, "message.blocks.0.type")), "divider");
}

struct refused_call {
    const char *method, *args, *error;
};
static const struct refused_call refused_calls[] = {
    {"chat.sing", "{}", "unknown_method"},
    {"chat.postMessage", "{", "invalid_json"},
    {"chat.postMessage", "[]", "json_not_object"},
    {"chat.postMessage", "{\"text\":\"x\"}", "channel_not_found"},
    {"chat.postMessage", "{\"channel\":\"C0NOWHERE01\",\"text\":\"x\"}", "channel_not_found"},
    {"chat.postMessage", "{\"channel\":\"C0RANDOM001\",\"text\":\"x\"}", "not_in_channel"},
    {"chat.postMessage", "{\"channel\":\"C0ARCHIVE01\",\"text\":\"x\"}", "is_archived"},
    {"chat.postMessage", "{" HERE "}", "no_text"},
    {"chat.postMessage", "{" HERE ",\"blocks\":{}}", "invalid_blocks_format"},
    {"chat.postMessage", "{" HERE ",\"blocks\":\"[\"}", "invalid_blocks_format"},
    {"chat.postMessage", "{" HERE ",\"blocks\":[{\"type\":\"alert\"}]}", "invalid_blocks"},
    {"chat.postMessage", "{" HERE ",\"text\":\"x\",\"metadata\":{\"event_type\":\"e\"}}",
     "invalid_metadata_format"},
    {"chat.postMessage", "{" HERE ",\"text\":\"x\",\"thread_ts\":\"1.1\"}", "thread_not_found"},
    {"chat.update", "{" HERE ",\"ts\":\"1.1\",\"text\":\"x\"}", "message_not_found"},
    {"chat.postEphemeral", "{" HERE ",\"user\":\"U0NOBODY\",\"text\":\"x\"}",
     "user_not_in_channel"},
    {"chat.delete", "{" HERE ",\"ts\":\"1.1\"}", "message_not_found"},
    {"reactions.add", "{" HERE ",\"timestamp\":\"1.1\",\"name\":\"eyes\"}", "missing_scope"},
    {"users.info", "{\"user\":\"U0NOBODY\"}", "user_not_found"},
    {"usergroups.users.list", "{\"usergroup\":\"S0NONE\"}", "no_such_subteam"},
    {"conversations.info", "{\"channel\":\"C0NOWHERE01\"}", "channel_not_found"},
    {"views.open", "{\"trigger_id\":\"x\",\"view\":{\"type\":\"modal\"}}", "invalid_arguments"},
    {"files.getUploadURLExternal", "{\"filename\":\"a.png\",\"length\":0}", "missing_argument"},
};

static void refuses_in_slacks_words(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(refused_calls); i++) {
        const struct refused_call *call = &refused_calls[i];
        const char *error = world_error(*state, call->method, call->args);
        if (strcmp(error, call->error) != 0)
            fail_msg("%s %s: expected %s, got %s", call->method, call->args, call->error, error);
    }
}

static void bad_blocks_are_named_by_pointer_in_the_metadata(void **state) {
    struct fx_json *answer =
        world_api(*state, "chat.postMessage",
                  "{" HERE ",\"blocks\":[{\"type\":\"divider\"},{\"type\":\"header\"}]}");

    assert_string_equal(fx_json_text(fx_json_at_path(answer, "response_metadata.messages.0")),
                        "[ERROR] missing required field: text [json-pointer:/blocks/1]");
}

static const char *long_sections(struct world *world, size_t count, size_t each) {
    char *text = fx_alloc(world->sc, each + 1);
    const char *blocks = "";

    memset(text, 'x', each);
    for (size_t i = 0; i < count; i++)
        blocks = fx_printf(
            world->sc, "%s%s{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%s\"}}",
            blocks, i ? "," : "", text);
    return fx_printf(world->sc, "{" HERE ",\"text\":\"x\",\"blocks\":[%s]}", blocks);
}

static void refuses_blocks_that_are_each_fine_but_too_long_together(void **state) {
    assert_string_equal(world_error(*state, "chat.postMessage", long_sections(*state, 5, 2600)),
                        "ok");
    assert_string_equal(world_error(*state, "chat.postMessage", long_sections(*state, 5, 2601)),
                        "msg_blocks_too_long");
}

static const char *long_text(struct world *world, const char *ts, size_t length) {
    char *text = fx_alloc(world->sc, length + 1);

    memset(text, 'x', length);
    return fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"%s\"}", ts, text);
}

static void an_update_refuses_text_that_a_post_would_take(void **state) {
    const char *ts = world_post(*state, long_text(*state, "", 4001));

    assert_string_equal(world_error(*state, "chat.update", long_text(*state, ts, 4000)), "ok");
    assert_string_equal(world_error(*state, "chat.update", long_text(*state, ts, 4001)),
                        "msg_too_long");
}

static void a_post_cuts_text_at_40000_characters_and_warns(void **state) {
    struct fx_json *answer = world_api(*state, "chat.postMessage", long_text(*state, "", 40001));

    assert_int_equal(fx_json_text_slice(fx_json_at_path(answer, "message.text")).len, 40000);
    assert_string_equal(fx_json_get_text(answer, "warning"), "message_truncated");
}

static void a_reply_hangs_under_its_parent_and_cannot_be_a_parent(void **state) {
    struct world *world = *state;
    const char *parent = world_post(world, "{" HERE ",\"text\":\"top\"}");
    const char *reply = world_post(
        world, fx_printf(world->sc, "{" HERE ",\"text\":\"r\",\"thread_ts\":\"%s\"}", parent));
    struct fx_json *list = world_look(world, sandbox_door_messages, "channel=C0FLUXA0001");

    assert_string_equal(
        world_error(world, "chat.postMessage",
                    fx_printf(world->sc, "{" HERE ",\"text\":\"r\",\"thread_ts\":\"%s\"}", reply)),
        "cannot_reply_to_message");
    assert_int_equal(fx_json_count(fx_json_at(list, "messages")), 1);
    assert_string_equal(fx_json_text(fx_json_at_path(list, "messages.0.replies.0.ts")), reply);
}

static void an_update_keeps_metadata_and_drops_blocks_it_does_not_send(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, "{" HERE ",\"text\":\"a\",\"metadata\":{\"event_type\":"
                                       "\"run\",\"event_payload\":{\"id\":\"7\"}}," BUTTONS "}");

    assert_string_equal(
        world_error(world, "chat.update",
                    fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"b\"}", ts)),
        "ok");
    struct fx_json *message = fx_json_at_path(
        world_look(world, sandbox_door_messages, "channel=C0FLUXA0001"), "messages.0");
    assert_string_equal(fx_json_get_text(message, "text"), "b");
    assert_null(fx_json_at(message, "blocks"));
    assert_non_null(fx_json_at(message, "edited"));
    assert_string_equal(fx_json_text(fx_json_at_path(message, "metadata.event_payload.id")), "7");
}

static void an_update_with_blocks_shows_no_edited_mark(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, "{" HERE ",\"text\":\"a\"}");

    world_api(world, "chat.update",
              fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"b\"," BUTTONS "}", ts));
    assert_null(fx_json_at_path(world_look(world, sandbox_door_messages, ""), "messages.0.edited"));
}

static void rich_text_cannot_be_replaced_by_other_blocks(void **state) {
    struct world *world = *state;
    const char *ts = world_post(
        world, "{" HERE ",\"text\":\"a\",\"blocks\":[{\"type\":\"rich_text\",\"elements\":[{"
               "\"type\":\"rich_text_section\",\"elements\":[]}]}]}");

    assert_string_equal(
        world_error(
            world, "chat.update",
            fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"b\"," BUTTONS "}", ts)),
        "block_mismatch");
}

static void an_ephemeral_message_is_seen_by_one_and_cannot_be_updated(void **state) {
    struct world *world = *state;
    struct fx_json *answer = world_api(world, "chat.postEphemeral",
                                       "{" HERE ",\"user\":\"U0ANNA0001\",\"text\":\"psst\"}");
    const char *ts = fx_json_get_text(answer, "message_ts");

    assert_non_null(ts);
    assert_int_equal(
        fx_json_count(fx_json_at(world_look(world, sandbox_door_messages, ""), "messages")), 0);
    assert_int_equal(fx_json_count(fx_json_at(
                         world_look(world, sandbox_door_private, "user=approver"), "messages")),
                     0);
    assert_string_equal(
        fx_json_text(fx_json_at_path(world_look(world, sandbox_door_private, "user=requester"),
                                     "messages.0.text")),
        "psst");
    assert_string_equal(
        world_error(world, "chat.update",
                    fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"b\"}", ts)),
        "message_not_found");
}

static void a_channel_takes_a_burst_and_then_one_message_a_second(void **state) {
    static const char args[] = "{" HERE ",\"text\":\"x\"}";
    struct world *world = *state;
    struct sandbox_reply reply;

    world_door(world, sandbox_door_slack_options, "{\"post_burst\":3}");
    for (int i = 0; i < 3; i++)
        assert_string_equal(world_error(world, "chat.postMessage", args), "ok");
    reply = world_call(world, "chat.postMessage", args);
    assert_int_equal(reply.status, 429);
    assert_string_equal(fx_json_get_text(world_json(world, &reply), "error"), "ratelimited");
    size_t last = 0;
    while (reply.headers[last + 1].name)
        last++;
    assert_string_equal(reply.headers[last].name, "Retry-After");
    assert_string_equal(reply.headers[last].value, "1");

    world->now_ms += 1000;
    assert_string_equal(world_error(world, "chat.postMessage", args), "ok");
    assert_string_equal(world_error(world, "chat.postMessage", args), "ratelimited");
    assert_string_equal(
        world_error(world, "chat.postMessage", "{\"channel\":\"C0CHATRT001\",\"text\":\"x\"}"),
        "ok");
}

static void updates_are_paced_for_the_whole_workspace(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, "{" HERE ",\"text\":\"a\"}");
    const char *args = fx_printf(world->sc, "{" HERE ",\"ts\":\"%s\",\"text\":\"b\"}", ts);

    world_door(world, sandbox_door_slack_options, "{\"update_burst\":2,\"update_per_minute\":60}");
    assert_string_equal(world_error(world, "chat.update", args), "ok");
    assert_string_equal(world_error(world, "chat.update", args), "ok");
    assert_string_equal(world_error(world, "chat.update", args), "ratelimited");
    world->now_ms += 1000;
    assert_string_equal(world_error(world, "chat.update", args), "ok");
}

static void a_missing_scope_is_named(void **state) {
    struct world *world = *state;

    world_door(world, sandbox_door_slack_options, "{\"scopes\":[\"users:read\"]}");
    struct fx_json *answer = world_api(world, "chat.postMessage", "{" HERE ",\"text\":\"x\"}");
    assert_string_equal(fx_json_get_text(answer, "error"), "missing_scope");
    assert_string_equal(fx_json_get_text(answer, "needed"), "chat:write");
    assert_string_equal(fx_json_get_text(answer, "provided"), "users:read");
}

static void faults_spoil_a_call_before_or_after_its_effect(void **state) {
    struct world *world = *state;
    static const char args[] = "{" HERE ",\"text\":\"x\"}";

    world_door(world, sandbox_door_fault,
               "{\"target\":\"slack:chat.postMessage\",\"kind\":\"timeout_before\"}");
    assert_true(world_call(world, "chat.postMessage", args).hang_up);
    assert_int_equal(
        fx_json_count(fx_json_at(world_look(world, sandbox_door_messages, ""), "messages")), 0);

    world_door(world, sandbox_door_fault,
               "{\"target\":\"slack:chat.postMessage\",\"kind\":\"timeout_after\"}");
    assert_true(world_call(world, "chat.postMessage", args).hang_up);
    assert_int_equal(
        fx_json_count(fx_json_at(world_look(world, sandbox_door_messages, ""), "messages")), 1);

    world_door(world, sandbox_door_fault, "{\"target\":\"slack\",\"kind\":\"5xx\"}");
    assert_int_equal(world_call(world, "chat.postMessage", args).status, 500);
    world_door(world, sandbox_door_fault, "{\"target\":\"slack\",\"kind\":\"429\"}");
    assert_int_equal(world_call(world, "chat.postMessage", args).status, 429);
    world_door(world, sandbox_door_fault, "{\"target\":\"slack\",\"kind\":\"denied\"}");
    assert_string_equal(world_error(world, "chat.postMessage", args), "missing_scope");
    assert_string_equal(world_error(world, "chat.postMessage", args), "ok");
}

static void people_tell_guests_strangers_and_the_gone_apart(void **state) {
    struct fx_json *guest = world_api(*state, "users.info", "{\"user\":\"U0GUEST003\"}");
    struct fx_json *stranger = world_api(*state, "users.info", "{\"user\":\"U0STRANGER\"}");
    struct fx_json *gone = world_api(*state, "users.info", "{\"user\":\"U0GONE0005\"}");

    assert_true(fx_json_to_bool(fx_json_at_path(guest, "user.is_restricted"), false));
    assert_true(fx_json_to_bool(fx_json_at_path(stranger, "user.is_stranger"), false));
    assert_string_not_equal(fx_json_text(fx_json_at_path(stranger, "user.team_id")), "T0FLUXA0001");
    assert_true(fx_json_to_bool(fx_json_at_path(gone, "user.deleted"), false));
}

static void a_grid_member_belongs_to_the_organisation_and_is_no_stranger(void **state) {
    struct fx_json *grid = world_api(*state, "users.info", "{\"user\":\"U0GRIDER06\"}");
    struct fx_json *anna = world_api(*state, "users.info", "{\"user\":\"U0ANNA0002\"}");

    assert_string_equal(fx_json_text(fx_json_at_path(grid, "user.team_id")), "E0FLUXAORG1");
    assert_string_equal(fx_json_text(fx_json_at_path(grid, "user.enterprise_user.enterprise_id")),
                        "E0FLUXAORG1");
    assert_false(fx_json_to_bool(fx_json_at_path(grid, "user.is_stranger"), true));
    assert_string_equal(fx_json_text(fx_json_at_path(anna, "user.team_id")), "T0FLUXA0001");
    assert_null(fx_json_at_path(anna, "user.enterprise_user"));
}

static const char *sharing(struct world *world, const char *options) {
    static const char *const members[] = {
        "is_shared",       "is_ext_shared",      "is_org_shared", "is_pending_ext_shared",
        "shared_team_ids", "connected_team_ids", "pending_shared"};
    struct fx_json *shown = fx_json_array(world->sc);

    world_door(world, sandbox_door_slack_options,
               fx_printf(world->sc, "{\"channels\":{\"fluxa-alerts\":%s}}", options));
    const struct fx_json *channel = fx_json_at(
        world_api(world, "conversations.info", "{\"channel\":\"C0FLUXA0001\"}"), "channel");

    for (size_t i = 0; i < FX_COUNT_OF(members); i++)
        fx_json_add(shown, fx_json_at(channel, members[i]) != NULL ? fx_json_at(channel, members[i])
                                                                   : fx_json_null(world->sc));
    return fx_json_dump(world->sc, shown);
}

static void a_channel_is_shared_as_the_options_say(void **state) {
    assert_string_equal(sharing(*state, "{}"),
                        "[false,false,false,false,[\"T0FLUXA0001\"],null,[]]");
    assert_string_equal(sharing(*state, "{\"is_pending_ext_shared\":true}"),
                        "[false,false,false,true,[\"T0FLUXA0001\"],null,[\"T0STRANGER1\"]]");
    assert_string_equal(
        sharing(*state, "{\"is_pending_ext_shared\":false,\"is_ext_shared\":true}"),
        "[true,true,false,false,[\"T0FLUXA0001\",\"T0STRANGER1\"],[\"T0STRANGER1\"],[]]");
    assert_string_equal(sharing(*state, "{\"is_ext_shared\":false,\"is_org_shared\":true}"),
                        "[true,false,true,false,[\"T0FLUXA0001\",\"T0FLUXA0002\"],null,[]]");
}

static void a_private_channel_is_told_of_for_another_scope(void **state) {
    static const char args[] = "{\"channel\":\"C0FLUXA0001\"}";
    struct world *world = *state;

    world_door(world, sandbox_door_slack_options,
               "{\"channels\":{\"fluxa-alerts\":{\"is_private\":true}}}");
    struct fx_json *refused = world_api(world, "conversations.info", args);
    assert_string_equal(fx_json_get_text(refused, "error"), "missing_scope");
    assert_string_equal(fx_json_get_text(refused, "needed"), "groups:read");
    world_door(world, sandbox_door_slack_options, "{\"scopes\":[\"groups:read\"]}");
    assert_string_equal(world_error(world, "conversations.info", args), "ok");
}

static void the_group_holds_the_approver_until_the_options_say_otherwise(void **state) {
    static const char args[] = "{\"usergroup\":\"S0FLUXA01\"}";
    struct fx_json *users = fx_json_at(world_api(*state, "usergroups.users.list", args), "users");

    assert_int_equal(fx_json_count(users), 1);
    assert_string_equal(fx_json_text(fx_json_item(users, 0)), "U0BOLIND02");
    world_door(*state, sandbox_door_slack_options,
               "{\"people\":{\"approver\":{\"in_group\":false}}}");
    assert_int_equal(
        fx_json_count(fx_json_at(world_api(*state, "usergroups.users.list", args), "users")), 0);
}

static void lists_are_paged_to_the_end(void **state) {
    struct fx_json *first = world_api(*state, "conversations.list", "{\"limit\":4}");
    const char *next = fx_json_text(fx_json_at_path(first, "response_metadata.next_cursor"));
    struct fx_json *second =
        world_api(*state, "conversations.list",
                  fx_printf(((struct world *)*state)->sc, "{\"limit\":4,\"cursor\":\"%s\"}", next));

    assert_int_equal(fx_json_count(fx_json_at(first, "channels")), 4);
    assert_int_equal(fx_json_count(fx_json_at(second, "channels")), 3);
    assert_string_equal(fx_json_text(fx_json_at_path(second, "response_metadata.next_cursor")), "");
}

static void an_upload_takes_exactly_the_announced_bytes_once(void **state) {
    struct world *world = *state;
    struct fx_json *answer =
        world_api(world, "files.getUploadURLExternal", "{\"filename\":\"depth.png\",\"length\":4}");
    const char *path = strstr(fx_json_get_text(answer, "upload_url"), "/slack/upload/");
    const char *done =
        fx_printf(world->sc, "{\"files\":[{\"id\":\"%s\"}],\"channel_id\":\"C0FLUXA0001\"}",
                  fx_json_get_text(answer, "file_id"));

    assert_string_equal(world_error(world, "files.completeUploadExternal", done), "file_not_found");
    assert_int_equal(
        world_request(world, sandbox_slack_upload, path, NULL, "12345", NULL, 0).status, 400);
    assert_int_equal(world_request(world, sandbox_slack_upload, path, NULL, "1234", NULL, 0).status,
                     200);
    assert_string_equal(world_error(world, "files.completeUploadExternal", done), "ok");
    assert_string_equal(world_error(world, "files.completeUploadExternal", done), "file_not_found");
    assert_string_equal(fx_json_text(fx_json_at_path(world_look(world, sandbox_door_messages, ""),
                                                     "messages.0.files.0.name")),
                        "depth.png");
}

static void an_upload_may_come_as_a_form(void **state) {
    static const struct fx_http_header headers[] = {
        {"Content-Type", "multipart/form-data; boundary=xyz"}};
    static const char form[] = "--xyz\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n1234\r\n"
                               "--xyz--\r\n";
    struct world *world = *state;
    struct fx_json *answer =
        world_api(world, "files.getUploadURLExternal", "{\"filename\":\"a.txt\",\"length\":4}");
    const char *path = strstr(fx_json_get_text(answer, "upload_url"), "/slack/upload/");

    assert_int_equal(
        world_request(world, sandbox_slack_upload, path, NULL, form, headers, 1).status, 200);
}

static void permalinks_name_channel_and_message(void **state) {
    struct world *world = *state;
    const char *ts = world_post(world, "{" HERE ",\"text\":\"a\"}");
    struct fx_json *answer = world_api(
        world, "chat.getPermalink", fx_printf(world->sc, "{" HERE ",\"message_ts\":\"%s\"}", ts));

    assert_string_equal(fx_json_get_text(answer, "permalink"),
                        fx_printf(world->sc,
                                  "https://fluxa-sandbox.slack.com/archives/C0FLUXA0001/p%.10s%s",
                                  ts, ts + 11));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tells_a_missing_token_from_a_wrong_one),
        TEST(auth_test_names_the_bot_and_its_scopes_stand_in_a_header),
        TEST(takes_forms_whose_blocks_are_text),
        TEST(refuses_in_slacks_words),
        TEST(bad_blocks_are_named_by_pointer_in_the_metadata),
        TEST(refuses_blocks_that_are_each_fine_but_too_long_together),
        TEST(an_update_refuses_text_that_a_post_would_take),
        TEST(a_post_cuts_text_at_40000_characters_and_warns),
        TEST(a_reply_hangs_under_its_parent_and_cannot_be_a_parent),
        TEST(an_update_keeps_metadata_and_drops_blocks_it_does_not_send),
        TEST(an_update_with_blocks_shows_no_edited_mark),
        TEST(rich_text_cannot_be_replaced_by_other_blocks),
        TEST(an_ephemeral_message_is_seen_by_one_and_cannot_be_updated),
        TEST(a_channel_takes_a_burst_and_then_one_message_a_second),
        TEST(updates_are_paced_for_the_whole_workspace),
        TEST(a_missing_scope_is_named),
        TEST(faults_spoil_a_call_before_or_after_its_effect),
        TEST(people_tell_guests_strangers_and_the_gone_apart),
        TEST(a_grid_member_belongs_to_the_organisation_and_is_no_stranger),
        TEST(a_channel_is_shared_as_the_options_say),
        TEST(a_private_channel_is_told_of_for_another_scope),
        TEST(the_group_holds_the_approver_until_the_options_say_otherwise),
        TEST(lists_are_paged_to_the_end),
        TEST(an_upload_takes_exactly_the_announced_bytes_once),
        TEST(an_upload_may_come_as_a_form),
        TEST(permalinks_name_channel_and_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
