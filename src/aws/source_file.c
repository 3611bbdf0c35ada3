/* source_file.c - what the chosen profile of the shared files says: keys, a role, a web identity.
 *
 * The rules are botocore's: a profile's role comes before its own keys, the keys of a source
 * profile come before that one's role.
 */
#include "private.h"

#include <string.h>

struct file_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

/* One search through profiles that name each other. */
struct search {
    struct fx_scope *sc;
    const struct aws_settings *settings;
    struct aws_files files;
    int roles;
};

/* Credentials that are at hand already, as a source. */
struct fixed_source {
    struct fx_aws_source base;
    struct fx_aws_credentials credentials;
};

static enum fx_code get_fixed(struct fx_aws_source *base, struct fx_scope *sc,
                              struct fx_aws_credentials *ret, struct fx_error *err) {
    (void)sc;
    (void)err;
    *ret = FX_CONTAINER_OF(base, struct fixed_source, base)->credentials;
    return FX_OK;
}

static const char *key_of(struct search *s, const char *profile, const char *key) {
    return aws_files_get(s->sc, &s->files, profile, key);
}

static enum fx_code get_keys(struct search *s, const char *profile, struct fx_aws_credentials *ret,
                             struct fx_error *err) {
    *ret = (struct fx_aws_credentials){0};
    for (int credentials = 1; credentials >= 0 && ret->access_key_id == NULL; credentials--) {
        const struct aws_files *files = &s->files;
        ret->access_key_id =
            aws_files_get_from(s->sc, files, credentials, profile, "aws_access_key_id");
        ret->secret_access_key =
            aws_files_get_from(s->sc, files, credentials, profile, "aws_secret_access_key");
        ret->session_token =
            aws_files_get_from(s->sc, files, credentials, profile, "aws_session_token");
        if ((ret->access_key_id == NULL) != (ret->secret_access_key == NULL))
            return fx_fail(err, FX_ERR_INPUT,
                           "the AWS profile %s has only one of aws_access_key_id and "
                           "aws_secret_access_key",
                           profile);
    }
    return FX_OK;
}

/* ---- roles ---- */

static enum fx_code read_role(struct search *s, const char *profile, struct fx_aws_role *ret_role,
                              struct fx_error *err) {
    const char *duration = key_of(s, profile, "duration_seconds");

    *ret_role = (struct fx_aws_role){
        .arn = key_of(s, profile, "role_arn"),
        .external_id = key_of(s, profile, "external_id"),
        .session = key_of(s, profile, "role_session_name"),
    };
    if (duration != NULL && (!fx_slice_to_int(fx_slice_of(duration), &ret_role->duration_s) ||
                             ret_role->duration_s <= 0))
        return fx_fail(err, FX_ERR_INPUT,
                       "duration_seconds of the AWS profile %s is not a number of seconds",
                       profile);
    if (key_of(s, profile, "mfa_serial") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the AWS profile %s wants an MFA code (mfa_serial), and nobody is here to "
                       "type one; use a role without it",
                       profile);
    return FX_OK;
}

/* The place that credential_source names. */
static enum fx_code get_named_source(struct search *s, const char *profile, const char *name,
                                     struct fx_aws_credentials *ret, struct fx_error *err) {
    static const struct {
        const char *name;
        aws_source_new_fn *make;
    } places[] = {
        {"Environment", aws_source_environment_new},
        {"EcsContainer", aws_source_container_new},
        {"Ec2InstanceMetadata", aws_source_imds_new},
    };

    for (size_t i = 0; i < FX_COUNT_OF(places); i++) {
        if (strcmp(places[i].name, name) != 0)
            continue;
        struct fx_aws_source *source = places[i].make(s->sc, s->settings);
        enum fx_code code = source->get(source, s->sc, ret, err);
        if (code == FX_OK && ret->access_key_id == NULL)
            code = fx_fail(err, FX_ERR_DENIED, "there are none: %s", ret->absent);
        if (code != FX_OK)
            return fx_fail_in(err, "credential_source %s of the AWS profile %s", name, profile);
        return FX_OK;
    }
    return fx_fail(err, FX_ERR_INPUT,
                   "credential_source %.40s of the AWS profile %s is none of Environment, "
                   "EcsContainer, Ec2InstanceMetadata",
                   name, profile);
}

static enum fx_code get_by_role(struct search *s, const char *profile,
                                struct fx_aws_credentials *ret, struct fx_error *err);

