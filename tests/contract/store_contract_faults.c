/* store_contract_faults.c - a worker whose n-th store call fails, or whose answer is lost, still
 * leaves no event without a job, no effect twice, no decision lost. Nor does one whose store loses
 * its database at the n-th request, which it may mend without a word.
 */
#include "contract/store_contract.h"

#include <string.h>

enum { FAULTS_MAX = 400, LIFE_MS = 20000, IDLE_TURNS = 3 };

/* What the world outside the store has seen. */
struct world {
    struct fx_store *store;
    struct fx_scope *sc;
    int effects;
    int asked; /* people who were asked because an outcome is unknown */
    int64_t now_ms;
    int idle;         /* turns in a row in which there was nothing to do */
    bool skip_intent; /* the broken twin: acts without promising first */
};

/* A fault ends the turn, as a crash would: the next turn finds only what is stored. */
#define OR_CRASH(expr)                                                                             \
    do {                                                                                           \
        if ((expr) != FX_OK)                                                                       \
            return;                                                                                \
    } while (0)

static void receive(struct world *world) {
    struct fx_event event = {
        .id = "e1", .kind = "sns", .body = "{}", .received_ms = 1, .keys = {"k"}};
    struct fx_error err;
    bool added = false;

    while (world->store->accept(world->store, world->sc, &event, &added, &err) != FX_OK)
        ; /* the sender repeats what was not acknowledged */
}

static void handle_event(struct world *world, const struct fx_job *job) {
    struct fx_writes w = {0};
    struct fx_error err;
    struct fx_run *run = NULL;
    struct fx_run fresh = contract_run("r1", FX_RUN_APPROVAL);
    struct fx_approval approval = {.id = "a1", .run = "r1", .step = "s", .expires_ms = 1 << 20};

    OR_CRASH(world->store->run(world->store, world->sc, "r1", &run, &err));
    if (run == NULL) {
        fx_writes_run(world->sc, &w, &fresh);
        fx_writes_approval(world->sc, &w, &approval);
        fx_writes_audit(world->sc, &w, "alarm", "run.started", "r1", NULL);
    }
    OR_CRASH(world->store->settle(world->store, world->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err));
}

static void finish(struct world *world, const struct fx_job *job, enum fx_run_state state) {
    struct fx_writes w = {0};
    struct fx_error err;
    struct fx_run run = contract_run("r1", state);
    struct fx_message message = {.kind = FX_MESSAGE_PUT, .key = "card", .payload_json = "{}"};

    fx_writes_run(world->sc, &w, &run);
    fx_writes_message(world->sc, &w, &message);
    fx_writes_audit(world->sc, &w, "fluxabot", "run.ended", "r1", NULL);
    OR_CRASH(world->store->settle(world->store, world->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err));
}

static void handle_run(struct world *world, const struct fx_job *job) {
    struct fx_error err;
    struct fx_intent intent = {.run = "r1", .step = "s", .key = "k"};
    struct fx_intent **intents = NULL;
    size_t count = 0;

    OR_CRASH(world->store->intents(world->store, world->sc, "r1", "s", &intents, &count, &err));
    if (count > 0 && intents[0]->state == FX_INTENT_SET) {
        world->asked++;
        finish(world, job, FX_RUN_ASKING);
        return;
    }
    if (count == 0) {
        if (!world->skip_intent)
            OR_CRASH(world->store->begin_effect(world->store, world->sc, job, &intent, NULL, &err));
        world->effects++;
        if (world->skip_intent)
            OR_CRASH(world->store->begin_effect(world->store, world->sc, job, &intent, NULL, &err));
        intent.state = FX_INTENT_DONE;
        OR_CRASH(world->store->end_effect(world->store, world->sc, &intent, NULL, &err));
    }
    finish(world, job, FX_RUN_DONE);
}

static void decide(struct world *world) {
    struct fx_error err;
    struct fx_approval *stored = NULL;
    struct fx_approval yes = {
        .id = "a1", .state = FX_APPROVAL_APPROVED, .decided_by = "U2", .decided_ms = 2};

    OR_CRASH(world->store->approval(world->store, world->sc, "a1", &stored, &err));
    if (stored == NULL || stored->state != FX_APPROVAL_PENDING) {
        world->idle++;
        return;
    }
    world->idle = 0;
    OR_CRASH(world->store->decide(world->store, world->sc, &yes, NULL, &err));
}

static void turn(struct world *world) {
    struct fx_error err;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    world->now_ms += CONTRACT_LEASE_MS; /* whatever was leased before this turn has run out */
    OR_CRASH(world->store->claim(world->store, world->sc, "w", world->now_ms, CONTRACT_LEASE_MS,
                                 &job, &next_ms, &err));
    if (job == NULL) {
        decide(world);
        return;
    }
    world->idle = 0;
    if (strcmp(job->kind, "event") == 0)
        handle_event(world, job);
    else
        handle_run(world, job);
}

