/* config_keys.c - every key of the configuration file, in one table, and the walk that checks a
 * file. */
#include "private.h"

#include <stdio.h>
#include <string.h>

enum key_type {
    KEY_TEXT,
    KEY_ADDRESS,
    KEY_INT,
    KEY_BOOL,
    KEY_SECRET,
    KEY_SECRETS,
    KEY_TEXTS,
    KEY_LIST,
    KEY_MAP,
    KEY_DURATION
};

/* '*' stands for any name. A row of type LIST or MAP is looked into no further here. */
static const struct {
    const char *path;
    enum key_type type;
    bool required;
    const char *help;
} keys[] = {
    {"listen.address", KEY_TEXT, true, "address of the public listener, such as 0.0.0.0"},
    {"listen.port", KEY_INT, true, "its port; 0 takes a free one"},
    {"listen.tls.certificate", KEY_TEXT, false,
     "path of the PEM certificate chain; without tls: loopback only"},
    {"listen.tls.key", KEY_SECRET, false, "its private key"},
    {"admin.address", KEY_TEXT, false, "address of /healthz, /readyz and /metrics; loopback only"},
    {"admin.port", KEY_INT, false, "its port"},
    {"store.url", KEY_ADDRESS, true,
     "sqlite:///path/of/the/database or postgresql://user@host/database"},
    {"store.without_synchronous_standby", KEY_TEXT, false,
     "\"" FX_ENGINE_MAY_FORGET
     "\": changes begin also where PostgreSQL's standbys are asynchronous"},
    {"state.url", KEY_TEXT, false,
     "memory:, redis://HOST:PORT/DB, rediss:// with TLS, or unix:///PATH; otherwise memory:"},
    {"state.username", KEY_TEXT, false, "a user of that Redis, if it is not its default user"},
    {"state.password", KEY_SECRET, false, "the password of Redis"},
    {"state.ca_file", KEY_TEXT, false,
     "path of the CA that rediss:// trusts; otherwise the system's"},
    {"state.namespace", KEY_TEXT, false,
     "keeps installations apart that use one Redis; otherwise default"},
    {"audit.key.file", KEY_TEXT, false,
     "Ed25519 private key in PEM that signs anchors; otherwise made beside the SQLite database"},
    {"audit.anchor.file", KEY_TEXT, false,
     "where anchors are kept, best on another disk; otherwise beside the SQLite database"},
    {"audit.anchor.channel", KEY_TEXT, false,
     "id of the Slack channel they are posted to; otherwise to none"},
    {"workers", KEY_INT, false, "threads that run jobs, 1 to 16; otherwise 4"},
    {"slack.api_url", KEY_TEXT, false, "otherwise https://slack.com/api"},
    {"slack.bot_token", KEY_SECRET, true, "the xoxb- token"},
    {"slack.signing_secrets", KEY_SECRETS, true, "one, or two while one is being replaced"},
    {"slack.team_ids", KEY_TEXTS, true, "workspaces whose people may speak to the bot"},
    {"sns.topics", KEY_LIST, true, "[{arn, system, environment}]: the topics that are believed"},
    {"aws.region", KEY_TEXT, false, "otherwise AWS_REGION"},
    {"aws.endpoint_url", KEY_TEXT, false, "otherwise AWS_ENDPOINT_URL, otherwise AWS"},
    {"pagerduty.events_url", KEY_TEXT, false, "otherwise https://events.pagerduty.com/v2/enqueue"},
    {"pagerduty.routing_key", KEY_SECRET, false, "without it nobody is paged"},
    {"pagerduty.page_url", KEY_TEXT, false,
     "where a page is looked at; %s stands for its dedup key"},
    {"approvals.decide_within", KEY_DURATION, false,
     "how long a request waits, at most 4h; otherwise 15m"},
    {"approvals.execute_within", KEY_DURATION, false,
     "how long an approval may be used, at most 4h; otherwise 15m"},
    {"crashes.freeze_after", KEY_INT, false,
     "so many crashes within five minutes freeze changes; otherwise 5; 0: none do"},
    {"roles.*.users", KEY_TEXTS, false, "Slack user ids"},
    {"roles.*.groups", KEY_TEXTS, false, "Slack user group ids"},
    {"persons.*", KEY_TEXTS, false,
     "Slack user ids of one human being, who never approves what any of them asked for"},
    {"systems.*.path", KEY_TEXT, true, "folder of its runbooks"},
    {"systems.*.command", KEY_TEXT, true, "its slash command, such as /fluxa"},
    {"systems.*.channel", KEY_TEXT, true, "id of its Slack channel"},
    {"systems.*.default_environment", KEY_TEXT, true, "used when a command names none"},
    {"systems.*.schedules", KEY_BOOL, false,
     "false: nothing of system.yaml's schedules runs here; otherwise true"},
    {"systems.*.watches", KEY_BOOL, false,
     "false: an alarm that is OK again starts no watch of the recovery; otherwise true"},
    {"systems.*.ack_timeout", KEY_DURATION, false,
     "an alarm that pages waits so long for Acknowledge, critical ones not at all; 0s: none does; "
     "otherwise 10m"},
    {"systems.*.automatic_pages", KEY_BOOL, false,
     "false: no alarm pages by itself, only people do; otherwise true"},
    {"systems.*.runbooks", KEY_TEXTS, false,
     "paths of the written runbooks (Markdown), which check compares with path/runbook.lock"},
    {"systems.*.environments.*.variables", KEY_MAP, false,
     "values of the variables in system.yaml"},
    {"systems.*.environments.*.role_arn", KEY_TEXT, false,
     "role whose rights the calls of AWS carry there; otherwise the bot's own"},
    {"systems.*.environments.*.external_id", KEY_TEXT, false,
     "what that role's owner wants to be told when it is assumed"},
    {"systems.*.environments.*.region", KEY_TEXT, false, "otherwise aws.region"},
    {"systems.*.environments.*.databases.*", KEY_SECRET, false,
     "connection string of a database in system.yaml"},
    {"testing.sns_certificate_hosts", KEY_TEXTS, false, "hosts of a sandbox's signing certificate"},
    {"testing.sns_certificate_ca", KEY_TEXT, false, "path of its CA"},
    {"testing.response_url_prefix", KEY_TEXT, false, "where a sandbox's response URLs begin"},
};

