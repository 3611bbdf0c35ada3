/* steps_returns_test.c - what became of redriven messages: which failure is a new one, which cause
 * came back and is locked, and what stays unknown. */
#include "steps_rig.h"

#include <stdio.h>
#include <string.h>

/* Three messages, as dlq.redrive names them. */
static const char three[] = "[{'id':'m1','event_id':'e1','correlation_id':'c1','cause':'Database'},"
                            "{'id':'m2','event_id':'e2','correlation_id':'c2','cause':'Database'},"
                            "{'id':'m3','event_id':'e3','correlation_id':'c3','cause':'Locked'}]";

#define LATER "'2015-08-30 12:36:10+00'"  /* after RIG_NOW_MS, when the redrive began */
#define BEFORE "'2015-08-30 12:30:00+00'" /* when the messages had failed for the first time */
#define FAILED(id, reason, seen)                                                                   \
    "{'event_id':'" id "','status':'failed','error_reason':" reason ",'last_seen_at':" seen "}"
#define DONE(id) "{'event_id':'" id "','status':'success','last_seen_at':" LATER "}"

static struct returns find(struct steps_rig *rig, const char *messages, const char *rows) {
    struct returns found = {0};
    struct fx_error err = {0};

    rig->rows = steps_rig_json(rig, rows);
    assert_ok(returns_find(&rig->ctx, steps_rig_json(rig, messages), RIG_NOW_MS, &found, &err));
    return found;
}

/* success, failed, pending */
static void expect_counts(const struct returns *found, int success, int failed, int pending) {
    if (found->success != success || found->failed != failed || found->pending != pending)
        fail_msg("%lld processed, %lld failed, %lld not known; expected %d, %d, %d",
                 (long long)found->success, (long long)found->failed, (long long)found->pending,
                 success, failed, pending);
}

static void expect_back(struct steps_rig *rig, const struct returns *found, const char *expected) {
    assert_string_equal(fx_json_dump(rig->sc, found->came_back),
                        fx_json_dump(rig->sc, steps_rig_json(rig, expected)));
}

/* ---- by the database's rows ---- */

static void a_success_counts_whatever_else_its_row_tells(void **state) {
    struct steps_rig *rig = *state;
    struct returns found = find(
        rig, three,
        "[" DONE("e1") ",{'event_id':'e2','status':'success','error_reason':'DBConnectionError',"
                       "'last_seen_at':" BEFORE "},"
                       "{'event_id':'e3','status':'success','last_seen_at':null}]");

    expect_counts(&found, 3, 0, 0);
    expect_back(rig, &found, "{}");
    assert_int_equal(fx_json_count(found.events), 0);
    assert_true(found.told);
}

static void a_failure_from_before_the_redrive_is_not_known_yet(void **state) {
    struct steps_rig *rig = *state;
    struct returns found = find(rig, three,
                                "[" FAILED("e1", "'DBConnectionError'", BEFORE) "," FAILED(
                                    "e2", "'DBConnectionError'", LATER) "," DONE("e3") "]");

    expect_counts(&found, 1, 1, 1);
    expect_back(rig, &found, "{'Database':1}");
}

static void clocks_may_be_five_seconds_apart_and_no_more(void **state) {
    static const struct {
        const char *seen;
        int failed;
    } rows[] = {
        {"2015-08-30 12:36:00+00", 1},        {"2015-08-30T12:36:00.000Z", 1},
        {"2015-08-30 12:35:55+00", 1},        {"2015-08-30 12:35:54.999+00", 0},
        {"2015-08-30 14:35:55+02", 1},        {"2015-08-30 14:35:54.999999+02", 0},
        {"2015-08-30 12:35:54+00", 0},        {"2015-08-29 12:36:00+00", 0},
        {"2015-08-30 12:35:55.000001+00", 1},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        struct returns found = find(
            rig, "[{'event_id':'e1','cause':'Database'}]",
            fx_printf(rig->sc, "[" FAILED("e1", "'DBConnectionError'", "'%s'") "]", rows[i].seen));

        if (found.failed != rows[i].failed)
            fail_msg("%s: %lld failed", rows[i].seen, (long long)found.failed);
        assert_int_equal(found.failed + found.pending, 1);
    }
}

