/* steps_revert_test.c - a change that is taken back by itself: when, what must hold then, what is
 * known of the second call, and that nothing is ever sent twice. */
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
    "'title':'hide for 200 s','summary':'It hides.','undo':'by itself','within':'1m'"
#define BACK "'revert':{'Attributes':'object(\\'VisibilityTimeout\\', \\'30\\')'}"
#define HOW_SEEN "'reverted':'now.Attributes.VisibilityTimeout == \\'30\\''"
#define BY_HAND "'undo_command':'queue hide 30'"
#define SEEN HOW_SEEN "," BY_HAND
#define CHANGE "{" CALL "," BACK "," SEEN ",'revert_after':'2h'}"
#define FOR_GOOD "{" CALL "," BACK "," SEEN "}" /* nobody said when it is taken back */

enum { KEEP_MS = 2 * 60 * 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

#define STATE(visible) REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible "\"}}")
#define OTHERS STATE("77")
#define DENIED REPLY(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")
#define BUSY REPLY(400, "{\"__type\":\"ThrottlingException\",\"message\":\"slower\"}")
#define LOST                                                                                       \
    { .failure = FX_ERR_TIMEOUT, .sent = true }
#define SCRIPT(rig, ...)                                                                           \
    do {                                                                                           \
        static const struct scripted_reply replies_[] = {__VA_ARGS__};                             \
        scripted_http_set(&(rig)->world.script, replies_, FX_COUNT_OF(replies_));                  \
    } while (0)

static struct fx_json *texts(struct steps_rig *rig, const char *params) {
    struct fx_json *json = NULL;
    struct fx_error err = {0};
    char *text = fx_strdup(rig->sc, params);

    /* ' stands for ", and \' for ' */
    for (char *from = text, *to = text;; from++) {
        if (from[0] == '\\' && from[1] == '\'')
            *to++ = *++from;
        else
            *to++ = *from == '\'' ? '"' : *from;
        if (*from == '\0')
            break;
    }
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(text), &json, &err));
    return json;
}

static const char *change; /* CHANGE, unless a test says otherwise */

static const struct fx_json *filled(struct steps_rig *rig) {
    struct fx_json *ret = NULL;
    struct fx_error err = {0};

    assert_ok(fx_step_fill_params(rig->sc, &step_aws_change, texts(rig, change), &ret, &err));
    return ret;
}

static int set_up(void **state) {
    change = CHANGE;
    return steps_rig_set_up(state);
}

static struct fx_step_result run(struct steps_rig *rig, enum fx_code expected) {
    struct fx_step_result result = {0};
    struct fx_error err = {0};

    assert_int_equal(step_aws_change.run(&rig->ctx, filled(rig), &result, &err), expected);
    if (expected == FX_OK && result.outcome != FX_STEP_DONE)
        rig->ctx.checkpoint = result.checkpoint;
    return result;
}

static void later(struct steps_rig *rig, int64_t ms) {
    rig->world.clock.wall_ms += ms;
    rig->world.clock.mono_ms += ms;
}

static void planned(struct steps_rig *rig) {
    struct fx_json *made = NULL;
    struct fx_error err = {0};

    rig->class = FX_EFFECT_ABSOLUTE;
    SCRIPT(rig, STATE("30"));
    assert_ok(step_aws_change.plan(&rig->ctx, filled(rig), &made, &err));
    rig->ctx.plan = made;
}

/* Done, and it waits. */
static void kept(struct steps_rig *rig) {
    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK);
    SCRIPT(rig, STATE("200"));
    struct fx_step_result result = run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_PARKED);
    assert_int_equal(result.due_ms, RIG_NOW_MS + KEEP_MS);
}

/* Kept, and it is time. */
static void due(struct steps_rig *rig) {
    kept(rig);
    later(rig, KEEP_MS);
}

static enum fx_known back(struct steps_rig *rig) {
    return steps_rig_find(rig, "revert")->known;
}

static void ends(struct steps_rig *rig, bool done, bool reverted, const char *problem) {
    struct fx_step_result result = run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_bool(result.output, "done", !done), done);
    assert_int_equal(fx_json_get_bool(result.output, "reverted", !reverted), reverted);
    if (strstr(fx_json_get_text(result.output, "problem"), problem) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", fx_json_get_text(result.output, "problem"), problem);
}

/* The same, and who has done it: "" when that is not known. */
static void ends_taken_back(struct steps_rig *rig, const char *by) {
    struct fx_step_result result = run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_true(fx_json_get_bool(result.output, "done", false));
    assert_true(fx_json_get_bool(result.output, "reverted", false));
    assert_string_equal(fx_json_get_text(result.output, "reverted_by"), by);
}

