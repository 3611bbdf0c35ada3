/* engine_who_test.c - what is asked of Slack before somebody may do something, how long it is
 * remembered, and what becomes of it when Slack is silent. */
#include "support/test.h"

#include "private.h"

#include "fluxabot/slackapi.h"
#include "support/scripted_http.h"

#include <stdlib.h>
#include <string.h>

#define TEAM "T0HOME"
#define HOME "C0HOME"
#define ANNA "U0ANNA"
#define BO "U0BO"

enum { MINUTE_MS = 60 * 1000, START_MS = 1000 * 1000 * 1000 };
enum method { USER, GROUP, CHANNEL, METHODS };
static const char *const method_names[METHODS] = {"users.info", "usergroups.users.list",
                                                  "conversations.info"};

/* Slack as it is at this moment. */
struct slack {
    struct fx_http http;
    bool guest, in_group; /* Bo */
    const char *sharing;  /* members of the channel that say so */
    int asked[METHODS];
    const struct scripted_reply *instead[METHODS]; /* NULL: the truth */
};

struct rig {
    struct fx_scope *sc;
    struct held_clock clock;
    struct slack slack;
    struct fx_role roles[3];
    struct fx_policy policy;
    struct fx_engine_system system;
    struct fx_engine engine;
    struct engine_work work;
};

static const char unshared[] = "\"is_ext_shared\":false,\"is_org_shared\":false";

static char *truth(const struct slack *slack, struct fx_scope *sc, enum method method,
                   const char *body) {
    switch (method) {
    case USER:
        return fx_printf(
            sc,
            "{\"ok\":true,\"user\":{\"id\":\"%s\",\"team_id\":\"" TEAM "\",\"is_restricted\":%s}}",
            body + strlen("user="), slack->guest && strstr(body, BO) != NULL ? "true" : "false");
    case GROUP:
        return fx_printf(sc, "{\"ok\":true,\"users\":[%s]}", slack->in_group ? "\"" BO "\"" : "");
    default:
        return fx_printf(sc, "{\"ok\":true,\"channel\":{\"id\":\"%s\",%s}}",
                         body + strlen("channel="), slack->sharing);
    }
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    struct slack *slack = FX_CONTAINER_OF(http, struct slack, http);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    enum method method = USER;

    while (method < METHODS && strstr(request->url, method_names[method]) == NULL)
        method++;
    assert_int_not_equal(method, METHODS);
    slack->asked[method]++;
    const struct scripted_reply *instead = slack->instead[method];

    if (instead != NULL && instead->status == 0) {
        (void)fx_fail(err, instead->failure, "no reply, as scripted");
        err->sent = instead->sent;
        return err->code;
    }
    reply->status = instead != NULL ? instead->status : 200;
    reply->body =
        fx_slice_of(instead != NULL ? instead->body
                                    : truth(slack, sc, method, fx_slice_dup(sc, request->body)));
    if (instead != NULL && instead->headers[0].name != NULL) {
        reply->headers = instead->headers;
        reply->headers_count = 1;
    }
    *ret_reply = reply;
    return FX_OK;
}

static int set_up(void **state) {
    static const char *const teams[] = {TEAM}, *const groups[] = {"S0APPROVERS"};
    static const char *const operators[] = {ANNA}, *const admins[] = {"U0ADMIN"};
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, START_MS);
    rig->slack = (struct slack){.http.exchange = exchange, .in_group = true, .sharing = unshared};
    rig->roles[0] = (struct fx_role){.name = "operator", .users = operators, .users_count = 1};
    rig->roles[1] = (struct fx_role){.name = "approver", .groups = groups, .groups_count = 1};
    rig->roles[2] = (struct fx_role){.name = "admin", .users = admins, .users_count = 1};
    rig->policy = (struct fx_policy){
        .team_ids = teams, .team_ids_count = 1, .roles = rig->roles, .roles_count = 3};
    rig->system.channel = HOME;
    rig->engine.options.clock = &rig->clock.clock;
    rig->engine.options.policy = &rig->policy;
    rig->engine.options.state = fx_state_memory_new(&rig->clock.clock);
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &rig->slack.http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &rig->engine.options.slack, &err));
    rig->work = (struct engine_work){.engine = &rig->engine, .sc = sc, .now_ms = START_MS};
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;

    fx_slackapi_close(rig->engine.options.slack);
    rig->engine.options.state->close(rig->engine.options.state);
    fx_scope_free(rig->sc);
    return 0;
}

