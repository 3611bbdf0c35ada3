/* fuzz_runbook.c - any system and command are loaded or refused with findings, and any line that is
 * typed at a loaded one is answered.
 *
 * The input is system.yaml, a command's file and a typed line, with 0x1E between them.
 */
#include "fluxabot/runbook.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum fx_effect reads(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_READ;
}

static enum fx_effect changes(const struct fx_json *params) {
    (void)params;
    return FX_EFFECT_UNKEYED;
}

static const struct fx_step_param look_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "where"},
    {"count", FX_PARAM_INT, false, "10", "how many"},
    {"window", FX_PARAM_DURATION, false, NULL, "since when"},
    {"with", FX_PARAM_OBJECT, false, NULL, "more"},
};
static const struct fx_step_param approval_params[] = {
    {"step", FX_PARAM_STEP, true, NULL, "which"},
};
static const struct fx_step_kind look = {.name = "look",
                                         .params = look_params,
                                         .params_count = FX_COUNT_OF(look_params),
                                         .shorthand = "queue",
                                         .with = "with",
                                         .effect = reads};
static const struct fx_step_kind move = {.name = "move",
                                         .params = look_params,
                                         .params_count = FX_COUNT_OF(look_params),
                                         .effect = changes};
static const struct fx_step_kind approval = {.name = "approval",
                                             .params = approval_params,
                                             .params_count = FX_COUNT_OF(approval_params),
                                             .shorthand = "step",
                                             .is_approval = true,
                                             .effect = reads};
static const struct fx_step_kind *const kinds[] = {&look, &move, &approval};

static void put_file(struct fx_scope *sc, const char *folder, const char *name,
                     struct fx_slice text) {
    FILE *file = fopen(fx_printf(sc, "%s/%s", folder, name), "w");

    assert(file != NULL);
    assert(fwrite(text.ptr, 1, text.len, file) == text.len);
    assert(fclose(file) == 0);
}

static void type_line(struct fx_scope *sc, const struct fx_system *system, struct fx_slice line) {
    const struct fx_runbook *runbook = NULL;
    const char *commands[3] = {NULL};
    struct fx_json *arguments = NULL, *filled = NULL;
    struct fx_slice rest;
    struct fx_error err = {0};
    char *text = fx_slice_dup(sc, line);

    assert(system->runbooks_count > 0);
    assert(fx_system_suggest(sc, system, line, commands, 3) >= 1);
    fx_system_match(system, line, &runbook, &rest);
    if (runbook == NULL)
        runbook = &system->runbooks[0];
    if (fx_runbook_arguments(sc, runbook, rest, &arguments, &err) == FX_OK)
        assert(fx_json_count(arguments) == runbook->arguments_count);
    else
        assert(err.code == FX_ERR_INPUT && fx_slice_is_utf8(fx_slice_of(err.message)));
    assert(fx_runbook_usage(sc, runbook) != NULL);
    (void)fx_system_route(system, text, text, text, NULL);
    if (fx_system_fill(sc, system, "dev", fx_json_object(sc), &filled, &err) == FX_OK)
        assert(fx_json_at(filled, "variables") != NULL);
}

static void open_folder(struct fx_scope *sc, const char *folder, struct fx_slice line) {
    struct fx_runbook_source source = {.name = "s", .path = folder};
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    if (fx_runbooks_open(sc, &source, 1, kinds, FX_COUNT_OF(kinds), &runbooks, &findings, &count,
                         &err) == FX_OK) {
        type_line(sc, fx_runbooks_at(runbooks, 0), line);
        fx_runbooks_close(runbooks);
        return;
    }
    assert(runbooks == NULL && count > 0);
    for (size_t i = 0; i < count; i++)
        assert(findings[i].line >= 1 && findings[i].message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *tmp = getenv("TMPDIR");
    char *folder = fx_printf(sc, "%s/fuzz-runbook-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    struct fx_slice all = {(const char *)bytes, len}, system, command, line;

    fx_slice_split(all, '\x1E', &system, &all);
    fx_slice_split(all, '\x1E', &command, &line);
    assert(mkdtemp(folder) != NULL);
    put_file(sc, folder, "system.yaml", system);
    put_file(sc, folder, "hello.yaml", command);
    open_folder(sc, folder, line);
    assert(unlink(fx_printf(sc, "%s/system.yaml", folder)) == 0);
    assert(unlink(fx_printf(sc, "%s/hello.yaml", folder)) == 0);
    assert(rmdir(folder) == 0);
    return 0;
}
