/* engine_told_test.c - a change of which nobody knows is a question to a person; the answer settles
 * it, once, and the run ends by it. */
#include "engine_rig.h"

#include "told.h"

#include <string.h>

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

static void add_intent(struct engine_rig *rig, const char *key, enum fx_intent_state state) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1",
                               .step = "redrive",
                               .key = key,
                               .digest = "x",
                               .what_json = "{\"queue\":\"orders\"}",
                               .set_ms = RIG_NOW_MS};
    struct fx_error err = {0};

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    intent.state = state;
    intent.outcome_json = "{\"tasks\":[]}";
    if (state != FX_INTENT_SET)
        assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
}

static const struct fx_intent *intent_of(struct engine_rig *rig, size_t index) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store->intents(store, rig->sc, "r1", "", &intents, &count, &err));
    assert_true(index < count);
    return intents[index];
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

static void what_is_open_is_shown_with_what_was_asked_when_and_what_was_found(void **state) {
    struct engine_rig *rig = *state;
    struct fx_json *open = NULL;
    struct fx_error err = {0};

    asking_run(rig);
    assert_ok(engine_open_changes(&rig->work, "r1", &open, &err));
    assert_null(open);
    add_intent(rig, "done", FX_INTENT_DONE);
    add_intent(rig, "set", FX_INTENT_SET);
    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    add_intent(rig, "not sent", FX_INTENT_NOT_SENT);
    assert_ok(engine_open_changes(&rig->work, "r1", &open, &err));
    assert_int_equal(fx_json_count(open), 2);
    const struct fx_json *second = fx_json_item(open, 1);

    assert_string_equal(fx_json_get_text(second, "key"), "unknown");
    assert_string_equal(fx_json_text(fx_json_at_path(second, "asked.queue")), "orders");
    assert_string_equal(fx_json_get_text(second, "begun"), fx_time_iso(rig->sc, RIG_NOW_MS));
    assert_non_null(fx_json_at_path(second, "found.tasks"));
}

static void an_answer_settles_what_is_open_and_ends_the_run(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    add_intent(rig, "set", FX_INTENT_SET);
    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    assert_false(end_told(&run));
    assert_ok(tell(rig, &run, true, "U5", &err));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(intent_of(rig, i)->state, FX_INTENT_DONE);
        assert_non_null(strstr(intent_of(rig, i)->outcome_json, "\"told_by\":\"U5\""));
    }
    assert_ok(store->audits_of(store, rig->sc, "r1", 10, &rows, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(rows[0]->action, "effect.told");
    assert_string_equal(rows[2]->action, "run.told");
    assert_string_equal(rows[2]->actor, "U5");
    assert_non_null(strstr(rows[2]->detail_json, "I counted both queues"));

    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_DONE);
    assert_non_null(strstr(run.row->note, "it was done"));
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "I counted both queues"));
}

static void that_it_was_not_done_can_be_told_only_when_it_cannot_happen_any_more(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    rig->clock.wall_ms = RIG_NOW_MS + FX_EFFECT_FENCE_MS;
    assert_int_equal(tell(rig, &run, false, "U5", &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "too early"));
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_UNKNOWN);
    assert_false(end_told(&run));
    rig->clock.wall_ms++;
    assert_ok(tell(rig, &run, false, "U5", &err));
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_FAILED);
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_FAILED);
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "Nothing was changed"));
}

static void of_two_answers_the_first_counts(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    assert_ok(tell(rig, &run, true, "U5", &err));
    run.row->state = FX_RUN_DONE;
    run.row->note = "told by U5";
    rig->clock.wall_ms = RIG_NOW_MS + FX_EFFECT_FENCE_MS + 1;
    assert_int_equal(tell(rig, &run, false, "U6", &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "told by U5"));
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_DONE);
}

static void what_the_bot_finds_out_itself_ends_the_question(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);

    add_intent(rig, "not sent", FX_INTENT_NOT_SENT);
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_FAILED);
    assert_non_null(strstr(run.row->note, "nothing was done"));
}

static void a_run_that_is_still_looked_at_is_not_ended_by_itself(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_intent(rig, "start", FX_INTENT_DONE);
    run.row->checkpoint_json = "{\"asked\":true}";
    assert_false(end_told(&run));
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_DONE);
}

