/* buttons.c - the buttons of an answer: each is a command that exists, with arguments that fit. */
#include "private.h"

#include <string.h>

static const char *const styles[] = {"primary", "danger"};

/* A button as it is kept: the command's words, its arguments as text, and the rest as written. */
static struct fx_json *kept_button(struct runbook_check *c, const struct fx_runbook *runbook,
                                   const char *line, const struct fx_json *button) {
    struct fx_json *kept =
        button == NULL ? fx_json_object(c->scratch) : fx_json_copy(c->scratch, button);
    const struct fx_runbook *ignored = NULL;
    struct fx_slice rest;

    if (runbook == NULL)
        return kept;
    runbook_match(runbook, 1, fx_slice_of(line), &ignored, &rest);
    fx_json_put(kept, "command", fx_json_string(c->scratch, runbook->command));
    if (fx_json_at(kept, "arguments") == NULL)
        fx_json_put(kept, "arguments", fx_json_slice(c->scratch, rest));
    return kept;
}

static const struct fx_runbook *check_line(struct runbook_check *c, const char *path,
                                           const char *line) {
    if (!fx_expr_is_template(line))
        return runbook_check_invocation(c, path, line);
    runbook_say(c, path, "a button's command is written out; put ${ } into its arguments");
    return NULL;
}

const struct fx_runbook *runbook_check_apart(struct runbook_check *c, const char *path,
                                             const char *command, const char *arguments,
                                             const struct fx_json *known) {
    const char *here = runbook_path(c, path, "arguments");
    const struct fx_runbook *runbook =
        runbook_check_command_name(c, runbook_path(c, path, "command"), command);
    struct fx_json *ignored = NULL;
    struct fx_error err = {0};

    runbook_check_texts(c, here, fx_json_string(c->scratch, arguments), known);
    if (runbook != NULL && !fx_expr_is_template(arguments) &&
        fx_runbook_arguments(c->scratch, runbook, fx_slice_of(arguments), &ignored, &err) != FX_OK)
        runbook_say(c, here, "%s: %s", runbook->command, err.message);
    return runbook;
}

static struct fx_json *check_button(struct runbook_check *c, const char *path,
                                    const struct fx_json *button, const struct fx_json *known) {
    static const struct runbook_field fields[] = {
        {"command", RUNBOOK_TEXT, true},    {"text", RUNBOOK_TEXT, false},
        {"arguments", RUNBOOK_TEXT, false}, {"style", RUNBOOK_TEXT, false},
        {"when", RUNBOOK_TEXT, false},
    };
    const char *command = fx_json_get_text(button, "command");
    const char *arguments = fx_json_get_text(button, "arguments");
    const char *when = fx_json_get_text(button, "when");
    const struct fx_runbook *runbook = NULL;

    if (!runbook_check_fields(c, path, button, "a button", fields, FX_COUNT_OF(fields)) ||
        command == NULL)
        return fx_json_object(c->scratch);
    if (arguments == NULL || fx_expr_is_template(command))
        runbook = check_line(c, runbook_path(c, path, "command"), command);
    else
        runbook = runbook_check_apart(c, path, command, arguments, known);
    runbook_check_word(c, runbook_path(c, path, "style"), fx_json_get_text(button, "style"), styles,
                       FX_COUNT_OF(styles));
    runbook_check_texts(c, runbook_path(c, path, "text"), fx_json_at(button, "text"), known);
    struct fx_json *kept = kept_button(c, runbook, command, button);
    if (when != NULL)
        fx_json_put(kept, "when",
                    fx_json_string(c->scratch,
                                   runbook_when(c, runbook_path(c, path, "when"), when, known)));
    return kept;
}

struct fx_json *runbook_check_buttons(struct runbook_check *c, const struct fx_json *buttons,
                                      const struct fx_json *known) {
    struct fx_json *kept = fx_json_array(c->scratch);

    for (size_t i = 0; i < fx_json_count(buttons); i++) {
        const char *path = runbook_path_item(c, "answer.buttons", i);
        const struct fx_json *button = fx_json_item(buttons, i);
        const char *line = fx_json_text(button);

        if (line != NULL)
            fx_json_add(kept, kept_button(c, check_line(c, path, line), line, NULL));
        else
            fx_json_add(kept, check_button(c, path, button, known));
    }
    return kept;
}