static enum fx_code ask(struct rig *rig, const char *user, enum fx_action action,
                        struct fx_error *err) {
    *err = (struct fx_error){0};
    return engine_authorize(&rig->work, &rig->system, user, TEAM, HOME, action, NULL, ANNA, err);
}

static enum fx_code ask_both_again(struct rig *rig, const char *one, const char *other, int needed,
                                   struct fx_error *err) {
    const struct fx_approval approval = {.requester = ANNA, .needed = needed};
    struct fx_vote first = {.voter = one}, second = {.voter = other};
    struct fx_vote *votes[] = {&first, &second};

    *err = (struct fx_error){0};
    return engine_authorize_again(&rig->work, &rig->system, &approval, votes, other == NULL ? 1 : 2,
                                  err);
}

static enum fx_code ask_again(struct rig *rig, const char *approver, struct fx_error *err) {
    return ask_both_again(rig, approver, NULL, 1, err);
}

/* ---- what is remembered ---- */

static void reading_asks_slack_once_a_minute_about_a_person(void **state) {
    static const enum fx_action harmless[] = {FX_ACTION_READ, FX_ACTION_HELP, FX_ACTION_ACK};
    struct rig *rig = *state;
    struct fx_error err;

    for (int i = 0; i < 30; i++) {
        assert_ok(ask(rig, BO, harmless[i % 3], &err));
        rig->clock.mono_ms += MINUTE_MS / 30;
    }
    assert_int_equal(rig->slack.asked[USER], 1);
    assert_int_equal(rig->slack.asked[GROUP], 1);
    assert_int_equal(rig->slack.asked[CHANNEL], 0);
    assert_ok(ask(rig, BO, FX_ACTION_READ, &err));
    assert_int_equal(rig->slack.asked[USER], 2);
    assert_ok(ask(rig, ANNA, FX_ACTION_READ, &err));
    assert_int_equal(rig->slack.asked[USER], 3);
    assert_int_equal(rig->slack.asked[GROUP], 2);
}

static void what_changes_something_is_asked_each_time(void **state) {
    static const enum fx_action actions[] = {FX_ACTION_REQUEST, FX_ACTION_APPROVE, FX_ACTION_DENY,
                                             FX_ACTION_STOP, FX_ACTION_FREEZE};
    struct rig *rig = *state;
    struct fx_error err;

    assert_ok(ask(rig, BO, FX_ACTION_READ, &err));
    for (size_t i = 0; i < FX_COUNT_OF(actions); i++) {
        assert_ok(ask(rig, BO, actions[i], &err));
        assert_int_equal(rig->slack.asked[USER], 2 + (int)i);
        assert_int_equal(rig->slack.asked[GROUP], 2 + (int)i);
    }
    assert_int_equal(rig->slack.asked[CHANNEL], 2);
    assert_ok(ask_again(rig, BO, &err));
    assert_int_equal(rig->slack.asked[USER], 7);
    assert_int_equal(rig->slack.asked[CHANNEL], 3);
}

static void a_new_answer_replaces_what_was_remembered(void **state) {
    struct rig *rig = *state;
    struct fx_error err;

    assert_ok(ask(rig, BO, FX_ACTION_READ, &err));
    rig->slack.guest = true;
    assert_ok(ask(rig, BO, FX_ACTION_READ, &err));
    assert_int_equal(ask(rig, BO, FX_ACTION_STOP, &err), FX_ERR_DENIED);
    assert_int_equal(ask(rig, BO, FX_ACTION_READ, &err), FX_ERR_DENIED);
    assert_int_equal(rig->slack.asked[USER], 2);
}

