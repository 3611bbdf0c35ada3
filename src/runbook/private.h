/* private.h - what the files of runbook/ share. */
#pragma once

#include "fluxabot/expr.h"
#include "fluxabot/runbook.h"
#include "fluxabot/yaml.h"

#include <regex.h>

enum {
    RUNBOOK_MAX_FINDINGS = 200,
    RUNBOOK_MAX_FILES = 200,
    RUNBOOK_MAX_COMMAND_BYTES = 60,
    RUNBOOK_MAX_NAME_BYTES = 40,
    RUNBOOK_MAX_PATTERN_BYTES = 200,
    RUNBOOK_MAX_IDS = 100,
    RUNBOOK_MAX_SHOWN = 40, /* code points of foreign text that a message repeats */
    RUNBOOK_MAX_TIMEOUT_MS = 60 * 60 * 1000,
};

struct fx_runbooks {
    struct fx_scope *sc;
    struct fx_system *systems;
    size_t systems_count;
};

struct runbook_crew;

/* A command's file while it is looked at. */
struct runbook_file {
    const char *path, *name; /* name: "dlq-inspect" */
    struct fx_yaml *yaml;    /* NULL: not readable, said already */
    const char *command;     /* that it claims; NULL: none */
    bool is_command;         /* its command is known and no other file's */
    struct fx_json *used_arguments;
    bool all_arguments_used;
};

/* One system while it is looked at. All of it ends with scratch; keep.c copies what stays. */
struct runbook_check {
    struct fx_scope *scratch;
    struct fx_expr_checker *checker;
    struct runbook_crew *crew;
    const struct fx_step_kind *const *kinds;
    size_t kinds_count;
    struct fx_finding *findings; /* RUNBOOK_MAX_FINDINGS of them, for all systems */
    size_t findings_count;

    const struct fx_runbook_source *source;
    struct fx_yaml *system_yaml; /* NULL: missing or not readable, said already */
    const struct fx_json *definition;
    const char *system_digest;
    struct fx_runbook *runbooks; /* beside files */
    struct runbook_file *files;
    size_t files_count;
    const struct fx_alarm_route *routes;
    size_t routes_count;
    const struct fx_schedule *schedules;
    size_t schedules_count;
    const struct fx_proposal *proposals;
    size_t proposals_count;

    const struct fx_yaml *yaml;      /* the file looked at now */
    const struct fx_json *arguments; /* its arguments by name; NULL: it has no such thing */
    struct fx_json *used_arguments, *used_variables;
    bool all_arguments_used, all_variables_used;
    struct fx_json *from_people; /* ids of steps whose value a person may have chosen */
};

/* ---- crew.c: all files, by several threads ---- */

/* Looks at the file of this index, and writes about this file and its runbook alone. */
typedef void runbook_stage(struct runbook_check *c, size_t index);

/* After everything in c that the stages read is there; ends with c's scratch. */
struct runbook_crew *runbook_crew_new(struct runbook_check *c);
void runbook_each_file(struct runbook_check *c, runbook_stage *stage);

/* ---- keep.c ---- */

/* A copy that needs nothing but sc. */
struct fx_system runbook_keep(struct fx_scope *sc, const struct fx_system *system);

/* ---- findings.c ---- */

/* Remembers what is wrong at path in the file looked at now. */
void runbook_say(struct runbook_check *c, const char *path, const char *fmt, ...) FX_PRINTF(3, 4);
void runbook_say_at(struct runbook_check *c, const char *file, int line, const char *message);
void runbook_sort_findings(struct fx_finding *findings, size_t count);
/* "steps.2" and "with" make "steps.2.with". */
const char *runbook_path(struct runbook_check *c, const char *path, const char *key);
const char *runbook_path_item(struct runbook_check *c, const char *path, size_t index);
/* Foreign text as a message may repeat it: short, without control characters. */
const char *runbook_shown(struct fx_scope *sc, struct fx_slice text);

