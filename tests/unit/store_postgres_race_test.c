/* store_postgres_race_test.c - two processes on one PostgreSQL want the same in the same moment:
 * one gets it.
 *
 * Two stores in two threads are two pools that share nothing but the database, which is all that
 * two processes share.
 */
#include "support/test.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/store.h"
#include "support/postgres.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 1000, RACE_MS = 1000, RIVALS = 2, NOW_MS = 1000000, LEASE_MS = 1000 };

/* ---- fixture ---- */

struct fixture {
    struct test_postgres *postgres;
    struct fx_scope *sc;
    struct fx_clock clock;
    struct fx_store *stores[RIVALS];
};

static int64_t now(struct fx_clock *clock) {
    (void)clock;
    return NOW_MS;
}

static struct fx_store *open_one(struct fixture *f) {
    struct fx_store *store = NULL;
    struct fx_error err;

    assert_ok(fx_store_open(f->sc, f->postgres->url, &f->clock, fx_random_system(), &store, &err));
    return store;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->postgres = *state;
    f->sc = fx_scope_new(NULL);
    f->clock = (struct fx_clock){.wall_ms = now, .mono_ms = now};
    test_postgres_empty(f->postgres);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    for (int i = 0; i < RIVALS; i++)
        if (f->stores[i] != NULL)
            f->stores[i]->close(f->stores[i]);
    fx_scope_free(f->sc);
    free(f);
    return 0;
}

static void open_rivals(struct fixture *f) {
    for (int i = 0; i < RIVALS; i++)
        f->stores[i] = open_one(f);
}

static int64_t sql(struct fixture *f, const char *text) {
    return test_postgres_sql(f->postgres, text);
}

static void write_all(struct fixture *f, const struct fx_writes *w) {
    struct fx_error err;

    assert_ok(f->stores[0]->write(f->stores[0], f->sc, NULL, w, &err));
}

static void assert_chain_is_whole(struct fixture *f, int64_t expected_rows) {
    struct fx_error err;
    const char *head = NULL;
    int64_t rows = 0, bad_n = 0;

    assert_ok(fx_audit_verify(f->stores[0], f->sc, &rows, &bad_n, &head, &err));
    assert_int_equal(bad_n, 0);
    assert_int_equal(rows, expected_rows);
}

/* ---- races ---- */

struct rival;
/* One try in one round: true when it won. */
typedef bool race_fn(struct rival *rival, struct fx_scope *sc, int round);

struct rival {
    struct fx_store *store;
    int number;
    race_fn *race;
    pthread_barrier_t *start;
    _Atomic bool *over;
    bool won[ROUNDS];
    int rounds; /* that were run */
    int broken; /* answers that are neither a victory nor a defeat */
};

static void *run_rival(void *item) {
    struct rival *rival = item;
    int64_t end_ms = fx_mono_ms(fx_clock_system()) + RACE_MS;

    for (int round = 0; round < ROUNDS; round++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        if (rival->number == 0 && fx_mono_ms(fx_clock_system()) >= end_ms)
            atomic_store(rival->over, true);
        pthread_barrier_wait(rival->start);
        if (!atomic_load(rival->over)) {
            rival->won[round] = rival->race(rival, sc, round);
            rival->rounds++;
        }
        fx_scope_free(sc);
        pthread_barrier_wait(rival->start); /* over is not set before all have read it */
    }
    return NULL;
}

struct outcome {
    int rounds;    /* as many as there was time for */
    int one, more; /* rounds with one winner, with more than one */
};

static struct outcome run_race(struct fixture *f, race_fn *race) {
    static struct rival rivals[RIVALS];
    pthread_barrier_t start;
    pthread_t threads[RIVALS];
    _Atomic bool over = false;
    struct outcome outcome = {0};

