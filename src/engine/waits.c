/* waits.c - waits that look again: the way back to the first step of a look, the card in between,
 * and that of one name one goes on at a time.
 *
 * How far a watch is stands among the run's values, so a kill between any two of its looks finds it
 * there, and the next look is a job with its time. What an earlier look read is forgotten when the
 * next begins.
 */
#include "steps.h"

#include "fluxabot/base/log.h"
#include "fluxabot/expr.h"

#include <string.h>

bool engine_looks_again(const struct fx_runbook_step *step) {
    return step->kind->again != NULL &&
           fx_json_text_slice(fx_json_at(step->params, step->kind->again)).len > 0;
}

/* ---- of one name one at a time ---- */

static const char *setting_name(struct engine_run *run, const char *name) {
    return fx_printf(run->work->sc, "watch:%s/%s:%s", run->row->system, run->row->environment,
                     name);
}

/* The run that has the name, unless it is this one or has ended. */
static enum fx_code read_holder(struct engine_run *run, const char *name, const char **ret_value,
                                struct fx_run **ret_other, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;

    *ret_other = NULL;
    FX_TRY(store->setting(store, run->work->sc, setting_name(run, name), ret_value, err));
    if ((*ret_value)[0] == '\0' || strcmp(*ret_value, run->row->id) == 0)
        return FX_OK;
    FX_TRY(store->run(store, run->work->sc, *ret_value, ret_other, err));
    if (*ret_other != NULL && fx_run_state_is_final((*ret_other)->state))
        *ret_other = NULL;
    return FX_OK;
}

/* Somebody else may do the same at the same moment: then all of it is looked at anew. */
static enum fx_code take_name(struct engine_run *run, const char *name, const char *before,
                              struct fx_error *err) {
    struct engine_work *work = run->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_writes writes = {0};

    fx_writes_setting_if(work->sc, &writes, setting_name(run, name), run->row->id, before);
    enum fx_code code = store->write(store, work->sc, work->job, &writes, err);

    if (code == FX_ERR_CONFLICT)
        err->code = code = FX_ERR_CANCELED;
    return code;
}

static enum fx_code refuse_second(struct engine_run *run, const struct fx_run *other,
                                  struct fx_error *err) {
    const char *since = fx_duration(run->work->sc, fx_wall_ms(run->work->engine->options.clock) -
                                                       other->created_ms);

    return fx_fail(err, FX_ERR_CONFLICT,
                   "this is watched already: %s %s (run %s), begun %s ago; look at its card, or "
                   "stop it there and ask again",
                   run->system->command, other->command, other->id, since);
}

/* At the first look. */
static enum fx_code claim(struct engine_run *run, const struct fx_json *params,
                          struct fx_error *err) {
    const char *name = fx_json_get_text(params, "name"), *value = "";
    struct fx_run *other = NULL;

    if (run->has_no_row || name == NULL || name[0] == '\0')
        return FX_OK;
    FX_TRY(read_holder(run, name, &value, &other, err));
    if (strcmp(value, run->row->id) == 0)
        return FX_OK;
    if (other != NULL && !fx_json_get_bool(params, "takes_over", false))
        return refuse_second(run, other, err);
    return take_name(run, name, value, err);
}

/* At every later one: a newer watch of the same name ends this one. */
static enum fx_code is_replaced(struct engine_run *run, const struct fx_json *params,
                                bool *ret_replaced, struct fx_error *err) {
    const char *name = fx_json_get_text(params, "name"), *value = "";
    struct fx_run *other = NULL;

    *ret_replaced = false;
    if (run->has_no_row || name == NULL || name[0] == '\0')
        return FX_OK;
    FX_TRY(read_holder(run, name, &value, &other, err));
    *ret_replaced = other != NULL;
    return FX_OK;
}

/* ---- one call of the step ---- */

static enum fx_code end_replaced(struct engine_run *run, struct fx_json *state,
                                 struct fx_step_result *ret_result) {
    struct fx_scope *sc = run->work->sc;

    fx_json_put(state, "done", fx_json_bool(sc, true));
    fx_json_put(state, "why", fx_json_string(sc, "replaced"));
    fx_json_remove(state, "due");
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE, .output = state};
    return FX_OK;
}