/* The memory may be a server that others can write to. */
static void who_writes_into_the_memory_gains_no_more_than_reading(void **state) {
    static const char *const broken[] = {"", "null", "{}", "[", "{\"team_id\":7}"};
    static const char *const flags[] = {"deleted", "bot", "guest", "stranger"};
    struct rig *rig = *state;
    struct fx_state *memory = rig->engine.options.state;
    struct fx_error err;

    rig->slack.guest = true;
    rig->slack.in_group = false;
    memory->put(memory, "slack.user:" BO,
                FX_SLICE("{\"team_id\":\"" TEAM
                         "\",\"deleted\":false,\"bot\":false,\"guest\":false,"
                         "\"stranger\":false}"),
                MINUTE_MS);
    memory->put(memory, "slack.group:S0APPROVERS", FX_SLICE("[\"" BO "\"]"), MINUTE_MS);
    memory->put(memory, "slack.channel:" HOME, FX_SLICE("false"), MINUTE_MS);
    assert_ok(ask(rig, BO, FX_ACTION_READ, &err));
    assert_int_equal(rig->slack.asked[USER], 0);
    assert_int_equal(ask_again(rig, BO, &err), FX_ERR_DENIED);
    assert_int_equal(ask(rig, BO, FX_ACTION_APPROVE, &err), FX_ERR_DENIED);

    for (size_t i = 0; i < FX_COUNT_OF(flags); i++) { /* one that is missing counts against her */
        struct fx_json *known =
            fx_json_object_of(rig->sc, "team_id", fx_json_string(rig->sc, TEAM), NULL);

        for (size_t k = 0; k < FX_COUNT_OF(flags); k++)
            if (k != i)
                fx_json_put(known, flags[k], fx_json_bool(rig->sc, false));
        memory->put(memory, "slack.user:" ANNA, fx_slice_of(fx_json_dump(rig->sc, known)),
                    MINUTE_MS);
        assert_int_equal(ask(rig, ANNA, FX_ACTION_READ, &err), FX_ERR_DENIED);
    }
    for (size_t i = 0; i < FX_COUNT_OF(broken); i++) {
        memory->put(memory, "slack.user:" ANNA, fx_slice_of(broken[i]), MINUTE_MS);
        assert_ok(ask(rig, ANNA, FX_ACTION_READ, &err));
    }
}

/* ---- histories: members come and go between clicks ---- */

enum { HISTORIES = 1000, STEPS = 40, EVER = 1 << 30 };

static uint32_t draw(uint64_t *seed, uint32_t below) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

struct tally {
    int wrong_approvals, wrong_reads, approvals, old_reads;
};

/* One person gains and loses the role while he reads and approves. As a twin an approval is decided
 * like a read. */
static void live(struct rig *rig, uint64_t *seed, bool twin, struct tally *tally) {
    int64_t member_until_ms = -EVER; /* when he was seen to be one last */
    struct fx_error err;

    rig->slack.in_group = draw(seed, 2) == 0;
    rig->clock.mono_ms += 2 * MINUTE_MS;
    for (int i = 0; i < STEPS; i++) {
        if (rig->slack.in_group)
            member_until_ms = rig->clock.mono_ms;
        switch (draw(seed, 4)) {
        case 0:
            rig->slack.in_group = !rig->slack.in_group;
            break;
        case 1:
            rig->clock.mono_ms += draw(seed, MINUTE_MS);
            break;
        case 2: {
            bool read = ask(rig, BO, FX_ACTION_READ, &err) == FX_OK;

            tally->old_reads += read && !rig->slack.in_group;
            tally->wrong_reads += read && rig->clock.mono_ms - member_until_ms > MINUTE_MS;
            break;
        }
        default: {
            bool approved =
                (twin ? ask(rig, BO, FX_ACTION_READ, &err) : ask_again(rig, BO, &err)) == FX_OK;

            tally->approvals += approved;
            tally->wrong_approvals += approved != rig->slack.in_group;
        }
        }
    }
}

static struct tally live_often(struct rig *rig, bool twin) {
    struct engine_work work = rig->work;
    struct tally tally = {0};
    uint64_t seed = 20261122;

    for (int i = 0; i < HISTORIES; i++) {
        rig->work.sc = fx_scope_new(NULL);
        live(rig, &seed, twin, &tally);
        fx_scope_free(rig->work.sc);
    }
    rig->work = work;
    return tally;
}

static void in_no_history_does_a_lost_role_still_approve(void **state) {
    struct tally tally = live_often(*state, false), twin = live_often(*state, true);

    print_message("%d histories: %d approvals, %d reads of up to a minute ago\n", HISTORIES,
                  tally.approvals, tally.old_reads);
    assert_int_equal(tally.wrong_approvals, 0);
    assert_int_equal(tally.wrong_reads, 0);
    assert_true(tally.approvals > HISTORIES && tally.old_reads > HISTORIES);
    assert_true(twin.wrong_approvals > 0); /* otherwise the histories would prove nothing */
}

/* ---- who else is in the channel ---- */

