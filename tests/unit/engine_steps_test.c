/* engine_steps_test.c - how a run takes its steps: what is not wanted and what is never done is not
 * run, what fails is tried again or ends it, and what it takes to end well. */
#include "engine_scripted_step.h"

#include <string.h>

static void what_is_never_done_is_not_run(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_REFUSED);
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(scripted.calls, 0);
    assert_int_equal(row->state, FX_RUN_REFUSED);
    assert_non_null(strstr(row->note, "never does"));
}

/* ---- what a reading step makes of its row ---- */

static void what_cannot_be_filled_in_fails_before_it_runs(void **state) {
    static const struct {
        const char *when, *params, *checkpoint;
    } cases[] = {{"${(", "{}", ""},
                 {"${1}", "{}", ""},
                 {NULL, "{'x':'${('}", ""},
                 {NULL, "{'nobody':1}", ""},
                 {NULL, "{}", "{"}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        void *rig_state = NULL;

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;

        scripted_begin(rig, FX_EFFECT_READ);
        scripted.step->when = cases[i].when;
        scripted.step->params = engine_rig_json(rig, cases[i].params);
        if (cases[i].checkpoint[0] != '\0') {
            scripted.result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                                      .checkpoint = fx_json_object(rig->sc)};
            struct fx_run row = *engine_rig_go_on(rig);

            scripted.calls = 0;
            row.checkpoint_json = cases[i].checkpoint;
            fx_writes_run(rig->sc, &rig->work.writes, &row);
            engine_rig_keep(rig);
        }
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_FAILED);
        assert_int_equal(scripted.calls, 0);
        engine_rig_tear_down(&rig_state);
    }
}

static void a_step_that_is_not_wanted_is_not_run(void **state) {
    static const struct {
        const char *when;
        int calls;
    } cases[] = {{"${false}", 0}, {"${true}", 1}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        void *rig_state = NULL;

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;

        scripted_begin(rig, FX_EFFECT_READ);
        scripted.result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        scripted.step->when = cases[i].when;
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_DONE);
        assert_int_equal(scripted.calls, cases[i].calls);
        engine_rig_tear_down(&rig_state);
    }
}

/* ---- failures ---- */

static void a_failure_is_tried_again_or_ends_the_run(void **state) {
    static const struct {
        enum fx_effect class;
        enum fx_code code;
        bool sent;
        int attempts, deaths;
        bool again;
    } cases[] = {
        {FX_EFFECT_READ, FX_ERR_CANCELED, false, 9, 0, true},
        {FX_EFFECT_READ, FX_ERR_UNAVAILABLE, true, 2, 0, true},
        {FX_EFFECT_READ, FX_ERR_UNAVAILABLE, false, 3, 0, false},
        {FX_EFFECT_READ, FX_ERR_UNAVAILABLE, false, 3, 1, true},
        {FX_EFFECT_KEYED, FX_ERR_UNAVAILABLE, true, 2, 0, true},
        {FX_EFFECT_ABSOLUTE, FX_ERR_UNAVAILABLE, true, 2, 0, true},
        {FX_EFFECT_UNKEYED, FX_ERR_UNAVAILABLE, true, 2, 0, true},
        {FX_EFFECT_UNKEYED, FX_ERR_UNAVAILABLE, false, 2, 0, true},
        {FX_EFFECT_UNKEYED, FX_ERR_UNAVAILABLE, false, 3, 0, false},
        {FX_EFFECT_UNKEYED, FX_ERR_UPSTREAM, false, 1, 0, false},
        {FX_EFFECT_UNKEYED, FX_ERR_CANCELED, true, 9, 0, true},
        {FX_EFFECT_READ, FX_ERR_UPSTREAM, false, 1, 0, false},
        {FX_EFFECT_READ, FX_ERR_DENIED, false, 1, 0, false},
    };

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        void *rig_state = NULL;
        struct fx_error err = {0};

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;

        scripted_begin(rig, cases[i].class);
        rig->job.attempts = cases[i].attempts;
        rig->job.deaths = cases[i].deaths;
        scripted_fails(cases[i].code, cases[i].sent);
        enum fx_code code = engine_continue_run(&rig->work, &err);

        assert_int_equal(code, cases[i].again ? cases[i].code : FX_OK);
        assert_int_equal(rig->work.writes.runs_count, !cases[i].again);
        if (!cases[i].again)
            assert_int_equal(rig->work.writes.runs[0]->state, FX_RUN_FAILED);
        engine_rig_tear_down(&rig_state);
    }
}

static void a_failure_may_be_the_value_of_a_reading_step(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_READ);
    scripted.step->otherwise = "continue";
    scripted_fails(FX_ERR_UPSTREAM, false);
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(row->state, FX_RUN_DONE);
    assert_non_null(strstr(row->values_json, "\"error\":\"it did not work\""));
}

static void an_outcome_that_nobody_knows_is_an_error(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    scripted.result = (struct fx_step_result){.outcome = (enum fx_step_outcome)99};
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "in no known way"));
}

/* ---- a runbook that was edited meanwhile ---- */

