/* steps.c - the steps of a command, and that nothing changes without an approval before it. */
#include "private.h"

#include <string.h>

static bool is_taken_name(const struct fx_json *known, const char *id) {
    static const char *const reserved[] = {"row", "item", "incident"};

    if (runbook_is_one_of(id, reserved, FX_COUNT_OF(reserved)))
        return true;
    for (size_t i = 0; i < fx_expr_helpers_count; i++)
        if (strcmp(fx_expr_helpers[i].name, id) == 0)
            return true;
    return fx_json_at(known, id) != NULL;
}

static void check_id(struct runbook_check *c, const char *path, const struct fx_json *known,
                     const struct fx_runbook_step *steps, size_t index) {
    const char *id = steps[index].id;

    if (id == NULL)
        return;
    for (size_t i = 0; i < index; i++)
        if (steps[i].id != NULL && strcmp(steps[i].id, id) == 0) {
            runbook_say(c, path, "the id %s is that of the step in line %d already", id,
                        steps[i].line);
            return;
        }
    if (!runbook_is_name(id))
        runbook_say(c, path, "an id is made of a-z, 0-9 and _, such as depth, and is no Lua word");
    else if (is_taken_name(known, id))
        runbook_say(c, path, "the name %s has a meaning in expressions already; choose another id",
                    id);
}

static int64_t read_timeout(struct runbook_check *c, const char *path, const char *text) {
    struct fx_error err = {0};
    int64_t ms = 0;

    if (text == NULL)
        return 0;
    if (fx_step_parse_duration(fx_slice_of(text), &ms, &err) != FX_OK)
        runbook_say(c, path, "%s", err.message);
    else if (ms <= 0 || ms > RUNBOOK_MAX_TIMEOUT_MS)
        runbook_say(c, path, "a timeout is more than 0s and at most %s",
                    runbook_duration_text(c->scratch, RUNBOOK_MAX_TIMEOUT_MS));
    return ms;
}

static void check_types(struct runbook_check *c, const char *path, const struct fx_json *json) {
    static const char *const texts[] = {"id", "when", "timeout", "on_error"};

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        const struct fx_json *value = fx_json_at(json, texts[i]);

        if (value != NULL && fx_json_type(value) != FX_JSON_STRING)
            runbook_say(c, runbook_path(c, path, texts[i]),
                        "%s must be a text (in quotes when it looks like something else)",
                        texts[i]);
    }
    const char *on_error = fx_json_get_text(json, "on_error");
    if (on_error != NULL && strcmp(on_error, "continue") != 0)
        runbook_say(c, runbook_path(c, path, "on_error"),
                    "on_error knows only continue; without it the run stops at an error");
    if (fx_json_at(json, "id") == NULL)
        runbook_say(c, path, "a step needs the key id");
}

/* `each: { in: "${list}", max: 10 }`. */
static void read_each(struct runbook_check *c, const char *path, const struct fx_json *json,
                      const struct fx_json *known, struct fx_runbook_step *step) {
    static const struct runbook_field fields[] = {
        {"in", RUNBOOK_TEXT, true},
        {"max", RUNBOOK_INT, true},
    };
    const char *here = runbook_path(c, path, "each"), *in = fx_json_get_text(json, "in");
    size_t before = c->findings_count;

    if (!runbook_check_fields(c, here, json, "each", fields, FX_COUNT_OF(fields)) ||
        c->findings_count > before)
        return;
    step->each = runbook_condition(c, runbook_path(c, here, "in"), in, known);
    step->each_max = fx_json_get_int(json, "max", 0);
    if (step->each_max < 1 || step->each_max > FX_RUNBOOK_MAX_EACH)
        runbook_say(c, runbook_path(c, here, "max"), "a step is taken for 1 to %d items",
                    FX_RUNBOOK_MAX_EACH);
}

static void check_each(struct runbook_check *c, const char *path,
                       const struct fx_runbook_step *step) {
    const struct fx_step_kind *kind = step->kind;

    if (step->each == NULL || kind == NULL)
        return;
    if (kind->is_approval || kind->is_call || kind->is_checklist || kind->is_link ||
        kind->is_notice || fx_effect_changes(kind->effect(step->params)))
        runbook_say(c, runbook_path(c, path, "each"),
                    "each is for a step that only reads; %s is taken once", kind->name);
}

static struct fx_json *with_item(struct runbook_check *c, const struct fx_json *known) {
    struct fx_json *more = fx_json_copy(c->scratch, known);

    fx_json_put(more, "item", fx_json_bool(c->scratch, true));
    return more;
}

