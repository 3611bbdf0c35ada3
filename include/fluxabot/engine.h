/* engine.h - events to runs, runs to steps, results to messages.
 *
 * Workers claim jobs from the store and do what they say: read an event, go on with a run, expire
 * an approval. One more thread empties the outbox at Slack's pace, one keeps leases alive.
 * Everything an engine knows that must survive is in the store; killing it at any moment loses and
 * doubles nothing that a new one would not find.
 */
#pragma once

#include "fluxabot/base/metrics.h"
#include "fluxabot/policy.h"
#include "fluxabot/runbook.h"
#include "fluxabot/sns.h"
#include "fluxabot/state.h"
#include "fluxabot/store.h"

struct fx_anchor;
struct fx_aws;
struct fx_engine;
struct fx_http;
struct fx_pagerdutyapi;
struct fx_sign_key;
struct fx_slackapi;

enum {
    FX_ENGINE_LEASE_MS = 30 * 1000,
    FX_ENGINE_POLL_MS = 1000,   /* how late a due job may start when nobody wakes us */
    FX_ENGINE_MAX_ATTEMPTS = 5, /* of a job, before it is quarantined */
    FX_ENGINE_STEP_TIMEOUT_MS = 60 * 1000,
    FX_ENGINE_APPROVAL_MS = 15 * 60 * 1000, /* how long a request waits for a decision */
    FX_ENGINE_EXECUTE_MS = 15 * 60 * 1000,  /* how long a decision may be used */
    FX_ENGINE_PROGRESS_MS = 2000,           /* between two edits of one progress card */
    FX_ENGINE_POST_PACE_MS = 1000,          /* Slack: one post a second per channel */
    FX_ENGINE_PAGE_ATTEMPTS = 20,
    FX_ENGINE_RECONCILE_MS = 5 * 60 * 1000,      /* between two comparisons with CloudWatch */
    FX_ENGINE_KEEP_MS = 7 * 24 * 60 * 60 * 1000, /* done jobs and sent messages, for a person */
    FX_ENGINE_ANCHOR_MS = 60 * 60 * 1000,        /* between two anchors of the audit log, at most */
    FX_ENGINE_ANCHOR_ROWS = 1000,                /* so many new rows are not left without one */
};

struct fx_environment {
    const char *name;
    const struct fx_json *variables; /* no secrets: expressions may read them */
    const struct fx_json *databases; /* name -> connection string; never reaches an expression */
};

struct fx_engine_system {
    const struct fx_system *system;
    const char *channel; /* Slack channel id */
    const char *command; /* "/fluxa" */
    const char *default_environment;
    const struct fx_environment *environments;
    size_t environments_count;
    bool no_schedules; /* nothing runs by itself here */
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
    const char *version; /* part of every plan's digest */
    int workers;
    int64_t approval_ms, execute_ms;      /* 0: the limits above */
    const struct fx_sign_key *anchor_key; /* signs heads of the audit log; NULL: none are made */
    const char *anchor_file;              /* where they are kept; wanted with anchor_key */
    const char *anchor_channel;           /* where they are posted; NULL: nowhere */
};

/* Starts the threads. Everything in options stays the caller's and must outlive the engine. */
enum fx_code fx_engine_start(const struct fx_engine_options *options, struct fx_engine **ret_engine,
                             struct fx_error *err);
/* Claims no more, asks running steps to stop at their next look, waits for them. Accepts NULL. */
void fx_engine_stop(struct fx_engine *engine);

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
 * disagreement has begun. Of options only store, clock, anchor_key and anchor_file are looked at.
 * who is a name for the audit log. */
enum fx_code fx_engine_accept_audit(const struct fx_engine_options *options, struct fx_scope *sc,
                                    const char *who, const char *reason,
                                    struct fx_anchor **ret_anchor, struct fx_error *err);
