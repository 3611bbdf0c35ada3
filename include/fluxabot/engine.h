/* engine.h - events to runs, runs to steps, results to messages.
 *
 * Workers claim jobs from the store and do what they say: read an event, go on with a run, expire
 * an approval. A few more threads empty the outbox at Slack's pace, one keeps leases alive.
 * Everything an engine knows that must survive is in the store; killing it at any moment loses and
 * doubles nothing that a new one would not find.
 *
 * Messages and pages go out at least once. An attempt that was not answered may have arrived: a
 * page has a dedup key and an edit may be done twice; a new post is looked for in its channel or
 * thread first when the token has channels:history, and edited if it stands there; otherwise, and
 * for private answers, the repetition says that it may be one, as does the title of a file that was
 * not found in its thread. A call that arrives after we have looked is the one repetition nobody
 * sees.
 */
#pragma once

#include "fluxabot/base/metrics.h"
#include "fluxabot/policy.h"
#include "fluxabot/runbook.h"
#include "fluxabot/sns.h"
#include "fluxabot/state.h"
#include "fluxabot/store.h"

#include <assert.h>
#include <stdatomic.h>

struct fx_anchor;
struct fx_aws;
struct fx_engine;
struct fx_http;
struct fx_pagerdutyapi;
struct fx_sign_key;
struct fx_slackapi;

enum {
    FX_ENGINE_LEASE_MS = 25 * 1000,
    FX_ENGINE_LEASE_LOOKS = 3,  /* a living worker's lease is extended so often before it ends */
    FX_ENGINE_POLL_MS = 1000,   /* how late a due job may start when nobody wakes us */
    FX_ENGINE_MAX_ATTEMPTS = 5, /* of a job that fails, before it is quarantined */
    FX_ENGINE_MAX_DEATHS = FX_STORE_SHARED_DEATHS + 1, /* of a job's holders: quarantined */
    FX_ENGINE_STEP_TIMEOUT_MS = 60 * 1000,
    FX_ENGINE_APPROVAL_MS = 15 * 60 * 1000,         /* how long a request waits for a decision */
    FX_ENGINE_EXECUTE_MS = 15 * 60 * 1000,          /* how long a decision may be used */
    FX_ENGINE_MAX_APPROVAL_MS = 4 * 60 * 60 * 1000, /* whatever is configured, of both */
    /* A change begins only with so much of the lease left, and leaves only within so much after its
     * intent: then nobody else can have the job yet. */
    FX_ENGINE_LEASE_LEFT_MS = FX_ENGINE_LEASE_MS / 2,
    FX_ENGINE_SEND_MS = 10 * 1000,
    FX_ENGINE_REST_MS = 60 * 60 * 1000,              /* how long a change that has begun may rest */
    FX_ENGINE_MAX_REST_MS = 8 * 24 * 60 * 60 * 1000, /* the same, when its plan says how long */
    FX_ENGINE_PROGRESS_MS = 2000,                    /* between two edits of one progress card */
    /* Messages on their way at once, each over a connection of its own; and those that workers send
     * themselves while others wait for the next job. */
    FX_ENGINE_SENDERS = 4,
    FX_ENGINE_SENDERS_FOR_PAGES = 1, /* of those: Slack may keep the others waiting for seconds */
    FX_ENGINE_WORKERS_SENDING = 1,   /* Slack may keep it waiting for seconds */
    /* Of several workers so many take nothing that no person asked for: while all others wait for
     * what an alarm looks at, somebody who types is still answered. */
    FX_ENGINE_WORKERS_FOR_PEOPLE = 1,
    FX_ENGINE_PEOPLE_LOOK_MS = 100, /* how soon such a one notices that it is needed for the rest */
    FX_ENGINE_PAGE_MS = 24 * 60 * 60 * 1000, /* how long PagerDuty is told again */
    FX_ENGINE_FILE_ATTEMPTS = 30,            /* of a picture or a table, about 25 minutes */
    FX_ENGINE_FILE_MS = 28 * 1000,    /* one attempt: it is looked for, uploaded and shared */
    FX_ENGINE_PAGE_TELL_ATTEMPTS = 3, /* that fail, before the channel hears of it */
    FX_ENGINE_ACK_TIMEOUT_MS = 10 * 60 * 1000, /* unless the configuration says otherwise */
    FX_ENGINE_SNOOZE_MS = 60 * 60 * 1000,      /* by the button on an alarm's card */
    /* An alarm storm: a channel's alarms that come faster than people read share one card. */
    FX_ENGINE_STORM_ALARMS = 10, /* new ones within the window that are still told one by one */
    FX_ENGINE_STORM_WINDOW_MS = 10 * 1000,
    FX_ENGINE_STORM_QUIET_MS = 60 * 1000, /* without a new alarm: it is over */
    FX_ENGINE_STORM_CARD_MS = 2000, /* between two edits of its card: Slack takes 50 a minute */
    FX_ENGINE_STORM_CRITICAL = 5,   /* critical ones that have a card and a triage all the same */
    FX_ENGINE_STORM_PAGES = 10,     /* alarms that page one by one; then one page is for all */
    FX_ENGINE_RECONCILE_MS = 5 * 60 * 1000,      /* between two comparisons with CloudWatch */
    FX_ENGINE_KEEP_MS = 7 * 24 * 60 * 60 * 1000, /* done jobs and sent messages, for a person */
    FX_ENGINE_ANCHOR_MS = 60 * 60 * 1000,        /* between two anchors of the audit log, at most */
    FX_ENGINE_ANCHOR_SOON_MS = 5 * 1000, /* and after a decision or the promise of a change */
    FX_ENGINE_ANCHOR_ROWS = 1000,        /* so many new rows are not left without one */
    FX_ENGINE_CHAIN_ROWS = 20000, /* the newest of the audit log, which each start looks at */
    FX_ENGINE_CRASH_STARTS = 5,   /* that did not end as they should, ... */
    FX_ENGINE_CRASH_WINDOW_MS = 5 * 60 * 1000, /* ... within this time freeze changes */
    FX_ENGINE_STALL_MS = 3 * 60 * 1000, /* a thread that shows no progress for so long hangs */
    FX_ENGINE_FINISH_MS = 8 * 1000,     /* a stop lets running steps go on that long */
    FX_ENGINE_MAX_TOGETHER = 4,         /* steps of one run that read at once */
};

