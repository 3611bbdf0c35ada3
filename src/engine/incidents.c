/* incidents.c - what an alarm, a person or a run changes in an incident, until it is over. */
#include "incidents.h"

#include "fluxabot/base/log.h"

#include <string.h>

/* ---- what an alarm changes ---- */

void incident_put(struct incident_telling *t) {
    if (t->seen_id != NULL && strcmp(t->incident->key, t->alarm->key) == 0) {
        t->incident->seen_id = t->seen_id;
        t->incident->seen_version = t->seen_version;
    }
    fx_writes_incident(t->work->sc, &t->work->writes, t->incident);
}

bool incident_is_over(const struct incident_telling *t) {
    return t->found != NULL && t->found->over;
}

static void note_finding(struct incident_telling *t) {
    struct fx_scope *sc = t->work->sc;
    const char *state = t->alarm->state == FX_ALARM_STATE_ALARM ? "ALARM" : "OK";

    fx_json_put(t->body, "asked", fx_json_bool(sc, true));
    if (t->found->ending != NULL)
        return;
    /* once: of what is over, with its end */
    if (!t->found->over || t->incident->state == FX_INCIDENT_CLOSED)
        engine_add_to_timeline(sc, t->body, t->work->now_ms, t->found->note);
    fx_writes_audit(sc, &t->work->writes, "fluxabot", "alarm.recovered", t->incident->id,
                    fx_json_object_of(sc, "alarm", fx_json_string(sc, t->alarm->name), "state",
                                      fx_json_string(sc, state), "changed",
                                      fx_json_int(sc, t->alarm->changed_ms), NULL));
    fx_metrics_add(t->work->engine->options.metrics, FX_METRIC_ALARMS_RECOVERED, 1);
    fx_log(sc, FX_LOG_WARN, "alarm.recovered", FX_S("name", t->alarm->name), FX_S("state", state),
           FX_I("changed_ms", t->alarm->changed_ms), FX_S("incident", t->incident->id));
}

enum fx_code incident_write(struct incident_telling *t, struct fx_error *err) {
    if (t->found != NULL)
        note_finding(t);
    t->incident->body_json = fx_json_dump(t->work->sc, t->body);
    incident_put(t);
    /* its end comes at once and has the card: nobody should read "is in alarm" any more */
    if (incident_is_over(t) && t->incident->state == FX_INCIDENT_OPEN)
        return FX_OK;
    if (incident_storm(t->body) != NULL) {
        incident_touch_storm(t);
        return FX_OK;
    }
    return engine_incident_card(t->work, t->system, t->incident, t->body, err);
}

void incident_note_alarm(struct incident_telling *t) {
    if (t->alarm->state == FX_ALARM_STATE_ALARM)
        engine_note_told(t->work->sc, t->body, t->alarm->changed_ms);
}

static enum fx_code repeat_incident(struct incident_telling *t, struct fx_error *err) {
    t->incident->changed_ms = t->alarm->changed_ms;
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    incident_note_alarm(t);
    return incident_write(t, err);
}

static bool is_late(const struct incident_telling *t, const struct fx_incident_facts *facts) {
    return facts->exists && !facts->open && t->alarm->state == FX_ALARM_STATE_ALARM &&
           t->alarm->changed_ms > facts->alarmed_ms && !fx_incident_knows(t->alarm, facts);
}

/* The incident stands as the newer one has left it. But this one was, too, so those in the thread
 * are told; in a storm, whose card counts alarms that are open, its timeline is. */
static enum fx_code tell_overtaken(struct incident_telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;
    struct fx_json *verdict =
        fx_json_array_of(sc, fx_json_stringf(sc, "%s was in alarm before, at ", t->alarm->name),
                         engine_time(sc, t->alarm->changed_ms), NULL);

    fx_json_add(verdict, t->found != NULL
                             ? fx_json_stringf(sc, ": %s.", t->found->note)
                             : fx_json_string(sc, "; this was told only after a newer alarm."));
    t->incident->seen++;
    incident_note_alarm(t);
    engine_add_to_timeline(sc, t->body, t->alarm->changed_ms,
                           "in alarm; this was told only after a newer alarm");
    fx_writes_audit(sc, &t->work->writes, "alarm", "incident.overtaken", t->incident->id,
                    fx_json_object_of(sc, "alarm", fx_json_string(sc, t->alarm->name), "changed",
                                      fx_json_int(sc, t->alarm->changed_ms), NULL));
    if (incident_storm(t->body) == NULL)
        FX_TRY(engine_put_card(t->work,
                               fx_printf(sc, "incident:%s:before:%lld", t->incident->id,
                                         (long long)t->alarm->changed_ms),
                               fx_printf(sc, "incident:%s", t->incident->id), t->system->channel,
                               fx_json_object_of(sc, "verdict", verdict, NULL), err));
    return incident_write(t, err);
}

