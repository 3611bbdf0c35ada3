/* steps_revert_test.c - a change that is taken back by itself: when, what must hold then, what is
 * known of the second call, and that nothing is ever sent twice. */
#include "revert_rig.h"

#include <string.h>

#define FOR_GOOD "{" CALL "," BACK "," SEEN "}" /* nobody said when it is taken back */
#define OTHERS STATE("77")
#define BUSY REPLY(400, "{\"__type\":\"ThrottlingException\",\"message\":\"slower\"}")

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static void ends(struct steps_rig *rig, bool done, bool reverted, const char *problem) {
    struct fx_step_result result = rig_run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_bool(result.output, "done", !done), done);
    assert_int_equal(fx_json_get_bool(result.output, "reverted", !reverted), reverted);
    rig_says(fx_json_get_text(result.output, "problem"), problem);
}

/* The same, and who has done it: "" when that is not known. */
static void ends_taken_back(struct steps_rig *rig, const char *by) {
    struct fx_step_result result = rig_run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_true(fx_json_get_bool(result.output, "done", false));
    assert_true(fx_json_get_bool(result.output, "reverted", false));
    assert_string_equal(fx_json_get_text(result.output, "reverted_by"), by);
}

/* Whoever ends the run before that, the engine, must be able to say what is not done then. */
static void the_promise_says_that_it_is_taken_back_and_how_a_person_does_it(void **state) {
    struct steps_rig *rig = *state;

    rig_kept(rig);
    const struct fx_json *takes_back =
        fx_json_at(steps_rig_find(rig, "change")->what, "takes_back");

    assert_string_equal(fx_json_get_text(takes_back, "key"), "revert");
    assert_int_equal(fx_json_get_int(takes_back, "after_ms", 0), KEEP_MS);
    assert_string_equal(fx_json_get_text(takes_back, "command"), "queue hide 30");
}

static void before_its_time_nothing_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_kept(rig);
    rig_later(rig, KEEP_MS - 1);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    assert_null(steps_rig_find(rig, "revert"));
}

static void it_is_taken_back_once_and_looked_at(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
    assert_string_equal(fx_json_text(fx_json_at_path(steps_rig_find(rig, "revert")->what,
                                                     "with.Attributes.VisibilityTimeout")),
                        "30");
    assert_int_equal(
        fx_json_to_int(fx_json_at_path(steps_rig_find(rig, "revert")->what, "seen.Hidden for"), 0),
        200);
    SCRIPT(rig, STATE("200")); /* does not show yet */
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "fluxabot");
}

/* It was accepted: that it was taken back would be a guess while it does not show. */
static void what_was_accepted_and_does_not_show_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    rig_later(rig, 6 * 60 * 1000);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "was accepted, but does not show yet: Hidden for is 200");
}

static void what_was_accepted_and_cannot_be_read_is_told_so(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    rig_later(rig, 6 * 60 * 1000);
    SCRIPT(rig, DENIED);
    ends(rig, false, false, "was accepted, but what became of it cannot be read");
}

static void what_somebody_changed_is_left_alone(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, OTHERS);
    ends(rig, false, false, "somebody has changed it meanwhile");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_somebody_took_back_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "somebody else");
    assert_null(steps_rig_find(rig, "revert"));
}

/* `within` is over and it never showed: that it looks as before then is no taking back. */
static void kept_unseen(struct steps_rig *rig) {
    rig_planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
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

    rig_kept(rig);
    rig->stop = true;
    SCRIPT(rig, DENIED);
    ends(rig, false, false, "any more, and how it stands cannot be read");
}

static void what_somebody_took_back_before_stop_is_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_kept(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, "somebody else");
}

/* Nothing is sent, and nothing is claimed: it may show yet. */
static void what_never_showed_is_not_told_as_taken_back_when_it_is_time(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    rig_later(rig, KEEP_MS);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "so nothing was sent to take it back; should it show yet, it stays");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_never_showed_and_is_neither_is_not_told_as_changed_by_somebody(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    rig_later(rig, KEEP_MS);
    SCRIPT(rig, OTHERS);
    ends(rig, false, false, "it is neither as it was asked for nor as before");
}

