/* incident_missed_test.c - what of an alarm's past nobody was told, and that telling it makes the
 * incidents that notifications would have made. */
#include "support/test.h"

#include "fluxabot/incident.h"

#include <stdio.h>
#include <string.h>

enum { MIN = 60 * 1000, MAX_CHANGES = 8 };

#define T INT64_C(1795252504000) /* now */

/* "A-10 O-5": an ALARM ten minutes ago, an OK five minutes ago. */
static size_t read_changes(const char *text, struct fx_alarm_change *ret) {
    size_t count = 0;
    char letter = 0;
    double minutes = 0;
    int read = 0;

    for (; sscanf(text, " %c%lf%n", &letter, &minutes, &read) == 2; text += read)
        ret[count++] = (struct fx_alarm_change){
            .state = letter == 'A'   ? FX_ALARM_STATE_ALARM
                     : letter == 'O' ? FX_ALARM_STATE_OK
                                     : FX_ALARM_STATE_INSUFFICIENT,
            .at_ms = T + (int64_t)(minutes * MIN),
        };
    return count;
}

static const struct {
    const char *story, *past;
    struct fx_incident_facts facts;
    const char *missed;
    bool silent; /* the alarm does not notify of ALARM */
} cases[] = {
    /* nobody knows anything */
    {"an ALARM nobody was told of", "A-10", {0}, "A-10", false},
    {"a young one may still be told", "A-0.5", {0}, "", false},
    {"the last moment of the grace", "A-1", {0}, "A-1", false},
    {"an OK alone is no news", "O-10", {0}, "", false},
    {"missing data is no news", "I-10", {0}, "", false},
    {"it began and ended", "A-10 O-5", {0}, "A-10 O-5", false},
    {"its end is young, but it is over all the same", "A-10 O-0.5", {0}, "A-10 O-0.5", false},
    {"both are young", "A-0.9 O-0.5", {0}, "", false},
    {"it flapped and is over", "A-10 O-9 A-8 O-7", {0}, "A-10 O-9 A-8 O-7", false},
    {"it flapped and goes on", "A-10 O-9 A-8", {0}, "A-10 O-9 A-8", false},
    {"it flapped and the newest is young", "A-10 O-9 A-0.5", {0}, "A-10 O-9", false},
    {"missing data between", "A-10 I-9 A-8 O-7", {0}, "A-10 A-8 O-7", false},
    {"an end before the beginning", "O-10 A-5", {0}, "A-5", false},
    {"nobody was meant to be told", "A-10 O-5", {0}, "", true},

/* an incident is open since ten minutes ago */
#define OPEN                                                                                       \
    { .exists = true, .open = true, .changed_ms = T - 10 * MIN, .alarmed_ms = T - 10 * MIN }
    {"it was told", "A-10", OPEN, "", false},
    {"it was told, and dated otherwise", "A-9.99", OPEN, "", false},
    {"its end was lost", "A-10 O-5", OPEN, "O-5", false},
    {"its end is young", "A-10 O-0.5", OPEN, "", false},
    {"its end and another beginning", "A-10 O-5 A-3", OPEN, "O-5 A-3", false},
    {"another beginning whose end is unknown", "A-5", OPEN, "A-5", false},
    {"of an older one nobody knows whether it was told", "A-20 O-15 A-10", OPEN, "", false},
    {"an end from before it", "O-15", OPEN, "", false},
    {"its end counts though nobody was meant to be told", "A-10 O-5 A-3", OPEN, "O-5", true},
    {"missing data ends nothing", "A-10 I-5", OPEN, "", false},

/* the same, and so much is known of what was told before it */
#define OPEN_AFTER(...)                                                                            \
    {                                                                                              \
        .exists = true, .open = true, .changed_ms = T - 10 * MIN, .alarmed_ms = T - 10 * MIN,      \
        .told_ms = {__VA_ARGS__, T - 10 * MIN},                                                    \
        .told_count = sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t) + 1                         \
    }
    {"a newer one overtook it", "A-20 O-15 A-10", OPEN_AFTER(0), "A-20", false},
    {"a newer one overtook two", "A-25 O-22 A-20 O-15 A-10", OPEN_AFTER(0), "A-25 A-20", false},
    {"of two the newer was told", "A-25 O-22 A-20 O-15 A-10", OPEN_AFTER(0, T - 20 * MIN), "A-25",
     false},
    {"of two the older was told, and dated otherwise", "A-25 O-22 A-20 O-15 A-10",
     OPEN_AFTER(0, T - 25 * MIN + 1900), "A-20", false},
    {"it is older than what is known of", "A-25 O-22 A-20 O-15 A-10", OPEN_AFTER(T - 20 * MIN), "",
     false},
    {"one was overtaken, and the end of the newer was lost", "A-20 O-15 A-10 O-5", OPEN_AFTER(0),
     "A-20 O-5", false},
    {"one was overtaken, and another began", "A-20 O-15 A-10 O-5 A-3", OPEN_AFTER(0),
     "A-20 O-5 A-3", false},
    {"nobody was meant to be told of it", "A-20 O-15 A-10", OPEN_AFTER(0), "", true},

