/* s3_objects.c - S3's objects: looked at, read in whole or in part, written. */
#include "documents.h"

#include <string.h>
#include <time.h>

enum { S3_MAX_SIZE = 512 << 20, S3_MAX_ID = 40 };

const char *s3_version_id(const struct fx_json *version) {
    const char *id = fx_json_get_text(version, "id");

    return id != NULL ? id : "null";
}

/* "body" as text, "base64" as bytes, or "size" letters x: what a limit is tried with. */
struct fx_slice s3_bytes(struct fx_scope *sc, const struct fx_json *version) {
    struct fx_slice coded = fx_json_text_slice(fx_json_at(version, "base64")), bytes = {0};
    int64_t size = fx_json_get_int(version, "size", 0);
    struct fx_error ignored;

    if (coded.len > 0 && fx_base64_decode(sc, coded, &bytes, &ignored) == FX_OK)
        return bytes;
    if (size <= 0 || size > S3_MAX_SIZE)
        return fx_json_text_slice(fx_json_at(version, "body"));
    char *text = fx_alloc(sc, (size_t)size);
    memset(text, 'x', (size_t)size);
    return (struct fx_slice){text, (size_t)size};
}

struct fx_json *s3_version(struct aws_call *call, const struct fx_json *bucket) {
    const struct fx_json *versions =
        fx_json_at(fx_json_at(bucket, "objects"), aws_input_text(call->input, "Key"));
    const char *id = fx_json_get_text(call->input, "?versionId");
    struct fx_json *version = NULL;

    for (size_t i = 0; i < fx_json_count(versions); i++)
        if (id == NULL || strcmp(s3_version_id(fx_json_item(versions, i)), id) == 0)
            version = fx_json_item(versions, i);
    if (version == NULL && id != NULL && versions != NULL)
        return aws_fail(call, 404, "NoSuchVersion", NULL, "The specified version does not exist.");
    if (version == NULL)
        return aws_fail(call, 404, "NoSuchKey", NULL, "The specified key does not exist.");
    if (!fx_json_get_bool(version, "deleted", false))
        return version;
    sandbox_reply_header(call->reply, "x-amz-delete-marker", "true");
    sandbox_reply_header(call->reply, "x-amz-version-id", s3_version_id(version));
    if (id != NULL)
        return aws_fail(call, 405, "MethodNotAllowed", NULL,
                        "The specified method is not allowed against this resource.");
    return aws_fail(call, 404, "NoSuchKey", NULL, "The specified key does not exist.");
}

/* ---- reading ---- */

static const char *http_date(struct fx_scope *sc, int64_t wall_ms) {
    time_t seconds = (time_t)(wall_ms / 1000);
    char text[64] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return fx_strdup(sc, text);
}

static const char *checksum_of(struct fx_scope *sc, struct fx_slice bytes) {
    uint8_t digest[FX_SHA256_BYTES];

    fx_sha256(bytes, digest);
    return fx_base64(sc, (struct fx_slice){(const char *)digest, sizeof digest});
}

static void add_metadata(struct aws_call *call, const struct fx_json *version) {
    struct fx_json *value = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(fx_json_at(version, "metadata"), &cursor, &key, &value))
        sandbox_reply_header(call->reply, fx_printf(call->sc, "x-amz-meta-%s", key),
                             fx_json_text(value));
}

static void describe(struct aws_call *call, const struct fx_json *bucket,
                     const struct fx_json *version, struct fx_slice bytes) {
    struct fx_scope *sc = call->sc;
    const struct fx_json *headers = fx_json_at(call->input, "headers");
    const char *kms = fx_json_get_text(version, "kms");

    sandbox_reply_header(call->reply, "ETag", fx_printf(sc, "\"%s\"", fx_md5_hex(sc, bytes)));
    sandbox_reply_header(call->reply, "Last-Modified",
                         http_date(sc, aws_input_time(version, "modified", 0)));
    sandbox_reply_header(call->reply, "Accept-Ranges", "bytes");
    if (fx_json_at(bucket, "versioning") != NULL)
        sandbox_reply_header(call->reply, "x-amz-version-id", s3_version_id(version));
    sandbox_reply_header(call->reply, "x-amz-server-side-encryption",
                         kms != NULL ? "aws:kms" : "AES256");
    if (fx_json_get_bool(version, "checksum", false) &&
        fx_json_get_text(headers, "x-amz-checksum-mode") != NULL) {
        sandbox_reply_header(call->reply, "x-amz-checksum-sha256", checksum_of(sc, bytes));
        sandbox_reply_header(call->reply, "x-amz-checksum-type", "FULL_OBJECT");
    }
    add_metadata(call, version);
    call->reply->content_type = "application/octet-stream";
}

