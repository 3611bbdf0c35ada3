/* runs.c - a run: how it begins, what its expressions see, how it ends. */
#include "files.h"
#include "told.h"

#include "fluxabot/base/log.h"

#include <string.h>

static const char trigger_follow_up[] = "follow-up";

char *engine_run_key(struct fx_scope *sc, const char *run_id) {
    return fx_printf(sc, "run:%s", run_id);
}

const char *engine_run_title(const struct engine_run *run) {
    const char *title = fx_json_get_text(run->values, "_title");

    return title != NULL
               ? title
               : fx_printf(run->work->sc, "%s %s", run->system->command, run->row->command);
}

enum fx_code engine_start_run(struct engine_work *work, const struct engine_ask *ask,
                              struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const char *id = ask->run_id != NULL ? ask->run_id : engine_id(work, "");
    const char *values = ask->values_json != NULL ? ask->values_json : "{}";
    int64_t due_ms = ask->due_ms > 0 ? ask->due_ms : work->now_ms;

    (void)err;
    fx_writes_run(sc, &work->writes,
                  &(struct fx_run){.id = id,
                                   .system = ask->system->system->name,
                                   .environment = ask->environment,
                                   .command = ask->runbook->command,
                                   .runbook_digest = ask->runbook->digest,
                                   .arguments_json = fx_json_dump(sc, ask->arguments),
                                   .trigger = ask->trigger,
                                   .requester = ask->requester,
                                   .channel = ask->channel,
                                   .response_url = ask->response_url,
                                   .parent = ask->parent,
                                   .incident = ask->incident,
                                   .state = FX_RUN_QUEUED,
                                   .note = "",
                                   .values_json = values,
                                   .checkpoint_json = "",
                                   .stop_by = "",
                                   .created_ms = due_ms,
                                   .updated_ms = work->now_ms});
    fx_writes_job_of_rank(sc, &work->writes,
                          ask->requester[0] == '\0' ? FX_RANK_MACHINE : FX_RANK_PERSON, "run", id,
                          due_ms);
    fx_metrics_add(work->engine->options.metrics, FX_METRIC_RUNS_STARTED, 1);
    if (strcmp(ask->trigger, "schedule") == 0) /* audited if it has something to tell */
        return FX_OK;
    fx_writes_audit(sc, &work->writes, ask->requester[0] == '\0' ? ask->trigger : ask->requester,
                    "run.started", id,
                    fx_json_object_of(sc, "command", fx_json_string(sc, ask->runbook->command),
                                      "arguments", fx_json_copy(sc, ask->arguments), "environment",
                                      fx_json_string(sc, ask->environment), "trigger",
                                      fx_json_string(sc, ask->trigger), NULL));
    return FX_OK;
}

/* ---- what a run sees ---- */

static const char *database_url(const struct fx_step_context *ctx, const char *name) {
    const struct engine_run *run = ctx->owner;

    return fx_json_get_text(run->environment->databases, name);
}

static const char *database_place(const struct fx_step_context *ctx, const char *name) {
    const struct engine_run *run = ctx->owner;

    return fx_json_get_text(run->environment->places, name);
}

void engine_step_context(struct engine_run *run, struct fx_step_context *ret_context) {
    struct fx_engine_options *options = &run->work->engine->options;

    if (run->aws == NULL) /* in CloudTrail stands which run it was */
        run->aws = engine_aws(run->work, run->environment,
                              fx_printf(run->work->sc, "fluxabot-%s", run->row->id));
    *ret_context = (struct fx_step_context){.sc = run->work->sc,
                                            .clock = options->clock,
                                            .http = options->http,
                                            .aws = run->aws,
                                            .system = run->filled,
                                            .environment = run->environment->name,
                                            .database_url = database_url,
                                            .database_place = database_place,
                                            .owner = run};
}

static void note_size(struct engine_run *run) {
    if (strlen(run->row->values_json) > ENGINE_LARGE_BYTES)
        run->work->large = true;
}