static void both_calls_stand_in_the_plan(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 2);
    assert_non_null(
        strstr(fx_json_text(fx_json_at_path(rig->ctx.plan, "calls.1.resource")), "2 h later"));
    assert_string_equal(
        fx_json_text(fx_json_at_path(rig->ctx.plan, "details.revert.Attributes.VisibilityTimeout")),
        "30");
    assert_string_equal(fx_json_text(fx_json_at_path(rig->ctx.plan, "details.revert.QueueUrl")),
                        URL);
    assert_int_equal(fx_json_get_int(rig->ctx.plan, "rests_ms", 0), KEEP_MS + DAY_MS);
}

/* Whoever ends the run before that, the engine, must be able to say what is not done then. */
static void the_promise_says_that_it_is_taken_back_and_how_a_person_does_it(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    const struct fx_json *takes_back =
        fx_json_at(steps_rig_find(rig, "change")->what, "takes_back");

    assert_string_equal(fx_json_get_text(takes_back, "key"), "revert");
    assert_int_equal(fx_json_get_int(takes_back, "after_ms", 0), KEEP_MS);
    assert_string_equal(fx_json_get_text(takes_back, "command"), "queue hide 30");
}

static void before_its_time_nothing_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    later(rig, KEEP_MS - 1);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    assert_null(steps_rig_find(rig, "revert"));
}

static void it_is_taken_back_once_and_looked_at(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
    assert_string_equal(fx_json_text(fx_json_at_path(steps_rig_find(rig, "revert")->what,
                                                     "with.Attributes.VisibilityTimeout")),
                        "30");
    assert_int_equal(
        fx_json_to_int(fx_json_at_path(steps_rig_find(rig, "revert")->what, "seen.Hidden for"), 0),
        200);
    SCRIPT(rig, STATE("200")); /* does not show yet */
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "fluxabot");
}

/* It was accepted: that it was taken back would be a guess while it does not show. */
static void what_was_accepted_and_does_not_show_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    run(rig, FX_OK);
    later(rig, 6 * 60 * 1000);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "was accepted, but does not show yet: Hidden for is 200");
}

static void what_was_accepted_and_cannot_be_read_is_told_so(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    run(rig, FX_OK);
    later(rig, 6 * 60 * 1000);
    SCRIPT(rig, DENIED);
    ends(rig, false, false, "was accepted, but what became of it cannot be read");
}

static void what_somebody_changed_is_left_alone(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, OTHERS);
    ends(rig, false, false, "somebody has changed it meanwhile");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_somebody_took_back_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "somebody else");
    assert_null(steps_rig_find(rig, "revert"));
}

/* `within` is over and it never showed: that it looks as before then is no taking back. */
static void kept_unseen(struct steps_rig *rig) {
    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_non_null(strstr(rig->progress, "If it shows by then, it is taken back by itself at"));
}

static void what_never_showed_and_is_stopped_is_kept_and_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false,
         "not taken back by itself any more; it looks as it did before, and should it show yet, "
         "it stays");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_showed_late_and_is_stopped_is_kept(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "not taken back by itself any more");
}

static void what_cannot_be_read_when_it_is_stopped_is_told_so(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    rig->stop = true;
    SCRIPT(rig, DENIED);
    ends(rig, false, false, "any more, and how it stands cannot be read");
}

static void what_somebody_took_back_before_stop_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "somebody else");
}

/* Nothing is sent, and nothing is claimed: it may show yet. */
static void what_never_showed_is_not_told_as_taken_back_when_it_is_time(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    later(rig, KEEP_MS);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "so nothing was sent to take it back; should it show yet, it stays");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_never_showed_and_is_neither_is_not_told_as_changed_by_somebody(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    later(rig, KEEP_MS);
    SCRIPT(rig, OTHERS);
    ends(rig, false, false, "it is neither as it was asked for nor as before");
}

static void what_showed_late_is_taken_back_when_it_is_time(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    later(rig, KEEP_MS);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    run(rig, FX_OK);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, true, "did not show within 1 min"); /* what was wrong before is told, too */
}

static void stop_ends_the_waiting(void **state) {
    struct steps_rig *rig = *state;

    kept(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "a person pressed Stop");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_cannot_be_read_or_promised_is_put_off_for_a_day(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, DENIED);
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    rig->begin_fails = FX_ERR_DENIED; /* frozen */
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_null(steps_rig_find(rig, "revert"));
    later(rig, DAY_MS);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "it was to be taken back at");
}

static void what_was_turned_away_for_a_moment_is_tried_again(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), BUSY);
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_NOTHING);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    run(rig, FX_OK);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
}

static void what_was_refused_is_told_and_not_tried_again(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), DENIED);
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_FAILED);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "it could not be taken back by itself");
}

static void a_lost_answer_is_settled_by_reading_alone(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    run(rig, FX_OK);
    assert_int_equal(back(rig), FX_KNOWN_BEGUN);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_UNKNOWN);
    SCRIPT(rig, STATE("30"));
    run(rig, FX_OK);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, ""); /* our call, or somebody who was first */
}

static void behind_the_fence_what_still_holds_was_not_taken_back(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    run(rig, FX_OK);
    later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_FAILED);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "its answer got lost, and Hidden for is 200 still");
}

