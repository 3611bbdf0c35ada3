/* engine_change_test.c - a change from the question to its end, in every way it can end; and each
 * of these once more for calls of the store that fail or lose their answer: with --all for every
 * call of every way.
 *
 * Whatever fails: nothing is done without its promise, nothing twice, and the run ends as it would
 * have ended.
 */
#include "support/test.h"

#include "change_world.h"

#include <string.h>

/* ---- what happens ---- */

typedef void moment_fn(struct change_world *w);

static void both_approve(struct change_world *w) {
    change_world_vote(w, "U2", true);
    change_world_vote(w, "U3", true);
}

/* The decision may be used for two looks, no longer. */
static void both_approve_for_a_moment(struct change_world *w) {
    w->rig->engine.options.execute_ms = 2 * WORLD_ROUND_MS - 1;
    both_approve(w);
}

static void one_approves(struct change_world *w) {
    change_world_vote(w, "U2", true);
}

static void one_denies(struct change_world *w) {
    change_world_vote(w, "U2", true);
    change_world_vote(w, "U3", false);
}

static void somebody_stops(struct change_world *w) {
    change_world_stop(w);
}

static void the_request_is_withdrawn(struct change_world *w) {
    change_world_withdraw(w, "others are listening");
}

static void changes_are_frozen(struct change_world *w) {
    change_world_freeze(w);
}

static void facts_change(struct change_world *w) {
    w->aws.facts = "three wait";
}

static void the_bot_is_updated(struct change_world *w) {
    w->rig->engine.options.version = "2";
}

static void the_system_is_configured_anew(struct change_world *w) {
    w->fluxa.definition = engine_rig_json(w->rig, "{'limits':{'moves':3}}");
}

static void the_bot_acts_in_another_account(struct change_world *w) {
    w->aws.account = "2";
}

static void aws_goes_away(struct change_world *w) {
    w->aws.cannot_say_where = FX_ERR_UNAVAILABLE;
}

static void nobody_may_say_where_it_is_done(struct change_world *w) {
    w->aws.cannot_say_where = FX_ERR_DENIED;
}

static void the_runbook_is_edited(struct change_world *w) {
    w->book.digest = "d2";
}

static void the_gate_disappears(struct change_world *w) {
    w->steps[1].params = engine_rig_json(w->rig, "{'step':'another'}");
}

static void an_approver_becomes_a_guest(struct change_world *w) {
    w->guest = true;
}

static void slack_goes_away(struct change_world *w) {
    w->slack_is_away = true;
}

static void the_channel_is_shared(struct change_world *w) {
    w->shared = true;
}

static void nothing_can_be_planned(struct change_world *w) {
    w->aws.cannot_plan = "the queue is gone";
}

static void no_reason_is_given(struct change_world *w) {
    w->steps[1].params =
        engine_rig_json(w->rig, "{'step':'change','needs_reason':true,'reason':' \u200b'}");
}

static void the_gate_names_nothing(struct change_world *w) {
    w->steps[1].params = engine_rig_json(w->rig, "{'step':'look'}");
}

static void one_is_enough(struct change_world *w) {
    w->steps[1].params = engine_rig_json(w->rig, "{'step':'change'}");
}

static void answers_are_lost(struct change_world *w) {
    w->aws.mute = true;
}

static void the_line_breaks_once(struct change_world *w) {
    w->aws.breaks = true;
}

static void the_line_of_a_keyed_change_breaks_once(struct change_world *w) {
    w->aws.breaks = true;
    w->effect = FX_EFFECT_KEYED;
}

static void nobody_can_find_out(struct change_world *w) {
    w->aws.mute = w->aws.blind = true;
}

static void the_queue_says_no(struct change_world *w) {
    w->aws.refuses = true;
}

/* ---- the ways it can go ---- */

