/* engine_rig.h - an engine without threads on a real store, and one run in hand. */
#pragma once

#include "support/scripted_http.h"

#include "private.h"

enum { RIG_NOW_MS = 1000 * 1000 * 1000, RIG_LIFE_MS = 60 * 1000 };

struct engine_rig {
    struct fx_scope *sc;
    struct held_clock clock;
    struct fx_engine engine;
    char dir[64];
    struct engine_work work;
    struct fx_job job; /* nobody claimed it: a write in its name is refused */
    struct fx_engine_system system;
    struct fx_runbook runbook;
};

/* For cmocka: *state becomes a struct engine_rig. In its policy U2 and U2B are one person. */
int engine_rig_set_up(void **state);
int engine_rig_tear_down(void **state);
/* Makes the writes of the work in hand durable and begins a new set. */
void engine_rig_keep(struct engine_rig *rig);
/* A run of this command in hand, in the store as well; no job is claimed for it. What it answers
 * with is rig->runbook, what its expressions may read are its names. */
struct engine_run engine_rig_run(struct engine_rig *rig, const char *system,
                                 const char *environment, const char *command, const char *id);
/* The system fluxa (dev) with this runbook alone, and the run r1 of it with its job in hand. */
void engine_rig_book(struct engine_rig *rig, const struct fx_runbook *book);
/* Goes on with r1 and keeps what that writes: its row. */
struct fx_run *engine_rig_go_on(struct engine_rig *rig);
/* JSON in which ' stands for ". */
struct fx_json *engine_rig_json(struct engine_rig *rig, const char *text);

/* A run that waits for an approval, U1 asked for it. */
extern const struct fx_run engine_rig_row;
