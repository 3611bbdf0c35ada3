/* revert.c - a change that is taken back by itself: kept for the time that was approved, then one
 * more call, promised and recorded like the first.
 *
 * Both calls stand in the plan that was approved. Whatever somebody else has changed meanwhile is
 * left alone, Stop ends the waiting, and a freeze puts it off. When it cannot be taken back, the
 * card says so: nobody should have to remember it.
 */
#include "change.h"

#include <string.h>

enum {
    REVERT_AGAIN_MS = 60 * 1000,          /* when it cannot be done now */
    REVERT_LATE_MS = 24 * 60 * 60 * 1000, /* how late it may be done: the bot may have been down */
    REVERT_SHOWS_MS = 5 * 60 * 1000,      /* how long until it must be seen */
};

static const char key_revert[] = "revert";

/* ---- planning ---- */

bool revert_is_planned(const struct fx_step_context *ctx) {
    return fx_json_at_path(ctx->plan, "details.revert") != NULL;
}

enum fx_code revert_check(struct fx_scope *sc, const struct fx_json *params, struct fx_error *err) {
    bool given = fx_json_count(fx_json_at(params, "revert")) > 0;
    int64_t after = fx_json_get_int(params, "revert_after", 0);

    if (given != (fx_json_text_slice(fx_json_at(params, "reverted")).len > 0) ||
        given != (fx_json_text_slice(fx_json_at(params, "undo_command")).len > 0))
        return fx_fail(err, FX_ERR_INPUT,
                       "revert, reverted and undo_command belong together: how it is taken back, "
                       "when it is, and how a person does it when the bot does not");
    if (!given && after > 0)
        return fx_fail(err, FX_ERR_INPUT, "revert_after needs revert: how it is taken back");
    if (after > CHANGE_MAX_KEEP_MS)
        return fx_fail(err, FX_ERR_INPUT, "revert_after is at most %s",
                       fx_duration(sc, CHANGE_MAX_KEEP_MS));
    return FX_OK;
}

enum fx_code revert_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct fx_json *names, const struct fx_json *with,
                         struct fx_json *plan, struct fx_error *err) {
    struct fx_json *values = NULL, *value = NULL, *revert = fx_json_copy(ctx->sc, with);
    int64_t after = fx_json_get_int(params, "revert_after", 0);
    void *cursor = NULL;
    const char *name = NULL;

    FX_TRY(revert_check(ctx->sc, params, err));
    if (after == 0)
        return FX_OK;
    FX_TRY(facts_of(ctx->sc, params, "revert", names, &values, err));
    while (fx_json_next(values, &cursor, &name, &value))
        fx_json_put(revert, name, value);
    fx_json_put(fx_json_at(plan, "details"), "revert", revert);
    fx_json_put(fx_json_at(plan, "details"), "revert_after", fx_json_int(ctx->sc, after));
    fx_json_put(plan, "rests_ms", fx_json_int(ctx->sc, after + REVERT_LATE_MS));
    fx_json_put(plan, "takes_back",
                fx_json_object_of(ctx->sc, "key", fx_json_string(ctx->sc, key_revert), "after_ms",
                                  fx_json_int(ctx->sc, after), "command",
                                  fx_json_at(params, "undo_command"), NULL));
    return FX_OK;
}

/* ---- waiting ---- */

static int64_t due_at(const struct fx_step_context *ctx, const struct fx_step_effect *change) {
    return change->begun_ms + fx_json_to_int(fx_json_at_path(ctx->plan, "details.revert_after"), 0);
}

/* What was wrong with the change before it was kept; "". */
static const char *earlier(const struct fx_step_context *ctx) {
    const char *problem = fx_json_get_text(ctx->checkpoint, "problem");

    return problem == NULL ? "" : problem;
}

/* Whether it was ever seen as it was asked for. What was accepted and never showed looks as before,
 * too, and nobody has taken it back. */
static bool has_shown(const struct fx_step_context *ctx) {
    return fx_json_get_bool(ctx->checkpoint, "kept", false) &&
           fx_json_get_bool(ctx->checkpoint, "shown", earlier(ctx)[0] == '\0');
}

static enum fx_code park_until(const struct fx_step_context *ctx, int64_t due_ms,
                               const char *problem, bool shown, struct fx_step_result *ret_result) {
    struct fx_scope *sc = ctx->sc;

    *ret_result = (struct fx_step_result){
        .outcome = FX_STEP_PARKED,
        .checkpoint =
            fx_json_object_of(sc, "kept", fx_json_bool(sc, true), "problem",
                              fx_json_string(sc, problem), "shown", fx_json_bool(sc, shown), NULL),
        .due_ms = due_ms};
    return FX_OK;
}

