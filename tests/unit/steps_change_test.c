/* steps_change_test.c - `aws.change` and `sql.change`: what is planned, what drifted, what is known
 * of a call whose answer got lost, and that nothing is ever sent twice. */
#include "steps_rig.h"

#include <string.h>

#define URL "https://sqs.us-east-1.amazonaws.com/1/main"
#define READ "'now':{'operation':'sqs:GetQueueAttributes','with':{'QueueUrl':'" URL "'}}"
#define FACTS                                                                                      \
    "'change':{'Hidden for':{'from':'int(now.Attributes.VisibilityTimeout)',"                      \
    "'to':'int(with.Attributes.VisibilityTimeout)'}},"                                             \
    "'unchanged':{'Kept for':'now.Attributes.MessageRetentionPeriod'},"                            \
    "'refuse':[{'when':'now.Attributes.DelaySeconds ~= null','why':'somebody is at it'}]"
#define TEXTS "'title':'hide for 200 s','summary':'It hides.','undo':'a button'"
#define DONE "'done':'now.Attributes.VisibilityTimeout == with.Attributes.VisibilityTimeout'"
#define CALL                                                                                       \
    "'operation':'sqs:SetQueueAttributes','with':{'QueueUrl':'" URL                                \
    "','Attributes':{'VisibilityTimeout':'200'}}"
#define CHANGE "{" CALL ",'read':{" READ "}," FACTS "," DONE "," TEXTS ",'within':'1m'}"

#define STATE(visible, kept)                                                                       \
    REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible                                 \
               "\",\"MessageRetentionPeriod\":\"" kept "\"}}")
#define BUSY                                                                                       \
    REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"MessageRetentionPeriod\":\"60\","  \
               "\"DelaySeconds\":\"1\"}}")
#define DENIED REPLY(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")
#define LOST                                                                                       \
    { .failure = FX_ERR_TIMEOUT, .sent = true }
#define SCRIPT(rig, ...)                                                                           \
    do {                                                                                           \
        static const struct scripted_reply replies_[] = {__VA_ARGS__};                             \
        scripted_http_set(&(rig)->world.script, replies_, FX_COUNT_OF(replies_));                  \
    } while (0)

static const struct fx_json *filled(struct steps_rig *rig, const struct fx_step_kind *kind,
                                    const char *params) {
    struct fx_json *ret = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, kind, steps_rig_json(rig, params), &ret, &err));
    return ret;
}

static void expect(const struct fx_error *why, const char *text) {
    if (strstr(why->message, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why->message, text);
}

/* ---- one change, driven ---- */

static enum fx_code plan(struct steps_rig *rig, struct fx_error *err) {
    struct fx_json *made = NULL;

    FX_TRY(step_aws_change.plan(&rig->ctx, filled(rig, &step_aws_change, CHANGE), &made, err));
    rig->ctx.plan = made;
    return FX_OK;
}

static void planned(struct steps_rig *rig) {
    struct fx_error err = {0};

    rig->class = FX_EFFECT_ABSOLUTE;
    SCRIPT(rig, STATE("30", "60"));
    assert_ok(plan(rig, &err));
}

static enum fx_code confirm(struct steps_rig *rig, struct fx_error *err) {
    return step_aws_change.confirm(&rig->ctx, filled(rig, &step_aws_change, CHANGE), err);
}

static struct fx_step_result run(struct steps_rig *rig, enum fx_code expected,
                                 struct fx_error *ret_err) {
    struct fx_step_result result = {0};

    *ret_err = (struct fx_error){0};
    assert_int_equal(
        step_aws_change.run(&rig->ctx, filled(rig, &step_aws_change, CHANGE), &result, ret_err),
        expected);
    if (expected == FX_OK && result.outcome != FX_STEP_DONE)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

static enum fx_known known(struct steps_rig *rig) {
    return steps_rig_find(rig, "change")->known;
}

static void later(struct steps_rig *rig, int64_t ms) {
    rig->world.clock.wall_ms += ms;
    rig->world.clock.mono_ms += ms;
}

/* Sent, and nobody knows. */
static void lost(struct steps_rig *rig) {
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, LOST);
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_BEGUN);
}

/* ---- before ---- */

