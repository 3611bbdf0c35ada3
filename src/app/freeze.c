/* freeze.c - `fluxabot freeze`, `unfreeze` and `status`: the switch from the machine itself, also
 * while Slack is away. What may be done here says the policy. */
#include "private.h"

#include <stdio.h>
#include <time.h>

static struct fx_engine_options options_of(const struct app_log *log,
                                           const struct fx_policy *policy) {
    return (struct fx_engine_options){.store = log->store,
                                      .clock = fx_clock_system(),
                                      .random = fx_random_system(),
                                      .policy = policy,
                                      .systems = log->config->systems,
                                      .systems_count = log->config->systems_count};
}

static void print_freeze(struct fx_scope *sc, const struct fx_engine_freeze *freeze) {
    if (!freeze->is_on)
        puts("changes are not frozen");
    for (; freeze != NULL && freeze->is_on; freeze = freeze->and)
        printf("changes are frozen since %s by %s: %s\n%s\n", fx_time_iso(sc, freeze->at_ms),
               freeze->by, freeze->reason, freeze->way_out);
}

static int turn(const struct app_arguments *arguments,
                enum fx_code (*act)(const struct fx_engine_options *options, struct fx_scope *sc,
                                    const char *who, const char *reason, struct fx_error *err),
                const char *done, bool frozen) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *reason = arguments->reason == NULL ? "" : arguments->reason;
    struct fx_engine_freeze freeze = {0};
    struct fx_error err = {0};
    struct app_log log;

    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    const struct fx_policy policy = app_policy(log.config);
    const struct fx_engine_options options = options_of(&log, &policy);

    if (act(&options, sc, app_operator_name(sc), reason, &err) != FX_OK) {
        fprintf(stderr, "nothing was done: %s\n", err.message);
        return EXIT_FINDINGS;
    }
    if (!frozen && fx_engine_frozen(&options, sc, &freeze, &err) == FX_OK && freeze.is_on) {
        puts("that freeze is ended, but another one holds");
        print_freeze(sc, &freeze);
        return EXIT_FINDINGS;
    }
    puts(done);
    return EXIT_GOOD;
}

int app_freeze(const struct app_arguments *arguments) {
    return turn(arguments, fx_engine_freeze,
                "changes are frozen on every replica; a running bot tells it in the channels",
                true);
}

int app_unfreeze(const struct app_arguments *arguments) {
    return turn(arguments, fx_engine_unfreeze,
                "changes are no longer frozen; a running bot tells it in the channels", false);
}

/* Exit code 1 while changes are frozen, for scripts. */
int app_status(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_approval **waiting = NULL;
    struct fx_engine_freeze freeze;
    struct fx_store_counts counts;
    struct fx_error err = {0};
    size_t waiting_count = 0;
    struct app_log log;

    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    const struct fx_policy policy = app_policy(log.config);
    const struct fx_engine_options options = options_of(&log, &policy);
    enum fx_code code = fx_engine_frozen(&options, sc, &freeze, &err);

    if (code == FX_OK)
        code = log.store->counts(log.store, sc, &counts, &err);
    if (code == FX_OK)
        code = log.store->approvals_pending(log.store, sc, FX_STORE_MAX_ROWS, &waiting,
                                            &waiting_count, &err);
    if (code != FX_OK) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    print_freeze(sc, &freeze);
    printf("%zu requests wait for a decision; %lld jobs are at work, %lld wait, %lld were given "
           "up\n",
           waiting_count, (long long)counts.jobs_leased, (long long)counts.jobs_ready,
           (long long)counts.jobs_quarantined);
    return freeze.is_on ? EXIT_FINDINGS : EXIT_GOOD;
}
