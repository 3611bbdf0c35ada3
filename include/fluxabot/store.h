/* store.h - everything fluxabot must not forget: events, jobs, runs, intents, approvals, incidents,
 * messages, the audit log.
 *
 * Every operation may be called from any thread. Each is one transaction: when it returns FX_OK the
 * change is durable, when it fails nothing has changed. FX_ERR_CONFLICT means that somebody else
 * was first: touch nothing more. What is read may be a change whose author still waits for the
 * disk: nothing that is written because of it is ever kept without it, and audit_head shows none.
 * Replies are allocated in the scope. Times are wall milliseconds. Texts named *_json hold JSON
 * that only the engine understands. A NULL text is stored as "", and no text that is read is NULL.
 * Texts are UTF-8; of what is not, PostgreSQL keeps U+FFFD instead.
 *
 * SQLite serves one process. When its disk fails it stops for good, FX_ERR_UNAVAILABLE for this and
 * every later call: only a restart finds out what the file holds. PostgreSQL serves any number of
 * processes. While it is away an operation waits for it, accept for less than the two seconds of a
 * receiver, and then is FX_ERR_UNAVAILABLE; when it is back the store goes on without a restart.
 * With both, the operation that met the fault may be found done later: repeating it must be safe.
 */
#pragma once

#include "fluxabot/base/json.h"

struct fx_clock;
struct fx_random;

/* ---- what is kept ---- */

/* A process that dies takes down all that its workers hold, so a death beside others proves little:
 * it counts up to this number, and beyond it only for a worker of this name, who holds his job
 * alone. */
#define FX_STORE_SHARED_DEATHS 2
#define FX_STORE_ALONE "alone"

enum {
    FX_STORE_EVENT_KEYS = 3,
    FX_STORE_MAX_BODY_BYTES = 4 << 20, /* of an event, and of any other text that is written */
    FX_STORE_MAX_ROWS = 1000,          /* no list with a max is longer */
    FX_STORE_WAIT_MS = 10000,          /* an operation waits for the database, all tries together */
    FX_STORE_FREEZES = 2,              /* settings that may forbid one change */
    FX_STORE_PEOPLE_IN_A_ROW = 7,      /* jobs of people, claimed before one of the others */
};

/* Who waits for a job; whoever writes it says so. PERSON: commands, clicks, decisions, and the runs
 * that people begin or approve. MACHINE: alarms, schedules, follow-ups, and what these begin. */
enum fx_rank { FX_RANK_MACHINE, FX_RANK_PERSON };

/* What came in, as it came in. */
struct fx_event {
    const char *id;
    const char *kind;  /* "sns", "slack.command", "slack.interaction", "reconcile" */
    const char *body;  /* raw, text */
    bool verified;     /* false: the worker verifies before anything else */
    enum fx_rank rank; /* of its job; not kept with the event */
    int64_t received_ms;
    /* Any key seen before makes the event a repetition, and so does its id. Keys outlive
     * restarts. NULL and "" are no keys. */
    const char *keys[FX_STORE_EVENT_KEYS];
    /* Given to accept, or NULL: called once the job of a new event may be claimed, which may be
     * before it is on the disk and accept returns: whoever works at it meanwhile is told that his
     * own change is kept when both are. Must not call the store. */
    void (*claimable)(void *argument);
    void *claimable_argument;
};

enum fx_job_state { FX_JOB_READY, FX_JOB_LEASED, FX_JOB_DONE, FX_JOB_QUARANTINED };

/* Something to do at or after due_ms: an event to handle, a run to go on with, a timer. */
struct fx_job {
    int64_t id;
    const char *kind;    /* "event", "run", "expire", "schedule", ... */
    const char *subject; /* an event id, run id, approval id or the place of a schedule */
    enum fx_rank rank;
    int64_t due_ms;
    int attempts;      /* claims so far, this one included */
    int deaths;        /* of these, how many ended without a word: whoever held it was gone */
    const char *token; /* of this claim; the store checks it at every write of the claimant */
    const char *last_error;
};

