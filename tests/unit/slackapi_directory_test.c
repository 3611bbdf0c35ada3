/* slackapi_directory_test.c - who somebody is and who else is in a channel, in every form of
 * Slack's answers. */
#include "support/test.h"

#include "fluxabot/slackapi.h"
#include "support/scripted_http.h"

#include <string.h>

struct world {
    struct fx_scope *sc;
    struct scripted_http script;
    struct scripted_reply reply;
    struct fx_slackapi *api;
};

static int open_world(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct world *w = FX_NEW(sc, struct world);
    struct fx_error err;

    w->sc = sc;
    scripted_http_init(&w->script, sc);
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &w->script.http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1-secret"},
                               &w->api, &err));
    *state = w;
    return 0;
}

static int close_world(void **state) {
    struct world *w = *state;

    fx_slackapi_close(w->api);
    fx_scope_free(w->sc);
    return 0;
}

static void answer(struct world *w, const char *body) {
    w->reply = (struct scripted_reply){.status = 200, .body = body};
    scripted_http_set(&w->script, &w->reply, 1);
}

static const char *sent_body(const struct world *w) {
    return fx_slice_dup(w->sc, w->script.requests[0].body);
}

static struct fx_json *parse(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(text), &json, &err));
    return json;
}

/* ---- people ---- */

static enum fx_code find_user(struct world *w, const char *user_json, struct fx_slack_user **ret,
                              struct fx_error *err) {
    answer(w, fx_printf(w->sc, "{\"ok\":true,\"user\":%s}", user_json));
    return fx_slackapi_user(w->api, w->sc, "U0ANNA", ret, err);
}

static void a_full_member_is_neither_guest_nor_bot(void **state) {
    struct world *w = *state;
    struct fx_slack_user *user = NULL;
    struct fx_error err;

    assert_ok(find_user(w,
                        "{\"id\":\"U0ANNA\",\"team_id\":\"T0\",\"name\":\"anna\",\"deleted\":false,"
                        "\"is_bot\":false,\"is_restricted\":false,\"is_ultra_restricted\":false,"
                        "\"profile\":{\"display_name\":\"\",\"real_name\":\"Anna Ode\"}}",
                        &user, &err));
    assert_string_equal(sent_body(w), "user=U0ANNA");
    assert_string_equal(user->id, "U0ANNA");
    assert_string_equal(user->team_id, "T0");
    assert_string_equal(user->name, "Anna Ode");
    assert_false(user->deleted || user->bot || user->guest || user->stranger);
}

static void every_flag_of_a_user_counts(void **state) {
    static const char *const flags[] = {"deleted", "is_bot", "is_restricted", "is_ultra_restricted",
                                        "is_stranger"};
    struct world *w = *state;
    struct fx_slack_user *user = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(flags); i++) {
        assert_ok(find_user(
            w, fx_printf(w->sc, "{\"id\":\"U0ANNA\",\"team_id\":\"T0\",\"%s\":true}", flags[i]),
            &user, &err));
        assert_int_equal(user->deleted, i == 0);
        assert_int_equal(user->bot, i == 1);
        assert_int_equal(user->guest, i == 2 || i == 3);
        assert_int_equal(user->stranger, i == 4);
    }
}

static void a_user_of_doubtful_form_is_refused(void **state) {
    static const char *const bad[] = {
        "null",
        "{}",
        "[]",
        "{\"id\":\"U0BO\",\"team_id\":\"T0\"}",
        "{\"id\":\"U0ANNA\"}",
        "{\"id\":\"U0ANNA\",\"team_id\":null}",
        "{\"id\":\"U0ANNA\",\"team_id\":\"T0\",\"is_restricted\":\"false\"}",
        "{\"id\":\"U0ANNA\",\"team_id\":\"T0\",\"is_stranger\":null}",
        "{\"id\":\"U0ANNA\",\"team_id\":\"T0\",\"deleted\":0}",
    };
    struct world *w = *state;
    struct fx_slack_user *user = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(find_user(w, bad[i], &user, &err), FX_ERR_UPSTREAM);
    assert_null(user);
}

static void a_group_is_the_list_of_its_members(void **state) {
    struct world *w = *state;
    struct fx_json *ids = NULL;
    struct fx_error err;

    answer(w, "{\"ok\":true,\"users\":[\"U1\",\"U2\"]}");
    assert_ok(fx_slackapi_group(w->api, w->sc, "S0", &ids, &err));
    assert_string_equal(sent_body(w), "usergroup=S0");
    assert_string_equal(fx_json_dump(w->sc, ids), "[\"U1\",\"U2\"]");

    answer(w, "{\"ok\":true,\"users\":[\"U1\",2]}");
    assert_int_equal(fx_slackapi_group(w->api, w->sc, "S0", &ids, &err), FX_ERR_UPSTREAM);
    answer(w, "{\"ok\":true}");
    assert_int_equal(fx_slackapi_group(w->api, w->sc, "S0", &ids, &err), FX_ERR_UPSTREAM);
}

/* ---- channels ---- */

/* As conversations.info shows a channel of one workspace alone. */
#define UNSHARED                                                                                   \
    "\"is_shared\":false,\"is_ext_shared\":false,\"is_org_shared\":false,"                         \
    "\"is_pending_ext_shared\":false,\"pending_shared\":[],\"pending_connected_team_ids\":[],"     \
    "\"parent_conversation\":null,\"is_private\":false,\"is_archived\":false"

