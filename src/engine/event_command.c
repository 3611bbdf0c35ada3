/* event_command.c - a slash command: found, allowed, started; or told why not. */
#include "private.h"

#include "fluxabot/base/log.h"

#include <string.h>
#include <strings.h>

static const struct fx_engine_system *system_of_command(const struct fx_engine *engine,
                                                        const char *command) {
    for (size_t i = 0; i < engine->options.systems_count; i++)
        if (strcmp(engine->options.systems[i].command, command) == 0)
            return &engine->options.systems[i];
    return NULL;
}

/* env=NAME may stand anywhere in the line and belongs to every command. */
static struct fx_slice take_environment(struct fx_scope *sc, struct fx_slice text,
                                        const char **ret_environment) {
    static const char word[] = "env=";
    struct fx_slice rest = text, token;
    char *kept = fx_alloc(sc, text.len + 2);
    size_t length = 0;

    while (rest.len > 0) {
        fx_slice_split(rest, ' ', &token, &rest);
        if (token.len > sizeof word - 1 && strncasecmp(token.ptr, word, sizeof word - 1) == 0) {
            *ret_environment = fx_slice_dup(sc, fx_slice_cut(token, sizeof word - 1, token.len));
            continue;
        }
        memcpy(kept + length, token.ptr, token.len);
        length += token.len;
        kept[length++] = ' ';
    }
    return fx_slice_trim((struct fx_slice){kept, length});
}

static enum fx_code check_environment(struct engine_work *work,
                                      const struct fx_engine_system *system, const char *name,
                                      struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    char *known = fx_strdup(sc, "");

    if (engine_environment(system, name) != NULL)
        return FX_OK;
    for (size_t i = 0; i < system->environments_count; i++)
        known = fx_printf(sc, "%s%s%s", known, i == 0 ? "" : ", ", system->environments[i].name);
    return fx_fail(err, FX_ERR_INPUT, "%s has no environment %.40s; there is: %s",
                   system->system->title, name, known);
}

static enum fx_code ask(struct engine_work *work, const struct fx_engine_system *system,
                        const struct fx_slack_command *given, const struct fx_runbook *runbook,
                        struct fx_slice rest, const char *environment, struct fx_error *err) {
    struct fx_json *arguments = NULL;
    enum fx_action action = engine_action(runbook);

    FX_TRY(engine_authorize(work, system, given->user_id, given->team_id, given->channel_id, action,
                            runbook->role, "", err));
    FX_TRY(check_environment(work, system, environment, err));
    FX_TRY(fx_runbook_arguments(work->sc, runbook, rest, &arguments, err));
    return engine_start_run(work,
                            &(struct engine_ask){.system = system,
                                                 .runbook = runbook,
                                                 .arguments = arguments,
                                                 .environment = environment,
                                                 .trigger = "slash",
                                                 .requester = given->user_id,
                                                 .channel = given->channel_id,
                                                 .response_url = given->response_url,
                                                 .parent = "",
                                                 .incident = ""},
                            err);
}

static enum fx_code help(struct engine_work *work, const struct fx_engine_system *system,
                         const struct fx_slack_command *given, struct fx_slice topic,
                         struct fx_error *err) {
    FX_TRY(engine_authorize(work, system, given->user_id, given->team_id, given->channel_id,
                            FX_ACTION_HELP, NULL, "", err));
    return engine_help(work, system, given->user_id, given->channel_id, given->response_url, topic,
                       err);
}

static bool is_word(struct fx_slice given, const char *word) {
    return given.len == strlen(word) && strncasecmp(given.ptr, word, given.len) == 0;
}

static enum fx_code dispatch(struct engine_work *work, const struct fx_engine_system *system,
                             const struct fx_slack_command *given, struct fx_error *err) {
    const char *environment = system->default_environment;
    struct fx_slice text = take_environment(work->sc, fx_slice_of(given->text), &environment);
    const struct fx_runbook *runbook = NULL;
    struct fx_slice word, rest;

    if (text.len > FX_COMMAND_MAX_TEXT_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "the command is longer than %d characters",
                       FX_COMMAND_MAX_TEXT_BYTES);
    fx_slice_split(text, ' ', &word, &rest);
    if (word.len == 0 || is_word(word, "help"))
        return help(work, system, given, rest, err);
    if (is_word(word, "freeze") || is_word(word, "unfreeze"))
        return engine_freeze_command(work, system, given, is_word(word, "freeze"), rest, err);
    fx_system_match(system->system, text, &runbook, &rest);
    /* "dlq clasify" begins with "dlq", but that takes no arguments */
    if (runbook == NULL || (runbook->arguments_count == 0 && rest.len > 0)) {
        FX_TRY(engine_authorize(work, system, given->user_id, given->team_id, given->channel_id,
                                FX_ACTION_HELP, NULL, "", err));
        return engine_unknown_command(work, system, given->user_id, given->channel_id,
                                      given->response_url, text, err);
    }
    return ask(work, system, given, runbook, rest, environment, err);
}

enum fx_code engine_event_command(struct engine_work *work, const struct fx_event *event,
                                  struct fx_error *err) {
    struct fx_slack_command *given = NULL;

    FX_TRY(fx_slack_parse_command(work->sc, fx_slice_of(event->body), &given, err));
    const struct fx_engine_system *system = system_of_command(work->engine, given->command);

    enum fx_code code = system == NULL ? fx_fail(err, FX_ERR_INPUT,
                                                 "No system is configured for %s", given->command)
                                       : dispatch(work, system, given, err);

    if (code != FX_ERR_DENIED && code != FX_ERR_INPUT)
        return code;
    fx_log(work->sc, FX_LOG_INFO, "command.refused", FX_S("user", given->user_id), FX_E(err));
    if (code == FX_ERR_DENIED)
        fx_writes_audit(work->sc, &work->writes, given->user_id, "command.refused", event->id,
                        fx_json_object_of(work->sc, "text", fx_json_string(work->sc, given->text),
                                          "why", fx_json_string(work->sc, err->message), NULL));
    return engine_whisper_text(work, given->channel_id, given->user_id, given->response_url, err,
                               "%s Nothing was done.", engine_sentence(work->sc, err->message));
}
