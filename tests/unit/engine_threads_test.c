/* engine_threads_test.c - threads that show that they live, rest without polling, end in time; and
 * what dead workers lead to. A real engine on a real store.
 */
#include "threads_rig.h"

#include "fluxabot/pagerdutyapi.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { A_FEW = 50, MANY = 3000 };

/* The comparison with CloudWatch that every start asks for hangs in its first call. */
static void hang_one_worker(struct threads_rig *rig) {
    rig->aws.holds = true;
    threads_start(rig);
    pthread_mutex_lock(&rig->aws.lock);
    while (!rig->aws.is_held)
        pthread_cond_wait(&rig->aws.changed, &rig->aws.lock);
    pthread_mutex_unlock(&rig->aws.lock);
}

static void let_go(struct threads_rig *rig) {
    atomic_store(&rig->aws.holds, false);
}

static size_t jobs_in(struct threads_rig *rig, enum fx_job_state state, struct fx_job ***ret_jobs) {
    struct fx_error err;
    size_t count = 0;

    assert_ok(
        rig->options.store->jobs(rig->options.store, rig->sc, state, 100, ret_jobs, &count, &err));
    return count;
}

/* ---- signs of life ---- */

/* Whoever waits for work answers at the next look, which the wake-ups bring forward. */
static bool answers_in(struct threads_rig *rig, int looks, struct fx_error *ret_err) {
    for (int i = 0; i < looks; i++) {
        *ret_err = (struct fx_error){0};
        rig->options.state->wake(rig->options.state, "jobs");
        rig->options.state->wake(rig->options.state, "outbox");
        rig->options.state->wake(rig->options.state, "keeper");
        if (fx_engine_alive(rig->engine, ret_err) == FX_OK)
            return true;
        usleep(10 * 1000);
    }
    return false;
}

static void an_engine_without_work_lives(void **state) {
    struct threads_rig *rig = *state;
    struct fx_error err;

    threads_start(rig);
    assert_ok(fx_engine_alive(rig->engine, &err));
    for (int i = 0; i < 3; i++) {
        rig->mono_ms += FX_ENGINE_STALL_MS + 2 * FX_ENGINE_POLL_MS;
        assert_true(answers_in(rig, MANY, &err));
    }
}

static void a_worker_that_hangs_is_named_as_long_as_it_does(void **state) {
    struct threads_rig *rig = *state;
    struct fx_error err;

    hang_one_worker(rig);
    assert_ok(fx_engine_alive(rig->engine, &err));
    rig->mono_ms += FX_ENGINE_STALL_MS;
    assert_ok(fx_engine_alive(rig->engine, &err)); /* that long it may think */
    rig->mono_ms += 1;
    assert_false(answers_in(rig, A_FEW, &err));
    assert_int_equal(err.code, FX_ERR_TIMEOUT);
    assert_non_null(strstr(err.message, "a worker"));
    let_go(rig);
    assert_true(answers_in(rig, MANY, &err));
}

/* ---- leases ---- */

/* Counts how often the keeper has looked after the lease of a worker. */
static struct {
    enum fx_code (*extend)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           int64_t until_ms, struct fx_error *err);
    _Atomic int looks;
} kept;

static enum fx_code counted_extend(struct fx_store *store, struct fx_scope *sc,
                                   const struct fx_job *job, int64_t until_ms,
                                   struct fx_error *err) {
    enum fx_code code = kept.extend(store, sc, job, until_ms, err);

    kept.looks++;
    return code;
}

static void count_extends(struct threads_rig *rig) {
    kept.extend = rig->options.store->extend;
    rig->options.store->extend = counted_extend;
}

static bool keeper_looks(struct threads_rig *rig) {
    int seen = kept.looks;

    rig->options.state->wake(rig->options.state, "keeper");
    for (int i = 0; kept.looks == seen && i < MANY; i++)
        usleep(1000);
    return kept.looks > seen;
}

