/* config.c - the configuration file as structs. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_WORKERS = 4, DEFAULT_ADMIN_PORT = 9090 };

struct reader {
    struct app_config *config;
    const struct fx_yaml *yaml;
    const struct fx_json *root;
    struct app_findings *findings;
};

static const char *text_at(const struct reader *r, const char *path, const char *fallback) {
    const char *text = fx_json_text(fx_json_at_path(r->root, path));

    return text == NULL ? fallback : fx_strdup(r->config->sc, text);
}

static const char *secret_at(const struct reader *r, const char *path) {
    return app_secret(r->config, r->yaml, path, fx_json_at_path(r->root, path), r->findings);
}

static const char **texts_of(const struct reader *r, const struct fx_json *list,
                             size_t *ret_count) {
    size_t count = fx_json_count(list);
    const char **texts = fx_alloc(r->config->sc, (count + 1) * sizeof *texts);

    for (size_t i = 0; i < count; i++)
        texts[i] = fx_strdup(r->config->sc, fx_json_text(fx_json_item(list, i)));
    *ret_count = count;
    return texts;
}

static void find_at(const struct reader *r, const char *path, const char *message) {
    app_find(r->findings, fx_yaml_file(r->yaml), fx_yaml_line(r->yaml, path), "%s", message);
}

static int64_t duration_at(const struct reader *r, const char *path) {
    struct fx_slice text = fx_json_text_slice(fx_json_at_path(r->root, path));
    struct fx_error ignored;
    int64_t ms = 0;

    return text.len > 0 && fx_step_parse_duration(text, &ms, &ignored) == FX_OK ? ms : 0;
}

static void read_listeners(const struct reader *r) {
    struct app_config *config = r->config;
    const char *certificate = text_at(r, "listen.tls.certificate", NULL);
    int64_t port = fx_json_to_int(fx_json_at_path(r->root, "listen.port"), 0);
    int64_t admin_port = fx_json_to_int(fx_json_at_path(r->root, "admin.port"), DEFAULT_ADMIN_PORT);
    struct fx_error err = {0};

    if (port < 0 || port > 65535)
        find_at(r, "listen.port", "listen.port must be between 0 and 65535");
    if (admin_port < 0 || admin_port > 65535)
        find_at(r, "admin.port", "admin.port must be between 0 and 65535");
    config->listen = (struct fx_web_listener){.address = text_at(r, "listen.address", "127.0.0.1"),
                                              .port = (uint16_t)port,
                                              .key_pem = secret_at(r, "listen.tls.key")};
    config->admin = (struct fx_web_listener){.address = text_at(r, "admin.address", "127.0.0.1"),
                                             .port = (uint16_t)admin_port};
    if (certificate == NULL || r->findings->secrets_may_lack)
        return;
    config->listen.certificate_pem = app_read_file(config->sc, certificate, &err);
    if (config->listen.certificate_pem == NULL)
        find_at(r, "listen.tls.certificate", err.message);
    if (config->listen.key_pem == NULL && fx_json_at_path(r->root, "listen.tls.key") == NULL)
        find_at(r, "listen.tls", "listen.tls.key is missing");
}

static void read_slack(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *secrets = fx_json_at_path(r->root, "slack.signing_secrets");

    config->slack_api_url = text_at(r, "slack.api_url", "https://slack.com/api");
    config->bot_token = secret_at(r, "slack.bot_token");
    config->team_ids =
        texts_of(r, fx_json_at_path(r->root, "slack.team_ids"), &config->team_ids_count);
    config->signing_secrets =
        fx_alloc(config->sc, (fx_json_count(secrets) + 1) * sizeof *config->signing_secrets);
    for (size_t i = 0; i < fx_json_count(secrets); i++) {
        const char *secret = secret_at(r, fx_printf(config->sc, "slack.signing_secrets.%zu", i));

        if (secret != NULL)
            config->signing_secrets[config->signing_secrets_count++] = fx_slice_of(secret);
    }
}

static void read_topics(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *topics = fx_json_at_path(r->root, "sns.topics");

    config->topics = fx_alloc(config->sc, (fx_json_count(topics) + 1) * sizeof *config->topics);
    for (size_t i = 0; i < fx_json_count(topics); i++) {
        const struct fx_json *topic = fx_json_item(topics, i);
        const char *path = fx_printf(config->sc, "sns.topics.%zu", i);
        const char *system = fx_json_get_text(topic, "system");
        const char *environment = fx_json_get_text(topic, "environment");

        if (fx_json_get_text(topic, "arn") == NULL || system == NULL || environment == NULL) {
            find_at(r, path, "a topic needs arn, system and environment");
            continue;
        }
        if (fx_json_at_path(r->root, fx_printf(config->sc, "systems.%s.environments.%s", system,
                                               environment)) == NULL)
            find_at(r, path,
                    fx_printf(config->sc, "there is no system %s with an environment %s", system,
                              environment));
        config->topics[config->topics_count++] =
            (struct fx_engine_topic){.arn = fx_strdup(config->sc, fx_json_get_text(topic, "arn")),
                                     .system = fx_strdup(config->sc, system),
                                     .environment = fx_strdup(config->sc, environment)};
    }
}

static void read_roles(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *roles = fx_json_at(r->root, "roles");
    struct fx_json *role = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->roles = fx_alloc(config->sc, (fx_json_count(roles) + 1) * sizeof *config->roles);
    while (fx_json_next(roles, &cursor, &name, &role)) {
        struct fx_role *row = &config->roles[config->roles_count++];

        row->name = fx_strdup(config->sc, name);
        row->users = texts_of(r, fx_json_at(role, "users"), &row->users_count);
        row->groups = texts_of(r, fx_json_at(role, "groups"), &row->groups_count);
    }
}

/* A mistyped id would protect against nothing, and nobody would notice. */
static bool is_user_id(const char *text) {
    return (text[0] == 'U' || text[0] == 'W') && text[1] != '\0' &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

/* Whose a user id is already; NULL: nobody's. */
static const char *owner_of(const struct app_config *config, const char *user_id) {
    for (size_t i = 0; i < config->persons_count; i++)
        for (size_t k = 0; k < config->persons[i].users_count; k++)
            if (strcmp(config->persons[i].users[k], user_id) == 0)
                return config->persons[i].name;
    return NULL;
}

static void read_persons(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *persons = fx_json_at(r->root, "persons");
    struct fx_json *list = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->persons = fx_alloc(config->sc, (fx_json_count(persons) + 1) * sizeof *config->persons);
    while (fx_json_next(persons, &cursor, &name, &list)) {
        struct fx_person *person = &config->persons[config->persons_count];
        size_t count = 0;
        const char **users = texts_of(r, list, &count);

        *person = (struct fx_person){.name = fx_strdup(config->sc, name), .users = users};
        config->persons_count++;
        for (; person->users_count < count; person->users_count++) {
            const char *user = users[person->users_count], *owner = owner_of(config, user);
            const char *path = fx_printf(config->sc, "persons.%s.%zu", name, person->users_count);

            if (!is_user_id(user))
                find_at(
                    r, path,
                    fx_printf(config->sc, "%s is not a Slack user id, such as U012AB3CD", user));
            if (owner != NULL)
                find_at(r, path,
                        fx_printf(config->sc,
                                  "%s stands in persons.%s already: an account belongs to one "
                                  "person, once",
                                  user, owner));
        }
    }
}

static struct fx_json *read_databases(const struct reader *r, const char *path,
                                      const struct fx_json *map) {
    struct fx_json *databases = fx_json_object(r->config->sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(map, &cursor, &name, &value)) {
        const char *url = app_secret(
            r->config, r->yaml, fx_printf(r->config->sc, "%s.%s", path, name), value, r->findings);

        if (url != NULL)
            fx_json_put(databases, name, fx_json_string(r->config->sc, url));
    }
    return databases;
}

static void check_role(const struct reader *r, const char *path,
                       const struct fx_environment *environment) {
    struct fx_scope *sc = r->config->sc;

    if (environment->role_arn != NULL && (strncmp(environment->role_arn, "arn:", 4) != 0 ||
                                          strstr(environment->role_arn, ":role/") == NULL))
        find_at(r, fx_printf(sc, "%s.role_arn", path),
                "role_arn is no role's, such as arn:aws:iam::111122223333:role/fluxabot");
    if (environment->role_arn == NULL && environment->external_id != NULL)
        find_at(r, fx_printf(sc, "%s.external_id", path),
                "external_id is told to a role that is assumed; set role_arn, too");
}

static void read_environments(const struct reader *r, const char *path, const struct fx_json *map,
                              struct fx_engine_system *system,
                              const struct fx_json **ret_variables) {
    struct fx_scope *sc = r->config->sc;
    struct fx_environment *list = fx_alloc(sc, (fx_json_count(map) + 1) * sizeof *list);
    struct fx_json *all = fx_json_object(sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(map, &cursor, &name, &value)) {
        const struct fx_json *given = fx_json_at(value, "variables");
        struct fx_json *variables = given == NULL ? fx_json_object(sc) : fx_json_copy(sc, given);

        fx_json_put(all, name, variables);
        list[system->environments_count] = (struct fx_environment){
            .name = fx_strdup(sc, name),
            .variables = variables,
            .databases = read_databases(r, fx_printf(sc, "%s.%s.databases", path, name),
                                        fx_json_at(value, "databases")),
            .role_arn = fx_strdup(sc, fx_json_get_text(value, "role_arn")),
            .external_id = fx_strdup(sc, fx_json_get_text(value, "external_id")),
            .region = fx_strdup(sc, fx_json_get_text(value, "region"))};
        check_role(r, fx_printf(sc, "%s.%s", path, name), &list[system->environments_count]);
        system->environments_count++;
    }
    system->environments = list;
    *ret_variables = all;
}

static void read_systems(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *systems = fx_json_at(r->root, "systems");
    size_t count = fx_json_count(systems), i = 0;
    struct fx_json *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    config->systems = fx_alloc(config->sc, (count + 1) * sizeof *config->systems);
    config->system_names = fx_alloc(config->sc, (count + 1) * sizeof *config->system_names);
    config->system_paths = fx_alloc(config->sc, (count + 1) * sizeof *config->system_paths);
    config->system_variables = fx_alloc(config->sc, (count + 1) * sizeof *config->system_variables);
    config->system_documents = fx_alloc(config->sc, (count + 1) * sizeof *config->system_documents);
    config->system_documents_count =
        fx_alloc(config->sc, (count + 1) * sizeof *config->system_documents_count);
    for (; fx_json_next(systems, &cursor, &name, &value); i++) {
        struct fx_engine_system *system = &config->systems[i];
        const char *path = fx_printf(config->sc, "systems.%s", name);

        config->system_names[i] = fx_strdup(config->sc, name);
        config->system_paths[i] = text_at(r, fx_printf(config->sc, "%s.path", path), "");
        system->channel = text_at(r, fx_printf(config->sc, "%s.channel", path), "");
        system->command = text_at(r, fx_printf(config->sc, "%s.command", path), "");
        system->default_environment =
            text_at(r, fx_printf(config->sc, "%s.default_environment", path), "");
        system->no_watches = !fx_json_get_bool(value, "watches", true);
        config->system_documents[i] =
            texts_of(r, fx_json_at(value, "runbooks"), &config->system_documents_count[i]);
        system->no_schedules = !fx_json_get_bool(value, "schedules", true);
        system->no_automatic_pages = !fx_json_get_bool(value, "automatic_pages", true);
        system->ack_timeout_ms =
            fx_json_at(value, "ack_timeout") == NULL
                ? FX_ENGINE_ACK_TIMEOUT_MS
                : duration_at(r, fx_printf(config->sc, "%s.ack_timeout", path));
        read_environments(r, fx_printf(config->sc, "%s.environments", path),
                          fx_json_at(value, "environments"), system, &config->system_variables[i]);
        if (fx_json_at(fx_json_at(value, "environments"), system->default_environment) == NULL)
            find_at(r, path, "default_environment is not among environments");
    }
    config->systems_count = i;
    if (i == 0)
        find_at(r, "systems", "no system is configured");
}

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* What a sandbox needs and production must not have. */
static void read_testing(const struct reader *r) {
    struct app_config *config = r->config;
    const struct fx_json *testing = fx_json_at(r->root, "testing");

    if (testing == NULL)
        return;
    if (!is_loopback(config->listen.address) || !is_loopback(config->admin.address))
        find_at(r, "testing", "testing is refused unless every listener is on a loopback address");
    config->sns_test_hosts =
        texts_of(r, fx_json_at(testing, "sns_certificate_hosts"), &config->sns_test_hosts_count);
    config->sns_test_ca = text_at(r, "testing.sns_certificate_ca", NULL);
    config->response_url_prefix = text_at(r, "testing.response_url_prefix", NULL);
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
static void read_may_forget(const struct reader *r) {
    const char *said = text_at(r, "store.without_synchronous_standby", NULL);

    r->config->may_forget = said != NULL && strcmp(said, FX_ENGINE_MAY_FORGET) == 0;
    if (said != NULL && !r->config->may_forget)
        find_at(r, "store.without_synchronous_standby",
                "store.without_synchronous_standby must be \"" FX_ENGINE_MAY_FORGET
                "\", or not be there");
}

static void read_store(const struct reader *r) {
    const char *literal = text_at(r, "store.url", NULL);

    r->config->store_url = literal != NULL ? literal : secret_at(r, "store.url");
    if (r->config->store_url == NULL)
        r->config->store_url = "";
    if (literal != NULL && holds_password(literal))
        find_at(r, "store.url",
                "store.url holds a password: write { env: NAME } or { file: PATH }, or leave it to "
                "PGPASSFILE");
}

static void read_state(const struct reader *r) {
    struct fx_state_options *state = &r->config->state;
    struct fx_error err = {0};

    *state = (struct fx_state_options){.url = text_at(r, "state.url", "memory:"),
                                       .username = text_at(r, "state.username", NULL),
                                       .password = secret_at(r, "state.password"),
                                       .ca_file = text_at(r, "state.ca_file", NULL),
                                       .namespace = text_at(r, "state.namespace", NULL)};
    if (strchr(state->url, '@') != NULL)
        find_at(r, "state.url",
                "state.url holds no user and no password: write state.username and state.password");
    else if (fx_state_check(state, &err) != FX_OK)
        find_at(r, "state.url", fx_printf(r->config->sc, "state: %s", err.message));
}

/* Where the database is a file, key and anchors have a place beside it. */
static void read_audit(const struct reader *r) {
    struct app_config *config = r->config;
    const char *database = app_sqlite_path(config->store_url);

    config->audit_key_is_given = fx_json_at_path(r->root, "audit.key.file") != NULL;
    config->audit_key_file =
        text_at(r, "audit.key.file",
                database == NULL ? NULL : fx_printf(config->sc, "%s.audit-key", database));
    config->anchor_file =
        text_at(r, "audit.anchor.file",
                database == NULL ? NULL : fx_printf(config->sc, "%s.audit-anchors", database));
    config->anchor_channel = text_at(r, "audit.anchor.channel", NULL);
    if (strncmp(config->store_url, "postgres", 8) != 0)
        return;
    if (config->audit_key_file == NULL)
        find_at(r, "audit",
                "audit.key.file is missing, and with PostgreSQL no key is made by itself: make one "
                "for all replicas with openssl genpkey -algorithm ed25519 -out FILE");
    if (config->anchor_file == NULL)
        find_at(r, "audit",
                "audit.anchor.file is missing: name a file outside the database, where "
                "signed heads of the audit log are kept");
}

static void read_rest(const struct reader *r) {
    struct app_config *config = r->config;

    read_state(r);
    config->aws_region = text_at(r, "aws.region", NULL);
    config->aws_endpoint_url = text_at(r, "aws.endpoint_url", NULL);
    config->pagerduty_events_url =
        text_at(r, "pagerduty.events_url", "https://events.pagerduty.com/v2/enqueue");
    config->pagerduty_routing_key = secret_at(r, "pagerduty.routing_key");
    config->pagerduty_page_url = text_at(r, "pagerduty.page_url", NULL);
    config->approval_ms = duration_at(r, "approvals.decide_within");
    config->execute_ms = duration_at(r, "approvals.execute_within");
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
    struct reader r = {config, yaml, fx_yaml_root(yaml), findings};

    read_listeners(&r);
    read_slack(&r);
    read_topics(&r);
    read_roles(&r);
    read_persons(&r);
    read_systems(&r);
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
