/* schedules.c - runs that nobody asked for: when they start, and whether what they found is told.
 *
 * The next tick of a schedule is a job, the last value it saw a setting, so both survive whatever
 * happens. A run that finds nothing new leaves nothing behind: no message, no audit row, and its
 * own row serves the next run. One that is told keeps its row, which its buttons need.
 */
#include "files.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

enum {
    VALUE_MAX_BYTES = 500
}; /* of a remembered value; a longer one is remembered by its digest */

/* A schedule where it runs. */
struct place {
    const struct fx_engine_system *system;
    const struct fx_environment *environment;
    const struct fx_schedule *schedule;
    const char *name; /* "fluxa/prod/dead letters": the subject of its job */
};

/* ---- which there are ---- */

static bool runs_in(const struct fx_schedule *schedule, const char *environment) {
    for (size_t i = 0; i < schedule->environments_count; i++)
        if (strcmp(schedule->environments[i], environment) == 0)
            return true;
    return schedule->environments_count == 0;
}

static size_t add_places(struct fx_scope *sc, const struct fx_engine_system *system,
                         struct place *places, size_t count) {
    for (size_t i = 0; !system->no_schedules && i < system->system->schedules_count; i++)
        for (size_t j = 0; j < system->environments_count; j++) {
            const struct fx_schedule *schedule = &system->system->schedules[i];
            const struct fx_environment *environment = &system->environments[j];

            if (runs_in(schedule, environment->name))
                places[count++] = (struct place){system, environment, schedule,
                                                 fx_printf(sc, "%s/%s/%s", system->system->name,
                                                           environment->name, schedule->name)};
        }
    return count;
}

static struct place *all_places(const struct fx_engine *engine, struct fx_scope *sc,
                                size_t *ret_count) {
    const struct fx_engine_options *options = &engine->options;
    size_t most = 0;

    *ret_count = 0;
    for (size_t i = 0; i < options->systems_count; i++)
        most +=
            options->systems[i].system->schedules_count * options->systems[i].environments_count;
    struct place *places = fx_alloc(sc, (most + 1) * sizeof *places);

    for (size_t i = 0; i < options->systems_count; i++)
        *ret_count = add_places(sc, &options->systems[i], places, *ret_count);
    return places;
}

/* NULL: it is no longer configured. */
static const struct place *find_place(const struct engine_work *work, const char *name) {
    size_t count = 0;
    struct place *places = all_places(work->engine, work->sc, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(places[i].name, name) == 0)
            return &places[i];
    return NULL;
}

enum fx_code engine_schedules_begin(struct fx_engine *engine, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = engine->options.store;
    struct fx_writes writes = {0};
    size_t count = 0;
    const struct place *places = all_places(engine, sc, &count);
    int64_t now_ms = fx_wall_ms(engine->options.clock);

    for (size_t i = 0; i < count; i++)
        fx_writes_job(sc, &writes, "schedule", places[i].name,
                      fx_schedule_next(places[i].schedule, now_ms));
    if (count == 0)
        return FX_OK;
    FX_TRY(store->write(store, sc, NULL, &writes, err));
    engine->options.state->wake(engine->options.state, "jobs");
    return FX_OK;
}

/* ---- a tick ---- */

static char *value_setting(struct fx_scope *sc, const char *place) {
    return fx_printf(sc, "schedule:%s", place);
}

static char *run_setting(struct fx_scope *sc, const char *place) {
    return fx_printf(sc, "schedule-run:%s", place);
}

static struct fx_json *values_of(struct fx_scope *sc, const struct fx_run *run) {
    struct fx_json *values = NULL;
    struct fx_error ignored;

    return fx_json_parse(sc, fx_slice_of(run->values_json), &values, &ignored) == FX_OK
               ? values
               : fx_json_object(sc);
}

static enum fx_code newest_run(struct engine_work *work, const char *place, struct fx_run **ret_run,
                               struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    const char *id = "";

    *ret_run = NULL;
    FX_TRY(store->setting(store, work->sc, run_setting(work->sc, place), &id, err));
    return id[0] == '\0' ? FX_OK : store->run(store, work->sc, id, ret_run, err);
}

static bool is_over(const struct fx_run *run) {
    return fx_run_state_is_final(run->state) || run->state == FX_RUN_ASKING;
}

/* A run that told nothing is known to nobody, so its row may serve again. */
static bool may_serve_again(struct fx_scope *sc, const struct fx_run *run) {
    return run != NULL && !run->stop_requested &&
           fx_json_get_bool(values_of(sc, run), "_untold", false);
}

