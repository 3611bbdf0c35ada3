/* engine_incident_watch_test.c - what the clock does to an alarm: nobody acknowledges it and
 * on-call is paged, once; a snooze ends; and what several alarms together propose. */
#include "support/test.h"

#include "engine_rig.h"
#include "notices.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000, ACK_MS = 10 * MINUTE_MS };

static const char *const high[] = {"high-*"}, *const worst[] = {"critical-*"},
                         *const quiet[] = {"quiet-*"};
static const struct fx_alarm_route routes[] = {
    {.name = "high", .patterns = high, .patterns_count = 1, .severity = "high", .page = true},
    {.name = "worst", .patterns = worst, .patterns_count = 1, .severity = "critical", .page = true},
    {.name = "quiet", .patterns = quiet, .patterns_count = 1, .severity = "low"},
};
static const struct fx_step_kind look = {.name = "look"};
static const struct fx_runbook_step steps[] = {{.id = "a", .kind = &look}};
static const struct fx_runbook commands[] = {{.command = "incident sev1",
                                              .digest = "d",
                                              .button = "Severity 1",
                                              .role = "operator",
                                              .steps = steps,
                                              .steps_count = 1}};
static const char *const together[] = {"high", "worst"};
static const struct fx_proposal proposals[] = {{.command = "incident sev1",
                                                .text = "all is down",
                                                .alarms = together,
                                                .alarms_count = 2,
                                                .at_least = 2}};

static struct watch_rig {
    struct engine_rig *rig;
    struct fx_system fluxa;
    int told;                              /* alarms so far */
    int triggered, acknowledged, resolved; /* pages that were written */
    int said;                              /* cards in threads */
} w;

static int set_up(void **state) {
    engine_rig_set_up(state);
    struct engine_rig *rig = *state;

    w = (struct watch_rig){.rig = rig,
                           .fluxa = {.name = "fluxa",
                                     .routes = routes,
                                     .routes_count = FX_COUNT_OF(routes),
                                     .runbooks = commands,
                                     .runbooks_count = FX_COUNT_OF(commands),
                                     .proposals = proposals,
                                     .proposals_count = FX_COUNT_OF(proposals)}};
    rig->system.system = &w.fluxa;
    rig->system.default_environment = "dev";
    rig->system.ack_timeout_ms = ACK_MS;
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    /* only asked whether it is there: the outbox sends */
    rig->engine.options.pagerduty = (struct fx_pagerdutyapi *)(void *)&w;
    return 0;
}

/* ---- what happens ---- */

static void begin(const char *kind, const char *subject) {
    w.rig->job = (struct fx_job){.kind = kind, .subject = subject};
    w.rig->work = (struct engine_work){.engine = &w.rig->engine,
                                       .sc = w.rig->sc,
                                       .job = &w.rig->job,
                                       .now_ms = w.rig->clock.wall_ms};
}

static void keep(void) {
    const struct fx_writes *writes = &w.rig->work.writes;

    for (size_t i = 0; i < writes->messages_count; i++) {
        const struct fx_message *message = writes->messages[i];
        bool page = message->kind == FX_MESSAGE_PAGE;

        w.triggered += page && strstr(message->payload_json, "\"trigger\"") != NULL;
        w.acknowledged += page && strstr(message->payload_json, "\"acknowledge\"") != NULL;
        w.resolved += page && strstr(message->payload_json, "\"resolve\"") != NULL;
        w.said += !page && message->parent[0] != '\0';
    }
    engine_rig_keep(w.rig);
}

static void decide(const char *name, enum fx_alarm_state alarm_state) {
    struct fx_error err = {0};

    begin("event", fx_printf(w.rig->sc, "e%d", ++w.told));
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
                                   .changed_ms = w.rig->clock.wall_ms};

    assert_ok(engine_alarm(&w.rig->work, &w.rig->system, "dev", &alarm, NULL, &err));
}

static void tell(const char *name, enum fx_alarm_state alarm_state) {
    decide(name, alarm_state);
    keep();
}

static void wait(int64_t ms) {
    w.rig->clock.wall_ms += ms;
    w.rig->clock.mono_ms += ms;
}

