/* engine_anchor_test.c - when heads are anchored, what freezes changes and what ends that; on a
 * real store and a real file. */
#include "support/test.h"

#include "anchors.h"

#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW_MS = 1000 * 1000 * 1000, MINUTE_MS = 60 * 1000 };

struct rig {
    struct fx_scope *sc;
    struct held_clock clock;
    struct fx_engine engine;
    struct fx_store *store;
    struct fx_engine_system system;
    char dir[64];
    size_t messages; /* written so far, all looks together */
};

static const struct fx_policy policy; /* nobody has a role */

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_error err;
    char *pem = NULL;

    rig->sc = sc;
    held_clock_init(&rig->clock, NOW_MS);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock.clock,
                            fx_random_system(), &rig->store, &err));
    rig->system.channel = "C1";
    rig->engine.scope = sc;
    rig->engine.options =
        (struct fx_engine_options){.clock = &rig->clock.clock,
                                   .random = fx_random_system(),
                                   .metrics = fx_metrics_new(),
                                   .policy = &policy,
                                   .state = fx_state_memory_new(&rig->clock.clock),
                                   .store = rig->store,
                                   .systems = &rig->system,
                                   .systems_count = 1,
                                   .anchor_key = fx_sign_key_new(sc, &pem),
                                   .anchor_file = fx_printf(sc, "%s/anchors", rig->dir)};
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    struct rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm", "anchors"};

    rig->store->close(rig->store);
    rig->engine.options.state->close(rig->engine.options.state);
    fx_metrics_free(rig->engine.options.metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

static struct engine_work work_of(struct rig *rig) {
    return (struct engine_work){
        .engine = &rig->engine, .sc = rig->sc, .now_ms = rig->clock.wall_ms};
}

static void add_rows(struct rig *rig, int count) {
    struct fx_writes writes = {0};
    struct fx_error err;

    for (int i = 0; i < count; i++)
        fx_writes_audit(rig->sc, &writes, "U1", "run.started", "run1", NULL);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
}

/* One look of the job, made durable as its settling would. What it wrote comes back. */
static struct fx_writes look(struct rig *rig) {
    struct engine_work work = work_of(rig);
    struct fx_error err = {0};

    assert_ok(engine_anchor(&work, &err));
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &work.writes, &err));
    rig->messages += work.writes.messages_count;
    return work.writes;
}

/* "3 5 ": the rows that the file's anchors vouch for. */
static const char *anchored(struct rig *rig) {
    struct fx_anchor_lines *lines = NULL;
    struct fx_anchor *anchor = NULL;
    char *rows = fx_strdup(rig->sc, "");
    struct fx_error err;

    if (fx_anchor_lines_open(rig->sc, rig->engine.options.anchor_file, &lines, &err) != FX_OK)
        return "";
    for (;;) {
        assert_ok(fx_anchor_lines_next(lines, rig->sc, &anchor, &err));
        if (anchor == NULL)
            return rows;
        rows = fx_printf(rig->sc, "%s%lld%s ", rows, (long long)anchor->n,
                         anchor->reason[0] == '\0' ? "" : "!");
    }
}

