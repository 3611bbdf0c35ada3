/* private.h - what the files of the engine share. */
#pragma once

#include "fluxabot/anchor.h"
#include "fluxabot/engine.h"
#include "fluxabot/incident.h"
#include "fluxabot/slack.h"

#include <pthread.h>
#include <stdatomic.h>

struct fx_slack_user;
struct engine_pump;

enum { ENGINE_MAX_WORKERS = 16 };

/* Until when a thread may be silent, by the monotonic clock; INT64_MAX while it rests. */
struct engine_pulse {
    _Atomic int64_t silent_until_ms;
};

/* What the threads share; see threads.c and worker.c. */
struct engine_threads {
    pthread_mutex_t lock; /* guards the next eight */
    pthread_cond_t called, ended;
    bool watched; /* some idle worker waits for the next job */
    unsigned resting, calls;
    unsigned sending; /* workers that send a message themselves */
    int64_t watch_ms; /* with calls: what is to be waited for first, 0 for nothing */
    unsigned running;
    pthread_rwlock_t alone; /* held for reading by whoever works, for writing at a last try */
};

struct engine_worker {
    struct fx_engine *engine;
    pthread_t thread;
    pthread_mutex_t lock;   /* guards the three below, for the keeper */
    struct fx_scope *scope; /* of the claimed job, to cancel it; NULL between jobs */
    struct fx_job job;      /* copied texts live in job_texts */
    char job_texts[2][128]; /* kind and token */
    int index;
    struct engine_pulse pulse;
};

struct fx_engine {
    struct fx_engine_options options;
    atomic_bool stopping;
    atomic_bool cut_off; /* what still runs is canceled, and what begins is as well */
    struct engine_threads threads;
    struct fx_scope *scope;
    struct engine_worker workers[ENGINE_MAX_WORKERS];
    int workers_count;
    atomic_int at_machines; /* workers that have a job in hand which no person asked for, or look */
    pthread_t outbox, keeper;
    struct engine_pump *pump;        /* in scope */
    _Atomic int64_t next_picture_ms; /* wall; of an alarm's metric, see alarm_picture.c */
    _Atomic int64_t anchored_ms;     /* wall; when this process last made an anchor, or tried to */
    _Atomic int64_t silent_since_ms; /* monotonic: the store has answered no claim; 0: it does */
    int64_t started_ms;              /* as crashes.c wrote it down; 0: it did not */
    struct engine_pulse outbox_pulse, keeper_pulse;
};

/* One claimed job in hand. Handlers add to writes; what they return settles the job. */
struct engine_work {
    struct fx_engine *engine;
    struct fx_scope *sc;
    const struct fx_job *job;
    struct fx_writes writes;
    int64_t now_ms;             /* wall, read once when the job was claimed */
    struct engine_pulse *pulse; /* of the worker; NULL outside one */
    enum fx_urgency urgency;    /* of the cards that are put */
    struct fx_message *begun;   /* in the transaction that settled the job: to be sent now */
    bool large;                 /* it took much memory: what is free now is given back */
};

enum { ENGINE_LARGE_BYTES = 128 << 10 }; /* a run with more than this as text takes much memory */

/* ---- work.c ---- */

const struct fx_engine_system *engine_system(const struct fx_engine *engine, const char *name);
const struct fx_engine_topic *engine_topic(const struct fx_engine *engine, const char *arn);
const struct fx_environment *engine_environment(const struct fx_engine_system *system,
                                                const char *name);
/* AWS with the rights of this environment, as long as the work's scope lives. session stands in
 * CloudTrail; NULL: the program's name. */
struct fx_aws *engine_aws(struct engine_work *work, const struct fx_environment *environment,
                          const char *session);
struct fx_aws *engine_aws_of_topic(struct engine_work *work, const struct fx_engine_topic *topic);
char *engine_id(struct engine_work *work, const char *prefix);
/* What somebody does who asks for this command. */
enum fx_action engine_action(const struct fx_runbook *runbook);
/* Makes the writes so far durable in the middle of a job and starts a new set. */
enum fx_code engine_flush(struct engine_work *work, struct fx_error *err);

/* The work goes on: allowed_ms from now the worker may be silent. */
void engine_work_goes_on(struct engine_work *work, int64_t allowed_ms);

/* ---- threads.c ---- */