/* What those in the thread are told. */
static enum fx_code tell_end(struct incident_telling *t, const char *lasted, const char *ending,
                             struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;
    struct fx_json *verdict =
        ending != NULL ? fx_json_stringf(sc, "Closed after %s: %s.", lasted, ending)
                       : fx_json_stringf(sc, "%s is OK again after %s.", t->alarm->name, lasted);

    return engine_put_card(
        t->work,
        fx_printf(sc, "incident:%s:ok:%lld", t->incident->id, (long long)t->alarm->changed_ms),
        fx_printf(sc, "incident:%s", t->incident->id), t->system->channel,
        fx_json_object_of(sc, "verdict", verdict, NULL), err);
}

/* Looks for a while whether it stays well. Of many that end at once one watches: the others find
 * that what they would watch is watched. */
static enum fx_code watch_recovery(struct incident_telling *t, struct fx_error *err) {
    if (t->route == NULL || t->system->no_watches)
        return FX_OK;
    return incident_start_runs(t, "follow-up", t->route->recovered, t->route->recovered_count, err);
}

static enum fx_code close_incident(struct incident_telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;
    const char *ending = t->found != NULL ? t->found->ending : NULL;

    t->incident->state = FX_INCIDENT_CLOSED;
    t->incident->closed_ms = t->alarm->changed_ms;
    t->incident->changed_ms = t->alarm->changed_ms;
    const char *lasted = fx_duration(sc, t->incident->closed_ms - t->incident->opened_ms);

    engine_add_to_timeline(sc, t->body, t->alarm->changed_ms,
                           ending != NULL ? fx_printf(sc, "closed after %s: %s", lasted, ending)
                                          : fx_printf(sc, "back to OK after %s", lasted));
    fx_json_put(t->body, "ending", ending == NULL ? NULL : fx_json_string(sc, ending));
    fx_json_remove(t->body, "page_due");
    fx_writes_audit(
        sc, &t->work->writes, "alarm", "incident.closed", t->incident->id,
        ending == NULL ? NULL : fx_json_object_of(sc, "why", fx_json_string(sc, ending), NULL));
    incident_page(t->work, t->system, t->incident, FX_PAGE_RESOLVE, t->body);
    /* its first card says it all, or there is none */
    if (!fx_json_get_bool(t->body, "late", false) && incident_storm(t->body) == NULL) {
        FX_TRY(tell_end(t, lasted, ending, err));
        if (ending == NULL)
            FX_TRY(watch_recovery(t, err));
    }
    return incident_write(t, err);
}

