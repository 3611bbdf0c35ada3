/* source_web_identity.c - a token in a file, exchanged for a role's credentials (EKS, OIDC). */
#include "private.h"

#include <string.h>

struct web_identity_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

enum fx_code aws_web_identity_get(struct fx_scope *sc, const struct aws_settings *settings,
                                  const char *token_file, const struct fx_aws_role *role,
                                  struct fx_aws_credentials *ret, struct fx_error *err) {
    struct fx_slice token = {0};

    /* Read each time: whoever issues the tokens replaces the file long before one expires. */
    if (aws_file_read(sc, token_file, AWS_MAX_TOKEN_BYTES, &token, err) != FX_OK)
        return fx_fail_in(err, "the web identity token");
    token = fx_slice_trim(token);
    if (token.len == 0)
        return fx_fail(err, FX_ERR_INPUT, "the web identity token file %s is empty", token_file);
    struct aws_assume assume = {.role = role, .web_identity_token = fx_slice_dup(sc, token)};
    enum fx_code code = aws_sts_assume(sc, settings, &assume, ret, err);
    explicit_bzero((char *)(uintptr_t)assume.web_identity_token, token.len);
    return code;
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    const struct aws_settings *settings =
        FX_CONTAINER_OF(base, struct web_identity_source, base)->settings;
    const char *file = aws_getenv(settings, "AWS_WEB_IDENTITY_TOKEN_FILE");
    struct fx_aws_role role = {
        .arn = aws_getenv(settings, "AWS_ROLE_ARN"),
        .session = aws_getenv(settings, "AWS_ROLE_SESSION_NAME"),
    };

    *ret = (struct fx_aws_credentials){.absent = "AWS_WEB_IDENTITY_TOKEN_FILE is not set"};
    if (file == NULL)
        return FX_OK;
    if (role.arn == NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN; set both");
    return aws_web_identity_get(sc, settings, file, &role, ret, err);
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_web_identity_new(struct fx_scope *sc,
                                                  const struct aws_settings *settings) {
    struct web_identity_source *source = FX_NEW(sc, struct web_identity_source);

    source->base =
        (struct fx_aws_source){.name = "web identity", .get = get, .close = close_source};
    source->settings = settings;
    return &source->base;
}