static void a_plan_shows_before_and_after(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    const struct fx_json *plan = rig->ctx.plan;

    assert_string_equal(fx_json_text(fx_json_at_path(plan, "facts.0.value")), "30 → 200");
    assert_string_equal(fx_json_text(fx_json_at_path(plan, "facts.1.value")), "60");
    assert_string_equal(fx_json_text(fx_json_at_path(plan, "facts.2.value")), "a button");
    assert_string_equal(fx_json_text(fx_json_at_path(plan, "calls.0.operation")),
                        "sqs:SetQueueAttributes");
    assert_string_equal(
        fx_json_text(fx_json_at_path(plan, "details.with.Attributes.VisibilityTimeout")), "200");
    assert_int_equal(rig->world.script.asked, 1);
}

static void what_is_so_or_must_not_be_is_refused_while_it_is_planned(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(plan(rig, &err), FX_ERR_DENIED);
    expect(&err, "nothing to change: Hidden for is 200 already");
    SCRIPT(rig, BUSY);
    assert_int_equal(plan(rig, &err), FX_ERR_DENIED);
    expect(&err, "somebody is at it");
    SCRIPT(rig, DENIED);
    assert_int_equal(plan(rig, &err), FX_ERR_DENIED);
    expect(&err, "the state (now) could not be read");
}

static void each_difference_since_the_approval_is_told(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    planned(rig);
    SCRIPT(rig, STATE("30", "60"));
    assert_ok(confirm(rig, &err));
    SCRIPT(rig, STATE("31", "61"));
    assert_int_equal(confirm(rig, &err), FX_ERR_CONFLICT);
    expect(&err, "Hidden for was 30 when this was approved and is 31 now, Kept for was 60");
    SCRIPT(rig, STATE("30", "61"));
    assert_int_equal(confirm(rig, &err), FX_ERR_CONFLICT);
    expect(&err, "Kept for was 60 when this was approved and is 61 now; ask again");
    SCRIPT(rig, BUSY); /* nothing that was shown is different */
    assert_int_equal(confirm(rig, &err), FX_ERR_DENIED);
    expect(&err, "somebody is at it");
}

/* ---- sent ---- */

static void it_is_sent_once_and_watched_until_it_shows(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    SCRIPT(rig, STATE("200", "60"));
    struct fx_step_result result = run(rig, FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_true(fx_json_get_bool(result.output, "done", false));
    assert_false(fx_json_get_bool(result.output, "lost_answer", true));
    assert_int_equal(fx_json_to_int(fx_json_at_path(result.output, "was.Hidden for"), 0), 30);
    assert_int_equal(fx_json_to_int(fx_json_at_path(result.output, "now.Hidden for"), 0), 200);
}

static void nothing_of_the_answer_is_kept(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{\"Environment\":\"hunter2\"}"));
    run(rig, FX_OK, &err);
    assert_string_equal(fx_json_dump(rig->sc, steps_rig_find(rig, "change")->outcome),
                        "{\"answered\":true}");
}

/* AWS compares nothing for most calls: what was overwritten stands in the promise, as it was seen
 * last. */
static void the_promise_says_what_it_replaces(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK, &err);
    const struct fx_json *what = steps_rig_find(rig, "change")->what;

    assert_int_equal(fx_json_to_int(fx_json_at_path(what, "seen.Hidden for"), 0), 30);
    assert_null(fx_json_at(what, "takes_back"));
}

static void what_does_not_show_in_time_is_told_and_is_not_done(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK, &err);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30", "60"));
    struct fx_step_result result = run(rig, FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_false(fx_json_get_bool(result.output, "done", true));
    assert_non_null(
        strstr(fx_json_get_text(result.output, "problem"), "did not show within 1 min"));
}

static void what_cannot_be_read_afterwards_is_no_failure(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK, &err);
    SCRIPT(rig, DENIED);
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    later(rig, 60 * 1000);
    SCRIPT(rig, DENIED);
    struct fx_step_result result = run(rig, FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_non_null(strstr(fx_json_get_text(result.output, "problem"), "cannot be read"));
    assert_int_equal(known(rig), FX_KNOWN_DONE);
}

static void stop_ends_the_watching_and_not_the_change(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK, &err);
    rig->stop = true;
    SCRIPT(rig, STATE("30", "60"));
    struct fx_step_result result = run(rig, FX_OK, &err);

    assert_non_null(strstr(fx_json_get_text(result.output, "problem"), "pressed Stop"));
    assert_int_equal(known(rig), FX_KNOWN_DONE);
}

