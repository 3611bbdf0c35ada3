/* store_contract_guard.c - what must hold when a change begins is looked at in the transaction that
 * lets it begin: claim, Stop, approval, time, freeze. */
#include "contract/store_contract.h"

#include <string.h>

enum { LEFT_MS = CONTRACT_LEASE_MS / 2, REST_MS = 5000, RACERS = 3, BEGINS_MAX = 3000 };

static enum fx_refusal begin(struct contract *c, const struct fx_job *job, const char *key,
                             struct fx_guard guard) {
    struct fx_intent intent = {
        .run = "r1", .step = "redrive", .key = key, .digest = "d", .what_json = "{}"};
    int64_t rows = contract_audit_rows(c);
    struct fx_writes w = {0};
    struct fx_error err = {0};

    intent.guard = &guard;
    intent.set_ms = atomic_load(&c->now_ms);
    fx_writes_audit(c->sc, &w, "U1", "effect.begun", "r1", NULL);
    enum fx_code code = c->store->begin_effect(c->store, c->sc, job, &intent, &w, &err);
    bool again = guard.refusal == FX_REFUSED_BEGUN || guard.refusal == FX_REFUSED_LEASE;

    assert_int_equal(code, guard.refusal == FX_REFUSED_NOT ? FX_OK
                           : again                         ? FX_ERR_CONFLICT
                                                           : FX_ERR_DENIED);
    /* of what is refused nothing is written */
    assert_int_equal(contract_audit_rows(c), rows + (code == FX_OK));
    assert_true(code == FX_OK || err.message[0] != '\0');
    return guard.refusal;
}

static enum fx_intent_state state_of(struct contract *c, const char *key) {
    struct fx_intent **intents = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(intents[i]->key, key) == 0)
            return intents[i]->state;
    fail_msg("no intent %s", key);
    return FX_INTENT_SET;
}

static void end(struct contract *c, const char *key, enum fx_intent_state state) {
    struct fx_intent intent = {.run = "r1", .step = "redrive", .key = key, .state = state};
    struct fx_error err;

    assert_ok(c->store->end_effect(c->store, c->sc, &intent, NULL, &err));
}

static void a_change_begins_only_with_enough_of_the_lease_left(void **state) {
    struct contract *c = *state;
    const struct fx_guard guard = {.lease_left_ms = LEFT_MS};
    struct fx_error err;

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);

    c->now_ms = CONTRACT_NOW_MS + CONTRACT_LEASE_MS - LEFT_MS;
    assert_int_equal(begin(c, job, "in time", guard), FX_REFUSED_NOT);
    c->now_ms++;
    assert_int_equal(begin(c, job, "short", guard), FX_REFUSED_LEASE);
    assert_ok(c->store->extend(c->store, c->sc, job, c->now_ms + CONTRACT_LEASE_MS, &err));
    assert_int_equal(begin(c, job, "extended", guard), FX_REFUSED_NOT);
    c->now_ms += CONTRACT_LEASE_MS;
    struct fx_job *taken = contract_claim(c, c->now_ms);

    assert_non_null(taken);
    assert_int_equal(begin(c, job, "taken", guard), FX_REFUSED_LEASE);
    assert_int_equal(begin(c, taken, "taken", guard), FX_REFUSED_NOT);
    assert_int_equal(begin(c, taken, "taken", guard), FX_REFUSED_BEGUN);
}

static void a_change_does_not_begin_after_a_stop(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    assert_int_equal(begin(c, NULL, "1", (struct fx_guard){.unless_stopped = true}),
                     FX_REFUSED_NOT);
    assert_ok(c->store->request_stop(c->store, c->sc, "r1", "U3", NULL, &err));
    assert_int_equal(begin(c, NULL, "2", (struct fx_guard){.unless_stopped = true}),
                     FX_REFUSED_STOPPED);
    assert_int_equal(begin(c, NULL, "stop", (struct fx_guard){.rest_ms = 1}), FX_REFUSED_NOT);
}

static void set(struct contract *c, const char *name, const char *value) {
    struct fx_writes w = {0};

    fx_writes_setting(c->sc, &w, name, value);
    contract_write(c, &w);
}

static void a_change_does_not_begin_while_a_setting_forbids_it(void **state) {
    struct contract *c = *state;
    const struct fx_guard one = {.freezes = {"freeze"}}, two = {.freezes = {"freeze", "other"}};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    assert_int_equal(begin(c, NULL, "never set", two), FX_REFUSED_NOT);
    set(c, "freeze", "{\"by\":\"U1\"}");
    assert_int_equal(begin(c, NULL, "frozen", one), FX_REFUSED_FROZEN);
    assert_int_equal(begin(c, NULL, "stop", (struct fx_guard){.rest_ms = 1}), FX_REFUSED_NOT);
    set(c, "freeze", "");
    assert_int_equal(begin(c, NULL, "thawed", one), FX_REFUSED_NOT);
    set(c, "other", "x");
    assert_int_equal(begin(c, NULL, "not asked", one), FX_REFUSED_NOT);
    assert_int_equal(begin(c, NULL, "asked", two), FX_REFUSED_FROZEN);
}

