/* store_contract_ranks.c - what people wait for comes first, and what machines tell goes on. */
#include "contract/store_contract.h"

#include <string.h>

enum {
    ALARMS = 5000,
    AT_ONCE = 250, /* rows of one transaction */
    TURNS = FX_STORE_PEOPLE_IN_A_ROW + 1,
};

static void put(struct contract *c, enum fx_rank rank, const char *subject, int64_t due_ms) {
    struct fx_writes w = {0};

    fx_writes_job_of_rank(c->sc, &w, rank, "run", subject, due_ms);
    contract_write(c, &w);
}

static void put_many(struct contract *c, enum fx_rank rank, int count) {
    for (int from = 0; from < count; from += AT_ONCE) {
        struct fx_writes w = {0};

        for (int i = from; i < from + AT_ONCE && i < count; i++)
            fx_writes_job_of_rank(c->sc, &w, rank, "run", fx_printf(c->sc, "%d-%d", (int)rank, i),
                                  i);
        contract_write(c, &w);
    }
}

static void click(struct contract *c, const char *id) {
    struct fx_event event = {.id = id,
                             .kind = "slack.interaction",
                             .body = "{}",
                             .rank = FX_RANK_PERSON,
                             .received_ms = CONTRACT_NOW_MS};
    struct fx_error err;
    bool added = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_true(added);
}

static void a_click_is_next_under_thousands_of_alarms(void **state) {
    struct contract *c = *state;

    put_many(c, FX_RANK_MACHINE, ALARMS);
    for (int i = 0; i < 2 * TURNS; i++) /* a storm that goes on already */
        assert_int_equal(contract_claim(c, CONTRACT_NOW_MS)->rank, FX_RANK_MACHINE);
    click(c, "e1");
    contract_reopen(c);
    struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);
    assert_string_equal(job->subject, "e1");
    assert_int_equal(job->rank, FX_RANK_PERSON);
    contract_settle(c, job);
    assert_int_equal(contract_claim(c, CONTRACT_NOW_MS)->rank, FX_RANK_MACHINE);
}

static void alarms_go_on_under_a_stream_of_clicks(void **state) {
    struct contract *c = *state;

    put_many(c, FX_RANK_MACHINE, 20);
    put_many(c, FX_RANK_PERSON, 200);
    for (int i = 1; i <= 10 * TURNS; i++) {
        struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);

        assert_int_equal(job->rank, i % TURNS == 0 ? FX_RANK_MACHINE : FX_RANK_PERSON);
        contract_settle(c, job);
    }
}

/* In each rank still what waits longest. */
static void each_rank_keeps_its_order(void **state) {
    struct contract *c = *state;

    put(c, FX_RANK_MACHINE, "old alarm", 100);
    put(c, FX_RANK_PERSON, "second click", 300);
    put(c, FX_RANK_PERSON, "first click", 200);
    put(c, FX_RANK_MACHINE, "new alarm", 400);
    assert_string_equal(contract_claim(c, 400)->subject, "first click");
    assert_string_equal(contract_claim(c, 400)->subject, "second click");
    assert_string_equal(contract_claim(c, 400)->subject, "old alarm");
    assert_string_equal(contract_claim(c, 400)->subject, "new alarm");
    assert_null(contract_claim(c, 400));
}

/* A turn without anybody to take it is not lost, and holds nobody up. */
static void clicks_alone_are_never_held_up(void **state) {
    struct contract *c = *state;

    put_many(c, FX_RANK_PERSON, 3 * TURNS);
    for (int i = 0; i < 3 * TURNS; i++)
        assert_non_null(contract_claim(c, CONTRACT_NOW_MS));
    assert_null(contract_claim(c, CONTRACT_NOW_MS));
    put(c, FX_RANK_PERSON, "click", 100);
    put(c, FX_RANK_MACHINE, "alarm", 100);
    assert_string_equal(contract_claim(c, CONTRACT_NOW_MS)->subject, "alarm");
    assert_string_equal(contract_claim(c, CONTRACT_NOW_MS)->subject, "click");
}

/* As a worker does that finds a job for somebody who is alone: the next claim must find it again.
 */
static void what_is_given_back_is_found_again_under_a_stream_of_clicks(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, FX_RANK_MACHINE, "alarm", 100);
    put_many(c, FX_RANK_PERSON, 10 * TURNS);
    for (int i = 0; i < FX_STORE_PEOPLE_IN_A_ROW; i++)
        assert_int_equal(contract_claim(c, CONTRACT_NOW_MS)->rank, FX_RANK_PERSON);
    for (int i = 0; i < 3; i++) {
        struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);

        assert_string_equal(job->subject, "alarm");
        assert_ok(
            c->store->settle(c->store, c->sc, job, FX_SETTLE_BACK, job->due_ms, NULL, NULL, &err));
    }
}

static struct fx_job *claim_for_people(struct contract *c, int64_t now_ms, int64_t *ret_next_ms) {
    struct fx_job *job = NULL;
    struct fx_error err;

    assert_ok(c->store->claim_for_people(c->store, c->sc, "w", now_ms, CONTRACT_LEASE_MS, &job,
                                         ret_next_ms, &err));
    return job;
}

