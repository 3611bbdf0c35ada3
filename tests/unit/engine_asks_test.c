/* engine_asks_test.c - a step that asks a person, and a run that is given up: a question is looked
 * at again without being asked twice, and what has begun is never told as a failure. */
#include "engine_scripted_step.h"

#include "support/fault_store.h"

#include <string.h>

static size_t audits(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store->audits_of(store, rig->sc, "r1", 100, &rows, &count, &err));
    return count;
}

/* ---- a question ---- */

/* A person answers while the step looks. */
static void answer(const struct scripted_step *step) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    fx_writes_setting(sc, &writes, "told:r1",
                      "{\"by\":\"U5\",\"done\":false,\"reason\":\"I counted\"}");
    assert_ok(step->store->write(step->store, sc, NULL, &writes, &err));
}

static void a_question_is_looked_at_again_and_told_once(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_READ);
    scripted_asks(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    size_t told = audits(rig);

    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(scripted.calls, 2);
    assert_string_equal(scripted.checkpoint_seen, "{\"asked\":true}");
    assert_int_equal(row->state, FX_RUN_ASKING);
    assert_int_equal(audits(rig), told);
    scripted_asks(rig, "was it done? By now it cannot be any more", "{'asked':true}");
    engine_rig_go_on(rig);
    assert_int_equal(audits(rig), told + 1);
    scripted.result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
}

/* The step finds settled what was open, and takes it for a refusal. */
static void what_is_answered_while_it_is_looked_at_ends_as_it_was_answered(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_UNKEYED);
    scripted_asks(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    scripted_fails(FX_ERR_DENIED, false);
    scripted.meanwhile = answer;
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(scripted.calls, 2);
    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "a person has looked: it was not done (I counted)"));
}

static void a_question_that_nobody_looks_at_is_not_run_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1", .step = "one", .key = "k", .what_json = "{}"};
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    scripted_asks(rig, "was it done?", NULL);
    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(scripted.calls, 1);
}

static void promise(struct engine_rig *rig, enum fx_intent_state state) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {
        .run = "r1", .step = "one", .key = "k", .what_json = "{}", .outcome_json = "{}"};
    struct fx_error err = {0};

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    intent.state = state;
    assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
}

/* What was started in AWS goes on there, whatever our own database does. */
static void what_has_begun_goes_on_later_when_somebody_does_not_answer(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    scripted_fails(FX_ERR_UNAVAILABLE, false);
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    scripted_works();
    scripted.result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    assert_int_equal(scripted.calls, 2);
}

/* At each call of the store once: nothing is told, and the run is as it was. */
static void while_the_store_is_away_nothing_becomes_of_it(struct engine_rig *rig) {
    enum { CALLS_MAX = 20 };
    struct fx_store *store = rig->engine.options.store, *faulty = fault_store_new(store);
    struct fx_run *before = NULL, *after = NULL;
    struct fx_error err = {0};
    int64_t n = 1;

    assert_ok(store->run(store, rig->sc, "r1", &before, &err));
    rig->engine.options.store = faulty;
    for (; n < CALLS_MAX; n++) {
        struct fx_writes unanswered = {0};

        fx_writes_setting(rig->sc, &unanswered, "told:r1", "");
        assert_ok(store->write(store, rig->sc, NULL, &unanswered, &err));
        rig->work.writes = (struct fx_writes){0};
        fault_store_arm(faulty, n, FAULT_BEFORE);
        enum fx_code code = engine_continue_run(&rig->work, &err);

        if (!fault_store_fired(faulty))
            break;
        assert_int_equal(code, FX_ERR_UNAVAILABLE);
        assert_int_equal(rig->work.writes.messages_count, 0);
        assert_ok(store->run(store, rig->sc, "r1", &after, &err));
        assert_int_equal(after->state, before->state);
        assert_string_equal(after->note, before->note);
    }
    assert_in_range(n, 3, CALLS_MAX - 1);
    rig->work.writes = (struct fx_writes){0};
    rig->engine.options.store = store;
    faulty->close(faulty);
}

static void a_question_is_asked_and_answered_when_the_store_is_back(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_UNKEYED);
    scripted_asks(rig, "was it done?", "{'asked':true}");
    while_the_store_is_away_nothing_becomes_of_it(rig);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    scripted_fails(FX_ERR_DENIED, false);
    scripted.meanwhile = answer;
    while_the_store_is_away_nothing_becomes_of_it(rig);
    assert_non_null(strstr(engine_rig_go_on(rig)->note, "a person has looked"));
}

static void what_only_reads_and_asks_fails_as_it_is_refused(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_READ);
    scripted_asks(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    scripted_fails(FX_ERR_DENIED, false);
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "it did not work"));
}

