/* open.c - the folders of all systems: read, checked, and kept as one set that never changes. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* "file:7: reason" of the YAML reader becomes a finding. */
static void say_reader(struct runbook_check *c, const char *path, const char *message) {
    size_t len = strlen(path);
    char *end = NULL;
    long line = 1;

    if (strncmp(message, path, len) == 0 && message[len] == ':') {
        line = strtol(message + len + 1, &end, 10);
        if (end != message + len + 1 && strncmp(end, ": ", 2) == 0)
            message = end + 2;
    }
    runbook_say_at(c, path, line > 0 ? (int)line : 1, message);
}

static struct fx_yaml *read_yaml(struct runbook_check *c, const char *path) {
    struct fx_yaml *yaml = NULL;
    struct fx_error err = {0};

    if (fx_yaml_load(c->scratch, path, &yaml, &err) == FX_OK)
        return yaml;
    say_reader(c, path, err.message);
    return NULL;
}

/* ---- the folder ---- */

static int by_name(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void dir_close(DIR **dir) {
    if (*dir != NULL)
        closedir(*dir);
}

/* The names of the YAML files, sorted, so that findings and help do not depend on the disk. */
static const char **list_files(struct runbook_check *c, size_t *ret_count) {
    const char **names = fx_alloc(c->scratch, RUNBOOK_MAX_FILES * sizeof *names);
    const char *path = c->source->path;
    FX_CLEANUP(dir_close) DIR *dir = opendir(path);
    size_t count = 0;

    *ret_count = 0;
    if (dir == NULL) {
        runbook_say_at(c, path, 1, fx_printf(c->scratch, "the folder cannot be read: %m"));
        return names;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct fx_slice name = fx_slice_of(entry->d_name);

        if (name.ptr[0] == '.')
            continue;
        if (fx_slice_ends_with(name, FX_SLICE(".yml")))
            runbook_say_at(c, fx_printf(c->scratch, "%s/%s", path, name.ptr), 1,
                           "a runbook's file ends in .yaml; rename it");
        if (!fx_slice_ends_with(name, FX_SLICE(".yaml")))
            continue;
        if (count == RUNBOOK_MAX_FILES) {
            runbook_say_at(
                c, path, 1,
                fx_printf(c->scratch, "the folder holds more than %d files", RUNBOOK_MAX_FILES));
            break;
        }
        names[count++] = fx_strdup(c->scratch, name.ptr);
    }
    if (count > 1)
        qsort(names, count, sizeof names[0], by_name);
    *ret_count = count;
    return names;
}

static void find_files(struct runbook_check *c) {
    size_t count = 0;
    const char **names = list_files(c, &count);
    bool has_system = false;

    c->files = fx_alloc(c->scratch, (count + 1) * sizeof *c->files);
    c->runbooks = fx_alloc(c->scratch, (count + 1) * sizeof *c->runbooks);
    for (size_t i = 0; i < count; i++) {
        char *path = fx_printf(c->scratch, "%s/%s", c->source->path, names[i]);

        if (strcmp(names[i], "system.yaml") == 0) {
            has_system = true;
            c->system_yaml = read_yaml(c, path);
            continue;
        }
        struct runbook_file *file = &c->files[c->files_count++];
        struct fx_slice stem = fx_slice_of(names[i]);

        file->path = path;
        file->name = fx_slice_dup(c->scratch, fx_slice_cut(stem, 0, stem.len - strlen(".yaml")));
        file->used_arguments = fx_json_object(c->scratch);
    }
    if (!has_system)
        runbook_say_at(c, fx_printf(c->scratch, "%s/system.yaml", c->source->path), 1,
                       "the file is missing; every system is described by its system.yaml");
    c->definition =
        c->system_yaml == NULL ? fx_json_object(c->scratch) : fx_yaml_root(c->system_yaml);
}

static void read_file(struct runbook_check *c, size_t index) {
    c->files[index].yaml = read_yaml(c, c->files[index].path);
}

/* ---- one system ---- */

/* What a plan is bound to: the command's file, and the system's as its own digest. */
static char *digest_of(struct runbook_check *c, const struct fx_yaml *command) {
    struct fx_sha256_sum *sum = fx_sha256_begin(c->scratch);
    uint8_t digest[FX_SHA256_BYTES];

    fx_sha256_add(sum, fx_yaml_bytes(command));
    fx_sha256_add(sum, fx_slice_of(c->system_digest));
    fx_sha256_end(sum, digest);
    return fx_hex(c->scratch, digest, sizeof digest);
}

/* Which names the file's expressions use is counted from here. */
static void turn_to(struct runbook_check *c, const struct runbook_file *file) {
    const struct fx_json *arguments = fx_json_at(fx_yaml_root(file->yaml), "arguments");

    c->yaml = file->yaml;
    c->arguments =
        fx_json_type(arguments) == FX_JSON_OBJECT ? arguments : fx_json_object(c->scratch);
    c->used_arguments = file->used_arguments;
    c->all_arguments_used = file->all_arguments_used;
}

static void check_head(struct runbook_check *c, size_t index) {
    if (c->files[index].yaml != NULL)
        runbook_check_head(c, index);
}

static void check_steps(struct runbook_check *c, size_t index) {
    struct runbook_file *file = &c->files[index];

    if (file->yaml == NULL)
        return;
    c->runbooks[index].digest = digest_of(c, file->yaml);
    turn_to(c, file);
    runbook_check_steps(c, &c->runbooks[index], fx_json_at(fx_yaml_root(file->yaml), "steps"));
    file->all_arguments_used = c->all_arguments_used;
}

static void check_answer(struct runbook_check *c, size_t index) {
    struct runbook_file *file = &c->files[index];

    if (file->yaml == NULL)
        return;
    turn_to(c, file);
    runbook_check_answer(c, &c->runbooks[index], fx_json_at(fx_yaml_root(file->yaml), "answer"));
    file->all_arguments_used = c->all_arguments_used;
}

static void check_follow_ups(struct runbook_check *c, size_t index) {
    struct runbook_file *file = &c->files[index];

    if (file->yaml == NULL)
        return;
    turn_to(c, file);
    runbook_check_follow_ups(c, &c->runbooks[index],
                             fx_json_at(fx_yaml_root(file->yaml), "follow_ups"));
    if (!c->all_arguments_used)
        runbook_say_unused_arguments(c);
}

/* Answers name other commands, alarms name answers, and a follow-up depends on whom the other
 * command answers, so each stage needs the one before it. */
static void check_commands(struct runbook_check *c) {
    runbook_each_file(c, check_head);
    for (size_t i = 0; i < c->files_count; i++)
        runbook_check_command(c, i);
    runbook_each_file(c, check_steps);
    if (c->system_yaml != NULL)
        runbook_check_alarms(c, fx_json_at(c->definition, "alarms"));
    runbook_each_file(c, check_answer);
    runbook_check_calls(c);
    for (size_t i = 0; i < c->files_count; i++)
        check_follow_ups(c, i);
    if (c->system_yaml != NULL) {
        runbook_check_schedules(c, fx_json_at(c->definition, "schedules"));
        runbook_check_proposals(c, fx_json_at(c->definition, "proposals"));
    }
}

static bool has_broken_file(const struct runbook_check *c) {
    for (size_t i = 0; i < c->files_count; i++)
        if (c->files[i].yaml == NULL)
            return true;
    return false;
}

/* The system as it is while its scratch lives. */
static struct fx_system load_system(struct runbook_check *c) {
    c->used_variables = fx_json_object(c->scratch);
    c->crew = runbook_crew_new(c);
    find_files(c);
    c->system_digest =
        fx_sha256_hex(c->scratch, c->system_yaml == NULL ? (struct fx_slice){"", 0}
                                                         : fx_yaml_bytes(c->system_yaml));
    runbook_each_file(c, read_file);
    if (c->system_yaml != NULL)
        runbook_check_system(c);
    check_commands(c);
    if (c->system_yaml != NULL && !has_broken_file(c)) {
        c->yaml = c->system_yaml;
        runbook_say_unused_variables(c);
    }
    return (struct fx_system){
        .name = c->source->name,
        .title = fx_json_get_text(c->definition, "title"),
        .path = c->source->path,
        .definition = c->definition,
        .runbooks = c->runbooks,
        .runbooks_count = c->files_count,
        .routes = c->routes,
        .routes_count = c->routes_count,
        .schedules = c->schedules,
        .schedules_count = c->schedules_count,
        .proposals = c->proposals,
        .proposals_count = c->proposals_count,
    };
}

/* ---- all systems ---- */

/* What is found is copied to sc, what stays to the runbooks'. Returns how many findings there are.
 */
static size_t open_system(struct fx_scope *sc, struct runbook_check *c,
                          struct fx_runbooks *runbooks, size_t index) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *scratch = fx_scope_new(sc);
    size_t before = c->findings_count;

    c->scratch = scratch;
    c->checker = fx_expr_checker_new(scratch);
    struct fx_system system = load_system(c);

    for (size_t i = before; i < c->findings_count; i++) {
        c->findings[i].file = fx_strdup(sc, c->findings[i].file);
        c->findings[i].message = fx_strdup(sc, c->findings[i].message);
    }
    runbooks->systems[index] = runbook_keep(runbooks->sc, &system);
    return c->findings_count;
}