enum fx_code revert_keep(const struct fx_step_context *ctx, const struct change_look *look,
                         const struct fx_step_effect *change, const char *problem,
                         struct fx_step_result *ret_result) {
    int64_t due = due_at(ctx, change);
    bool shown = look->done || has_shown(ctx);

    change_progress(ctx, look,
                    fx_printf(ctx->sc,
                              "%s. %s taken back by itself at %s; Stop ends the waiting, and "
                              "leaves it as it is",
                              problem[0] == '\0' ? "It is done" : problem,
                              shown ? "It is" : "If it shows by then, it is",
                              fx_time_iso(ctx->sc, due)));
    return park_until(ctx, due, problem, shown, ret_result);
}

/* The step ends; what was wrong before is told, too. */
static enum fx_code end(const struct fx_step_context *ctx, const struct fx_step_effect *change,
                        const struct change_look *look, const char *problem,
                        struct fx_step_result *ret_result) {
    const char *before = earlier(ctx);

    if (before[0] != '\0' && problem[0] != '\0')
        problem = fx_printf(ctx->sc, "%s; %s", before, problem);
    return change_end(ctx, change, look, problem[0] == '\0' ? before : problem, ret_result);
}

/* ---- taking it back ---- */

/* Not now; and after a day not any more. */
static enum fx_code put_off(const struct fx_step_context *ctx, const struct fx_step_effect *change,
                            const struct change_look *look, const char *why,
                            struct fx_step_result *ret_result) {
    int64_t now = fx_wall_ms(ctx->clock), due = due_at(ctx, change);

    if (now - due >= REVERT_LATE_MS)
        return end(ctx, change, look,
                   fx_printf(ctx->sc, "it was to be taken back at %s, and could not be: %s",
                             fx_time_iso(ctx->sc, due), why),
                   ret_result);
    change_progress(ctx, look,
                    fx_printf(ctx->sc, "It was to be taken back at %s, and is tried again: %s",
                              fx_time_iso(ctx->sc, due), why));
    return park_until(ctx, now + REVERT_AGAIN_MS, earlier(ctx), look->done || has_shown(ctx),
                      ret_result);
}

/* Whether it was begun and turned down for good. */
static enum fx_code was_refused(const struct fx_step_context *ctx, bool *ret_refused,
                                struct fx_error *err) {
    struct fx_step_effect *effects = NULL;
    size_t count = 0;

    *ret_refused = false;
    FX_TRY(ctx->host->effects(ctx->host, ctx->sc, &effects, &count, err));
    for (size_t i = 0; i < count; i++)
        if (strcmp(effects[i].key, key_revert) == 0)
            *ret_refused = effects[i].next == FX_NEXT_REFUSE;
    return FX_OK;
}

/* Its end is read from the records when the step is called again. */
static enum fx_code send_back(const struct fx_step_context *ctx, const struct fx_json *params,
                              const struct change_call *call, const struct fx_step_effect *change,
                              const struct change_look *look, struct fx_step_result *ret_result,
                              struct fx_error *err) {
    struct fx_error why = {0};
    bool refused = false;
    enum fx_code code = change_send(ctx, params, call, key_revert,
                                    fx_json_at_path(ctx->plan, "details.revert"), look->now, &why);

    if (code == FX_ERR_CANCELED) {
        *err = why;
        return code;
    }
    if (code != FX_OK)
        FX_TRY(was_refused(ctx, &refused, err));
    if (code == FX_OK || refused)
        return park_until(ctx, fx_wall_ms(ctx->clock), earlier(ctx), true, ret_result);
    return put_off(ctx, change, look, why.message, ret_result);
}

static const char by_somebody_else[] = "somebody else";

/* It looks as it does when it is taken back, and we have not done that. */
static enum fx_code end_as_before(const struct fx_step_context *ctx,
                                  const struct fx_step_effect *change, struct change_look *look,
                                  struct fx_step_result *ret_result) {
    look->reverted = has_shown(ctx);
    if (look->reverted) {
        look->reverted_by = by_somebody_else;
        return end(ctx, change, look, "", ret_result);
    }
    return end(ctx, change, look,
               "it looks as it did before, so nothing was sent to take it back; should it show "
               "yet, it stays",
               ret_result);
}

/* Nobody takes it back any more, which is said whatever there is to be seen. */
static enum fx_code end_stopped(const struct fx_step_context *ctx,
                                const struct fx_step_effect *change, struct change_look *look,
                                struct fx_step_result *ret_result) {
    const char *stands =
        look->unread[0] != '\0'
            ? fx_printf(ctx->sc, ", and how it stands cannot be read: %s", look->unread)
        : look->reverted ? "; it looks as it did before, and should it show yet, it stays"
                         : "";

    if (look->reverted && has_shown(ctx))
        return end_as_before(ctx, change, look, ret_result);
    look->reverted = false;
    return end(ctx, change, look,
               fx_printf(ctx->sc,
                         "a person pressed Stop, so it is not taken back by itself any more%s",
                         stands),
               ret_result);
}

