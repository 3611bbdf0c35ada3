/* rds_restore.c - a new instance as another one was at a point in time: creating, backing up,
 * available, as time passes. */
#include "documents.h"

#include <string.h>

/* Members that a restored instance has only while it is made; nobody is told of them. */
static const char key_ready[] = "ReadyMonoMs", key_begun[] = "BegunMonoMs";

bool rds_ripen(struct aws_call *call, struct fx_json *instance) {
    int64_t now = fx_mono_ms(call->sb->clock);
    int64_t begun = fx_json_get_int(instance, key_begun, 0);
    int64_t ready = fx_json_get_int(instance, key_ready, 0);
    bool made = now - begun >= (ready - begun) * 2 / 3; /* it has an address, and is backed up */

    if (fx_json_at(instance, key_ready) == NULL)
        return false;
    fx_json_remove(instance, key_ready);
    fx_json_remove(instance, key_begun);
    if (now >= ready)
        return false;
    fx_json_put(instance, "DBInstanceStatus",
                fx_json_string(call->sc, made ? "backing-up" : "creating"));
    fx_json_remove(instance, "LatestRestorableTime");
    if (!made)
        fx_json_remove(instance, "Endpoint");
    return true;
}

/* ---- may it be restored? NULL after a failure was recorded ---- */

static bool is_identifier(const char *name) {
    size_t length = strlen(name);

    if (length == 0 || length > 63 || strspn(name, "0123456789-") > 0 || name[length - 1] == '-' ||
        strstr(name, "--") != NULL)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static struct fx_json *find_instance(struct aws_call *call, const char *id) {
    return fx_json_at(fx_json_at(documents_of(call->aws, "rds"), "DBInstances"), id);
}

/* When the first thing is that can be restored. */
static int64_t earliest_ms(struct aws_call *call, const char *source) {
    const struct fx_json *all =
        fx_json_at(documents_of(call->aws, "rds"), "DBInstanceAutomatedBackups");

    for (size_t i = 0; i < fx_json_count(all); i++)
        if (strcmp(aws_input_text(fx_json_item(all, i), "DBInstanceIdentifier"), source) == 0)
            return aws_input_time(fx_json_at(fx_json_item(all, i), "RestoreWindow"), "EarliestTime",
                                  0);
    return INT64_MAX;
}

/* False after a failure was recorded. */
static bool is_in_window(struct aws_call *call, const char *source, const struct fx_json *now) {
    struct fx_scope *sc = call->sc;
    bool latest = aws_input_bool(call->input, "UseLatestRestorableTime", false);
    int64_t wanted = aws_input_time(call->input, "RestoreTime", -1);
    int64_t last = aws_input_time(now, "LatestRestorableTime", 0);

    if (fx_json_get_int(now, "BackupRetentionPeriod", 0) == 0)
        aws_fail(call, 400, "PointInTimeRestoreNotEnabledFault", "PointInTimeRestoreNotEnabled",
                 "Point In Time Restore is not enabled for this instance");
    else if (latest == (wanted >= 0))
        aws_fail(call, 400, "InvalidParameterCombination", NULL,
                 "Either RestoreTime or UseLatestRestorableTime must be specified, and not both");
    else if (!latest && wanted > last)
        aws_fail(call, 400, "InvalidParameterValue", NULL,
                 "The specified instance cannot be restored to a time later than %s because its "
                 "last restorable time is %s",
                 fx_time_iso(sc, last), fx_time_iso(sc, last));
    else if (!latest && wanted < earliest_ms(call, source))
        aws_fail(call, 400, "InvalidParameterValue", NULL,
                 "The specified instance cannot be restored to a time before its earliest "
                 "restorable time");
    return call->failure.status == 0;
}

static bool has_its_groups(struct aws_call *call) {
    const char *parameters = fx_json_get_text(call->input, "DBParameterGroupName");

    if (parameters != NULL &&
        fx_json_at(fx_json_at(documents_of(call->aws, "rds"), "DBParameterGroups"), parameters) ==
            NULL)
        aws_fail(call, 404, "DBParameterGroupNotFoundFault", "DBParameterGroupNotFound",
                 "DBParameterGroup not found: %s", parameters);
    return call->failure.status == 0;
}

static bool may_restore(struct aws_call *call, const char *source, const char *target) {
    struct fx_json *kept = find_instance(call, source);

    if (!is_identifier(target))
        aws_fail(call, 400, "InvalidParameterValue", NULL,
                 "The parameter TargetDBInstanceIdentifier is not a valid identifier. Identifiers "
                 "must begin with a letter; must contain only ASCII letters, digits, and hyphens; "
                 "and must not end with a hyphen or contain two consecutive hyphens.");
    else if (kept == NULL)
        aws_fail(call, 404, "DBInstanceNotFoundFault", "DBInstanceNotFound",
                 "DBInstance %s not found.", source);
    else if (find_instance(call, target) != NULL)
        aws_fail(call, 400, "DBInstanceAlreadyExistsFault", "DBInstanceAlreadyExists",
                 "DB instance already exists");
    return call->failure.status == 0 && has_its_groups(call) &&
           is_in_window(call, source, rds_instance_now(call, kept));
}

/* ---- the new one ---- */

static struct fx_json *one_group(struct fx_scope *sc, const char *name) {
    return fx_json_array_of(sc,
                            fx_json_object_of(sc, "DBParameterGroupName", fx_json_string(sc, name),
                                              "ParameterApplyStatus", fx_json_string(sc, "in-sync"),
                                              NULL),
                            NULL);
}

static struct fx_json *security_groups(struct aws_call *call) {
    const struct fx_json *ids =
        fx_json_at_path(call->input, "VpcSecurityGroupIds.VpcSecurityGroupId");
    struct fx_scope *sc = call->sc;
    struct fx_json *list = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(ids); i++)
        fx_json_add(list, fx_json_object_of(sc, "VpcSecurityGroupId",
                                            fx_json_copy(sc, fx_json_item(ids, i)), "Status",
                                            fx_json_string(sc, "active"), NULL));
    if (fx_json_count(ids) == 0)
        fx_json_add(list, fx_json_object_of(sc, "VpcSecurityGroupId",
                                            fx_json_string(sc, "sg-0default00000000"), "Status",
                                            fx_json_string(sc, "active"), NULL));
    return list;
}

