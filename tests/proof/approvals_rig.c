/* approvals_rig.c - see approvals_rig.h */
#include "approvals_rig.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/slackapi.h"
#include "fluxabot/steps.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void proof_must(enum fx_code code, const struct fx_error *err, const char *what) {
    if (code == FX_OK)
        return;
    fprintf(stderr, "the proof itself is broken: %s: %s: %s\n", what, fx_code_name(code),
            err->message);
    exit(2);
}

struct fx_store *proof_store(struct proof *proof, size_t replica) {
    return proof->replicas[replica].engine.options.store;
}

/* ---- Slack: full members of the team, but for whom it says otherwise ---- */

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    const struct proof *proof = FX_CONTAINER_OF(http, struct proof, slack);
    struct fx_http_reply *reply = FX_NEW(sc, struct fx_http_reply);
    const char *body = fx_slice_dup(sc, request->body);

    (void)err;
    reply->status = 200;
    if (strstr(request->url, "users.info") != NULL) {
        const char *user = body + strlen("user=");
        bool guest = proof->guest != NULL && strcmp(proof->guest, user) == 0;

        reply->body =
            fx_slice_of(fx_printf(sc,
                                  "{\"ok\":true,\"user\":{\"id\":\"%s\",\"team_id\":\"" PROOF_TEAM
                                  "\",\"is_restricted\":%s}}",
                                  user, guest ? "true" : "false"));
    } else {
        reply->body = fx_slice_of(fx_printf(sc,
                                            "{\"ok\":true,\"channel\":{\"id\":\"" PROOF_HOME
                                            "\",\"is_ext_shared\":%s,\"is_org_shared\":false}}",
                                            proof->is_shared ? "true" : "false"));
    }
    *ret_reply = reply;
    return FX_OK;
}

/* ---- a step that changes the world's one number ---- */

static struct proof *proof_of(const struct fx_step_context *ctx) {
    struct held_clock *clock = FX_CONTAINER_OF(ctx->clock, struct held_clock, clock);

    return FX_CONTAINER_OF(clock, struct proof_replica, clock)->proof;
}

static enum fx_effect changes(const struct fx_json *params) {
    return FX_EFFECT_UNKEYED;
}

static enum fx_code plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    int64_t depth = proof_of(ctx)->depth;

    *ret_plan = fx_json_object_of(
        sc, "title", fx_json_string(sc, "shift"), "summary", fx_json_string(sc, "Shift it."),
        "facts", fx_json_array(sc), "calls", fx_json_array(sc), "details",
        fx_json_object_of(sc, "depth", fx_json_int(sc, depth), NULL), NULL);
    return FX_OK;
}

static enum fx_code where(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_json **ret_where, struct fx_error *err) {
    *ret_where = fx_json_object_of(ctx->sc, "Account",
                                   fx_json_string(ctx->sc, proof_of(ctx)->account), NULL);
    return FX_OK;
}

static enum fx_code confirm(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_error *err) {
    if (fx_json_to_int(fx_json_at_path(ctx->plan, "details.depth"), -1) == proof_of(ctx)->depth)
        return FX_OK;
    return fx_fail(err, FX_ERR_CONFLICT, "the queue changed");
}

static enum fx_code shift(const struct fx_step_context *ctx, const struct fx_json *params,
                          struct fx_step_result *ret_result, struct fx_error *err) {
    struct proof *proof = proof_of(ctx);
    struct fx_json *done = fx_json_object(ctx->sc);

    FX_TRY(ctx->host->begin_effect(ctx->host, ctx->sc, "shift", params, err));
    proof->effects++;
    proof->carried = fx_sha256_hex(proof->sc, fx_slice_of(fx_json_dump_canonical(ctx->sc, params)));
    FX_TRY(ctx->host->end_effect(ctx->host, ctx->sc, "shift", true, done, err));
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE, .output = done};
    return FX_OK;
}

static const struct fx_step_param shift_params[] = {
    {"to", FX_PARAM_TEXT, true, NULL, "where it goes"},
    {"count", FX_PARAM_INT, true, NULL, "how many"},
};
static const struct fx_step_kind shift_kind = {.name = "shift",
                                               .summary = "Shifts.",
                                               .params = shift_params,
                                               .params_count = FX_COUNT_OF(shift_params),
                                               .effect = changes,
                                               .plan = plan,
                                               .where = where,
                                               .confirm = confirm,
                                               .run = shift};

/* ---- runbooks ---- */

static const char system_text[] = "system: proof\ntitle: Proof\nvariables:\n"
                                  "  target: { type: text, default: main }\n";
