/* quarantine_archive.c - one dead letter as an object of S3: written, encrypted, and read back. */
#include "quarantine.h"

#include "fluxabot/base/digest.h"

#include <string.h>

enum { DATE_LEN = 10 /* 2026-11-22 */ };

/* ---- the object ---- */

/* SQS gives UUIDs; anything else might leave the folder. */
static bool is_message_id(const char *id) {
    size_t length = strspn(id, "0123456789abcdefABCDEF-");

    return length > 0 && length <= 64 && id[length] == '\0';
}

const char *archive_folder(struct fx_scope *sc, const char *prefix, int64_t wall_ms) {
    return fx_printf(sc, "%s/%.*s/", prefix, DATE_LEN, fx_time_iso(sc, wall_ms));
}

enum fx_code archive_key(struct fx_scope *sc, const char *folder, const char *id,
                         const char **ret_key, struct fx_error *err) {
    if (!is_message_id(id))
        return fx_fail(err, FX_ERR_INPUT, "%.64s is no message id of SQS", id);
    *ret_key = fx_printf(sc, "%s%s.json", folder, id);
    return FX_OK;
}

struct fx_slice archive_text(struct fx_scope *sc, const struct queue *queue,
                             const struct dead_letter *letter, const char *cause) {
    return fx_slice_of(fx_json_dump(
        sc, fx_json_object_of(sc, "queue", fx_json_string(sc, queue->arn), "message_id",
                              fx_json_string(sc, letter->id), "cause", fx_json_string(sc, cause),
                              "body", fx_json_at(letter->raw, "Body"), "body_md5",
                              fx_json_string(sc, letter->md5), "attributes",
                              fx_json_at(letter->raw, "Attributes"), "message_attributes",
                              fx_json_at(letter->raw, "MessageAttributes"), NULL)));
}

/* ---- the bucket ---- */

static enum fx_code call(const struct fx_step_context *ctx, const char *operation,
                         const struct fx_json *params, struct fx_json **ret_answer,
                         struct fx_error *err) {
    return fx_aws_call(
        ctx->aws, ctx->sc,
        &(struct fx_aws_call){.service = "s3", .operation = operation, .params = params},
        ret_answer, err);
}

static enum fx_code fail_public(struct fx_error *err, const char *bucket, const char *what) {
    return fx_fail(err, FX_ERR_DENIED,
                   "%s, so messages could be read by anybody; turn on Block all public access for "
                   "the bucket %s, then ask again",
                   what, bucket);
}

enum fx_code archive_check(const struct fx_step_context *ctx, const struct archive *archive,
                           struct fx_error *err) {
    static const char *const blocks[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                         "RestrictPublicBuckets"};
    struct fx_scope *sc = ctx->sc;
    struct fx_json *answer = NULL;
    enum fx_code code = call(
        ctx, "GetPublicAccessBlock",
        fx_json_object_of(sc, "Bucket", fx_json_string(sc, archive->bucket), NULL), &answer, err);

    if (code != FX_OK && strcmp(err->upstream, "NoSuchPublicAccessBlockConfiguration") == 0)
        return fail_public(err, archive->bucket, "it blocks no public access");
    if (code != FX_OK)
        return fx_fail_in(err, "whether the bucket %s is private", archive->bucket);
    const struct fx_json *set = fx_json_at(answer, "PublicAccessBlockConfiguration");

    for (size_t i = 0; i < FX_COUNT_OF(blocks); i++)
        if (!fx_json_get_bool(set, blocks[i], false))
            return fail_public(err, archive->bucket, fx_printf(sc, "its %s is off", blocks[i]));
    return FX_OK;
}

/* ---- writing, and reading back ---- */

