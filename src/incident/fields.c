/* fields.c - words from outside: cut, made printable, taken apart. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <string.h>

/* CloudWatch dates a change before it tells of it; this much is left for clocks that differ. */
enum { MAX_AHEAD_MS = 5 * 60 * 1000 };

/* Cuts and cleans in place of a fresh copy. */
static const char *clean(struct fx_scope *sc, struct fx_slice s, size_t max, bool keep_lines) {
    s = fx_slice_trim(s);
    char *copy = fx_slice_dup(sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, max)));

    for (char *c = copy; *c; c++)
        if (((unsigned char)*c < 0x20 || *c == 0x7f) && !(keep_lines && (*c == '\n' || *c == '\t')))
            *c = ' ';
    return copy;
}

const char *incident_line(struct fx_scope *sc, const char *text, size_t max) {
    return clean(sc, fx_slice_of(text), max, false);
}

const char *incident_text(struct fx_scope *sc, struct fx_slice text, size_t max) {
    return clean(sc, text, max, true);
}

const char *incident_member(struct fx_scope *sc, const struct fx_json *object, const char *key,
                            size_t max) {
    return incident_line(sc, fx_json_get_text(object, key), max);
}

const char *incident_arn_part(struct fx_scope *sc, const char *arn, size_t n) {
    struct fx_slice rest = fx_slice_of(arn), part;

    if (!fx_slice_starts_with(rest, FX_SLICE("arn:")))
        return "";
    for (size_t i = 0; i < n; i++)
        if (!fx_slice_split(rest, ':', &part, &rest))
            return "";
    part = fx_slice_cut(rest, 0, fx_slice_find(rest, 0, ':'));
    return clean(sc, part, INCIDENT_MAX_FIELD, false);
}

const char *incident_alarm_name_of(struct fx_scope *sc, const char *arn) {
    static const char mark[] = ":alarm:";
    const char *name = strstr(arn, mark);

    return name ? incident_line(sc, name + sizeof mark - 1, INCIDENT_MAX_NAME) : "";
}

const char *incident_last_part(const char *arn) {
    const char *part = arn;

    for (const char *c = arn; *c; c++)
        if ((*c == '/' || *c == ':') && c[1] != '\0')
            part = c + 1;
    return part;
}

void incident_take_place(struct fx_scope *sc, struct fx_alarm *alarm, const char *arn) {
    const char *region = incident_arn_part(sc, arn, 3);
    const char *account = incident_arn_part(sc, arn, 4);

    if (*region)
        alarm->region = region;
    if (*account)
        alarm->account = account;
}

/* A change dated in the future would make every later telling look older than it, and so be
 * ignored. */
void incident_take_time(const char *text, int64_t sent_ms, int64_t *time_ms) {
    struct fx_error ignored = {0};
    int64_t parsed_ms = 0;

    if (!text || fx_time_parse(fx_slice_of(text), &parsed_ms, &ignored) != FX_OK)
        return;
    if (parsed_ms < 0 || (sent_ms > 0 && parsed_ms > sent_ms + MAX_AHEAD_MS))
        return;
    *time_ms = parsed_ms;
}

enum fx_alarm_state incident_state_of(const char *text) {
    if (text && strcmp(text, "ALARM") == 0)
        return FX_ALARM_STATE_ALARM;
    if (text && strcmp(text, "OK") == 0)
        return FX_ALARM_STATE_OK;
    if (text && strcmp(text, "INSUFFICIENT_DATA") == 0)
        return FX_ALARM_STATE_INSUFFICIENT;
    return FX_ALARM_STATE_NOTE;
}
