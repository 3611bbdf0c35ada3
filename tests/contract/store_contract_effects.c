/* store_contract_effects.c - a change is begun once, a question is decided once. */
#include "contract/store_contract.h"

#include <string.h>

enum { RACERS = 16, RACES = 12 };

/* ---- intents ---- */

static struct fx_intent intent_of(const char *run, const char *key) {
    return (struct fx_intent){
        .run = run, .step = "redrive", .key = key, .digest = "d", .what_json = "{\"q\":1}"};
}

static void an_effect_is_begun_once_and_survives_a_restart(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_intent intent = intent_of("r1", "k1");
    struct fx_intent other = intent_of("r1", "k2");
    struct fx_intent **intents = NULL;
    size_t count = 0;
    struct fx_writes w = {0};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, 100);
    fx_writes_audit(c->sc, &w, "U1", "effect.begun", "r1", NULL);
    assert_ok(c->store->begin_effect(c->store, c->sc, job, &intent, &w, &err));
    contract_reopen(c);
    assert_int_equal(c->store->begin_effect(c->store, c->sc, job, &intent, &w, &err),
                     FX_ERR_CONFLICT);
    assert_ok(c->store->begin_effect(c->store, c->sc, job, &other, &w, &err));
    assert_int_equal(contract_audit_rows(c), 2);

    assert_ok(c->store->intents(c->store, c->sc, "r1", "redrive", &intents, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(intents[0]->key, "k1");
    assert_string_equal(intents[0]->digest, "d");
    assert_string_equal(intents[0]->what_json, "{\"q\":1}");
    assert_int_equal(intents[0]->state, FX_INTENT_SET);
    assert_int_equal(intents[0]->set_ms, CONTRACT_NOW_MS);
    assert_ok(c->store->intents(c->store, c->sc, "r1", "other", &intents, &count, &err));
    assert_int_equal(count, 0);
    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(count, 2);
}

static void the_truth_about_an_effect_is_written_once(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_intent intent = intent_of("r1", "k1");
    struct fx_intent **intents = NULL;
    size_t count = 0;
    struct fx_writes w = {0};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    fx_writes_audit(c->sc, &w, "U1", "effect.ended", "r1", NULL);
    intent.state = FX_INTENT_DONE;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, &w, &err), FX_ERR_NOT_FOUND);
    assert_ok(c->store->begin_effect(c->store, c->sc, NULL, &intent, NULL, &err));
    intent.state = FX_INTENT_UNKNOWN;
    assert_ok(c->store->end_effect(c->store, c->sc, &intent, &w, &err));
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, &w, &err), FX_ERR_CONFLICT);
    intent.state = FX_INTENT_DONE;
    intent.outcome_json = "{\"moved\":3}";
    assert_ok(c->store->end_effect(c->store, c->sc, &intent, &w, &err));
    intent.state = FX_INTENT_FAILED;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, &w, &err), FX_ERR_CONFLICT);
    intent.state = FX_INTENT_UNKNOWN;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, &w, &err), FX_ERR_CONFLICT);
    intent.state = FX_INTENT_SET;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, &w, &err), FX_ERR_INPUT);

    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(intents[0]->state, FX_INTENT_DONE);
    assert_string_equal(intents[0]->outcome_json, "{\"moved\":3}");
    assert_int_equal(contract_audit_rows(c), 2);
}

static void an_outcome_of_one_promise_ends_no_other(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_intent intent = intent_of("r1", "k1");

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    intent.set_ms = 200;
    assert_ok(c->store->begin_effect(c->store, c->sc, NULL, &intent, NULL, &err));
    intent.state = FX_INTENT_NOT_SENT;
    intent.set_ms = 100;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &intent, NULL, &err), FX_ERR_CONFLICT);
    intent.set_ms = 200;
    assert_ok(c->store->end_effect(c->store, c->sc, &intent, NULL, &err));
}

