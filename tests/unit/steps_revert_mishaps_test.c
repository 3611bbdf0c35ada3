/* steps_revert_mishaps_test.c - a change that is taken back by itself, when something goes wrong on
 * the way: the claim is over, the store or AWS does not answer, the bot dies. Nothing is concluded
 * from it, and nothing is sent twice. */
#include "steps_rig.h"

#include <string.h>

#define URL "https://sqs.us-east-1.amazonaws.com/1/main"
#define CALL                                                                                       \
    "'operation':'sqs:SetQueueAttributes','with':{'QueueUrl':'" URL                                \
    "','Attributes':{'VisibilityTimeout':'200'}},"                                                 \
    "'read':{'now':{'operation':'sqs:GetQueueAttributes','with':{'QueueUrl':'" URL "'}}},"         \
    "'change':{'Hidden for':{'from':'int(now.Attributes.VisibilityTimeout)',"                      \
    "'to':'int(with.Attributes.VisibilityTimeout)'}},"                                             \
    "'done':'now.Attributes.VisibilityTimeout == with.Attributes.VisibilityTimeout',"              \
    "'settled':'now.Attributes.DelaySeconds == null',"                                             \
    "'title':'hide for 200 s','summary':'It hides.','undo':'by itself','within':'1m'"
#define BEFORE_BACK                                                                                \
    CALL ",'reverted':'now.Attributes.VisibilityTimeout == \"30\"','undo_command':'queue hide "    \
         "30',"
#define BACK "'revert':{'Attributes':'object(\"VisibilityTimeout\", \"30\")'}"
#define CHANGE "{" BEFORE_BACK BACK ",'revert_after':'2h'}"

enum { KEEP_MS = 2 * 60 * 60 * 1000, SHOWS_MS = 5 * 60 * 1000 };

#define STATE(visible) REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible "\"}}")
#define UNSETTLED(visible)                                                                         \
    REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible "\",\"DelaySeconds\":\"1\"}}")
#define DENIED REPLY(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")
#define LOST                                                                                       \
    { .failure = FX_ERR_TIMEOUT, .sent = true }
#define CUT_OFF                                                                                    \
    { .failure = FX_ERR_CANCELED }
#define CUT_OFF_AFTER_SENDING                                                                      \
    { .failure = FX_ERR_CANCELED, .sent = true }
#define SCRIPT(rig, ...)                                                                           \
    do {                                                                                           \
        static const struct scripted_reply replies_[] = {__VA_ARGS__};                             \
        scripted_http_set(&(rig)->world.script, replies_, FX_COUNT_OF(replies_));                  \
    } while (0)

/* As in the other tests ' stands for ", and " for the ' that a text of an expression has. */
static const struct fx_json *filled(struct steps_rig *rig, const char *params) {
    char *text = fx_strdup(rig->sc, params);
    struct fx_json *json = NULL, *ret = NULL;
    struct fx_error err = {0};

    for (char *p = text; *p != '\0'; p++)
        *p = *p == '\'' ? '"' : *p == '"' ? '\'' : *p;
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(text), &json, &err));
    assert_ok(fx_step_fill_params(rig->sc, &step_aws_change, json, &ret, &err));
    return ret;
}

static enum fx_code plan(struct steps_rig *rig, const char *params, struct fx_error *err) {
    struct fx_json *made = NULL;

    *err = (struct fx_error){0};
    rig->class = FX_EFFECT_ABSOLUTE;
    SCRIPT(rig, STATE("30"));
    FX_TRY(step_aws_change.plan(&rig->ctx, filled(rig, params), &made, err));
    rig->ctx.plan = made;
    return FX_OK;
}

static void planned(struct steps_rig *rig) {
    struct fx_error err;

    assert_ok(plan(rig, CHANGE, &err));
}