static void only_a_reading_follow_up_that_has_not_begun_reads_as_the_text_says_now(void **state) {
    static const struct {
        enum fx_run_state state;
        const char *trigger;
        enum fx_effect effect;
        bool begins;
    } cases[] = {{FX_RUN_QUEUED, "follow-up", FX_EFFECT_READ, true},
                 {FX_RUN_QUEUED, "follow-up", FX_EFFECT_PEEK, true},
                 {FX_RUN_QUEUED, "follow-up", FX_EFFECT_UNKEYED, false},
                 {FX_RUN_WAITING, "follow-up", FX_EFFECT_READ, false},
                 {FX_RUN_RUNNING, "follow-up", FX_EFFECT_READ, false},
                 {FX_RUN_QUEUED, "slash", FX_EFFECT_READ, false},
                 {FX_RUN_QUEUED, "alarm", FX_EFFECT_READ, false}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        void *rig_state = NULL;

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;
        struct fx_run row = engine_rig_row;

        scripted_begin(rig, FX_EFFECT_READ);
        scripted.result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        row.id = "r1";
        row.state = cases[i].state;
        row.trigger = cases[i].trigger;
        fx_writes_run(rig->sc, &rig->work.writes, &row);
        engine_rig_keep(rig);
        scripted.book->effect = cases[i].effect;
        scripted.book->digest = "edited";
        const struct fx_run *after = engine_rig_go_on(rig);

        assert_int_equal(scripted.calls, cases[i].begins);
        assert_int_equal(after->state, cases[i].begins ? FX_RUN_DONE : FX_RUN_REFUSED);
        assert_string_equal(after->runbook_digest, cases[i].begins ? "edited" : "d1");
        if (!cases[i].begins)
            assert_non_null(strstr(after->note, "the runbook was edited"));
        engine_rig_tear_down(&rig_state);
    }
}

/* ---- the end ---- */
static void an_answer_that_cannot_be_made_fails_the_run(void **state) {
    static const char *const answers[] = {"{'verdict':'${('}", "{'verdict':'x','page':{'when':1}}"};

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        void *rig_state = NULL;

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;

        scripted_begin(rig, FX_EFFECT_READ);
        scripted.result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        scripted.book->answer = engine_rig_json(rig, answers[i]);
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_FAILED);
        engine_rig_tear_down(&rig_state);
    }
}

static enum fx_code no_incident(struct fx_store *store, struct fx_scope *sc, const char *id,
                                struct fx_incident **ret_incident, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "away");
}

static void a_diagnosis_ends_only_together_with_its_incident(void **state) {
    struct engine_rig *rig = *state;
    struct fx_run row = engine_rig_row;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    scripted.result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    row.id = "r1";
    row.trigger = "alarm";
    row.incident = "i1";
    row.state = FX_RUN_RUNNING;
    fx_writes_run(rig->sc, &rig->work.writes, &row);
    engine_rig_keep(rig);
    rig->engine.options.store->incident = no_incident;
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(rig->work.writes.runs_count, 0);
}

static void a_program_that_ends_parks_the_run_between_two_steps(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_READ);
    atomic_store(&rig->engine.stopping, true);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    assert_int_equal(scripted.calls, 0);
    scripted.result =
        (struct fx_step_result){.outcome = FX_STEP_PARKED, .checkpoint = fx_json_object(rig->sc)};
    atomic_store(&rig->engine.stopping, false);
    engine_rig_go_on(rig);
    atomic_store(&rig->engine.stopping, true); /* what is in the middle of a step goes on */
    scripted.result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_DONE);
    assert_int_equal(scripted.calls, 2);
}

/* Of the one job that waits, which is done with that. */
static enum fx_rank rank_of_job(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job *job = NULL;
    int64_t next_ms = 0;
    struct fx_error err = {0};

    assert_ok(store->claim(store, rig->sc, "w", RIG_NOW_MS + 10, 1000, &job, &next_ms, &err));
    assert_non_null(job);
    assert_ok(store->settle(store, rig->sc, job, FX_SETTLE_DONE, 0, NULL, NULL, &err));
    return job->rank;
}

/* A storm's alarms are claimed behind what a person waits for, from its begin to its end. */
static void whoever_waits_for_a_run_waits_for_the_rest_of_it(void **state) {
    struct engine_rig *rig = *state;

    for (int rank = FX_RANK_MACHINE; rank <= FX_RANK_PERSON; rank++) {
        scripted_begin(rig, FX_EFFECT_READ);
        rig->job.rank = (enum fx_rank)rank;
        scripted.result =
            (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
        assert_int_equal(rank_of_job(rig), rank);
    }
}

static void a_run_is_a_persons_if_a_person_began_it(void **state) {
    struct engine_rig *rig = *state;
    static const char *const requesters[] = {"U1", ""};
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    for (size_t i = 0; i < FX_COUNT_OF(requesters); i++) {
        const struct engine_ask ask = {.system = &rig->system,
                                       .runbook = scripted.book,
                                       .arguments = fx_json_object(rig->sc),
                                       .environment = "dev",
                                       .trigger = i == 0 ? "slash" : "alarm",
                                       .requester = requesters[i],
                                       .channel = "C1",
                                       .response_url = "",
                                       .parent = "",
                                       .incident = ""};

        assert_ok(engine_start_run(&rig->work, &ask, &err));
        engine_rig_keep(rig);
        assert_int_equal(rank_of_job(rig), i == 0 ? FX_RANK_PERSON : FX_RANK_MACHINE);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_never_done_is_not_run),
        cmocka_unit_test(what_cannot_be_filled_in_fails_before_it_runs),
        cmocka_unit_test(a_step_that_is_not_wanted_is_not_run),
        cmocka_unit_test(a_failure_is_tried_again_or_ends_the_run),
        TEST(a_failure_may_be_the_value_of_a_reading_step),
        TEST(an_outcome_that_nobody_knows_is_an_error),
        cmocka_unit_test(only_a_reading_follow_up_that_has_not_begun_reads_as_the_text_says_now),
        cmocka_unit_test(an_answer_that_cannot_be_made_fails_the_run),
        TEST(a_diagnosis_ends_only_together_with_its_incident),
        TEST(a_program_that_ends_parks_the_run_between_two_steps),
        TEST(whoever_waits_for_a_run_waits_for_the_rest_of_it),
        TEST(a_run_is_a_persons_if_a_person_began_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