enum fx_run_state {
    FX_RUN_QUEUED,
    FX_RUN_RUNNING,
    FX_RUN_WAITING,  /* a timer or an approval will wake it */
    FX_RUN_APPROVAL, /* waits for a person's decision */
    FX_RUN_ASKING,   /* the outcome of a change is unknown: a person must look */
    FX_RUN_DONE,
    FX_RUN_REFUSED, /* not allowed, or the facts changed: nothing was done */
    FX_RUN_DENIED,
    FX_RUN_EXPIRED,
    FX_RUN_STOPPED, /* a person pressed Stop */
    FX_RUN_FAILED,
};
const char *fx_run_state_name(enum fx_run_state state);
bool fx_run_state_is_final(enum fx_run_state state);

/* One execution of one runbook. */
struct fx_run {
    const char *id;
    const char *system, *environment, *command;
    const char *runbook_digest; /* of the file it was started with */
    const char *arguments_json;
    const char *trigger;      /* "slash", "button", "alarm", "schedule", "terminal" */
    const char *requester;    /* Slack user id; "" for an alarm and a schedule */
    const char *channel;      /* where it was asked */
    const char *response_url; /* "" when none */
    const char *parent;       /* key of the message under which details go; "" for the channel */
    const char *incident;     /* id, or "" */
    enum fx_run_state state;
    const char *note;            /* one sentence on how it stands or ended */
    int step;                    /* index of the step to run next */
    const char *values_json;     /* outputs of the finished steps */
    const char *checkpoint_json; /* of the step that parked; "" when none */
    bool stop_requested;         /* once set it stays, also when an older copy is written over it */
    const char *stop_by;
    int64_t created_ms, updated_ms;
};

enum fx_approval_state {
    FX_APPROVAL_PENDING,
    FX_APPROVAL_APPROVED,
    FX_APPROVAL_DENIED,
    FX_APPROVAL_EXPIRED
};

/* A question to a person, bound to one plan. */
struct fx_approval {
    const char *id;
    const char *run, *step;
    const char *digest;    /* SHA-256 of the canonical plan */
    const char *plan_json; /* what was shown and will be executed */
    const char *requester;
    enum fx_approval_state state;
    int64_t created_ms, expires_ms;
    int64_t execute_before_ms; /* set by the decision */
    const char *decided_by;    /* of several who approve, the last */
    int64_t decided_ms;
    const char *reason;
    int needed; /* how many persons must approve; 0 when given: one */
    /* Given with APPROVED: every account of the person in decided_by. NULL: that one alone. */
    const char *const *accounts;
    size_t accounts_count;
};

/* A person's yes. */
struct fx_vote {
    const char *voter; /* Slack user id */
    int64_t at_ms;
};

enum fx_intent_state {
    FX_INTENT_SET,
    FX_INTENT_DONE,
    FX_INTENT_FAILED,
    FX_INTENT_UNKNOWN,
    FX_INTENT_NOT_SENT, /* it did not leave this program, or was turned away for a moment: as if it
                           had not been set */
};

/* Why an intent was not set. */
enum fx_refusal {
    FX_REFUSED_NOT,         /* set, or the store failed */
    FX_REFUSED_BEGUN,       /* it was set before, or cannot be repeated: read the intents */
    FX_REFUSED_LEASE,       /* the claim is over, or too little of its lease is left */
    FX_REFUSED_STOPPED,     /* a person wants the run to stop */
    FX_REFUSED_FROZEN,      /* a setting forbids changes */
    FX_REFUSED_NO_APPROVAL, /* the approval is not, or no longer, given */
    FX_REFUSED_LATE,        /* the time in which it may be used is over */
    FX_REFUSED_FORGETFUL,   /* a failover may forget it: see may_forget */
};
const char *fx_refusal_name(enum fx_refusal refusal);

/* What must hold at the moment an intent is set: looked at in the same transaction, behind whatever
 * was committed before it. What is committed later lets this one call through, and no other. */
