/* incidents.c - what an alarm does: a card, a page, a triage; until it is over. */
#include "private.h"

#include "fluxabot/base/log.h"
#include "fluxabot/pagerduty.h"

#include <string.h>

enum {
    /* a look into a queue hides its messages, which can end the alarm and begin it anew: without a
     * pause each look would start the next */
    TRIAGE_COOLDOWN_MS = 30 * 60 * 1000,
};

/* ---- the page ---- */

static void page(struct engine_work *work, const struct fx_engine_system *system,
                 const struct fx_incident *incident, enum fx_page_action action,
                 const struct fx_json *body) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *alarm = fx_json_at(body, "alarm");

    if (work->engine->options.pagerduty == NULL || !incident->paged)
        return;
    struct fx_json *event = fx_pagerduty_event(
        sc, &(struct fx_page){.action = action,
                              .key = incident->key,
                              .summary =
                                  fx_printf(sc, "%s (%s)", incident->title, incident->environment),
                              .source = incident->key,
                              .severity = incident->severity,
                              .component = fx_json_get_text(alarm, "name"),
                              .group = incident->system,
                              .class_ = fx_json_get_text(alarm, "namespace"),
                              .at_ms = incident->changed_ms,
                              .details = alarm,
                              .link = engine_console_url(sc, alarm),
                              .link_text = "Alarm in CloudWatch"});

    fx_writes_message(
        sc, &work->writes,
        &(struct fx_message){.kind = FX_MESSAGE_PAGE,
                             /* one key: a trigger that has to wait is not overtaken by its
                              * resolve, which would leave the page open for good */
                             .key = fx_printf(sc, "page:%s", incident->id),
                             .parent = "",
                             .channel = system->channel,
                             .user = "",
                             .response_url = "",
                             .payload_json = fx_json_dump(sc, event),
                             .due_ms = work->now_ms,
                             .created_ms = work->now_ms});
}

/* ---- what an alarm changes ---- */

struct telling {
    struct engine_work *work;
    const struct fx_engine_system *system;
    const char *environment;
    const struct fx_alarm *alarm;
    const struct engine_finding *found; /* NULL: a notification told it */
    const struct fx_alarm_route *route; /* NULL: nobody described this alarm */
    struct fx_incident *incident;
    struct fx_json *body;
    /* what was known of the alarm's key when this was decided; NULL: it is about one incident */
    const char *seen_id;
    int64_t seen_version;
};

/* All that an alarm writes: not over what another alarm of the same key has changed meanwhile. */
static void put_incident(struct telling *t) {
    if (t->seen_id != NULL && strcmp(t->incident->key, t->alarm->key) == 0) {
        t->incident->seen_id = t->seen_id;
        t->incident->seen_version = t->seen_version;
    }
    fx_writes_incident(t->work->sc, &t->work->writes, t->incident);
}

static bool is_over(const struct telling *t) {
    return t->found != NULL && t->found->over;
}

