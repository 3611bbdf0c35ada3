/* tls_expiry.c - the step kind `tls.expiry`: how long a server's certificate is still good. */
#include "private.h"

#include <string.h>

enum { TLS_MAX_WAIT_MS = 15 * 1000, TLS_MAX_PORT = 65535 };

static const struct fx_step_param tls_params[] = {
    {"host", FX_PARAM_TEXT, true, NULL,
     "the server's name; no ${ } but ${variables.name}, so that nobody else chooses it"},
    {"port", FX_PARAM_INT, false, "443", "where it speaks TLS from the first byte on"},
    {"reach", FX_PARAM_TEXT, false, "\"public\"",
     "private: addresses inside networks may be called, too"},
    {"wait", FX_PARAM_DURATION, false, "\"5s\"", "how long the handshake may take, at most 15s"},
};

static enum fx_code tls_check(struct fx_scope *sc, const struct fx_json *system,
                              const struct fx_json *params, struct fx_error *err) {
    const char *host = fx_json_get_text(params, "host");
    const struct fx_json *port = fx_json_at(params, "port");

    (void)sc;
    (void)system;
    FX_TRY(host_check(params, "host", err));
    FX_TRY(reach_check(params, err));
    FX_TRY(wait_check(params, TLS_MAX_WAIT_MS, err));
    if (strstr(host, "${") == NULL && !host_is_name(host))
        return fx_fail(err, FX_ERR_INPUT, "host is a name such as api.example.com, without a port");
    if (fx_json_type(port) == FX_JSON_INT &&
        (fx_json_to_int(port, 0) < 1 || fx_json_to_int(port, 0) > TLS_MAX_PORT))
        return fx_fail(err, FX_ERR_INPUT, "port is from 1 to %d", TLS_MAX_PORT);
    return FX_OK;
}

static enum fx_code shake_hands(const struct fx_step_context *ctx, const struct fx_json *params,
                                enum fx_http_purpose purpose, struct fx_http_reply **ret_reply,
                                struct fx_error *err) {
    const struct fx_http_request request = {
        .method = "GET",
        .url = fx_printf(ctx->sc, "https://%s:%lld/", fx_json_get_text(params, "host"),
                         (long long)fx_json_get_int(params, "port", 0)),
        .reach = reach_of(params),
        .timeout_ms = fx_json_get_int(params, "wait", 0),
        .purpose = purpose,
    };

    return fx_http_exchange(ctx->http, ctx->sc, &request, ret_reply, err);
}

/* A certificate that has expired is not trusted, and just then its date is wanted: so it is looked
 * at once more, with nothing sent either time. */
static enum fx_code tls_run(const struct fx_step_context *ctx, const struct fx_json *params,
                            struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_http_reply *reply = NULL;
    struct fx_error why = {0};

    FX_TRY(tls_check(ctx->sc, ctx->system, params, err));
    int64_t began = fx_mono_ms(ctx->clock);
    enum fx_code code = shake_hands(ctx, params, FX_HTTP_HANDSHAKE, &reply, &why);
    bool trusted = code == FX_OK;

    if (code == FX_ERR_UNAVAILABLE)
        code = shake_hands(ctx, params, FX_HTTP_LOOK, &reply, err);
    else if (code != FX_OK && err != NULL)
        *err = why;
    FX_TRY(code);
    if (reply->certificate.ends_wall_ms == 0)
        return fx_fail(err, FX_ERR_UPSTREAM, "%s showed no certificate",
                       fx_json_get_text(params, "host"));
    ret_result->output = certificate_told(ctx, &reply->certificate, trusted);
    fx_json_put(ret_result->output, "ms", fx_json_int(ctx->sc, fx_mono_ms(ctx->clock) - began));
    fx_json_put(ret_result->output, "why",
                fx_json_string(ctx->sc, trusted ? NULL : fx_strdup(ctx->sc, why.message)));
    return FX_OK;
}

const struct fx_step_kind step_tls_expiry = {
    .name = "tls.expiry",
    .summary = "Looks at a server's certificate, trusted or not, and sends nothing; {days, ends, "
               "starts, subject, issuer, trusted, why, ms}.",
    .params = tls_params,
    .params_count = FX_COUNT_OF(tls_params),
    .shorthand = "host",
    .effect = step_reads,
    .check = tls_check,
    .run = tls_run,
};