static enum fx_code start(struct engine_work *work, const struct place *place,
                          const struct fx_run *last, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    const struct fx_runbook *runbook = NULL;
    struct fx_json *arguments = NULL;
    const char *id = may_serve_again(sc, last) ? last->id : engine_id(work, "");
    struct fx_slice rest;

    fx_system_match(place->system->system, fx_slice_of(place->schedule->command), &runbook, &rest);
    if (runbook == NULL) /* check has made sure of it */
        return FX_OK;
    FX_TRY(fx_runbook_arguments(sc, runbook, rest, &arguments, err));
    fx_writes_setting(sc, &work->writes, run_setting(sc, place->name), id);
    return engine_start_run(
        work,
        &(struct engine_ask){
            .system = place->system,
            .runbook = runbook,
            .arguments = arguments,
            .environment = place->environment->name,
            .trigger = "schedule",
            .requester = "",
            .channel = place->system->channel,
            .response_url = "",
            .parent = "",
            .incident = "",
            .run_id = id,
            .values_json = fx_json_dump(
                sc, fx_json_object_of(sc, "_schedule", fx_json_string(sc, place->schedule->name),
                                      NULL))},
        err);
}

/* One at a time: what is slower than its rhythm misses ticks. */
static void skip_tick(struct engine_work *work, const struct fx_run *run) {
    fx_log(work->sc, FX_LOG_WARN, "schedule.skipped", FX_S("run", run->id),
           FX_S("state", fx_run_state_name(run->state)));
    if (run->state != FX_RUN_WAITING) /* should its job be lost, it would wait for it for ever */
        fx_writes_job(work->sc, &work->writes, "run", run->id, work->now_ms);
}

/* However many ticks were missed, this is the one run that makes up for them. */
enum fx_code engine_schedule(struct engine_work *work, struct fx_error *err) {
    const struct place *place = find_place(work, work->job->subject);
    struct fx_run *last = NULL;

    if (place == NULL) {
        fx_log(work->sc, FX_LOG_INFO, "schedule.gone");
        return FX_OK;
    }
    engine_schedule_skip(work);
    /* no tick has come since then: the job was made by another rhythm, or by a clock set back. One
     * that is tried again is due at no tick either */
    if (work->job->attempts == 1 &&
        fx_schedule_last(place->schedule, work->now_ms) < work->job->due_ms)
        return FX_OK;
    FX_TRY(newest_run(work, place->name, &last, err));
    if (last != NULL && !is_over(last)) {
        skip_tick(work, last);
        return FX_OK;
    }
    return start(work, place, last, err);
}

void engine_schedule_skip(struct engine_work *work) {
    const struct place *place = find_place(work, work->job->subject);

    if (place != NULL)
        fx_writes_job(work->sc, &work->writes, "schedule", place->name,
                      fx_schedule_next(place->schedule, work->now_ms));
}

/* ---- the end of a run ---- */

bool engine_is_scheduled(const struct fx_run *run) {
    return strcmp(run->trigger, "schedule") == 0;
}

static const char *schedule_name(struct fx_scope *sc, const struct fx_run *run) {
    const char *name = fx_json_get_text(values_of(sc, run), "_schedule");

    return name == NULL ? "" : name;
}

static const struct place *place_of_run(const struct engine_work *work, const struct fx_run *run) {
    return find_place(work, fx_printf(work->sc, "%s/%s/%s", run->system, run->environment,
                                      schedule_name(work->sc, run)));
}

struct fx_json *engine_asker(const struct engine_work *work, const struct fx_run *run) {
    if (run->requester[0] != '\0')
        return engine_user(work->sc, run->requester);
    if (!engine_is_scheduled(run))
        return fx_json_stringf(work->sc, "the %s", run->trigger);
    const struct place *place = place_of_run(work, run);

    return fx_json_stringf(work->sc, "the schedule %s%s%s", schedule_name(work->sc, run),
                           place == NULL ? "" : ", ", place == NULL ? "" : place->schedule->rhythm);
}

static void write_end(struct engine_work *work, struct fx_run *run, enum fx_run_state state,
                      const char *note, bool told) {
    run->state = state;
    run->note = note;
    run->checkpoint_json = "";
    run->updated_ms = fx_wall_ms(work->engine->options.clock);
    fx_writes_run(work->sc, &work->writes, run);
    fx_log(work->sc, FX_LOG_INFO, "run.ended", FX_S("command", run->command),
           FX_S("schedule", schedule_name(work->sc, run)), FX_S("state", fx_run_state_name(state)),
           FX_S("note", note), FX_B("told", told));
}

static void end_quietly(struct engine_work *work, struct fx_run *run, enum fx_run_state state,
                        const char *note) {
    struct fx_scope *sc = work->sc;

    run->values_json = fx_json_dump(
        sc, fx_json_object_of(sc, "_schedule", fx_json_string(sc, schedule_name(sc, run)),
                              "_untold", fx_json_bool(sc, true), NULL));
    write_end(work, run, state, note, false);
}