static void close_p(struct fx_runbooks **runbooks) {
    fx_runbooks_close(*runbooks);
}

enum fx_code fx_runbooks_open(struct fx_scope *sc, const struct fx_runbook_source *sources,
                              size_t sources_count, const struct fx_step_kind *const *kinds,
                              size_t kinds_count, struct fx_runbooks **ret_runbooks,
                              struct fx_finding **ret_findings, size_t *ret_findings_count,
                              struct fx_error *err) {
    struct fx_scope *kept = fx_scope_new(NULL);
    FX_CLEANUP(close_p) struct fx_runbooks *runbooks = FX_NEW(kept, struct fx_runbooks);
    struct fx_finding *findings = fx_alloc(sc, RUNBOOK_MAX_FINDINGS * sizeof *findings);
    size_t count = 0;

    *ret_runbooks = NULL;
    runbooks->sc = kept;
    runbooks->systems = fx_alloc(kept, (sources_count + 1) * sizeof *runbooks->systems);
    runbooks->systems_count = sources_count;
    for (size_t i = 0; i < sources_count; i++)
        count = open_system(sc,
                            &(struct runbook_check){.kinds = kinds,
                                                    .kinds_count = kinds_count,
                                                    .findings = findings,
                                                    .findings_count = count,
                                                    .source = &sources[i]},
                            runbooks, i);
    runbook_sort_findings(findings, count);
    *ret_findings = findings;
    *ret_findings_count = count;
    if (count > 0)
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: %s%s", (*ret_findings)[0].file,
                       (*ret_findings)[0].line, (*ret_findings)[0].message,
                       count == 1 ? "" : " (and more)");
    *ret_runbooks = FX_TAKE(runbooks);
    return FX_OK;
}

void fx_runbooks_close(struct fx_runbooks *runbooks) {
    if (runbooks != NULL)
        fx_scope_free(runbooks->sc);
}

size_t fx_runbooks_count(const struct fx_runbooks *runbooks) {
    return runbooks->systems_count;
}

const struct fx_system *fx_runbooks_at(const struct fx_runbooks *runbooks, size_t index) {
    return index < runbooks->systems_count ? &runbooks->systems[index] : NULL;
}

const struct fx_system *fx_runbooks_find(const struct fx_runbooks *runbooks, const char *name) {
    for (size_t i = 0; i < runbooks->systems_count; i++)
        if (strcmp(runbooks->systems[i].name, name) == 0)
            return &runbooks->systems[i];
    return NULL;
}
