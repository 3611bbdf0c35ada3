/* engine_schedule_test.c - when a schedule runs: each tick once, whatever becomes of its worker,
 * its clock and its definition. */
#include "engine_schedule_rig.h"

#include <string.h>

static struct fx_job **ready_jobs(struct schedule_rig *rig, size_t *ret_count) {
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};

    assert_ok(schedule_rig_store(rig)->jobs(schedule_rig_store(rig), rig->sc, FX_JOB_READY, 100,
                                            &jobs, ret_count, &err));
    return jobs;
}

static void assert_only_job(struct schedule_rig *rig, const char *kind, int64_t due_ms) {
    size_t count = 0;
    struct fx_job **jobs = ready_jobs(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(jobs[0]->kind, kind);
    assert_int_equal(jobs[0]->due_ms, due_ms);
}

static void a_schedule_has_one_job_however_often_it_begins(void **state) {
    struct schedule_rig *rig = *state;

    for (int i = 0; i < 3; i++)
        schedule_rig_begin(rig);
    assert_only_job(rig, "schedule", TICK_MS);
}

static void a_start_while_its_job_is_in_work_leaves_no_second_one(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = schedule_rig_claim(rig);

    schedule_rig_begin(rig);
    schedule_rig_handle(rig, job);
    schedule_rig_work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
    assert_int_equal(schedule_rig_runs_count(rig), 1);
}

static void a_tick_starts_a_run_in_the_transaction_that_makes_the_next_one(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_begin(rig);
    assert_null(schedule_rig_claim(rig));
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = schedule_rig_claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = TICK_MS};
    struct fx_error err = {0};

    assert_ok(engine_schedule(&work, &err));
    assert_int_equal(schedule_rig_runs_count(rig), 0); /* killed here, the job alone is there */
    schedule_rig_settle(rig, job, &work.writes);
    struct fx_run **runs = schedule_rig_runs(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(runs[0]->trigger, "schedule");
    assert_string_equal(runs[0]->requester, "");
    assert_string_equal(runs[0]->environment, "dev");
    schedule_rig_work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void a_tick_whose_worker_died_runs_when_the_job_is_claimed_again(void **state) {
    struct schedule_rig *rig = *state;
    struct fx_error err = {0};

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    assert_non_null(schedule_rig_claim(rig)); /* and never settled */
    assert_ok(schedule_rig_store(rig)->release_leases(schedule_rig_store(rig), rig->sc, &err));
    schedule_rig_begin(rig);
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_runs_count(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void a_tick_that_is_tried_again_between_two_ticks_runs(void **state) {
    struct schedule_rig *rig = *state;
    struct fx_error err = {0};

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    assert_ok(schedule_rig_store(rig)->settle(schedule_rig_store(rig), rig->sc,
                                              schedule_rig_claim(rig), FX_SETTLE_RETRY,
                                              TICK_MS + 1000, "the disk was slow", NULL, &err));
    rig->clock.wall_ms = TICK_MS + 1000;
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_runs_count(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void many_missed_ticks_are_one_run(void **state) {
    struct schedule_rig *rig = *state;

    rig->schedule.always = true; /* so that every run is seen */
    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS + 100 * EVERY_MS + 7;
    schedule_rig_begin(rig);
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + 101 * EVERY_MS);
}

static void a_tick_is_skipped_while_the_run_before_it_goes_on(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    schedule_rig_handle(rig, schedule_rig_claim(rig));
    struct fx_job *slow = schedule_rig_claim(rig);

    assert_string_equal(slow->kind, "run");
    rig->clock.wall_ms += EVERY_MS;
    struct fx_error err = {0};

    assert_ok(schedule_rig_store(rig)->extend(schedule_rig_store(rig), rig->sc, slow,
                                              rig->clock.wall_ms + FX_ENGINE_LEASE_MS, &err));
    struct fx_job *next = schedule_rig_claim(rig);

    assert_string_equal(next->kind, "schedule");
    schedule_rig_handle(rig, next);
    assert_int_equal(schedule_rig_runs_count(rig), 1);
    assert_null(schedule_rig_claim(rig));
    schedule_rig_handle(rig, slow);
    schedule_rig_work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + 2 * EVERY_MS);
}

static void a_run_that_lost_its_job_does_not_stop_its_schedule(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    schedule_rig_handle(rig, schedule_rig_claim(rig));
    schedule_rig_settle(rig, schedule_rig_claim(rig), NULL); /* of the run, which stays queued */
    schedule_rig_finds(rig, "3 wait", "bad");
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_told(rig), 1);
    schedule_rig_tick(rig);
    assert_int_equal(schedule_rig_runs_count(rig), 2);
}

static void a_job_of_another_rhythm_only_makes_the_next_one(void **state) {
    struct schedule_rig *rig = *state;

    schedule_rig_begin(rig);
    rig->schedule.every_ms = 7 * EVERY_MS; /* 1000 is no multiple of 7 */
    rig->clock.wall_ms = TICK_MS;
    schedule_rig_work_off(rig);
    assert_int_equal(schedule_rig_runs_count(rig), 0);
    assert_only_job(rig, "schedule", 1001 * (int64_t)EVERY_MS);
}

static void a_clock_that_was_set_back_brings_the_tick_forward(void **state) {
    struct schedule_rig *rig = *state;

    struct engine_keeping keeping = {0};

    schedule_rig_begin(rig);
    engine_keep(&rig->engine, &keeping);
    rig->clock.wall_ms = NOW_MS - 500 * (int64_t)EVERY_MS;
    engine_keep(&rig->engine, &keeping);
    assert_only_job(rig, "schedule", TICK_MS - 500 * (int64_t)EVERY_MS);
}

static void a_schedule_that_is_gone_or_switched_off_ends_quietly(void **state) {
    struct schedule_rig *rig = *state;
    size_t count = 0;

    schedule_rig_begin(rig);
    rig->system.no_schedules = true;
    schedule_rig_tick(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count, 0);
    rig->system.no_schedules = false;
    schedule_rig_begin(rig);
    rig->schedule.name = "other";
    schedule_rig_tick(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count + schedule_rig_runs_count(rig) + schedule_rig_told(rig), 0);
}

static void only_the_environments_it_names_have_it(void **state) {
    static const char *const prod[] = {"prod"};
    struct schedule_rig *rig = *state;
    size_t count = 0;

    rig->schedule.environments = prod;
    rig->schedule.environments_count = 1;
    schedule_rig_begin(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count, 0);
    rig->environment.name = "prod";
    schedule_rig_begin(rig);
    assert_string_equal(ready_jobs(rig, &count)[0]->subject, "fluxa/prod/dead letters");
}

static void a_tick_that_is_given_up_is_followed_by_the_next(void **state) {
    struct schedule_rig *rig = *state;
    struct fx_error why = {0}, err = {0};

    schedule_rig_begin(rig);
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = schedule_rig_claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = TICK_MS};

    (void)fx_fail(&why, FX_ERR_INTERNAL, "the sky fell");
    assert_ok(engine_give_up(&work, &why, &err));
    schedule_rig_settle(rig, job, &work.writes);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCHEDULE_TEST(a_schedule_has_one_job_however_often_it_begins),
        SCHEDULE_TEST(a_start_while_its_job_is_in_work_leaves_no_second_one),
        SCHEDULE_TEST(a_tick_starts_a_run_in_the_transaction_that_makes_the_next_one),
        SCHEDULE_TEST(a_tick_whose_worker_died_runs_when_the_job_is_claimed_again),
        SCHEDULE_TEST(a_tick_that_is_tried_again_between_two_ticks_runs),
        SCHEDULE_TEST(many_missed_ticks_are_one_run),
        SCHEDULE_TEST(a_tick_is_skipped_while_the_run_before_it_goes_on),
        SCHEDULE_TEST(a_run_that_lost_its_job_does_not_stop_its_schedule),
        SCHEDULE_TEST(a_job_of_another_rhythm_only_makes_the_next_one),
        SCHEDULE_TEST(a_clock_that_was_set_back_brings_the_tick_forward),
        SCHEDULE_TEST(a_schedule_that_is_gone_or_switched_off_ends_quietly),
        SCHEDULE_TEST(only_the_environments_it_names_have_it),
        SCHEDULE_TEST(a_tick_that_is_given_up_is_followed_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