void engine_threads_init(struct engine_threads *threads);
void engine_threads_free(struct engine_threads *threads);
/* A thread that says nothing for longer than this hangs; pulse may be NULL. */
void engine_pulse(struct engine_pulse *pulse, struct fx_clock *clock, int64_t allowed_ms);
/* It waits for somebody else, who has a pulse. */
void engine_pulse_rest(struct engine_pulse *pulse);
/* Whether the store answered a claim. */
void engine_note_claim(struct fx_engine *engine, bool answered);
/* For a worker that found nothing to do: returns when it should look again, after wait_ms at the
 * latest if it has the watch. */
void engine_rest(struct engine_worker *worker, int64_t wait_ms);
/* Whoever has found a job says so, that there is always somebody who waits for the next: it is due
 * in wait_ms, or is waiting already when that is 0. */
void engine_call_another(struct fx_engine *engine, int64_t wait_ms);
/* Whether a worker may send a message itself, since another one waits for the next job; if so, it
 * says engine_has_sent when it is through. */
bool engine_may_send(struct fx_engine *engine);
void engine_has_sent(struct fx_engine *engine);
void engine_thread_begins(struct fx_engine *engine);
void engine_thread_ends(struct fx_engine *engine, struct engine_pulse *pulse);
/* Until all threads have ended, at_most_ms, or until there is no time left for that. */
void engine_wait_for_end(struct fx_engine *engine, int64_t at_most_ms);

/* ---- worker.c, outbox.c, keeper.c: the threads ---- */

void *engine_worker_main(void *worker);
void *engine_outbox_main(void *engine);
void *engine_keeper_main(void *engine);

/* ---- outbox.c: who sends ---- */

/* Before any worker runs. */
void engine_pump_start(struct fx_engine *engine);
/* When all threads have ended. */
void engine_pump_free(struct fx_engine *engine);

/* ---- deliver.c ---- */

/* Sends a message that was begun, and stores what became of it. */
void engine_deliver(struct fx_engine *engine, struct fx_scope *sc,
                    const struct fx_message *message);

/* ---- page_trouble.c ---- */

enum engine_page_end { ENGINE_PAGE_SENT, ENGINE_PAGE_WAITS, ENGINE_PAGE_FAILED };
/* An attempt to page has ended so: tells the channel what is worth telling. */
void engine_tell_page_end(struct fx_engine *engine, struct fx_scope *sc,
                          const struct fx_message *message, enum engine_page_end end,
                          const struct fx_error *why);

/* What the keeper knows of its last look; zeroed before the first. */
struct engine_keeping {
    int64_t last_ms;
    unsigned periods;
};
void engine_keep(struct fx_engine *engine, struct engine_keeping *keeping);

/* ---- messages.c ---- */

/* A card becomes the Slack message `key` of the channel, in the thread of message `parent` ("":
 * none). */
enum fx_code engine_put_card(struct engine_work *work, const char *key, const char *parent,
                             const char *channel, const struct fx_json *card, struct fx_error *err);
enum fx_code engine_whisper(struct engine_work *work, const char *channel, const char *user,
                            const char *response_url, const struct fx_json *card,
                            struct fx_error *err);
/* The same for one sentence. */
enum fx_code engine_whisper_text(struct engine_work *work, const char *channel, const char *user,
                                 const char *response_url, struct fx_error *err, const char *fmt,
                                 ...) FX_PRINTF(6, 7);
/* Parts of cards. */
struct fx_json *engine_user(struct fx_scope *sc, const char *user_id); /* "nobody" for "" */
struct fx_json *engine_time(struct fx_scope *sc, int64_t wall_ms);
struct fx_json *engine_field(struct fx_scope *sc, const char *name, struct fx_json *value);
/* Text of ours or of a step as a sentence: a capital first, one full stop last. */
char *engine_sentence(struct fx_scope *sc, const char *text);
struct fx_json *engine_button(struct fx_scope *sc, const char *text, const char *action,
                              const char *value, const char *style);

/* ---- directory.c: what Slack says. may_be_old: an answer of the last minute will do ---- */

enum fx_code engine_read_user(struct engine_work *work, const char *user_id, bool may_be_old,
                              struct fx_slack_user **ret_user, struct fx_error *err);
enum fx_code engine_read_group(struct engine_work *work, const char *group_id, bool may_be_old,
                               struct fx_json **ret_user_ids, struct fx_error *err);
