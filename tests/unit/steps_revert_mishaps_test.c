/* steps_revert_mishaps_test.c - a change that is taken back by itself, when something goes wrong on
 * the way: the claim is over, the store or AWS does not answer, the bot dies. Nothing is concluded
 * from it, and nothing is sent twice. */
#include "revert_rig.h"

#include <string.h>

enum { SHOWS_MS = 5 * 60 * 1000 };

#define CUT_OFF                                                                                    \
    { .failure = FX_ERR_CANCELED }
#define CUT_OFF_AFTER_SENDING                                                                      \
    { .failure = FX_ERR_CANCELED, .sent = true }

static void ends(struct steps_rig *rig, bool reverted, const char *by, const char *problem) {
    struct fx_step_result result = rig_run(rig, FX_OK);

    assert_int_equal(result.outcome, FX_STEP_DONE);
    assert_int_equal(fx_json_get_bool(result.output, "done", false), problem[0] == '\0');
    assert_int_equal(fx_json_get_bool(result.output, "reverted", !reverted), reverted);
    assert_string_equal(fx_json_get_text(result.output, "reverted_by"), by);
    rig_says(fx_json_get_text(result.output, "problem"), problem);
}

/* It is taken back: the call was accepted. */
static void accepted(struct steps_rig *rig) {
    rig_due(rig);
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_parks(rig);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
}

/* And refused for good. */
static void refused(struct steps_rig *rig) {
    rig_due(rig);
    SCRIPT(rig, STATE("200"), DENIED);
    rig_parks(rig);
    assert_int_equal(rig_back(rig), FX_KNOWN_FAILED);
}

/* ---- waiting ---- */

static void what_has_shown_is_remembered_while_it_cannot_be_read(void **state) {
    struct steps_rig *rig = *state;

    rig_kept(rig);
    rig_later(rig, KEEP_MS / 2);
    SCRIPT(rig, DENIED);
    assert_int_equal(rig_run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    rig_says(rig->progress, "It is done. It is taken back by itself at");
    rig_later(rig, KEEP_MS / 2);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "somebody else", "");
}

/* Being put off is no look at which it showed. */
static void
what_never_showed_and_cannot_be_read_when_it_is_time_is_not_told_as_taken_back(void **state) {
    struct steps_rig *rig = *state;

    rig_planned(rig);
    SCRIPT(rig, REPLY(200, "{}"));
    rig_parks(rig);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    rig_parks(rig);
    rig_later(rig, KEEP_MS);
    SCRIPT(rig, DENIED);
    rig_parks(rig);
    rig_says(rig->progress, "and is tried again");
    SCRIPT(rig, STATE("30"));
    ends(rig, false, "", "should it show yet, it stays");
}

/* The first call, and the bot died before anything of it was kept. */
static void
what_was_cut_off_before_a_checkpoint_is_asked_about_and_kept_when_it_shows(void **state) {
    struct steps_rig *rig = *state;

    rig_planned(rig);
    SCRIPT(rig, CUT_OFF_AFTER_SENDING);
    rig_run(rig, FX_ERR_CANCELED);
    assert_null(rig->ctx.checkpoint);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("30"));
    struct fx_step_result asked = rig_run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    assert_true(fx_json_get_bool(asked.checkpoint, "asked", false));
    SCRIPT(rig, STATE("200"));
    rig_parks(rig);
    assert_int_equal(steps_rig_find(rig, "change")->known, FX_KNOWN_DONE);
    SCRIPT(rig, STATE("200"));
    assert_int_equal(rig_run(rig, FX_OK).due_ms, RIG_NOW_MS + KEEP_MS);
    assert_null(steps_rig_find(rig, "revert"));
}

/* ---- taking it back ---- */

/* Whoever has lost the claim concludes nothing. */
static void a_claim_that_is_over_ends_each_look(void **state) {
    static void (*const ways[])(struct steps_rig * rig) = {rig_due, accepted, refused};

    for (size_t i = 0; i < FX_COUNT_OF(ways); i++) {
        struct steps_rig *rig = NULL;

        assert_int_equal(revert_rig_set_up((void **)&rig), 0);
        ways[i](rig);
        size_t promised = rig->effects_count;
        const struct fx_json *checkpoint = rig->ctx.checkpoint;

        rig_later(rig, SHOWS_MS); /* long enough for a conclusion */
        SCRIPT(rig, CUT_OFF);
        rig_run(rig, FX_ERR_CANCELED);
        assert_int_equal(rig->effects_count, promised);
        assert_ptr_equal(rig->ctx.checkpoint, checkpoint);
        steps_rig_tear_down((void **)&rig);
    }
}

/* It is not put off, either: the next one has the claim, and may be at it already. */
static void a_claim_that_is_over_before_the_promise_sends_nothing(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    rig_due(rig);
    rig->begin_fails = FX_ERR_CANCELED;
    SCRIPT(rig, STATE("200"));
    rig_run_into(rig, FX_ERR_CANCELED, &err);
    rig_says(err.message, "the promise is not given");
    assert_null(steps_rig_find(rig, "revert"));
    rig->begin_fails = FX_OK;
    SCRIPT(rig, STATE("200"), REPLY(200, "{}"));
    rig_parks(rig);
    assert_int_equal(rig_back(rig), FX_KNOWN_DONE);
}

