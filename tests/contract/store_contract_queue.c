/* store_contract_queue.c - events are kept once, jobs are done by one. */
#include "contract/store_contract.h"

#include <stdio.h>
#include <string.h>

/* ---- accept ---- */

static void keeps_event_and_job_together(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_event event = {.id = "e1",
                             .kind = "slack.command",
                             .body = "text=dlq+\xc3\xa4",
                             .verified = true,
                             .received_ms = CONTRACT_NOW_MS,
                             .keys = {"a", "b", "c"}};
    struct fx_event *stored = NULL;
    bool added = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_true(added);
    contract_reopen(c);

    assert_ok(c->store->event(c->store, c->sc, "e1", &stored, &err));
    assert_non_null(stored);
    assert_string_equal(stored->kind, event.kind);
    assert_string_equal(stored->body, event.body);
    assert_true(stored->verified);
    assert_int_equal(stored->received_ms, event.received_ms);
    assert_string_equal(stored->keys[2], "c");
    struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);
    assert_non_null(job);
    assert_string_equal(job->kind, "event");
    assert_string_equal(job->subject, "e1");
    assert_int_equal(job->attempts, 1);
}

static void any_known_key_makes_a_repetition(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_event first = {.id = "e1", .kind = "sns", .body = "", .keys = {"a", "b", "c"}};

    for (int i = 0; i < FX_STORE_EVENT_KEYS; i++)
        for (int at = 0; at < FX_STORE_EVENT_KEYS; at++) {
            struct fx_event again = {.id = "e2", .kind = "sns", .body = ""};
            bool added = false;
            again.keys[at] = first.keys[i];
            assert_ok(c->store->accept(c->store, c->sc, &first, &added, &err));
            assert_true(added == (i == 0 && at == 0));
            assert_ok(c->store->accept(c->store, c->sc, &again, &added, &err));
            assert_false(added);
            if (i == 1)
                contract_reopen(c);
        }
    struct fx_job *job = contract_claim(c, CONTRACT_NOW_MS);
    contract_settle(c, job);
    assert_null(contract_claim(c, CONTRACT_NOW_MS));
}

static void a_repetition_takes_none_of_its_other_keys(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    bool added = false;
    struct fx_event first = {.id = "e1", .kind = "sns", .body = "", .keys = {"a"}};

    assert_ok(c->store->accept(c->store, c->sc, &first, &added, &err));
    /* known by each of its keys in turn, and by its id */
    for (int at = 0; at < FX_STORE_EVENT_KEYS; at++) {
        struct fx_event again = {.id = "e2", .kind = "sns", .body = "", .keys = {"x", "y", "z"}};

        again.keys[at] = "a";
        assert_ok(c->store->accept(c->store, c->sc, &again, &added, &err));
        assert_false(added);
    }
    struct fx_event same_id = {.id = "e1", .kind = "sns", .body = "", .keys = {"x", "y", "z"}};

    assert_ok(c->store->accept(c->store, c->sc, &same_id, &added, &err));
    assert_false(added);
    for (int i = 0; i < FX_STORE_EVENT_KEYS; i++) {
        const char *const keys[] = {"x", "y", "z"};
        struct fx_event other = {
            .id = fx_printf(c->sc, "n%d", i), .kind = "sns", .body = "", .keys = {keys[i]}};

        assert_ok(c->store->accept(c->store, c->sc, &other, &added, &err));
        assert_true(added);
    }
}

static void events_without_keys_are_told_apart_by_id(void **state) {
    struct contract *c = *state;

    assert_true(contract_accept(c, "e1", NULL));
    assert_true(contract_accept(c, "e2", ""));
    assert_false(contract_accept(c, "e2", "late key"));
    assert_true(contract_accept(c, "e3", "late key"));
}

static void refuses_a_body_beyond_the_limit(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    char *body = fx_alloc(c->sc, FX_STORE_MAX_BODY_BYTES + 2);
    struct fx_event event = {.id = "e1", .kind = "sns", .body = body, .keys = {"k"}};
    bool added = false;

    memset(body, 'x', FX_STORE_MAX_BODY_BYTES + 1);
    assert_int_equal(c->store->accept(c->store, c->sc, &event, &added, &err), FX_ERR_LIMIT);
    body[FX_STORE_MAX_BODY_BYTES] = '\0';
    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_true(added);
}

