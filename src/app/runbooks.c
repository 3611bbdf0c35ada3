/* runbooks.c - the systems' runbooks, joined with the configuration. */
#include "private.h"

#include "fluxabot/steps.h"

enum fx_code app_runbooks_load(struct app_config *config, struct fx_runbooks **ret_runbooks,
                               struct app_findings *findings, struct fx_error *err) {
    struct fx_runbook_source *sources =
        fx_alloc(config->sc, (config->systems_count + 1) * sizeof *sources);
    struct fx_finding *found = NULL;
    size_t found_count = 0;

    for (size_t i = 0; i < config->systems_count; i++)
        sources[i] = (struct fx_runbook_source){.name = config->system_names[i],
                                                .path = config->system_paths[i],
                                                .environments = config->system_variables[i]};
    enum fx_code code =
        fx_runbooks_open(config->sc, sources, config->systems_count, fx_step_kinds,
                         fx_step_kinds_count, ret_runbooks, &found, &found_count, err);

    for (size_t i = 0; i < found_count; i++)
        app_find(findings, found[i].file, found[i].line, "%s", found[i].message);
    FX_TRY(code);
    for (size_t i = 0; i < config->systems_count; i++)
        config->systems[i].system = fx_runbooks_find(*ret_runbooks, config->system_names[i]);
    return FX_OK;
}
