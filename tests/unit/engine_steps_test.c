/* engine_steps_test.c - how a run takes its steps: what is never done is not run, and a question is
 * looked at again without being asked twice. */
#include "engine_rig.h"

#include "support/fault_store.h"

#include <string.h>

static enum fx_effect class_of_step;
static struct fx_step_result next_result;
static enum fx_code next_code;
static struct fx_error next_failure; /* FX_OK: next_result */
static const char *checkpoint_seen;
static struct engine_rig *answered_meanwhile; /* a person answers while the step looks; NULL */
static int calls;

static enum fx_effect effect_of(const struct fx_json *params) {
    return class_of_step;
}

static struct fx_store *durable; /* also while the engine's is faulty */

static void answer(struct engine_rig *rig) {
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    fx_writes_setting(rig->sc, &writes, "told:r1",
                      "{\"by\":\"U5\",\"done\":false,\"reason\":\"I counted\"}");
    assert_ok(durable->write(durable, rig->sc, NULL, &writes, &err));
}

static enum fx_code run_step(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    calls++;
    if (answered_meanwhile != NULL)
        answer(answered_meanwhile);
    checkpoint_seen = ctx->checkpoint == NULL ? "" : fx_json_dump(ctx->sc, ctx->checkpoint);
    *ret_result = next_result;
    if (next_code != FX_OK)
        return fx_fail(err, next_code, "no answer came");
    if (next_failure.code != FX_OK)
        *err = next_failure;
    return next_failure.code;
}

/* One that changes something needs nobody's approval to stop it. */
static const struct fx_step_kind kind = {
    .name = "fake", .is_stop = true, .effect = effect_of, .run = run_step};
static struct fx_runbook_step *the_step;
static struct fx_runbook *the_book;

/* A run of one step, with its job in hand. */
static void begin(struct engine_rig *rig, enum fx_effect class) {
    struct fx_runbook *book = FX_NEW(rig->sc, struct fx_runbook);
    struct fx_runbook_step *step = FX_NEW(rig->sc, struct fx_runbook_step);

    class_of_step = class;
    durable = rig->engine.options.store;
    next_code = FX_OK;
    next_failure = (struct fx_error){0};
    answered_meanwhile = NULL;
    calls = 0;
    *step = (struct fx_runbook_step){.id = "one", .kind = &kind, .params = fx_json_object(rig->sc)};
    the_step = step;
    the_book = book;
    *book = (struct fx_runbook){.command = "dlq redrive",
                                .digest = "d1",
                                .steps = step,
                                .steps_count = 1,
                                .effect = FX_EFFECT_UNKEYED};
    engine_rig_book(rig, book);
}

static size_t audits(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store->audits_of(store, rig->sc, "r1", 100, &rows, &count, &err));
    return count;
}

static void what_is_never_done_is_not_run(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FX_EFFECT_REFUSED);
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(calls, 0);
    assert_int_equal(row->state, FX_RUN_REFUSED);
    assert_non_null(strstr(row->note, "never does"));
}

static void ask(struct engine_rig *rig, const char *note, const char *checkpoint) {
    next_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .note = note,
        .checkpoint = checkpoint == NULL ? NULL : engine_rig_json(rig, checkpoint),
        .due_ms = checkpoint == NULL ? 0 : RIG_NOW_MS + 5};
}

static void a_question_is_looked_at_again_and_told_once(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FX_EFFECT_READ);
    ask(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    size_t told = audits(rig);

    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(calls, 2);
    assert_string_equal(checkpoint_seen, "{\"asked\":true}");
    assert_int_equal(row->state, FX_RUN_ASKING);
    assert_int_equal(audits(rig), told);
    ask(rig, "was it done? By now it cannot be any more", "{'asked':true}");
    engine_rig_go_on(rig);
    assert_int_equal(audits(rig), told + 1);
    next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
}

/* The step finds settled what was open, and takes it for a refusal. */
static void what_is_answered_while_it_is_looked_at_ends_as_it_was_answered(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FX_EFFECT_UNKEYED);
    ask(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    (void)fx_fail(&next_failure, FX_ERR_DENIED, "AWS refused");
    answered_meanwhile = rig;
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(calls, 2);
    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "a person has looked: it was not done (I counted)"));
}

