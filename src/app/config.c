/* config.c - the configuration file as structs. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_WORKERS = 4, DEFAULT_ADMIN_PORT = 9090 };

const char *config_text(const struct config_reader *r, const char *path, const char *fallback) {
    const char *text = fx_json_text(fx_json_at_path(r->root, path));

    return text == NULL ? fallback : fx_strdup(r->config->sc, text);
}

static const char *secret_at(const struct config_reader *r, const char *path) {
    return app_secret(r->config, r->yaml, path, fx_json_at_path(r->root, path), r->findings);
}

const char **config_texts(const struct config_reader *r, const struct fx_json *list,
                          size_t *ret_count) {
    size_t count = fx_json_count(list);
    const char **texts = fx_alloc(r->config->sc, (count + 1) * sizeof *texts);

    for (size_t i = 0; i < count; i++)
        texts[i] = fx_strdup(r->config->sc, fx_json_text(fx_json_item(list, i)));
    *ret_count = count;
    return texts;
}

void config_find(const struct config_reader *r, const char *path, const char *message) {
    app_find(r->findings, fx_yaml_file(r->yaml), fx_yaml_line(r->yaml, path), "%s", message);
}

int64_t config_duration(const struct config_reader *r, const char *path) {
    struct fx_slice text = fx_json_text_slice(fx_json_at_path(r->root, path));
    struct fx_error ignored;
    int64_t ms = 0;

    return text.len > 0 && fx_step_parse_duration(text, &ms, &ignored) == FX_OK ? ms : 0;
}

static void read_listeners(const struct config_reader *r) {
    struct app_config *config = r->config;
    const char *certificate = config_text(r, "listen.tls.certificate", NULL);
    int64_t port = fx_json_to_int(fx_json_at_path(r->root, "listen.port"), 0);
    int64_t admin_port = fx_json_to_int(fx_json_at_path(r->root, "admin.port"), DEFAULT_ADMIN_PORT);
    struct fx_error err = {0};

    if (port < 0 || port > 65535)
        config_find(r, "listen.port", "listen.port must be between 0 and 65535");
    if (admin_port < 0 || admin_port > 65535)
        config_find(r, "admin.port", "admin.port must be between 0 and 65535");
    config->listen =
        (struct fx_web_listener){.address = config_text(r, "listen.address", "127.0.0.1"),
                                 .port = (uint16_t)port,
                                 .key_pem = secret_at(r, "listen.tls.key")};
    config->admin = (struct fx_web_listener){
        .address = config_text(r, "admin.address", "127.0.0.1"), .port = (uint16_t)admin_port};
    if (certificate == NULL || r->findings->secrets_may_lack)
        return;
    config->listen.certificate_pem = app_read_file(config->sc, certificate, &err);
    if (config->listen.certificate_pem == NULL)
        config_find(r, "listen.tls.certificate", err.message);
    if (config->listen.key_pem == NULL && fx_json_at_path(r->root, "listen.tls.key") == NULL)
        config_find(r, "listen.tls", "listen.tls.key is missing");
}

static void read_slack(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *secrets = fx_json_at_path(r->root, "slack.signing_secrets");

    config->slack_api_url = config_text(r, "slack.api_url", "https://slack.com/api");
    config->bot_token = secret_at(r, "slack.bot_token");
    config->team_ids =
        config_texts(r, fx_json_at_path(r->root, "slack.team_ids"), &config->team_ids_count);
    config->signing_secrets =
        fx_alloc(config->sc, (fx_json_count(secrets) + 1) * sizeof *config->signing_secrets);
    for (size_t i = 0; i < fx_json_count(secrets); i++) {
        const char *secret = secret_at(r, fx_printf(config->sc, "slack.signing_secrets.%zu", i));

        if (secret != NULL)
            config->signing_secrets[config->signing_secrets_count++] = fx_slice_of(secret);
    }
}

static void read_topics(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *topics = fx_json_at_path(r->root, "sns.topics");

    config->topics = fx_alloc(config->sc, (fx_json_count(topics) + 1) * sizeof *config->topics);
    for (size_t i = 0; i < fx_json_count(topics); i++) {
        const struct fx_json *topic = fx_json_item(topics, i);
        const char *path = fx_printf(config->sc, "sns.topics.%zu", i);
        const char *system = fx_json_get_text(topic, "system");
        const char *environment = fx_json_get_text(topic, "environment");

        if (fx_json_get_text(topic, "arn") == NULL || system == NULL || environment == NULL) {
            config_find(r, path, "a topic needs arn, system and environment");
            continue;
        }
        if (fx_json_at_path(r->root, fx_printf(config->sc, "systems.%s.environments.%s", system,
                                               environment)) == NULL)
            config_find(r, path,
                        fx_printf(config->sc, "there is no system %s with an environment %s",
                                  system, environment));
        config->topics[config->topics_count++] =
            (struct fx_engine_topic){.arn = fx_strdup(config->sc, fx_json_get_text(topic, "arn")),
                                     .system = fx_strdup(config->sc, system),
                                     .environment = fx_strdup(config->sc, environment)};
    }
}

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* What a sandbox needs and production must not have. */
static void read_testing(const struct config_reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *testing = fx_json_at(r->root, "testing");

    if (testing == NULL)
        return;
    if (!is_loopback(config->listen.address) || !is_loopback(config->admin.address))
        config_find(r, "testing",
                    "testing is refused unless every listener is on a loopback address");
    config->sns_test_hosts = config_texts(r, fx_json_at(testing, "sns_certificate_hosts"),
                                          &config->sns_test_hosts_count);
    config->sns_test_ca = config_text(r, "testing.sns_certificate_ca", NULL);
    config->response_url_prefix = config_text(r, "testing.response_url_prefix", NULL);
}