/* ---- fields.c ---- */

enum runbook_field_type {
    RUNBOOK_TEXT,
    RUNBOOK_INT,
    RUNBOOK_BOOL,
    RUNBOOK_SCALAR, /* text, number or true and false */
    RUNBOOK_TEXTS,  /* a list of texts */
    RUNBOOK_LINES,  /* a text or a list of texts */
    RUNBOOK_LIST,
    RUNBOOK_MAP,
    RUNBOOK_ANY,
};
struct runbook_field {
    const char *key;
    enum runbook_field_type type;
    bool required;
};
/* Says what is unknown, missing or mistyped. False when json is not a map at all. */
bool runbook_check_fields(struct runbook_check *c, const char *path, const struct fx_json *json,
                          const char *what, const struct runbook_field *fields, size_t count);
/* A member as texts; empty when it is absent or something else. */
const char *const *runbook_texts(struct fx_scope *sc, const struct fx_json *list,
                                 size_t *ret_count);
/* [a-z][a-z0-9_]*, no word of Lua: so that `arguments.name` is an expression. */
bool runbook_is_name(const char *name);
bool runbook_is_one_of(const char *text, const char *const *allowed, size_t count);
/* Says so when the text is none of the words; one with ${ } passes. */
void runbook_check_word(struct runbook_check *c, const char *path, const char *text,
                        const char *const *allowed, size_t count);
/* "a, b or c". */
const char *runbook_or_list(struct fx_scope *sc, const char *const *words, size_t count);

/* ---- pattern.c ---- */

/* NULL, or why the POSIX extended pattern cannot be used. */
const char *runbook_pattern_problem(struct fx_scope *sc, const char *pattern);
/* The whole text fits the pattern. */
bool runbook_pattern_fits(struct fx_scope *sc, const char *pattern, const char *text);

/* ---- distance.c ---- */

/* Letters added, lost, changed or swapped with their neighbour; case is ignored. */
size_t runbook_distance(struct fx_slice a, struct fx_slice b);
/* The name that was probably meant; NULL when none is near. */
const char *runbook_nearest(const char *given, const char *const *names, size_t count);

/* ---- names.c: what expressions may read ---- */

/* The names that every text of a command may read. */
struct fx_json *runbook_known(struct runbook_check *c);
/* Checks every text inside json; none may hold ${ } when known is NULL. */
void runbook_check_texts(struct runbook_check *c, const char *path, const struct fx_json *json,
                         const struct fx_json *known);
/* A condition, with or without ${ } around it; returns it with. */
const char *runbook_condition(struct runbook_check *c, const char *path, const char *text,
                              const struct fx_json *known);
/* The same; one that reads nothing that could change is a mistake. */
const char *runbook_when(struct runbook_check *c, const char *path, const char *text,
                         const struct fx_json *known);

/* ---- references.c: `arguments.x`, `variables.x` and `queue.x` ---- */

void runbook_check_references(struct runbook_check *c, const char *path, const char *text,
                              bool is_expression);

/* ---- system.c, variables.c, classes.c, alarms.c, schedules.c: system.yaml ---- */

void runbook_check_system(struct runbook_check *c);
void runbook_check_database(struct runbook_check *c, const char *path, const char *name);
void runbook_check_variables(struct runbook_check *c, const struct fx_json *variables);
void runbook_say_unused_variables(struct runbook_check *c);
/* NULL, or what is wrong with the value. */
const char *runbook_variable_problem(struct fx_scope *sc, const struct fx_json *declaration,
                                     const struct fx_json *value);
void runbook_check_classes(struct runbook_check *c, const struct fx_json *classes);
void runbook_check_alarms(struct runbook_check *c, const struct fx_json *alarms);
/* Says so unless it is one of ours; NULL and one with ${ } pass. */
void runbook_check_severity(struct runbook_check *c, const char *path, const char *severity);
/* After the answers: it asks who sees them. */
void runbook_check_schedules(struct runbook_check *c, const struct fx_json *schedules);