struct fx_guard {
    /* of the lease of the job, so much must be left */
    int64_t lease_left_ms;
    /* no Stop was requested for the run */
    bool unless_stopped;
    /* names of settings that are "" or were never set; NULL: none */
    const char *freezes[FX_STORE_FREEZES];
    /* may_forget says no: another server in the place of this one would know of the intent */
    bool unless_forgetful;
    /* approved, and in time; NULL: none is wanted */
    const char *approval;
    /* in time is also what follows an earlier intent of the step after a rest no longer than this:
     * a change that takes its time is not cut off in its middle, one that was forgotten is */
    int64_t rest_ms;
    /* the same call once more under the same key: its intent is SET or UNKNOWN, and SET then.
     * Without it a key that was used is free only when it is NOT_SENT */
    bool repeat;

    /* Filled in when it fails. */
    enum fx_refusal refusal;
};

/* The promise made before a call that changes the world, and what became of it. */
struct fx_intent {
    const char *run, *step, *key; /* unique together */
    const char *digest;           /* of the approved plan it belongs to */
    enum fx_intent_state state;
    const char *what_json, *outcome_json;
    int64_t set_ms, settled_ms; /* 0 when given: the store's clock */
    struct fx_guard *guard;     /* when it is set; NULL: nothing but the claim is looked at */
};

enum fx_incident_state { FX_INCIDENT_OPEN, FX_INCIDENT_CLOSED };

struct fx_incident {
    const char *id;
    const char *system, *environment;
    const char *key; /* what makes two alarms the same incident: the alarm's ARN, or a digest */
    const char *title, *severity; /* "critical", "high", "medium", "low" */
    enum fx_incident_state state;
    int64_t opened_ms, closed_ms;
    int64_t changed_ms;   /* StateChangeTime of the newest alarm: older ones change nothing */
    int64_t seen;         /* how many times it was told */
    const char *acked_by; /* "" */
    int64_t acked_ms;
    bool paged;
    const char *body_json; /* the alarm, the triage verdict, the timeline */
    int64_t version; /* as read, 0 for a new one: a write over another version is FX_ERR_CONFLICT */
    /* When given: what incident_by_key said when this was decided, id and version of that incident,
     * "" and 0 for none. If it says something else by now, that is FX_ERR_CONFLICT, too: an alarm
     * and its end that are handled at the same moment must see each other. NULL: not asked. */
    const char *seen_id;
    int64_t seen_version;
};

enum fx_message_kind {
    FX_MESSAGE_PUT,       /* make the Slack message `key` look like this: post it, or update it */
    FX_MESSAGE_EPHEMERAL, /* to `user` in `channel`, through response_url when there is one */
    FX_MESSAGE_VIEW,      /* a dialog; payload holds trigger_id */
    FX_MESSAGE_PAGE,      /* a PagerDuty event */
};
enum fx_message_state {
    FX_MESSAGE_WAITING,
    FX_MESSAGE_SENDING,
    FX_MESSAGE_SENT,
    FX_MESSAGE_FAILED
};

/* Which of two that wait in a lane goes first. */
enum fx_urgency {
    FX_URGENCY_DECISION = -1, /* somebody must look: a request for approval, a storm of alarms */
    FX_URGENCY_NORMAL = 0,
    FX_URGENCY_PROGRESS = 1, /* worth less with every second, and replaced soon */
};

enum {
    FX_STORE_POST_PACE_MS = 1000,      /* Slack: one new post a second per channel */
    FX_STORE_SEND_LEASE_MS = 30000,    /* how long a lane is one sender's, if he tells no end */
    FX_STORE_ORDERED_ATTEMPTS = 6,     /* then a post no longer holds up the others of its lane */
    FX_STORE_LANE_MAX_MS = 60 * 60000, /* no pause is longer */
    FX_STORE_LATE_MS = 10 * 60000,     /* so late may an edit arrive whose answer was given up */
};

/* A row of the outbox. A newer PUT of the same key replaces one that still waits: it takes
 * over the place in the order, but under a new seq, so that nobody sends the old text by mistake.
 * Messages of one kind and key go out one after the other, and so do the new posts of one thread.
 *
 * Lanes: new posts of one channel, edits in one channel, private answers to one person, dialogs of
 * one person, pages. In each one message is under way at a time, for all processes that share the
 * store together, and a new post comes FX_STORE_POST_PACE_MS after the one before it at the
 * earliest. No lane waits for another. */
