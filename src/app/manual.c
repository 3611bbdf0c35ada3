/* manual.c - `fluxabot commands`: what each system can do, as Markdown, from the files that run. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

/* Text as it stands between others in Markdown, also in a table's cell. */
static void put_text(const char *text) {
    for (const char *c = text == NULL ? "" : text; *c != '\0'; c++) {
        if (strchr("|<>*_`\\", *c) != NULL)
            putchar('\\');
        putchar(*c == '\n' ? ' ' : *c);
    }
}

static int by_command(const void *a, const void *b) {
    const struct fx_runbook *const *one = a, *const *other = b;

    return strcmp((*one)->command, (*other)->command);
}

static const struct fx_runbook **sorted(struct fx_scope *sc, const struct fx_system *system) {
    const struct fx_runbook **list = fx_alloc(sc, (system->runbooks_count + 1) * sizeof *list);

    for (size_t i = 0; i < system->runbooks_count; i++)
        list[i] = &system->runbooks[i];
    qsort(list, system->runbooks_count, sizeof *list, by_command);
    return list;
}

/* ---- a command ---- */

static const char *limits_of(struct fx_scope *sc, const struct fx_argument *argument) {
    struct fx_buf text;

    if (argument->choices != NULL) {
        fx_buf_init(&text, sc, FX_COMMAND_MAX_TEXT_BYTES);
        for (size_t i = 0; i < fx_json_count(argument->choices); i++)
            fx_buf_addf(&text, "%s%s", i == 0 ? "" : ", ",
                        fx_json_text(fx_json_item(argument->choices, i)));
        return fx_buf_text(&text);
    }
    if (strcmp(argument->type, "duration") == 0)
        return fx_printf(sc, "duration from %s to %s", fx_duration(sc, argument->min),
                         fx_duration(sc, argument->max));
    if (strcmp(argument->type, "integer") == 0)
        return fx_printf(sc, "whole number from %lld to %lld", (long long)argument->min,
                         (long long)argument->max);
    return argument->type;
}

static const char *default_of(struct fx_scope *sc, const struct fx_argument *argument) {
    if (argument->fallback == NULL)
        return argument->optional ? "none" : "must be given";
    if (strcmp(argument->type, "duration") == 0)
        return fx_duration(sc, fx_json_to_int(argument->fallback, 0));
    return fx_json_type(argument->fallback) == FX_JSON_STRING
               ? fx_json_text(argument->fallback)
               : fx_json_dump(sc, argument->fallback);
}

static void print_arguments(struct fx_scope *sc, const struct fx_runbook *runbook) {
    if (runbook->arguments_count == 0)
        return;
    printf("\n| argument | what | values | without it |\n|---|---|---|---|\n");
    for (size_t i = 0; i < runbook->arguments_count; i++) {
        const struct fx_argument *argument = &runbook->arguments[i];

        printf("| `%s%s` | ", argument->name, argument->named ? "=" : "");
        put_text(argument->help);
        printf(" | ");
        put_text(limits_of(sc, argument));
        printf(" | ");
        put_text(default_of(sc, argument));
        printf(" |\n");
    }
}

static const char *people(int64_t count) {
    return count > 1 ? "two other persons" : "somebody else";
}

/* What it does to the world, and who must agree. */
static void print_effect(const struct fx_runbook *runbook) {
    if (runbook->is_notice) {
        printf("Changes nothing in AWS and wants no approval, but a person who asks in Slack. For "
               "the role %s.\n",
               runbook->role);
        return;
    }
    if (!fx_effect_changes(runbook->effect)) {
        printf("Only reads%s. For the role %s.\n",
               runbook->effect == FX_EFFECT_PEEK ? ", with a side effect or a cost" : "",
               runbook->role);
        return;
    }
    if (runbook->is_stop) {
        printf("Stops something at once, without an approval. For the role %s.\n", runbook->role);
        return;
    }
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_runbook_step *step = &runbook->steps[i];

        if (step->kind->is_approval)
            printf("Changes something (step `%s`) after %s approved it%s. For the role %s.\n",
                   fx_json_get_text(step->params, "step"),
                   people(fx_json_get_int(step->params, "approvers", 1)),
                   fx_json_get_bool(step->params, "needs_reason", false) ? ", with a reason" : "",
                   runbook->role);
    }
}

