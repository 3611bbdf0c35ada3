/* kinds.c - the table of step kinds: adding one is a file and a row here. */
#include "private.h"

const struct fx_step_kind *const fx_step_kinds[] = {
    &step_aws,          &step_sql,         &step_insights,
    &step_metric,       &step_wait,        &step_approval,
    &step_run_newest,   &step_dlq_inspect, &step_dlq_classify,
    &step_dlq_redrive,  &step_dlq_verify,  &step_dlq_cancel,
    &step_aws_change,   &step_sql_change,  &step_let,
    &step_dns,          &step_tls_expiry,  &step_http_probe,
    &step_s3_digest,    &step_net_path,    &step_lambda_env,
    &step_logs_search,  &step_assert,      &step_checklist,
    &step_link,         &step_run,         &step_dlq_quarantine,
    &step_dlq_override, &step_proof_keep,  &step_proof_find,
    &step_incident,     &step_page,        &step_alarms_explain,
    &step_redis,
};
const size_t fx_step_kinds_count = FX_COUNT_OF(fx_step_kinds);

enum fx_effect step_reads(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_READ;
}