/* Never FX_SHARING_UNKNOWN when FX_OK. */
enum fx_code engine_read_sharing(struct engine_work *work, const char *channel_id, bool may_be_old,
                                 enum fx_sharing *ret_sharing, struct fx_error *err);

/* ---- who.c ---- */

/* Asks Slack what the action needs to know, then the policy. Any doubt is FX_ERR_DENIED with a
 * sentence for the person. */
enum fx_code engine_authorize(struct engine_work *work, const struct fx_engine_system *system,
                              const char *user_id, const char *team_id, const char *channel,
                              enum fx_action action, const char *role, const char *requester,
                              struct fx_error *err);
/* The same for approving this request: who has voted for it may not again. */
enum fx_code engine_authorize_vote(struct engine_work *work, const struct fx_engine_system *system,
                                   const char *user_id, const char *team_id, const char *channel,
                                   const struct fx_approval *approval, struct fx_error *err);
/* Before anybody is asked: FX_ERR_DENIED when fewer people may approve than the change needs. Where
 * Slack does not tell who is in a group nothing is refused here. */
enum fx_code engine_check_approvers(struct engine_work *work, const char *requester, int needed,
                                    struct fx_error *err);
/* Whether those who approved still may, each of them, and are as many persons as it needs; asked
 * just before it runs. FX_ERR_DENIED: no. When Slack does not
 * answer nothing is decided: a code that is transient, the message says what was asked. */
enum fx_code engine_authorize_again(struct engine_work *work, const struct fx_engine_system *system,
                                    const struct fx_approval *approval,
                                    struct fx_vote *const *votes, size_t count,
                                    struct fx_error *err);

/* ---- event_*.c ---- */

enum fx_code engine_event_sns(struct engine_work *work, const struct fx_event *event,
                              struct fx_error *err);
/* What engine_reconcile found. */
enum fx_code engine_event_reconcile(struct engine_work *work, const struct fx_event *event,
                                    struct fx_error *err);
enum fx_code engine_event_command(struct engine_work *work, const struct fx_event *event,
                                  struct fx_error *err);
enum fx_code engine_event_interaction(struct engine_work *work, const struct fx_event *event,
                                      struct fx_error *err);

/* ---- help.c ---- */

enum fx_code engine_help(struct engine_work *work, const struct fx_engine_system *system,
                         const char *user, const char *channel, const char *response_url,
                         struct fx_slice topic, struct fx_error *err);
enum fx_code engine_unknown_command(struct engine_work *work, const struct fx_engine_system *system,
                                    const char *user, const char *channel, const char *response_url,
                                    struct fx_slice text, struct fx_error *err);

/* ---- incidents.c ---- */

/* How an alarm became known that no notification told. */
struct engine_finding {
    const char *note;   /* what the incident's timeline says of that */
    const char *ending; /* why it ends when the alarm is not OK; NULL */
    bool over;          /* an ALARM that has ended: nobody is paged, nothing is started */
};
/* found is NULL for what a notification told. */
enum fx_code engine_alarm(struct engine_work *work, const struct fx_engine_system *system,
                          const char *environment, const struct fx_alarm *alarm,
                          const struct engine_finding *found, struct fx_error *err);
enum fx_code engine_acknowledge(struct engine_work *work, const char *incident_id, const char *user,
                                struct fx_error *err);
/* An incident of a storm gets a card of its own. */
enum fx_code engine_incident_show(struct engine_work *work, const char *incident_id,
                                  struct fx_error *err);
/* A triage run has ended: its verdict goes onto the card. */
enum fx_code engine_incident_verdict(struct engine_work *work, const char *incident_id,
                                     const char *verdict, struct fx_error *err);
enum fx_code engine_incident_card(struct engine_work *work, const struct fx_engine_system *system,
                                  const struct fx_incident *incident, const struct fx_json *body,
                                  struct fx_error *err);
/* Where a page with this key is looked at; NULL when nobody said where. */
char *engine_page_url(struct engine_work *work, const char *key);
struct fx_json *engine_link_button(struct fx_scope *sc, const char *text, const char *action,
                                   const char *url);
/* The alarm in AWS's console; NULL when it does not tell enough. */
char *engine_console_url(struct fx_scope *sc, const struct fx_json *alarm);
/* What AWS said, for those who want to know more. */
struct fx_json *engine_alarm_details(struct fx_scope *sc, const struct fx_json *body);

