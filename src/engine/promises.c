/* promises.c - the promise before a change, and its end, for a running step.
 *
 * The store looks once more at everything that must hold, in the transaction that sets the intent.
 * What was promised leaves within FX_ENGINE_SEND_MS or not at all; the lease has more than that
 * left, so nobody else can have claimed the run when it leaves.
 */
#include "host.h"

#include "fluxabot/base/log.h"

#include <assert.h>
#include <string.h>

static_assert(FX_ENGINE_SEND_MS < FX_ENGINE_LEASE_LEFT_MS, "a call leaves while the claim is ours");

/* ---- before ---- */

/* Longer, when the approved plan says so: a change that is taken back by itself makes its second
 * call then. */
void engine_host_read_plan(struct fx_step_host *host, const struct fx_json *plan) {
    int64_t longer = fx_json_get_int(plan, "rests_ms", 0);

    if (longer > FX_ENGINE_MAX_REST_MS)
        longer = FX_ENGINE_MAX_REST_MS;
    engine_host_of(host)->rest_ms = longer > FX_ENGINE_REST_MS ? longer : FX_ENGINE_REST_MS;
}

static int64_t rest_of(struct engine_host *h) {
    struct fx_json *bound = NULL;
    struct fx_error ignored;

    if (h->rest_ms == 0) {
        (void)!fx_json_parse(h->run->work->sc, fx_slice_of(h->approval->plan_json), &bound,
                             &ignored);
        engine_host_read_plan(&h->host, fx_json_at(bound, "plan"));
    }
    return h->rest_ms;
}

static struct fx_guard guard_of(struct engine_host *h, bool stops) {
    return (struct fx_guard){
        .lease_left_ms = FX_ENGINE_LEASE_LEFT_MS,
        .unless_stopped = !stops,
        .freezes = {stops ? NULL : ENGINE_FREEZE_SETTING, stops ? NULL : ENGINE_FREEZE_LOG_SETTING},
        .unless_forgetful = !stops && !h->run->work->engine->options.may_forget,
        .approval = stops ? NULL : h->approval->id,
        .rest_ms = stops ? FX_ENGINE_REST_MS : rest_of(h)};
}

/* What the run makes of a refusal: somebody is told, or it looks again from the start. */
static enum fx_code refused(struct engine_host *h, const struct fx_guard *guard, enum fx_code code,
                            struct fx_error *err) {
    struct engine_work *work = h->run->work;

    fx_log(work->sc, FX_LOG_WARN, "effect.refused", FX_S("step", h->step->id),
           FX_S("why", fx_refusal_name(guard->refusal)), FX_E(err));
    h->run->refusal = guard->refusal;
    switch (guard->refusal) {
    case FX_REFUSED_BEGUN:
    case FX_REFUSED_LEASE:
    case FX_REFUSED_STOPPED:
        return err->code = FX_ERR_CANCELED;
    case FX_REFUSED_FROZEN: /* with who, why and since when */
        FX_TRY(engine_frozen(work, err));
        return fx_fail(err, FX_ERR_DENIED, "changes were frozen a moment ago; ask again");
    case FX_REFUSED_FORGETFUL: /* with what to do about it */
        FX_TRY(engine_frozen(work, err));
        return fx_fail(err, FX_ERR_DENIED,
                       "a moment ago a failover of the database could have forgotten the change; "
                       "ask again");
    case FX_REFUSED_NOT:
    case FX_REFUSED_NO_APPROVAL:
    case FX_REFUSED_LATE:
        break;
    }
    return code;
}

static struct fx_intent intent_of(const struct engine_host *h, const char *key) {
    return (struct fx_intent){.run = h->run->row->id,
                              .step = h->step->id,
                              .key = key,
                              .digest = h->approval->digest,
                              .what_json = "",
                              .outcome_json = ""};
}

/* The store did not say whether the intents are set. Nothing is sent, and that may be known: of
 * these promises, not of those that somebody else has made meanwhile. What is repeated was promised
 * before, and stays as it was. */