static struct fx_step_result run_into(struct steps_rig *rig, enum fx_code expected,
                                      struct fx_error *ret_err) {
    struct fx_step_result result = {0};

    *ret_err = (struct fx_error){0};
    assert_int_equal(step_aws_change.run(&rig->ctx, filled(rig, CHANGE), &result, ret_err),
                     expected);
    if (expected == FX_OK && result.outcome != FX_STEP_DONE)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

static struct fx_step_result run(struct steps_rig *rig, enum fx_code expected) {
    struct fx_error err;

    return run_into(rig, expected, &err);
}

static void parks(struct steps_rig *rig) {
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
}

static void later(struct steps_rig *rig, int64_t ms) {
    rig->world.clock.wall_ms += ms;
    rig->world.clock.mono_ms += ms;
}

static enum fx_known back(struct steps_rig *rig) {
    return steps_rig_find(rig, "revert")->known;
}

static void says(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void ends(struct steps_rig *rig, bool reverted, const char *by, const char *problem) {
    struct fx_step_result result = run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_bool(result.output, "done", false), problem[0] == '\0');
    assert_int_equal(fx_json_get_bool(result.output, "reverted", !reverted), reverted);
    assert_string_equal(fx_json_get_text(result.output, "reverted_by"), by);
    says(fx_json_get_text(result.output, "problem"), problem);
}

/* Done, and it waits. */
static void kept(struct steps_rig *rig) {
    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    parks(rig);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
}

/* Kept, and it is time. */
static void due(struct steps_rig *rig) {
    kept(rig);
    later(rig, KEEP_MS);
}

/* The call that takes it back was answered with this. */
static void accepted(struct steps_rig *rig) {
    due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    parks(rig);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
}

static void refused(struct steps_rig *rig) {
    due(rig);
    SCRIPT(rig, STATE("200"), DENIED);
    parks(rig);
    assert_int_equal(back(rig), FX_KNOWN_FAILED);
}

/* ---- planning ---- */

static void how_long_is_bounded_also_where_it_is_known_only_when_it_is_planned(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(step_aws_change.check(
        rig->sc, rig->ctx.system,
        filled(rig, "{" BEFORE_BACK BACK ",'revert_after':'${arguments.keep}'}"), &err));
    assert_int_equal(plan(rig, "{" BEFORE_BACK BACK ",'revert_after':'8d'}", &err), FX_ERR_INPUT);
    says(err.message, "at most 7 d");
}

/* Whoever wrote the runbook takes it for a change that ends by itself, and says so to the approver.
 */
static void a_time_without_a_way_back_is_no_plan(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(step_aws_change.check(rig->sc, rig->ctx.system,
                                    filled(rig, "{" CALL ",'revert_after':'${arguments.keep}'}"),
                                    &err));
    assert_int_equal(plan(rig, "{" CALL ",'revert_after':'2h'}", &err), FX_ERR_INPUT);
    says(err.message, "revert_after needs revert");
    assert_ok(plan(rig, "{" CALL ",'revert_after':'0s'}", &err));
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 1);
}

/* Else it would be approved as taken back, and could not be. */
static void what_cannot_tell_how_it_is_taken_back_is_no_plan(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    assert_int_not_equal(
        plan(rig, "{" BEFORE_BACK "'revert':{'Attributes':'now + 1'},'revert_after':'2h'}", &err),
        FX_OK);
    says(err.message, "Attributes: 'now' is an object");
}

/* ---- waiting ---- */

static void what_has_shown_is_remembered_while_it_cannot_be_read(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    later(rig, KEEP_MS / 2);
    SCRIPT(rig, DENIED);
    assert_int_equal(run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    says(rig->progress, "It is done. It is taken back by itself at");
    later(rig, KEEP_MS / 2);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "somebody else", "");
}

/* Being put off is no look at which it showed. */
static void
what_never_showed_and_cannot_be_read_when_it_is_time_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    parks(rig);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    parks(rig);
    later(rig, KEEP_MS);
    SCRIPT(rig, DENIED);
    parks(rig);
    says(rig->progress, "and is tried again");
    SCRIPT(rig, STATE("30"));
    ends(rig, false, "", "should it show yet, it stays");
}

