/* incident_watch.c - what happens to an incident by the clock alone: a page when nobody has
 * acknowledged it in time, and the end of a snooze.
 *
 * Both times stand in the incident, and the job "watch" looks at them: it may come too early or
 * twice, and then does nothing. The page and the row that says it was sent are written together, so
 * that whoever dies in between is followed by one page, not by none and not by two.
 */
#include "incidents.h"
#include "notices.h"

#include "fluxabot/base/log.h"

#include <string.h>

static void watch_at(struct engine_work *work, const char *incident_id, int64_t due_ms) {
    fx_writes_job(work->sc, &work->writes, "watch", incident_id, due_ms);
}

int64_t engine_snoozed_until(const struct fx_json *body, int64_t now_ms) {
    int64_t until_ms = fx_json_get_int(fx_json_at(body, "snooze"), "until", 0);

    return until_ms > now_ms ? until_ms : 0;
}

void incident_keep_snooze(struct fx_scope *sc, struct fx_json *body, const struct fx_json *before,
                          int64_t now_ms) {
    if (engine_snoozed_until(before, now_ms) > 0)
        fx_json_put(body, "snooze", fx_json_copy(sc, fx_json_at(before, "snooze")));
}

/* ---- paging ---- */

void incident_page_now(struct incident_telling *t, const char *actor, const char *why) {
    struct fx_scope *sc = t->work->sc;

    t->incident->paged = true;
    fx_json_remove(t->body, "page_due");
    fx_writes_audit(sc, &t->work->writes, actor, "page.triggered", t->incident->id,
                    fx_json_object_of(sc, "key", fx_json_string(sc, t->incident->key), "why",
                                      fx_json_string(sc, why), NULL));
    incident_page(t->work, t->system, t->incident, FX_PAGE_TRIGGER, t->body);
}

/* Counted from now, also for an alarm that began long ago: nobody could see it before. */
void incident_begin_paging(struct incident_telling *t) {
    struct engine_work *work = t->work;
    int64_t wait_ms =
        strcmp(t->incident->severity, "critical") == 0 ? 0 : t->system->ack_timeout_ms;
    int64_t due_ms = work->now_ms + wait_ms;
    int64_t snoozed_ms = engine_snoozed_until(t->body, work->now_ms);

    fx_json_remove(t->body, "page_due");
    /* at once: of two that open at the same moment, the second to be stored sees both */
    if (incident_may_propose(t))
        watch_at(work, t->incident->id, work->now_ms);
    if (snoozed_ms > 0)
        watch_at(work, t->incident->id, snoozed_ms);
    if (!t->incident->paged || work->engine->options.pagerduty == NULL)
        return;
    if (due_ms < snoozed_ms)
        due_ms = snoozed_ms;
    if (due_ms <= work->now_ms) {
        incident_page(work, t->system, t->incident, FX_PAGE_TRIGGER, t->body);
        return;
    }
    t->incident->paged = false;
    fx_json_put(t->body, "page_due", fx_json_int(work->sc, due_ms));
    watch_at(work, t->incident->id, due_ms);
}

/* ---- snoozing ---- */

enum fx_code engine_snooze(struct engine_work *work, const char *incident_id, const char *user,
                           int64_t for_ms, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct incident_telling t;
    int64_t until_ms = work->now_ms + for_ms;

    FX_TRY(incident_load(work, incident_id, &t, err));
    if (t.incident->state == FX_INCIDENT_CLOSED)
        return fx_fail(err, FX_ERR_CONFLICT, "it is over already");
    fx_json_put(t.body, "snooze",
                fx_json_object_of(sc, "until", fx_json_int(sc, until_ms), "by",
                                  fx_json_string(sc, user), "at", fx_json_int(sc, work->now_ms),
                                  NULL));
    if (fx_json_get_int(t.body, "page_due", INT64_MAX) < until_ms)
        fx_json_put(t.body, "page_due", fx_json_int(sc, until_ms));
    engine_add_to_timeline(sc, t.body, work->now_ms,
                           fx_printf(sc, "snoozed for %s", fx_duration(sc, for_ms)));
    fx_writes_audit(sc, &work->writes, user, "incident.snoozed", incident_id,
                    fx_json_object_of(sc, "until", fx_json_int(sc, until_ms), NULL));
    watch_at(work, incident_id, until_ms);
    return incident_write(&t, err);
}

