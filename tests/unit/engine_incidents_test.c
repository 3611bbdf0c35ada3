/* engine_incidents_test.c - an alarm and its end that two workers handle at the same moment:
 * whoever comes second does it again, and sees the other. What begins with an end; and an alarm
 * that a newer one has overtaken. */
#include "engine_rig.h"

#include <string.h>

static const char *const patterns[] = {"DLQ"}, *const recovered[] = {"watch recovery"};
static const struct fx_runbook commands[] = {{.command = "watch recovery", .digest = "d1"}};
static const struct fx_alarm_route routes[] = {{.name = "dead letters",
                                                .patterns = patterns,
                                                .patterns_count = FX_COUNT_OF(patterns),
                                                .severity = "high",
                                                .recovered = recovered,
                                                .recovered_count = FX_COUNT_OF(recovered)}};
static const struct fx_system fluxa = {.name = "fluxa",
                                       .runbooks = commands,
                                       .runbooks_count = FX_COUNT_OF(commands),
                                       .routes = routes,
                                       .routes_count = FX_COUNT_OF(routes)};

static struct fx_alarm told(enum fx_alarm_state state, int64_t changed_ms) {
    return (struct fx_alarm){.state = state,
                             .name = "DLQ",
                             .arn = "arn:alarm",
                             .key = "arn:alarm",
                             .account = "",
                             .region = "",
                             .reason = "",
                             .description = "",
                             .changed_ms = changed_ms,
                             .metric_namespace = "",
                             .metric_name = "",
                             .statistic = "",
                             .comparison = ""};
}

/* What a worker would write for it now. */
static struct engine_work decide(struct engine_rig *rig, const struct fx_alarm *alarm) {
    struct engine_work work = rig->work;
    struct fx_error err = {0};

    rig->system.system = &fluxa;
    work.writes = (struct fx_writes){0};
    assert_ok(engine_alarm(&work, &rig->system, "dev", alarm, NULL, &err));
    return work;
}

static enum fx_code write_all(struct engine_rig *rig, const struct engine_work *work) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err = {0};

    return store->write(store, rig->sc, NULL, &work->writes, &err);
}

static size_t incidents(struct engine_rig *rig, bool open) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_incident **list = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store->incidents(store, rig->sc, "fluxa", open, 10, &list, &count, &err));
    return count;
}

/* Both decide, then both write, in this order; the second does it again. */
static void race(struct engine_rig *rig, const struct fx_alarm *first,
                 const struct fx_alarm *second) {
    const struct engine_work one = decide(rig, first), other = decide(rig, second);

    assert_int_equal(write_all(rig, &one), FX_OK);
    assert_int_equal(write_all(rig, &other), FX_ERR_CONFLICT);
    const struct engine_work again = decide(rig, second);

    assert_int_equal(write_all(rig, &again), FX_OK);
    assert_int_equal(incidents(rig, true), 0);
    assert_int_equal(incidents(rig, false), 1);
}

static void an_alarm_written_first_finds_its_end(void **state) {
    const struct fx_alarm alarm = told(FX_ALARM_STATE_ALARM, RIG_NOW_MS);
    const struct fx_alarm ok = told(FX_ALARM_STATE_OK, RIG_NOW_MS + 1000);

    race(*state, &alarm, &ok);
}

static void an_end_written_first_is_not_overlooked_by_its_alarm(void **state) {
    const struct fx_alarm alarm = told(FX_ALARM_STATE_ALARM, RIG_NOW_MS);
    const struct fx_alarm ok = told(FX_ALARM_STATE_OK, RIG_NOW_MS + 1000);

    race(*state, &ok, &alarm);
}

/* The incident of this alarm was over long ago: a new one would follow it. */
static void the_next_alarm_and_its_end_see_each_other_too(void **state) {
    struct engine_rig *rig = *state;
    const int64_t later_ms = RIG_NOW_MS + 2 * (int64_t)FX_INCIDENT_REOPEN_WITHIN_MS;
    const struct fx_alarm old = told(FX_ALARM_STATE_OK, RIG_NOW_MS);
    const struct fx_alarm alarm = told(FX_ALARM_STATE_ALARM, later_ms);
    const struct fx_alarm ok = told(FX_ALARM_STATE_OK, later_ms + 1000);
    const struct engine_work before = decide(rig, &old);

    assert_int_equal(write_all(rig, &before), FX_OK);
    const struct engine_work one = decide(rig, &ok), other = decide(rig, &alarm);

    assert_int_equal(write_all(rig, &one), FX_OK);
    assert_int_equal(write_all(rig, &other), FX_ERR_CONFLICT);
    const struct engine_work again = decide(rig, &alarm);

    assert_int_equal(write_all(rig, &again), FX_OK);
    assert_int_equal(incidents(rig, true), 0);
}

