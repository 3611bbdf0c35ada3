/* effects.c - the promise before a change to the world, and its outcome. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <assert.h>

struct effect {
    const struct fx_job *job;
    const struct fx_intent *intent;
    struct store_batch batch;
};

const char *fx_refusal_name(enum fx_refusal refusal) {
    static const char *const names[] = {
        [FX_REFUSED_NOT] = "not refused", [FX_REFUSED_BEGUN] = "begun before",
        [FX_REFUSED_LEASE] = "lease",     [FX_REFUSED_STOPPED] = "stopped",
        [FX_REFUSED_FROZEN] = "frozen",   [FX_REFUSED_NO_APPROVAL] = "no approval",
        [FX_REFUSED_LATE] = "too late",   [FX_REFUSED_FORGETFUL] = "a failover may forget it",
    };

    assert((size_t)refusal < FX_COUNT_OF(names));
    return names[refusal];
}

/* ---- may it begin? Everything here is locked until the intent stands ---- */

static enum fx_code refuse(const struct fx_intent *intent, enum fx_refusal refusal, const char *why,
                           struct fx_error *err) {
    bool again = refusal == FX_REFUSED_BEGUN || refusal == FX_REFUSED_LEASE;

    if (intent->guard != NULL)
        intent->guard->refusal = refusal;
    return fx_fail(err, again ? FX_ERR_CONFLICT : FX_ERR_DENIED, "step %s of run %s %s",
                   intent->step, intent->run, why);
}

static enum fx_code check_lease(struct store_link *link, const struct effect *effect,
                                struct fx_error *err) {
    struct fx_guard *guard = effect->intent->guard;
    int64_t until_ms = 0;

    if (effect->job == NULL)
        return FX_OK;
    enum fx_code code = store_job_lease(link, effect->job, &until_ms, err);

    if (guard != NULL && code == FX_ERR_CONFLICT)
        guard->refusal = FX_REFUSED_LEASE;
    FX_TRY(code);
    if (guard != NULL && until_ms - fx_wall_ms(link->db->clock) < guard->lease_left_ms)
        return refuse(effect->intent, FX_REFUSED_LEASE,
                      "was not begun: its claim is nearly over, and somebody else may take it",
                      err);
    return FX_OK;
}

static enum fx_code check_stop(struct store_link *link, const struct fx_intent *intent,
                               struct fx_error *err) {
    int64_t stopped = 0;
    bool known = false;

    if (!intent->guard->unless_stopped)
        return FX_OK;
    FX_TRY(store_read_int(link, STMT_RUN_STOP_TAKE, ST_VALUES(st_text(intent->run)), &known,
                          &stopped, err));
    return stopped == 0 ? FX_OK
                        : refuse(intent, FX_REFUSED_STOPPED,
                                 "was not begun: a person has pressed Stop", err);
}

static enum fx_code check_time(struct store_link *link, const struct fx_intent *intent,
                               const struct fx_approval *approval, struct fx_error *err) {
    int64_t newest_ms = 0, until_ms = approval->execute_before_ms;
    bool row = false;

    FX_TRY(store_read_int(link, STMT_INTENT_NEWEST,
                          ST_VALUES(st_text(intent->run), st_text(intent->step)), &row, &newest_ms,
                          err));
    if (newest_ms > 0 && newest_ms + intent->guard->rest_ms > until_ms)
        until_ms = newest_ms + intent->guard->rest_ms;
    if (fx_wall_ms(link->db->clock) > until_ms)
        return refuse(intent, FX_REFUSED_LATE,
                      "was not begun: the approval was given too long ago; ask again", err);
    return FX_OK;
}

static enum fx_code check_approval(struct store_link *link, const struct fx_intent *intent,
                                   struct fx_error *err) {
    struct fx_approval *approval = NULL;

    if (intent->guard->approval == NULL)
        return FX_OK;
    FX_TRY(store_approval_take_terms(link, intent->guard->approval, &approval, err));
    if (approval == NULL || approval->state != FX_APPROVAL_APPROVED)
        return refuse(intent, FX_REFUSED_NO_APPROVAL, "was not begun: it is not approved", err);
    return check_time(link, intent, approval, err);
}

