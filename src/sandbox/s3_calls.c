/* s3_calls.c - what S3 says of a bucket: versioning, replication, lifecycle, versions; and the
 * default bucket.
 */
#include "documents.h"

#include <string.h>

enum { S3_MAX_KEYS = 1000 };

/* {"buckets": {name: {"versioning", "replication", "lifecycle", "public_access_block", "sealed",
 * "objects": {key: [{"id", "body" or "size", "modified", "metadata", ...}]}}}}; of a key's versions
 * the last is the newest. sealed: the encryption without which the bucket's policy takes nothing.
 */
struct fx_json *s3_document(struct sandbox_aws *aws) {
    static const char payloads[] =
        "{\"buckets\":{\"fluxa-payloads\":{\"versioning\":\"Enabled\",\"objects\":{},"
        "\"lifecycle\":{\"Rules\":[{\"ID\":\"old-versions\",\"Status\":\"Enabled\",\"Filter\":"
        "{\"Prefix\":\"\"},\"NoncurrentVersionExpiration\":{\"NoncurrentDays\":90}}]}},"
        "\"fluxa-quarantine\":{\"versioning\":\"Enabled\",\"objects\":{},\"sealed\":\"AES256\","
        "\"public_access_block\":{\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true,"
        "\"BlockPublicPolicy\":true,\"RestrictPublicBuckets\":true}}}}";
    struct fx_json *json = NULL;
    struct fx_error ignored;

    return fx_json_parse(aws->world, fx_slice_of(payloads), &json, &ignored) == FX_OK
               ? json
               : fx_json_object(aws->world);
}

struct fx_json *s3_bucket(struct aws_call *call) {
    struct fx_json *bucket = fx_json_at(fx_json_at(documents_of(call->aws, "s3"), "buckets"),
                                        aws_input_text(call->input, "Bucket"));

    if (bucket == NULL)
        return aws_fail(call, 404, "NoSuchBucket", NULL, "The specified bucket does not exist");
    return bucket;
}

static struct fx_json *head_bucket(struct aws_call *call) {
    if (s3_bucket(call) == NULL)
        return NULL;
    sandbox_reply_header(call->reply, "x-amz-bucket-region", AWS_REGION);
    return fx_json_object(call->sc);
}

/* A bucket that never had versions answers with an empty element. */
static struct fx_json *get_versioning(struct aws_call *call) {
    const struct fx_json *bucket = s3_bucket(call);
    const char *status = fx_json_get_text(bucket, "versioning");

    if (bucket == NULL)
        return NULL;
    return fx_json_object_of(call->sc, "root", fx_json_string(call->sc, "VersioningConfiguration"),
                             "Status", status != NULL ? fx_json_string(call->sc, status) : NULL,
                             NULL);
}

/* What the bucket holds under member, as XML under root. */
static struct fx_json *configuration(struct aws_call *call, const char *member, const char *root,
                                     const char *code, const char *message) {
    const struct fx_json *bucket = s3_bucket(call), *held = fx_json_at(bucket, member);
    struct fx_json *output = fx_json_object(call->sc), *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    if (bucket == NULL)
        return NULL;
    if (held == NULL)
        return aws_fail(call, 404, code, NULL, "%s", message);
    fx_json_put(output, "root", fx_json_string(call->sc, root));
    while (fx_json_next(held, &cursor, &key, &value))
        fx_json_put(output, key, fx_json_copy(call->sc, value));
    return output;
}

static struct fx_json *get_replication(struct aws_call *call) {
    return configuration(call, "replication", "ReplicationConfiguration",
                         "ReplicationConfigurationNotFoundError",
                         "The replication configuration was not found");
}

static struct fx_json *get_lifecycle(struct aws_call *call) {
    return configuration(call, "lifecycle", "LifecycleConfiguration",
                         "NoSuchLifecycleConfiguration",
                         "The lifecycle configuration does not exist");
}

/* Public access is not blocked where nobody set it. */
static struct fx_json *get_public_access_block(struct aws_call *call) {
    return configuration(call, "public_access_block", "PublicAccessBlockConfiguration",
                         "NoSuchPublicAccessBlockConfiguration",
                         "The public access block configuration was not found");
}

/* ---- versions ---- */

