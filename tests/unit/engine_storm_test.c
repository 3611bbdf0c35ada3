/* engine_storm_test.c - more alarms than people can read: who is told by one card, who is paged,
 * and how the card ends. */
#include "support/test.h"

#include "engine_rig.h"

#include <stdio.h>
#include <string.h>

static const char *const any[] = {"critical-*"}, *const paging[] = {"page-*"};
static const struct fx_alarm_route routes[] = {
    {.name = "critical", .patterns = any, .patterns_count = 1, .severity = "critical"},
    {.name = "paging", .patterns = paging, .patterns_count = 1, .severity = "high", .page = true},
};

struct storm_rig {
    struct engine_rig *rig;
    struct fx_system fluxa;
    int told; /* alarms so far */
};

static struct storm_rig storm;

static int set_up(void **state) {
    engine_rig_set_up(state);
    struct engine_rig *rig = *state;

    storm = (struct storm_rig){
        .rig = rig,
        .fluxa = {.name = "fluxa", .routes = routes, .routes_count = FX_COUNT_OF(routes)}};
    rig->system.system = &storm.fluxa;
    rig->system.default_environment = "dev";
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    /* nobody is called in these tests: only rows are written */
    rig->engine.options.pagerduty = (struct fx_pagerdutyapi *)(void *)&storm;
    return 0;
}

/* ---- what happens ---- */

/* What a worker makes of it, not written yet. */
static void look_at_alarm(const char *name, enum fx_alarm_state alarm_state) {
    struct engine_rig *rig = storm.rig;
    struct fx_scope *sc = rig->sc;
    struct fx_error err = {0};

    rig->job = (struct fx_job){.kind = "event", .subject = fx_printf(sc, "e%d", ++storm.told)};
    rig->work = (struct engine_work){
        .engine = &rig->engine, .sc = sc, .job = &rig->job, .now_ms = rig->clock.wall_ms};
    const struct fx_alarm alarm = {.name = name,
                                   .arn = "",
                                   .key = name,
                                   .state = alarm_state,
                                   .account = "",
                                   .region = "",
                                   .reason = "",
                                   .description = "",
                                   .metric_namespace = "",
                                   .metric_name = "",
                                   .statistic = "",
                                   .comparison = "",
                                   .changed_ms = rig->clock.wall_ms};

    assert_ok(engine_alarm(&rig->work, &rig->system, "dev", &alarm, NULL, &err));
}

/* As a worker would: nobody claims, but what is left to write becomes durable. */
static void tell_alarm(const char *name, enum fx_alarm_state alarm_state) {
    look_at_alarm(name, alarm_state);
    engine_rig_keep(storm.rig);
    storm.rig->clock.wall_ms += 1;
    storm.rig->clock.mono_ms += 1;
}

static void raise(const char *prefix, int count) {
    for (int i = 0; i < count; i++)
        tell_alarm(fx_printf(storm.rig->sc, "%s-%d", prefix, i), FX_ALARM_STATE_ALARM);
}

static void end(const char *prefix, int count) {
    storm.rig->clock.wall_ms += FX_INCIDENT_SAME_CHANGE_MS * 2;
    for (int i = 0; i < count; i++)
        tell_alarm(fx_printf(storm.rig->sc, "%s-%d", prefix, i), FX_ALARM_STATE_OK);
}

static void wait(int64_t ms) {
    storm.rig->clock.wall_ms += ms;
    storm.rig->clock.mono_ms += ms;
    engine_tell_storms(&storm.rig->engine, storm.rig->sc);
}

/* ---- what is told ---- */

/* Messages of the kind that wait to go out, and say so. */
static size_t waiting(enum fx_message_kind kind, const char *words, const char **ret_payload) {
    struct fx_store *store = storm.rig->engine.options.store;
    struct fx_message **list = NULL;
    size_t count = 0, found = 0;
    int64_t due_ms = 0;
    struct fx_error err;

    assert_ok(
        store->outbox_ready(store, storm.rig->sc, INT64_MAX, 1000, &list, &count, &due_ms, &err));
    for (size_t i = 0; i < count; i++)
        if (list[i]->kind == kind && strstr(list[i]->payload_json, words) != NULL) {
            found++;
            if (ret_payload != NULL)
                *ret_payload = list[i]->payload_json;
        }
    return found;
}