static void where_others_listen_nothing_is_asked_for_or_approved(void **state) {
    static const struct {
        const char *sharing;
        bool own;
    } channels[] = {
        {"\"is_ext_shared\":false,\"is_org_shared\":false", true},
        {"\"is_ext_shared\":true,\"is_org_shared\":false", false},
        {"\"is_ext_shared\":false,\"is_org_shared\":false,\"is_pending_ext_shared\":true", false},
        {"\"is_ext_shared\":false,\"is_org_shared\":true,\"shared_team_ids\":[\"" TEAM "\"]", true},
        {"\"is_ext_shared\":false,\"is_org_shared\":true,\"shared_team_ids\":[\"" TEAM
         "\",\"T0AWAY\"]",
         false},
        {"\"is_ext_shared\":false,\"is_org_shared\":true", false},
        {"\"is_ext_shared\":true,\"is_org_shared\":true,\"shared_team_ids\":[\"" TEAM "\"]", false},
    };
    struct rig *rig = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(channels); i++) {
        rig->slack.sharing = channels[i].sharing;
        assert_int_equal(ask(rig, ANNA, FX_ACTION_REQUEST, &err) == FX_OK, channels[i].own);
        assert_int_equal(ask(rig, BO, FX_ACTION_APPROVE, &err) == FX_OK, channels[i].own);
        assert_int_equal(ask_again(rig, BO, &err) == FX_OK, channels[i].own);
        if (!channels[i].own)
            assert_non_null(strstr(err.message, "move the bot to a channel of your own"));
        assert_ok(ask(rig, BO, FX_ACTION_DENY, &err));
        assert_ok(ask(rig, ANNA, FX_ACTION_STOP, &err));
        assert_ok(ask(rig, ANNA, FX_ACTION_READ, &err));
    }
}

static void a_channel_that_is_not_home_is_not_asked_about(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    assert_int_equal(engine_authorize(&rig->work, &rig->system, ANNA, TEAM, "C0ELSE",
                                      FX_ACTION_REQUEST, NULL, "", &err),
                     FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "own channel"));
    assert_int_equal(rig->slack.asked[CHANNEL], 0);
}

static void how_a_channel_is_shared_may_be_remembered_for_a_card_only(void **state) {
    struct rig *rig = *state;
    enum fx_sharing sharing = FX_SHARING_UNKNOWN;
    struct fx_error err = {0};

    assert_ok(engine_read_sharing(&rig->work, HOME, true, &sharing, &err));
    rig->slack.sharing = "\"is_ext_shared\":true,\"is_org_shared\":false";
    rig->clock.mono_ms += MINUTE_MS - 1;
    assert_ok(engine_read_sharing(&rig->work, HOME, true, &sharing, &err));
    assert_int_equal(sharing, FX_SHARING_OWN);
    rig->clock.mono_ms += 1;
    assert_ok(engine_read_sharing(&rig->work, HOME, true, &sharing, &err));
    assert_int_equal(sharing, FX_SHARING_OTHERS);
    rig->slack.sharing = unshared;
    assert_ok(engine_read_sharing(&rig->work, HOME, false, &sharing, &err));
    assert_int_equal(sharing, FX_SHARING_OWN);
    assert_int_equal(rig->slack.asked[CHANNEL], 3);
}

/* ---- when Slack does not answer ---- */

static const struct scripted_reply silences[] = {
    {.status = 429, .body = "", .headers = {{"retry-after", "7"}}},
    {.status = 500, .body = "down"},
    {.status = 200, .body = "{\"ok\":false,\"error\":\"internal_error\"}"},
    {.failure = FX_ERR_TIMEOUT, .sent = true},
    {.failure = FX_ERR_UNAVAILABLE},
};

static void silence_is_a_no_to_whoever_clicks(void **state) {
    static const char *const words[METHODS] = {"who you are", "who belongs to which group",
                                               "who else is in this channel"};
    struct rig *rig = *state;
    struct fx_error err;

    for (enum method method = USER; method < METHODS; method++)
        for (size_t i = 0; i < FX_COUNT_OF(silences); i++) {
            rig->slack.instead[method] = &silences[i];
            assert_int_equal(ask(rig, BO, FX_ACTION_APPROVE, &err), FX_ERR_DENIED);
            assert_non_null(strstr(err.message, words[method]));
            assert_non_null(strstr(err.message, "try again"));
            rig->slack.instead[method] = NULL;
        }
}

static void silence_before_a_run_is_neither_yes_nor_no(void **state) {
    struct rig *rig = *state;
    struct fx_error err;

    for (enum method method = USER; method < METHODS; method++)
        for (size_t i = 0; i < FX_COUNT_OF(silences); i++) {
            rig->slack.instead[method] = &silences[i];
            assert_true(fx_code_is_transient(ask_again(rig, BO, &err)));
            assert_false(err.sent);
            assert_int_equal(err.retry_after_ms, i == 0 ? 7000 : 0);
            assert_non_null(strstr(err.message, method_names[method]));
            rig->slack.instead[method] = NULL;
        }
    assert_ok(ask_again(rig, BO, &err));
}

