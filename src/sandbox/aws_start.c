/* aws_start.c - AWS's threads: the one that makes time pass, the SNS sender, the stand-in
 * processor. */
#include "aws.h"
#include "sqs.h"

enum { TICK_MS = 50, SAMPLE_MS = 1000, DEFAULT_SEED = 1 };

/* What happens to queues, tasks and alarms without anybody calling. */
static void *keeper_thread(void *argument) {
    struct sandbox_aws *aws = argument;
    struct sandbox *sb = aws->sb;
    int64_t sampled_ms = 0;

    sandbox_lock(sb);
    while (!sb->stopping) {
        int64_t now_ms = fx_mono_ms(sb->clock);

        sqs_tasks_advance(aws);
        cloudwatch_follow(aws);
        if (now_ms - sampled_ms >= SAMPLE_MS) {
            sampled_ms = now_ms;
            sqs_expire(aws);
            sqs_history_sample(aws);
        }
        sandbox_sleep(sb, TICK_MS);
    }
    sandbox_unlock(sb);
    return NULL;
}

static enum fx_code start_thread(struct sandbox_aws *aws, void *(*run)(void *),
                                 struct fx_error *err) {
    if (pthread_create(&aws->threads[aws->threads_count], NULL, run, aws) != 0)
        return fx_fail(err, FX_ERR_INTERNAL, "no thread can be started");
    aws->threads_count++;
    return FX_OK;
}

enum fx_code sandbox_aws_start(struct sandbox *sb, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct sandbox_aws *aws = FX_NEW(sb->scope, struct sandbox_aws);
    struct world_plan plan = world_default_plan(DEFAULT_SEED);
    struct fx_json *rows = NULL;

    aws->sb = sb;
    aws->sns.version = "2";
    aws->sns.retries = SNS_RETRIES;
    aws->sns.retry_delay_ms = SNS_RETRY_DELAY_MS;
    sb->aws = aws;
    FX_TRY(sns_load(aws, err));
    world_build(aws, &plan, sc, &rows);
    if (sb->options.database_url != NULL)
        FX_TRY(processor_fill_database(aws, sc, rows, err));

    FX_TRY(start_thread(aws, keeper_thread, err));
    FX_TRY(start_thread(aws, sns_thread, err));
    if (sb->options.database_url != NULL)
        FX_TRY(start_thread(aws, processor_thread, err));
    return FX_OK;
}

void sandbox_aws_stop(struct sandbox *sb) {
    struct sandbox_aws *aws = sb->aws;

    if (aws == NULL)
        return;
    for (size_t i = 0; i < aws->threads_count; i++)
        pthread_join(aws->threads[i], NULL);
    sns_drop_pending(aws);
    world_clear(aws);
    EVP_PKEY_free(aws->sns.key);
}