static void a_failure_whose_time_nobody_can_read_counts_as_new(void **state) {
    static const char *const times[] = {
        "null", "''", "'yesterday'", "1440938160", "'2015-08-30 12:00:00'", "'infinity'", "{}"};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(times); i++) {
        struct returns found =
            find(rig, "[{'event_id':'e1','cause':'Database'}]",
                 fx_printf(rig->sc, "[" FAILED("e1", "'DBConnectionError'", "%s") "]", times[i]));

        if (found.failed != 1)
            fail_msg("%s is taken for old", times[i]);
        expect_back(rig, &found, "{'Database':1}");
    }
    struct returns found =
        find(rig, "[{'event_id':'e1','cause':'Database'}]",
             "[{'event_id':'e1','status':'failed','error_reason':'DBConnectionError'}]");

    expect_counts(&found, 0, 1, 0);
}

static void only_the_cause_a_message_had_before_has_come_back(void **state) {
    struct steps_rig *rig = *state;
    struct returns found =
        find(rig, three,
             "[" FAILED("e1", "'DBConnectionError: connection refused'", LATER) "," FAILED(
                 "e2", "'HashMismatch'", LATER) "," FAILED("e3", "'DBConnectionError'", LATER) "]");

    expect_counts(&found, 0, 3, 0);
    expect_back(rig, &found, "{'Database':1}");
    found = find(rig, three,
                 "[" FAILED("e1", "'db_connection_error'",
                            LATER) "," FAILED("e2", "'connection reset by peer'",
                                              LATER) "," FAILED("e3", "'LockTimeout'", LATER) "]");
    expect_counts(&found, 0, 3, 0);
    expect_back(rig, &found, "{'Database':2,'Locked':1}");
}

static void a_failure_without_a_known_cause_is_told_and_locks_nothing(void **state) {
    static const char *const reasons[] = {"null", "''", "'NeverHeardOf'", "'something: else'", "7"};
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(reasons); i++) {
        struct returns found =
            find(rig, "[{'event_id':'e1','cause':'Database'},{'event_id':'e1'}]",
                 fx_printf(rig->sc, "[" FAILED("e1", "%s", LATER) "]", reasons[i]));

        expect_counts(&found, 0, 2, 0);
        expect_back(rig, &found, "{}");
        assert_string_equal(fx_json_get_text(fx_json_item(found.events, 0), "cause"), "Unknown");
    }
}

static void what_is_neither_done_nor_failed_is_not_known_yet(void **state) {
    struct steps_rig *rig = *state;
    struct returns found =
        find(rig,
             "[{'event_id':'e1','cause':'Database'},{'event_id':'e2','cause':'Database'},"
             "{'event_id':'e3','cause':'Database'},{'event_id':'e4','cause':'Database'},"
             "{'cause':'Database'},{'event_id':'','cause':'Database'}]",
             "[{'event_id':'e1','status':'processing','last_seen_at':" LATER "},"
             "{'event_id':'e2','status':null},{'event_id':'e3','status':'Success'},"
             "{'event_id':'e9','status':'failed'},{'status':'failed'}]");

    expect_counts(&found, 0, 0, 6);
    expect_back(rig, &found, "{}");
}

static void tells_every_event_that_was_not_processed(void **state) {
    struct steps_rig *rig = *state;
    struct returns found =
        find(rig, three, "[" DONE("e1") "," FAILED("e2", "'HashMismatch'", LATER) "]");

    assert_string_equal(
        fx_json_dump(rig->sc, found.events),
        fx_json_dump(rig->sc,
                     steps_rig_json(
                         rig,
                         "[{'event_id':'e2','status':'failed again','cause':'Hash',"
                         "'was':'Database'},"
                         "{'event_id':'e3','status':'not known yet','cause':'','was':'Locked'}]")));
}

