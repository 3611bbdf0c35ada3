/* sts.c - asks STS for the credentials of a role. */
#include "private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { STS_MIN_SESSION_NAME = 2 };

/* [A-Za-z0-9_=,.@-]{2,64} is what STS takes (and '+', which forms love to turn into blanks). */
static const char *session_name(struct fx_scope *sc, const char *wanted) {
    if (wanted == NULL || strlen(wanted) < STS_MIN_SESSION_NAME)
        return "fluxabot";
    char *name = fx_printf(sc, "%.*s", FX_AWS_MAX_SESSION_NAME, wanted);
    for (char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("_=,.@-", *p) == NULL)
            *p = '-';
    return name;
}

static struct fx_json *build_params(struct fx_scope *sc, const struct aws_assume *assume) {
    const struct fx_aws_role *role = assume->role;
    const char *external_id = assume->web_identity_token == NULL ? role->external_id : NULL;

    return fx_json_object_of(
        sc, "RoleArn", fx_json_string(sc, role->arn), "RoleSessionName",
        fx_json_string(sc, session_name(sc, role->session)), "ExternalId",
        external_id != NULL ? fx_json_string(sc, external_id) : NULL, "DurationSeconds",
        role->duration_s > 0 ? fx_json_int(sc, role->duration_s) : NULL, "WebIdentityToken",
        assume->web_identity_token != NULL ? fx_json_string(sc, assume->web_identity_token) : NULL,
        NULL);
}

static enum fx_code read_credentials(struct fx_scope *sc, const struct fx_json *given,
                                     struct fx_aws_credentials *ret, struct fx_error *err) {
    double expires_s = fx_json_get_real(given, "Expiration", 0);

    *ret = (struct fx_aws_credentials){
        .access_key_id = fx_strdup(sc, fx_json_get_text(given, "AccessKeyId")),
        .secret_access_key = fx_strdup(sc, fx_json_get_text(given, "SecretAccessKey")),
        .session_token = fx_strdup(sc, fx_json_get_text(given, "SessionToken")),
        .expires_wall_ms = (int64_t)(expires_s * 1000),
    };
    /* Without an end they would be taken for keys that never end. */
    if (ret->access_key_id == NULL || ret->secret_access_key == NULL ||
        ret->session_token == NULL || ret->expires_wall_ms <= 0)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer of STS lacks a part of the credentials");
    return FX_OK;
}

enum fx_code aws_sts_assume(struct fx_scope *sc, const struct aws_settings *settings,
                            const struct aws_assume *assume, struct fx_aws_credentials *ret,
                            struct fx_error *err) {
    bool by_token = assume->web_identity_token != NULL;
    struct fx_json *answer = NULL;
    const struct fx_aws_call call = {
        .service = "sts",
        .operation = by_token ? "AssumeRoleWithWebIdentity" : "AssumeRole",
        .params = build_params(sc, assume),
    };

    *ret = (struct fx_aws_credentials){0};
    enum fx_code code =
        aws_core_call(settings->core, by_token ? NULL : assume->inner, sc, &call, &answer, err);
    if (code == FX_OK)
        code = read_credentials(sc, fx_json_at(answer, "Credentials"), ret, err);
    if (code != FX_OK)
        return fx_fail_in(err, "the role %.128s could not be assumed", assume->role->arn);
    return FX_OK;
}

/* ---- a role as a source ---- */

struct role_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
    struct fx_aws_role role;
    struct fx_aws_source *inner;
};

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct role_source *source = FX_CONTAINER_OF(base, struct role_source, base);
    const struct aws_assume assume = {.role = &source->role, .inner = source->inner};

    FX_TRY(aws_sts_assume(sc, source->settings, &assume, ret, err));
    ret->origin = "assumed role";
    return FX_OK;
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_role_new(struct fx_scope *sc, const struct aws_settings *settings,
                                          const struct fx_aws_role *role,
                                          struct fx_aws_source *inner) {
    struct role_source *source = FX_NEW(sc, struct role_source);

    source->base =
        (struct fx_aws_source){.name = "assumed role", .get = get, .close = close_source};
    source->settings = settings;
    source->inner = inner;
    source->role = (struct fx_aws_role){
        .arn = fx_strdup(sc, role->arn),
        .external_id = fx_strdup(sc, role->external_id),
        .session = fx_strdup(sc, role->session),
        .duration_s = role->duration_s,
    };
    return &source->base;
}