static void who_is_long_at_work_keeps_the_job(void **state) {
    enum { LEASES = 5 };
    struct threads_rig *rig = *state;
    struct fx_job **jobs = NULL;

    count_extends(rig);
    hang_one_worker(rig);
    for (int i = 0; i < LEASES * FX_ENGINE_LEASE_LOOKS; i++) {
        rig->now_ms += FX_ENGINE_LEASE_MS / FX_ENGINE_LEASE_LOOKS;
        assert_true(keeper_looks(rig));
        rig->options.state->wake(rig->options.state, "jobs"); /* whoever finds it may have it */
    }
    assert_int_equal(jobs_in(rig, FX_JOB_LEASED, &jobs), 1);
    assert_int_equal(jobs[0]->attempts, 1);
    assert_int_equal(jobs[0]->deaths, 0);
    assert_int_equal(rig->aws.canceled, 0);
    let_go(rig);
}

static void who_lost_the_job_is_cut_off(void **state) {
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_job *job = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    count_extends(rig);
    hang_one_worker(rig);
    rig->now_ms += FX_ENGINE_LEASE_MS + 1;
    /* by us, or by another worker that was quicker */
    assert_ok(store->claim(store, rig->sc, "thief", rig->now_ms, FX_ENGINE_LEASE_MS, &job, &next_ms,
                           &err));
    assert_true(keeper_looks(rig));
    for (int i = 0; rig->aws.canceled == 0 && i < MANY; i++)
        usleep(1000);
    assert_int_equal(rig->aws.canceled, 1);
    let_go(rig);
}

static void each_thread_is_looked_at(void **state) {
    struct threads_rig *rig = *state;
    struct fx_engine engine = {.options = rig->options, .workers_count = 2};
    struct engine_pulse *pulses[] = {&engine.workers[0].pulse, &engine.workers[1].pulse,
                                     &engine.outbox_pulse, &engine.keeper_pulse};
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(pulses); i++)
        engine_pulse(pulses[i], &rig->clock, 1000);
    for (size_t i = 0; i < FX_COUNT_OF(pulses); i++) {
        assert_ok(fx_engine_alive(&engine, &err));
        engine_pulse(pulses[i], &rig->clock, -1);
        assert_int_equal(fx_engine_alive(&engine, &err), FX_ERR_TIMEOUT);
        engine_pulse_rest(pulses[i]); /* whoever sleeps until it is called does not hang */
    }
    assert_ok(fx_engine_alive(&engine, &err));
}

static void how_long_the_store_is_silent_is_known(void **state) {
    struct threads_rig *rig = *state;
    struct fx_engine engine = {.options = rig->options};

    assert_int_equal(fx_engine_store_silent_ms(&engine), 0);
    engine_note_claim(&engine, false);
    rig->mono_ms += 700;
    engine_note_claim(&engine, false);
    assert_int_equal(fx_engine_store_silent_ms(&engine), 700);
    engine_note_claim(&engine, true);
    assert_int_equal(fx_engine_store_silent_ms(&engine), 0);
}

/* ---- who sends ---- */

static void a_worker_sends_only_while_another_waits_for_the_next_job(void **state) {
    struct threads_rig *rig = *state;
    struct fx_engine engine = {.options = rig->options};

    assert_false(engine_may_send(&engine)); /* nobody sends in this engine */
    engine.pump = (struct engine_pump *)&engine;
    assert_false(engine_may_send(&engine)); /* all others are at work */
    engine.threads.watched = true;
    for (int i = 0; i < FX_ENGINE_WORKERS_SENDING; i++)
        assert_true(engine_may_send(&engine));
    assert_false(engine_may_send(&engine)); /* the others are for jobs */
    engine_has_sent(&engine);
    engine.threads.watched = false;
    assert_false(engine_may_send(&engine));
    engine.threads.resting = engine.threads.calls = 1;
    assert_false(engine_may_send(&engine)); /* who rests is called already */
    engine.threads.resting = 2;
    assert_true(engine_may_send(&engine));
    engine_has_sent(&engine);
    atomic_store(&engine.stopping, true);
    assert_false(engine_may_send(&engine));
}