static void what_was_not_sent_may_be_begun_anew(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, {.failure = FX_ERR_UNAVAILABLE});
    run(rig, FX_ERR_UNAVAILABLE, &err);
    assert_int_equal(known(rig), FX_KNOWN_NOTHING);
    SCRIPT(rig, REPLY(400, "{\"__type\":\"ThrottlingException\",\"message\":\"slower\"}"));
    run(rig, FX_ERR_THROTTLED, &err);
    assert_int_equal(known(rig), FX_KNOWN_NOTHING);
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_DONE);
}

static void what_was_refused_is_not_asked_for_again(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, DENIED);
    run(rig, FX_ERR_DENIED, &err);
    expect(&err, "sqs:SetQueueAttributes");
    assert_int_equal(known(rig), FX_KNOWN_FAILED);
    scripted_http_set(&rig->world.script, NULL, 0);
    run(rig, FX_ERR_UPSTREAM, &err);
    expect(&err, "sqs:SetQueueAttributes");
}

static void without_a_promise_nothing_is_sent(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    rig->begin_fails = FX_ERR_DENIED;
    scripted_http_set(&rig->world.script, NULL, 0);
    run(rig, FX_ERR_DENIED, &err);
    assert_null(steps_rig_find(rig, "change"));
}

static enum fx_code no_effects(struct fx_step_host *host, struct fx_scope *sc,
                               struct fx_step_effect **ret_effects, size_t *ret_count,
                               struct fx_error *err) {
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the database is away");
}

/* What was promised before stands there: without it, it might be sent twice. */
static void while_it_cannot_be_read_what_was_promised_nothing_is_sent(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    rig->host.effects = no_effects;
    scripted_http_set(&rig->world.script, NULL, 0);
    run(rig, FX_ERR_UNAVAILABLE, &err);
    assert_int_equal(rig->effects_count, 0);
}

/* ---- nobody knows ---- */

static void a_lost_answer_is_settled_by_reading(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("200", "60"));
    struct fx_step_result result = run(rig, FX_OK, &err);

    assert_true(fx_json_get_bool(result.output, "done", false));
    assert_true(fx_json_get_bool(result.output, "lost_answer", false));
}

static void what_does_not_show_is_looked_for_then_asked_about_and_never_sent_again(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_UNKNOWN);
    later(rig, 10 * 1000);
    SCRIPT(rig, STATE("30", "60"));
    struct fx_step_result asked = run(rig, FX_OK, &err);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_non_null(strstr(asked.note, "Seen now: Hidden for is 30; before: Hidden for is 30"));
    assert_true(asked.due_ms > fx_wall_ms(rig->ctx.clock));
    /* what shows later is found without a person */
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(known(rig), FX_KNOWN_DONE);
}

static void behind_the_fence_what_is_as_before_did_not_happen(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    later(rig, FX_EFFECT_FENCE_MS);
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_ASK);
    assert_int_equal(known(rig), FX_KNOWN_UNKNOWN);
    later(rig, 1);
    SCRIPT(rig, STATE("30", "60"));
    run(rig, FX_ERR_CONFLICT, &err);
    expect(&err, "it did not happen, unless somebody has undone it since; ask again");
    assert_int_equal(known(rig), FX_KNOWN_FAILED);
    assert_true(fx_json_get_bool(steps_rig_find(rig, "change")->outcome, "as_before", false));
}

/* That it might be repeated does not mean that it cannot arrive any more. */
static void before_the_fence_nothing_is_taken_for_undone_whatever_its_class(void **state) {
    static const enum fx_effect classes[] = {FX_EFFECT_KEYED, FX_EFFECT_ABSOLUTE,
                                             FX_EFFECT_UNKEYED};
    struct steps_rig *rig = *state;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(classes); i++) {
        rig->effects_count = 0;
        rig->ctx.checkpoint = NULL;
        lost(rig);
        rig->class = classes[i];
        SCRIPT(rig, STATE("30", "60"));
        assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
        assert_int_equal(known(rig), FX_KNOWN_UNKNOWN);
        later(rig, FX_EFFECT_FENCE_MS);
        SCRIPT(rig, STATE("30", "60"));
        assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_ASK);
        later(rig, 1);
        SCRIPT(rig, STATE("30", "60"));
        run(rig, FX_ERR_CONFLICT, &err);
        assert_int_equal(known(rig), FX_KNOWN_FAILED);
    }
}

static void behind_the_fence_what_is_neither_is_a_question(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, STATE("77", "60"));
    struct fx_step_result asked = run(rig, FX_OK, &err);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_int_equal(asked.due_ms, 0);
    assert_int_equal(known(rig), FX_KNOWN_UNKNOWN);
}

