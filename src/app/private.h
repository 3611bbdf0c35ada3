/* private.h - what the files of the program share. */
#pragma once

#include "fluxabot/anchor.h"
#include "fluxabot/app.h"
#include "fluxabot/engine.h"
#include "fluxabot/web.h"
#include "fluxabot/yaml.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { APP_MAX_FINDINGS = 200 };

enum { EXIT_GOOD = 0, EXIT_FINDINGS = 1, EXIT_USE = 2 };

/* ---- findings.c ---- */

struct app_findings {
    struct fx_scope *sc;
    struct fx_finding items[APP_MAX_FINDINGS];
    size_t count;
    bool secrets_may_lack; /* nothing will run: a secret that is not there is no mistake */
};
void app_find(struct app_findings *findings, const char *file, int line, const char *fmt, ...)
    FX_PRINTF(4, 5);
/* "file:line: message" per line on stderr. */
void app_print_findings(const struct app_findings *findings);

/* ---- config_keys.c: the table of keys and its walk ---- */

/* Checks every member of the document against the table. */
void app_check_keys(const struct fx_yaml *yaml, struct app_findings *findings);
/* The help of the table, for `fluxabot help config`. */
void app_print_keys(void);

/* ---- config.c: the document as structs ---- */

struct app_config {
    struct fx_scope *sc;
    const char *file;
    struct fx_web_listener listen, admin;
    const char *store_url;
    bool may_forget;                          /* store.without_synchronous_standby */
    struct fx_state_options state;            /* without seal, clock, random and log */
    const char *audit_key_file, *anchor_file; /* NULL: no place is known */
    const char *anchor_channel;               /* NULL: anchors are not posted */
    bool audit_key_is_given;                  /* in the file, not by default */
    const char *slack_api_url, *bot_token;
    struct fx_slice *signing_secrets;
    size_t signing_secrets_count;
    const char **team_ids;
    size_t team_ids_count;
    struct fx_engine_topic *topics;
    size_t topics_count;
    const char *aws_region, *aws_endpoint_url;
    const char *pagerduty_events_url, *pagerduty_routing_key, *pagerduty_page_url;
    struct fx_role *roles;
    size_t roles_count;
    struct fx_person *persons;
    size_t persons_count;
    struct fx_engine_system *systems; /* without .system, which the runbooks give */
    const char **system_names, **system_paths;
    const struct fx_json **system_variables; /* environment -> variables */
    const char ***system_documents;          /* written runbooks, as Markdown */
    size_t *system_documents_count;
    size_t systems_count;
    int64_t approval_ms, execute_ms;
    int crashes; /* that freeze changes; 0: none do */
    int workers;
    const char **sns_test_hosts;
    size_t sns_test_hosts_count;
    const char *sns_test_ca, *response_url_prefix;
};

/* Reads and checks the file; findings say all that is wrong. FX_ERR_INPUT when there are any. */
enum fx_code app_config_load(struct fx_scope *sc, const char *path, struct app_config **ret_config,
                             struct app_findings *findings, struct fx_error *err);
/* Loads the runbooks of every system and joins them with the configuration. */
enum fx_code app_runbooks_load(struct app_config *config, struct fx_runbooks **ret_runbooks,
                               struct app_findings *findings, struct fx_error *err);

/* Who may do what, as the configuration says it; points into it. */
struct fx_policy app_policy(const struct app_config *config);

/* ---- sources.c ---- */

/* What the written runbooks say now, against what commands were written from. */
void app_check_sources(struct app_config *config, struct app_findings *findings);

/* ---- secrets.c ---- */

/* { env: NAME } or { file: PATH }; NULL after a finding. */
const char *app_secret(struct app_config *config, const struct fx_yaml *yaml, const char *path,
                       const struct fx_json *value, struct app_findings *findings);
/* NULL after err says why. */
const char *app_read_text(struct fx_scope *sc, const char *path, size_t max_bytes,
                          struct fx_error *err);
const char *app_read_file(struct fx_scope *sc, const char *path, struct fx_error *err);

/* ---- life.c ---- */

enum {
    APP_DRAIN_MS = 25 * 1000,      /* from a signal to the end, whatever is under way */
    APP_STORE_GONE_MS = 10 * 1000, /* an embedded store that answers nothing is opened anew */
};

/* What is looked at while the program runs. NULL: not part of this process. */
struct app_life {
    struct fx_scope *sc;
    struct fx_engine *engine;
    struct fx_web *web;
    struct fx_store *store; /* always there */
    bool store_is_file;
};
/* Before any thread exists: signals are waited for from now on. */
void app_life_begin(sigset_t *ret_signals);
/* Until a signal comes: its number. 0: the program cannot go on and should end, to be started
 * again. */
int app_life_wait(const struct app_life *life, const sigset_t *signals);

/* The end under way. A second signal sets hurry, a third one or APP_DRAIN_MS end the process. */
struct app_drain {
    struct fx_scope *sc;
    const sigset_t *signals;
    atomic_bool hurry, done;
    pthread_t thread;
};
void app_drain_begin(struct app_drain *drain);
/* Of one that did not begin, too. */
void app_drain_end(struct app_drain *drain);

/* ---- lock.c ---- */

/* Makes this the only worker of an embedded store, until sc ends. FX_ERR_CONFLICT when another
 * process is. A store that several may share is left to them. */
enum fx_code app_lock_store(struct fx_scope *sc, const char *store_url, struct fx_error *err);

/* ---- audit_key.c: who signs the heads of the audit log ---- */

