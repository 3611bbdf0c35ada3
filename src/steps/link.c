/* link.c - the step kind `link`: a button that opens an address. */
#include "private.h"

#include "fluxabot/expr.h"

#include <string.h>

enum { LINK_MAX_URL_BYTES = 2000 };

static const char https[] = "https://";

static const struct fx_step_param link_params[] = {
    {"url", FX_PARAM_TEXT, true, NULL,
     "https://, its host written out or from a variable, so that no chat text can choose it"},
    {"text", FX_PARAM_TEXT, true, NULL, "what stands on the button"},
};

/* "https://host/" or a variable of the configuration; what follows may be filled in. */
static bool has_fixed_host(const char *url) {
    static const char variable[] = "${variables.";
    const char *template = strstr(url, "${");

    if (strncmp(url, variable, strlen(variable)) == 0)
        return true;
    if (strncmp(url, https, strlen(https)) != 0)
        return false;
    const char *slash = strchr(url + strlen(https), '/');

    return template == NULL || (slash != NULL && slash < template);
}

static enum fx_code link_check(struct fx_scope *sc, const struct fx_json *system,
                               const struct fx_json *params, struct fx_error *err) {
    const char *url = fx_json_get_text(params, "url");

    (void)sc;
    (void)system;
    if (url == NULL || !has_fixed_host(url))
        return fx_fail(err, FX_ERR_INPUT,
                       "a link begins with https:// and a host that is written out, or with a "
                       "variable such as ${variables.console_url}");
    if (fx_json_text_slice(fx_json_at(params, "text")).len == 0)
        return fx_fail(err, FX_ERR_INPUT, "a link without text cannot be read; add text");
    return FX_OK;
}

static enum fx_code link_run(const struct fx_step_context *ctx, const struct fx_json *params,
                             struct fx_step_result *ret_result, struct fx_error *err) {
    const char *url = fx_json_get_text(params, "url");

    if (strlen(url) > LINK_MAX_URL_BYTES || strncmp(url, https, strlen(https)) != 0 ||
        strpbrk(url, " \t\r\n\"<>") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the address does not begin with https://, holds a blank, or is longer than "
                       "%d bytes; look at the runbook and its variables",
                       LINK_MAX_URL_BYTES);
    ret_result->output = fx_json_object_of(ctx->sc, "text", fx_json_at(params, "text"), "url",
                                           fx_json_string(ctx->sc, url), NULL);
    return FX_OK;
}

const struct fx_step_kind step_link = {
    .name = "link",
    .summary = "A button that opens an address; {text, url}.",
    .params = link_params,
    .params_count = FX_COUNT_OF(link_params),
    .is_link = true,
    .effect = step_reads,
    .check = link_check,
    .run = link_run,
};