/* Nothing to do, and nothing waits: what a connection that was cut off had locked is passed over
 * until the server has noticed. */
static bool is_at_rest(struct contract *c, const struct world *world) {
    struct fx_store_counts counts = {0};
    struct fx_error err;

    return world->idle >= IDLE_TURNS && c->store->counts(c->store, c->sc, &counts, &err) == FX_OK &&
           counts.jobs_ready == 0 && counts.jobs_leased == 0;
}

/* Where a fault happens, and what it meets. */
struct fault {
    int64_t n;
    enum fault_when when;
    bool on_the_wire, skip_intent;
};

/* One life with one fault; false when the fault was beyond the last call. */
static bool one_life(struct contract_backend *backend, const struct fault *fault, int *ret_effects,
                     enum fx_run_state *ret_state) {
    void *state = backend;
    struct fx_error err;
    struct fx_run *run = NULL;

    contract_setup(&state);
    struct contract *c = state;
    struct fx_store *faulty = fault_store_new(c->store);
    struct world world = {.store = faulty, .sc = c->sc, .skip_intent = fault->skip_intent};
    if (fault->on_the_wire)
        backend->arm(backend, fault->n, fault->when);
    else
        fault_store_arm(faulty, fault->n, fault->when);
    receive(&world);
    int64_t end_ms = fx_mono_ms(fx_clock_system()) + LIFE_MS;
    while (!is_at_rest(c, &world) && fx_mono_ms(fx_clock_system()) < end_ms)
        turn(&world);
    bool fired = fault->on_the_wire ? backend->fired(backend) : fault_store_fired(faulty);
    assert_ok(c->store->run(c->store, c->sc, "r1", &run, &err));
    assert_non_null(run); /* an accepted event has been worked on */
    assert_true(contract_audit_rows(c) >= 2);
    *ret_effects = world.effects;
    *ret_state = run->state;
    faulty->close(faulty);
    contract_teardown(&state);
    return fired;
}

/* A life for every fault there can be. */
static void every_life(struct contract_backend *backend, bool on_the_wire) {
    for (int when = FAULT_BEFORE; when <= FAULT_AFTER; when++) {
        struct fault fault = {.when = (enum fault_when)when, .on_the_wire = on_the_wire};
        bool fired = true;
        while (fired && fault.n++ < FAULTS_MAX) {
            int effects = 0;
            enum fx_run_state ended = FX_RUN_QUEUED;
            fired = one_life(backend, &fault, &effects, &ended);
            assert_true(effects <= 1);
            /* done, or a person looks: never silently undone */
            assert_true((ended == FX_RUN_DONE && effects == 1) || ended == FX_RUN_ASKING);
        }
        assert_true(fault.n > 10 && fault.n < FAULTS_MAX);
    }
}

static void no_single_fault_repeats_an_effect_or_loses_a_run(void **state) {
    every_life(*state, false);
}

static void no_lost_request_repeats_an_effect_or_loses_a_run(void **state) {
    every_life(*state, true);
}

/* The broken twin: if this finds no repeated effect, the test above proves nothing. */
static void the_same_faults_catch_a_worker_that_acts_before_it_promises(void **state) {
    int repeated = 0;

    for (int64_t n = 1; n < 30; n++) {
        int effects = 0;
        enum fx_run_state ended = FX_RUN_QUEUED;
        struct fault fault = {.n = n, .when = FAULT_BEFORE, .skip_intent = true};
        one_life(*state, &fault, &effects, &ended);
        repeated += effects > 1;
    }
    assert_true(repeated > 0);
}

static void the_same_lost_requests_catch_a_worker_that_acts_before_it_promises(void **state) {
    struct fault fault = {.when = FAULT_BEFORE, .on_the_wire = true, .skip_intent = true};
    int repeated = 0;
    bool fired = true;

    while (fired && repeated == 0 && fault.n++ < FAULTS_MAX) {
        int effects = 0;
        enum fx_run_state ended = FX_RUN_QUEUED;
        fired = one_life(*state, &fault, &effects, &ended);
        repeated += effects > 1;
    }
    assert_true(repeated > 0);
}

int store_contract_faults(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(no_single_fault_repeats_an_effect_or_loses_a_run, backend),
        cmocka_unit_test_prestate(the_same_faults_catch_a_worker_that_acts_before_it_promises,
                                  backend),
    };

    return cmocka_run_group_tests_name("store faults", tests, NULL, NULL);
}

int store_contract_wire(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(no_lost_request_repeats_an_effect_or_loses_a_run, backend),
        cmocka_unit_test_prestate(
            the_same_lost_requests_catch_a_worker_that_acts_before_it_promises, backend),
    };

    return cmocka_run_group_tests_name("store wire", tests, NULL, NULL);
}
