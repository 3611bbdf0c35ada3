/* steps_move_task_test.c - a task that SQS runs: which one is ours, what is done without an answer,
 * when a person is asked; and the one task that an emergency stop means. */
#include "steps_rig.h"

#include <string.h>

#define DESTINATION "arn:aws:sqs:us-east-1:1:main"
#define SOURCE "arn:aws:sqs:us-east-1:1:Fluxa-DLQ"
/* In seconds after the start of a test; SQS stamps in milliseconds. */
#define AT(seconds) (RIG_NOW_MS + (seconds)*1000)
#define START_KEY "move-task"

static const char plan_text[] =
    "{'details':{'from':'" SOURCE "','to':'" DESTINATION "','rate':10,'total':3,'messages':[]}}";

struct task {
    int64_t started_ms;
    const char *status, *to, *handle;
    int rate;
};

/* What ListMessageMoveTasks answers; the newest first, as SQS does. */
static const char *list_of(struct steps_rig *rig, const struct task *tasks, size_t count) {
    const char *text = "{\"Results\":[";

    for (size_t i = 0; i < count; i++)
        text = fx_printf(
            rig->sc,
            "%s%s{\"StartedTimestamp\":%lld,\"Status\":\"%s\",\"DestinationArn\":\"%s\","
            "\"MaxNumberOfMessagesPerSecond\":%d,\"ApproximateNumberOfMessagesMoved\":1%s%s%s}",
            text, i == 0 ? "" : ",", (long long)tasks[i].started_ms, tasks[i].status, tasks[i].to,
            tasks[i].rate, tasks[i].handle == NULL ? "" : ",\"TaskHandle\":\"",
            tasks[i].handle == NULL ? "" : tasks[i].handle, tasks[i].handle == NULL ? "" : "\"");
    return fx_printf(rig->sc, "%s]}", text);
}

static void script(struct steps_rig *rig, const struct scripted_reply *replies, size_t count) {
    struct scripted_reply *kept = fx_alloc(rig->sc, count * sizeof *kept);

    memcpy(kept, replies, count * sizeof *kept);
    scripted_http_set(&rig->world.script, kept, count);
}

static struct fx_step_result run(struct steps_rig *rig, enum fx_code expected,
                                 struct fx_error *ret_err) {
    struct fx_step_result result = {0};

    rig->ctx.plan = steps_rig_json(rig, plan_text);
    *ret_err = (struct fx_error){0};
    assert_int_equal(
        move_task_run(&rig->ctx, steps_rig_json(rig, "{'queue':'dlq'}"), &result, ret_err),
        expected);
    return result;
}

static struct fx_step_result look(struct steps_rig *rig, const struct task *tasks, size_t count) {
    const struct scripted_reply replies[] = {{.status = 200, .body = list_of(rig, tasks, count)}};
    struct fx_error err;

    script(rig, replies, 1);
    struct fx_step_result result = run(rig, FX_OK, &err);