static enum fx_code put(const struct fx_step_context *ctx, const struct archive *archive,
                        const char *key, struct fx_slice bytes, const char *sum,
                        struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    bool kms = archive->kms_key[0] != '\0';

    return call(ctx, "PutObject",
                fx_json_object_of(sc, "Bucket", fx_json_string(sc, archive->bucket), "Key",
                                  fx_json_string(sc, key), "Body",
                                  fx_json_string(sc, fx_base64(sc, bytes)), "ContentType",
                                  fx_json_string(sc, "application/json"), "ChecksumSHA256",
                                  fx_json_string(sc, sum), "ServerSideEncryption",
                                  fx_json_string(sc, kms ? "aws:kms" : "AES256"), "SSEKMSKeyId",
                                  kms ? fx_json_string(sc, archive->kms_key) : NULL, NULL),
                ret_answer, err);
}

/* Under a key of KMS the checksum is shown only to who may decrypt, which nobody here needs: size
 * and ETag are compared all the same. */
static enum fx_code head(const struct fx_step_context *ctx, const struct archive *archive,
                         const char *key, struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;

    return call(
        ctx, "HeadObject",
        fx_json_object_of(sc, "Bucket", fx_json_string(sc, archive->bucket), "Key",
                          fx_json_string(sc, key), "ChecksumMode",
                          archive->kms_key[0] == '\0' ? fx_json_string(sc, "ENABLED") : NULL, NULL),
        ret_answer, err);
}

static bool same_text(const struct fx_json *a, const struct fx_json *b, const char *member) {
    const char *left = fx_json_get_text(a, member), *right = fx_json_get_text(b, member);

    return left != NULL && right != NULL && strcmp(left, right) == 0;
}

/* "": it is what was sent. */
static const char *difference(struct fx_scope *sc, const struct archive *archive,
                              const struct fx_json *written, const struct fx_json *read,
                              struct fx_slice bytes, const char *sum) {
    const char *told = fx_json_get_text(read, "ChecksumSHA256");
    const char *sealed = fx_json_get_text(read, "ServerSideEncryption");
    const char *asked = archive->kms_key[0] == '\0' ? "AES256" : "aws:kms";
    int64_t size = fx_json_get_int(read, "ContentLength", -1);

    if (size != (int64_t)bytes.len)
        return fx_printf(sc, "it has %lld bytes, and %zu were sent", (long long)size, bytes.len);
    if (!same_text(written, read, "ETag"))
        return "its ETag is another than that of what was sent";
    if (told != NULL && strcmp(told, sum) != 0)
        return "its checksum is another than that of what was sent";
    if (sealed == NULL || strncmp(sealed, asked, strlen(asked)) != 0)
        return fx_printf(sc, "its encryption is %s", sealed == NULL ? "none" : sealed);
    return "";
}

enum fx_code archive_put(const struct fx_step_context *ctx, const struct archive *archive,
                         const char *key, struct fx_slice bytes, struct archived *ret,
                         struct fx_error *err) {
    struct fx_scope *sc = ctx->sc;
    struct fx_json *written = NULL, *read = NULL;
    uint8_t digest[FX_SHA256_BYTES];

    fx_sha256(bytes, digest);
    const char *sum = fx_base64(sc, (struct fx_slice){(const char *)digest, sizeof digest});

    *ret = (struct archived){0};
    FX_TRY(put(ctx, archive, key, bytes, sum, &written, err));
    ret->is_written = true;
    if (head(ctx, archive, key, &read, err) != FX_OK)
        return fx_fail_in(err, "reading the archive back");
    const char *wrong = difference(sc, archive, written, read, bytes, sum);

    if (wrong[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "%s/%s is not what was archived: %s", archive->bucket,
                       key, wrong);
    const char *version = fx_json_get_text(read, "VersionId");

    *ret = (struct archived){.is_written = true,
                             .is_whole = true,
                             .etag = fx_json_get_text(read, "ETag"),
                             .version = version == NULL ? "" : version,
                             .size = (int64_t)bytes.len};
    return FX_OK;
}

enum fx_code archive_find(const struct fx_step_context *ctx, const struct archive *archive,
                          const char *key, bool *ret_found, struct fx_error *err) {
    struct fx_json *answer = NULL;
    enum fx_code code = head(ctx, archive, key, &answer, err);

    *ret_found = code == FX_OK;
    return code == FX_ERR_NOT_FOUND ? FX_OK : code;
}