    pthread_barrier_init(&start, NULL, RIVALS);
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){
            .store = f->stores[i], .number = i, .race = race, .start = &start, .over = &over};
        assert_int_equal(pthread_create(&threads[i], NULL, run_rival, &rivals[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(rivals[i].broken, 0);
    }
    pthread_barrier_destroy(&start);
    outcome.rounds = rivals[0].rounds;
    for (int round = 0; round < outcome.rounds; round++) {
        int winners = 0;
        for (int i = 0; i < RIVALS; i++)
            winners += rivals[i].won[round];
        outcome.one += winners == 1;
        outcome.more += winners > 1;
    }
    return outcome;
}

/* Exactly one wins each round; how many rounds that were. */
static int race_of_equals(struct fixture *f, race_fn *race) {
    struct outcome outcome = run_race(f, race);

    assert_true(outcome.rounds > 0);
    assert_int_equal(outcome.one, outcome.rounds);
    return outcome.rounds;
}

static bool victory(struct rival *rival, enum fx_code code) {
    rival->broken += code != FX_OK && code != FX_ERR_CONFLICT;
    return code == FX_OK;
}

static bool race_accept(struct rival *rival, struct fx_scope *sc, int round) {
    const char *shared = fx_printf(sc, "shared-%d", round);
    const char *own = fx_printf(sc, "own-%d-%d", round, rival->number);
    /* each names the keys in another order: they must not wait for each other in a circle */
    const char *keys[] = {shared, fx_printf(sc, "also-%d", round)};
    struct fx_event event = {.id = own,
                             .kind = "sns",
                             .body = "{}",
                             .received_ms = NOW_MS,
                             .keys = {keys[rival->number], keys[1 - rival->number]}};
    struct fx_error err;
    bool added = false;

    rival->broken += rival->store->accept(rival->store, sc, &event, &added, &err) != FX_OK;
    return added;
}

static void of_two_that_accept_the_same_key_one_stores_it(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    int rounds = race_of_equals(f, race_accept);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.events"), rounds);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), rounds);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.event_keys"), 2 * rounds);
}

/* One job in each round, and one more of the same subject: only one of them may be held. */
static bool race_claim(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    (void)round;

    rival->broken +=
        rival->store->claim(rival->store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) != FX_OK;
    /* who got it settles it once both have tried; then the other job of the subject is free */
    pthread_barrier_wait(rival->start);
    if (job != NULL)
        rival->broken += rival->store->settle(rival->store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL,
                                              &err) != FX_OK;
    pthread_barrier_wait(rival->start);
    return job != NULL;
}

static void of_two_that_claim_one_subject_one_gets_it(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    /* twice the same subject ready: after retries that happens by itself */
    sql(f, fx_printf(f->sc,
                     "INSERT INTO fluxabot.jobs (kind, subject, due_ms, at_ms) SELECT 'run', 'r', "
                     "1, 1 FROM generate_series(1, %d)",
                     ROUNDS));
    int rounds = race_of_equals(f, race_claim);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs WHERE state = 2"), rounds);
}

static bool race_claim_any(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    (void)round;

    rival->broken +=
        rival->store->claim(rival->store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) != FX_OK;
    rival->broken += job == NULL || job->attempts != 1;
    return true;
}

static void of_many_jobs_each_is_claimed_once(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    sql(f, fx_printf(f->sc,
                     "INSERT INTO fluxabot.jobs (kind, subject, due_ms, at_ms) SELECT 'run', "
                     "'r' || i, 1, 1 FROM generate_series(1, %d) AS i",
                     RIVALS * ROUNDS));
    int rounds = run_race(f, race_claim_any).rounds;
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs WHERE state = 1 AND attempts = 1"),
                     RIVALS * rounds);
}

static void put_run(struct fixture *f, const char *id) {
    struct fx_writes w = {0};
    struct fx_run run = {.id = id, .state = FX_RUN_APPROVAL};

    fx_writes_run(f->sc, &w, &run);
    write_all(f, &w);
}