/* The first call, and the bot died before anything of it was kept. */
static void
what_was_cut_off_before_a_checkpoint_is_asked_about_and_kept_when_it_shows(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    SCRIPT(rig, CUT_OFF_AFTER_SENDING);
    run(rig, FX_ERR_CANCELED);
    assert_null(rig->ctx.checkpoint);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    struct fx_step_result asked = run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_true(fx_json_get_bool(asked.checkpoint, "asked", false));
    SCRIPT(rig, STATE("200"));
    parks(rig);
    assert_int_equal(steps_rig_find(rig, "change")->known, FX_KNOWN_DONE);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    assert_null(steps_rig_find(rig, "revert"));
}

/* ---- taking it back ---- */

/* Whoever has lost the claim concludes nothing. */
static void a_claim_that_is_over_ends_each_look(void **state) {
    static void (*const ways[])(struct steps_rig * rig) = {due, accepted, refused};

    for (size_t i = 0; i < FX_COUNT_OF(ways); i++) {
        struct steps_rig *rig = NULL;

        assert_int_equal(steps_rig_set_up((void **)&rig), 0);
        ways[i](rig);
        size_t promised = rig->effects_count;
        const struct fx_json *checkpoint = rig->ctx.checkpoint;

        later(rig, SHOWS_MS); /* long enough for a conclusion */
        SCRIPT(rig, CUT_OFF);
        run(rig, FX_ERR_CANCELED);
        assert_int_equal(rig->effects_count, promised);
        assert_ptr_equal(rig->ctx.checkpoint, checkpoint);
        steps_rig_tear_down((void **)&rig);
    }
    (void)state;
}

/* It is not put off, either: the next one has the claim, and may be at it already. */
static void a_claim_that_is_over_before_the_promise_sends_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    due(rig);
    rig->begin_fails = FX_ERR_CANCELED;
    SCRIPT(rig, STATE("200"));
    run_into(rig, FX_ERR_CANCELED, &err);
    says(err.message, "the promise is not given");
    assert_null(steps_rig_find(rig, "revert"));
    rig->begin_fails = FX_OK;
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    parks(rig);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
}

static void a_call_that_is_cut_off_is_left_in_doubt_and_not_sent_again(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), CUT_OFF_AFTER_SENDING);
    run(rig, FX_ERR_CANCELED);
    assert_int_equal(back(rig), FX_KNOWN_BEGUN);
    SCRIPT(rig, STATE("200"));
    parks(rig);
    assert_int_equal(back(rig), FX_KNOWN_UNKNOWN);
    SCRIPT(rig, STATE("30"));
    parks(rig);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "", "");
}

static enum fx_code (*effects_inside)(struct fx_step_host *host, struct fx_scope *sc,
                                      struct fx_step_effect **ret_effects, size_t *ret_count,
                                      struct fx_error *err);
static int reads_left;

static enum fx_code some_effects(struct fx_step_host *host, struct fx_scope *sc,
                                 struct fx_step_effect **ret_effects, size_t *ret_count,
                                 struct fx_error *err) {
    if (reads_left-- > 0)
        return effects_inside(host, sc, ret_effects, ret_count, err);
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the database is away");
}

/* Refused for good or turned away for a moment: the records tell, and they are away. */
static void what_cannot_be_read_of_a_refusal_is_read_the_next_time(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    due(rig);
    effects_inside = rig->host.effects;
    rig->host.effects = some_effects;
    reads_left = 1;
    SCRIPT(rig, STATE("200"), DENIED);
    run_into(rig, FX_ERR_UNAVAILABLE, &err);
    says(err.message, "the database is away");
    rig->host.effects = effects_inside;
    SCRIPT(rig, STATE("200"));
    ends(rig, false, "", "it could not be taken back by itself");
}

