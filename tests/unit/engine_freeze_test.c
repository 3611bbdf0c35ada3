/* engine_freeze_test.c - the switch that lets no change begin: who turns it, who is told, and that
 * it holds for every engine of a store at once. */
#include "engine_rig.h"

#include <string.h>

static const struct engine_freeze *left; /* what holds after an unfreeze */

static const struct fx_approval waiting = {.id = "apr-1",
                                           .run = "run1",
                                           .step = "gate",
                                           .digest = "x",
                                           .plan_json = "{}",
                                           .requester = "U1",
                                           .created_ms = RIG_NOW_MS,
                                           .expires_ms = RIG_NOW_MS + RIG_LIFE_MS,
                                           .decided_by = "",
                                           .reason = ""};

/* Two systems, one of them in two places, and a request that waits. */
static void prepare(struct engine_rig *rig) {
    static struct fx_engine_system systems[3];
    struct fx_error err;

    systems[0] = systems[1] = systems[2] = (struct fx_engine_system){.channel = "C1"};
    systems[1].channel = "C2";
    rig->engine.options.systems = systems;
    rig->engine.options.systems_count = 3;
    fx_writes_run(rig->sc, &rig->work.writes, &engine_rig_row);
    fx_writes_approval(rig->sc, &rig->work.writes, &waiting);
    engine_rig_keep(rig);
    assert_ok(engine_frozen(&rig->work, &err));
}

/* Another process with the same store: it has read nothing yet. */
static struct engine_work other_engine(struct engine_rig *rig, struct fx_engine *engine) {
    engine->options = rig->engine.options;
    return (struct engine_work){.engine = engine, .sc = rig->sc, .now_ms = RIG_NOW_MS + 5};
}

static enum fx_code keep(struct engine_work *work, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    enum fx_code code = store->write(store, work->sc, NULL, &work->writes, err);

    work->writes = (struct fx_writes){0};
    return code;
}

static const char *last_audit(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit *row = NULL;
    struct fx_error err;

    assert_ok(store->audit_head(store, rig->sc, &row, &err));
    return row == NULL
               ? ""
               : fx_printf(rig->sc, "%s by %s: %s", row->action, row->actor, row->detail_json);
}

static void one_engine_freezes_and_every_other_obeys(void **state) {
    struct engine_rig *rig = *state;
    struct fx_engine second = {0};
    struct engine_work other = other_engine(rig, &second);
    struct fx_error err = {0};

    prepare(rig);
    assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
    assert_ok(engine_frozen(&other, &err)); /* not yet written */
    engine_rig_keep(rig);
    assert_int_equal(engine_frozen(&other, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "month end; an admin ends this with unfreeze"));
    assert_non_null(strstr(last_audit(rig), "changes.frozen by U7"));
    assert_ok(engine_unfreeze_by(&other, "U8", "books closed", &left, &err));
    assert_ok(keep(&other, &err));
    assert_ok(engine_frozen(&rig->work, &err));
    assert_non_null(strstr(last_audit(rig), "changes.unfrozen by U8"));
    assert_non_null(strstr(last_audit(rig), "\"frozen_by\":\"U7\""));
}

static void each_channel_is_told_once_and_waiting_cards_are_drawn_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    prepare(rig);
    for (int i = 0; i < 2; i++) {
        assert_ok(i == 0 ? engine_freeze_by(&rig->work, "U7", "month end", &err)
                         : engine_unfreeze_by(&rig->work, "U8", "books closed", &left, &err));
        assert_int_equal(rig->work.writes.messages_count, 2);
        assert_string_equal(rig->work.writes.messages[0]->channel, "C1");
        assert_string_equal(rig->work.writes.messages[1]->channel, "C2");
        assert_non_null(strstr(rig->work.writes.messages[0]->payload_json,
                               i == 0 ? "Month end." : "Books closed."));
        assert_int_equal(rig->work.writes.jobs_count, 1);
        assert_string_equal(rig->work.writes.jobs[0]->kind, "run");
        assert_string_equal(rig->work.writes.jobs[0]->subject, "run1");
        engine_rig_keep(rig);
    }
}