static void decide(struct contract *c, const char *id, enum fx_approval_state state) {
    struct fx_approval given = {.id = id,
                                .state = state,
                                .decided_by = "U2",
                                .decided_ms = CONTRACT_NOW_MS,
                                .execute_before_ms = CONTRACT_NOW_MS + 100};
    struct fx_error err;

    contract_approval_put(c, id, "r1", CONTRACT_NOW_MS + 50);
    if (state != FX_APPROVAL_PENDING)
        assert_ok(c->store->decide(c->store, c->sc, &given, NULL, &err));
}

static void a_change_begins_only_when_it_is_approved(void **state) {
    struct contract *c = *state;

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    decide(c, "pending", FX_APPROVAL_PENDING);
    decide(c, "denied", FX_APPROVAL_DENIED);
    decide(c, "approved", FX_APPROVAL_APPROVED);
    for (size_t i = 0; i < 3; i++) {
        static const char *const not [] = {"pending", "denied", "nobody asked"};

        assert_int_equal(begin(
                             c, NULL, not [i], (struct fx_guard) { .approval = not [i] }),
                         FX_REFUSED_NO_APPROVAL);
    }
    assert_int_equal(begin(c, NULL, "k", (struct fx_guard){.approval = "approved"}),
                     FX_REFUSED_NOT);
}

static void an_approval_is_used_in_time_and_a_change_that_has_begun_may_take_its_own(void **state) {
    struct contract *c = *state;
    const struct fx_guard guard = {.approval = "approved", .rest_ms = REST_MS};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    decide(c, "approved", FX_APPROVAL_APPROVED);
    c->now_ms = CONTRACT_NOW_MS + 101;
    assert_int_equal(begin(c, NULL, "late", guard), FX_REFUSED_LATE);
    c->now_ms = CONTRACT_NOW_MS + 100;
    assert_int_equal(begin(c, NULL, "first", guard), FX_REFUSED_NOT);
    c->now_ms += REST_MS;
    assert_int_equal(begin(c, NULL, "second", guard), FX_REFUSED_NOT);
    c->now_ms += REST_MS + 1;
    assert_int_equal(begin(c, NULL, "forgotten", guard), FX_REFUSED_LATE);
}

static void a_key_is_free_again_only_when_nothing_was_sent(void **state) {
    struct contract *c = *state;
    const struct fx_guard first = {.rest_ms = 1};
    static const enum fx_intent_state used[] = {FX_INTENT_SET, FX_INTENT_UNKNOWN, FX_INTENT_DONE,
                                                FX_INTENT_FAILED};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    for (size_t i = 0; i < FX_COUNT_OF(used); i++) {
        const char *key = fx_printf(c->sc, "k%zu", i);

        assert_int_equal(begin(c, NULL, key, first), FX_REFUSED_NOT);
        if (used[i] != FX_INTENT_SET)
            end(c, key, used[i]);
        assert_int_equal(begin(c, NULL, key, first), FX_REFUSED_BEGUN);
        assert_int_equal(state_of(c, key), used[i]);
    }
    assert_int_equal(begin(c, NULL, "n", first), FX_REFUSED_NOT);
    end(c, "n", FX_INTENT_NOT_SENT);
    assert_int_equal(begin(c, NULL, "n", first), FX_REFUSED_NOT);
    assert_int_equal(state_of(c, "n"), FX_INTENT_SET);
}

static void only_what_has_no_outcome_is_repeated(void **state) {
    struct contract *c = *state;
    const struct fx_guard first = {.rest_ms = 1}, again = {.repeat = true};
    static const struct {
        enum fx_intent_state state;
        bool may;
    } cases[] = {{FX_INTENT_SET, true},
                 {FX_INTENT_UNKNOWN, true},
                 {FX_INTENT_DONE, false},
                 {FX_INTENT_FAILED, false},
                 {FX_INTENT_NOT_SENT, false}};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    assert_int_equal(begin(c, NULL, "never", again), FX_REFUSED_BEGUN);
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *key = fx_printf(c->sc, "k%zu", i);

        assert_int_equal(begin(c, NULL, key, first), FX_REFUSED_NOT);
        if (cases[i].state != FX_INTENT_SET)
            end(c, key, cases[i].state);
        assert_int_equal(begin(c, NULL, key, again),
                         cases[i].may ? FX_REFUSED_NOT : FX_REFUSED_BEGUN);
        assert_int_equal(state_of(c, key), cases[i].may ? FX_INTENT_SET : cases[i].state);
    }
}

/* ---- at the same moment ---- */

struct beginner {
    struct contract *c;
    int number, tries;
    struct fx_guard guard;
    atomic_bool *begins; /* somebody has begun one */
    bool refused, broken;
};

