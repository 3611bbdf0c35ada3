/* engine_schedule_test.c - schedules on a real store: when they run, what they tell, and what they
 * leave behind. */
#include "support/test.h"

#include "private.h"

#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVERY_MS = 5 * 60 * 1000, TICK_MS = 1000 * EVERY_MS, NOW_MS = TICK_MS - 1000, MANY = 20 };

#define PLACE "fluxa/dev/dead letters"

struct rig {
    struct fx_scope *sc;
    struct held_clock clock;
    struct fx_engine engine;
    char dir[64];
    struct fx_runbook runbook;
    struct fx_schedule schedule;
    struct fx_environment environment;
    struct fx_system definition;
    struct fx_engine_system system;
};

static struct fx_store *store_of(struct rig *rig) {
    return rig->engine.options.store;
}

/* The command looks at nothing: what it finds is its title. */
static void finds(struct rig *rig, const char *title, const char *tone) {
    rig->runbook.answer = fx_json_object_of(
        rig->sc, "title", fx_json_string(rig->sc, title), "tone", fx_json_string(rig->sc, tone),
        "verdict", fx_json_string(rig->sc, "so it is"), "buttons",
        fx_json_array_of(rig->sc,
                         fx_json_object_of(rig->sc, "command", fx_json_string(rig->sc, "dlq"),
                                           "arguments", fx_json_string(rig->sc, ""), NULL),
                         NULL),
        NULL);
}