static void a_call_that_is_cut_off_is_left_in_doubt_and_not_sent_again(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), CUT_OFF_AFTER_SENDING);
    rig_run(rig, FX_ERR_CANCELED);
    assert_int_equal(rig_back(rig), FX_KNOWN_BEGUN);
    SCRIPT(rig, STATE("200"));
    rig_parks(rig);
    assert_int_equal(rig_back(rig), FX_KNOWN_UNKNOWN);
    SCRIPT(rig, STATE("30"));
    rig_parks(rig);
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

    rig_due(rig);
    effects_inside = rig->host.effects;
    rig->host.effects = some_effects;
    reads_left = 1;
    SCRIPT(rig, STATE("200"), DENIED);
    rig_run_into(rig, FX_ERR_UNAVAILABLE, &err);
    rig_says(err.message, "the database is away");
    rig->host.effects = effects_inside;
    SCRIPT(rig, STATE("200"));
    ends(rig, false, "", "it could not be taken back by itself");
}

static void what_is_found_and_cannot_be_recorded_is_not_concluded(void **state) {
    struct steps_rig *rig = *state;
    struct fx_error err;

    rig_due(rig);
    SCRIPT(rig, STATE("200"), LOST);
    rig_parks(rig);
    rig->end_fails = FX_ERR_UNAVAILABLE;
    SCRIPT(rig, STATE("30"));
    rig_run_into(rig, FX_ERR_UNAVAILABLE, &err);
    rig_says(err.message, "somebody else has recorded it");
    assert_int_equal(rig_back(rig), FX_KNOWN_BEGUN);
    rig->end_fails = FX_OK;
    SCRIPT(rig, STATE("30"));
    rig_parks(rig);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "", "");
}

/* An older version did not write down what it saw before the call. */
static void a_doubt_of_an_older_version_shows_what_is_seen_now_alone(void **state) {
    struct steps_rig *rig = *state;

    rig_due(rig);
    steps_rig_effect(rig, "revert", FX_KNOWN_BEGUN, "{}", NULL);
    rig_later(rig, 60 * 1000);
    SCRIPT(rig, STATE("77"));
    struct fx_step_result asked = rig_run(rig, FX_OK);

    assert_int_equal(asked.outcome, FX_STEP_ASK);
    rig_says(asked.note, "Seen now: Hidden for is 77. It may still be obeyed");
    assert_true(fx_json_type(fx_json_at(asked.output, "before")) == FX_JSON_NULL);
}

/* ---- the end ---- */

static void what_is_taken_back_and_has_not_settled_is_told_as_under_way(void **state) {
    struct steps_rig *rig = *state;

    accepted(rig);
    SCRIPT(rig, UNSETTLED("30"));
    rig_parks(rig);
    rig_later(rig, SHOWS_MS);
    SCRIPT(rig, UNSETTLED("30"));
    ends(rig, true, "fluxabot", "it was taken back, but that is still under way");
}

static void what_somebody_took_back_after_a_refusal_is_told_with_the_refusal(void **state) {
    struct steps_rig *rig = *state;

    refused(rig);
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "somebody else", "it could not be taken back by itself");
}

/* A person's answer was written down while the step was about to look. */
static void what_a_person_has_told_is_not_called_a_refusal_of_aws(void **state) {
    static const char *const outcomes[][2] = {
        {"{'told_by':'U5','done':false}",
         "it could not be taken back by itself: a person has told that it did not happen"},
        {"{}", "it could not be taken back by itself: it was refused"}};

    for (size_t i = 0; i < FX_COUNT_OF(outcomes); i++) {
        struct steps_rig *rig = NULL;

        assert_int_equal(revert_rig_set_up((void **)&rig), 0);
        rig_due(rig);
        steps_rig_effect(rig, "revert", FX_KNOWN_FAILED, "{}", outcomes[i][0]);
        SCRIPT(rig, STATE("200"));
        ends(rig, false, "", outcomes[i][1]);
        steps_rig_tear_down((void **)&rig);
    }
}

/* A run that fails while something is open loses its checkpoint, and is gone on with when that is
 * found out. */
static void what_was_accepted_is_looked_at_also_without_a_checkpoint(void **state) {
    struct steps_rig *rig = *state;

    accepted(rig);
    rig->ctx.checkpoint = NULL;
    SCRIPT(rig, STATE("200"));
    rig_parks(rig);
    rig->ctx.checkpoint = NULL;
    SCRIPT(rig, STATE("30"));
    ends(rig, true, "fluxabot", "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, revert_rig_set_up, steps_rig_tear_down)
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(what_a_person_has_told_is_not_called_a_refusal_of_aws),
        TEST(what_was_accepted_is_looked_at_also_without_a_checkpoint),
    };
    return cmocka_run_group_tests_name("steps revert mishaps", tests, NULL, NULL);
}
