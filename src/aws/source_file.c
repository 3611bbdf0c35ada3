/* source_file.c - static keys from ~/.aws/credentials, then ~/.aws/config. */
#include "private.h"

struct file_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

static enum fx_code get_from(struct fx_scope *sc, const struct aws_settings *settings,
                             bool credentials, struct fx_aws_credentials *ret,
                             struct fx_error *err) {
    FX_TRY(
        aws_profile_get(sc, settings, credentials, "aws_access_key_id", &ret->access_key_id, err));
    FX_TRY(aws_profile_get(sc, settings, credentials, "aws_secret_access_key",
                           &ret->secret_access_key, err));
    FX_TRY(
        aws_profile_get(sc, settings, credentials, "aws_session_token", &ret->session_token, err));
    if ((ret->access_key_id == NULL) != (ret->secret_access_key == NULL))
        return fx_fail(err, FX_ERR_INPUT,
                       "the AWS profile %s has only one of aws_access_key_id and "
                       "aws_secret_access_key",
                       aws_profile_name(settings));
    return FX_OK;
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    const struct aws_settings *settings = FX_CONTAINER_OF(base, struct file_source, base)->settings;
    const char *role = NULL;

    *ret = (struct fx_aws_credentials){0};
    /* Whoever wrote role_arn wants that role's narrow rights, not the keys it is assumed with. */
    FX_TRY(aws_profile_get(sc, settings, false, "role_arn", &role, err));
    if (role != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the AWS profile %s names a role_arn, which is not supported yet; give "
                       "static keys or temporary ones",
                       aws_profile_name(settings));
    FX_TRY(get_from(sc, settings, true, ret, err));
    if (ret->access_key_id == NULL)
        FX_TRY(get_from(sc, settings, false, ret, err));
    return FX_OK;
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_file_new(struct fx_scope *sc,
                                          const struct aws_settings *settings) {
    struct file_source *source = FX_NEW(sc, struct file_source);

    source->base =
        (struct fx_aws_source){.name = "shared files", .get = get, .close = close_source};
    source->settings = settings;
    return &source->base;
}
