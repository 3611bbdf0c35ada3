/* engine_together_test.c - steps that need nothing of each other, and the items of a list: read at
 * once, and what comes of it is the same as one after the other. */
#include "engine_rig.h"

#include <string.h>

enum { WAIT_S = 60 };

/* What each step does, by its parameter `do`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int inside, most, calls, meet; /* meet: so many wait for each other */

/* Until so many have been inside at once; a machine that cannot have them fails after a minute. */
static bool meets(void) {
    struct timespec until;
    bool met;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&lock);
    calls++;
    inside++;
    most = inside > most ? inside : most;
    pthread_cond_broadcast(&changed);
    while (most < meet && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        continue;
    met = most >= meet;
    inside--;
    pthread_mutex_unlock(&lock);
    return met;
}

static enum fx_effect reads(const struct fx_json *params) {
    return FX_EFFECT_READ;
}

static enum fx_code run_step(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    const char *what = fx_json_get_text(params, "do");

    if (!meets())
        return fx_fail(err, FX_ERR_INTERNAL, "nobody else came");
    if (fx_scope_check(ctx->sc, fx_mono_ms(ctx->clock), err) != FX_OK)
        return err->code;
    if (strncmp(what, "fail", 4) == 0)
        return fx_fail(err, FX_ERR_UPSTREAM, "%s", what);
    if (strcmp(what, "busy") == 0)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "busy");
    if (strcmp(what, "wait") == 0 && ctx->checkpoint == NULL) {
        *ret_result = (struct fx_step_result){
            .outcome = FX_STEP_PARKED,
            .checkpoint = fx_json_object_of(ctx->sc, "seen", fx_json_int(ctx->sc, 1), NULL),
            .due_ms = RIG_NOW_MS + 5};
        return FX_OK;
    }
    ret_result->output = fx_json_stringf(ctx->sc, "%s%s", what, ctx->checkpoint == NULL ? "" : "!");
    return FX_OK;
}

static const struct fx_step_param params[] = {{"do", FX_PARAM_TEXT, true, NULL, "what"}};
static const struct fx_step_kind kind = {.name = "fake",
                                         .params = params,
                                         .params_count = FX_COUNT_OF(params),
                                         .effect = reads,
                                         .is_parallel = true,
                                         .run = run_step};
static const struct fx_step_kind alone = {.name = "alone",
                                          .params = params,
                                          .params_count = FX_COUNT_OF(params),
                                          .effect = reads,
                                          .run = run_step};
static struct fx_runbook_step *steps;

/* A run of steps that do this, all of one group. */
static void begin(struct engine_rig *rig, const char *const *what, size_t count, int together) {
    struct fx_runbook *book = FX_NEW(rig->sc, struct fx_runbook);

    inside = most = calls = meet = 0;
    steps = fx_alloc(rig->sc, count * sizeof *steps);
    for (size_t i = 0; i < count; i++)
        steps[i] = (struct fx_runbook_step){
            .id = fx_printf(rig->sc, "s%zu", i),
            .kind = &kind,
            .params = fx_json_object_of(rig->sc, "do", fx_json_string(rig->sc, what[i]), NULL),
            .together = i == 0 ? count : 1};
    *book = (struct fx_runbook){
        .command = "look", .digest = "d1", .steps = steps, .steps_count = count};
    engine_rig_book(rig, book);
    rig->engine.options.together = together;
    rig->job.attempts = 9;
}

