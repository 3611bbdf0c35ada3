/* let.c - the step kind `let`: what an expression makes of earlier steps, worked out once. */
#include "private.h"

static const struct fx_step_param let_params[] = {
    {"value", FX_PARAM_ANY, true, NULL, "an expression, or anything with expressions in it"},
};

static enum fx_code let_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_json *value = fx_json_at(params, "value");

    (void)err;
    ret_result->output = value != NULL ? value : fx_json_null(ctx->sc);
    return FX_OK;
}

const struct fx_step_kind step_let = {
    .name = "let",
    .summary = "Works an expression out once, for all that follows; asks nobody.",
    .params = let_params,
    .params_count = FX_COUNT_OF(let_params),
    .shorthand = "value",
    .effect = step_reads,
    .run = let_run,
};
