/* serve.c - `fluxabot serve`: builds everything, starts it, waits for a signal, stops it in
 * reverse. */
#include "private.h"

#include "fluxabot/aws.h"
#include "fluxabot/base/heap.h"
#include "fluxabot/pagerdutyapi.h"
#include "fluxabot/slackapi.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
    FILES_WANTED = 2 * FX_WEB_MAX_CONNECTIONS,
    TRIM_BYTES = 128 << 10, /* glibc's own */
    /* Of glibc's heaps, which it makes up to eight of for each processor. Each keeps what a large
     * piece of work needed for a moment, and the next one may be done in another: with one, what it
     * gave back is what the next one takes. They have to take turns, which at full speed costs the
     * receiver some of what it could acknowledge. */
    ARENAS = 1,
};

struct program {
    const struct app_arguments *arguments;
    struct fx_scope *sc;
    struct app_config *config;
    struct fx_log *log;
    struct fx_metrics *metrics;
    struct fx_runbooks *runbooks;
    struct fx_store *store;
    struct fx_state *state;
    struct fx_http *http;
    struct fx_aws *aws;
    struct fx_slackapi *slack;
    struct fx_pagerdutyapi *pagerduty;
    struct fx_policy policy;
    struct fx_sns_rules sns_rules;
    struct fx_sign_key *audit_key;
    struct fx_engine *engine;
    struct fx_web *web;
    struct app_drain drain;
};

/* A core file or a debugger of the same user would show the secrets. */
static void harden_process(void) {
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* Each connection is a file, and the usual 1,024 are fewer than the receiver takes. */
static void allow_many_files(void) {
    struct rlimit files = {0};

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES_WANTED)
        return;
    files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
    setrlimit(RLIMIT_NOFILE, &files);
}

const char *app_getenv(const char *name) {
    return getenv(name);
}

/* The seal comes from a secret that all processes of an installation have. While that is being
 * replaced they may disagree, and then do not believe each other's values: a cache is empty. */
static enum fx_code open_state(struct program *p, struct fx_error *err) {
    struct fx_state_options options = p->config->state;

    options.seal = p->config->signing_secrets[0];
    options.clock = fx_clock_system();
    options.random = fx_random_system();
    options.log = p->log;
    return fx_state_open(&options, &p->state, err);
}

static void build_rules(struct program *p) {
    struct app_config *config = p->config;
    const char **arns = fx_alloc(p->sc, (config->topics_count + 1) * sizeof *arns);

    for (size_t i = 0; i < config->topics_count; i++)
        arns[i] = config->topics[i].arn;
    p->sns_rules = (struct fx_sns_rules){.topics = arns,
                                         .topics_count = config->topics_count,
                                         .test_hosts = config->sns_test_hosts,
                                         .test_hosts_count = config->sns_test_hosts_count};
    p->policy = app_policy(config);
}

static enum fx_code open_clients(struct program *p, struct fx_error *err) {
    struct app_config *config = p->config;

    FX_TRY(fx_http_open(fx_clock_system(), NULL, &p->http, err));
    FX_TRY(fx_aws_open(&(struct fx_aws_options){.http = p->http,
                                                .clock = fx_clock_system(),
                                                .random = fx_random_system(),
                                                .state = p->state,
                                                .region = config->aws_region,
                                                .endpoint_url = config->aws_endpoint_url,
                                                .getenv = app_getenv},
                       &p->aws, err));
    FX_TRY(fx_slackapi_open(
        &(struct fx_slackapi_options){.http = p->http,
                                      .api_url = config->slack_api_url,
                                      .bot_token = config->bot_token,
                                      .response_url_prefix = config->response_url_prefix},
        &p->slack, err));
    if (config->pagerduty_routing_key == NULL)
        return FX_OK;
    return fx_pagerdutyapi_open(
        &(struct fx_pagerdutyapi_options){.http = p->http,
                                          .events_url = config->pagerduty_events_url,
                                          .routing_key = config->pagerduty_routing_key},
        &p->pagerduty, err);
}

