/* told_end.c - how a run that asked a person ends: as was told, or because the bot found out itself
 * that there is nothing to tell.
 */
#include "told.h"

#include <string.h>

/* What was told is a person's word; what stands because the run ends by it is ours. */
static struct fx_json *told_card(struct engine_run *run, const struct fx_json *told,
                                 const struct engine_changes *changes,
                                 const struct engine_left *left) {
    struct fx_scope *sc = run->work->sc;
    bool done = fx_json_get_bool(told, "done", false);
    const char *stands = engine_left_text(sc, left);
    struct fx_json *verdict = fx_json_array_of(
        sc, engine_user(sc, fx_json_get_text(told, "by")),
        fx_json_stringf(sc, " has looked: %s.", engine_told_words(left->is_back_told, done)), NULL);

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "%s: %s (%s)",
                        left->is_back_told ? done ? "Taken back" : "Not taken back"
                        : done             ? "Done"
                                           : "Not done",
                        engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, stands == NULL ? "plain" : "bad"), "verdict", verdict, "lines",
        fx_json_array_of(sc, fx_json_stringf(sc, "Reason: %s", fx_json_get_text(told, "reason")),
                         fx_json_string(sc, engine_changes_text(sc, changes)),
                         stands == NULL ? NULL : fx_json_string(sc, stands), NULL),
        "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(run->work, run->row),
                         fx_json_stringf(sc, ", run %s", run->row->id), NULL),
        NULL);
}

/* Nobody was needed: whoever sent it has found out. */
static enum fx_code end_known(struct engine_run *run, const struct engine_changes *changes,
                              struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const char *note = changes->made > 0 ? "it is known by now what was done; the run ends here"
                       : changes->as_before > 0 ? "as far as can be seen by now, nothing was done"
                                                : "it is known by now that nothing was done";
    struct engine_left left;

    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    const char *stands = engine_left_text(sc, &left);

    return engine_end_run(
        run, FX_RUN_FAILED, note,
        fx_json_object_of(
            sc, "title",
            fx_json_stringf(sc, "Known: %s (%s)", engine_run_title(run), run->row->environment),
            "tone", fx_json_string(sc, "plain"), "verdict",
            fx_json_string(sc, engine_sentence(sc, note)), "lines",
            fx_json_array_of(sc, fx_json_string(sc, engine_changes_text(sc, changes)),
                             stands == NULL ? NULL : fx_json_string(sc, stands), NULL),
            "context", fx_json_stringf(sc, "Run %s", run->row->id), NULL),
        err);
}

/* The row of a run that was given up tells of the steps before its last claim only. */
static bool is_to_come(const struct engine_run *run, const char *step_id) {
    for (size_t i = (size_t)run->row->step; i < run->runbook->steps_count; i++)
        if (strcmp(run->runbook->steps[i].id, step_id) == 0)
            return true;
    return false;
}

/* A step that is not over has done something, as is certain by now: in AWS that may go on, and only
 * the step can tell where it ends. */
static enum fx_code has_begun_to_do(struct engine_run *run, bool *ret_done, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_intent **intents = NULL;
    size_t count = 0;

    *ret_done = false;
    FX_TRY(store->intents(store, run->work->sc, run->row->id, NULL, &intents, &count, err));
    for (size_t i = 0; i < count; i++)
        *ret_done = *ret_done || (engine_known(run->work->sc, intents[i]) == FX_KNOWN_DONE &&
                                  is_to_come(run, intents[i]->step));
    return FX_OK;
}

static enum fx_code end_as_told(struct engine_run *run, const char *value,
                                const struct engine_changes *changes, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *told = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(value), &told, err));
    bool done = fx_json_get_bool(told, "done", false);
    struct engine_left left;

    FX_TRY(engine_left(run->work, run->row, run->values, &left, err));
    return engine_end_run(
        run, done ? FX_RUN_DONE : FX_RUN_FAILED,
        fx_printf(sc, "a person has looked: %s (%s)%s", engine_told_words(left.is_back_told, done),
                  fx_json_get_text(told, "reason"),
                  engine_left_text(sc, &left) == NULL
                      ? ""
                      : "; what this run has changed is not taken back by itself"),
        told_card(run, told, changes, &left), err);
}

enum fx_code engine_end_if_told(struct engine_run *run, bool *ret_ended, struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct engine_changes changes = {0};
    const char *value = "";

    FX_TRY(store->setting(store, run->work->sc, engine_told_setting(run->work->sc, run->row->id),
                          &value, err));
    *ret_ended = value[0] != '\0';
    if (!*ret_ended)
        return FX_OK;
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    return end_as_told(run, value, &changes, err);
}

enum fx_code engine_end_told(struct engine_run *run, enum engine_told *ret_told,
                             struct fx_error *err) {
    struct engine_changes changes = {0};
    bool ended = false, done = false;

    *ret_told = ENGINE_TOLD_END;
    FX_TRY(engine_end_if_told(run, &ended, err));
    if (ended)
        return FX_OK;
    *ret_told = ENGINE_TOLD_LOOK;
    if (run->row->checkpoint_json[0] != '\0')
        return FX_OK;
    *ret_told = ENGINE_TOLD_WAIT;
    FX_TRY(engine_count_changes(run->work, run->row->id, &changes, err));
    if (changes.open > 0)
        return FX_OK;
    FX_TRY(has_begun_to_do(run, &done, err));
    *ret_told = done ? ENGINE_TOLD_LOOK : ENGINE_TOLD_END;
    return done ? FX_OK : end_known(run, &changes, err);
}