/* Begins one change after the other until it is refused. A busy database may let one fail. */
static void *begin_many(void *item) {
    struct beginner *b = item;

    while (!b->refused && !b->broken && b->tries < BEGINS_MAX) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_intent intent = {.run = "r1",
                                   .step = "redrive",
                                   .key = fx_printf(sc, "k%d-%d", b->number, b->tries++),
                                   .what_json = "{}"};
        struct fx_writes w = {0};
        struct fx_error err;

        intent.guard = &b->guard;
        fx_writes_audit(sc, &w, "U1", "effect.begun", "r1", NULL);
        enum fx_code code = b->c->store->begin_effect(b->c->store, sc, NULL, &intent, &w, &err);

        b->refused = code == FX_ERR_DENIED;
        b->broken = code != FX_OK && code != FX_ERR_DENIED && !fx_code_is_transient(code);
        atomic_store(b->begins, true);
        fx_scope_free(sc);
    }
    return NULL;
}

struct stopper {
    struct contract *c;
    bool freeze;
    enum fx_code code;
};

static void *stop_all(void *item) {
    struct stopper *s = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_audit(sc, &w, "U3", "stopped", "r1", NULL);
    if (s->freeze)
        fx_writes_setting(sc, &w, "freeze", "{}");
    do
        s->code = s->freeze ? s->c->store->write(s->c->store, sc, NULL, &w, &err)
                            : s->c->store->request_stop(s->c->store, sc, "r1", "U3", &w, &err);
    while (fx_code_is_transient(s->code));
    fx_scope_free(sc);
    return NULL;
}

union party {
    struct beginner beginner;
    struct stopper stopper;
};
struct guest {
    void *(*role)(void *item);
    union party party;
    atomic_bool *begins;
};

/* The stop comes when the beginners are at it. */
static void *play(void *item) {
    struct guest *guest = item;

    while (guest->role == stop_all && !atomic_load(guest->begins))
        continue;
    return guest->role(&guest->party);
}

/* The order of the audit log is the order of the transactions: nothing begins behind the stop. */
static void assert_nothing_begins_after_it(struct contract *c) {
    struct fx_audit **rows = NULL;
    struct fx_error err;
    size_t count = 1;
    bool stopped = false;

    for (int64_t from = 1; count > 0; from += (int64_t)count) {
        assert_ok(c->store->audits(c->store, c->sc, from, 500, &rows, &count, &err));
        for (size_t i = 0; i < count; i++) {
            assert_false(stopped && strcmp(rows[i]->action, "effect.begun") == 0);
            stopped = stopped || strcmp(rows[i]->action, "stopped") == 0;
        }
    }
    assert_true(stopped);
}

/* PostgreSQL lets shared locks pass an exclusive one that waits. Where each unit of work is tried
 * twice, three that begin leave no moment between them in which the row is free; one does. */
static size_t racers_of(const struct contract *c) {
    return c->backend->fails_at > 0 ? 1 : RACERS;
}

static void race(struct contract *c, bool freeze) {
    struct guest guests[RACERS + 1] = {0};
    atomic_bool begins = false;
    size_t racers = racers_of(c);

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    for (size_t i = 0; i < racers; i++)
        guests[i] = (struct guest){
            .role = begin_many,
            .begins = &begins,
            .party.beginner = {.c = c,
                               .number = (int)i,
                               .begins = &begins,
                               .guard = {.unless_stopped = true, .freezes = {"freeze"}}}};
    guests[racers] = (struct guest){
        .role = stop_all, .begins = &begins, .party.stopper = {.c = c, .freeze = freeze}};
    contract_threads(racers + 1, play, guests, sizeof(guests[0]));
    assert_int_equal(guests[racers].party.stopper.code, FX_OK);
    for (size_t i = 0; i < racers; i++) {
        assert_false(guests[i].party.beginner.broken);
        assert_true(guests[i].party.beginner.refused);
    }
    assert_nothing_begins_after_it(c);
}

static void nothing_begins_behind_a_freeze(void **state) {
    race(*state, true);
}

static void nothing_begins_behind_a_stop(void **state) {
    race(*state, false);
}

static void every_refusal_has_a_name(void **state) {
    for (int i = FX_REFUSED_NOT; i <= FX_REFUSED_LATE; i++)
        for (int k = i + 1; k <= FX_REFUSED_LATE; k++)
            assert_string_not_equal(fx_refusal_name((enum fx_refusal)i),
                                    fx_refusal_name((enum fx_refusal)k));
}

int store_contract_guard(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_change_begins_only_with_enough_of_the_lease_left),
        CONTRACT_TEST(a_change_does_not_begin_after_a_stop),
        CONTRACT_TEST(a_change_does_not_begin_while_a_setting_forbids_it),
        CONTRACT_TEST(a_change_begins_only_when_it_is_approved),
        CONTRACT_TEST(an_approval_is_used_in_time_and_a_change_that_has_begun_may_take_its_own),
        CONTRACT_TEST(a_key_is_free_again_only_when_nothing_was_sent),
        CONTRACT_TEST(only_what_has_no_outcome_is_repeated),
        CONTRACT_TEST(nothing_begins_behind_a_freeze),
        CONTRACT_TEST(nothing_begins_behind_a_stop),
        CONTRACT_TEST(every_refusal_has_a_name),
    };

    return cmocka_run_group_tests_name("store guard", tests, NULL, NULL);
}
