/* logs_calls.c - CloudWatch Logs' calls: Insights queries, DescribeLogGroups. */
#include "logs.h"

#include <string.h>

enum {
    QUERY_TEXT_MAX = 10000,
    RESULTS_DEFAULT = 10000,
    SCHEDULED_MS = 80,
    RUNNING_MS = 250,
};

struct fx_json *logs_no_group(struct aws_call *call, const char *name) {
    return aws_fail(call, 400, "ResourceNotFoundException", NULL,
                    "Log group '%s' does not exist for account ID '" AWS_ACCOUNT "' (Service: "
                    "AWSLogs; Status Code: 400)",
                    name);
}

/* "arn:aws:logs:us-east-1:123456789012:log-group:NAME" */
const char *logs_group_name(const char *identifier) {
    const char *tail = strstr(identifier, ":log-group:");

    return tail != NULL ? tail + strlen(":log-group:") : identifier;
}

/* Exactly one way to name the groups; NULL after a failure. */
static struct fx_json *groups_of(struct aws_call *call) {
    struct fx_json *one = fx_json_at(call->input, "logGroupName");
    struct fx_json *names = fx_json_at(call->input, "logGroupNames");
    struct fx_json *identifiers = fx_json_at(call->input, "logGroupIdentifiers");
    struct fx_json *given = names != NULL ? names : identifiers, *groups = fx_json_array(call->sc);

    if ((one != NULL) + (names != NULL) + (identifiers != NULL) != 1)
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers is "
                        "needed");
    if (one != NULL)
        given = fx_json_array_of(call->sc, one, NULL);
    if (fx_json_count(given) == 0 || fx_json_count(given) > LOGS_MAX_GROUPS)
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "1 to %d log groups can be queried", LOGS_MAX_GROUPS);
    for (size_t i = 0; i < fx_json_count(given); i++) {
        const char *text = fx_json_text(fx_json_item(given, i));
        const char *name = logs_group_name(text != NULL ? text : "");

        if (logs_find(call->aws, name) == NULL)
            return logs_no_group(call, name);
        fx_json_add(groups, fx_json_string(call->sc, name));
    }
    return groups;
}

/* ---- Insights ---- */

static int64_t running_queries(const struct sandbox_aws *aws) {
    int64_t now_ms = fx_mono_ms(aws->sb->clock), count = 0;

    for (const struct logs_query *query = aws->queries; query != NULL; query = query->next)
        count += !query->stopped && now_ms - query->started_mono_ms < RUNNING_MS;
    return count;
}

/* Only the newest are kept; an id that fell out is unknown. */
static void forget_old_queries(struct sandbox_aws *aws) {
    struct logs_query **at = &aws->queries;

    for (size_t kept = 0; *at != NULL && kept < LOGS_MAX_QUERIES; kept++)
        at = &(*at)->next;
    while (*at != NULL) {
        struct logs_query *old = *at;

        *at = old->next;
        fx_scope_free(old->sc);
    }
}

static struct fx_json *start_query(struct aws_call *call) {
    const char *text = aws_input_text(call->input, "queryString"), *problem = NULL;
    int64_t from_s = aws_input_int(call->input, "startTime", -1);
    int64_t to_s = aws_input_int(call->input, "endTime", -1);
    struct fx_json *groups = groups_of(call);

    if (groups == NULL)
        return NULL;
    if (text[0] == '\0' || strlen(text) > QUERY_TEXT_MAX || from_s < 0 || to_s < from_s)
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "queryString, startTime and endTime are needed; times are epoch seconds");
    if (running_queries(call->aws) >= LOGS_MAX_QUERIES)
        return aws_fail(call, 400, "LimitExceededException", NULL,
                        "Account maximum query concurrency limit of %d reached", LOGS_MAX_QUERIES);

    struct fx_scope *sc = fx_scope_new(NULL);
    struct insights_query *parsed = insights_parse(sc, text, &problem);
    if (parsed == NULL) {
        aws_fail(call, 400, "MalformedQueryException", NULL, "%s", problem);
        fx_scope_free(sc);
        return NULL;
    }
    struct logs_query *query = FX_NEW(sc, struct logs_query);
    query->sc = sc;
    query->id = fx_uuid_new(sc, call->sb->random);
    query->parsed = parsed;
    query->groups = fx_json_copy(sc, groups);
    query->from_ms = from_s * 1000;
    query->to_ms = to_s * 1000 + 999;
    query->limit = aws_input_int(call->input, "limit", RESULTS_DEFAULT);
    query->started_mono_ms = fx_mono_ms(call->sb->clock);
    query->next = call->aws->queries;
    call->aws->queries = query;
    forget_old_queries(call->aws);
    return fx_json_object_of(call->sc, "queryId", fx_json_string(call->sc, query->id), NULL);
}

