/* iam.c - roles and their policies, and what IAM's simulator says of them. */
#include "aws.h"

#include <ctype.h>
#include <string.h>

enum { IAM_MAX_ROLES = 64, IAM_MAX_ACTIONS = 128 };

struct iam_role {
    struct iam_role *next;
    const char *name, *arn;
    struct fx_json *in_line, *attached; /* {name: document} */
};

struct iam_state {
    struct iam_role *roles;
    size_t count;
};

static struct iam_role *find_role(struct sandbox_aws *aws, const char *name) {
    for (struct iam_role *role = aws->iam->roles; role != NULL; role = role->next)
        if (strcmp(role->name, name) == 0)
            return role;
    return NULL;
}

static struct iam_role *new_role(struct sandbox_aws *aws, const char *name) {
    struct fx_scope *sc = aws->world;
    struct iam_role *role = FX_NEW(sc, struct iam_role);

    role->name = fx_strdup(sc, name);
    role->arn = fx_printf(sc, "arn:aws:iam::" AWS_ACCOUNT ":role/%s", name);
    role->in_line = fx_json_object(sc);
    role->attached = fx_json_object(sc);
    role->next = aws->iam->roles;
    aws->iam->roles = role;
    aws->iam->count++;
    return role;
}

/* ---- the default world ---- */