static bool race_begin(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_intent intent = {.run = "r1", .step = "s", .key = fx_printf(sc, "k%d", round)};
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_audit(sc, &w, "U1", "effect.begun", "r1", NULL);
    return victory(rival, rival->store->begin_effect(rival->store, sc, NULL, &intent, &w, &err));
}

static void of_two_that_begin_an_effect_one_may(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    put_run(f, "r1");
    int rounds = race_of_equals(f, race_begin);
    assert_chain_is_whole(f, rounds);
}

static bool race_decide(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_approval given = {.id = fx_printf(sc, "a%d", round),
                                .state =
                                    rival->number == 0 ? FX_APPROVAL_APPROVED : FX_APPROVAL_DENIED,
                                .decided_by = rival->number == 0 ? "U1" : "U2",
                                .decided_ms = 5};
    struct fx_writes w = {0};
    struct fx_error err;

    fx_writes_audit(sc, &w, given.decided_by, "approval.decided", given.id, NULL);
    enum fx_code code = rival->store->decide(rival->store, sc, &given, &w, &err);
    /* who comes too late is told by whom */
    rival->broken += code == FX_ERR_CONFLICT && strstr(err.message, "this was already") == NULL;
    return victory(rival, code);
}

static void of_two_that_decide_the_first_wins(void **state) {
    struct fixture *f = *state;
    struct fx_writes w = {0};

    open_rivals(f);
    put_run(f, "r1");
    for (int i = 0; i < ROUNDS; i++) {
        struct fx_approval approval = {
            .id = fx_printf(f->sc, "a%d", i), .run = "r1", .step = "s", .expires_ms = 10};
        fx_writes_approval(f->sc, &w, &approval);
    }
    write_all(f, &w);
    int rounds = race_of_equals(f, race_decide);
    assert_chain_is_whole(f, rounds);
    /* every one of them woke the same run */
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), 1);
}

/* Both want a job and a text of the same name, and an incident of the same key. */
static bool race_write(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_message message = {.kind = FX_MESSAGE_PUT,
                                 .key = fx_printf(sc, "m%d", round),
                                 .channel = "C1",
                                 .payload_json = fx_printf(sc, "%d", rival->number)};
    struct fx_incident incident = {.id = fx_printf(sc, "i%d-%d", round, rival->number),
                                   .system = "fluxa",
                                   .key = fx_printf(sc, "arn%d", round)};
    struct fx_writes w = {0};
    struct fx_writes more = {0};
    struct fx_error err;

    fx_writes_message(sc, &w, &message);
    fx_writes_job(sc, &w, "run", fx_printf(sc, "r%d", round), 10 + rival->number);
    fx_writes_audit(sc, &w, "U1", "a", "s", NULL);
    rival->broken += rival->store->write(rival->store, sc, NULL, &w, &err) != FX_OK;
    fx_writes_incident(sc, &more, &incident);
    return victory(rival, rival->store->write(rival->store, sc, NULL, &more, &err));
}

static void two_that_write_the_same_find_each_other(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    int rounds = race_of_equals(f, race_write);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.outbox WHERE state = 0"), rounds);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs WHERE due_ms = 10"), rounds);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs"), rounds);
    assert_chain_is_whole(f, RIVALS * rounds);
}

static bool race_send(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    /* each round when the lane is free again */
    int64_t now_ms = NOW_MS + (int64_t)round * FX_STORE_POST_PACE_MS;

    rival->broken += rival->store->outbox_ready(rival->store, sc, now_ms, 1, &messages, &count,
                                                &next_ms, &err) != FX_OK;
    pthread_barrier_wait(rival->start);
    if (count == 0)
        return false;
    bool won = victory(
        rival, rival->store->outbox_begin(rival->store, sc, messages[0]->seq, now_ms, &err));
    if (won)
        rival->broken += rival->store->outbox_sent(rival->store, sc, messages[0]->seq, "1.1",
                                                   now_ms, &err) != FX_OK;
    return won;
}