static struct {
    _Atomic int posts, pages;
    atomic_bool let_go;
} hanging;

/* Slack answers nothing until it is let go. */
static enum fx_code slack_hangs(struct fx_http *http, struct fx_scope *sc,
                                const struct fx_http_request *request,
                                struct fx_http_reply **ret_reply, struct fx_error *err) {
    (void)http;
    if (strstr(request->url, "pagerduty") != NULL) {
        *ret_reply = FX_NEW(sc, struct fx_http_reply);
        (*ret_reply)->status = 202;
        (*ret_reply)->body = FX_SLICE("{}");
        hanging.pages++;
        return FX_OK;
    }
    hanging.posts++;
    while (!atomic_load(&hanging.let_go))
        usleep(1000);
    return fx_fail(err, FX_ERR_TIMEOUT, "nobody answered");
}

static void until_sent(struct threads_rig *rig, _Atomic int *count, int least) {
    for (int i = 0; *count < least && i < MANY; i++) {
        rig->options.state->wake(rig->options.state, "outbox");
        usleep(10 * 1000);
    }
    if (*count < least) /* or the engine would never end */
        atomic_store(&hanging.let_go, true);
    assert_true(*count >= least);
}

static void put(struct threads_rig *rig, enum fx_message_kind kind, const char *channel) {
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_message(rig->sc, &writes,
                      &(struct fx_message){.kind = kind,
                                           .key = channel,
                                           .channel = channel,
                                           .payload_json = "{\"text\":\"hello\"}",
                                           .due_ms = NOW_MS,
                                           .created_ms = NOW_MS});
    assert_ok(rig->options.store->write(rig->options.store, rig->sc, NULL, &writes, &err));
}

static void a_page_goes_while_slack_hangs(void **state) {
    struct threads_rig *rig = *state;
    const int at_once = FX_ENGINE_SENDERS - FX_ENGINE_SENDERS_FOR_PAGES;
    struct fx_error err;

    rig->http.exchange = slack_hangs;
    assert_ok(fx_pagerdutyapi_open(
        &(struct fx_pagerdutyapi_options){.http = &rig->http,
                                          .events_url = "https://events.pagerduty.com/v2/enqueue",
                                          .routing_key = "R1"},
        &rig->options.pagerduty, &err));
    for (int i = 0; i < 2 * FX_ENGINE_SENDERS; i++)
        put(rig, FX_MESSAGE_PUT, fx_printf(rig->sc, "C%d", i));
    threads_start(rig);
    until_sent(rig, &hanging.posts, at_once);
    put(rig, FX_MESSAGE_PAGE, "C9");
    until_sent(rig, &hanging.pages, 1);
    assert_int_equal(hanging.posts, at_once);
    atomic_store(&hanging.let_go, true);
    threads_stop(rig);
    fx_pagerdutyapi_close(rig->options.pagerduty);
}

/* ---- rest ---- */

/* Counts how often workers look for jobs, which is what each of their wake-ups does. */
static struct {
    enum fx_code (*claim)(struct fx_store *store, struct fx_scope *sc, const char *worker,
                          int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                          int64_t *ret_next_due_ms, struct fx_error *err);
    _Atomic int looks;
} counted;

static enum fx_code counted_claim(struct fx_store *store, struct fx_scope *sc, const char *worker,
                                  int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                                  int64_t *ret_next_due_ms, struct fx_error *err) {
    counted.looks++;
    return counted.claim(store, sc, worker, now_ms, lease_ms, ret_job, ret_next_due_ms, err);
}

static bool all_rest(struct threads_rig *rig) {
    struct engine_threads *threads = &rig->engine->threads;

    pthread_mutex_lock(&threads->lock);
    bool rest = threads->watched && threads->resting == WORKERS - 1 && threads->calls == 0;
    pthread_mutex_unlock(&threads->lock);
    return rest;
}