static void the_quick_look_counts_like_the_close_one(void **state) {
    static const char rows[] =
        "[" DONE("e1") "," FAILED("e2", "'x'", BEFORE) "," FAILED("e3", "'x'", LATER) "]";
    struct steps_rig *rig = *state;
    struct returns close = find(rig, three, rows), quick = {0};
    struct fx_error err = {0};

    assert_ok(returns_count(&rig->ctx, steps_rig_json(rig, three), RIG_NOW_MS, &quick, &err));
    expect_counts(&quick, 1, 1, 1);
    expect_counts(&close, 1, 1, 1);
    assert_true(quick.told);
    assert_string_equal(fx_json_dump(rig->sc, rig->asked), "[[\"e1\",\"e2\",\"e3\"]]");
}

static void a_silent_database_is_an_error_and_no_database_tells_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct returns found = {0};
    struct fx_error err = {0};

    rig->database_fails = FX_ERR_UNAVAILABLE;
    assert_int_equal(returns_count(&rig->ctx, steps_rig_json(rig, three), RIG_NOW_MS, &found, &err),
                     FX_ERR_UNAVAILABLE);
    assert_int_equal(returns_find(&rig->ctx, steps_rig_json(rig, three), RIG_NOW_MS, &found, &err),
                     FX_ERR_UNAVAILABLE);
    steps_rig_put(rig, "dlq_evidence", NULL);
    assert_ok(returns_find(&rig->ctx, steps_rig_json(rig, three), RIG_NOW_MS, &found, &err));
    expect_counts(&found, 0, 0, 3);
    assert_false(found.told);
}

/* ---- by the logs, for what the database does not know ---- */

static const char evidence_with_logs[] =
    "{'database':'events','query':'SELECT all of them','log_groups':['/aws/lambda/processor']}";

static void the_logs_since_the_redrive_are_asked_for_what_the_database_does_not_know(void **state) {
    struct steps_rig *rig = *state;

    steps_rig_put(rig, "dlq_evidence", evidence_with_logs);
    aws_world_script(&rig->world, REPLY(200, "{\"queryId\":\"q1\"}"),
                     REPLY(200,
                           "{\"status\":\"Complete\",\"results\":["
                           "[{\"field\":\"correlation_id\",\"value\":\"c2\"},"
                           "{\"field\":\"@message\",\"value\":\"dial tcp: connection refused\"}],"
                           "[{\"field\":\"correlation_id\",\"value\":\"c9\"},"
                           "{\"field\":\"error_code\",\"value\":\"LockTimeout\"}]]}"));
    struct returns found =
        find(rig, three, "[" DONE("e1") "," FAILED("e2", "'DBConnectionError'", BEFORE) "]");

    expect_counts(&found, 1, 1, 1);
    expect_back(rig, &found, "{'Database':1}");
    assert_string_equal(found.unread, "");
    const char *query = rig->world.script.requests[0].body.ptr;

    assert_non_null(strstr(query, "\"startTime\":1440938160,"));
    assert_non_null(strstr(query, "correlation_id in [\\\"c2\\\",\\\"c3\\\"]"));
}

static void nobody_asks_the_logs_about_what_is_known(void **state) {
    struct steps_rig *rig = *state;

    steps_rig_put(rig, "dlq_evidence", evidence_with_logs);
    struct returns found = find(
        rig, three, "[" DONE("e1") "," DONE("e2") "," FAILED("e3", "'LockTimeout'", LATER) "]");

    expect_counts(&found, 2, 1, 0);
    assert_int_equal(rig->world.script.asked, 0);
}

