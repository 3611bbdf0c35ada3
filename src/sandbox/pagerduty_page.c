/* pagerduty_page.c - the page behind an incident's link: read it on a phone, acknowledge, resolve.
 */
#include "pagerduty_private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

enum { PAGE_BYTES_MAX = 1 << 20, WEBHOOK_TIMEOUT_MS = 5000 };

static void add_escaped(struct fx_buf *buf, const char *text) {
    for (; text && *text; text++)
        switch (*text) {
        case '&':
            fx_buf_add_text(buf, "&amp;");
            break;
        case '<':
            fx_buf_add_text(buf, "&lt;");
            break;
        case '>':
            fx_buf_add_text(buf, "&gt;");
            break;
        case '"':
            fx_buf_add_text(buf, "&quot;");
            break;
        default:
            fx_buf_add_char(buf, *text);
        }
}

static void add_row(struct fx_buf *buf, const char *name, const char *value) {
    if (!value)
        return;
    fx_buf_add_text(buf, "<dt>");
    add_escaped(buf, name);
    fx_buf_add_text(buf, "</dt><dd>");
    add_escaped(buf, value);
    fx_buf_add_text(buf, "</dd>\n");
}

static void add_links(struct fx_buf *buf, const struct fx_json *links) {
    for (size_t i = 0; i < fx_json_count(links); i++) {
        const char *href = fx_json_get_text(fx_json_item(links, i), "href");
        const char *text = fx_json_get_text(fx_json_item(links, i), "text");
        if (!href || strncmp(href, "http", 4) != 0)
            continue;
        fx_buf_add_text(buf, "<p><a rel=\"noreferrer\" href=\"");
        add_escaped(buf, href);
        fx_buf_add_text(buf, "\">");
        add_escaped(buf, text ? text : href);
        fx_buf_add_text(buf, "</a></p>\n");
    }
}

static void add_details(struct fx_buf *buf, struct fx_scope *sc, const struct fx_json *details) {
    void *cursor = NULL;
    const char *key;
    struct fx_json *value;

    while (fx_json_next(details, &cursor, &key, &value))
        add_row(buf, key, fx_json_text(value) ? fx_json_text(value) : fx_json_dump(sc, value));
}

static void add_buttons(struct fx_buf *buf, const char *status) {
    if (strcmp(status, "resolved") == 0)
        return;
    fx_buf_add_text(buf, "<form method=\"post\" class=\"incident-actions\">");
    if (strcmp(status, "triggered") == 0)
        fx_buf_add_text(buf, "<button class=\"primary\" name=\"action\" value=\"acknowledge\">"
                             "Acknowledge</button>");
    fx_buf_add_text(buf, "<button name=\"action\" value=\"resolve\">Resolve</button></form>\n");
}

