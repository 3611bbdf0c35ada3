/* changing.h - a run that was approved and is claimed, and what its step promises through the host.
 */
#pragma once

#include "engine_rig.h"

#include <string.h>

static enum fx_effect class_of_step = FX_EFFECT_UNKEYED; /* of the step of each */

static inline enum fx_effect effect_of(const struct fx_json *params) {
    return class_of_step;
}

/* A run that was approved and is claimed, with the host of its step. */
struct changing {
    struct engine_rig *rig;
    struct fx_store *store;
    struct engine_run run;
    struct fx_step_kind kind;
    struct fx_runbook_step step;
    struct fx_approval approval;
    struct fx_step_host *host;
};

static inline struct fx_job *claim(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_job *job = NULL;
    struct fx_error err = {0};
    int64_t next_ms = 0;

    assert_ok(store->claim(store, rig->sc, "w", rig->clock.wall_ms, FX_ENGINE_LEASE_MS, &job,
                           &next_ms, &err));
    assert_non_null(job);
    return job;
}

static inline struct changing *begin(struct engine_rig *rig, enum fx_effect class) {
    struct changing *c = FX_NEW(rig->sc, struct changing);
    struct fx_error err = {0};

    class_of_step = class;
    c->rig = rig;
    c->store = rig->engine.options.store;
    c->run = engine_rig_run(rig, "fluxa", "dev", "dlq redrive", "r1");
    c->kind = (struct fx_step_kind){.name = "x", .effect = effect_of};
    c->step = (struct fx_runbook_step){.id = "redrive", .kind = &c->kind};
    c->approval = (struct fx_approval){
        .id = "a1", .run = "r1", .step = "gate", .digest = "d", .expires_ms = RIG_NOW_MS + 1000};
    fx_writes_approval(rig->sc, &rig->work.writes, &c->approval);
    fx_writes_job(rig->sc, &rig->work.writes, "run", "r1", RIG_NOW_MS);
    engine_rig_keep(rig);
    struct fx_approval given = {.id = "a1",
                                .state = FX_APPROVAL_APPROVED,
                                .decided_by = "U2",
                                .decided_ms = RIG_NOW_MS,
                                .execute_before_ms = RIG_NOW_MS + RIG_LIFE_MS};

    assert_ok(c->store->decide(c->store, rig->sc, &given, NULL, &err));
    c->approval.decided_by = "U2";
    rig->work.job = claim(rig);
    c->host = engine_host_new(&c->run, &c->step, &c->approval);
    return c;
}

static inline enum fx_code promise(struct changing *c, const char *key, struct fx_error *err) {
    *err = (struct fx_error){0};
    return c->host->begin_effect(c->host, c->rig->sc, key, engine_rig_json(c->rig, "{'q':1}"), err);
}

static inline enum fx_code end(struct changing *c, const char *key, enum fx_ended ended,
                               const char *outcome, struct fx_error *err) {
    *err = (struct fx_error){0};
    return c->host->end_effect(c->host, c->rig->sc, key, ended, engine_rig_json(c->rig, outcome),
                               err);
}

static inline struct fx_step_effect effect(struct changing *c, const char *key) {
    struct fx_step_effect *list = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_ok(c->host->effects(c->host, c->rig->sc, &list, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].key, key) == 0)
            return list[i];
    fail_msg("no effect %s", key);
    return (struct fx_step_effect){0};
}

/* What the keeper of the claim does. */
static inline void keep_lease(struct changing *c) {
    struct fx_error err = {0};

    assert_ok(c->store->extend(c->store, c->rig->sc, c->rig->work.job,
                               c->rig->clock.wall_ms + FX_ENGINE_LEASE_MS, &err));
}
