/* engine_incidents_test.c - an alarm and its end that two workers handle at the same moment:
 * whoever comes second does it again, and sees the other. */
#include "engine_rig.h"

#include <string.h>

static const struct fx_system fluxa = {.name = "fluxa"};

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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_alarm_written_first_finds_its_end),
        TEST(an_end_written_first_is_not_overlooked_by_its_alarm),
        TEST(the_next_alarm_and_its_end_see_each_other_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
