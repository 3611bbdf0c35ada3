/* proofs.c - the step kinds `proof.keep` and `proof.find`: what a look has shown, for a later run.
 *
 * Kept in the store under a name of this system and environment, never in a button: whoever presses
 * one cannot bring a proof along.
 */
#include "private.h"

#include <string.h>

enum { PROOF_NAME_MAX = 1200, PROOF_MAX_AGE_MS = 24 * 3600 * 1000 };

static const struct fx_step_param keep_params[] = {
    {"name", FX_PARAM_TEXT, true, NULL, "what it is about; a newer one takes its place"},
    {"value", FX_PARAM_ANY, true, NULL, "what was shown"},
};

static const struct fx_step_param find_params[] = {
    {"name", FX_PARAM_TEXT, true, NULL, "as proof.keep called it"},
    {"within", FX_PARAM_DURATION, true, NULL, "an older one is not fresh; up to 1d"},
};

static const char *kept_as(struct fx_scope *sc, const char *name) {
    return fx_printf(sc, "proof:%s", name);
}

enum fx_code proof_recall(const struct fx_step_context *ctx, const char *name,
                          struct fx_json **ret_proof, struct fx_error *err) {
    return ctx->host->recall(ctx->host, ctx->sc, kept_as(ctx->sc, name), ret_proof, err);
}

bool proof_is_fresh(const struct fx_json *proof, int64_t now_ms, int64_t within_ms) {
    int64_t at = fx_json_get_int(proof, "at", -1);

    return at >= 0 && at <= now_ms && now_ms - at <= within_ms;
}

static enum fx_code check_name(const struct fx_json *params, struct fx_error *err) {
    size_t length = fx_json_text_slice(fx_json_at(params, "name")).len;

    if (length == 0 || length > PROOF_NAME_MAX)
        return fx_fail(err, FX_ERR_INPUT, "the name of a proof has 1 to %d bytes", PROOF_NAME_MAX);
    return FX_OK;
}

static enum fx_code keep_run(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;

    FX_TRY(check_name(params, err));
    ret_result->output = fx_json_object_of(sc, "at", fx_json_int(sc, fx_wall_ms(ctx->clock)),
                                           "value", fx_json_at(params, "value"), NULL);
    return ctx->host->remember(ctx->host, sc, kept_as(sc, fx_json_get_text(params, "name")),
                               ret_result->output, err);
}

static enum fx_code find_run(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    int64_t within = fx_json_get_int(params, "within", 0), now = fx_wall_ms(ctx->clock);
    struct fx_scope *sc = ctx->sc;
    struct fx_json *proof = NULL, *value;

    FX_TRY(check_name(params, err));
    if (within <= 0 || within > PROOF_MAX_AGE_MS)
        return fx_fail(err, FX_ERR_INPUT, "within is a duration of at most 1d");
    FX_TRY(proof_recall(ctx, fx_json_get_text(params, "name"), &proof, err));
    value = fx_json_at(proof, "value");
    ret_result->output =
        fx_json_object_of(sc, "name", fx_json_at(params, "name"), "fresh",
                          fx_json_bool(sc, proof_is_fresh(proof, now, within)), "at",
                          proof == NULL ? fx_json_null(sc) : fx_json_at(proof, "at"), "value",
                          value == NULL ? fx_json_null(sc) : value, NULL);
    return FX_OK;
}

const struct fx_step_kind step_proof_keep = {
    .name = "proof.keep",
    .summary = "Keeps what was shown, with the time, for proof.find of a later run; {at, value}.",
    .params = keep_params,
    .params_count = FX_COUNT_OF(keep_params),
    .effect = step_reads,
    .run = keep_run,
};

const struct fx_step_kind step_proof_find = {
    .name = "proof.find",
    .summary = "What an earlier run has kept; {name, fresh, at, value}.",
    .params = find_params,
    .params_count = FX_COUNT_OF(find_params),
    .effect = step_reads,
    .run = find_run,
};