static const char *draw(struct fx_scope *sc, const struct pagerduty_incident *incident) {
    const char *summary = fx_json_get_text(incident->payload, "summary");
    struct fx_buf buf;

    fx_buf_init(&buf, sc, PAGE_BYTES_MAX);
    fx_buf_add_text(&buf, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    add_escaped(&buf, summary);
    fx_buf_addf(&buf,
                "</title><link rel=\"stylesheet\" href=\"/static/style.css\"></head>"
                "<body class=\"incident\"><main><p class=\"simulation\">Simulated PagerDuty: "
                "nobody was called.</p><p class=\"incident-state %s\">%s</p><h1>",
                incident->status, incident->status);
    add_escaped(&buf, summary);
    fx_buf_add_text(&buf, "</h1>\n");
    add_buttons(&buf, incident->status);
    add_links(&buf, incident->links);
    fx_buf_add_text(&buf, "<dl>\n");
    add_row(&buf, "Severity", fx_json_get_text(incident->payload, "severity"));
    add_row(&buf, "Source", fx_json_get_text(incident->payload, "source"));
    add_row(&buf, "Component", fx_json_get_text(incident->payload, "component"));
    add_details(&buf, sc, fx_json_at(incident->payload, "custom_details"));
    fx_buf_add_text(&buf, "</dl>\n<h2>What happened</h2><ul>\n");
    for (size_t i = 0; i < fx_json_count(incident->events); i++) {
        const struct fx_json *event = fx_json_item(incident->events, i);
        fx_buf_add_text(&buf, "<li>");
        add_escaped(&buf, fx_json_get_text(event, "time"));
        fx_buf_add_text(&buf, ": ");
        add_escaped(&buf, fx_json_get_text(event, "event_action"));
        fx_buf_add_text(&buf, "</li>\n");
    }
    fx_buf_add_text(&buf,
                    "</ul><p><a href=\"/\">Back to the channel</a></p></main></body></html>\n");
    return fx_buf_text(&buf);
}

void sandbox_pagerduty_incident(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct pagerduty_incident *incident =
        pagerduty_newest(req->sb, req->path + strlen("/pagerduty/incidents/"));

    if (!incident) {
        sandbox_reply_text(reply, 404, "text/plain; charset=utf-8", "There is no such incident.\n");
        return;
    }
    sandbox_reply_text(reply, 200, "text/html; charset=utf-8", draw(req->sc, incident));
    sandbox_reply_header(reply, "Content-Security-Policy",
                         "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    sandbox_reply_header(reply, "Cache-Control", "no-store");
    sandbox_reply_header(reply, "Referrer-Policy", "no-referrer");
}

static struct fx_json *webhook(struct sandbox_request *req,
                               const struct pagerduty_incident *incident) {
    struct fx_scope *sc = req->sc;
    const char *summary = fx_json_get_text(incident->payload, "summary");
    const char *now = fx_time_iso_ms(sc, fx_wall_ms(req->sb->clock));
    struct fx_json *agent = fx_json_object_of(sc, "id", fx_json_string(sc, "PSANDBOX"), "type",
                                              fx_json_string(sc, "user_reference"), "summary",
                                              fx_json_string(sc, "Somebody on call"), NULL);
    struct fx_json *incident_data = fx_json_object_of(
        sc, "id", fx_json_string(sc, fx_id_new(sc, req->sb->random, "Q")), "type",
        fx_json_string(sc, "incident"), "status", fx_json_string(sc, incident->status),
        "incident_key", fx_json_string(sc, incident->dedup_key), "title",
        fx_json_string(sc, summary), "urgency", fx_json_string(sc, "high"), NULL);
    struct fx_json *event = fx_json_object_of(
        sc, "id", fx_json_string(sc, fx_id_new(sc, req->sb->random, "01")), "event_type",
        fx_json_stringf(sc, "incident.%s", incident->status), "resource_type",
        fx_json_string(sc, "incident"), "occurred_at", fx_json_string(sc, now), "agent", agent,
        "client", fx_json_null(sc), "data", incident_data, NULL);

    return fx_json_object_of(sc, "event", event, NULL);
}

/* PagerDuty signs the raw body: "v1=" and the HMAC-SHA-256 in hex. */
static void tell_bot(struct sandbox_request *req, const struct pagerduty_incident *incident) {
    struct sandbox *sb = req->sb;
    const char *body = fx_json_dump(req->sc, webhook(req, incident));
    const struct fx_slice secret = fx_slice_of(fx_strdup(req->sc, sb->pagerduty->webhook_secret));
    uint8_t mac[FX_SHA256_BYTES];
    struct fx_http_reply *answer;
    struct fx_error err;

    fx_hmac_sha256(secret, fx_slice_of(body), mac);
    const struct fx_http_header headers[] = {
        {"Content-Type", "application/json"},
        {"User-Agent", "PagerDuty-Webhook/V3.0"},
        {"X-Webhook-Id", fx_uuid_new(req->sc, sb->random)},
        {"X-PagerDuty-Signature", fx_printf(req->sc, "v1=%s", fx_hex(req->sc, mac, sizeof mac))}};
    const struct fx_http_request request = {
        .method = "POST",
        .url = fx_printf(req->sc, "%s/webhooks/pagerduty", sb->options.bot_url),
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .body = fx_slice_of(body),
        .reach = FX_HTTP_ANY,
        .timeout_ms = WEBHOOK_TIMEOUT_MS,
        .ca_file = sb->options.bot_ca_file};
    sandbox_unlock(sb);
    enum fx_code code = fx_http_exchange(sb->http, req->sc, &request, &answer, &err);
    sandbox_lock(sb);
    if (code != FX_OK)
        fx_log(req->sc, FX_LOG_WARN, "pagerduty.webhook", FX_E(&err));
}

void sandbox_pagerduty_decide(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct pagerduty_incident *incident =
        pagerduty_newest(req->sb, req->path + strlen("/pagerduty/incidents/"));
    bool resolve = fx_slice_equal_text(req->body, "action=resolve");

    if (!incident || (!resolve && !fx_slice_equal_text(req->body, "action=acknowledge"))) {
        sandbox_reply_text(reply, incident ? 400 : 404, "text/plain; charset=utf-8",
                           "There is no such incident or action.\n");
        return;
    }
    reply->status = 303;
    sandbox_reply_header(reply, "Location", fx_strdup(req->sc, req->raw_path));
    if (strcmp(incident->status, "resolved") == 0)
        return;
    incident->status = resolve ? "resolved" : "acknowledged";
    pagerduty_add_event(req->sb, incident, resolve ? "resolve" : "acknowledge",
                        "pressed on this page");
    sandbox_slack_touched(req->sb);
    if (req->sb->pagerduty->webhook_secret[0] && req->sb->options.bot_url)
        tell_bot(req, incident);
}

void sandbox_door_pagerduty_options(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);
    const char *secret = fx_json_get_text(body, "webhook_secret");

    if (!body)
        return;
    if (!secret || strlen(secret) > PAGERDUTY_SECRET_MAX) {
        sandbox_reply_error(req, reply, 400, "webhook_secret must have at most %d characters",
                            PAGERDUTY_SECRET_MAX);
        return;
    }
    memcpy(req->sb->pagerduty->webhook_secret, secret, strlen(secret) + 1);
    sandbox_reply_json(req, reply, 200,
                       fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL));
}