/* The page that says so arrives. */
static void send_page(const char *words) {
    struct fx_store *store = storm.rig->engine.options.store;
    struct fx_message **list = NULL;
    size_t count = 0;
    int64_t due_ms = 0, now_ms = storm.rig->clock.wall_ms;
    struct fx_error err;

    assert_ok(
        store->outbox_ready(store, storm.rig->sc, now_ms, 1000, &list, &count, &due_ms, &err));
    for (size_t i = 0; i < count; i++)
        if (list[i]->kind == FX_MESSAGE_PAGE && strstr(list[i]->payload_json, words) != NULL) {
            assert_ok(store->outbox_begin(store, storm.rig->sc, list[i]->seq, now_ms, &err));
            assert_ok(store->outbox_sent(store, storm.rig->sc, list[i]->seq, "", now_ms, &err));
        }
}

static size_t cards(const char *words) {
    return waiting(FX_MESSAGE_PUT, words, NULL);
}

static const char *storm_card(void) {
    const char *payload = "";

    assert_int_equal(waiting(FX_MESSAGE_PUT, "Alarm storm", &payload), 1);
    return payload;
}

static void assert_says(const char *text, const char *words) {
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, text);
}

static size_t incidents(bool open) {
    struct fx_store *store = storm.rig->engine.options.store;
    struct fx_incident **list = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->incidents(store, storm.rig->sc, "fluxa", open, 1000, &list, &count, &err));
    return count;
}

/* ---- tests ---- */

static void as_many_as_people_can_read_are_told_one_by_one(void **state) {
    (void)state;
    raise("a", FX_ENGINE_STORM_ALARMS);
    wait(0);
    assert_int_equal(cards("is in alarm"), FX_ENGINE_STORM_ALARMS);
    assert_int_equal(cards("Alarm storm"), 0);
    wait(FX_ENGINE_STORM_WINDOW_MS); /* a new window */
    raise("b", FX_ENGINE_STORM_ALARMS);
    wait(0);
    assert_int_equal(cards("Alarm storm"), 0);
}

static void one_too_many_and_all_after_it_share_a_card(void **state) {
    (void)state;
    raise("orders", FX_ENGINE_STORM_ALARMS + 30);
    raise("billing", 10);
    wait(0);
    assert_int_equal(cards("\"text\":\"Medium: "), FX_ENGINE_STORM_ALARMS);
    assert_says(storm_card(), "Alarm storm: 40 alarms");
    assert_says(storm_card(), "30 orders, 10 billing");
    assert_says(storm_card(), "40 medium");
    assert_says(storm_card(), "and 30 more that are open");
    assert_int_equal(incidents(true), FX_ENGINE_STORM_ALARMS + 40); /* each is kept */
}

static void the_card_waits_a_while_between_two_edits(void **state) {
    (void)state;
    raise("a", FX_ENGINE_STORM_ALARMS + 1);
    wait(0);
    raise("b", 1);
    wait(FX_ENGINE_STORM_CARD_MS - 2);
    assert_says(storm_card(), "Alarm storm: 1 alarms");
    wait(2);
    assert_says(storm_card(), "Alarm storm: 2 alarms");
}

static void it_ends_after_silence_and_lists_who_is_still_open(void **state) {
    (void)state;
    raise("a", FX_ENGINE_STORM_ALARMS);
    raise("late", 3);
    end("late", 2);
    wait(FX_ENGINE_STORM_QUIET_MS - 5000);
    assert_says(storm_card(), "Alarm storm: 3 alarms");
    wait(5000);
    assert_says(storm_card(), "Alarm storm is over: 3 alarms");
    assert_says(storm_card(), "1 of them is still open");
    assert_says(storm_card(), "late-2 is in alarm");
    assert_int_equal(cards("late-1 is OK again"), 0); /* no card, so no last word in its thread */
    tell_alarm("late-2", FX_ALARM_STATE_OK);
    wait(FX_ENGINE_STORM_CARD_MS);
    assert_says(storm_card(), "All of them are over");
    /* what comes now is told by itself again, also an old acquaintance */
    wait(FX_ENGINE_STORM_WINDOW_MS);
    tell_alarm("late-2", FX_ALARM_STATE_ALARM);
    assert_int_equal(cards("\"text\":\"Medium: late-2 is in alarm"), 1);
}

static void a_few_critical_ones_have_cards_of_their_own(void **state) {
    (void)state;
    raise("a", FX_ENGINE_STORM_ALARMS);
    raise("critical", FX_ENGINE_STORM_CRITICAL + 20);
    wait(0);
    assert_int_equal(cards("\"text\":\"Critical: critical-"), FX_ENGINE_STORM_CRITICAL);
    assert_says(storm_card(), "Alarm storm: 25 alarms");
    assert_says(storm_card(), "20. The 10 alarms before the storm"); /* not looked into */
}

