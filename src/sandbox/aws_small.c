/* aws_small.c - the service of which two answers are enough: STS. */
#include "calls.h"

#include <string.h>

static struct fx_json *get_caller_identity(struct aws_call *call) {
    struct fx_scope *sc = call->sc;

    return fx_json_object_of(sc, "Arn", fx_json_string(sc, call->identity), "UserId",
                             fx_json_string(sc, "AIDASANDBOXFLUXABOT"), "Account",
                             fx_json_string(sc, AWS_ACCOUNT), NULL);
}

/* The keys it hands out are those the caller has: the sandbox knows no others. Who they are for
 * stands in the token, which is signed with the call. */
static struct fx_json *assume_role(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *arn = aws_input_text(call->input, "RoleArn");
    const char *session = aws_input_text(call->input, "RoleSessionName");
    const char *role = strrchr(arn, '/');

    if (role == NULL || session[0] == '\0')
        return aws_fail(call, 400, "ValidationError", NULL,
                        "RoleArn and RoleSessionName are needed");
    const char *assumed =
        fx_printf(sc, "arn:aws:sts::" AWS_ACCOUNT ":assumed-role%s/%s", role, session);

    return fx_json_object_of(
        sc, "Credentials",
        fx_json_object_of(
            sc, "AccessKeyId", fx_json_string(sc, call->sb->options.access_key), "SecretAccessKey",
            fx_json_string(sc, call->sb->options.secret_key), "SessionToken",
            fx_json_stringf(sc, "%s" AWS_TOKEN_MARK "%s", fx_uuid_new(sc, call->sb->random),
                            assumed),
            "Expiration",
            fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock) + 3600000)), NULL),
        "AssumedRoleUser",
        fx_json_object_of(sc, "AssumedRoleId",
                          fx_json_stringf(sc, "AROASANDBOXFLUXABOT:%s", session), "Arn",
                          fx_json_string(sc, assumed), NULL),
        NULL);
}

static const struct aws_operation sts_operations[] = {
    {"GetCallerIdentity", get_caller_identity},
    {"AssumeRole", assume_role},
};

const struct aws_service aws_service_sts = {
    .name = "sts",
    .signing = "sts",
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
    .error_prefix = "com.amazonaws.sts",
    .operations = sts_operations,
    .operations_count = FX_COUNT_OF(sts_operations),
};