static void a_second_freeze_and_an_unfreeze_of_nothing_are_told(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    prepare(rig);
    assert_int_equal(engine_unfreeze_by(&rig->work, "U8", "why not", &left, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "not frozen, so there is nothing to end"));
    assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
    engine_rig_keep(rig);
    assert_int_equal(engine_freeze_by(&rig->work, "U8", "me too", &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "frozen already"));
    assert_non_null(strstr(err.message, "month end"));
    assert_int_equal(engine_unfreeze_by(&rig->work, "U8", "", &left, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "a reason is missing"));
    assert_int_equal(rig->work.writes.settings_count, 0);
    assert_int_equal(rig->work.writes.messages_count, 0);
}

/* Each has read the switch before the other has turned it. */
static void of_two_who_turn_it_at_once_the_second_looks_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_engine second = {0};
    struct engine_work other = other_engine(rig, &second);
    struct fx_error err = {0};

    prepare(rig);
    assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
    assert_ok(engine_freeze_by(&other, "U8", "an outage", &err));
    engine_rig_keep(rig);
    assert_int_equal(keep(&other, &err), FX_ERR_CONFLICT);
    assert_int_equal(engine_freeze_by(&other, "U8", "an outage", &err), FX_ERR_INPUT);
}

static void what_the_audit_log_froze_no_person_ends_even_in_the_same_moment(void **state) {
    struct engine_rig *rig = *state;
    struct fx_engine second = {0};
    struct engine_work other = other_engine(rig, &second);
    struct fx_error err = {0};

    prepare(rig);
    assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
    engine_rig_keep(rig);
    assert_ok(engine_unfreeze_by(&other, "U8", "books closed", &left, &err));
    engine_freeze_begin(&rig->work, ENGINE_FREEZE_BY_AUDIT, "an old backup");
    engine_rig_keep(rig);
    assert_ok(keep(&other, &err));
    assert_int_equal(engine_frozen(&other, &err), FX_ERR_DENIED);
    assert_null(strstr(err.message, "month end"));
    assert_int_equal(engine_unfreeze_by(&other, "U8", "books closed", &left, &err), FX_ERR_INPUT);
    assert_non_null(strstr(err.message, "does not fit its anchors"));
    assert_non_null(strstr(err.message, "audit accept --reason"));
}

static void of_two_freezes_each_has_to_be_ended(void **state) {
    struct engine_rig *rig = *state;
    struct fx_engine_freeze freeze;
    struct fx_error err = {0};

    for (int people_first = 0; people_first < 2; people_first++) {
        if (people_first == 0)
            prepare(rig);
        else
            assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
        engine_freeze_begin(&rig->work, ENGINE_FREEZE_BY_AUDIT, "an old backup");
        engine_rig_keep(rig);
        if (people_first == 0)
            assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
        engine_rig_keep(rig);
        assert_int_equal(engine_frozen(&rig->work, &err), FX_ERR_DENIED);
        assert_non_null(strstr(err.message, "an old backup; whoever runs the bot looks"));
        assert_non_null(strstr(err.message, "month end; an admin ends this"));
        assert_ok(fx_engine_frozen(&rig->engine.options, rig->sc, &freeze, &err));
        assert_string_equal(freeze.by, ENGINE_FREEZE_BY_AUDIT);
        assert_string_equal(freeze.and->by, "U7");
        if (people_first == 0) { /* the log is accepted: the person's holds */
            assert_ok(engine_freeze_end(&rig->work, &err));
            engine_rig_keep(rig);
            assert_int_equal(engine_frozen(&rig->work, &err), FX_ERR_DENIED);
            assert_null(strstr(err.message, "an old backup"));
            assert_ok(engine_unfreeze_by(&rig->work, "U8", "books closed", &left, &err));
            assert_null(left);
        } else { /* the person's is ended: the log's holds, and that is said */
            assert_ok(engine_unfreeze_by(&rig->work, "U8", "books closed", &left, &err));
            assert_string_equal(left->reason, "an old backup");
            assert_non_null(strstr(rig->work.writes.messages[0]->payload_json,
                                   "A freeze is ended, but changes stay frozen"));
            engine_rig_keep(rig);
            assert_int_equal(engine_frozen(&rig->work, &err), FX_ERR_DENIED);
            assert_null(strstr(err.message, "month end"));
            assert_ok(engine_freeze_end(&rig->work, &err));
        }
        engine_rig_keep(rig);
        assert_ok(engine_frozen(&rig->work, &err));
    }
}

