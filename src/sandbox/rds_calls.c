/* rds_calls.c - RDS's reading operations over the world's document, and the service. */
#include "documents.h"

#include <string.h>

enum {
    RDS_MIN_RECORDS = 20,
    RDS_MAX_RECORDS = 100,
    RDS_DEFAULT_DURATION_MIN = 60,
    RDS_EVENTS_KEPT_MIN = 14 * 24 * 60,
};

/* ---- pages ---- */

struct fx_json *rds_page(struct aws_call *call, const char *key, const struct fx_json *list) {
    struct fx_scope *sc = call->sc;
    int64_t most = aws_input_int(call->input, "MaxRecords", RDS_MAX_RECORDS), from = 0;
    const char *marker = fx_json_get_text(call->input, "Marker");
    struct fx_json *page = fx_json_array(sc);

    if (most < RDS_MIN_RECORDS || most > RDS_MAX_RECORDS)
        return aws_fail(call, 400, "InvalidParameterValue", NULL,
                        "Invalid value %lld for MaxRecords. Must be between %d and %d",
                        (long long)most, RDS_MIN_RECORDS, RDS_MAX_RECORDS);
    if (marker != NULL && (!fx_slice_to_int(fx_slice_of(marker), &from) || from < 0))
        return aws_fail(call, 400, "InvalidParameterValue", NULL, "Invalid marker: %s", marker);
    int64_t count = (int64_t)fx_json_count(list);
    for (int64_t i = from; i < count && i < from + most; i++)
        fx_json_add(page, fx_json_copy(sc, fx_json_item(list, (size_t)i)));
    return fx_json_object_of(
        sc, "Marker",
        from + most < count ? fx_json_stringf(sc, "%lld", (long long)(from + most)) : NULL, key,
        page, NULL);
}

static bool says(const struct fx_json *item, const char *key, const char *wanted) {
    const char *text = fx_json_get_text(item, key);

    return wanted == NULL || (text != NULL && strcmp(text, wanted) == 0);
}

/* ---- instances ---- */

struct fx_json *rds_instance_now(struct aws_call *call, const struct fx_json *kept) {
    struct fx_scope *sc = call->sc;
    struct fx_json *instance = fx_json_copy(sc, kept);
    bool made = !rds_ripen(call, instance);

    rds_apply_status(call, instance);
    if (call->aws->outage)
        fx_json_put(instance, "DBInstanceStatus", fx_json_string(sc, call->aws->outage_status));
    if (made && fx_json_at(instance, "LatestRestorableTime") == NULL &&
        fx_json_get_int(instance, "BackupRetentionPeriod", 0) > 0)
        fx_json_put(instance, "LatestRestorableTime",
                    fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock) -
                                                           RDS_RESTORABLE_BEHIND_MS)));
    return instance;
}

static struct fx_json *describe_instances(struct aws_call *call) {
    const struct fx_json *all = fx_json_at(documents_of(call->aws, "rds"), "DBInstances");
    const char *id = fx_json_get_text(call->input, "DBInstanceIdentifier"), *name = NULL;
    struct fx_json *found = fx_json_array(call->sc), *one = NULL;
    void *cursor = NULL;

    while (fx_json_next(all, &cursor, &name, &one))
        if (id == NULL || strcmp(id, name) == 0)
            fx_json_add(found, rds_instance_now(call, one));
    if (id != NULL && fx_json_count(found) == 0)
        return aws_fail(call, 404, "DBInstanceNotFoundFault", "DBInstanceNotFound",
                        "DBInstance %s not found.", id);
    return rds_page(call, "DBInstances", found);
}

/* ---- events ---- */

static bool of_category(const struct fx_json *event, const struct fx_json *wanted) {
    const struct fx_json *has = fx_json_at(event, "EventCategories");

    if (fx_json_count(wanted) == 0)
        return true;
    for (size_t i = 0; i < fx_json_count(wanted); i++)
        if (aws_list_has(has, fx_json_text(fx_json_item(wanted, i))))
            return true;
    return false;
}

static void add_outage(struct aws_call *call, struct fx_json *events) {
    struct fx_scope *sc = call->sc;

    if (call->aws->outage)
        fx_json_add(events,
                    fx_json_object_of(
                        sc, "SourceIdentifier", fx_json_string(sc, "fluxa-prod"), "SourceType",
                        fx_json_string(sc, "db-instance"), "Message",
                        fx_json_string(sc, "Multi-AZ instance failover started."),
                        "EventCategories",
                        fx_json_array_of(sc, fx_json_string(sc, "failover"), NULL), "Date",
                        fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock))), NULL));
}

static struct fx_json *describe_events(struct aws_call *call) {
    const struct fx_json *input = call->input;
    const struct fx_json *all = fx_json_at(documents_of(call->aws, "rds"), "Events");
    const char *id = fx_json_get_text(input, "SourceIdentifier");
    const char *type = fx_json_get_text(input, "SourceType");
    int64_t now_ms = fx_wall_ms(call->sb->clock), end_ms = aws_input_time(input, "EndTime", now_ms);
    int64_t minutes = aws_input_int(input, "Duration", RDS_DEFAULT_DURATION_MIN);
    int64_t start_ms = aws_input_time(input, "StartTime", end_ms - minutes * 60000);
    struct fx_json *found = fx_json_array(call->sc);

