/* effects.c - the promise before a change to the world, and its outcome. */
#include "private.h"

struct effect {
    const struct fx_job *job;
    const struct fx_intent *intent;
    struct store_batch batch;
};

static enum fx_code begin_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct effect *effect = what;
    const struct fx_intent *intent = effect->intent;
    int64_t set_ms = intent->set_ms != 0 ? intent->set_ms : effect->batch.now_ms;

    FX_TRY(store_job_held(link, effect->job, err));
    FX_TRY(
        store_exec(link, STMT_INTENT_ADD,
                   ST_VALUES(st_text(intent->run), st_text(intent->step), st_text(intent->key),
                             st_text(intent->digest), st_text(intent->what_json), st_int(set_ms)),
                   err));
    if (link->changed == 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "step %s of run %s has been begun before: it may already have happened",
                       intent->step, intent->run);
    return store_apply(link, &effect->batch, NULL, err);
}

static enum fx_code begin_effect(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, const struct fx_intent *intent,
                                 const struct fx_writes *writes, struct fx_error *err) {
    struct effect effect = {job, intent, store_batch_of(store_of(store), sc, writes)};

    return store_write(store, sc, begin_in, &effect, err);
}

static enum fx_code why_not_ended(struct store_link *link, const struct fx_intent *intent,
                                  struct fx_error *err) {
    int64_t ignored = 0;
    bool known = false;

    FX_TRY(
        store_read_int(link, STMT_INTENT_STATE,
                       ST_VALUES(st_text(intent->run), st_text(intent->step), st_text(intent->key)),
                       &known, &ignored, err));
    if (known)
        return fx_fail(err, FX_ERR_CONFLICT, "the outcome of step %s of run %s is written already",
                       intent->step, intent->run);
    return fx_fail(err, FX_ERR_NOT_FOUND, "step %s of run %s was never begun", intent->step,
                   intent->run);
}

static enum fx_code end_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct effect *effect = what;
    const struct fx_intent *intent = effect->intent;
    int64_t settled_ms = intent->settled_ms != 0 ? intent->settled_ms : effect->batch.now_ms;

    FX_TRY(store_exec(link, STMT_INTENT_END,
                      ST_VALUES(st_int(intent->state), st_text(intent->outcome_json),
                                st_int(settled_ms), st_text(intent->run), st_text(intent->step),
                                st_text(intent->key)),
                      err));
    if (link->changed == 0)
        return why_not_ended(link, intent, err);
    return store_apply(link, &effect->batch, NULL, err);
}

static enum fx_code end_effect(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_intent *intent, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct effect effect = {NULL, intent, store_batch_of(store_of(store), sc, writes)};

    if (intent->state == FX_INTENT_SET)
        return fx_fail(err, FX_ERR_INPUT, "the outcome of step %s of run %s is not named",
                       intent->step, intent->run);
    return store_write(store, sc, end_in, &effect, err);
}

static void *read_intent(struct fx_scope *sc, const struct store_rows *rows) {
    struct fx_intent *intent = FX_NEW(sc, struct fx_intent);

    *intent = (struct fx_intent){
        .run = store_text(rows, 0),
        .step = store_text(rows, 1),
        .key = store_text(rows, 2),
        .digest = store_text(rows, 3),
        .state = (enum fx_intent_state)store_int(rows, 4),
        .what_json = store_text(rows, 5),
        .outcome_json = store_text(rows, 6),
        .set_ms = store_int(rows, 7),
        .settled_ms = store_int(rows, 8),
    };
    return intent;
}

/* Without a maximum: an intent that is not listed would look like one that was never set. */
static enum fx_code list_intents(struct fx_store *store, struct fx_scope *sc, const char *run,
                                 const char *step, struct fx_intent ***ret_intents,
                                 size_t *ret_count, struct fx_error *err) {
    return store_list(store, sc, STMT_INTENT_LIST, ST_VALUES(st_text(run), st_text(step)),
                      read_intent, ret_intents, ret_count, err);
}

void store_effects_bind(struct fx_store *store) {
    store->begin_effect = begin_effect;
    store->end_effect = end_effect;
    store->intents = list_intents;
}
