/* cli.c - the command line. */
#include "private.h"

#include <stdio.h>
#include <string.h>

static int print_version(const struct app_arguments *arguments) {
    (void)arguments;
    printf("fluxabot %s\n", FLUXABOT_VERSION);
    return EXIT_GOOD;
}

static int print_config_help(const struct app_arguments *arguments) {
    (void)arguments;
    app_print_keys();
    return EXIT_GOOD;
}

static int print_help(const struct app_arguments *arguments);

static const struct {
    const char *first, *second; /* second NULL: one word */
    bool needs_config;
    int (*run)(const struct app_arguments *arguments);
    const char *help;
} commands[] = {
    {"serve", NULL, true, app_serve, "run the bot [--role receiver|worker|both] [--verbose]"},
    {"check", NULL, true, app_check, "print every mistake of configuration and runbooks"},
    {"doctor", NULL, true, app_doctor,
     "look at everything that the bot needs, and say what is wrong and what to do [--json]"},
    {"run", NULL, true, app_run,
     "answer a command that only reads: SYSTEM COMMAND [ARG...] [--env NAME] [--json]"},
    {"plan", NULL, true, app_plan,
     "show the calls that a command would make, and make none: SYSTEM COMMAND [ARG...]"},
    {"test", NULL, true, app_test,
     "play the runbooks' cases again [--record CASE --run ID: make one of a run]"},
    {"commands", NULL, true, app_commands,
     "print the manual of all systems' commands, as Markdown"},
    {"iam", NULL, true, app_iam,
     "print the AWS policy that the bot needs, and no more [--env NAME: that its role needs]"},
    {"audit", "verify", true, app_audit_verify,
     "check the audit log and its anchors [--anchors FILE] [--public-key FILE] [--head HASH]"},
    {"audit", "show", true, app_audit_show,
     "print its rows [--incident ID] [--run ID] [--person U...] [--action PREFIX] [--since WHEN] "
     "[--until WHEN] [--limit N] [--json]"},
    {"audit", "key", true, app_audit_key_show, "print the public key that checks anchors"},
    {"audit", "accept", true, app_audit_accept,
     "go on with a log that its anchors do not fit --reason TEXT"},
    {"freeze", NULL, true, app_freeze, "let no change begin, on every replica [--reason TEXT]"},
    {"unfreeze", NULL, true, app_unfreeze, "end that; an admin does it in Slack"},
    {"status", NULL, true, app_status, "say whether changes are frozen, and what waits"},
    {"jobs", "list", true, app_jobs_list, "print the jobs that were given up"},
    {"jobs", "retry", true, app_jobs_retry, "have one of them tried again --job NUMBER"},
    {"version", NULL, false, print_version, "print the version"},
    {"help", "config", false, print_config_help, "list the keys of the configuration file"},
    {"help", NULL, false, print_help, "print this"},
};

static int print_help(const struct app_arguments *arguments) {
    (void)arguments;
    printf("fluxabot COMMAND --config FILE\n\n");
    for (size_t i = 0; i < FX_COUNT_OF(commands); i++)
        printf("  %s%s%-*s %s\n", commands[i].first, commands[i].second == NULL ? "" : " ",
               (int)((commands[i].second == NULL ? 14 : 13) - strlen(commands[i].first)),
               commands[i].second == NULL ? "" : commands[i].second, commands[i].help);
    printf("\nExit codes: 0 good, 1 findings or failure, 2 wrong use.\n");
    return EXIT_GOOD;
}

static int wrong_use(const char *what, const char *word) {
    fprintf(stderr, "%s %s; `fluxabot help` lists the commands\n", what, word);
    return EXIT_USE;
}

/* NULL, or the word that is not understood. */
static const char *parse_options(int argc, char **argv, int from, struct app_arguments *ret) {
    for (int i = from; i < argc; i++) {
        struct {
            const char *name, **value;
        } options[] = {{"--config", &ret->config},
                       {"--role", &ret->role},
                       {"--head", &ret->head},
                       {"--anchors", &ret->anchors},
                       {"--public-key", &ret->public_key},
                       {"--reason", &ret->reason},
                       {"--incident", &ret->incident},
                       {"--run", &ret->run},
                       {"--person", &ret->person},
                       {"--action", &ret->action},
                       {"--since", &ret->since},
                       {"--until", &ret->until},
                       {"--limit", &ret->limit},
                       {"--env", &ret->environment},
                       {"--record", &ret->record},
                       {"--job", &ret->job}};
        bool verbose = strcmp(argv[i], "--verbose") == 0, json = strcmp(argv[i], "--json") == 0;
        bool known = verbose || json;

        ret->verbose |= verbose;
        ret->json |= json;
        for (size_t k = 0; k < FX_COUNT_OF(options) && !known; k++)
            if (strcmp(argv[i], options[k].name) == 0 && i + 1 < argc) {
                *options[k].value = argv[++i];
                known = true;
            }
        if (!known && argv[i][0] != '-' && ret->words != NULL) {
            ret->words[ret->words_count++] = argv[i];
            known = true;
        }
        if (!known)
            return argv[i];
    }
    return NULL;
}

/* A mistyped one would run more than was meant. */
static bool is_role(const char *word) {
    static const char *const roles[] = {"receiver", "worker", "both"};

    for (size_t i = 0; i < FX_COUNT_OF(roles); i++)
        if (strcmp(word, roles[i]) == 0)
            return true;
    return false;
}

int fx_app_main(int argc, char **argv) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_arguments arguments = {.role = "both"};
    const char *first = argc > 1 ? argv[1] : "help";
    const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;

    for (size_t i = 0; i < FX_COUNT_OF(commands); i++) {
        bool two = commands[i].second != NULL;

        if (strcmp(commands[i].first, first) != 0 ||
            (two && (second == NULL || strcmp(commands[i].second, second) != 0)))
            continue;
        if (commands[i].run == app_run || commands[i].run == app_plan)
            arguments.words = fx_alloc(sc, (size_t)argc * sizeof *arguments.words);
        const char *unknown = parse_options(argc, argv, two ? 3 : 2, &arguments);

        if (unknown != NULL)
            return wrong_use("unknown or incomplete option", unknown);
        if (!is_role(arguments.role))
            return wrong_use("--role is receiver, worker or both, and not", arguments.role);
        if (commands[i].needs_config && arguments.config == NULL)
            return wrong_use("--config FILE is missing for", first);
        return commands[i].run(&arguments);
    }
    return wrong_use("unknown command", first);
}
