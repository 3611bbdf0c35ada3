/* engine_follow_ups_test.c - what looks again by itself: as often as it was told, at its time, and
 * only after something was changed. */
#include "engine_rig.h"

#include <string.h>

static const struct fx_argument verify_arguments[] = {
    {.name = "window", .type = "integer", .fallback = NULL, .optional = true, .max = INT64_MAX},
    {.name = "redrive", .type = "text", .optional = true, .named = true},
};
static const struct fx_runbook commands[] = {
    {.command = "dlq verify",
     .digest = "d2",
     .arguments = verify_arguments,
     .arguments_count = FX_COUNT_OF(verify_arguments)},
};
static const struct fx_system fluxa = {
    .name = "fluxa", .runbooks = commands, .runbooks_count = FX_COUNT_OF(commands)};
static const int64_t three_times[] = {2 * 60000, 5 * 60000, 15 * 60000}, once[] = {1000};

/* A run that changed something, followed up by what is given. */
static struct engine_run changed_run(struct engine_rig *rig, const struct fx_follow_up *follow_ups,
                                     size_t count) {
    struct engine_run run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");

    rig->system.system = &fluxa;
    rig->runbook = (struct fx_runbook){
        .command = "dlq redrive", .follow_ups = follow_ups, .follow_ups_count = count};
    fx_json_put(run.names, "run", engine_rig_json(rig, "{'id':'r1'}"));
    return run;
}

static void change(struct engine_rig *rig, const char *key, const char *outcome) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_intent intent = {.run = "r1",
                               .step = "redrive",
                               .key = key,
                               .digest = "x",
                               .state = FX_INTENT_SET,
                               .what_json = "{}",
                               .outcome_json = "",
                               .set_ms = RIG_NOW_MS};
    struct fx_error err;

    assert_ok(store->begin_effect(store, rig->sc, NULL, &intent, NULL, &err));
    if (outcome == NULL)
        return;
    intent.state = FX_INTENT_FAILED;
    intent.outcome_json = outcome;
    assert_ok(store->end_effect(store, rig->sc, &intent, NULL, &err));
}

static void each_comes_at_its_time_and_in_the_thread_of_the_run(void **state) {
    static const struct fx_follow_up verify[] = {
        {"dlq verify", "redrive=${run.id}", three_times, FX_COUNT_OF(three_times), NULL}};
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    run.row->incident = "i1";
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 3);
    assert_int_equal(rig->work.writes.jobs_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct fx_run *follow_up = rig->work.writes.runs[i];
        const struct fx_job *job = rig->work.writes.jobs[i];

        assert_string_equal(follow_up->command, "dlq verify");
        assert_string_equal(follow_up->arguments_json, "{\"window\":null,\"redrive\":\"r1\"}");
        assert_string_equal(follow_up->trigger, "follow-up");
        assert_string_equal(follow_up->requester, "");
        assert_string_equal(follow_up->parent, "run:r1");
        assert_string_equal(follow_up->channel, "C1");
        assert_string_equal(follow_up->incident, "i1");
        assert_string_equal(follow_up->environment, "dev");
        assert_int_equal(follow_up->state, FX_RUN_QUEUED);
        assert_int_equal(follow_up->created_ms, RIG_NOW_MS + three_times[i]);
        assert_string_equal(job->kind, "run");
        assert_string_equal(job->subject, follow_up->id);
        assert_int_equal(job->due_ms, RIG_NOW_MS + three_times[i]);
    }
    assert_string_not_equal(rig->work.writes.runs[0]->id, rig->work.writes.runs[1]->id);
    assert_int_equal(rig->work.writes.messages_count, 0);
}

static void where_nothing_was_changed_nothing_is_looked_at_again(void **state) {
    static const struct fx_follow_up verify[] = {{"dlq verify", "", once, 1, NULL}};
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 0);
    change(rig, "a", "{\"refused\":\"no\"}");
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 0);
    change(rig, "b", "{\"unknown\":true}");
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 1);
}

static void a_run_that_stands_in_a_thread_is_followed_up_there(void **state) {
    static const struct fx_follow_up verify[] = {{"dlq verify", "", once, 1, NULL}};
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    run.row->parent = "incident:i1";
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_string_equal(rig->work.writes.runs[0]->parent, "incident:i1");
}