static const char command_text[] =
    "command: %s\nsummary: Edition %s\narguments:\n  count: { type: integer, default: 3, help: how "
    "many }\nsteps:\n  - id: gate\n    approval: { step: moved, approvers: %d }\n  - id: moved\n"
    "    shift: { to: \"${variables.target}\", count: \"${arguments.count}\" }\nanswer:\n"
    "  verdict: done\n";

static void write_file(struct proof *proof, const char *name, const char *text) {
    FILE *file = fopen(fx_printf(proof->sc, "%s/%s", proof->dir, name), "w");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        exit(2);
}

void proof_load_runbooks(struct proof *proof, const char *edition) {
    const struct fx_step_kind *kinds[] = {NULL, &shift_kind};
    const struct fx_runbook_source source = {.name = "proof", .path = proof->dir};
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    for (size_t i = 0; i < fx_step_kinds_count; i++)
        if (fx_step_kinds[i]->is_approval)
            kinds[0] = fx_step_kinds[i];
    write_file(proof, "system.yaml", system_text);
    write_file(proof, "shift.yaml", fx_printf(proof->sc, command_text, "shift", edition, 1));
    write_file(proof, "shift-both.yaml",
               fx_printf(proof->sc, command_text, "shift both", edition, 2));
    fx_runbooks_close(proof->runbooks);
    enum fx_code code = fx_runbooks_open(proof->sc, &source, 1, kinds, FX_COUNT_OF(kinds),
                                         &proof->runbooks, &findings, &count, &err);

    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s:%d: %s\n", findings[i].file, findings[i].line, findings[i].message);
    proof_must(code, &err, "the runbooks");
    for (size_t i = 0; i < PROOF_REPLICAS; i++)
        proof->replicas[i].system.system = fx_runbooks_find(proof->runbooks, "proof");
}

/* ---- opening ---- */

static void set_policy(struct proof *proof) {
    static const char *const teams[] = {PROOF_TEAM};
    static const char *const approvers[] = {PROOF_ACCOUNTS};
    static const char *const first[] = {"U1", "U1B"}, *const asker[] = {"U9", "U9B"};
    static const struct fx_person persons[] = {{"first", first, 2}, {"asker", asker, 2}};

    proof->roles[0] = (struct fx_role){
        .name = "approver", .users = approvers, .users_count = FX_COUNT_OF(approvers)};
    proof->policy = (struct fx_policy){.team_ids = teams,
                                       .team_ids_count = 1,
                                       .roles = proof->roles,
                                       .roles_count = 1,
                                       .persons = persons,
                                       .persons_count = FX_COUNT_OF(persons)};
}

static void open_replica(struct proof *proof, size_t index, const char *url) {
    struct proof_replica *replica = &proof->replicas[index];
    struct fx_engine_options *options = &replica->engine.options;
    struct fx_error err = {0};

    replica->proof = proof;
    held_clock_init(&replica->clock, PROOF_NOW_MS);
    replica->system = (struct fx_engine_system){.channel = PROOF_HOME,
                                                .command = "/proof",
                                                .default_environment = "dev",
                                                .environments = proof->environments,
                                                .environments_count = 2};
    *options = (struct fx_engine_options){.clock = &replica->clock.clock,
                                          .random = fx_random_system(),
                                          .metrics = fx_metrics_new(),
                                          .state = fx_state_memory_new(&replica->clock.clock),
                                          .policy = &proof->policy,
                                          .systems = &replica->system,
                                          .systems_count = 1,
                                          .version = "1",
                                          .approval_ms = PROOF_LIFE_MS,
                                          .execute_ms = PROOF_LIFE_MS};
    proof_must(fx_slackapi_open(&(struct fx_slackapi_options){.http = &proof->slack,
                                                              .api_url = "https://slack.com/api",
                                                              .bot_token = "xoxb-1"},
                                &options->slack, &err),
               &err, "Slack");
    if (index > 0 && !proof->postgres) /* SQLite serves one process */
        options->store = proof_store(proof, 0);
    else
        proof_must(fx_store_open(proof->sc, url, options->clock, fx_random_system(),
                                 &options->store, &err),
                   &err, "the store");
}

void proof_open(struct proof *proof, bool postgres) {
    *proof =
        (struct proof){.sc = fx_scope_new(NULL), .postgres = postgres, .account = "111122223333"};
    proof->slack.exchange = exchange;
    snprintf(proof->dir, sizeof proof->dir, "/tmp/fluxabot-proof-XXXXXX");
    if (mkdtemp(proof->dir) == NULL)
        exit(2);
    if (postgres) {
        test_postgres_make(&proof->server);
        test_postgres_start(&proof->server, NULL);
    }
    for (int i = 0; i < 2; i++)
        proof->environments[i] = (struct fx_environment){
            .name = i == 0 ? "dev" : "prod",
            .variables =
                fx_json_object_of(proof->sc, "target", fx_json_string(proof->sc, "main"), NULL),
            .databases = fx_json_object(proof->sc),
            .places = fx_json_object(proof->sc)};
    set_policy(proof);
    const char *url =
        postgres ? proof->server.url : fx_printf(proof->sc, "sqlite://%s/x.db", proof->dir);

    for (size_t i = 0; i < PROOF_REPLICAS; i++)
        open_replica(proof, i, url);
    proof_load_runbooks(proof, "1");
}