/* one ended five minutes ago, and had begun ten minutes ago */
#define CLOSED                                                                                     \
    {                                                                                              \
        .exists = true, .changed_ms = T - 5 * MIN, .closed_ms = T - 5 * MIN,                       \
        .alarmed_ms = T - 10 * MIN                                                                 \
    }
    {"all of it was told", "A-10 O-5", CLOSED, "", false},
    {"all of it was told, and dated otherwise", "A-10.01 O-4.99", CLOSED, "", false},
    {"it began anew", "A-10 O-5 A-3", CLOSED, "A-3", false},
    {"it began anew and ended", "A-10 O-5 A-3 O-2", CLOSED, "A-3 O-2", false},
    {"between the two it began anew, and only the end was told", "A-10 O-9 A-7 O-5", CLOSED,
     "A-7 O-5", false},

    /* only an OK is known: it came alone */
    {"the ALARM before it",
     "A-10 O-5",
     {.exists = true, .changed_ms = T - 5 * MIN, .closed_ms = T - 5 * MIN},
     "A-10 O-5",
     false},
};

static void finds_what_was_missed_in_every_case_of_the_table(void **state) {
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        struct fx_alarm_change changes[MAX_CHANGES], expected[MAX_CHANGES], found[MAX_CHANGES];
        const struct fx_incident_past past = {.changes = changes,
                                              .count = read_changes(cases[i].past, changes),
                                              .notifies = !cases[i].silent};
        size_t count = fx_incident_missed(&past, &cases[i].facts, T, found);
        bool good = count == read_changes(cases[i].missed, expected);

        for (size_t c = 0; good && c < count; c++)
            good = found[c].state == expected[c].state && found[c].at_ms == expected[c].at_ms;
        if (!good)
            fail_msg("%s: %zu changes", cases[i].story, count);
    }
}

/* What the engine remembers of a telling, as far as the next one depends on it. */
static void tell(struct fx_incident_facts *facts, const struct fx_alarm *alarm, int *seen) {
    enum fx_incident_change change = fx_incident_decide(alarm, facts);
    bool overtaken = change == FX_INCIDENT_IGNORES && fx_incident_overtaken(alarm, facts);
    bool late = change == FX_INCIDENT_IGNORES && facts->exists && !facts->open &&
                alarm->state == FX_ALARM_STATE_ALARM && alarm->changed_ms > facts->alarmed_ms &&
                !fx_incident_knows(alarm, facts);

    if (change == FX_INCIDENT_IGNORES && !late && !overtaken) {
        if (alarm->state == FX_ALARM_STATE_OK && alarm->changed_ms > facts->changed_ms) {
            facts->exists = true;
            facts->changed_ms = alarm->changed_ms;
        }
        return;
    }
    facts->exists = true;
    facts->asked = facts->asked || alarm->asked;
    if (alarm->state == FX_ALARM_STATE_ALARM) {
        fx_incident_note_told(facts, alarm->changed_ms);
        ++*seen;
    }
    if (late || overtaken)
        return;
    facts->changed_ms = alarm->changed_ms;
    facts->open = change != FX_INCIDENT_CLOSES;
    if (!facts->open)
        facts->closed_ms = alarm->changed_ms;
}

