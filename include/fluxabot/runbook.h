/* runbook.h - systems and their commands, parsed and checked before anything can run.
 *
 * commands/<system>/system.yaml describes a system; each other YAML file beside it is one command.
 * What fails here is told as findings, "file:line: message", all of them at once. A loaded set
 * never changes and may be read from any thread.
 */
#pragma once

#include "fluxabot/step.h"

struct fx_runbooks;

enum { FX_RUNBOOK_MAX_STEPS = 60, FX_RUNBOOK_MAX_ARGUMENTS = 16, FX_COMMAND_MAX_TEXT_BYTES = 1000 };

enum {
    FX_RUNBOOK_MAX_CALL_DEPTH = 3,     /* commands inside commands */
    FX_RUNBOOK_MAX_CALLED_STEPS = 120, /* of one command, with those of the commands it runs */
    FX_RUNBOOK_MAX_EACH = 50,          /* items that one step is taken for */
    FX_FOLLOW_UP_MAX_DAYS = 5 * 366,   /* how far ahead the time of a follow-up may lie */
};

struct fx_finding {
    const char *file;
    int line;
    const char *message;
};

struct fx_argument {
    const char *name, *help;
    /* "integer", "text", "choice", "duration", "time" (wall ms), "arn", "event_id", "ids",
     * "boolean". A named queue, database or log group is a choice among system.yaml's. */
    const char *type;
    struct fx_json *fallback; /* NULL: required unless optional */
    bool optional;
    bool rest;           /* takes everything that is left of the line */
    bool named;          /* only as name=value, never by its position */
    int64_t min, max;    /* integer; duration in milliseconds; the type's own when not given */
    const char *pattern; /* POSIX extended, anchored by us; NULL: the type's own */
    const struct fx_json *choices;
};

struct fx_runbook_step {
    const char *id;
    const struct fx_step_kind *kind;
    const struct fx_json *params; /* texts unfilled */
    const char *when;             /* "${expression}", or NULL */
    const char *otherwise; /* `on_error: continue`: the step's value is {error: text}; else NULL */
    int64_t timeout_ms;    /* 0: not given */
    const char *each;      /* "${list}": taken for each `item` of it, the value is a list; NULL */
    int64_t each_max;      /* items; more are an error */
    size_t together; /* so many steps from here on may be read at once: none needs another; 1 */
    int line;
};

/* A reading command that runs by itself, in the run's thread, after a run that changed something.
 */
struct fx_follow_up {
    const char *command;
    /* Unfilled; may read `run`, `arguments`, `variables`, `environment`, and the steps' values:
     * null where a step was not taken. */
    const char *arguments;
    const int64_t *after_ms;
    size_t after_count;
    const char *at; /* "${time}" instead of after: ms or ISO text, unfilled; NULL */
};

struct fx_runbook {
    const char *command; /* "dlq inspect" */
    const char *file, *digest;
    const char *summary, *help;
    const char *button; /* what stands on a button for it that has no text of its own; NULL */
    const char *rows;   /* acceptance rows and runbook sections it implements, for the manual */
    const struct fx_argument *arguments;
    size_t arguments_count;
    const struct fx_runbook_step *steps;
    size_t steps_count;
    /* Unfilled. Buttons are {command, arguments, text?, style?, when?}: command is the words of a
     * command that exists, arguments the text behind it, when "${expression}". */
    const struct fx_json *answer;
    const struct fx_follow_up *follow_ups;
    size_t follow_ups_count;
    bool is_private;       /* `answer.visibility: private`: only the asker sees it, unless
                              `answer.shared` comes out true */
    enum fx_effect effect; /* the strongest of its steps */
    bool is_stop;          /* all that it changes is to stop something */
    bool watches;          /* looks again and again for a while, and shows its card each time */
    bool is_notice;        /* it tells the bot or wakes somebody: only a person asks for it */
    const char *confirm;   /* what a button for it asks before; NULL */
    const char *role;      /* who may ask: "operator" unless the file says otherwise */
};

struct fx_alarm_route {
    const char *name;
    const char *const *patterns; /* fnmatch globs */
    size_t patterns_count;
    const char *metric_namespace, *metric_name; /* NULL: by name only */
    const struct fx_json *dimensions;           /* glob per dimension; NULL: any */
    const char *severity;                       /* critical, high, medium, low */
    bool page;
    const char *cause, *first_action;
    /* Command lines, with their arguments: fx_system_match and fx_runbook_arguments accept them. */
    const char *const *triage; /* run at once, read-only */
    size_t triage_count;
    const char *const *recovered; /* run when it is OK again, read-only */
    size_t recovered_count;
    const char *const *buttons; /* offered */
    size_t buttons_count;
    const char *link; /* to the written runbook; NULL */
};

/* A command that the card of an alarm proposes when so many alarms of these routes are open at
 * once.
 */
struct fx_proposal {
    const char *command;
    const char *text; /* why, as a sentence */
    const char *const *alarms;
    size_t alarms_count;
    int64_t at_least;
};

