/* state_contract.h - what every state promises, as tests against the vtable.
 *
 * A backend gives itself as a struct state_backend; nothing here knows which one it is. Times are
 * either so long that nobody waits for their end, or are waited for.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/state.h"

struct state_backend {
    const char *name;
    /* An empty state that is ready, until close. */
    struct fx_state *(*open)(struct state_backend *backend);
    /* Returns when at least so much of the state's time has passed. */
    void (*advance)(struct state_backend *backend, int64_t ms);
};

/* The number of failed tests. */
int state_contract(struct state_backend *backend);
