/* runbook_kinds.c - see runbook_kinds.h. */
#include "support/test.h"

#include "support/runbook_kinds.h"

#include <string.h>

static enum fx_effect reads(const struct fx_json *params) {
    return FX_EFFECT_READ;
}

static enum fx_effect moves(const struct fx_json *params) {
    return FX_EFFECT_KEYED;
}

static enum fx_effect calls(const struct fx_json *params) {
    const char *operation = fx_json_get_text(params, "operation");

    if (operation == NULL)
        return FX_EFFECT_UNKEYED;
    if (strstr(operation, "Secret") != NULL)
        return FX_EFFECT_REFUSED;
    if (strstr(operation, ":Receive") != NULL)
        return FX_EFFECT_PEEK;
    return strstr(operation, ":Get") != NULL ? FX_EFFECT_READ : FX_EFFECT_UNKEYED;
}

static enum fx_code check_call(struct fx_scope *sc, const struct fx_json *system,
                               const struct fx_json *params, struct fx_error *err) {
    const char *operation = fx_json_get_text(params, "operation");

    if (strchr(operation, ':') == NULL)
        return fx_fail(err, FX_ERR_INPUT, "call: %s is no operation", operation);
    return FX_OK;
}

static const struct fx_step_param look_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "where to look"},
    {"db", FX_PARAM_DATABASE, false, NULL, "where to compare"},
    {"count", FX_PARAM_INT, false, "10", "how many"},
    {"fields", FX_PARAM_LIST, false, NULL, "what to show"},
    {"window", FX_PARAM_DURATION, false, "\"5m\"", "since when"},
};
static const struct fx_step_param move_params[] = {
    {"queue", FX_PARAM_QUEUE, true, NULL, "from where"},
    {"rate", FX_PARAM_INT, false, "10", "messages a second"},
    {"ids", FX_PARAM_LIST, false, NULL, "which"},
};
static const struct fx_step_param call_params[] = {
    {"operation", FX_PARAM_TEXT, true, NULL, "service:Operation"},
    {"parameters", FX_PARAM_OBJECT, false, "{}", "what it takes"},
};
static const struct fx_step_param approval_params[] = {
    {"step", FX_PARAM_STEP, true, NULL, "what is approved"},
    {"text", FX_PARAM_TEXT, false, NULL, "what to ask"},
};
static const struct fx_step_param note_params[] = {
    {"items", FX_PARAM_LIST, true, NULL, "what to tick"},
};

static const struct fx_step_kind look = {.name = "look",
                                         .params = look_params,
                                         .params_count = FX_COUNT_OF(look_params),
                                         .shorthand = "queue",
                                         .effect = reads};
static const struct fx_step_kind move = {.name = "move",
                                         .params = move_params,
                                         .params_count = FX_COUNT_OF(move_params),
                                         .effect = moves};
static const struct fx_step_kind call = {.name = "call",
                                         .params = call_params,
                                         .params_count = FX_COUNT_OF(call_params),
                                         .shorthand = "operation",
                                         .with = "parameters",
                                         .effect = calls,
                                         .check = check_call};
static const struct fx_step_kind approval = {.name = "approval",
                                             .params = approval_params,
                                             .params_count = FX_COUNT_OF(approval_params),
                                             .shorthand = "step",
                                             .is_approval = true,
                                             .effect = reads};
static const struct fx_step_kind note = {.name = "note",
                                         .params = note_params,
                                         .params_count = FX_COUNT_OF(note_params),
                                         .shorthand = "items",
                                         .effect = reads};

static const struct fx_step_param run_params[] = {
    {"command", FX_PARAM_TEXT, true, NULL, "which"},
    {"arguments", FX_PARAM_TEXT, false, "\"\"", "with what"},
};
static const struct fx_step_kind run = {.name = "run",
                                        .params = run_params,
                                        .params_count = FX_COUNT_OF(run_params),
                                        .shorthand = "command",
                                        .is_call = true,
                                        .effect = reads};
static const struct fx_step_kind tick = {.name = "tick",
                                         .params = note_params,
                                         .params_count = FX_COUNT_OF(note_params),
                                         .shorthand = "items",
                                         .is_checklist = true,
                                         .effect = reads};
static const struct fx_step_kind shout = {.name = "shout",
                                          .params = note_params,
                                          .params_count = FX_COUNT_OF(note_params),
                                          .shorthand = "items",
                                          .is_notice = true,
                                          .effect = reads};
static const struct fx_step_kind glance = {.name = "glance",
                                           .params = look_params,
                                           .params_count = FX_COUNT_OF(look_params),
                                           .shorthand = "queue",
                                           .is_parallel = true,
                                           .effect = reads};

static const struct fx_step_param idle_params[] = {
    {"again", FX_PARAM_TEXT, false, "\"\"", "back to where"},
};
static const struct fx_step_kind idle = {.name = "idle",
                                         .params = idle_params,
                                         .params_count = FX_COUNT_OF(idle_params),
                                         .again = "again",
                                         .effect = reads};
static const char *const seek_closed[] = {"items"};
static const struct fx_step_kind seek = {.name = "seek",
                                         .params = note_params,
                                         .params_count = FX_COUNT_OF(note_params),
                                         .closed = seek_closed,
                                         .closed_count = FX_COUNT_OF(seek_closed),
                                         .is_answered = true,
                                         .effect = reads};

const struct fx_step_kind *const runbook_kinds[] = {&look, &move,  &call,   &approval, &note, &run,
                                                    &tick, &shout, &glance, &idle,     &seek};
const size_t runbook_kinds_count = FX_COUNT_OF(runbook_kinds);

enum fx_code runbook_open(struct fx_scope *sc, const char *folder, const char *name,
                          const char *environments, struct fx_runbooks **ret_runbooks,
                          struct fx_finding **ret_findings, size_t *ret_count,
                          struct fx_error *err) {
    struct fx_json *values = NULL;
    char *path = fx_printf(sc, "%s/golden/runbooks/%s", FX_TEST_DIR, folder);

    if (environments != NULL)
        FX_TRY(fx_json_parse(sc, fx_slice_of(environments), &values, err));
    struct fx_runbook_source source = {.name = name, .path = path, .environments = values};
    return fx_runbooks_open(sc, &source, 1, runbook_kinds, runbook_kinds_count, ret_runbooks,
                            ret_findings, ret_count, err);
}

struct fx_runbooks *runbook_open_good(struct fx_scope *sc, const char *folder, const char *name) {
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    enum fx_code code = runbook_open(sc, folder, name, NULL, &runbooks, &findings, &count, &err);
    for (size_t i = 0; i < count; i++)
        print_error("%s:%d: %s\n", findings[i].file, findings[i].line, findings[i].message);
    if (code != FX_OK)
        fail_msg("%s: %s", folder, err.message);
    return runbooks;
}