/* What these promise together. */
enum {
    /* A worker whose process died or stands still is noticed; one that hangs in a process that
     * lives, after FX_ENGINE_STALL_MS. */
    FX_ENGINE_DEAD_KNOWN_MS = 30 * 1000,
    FX_ENGINE_DEAD_DONE_MS = 45 * 1000, /* what it did is gone on with */
};
static_assert(FX_ENGINE_LEASE_MS + FX_ENGINE_POLL_MS <= FX_ENGINE_DEAD_KNOWN_MS,
              "its lease ends, and the next look finds that");
static_assert(FX_ENGINE_FILE_MS < (int)FX_STORE_SEND_LEASE_MS, "its lane is its own so long");
static_assert(FX_ENGINE_DEAD_KNOWN_MS + FX_STORE_WAIT_MS <= FX_ENGINE_DEAD_DONE_MS,
              "and the claim may have to wait for the database");

struct fx_environment {
    const char *name;
    const struct fx_json *variables; /* no secrets: expressions may read them */
    const struct fx_json *databases; /* name -> connection string; never reaches an expression */
    const struct fx_json *places;    /* name -> the server, database and user of that, no secrets */
    const char *role_arn;            /* whose rights its calls of AWS carry; NULL: our own */
    const char *external_id;         /* NULL: none */
    const char *region;              /* NULL: that of aws */
};

