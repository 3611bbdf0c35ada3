/* incident_page.c - who is paged about an incident, or about a storm of them. */
#include "incidents.h"

static void put_page(struct engine_work *work, const char *key, const char *channel,
                     const struct fx_json *event) {
    fx_writes_message(work->sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_PAGE,
                                           /* one key: a trigger that has to wait is not overtaken
                                            * by its resolve, which would leave the page open for
                                            * good */
                                           .key = key,
                                           .parent = "",
                                           .channel = channel,
                                           .user = "",
                                           .response_url = "",
                                           .payload_json = fx_json_dump(work->sc, event),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
}

/* What a person said comes first. */
static const char *summary_of(struct fx_scope *sc, const struct fx_incident *incident,
                              const struct fx_json *body) {
    const char *reason = fx_json_get_text(body, "page_reason");

    return fx_printf(sc, "%s%s%s (%s)", reason == NULL ? "" : reason, reason == NULL ? "" : ": ",
                     incident->title, incident->environment);
}

void incident_page(struct engine_work *work, const struct fx_engine_system *system,
                   const struct fx_incident *incident, enum fx_page_action action,
                   const struct fx_json *body) {
    struct fx_scope *sc = work->sc;
    const struct fx_json *alarm = fx_json_at(body, "alarm");

    if (work->engine->options.pagerduty == NULL || !incident->paged)
        return;
    struct fx_json *event =
        fx_pagerduty_event(sc, &(struct fx_page){.action = action,
                                                 .key = incident->key,
                                                 .summary = summary_of(sc, incident, body),
                                                 .source = incident->key,
                                                 .severity = incident->severity,
                                                 .component = fx_json_get_text(alarm, "name"),
                                                 .group = incident->system,
                                                 .class_ = fx_json_get_text(alarm, "namespace"),
                                                 .at_ms = incident->changed_ms,
                                                 .details = alarm,
                                                 .link = engine_console_url(sc, alarm),
                                                 .link_text = "Alarm in CloudWatch"});

    put_page(work, fx_printf(sc, "page:%s", incident->id), system->channel, event);
}

const char *incident_system_page_key(struct fx_scope *sc, const struct fx_engine_system *system,
                                     const char *environment) {
    return fx_printf(sc, "%s/%s/page", system->system->name, environment);
}

void incident_page_system(struct engine_work *work, const struct fx_engine_system *system,
                          const char *environment, enum fx_page_action action, const char *summary,
                          const char *asked_by) {
    struct fx_scope *sc = work->sc;
    const char *key = incident_system_page_key(sc, system, environment);

    if (work->engine->options.pagerduty == NULL)
        return;
    put_page(work, fx_printf(sc, "page:%s", key), system->channel,
             fx_pagerduty_event(
                 sc, &(struct fx_page){
                         .action = action,
                         .key = key,
                         .summary = summary,
                         .source = fx_printf(sc, "%s, %s", system->system->title, environment),
                         .severity = "critical",
                         .group = system->system->name,
                         .class_ = "asked for by a person",
                         .at_ms = work->now_ms,
                         .details = fx_json_object_of(sc, "asked by", fx_json_string(sc, asked_by),
                                                      NULL)}));
}

void incident_page_storm(struct engine_work *work, const struct fx_storm *storm,
                         enum fx_page_action action, const char *summary) {
    struct fx_scope *sc = work->sc;

    if (work->engine->options.pagerduty == NULL)
        return;
    put_page(work, fx_printf(sc, "page:%s", storm->id), storm->channel,
             fx_pagerduty_event(sc, &(struct fx_page){.action = action,
                                                      .key = storm->id,
                                                      .summary = summary,
                                                      .source = storm->id,
                                                      .severity = "critical",
                                                      .at_ms = work->now_ms}));
}
