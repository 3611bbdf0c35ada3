/* click_command.c - a button that stands for a command, and the boxes of a checklist. */
#include "click.h"
#include "steps.h"

/* "r=RUN;b=2" or "i=INCIDENT;b=0": the button is looked up where it was drawn from. */
static enum fx_code find_button(struct click *click, const struct fx_json **ret_button,
                                const char **ret_environment, const char **ret_incident,
                                struct fx_error *err) {
    struct fx_scope *sc = click->work->sc;
    struct fx_store *store = click->work->engine->options.store;
    struct fx_slice owner, number;
    int64_t index = 0;
    struct fx_json *body = NULL;

    fx_slice_split(fx_slice_of(click->given->value), ';', &owner, &number);
    if (owner.len < 3 || !fx_slice_starts_with(number, FX_SLICE("b=")) ||
        !fx_slice_to_int(fx_slice_cut(number, 2, number.len), &index) || index < 0)
        return fx_fail(err, FX_ERR_INPUT, "this button carries nothing that is known here");
    const char *id = fx_slice_dup(sc, fx_slice_cut(owner, 2, owner.len));

    if (fx_slice_starts_with(owner, FX_SLICE("r="))) {
        struct fx_run *run = NULL;

        FX_TRY(click_run(click, id, &run, err));
        FX_TRY(fx_json_parse(sc, fx_slice_of(run->values_json), &body, err));
        *ret_environment = run->environment;
        *ret_incident = run->incident;
    } else {
        struct fx_incident *incident = NULL;

        FX_TRY(store->incident(store, sc, id, &incident, err));
        if (incident == NULL)
            return fx_fail(err, FX_ERR_INPUT, "this incident is not known here");
        click->system = engine_system(click->work->engine, incident->system);
        FX_TRY(fx_json_parse(sc, fx_slice_of(incident->body_json), &body, err));
        *ret_environment = incident->environment;
        *ret_incident = incident->id;
    }
    *ret_button = fx_json_item(fx_json_at(body, "_buttons"), (size_t)index);
    if (*ret_button == NULL || click->system == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this button is out of date; please type the command");
    return FX_OK;
}

/* The same as typing the command. */
enum fx_code click_command(struct click *click, struct fx_error *err) {
    struct engine_work *work = click->work;
    const struct fx_json *button = NULL;
    const char *environment = "", *incident = "";
    struct fx_json *arguments = NULL;

    FX_TRY(find_button(click, &button, &environment, &incident, err));
    const struct fx_runbook *runbook =
        fx_system_find(click->system->system, fx_json_get_text(button, "command"));

    if (runbook == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the command behind this button no longer exists");
    FX_TRY(click_allow(click, engine_action(runbook), runbook->role, "", err));
    FX_TRY(fx_runbook_arguments(
        work->sc, runbook, fx_slice_of(fx_json_get_text(button, "arguments")), &arguments, err));
    bool changes = fx_effect_changes(runbook->effect);

    return engine_start_run(
        work,
        &(struct engine_ask){.system = click->system,
                             .runbook = runbook,
                             .arguments = arguments,
                             .environment = environment,
                             .trigger = "button",
                             .requester = click->given->user_id,
                             .channel = click->given->channel_id,
                             .response_url = click->given->response_url,
                             /* a request for approval must be seen in the channel */
                             .parent = incident[0] == '\0' || changes
                                           ? ""
                                           : fx_printf(work->sc, "incident:%s", incident),
                             .incident = incident},
        err);
}

/* "r=RUN;c=2": item 2 of its checklist; the letter says what is meant by the number. */
static enum fx_code find_check(struct click *click, char *ret_letter, size_t *ret_number,
                               struct fx_run **ret_run, struct fx_error *err) {
    struct fx_slice owner, what;
    int64_t number = 0;

    fx_slice_split(fx_slice_of(click->given->value), ';', &owner, &what);
    if (!fx_slice_starts_with(owner, FX_SLICE("r=")) || what.len < 3 || what.ptr[1] != '=' ||
        !fx_slice_to_int(fx_slice_cut(what, 2, what.len), &number) || number < 0)
        return fx_fail(err, FX_ERR_INPUT, "this button carries nothing that is known here");
    FX_TRY(click_run(click, fx_slice_dup(click->work->sc, fx_slice_cut(owner, 2, owner.len)),
                     ret_run, err));
    const struct fx_runbook *runbook = fx_system_find(click->system->system, (*ret_run)->command);

    if (runbook == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the command behind this button no longer exists");
    *ret_letter = what.ptr[0];
    *ret_number = (size_t)number;
    return click_allow(click, engine_action(runbook), runbook->role, "", err);
}

enum fx_code click_check(struct click *click, struct fx_error *err) {
    struct fx_run *run = NULL;
    size_t number = 0;
    char letter = 0;

    FX_TRY(find_check(click, &letter, &number, &run, err));
    if (letter == 'o')
        return engine_checklist_finish(click->work, run, number, click->given->user_id, err);
    return engine_checklist_check(click->work, run, number, letter == 'c', click->given->user_id,
                                  err);
}
