/* pagerduty.c - a simulated PagerDuty: takes events, keeps incidents, shows each on a page of its
 * own. */
#include "pagerduty_private.h"

#include <stdio.h>
#include <string.h>

enum {
    SUMMARY_MAX = 1024,
    EVENT_BYTES_MAX = 512 << 10,
    EVENTS_PER_MINUTE = 120,
    INCIDENTS_MAX = 2000,
    EVENTS_KEPT = 200,
    MINUTE_MS = 60000,
};

static void forget_incidents(void *thing) {
    struct sandbox_pagerduty *pagerduty = thing;

    while (pagerduty->newest) {
        struct pagerduty_incident *incident = pagerduty->newest;
        pagerduty->newest = incident->older;
        fx_scope_free(incident->payload_sc);
        fx_scope_free(incident->sc);
    }
    pagerduty->count = 0;
    pagerduty->events_in_minute = 0;
}

enum fx_code sandbox_pagerduty_start(struct sandbox *sb, struct fx_error *err) {
    (void)err;
    sb->pagerduty = FX_NEW(sb->scope, struct sandbox_pagerduty);
    fx_defer(sb->scope, forget_incidents, sb->pagerduty);
    return FX_OK;
}

void sandbox_pagerduty_reset(struct sandbox *sb) {
    forget_incidents(sb->pagerduty);
    sandbox_slack_touched(sb);
}

struct pagerduty_incident *pagerduty_newest(struct sandbox *sb, const char *dedup_key) {
    for (struct pagerduty_incident *i = sb->pagerduty->newest; dedup_key && i; i = i->older)
        if (strcmp(i->dedup_key, dedup_key) == 0)
            return i;
    return NULL;
}

static void complain(struct fx_json *errors, struct fx_scope *sc, const char *text) {
    fx_json_add(errors, fx_json_string(sc, text));
}

static bool one_of(const char *text, const char *words) {
    struct fx_slice word, rest = fx_slice_of(words);

    do {
        fx_slice_split(rest, '|', &word, &rest);
        if (text && fx_slice_equal_text(word, text))
            return true;
    } while (rest.len > 0);
    return false;
}

static size_t length_of(const struct fx_json *object, const char *name) {
    return fx_slice_utf8_count(fx_json_text_slice(fx_json_at(object, name)));
}

static void check_items(struct fx_scope *sc, const struct fx_json *event, const char *list,
                        const char *address, struct fx_json *errors) {
    const struct fx_json *items = fx_json_at(event, list);

    if (items && fx_json_type(items) != FX_JSON_ARRAY)
        complain(errors, sc, fx_printf(sc, "'%s' is invalid (must be an array)", list));
    for (size_t i = 0; i < fx_json_count(items); i++) {
        const char *url = fx_json_get_text(fx_json_item(items, i), address);
        if (!url || (strncmp(url, "https://", 8) != 0 &&
                     (strcmp(list, "images") == 0 || strncmp(url, "http://", 7) != 0)))
            complain(errors, sc,
                     fx_printf(sc, "'%s.%zu.%s' is missing or not an address", list, i, address));
    }
}

static void check_payload(struct fx_scope *sc, const struct fx_json *payload,
                          struct fx_json *errors) {
    const struct fx_json *details = fx_json_at(payload, "custom_details");

    if (length_of(payload, "summary") == 0)
        complain(errors, sc, "'payload.summary' is missing or blank");
    if (length_of(payload, "summary") > SUMMARY_MAX)
        complain(errors, sc, "'payload.summary' is too long (maximum is 1024 characters)");
    if (length_of(payload, "source") == 0)
        complain(errors, sc, "'payload.source' is missing or blank");
    if (!one_of(fx_json_get_text(payload, "severity"), "critical|error|warning|info"))
        complain(errors, sc,
                 "'payload.severity' is invalid (must be one of the following: 'critical', "
                 "'warning', 'error' or 'info')");
    if (details && fx_json_type(details) != FX_JSON_OBJECT)
        complain(errors, sc, "'payload.custom_details' is invalid (must be an object)");
}

static struct fx_json *check_event(struct fx_scope *sc, const struct fx_json *event) {
    struct fx_json *errors = fx_json_array(sc);
    const char *action = fx_json_get_text(event, "event_action");
    bool trigger = action && strcmp(action, "trigger") == 0;

