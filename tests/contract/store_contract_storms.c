/* store_contract_storms.c - storms of alarms: who belongs to one, and who tells of it. */
#include "contract/store_contract.h"

#include <string.h>

static struct fx_storm *begin_storm(struct contract *c, const char *id, const char *channel) {
    const struct fx_storm given = {.id = id, .channel = channel, .began_ms = 1000};
    struct fx_storm *storm = NULL;
    struct fx_error err;

    assert_ok(c->store->storm_begin(c->store, c->sc, &given, &storm, &err));
    assert_non_null(storm);
    return storm;
}

static struct fx_storm *storm_at(struct contract *c, const char *id) {
    struct fx_storm *storm = NULL;
    struct fx_error err;

    assert_ok(c->store->storm(c->store, c->sc, id, &storm, &err));
    return storm;
}

static enum fx_code join(struct contract *c, const char *storm, int n, const char *severity,
                         int rank, bool open) {
    struct fx_writes w = {0};
    struct fx_error err;
    const char *id = fx_printf(c->sc, "inc-%d", n);

    fx_writes_incident(
        c->sc, &w,
        &(struct fx_incident){.id = id,
                              .system = "fluxa",
                              .key = id,
                              .title = fx_printf(c->sc, "alarm %d", n),
                              .severity = severity,
                              .state = open ? FX_INCIDENT_OPEN : FX_INCIDENT_CLOSED});
    fx_writes_storm_member(c->sc, &w,
                           &(struct fx_storm_member){.storm = storm,
                                                     .incident = id,
                                                     .system = "fluxa",
                                                     .severity = severity,
                                                     .rank = rank,
                                                     .prefix = n % 2 ? "odd" : "even"});
    return c->store->write(c->store, c->sc, NULL, &w, &err);
}

static enum fx_code told(struct contract *c, const struct fx_storm *seen, int64_t at_ms,
                         int64_t ended_ms) {
    struct fx_writes w = {0};
    struct fx_storm now = *seen;
    struct fx_error err;

    now.told = seen->news;
    now.told_ms = at_ms;
    now.ended_ms = ended_ms;
    fx_writes_storm_told(c->sc, &w, &now, seen->told_ms);
    return c->store->write(c->store, c->sc, NULL, &w, &err);
}

static size_t due(struct contract *c, int64_t told_before_ms, int64_t quiet_since_ms) {
    struct fx_storm **storms = NULL;
    struct fx_error err;
    size_t count = 0;

    assert_ok(c->store->storms_due(c->store, c->sc, told_before_ms, quiet_since_ms, &storms, &count,
                                   &err));
    return count;
}

static void one_goes_on_in_a_channel_at_a_time(void **state) {
    struct contract *c = *state;
    struct fx_storm *storm = NULL;
    struct fx_error err;

    assert_string_equal(begin_storm(c, "s1", "C1")->id, "s1");
    assert_string_equal(begin_storm(c, "s2", "C1")->id, "s1");
    assert_string_equal(begin_storm(c, "s3", "C2")->id, "s3");
    assert_null(storm_at(c, "s2"));
    assert_int_equal(told(c, storm_at(c, "s1"), 2000, 2000), FX_OK);
    assert_ok(c->store->storm_of(c->store, c->sc, "C1", &storm, &err));
    assert_null(storm);
    assert_string_equal(begin_storm(c, "s4", "C1")->id, "s4");
}

static void who_joins_twice_counts_once_and_is_news_twice(void **state) {
    struct contract *c = *state;
    struct fx_writes w = {0};

    begin_storm(c, "s1", "C1");
    assert_int_equal(join(c, "s1", 1, "high", 1, true), FX_OK);
    int64_t news = storm_at(c, "s1")->news;
    assert_int_equal(storm_at(c, "s1")->count, 1);
    assert_int_equal(storm_at(c, "s1")->last_ms, CONTRACT_NOW_MS);
    fx_writes_storm_member(c->sc, &w,
                           &(struct fx_storm_member){.storm = "s1", .incident = "inc-1"});
    fx_writes_storm_member(c->sc, &w, &(struct fx_storm_member){.storm = "s1"});
    contract_write(c, &w);
    assert_int_equal(storm_at(c, "s1")->count, 1);
    assert_int_equal(storm_at(c, "s1")->news, news + 2);
}

