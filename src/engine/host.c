/* host.c - what a running step may ask of the engine: checkpoints, progress, "am I to stop?", what
 * is known beyond the run. Its promises are in promises.c. */
#include "host.h"

#include "fluxabot/base/log.h"

#include <string.h>

/* The claim is over: whoever has it now goes on, and no facts have changed. */
static enum fx_code unless_lost(enum fx_code code, struct fx_error *err) {
    if (code == FX_ERR_CONFLICT)
        err->code = code = FX_ERR_CANCELED;
    return code;
}

static enum fx_code checkpoint(struct fx_step_host *host, struct fx_scope *sc,
                               const struct fx_json *value, struct fx_error *err) {
    struct engine_host *h = engine_host_of(host);
    struct engine_work *work = h->run->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_writes writes = {0};

    engine_work_goes_on(work, FX_ENGINE_STALL_MS);
    if (h->run->has_no_row) /* what was only read is read anew after a crash */
        return FX_OK;
    h->run->row->checkpoint_json = fx_json_dump(work->sc, value);
    h->run->row->updated_ms = fx_wall_ms(work->engine->options.clock);
    fx_writes_run(sc, &writes, h->run->row);
    return unless_lost(store->write(store, sc, work->job, &writes, err), err);
}

/* No confirmation: who wants to stop wants it now, and nothing is lost by it. */
struct fx_json *engine_stop_button(const struct engine_run *run, struct fx_scope *sc) {
    struct fx_json *button = engine_button(sc, "Stop", "stop", run->row->id, "danger");

    fx_json_put(button, "label",
                fx_json_stringf(sc, "Stop: %s; %s", engine_run_title(run),
                                run->runbook->watches ? "it is not looked at any longer"
                                                      : "what was done stays done"));
    return button;
}

static struct fx_json *progress_card(struct engine_host *h, struct fx_scope *sc,
                                     const struct fx_json *progress) {
    const struct fx_run *run = h->run->row;
    const char *text = fx_json_get_text(progress, "text");
    struct fx_json *by = fx_json_array_of(sc, fx_json_stringf(sc, "Run %s, asked by ", run->id),
                                          engine_asker(h->run->work, run), NULL);

    if (h->approval != NULL)
        engine_add_approvers(sc, by, fx_json_at(h->run->values, h->approval->step),
                             h->approval->decided_by);
    fx_json_add(by, fx_json_string(sc, ", updated "));
    fx_json_add(by, engine_time(sc, fx_wall_ms(h->run->work->engine->options.clock)));
    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "Running: %s (%s)", engine_run_title(h->run), run->environment), "tone",
        fx_json_string(sc, "wait"), "verdict",
        fx_json_string(sc, engine_sentence(sc, text == NULL ? "working" : text)), "fields",
        fx_json_at(progress, "fields"), "progress",
        fx_json_at(progress, "total") == NULL
            ? NULL
            : fx_json_object_of(sc, "done", fx_json_at(progress, "done"), "total",
                                fx_json_at(progress, "total"), NULL),
        "buttons",
        h->approval == NULL ? NULL : fx_json_array_of(sc, engine_stop_button(h->run, sc), NULL),
        "context", by, NULL);
}

/* Only runs that change something show how far they are; a reading one is over before it would
 * help. */
static void progress(struct fx_step_host *host, struct fx_scope *sc, const struct fx_json *value) {
    struct engine_host *h = engine_host_of(host);
    struct engine_work *work = h->run->work;
    struct fx_store *store = work->engine->options.store;
    int64_t now = fx_mono_ms(work->engine->options.clock);
    struct engine_work shown = {.engine = work->engine,
                                .sc = sc,
                                .job = work->job,
                                .now_ms = work->now_ms,
                                .urgency = FX_URGENCY_PROGRESS};
    struct fx_error err = {0};

    if (!fx_effect_changes(h->run->runbook->effect) ||
        (h->last_progress_mono_ms != 0 && now - h->last_progress_mono_ms < FX_ENGINE_PROGRESS_MS))
        return;
    h->last_progress_mono_ms = now;
    enum fx_code code =
        engine_put_card(&shown, engine_run_key(sc, h->run->row->id), h->run->row->parent,
                        h->run->system->channel, progress_card(h, sc, value), &err);

    if (code == FX_OK)
        code = store->write(store, sc, work->job, &shown.writes, &err);
    if (code != FX_OK)
        fx_log(sc, FX_LOG_WARN, "progress.not_shown", FX_E(&err));
    else
        work->engine->options.state->wake(work->engine->options.state, "outbox");
}

/* In a scope of its own: a long step asks often. */
static bool stop_requested(struct fx_step_host *host, struct fx_scope *outer) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(outer);
    struct engine_host *h = engine_host_of(host);
    struct fx_store *store = h->run->work->engine->options.store;
    const char *user = NULL;
    struct fx_error err = {0};

    engine_work_goes_on(h->run->work, FX_ENGINE_STALL_MS);
    /* a store that cannot be read cannot take the next intent either: going on is not possible */
    if (store->stopped_by(store, sc, h->run->row->id, &user, &err) == FX_OK && user != NULL) {
        h->run->row->stop_requested = true;
        h->run->row->stop_by = fx_strdup(h->run->work->sc, user);
    }
    return h->run->row->stop_requested;
}

static enum fx_code recall(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err) {
    return engine_recall(engine_host_of(host)->run, sc, name, ret_value, err);
}

static enum fx_code remember(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err) {
    return unless_lost(engine_remember(engine_host_of(host)->run, sc, name, value, err), err);
}

static enum fx_code past_run(struct fx_step_host *host, struct fx_scope *sc, const char *command,
                             const char *id, struct fx_json **ret_run, struct fx_error *err) {
    return engine_past_run(engine_host_of(host)->run, sc, command, id, ret_run, err);
}

struct fx_step_host *engine_host_new(struct engine_run *run, const struct fx_runbook_step *step,
                                     const struct fx_approval *approval) {
    struct engine_host *h = FX_NEW(run->work->sc, struct engine_host);

    *h = (struct engine_host){.host = {.checkpoint = checkpoint,
                                       .progress = progress,
                                       .stop_requested = stop_requested,
                                       .recall = recall,
                                       .remember = remember,
                                       .past_run = past_run},
                              .run = run,
                              .step = step,
                              .approval = approval};
    engine_promises_bind(&h->host);
    return &h->host;
}