static enum fx_code end_changed(const struct fx_step_context *ctx,
                                const struct fx_step_effect *change, struct change_look *look,
                                struct fx_step_result *ret_result) {
    return end(ctx, change, look,
               fx_printf(ctx->sc, "%s, so it is left alone: %s",
                         has_shown(ctx) ? "somebody has changed it meanwhile"
                                        : "it is neither as it was asked for nor as before",
                         facts_list(ctx->sc, look->now)),
               ret_result);
}

static enum fx_code take_back(const struct fx_step_context *ctx, const struct fx_json *params,
                              const struct change_call *call, const struct fx_step_effect *change,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct change_look look;

    FX_TRY(change_look_at(ctx, params, &look, err));
    if (ctx->host->stop_requested(ctx->host, ctx->sc))
        return end_stopped(ctx, change, &look, ret_result);
    if (fx_wall_ms(ctx->clock) < due_at(ctx, change))
        return revert_keep(ctx, &look, change, earlier(ctx), ret_result);
    if (look.unread[0] != '\0')
        return put_off(ctx, change, &look, look.unread, ret_result);
    if (look.reverted)
        return end_as_before(ctx, change, &look, ret_result);
    if (!look.done)
        return end_changed(ctx, change, &look, ret_result);
    return send_back(ctx, params, call, change, &look, ret_result, err);
}

/* What is known of a call that was accepted, or whose answer got lost and that was seen. */
static const char *not_shown(struct fx_scope *sc, const struct change_look *look) {
    if (look->unread[0] != '\0')
        return fx_printf(sc,
                         "the call that takes it back was accepted, but what became of it cannot "
                         "be read: %s",
                         look->unread);
    if (look->reverted)
        return "it was taken back, but that is still under way";
    return fx_printf(sc, "the call that takes it back was accepted, but does not show yet: %s",
                     facts_list(sc, look->now));
}

/* It was accepted. */
static enum fx_code watch_back(const struct fx_step_context *ctx, const struct fx_json *params,
                               const struct fx_step_effect *change,
                               const struct fx_step_effect *revert,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t now = fx_wall_ms(ctx->clock);
    struct change_look look;

    FX_TRY(change_look_at(ctx, params, &look, err));
    if (look.reverted && fx_json_get_bool(revert->outcome, "answered", false))
        look.reverted_by = "fluxabot"; /* else somebody may have been first */
    if (look.reverted && look.settled)
        return end(ctx, change, &look, "", ret_result);
    if (now - revert->begun_ms < REVERT_SHOWS_MS)
        return park_until(ctx, now + 1000 + (now - revert->begun_ms) / 4, earlier(ctx), true,
                          ret_result);
    return end(ctx, change, &look, not_shown(ctx->sc, &look), ret_result);
}

static enum fx_code end_refused(const struct fx_step_context *ctx, const struct fx_json *params,
                                const struct fx_step_effect *change,
                                const struct fx_step_effect *revert,
                                struct fx_step_result *ret_result, struct fx_error *err) {
    struct change_look look;

    FX_TRY(change_look_at(ctx, params, &look, err));
    if (look.reverted)
        look.reverted_by = by_somebody_else;
    return end(
        ctx, change, &look,
        fx_printf(ctx->sc, "it could not be taken back by itself: %s", change_refusal(revert)),
        ret_result);
}

enum fx_code revert_run(const struct fx_step_context *ctx, const struct fx_json *params,
                        const struct change_call *call, const struct fx_step_effect *change,
                        const struct fx_step_effect *revert, struct fx_step_result *ret_result,
                        struct fx_error *err) {
    struct fx_error why = {0};

    if (revert == NULL || revert->next == FX_NEXT_RUN)
        return take_back(ctx, params, call, change, ret_result, err);
    if (revert->next == FX_NEXT_GO_ON)
        return watch_back(ctx, params, change, revert, ret_result, err);
    if (revert->next == FX_NEXT_REFUSE)
        return end_refused(ctx, params, change, revert, ret_result, err);
    enum fx_code code = change_doubt(ctx, params, revert, true, ret_result, &why);

    if (code == FX_ERR_CONFLICT) /* it did not happen, as far as can be seen: the card says so */
        return park_until(ctx, fx_wall_ms(ctx->clock), earlier(ctx), true, ret_result);
    if (code != FX_OK)
        *err = why;
    return code;
}
