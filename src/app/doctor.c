/* doctor.c - `fluxabot doctor`: looks at everything that the bot needs, changes nothing, and says
 * of each what is wrong and what to do. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const states[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_LOOK] = "look", [DOCTOR_WRONG] = "wrong"};

void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *advice,
                const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    const char *what = fx_vprintf(d->sc, fmt, args);
    va_end(args);
    d->wrong |= state == DOCTOR_WRONG;
    fx_json_add(d->lines,
                fx_json_object_of(d->sc, "check", fx_json_string(d->sc, check), "state",
                                  fx_json_string(d->sc, states[state]), "what",
                                  fx_json_string(d->sc, what), "do",
                                  advice == NULL ? NULL : fx_json_string(d->sc, advice), NULL));
}

static void say_findings(struct doctor *d, const struct app_findings *findings,
                         const struct fx_error *err) {
    for (size_t i = 0; i < findings->count; i++)
        doctor_say(d, DOCTOR_WRONG, "configuration", "correct this line; fluxabot help config",
                   "%s:%d: %s", findings->items[i].file, findings->items[i].line,
                   findings->items[i].message);
    if (findings->count == 0)
        doctor_say(d, DOCTOR_WRONG, "configuration", "name the file with --config", "%s",
                   err->message);
}

/* False: nothing else can be looked at. */
static bool configuration(struct doctor *d, const char *file) {
    struct app_findings findings = {.sc = d->sc};
    struct fx_error err = {0};
    size_t commands = 0;
    enum fx_code code = app_config_load(d->sc, file, &d->config, &findings, &err);

    if (code == FX_OK)
        code = app_runbooks_load(d->config, &d->runbooks, &findings, &err);
    if (code != FX_OK) {
        say_findings(d, &findings, &err);
        return false;
    }
    for (size_t i = 0; i < fx_runbooks_count(d->runbooks); i++)
        commands += fx_runbooks_at(d->runbooks, i)->runbooks_count;
    doctor_say(d, DOCTOR_OK, "configuration", NULL, "%zu commands of %zu systems", commands,
               fx_runbooks_count(d->runbooks));
    app_check_sources(d->config, &findings);
    for (size_t i = 0; i < findings.count; i++)
        doctor_say(d, DOCTOR_LOOK, "runbooks", "see fluxabot check", "%s:%d: %s",
                   findings.items[i].file, findings.items[i].line, findings.items[i].message);
    doctor_say(d, DOCTOR_OK, "slack.secret", NULL, "%zu signing secrets are there",
               d->config->signing_secrets_count);
    return true;
}

static bool open_clients(struct doctor *d) {
    struct fx_error err = {0};
    enum fx_code code = app_open_aws(d->sc, d->config, &d->http, &d->aws, &err);

    if (code != FX_OK)
        doctor_say(d, DOCTOR_WRONG, "program", "install it anew", "%s", err.message);
    return code == FX_OK;
}

static void print_lines(const struct doctor *d) {
    for (size_t i = 0; i < fx_json_count(d->lines); i++) {
        const struct fx_json *line = fx_json_item(d->lines, i);
        const char *advice = fx_json_get_text(line, "do");

        printf("%-6s %-16s %s\n", fx_json_get_text(line, "state"), fx_json_get_text(line, "check"),
               fx_json_get_text(line, "what"));
        if (advice != NULL)
            printf("%-6s %-16s -> %s\n", "", "", advice);
    }
}

int app_doctor(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct doctor d = {.sc = sc, .lines = fx_json_array(sc)};

    if (configuration(&d, arguments->config) && open_clients(&d)) {
        doctor_certificate(&d);
        doctor_store(&d);
        doctor_redis(&d);
        doctor_slack(&d);
        doctor_aws(&d);
        doctor_databases(&d);
        doctor_pagerduty(&d);
    }
    if (arguments->json)
        puts(fx_json_dump_pretty(sc, d.lines));
    else
        print_lines(&d);
    fx_runbooks_close(d.runbooks);
    return d.wrong ? EXIT_FINDINGS : EXIT_GOOD;
}
