/* fault_store.h - a store that fails at the n-th call: before anything happened, or after it
 * happened with the answer lost.
 *
 * It wraps another store and counts every operation, reads too. Armed once, it fails once. A loop
 * over n = 1, 2, ... until nothing fires meets every place where a caller can be left alone.
 */
#pragma once

#include "fluxabot/store.h"

enum fault_when {
    FAULT_BEFORE, /* the inner store never sees the call */
    FAULT_AFTER,  /* the inner store did it, the caller hears FX_ERR_UNAVAILABLE */
};

/* close ends the wrapper alone; inner stays the caller's. */
struct fx_store *fault_store_new(struct fx_store *inner);
/* The n-th call from now (1 is the next) fails. */
void fault_store_arm(struct fx_store *store, int64_t n, enum fault_when when);
/* Whether the armed fault has happened. */
bool fault_store_fired(const struct fx_store *store);
/* Calls so far. */
int64_t fault_store_calls(const struct fx_store *store);