static const struct scenario {
    const char *name;
    moment_fn *first, *vote, *approved, *midway; /* before it is asked; ...; after the first call */
    enum fx_run_state end;
    int sent;
    const char *says; /* the card */
    bool told;        /* a person has to look; this is what is said then */
} scenarios[] = {
    {"approved", NULL, both_approve, NULL, NULL, FX_RUN_DONE, 2, "both are moved", false},
    {"by one", one_is_enough, one_approves, NULL, NULL, FX_RUN_DONE, 2, "both are moved", false},
    {"denied", NULL, one_denies, NULL, NULL, FX_RUN_DENIED, 0, "Reason: not now", false},
    {"nobody decides", NULL, NULL, NULL, NULL, FX_RUN_EXPIRED, 0, "Nobody decided in time", false},
    {"too few", NULL, one_approves, NULL, NULL, FX_RUN_EXPIRED, 0, "1 of 2", false},
    {"stopped first", NULL, somebody_stops, NULL, NULL, FX_RUN_STOPPED, 0, "pressed Stop before",
     false},
    {"withdrawn", NULL, the_request_is_withdrawn, NULL, NULL, FX_RUN_REFUSED, 0,
     "Others are listening", false},
    {"stopped then", NULL, both_approve, somebody_stops, NULL, FX_RUN_REFUSED, 0,
     "Stopped before it began", false},
    {"frozen then", NULL, both_approve, changes_are_frozen, NULL, FX_RUN_REFUSED, 0, "month end",
     false},
    {"facts", NULL, both_approve, facts_change, NULL, FX_RUN_REFUSED, 0, "three wait", false},
    {"version", NULL, both_approve, the_bot_is_updated, NULL, FX_RUN_REFUSED, 0, "bot was updated",
     false},
    {"configuration", NULL, both_approve, the_system_is_configured_anew, NULL, FX_RUN_REFUSED, 0,
     "ask again to get a new plan: system.limits.moves was 2 and is 3", false},
    {"account", NULL, both_approve, the_bot_acts_in_another_account, NULL, FX_RUN_REFUSED, 0,
     "Account was \\\"1\\\" and is \\\"2\\\"", false},
    {"AWS away", NULL, both_approve_for_a_moment, aws_goes_away, NULL, FX_RUN_REFUSED, 0,
     "until the approval was too old", false},
    {"nowhere", nobody_may_say_where_it_is_done, NULL, NULL, NULL, FX_RUN_REFUSED, 0,
     "AWS does not say", false},
    {"runbook", NULL, both_approve, the_runbook_is_edited, NULL, FX_RUN_REFUSED, 0,
     "runbook was edited", false},
    {"no gate", NULL, both_approve, the_gate_disappears, NULL, FX_RUN_REFUSED, 0,
     "o approval stands before", false},
    {"guest", NULL, both_approve, an_approver_becomes_a_guest, NULL, FX_RUN_REFUSED, 0,
     "looked up once more", false},
    {"Slack away", NULL, both_approve_for_a_moment, slack_goes_away, NULL, FX_RUN_REFUSED, 0,
     "until the approval was too old", false},
    {"shared", the_channel_is_shared, NULL, NULL, NULL, FX_RUN_REFUSED, 0, "organisation", false},
    {"frozen first", changes_are_frozen, NULL, NULL, NULL, FX_RUN_REFUSED, 0, "month end", false},
    {"no plan", nothing_can_be_planned, NULL, NULL, NULL, FX_RUN_REFUSED, 0, "he queue is gone",
     false},
    {"no reason", no_reason_is_given, NULL, NULL, NULL, FX_RUN_REFUSED, 0, "without a reason",
     false},
    {"no such step", the_gate_names_nothing, NULL, NULL, NULL, FX_RUN_FAILED, 0, "names no step",
     false},
    {"stopped midway", NULL, both_approve, NULL, somebody_stops, FX_RUN_STOPPED, 1, "", false},
    {"frozen midway", NULL, both_approve, NULL, changes_are_frozen, FX_RUN_FAILED, 1,
     "1 change had been made", false},
    {"configured midway", NULL, both_approve, NULL, the_system_is_configured_anew, FX_RUN_FAILED, 1,
     "ask again for the rest: system.limits.moves was 2", false},
    {"in doubt", NULL, both_approve, answers_are_lost, the_system_is_configured_anew, FX_RUN_DONE,
     1, "has looked: it was done", true},
    {"updated midway", NULL, both_approve, NULL, the_bot_is_updated, FX_RUN_DONE, 2,
     "both are moved", false},
    {"refused", NULL, both_approve, the_queue_says_no, NULL, FX_RUN_FAILED, 0, "he queue said no",
     false},
    {"answers lost", NULL, both_approve, answers_are_lost, NULL, FX_RUN_DONE, 2, "both are moved",
     false},
    {"broken line", NULL, both_approve, the_line_breaks_once, NULL, FX_RUN_DONE, 2,
     "both are moved", false},
    {"with a key", NULL, both_approve, the_line_of_a_keyed_change_breaks_once, NULL, FX_RUN_DONE, 2,
     "both are moved", false},
    {"nobody knows", NULL, both_approve, nobody_can_find_out, NULL, FX_RUN_DONE, 1,
     "has looked: it was done", true},
};

