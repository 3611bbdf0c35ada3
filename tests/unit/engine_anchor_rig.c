/* engine_anchor_rig.c - see engine_anchor_rig.h. */
#include "engine_anchor_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct fx_policy policy; /* nobody has a role */

int anchor_rig_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct anchor_rig *rig = FX_NEW(sc, struct anchor_rig);
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

int anchor_rig_tear_down(void **state) {
    struct anchor_rig *rig = *state;
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

struct engine_work anchor_rig_work(struct anchor_rig *rig) {
    return (struct engine_work){
        .engine = &rig->engine, .sc = rig->sc, .now_ms = rig->clock.wall_ms};
}

void anchor_rig_add_rows(struct anchor_rig *rig, int count) {
    struct fx_writes writes = {0};
    struct fx_error err;

    for (int i = 0; i < count; i++)
        fx_writes_audit(rig->sc, &writes, "U1", "run.started", "run1", NULL);
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &writes, &err));
}

struct fx_writes anchor_rig_look(struct anchor_rig *rig) {
    struct engine_work work = anchor_rig_work(rig);
    struct fx_error err = {0};

    assert_ok(engine_anchor(&work, &err));
    assert_ok(rig->store->write(rig->store, rig->sc, NULL, &work.writes, &err));
    rig->messages += work.writes.messages_count;
    return work.writes;
}

const char *anchor_rig_anchored(struct anchor_rig *rig) {
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

size_t anchor_rig_jobs_now(struct anchor_rig *rig) {
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0, due = 0;

    assert_ok(rig->store->jobs(rig->store, rig->sc, FX_JOB_READY, 10, &jobs, &count, &err));
    for (size_t i = 0; i < count; i++)
        due += strcmp(jobs[i]->kind, "anchor") == 0 && jobs[i]->due_ms <= rig->clock.wall_ms;
    return due;
}

enum fx_code anchor_rig_frozen(struct anchor_rig *rig, struct fx_error *err) {
    struct engine_work work = anchor_rig_work(rig);

    return engine_frozen(&work, err);
}

size_t anchor_rig_messages(struct anchor_rig *rig) {
    struct fx_store_counts counts;
    struct fx_error err;

    assert_ok(rig->store->counts(rig->store, rig->sc, &counts, &err));
    return (size_t)counts.messages_waiting;
}

void anchor_rig_foreign(struct anchor_rig *rig, int64_t n, int64_t time_ms) {
    struct fx_anchor *anchor = NULL;
    struct fx_error err;

    assert_ok(fx_anchor_append(
        rig->sc, rig->engine.options.anchor_file, rig->engine.options.anchor_key,
        &(struct fx_anchor){.n = n, .hash = fx_anchor_first, .time_ms = time_ms, .reason = ""},
        &anchor, &err));
}
