/* engine_between_test.c - what somebody else writes while a request is being decided, what the
 * clock does to it, and a store that is away meanwhile.
 */
#include "support/test.h"

#include "change_world.h"

#include <string.h>

/* ---- rows ---- */

static struct fx_run *put_run(struct change_world *w, const char *id) {
    struct fx_scope *sc = w->rig->sc;
    struct fx_run *row = FX_NEW(sc, struct fx_run);
    struct fx_writes writes = {0};
    struct fx_error err;

    *row = engine_rig_row;
    row->id = id;
    row->arguments_json = "{\"reason\":\"orders wait\"}";
    row->state = FX_RUN_RUNNING;
    fx_writes_run(sc, &writes, row);
    assert_ok(w->durable->write(w->durable, sc, NULL, &writes, &err));
    w->rig->job = (struct fx_job){.kind = "run", .subject = id, .attempts = 1};
    return row;
}

static struct engine_run load(struct change_world *w) {
    struct engine_run run;
    struct fx_error err = {0};

    w->rig->work.writes = (struct fx_writes){0};
    assert_ok(engine_load_run(&w->rig->work, &run, &err));
    return run;
}

/* A request with this plan; its digest is right, unless another is given. */
static struct fx_approval *put_request(struct change_world *w, const char *plan_json,
                                       const char *digest) {
    struct fx_scope *sc = w->rig->sc;
    struct engine_run run = load(w);
    struct fx_approval *row = FX_NEW(sc, struct fx_approval);
    struct fx_writes writes = {0};
    struct fx_error err;

    *row = (struct fx_approval){.id = "apr-1",
                                .run = run.row->id,
                                .step = "gate",
                                .plan_json = plan_json,
                                .requester = "U1",
                                .created_ms = RIG_NOW_MS,
                                .expires_ms = RIG_NOW_MS + WORLD_WAIT_MS,
                                .needed = 1,
                                .decided_by = "",
                                .reason = ""};
    row->digest = digest != NULL ? digest : engine_plan_digest(sc, run.row, row);
    fx_writes_approval(sc, &writes, row);
    assert_ok(w->durable->write(w->durable, sc, NULL, &writes, &err));
    return row;
}

static void decide(struct change_world *w, enum fx_approval_state how, const char *by,
                   const char *reason) {
    struct fx_approval given = {.id = "apr-1",
                                .state = how,
                                .decided_by = by,
                                .decided_ms = RIG_NOW_MS,
                                .execute_before_ms = RIG_NOW_MS + WORLD_WAIT_MS,
                                .reason = reason};
    struct fx_error err;

    assert_ok(w->durable->decide(w->durable, w->rig->sc, &given, NULL, &err));
}

/* ---- answers that come in between ---- */

/* The store that somebody else writes to: from the n-th look at an approval on. */
enum then { GONE, AWAY, APPROVED, PENDING };
static struct {
    struct change_world *w;
    enum then then;
    int looks;  /* that still say the truth */
    bool first; /* somebody approves just before our own decision */
} between;

static enum fx_code look(struct fx_store *store, struct fx_scope *sc, const char *id,
                         struct fx_approval **ret_approval, struct fx_error *err) {
    FX_TRY(between.w->durable->approval(between.w->durable, sc, id, ret_approval, err));
    if (between.looks-- > 0)
        return FX_OK;
    if (between.then == AWAY)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
    if (between.then == GONE)
        *ret_approval = NULL;
    else
        (*ret_approval)->state =
            between.then == APPROVED ? FX_APPROVAL_APPROVED : FX_APPROVAL_PENDING;
    return FX_OK;
}

static enum fx_code decide_after_somebody(struct fx_store *store, struct fx_scope *sc,
                                          const struct fx_approval *given,
                                          const struct fx_writes *writes, struct fx_error *err) {
    decide(between.w, FX_APPROVAL_APPROVED, "U3", "");
    return between.w->durable->decide(between.w->durable, sc, given, writes, err);
}

static void somebody_writes(struct change_world *w, int looks, enum then then) {
    between.w = w;
    between.looks = looks;
    between.then = then;
    w->store->approval = look;
}

static void a_stop_that_comes_after_the_decision_does_not_undo_it(void **state) {
    struct change_world *w = *state;
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    put_run(w, "r1");
    put_request(w, "{}", NULL);
    struct engine_run run = load(w);

    somebody_writes(w, 9, GONE);
    w->store->decide = decide_after_somebody;
    run.row->stop_requested = true;
    run.row->stop_by = "U4";
    assert_ok(engine_approval_step(&run, &w->steps[1], &value, &err));
    assert_string_equal(fx_json_get_text(value, "by"), "U3"); /* the change itself looks at Stop */
}

static void a_request_that_has_vanished_is_not_taken_for_approved(void **state) {
    struct change_world *w = *state;
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    put_run(w, "r1");
    put_request(w, "{}", NULL);
    struct engine_run run = load(w);

    somebody_writes(w, 0, GONE);
    run.row->stop_requested = true;
    assert_ok(engine_approval_step(&run, &w->steps[1], &value, &err));
    assert_null(value);
}