static void those_on_call_are_paged_for_some_and_once_for_all_others(void **state) {
    (void)state;
    raise("a", FX_ENGINE_STORM_ALARMS);
    raise("page", FX_ENGINE_STORM_PAGES + 40);
    wait(0);
    assert_int_equal(waiting(FX_MESSAGE_PAGE, "page-", NULL), FX_ENGINE_STORM_PAGES);
    assert_int_equal(waiting(FX_MESSAGE_PAGE, "Alarm storm", NULL), 1);
    end("page", FX_ENGINE_STORM_PAGES + 40);
    end("a", FX_ENGINE_STORM_ALARMS);
    wait(FX_ENGINE_STORM_QUIET_MS);
    assert_says(storm_card(), "All of them are over");
    /* the trigger stands in front of it: pages of one key go one after the other */
    const char *payload = "";

    assert_int_equal(waiting(FX_MESSAGE_PAGE, "Alarm storm", &payload), 1);
    send_page("Alarm storm");
    assert_int_equal(waiting(FX_MESSAGE_PAGE, "\"resolve\"", &payload), 1);
    assert_says(payload, "storm-");
}

static void events_without_a_state_join_as_well(void **state) {
    (void)state;
    for (int i = 0; i < FX_ENGINE_STORM_ALARMS + 5; i++)
        tell_alarm("deployment", FX_ALARM_STATE_NOTE);
    wait(0);
    assert_int_equal(cards("Not an alarm with a state"), FX_ENGINE_STORM_ALARMS);
    assert_says(storm_card(), "Alarm storm: 5 alarms");
    assert_int_equal(incidents(true), 0);
    assert_int_equal(incidents(false), 5);
}

static void an_alarm_of_a_storm_gets_a_card_when_somebody_wants_one(void **state) {
    struct fx_error err = {0};
    struct engine_rig *rig = *state;
    struct fx_store *store = rig->engine.options.store;
    struct fx_incident *incident = NULL;

    raise("a", FX_ENGINE_STORM_ALARMS + 1);
    assert_ok(store->incident_by_key(store, rig->sc, "fluxa", "a-10", &incident, &err));
    assert_int_equal(cards("\"text\":\"Medium: a-10 "), 0);
    assert_ok(engine_incident_show(&rig->work, incident->id, &err));
    engine_rig_keep(rig);
    assert_int_equal(cards("\"text\":\"Medium: a-10 "), 1);
    end("a-1", 1); /* "a-1-0" is nobody */
    tell_alarm("a-10", FX_ALARM_STATE_OK);
    assert_int_equal(cards("a-10 is OK again"), 0); /* its card is not posted yet, so its thread
                                                       waits */
    assert_int_equal(cards("Resolved: a-10"), 1);
}

/* Eight notifications of one alarm at once: one of them writes, the others look anew. */
static void an_alarm_that_is_looked_at_again_counts_once(void **state) {
    (void)state;
    for (int i = 0; i < FX_ENGINE_STORM_ALARMS * 2; i++)
        look_at_alarm("same", FX_ALARM_STATE_ALARM);
    tell_alarm("same", FX_ALARM_STATE_ALARM);
    raise("a", FX_ENGINE_STORM_ALARMS - 1);
    wait(FX_ENGINE_STORM_CARD_MS);
    assert_int_equal(cards("Alarm storm"), 0);
    raise("b", 1);
    wait(FX_ENGINE_STORM_CARD_MS);
    assert_int_equal(cards("Alarm storm"), 1);
}

#define STORM_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, engine_rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORM_TEST(as_many_as_people_can_read_are_told_one_by_one),
        STORM_TEST(one_too_many_and_all_after_it_share_a_card),
        STORM_TEST(the_card_waits_a_while_between_two_edits),
        STORM_TEST(it_ends_after_silence_and_lists_who_is_still_open),
        STORM_TEST(a_few_critical_ones_have_cards_of_their_own),
        STORM_TEST(those_on_call_are_paged_for_some_and_once_for_all_others),
        STORM_TEST(events_without_a_state_join_as_well),
        STORM_TEST(an_alarm_that_is_looked_at_again_counts_once),
        STORM_TEST(an_alarm_of_a_storm_gets_a_card_when_somebody_wants_one),
    };

    return cmocka_run_group_tests_name("engine storm", tests, NULL, NULL);
}
