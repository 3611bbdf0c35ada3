/* engine_host_test.c - what a step may ask of its host besides promises: to keep where it stands,
 * to show how far it is, to hear of a Stop. */
#include "changing.h"

#include <string.h>

static void whoever_lost_the_claim_keeps_no_checkpoint(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_ok(c->host->checkpoint(c->host, rig->sc, engine_rig_json(rig, "{}"), &err));
    rig->clock.wall_ms += FX_ENGINE_LEASE_MS + 1;
    claim(rig);
    assert_int_equal(c->host->checkpoint(c->host, rig->sc, engine_rig_json(rig, "{}"), &err),
                     FX_ERR_CANCELED);
}

/* A command that another one runs, or a terminal: it is read anew after a crash. */
static void a_run_without_a_row_keeps_no_checkpoint_and_is_none_the_worse(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_READ);
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    c->run.has_no_row = true;
    assert_ok(c->host->checkpoint(c->host, rig->sc, engine_rig_json(rig, "{'at':1}"), &err));
    assert_string_equal(c->run.row->checkpoint_json, "");
    assert_ok(c->store->run(c->store, rig->sc, "r1", &row, &err));
    assert_string_equal(row->checkpoint_json, "");
    c->run.has_no_row = false;
    assert_ok(c->host->checkpoint(c->host, rig->sc, engine_rig_json(rig, "{'at':1}"), &err));
    assert_ok(c->store->run(c->store, rig->sc, "r1", &row, &err));
    assert_string_equal(row->checkpoint_json, "{\"at\":1}");
}

static const char *shown(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_message **messages = NULL;
    struct fx_error err;
    int64_t next_ms = 0;
    size_t count = 0;

    assert_ok(store->outbox_ready(store, rig->sc, rig->clock.wall_ms, 10, &messages, &count,
                                  &next_ms, &err));
    return count == 0 ? "" : messages[0]->payload_json;
}

static void show(struct changing *c, const char *progress) {
    c->host->progress(c->host, c->rig->sc, engine_rig_json(c->rig, progress));
}

static void progress_is_shown_now_and_then_and_only_of_changes(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);

    rig->clock.mono_ms = 1;
    rig->runbook.effect = FX_EFFECT_READ;
    show(c, "{'text':'one'}");
    assert_string_equal(shown(rig), "");
    rig->runbook.effect = FX_EFFECT_UNKEYED;
    show(c, "{'text':'two','done':1,'total':2}");
    assert_non_null(strstr(shown(rig), "Two."));
    assert_non_null(strstr(shown(rig), "Stop"));
    show(c, "{'text':'three'}"); /* too soon */
    assert_non_null(strstr(shown(rig), "Two."));
    rig->clock.mono_ms += FX_ENGINE_PROGRESS_MS;
    show(c, "{'text':'four'}");
    assert_non_null(strstr(shown(rig), "Four."));
    c->host = engine_host_new(&c->run, &c->step, NULL);
    show(c, "{}");
    assert_non_null(strstr(shown(rig), "Working."));
    assert_null(strstr(shown(rig), "approved by"));
}

static void who_approved_is_named_while_it_runs_all_of_them(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);

    rig->runbook.effect = FX_EFFECT_UNKEYED;
    c->run.values = fx_json_object(rig->sc);
    show(c, "{}");
    assert_non_null(strstr(shown(rig), "approved by "));
    assert_null(strstr(shown(rig), "U0FIRST001"));
    fx_json_put(c->run.values, c->approval.step,
                engine_rig_json(rig, "{'by':'U0LAST0002','all':['U0FIRST001','U0LAST0002']}"));
    rig->clock.mono_ms += FX_ENGINE_PROGRESS_MS;
    show(c, "{}");
    const char *card = shown(rig);

    assert_non_null(strstr(card, "U0FIRST001"));
    assert_true(strstr(card, "U0FIRST001") < strstr(card, "U0LAST0002"));
}

/* A button cannot carry so long an id. */
static void progress_that_cannot_be_drawn_is_no_reason_to_end(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    char *id = fx_alloc(rig->sc, 4001);

    memset(id, 'x', 4000);
    rig->runbook.effect = FX_EFFECT_UNKEYED;
    c->run.row->id = id;
    show(c, "{'text':'one'}");
    assert_string_equal(shown(rig), "");
}

static void a_stop_that_was_seen_stays_seen(void **state) {
    struct engine_rig *rig = *state;
    struct changing *c = begin(rig, FX_EFFECT_UNKEYED);
    struct fx_error err = {0};

    assert_false(c->host->stop_requested(c->host, rig->sc));
    assert_ok(c->store->request_stop(c->store, rig->sc, "r1", "U3", NULL, &err));
    assert_true(c->host->stop_requested(c->host, rig->sc));
    assert_string_equal(c->run.row->stop_by, "U3");
    c->run.row->id = "nobody";
    assert_true(c->host->stop_requested(c->host, rig->sc));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_rig_set_up, engine_rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whoever_lost_the_claim_keeps_no_checkpoint),
        TEST(a_run_without_a_row_keeps_no_checkpoint_and_is_none_the_worse),
        TEST(progress_is_shown_now_and_then_and_only_of_changes),
        TEST(who_approved_is_named_while_it_runs_all_of_them),
        TEST(progress_that_cannot_be_drawn_is_no_reason_to_end),
        TEST(a_stop_that_was_seen_stays_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
