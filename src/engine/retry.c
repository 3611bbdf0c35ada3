/* retry.c - whoever runs the bot has a job tried again that was given up. */
#include "private.h"

enum fx_code fx_engine_retry_job(const struct fx_engine_options *options, struct fx_scope *sc,
                                 const char *who, int64_t job_id, struct fx_error *err) {
    const struct fx_actor actor = {.user_id = who, .terminal = true};
    struct fx_writes writes = {0};

    FX_TRY(fx_authorize(options->policy,
                        &(struct fx_policy_question){.actor = &actor, .action = FX_ACTION_RETRY},
                        err));
    fx_writes_audit(sc, &writes, who, "job.revived", fx_printf(sc, "%lld", (long long)job_id),
                    NULL);
    return options->store->revive(options->store, sc, job_id, fx_wall_ms(options->clock), &writes,
                                  err);
}