/* ---- storm_card.c ---- */

/* Changes the cards of storms that have news, and ends those that are over. Of several processes
 * one does. */
void engine_tell_storms(struct fx_engine *engine, struct fx_scope *sc);
/* Privately: the alarms of a storm without the first skip, open ones first. */
enum fx_code engine_list_storm(struct engine_work *work, const struct fx_engine_system *system,
                               const char *storm_id, size_t skip, const char *user,
                               const char *channel, const char *response_url, struct fx_error *err);

/* ---- reconcile.c ---- */

/* Makes a comparison of each topic due now; one that waits already is not doubled. */
enum fx_code engine_reconciling_begin(struct fx_engine *engine, struct fx_error *err);
/* The job "reconcile": compares what CloudWatch knows of a topic's alarms with what was told. */
enum fx_code engine_reconcile(struct engine_work *work, struct fx_error *err);
/* The next one of the topic of the job in hand, among the writes. */
void engine_reconcile_later(struct engine_work *work, int64_t after_ms);

/* ---- incident_body.c ---- */

/* What the decisions of incident.h look at; both may be NULL. */
struct fx_incident_facts engine_incident_facts(const struct fx_incident *incident,
                                               const struct fx_json *body);
/* An ALARM that began at this time is told by the incident of body. */
void engine_note_told(struct fx_scope *sc, struct fx_json *body, int64_t began_ms);
/* What was told by the incident before it, of the same alarm; NULL: there was none. */
void engine_keep_told(struct fx_scope *sc, struct fx_json *body, const struct fx_json *before);
struct fx_json *engine_alarm_body(struct fx_scope *sc, const struct fx_alarm *alarm);
/* The buttons of its card; route may be NULL. */
struct fx_json *engine_route_buttons(struct fx_scope *sc, const struct fx_engine_system *system,
                                     const struct fx_alarm_route *route);
void engine_add_to_timeline(struct fx_scope *sc, struct fx_json *body, int64_t at_ms,
                            const char *text);

/* ---- runs.c ---- */

struct engine_ask {
    const struct fx_engine_system *system;
    const struct fx_runbook *runbook;
    const struct fx_json *arguments;
    const char *environment, *trigger, *requester, *channel, *response_url, *parent, *incident;
    int64_t due_ms;                   /* when it begins; 0: at once */
    const char *run_id, *values_json; /* NULL: a new id, no values */
};
/* Adds the run and its job to the writes. */
enum fx_code engine_start_run(struct engine_work *work, const struct engine_ask *ask,
                              struct fx_error *err);
/* The job "run". */
enum fx_code engine_continue_run(struct engine_work *work, struct fx_error *err);

/* A run in hand: its rows and what its expressions see. */
struct engine_run {
    struct engine_work *work;
    struct fx_run *row;
    const struct fx_engine_system *system;
    const struct fx_environment *environment;
    const struct fx_runbook *runbook;
    struct fx_aws *aws;      /* with the rights of the environment; NULL until a step wants it */
    struct fx_json *filled;  /* the system's definition for this environment */
    struct fx_json *values;  /* step id -> output */
    struct fx_json *names;   /* what expressions may read */
    enum fx_refusal refusal; /* why the last promise was not given */
    bool asked;              /* it asked a person when it was loaded */
    int depth;               /* so many commands run this one */
    bool has_no_row;         /* nothing of it is kept: another command runs it, or a terminal */
};
/* What its intents say. */
struct engine_changes {
    size_t made; /* promised and not refused */
    size_t open; /* of these: nobody knows whether they happened */
    /* Besides: what was asked for was as before when it was looked at, and no answer had come. */
    size_t as_before;
};
enum fx_code engine_count_changes(struct engine_work *work, const char *run_id,
                                  struct engine_changes *ret_changes, struct fx_error *err);
/* "Nothing was changed." and the like. */
const char *engine_changes_text(struct fx_scope *sc, const struct engine_changes *changes);

/* One more line of the timeline of the run's incident, with who asked and who approved; and the
 * card again. */
enum fx_code engine_incident_note(struct engine_run *run, const char *text, struct fx_error *err);
/* Who let a run happen: the last decision that stands among its values; "" when there is none. */
const char *engine_approver(const struct fx_json *values);
/* Everybody who did, the last one included; NULL when that is not known. */
const struct fx_json *engine_approvers(const struct fx_json *values);

