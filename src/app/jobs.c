/* jobs.c - `fluxabot jobs list` and `fluxabot jobs retry`: what the bot has given up, and once more
 * for what a person has mended. Both may run beside the bot. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>

int app_jobs_list(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err = {0};
    struct fx_job **jobs = NULL;
    size_t count = 0;
    struct app_log log;

    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    if (log.store->jobs(log.store, sc, FX_JOB_QUARANTINED, FX_STORE_MAX_ROWS, &jobs, &count,
                        &err) != FX_OK) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    if (count == 0)
        printf("no job was given up\n");
    for (size_t i = 0; i < count; i++)
        printf("%lld  %s  %s  %s  tried %d times, %d of them to a breakdown: %s\n",
               (long long)jobs[i]->id, fx_time_iso(sc, jobs[i]->due_ms), jobs[i]->kind,
               jobs[i]->subject, jobs[i]->attempts, jobs[i]->deaths, jobs[i]->last_error);
    return EXIT_GOOD;
}

/* True when text is a number and nothing else. */
static bool parse_id(const char *text, int64_t *ret_id) {
    char *end = NULL;

    *ret_id = text == NULL ? 0 : strtoll(text, &end, 10);
    return *ret_id > 0 && *end == '\0';
}

int app_jobs_retry(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_error err = {0};
    struct app_log log;
    int64_t id = 0;

    if (!parse_id(arguments->job, &id)) {
        fprintf(stderr, "--job NUMBER is missing; `fluxabot jobs list` shows them\n");
        return EXIT_USE;
    }
    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    const struct fx_policy policy = app_policy(log.config);
    const struct fx_engine_options options = {
        .store = log.store, .clock = fx_clock_system(), .policy = &policy};

    if (fx_engine_retry_job(&options, sc, app_operator_name(sc), id, &err) != FX_OK) {
        fprintf(stderr, "%s; nothing was changed. `fluxabot jobs list` shows the jobs that wait\n",
                err.message);
        return EXIT_FINDINGS;
    }
    printf("job %lld is tried again\n", (long long)id);
    return EXIT_GOOD;
}
