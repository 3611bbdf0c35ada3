/* engine_anchor_freeze_test.c - what of the audit log and its anchors freezes changes, and what
 * ends that. */
#include "engine_anchor_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t gauge(struct anchor_rig *rig) {
    return fx_metrics_get(rig->engine.options.metrics, FX_METRIC_CHANGES_FROZEN);
}

/* ---- the freeze ---- */

static void a_log_that_ends_before_its_anchor_freezes_changes_once(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 3);
    anchor_rig_foreign(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "ends at row 3"));
    assert_non_null(strstr(err.message, "vouches for row 9"));
    assert_non_null(strstr(err.message, "audit accept --reason"));
    assert_int_equal(gauge(rig), 1);
    assert_int_equal(anchor_rig_messages(rig), 1);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->clock.wall_ms += MINUTE_MS;
    anchor_rig_look(rig);
    assert_int_equal(anchor_rig_messages(rig), 1);
    assert_string_equal(anchor_rig_anchored(rig), "9 "); /* nothing is put behind it */
    anchor_rig_add_rows(rig, FX_ENGINE_ANCHOR_ROWS);
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(anchor_rig_jobs_now(rig), 0); /* nor is it looked at every ten seconds */
}

static void a_row_of_another_hash_freezes_changes_also_while_the_engine_runs(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 3);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_ok(anchor_rig_frozen(rig, &err));
    anchor_rig_foreign(rig, 2, NOW_MS);
    anchor_rig_look(rig);
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "row 2"));
    assert_string_equal(anchor_rig_anchored(rig), "2 ");
}

static void anchor_in(struct anchor_rig *rig, const char *file, const char *place) {
    rig->engine.options.anchor_file = file;
    rig->engine.options.place = place;
}

/* Or is a copy from before. */
static void a_file_that_has_lost_its_anchors_freezes_changes(void **state) {
    for (int kept = 0; kept < 2; kept++) {
        struct anchor_rig *rig = *state;
        const char *file = rig->engine.options.anchor_file;
        struct fx_error err = {0};

        anchor_in(rig, file, "host:config");
        struct stat before = {0};

        anchor_rig_add_rows(rig, 1);
        anchor_rig_look(rig);
        assert_int_equal(stat(file, &before), 0);
        anchor_rig_add_rows(rig, 1);
        anchor_rig_look(rig);
        assert_string_equal(anchor_rig_anchored(rig), "1 2 ");
        assert_int_equal(truncate(file, kept == 1 ? before.st_size : 0), 0);
        anchor_in(rig, fx_printf(rig->sc, "%s.moved", file), "host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        anchor_in(rig, file, "another host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_ok(anchor_rig_frozen(rig, &err)); /* these have lost nothing */
        anchor_in(rig, file, "host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
        assert_non_null(strstr(err.message, kept == 1 ? "vouched for row 2 of the audit log, and "
                                                        "now ends at row 1"
                                                      : "now has none, or is gone"));
        anchor_rig_look(rig); /* none follows it, until somebody says why */
        assert_string_equal(anchor_rig_anchored(rig), kept == 1 ? "1 " : "");
        struct fx_anchor *anchor = NULL;

        assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", "a new disk",
                                         &anchor, &err));
        anchor_rig_look(rig);
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_ok(anchor_rig_frozen(rig, &err));
        if (kept == 0) {
            anchor_rig_tear_down(state);
            anchor_rig_set_up(state);
        }
    }
}

static void a_file_that_cannot_be_read_today_has_lost_nothing(void **state) {
    struct anchor_rig *rig = *state;
    const char *file = rig->engine.options.anchor_file;
    struct fx_error err = {0};

    anchor_in(rig, file, "host:config");
    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    assert_int_equal(rename(file, fx_printf(rig->sc, "%s.kept", file)), 0);
    assert_int_equal(mkdir(file, 0700), 0); /* what is there is no file */
    assert_ok(engine_anchor_start(&rig->engine, &err));
    anchor_rig_look(rig);
    assert_ok(anchor_rig_frozen(rig, &err));
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_FAILED), 1);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(rename(fx_printf(rig->sc, "%s.kept", file), file), 0);
}

static void a_log_that_fits_its_anchors_freezes_nothing(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(engine_anchor_start(&rig->engine, &err)); /* no log, no file */
    for (int i = 0; i < 5; i++) {
        anchor_rig_add_rows(rig, i);
        anchor_rig_look(rig);
        assert_ok(engine_anchor_start(&rig->engine, &err));
    }
    assert_ok(anchor_rig_frozen(rig, &err));
    assert_int_equal(gauge(rig), 0);
    assert_int_equal(anchor_rig_messages(rig), 0);
}

static void set_freeze(struct anchor_rig *rig, const char *value) {
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_setting(rig->sc, &writes, "freeze", value);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
}

static void a_freeze_that_cannot_be_read_freezes(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    set_freeze(rig, "nonsense");
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "month end"));
    assert_null(strstr(err.message, "accept"));
    set_freeze(rig, "");
    assert_ok(anchor_rig_frozen(rig, &err));
    struct fx_writes writes = {0};

    fx_writes_setting(rig->sc, &writes, ENGINE_FREEZE_LOG_SETTING, "nonsense");
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "audit accept")); /* it is the log's all the same */
}

static void a_person_s_freeze_is_told_with_the_log_s(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_error err = {0};

    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    anchor_rig_add_rows(rig, 1);
    anchor_rig_foreign(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "vouches for row 9"));
    assert_non_null(strstr(err.message, "month end; an admin ends this with unfreeze"));
}

static enum fx_effect unkeyed(const struct fx_json *params) {
    return FX_EFFECT_UNKEYED;
}