/* The bytes may differ: see store.h. */
static void keeps_an_event_whose_text_is_not_utf8(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_event event = {.id = "e1", .kind = "sns", .body = "<\xff\xc3>", .keys = {"\xfe"}};
    struct fx_event *stored = NULL;
    bool added = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_true(added);
    assert_ok(c->store->event(c->store, c->sc, "e1", &stored, &err));
    assert_int_equal(stored->body[0], '<');
    assert_int_equal(stored->body[strlen(stored->body) - 1], '>');
    event.id = "e2";
    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_false(added);
}

static void a_key_given_twice_is_one_key(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_event event = {.id = "e1", .kind = "sns", .body = "", .keys = {"a", "a", "a"}};
    bool added = false;

    assert_ok(c->store->accept(c->store, c->sc, &event, &added, &err));
    assert_true(added);
    assert_false(contract_accept(c, "e2", "a"));
}

struct sender {
    struct contract *c;
    int first;
    int added, failed;
};
enum { SENDERS = 16, EVENTS_EACH = 40, EVENTS_SHARED = SENDERS * EVENTS_EACH / 2 };

/* Two senders share each event, and one in ten is too large to be stored. */
static void *send_events(void *item) {
    struct sender *sender = item;
    struct fx_scope *sc = fx_scope_new(NULL);
    char *huge = fx_alloc(sc, FX_STORE_MAX_BODY_BYTES + 2);

    memset(huge, 'x', FX_STORE_MAX_BODY_BYTES + 1);
    for (int i = 0; i < EVENTS_EACH; i++) {
        int n = (sender->first + i) % EVENTS_SHARED;
        struct fx_event event = {.id = fx_printf(sc, "e%d-%d", sender->first, i),
                                 .kind = "sns",
                                 .body = i % 10 == 9 ? huge : "{}",
                                 .received_ms = CONTRACT_NOW_MS,
                                 .keys = {i % 10 == 9 ? "huge" : fx_printf(sc, "k%d", n)}};
        struct fx_error err;
        bool added = false;
        if (sender->c->store->accept(sender->c->store, sc, &event, &added, &err) != FX_OK)
            sender->failed++;
        else if (added)
            sender->added++;
    }
    fx_scope_free(sc);
    return NULL;
}

static void simultaneous_events_are_kept_once_each_and_fail_alone(void **state) {
    struct contract *c = *state;
    struct sender senders[SENDERS];
    int added = 0;
    int failed = 0;

    for (int i = 0; i < SENDERS; i++)
        senders[i] = (struct sender){.c = c, .first = i / 2 * EVENTS_EACH};
    contract_threads(SENDERS, send_events, senders, sizeof(senders[0]));
    for (int i = 0; i < SENDERS; i++) {
        added += senders[i].added;
        failed += senders[i].failed;
    }
    assert_int_equal(failed, SENDERS * EVENTS_EACH / 10);
    assert_int_equal(added, EVENTS_SHARED - EVENTS_SHARED / 10);
    contract_reopen(c);
    for (int i = 0; i < added; i++)
        assert_non_null(contract_claim(c, CONTRACT_NOW_MS));
    assert_null(contract_claim(c, CONTRACT_NOW_MS));
}

/* ---- claim ---- */

static void claims_what_waits_longest_and_says_what_comes_next(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    int64_t next_ms = -1;

    assert_ok(c->store->claim(c->store, c->sc, "w", 100, 10, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 0);
    contract_job(c, "run", "late", 300);
    contract_job(c, "run", "second", 200);
    contract_job(c, "run", "first", 150);
    assert_ok(c->store->claim(c->store, c->sc, "w", 149, 10, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 150);
    assert_string_equal(contract_claim(c, 200)->subject, "first");
    assert_string_equal(contract_claim(c, 200)->subject, "second");
    assert_null(contract_claim(c, 200));
    assert_string_equal(contract_claim(c, 300)->subject, "late");
}

struct worker {
    struct contract *c;
    int got[400];
    int count;
    bool failed;
};
enum { WORKERS = 8, JOBS = 400 };

static void *work(void *item) {
    struct worker *worker = item;
    struct fx_store *store = worker->c->store;

    for (;;) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_error err;
        struct fx_job *job = NULL;
        int64_t next_ms = 0;
        if (store->claim(store, sc, "w", CONTRACT_NOW_MS, CONTRACT_LEASE_MS, &job, &next_ms,
                         &err) != FX_OK)
            worker->failed = true;
        bool more = job != NULL && worker->count < JOBS;
        int n = 0;
        if (more && sscanf(job->subject, "%d", &n) == 1)
            worker->got[worker->count++] = n;
        /* some jobs end, the others stay leased: neither may be seen again */
        if (more && n % 3 == 0 &&
            store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err) != FX_OK)
            worker->failed = true;
        fx_scope_free(sc);
        if (!more)
            return NULL;
    }
}