static void doubt_that_cannot_be_read_is_a_question_and_no_failure(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, DENIED);
    struct fx_step_result asked = run(rig, FX_OK, &err);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_non_null(strstr(asked.note, "could not be read"));
    assert_int_equal(known(rig), FX_KNOWN_UNKNOWN);
}

static void an_outcome_that_somebody_else_recorded_is_not_judged(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    rig->end_fails = FX_ERR_CANCELED;
    SCRIPT(rig, STATE("200", "60"));
    run(rig, FX_ERR_CANCELED, &err);
}

/* ---- before it may run ---- */

static enum fx_code check(struct steps_rig *rig, const struct fx_step_kind *kind,
                          const char *params, struct fx_error *err) {
    struct fx_json *ret = NULL;

    *err = (struct fx_error){0};
    FX_TRY(fx_step_fill_params(rig->sc, kind, steps_rig_json(rig, params), &ret, err));
    return kind->check(rig->sc, rig->ctx.system, ret, err);
}

static void what_cannot_be_told_or_must_not_be_is_refused_by_check(void **state) {
    static const struct {
        const char *params, *says;
    } wrong[] = {
        {"{" CALL "," FACTS "," DONE "," TEXTS "}", "needs read"},
        {"{" CALL ",'read':{}," FACTS "," DONE "," TEXTS "}", "1 to 4 reading calls"},
        {"{" CALL ",'read':{" READ "}," FACTS "," TEXTS "}", "needs done"},
        {"{" CALL ",'read':{" READ "}," FACTS ",'done':'${now}'," TEXTS "}", "without ${ }"},
        {"{" CALL ",'read':{" READ "}," FACTS ",'done':'nobody.Knows'," TEXTS "}", "nobody"},
        {"{" CALL ",'read':{" READ "}," FACTS ",'done':'now.Environment == 1'," TEXTS "}",
         "never shown"},
        {"{" CALL ",'read':{'now':{" CALL "}}," FACTS "," DONE "," TEXTS "}", "read.now"},
        {"{" CALL ",'read':{'now':{'operation':'sqs:SetQueueAttributes'}}," FACTS "," DONE "," TEXTS
         "}",
         "no reading operation"},
        {"{" CALL ",'read':{'with':{'operation':'sqs:GetQueueAttributes'}}," FACTS "," DONE
         "," TEXTS "}",
         "is not with, given or was"},
        {"{'operation':'sqs:StartMessageMoveTask','with':{'SourceArn':'a'},'read':{" READ "}," FACTS
         "," DONE "," TEXTS "}",
         "dlq.*"},
        {"{'operation':'sqs:GetQueueAttributes','with':{'QueueUrl':'u'},'read':{" READ "}," FACTS
         "," DONE "," TEXTS "}",
         "changes nothing"},
        {"{'operation':'secretsmanager:GetSecretValue','with':{'SecretId':'s'},'read':{" READ
         "}," FACTS "," DONE "," TEXTS "}",
         "never called"},
        {"{'operation':'lambda:UpdateFunctionConfiguration','with':{'FunctionName':'f',"
         "'Environment':{'Variables':{}}},'read':{" READ "}," FACTS "," DONE "," TEXTS "}",
         "never changed"},
        {"{'operation':'lambda:Invoke','with':{'FunctionName':'f'},'read':{" READ "}," FACTS
         "," DONE "," TEXTS "}",
         "cannot be told by reading"},
        {"{" CALL ",'read':{" READ "}," FACTS "," DONE "," TEXTS ",'within':'4h'}", "at most"},
        {"{" CALL ",'read':{" READ "},'change':{}," DONE "," TEXTS "}", "1 to 8 facts"},
    };
    struct steps_rig *rig = *state;
    struct fx_error err;

    assert_ok(check(rig, &step_aws_change, CHANGE, &err));
    assert_ok(check(rig, &step_aws_change,
                    "{'operation':'lambda:Invoke','with':{'FunctionName':'f'},'read':{" READ
                    "}," FACTS "," TEXTS "}",
                    &err));
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        assert_int_equal(check(rig, &step_aws_change, wrong[i].params, &err), FX_ERR_INPUT);
        expect(&err, wrong[i].says);
    }
}

/* ---- sql.change ---- */

#define STATEMENT "'database':'owner','statements':{'go':'VACUUM t'},'statement':'go'"
#define ROWS "'read':{'now':{'database':'events','query':'SELECT n FROM t'}}"
#define SQL_FACTS "'change':{'Seen':{'from':'now.rows[1].n','to':'2'}},'done':'now.rows[1].n == 2'"
#define SQL_CHANGE                                                                                 \
    "{" STATEMENT "," ROWS "," SQL_FACTS "," TEXTS ",'transaction':false,'within':'1m'}"