/* ---- proposals.c ---- */

void runbook_check_proposals(struct runbook_check *c, const struct fx_json *proposals);

/* ---- head.c, declare.c, steps.c, params.c, answer.c, buttons.c: a command's file ---- */

void runbook_check_head(struct runbook_check *c, size_t index);
/* The command that the file claims; one file after the other, because no two may have the same. */
void runbook_check_command(struct runbook_check *c, size_t index);
void runbook_check_arguments(struct runbook_check *c, struct fx_runbook *runbook,
                             const struct fx_json *arguments);
void runbook_say_unused_arguments(struct runbook_check *c);
void runbook_check_steps(struct runbook_check *c, struct fx_runbook *runbook,
                         const struct fx_json *steps);
/* The kind that the step names, and its parameters with fallbacks; *ret_kind NULL: said already. */
struct fx_json *runbook_step_params(struct runbook_check *c, const char *path,
                                    const struct fx_json *step, const struct fx_json *known,
                                    const struct fx_step_kind **ret_kind);
/* The text of the parameter that names a later step; NULL. */
const char *runbook_names_step(const struct fx_step_kind *kind, const struct fx_json *params);
void runbook_check_answer(struct runbook_check *c, struct fx_runbook *runbook,
                          const struct fx_json *answer);

/* The buttons as they are kept: {command, arguments as text, text?, style?, when?}. */
struct fx_json *runbook_check_buttons(struct runbook_check *c, const struct fx_json *buttons,
                                      const struct fx_json *known);

/* The command of a button or follow-up that gives its arguments apart; NULL: said already. */
const struct fx_runbook *runbook_check_apart(struct runbook_check *c, const char *path,
                                             const char *command, const char *arguments,
                                             const struct fx_json *known);

/* ---- people.c ---- */

/* Says so when a parameter that the kind keeps closed holds what a person may have chosen, and
 * remembers what the step makes of such words. In the order of the steps. */
void runbook_check_people(struct runbook_check *c, const char *path,
                          const struct fx_runbook_step *step);

/* ---- together.c: which steps need nothing of each other ---- */

void runbook_find_together(struct fx_runbook_step *steps, size_t count);

/* ---- waits.c ---- */

void runbook_check_waits(struct runbook_check *c, struct fx_runbook *runbook);

/* ---- calls.c: after the answers, because it asks who sees them ---- */

void runbook_check_calls(struct runbook_check *c);

/* ---- follow_ups.c ---- */

void runbook_check_follow_ups(struct runbook_check *c, struct fx_runbook *runbook,
                              const struct fx_json *follow_ups);

/* ---- invoke.c: a command that another file names ---- */

/* The runbook of a command line, its arguments checked; NULL: said already, or its file is broken.
 */
const struct fx_runbook *runbook_check_invocation(struct runbook_check *c, const char *path,
                                                  const char *line);
/* The same where the arguments stand apart. */
const struct fx_runbook *runbook_check_command_name(struct runbook_check *c, const char *path,
                                                    const char *line);

/* ---- match.c, values.c ---- */

/* Passes over runbooks without a command. */
void runbook_match(const struct fx_runbook *runbooks, size_t count, struct fx_slice text,
                   const struct fx_runbook **ret_runbook, struct fx_slice *ret_rest);
/* FX_ERR_INPUT says what is wrong with the value, without the argument's name. */
enum fx_code runbook_parse_value(struct fx_scope *sc, const struct fx_argument *argument,
                                 struct fx_slice text, struct fx_json **ret_value,
                                 struct fx_error *err);
/* "from 1 to 50", "one of a, b or c"; NULL: anything. */
const char *runbook_allowed(struct fx_scope *sc, const struct fx_argument *argument);
/* 90000 is "90s". */
const char *runbook_duration_text(struct fx_scope *sc, int64_t ms);