static struct logs_query *find_query(struct aws_call *call) {
    const char *id = aws_input_text(call->input, "queryId");

    for (struct logs_query *query = call->aws->queries; query != NULL; query = query->next)
        if (strcmp(query->id, id) == 0)
            return query;
    aws_fail(call, 400, "ResourceNotFoundException", NULL, "Query '%s' does not exist", id);
    return NULL;
}

static const char *status_of(const struct logs_query *query, int64_t now_ms) {
    int64_t age_ms = now_ms - query->started_mono_ms;

    if (query->stopped)
        return "Cancelled";
    if (age_ms < SCHEDULED_MS)
        return "Scheduled";
    return age_ms < RUNNING_MS ? "Running" : "Complete";
}

static struct fx_json *get_query_results(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    struct logs_query *query = find_query(call);
    struct insights_result result = {0};
    const char *status;

    if (query == NULL)
        return NULL;
    status = status_of(query, fx_mono_ms(call->sb->clock));
    if (strcmp(status, "Complete") == 0)
        result = insights_run(call->aws, sc, query->parsed, query->groups, query->from_ms,
                              query->to_ms, query->limit);
    return fx_json_object_of(
        sc, "queryLanguage", fx_json_string(sc, "CWLI"), "results",
        result.rows != NULL ? result.rows : fx_json_array(sc), "statistics",
        fx_json_object_of(sc, "recordsMatched", fx_json_real(sc, (double)result.matched),
                          "recordsScanned", fx_json_real(sc, (double)result.scanned),
                          "bytesScanned", fx_json_real(sc, (double)result.bytes), NULL),
        "status", fx_json_string(sc, status), NULL);
}

static struct fx_json *stop_query(struct aws_call *call) {
    struct logs_query *query = find_query(call);

    if (query == NULL)
        return NULL;
    if (query->stopped || strcmp(status_of(query, fx_mono_ms(call->sb->clock)), "Complete") == 0)
        return aws_fail(call, 400, "InvalidParameterException", NULL,
                        "Query has already ended and cannot be stopped");
    query->stopped = true;
    return fx_json_object_of(call->sc, "success", fx_json_bool(call->sc, true), NULL);
}

static struct fx_json *describe_log_groups(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *prefix = aws_input_text(call->input, "logGroupNamePrefix");
    struct fx_json *groups = fx_json_array(sc);

    for (struct logs_group *group = call->aws->groups; group != NULL; group = group->next)
        if (strncmp(group->name, prefix, strlen(prefix)) == 0)
            fx_json_add(groups,
                        fx_json_object_of(sc, "logGroupName", fx_json_string(sc, group->name),
                                          "creationTime", fx_json_int(sc, group->created_ms), "arn",
                                          fx_json_stringf(sc,
                                                          "arn:aws:logs:" AWS_REGION ":" AWS_ACCOUNT
                                                          ":log-group:%s:*",
                                                          group->name),
                                          NULL));
    return fx_json_object_of(sc, "logGroups", groups, NULL);
}

static const struct aws_operation operations[] = {
    {"StartQuery", start_query},
    {"GetQueryResults", get_query_results},
    {"StopQuery", stop_query},
    {"FilterLogEvents", logs_filter},
    {"DescribeLogGroups", describe_log_groups},
};

const struct aws_service aws_service_logs = {
    .name = "logs",
    .signing = "logs",
    .target = "Logs_20140328",
    .json = AWS_JSON_1_1,
    .error_prefix = "com.amazonaws.logs",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