static void describe(struct rig *rig) {
    rig->runbook = (struct fx_runbook){
        .command = "dlq", .digest = "d1", .summary = "Looks", .role = "operator"};
    rig->schedule = (struct fx_schedule){
        .name = "dead letters", .command = "dlq", .every_ms = EVERY_MS, .rhythm = "every 5 min"};
    rig->environment = (struct fx_environment){.name = "dev", .variables = fx_json_object(rig->sc)};
    rig->definition = (struct fx_system){.name = "fluxa",
                                         .title = "Fluxa",
                                         .definition = fx_json_object(rig->sc),
                                         .runbooks = &rig->runbook,
                                         .runbooks_count = 1,
                                         .schedules = &rig->schedule,
                                         .schedules_count = 1};
    rig->system = (struct fx_engine_system){.system = &rig->definition,
                                            .channel = "C1",
                                            .command = "/fluxa",
                                            .default_environment = "dev",
                                            .environments = &rig->environment,
                                            .environments_count = 1};
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    finds(rig, "empty", "good");
}

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, NOW_MS);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->engine.options.clock = &rig->clock.clock;
    rig->engine.options.random = fx_random_system();
    rig->engine.options.metrics = fx_metrics_new();
    rig->engine.options.state = fx_state_memory_new(&rig->clock.clock);
    rig->engine.options.version = "1";
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock.clock,
                            fx_random_system(), &rig->engine.options.store, &err));
    describe(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    store_of(rig)->close(store_of(rig));
    rig->engine.options.state->close(rig->engine.options.state);
    fx_metrics_free(rig->engine.options.metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

/* ---- what the rows say ---- */

static struct fx_job **ready_jobs(struct rig *rig, size_t *ret_count) {
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};

    assert_ok(
        store_of(rig)->jobs(store_of(rig), rig->sc, FX_JOB_READY, 100, &jobs, ret_count, &err));
    return jobs;
}

static void assert_only_job(struct rig *rig, const char *kind, int64_t due_ms) {
    size_t count = 0;
    struct fx_job **jobs = ready_jobs(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(jobs[0]->kind, kind);
    assert_int_equal(jobs[0]->due_ms, due_ms);
}

static struct fx_run **all_runs(struct rig *rig, size_t *ret_count) {
    struct fx_run **runs = NULL;
    struct fx_error err = {0};

    assert_ok(store_of(rig)->runs(store_of(rig), rig->sc, "", false, 100, &runs, ret_count, &err));
    return runs;
}

static size_t runs_count(struct rig *rig) {
    size_t count = 0;

    all_runs(rig, &count);
    return count;
}

static struct fx_audit **all_audits(struct rig *rig, size_t *ret_count) {
    struct fx_audit **audits = NULL;
    struct fx_error err = {0};

    assert_ok(store_of(rig)->audits(store_of(rig), rig->sc, 0, 100, &audits, ret_count, &err));
    return audits;
}

static struct fx_message **messages(struct rig *rig, size_t *ret_count) {
    struct fx_message **list = NULL;
    struct fx_error err = {0};
    int64_t next = 0;

    assert_ok(store_of(rig)->outbox_ready(store_of(rig), rig->sc, INT64_MAX, 100, &list, ret_count,
                                          &next, &err));
    return list;
}

static size_t told(struct rig *rig) {
    size_t count = 0;

    messages(rig, &count);
    return count;
}

static const char *setting(struct rig *rig, const char *name) {
    struct fx_error err = {0};
    const char *value = "";

    assert_ok(store_of(rig)->setting(store_of(rig), rig->sc, name, &value, &err));
    return value;
}

/* ---- a worker's life ---- */

static struct fx_job *claim(struct rig *rig) {
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next = 0;

    assert_ok(store_of(rig)->claim(store_of(rig), rig->sc, "w", rig->clock.wall_ms,
                                   FX_ENGINE_LEASE_MS, &job, &next, &err));
    return job;
}

static void settle(struct rig *rig, const struct fx_job *job, const struct fx_writes *writes) {
    struct fx_error err = {0};

    assert_ok(
        store_of(rig)->settle(store_of(rig), rig->sc, job, FX_SETTLE_DONE, 0, NULL, writes, &err));
}

static void handle(struct rig *rig, const struct fx_job *job) {
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = rig->clock.wall_ms};
    struct fx_error err = {0};

    if (strcmp(job->kind, "schedule") == 0)
        assert_ok(engine_schedule(&work, &err));
    else
        assert_ok(engine_continue_run(&work, &err));
    settle(rig, job, &work.writes);
}

static void work_off(struct rig *rig) {
    for (struct fx_job *job = claim(rig); job != NULL; job = claim(rig))
        handle(rig, job);
}

static void begin(struct rig *rig) {
    struct fx_error err = {0};

    assert_ok(engine_schedules_begin(&rig->engine, &err));
}

/* The next tick comes, and all that it leads to. */
static void tick(struct rig *rig) {
    rig->clock.wall_ms = fx_schedule_next(&rig->schedule, rig->clock.wall_ms);
    work_off(rig);
}

/* ---- when ---- */

static void a_schedule_has_one_job_however_often_it_begins(void **state) {
    struct rig *rig = *state;

    for (int i = 0; i < 3; i++)
        begin(rig);
    assert_only_job(rig, "schedule", TICK_MS);
}

static void a_start_while_its_job_is_in_work_leaves_no_second_one(void **state) {
    struct rig *rig = *state;

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = claim(rig);

    begin(rig);
    handle(rig, job);
    work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
    assert_int_equal(runs_count(rig), 1);
}

static void a_tick_starts_a_run_in_the_transaction_that_makes_the_next_one(void **state) {
    struct rig *rig = *state;
    size_t count = 0;

    begin(rig);
    assert_null(claim(rig));
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = TICK_MS};
    struct fx_error err = {0};

    assert_ok(engine_schedule(&work, &err));
    assert_int_equal(runs_count(rig), 0); /* killed here, the job alone is there */
    settle(rig, job, &work.writes);
    struct fx_run **runs = all_runs(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(runs[0]->trigger, "schedule");
    assert_string_equal(runs[0]->requester, "");
    assert_string_equal(runs[0]->environment, "dev");
    work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void a_tick_whose_worker_died_runs_when_the_job_is_claimed_again(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    assert_non_null(claim(rig)); /* and never settled */
    assert_ok(store_of(rig)->release_leases(store_of(rig), rig->sc, &err));
    begin(rig);
    work_off(rig);
    assert_int_equal(runs_count(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void a_tick_that_is_tried_again_between_two_ticks_runs(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    assert_ok(store_of(rig)->settle(store_of(rig), rig->sc, claim(rig), FX_SETTLE_RETRY,
                                    TICK_MS + 1000, "the disk was slow", NULL, &err));
    rig->clock.wall_ms = TICK_MS + 1000;
    work_off(rig);
    assert_int_equal(runs_count(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

static void many_missed_ticks_are_one_run(void **state) {
    struct rig *rig = *state;

    rig->schedule.always = true; /* so that every run is seen */
    begin(rig);
    rig->clock.wall_ms = TICK_MS + 100 * EVERY_MS + 7;
    begin(rig);
    work_off(rig);
    assert_int_equal(told(rig), 1);
    assert_only_job(rig, "schedule", TICK_MS + 101 * EVERY_MS);
}

static void a_tick_is_skipped_while_the_run_before_it_goes_on(void **state) {
    struct rig *rig = *state;

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    handle(rig, claim(rig));
    struct fx_job *slow = claim(rig);

    assert_string_equal(slow->kind, "run");
    rig->clock.wall_ms += EVERY_MS;
    struct fx_error err = {0};

    assert_ok(store_of(rig)->extend(store_of(rig), rig->sc, slow,
                                    rig->clock.wall_ms + FX_ENGINE_LEASE_MS, &err));
    struct fx_job *next = claim(rig);

    assert_string_equal(next->kind, "schedule");
    handle(rig, next);
    assert_int_equal(runs_count(rig), 1);
    assert_null(claim(rig));
    handle(rig, slow);
    work_off(rig);
    assert_only_job(rig, "schedule", TICK_MS + 2 * EVERY_MS);
}

static void a_run_that_lost_its_job_does_not_stop_its_schedule(void **state) {
    struct rig *rig = *state;

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    handle(rig, claim(rig));
    settle(rig, claim(rig), NULL); /* of the run, which stays queued */
    finds(rig, "3 wait", "bad");
    tick(rig);
    assert_int_equal(told(rig), 1);
    tick(rig);
    assert_int_equal(runs_count(rig), 2);
}

static void a_job_of_another_rhythm_only_makes_the_next_one(void **state) {
    struct rig *rig = *state;

    begin(rig);
    rig->schedule.every_ms = 7 * EVERY_MS; /* 1000 is no multiple of 7 */
    rig->clock.wall_ms = TICK_MS;
    work_off(rig);
    assert_int_equal(runs_count(rig), 0);
    assert_only_job(rig, "schedule", 1001 * (int64_t)EVERY_MS);
}

static void a_clock_that_was_set_back_brings_the_tick_forward(void **state) {
    struct rig *rig = *state;

    struct engine_keeping keeping = {0};

    begin(rig);
    engine_keep(&rig->engine, &keeping);
    rig->clock.wall_ms = NOW_MS - 500 * (int64_t)EVERY_MS;
    engine_keep(&rig->engine, &keeping);
    assert_only_job(rig, "schedule", TICK_MS - 500 * (int64_t)EVERY_MS);
}

static void a_schedule_that_is_gone_or_switched_off_ends_quietly(void **state) {
    struct rig *rig = *state;
    size_t count = 0;

    begin(rig);
    rig->system.no_schedules = true;
    tick(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count, 0);
    rig->system.no_schedules = false;
    begin(rig);
    rig->schedule.name = "other";
    tick(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count + runs_count(rig) + told(rig), 0);
}

static void only_the_environments_it_names_have_it(void **state) {
    static const char *const prod[] = {"prod"};
    struct rig *rig = *state;
    size_t count = 0;

    rig->schedule.environments = prod;
    rig->schedule.environments_count = 1;
    begin(rig);
    ready_jobs(rig, &count);
    assert_int_equal(count, 0);
    rig->environment.name = "prod";
    begin(rig);
    assert_string_equal(ready_jobs(rig, &count)[0]->subject, "fluxa/prod/dead letters");
}

static void a_tick_that_is_given_up_is_followed_by_the_next(void **state) {
    struct rig *rig = *state;
    struct fx_error why = {0}, err = {0};

    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    struct fx_job *job = claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = TICK_MS};

    (void)fx_fail(&why, FX_ERR_INTERNAL, "the sky fell");
    assert_ok(engine_give_up(&work, &why, &err));
    settle(rig, job, &work.writes);
    assert_only_job(rig, "schedule", TICK_MS + EVERY_MS);
}

/* ---- what is told ---- */

static void what_is_good_at_first_sight_is_remembered_and_not_told(void **state) {
    struct rig *rig = *state;

    begin(rig);
    tick(rig);
    assert_int_equal(told(rig), 0);
    assert_string_equal(setting(rig, "schedule:" PLACE), "\"empty\"");
    finds(rig, "3 wait", "bad");
    tick(rig);
    assert_int_equal(told(rig), 1);
}

static void what_is_not_good_at_first_sight_is_told(void **state) {
    struct rig *rig = *state;
    size_t count = 0;

    finds(rig, "3 wait", "bad");
    begin(rig);
    tick(rig);
    struct fx_message **list = messages(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(list[0]->channel, "C1");
    assert_non_null(strstr(list[0]->payload_json, "3 wait"));
    assert_non_null(
        strstr(list[0]->payload_json, "Asked by the schedule dead letters, every 5 min"));
    assert_null(strstr(list[0]->payload_json, "the alarm"));
}

static void what_has_not_changed_leaves_nothing_behind(void **state) {
    struct rig *rig = *state;
    size_t audits = 0, runs = 0;

    begin(rig);
    for (int i = 0; i < MANY; i++)
        tick(rig);
    assert_int_equal(told(rig), 0);
    struct fx_run **list = all_runs(rig, &runs);

    assert_int_equal(runs, 1);
    assert_int_equal(list[0]->state, FX_RUN_DONE);
    assert_int_equal(list[0]->created_ms, rig->clock.wall_ms); /* it says when it last ran */
    assert_null(strstr(list[0]->values_json, "_buttons"));
    all_audits(rig, &audits);
    assert_int_equal(audits, 0);
}

static size_t done_jobs(struct rig *rig) {
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store_of(rig)->jobs(store_of(rig), rig->sc, FX_JOB_DONE, 100, &jobs, &count, &err));
    return count;
}

static void its_done_jobs_are_kept_for_a_week(void **state) {
    struct rig *rig = *state;
    struct engine_keeping keeping = {0};

    begin(rig);
    tick(rig);
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
    struct rig *rig = *state;
    size_t count = 0;

    begin(rig);
    tick(rig);
    finds(rig, "3 wait", "bad");
    for (int i = 0; i < MANY; i++)
        tick(rig);
    assert_int_equal(told(rig), 1);
    struct fx_audit **audits = all_audits(rig, &count);

    assert_int_equal(count, 1);
    assert_string_equal(audits[0]->actor, "schedule");
    assert_string_equal(audits[0]->action, "run.ended");
    assert_non_null(strstr(audits[0]->detail_json, "dead letters"));
    finds(rig, "empty", "good");
    tick(rig);
    assert_int_equal(told(rig), 2);
}

/* Its buttons look there for what they do. */
static void a_run_that_was_told_keeps_its_row(void **state) {
    struct rig *rig = *state;
    size_t count = 0, with_buttons = 0;

    finds(rig, "3 wait", "bad");
    begin(rig);
    for (int i = 0; i < MANY; i++)
        tick(rig);
    struct fx_run **runs = all_runs(rig, &count);

    for (size_t i = 0; i < count; i++)
        with_buttons += strstr(runs[i]->values_json, "_buttons") != NULL;
    assert_int_equal(count, 2);
    assert_int_equal(with_buttons, 1);
    finds(rig, "4 wait", "bad");
    tick(rig);
    assert_int_equal(told(rig), 2); /* a card of its own, not the first one again */
}

static void the_expression_is_compared_instead_of_the_title(void **state) {
    struct rig *rig = *state;

    rig->schedule.changes = "${environment == 'dev'}";
    begin(rig);
    tick(rig);
    finds(rig, "another title", "bad");
    tick(rig);
    assert_int_equal(told(rig), 0);
    assert_string_equal(setting(rig, "schedule:" PLACE), "true");
    rig->schedule.changes = "${environment == 'prod'}";
    tick(rig);
    assert_int_equal(told(rig), 1);
}

static void long_values_are_compared_as_well(void **state) {
    struct rig *rig = *state;
    char *title = fx_alloc(rig->sc, 2000);

    memset(title, 'x', 1999);
    rig->schedule.changes = title;
    finds(rig, "empty", "good");
    begin(rig);
    tick(rig);
    assert_true(strlen(setting(rig, "schedule:" PLACE)) < 100);
    tick(rig);
    assert_int_equal(told(rig), 0);
    title[1998] = 'y';
    tick(rig);
    assert_int_equal(told(rig), 1);
}

static void what_posts_always_is_told_each_time(void **state) {
    struct rig *rig = *state;

    rig->schedule.always = true;
    begin(rig);
    for (int i = 0; i < 3; i++)
        tick(rig);
    assert_int_equal(told(rig), 3);
}

/* ---- failures ---- */

static void a_failure_is_told_once_and_so_is_the_end_of_it(void **state) {
    struct rig *rig = *state;
    size_t count = 0;

    begin(rig);
    tick(rig);
    finds(rig, "${nobody.knows}", "good");
    for (int i = 0; i < MANY; i++)
        tick(rig);
    struct fx_message **list = messages(rig, &count);

    assert_int_equal(count, 1);
    assert_non_null(strstr(list[0]->payload_json, "Could not look: dead letters (dev)"));
    assert_non_null(strstr(list[0]->payload_json, "every 5 min"));
    assert_string_equal(setting(rig, "schedule:" PLACE), "failed: input");
    finds(rig, "empty", "good");
    tick(rig);
    tick(rig);
    assert_int_equal(told(rig), 2);
}

static void an_expression_that_fails_is_a_failure(void **state) {
    struct rig *rig = *state;

    rig->schedule.changes = "${nobody.knows}";
    begin(rig);
    tick(rig);
    tick(rig);
    assert_int_equal(told(rig), 1);
    assert_string_equal(setting(rig, "schedule:" PLACE), "failed: input");
}

/* Ends the run that waits with this failure, as its step would. */
static void fail_with(struct rig *rig, enum fx_code code) {
    rig->clock.wall_ms = fx_schedule_next(&rig->schedule, rig->clock.wall_ms);
    handle(rig, claim(rig));
    struct fx_job *job = claim(rig);
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = rig->clock.wall_ms};
    struct fx_error why = {0}, err = {0};

    (void)fx_fail(&why, code, "AWS is away");
    assert_ok(engine_give_up(&work, &why, &err));
    settle(rig, job, &work.writes);
}

static void a_service_that_is_away_in_several_ways_is_told_once(void **state) {
    static const enum fx_code ways[] = {FX_ERR_TIMEOUT, FX_ERR_UNAVAILABLE, FX_ERR_THROTTLED};
    struct rig *rig = *state;

    begin(rig);
    for (size_t i = 0; i < FX_COUNT_OF(ways); i++)
        fail_with(rig, ways[i]);
    assert_int_equal(told(rig), 1);
    fail_with(rig, FX_ERR_DENIED);
    assert_int_equal(told(rig), 2);
}

static void a_runbook_edited_after_the_tick_is_no_failure(void **state) {
    struct rig *rig = *state;
    size_t count = 0;

    begin(rig);
    tick(rig);
    rig->clock.wall_ms += EVERY_MS;
    handle(rig, claim(rig));
    rig->runbook.digest = "d2";
    work_off(rig);
    assert_int_equal(told(rig), 0);
    assert_int_equal(all_runs(rig, &count)[0]->state, FX_RUN_REFUSED);
    assert_string_equal(setting(rig, "schedule:" PLACE), "\"empty\"");
    tick(rig);
    assert_int_equal(told(rig), 0);
    assert_int_equal(all_runs(rig, &count)[0]->state, FX_RUN_DONE);
}

static void a_schedule_taken_away_while_it_runs_tells_nothing(void **state) {
    struct rig *rig = *state;

    finds(rig, "3 wait", "bad");
    begin(rig);
    rig->clock.wall_ms = TICK_MS;
    handle(rig, claim(rig));
    rig->definition.schedules_count = 0;
    work_off(rig);
    assert_int_equal(told(rig), 0);
    assert_int_equal(runs_count(rig), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_schedule_has_one_job_however_often_it_begins),
        TEST(a_start_while_its_job_is_in_work_leaves_no_second_one),
        TEST(a_tick_starts_a_run_in_the_transaction_that_makes_the_next_one),
        TEST(a_tick_whose_worker_died_runs_when_the_job_is_claimed_again),
        TEST(a_tick_that_is_tried_again_between_two_ticks_runs),
        TEST(many_missed_ticks_are_one_run),
        TEST(a_tick_is_skipped_while_the_run_before_it_goes_on),
        TEST(a_run_that_lost_its_job_does_not_stop_its_schedule),
        TEST(a_job_of_another_rhythm_only_makes_the_next_one),
        TEST(a_clock_that_was_set_back_brings_the_tick_forward),
        TEST(a_schedule_that_is_gone_or_switched_off_ends_quietly),
        TEST(only_the_environments_it_names_have_it),
        TEST(a_tick_that_is_given_up_is_followed_by_the_next),
        TEST(what_is_good_at_first_sight_is_remembered_and_not_told),
        TEST(what_is_not_good_at_first_sight_is_told),
        TEST(what_has_not_changed_leaves_nothing_behind),
        TEST(its_done_jobs_are_kept_for_a_week),
        TEST(a_change_is_told_once_and_audited),
        TEST(a_run_that_was_told_keeps_its_row),
        TEST(the_expression_is_compared_instead_of_the_title),
        TEST(long_values_are_compared_as_well),
        TEST(what_posts_always_is_told_each_time),
        TEST(a_failure_is_told_once_and_so_is_the_end_of_it),
        TEST(an_expression_that_fails_is_a_failure),
        TEST(a_service_that_is_away_in_several_ways_is_told_once),
        TEST(a_runbook_edited_after_the_tick_is_no_failure),
        TEST(a_schedule_taken_away_while_it_runs_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
