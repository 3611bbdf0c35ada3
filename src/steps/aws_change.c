/* aws_change.c - the step kind `aws.change`: one changing operation of the table, sent once. */
#include "change.h"

#include <string.h>

enum { CREDENTIALS_HOLD_MS = 60 * 1000, PARAMETERS_SHOWN = 600 };

static const struct fx_step_param aws_change_params[] = {
    {"operation", FX_PARAM_TEXT, true, NULL, "service:Operation, such as lambda:UpdateAlias"},
    {"with", FX_PARAM_OBJECT, true, NULL, "the operation's parameters, named as AWS names them"},
    CHANGE_PARAMS,
};

static enum fx_effect aws_change_effect(const struct fx_json *params) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *service = NULL, *operation = NULL;

    if (!split_operation(sc, params, &service, &operation))
        return FX_EFFECT_REFUSED;
    return fx_aws_effect(service, operation);
}

/* What moves messages has kinds of its own, which look at every one of them. */
static bool has_a_kind(const char *service, const char *operation) {
    return strcmp(service, "sqs") == 0 && strcmp(operation, "SetQueueAttributes") != 0;
}

static enum fx_code check_operation(struct fx_scope *sc, const struct fx_json *params,
                                    const struct fx_json *with, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;

    if (!split_operation(sc, params, &service, &operation))
        return fx_fail(err, FX_ERR_INPUT, "write the operation as service:Operation");
    if (!fx_aws_operation_exists(service, operation))
        return fx_fail(err, FX_ERR_INPUT, "there is no operation %s:%s in the table", service,
                       operation);
    enum fx_effect effect = fx_aws_effect(service, operation);

    if (effect == FX_EFFECT_REFUSED)
        return fx_fail(err, FX_ERR_INPUT, "%s:%s is never called by this program", service,
                       operation);
    if (!fx_effect_changes(effect))
        return fx_fail(err, FX_ERR_INPUT, "%s:%s changes nothing; make it a step of the kind aws",
                       service, operation);
    if (has_a_kind(service, operation))
        return fx_fail(err, FX_ERR_INPUT,
                       "%s:%s is only done by the step kinds dlq.*, message by "
                       "message",
                       service, operation);
    /* it would replace all of them, and they are secrets */
    if (fx_json_at(with, "Environment") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the environment of a function is never changed; deploy it");
    return fx_aws_check_params(service, operation, with, err);
}

/* Of a class whose effect can be read, `done` has to say how; of another it would be a guess. */
static enum fx_code check_done(const struct fx_json *params, struct fx_error *err) {
    bool given = fx_json_text_slice(fx_json_at(params, "done")).len > 0;
    bool unkeyed = aws_change_effect(params) == FX_EFFECT_UNKEYED;

    if (unkeyed && given)
        return fx_fail(err, FX_ERR_INPUT,
                       "whether such a call was obeyed cannot be told by reading: leave out done");
    if (!unkeyed && !given)
        return fx_fail(err, FX_ERR_INPUT,
                       "aws.change needs done: true when the change has taken effect, such as "
                       "now.MemorySize == with.MemorySize");
    return FX_OK;
}

/* What is read while it is planned stands there like any expression. */
static void put_unknown(struct fx_scope *sc, const struct fx_json *names, struct fx_json *with) {
    void *cursor = NULL;
    const char *name = NULL;

    while (fx_json_next(names, &cursor, &name, NULL))
        fx_json_put(with, name, fx_json_string(sc, "${pinned}"));
}

static enum fx_code aws_change_check(struct fx_scope *sc, const struct fx_json *system,
                                     const struct fx_json *params, struct fx_error *err) {
    struct fx_json *with = fx_json_copy(sc, fx_json_at(params, "with"));
    put_unknown(sc, fx_json_at(params, "pin"), with);
    FX_TRY(check_operation(sc, params, with, err));
    put_unknown(sc, fx_json_at(params, "revert"), with);
    FX_TRY(check_operation(sc, params, with, err));
    FX_TRY(facts_check(sc, system, params, err));
    return check_done(params, err);
}

static const char *parameters_text(struct fx_scope *sc, const struct fx_json *with) {
    struct fx_slice text = fx_slice_of(fx_json_dump(sc, with));

    return fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, PARAMETERS_SHOWN)));
}

static struct fx_json *planned_call(struct fx_scope *sc, const struct fx_json *params,
                                    const struct fx_json *with, const char *when) {
    return fx_json_object_of(sc, "operation", fx_json_at(params, "operation"), "resource",
                             fx_json_stringf(sc, "%s%s", parameters_text(sc, with), when), "count",
                             fx_json_int(sc, 1), NULL);
}

static enum fx_code aws_change_plan(const struct fx_step_context *ctx, const struct fx_json *params,
                                    struct fx_json **ret_plan, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *with = NULL;

    FX_TRY(change_plan(ctx, params, ret_plan, &with, err));
    FX_TRY(check_operation(sc, params, with, err)); /* of values, now that they are filled in */
    struct fx_json *calls = fx_json_array_of(sc, planned_call(sc, params, with, ""), NULL);
    const struct fx_json *revert = fx_json_at_path(*ret_plan, "details.revert");

    if (revert != NULL) {
        int64_t after = fx_json_to_int(fx_json_at_path(*ret_plan, "details.revert_after"), 0);

        FX_TRY(check_operation(sc, params, revert, err));
        fx_json_add(calls, planned_call(sc, params, revert,
                                        fx_printf(sc, ", %s later", fx_duration(sc, after))));
    }
    fx_json_put(*ret_plan, "calls", calls);
    return FX_OK;
}

static enum fx_code prepare(const struct fx_step_context *ctx, const struct fx_json *params,
                            void **ret_ready, struct fx_error *err) {
    (void)params;
    *ret_ready = NULL;
    return fx_aws_prepare(ctx->aws, ctx->sc, CREDENTIALS_HOLD_MS, NULL, err);
}

static enum fx_code send(const struct fx_step_context *ctx, const struct fx_json *params,
                         const struct fx_json *with, void *ready, struct fx_error *err) {
    const char *service = NULL, *operation = NULL;
    struct fx_json *answer = NULL;

    (void)ready;
    if (!split_operation(ctx->sc, params, &service, &operation))
        return fx_fail(err, FX_ERR_INPUT, "write the operation as service:Operation");
    return fx_aws_call(
        ctx->aws, ctx->sc,
        &(struct fx_aws_call){.service = service, .operation = operation, .params = with}, &answer,
        err);
}

static enum fx_code aws_change_run(const struct fx_step_context *ctx, const struct fx_json *params,
                                   struct fx_step_result *ret_result, struct fx_error *err) {
    const struct change_call call = {
        .what = fx_json_object_of(ctx->sc, "operation", fx_json_at(params, "operation"), NULL),
        .prepare = prepare,
        .send = send};

    return change_run(ctx, params, &call, ret_result, err);
}

const struct fx_step_kind step_aws_change = {
    .name = "aws.change",
    .summary = "Calls one changing AWS operation once: before and after are shown, what must still "
               "hold is looked at again, and a lost answer is settled by reading; {done, was, now, "
               "problem, lost_answer, took_ms}.",
    .params = aws_change_params,
    .params_count = FX_COUNT_OF(aws_change_params),
    .shorthand = "operation",
    .with = "with",
    .effect = aws_change_effect,
    .check = aws_change_check,
    .plan = aws_change_plan,
    .where = where_of_aws,
    .confirm = change_confirm,
    .run = aws_change_run,
};
