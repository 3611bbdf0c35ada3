/* engine_schedule_told_test.c - what a schedule tells, and what its runs leave behind. */
#include "engine_schedule_rig.h"

#include <string.h>

#define PLACE "fluxa/dev/dead letters"

enum { MANY = 20 };

static struct fx_audit **all_audits(struct schedule_rig *rig, size_t *ret_count) {
    struct fx_audit **audits = NULL;
    struct fx_error err = {0};

    assert_ok(schedule_rig_store(rig)->audits(schedule_rig_store(rig), rig->sc, 0, 100, &audits,
                                              ret_count, &err));
    return audits;
}

static const char *setting(struct schedule_rig *rig, const char *name) {
    struct fx_error err = {0};
    const char *value = "";

    assert_ok(
        schedule_rig_store(rig)->setting(schedule_rig_store(rig), rig->sc, name, &value, &err));
    return value;
}

/* ---- what is told ---- */

static void what_is_good_at_first_sight_is_remembered_and_not_told(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    assert_string_equal(setting(rig, "schedule:" PLACE), "\"empty\"");
    schedule_rig_finds(rig, "3 wait", "bad");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
}

static void what_is_not_good_at_first_sight_is_told(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_finds(rig, "3 wait", "bad");
    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    struct fx_message **list = schedule_rig_messages(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(list[0]->channel, "C1");
    assert_non_null(strstr(list[0]->payload_json, "3 wait"));
    assert_non_null(
        strstr(list[0]->payload_json, "Asked by the schedule dead letters, every 5 min"));
    assert_null(strstr(list[0]->payload_json, "the alarm"));
}

static void what_has_not_changed_leaves_nothing_behind(void **state) {
    struct schedule_rig *rig = *state;
    size_t audits = 0, runs = 0;

    schedule_rig_begin(rig);
    for (int i = 0; i < MANY; i++)
        schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    struct fx_run **list = schedule_rig_runs(rig, &runs);

    assert_int_equal(runs, 1);
    assert_int_equal(list[0]->state, FX_RUN_DONE);
    assert_int_equal(list[0]->created_ms, rig->clock.wall_ms); /* it says when it last ran */
    assert_null(strstr(list[0]->values_json, "_buttons"));
    all_audits(rig, &audits);
    assert_int_equal(audits, 0);
}

static size_t done_jobs(struct schedule_rig *rig) {
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(schedule_rig_store(rig)->jobs(schedule_rig_store(rig), rig->sc, FX_JOB_DONE, 100,
                                            &jobs, &count, &err));
    return count;
}

static void its_done_jobs_are_kept_for_a_week(void **state) {
    struct schedule_rig *rig = *state;
    struct engine_keeping keeping = {0};

    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    assert_int_equal(done_jobs(rig), 2);
    rig->clock.wall_ms += FX_ENGINE_KEEP_MS;
    engine_keep(&rig->engine, &keeping);
    assert_int_equal(done_jobs(rig), 2);
    rig->clock.wall_ms++;
    keeping = (struct engine_keeping){0};
    engine_keep(&rig->engine, &keeping);
    assert_int_equal(done_jobs(rig), 0);
}

static void a_change_is_told_once_and_audited(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    schedule_rig_finds(rig, "3 wait", "bad");
    for (int i = 0; i < MANY; i++)
        schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
    struct fx_audit **audits = all_audits(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(audits[0]->actor, "schedule");
    assert_string_equal(audits[0]->action, "run.ended");
    assert_non_null(strstr(audits[0]->detail_json, "dead letters"));
    schedule_rig_finds(rig, "empty", "good");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 2);
}

/* Its buttons look there for what they do. */
static void a_run_that_was_told_keeps_its_row(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0, with_buttons = 0;

    schedule_rig_finds(rig, "3 wait", "bad");
    schedule_rig_begin(rig);
    for (int i = 0; i < MANY; i++)
        schedule_rig_tick(rig);
    struct fx_run **runs = schedule_rig_runs(rig, &count);

    for (size_t i = 0; i < count; i++)
        with_buttons += strstr(runs[i]->values_json, "_buttons") != NULL;
    assert_int_equal(count, 2);
    assert_int_equal(with_buttons, 1);
    schedule_rig_finds(rig, "4 wait", "bad");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 2); /* a card of its own, not the first one again */
}

static void the_expression_is_compared_instead_of_the_title(void **state) {
    struct schedule_rig *rig = *state;

    rig->schedule.changes = "${environment == 'dev'}";
    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    schedule_rig_finds(rig, "another title", "bad");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    assert_string_equal(setting(rig, "schedule:" PLACE), "true");
    rig->schedule.changes = "${environment == 'prod'}";
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
}