static struct fx_incident *incident(const char *name) {
    struct fx_store *store = w.rig->engine.options.store;
    struct fx_incident *found = NULL;
    struct fx_error err = {0};

    assert_ok(store->incident_by_key(store, w.rig->sc, "fluxa", name, &found, &err));
    assert_non_null(found);
    return found;
}

static const struct fx_json *body(const char *name) {
    struct fx_json *parsed = NULL;
    struct fx_error err = {0};

    assert_ok(fx_json_parse(w.rig->sc, fx_slice_of(incident(name)->body_json), &parsed, &err));
    return parsed;
}

/* The time of the job that looks after it; 0 when there is none. A look begins by taking it. */
static int64_t next_look(const char *name) {
    struct fx_store *store = w.rig->engine.options.store;
    struct fx_job **jobs = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(store->jobs(store, w.rig->sc, FX_JOB_READY, 1000, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(jobs[i]->kind, "watch") == 0 &&
            strcmp(jobs[i]->subject, incident(name)->id) == 0)
            return jobs[i]->due_ms;
    return 0;
}

/* A look that is not written yet, as if its worker died behind it. */
static void look_at(const char *name) {
    struct fx_error err = {0};

    begin("watch", incident(name)->id);
    assert_ok(engine_watch(&w.rig->work, &err));
}

static void watch(const char *name) {
    look_at(name);
    keep();
}

static void acknowledge(const char *name) {
    struct fx_error err = {0};

    begin("event", "click");
    assert_ok(engine_acknowledge(&w.rig->work, incident(name)->id, "U1", &err));
    keep();
}

static void snooze(const char *name, int64_t for_ms) {
    struct fx_error err = {0};

    begin("event", "click");
    assert_ok(engine_snooze(&w.rig->work, incident(name)->id, "U1", for_ms, &err));
    keep();
}

static size_t audited(const char *name, const char *action) {
    struct fx_store *store = w.rig->engine.options.store;
    struct fx_audit **rows = NULL;
    struct fx_error err = {0};
    size_t count = 0, found = 0;

    assert_ok(store->audits_of(store, w.rig->sc, incident(name)->id, 100, &rows, &count, &err));
    for (size_t i = 0; i < count; i++)
        found += strcmp(rows[i]->action, action) == 0;
    return found;
}

/* ---- acknowledging in time ---- */

static void what_nobody_acknowledges_is_paged_once(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    assert_int_equal(w.triggered, 0);
    assert_int_equal(fx_json_get_int(body("high-1"), "page_due", 0), RIG_NOW_MS + ACK_MS);
    wait(ACK_MS - 1);
    watch("high-1"); /* too early */
    assert_int_equal(w.triggered, 0);
    wait(1);
    watch("high-1");
    assert_int_equal(w.triggered, 1);
    assert_true(incident("high-1")->paged);
    assert_int_equal(audited("high-1", "page.triggered"), 1);
    assert_int_equal(w.said, 1);
    for (int i = 0; i < 3; i++) { /* a job may come twice */
        wait(ACK_MS);
        watch("high-1");
    }
    assert_int_equal(w.triggered, 1);
    assert_int_equal(w.said, 1);
}

/* Page and incident are one transaction: of a look that was not written nothing is left. */
static void a_look_that_is_lost_is_made_again_and_pages_once(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(ACK_MS);
    look_at("high-1");
    assert_false(incident("high-1")->paged);
    watch("high-1");
    look_at("high-1");
    assert_int_equal(w.rig->work.writes.messages_count, 0);
    assert_int_equal(w.triggered, 1);
}

/* Two workers look at once: the second finds the incident changed, and does it again. */
static void of_two_looks_at_once_one_pages(void **state) {
    struct fx_store *store = w.rig->engine.options.store;
    struct fx_error err = {0};

    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(ACK_MS);
    look_at("high-1");
    const struct engine_work one = w.rig->work;

    look_at("high-1");
    const struct engine_work other = w.rig->work;

    assert_ok(store->write(store, w.rig->sc, NULL, &one.writes, &err));
    assert_int_equal(store->write(store, w.rig->sc, NULL, &other.writes, &err), FX_ERR_CONFLICT);
}

static void an_acknowledgement_in_time_pages_nobody(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(ACK_MS - 1);
    acknowledge("high-1");
    wait(ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered + w.acknowledged, 0);
    tell("high-1", FX_ALARM_STATE_OK);
    assert_int_equal(w.resolved, 0); /* PagerDuty was never told */
}

static void the_end_of_the_alarm_in_time_pages_nobody_and_its_return_waits_anew(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(ACK_MS - MINUTE_MS);
    tell("high-1", FX_ALARM_STATE_OK);
    wait(MINUTE_MS);
    watch("high-1");
    assert_int_equal(w.triggered, 0);
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(MINUTE_MS);
    watch("high-1"); /* the look of the first time comes late */
    assert_int_equal(w.triggered, 0);
    assert_true(next_look("high-1") > 0);
    wait(ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered, 1);
    tell("high-1", FX_ALARM_STATE_OK);
    assert_int_equal(w.resolved, 1);
}

static void a_critical_one_and_one_without_a_time_page_at_once(void **state) {
    (void)state;
    tell("critical-1", FX_ALARM_STATE_ALARM);
    assert_int_equal(w.triggered, 1);
    w.rig->system.ack_timeout_ms = 0;
    tell("high-1", FX_ALARM_STATE_ALARM);
    assert_int_equal(w.triggered, 2);
    acknowledge("high-1");
    assert_int_equal(w.acknowledged, 1);
}

static void switched_off_nothing_pages_by_itself(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    w.rig->system.no_automatic_pages = true; /* also for what waits already */
    wait(ACK_MS);
    watch("high-1");
    tell("critical-1", FX_ALARM_STATE_ALARM);
    wait(ACK_MS);
    watch("critical-1");
    assert_int_equal(w.triggered, 0);
    assert_false(incident("high-1")->paged || incident("critical-1")->paged);
}

static void an_alarm_that_pages_nobody_has_no_timer(void **state) {
    (void)state;
    tell("quiet-1", FX_ALARM_STATE_ALARM);
    assert_int_equal(next_look("quiet-1"), 0);
}

/* ---- snoozing ---- */

static void a_snooze_puts_the_page_off_and_ends_by_itself(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    snooze("high-1", 2 * ACK_MS);
    assert_int_equal(audited("high-1", "incident.snoozed"), 1);
    wait(ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered + w.said, 0);
    assert_int_equal(next_look("high-1") > 0, 1);
    wait(ACK_MS);
    watch("high-1");
    assert_null(fx_json_at(body("high-1"), "snooze"));
    assert_int_equal(audited("high-1", "incident.snooze_ended"), 1);
    assert_int_equal(w.triggered, 1);
    assert_int_equal(w.said, 2); /* that it is over, and that on-call is paged */
}

static void who_acknowledged_is_not_paged_when_the_snooze_ends(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    snooze("high-1", 2 * ACK_MS);
    acknowledge("high-1");
    wait(2 * ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered, 0);
    assert_int_equal(w.said, 1);
}

static void a_snooze_holds_while_the_alarm_comes_and_goes(void **state) {
    const int64_t long_ms = 3 * (int64_t)FX_INCIDENT_REOPEN_WITHIN_MS;

    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    snooze("high-1", long_ms);
    wait(MINUTE_MS);
    tell("high-1", FX_ALARM_STATE_OK);
    wait(MINUTE_MS);
    tell("high-1", FX_ALARM_STATE_ALARM); /* the same incident */
    wait(MINUTE_MS);
    tell("high-1", FX_ALARM_STATE_OK);
    const char *before = incident("high-1")->id;

    wait(2 * (int64_t)FX_INCIDENT_REOPEN_WITHIN_MS);
    tell("high-1", FX_ALARM_STATE_ALARM); /* another one */
    assert_string_not_equal(incident("high-1")->id, before);
    wait(ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered, 0);
    wait(long_ms);
    watch("high-1");
    assert_int_equal(w.triggered, 1);
}

static void ending_a_snooze_gives_time_to_acknowledge(void **state) {
    struct fx_error err = {0};

    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    snooze("high-1", 6 * ACK_MS);
    wait(2 * ACK_MS);
    begin("event", "click");
    assert_ok(engine_wake(&w.rig->work, incident("high-1")->id, "U1", &err));
    keep();
    watch("high-1");
    assert_int_equal(w.triggered, 0);
    wait(ACK_MS);
    watch("high-1");
    assert_int_equal(w.triggered, 1);
    begin("event", "click");
    assert_int_equal(engine_wake(&w.rig->work, incident("high-1")->id, "U1", &err),
                     FX_ERR_CONFLICT);
}

static void what_is_over_is_not_snoozed(void **state) {
    struct fx_error err = {0};

    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(1);
    tell("high-1", FX_ALARM_STATE_OK);
    begin("event", "click");
    assert_int_equal(engine_snooze(&w.rig->work, incident("high-1")->id, "U1", MINUTE_MS, &err),
                     FX_ERR_CONFLICT);
}

/* ---- proposals ---- */

static bool proposes(const char *name) {
    const struct fx_json *buttons = fx_json_at(body(name), "_buttons");
    const struct fx_json *last = fx_json_item(buttons, fx_json_count(buttons) - 1);

    return fx_json_at(body(name), "proposal") != NULL &&
           strcmp(fx_json_get_text(last, "command"), "incident sev1") == 0;
}

static void two_alarms_together_propose_what_one_does_not(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    watch("high-1");
    tell("quiet-1", FX_ALARM_STATE_ALARM);
    watch("high-1");
    assert_false(proposes("high-1"));
    wait(1);
    tell("critical-1", FX_ALARM_STATE_ALARM);
    assert_true(next_look("critical-1") > 0);
    watch("critical-1");
    assert_true(proposes("critical-1"));
    assert_false(proposes("quiet-1"));
    watch("critical-1"); /* once */
    assert_int_equal(fx_json_count(fx_json_at(body("critical-1"), "_buttons")), 1);
}

/* Neither sees the other when it is decided, but whoever is looked at last sees both. */
static void two_alarms_at_the_same_moment_are_seen_together(void **state) {
    struct fx_store *store = w.rig->engine.options.store;
    struct fx_error err = {0};

    (void)state;
    decide("high-1", FX_ALARM_STATE_ALARM);
    const struct engine_work one = w.rig->work;

    decide("critical-1", FX_ALARM_STATE_ALARM);
    const struct engine_work other = w.rig->work;

    assert_ok(store->write(store, w.rig->sc, NULL, &one.writes, &err));
    watch("high-1");
    assert_ok(store->write(store, w.rig->sc, NULL, &other.writes, &err));
    watch("critical-1");
    assert_true(proposes("critical-1"));
}

static void a_proposal_ends_with_its_reason(void **state) {
    (void)state;
    tell("high-1", FX_ALARM_STATE_ALARM);
    wait(1);
    tell("critical-1", FX_ALARM_STATE_ALARM);
    watch("critical-1");
    wait(1);
    tell("high-1", FX_ALARM_STATE_OK);
    tell("critical-1", FX_ALARM_STATE_OK);
    wait(MINUTE_MS);
    tell("critical-1", FX_ALARM_STATE_ALARM);
    watch("critical-1");
    assert_false(proposes("critical-1"));
    assert_int_equal(fx_json_count(fx_json_at(body("critical-1"), "_buttons")), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_acknowledges_is_paged_once),
        TEST(a_look_that_is_lost_is_made_again_and_pages_once),
        TEST(of_two_looks_at_once_one_pages),
        TEST(an_acknowledgement_in_time_pages_nobody),
        TEST(the_end_of_the_alarm_in_time_pages_nobody_and_its_return_waits_anew),
        TEST(a_critical_one_and_one_without_a_time_page_at_once),
        TEST(switched_off_nothing_pages_by_itself),
        TEST(an_alarm_that_pages_nobody_has_no_timer),
        TEST(a_snooze_puts_the_page_off_and_ends_by_itself),
        TEST(who_acknowledged_is_not_paged_when_the_snooze_ends),
        TEST(a_snooze_holds_while_the_alarm_comes_and_goes),
        TEST(ending_a_snooze_gives_time_to_acknowledge),
        TEST(what_is_over_is_not_snoozed),
        TEST(two_alarms_together_propose_what_one_does_not),
        TEST(two_alarms_at_the_same_moment_are_seen_together),
        TEST(a_proposal_ends_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