static void of_two_that_send_a_message_one_does(void **state) {
    struct fixture *f = *state;
    struct fx_writes w = {0};

    open_rivals(f);
    for (int i = 0; i < ROUNDS; i++) {
        struct fx_message message = {
            .kind = FX_MESSAGE_PUT, .key = fx_printf(f->sc, "m%d", i), .channel = "C1"};
        fx_writes_message(f->sc, &w, &message);
    }
    write_all(f, &w);
    int rounds = race_of_equals(f, race_send);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.outbox WHERE state = 2 AND "
                            "attempts = 1"),
                     rounds);
}

/* The lease has run out: its holder settles while another one claims. */
static bool race_settle(struct rival *rival, struct fx_scope *sc, int round) {
    const char *run = fx_printf(sc, "r%d", round);
    struct fx_store *store = rival->store;
    struct fx_writes w = {0};
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    bool won = false;

    fx_writes_job(sc, &w, "run", run, NOW_MS);
    if (rival->number == 0)
        rival->broken +=
            store->write(store, sc, NULL, &w, &err) != FX_OK ||
            store->claim(store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) != FX_OK ||
            job == NULL;
    pthread_barrier_wait(rival->start);
    if (rival->number == 0) {
        won = victory(rival, store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
    } else {
        rival->broken += store->claim(store, sc, "w", NOW_MS + LEASE_MS, LEASE_MS, &job, &next_ms,
                                      &err) != FX_OK;
        won = job != NULL;
    }
    pthread_barrier_wait(rival->start);
    if (rival->number == 1 && won)
        rival->broken +=
            store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err) != FX_OK;
    return won;
}

static void a_claim_and_the_end_of_the_claim_before_it_are_never_both(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    (void)race_of_equals(f, race_settle);
}

/* One asks for a run while the other takes the job that was ready: whoever did not see what was
 * written with the wish must find another job. */
static bool race_wake(struct rival *rival, struct fx_scope *sc, int round) {
    const char *run = fx_printf(sc, "r%d", round);
    struct fx_store *store = rival->store;
    struct fx_writes w = {0};
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    const char *seen = "";

    if (rival->number == 0) {
        fx_writes_job(sc, &w, "run", run, NOW_MS);
        rival->broken += store->write(store, sc, NULL, &w, &err) != FX_OK;
        w.jobs_count = 0;
        fx_writes_job(sc, &w, "run", run, NOW_MS - 1);
        fx_writes_setting(sc, &w, run, "decided");
    }
    pthread_barrier_wait(rival->start);
    if (rival->number == 0) {
        rival->broken += store->write(store, sc, NULL, &w, &err) != FX_OK;
    } else {
        do /* it may be locked by the wish itself */
            rival->broken +=
                store->claim(store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) != FX_OK ||
                store->setting(store, sc, run, &seen, &err) != FX_OK;
        while (job == NULL);
    }
    pthread_barrier_wait(rival->start);
    if (rival->number == 0)
        return false;
    rival->broken += store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err) != FX_OK;
    rival->broken += store->claim(store, sc, "w", NOW_MS, LEASE_MS, &job, &next_ms, &err) != FX_OK;
    rival->broken += seen[0] == '\0' && job == NULL;
    if (job != NULL)
        rival->broken +=
            store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err) != FX_OK;
    return true;
}

static void no_wish_is_lost_when_the_job_is_just_being_taken(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    (void)run_race(f, race_wake);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.jobs WHERE state <> 2"), 0);
}