static size_t jobs_now(struct rig *rig) {
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0, due = 0;

    assert_ok(rig->store->jobs(rig->store, rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        due += strcmp(jobs[i]->kind, "anchor") == 0 && jobs[i]->due_ms <= rig->clock.wall_ms;
    return due;
}

static enum fx_code frozen(struct rig *rig, struct fx_error *err) {
    struct engine_work work = work_of(rig);

    return engine_frozen(&work, err);
}

static int64_t gauge(struct rig *rig) {
    return fx_metrics_get(rig->engine.options.metrics, FX_METRIC_CHANGES_FROZEN);
}

static size_t messages_in_store(struct rig *rig) {
    struct fx_store_counts counts;
    struct fx_error err;

    assert_ok(rig->store->counts(rig->store, rig->sc, &counts, &err));
    return (size_t)counts.messages_waiting;
}

/* An anchor of our key that this log cannot fit. */
static void foreign_anchor(struct rig *rig, int64_t n, int64_t time_ms) {
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    assert_ok(fx_anchor_append(
        rig->sc, rig->engine.options.anchor_file, rig->engine.options.anchor_key,
        &(struct fx_anchor){.n = n, .hash = fx_anchor_first, .time_ms = time_ms, .reason = ""},
        &anchor, &err));
}

/* ---- when ---- */

static void a_look_anchors_the_head_and_asks_for_the_next(void **state) {
    struct rig *rig = *state;

    assert_int_equal(look(rig).jobs_count, 1);
    assert_string_equal(anchored(rig), "");
    add_rows(rig, 3);
    struct fx_writes writes = look(rig);

    assert_string_equal(anchored(rig), "3 ");
    assert_int_equal(writes.jobs_count, 1);
    assert_string_equal(writes.jobs[0]->kind, "anchor");
    assert_int_equal(writes.jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_MS);
    look(rig);
    assert_string_equal(anchored(rig), "3 "); /* nothing new */
    add_rows(rig, 2);
    look(rig);
    assert_string_equal(anchored(rig), "3 5 ");
    assert_int_equal(rig->messages, 0);
}

static void a_thousand_rows_do_not_wait_for_the_hour(void **state) {
    struct rig *rig = *state;
    struct engine_work work = work_of(rig);

    add_rows(rig, 1);
    look(rig);
    add_rows(rig, FX_ENGINE_ANCHOR_ROWS - 1);
    engine_anchor_watch(&rig->engine, work.sc);
    assert_int_equal(jobs_now(rig), 0);
    add_rows(rig, 1);
    engine_anchor_watch(&rig->engine, work.sc);
    assert_int_equal(jobs_now(rig), 1);
}

static struct fx_writes soon(struct rig *rig) {
    struct engine_work work = work_of(rig);

    engine_anchor_soon(&work, &work.writes);
    return work.writes;
}

static void
what_must_not_be_forgotten_is_anchored_at_once_and_then_every_few_seconds(void **state) {
    struct rig *rig = *state;
    struct fx_writes first = soon(rig);

    assert_int_equal(first.jobs_count, 1);
    assert_string_equal(first.jobs[0]->kind, "anchor");
    assert_int_equal(first.jobs[0]->due_ms, NOW_MS);
    assert_int_equal(first.jobs[0]->rank, FX_RANK_PERSON); /* no storm of alarms is before it */
    assert_int_equal(soon(rig).jobs_count, 1); /* the first may be at work, and not see this one */
    add_rows(rig, 1);
    look(rig);
    rig->clock.wall_ms += 100;
    for (int i = 0; i < 2; i++) /* what was asked for first may never have been written */
        assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_SOON_MS - 1;
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->clock.wall_ms = NOW_MS - MINUTE_MS; /* set back */
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS - MINUTE_MS);
    rig->clock.wall_ms = NOW_MS + MINUTE_MS; /* a file that cannot be written is not tried more */
    rig->engine.options.anchor_file = rig->dir;
    add_rows(rig, 1);
    look(rig);
    assert_int_equal(soon(rig).jobs[0]->due_ms, NOW_MS + MINUTE_MS + FX_ENGINE_ANCHOR_SOON_MS);
    rig->engine.options.anchor_key = NULL;
    assert_int_equal(soon(rig).jobs_count, 0);
}

/* As by a worker of a replica that has not made one yet: it asks for it at once, and takes it. */
static void another_replica_looks(struct rig *rig) {
    struct fx_engine other = {.scope = rig->sc, .options = rig->engine.options};
    struct engine_work work = {.engine = &other, .sc = rig->sc, .now_ms = rig->clock.wall_ms};
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next_ms = 0;

    engine_anchor_soon(&work, &work.writes);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &work.writes, &err));
    assert_ok(rig->store->claim(rig->store, rig->sc, "other", rig->clock.wall_ms,
                                FX_ENGINE_LEASE_MS, &job, &next_ms, &err));
    assert_non_null(job);
    work.writes = (struct fx_writes){0};
    assert_ok(engine_anchor(&work, &err));
    assert_ok(
        rig->store->settle(rig->store, rig->sc, job, FX_SETTLE_DONE, 0, "", &work.writes, &err));
}