/* Who may not use the key may not read the bytes, nor a checksum of them. */
static bool may_decrypt(struct aws_call *call, const struct fx_json *version, bool needed) {
    const char *kms = fx_json_get_text(version, "kms");

    if (!needed || kms == NULL || strcmp(kms, "denied") != 0)
        return true;
    aws_fail(call, 403, "AccessDenied", NULL,
             "User: arn:aws:iam::" AWS_ACCOUNT ":user/fluxabot is not authorized to perform: "
             "kms:Decrypt on the resource associated with this ciphertext because no "
             "identity-based policy allows the kms:Decrypt action");
    return false;
}

static bool matches(struct aws_call *call, struct fx_slice bytes) {
    const char *wanted = fx_json_get_text(fx_json_at(call->input, "headers"), "if-match");

    if (wanted == NULL ||
        strcmp(wanted, fx_printf(call->sc, "\"%s\"", fx_md5_hex(call->sc, bytes))) == 0)
        return true;
    aws_fail(call, 412, "PreconditionFailed", NULL,
             "At least one of the pre-conditions you specified did not hold");
    return false;
}

struct fx_json *s3_head_object(struct aws_call *call) {
    const struct fx_json *bucket = s3_bucket(call);
    const struct fx_json *version = bucket != NULL ? s3_version(call, bucket) : NULL;

    if (version == NULL)
        return NULL;
    struct fx_slice bytes = s3_bytes(call->sc, version);
    bool checksum =
        fx_json_get_text(fx_json_at(call->input, "headers"), "x-amz-checksum-mode") != NULL;

    if (!may_decrypt(call, version, checksum) || !matches(call, bytes))
        return NULL;
    describe(call, bucket, version, bytes);
    call->reply->body = bytes; /* the server sends its length alone */
    return fx_json_object(call->sc);
}

/* "bytes=0-99"; false after a failure was recorded. Without a range the whole object. */
static bool cut_range(struct aws_call *call, struct fx_slice *io_bytes) {
    const char *range = fx_json_get_text(fx_json_at(call->input, "headers"), "range");
    int64_t size = (int64_t)io_bytes->len, first = 0, last = size - 1;
    struct fx_slice from, to;

    if (range == NULL || strncmp(range, "bytes=", 6) != 0)
        return true;
    fx_slice_split(fx_slice_of(range + 6), '-', &from, &to);
    if (!fx_slice_to_int(from, &first) || first < 0 || first >= size ||
        (to.len > 0 && (!fx_slice_to_int(to, &last) || last < first))) {
        aws_fail(call, 416, "InvalidRange", NULL, "The requested range is not satisfiable");
        return false;
    }
    if (last >= size)
        last = size - 1;
    *io_bytes = fx_slice_cut(*io_bytes, (size_t)first, (size_t)(last - first + 1));
    call->reply->status = 206;
    sandbox_reply_header(call->reply, "Content-Range",
                         fx_printf(call->sc, "bytes %lld-%lld/%lld", (long long)first,
                                   (long long)last, (long long)size));
    return true;
}

struct fx_json *s3_get_object(struct aws_call *call) {
    const struct fx_json *bucket = s3_bucket(call);
    const struct fx_json *version = bucket != NULL ? s3_version(call, bucket) : NULL;

    if (version == NULL)
        return NULL;
    struct fx_slice bytes = s3_bytes(call->sc, version), part = bytes;

    if (!may_decrypt(call, version, true) || !matches(call, bytes) || !cut_range(call, &part))
        return NULL;
    describe(call, bucket, version, bytes);
    call->reply->body = part;
    return fx_json_object(call->sc);
}

/* ---- writing ---- */

static bool sums_hold(struct aws_call *call, struct fx_slice bytes) {
    const struct fx_json *headers = fx_json_at(call->input, "headers");
    const char *checksum = fx_json_get_text(headers, "x-amz-checksum-sha256");

    if (checksum == NULL || strcmp(checksum, checksum_of(call->sc, bytes)) == 0)
        return true;
    aws_fail(call, 400, "BadDigest", NULL,
             "The SHA256 you specified did not match the calculated checksum.");
    return false;
}