/* It stood in people's place. */
static void what_the_log_of_an_older_version_froze_is_ended_as_ever(void **state) {
    static const char old[] = "{\"by\":\"" ENGINE_FREEZE_BY_AUDIT "\",\"reason\":\"old\"}";
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    prepare(rig);
    for (int way = 0; way < 4; way++) {
        fx_writes_setting(rig->sc, &rig->work.writes, ENGINE_FREEZE_SETTING, old);
        if (way == 3) /* and in its own, since */
            fx_writes_setting(rig->sc, &rig->work.writes, ENGINE_FREEZE_LOG_SETTING, old);
        engine_rig_keep(rig);
        assert_int_equal(engine_unfreeze_by(&rig->work, "U8", "x", &left, &err), FX_ERR_INPUT);
        if (way == 1 || way == 3) /* a start */
            assert_ok(engine_freeze_move(&rig->work, &err));
        if (way == 2) /* a terminal, before one */
            assert_ok(engine_freeze_by(&rig->work, "U7", "month end", &err));
        engine_rig_keep(rig);
        assert_int_equal(engine_frozen(&rig->work, &err), FX_ERR_DENIED);
        assert_non_null(strstr(err.message, ": old; whoever runs the bot"));
        if (way == 2)
            assert_ok(engine_unfreeze_by(&rig->work, "U8", "x", &left, &err));
        engine_rig_keep(rig);
        assert_int_equal(engine_frozen(&rig->work, &err), FX_ERR_DENIED);
        assert_ok(engine_freeze_end(&rig->work, &err));
        engine_rig_keep(rig);
        assert_ok(engine_frozen(&rig->work, &err));
    }
}

static void a_terminal_may_freeze_but_not_unfreeze(void **state) {
    struct engine_rig *rig = *state;
    struct fx_engine_freeze freeze;
    struct fx_error err = {0};

    prepare(rig);
    assert_ok(fx_engine_freeze(&rig->engine.options, rig->sc, "terminal:root", "", &err));
    assert_ok(fx_engine_frozen(&rig->engine.options, rig->sc, &freeze, &err));
    assert_true(freeze.is_on);
    assert_string_equal(freeze.by, "terminal:root");
    assert_string_equal(freeze.reason, "no reason was given");
    assert_int_equal(fx_engine_unfreeze(&rig->engine.options, rig->sc, "terminal:root", "x", &err),
                     FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "decided in Slack"));
    assert_ok(fx_engine_frozen(&rig->engine.options, rig->sc, &freeze, &err));
    assert_true(freeze.is_on);
}

static void a_reason_is_read_in_every_way_it_is_typed(void **state) {
    static const char *const typed[] = {"month end",
                                        " month end ",
                                        "\"month end\"",
                                        "reason:\"month end\"",
                                        "reason=\"month end\"",
                                        "Reason: month end",
                                        "reason:\u201Cmonth end\u201D"};
    struct engine_rig *rig = *state;
    struct fx_engine_freeze freeze;
    struct fx_error err = {0};

    prepare(rig);
    for (size_t i = 0; i < FX_COUNT_OF(typed); i++) {
        assert_ok(fx_engine_freeze(&rig->engine.options, rig->sc, "terminal:root", typed[i], &err));
        assert_ok(fx_engine_frozen(&rig->engine.options, rig->sc, &freeze, &err));
        assert_string_equal(freeze.reason, "month end");
        fx_writes_setting(rig->sc, &rig->work.writes, ENGINE_FREEZE_SETTING, "");
        engine_rig_keep(rig);
    }
    char *text = fx_alloc(rig->sc, 5001);
    memset(text, 'x', 5000);
    assert_ok(fx_engine_freeze(&rig->engine.options, rig->sc, "terminal:root", text, &err));
    assert_ok(fx_engine_frozen(&rig->engine.options, rig->sc, &freeze, &err));
    assert_int_equal(strlen(freeze.reason), 200);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_engine_freezes_and_every_other_obeys),
        TEST(each_channel_is_told_once_and_waiting_cards_are_drawn_again),
        TEST(a_second_freeze_and_an_unfreeze_of_nothing_are_told),
        TEST(of_two_who_turn_it_at_once_the_second_looks_again),
        TEST(what_the_audit_log_froze_no_person_ends_even_in_the_same_moment),
        TEST(of_two_freezes_each_has_to_be_ended),
        TEST(what_the_log_of_an_older_version_froze_is_ended_as_ever),
        TEST(a_terminal_may_freeze_but_not_unfreeze),
        TEST(a_reason_is_read_in_every_way_it_is_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