static enum fx_code end_told(struct engine_work *work, const struct place *place,
                             struct fx_run *run, enum fx_run_state state, const char *note,
                             const struct fx_json *card, struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    const char *key = engine_run_key(sc, run->id);

    FX_TRY(engine_put_card(work, key, "", place->system->channel, card, err));
    engine_put_files(work, fx_json_at(card, "files"), key, place->system->channel);
    write_end(work, run, state, note, true);
    fx_writes_audit(sc, &work->writes, "schedule", "run.ended", run->id,
                    fx_json_object_of(sc, "schedule", fx_json_string(sc, place->schedule->name),
                                      "command", fx_json_string(sc, run->command), "arguments",
                                      fx_json_string(sc, run->arguments_json), "environment",
                                      fx_json_string(sc, run->environment), "started",
                                      fx_json_int(sc, run->created_ms), "state",
                                      fx_json_string(sc, fx_run_state_name(state)), "note",
                                      fx_json_string(sc, note), NULL));
    return FX_OK;
}

/* Remembers the value in the transaction that ends the run. What was never looked at before and is
 * good is no news. */
static enum fx_code is_news(struct engine_work *work, const struct place *place, const char *value,
                            bool good, bool *ret_news, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    const char *setting = value_setting(work->sc, place->name), *known = "";

    FX_TRY(store->setting(store, work->sc, setting, &known, err));
    bool changed = strcmp(known, value) != 0;

    if (changed)
        fx_writes_setting(work->sc, &work->writes, setting, value);
    *ret_news = place->schedule->always || (known[0] == '\0' ? !good : changed);
    return FX_OK;
}

static enum fx_code value_of(struct engine_run *run, const struct fx_schedule *schedule,
                             const struct fx_json *card, const char **ret_value,
                             struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *value = fx_json_at(card, "title");

    if (schedule->changes != NULL &&
        fx_expr_fill(sc, schedule->changes, run->names, &value, err) != FX_OK)
        return fx_fail_in(err, "changes of the schedule %s", schedule->name);
    *ret_value = fx_json_dump_canonical(sc, value);
    if (strlen(*ret_value) > VALUE_MAX_BYTES)
        *ret_value = fx_printf(sc, "sha256:%s", fx_sha256_hex(sc, fx_slice_of(*ret_value)));
    return FX_OK;
}

enum fx_code engine_scheduled_done(struct engine_run *run, const struct fx_json *card,
                                   struct fx_error *err) {
    struct engine_work *work = run->work;
    const struct place *place = place_of_run(work, run->row);
    const char *note = fx_json_get_text(card, "verdict");
    const char *tone = fx_json_get_text(card, "tone"), *value = "";
    struct fx_error why = {0};
    bool news = false;

    note = note == NULL ? "done" : note;
    if (place == NULL) { /* the schedule was taken away meanwhile */
        end_quietly(work, run->row, FX_RUN_DONE, note);
        return FX_OK;
    }
    if (value_of(run, place->schedule, card, &value, &why) != FX_OK)
        return engine_scheduled_failed(work, run->row, FX_RUN_FAILED, &why, err);
    FX_TRY(is_news(work, place, value, tone != NULL && strcmp(tone, "good") == 0, &news, err));
    if (!news) {
        end_quietly(work, run->row, FX_RUN_DONE, note);
        return FX_OK;
    }
    run->row->values_json = fx_json_dump(work->sc, run->values);
    return end_told(work, place, run->row, FX_RUN_DONE, note, card, err);
}

/* ---- what could not be looked at ---- */

/* A service that is away fails now in one way and now in another: that is one piece of news. */
static const char *failure_value(struct fx_scope *sc, enum fx_code code) {
    if (fx_code_is_transient(code))
        code = FX_ERR_UNAVAILABLE;
    return fx_printf(sc, "failed: %s", fx_code_name(code));
}

static struct fx_json *failure_card(struct engine_work *work, const struct place *place,
                                    const struct fx_run *run, const char *note) {
    struct fx_scope *sc = work->sc;

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "Could not look: %s (%s)", place->schedule->name, run->environment),
        "tone", fx_json_string(sc, "bad"), "verdict", fx_json_string(sc, engine_sentence(sc, note)),
        "lines",
        fx_json_array_of(
            sc,
            fx_json_stringf(sc, "%s %s is tried again %s%s.", place->system->command,
                            place->schedule->command, place->schedule->rhythm,
                            place->schedule->always ? "" : "; you are told when this changes"),
            NULL),
        "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(work, run),
                         fx_json_stringf(sc, " in %s, run %s", run->environment, run->id), NULL),
        NULL);
}

enum fx_code engine_scheduled_failed(struct engine_work *work, struct fx_run *run,
                                     enum fx_run_state state, const struct fx_error *why,
                                     struct fx_error *err) {
    const struct place *place = place_of_run(work, run);
    const char *note = fx_strdup(work->sc, why->message);
    bool news = false;

    /* refused: the runbook was edited after the tick. Nothing was found out; the next tick will */
    if (place == NULL || state == FX_RUN_REFUSED) {
        end_quietly(work, run, state, note);
        return FX_OK;
    }
    fx_metrics_add(work->engine->options.metrics, FX_METRIC_RUNS_FAILED, 1);
    FX_TRY(is_news(work, place, failure_value(work->sc, why->code), false, &news, err));
    if (!news) {
        end_quietly(work, run, state, note);
        return FX_OK;
    }
    return end_told(work, place, run, state, note, failure_card(work, place, run, note), err);
}
