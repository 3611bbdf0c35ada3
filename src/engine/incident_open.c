/* incident_open.c - an incident begins, or lives again: a card, a page, a triage; or a place in a
 * storm. */
#include "files.h"
#include "incidents.h"

#include <string.h>

enum {
    /* a look into a queue hides its messages, which can end the alarm and begin it anew: without a
     * pause each look would start the next */
    TRIAGE_COOLDOWN_MS = 30 * 60 * 1000,
};

/* as: environment, trigger and requester; requester "": nobody asked. What is started is added to
 * started. */
static enum fx_code start_runs(struct incident_telling *t, const struct engine_ask *as,
                               const char *const *lines, size_t count, struct fx_json *started,
                               struct fx_error *err) {
    struct engine_work *work = t->work;

    for (size_t i = 0; i < count; i++) {
        struct engine_ask ask = *as;
        struct fx_json *arguments = NULL;
        struct fx_slice rest;

        fx_system_match(t->system->system, fx_slice_of(lines[i]), &ask.runbook, &rest);
        if (ask.runbook == NULL) /* check has made sure of it */
            continue;
        /* an alarm may read for everybody; a person reads what his role lets him */
        if (as->requester[0] != '\0' && strcmp(ask.runbook->role, "operator") != 0)
            continue;
        fx_json_add(started, fx_json_string(work->sc, lines[i]));
        FX_TRY(fx_runbook_arguments(work->sc, ask.runbook, rest, &arguments, err));
        ask.arguments = arguments;
        ask.system = t->system;
        ask.channel = t->system->channel;
        ask.response_url = "";
        ask.parent = fx_printf(work->sc, "incident:%s", t->incident->id);
        ask.incident = t->incident->id;
        FX_TRY(engine_start_run(work, &ask, err));
    }
    return FX_OK;
}

enum fx_code incident_start_runs(struct incident_telling *t, const char *trigger,
                                 const char *const *lines, size_t count, struct fx_error *err) {
    const struct engine_ask as = {
        .environment = t->environment, .trigger = trigger, .requester = ""};

    return start_runs(t, &as, lines, count, fx_json_array(t->work->sc), err);
}

/* With the incident itself. */
static enum fx_code start_triage(struct incident_telling *t, struct fx_error *err) {
    fx_json_put(t->body, "triaged", fx_json_int(t->work->sc, t->work->now_ms));
    FX_TRY(incident_write(t, err));
    engine_want_picture(t->work, t->incident, t->alarm);
    if (t->route == NULL)
        return FX_OK;
    return incident_start_runs(t, "alarm", t->route->triage, t->route->triage_count, err);
}

/* By the name it had when it opened, else by what is known of the alarm. */
static const struct fx_alarm_route *route_of(const struct fx_system *system,
                                             const struct fx_json *body) {
    const char *name = fx_json_get_text(body, "route");
    const struct fx_json *alarm = fx_json_at(body, "alarm");

    for (size_t i = 0; name != NULL && i < system->routes_count; i++)
        if (strcmp(system->routes[i].name, name) == 0)
            return &system->routes[i];
    return fx_system_route(system, fx_json_get_text(alarm, "name"),
                           fx_json_get_text(alarm, "namespace"), fx_json_get_text(alarm, "metric"),
                           NULL);
}

enum fx_code incident_look_again(struct incident_telling *t, const char *user,
                                 struct fx_json *started, struct fx_error *err) {
    const struct engine_ask as = {
        .environment = t->incident->environment, .trigger = "button", .requester = user};

    t->route = route_of(t->system->system, t->body);
    if (t->route == NULL)
        return FX_OK;
    return start_runs(t, &as, t->route->triage, t->route->triage_count, started, err);
}

static void fill_body(struct incident_telling *t) {
    struct fx_scope *sc = t->work->sc;
    const struct fx_json *before = t->body;

    t->body = fx_json_object_of(
        sc, "alarm", engine_alarm_body(sc, t->alarm), "cause",
        t->route == NULL || t->route->cause == NULL ? NULL : fx_json_string(sc, t->route->cause),
        "first_action",
        t->route == NULL || t->route->first_action == NULL
            ? NULL
            : fx_json_string(sc, t->route->first_action),
        "route", t->route == NULL ? NULL : fx_json_string(sc, t->route->name), "_buttons",
        engine_route_buttons(sc, t->system, t->route), "timeline", fx_json_array(sc), NULL);
    incident_keep_snooze(sc, t->body, before, t->work->now_ms);
    engine_keep_told(sc, t->body, before);
    incident_note_alarm(t);
}

static bool pages(const struct incident_telling *t) {
    return t->route != NULL && t->route->page && !t->system->no_automatic_pages;
}

