/* change.c - the life of one changing call: planned, looked at again, sent once, watched.
 *
 * It is never sent a second time. When its answer got lost, the reading calls tell whether it took
 * effect; while they do not, they are asked again until AWS would no longer obey the call. What is
 * then as it was before did not happen; anything else is a question to a person, as is a change of
 * which no reading can tell. Whatever goes wrong with looking is never taken for a failed change.
 */
#include "change.h"

#include <assert.h>
#include <string.h>

enum {
    POLL_MIN_MS = 1000, /* between two looks at what was changed, longer and longer */
    POLL_MAX_MS = 15 * 1000,
    QUIET_MS = 10 * 1000,      /* what was just sent may take so long to show */
    POLL_PARTS = 120,          /* of what takes long: a look each 120th part of the time so far */
    DOUBT_POLL_MS = 15 * 1000, /* between two looks while a person is asked */
};

static const char key_change[] = "change", key_revert[] = "revert";

/* ---- planning ---- */

static struct fx_json *field(struct fx_scope *sc, const char *name, const char *value) {
    return fx_json_object_of(sc, "name", fx_json_string(sc, name), "value",
                             fx_json_string(sc, value), NULL);
}

static struct fx_json *plan_facts(struct fx_scope *sc, const struct fx_json *params,
                                  const struct fx_json *from, const struct fx_json *to,
                                  const struct fx_json *unchanged) {
    struct fx_json *facts = fx_json_array(sc), *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(from, &cursor, &name, &value))
        fx_json_add(facts, field(sc, name,
                                 fx_printf(sc, "%s → %s", facts_text(sc, value),
                                           facts_text(sc, fx_json_at(to, name)))));
    cursor = NULL;
    while (fx_json_next(unchanged, &cursor, &name, &value))
        fx_json_add(facts, field(sc, name, facts_text(sc, value)));
    fx_json_add(facts, field(sc, "Undo", fx_json_get_text(params, "undo")));
    return facts;
}

static enum fx_code refuse_what_is_so(struct fx_scope *sc, const struct fx_json *params,
                                      const struct fx_json *names, const struct fx_json *from,
                                      const struct fx_json *to, struct fx_error *err) {
    bool done = false;

    FX_TRY(facts_hold(sc, params, "done", names, &done, err));
    if (done || fx_json_equal(from, to))
        return fx_fail(err, FX_ERR_DENIED, "there is nothing to change: %s already",
                       facts_list(sc, from));
    return FX_OK;
}

/* What was pinned stands in the plan, and so in its digest. */
static struct fx_json *with_pinned(struct fx_scope *sc, const struct fx_json *params,
                                   const struct fx_json *pinned) {
    struct fx_json *with = fx_json_copy(sc, fx_json_at(params, "with")), *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(pinned, &cursor, &name, &value))
        fx_json_put(with, name, value);
    return with;
}

enum fx_code change_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_json **ret_plan, struct fx_json **ret_with,
                         struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *names = NULL, *from = NULL, *to = NULL, *unchanged = NULL, *pinned = NULL;

    FX_TRY(facts_read(ctx, params, NULL, &names, err));
    FX_TRY(facts_refuse(sc, params, names, err));
    FX_TRY(facts_of(sc, params, "pin", names, &pinned, err));
    fx_json_put(names, "with", *ret_with = with_pinned(sc, params, pinned));
    FX_TRY(facts_of_change(sc, params, "from", names, &from, err));
    fx_json_put(names, "was", from);
    FX_TRY(facts_of_change(sc, params, "to", names, &to, err));
    FX_TRY(facts_of(sc, params, "unchanged", names, &unchanged, err));
    FX_TRY(refuse_what_is_so(sc, params, names, from, to, err));
    *ret_plan = fx_json_object_of(sc, "title", fx_json_at(params, "title"), "summary",
                                  fx_json_at(params, "summary"), "facts",
                                  plan_facts(sc, params, from, to, unchanged), "details",
                                  fx_json_object_of(sc, "from", from, "to", to, "unchanged",
                                                    unchanged, "with", *ret_with, NULL),
                                  NULL);
    return revert_plan(ctx, params, names, *ret_with, *ret_plan, err);
}

/* ---- just before it runs ---- */

