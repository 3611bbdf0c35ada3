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

void incident_page(struct engine_work *work, const struct fx_engine_system *system,
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

    put_page(work, fx_printf(sc, "page:%s", incident->id), system->channel, event);
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
