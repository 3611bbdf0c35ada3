/* check.c - `fluxabot check`: every mistake of the configuration and the runbooks, none of them
 * run. */
#include "private.h"

#include <stdio.h>

int app_check(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc};
    struct fx_runbooks *runbooks = NULL;
    struct app_config *config = NULL;
    struct fx_sign_key *key = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_config_load(sc, arguments->config, &config, &findings, &err);

    if (code == FX_OK)
        code = app_runbooks_load(config, &runbooks, &findings, &err);
    if (code == FX_OK)
        app_check_sources(config, &findings);
    if (code == FX_OK && config->audit_key_is_given)
        code = app_audit_key(sc, config, false, &key, NULL, &err);
    app_print_findings(&findings);
    if (code != FX_OK || findings.count > 0) {
        if (findings.count == 0)
            fprintf(stderr, "%s\n", err.message);
        fx_runbooks_close(runbooks);
        return EXIT_FINDINGS;
    }
    size_t commands = 0;

    for (size_t i = 0; i < fx_runbooks_count(runbooks); i++)
        commands += fx_runbooks_at(runbooks, i)->runbooks_count;
    printf("%zu commands of %zu systems: nothing to complain about\n", commands,
           fx_runbooks_count(runbooks));
    fx_runbooks_close(runbooks);
    return EXIT_GOOD;
}
