/* engine_crashes_test.c - what lets no change begin: crashes soon after each other, and a database
 * that may forget. */
#include "threads_rig.h"

#include <string.h>

/* The start is written down as one that never ended. */
static void crash(struct threads_rig *rig) {
    threads_start(rig);
    rig->engine->started_ms = 0;
    threads_stop(rig);
    rig->now_ms += 1000;
}

static const char *freeze_of(struct threads_rig *rig) {
    const char *value = "";
    struct fx_error err;

    assert_ok(rig->options.store->setting(rig->options.store, rig->sc, "freeze", &value, &err));
    return value;
}

static size_t told(struct threads_rig *rig) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0, found = 0;
    int64_t next_ms = 0;

    assert_ok(rig->options.store->outbox_ready(rig->options.store, rig->sc, INT64_MAX, 100,
                                               &messages, &count, &next_ms, &err));
    for (size_t i = 0; i < count; i++)
        found += strstr(messages[i]->payload_json, "Changes are frozen") != NULL;
    return found;
}

static void five_crashes_in_five_minutes_freeze_changes_and_say_so_once(void **state) {
    struct threads_rig *rig = *state;
    struct engine_work work;
    struct fx_error err = {0};

    for (int i = 0; i < FX_ENGINE_CRASH_STARTS; i++)
        crash(rig);
    assert_string_equal(freeze_of(rig), "");
    threads_start(rig);
    assert_non_null(strstr(freeze_of(rig), "\"by\":\"crashes\""));
    assert_non_null(strstr(freeze_of(rig), "broke down 5 times"));
    work = (struct engine_work){.engine = rig->engine, .sc = rig->sc, .now_ms = rig->now_ms};
    assert_int_equal(engine_frozen(&work, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "unfreeze"));
    threads_stop(rig); /* then nothing is on its way to Slack */
    assert_int_equal(told(rig), 1);
    crash(rig);
    threads_start(rig);
    threads_stop(rig);
    assert_int_equal(told(rig), 1);
    threads_start(rig);
    work = (struct engine_work){.engine = rig->engine, .sc = rig->sc, .now_ms = rig->now_ms};
    /* as whoever looked ends it */
    fx_writes_setting(rig->sc, &work.writes, ENGINE_FREEZE_SETTING, "");
    assert_ok(rig->options.store->write(rig->options.store, rig->sc, NULL, &work.writes, &err));
    work = (struct engine_work){.engine = rig->engine, .sc = rig->sc, .now_ms = rig->now_ms};
    assert_ok(engine_frozen(&work, &err));
}

static void starts_that_ended_as_they_should_are_not_counted(void **state) {
    struct threads_rig *rig = *state;

    for (int i = 0; i < 3 * FX_ENGINE_CRASH_STARTS; i++) {
        threads_start(rig);
        threads_stop(rig);
        rig->now_ms += 1;
    }
    assert_string_equal(freeze_of(rig), "");
}

static void old_crashes_and_those_of_other_places_are_not_counted(void **state) {
    struct threads_rig *rig = *state;

    for (int i = 0; i < FX_ENGINE_CRASH_STARTS - 1; i++)
        crash(rig);
    rig->options.place = "there";
    for (int i = 0; i < FX_ENGINE_CRASH_STARTS - 1; i++)
        crash(rig);
    threads_start(rig);
    threads_stop(rig);
    rig->now_ms += FX_ENGINE_CRASH_WINDOW_MS;
    for (int i = 0; i < FX_ENGINE_CRASH_STARTS; i++)
        crash(rig);
    assert_string_equal(freeze_of(rig), "");
    rig->options.crashes = 0; /* whoever wants none of this */
    threads_start(rig);
    assert_string_equal(freeze_of(rig), "");
}

/* ---- a database that may forget ---- */

static enum fx_code forgetful(struct fx_store *store, struct fx_scope *sc, const char **ret_how,
                              struct fx_error *err) {
    (void)store, (void)sc, (void)err;
    *ret_how = "this PostgreSQL has 12 standbys and waits for none, so a failover may forget "
               "changes";
    return FX_OK;
}

static void where_a_failover_may_forget_no_change_begins_until_somebody_writes_it(void **state) {
    struct threads_rig *rig = *state;
    struct fx_error err = {0};

    threads_start(rig);
    struct engine_work work = {.engine = rig->engine, .sc = rig->sc, .now_ms = rig->now_ms};
    assert_ok(engine_frozen(&work, &err));
    rig->options.store->may_forget = forgetful;
    assert_int_equal(engine_frozen(&work, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "synchronous_standby_names"));
    assert_non_null(strstr(err.message, "store: { without_synchronous_standby: \"changes may be "
                                        "forgotten by a failover\" }"));
    rig->engine->options.may_forget = true;
    assert_ok(engine_frozen(&work, &err));
}

#define THREADS_TEST(f) cmocka_unit_test_setup_teardown(f, threads_set_up, threads_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        THREADS_TEST(five_crashes_in_five_minutes_freeze_changes_and_say_so_once),
        THREADS_TEST(starts_that_ended_as_they_should_are_not_counted),
        THREADS_TEST(old_crashes_and_those_of_other_places_are_not_counted),
        THREADS_TEST(where_a_failover_may_forget_no_change_begins_until_somebody_writes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