static void until_all_rest(struct threads_rig *rig) {
    while (!all_rest(rig))
        usleep(1000);
}

static void of_the_idle_workers_one_wakes(void **state) {
    struct threads_rig *rig = *state;
    enum { ROUNDS = 20 };

    counted.claim = rig->options.store->claim;
    rig->options.store->claim = counted_claim;
    threads_start(rig);
    until_all_rest(rig);
    int64_t began_ms = fx_mono_ms(fx_clock_system());
    int before = counted.looks;
    for (int i = 0; i < ROUNDS; i++) {
        int seen = counted.looks;

        rig->options.state->wake(rig->options.state, "jobs");
        while (counted.looks == seen)
            usleep(1000);
        until_all_rest(rig);
    }
    int64_t polls = (fx_mono_ms(fx_clock_system()) - began_ms) / FX_ENGINE_POLL_MS + 1;
    assert_in_range(counted.looks - before, ROUNDS, ROUNDS + polls);
}

/* Whoever is called has the watch, and need not look: nothing else is due. */
static void a_job_that_comes_alone_is_looked_for_by_one(void **state) {
    enum { ROUNDS = 10, LOOKS = 2 }; /* one finds it, and one finds nothing more */
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_job **jobs = NULL;
    struct fx_error err;

    counted.claim = store->claim;
    store->claim = counted_claim;
    threads_start(rig);
    until_all_rest(rig);
    int64_t began_ms = fx_mono_ms(fx_clock_system());
    int before = counted.looks;
    for (int i = 0; i < ROUNDS; i++) {
        struct fx_writes writes = {0};
        size_t done = jobs_in(rig, FX_JOB_DONE, &jobs);

        fx_writes_job(rig->sc, &writes, "expire", fx_printf(rig->sc, "none-%d", i), NOW_MS);
        assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
        rig->options.state->wake(rig->options.state, "jobs");
        while (jobs_in(rig, FX_JOB_DONE, &jobs) == done)
            usleep(1000);
        until_all_rest(rig);
    }
    /* On a busy machine polls fall into the rounds, and now and then somebody looks in vain while
     * the watch changes hands. Two that look for each job would be ten looks more. */
    int64_t polls = (fx_mono_ms(fx_clock_system()) - began_ms) / FX_ENGINE_POLL_MS + 1;
    assert_in_range(counted.looks - before, LOOKS * ROUNDS, LOOKS * ROUNDS + ROUNDS / 2 + polls);
}

/* The one that found the first job called another, that one the next. */
static void one_wake_up_is_enough_for_many_jobs(void **state) {
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_writes writes = {0};
    struct fx_job **jobs = NULL;
    struct fx_error err;

    threads_start(rig);
    until_all_rest(rig);
    rig->aws.holds = true;
    /* the first is one that keeps its worker */
    fx_writes_job(rig->sc, &writes, "reconcile", TOPIC, 1);
    for (int i = 0; i < 20; i++)
        fx_writes_job(rig->sc, &writes, "expire", fx_printf(rig->sc, "none-%d", i), NOW_MS);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    rig->options.state->wake(rig->options.state, "jobs");
    while (jobs_in(rig, FX_JOB_DONE, &jobs) < 20)
        usleep(1000);
    let_go(rig);
    until_all_rest(rig);
}

/* ---- one is there for people ---- */

/* Of the machines' jobs more than there are workers hang; whoever types is answered all the same,
 * and when the first of those is over the others are done. */
