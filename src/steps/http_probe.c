/* http_probe.c - the step kind `http.probe`: does an address answer, with what, and how soon. */
#include "private.h"

#include <string.h>

enum { PROBE_MAX_WAIT_MS = 30 * 1000, PROBE_MAX_BODY_BYTES = 1 << 20, PROBE_MAX_PATH = 2000 };

static const struct fx_step_param probe_params[] = {
    {"url", FX_PARAM_TEXT, true, NULL,
     "https://host, maybe with a port and a path; no ${ } but ${variables.name}"},
    {"path", FX_PARAM_TEXT, false, "\"\"", "what follows it, from a slash on; may hold any ${ }"},
    {"method", FX_PARAM_TEXT, false, "\"GET\"", "GET or HEAD"},
    {"reach", FX_PARAM_TEXT, false, "\"public\"",
     "private: addresses inside networks may be called, too"},
    {"wait", FX_PARAM_DURATION, false, "\"5s\"", "how long the answer may take, at most 30s"},
};

static enum fx_code check_url(const char *url, struct fx_error *err) {
    const char *host = strstr(url, "://");

    if (strstr(url, "${") != NULL)
        return FX_OK;
    if (host == NULL || strpbrk(url, "?#@\\ ") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "url is https://host or http://host, maybe with a port and a path; what "
                       "follows a ? belongs to path");
    return FX_OK;
}

/* It may hold what a person typed, so it must not be able to become part of the host. */
static enum fx_code check_path(const char *path, struct fx_error *err) {
    if (path[0] == '\0' || (path[0] == '$' && path[1] == '{'))
        return FX_OK;
    if (path[0] != '/')
        return fx_fail(err, FX_ERR_INPUT, "path begins with a slash");
    if (strstr(path, "${") == NULL && strpbrk(path, "#\\") != NULL)
        return fx_fail(err, FX_ERR_INPUT, "path holds a character that does not belong there");
    if (strlen(path) > PROBE_MAX_PATH)
        return fx_fail(err, FX_ERR_LIMIT, "path is longer than %d bytes", PROBE_MAX_PATH);
    return FX_OK;
}

static enum fx_code probe_check(struct fx_scope *sc, const struct fx_json *system,
                                const struct fx_json *params, struct fx_error *err) {
    const char *method = fx_json_get_text(params, "method");

    (void)sc;
    (void)system;
    FX_TRY(host_check(params, "url", err));
    FX_TRY(check_url(fx_json_get_text(params, "url"), err));
    FX_TRY(check_path(fx_json_get_text(params, "path"), err));
    FX_TRY(reach_check(params, err));
    FX_TRY(wait_check(params, PROBE_MAX_WAIT_MS, err));
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return fx_fail(err, FX_ERR_INPUT, "method is GET or HEAD: a probe changes nothing");
    return FX_OK;
}

static struct fx_json *told(const struct fx_step_context *ctx, const struct fx_http_reply *reply,
                            int64_t ms, const char *why) {
    struct fx_scope *sc = ctx->sc;

    if (reply == NULL)
        return fx_json_object_of(sc, "reached", fx_json_bool(sc, false), "ok",
                                 fx_json_bool(sc, false), "ms", fx_json_int(sc, ms), "why",
                                 fx_json_string(sc, why), NULL);
    return fx_json_object_of(sc, "reached", fx_json_bool(sc, true), "ok",
                             fx_json_bool(sc, reply->status >= 200 && reply->status < 400),
                             "status", fx_json_int(sc, reply->status), "ms", fx_json_int(sc, ms),
                             "bytes", fx_json_int(sc, (int64_t)reply->body.len), "certificate",
                             certificate_told(ctx, &reply->certificate, true), "why",
                             fx_json_null(sc), NULL);
}

/* No answer is an answer here. What was asked wrongly, or may not be called, is a failure. */
static enum fx_code probe_run(const struct fx_step_context *ctx, const struct fx_json *params,
                              struct fx_step_result *ret_result, struct fx_error *err) {
    struct fx_slice url = fx_json_text_slice(fx_json_at(params, "url"));
    const char *path = fx_json_get_text(params, "path");
    struct fx_http_reply *reply = NULL;
    struct fx_error why = {0};

    FX_TRY(probe_check(ctx->sc, ctx->system, params, err));
    if (path[0] == '/' && fx_slice_ends_with(url, FX_SLICE("/")))
        url.len--;
    const struct fx_http_request request = {
        .method = fx_json_get_text(params, "method"),
        .url = fx_printf(ctx->sc, "%.*s%s", (int)url.len, url.ptr, path),
        .reach = reach_of(params),
        .timeout_ms = fx_json_get_int(params, "wait", 0),
        .max_reply_bytes = PROBE_MAX_BODY_BYTES,
        .certificate = true,
    };
    int64_t began = fx_mono_ms(ctx->clock);
    enum fx_code code = fx_http_exchange(ctx->http, ctx->sc, &request, &reply, &why);

    if (code != FX_OK && code != FX_ERR_UNAVAILABLE && code != FX_ERR_TIMEOUT) {
        *err = why;
        return code;
    }
    ret_result->output = told(ctx, reply, fx_mono_ms(ctx->clock) - began,
                              code == FX_OK ? NULL : fx_strdup(ctx->sc, why.message));
    return FX_OK;
}

const struct fx_step_kind step_http_probe = {
    .name = "http.probe",
    .summary = "Asks an address of the configuration once and tells how it answers, never what; "
               "{reached, ok, status, ms, bytes, certificate, why}.",
    .params = probe_params,
    .params_count = FX_COUNT_OF(probe_params),
    .shorthand = "url",
    .effect = step_reads,
    .check = probe_check,
    .run = probe_run,
};