static void arguments_that_come_to_a_number_are_typed_as_one(void **state) {
    static const struct fx_follow_up verify[] = {{"dlq verify", "${minutes}", once, 1, NULL}};
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    fx_json_put(run.names, "minutes", fx_json_int(rig->sc, 7));
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 1);
    assert_string_equal(rig->work.writes.runs[0]->arguments_json,
                        "{\"window\":7,\"redrive\":null}");
}

static void what_cannot_be_planned_is_told_and_the_others_are_planned(void **state) {
    static const struct fx_follow_up mixed[] = {
        {"dlq verify", "redrive=${absent}", once, 1, NULL}, {"dlq verify", "1 2 3", once, 1, NULL},
        {"dlq verify", "${nothing}", once, 1, NULL},        {"dlq vanished", "", once, 1, NULL},
        {"dlq verify", "redrive=${run.id}", once, 1, NULL},
    };
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, mixed, FX_COUNT_OF(mixed));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    fx_json_put(run.names, "nothing", fx_json_null(rig->sc));
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.runs_count, 1);
    assert_int_equal(rig->work.writes.messages_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct fx_message *message = rig->work.writes.messages[i];

        assert_string_equal(message->parent, "run:r1");
        assert_non_null(strstr(message->payload_json, "Nothing will be checked by itself"));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(message->key, rig->work.writes.messages[k]->key);
    }
}

static void one_may_come_at_a_time_that_was_given(void **state) {
    static const struct fx_follow_up verify[] = {
        {"dlq verify", "", NULL, 0, "${run.day}T08:00:00Z"},
        {"dlq verify", "", NULL, 0, "${run.ms}"},
        {"dlq verify", "", NULL, 0, "${run.past}"},
    };
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    fx_json_put(run.names, "run",
                engine_rig_json(rig, "{'day':'1970-02-01','ms':1000000007,'past':7}"));
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.messages_count, 0);
    assert_int_equal(rig->work.writes.jobs_count, 3);
    assert_int_equal(rig->work.writes.jobs[0]->due_ms, (31LL * 24 + 8) * 3600 * 1000);
    assert_int_equal(rig->work.writes.jobs[1]->due_ms, 1000000007);
    assert_int_equal(rig->work.writes.jobs[2]->due_ms, RIG_NOW_MS);
}

static void a_time_that_is_none_or_too_far_is_told(void **state) {
    static const struct fx_follow_up verify[] = {
        {"dlq verify", "", NULL, 0, "${run.far}"},
        {"dlq verify", "", NULL, 0, "${run.text}"},
        {"dlq verify", "", NULL, 0, "${absent.day}"},
    };
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    fx_json_put(run.names, "run", engine_rig_json(rig, "{'far':0,'text':'soon'}"));
    fx_json_put(fx_json_at(run.names, "run"), "far",
                fx_json_int(rig->sc, RIG_NOW_MS + 1 + FX_FOLLOW_UP_MAX_DAYS * 86400000LL));
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_int_equal(rig->work.writes.jobs_count, 0);
    assert_int_equal(rig->work.writes.messages_count, 3);
    assert_non_null(strstr(rig->work.writes.messages[0]->payload_json, "days ahead"));
}

/* A run that asks did not take its last steps. */
static void what_was_not_found_out_is_null(void **state) {
    static const struct fx_runbook_step steps[] = {{.id = "moved"}};
    static const struct fx_follow_up verify[] = {
        {"dlq verify", "${moved == null and 5 or 6}", once, 1, NULL}};
    struct engine_rig *rig = *state;
    struct engine_run run = changed_run(rig, verify, FX_COUNT_OF(verify));
    struct fx_error err = {0};

    change(rig, "a", NULL);
    rig->runbook.steps = steps;
    rig->runbook.steps_count = 1;
    assert_ok(engine_start_follow_ups(&run, &err));
    assert_string_equal(rig->work.writes.runs[0]->arguments_json,
                        "{\"window\":5,\"redrive\":null}");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_comes_at_its_time_and_in_the_thread_of_the_run),
        TEST(where_nothing_was_changed_nothing_is_looked_at_again),
        TEST(a_run_that_stands_in_a_thread_is_followed_up_there),
        TEST(arguments_that_come_to_a_number_are_typed_as_one),
        TEST(what_cannot_be_planned_is_told_and_the_others_are_planned),
        TEST(one_may_come_at_a_time_that_was_given),
        TEST(a_time_that_is_none_or_too_far_is_told),
        TEST(what_was_not_found_out_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