static void what_another_replica_has_anchored_leaves_nothing_without_one(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    add_rows(rig, 1);
    look(rig);
    for (int i = 0; i < 2; i++) {
        struct fx_writes asked = soon(rig);

        add_rows(rig, 1);
        assert_ok(rig->store->write(rig->store, rig->sc, NULL, &asked, &err));
        if (i == 0)
            another_replica_looks(rig);
    }
    assert_string_equal(anchored(rig), "1 2 ");
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_SOON_MS;
    assert_int_equal(jobs_now(rig), 1);
}

static void a_lost_job_and_a_clock_set_back_are_noticed(void **state) {
    struct rig *rig = *state;

    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(jobs_now(rig), 0); /* an empty log */
    add_rows(rig, 1);
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(jobs_now(rig), 1); /* the first ever */
    look(rig);
    rig->clock.wall_ms = NOW_MS - 1;
    engine_anchor_watch(&rig->engine, rig->sc);
    rig->clock.wall_ms = NOW_MS;
    assert_int_equal(jobs_now(rig), 1);
    rig->clock.wall_ms = NOW_MS + FX_ENGINE_ANCHOR_MS + MINUTE_MS;
    look(rig);
    rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    engine_anchor_watch(&rig->engine, rig->sc);
    rig->clock.wall_ms += MINUTE_MS;
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(jobs_now(rig), 1);
}

static void what_was_written_since_is_anchored_at_the_end(void **state) {
    struct rig *rig = *state;

    add_rows(rig, 4);
    engine_anchor_drain(&rig->engine);
    assert_string_equal(anchored(rig), "4 ");
    engine_anchor_drain(&rig->engine);
    assert_string_equal(anchored(rig), "4 ");
}

/* The line is in the file, but the transaction that would have said so never came. */
static void an_anchor_whose_maker_died_is_followed_and_not_made_twice(void **state) {
    struct rig *rig = *state;
    struct engine_work work = work_of(rig);
    struct fx_error err = {0};

    add_rows(rig, 2);
    assert_ok(engine_anchor(&work, &err));
    look(rig);
    assert_string_equal(anchored(rig), "2 ");
    add_rows(rig, 1);
    look(rig);
    assert_string_equal(anchored(rig), "2 3 ");
}

static void without_a_key_nothing_is_made_or_asked_for(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    rig->engine.options.anchor_key = NULL;
    add_rows(rig, 2);
    assert_int_equal(look(rig).jobs_count, 0);
    engine_anchor_watch(&rig->engine, rig->sc);
    engine_anchor_drain(&rig->engine);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_string_equal(anchored(rig), "");
    assert_int_equal(jobs_now(rig), 0);
}

/* ---- the freeze ---- */

static void a_log_that_ends_before_its_anchor_freezes_changes_once(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    add_rows(rig, 3);
    foreign_anchor(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "ends at row 3"));
    assert_non_null(strstr(err.message, "vouches for row 9"));
    assert_non_null(strstr(err.message, "audit accept --reason"));
    assert_int_equal(gauge(rig), 1);
    assert_int_equal(messages_in_store(rig), 1);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->clock.wall_ms += MINUTE_MS;
    look(rig);
    assert_int_equal(messages_in_store(rig), 1);
    assert_string_equal(anchored(rig), "9 "); /* nothing is put behind it */
    add_rows(rig, FX_ENGINE_ANCHOR_ROWS);
    engine_anchor_watch(&rig->engine, rig->sc);
    assert_int_equal(jobs_now(rig), 0); /* nor is it looked at every ten seconds */
}

static void a_row_of_another_hash_freezes_changes_also_while_the_engine_runs(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    add_rows(rig, 3);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_ok(frozen(rig, &err));
    foreign_anchor(rig, 2, NOW_MS);
    look(rig);
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "row 2"));
    assert_string_equal(anchored(rig), "2 ");
}

