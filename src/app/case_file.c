/* case_file.c - a case: made of a run that has ended, without secrets, and written. */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct fx_environment *environment_of(const struct fx_engine_system *system,
                                                   const char *name) {
    for (size_t i = 0; i < system->environments_count; i++)
        if (strcmp(system->environments[i].name, name) == 0)
            return &system->environments[i];
    return NULL;
}

/* What steps found; names that begin with _ are the engine's own notes. */
static enum fx_code steps_of(struct fx_scope *sc, const struct fx_run *run,
                             struct fx_json **ret_steps, struct fx_error *err) {
    struct fx_json *values = NULL, *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    FX_TRY(fx_json_parse(sc, fx_slice_of(run->values_json), &values, err));
    *ret_steps = fx_json_object(sc);
    while (fx_json_next(values, &cursor, &key, &value))
        if (key[0] != '_')
            fx_json_put(*ret_steps, key, fx_redact_json(sc, value));
    return FX_OK;
}

static struct fx_json *failure_of(struct fx_scope *sc, const struct fx_run *run,
                                  const struct fx_runbook *runbook) {
    if (run->state != FX_RUN_FAILED && run->state != FX_RUN_REFUSED)
        return NULL;
    return fx_json_object_of(sc, "step",
                             (size_t)run->step < runbook->steps_count
                                 ? fx_json_string(sc, runbook->steps[run->step].id)
                                 : NULL,
                             "message", fx_json_string(sc, fx_redact(sc, run->note)), NULL);
}

enum fx_code app_case_of_run(struct fx_scope *sc, const struct app_log *log, const char *run_id,
                             const struct fx_engine_system **ret_system, struct fx_json **ret_case,
                             struct fx_error *err) {
    struct fx_json *steps = NULL, *arguments = NULL, *filled = NULL, *changes = NULL;
    struct fx_run *run = NULL;

    FX_TRY(log->store->run(log->store, sc, run_id, &run, err));
    if (run == NULL ||
        (run->state != FX_RUN_DONE && run->state != FX_RUN_FAILED && run->state != FX_RUN_REFUSED))
        return fx_fail(err, FX_ERR_NOT_FOUND,
                       "there is no run %s that is done, has failed or was refused", run_id);
    *ret_system = app_find_system(log->config, run->system);
    const struct fx_environment *environment =
        *ret_system == NULL ? NULL : environment_of(*ret_system, run->environment);
    const struct fx_runbook *runbook =
        *ret_system == NULL ? NULL : fx_system_find((*ret_system)->system, run->command);

    if (environment == NULL || runbook == NULL || strcmp(runbook->digest, run->runbook_digest) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "%s %s (%s) is not configured as it was when it ran; run it again",
                       run->system, run->command, run->environment);
    FX_TRY(steps_of(sc, run, &steps, err));
    FX_TRY(fx_json_parse(sc, fx_slice_of(run->arguments_json), &arguments, err));
    FX_TRY(fx_system_fill(sc, (*ret_system)->system, environment->name, environment->variables,
                          &filled, err));
    FX_TRY(app_case_changes(sc, log->store, run, runbook, &changes, err));
    *ret_case =
        fx_json_object_of(sc, "command", fx_json_string(sc, run->command), "environment",
                          fx_json_string(sc, run->environment), "arguments",
                          fx_redact_json(sc, arguments), "now", fx_json_int(sc, run->created_ms),
                          "variables", fx_redact_json(sc, fx_json_at(filled, "variables")), "steps",
                          steps, "failed", failure_of(sc, run, runbook), "changes", changes, NULL);
    return FX_OK;
}

static enum fx_code write_json(struct fx_scope *sc, const char *path, const struct fx_json *json,
                               struct fx_error *err) {
    FILE *file = fopen(path, "wxe");

    if (file == NULL)
        return fx_fail(err, FX_ERR_CONFLICT, "%s cannot be written: %s", path,
                       errno == EEXIST ? "it exists; remove the case first" : strerror(errno));
    bool written = fprintf(file, "%s\n", fx_json_dump_pretty(sc, json)) > 0;

    if (fclose(file) != 0 || !written)
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s cannot be written whole", path);
    return FX_OK;
}

enum fx_code app_case_write(struct fx_scope *sc, const char *path, const char *name,
                            const struct fx_json *given, const struct fx_json *card,
                            struct fx_error *err) {
    const char *all = fx_printf(sc, "%s/tests", path), *folder = fx_printf(sc, "%s/%s", all, name);

    if ((mkdir(all, 0755) != 0 && errno != EEXIST) || (mkdir(folder, 0755) != 0 && errno != EEXIST))
        return fx_fail(err, FX_ERR_UNAVAILABLE, "%s cannot be made: %s", folder, strerror(errno));
    FX_TRY(write_json(sc, fx_printf(sc, "%s/case.json", folder), given, err));
    return write_json(sc, fx_printf(sc, "%s/card.json", folder), card, err);
}
