/* aws_small.c - the services of which one or two answers are enough: STS and RDS. */
#include "aws.h"

#include <string.h>

static struct fx_json *get_caller_identity(struct aws_call *call) {
    struct fx_scope *sc = call->sc;

    return fx_json_object_of(sc, "Arn",
                             fx_json_string(sc, "arn:aws:iam::" AWS_ACCOUNT ":user/fluxabot"),
                             "UserId", fx_json_string(sc, "AIDASANDBOXFLUXABOT"), "Account",
                             fx_json_string(sc, AWS_ACCOUNT), NULL);
}

/* The keys it hands out are those the caller has: the sandbox knows no others. */
static struct fx_json *assume_role(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *arn = aws_input_text(call->input, "RoleArn");
    const char *session = aws_input_text(call->input, "RoleSessionName");
    const char *role = strrchr(arn, '/');

    if (role == NULL || session[0] == '\0')
        return aws_fail(call, 400, "ValidationError", NULL,
                        "RoleArn and RoleSessionName are needed");
    return fx_json_object_of(
        sc, "Credentials",
        fx_json_object_of(
            sc, "AccessKeyId", fx_json_string(sc, call->sb->options.access_key), "SecretAccessKey",
            fx_json_string(sc, call->sb->options.secret_key), "SessionToken",
            fx_json_string(sc, fx_uuid_new(sc, call->sb->random)), "Expiration",
            fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock) + 3600000)), NULL),
        "AssumedRoleUser",
        fx_json_object_of(
            sc, "AssumedRoleId", fx_json_stringf(sc, "AROASANDBOXFLUXABOT:%s", session), "Arn",
            fx_json_stringf(sc, "arn:aws:sts::" AWS_ACCOUNT ":assumed-role%s/%s", role, session),
            NULL),
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

static struct fx_json *instance(struct aws_call *call) {
    struct fx_scope *sc = call->sc;

    return fx_json_object_of(
        sc, "DBInstanceIdentifier", fx_json_string(sc, "fluxa-prod"), "DBInstanceClass",
        fx_json_string(sc, "db.t4g.medium"), "Engine", fx_json_string(sc, "postgres"),
        "EngineVersion", fx_json_string(sc, "15.8"), "DBInstanceStatus",
        fx_json_string(sc, call->aws->outage ? call->aws->outage_status : "available"), "DBName",
        fx_json_string(sc, "fluxa"), "Endpoint",
        fx_json_object_of(sc, "Address",
                          fx_json_string(sc, "fluxa-prod.c9akciq32.us-east-1.rds.amazonaws.com"),
                          "Port", fx_json_int(sc, 5432), "HostedZoneId",
                          fx_json_string(sc, "Z2R2ITUGPM61AM"), NULL),
        "AllocatedStorage", fx_json_int(sc, 100), "InstanceCreateTime",
        fx_json_string(sc, "2026-01-12T08:00:00Z"), "PreferredBackupWindow",
        fx_json_string(sc, "03:00-03:30"), "BackupRetentionPeriod", fx_json_int(sc, 7),
        "VpcSecurityGroups",
        fx_json_array_of(sc,
                         fx_json_object_of(sc, "VpcSecurityGroupId",
                                           fx_json_string(sc, "sg-0f1e2d3c4b5a69788"), "Status",
                                           fx_json_string(sc, "active"), NULL),
                         NULL),
        "AvailabilityZone", fx_json_string(sc, "us-east-1a"), "SecondaryAvailabilityZone",
        fx_json_string(sc, "us-east-1b"), "MultiAZ", fx_json_bool(sc, true), "LatestRestorableTime",
        fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock) - 300000)), "StorageType",
        fx_json_string(sc, "gp3"), "DeletionProtection", fx_json_bool(sc, true), "DBInstanceArn",
        fx_json_string(sc, "arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT ":db:fluxa-prod"), NULL);
}

static struct fx_json *describe_instances(struct aws_call *call) {
    const char *id = fx_json_get_text(call->input, "DBInstanceIdentifier");

    if (id != NULL && strcmp(id, "fluxa-prod") != 0)
        return aws_fail(call, 404, "DBInstanceNotFoundFault", "DBInstanceNotFound",
                        "DBInstance %s not found.", id);
    return fx_json_object_of(call->sc, "DBInstances",
                             fx_json_array_of(call->sc, instance(call), NULL), NULL);
}

static struct fx_json *describe_events(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    struct fx_json *events = fx_json_array(sc);

    if (call->aws->outage)
        fx_json_add(events,
                    fx_json_object_of(
                        sc, "SourceIdentifier", fx_json_string(sc, "fluxa-prod"), "SourceType",
                        fx_json_string(sc, "db-instance"), "Message",
                        fx_json_string(sc, "Multi-AZ instance failover started."), "Date",
                        fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock))), NULL));
    return fx_json_object_of(sc, "Events", events, NULL);
}

static const struct aws_operation rds_operations[] = {
    {"DescribeDBInstances", describe_instances},
    {"DescribeEvents", describe_events},
};

static const struct aws_xml_shape rds_shapes[] = {
    {NULL, "DBInstances", AWS_XML_LIST, "DBInstance"},
    {NULL, "VpcSecurityGroups", AWS_XML_LIST, "VpcSecurityGroupMembership"},
    {NULL, "Events", AWS_XML_LIST, "Event"},
};

const struct aws_service aws_service_rds = {
    .name = "rds",
    .signing = "rds",
    .xml_namespace = "http://rds.amazonaws.com/doc/2014-10-31/",
    .error_prefix = "com.amazonaws.rds",
    .operations = rds_operations,
    .operations_count = FX_COUNT_OF(rds_operations),
    .shapes = rds_shapes,
    .shapes_count = FX_COUNT_OF(rds_shapes),
};