/* A wave of changes leaves at once: one of them without its intent must not be. */
static void effects_that_go_together_are_begun_and_ended_all_or_none(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_intent third = intent_of("r1", "k3"), second = intent_of("r1", "k2"),
                     first = intent_of("r1", "k1"), alone = intent_of("r1", "k2");
    struct fx_guard guard = {0};
    struct fx_intent **intents = NULL;
    size_t count = 0;
    struct fx_writes w = {0};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    fx_writes_audit(c->sc, &w, "U1", "effect.begun", "r1", NULL);
    fx_writes_audit(c->sc, &w, "U1", "effect.begun", "r1", NULL);
    assert_ok(c->store->begin_effect(c->store, c->sc, NULL, &alone, NULL, &err));
    first.guard = &guard;
    first.and = &second;
    second.and = &third;
    assert_int_equal(c->store->begin_effect(c->store, c->sc, NULL, &first, &w, &err),
                     FX_ERR_CONFLICT);
    assert_int_equal(guard.refusal, FX_REFUSED_BEGUN);
    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(contract_audit_rows(c), 0);

    alone.state = FX_INTENT_NOT_SENT;
    assert_ok(c->store->end_effect(c->store, c->sc, &alone, NULL, &err));
    assert_ok(c->store->begin_effect(c->store, c->sc, NULL, &first, &w, &err));
    contract_reopen(c);
    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(contract_audit_rows(c), 2);

    first.state = second.state = third.state = FX_INTENT_DONE;
    alone.state = FX_INTENT_DONE;
    assert_ok(c->store->end_effect(c->store, c->sc, &alone, NULL, &err));
    assert_int_equal(c->store->end_effect(c->store, c->sc, &first, &w, &err), FX_ERR_CONFLICT);
    third.state = FX_INTENT_SET;
    first.and = &third;
    assert_int_equal(c->store->end_effect(c->store, c->sc, &first, &w, &err), FX_ERR_INPUT);
    third.state = FX_INTENT_FAILED;
    assert_ok(c->store->end_effect(c->store, c->sc, &first, &w, &err));
    assert_ok(c->store->intents(c->store, c->sc, "r1", "", &intents, &count, &err));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(intents[i]->state,
                         strcmp(intents[i]->key, "k3") == 0 ? FX_INTENT_FAILED : FX_INTENT_DONE);
    assert_int_equal(contract_audit_rows(c), 4);
}

struct racer {
    struct contract *c;
    int race;
    enum fx_code code;
    enum fx_approval_state wants;
};

static void *race_begin(void *item) {
    struct racer *racer = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_intent intent = intent_of("r1", fx_printf(sc, "race%d", racer->race));
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_audit(sc, &w, "U1", "effect.begun", "r1", NULL);
    racer->code = racer->c->store->begin_effect(racer->c->store, sc, NULL, &intent, &w, &err);
    fx_scope_free(sc);
    return NULL;
}

static void race(struct contract *c, int n, void *(*f)(void *item), struct racer racers[RACERS]) {
    int won = 0;
    int64_t before = contract_audit_rows(c);

    for (int i = 0; i < RACERS; i++) {
        racers[i].c = c;
        racers[i].race = n;
    }
    contract_threads(RACERS, f, racers, sizeof(racers[0]));
    for (int i = 0; i < RACERS; i++) {
        assert_true(racers[i].code == FX_OK || racers[i].code == FX_ERR_CONFLICT);
        won += racers[i].code == FX_OK;
    }
    assert_int_equal(won, 1);
    assert_int_equal(contract_audit_rows(c), before + 1);
}

static void of_sixteen_that_begin_an_effect_one_may(void **state) {
    struct contract *c = *state;
    struct racer racers[RACERS] = {0};

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    for (int n = 0; n < RACES; n++)
        race(c, n, race_begin, racers);
}

/* ---- decisions ---- */

static struct fx_approval decision(const char *id, enum fx_approval_state state, int64_t at_ms) {
    return (struct fx_approval){.id = id,
                                .state = state,
                                .decided_by = "U2",
                                .decided_ms = at_ms,
                                .execute_before_ms = at_ms + 60,
                                .reason = "looks right"};
}

static void a_decision_is_kept_and_wakes_the_run(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval given = decision("a1", FX_APPROVAL_APPROVED, 400);
    struct fx_approval *stored = NULL;
    struct fx_writes w = {0};

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    contract_approval_put(c, "a1", "r1", 1000);
    contract_job(c, "run", "r1", 9000); /* its timer */
    fx_writes_audit(c->sc, &w, "U2", "approval.approved", "r1", NULL);
    assert_ok(c->store->decide(c->store, c->sc, &given, &w, &err));
    contract_reopen(c);

    assert_ok(c->store->approval_of(c->store, c->sc, "r1", "redrive", &stored, &err));
    assert_int_equal(stored->state, FX_APPROVAL_APPROVED);
    assert_string_equal(stored->decided_by, "U2");
    assert_int_equal(stored->decided_ms, 400);
    assert_int_equal(stored->execute_before_ms, 460);
    assert_string_equal(stored->reason, "looks right");
    assert_string_equal(stored->plan_json, "{\"calls\":[]}");
    struct fx_job *job = contract_claim(c, 400);
    assert_non_null(job);
    assert_string_equal(job->subject, "r1");
    assert_int_equal(contract_audit_rows(c), 1);
}

