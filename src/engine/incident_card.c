/* incident_card.c - an incident as its card: severity, what, since when; then verdict, first
 * action, buttons; details last. */
#include "private.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/pagerduty.h"

#include <ctype.h>
#include <string.h>

enum { TIMELINE_SHOWN = 6 };

static char *capitalized(struct fx_scope *sc, const char *word) {
    char *copy = fx_strdup(sc, word);

    copy[0] = (char)toupper((unsigned char)copy[0]);
    return copy;
}

static char *card_title(struct fx_scope *sc, const struct fx_incident *incident,
                        const struct fx_json *body) {
    const char *name = fx_json_text(fx_json_at_path(body, "alarm.name"));

    if (incident->state == FX_INCIDENT_CLOSED)
        return fx_printf(sc, "%s: %s", fx_json_at(body, "ending") != NULL ? "Closed" : "Resolved",
                         name);
    return fx_printf(sc, "%s: %s", capitalized(sc, incident->severity), incident->title);
}

/* What waits for its time. */
static void add_timers(struct fx_scope *sc, struct fx_json *fields, const struct fx_json *body) {
    const struct fx_json *snooze = fx_json_at(body, "snooze");
    int64_t page_ms = fx_json_get_int(body, "page_due", 0);

    if (snooze != NULL)
        fx_json_add(
            fields,
            engine_field(sc, "Snoozed until",
                         fx_json_array_of(sc, engine_time(sc, fx_json_get_int(snooze, "until", 0)),
                                          fx_json_string(sc, ", by "),
                                          engine_user(sc, fx_json_get_text(snooze, "by")), NULL)));
    if (page_ms > 0)
        fx_json_add(fields,
                    engine_field(sc, "On-call is paged",
                                 fx_json_array_of(sc, engine_time(sc, page_ms),
                                                  fx_json_string(sc, ", unless it is acknowledged"),
                                                  NULL)));
}

static struct fx_json *card_fields(struct fx_scope *sc, const struct fx_incident *incident,
                                   const struct fx_json *body) {
    const struct fx_json *alarm = fx_json_at(body, "alarm");
    struct fx_json *fields = fx_json_array(sc);
    const char *metric = fx_json_get_text(alarm, "metric");

    fx_json_add(fields,
                engine_field(sc, "Where",
                             fx_json_stringf(sc, "%s, %s, account %s", incident->environment,
                                             fx_json_get_text(alarm, "region"),
                                             fx_json_get_text(alarm, "account"))));
    if (metric != NULL && metric[0] != '\0')
        fx_json_add(fields, engine_field(sc, "Metric", fx_json_string(sc, metric)));
    if (incident->seen > 1)
        fx_json_add(fields,
                    engine_field(sc, "Raised",
                                 fx_json_stringf(sc, "%lld times", (long long)incident->seen)));
    if (incident->acked_by[0] != '\0')
        fx_json_add(fields,
                    engine_field(sc, "Acknowledged by",
                                 fx_json_array_of(sc, engine_user(sc, incident->acked_by),
                                                  fx_json_string(sc, ", "),
                                                  engine_time(sc, incident->acked_ms), NULL)));
    if (incident->state == FX_INCIDENT_OPEN)
        add_timers(sc, fields, body);
    return fields;
}

static void add_labelled(struct fx_scope *sc, struct fx_json *lines, const char *label,
                         const char *text) {
    if (text != NULL && text[0] != '\0')
        fx_json_add(lines, fx_json_array_of(
                               sc, fx_json_object_of(sc, "bold", fx_json_string(sc, label), NULL),
                               fx_json_stringf(sc, " %s", engine_sentence(sc, text)), NULL));
}