/* ---- two who approved ---- */

static void both_are_looked_up_again(void **state) {
    struct rig *rig = *state;
    struct fx_error err;

    assert_ok(ask_both_again(rig, "U0ADMIN", BO, 2, &err));
    assert_int_equal(rig->slack.asked[USER], 2);
    assert_int_equal(rig->slack.asked[GROUP], 2);
    assert_int_equal(rig->slack.asked[CHANNEL], 2);
    for (int i = 0; i < 2; i++) { /* whether he voted first or last */
        rig->slack.in_group = false;
        assert_int_equal(
            ask_both_again(rig, i == 0 ? BO : "U0ADMIN", i == 0 ? "U0ADMIN" : BO, 2, &err),
            FX_ERR_DENIED);
        assert_non_null(strstr(err.message, "looked up once more"));
        rig->slack.in_group = true;
        rig->slack.guest = true;
        assert_int_equal(
            ask_both_again(rig, i == 0 ? BO : "U0ADMIN", i == 0 ? "U0ADMIN" : BO, 2, &err),
            FX_ERR_DENIED);
        rig->slack.guest = false;
    }
    rig->slack.instead[USER] = &silences[1];
    assert_true(fx_code_is_transient(ask_both_again(rig, "U0ADMIN", BO, 2, &err)));
}

static void one_person_s_two_votes_and_one_vote_are_not_enough_for_two(void **state) {
    static const char *const accounts[] = {"U0ADMIN", BO};
    static const struct fx_person person = {"bo", accounts, 2};
    struct rig *rig = *state;
    struct fx_error err;

    assert_int_equal(ask_both_again(rig, BO, NULL, 2, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "2 persons have to approve"));
    assert_int_equal(ask_both_again(rig, BO, BO, 2, &err), FX_ERR_DENIED);
    rig->policy.persons = &person;
    rig->policy.persons_count = 1;
    assert_int_equal(ask_both_again(rig, "U0ADMIN", BO, 2, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "those who did are 1"));
    assert_ok(ask_both_again(rig, "U0ADMIN", BO, 1, &err));
}

static void nobody_s_vote_is_never_enough(void **state) {
    const struct fx_approval approval = {.requester = ""};
    struct rig *rig = *state;
    struct fx_error err = {0};

    assert_int_equal(engine_authorize_again(&rig->work, &rig->system, &approval, NULL, 0, &err),
                     FX_ERR_DENIED);
}

/* What was sent changed nothing: a run that fails for it may be tried again. */
static void where_too_few_may_approve_nobody_is_asked(void **state) {
    struct rig *rig = *state; /* Bo by his group, and the admin */
    struct fx_error err;

    assert_ok(engine_check_approvers(&rig->work, ANNA, 2, &err));
    assert_ok(engine_check_approvers(&rig->work, BO, 1, &err));
    assert_int_equal(engine_check_approvers(&rig->work, BO, 2, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "nobody was asked: 2 people have to approve"));
    assert_non_null(strstr(err.message, "name only 1; add somebody to roles.approver"));
    rig->slack.in_group = false;
    assert_int_equal(engine_check_approvers(&rig->work, "U0ADMIN", 1, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "somebody has to approve"));
    assert_non_null(strstr(err.message, "name nobody else"));
}

/* Whoever presses is looked up then: it is a no as long as Slack is silent. */
static void a_group_that_cannot_be_read_refuses_no_request(void **state) {
    static const struct scripted_reply away = {.status = 503, .body = ""};
    struct rig *rig = *state;
    struct fx_error err;

    rig->slack.instead[GROUP] = &away;
    assert_ok(engine_check_approvers(&rig->work, "U0ADMIN", 2, &err));
}

/* The program stops in the middle of it. */
static void a_group_whose_reading_is_cancelled_leaves_the_request_to_the_next_start(void **state) {
    static const struct scripted_reply cancelled = {.failure = FX_ERR_CANCELED};
    struct rig *rig = *state;
    struct fx_error err;

    rig->slack.instead[GROUP] = &cancelled;
    assert_int_equal(engine_check_approvers(&rig->work, "U0ADMIN", 2, &err), FX_ERR_CANCELED);
}

