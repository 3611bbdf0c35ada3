/* incident_decide_test.c - which alarms open, repeat, close and reopen an incident. */
#include "support/test.h"

#include "fluxabot/incident.h"

#include <stdio.h>

#define T INT64_C(1795252504000)

enum { MIN = 60 * 1000 };

static const struct {
    const char *story;
    enum fx_alarm_state state;
    int64_t changed_ms;
    struct fx_incident_facts facts;
    enum fx_incident_change change;
} cases[] = {
    {"a first alarm opens", FX_ALARM_STATE_ALARM, T, {0}, FX_INCIDENT_OPENS},
    {"OK without an incident is silent", FX_ALARM_STATE_OK, T, {0}, FX_INCIDENT_IGNORES},
    {"missing data opens nothing", FX_ALARM_STATE_INSUFFICIENT, T, {0}, FX_INCIDENT_IGNORES},
    {"a note is a note", FX_ALARM_STATE_NOTE, T, {0}, FX_INCIDENT_NOTES},

    {"an alarm in alarm repeats",
     FX_ALARM_STATE_ALARM,
     T + 1,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_REPEATS},
    {"the same change told twice is ignored",
     FX_ALARM_STATE_ALARM,
     T,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_IGNORES},
    {"an older alarm is ignored",
     FX_ALARM_STATE_ALARM,
     T - 1,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_IGNORES},
    {"OK closes",
     FX_ALARM_STATE_OK,
     T + 1,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_CLOSES},
    {"an OK of the same millisecond is news",
     FX_ALARM_STATE_OK,
     T,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_CLOSES},
    {"an OK from before the alarm is ignored",
     FX_ALARM_STATE_OK,
     T - 1,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_IGNORES},
    {"missing data closes nothing",
     FX_ALARM_STATE_INSUFFICIENT,
     T + MIN,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_IGNORES},
    {"a note stays a note",
     FX_ALARM_STATE_NOTE,
     T - MIN,
     {.exists = true, .open = true, .changed_ms = T},
     FX_INCIDENT_NOTES},

    {"OK after closing is silent",
     FX_ALARM_STATE_OK,
     T + MIN,
     {.exists = true, .changed_ms = T, .closed_ms = T},
     FX_INCIDENT_IGNORES},
    {"the alarm arriving after its OK is ignored",
     FX_ALARM_STATE_ALARM,
     T - 1,
     {.exists = true, .changed_ms = T, .closed_ms = T},
     FX_INCIDENT_IGNORES},
    {"the alarm of a closed incident told again is ignored",
     FX_ALARM_STATE_ALARM,
     T,
     {.exists = true, .changed_ms = T, .closed_ms = T + MIN},
     FX_INCIDENT_IGNORES},
    {"a relapse reopens",
     FX_ALARM_STATE_ALARM,
     T + MIN,
     {.exists = true, .changed_ms = T, .closed_ms = T},
     FX_INCIDENT_REOPENS},
    {"a relapse from before we closed reopens",
     FX_ALARM_STATE_ALARM,
     T + MIN,
     {.exists = true, .changed_ms = T, .closed_ms = T + 2 * MIN},
     FX_INCIDENT_REOPENS},
    {"the last moment to reopen",
     FX_ALARM_STATE_ALARM,
     T + FX_INCIDENT_REOPEN_WITHIN_MS,
     {.exists = true, .changed_ms = T, .closed_ms = T},
     FX_INCIDENT_REOPENS},
    {"a millisecond later it is a new one",
     FX_ALARM_STATE_ALARM,
     T + FX_INCIDENT_REOPEN_WITHIN_MS + 1,
     {.exists = true, .changed_ms = T, .closed_ms = T},
     FX_INCIDENT_OPENS},
};

/* SNS and an answer of CloudWatch date one change a little apart. */
static const struct {
    const char *story;
    int64_t apart_ms;
    bool known_by_asking, asked, same;
} tellings[] = {
    {"told twice", 0, false, false, true},
    {"told twice, a millisecond apart", 1, false, false, false},
    {"asked for after it was told", 1, false, true, true},
    {"asked for after it was told, and dated before", -1, false, true, true},
    {"told after it was asked for", 1, true, false, true},
    {"told after it was asked for, and dated before", -1, true, false, true},
    {"asked for twice", 1, true, true, true},
    {"as far apart as may be", FX_INCIDENT_SAME_CHANGE_MS, true, false, true},
    {"a millisecond more", FX_INCIDENT_SAME_CHANGE_MS + 1, true, false, false},
};