/* What to read first: since when, what was found, what to do. */
static struct fx_json *card_verdict(struct fx_scope *sc, const struct fx_incident *incident,
                                    const struct fx_json *body) {
    const char *verdict = fx_json_get_text(body, "verdict");
    const char *found = verdict != NULL ? engine_sentence(sc, verdict) : "";
    const char *ending = fx_json_get_text(body, "ending");

    if (incident->state == FX_INCIDENT_CLOSED)
        return fx_json_array_of(
            sc, fx_json_string(sc, ending != NULL ? "Closed since " : "OK again since "),
            engine_time(sc, incident->closed_ms),
            fx_json_stringf(sc, ", after %s%s%s.",
                            fx_duration(sc, incident->closed_ms - incident->opened_ms),
                            ending != NULL ? ": " : "", ending != NULL ? ending : ""),
            NULL);
    return fx_json_array_of(sc, fx_json_string(sc, "Since "), engine_time(sc, incident->opened_ms),
                            fx_json_string(sc, ". "),
                            fx_json_object_of(sc, "bold", fx_json_string(sc, found), NULL), NULL);
}

static struct fx_json *card_lines(struct fx_scope *sc, const struct fx_incident *incident,
                                  const struct fx_json *body) {
    struct fx_json *lines = fx_json_array(sc);

    if (incident->state == FX_INCIDENT_CLOSED) {
        add_labelled(sc, lines, "Found then:", fx_json_get_text(body, "verdict"));
        return lines;
    }
    add_labelled(sc, lines, "Proposed:", fx_json_get_text(body, "proposal"));
    add_labelled(sc, lines, "First action:", fx_json_get_text(body, "first_action"));
    add_labelled(sc, lines, "Likely cause:", fx_json_get_text(body, "cause"));
    return lines;
}

/* CloudWatch ends its reasons with "(minimum 1 datapoint for OK -> ALARM transition)." */
static const char *short_reason(struct fx_scope *sc, const char *reason) {
    const char *tail = reason == NULL ? NULL : strstr(reason, " (minimum ");

    return tail == NULL ? reason : fx_printf(sc, "%.*s", (int)(tail - reason), reason);
}

static struct fx_json *timeline_line(struct fx_scope *sc, const struct fx_json *entry) {
    static const struct {
        const char *key, *text;
    } people[] = {{"requester", " Asked by "}, {"approver", ", approved by "}};
    struct fx_json *line =
        fx_json_array_of(sc, engine_time(sc, fx_json_get_int(entry, "at", 0)),
                         fx_json_stringf(sc, " %s", fx_json_get_text(entry, "text")), NULL);

    for (size_t i = 0; i < FX_COUNT_OF(people); i++) {
        const char *user = fx_json_get_text(entry, people[i].key);

        if (user == NULL || user[0] == '\0')
            continue;
        fx_json_add(line, fx_json_string(sc, people[i].text));
        fx_json_add(line, engine_user(sc, user));
    }
    /* the last of them stands there already */
    for (size_t i = 0; i + 1 < fx_json_count(fx_json_at(entry, "approvers")); i++) {
        fx_json_add(line, fx_json_string(sc, " and "));
        fx_json_add(line,
                    engine_user(sc, fx_json_text(fx_json_item(fx_json_at(entry, "approvers"), i))));
    }
    return line;
}

/* What AWS sent, and what has happened since. */
struct fx_json *engine_alarm_details(struct fx_scope *sc, const struct fx_json *body) {
    const struct fx_json *alarm = fx_json_at(body, "alarm"),
                         *timeline = fx_json_at(body, "timeline");
    const struct fx_json *children = fx_json_at(alarm, "children"),
                         *extra = fx_json_at(alarm, "extra");
    struct fx_json *lines = fx_json_array(sc);
    size_t count = fx_json_count(timeline);

    add_labelled(sc, lines, "AWS says:", short_reason(sc, fx_json_get_text(alarm, "reason")));
    add_labelled(sc, lines, "About:", fx_json_get_text(alarm, "description"));
    if (fx_json_count(children) > 0)
        add_labelled(sc, lines, "In alarm:", fx_json_dump(sc, children));
    if (extra != NULL && fx_json_text(extra) == NULL)
        add_labelled(sc, lines, "Message:", fx_json_dump(sc, extra));
    else
        add_labelled(sc, lines, "Message:", fx_json_text(extra));
    for (size_t i = count < TIMELINE_SHOWN ? 0 : count - TIMELINE_SHOWN; i < count; i++) {
        const struct fx_json *entry = fx_json_item(timeline, i);

        fx_json_add(lines, timeline_line(sc, entry));
    }
    return lines;
}

