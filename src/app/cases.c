/* cases.c - `fluxabot test`: the cases beside the runbooks, played again.
 *
 * commands/<system>/tests/<case>/case.json holds what a run was asked and what its steps found,
 * card.json what it said. Nothing is called: a runbook that was edited says the same, or the
 * difference is shown. Of a change the plan is shown that a person approved then; it is approved
 * once more here and nowhere else, and what the runbook asks for now must be what was approved.
 */
#include "private.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES_MAX = 500, CASES_MAX_SHOWN = 3, CASES_MAX_BYTES = 2 << 20 };

/* The moment of the run that was recorded. */
struct held_clock {
    struct fx_clock clock;
    int64_t now_ms;
};

static int64_t held_ms(struct fx_clock *clock) {
    return FX_CONTAINER_OF(clock, struct held_clock, clock)->now_ms;
}

static enum fx_code replay(struct fx_scope *sc, const struct fx_engine_system *system,
                           const struct fx_json *given, struct fx_json **ret_card,
                           struct fx_error *err) {
    const char *command = fx_json_get_text(given, "command");
    const struct fx_json *failed = fx_json_at(given, "failed");
    struct held_clock clock = {.clock = {.wall_ms = held_ms, .mono_ms = held_ms},
                               .now_ms = fx_json_get_int(given, "now", 0)};
    const struct fx_environment environment = {.name = fx_json_get_text(given, "environment"),
                                               .variables = fx_json_at(given, "variables")};
    const struct fx_runbook *runbook =
        command == NULL ? NULL : fx_system_find(system->system, command);
    const struct fx_json *changes = fx_json_at(given, "changes");
    struct fx_json *plan = NULL, *asked = fx_json_object(sc);
    struct fx_error why = {0};

    if (runbook == NULL || environment.name == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the command %s does not exist (any more)",
                       command == NULL ? "" : command);
    enum fx_code code =
        fx_engine_try(&(struct fx_engine_options){.clock = &clock.clock}, sc,
                      &(struct fx_engine_trial){.system = system,
                                                .environment = &environment,
                                                .runbook = runbook,
                                                .arguments = fx_json_at(given, "arguments"),
                                                .who = "",
                                                .recorded = fx_json_at(given, "steps"),
                                                .failed_step = fx_json_get_text(failed, "step"),
                                                .failure = fx_json_get_text(failed, "message"),
                                                .asked = asked},
                      ret_card, &plan, &why);

    if (code != FX_OK && failed == NULL) {
        *err = why;
        return code;
    }
    if (code != FX_OK)
        *ret_card = fx_json_object_of(sc, "failed", fx_json_string(sc, why.message), NULL);
    return app_case_compare(sc, changes, asked, err);
}

static enum fx_code read_json(struct fx_scope *sc, const char *path, struct fx_json **ret_json,
                              struct fx_error *err) {
    const char *text = app_read_text(sc, path, CASES_MAX_BYTES, err);

    if (text == NULL)
        return err->code;
    if (fx_json_parse(sc, fx_slice_of(text), ret_json, err) != FX_OK)
        return fx_fail_in(err, "%s", path);
    return FX_OK;
}

/* ---- what is different ---- */

static bool next_line(struct fx_slice *rest, struct fx_slice *ret_line) {
    if (rest->len == 0)
        return false;
    fx_slice_split(*rest, '\n', ret_line, rest);
    return true;
}

static void print_difference(struct fx_scope *sc, const struct fx_json *expected,
                             const struct fx_json *got) {
    struct fx_slice left = fx_slice_of(fx_json_dump_pretty(sc, expected)), a = {"", 0};
    struct fx_slice right = fx_slice_of(fx_json_dump_pretty(sc, got)), b = {"", 0};
    int shown = 0;

    for (bool more = true; more && shown < CASES_MAX_SHOWN;) {
        bool has_a = next_line(&left, &a), has_b = next_line(&right, &b);

        more = has_a || has_b;
        if (!more || (has_a && has_b && fx_slice_equal(a, b)))
            continue;
        shown++;
        printf("    card.json: %.*s\n    now:       %.*s\n", has_a ? (int)a.len : 0, a.ptr,
               has_b ? (int)b.len : 0, b.ptr);
    }
}

/* A member for each command that has a case: whether one shows it carried out. */
static void note_tested(struct fx_scope *sc, const struct fx_json *given, struct fx_json *tested) {
    const char *command = fx_json_get_text(given, "command");

    if (command != NULL && !fx_json_get_bool(tested, command, false))
        fx_json_put(tested, command, fx_json_bool(sc, app_case_was_carried_out(given)));
}