    if (length_of(event, "routing_key") != PAGERDUTY_KEY_LENGTH)
        complain(errors, sc, "'routing_key' is invalid (must be 32 characters)");
    if (!one_of(action, "trigger|acknowledge|resolve"))
        complain(errors, sc,
                 "'event_action' is missing or invalid (must be one of the following: 'trigger', "
                 "'acknowledge' or 'resolve')");
    if (length_of(event, "dedup_key") > PAGERDUTY_DEDUP_MAX)
        complain(errors, sc, "'dedup_key' is too long (maximum is 255 characters)");
    if (!trigger && length_of(event, "dedup_key") == 0)
        complain(errors, sc, "'dedup_key' is missing or blank");
    if (trigger) {
        check_payload(sc, fx_json_at(event, "payload"), errors);
        check_items(sc, event, "links", "href", errors);
        check_items(sc, event, "images", "src", errors);
    }
    return errors;
}

void pagerduty_add_event(struct sandbox *sb, struct pagerduty_incident *incident,
                         const char *action, const char *summary) {
    struct fx_scope *sc = incident->sc;

    if (fx_json_count(incident->events) >= EVENTS_KEPT)
        return;
    fx_json_add(incident->events,
                fx_json_object_of(sc, "event_action", fx_json_string(sc, action), "time",
                                  fx_json_string(sc, fx_time_iso(sc, fx_wall_ms(sb->clock))),
                                  "summary", summary ? fx_json_string(sc, summary) : NULL, NULL));
}

static struct pagerduty_incident *open_incident(struct sandbox *sb, const char *dedup_key,
                                                const char *routing_key) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct pagerduty_incident *incident = FX_NEW(sc, struct pagerduty_incident);

    incident->sc = sc;
    incident->events = fx_json_array(sc);
    incident->status = "triggered";
    snprintf(incident->dedup_key, sizeof incident->dedup_key, "%s", dedup_key);
    snprintf(incident->routing_key, sizeof incident->routing_key, "%s", routing_key);
    incident->older = sb->pagerduty->newest;
    sb->pagerduty->newest = incident;
    sb->pagerduty->count++;
    return incident;
}

/* An acknowledgement or resolution without an open alert, or through another key, is dropped. */
static void apply(struct sandbox *sb, const struct fx_json *event, const char *dedup_key) {
    const char *action = fx_json_get_text(event, "event_action");
    const char *routing_key = fx_json_get_text(event, "routing_key");
    const char *summary = fx_json_text(fx_json_at_path(event, "payload.summary"));
    struct pagerduty_incident *incident = pagerduty_newest(sb, dedup_key);
    bool trigger = strcmp(action, "trigger") == 0;
    bool open = incident && strcmp(incident->status, "resolved") != 0 &&
                strcmp(incident->routing_key, routing_key) == 0;

    if (!open && (!trigger || sb->pagerduty->count >= INCIDENTS_MAX))
        return;
    if (!open)
        incident = open_incident(sb, dedup_key, routing_key);
    if (trigger) {
        fx_scope_free(incident->payload_sc);
        incident->payload_sc = fx_scope_new(NULL);
        incident->payload = fx_json_copy(incident->payload_sc, fx_json_at(event, "payload"));
        incident->links = fx_json_copy(incident->payload_sc, fx_json_at(event, "links"));
    } else {
        incident->status = strcmp(action, "resolve") == 0 ? "resolved" : "acknowledged";
    }
    pagerduty_add_event(sb, incident, action, summary);
    sandbox_slack_touched(sb);
}

static bool too_many(struct sandbox *sb) {
    struct sandbox_pagerduty *pagerduty = sb->pagerduty;
    int64_t now_ms = fx_mono_ms(sb->clock);

    if (now_ms - pagerduty->minute_start_ms >= MINUTE_MS) {
        pagerduty->minute_start_ms = now_ms;
        pagerduty->events_in_minute = 0;
    }
    return ++pagerduty->events_in_minute > EVENTS_PER_MINUTE;
}

static void answer(struct sandbox_request *req, struct sandbox_reply *reply, int status,
                   const char *word, const char *message, struct fx_json *errors) {
    struct fx_scope *sc = req->sc;

    sandbox_reply_json(req, reply, status,
                       fx_json_object_of(sc, "status", fx_json_string(sc, word), "message",
                                         fx_json_string(sc, message), "errors", errors, NULL));
}