static void what_the_database_told_stands_when_the_logs_cannot_be_read(void **state) {
    struct steps_rig *rig = *state;

    steps_rig_put(rig, "dlq_evidence", evidence_with_logs);
    aws_world_script(&rig->world,
                     REPLY(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}"));
    struct returns found =
        find(rig, three, "[" DONE("e1") "," FAILED("e2", "'DBConnectionError'", LATER) "]");

    expect_counts(&found, 1, 1, 1);
    expect_back(rig, &found, "{'Database':1}");
    assert_non_null(strstr(found.unread, "logs:StartQuery"));
}

/* ---- dlq.verify ---- */

#define DEPTH                                                                                      \
    REPLY(200, "{\"Attributes\":{\"ApproximateNumberOfMessages\":\"3\","                           \
               "\"ApproximateNumberOfMessagesNotVisible\":\"1\"}}")
#define BOTH_DEPTHS(rig) aws_world_script(&(rig)->world, DEPTH, DEPTH)

static enum fx_code verify(struct steps_rig *rig, const char *redrive, const char *more,
                           struct fx_step_result *ret_result, struct fx_error *ret_err) {
    const char *text = fx_printf(rig->sc, "{'queue':'dlq','redrive':%s%s}", redrive, more);
    struct fx_json *params = NULL;
    struct fx_error err = {0};

    *ret_result = (struct fx_step_result){0};
    assert_ok(
        fx_step_fill_params(rig->sc, &step_dlq_verify, steps_rig_json(rig, text), &params, &err));
    return step_dlq_verify.run(&rig->ctx, params, ret_result, ret_err);
}

static const char *redrive_of(struct steps_rig *rig, const char *messages, int moved) {
    return fx_printf(rig->sc, "{'messages':%s,'moved':%d,'began':%lld,'stopped':''}", messages,
                     moved, (long long)RIG_NOW_MS);
}

static const struct fx_json *verified(struct steps_rig *rig, const char *rows, const char *more) {
    struct fx_step_result result;
    struct fx_error err = {0};

    rig->rows = steps_rig_json(rig, rows);
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, redrive_of(rig, three, 3), more, &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    return result.output;
}

#define ALL_BACK                                                                                   \
    "[" FAILED("e1", "'DBConnectionError'", LATER) "," FAILED(                                     \
        "e2", "'DBConnectionError'", LATER) "," FAILED("e3", "'LockTimeout'", LATER) "]"

static int64_t until_of(struct steps_rig *rig, const char *class) {
    const char *name = fx_printf(rig->sc, "redrive-lock:Fluxa-DLQ:%s", class);

    return fx_json_get_int(fx_json_at(rig->kept, name), "until", 0);
}

static void locks_every_class_that_came_back_for_so_long_and_nothing_else(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *value = verified(rig, ALL_BACK, ",'wait':'0s','lock':'90s'");

    assert_int_equal(fx_json_count(rig->kept), 2);
    assert_int_equal(until_of(rig, "Database"), RIG_NOW_MS + 90000);
    assert_int_equal(until_of(rig, "Locked"), RIG_NOW_MS + 90000);
    assert_string_equal(fx_json_get_text(value, "came_back"), "2 Database, 1 Locked");
    assert_int_equal(fx_json_get_int(value, "locked_until", 0), RIG_NOW_MS + 90000);
    assert_false(fx_json_get_bool(value, "ok", true));
    assert_int_equal(fx_json_get_int(value, "failed", 0), 3);
}

static void a_lock_lasts_an_hour_unless_the_step_says_otherwise(void **state) {
    struct steps_rig *rig = *state;

    verified(rig, ALL_BACK, ",'wait':'0s'");
    assert_int_equal(until_of(rig, "Locked"), RIG_NOW_MS + 3600000);
}

static void locks_nothing_when_another_cause_or_an_old_failure_is_found(void **state) {
    static const char *const rows[] = {
        "[]",
        "[" DONE("e1") "," DONE("e2") "," DONE("e3") "]",
        "[" FAILED("e1", "'HashMismatch'", LATER) "," FAILED("e2", "'LockTimeout'", LATER) "]",
        "[" FAILED("e1", "null", LATER) "," FAILED("e2", "'NeverHeardOf'", LATER) "]",
        "[" FAILED("e1", "'DBConnectionError'", BEFORE) "]",
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(rows); i++) {
        const struct fx_json *value = verified(rig, rows[i], ",'wait':'0s'");

        assert_int_equal(fx_json_count(rig->kept), 0);
        assert_string_equal(fx_json_get_text(value, "came_back"), "");
        assert_int_equal(fx_json_get_bool(value, "ok", false), i == 1);
    }
}

static void a_lock_that_cannot_be_kept_fails_the_step(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    rig->rows = steps_rig_json(rig, ALL_BACK);
    rig->remember_fails = FX_ERR_UNAVAILABLE;
    BOTH_DEPTHS(rig);
    assert_int_equal(verify(rig, redrive_of(rig, three, 3), ",'wait':'0s'", &result, &err),
                     FX_ERR_UNAVAILABLE);
    assert_null(result.output);
}

static void a_move_task_that_was_stopped_locks_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    rig->rows = steps_rig_json(rig, ALL_BACK);
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, redrive_of(rig, three, 2), ",'wait':'0s'", &result, &err));
    assert_int_equal(fx_json_count(rig->kept), 0);
    assert_int_equal(fx_json_get_int(result.output, "failed", -1), 0);
    assert_int_equal(fx_json_get_int(result.output, "pending", -1), 2);
    assert_int_equal(fx_json_get_int(result.output, "total", -1), 2);
    assert_int_equal(fx_json_count(fx_json_at(result.output, "events")), 0);
    assert_string_equal(fx_json_get_text(result.output, "came_back"), "");
}

