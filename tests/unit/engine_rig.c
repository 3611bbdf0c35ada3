/* engine_rig.c - see engine_rig.h */
#include "support/test.h"

#include "engine_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct fx_run engine_rig_row = {.id = "run1",
                                      .system = "fluxa",
                                      .environment = "dev",
                                      .command = "dlq redrive",
                                      .runbook_digest = "d1",
                                      .arguments_json = "{}",
                                      .trigger = "slash",
                                      .requester = "U1",
                                      .channel = "C1",
                                      .response_url = "",
                                      .parent = "",
                                      .incident = "",
                                      .state = FX_RUN_APPROVAL,
                                      .note = "",
                                      .values_json = "{}",
                                      .checkpoint_json = "",
                                      .stop_by = "",
                                      .created_ms = RIG_NOW_MS,
                                      .updated_ms = RIG_NOW_MS};

/* Anna has two accounts. */
static const char *const annas[] = {"U2", "U2B"};
static const struct fx_person persons[] = {{"anna", annas, FX_COUNT_OF(annas)}};
static const struct fx_policy policy = {.persons = persons, .persons_count = FX_COUNT_OF(persons)};

int engine_rig_set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct engine_rig *rig = FX_NEW(sc, struct engine_rig);
    struct fx_error err;

    rig->sc = sc;
    held_clock_init(&rig->clock, RIG_NOW_MS);
    /* in memory where there is such a place: the disk is the business of the store's own tests */
    snprintf(rig->dir, sizeof rig->dir, "%s/fluxabot-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(rig->dir));
    rig->engine.options.clock = &rig->clock.clock;
    rig->engine.options.random = fx_random_system();
    rig->engine.options.metrics = fx_metrics_new();
    rig->engine.options.state = fx_state_memory_new(&rig->clock.clock);
    rig->engine.options.policy = &policy;
    rig->engine.options.version = "1";
    rig->engine.options.execute_ms = RIG_LIFE_MS;
    assert_ok(fx_store_open(sc, fx_printf(sc, "sqlite://%s/x.db", rig->dir), &rig->clock.clock,
                            fx_random_system(), &rig->engine.options.store, &err));
    rig->work = (struct engine_work){
        .engine = &rig->engine, .sc = sc, .job = &rig->job, .now_ms = RIG_NOW_MS};
    rig->system = (struct fx_engine_system){.channel = "C1", .command = "/fluxa"};
    *state = rig;
    return 0;
}

int engine_rig_tear_down(void **state) {
    struct engine_rig *rig = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    rig->engine.options.store->close(rig->engine.options.store);
    rig->engine.options.state->close(rig->engine.options.state);
    fx_metrics_free(rig->engine.options.metrics);
    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(rig->sc, "%s/%s", rig->dir, files[i]));
    rmdir(rig->dir);
    fx_scope_free(rig->sc);
    return 0;
}

void engine_rig_keep(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_error err;

    assert_ok(store->write(store, rig->sc, NULL, &rig->work.writes, &err));
    rig->work.writes = (struct fx_writes){0};
}

void engine_rig_book(struct engine_rig *rig, const struct fx_runbook *book) {
    static const struct fx_environment environments[] = {{.name = "dev"}};
    struct fx_system *fluxa = FX_NEW(rig->sc, struct fx_system);

    *fluxa = (struct fx_system){.name = "fluxa",
                                .definition = fx_json_object(rig->sc),
                                .runbooks = book,
                                .runbooks_count = 1};
    engine_rig_run(rig, "fluxa", "dev", book->command, "r1");
    rig->system = (struct fx_engine_system){.system = fluxa,
                                            .channel = "C1",
                                            .command = "/fluxa",
                                            .environments = environments,
                                            .environments_count = 1};
    rig->engine.options.systems = &rig->system;
    rig->engine.options.systems_count = 1;
    rig->job = (struct fx_job){.kind = "run", .subject = "r1", .attempts = 1};
    rig->work.job = &rig->job;
}

struct fx_run *engine_rig_go_on(struct engine_rig *rig) {
    struct fx_store *store = rig->engine.options.store;
    struct fx_run *row = NULL;
    struct fx_error err = {0};

    assert_ok(engine_continue_run(&rig->work, &err));
    engine_rig_keep(rig);
    assert_ok(store->run(store, rig->sc, "r1", &row, &err));
    return row;
}

struct fx_json *engine_rig_json(struct engine_rig *rig, const char *text) {
    char *copy = fx_strdup(rig->sc, text);
    struct fx_json *json = NULL;
    struct fx_error err;

    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    assert_ok(fx_json_parse(rig->sc, fx_slice_of(copy), &json, &err));
    return json;
}

struct engine_run engine_rig_run(struct engine_rig *rig, const char *system,
                                 const char *environment, const char *command, const char *id) {
    struct fx_run *row = FX_NEW(rig->sc, struct fx_run);

    *row = engine_rig_row;
    row->id = id;
    row->system = system;
    row->environment = environment;
    row->command = command;
    row->state = FX_RUN_RUNNING;
    fx_writes_run(rig->sc, &rig->work.writes, row);
    engine_rig_keep(rig);
    rig->work.job = NULL;
    return (struct engine_run){.work = &rig->work,
                               .row = row,
                               .system = &rig->system,
                               .runbook = &rig->runbook,
                               .values = fx_json_object(rig->sc),
                               .names = fx_json_object(rig->sc)};
}