static const char basic_execution[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":["
    "\"logs:CreateLogGroup\",\"logs:CreateLogStream\",\"logs:PutLogEvents\"],"
    "\"Resource\":\"*\"}]}";

#define ALLOW(actions, resource)                                                                   \
    "{\"Effect\":\"Allow\",\"Action\":[" actions "],\"Resource\":\"" resource "\"}"
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define INPUT_QUEUE "arn:aws:sqs:" AWS_REGION ":" AWS_ACCOUNT ":Fluxa-InputQueue"
#define SECRET "arn:aws:secretsmanager:" AWS_REGION ":" AWS_ACCOUNT ":secret:fluxa/db-*"

static const struct {
    const char *role, *policy;
} default_roles[] = {
    {"fluxa-ingest", POLICY(ALLOW("\"sqs:SendMessage\",\"sqs:GetQueueUrl\"", INPUT_QUEUE) "," ALLOW(
                         "\"s3:PutObject\"", "arn:aws:s3:::fluxa-payloads/*"))},
    {"fluxa-processor",
     POLICY(
         ALLOW("\"sqs:ReceiveMessage\",\"sqs:DeleteMessage\",\"sqs:GetQueueAttributes\"",
               INPUT_QUEUE) "," ALLOW("\"s3:GetObject\"",
                                      "arn:aws:s3:::fluxa-payloads/*") "," ALLOW("\"secretsmanager:"
                                                                                 "GetSecretValue\"",
                                                                                 SECRET))},
    {"fluxa-query", POLICY(ALLOW("\"secretsmanager:GetSecretValue\"", SECRET))},
};

static struct fx_json *document(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error err;

    return fx_json_parse(sc, fx_slice_of(text), &json, &err) == FX_OK ? json : NULL;
}

void iam_world(struct sandbox_aws *aws) {
    struct fx_scope *sc = aws->world;

    aws->iam = FX_NEW(sc, struct iam_state);
    for (size_t i = 0; i < FX_COUNT_OF(default_roles); i++) {
        struct iam_role *role = new_role(aws, default_roles[i].role);

        fx_json_put(role->in_line, role->name, document(sc, default_roles[i].policy));
        fx_json_put(role->attached, "AWSLambdaBasicExecutionRole", document(sc, basic_execution));
    }
}

/* [{"name", "inline": {name: document}, "attached": {...}, "deleted"}]: what is given replaces. */
const char *iam_change(struct sandbox_aws *aws, const struct fx_json *body) {
    struct fx_json *roles = fx_json_at(body, "roles");

    for (size_t i = 0; i < fx_json_count(roles); i++) {
        const struct fx_json *one = fx_json_item(roles, i);
        const char *name = fx_json_get_text(one, "name");
        struct iam_role *role = name != NULL ? find_role(aws, name) : NULL;

        if (name == NULL || (role == NULL && aws->iam->count >= IAM_MAX_ROLES))
            return "a role needs a name, and there is a limit to their number";
        if (role == NULL)
            role = new_role(aws, name);
        if (fx_json_get_bool(one, "deleted", false))
            role->name = ""; /* found by nobody */
        if (fx_json_at(one, "inline") != NULL)
            role->in_line = fx_json_copy(aws->world, fx_json_at(one, "inline"));
        if (fx_json_at(one, "attached") != NULL)
            role->attached = fx_json_copy(aws->world, fx_json_at(one, "attached"));
    }
    return NULL;
}

/* ---- judging ---- */

/* '*' any text, '?' one character. */
static bool glob(const char *pattern, const char *text, bool any_case) {
    for (; *pattern != '\0'; pattern++, text++) {
        if (*pattern == '*') {
            for (; *text != '\0'; text++)
                if (glob(pattern + 1, text, any_case))
                    return true;
            return glob(pattern + 1, text, any_case);
        }
        if (*text == '\0')
            return false;
        bool same = any_case ? tolower((unsigned char)*pattern) == tolower((unsigned char)*text)
                             : *pattern == *text;
        if (*pattern != '?' && !same)
            return false;
    }
    return *text == '\0';
}

/* A member that is one text or a list of them. */
static bool names(const struct fx_json *statement, const char *key, const char *text,
                  bool any_case) {
    struct fx_json *value = fx_json_at(statement, key);

    if (fx_json_text(value) != NULL)
        return glob(fx_json_text(value), text, any_case);
    for (size_t i = 0; i < fx_json_count(value); i++) {
        const char *pattern = fx_json_text(fx_json_item(value, i));

        if (pattern != NULL && glob(pattern, text, any_case))
            return true;
    }
    return false;
}

static bool covers(const struct fx_json *statement, const char *action, const char *resource) {
    bool of_action = fx_json_at(statement, "NotAction") != NULL
                         ? !names(statement, "NotAction", action, true)
                         : names(statement, "Action", action, true);
    bool of_resource = fx_json_at(statement, "NotResource") != NULL
                           ? !names(statement, "NotResource", resource, false)
                           : names(statement, "Resource", resource, false);

    return of_action && of_resource;
}

struct verdict {
    struct fx_scope *sc;
    const char *action, *resource;
    bool allowed, denied;
    struct fx_json *allowing, *denying; /* matched statements */
    struct fx_json *missing;            /* keys of conditions that nobody gave */
};

/* A condition cannot be judged without its context: the statement does not count. */
static bool is_conditional(struct verdict *verdict, const struct fx_json *statement) {
    struct fx_json *condition = fx_json_at(statement, "Condition"), *keys, *value;
    void *cursor = NULL, *inner;
    const char *operator, * key;

    while (fx_json_next(condition, &cursor, &operator, & keys)) {
        inner = NULL;
        while (fx_json_next(keys, &inner, &key, &value))
            if (!aws_list_has(verdict->missing, key))
                fx_json_add(verdict->missing, fx_json_string(verdict->sc, key));
    }
    return fx_json_count(condition) > 0;
}

static void judge_document(struct verdict *verdict, const char *name, const char *type,
                           const struct fx_json *policy) {
    struct fx_scope *sc = verdict->sc;
    struct fx_json *statements = fx_json_at(policy, "Statement");

    if (fx_json_type(statements) == FX_JSON_OBJECT)
        statements = fx_json_array_of(sc, statements, NULL);
    for (size_t i = 0; i < fx_json_count(statements); i++) {
        const struct fx_json *statement = fx_json_item(statements, i);
        bool deny = strcmp(aws_input_text(statement, "Effect"), "Deny") == 0;

        if (!covers(statement, verdict->action, verdict->resource) ||
            is_conditional(verdict, statement))
            continue;
        *(deny ? &verdict->denied : &verdict->allowed) = true;
        fx_json_add(deny ? verdict->denying : verdict->allowing,
                    fx_json_object_of(sc, "SourcePolicyId", fx_json_string(sc, name),
                                      "SourcePolicyType", fx_json_string(sc, type), NULL));
    }
}

static struct verdict judge(struct fx_scope *sc, const struct iam_role *role, const char *action,
                            const char *resource) {
    struct verdict verdict = {.sc = sc,
                              .action = action,
                              .resource = resource,
                              .allowing = fx_json_array(sc),
                              .denying = fx_json_array(sc),
                              .missing = fx_json_array(sc)};
    void *cursor = NULL;
    const char *name;
    struct fx_json *policy;

    while (fx_json_next(role->in_line, &cursor, &name, &policy))
        judge_document(&verdict, name, "IAM Policy", policy);
    cursor = NULL;
    while (fx_json_next(role->attached, &cursor, &name, &policy))
        judge_document(&verdict, name, "IAM Policy", policy);
    return verdict;
}

static const char *decision(const struct verdict *verdict) {
    if (verdict->denied)
        return "explicitDeny";
    return verdict->allowed ? "allowed" : "implicitDeny";
}

/* The worst of all resources counts for the action as a whole. */
static const char *worse(const char *a, const char *b) {
    static const char *const order[] = {"explicitDeny", "implicitDeny"};

    for (size_t i = 0; i < FX_COUNT_OF(order); i++)
        if (strcmp(a, order[i]) == 0 || strcmp(b, order[i]) == 0)
            return order[i];
    return "allowed";
}

static struct fx_json *evaluate(struct aws_call *call, const struct iam_role *role,
                                const char *action, const struct fx_json *resources) {
    struct fx_scope *sc = call->sc;
    struct fx_json *each = fx_json_array(sc), *matched = fx_json_array(sc);
    struct fx_json *missing = fx_json_array(sc);
    const char *overall = "allowed";

    for (size_t i = 0; i < fx_json_count(resources); i++) {
        const char *resource = fx_json_text(fx_json_item(resources, i));
        struct verdict verdict = judge(sc, role, action, resource != NULL ? resource : "");
        struct fx_json *statements = verdict.denied ? verdict.denying : verdict.allowing;

        overall = worse(overall, decision(&verdict));
        for (size_t j = 0; j < fx_json_count(statements); j++)
            fx_json_add(matched, fx_json_item(statements, j));
        for (size_t j = 0; j < fx_json_count(verdict.missing); j++)
            fx_json_add(missing, fx_json_item(verdict.missing, j));
        fx_json_add(each,
                    fx_json_object_of(sc, "EvalResourceName", fx_json_string(sc, verdict.resource),
                                      "EvalResourceDecision",
                                      fx_json_string(sc, decision(&verdict)), "MatchedStatements",
                                      statements, "MissingContextValues", verdict.missing, NULL));
    }
    return fx_json_object_of(sc, "EvalActionName", fx_json_string(sc, action), "EvalResourceName",
                             fx_json_item(resources, 0), "EvalDecision",
                             fx_json_string(sc, overall), "MatchedStatements", matched,
                             "MissingContextValues", missing, "ResourceSpecificResults", each,
                             NULL);
}

/* ---- calls ---- */

static struct iam_role *call_role(struct aws_call *call, const char *name) {
    struct iam_role *role = find_role(call->aws, name);

    if (role == NULL || name[0] == '\0')
        aws_fail(call, 404, "NoSuchEntityException", "NoSuchEntity",
                 "The role with name %s cannot be found.", name);
    return role;
}

static struct fx_json *simulate(struct aws_call *call) {
    const char *arn = aws_input_text(call->input, "PolicySourceArn");
    const char *slash = strrchr(arn, '/');
    struct fx_json *actions = fx_json_at(call->input, "ActionNames");
    struct fx_json *resources = fx_json_at(call->input, "ResourceArns");
    struct fx_json *results = fx_json_array(call->sc);
    struct iam_role *role = slash != NULL ? call_role(call, slash + 1) : NULL;

    if (slash == NULL)
        return aws_fail(call, 400, "InvalidInputException", "InvalidInput",
                        "Invalid Entity Arn: %s does not clearly define entity type and name.",
                        arn);
    if (role == NULL)
        return NULL;
    if (fx_json_count(actions) == 0 || fx_json_count(actions) > IAM_MAX_ACTIONS)
        return aws_fail(call, 400, "ValidationError", NULL, "1 to %d action names are needed",
                        IAM_MAX_ACTIONS);
    if (fx_json_count(resources) == 0)
        resources = fx_json_array_of(call->sc, fx_json_string(call->sc, "*"), NULL);
    for (size_t i = 0; i < fx_json_count(actions); i++) {
        const char *action = fx_json_text(fx_json_item(actions, i));

        if (action == NULL || strchr(action, ':') == NULL)
            return aws_fail(call, 400, "InvalidInputException", "InvalidInput",
                            "Invalid Service or Action Name: %s", action != NULL ? action : "");
        fx_json_add(results, evaluate(call, role, action, resources));
    }
    return fx_json_object_of(call->sc, "EvaluationResults", results, "IsTruncated",
                             fx_json_bool(call->sc, false), NULL);
}

static struct fx_json *get_role_policy(struct aws_call *call) {
    struct iam_role *role = call_role(call, aws_input_text(call->input, "RoleName"));
    const char *name = aws_input_text(call->input, "PolicyName");
    struct fx_json *policy = role != NULL ? fx_json_at(role->in_line, name) : NULL;

    if (role == NULL)
        return NULL;
    if (policy == NULL)
        return aws_fail(call, 404, "NoSuchEntityException", "NoSuchEntity",
                        "The role policy with name %s cannot be found.", name);
    return fx_json_object_of(
        call->sc, "RoleName", fx_json_string(call->sc, role->name), "PolicyName",
        fx_json_string(call->sc, name), "PolicyDocument",
        fx_json_string(call->sc,
                       fx_url_encode(call->sc, fx_slice_of(fx_json_dump(call->sc, policy)), false)),
        NULL);
}

static struct fx_json *list_role_policies(struct aws_call *call) {
    struct iam_role *role = call_role(call, aws_input_text(call->input, "RoleName"));
    struct fx_json *list = fx_json_array(call->sc), *policy;
    void *cursor = NULL;
    const char *name;

    if (role == NULL)
        return NULL;
    while (fx_json_next(role->in_line, &cursor, &name, &policy))
        fx_json_add(list, fx_json_string(call->sc, name));
    return fx_json_object_of(call->sc, "PolicyNames", list, "IsTruncated",
                             fx_json_bool(call->sc, false), NULL);
}

static struct fx_json *list_attached_role_policies(struct aws_call *call) {
    struct iam_role *role = call_role(call, aws_input_text(call->input, "RoleName"));
    struct fx_json *list = fx_json_array(call->sc), *policy;
    void *cursor = NULL;
    const char *name;

    if (role == NULL)
        return NULL;
    while (fx_json_next(role->attached, &cursor, &name, &policy))
        fx_json_add(list,
                    fx_json_object_of(
                        call->sc, "PolicyName", fx_json_string(call->sc, name), "PolicyArn",
                        fx_json_stringf(call->sc, "arn:aws:iam::" AWS_ACCOUNT ":policy/%s", name),
                        NULL));
    return fx_json_object_of(call->sc, "AttachedPolicies", list, "IsTruncated",
                             fx_json_bool(call->sc, false), NULL);
}

static const struct aws_operation operations[] = {
    {"SimulatePrincipalPolicy", simulate},
    {"GetRolePolicy", get_role_policy},
    {"ListRolePolicies", list_role_policies},
    {"ListAttachedRolePolicies", list_attached_role_policies},
};

const struct aws_service aws_service_iam = {
    .name = "iam",
    .signing = "iam",
    .xml_namespace = "https://iam.amazonaws.com/doc/2010-05-08/",
    .error_prefix = "com.amazonaws.iam",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
};
