/* engine_schedule_rig.h - an engine without threads on a real store, one schedule of it, and a
 * worker that the test drives. */
#pragma once

#include "support/test.h"

#include "private.h"

#include "support/scripted_http.h"

enum { EVERY_MS = 5 * 60 * 1000, TICK_MS = 1000 * EVERY_MS, NOW_MS = TICK_MS - 1000 };

struct schedule_rig {
    struct fx_scope *sc;
    struct held_clock clock; /* NOW_MS, which is a second before a tick */
    struct fx_engine engine;
    char dir[64];
    struct fx_runbook runbook;
    struct fx_schedule schedule; /* "dead letters", of fluxa in dev */
    struct fx_environment environment;
    struct fx_system definition;
    struct fx_engine_system system;
};

/* For cmocka: *state becomes a struct schedule_rig. */
int schedule_rig_set_up(void **state);
int schedule_rig_tear_down(void **state);
#define SCHEDULE_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, schedule_rig_set_up, schedule_rig_tear_down)

struct fx_store *schedule_rig_store(struct schedule_rig *rig);
/* The command looks at nothing: what it finds is its title, at first "empty" and good. */
void schedule_rig_finds(struct schedule_rig *rig, const char *title, const char *tone);

/* ---- what the rows say ---- */

struct fx_run **schedule_rig_runs(struct schedule_rig *rig, size_t *ret_count);
size_t schedule_rig_runs_count(struct schedule_rig *rig);
/* Those that wait to be posted. */
struct fx_message **schedule_rig_messages(struct schedule_rig *rig, size_t *ret_count);
size_t schedule_rig_told(struct schedule_rig *rig);

/* ---- a worker's life ---- */

/* NULL when nothing is due. */
struct fx_job *schedule_rig_claim(struct schedule_rig *rig);
void schedule_rig_settle(struct schedule_rig *rig, const struct fx_job *job,
                         const struct fx_writes *writes);
/* Does what a job asks for and settles it. */
void schedule_rig_handle(struct schedule_rig *rig, const struct fx_job *job);
void schedule_rig_work_off(struct schedule_rig *rig);
/* What the start of a process does. */
void schedule_rig_begin(struct schedule_rig *rig);
/* The next tick comes, and all that it leads to. */
void schedule_rig_tick(struct schedule_rig *rig);