static const char *type_help(enum key_type type) {
    static const char *const texts[] = {
        [KEY_TEXT] = "a text",
        [KEY_ADDRESS] = "a text, or { env: NAME } or { file: PATH } when it holds a password",
        [KEY_INT] = "a whole number",
        [KEY_BOOL] = "true or false",
        [KEY_SECRET] = "{ env: NAME } or { file: PATH }, never the secret itself",
        [KEY_SECRETS] = "a list of { env: NAME } or { file: PATH }",
        [KEY_TEXTS] = "a list of texts",
        [KEY_LIST] = "a list",
        [KEY_MAP] = "a map",
        [KEY_DURATION] = "a duration such as 15m",
    };

    return texts[type];
}

/* Compares "roles.*.users" with "roles.operator.users"; as_prefix: the pattern may go on. */
static bool matches(const char *pattern, const char *path, bool as_prefix) {
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern == '*') {
            pattern++;
            while (*path != '\0' && *path != '.')
                path++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0' && (*pattern == '\0' || (as_prefix && *pattern == '.'));
}

static bool is_secret(const struct fx_json *value) {
    return fx_json_count(value) == 1 &&
           (fx_json_get_text(value, "env") != NULL || fx_json_get_text(value, "file") != NULL);
}

static bool all_texts(const struct fx_json *list, bool secrets) {
    bool good = fx_json_type(list) == FX_JSON_ARRAY && fx_json_count(list) > 0;

    for (size_t i = 0; good && i < fx_json_count(list); i++)
        good = secrets ? is_secret(fx_json_item(list, i))
                       : fx_json_text(fx_json_item(list, i)) != NULL;
    return good;
}