struct fx_message {
    int64_t seq;
    enum fx_message_kind kind;
    enum fx_urgency urgency;
    const char *key;    /* "incident:ID", "run:ID:answer"; unique per Slack message */
    const char *parent; /* key of the message whose thread it goes to; "" */
    const char *channel;
    const char *user;         /* EPHEMERAL */
    const char *response_url; /* EPHEMERAL, "" when none */
    const char *payload_json; /* what slack or pagerduty drew */
    enum fx_message_state state;
    int attempts;
    int64_t due_ms, created_ms;
    const char *last_error;
    const char *lane; /* on reading */
    bool in_doubt;    /* on reading: an attempt before was not answered, and may have arrived */
    const char *ts;   /* on reading: of the posted message, "" before */
    const char *parent_ts; /* on reading: of the parent, "" when there is none */
};

/* Alarms of one channel that came too many at once to be told one by one. At most one goes on per
 * channel. */
struct fx_storm {
    const char *id, *channel;
    int64_t began_ms, last_ms; /* when the last alarm joined */
    int64_t ended_ms;          /* 0: it goes on */
    int64_t count;             /* of its alarms */
    int64_t news, told;        /* unequal: something has changed that its card does not show */
    int64_t told_ms;           /* when its card was changed last */
};

/* An incident that belongs to a storm. */
struct fx_storm_member {
    const char *storm;
    const char *incident; /* NULL: none joins, but one that has joined has changed */
    const char *system, *severity;
    int rank;           /* the worst is 0 */
    const char *prefix; /* of the alarm's name, to count by */
};

/* That its card was changed. */
struct fx_storm_told {
    struct fx_storm storm;
    int64_t before_ms; /* told_ms as it was read */
};

/* How many alarms of a storm are alike. */
struct fx_storm_group {
    const char *system, *severity, *prefix;
    int64_t count, open;
};

/* A row of the chain; n, hash and the row before are the store's business. */
struct fx_audit {
    int64_t n;
    int64_t at_ms;
    const char *actor;   /* Slack user id, "alarm", "schedule", "fluxabot" */
    const char *action;  /* "approval.approved", "effect.begun", ... */
    const char *subject; /* run, approval or incident id */
    const char *detail_json;
    const char *previous_hash, *hash;
};

/* What is to be remembered under a name: the freeze switch, when alarms were last compared. */
struct fx_setting {
    const char *name, *value;
    const char *expected; /* FX_ERR_CONFLICT unless this is its value now; NULL: whatever it is */
};

/* ---- what is written together ---- */

/* Rows that become durable in the same transaction as the operation they are given to. Every list
 * may be empty; a run or incident is inserted or replaced by its id. */
struct fx_writes {
    const struct fx_run **runs;
    size_t runs_count;
    const struct fx_approval **approvals; /* new ones, pending; a known id is FX_ERR_CONFLICT */
    size_t approvals_count;
    const struct fx_incident **incidents;
    size_t incidents_count;
    const struct fx_message **messages;
    size_t messages_count;
    const struct fx_job **jobs; /* kind, subject, rank, due_ms; an equal one (kind, subject) that
                                   is ready takes the earlier due_ms and the higher rank instead */
    size_t jobs_count;
    const struct fx_audit **audits; /* actor, action, subject, detail_json */
    size_t audits_count;
    const struct fx_setting **settings;
    size_t settings_count;
    /* one that joins a storm which has ended meanwhile is FX_ERR_CONFLICT */
    const struct fx_storm_member **storm_members;
    size_t storm_members_count;
    /* told, told_ms and ended_ms replace those of id. FX_ERR_CONFLICT when somebody else has told
     * meanwhile, or when one joined a storm that shall end. */
    const struct fx_storm_told **storms_told;
    size_t storms_told_count;
    /* Unless NULL, settle begins in the same transaction the first of the messages that may go now,
     * as outbox_begin would, and *ret_begun is it as outbox_ready would have told it; NULL when
     * none may. Left to outbox_ready are private answers, and what others of its lane wait or go
     * before.
     */
    struct fx_message **ret_begun;
};