static void eight_workers_get_each_job_exactly_once(void **state) {
    struct contract *c = *state;
    static struct worker workers[WORKERS];
    int seen[JOBS] = {0};
    struct fx_writes w = {0};

    for (int i = 0; i < JOBS; i++)
        fx_writes_job_of_rank(c->sc, &w, i % 2 == 0 ? FX_RANK_PERSON : FX_RANK_MACHINE, "run",
                              fx_printf(c->sc, "%d", i), CONTRACT_NOW_MS);
    contract_write(c, &w);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = (struct worker){.c = c};
    contract_threads(WORKERS, work, workers, sizeof(workers[0]));
    for (int i = 0; i < WORKERS; i++) {
        assert_false(workers[i].failed);
        for (int k = 0; k < workers[i].count; k++)
            seen[workers[i].got[k]]++;
    }
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(seen[i], 1);
}

static void a_lease_that_ran_out_is_taken_and_the_old_claim_can_do_nothing(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    struct fx_run run = contract_run("r9", FX_RUN_DONE);
    struct fx_intent intent = {.run = "r1", .step = "s", .key = "k"};
    struct fx_run *stored = NULL;

    contract_run_put(c, "r1", FX_RUN_QUEUED);
    contract_job(c, "run", "r1", 100);
    struct fx_job *old = contract_claim(c, 100);
    assert_null(contract_claim(c, 100 + CONTRACT_LEASE_MS - 1));
    struct fx_job *taken = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    assert_non_null(taken);
    assert_int_equal(taken->id, old->id);
    assert_int_equal(taken->attempts, 2);
    assert_string_not_equal(taken->token, old->token);

    fx_writes_run(c->sc, &w, &run);
    fx_writes_audit(c->sc, &w, "U1", "a", "r9", NULL);
    assert_int_equal(c->store->settle(c->store, c->sc, old, FX_SETTLE_DONE, 0, NULL, &w, &err),
                     FX_ERR_CONFLICT);
    assert_int_equal(c->store->write(c->store, c->sc, old, &w, &err), FX_ERR_CONFLICT);
    assert_int_equal(c->store->begin_effect(c->store, c->sc, old, &intent, &w, &err),
                     FX_ERR_CONFLICT);
    assert_int_equal(c->store->extend(c->store, c->sc, old, 1 << 30, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->run(c->store, c->sc, "r9", &stored, &err));
    assert_null(stored);
    assert_int_equal(contract_audit_rows(c), 0);
    contract_settle(c, taken);
}

static void extending_keeps_others_away(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, 100);
    assert_ok(c->store->extend(c->store, c->sc, job, 5000, &err));
    assert_null(contract_claim(c, 4999));
    assert_non_null(contract_claim(c, 5000));
}

static void one_subject_is_never_leased_twice_at_once(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    contract_job(c, "run", "r1", 100);
    struct fx_job *first = contract_claim(c, 100);
    contract_job(c, "run", "r1", 100); /* woken while it runs */
    contract_job(c, "other", "r1", 101);
    struct fx_job *other = contract_claim(c, 101);
    assert_string_equal(other->kind, "other");
    assert_ok(c->store->claim(c->store, c->sc, "w", 101, 10, &job, &next_ms, &err));
    assert_null(job);
    assert_int_equal(next_ms, 100 + CONTRACT_LEASE_MS);
    contract_settle(c, first);
    struct fx_job *second = contract_claim(c, 101);
    assert_non_null(second);
    assert_int_not_equal(second->id, first->id);
}