/* postgresql://user:PASSWORD@host or ?password=PASSWORD. */
static bool holds_password(const char *url) {
    const char *begin = strstr(url, "://");
    const char *end = begin == NULL ? NULL : begin + 3 + strcspn(begin + 3, "/?#");
    const char *at = end == NULL ? NULL : memrchr(begin, '@', (size_t)(end - begin));

    return (at != NULL && memchr(begin + 3, ':', (size_t)(at - begin - 3)) != NULL) ||
           strstr(url, "password=") != NULL;
}

/* In words, so that nobody switches it on without having read what it means. */
static void read_may_forget(const struct config_reader *r) {
    const char *said = config_text(r, "store.without_synchronous_standby", NULL);

    r->config->may_forget = said != NULL && strcmp(said, FX_ENGINE_MAY_FORGET) == 0;
    if (said != NULL && !r->config->may_forget)
        config_find(r, "store.without_synchronous_standby",
                    "store.without_synchronous_standby must be \"" FX_ENGINE_MAY_FORGET
                    "\", or not be there");
}

static void read_store(const struct config_reader *r) {
    const char *literal = config_text(r, "store.url", NULL);

    r->config->store_url = literal != NULL ? literal : secret_at(r, "store.url");
    if (r->config->store_url == NULL)
        r->config->store_url = "";
    if (literal != NULL && holds_password(literal))
        config_find(
            r, "store.url",
            "store.url holds a password: write { env: NAME } or { file: PATH }, or leave it to "
            "PGPASSFILE");
}

static void read_state(const struct config_reader *r) {
    struct fx_state_options *state = &r->config->state;
    struct fx_error err = {0};

    *state = (struct fx_state_options){.url = config_text(r, "state.url", "memory:"),
                                       .username = config_text(r, "state.username", NULL),
                                       .password = secret_at(r, "state.password"),
                                       .ca_file = config_text(r, "state.ca_file", NULL),
                                       .namespace = config_text(r, "state.namespace", NULL)};
    if (strchr(state->url, '@') != NULL)
        config_find(
            r, "state.url",
            "state.url holds no user and no password: write state.username and state.password");
    else if (fx_state_check(state, &err) != FX_OK)
        config_find(r, "state.url", fx_printf(r->config->sc, "state: %s", err.message));
}