struct fx_engine_system {
    const struct fx_system *system;
    const char *channel; /* Slack channel id */
    const char *command; /* "/fluxa" */
    const char *default_environment;
    const struct fx_environment *environments;
    size_t environments_count;
    bool no_schedules; /* nothing runs by itself here */
    bool no_watches;   /* nothing is watched by itself when an alarm is over */
    /* An alarm that pages waits so long for somebody who acknowledges it; 0: nobody is waited for.
     * Critical ones never wait. */
    int64_t ack_timeout_ms;
    bool no_automatic_pages; /* only people page */
};

/* Which system and environment an SNS topic speaks for. */
struct fx_engine_topic {
    const char *arn, *system, *environment;
};

struct fx_engine_options {
    struct fx_store *store;
    struct fx_state *state;
    struct fx_clock *clock;
    struct fx_random *random;
    struct fx_log *log;
    struct fx_metrics *metrics;
    struct fx_http *http;
    struct fx_aws *aws;
    /* aws with the rights of an environment that has a role or a region of its own, as long as sc
     * lives; session stands in CloudTrail, NULL for the program's name. NULL: aws for all. */
    struct fx_aws *(*aws_of)(struct fx_aws *aws, struct fx_scope *sc,
                             const struct fx_environment *environment, const char *session);
    struct fx_slackapi *slack;
    struct fx_pagerdutyapi *pagerduty; /* NULL: nobody is paged */
    const char *page_url; /* where a page is looked at, with %s for the dedup key; NULL */
    const struct fx_policy *policy;
    const struct fx_sns_rules *sns_rules;
    const char *sns_ca_file; /* trusted for test hosts; NULL */
    const struct fx_engine_topic *topics;
    size_t topics_count;
    const struct fx_engine_system *systems;
    size_t systems_count;
    const char *version;   /* part of every plan's digest */
    const char *aws_place; /* likewise: the region and the address that aws takes by itself; NULL */
    int workers;
    int together; /* steps of one run that read at once; 0 or 1: one after the other, no threads */
    int64_t approval_ms, execute_ms;      /* 0: the limits above */
    const struct fx_sign_key *anchor_key; /* signs heads of the audit log; NULL: none are made */
    const char *anchor_file;              /* where they are kept; wanted with anchor_key */
    const char *anchor_channel;           /* where they are posted; NULL: nowhere */
    const char *place;        /* this process among its own restarts; NULL: they are not counted */
    int crashes;              /* of them that freeze changes; 0: none do */
    bool may_forget;          /* changes begin also where a failover may forget them */
    const atomic_bool *hurry; /* once true, a stop gives running steps no time; NULL: never */
};

/* Starts the threads. Everything in options stays the caller's and must outlive the engine. */
enum fx_code fx_engine_start(const struct fx_engine_options *options, struct fx_engine **ret_engine,
                             struct fx_error *err);
/* Claims no more, and waits for what runs: a run parks behind the step it is at. What has not come
 * there after FX_ENGINE_FINISH_MS is cancelled. Accepts NULL. */
void fx_engine_stop(struct fx_engine *engine);
/* FX_OK while every thread gets on with its work, or rests; FX_ERR_TIMEOUT names one that hangs. */
enum fx_code fx_engine_alive(struct fx_engine *engine, struct fx_error *err);
/* For how long the store has answered no worker that looked for a job; 0 while it does. */
int64_t fx_engine_store_silent_ms(struct fx_engine *engine);

/* What the configuration says to have changes where fx_store.may_forget. */
#define FX_ENGINE_MAY_FORGET "changes may be forgotten by a failover"

/* The switch that lets no change begin, on every replica at once; beside a running engine, which
 * posts what was written, or without one. who is a name for the audit log, as "terminal:anna". Of
 * options only store, clock, random, policy and systems are looked at. FX_ERR_DENIED: the policy
 * does not let a terminal; FX_ERR_INPUT: it stands that way already, a reason is missing, or only
 * fx_engine_accept_audit may end it. When that has to end another one besides, fx_engine_frozen
 * tells it afterwards. */
