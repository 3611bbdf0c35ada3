/* click_incident.c - what people press on the cards of incidents and storms. */
#include "click.h"
#include "notices.h"

static enum fx_code incident_of(struct click *click, const char *id, enum fx_action action,
                                struct fx_error *err) {
    struct fx_store *store = click->work->engine->options.store;
    struct fx_incident *incident = NULL;

    FX_TRY(store->incident(store, click->work->sc, id, &incident, err));
    if (incident == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this incident is not known here");
    click->system = engine_system(click->work->engine, incident->system);
    if (click->system == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the system %s is no longer configured",
                       incident->system);
    return click_allow(click, action, NULL, "", err);
}

enum fx_code click_acknowledge(struct click *click, struct fx_error *err) {
    FX_TRY(incident_of(click, click->given->value, FX_ACTION_ACK, err));
    return engine_acknowledge(click->work, click->given->value, click->given->user_id, err);
}

enum fx_code click_snooze(struct click *click, struct fx_error *err) {
    FX_TRY(incident_of(click, click->given->value, FX_ACTION_ACK, err));
    return engine_snooze(click->work, click->given->value, click->given->user_id,
                         FX_ENGINE_SNOOZE_MS, err);
}

enum fx_code click_wake(struct click *click, struct fx_error *err) {
    FX_TRY(incident_of(click, click->given->value, FX_ACTION_ACK, err));
    return engine_wake(click->work, click->given->value, click->given->user_id, err);
}

enum fx_code click_incident_card(struct click *click, struct fx_error *err) {
    FX_TRY(incident_of(click, click->given->value, FX_ACTION_READ, err));
    return engine_incident_show(click->work, click->given->value, err);
}

/* "STORM;25": its alarms from there on. */
enum fx_code click_storm(struct click *click, struct fx_error *err) {
    struct engine_work *work = click->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_slice id, number;
    struct fx_storm *storm = NULL;
    int64_t skip = 0;

    fx_slice_split(fx_slice_of(click->given->value), ';', &id, &number);
    FX_TRY(store->storm(store, work->sc, fx_slice_dup(work->sc, id), &storm, err));
    if (storm == NULL || !fx_slice_to_int(number, &skip) || skip < 0)
        return fx_fail(err, FX_ERR_INPUT, "this storm is not known here");
    click->system = click_system_of(work->engine, storm->channel);
    if (click->system == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the storm's channel is no longer configured");
    FX_TRY(click_allow(click, FX_ACTION_READ, NULL, "", err));
    return engine_list_storm(work, click->system, storm->id, (size_t)skip, click->given->user_id,
                             click->given->channel_id, click->given->response_url, err);
}
