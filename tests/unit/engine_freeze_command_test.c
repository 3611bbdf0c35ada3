/* engine_freeze_command_test.c - who may freeze from where, who is told, and what a switch that
 * cannot be read means.
 */
#include "support/test.h"

#include "change_world.h"

#include <string.h>

static void set(struct change_world *w, const char *value) {
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_setting(w->rig->sc, &writes, "freeze", value);
    assert_ok(w->durable->write(w->durable, w->rig->sc, NULL, &writes, &err));
}

static void what_cannot_be_read_freezes_too(void **state) {
    static const char *const values[] = {"{", "{}", "{\"by\":\"U1\"}", "{\"reason\":\"because\"}"};
    struct change_world *w = *state;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(values); i++) {
        set(w, values[i]);
        assert_int_equal(engine_frozen(&w->rig->work, &err), FX_ERR_DENIED);
    }
}

static void a_card_says_who_froze(void **state) {
    static const struct {
        const char *by, *says;
    } cases[] = {{ENGINE_FREEZE_BY_AUDIT, "the check of the audit log"},
                 {ENGINE_FREEZE_BY_CRASHES, "the count of starts that ended badly"},
                 {ENGINE_TERMINAL "anna", "anna at the terminal"},
                 {"", "somebody"}};
    struct change_world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        assert_string_equal(fx_json_text(engine_freezer(w->rig->sc, cases[i].by)), cases[i].says);
    assert_string_equal(fx_json_get_text(engine_freezer(w->rig->sc, "U7"), "user"), "U7");
}

static enum fx_code command(struct change_world *w, const char *user, const char *channel,
                            bool freeze, const char *rest, struct fx_error *err) {
    const struct fx_slack_command given = {
        .user_id = user, .team_id = "T1", .channel_id = channel, .response_url = ""};

    *err = (struct fx_error){0};
    w->rig->work.writes = (struct fx_writes){0};
    FX_TRY(engine_freeze_command(&w->rig->work, &w->rig->system, &given, freeze, fx_slice_of(rest),
                                 err));
    return w->durable->write(w->durable, w->rig->sc, NULL, &w->rig->work.writes, err);
}

static void somebody_elsewhere_is_told_that_it_worked(void **state) {
    static const char *const approvers[] = {"U2"}, *const admins[] = {"U9"},
                             *const teams[] = {"T1"};
    static const struct fx_role roles[] = {
        {.name = "approver", .users = approvers, .users_count = 1},
        {.name = "admin", .users = admins, .users_count = 1}};
    static const struct fx_policy policy = {
        .team_ids = teams, .team_ids_count = 1, .roles = roles, .roles_count = 2};
    struct change_world *w = *state;
    struct fx_error err;

    w->rig->engine.options.policy = &policy;
    assert_int_equal(command(w, "U5", "C1", true, "", &err), FX_ERR_DENIED);
    assert_ok(command(w, "U2", "C7", true, "reasonable doubt", &err));
    assert_int_equal(w->rig->work.writes.messages_count, 2); /* the card, and a word to him */
    assert_int_equal(w->rig->work.writes.messages[1]->kind, FX_MESSAGE_EPHEMERAL);
    assert_int_equal(engine_frozen(&w->rig->work, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "reasonable doubt"));
    assert_int_equal(command(w, "U2", "C1", true, "me too", &err), FX_ERR_INPUT);
    assert_int_equal(command(w, "U2", "C1", false, "over", &err), FX_ERR_DENIED);
    assert_int_equal(command(w, "U9", "C1", false, "reason", &err), FX_OK);
    assert_int_equal(w->rig->work.writes.messages_count, 1);
    assert_ok(engine_frozen(&w->rig->work, &err));
}