static void a_group_of_two_roles_is_read_once(void **state) {
    struct rig *rig = *state;
    struct fx_error err;

    rig->roles[2].groups = rig->roles[1].groups;
    rig->roles[2].groups_count = 1;
    assert_ok(ask(rig, BO, FX_ACTION_UNFREEZE, &err));
    assert_int_equal(rig->slack.asked[GROUP], 1);
}

/* It may be told as none: then the workspace counts from which the click came, which the listener
 * has looked at. */
static void a_person_without_a_team_is_of_the_one_that_sent_the_click(void **state) {
    static const struct scripted_reply teamless = {
        .status = 200, .body = "{\"ok\":true,\"user\":{\"id\":\"" ANNA "\",\"team_id\":\"\"}}"};
    struct rig *rig = *state;
    struct fx_error err = {0};

    rig->slack.instead[USER] = &teamless;
    assert_ok(ask(rig, ANNA, FX_ACTION_STOP, &err));
    assert_int_equal(engine_authorize(&rig->work, &rig->system, ANNA, "T0AWAY", HOME,
                                      FX_ACTION_STOP, NULL, "", &err),
                     FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "workspace"));
    assert_int_equal(ask_again(rig, ANNA, &err), FX_ERR_DENIED);
}

static void a_question_that_may_have_arrived_may_be_repeated(void **state) {
    struct rig *rig = *state;
    enum fx_sharing sharing = FX_SHARING_UNKNOWN;
    struct fx_slack_user *user = NULL;
    struct fx_json *user_ids = NULL;
    struct fx_error err = {0};

    for (enum method method = USER; method < METHODS; method++)
        rig->slack.instead[method] = &silences[3];
    assert_int_equal(engine_read_user(&rig->work, BO, false, &user, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(engine_read_group(&rig->work, "S0", false, &user_ids, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(engine_read_sharing(&rig->work, HOME, false, &sharing, &err), FX_ERR_TIMEOUT);
    assert_false(err.sent);
    assert_int_equal(sharing, FX_SHARING_UNKNOWN);
}

static void a_fault_of_the_set_up_is_a_no_with_its_fix(void **state) {
    static const struct scripted_reply no_scope = {
        .status = 200,
        .body = "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"groups:read\",\"provided\":"
                "\"chat:write\"}"};
    struct rig *rig = *state;
    struct fx_error err;

    rig->slack.instead[CHANNEL] = &no_scope;
    assert_int_equal(ask(rig, ANNA, FX_ACTION_REQUEST, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "lacks the scope groups:read"));
    assert_null(strstr(err.message, "try again"));
    assert_int_equal(ask_again(rig, BO, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "lacks the scope groups:read"));
}

/* The program stops in the middle of asking: that must not look like a refusal. */
static void a_question_that_is_cancelled_decides_nothing(void **state) {
    static const struct scripted_reply cancelled = {.failure = FX_ERR_CANCELED};
    struct rig *rig = *state;
    struct fx_error err;

    rig->slack.instead[USER] = &cancelled;
    assert_int_equal(ask(rig, BO, FX_ACTION_APPROVE, &err), FX_ERR_CANCELED);
    assert_int_equal(ask_again(rig, BO, &err), FX_ERR_CANCELED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reading_asks_slack_once_a_minute_about_a_person),
        TEST(what_changes_something_is_asked_each_time),
        TEST(a_new_answer_replaces_what_was_remembered),
        TEST(who_writes_into_the_memory_gains_no_more_than_reading),
        TEST(in_no_history_does_a_lost_role_still_approve),
        TEST(where_others_listen_nothing_is_asked_for_or_approved),
        TEST(a_channel_that_is_not_home_is_not_asked_about),
        TEST(how_a_channel_is_shared_may_be_remembered_for_a_card_only),
        TEST(silence_is_a_no_to_whoever_clicks),
        TEST(silence_before_a_run_is_neither_yes_nor_no),
        TEST(both_are_looked_up_again),
        TEST(one_person_s_two_votes_and_one_vote_are_not_enough_for_two),
        TEST(nobody_s_vote_is_never_enough),
        TEST(where_too_few_may_approve_nobody_is_asked),
        TEST(a_group_that_cannot_be_read_refuses_no_request),
        TEST(a_group_whose_reading_is_cancelled_leaves_the_request_to_the_next_start),
        TEST(a_group_of_two_roles_is_read_once),
        TEST(a_person_without_a_team_is_of_the_one_that_sent_the_click),
        TEST(a_question_that_may_have_arrived_may_be_repeated),
        TEST(a_fault_of_the_set_up_is_a_no_with_its_fix),
        TEST(a_question_that_is_cancelled_decides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
