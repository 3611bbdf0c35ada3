/* hosts.c - what the kinds that call by name share: which hosts, how far, how long. */
#include "private.h"

#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000, PROBE_MIN_WAIT_MS = 100 };

/* "variables.name}" -> what follows; NULL for anything else. */
static const char *skip_variable(const char *text) {
    static const char prefix[] = "variables.";
    size_t len = sizeof prefix - 1;

    if (strncmp(text, prefix, len) != 0)
        return NULL;
    len += strspn(text + len, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return text[len] == '}' ? text + len + 1 : NULL;
}

bool only_variables(const char *text) {
    for (const char *p = text; p != NULL && (p = strstr(p, "${")) != NULL;)
        if ((p = skip_variable(p + 2)) == NULL)
            return false;
    return true;
}

/* A person's words, or an answer's, must never say whom this program calls. */
enum fx_code host_check(const struct fx_json *params, const char *what, struct fx_error *err) {
    const char *text = fx_json_get_text(params, what);

    if (!only_variables(text))
        return fx_fail(err, FX_ERR_INPUT,
                       "%s may hold only ${variables.name}: which host is called stands in the "
                       "runbook or the configuration",
                       what);
    if (text != NULL && text[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "%s is empty; set it in the configuration", what);
    return FX_OK;
}

/* Whatever else would move the end of the host within a URL. */
bool host_is_name(const char *text) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

    return text != NULL && text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

enum fx_code reach_check(const struct fx_json *params, struct fx_error *err) {
    const char *reach = fx_json_get_text(params, "reach");

    if (reach != NULL && strcmp(reach, "public") != 0 && strcmp(reach, "private") != 0)
        return fx_fail(err, FX_ERR_INPUT, "reach is public or private");
    return FX_OK;
}

enum fx_http_reach reach_of(const struct fx_json *params) {
    const char *reach = fx_json_get_text(params, "reach");

    return reach != NULL && strcmp(reach, "private") == 0 ? FX_HTTP_ANY : FX_HTTP_PUBLIC;
}

enum fx_code wait_check(const struct fx_json *params, int64_t max_ms, struct fx_error *err) {
    const struct fx_json *wait = fx_json_at(params, "wait");
    int64_t wait_ms = fx_json_to_int(wait, 0);

    if (fx_json_type(wait) == FX_JSON_INT && (wait_ms < PROBE_MIN_WAIT_MS || wait_ms > max_ms))
        return fx_fail(err, FX_ERR_INPUT, "wait is from %dms to %llds", PROBE_MIN_WAIT_MS,
                       (long long)(max_ms / 1000));
    return FX_OK;
}

struct fx_json *certificate_told(const struct fx_step_context *ctx,
                                 const struct fx_http_certificate *certificate, bool trusted) {
    struct fx_scope *sc = ctx->sc;
    int64_t left_ms = certificate->ends_wall_ms - fx_wall_ms(ctx->clock);

    if (certificate->ends_wall_ms == 0)
        return fx_json_null(sc);
    /* whole days that are left: what ends in an hour has none, what ended an hour ago has -1 */
    int64_t days = left_ms / DAY_MS - (left_ms < 0 && left_ms % DAY_MS != 0);

    return fx_json_object_of(sc, "subject", fx_json_string(sc, certificate->subject), "issuer",
                             fx_json_string(sc, certificate->issuer), "starts",
                             fx_json_int(sc, certificate->starts_wall_ms), "ends",
                             fx_json_int(sc, certificate->ends_wall_ms), "days",
                             fx_json_int(sc, days), "trusted", fx_json_bool(sc, trusted), NULL);
}