    if (id != NULL && type == NULL)
        return aws_fail(call, 400, "InvalidParameterCombination", NULL,
                        "If SourceIdentifier is specified, SourceType must also be specified.");
    if (minutes < 1 || minutes > RDS_EVENTS_KEPT_MIN)
        return aws_fail(call, 400, "InvalidParameterValue", NULL,
                        "Duration must be between 1 and %d minutes", RDS_EVENTS_KEPT_MIN);
    for (size_t i = 0; i < fx_json_count(all); i++) {
        const struct fx_json *event = fx_json_item(all, i);
        int64_t at_ms = aws_input_time(event, "Date", 0);

        if (at_ms >= start_ms && at_ms <= end_ms && says(event, "SourceIdentifier", id) &&
            says(event, "SourceType", type) &&
            of_category(event, fx_json_at_path(input, "EventCategories.EventCategory")))
            fx_json_add(found, fx_json_copy(call->sc, event));
    }
    add_outage(call, found);
    return rds_page(call, "Events", found);
}

/* ---- backups ---- */

static struct fx_json *describe_snapshots(struct aws_call *call) {
    const struct fx_json *all = fx_json_at(documents_of(call->aws, "rds"), "DBSnapshots");
    const char *id = fx_json_get_text(call->input, "DBSnapshotIdentifier");
    const char *instance = fx_json_get_text(call->input, "DBInstanceIdentifier");
    const char *type = fx_json_get_text(call->input, "SnapshotType");
    struct fx_json *found = fx_json_array(call->sc);

    for (size_t i = 0; i < fx_json_count(all); i++) {
        const struct fx_json *one = fx_json_item(all, i);

        if (says(one, "DBSnapshotIdentifier", id) && says(one, "DBInstanceIdentifier", instance) &&
            says(one, "SnapshotType", type))
            fx_json_add(found, fx_json_copy(call->sc, one));
    }
    if (id != NULL && fx_json_count(found) == 0)
        return aws_fail(call, 404, "DBSnapshotNotFoundFault", "DBSnapshotNotFound",
                        "DBSnapshot %s not found.", id);
    return rds_page(call, "DBSnapshots", found);
}

static struct fx_json *describe_automated_backups(struct aws_call *call) {
    const struct fx_json *all =
        fx_json_at(documents_of(call->aws, "rds"), "DBInstanceAutomatedBackups");
    const char *instance = fx_json_get_text(call->input, "DBInstanceIdentifier");
    const char *resource = fx_json_get_text(call->input, "DbiResourceId");
    struct fx_json *found = fx_json_array(call->sc);

    for (size_t i = 0; i < fx_json_count(all); i++) {
        struct fx_json *one = fx_json_copy(call->sc, fx_json_item(all, i));
        struct fx_json *window = fx_json_at(one, "RestoreWindow");

        if (!says(one, "DBInstanceIdentifier", instance) || !says(one, "DbiResourceId", resource))
            continue;
        if (window != NULL && fx_json_at(window, "LatestTime") == NULL)
            fx_json_put(
                window, "LatestTime",
                fx_json_string(call->sc, fx_time_iso(call->sc, fx_wall_ms(call->sb->clock) -
                                                                   RDS_RESTORABLE_BEHIND_MS)));
        fx_json_add(found, one);
    }
    return rds_page(call, "DBInstanceAutomatedBackups", found);
}

/* ---- the service ---- */

static const struct aws_operation operations[] = {
    {"DescribeDBInstances", describe_instances},
    {"DescribeEvents", describe_events},
    {"DescribeDBSnapshots", describe_snapshots},
    {"DescribeDBInstanceAutomatedBackups", describe_automated_backups},
    {"DescribeDBParameters", rds_describe_parameters},
    {"ModifyDBParameterGroup", rds_modify_parameter_group},
    {"RestoreDBInstanceToPointInTime", rds_restore_to_point_in_time},
};

static const struct aws_xml_shape shapes[] = {
    {NULL, "DBInstances", AWS_XML_LIST, "DBInstance"},
    {NULL, "VpcSecurityGroups", AWS_XML_LIST, "VpcSecurityGroupMembership"},
    {NULL, "DBParameterGroups", AWS_XML_LIST, "DBParameterGroup"},
    {NULL, "Subnets", AWS_XML_LIST, "Subnet"},
    {NULL, "StatusInfos", AWS_XML_LIST, "DBInstanceStatusInfo"},
    {NULL, "Events", AWS_XML_LIST, "Event"},
    {NULL, "EventCategories", AWS_XML_LIST, "EventCategory"},
    {NULL, "DBSnapshots", AWS_XML_LIST, "DBSnapshot"},
    {NULL, "DBInstanceAutomatedBackups", AWS_XML_LIST, "DBInstanceAutomatedBackup"},
    {NULL, "Parameters", AWS_XML_LIST, "Parameter"},
};

const struct aws_service aws_service_rds = {
    .name = "rds",
    .signing = "rds",
    .xml_namespace = "http://rds.amazonaws.com/doc/2014-10-31/",
    .error_prefix = "com.amazonaws.rds",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
    .shapes = shapes,
    .shapes_count = FX_COUNT_OF(shapes),
};