static void note_finding(struct telling *t) {
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

static enum fx_code write_incident(struct telling *t, struct fx_error *err) {
    if (t->found != NULL)
        note_finding(t);
    t->incident->body_json = fx_json_dump(t->work->sc, t->body);
    put_incident(t);
    /* its end comes at once and has the card: nobody should read "is in alarm" any more */
    if (is_over(t) && t->incident->state == FX_INCIDENT_OPEN)
        return FX_OK;
    return engine_incident_card(t->work, t->system, t->incident, err);
}

/* With the incident itself. */
static enum fx_code start_triage(struct telling *t, struct fx_error *err) {
    struct engine_work *work = t->work;

    fx_json_put(t->body, "triaged", fx_json_int(work->sc, work->now_ms));
    FX_TRY(write_incident(t, err));
    for (size_t i = 0; t->route != NULL && i < t->route->triage_count; i++) {
        const struct fx_runbook *runbook = NULL;
        struct fx_json *arguments = NULL;
        struct fx_slice rest;

        fx_system_match(t->system->system, fx_slice_of(t->route->triage[i]), &runbook, &rest);
        if (runbook == NULL) /* check has made sure of it */
            continue;
        FX_TRY(fx_runbook_arguments(work->sc, runbook, rest, &arguments, err));
        FX_TRY(engine_start_run(
            work,
            &(struct engine_ask){.system = t->system,
                                 .runbook = runbook,
                                 .arguments = arguments,
                                 .environment = t->environment,
                                 .trigger = "alarm",
                                 .requester = "",
                                 .channel = t->system->channel,
                                 .response_url = "",
                                 .parent = fx_printf(work->sc, "incident:%s", t->incident->id),
                                 .incident = t->incident->id},
            err));
    }
    return FX_OK;
}

/* When the newest alarm that was told began. */
static void note_alarm(struct telling *t) {
    if (t->alarm->state == FX_ALARM_STATE_ALARM)
        fx_json_put(t->body, "alarmed", fx_json_int(t->work->sc, t->alarm->changed_ms));
}

static void fill_body(struct telling *t) {
    struct fx_scope *sc = t->work->sc;

    t->body = fx_json_object_of(
        sc, "alarm", engine_alarm_body(sc, t->alarm), "cause",
        t->route == NULL || t->route->cause == NULL ? NULL : fx_json_string(sc, t->route->cause),
        "first_action",
        t->route == NULL || t->route->first_action == NULL
            ? NULL
            : fx_json_string(sc, t->route->first_action),
        "_buttons", engine_route_buttons(sc, t->system, t->route), "timeline", fx_json_array(sc),
        NULL);
    note_alarm(t);
}

static void new_incident(struct telling *t) {
    struct engine_work *work = t->work;
    struct fx_scope *sc = work->sc;
    bool note = t->alarm->state == FX_ALARM_STATE_NOTE;
    const char *severity = t->route != NULL ? t->route->severity : note ? "low" : "medium";

    fill_body(t);
    t->incident = FX_NEW(sc, struct fx_incident);
    *t->incident = (struct fx_incident){
        .id = engine_id(work, "inc-"),
        .system = t->system->system->name,
        .environment = t->environment,
        .key = note ? fx_printf(sc, "%s#%s", t->alarm->key, work->job->subject) : t->alarm->key,
        .title = note ? t->alarm->name : fx_printf(sc, "%s is in alarm", t->alarm->name),
        .severity = severity,
        .state = note ? FX_INCIDENT_CLOSED : FX_INCIDENT_OPEN,
        .opened_ms = t->alarm->changed_ms,
        .closed_ms = note ? t->alarm->changed_ms : 0,
        .changed_ms = t->alarm->changed_ms,
        .seen = 1,
        .acked_by = "",
        .paged = !note && t->route != NULL && t->route->page};
}

/* It is over, so nobody is paged and nothing is started; but it was, so it is told. */
static void note_late(struct telling *t) {
    engine_add_to_timeline(t->work->sc, t->body, t->alarm->changed_ms,
                           "in alarm; this was told only after it was over");
    fx_writes_audit(t->work->sc, &t->work->writes, "alarm", "incident.told_late", t->incident->id,
                    NULL);
}

/* Is told when its end is, which follows at once. */
static enum fx_code begin_late(struct telling *t, struct fx_error *err) {
    t->incident->paged = false;
    fx_json_put(t->body, "late", fx_json_bool(t->work->sc, true));
    note_late(t);
    return write_incident(t, err);
}

static enum fx_code open_incident(struct telling *t, struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_scope *sc = work->sc;
    bool note = t->alarm->state == FX_ALARM_STATE_NOTE;

    new_incident(t);
    fx_writes_audit(sc, &work->writes, "alarm", "incident.opened", t->incident->id,
                    fx_json_object_of(sc, "alarm", fx_json_string(sc, t->alarm->name), NULL));
    if (is_over(t))
        return begin_late(t, err);
    page(work, t->system, t->incident, FX_PAGE_TRIGGER, t->body);
    return note ? write_incident(t, err) : start_triage(t, err);
}

/* A note has no life: one plain card, nothing to close. */
static enum fx_code note_event(struct telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;

    fill_body(t);
    return engine_put_card(
        t->work, fx_printf(sc, "note:%s", t->work->job->subject), "", t->system->channel,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, t->alarm->name), "tone", fx_json_string(sc, "plain"),
            "verdict", t->alarm->reason[0] == '\0' ? NULL : fx_json_string(sc, t->alarm->reason),
            "lines",
            engine_alarm_details(
                sc, fx_json_object_of(
                        sc, "alarm",
                        fx_json_object_of(sc, "extra",
                                          fx_json_at(fx_json_at(t->body, "alarm"), "extra"), NULL),
                        NULL)),
            "context",
            fx_json_stringf(sc, "Not an alarm with a state: nothing was started (%s)",
                            fx_alarm_shape_name(t->alarm->shape)),
            NULL),
        err);
}

