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

/* In the place of the n-th call: asked around every call, it decides what the caller hears. What
 * before refuses the inner store never sees; when after turns FX_OK into a failure, the answer is
 * lost. */
struct fault_hook {
    enum fx_code (*before)(struct fault_hook *hook, struct fx_error *err);
    enum fx_code (*after)(struct fault_hook *hook, enum fx_code code, struct fx_error *err);
};

/* close ends the wrapper alone; inner stays the caller's. */
struct fx_store *fault_store_new(struct fx_store *inner);
/* The n-th call from now (1 is the next) fails. */
void fault_store_arm(struct fx_store *store, int64_t n, enum fault_when when);
/* Whether the armed fault has happened. */
bool fault_store_fired(const struct fx_store *store);
/* Calls so far. */
int64_t fault_store_calls(const struct fx_store *store);
/* From now on; NULL: the n-th call again. */
void fault_store_hook(struct fx_store *store, struct fault_hook *hook);