static void the_first_decision_wins(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval yes = decision("a1", FX_APPROVAL_APPROVED, 400);
    struct fx_approval no = decision("a1", FX_APPROVAL_DENIED, 400);
    struct fx_approval expired = decision("a1", FX_APPROVAL_EXPIRED, 5000);
    struct fx_approval unknown = decision("a2", FX_APPROVAL_DENIED, 400);
    struct fx_approval pending = decision("a1", FX_APPROVAL_PENDING, 400);
    struct fx_approval *stored = NULL;

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    contract_approval_put(c, "a1", "r1", 1000);
    assert_int_equal(c->store->decide(c->store, c->sc, &unknown, NULL, &err), FX_ERR_NOT_FOUND);
    assert_int_equal(c->store->decide(c->store, c->sc, &pending, NULL, &err), FX_ERR_INPUT);
    assert_ok(c->store->decide(c->store, c->sc, &no, NULL, &err));
    assert_int_equal(c->store->decide(c->store, c->sc, &yes, NULL, &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "denied by U2"));
    assert_int_equal(c->store->decide(c->store, c->sc, &no, NULL, &err), FX_ERR_CONFLICT);
    assert_int_equal(c->store->decide(c->store, c->sc, &expired, NULL, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->approval(c->store, c->sc, "a1", &stored, &err));
    assert_int_equal(stored->state, FX_APPROVAL_DENIED);
}

static void the_last_moment_belongs_to_expiry(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval early = decision("a1", FX_APPROVAL_EXPIRED, 999);
    struct fx_approval late = decision("a1", FX_APPROVAL_APPROVED, 1000);
    struct fx_approval on_time = decision("a2", FX_APPROVAL_APPROVED, 999);
    struct fx_approval expired = decision("a1", FX_APPROVAL_EXPIRED, 1000);

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    contract_approval_put(c, "a1", "r1", 1000);
    contract_approval_put(c, "a2", "r1", 1000);
    assert_int_equal(c->store->decide(c->store, c->sc, &early, NULL, &err), FX_ERR_CONFLICT);
    assert_int_equal(c->store->decide(c->store, c->sc, &late, NULL, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->decide(c->store, c->sc, &expired, NULL, &err));
    assert_ok(c->store->decide(c->store, c->sc, &on_time, NULL, &err));
}

static void *race_decide(void *item) {
    struct racer *racer = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_approval given = decision(fx_printf(sc, "race%d", racer->race), racer->wants, 400);
    struct fx_writes w = {0};
    struct fx_error err;

    /* who would expire it sees it a moment later than who would approve it */
    if (racer->wants == FX_APPROVAL_EXPIRED)
        given.decided_ms = 1000;
    fx_writes_audit(sc, &w, "U2", "approval.decided", given.id, NULL);
    racer->code = racer->c->store->decide(racer->c->store, sc, &given, &w, &err);
    fx_scope_free(sc);
    return NULL;
}

static void of_sixteen_that_decide_one_wins(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct racer racers[RACERS] = {0};

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    for (int i = 0; i < RACERS; i++)
        racers[i].wants = (enum fx_approval_state)(FX_APPROVAL_APPROVED + i % 3);
    for (int n = 0; n < RACES; n++) {
        struct fx_approval *stored = NULL;
        const char *id = fx_printf(c->sc, "race%d", n);
        contract_approval_put(c, id, "r1", 1000);
        race(c, n, race_decide, racers);
        assert_ok(c->store->approval(c->store, c->sc, id, &stored, &err));
        for (int i = 0; i < RACERS; i++)
            if (racers[i].code == FX_OK)
                assert_int_equal(stored->state, racers[i].wants);
    }
}

/* ---- votes ---- */

static void put_for_two(struct contract *c, const char *id) {
    struct fx_writes w = {0};
    struct fx_approval approval = {
        .id = id, .run = "r1", .step = "redrive", .expires_ms = 1000, .needed = 2};

    fx_writes_approval(c->sc, &w, &approval);
    contract_write(c, &w);
}

static enum fx_code vote(struct contract *c, const char *voter, int64_t at_ms,
                         struct fx_error *err) {
    struct fx_approval given = decision("a1", FX_APPROVAL_APPROVED, at_ms);
    struct fx_writes w = {0};

    given.decided_by = voter;
    fx_writes_audit(c->sc, &w, voter, "approval.approved", "a1", NULL);
    return c->store->decide(c->store, c->sc, &given, &w, err);
}

static void what_needs_two_is_decided_by_the_second_vote(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval *stored = NULL;
    struct fx_vote **votes = NULL;
    size_t count = 0;

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    put_for_two(c, "a1");
    assert_ok(vote(c, "U2", 400, &err));
    assert_ok(c->store->approval(c->store, c->sc, "a1", &stored, &err));
    assert_int_equal(stored->needed, 2);
    assert_int_equal(stored->state, FX_APPROVAL_PENDING);
    assert_string_equal(stored->decided_by, "");
    struct fx_job *job = contract_claim(c, 400); /* the card is to say so */
    assert_string_equal(job->subject, "r1");
    contract_settle(c, job);

    contract_reopen(c);
    assert_ok(vote(c, "U3", 500, &err));
    assert_ok(c->store->approval(c->store, c->sc, "a1", &stored, &err));
    assert_int_equal(stored->state, FX_APPROVAL_APPROVED);
    assert_string_equal(stored->decided_by, "U3");
    assert_int_equal(stored->execute_before_ms, 560);
    assert_ok(c->store->votes(c->store, c->sc, "a1", &votes, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(votes[0]->voter, "U2");
    assert_int_equal(votes[0]->at_ms, 400);
    assert_string_equal(votes[1]->voter, "U3");
    assert_non_null(contract_claim(c, 500));
    assert_int_equal(contract_audit_rows(c), 2);
    assert_int_equal(vote(c, "U4", 501, &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "already approved by U3"));
}

static void one_person_votes_once_whatever_the_account(void **state) {
    static const char *const accounts[] = {"U2B", "U2"};
    struct contract *c = *state;
    struct fx_approval given = decision("a1", FX_APPROVAL_APPROVED, 500);
    struct fx_vote **votes = NULL;
    struct fx_error err;
    size_t count = 0;

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    put_for_two(c, "a1");
    assert_ok(vote(c, "U2", 400, &err));
    assert_int_equal(vote(c, "U2", 500, &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "U2 has approved this already"));
    given.decided_by = "U2B";
    given.accounts = accounts;
    given.accounts_count = 2;
    assert_int_equal(c->store->decide(c->store, c->sc, &given, NULL, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->votes(c->store, c->sc, "a1", &votes, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(contract_audit_rows(c), 1);
}

static void a_denial_or_the_time_ends_what_one_has_approved(void **state) {
    struct contract *c = *state;
    struct fx_approval no = decision("a1", FX_APPROVAL_DENIED, 500);
    struct fx_approval expired = decision("a2", FX_APPROVAL_EXPIRED, 1000);
    struct fx_approval *stored = NULL;
    struct fx_error err;

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    put_for_two(c, "a1");
    put_for_two(c, "a2");
    assert_ok(vote(c, "U2", 400, &err));
    assert_ok(c->store->decide(c->store, c->sc, &no, NULL, &err));
    assert_int_equal(vote(c, "U3", 501, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->decide(c->store, c->sc, &expired, NULL, &err));
    put_for_two(c, "a3");
    no =
        decision("a3", FX_APPROVAL_APPROVED, 1000); /* the first of two is bound to the time, too */
    assert_int_equal(c->store->decide(c->store, c->sc, &no, NULL, &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "until"));
    assert_ok(c->store->approval(c->store, c->sc, "a1", &stored, &err));
    assert_int_equal(stored->state, FX_APPROVAL_DENIED);
}

static void *race_vote(void *item) {
    struct racer *racer = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_approval given =
        decision(fx_printf(sc, "race%d", racer->race), FX_APPROVAL_APPROVED, 400);
    struct fx_error err;

    given.decided_by = fx_printf(sc, "U%d", (int)racer->wants / 2); /* everybody clicks twice */
    racer->code = racer->c->store->decide(racer->c->store, sc, &given, NULL, &err);
    fx_scope_free(sc);
    return NULL;
}

static void of_eight_who_click_twice_two_approve(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct racer racers[RACERS] = {0};

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    for (int n = 0; n < RACES; n++) {
        struct fx_vote **votes = NULL;
        struct fx_approval *stored = NULL;
        const char *id = fx_printf(c->sc, "race%d", n);
        size_t count = 0;
        int won = 0;

        put_for_two(c, id);
        for (int i = 0; i < RACERS; i++)
            racers[i] = (struct racer){.c = c, .race = n, .wants = (enum fx_approval_state)i};
        contract_threads(RACERS, race_vote, racers, sizeof(racers[0]));
        for (int i = 0; i < RACERS; i++)
            won += racers[i].code == FX_OK;
        assert_int_equal(won, 2);
        assert_ok(c->store->votes(c->store, c->sc, id, &votes, &count, &err));
        assert_int_equal(count, 2);
        assert_string_not_equal(votes[0]->voter, votes[1]->voter);
        assert_ok(c->store->approval(c->store, c->sc, id, &stored, &err));
        assert_int_equal(stored->state, FX_APPROVAL_APPROVED);
        assert_string_equal(stored->decided_by, votes[1]->voter);
    }
}

static void a_known_approval_is_not_asked_for_again(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval again = {.id = "a1", .run = "r1", .expires_ms = 99999};
    struct fx_approval no = decision("a1", FX_APPROVAL_DENIED, 400);
    struct fx_approval *stored = NULL;
    struct fx_approval **pending = NULL;
    size_t count = 0;
    struct fx_writes w = {0};

    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    contract_approval_put(c, "a1", "r1", 1000);
    contract_approval_put(c, "a2", "r1", 1000);
    assert_ok(c->store->decide(c->store, c->sc, &no, NULL, &err));
    fx_writes_approval(c->sc, &w, &again);
    assert_int_equal(c->store->write(c->store, c->sc, NULL, &w, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->approval(c->store, c->sc, "a1", &stored, &err));
    assert_int_equal(stored->state, FX_APPROVAL_DENIED);
    assert_ok(c->store->approvals_pending(c->store, c->sc, 10, &pending, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(pending[0]->id, "a2");
}

/* ---- stop ---- */

static void a_wish_to_stop_cannot_be_written_over(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_run *stored = NULL;
    struct fx_writes w = {0};
    const char *user = "";

    contract_run_put(c, "r1", FX_RUN_RUNNING);
    assert_ok(c->store->stopped_by(c->store, c->sc, "r1", &user, &err));
    assert_null(user);
    fx_writes_audit(c->sc, &w, "U3", "run.stop", "r1", NULL);
    assert_ok(c->store->request_stop(c->store, c->sc, "r1", "U3", &w, &err));
    assert_ok(c->store->request_stop(c->store, c->sc, "r1", "U4", &w, &err));
    contract_run_put(c, "r1", FX_RUN_RUNNING); /* a worker that has not seen it */
    assert_ok(c->store->run(c->store, c->sc, "r1", &stored, &err));
    assert_true(stored->stop_requested);
    assert_string_equal(stored->stop_by, "U3");
    assert_ok(c->store->stopped_by(c->store, c->sc, "r1", &user, &err));
    assert_string_equal(user, "U3");
    assert_int_equal(contract_audit_rows(c), 1);
}

static void a_run_that_ended_cannot_be_stopped(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_run_put(c, "r1", FX_RUN_DONE);
    assert_int_equal(c->store->request_stop(c->store, c->sc, "r1", "U3", NULL, &err),
                     FX_ERR_CONFLICT);
    assert_int_equal(c->store->request_stop(c->store, c->sc, "r2", "U3", NULL, &err),
                     FX_ERR_NOT_FOUND);
}

int store_contract_effects(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(an_effect_is_begun_once_and_survives_a_restart),
        CONTRACT_TEST(the_truth_about_an_effect_is_written_once),
        CONTRACT_TEST(an_outcome_of_one_promise_ends_no_other),
        CONTRACT_TEST(effects_that_go_together_are_begun_and_ended_all_or_none),
        CONTRACT_TEST(of_sixteen_that_begin_an_effect_one_may),
        CONTRACT_TEST(a_decision_is_kept_and_wakes_the_run),
        CONTRACT_TEST(the_first_decision_wins),
        CONTRACT_TEST(the_last_moment_belongs_to_expiry),
        CONTRACT_TEST(of_sixteen_that_decide_one_wins),
        CONTRACT_TEST(what_needs_two_is_decided_by_the_second_vote),
        CONTRACT_TEST(one_person_votes_once_whatever_the_account),
        CONTRACT_TEST(a_denial_or_the_time_ends_what_one_has_approved),
        CONTRACT_TEST(of_eight_who_click_twice_two_approve),
        CONTRACT_TEST(a_known_approval_is_not_asked_for_again),
        CONTRACT_TEST(a_wish_to_stop_cannot_be_written_over),
        CONTRACT_TEST(a_run_that_ended_cannot_be_stopped),
    };

    return cmocka_run_group_tests_name("store effects", tests, NULL, NULL);
}