static void databases(struct steps_rig *rig) {
    rig->class = FX_EFFECT_UNKEYED;
    steps_rig_put(rig, "databases", "{'events':{},'owner':{'changes':true}}");
    rig->rows = steps_rig_json(rig, "[{'n':1}]");
}

static struct fx_step_result run_sql(struct steps_rig *rig, enum fx_code expected,
                                     struct fx_error *ret_err) {
    const struct fx_json *params = filled(rig, &step_sql_change, SQL_CHANGE);
    struct fx_step_result result = {0};
    struct fx_json *plan = NULL;
    struct fx_error err = {0};

    if (rig->ctx.plan == NULL) {
        assert_ok(step_sql_change.plan(&rig->ctx, params, &plan, &err));
        rig->ctx.plan = plan;
    }
    *ret_err = err;
    assert_int_equal(step_sql_change.run(&rig->ctx, params, &result, ret_err), expected);
    if (expected == FX_OK && result.outcome != FX_STEP_DONE)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

static void a_statement_runs_as_its_own_role_and_its_truth_is_read_by_another(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    databases(rig);
    assert_int_equal(run_sql(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    assert_int_equal(rig->changes, 1);
    assert_string_equal(rig->statement, "VACUUM t");
    later(rig, 60 * 1000);
    struct fx_step_result result = run_sql(rig, FX_OK, &err);

    /* it was answered, and shows nothing */
    assert_false(fx_json_get_bool(result.output, "done", true));
    rig->rows = steps_rig_json(rig, "[{'n':2}]");
    assert_true(fx_json_get_bool(run_sql(rig, FX_OK, &err).output, "done", false));
    assert_int_equal(rig->changes, 1);
}

static void a_statement_whose_answer_got_lost_is_not_run_again(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    databases(rig);
    rig->change_ends = (struct fx_error){.code = FX_ERR_UNAVAILABLE, .sent = true};
    assert_int_equal(run_sql(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
    later(rig, FX_EFFECT_FENCE_MS + 1);
    run_sql(rig, FX_ERR_CONFLICT, &err);
    expect(&err, "it did not happen");
    assert_int_equal(rig->changes, 1);
}

static void a_refused_statement_says_what_may_be_left(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    databases(rig);
    rig->change_ends = (struct fx_error){
        .code = FX_ERR_UPSTREAM, .upstream = "55P03", .message = "canceled by a timeout"};
    run_sql(rig, FX_ERR_UPSTREAM, &err);
    expect(&err, "somebody holds a lock it needs");
    expect(&err, "may be left behind");
    assert_int_equal(known(rig), FX_KNOWN_FAILED);
}

static const char *same_url(const struct fx_step_context *ctx, const char *name) {
    return "postgresql://events";
}

static void the_role_that_reads_changes_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    databases(rig);
    rig->ctx.database_url = same_url;
    run_sql(rig, FX_ERR_INPUT, &err);
    expect(&err, "a role of its own");
    assert_int_equal(rig->changes, 0);
    assert_int_equal(check(rig, &step_sql, "{'database':'owner','query':'SELECT 1'}", &err),
                     FX_ERR_INPUT);
    expect(&err, "is for changes");
}

static void only_listed_statements_are_run(void **state) {
    static const struct {
        const char *params, *says;
    } wrong[] = {
        {"{'database':'events','statements':{'go':'VACUUM t'},'statement':'go'," ROWS "," SQL_FACTS
         "," TEXTS "}",
         "changes: true"},
        {"{'database':'owner','statements':{'go':'DELETE ${x}'},'statement':'go'," ROWS
         "," SQL_FACTS "," TEXTS "}",
         "without ${ }"},
        {"{'database':'owner','statements':{'go':'SELECT 1; DROP'},'statement':'go'," ROWS
         "," SQL_FACTS "," TEXTS "}",
         "without ;"},
        {"{'database':'owner','statements':{},'statement':'go'," ROWS "," SQL_FACTS "," TEXTS "}",
         "1 to 12"},
        {"{" STATEMENT ",'read':{'now':{'database':'owner','query':'SELECT n'}}," SQL_FACTS
         "," TEXTS "}",
         "is for changes"},
        {"{" STATEMENT "," ROWS "," SQL_FACTS "," TEXTS ",'lock_timeout':'2m'}", "lock_timeout"},
        {"{" STATEMENT "," ROWS ",'change':{'Seen':{'from':'1','to':'2'}}," TEXTS "}",
         "needs done"},
        {"{" STATEMENT "," ROWS "," SQL_FACTS "," TEXTS ",'pin':{'x':'1'}}", "pins nothing"},
    };
    struct steps_rig *rig = *state;
    struct fx_json *plan = NULL;
    struct fx_error err;

    databases(rig);
    assert_ok(check(rig, &step_sql_change, SQL_CHANGE, &err));
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        assert_int_equal(check(rig, &step_sql_change, wrong[i].params, &err), FX_ERR_INPUT);
        expect(&err, wrong[i].says);
    }
    const struct fx_json *other =
        filled(rig, &step_sql_change,
               "{'database':'owner','statements':{'go':'VACUUM t'},'statement':'drop'," ROWS
               "," SQL_FACTS "," TEXTS "}");

    assert_int_equal(step_sql_change.plan(&rig->ctx, other, &plan, &err), FX_ERR_DENIED);
    expect(&err, "no statement of this name");
}

/* ---- what else may go wrong on the way ---- */

/* The change of another runbook: CHANGE with one part of it written otherwise. */
static const char *altered(struct steps_rig *rig, const char *part, const char *instead) {
    const char *at = strstr(CHANGE, part);

    assert_non_null(at);
    return fx_printf(rig->sc, "%.*s%s%s", (int)(at - CHANGE), CHANGE, instead, at + strlen(part));
}

static struct fx_step_result run_as(struct steps_rig *rig, const char *params,
                                    enum fx_code expected, struct fx_error *ret_err) {
    struct fx_step_result result = {0};

    *ret_err = (struct fx_error){0};
    assert_int_equal(
        step_aws_change.run(&rig->ctx, filled(rig, &step_aws_change, params), &result, ret_err),
        expected);
    return result;
}

static void an_expression_that_cannot_be_read_is_no_plan(void **state) {
    static const char *const parts[][2] = {
        {"'from':'int(now.Attributes.VisibilityTimeout)'", "'from':'int(now)'"},
        {"'to':'int(with.Attributes.VisibilityTimeout)'", "'to':'int(with)'"},
        {"'Kept for':'now.Attributes.MessageRetentionPeriod'", "'Kept for':'now + 1'"},
        {DONE, "'done':'now + 1'"},
        {"'within':'1m'", "'pin':{'RevisionId':'now + 1'}"},
    };
    struct steps_rig *rig = *state;
    struct fx_json *made = NULL;

    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        struct fx_error err = {0};
        const char *params = altered(rig, parts[i][0], parts[i][1]);

        SCRIPT(rig, STATE("30", "60"));
        assert_int_not_equal(
            step_aws_change.plan(&rig->ctx, filled(rig, &step_aws_change, params), &made, &err),
            FX_OK);
        assert_null(made);
    }
}

static void an_expression_that_cannot_be_read_any_more_is_not_confirmed(void **state) {
    static const char *const parts[][2] = {
        {"'from':'int(now.Attributes.VisibilityTimeout)'", "'from':'int(now)'"},
        {"'Kept for':'now.Attributes.MessageRetentionPeriod'", "'Kept for':'now + 1'"},
    };
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    planned(rig);
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        SCRIPT(rig, STATE("30", "60"));
        const char *params = altered(rig, parts[i][0], parts[i][1]);

        assert_int_not_equal(
            step_aws_change.confirm(&rig->ctx, filled(rig, &step_aws_change, params), &err), FX_OK);
    }
    SCRIPT(rig, DENIED);
    assert_int_equal(confirm(rig, &err), FX_ERR_DENIED);
}

static void what_is_as_wanted_is_nothing_to_change_whatever_done_says(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *made = NULL;
    struct fx_error err = {0};
    const char *params = altered(rig, DONE, "'done':'false'");

    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(
        step_aws_change.plan(&rig->ctx, filled(rig, &step_aws_change, params), &made, &err),
        FX_ERR_DENIED);
    params = altered(rig, DONE, "'done':'true'");
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(
        step_aws_change.plan(&rig->ctx, filled(rig, &step_aws_change, params), &made, &err),
        FX_ERR_DENIED);
    expect(&err, "nothing to change");
}

/* Accepted, and watched. */
static void accepted(struct steps_rig *rig) {
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_PARKED);
}