/* Adds what differs to what was found before. */
static const char *drift(struct fx_scope *sc, const char *found, const struct fx_json *approved,
                         const struct fx_json *now) {
    struct fx_json *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(approved, &cursor, &name, &value))
        if (!fx_json_equal(value, fx_json_at(now, name)))
            found = fx_printf(sc, "%s%s%s was %s when this was approved and is %s now", found,
                              found[0] == '\0' ? "" : ", ", name, facts_text(sc, value),
                              facts_text(sc, fx_json_at(now, name)));
    return found;
}

enum fx_code change_confirm(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *details = fx_json_at(ctx->plan, "details");
    struct fx_json *names = NULL, *from = NULL, *unchanged = NULL;

    FX_TRY(facts_read(ctx, params, details, &names, err));
    FX_TRY(facts_of_change(sc, params, "from", names, &from, err));
    FX_TRY(facts_of(sc, params, "unchanged", names, &unchanged, err));
    const char *found = drift(sc, drift(sc, "", fx_json_at(details, "from"), from),
                              fx_json_at(details, "unchanged"), unchanged);

    if (found[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "%.400s; ask again to get a new plan", found);
    return facts_refuse(sc, params, names, err);
}

/* ---- one look ---- */

enum fx_code change_look_at(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct change_look *ret, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *names = NULL;
    struct change_look look = {.unread = ""};
    struct fx_error why = {0};
    enum fx_code code = facts_read(ctx, params, fx_json_at(ctx->plan, "details"), &names, &why);

    if (code == FX_OK)
        code = facts_of_change(sc, params, "from", names, &look.now, &why);
    if (code == FX_OK)
        code = facts_hold(sc, params, "done", names, &look.done, &why);
    if (code == FX_OK)
        code = facts_hold(sc, params, "settled", names, &look.settled, &why);
    if (code == FX_OK)
        code = facts_hold(sc, params, "failed", names, &look.failed, &why);
    if (code == FX_OK)
        code = facts_hold(sc, params, "reverted", names, &look.reverted, &why);
    if (code == FX_ERR_CANCELED) {
        *err = why;
        return code;
    }
    if (code != FX_OK)
        look = (struct change_look){.unread = fx_strdup(sc, why.message)};
    *ret = look;
    return FX_OK;
}

static struct fx_json *shown(struct fx_scope *sc, const struct fx_json *values) {
    return values == NULL ? fx_json_null(sc) : fx_json_copy(sc, values);
}

/* When the watching began: what was done may itself have taken long. */
static int64_t watched_since(const struct fx_step_context *ctx,
                             const struct fx_step_effect *effect) {
    return fx_json_get_int(ctx->checkpoint, "since", effect->begun_ms);
}

static enum fx_code park(const struct fx_step_context *ctx, int64_t since_ms,
                         struct fx_step_result *ret_result) {
    int64_t now = fx_wall_ms(ctx->clock), wait = (now - since_ms) / 4;
    int64_t most = (now - since_ms) / POLL_PARTS;

    most = most < POLL_MAX_MS ? POLL_MAX_MS : most;
    wait = wait < POLL_MIN_MS ? POLL_MIN_MS : wait > most ? most : wait;
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint = ctx->checkpoint != NULL
                          ? fx_json_copy(ctx->sc, ctx->checkpoint)
                          : fx_json_object_of(ctx->sc, "since", fx_json_int(ctx->sc, now), NULL),
        .due_ms = now + wait};
    return FX_OK;
}

/* ---- it was done: until it is settled ---- */

enum fx_code change_end(const struct fx_step_context *ctx, const struct fx_step_effect *effect,
                        const struct change_look *look, const char *problem,
                        struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_DONE,
        .output = fx_json_object_of(
            sc, "done", fx_json_bool(sc, problem[0] == '\0'), "was",
            fx_json_copy(sc, fx_json_at_path(ctx->plan, "details.from")), "now",
            shown(sc, look->now), "unchanged",
            fx_json_copy(sc, fx_json_at_path(ctx->plan, "details.unchanged")), "problem",
            fx_json_string(sc, problem), "lost_answer",
            fx_json_bool(sc, fx_json_at(effect->outcome, "read_back") != NULL), "reverted",
            fx_json_bool(sc, look->reverted && revert_is_planned(ctx)), "reverted_by",
            fx_json_string(sc, look->reverted_by == NULL ? "" : look->reverted_by), "took_ms",
            fx_json_int(sc, fx_wall_ms(ctx->clock) - effect->begun_ms), NULL)};
    return FX_OK;
}