/* Each takes a copy of the struct, not of its texts: they must live until the operation. */
void fx_writes_run(struct fx_scope *sc, struct fx_writes *w, const struct fx_run *run);
void fx_writes_approval(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_approval *approval);
void fx_writes_incident(struct fx_scope *sc, struct fx_writes *w,
                        const struct fx_incident *incident);
void fx_writes_message(struct fx_scope *sc, struct fx_writes *w, const struct fx_message *message);
/* A job of FX_RANK_MACHINE. */
void fx_writes_job(struct fx_scope *sc, struct fx_writes *w, const char *kind, const char *subject,
                   int64_t due_ms);
void fx_writes_job_of_rank(struct fx_scope *sc, struct fx_writes *w, enum fx_rank rank,
                           const char *kind, const char *subject, int64_t due_ms);
/* detail may be NULL. */
void fx_writes_audit(struct fx_scope *sc, struct fx_writes *w, const char *actor,
                     const char *action, const char *subject, const struct fx_json *detail);
void fx_writes_setting(struct fx_scope *sc, struct fx_writes *w, const char *name,
                       const char *value);
void fx_writes_setting_if(struct fx_scope *sc, struct fx_writes *w, const char *name,
                          const char *value, const char *expected);

void fx_writes_storm_member(struct fx_scope *sc, struct fx_writes *w,
                            const struct fx_storm_member *member);
void fx_writes_storm_told(struct fx_scope *sc, struct fx_writes *w, const struct fx_storm *storm,
                          int64_t before_ms);

enum fx_settle {
    FX_SETTLE_DONE,
    FX_SETTLE_RETRY,
    FX_SETTLE_BACK, /* as if it had not been claimed */
    FX_SETTLE_QUARANTINE
};

/* How much waits: for gauges and the doctor. */
struct fx_store_counts {
    int64_t jobs_ready, jobs_leased, jobs_quarantined;
    int64_t messages_waiting, messages_sending, messages_failed;
};

struct fx_store {
    void (*close)(struct fx_store *store);

    /* -- reception -- */

    /* Stores event and a ready job ("event", event->id) together. A repetition stores nothing:
     * FX_OK with *ret_new false. */
    enum fx_code (*accept)(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_event *event, bool *ret_new, struct fx_error *err);

    /* -- work -- */