static void nobody_joins_a_storm_that_is_over_and_none_ends_under_who_joins(void **state) {
    struct contract *c = *state;
    struct fx_incident *incident = NULL;
    struct fx_error err;

    struct fx_storm *seen = begin_storm(c, "s1", "C1");
    assert_int_equal(join(c, "s1", 1, "high", 1, true), FX_OK);
    assert_int_equal(told(c, seen, 2000, 2000), FX_ERR_CONFLICT);
    assert_int_equal(told(c, storm_at(c, "s1"), 2000, 2000), FX_OK);
    assert_int_equal(join(c, "s1", 2, "high", 1, true), FX_ERR_CONFLICT);
    assert_ok(c->store->incident(c->store, c->sc, "inc-2", &incident, &err));
    assert_null(incident); /* all of it is done again, outside the storm */
}

static void of_two_that_tell_one_does(void **state) {
    struct contract *c = *state;

    begin_storm(c, "s1", "C1");
    assert_int_equal(join(c, "s1", 1, "high", 1, true), FX_OK);
    struct fx_storm *seen = storm_at(c, "s1");
    assert_int_equal(told(c, seen, 2000, 0), FX_OK);
    assert_int_equal(told(c, seen, 2001, 0), FX_ERR_CONFLICT);
}

static void news_are_due_after_a_pause_and_silence_is_due_too(void **state) {
    struct contract *c = *state;

    begin_storm(c, "s1", "C1");
    assert_int_equal(due(c, 0, 0), 1);
    assert_int_equal(join(c, "s1", 1, "high", 1, true), FX_OK);
    assert_int_equal(told(c, storm_at(c, "s1"), 5000, 0), FX_OK);
    assert_int_equal(due(c, 5000, 0), 0);
    assert_int_equal(join(c, "s1", 2, "high", 1, true), FX_OK);
    assert_int_equal(due(c, 4999, 0), 0);
    assert_int_equal(due(c, 5000, 0), 1);
    assert_int_equal(told(c, storm_at(c, "s1"), 6000, 0), FX_OK);
    assert_int_equal(due(c, 6000, CONTRACT_NOW_MS - 1), 0);
    assert_int_equal(due(c, 6000, CONTRACT_NOW_MS), 1);
    contract_reopen(c);
    assert_int_equal(told(c, storm_at(c, "s1"), 7000, 7000), FX_OK);
    assert_int_equal(due(c, 9000, CONTRACT_NOW_MS), 0);
}

