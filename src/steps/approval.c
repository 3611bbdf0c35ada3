/* approval.c - the step kind `approval`: what it takes; asking is done by the engine. */
#include "private.h"

static const struct fx_step_param approval_params[] = {
    {"step", FX_PARAM_STEP, true, NULL, "the later step that changes something"},
    {"reason", FX_PARAM_TEXT, false, "\"\"",
     "why it is asked for; shown, and kept in the audit log"},
    {"approvers", FX_PARAM_INT, false, "1",
     "how many persons beside the asker must approve: 1 or 2"},
    {"needs_reason", FX_PARAM_BOOL, false, "false", "true: without a reason it is not asked for"},
};

/* How many must approve is read from the file by whoever reviews it, so nothing computes it. */
static enum fx_code check_approval(struct fx_scope *sc, const struct fx_json *system,
                                   const struct fx_json *params, struct fx_error *err) {
    int64_t approvers = fx_json_get_int(params, "approvers", 0);

    (void)sc;
    (void)system;
    if (fx_json_type(fx_json_at(params, "approvers")) != FX_JSON_INT || approvers < 1 ||
        approvers > FX_STEP_MAX_APPROVERS)
        return fx_fail(err, FX_ERR_INPUT, "approvers is 1 or %d, written as a number",
                       FX_STEP_MAX_APPROVERS);
    if (fx_json_type(fx_json_at(params, "needs_reason")) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "needs_reason is true or false, written as such");
    if (fx_json_get_bool(params, "needs_reason", false) &&
        fx_json_text_slice(fx_json_at(params, "reason")).len == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "needs_reason is true, but nothing gives one; add reason, such as "
                       "\"${arguments.reason}\"");
    return FX_OK;
}

const struct fx_step_kind step_approval = {
    .name = "approval",
    .summary = "Shows the exact plan of a later step and waits until somebody other than the asker "
               "decides; or two, when it asks for two approvers.",
    .params = approval_params,
    .params_count = FX_COUNT_OF(approval_params),
    .shorthand = "step",
    .is_approval = true,
    .effect = step_reads,
    .check = check_approval,
};
