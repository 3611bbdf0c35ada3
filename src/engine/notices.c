/* notices.c - what a person tells the bot about an alarm: that somebody has it, that it is to be
 * quiet for a while, that somebody must be woken.
 *
 * Each is rows among the writes of the run's job, so that it is done once whatever dies. Nothing
 * here waits for an approval, nor for a freeze to end: none of it changes what AWS does.
 */
#include "notices.h"
#include "incidents.h"

#include "fluxabot/base/redact.h"

#include <string.h>

static const char page_open[] = "open", page_none[] = "none";

struct notice {
    struct engine_run *run;
    const struct fx_json *params;
    const char *user;
    struct incident_telling about; /* incident NULL: it is about none */
    struct fx_json *value;
};

/* ---- whom it is about ---- */

static bool is_of_run(const struct engine_run *run, const struct fx_incident *incident) {
    return strcmp(incident->system, run->row->system) == 0 &&
           strcmp(incident->environment, run->row->environment) == 0;
}

static enum fx_code find_by_name(const struct notice *n, const char *name, const char **ret_id,
                                 struct fx_error *err) {
    struct fx_store *store = n->run->work->engine->options.store;
    struct fx_scope *sc = n->run->work->sc;
    struct fx_incident **open = NULL;
    size_t count = 0;

    FX_TRY(store->incidents(store, sc, n->run->row->system, true, FX_STORE_MAX_ROWS, &open, &count,
                            err));
    for (size_t i = 0; i < count; i++) {
        struct fx_json *body = NULL;

        if (!is_of_run(n->run, open[i]))
            continue;
        FX_TRY(fx_json_parse(sc, fx_slice_of(open[i]->body_json), &body, err));
        const char *alarm = fx_json_text(fx_json_at_path(body, "alarm.name"));

        if (alarm == NULL || strcmp(alarm, name) != 0)
            continue;
        *ret_id = open[i]->id;
        return FX_OK;
    }
    return fx_fail(err, FX_ERR_NOT_FOUND,
                   "no alarm that is called %.80s is open in %s; %s alarms lists what fires", name,
                   n->run->row->environment, n->run->system->command);
}

/* An id, a name, or what stands on the card whose button was pressed. */
static enum fx_code find_incident(struct notice *n, struct fx_error *err) {
    struct engine_work *work = n->run->work;
    const char *which = fx_json_get_text(n->params, "which"), *id = n->run->row->incident;

    if (which != NULL && which[0] != '\0') {
        id = which;
        if (strncmp(which, "inc-", 4) != 0)
            FX_TRY(find_by_name(n, which, &id, err));
    }
    if (id[0] == '\0')
        return FX_OK;
    FX_TRY(incident_load(work, id, &n->about, err));
    if (!is_of_run(n->run, n->about.incident))
        return fx_fail(err, FX_ERR_NOT_FOUND, "the incident %s belongs to %s, %s", id,
                       n->about.incident->system, n->about.incident->environment);
    return FX_OK;
}

/* ---- what is told ---- */

static void say_who_has_it(struct notice *n) {
    struct fx_scope *sc = n->run->work->sc;
    const struct fx_incident *incident = n->about.incident;
    int64_t until_ms = engine_snoozed_until(n->about.body, n->run->work->now_ms);

    if (incident == NULL)
        return;
    fx_json_put(n->value, "id", fx_json_string(sc, incident->id));
    fx_json_put(n->value, "about",
                fx_json_string(sc, fx_json_text(fx_json_at_path(n->about.body, "alarm.name"))));
    if (incident->acked_by[0] != '\0') {
        fx_json_put(n->value, "acked_by", fx_json_string(sc, incident->acked_by));
        fx_json_put(n->value, "acked_at", fx_json_int(sc, incident->acked_ms));
    }
    if (until_ms > 0)
        fx_json_put(n->value, "snoozed_until", fx_json_int(sc, until_ms));
}

/* Told as an answer: it is no failure that somebody was quicker, or that an alarm is over. */
static enum fx_code settle(struct notice *n, enum fx_code code, const struct fx_error *why,
                           struct fx_error *err) {
    struct fx_scope *sc = n->run->work->sc;

    if (code != FX_OK && code != FX_ERR_CONFLICT && code != FX_ERR_NOT_FOUND) {
        *err = *why;
        return code;
    }
    fx_json_put(n->value, "done", fx_json_bool(sc, code == FX_OK));
    if (code != FX_OK)
        fx_json_put(n->value, "why", fx_json_string(sc, fx_strdup(sc, why->message)));
    return FX_OK;
}

/* ---- an incident ---- */

static enum fx_code acknowledge(struct notice *n, struct fx_error *err) {
    struct engine_work *work = n->run->work;

    FX_TRY(engine_acknowledge(work, n->about.incident->id, n->user, err));
    fx_json_put(n->value, "acked_by", fx_json_string(work->sc, n->user));
    fx_json_put(n->value, "acked_at", fx_json_int(work->sc, work->now_ms));
    return FX_OK;
}

static enum fx_code snooze(struct notice *n, struct fx_error *err) {
    struct engine_work *work = n->run->work;
    int64_t for_ms = fx_json_get_int(n->params, "for", FX_ENGINE_SNOOZE_MS);

    FX_TRY(engine_snooze(work, n->about.incident->id, n->user, for_ms, err));
    fx_json_put(n->value, "snoozed_until", fx_json_int(work->sc, work->now_ms + for_ms));
    return FX_OK;
}

static enum fx_code wake(struct notice *n, struct fx_error *err) {
    FX_TRY(engine_wake(n->run->work, n->about.incident->id, n->user, err));
    fx_json_remove(n->value, "snoozed_until");
    return FX_OK;
}

