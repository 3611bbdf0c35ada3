/* waits.c - waits that look again: is there something to look at, and may it be read that often? */
#include "private.h"

#include <string.h>

static const char *again_of(const struct fx_runbook_step *step) {
    return step->kind == NULL || step->kind->again == NULL
               ? ""
               : fx_json_get_text(step->params, step->kind->again);
}

/* SIZE_MAX: said already. */
static size_t find_first(struct runbook_check *c, const char *path,
                         const struct fx_runbook *runbook, size_t index) {
    const char *id = again_of(&runbook->steps[index]);
    const char *shown = runbook_shown(c->scratch, fx_slice_of(id));

    if (fx_expr_is_template(id)) {
        runbook_say(c, path, "the step to go back to is written out, without ${ }");
        return SIZE_MAX;
    }
    for (size_t i = 0; i < index; i++)
        if (runbook->steps[i].id != NULL && strcmp(runbook->steps[i].id, id) == 0)
            return i;
    runbook_say(c, path, "again names %s, but no step before it has this id", shown);
    return SIZE_MAX;
}

static void check_looked_at(struct runbook_check *c, const char *path,
                            const struct fx_runbook_step *step) {
    const struct fx_step_kind *kind = step->kind;

    if (kind == NULL || step->id == NULL)
        return;
    if (kind->again != NULL)
        runbook_say(c, path, "%s waits itself, so a wait cannot go back behind it", step->id);
    else if (kind->is_approval || kind->is_checklist || kind->is_link ||
             kind->effect(step->params) != FX_EFFECT_READ)
        runbook_say(c, path,
                    "%s does more than read, and a wait would do it again and again; let it go "
                    "back to a step behind it",
                    step->id);
}

static void check_one(struct runbook_check *c, struct fx_runbook *runbook, size_t index) {
    const struct fx_runbook_step *step = &runbook->steps[index];
    const char *path = runbook_path(c, runbook_path_item(c, "steps", index), step->kind->name);
    const char *here = runbook_path(c, path, step->kind->again);

    if (runbook->watches)
        runbook_say(c, path, "a command watches once; make another command of the second");
    if (step->each != NULL)
        runbook_say(c, path, "a wait that looks again is taken once, not for each item");
    runbook->watches = true;
    for (size_t i = find_first(c, here, runbook, index); i < index; i++)
        check_looked_at(c, here, &runbook->steps[i]);
}

void runbook_check_waits(struct runbook_check *c, struct fx_runbook *runbook) {
    for (size_t i = 0; i < runbook->steps_count; i++)
        if (again_of(&runbook->steps[i])[0] != '\0')
            check_one(c, runbook, i);
    for (size_t i = 0; runbook->watches && i < runbook->steps_count; i++)
        if (runbook->steps[i].kind != NULL &&
            fx_effect_changes(runbook->steps[i].kind->effect(runbook->steps[i].params))) {
            runbook_say(c, "steps",
                        "a command that watches only reads; let a follow-up of the change watch");
            return;
        }
}