static void what_came_back_is_locked_though_the_logs_cannot_be_read(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    steps_rig_put(rig, "dlq_evidence", evidence_with_logs);
    rig->rows = steps_rig_json(rig, "[" FAILED("e1", "'DBConnectionError'", LATER) "]");
    aws_world_script(&rig->world, REPLY(400, "{\"__type\":\"AccessDeniedException\"}"), DEPTH,
                     DEPTH);
    assert_ok(verify(rig, redrive_of(rig, three, 3), ",'wait':'0s'", &result, &err));
    assert_non_null(fx_json_at(rig->kept, "redrive-lock:Fluxa-DLQ:Database"));
    assert_non_null(strstr(fx_json_get_text(result.output, "unread"), "logs:StartQuery"));
    assert_int_equal(fx_json_get_int(result.output, "pending", -1), 2);
}

static void while_the_database_is_silent_nothing_is_called_processed(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    rig->database_fails = FX_ERR_UNAVAILABLE;
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, redrive_of(rig, three, 3), ",'wait':'0s'", &result, &err));
    assert_string_equal(fx_json_get_text(result.output, "unread"), "the database is away");
    assert_false(fx_json_get_bool(result.output, "ok", true));
    assert_int_equal(fx_json_get_int(result.output, "pending", -1), 3);
    assert_int_equal(fx_json_count(rig->kept), 0);
    rig->database_fails = FX_OK;
    steps_rig_put(rig, "dlq_evidence", NULL);
    assert_false(fx_json_get_bool(verified(rig, "[]", ",'wait':'0s'"), "ok", true));
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, "{'messages':[],'moved':0,'began':1}", ",'wait':'0s'", &result, &err));
    assert_false(fx_json_get_bool(result.output, "ok", true));
}