/* An operation of AWS by its name, anything else by what its kind is. */
static void print_steps(struct fx_scope *sc, const struct fx_runbook *runbook) {
    printf("\nSteps: ");
    for (size_t i = 0; i < runbook->steps_count; i++) {
        const struct fx_step_kind *kind = runbook->steps[i].kind;
        const char *called = fx_json_get_text(runbook->steps[i].params, "operation");

        if (kind->is_call)
            called =
                fx_printf(sc, "runs %s", fx_json_get_text(runbook->steps[i].params, "command"));
        printf("%s`%s` (%s)", i == 0 ? "" : ", ", runbook->steps[i].id,
               called != NULL ? called : kind->name);
    }
    printf(".\n");
}

static void print_follow_ups(struct fx_scope *sc, const struct fx_runbook *runbook) {
    for (size_t i = 0; i < runbook->follow_ups_count; i++) {
        const struct fx_follow_up *follow_up = &runbook->follow_ups[i];

        if (follow_up->at != NULL) {
            printf("\nAfterwards `%s` runs by itself at the time that is given.\n",
                   follow_up->command);
            continue;
        }
        printf("\nAfterwards `%s` runs by itself after ", follow_up->command);
        for (size_t k = 0; k < follow_up->after_count; k++)
            printf("%s%s", k == 0 ? "" : ", ", fx_duration(sc, follow_up->after_ms[k]));
        printf(".\n");
    }
}

static void print_command(struct fx_scope *sc, const struct fx_engine_system *system,
                          const struct fx_runbook *runbook) {
    printf("\n### %s %s\n\n", system->command, runbook->command);
    put_text(runbook->summary);
    printf(".\n\n```\n%s %s\n```\n\n", system->command, fx_runbook_usage(sc, runbook));
    if (runbook->help != NULL) {
        put_text(runbook->help);
        printf("\n\n");
    }
    print_effect(runbook);
    print_arguments(sc, runbook);
    print_steps(sc, runbook);
    print_follow_ups(sc, runbook);
    if (runbook->rows != NULL)
        printf("\nImplements %s.\n", runbook->rows);
}

/* ---- what runs by itself ---- */

static void print_list(const char *const *items, size_t count, const char *none) {
    for (size_t i = 0; i < count; i++)
        printf("%s`%s`", i == 0 ? "" : ", ", items[i]);
    if (count == 0)
        printf("%s", none);
}

static void print_routes(const struct fx_system *system) {
    if (system->routes_count == 0)
        return;
    printf("\n## Alarms\n\n| alarm | severity | likely cause | first action | runs at once | "
           "when it is over | offers |\n"
           "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < system->routes_count; i++) {
        const struct fx_alarm_route *route = &system->routes[i];

        printf("| ");
        print_list(route->patterns, route->patterns_count, "any");
        printf(" | %s%s | ", route->severity, route->page ? ", pages" : "");
        put_text(route->cause);
        printf(" | ");
        put_text(route->first_action);
        printf(" | ");
        print_list(route->triage, route->triage_count, "nothing");
        printf(" | ");
        print_list(route->recovered, route->recovered_count, "nothing");
        printf(" | ");
        print_list(route->buttons, route->buttons_count, "nothing");
        printf(" |\n");
    }
}

static void print_schedules(const struct fx_system *system) {
    if (system->schedules_count == 0)
        return;
    printf("\n## Schedules\n\n| when | runs | posts |\n|---|---|---|\n");
    for (size_t i = 0; i < system->schedules_count; i++)
        printf("| %s | `%s` | %s |\n", system->schedules[i].rhythm, system->schedules[i].command,
               system->schedules[i].always ? "always" : "what has changed");
}

static void print_system(struct fx_scope *sc, const struct fx_engine_system *system) {
    const struct fx_runbook **list = sorted(sc, system->system);

    printf("# %s\n\n## Commands\n", system->system->title);
    for (size_t i = 0; i < system->system->runbooks_count; i++)
        print_command(sc, system, list[i]);
    print_routes(system->system);
    print_schedules(system->system);
}

int app_commands(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc, .secrets_may_lack = true};
    struct fx_runbooks *runbooks = NULL;
    struct app_config *config = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_config_load(sc, arguments->config, &config, &findings, &err);

    if (code == FX_OK)
        code = app_runbooks_load(config, &runbooks, &findings, &err);
    app_print_findings(&findings);
    if (code != FX_OK) {
        if (findings.count == 0)
            fprintf(stderr, "%s\n", err.message);
        return EXIT_FINDINGS;
    }
    for (size_t i = 0; i < config->systems_count; i++) {
        printf("%s", i == 0 ? "" : "\n");
        print_system(sc, &config->systems[i]);
    }
    fx_runbooks_close(runbooks);
    return EXIT_GOOD;
}