void proof_close(struct proof *proof) {
    static const char *const files[] = {"x.db",        "x.db-wal",   "x.db-shm",
                                        "system.yaml", "shift.yaml", "shift-both.yaml"};

    for (size_t i = PROOF_REPLICAS; i-- > 0;) {
        struct fx_engine_options *options = &proof->replicas[i].engine.options;

        if (i == 0 || proof->postgres)
            options->store->close(options->store);
        options->state->close(options->state);
        fx_slackapi_close(options->slack);
        fx_metrics_free(options->metrics);
    }
    fx_runbooks_close(proof->runbooks);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(proof->sc, "%s/%s", proof->dir, files[i]));
    rmdir(proof->dir);
    if (proof->postgres)
        test_postgres_remove(&proof->server);
    fx_scope_free(proof->sc);
}

/* ---- doing ---- */

void proof_sql(struct proof *proof, const char *fmt, ...) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    sqlite3 *db = NULL;
    va_list args;

    va_start(args, fmt);
    const char *sql = fx_vprintf(sc, fmt, args);
    va_end(args);
    if (proof->postgres) {
        (void)test_postgres_sql(&proof->server,
                                fx_printf(sc, "SET search_path = fluxabot; %s", sql));
        return;
    }
    if (sqlite3_open(fx_printf(sc, "%s/x.db", proof->dir), &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(2);
    }
    sqlite3_close(db);
}

static const char *payload_of(struct fx_scope *sc, const char *user, bool approve,
                              const char *approval) {
    if (approve)
        return fx_printf(sc,
                         "{\"type\":\"block_actions\",\"team\":{\"id\":\"" PROOF_TEAM
                         "\"},\"user\":{\"id\":\"%s\"},\"container\":{\"channel_id\":\"" PROOF_HOME
                         "\"},\"actions\":[{\"action_id\":\"approve\",\"value\":\"%s\"}]}",
                         user, approval);
    return fx_printf(sc,
                     "{\"type\":\"view_submission\",\"team\":{\"id\":\"" PROOF_TEAM
                     "\"},\"user\":{\"id\":\"%s\"},\"view\":{\"callback_id\":\"deny_reason\","
                     "\"private_metadata\":\"{\\\"approval\\\":\\\"%s\\\",\\\"channel\\\":"
                     "\\\"" PROOF_HOME "\\\"}\",\"state\":{\"values\":{\"reason\":{\"reason\":"
                     "{\"value\":\"not now\"}}}}}}",
                     user, approval);
}

const char *proof_press(struct proof_replica *replica, struct fx_scope *sc, const char *user,
                        bool approve, const char *approval) {
    const char *payload = payload_of(sc, user, approve, approval);
    const struct fx_event event = {
        .id = "e",
        .kind = "slack.interaction",
        .body = fx_printf(sc, "payload=%s", fx_url_encode(sc, fx_slice_of(payload), false))};
    struct engine_work work = {
        .engine = &replica->engine, .sc = sc, .now_ms = fx_wall_ms(&replica->clock.clock)};
    struct fx_error err = {0};

    proof_must(engine_event_interaction(&work, &event, &err), &err, "a click");
    return work.writes.messages_count > 0 ? work.writes.messages[0]->payload_json : NULL;
}

void proof_work(struct proof_replica *replica, struct fx_scope *sc) {
    struct fx_store *store = replica->engine.options.store;
    struct fx_error err = {0};
    struct fx_job *job = NULL;
    int64_t next_ms = 0;

    for (;;) {
        proof_must(
            store->claim(store, sc, "w", PROOF_NOW_MS, FX_ENGINE_LEASE_MS, &job, &next_ms, &err),
            &err, "a claim");
        if (job == NULL)
            return;
        struct engine_work work = {
            .engine = &replica->engine, .sc = sc, .job = job, .now_ms = PROOF_NOW_MS};
        enum fx_code code =
            strcmp(job->kind, "run") == 0 ? engine_continue_run(&work, &err) : FX_OK;

        if (code != FX_OK) { /* given up, as the worker does in the end */
            const struct fx_error why = err;

            work.writes = (struct fx_writes){0};
            proof_must(engine_give_up(&work, &why, &err), &err, "giving up");
        }
        proof_must(store->settle(store, sc, job, FX_SETTLE_DONE, 0, NULL, &work.writes, &err), &err,
                   "settling");
    }
}
