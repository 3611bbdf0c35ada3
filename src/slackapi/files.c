/* files.c - shares a file, in the three steps that Slack documents: ask for an address, send the
 * bytes there, and say where they are to be shown. */
#include "private.h"

#include <string.h>

enum {
    CALL_MS = 8000,
    MAX_UPLOAD_REPLY_BYTES = 64 << 10,
    MAX_ALT = 1000, /* Slack refuses longer ones */
};

/* "https://slack.com/api" gives "https://files.slack.com/"; NULL when it is not https. */
static const char *files_prefix(struct fx_scope *sc, const char *api_url) {
    static const char scheme[] = "https://";
    size_t len = strlen(scheme);

    if (strncmp(api_url, scheme, len) != 0)
        return NULL;
    return fx_printf(sc, "%sfiles.%.*s/", scheme, (int)strcspn(api_url + len, "/"), api_url + len);
}

/* Scheme, host and port of the API, with a slash. */
static const char *own_prefix(struct fx_scope *sc, const char *api_url) {
    const char *host = strstr(api_url, "://");
    size_t len = host == NULL ? 0 : (size_t)(host - api_url) + strlen("://");

    return fx_printf(sc, "%.*s/", (int)(len + strcspn(api_url + len, "/")), api_url);
}

static bool begins_with(const char *url, const char *prefix) {
    return prefix != NULL && strncmp(url, prefix, strlen(prefix)) == 0;
}

/* Who answers for the API says where the bytes go, but a proxy before it may say anything. */
static bool may_upload(const struct fx_slackapi *api, struct fx_scope *sc, const char *url) {
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || strchr("\\@#<>\"^`{|}", *c) != NULL)
            return false;
    return begins_with(url, files_prefix(sc, api->api_url)) ||
           begins_with(url, own_prefix(sc, api->api_url));
}

static enum fx_code ask_address(struct fx_slackapi *api, struct fx_scope *sc,
                                const struct fx_slackapi_file *file, const char **ret_url,
                                const char **ret_id, struct fx_error *err) {
    static const char method[] = "files.getUploadURLExternal";
    struct fx_slice alt = fx_slice_of(file->alt != NULL ? file->alt : "");
    struct fx_json *answer = NULL;
    struct fx_json *asked = fx_json_object_of(
        sc, "filename", fx_json_string(sc, file->name), "length",
        fx_json_int(sc, (int64_t)file->bytes.len), "alt_txt",
        alt.len == 0 ? NULL
                     : fx_json_slice(sc, fx_slice_cut(alt, 0, fx_slice_utf8_prefix(alt, MAX_ALT))),
        NULL);

    FX_TRY(fx_slackapi_call(api, sc, method, asked, &answer, err));
    *ret_url = fx_json_get_text(answer, "upload_url");
    *ret_id = fx_json_get_text(answer, "file_id");
    if (*ret_url == NULL || *ret_id == NULL || !may_upload(api, sc, *ret_url))
        return fx_fail(err, FX_ERR_UPSTREAM,
                       "%s: Slack gave no address of its own: check the address and any proxy "
                       "before it",
                       method);
    return FX_OK;
}

/* The address is the permission: it gets no token, and no message repeats it. */
static enum fx_code send_bytes(struct fx_slackapi *api, struct fx_scope *sc, const char *url,
                               struct fx_slice bytes, struct fx_error *err) {
    static const char what[] = "upload of a file";
    struct fx_http_reply *reply = NULL;
    const struct fx_http_header headers[] = {{"Content-Type", "application/octet-stream"}};
    const struct fx_http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .body = bytes,
        .reach = begins_with(url, own_prefix(sc, api->api_url)) ? FX_HTTP_ANY : FX_HTTP_PUBLIC,
        .max_reply_bytes = MAX_UPLOAD_REPLY_BYTES,
        .timeout_ms = CALL_MS,
    };

    if (fx_http_exchange(api->http, sc, &request, &reply, err) != FX_OK)
        return fx_fail_in(err, "%s", what);
    return slackapi_check_status(what, reply, err);
}

static enum fx_code complete(struct fx_slackapi *api, struct fx_scope *sc, const char *channel,
                             const char *parent_ts, const char *id, const char *title,
                             struct fx_error *err) {
    bool in_thread = parent_ts != NULL && parent_ts[0] != '\0';
    struct fx_json *answer = NULL;
    struct fx_json *file = fx_json_object_of(sc, "id", fx_json_string(sc, id), "title",
                                             fx_json_string(sc, title), NULL);

    return fx_slackapi_call(
        api, sc, "files.completeUploadExternal",
        fx_json_object_of(sc, "files", fx_json_array_of(sc, file, NULL), "channel_id",
                          fx_json_string(sc, channel), "thread_ts",
                          in_thread ? fx_json_string(sc, parent_ts) : NULL, NULL),
        &answer, err);
}

enum fx_code fx_slackapi_share_file(struct fx_slackapi *api, struct fx_scope *sc,
                                    const char *channel, const char *parent_ts,
                                    const struct fx_slackapi_file *file, struct fx_error *err) {
    const char *url = NULL, *id = NULL;

    if (file->bytes.len == 0 || file->bytes.len > FX_SLACKAPI_MAX_FILE_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "a file has 1 to %d bytes, not %zu",
                       FX_SLACKAPI_MAX_FILE_BYTES, file->bytes.len);
    enum fx_code code = ask_address(api, sc, file, &url, &id, err);

    if (code == FX_OK)
        code = send_bytes(api, sc, url, file->bytes, err);
    if (code != FX_OK) { /* an upload that is not completed is shown to nobody */
        err->sent = false;
        return code;
    }
    return complete(api, sc, channel, parent_ts, id, file->title, err);
}