static enum fx_code reopen_incident(struct telling *t, struct fx_error *err) {
    bool told = t->incident->seen > 0;

    if (!told) /* an OK without an alarm was all that was known of it */
        t->incident->opened_ms = t->alarm->changed_ms;
    t->incident->state = FX_INCIDENT_OPEN;
    t->incident->closed_ms = 0;
    t->incident->changed_ms = t->alarm->changed_ms;
    t->incident->acked_by = "";
    t->incident->paged = t->route != NULL && t->route->page;
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    fx_json_remove(t->body, "ending");
    fx_json_remove(t->body, "late");
    bool again = t->work->now_ms - fx_json_get_int(t->body, "triaged", 0) >= TRIAGE_COOLDOWN_MS;

    if (again)
        fx_json_remove(t->body, "verdict");
    note_alarm(t);
    if (told && !is_over(t))
        engine_add_to_timeline(t->work->sc, t->body, t->alarm->changed_ms, "in alarm again");
    fx_writes_audit(t->work->sc, &t->work->writes, "alarm", "incident.reopened", t->incident->id,
                    NULL);
    if (is_over(t))
        return begin_late(t, err);
    page(t->work, t->system, t->incident, FX_PAGE_TRIGGER, t->body);
    return again ? start_triage(t, err) : write_incident(t, err);
}

static enum fx_code repeat_incident(struct telling *t, struct fx_error *err) {
    t->incident->changed_ms = t->alarm->changed_ms;
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    note_alarm(t);
    return write_incident(t, err);
}

/* The OK has overtaken its alarm, or came alone: nothing to tell, but what comes late must find it.
 */
static void remember_ok(struct telling *t) {
    new_incident(t);
    t->incident->state = FX_INCIDENT_CLOSED;
    t->incident->closed_ms = t->alarm->changed_ms;
    t->incident->seen = 0;
    t->incident->body_json = fx_json_dump(t->work->sc, t->body);
    put_incident(t);
}

/* The incident that is known was over long before: this one has a card of its own, which nobody has
 * to look for. */
static void separate_late(struct telling *t) {
    int64_t over_ms = t->incident->changed_ms;

    new_incident(t);
    t->incident->state = FX_INCIDENT_CLOSED;
    t->incident->closed_ms = t->incident->changed_ms = over_ms;
    t->incident->paged = false;
    t->incident->seen = 0;
}

static enum fx_code tell_late(struct telling *t, struct fx_error *err) {
    if (t->alarm->changed_ms - t->incident->closed_ms > FX_INCIDENT_REOPEN_WITHIN_MS)
        separate_late(t);
    if (t->incident->seen == 0)
        t->incident->opened_ms = t->alarm->changed_ms;
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    note_alarm(t);
    note_late(t);
    return write_incident(t, err);
}

static bool is_late(const struct telling *t, const struct fx_incident_facts *facts) {
    return facts->exists && !facts->open && t->alarm->state == FX_ALARM_STATE_ALARM &&
           t->alarm->changed_ms > facts->alarmed_ms && !fx_incident_knows(t->alarm, facts);
}

