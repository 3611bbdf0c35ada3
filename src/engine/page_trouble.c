/* page_trouble.c - a page that PagerDuty does not take: the channel hears of it, because nobody is
 * woken meanwhile; and again when it went through after all. */
#include "private.h"

#include "fluxabot/base/log.h"

#include <string.h>

/* What was to be told; a page without words is told by its key. */
static const char *subject_of(struct fx_scope *sc, const struct fx_message *message,
                              const struct fx_json *event) {
    const char *summary = fx_json_text(fx_json_at_path(event, "payload.summary"));

    return summary != NULL ? summary : fx_strdup(sc, message->key);
}

static struct fx_json *card_of(struct fx_scope *sc, const struct fx_message *message,
                               const struct fx_json *event, enum engine_page_end end,
                               const struct fx_error *why) {
    const char *action = fx_json_get_text(event, "event_action");
    bool wakes = action != NULL && strcmp(action, "trigger") == 0;
    const char *title = wakes ? "On-call could not be paged" : "PagerDuty still shows a page";
    struct fx_json *lines = fx_json_array(sc);

    if (end == ENGINE_PAGE_SENT)
        return fx_json_object_of(sc, "title", fx_json_string(sc, "PagerDuty was told after all"),
                                 "tone", fx_json_string(sc, "good"), "verdict",
                                 fx_json_stringf(sc, "%s", subject_of(sc, message, event)), NULL);
    fx_json_add(lines, fx_json_string(sc, end == ENGINE_PAGE_WAITS
                                              ? "It is tried again by itself for a day."
                                              : "It is not tried again."));
    fx_json_add(lines, fx_json_string(sc, wakes ? "Nobody has been woken: call by telephone."
                                                : "Acknowledge or resolve it there by hand."));
    return fx_json_object_of(
        sc, "title", fx_json_string(sc, title), "tone", fx_json_string(sc, "bad"), "verdict",
        fx_json_string(sc, engine_sentence(sc, why->message)), "lines", lines, "fields",
        fx_json_array_of(
            sc, engine_field(sc, "About", fx_json_string(sc, subject_of(sc, message, event))),
            NULL),
        NULL);
}

void engine_tell_page_end(struct fx_engine *engine, struct fx_scope *sc,
                          const struct fx_message *message, enum engine_page_end end,
                          const struct fx_error *why) {
    struct engine_work work = {.engine = engine,
                               .sc = sc,
                               .now_ms = fx_wall_ms(engine->options.clock),
                               .urgency = FX_URGENCY_DECISION};
    struct fx_json *event = NULL;
    struct fx_error err = {0};
    int tries = message->attempts + 1; /* those before are counted */

    if (end == ENGINE_PAGE_WAITS && tries != FX_ENGINE_PAGE_TELL_ATTEMPTS)
        return;
    if (end == ENGINE_PAGE_SENT && tries <= FX_ENGINE_PAGE_TELL_ATTEMPTS)
        return;
    if (fx_json_parse(sc, fx_slice_of(message->payload_json), &event, &err) != FX_OK ||
        engine_put_card(&work, fx_printf(sc, "%s:trouble", message->key), "", message->channel,
                        card_of(sc, message, event, end, why), &err) != FX_OK ||
        engine->options.store->write(engine->options.store, sc, NULL, &work.writes, &err) != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "page.trouble_not_told", FX_E(&err));
    else
        engine->options.state->wake(engine->options.state, "outbox");
}