/* Whoever ends it is there, so the time to acknowledge begins anew. */
enum fx_code engine_wake(struct engine_work *work, const char *incident_id, const char *user,
                         struct fx_error *err) {
    struct incident_telling t;

    FX_TRY(incident_load(work, incident_id, &t, err));
    if (engine_snoozed_until(t.body, work->now_ms) == 0)
        return fx_fail(err, FX_ERR_CONFLICT, "it is not snoozed");
    fx_json_remove(t.body, "snooze");
    if (fx_json_at(t.body, "page_due") != NULL) {
        int64_t due_ms = work->now_ms + t.system->ack_timeout_ms;

        fx_json_put(t.body, "page_due", fx_json_int(work->sc, due_ms));
        watch_at(work, incident_id, due_ms);
    }
    engine_add_to_timeline(work->sc, t.body, work->now_ms, "the snooze was ended");
    fx_writes_audit(work->sc, &work->writes, user, "incident.snooze_ended", incident_id, NULL);
    return incident_write(&t, err);
}

/* ---- the job "watch" ---- */

static enum fx_code tell_in_thread(struct incident_telling *t, const char *what,
                                   struct fx_json *verdict, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;

    if (incident_storm(t->body) != NULL)
        return FX_OK;
    return engine_put_card(
        t->work,
        fx_printf(sc, "incident:%s:%s:%lld", t->incident->id, what, (long long)t->work->now_ms),
        fx_printf(sc, "incident:%s", t->incident->id), t->system->channel,
        fx_json_object_of(sc, "verdict", verdict, NULL), err);
}

static enum fx_code end_snooze(struct incident_telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;

    fx_json_remove(t->body, "snooze");
    engine_add_to_timeline(sc, t->body, t->work->now_ms, "the snooze is over");
    fx_writes_audit(sc, &t->work->writes, "fluxabot", "incident.snooze_ended", t->incident->id,
                    NULL);
    return tell_in_thread(
        t, "snooze",
        fx_json_array_of(sc,
                         fx_json_stringf(sc, "The snooze is over, and %s is still in alarm since ",
                                         fx_json_text(fx_json_at_path(t->body, "alarm.name"))),
                         engine_time(sc, t->incident->opened_ms), fx_json_string(sc, "."), NULL),
        err);
}

static enum fx_code page_unacknowledged(struct incident_telling *t, struct fx_error *err) {
    struct fx_scope *sc = t->work->sc;

    if (t->work->engine->options.pagerduty == NULL || t->system->no_automatic_pages) {
        fx_json_remove(t->body, "page_due");
        return FX_OK;
    }
    incident_page_now(t, "fluxabot", "nobody acknowledged it in time");
    engine_add_to_timeline(sc, t->body, t->work->now_ms,
                           "nobody acknowledged it, so on-call is paged");
    fx_log(sc, FX_LOG_WARN, "page.unacknowledged", FX_S("incident", t->incident->id));
    return tell_in_thread(t, "paged",
                          fx_json_stringf(sc, "Nobody has acknowledged %s, so on-call is paged.",
                                          fx_json_text(fx_json_at_path(t->body, "alarm.name"))),
                          err);
}

enum fx_code engine_watch(struct engine_work *work, struct fx_error *err) {
    struct incident_telling t;
    enum fx_code code = incident_load(work, work->job->subject, &t, err);

    if (code == FX_ERR_NOT_FOUND) /* its system is no longer configured */
        return FX_OK;
    FX_TRY(code);
    if (t.incident->state == FX_INCIDENT_CLOSED)
        return FX_OK;
    bool ends =
        fx_json_at(t.body, "snooze") != NULL && engine_snoozed_until(t.body, work->now_ms) == 0;

    bool proposed = false;

    if (ends)
        FX_TRY(end_snooze(&t, err));
    FX_TRY(incident_propose(&t, &proposed, err));
    int64_t snoozed_ms = engine_snoozed_until(t.body, work->now_ms);
    int64_t page_ms = fx_json_get_int(t.body, "page_due", 0);
    bool pages = page_ms > 0 && page_ms <= work->now_ms && snoozed_ms == 0 &&
                 t.incident->acked_by[0] == '\0';

    if (pages)
        FX_TRY(page_unacknowledged(&t, err));
    else if (page_ms > 0 || snoozed_ms > 0) /* this came before its time */
        watch_at(work, t.incident->id, snoozed_ms > page_ms || page_ms == 0 ? snoozed_ms : page_ms);
    return ends || pages || proposed ? incident_write(&t, err) : FX_OK;
}
