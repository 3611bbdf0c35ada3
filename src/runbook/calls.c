/* calls.c - commands that run others: do these exist, do they only read, and does it end? */
#include "private.h"

#include <string.h>

/* What a command runs, found before; NULL where that was said already. */
struct calls {
    const struct fx_runbook **called; /* beside the steps */
};

static size_t index_of(const struct runbook_check *c, const struct fx_runbook *runbook) {
    return (size_t)(runbook - c->runbooks);
}

static bool has_checklist(const struct fx_runbook *runbook) {
    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].kind != NULL && runbook->steps[i].kind->is_checklist)
            return true;
    return false;
}

/* Whoever may run the caller runs the called one, too, and whoever reads the one reads the other.
 */
static void check_called(struct runbook_check *c, const char *path, const struct fx_runbook *caller,
                         const struct fx_runbook *called) {
    if (fx_effect_changes(called->effect))
        runbook_say(c, path,
                    "%s changes something, so it needs a person; offer it as a button instead",
                    called->command);
    else if (called->is_notice)
        runbook_say(c, path, "%s is a person's word; offer it as a button instead",
                    called->command);
    else if (called->is_private && !caller->is_private)
        runbook_say(c, path,
                    "%s answers in private, and %s would show it to the channel; offer it as a "
                    "button instead",
                    called->command, caller->command);
    else if (strcmp(called->role, caller->role) != 0 && strcmp(called->role, "operator") != 0)
        runbook_say(c, path, "%s is for the role %s, but %s is for the role %s", called->command,
                    called->role, caller->command, caller->role);
    else if (called->watches)
        runbook_say(c, path, "%s watches for a while, on its own card; offer it as a button",
                    called->command);
    else if (has_checklist(called))
        runbook_say(c, path, "%s has a checklist, which needs its own card; offer it as a button",
                    called->command);
}

static const struct fx_runbook *find_called(struct runbook_check *c, const char *path,
                                            const struct fx_runbook *caller,
                                            const struct fx_runbook_step *step) {
    const char *command = fx_json_get_text(step->params, "command");
    const char *arguments = fx_json_get_text(step->params, "arguments");
    struct fx_json *ignored = NULL;
    struct fx_error err = {0};

    if (command == NULL)
        return NULL;
    if (fx_expr_is_template(command)) {
        runbook_say(c, path, "the command that is run is written out; put ${ } into arguments");
        return NULL;
    }
    const struct fx_runbook *called = runbook_check_command_name(c, path, command);

    if (called == NULL)
        return NULL;
    if (arguments != NULL && !fx_expr_is_template(arguments) &&
        fx_runbook_arguments(c->scratch, called, fx_slice_of(arguments), &ignored, &err) != FX_OK)
        runbook_say(c, path, "%s: %s", called->command, err.message);
    if (strcmp(command, called->command) != 0)
        runbook_say(c, path, "write the command as %s", called->command);
    check_called(c, path, caller, called);
    return called;
}

static void find_all(struct runbook_check *c, size_t index, struct calls *calls) {
    const struct fx_runbook *caller = &c->runbooks[index];

    c->yaml = c->files[index].yaml;
    calls->called = fx_alloc(c->scratch, (caller->steps_count + 1) * sizeof *calls->called);
    for (size_t i = 0; i < caller->steps_count; i++) {
        const struct fx_runbook_step *step = &caller->steps[i];
        const char *path = runbook_path(c, runbook_path_item(c, "steps", i),
                                        step->kind == NULL ? "id" : step->kind->name);

        if (step->kind != NULL && step->kind->is_call && caller->command != NULL)
            calls->called[i] = find_called(c, path, caller, step);
    }
}