static void a_failure_with_an_open_change_asks_and_shows_the_buttons(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    struct fx_error why = {0}, err = {0};

    rig->runbook = (struct fx_runbook){.command = "dlq redrive", .effect = FX_EFFECT_UNKEYED};
    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    (void)fx_fail(&why, FX_ERR_UPSTREAM, "AWS will not have it");
    assert_ok(engine_fail_run(&run, FX_RUN_FAILED, "redrive", &why, &err));
    assert_int_equal(run.row->state, FX_RUN_ASKING);
    const char *card = rig->work.writes.messages[0]->payload_json;

    assert_non_null(strstr(card, "may or may not have been made"));
    assert_null(strstr(card, "had been made"));
    assert_non_null(strstr(card, "tell_done"));
    assert_non_null(strstr(card, "tell_not_done"));
    assert_non_null(strstr(card, "orders"));
}

static void what_cannot_be_read_is_left_out_and_a_long_list_is_cut(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_json *open = NULL;
    struct fx_error err = {0};

    asking_run(rig);
    for (int i = 0; i < 7; i++) {
        struct fx_intent intent = {.run = "r1",
                                   .step = "redrive",
                                   .key = fx_printf(rig->sc, "k%d", i),
                                   .digest = "x",
                                   .what_json = i == 0 ? "{" : "",
                                   .set_ms = RIG_NOW_MS};

        assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    }
    assert_ok(engine_open_changes(&rig->work, "r1", &open, &err));
    assert_int_equal(fx_json_count(open), 5);
    assert_null(fx_json_text(fx_json_at_path(fx_json_item(open, 0), "asked.queue")));
}

static enum fx_code open_dialog(struct engine_rig *rig, const struct engine_run *run, bool done,
                                struct fx_error *err) {
    rig->work.writes = (struct fx_writes){0};
    return engine_open_tell_dialog(&rig->work, run->row, done, "1.2.a", "C1", "U5", "", err);
}

static void whoever_answers_is_asked_how_he_knows(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    for (int done = 0; done < 2; done++) {
        assert_ok(open_dialog(rig, &run, done, &err));
        assert_int_equal(rig->work.writes.messages[0]->kind, FX_MESSAGE_VIEW);
        assert_non_null(strstr(rig->work.writes.messages[0]->payload_json,
                               done ? "It was done" : "It was not done"));
    }
    run.row->state = FX_RUN_DONE;
    assert_int_equal(open_dialog(rig, &run, true, &err), FX_ERR_CONFLICT);
    assert_int_equal(rig->work.writes.messages_count, 0);
}

/* An older version wrote doubt as a failure. */
static void a_doubt_of_an_older_version_is_answered_and_stands(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1",
                               .step = "redrive",
                               .key = "old",
                               .digest = "x",
                               .what_json = "{}",
                               .set_ms = RIG_NOW_MS};
    struct fx_error err = {0};

    add_intent(rig, "known", FX_INTENT_DONE);
    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    intent.state = FX_INTENT_FAILED;
    intent.outcome_json = "{\"unknown\":true}";
    assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_int_equal(intent_of(rig, 1)->state, FX_INTENT_FAILED);
    assert_true(end_told(&run));
}

static enum fx_code (*end_truly)(struct fx_store *, struct fx_scope *, const struct fx_intent *,
                                 const struct fx_writes *, struct fx_error *);
static const char *found; /* of which the bot finds out in the moment of the answer */

static enum fx_code end_behind_the_bot(struct fx_store *store, struct fx_scope *sc,
                                       const struct fx_intent *intent,
                                       const struct fx_writes *writes, struct fx_error *err) {
    struct fx_intent own = {.run = "r1",
                            .step = "redrive",
                            .key = found,
                            .state = FX_INTENT_NOT_SENT,
                            .outcome_json = "{}"};
    struct fx_error ignored;

    if (found != NULL)
        assert_int_equal(end_truly(store, sc, &own, NULL, &ignored), FX_OK);
    found = NULL;
    return end_truly(store, sc, intent, writes, err);
}

static void find_out_meanwhile(struct engine_rig *rig, const char *key) {
    end_truly = rig->engine.options.store->end_effect;
    rig->engine.options.store->end_effect = end_behind_the_bot;
    found = key;
}

static void an_answer_that_changes_nothing_is_not_taken(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    find_out_meanwhile(rig, "unknown");
    assert_int_equal(tell(rig, &run, true, "U5", &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "is known already"));
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_NOT_SENT);
    assert_true(end_told(&run));
    assert_non_null(strstr(run.row->note, "it is known by now that nothing was done"));
}

