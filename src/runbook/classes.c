/* classes.c - why messages fail: the classes of system.yaml, and when they may be tried again. */
#include "private.h"

#include <ctype.h>
#include <string.h>

static const char *const checks[] = {"payload_sha256", "json", "json_schema"};
static const char *const retries[] = {"never", "yes", "after", "hold", "no need"};

enum { MAX_RATE = 500 }; /* SQS: StartMessageMoveTask */

/* "Hash_Mismatch" and "hashmismatch" are one code: producers spell them both ways. */
static const char *normalised(struct runbook_check *c, const char *code) {
    char *text = fx_strdup(c->scratch, code);
    size_t len = 0;

    for (const char *p = code; *p != '\0'; p++)
        if (isalnum((unsigned char)*p))
            text[len++] = (char)tolower((unsigned char)*p);
    text[len] = '\0';
    return text;
}

static void check_codes(struct runbook_check *c, const char *path, const char *name,
                        const struct fx_json *codes, struct fx_json *owners) {
    for (size_t i = 0; i < fx_json_count(codes); i++) {
        const char *code = fx_json_text(fx_json_item(codes, i));
        const char *here = runbook_path_item(c, path, i);

        if (code == NULL)
            continue;
        const char *plain = normalised(c, code);
        const char *owner = fx_json_get_text(owners, plain);
        if (plain[0] == '\0')
            runbook_say(c, here, "a code needs a letter or a digit");
        else if (owner != NULL && strcmp(owner, name) != 0)
            runbook_say(c, here, "the code %s belongs to the class %s already",
                        runbook_shown(c->scratch, fx_slice_of(code)), owner);
        else
            fx_json_put(owners, plain, fx_json_string(c->scratch, name));
    }
}

static void check_patterns(struct runbook_check *c, const char *path,
                           const struct fx_json *patterns) {
    for (size_t i = 0; i < fx_json_count(patterns); i++) {
        const char *pattern = fx_json_text(fx_json_item(patterns, i));
        const char *problem = pattern == NULL ? NULL : runbook_pattern_problem(c->scratch, pattern);

        if (problem != NULL)
            runbook_say(c, runbook_path_item(c, path, i), "the pattern cannot be used: %s",
                        problem);
    }
}

/* What must be well before a message of the class is tried again. */
static void check_gate(struct runbook_check *c, const char *path, const struct fx_json *gate) {
    static const struct runbook_field fields[] = {
        {"database", RUNBOOK_TEXT, false},
        {"instance", RUNBOOK_TEXT, false},
    };
    if (fx_json_type(gate) != FX_JSON_OBJECT ||
        !runbook_check_fields(c, path, gate, "a gate", fields, FX_COUNT_OF(fields)))
        return;
    if (fx_json_count(gate) == 0)
        runbook_say(c, path, "a gate asks a database or an instance");
    runbook_check_database(c, runbook_path(c, path, "database"),
                           fx_json_get_text(gate, "database"));
}

static void check_class(struct runbook_check *c, const char *path, const struct fx_json *json,
                        struct fx_json *owners) {
    static const struct runbook_field fields[] = {
        {"class", RUNBOOK_TEXT, true},   {"priority", RUNBOOK_INT, true},
        {"codes", RUNBOOK_TEXTS, false}, {"match", RUNBOOK_TEXTS, false},
        {"check", RUNBOOK_TEXT, false},  {"retry", RUNBOOK_TEXT, true},
        {"gate", RUNBOOK_MAP, false},    {"rate", RUNBOOK_INT, false},
        {"owner", RUNBOOK_TEXT, false},  {"action", RUNBOOK_TEXT, false},
    };
    const char *name = fx_json_get_text(json, "class");
    const char *retry = fx_json_get_text(json, "retry");
    int64_t rate = fx_json_get_int(json, "rate", 1);

    if (!runbook_check_fields(c, path, json, "a class", fields, FX_COUNT_OF(fields)))
        return;
    check_codes(c, runbook_path(c, path, "codes"), name == NULL ? "" : name,
                fx_json_at(json, "codes"), owners);
    check_gate(c, runbook_path(c, path, "gate"), fx_json_at(json, "gate"));
    check_patterns(c, runbook_path(c, path, "match"), fx_json_at(json, "match"));
    runbook_check_word(c, runbook_path(c, path, "check"), fx_json_get_text(json, "check"), checks,
                       FX_COUNT_OF(checks));
    runbook_check_word(c, runbook_path(c, path, "retry"), retry, retries, FX_COUNT_OF(retries));
    if (retry != NULL && fx_expr_is_template(retry))
        runbook_say(c, runbook_path(c, path, "retry"), "write out whether it may be tried again");
    if (rate < 1 || rate > MAX_RATE)
        runbook_say(c, runbook_path(c, path, "rate"), "the rate is from 1 to %d messages a second",
                    MAX_RATE);
    if (retry != NULL && strcmp(retry, "never") == 0 && fx_json_at(json, "rate") != NULL)
        runbook_say(c, runbook_path(c, path, "rate"),
                    "a class that is never tried again has no rate");
}

void runbook_check_classes(struct runbook_check *c, const struct fx_json *classes) {
    struct fx_json *owners = fx_json_object(c->scratch), *lines = fx_json_object(c->scratch);

    for (size_t i = 0; i < fx_json_count(classes); i++) {
        const char *path = runbook_path_item(c, "dlq_classes", i);
        const char *name = fx_json_get_text(fx_json_item(classes, i), "class");

        check_class(c, path, fx_json_item(classes, i), owners);
        if (name == NULL)
            continue;
        if (fx_json_at(lines, name) != NULL)
            runbook_say(c, runbook_path(c, path, "class"),
                        "the class %s is described in line %lld already",
                        runbook_shown(c->scratch, fx_slice_of(name)),
                        (long long)fx_json_get_int(lines, name, 0));
        else
            fx_json_put(lines, name, fx_json_int(c->scratch, fx_yaml_line(c->yaml, path)));
    }
}