enum fx_code fx_engine_freeze(const struct fx_engine_options *options, struct fx_scope *sc,
                              const char *who, const char *reason, struct fx_error *err);
enum fx_code fx_engine_unfreeze(const struct fx_engine_options *options, struct fx_scope *sc,
                                const char *who, const char *reason, struct fx_error *err);
struct fx_engine_freeze {
    bool is_on;
    const char *by, *reason; /* "" when it cannot be read */
    const char *way_out;     /* who can end it, and how */
    int64_t at_ms;
    const struct fx_engine_freeze *and; /* of the audit log's: another one besides; NULL */
};
enum fx_code fx_engine_frozen(const struct fx_engine_options *options, struct fx_scope *sc,
                              struct fx_engine_freeze *ret_freeze, struct fx_error *err);

/* A job that was given up is tried again, as if it had never been; beside a running engine or
 * without one. who as above; of options only store, clock and policy are looked at. FX_ERR_DENIED:
 * the policy does not let a terminal; FX_ERR_CONFLICT: that job does not wait for a person. */
enum fx_code fx_engine_retry_job(const struct fx_engine_options *options, struct fx_scope *sc,
                                 const char *who, int64_t job_id, struct fx_error *err);

/* What the store remembers of the anchor that was made last. */
struct fx_engine_anchored {
    int64_t n;          /* of its row; 0: none was ever made */
    const char *digest; /* its own */
    const char *chain;  /* of the first anchor in its file */
};
enum fx_code fx_engine_anchored(struct fx_store *store, struct fx_scope *sc,
                                struct fx_engine_anchored *ret_anchored, struct fx_error *err);
/* For an operator who knows why the audit log and its anchors disagree, beside a running engine or
 * without one: adds a row that says so and an anchor with the reason, and ends the freeze that the
 * disagreement has begun. Of options only store, clock, policy, anchor_key and anchor_file are
 * looked at. who is a name for the audit log. FX_ERR_DENIED: the policy does not let a terminal. */
enum fx_code fx_engine_accept_audit(const struct fx_engine_options *options, struct fx_scope *sc,
                                    const char *who, const char *reason,
                                    struct fx_anchor **ret_anchor, struct fx_error *err);

/* The approval step before a change that names it; NULL: none does. */
const struct fx_runbook_step *fx_engine_gate(const struct fx_runbook *runbook,
                                             const struct fx_runbook_step *change);

/* A command here and now, without a person, a message or a row: for the terminal, and for recorded
 * cases. */
struct fx_engine_trial {
    const struct fx_engine_system *system;
    const struct fx_environment *environment;
    const struct fx_runbook *runbook;
    const struct fx_json *arguments;
    const char *who; /* in place of the person who asks; "" with recorded */
    /* Step id -> value, taken instead of running the steps; NULL: they are run. */
    const struct fx_json *recorded;
    const char *failed_step, *failure; /* with recorded: where it ended, and why; NULL */
    bool plan;                         /* up to the first change, which is planned and not made */
    /* With recorded: an object to which each change that is reached is added, step id -> what is
     * asked for now. Nobody approves and nothing is sent; that somebody did is part of what was
     * recorded. NULL: not wanted. */
    struct fx_json *asked;
};
/* The command's card, or the plan of its first change: exactly one of them is not NULL. Waits for
 * steps that wait, but a plan does not: it shows their first look. Of options store, clock, random,
 * http, aws, policy and together are looked at; with recorded only the clock. FX_ERR_DENIED: what
 * changes something is asked for in Slack. */
enum fx_code fx_engine_try(const struct fx_engine_options *options, struct fx_scope *sc,
                           const struct fx_engine_trial *trial, struct fx_json **ret_card,
                           struct fx_json **ret_plan, struct fx_error *err);