static void a_second_job_of_the_subject_ends_a_lease_that_ran_out(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_job(c, "run", "r1", 100);
    struct fx_job *frozen = contract_claim(c, 100);
    contract_job(c, "run", "r1", 100);
    struct fx_job *taken = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    assert_non_null(taken);
    assert_null(contract_claim(c, 100 + CONTRACT_LEASE_MS));
    if (taken->id != frozen->id)
        assert_int_equal(c->store->write(c->store, c->sc, frozen, NULL, &err), FX_ERR_CONFLICT);
    assert_int_equal(c->store->settle(c->store, c->sc, frozen, FX_SETTLE_DONE, 0, NULL, NULL, &err),
                     FX_ERR_CONFLICT);
    contract_settle(c, taken);
}

/* Whoever held it was gone: its lease ran out, or it was released at a start. */
static void deaths_are_counted_apart_from_failures(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job **jobs = NULL;
    size_t count = 0;

    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, 100);
    assert_int_equal(job->deaths, 0);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_RETRY, 100, "trouble", NULL, &err));
    job = contract_claim(c, 100);
    assert_int_equal(job->deaths, 0);
    assert_int_equal(job->attempts, 2);
    job = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    assert_int_equal(job->deaths, 1);
    job = contract_claim(c, 100 + 2 * CONTRACT_LEASE_MS);
    assert_int_equal(job->deaths, 2);
    assert_int_equal(job->attempts, 4);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_RETRY, 100, "", NULL, &err));
    job = contract_claim(c, 5000);
    assert_int_equal(job->deaths, 2);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_BACK, 6000, "", NULL, &err));
    assert_null(contract_claim(c, 5999));
    job = contract_claim(c, 6000);
    assert_int_equal(job->attempts, 5); /* once less than it was claimed */
    assert_ok(c->store->jobs(c->store, c->sc, FX_JOB_LEASED, 10, &jobs, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(jobs[0]->deaths, 2);
    contract_settle(c, job);
}

/* Whoever dies with others around him is a suspect at most. */
static void beyond_a_suspicion_only_deaths_alone_count(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job *job = NULL;
    int64_t now_ms = 100, next_ms = 0;

    contract_job(c, "run", "r1", 100);
    for (int i = 0; i < 4; i++, now_ms += CONTRACT_LEASE_MS) {
        job = contract_claim(c, now_ms);
        assert_int_equal(job->deaths, i < FX_STORE_SHARED_DEATHS ? i : FX_STORE_SHARED_DEATHS);
    }
    assert_ok(c->store->release_leases(c->store, c->sc, &err));
    for (int i = 0; i < 3; i++, now_ms += CONTRACT_LEASE_MS) {
        assert_ok(c->store->claim(c->store, c->sc, FX_STORE_ALONE, now_ms, CONTRACT_LEASE_MS, &job,
                                  &next_ms, &err));
        assert_int_equal(job->deaths, FX_STORE_SHARED_DEATHS + i);
    }
}

static void a_start_counts_what_the_dead_held(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_job(c, "run", "r1", 100);
    contract_job(c, "run", "r2", 100);
    assert_string_equal(contract_claim(c, 100)->subject, "r1");
    contract_reopen(c);
    assert_ok(c->store->release_leases(c->store, c->sc, &err));
    struct fx_job *first = contract_claim(c, 100), *second = contract_claim(c, 100);
    assert_string_equal(first->subject, "r1");
    assert_int_equal(first->deaths, 1);
    assert_string_equal(second->subject, "r2");
    assert_int_equal(second->deaths, 0);
}

static void a_second_job_of_the_subject_leaves_the_death_with_the_first(void **state) {
    struct contract *c = *state;

    contract_job(c, "run", "r1", 100);
    int64_t frozen = contract_claim(c, 100)->id;
    contract_job(c, "run", "r1", 100);
    struct fx_job *one = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    contract_settle(c, one);
    struct fx_job *two = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    assert_int_equal(one->id == frozen ? one->deaths : two->deaths, 1);
    assert_int_equal(one->id == frozen ? two->deaths : one->deaths, 0);
}

static void what_was_set_aside_begins_anew_when_a_person_wants_it(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};

    contract_job(c, "event", "e1", 100);
    (void)contract_claim(c, 100);
    struct fx_job *job = contract_claim(c, 100 + CONTRACT_LEASE_MS);
    fx_writes_audit(c->sc, &w, "U1", "job.revived", "e1", NULL);
    /* still at work */
    assert_int_equal(c->store->revive(c->store, c->sc, job->id, 5000, &w, &err), FX_ERR_CONFLICT);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_QUARANTINE, 0, "why", NULL, &err));
    assert_null(contract_claim(c, 4999));
    assert_int_equal(contract_audit_rows(c), 0);
    assert_ok(c->store->revive(c->store, c->sc, job->id, 5000, &w, &err));
    assert_int_equal(contract_audit_rows(c), 1);
    assert_int_equal(c->store->revive(c->store, c->sc, job->id, 5000, &w, &err), FX_ERR_CONFLICT);
    assert_null(contract_claim(c, 4999));
    struct fx_job *again = contract_claim(c, 5000);
    assert_int_equal(again->id, job->id);
    assert_int_equal(again->attempts, 1);
    assert_int_equal(again->deaths, 0);
    assert_int_equal(c->store->revive(c->store, c->sc, 999, 5000, &w, &err), FX_ERR_CONFLICT);
}

