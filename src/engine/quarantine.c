/* quarantine.c - what will not be tried any more: its run ends, and whoever waits is told what was
 * not done and what to do now.
 */
#include "private.h"
#include "told.h"

#include "fluxabot/base/log.h"

#include <string.h>

static const struct fx_engine_system *system_of_topic(const struct fx_engine *engine,
                                                      const char *arn) {
    const struct fx_engine_topic *topic = arn == NULL ? NULL : engine_topic(engine, arn);

    return topic == NULL ? NULL : engine_system(engine, topic->system);
}

/* For whoever has mended what was broken. */
static struct fx_json *way_back(struct engine_work *work) {
    return fx_json_stringf(work->sc,
                           "Job %lld is kept. Whoever runs the bot can have it tried again: "
                           "fluxabot jobs retry --job %lld",
                           (long long)work->job->id, (long long)work->job->id);
}

static enum fx_code tell_unhandled(struct engine_work *work, const struct fx_engine_system *system,
                                   const char *topic, const char *key, const struct fx_error *why,
                                   struct fx_error *err) {
    struct fx_scope *sc = work->sc;

    return engine_put_card(
        work, key, "", system->channel,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "A notification could not be handled"), "tone",
            fx_json_string(sc, "bad"), "verdict", fx_json_stringf(sc, "%s.", why->message), "lines",
            fx_json_array_of(
                sc,
                fx_json_stringf(sc,
                                "It came from topic %s. Look at the alarms in CloudWatch: this one "
                                "is not shown here.",
                                topic),
                NULL),
            "context", way_back(work), NULL),
        err);
}

/* Nothing of an unverified event is shown, and all of them share one message: anybody may send
 * them. */
static enum fx_code give_up_alarm(struct engine_work *work, const struct fx_event *event,
                                  const struct fx_error *why, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_sns_envelope *envelope = NULL;

    FX_TRY(fx_sns_parse(sc, fx_slice_of(event->body), work->engine->options.sns_rules, &envelope,
                        err));
    const struct fx_engine_system *system = system_of_topic(work->engine, envelope->topic_arn);

    if (system == NULL)
        return FX_OK; /* nobody's: the log has it */
    return tell_unhandled(work, system, envelope->topic_arn,
                          event->verified
                              ? fx_printf(sc, "sns:%s", envelope->message_id)
                              : fx_printf(sc, "sns-unverified:%s", system->system->name),
                          why, err);
}

static enum fx_code give_up_finding(struct engine_work *work, const struct fx_event *event,
                                    const struct fx_error *why, struct fx_error *err) {
    struct fx_json *body = NULL;

    FX_TRY(fx_json_parse(work->sc, fx_slice_of(event->body), &body, err));
    const char *topic = fx_json_get_text(body, "topic");
    const struct fx_engine_system *system = system_of_topic(work->engine, topic);

    if (system == NULL)
        return FX_OK;
    return tell_unhandled(work, system, topic, fx_printf(work->sc, "reconcile:%s", event->id), why,
                          err);
}

static enum fx_code give_up_command(struct engine_work *work, const struct fx_event *event,
                                    const struct fx_error *why, struct fx_error *err) {
    struct fx_slack_command *given = NULL;

    FX_TRY(fx_slack_parse_command(work->sc, fx_slice_of(event->body), &given, err));
    return engine_whisper_text(work, given->channel_id, given->user_id, given->response_url, err,
                               "Failed: %s. The command was not carried out and nothing was done; "
                               "please type it again.",
                               why->message);
}

static enum fx_code give_up_click(struct engine_work *work, const struct fx_event *event,
                                  const struct fx_error *why, struct fx_error *err) {
    struct fx_slack_interaction *given = NULL;

    FX_TRY(fx_slack_parse_interaction(work->sc, fx_slice_of(event->body), &given, err));
    return engine_whisper_text(work, given->channel_id, given->user_id, given->response_url, err,
                               "Failed: %s. Look at the message you pressed on before you press "
                               "again: your click may not have counted.",
                               why->message);
}

static enum fx_code give_up_event(struct engine_work *work, const struct fx_error *why,
                                  struct fx_error *err) {
    static const struct {
        const char *kind;
        enum fx_code (*tell)(struct engine_work *, const struct fx_event *, const struct fx_error *,
                             struct fx_error *);
    } kinds[] = {
        {"sns", give_up_alarm},
        {"reconcile", give_up_finding},
        {"slack.command", give_up_command},
        {"slack.interaction", give_up_click},
    };
    struct fx_store *store = work->engine->options.store;
    struct fx_event *event = NULL;

    FX_TRY(store->event(store, work->sc, work->job->subject, &event, err));
    for (size_t i = 0; event != NULL && i < FX_COUNT_OF(kinds); i++)
        if (strcmp(event->kind, kinds[i].kind) == 0)
            return kinds[i].tell(work, event, why, err);
    return FX_OK;
}

