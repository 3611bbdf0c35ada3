/* wait.c - the step kind `wait`: a pause, or a watch that looks again and again until something is
 * true or its time is over.
 *
 * Nobody sleeps: a wait is parked with the time of its next look. With `again` the engine takes the
 * steps from there on anew before each look, so that `until` and `keep` read what is true then. How
 * far it is stands in the run's values, under the step's id, where the answer reads it:
 *
 *   {done, met, why, looks, began, until, looked, gap_ms, kept: [{at, ...}]}
 */
#include "private.h"

#include <string.h>

enum {
    WAIT_MAX_MS = 60 * 60 * 1000, /* of one wait */
    WAIT_MIN_EVERY_MS = 1000,
    WAIT_MAX_LOOKS = 120,
    WAIT_MAX_KEPT = 8, /* values of one look: all of them stand in the run's row */
    WAIT_MAX_KEPT_BYTES = 60,
};

static const struct fx_step_param wait_params[] = {
    {"for", FX_PARAM_DURATION, true, NULL,
     "how long, such as 30s, at most 60m; with until, how long at most"},
    {"until", FX_PARAM_ANY, false, "null", "\"${condition}\": it ends as soon as this is true"},
    {"again", FX_PARAM_TEXT, false, "\"\"",
     "an earlier step: it and all behind it are taken again before each look"},
    {"every", FX_PARAM_DURATION, false, "\"1m\"",
     "from one look to the next; at most 120 looks fit into one wait"},
    {"keep", FX_PARAM_OBJECT, false, "{}",
     "what is remembered of each look: a name -> a number, or a short text"},
    {"name", FX_PARAM_TEXT, false, "\"\"",
     "what is watched: of one name one wait goes on at a time, in a system and environment"},
    {"takes_over", FX_PARAM_BOOL, false, "false",
     "true: a newer wait of that name ends an older one, instead of being refused"},
};

/* ---- before it may run ---- */

static enum fx_code check_times(struct fx_scope *sc, const struct fx_json *params,
                                struct fx_error *err) {
    const struct fx_json *length = fx_json_at(params, "for"), *every = fx_json_at(params, "every");
    int64_t length_ms = fx_json_to_int(length, 0), every_ms = fx_json_to_int(every, 0);

    if (fx_json_type(length) == FX_JSON_INT && length_ms > WAIT_MAX_MS)
        return fx_fail(err, FX_ERR_INPUT, "a wait is at most %s long",
                       fx_duration(sc, WAIT_MAX_MS));
    if (fx_json_type(every) != FX_JSON_INT)
        return FX_OK;
    if (every_ms < WAIT_MIN_EVERY_MS)
        return fx_fail(err, FX_ERR_INPUT, "every is at least %s",
                       fx_duration(sc, WAIT_MIN_EVERY_MS));
    if (fx_json_type(length) == FX_JSON_INT && length_ms / every_ms > WAIT_MAX_LOOKS)
        return fx_fail(err, FX_ERR_INPUT,
                       "it would look more than %d times; make every longer, or for shorter",
                       WAIT_MAX_LOOKS);
    return FX_OK;
}

static bool looks_again(const struct fx_json *params) {
    return fx_json_text_slice(fx_json_at(params, "again")).len > 0;
}

static enum fx_code check_wait(struct fx_scope *sc, const struct fx_json *system,
                               const struct fx_json *params, struct fx_error *err) {
    enum fx_json_type until = fx_json_type(fx_json_at(params, "until"));

    (void)system;
    if (until != FX_JSON_NULL && until != FX_JSON_STRING)
        return fx_fail(err, FX_ERR_INPUT, "until is a condition, such as \"${depth.count == 0}\"");
    if (!looks_again(params) &&
        (until == FX_JSON_STRING || fx_json_count(fx_json_at(params, "keep")) > 0))
        return fx_fail(err, FX_ERR_INPUT,
                       "until and keep need again: the step from which on everything is looked at "
                       "anew; without it nothing would change");
    if (fx_json_count(fx_json_at(params, "keep")) > WAIT_MAX_KEPT)
        return fx_fail(err, FX_ERR_INPUT, "keep names at most %d values", WAIT_MAX_KEPT);
    return check_times(sc, params, err);
}

/* ---- one look ---- */

static enum fx_code is_met(const struct fx_json *params, bool *ret_met, struct fx_error *err) {
    const struct fx_json *until = fx_json_at(params, "until");

    if (until != NULL && fx_json_type(until) != FX_JSON_NULL && fx_json_type(until) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "`until` must be true or false");
    *ret_met = fx_json_to_bool(until, false);
    return FX_OK;
}

/* Lists and objects would let the run's row grow with what others say. */
static struct fx_json *kept_value(struct fx_scope *sc, const struct fx_json *value) {
    struct fx_slice text = fx_json_text_slice(value);
    size_t most = fx_slice_utf8_prefix(text, WAIT_MAX_KEPT_BYTES);

    switch (fx_json_type(value)) {
    case FX_JSON_STRING:
        return fx_json_string(sc, fx_slice_dup(sc, fx_slice_cut(text, 0, most)));
    case FX_JSON_BOOL:
    case FX_JSON_INT:
    case FX_JSON_REAL:
        return fx_json_copy(sc, value);
    default:
        return fx_json_null(sc);
    }
}

