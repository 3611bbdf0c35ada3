/* engine_left_test.c - a change that is taken back by itself, in a run that ends before that: every
 * card says that it stands, and what a person types. */
#include "engine_rig.h"

#include "told.h"

#include <string.h>

/* Run by /fluxa. */
static int set_up(void **state) {
    static const struct fx_system fluxa = {.name = "fluxa"};
    int failed = engine_rig_set_up(state);
    struct engine_rig *rig = *state;

    rig->system.system = &fluxa;
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    return failed;
}

static struct engine_run asking_run(struct engine_rig *rig) {
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");

    run.row->state = FX_RUN_ASKING;
    run.row->note = "nobody knows";
    run.asked = true;
    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    fx_writes_run(rig->sc, &rig->work.writes, run.row);
    engine_rig_keep(rig);
    return run;
}

static enum fx_code tell(struct engine_rig *rig, const struct engine_run *run, bool done,
                         const char *user, struct fx_error *err) {
    *err = (struct fx_error){0};
    enum fx_code code = engine_tell(&rig->work, run->row, done, user, "I counted both queues", err);

    engine_rig_keep(rig);
    return code;
}

static bool end_told(struct engine_run *run) {
    struct fx_error err = {0};
    enum engine_told told = ENGINE_TOLD_WAIT;

    assert_ok(engine_end_told(run, &told, &err));
    return told == ENGINE_TOLD_END;
}

static enum fx_code open_dialog(struct engine_rig *rig, const struct engine_run *run, bool done,
                                struct fx_error *err) {
    rig->work.writes = (struct fx_writes){0};
    return engine_open_tell_dialog(&rig->work, run->row, done, "1.2.a", "C1", "U5", "", err);
}

enum { KEEP_MS = 4 * 60 * 60 * 1000 };

/* Its promise, as `aws.change` makes it, or that of the call that takes it back. */
static void add_promise_of(struct engine_rig *rig, const char *step, const char *key,
                           enum fx_intent_state state, const char *outcome) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {
        .run = "r1",
        .step = step,
        .key = key,
        .digest = "x",
        .what_json = strcmp(key, "change") == 0
                         ? "{\"takes_back\":{\"key\":\"revert\",\"after_ms\":14400000,"
                           "\"command\":\"db slowlog off\"}}"
                         : "{}",
        .set_ms = RIG_NOW_MS};
    struct fx_error err = {0};

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    intent.state = state;
    intent.outcome_json = outcome;
    if (state != FX_INTENT_SET)
        assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
}

static void add_promise(struct engine_rig *rig, const char *key, enum fx_intent_state state,
                        const char *outcome) {
    add_promise_of(rig, "redrive", key, state, outcome);
}

static const char *card_of(struct engine_rig *rig) {
    assert_true(rig->work.writes.messages_count > 0);
    return rig->work.writes.messages[rig->work.writes.messages_count - 1]->payload_json;
}

static void says(const char *card, const char *text) {
    if (strstr(card, text) == NULL)
        fail_msg("the card does not say \"%s\" but %s", text, card);
}

static void does_not_say(const char *card, const char *text) {
    if (strstr(card, text) != NULL)
        fail_msg("the card says \"%s\": %s", text, card);
}

/* It was approved together with its end, which is over with the run: whoever answers the question,
 * and whoever reads the card, would go on waiting for it. The run is not gone on with, because all
 * that is known of the change is a person's word. */
static void who_tells_that_it_was_done_is_told_that_it_is_not_taken_back(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_promise(rig, "change", FX_INTENT_UNKNOWN, "{}");
    assert_ok(open_dialog(rig, &run, true, &err));
    says(card_of(rig), "is not taken back by itself; then type /fluxa db slowlog off.");
    rig->work.writes = (struct fx_writes){0};
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_DONE);
    says(run.row->note, "it was done (I counted both queues); what this run has changed is not "
                        "taken back by itself");
    says(card_of(rig), fx_printf(rig->sc,
                                 "It stands: it was to be taken back by itself at %s, and that "
                                 "does not happen any more. To take it back, type /fluxa db "
                                 "slowlog off.",
                                 fx_time_iso(rig->sc, RIG_NOW_MS + KEEP_MS)));
}

static void what_was_not_done_needs_no_taking_back(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_promise(rig, "change", FX_INTENT_UNKNOWN, "{}");
    rig->clock.wall_ms = RIG_NOW_MS + FX_EFFECT_FENCE_MS + 1;
    assert_ok(tell(rig, &run, false, "U5", &err));
    assert_true(end_told(&run));
    says(card_of(rig), "Nothing was changed");
    does_not_say(card_of(rig), "taken back");
}