static void four_at_once_and_no_more(void **state) {
    static const char *const what[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};

    begin(*state, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    meet = FX_ENGINE_MAX_TOGETHER;
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(row->state, FX_RUN_DONE);
    assert_string_equal(row->values_json,
                        "{\"s0\":\"a\",\"s1\":\"b\",\"s2\":\"c\",\"s3\":\"d\",\"s4\":\"e\","
                        "\"s5\":\"f\",\"s6\":\"g\",\"s7\":\"h\",\"s8\":\"i\"}");
    assert_int_equal(most, FX_ENGINE_MAX_TOGETHER);
    assert_int_equal(calls, 9);
}

static void without_it_they_come_one_after_the_other(void **state) {
    static const char *const what[] = {"a", "b", "c"};

    begin(*state, what, FX_COUNT_OF(what), 0);
    assert_string_equal(engine_rig_go_on(*state)->values_json,
                        "{\"s0\":\"a\",\"s1\":\"b\",\"s2\":\"c\"}");
    assert_int_equal(most, 1);
}

/* Whoever is ready first: the first in the runbook counts. */
static void the_first_failure_in_their_order_is_told(void **state) {
    static const char *const what[] = {"a", "fail one", "fail two", "d"};

    begin(*state, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    meet = FX_ENGINE_MAX_TOGETHER;
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_string_equal(row->note, "fail one");
}

static void a_failure_may_be_passed_over(void **state) {
    static const char *const what[] = {"a", "fail one", "c"};

    begin(*state, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    steps[1].otherwise = "continue";
    assert_string_equal(engine_rig_go_on(*state)->values_json,
                        "{\"s0\":\"a\",\"s1\":{\"error\":\"fail one\"},\"s2\":\"c\"}");
}

static void one_that_nobody_answers_has_all_tried_again(void **state) {
    static const char *const what[] = {"a", "busy"};
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    rig->job.attempts = 1;
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_UNAVAILABLE);
}

static void those_that_wait_are_asked_again_and_the_others_are_not(void **state) {
    static const char *const what[] = {"a", "wait", "c", "wait"};

    begin(*state, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    steps[2].when = "${false}";
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(row->state, FX_RUN_WAITING);
    assert_string_equal(row->checkpoint_json,
                        "{\"together\":{\"s1\":{\"seen\":1},\"s3\":{\"seen\":1}}}");
    assert_int_equal(calls, 3);
    row = engine_rig_go_on(*state);
    assert_int_equal(row->state, FX_RUN_DONE);
    assert_string_equal(row->values_json,
                        "{\"s0\":\"a\",\"s2\":null,\"s1\":\"wait!\",\"s3\":\"wait!\"}");
    assert_int_equal(calls, 5);
}

/* Else what was read once would be read again, or taken for read. */
static void without_what_they_know_so_far_none_is_asked_again(void **state) {
    static const char *const what[] = {"a", "wait"};
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    struct fx_run row = *engine_rig_go_on(rig);

    calls = 0;
    row.checkpoint_json = "{";
    fx_writes_run(rig->sc, &rig->work.writes, &row);
    engine_rig_keep(rig);
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_INPUT);
    assert_int_equal(calls, 0);
    assert_int_equal(rig->work.writes.runs_count, 0);
}

/* The lease is lost, or the program ends: each is told, and all of it comes again. */
static void who_cancels_the_run_cancels_each(void **state) {
    static const char *const what[] = {"a", "b"};
    struct engine_rig *rig = *state;
    struct fx_error err = {0};

    begin(rig, what, FX_COUNT_OF(what), FX_ENGINE_MAX_TOGETHER);
    steps[0].otherwise = steps[1].otherwise = "continue";
    fx_scope_cancel(rig->sc);
    assert_int_equal(engine_continue_run(&rig->work, &err), FX_ERR_CANCELED);
}

/* ---- each ---- */

static void begin_each(struct engine_rig *rig, const struct fx_step_kind *of, const char *list,
                       int64_t max) {
    static const char *const what[] = {"${item}"};

    begin(rig, what, 1, FX_ENGINE_MAX_TOGETHER);
    steps[0].kind = of;
    steps[0].each = fx_printf(rig->sc, "${parse_json('%s')}", list);
    steps[0].each_max = max;
}

static void each_item_has_its_own_result(void **state) {
    begin_each(*state, &kind, "[\"a\",\"b\",\"c\",\"d\"]", 4);
    meet = FX_ENGINE_MAX_TOGETHER;
    assert_string_equal(
        engine_rig_go_on(*state)->values_json,
        "{\"s0\":[{\"value\":\"a\",\"item\":\"a\"},{\"value\":\"b\",\"item\":\"b\"},"
        "{\"value\":\"c\",\"item\":\"c\"},{\"value\":\"d\",\"item\":\"d\"}]}");
}

static void what_must_be_alone_is_read_one_after_the_other(void **state) {
    begin_each(*state, &alone, "[\"a\",\"b\",\"c\"]", 4);
    assert_int_equal(engine_rig_go_on(*state)->state, FX_RUN_DONE);
    assert_int_equal(most, 1);
    assert_int_equal(calls, 3);
}

static void a_list_that_is_too_long_is_not_begun(void **state) {
    begin_each(*state, &kind, "[\"a\",\"b\",\"c\"]", 2);
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "3 items are more than the 2 of each.max"));
    assert_int_equal(calls, 0);
}

static void an_item_that_fails_is_told_or_ends_it(void **state) {
    struct engine_rig *rig = *state;

    begin_each(rig, &kind, "[\"a\",\"fail it\",\"c\"]", 9);
    steps[0].otherwise = "continue";
    assert_string_equal(engine_rig_go_on(rig)->values_json,
                        "{\"s0\":[{\"value\":\"a\",\"item\":\"a\"},{\"error\":\"fail it\","
                        "\"item\":\"fail it\"},{\"value\":\"c\",\"item\":\"c\"}]}");
}

static void without_continue_it_names_the_item(void **state) {
    begin_each(*state, &kind, "[\"a\",\"fail it\",\"c\"]", 9);
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(row->state, FX_RUN_FAILED);
    assert_non_null(strstr(row->note, "item 2: fail it"));
}

static void items_that_wait_are_asked_again_alone(void **state) {
    begin_each(*state, &kind, "[\"a\",\"wait\",\"fail it\"]", 9);
    steps[0].otherwise = "continue";
    assert_int_equal(engine_rig_go_on(*state)->state, FX_RUN_WAITING);
    assert_int_equal(calls, 3);
    struct fx_run *row = engine_rig_go_on(*state);

    assert_int_equal(calls, 4);
    assert_non_null(strstr(row->values_json, "{\"value\":\"wait!\",\"item\":\"wait\"}"));
    assert_non_null(strstr(row->values_json, "{\"error\":\"fail it\",\"item\":\"fail it\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, engine_rig_set_up, engine_rig_tear_down)
        RIGGED(four_at_once_and_no_more),
        RIGGED(without_it_they_come_one_after_the_other),
        RIGGED(the_first_failure_in_their_order_is_told),
        RIGGED(a_failure_may_be_passed_over),
        RIGGED(one_that_nobody_answers_has_all_tried_again),
        RIGGED(those_that_wait_are_asked_again_and_the_others_are_not),
        RIGGED(without_what_they_know_so_far_none_is_asked_again),
        RIGGED(who_cancels_the_run_cancels_each),
        RIGGED(each_item_has_its_own_result),
        RIGGED(what_must_be_alone_is_read_one_after_the_other),
        RIGGED(a_list_that_is_too_long_is_not_begun),
        RIGGED(an_item_that_fails_is_told_or_ends_it),
        RIGGED(without_continue_it_names_the_item),
        RIGGED(items_that_wait_are_asked_again_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
