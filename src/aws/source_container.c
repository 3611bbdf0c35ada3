/* source_container.c - credentials that ECS or EKS Pod Identity hand out over HTTP.
 *
 * Rules: AWS SDKs and Tools Reference Guide, "Container credential provider",
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
#include "private.h"

#include <string.h>

enum { CONTAINER_TIMEOUT_MS = 2000, CONTAINER_ATTEMPTS = 3, CONTAINER_MAX_REPLY = 64 << 10 };

struct container_source {
    struct fx_aws_source base;
    const struct aws_settings *settings;
};

/* ---- where to ask ---- */

/* Without TLS only where nobody else can listen: this machine, ECS's and EKS's own addresses. */
static bool may_be_plain(struct fx_slice host) {
    static const char *const hosts[] = {"localhost", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]", "[::1]"};
    int64_t part = 0;
    struct fx_slice head, rest = host;

    for (size_t i = 0; i < FX_COUNT_OF(hosts); i++)
        if (fx_slice_equal_text(host, hosts[i]))
            return true;
    /* 127.0.0.0/8, written as four numbers. */
    for (int i = 0; i < 4; i++) {
        bool more = fx_slice_split(rest, '.', &head, &rest);
        if (more != (i < 3) || head.len == 0 || head.len > 3 || head.ptr[0] == '-' ||
            !fx_slice_to_int(head, &part) || part > 255 || (i == 0 && part != 127))
            return false;
    }
    return true;
}

/* The host without its port; empty when the text is not plainly scheme://host[:port]/path. */
static struct fx_slice host_of(struct fx_slice url, size_t scheme_len) {
    struct fx_slice host = fx_slice_cut(url, scheme_len, url.len);
    size_t end = 0;

    while (end < host.len && strchr("/?#", host.ptr[end]) == NULL)
        end++;
    host.len = end;
    /* user@host, and characters that two readers of a URL may see differently */
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == '@' || host.ptr[i] == '\\' || host.ptr[i] == '%' || host.ptr[i] <= ' ')
            return (struct fx_slice){0};
    if (host.len > 0 && host.ptr[0] == '[')
        return fx_slice_cut(host, 0, fx_slice_find(host, 0, ']') + 1);
    return fx_slice_cut(host, 0, fx_slice_find(host, 0, ':'));
}

static enum fx_code find_url(struct fx_scope *sc, const char *relative, const char *full,
                             const char **ret_url, struct fx_error *err) {
    struct fx_slice url = fx_slice_of(full);

    if (relative != NULL) {
        if (relative[0] != '/')
            return fx_fail(err, FX_ERR_INPUT,
                           "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /");
        *ret_url = fx_printf(sc, "http://169.254.170.2%s", relative);
        return FX_OK;
    }
    *ret_url = full;
    if (fx_slice_starts_with(url, FX_SLICE("https://")) && host_of(url, 8).len > 0)
        return FX_OK;
    if (fx_slice_starts_with(url, FX_SLICE("http://")) && may_be_plain(host_of(url, 7)))
        return FX_OK;
    return fx_fail(err, FX_ERR_INPUT,
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to a loopback "
                   "address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]; nothing was asked");
}

