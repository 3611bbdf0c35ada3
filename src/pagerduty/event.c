/* event.c - the body of a PagerDuty event. */
#include "fluxabot/pagerduty.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/base/digest.h"
#include "fluxabot/base/redact.h"

#include <string.h>

/* PagerDuty takes 512 KB in all; only the summary and the key have limits of their own. */
enum {
    MAX_KEY_BYTES = 255,
    MAX_SUMMARY = 1024,
    MAX_FIELD = 255,
    MAX_LINK_BYTES = 2048,
    MAX_DETAILS_BYTES = 256 << 10,
    KEPT_DETAILS = 4000,
};

char *fx_pagerduty_dedup_key(struct fx_scope *sc, const char *key) {
    size_t len = strlen(key);
    bool plain = len > 0 && len <= MAX_KEY_BYTES;

    for (const char *c = key; plain && *c; c++)
        plain = *c >= 0x20 && *c < 0x7f;
    if (plain)
        return fx_strdup(sc, key);
    return fx_printf(sc, "sha256:%s", fx_sha256_hex(sc, (struct fx_slice){key, len}));
}

/* Our scale has four steps like PagerDuty's. A word of neither scale still wakes somebody. */
static const char *severity_of(const char *severity) {
    static const struct {
        const char *ours, *theirs;
    } scale[] = {
        {"critical", "critical"}, {"high", "error"},      {"medium", "warning"}, {"low", "info"},
        {"error", "error"},       {"warning", "warning"}, {"info", "info"},
    };

    for (size_t i = 0; severity && i < FX_COUNT_OF(scale); i++)
        if (strcmp(severity, scale[i].ours) == 0)
            return scale[i].theirs;
    return "error";
}

/* NULL for NULL and "", so that the member is left out. A page leaves the house: it is redacted
 * before it is cut, or half a secret would pass. */
static struct fx_json *field(struct fx_scope *sc, const char *text, size_t max) {
    struct fx_slice s = fx_slice_trim(fx_slice_of(text));

    if (s.len == 0)
        return NULL;
    s = fx_redact_slice(sc, fx_json_text_slice(fx_json_slice(sc, s)));
    return fx_json_slice(sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, max)));
}

static struct fx_json *required(struct fx_scope *sc, const char *text, size_t max,
                                const char *otherwise) {
    struct fx_json *value = field(sc, text, max);

    return value ? value : fx_json_string(sc, otherwise);
}

static struct fx_json *details_of(struct fx_scope *sc, const struct fx_json *details) {
    if (fx_json_type(details) != FX_JSON_OBJECT)
        return NULL;

    struct fx_json *redacted = fx_redact_json(sc, details);
    struct fx_slice dump = fx_slice_of(fx_json_dump(sc, redacted));
    if (dump.len <= MAX_DETAILS_BYTES)
        return redacted;
    dump = fx_slice_cut(dump, 0, fx_slice_utf8_prefix(dump, KEPT_DETAILS));
    return fx_json_object_of(sc, "note",
                             fx_json_string(sc, "Too large for a page; this is the beginning"),
                             "beginning", fx_json_slice(sc, dump), NULL);
}

static bool is_link(const char *link) {
    struct fx_slice s = fx_slice_of(link);

    if (s.len > MAX_LINK_BYTES || (!fx_slice_starts_with(s, FX_SLICE("https://")) &&
                                   !fx_slice_starts_with(s, FX_SLICE("http://"))))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f)
            return false;
    return true;
}

static void add_payload(struct fx_scope *sc, struct fx_json *event, const struct fx_page *page) {
    fx_json_put(event, "payload",
                fx_json_object_of(
                    sc, "summary",
                    required(sc, page->summary, MAX_SUMMARY, "An alarm without words"), "source",
                    required(sc, page->source, MAX_FIELD, "fluxabot"), "severity",
                    fx_json_string(sc, severity_of(page->severity)), "timestamp",
                    page->at_ms > 0 ? fx_json_string(sc, fx_time_iso_ms(sc, page->at_ms)) : NULL,
                    "component", field(sc, page->component, MAX_FIELD), "group",
                    field(sc, page->group, MAX_FIELD), "class", field(sc, page->class_, MAX_FIELD),
                    "custom_details", details_of(sc, page->details), NULL));
    fx_json_put(event, "client", fx_json_string(sc, "fluxabot"));
    if (!is_link(page->link))
        return;
    fx_json_put(event, "client_url", fx_json_string(sc, page->link));
    fx_json_put(event, "links",
                fx_json_array_of(
                    sc,
                    fx_json_object_of(sc, "href", fx_json_string(sc, page->link), "text",
                                      required(sc, page->link_text, MAX_FIELD, "fluxabot"), NULL),
                    NULL));
}

/* Acknowledging and resolving name the key and nothing else. */
struct fx_json *fx_pagerduty_event(struct fx_scope *sc, const struct fx_page *page) {
    static const char *const actions[] = {
        [FX_PAGE_TRIGGER] = "trigger",
        [FX_PAGE_ACKNOWLEDGE] = "acknowledge",
        [FX_PAGE_RESOLVE] = "resolve",
    };
    struct fx_json *event = fx_json_object_of(
        sc, "event_action", fx_json_string(sc, actions[page->action]), "dedup_key",
        fx_json_string(sc, fx_pagerduty_dedup_key(sc, page->key)), NULL);

    if (page->action == FX_PAGE_TRIGGER)
        add_payload(sc, event, page);
    return event;
}