static void read_step(struct runbook_check *c, const char *path, const struct fx_json *json,
                      const struct fx_json *known, struct fx_runbook_step *step) {
    const char *when = fx_json_get_text(json, "when");

    step->line = fx_yaml_line(c->yaml, path);
    if (fx_json_type(json) != FX_JSON_OBJECT) {
        runbook_say(c, path, "a step must be a map");
        return;
    }
    check_types(c, path, json);
    step->id = fx_json_get_text(json, "id");
    step->otherwise = fx_json_get_text(json, "on_error");
    step->timeout_ms =
        read_timeout(c, runbook_path(c, path, "timeout"), fx_json_get_text(json, "timeout"));
    if (when != NULL)
        step->when = runbook_when(c, runbook_path(c, path, "when"), when, known);
    if (fx_json_at(json, "each") != NULL) {
        read_each(c, path, fx_json_at(json, "each"), known, step);
        known = with_item(c, known);
    }
    size_t before = c->findings_count;
    step->params = runbook_step_params(c, path, json, known, &step->kind);
    check_each(c, path, step);
    /* what a step does cannot be told from parameters that are wrong */
    if (c->findings_count > before && step->kind != NULL && !step->kind->is_approval)
        step->kind = NULL;
}

static enum fx_effect effect_of(const struct fx_runbook_step *step) {
    if (step->kind == NULL || step->kind->effect == NULL)
        return FX_EFFECT_READ;
    return step->kind->effect(step->params);
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const struct fx_runbook_step *approval_of(const struct fx_runbook *runbook, size_t index) {
    for (size_t i = 0; i < index; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];
        if (step->kind == NULL || !step->kind->is_approval || runbook->steps[index].id == NULL)
            continue;
        const char *named = runbook_names_step(step->kind, step->params);
        if (named != NULL && strcmp(named, runbook->steps[index].id) == 0)
            return step;
    }
    return NULL;
}

static void check_change(struct runbook_check *c, const struct fx_runbook *runbook, size_t index,
                         const char *path) {
    const struct fx_runbook_step *step = &runbook->steps[index];
    const struct fx_runbook_step *approval = approval_of(runbook, index);
    const char *id = step->id == NULL ? "?" : step->id;

    if (approval == NULL)
        runbook_say(c, path,
                    "the step %s changes something; put an approval before it that names it in "
                    "step: %s",
                    id, id);
    else if (approval->when != NULL && !is_same_text(approval->when, step->when))
        runbook_say(c, path,
                    "the approval of %s in line %d has a condition; give %s the same `when`, or it "
                    "would run into a missing approval",
                    id, approval->line, id);
}

static void check_approval(struct runbook_check *c, const struct fx_runbook *runbook, size_t index,
                           const char *path) {
    const struct fx_runbook_step *step = &runbook->steps[index];
    const char *named = runbook_names_step(step->kind, step->params);

    if (step->otherwise != NULL)
        runbook_say(c, runbook_path(c, path, "on_error"),
                    "an approval that is denied ends the run; on_error cannot pass over it");
    if (named == NULL)
        return;
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook_step *other = &runbook->steps[i];
        if (other->id == NULL || strcmp(other->id, named) != 0)
            continue;
        if (i <= index)
            runbook_say(c, path, "the approval names %s, which stands before it", named);
        else if (other->kind != NULL && !fx_effect_changes(effect_of(other)))
            runbook_say(c, path, "the approval names %s, which changes nothing", named);
        return;
    }
    runbook_say(c, path, "the approval names %s, but no later step has this id",
                runbook_shown(c->scratch, fx_slice_of(named)));
}

static void check_effects(struct runbook_check *c, struct fx_runbook *runbook) {
    bool stops = false, changes = false;

    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];
        const char *path = runbook_path_item(c, "steps", i);
        enum fx_effect effect = effect_of(step);

        if (step->kind == NULL)
            continue;
        if (effect > runbook->effect)
            runbook->effect = effect;
        if (step->kind->is_notice) {
            runbook->is_notice = true;
            runbook->confirm = step->kind->asks_before;
        }
        if (effect == FX_EFFECT_REFUSED)
            runbook_say(c, runbook_path(c, path, step->kind->name),
                        "this is not done by fluxabot at all (it would reveal secrets or run "
                        "foreign code)");
        else if (step->kind->is_approval)
            check_approval(c, runbook, i, path);
        else if (fx_effect_changes(effect) && step->kind->is_stop)
            stops = true;
        else if (fx_effect_changes(effect)) {
            changes = true;
            check_change(c, runbook, i, path);
        }
    }
    runbook->is_stop = stops && !changes;
}

void runbook_check_steps(struct runbook_check *c, struct fx_runbook *runbook,
                         const struct fx_json *steps) {
    size_t count = fx_json_count(steps);
    struct fx_runbook_step *list = fx_alloc(c->scratch, (count + 1) * sizeof *list);
    struct fx_json *known = runbook_known(c);

    c->from_people = fx_json_object(c->scratch);
    if (count > FX_RUNBOOK_MAX_STEPS)
        runbook_say(c, "steps", "%zu steps are more than the %d allowed", count,
                    FX_RUNBOOK_MAX_STEPS);
    for (size_t i = 0; i < count; i++) {
        const char *path = runbook_path_item(c, "steps", i);

        read_step(c, path, fx_json_item(steps, i), known, &list[i]);
        check_id(c, path, runbook_known(c), list, i);
        runbook_check_people(c, path, &list[i]);
        if (list[i].id != NULL)
            fx_json_put(known, list[i].id, fx_json_bool(c->scratch, true));
    }
    runbook_find_together(list, count);
    runbook->steps = list;
    runbook->steps_count = count;
    check_effects(c, runbook);
    runbook_check_waits(c, runbook);
}