static void alarms_are_counted_by_kind_and_listed_open_and_worst_first(void **state) {
    struct contract *c = *state;
    struct fx_storm_group **groups = NULL;
    struct fx_incident **incidents = NULL;
    struct fx_error err;
    size_t count = 0;

    begin_storm(c, "s1", "C1");
    assert_int_equal(join(c, "s1", 1, "medium", 2, true), FX_OK);
    assert_int_equal(join(c, "s1", 2, "critical", 0, false), FX_OK);
    assert_int_equal(join(c, "s1", 3, "medium", 2, false), FX_OK);
    assert_int_equal(join(c, "s1", 4, "high", 1, true), FX_OK);
    assert_ok(c->store->storm_groups(c->store, c->sc, "s1", &groups, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(groups[0]->severity, "medium");
    assert_string_equal(groups[0]->prefix, "odd");
    assert_int_equal(groups[0]->count, 2);
    assert_int_equal(groups[0]->open, 1);
    assert_ok(c->store->storm_incidents(c->store, c->sc, "s1", 0, 10, &incidents, &count, &err));
    assert_int_equal(count, 4);
    assert_string_equal(incidents[0]->id, "inc-4");
    assert_string_equal(incidents[1]->id, "inc-1");
    assert_string_equal(incidents[2]->id, "inc-2");
    assert_ok(c->store->storm_incidents(c->store, c->sc, "s1", 3, 10, &incidents, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(incidents[0]->id, "inc-3");
}

static void change_state(struct contract *c, const char *id, enum fx_incident_state state) {
    struct fx_writes w = {0};
    struct fx_incident *incident = NULL;
    struct fx_error err;

    assert_ok(c->store->incident(c->store, c->sc, id, &incident, &err));
    incident->state = state;
    fx_writes_incident(c->sc, &w, incident);
    contract_write(c, &w);
}

static int64_t open_of(struct contract *c, const char *storm) {
    struct fx_storm_group **groups = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t open = 0;

    assert_ok(c->store->storm_groups(c->store, c->sc, storm, &groups, &count, &err));
    for (size_t i = 0; i < count; i++)
        open += groups[i]->open;
    return open;
}

static void who_ends_or_begins_again_is_counted_anew(void **state) {
    struct contract *c = *state;
    struct fx_incident **incidents = NULL;
    struct fx_error err;
    size_t count = 0;

    begin_storm(c, "s1", "C1");
    assert_int_equal(join(c, "s1", 1, "critical", 0, true), FX_OK);
    assert_int_equal(join(c, "s1", 2, "high", 1, true), FX_OK);
    change_state(c, "inc-1", FX_INCIDENT_CLOSED);
    assert_int_equal(open_of(c, "s1"), 1);
    assert_ok(c->store->storm_incidents(c->store, c->sc, "s1", 0, 10, &incidents, &count, &err));
    assert_string_equal(incidents[0]->id, "inc-2");
    assert_string_equal(incidents[1]->id, "inc-1");
    assert_int_equal(incidents[1]->state, FX_INCIDENT_CLOSED);
    contract_reopen(c);
    change_state(c, "inc-1", FX_INCIDENT_OPEN);
    assert_int_equal(open_of(c, "s1"), 2);
}

/* ---- many at once ---- */

enum { JOINERS = 4, JOINED_EACH = 25 };

struct joiner {
    struct contract *c;
    int number;
    bool failed;
};

static void *run_joiner(void *item) {
    struct joiner *joiner = item;
    struct fx_store *store = joiner->c->store;

    for (int i = 0; i < JOINED_EACH && !joiner->failed; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        const struct fx_storm given = {
            .id = fx_printf(sc, "s-%d-%d", joiner->number, i), .channel = "C1", .began_ms = 1};
        struct fx_writes w = {0};
        struct fx_storm *storm = NULL;
        struct fx_error err;

        joiner->failed = store->storm_begin(store, sc, &given, &storm, &err) != FX_OK;
        if (!joiner->failed) {
            const struct fx_storm_member member = {.storm = storm->id,
                                                   .incident = fx_printf(sc, "i-%s", given.id),
                                                   .system = "fluxa",
                                                   .severity = "low",
                                                   .prefix = "p"};
            fx_writes_storm_member(sc, &w, &member);
            joiner->failed = store->write(store, sc, NULL, &w, &err) != FX_OK;
        }
        fx_scope_free(sc);
    }
    return NULL;
}

static void many_that_begin_at_once_share_one_storm(void **state) {
    struct contract *c = *state;
    struct joiner joiners[JOINERS];
    struct fx_storm *storm = NULL;
    struct fx_error err;

    for (int i = 0; i < JOINERS; i++)
        joiners[i] = (struct joiner){.c = c, .number = i};
    contract_threads(JOINERS, run_joiner, joiners, sizeof(joiners[0]));
    for (int i = 0; i < JOINERS; i++)
        assert_false(joiners[i].failed);
    assert_ok(c->store->storm_of(c->store, c->sc, "C1", &storm, &err));
    assert_int_equal(storm->count, JOINERS * JOINED_EACH);
}

int store_contract_storms(struct contract_backend *backend) {
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(one_goes_on_in_a_channel_at_a_time),
        CONTRACT_TEST(who_joins_twice_counts_once_and_is_news_twice),
        CONTRACT_TEST(nobody_joins_a_storm_that_is_over_and_none_ends_under_who_joins),
        CONTRACT_TEST(of_two_that_tell_one_does),
        CONTRACT_TEST(news_are_due_after_a_pause_and_silence_is_due_too),
        CONTRACT_TEST(alarms_are_counted_by_kind_and_listed_open_and_worst_first),
        CONTRACT_TEST(who_ends_or_begins_again_is_counted_anew),
        CONTRACT_TEST(many_that_begin_at_once_share_one_storm),
    };

    return cmocka_run_group_tests_name("store storms", tests, NULL, NULL);
}
