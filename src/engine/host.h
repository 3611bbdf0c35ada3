/* host.h - what the two files of a step's host share. */
#pragma once

#include "private.h"

struct engine_host {
    struct fx_step_host host;
    struct engine_run *run;
    const struct fx_runbook_step *step;
    const struct fx_approval *approval; /* NULL: a reading step */
    int64_t last_progress_mono_ms;
    int64_t rest_ms;          /* how long a change may rest; 0: not read from the plan yet */
    struct fx_json *promised; /* key -> {set_ms, again}, as made or seen here; NULL: none */
};

static inline struct engine_host *engine_host_of(struct fx_step_host *host) {
    return FX_CONTAINER_OF(host, struct engine_host, host);
}

/* begin_effect and its like; the rest is host.c's. */
void engine_promises_bind(struct fx_step_host *host);