static enum fx_code find_token(struct fx_scope *sc, const struct aws_settings *settings,
                               const char **ret_token, struct fx_error *err) {
    const char *path = aws_getenv(settings, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct fx_slice text = {0};

    *ret_token = aws_getenv(settings, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (path != NULL) { /* read each time: the token rotates */
        if (aws_file_read(sc, path, AWS_MAX_TOKEN_BYTES, &text, err) != FX_OK)
            return fx_fail_in(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        *ret_token = fx_slice_dup(sc, text);
    }
    if (*ret_token != NULL && strpbrk(*ret_token, "\r\n") != NULL)
        return fx_fail(err, FX_ERR_INPUT,
                       "the container's authorization token holds a line break, so it cannot be a "
                       "header");
    return FX_OK;
}

/* ---- asking ---- */

enum fx_code aws_credentials_read(struct fx_scope *sc, struct fx_slice body,
                                  struct fx_aws_credentials *ret, struct fx_error *err) {
    struct fx_json *json = NULL;
    struct fx_error ignored;

    *ret = (struct fx_aws_credentials){0};
    if (fx_json_parse(sc, body, &json, &ignored) != FX_OK || fx_json_type(json) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer is not a JSON object");
    ret->access_key_id = fx_json_get_text(json, "AccessKeyId");
    ret->secret_access_key = fx_json_get_text(json, "SecretAccessKey");
    ret->session_token = fx_json_get_text(json, "Token");
    if (ret->access_key_id == NULL || ret->secret_access_key == NULL ||
        ret->session_token == NULL) {
        const char *code = fx_json_get_text(json, "Code");
        *ret = (struct fx_aws_credentials){0};
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer holds no credentials%s%.60s",
                       code != NULL ? ", but the code " : "", code != NULL ? code : "");
    }
    if (fx_time_parse(fx_json_text_slice(fx_json_at(json, "Expiration")), &ret->expires_wall_ms,
                      err) != FX_OK)
        return fx_fail_in(err, "Expiration of the credentials");
    return FX_OK;
}

/* *ret_again is true when another attempt may help. */
static enum fx_code ask(struct container_source *source, struct fx_scope *sc, const char *url,
                        const char *token, struct fx_aws_credentials *ret, bool *ret_again,
                        struct fx_error *err) {
    const struct fx_http_header headers[] = {{"Accept", "application/json"},
                                             {"Authorization", token}};
    const struct fx_http_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .headers_count = token != NULL ? 2 : 1,
        .reach = FX_HTTP_ANY,
        .max_reply_bytes = CONTAINER_MAX_REPLY,
        .timeout_ms = CONTAINER_TIMEOUT_MS,
    };
    struct fx_http_reply *reply = NULL;

    enum fx_code code = fx_http_exchange(source->settings->http, sc, &request, &reply, err);
    *ret_again = code == FX_ERR_TIMEOUT || code == FX_ERR_UNAVAILABLE;
    if (code != FX_OK)
        return code;
    *ret_again = reply->status >= 500 || reply->status == 429;
    if (reply->status != 200)
        return fx_fail(err, *ret_again ? FX_ERR_UNAVAILABLE : FX_ERR_DENIED,
                       "the container's address answered with HTTP %d%s", reply->status,
                       reply->status == 401 || reply->status == 403
                           ? "; check the authorization token and the task's role"
                           : "");
    return aws_credentials_read(sc, reply->body, ret, err);
}

static enum fx_code get(struct fx_aws_source *base, struct fx_scope *sc,
                        struct fx_aws_credentials *ret, struct fx_error *err) {
    struct container_source *source = FX_CONTAINER_OF(base, struct container_source, base);
    const struct aws_settings *settings = source->settings;
    const char *relative = aws_getenv(settings, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_getenv(settings, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *url = NULL, *token = NULL;
    bool again = false;

    *ret = (struct fx_aws_credentials){.absent = "AWS_CONTAINER_CREDENTIALS_*_URI is not set"};
    if (relative == NULL && full == NULL)
        return FX_OK;
    FX_TRY(find_url(sc, relative, full, &url, err));
    for (int attempt = 0;; attempt++) {
        FX_TRY(find_token(sc, settings, &token, err));
        enum fx_code code = ask(source, sc, url, token, ret, &again, err);
        if (code == FX_OK || !again || attempt + 1 == CONTAINER_ATTEMPTS)
            return code;
        int64_t delay_ms = aws_retry_delay_ms(settings->random, AWS_TROUBLE_TRANSIENT, attempt,
                                              (struct aws_hint){0});
        FX_TRY(aws_retry_wait(sc, settings->clock, delay_ms, err));
    }
}

static void close_source(struct fx_aws_source *base) {
    (void)base;
}

struct fx_aws_source *aws_source_container_new(struct fx_scope *sc,
                                               const struct aws_settings *settings) {
    struct container_source *source = FX_NEW(sc, struct container_source);

    source->base = (struct fx_aws_source){.name = "container", .get = get, .close = close_source};
    source->settings = settings;
    return &source->base;
}