/* What those in the thread are told. */
static enum fx_code tell_end(struct telling *t, const char *lasted, const char *ending,
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

static enum fx_code close_incident(struct telling *t, struct fx_error *err) {
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
    fx_writes_audit(
        sc, &t->work->writes, "alarm", "incident.closed", t->incident->id,
        ending == NULL ? NULL : fx_json_object_of(sc, "why", fx_json_string(sc, ending), NULL));
    page(t->work, t->system, t->incident, FX_PAGE_RESOLVE, t->body);
    if (!fx_json_get_bool(t->body, "late", false)) /* its first card says it all */
        FX_TRY(tell_end(t, lasted, ending, err));
    return write_incident(t, err);
}

enum fx_code engine_alarm(struct engine_work *work, const struct fx_engine_system *system,
                          const char *environment, const struct fx_alarm *alarm,
                          const struct engine_finding *found, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct telling t = {
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
        return open_incident(&t, err);
    case FX_INCIDENT_REOPENS:
        return reopen_incident(&t, err);
    case FX_INCIDENT_REPEATS:
        return repeat_incident(&t, err);
    case FX_INCIDENT_CLOSES:
        return close_incident(&t, err);
    case FX_INCIDENT_NOTES:
        return note_event(&t, err);
    case FX_INCIDENT_IGNORES:
        break;
    }
    if (is_late(&t, &facts))
        return tell_late(&t, err);
    if (t.incident == NULL && alarm->state == FX_ALARM_STATE_OK)
        remember_ok(&t);
    /* a newer OK of a closed incident still makes a late, older ALARM old */
    else if (t.incident != NULL && alarm->changed_ms > t.incident->changed_ms) {
        t.incident->changed_ms = alarm->changed_ms;
        put_incident(&t);
    }
    fx_log(work->sc, FX_LOG_INFO, "alarm.ignored", FX_S("name", alarm->name));
    return FX_OK;
}

/* ---- what people and runs change ---- */

static enum fx_code load(struct engine_work *work, const char *incident_id, struct telling *ret,
                         struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;

    *ret = (struct telling){.work = work};
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
    struct telling t;

    FX_TRY(load(work, incident_id, &t, err));
    if (t.incident->acked_by[0] != '\0')
        return fx_fail(err, FX_ERR_CONFLICT, "it was acknowledged already");
    if (t.incident->state == FX_INCIDENT_CLOSED)
        return fx_fail(err, FX_ERR_CONFLICT, "it is over already");
    t.incident->acked_by = user;
    t.incident->acked_ms = work->now_ms;
    fx_writes_audit(work->sc, &work->writes, user, "incident.acknowledged", incident_id, NULL);
    page(work, t.system, t.incident, FX_PAGE_ACKNOWLEDGE, t.body);
    return write_incident(&t, err);
}

enum fx_code engine_incident_verdict(struct engine_work *work, const char *incident_id,
                                     const char *verdict, struct fx_error *err) {
    struct telling t;

    FX_TRY(load(work, incident_id, &t, err));
    fx_json_put(t.body, "verdict", fx_json_string(work->sc, verdict));
    return write_incident(&t, err);
}

enum fx_code engine_incident_note(struct engine_run *run, const char *text, struct fx_error *err) {
    struct engine_work *work = run->work;
    struct telling t;

    FX_TRY(load(work, run->row->incident, &t, err));
    engine_add_to_timeline(work->sc, t.body, work->now_ms, text);
    struct fx_json *entry = fx_json_item(fx_json_at(t.body, "timeline"),
                                         fx_json_count(fx_json_at(t.body, "timeline")) - 1);

    fx_json_put(entry, "requester", fx_json_string(work->sc, run->row->requester));
    fx_json_put(entry, "approver", fx_json_string(work->sc, engine_approver(run->values)));
    if (fx_json_count(engine_approvers(run->values)) > 1)
        fx_json_put(entry, "approvers", fx_json_copy(work->sc, engine_approvers(run->values)));
    return write_incident(&t, err);
}
