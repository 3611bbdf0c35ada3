/* left.c - a change that is taken back by itself, in a run that ends before that: what stands then,
 * and what a person types.
 *
 * The intent of such a change names the key of the call that takes it back, so this is known also
 * where the runbook is gone. Nothing is sent from here.
 */
#include "told.h"

#include <string.h>

static const struct fx_intent *find_back(struct fx_intent *const *intents, size_t count,
                                         const struct fx_intent *change, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(intents[i]->step, change->step) == 0 && strcmp(intents[i]->key, key) == 0)
            return intents[i];
    return NULL;
}

static void read_back(struct fx_scope *sc, const struct fx_intent *back, struct engine_left *ret) {
    struct fx_json *outcome = NULL;
    struct fx_error ignored;

    if (back == NULL)
        return;
    ret->back = engine_known(sc, back);
    if (fx_json_parse(sc, fx_slice_of(back->outcome_json), &outcome, &ignored) == FX_OK)
        ret->is_back_told = fx_json_at(outcome, "told_by") != NULL;
}

/* Whether the step has ended, and has seen that it was taken back. */
static bool has_seen_it_back(const struct fx_json *values, const char *step) {
    return fx_json_get_bool(fx_json_at(values, step), "reverted", false);
}

static const char *typed(struct engine_work *work, const struct fx_run *run,
                         const struct fx_json *takes_back) {
    const struct fx_engine_system *system = engine_system(work->engine, run->system);
    const char *command = fx_json_get_text(takes_back, "command");

    return fx_printf(work->sc, "%s%s%s", system == NULL ? "" : system->command,
                     system == NULL ? "" : " ", command == NULL ? "" : command);
}

static void look_at(struct engine_work *work, const struct fx_run *run,
                    struct fx_intent *const *intents, size_t count, const struct fx_intent *change,
                    struct engine_left *left) {
    enum fx_known known = engine_known(work->sc, change);
    struct fx_json *what = NULL;
    struct fx_error ignored;

    if (known == FX_KNOWN_NOTHING || known == FX_KNOWN_FAILED ||
        fx_json_parse(work->sc, fx_slice_of(change->what_json), &what, &ignored) != FX_OK)
        return;
    const struct fx_json *takes_back = fx_json_at(what, "takes_back");
    const char *key = fx_json_get_text(takes_back, "key");

    if (key == NULL)
        return;
    *left = (struct engine_left){
        .exists = true,
        .is_made = known == FX_KNOWN_DONE,
        .back = FX_KNOWN_NOTHING,
        .due_ms = change->set_ms + fx_json_get_int(takes_back, "after_ms", 0),
        .command = typed(work, run, takes_back),
    };
    read_back(work->sc, find_back(intents, count, change, key), left);
}

enum fx_code engine_left(struct engine_work *work, const struct fx_run *run,
                         const struct fx_json *values, struct engine_left *ret_left,
                         struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_intent **intents = NULL;
    struct fx_json *stored = NULL;
    struct fx_error ignored;
    size_t count = 0;

    *ret_left = (struct engine_left){.back = FX_KNOWN_NOTHING};
    if (values == NULL &&
        fx_json_parse(work->sc, fx_slice_of(run->values_json), &stored, &ignored) == FX_OK)
        values = stored;
    FX_TRY(store->intents(store, work->sc, run->id, NULL, &intents, &count, err));
    for (size_t i = 0; i < count; i++)
        if (!has_seen_it_back(values, intents[i]->step))
            look_at(work, run, intents, count, intents[i], ret_left);
    return FX_OK;
}

bool engine_left_asks_back(const struct engine_left *left) {
    return left->exists && (left->back == FX_KNOWN_BEGUN || left->back == FX_KNOWN_UNKNOWN);
}

const char *engine_left_text(struct fx_scope *sc, const struct engine_left *left) {
    if (!left->exists || left->back == FX_KNOWN_DONE)
        return NULL;
    if (engine_left_asks_back(left))
        return fx_printf(sc,
                         "Whether it was taken back is not known, and it is not tried again. To "
                         "take it back, type %s.",
                         left->command);
    if (left->back == FX_KNOWN_FAILED)
        return fx_printf(sc,
                         "It was not taken back, and that is not tried again. To take it back, "
                         "type %s.",
                         left->command);
    return fx_printf(sc,
                     "%s was to be taken back by itself at %s, and that does not happen any more. "
                     "To take it back, type %s.",
                     left->is_made ? "It stands: it" : "If it was done, it stands: it",
                     fx_time_iso(sc, left->due_ms), left->command);
}

const char *engine_left_question(struct fx_scope *sc, const struct engine_left *left) {
    if (engine_left_asks_back(left))
        return fx_printf(sc,
                         "The question is whether it was taken back. An answer ends this run: when "
                         "it was not, it stands, and is not tried again; then type %s.",
                         left->command);
    if (!left->exists || left->is_made)
        return NULL;
    return fx_printf(sc,
                     "It was to be taken back by itself at %s. An answer ends this run: when it "
                     "was done, it stands, and is not taken back by itself; then type %s.",
                     fx_time_iso(sc, left->due_ms), left->command);
}
