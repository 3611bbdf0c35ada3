/* store/rows.h - what the store keeps, row by row. Types only; see store.h for what is promised.
 *
 * Times are wall milliseconds. Texts named *_json hold JSON that only the engine understands. A
 * NULL text is stored as "", and no text that is read is NULL.
 */
#pragma once

#include "fluxabot/base/json.h"

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
    /* For accept, or NULL: called once the job of a new event may be claimed, perhaps before it is
     * on the disk; what the claimant writes is kept behind it. Must not call the store. */
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
    int64_t set_ms, settled_ms; /* 0 when given: the store's clock; see end_effect for set_ms */
    struct fx_guard *guard;     /* when it is set; NULL: nothing but the claim is looked at */
    /* set, or ended, together with this one: all of them or none. The guard is that of the first.
     * NULL: none follows */
    const struct fx_intent *and;
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
    FX_MESSAGE_FILE,      /* a picture or a table, into the thread of `parent`; key: its own */
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
    FX_STORE_POST_PACE_MS = 1000,      /* Slack: one new post a second per channel; files too */
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
 * one person, pages, files of one channel. In each one message is under way at a time, for all
 * processes that share the store together, and a new post comes FX_STORE_POST_PACE_MS after the one
 * before it at the earliest, likewise a file. No lane waits for another, but that a file follows
 * what was to be posted in its thread before it. */
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
    bool is_redacted; /* when given: detail_json holds no secret and is written as it is */
    const char *previous_hash, *hash;
};

/* What is to be remembered under a name: the freeze switch, when alarms were last compared. */
struct fx_setting {
    const char *name, *value;
    const char *expected; /* FX_ERR_CONFLICT unless this is its value now; NULL: whatever it is */
};