static enum fx_code check_freezes(struct store_link *link, const struct fx_intent *intent,
                                  struct fx_error *err) {
    for (size_t i = 0; i < FX_STORE_FREEZES; i++) {
        const char *name = intent->guard->freezes[i], *value = "";

        if (name != NULL)
            FX_TRY(store_setting_take(link, name, &value, err));
        if (value[0] != '\0')
            return refuse(intent, FX_REFUSED_FROZEN, "was not begun: changes are frozen", err);
    }
    return FX_OK;
}

/* Asked when it was planned and approved, too; but standbys come, and who was waited for is waited
 * for no more. */
static enum fx_code check_standbys(struct store_link *link, const struct fx_intent *intent,
                                   struct fx_error *err) {
    const char *how = NULL;

    if (!intent->guard->unless_forgetful)
        return FX_OK;
    FX_TRY(store_may_forget(link, &how, err));
    return how == NULL ? FX_OK
                       : refuse(intent, FX_REFUSED_FORGETFUL,
                                fx_printf(link->sc, "was not begun: %s", how), err);
}

static enum fx_code check_guard(struct store_link *link, const struct effect *effect,
                                struct fx_error *err) {
    if (effect->intent->guard != NULL)
        effect->intent->guard->refusal = FX_REFUSED_NOT;
    FX_TRY(check_lease(link, effect, err));
    if (effect->intent->guard == NULL)
        return FX_OK;
    FX_TRY(check_stop(link, effect->intent, err));
    FX_TRY(check_approval(link, effect->intent, err));
    FX_TRY(check_freezes(link, effect->intent, err));
    return check_standbys(link, effect->intent, err);
}

/* ---- it begins, it ends ---- */

static enum fx_code set_in(struct store_link *link, const struct fx_intent *intent, int64_t set_ms,
                           struct fx_error *err) {
    if (intent->guard != NULL && intent->guard->repeat)
        return store_exec(link, STMT_INTENT_AGAIN,
                          ST_VALUES(st_int(set_ms), st_text(intent->run), st_text(intent->step),
                                    st_text(intent->key)),
                          err);
    return store_exec(link, STMT_INTENT_ADD,
                      ST_VALUES(st_text(intent->run), st_text(intent->step), st_text(intent->key),
                                st_text(intent->digest), st_text(intent->what_json),
                                st_int(set_ms)),
                      err);
}

/* The guard of the first speaks for all. */
static enum fx_code begin_one(struct store_link *link, const struct effect *effect,
                              const struct fx_intent *intent, struct fx_error *err) {
    int64_t set_ms = intent->set_ms != 0 ? intent->set_ms : effect->batch.now_ms;

    FX_TRY(set_in(link, intent, set_ms, err));
    if (link->changed == 0)
        return refuse(effect->intent, FX_REFUSED_BEGUN,
                      intent->guard != NULL && intent->guard->repeat
                          ? "has an outcome already, or was never begun: it is not repeated"
                          : "has been begun before: it may already have happened",
                      err);
    return FX_OK;
}

static enum fx_code begin_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct effect *effect = what;

    FX_TRY(check_guard(link, effect, err));
    for (const struct fx_intent *one = effect->intent; one != NULL; one = one->and)
        FX_TRY(begin_one(link, effect, one, err));
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

static enum fx_code end_one(struct store_link *link, const struct effect *effect,
                            const struct fx_intent *intent, struct fx_error *err) {
    int64_t settled_ms = intent->settled_ms != 0 ? intent->settled_ms : effect->batch.now_ms;

    FX_TRY(store_exec(link, STMT_INTENT_END,
                      ST_VALUES(st_int(intent->state), st_text(intent->outcome_json),
                                st_int(settled_ms), st_text(intent->run), st_text(intent->step),
                                st_text(intent->key), st_int(intent->set_ms)),
                      err));
    return link->changed == 0 ? why_not_ended(link, intent, err) : FX_OK;
}

static enum fx_code end_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct effect *effect = what;

    for (const struct fx_intent *one = effect->intent; one != NULL; one = one->and)
        FX_TRY(end_one(link, effect, one, err));
    return store_apply(link, &effect->batch, NULL, err);
}

static enum fx_code end_effect(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_intent *intent, const struct fx_writes *writes,
                               struct fx_error *err) {
    struct effect effect = {NULL, intent, store_batch_of(store_of(store), sc, writes)};

    for (const struct fx_intent *one = intent; one != NULL; one = one->and)
        if (one->state == FX_INTENT_SET)
            return fx_fail(err, FX_ERR_INPUT, "the outcome of step %s of run %s is not named",
                           one->step, one->run);
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