static bool fits(enum key_type type, const struct fx_json *value) {
    struct fx_error ignored;
    int64_t ms = 0;

    switch (type) {
    case KEY_TEXT:
        return fx_json_type(value) == FX_JSON_STRING;
    case KEY_ADDRESS:
        return fx_json_type(value) == FX_JSON_STRING || is_secret(value);
    case KEY_INT:
        return fx_json_type(value) == FX_JSON_INT;
    case KEY_BOOL:
        return fx_json_type(value) == FX_JSON_BOOL;
    case KEY_SECRET:
        return is_secret(value);
    case KEY_SECRETS:
        return all_texts(value, true);
    case KEY_TEXTS:
        return all_texts(value, false);
    case KEY_LIST:
        return fx_json_type(value) == FX_JSON_ARRAY;
    case KEY_MAP:
        return fx_json_type(value) == FX_JSON_OBJECT;
    case KEY_DURATION:
        return fx_json_text(value) != NULL &&
               fx_step_parse_duration(fx_json_text_slice(value), &ms, &ignored) == FX_OK;
    }
    return false;
}

static void walk(const struct fx_yaml *yaml, const char *path, const struct fx_json *value,
                 struct app_findings *findings) {
    bool known_prefix = path[0] == '\0';
    struct fx_json *member = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    for (size_t i = 0; i < FX_COUNT_OF(keys); i++) {
        if (matches(keys[i].path, path, false)) {
            if (!fits(keys[i].type, value))
                app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path), "%s must be %s",
                         path, type_help(keys[i].type));
            return;
        }
        known_prefix |= matches(keys[i].path, path, true);
    }
    if (!known_prefix) {
        app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path),
                 "%s is not a key; `fluxabot help config` lists them", path);
        return;
    }
    if (fx_json_type(value) != FX_JSON_OBJECT) {
        app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path), "%s must be a map",
                 path[0] == '\0' ? "the file" : path);
        return;
    }
    while (fx_json_next(value, &cursor, &name, &member))
        walk(yaml, path[0] == '\0' ? name : fx_printf(findings->sc, "%s.%s", path, name), member,
             findings);
}

/* Required keys under '*' are asked for each name that is there. */
static void require(const struct fx_yaml *yaml, const struct fx_json *at, const char *path,
                    const char *rest, struct app_findings *findings) {
    struct fx_slice part, tail;
    struct fx_json *member = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    fx_slice_split(fx_slice_of(rest), '.', &part, &tail);
    if (fx_slice_equal_text(part, "*")) {
        while (fx_json_next(at, &cursor, &name, &member))
            require(yaml, member, fx_printf(findings->sc, "%s.%s", path, name), tail.ptr, findings);
        return;
    }
    const char *key = fx_slice_dup(findings->sc, part);
    const char *full = path[0] == '\0' ? key : fx_printf(findings->sc, "%s.%s", path, key);

    member = fx_json_at(at, key);
    if (member == NULL)
        app_find(findings, fx_yaml_file(yaml), fx_yaml_line(yaml, path), "%s is missing",
                 tail.len == 0 ? full : fx_printf(findings->sc, "%s.%s", full, tail.ptr));
    else if (tail.len > 0)
        require(yaml, member, full, tail.ptr, findings);
}

void app_check_keys(const struct fx_yaml *yaml, struct app_findings *findings) {
    walk(yaml, "", fx_yaml_root(yaml), findings);
    for (size_t i = 0; i < FX_COUNT_OF(keys); i++)
        if (keys[i].required)
            require(yaml, fx_yaml_root(yaml), "", keys[i].path, findings);
}

void app_print_keys(void) {
    for (size_t i = 0; i < FX_COUNT_OF(keys); i++)
        printf("%-42s %s%s\n", keys[i].path, keys[i].help, keys[i].required ? " (required)" : "");
}
