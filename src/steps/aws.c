/* aws.c - the step kind `aws`: any reading operation of the table. */
#include "private.h"

#include <string.h>

enum { AWS_MAX_STEP_PAGES = 20 };

static const struct fx_step_param aws_params[] = {
    {"operation", FX_PARAM_TEXT, true, NULL, "service:Operation, such as sqs:GetQueueAttributes"},
    {"with", FX_PARAM_OBJECT, false, "{}", "the operation's parameters, named as AWS names them"},
    {"pages", FX_PARAM_INT, false, "1",
     "how many pages of a list to read at most; where more are left, the answer holds their token"},
};

bool split_operation(struct fx_scope *sc, const struct fx_json *params, const char **ret_service,
                     const char **ret_operation) {
    struct fx_slice service, operation;

    if (!fx_slice_split(fx_json_text_slice(fx_json_at(params, "operation")), ':', &service,
                        &operation))
        return false;
    *ret_service = fx_slice_dup(sc, service);
    *ret_operation = fx_slice_dup(sc, operation);
    return true;
}

static enum fx_effect aws_effect(const struct fx_json *params) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *service = NULL, *operation = NULL;

    if (!split_operation(sc, params, &service, &operation))
        return FX_EFFECT_REFUSED;
    return fx_aws_effect(service, operation);
}

static enum fx_code check_pages(const struct fx_json *params, struct fx_error *err) {
    int64_t pages = fx_json_get_int(params, "pages", 1);

    if (pages < 1 || pages > AWS_MAX_STEP_PAGES)
        return fx_fail(err, FX_ERR_INPUT, "pages is 1 to %d", AWS_MAX_STEP_PAGES);
    return FX_OK;
}

static enum fx_code aws_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;

    (void)system;
    if (!split_operation(sc, params, &service, &operation))
        return fx_fail(err, FX_ERR_INPUT, "write the operation as service:Operation");
    if (!fx_aws_operation_exists(service, operation))
        return fx_fail(err, FX_ERR_INPUT, "there is no operation %s:%s in the table", service,
                       operation);
    if (fx_aws_effect(service, operation) == FX_EFFECT_REFUSED)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is never called by this program", service,
                       operation);
    if (fx_effect_changes(fx_aws_effect(service, operation)))
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%s changes something; make it a step of the kind aws.change", service,
                       operation);
    FX_TRY(check_pages(params, err));
    return fx_aws_check_params(service, operation, fx_json_at(params, "with"), err);
}

static enum fx_code aws_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;

    if (!split_operation(ctx->sc, params, &service, &operation))
        return fx_fail(err, FX_ERR_INPUT, "write the operation as service:Operation");
    FX_TRY(check_pages(params, err));
    const struct fx_aws_call call = {
        .service = service, .operation = operation, .params = fx_json_at(params, "with")};
    const struct fx_aws_paging paging = {.max_pages = (size_t)fx_json_get_int(params, "pages", 1)};
    struct fx_aws_pages read;

    return fx_aws_call_pages(ctx->aws, ctx->sc, &call, &paging, &ret_result->output, &read, err);
}

const struct fx_step_kind step_aws = {
    .name = "aws",
    .summary = "Calls one reading AWS operation; its answer is the step's value.",
    .params = aws_params,
    .params_count = FX_COUNT_OF(aws_params),
    .shorthand = "operation",
    .with = "with",
    .is_parallel = true,
    .is_answered = true,
    .effect = aws_effect,
    .check = aws_check,
    .run = aws_run,
};
