/* run.c - `fluxabot run` and `fluxabot plan`: a command from the terminal. The one only reads, the
 * other shows the exact calls that a change would make, and makes none of them. */
#include "private.h"

#include <stdio.h>
#include <string.h>

struct asked {
    const struct fx_engine_system *system;
    const struct fx_environment *environment;
    const struct fx_runbook *runbook;
    struct fx_json *arguments;
};

static const struct fx_environment *find_environment(const struct fx_engine_system *system,
                                                     const char *name) {
    for (size_t i = 0; i < system->environments_count; i++)
        if (strcmp(system->environments[i].name, name) == 0)
            return &system->environments[i];
    return NULL;
}

const struct fx_engine_system *app_find_system(const struct app_config *config, const char *name) {
    for (size_t i = 0; i < config->systems_count; i++)
        if (strcmp(config->systems[i].system->name, name) == 0)
            return &config->systems[i];
    return NULL;
}

static enum fx_code understand(struct fx_scope *sc, const struct app_config *config,
                               const struct app_arguments *arguments, struct asked *ret_asked,
                               struct fx_error *err) {
    const char *line = "", *name = arguments->environment;
    struct fx_slice rest;

    if (arguments->words_count < 2)
        return fx_fail(err, FX_ERR_INPUT, "give a system and a command, such as fluxa dlq");
    ret_asked->system = app_find_system(config, arguments->words[0]);
    if (ret_asked->system == NULL)
        return fx_fail(err, FX_ERR_INPUT, "there is no system %s in the configuration",
                       arguments->words[0]);
    for (size_t i = 1; i < arguments->words_count; i++)
        line = fx_printf(sc, "%s%s%s", line, i == 1 ? "" : " ", arguments->words[i]);
    fx_system_match(ret_asked->system->system, fx_slice_of(line), &ret_asked->runbook, &rest);
    if (ret_asked->runbook == NULL || (ret_asked->runbook->arguments_count == 0 && rest.len > 0))
        return fx_fail(err, FX_ERR_INPUT, "%s has no command %s; fluxabot commands lists them",
                       arguments->words[0], line);
    name = name == NULL ? ret_asked->system->default_environment : name;
    ret_asked->environment = find_environment(ret_asked->system, name);
    if (ret_asked->environment == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s has no environment %s", arguments->words[0], name);
    return fx_runbook_arguments(sc, ret_asked->runbook, rest, &ret_asked->arguments, err);
}

static void print_plan(const struct fx_json *plan) {
    const struct fx_json *facts = fx_json_at(plan, "facts"), *calls = fx_json_at(plan, "calls");
    const char *summary = fx_json_get_text(plan, "summary");

    printf("Plan: %s\n", fx_json_get_text(plan, "title"));
    if (summary != NULL)
        printf("%s\n", summary);
    for (size_t i = 0; i < fx_json_count(facts); i++) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
        const struct fx_json *fact = fx_json_item(facts, i), *value = fx_json_at(fact, "value");

        printf("%s: %s\n", fx_json_get_text(fact, "name"),
               fx_json_text(value) != NULL ? fx_json_text(value) : fx_json_dump(sc, value));
    }
    for (size_t i = 0; i < fx_json_count(calls); i++) {
        const struct fx_json *call = fx_json_item(calls, i);
        const char *resource = fx_json_get_text(call, "resource");

        printf("%lld x %s on %s\n", (long long)fx_json_get_int(call, "count", 1),
               fx_json_get_text(call, "operation"), resource == NULL ? "nothing named" : resource);
    }
    printf("Nothing of it was done; it is asked for and approved in Slack.\n");
}

static enum fx_code try_it(struct fx_scope *sc, const struct app_log *log,
                           const struct app_arguments *arguments, bool plan,
                           struct fx_json **ret_card, struct fx_json **ret_plan,
                           struct fx_error *err) {
    const struct fx_policy policy = app_policy(log->config);
    struct fx_engine_options options = {.store = log->store,
                                        .clock = fx_clock_system(),
                                        .random = fx_random_system(),
                                        .aws_of = app_aws_of,
                                        .policy = &policy,
                                        .systems = log->config->systems,
                                        .systems_count = log->config->systems_count,
                                        .together = FX_ENGINE_MAX_TOGETHER};
    struct asked asked = {0};

    FX_TRY(understand(sc, log->config, arguments, &asked, err));
    FX_TRY(app_open_aws(sc, log->config, &options.http, &options.aws, err));
    return fx_engine_try(&options, sc,
                         &(struct fx_engine_trial){.system = asked.system,
                                                   .environment = asked.environment,
                                                   .runbook = asked.runbook,
                                                   .arguments = asked.arguments,
                                                   .who = app_operator_name(sc),
                                                   .plan = plan},
                         ret_card, ret_plan, err);
}

static int run(const struct app_arguments *arguments, bool plan) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc};
    struct fx_json *card = NULL, *calls = NULL;
    struct fx_runbooks *runbooks = NULL;
    struct fx_error err = {0};
    struct app_log log;

    if (!app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    enum fx_code code = app_runbooks_load(log.config, &runbooks, &findings, &err);

    app_print_findings(&findings);
    if (code == FX_OK)
        code = try_it(sc, &log, arguments, plan, &card, &calls, &err);
    if (code != FX_OK && findings.count == 0)
        fprintf(stderr, "%s; nothing was changed\n", err.message);
    if (code == FX_OK && arguments->json)
        puts(fx_json_dump_pretty(sc, calls != NULL ? calls : card));
    else if (code == FX_OK && calls != NULL)
        print_plan(calls);
    else if (code == FX_OK)
        app_print_card(card);
    fx_runbooks_close(runbooks);
    return code == FX_OK ? EXIT_GOOD : code == FX_ERR_INPUT ? EXIT_USE : EXIT_FINDINGS;
}

int app_run(const struct app_arguments *arguments) {
    return run(arguments, false);
}

int app_plan(const struct app_arguments *arguments) {
    return run(arguments, true);
}
