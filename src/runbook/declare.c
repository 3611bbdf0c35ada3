/* declare.c - the arguments that a command's file declares. */
#include "private.h"

#include <string.h>

static const char *const types[] = {"integer", "text",  "choice",   "duration",
                                    "time",    "arn",   "event_id", "ids",
                                    "boolean", "queue", "database", "log_group"};

/* Types whose values are the names of a section of system.yaml: for who types, a choice. */
static const struct {
    const char *type, *section;
} named[] = {{"queue", "queues"}, {"database", "databases"}, {"log_group", "log_groups"}};

static bool is_type(const struct fx_argument *argument, const char *type) {
    return argument->type != NULL && strcmp(argument->type, type) == 0;
}

static bool has_range(const struct fx_argument *argument) {
    return is_type(argument, "integer") || is_type(argument, "duration");
}

static bool has_pattern(const struct fx_argument *argument) {
    return is_type(argument, "text") || is_type(argument, "event_id") || is_type(argument, "ids");
}

/* A value of the file as a person would type it. */
static const char *as_typed(struct runbook_check *c, const struct fx_json *value) {
    return fx_json_text(value) != NULL ? fx_json_text(value) : fx_json_dump(c->scratch, value);
}

static int64_t read_bound(struct runbook_check *c, const char *path,
                          const struct fx_argument *argument, const struct fx_json *json,
                          int64_t absent) {
    struct fx_argument unbounded = *argument;
    struct fx_json *value = NULL;
    struct fx_error err = {0};

    if (json == NULL)
        return absent;
    if (!has_range(argument)) {
        runbook_say(c, path, "min and max belong to the types integer and duration");
        return absent;
    }
    unbounded.min = INT64_MIN;
    unbounded.max = INT64_MAX;
    if (runbook_parse_value(c->scratch, &unbounded, fx_slice_of(as_typed(c, json)), &value, &err) !=
        FX_OK) {
        runbook_say(c, path, "%s", err.message);
        return absent;
    }
    return fx_json_to_int(value, absent);
}

static void read_range(struct runbook_check *c, const char *path, const struct fx_json *json,
                       struct fx_argument *argument) {
    int64_t lowest = is_type(argument, "duration") ? 0 : INT64_MIN;

    argument->min =
        read_bound(c, runbook_path(c, path, "min"), argument, fx_json_at(json, "min"), lowest);
    argument->max =
        read_bound(c, runbook_path(c, path, "max"), argument, fx_json_at(json, "max"), INT64_MAX);
    if (argument->min > argument->max)
        runbook_say(c, runbook_path(c, path, "min"), "min is more than max");
}

static void read_pattern(struct runbook_check *c, const char *path, const struct fx_json *json,
                         struct fx_argument *argument) {
    const char *pattern = fx_json_get_text(json, "pattern");

    if (pattern == NULL)
        return;
    const char *problem = runbook_pattern_problem(c->scratch, pattern);
    if (!has_pattern(argument))
        runbook_say(c, path, "a pattern belongs to the types text, event_id and ids");
    else if (problem != NULL)
        runbook_say(c, path, "the pattern cannot be used: %s", problem);
    else
        argument->pattern = pattern;
}

static const char *section_of(const char *type) {
    for (size_t i = 0; i < FX_COUNT_OF(named); i++)
        if (strcmp(named[i].type, type) == 0)
            return named[i].section;
    return NULL;
}

static const struct fx_json *names_in(struct runbook_check *c, const char *path,
                                      const char *section) {
    const struct fx_json *map = fx_json_at(c->definition, section);
    struct fx_json *names = fx_json_array(c->scratch), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_type(map) == FX_JSON_OBJECT && fx_json_next(map, &cursor, &name, &value))
        fx_json_add(names, fx_json_string(c->scratch, name));
    if (fx_json_count(names) == 0 && c->system_yaml != NULL)
        runbook_say(c, path, "system.yaml names no %s, so there is nothing to choose from",
                    section);
    return names;
}

static void read_choices(struct runbook_check *c, const char *path, const struct fx_json *json,
                         struct fx_argument *argument) {
    const struct fx_json *choices = fx_json_at(json, "choices");

    argument->choices = choices;
    if (is_type(argument, "choice") && fx_json_count(choices) == 0)
        runbook_say(c, path, "a choice needs the list choices");
    if (!is_type(argument, "choice") && choices != NULL)
        runbook_say(c, runbook_path(c, path, "choices"), "choices belong to the type choice alone");
    for (size_t i = 0; i < fx_json_count(choices); i++) {
        const char *word = fx_json_text(fx_json_item(choices, i));

        if (word != NULL && (word[0] == '\0' || strpbrk(word, " \t\n\"=") != NULL))
            runbook_say(c, runbook_path(c, path, "choices"),
                        "a choice is one word without blanks, quotes and =");
    }
}

static void read_default(struct runbook_check *c, const char *path, const struct fx_json *json,
                         struct fx_argument *argument) {
    const struct fx_json *fallback = fx_json_at(json, "default");
    struct fx_error err = {0};

    if (fallback == NULL)
        return;
    if (fx_json_type(fallback) == FX_JSON_NULL)
        runbook_say(c, path, "the default is empty; write `optional: true` instead");
    else if (argument->optional)
        runbook_say(c, path, "an argument with a default is not missing; remove optional");
    else if (runbook_parse_value(c->scratch, argument, fx_slice_of(as_typed(c, fallback)),
                                 &argument->fallback, &err) != FX_OK)
        runbook_say(c, path, "the default %s", err.message);
}

