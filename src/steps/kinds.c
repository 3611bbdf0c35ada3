/* kinds.c - the table of step kinds: adding one is a file and a row here. */
#include "private.h"

const struct fx_step_kind *const fx_step_kinds[] = {
    &step_aws,          &step_sql,         &step_insights,   &step_metric,
    &step_wait,         &step_approval,    &step_run_newest, &step_dlq_inspect,
    &step_dlq_classify, &step_dlq_redrive, &step_dlq_verify, &step_dlq_cancel,
};
const size_t fx_step_kinds_count = FX_COUNT_OF(fx_step_kinds);

enum fx_effect step_reads(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_READ;
}
