/* open.c - holds the token, and lets it go again. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

/* A line break in the token would become another header. */
static bool is_token(const char *token) {
    if (token == NULL || token[0] == '\0')
        return false;
    for (const char *c = token; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static char *copy(const char *text) {
    char *own = strdup(text);

    if (own == NULL)
        abort();
    return own;
}

static char *bearer(const char *token) {
    static const char scheme[] = "Bearer ";
    size_t len = strlen(token);
    char *own = malloc(sizeof scheme + len);

    if (own == NULL)
        abort();
    memcpy(own, scheme, sizeof scheme - 1);
    memcpy(own + sizeof scheme - 1, token, len + 1);
    return own;
}

enum fx_code fx_slackapi_open(const struct fx_slackapi_options *options,
                              struct fx_slackapi **ret_api, struct fx_error *err) {
    const char *prefix = options->response_url_prefix;

    if (options->api_url == NULL || options->api_url[0] == '\0')
        return fx_fail(err, FX_ERR_INPUT, "there is no address of Slack's API");
    if (!is_token(options->bot_token))
        return fx_fail(err, FX_ERR_INPUT,
                       "the Slack bot token is empty or holds blanks, copy it again from the page "
                       "of the app");

    struct fx_slackapi *api = calloc(1, sizeof *api);
    if (api == NULL)
        abort();
    api->http = options->http;
    api->api_url = copy(options->api_url);
    size_t len = strlen(api->api_url);
    if (api->api_url[len - 1] == '/')
        api->api_url[len - 1] = '\0';
    api->authorization = bearer(options->bot_token);
    api->response_url_prefix = prefix != NULL && prefix[0] != '\0' ? copy(prefix) : NULL;
    *ret_api = api;
    return FX_OK;
}

void fx_slackapi_close(struct fx_slackapi *api) {
    if (api == NULL)
        return;
    explicit_bzero(api->authorization, strlen(api->authorization));
    free(api->authorization);
    free(api->api_url);
    free(api->response_url_prefix);
    free(api);
}