static bool play(struct fx_scope *sc, const struct fx_engine_system *system, const char *name,
                 struct fx_json *tested) {
    const char *folder = fx_printf(sc, "%s/tests/%s", system->system->path, name);
    struct fx_json *given = NULL, *expected = NULL, *got = NULL;
    struct fx_error err = {0};
    enum fx_code code = read_json(sc, fx_printf(sc, "%s/case.json", folder), &given, &err);

    if (code == FX_OK)
        code = read_json(sc, fx_printf(sc, "%s/card.json", folder), &expected, &err);
    if (code == FX_OK)
        note_tested(sc, given, tested);
    if (code == FX_OK)
        code = replay(sc, system, given, &got, &err);
    bool same = code == FX_OK && fx_json_equal(expected, got);

    printf("%s %s/%s%s%s\n", same ? "ok    " : "FAILED", system->system->name, name,
           code == FX_OK ? "" : ": ", code == FX_OK ? "" : err.message);
    if (same)
        app_case_print(fx_json_at(given, "changes"));
    if (code == FX_OK && !same)
        print_difference(sc, expected, got);
    return same;
}

/* ---- the folders ---- */

static int by_name(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static size_t list_cases(struct fx_scope *sc, const struct fx_engine_system *system,
                         const char **names) {
    DIR *dir = opendir(fx_printf(sc, "%s/tests", system->system->path));
    size_t count = 0;

    if (dir == NULL)
        return 0;
    for (struct dirent *entry = readdir(dir); entry != NULL && count < CASES_MAX;
         entry = readdir(dir))
        if (entry->d_name[0] != '.')
            names[count++] = fx_strdup(sc, entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

enum tested { TESTED_NOT, TESTED_REFUSED, TESTED };

static enum tested how_tested(const struct fx_json *tested, const char *command) {
    if (fx_json_at(tested, command) == NULL)
        return TESTED_NOT;
    return fx_json_get_bool(tested, command, false) ? TESTED : TESTED_REFUSED;
}

static void print_commands(const struct fx_system *system, const struct fx_json *tested,
                           enum tested which, const char *what) {
    size_t count = 0;

    for (size_t i = 0; i < system->runbooks_count; i++)
        if (how_tested(tested, system->runbooks[i].command) == which)
            printf("%s%s", count++ == 0 ? what : ", ", system->runbooks[i].command);
    if (count > 0)
        putchar('\n');
}

static int play_all(struct fx_scope *sc, const struct app_config *config) {
    const char **names = fx_alloc(sc, CASES_MAX * sizeof *names);
    size_t good = 0, all = 0;

    for (size_t i = 0; i < config->systems_count; i++) {
        const struct fx_engine_system *system = &config->systems[i];
        size_t count = list_cases(sc, system, names);
        struct fx_json *tested = fx_json_object(sc);

        for (size_t k = 0; k < count; k++)
            good += play(sc, system, names[k], tested);
        all += count;
        print_commands(system->system, tested, TESTED_NOT, "no case yet: ");
        print_commands(system->system, tested, TESTED_REFUSED,
                       "no case yet that shows it carried out: ");
    }
    printf("%zu of %zu cases say what they said\n", good, all);
    return good == all ? EXIT_GOOD : EXIT_FINDINGS;
}

/* ---- recording ---- */

static bool is_case_name(const char *name) {
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static int record(struct fx_scope *sc, const struct app_arguments *arguments,
                  const struct app_log *log) {
    const struct fx_engine_system *system = NULL;
    struct fx_json *given = NULL, *card = NULL;
    struct fx_error err = {0};
    enum fx_code code = app_case_of_run(sc, log, arguments->run, &system, &given, &err);

    if (code == FX_OK)
        code = replay(sc, system, given, &card, &err);
    if (code == FX_OK)
        code = app_case_write(sc, system->system->path, arguments->record, given, card, &err);
    if (code != FX_OK) {
        fprintf(stderr, "nothing was recorded: %s\n", err.message);
        return EXIT_FINDINGS;
    }
    printf("recorded %s/tests/%s; read card.json, it is what the case will demand\n",
           system->system->path, arguments->record);
    return EXIT_GOOD;
}

int app_test(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct app_findings findings = {.sc = sc, .secrets_may_lack = arguments->record == NULL};
    struct fx_runbooks *runbooks = NULL;
    struct app_log log = {.sc = sc};
    struct fx_error err = {0};
    int exit_code = EXIT_FINDINGS;

    if (arguments->record != NULL && (arguments->run == NULL || !is_case_name(arguments->record))) {
        fprintf(stderr, "--record CASE --run ID: a name of a-z, 0-9 and -, and the run as its card "
                        "names it\n");
        return EXIT_USE;
    }
    if (arguments->record != NULL && !app_log_open(sc, arguments->config, &log))
        return EXIT_FINDINGS;
    enum fx_code code = arguments->record != NULL
                            ? FX_OK
                            : app_config_load(sc, arguments->config, &log.config, &findings, &err);

    if (code == FX_OK)
        code = app_runbooks_load(log.config, &runbooks, &findings, &err);
    app_print_findings(&findings);
    if (code != FX_OK && findings.count == 0)
        fprintf(stderr, "%s\n", err.message);
    if (code == FX_OK)
        exit_code =
            arguments->record != NULL ? record(sc, arguments, &log) : play_all(sc, log.config);
    fx_runbooks_close(runbooks);
    return exit_code;
}