static enum fx_code find_channel(struct world *w, const char *channel_json,
                                 struct fx_slack_channel **ret, struct fx_error *err) {
    answer(w, fx_printf(w->sc, "{\"ok\":true,\"channel\":%s}", channel_json));
    return fx_slackapi_channel(w->api, w->sc, "C0HOME", ret, err);
}

static void a_channel_of_one_workspace_is_shared_with_nobody(void **state) {
    struct world *w = *state;
    struct fx_slack_channel *channel = NULL;
    struct fx_error err;

    assert_ok(find_channel(w, "{\"id\":\"C0HOME\"," UNSHARED ",\"shared_team_ids\":[\"T0\"]}",
                           &channel, &err));
    assert_string_equal(w->script.requests[0].url, "https://slack.com/api/conversations.info");
    assert_string_equal(sent_body(w), "channel=C0HOME");
    assert_string_equal(channel->id, "C0HOME");
    assert_false(channel->shared || channel->org_shared || channel->archived || channel->private);
    assert_string_equal(fx_json_dump(w->sc, channel->team_ids), "[\"T0\"]");
}

/* The same with one thing changed. */
static void every_sign_of_sharing_counts(void **state) {
    static const struct {
        const char *change;
        bool shared, org_shared, archived, private;
    } signs[] = {
        {"{\"is_ext_shared\":true}", true, false, false, false},
        {"{\"is_pending_ext_shared\":true}", true, false, false, false},
        {"{\"is_shared\":true}", true, false, false, false},
        {"{\"pending_shared\":[\"T1\"]}", true, false, false, false},
        {"{\"connected_team_ids\":[\"T1\"]}", true, false, false, false},
        {"{\"pending_connected_team_ids\":[\"T1\"]}", true, false, false, false},
        {"{\"is_org_shared\":true}", false, true, false, false},
        {"{\"is_global_shared\":true}", false, true, false, false},
        {"{\"is_archived\":true}", false, false, true, false},
        {"{\"is_private\":true}", false, false, false, true},
        {"{\"connected_team_ids\":null}", false, false, false, false},
    };
    struct world *w = *state;
    struct fx_slack_channel *channel = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(signs); i++) {
        struct fx_json *json = parse(w->sc, "{\"id\":\"C0HOME\"," UNSHARED "}");
        struct fx_json *change = parse(w->sc, signs[i].change), *value = NULL;
        void *cursor = NULL;
        const char *key = NULL;

        while (fx_json_next(change, &cursor, &key, &value))
            fx_json_put(json, key, value);
        assert_ok(find_channel(w, fx_json_dump(w->sc, json), &channel, &err));
        assert_int_equal(channel->shared, signs[i].shared);
        assert_int_equal(channel->org_shared, signs[i].org_shared);
        assert_int_equal(channel->archived, signs[i].archived);
        assert_int_equal(channel->private, signs[i].private);
    }
}

static void a_channel_of_doubtful_form_is_refused(void **state) {
    static const char *const bad[] = {
        "null",
        "{}",
        "[]",
        "{" UNSHARED "}",
        "{\"id\":\"C0ELSE\"," UNSHARED "}",
        "{\"id\":\"C0HOME\"}",
        "{\"id\":\"C0HOME\",\"is_ext_shared\":false}",
        "{\"id\":\"C0HOME\",\"is_org_shared\":false}",
        "{\"id\":\"C0HOME\",\"is_ext_shared\":null,\"is_org_shared\":false}",
        "{\"id\":\"C0HOME\",\"is_ext_shared\":\"false\",\"is_org_shared\":false}",
        "{\"id\":\"C0HOME\"," UNSHARED ",\"is_global_shared\":0}",
        "{\"id\":\"C0HOME\"," UNSHARED ",\"connected_team_ids\":{}}",
        "{\"id\":\"C0HOME\"," UNSHARED ",\"shared_team_ids\":[1]}",
    };
    struct world *w = *state;
    struct fx_slack_channel *channel = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(bad); i++)
        assert_int_equal(find_channel(w, bad[i], &channel, &err), FX_ERR_UPSTREAM);
    assert_null(channel);
}

static void a_private_channel_needs_a_scope_that_is_named(void **state) {
    struct world *w = *state;
    struct fx_slack_channel *channel = NULL;
    struct fx_error err;

    answer(w, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"groups:read\",\"provided\":"
              "\"chat:write\"}");
    assert_int_equal(fx_slackapi_channel(w->api, w->sc, "C0HOME", &channel, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "conversations.info"));
    assert_non_null(strstr(err.message, "groups:read"));
    assert_non_null(strstr(err.message, "install the app again"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_full_member_is_neither_guest_nor_bot),
        TEST(every_flag_of_a_user_counts),
        TEST(a_user_of_doubtful_form_is_refused),
        TEST(a_group_is_the_list_of_its_members),
        TEST(a_channel_of_one_workspace_is_shared_with_nobody),
        TEST(every_sign_of_sharing_counts),
        TEST(a_channel_of_doubtful_form_is_refused),
        TEST(a_private_channel_needs_a_scope_that_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