/* What stays the same when this process is started again. */
static const char *place_of(struct program *p) {
    char host[HOST_NAME_MAX + 1] = "";
    char path[PATH_MAX];

    gethostname(host, sizeof host - 1);
    return fx_printf(p->sc, "%s:%s", host,
                     realpath(p->config->file, path) == NULL ? p->config->file : path);
}

static const char *aws_place_of(struct program *p) {
    const char *region = fx_aws_region(p->aws), *url = p->config->aws_endpoint_url;

    return fx_printf(p->sc, "%s%s%s", region == NULL ? "no region" : region,
                     url == NULL ? "" : " at ", url == NULL ? "" : url);
}

static enum fx_code start_engine(struct program *p, struct fx_error *err) {
    struct app_config *config = p->config;

    return fx_engine_start(&(struct fx_engine_options){.store = p->store,
                                                       .state = p->state,
                                                       .clock = fx_clock_system(),
                                                       .random = fx_random_system(),
                                                       .log = p->log,
                                                       .metrics = p->metrics,
                                                       .http = p->http,
                                                       .aws = p->aws,
                                                       .aws_of = app_aws_of,
                                                       .slack = p->slack,
                                                       .pagerduty = p->pagerduty,
                                                       .page_url = config->pagerduty_page_url,
                                                       .policy = &p->policy,
                                                       .sns_rules = &p->sns_rules,
                                                       .sns_ca_file = config->sns_test_ca,
                                                       .topics = config->topics,
                                                       .topics_count = config->topics_count,
                                                       .systems = config->systems,
                                                       .systems_count = config->systems_count,
                                                       .version = FLUXABOT_VERSION,
                                                       .aws_place = aws_place_of(p),
                                                       .workers = config->workers,
                                                       .together = FX_ENGINE_MAX_TOGETHER,
                                                       .approval_ms = config->approval_ms,
                                                       .execute_ms = config->execute_ms,
                                                       .anchor_key = p->audit_key,
                                                       .anchor_file = config->anchor_file,
                                                       .anchor_channel = config->anchor_channel,
                                                       .place = place_of(p),
                                                       .crashes = config->crashes,
                                                       .may_forget = config->may_forget,
                                                       .hurry = &p->drain.hurry},
                           &p->engine, err);
}

static enum fx_code open_audit_key(struct program *p, struct fx_error *err) {
    bool made = false;

    FX_TRY(app_audit_key(p->sc, p->config, true, &p->audit_key, &made, err));
    if (made)
        fx_log(p->sc, FX_LOG_INFO, "audit.key_made", FX_S("file", p->config->audit_key_file),
               FX_S("key", fx_sign_key_id(p->audit_key)));
    return FX_OK;
}

static enum fx_code start_web(struct program *p, struct fx_error *err) {
    struct app_config *config = p->config;

    return fx_web_start(
        &(struct fx_web_options){.store = p->store,
                                 .state = p->state,
                                 .clock = fx_clock_system(),
                                 .random = fx_random_system(),
                                 .log = p->log,
                                 .metrics = p->metrics,
                                 .version = FLUXABOT_VERSION,
                                 .listener = config->listen,
                                 .admin = config->admin,
                                 .signing_secrets = config->signing_secrets,
                                 .signing_secrets_count = config->signing_secrets_count,
                                 .team_ids = config->team_ids,
                                 .team_ids_count = config->team_ids_count,
                                 .sns_rules = &p->sns_rules},
        &p->web, err);
}

/* What checking them takes is more than what is kept of them. Given back piece by piece it would be
 * asked for again at once; given back never, it would stay for good. */
static enum fx_code load_runbooks(struct program *p, struct app_findings *findings,
                                  struct fx_error *err) {
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    enum fx_code code = app_runbooks_load(p->config, &p->runbooks, findings, err);

    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
    fx_heap_trim();
    return code;
}