/* The runbook may be gone; then only what stood in the channel before goes there. */
static enum fx_code is_public(struct engine_work *work, const struct fx_run *run,
                              const struct fx_runbook *runbook, bool *ret_public,
                              struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    const char *ts = "";

    if (runbook != NULL) {
        *ret_public =
            !runbook->is_private || run->requester[0] == '\0' || fx_effect_changes(runbook->effect);
        return FX_OK;
    }
    FX_TRY(store->message_ts(store, work->sc, engine_run_key(work->sc, run->id), &ts, err));
    *ret_public = run->requester[0] == '\0' || ts[0] != '\0';
    return FX_OK;
}

static enum fx_code tell_of_run(struct engine_work *work, const struct fx_run *run,
                                const struct fx_json *card, struct fx_error *err) {
    const struct fx_engine_system *system = engine_system(work->engine, run->system);
    const struct fx_runbook *runbook =
        system == NULL ? NULL : fx_system_find(system->system, run->command);
    bool in_channel = true;

    FX_TRY(is_public(work, run, runbook, &in_channel, err));
    if (!in_channel)
        return engine_whisper(work, run->channel, run->requester, run->response_url, card, err);
    return engine_put_card(work, engine_run_key(work->sc, run->id), run->parent,
                           system == NULL ? run->channel : system->channel, card, err);
}

/* What was begun may go on in AWS, watched by nobody: that is for a person, whatever is known. */
static struct fx_json *given_up_card(struct engine_work *work, const struct fx_run *run,
                                     const struct engine_changes *changes,
                                     const struct engine_left *left, const struct fx_json *open) {
    struct fx_scope *sc = work->sc;
    bool asks = run->state == FX_RUN_ASKING;
    const char *stands = engine_left_text(sc, left);
    const char *what_now = changes->open > 0
                               ? "Look in AWS whether it happened before you ask again."
                           : asks ? "What was begun may not have come to its end, and is not "
                                    "watched any more: look in AWS before you ask again."
                                  : "It is not tried again by itself; ask again if it is still "
                                    "wanted.";

    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "%s: %s", asks ? "Please look" : "Failed", run->command),
        "tone", fx_json_string(sc, "bad"), "verdict",
        fx_json_string(sc, engine_sentence(sc, run->note)), "lines",
        fx_json_array_of(sc, fx_json_string(sc, engine_changes_text(sc, changes)),
                         fx_json_string(sc, what_now),
                         stands == NULL ? NULL : fx_json_string(sc, stands), NULL),
        "code", open == NULL ? NULL : fx_json_string(sc, fx_json_dump_pretty(sc, open)), "buttons",
        asks ? engine_tell_buttons(sc, run->id, engine_left_asks_back(left)) : NULL, "context",
        fx_json_stringf(sc, "Run %s in %s", run->id, run->environment), NULL);
}

static enum fx_code give_up_run(struct engine_work *work, const struct fx_error *why,
                                struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_store *store = work->engine->options.store;
    struct engine_changes changes = {0};
    struct engine_left left;
    struct fx_json *open = NULL;
    struct fx_run *run = NULL;

    FX_TRY(store->run(store, sc, work->job->subject, &run, err));
    if (run == NULL || fx_run_state_is_final(run->state))
        return FX_OK;
    if (engine_is_scheduled(run))
        return engine_scheduled_failed(work, run, FX_RUN_FAILED, why, err);
    FX_TRY(engine_count_changes(work, run->id, &changes, err));
    FX_TRY(engine_open_changes(work, run->id, &open, err));
    FX_TRY(engine_left(work, run, NULL, &left, err));
    run->state = changes.made > 0 ? FX_RUN_ASKING : FX_RUN_FAILED;
    run->note = fx_strdup(sc, why->message);
    if (run->state != FX_RUN_ASKING) /* whoever has the job tried again goes on from there */
        run->checkpoint_json = "";
    run->updated_ms = fx_wall_ms(work->engine->options.clock);
    fx_writes_run(sc, &work->writes, run);
    fx_writes_audit(sc, &work->writes, "fluxabot", "run.ended", run->id,
                    fx_json_object_of(sc, "state",
                                      fx_json_string(sc, fx_run_state_name(run->state)), "note",
                                      fx_json_string(sc, run->note), NULL));
    fx_metrics_add(work->engine->options.metrics,
                   changes.made > 0 ? FX_METRIC_RUNS_UNKNOWN : FX_METRIC_RUNS_FAILED, 1);
    return tell_of_run(work, run, given_up_card(work, run, &changes, &left, open), err);
}

