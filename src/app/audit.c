/* audit.c - what the audit commands share, and `fluxabot audit accept`. */
#include "private.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void close_store(void *thing) {
    struct fx_store *store = thing;

    store->close(store);
}

/* Opening would make an empty one, which then looks like a log that was cut off whole. */
static enum fx_code check_exists(const char *store_url, struct fx_error *err) {
    const char *path = app_sqlite_path(store_url);

    if (path != NULL && access(path, F_OK) != 0)
        return fx_fail(err, FX_ERR_NOT_FOUND,
                       "there is no database %s: the bot has not started yet, or store.url names "
                       "another place",
                       path);
    return FX_OK;
}

static enum fx_code open_store(struct app_log *log, struct fx_error *err) {
    FX_TRY(check_exists(log->config->store_url, err));
    FX_TRY(fx_store_open(log->sc, log->config->store_url, fx_clock_system(), fx_random_system(),
                         &log->store, err));
    fx_defer(log->sc, close_store, log->store);
    return FX_OK;
}

bool app_log_open(struct fx_scope *sc, const char *config, struct app_log *ret_log) {
    struct app_findings findings = {.sc = sc};
    struct fx_error err = {0};

    *ret_log = (struct app_log){.sc = sc};
    enum fx_code code = app_config_load(sc, config, &ret_log->config, &findings, &err);

    app_print_findings(&findings);
    if (code == FX_OK)
        code = open_store(ret_log, &err);
    if (code != FX_OK && findings.count == 0)
        fprintf(stderr, "%s\n", err.message);
    return code == FX_OK;
}

/* ---- accept ---- */

const char *app_operator_name(struct fx_scope *sc) {
    const char *sudo = getenv("SUDO_USER");
    struct passwd entry, *found = NULL;
    char texts[1024];

    if (sudo != NULL && sudo[0] != '\0')
        return fx_printf(sc, "terminal:%s", sudo);
    if (getpwuid_r(getuid(), &entry, texts, sizeof texts, &found) == 0 && found != NULL)
        return fx_printf(sc, "terminal:%s", entry.pw_name);
    return fx_printf(sc, "terminal:%u", (unsigned)getuid());
}

int app_audit_accept(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_sign_key *key = NULL;
    struct fx_anchor *anchor = NULL;
    struct fx_error err = {0};
    struct app_log log;

    if (fx_slice_trim(fx_slice_of(arguments->reason)).len == 0) {
        fprintf(stderr, "--reason TEXT is missing: what has happened to the log, for whoever asks "
                        "later\n");
        return EXIT_USE;
    }
    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    const struct fx_policy policy = app_policy(log.config);
    enum fx_code code = app_audit_key(sc, log.config, false, &key, NULL, &err);

    if (code == FX_OK)
        code = fx_engine_accept_audit(
            &(struct fx_engine_options){.store = log.store,
                                        .clock = fx_clock_system(),
                                        .policy = &policy,
                                        .anchor_key = key,
                                        .anchor_file = log.config->anchor_file},
            sc, app_operator_name(sc), arguments->reason, &anchor, &err);
    if (code != FX_OK) {
        fprintf(stderr, "nothing was accepted: %s\n", err.message);
        return EXIT_FINDINGS;
    }
    printf(
        "accepted as it is up to row %lld and watched again from there on; a freeze that the log "
        "had begun is over\n",
        (long long)anchor->n);
    return EXIT_GOOD;
}