enum fx_code engine_begin_look(struct engine_run *run, const struct fx_runbook_step *step,
                               const struct fx_json *params, struct fx_json **ret_state,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    bool replaced = false;

    *ret_state = fx_json_at(run->values, step->id);
    if (*ret_state == NULL)
        return claim(run, params, err);
    FX_TRY(is_replaced(run, params, &replaced, err));
    return replaced ? end_replaced(run, *ret_state, ret_result) : FX_OK;
}

enum fx_code engine_refuse_watch(struct engine_run *run, const char *step_id,
                                 const struct fx_error *why, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;

    if (run->row->requester[0] != '\0')
        return engine_fail_run(run, FX_RUN_REFUSED, step_id, why, err);
    run->row->state = FX_RUN_REFUSED;
    run->row->note = fx_strdup(sc, why->message);
    run->row->checkpoint_json = "";
    engine_save_run(run);
    fx_writes_audit(sc, &run->work->writes, "fluxabot", "run.ended", run->row->id,
                    fx_json_object_of(sc, "state",
                                      fx_json_string(sc, fx_run_state_name(FX_RUN_REFUSED)), "note",
                                      fx_json_string(sc, run->row->note), NULL));
    fx_log(sc, FX_LOG_INFO, "watch.not_needed", FX_S("command", run->row->command), FX_E(why));
    return FX_OK;
}

/* ---- back to the first step of a look ---- */

static size_t first_of(const struct engine_run *run, const struct fx_runbook_step *step) {
    const char *id = fx_json_get_text(step->params, step->kind->again);
    size_t at = 0;

    while (at < (size_t)run->row->step && strcmp(run->runbook->steps[at].id, id) != 0)
        at++;
    return at;
}

void engine_look_again(struct engine_run *run, const struct fx_runbook_step *step,
                       struct fx_json *state) {
    size_t first = first_of(run, step);

    for (size_t i = first; i < (size_t)run->row->step; i++) {
        fx_json_remove(run->values, run->runbook->steps[i].id);
        fx_json_remove(run->names, run->runbook->steps[i].id);
    }
    engine_keep_value(run, step, state);
    run->row->step = (int)first;
    run->row->checkpoint_json = "";
}

/* ---- the card between two looks ---- */

static struct fx_json *buttons_of(struct engine_run *run, struct fx_json *card) {
    struct fx_json *buttons = fx_json_at(card, "buttons");

    if (buttons == NULL)
        fx_json_put(card, "buttons", buttons = fx_json_array(run->work->sc));
    return buttons;
}

/* The first one somebody waits for; every later one is an edit that the next one replaces. */
static enum fx_code show(struct engine_run *run, const struct fx_json *state,
                         struct fx_error *err) {
    struct engine_work *work = run->work;
    enum fx_urgency urgency = work->urgency;
    struct fx_json *card = NULL;

    FX_TRY(engine_answer(run, &card, err));
    fx_json_add(buttons_of(run, card), engine_stop_button(run, work->sc));
    if (fx_json_get_int(state, "looks", 0) > 1)
        work->urgency = FX_URGENCY_PROGRESS;
    enum fx_code code = engine_put_run_card(run, card, err);

    work->urgency = urgency;
    return code;
}

/* A second call before its time is no look. */
enum fx_code engine_keep_look(struct engine_run *run, const struct fx_runbook_step *step,
                              struct fx_json *state, struct fx_error *err) {
    int64_t before = fx_json_get_int(fx_json_at(run->values, step->id), "looks", 0);

    engine_keep_value(run, step, state);
    if (run->has_no_row || fx_json_get_int(state, "looks", 0) == before)
        return FX_OK;
    fx_log(run->work->sc, FX_LOG_INFO, "watch.looked", FX_S("command", run->row->command),
           FX_I("looks", fx_json_get_int(state, "looks", 0)));
    return show(run, state, err);
}
