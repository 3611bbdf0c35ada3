/* invoke.c - a command that an alarm or a button names: does it exist, do the arguments fit? */
#include "private.h"

#include <string.h>

/* A command of a file that could not be read cannot be told from one that does not exist. */
static bool may_be_broken(const struct runbook_check *c, const char *line) {
    for (size_t i = 0; i < c->files_count; i++) {
        const struct runbook_file *file = &c->files[i];
        bool begins = true;

        if (file->is_command)
            continue;
        for (size_t j = 0; begins && file->name[j] != '\0'; j++)
            begins = file->name[j] == line[j] || (file->name[j] == '-' && line[j] == ' ');
        if (begins)
            return true;
    }
    return false;
}

static void say_unknown(struct runbook_check *c, const char *path, const char *line) {
    const struct fx_system system = {.runbooks = c->runbooks, .runbooks_count = c->files_count};
    const char *meant = NULL;
    const char *shown = runbook_shown(c->scratch, fx_slice_of(line));

    if (fx_system_suggest(c->scratch, &system, fx_slice_of(line), &meant, 1) > 0)
        runbook_say(c, path, "there is no command %s; did you mean %s?", shown, meant);
    else
        runbook_say(c, path, "there is no command %s", shown);
}

static const struct fx_runbook *find(struct runbook_check *c, const char *path, const char *line,
                                     struct fx_slice *ret_rest) {
    const struct fx_runbook *runbook = NULL;

    if (may_be_broken(c, line))
        return NULL;
    runbook_match(c->runbooks, c->files_count, fx_slice_of(line), &runbook, ret_rest);
    /* "dlq inspct" begins with "dlq", but that takes no arguments */
    if (runbook == NULL || (runbook->arguments_count == 0 && ret_rest->len > 0)) {
        say_unknown(c, path, line);
        return NULL;
    }
    return runbook;
}

const struct fx_runbook *runbook_check_invocation(struct runbook_check *c, const char *path,
                                                  const char *line) {
    struct fx_json *ignored = NULL;
    struct fx_slice rest = {"", 0};
    struct fx_error err = {0};
    const struct fx_runbook *runbook = find(c, path, line, &rest);

    if (runbook == NULL || fx_runbook_arguments(c->scratch, runbook, rest, &ignored, &err) == FX_OK)
        return runbook;
    runbook_say(c, path, "%s: %s", runbook->command, err.message);
    return NULL;
}

const struct fx_runbook *runbook_check_command_name(struct runbook_check *c, const char *path,
                                                    const char *line) {
    struct fx_slice rest = {"", 0};
    const struct fx_runbook *runbook = find(c, path, line, &rest);

    if (runbook != NULL && rest.len > 0) {
        runbook_say(c, path, "the arguments of %s stand here and in arguments; give them once",
                    runbook->command);
        return NULL;
    }
    return runbook;
}