static struct fx_json *metadata_of(struct aws_call *call) {
    static const char prefix[] = "x-amz-meta-";
    struct fx_json *metadata = fx_json_object(call->sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(fx_json_at(call->input, "headers"), &cursor, &name, &value))
        if (strncmp(name, prefix, sizeof prefix - 1) == 0)
            fx_json_put(metadata, name + sizeof prefix - 1, value);
    return metadata;
}

static bool is_sealed_with(const struct fx_json *headers, const char *how) {
    const char *asked = fx_json_get_text(headers, "x-amz-server-side-encryption");

    return asked != NULL && strcmp(asked, how) == 0;
}

/* As a bucket's policy would that denies s3:PutObject unless the request names this encryption. */
static bool policy_allows(struct aws_call *call, const struct fx_json *bucket) {
    const char *sealed = fx_json_get_text(bucket, "sealed");

    if (sealed == NULL || is_sealed_with(fx_json_at(call->input, "headers"), sealed))
        return true;
    aws_fail(call, 403, "AccessDenied", NULL,
             "User: arn:aws:iam::" AWS_ACCOUNT ":user/fluxabot is not authorized to perform: "
             "s3:PutObject on the resource with an explicit deny in a resource-based policy");
    return false;
}

/* A new version where the bucket keeps versions, else in the place of the old one. */
static const char *keep(struct aws_call *call, struct fx_json *bucket) {
    const struct fx_json *headers = fx_json_at(call->input, "headers");
    const char *key_id = fx_json_get_text(headers, "x-amz-server-side-encryption-aws-kms-key-id");
    struct fx_scope *sc = call->sc;
    const char *versioning = fx_json_get_text(bucket, "versioning");
    bool versions = versioning != NULL && strcmp(versioning, "Enabled") == 0;
    const char *key = aws_input_text(call->input, "Key");
    const char *id = versions ? fx_id_new(sc, call->sb->random, "v") : "null";
    struct fx_json *objects = fx_json_at(bucket, "objects"), *list = NULL;

    if (objects == NULL)
        fx_json_put(bucket, "objects", objects = fx_json_object(call->aws->world));
    list = fx_json_at(objects, key);
    if (list == NULL || !versions)
        fx_json_put(objects, key, list = fx_json_array(call->aws->world));
    fx_json_add(list,
                documents_keep(call->aws,
                               fx_json_object_of(
                                   sc, "id", fx_json_string(sc, id), "base64",
                                   fx_json_at(call->input, "Body"), "checksum",
                                   fx_json_bool(sc, true), "modified",
                                   fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(call->sb->clock))),
                                   "metadata", metadata_of(call), "kms",
                                   !is_sealed_with(headers, "aws:kms") ? NULL
                                   : key_id != NULL                    ? fx_json_string(sc, key_id)
                                                    : fx_json_string(sc, "aws/s3"),
                                   NULL)));
    return id;
}

struct fx_json *s3_put_object(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    struct fx_json *bucket = s3_bucket(call);
    const char *key = aws_input_text(call->input, "Key");
    const char *none_match = fx_json_get_text(fx_json_at(call->input, "headers"), "if-none-match");
    struct fx_slice bytes = {0};
    struct fx_error ignored;

    if (bucket == NULL || !policy_allows(call, bucket))
        return NULL;
    (void)!fx_base64_decode(sc, fx_json_text_slice(fx_json_at(call->input, "Body")), &bytes,
                            &ignored);
    if (!sums_hold(call, bytes))
        return NULL;
    if (none_match != NULL && fx_json_at(fx_json_at(bucket, "objects"), key) != NULL)
        return aws_fail(call, 412, "PreconditionFailed", NULL,
                        "At least one of the pre-conditions you specified did not hold");
    const char *id = keep(call, bucket);

    sandbox_effect(call->sb, "s3", "PutObject",
                   fx_printf(sc, "%s/%s", aws_input_text(call->input, "Bucket"), key),
                   fx_json_object_of(sc, "size", fx_json_int(sc, (int64_t)bytes.len), "sha256",
                                     fx_json_string(sc, fx_sha256_hex(sc, bytes)), "version",
                                     fx_json_string(sc, id), NULL));
    sandbox_reply_header(call->reply, "ETag", fx_printf(sc, "\"%s\"", fx_md5_hex(sc, bytes)));
    sandbox_reply_header(call->reply, "x-amz-checksum-sha256", checksum_of(sc, bytes));
    if (strcmp(id, "null") != 0)
        sandbox_reply_header(call->reply, "x-amz-version-id", id);
    return fx_json_object(sc);
}