static void one_change_told_and_asked_for_is_one_whatever_comes_first(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(tellings); i++) {
        struct fx_incident_facts facts = {.exists = true,
                                          .open = true,
                                          .changed_ms = T,
                                          .alarmed_ms = T,
                                          .asked = tellings[i].known_by_asking};
        struct fx_alarm alarm = {.state = FX_ALARM_STATE_ALARM,
                                 .changed_ms = T + tellings[i].apart_ms,
                                 .asked = tellings[i].asked};

        if (fx_incident_knows(&alarm, &facts) != tellings[i].same)
            fail_msg("%s", tellings[i].story);
        if (tellings[i].same && fx_incident_decide(&alarm, &facts) != FX_INCIDENT_IGNORES)
            fail_msg("%s counts", tellings[i].story);
        facts.open = false; /* also when it is over */
        facts.changed_ms = facts.closed_ms = T + MIN;
        if (tellings[i].same && !fx_incident_knows(&alarm, &facts))
            fail_msg("%s, when it is over", tellings[i].story);
    }
    /* an OK this close ends it all the same */
    assert_int_equal(
        fx_incident_decide(
            &(struct fx_alarm){.state = FX_ALARM_STATE_OK, .changed_ms = T + 1, .asked = true},
            &(struct fx_incident_facts){
                .exists = true, .open = true, .changed_ms = T, .alarmed_ms = T, .asked = true}),
        FX_INCIDENT_CLOSES);
}

static void decides_every_case_of_the_table(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const struct fx_alarm alarm = {.state = cases[i].state, .changed_ms = cases[i].changed_ms};

        if (fx_incident_decide(&alarm, &cases[i].facts) != cases[i].change)
            fail_msg("%s", cases[i].story);
    }
}

/* What the engine does with a decision, as far as the next decision depends on it. */
static void apply(struct fx_incident_facts *facts, const struct fx_alarm *alarm) {
    enum fx_incident_change change = fx_incident_decide(alarm, facts);

    assert_int_not_equal(change, FX_INCIDENT_NOTES);
    if (change == FX_INCIDENT_IGNORES) {
        if (facts->exists && alarm->state == FX_ALARM_STATE_OK &&
            alarm->changed_ms > facts->changed_ms)
            facts->changed_ms = alarm->changed_ms;
        return;
    }
    facts->exists = true;
    facts->changed_ms = alarm->changed_ms;
    facts->open = change != FX_INCIDENT_CLOSES;
    if (!facts->open)
        facts->closed_ms = alarm->changed_ms;
}

/* Standard topics promise no order and deliver at least once. Whatever arrives how often and in
 * which order, the newest state change decides whether a known incident is open. */
static void ends_with_the_newest_state_in_any_order(void **state) {
    static const enum fx_alarm_state history[] = {FX_ALARM_STATE_ALARM, FX_ALARM_STATE_OK,
                                                  FX_ALARM_STATE_ALARM, FX_ALARM_STATE_OK};
    enum { CHANGES = FX_COUNT_OF(history), ARRIVALS = 6, ORDERS = 4096 }; /* 4 to the 6th */

    for (int order = 0; order < ORDERS; order++) {
        struct fx_incident_facts facts = {.exists = true, .changed_ms = T - 1, .closed_ms = T - 1};
        int newest = 0;

        for (int i = 0, rest = order; i < ARRIVALS; i++, rest /= CHANGES) {
            int at = rest % CHANGES;
            struct fx_alarm alarm = {.state = history[at], .changed_ms = T + at * MIN};

            newest = at > newest ? at : newest;
            apply(&facts, &alarm);
        }
        if (facts.open != (history[newest] == FX_ALARM_STATE_ALARM))
            fail_msg("order %d", order);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_every_case_of_the_table),
        cmocka_unit_test(one_change_told_and_asked_for_is_one_whatever_comes_first),
        cmocka_unit_test(ends_with_the_newest_state_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