static void read_argument(struct runbook_check *c, const char *path, const struct fx_json *json,
                          struct fx_argument *argument) {
    static const struct runbook_field fields[] = {
        {"type", RUNBOOK_TEXT, true},      {"default", RUNBOOK_ANY, false},
        {"optional", RUNBOOK_BOOL, false}, {"min", RUNBOOK_SCALAR, false},
        {"max", RUNBOOK_SCALAR, false},    {"pattern", RUNBOOK_TEXT, false},
        {"choices", RUNBOOK_TEXTS, false}, {"rest", RUNBOOK_BOOL, false},
        {"named", RUNBOOK_BOOL, false},    {"help", RUNBOOK_TEXT, false},
    };
    const char *type = fx_json_get_text(json, "type");

    argument->type = "text";
    if (!runbook_check_fields(c, path, json, "an argument", fields, FX_COUNT_OF(fields)) ||
        type == NULL)
        return;
    if (!runbook_is_one_of(type, types, FX_COUNT_OF(types))) {
        runbook_say(c, runbook_path(c, path, "type"), "%s is no type of an argument; use %s",
                    runbook_shown(c->scratch, fx_slice_of(type)),
                    runbook_or_list(c->scratch, types, FX_COUNT_OF(types)));
        return;
    }
    argument->type = type;
    argument->help = fx_json_get_text(json, "help");
    argument->optional = fx_json_get_bool(json, "optional", false);
    argument->rest = fx_json_get_bool(json, "rest", false);
    argument->named = fx_json_get_bool(json, "named", false);
    if (argument->rest && !is_type(argument, "text") && !is_type(argument, "ids"))
        runbook_say(c, runbook_path(c, path, "rest"), "rest belongs to the types text and ids");
    if (argument->rest && argument->named)
        runbook_say(c, runbook_path(c, path, "named"),
                    "what takes the rest of the line has no name before it; choose one");
    if (section_of(type) != NULL) {
        if (fx_json_at(json, "choices") != NULL)
            runbook_say(c, runbook_path(c, path, "choices"),
                        "the names of system.yaml are the choices; leave them out");
        argument->type = "choice";
        argument->choices = names_in(c, runbook_path(c, path, "type"), section_of(type));
        read_default(c, runbook_path(c, path, "default"), json, argument);
        return;
    }
    read_range(c, path, json, argument);
    read_pattern(c, runbook_path(c, path, "pattern"), json, argument);
    read_choices(c, path, json, argument);
    read_default(c, runbook_path(c, path, "default"), json, argument);
}

/* Positional words are given out in order, so what may be missing stands behind what may not. */
static void check_order(struct runbook_check *c, const struct fx_argument *arguments,
                        size_t count) {
    const char *optional = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct fx_argument *argument = &arguments[i];
        const char *path = runbook_path(c, "arguments", argument->name);

        if (argument->rest && i + 1 < count)
            runbook_say(c, path, "%s takes the rest of the line, so it must be the last argument",
                        argument->name);
        if (argument->named)
            continue;
        if (argument->optional || argument->fallback != NULL)
            optional = argument->name;
        else if (optional != NULL)
            runbook_say(c, path,
                        "%s must be given, so it has to stand before %s, which may be left out",
                        argument->name, optional);
    }
}

void runbook_check_arguments(struct runbook_check *c, struct fx_runbook *runbook,
                             const struct fx_json *arguments) {
    size_t count = fx_json_count(arguments), i = 0;
    struct fx_argument *list = fx_alloc(c->scratch, (count + 1) * sizeof *list);
    void *cursor = NULL;
    struct fx_json *value = NULL;

    if (fx_json_type(arguments) != FX_JSON_OBJECT)
        return;
    if (count > FX_RUNBOOK_MAX_ARGUMENTS)
        runbook_say(c, "arguments", "%zu arguments are more than the %d allowed", count,
                    FX_RUNBOOK_MAX_ARGUMENTS);
    for (; i < count && fx_json_next(arguments, &cursor, &list[i].name, &value); i++) {
        const char *path = runbook_path(c, "arguments", list[i].name);

        list[i].min = INT64_MIN;
        list[i].max = INT64_MAX;
        if (!runbook_is_name(list[i].name))
            runbook_say(c, path, "an argument's name is made of a-z, 0-9 and _, such as event_id");
        read_argument(c, path, value, &list[i]);
    }
    check_order(c, list, count);
    runbook_check_texts(c, "arguments", arguments, NULL);
    runbook->arguments = list;
    runbook->arguments_count = count;
}

void runbook_say_unused_arguments(struct runbook_check *c) {
    void *cursor = NULL;
    const char *name = NULL;

    if (c->all_arguments_used)
        return;
    while (fx_json_next(c->arguments, &cursor, &name, NULL))
        if (fx_json_at(c->used_arguments, name) == NULL)
            runbook_say(c, runbook_path(c, "arguments", name),
                        "the argument %s is not used by any step or by the answer; remove it",
                        name);
}
