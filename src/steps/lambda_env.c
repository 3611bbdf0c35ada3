/* lambda_env.c - the step kind `lambda.env`: whether a function has a variable of its environment,
 * and whether it holds what is expected. What it holds is never told. */
#include "private.h"

#include <string.h>

static const struct fx_step_param env_params[] = {
    {"function", FX_PARAM_TEXT, true, NULL, "the function's name"},
    {"key", FX_PARAM_TEXT, true, NULL, "the variable's name"},
    {"equals", FX_PARAM_TEXT, false, "\"\"",
     "what it should hold; nothing that a person typed, who could guess at secrets with it"},
};

static enum fx_code env_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    static const char *const names[] = {"function", "key", "equals"};

    (void)sc;
    (void)system;
    for (size_t i = 1; i < FX_COUNT_OF(names); i++)
        if (strstr(fx_json_get_text(params, names[i]), "arguments") != NULL)
            return fx_fail(err, FX_ERR_INPUT,
                           "%s may not hold arguments: with them a person could guess at secrets",
                           names[i]);
    return FX_OK;
}

static enum fx_code env_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    const char *key = fx_json_get_text(params, "key");
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;

    FX_TRY(fx_aws_call(
        ctx->aws, sc,
        &(struct fx_aws_call){
            .service = "lambda",
            .operation = "GetFunctionConfiguration",
            .params = fx_json_object_of(sc, "FunctionName", fx_json_at(params, "function"), NULL),
            .guess = fx_json_get_text(params, "equals")},
        &answer, err));
    const char *value =
        fx_json_get_text(fx_json_at(fx_json_at(answer, "Environment"), "Variables"), key);

    ret_result->output = fx_json_object_of(
        sc, "present", fx_json_bool(sc, value != NULL), "equal",
        fx_json_bool(sc, value != NULL && strcmp(value, FX_AWS_EQUAL) == 0), NULL);
    return FX_OK;
}

static const struct fx_step_call env_calls[] = {
    {"lambda:GetFunctionConfiguration", "function"},
};

static const char *const env_closed[] = {"key", "equals"};

const struct fx_step_kind step_lambda_env = {
    .name = "lambda.env",
    .summary =
        "Whether a function has a variable of its environment and whether that holds what is "
        "expected, never what it holds; {present, equal}.",
    .params = env_params,
    .params_count = FX_COUNT_OF(env_params),
    .closed = env_closed,
    .closed_count = FX_COUNT_OF(env_closed),
    .is_answered = true,
    .calls = env_calls,
    .calls_count = FX_COUNT_OF(env_calls),
    .effect = step_reads,
    .check = env_check,
    .run = env_run,
};