static enum fx_code start(struct program *p, struct app_findings *findings, struct fx_error *err) {
    bool worker = strcmp(p->arguments->role, "receiver") != 0;
    bool receiver = strcmp(p->arguments->role, "worker") != 0;

    FX_TRY(app_config_load(p->sc, p->arguments->config, &p->config, findings, err));
    FX_TRY(load_runbooks(p, findings, err));
    p->log =
        fx_log_new(stderr, p->arguments->verbose ? FX_LOG_DEBUG : FX_LOG_INFO, fx_clock_system());
    fx_scope_set_log(p->sc, p->log);
    p->metrics = fx_metrics_new();
    FX_TRY(open_state(p, err));
    build_rules(p);
    FX_TRY(fx_store_open(p->sc, p->config->store_url, fx_clock_system(), fx_random_system(),
                         &p->store, err));
    if (worker) {
        FX_TRY(app_lock_store(p->sc, p->config->store_url, err));
        FX_TRY(p->store->outbox_recover(p->store, p->sc, err));
        FX_TRY(p->store->release_leases(p->store, p->sc, err));
        FX_TRY(open_audit_key(p, err));
        FX_TRY(open_clients(p, err));
        FX_TRY(start_engine(p, err));
    }
    if (receiver) {
        FX_TRY(start_web(p, err));
        fx_web_set_ready(p->web, true);
    }
    return FX_OK;
}

static void stop(struct program *p) {
    if (p->web != NULL)
        fx_web_set_ready(p->web, false);
    fx_web_stop(p->web);
    fx_engine_stop(p->engine);
    fx_pagerdutyapi_close(p->pagerduty);
    fx_slackapi_close(p->slack);
    fx_aws_close(p->aws);
    fx_http_close(p->http);
    if (p->store != NULL)
        p->store->close(p->store);
    if (p->state != NULL)
        p->state->close(p->state);
    fx_runbooks_close(p->runbooks);
    fx_metrics_free(p->metrics);
    app_drain_end(&p->drain);
    fx_scope_set_log(p->sc, NULL);
    fx_log_free(p->log);
}

static void tell_ready(struct program *p) {
    fx_log(p->sc, FX_LOG_INFO, "ready", FX_S("version", FLUXABOT_VERSION),
           FX_S("role", p->arguments->role), FX_I("port", p->web == NULL ? 0 : fx_web_port(p->web)),
           FX_I("admin_port", p->web == NULL ? 0 : fx_web_admin_port(p->web)));
    sd_notify(0, "READY=1");
}

int app_serve(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct program program = {.arguments = arguments, .sc = sc};
    struct app_findings findings = {.sc = sc};
    struct fx_error err = {0};
    sigset_t signals;
    int signal_number = 0;

    app_life_begin(&signals);
    harden_process();
    allow_many_files();
    mallopt(M_ARENA_MAX, ARENAS);
    /* A scope frees thousands of small pieces at once: each is merged with its neighbours then, and
     * not all of them again and again whenever something large is asked for. */
    mallopt(M_MXFAST, 0);
    enum fx_code code = start(&program, &findings, &err);

    app_print_findings(&findings);
    if (code != FX_OK && findings.count == 0)
        fprintf(stderr, "fluxabot did not start: %s\n", err.message);
    if (code == FX_OK) {
        tell_ready(&program);
        signal_number = app_life_wait(
            &(struct app_life){.sc = sc,
                               .engine = program.engine,
                               .web = program.web,
                               .store = program.store,
                               .store_is_file = app_sqlite_path(program.config->store_url) != NULL},
            &signals);
        fx_log(sc, FX_LOG_INFO, "stopping", FX_I("signal", signal_number));
        program.drain.sc = sc;
        program.drain.signals = &signals;
        app_drain_begin(&program.drain);
    }
    stop(&program);
    return code == FX_OK && signal_number != 0 ? EXIT_GOOD : EXIT_FINDINGS;
}