/* Comparisons and notifications come in every order and date the same changes a little apart; some
 * notifications never come. Whatever happens, each ALARM is told, and once; and what was compared
 * last stands: the incident is as open as the alarm. */
static void tells_each_change_once_in_any_order(void **state) {
    enum { CHANGES = 3, STEPS = 5, WAYS = 1024 /* 4 to the 5th */, DRIFTS = 3 };
    static const int64_t drifts[DRIFTS] = {-7, 0, 7};
    const struct fx_alarm_change truth[CHANGES] = {
        {.state = FX_ALARM_STATE_ALARM, .at_ms = T - 20 * MIN},
        {.state = FX_ALARM_STATE_OK, .at_ms = T - 15 * MIN},
        {.state = FX_ALARM_STATE_ALARM, .at_ms = T - 10 * MIN},
    };

    for (int way = 0; way < WAYS * DRIFTS; way++) {
        struct fx_incident_facts facts = {0};
        int seen = 0;

        for (int i = 0, rest = way / DRIFTS; i <= STEPS; i++, rest /= CHANGES + 1) {
            int step = i == STEPS ? CHANGES : rest % (CHANGES + 1);
            struct fx_alarm_change missed[CHANGES];
            const struct fx_incident_past past = {
                .changes = truth, .count = CHANGES, .notifies = true};

            if (step < CHANGES) { /* SNS brings this one */
                tell(&facts,
                     &(struct fx_alarm){.state = truth[step].state,
                                        .changed_ms = truth[step].at_ms + drifts[way % DRIFTS]},
                     &seen);
                continue;
            }
            size_t count = fx_incident_missed(&past, &facts, T, missed);
            for (size_t c = 0; c < count; c++)
                tell(&facts,
                     &(struct fx_alarm){
                         .state = missed[c].state, .changed_ms = missed[c].at_ms, .asked = true},
                     &seen);
        }
        if (!facts.open || seen != 2)
            fail_msg("way %d: %s, seen %d times", way, facts.open ? "open" : "closed", seen);
        struct fx_alarm_change again[CHANGES];
        const struct fx_incident_past past = {.changes = truth, .count = CHANGES, .notifies = true};

        if (fx_incident_missed(&past, &facts, T, again) > 0)
            fail_msg("way %d: found once more", way);
    }
}

/* What is forgotten counts as told: to tell it twice would be worse. */
static void of_many_the_newest_are_remembered(void **state) {
    struct fx_incident_facts facts = {.exists = true};
    struct fx_alarm alarm = {.state = FX_ALARM_STATE_ALARM};
    const int64_t first = T - 300 * MIN;

    /* every other one, the odd ones were lost */
    for (int i = 0; i < 2 * FX_INCIDENT_TOLD_KEPT; i++)
        fx_incident_note_told(&facts, first + (int64_t)2 * i * MIN);
    assert_int_equal(facts.told_count, FX_INCIDENT_TOLD_KEPT);
    assert_int_equal(facts.alarmed_ms, first + (int64_t)(4 * FX_INCIDENT_TOLD_KEPT - 2) * MIN);
    for (int i = 0; i < 4 * FX_INCIDENT_TOLD_KEPT - 2; i++) {
        alarm.changed_ms = first + (int64_t)i * MIN;
        assert_int_equal(fx_incident_overtaken(&alarm, &facts),
                         i % 2 == 1 && i > 2 * FX_INCIDENT_TOLD_KEPT);
    }
    alarm.state = FX_ALARM_STATE_OK;
    alarm.changed_ms = first + (int64_t)(2 * FX_INCIDENT_TOLD_KEPT + 1) * MIN;
    assert_false(fx_incident_overtaken(&alarm, &facts));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_missed_in_every_case_of_the_table),
        cmocka_unit_test(tells_each_change_once_in_any_order),
        cmocka_unit_test(of_many_the_newest_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