static void a_change_that_fails_later_has_failed(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    accepted(rig);
    SCRIPT(rig, STATE("30", "60"));
    struct fx_step_result result =
        run_as(rig, altered(rig, "'within':'1m'", "'within':'1m','failed':'true'"), FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_non_null(strstr(fx_json_get_text(result.output, "problem"), "has failed since"));
}

static void what_took_effect_and_goes_on_is_told_as_under_way(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;
    const char *params = altered(rig, "'within':'1m'", "'within':'1m','settled':'false'");

    accepted(rig);
    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(run_as(rig, params, FX_OK, &err).outcome, FX_STEP_PARKED);
    later(rig, 61 * 1000);
    SCRIPT(rig, STATE("200", "60"));
    struct fx_step_result result = run_as(rig, params, FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_non_null(strstr(fx_json_get_text(result.output, "problem"), "still under way after"));
}

static void an_expression_that_cannot_be_read_is_a_look_that_saw_nothing(void **state) {
    static const char *const parts[][2] = {
        {"'from':'int(now.Attributes.VisibilityTimeout)'", "'from':'int(now)'"},
        {DONE, "'done':'now + 1'"},
    };
    struct steps_rig *rig = *state;
    struct fx_error err;

    accepted(rig);
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++) {
        SCRIPT(rig, STATE("200", "60"));
        assert_int_equal(run_as(rig, altered(rig, parts[i][0], parts[i][1]), FX_OK, &err).outcome,
                         FX_STEP_PARKED);
    }
}

/* Whoever has lost the claim concludes nothing. */
static void a_claim_that_is_over_ends_the_look(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    accepted(rig);
    SCRIPT(rig, {.failure = FX_ERR_CANCELED});
    run(rig, FX_ERR_CANCELED, &err);
    assert_int_equal(known(rig), FX_KNOWN_DONE);
}

static void a_claim_that_is_over_ends_the_look_at_a_doubt(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    SCRIPT(rig, {.failure = FX_ERR_CANCELED});
    run(rig, FX_ERR_CANCELED, &err);
    assert_int_equal(known(rig), FX_KNOWN_BEGUN);
}

/* Sent, and the program is told to stop before the answer: the next one looks. */
static void a_send_that_is_cut_off_is_left_in_doubt(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    SCRIPT(rig, {.failure = FX_ERR_CANCELED, .sent = true});
    run(rig, FX_ERR_CANCELED, &err);
    assert_int_equal(known(rig), FX_KNOWN_BEGUN);
}

static void what_cannot_be_recorded_is_not_concluded(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    rig->end_fails = FX_ERR_UNAVAILABLE;
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_ERR_UNAVAILABLE, &err);
    assert_int_equal(known(rig), FX_KNOWN_BEGUN);
    SCRIPT(rig, STATE("200", "60")); /* it shows, and even that cannot be told */
    run(rig, FX_ERR_UNAVAILABLE, &err);
    SCRIPT(rig, STATE("30", "60"));
    run(rig, FX_ERR_UNAVAILABLE, &err); /* nor that nobody knows */
    later(rig, FX_EFFECT_FENCE_MS + 1000);
    SCRIPT(rig, STATE("30", "60"));
    run(rig, FX_ERR_UNAVAILABLE, &err); /* nor that it did not happen */
    rig->end_fails = FX_OK;
    assert_int_equal(known(rig), FX_KNOWN_BEGUN);
}