static void a_switch_that_cannot_be_read_is_not_turned(void **state) {
    struct change_world *w = *state;
    const struct engine_freeze *left = NULL;
    struct fx_engine_freeze now;
    struct fx_error err;

    for (int64_t n = 1; n <= 3; n++) /* people's, the log's, the requests that wait */
        for (int frozen = 0; frozen < 2; frozen++) {
            set(w, frozen ? "{}" : "");
            w->rig->work.writes = (struct fx_writes){0};
            fault_store_arm(w->store, n, FAULT_BEFORE);
            err = (struct fx_error){0};
            assert_int_equal(frozen ? engine_unfreeze_by(&w->rig->work, "U9", "over", &left, &err)
                                    : engine_freeze_by(&w->rig->work, "U9", "month end", &err),
                             FX_ERR_UNAVAILABLE);
            assert_int_equal(w->rig->work.writes.messages_count, 0);
        }
    fault_store_arm(w->store, 1, FAULT_BEFORE);
    assert_int_equal(fx_engine_frozen(&w->rig->engine.options, w->rig->sc, &now, &err),
                     FX_ERR_UNAVAILABLE);
    fault_store_arm(w->store, 1, FAULT_BEFORE);
    assert_int_equal(
        fx_engine_freeze(&w->rig->engine.options, w->rig->sc, "terminal:root", "x", &err),
        FX_ERR_UNAVAILABLE);
}

static const char by_an_older_version[] =
    "{\"by\":\"" ENGINE_FREEZE_BY_AUDIT "\",\"reason\":\"old\"}";

static void what_cannot_be_moved_stays_frozen(void **state) {
    enum { READS = 2, CALLS };
    struct change_world *w = *state;
    struct fx_error err = {0};

    set(w, by_an_older_version);
    for (int64_t n = 1; n <= CALLS; n++) {
        w->rig->work.writes = (struct fx_writes){0};
        fault_store_arm(w->store, n, FAULT_BEFORE);
        assert_int_equal(engine_freeze_move(&w->rig->work, &err), FX_ERR_UNAVAILABLE);
        assert_int_equal(engine_frozen(&w->rig->work, &err), FX_ERR_DENIED);
    }
    w->rig->work.writes = (struct fx_writes){0};
    fault_store_arm(w->store, 1, FAULT_BEFORE);
    assert_int_equal(engine_freeze_end(&w->rig->work, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(w->rig->work.writes.settings_count, 0);
}

struct replica {
    struct fault_hook hook;
    struct change_world *world;
    int calls;
};

/* Between the look of this one and what it writes. */
static enum fx_code move_before_the_write(struct fault_hook *hook, struct fx_error *err) {
    struct replica *replica = FX_CONTAINER_OF(hook, struct replica, hook);

    if (++replica->calls == 3)
        set(replica->world, "");
    return FX_OK;
}

static enum fx_code as_it_ended(struct fault_hook *hook, enum fx_code code, struct fx_error *err) {
    return code;
}

static void what_another_replica_has_moved_is_moved(void **state) {
    struct change_world *w = *state;
    struct replica other = {.hook = {move_before_the_write, as_it_ended}, .world = w};
    struct fx_error err = {0};

    set(w, by_an_older_version);
    fault_store_hook(w->store, &other.hook);
    assert_ok(engine_freeze_move(&w->rig->work, &err));
    fault_store_hook(w->store, NULL);
    assert_int_equal(other.calls, 3);
    assert_ok(engine_frozen(&w->rig->work, &err)); /* only that one's word counts */
}

/* A terminal has none. */
static void without_metrics_the_switch_turns_as_well(void **state) {
    struct change_world *w = *state;
    struct fx_engine engine = {.options = w->rig->engine.options};
    struct engine_work work = {.engine = &engine, .sc = w->rig->sc, .now_ms = RIG_NOW_MS};
    const struct engine_freeze *left = NULL;
    struct fx_error err;

    engine.options.metrics = NULL;
    assert_ok(engine_freeze_by(&work, "U9", "month end", &err));
    set(w, "{\"by\":\"" ENGINE_FREEZE_BY_CRASHES "\"}");
    work.writes = (struct fx_writes){0};
    assert_ok(engine_unfreeze_by(&work, "U9", "over", &left, &err));
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_be_read_freezes_too),
        TEST(a_card_says_who_froze),
        TEST(somebody_elsewhere_is_told_that_it_worked),
        TEST(a_switch_that_cannot_be_read_is_not_turned),
        TEST(what_cannot_be_moved_stays_frozen),
        TEST(what_another_replica_has_moved_is_moved),
        TEST(without_metrics_the_switch_turns_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