/* The path in a SQLite store's address; NULL when it is none. */
const char *app_sqlite_path(const char *store_url);
/* The key of the configuration. Where it stands by default and does not exist, it is made when
 * create; else FX_ERR_NOT_FOUND. *ret_made may be NULL. */
enum fx_code app_audit_key(struct fx_scope *sc, const struct app_config *config, bool create,
                           struct fx_sign_key **ret_key, bool *ret_made, struct fx_error *err);

/* ---- audit.c: what the audit commands share ---- */

/* Configuration and store of an audit command. It may run beside the bot: it takes no lock. */
struct app_log {
    struct fx_scope *sc;
    struct app_config *config;
    struct fx_store *store;
};
/* False after a complaint. A database that does not exist is not made. sc closes the store. */
bool app_log_open(struct fx_scope *sc, const char *config, struct app_log *ret_log);
/* Who sits at the terminal, as far as the system knows, for the audit log: "terminal:anna". */
const char *app_operator_name(struct fx_scope *sc);

/* ---- rights.c ---- */

/* See fx_engine_options. */
struct fx_aws *app_aws_of(struct fx_aws *aws, struct fx_scope *sc,
                          const struct fx_environment *environment, const char *session);

/* ---- iam.c ---- */

/* Action -> {resource: true} of what the bot does with its own rights, or of everything in the
 * environments of this name. FX_ERR_INPUT when there are none. */
enum fx_code app_iam_actions(struct fx_scope *sc, const struct app_config *config, const char *only,
                             struct fx_json **ret_actions, struct fx_error *err);

/* The same of one command in one environment. */
enum fx_code app_iam_of_command(struct fx_scope *sc, const struct fx_engine_system *system,
                                const struct fx_environment *environment,
                                const struct fx_runbook *runbook, struct fx_json **ret_actions,
                                struct fx_error *err);
/* [{Effect, Action, Resource}]: actions on the same resources stand together. */
struct fx_json *app_iam_statements(struct fx_scope *sc, const struct fx_json *actions);

/* ---- run.c, card.c ---- */

const struct fx_engine_system *app_find_system(const struct app_config *config, const char *name);
void app_print_card(const struct fx_json *card);
/* Of this process. */
const char *app_getenv(const char *name);

/* ---- clients.c ---- */

/* Both are closed when sc ends, behind whatever in it uses them. */
enum fx_code app_open_aws(struct fx_scope *sc, const struct app_config *config,
                          struct fx_http **ret_http, struct fx_aws **ret_aws, struct fx_error *err);

/* ---- case_changes.c: of a case that changes something ---- */

/* Step id -> {"plan", "params", "promised"} of each change of the run: what was approved, and what
 * was promised and became of it. *ret_changes is NULL when the command changes nothing. */
enum fx_code app_case_changes(struct fx_scope *sc, struct fx_store *store, const struct fx_run *run,
                              const struct fx_runbook *runbook, struct fx_json **ret_changes,
                              struct fx_error *err);
/* FX_ERR_CONFLICT names the first thing that is asked for otherwise than it was approved. */
enum fx_code app_case_compare(struct fx_scope *sc, const struct fx_json *changes,
                              const struct fx_json *asked, struct fx_error *err);
/* Whether the case's run came to its end; of a command that changes something also whether a call
 * that was promised was made: a request that was refused and mere advice are no success. */
bool app_case_was_carried_out(const struct fx_json *given);
/* The plans, and the calls that were promised, each on a line. */
void app_case_print(const struct fx_json *changes);

/* ---- case_file.c ---- */

/* The case that a run makes which is done or has failed. */
enum fx_code app_case_of_run(struct fx_scope *sc, const struct app_log *log, const char *run_id,
                             const struct fx_engine_system **ret_system, struct fx_json **ret_case,
                             struct fx_error *err);
/* FX_ERR_CONFLICT when it exists. path is the system's folder. */
enum fx_code app_case_write(struct fx_scope *sc, const char *path, const char *name,
                            const struct fx_json *given, const struct fx_json *card,
                            struct fx_error *err);

/* ---- commands ---- */

struct app_arguments {
    const char *config;
    const char *role;                 /* "receiver", "worker" or "both" */
    const char *head;                 /* audit verify: a hash that must be in the chain */
    const char *anchors, *public_key; /* audit verify */
    const char *reason;               /* audit accept, freeze, unfreeze */
    const char *incident, *run, *person, *action; /* audit show */
    const char *since, *until, *limit;            /* audit show */
    const char *job;                              /* jobs retry */
    const char *environment, *record;             /* run, plan, test */
    const char **words;                           /* run, plan: system, command, arguments */
    size_t words_count;
    bool verbose, json;
};
int app_serve(const struct app_arguments *arguments);
int app_doctor(const struct app_arguments *arguments);
int app_check(const struct app_arguments *arguments);
int app_commands(const struct app_arguments *arguments);
int app_iam(const struct app_arguments *arguments);
int app_audit_verify(const struct app_arguments *arguments);
int app_audit_show(const struct app_arguments *arguments);
int app_audit_key_show(const struct app_arguments *arguments);
int app_audit_accept(const struct app_arguments *arguments);
int app_freeze(const struct app_arguments *arguments);
int app_unfreeze(const struct app_arguments *arguments);
int app_status(const struct app_arguments *arguments);
int app_run(const struct app_arguments *arguments);
int app_plan(const struct app_arguments *arguments);
int app_test(const struct app_arguments *arguments);
int app_jobs_list(const struct app_arguments *arguments);
int app_jobs_retry(const struct app_arguments *arguments);