static void an_alarm_that_is_over_is_watched_in_its_thread_once(void **state) {
    struct engine_rig *rig = *state;
    const struct fx_alarm alarm = told(FX_ALARM_STATE_ALARM, RIG_NOW_MS);
    const struct fx_alarm ok = told(FX_ALARM_STATE_OK, RIG_NOW_MS + 1000);
    const struct engine_work begins = decide(rig, &alarm);

    assert_int_equal(begins.writes.runs_count, 0);
    assert_int_equal(write_all(rig, &begins), FX_OK);
    const struct engine_work ends = decide(rig, &ok);

    assert_int_equal(ends.writes.runs_count, 1);
    assert_string_equal(ends.writes.runs[0]->command, "watch recovery");
    assert_string_equal(ends.writes.runs[0]->trigger, "follow-up");
    assert_string_equal(ends.writes.runs[0]->parent,
                        fx_printf(rig->sc, "incident:%s", ends.writes.incidents[0]->id));
    assert_int_equal(write_all(rig, &ends), FX_OK);
    const struct engine_work again = decide(rig, &ok);

    assert_int_equal(again.writes.runs_count, 0);
}

/* Nobody knows that it is well: it was taken away, or the configuration wants no watch. */
static void what_only_ends_is_not_watched(void **state) {
    struct engine_rig *rig = *state;
    const struct engine_finding gone = {.note = "", .ending = "the alarm was deleted"};
    const struct fx_alarm alarm = told(FX_ALARM_STATE_ALARM, RIG_NOW_MS);
    const struct fx_alarm ok = told(FX_ALARM_STATE_OK, RIG_NOW_MS + 1000);
    const struct engine_work begins = decide(rig, &alarm);
    struct engine_work work = rig->work;
    struct fx_error err = {0};

    assert_int_equal(write_all(rig, &begins), FX_OK);
    assert_ok(engine_alarm(&work, &rig->system, "dev", &ok, &gone, &err));
    assert_int_equal(work.writes.incidents_count, 1);
    assert_int_equal(work.writes.runs_count, 0);
    rig->system.no_watches = true;
    assert_int_equal(decide(rig, &ok).writes.runs_count, 0);
}

/* ---- overtaken ---- */

enum { MINUTE_MS = 60 * 1000 };

static struct engine_work tell(struct engine_rig *rig, enum fx_alarm_state state,
                               int64_t changed_ms) {
    const struct fx_alarm alarm = told(state, changed_ms);
    const struct engine_work work = decide(rig, &alarm);

    assert_int_equal(write_all(rig, &work), FX_OK);
    return work;
}

static void is_ignored(struct engine_rig *rig, int64_t changed_ms) {
    const struct engine_work work = tell(rig, FX_ALARM_STATE_ALARM, changed_ms);

    assert_int_equal(work.writes.incidents_count, 0);
    assert_int_equal(work.writes.messages_count, 0);
}

static void an_alarm_that_a_newer_one_overtook_is_told_once(void **state) {
    struct engine_rig *rig = *state;
    const int64_t newer_ms = RIG_NOW_MS + 20 * MINUTE_MS;

    tell(rig, FX_ALARM_STATE_ALARM, newer_ms);
    const struct fx_writes late = tell(rig, FX_ALARM_STATE_ALARM, RIG_NOW_MS).writes;

    assert_int_equal(late.messages_count, 2); /* in the thread, and the card with its timeline */
    assert_string_equal(late.messages[0]->parent,
                        fx_printf(rig->sc, "incident:%s", late.incidents[0]->id));
    assert_non_null(strstr(late.messages[0]->payload_json, "told only after a newer alarm"));
    assert_int_equal(late.incidents[0]->state, FX_INCIDENT_OPEN);
    assert_int_equal(late.incidents[0]->opened_ms, newer_ms);
    assert_int_equal(late.incidents[0]->changed_ms, newer_ms);
    assert_int_equal(late.incidents[0]->seen, 2);
    assert_int_equal(late.runs_count, 0);
    assert_string_equal(late.audits[0]->action, "incident.overtaken");
    is_ignored(rig, RIG_NOW_MS);
    is_ignored(rig, newer_ms);
    is_ignored(rig, newer_ms - 7); /* EventBridge tells it, too, and dates it a little otherwise */
}

/* The next incident of the same alarm knows what the one before has told. */
static void what_was_told_is_not_told_by_the_next_incident(void **state) {
    struct engine_rig *rig = *state;
    const int64_t next_ms = RIG_NOW_MS + 2 * (int64_t)FX_INCIDENT_REOPEN_WITHIN_MS;

    tell(rig, FX_ALARM_STATE_ALARM, RIG_NOW_MS);
    tell(rig, FX_ALARM_STATE_OK, RIG_NOW_MS + MINUTE_MS);
    tell(rig, FX_ALARM_STATE_ALARM, next_ms);
    assert_int_equal(incidents(rig, true), 1);
    assert_int_equal(incidents(rig, false), 2);
    is_ignored(rig, RIG_NOW_MS);
    assert_int_equal(tell(rig, FX_ALARM_STATE_ALARM, next_ms - MINUTE_MS).writes.messages_count, 2);
    is_ignored(rig, next_ms - MINUTE_MS);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_alarm_written_first_finds_its_end),
        TEST(an_end_written_first_is_not_overlooked_by_its_alarm),
        TEST(the_next_alarm_and_its_end_see_each_other_too),
        TEST(an_alarm_that_is_over_is_watched_in_its_thread_once),
        TEST(what_only_ends_is_not_watched),
        TEST(an_alarm_that_a_newer_one_overtook_is_told_once),
        TEST(what_was_told_is_not_told_by_the_next_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