static const char *too_late(struct fx_scope *sc, const struct change_look *look,
                            int64_t within_ms) {
    const char *waited = fx_duration(sc, within_ms);

    if (look->unread[0] != '\0')
        return fx_printf(sc, "it was accepted, but what became of it cannot be read: %s",
                         look->unread);
    if (!look->done)
        return fx_printf(sc, "it was accepted, but did not show within %s: %s", waited,
                         facts_list(sc, look->now));
    return fx_printf(sc, "it took effect, but was still under way after %s", waited);
}

void change_progress(const struct fx_step_context *ctx, const struct change_look *look,
                     const char *text) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *fields = fx_json_array(sc), *value = NULL;
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(look->now, &cursor, &name, &value))
        fx_json_add(fields, field(sc, name, facts_text(sc, value)));
    ctx->host->progress(
        ctx->host, sc,
        fx_json_object_of(sc, "text", fx_json_string(sc, text), "fields", fields, NULL));
}

/* It has come as far as it will, or is no longer looked at: unless it is taken back some time. */
static enum fx_code watched(const struct fx_step_context *ctx, const struct fx_step_effect *effect,
                            const struct change_look *look, const char *problem,
                            struct fx_step_result *ret_result) {
    if (revert_is_planned(ctx))
        return revert_keep(ctx, look, effect, problem, ret_result);
    return change_end(ctx, effect, look, problem, ret_result);
}

static enum fx_code watch(const struct fx_step_context *ctx, const struct fx_json *params,
                          const struct fx_step_effect *effect, struct fx_step_result *ret_result,
                          struct fx_error *err) {
    int64_t within = fx_json_get_int(params, "within", 0);
    bool can_tell = fx_json_text_slice(fx_json_at(params, "done")).len > 0;
    struct change_look look;

    FX_TRY(change_look_at(ctx, params, &look, err));
    if (!can_tell && look.now != NULL)
        look.done = true; /* its answer is all there is */
    if (look.failed)
        return watched(ctx, effect, &look, "it was accepted, but has failed since", ret_result);
    if (look.done && look.settled)
        return watched(ctx, effect, &look, "", ret_result);
    if (fx_wall_ms(ctx->clock) - watched_since(ctx, effect) >= within)
        return watched(ctx, effect, &look, too_late(ctx->sc, &look, within), ret_result);
    if (ctx->host->stop_requested(ctx->host, ctx->sc)) {
        look.reverted = false; /* it may show yet, and then stays */
        return change_end(ctx, effect, &look,
                          fx_printf(ctx->sc,
                                    "it was accepted; a person pressed Stop, so it is not watched "
                                    "any longer%s",
                                    revert_is_planned(ctx) ? ", and not taken back by itself" : ""),
                          ret_result);
    }
    change_progress(ctx, &look,
                    look.unread[0] != '\0'
                        ? "It was accepted; what became of it cannot be read yet."
                        : "It was accepted, and is watched until it has settled.");
    return park(ctx, watched_since(ctx, effect), ret_result);
}

/* ---- nobody knows whether it was done ---- */

const char *change_refusal(const struct fx_step_effect *effect) {
    const char *why = fx_json_get_text(effect->outcome, "refused");

    if (why != NULL)
        return why;
    return fx_json_at(effect->outcome, "told_by") != NULL
               ? "a person has told that it did not happen"
               : "it was refused";
}

/* What stood there when the call was promised; of an older version it is not known. */
static const struct fx_json *seen_before(const struct fx_step_context *ctx,
                                         const struct fx_step_effect *effect, bool back) {
    return back ? fx_json_at(effect->what, "seen") : fx_json_at_path(ctx->plan, "details.from");
}

/* fenced: nothing that was sent is obeyed any more. back: of the call that takes the change back,
 * and only of that. */
