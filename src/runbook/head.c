/* head.c - a command's file but for its steps and its answer. */
#include "private.h"

#include <string.h>

static bool is_command(const char *text) {
    return strlen(text) <= RUNBOOK_MAX_COMMAND_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789- ") == strlen(text) &&
           text[0] != ' ' && text[0] != '\0' && text[strlen(text) - 1] != ' ' &&
           strstr(text, "  ") == NULL;
}

static char *file_name_of(struct runbook_check *c, const char *command) {
    char *name = fx_strdup(c->scratch, command);

    for (char *p = name; *p != '\0'; p++)
        if (*p == ' ')
            *p = '-';
    return name;
}

/* The word at its beginning that is answered without a runbook; NULL. */
static const char *own_word(const char *command) {
    static const char *const words[] = {"help", "freeze", "unfreeze"};
    size_t length = strcspn(command, " ");

    for (size_t i = 0; i < FX_COUNT_OF(words); i++)
        if (strlen(words[i]) == length && strncmp(command, words[i], length) == 0)
            return words[i];
    return NULL;
}

void runbook_check_command(struct runbook_check *c, size_t index) {
    struct runbook_file *file = &c->files[index];
    const char *command = file->command;

    if (command == NULL)
        return;
    c->yaml = file->yaml;
    if (!is_command(command)) {
        runbook_say(c, "command",
                    "a command is words of a-z, 0-9 and - with single blanks between them, such as "
                    "\"dlq inspect\"");
        return;
    }
    const char *own = own_word(command);
    if (own != NULL) {
        runbook_say(c, "command", "%s is answered by fluxabot itself; choose another word", own);
        return;
    }
    for (size_t i = 0; i < index; i++)
        if (c->files[i].is_command && strcmp(c->runbooks[i].command, command) == 0) {
            runbook_say(c, "command", "the command %s is described in %s already", command,
                        c->files[i].path);
            return;
        }
    const char *name = file_name_of(c, command);
    if (strcmp(name, file->name) != 0)
        runbook_say(c, "command", "the file of the command %s must be called %s.yaml", command,
                    name);
    file->is_command = true;
    c->runbooks[index].command = command;
}

static const char *joined(struct runbook_check *c, const struct fx_json *rows) {
    const char *text = fx_json_text(rows);
    size_t count = 0;
    const char *const *texts = runbook_texts(c->scratch, rows, &count);

    for (size_t i = 0; i < count; i++)
        text = i == 0 ? texts[0] : fx_printf(c->scratch, "%s, %s", text, texts[i]);
    return text;
}

static void check_role(struct runbook_check *c, struct fx_runbook *runbook, const char *role) {
    runbook->role = "operator";
    if (role == NULL)
        return;
    if (runbook_is_name(role))
        runbook->role = role;
    else
        runbook_say(c, "role", "a role's name is made of a-z, 0-9 and _, such as operator");
}

void runbook_check_head(struct runbook_check *c, size_t index) {
    static const struct runbook_field fields[] = {
        {"command", RUNBOOK_TEXT, true},     {"summary", RUNBOOK_TEXT, true},
        {"help", RUNBOOK_TEXT, false},       {"button", RUNBOOK_TEXT, false},
        {"rows", RUNBOOK_LINES, false},      {"role", RUNBOOK_TEXT, false},
        {"arguments", RUNBOOK_MAP, false},   {"steps", RUNBOOK_LIST, false},
        {"answer", RUNBOOK_MAP, true},       {"undo", RUNBOOK_ANY, false},
        {"follow_ups", RUNBOOK_LIST, false},
    };
    struct fx_runbook *runbook = &c->runbooks[index];
    const struct fx_json *root = fx_yaml_root(c->files[index].yaml);

    c->yaml = c->files[index].yaml;
    if (!runbook_check_fields(c, "", root, "a command's file", fields, FX_COUNT_OF(fields)))
        return;
    runbook->file = c->files[index].path;
    runbook->summary = fx_json_get_text(root, "summary");
    runbook->help = fx_json_get_text(root, "help");
    runbook->button = fx_json_get_text(root, "button");
    runbook->rows = joined(c, fx_json_at(root, "rows"));
    c->files[index].command = fx_json_get_text(root, "command");
    check_role(c, runbook, fx_json_get_text(root, "role"));
    runbook_check_arguments(c, runbook, fx_json_at(root, "arguments"));
    runbook_check_texts(c, "summary", fx_json_at(root, "summary"), NULL);
    runbook_check_texts(c, "help", fx_json_at(root, "help"), NULL);
    runbook_check_texts(c, "button", fx_json_at(root, "button"), NULL);
}
