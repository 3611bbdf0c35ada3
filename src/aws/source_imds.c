/* source_imds.c - the role of the EC2 instance, by its metadata service, version 2 only.
 *
 * Version 1 answers whoever can make this machine send a GET; a session token cannot be got that
 * way. Rules: AWS SDKs and Tools Reference Guide, "IMDS credential provider",
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
 */
#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>
#include <strings.h>

enum {
    IMDS_TIMEOUT_MS = 1000,
    IMDS_MAX_REPLY = 64 << 10,
    /* The service may hand out credentials near or past their end while AWS repairs itself, and AWS
     * goes on to accept them. They are used, and asked for again this much later. */
    IMDS_NEAR_END_MS = 15 * 60 * 1000,
    IMDS_AGAIN_MS = 2 * 60 * 1000,
    IMDS_AGAIN_SPREAD_MS = 8 * 60 * 1000,
};

#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"

struct imds_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

/* One round with the service. */
struct round {
    struct fx_scope *sc;
    const struct aws_settings *settings;
    const char *base;  /* "http://169.254.169.254" */
    const char *token; /* of the session, NULL before */
};

static enum fx_code exchange(struct round *round, const char *method, const char *path,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    const struct fx_http_header header =
        round->token == NULL
            ? (struct fx_http_header){"x-aws-ec2-metadata-token-ttl-seconds", "21600"}
            : (struct fx_http_header){"x-aws-ec2-metadata-token", round->token};
    const struct fx_http_request request = {
        .method = method,
        .url = fx_printf(round->sc, "%s%s", round->base, path),
        .headers = &header,
        .headers_count = 1,
        .reach = FX_HTTP_ANY,
        .max_reply_bytes = IMDS_MAX_REPLY,
        .timeout_ms = IMDS_TIMEOUT_MS,
    };

    return fx_http_exchange(round->settings->http, round->sc, &request, ret_reply, err);
}

static enum fx_code fail_status(const struct fx_http_reply *reply, const char *what,
                                struct fx_error *err) {
    return fx_fail(err, reply->status >= 500 ? FX_ERR_UNAVAILABLE : FX_ERR_DENIED,
                   "the instance metadata service answered HTTP %d when asked for %s",
                   reply->status, what);
}

/* ret_absent is set when nobody is there who could be asked. */
static enum fx_code get_token(struct round *round, const char **ret_absent, struct fx_error *err) {
    struct fx_http_reply *reply = NULL;
    struct fx_error lost;

    enum fx_code code = exchange(round, "PUT", "/latest/api/token", &reply, &lost);
    if (code == FX_ERR_CANCELED) {
        *err = lost;
        return code;
    }
    if (code != FX_OK) {
        *ret_absent =
            fx_printf(round->sc, "no answer from %s; in a container on EC2 the hop limit must be 2",
                      round->base);
        return FX_OK;
    }
    if (reply->status == 403 || reply->status == 404 || reply->status == 405) {
        *ret_absent = fx_printf(round->sc, "%s gives no session tokens (HTTP %d)", round->base,
                                reply->status);
        return FX_OK;
    }
    if (reply->status != 200)
        return fail_status(reply, "a session token", err);
    round->token = fx_slice_dup(round->sc, fx_slice_trim(reply->body));
    return FX_OK;
}

static enum fx_code get_role(struct round *round, const char **ret_role, const char **ret_absent,
                             struct fx_error *err) {
    struct fx_http_reply *reply = NULL;
    struct fx_slice line, rest;

    FX_TRY(exchange(round, "GET", IMDS_ROLES, &reply, err));
    fx_slice_split(reply->body, '\n', &line, &rest);
    line = fx_slice_trim(line);
    if (reply->status == 404 || (reply->status == 200 && line.len == 0)) {
        *ret_absent = "the instance has no role; attach an instance profile";
        return FX_OK;
    }
    if (reply->status != 200)
        return fail_status(reply, "the instance's role", err);
    *ret_role = fx_url_encode(round->sc, line, false);
    return FX_OK;
}

static void stretch(struct round *round, struct fx_aws_credentials *ret) {
    int64_t now_wall_ms = fx_wall_ms(round->settings->clock);
    uint32_t bits = 0;

    if (ret->expires_wall_ms - now_wall_ms >= IMDS_NEAR_END_MS)
        return;
    round->settings->random->fill(round->settings->random, &bits, sizeof(bits));
    ret->expires_wall_ms = now_wall_ms + AWS_CACHE_ADVISE_MS + IMDS_AGAIN_MS +
                           (int64_t)((uint64_t)bits * IMDS_AGAIN_SPREAD_MS >> 32);
    fx_log(round->sc, FX_LOG_WARN, "aws.imds.stale",
           FX_S("detail", "the metadata service hands out credentials that end soon or have ended; "
                          "they are used all the same"));
}

static enum fx_code get_credentials(struct round *round, const char *role,
                                    struct fx_aws_credentials *ret, struct fx_error *err) {
    struct fx_http_reply *reply = NULL;

    FX_TRY(exchange(round, "GET", fx_printf(round->sc, IMDS_ROLES "%s", role), &reply, err));
    if (reply->status != 200)
        return fail_status(reply, "the role's credentials", err);
    FX_TRY(aws_credentials_read(round->sc, reply->body, ret, err));
    stretch(round, ret);
    return FX_OK;
}

static const char *base_url(struct fx_scope *sc, const struct aws_settings *settings) {
    const char *url = aws_getenv(settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_getenv(settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    struct fx_slice base = fx_slice_of(url);

    if (url == NULL)
        return mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]"
                                                             : "http://169.254.169.254";
    while (fx_slice_ends_with(base, FX_SLICE("/")))
        base.len--;
    return fx_slice_dup(sc, base);
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    const struct aws_settings *settings = FX_CONTAINER_OF(base, struct imds_source, base)->settings;
    const char *disabled = aws_getenv(settings, "AWS_EC2_METADATA_DISABLED");
    struct round round = {.sc = sc, .settings = settings, .base = base_url(sc, settings)};
    const char *role = NULL, *absent = NULL;

    *ret = (struct fx_aws_credentials){.absent = "AWS_EC2_METADATA_DISABLED is true"};
    if (disabled != NULL && strcasecmp(disabled, "true") == 0)
        return FX_OK;
    FX_TRY(get_token(&round, &absent, err));
    if (absent == NULL)
        FX_TRY(get_role(&round, &role, &absent, err));
    if (absent == NULL)
        return get_credentials(&round, role, ret, err);
    ret->absent = absent;
    return FX_OK;
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_imds_new(struct fx_scope *sc,
                                          const struct aws_settings *settings) {
    struct imds_source *source = FX_NEW(sc, struct imds_source);

    source->base =
        (struct fx_aws_source){.name = "instance metadata", .get = get, .close = close_source};
    source->settings = settings;
    return &source->base;
}