static bool suffer(struct sandbox_request *req, struct sandbox_reply *reply,
                   enum sandbox_fault fault) {
    sandbox_fault_wait(req->sb, fault, "pagerduty", "enqueue");
    if (fault == SANDBOX_FAULT_TIMEOUT_BEFORE)
        reply->hang_up = true;
    else if (fault == SANDBOX_FAULT_ERROR || fault == SANDBOX_FAULT_ERROR_AFTER)
        answer(req, reply, 500, "error", "Internal server error", NULL);
    else if (fault == SANDBOX_FAULT_THROTTLE || too_many(req->sb))
        answer(req, reply, 429, "throttle exceeded",
               "Requests for this service are arriving too quickly. Please retry later.", NULL);
    else
        return false;
    return true;
}

void sandbox_pagerduty_enqueue(struct sandbox_request *req, struct sandbox_reply *reply) {
    enum sandbox_fault fault = sandbox_fault_take(req->sb, "pagerduty", "enqueue", req->body);
    struct fx_json *event = NULL, *errors;
    struct fx_error err;

    if (suffer(req, reply, fault))
        return;
    if (req->body.len > EVENT_BYTES_MAX ||
        fx_json_parse(req->sc, req->body, &event, &err) != FX_OK ||
        fx_json_type(event) != FX_JSON_OBJECT) {
        errors = fx_json_array(req->sc);
        complain(errors, req->sc, "the body must be a JSON object of at most 512 kB");
        answer(req, reply, 400, "invalid event", "Event object is invalid", errors);
        return;
    }
    errors = check_event(req->sc, event);
    if (fault == SANDBOX_FAULT_DENIED)
        complain(errors, req->sc, "'routing_key' is invalid");
    if (fx_json_count(errors) > 0) {
        answer(req, reply, 400, "invalid event", "Event object is invalid", errors);
        return;
    }
    const char *key = fx_json_get_text(event, "dedup_key");
    if (!key || !*key)
        key = fx_uuid_new(req->sc, req->sb->random);
    apply(req->sb, event, key);
    sandbox_reply_json(req, reply, 202,
                       fx_json_object_of(req->sc, "status", fx_json_string(req->sc, "success"),
                                         "message", fx_json_string(req->sc, "Event processed"),
                                         "dedup_key", fx_json_string(req->sc, key), NULL));
    reply->hang_up = fault == SANDBOX_FAULT_TIMEOUT_AFTER;
}

static struct fx_json *show(struct fx_scope *sc, const struct pagerduty_incident *incident) {
    const char *summary = fx_json_get_text(incident->payload, "summary");
    const char *severity = fx_json_get_text(incident->payload, "severity");

    return fx_json_object_of(
        sc, "dedup_key", fx_json_string(sc, incident->dedup_key), "status",
        fx_json_string(sc, incident->status), "summary", fx_json_string(sc, summary), "severity",
        fx_json_string(sc, severity), "source",
        fx_json_string(sc, fx_json_get_text(incident->payload, "source")), "url",
        fx_json_stringf(sc, "/pagerduty/incidents/%s",
                        fx_url_encode(sc, fx_slice_of(incident->dedup_key), false)),
        "links", incident->links ? fx_json_copy(sc, incident->links) : fx_json_array(sc), "events",
        fx_json_copy(sc, incident->events), NULL);
}

struct fx_json *sandbox_pagerduty_pages(struct sandbox *sb, struct fx_scope *sc) {
    struct fx_json *pages = fx_json_array(sc);
    const struct pagerduty_incident **all = fx_alloc(sc, sizeof(*all) * (sb->pagerduty->count + 1));
    size_t n = 0;

    for (const struct pagerduty_incident *i = sb->pagerduty->newest; i; i = i->older)
        all[n++] = i;
    while (n > 0)
        fx_json_add(pages, show(sc, all[--n]));
    return pages;
}

void sandbox_door_pages(struct sandbox_request *req, struct sandbox_reply *reply) {
    sandbox_reply_json(
        req, reply, 200,
        fx_json_object_of(req->sc, "pages", sandbox_pagerduty_pages(req->sb, req->sc), NULL));
}