static struct fx_json *version_entry(struct aws_call *call, const char *key,
                                     const struct fx_json *version, bool latest) {
    struct fx_scope *sc = call->sc;
    bool marker = fx_json_get_bool(version, "deleted", false);
    struct fx_slice bytes = s3_bytes(sc, version);

    return fx_json_object_of(sc, "Key", fx_json_string(sc, key), "VersionId",
                             fx_json_string(sc, s3_version_id(version)), "IsLatest",
                             fx_json_bool(sc, latest), "LastModified",
                             fx_json_string(sc, aws_input_text(version, "modified")), "ETag",
                             marker ? NULL : fx_json_stringf(sc, "\"%s\"", fx_md5_hex(sc, bytes)),
                             "Size", marker ? NULL : fx_json_int(sc, (int64_t)bytes.len),
                             "StorageClass", marker ? NULL : fx_json_string(sc, "STANDARD"), NULL);
}

struct listing {
    struct fx_json *versions, *markers;
    int64_t skip, left; /* entries of earlier pages; room on this one */
    bool truncated;
};

static void list_key(struct aws_call *call, const char *key, const struct fx_json *versions,
                     struct listing *list) {
    size_t count = fx_json_count(versions);

    for (size_t i = count; i-- > 0;) { /* newest first */
        const struct fx_json *version = fx_json_item(versions, i);

        if (list->skip > 0) {
            list->skip--;
        } else if (list->left == 0) {
            list->truncated = true;
        } else {
            list->left--;
            fx_json_add(fx_json_get_bool(version, "deleted", false) ? list->markers
                                                                    : list->versions,
                        version_entry(call, key, version, i + 1 == count));
        }
    }
}

/* The marker counts entries: opaque, as far as a caller is concerned. */
struct fx_json *s3_list_object_versions(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const struct fx_json *bucket = s3_bucket(call);
    const char *prefix = aws_input_text(call->input, "?prefix"), *key = NULL;
    int64_t most = aws_input_int(call->input, "?max-keys", S3_MAX_KEYS);
    struct listing list = {fx_json_array(sc), fx_json_array(sc), 0,
                           most < S3_MAX_KEYS ? most : S3_MAX_KEYS, false};
    int64_t from = aws_input_int(call->input, "?version-id-marker", 0);
    struct fx_json *versions = NULL;
    void *cursor = NULL;

    if (bucket == NULL)
        return NULL;
    list.skip = from;
    while (fx_json_next(fx_json_at(bucket, "objects"), &cursor, &key, &versions))
        if (strncmp(key, prefix, strlen(prefix)) == 0)
            list_key(call, key, versions, &list);
    return fx_json_object_of(
        sc, "root", fx_json_string(sc, "ListVersionsResult"), "Name",
        fx_json_string(sc, aws_input_text(call->input, "Bucket")), "Prefix",
        fx_json_string(sc, prefix), "MaxKeys", fx_json_int(sc, most), "IsTruncated",
        fx_json_bool(sc, list.truncated), "NextKeyMarker",
        list.truncated ? fx_json_string(sc, "more") : NULL, "NextVersionIdMarker",
        list.truncated ? fx_json_stringf(sc, "%lld", (long long)(from + most)) : NULL, "Versions",
        list.versions, "DeleteMarkers", list.markers, NULL);
}

/* ---- the service ---- */

static const struct aws_operation operations[] = {
    {"HeadBucket", head_bucket},
    {"HeadObject", s3_head_object},
    {"GetObject", s3_get_object},
    {"PutObject", s3_put_object},
    {"ListObjectVersions", s3_list_object_versions},
    {"GetBucketVersioning", get_versioning},
    {"GetBucketReplication", get_replication},
    {"GetBucketLifecycleConfiguration", get_lifecycle},
    {"GetPublicAccessBlock", get_public_access_block},
};

static const struct aws_xml_shape shapes[] = {
    {NULL, "Versions", AWS_XML_FLAT_LIST, "Version"},
    {NULL, "DeleteMarkers", AWS_XML_FLAT_LIST, "DeleteMarker"},
    {NULL, "Rules", AWS_XML_FLAT_LIST, "Rule"},
    {NULL, "Transitions", AWS_XML_FLAT_LIST, "Transition"},
    {NULL, "NoncurrentVersionTransitions", AWS_XML_FLAT_LIST, "NoncurrentVersionTransition"},
    {NULL, "Tags", AWS_XML_FLAT_LIST, "Tag"},
};

const struct aws_service aws_service_s3 = {
    .name = "s3",
    .signing = "s3",
    .operations = operations,
    .operations_count = FX_COUNT_OF(operations),
    .shapes = shapes,
    .shapes_count = FX_COUNT_OF(shapes),
};