enum {
    FX_SCHEDULE_MIN_MS = 10 * 1000, /* CloudWatch's own shortest period of an alarm */
    FX_SCHEDULE_MAX_DAYS = 31,
    FX_SCHEDULE_ALWAYS_MIN_MS = 60 * 60 * 1000, /* of one that posts whatever it finds */
    FX_SCHEDULE_MAX_NAME_BYTES = 60,
};

/* A reading command that runs by itself, at ticks that depend on the clock alone: a restart moves
 * none of them. */
struct fx_schedule {
    const char *name;    /* unique in its system */
    const char *command; /* a command line, as in an alarm's triage */
    int64_t every_ms;    /* from tick to tick; 0: months says it */
    int months;          /* 1: every month, 3: every quarter */
    int64_t offset_ms;   /* of a tick behind a multiple of every_ms since the epoch (UTC), or behind
                            the beginning of its month or quarter */
    const char *rhythm;  /* "every 5 min", "every Monday at 08:00 UTC" */
    const char *changes; /* unfilled: what is compared; NULL: the answer's title */
    bool always;         /* posts whatever it finds, not only what changed */
    const char *const *environments; /* none: every configured one */
    size_t environments_count;
};

struct fx_system {
    const char *name, *title, *path;
    const struct fx_json *definition; /* system.yaml, unfilled */
    const struct fx_runbook *runbooks;
    size_t runbooks_count;
    const struct fx_alarm_route *routes;
    size_t routes_count;
    const struct fx_schedule *schedules;
    size_t schedules_count;
    const struct fx_proposal *proposals;
    size_t proposals_count;
};

struct fx_runbook_source {
    const char *name, *path; /* system name and its folder */
    /* Environment -> object of variable values, from the configuration; NULL: values are not
     * checked. */
    const struct fx_json *environments;
};

/* Loads every source with the given step kinds. FX_ERR_INPUT when there are findings: *ret_findings
 * then holds them (in sc) and *ret_runbooks is NULL. */
enum fx_code fx_runbooks_open(struct fx_scope *sc, const struct fx_runbook_source *sources,
                              size_t sources_count, const struct fx_step_kind *const *kinds,
                              size_t kinds_count, struct fx_runbooks **ret_runbooks,
                              struct fx_finding **ret_findings, size_t *ret_findings_count,
                              struct fx_error *err);
void fx_runbooks_close(struct fx_runbooks *runbooks);

size_t fx_runbooks_count(const struct fx_runbooks *runbooks);
const struct fx_system *fx_runbooks_at(const struct fx_runbooks *runbooks, size_t index);
const struct fx_system *fx_runbooks_find(const struct fx_runbooks *runbooks, const char *name);
const struct fx_runbook *fx_system_find(const struct fx_system *system, const char *command);

/* The command with the most words that text begins with, and the rest of the line. *ret_runbook is
 * NULL when there is none. Blanks are folded, case is ignored in command words. */
void fx_system_match(const struct fx_system *system, struct fx_slice text,
                     const struct fx_runbook **ret_runbook, struct fx_slice *ret_rest);
/* The commands nearest to text by edit distance, best first; at most max, at least one when there
 * are commands at all. */
size_t fx_system_suggest(struct fx_scope *sc, const struct fx_system *system, struct fx_slice text,
                         const char **ret_commands, size_t max);
/* The rest of a command line as typed arguments: positional, or name=value. Every argument is a
 * member; one that is absent and has no default is null, a duration is milliseconds, ids are a
 * list. FX_ERR_INPUT says which argument, what was given, what is allowed and how to type it. */
enum fx_code fx_runbook_arguments(struct fx_scope *sc, const struct fx_runbook *runbook,
                                  struct fx_slice rest, struct fx_json **ret_arguments,
                                  struct fx_error *err);
/* "dlq inspect [count=10]": how to type it. */
const char *fx_runbook_usage(struct fx_scope *sc, const struct fx_runbook *runbook);

/* The definition filled for one environment: `variables` is name -> value with the defaults put in,
 * `alarms` and `schedules` are left out. FX_ERR_INPUT names what is missing. */
enum fx_code fx_system_fill(struct fx_scope *sc, const struct fx_system *system,
                            const char *environment, const struct fx_json *variables,
                            struct fx_json **ret_filled, struct fx_error *err);

/* The route of an alarm: exact name, then the glob with the most literal characters, then the
 * metric that is described most closely. A glob does not count when its route names another
 * namespace than the alarm does. Any argument may be NULL. NULL when none fits. */
const struct fx_alarm_route *fx_system_route(const struct fx_system *system, const char *alarm_name,
                                             const char *metric_namespace, const char *metric_name,
                                             const struct fx_json *dimensions);

/* The newest tick at or before this time, and the first one after it. A time before 1970 counts as
 * its beginning. */
int64_t fx_schedule_last(const struct fx_schedule *schedule, int64_t wall_ms);
int64_t fx_schedule_next(const struct fx_schedule *schedule, int64_t wall_ms);
