/* store_contract.c - the fixture of the store's contract: a fresh store, a clock that stands still.
 */
#include "contract/store_contract.h"

#include "support/fault_driver.h"

#include "fluxabot/base/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int64_t clock_now(struct fx_clock *clock) {
    return atomic_load(&FX_CONTAINER_OF(clock, struct contract, clock)->now_ms);
}

static void random_fill(struct fx_random *random, void *bytes, size_t len) {
    struct contract *c = FX_CONTAINER_OF(random, struct contract, random);
    uint64_t drawn = atomic_fetch_add(&c->drawn, 1) + 1;

    memset(bytes, 0, len);
    memcpy(bytes, &drawn, len < sizeof(drawn) ? len : sizeof(drawn));
}

static void open_store(struct contract *c) {
    struct fx_error err;

    assert_ok(c->backend->open(c->backend, c->sc, &c->clock, &c->random, &c->store, &err));
    if (c->backend->fails_at > 0)
        fault_driver_lay_under(c->store, c->backend->fails_at);
}

int contract_setup(void **state) {
    struct contract *c = calloc(1, sizeof(*c));

    c->backend = *state;
    c->sc = fx_scope_new(NULL);
    c->clock = (struct fx_clock){.wall_ms = clock_now, .mono_ms = clock_now};
    c->random = (struct fx_random){.fill = random_fill};
    c->now_ms = CONTRACT_NOW_MS;
    c->backend->reset(c->backend);
    open_store(c);
    *state = c;
    return 0;
}

int contract_teardown(void **state) {
    struct contract *c = *state;

    c->store->close(c->store);
    fx_scope_free(c->sc);
    free(c);
    return 0;
}

void contract_reopen(struct contract *c) {
    c->store->close(c->store);
    open_store(c);
}

bool contract_accept(struct contract *c, const char *id, const char *key) {
    struct fx_event event = {
        .id = id, .kind = "sns", .body = "{}", .received_ms = CONTRACT_NOW_MS, .keys = {key}};
    struct fx_error err;
    bool added = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    return added;
}

struct fx_job *contract_claim(struct contract *c, int64_t now_ms) {
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    assert_ok(
        c->store->claim(c->store, c->sc, "w", now_ms, CONTRACT_LEASE_MS, &job, &next_ms, &err));
    return job;
}

void contract_write(struct contract *c, const struct fx_writes *writes) {
    struct fx_error err;

    assert_ok(c->store->write(c->store, c->sc, NULL, writes, &err));
}

void contract_settle(struct contract *c, const struct fx_job *job) {
    struct fx_error err;

    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
}

void contract_job(struct contract *c, const char *kind, const char *subject, int64_t due_ms) {
    struct fx_writes w = {0};

    fx_writes_job(c->sc, &w, kind, subject, due_ms);
    contract_write(c, &w);
}

struct fx_run contract_run(const char *id, enum fx_run_state state) {
    return (struct fx_run){
        .id = id,
        .system = "fluxa",
        .environment = "prod",
        .command = "dlq redrive",
        .runbook_digest = "d1",
        .arguments_json = "{\"count\":3}",
        .trigger = "slash",
        .requester = "U1",
        .channel = "C1",
        .response_url = "https://hooks.example/1",
        .parent = "incident:I1",
        .incident = "I1",
        .state = state,
        .note = "it goes on",
        .step = 4,
        .values_json = "{\"a\":1}",
        .checkpoint_json = "{\"b\":2}",
        .created_ms = 11,
        .updated_ms = 12,
    };
}

void contract_run_put(struct contract *c, const char *id, enum fx_run_state state) {
    struct fx_writes w = {0};
    struct fx_run run = contract_run(id, state);

    fx_writes_run(c->sc, &w, &run);
    contract_write(c, &w);
}

void contract_approval_put(struct contract *c, const char *id, const char *run,
                           int64_t expires_ms) {
    struct fx_writes w = {0};
    struct fx_approval approval = {
        .id = id,
        .run = run,
        .step = "redrive",
        .digest = "abc",
        .plan_json = "{\"calls\":[]}",
        .requester = "U1",
        .created_ms = CONTRACT_NOW_MS,
        .expires_ms = expires_ms,
    };

    fx_writes_approval(c->sc, &w, &approval);
    contract_write(c, &w);
}

int64_t contract_audit_rows(struct contract *c) {
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0;
    int64_t bad_n = 0;

    assert_ok(fx_audit_verify(c->store, c->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(bad_n, 0);
    return rows;
}

void contract_threads(size_t count, void *(*f)(void *item), void *items, size_t size) {
    pthread_t threads[64];

    assert_true(count <= FX_COUNT_OF(threads));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, f, (char *)items + i * size), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static int all_but_faults(struct contract_backend *backend) {
    return store_contract_queue(backend) + store_contract_effects(backend) +
           store_contract_guard(backend) + store_contract_at_once(backend) +
           store_contract_storms(backend) + store_contract_ranks(backend) +
           store_contract_outbox(backend) + store_contract_files(backend) +
           store_contract_records(backend);
}

int store_contract_all(struct contract_backend *backend) {
    return all_but_faults(backend) + store_contract_faults(backend);
}

int store_contract_again(struct contract_backend *backend, int64_t most) {
    int64_t met = 1;
    int failed = 0;

    for (backend->fails_at = 1; met > 0 && backend->fails_at <= most; backend->fails_at++) {
        failed += all_but_faults(backend);
        met = fault_driver_take_fired();
        print_message("statement %lld of a unit failed %lld times\n", (long long)backend->fails_at,
                      (long long)met);
    }
    backend->fails_at = 0;
    return failed;
}