static void waits_while_a_message_is_missing_and_then_says_so(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};
    const char *redrive = redrive_of(rig, three, 3);

    rig->rows = steps_rig_json(rig, "[" DONE("e1") "," DONE("e2") "]");
    aws_world_script(&rig->world, DEPTH); /* not asked while it waits */
    assert_ok(verify(rig, redrive, ",'wait':'10s'", &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(fx_json_get_int(result.checkpoint, "began", 0), RIG_NOW_MS);
    assert_int_equal(result.due_ms, RIG_NOW_MS + 1000);
    assert_int_equal(rig->progresses, 1);
    rig->ctx.checkpoint = result.checkpoint;
    rig->world.clock.wall_ms += 9999;
    assert_ok(verify(rig, redrive, ",'wait':'10s'", &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(rig->world.script.asked, 0);
    rig->world.clock.wall_ms += 1;
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, redrive, ",'wait':'10s'", &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_int(result.output, "pending", -1), 1);
    assert_int_equal(fx_json_get_int(result.output, "dead_letters", -1), 4);
}

static void goes_on_at_once_when_all_are_processed(void **state) {
    struct steps_rig *rig = *state;
    const struct fx_json *value =
        verified(rig, "[" DONE("e1") "," DONE("e2") "," DONE("e3") "]", "");

    assert_true(fx_json_get_bool(value, "ok", false));
    assert_int_equal(fx_json_get_int(value, "success", -1), 3);
    assert_int_equal(rig->progresses, 0);
}

static void of_a_redrive_that_was_stopped_not_much_is_expected(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};
    const char *redrive = fx_printf(
        rig->sc, "{'messages':%s,'moved':3,'began':%lld,'stopped':'a person pressed Stop'}", three,
        (long long)RIG_NOW_MS);

    assert_ok(verify(rig, redrive, ",'wait':'2m'", &result, &err));
    assert_int_equal(result.outcome, FX_STEP_PARKED);
    rig->ctx.checkpoint = result.checkpoint;
    rig->world.clock.wall_ms += 10000;
    BOTH_DEPTHS(rig);
    assert_ok(verify(rig, redrive, ",'wait':'2m'", &result, &err));
    assert_int_equal(result.outcome, FX_STEP_DONE);
}

static void what_is_no_redrive_is_refused(void **state) {
    static const char *const values[] = {"null", "[]", "'x'", "5"};
    struct steps_rig *rig = *state;
    struct fx_step_result result;
    struct fx_error err = {0};

    for (size_t i = 0; i < FX_COUNT_OF(values); i++)
        assert_int_equal(verify(rig, values[i], "", &result, &err), FX_ERR_INPUT);
    assert_int_equal(rig->statements, 0);
}

/* ---- run.newest ---- */

static void the_newest_run_is_the_hosts_answer_and_none_is_null(void **state) {
    struct steps_rig *rig = *state;
    struct fx_step_result result = {0};
    struct fx_json *params = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, &step_run_newest,
                                  steps_rig_json(rig, "{'command':'dlq redrive'}"), &params, &err));
    assert_ok(step_run_newest.run(&rig->ctx, params, &result, &err));
    assert_int_equal(fx_json_type(result.output), FX_JSON_NULL);
    assert_string_equal(rig->past_of, "dlq redrive");
    assert_string_equal(rig->past_id, "");
    rig->past = steps_rig_json(rig, "{'id':'r1'}");
    fx_json_put(params, "id", fx_json_string(rig->sc, "r1"));
    assert_ok(step_run_newest.run(&rig->ctx, params, &result, &err));
    assert_ptr_equal(result.output, rig->past);
    assert_string_equal(rig->past_id, "r1");
    assert_int_equal(step_run_newest.effect(params), FX_EFFECT_READ);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_success_counts_whatever_else_its_row_tells),
        TEST(a_failure_from_before_the_redrive_is_not_known_yet),
        TEST(clocks_may_be_five_seconds_apart_and_no_more),
        TEST(a_failure_whose_time_nobody_can_read_counts_as_new),
        TEST(only_the_cause_a_message_had_before_has_come_back),
        TEST(a_failure_without_a_known_cause_is_told_and_locks_nothing),
        TEST(what_is_neither_done_nor_failed_is_not_known_yet),
        TEST(tells_every_event_that_was_not_processed),
        TEST(the_quick_look_counts_like_the_close_one),
        TEST(a_silent_database_is_an_error_and_no_database_tells_nothing),
        TEST(the_logs_since_the_redrive_are_asked_for_what_the_database_does_not_know),
        TEST(nobody_asks_the_logs_about_what_is_known),
        TEST(what_the_database_told_stands_when_the_logs_cannot_be_read),
        TEST(locks_every_class_that_came_back_for_so_long_and_nothing_else),
        TEST(a_lock_lasts_an_hour_unless_the_step_says_otherwise),
        TEST(locks_nothing_when_another_cause_or_an_old_failure_is_found),
        TEST(a_lock_that_cannot_be_kept_fails_the_step),
        TEST(a_move_task_that_was_stopped_locks_nothing),
        TEST(what_came_back_is_locked_though_the_logs_cannot_be_read),
        TEST(while_the_database_is_silent_nothing_is_called_processed),
        TEST(waits_while_a_message_is_missing_and_then_says_so),
        TEST(goes_on_at_once_when_all_are_processed),
        TEST(of_a_redrive_that_was_stopped_not_much_is_expected),
        TEST(what_is_no_redrive_is_refused),
        TEST(the_newest_run_is_the_hosts_answer_and_none_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
