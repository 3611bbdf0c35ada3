/* engine_scripted_step.h - a run of one step that does what a test says. */
#pragma once

#include "engine_rig.h"

struct scripted_step {
    struct fx_runbook_step *step;
    struct fx_runbook *book;
    struct fx_step_result result; /* what it comes to, unless it fails */
    struct fx_error failure;
    struct fx_store *store; /* the engine's, as it was when the run began */
    void (*meanwhile)(const struct scripted_step *); /* while the step is at work; NULL: nothing */
    const char *checkpoint_seen; /* with the last call; "" where there was none */
    int calls;
};
extern struct scripted_step scripted;

/* A run of one step of this class, with its job in hand. It has not been called, and would work. */
void scripted_begin(struct engine_rig *rig, enum fx_effect class);
void scripted_works(void);
void scripted_fails(enum fx_code code, bool sent);
/* A question from now on, to be looked at again where there is a checkpoint. */
void scripted_asks(struct engine_rig *rig, const char *note, const char *checkpoint);
