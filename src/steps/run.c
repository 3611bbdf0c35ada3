/* run.c - the step kind `run`: another command of the same system; engine/calls.c runs it. */
#include "private.h"

static const struct fx_step_param run_params[] = {
    {"command", FX_PARAM_TEXT, true, NULL, "a command of this system that only reads"},
    {"arguments", FX_PARAM_TEXT, false, "\"\"", "what would be typed behind it"},
};

const struct fx_step_kind step_run = {
    .name = "run",
    .summary = "Another command of the same system that only reads; its card as {title, tone, "
               "verdict, lines, fields}.",
    .params = run_params,
    .params_count = FX_COUNT_OF(run_params),
    .shorthand = "command",
    .is_call = true,
    .effect = step_reads,
};
