/* event_interaction.c - a button or a dialog: who pressed what, and may they.
 *
 * Of the payload only ids count: user, team, channel, the action's name and the id in its value.
 * Every click gets an answer the person can see.
 */
#include "click.h"
#include "told.h"

#include "fluxabot/base/log.h"

#include <string.h>

const struct fx_engine_system *click_system_of(const struct fx_engine *engine,
                                               const char *channel) {
    for (size_t i = 0; i < engine->options.systems_count; i++)
        if (strcmp(engine->options.systems[i].channel, channel) == 0)
            return &engine->options.systems[i];
    return NULL;
}

enum fx_code click_allow(struct click *click, enum fx_action action, const char *role,
                         const char *requester, struct fx_error *err) {
    return engine_authorize(click->work, click->system, click->given->user_id,
                            click->given->team_id, click->given->channel_id, action, role,
                            requester, err);
}

enum fx_code click_run(struct click *click, const char *run_id, struct fx_run **ret_run,
                       struct fx_error *err) {
    struct fx_store *store = click->work->engine->options.store;

    FX_TRY(store->run(store, click->work->sc, run_id, ret_run, err));
    if (*ret_run == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this button belongs to a run that is not known here");
    click->system = engine_system(click->work->engine, (*ret_run)->system);
    if (click->system == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the system %s is no longer configured",
                       (*ret_run)->system);
    return FX_OK;
}

static enum fx_code approval_of(struct click *click, const char *id,
                                struct fx_approval **ret_approval, struct fx_error *err) {
    struct fx_store *store = click->work->engine->options.store;
    struct fx_run *run = NULL;

    FX_TRY(store->approval(store, click->work->sc, id, ret_approval, err));
    if (*ret_approval == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this request is not known here");
    FX_TRY(click_run(click, (*ret_approval)->run, &run, err));
    if ((*ret_approval)->state == FX_APPROVAL_PENDING && fx_run_state_is_final(run->state))
        return fx_fail(err, FX_ERR_CONFLICT, "this run has already ended: %s", run->note);
    return FX_OK;
}

/* Whoever tried: a request that others can read by now is void, and its card says so. */
static void withdraw_if_shared(struct click *click, const struct fx_approval *approval) {
    struct engine_work *work = click->work;
    enum fx_sharing sharing = FX_SHARING_UNKNOWN;
    struct fx_error why = {0};
    enum fx_code code = engine_read_sharing(work, click->system->channel, false, &sharing, &why);

    if (code == FX_OK && sharing == FX_SHARING_OTHERS)
        code = engine_withdraw(work, approval,
                               "another organisation or workspace has come into the channel, or "
                               "was invited to it; move the bot to a channel of your own and ask "
                               "again there",
                               &why);
    if (code != FX_OK)
        fx_log(work->sc, FX_LOG_WARN, "approval.not_withdrawn", FX_S("approval", approval->id),
               FX_E(&why));
}

static enum fx_code press_approve(struct click *click, struct fx_error *err) {
    struct fx_approval *approval = NULL;

    FX_TRY(approval_of(click, click->given->value, &approval, err));
    enum fx_code code =
        engine_authorize_vote(click->work, click->system, click->given->user_id,
                              click->given->team_id, click->given->channel_id, approval, err);

    if (code == FX_ERR_DENIED && approval->state == FX_APPROVAL_PENDING)
        withdraw_if_shared(click, approval);
    FX_TRY(code);
    if (approval->state == FX_APPROVAL_PENDING)
        FX_TRY(engine_frozen(click->work, err));
    return engine_decide(click->work, approval, true, click->given->user_id, "",
                         click->given->response_url, err);
}

/* The dialog first: its trigger lives three seconds. Whether the person may decide is asked again
 * when the dialog comes back. */
static enum fx_code press_deny(struct click *click, struct fx_error *err) {
    struct fx_approval *approval = NULL;

    FX_TRY(approval_of(click, click->given->value, &approval, err));
    FX_TRY(click_allow(click, FX_ACTION_DENY, NULL, approval->requester, err));
    return engine_open_deny_dialog(click->work, approval, click->given->trigger_id,
                                   click->given->channel_id, click->given->user_id,
                                   click->given->response_url, err);
}

static enum fx_code press_stop(struct click *click, struct fx_error *err) {
    struct engine_work *work = click->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_run *run = NULL;

    FX_TRY(click_run(click, click->given->value, &run, err));
    FX_TRY(click_allow(click, FX_ACTION_STOP, NULL, run->requester, err));
    if (fx_run_state_is_final(run->state))
        return fx_fail(err, FX_ERR_INPUT, "this run has already ended: %s", run->note);
    struct fx_writes writes = {0};

    fx_writes_audit(work->sc, &writes, click->given->user_id, "run.stop_requested", run->id, NULL);
    fx_writes_job_of_rank(work->sc, &writes, FX_RANK_PERSON, "run", run->id, work->now_ms);
    FX_TRY(store->request_stop(store, work->sc, run->id, click->given->user_id, &writes, err));
    const struct fx_runbook *runbook = fx_system_find(click->system->system, run->command);

    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return engine_whisper_text(
        work, click->given->channel_id, click->given->user_id, click->given->response_url, err,
        runbook != NULL && runbook->watches
            ? "Stopping %s %s (run %s). Its card says what was seen last."
            : "Stopping %s %s (run %s). What was done stays done; after the batch in hand nothing "
              "more is sent.",
        click->system->command, run->command, run->id);
}

/* Value: the run. The dialog asks for the reason; whether the person may is asked again then. */
static enum fx_code press_tell(struct click *click, bool done, struct fx_error *err) {
    struct fx_run *run = NULL;

    FX_TRY(click_run(click, click->given->value, &run, err));
    FX_TRY(click_allow(click, FX_ACTION_TELL, NULL, run->requester, err));
    return engine_open_tell_dialog(click->work, run, done, click->given->trigger_id,
                                   click->given->channel_id, click->given->user_id,
                                   click->given->response_url, err);
}

static enum fx_code press_tell_done(struct click *click, struct fx_error *err) {
    return press_tell(click, true, err);
}

static enum fx_code press_tell_not_done(struct click *click, struct fx_error *err) {
    return press_tell(click, false, err);
}

/* A dialog knows no channel: it was opened from the one that its metadata names, and the ids are
 * all that is believed. */
static enum fx_code read_dialog(struct click *click, const char *subject, const char **ret_id,
                                struct fx_json **ret_where, struct fx_error *err) {
    struct fx_slack_interaction *given = FX_NEW(click->work->sc, struct fx_slack_interaction);

    FX_TRY(fx_json_parse(click->work->sc, fx_slice_of(click->given->private_metadata), ret_where,
                         err));
    *given = *click->given;
    given->channel_id = fx_json_get_text(*ret_where, "channel");
    *ret_id = fx_json_get_text(*ret_where, subject);
    if (given->channel_id == NULL || *ret_id == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this dialog carries nothing that is known here");
    given->value = *ret_id; /* as on a button */
    click->given = given;
    return FX_OK;
}

/* The listener has refused blanks already; what is written down is asked for here. */
static enum fx_code reason_of(const struct click *click, const char **ret_reason,
                              struct fx_error *err) {
    struct fx_slice reason = fx_slack_dialog_answer(click->given);

    if (reason.len == 0)
        return fx_fail(err, FX_ERR_INPUT,
                       "a reason is missing, for whoever asks later; press the button again and "
                       "write one");
    *ret_reason = fx_slice_dup(click->work->sc, reason);
    return FX_OK;
}

static enum fx_code submit_deny(struct click *click, struct fx_error *err) {
    struct fx_approval *approval = NULL;
    struct fx_json *where = NULL;
    const char *id = NULL, *reason = NULL;

    FX_TRY(read_dialog(click, "approval", &id, &where, err));
    FX_TRY(approval_of(click, id, &approval, err));
    FX_TRY(click_allow(click, FX_ACTION_DENY, NULL, approval->requester, err));
    FX_TRY(reason_of(click, &reason, err));
    return engine_decide(click->work, approval, false, click->given->user_id, reason, "", err);
}

static enum fx_code submit_tell(struct click *click, struct fx_error *err) {
    struct fx_json *where = NULL;
    struct fx_run *run = NULL;
    const char *id = NULL, *reason = NULL;

    FX_TRY(read_dialog(click, "run", &id, &where, err));
    FX_TRY(click_run(click, id, &run, err));
    FX_TRY(click_allow(click, FX_ACTION_TELL, NULL, run->requester, err));
    FX_TRY(reason_of(click, &reason, err));
    return engine_tell(click->work, run, fx_json_get_bool(where, "done", false),
                       click->given->user_id, reason, err);
}

static const struct {
    const char *type, *name; /* of the action, or of the dialog */
    enum fx_code (*handle)(struct click *click, struct fx_error *err);
} presses[] = {
    {"block_actions", "approve", press_approve},
    {"block_actions", "deny", press_deny},
    {"block_actions", "stop", press_stop},
    {"block_actions", "ack", click_acknowledge},
    {"block_actions", "snooze", click_snooze},
    {"block_actions", "wake", click_wake},
    {"block_actions", "command", click_command},
    {"view_submission", "deny_reason", submit_deny},
    {"block_actions", "tell_done", press_tell_done},
    {"block_actions", "tell_not_done", press_tell_not_done},
    {"view_submission", "tell_reason", submit_tell},
    {"block_actions", "storm", click_storm},
    {"block_actions", "incident_card", click_incident_card},
    {"block_actions", "check", click_check},
};

/* "command:3" is "command": several buttons of one block need names of their own. */
static bool is_named(const char *given, const char *name) {
    size_t length = strlen(name);

    return strncmp(given, name, length) == 0 && (given[length] == '\0' || given[length] == ':');
}

static const char *name_of(const struct fx_slack_interaction *given) {
    return strcmp(given->type, "view_submission") == 0 ? given->callback_id : given->action_id;
}

static enum fx_code dispatch(struct click *click, struct fx_error *err) {
    const char *name = name_of(click->given);

    for (size_t i = 0; i < FX_COUNT_OF(presses); i++)
        if (strcmp(presses[i].type, click->given->type) == 0 && is_named(name, presses[i].name))
            return presses[i].handle(click, err);
    return FX_OK; /* links and closed dialogs are told to us and mean nothing */
}

enum fx_code engine_event_interaction(struct engine_work *work, const struct fx_event *event,
                                      struct fx_error *err) {
    struct fx_slack_interaction *given = NULL;

    FX_TRY(fx_slack_parse_interaction(work->sc, fx_slice_of(event->body), &given, err));
    struct click click = {
        .work = work, .given = given, .system = click_system_of(work->engine, given->channel_id)};
    enum fx_code code = dispatch(&click, err);

    if (code != FX_ERR_DENIED && code != FX_ERR_INPUT && code != FX_ERR_CONFLICT)
        return code;
    fx_log(work->sc, FX_LOG_INFO, "click.refused", FX_S("user", given->user_id),
           FX_S("action", given->action_id), FX_E(err));
    if (code == FX_ERR_DENIED)
        fx_writes_audit(work->sc, &work->writes, given->user_id, "click.refused", name_of(given),
                        fx_json_object_of(work->sc, "value",
                                          fx_json_string(work->sc, click.given->value), "why",
                                          fx_json_string(work->sc, err->message), NULL));
    return engine_whisper_text(work, click.given->channel_id, given->user_id, given->response_url,
                               err, "%s Your click changed nothing.",
                               engine_sentence(work->sc, err->message));
}