/* Links are built from the alarm's own region and name, percent-encoded, to AWS's console only. */
char *engine_console_url(struct fx_scope *sc, const struct fx_json *alarm) {
    const char *region = fx_json_get_text(alarm, "region"), *arn = fx_json_get_text(alarm, "arn");
    const char *name = fx_json_get_text(alarm, "name");

    if (arn == NULL || arn[0] == '\0' || region == NULL || region[0] == '\0')
        return NULL;
    for (const char *c = region; *c != '\0'; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
            return NULL;
    return fx_printf(
        sc, "https://%s.console.aws.amazon.com/cloudwatch/home?region=%s#alarmsV2:alarm/%s", region,
        region, fx_url_encode(sc, fx_slice_of(name), false));
}

struct fx_json *engine_link_button(struct fx_scope *sc, const char *text, const char *action,
                                   const char *url) {
    return fx_json_object_of(sc, "text", fx_json_string(sc, text), "action",
                             fx_json_string(sc, action), "url", fx_json_string(sc, url), NULL);
}

char *engine_page_url(struct engine_work *work, const char *key) {
    const char *format = work->engine->options.page_url;
    const char *mark = format == NULL ? NULL : strstr(format, "%s");

    if (mark == NULL)
        return NULL;
    const char *told = fx_pagerduty_dedup_key(work->sc, key);

    return fx_printf(work->sc, "%.*s%s%s", (int)(mark - format), format,
                     fx_url_encode(work->sc, fx_slice_of(told), false), mark + 2);
}

static struct fx_json *named_button(struct fx_scope *sc, const char *text, const char *action,
                                    const struct fx_incident *incident, const char *alarm) {
    struct fx_json *button = engine_button(sc, text, action, incident->id, NULL);

    fx_json_put(button, "label", fx_json_stringf(sc, "%s: %s", text, alarm));
    return button;
}

static struct fx_json *card_buttons(struct engine_work *work, const struct fx_incident *incident,
                                    const struct fx_json *body) {
    struct fx_scope *sc = work->sc;
    struct fx_json *buttons = fx_json_array(sc);
    const char *console = engine_console_url(sc, fx_json_at(body, "alarm"));
    const char *page = incident->paged ? engine_page_url(work, incident->key) : NULL;
    const char *name = fx_json_text(fx_json_at_path(body, "alarm.name"));

    if (incident->state == FX_INCIDENT_OPEN) {
        const struct fx_json *commands = engine_command_buttons(
            sc, fx_json_at(body, "_buttons"), fx_printf(sc, "i=%s", incident->id));

        for (size_t i = 0; i < fx_json_count(commands); i++)
            fx_json_add(buttons, fx_json_item(commands, i));
        if (incident->acked_by[0] == '\0')
            fx_json_add(buttons, named_button(sc, "Acknowledge", "ack", incident, name));
        fx_json_add(buttons, fx_json_at(body, "snooze") != NULL
                                 ? named_button(sc, "End snooze", "wake", incident, name)
                                 : named_button(sc, "Snooze 1 h", "snooze", incident, name));
    }
    if (page != NULL)
        fx_json_add(buttons, engine_link_button(sc, "Open in PagerDuty", "link:page", page));
    if (console != NULL)
        fx_json_add(buttons, engine_link_button(sc, "Open in CloudWatch", "link:alarm", console));
    return buttons;
}

enum fx_code engine_incident_card(struct engine_work *work, const struct fx_engine_system *system,
                                  const struct fx_incident *incident, const struct fx_json *body,
                                  struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct fx_json *card = fx_json_object_of(
        sc, "title", fx_json_string(sc, card_title(sc, incident, body)), "tone",
        fx_json_string(sc, incident->state == FX_INCIDENT_CLOSED ? "good" : "alarm"), "verdict",
        card_verdict(sc, incident, body), "lines", card_lines(sc, incident, body), "fields",
        card_fields(sc, incident, body), "list", engine_alarm_details(sc, body), "buttons",
        card_buttons(work, incident, body), "context",
        fx_json_stringf(sc, "Incident %s; details are in the thread", incident->id), NULL);

    return engine_put_card(work, fx_printf(sc, "incident:%s", incident->id), "", system->channel,
                           card, err);
}
