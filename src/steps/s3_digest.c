/* s3_digest.c - the step kind `s3.digest`: an object's SHA-256, read in parts and not kept. */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

enum {
    S3_PART_BYTES = 1 << 20, /* held several times over while it is decoded */
    S3_DEFAULT_MAX_BYTES = 256 << 20,
};

static const struct fx_step_param digest_params[] = {
    {"bucket", FX_PARAM_TEXT, true, NULL, "the bucket's name"},
    {"key", FX_PARAM_TEXT, true, NULL, "the object's key"},
    {"version", FX_PARAM_TEXT, false, "\"\"", "one version of it; otherwise the newest"},
    {"max_bytes", FX_PARAM_INT, false, "268435456", "a larger object is not read"},
};

struct reading {
    const struct fx_step_context *ctx;
    const struct fx_json *params;
    struct fx_sha256_sum *sum;
    int64_t at, size; /* size -1: not known yet */
    const char *etag, *version;
};

/* "bytes 0-1048575/9000000" -> 9000000 */
static int64_t total_of(const char *range) {
    const char *slash = range != NULL ? strchr(range, '/') : NULL;
    int64_t total = -1;

    return slash != NULL && fx_slice_to_int(fx_slice_of(slash + 1), &total) ? total : -1;
}

static enum fx_code get_part(const struct reading *r, struct fx_scope *part, bool whole,
                             struct fx_json **ret_answer, struct fx_error *err) {
    const char *version = fx_json_get_text(r->params, "version");
    struct fx_json *params = fx_json_object_of(part, "Bucket", fx_json_at(r->params, "bucket"),
                                               "Key", fx_json_at(r->params, "key"), NULL);

    if (!whole)
        fx_json_put(params, "Range",
                    fx_json_stringf(part, "bytes=%lld-%lld", (long long)r->at,
                                    (long long)r->at + S3_PART_BYTES - 1));
    if (version[0] != '\0')
        fx_json_put(params, "VersionId", fx_json_string(part, version));
    if (r->etag != NULL)
        fx_json_put(params, "IfMatch", fx_json_string(part, r->etag));
    return fx_aws_call(
        r->ctx->aws, part,
        &(struct fx_aws_call){.service = "s3", .operation = "GetObject", .params = params},
        ret_answer, err);
}

static enum fx_code note_first(struct reading *r, const struct fx_json *answer,
                               struct fx_error *err) {
    int64_t most = fx_json_get_int(r->params, "max_bytes", S3_DEFAULT_MAX_BYTES);

    r->size = total_of(fx_json_get_text(answer, "ContentRange"));
    if (r->size < 0) /* all of it, whatever was asked for */
        r->size = fx_json_get_int(answer, "ContentLength", 0);
    r->etag = fx_strdup(r->ctx->sc, fx_json_get_text(answer, "ETag"));
    r->version = fx_strdup(r->ctx->sc, fx_json_get_text(answer, "VersionId"));
    if (r->size > most)
        return fx_fail(err, FX_ERR_LIMIT,
                       "the object has %lld bytes, more than the %lld that are read; it was not",
                       (long long)r->size, (long long)most);
    return FX_OK;
}

/* Each part in a scope of its own, so that no more than one is in memory. */
static enum fx_code read_part(struct reading *r, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *part = fx_scope_new(r->ctx->sc);
    struct fx_json *answer = NULL;
    struct fx_slice bytes = {0};
    struct fx_error why = {0};
    enum fx_code code = get_part(r, part, false, &answer, &why);

    /* of an object without a byte there is no range */
    if (code != FX_OK && r->size < 0 && strcmp(why.upstream, "InvalidRange") == 0)
        code = get_part(r, part, true, &answer, &why);
    if (code != FX_OK) {
        *err = why;
        return strcmp(why.upstream, "PreconditionFailed") == 0
                   ? fx_fail(err, FX_ERR_CONFLICT, "the object was changed while it was read")
                   : code;
    }
    if (r->size < 0)
        FX_TRY(note_first(r, answer, err));
    FX_TRY(fx_base64_decode(part, fx_json_text_slice(fx_json_at(answer, "Body")), &bytes, err));
    if (bytes.len == 0 && r->at < r->size)
        return fx_fail(err, FX_ERR_UPSTREAM, "S3 sent no byte of a part that it has");
    fx_sha256_add(r->sum, bytes);
    r->at += (int64_t)bytes.len;
    return FX_OK;
}

static enum fx_code digest_run(const struct fx_step_context *ctx, const struct fx_json *params,
                               struct fx_step_result *ret_result, struct fx_error *err) {
    struct reading r = {.ctx = ctx, .params = params, .sum = fx_sha256_begin(ctx->sc), .size = -1};
    uint8_t digest[FX_SHA256_BYTES];
    struct fx_scope *sc = ctx->sc;

    while (r.size < 0 || r.at < r.size) {
        FX_TRY(fx_scope_check(sc, fx_mono_ms(ctx->clock), err));
        FX_TRY(read_part(&r, err));
    }
    fx_sha256_end(r.sum, digest);
    ret_result->output = fx_json_object_of(
        sc, "sha256", fx_json_string(sc, fx_hex(sc, digest, sizeof digest)), "base64",
        fx_json_string(sc, fx_base64(sc, (struct fx_slice){(const char *)digest, sizeof digest})),
        "size", fx_json_int(sc, r.size), "etag", fx_json_string(sc, r.etag), "version",
        fx_json_string(sc, r.version), NULL);
    return FX_OK;
}

static const struct fx_step_call digest_calls[] = {
    {"s3:GetObject", "bucket"},
};

const struct fx_step_kind step_s3_digest = {
    .name = "s3.digest",
    .summary = "Reads an object part by part for its SHA-256 and keeps nothing of it; {sha256, "
               "base64, size, etag, version}.",
    .params = digest_params,
    .params_count = FX_COUNT_OF(digest_params),
    .calls = digest_calls,
    .calls_count = FX_COUNT_OF(digest_calls),
    .effect = step_reads,
    .run = digest_run,
};
