/* runs.c - executions of runbooks, and the wish to stop one. */
#include "private.h"

#include <assert.h>

static const char *const state_names[] = {
    [FX_RUN_QUEUED] = "queued",   [FX_RUN_RUNNING] = "running",
    [FX_RUN_WAITING] = "waiting", [FX_RUN_APPROVAL] = "awaiting approval",
    [FX_RUN_ASKING] = "asking",   [FX_RUN_DONE] = "done",
    [FX_RUN_REFUSED] = "refused", [FX_RUN_DENIED] = "denied",
    [FX_RUN_EXPIRED] = "expired", [FX_RUN_STOPPED] = "stopped",
    [FX_RUN_FAILED] = "failed",
};

const char *fx_run_state_name(enum fx_run_state state) {
    assert((size_t)state < FX_COUNT_OF(state_names));
    return state_names[state];
}

bool fx_run_state_is_final(enum fx_run_state state) {
    return state >= FX_RUN_DONE;
}

enum fx_code store_run_put(struct store_link *link, const struct fx_run *run,
                           struct fx_error *err) {
    return store_exec(
        link, STMT_RUN_PUT,
        ST_VALUES(st_text(run->id), st_text(run->system), st_text(run->environment),
                  st_text(run->command), st_text(run->runbook_digest), st_text(run->arguments_json),
                  st_text(run->trigger), st_text(run->requester), st_text(run->channel),
                  st_text(run->response_url), st_text(run->parent), st_text(run->incident),
                  st_int(run->state), st_text(run->note), st_int(run->step),
                  st_text(run->values_json), st_text(run->checkpoint_json),
                  st_int(run->stop_requested), st_text(run->stop_by), st_int(run->created_ms),
                  st_int(run->updated_ms)),
        err);
}

static void *read_run(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_run *run = FX_NEW(sc, struct fx_run);

    *run = (struct fx_run){
        .id = store_text(rows, 0),
        .system = store_text(rows, 1),
        .environment = store_text(rows, 2),
        .command = store_text(rows, 3),
        .runbook_digest = store_text(rows, 4),
        .arguments_json = store_text(rows, 5),
        .trigger = store_text(rows, 6),
        .requester = store_text(rows, 7),
        .channel = store_text(rows, 8),
        .response_url = store_text(rows, 9),
        .parent = store_text(rows, 10),
        .incident = store_text(rows, 11),
        .state = (enum fx_run_state)store_int(rows, 12),
        .note = store_text(rows, 13),
        .step = (int)store_int(rows, 14),
        .values_json = store_text(rows, 15),
        .checkpoint_json = store_text(rows, 16),
        .stop_requested = store_int(rows, 17) != 0,
        .stop_by = store_text(rows, 18),
        .created_ms = store_int(rows, 19),
        .updated_ms = store_int(rows, 20),
    };
    return run;
}

/* ---- stop ---- */

struct stop {
    const char *run_id, *user;
    struct store_batch batch;
};

static enum fx_code why_not_stopped(struct store_link *link, const char *run_id,
                                    struct fx_error *err) {
    int64_t stopped = 0;
    bool known = false;

    FX_TRY(
        store_read_int(link, STMT_RUN_STOPPED, ST_VALUES(st_text(run_id)), &known, &stopped, err));
    if (!known)
        return fx_fail(err, FX_ERR_NOT_FOUND, "there is no run %s", run_id);
    if (stopped == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "the run %s has already ended", run_id);
    return FX_OK;
}

static enum fx_code stop_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct stop *stop = what;

    FX_TRY(store_exec(link, STMT_RUN_STOP,
                      ST_VALUES(st_text(stop->user), st_text(stop->run_id), st_int(FX_RUN_DONE)),
                      err));
    if (link->changed == 0)
        return why_not_stopped(link, stop->run_id, err);
    return store_apply(link, &stop->batch, NULL, err);
}

static enum fx_code request_stop(struct fx_store *store, struct fx_scope *sc, const char *run_id,
                                 const char *user, const struct fx_writes *writes,
                                 struct fx_error *err) {
    struct stop stop = {run_id, user, store_batch_of(store_of(store), sc, writes)};

    return store_write(store, sc, stop_in, &stop, err);
}

/* ---- reading ---- */

static enum fx_code get_run(struct fx_store *store, struct fx_scope *sc, const char *id,
                            struct fx_run **ret_run, struct fx_error *err) {
    return store_one(store, sc, STMT_RUN_GET, ST_VALUES(st_text(id)), read_run, ret_run, err);
}

static void *read_user(struct fx_scope *sc, const struct store_rows *rows) {
    (void)sc;
    return (void *)(uintptr_t)store_text(rows, 0);
}

static enum fx_code stopped_by(struct fx_store *store, struct fx_scope *sc, const char *run,
                               const char **ret_user, struct fx_error *err) {
    return store_one(store, sc, STMT_RUN_STOPPED_BY, ST_VALUES(st_text(run)), read_user, ret_user,
                     err);
}

static enum fx_code list_runs(struct fx_store *store, struct fx_scope *sc, const char *system,
                              bool open, size_t max, struct fx_run ***ret_runs, size_t *ret_count,
                              struct fx_error *err) {
    int64_t below = open ? FX_RUN_DONE : INT32_MAX;

    return store_list(store, sc, STMT_RUN_LIST,
                      ST_VALUES(st_text(system), st_int(below), st_int(store_max_rows(max))),
                      read_run, ret_runs, ret_count, err);
}

void store_runs_bind(struct fx_store *store) {
    store->request_stop = request_stop;
    store->run = get_run;
    store->stopped_by = stopped_by;
    store->runs = list_runs;
}
