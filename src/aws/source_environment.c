/* source_environment.c - credentials from the process's environment. */
#include "private.h"

struct environment_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct environment_source *source = FX_CONTAINER_OF(base, struct environment_source, base);
    const char *id = aws_getenv(source->settings, "AWS_ACCESS_KEY_ID");
    const char *secret = aws_getenv(source->settings, "AWS_SECRET_ACCESS_KEY");
    const char *token = aws_getenv(source->settings, "AWS_SESSION_TOKEN");
    const char *expires = aws_getenv(source->settings, "AWS_CREDENTIAL_EXPIRATION");

    *ret = (struct fx_aws_credentials){.absent = "AWS_ACCESS_KEY_ID is not set"};
    if (id == NULL && secret == NULL)
        return FX_OK;
    if (id == NULL || secret == NULL)
        return fx_fail(err, FX_ERR_INPUT, "%s is set without %s",
                       id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    if (token == NULL)
        token = aws_getenv(source->settings, "AWS_SECURITY_TOKEN"); /* the old name */
    if (expires != NULL && fx_time_parse(fx_slice_of(expires), &ret->expires_wall_ms, err) != FX_OK)
        return fx_fail_in(err, "AWS_CREDENTIAL_EXPIRATION");
    ret->access_key_id = fx_strdup(sc, id);
    ret->secret_access_key = fx_strdup(sc, secret);
    ret->session_token = fx_strdup(sc, token);
    return FX_OK;
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_environment_new(struct fx_scope *sc,
                                                 const struct aws_settings *settings) {
    struct environment_source *source = FX_NEW(sc, struct environment_source);

    source->base = (struct fx_aws_source){.name = "environment", .get = get, .close = close_source};
    source->settings = settings;
    return &source->base;
}