    /* The due job that waits longest, of PERSON before MACHINE, but after FX_STORE_PEOPLE_IN_A_ROW
     * of those the other way round; leased until now_ms + lease_ms, and one whose lease ran out is
     * ready. Two jobs of one kind and subject are never leased at once: the second waits until the
     * first is settled. *ret_job is NULL when nothing is due; *ret_next_due_ms then says when
     * something will be (0: nothing waits), and with a job, when the next one is or was, which may
     * be one that has to wait for this. Processes that share a store must agree on the time to
     * within a small part of a lease. A power cut may forget the claim, which is free after it
     * anyhow; what is settled with it is kept together with it. So also with extend. */
    enum fx_code (*claim)(struct fx_store *store, struct fx_scope *sc, const char *worker,
                          int64_t now_ms, int64_t lease_ms, struct fx_job **ret_job,
                          int64_t *ret_next_due_ms, struct fx_error *err);
    enum fx_code (*extend)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           int64_t until_ms, struct fx_error *err);
    /* Ends the claim, with the writes. FX_ERR_CONFLICT when the lease was lost (ran out and was
     * taken by another claim): nothing is written. With FX_SETTLE_RETRY and _BACK the job is ready
     * again at due_ms. */
    enum fx_code (*settle)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                           enum fx_settle how, int64_t due_ms, const char *error,
                           const struct fx_writes *writes, struct fx_error *err);
    /* Writes in the middle of a job; job may be NULL for writes that belong to none. */
    enum fx_code (*write)(struct fx_store *store, struct fx_scope *sc, const struct fx_job *job,
                          const struct fx_writes *writes, struct fx_error *err);

    /* Sets the intent, with the writes: the compare-and-set before an effect. FX_ERR_CONFLICT when
     * it was set before (it may already have happened) or when the lease was lost or runs out too
     * soon; FX_ERR_DENIED when it must not happen. intent->guard says which of them. */
    enum fx_code (*begin_effect)(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_job *job, const struct fx_intent *intent,
                                 const struct fx_writes *writes, struct fx_error *err);
    /* Records what became of it. Not bound to the lease: the truth may always be written, once.
     * UNKNOWN is not the truth yet, any other may follow it. FX_ERR_CONFLICT when it stands. */
    enum fx_code (*end_effect)(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_intent *intent, const struct fx_writes *writes,
                               struct fx_error *err);

    /* Pending becomes state if expires_ms has not passed (expiring: if it has). The first decision
     * wins: a later one is FX_ERR_CONFLICT. APPROVED is one person's vote: it is kept, and as long
     * as fewer than needed have voted the state stays pending; a second vote of any of the accounts
     * is FX_ERR_CONFLICT. What counts makes the job ("run", approval->run) ready at once. given
     * holds id, state, decided_by, decided_ms, execute_before_ms, reason, accounts. */
    enum fx_code (*decide)(struct fx_store *store, struct fx_scope *sc,
                           const struct fx_approval *given, const struct fx_writes *writes,
                           struct fx_error *err);
    /* Marks the run so that its next look stops it. A repetition is FX_OK and writes nothing;
     * FX_ERR_CONFLICT when the run has ended. */
    enum fx_code (*request_stop)(struct fx_store *store, struct fx_scope *sc, const char *run_id,
                                 const char *user, const struct fx_writes *writes,
                                 struct fx_error *err);

    /* -- outbox -- */

    /* Messages that may be sent now, at most max of each lane that is free: due, nothing of the
     * same kind and key before them, for a new post nothing of the same thread before them, and for
     * a PUT their parent posted. In each lane, and over all, the urgent first, then the oldest.
     * *ret_next_due_ms as with claim; lanes that are not free yet count. */
    enum fx_code (*outbox_ready)(struct fx_store *store, struct fx_scope *sc, int64_t now_ms,
                                 size_t max, struct fx_message ***ret_messages, size_t *ret_count,
                                 int64_t *ret_next_due_ms, struct fx_error *err);
    /* Waiting becomes sending, and its lane is taken. FX_ERR_CONFLICT when it was replaced or taken
     * meanwhile; FX_ERR_THROTTLED with retry_after_ms while its lane or its method is not free. */
    enum fx_code (*outbox_begin)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t now_ms, struct fx_error *err);
    /* ts, unless "", is remembered under the key of a PUT, and what waits under that key is an edit
     * from then on. Where an edit of that key was put in doubt, it may still arrive and show an
     * older text: until FX_STORE_LATE_MS after that the newest text does not end but waits, to be
     * sent once more. */
    enum fx_code (*outbox_sent)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                const char *ts, int64_t now_ms, struct fx_error *err);
    /* Sending becomes waiting; a newer PUT of the same key that came meanwhile takes its place.
     * After FX_ERR_THROTTLED nothing of its method goes before due_ms, from no process. why->sent
     * puts it in doubt. A new post holds its lane up until due_ms, the first
     * FX_STORE_ORDERED_ATTEMPTS times. */
    enum fx_code (*outbox_retry)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                 int64_t due_ms, const struct fx_error *why, struct fx_error *err);
    enum fx_code (*outbox_failed)(struct fx_store *store, struct fx_scope *sc, int64_t seq,
                                  const char *error, struct fx_error *err);
    /* At start: what a dead process left as sending waits again, in doubt. PostgreSQL knows who
     * lives, and whoever lives does this every few seconds; with SQLite the caller must be the only
     * one. */
    enum fx_code (*outbox_recover)(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err);
    /* Likewise: what a dead one had claimed is ready now, instead of when its lease ends. */
    enum fx_code (*release_leases)(struct fx_store *store, struct fx_scope *sc,
                                   struct fx_error *err);

    /* A quarantined job is ready again, as if it had never been tried. FX_ERR_CONFLICT when it is
     * not quarantined, or is already asked for again. */
    enum fx_code (*revive)(struct fx_store *store, struct fx_scope *sc, int64_t job_id,
                           int64_t now_ms, const struct fx_writes *writes, struct fx_error *err);
    /* Whether a failover may forget what has been acknowledged: *ret_how is a sentence for people
     * that says why, NULL when not. As it stands now: standbys come and go. */
    enum fx_code (*may_forget)(struct fx_store *store, struct fx_scope *sc, const char **ret_how,
                               struct fx_error *err);

    /* -- storms of alarms; NULL with FX_OK when absent -- */

    /* Begins one unless one goes on in that channel; *ret_storm is the one that goes on now. Of
     * storm id, channel and began_ms count. */
    enum fx_code (*storm_begin)(struct fx_store *store, struct fx_scope *sc,
                                const struct fx_storm *storm, struct fx_storm **ret_storm,
                                struct fx_error *err);
    enum fx_code (*storm)(struct fx_store *store, struct fx_scope *sc, const char *id,
                          struct fx_storm **ret_storm, struct fx_error *err);
    /* The one that goes on in this channel. */
    enum fx_code (*storm_of)(struct fx_store *store, struct fx_scope *sc, const char *channel,
                             struct fx_storm **ret_storm, struct fx_error *err);
    /* With news, and told at told_before_ms or earlier; or going on, but joined by nobody since
     * quiet_since_ms. */
    enum fx_code (*storms_due)(struct fx_store *store, struct fx_scope *sc, int64_t told_before_ms,
                               int64_t quiet_since_ms, struct fx_storm ***ret_storms,
                               size_t *ret_count, struct fx_error *err);
    /* The largest first, at most FX_STORE_MAX_ROWS. */
    enum fx_code (*storm_groups)(struct fx_store *store, struct fx_scope *sc, const char *id,
                                 struct fx_storm_group ***ret_groups, size_t *ret_count,
                                 struct fx_error *err);
    /* Open ones first, of these the worst first, without the first skip. Of each only id, system,
     * environment, title, severity, state and opened_ms are read. */
    enum fx_code (*storm_incidents)(struct fx_store *store, struct fx_scope *sc, const char *id,
                                    size_t skip, size_t max, struct fx_incident ***ret_incidents,
                                    size_t *ret_count, struct fx_error *err);

    /* -- reads; NULL with FX_OK when absent -- */

    enum fx_code (*event)(struct fx_store *store, struct fx_scope *sc, const char *id,
                          struct fx_event **ret_event, struct fx_error *err);
    enum fx_code (*run)(struct fx_store *store, struct fx_scope *sc, const char *id,
                        struct fx_run **ret_run, struct fx_error *err);
    /* The newest first; unfinished only when open; of every system when system is "". */
    enum fx_code (*runs)(struct fx_store *store, struct fx_scope *sc, const char *system, bool open,
                         size_t max, struct fx_run ***ret_runs, size_t *ret_count,
                         struct fx_error *err);
    enum fx_code (*approval)(struct fx_store *store, struct fx_scope *sc, const char *id,
                             struct fx_approval **ret_approval, struct fx_error *err);
    /* Newest approval of a run's step. */
    enum fx_code (*approval_of)(struct fx_store *store, struct fx_scope *sc, const char *run,
                                const char *step, struct fx_approval **ret_approval,
                                struct fx_error *err);
    /* Who has approved it, in that order. */
    enum fx_code (*votes)(struct fx_store *store, struct fx_scope *sc, const char *approval,
                          struct fx_vote ***ret_votes, size_t *ret_count, struct fx_error *err);
    /* Those that still wait for a decision, oldest first. */
    enum fx_code (*approvals_pending)(struct fx_store *store, struct fx_scope *sc, size_t max,
                                      struct fx_approval ***ret_approvals, size_t *ret_count,
                                      struct fx_error *err);
    /* In the order they were set; step "" means every step of the run. */
    enum fx_code (*intents)(struct fx_store *store, struct fx_scope *sc, const char *run,
                            const char *step, struct fx_intent ***ret_intents, size_t *ret_count,
                            struct fx_error *err);
    enum fx_code (*incident)(struct fx_store *store, struct fx_scope *sc, const char *id,
                             struct fx_incident **ret_incident, struct fx_error *err);
    /* The open incident with this key, otherwise the newest closed one. An ALARM and its OK that
     * are handled at the same moment leave both: the open one must find its end. */
    enum fx_code (*incident_by_key)(struct fx_store *store, struct fx_scope *sc, const char *system,
                                    const char *key, struct fx_incident **ret_incident,
                                    struct fx_error *err);
    enum fx_code (*incidents)(struct fx_store *store, struct fx_scope *sc, const char *system,
                              bool open, size_t max, struct fx_incident ***ret_incidents,
                              size_t *ret_count, struct fx_error *err);
    /* "" when never posted. */
    enum fx_code (*message_ts)(struct fx_store *store, struct fx_scope *sc, const char *key,
                               const char **ret_ts, struct fx_error *err);
    /* Rows from n upwards, at most max. */
    enum fx_code (*audits)(struct fx_store *store, struct fx_scope *sc, int64_t from_n, size_t max,
                           struct fx_audit ***ret_audits, size_t *ret_count, struct fx_error *err);
    /* The newest rows about one subject, oldest first, at most max. */
    enum fx_code (*audits_of)(struct fx_store *store, struct fx_scope *sc, const char *subject,
                              size_t max, struct fx_audit ***ret_audits, size_t *ret_count,
                              struct fx_error *err);
    /* The last row, for an anchor outside; NULL while the log is empty. */
    enum fx_code (*audit_head)(struct fx_store *store, struct fx_scope *sc,
                               struct fx_audit **ret_audit, struct fx_error *err);
    /* "" when never set. */
    enum fx_code (*setting)(struct fx_store *store, struct fx_scope *sc, const char *name,
                            const char **ret_value, struct fx_error *err);
    /* Jobs in a state, oldest first: the quarantined ones are for a person. */
    enum fx_code (*jobs)(struct fx_store *store, struct fx_scope *sc, enum fx_job_state state,
                         size_t max, struct fx_job ***ret_jobs, size_t *ret_count,
                         struct fx_error *err);
    enum fx_code (*counts)(struct fx_store *store, struct fx_scope *sc,
                           struct fx_store_counts *ret_counts, struct fx_error *err);

    /* Forgets done jobs and sent messages that ended before before_ms, a bounded number at a time.
     * Event keys, runs, decisions, intents and the audit log stay. */
    enum fx_code (*prune)(struct fx_store *store, struct fx_scope *sc, int64_t before_ms,
                          struct fx_error *err);
};

/* url: "sqlite:///absolute/path", "sqlite:relative", or libpq's "postgresql://...", which no
 * message repeats: it may hold a password. Creates the file, or the schema "fluxabot" in a database
 * that is there, and migrates it forward. FX_ERR_INPUT when somebody must change something first: a
 * newer schema, something that is not ours, a PostgreSQL that forgets (fsync, full_page_writes or
 * synchronous_commit off). Ids and tokens come from random. */
enum fx_code fx_store_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                           struct fx_random *random, struct fx_store **ret_store,
                           struct fx_error *err);

/* The hash of an audit row over the one before it: SHA-256 of previous_hash and the canonical row.
 */
char *fx_audit_hash(struct fx_scope *sc, const struct fx_audit *audit);
/* Walks the whole chain. *ret_bad_n is 0 when it is whole, else the first row that does not follow
 * from the rows before it. *ret_head is the last row's hash. */
enum fx_code fx_audit_verify(struct fx_store *store, struct fx_scope *sc, int64_t *ret_rows,
                             int64_t *ret_bad_n, const char **ret_head, struct fx_error *err);