/* A change of which no reading can tell: that AWS accepted it is all there is. */
static void without_done_an_answer_is_all_there_is(void **state) {
    struct steps_rig *rig = *state;
    const char *params = altered(rig, DONE ",", "");
    struct fx_error err;

    accepted(rig);
    SCRIPT(rig, DENIED);
    assert_int_equal(run_as(rig, params, FX_OK, &err).outcome, FX_STEP_PARKED);
    SCRIPT(rig, STATE("30", "60"));
    struct fx_step_result result = run_as(rig, params, FX_OK, &err);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_true(fx_json_get_bool(result.output, "done", false));
}

static void without_done_nothing_shows_that_it_did_not_happen(void **state) {
    struct steps_rig *rig = *state;
    const char *params = altered(rig, DONE ",", "");
    struct fx_error err;

    lost(rig);
    later(rig, FX_EFFECT_FENCE_MS + 1000);
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(run_as(rig, params, FX_OK, &err).outcome, FX_STEP_ASK);
}

/* Asked before, by a process that died: the question stays one. */
static void what_was_asked_is_asked_again_at_once(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    lost(rig);
    rig->ctx.checkpoint = steps_rig_json(rig, "{'asked':true}");
    SCRIPT(rig, STATE("30", "60"));
    assert_int_equal(run(rig, FX_OK, &err).outcome, FX_STEP_ASK);
}