enum fx_code engine_bind_names(struct engine_run *run, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *arguments = NULL, *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->arguments_json), &arguments, err));
    FX_TRY(fx_json_parse(sc, fx_slice_of(run->row->values_json), &run->values, err));
    note_size(run);
    run->names = fx_json_object_of(
        sc, "arguments", arguments, "variables", fx_json_at(run->filled, "variables"), "queue",
        fx_json_at(run->filled, "queues"), "dlq_classes", fx_json_at(run->filled, "dlq_classes"),
        "environment", fx_json_string(sc, run->environment->name), "now",
        fx_json_int(sc, run->work->now_ms), "run",
        fx_json_object_of(sc, "id", fx_json_string(sc, run->row->id), "requester",
                          fx_json_string(sc, run->row->requester), "trigger",
                          fx_json_string(sc, run->row->trigger), "started",
                          fx_json_int(sc, run->row->created_ms), NULL),
        "incident", fx_json_object_of(sc, "id", fx_json_string(sc, run->row->incident), NULL),
        NULL);
    while (fx_json_next(run->values, &cursor, &key, &value))
        fx_json_put(run->names, key, value);
    return FX_OK;
}

enum fx_code engine_load_run(struct engine_work *work, struct engine_run *ret,
                             struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;

    *ret = (struct engine_run){.work = work};
    FX_TRY(store->run(store, work->sc, work->job->subject, &ret->row, err));
    if (ret->row == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "the run %s is not in the store", work->job->subject);
    ret->system = engine_system(work->engine, ret->row->system);
    ret->environment =
        ret->system == NULL ? NULL : engine_environment(ret->system, ret->row->environment);
    ret->runbook =
        ret->system == NULL ? NULL : fx_system_find(ret->system->system, ret->row->command);
    if (ret->environment == NULL || ret->runbook == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "%s %s (%s) is no longer configured", ret->row->system,
                       ret->row->command, ret->row->environment);
    FX_TRY(fx_system_fill(work->sc, ret->system->system, ret->environment->name,
                          ret->environment->variables, &ret->filled, err));
    return engine_bind_names(ret, err);
}

void engine_save_run(struct engine_run *run) {
    run->row->values_json = fx_json_dump(run->work->sc, run->values);
    note_size(run);
    run->row->updated_ms = fx_wall_ms(run->work->engine->options.clock);
    fx_writes_run(run->work->sc, &run->work->writes, run->row);
}

/* ---- how a run ends ---- */

/* What looks again by itself stays in a thread, where nobody is notified, unless it found something
 * bad. A watch is one message from its first look on, and stays where that stands. */
static bool is_bad_news(const struct engine_run *run, const struct fx_json *card) {
    const char *tone = fx_json_get_text(card, "tone");

    return strcmp(run->row->trigger, trigger_follow_up) == 0 && tone != NULL &&
           strcmp(tone, "bad") == 0;
}

enum fx_code engine_put_run_card(struct engine_run *run, const struct fx_json *card,
                                 struct fx_error *err) {
    struct engine_work *work = run->work;

    /* a change is decided by others, who must see it; a failure is never shared */
    if (run->runbook->is_private && run->row->requester[0] != '\0' &&
        !fx_effect_changes(run->runbook->effect) && !fx_json_get_bool(card, "shared", false))
        return engine_whisper(work, run->row->channel, run->row->requester, run->row->response_url,
                              card, err);
    const char *key = engine_run_key(work->sc, run->row->id);
    const char *parent = is_bad_news(run, card) && !run->runbook->watches ? "" : run->row->parent;

    FX_TRY(engine_put_card(work, key, parent, run->system->channel, card, err));
    engine_put_files(work, fx_json_at(card, "files"), parent[0] == '\0' ? key : parent,
                     run->system->channel);
    return FX_OK;
}

enum fx_code engine_end_run(struct engine_run *run, enum fx_run_state state, const char *note,
                            const struct fx_json *card, struct fx_error *err) {
    struct engine_work *work = run->work;

    FX_TRY(engine_put_run_card(run, card, err));
    if (!run->asked) /* they were planned when it began to ask */
        FX_TRY(engine_start_follow_ups(run, err));
    run->row->state = state;
    run->row->note = note;
    if (state != FX_RUN_ASKING) /* what asks may be looked at again */
        run->row->checkpoint_json = "";
    engine_save_run(run);
    fx_writes_audit(work->sc, &work->writes, "fluxabot", "run.ended", run->row->id,
                    fx_json_object_of(work->sc, "state",
                                      fx_json_string(work->sc, fx_run_state_name(state)), "note",
                                      fx_json_string(work->sc, note), NULL));
    if (run->row->incident[0] != '\0' &&
        (fx_effect_changes(run->runbook->effect) || is_bad_news(run, card)))
        FX_TRY(
            engine_incident_note(run, fx_printf(work->sc, "%s: %s", run->row->command, note), err));
    fx_log(work->sc, FX_LOG_INFO, "run.ended", FX_S("command", run->row->command),
           FX_S("state", fx_run_state_name(state)), FX_S("note", note));
    return FX_OK;
}