static enum fx_code triage(struct notice *n, struct fx_error *err) {
    struct fx_json *started = fx_json_array(n->run->work->sc);

    FX_TRY(incident_look_again(&n->about, n->user, started, err));
    fx_json_put(n->value, "started", started);
    return fx_json_count(started) > 0
               ? FX_OK
               : fx_fail(err, FX_ERR_NOT_FOUND,
                         "system.yaml names nothing that looks into this alarm by itself");
}

static enum fx_code tell_of_incident(struct notice *n, const char *what, struct fx_error *err) {
    static const struct {
        const char *what;
        enum fx_code (*tell)(struct notice *n, struct fx_error *err);
    } words[] = {
        {"acknowledge", acknowledge}, {"snooze", snooze}, {"wake", wake}, {"triage", triage}};

    FX_TRY(find_incident(n, err));
    if (n->about.incident == NULL)
        return fx_fail(err, FX_ERR_NOT_FOUND, "name the alarm, or press the button on its card");
    say_who_has_it(n);
    for (size_t i = 0; i < FX_COUNT_OF(words); i++)
        if (strcmp(words[i].what, what) == 0)
            return words[i].tell(n, err);
    return fx_fail(err, FX_ERR_INTERNAL, "nothing is known of %s", what);
}

/* ---- a page ---- */

static void say_where(struct notice *n, const char *key) {
    struct engine_work *work = n->run->work;
    const char *url = engine_page_url(work, key);

    fx_json_put(n->value, "key", fx_json_string(work->sc, fx_pagerduty_dedup_key(work->sc, key)));
    if (url != NULL)
        fx_json_put(n->value, "url", fx_json_string(work->sc, url));
}

static enum fx_code page_about_incident(struct notice *n, const char *reason,
                                        struct fx_error *err) {
    struct engine_work *work = n->run->work;
    struct incident_telling *t = &n->about;

    say_where(n, t->incident->key);
    if (t->incident->state == FX_INCIDENT_CLOSED)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the alarm is over already; to wake somebody all the same, page without it");
    fx_json_put(n->value, "again", fx_json_bool(work->sc, t->incident->paged));
    fx_json_put(t->body, "page_reason", fx_json_string(work->sc, reason));
    engine_add_to_timeline(work->sc, t->body, work->now_ms,
                           fx_printf(work->sc, "on-call is paged: %s", reason));
    struct fx_json *entry = fx_json_item(fx_json_at(t->body, "timeline"),
                                         fx_json_count(fx_json_at(t->body, "timeline")) - 1);

    fx_json_put(entry, "requester", fx_json_string(work->sc, n->user));
    incident_page_now(t, n->user, reason);
    return incident_write(t, err);
}

/* Until somebody resolves it, every one is the same page. */
static enum fx_code page_system(struct notice *n, bool resolve, const char *reason,
                                struct fx_error *err) {
    struct engine_work *work = n->run->work;
    struct fx_store *store = work->engine->options.store;
    struct fx_scope *sc = work->sc;
    const char *environment = n->run->row->environment, *was = "";
    const char *key = incident_system_page_key(sc, n->run->system, environment);
    const char *name = fx_printf(sc, "paged:%s", key);

    say_where(n, key);
    FX_TRY(store->setting(store, sc, name, &was, err));
    bool is_open = strcmp(was, page_open) == 0;

    if (resolve && !is_open)
        return fx_fail(err, FX_ERR_CONFLICT, "no page of this command is open");
    fx_json_put(n->value, "again", fx_json_bool(sc, is_open));
    incident_page_system(work, n->run->system, environment,
                         resolve ? FX_PAGE_RESOLVE : FX_PAGE_TRIGGER,
                         fx_printf(sc, "%s (%s)", reason, environment), n->user);
    fx_writes_setting_if(sc, &work->writes, name, resolve ? page_none : page_open, was);
    fx_writes_audit(sc, &work->writes, n->user, resolve ? "page.resolved" : "page.triggered",
                    n->run->row->id,
                    fx_json_object_of(sc, "key", fx_json_string(sc, key), "why",
                                      fx_json_string(sc, reason), NULL));
    return FX_OK;
}

static enum fx_code page(struct notice *n, bool resolve, struct fx_error *err) {
    struct engine_work *work = n->run->work;
    const char *given = fx_json_get_text(n->params, "reason");
    const char *reason = fx_redact(work->sc, given == NULL ? "" : given);

    if (work->engine->options.pagerduty == NULL)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "PagerDuty is not configured: whoever runs the bot has to set "
                       "pagerduty.routing_key. Call on-call by telephone");
    if (resolve)
        return page_system(n, true, reason, err);
    FX_TRY(find_incident(n, err));
    say_who_has_it(n);
    return n->about.incident != NULL ? page_about_incident(n, reason, err)
                                     : page_system(n, false, reason, err);
}

enum fx_code engine_notice(struct engine_run *run, const struct fx_json *params,
                           struct fx_json **ret_value, struct fx_error *err) {
    const char *what = fx_json_get_text(params, "do");
    bool resolve = strcmp(what, "resolve") == 0;
    struct notice n = {.run = run,
                       .params = params,
                       .user = run->row->requester,
                       .value = fx_json_object(run->work->sc)};
    struct fx_error why = {0};

    *ret_value = n.value;
    /* a trial at the terminal, a schedule, another command: check and policy let none through */
    if (run->has_no_row || n.user[0] == '\0')
        return fx_fail(err, FX_ERR_DENIED, "only a person who asks in Slack may do this");
    enum fx_code code = strcmp(what, "page") == 0 || resolve ? page(&n, resolve, &why)
                                                             : tell_of_incident(&n, what, &why);

    return settle(&n, code, &why, err);
}