/* Where the database is a file, key and anchors have a place beside it. */
static void read_audit(const struct config_reader *r) {
    struct app_config *config = r->config;
    const char *database = app_sqlite_path(config->store_url);

    config->audit_key_is_given = fx_json_at_path(r->root, "audit.key.file") != NULL;
    config->audit_key_file =
        config_text(r, "audit.key.file",
                    database == NULL ? NULL : fx_printf(config->sc, "%s.audit-key", database));
    config->anchor_file =
        config_text(r, "audit.anchor.file",
                    database == NULL ? NULL : fx_printf(config->sc, "%s.audit-anchors", database));
    config->anchor_channel = config_text(r, "audit.anchor.channel", NULL);
    if (strncmp(config->store_url, "postgres", 8) != 0)
        return;
    if (config->audit_key_file == NULL)
        config_find(
            r, "audit",
            "audit.key.file is missing, and with PostgreSQL no key is made by itself: make one "
            "for all replicas with openssl genpkey -algorithm ed25519 -out FILE");
    if (config->anchor_file == NULL)
        config_find(r, "audit",
                    "audit.anchor.file is missing: name a file outside the database, where "
                    "signed heads of the audit log are kept");
}

/* What was looked at that long ago is not what is approved. */
static int64_t approval_time(const struct config_reader *r, const char *path) {
    int64_t ms = config_duration(r, path);

    if (ms > FX_ENGINE_MAX_APPROVAL_MS)
        config_find(r, path,
                    fx_printf(r->config->sc, "%s is at most %dh; write less, and ask again", path,
                              FX_ENGINE_MAX_APPROVAL_MS / (60 * 60 * 1000)));
    return ms;
}

static void read_rest(const struct config_reader *r) {
    struct app_config *config = r->config;

    read_state(r);
    config->aws_region = config_text(r, "aws.region", NULL);
    config->aws_endpoint_url = config_text(r, "aws.endpoint_url", NULL);
    config->pagerduty_events_url =
        config_text(r, "pagerduty.events_url", "https://events.pagerduty.com/v2/enqueue");
    config->pagerduty_routing_key = secret_at(r, "pagerduty.routing_key");
    config->pagerduty_page_url = config_text(r, "pagerduty.page_url", NULL);
    config->approval_ms = approval_time(r, "approvals.decide_within");
    config->execute_ms = approval_time(r, "approvals.execute_within");
    config->crashes = (int)fx_json_to_int(fx_json_at_path(r->root, "crashes.freeze_after"),
                                          FX_ENGINE_CRASH_STARTS);
    config->workers = (int)fx_json_to_int(fx_json_at(r->root, "workers"), DEFAULT_WORKERS);
}

enum fx_code app_config_load(struct fx_scope *sc, const char *path, struct app_config **ret_config,
                             struct app_findings *findings, struct fx_error *err) {
    struct app_config *config = FX_NEW(sc, struct app_config);
    struct fx_yaml *yaml = NULL;

    config->sc = sc;
    config->file = path;
    FX_TRY(fx_yaml_load(sc, path, &yaml, err));
    app_check_keys(yaml, findings);
    if (findings->count > 0)
        return fx_fail(err, FX_ERR_INPUT, "the configuration has %zu mistakes", findings->count);
    struct config_reader r = {config, yaml, fx_yaml_root(yaml), findings};

    read_listeners(&r);
    read_slack(&r);
    read_topics(&r);
    config_read_people(&r);
    config_read_systems(&r);
    read_testing(&r);
    read_store(&r);
    read_may_forget(&r);
    read_rest(&r);
    read_audit(&r);
    if (findings->count > 0)
        return fx_fail(err, FX_ERR_INPUT, "the configuration has %zu mistakes", findings->count);
    *ret_config = config;
    return FX_OK;
}

struct fx_policy app_policy(const struct app_config *config) {
    return (struct fx_policy){.team_ids = config->team_ids,
                              .team_ids_count = config->team_ids_count,
                              .roles = config->roles,
                              .roles_count = config->roles_count,
                              .persons = config->persons,
                              .persons_count = config->persons_count};
}
