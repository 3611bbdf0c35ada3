/* send.c - one PagerDuty event, one exchange. */
#include "fluxabot/pagerdutyapi.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/redact.h"

#include <string.h>

enum {
    MAX_ROUTING_KEY = 128, /* PagerDuty's have 32 characters */
    MAX_REPLY_BYTES = 64 << 10,
    MAX_REASONS = 5,
    TIMEOUT_MS = 10000,
    DEFAULT_PAUSE_MS = 30000, /* PagerDuty advises half a minute between tries */
    MAX_PAUSE_MS = 10 * 60 * 1000,
};

struct fx_pagerdutyapi {
    struct fx_scope *sc; /* holds this struct, too */
    struct fx_http *http;
    const char *events_url;
    char routing_key[MAX_ROUTING_KEY + 1];
};

/* The key is put into JSON without escaping, so it must not need any. */
static bool is_routing_key(const char *key) {
    size_t len = key ? strlen(key) : 0;

    for (size_t i = 0; i < len; i++)
        if (key[i] <= 0x20 || key[i] >= 0x7f || key[i] == '"' || key[i] == '\\')
            return false;
    return len > 0 && len <= MAX_ROUTING_KEY;
}

enum fx_code fx_pagerdutyapi_open(const struct fx_pagerdutyapi_options *options,
                                  struct fx_pagerdutyapi **ret_api, struct fx_error *err) {
    struct fx_slice url = fx_slice_of(options->events_url);

    if (!fx_slice_starts_with(url, FX_SLICE("https://")) &&
        !fx_slice_starts_with(url, FX_SLICE("http://")))
        return fx_fail(err, FX_ERR_INPUT,
                       "the PagerDuty address is not https://...; the usual one is "
                       "https://events.pagerduty.com/v2/enqueue");
    if (!is_routing_key(options->routing_key))
        return fx_fail(err, FX_ERR_INPUT,
                       "the PagerDuty routing key is empty or malformed; copy the 32 characters of "
                       "the Events API v2 integration");

    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_pagerdutyapi *api = FX_NEW(sc, struct fx_pagerdutyapi);
    api->sc = sc;
    api->http = options->http;
    api->events_url = fx_strdup(sc, options->events_url);
    memcpy(api->routing_key, options->routing_key, strlen(options->routing_key));
    *ret_api = api;
    return FX_OK;
}

void fx_pagerdutyapi_close(struct fx_pagerdutyapi *api) {
    if (!api)
        return;
    explicit_bzero(api->routing_key, sizeof api->routing_key);
    fx_scope_free(api->sc);
}

/* "errors": ["'payload.summary' is missing"], cut to what a person reads. The answer may repeat
 * what was sent, the key too. */
static const char *reasons_of(const struct fx_pagerdutyapi *api, struct fx_scope *sc,
                              const struct fx_http_reply *reply) {
    struct fx_error ignored = {0};
    struct fx_json *json = NULL;
    struct fx_buf buf;

    fx_buf_init(&buf, sc, 300);
    if (fx_json_parse(sc, reply->body, &json, &ignored) != FX_OK)
        return "no reason given";
    const struct fx_json *errors = fx_json_at(json, "errors");
    for (size_t i = 0; i < fx_json_count(errors) && i < MAX_REASONS; i++) {
        const char *reason = fx_json_text(fx_json_item(errors, i));

        if (reason)
            fx_buf_addf(&buf, "%s%.200s", buf.len > 0 ? "; " : "", reason);
    }
    if (buf.len == 0 && fx_json_get_text(json, "message"))
        fx_buf_addf(&buf, "%.200s", fx_json_get_text(json, "message"));
    if (buf.len == 0 || strstr(fx_buf_text(&buf), api->routing_key))
        return "no reason given";
    return fx_redact(sc, fx_buf_text(&buf));
}

static uint32_t pause_of(const struct fx_http_reply *reply) {
    const char *text = fx_http_reply_header(reply, "retry-after");
    int64_t seconds = 0;

    if (!text || !fx_slice_to_int(fx_slice_of(text), &seconds) || seconds < 1)
        return DEFAULT_PAUSE_MS;
    return seconds > MAX_PAUSE_MS / 1000 ? MAX_PAUSE_MS : (uint32_t)(seconds * 1000);
}

static enum fx_code judge(const struct fx_pagerdutyapi *api, struct fx_scope *sc,
                          const struct fx_http_reply *reply, struct fx_error *err) {
    enum fx_code code;

    if (reply->status == 202)
        return FX_OK;
    if (reply->status == 400)
        code = fx_fail(err, FX_ERR_INPUT, "PagerDuty refuses the event: %s",
                       reasons_of(api, sc, reply));
    else if (reply->status == 429)
        code = fx_fail(err, FX_ERR_THROTTLED, "PagerDuty wants fewer events");
    else if (reply->status >= 500)
        code = fx_fail(err, FX_ERR_UNAVAILABLE, "PagerDuty is in trouble itself (status %d)",
                       reply->status);
    else
        code = fx_fail(err, FX_ERR_UPSTREAM,
                       "PagerDuty answers with status %d; compare the events address in the "
                       "configuration",
                       reply->status);
    err->sent = true;
    if (code == FX_ERR_THROTTLED)
        err->retry_after_ms = pause_of(reply);
    return code;
}

/* The key goes in front of the finished text and is wiped with it: no JSON value ever holds it. */
enum fx_code fx_pagerdutyapi_send(struct fx_pagerdutyapi *api, struct fx_scope *sc,
                                  const struct fx_json *event, struct fx_error *err) {
    const struct fx_http_header headers[] = {{"content-type", "application/json"},
                                             {"accept", "application/json"}};
    struct fx_http_reply *reply;

    if (fx_json_type(event) != FX_JSON_OBJECT || fx_json_count(event) == 0)
        return fx_fail(err, FX_ERR_INPUT, "the PagerDuty event is empty");

    char *body =
        fx_printf(sc, "{\"routing_key\":\"%s\",%s", api->routing_key, fx_json_dump(sc, event) + 1);
    const struct fx_http_request request = {
        .method = "POST",
        .url = api->events_url,
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .body = fx_slice_of(body),
        .reach = FX_HTTP_ANY,
        .max_reply_bytes = MAX_REPLY_BYTES,
        .timeout_ms = TIMEOUT_MS,
    };
    enum fx_code code = fx_http_exchange(api->http, sc, &request, &reply, err);
    explicit_bzero(body, strlen(body));
    return code == FX_OK ? judge(api, sc, reply, err) : code;
}