static void while_all_alarms_wait_a_person_is_answered(void **state) {
    enum { ALARMS = WORKERS + 2 };
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_engine_topic alarms[ALARMS];
    struct fx_writes writes = {0};
    struct fx_job **jobs = NULL;
    struct fx_error err;

    for (int i = 0; i < ALARMS; i++)
        alarms[i] = (struct fx_engine_topic){
            .arn = fx_printf(rig->sc, "%s-%d", TOPIC, i), .system = "fluxa", .environment = "dev"};
    rig->options.topics = alarms; /* each is compared with CloudWatch at the start */
    rig->options.topics_count = ALARMS;
    rig->aws.holds = true;
    threads_start(rig);
    while (jobs_in(rig, FX_JOB_LEASED, &jobs) < WORKERS - FX_ENGINE_WORKERS_FOR_PEOPLE)
        usleep(1000);
    fx_writes_job_of_rank(rig->sc, &writes, FX_RANK_PERSON, "expire", "none", NOW_MS);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    rig->options.state->wake(rig->options.state, "jobs");
    for (int i = 0; i < MANY && jobs_in(rig, FX_JOB_DONE, &jobs) == 0; i++)
        usleep(10 * 1000);
    assert_int_equal(jobs_in(rig, FX_JOB_DONE, &jobs), 1);
    assert_string_equal(jobs[0]->kind, "expire");
    assert_int_equal(jobs_in(rig, FX_JOB_LEASED, &jobs), WORKERS - FX_ENGINE_WORKERS_FOR_PEOPLE);
    let_go(rig);
    while (jobs_in(rig, FX_JOB_DONE, &jobs) < ALARMS + 1)
        usleep(1000);
    threads_stop(rig); /* what it reads of the topics ends here */
}

/* ---- the end ---- */

static void *let_go_at_the_end(void *argument) {
    struct threads_rig *rig = argument;

    while (!atomic_load(&rig->engine->stopping))
        usleep(1000);
    let_go(rig);
    return NULL;
}

static void a_stop_lets_what_runs_come_to_its_end(void **state) {
    struct threads_rig *rig = *state;
    struct fx_job **jobs = NULL;
    pthread_t thread;

    hang_one_worker(rig);
    assert_int_equal(pthread_create(&thread, NULL, let_go_at_the_end, rig), 0);
    threads_stop(rig);
    pthread_join(thread, NULL);
    assert_int_equal(jobs_in(rig, FX_JOB_DONE, &jobs), 1);
    assert_string_equal(jobs[0]->kind, "reconcile");
    assert_string_equal(jobs[0]->last_error, "");
}

static void a_stop_in_a_hurry_cuts_off_what_runs_and_the_next_start_goes_on(void **state) {
    struct threads_rig *rig = *state;
    struct fx_job **jobs = NULL;

    hang_one_worker(rig);
    rig->hurry = true;
    threads_stop(rig);
    assert_int_equal(jobs_in(rig, FX_JOB_LEASED, &jobs), 0);
    assert_int_equal(jobs_in(rig, FX_JOB_DONE, &jobs), 0);
    assert_int_equal(jobs_in(rig, FX_JOB_READY, &jobs), 1);
    assert_int_equal(jobs[0]->due_ms, NOW_MS);
    assert_int_equal(jobs[0]->deaths, 0);
    let_go(rig);
    rig->hurry = false;
    threads_start(rig);
    until_all_rest(rig);
    assert_int_equal(jobs_in(rig, FX_JOB_DONE, &jobs), 1);
}

/* A worker that had seen no stop yet claims behind the look at who has a job. */
static struct late {
    typeof(((struct fx_store *)0)->claim) claim;
    struct fx_engine *engine;
    atomic_bool waits, is_there;
} late;

static enum fx_code late_claim(struct fx_store *store, struct fx_scope *sc, const char *owner,
                               int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                               int64_t *ret_next_ms, struct fx_error *err) {
    if (atomic_load(&late.waits)) {
        atomic_store(&late.is_there, true);
        while (!atomic_load(&late.engine->cut_off))
            usleep(1000);
        usleep(10000); /* that look takes microseconds; a right engine passes whenever this ends */
    }
    return late.claim(store, sc, owner, now_ms, lease_ms, ret_job, ret_next_ms, err);
}

