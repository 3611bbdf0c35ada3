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

const struct fx_runbook *runbook_check_invocation(struct runbook_check *c, const char *path,
                                                  const char *line, bool whole) {
    const struct fx_runbook *runbook = NULL;
    struct fx_json *ignored = NULL;
    struct fx_slice rest;
    struct fx_error err = {0};

    runbook_match(c->runbooks, c->files_count, fx_slice_of(line), &runbook, &rest);
    if (may_be_broken(c, line))
        return NULL;
    if (runbook == NULL) {
        say_unknown(c, path, line);
        return NULL;
    }
    if (runbook_parse_arguments(c->scratch, runbook, rest, !whole, &ignored, &err) == FX_OK)
        return runbook;
    /* "dlq inspct" is taken for "dlq" with an argument; then the command is what is wrong */
    if (runbook->arguments_count == 0)
        say_unknown(c, path, line);
    else
        runbook_say(c, path, "%s: %s", runbook->command, err.message);
    return NULL;
}

static const struct fx_argument *find_argument(const struct fx_runbook *runbook, const char *name) {
    for (size_t i = 0; i < runbook->arguments_count; i++)
        if (strcmp(runbook->arguments[i].name, name) == 0)
            return &runbook->arguments[i];
    return NULL;
}

void runbook_check_invocation_map(struct runbook_check *c, const char *path,
                                  const struct fx_runbook *runbook, const struct fx_json *arguments,
                                  const struct fx_json *known) {
    void *cursor = NULL;
    const char *name = NULL;
    struct fx_json *value = NULL, *ignored = NULL;

    runbook_check_texts(c, path, arguments, known);
    if (runbook == NULL)
        return;
    while (fx_json_next(arguments, &cursor, &name, &value)) {
        const struct fx_argument *argument = find_argument(runbook, name);
        const char *here = runbook_path(c, path, name);
        const char *text = fx_json_text(value);
        struct fx_error err = {0};

        if (argument == NULL)
            runbook_say(c, here, "%s has no argument %s", runbook->command,
                        runbook_shown(c->scratch, fx_slice_of(name)));
        else if (text != NULL && fx_expr_is_template(text))
            continue;
        else if (runbook_parse_value(
                     c->scratch, argument,
                     fx_slice_of(text != NULL ? text : fx_json_dump(c->scratch, value)), &ignored,
                     &err) != FX_OK)
            runbook_say(c, here, "%s: %s", name, err.message);
    }
}