/* No answer came, and it was looked for: see change.c of the steps. */
static bool is_as_before(struct fx_scope *sc, const struct fx_intent *intent) {
    struct fx_json *outcome = NULL;
    struct fx_error ignored;

    return fx_json_parse(sc, fx_slice_of(intent->outcome_json), &outcome, &ignored) == FX_OK &&
           fx_json_get_bool(outcome, "as_before", false);
}

enum fx_code engine_count_changes(struct engine_work *work, const char *run_id,
                                  struct engine_changes *ret_changes, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_intent **intents = NULL;
    size_t count = 0;

    FX_TRY(store->intents(store, work->sc, run_id, NULL, &intents, &count, err));
    *ret_changes = (struct engine_changes){0};
    for (size_t i = 0; i < count; i++) {
        enum fx_known known = engine_known(work->sc, intents[i]);
        bool open = known == FX_KNOWN_BEGUN || known == FX_KNOWN_UNKNOWN;

        ret_changes->made += open || known == FX_KNOWN_DONE;
        ret_changes->open += open;
        ret_changes->as_before += known == FX_KNOWN_FAILED && is_as_before(work->sc, intents[i]);
    }
    return FX_OK;
}

const char *engine_changes_text(struct fx_scope *sc, const struct engine_changes *changes) {
    if (changes->open > 0)
        return fx_printf(
            sc,
            "Of %zu %s begun before, %zu may or may not have been made and will not be "
            "tried again; the audit log names each of them.",
            changes->made, changes->made == 1 ? "change" : "changes", changes->open);
    if (changes->made > 0)
        return fx_printf(sc, "%zu %s had been made before; the audit log names each of them.",
                         changes->made, changes->made == 1 ? "change" : "changes");
    return changes->as_before > 0 ? "As far as can be seen, nothing was changed."
                                  : "Nothing was changed.";
}

/* left may be NULL. */
static struct fx_json *lines_of(struct fx_scope *sc, const char *changes, const char *left) {
    return fx_json_array_of(sc, fx_json_string(sc, changes),
                            left == NULL ? NULL : fx_json_string(sc, left), NULL);
}

/* "Refused" promises that nothing happened, "Failed" that what happened is known. */
enum fx_code engine_fail_run(struct engine_run *run, enum fx_run_state state, const char *step_id,
                             const struct fx_error *why, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct engine_changes changes = {0};
    struct engine_left left;
    struct fx_json *open = NULL;
    const char *note = fx_strdup(sc, why->message);

    if (engine_is_scheduled(run->row))
        return engine_scheduled_failed(run->work, run->row, state, why, err);
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    FX_TRY(engine_open_changes(run->work, run->row->id, &open, err));
    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    run->row->checkpoint_json = "";
    if (changes.open > 0)
        state = FX_RUN_ASKING;
    else if (changes.made + changes.as_before > 0 && state == FX_RUN_REFUSED)
        state = FX_RUN_FAILED;
    const char *title = state == FX_RUN_REFUSED  ? "Refused"
                        : state == FX_RUN_ASKING ? "Please look"
                                                 : "Failed";

    if (state != FX_RUN_REFUSED)
        fx_metrics_add(run->work->engine->options.metrics,
                       state == FX_RUN_ASKING ? FX_METRIC_RUNS_UNKNOWN : FX_METRIC_RUNS_FAILED, 1);
    struct fx_json *card = fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "%s: %s (%s)", title, engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, "bad"), "verdict", fx_json_string(sc, engine_sentence(sc, note)),
        "lines", lines_of(sc, engine_changes_text(sc, &changes), engine_left_text(sc, &left)),
        "code", open == NULL ? NULL : fx_json_string(sc, fx_json_dump_pretty(sc, open)), "buttons",
        changes.open > 0 ? engine_tell_buttons(sc, run->row->id, engine_left_asks_back(&left))
                         : NULL,
        "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(run->work, run->row),
                         fx_json_stringf(sc, ", step %s of run %s", step_id, run->row->id), NULL),
        NULL);

    if (run->row->incident[0] != '\0' && strcmp(run->row->trigger, "alarm") == 0)
        FX_TRY(engine_incident_verdict(run->work, run->row->incident,
                                       fx_printf(sc, "The diagnosis by %s %s failed: %s",
                                                 run->system->command, run->row->command, note),
                                       err));
    return engine_end_run(run, state, note, card, err);
}