static bool is_asked(struct change_world *w) {
    return change_world_approval(w) != NULL;
}

static bool is_half_done(struct change_world *w) {
    return w->aws.sent[0] > 0;
}

/* The n-th call of the store fails, counted from where this way parts from the first one, whose
 * calls are all tried. */
struct fault {
    int64_t n; /* 0: none does */
    enum fault_when when;
};

static void arm_here(struct change_world *w, const struct fault *fault, bool here) {
    if (here && fault->n > 0)
        fault_store_arm(w->store, fault->n, fault->when);
}

static void play(struct change_world *w, const struct scenario *s, const struct fault *fault) {
    bool parts_at_end = s->approved != NULL || s->midway != NULL;

    bool goes_on = s->first != NULL && s->vote != NULL;

    arm_here(w, fault, s == scenarios || (s->first != NULL && !goes_on));
    if (s->first != NULL)
        s->first(w);
    change_world_begin(w);
    change_world_drive(w, is_asked);
    arm_here(w, fault, s != scenarios && s->first == NULL && !parts_at_end);
    if (s->vote != NULL)
        s->vote(w);
    arm_here(w, fault, (s->approved != NULL && !s->told) || goes_on);
    if (s->approved != NULL)
        s->approved(w);
    if (s->midway != NULL) {
        change_world_drive(w, is_half_done);
        arm_here(w, fault, true);
        s->midway(w);
    }
    change_world_drive(w, NULL);
    change_world_judge(w);
    if (s->told) {
        assert_int_equal(change_world_run(w)->state, FX_RUN_ASKING);
        arm_here(w, fault, true);
        change_world_tell(w, true);
        change_world_drive(w, NULL);
    }
}

static void judge(struct change_world *w, const struct scenario *s) {
    const struct fx_run *row = change_world_run(w);

    assert_string_equal(fx_run_state_name(row->state), fx_run_state_name(s->end));
    assert_int_equal(w->aws.sent[0] + w->aws.sent[1], s->sent);
    if (strstr(change_world_card(w), s->says) == NULL)
        fail_msg("the card does not say \"%s\" but %s", s->says, change_world_card(w));
}

static void each_way_ends_as_it_should_and_its_card_says_so(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(scenarios); i++) {
        struct change_world w;

        print_message("%s\n", scenarios[i].name);
        change_world_open(&w);
        play(&w, &scenarios[i], &(struct fault){0});
        judge(&w, &scenarios[i]);
        change_world_close(&w);
    }
}

/* False when there was no n-th call. */
static bool play_with_fault(const struct scenario *s, int64_t n, enum fault_when when) {
    struct change_world w;

    change_world_open(&w);
    play(&w, s, &(struct fault){n, when});
    bool fired = fault_store_fired(w.store);

    if (fired)
        judge(&w, s);
    change_world_close(&w);
    return fired;
}

static bool every_call; /* --all */

/* Of the ways that part from the first one late, each has its own share of the calls. */
static void whatever_call_of_the_store_fails(enum fault_when when) {
    enum { SHARES = 12 };
    int64_t all = 0;

    for (size_t i = 0; i < FX_COUNT_OF(scenarios); i++) {
        bool each = every_call || i == 0 || scenarios[i].told;
        int64_t step = each ? 1 : SHARES, n = each ? 1 : 1 + ((int64_t)i + when) % SHARES;

        for (; play_with_fault(&scenarios[i], n, when); n += step)
            all++;
    }
    print_message("%lld faults\n", (long long)all);
}

static void each_way_ends_the_same_when_the_store_fails_once(void **state) {
    whatever_call_of_the_store_fails(FAULT_BEFORE);
}

static void each_way_ends_the_same_when_the_store_loses_an_answer(void **state) {
    whatever_call_of_the_store_fails(FAULT_AFTER);
}

int main(int argc, char **argv) {
    every_call = argc > 1 && strcmp(argv[1], "--all") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_ends_as_it_should_and_its_card_says_so),
        cmocka_unit_test(each_way_ends_the_same_when_the_store_fails_once),
        cmocka_unit_test(each_way_ends_the_same_when_the_store_loses_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