/* Nobody answers while a person is asked: the question stays, and so does its card. */
static void what_asks_goes_on_asking_when_somebody_does_not_answer(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_UNKNOWN);
    scripted_asks(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    scripted_fails(FX_ERR_UNAVAILABLE, false);
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    assert_ok(engine_continue_run(&rig->work, &err));
    const struct fx_writes *writes = &rig->work.writes;

    assert_int_equal(writes->messages_count, 0);
    assert_int_equal(writes->runs_count, 1);
    assert_int_equal(writes->runs[0]->state, FX_RUN_ASKING);
    assert_string_equal(writes->runs[0]->note, "was it done?");
    assert_string_equal(writes->runs[0]->checkpoint_json, "{\"asked\":true}");
    assert_int_equal(writes->jobs_count, 1);
    assert_true(writes->jobs[0]->due_ms > RIG_NOW_MS);
    engine_rig_keep(rig);
    scripted_works();
    engine_rig_go_on(rig);
    assert_int_equal(scripted.calls, 3);
}

/* ---- what has begun, or not ---- */

static enum fx_code (*intents_inside)(struct fx_store *store, struct fx_scope *sc, const char *run,
                                      const char *step, struct fx_intent ***ret_intents,
                                      size_t *ret_count, struct fx_error *err);

/* Away for this one look, and back for the next. */
static enum fx_code intents_once_away(struct fx_store *store, struct fx_scope *sc, const char *run,
                                      const char *step, struct fx_intent ***ret_intents,
                                      size_t *ret_count, struct fx_error *err) {
    store->intents = intents_inside;
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the database is away");
}

/* Or a change that goes on in AWS would be told as a failure. */
static void while_it_cannot_be_read_whether_it_has_begun_nothing_is_concluded(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    scripted_fails(FX_ERR_UNAVAILABLE, false);
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    intents_inside = rig->engine.options.store->intents;
    rig->engine.options.store->intents = intents_once_away;
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_UNAVAILABLE);
    assert_string_equal(err.message, "the database is away");
    assert_int_equal(rig->work.writes.runs_count, 0);
    assert_int_equal(rig->work.writes.messages_count, 0);
}

static void what_has_not_begun_fails_when_nobody_answers(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_NOT_SENT);
    scripted_fails(FX_ERR_UNAVAILABLE, false);
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_FAILED);
}

/* ---- giving up ---- */

static struct fx_run *give_up(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    const struct fx_error why = {.code = FX_ERR_INTERNAL, .message = "the bot broke down"};
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    assert_ok(engine_give_up(&rig->work, &why, &err));
    engine_rig_keep(rig);
    assert_ok(store->run(store, rig->sc, "r1", &row, &err));
    return row;
}

/* Nobody watches it any more, so a person has to. */
static void what_has_begun_and_is_given_up_is_a_question(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    scripted.result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                              .checkpoint = engine_rig_json(rig, "{'seen':1}"),
                                              .due_ms = RIG_NOW_MS + 5};
    engine_rig_go_on(rig);
    assert_int_equal(give_up(rig)->state, FX_RUN_ASKING);
    /* whoever has it tried again goes on from where it was */
    engine_rig_go_on(rig);
    assert_int_equal(scripted.calls, 2);
    assert_string_equal(scripted.checkpoint_seen, "{\"seen\":1}");
}

static void what_has_not_begun_and_is_given_up_has_failed(void **state) {
    struct engine_rig *rig = *state;

    scripted_begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_NOT_SENT);
    assert_int_equal(give_up(rig)->state, FX_RUN_FAILED);
}

/* Or a run would stand there for ever, and nobody would know. */
static void what_cannot_be_read_now_is_given_up_later(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store, *faulty = fault_store_new(store);
    const struct fx_error why = {.code = FX_ERR_INTERNAL, .message = "the bot broke down"};
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    rig->engine.options.store = faulty;
    fault_store_arm(faulty, 1, FAULT_BEFORE);
    assert_int_equal(engine_give_up(&rig->work, &why, &err), FX_ERR_UNAVAILABLE);
    assert_true(fault_store_fired(faulty));
    rig->engine.options.store = store;
    faulty->close(faulty);
    assert_ok(store->run(store, rig->sc, "r1", &row, &err));
    assert_false(fx_run_state_is_final(row->state));
    assert_int_equal(give_up(rig)->state, FX_RUN_FAILED);
}

static void evidence_stands_on_the_card_of_a_question(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    scripted_begin(rig, FX_EFFECT_READ);
    scripted_asks(rig, "was it done?", NULL);
    scripted.result.output = engine_rig_json(rig, "{'seen':'task-7'}");
    assert_ok(engine_continue_run(&rig->work, &err));
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "task-7"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_question_is_looked_at_again_and_told_once),
        TEST(what_is_answered_while_it_is_looked_at_ends_as_it_was_answered),
        TEST(a_question_that_nobody_looks_at_is_not_run_again),
        TEST(what_has_begun_goes_on_later_when_somebody_does_not_answer),
        TEST(a_question_is_asked_and_answered_when_the_store_is_back),
        TEST(what_only_reads_and_asks_fails_as_it_is_refused),
        TEST(what_asks_goes_on_asking_when_somebody_does_not_answer),
        TEST(while_it_cannot_be_read_whether_it_has_begun_nothing_is_concluded),
        TEST(what_has_not_begun_fails_when_nobody_answers),
        TEST(what_has_begun_and_is_given_up_is_a_question),
        TEST(what_has_not_begun_and_is_given_up_has_failed),
        TEST(what_cannot_be_read_now_is_given_up_later),
        TEST(evidence_stands_on_the_card_of_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
