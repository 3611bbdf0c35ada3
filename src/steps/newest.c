/* newest.c - the step kind `run.newest`: what a command did the last time it changed something. */
#include "private.h"

static const struct fx_step_param newest_params[] = {
    {"command", FX_PARAM_TEXT, true, NULL, "a command of this system"},
    {"id", FX_PARAM_TEXT, false, "\"\"", "of that very run, instead of the newest"},
};

static enum fx_code newest_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    const char *id = fx_json_get_text(params, "id");
    struct fx_json *run = NULL;

    FX_TRY(ctx->host->past_run(ctx->host, ctx->sc, fx_json_get_text(params, "command"),
                               id == NULL ? "" : id, &run, err));
    ret_result->output = run == NULL ? fx_json_null(ctx->sc) : run;
    return FX_OK;
}

const struct fx_step_kind step_run_newest = {
    .name = "run.newest",
    .summary = "The newest run of a command that changed something; {id, requester, approver, "
               "state, started, values}, null when there is none.",
    .params = newest_params,
    .params_count = FX_COUNT_OF(newest_params),
    .shorthand = "command",
    .effect = step_reads,
    .run = newest_run,
};
