/* engine_steps_test.c - how a run takes its steps: what is never done is not run, and a question is
 * looked at again without being asked twice. */
#include "engine_rig.h"

#include <string.h>

static enum fx_effect class_of_step;
static struct fx_step_result next_result;
static const char *checkpoint_seen;
static int calls;

static enum fx_effect effect_of(const struct fx_json *params) {
    return class_of_step;
}

static enum fx_code run_step(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    calls++;
    checkpoint_seen = ctx->checkpoint == NULL ? "" : fx_json_dump(ctx->sc, ctx->checkpoint);
    *ret_result = next_result;
    return FX_OK;
}

static const struct fx_step_kind kind = {.name = "fake", .effect = effect_of, .run = run_step};
static const struct fx_environment environments[] = {{.name = "dev"}};

/* A run of one step, with its job in hand. */
static void begin(struct engine_rig *rig, enum fx_effect class) {
    struct fx_runbook *book = FX_NEW(rig->sc, struct fx_runbook);
    struct fx_runbook_step *step = FX_NEW(rig->sc, struct fx_runbook_step);
    struct fx_system *fluxa = FX_NEW(rig->sc, struct fx_system);

    class_of_step = class;
    calls = 0;
    *step = (struct fx_runbook_step){.id = "one", .kind = &kind, .params = fx_json_object(rig->sc)};
    *book = (struct fx_runbook){.command = "dlq redrive",
                                .digest = "d1",
                                .steps = step,
                                .steps_count = 1,
                                .effect = FX_EFFECT_UNKEYED};
    *fluxa = (struct fx_system){.name = "fluxa",
                                .definition = fx_json_object(rig->sc),
                                .runbooks = book,
                                .runbooks_count = 1};
    engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    rig->system = (struct fx_engine_system){.system = fluxa,
                                            .channel = "C1",
                                            .command = "/fluxa",
                                            .environments = environments,
                                            .environments_count = 1};
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    rig->job = (struct fx_job){.kind = "run", .subject = "r1", .attempts = 1};
    rig->work.job = &rig->job;
}

static struct fx_run *go_on(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    assert_ok(engine_continue_run(&rig->work, &err));
    engine_rig_keep(rig);
    assert_ok(store->run(store, rig->sc, "r1", &row, &err));
    return row;
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
    struct fx_run *row = go_on(rig);

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
    assert_int_equal(go_on(rig)->state, FX_RUN_ASKING);
    size_t told = audits(rig);

    struct fx_run *row = go_on(rig);

    assert_int_equal(calls, 2);
    assert_string_equal(checkpoint_seen, "{\"asked\":true}");
    assert_int_equal(row->state, FX_RUN_ASKING);
    assert_int_equal(audits(rig), told);
    ask(rig, "was it done? By now it cannot be any more", "{'asked':true}");
    go_on(rig);
    assert_int_equal(audits(rig), told + 1);
    next_result = (struct fx_step_result){.outcome = FX_STEP_PARKED, .due_ms = RIG_NOW_MS + 5};
    assert_int_equal(go_on(rig)->state, FX_RUN_WAITING);
}

static void a_question_that_nobody_looks_at_is_not_run_again(void **state) {
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1", .step = "one", .key = "k", .what_json = "{}"};
    struct fx_error err = {0};

    begin(rig, FX_EFFECT_READ);
    ask(rig, "was it done?", NULL);
    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    assert_int_equal(go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(go_on(rig)->state, FX_RUN_ASKING);
    assert_int_equal(calls, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_never_done_is_not_run),
        TEST(a_question_is_looked_at_again_and_told_once),
        TEST(a_question_that_nobody_looks_at_is_not_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