static void anchor_in(struct rig *rig, const char *file, const char *place) {
    rig->engine.options.anchor_file = file;
    rig->engine.options.place = place;
}

/* Or is a copy from before. */
static void a_file_that_has_lost_its_anchors_freezes_changes(void **state) {
    for (int kept = 0; kept < 2; kept++) {
        struct rig *rig = *state;
        const char *file = rig->engine.options.anchor_file;
        struct fx_error err = {0};

        anchor_in(rig, file, "host:config");
        struct stat before = {0};

        add_rows(rig, 1);
        look(rig);
        assert_int_equal(stat(file, &before), 0);
        add_rows(rig, 1);
        look(rig);
        assert_string_equal(anchored(rig), "1 2 ");
        assert_int_equal(truncate(file, kept == 1 ? before.st_size : 0), 0);
        anchor_in(rig, fx_printf(rig->sc, "%s.moved", file), "host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        anchor_in(rig, file, "another host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_ok(frozen(rig, &err)); /* these have lost nothing */
        anchor_in(rig, file, "host:config");
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
        assert_non_null(strstr(err.message, kept == 1 ? "vouched for row 2 of the audit log, and "
                                                        "now ends at row 1"
                                                      : "now has none, or is gone"));
        look(rig); /* none follows it, until somebody says why */
        assert_string_equal(anchored(rig), kept == 1 ? "1 " : "");
        struct fx_anchor *anchor = NULL;

        assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", "a new disk",
                                         &anchor, &err));
        look(rig);
        assert_ok(engine_anchor_start(&rig->engine, &err));
        assert_ok(frozen(rig, &err));
        if (kept == 0) {
            tear_down(state);
            set_up(state);
        }
    }
}

static void a_file_that_cannot_be_read_today_has_lost_nothing(void **state) {
    struct rig *rig = *state;
    const char *file = rig->engine.options.anchor_file;
    struct fx_error err = {0};

    anchor_in(rig, file, "host:config");
    add_rows(rig, 1);
    look(rig);
    assert_int_equal(rename(file, fx_printf(rig->sc, "%s.kept", file)), 0);
    assert_int_equal(mkdir(file, 0700), 0); /* what is there is no file */
    assert_ok(engine_anchor_start(&rig->engine, &err));
    look(rig);
    assert_ok(frozen(rig, &err));
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_FAILED), 1);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(rename(fx_printf(rig->sc, "%s.kept", file), file), 0);
}

static void a_log_that_fits_its_anchors_freezes_nothing(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    assert_ok(engine_anchor_start(&rig->engine, &err)); /* no log, no file */
    for (int i = 0; i < 5; i++) {
        add_rows(rig, i);
        look(rig);
        assert_ok(engine_anchor_start(&rig->engine, &err));
    }
    assert_ok(frozen(rig, &err));
    assert_int_equal(gauge(rig), 0);
    assert_int_equal(messages_in_store(rig), 0);
}

static void set_freeze(struct rig *rig, const char *value) {
    struct fx_writes writes = {0};
    struct fx_error err;

    fx_writes_setting(rig->sc, &writes, "freeze", value);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
}

static void a_freeze_that_cannot_be_read_freezes(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    set_freeze(rig, "nonsense");
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "month end"));
    assert_null(strstr(err.message, "accept"));
    set_freeze(rig, "");
    assert_ok(frozen(rig, &err));
    struct fx_writes writes = {0};

    fx_writes_setting(rig->sc, &writes, ENGINE_FREEZE_LOG_SETTING, "nonsense");
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "audit accept")); /* it is the log's all the same */
}

static void a_person_s_freeze_is_told_with_the_log_s(void **state) {
    struct rig *rig = *state;
    struct fx_error err = {0};

    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    add_rows(rig, 1);
    foreign_anchor(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "vouches for row 9"));
    assert_non_null(strstr(err.message, "month end; an admin ends this with unfreeze"));
}

static enum fx_effect unkeyed(const struct fx_json *params) {
    return FX_EFFECT_UNKEYED;
}

