/* replica.c - one process: the engine with everything it works with, its death and its next start.
 */
#include "world.h"

#include "private.h"

#include "fluxabot/aws.h"
#include "fluxabot/slackapi.h"
#include "fluxabot/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what all processes are configured with ---- */

static struct fx_scope *system_scope;
static struct fx_runbooks *runbooks;
static struct fx_engine_system engine_system_row;
static struct fx_environment environment;

static const struct fx_engine_topic topics[] = {{SIM_TOPIC, "sim", "dev"}};
static const char *const topic_arns[] = {SIM_TOPIC};
static const struct fx_sns_rules sns_rules = {.topics = topic_arns, .topics_count = 1};
static const char *const operators[] = {"U1", "U2", "U3"}, *const approvers[] = {"U2", "U3", "U1"};
static const struct fx_role roles[] = {
    {.name = "operator", .users = operators, .users_count = FX_COUNT_OF(operators)},
    {.name = "approver", .users = approvers, .users_count = FX_COUNT_OF(approvers)},
};
static const char *const teams[] = {"T1"};
static const struct fx_policy policy = {
    .team_ids = teams, .team_ids_count = 1, .roles = roles, .roles_count = FX_COUNT_OF(roles)};

void replica_load_system(const char *folder) {
    const struct fx_runbook_source source = {.name = "sim", .path = folder};
    struct fx_finding *findings = NULL;
    size_t findings_count = 0;
    struct fx_error err = {0};

    system_scope = fx_scope_new(NULL);
    if (fx_runbooks_open(system_scope, &source, 1, fx_step_kinds, fx_step_kinds_count, &runbooks,
                         &findings, &findings_count, &err) != FX_OK) {
        fprintf(stderr, "%s: %s\n", folder, err.message);
        for (size_t i = 0; i < findings_count; i++)
            fprintf(stderr, "  %s:%d: %s\n", findings[i].file, findings[i].line,
                    findings[i].message);
        exit(2);
    }
    environment = (struct fx_environment){.name = "dev",
                                          .variables = fx_json_object(system_scope),
                                          .databases = fx_json_object(system_scope)};
    engine_system_row = (struct fx_engine_system){.system = fx_runbooks_find(runbooks, "sim"),
                                                  .channel = SIM_CHANNEL,
                                                  .command = "/sim",
                                                  .default_environment = "dev",
                                                  .environments = &environment,
                                                  .environments_count = 1};
}

void replica_unload_system(void) {
    fx_runbooks_close(runbooks);
    fx_scope_free(system_scope);
}

/* ---- its clock and its chance ---- */

static int64_t wall_ms(struct fx_clock *clock) {
    return sim_bot_ms() + FX_CONTAINER_OF(clock, struct replica, clock)->skew_ms;
}

/* For a process that is ending time is over: whoever waits for it waits no longer. */
static int64_t mono_ms(struct fx_clock *clock) {
    enum { LONG_AFTER_MS = 1000 * 1000 * 1000 };
    const struct replica *replica = FX_CONTAINER_OF(clock, struct replica, clock);

    return 1000000 + sim->now_ms + (replica->dying ? LONG_AFTER_MS : 0);
}

static void fill(struct fx_random *random, void *bytes, size_t len) {
    struct chance *own = &FX_CONTAINER_OF(random, struct replica, random)->own;

    for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
        uint64_t word = chance_next(own);

        memcpy((char *)bytes + done, &word, len - done < sizeof word ? len - done : sizeof word);
    }
}

static const char *get_env(const char *name) {
    static const char *const known[][2] = {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                           {"AWS_SECRET_ACCESS_KEY", "secret"},
                                           {"AWS_REGION", "us-east-1"}};

    for (size_t i = 0; i < FX_COUNT_OF(known); i++)
        if (strcmp(name, known[i][0]) == 0)
            return known[i][1];
    return NULL;
}

/* ---- its life ---- */

static void *run_main(void *argument) {
    struct replica *replica = argument;
    struct fx_error err = {0};
    const struct fx_engine_options options = {.store = replica->store,
                                              .state = &replica->state,
                                              .clock = &replica->clock,
                                              .random = &replica->random,
                                              .metrics = replica->metrics,
                                              .http = &replica->http,
                                              .aws = replica->aws,
                                              .slack = replica->slack,
                                              .policy = &policy,
                                              .sns_rules = &sns_rules,
                                              .topics = topics,
                                              .topics_count = FX_COUNT_OF(topics),
                                              .systems = &engine_system_row,
                                              .systems_count = 1,
                                              .version = "1",
                                              .workers = SIM_WORKERS,
                                              .approval_ms = SIM_APPROVAL_MS,
                                              .execute_ms = SIM_EXECUTE_MS};

    /* who starts it tries again when the store does not answer */
    while (!replica->dying && fx_engine_start(&options, &replica->engine, &err) != FX_OK)
        if (!sim_pass(replica, 1000, 3000))
            break;
    return NULL;
}

