/* storms.c - alarms that come faster than people read: which of them are told by one card for all.
 *
 * More than FX_ENGINE_STORM_ALARMS new incidents of a channel within FX_ENGINE_STORM_WINDOW_MS
 * begin a storm, and every further one joins it until none has come for FX_ENGINE_STORM_QUIET_MS.
 * It is stored like any other, but has no card, no thread and no triage: so a storm starts at most
 * FX_ENGINE_STORM_ALARMS and FX_ENGINE_STORM_CRITICAL triages. How many there were is counted in
 * the state, which may be lost: the limits then begin anew. Which belong to a storm is in the
 * store.
 */
#include "incidents.h"

#include "fluxabot/base/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    PREFIX_POINTS = 60,
    COUNTED_ONCE_MS = 60 * 1000,            /* longer than an alarm that met another one waits */
    STORM_COUNTED_MS = 24 * 60 * 60 * 1000, /* longer than any storm that is still looked at */
};

const char *incident_storm(const struct fx_json *body) {
    return fx_json_get_text(body, "storm");
}

void incident_touch_storm(struct incident_telling *t) {
    if (t->work->writes.storm_members_count == 0)
        fx_writes_storm_member(t->work->sc, &t->work->writes,
                               &(struct fx_storm_member){.storm = incident_storm(t->body)});
}

static int rank_of(const char *severity) {
    static const char *const names[] = {"critical", "high", "medium"};

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        if (strcmp(names[i], severity) == 0)
            return (int)i;
    return (int)FX_COUNT_OF(names);
}

/* "orders-backlog-7" is one of "orders-backlog": up to the first digit, else to the last dash. */
static char *prefix_of(struct fx_scope *sc, const char *name) {
    size_t length = strcspn(name, "0123456789");

    if (name[length] == '\0' && strpbrk(name, "-_./: ") != NULL)
        while (length > 0 && strchr("-_./: ", name[length - 1]) == NULL)
            length--;
    while (length > 0 && ispunct((unsigned char)name[length - 1]))
        length--;
    if (length == 0)
        length = strlen(name);
    struct fx_slice cut = {name, length};

    return fx_slice_dup(sc, fx_slice_cut(cut, 0, fx_slice_utf8_prefix(cut, PREFIX_POINTS)));
}

/* How many there were within the window, this one included. Somebody else may change the incident
 * first, and then the alarm is looked at anew: it is still the one that was counted. */
static int64_t count_once(struct incident_telling *t, const char *what, int64_t window_ms) {
    struct fx_state *state = t->work->engine->options.state;
    struct fx_scope *sc = t->work->sc;
    const char *name =
        fx_printf(sc, "%s:%s:%lld", what, t->alarm->key, (long long)t->alarm->changed_ms);
    const char *counted = state->get(state, sc, name);

    if (counted != NULL)
        return strtoll(counted, NULL, 10);
    int64_t count = state->count(state, what, window_ms);

    state->put(state, name, fx_slice_of(fx_printf(sc, "%lld", (long long)count)), COUNTED_ONCE_MS);
    return count;
}

/* How many of this kind the storm has had, this one included. */
static int64_t times(struct incident_telling *t, const struct fx_storm *storm, const char *what) {
    return count_once(t, fx_printf(t->work->sc, "storm-%s:%s", what, storm->id), STORM_COUNTED_MS);
}

static enum fx_code begin(struct incident_telling *t, struct fx_storm **ret_storm,
                          struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_store *store = work->engine->options.store;
    const struct fx_storm fresh = {.id = engine_id(work, "storm-"),
                                   .channel = t->system->channel,
                                   .began_ms = fx_wall_ms(work->engine->options.clock)};

    FX_TRY(store->storm_begin(store, work->sc, &fresh, ret_storm, err));
    if (strcmp((*ret_storm)->id, fresh.id) != 0) /* somebody else was first */
        return FX_OK;
    fx_log(work->sc, FX_LOG_WARN, "storm.began", FX_S("storm", fresh.id),
           FX_S("channel", fresh.channel));
    fx_writes_audit(
        work->sc, &work->writes, "alarm", "storm.began", fresh.id,
        fx_json_object_of(work->sc, "channel", fx_json_string(work->sc, fresh.channel), NULL));
    return FX_OK;
}

/* Those who are on call hear of the first ones each, and of all others once. */
static enum fx_code bound_pages(struct incident_telling *t, const struct fx_storm *storm,
                                struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_store *store = work->engine->options.store;
    const char *name = fx_printf(work->sc, "storm-page:%s", storm->id), *paged = "";

    if (!t->incident->paged || incident_is_over(t) ||
        times(t, storm, "pages") <= FX_ENGINE_STORM_PAGES)
        return FX_OK;
    t->incident->paged = false;
    FX_TRY(store->setting(store, work->sc, name, &paged, err));
    if (paged[0] != '\0')
        return FX_OK;
    fx_writes_setting_if(work->sc, &work->writes, name, "triggered", "");
    incident_page_storm(work, storm, FX_PAGE_TRIGGER,
                        fx_printf(work->sc,
                                  "Alarm storm: more than %d alarms that page; the others are "
                                  "not paged one by one, they are listed in Slack (%s)",
                                  FX_ENGINE_STORM_PAGES, storm->id));
    return FX_OK;
}

enum fx_code incident_count(struct incident_telling *t, struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_store *store = work->engine->options.store;
    const char *channel = t->system->channel;
    struct fx_storm *storm = NULL;

    fx_json_remove(t->body, "storm");
    FX_TRY(store->storm_of(store, work->sc, channel, &storm, err));
    int64_t count =
        count_once(t, fx_printf(work->sc, "storm:%s", channel), FX_ENGINE_STORM_WINDOW_MS);

    if (storm == NULL && count <= FX_ENGINE_STORM_ALARMS)
        return FX_OK;
    if (storm == NULL)
        FX_TRY(begin(t, &storm, err));
    fx_writes_storm_member(
        work->sc, &work->writes,
        &(struct fx_storm_member){.storm = storm->id,
                                  .incident = t->incident->id,
                                  .system = t->incident->system,
                                  .severity = t->incident->severity,
                                  .rank = rank_of(t->incident->severity),
                                  .prefix = prefix_of(work->sc, t->alarm->name)});
    FX_TRY(bound_pages(t, storm, err));
    if (rank_of(t->incident->severity) > 0 ||
        times(t, storm, "critical") > FX_ENGINE_STORM_CRITICAL)
        fx_json_put(t->body, "storm", fx_json_string(work->sc, storm->id));
    return FX_OK;
}
