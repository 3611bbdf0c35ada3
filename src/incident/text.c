/* text.c - what has no shape of its own: budgets, plain words, JSON nobody described. */
#include "private.h"

#include <string.h>

/* The value of a line "Budget Name: fluxa-monthly"; "" when there is no such line. */
static const char *line_value(struct fx_scope *sc, struct fx_slice text, const char *label) {
    struct fx_slice line, wanted = fx_slice_of(label);

    while (text.len > 0) {
        (void)fx_slice_split(text, '\n', &line, &text);
        line = fx_slice_trim(line);
        if (fx_slice_starts_with(line, wanted))
            return incident_text(sc, fx_slice_cut(line, wanted.len, line.len - wanted.len),
                                 INCIDENT_MAX_FIELD);
    }
    return "";
}

static const char *budget_reason(struct fx_scope *sc, struct fx_slice text) {
    const char *kind = line_value(sc, text, "Alert Type:");
    const char *limit = line_value(sc, text, "Alert Threshold:");
    const char *amount = line_value(sc, text, "ACTUAL Amount:");

    if (!*amount)
        amount = line_value(sc, text, "FORECASTED Amount:");
    return incident_line(sc, fx_printf(sc, "%s amount %s, alert threshold %s", kind, amount, limit),
                         INCIDENT_MAX_REASON);
}

/* Budgets write plain text and never tell that spending is back below the threshold. */
bool incident_read_budget(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    struct fx_slice text = fx_slice_trim(message->text);

    if (!fx_slice_starts_with(text, FX_SLICE("AWS Budget Notification")))
        return false;

    const char *name = line_value(sc, text, "Budget Name:");
    const char *account = line_value(sc, text, "AWS Account");
    alarm->shape = FX_ALARM_BUDGET;
    alarm->name = incident_line(sc, *name ? fx_printf(sc, "Budget %s", name) : message->subject,
                                INCIDENT_MAX_NAME);
    if (*account)
        alarm->account = account;
    alarm->reason = budget_reason(sc, text);
    alarm->extra = fx_json_object_of(
        sc, "text", fx_json_string(sc, incident_text(sc, text, INCIDENT_MAX_SHOWN)), NULL);
    return true;
}

/* Members in which tools of all kinds put a title or an explanation. */
static const char *first_member(struct fx_scope *sc, const struct fx_json *json,
                                const char *const *keys, size_t max) {
    for (; *keys; keys++) {
        const char *text = incident_member(sc, json, *keys, max);

        if (*text)
            return text;
    }
    return "";
}

bool incident_read_json(const struct incident_message *message, struct fx_alarm *alarm) {
    static const char *const title_keys[] = {"title",     "name",    "alertname", "AlarmName",
                                             "eventName", "summary", "subject",   NULL};
    static const char *const reason_keys[] = {"message", "reason", "description", "error", NULL};
    struct fx_scope *sc = message->sc;

    if (!message->json)
        return false;

    const char *dump = fx_json_dump(sc, message->json);
    alarm->shape = FX_ALARM_JSON;
    alarm->name = message->subject;
    if (!*alarm->name)
        alarm->name = first_member(sc, message->json, title_keys, INCIDENT_MAX_NAME);
    if (!*alarm->name)
        alarm->name = "JSON message";
    alarm->reason = first_member(sc, message->json, reason_keys, INCIDENT_MAX_REASON);
    if (strlen(dump) <= INCIDENT_MAX_SHOWN)
        alarm->extra = message->json;
    else
        alarm->extra = fx_json_object_of(
            sc, "text",
            fx_json_string(sc, incident_text(sc, fx_slice_of(dump), INCIDENT_MAX_SHOWN)), NULL);
    return true;
}

/* Scripts, the console's test publish, the first message of an RDS subscription. */
bool incident_read_text(const struct incident_message *message, struct fx_alarm *alarm) {
    struct fx_scope *sc = message->sc;
    struct fx_slice text = fx_slice_trim(message->text), line, rest;

    (void)fx_slice_split(text, '\n', &line, &rest);
    alarm->shape = FX_ALARM_TEXT;
    alarm->name = message->subject;
    if (!*alarm->name)
        alarm->name = incident_line(sc, fx_slice_dup(sc, line), INCIDENT_MAX_NAME);
    if (!*alarm->name)
        alarm->name = "Message without words";
    alarm->reason = incident_text(sc, text, INCIDENT_MAX_REASON);
    alarm->extra = fx_json_object_of(
        sc, "text", fx_json_string(sc, incident_text(sc, text, INCIDENT_MAX_SHOWN)), NULL);
    return true;
}