static void whoever_loses_learns_what_can_be_known(void **state) {
    static const struct {
        enum then then;
        enum fx_code code;
        const char *says;
    } cases[] = {{AWAY, FX_ERR_UNAVAILABLE, "away"},
                 {GONE, FX_ERR_CONFLICT, "is over"},
                 {PENDING, FX_ERR_CONFLICT, "waits for somebody else"}};
    struct change_world *w = *state;
    struct fx_error err = {0};

    put_run(w, "r1");
    struct fx_approval *asked = put_request(w, "{}", NULL);

    decide(w, FX_APPROVAL_APPROVED, "U3", "");
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        somebody_writes(w, 0, cases[i].then);
        assert_int_equal(engine_decide(&w->rig->work, asked, true, "U2", "", "", &err),
                         cases[i].code);
        assert_non_null(strstr(err.message, cases[i].says));
    }
}

static void a_vote_counts_also_when_nobody_can_say_whether_it_was_the_last(void **state) {
    static const enum then thens[] = {AWAY, GONE, APPROVED};

    for (size_t i = 0; i < FX_COUNT_OF(thens); i++) {
        struct change_world w;
        struct fx_error err = {0};

        change_world_open(&w);
        put_run(&w, "r1");
        struct fx_approval *asked = put_request(&w, "{}", NULL);

        asked->needed = 2;
        somebody_writes(&w, 0, thens[i]);
        assert_ok(engine_decide(&w.rig->work, asked, true, "U2", "", "", &err));
        change_world_close(&w);
    }
}

static enum fx_code no_votes(struct fx_store *store, struct fx_scope *sc, const char *approval,
                             struct fx_vote ***ret_votes, size_t *ret_count, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
}

static enum fx_code no_decision(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_approval *given, const struct fx_writes *writes,
                                struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
}

static enum fx_code no_setting(struct fx_store *store, struct fx_scope *sc, const char *name,
                               const char **ret_value, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
}

static enum fx_code no_answer(struct fx_store *store, struct fx_scope *sc, const char *id,
                              struct fx_run **ret_run, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
}