/* What expressions may read, from the row and what is filled. */
enum fx_code engine_bind_names(struct engine_run *run, struct fx_error *err);
/* The run of the job in hand. */
enum fx_code engine_load_run(struct engine_work *work, struct engine_run *ret,
                             struct fx_error *err);
/* Ends the run in this state with a card. */
enum fx_code engine_end_run(struct engine_run *run, enum fx_run_state state, const char *note,
                            const struct fx_json *card, struct fx_error *err);
enum fx_code engine_fail_run(struct engine_run *run, enum fx_run_state state, const char *step_id,
                             const struct fx_error *why, struct fx_error *err);
/* The row as it is now, with values, among the writes. */
void engine_save_run(struct engine_run *run);
void engine_step_context(struct engine_run *run, struct fx_step_context *ret_context);
char *engine_run_key(struct fx_scope *sc, const char *run_id);
/* "redrive 60 of 100 messages" once that is planned, else "/fluxa dlq redrive". */
const char *engine_run_title(const struct engine_run *run);
/* Where a run's own message goes. */
enum fx_code engine_put_run_card(struct engine_run *run, const struct fx_json *card,
                                 struct fx_error *err);

/* ---- schedules.c ---- */

/* A job for the next tick of every configured schedule; one that waits already is not doubled, but
 * moved to an earlier tick. */
enum fx_code engine_schedules_begin(struct fx_engine *engine, struct fx_error *err);
/* The job "schedule". */
enum fx_code engine_schedule(struct engine_work *work, struct fx_error *err);
/* The job "schedule" is given up: the schedule goes on with its next tick. */
void engine_schedule_skip(struct engine_work *work);
bool engine_is_scheduled(const struct fx_run *run);
/* How a scheduled run ends: with its card when what it found has changed, else without a trace. */
enum fx_code engine_scheduled_done(struct engine_run *run, const struct fx_json *card,
                                   struct fx_error *err);
enum fx_code engine_scheduled_failed(struct engine_work *work, struct fx_run *run,
                                     enum fx_run_state state, const struct fx_error *why,
                                     struct fx_error *err);
/* Who asked, as a part of cards: a person, "the alarm", "the follow-up", or the schedule and how
 * often it does. */
struct fx_json *engine_asker(const struct engine_work *work, const struct fx_run *run);

/* ---- quarantine.c ---- */

/* The job will not be tried again: ends its run, and tells the person or the channel that waits. A
 * transient code: nothing of that could be written now, and the job has to be kept. */
enum fx_code engine_give_up(struct engine_work *work, const struct fx_error *why,
                            struct fx_error *err);

/* ---- follow_ups.c ---- */

/* Plans the follow-ups of a run that ends and has changed something. */
enum fx_code engine_start_follow_ups(struct engine_run *run, struct fx_error *err);

/* ---- answer.c, answer_sparklines.c, answer_page.c ---- */

/* The answer part of a runbook, filled in: a card, and the buttons as they must be remembered. */
enum fx_code engine_answer(struct engine_run *run, struct fx_json **ret_card, struct fx_error *err);
/* The answer's `sparklines`, added to the fields of a card. */
enum fx_code engine_answer_sparklines(struct engine_run *run, struct fx_json *fields,
                                      struct fx_error *err);
/* The answer's `page`: written with the run's end, and told on its card. */
enum fx_code engine_answer_page(struct engine_run *run, struct fx_json *card, struct fx_error *err);
/* How a button for a command is remembered: {command, arguments, text, label}; text NULL: the
 * runbook's own. */
struct fx_json *engine_remember_button(struct fx_scope *sc, const struct fx_engine_system *system,
                                       const struct fx_runbook *runbook, const char *arguments,
                                       const char *text);
/* Remembered buttons, drawn. owner is "r=RUN" or "i=INCIDENT". */
struct fx_json *engine_command_buttons(struct fx_scope *sc, const struct fx_json *buttons,
                                       const char *owner);

/* ---- freeze.c ---- */

struct engine_freeze {
    bool is_on;
    const char *by, *reason;
    int64_t at_ms;
    const char *stored;              /* as the setting says it */
    const struct engine_freeze *and; /* of the audit log's: another one that holds besides; NULL */
};
/* Each forbids changes by itself, and none ends another: what people or the count of crashes have
 * frozen, and what the check of the audit log has. */