static void what_is_asked_for_again_already_is_not_brought_back_beside_it(void **state) {
    struct contract *c = *state;
    struct fx_error err;

    contract_job(c, "schedule", "s", 100);
    struct fx_job *job = contract_claim(c, 100);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_QUARANTINE, 0, "why", NULL, &err));
    contract_job(c, "schedule", "s", 200);
    assert_int_equal(c->store->revive(c->store, c->sc, job->id, 150, NULL, &err), FX_ERR_CONFLICT);
}

/* ---- settle ---- */

static void settling_ends_retries_or_sets_aside(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_job **jobs = NULL;
    size_t count = 0;

    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, 100);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_RETRY, 500,
                               "Bearer abcdefghijklmnopqrstuvwxyz0123456789 was refused", NULL,
                               &err));
    assert_null(contract_claim(c, 499));
    job = contract_claim(c, 500);
    assert_int_equal(job->attempts, 2);
    assert_non_null(strstr(job->last_error, "was refused"));
    assert_null(strstr(job->last_error, "abcdefghijklmnop"));
    assert_ok(
        c->store->settle(c->store, c->sc, job, FX_SETTLE_QUARANTINE, 0, "gave up", NULL, &err));
    assert_null(contract_claim(c, 1 << 30));
    assert_ok(c->store->jobs(c->store, c->sc, FX_JOB_QUARANTINED, 10, &jobs, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(jobs[0]->last_error, "gave up");
    assert_int_equal(c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err),
                     FX_ERR_CONFLICT);
}

static void settling_writes_all_or_nothing(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};
    struct fx_run run = contract_run("r2", FX_RUN_DONE);
    struct fx_approval orphan = {.id = "a1", .run = "r2", .expires_ms = 1};
    struct fx_message message = {.kind = FX_MESSAGE_PUT, .key = "m", .channel = "C"};
    struct fx_run *stored = NULL;

    contract_run_put(c, "r2", FX_RUN_RUNNING);
    contract_approval_put(c, "a1", "r2", 5);
    contract_job(c, "run", "r2", 100);
    struct fx_job *job = contract_claim(c, 100);
    fx_writes_run(c->sc, &w, &run);
    fx_writes_message(c->sc, &w, &message);
    fx_writes_job(c->sc, &w, "remind", "r2", 100);
    fx_writes_audit(c->sc, &w, "U1", "a", "r2", NULL);
    fx_writes_approval(c->sc, &w, &orphan); /* asked for before, so it fails */
    assert_int_equal(c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err),
                     FX_ERR_CONFLICT);

    assert_ok(c->store->run(c->store, c->sc, "r2", &stored, &err));
    assert_int_equal(stored->state, FX_RUN_RUNNING);
    assert_null(contract_claim(c, 100));
    assert_int_equal(contract_audit_rows(c), 0);
    w.approvals_count = 0;
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err));
    assert_ok(c->store->run(c->store, c->sc, "r2", &stored, &err));
    assert_int_equal(stored->state, FX_RUN_DONE);
    assert_string_equal(contract_claim(c, 100)->kind, "remind");
    assert_int_equal(contract_audit_rows(c), 1);
}

static void an_equal_ready_job_is_moved_to_the_earlier_time(void **state) {
    struct contract *c = *state;

    contract_job(c, "run", "r1", 500);
    contract_job(c, "run", "r1", 300);
    contract_job(c, "run", "r1", 900);
    assert_null(contract_claim(c, 299));
    struct fx_job *job = contract_claim(c, 300);
    assert_non_null(job);
    contract_settle(c, job);
    assert_null(contract_claim(c, 1000));
}

