/* engine_recall_test.c - what a step learns of the world beyond its run, and what it never learns:
 * anything of another system or environment. */
#include "engine_rig.h"

#include <string.h>

/* Environment, system and names that are not the ones something was kept for. */
static const struct {
    const char *system, *environment;
} others[] = {{"fluxa", "prod"}, {"other", "dev"}, {"fluxa", "de"}, {"flux", "adev"}};

static const char *recalled(struct engine_run *run, const char *name) {
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    assert_ok(engine_recall(run, run->work->sc, name, &value, &err));
    return value == NULL ? NULL : fx_json_dump(run->work->sc, value);
}

static void keep(struct engine_run *run, const char *name, struct fx_json *value) {
    struct fx_error err = {0};

    assert_ok(engine_remember(run, run->work->sc, name, value, &err));
}

/* ---- recall and remember ---- */

static void what_one_run_remembers_the_next_one_recalls(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run first = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r1");
    struct engine_run second = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r2");

    assert_null(recalled(&second, "lock"));
    keep(&first, "lock", engine_rig_json(rig, "{'until':5}"));
    assert_string_equal(recalled(&second, "lock"), "{\"until\":5}");
    keep(&second, "lock", engine_rig_json(rig, "{'until':7}"));
    assert_string_equal(recalled(&first, "lock"), "{\"until\":7}");
    assert_null(recalled(&first, "loc"));
    assert_null(recalled(&first, ""));
}

static void another_system_or_environment_recalls_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run mine = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r1");

    keep(&mine, "lock", engine_rig_json(rig, "{'until':5}"));
    for (size_t i = 0; i < FX_COUNT_OF(others); i++) {
        struct engine_run theirs =
            engine_rig_run(rig, others[i].system, others[i].environment, "dlq verify", "r2");

        assert_null(recalled(&theirs, "lock"));
        keep(&theirs, "lock", engine_rig_json(rig, "{'until':9}"));
        assert_string_equal(recalled(&mine, "lock"), "{\"until\":5}");
    }
}

static void whoever_lost_the_lease_remembers_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r1");
    struct fx_error err = {0};

    rig->work.job = &rig->job;
    assert_int_equal(engine_remember(&run, rig->sc, "lock", engine_rig_json(rig, "1"), &err),
                     FX_ERR_CONFLICT);
    assert_null(recalled(&run, "lock"));
}

static void what_a_step_remembers_is_not_mistaken_for_what_ran(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r1");

    engine_note_change(&run, rig->sc, &rig->work.writes);
    engine_rig_keep(rig);
    assert_null(recalled(&run, "dlq verify"));
}

/* ---- past_run ---- */

static void note_change(struct engine_rig *rig, struct engine_run *run) {
    engine_note_change(run, rig->sc, &rig->work.writes);
    engine_rig_keep(rig);
}

static const char *past_id(struct engine_run *run, const char *command, const char *id) {
    struct fx_json *past = NULL;
    struct fx_error err = {0};

    assert_ok(engine_past_run(run, run->work->sc, command, id, &past, &err));
    return past == NULL ? NULL : fx_json_get_text(past, "id");
}

static void the_past_run_is_the_newest_that_changed_something(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run first = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct engine_run second = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r2");
    struct engine_run reader = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r3");

    assert_null(past_id(&reader, "dlq redrive", ""));
    note_change(rig, &second);
    assert_string_equal(past_id(&reader, "dlq redrive", ""), "r2");
    note_change(rig, &first);
    assert_string_equal(past_id(&reader, "dlq redrive", ""), "r1");
    assert_string_equal(past_id(&reader, "dlq redrive", "r2"), "r2");
    assert_null(past_id(&reader, "dlq", ""));
    assert_null(past_id(&reader, "dlq redrive", "r9"));
}

static void the_id_of_another_command_gives_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run cancel = engine_rig_run(rig, "fluxa", "dev", "dlq redrive-cancel", "r1");
    struct engine_run reader = engine_rig_run(rig, "fluxa", "dev", "dlq verify", "r2");

    note_change(rig, &cancel);
    assert_null(past_id(&reader, "dlq redrive", "r1"));
    assert_null(past_id(&reader, "dlq redrive", ""));
    assert_string_equal(past_id(&reader, "dlq redrive-cancel", ""), "r1");
}

static void another_system_or_environment_sees_no_past_run(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run mine = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");

    note_change(rig, &mine);
    for (size_t i = 0; i < FX_COUNT_OF(others); i++) {
        struct engine_run theirs =
            engine_rig_run(rig, others[i].system, others[i].environment, "dlq redrive", "r2");

        assert_null(past_id(&theirs, "dlq redrive", ""));
        assert_null(past_id(&theirs, "dlq redrive", "r1"));
    }
}

static void a_past_run_tells_who_asked_who_approved_and_what_came_out(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_json *past = NULL;
    struct fx_error err = {0};

    run.row->values_json = "{\"census\":{\"total\":3},\"gate\":{\"by\":\"U2\",\"reason\":\"\"},"
                           "\"redrive\":{\"moved\":3}}";
    run.row->state = FX_RUN_DONE;
    run.row->note = "3 of 3 moved";
    fx_writes_run(rig->sc, &rig->work.writes, run.row);
    note_change(rig, &run);
    assert_ok(engine_past_run(&run, rig->sc, "dlq redrive", "", &past, &err));
    assert_string_equal(fx_json_get_text(past, "requester"), "U1");
    assert_string_equal(fx_json_get_text(past, "approver"), "U2");
    assert_string_equal(fx_json_get_text(past, "state"), fx_run_state_name(FX_RUN_DONE));
    assert_string_equal(fx_json_get_text(past, "note"), "3 of 3 moved");
    assert_int_equal(fx_json_get_int(past, "started", 0), RIG_NOW_MS);
    assert_int_equal(fx_json_to_int(fx_json_at_path(past, "values.redrive.moved"), 0), 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_one_run_remembers_the_next_one_recalls),
        TEST(another_system_or_environment_recalls_nothing),
        TEST(whoever_lost_the_lease_remembers_nothing),
        TEST(what_a_step_remembers_is_not_mistaken_for_what_ran),
        TEST(the_past_run_is_the_newest_that_changed_something),
        TEST(the_id_of_another_command_gives_nothing),
        TEST(another_system_or_environment_sees_no_past_run),
        TEST(a_past_run_tells_who_asked_who_approved_and_what_came_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