static void approve(struct rig *rig, const struct fx_run *row, const char *id) {
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
static enum fx_code begin(struct rig *rig, bool is_stop, bool ends_one, struct fx_error *err) {
    static int runs = 0;
    struct engine_work work = work_of(rig);
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
    struct rig *rig = *state;
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
    struct rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    add_rows(rig, 3);
    foreign_anchor(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->clock.wall_ms += MINUTE_MS;
    assert_int_equal(
        fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", " ", &anchor, &err),
        FX_ERR_INPUT);
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op",
                                     "restored after a disk fault", &anchor, &err));
    assert_ok(frozen(rig, &err));
    assert_int_equal(jobs_now(rig), 1);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    assert_ok(frozen(rig, &err));
    struct fx_writes writes = look(rig);

    assert_int_equal(writes.messages_count, 1);
    assert_non_null(strstr(writes.messages[0]->payload_json, "restored after a disk fault"));
    assert_int_equal(look(rig).messages_count, 0);
    add_rows(rig, 1);
    look(rig);
    assert_string_equal(anchored(rig), "9 5! 6 ");
    struct fx_audit **rows = NULL;
    size_t count = 0;

    assert_ok(rig->store->audits(rig->store, rig->sc, 4, 2, &rows, &count, &err));
    assert_string_equal(rows[0]->action, "changes.frozen");
    assert_string_equal(rows[1]->action, "audit.accepted");
    assert_string_equal(rows[1]->actor, "terminal:op");
    assert_non_null(strstr(rows[1]->detail_json, "restored after a disk fault"));
}

static void accepting_does_not_end_a_freeze_of_somebody_else(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    add_rows(rig, 3);
    set_freeze(rig, "{\"by\":\"U9\",\"at\":5,\"reason\":\"month end\"}");
    assert_ok(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op", "as it is",
                                     &anchor, &err));
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
    assert_non_null(strstr(err.message, "month end"));
}

/* Whoever cannot write the anchor must not end the freeze. */
static void without_an_anchor_nothing_is_accepted(void **state) {
    struct rig *rig = *state;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};

    add_rows(rig, 3);
    foreign_anchor(rig, 9, NOW_MS);
    assert_ok(engine_anchor_start(&rig->engine, &err));
    rig->engine.options.anchor_file = rig->dir;
    assert_int_equal(fx_engine_accept_audit(&rig->engine.options, rig->sc, "terminal:op",
                                            "as it is", &anchor, &err),
                     FX_ERR_UNAVAILABLE);
    assert_int_equal(frozen(rig, &err), FX_ERR_DENIED);
}

/* ---- trouble ---- */

static void three_failures_in_a_row_are_told_once_and_stop_nothing(void **state) {
    struct rig *rig = *state;
    const char *good = rig->engine.options.anchor_file;

    rig->engine.options.anchor_file = fx_printf(rig->sc, "%s/nowhere/anchors", rig->dir);
    add_rows(rig, 3);
    for (int i = 1; i <= 5; i++) {
        struct fx_writes writes = look(rig);

        assert_int_equal(writes.jobs[0]->due_ms, NOW_MS + MINUTE_MS);
        assert_int_equal(rig->messages, i < ENGINE_ANCHOR_PATIENCE ? 0 : 1);
        if (i == ENGINE_ANCHOR_PATIENCE)
            assert_non_null(strstr(writes.messages[0]->payload_json, "nowhere/anchors"));
    }
    rig->engine.options.anchor_file = good;
    assert_int_equal(look(rig).jobs[0]->due_ms, NOW_MS + FX_ENGINE_ANCHOR_MS);
    assert_string_equal(anchored(rig), "3 ");
    rig->engine.options.anchor_file = rig->dir;
    for (int i = 0; i < 4; i++)
        look(rig);
    assert_int_equal(rig->messages, 2); /* a new series is told anew */
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_FAILED), 9);
    assert_int_equal(fx_metrics_get(rig->engine.options.metrics, FX_METRIC_ANCHORS_MADE), 1);
}