static void take_back(struct engine_host *h, struct fx_scope *sc, const struct fx_intent *intents) {
    struct fx_store *store = h->run->work->engine->options.store;
    struct fx_error ignored;

    if (intents->guard->repeat)
        return;
    for (const struct fx_intent *one = intents; one != NULL; one = one->and) {
        struct fx_intent intent = intent_of(h, one->key);

        intent.state = FX_INTENT_NOT_SENT;
        intent.set_ms = one->set_ms;
        (void)!store->end_effect(store, sc, &intent, NULL, &ignored);
    }
}

/* Made or seen: what is concluded from now on is concluded of this one. */
static void note_promise(struct engine_host *h, const struct fx_intent *promised, bool again) {
    struct fx_scope *sc = h->run->work->sc;

    if (h->promised == NULL)
        h->promised = fx_json_object(sc);
    const struct fx_json *noted = fx_json_at(h->promised, promised->key);

    if (fx_json_get_int(noted, "set_ms", 0) == promised->set_ms) /* seen, and made here */
        again = again || fx_json_get_bool(noted, "again", false);
    fx_json_put(h->promised, promised->key,
                fx_json_object_of(sc, "set_ms", fx_json_int(sc, promised->set_ms), "again",
                                  fx_json_bool(sc, again), NULL));
}

static void audit_promise(struct engine_host *h, struct fx_scope *sc, const char *action,
                          const struct fx_step_promise *promise, struct fx_writes *writes) {
    fx_writes_audit(
        sc, writes, h->approval->decided_by, action, h->run->row->id,
        fx_json_object_of(sc, "step", fx_json_string(sc, h->step->id), "key",
                          fx_json_string(sc, promise->key), "approval",
                          fx_json_string(sc, h->approval->id), "what",
                          promise->what == NULL ? NULL : fx_json_copy(sc, promise->what), NULL));
}

/* In one transaction; the first of intents holds the guard. */
static enum fx_code promise_all(struct engine_host *h, struct fx_scope *sc, const char *action,
                                struct fx_intent *intents, const struct fx_step_promise *promises,
                                size_t count, struct fx_error *err) {
    struct engine_work *work = h->run->work;
    struct fx_engine_options *options = &work->engine->options;
    struct fx_writes writes = {0};
    int64_t began_mono_ms = fx_mono_ms(options->clock), now_ms = fx_wall_ms(options->clock);

    engine_work_goes_on(work, FX_ENGINE_STALL_MS + h->step->timeout_ms);
    for (size_t i = 0; i < count; i++) {
        audit_promise(h, sc, action, &promises[i], &writes);
        intents[i].set_ms = now_ms;
        intents[i].and = i + 1 < count ? &intents[i + 1] : NULL;
    }
    engine_note_change(h->run, sc, &writes);
    engine_anchor_soon(work, &writes);
    enum fx_code code =
        options->store->begin_effect(options->store, sc, work->job, intents, &writes, err);

    if (code != FX_OK && err->sent) {
        take_back(h, sc, intents);
        err->sent = false;
    }
    if (code != FX_OK)
        return refused(h, intents->guard, code, err);
    for (size_t i = 0; i < count; i++)
        note_promise(h, &intents[i], intents->guard->repeat);
    fx_scope_set_send_before(sc, began_mono_ms + FX_ENGINE_SEND_MS);
    fx_metrics_add(options->metrics, FX_METRIC_EFFECTS_BEGUN, (int64_t)count);
    return FX_OK;
}

static enum fx_code begin(struct engine_host *h, struct fx_scope *sc, bool stops,
                          const struct fx_step_promise *promises, size_t count,
                          struct fx_error *err) {
    if (h->approval == NULL)
        return fx_fail(err, FX_ERR_DENIED, "step %s changes something without an approval",
                       h->step->id);
    struct fx_guard guard = guard_of(h, stops || h->step->kind->is_stop);
    struct fx_intent *intents = fx_alloc(sc, count * sizeof *intents);

    for (size_t i = 0; i < count; i++) {
        intents[i] = intent_of(h, promises[i].key);
        intents[i].what_json = fx_json_dump(sc, promises[i].what);
    }
    intents->guard = &guard;
    return promise_all(h, sc, "effect.begun", intents, promises, count, err);
}