static void a_question_that_nobody_looks_at_is_not_run_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1", .step = "one", .key = "k", .what_json = "{}"};
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_READ);
    ask(rig, "was it done?", NULL);
    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(calls, 1);
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

    begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    next_code = FX_ERR_UNAVAILABLE;
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    next_code = FX_OK;
    next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    assert_int_equal(calls, 2);
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

    begin(rig, FX_EFFECT_UNKEYED);
    ask(rig, "was it done?", "{'asked':true}");
    while_the_store_is_away_nothing_becomes_of_it(rig);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    (void)fx_fail(&next_failure, FX_ERR_DENIED, "AWS refused");
    answered_meanwhile = rig;
    while_the_store_is_away_nothing_becomes_of_it(rig);
    assert_non_null(strstr(engine_rig_go_on(rig)->note, "a person has looked"));
}

static void what_only_reads_and_asks_fails_as_it_is_refused(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FX_EFFECT_READ);
    ask(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    (void)fx_fail(&next_failure, FX_ERR_DENIED, "AWS refused");
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "AWS refused"));
}

/* Nobody answers while a person is asked: the question stays, and so does its card. */
static void what_asks_goes_on_asking_when_somebody_does_not_answer(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_UNKNOWN);
    ask(rig, "was it done?", "{'asked':true}");
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_ASKING);
    next_code = FX_ERR_UNAVAILABLE;
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
    next_code = FX_OK;
    engine_rig_go_on(rig);
    assert_int_equal(calls, 3);
}

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

    begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    next_code = FX_ERR_UNAVAILABLE;
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

    begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_NOT_SENT);
    next_code = FX_ERR_UNAVAILABLE;
    rig->job.attempts = FX_ENGINE_MAX_ATTEMPTS;
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_FAILED);
}

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

    begin(rig, FX_EFFECT_KEYED);
    promise(rig, FX_INTENT_DONE);
    next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                          .checkpoint = engine_rig_json(rig, "{'seen':1}"),
                                          .due_ms = RIG_NOW_MS + 5};
    engine_rig_go_on(rig);
    assert_int_equal(give_up(rig)->state, FX_RUN_ASKING);
    /* whoever has it tried again goes on from where it was */
    engine_rig_go_on(rig);
    assert_int_equal(calls, 2);
    assert_string_equal(checkpoint_seen, "{\"seen\":1}");
}

static void what_has_not_begun_and_is_given_up_has_failed(void **state) {
    struct engine_rig *rig = *state;

    begin(rig, FX_EFFECT_KEYED);
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

    begin(rig, FX_EFFECT_READ);
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

        begin(rig, FX_EFFECT_READ);
        the_step->when = cases[i].when;
        the_step->params = engine_rig_json(rig, cases[i].params);
        if (cases[i].checkpoint[0] != '\0') {
            next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED,
                                                  .checkpoint = fx_json_object(rig->sc)};
            struct fx_run row = *engine_rig_go_on(rig);

            calls = 0;
            row.checkpoint_json = cases[i].checkpoint;
            fx_writes_run(rig->sc, &rig->work.writes, &row);
            engine_rig_keep(rig);
        }
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_FAILED);
        assert_int_equal(calls, 0);
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

        begin(rig, FX_EFFECT_READ);
        next_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        the_step->when = cases[i].when;
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_DONE);
        assert_int_equal(calls, cases[i].calls);
        engine_rig_tear_down(&rig_state);
    }
}

/* ---- failures ---- */

static void fail_with(enum fx_code code, bool sent) {
    next_failure = (struct fx_error){0};
    (void)fx_fail(&next_failure, code, "it did not work");
    next_failure.sent = sent;
}

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

        begin(rig, cases[i].class);
        rig->job.attempts = cases[i].attempts;
        rig->job.deaths = cases[i].deaths;
        fail_with(cases[i].code, cases[i].sent);
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

    begin(rig, FX_EFFECT_READ);
    the_step->otherwise = "continue";
    fail_with(FX_ERR_UPSTREAM, false);
    struct fx_run *row = engine_rig_go_on(rig);

    assert_int_equal(row->state, FX_RUN_DONE);
    assert_non_null(strstr(row->values_json, "\"error\":\"it did not work\""));
}