static void approve(struct anchor_rig *rig, const struct fx_run *row, const char *id) {
    struct fx_approval approval = {.id = id, .run = row->id, .expires_ms = NOW_MS + MINUTE_MS};
    struct fx_approval given = {.id = id,
                                .state = FX_APPROVAL_APPROVED,
                                .decided_by = "U2",
                                .decided_ms = NOW_MS,
                                .execute_before_ms = NOW_MS + 60 * MINUTE_MS};
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    fx_writes_run(rig->sc, &writes, row);
    fx_writes_approval(rig->sc, &writes, &approval);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
    assert_ok(rig->store->decide(rig->store, rig->sc, &given, NULL, &err));
}

/* Begins a change, or the end of one, in a run that has been approved. */
static enum fx_code begin(struct anchor_rig *rig, bool is_stop, bool ends_one,
                          struct fx_error *err) {
    static int runs = 0;
    struct engine_work work = anchor_rig_work(rig);
    struct fx_step_kind kind = {.name = "x", .is_stop = is_stop, .effect = unkeyed};
    struct fx_runbook_step step = {.id = "redrive", .kind = &kind};
    struct fx_run row = {.id = fx_printf(rig->sc, "run-%d", runs++),
                         .system = "fluxa",
                         .environment = "dev",
                         .command = "dlq redrive",
                         .stop_requested = ends_one};
    struct fx_approval approval = {
        .id = fx_printf(rig->sc, "apr-%s", row.id), .decided_by = "U2", .digest = "d"};
    struct engine_run run = {.work = &work, .row = &row};
    struct fx_step_host *host = engine_host_new(&run, &step, &approval);

    row.runbook_digest = row.arguments_json = row.trigger = row.requester = row.channel = "";
    row.response_url = row.parent = row.incident = row.note = row.values_json = "";
    row.checkpoint_json = row.stop_by = "";
    approve(rig, &row, approval.id);
    return (ends_one ? host->begin_stop : host->begin_effect)(host, rig->sc, "k",
                                                              fx_json_object(rig->sc), err);
}

static void no_change_begins_while_frozen_but_what_stops_one(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    set_freeze(rig, "{\"by\":\"audit\",\"at\":5,\"reason\":\"an old backup\"}");
    assert_int_equal(begin(rig, false, false, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "an old backup"));
    assert_ok(rig->store->intents(rig->store, rig->sc, "run-0-0", "", &intents, &count, &err));
    assert_int_equal(count, 0);
    assert_ok(begin(rig, true, false, &err));
    assert_ok(begin(rig, false, true, &err));
    set_freeze(rig, "");
    assert_ok(begin(rig, false, false, &err));
}

/* ---- accepting ---- */

static void an_operator_s_reason_ends_the_freeze_and_is_told(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 3);
    anchor_rig_foreign(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->clock.wall_ms += MINUTE_MS;
    assert_int_equal(
        fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", " ", &anchor, &err),
        FX_ERR_INPUT);
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op",
                                     "restored after a disk fault", &anchor, &err));
    assert_ok(anchor_rig_frozen(rig, &err));
    assert_int_equal(anchor_rig_jobs_now(rig), 1);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_ok(anchor_rig_frozen(rig, &err));
    struct fx_writes writes = anchor_rig_look(rig);

    assert_int_equal(writes.messages_count, 1);
    assert_non_null(strstr(writes.messages[0]->payload_json, "restored after a disk fault"));
    assert_int_equal(anchor_rig_look(rig).messages_count, 0);
    anchor_rig_add_rows(rig, 1);
    anchor_rig_look(rig);
    assert_string_equal(anchor_rig_anchored(rig), "9 5! 6 ");
    struct fx_audit **rows = NULL;
    size_t count = 0;

    assert_ok(rig->store->audits(rig->store, rig->sc, 4, 2, &rows, &count, &err));
    assert_string_equal(rows[0]->action, "changes.frozen");
    assert_string_equal(rows[1]->action, "audit.accepted");
    assert_string_equal(rows[1]->actor, "terminal:op");
    assert_non_null(strstr(rows[1]->detail_json, "restored after a disk fault"));
}

static void accepting_does_not_end_a_freeze_of_somebody_else(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 3);
    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", "as it is",
                                     &anchor, &err));
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "month end"));
}

/* Whoever cannot write the anchor must not end the freeze. */
static void without_an_anchor_nothing_is_accepted(void **state) {
    struct anchor_rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    anchor_rig_add_rows(rig, 3);
    anchor_rig_foreign(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->engine.options.anchor_file = rig->dir;
    assert_int_equal(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op",
                                            "as it is", &anchor, &err),
                     FX_ERR_UNAVAILABLE);
    assert_int_equal(anchor_rig_frozen(rig, &err), FX_ERR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ANCHOR_TEST(a_log_that_ends_before_its_anchor_freezes_changes_once),
        ANCHOR_TEST(a_row_of_another_hash_freezes_changes_also_while_the_engine_runs),
        ANCHOR_TEST(a_file_that_has_lost_its_anchors_freezes_changes),
        ANCHOR_TEST(a_file_that_cannot_be_read_today_has_lost_nothing),
        ANCHOR_TEST(a_log_that_fits_its_anchors_freezes_nothing),
        ANCHOR_TEST(a_freeze_that_cannot_be_read_freezes),
        ANCHOR_TEST(a_person_s_freeze_is_told_with_the_log_s),
        ANCHOR_TEST(no_change_begins_while_frozen_but_what_stops_one),
        ANCHOR_TEST(an_operator_s_reason_ends_the_freeze_and_is_told),
        ANCHOR_TEST(accepting_does_not_end_a_freeze_of_somebody_else),
        ANCHOR_TEST(without_an_anchor_nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
