/* request.c - what may be asked at all: no second line, no foreign scheme, no password. */
#include "private.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *text) {
    if (*text == '\0')
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *p) != NULL)
            return false;
    return true;
}

/* libcurl takes a third slash and makes a host of what follows. */
static bool is_http(const char *url) {
    const char *rest = strncasecmp(url, "http://", 7) == 0    ? url + 7
                       : strncasecmp(url, "https://", 8) == 0 ? url + 8
                                                              : "/";
    return *rest != '/';
}

static bool is_visible_ascii(const char *text) {
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f)
            return false;
    return true;
}

enum fx_code http_request_check(const struct fx_http_request *request, struct fx_error *err) {
    if (!is_token(request->method))
        return fx_fail(err, FX_ERR_INPUT, "the HTTP method is not a word");
    if (!is_visible_ascii(request->url))
        return fx_fail(err, FX_ERR_INPUT,
                       "the address holds a blank, a control or a foreign byte; "
                       "percent-encode it");
    if (request->headers_count > HTTP_MAX_REQUEST_HEADERS)
        return fx_fail(err, FX_ERR_LIMIT, "more than %d request headers", HTTP_MAX_REQUEST_HEADERS);
    for (size_t i = 0; i < request->headers_count; i++) {
        if (!is_token(request->headers[i].name))
            return fx_fail(err, FX_ERR_INPUT, "request header %zu has no proper name", i + 1);
        if (strpbrk(request->headers[i].value, "\r\n") != NULL)
            return fx_fail(err, FX_ERR_INPUT, "the header %s holds a line break",
                           request->headers[i].name);
    }
    return FX_OK;
}

enum fx_code http_request_host(const struct fx_http_request *request, char ret_host[HTTP_MAX_HOST],
                               struct fx_error *err) {
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL;
    bool good = is_http(request->url) &&
                curl_url_set(url, CURLUPART_URL, request->url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;

    if (good && curl_url_get(url, CURLUPART_PORT, &port, 0) == CURLUE_OK)
        snprintf(ret_host, HTTP_MAX_HOST, "%s:%s", host, port);
    else if (good)
        snprintf(ret_host, HTTP_MAX_HOST, "%s", host);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    if (!good)
        return fx_fail(
            err, FX_ERR_INPUT,
            "the address must be http:// or https:// with a host and without a password");
    return FX_OK;
}