static void take_posts(struct rig *rig, const char *ts) {
    struct fx_message **ready = NULL;
    struct fx_error err;
    size_t count = 1;
    int64_t next = 0;

    while (count > 0) {
        assert_ok(rig->store->outbox_ready(rig->store, rig->sc, rig->clock.wall_ms, 10, &ready,
                                           &count, &next, &err));
        for (size_t i = 0; i < count; i++) {
            rig->clock.wall_ms += FX_STORE_POST_PACE_MS;
            assert_ok(rig->store->outbox_begin(rig->store, rig->sc, ready[i]->seq,
                                               rig->clock.wall_ms, &err));
            assert_ok(rig->store->outbox_sent(rig->store, rig->sc, ready[i]->seq, ts,
                                              rig->clock.wall_ms, &err));
        }
    }
}

static void anchors_are_posted_into_one_thread(void **state) {
    struct rig *rig = *state;

    rig->engine.options.anchor_channel = "C2";
    add_rows(rig, 3);
    struct fx_writes first = look(rig);

    assert_int_equal(first.messages_count, 2);
    assert_string_equal(first.messages[0]->key, "audit:anchors");
    assert_string_equal(first.messages[0]->parent, "");
    assert_string_equal(first.messages[1]->parent, "audit:anchors");
    assert_string_equal(first.messages[1]->channel, "C2");
    assert_non_null(strstr(first.messages[1]->payload_json, "signature"));
    take_posts(rig, "1.1");
    add_rows(rig, 1);
    assert_int_equal(look(rig).messages_count, 0); /* not each of them */
    rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    add_rows(rig, 1);
    struct fx_writes second = look(rig);

    assert_int_equal(second.messages_count, 1);
    assert_string_equal(second.messages[0]->parent, "audit:anchors");
    assert_string_not_equal(second.messages[0]->key, first.messages[1]->key);
}

static void a_slack_that_takes_none_is_told_once(void **state) {
    struct rig *rig = *state;
    size_t trouble = 0;

    rig->engine.options.anchor_channel = "C2";
    for (int i = 0; i < 6; i++) {
        add_rows(rig, 1);
        struct fx_writes writes = look(rig);

        for (size_t k = 0; k < writes.messages_count; k++)
            trouble += strstr(writes.messages[k]->key, "audit:trouble:") != NULL;
        rig->clock.wall_ms += FX_ENGINE_ANCHOR_MS;
    }
    assert_int_equal(trouble, 1);
    assert_string_equal(anchored(rig), "1 2 3 4 5 6 "); /* the file has them all the same */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_look_anchors_the_head_and_asks_for_the_next),
        TEST(a_thousand_rows_do_not_wait_for_the_hour),
        TEST(what_must_not_be_forgotten_is_anchored_at_once_and_then_every_few_seconds),
        TEST(what_another_replica_has_anchored_leaves_nothing_without_one),
        TEST(a_lost_job_and_a_clock_set_back_are_noticed),
        TEST(what_was_written_since_is_anchored_at_the_end),
        TEST(an_anchor_whose_maker_died_is_followed_and_not_made_twice),
        TEST(without_a_key_nothing_is_made_or_asked_for),
        TEST(a_log_that_ends_before_its_anchor_freezes_changes_once),
        TEST(a_row_of_another_hash_freezes_changes_also_while_the_engine_runs),
        TEST(a_file_that_has_lost_its_anchors_freezes_changes),
        TEST(a_file_that_cannot_be_read_today_has_lost_nothing),
        TEST(a_log_that_fits_its_anchors_freezes_nothing),
        TEST(a_freeze_that_cannot_be_read_freezes),
        TEST(a_person_s_freeze_is_told_with_the_log_s),
        TEST(no_change_begins_while_frozen_but_what_stops_one),
        TEST(an_operator_s_reason_ends_the_freeze_and_is_told),
        TEST(accepting_does_not_end_a_freeze_of_somebody_else),
        TEST(without_an_anchor_nothing_is_accepted),
        TEST(three_failures_in_a_row_are_told_once_and_stop_nothing),
        TEST(anchors_are_posted_into_one_thread),
        TEST(a_slack_that_takes_none_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
