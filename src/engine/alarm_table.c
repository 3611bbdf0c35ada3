/* alarm_table.c - alarms as CloudWatch lists them, with what system.yaml says of each: likely cause
 * and first action; and who has it, when the bot was told of it. */
#include "incidents.h"
#include "notices.h"

#include <string.h>

enum { ALARMS_LOOKED_UP = 50 }; /* that fire: each is one look into the store */

/* [{Name, Value}] as CloudWatch lists them, as a route describes them. */
static struct fx_json *dimensions_of(struct fx_scope *sc, const struct fx_json *list) {
    struct fx_json *dimensions = fx_json_object(sc);

    for (size_t i = 0; i < fx_json_count(list); i++) {
        const struct fx_json *one = fx_json_item(list, i);
        const char *name = fx_json_get_text(one, "Name"), *value = fx_json_get_text(one, "Value");

        if (name != NULL && value != NULL)
            fx_json_put(dimensions, name, fx_json_string(sc, value));
    }
    return dimensions;
}

static void put_text(struct fx_scope *sc, struct fx_json *object, const char *key,
                     const char *text) {
    fx_json_put(object, key, text == NULL ? fx_json_null(sc) : fx_json_string(sc, text));
}

static void add_route(struct engine_run *run, struct fx_json *alarm) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_alarm_route *route =
        fx_system_route(run->system->system, fx_json_get_text(alarm, "AlarmName"),
                        fx_json_get_text(alarm, "Namespace"), fx_json_get_text(alarm, "MetricName"),
                        dimensions_of(sc, fx_json_at(alarm, "Dimensions")));

    put_text(sc, alarm, "route", route == NULL ? NULL : route->name);
    put_text(sc, alarm, "severity", route == NULL ? NULL : route->severity);
    put_text(sc, alarm, "cause", route == NULL ? NULL : route->cause);
    put_text(sc, alarm, "first_action", route == NULL ? NULL : route->first_action);
    fx_json_put(alarm, "looks", fx_json_bool(sc, route != NULL && route->triage_count > 0));
}

static enum fx_code add_incident(struct engine_run *run, struct fx_json *alarm,
                                 struct fx_error *err) {
    struct fx_store *store = run->work->engine->options.store;
    struct fx_scope *sc = run->work->sc;
    const char *arn = fx_json_get_text(alarm, "AlarmArn");
    struct fx_incident *incident = NULL;
    struct fx_json *body = NULL;

    if (arn == NULL)
        return FX_OK;
    FX_TRY(store->incident_by_key(store, sc, run->row->system, arn, &incident, err));
    if (incident == NULL || incident->state != FX_INCIDENT_OPEN)
        return FX_OK;
    FX_TRY(fx_json_parse(sc, fx_slice_of(incident->body_json), &body, err));
    int64_t until_ms = engine_snoozed_until(body, run->work->now_ms);

    put_text(sc, alarm, "incident", incident->id);
    put_text(sc, alarm, "acked_by", incident->acked_by[0] == '\0' ? NULL : incident->acked_by);
    fx_json_put(alarm, "paged", fx_json_bool(sc, incident->paged));
    fx_json_put(alarm, "snoozed_until",
                until_ms == 0 ? fx_json_null(sc) : fx_json_int(sc, until_ms));
    put_text(sc, alarm, "snoozed_by",
             until_ms == 0 ? NULL : fx_json_get_text(fx_json_at(body, "snooze"), "by"));
    return FX_OK;
}

enum fx_code engine_explain_alarms(struct engine_run *run, struct fx_json *alarms,
                                   struct fx_error *err) {
    size_t looked_up = 0;

    for (size_t i = 0; i < fx_json_count(alarms); i++) {
        struct fx_json *alarm = fx_json_item(alarms, i);
        const char *state = fx_json_get_text(alarm, "StateValue");

        if (fx_json_type(alarm) != FX_JSON_OBJECT)
            continue;
        add_route(run, alarm);
        /* at the terminal and in a recorded case there may be no store to look into */
        if (state != NULL && strcmp(state, "ALARM") == 0 && looked_up < ALARMS_LOOKED_UP &&
            run->work->engine->options.store != NULL) {
            looked_up++;
            FX_TRY(add_incident(run, alarm, err));
        }
    }
    return FX_OK;
}