#define ENGINE_FREEZE_SETTING "freeze"
#define ENGINE_FREEZE_LOG_SETTING "freeze.audit"
#define ENGINE_FREEZE_BY_AUDIT "audit"
#define ENGINE_FREEZE_BY_CRASHES "crashes"
#define ENGINE_TERMINAL "terminal:" /* before the name of who sits there */
enum fx_code engine_freeze_read(struct engine_work *work, struct engine_freeze *ret_freeze,
                                struct fx_error *err);
/* FX_ERR_DENIED, with a sentence that says why and what to do, while changes are frozen. */
enum fx_code engine_frozen(struct engine_work *work, struct fx_error *err);
/* Who can end it, and how; of the other one it says nothing. */
const char *engine_freeze_way_out(const struct engine_freeze *freeze);
/* The one that an admin can end; NULL: there is none. */
const struct engine_freeze *engine_freeze_of_people(const struct engine_freeze *freeze);
/* Parts of cards: "Since 14:02 by Anna: Month end.", beginning with since; and who "by" is. */
struct fx_json *engine_freeze_text(struct fx_scope *sc, const char *since,
                                   const struct engine_freeze *freeze);
struct fx_json *engine_freezer(struct fx_scope *sc, const char *by);
/* Among the writes. The one that ends is the audit log's. */
void engine_freeze_begin(struct engine_work *work, const char *by, const char *reason);
enum fx_code engine_freeze_end(struct engine_work *work, struct fx_error *err);
/* At a start: where an older version kept the audit log's, people's may stand from now on. */
enum fx_code engine_freeze_move(struct engine_work *work, struct fx_error *err);
/* A person's wish, with the cards that tell of it, among the writes: they are FX_ERR_CONFLICT when
 * the switch was turned meanwhile. FX_ERR_INPUT when it stands that way already, and for what only
 * `audit accept` may end. ret_left: what holds all the same; NULL: nothing. */
enum fx_code engine_freeze_by(struct engine_work *work, const char *by, const char *reason,
                              struct fx_error *err);
enum fx_code engine_unfreeze_by(struct engine_work *work, const char *by, const char *reason,
                                const struct engine_freeze **ret_left, struct fx_error *err);

/* ---- anchor.c, the rest is in anchors.h ---- */

/* A decision or a promise is about to be written: with it, that an anchor soon vouches for it. */
void engine_anchor_soon(struct engine_work *work, struct fx_writes *writes);

/* ---- freeze_command.c ---- */

/* The cards of requests that wait are drawn again: each says whether changes are frozen. */
enum fx_code engine_show_requests(struct engine_work *work, struct fx_error *err);
/* Every channel is told, and these cards are drawn again. */
enum fx_code engine_tell_freeze(struct engine_work *work, const struct engine_freeze *freeze,
                                struct fx_error *err);
enum fx_code engine_tell_unfreeze(struct engine_work *work, const char *by, const char *reason,
                                  const struct engine_freeze *left, struct fx_error *err);
/* "freeze [reason]" and "unfreeze reason"; rest is what follows the word. */
enum fx_code engine_freeze_command(struct engine_work *work, const struct fx_engine_system *system,
                                   const struct fx_slack_command *given, bool freeze,
                                   struct fx_slice rest, struct fx_error *err);

/* ---- approval_cards.c ---- */

/* What a card shows of a request that waits. */
struct engine_request {
    const struct fx_approval *approval;
    struct fx_json *bound; /* its plan_json */
    struct fx_vote **votes;
    size_t votes_count;
    struct engine_freeze freeze;
};
struct fx_json *engine_pending_card(struct engine_run *run, const struct engine_request *request);
/* line may be "". */
struct fx_json *engine_decided_card(struct engine_run *run, const struct fx_approval *approval,
                                    const char *title, const char *tone, struct fx_json *verdict,
                                    const char *line);
/* Adds ", approved by @a and @b", in their order: where two are needed, the last decided nothing
 * alone. gate is the value of the step that asked; by (NULL: nobody) stands for all whom a version
 * before did not note. */
void engine_add_approvers(struct fx_scope *sc, struct fx_json *parts, const struct fx_json *gate,
                          const char *by);
/* "1 of 2: Anna approved" */
struct fx_json *engine_votes(struct fx_scope *sc, const struct fx_approval *approval,
                             struct fx_vote *const *votes, size_t count);