static enum fx_code begin_effects(struct fx_step_host *host, struct fx_scope *sc,
                                  const struct fx_step_promise *promises, size_t count,
                                  struct fx_error *err) {
    return begin(engine_host_of(host), sc, false, promises, count, err);
}

static enum fx_code begin_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                 const struct fx_json *what, struct fx_error *err) {
    return begin_effects(host, sc, &(struct fx_step_promise){key, what}, 1, err);
}

static enum fx_code begin_stop(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                               const struct fx_json *what, struct fx_error *err) {
    return begin(engine_host_of(host), sc, true, &(struct fx_step_promise){key, what}, 1, err);
}

/* ---- what was promised before ---- */

enum fx_known engine_known(struct fx_scope *sc, const struct fx_intent *intent) {
    struct fx_json *outcome = NULL;
    struct fx_error ignored;

    switch (intent->state) {
    case FX_INTENT_SET:
        return FX_KNOWN_BEGUN;
    case FX_INTENT_DONE:
        return FX_KNOWN_DONE;
    case FX_INTENT_UNKNOWN:
        return FX_KNOWN_UNKNOWN;
    case FX_INTENT_NOT_SENT:
        return FX_KNOWN_NOTHING;
    case FX_INTENT_FAILED:
        break;
    }
    /* an older version wrote doubt as a failure */
    if (fx_json_parse(sc, fx_slice_of(intent->outcome_json), &outcome, &ignored) == FX_OK &&
        (fx_json_get_bool(outcome, "unknown", false) || fx_json_at(outcome, "unanswered") != NULL))
        return FX_KNOWN_UNKNOWN;
    return FX_KNOWN_FAILED;
}

static enum fx_code read_effect(struct engine_host *h, struct fx_scope *sc,
                                const struct fx_intent *intent, struct fx_step_effect *ret,
                                struct fx_error *err) {
    struct fx_json *what = NULL, *outcome = NULL;
    int64_t now_ms = fx_wall_ms(h->run->work->engine->options.clock);
    enum fx_effect class = h->step->kind->effect(h->step->params);
    enum fx_known known = engine_known(sc, intent);

    FX_TRY(fx_json_parse(sc, fx_slice_of(intent->what_json), &what, err));
    if (intent->outcome_json[0] != '\0')
        FX_TRY(fx_json_parse(sc, fx_slice_of(intent->outcome_json), &outcome, err));
    *ret = (struct fx_step_effect){
        .key = intent->key,
        .known = known,
        .next = fx_effect_next(class, known, fx_effect_hold(intent->set_ms, now_ms)),
        .begun_ms = intent->set_ms,
        .what = what,
        .outcome = outcome};
    return FX_OK;
}

static enum fx_code effects(struct fx_step_host *host, struct fx_scope *sc,
                            struct fx_step_effect **ret_effects, size_t *ret_count,
                            struct fx_error *err) {
    struct engine_host *h = engine_host_of(host);
    struct fx_store *store = h->run->work->engine->options.store;
    struct fx_intent **intents = NULL;
    size_t count = 0;

    FX_TRY(store->intents(store, sc, h->run->row->id, h->step->id, &intents, &count, err));
    struct fx_step_effect *list = fx_alloc(sc, (count + 1) * sizeof *list);

    for (size_t i = 0; i < count; i++) {
        FX_TRY(read_effect(h, sc, intents[i], &list[i], err));
        note_promise(h, intents[i], false);
    }
    *ret_effects = list;
    *ret_count = count;
    return FX_OK;
}

static enum fx_code repeat_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                                  struct fx_error *err) {
    struct engine_host *h = engine_host_of(host);
    struct fx_step_effect *list = NULL;
    enum fx_next next = FX_NEXT_REFUSE;
    size_t count = 0;