/* What is not asked for is AWS's default, not the source's. */
static void put_settings(struct aws_call *call, struct fx_json *made) {
    static const char *const texts[] = {"DBInstanceClass", "StorageType"};
    static const char *const flags[] = {"MultiAZ", "PubliclyAccessible", "DeletionProtection"};
    struct fx_scope *sc = call->sc;
    const char *group = fx_json_get_text(call->input, "DBParameterGroupName"), *text;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++)
        if ((text = fx_json_get_text(call->input, texts[i])) != NULL)
            fx_json_put(made, texts[i], fx_json_string(sc, text));
    for (size_t i = 0; i < FX_COUNT_OF(flags); i++)
        fx_json_put(made, flags[i], fx_json_bool(sc, aws_input_bool(call->input, flags[i], false)));
    fx_json_put(made, "DBParameterGroups",
                one_group(sc, group != NULL ? group : "default.postgres15"));
    fx_json_put(made, "VpcSecurityGroups", security_groups(call));
    text = fx_json_get_text(call->input, "DBSubnetGroupName");
    fx_json_put(fx_json_at(made, "DBSubnetGroup"), "DBSubnetGroupName",
                fx_json_string(sc, text != NULL ? text : "default"));
}

static struct fx_json *new_instance(struct aws_call *call, const char *source, const char *target) {
    struct fx_scope *sc = call->sc;
    struct fx_json *made = fx_json_copy(sc, find_instance(call, source));
    int64_t now = fx_mono_ms(call->sb->clock);
    int64_t takes = fx_json_get_int(documents_of(call->aws, "rds"), "RestoreMs", 0);

    put_settings(call, made);
    fx_json_put(made, "DBInstanceIdentifier", fx_json_string(sc, target));
    fx_json_put(made, "DBInstanceStatus", fx_json_string(sc, "available"));
    fx_json_put(made, "InstanceCreateTime",
                fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock))));
    fx_json_put(made, "DbiResourceId", fx_json_stringf(sc, "db-RESTORED%lld", (long long)now));
    fx_json_put(made, "DBInstanceArn",
                fx_json_stringf(sc, "arn:aws:rds:" AWS_REGION ":" AWS_ACCOUNT ":db:%s", target));
    fx_json_put(
        made, "Endpoint",
        fx_json_object_of(sc, "Address",
                          fx_json_stringf(sc, "%s.c9akciq32.us-east-1.rds.amazonaws.com", target),
                          "Port", fx_json_int(sc, 5432), "HostedZoneId",
                          fx_json_string(sc, "Z2R2ITUGPM61AM"), NULL));
    fx_json_put(made, key_begun, fx_json_int(sc, now));
    fx_json_put(made, key_ready, fx_json_int(sc, now + takes));
    return made;
}

struct fx_json *rds_restore_to_point_in_time(struct aws_call *call) {
    const char *source = aws_input_text(call->input, "SourceDBInstanceIdentifier");
    const char *target = aws_input_text(call->input, "TargetDBInstanceIdentifier");
    struct fx_json *detail;

    if (!may_restore(call, source, target))
        return NULL;
    fx_json_put(fx_json_at(documents_of(call->aws, "rds"), "DBInstances"), target,
                documents_keep(call->aws, new_instance(call, source, target)));
    detail = fx_json_copy(call->sc, call->input);
    fx_json_put(detail, "request_id", fx_json_string(call->sc, call->request_id));
    sandbox_effect(call->sb, "rds", call->operation, target, detail);
    return fx_json_object_of(call->sc, "DBInstance",
                             rds_instance_now(call, find_instance(call, target)), NULL);
}