static void new_incident(struct incident_telling *t) {
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
        .paged = !note && pages(t)};
}

/* It is over, so nobody is paged and nothing is started; but it was, so it is told. */
static void note_late(struct incident_telling *t) {
    engine_add_to_timeline(t->work->sc, t->body, t->alarm->changed_ms,
                           "in alarm; this was told only after it was over");
    fx_writes_audit(t->work->sc, &t->work->writes, "alarm", "incident.told_late", t->incident->id,
                    NULL);
}

/* Is told when its end is, which follows at once. */
static enum fx_code begin_late(struct incident_telling *t, struct fx_error *err) {
    t->incident->paged = false;
    fx_json_put(t->body, "late", fx_json_bool(t->work->sc, true));
    note_late(t);
    return incident_write(t, err);
}

enum fx_code incident_open(struct incident_telling *t, struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_scope *sc = work->sc;

    new_incident(t);
    fx_writes_audit(sc, &work->writes, "alarm", "incident.opened", t->incident->id,
                    fx_json_object_of(sc, "alarm", fx_json_string(sc, t->alarm->name), NULL));
    FX_TRY(incident_count(t, err));
    if (incident_is_over(t))
        return begin_late(t, err);
    incident_begin_paging(t);
    return incident_storm(t->body) != NULL ? incident_write(t, err) : start_triage(t, err);
}

/* A note has no life: one plain card, nothing to close. */
static enum fx_code put_note(struct incident_telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;

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

/* In a storm it is kept as an incident that is over, so that it can be listed. */
enum fx_code incident_note(struct incident_telling *t, struct fx_error *err) {
    new_incident(t);
    FX_TRY(incident_count(t, err));
    return incident_storm(t->body) != NULL ? incident_write(t, err) : put_note(t, err);
}

enum fx_code incident_reopen(struct incident_telling *t, struct fx_error *err) {
    bool told = t->incident->seen > 0;

    if (!told) /* an OK without an alarm was all that was known of it */
        t->incident->opened_ms = t->alarm->changed_ms;
    t->incident->state = FX_INCIDENT_OPEN;
    t->incident->closed_ms = 0;
    t->incident->changed_ms = t->alarm->changed_ms;
    t->incident->acked_by = "";
    t->incident->paged = pages(t);
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    fx_json_remove(t->body, "ending");
    fx_json_remove(t->body, "late");
    incident_forget_proposal(t);
    bool again = t->work->now_ms - fx_json_get_int(t->body, "triaged", 0) >= TRIAGE_COOLDOWN_MS;

    if (again)
        fx_json_remove(t->body, "verdict");
    incident_note_alarm(t);
    if (told && !incident_is_over(t))
        engine_add_to_timeline(t->work->sc, t->body, t->alarm->changed_ms, "in alarm again");
    fx_writes_audit(t->work->sc, &t->work->writes, "alarm", "incident.reopened", t->incident->id,
                    NULL);
    FX_TRY(incident_count(t, err));
    if (incident_is_over(t))
        return begin_late(t, err);
    incident_begin_paging(t);
    return again && incident_storm(t->body) == NULL ? start_triage(t, err) : incident_write(t, err);
}

/* The OK has overtaken its alarm, or came alone: nothing to tell, but what comes late must find it.
 */
void incident_remember_ok(struct incident_telling *t) {
    new_incident(t);
    t->incident->state = FX_INCIDENT_CLOSED;
    t->incident->closed_ms = t->alarm->changed_ms;
    t->incident->seen = 0;
    t->incident->body_json = fx_json_dump(t->work->sc, t->body);
    incident_put(t);
}

/* The incident that is known was over long before: this one has a card of its own, which nobody has
 * to look for. */
static void separate_late(struct incident_telling *t) {
    int64_t over_ms = t->incident->changed_ms;

    new_incident(t);
    t->incident->state = FX_INCIDENT_CLOSED;
    t->incident->closed_ms = t->incident->changed_ms = over_ms;
    t->incident->paged = false;
    t->incident->seen = 0;
}

enum fx_code incident_tell_late(struct incident_telling *t, struct fx_error *err) {
    if (t->alarm->changed_ms - t->incident->closed_ms > FX_INCIDENT_REOPEN_WITHIN_MS)
        separate_late(t);
    if (t->incident->seen == 0)
        t->incident->opened_ms = t->alarm->changed_ms;
    t->incident->seen++;
    fx_json_put(t->body, "alarm", engine_alarm_body(t->work->sc, t->alarm));
    incident_note_alarm(t);
    note_late(t);
    return incident_write(t, err);
}