    if (h->approval == NULL)
        return fx_fail(err, FX_ERR_DENIED, "step %s changes something without an approval",
                       h->step->id);
    FX_TRY(effects(host, sc, &list, &count, err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].key, key) == 0)
            next = list[i].next;
    if (next != FX_NEXT_REPEAT)
        return fx_fail(err, FX_ERR_DENIED, "step %s may not be repeated: what it may do is \"%s\"",
                       h->step->id, fx_next_name(next));
    struct fx_guard guard = guard_of(h, h->step->kind->is_stop);
    struct fx_intent intent = intent_of(h, key);

    guard.repeat = true;
    intent.guard = &guard;
    return promise_all(h, sc, "effect.repeated", &intent, &(struct fx_step_promise){.key = key}, 1,
                       err);
}

/* ---- after ---- */

static const struct {
    enum fx_intent_state state;
    const char *action;
} endings[] = {
    [FX_ENDED_FAILED] = {FX_INTENT_FAILED, "effect.failed"},
    [FX_ENDED_DONE] = {FX_INTENT_DONE, "effect.done"},
    [FX_ENDED_UNKNOWN] = {FX_INTENT_UNKNOWN, "effect.unknown"},
    [FX_ENDED_NOT_SENT] = {FX_INTENT_NOT_SENT, "effect.not_sent"},
};

/* That this attempt was not sent says nothing of an earlier one, nor of a later one. */
static enum fx_ended ended_of(const struct fx_json *promised, enum fx_ended ended) {
    return ended == FX_ENDED_NOT_SENT && fx_json_get_bool(promised, "again", false)
               ? FX_ENDED_UNKNOWN
               : ended;
}

static struct fx_intent ended_intent(struct engine_host *h, struct fx_scope *sc,
                                     const struct fx_step_ending *ending,
                                     struct fx_writes *writes) {
    const struct fx_json *promised = fx_json_at(h->promised, ending->key);
    struct fx_intent intent = intent_of(h, ending->key);
    enum fx_ended ended = ended_of(promised, ending->ended);

    if (ending->ended != FX_ENDED_DONE) /* that it was done is true whoever has begun it anew */
        intent.set_ms = fx_json_get_int(promised, "set_ms", 0);
    fx_writes_audit(sc, writes, "fluxabot", endings[ended].action, h->run->row->id,
                    fx_json_object_of(sc, "step", fx_json_string(sc, h->step->id), "key",
                                      fx_json_string(sc, ending->key), "outcome",
                                      fx_json_copy(sc, ending->outcome), NULL));
    intent.state = endings[ended].state;
    intent.outcome_json = fx_json_dump(sc, ending->outcome);
    intent.settled_ms = fx_wall_ms(h->run->work->engine->options.clock);
    return intent;
}

/* The card is not among the writes: what it says of this outcome is known when the step has come to
 * its end, and no run ends but in the transaction that writes its card (worker.c).
 * Until then the run is claimed again and again. */
static enum fx_code end_effects(struct fx_step_host *host, struct fx_scope *sc,
                                const struct fx_step_ending *all, size_t count,
                                struct fx_error *err) {
    struct engine_host *h = engine_host_of(host);
    struct fx_store *store = h->run->work->engine->options.store;
    struct fx_intent *intents = fx_alloc(sc, count * sizeof *intents);
    struct fx_writes writes = {0};

    fx_scope_set_send_before(sc, 0);
    for (size_t i = 0; i < count; i++) {
        intents[i] = ended_intent(h, sc, &all[i], &writes);
        if (i > 0)
            intents[i - 1].and = &intents[i];
    }
    enum fx_code code = store->end_effect(store, sc, intents, &writes, err);

    /* Whoever has recorded it knew at least as much; what that was, the next look reads. */
    if (code == FX_ERR_CONFLICT)
        err->code = code = FX_ERR_CANCELED;
    return code;
}

static enum fx_code end_effect(struct fx_step_host *host, struct fx_scope *sc, const char *key,
                               enum fx_ended ended, const struct fx_json *outcome,
                               struct fx_error *err) {
    return end_effects(host, sc, &(struct fx_step_ending){key, ended, outcome}, 1, err);
}

void engine_promises_bind(struct fx_step_host *host) {
    host->begin_effect = begin_effect;
    host->begin_effects = begin_effects;
    host->begin_stop = begin_stop;
    host->repeat_effect = repeat_effect;
    host->end_effect = end_effect;
    host->end_effects = end_effects;
    host->effects = effects;
}