static void who_is_there_for_people_takes_nothing_else(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    put(c, FX_RANK_MACHINE, "alarm", 100);
    put(c, FX_RANK_PERSON, "later", 300);
    put(c, FX_RANK_PERSON, "click", 200);
    assert_null(claim_for_people(c, 150, &next_ms));
    assert_int_equal(next_ms, 200); /* what it may not take is not waited for */
    assert_string_equal(claim_for_people(c, 200, &next_ms)->subject, "click");
    assert_null(claim_for_people(c, 200, &next_ms));
    assert_int_equal(next_ms, 300);
    assert_string_equal(contract_claim(c, 200)->subject, "alarm");
}

/* Its claims count as people's turns, so those who take both come to the alarms as before. */
static void alarms_go_on_beside_one_who_is_there_for_people(void **state) {
    struct contract *c = *state;
    int64_t next_ms = 0;

    put_many(c, FX_RANK_PERSON, 2 * TURNS);
    put(c, FX_RANK_MACHINE, "alarm", 100);
    for (int i = 0; i < FX_STORE_PEOPLE_IN_A_ROW; i++)
        assert_int_equal(claim_for_people(c, CONTRACT_NOW_MS, &next_ms)->rank, FX_RANK_PERSON);
    assert_string_equal(contract_claim(c, CONTRACT_NOW_MS)->subject, "alarm");
}

static void what_comes_next_is_the_first_of_both_ranks(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    put(c, FX_RANK_PERSON, "click", 300);
    put(c, FX_RANK_MACHINE, "alarm", 200);
    assert_ok(c->store->claim(c->store, c->sc, "w", 100, 10, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 200);
    assert_string_equal(contract_claim(c, 200)->subject, "alarm");
    assert_ok(c->store->claim(c->store, c->sc, "w", 200, 10, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 300);
}

static void an_equal_job_that_a_person_asks_for_becomes_theirs(void **state) {
    struct contract *c = *state;

    put(c, FX_RANK_MACHINE, "waits", 500);
    put(c, FX_RANK_PERSON, "waits", 900); /* not later for it */
    put(c, FX_RANK_MACHINE, "other", 100);
    struct fx_job *job = contract_claim(c, 500);
    assert_string_equal(job->subject, "waits");
    assert_int_equal(job->rank, FX_RANK_PERSON);
    assert_int_equal(job->due_ms, 500);
    contract_settle(c, job);

    put(c, FX_RANK_PERSON, "asked", 500);
    put(c, FX_RANK_MACHINE, "asked", 400); /* nor less theirs */
    job = contract_claim(c, 400);
    assert_string_equal(job->subject, "asked");
    assert_int_equal(job->rank, FX_RANK_PERSON);
    assert_int_equal(job->due_ms, 400);
}

static void a_rank_outlives_a_lease_and_a_retry(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    put(c, FX_RANK_PERSON, "click", 200);
    assert_int_equal(contract_claim(c, 200)->rank, FX_RANK_PERSON);
    put(c, FX_RANK_MACHINE, "alarm", 100);
    contract_reopen(c);
    struct fx_job *job = contract_claim(c, 200 + CONTRACT_LEASE_MS);
    assert_string_equal(job->subject, "click");
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_RETRY, 5000, "later", NULL, &err));
    job = contract_claim(c, 5000);
    assert_string_equal(job->subject, "click");
}

static void what_a_person_wants_done_again_and_what_one_decided_are_a_persons(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_approval given = {
        .id = "a1", .state = FX_APPROVAL_APPROVED, .decided_by = "U2", .decided_ms = 100};

    put(c, FX_RANK_MACHINE, "poison", 1);
    struct fx_job *job = contract_claim(c, 100);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_QUARANTINE, 0, "no", NULL, &err));
    contract_run_put(c, "r1", FX_RUN_APPROVAL);
    contract_approval_put(c, "a1", "r1", 5000);
    put_many(c, FX_RANK_MACHINE, 3);
    assert_ok(c->store->revive(c->store, c->sc, job->id, 50, NULL, &err));
    assert_ok(c->store->decide(c->store, c->sc, &given, NULL, &err));
    assert_string_equal(contract_claim(c, 100)->subject, "poison");
    assert_string_equal(contract_claim(c, 100)->subject, "r1");
    assert_int_equal(contract_claim(c, 100)->rank, FX_RANK_MACHINE);
}

int store_contract_ranks(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_click_is_next_under_thousands_of_alarms),
        CONTRACT_TEST(alarms_go_on_under_a_stream_of_clicks),
        CONTRACT_TEST(each_rank_keeps_its_order),
        CONTRACT_TEST(clicks_alone_are_never_held_up),
        CONTRACT_TEST(what_is_given_back_is_found_again_under_a_stream_of_clicks),
        CONTRACT_TEST(who_is_there_for_people_takes_nothing_else),
        CONTRACT_TEST(alarms_go_on_beside_one_who_is_there_for_people),
        CONTRACT_TEST(what_comes_next_is_the_first_of_both_ranks),
        CONTRACT_TEST(an_equal_job_that_a_person_asks_for_becomes_theirs),
        CONTRACT_TEST(a_rank_outlives_a_lease_and_a_retry),
        CONTRACT_TEST(what_a_person_wants_done_again_and_what_one_decided_are_a_persons),
    };

    return cmocka_run_group_tests_name("store ranks", tests, NULL, NULL);
}