enum fx_code engine_alarm(struct engine_work *work, const struct fx_engine_system *system,
                          const char *environment, const struct fx_alarm *alarm,
                          const struct engine_finding *found, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct incident_telling t = {
        .work = work, .system = system, .environment = environment, .alarm = alarm, .found = found};

    t.route = fx_system_route(system->system, alarm->name, alarm->metric_namespace,
                              alarm->metric_name, alarm->dimensions);
    FX_TRY(store->incident_by_key(store, work->sc, system->system->name, alarm->key, &t.incident,
                                  err));
    t.seen_id = t.incident == NULL ? "" : t.incident->id;
    t.seen_version = t.incident == NULL ? 0 : t.incident->version;
    if (t.incident != NULL)
        FX_TRY(fx_json_parse(work->sc, fx_slice_of(t.incident->body_json), &t.body, err));
    struct fx_incident_facts facts = engine_incident_facts(t.incident, t.body);

    switch (fx_incident_decide(alarm, &facts)) {
    case FX_INCIDENT_OPENS:
        return incident_open(&t, err);
    case FX_INCIDENT_REOPENS:
        return incident_reopen(&t, err);
    case FX_INCIDENT_REPEATS:
        return repeat_incident(&t, err);
    case FX_INCIDENT_CLOSES:
        return close_incident(&t, err);
    case FX_INCIDENT_NOTES:
        return incident_note(&t, err);
    case FX_INCIDENT_IGNORES:
        break;
    }
    if (is_late(&t, &facts))
        return incident_tell_late(&t, err);
    if (fx_incident_overtaken(alarm, &facts))
        return tell_overtaken(&t, err);
    if (t.incident == NULL && alarm->state == FX_ALARM_STATE_OK)
        incident_remember_ok(&t);
    /* a newer OK of a closed incident still makes a late, older ALARM old */
    else if (t.incident != NULL && alarm->changed_ms > t.incident->changed_ms) {
        t.incident->changed_ms = alarm->changed_ms;
        incident_put(&t);
    }
    fx_log(work->sc, FX_LOG_INFO, "alarm.ignored", FX_S("name", alarm->name));
    return FX_OK;
}

/* ---- what people and runs change ---- */

enum fx_code incident_load(struct engine_work *work, const char *incident_id,
                           struct incident_telling *ret, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;

    *ret = (struct incident_telling){.work = work};
    FX_TRY(store->incident(store, work->sc, incident_id, &ret->incident, err));
    if (ret->incident == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND, "the incident %s is not known", incident_id);
    ret->system = engine_system(work->engine, ret->incident->system);
    if (ret->system == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND, "the system %s is not configured",
                       ret->incident->system);
    return fx_json_parse(work->sc, fx_slice_of(ret->incident->body_json), &ret->body, err);
}

enum fx_code engine_acknowledge(struct engine_work *work, const char *incident_id, const char *user,
                                struct fx_error *err) {
    struct incident_telling t;

    FX_TRY(incident_load(work, incident_id, &t, err));
    if (t.incident->acked_by[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "it was acknowledged already");
    if (t.incident->state == FX_INCIDENT_CLOSED)
        return fx_fail(err, FX_ERR_CONFLICT, "it is over already");
    t.incident->acked_by = user;
    t.incident->acked_ms = work->now_ms;
    fx_json_remove(t.body, "page_due"); /* somebody has it: nobody is woken */
    fx_writes_audit(work->sc, &work->writes, user, "incident.acknowledged", incident_id, NULL);
    incident_page(work, t.system, t.incident, FX_PAGE_ACKNOWLEDGE, t.body);
    return incident_write(&t, err);
}

enum fx_code engine_incident_show(struct engine_work *work, const char *incident_id,
                                  struct fx_error *err) {
    struct incident_telling t;

    FX_TRY(incident_load(work, incident_id, &t, err));
    fx_json_remove(t.body, "storm");
    return incident_write(&t, err);
}

enum fx_code engine_incident_verdict(struct engine_work *work, const char *incident_id,
                                     const char *verdict, struct fx_error *err) {
    struct incident_telling t;

    FX_TRY(incident_load(work, incident_id, &t, err));
    fx_json_put(t.body, "verdict", fx_json_string(work->sc, verdict));
    return incident_write(&t, err);
}

enum fx_code engine_incident_note(struct engine_run *run, const char *text, struct fx_error *err) {
    struct engine_work *work = run->work;
    struct incident_telling t;

    FX_TRY(incident_load(work, run->row->incident, &t, err));
    engine_add_to_timeline(work->sc, t.body, work->now_ms, text);
    struct fx_json *entry = fx_json_item(fx_json_at(t.body, "timeline"),
                                         fx_json_count(fx_json_at(t.body, "timeline")) - 1);

    fx_json_put(entry, "requester", fx_json_string(work->sc, run->row->requester));
    fx_json_put(entry, "approver", fx_json_string(work->sc, engine_approver(run->values)));
    if (fx_json_count(engine_approvers(run->values)) > 1)
        fx_json_put(entry, "approvers", fx_json_copy(work->sc, engine_approvers(run->values)));
    return incident_write(&t, err);
}
