/* sandbox_rig.h - a world without listeners, on a clock that the test moves. */
#pragma once

#include "aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig {
    struct fx_clock clock;
    int64_t wall_ms, mono_ms;
    struct sandbox sb;
    struct sandbox_aws aws;
    struct fx_scope *sc;
    struct aws_failure failure; /* of the last call */
    char dir[64];
};

static int64_t rig_wall(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct rig, clock)->wall_ms;
}

static int64_t rig_mono(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct rig, clock)->mono_ms;
}

static inline void rig_pass(struct rig *rig, int64_t ms) {
    rig->wall_ms += ms;
    rig->mono_ms += ms;
}

/* The default world with these numbers of dead letters; every receive gives all it can. */
static inline struct rig *rig_open(int64_t connection, int64_t schema, int64_t hash) {
    struct rig *rig = calloc(1, sizeof *rig);
    struct world_plan plan = world_default_plan(7);
    struct fx_json *rows = NULL;
    struct fx_error err;

    rig->clock = (struct fx_clock){rig_wall, rig_mono};
    rig->wall_ms = 1795253704000;
    rig->mono_ms = 5000000;
    rig->sc = fx_scope_new(NULL);
    memcpy(rig->dir, "/tmp/sandbox-rig-XXXXXX", sizeof "/tmp/sandbox-rig-XXXXXX");
    if (mkdtemp(rig->dir) == NULL)
        abort();
    sandbox_lock_init(&rig->sb);
    rig->sb.clock = &rig->clock;
    rig->sb.scope = fx_scope_new(NULL);
    rig->sb.random = sandbox_random_new(rig->sb.scope, 1);
    rig->sb.aws = &rig->aws;
    rig->sb.options.dir = rig->dir;
    if (sandbox_effects_open(&rig->sb, &err) != FX_OK)
        abort();
    rig->aws.sb = &rig->sb;
    rig->aws.sns.version = "2";
    plan.connection_errors = connection;
    plan.schema_errors = schema;
    plan.hash_mismatches = hash;
    sandbox_lock(&rig->sb);
    world_build(&rig->aws, &plan, rig->sc, &rows);
    rig->aws.short_receives = 0;
    return rig;
}

static inline void rig_close(struct rig *rig) {
    char path[128];

    sns_drop_pending(&rig->aws);
    world_clear(&rig->aws);
    sandbox_unlock(&rig->sb);
    sandbox_effects_close(&rig->sb);
    snprintf(path, sizeof path, "%s/effects.jsonl", rig->dir);
    unlink(path);
    rmdir(rig->dir);
    fx_scope_free(rig->sb.scope);
    fx_scope_free(rig->sc);
    free(rig);
}

static inline struct fx_json *rig_json(struct rig *rig, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    if (fx_json_parse(rig->sc, fx_slice_of(text), &json, &err) != FX_OK)
        abort();
    return json;
}

/* Calls an operation past signature and wire; NULL with rig->failure set when it was refused. */
static inline struct fx_json *rig_call(struct rig *rig, const struct aws_service *service,
                                       const char *operation, struct fx_json *input) {
    struct aws_call call = {.sb = &rig->sb,
                            .aws = &rig->aws,
                            .sc = rig->sc,
                            .service = service,
                            .operation = operation,
                            .protocol = service->json,
                            .input = input,
                            .request_id = "r-1",
                            .host = "127.0.0.1:1",
                            .path = "/"};

    for (size_t i = 0; i < service->operations_count; i++)
        if (strcmp(service->operations[i].name, operation) == 0) {
            struct fx_json *output = service->operations[i].handle(&call);
            rig->failure = call.failure;
            return output;
        }
    abort();
}

static inline struct fx_json *rig_sqs(struct rig *rig, const char *operation, const char *input) {
    return rig_call(rig, &aws_service_sqs, operation, rig_json(rig, input));
}

/* The effects recorded so far. */
static inline struct fx_json *rig_effects(struct rig *rig) {
    struct sandbox_request req = {.sb = &rig->sb, .sc = rig->sc, .raw_query = ""};
    struct sandbox_reply reply = {0};
    struct fx_json *json = NULL;
    struct fx_error err;

    sandbox_door_effects(&req, &reply);
    if (fx_json_parse(rig->sc, reply.body, &json, &err) != FX_OK)
        abort();
    return json;
}