static void what_is_claimed_while_all_is_cut_off_is_cut_off_too(void **state) {
    struct threads_rig *rig = *state;
    struct fx_writes writes = {0};
    struct fx_job **jobs = NULL;
    struct fx_error err;

    late.claim = rig->options.store->claim;
    rig->options.store->claim = late_claim;
    threads_start(rig);
    until_all_rest(rig);
    late.engine = rig->engine;
    atomic_store(&late.waits, true);
    rig->aws.holds = true;
    fx_writes_job(rig->sc, &writes, "reconcile", TOPIC, 1);
    assert_ok(rig->options.store->write(rig->options.store, rig->sc, NULL, &writes, &err));
    rig->options.state->wake(rig->options.state, "jobs");
    while (!atomic_load(&late.is_there))
        usleep(1000);
    rig->hurry = true;
    threads_stop(rig);
    rig->options.store->claim = late.claim;
    assert_int_equal(jobs_in(rig, FX_JOB_LEASED, &jobs), 0);
    let_go(rig);
}

/* ---- dead workers ---- */

static void what_a_dead_worker_held_is_due_in_time(void **state) {
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_writes writes = {0};
    struct fx_job *job = NULL, **jobs = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    fx_writes_job(rig->sc, &writes, "expire", "none", NOW_MS);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    assert_ok(
        store->claim(store, rig->sc, "dead", NOW_MS, FX_ENGINE_LEASE_MS, &job, &next_ms, &err));
    threads_start(rig);
    until_all_rest(rig);
    assert_int_equal(jobs_in(rig, FX_JOB_LEASED, &jobs), 1);
    rig->now_ms = NOW_MS + FX_ENGINE_DEAD_KNOWN_MS - FX_ENGINE_POLL_MS;
    rig->options.state->wake(rig->options.state, "jobs");
    while (jobs_in(rig, FX_JOB_DONE, &jobs) < 2)
        usleep(1000);
}

/* What this process itself held before it died is not waited for at all. */
static void the_first_claim_after_a_restart_is_at_once(void **state) {
    struct threads_rig *rig = *state;
    struct fx_store *store = rig->options.store;
    struct fx_writes writes = {0};
    struct fx_job *job = NULL, **jobs = NULL;
    struct fx_error err;
    int64_t next_ms = 0;

    fx_writes_job(rig->sc, &writes, "expire", "none", NOW_MS);
    assert_ok(store->write(store, rig->sc, NULL, &writes, &err));
    assert_ok(
        store->claim(store, rig->sc, "dead", NOW_MS, FX_ENGINE_LEASE_MS, &job, &next_ms, &err));
    assert_ok(store->release_leases(store, rig->sc, &err));
    threads_start(rig); /* the clock stands still */
    while (jobs_in(rig, FX_JOB_DONE, &jobs) < 2)
        usleep(1000);
}

#define THREADS_TEST(f) cmocka_unit_test_setup_teardown(f, threads_set_up, threads_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        THREADS_TEST(an_engine_without_work_lives),
        THREADS_TEST(a_worker_that_hangs_is_named_as_long_as_it_does),
        THREADS_TEST(who_is_long_at_work_keeps_the_job),
        THREADS_TEST(who_lost_the_job_is_cut_off),
        THREADS_TEST(each_thread_is_looked_at),
        THREADS_TEST(how_long_the_store_is_silent_is_known),
        THREADS_TEST(a_worker_sends_only_while_another_waits_for_the_next_job),
        THREADS_TEST(a_page_goes_while_slack_hangs),
        THREADS_TEST(of_the_idle_workers_one_wakes),
        THREADS_TEST(a_job_that_comes_alone_is_looked_for_by_one),
        THREADS_TEST(one_wake_up_is_enough_for_many_jobs),
        THREADS_TEST(while_all_alarms_wait_a_person_is_answered),
        THREADS_TEST(a_stop_lets_what_runs_come_to_its_end),
        THREADS_TEST(a_stop_in_a_hurry_cuts_off_what_runs_and_the_next_start_goes_on),
        THREADS_TEST(what_is_claimed_while_all_is_cut_off_is_cut_off_too),
        THREADS_TEST(what_a_dead_worker_held_is_due_in_time),
        THREADS_TEST(the_first_claim_after_a_restart_is_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