/* ---- approvals.c ---- */

/* The approval step: the first time it asks and parks; afterwards it looks at the decision.
 * *ret_value is the step's value when the run may go on; NULL when it waits or has ended. */
enum fx_code engine_approval_step(struct engine_run *run, const struct fx_runbook_step *step,
                                  struct fx_json **ret_value, struct fx_error *err);
/* One person's word: a denial ends the request, an approval counts as one vote. FX_ERR_CONFLICT
 * with a sentence for whoever is too late or has voted before. */
enum fx_code engine_decide(struct engine_work *work, const struct fx_approval *approval,
                           bool approve, const char *user, const char *reason,
                           const char *response_url, struct fx_error *err);
enum fx_code engine_open_deny_dialog(struct engine_work *work, const struct fx_approval *approval,
                                     const char *trigger_id, const char *channel, const char *user,
                                     const char *response_url, struct fx_error *err);
/* Nobody decided, but the request can no longer be approved: its run ends with this reason. FX_OK
 * also when somebody was first. */
enum fx_code engine_withdraw(struct engine_work *work, const struct fx_approval *approval,
                             const char *reason, struct fx_error *err);
/* The job "expire". */
enum fx_code engine_expire(struct engine_work *work, struct fx_error *err);
/* The job "remind", at half time: a word in the thread of a request that nobody has decided. */
enum fx_code engine_remind(struct engine_work *work, struct fx_error *err);
/* The digest of an approval over everything it is bound to. */
char *engine_plan_digest(struct fx_scope *sc, const struct fx_run *run,
                         const struct fx_approval *approval);

/* ---- inputs.c ---- */

/* What a plan is made from and a step reads again: the system's definition with the configuration
 * filled in, the arguments, whose rights and which region and address its calls have, and which
 * databases. Holds no secret. */
struct fx_json *engine_inputs(const struct engine_run *run);
/* `queues.orders.url was "a" and is "b"`, so many of them as a person reads; NULL: none. */
const char *engine_difference(struct fx_scope *sc, const struct fx_json *was,
                              const struct fx_json *is);

/* ---- change.c ---- */

/* Runs a changing step under the approval that names it. ret as for a reading step; FX_ERR_CONFLICT
 * and FX_ERR_DENIED refuse it before anything happened. */
enum fx_code engine_change_step(struct engine_run *run, const struct fx_runbook_step *step,
                                struct fx_step_result *ret_result, struct fx_error *err);
/* Whether any of it was begun in this step, and may have left. */
enum fx_code engine_has_begun(struct engine_run *run, const struct fx_runbook_step *step,
                              bool *ret_begun, struct fx_error *err);

/* ---- crashes.c ---- */

/* Before any thread runs: counts this start, and freezes changes when too many before it did not
 * end as they should. */
enum fx_code engine_crashes_start(struct fx_engine *engine, struct fx_error *err);
/* This one ends as it should. */
void engine_crashes_end(struct fx_engine *engine);

/* ---- recall.c: what a step may know beyond its run; see fx_step_host ---- */

enum fx_code engine_recall(struct engine_run *run, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err);
enum fx_code engine_remember(struct engine_run *run, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err);
enum fx_code engine_past_run(struct engine_run *run, struct fx_scope *sc, const char *command,
                             const char *id, struct fx_json **ret_run, struct fx_error *err);
/* Among the writes of an intent: this is now the newest run of its command that changed something.
 */
void engine_note_change(struct engine_run *run, struct fx_scope *sc, struct fx_writes *writes);

/* ---- promises.c ---- */

/* What is known of the call that an intent stands for. */
enum fx_known engine_known(struct fx_scope *sc, const struct fx_intent *intent);

/* ---- host.c, promises.c ---- */

struct engine_host; /* a fx_step_host for one step of one run */
/* approval is NULL for a reading step, which then cannot begin an effect. */
struct fx_step_host *engine_host_new(struct engine_run *run, const struct fx_runbook_step *step,
                                     const struct fx_approval *approval);
/* What its promises need of the approved plan; otherwise they read it themselves, and a plan may be
 * long. */
void engine_host_read_plan(struct fx_step_host *host, const struct fx_json *plan);
struct fx_json *engine_stop_button(const struct engine_run *run, struct fx_scope *sc);
