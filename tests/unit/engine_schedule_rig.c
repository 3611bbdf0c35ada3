/* engine_schedule_rig.c - see engine_schedule_rig.h. */
#include "engine_schedule_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fx_store *schedule_rig_store(struct schedule_rig *rig) {
    return rig->engine.options.store;
}

void schedule_rig_finds(struct schedule_rig *rig, const char *title, const char *tone) {
    rig->runbook.answer = fx_json_object_of(
        rig->sc, "title", fx_json_string(rig->sc, title), "tone", fx_json_string(rig->sc, tone),
        "verdict", fx_json_string(rig->sc, "so it is"), "buttons",
        fx_json_array_of(rig->sc,
                         fx_json_object_of(rig->sc, "command", fx_json_string(rig->sc, "dlq"),
                                           "arguments", fx_json_string(rig->sc, ""), NULL),
                         NULL),
        NULL);
}

static void describe(struct schedule_rig *rig) {
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
    schedule_rig_finds(rig, "empty", "good");
}

int schedule_rig_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct schedule_rig *rig = FX_NEW(sc, struct schedule_rig);
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

int schedule_rig_tear_down(void **state) {
    struct schedule_rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    schedule_rig_store(rig)->close(schedule_rig_store(rig));
    rig->engine.options.state->close(rig->engine.options.state);
    fx_metrics_free(rig->engine.options.metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

/* ---- what the rows say ---- */

struct fx_run **schedule_rig_runs(struct schedule_rig *rig, size_t *ret_count) {
    struct fx_run **runs = NULL;
    struct fx_error err = {0};

    assert_ok(schedule_rig_store(rig)->runs(schedule_rig_store(rig), rig->sc, "", false, 100, &runs,
                                            ret_count, &err));
    return runs;
}

size_t schedule_rig_runs_count(struct schedule_rig *rig) {
    size_t count = 0;

    schedule_rig_runs(rig, &count);
    return count;
}

struct fx_message **schedule_rig_messages(struct schedule_rig *rig, size_t *ret_count) {
    struct fx_message **list = NULL;
    struct fx_error err = {0};
    int64_t next = 0;

    assert_ok(schedule_rig_store(rig)->outbox_ready(schedule_rig_store(rig), rig->sc, INT64_MAX,
                                                    100, &list, ret_count, &next, &err));
    return list;
}

size_t schedule_rig_told(struct schedule_rig *rig) {
    size_t count = 0;

    schedule_rig_messages(rig, &count);
    return count;
}

/* ---- a worker's life ---- */

struct fx_job *schedule_rig_claim(struct schedule_rig *rig) {
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next = 0;

    assert_ok(schedule_rig_store(rig)->claim(schedule_rig_store(rig), rig->sc, "w",
                                             rig->clock.wall_ms, FX_ENGINE_LEASE_MS, &job, &next,
                                             &err));
    return job;
}

void schedule_rig_settle(struct schedule_rig *rig, const struct fx_job *job,
                         const struct fx_writes *writes) {
    struct fx_error err = {0};

    assert_ok(schedule_rig_store(rig)->settle(schedule_rig_store(rig), rig->sc, job, FX_SETTLE_DONE,
                                              0, NULL, writes, &err));
}

void schedule_rig_handle(struct schedule_rig *rig, const struct fx_job *job) {
    struct engine_work work = {
        .engine = &rig->engine, .sc = rig->sc, .job = job, .now_ms = rig->clock.wall_ms};
    struct fx_error err = {0};

    if (strcmp(job->kind, "schedule") == 0)
        assert_ok(engine_schedule(&work, &err));
    else
        assert_ok(engine_continue_run(&work, &err));
    schedule_rig_settle(rig, job, &work.writes);
}

void schedule_rig_work_off(struct schedule_rig *rig) {
    for (struct fx_job *job = schedule_rig_claim(rig); job != NULL; job = schedule_rig_claim(rig))
        schedule_rig_handle(rig, job);
}

void schedule_rig_begin(struct schedule_rig *rig) {
    struct fx_error err = {0};

    assert_ok(engine_schedules_begin(&rig->engine, &err));
}

void schedule_rig_tick(struct schedule_rig *rig) {
    rig->clock.wall_ms = fx_schedule_next(&rig->schedule, rig->clock.wall_ms);
    schedule_rig_work_off(rig);
}