/* One writes a newer text while the other begins to send the old one. */
static bool race_replace(struct rival *rival, struct fx_scope *sc, int round) {
    struct fx_message message = {
        .kind = FX_MESSAGE_PUT, .key = fx_printf(sc, "m%d", round), .channel = "C1"};
    struct fx_store *store = rival->store;
    struct fx_message **messages = NULL;
    struct fx_writes w = {0};
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;
    bool begun = false;
    int64_t now_ms = NOW_MS + (int64_t)round * 2 * FX_STORE_POST_PACE_MS;

    fx_writes_message(sc, &w, &message);
    if (rival->number == 0)
        rival->broken += store->write(store, sc, NULL, &w, &err) != FX_OK;
    pthread_barrier_wait(rival->start);
    if (rival->number == 1)
        rival->broken +=
            store->outbox_ready(store, sc, now_ms, 1, &messages, &count, &next_ms, &err) != FX_OK ||
            count != 1;
    pthread_barrier_wait(rival->start);
    if (rival->number == 0)
        rival->broken += store->write(store, sc, NULL, &w, &err) != FX_OK;
    else
        begun = victory(rival, store->outbox_begin(store, sc, messages[0]->seq, now_ms, &err));
    pthread_barrier_wait(rival->start);
    /* what is being sent is not replaced, and the text after it waits */
    if (begun)
        rival->broken +=
            store->outbox_sent(store, sc, messages[0]->seq, "1.1", now_ms, &err) != FX_OK;
    if (rival->number == 1) {
        now_ms += FX_STORE_POST_PACE_MS;
        rival->broken +=
            store->outbox_ready(store, sc, now_ms, 5, &messages, &count, &next_ms, &err) != FX_OK ||
            count != 1 || store->outbox_begin(store, sc, messages[0]->seq, now_ms, &err) != FX_OK ||
            store->outbox_sent(store, sc, messages[0]->seq, "1.2", now_ms, &err) != FX_OK;
    }
    return true;
}

static void a_text_that_is_being_sent_is_not_replaced(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    (void)run_race(f, race_replace);
    assert_int_equal(sql(f, "SELECT COUNT(*) FROM fluxabot.outbox WHERE state <> 2"), 0);
}

/* The broken twin: looks, then writes. If nobody sees that both have won, the rounds above prove
 * nothing. */
static bool race_without_care(struct rival *rival, struct fx_scope *sc, int round) {
    const char *name = fx_printf(sc, "winner-%d", round);
    struct fx_writes w = {0};
    struct fx_error err;
    const char *value = NULL;

    rival->broken += rival->store->setting(rival->store, sc, name, &value, &err) != FX_OK;
    pthread_barrier_wait(rival->start);
    if (value == NULL || value[0] != '\0')
        return false;
    fx_writes_setting(sc, &w, name, "taken");
    return victory(rival, rival->store->write(rival->store, sc, NULL, &w, &err));
}

static void the_same_rounds_catch_those_who_look_before_they_write(void **state) {
    struct fixture *f = *state;

    open_rivals(f);
    struct outcome outcome = run_race(f, race_without_care);
    printf("broken twin: %d of %d rounds with two winners\n", outcome.more, outcome.rounds);
    assert_true(outcome.more > 0);
}

int main(void) {
    struct test_postgres postgres;

#define RACE_TEST(test)                                                                            \
    { #test, test, setup, teardown, &postgres }
    const struct CMUnitTest tests[] = {
        RACE_TEST(of_two_that_accept_the_same_key_one_stores_it),
        RACE_TEST(of_two_that_claim_one_subject_one_gets_it),
        RACE_TEST(of_many_jobs_each_is_claimed_once),
        RACE_TEST(a_claim_and_the_end_of_the_claim_before_it_are_never_both),
        RACE_TEST(no_wish_is_lost_when_the_job_is_just_being_taken),
        RACE_TEST(of_two_that_begin_an_effect_one_may),
        RACE_TEST(of_two_that_decide_the_first_wins),
        RACE_TEST(two_that_write_the_same_find_each_other),
        RACE_TEST(of_two_that_send_a_message_one_does),
        RACE_TEST(a_text_that_is_being_sent_is_not_replaced),
        RACE_TEST(the_same_rounds_catch_those_who_look_before_they_write),
    };

    test_postgres_make(&postgres);
    test_postgres_start(&postgres, NULL);
    int failed = cmocka_run_group_tests_name("store postgres race", tests, NULL, NULL);
    test_postgres_remove(&postgres);
    return failed;
}