static const char *doubt_note(const struct fx_step_context *ctx,
                              const struct fx_step_effect *effect, const struct change_look *look,
                              bool back, bool fenced) {
    struct fx_scope *sc = ctx->sc;
    const struct fx_json *before = seen_before(ctx, effect, back);
    const char *seen = look->unread[0] != '\0' ? look->unread
                       : before == NULL
                           ? fx_printf(sc, "Seen now: %s", facts_list(sc, look->now))
                           : fx_printf(sc, "Seen now: %s; before: %s", facts_list(sc, look->now),
                                       facts_list(sc, before));
    const char *until =
        fenced ? "By now nothing that was sent would be obeyed any more"
               : fx_printf(sc, "It may still be obeyed until %s; it is looked for until then",
                           fx_time_iso(sc, effect->begun_ms + FX_EFFECT_FENCE_MS + 1));

    return fx_printf(sc,
                     "The %s was sent or was about to be sent when the bot stopped or the answer "
                     "got lost. %s. %s.",
                     back ? "change itself was made; the call that takes it back" : "change", seen,
                     until);
}

static enum fx_code ask(const struct fx_step_context *ctx, const struct fx_step_effect *effect,
                        const struct change_look *look, bool back, bool fenced,
                        struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;
    int64_t due = fx_wall_ms(ctx->clock) + DOUBT_POLL_MS;
    int64_t until = effect->begun_ms + FX_EFFECT_FENCE_MS + 1;
    struct fx_json *checkpoint =
        ctx->checkpoint != NULL ? fx_json_copy(sc, ctx->checkpoint) : fx_json_object(sc);

    fx_json_put(checkpoint, "asked", fx_json_bool(sc, true));
    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_ASK,
        .checkpoint = checkpoint,
        .due_ms = fenced        ? 0
                  : due < until ? due
                                : until,
        .note = doubt_note(ctx, effect, look, back, fenced),
        .output = fx_json_object_of(sc, "asked_for", shown(sc, effect->what), "begun",
                                    fx_json_string(sc, fx_time_iso(sc, effect->begun_ms)), "before",
                                    shown(sc, seen_before(ctx, effect, back)), "now",
                                    shown(sc, look->now), NULL)};
    return FX_OK;
}

static enum fx_code tell(const struct fx_step_context *ctx, const struct fx_step_effect *effect,
                         enum fx_ended ended, const char *name, struct fx_json *value,
                         struct fx_error *err) {
    return ctx->host->end_effect(ctx->host, ctx->sc, effect->key, ended,
                                 fx_json_object_of(ctx->sc, name, value, NULL), err);
}

/* Nothing of it is to be seen, and nothing can arrive any more. That it was obeyed, and somebody
 * has set it back before this look, cannot be told from that, and is said. */
static enum fx_code tell_as_before(const struct fx_step_context *ctx,
                                   const struct fx_step_effect *effect,
                                   const struct change_look *look, bool back,
                                   struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    const char *why = fx_printf(sc,
                                "its answer got lost, and %s %s: it did not happen, unless "
                                "somebody has undone it since%s",
                                facts_list(sc, look->now), back ? "still" : "as before",
                                back ? "" : "; ask again");

    FX_TRY(ctx->host->end_effect(ctx->host, sc, effect->key, FX_ENDED_FAILED,
                                 fx_json_object_of(sc, "refused", fx_json_string(sc, why),
                                                   "as_before", fx_json_bool(sc, true), NULL),
                                 err));
    return fx_fail(err, FX_ERR_CONFLICT, "%s", why);
}

/* As before, and nothing can arrive any more. */
static bool is_as_before(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct change_look *look) {
    return look->now != NULL && fx_json_text_slice(fx_json_at(params, "done")).len > 0 &&
           fx_json_equal(look->now, fx_json_at_path(ctx->plan, "details.from"));
}

enum fx_code change_doubt(const struct fx_step_context *ctx, const struct fx_json *params,
                          const struct fx_step_effect *effect, bool back,
                          struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    int64_t now = fx_wall_ms(ctx->clock), age = now - effect->begun_ms;
    /* not by its class: what might be repeated at once may still arrive, too */
    bool fenced = fx_effect_hold(effect->begun_ms, now) == FX_HOLD_FENCED;
    struct change_look look;

    FX_TRY(change_look_at(ctx, params, &look, err));
    if (back ? look.reverted : look.done) {
        FX_TRY(tell(ctx, effect, FX_ENDED_DONE, "read_back", shown(sc, look.now), err));
        return park(ctx, effect->begun_ms, ret_result);
    }
    if (fenced && (back ? look.done : is_as_before(ctx, params, &look)))
        return tell_as_before(ctx, effect, &look, back, err);
    if (effect->known == FX_KNOWN_BEGUN)
        FX_TRY(tell(ctx, effect, FX_ENDED_UNKNOWN, "seen", shown(sc, look.now), err));
    if (age < QUIET_MS && !fx_json_get_bool(ctx->checkpoint, "asked", false))
        return park(ctx, effect->begun_ms, ret_result);
    return ask(ctx, effect, &look, back, fenced, ret_result);
}