static void an_outcome_that_nobody_knows_is_an_error(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_READ);
    next_result = (struct fx_step_result){.outcome = (enum fx_step_outcome)99};
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

        begin(rig, FX_EFFECT_READ);
        next_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        row.id = "r1";
        row.state = cases[i].state;
        row.trigger = cases[i].trigger;
        fx_writes_run(rig->sc, &rig->work.writes, &row);
        engine_rig_keep(rig);
        the_book->effect = cases[i].effect;
        the_book->digest = "edited";
        const struct fx_run *after = engine_rig_go_on(rig);

        assert_int_equal(calls, cases[i].begins);
        assert_int_equal(after->state, cases[i].begins ? FX_RUN_DONE : FX_RUN_REFUSED);
        assert_string_equal(after->runbook_digest, cases[i].begins ? "edited" : "d1");
        if (!cases[i].begins)
            assert_non_null(strstr(after->note, "the runbook was edited"));
        engine_rig_tear_down(&rig_state);
    }
}

/* ---- the end ---- */

static void evidence_stands_on_the_card_of_a_question(void **state) {
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_READ);
    ask(rig, "was it done?", NULL);
    next_result.output = engine_rig_json(rig, "{'seen':'task-7'}");
    assert_ok(engine_continue_run(&rig->work, &err));
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "task-7"));
}

static void an_answer_that_cannot_be_made_fails_the_run(void **state) {
    static const char *const answers[] = {"{'verdict':'${('}", "{'verdict':'x','page':{'when':1}}"};

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        void *rig_state = NULL;

        engine_rig_set_up(&rig_state);
        struct engine_rig *rig = rig_state;

        begin(rig, FX_EFFECT_READ);
        next_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
        the_book->answer = engine_rig_json(rig, answers[i]);
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

    begin(rig, FX_EFFECT_READ);
    next_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
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

    begin(rig, FX_EFFECT_READ);
    atomic_store(&rig->engine.stopping, true);
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
    assert_int_equal(calls, 0);
    next_result =
        (struct fx_step_result){.outcome = FX_STEP_PARKED, .checkpoint = fx_json_object(rig->sc)};
    atomic_store(&rig->engine.stopping, false);
    engine_rig_go_on(rig);
    atomic_store(&rig->engine.stopping, true); /* what is in the middle of a step goes on */
    next_result = (struct fx_step_result){.outcome = FX_STEP_DONE};
    assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_DONE);
    assert_int_equal(calls, 2);
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
        begin(rig, FX_EFFECT_READ);
        rig->job.rank = (enum fx_rank)rank;
        next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
        assert_int_equal(engine_rig_go_on(rig)->state, FX_RUN_WAITING);
        assert_int_equal(rank_of_job(rig), rank);
    }
}

static void a_run_is_a_persons_if_a_person_began_it(void **state) {
    struct engine_rig *rig = *state;
    static const char *const requesters[] = {"U1", ""};
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_READ);
    for (size_t i = 0; i < FX_COUNT_OF(requesters); i++) {
        const struct engine_ask ask = {.system = &rig->system,
                                       .runbook = the_book,
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
        TEST(a_question_is_looked_at_again_and_told_once),
        TEST(what_is_answered_while_it_is_looked_at_ends_as_it_was_answered),
        TEST(a_question_that_nobody_looks_at_is_not_run_again),
        TEST(what_has_begun_goes_on_later_when_somebody_does_not_answer),
        TEST(what_asks_goes_on_asking_when_somebody_does_not_answer),
        TEST(a_question_is_asked_and_answered_when_the_store_is_back),
        TEST(what_only_reads_and_asks_fails_as_it_is_refused),
        TEST(while_it_cannot_be_read_whether_it_has_begun_nothing_is_concluded),
        TEST(what_has_not_begun_fails_when_nobody_answers),
        TEST(what_has_begun_and_is_given_up_is_a_question),
        TEST(what_has_not_begun_and_is_given_up_has_failed),
        TEST(what_cannot_be_read_now_is_given_up_later),
        cmocka_unit_test(what_cannot_be_filled_in_fails_before_it_runs),
        cmocka_unit_test(a_step_that_is_not_wanted_is_not_run),
        cmocka_unit_test(a_failure_is_tried_again_or_ends_the_run),
        TEST(a_failure_may_be_the_value_of_a_reading_step),
        TEST(an_outcome_that_nobody_knows_is_an_error),
        cmocka_unit_test(only_a_reading_follow_up_that_has_not_begun_reads_as_the_text_says_now),
        TEST(evidence_stands_on_the_card_of_a_question),
        cmocka_unit_test(an_answer_that_cannot_be_made_fails_the_run),
        TEST(a_diagnosis_ends_only_together_with_its_incident),
        TEST(a_program_that_ends_parks_the_run_between_two_steps),
        TEST(whoever_waits_for_a_run_waits_for_the_rest_of_it),
        TEST(a_run_is_a_persons_if_a_person_began_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