    if (result.checkpoint != NULL)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

/* As an earlier attempt left it, when there were no tasks. */
static void begun(struct steps_rig *rig, enum fx_known known, const char *outcome) {
    steps_rig_effect(rig, START_KEY, known,
                     "{'DestinationArn':'" DESTINATION
                     "','MaxNumberOfMessagesPerSecond':10,'at':1,'after':0}",
                     outcome);
}

static enum fx_known start_is(const struct steps_rig *rig) {
    return steps_rig_find(rig, START_KEY)->known;
}

/* ---- starting ---- */

static void what_was_not_sent_is_known_and_may_be_begun_anew(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply stopped[] = {{.status = 200, .body = "{\"Results\":[]}"},
                                             {.failure = FX_ERR_CANCELED}};
    const struct scripted_reply unreachable[] = {{.status = 200, .body = "{\"Results\":[]}"},
                                                 {.failure = FX_ERR_UNAVAILABLE}};
    const struct scripted_reply works[] = {{.status = 200, .body = "{\"Results\":[]}"},
                                           {.status = 200, .body = "{\"TaskHandle\":\"h1\"}"}};
    struct fx_error err;

    script(rig, stopped, 2);
    run(rig, FX_ERR_CANCELED, &err);
    assert_int_equal(start_is(rig), FX_KNOWN_NOTHING);
    script(rig, unreachable, 2);
    run(rig, FX_ERR_UNAVAILABLE, &err);
    assert_false(err.sent);
    assert_int_equal(start_is(rig), FX_KNOWN_NOTHING);
    script(rig, works, 2);
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(start_is(rig), FX_KNOWN_DONE);
}

static void what_sqs_refused_is_not_asked_for_again(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply refused[] = {
        {.status = 200, .body = "{\"Results\":[]}"},
        {.status = 400, .body = "{\"__type\":\"InvalidParameterValue\",\"message\":\"no\"}"}};
    struct fx_error err;

    script(rig, refused, 2);
    run(rig, FX_ERR_UPSTREAM, &err);
    assert_int_equal(start_is(rig), FX_KNOWN_FAILED);
    scripted_http_set(&rig->world.script, NULL, 0);
    run(rig, FX_ERR_UPSTREAM, &err);
}

static void an_outcome_that_somebody_else_recorded_is_read_and_not_judged(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply refused[] = {
        {.status = 200, .body = "{\"Results\":[]}"},
        {.status = 400, .body = "{\"__type\":\"InvalidParameterValue\",\"message\":\"no\"}"}};
    struct fx_error err;

    rig->end_fails = FX_ERR_CANCELED;
    script(rig, refused, 2);
    run(rig, FX_ERR_CANCELED, &err);
}

/* ---- without an answer ---- */

/* SQS does not tell who started it, so nothing that it shows makes a task ours. */
static void the_only_task_of_that_moment_is_likely_ours_and_a_question(void **state) {
    struct steps_rig *rig = *state;
    const struct task ours[] = {{AT(2), "RUNNING", DESTINATION, "h1", 10}};
    const struct task over[] = {{AT(2), "COMPLETED", DESTINATION, NULL, 10}};

    begun(rig, FX_KNOWN_BEGUN, NULL);
    struct fx_step_result result = look(rig, ours, 1);

    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_int_equal(start_is(rig), FX_KNOWN_UNKNOWN);
    assert_non_null(strstr(result.note, "one task that began as ours would have"));
    assert_non_null(strstr(result.note, fx_time_iso(rig->sc, AT(2))));
    assert_non_null(strstr(result.note, "it runs."));
    assert_non_null(strstr(look(rig, over, 1).note, "it has ended (1 moved)."));
    assert_int_equal(start_is(rig), FX_KNOWN_UNKNOWN);
}

static void a_task_that_may_be_somebody_elses_is_a_question(void **state) {
    struct steps_rig *rig = *state;
    const struct task two[] = {{AT(9), "RUNNING", DESTINATION, "h2", 10},
                               {AT(2), "COMPLETED", DESTINATION, NULL, 10}};
    const struct task cases[] = {{AT(2), "RUNNING", DESTINATION, "h1", 20},
                                 {AT(2), "RUNNING", SOURCE, "h1", 10},
                                 {AT(-3600), "COMPLETED", DESTINATION, NULL, 10},
                                 {AT(3600), "RUNNING", DESTINATION, "h1", 10}};

    for (size_t i = 0; i <= FX_COUNT_OF(cases); i++) {
        rig->effects_count = 0;
        begun(rig, FX_KNOWN_BEGUN, NULL);
        struct fx_step_result result =
            i < FX_COUNT_OF(cases) ? look(rig, &cases[i], 1) : look(rig, two, 2);

        assert_int_equal(result.outcome, FX_STEP_ASK);
        assert_int_equal(start_is(rig), FX_KNOWN_UNKNOWN);
        assert_non_null(fx_json_at(result.output, "asked_of_sqs"));
        assert_non_null(fx_json_at(result.output, "tasks"));
        assert_non_null(strstr(result.note, "nobody can tell which is ours"));
    }
}

static void it_is_looked_for_until_sqs_would_no_longer_obey(void **state) {
    struct steps_rig *rig = *state;
    const struct task ours[] = {{AT(400), "RUNNING", DESTINATION, "h1", 10}};

    begun(rig, FX_KNOWN_BEGUN, NULL);
    struct fx_step_result result = look(rig, NULL, 0);

    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_true(result.due_ms > rig->world.clock.wall_ms);
    assert_non_null(strstr(result.note, "would still obey"));
    rig->world.clock.wall_ms = AT(500);
    result = look(rig, ours, 1);
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_true(result.due_ms > rig->world.clock.wall_ms);
    assert_non_null(strstr(result.note, "one task that began as ours would have"));
}

static void behind_the_fence_the_question_is_final(void **state) {
    struct steps_rig *rig = *state;

    begun(rig, FX_KNOWN_BEGUN, NULL);
    rig->world.clock.wall_ms += FX_EFFECT_FENCE_MS;
    struct fx_step_result result = look(rig, NULL, 0);

    assert_int_equal(result.due_ms, rig->world.clock.wall_ms + 1);
    rig->world.clock.wall_ms++;
    result = look(rig, NULL, 0);
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_int_equal(result.due_ms, 0);
    assert_non_null(strstr(result.note, "no longer obey"));
}

static void after_a_question_nothing_is_started_any_more(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    begun(rig, FX_KNOWN_BEGUN, NULL);
    look(rig, NULL, 0);
    rig->effects[0].known = FX_KNOWN_NOTHING; /* whoever stood still has come back and told */
    scripted_http_set(&rig->world.script, NULL, 0);
    run(rig, FX_ERR_CONFLICT, &err);
    assert_non_null(strstr(err.message, "no move task was started"));
}

/* ---- watching ---- */

static void our_task_is_known_by_what_was_seen_of_it(void **state) {
    struct steps_rig *rig = *state;
    const struct task runs[] = {{AT(2), "RUNNING", DESTINATION, "h1", 10}};
    const struct task others[] = {{AT(30), "COMPLETED", DESTINATION, NULL, 10},
                                  {AT(2), "CANCELLED", DESTINATION, NULL, 10}};

    begun(rig, FX_KNOWN_DONE, "{'TaskHandle':'h1'}");
    assert_int_equal(look(rig, runs, 1).outcome, FX_STEP_PARKED);
    struct fx_step_result result = look(rig, others, 2);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_string_equal(fx_json_get_text(result.output, "status"), "CANCELLED");
    /* this run has not asked for it, so nobody pressed its Stop: that would be a guess */
    assert_string_equal(fx_json_get_text(result.output, "stopped"),
                        "somebody cancelled SQS's move task, not by Stop on this card");
}

static void a_task_that_this_run_cancelled_was_stopped_by_a_person(void **state) {
    struct steps_rig *rig = *state;
    const struct task over[] = {{AT(2), "CANCELLED", DESTINATION, NULL, 10}};

    begun(rig, FX_KNOWN_DONE, "{'TaskHandle':'h1'}");
    rig->ctx.checkpoint =
        steps_rig_json(rig, fx_printf(rig->sc, "{'started':%lld}", (long long)AT(2)));
    steps_rig_effect(rig, "cancel-1", FX_KNOWN_DONE, "{}", "{}");
    assert_string_equal(fx_json_get_text(look(rig, over, 1).output, "stopped"),
                        "a person pressed Stop");
}

static void a_task_that_left_the_list_is_a_question_after_a_while(void **state) {
    struct steps_rig *rig = *state;
    const struct task others[] = {{AT(40), "COMPLETED", SOURCE, NULL, 10}};
    const struct task back[] = {{AT(2), "COMPLETED", DESTINATION, NULL, 10}};
    int looks = 0;

    begun(rig, FX_KNOWN_DONE, "{'TaskHandle':'h1'}");
    struct fx_step_result result = look(rig, others, 1);

    for (; result.outcome == FX_STEP_PARKED && looks < 1000; looks++) {
        rig->world.clock.wall_ms = result.due_ms;
        result = look(rig, others, 1);
    }
    assert_true(looks > 10 && looks < 1000);
    assert_int_equal(result.outcome, FX_STEP_ASK);
    assert_non_null(strstr(result.note, "does not list it any more"));
    rig->world.clock.wall_ms = result.due_ms;
    assert_int_equal(look(rig, others, 1).outcome, FX_STEP_ASK);
    assert_int_equal(look(rig, back, 1).outcome, FX_STEP_DONE);
}

static void a_list_that_cannot_be_read_is_a_question_after_a_while(void **state) {
    struct steps_rig *rig = *state;
    const struct scripted_reply denied[] = {
        {.status = 403, .body = "{\"__type\":\"AccessDenied\",\"message\":\"no\"}"}};
    struct fx_step_result result = {0};
    struct fx_error err;
    int looks = 0;

    begun(rig, FX_KNOWN_DONE, "{'TaskHandle':'h1'}");
    do {
        script(rig, denied, 1);
        result = run(rig, FX_OK, &err);
        rig->ctx.checkpoint = result.checkpoint;
        rig->world.clock.wall_ms = result.due_ms;
    } while (result.outcome == FX_STEP_PARKED && looks++ < 1000);
    assert_true(looks > 10 && looks < 1000);
    assert_int_equal(result.outcome, FX_STEP_ASK);
}

/* ---- the emergency stop ---- */

static const char depth_answer[] = "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"5\"}}";

static enum fx_code cancel(struct steps_rig *rig, const struct scripted_reply *replies,
                           size_t count, struct fx_step_result *ret_result, struct fx_error *err) {
    rig->class = step_dlq_cancel.effect(NULL);
    *ret_result = (struct fx_step_result){0};
    *err = (struct fx_error){0};
    script(rig, replies, count);
    enum fx_code code =
        step_dlq_cancel.run(&rig->ctx, steps_rig_json(rig, "{'queue':'dlq'}"), ret_result, err);

    if (ret_result->checkpoint != NULL)
        rig->ctx.checkpoint = ret_result->checkpoint;
    assert_int_equal(rig->world.script.asked, count);
    return code;
}

static bool asked_to_cancel(const struct steps_rig *rig, size_t request, const char *handle) {
    return strstr(fx_slice_dup(rig->sc, rig->world.script.requests[request].body), handle) != NULL;
}

static void a_lost_cancel_does_not_stop_the_next_task(void **state) {
    struct steps_rig *rig = *state;
    const struct task first[] = {{AT(0), "RUNNING", DESTINATION, "h1", 10}};
    const struct task next[] = {{AT(9), "RUNNING", DESTINATION, "h2", 10},
                                {AT(0), "CANCELLED", DESTINATION, NULL, 10}};
    const struct scripted_reply lost[] = {{.status = 200, .body = list_of(rig, first, 1)},
                                          {.failure = FX_ERR_TIMEOUT, .sent = true}};
    const struct scripted_reply read_back[] = {{.status = 200, .body = list_of(rig, next, 2)},
                                               {.status = 200, .body = depth_answer}};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(cancel(rig, lost, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_ok(cancel(rig, read_back, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(steps_rig_find(rig, "cancel")->known, FX_KNOWN_DONE);
}

/* It runs no more, and that is all that is known: it may have come to its end by itself. */
static void a_task_that_was_through_first_is_not_told_as_cancelled(void **state) {
    struct steps_rig *rig = *state;
    const struct task runs[] = {{AT(0), "RUNNING", DESTINATION, "h1", 10}};
    const struct task over[] = {{AT(0), "COMPLETED", DESTINATION, NULL, 10}};
    const struct scripted_reply lost[] = {{.status = 200, .body = list_of(rig, runs, 1)},
                                          {.failure = FX_ERR_TIMEOUT, .sent = true}};
    const struct scripted_reply read_back[] = {{.status = 200, .body = list_of(rig, over, 1)},
                                               {.status = 200, .body = depth_answer}};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(cancel(rig, lost, 2, &result, &err));
    assert_ok(cancel(rig, read_back, 2, &result, &err));
    assert_string_equal(fx_json_get_text(result.output, "status"), "COMPLETED");
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), 1);
}

static void of_a_task_that_left_the_list_it_is_not_told_how_many_it_moved(void **state) {
    struct steps_rig *rig = *state;
    const struct task runs[] = {{AT(0), "RUNNING", DESTINATION, "h1", 10}};
    const struct scripted_reply lost[] = {{.status = 200, .body = list_of(rig, runs, 1)},
                                          {.failure = FX_ERR_TIMEOUT, .sent = true}};
    const struct scripted_reply nothing[] = {{.status = 200, .body = list_of(rig, NULL, 0)},
                                             {.status = 200, .body = depth_answer}};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(cancel(rig, lost, 2, &result, &err));
    assert_ok(cancel(rig, nothing, 2, &result, &err));
    assert_string_equal(fx_json_get_text(result.output, "status"), "GONE");
    assert_int_equal(fx_json_type(fx_json_at(result.output, "moved")), FX_JSON_NULL);
}

static void a_cancel_in_doubt_is_repeated_with_the_same_handle(void **state) {
    struct steps_rig *rig = *state;
    const struct task runs[] = {{AT(0), "RUNNING", DESTINATION, "h1", 10}};
    const struct scripted_reply lost[] = {{.status = 200, .body = list_of(rig, runs, 1)},
                                          {.failure = FX_ERR_TIMEOUT, .sent = true}};
    const struct scripted_reply works[] = {
        {.status = 200, .body = list_of(rig, runs, 1)},
        {.status = 200, .body = "{\"ApproximateNumberOfMessagesMoved\":7}"},
        {.status = 200, .body = depth_answer}};
    struct fx_step_result result;
    struct fx_error err;

    assert_ok(cancel(rig, lost, 2, &result, &err));
    assert_true(asked_to_cancel(rig, 1, "h1"));
    assert_ok(cancel(rig, works, 3, &result, &err));
    assert_true(asked_to_cancel(rig, 1, "h1"));
    assert_int_equal(fx_json_get_int(result.output, "moved", 0), 7);
    assert_string_equal(fx_json_get_text(result.output, "status"), "CANCELLING");
    assert_int_equal(rig->effects_count, 1);
}

static void a_cancel_that_was_turned_away_means_the_same_task_later(void **state) {
    struct steps_rig *rig = *state;
    const struct task first[] = {{AT(0), "RUNNING", DESTINATION, "h1", 10}};
    const struct task next[] = {{AT(9), "RUNNING", DESTINATION, "h2", 10}};
    const struct scripted_reply away[] = {
        {.status = 200, .body = list_of(rig, first, 1)},
        {.status = 400, .body = "{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}"}};
    const struct scripted_reply over[] = {{.status = 200, .body = list_of(rig, next, 1)},
                                          {.status = 200, .body = depth_answer}};
    struct fx_step_result result;
    struct fx_error err;

    assert_int_equal(cancel(rig, away, 2, &result, &err), FX_ERR_THROTTLED);
    assert_int_equal(steps_rig_find(rig, "cancel")->known, FX_KNOWN_NOTHING);
    assert_ok(cancel(rig, over, 2, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_sent_is_known_and_may_be_begun_anew),
        TEST(what_sqs_refused_is_not_asked_for_again),
        TEST(an_outcome_that_somebody_else_recorded_is_read_and_not_judged),
        TEST(the_only_task_of_that_moment_is_likely_ours_and_a_question),
        TEST(a_task_that_may_be_somebody_elses_is_a_question),
        TEST(it_is_looked_for_until_sqs_would_no_longer_obey),
        TEST(behind_the_fence_the_question_is_final),
        TEST(after_a_question_nothing_is_started_any_more),
        TEST(our_task_is_known_by_what_was_seen_of_it),
        TEST(a_task_that_this_run_cancelled_was_stopped_by_a_person),
        TEST(a_task_that_left_the_list_is_a_question_after_a_while),
        TEST(a_list_that_cannot_be_read_is_a_question_after_a_while),
        TEST(a_lost_cancel_does_not_stop_the_next_task),
        TEST(a_task_that_was_through_first_is_not_told_as_cancelled),
        TEST(of_a_task_that_left_the_list_it_is_not_told_how_many_it_moved),
        TEST(a_cancel_in_doubt_is_repeated_with_the_same_handle),
        TEST(a_cancel_that_was_turned_away_means_the_same_task_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