static void behind_the_fence_what_is_neither_is_a_question(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    run(rig, FX_OK);
    later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, OTHERS);
    struct fx_step_result asked = run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_int_equal(back(rig), FX_KNOWN_UNKNOWN);
    /* of which of the two calls, or a person answers for the other */
    assert_non_null(strstr(asked.note, "The change itself was made; the call that takes it back"));
    assert_non_null(strstr(asked.note, "Seen now: Hidden for is 77; before: Hidden for is 200"));
}

/* A question about the second call does not cover what was wrong with the first. */
static void what_was_wrong_before_is_told_after_a_question_too(void **state) {
    struct steps_rig *rig = *state;

    due(rig);
    rig->ctx.checkpoint = texts(rig, "{'kept':true,'problem':'it has failed since'}");
    SCRIPT(rig, STATE("200"), LOST);
    run(rig, FX_OK);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_ASK);
    SCRIPT(rig, STATE("30"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(back(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, true, "it has failed since");
}

/* It looks as it did before: the change did not show, and nobody has taken it back. */
static void what_is_never_taken_back_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    change = FOR_GOOD;
    planned(rig);
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 1);
    assert_null(fx_json_at(rig->ctx.plan, "rests_ms"));
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "did not show within 1 min");
    assert_null(steps_rig_find(rig, "revert"));
}

/* It was accepted, may show yet, and then stays: nobody has taken it back, and nobody will. */
static void what_was_stopped_before_it_showed_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(run(rig, FX_OK).outcome, FX_STEP_PARKED);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "a person pressed Stop");
    assert_null(steps_rig_find(rig, "revert"));
}

/* The approver was told that it is taken back by itself. */
static void who_stops_the_watching_is_told_that_it_is_not_taken_back(void **state) {
    struct steps_rig *rig = *state;

    planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    run(rig, FX_OK);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "not watched any longer, and not taken back by itself");
}

static void check_wants_both_halves_and_a_bound(void **state) {
    static const struct {
        const char *params, *says;
    } wrong[] = {
        {"{" CALL "," BACK ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BACK "," HOW_SEEN ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BY_HAND "}", "belong together"},
        {"{" CALL "," SEEN ",'revert_after':'2h'}", "belong together"},
        {"{" CALL "," BACK "," SEEN ",'revert_after':'8d'}", "at most 7 d"},
        {"{" CALL ",'revert_after':'2h'}", "revert_after needs revert"},
        {"{" CALL "," SEEN ",'revert':{'Nobody':'1'}}", "Nobody"},
        {"{" CALL "," SEEN ",'revert':{'Attributes':'nobody.knows'}}", "nobody"},
    };
    struct steps_rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        struct fx_json *params = NULL;
        struct fx_error err = {0};

        assert_ok(fx_step_fill_params(rig->sc, &step_aws_change, texts(rig, wrong[i].params),
                                      &params, &err));
        assert_int_equal(step_aws_change.check(rig->sc, rig->ctx.system, params, &err),
                         FX_ERR_INPUT);
        if (strstr(err.message, wrong[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.message, wrong[i].says);
    }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, steps_rig_tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(both_calls_stand_in_the_plan),
        CASE(the_promise_says_that_it_is_taken_back_and_how_a_person_does_it),
        CASE(before_its_time_nothing_is_taken_back),
        CASE(it_is_taken_back_once_and_looked_at),
        CASE(what_was_accepted_and_does_not_show_is_not_told_as_taken_back),
        CASE(what_was_accepted_and_cannot_be_read_is_told_so),
        CASE(what_somebody_changed_is_left_alone),
        CASE(what_somebody_took_back_is_taken_back),
        CASE(what_never_showed_and_is_stopped_is_kept_and_not_told_as_taken_back),
        CASE(what_showed_late_and_is_stopped_is_kept),
        CASE(what_cannot_be_read_when_it_is_stopped_is_told_so),
        CASE(what_somebody_took_back_before_stop_is_taken_back),
        CASE(what_never_showed_is_not_told_as_taken_back_when_it_is_time),
        CASE(what_never_showed_and_is_neither_is_not_told_as_changed_by_somebody),
        CASE(what_showed_late_is_taken_back_when_it_is_time),
        CASE(stop_ends_the_waiting),
        CASE(what_cannot_be_read_or_promised_is_put_off_for_a_day),
        CASE(what_was_turned_away_for_a_moment_is_tried_again),
        CASE(what_was_refused_is_told_and_not_tried_again),
        CASE(a_lost_answer_is_settled_by_reading_alone),
        CASE(behind_the_fence_what_still_holds_was_not_taken_back),
        CASE(behind_the_fence_what_is_neither_is_a_question),
        CASE(what_was_wrong_before_is_told_after_a_question_too),
        CASE(what_is_never_taken_back_is_not_told_as_taken_back),
        CASE(what_was_stopped_before_it_showed_is_not_told_as_taken_back),
        CASE(who_stops_the_watching_is_told_that_it_is_not_taken_back),
        CASE(check_wants_both_halves_and_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