static void long_values_are_compared_as_well(void **state) {
    struct schedule_rig *rig = *state;
    char *title = fx_alloc(rig->sc, 2000);

    memset(title, 'x', 1999);
    rig->schedule.changes = title;
    schedule_rig_finds(rig, "empty", "good");
    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    assert_true(strlen(setting(rig, "schedule:" PLACE)) < 100);
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    title[1998] = 'y';
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
}

static void what_posts_always_is_told_each_time(void **state) {
    struct schedule_rig *rig = *state;

    rig->schedule.always = true;
    schedule_rig_begin(rig);
    for (int i = 0; i < 3; i++)
        schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 3);
}

/* ---- failures ---- */

static void a_failure_is_told_once_and_so_is_the_end_of_it(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    schedule_rig_finds(rig, "${nobody.knows}", "good");
    for (int i = 0; i < MANY; i++)
        schedule_rig_tick(rig);
    struct fx_message **list = schedule_rig_messages(rig, &count);

    assert_int_equal(count, 1);
    assert_non_null(strstr(list[0]->payload_json, "Could not look: dead letters (dev)"));
    assert_non_null(strstr(list[0]->payload_json, "every 5 min"));
    assert_string_equal(setting(rig, "schedule:" PLACE), "failed: input");
    schedule_rig_finds(rig, "empty", "good");
    schedule_rig_tick(rig);
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 2);
}

static void an_expression_that_fails_is_a_failure(void **state) {
    struct schedule_rig *rig = *state;

    rig->schedule.changes = "${nobody.knows}";
    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
    assert_string_equal(setting(rig, "schedule:" PLACE), "failed: input");
}

/* Ends the run that waits with this failure, as its step would. */
static void fail_with(struct schedule_rig *rig, enum fx_code code) {
    rig->clock.wall_ms = fx_schedule_next(&rig->schedule, rig->clock.wall_ms);
    schedule_rig_handle(rig, schedule_rig_claim(rig));
    struct fx_job *job = schedule_rig_claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = rig->clock.wall_ms};
    struct fx_error why = {0}, err = {0};

    (void)fx_fail(&why, code, "AWS is away");
    assert_ok(engine_give_up(&work, &why, &err));
    schedule_rig_settle(rig, job, &work.writes);
}

static void a_service_that_is_away_in_several_ways_is_told_once(void **state) {
    static const enum fx_code ways[] = {FX_ERR_TIMEOUT, FX_ERR_UNAVAILABLE, FX_ERR_THROTTLED};
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    for (size_t i = 0; i < FX_COUNT_OF(ways); i++)
        fail_with(rig, ways[i]);
    assert_int_equal(schedule_rig_told(rig), 1);
    fail_with(rig, FX_ERR_DENIED);
    assert_int_equal(schedule_rig_told(rig), 2);
}

static void a_runbook_edited_after_the_tick_is_no_failure(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_begin(rig);
    schedule_rig_tick(rig);
    rig->clock.wall_ms += EVERY_MS;
    schedule_rig_handle(rig, schedule_rig_claim(rig));
    rig->runbook.digest = "d2";
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    assert_int_equal(schedule_rig_runs(rig, &count)[0]->state, FX_RUN_REFUSED);
    assert_string_equal(setting(rig, "schedule:" PLACE), "\"empty\"");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    assert_int_equal(schedule_rig_runs(rig, &count)[0]->state, FX_RUN_DONE);
}

static void a_schedule_taken_away_while_it_runs_tells_nothing(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_finds(rig, "3 wait", "bad");
    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    schedule_rig_handle(rig, schedule_rig_claim(rig));
    rig->definition.schedules_count = 0;
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_told(rig), 0);
    assert_int_equal(schedule_rig_runs_count(rig), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCHEDULE_TEST(what_is_good_at_first_sight_is_remembered_and_not_told),
        SCHEDULE_TEST(what_is_not_good_at_first_sight_is_told),
        SCHEDULE_TEST(what_has_not_changed_leaves_nothing_behind),
        SCHEDULE_TEST(its_done_jobs_are_kept_for_a_week),
        SCHEDULE_TEST(a_change_is_told_once_and_audited),
        SCHEDULE_TEST(a_run_that_was_told_keeps_its_row),
        SCHEDULE_TEST(the_expression_is_compared_instead_of_the_title),
        SCHEDULE_TEST(long_values_are_compared_as_well),
        SCHEDULE_TEST(what_posts_always_is_told_each_time),
        SCHEDULE_TEST(a_failure_is_told_once_and_so_is_the_end_of_it),
        SCHEDULE_TEST(an_expression_that_fails_is_a_failure),
        SCHEDULE_TEST(a_service_that_is_away_in_several_ways_is_told_once),
        SCHEDULE_TEST(a_runbook_edited_after_the_tick_is_no_failure),
        SCHEDULE_TEST(a_schedule_taken_away_while_it_runs_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
