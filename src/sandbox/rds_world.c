/* rds_world.c - Fluxa's database instance as a new world has it: healthy, in two zones, backed up.
 */
#include "documents.h"

enum { DAY_MS = 24 * 3600 * 1000, SNAPSHOTS = 7, MINUTE_MS = 60 * 1000 };
/* AWS takes minutes: how long an instance is restored, and a parameter applied, in this world. */
enum { RESTORE_MS = 4000, APPLY_MS = 500 };

static const char instance[] =
    "{\"DBInstanceIdentifier\":\"fluxa-prod\",\"DBInstanceClass\":\"db.t4g.medium\",\"Engine\":"
    "\"postgres\",\"DBInstanceStatus\":\"available\",\"MasterUsername\":\"fluxa\",\"DBName\":"
    "\"fluxa\",\"Endpoint\":{\"Address\":\"fluxa-prod.c9akciq32.us-east-1.rds.amazonaws.com\","
    "\"Port\":5432,\"HostedZoneId\":\"Z2R2ITUGPM61AM\"},\"AllocatedStorage\":100,"
    "\"InstanceCreateTime\":\"2026-01-12T08:00:00Z\",\"PreferredBackupWindow\":\"03:00-03:30\","
    "\"BackupRetentionPeriod\":7,\"VpcSecurityGroups\":[{\"VpcSecurityGroupId\":"
    "\"sg-0f1e2d3c4b5a69788\",\"Status\":\"active\"}],\"DBParameterGroups\":["
    "{\"DBParameterGroupName\":\"fluxa-pg15\",\"ParameterApplyStatus\":\"in-sync\"}],"
    "\"AvailabilityZone\":\"us-east-1a\",\"DBSubnetGroup\":{\"DBSubnetGroupName\":\"fluxa-db\","
    "\"DBSubnetGroupDescription\":\"Fluxa's database\",\"VpcId\":\"vpc-0c0ffee0123456789\","
    "\"SubnetGroupStatus\":\"Complete\",\"Subnets\":[{\"SubnetIdentifier\":"
    "\"subnet-0d000000000000001\",\"SubnetAvailabilityZone\":{\"Name\":\"us-east-1a\"},"
    "\"SubnetStatus\":\"Active\"},{\"SubnetIdentifier\":\"subnet-0d000000000000002\","
    "\"SubnetAvailabilityZone\":{\"Name\":\"us-east-1b\"},\"SubnetStatus\":\"Active\"}]},"
    "\"PreferredMaintenanceWindow\":\"sun:04:00-sun:04:30\",\"PendingModifiedValues\":{},"
    "\"MultiAZ\":true,\"EngineVersion\":\"15.8\",\"AutoMinorVersionUpgrade\":true,"
    "\"SecondaryAvailabilityZone\":\"us-east-1b\",\"PubliclyAccessible\":false,\"StorageType\":"
    "\"gp3\",\"StorageEncrypted\":true,\"DbiResourceId\":\"db-FLUXAPROD0000000000000001\","
    "\"CACertificateIdentifier\":\"rds-ca-rsa2048-g1\",\"DeletionProtection\":true,"
    "\"PerformanceInsightsEnabled\":true,\"DBInstanceArn\":"
    "\"arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT ":db:fluxa-prod\"}";

static struct fx_json *read(struct fx_scope *sc, const char *text) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    return fx_json_parse(sc, fx_slice_of(text), &json, &ignored) == FX_OK ? json
                                                                          : fx_json_object(sc);
}

/* One each night, the newest of the last one. */
static struct fx_json *snapshots(struct fx_scope *sc, int64_t now_ms) {
    struct fx_json *list = fx_json_array(sc);
    int64_t last_ms = now_ms - now_ms % DAY_MS + 3 * 3600 * 1000;

    if (last_ms > now_ms - 10 * MINUTE_MS)
        last_ms -= DAY_MS;
    for (int64_t i = SNAPSHOTS - 1; i >= 0; i--) {
        const char *at = fx_time_iso(sc, last_ms - i * DAY_MS);

        fx_json_add(
            list,
            fx_json_object_of(
                sc, "DBSnapshotIdentifier", fx_json_stringf(sc, "rds:fluxa-prod-%.10s-03-07", at),
                "DBInstanceIdentifier", fx_json_string(sc, "fluxa-prod"), "SnapshotCreateTime",
                fx_json_string(sc, at), "Engine", fx_json_string(sc, "postgres"),
                "AllocatedStorage", fx_json_int(sc, 100), "Status", fx_json_string(sc, "available"),
                "SnapshotType", fx_json_string(sc, "automated"), "PercentProgress",
                fx_json_int(sc, 100), "Encrypted", fx_json_bool(sc, true), "DBSnapshotArn",
                fx_json_stringf(sc,
                                "arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT
                                ":snapshot:rds:fluxa-prod-%.10s-03-07",
                                at),
                NULL));
    }
    return list;
}

static struct fx_json *automated_backups(struct fx_scope *sc, int64_t now_ms) {
    return fx_json_array_of(
        sc,
        fx_json_object_of(
            sc, "DBInstanceArn",
            fx_json_string(sc, "arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT ":db:fluxa-prod"),
            "DbiResourceId", fx_json_string(sc, "db-FLUXAPROD0000000000000001"), "Region",
            fx_json_string(sc, AWS_REGION), "DBInstanceIdentifier",
            fx_json_string(sc, "fluxa-prod"), "RestoreWindow",
            fx_json_object_of(sc, "EarliestTime",
                              fx_json_string(sc, fx_time_iso(sc, now_ms - SNAPSHOTS * DAY_MS)),
                              NULL),
            "AllocatedStorage", fx_json_int(sc, 100), "Status", fx_json_string(sc, "active"),
            "Engine", fx_json_string(sc, "postgres"), "BackupRetentionPeriod", fx_json_int(sc, 7),
            NULL),
        NULL);
}

static struct fx_json *event(struct fx_scope *sc, int64_t at_ms, const char *category,
                             const char *message) {
    return fx_json_object_of(
        sc, "SourceIdentifier", fx_json_string(sc, "fluxa-prod"), "SourceType",
        fx_json_string(sc, "db-instance"), "Message", fx_json_string(sc, message),
        "EventCategories", fx_json_array_of(sc, fx_json_string(sc, category), NULL), "Date",
        fx_json_string(sc, fx_time_iso(sc, at_ms)), "SourceArn",
        fx_json_string(sc, "arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT ":db:fluxa-prod"), NULL);
}

struct fx_json *rds_document(struct sandbox_aws *aws) {
    struct fx_scope *sc = aws->world;
    int64_t now_ms = fx_wall_ms(aws->sb->clock);

    return fx_json_object_of(
        sc, "DBInstances", fx_json_object_of(sc, "fluxa-prod", read(sc, instance), NULL), "Events",
        fx_json_array_of(
            sc, event(sc, now_ms - 400 * MINUTE_MS, "backup", "Backing up DB instance"),
            event(sc, now_ms - 393 * MINUTE_MS, "backup", "Finished DB Instance backup"), NULL),
        "DBSnapshots", snapshots(sc, now_ms), "DBInstanceAutomatedBackups",
        automated_backups(sc, now_ms), "DBParameterGroups", rds_parameter_groups(sc), "RestoreMs",
        fx_json_int(sc, RESTORE_MS), "ApplyMs", fx_json_int(sc, APPLY_MS), NULL);
}
