/* incident_body.c - what an incident remembers as JSON: its alarm, its buttons, its timeline. */
#include "private.h"

enum { TIMELINE_KEPT = 50 };

struct fx_json *engine_route_buttons(struct fx_scope *sc, const struct fx_engine_system *system,
                                     const struct fx_alarm_route *route) {
    struct fx_json *buttons = fx_json_array(sc);

    for (size_t i = 0; route != NULL && i < route->buttons_count; i++) {
        const struct fx_runbook *runbook = NULL;
        struct fx_slice rest;

        fx_system_match(system->system, fx_slice_of(route->buttons[i]), &runbook, &rest);
        if (runbook == NULL) /* check has made sure of it */
            continue;
        struct fx_json *button =
            engine_remember_button(sc, system, runbook, fx_slice_dup(sc, rest), NULL);

        if (fx_json_count(buttons) == 0)
            fx_json_put(button, "style", fx_json_string(sc, "primary"));
        fx_json_add(buttons, button);
    }
    return buttons;
}

struct fx_json *engine_alarm_body(struct fx_scope *sc, const struct fx_alarm *alarm) {
    return fx_json_object_of(
        sc, "name", fx_json_string(sc, alarm->name), "arn", fx_json_string(sc, alarm->arn), "shape",
        fx_json_string(sc, fx_alarm_shape_name(alarm->shape)), "reason",
        fx_json_string(sc, alarm->reason), "description", fx_json_string(sc, alarm->description),
        "account", fx_json_string(sc, alarm->account), "region", fx_json_string(sc, alarm->region),
        "namespace", fx_json_string(sc, alarm->metric_namespace), "metric",
        fx_json_string(sc, alarm->metric_name), "queries",
        alarm->queries == NULL ? NULL : fx_json_copy(sc, alarm->queries), "period",
        alarm->queries == NULL ? NULL : fx_json_int(sc, alarm->period_ms), "comparison",
        fx_json_string(sc, alarm->comparison), "threshold",
        alarm->has_threshold ? fx_json_real(sc, alarm->threshold) : NULL, "children",
        alarm->children == NULL ? NULL : fx_json_copy(sc, alarm->children), "extra",
        alarm->extra == NULL ? NULL : fx_json_copy(sc, alarm->extra), NULL);
}

void engine_add_to_timeline(struct fx_scope *sc, struct fx_json *body, int64_t at_ms,
                            const char *text) {
    struct fx_json *timeline = fx_json_at(body, "timeline"), *kept = fx_json_array(sc);
    size_t count = fx_json_count(timeline);

    for (size_t i = count < TIMELINE_KEPT ? 0 : count - TIMELINE_KEPT + 1; i < count; i++)
        fx_json_add(kept, fx_json_item(timeline, i));
    fx_json_add(kept, fx_json_object_of(sc, "at", fx_json_int(sc, at_ms), "text",
                                        fx_json_string(sc, text), NULL));
    fx_json_put(body, "timeline", kept);
}

/* ---- which of its alarms were told ---- */

static void read_told(const struct fx_json *body, struct fx_incident_facts *facts) {
    const struct fx_json *told = fx_json_at(body, "told");

    facts->alarmed_ms = fx_json_get_int(body, "alarmed", 0);
    for (size_t i = 0; i < fx_json_count(told) && i < FX_INCIDENT_TOLD_KEPT; i++)
        facts->told_ms[facts->told_count++] = fx_json_to_int(fx_json_item(told, i), 0);
}

void engine_note_told(struct fx_scope *sc, struct fx_json *body, int64_t began_ms) {
    struct fx_incident_facts facts = {0};
    struct fx_json *told = fx_json_array(sc);

    read_told(body, &facts);
    fx_incident_note_told(&facts, began_ms);
    for (size_t i = 0; i < facts.told_count; i++)
        fx_json_add(told, fx_json_int(sc, facts.told_ms[i]));
    fx_json_put(body, "alarmed", fx_json_int(sc, facts.alarmed_ms));
    fx_json_put(body, "told", told);
}

void engine_keep_told(struct fx_scope *sc, struct fx_json *body, const struct fx_json *before) {
    static const char *const names[] = {"alarmed", "told"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        if (fx_json_at(before, names[i]) != NULL)
            fx_json_put(body, names[i], fx_json_copy(sc, fx_json_at(before, names[i])));
}

struct fx_incident_facts engine_incident_facts(const struct fx_incident *incident,
                                               const struct fx_json *body) {
    struct fx_incident_facts facts = {0};

    if (incident == NULL)
        return facts;
    facts.exists = true;
    facts.open = incident->state == FX_INCIDENT_OPEN;
    facts.changed_ms = incident->changed_ms;
    facts.closed_ms = incident->closed_ms;
    facts.asked = fx_json_get_bool(body, "asked", false);
    read_told(body, &facts);
    return facts;
}