/* ---- what runs by itself ---- */

static const struct fx_engine_system *system_of_job(const struct engine_work *work) {
    const struct fx_engine *engine = work->engine;
    const struct fx_engine_system *system = system_of_topic(engine, work->job->subject);
    struct fx_slice name, rest;

    if (system != NULL)
        return system;
    fx_slice_split(fx_slice_of(work->job->subject), '/', &name, &rest); /* of a schedule */
    system = engine_system(engine, fx_slice_dup(work->sc, name));
    return system != NULL                      ? system
           : engine->options.systems_count > 0 ? &engine->options.systems[0]
                                               : NULL;
}

static const struct own_job {
    const char *kind, *not_done, *what_now;
} own_jobs[] = {
    {"reconcile", "Alarms were not compared with CloudWatch, so a missed one was not found.",
     "It is tried again in some minutes; until then look at the alarms in CloudWatch."},
    {"schedule", "One tick of a schedule was left out.", "The next one comes as planned."},
    {"anchor", "The newest rows of the audit log were not signed.",
     "It is tried again in some minutes; if this comes again, run fluxabot audit verify."},
    {"expire", "A request for approval was not ended when its time was over.",
     "Nobody can approve it any more; if it is still wanted, ask again."},
    {"picture", "The picture of an alarm's metric was not drawn.", "Its card stands without it."},
    {"remind", "Nobody was reminded of a request for approval.", "Look whether one waits."},
    {"watch", "An alarm that nobody acknowledged was not paged, or a snooze did not end.",
     "Look which alarms are open; call on-call yourself if nobody has them."},
};

/* Also for what cannot be told in a better way. */
static enum fx_code give_up_own(struct engine_work *work, const struct fx_error *why,
                                struct fx_error *err) {
    static const struct own_job unknown = {
        "", "Something that was asked for was not done.",
        "Look at the newest messages here, and ask again for what is missing."};
    struct fx_scope *sc = work->sc;
    const struct fx_engine_system *system = system_of_job(work);
    const struct own_job *job = &unknown;

    for (size_t i = 0; i < FX_COUNT_OF(own_jobs); i++)
        if (strcmp(own_jobs[i].kind, work->job->kind) == 0)
            job = &own_jobs[i];
    if (system == NULL)
        return FX_OK; /* there is no channel: the log has it */
    return engine_put_card(
        work, fx_printf(sc, "job:%lld", (long long)work->job->id), "", system->channel,
        fx_json_object_of(sc, "title", fx_json_string(sc, "A job of the bot was given up"), "tone",
                          fx_json_string(sc, "bad"), "verdict",
                          fx_json_string(sc, engine_sentence(sc, why->message)), "lines",
                          fx_json_array_of(sc, fx_json_string(sc, job->not_done),
                                           fx_json_string(sc, job->what_now), NULL),
                          "context", way_back(work), NULL),
        err);
}

static enum fx_code give_up(struct engine_work *work, const struct fx_error *why,
                            struct fx_error *err) {
    if (strcmp(work->job->kind, "event") == 0)
        return give_up_event(work, why, err);
    if (strcmp(work->job->kind, "run") == 0)
        return give_up_run(work, why, err);
    if (strcmp(work->job->kind, "schedule") == 0)
        engine_schedule_skip(work);
    if (strcmp(work->job->kind, "reconcile") == 0) /* whatever it was, the next one looks again */
        engine_reconcile_later(work, FX_ENGINE_RECONCILE_MS);
    return give_up_own(work, why, err);
}

enum fx_code engine_give_up(struct engine_work *work, const struct fx_error *why,
                            struct fx_error *err) {
    enum fx_code code = give_up(work, why, err);

    /* that somebody does not answer is no reason to end a run without a word */
    if (code == FX_OK || fx_code_is_transient(code))
        return code;
    /* it cannot even be read: then that it was there is all that can be said */
    fx_log(work->sc, FX_LOG_WARN, "job.quarantine_is_vague", FX_E(err));
    work->writes = (struct fx_writes){0};
    return give_up_own(work, why, err);
}