/* The second call is what was asked about: "done" would be told of the change. */
static void what_is_told_of_taking_back_is_said_of_it(void **state) {
    static const struct {
        bool done;
        const char *title, *verdict, *line;
    } answers[] = {
        {true, "Taken back: ", " has looked: it was taken back.", ""},
        {false, "Not taken back: ", " has looked: it was not taken back.",
         "It was not taken back, and that is not tried again. To take it back, type /fluxa db "
         "slowlog off."},
    };

    for (size_t i = 0; i < FX_COUNT_OF(answers); i++) {
        struct engine_rig *rig = NULL;
        struct fx_error err = {0};

        assert_int_equal(set_up((void **)&rig), 0);
        struct engine_run run = asking_run(rig);

        add_promise(rig, "change", FX_INTENT_DONE, "{}");
        add_promise(rig, "revert", FX_INTENT_UNKNOWN, "{}");
        assert_ok(open_dialog(rig, &run, answers[i].done, &err));
        says(card_of(rig), "The question is whether it was taken back.");
        says(card_of(rig), answers[i].done ? "It was taken back" : "It was not taken back");
        rig->work.writes = (struct fx_writes){0};
        rig->clock.wall_ms = RIG_NOW_MS + FX_EFFECT_FENCE_MS + 1;
        assert_ok(tell(rig, &run, answers[i].done, "U5", &err));
        assert_true(end_told(&run));
        says(card_of(rig), answers[i].title);
        says(card_of(rig), answers[i].verdict);
        says(card_of(rig), answers[i].line);
        does_not_say(card_of(rig), "it was done");
        if (answers[i].done)
            does_not_say(card_of(rig), "To take it back");
        engine_rig_tear_down((void **)&rig);
    }
}

/* The runbook was edited, or the bot gives the run up: the engine's own cards, not the step's. */
static void a_run_that_fails_before_it_is_taken_back_says_so(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    (void)fx_fail(&why, FX_ERR_CONFLICT, "the runbook was edited");
    assert_ok(engine_fail_run(&run, FX_RUN_REFUSED, "start", &why, &err));
    assert_int_equal(run.row->state, FX_RUN_FAILED);
    says(card_of(rig), "It stands: it was to be taken back by itself at");
    says(card_of(rig), "type /fluxa db slowlog off");
}

static void a_run_that_fails_after_it_was_seen_taken_back_says_nothing_of_it(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    fx_json_put(run.values, "redrive", engine_rig_json(rig, "{'reverted':true}"));
    (void)fx_fail(&why, FX_ERR_INPUT, "the answer cannot be filled in");
    assert_ok(engine_fail_run(&run, FX_RUN_FAILED, "answer", &why, &err));
    does_not_say(card_of(rig), "taken back");
}

static void doubt_about_either_is_told_as_doubt(void **state) {
    struct engine_rig *rig = *state;
    struct engine_left left;
    struct fx_error err = {0};
    struct engine_run run = asking_run(rig);

    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    assert_null(engine_left_text(rig->sc, &left));
    assert_null(engine_left_question(rig->sc, &left));
    add_promise(rig, "change", FX_INTENT_UNKNOWN, "{}");
    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    says(engine_left_text(rig->sc, &left), "If it was done, it stands: it was to be taken back");
    add_promise(rig, "revert", FX_INTENT_UNKNOWN, "{}");
    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    says(engine_left_text(rig->sc, &left), "Whether it was taken back is not known");
}

/* It may have happened, and been set back by somebody else before anybody looked. */
static void what_was_as_before_when_it_was_looked_at_is_said_so(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_promise(rig, "change", FX_INTENT_FAILED, "{\"refused\":\"x\",\"as_before\":true}");
    (void)fx_fail(&why, FX_ERR_CONFLICT, "its answer got lost");
    assert_ok(engine_fail_run(&run, FX_RUN_REFUSED, "redrive", &why, &err));
    assert_int_equal(run.row->state, FX_RUN_FAILED); /* "Refused" promises that nothing happened */
    says(card_of(rig), "As far as can be seen, nothing was changed.");
    does_not_say(card_of(rig), "Nothing was changed.");
}

/* The bot died while it took it back: nobody has written down anything of that call. */
static void what_was_cut_off_while_it_was_taken_back_is_asked_about(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    add_promise(rig, "revert", FX_INTENT_SET, "");
    (void)fx_fail(&why, FX_ERR_CONFLICT, "the runbook was edited");
    assert_ok(engine_fail_run(&run, FX_RUN_FAILED, "redrive", &why, &err));
    assert_int_equal(run.row->state, FX_RUN_ASKING);
    says(card_of(rig), "Whether it was taken back is not known, and it is not tried again. To take "
                       "it back, type /fluxa db slowlog off.");
    says(card_of(rig), "\"It was not taken back\"");
    does_not_say(card_of(rig), "It was not done");
}

/* Both promises of a step bear the same two keys: what was taken back in one stands in the other.
 */