static void what_is_pinned_is_part_of_the_call(void **state) {
    struct steps_rig *rig = *state;
    struct fx_json *made = NULL;
    struct fx_error err = {0};
    const char *params =
        altered(rig, "'within':'1m'", "'pin':{'QueueUrl':'now.Attributes.MessageRetentionPeriod'}");

    SCRIPT(rig, STATE("30", "60"));
    assert_ok(step_aws_change.plan(&rig->ctx, filled(rig, &step_aws_change, params), &made, &err));
    assert_string_equal(fx_json_text(fx_json_at_path(made, "details.with.QueueUrl")), "60");
}

static void a_settled_that_cannot_be_read_is_a_look_that_saw_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    accepted(rig);
    SCRIPT(rig, STATE("200", "60"));
    assert_int_equal(
        run_as(rig, altered(rig, "'within':'1m'", "'within':'1m','settled':'now + 1'"), FX_OK, &err)
            .outcome,
        FX_STEP_PARKED);
}

static void a_refusal_without_a_word_is_one(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    planned(rig);
    steps_rig_effect(rig, "change", FX_KNOWN_FAILED, "{}", "{}");
    SCRIPT(rig, STATE("30", "60"));
    run(rig, FX_ERR_UPSTREAM, &err);
    expect(&err, "it was refused");
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_plan_shows_before_and_after),
        TEST(what_is_so_or_must_not_be_is_refused_while_it_is_planned),
        TEST(each_difference_since_the_approval_is_told),
        TEST(it_is_sent_once_and_watched_until_it_shows),
        TEST(nothing_of_the_answer_is_kept),
        TEST(the_promise_says_what_it_replaces),
        TEST(what_does_not_show_in_time_is_told_and_is_not_done),
        TEST(what_cannot_be_read_afterwards_is_no_failure),
        TEST(stop_ends_the_watching_and_not_the_change),
        TEST(what_was_not_sent_may_be_begun_anew),
        TEST(what_was_refused_is_not_asked_for_again),
        TEST(without_a_promise_nothing_is_sent),
        TEST(while_it_cannot_be_read_what_was_promised_nothing_is_sent),
        TEST(a_lost_answer_is_settled_by_reading),
        TEST(what_does_not_show_is_looked_for_then_asked_about_and_never_sent_again),
        TEST(behind_the_fence_what_is_as_before_did_not_happen),
        TEST(before_the_fence_nothing_is_taken_for_undone_whatever_its_class),
        TEST(behind_the_fence_what_is_neither_is_a_question),
        TEST(doubt_that_cannot_be_read_is_a_question_and_no_failure),
        TEST(an_outcome_that_somebody_else_recorded_is_not_judged),
        TEST(what_cannot_be_told_or_must_not_be_is_refused_by_check),
        TEST(a_statement_runs_as_its_own_role_and_its_truth_is_read_by_another),
        TEST(a_statement_whose_answer_got_lost_is_not_run_again),
        TEST(a_refused_statement_says_what_may_be_left),
        TEST(the_role_that_reads_changes_nothing),
        TEST(only_listed_statements_are_run),
        TEST(an_expression_that_cannot_be_read_is_no_plan),
        TEST(an_expression_that_cannot_be_read_any_more_is_not_confirmed),
        TEST(what_is_as_wanted_is_nothing_to_change_whatever_done_says),
        TEST(a_change_that_fails_later_has_failed),
        TEST(what_took_effect_and_goes_on_is_told_as_under_way),
        TEST(an_expression_that_cannot_be_read_is_a_look_that_saw_nothing),
        TEST(a_claim_that_is_over_ends_the_look),
        TEST(a_claim_that_is_over_ends_the_look_at_a_doubt),
        TEST(a_send_that_is_cut_off_is_left_in_doubt),
        TEST(what_cannot_be_recorded_is_not_concluded),
        TEST(without_done_an_answer_is_all_there_is),
        TEST(without_done_nothing_shows_that_it_did_not_happen),
        TEST(what_is_pinned_is_part_of_the_call),
        TEST(a_settled_that_cannot_be_read_is_a_look_that_saw_nothing),
        TEST(a_refusal_without_a_word_is_one),
        TEST(what_was_asked_is_asked_again_at_once),
    };
    return cmocka_run_group_tests_name("steps change", tests, NULL, NULL);
}