/* ---- sending ---- */

/* What AWS answers may hold secrets, so none of it is kept: the reading calls tell. */
static enum fx_code record(const struct fx_step_context *ctx, const char *key, enum fx_code code,
                           struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_error told = code == FX_OK ? (struct fx_error){0} : *err;
    enum fx_ended ended = call_ended(code, &told);

    if (ended == FX_ENDED_UNKNOWN) /* the next look reads back */
        return code == FX_ERR_CANCELED ? code : FX_OK;
    FX_TRY(ctx->host->end_effect(
        ctx->host, sc, key, ended,
        ended == FX_ENDED_DONE ? fx_json_object_of(sc, "answered", fx_json_bool(sc, true), NULL)
                               : call_outcome(sc, ended, told.message),
        err));
    if (ended != FX_ENDED_DONE)
        *err = told;
    return code;
}

enum fx_code change_send(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct change_call *call, const char *key,
                         const struct fx_json *with, const struct fx_json *seen,
                         struct fx_error *err) {
    const struct fx_json *takes_back = fx_json_at(ctx->plan, "takes_back");
    struct fx_json *what = fx_json_copy(ctx->sc, call->what);
    void *ready = NULL;

    fx_json_put(what, "with", fx_json_copy(ctx->sc, with));
    fx_json_put(what, "seen", shown(ctx->sc, seen));
    if (takes_back != NULL && strcmp(key, key_change) == 0) /* for whoever ends it before that */
        fx_json_put(what, "takes_back", fx_json_copy(ctx->sc, takes_back));
    FX_TRY(call->prepare(ctx, params, &ready, err));
    FX_TRY(ctx->host->begin_effect(ctx->host, ctx->sc, key, what, err));
    return record(ctx, key, call->send(ctx, params, with, ready, err), err);
}

/* ---- the step ---- */

static const struct fx_step_effect *find(const struct fx_step_effect *effects, size_t count,
                                         const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(effects[i].key, key) == 0)
            return &effects[i];
    return NULL;
}

/* Kept until it is taken back, or on the way there. */
static bool is_kept(const struct fx_step_context *ctx, const struct fx_step_effect *revert) {
    return revert != NULL || fx_json_get_bool(ctx->checkpoint, "kept", false);
}

enum fx_code change_run(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct change_call *call, struct fx_step_result *ret_result,
                        struct fx_error *err) {
    struct fx_step_effect *effects = NULL;
    size_t count = 0;

    FX_TRY(ctx->host->effects(ctx->host, ctx->sc, &effects, &count, err));
    const struct fx_step_effect *effect = find(effects, count, key_change);
    const struct fx_step_effect *revert = find(effects, count, key_revert);

    assert(count <= 2);
    if (effect == NULL || effect->next == FX_NEXT_RUN) {
        FX_TRY(change_send(ctx, params, call, key_change,
                           fx_json_at_path(ctx->plan, "details.with"),
                           fx_json_at_path(ctx->plan, "details.from"), err));
        return park(ctx, fx_wall_ms(ctx->clock), ret_result);
    }
    switch (effect->next) {
    case FX_NEXT_GO_ON:
        if (is_kept(ctx, revert))
            return revert_run(ctx, params, call, effect, revert, ret_result, err);
        return watch(ctx, params, effect, ret_result, err);
    case FX_NEXT_REFUSE:
        return fx_fail(err, FX_ERR_UPSTREAM, "%s", change_refusal(effect));
    case FX_NEXT_RUN:
    case FX_NEXT_REPEAT: /* nothing is sent twice, also what might be */
    case FX_NEXT_READ_BACK:
    case FX_NEXT_ASK:
        break;
    }
    return change_doubt(ctx, params, effect, false, ret_result, err);
}
