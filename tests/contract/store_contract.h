/* store_contract.h - what every store backend promises, as tests against the vtable.
 *
 * A backend gives itself as a struct contract_backend and runs all groups; nothing here knows which
 * one it is. Threads of a test only record; the main thread asserts.
 */
#pragma once

#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/fault_store.h"

#include <stdatomic.h>

struct contract_backend {
    const char *name;
    /* Leaves an empty place to open. */
    void (*reset)(struct contract_backend *backend);
    enum fx_code (*open)(struct contract_backend *backend, struct fx_scope *sc,
                         struct fx_clock *clock, struct fx_random *random,
                         struct fx_store **ret_store, struct fx_error *err);
    /* Faults on the way to the database, as those of fault_store.h but below the vtable; NULL where
     * there is no way. */
    void (*arm)(struct contract_backend *backend, int64_t n, enum fault_when when);
    bool (*fired)(struct contract_backend *backend);
    int64_t fails_at; /* of the statements of every unit of work; 0: none */
};

/* Each returns the number of failed tests. */
int store_contract_queue(struct contract_backend *backend);
int store_contract_effects(struct contract_backend *backend);
int store_contract_guard(struct contract_backend *backend);
int store_contract_outbox(struct contract_backend *backend);
int store_contract_files(struct contract_backend *backend);
int store_contract_at_once(struct contract_backend *backend);
int store_contract_records(struct contract_backend *backend);
int store_contract_storms(struct contract_backend *backend);
int store_contract_ranks(struct contract_backend *backend);
int store_contract_faults(struct contract_backend *backend);
int store_contract_all(struct contract_backend *backend);
/* All but the faults, for n = 1, 2, ... again with the n-th statement of every unit of work
 * failing; until none has so many, or most. Not among all. */
int store_contract_again(struct contract_backend *backend, int64_t most);
/* For a backend with arm; not among all. */
int store_contract_wire(struct contract_backend *backend);

/* ---- for the groups ---- */

enum { CONTRACT_NOW_MS = 1000000, CONTRACT_LEASE_MS = 1000 };

struct contract {
    struct contract_backend *backend;
    struct fx_scope *sc;
    struct fx_store *store;
    struct fx_clock clock;
    _Atomic int64_t now_ms;
    struct fx_random random;
    _Atomic uint64_t drawn;
};

int contract_setup(void **state);
int contract_teardown(void **state);
/* Closes the store and opens it again, as a restart does. */
void contract_reopen(struct contract *c);

#define CONTRACT_TEST(f)                                                                           \
    { #f, f, contract_setup, contract_teardown, backend }

/* Each stops the test on an error. */
bool contract_accept(struct contract *c, const char *id, const char *key);
struct fx_job *contract_claim(struct contract *c, int64_t now_ms);
void contract_job(struct contract *c, const char *kind, const char *subject, int64_t due_ms);
void contract_write(struct contract *c, const struct fx_writes *writes);
void contract_settle(struct contract *c, const struct fx_job *job);
/* A row for run id in the given state; written by contract_run_put. */
struct fx_run contract_run(const char *id, enum fx_run_state state);
void contract_run_put(struct contract *c, const char *id, enum fx_run_state state);
void contract_approval_put(struct contract *c, const char *id, const char *run, int64_t expires_ms);
int64_t contract_audit_rows(struct contract *c);

/* Runs f in count threads, thread i with &items[i * size], and waits for all. */
void contract_threads(size_t count, void *(*f)(void *item), void *items, size_t size);