static void what_is_found_and_cannot_be_recorded_is_not_concluded(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    parks(rig);
    rig->end_fails = FX_ERR_UNAVAILABLE;
    SCRIPT(rig, STATE("30"));
    run_into(rig, FX_ERR_UNAVAILABLE, &err);
    says(err.message, "somebody else has recorded it");
    assert_int_equal(back(rig), FX_KNOWN_BEGUN);
    rig->end_fails = FX_OK;
    SCRIPT(rig, STATE("30"));
    parks(rig);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "", "");
}

/* An older version did not write down what it saw before the call. */
static void a_doubt_of_an_older_version_shows_what_is_seen_now_alone(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    steps_rig_effect(rig, "revert", FX_KNOWN_BEGUN, "{}", NULL);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("77"));
    struct fx_step_result asked = run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    says(asked.note, "Seen now: Hidden for is 77. It may still be obeyed");
    assert_true(fx_json_type(fx_json_at(asked.output, "before")) == FX_JSON_NULL);
}

/* ---- the end ---- */

static void what_is_taken_back_and_has_not_settled_is_told_as_under_way(void **state) {
    struct steps_rig *rig = *state;

    accepted(rig);
    SCRIPT(rig, UNSETTLED("30"));
    parks(rig);
    later(rig, SHOWS_MS);
    SCRIPT(rig, UNSETTLED("30"));
    ends(rig, true, "fluxabot", "it was taken back, but that is still under way");
}

static void what_somebody_took_back_after_a_refusal_is_told_with_the_refusal(void **state) {
    struct steps_rig *rig = *state;

    refused(rig);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "somebody else", "it could not be taken back by itself");
}

/* It was written down by a person's answer, before the run has ended by that. */
static void a_refusal_without_a_word_is_one(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    steps_rig_effect(rig, "revert", FX_KNOWN_FAILED, "{}", "{'told_by':'U5','done':false}");
    SCRIPT(rig, STATE("200"));
    struct fx_step_result result = run(rig, FX_OK);
    const char *problem = fx_json_get_text(result.output, "problem");

    assert_false(fx_json_get_bool(result.output, "done", true));
    says(problem, "it could not be taken back by itself: ");
    assert_null(strstr(problem, "null"));
}

/* A run that was given up has lost its checkpoint, and may be gone on with. */
static void what_was_accepted_is_looked_at_also_without_a_checkpoint(void **state) {
    struct steps_rig *rig = *state;

    accepted(rig);
    rig->ctx.checkpoint = NULL;
    SCRIPT(rig, STATE("200"));
    parks(rig);
    rig->ctx.checkpoint = NULL;
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "fluxabot", "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, steps_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_time_without_a_way_back_is_no_plan),
        TEST(how_long_is_bounded_also_where_it_is_known_only_when_it_is_planned),
        TEST(what_cannot_tell_how_it_is_taken_back_is_no_plan),
        TEST(what_has_shown_is_remembered_while_it_cannot_be_read),
        TEST(what_never_showed_and_cannot_be_read_when_it_is_time_is_not_told_as_taken_back),
        TEST(what_was_cut_off_before_a_checkpoint_is_asked_about_and_kept_when_it_shows),
        cmocka_unit_test(a_claim_that_is_over_ends_each_look),
        TEST(a_claim_that_is_over_before_the_promise_sends_nothing),
        TEST(a_call_that_is_cut_off_is_left_in_doubt_and_not_sent_again),
        TEST(what_cannot_be_read_of_a_refusal_is_read_the_next_time),
        TEST(what_is_found_and_cannot_be_recorded_is_not_concluded),
        TEST(a_doubt_of_an_older_version_shows_what_is_seen_now_alone),
        TEST(what_is_taken_back_and_has_not_settled_is_told_as_under_way),
        TEST(what_somebody_took_back_after_a_refusal_is_told_with_the_refusal),
        TEST(a_refusal_without_a_word_is_one),
        TEST(what_was_accepted_is_looked_at_also_without_a_checkpoint),
    };
    return cmocka_run_group_tests_name("steps revert mishaps", tests, NULL, NULL);
}