static void an_answer_counts_for_what_it_still_settles(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};

    add_intent(rig, "one", FX_INTENT_UNKNOWN);
    add_intent(rig, "two", FX_INTENT_UNKNOWN);
    find_out_meanwhile(rig, "one");
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_NOT_SENT);
    assert_int_equal(intent_of(rig, 1)->state, FX_INTENT_DONE);
    assert_true(end_told(&run));
    assert_int_equal(run.row->state, FX_RUN_DONE);
}

static enum fx_code end_never(struct fx_store *store, struct fx_scope *sc,
                              const struct fx_intent *intent, const struct fx_writes *writes,
                              struct fx_error *err) {
    return fx_fail(err, writes->settings_count > 0 ? FX_ERR_UNAVAILABLE : FX_ERR_INTERNAL,
                   "not this time");
}

/* The run's own job may look at any moment: what it finds settled it must find told. */
static void what_is_open_and_the_answer_are_written_together_or_not_at_all(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err = {0};

    add_intent(rig, "one", FX_INTENT_UNKNOWN);
    add_intent(rig, "two", FX_INTENT_SET);
    end_truly = store->end_effect;
    store->end_effect = end_never;
    assert_int_equal(engine_tell(&rig->work, run.row, true, "U5", "I counted", &err),
                     FX_ERR_UNAVAILABLE);
    assert_int_equal(rig->work.writes.settings_count, 0);
    assert_int_equal(intent_of(rig, 0)->state, FX_INTENT_UNKNOWN);
    store->end_effect = end_truly;
    assert_ok(engine_tell(&rig->work, run.row, true, "U5", "I counted", &err));
    assert_int_equal(intent_of(rig, 1)->state, FX_INTENT_DONE);
    assert_true(end_told(&run)); /* before the answer's own job has ended */
    assert_non_null(strstr(run.row->note, "a person has looked: it was done"));
}

/* It died behind the answer, and its job is done again. */
static void the_same_answer_again_is_no_second_one(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    add_intent(rig, "one", FX_INTENT_UNKNOWN);
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_ok(tell(rig, &run, true, "U5", &err));
    assert_ok(store->audits_of(store, rig->sc, "r1", 10, &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(tell(rig, &run, true, "U6", &err), FX_ERR_CONFLICT);
    assert_int_equal(tell(rig, &run, false, "U5", &err), FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "answered already"));
}

static enum engine_told what_becomes_of(struct engine_run *run) {
    enum engine_told told = ENGINE_TOLD_END;
    struct fx_error err = {0};

    assert_ok(engine_end_told(run, &told, &err));
    return told;
}

/* A move task above all: it runs in AWS, and whoever started it has told only now. */
static void what_the_bot_finds_done_itself_is_gone_on_with(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_runbook_step steps[] = {{.id = "census"}, {.id = "gate"}, {.id = "redrive"}};

    rig->runbook.steps = steps;
    rig->runbook.steps_count = 3;
    run.row->step = 1; /* all of it in one claim, whose end was never written */
    add_intent(rig, "start", FX_INTENT_DONE);
    add_intent(rig, "unknown", FX_INTENT_UNKNOWN);
    assert_int_equal(what_becomes_of(&run), ENGINE_TOLD_WAIT);
    assert_int_equal(run.row->state, FX_RUN_ASKING);
    struct fx_intent open = *intent_of(rig, 1);
    struct fx_error err = {0};

    open.state = FX_INTENT_NOT_SENT;
    assert_ok(rig->engine.options.store->end_effect(rig->engine.options.store, rig->sc, &open, NULL,
                                                    &err));
    assert_int_equal(what_becomes_of(&run), ENGINE_TOLD_LOOK);
    assert_int_equal(run.row->state, FX_RUN_ASKING);
}

static void what_another_step_did_is_no_reason_to_begin_this_one(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_runbook_step steps[] = {{.id = "redrive"}, {.id = "next"}};

    add_intent(rig, "start", FX_INTENT_DONE);
    rig->runbook.steps = steps;
    rig->runbook.steps_count = 2;
    run.row->step = 1;
    assert_true(end_told(&run));
    assert_non_null(strstr(run.row->note, "known by now what was done"));
}

static int left;
static enum fx_code (*intents_inside)(struct fx_store *store, struct fx_scope *sc, const char *run,
                                      const char *step, struct fx_intent ***ret_intents,
                                      size_t *ret_count, struct fx_error *err);

static enum fx_code some_intents(struct fx_store *store, struct fx_scope *sc, const char *run,
                                 const char *step, struct fx_intent ***ret_intents,
                                 size_t *ret_count, struct fx_error *err) {
    if (left-- > 0)
        return intents_inside(store, sc, run, step, ret_intents, ret_count, err);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the database is away");
}

/* It reads what was done: whether something is open, whether a step goes on, and what is left. */
static void while_what_was_done_cannot_be_read_the_question_stays(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;

    add_intent(rig, "not sent", FX_INTENT_NOT_SENT);
    intents_inside = store->intents;
    store->intents = some_intents;
    for (int reads = 0; reads < 3; reads++) {
        struct fx_error err = {0};
        enum engine_told told = ENGINE_TOLD_WAIT;

        left = reads;
        assert_int_equal(engine_end_told(&run, &told, &err), FX_ERR_UNAVAILABLE);
        assert_int_equal(run.row->state, FX_RUN_ASKING);
        assert_int_equal(rig->work.writes.runs_count, 0);
    }
    left = 3;
    assert_true(end_told(&run));
}

static void an_answer_that_cannot_be_read_ends_nothing(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_error err = {0};
    enum engine_told told = ENGINE_TOLD_WAIT;

    fx_writes_setting(rig->sc, &rig->work.writes, "told:r1", "{");
    engine_rig_keep(rig);
    assert_int_equal(engine_end_told(&run, &told, &err), FX_ERR_INPUT);
    assert_int_equal(run.row->state, FX_RUN_ASKING);
}

static enum fx_code setting_never(struct fx_store *store, struct fx_scope *sc, const char *name,
                                  const char **ret_value, struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "not this time");
}