static void what_showed_late_is_taken_back_when_it_is_time(void **state) {
    struct steps_rig *rig = *state;

    kept_unseen(rig);
    rig_later(rig, KEEP_MS);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, true, "did not show within 1 min"); /* what was wrong before is told, too */
}

static void stop_ends_the_waiting(void **state) {
    struct steps_rig *rig = *state;

    rig_kept(rig);
    rig->stop = true;
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "a person pressed Stop");
    assert_null(steps_rig_find(rig, "revert"));
}

static void what_cannot_be_read_or_promised_is_put_off_for_a_day(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, DENIED);
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    rig->begin_fails = FX_ERR_DENIED; /* frozen */
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_null(steps_rig_find(rig, "revert"));
    rig_later(rig, DAY_MS);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "it was to be taken back at");
}

static void what_was_turned_away_for_a_moment_is_tried_again(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), BUSY);
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_NOTHING);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
}

static void what_was_refused_is_told_and_not_tried_again(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), DENIED);
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_FAILED);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "it could not be taken back by itself");
}

static void a_lost_answer_is_settled_by_reading_alone(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    rig_run(rig, FX_OK);
    assert_int_equal(rig_back(rig), FX_KNOWN_BEGUN);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_UNKNOWN);
    SCRIPT(rig, STATE("30"));
    rig_run(rig, FX_OK);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("30"));
    ends_taken_back(rig, ""); /* our call, or somebody who was first */
}

static void behind_the_fence_what_still_holds_was_not_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    rig_run(rig, FX_OK);
    rig_later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_FAILED);
    SCRIPT(rig, STATE("200"));
    ends(rig, false, false, "its answer got lost, and Hidden for is 200 still");
}

static void behind_the_fence_what_is_neither_is_a_question(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    rig_run(rig, FX_OK);
    rig_later(rig, FX_EFFECT_FENCE_MS + 1);
    SCRIPT(rig, OTHERS);
    struct fx_step_result asked = rig_run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_int_equal(rig_back(rig), FX_KNOWN_UNKNOWN);
    /* of which of the two calls, or a person answers for the other */
    assert_non_null(strstr(asked.note, "The change itself was made; the call that takes it back"));
    assert_non_null(strstr(asked.note, "Seen now: Hidden for is 77; before: Hidden for is 200"));
}

/* A question about the second call does not cover what was wrong with the first. */
static void what_was_wrong_before_is_told_after_a_question_too(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    rig->ctx.checkpoint = rig_texts(rig, "{'kept':true,'problem':'it has failed since'}");
    SCRIPT(rig, STATE("200"), LOST);
    rig_run(rig, FX_OK);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_ASK);
    SCRIPT(rig, STATE("30"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, true, "it has failed since");
}

/* It looks as it did before: the change did not show, and nobody has taken it back. */
static void what_is_never_taken_back_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_change = FOR_GOOD;
    rig_planned(rig);
    assert_int_equal(fx_json_count(fx_json_at(rig->ctx.plan, "calls")), 1);
    assert_null(fx_json_at(rig->ctx.plan, "rests_ms"));
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "did not show within 1 min");
    assert_null(steps_rig_find(rig, "revert"));
}

/* It was accepted, may show yet, and then stays: nobody has taken it back, and nobody will. */
static void what_was_stopped_before_it_showed_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    assert_int_equal(rig_run(rig, FX_OK).outcome, FX_STEP_PARKED);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "a person pressed Stop");
    assert_null(steps_rig_find(rig, "revert"));
}

/* The approver was told that it is taken back by itself. */
static void who_stops_the_watching_is_told_that_it_is_not_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    rig_run(rig, FX_OK);
    rig->stop = true;
    SCRIPT(rig, STATE("30"));
    ends(rig, false, false, "not watched any longer, and not taken back by itself");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, revert_rig_set_up, steps_rig_tear_down)
    static const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