/* The job is tried again then; nothing is told that is not known. */
static void while_the_store_is_away_nothing_is_said_about_a_request(void **state) {
    struct change_world *w = *state;
    struct fx_error err;

    put_run(w, "r1");
    struct fx_approval *asked = put_request(w, "{}", NULL);

    w->store->decide = no_decision;
    assert_int_equal(engine_withdraw(&w->rig->work, asked, "no more", &err), FX_ERR_UNAVAILABLE);
    w->rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    assert_int_equal(engine_expire(&w->rig->work, &err), FX_ERR_UNAVAILABLE);
    w->rig->job = (struct fx_job){.kind = "remind", .subject = "apr-1"};
    w->store->run = no_answer;
    assert_int_equal(engine_remind(&w->rig->work, &err), FX_ERR_UNAVAILABLE);
    struct fx_run row = engine_rig_row;
    struct engine_run run = {.work = &w->rig->work, .row = &row, .system = &w->rig->system};
    struct fx_json *value = NULL;
    enum fx_code (*setting)(struct fx_store *, struct fx_scope *, const char *, const char **,
                            struct fx_error *) = w->store->setting;

    row.id = "r1";
    w->store->setting = no_setting;
    assert_int_equal(engine_approval_step(&run, &w->steps[1], &value, &err), FX_ERR_UNAVAILABLE);
    w->store->setting = setting;
    w->store->votes = no_votes;
    assert_int_equal(engine_remind(&w->rig->work, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(engine_approval_step(&run, &w->steps[1], &value, &err), FX_ERR_UNAVAILABLE);
    decide(w, (enum fx_approval_state)99, "U2", "");
    assert_int_equal(engine_approval_step(&run, &w->steps[1], &value, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(w->rig->work.writes.messages_count, 0);
}

/* ---- the clock ---- */

static void an_expiry_that_comes_too_early_is_looked_at_again(void **state) {
    static const struct {
        enum then then;
        enum fx_code code;
        int64_t due_ms; /* 0: never */
    } cases[] = {{AWAY, FX_ERR_UNAVAILABLE, 0},
                 {GONE, FX_OK, 0},
                 {APPROVED, FX_OK, 0},
                 {PENDING, FX_OK, RIG_NOW_MS + WORLD_WAIT_MS}};
    struct change_world *w = *state;
    struct fx_error err = {0};

    put_run(w, "r1");
    put_request(w, "{}", NULL);
    w->rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        w->rig->work.writes = (struct fx_writes){0};
        somebody_writes(w, 1, cases[i].then);
        assert_int_equal(engine_expire(&w->rig->work, &err), cases[i].code);
        assert_int_equal(w->rig->work.writes.jobs_count, cases[i].due_ms > 0);
        if (cases[i].due_ms > 0)
            assert_int_equal(w->rig->work.writes.jobs[0]->due_ms, cases[i].due_ms);
    }
}

static enum fx_code conflict(struct fx_store *store, struct fx_scope *sc,
                             const struct fx_approval *given, const struct fx_writes *writes,
                             struct fx_error *err) {
    return fx_fail(err, FX_ERR_CONFLICT, "not yet");
}

static void a_clock_that_was_set_back_makes_an_expiry_wait_a_moment(void **state) {
    struct change_world *w = *state;
    struct fx_error err = {0};

    put_run(w, "r1");
    put_request(w, "{}", NULL);
    w->rig->job = (struct fx_job){.kind = "expire", .subject = "apr-1"};
    w->rig->clock.wall_ms += WORLD_WAIT_MS;
    w->store->decide = conflict;
    assert_ok(engine_expire(&w->rig->work, &err));
    assert_true(w->rig->work.writes.jobs[0]->due_ms > w->rig->clock.wall_ms);
}

static size_t reminders(struct change_world *w) {
    struct fx_error err = {0};

    w->rig->work.writes = (struct fx_writes){0};
    w->rig->job = (struct fx_job){.kind = "remind", .subject = "apr-1"};
    assert_ok(engine_remind(&w->rig->work, &err));
    return w->rig->work.writes.messages_count;
}

static enum fx_code no_run(struct fx_store *store, struct fx_scope *sc, const char *id,
                           struct fx_run **ret_run, struct fx_error *err) {
    *ret_run = NULL;
    return FX_OK;
}

static void a_reminder_is_for_requests_that_wait_and_can_be_shown(void **state) {
    struct change_world *w = *state;
    enum fx_code (*runs)(struct fx_store *, struct fx_scope *, const char *, struct fx_run **,
                         struct fx_error *) = w->store->run;
    struct fx_run threaded = *put_run(w, "r1");
    struct fx_writes writes = {0};
    struct fx_error err;

    assert_int_equal(reminders(w), 0); /* nobody was asked */
    w->rig->job.subject = "r1";
    put_request(w, "{}", NULL);
    assert_int_equal(reminders(w), 1);
    assert_string_equal(w->rig->work.writes.messages[0]->parent, "run:r1");
    w->store->run = no_run;
    assert_int_equal(reminders(w), 0);
    w->store->run = runs;
    w->rig->engine.options.systems_count = 0;
    assert_int_equal(reminders(w), 0);
    w->rig->engine.options.systems_count = 1;
    threaded.parent = "incident:1";
    fx_writes_run(w->rig->sc, &writes, &threaded);
    assert_ok(w->durable->write(w->durable, w->rig->sc, NULL, &writes, &err));
    assert_int_equal(reminders(w), 1);
    assert_string_equal(w->rig->work.writes.messages[0]->parent, "incident:1");
    decide(w, FX_APPROVAL_DENIED, "U2", "no");
    assert_int_equal(reminders(w), 0);
}

/* ---- what failed for a moment ---- */

/* When the job comes back whose first try the store has failed; in milliseconds from then. */
static int64_t wait_after_failure(void) {
    enum { READ_THE_RUN = 2 }; /* behind the claim */
    struct change_world w;
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0;

    change_world_open(&w);
    change_world_begin(&w);
    fault_store_arm(w.store, READ_THE_RUN, FAULT_BEFORE);
    change_world_work(&w);
    assert_true(fault_store_fired(w.store));
    assert_ok(w.durable->jobs(w.durable, w.rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(jobs[0]->attempts, 1);
    int64_t wait_ms = jobs[0]->due_ms - RIG_NOW_MS;

    change_world_close(&w);
    return wait_ms;
}

static void what_failed_together_does_not_come_back_together(void **state) {
    enum { JOBS = 8, LEAST_MS = 500, MOST_MS = 1000 };
    int64_t first = wait_after_failure();
    bool same = true;

    for (int i = 1; i < JOBS; i++) {
        int64_t wait_ms = wait_after_failure();

        assert_in_range(wait_ms, LEAST_MS, MOST_MS);
        same = same && wait_ms == first;
    }
    assert_false(same);
}

int main(void) {
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, change_world_set_up, change_world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_stop_that_comes_after_the_decision_does_not_undo_it),
        TEST(a_request_that_has_vanished_is_not_taken_for_approved),
        TEST(whoever_loses_learns_what_can_be_known),
        cmocka_unit_test(a_vote_counts_also_when_nobody_can_say_whether_it_was_the_last),
        TEST(while_the_store_is_away_nothing_is_said_about_a_request),
        TEST(an_expiry_that_comes_too_early_is_looked_at_again),
        TEST(a_clock_that_was_set_back_makes_an_expiry_wait_a_moment),
        TEST(a_reminder_is_for_requests_that_wait_and_can_be_shown),
        cmocka_unit_test(what_failed_together_does_not_come_back_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