static enum fx_code get_by_token(struct search *s, const char *profile,
                                 struct fx_aws_credentials *ret, struct fx_error *err) {
    const char *file = key_of(s, profile, "web_identity_token_file");
    struct fx_aws_role role;

    FX_TRY(read_role(s, profile, &role, err));
    if (role.arn == NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the AWS profile %s names a web_identity_token_file without a role_arn",
                       profile);
    return aws_web_identity_get(s->sc, s->settings, file, &role, ret, err);
}

static enum fx_code get_source_profile(struct search *s, const char *profile, const char *name,
                                       struct fx_aws_credentials *ret, struct fx_error *err) {
    if (!aws_files_have(s->sc, &s->files, name))
        return fx_fail(err, FX_ERR_INPUT,
                       "source_profile of the AWS profile %s names %s, which is in neither file",
                       profile, name);
    FX_TRY(get_keys(s, name, ret, err));
    if (ret->access_key_id != NULL)
        return FX_OK;
    if (key_of(s, name, "web_identity_token_file") != NULL)
        return get_by_token(s, name, ret, err);
    if (key_of(s, name, "role_arn") != NULL)
        return get_by_role(s, name, ret, err);
    return fx_fail(err, FX_ERR_INPUT,
                   "the AWS profile %s, the source of %s, has no keys, no role and no web identity",
                   name, profile);
}

static enum fx_code get_by_role(struct search *s, const char *profile,
                                struct fx_aws_credentials *ret, struct fx_error *err) {
    const char *source = key_of(s, profile, "source_profile");
    const char *place = key_of(s, profile, "credential_source");
    struct fixed_source inner = {.base = {.name = "profile", .get = get_fixed}};
    struct fx_aws_role role;

    if (++s->roles > AWS_MAX_ROLE_CHAIN)
        return fx_fail(err, FX_ERR_LIMIT,
                       "the AWS profile %s is reached through more than %d roles; perhaps "
                       "source_profile goes in a circle",
                       profile, AWS_MAX_ROLE_CHAIN);
    FX_TRY(read_role(s, profile, &role, err));
    if ((source == NULL) == (place == NULL))
        return fx_fail(err, FX_ERR_INPUT,
                       "the AWS profile %s names a role_arn and %s source_profile and "
                       "credential_source; give exactly one",
                       profile, source == NULL ? "neither" : "both");
    if (source != NULL)
        FX_TRY(get_source_profile(s, profile, source, &inner.credentials, err));
    else
        FX_TRY(get_named_source(s, profile, place, &inner.credentials, err));
    const struct aws_assume assume = {.role = &role, .inner = &inner.base};
    return aws_sts_assume(s->sc, s->settings, &assume, ret, err);
}

/* ---- the chosen profile ---- */

/* Means that this program has not. Another place's credentials would be a surprise. */
static enum fx_code refuse_others(struct search *s, const char *profile, struct fx_error *err) {
    static const char *const keys[] = {"credential_process", "sso_session", "sso_account_id",
                                       "login_session"};

    for (size_t i = 0; i < FX_COUNT_OF(keys); i++)
        if (key_of(s, profile, keys[i]) != NULL)
            return fx_fail(err, FX_ERR_INPUT,
                           "the AWS profile %s wants %s, which this program does not do; give it "
                           "keys, a role_arn or another AWS_PROFILE",
                           profile, keys[i]);
    return FX_OK;
}

static enum fx_code get_profile(struct search *s, const char *profile,
                                struct fx_aws_credentials *ret, struct fx_error *err) {
    if (!aws_files_have(s->sc, &s->files, profile)) {
        if (aws_getenv(s->settings, "AWS_PROFILE") != NULL)
            return fx_fail(err, FX_ERR_INPUT, "AWS_PROFILE names %s, which is in neither %s nor %s",
                           profile, s->files.config_path, s->files.credentials_path);
        ret->absent = "there is no profile default";
        return FX_OK;
    }
    if (key_of(s, profile, "web_identity_token_file") != NULL)
        return get_by_token(s, profile, ret, err);
    if (key_of(s, profile, "role_arn") != NULL)
        return get_by_role(s, profile, ret, err);
    FX_TRY(get_keys(s, profile, ret, err));
    if (ret->access_key_id != NULL)
        return FX_OK;
    ret->absent = fx_printf(s->sc, "the profile %s has no keys and no role", profile);
    return refuse_others(s, profile, err);
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct search search = {.sc = sc,
                            .settings = FX_CONTAINER_OF(base, struct file_source, base)->settings};

    *ret = (struct fx_aws_credentials){0};
    FX_TRY(aws_files_read(sc, search.settings, &search.files, err));
    return get_profile(&search, aws_profile_name(search.settings), ret, err);
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
