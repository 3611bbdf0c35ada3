/* assert.c - the step kind `assert`: goes on only while a condition holds. */
#include "private.h"

#include "fluxabot/expr.h"

static const struct fx_step_param assert_params[] = {
    {"that", FX_PARAM_ANY, true, NULL, "one expression that is true or false"},
    {"message", FX_PARAM_TEXT, true, NULL,
     "what to say when it is false: what is wrong, and what to do next"},
};

static enum fx_code assert_check(struct fx_scope *sc, const struct fx_json *system,
                                 const struct fx_json *params, struct fx_error *err) {
    const char *that = fx_json_get_text(params, "that");

    (void)sc;
    (void)system;
    if (that == NULL || !fx_expr_is_template(that))
        return fx_fail(err, FX_ERR_INPUT,
                       "assert asks the same whatever was found; write an expression, such as "
                       "\"${tasks.count == 0}\"");
    if (fx_json_text_slice(fx_json_at(params, "message")).len == 0)
        return fx_fail(err, FX_ERR_INPUT, "assert has nothing to say when it fails; add message");
    return FX_OK;
}

static enum fx_code assert_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    const struct fx_json *that = fx_json_at(params, "that");

    if (fx_json_type(that) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "what assert is to hold is neither true nor false");
    if (!fx_json_to_bool(that, false))
        return fx_fail(err, FX_ERR_CONFLICT, "%s", fx_json_get_text(params, "message"));
    ret_result->output = fx_json_bool(ctx->sc, true);
    return FX_OK;
}

const struct fx_step_kind step_assert = {
    .name = "assert",
    .summary = "Ends the run with these words unless a condition holds; true.",
    .params = assert_params,
    .params_count = FX_COUNT_OF(assert_params),
    .effect = step_reads,
    .check = assert_check,
    .run = assert_run,
};