/* How deep it goes from here, and how many steps that are; a circle is deeper than anything. */
static size_t depth_of(const struct runbook_check *c, const struct calls *calls,
                       const struct fx_runbook *runbook, size_t depth, size_t *io_steps) {
    size_t deepest = depth;

    *io_steps += runbook->steps_count;
    if (depth > FX_RUNBOOK_MAX_CALL_DEPTH || *io_steps > FX_RUNBOOK_MAX_CALLED_STEPS)
        return depth;
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook *called = calls[index_of(c, runbook)].called == NULL
                                              ? NULL
                                              : calls[index_of(c, runbook)].called[i];

        if (called == NULL)
            continue;
        size_t below = depth_of(c, calls, called, depth + 1, io_steps);
        deepest = below > deepest ? below : deepest;
    }
    return deepest;
}

/* Whether `wanted` is run by `from`, however many commands lie between; at most depth of them. */
static bool reaches(const struct runbook_check *c, const struct calls *calls,
                    const struct fx_runbook *from, const struct fx_runbook *wanted, size_t depth) {
    const struct fx_runbook *const *called = calls[index_of(c, from)].called;

    for (size_t i = 0; called != NULL && i < from->steps_count; i++)
        if (called[i] != NULL &&
            (called[i] == wanted || (depth > 0 && reaches(c, calls, called[i], wanted, depth - 1))))
            return true;
    return false;
}

static void check_ends(struct runbook_check *c, const struct calls *calls, size_t index) {
    const struct fx_runbook *runbook = &c->runbooks[index];
    const struct fx_runbook *const *called = calls[index].called;
    size_t steps = 0;

    c->yaml = c->files[index].yaml;
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const char *path = runbook_path(c, runbook_path_item(c, "steps", i), "run");

        if (called[i] != NULL && (called[i] == runbook || reaches(c, calls, called[i], runbook,
                                                                  FX_RUNBOOK_MAX_CALL_DEPTH))) {
            runbook_say(c, path, "%s runs %s, which runs %s again; that would never end",
                        runbook->command, called[i]->command, runbook->command);
            return;
        }
    }
    if (depth_of(c, calls, runbook, 0, &steps) > FX_RUNBOOK_MAX_CALL_DEPTH)
        runbook_say(c, "steps", "more than %d commands would run inside each other",
                    FX_RUNBOOK_MAX_CALL_DEPTH);
    else if (steps > FX_RUNBOOK_MAX_CALLED_STEPS)
        runbook_say(c, "steps", "with the commands that it runs it has more than %d steps",
                    FX_RUNBOOK_MAX_CALLED_STEPS);
}

static void check_watch(struct runbook_check *c, size_t index) {
    const struct fx_runbook *runbook = &c->runbooks[index];

    c->yaml = c->files[index].yaml;
    if (runbook->watches && runbook->is_private)
        runbook_say(c, "answer.visibility",
                    "an answer in private cannot be changed later, so nobody would see what the "
                    "watch sees; drop `visibility: private`");
}

static void check_checklist(struct runbook_check *c, size_t index) {
    const struct fx_runbook *runbook = &c->runbooks[index];
    size_t lists = 0;

    c->yaml = c->files[index].yaml;
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const char *path = runbook_path_item(c, "steps", i);

        if (runbook->steps[i].kind == NULL || !runbook->steps[i].kind->is_checklist)
            continue;
        if (runbook->is_private)
            runbook_say(c, path,
                        "an answer in private cannot be changed later, so nothing on it can be "
                        "checked off; drop `visibility: private`");
        else if (++lists == 2)
            runbook_say(c, path, "a command has one checklist; join them, or make another command");
    }
}

void runbook_check_calls(struct runbook_check *c) {
    struct calls *calls = fx_alloc(c->scratch, (c->files_count + 1) * sizeof *calls);

    for (size_t i = 0; i < c->files_count; i++)
        if (c->files[i].yaml != NULL)
            find_all(c, i, &calls[i]);
    for (size_t i = 0; i < c->files_count; i++)
        if (c->files[i].yaml != NULL) {
            check_ends(c, calls, i);
            check_checklist(c, i);
            check_watch(c, i);
        }
}