/* Also one of those that accepted events have, which nobody adds a second time. */
static void a_ready_job_of_an_event_is_found_again(void **state) {
    struct contract *c = *state;

    assert_true(contract_accept(c, "e1", "k1"));
    assert_true(contract_accept(c, "e2", "k2"));
    contract_job(c, "event", "e1", CONTRACT_NOW_MS + 5000);
    contract_settle(c, contract_claim(c, CONTRACT_NOW_MS));
    contract_settle(c, contract_claim(c, CONTRACT_NOW_MS));
    assert_null(contract_claim(c, CONTRACT_NOW_MS + 9000));
}

static void a_settled_run_can_ask_for_itself_again(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_writes w = {0};

    contract_job(c, "run", "r1", 100);
    struct fx_job *job = contract_claim(c, 100);
    fx_writes_job(c->sc, &w, "run", "r1", 700);
    assert_ok(c->store->settle(c->store, c->sc, job, FX_SETTLE_DONE, 0, NULL, &w, &err));
    assert_null(contract_claim(c, 699));
    assert_int_equal(contract_claim(c, 700)->attempts, 1);
}

static void pruning_forgets_done_jobs_but_no_key(void **state) {
    struct contract *c = *state;
    struct fx_error err;
    struct fx_store_counts counts = {0};

    assert_true(contract_accept(c, "e1", "k1"));
    assert_true(contract_accept(c, "e2", "k2"));
    contract_settle(c, contract_claim(c, CONTRACT_NOW_MS));
    assert_ok(c->store->prune(c->store, c->sc, INT64_MAX, &err));
    assert_ok(c->store->counts(c->store, c->sc, &counts, &err));
    assert_int_equal(counts.jobs_ready, 1);
    assert_false(contract_accept(c, "e3", "k1"));
    assert_non_null(contract_claim(c, CONTRACT_NOW_MS));
}

int store_contract_queue(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(keeps_event_and_job_together),
        CONTRACT_TEST(any_known_key_makes_a_repetition),
        CONTRACT_TEST(a_repetition_takes_none_of_its_other_keys),
        CONTRACT_TEST(events_without_keys_are_told_apart_by_id),
        CONTRACT_TEST(refuses_a_body_beyond_the_limit),
        CONTRACT_TEST(keeps_an_event_whose_text_is_not_utf8),
        CONTRACT_TEST(a_key_given_twice_is_one_key),
        CONTRACT_TEST(simultaneous_events_are_kept_once_each_and_fail_alone),
        CONTRACT_TEST(claims_what_waits_longest_and_says_what_comes_next),
        CONTRACT_TEST(eight_workers_get_each_job_exactly_once),
        CONTRACT_TEST(a_lease_that_ran_out_is_taken_and_the_old_claim_can_do_nothing),
        CONTRACT_TEST(extending_keeps_others_away),
        CONTRACT_TEST(one_subject_is_never_leased_twice_at_once),
        CONTRACT_TEST(a_second_job_of_the_subject_ends_a_lease_that_ran_out),
        CONTRACT_TEST(deaths_are_counted_apart_from_failures),
        CONTRACT_TEST(beyond_a_suspicion_only_deaths_alone_count),
        CONTRACT_TEST(a_start_counts_what_the_dead_held),
        CONTRACT_TEST(a_second_job_of_the_subject_leaves_the_death_with_the_first),
        CONTRACT_TEST(what_was_set_aside_begins_anew_when_a_person_wants_it),
        CONTRACT_TEST(what_is_asked_for_again_already_is_not_brought_back_beside_it),
        CONTRACT_TEST(settling_ends_retries_or_sets_aside),
        CONTRACT_TEST(settling_writes_all_or_nothing),
        CONTRACT_TEST(an_equal_ready_job_is_moved_to_the_earlier_time),
        CONTRACT_TEST(a_ready_job_of_an_event_is_found_again),
        CONTRACT_TEST(a_settled_run_can_ask_for_itself_again),
        CONTRACT_TEST(pruning_forgets_done_jobs_but_no_key),
    };

    return cmocka_run_group_tests_name("store queue", tests, NULL, NULL);
}
