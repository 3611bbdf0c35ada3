/* response_url.c - answers on the address that came with a command or a click. */
#include "private.h"

#include <string.h>

/* The address came in a signed request, but a signed request may still carry anything. */
static const char *const families[] = {
    "https://hooks.slack.com/actions/",
    "https://hooks.slack.com/commands/",
    "https://hooks.slack.com/app/",
};

static bool is_plain(const char *url) {
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || strchr("\\@#<>\"^`{|}", *c) != NULL)
            return false;
    return strstr(url, "/..") == NULL && strstr(url, "/./") == NULL;
}

static bool begins_with(const char *url, const char *prefix) {
    size_t len = strlen(prefix);

    /* without the slash, http://host:80 would also be http://host:8080 and http://host:80.evil */
    return strncmp(url, prefix, len) == 0 &&
           (prefix[len - 1] == '/' ? url[len] != '\0' : url[len] == '/');
}

bool slackapi_may_answer(const struct fx_slackapi *api, const char *response_url) {
    if (response_url == NULL || response_url[0] == '\0' || !is_plain(response_url))
        return false;
    for (size_t i = 0; i < FX_COUNT_OF(families); i++)
        if (begins_with(response_url, families[i]))
            return true;
    return api->response_url_prefix != NULL && begins_with(response_url, api->response_url_prefix);
}

static bool is_operators(const struct fx_slackapi *api, const char *response_url) {
    return api->response_url_prefix != NULL && begins_with(response_url, api->response_url_prefix);
}

enum fx_code slackapi_answer(struct fx_slackapi *api, struct fx_scope *sc, const char *response_url,
                             const struct fx_json *message, struct fx_error *err) {
    static const char what[] = "response_url";
    struct fx_http_reply *reply = NULL;
    const struct fx_http_header headers[] = {{"Content-Type", "application/json; charset=utf-8"}};
    const struct fx_http_request request = {
        .method = "POST",
        .url = response_url,
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .body = fx_slice_of(fx_json_dump(sc, message)),
        .reach = is_operators(api, response_url) ? FX_HTTP_ANY : FX_HTTP_PUBLIC,
        .max_reply_bytes = SLACKAPI_MAX_REPLY_BYTES,
    };

    if (fx_http_exchange(api->http, sc, &request, &reply, err) != FX_OK)
        return fx_fail_in(err, "%s", what);
    /* it may be used five times within thirty minutes */
    if (reply->status == 404 || reply->status == 410)
        return fx_fail(err, FX_ERR_NOT_FOUND, "%s: it is used up or older than thirty minutes",
                       what);
    return slackapi_check_status(what, reply, err);
}