static void what_one_step_took_back_is_not_taken_for_what_another_left(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_promise_of(rig, "first", "change", FX_INTENT_DONE, "{}");
    add_promise_of(rig, "first", "revert", FX_INTENT_DONE, "{}");
    fx_json_put(run.values, "first", engine_rig_json(rig, "{'reverted':true}"));
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    (void)fx_fail(&why, FX_ERR_CONFLICT, "the runbook was edited");
    assert_ok(engine_fail_run(&run, FX_RUN_FAILED, "redrive", &why, &err));
    says(card_of(rig), "It stands: it was to be taken back by itself at");
}

/* A later step asks: its question is not whether that was taken back, and its card still says so.
 */
static void what_an_earlier_step_left_is_not_asked_about_and_is_told(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_runbook_step steps[] = {{.id = "redrive"}, {.id = "next"}};
    struct fx_error err = {0};

    rig->runbook.steps = steps;
    rig->runbook.steps_count = FX_COUNT_OF(steps);
    run.row->step = 1;
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    add_promise_of(rig, "next", "start", FX_INTENT_NOT_SENT, "{}");
    assert_ok(open_dialog(rig, &run, true, &err));
    does_not_say(card_of(rig), "taken back");
    rig->work.writes = (struct fx_writes){0};
    assert_true(end_told(&run));
    says(run.row->note, "it is known by now what was done");
    says(card_of(rig), "It stands: it was to be taken back by itself at");
}

/* The system was taken out of the configuration while it was kept. */
static void without_its_system_the_command_is_named_alone(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct engine_left left;
    struct fx_error err = {0};

    rig->engine.options.systems_count = 0;
    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    says(engine_left_text(rig->sc, &left), "To take it back, type db slowlog off.");
}

/* A run is given up because its row cannot be read: what it left stands in the promises. */
static void what_cannot_be_read_hides_nothing_that_is_left(void **state) {
    static const char *const unreadable[] = {"", "{"};
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct engine_left left;
    struct fx_error err = {0};

    add_promise(rig, "change", FX_INTENT_DONE, "{}");
    for (size_t i = 0; i < FX_COUNT_OF(unreadable); i++) {
        run.row->values_json = unreadable[i];
        assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
        says(engine_left_text(rig->sc, &left), "It stands: it was to be taken back by itself");
    }
    add_promise(rig, "revert", FX_INTENT_FAILED, "{");
    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    says(engine_left_text(rig->sc, &left), "It was not taken back, and that is not tried again.");
    assert_false(left.is_back_told);
}

static void a_promise_that_cannot_be_read_leaves_nothing_to_say(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1",
                               .step = "redrive",
                               .key = "change",
                               .digest = "x",
                               .what_json = "",
                               .set_ms = RIG_NOW_MS};
    struct engine_left left;
    struct fx_error err = {0};

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    assert_ok(engine_left(&rig->work, run.row, NULL, &left, &err));
    assert_null(engine_left_text(rig->sc, &left));
    assert_null(engine_left_question(rig->sc, &left));
}

static enum fx_code no_intents(struct fx_store *store, struct fx_scope *sc, const char *run,
                               const char *step, struct fx_intent ***ret_intents, size_t *ret_count,
                               struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the database is away");
}

/* Whoever answered it would not have been told what stands then. */
static void while_what_is_left_cannot_be_read_no_answer_is_asked_for(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    rig->engine.options.store->intents = no_intents;
    assert_int_equal(open_dialog(rig, &run, true, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(rig->work.writes.messages_count, 0);
}

/* The bot has looked again, behind the fence, and nobody was needed. */
static void what_is_found_as_before_ends_the_question_as_doubt(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);

    add_promise(rig, "change", FX_INTENT_FAILED, "{\"refused\":\"x\",\"as_before\":true}");
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_FAILED);
    says(run.row->note, "as far as can be seen by now, nothing was done");
    does_not_say(card_of(rig), "taken back");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_tells_that_it_was_done_is_told_that_it_is_not_taken_back),
        TEST(what_was_not_done_needs_no_taking_back),
        cmocka_unit_test(what_is_told_of_taking_back_is_said_of_it),
        TEST(a_run_that_fails_before_it_is_taken_back_says_so),
        TEST(a_run_that_fails_after_it_was_seen_taken_back_says_nothing_of_it),
        TEST(doubt_about_either_is_told_as_doubt),
        TEST(what_was_as_before_when_it_was_looked_at_is_said_so),
        TEST(what_was_cut_off_while_it_was_taken_back_is_asked_about),
        TEST(what_one_step_took_back_is_not_taken_for_what_another_left),
        TEST(what_an_earlier_step_left_is_not_asked_about_and_is_told),
        TEST(without_its_system_the_command_is_named_alone),
        TEST(what_cannot_be_read_hides_nothing_that_is_left),
        TEST(a_promise_that_cannot_be_read_leaves_nothing_to_say),
        TEST(while_what_is_left_cannot_be_read_no_answer_is_asked_for),
        TEST(what_is_found_as_before_ends_the_question_as_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