static void an_answer_is_not_taken_while_the_one_before_it_cannot_be_read(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    enum fx_code (*truly)(struct fx_store *, struct fx_scope *, const char *, const char **,
                          struct fx_error *) = store->setting;
    struct fx_error err = {0};

    store->setting = setting_never;
    assert_int_equal(tell(rig, &run, true, "U5", &err), FX_ERR_UNAVAILABLE);
    store->setting = truly;
    fx_writes_setting(rig->sc, &rig->work.writes, "told:r1", "{");
    engine_rig_keep(rig);
    assert_int_equal(tell(rig, &run, true, "U5", &err), FX_ERR_INPUT);
    assert_int_equal(rig->work.writes.settings_count, 0);
}

static int looks;

static enum fx_code always_found_out_before(struct fx_store *store, struct fx_scope *sc,
                                            const struct fx_intent *intent,
                                            const struct fx_writes *writes, struct fx_error *err) {
    looks++;
    return fx_fail(err, FX_ERR_CONFLICT, "somebody was quicker");
}

static void an_answer_looks_again_a_few_times_only(void **state) {
    struct engine_rig *rig = *state;
    struct engine_run run = asking_run(rig);
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err = {0};

    looks = 0;
    add_intent(rig, "one", FX_INTENT_UNKNOWN);
    end_truly = store->end_effect;
    store->end_effect = always_found_out_before;
    assert_int_equal(engine_tell(&rig->work, run.row, true, "U5", "I counted", &err),
                     FX_ERR_CONFLICT);
    store->end_effect = end_truly;
    assert_in_range(looks, 2, 10);
    assert_int_equal(rig->work.writes.settings_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_open_is_shown_with_what_was_asked_when_and_what_was_found),
        TEST(an_answer_settles_what_is_open_and_ends_the_run),
        TEST(that_it_was_not_done_can_be_told_only_when_it_cannot_happen_any_more),
        TEST(of_two_answers_the_first_counts),
        TEST(what_the_bot_finds_out_itself_ends_the_question),
        TEST(a_run_that_is_still_looked_at_is_not_ended_by_itself),
        TEST(a_failure_with_an_open_change_asks_and_shows_the_buttons),
        TEST(what_cannot_be_read_is_left_out_and_a_long_list_is_cut),
        TEST(whoever_answers_is_asked_how_he_knows),
        TEST(a_doubt_of_an_older_version_is_answered_and_stands),
        TEST(an_answer_that_changes_nothing_is_not_taken),
        TEST(an_answer_counts_for_what_it_still_settles),
        TEST(what_is_open_and_the_answer_are_written_together_or_not_at_all),
        TEST(the_same_answer_again_is_no_second_one),
        TEST(what_the_bot_finds_done_itself_is_gone_on_with),
        TEST(what_another_step_did_is_no_reason_to_begin_this_one),
        TEST(while_what_was_done_cannot_be_read_the_question_stays),
        TEST(an_answer_that_cannot_be_read_ends_nothing),
        TEST(an_answer_is_not_taken_while_the_one_before_it_cannot_be_read),
        TEST(an_answer_looks_again_a_few_times_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