static struct fx_json *kept_of(struct fx_scope *sc, const struct fx_json *state,
                               const struct fx_json *params, int64_t now) {
    const struct fx_json *before = fx_json_at(state, "kept");
    struct fx_json *kept = before == NULL ? fx_json_array(sc) : fx_json_copy(sc, before);
    struct fx_json *one = fx_json_object_of(sc, "at", fx_json_int(sc, now), NULL), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    if (fx_json_count(fx_json_at(params, "keep")) == 0)
        return kept;
    while (fx_json_next(fx_json_at(params, "keep"), &cursor, &name, &value))
        fx_json_put(one, name, kept_value(sc, value));
    fx_json_add(kept, one);
    return kept;
}

/* The longest time that nobody looked: the program may have been away. */
static int64_t gap_of(const struct fx_json *state, int64_t now) {
    int64_t gap = now - fx_json_get_int(state, "looked", now);
    int64_t longest = fx_json_get_int(state, "gap_ms", 0);

    return gap > longest ? gap : longest;
}

static struct fx_json *state_of(struct fx_scope *sc, const struct fx_json *state,
                                const struct fx_json *params, int64_t now) {
    int64_t began = fx_json_get_int(state, "began", now);
    int64_t ends = fx_json_get_int(state, "until", began + fx_json_get_int(params, "for", 0));

    return fx_json_object_of(sc, "began", fx_json_int(sc, began), "until", fx_json_int(sc, ends),
                             "looked", fx_json_int(sc, now), "looks",
                             fx_json_int(sc, fx_json_get_int(state, "looks", 0) + 1), "gap_ms",
                             fx_json_int(sc, gap_of(state, now)), "kept",
                             kept_of(sc, state, params, now), "done", fx_json_bool(sc, false),
                             "met", fx_json_bool(sc, false), "why", fx_json_string(sc, ""), NULL);
}

static enum fx_code end(const struct fx_step_context *ctx, struct fx_json *state, const char *why,
                        struct fx_step_result *ret_result) {
    fx_json_put(state, "done", fx_json_bool(ctx->sc, true));
    fx_json_put(state, "met", fx_json_bool(ctx->sc, strcmp(why, "met") == 0));
    fx_json_put(state, "why", fx_json_string(ctx->sc, why));
    fx_json_remove(state, "due");
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_DONE, .output = state};
    return FX_OK;
}

static enum fx_code park(struct fx_json *state, int64_t due_ms, struct fx_step_result *ret_result) {
    *ret_result =
        (struct fx_step_result){.outcome = FX_STEP_PARKED, .checkpoint = state, .due_ms = due_ms};
    return FX_OK;
}

static enum fx_code look(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t now = fx_wall_ms(ctx->clock), every = fx_json_get_int(params, "every", 0);
    struct fx_json *state = state_of(ctx->sc, ctx->checkpoint, params, now);
    int64_t ends = fx_json_get_int(state, "until", 0);
    bool met = false;

    FX_TRY(is_met(params, &met, err));
    if (met)
        return end(ctx, state, "met", ret_result);
    if (now >= ends)
        return end(ctx, state, "time", ret_result);
    if (fx_json_get_int(state, "looks", 0) >= WAIT_MAX_LOOKS)
        return end(ctx, state, "looks", ret_result);
    int64_t due = looks_again(params) && now + every < ends ? now + every : ends;

    fx_json_put(state, "due", fx_json_int(ctx->sc, due));
    return park(state, due, ret_result);
}

/* It sleeps, and somebody called: it is time, or a person does not want it any longer. */
static enum fx_code wake(const struct fx_step_context *ctx, const struct fx_json *params,
                         struct fx_step_result *ret_result) {
    struct fx_json *state = fx_json_copy(ctx->sc, ctx->checkpoint);
    int64_t due = fx_json_get_int(state, "due", 0);

    if (ctx->host->stop_requested(ctx->host, ctx->sc))
        return end(ctx, state, "stopped", ret_result);
    if (fx_wall_ms(ctx->clock) < due)
        return park(state, due, ret_result);
    if (!looks_again(params))
        return end(ctx, state, "time", ret_result);
    fx_json_remove(state, "due");
    *ret_result = (struct fx_step_result){.outcome = FX_STEP_AGAIN, .checkpoint = state};
    return FX_OK;
}

static enum fx_code wait_run(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    FX_TRY(check_times(ctx->sc, params, err));
    if (fx_json_at(ctx->checkpoint, "due") != NULL)
        return wake(ctx, params, ret_result);
    return look(ctx, params, ret_result, err);
}

const struct fx_step_kind step_wait = {
    .name = "wait",
    .summary = "Goes on after a while; the run sleeps in the store, not in a thread. With again it "
               "is a watch: the card is shown after each look and edited at the next; {done, met, "
               "why, looks, began, until, looked, gap_ms, kept}.",
    .params = wait_params,
    .params_count = FX_COUNT_OF(wait_params),
    .shorthand = "for",
    .again = "again",
    .effect = step_reads,
    .check = check_wait,
    .run = wait_run,
};