static void must(enum fx_code code, const struct fx_error *err) {
    if (code == FX_OK)
        return;
    fprintf(stderr, "the simulation cannot begin: %s\n", err->message);
    exit(2);
}

void replica_start(struct replica *replica, int number) {
    struct fx_error err = {0};

    *replica = (struct replica){.number = number,
                                .clock = {.wall_ms = wall_ms, .mono_ms = mono_ms},
                                .random = {.fill = fill}};
    replica->own.state = chance_next(&sim->chance);
    if (sim->weather.clock_step > 0)
        replica->skew_ms = chance_between(&sim->chance, -SIM_SKEW_MS, SIM_SKEW_MS);
    wire_init(replica);
    sim_state_init(replica);
    replica->memory = fx_state_memory_new(&replica->clock);
    probes_hook(replica);
    replica->metrics = fx_metrics_new();
    must(fx_aws_open(&(struct fx_aws_options){.http = &replica->http,
                                              .clock = &replica->clock,
                                              .random = &replica->random,
                                              .getenv = get_env},
                     &replica->aws, &err),
         &err);
    must(fx_slackapi_open(&(struct fx_slackapi_options){.http = &replica->http,
                                                        .api_url = "https://slack.example/api",
                                                        .bot_token = "xoxb-1"},
                          &replica->slack, &err),
         &err);
    replica->main = sim_strand_new(replica, "main", run_main, replica);
    sim_note("start", "", number);
}

static void *run_stop(void *argument) {
    struct replica *replica = argument;

    fx_engine_stop(replica->engine);
    replica->engine = NULL;
    sim_note("stopped", "", replica->number);
    replica->dying = true; /* and the process ends */
    return NULL;
}

/* As SIGTERM does: what runs is asked to end, and waited for. */
void replica_stop(void *argument) {
    struct replica *replica = argument;

    if (replica->down || replica->dying || replica->engine == NULL || replica->stopping)
        return;
    replica->stopping = true;
    sim_note("stop", "", replica->number);
    (void)sim_strand_new(replica, "stop", run_stop, replica);
}

void replica_die(struct replica *replica) {
    replica->dying = true;
    if (replica->engine != NULL)
        atomic_store(&replica->engine->stopping, true);
}

void replica_end(struct replica *replica) {
    if (replica->down)
        return;
    replica_die(replica);
    sim_kill_strands(replica);
    fx_engine_stop(replica->engine);
    fx_slackapi_close(replica->slack);
    fx_aws_close(replica->aws);
    fx_metrics_free(replica->metrics);
    replica->store->close(replica->store);
    replica->memory->close(replica->memory);
    replica->down = true;
    replica->dying = false;
}

/* ---- its death ---- */

static void start_again(void *argument) {
    struct replica *replica = argument;

    replica_start(replica, replica->number);
}

/* Whoever died in the commit that began a message never learned which; whoever is in such a commit
 * now has not learned it yet, and is waited for: PostgreSQL tells them apart by their sessions, and
 * whoever lives looks every few seconds. */
static void rescue_unseen(void *argument) {
    enum { AGAIN_MS = 2000 };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    for (size_t i = 0; i < SIM_REPLICAS; i++)
        if (sim->replicas[i].beginning > 0) {
            sim_at(sim->now_ms + AGAIN_MS, rescue_unseen, argument);
            return;
        }
    unrecorded_rescue(sc, probes_rescue);
}

/* PostgreSQL knows whose session has ended, and whoever lives gives back what the dead one held:
 * his jobs are ready, his messages wait again. */
static void rescue(void *argument) {
    struct replica *left = argument;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = sim->store;
    struct fx_error ignored;

    sim_note("rescue", "", left->number);
    for (size_t i = 0; i < SIM_HELD; i++) {
        struct fx_job job = {.id = left->jobs[i].id, .token = left->jobs[i].token};

        if (job.id != 0)
            (void)!store->extend(store, sc, &job, sim_bot_ms(), &ignored);
        if (left->sending[i] != 0)
            probes_rescue(sc, left->sending[i]);
    }
    if (left->began_unseen)
        rescue_unseen(left);
}

void replica_crash(struct replica *replica) {
    struct replica *left = FX_NEW(sim->sc, struct replica);
    int64_t rescued_ms = sim->now_ms + chance_between(&sim->chance, 1000, 6000);

    replica_end(replica);
    memcpy(left->jobs, replica->jobs, sizeof left->jobs);
    memcpy(left->sending, replica->sending, sizeof left->sending);
    left->number = replica->number;
    left->began_unseen = replica->began_unseen;
    replica->began_unseen = false;
    sim_at(rescued_ms, rescue, left);
    sim_at(rescued_ms + chance_between(&sim->chance, 1, 20000), start_again, replica);
}
