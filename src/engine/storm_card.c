/* storm_card.c - one card for all alarms of a storm: how many, of what kind, the worst, since when;
 * and a list for whoever wants to see each.
 *
 * The thread of the outbox looks for news, so that a storm is told however many jobs wait.
 */
#include "incidents.h"

#include "fluxabot/base/log.h"

#include <string.h>

enum {
    WORST_SHOWN = 10,
    OPEN_SHOWN = 20,
    KINDS_SHOWN = 6,
    LISTED = 25, /* in one private answer */
};

struct storm_telling {
    struct engine_work *work;
    struct fx_storm *storm;
    bool over;
    struct fx_storm_group **groups;
    size_t groups_count;
    int64_t open, critical;
    struct fx_incident **worst; /* open ones first */
    size_t worst_count;
};

/* ---- counting ---- */

typedef const char *group_key_fn(const struct fx_storm_group *group);

static const char *by_severity(const struct fx_storm_group *group) {
    return group->severity;
}
static const char *by_system(const struct fx_storm_group *group) {
    return group->system;
}
static const char *by_prefix(const struct fx_storm_group *group) {
    return group->prefix;
}

/* How many have this key, told where it comes first; 0 elsewhere. */
static int64_t count_at(const struct storm_telling *t, size_t at, group_key_fn *key) {
    int64_t count = 0;

    for (size_t i = 0; i < t->groups_count; i++)
        if (strcmp(key(t->groups[i]), key(t->groups[at])) == 0) {
            if (i < at)
                return 0;
            count += t->groups[i]->count;
        }
    return count;
}

/* "80 fluxa-order, 44 orders-backlog, 3 others" */
static const char *counts_by(const struct storm_telling *t, group_key_fn *key) {
    struct fx_scope *sc = t->work->sc;
    const char *text = "";
    int64_t told = 0;
    int shown = 0;

    for (size_t i = 0; i < t->groups_count && shown < KINDS_SHOWN; i++) {
        int64_t count = count_at(t, i, key);

        if (count == 0)
            continue;
        text = fx_printf(sc, "%s%s%lld %s", text, shown > 0 ? ", " : "", (long long)count,
                         key(t->groups[i]));
        told += count;
        shown++;
    }
    return told >= t->storm->count
               ? text
               : fx_printf(sc, "%s, %lld others", text, (long long)(t->storm->count - told));
}

static enum fx_code read_alarms(struct storm_telling *t, struct fx_error *err) {
    struct fx_store *store = t->work->engine->options.store;
    struct fx_scope *sc = t->work->sc;

    FX_TRY(store->storm_groups(store, sc, t->storm->id, &t->groups, &t->groups_count, err));
    for (size_t i = 0; i < t->groups_count; i++) {
        t->open += t->groups[i]->open;
        if (strcmp(t->groups[i]->severity, "critical") == 0)
            t->critical += t->groups[i]->count;
    }
    return store->storm_incidents(store, sc, t->storm->id, 0, t->over ? OPEN_SHOWN : WORST_SHOWN,
                                  &t->worst, &t->worst_count, err);
}

/* ---- the card ---- */

static struct fx_json *alarm_line(struct fx_scope *sc, const struct fx_incident *incident) {
    return fx_json_array_of(
        sc, fx_json_object_of(sc, "bold", fx_json_stringf(sc, "%s:", incident->severity), NULL),
        fx_json_stringf(sc, " %s, %s since ", incident->title,
                        incident->state == FX_INCIDENT_OPEN ? "open" : "over; it was"),
        engine_time(sc, incident->opened_ms), fx_json_stringf(sc, " (%s)", incident->id), NULL);
}

static struct fx_json *open_alarms(const struct storm_telling *t) {
    struct fx_json *lines = fx_json_array(t->work->sc);
    int64_t shown = 0;

    for (size_t i = 0; i < t->worst_count; i++)
        if (t->worst[i]->state == FX_INCIDENT_OPEN) {
            fx_json_add(lines, alarm_line(t->work->sc, t->worst[i]));
            shown++;
        }
    if (t->open > shown)
        fx_json_add(lines, fx_json_stringf(t->work->sc, "and %lld more that are open",
                                           (long long)(t->open - shown)));
    return lines;
}

static struct fx_json *storm_verdict(const struct storm_telling *t) {
    struct fx_scope *sc = t->work->sc;
    const struct fx_storm *storm = t->storm;

    if (t->over)
        return fx_json_array_of(
            sc, fx_json_string(sc, "From "), engine_time(sc, storm->began_ms),
            fx_json_string(sc, " to "), engine_time(sc, storm->last_ms),
            fx_json_stringf(sc, ". %s",
                            t->open == 0
                                ? "All of them are over."
                                : fx_printf(sc, "%lld of them %s still open.", (long long)t->open,
                                            t->open == 1 ? "is" : "are")),
            NULL);
    return fx_json_array_of(
        sc, fx_json_string(sc, "Since "), engine_time(sc, storm->began_ms),
        fx_json_stringf(
            sc,
            ". They come too fast to be told one by one: all are stored, %lld are open. "
            "This card is kept up to date.",
            (long long)t->open),
        NULL);
}

static struct fx_json *storm_fields(const struct storm_telling *t) {
    struct fx_scope *sc = t->work->sc;
    int64_t looked =
        t->critical < FX_ENGINE_STORM_CRITICAL ? t->critical : FX_ENGINE_STORM_CRITICAL;

    return fx_json_array_of(
        sc, engine_field(sc, "Severity", fx_json_string(sc, counts_by(t, by_severity))),
        engine_field(sc, "System", fx_json_string(sc, counts_by(t, by_system))),
        engine_field(sc, "Alarms", fx_json_string(sc, counts_by(t, by_prefix))),
        engine_field(
            sc, "Not looked into",
            fx_json_stringf(sc,
                            "%lld. The %d alarms before the storm and its first %d critical ones "
                            "have cards and a triage of their own",
                            (long long)(t->storm->count - looked), FX_ENGINE_STORM_ALARMS,
                            FX_ENGINE_STORM_CRITICAL)),
        NULL);
}

static struct fx_json *storm_card(const struct storm_telling *t) {
    struct fx_scope *sc = t->work->sc;
    long long count = (long long)t->storm->count;
    const char *title = t->over ? fx_printf(sc, "Alarm storm is over: %lld alarms", count)
                                : fx_printf(sc, "Alarm storm: %lld alarms", count);
    struct fx_json *all =
        engine_button(sc, "Show alarms", "storm", fx_printf(sc, "%s;0", t->storm->id), NULL);

    fx_json_put(all, "label",
                fx_json_stringf(sc, "Show the %lld alarms of this storm, only to me", count));
    return fx_json_object_of(sc, "title", fx_json_string(sc, title), "tone",
                             fx_json_string(sc, !t->over      ? "alarm"
                                                : t->open > 0 ? "wait"
                                                              : "good"),
                             "verdict", storm_verdict(t), "fields", storm_fields(t), "list",
                             open_alarms(t), "buttons", fx_json_array_of(sc, all, NULL), "context",
                             fx_json_stringf(sc, "Storm %s: more than %d new alarms within %s",
                                             t->storm->id, FX_ENGINE_STORM_ALARMS,
                                             fx_duration(sc, FX_ENGINE_STORM_WINDOW_MS)),
                             NULL);
}

/* The page that stood for all ends with the last of them. */
static enum fx_code end_page(const struct storm_telling *t, struct fx_error *err) {
    struct engine_work *work = t->work;
    struct fx_store *store = work->engine->options.store;
    const char *name = fx_printf(work->sc, "storm-page:%s", t->storm->id), *paged = "";

    if (!t->over || t->open > 0)
        return FX_OK;
    FX_TRY(store->setting(store, work->sc, name, &paged, err));
    if (strcmp(paged, "triggered") != 0)
        return FX_OK;
    fx_writes_setting_if(work->sc, &work->writes, name, "resolved", "triggered");
    incident_page_storm(work, t->storm, FX_PAGE_RESOLVE, "Alarm storm: all alarms are over");
    return FX_OK;
}

/* FX_ERR_CONFLICT: somebody else told it, or one more has joined; the next look finds out. */
static enum fx_code tell(struct fx_engine *engine, struct fx_scope *sc, struct fx_storm *storm,
                         int64_t now_ms, struct fx_error *err) {
    struct fx_store *store = engine->options.store;
    struct engine_work work = {
        .engine = engine, .sc = sc, .now_ms = now_ms, .urgency = FX_URGENCY_DECISION};
    struct storm_telling t = {.work = &work,
                              .storm = storm,
                              .over = storm->ended_ms != 0 ||
                                      storm->last_ms <= now_ms - FX_ENGINE_STORM_QUIET_MS};
    struct fx_storm told = *storm;

    told.told = storm->news;
    told.told_ms = now_ms > storm->told_ms ? now_ms : storm->told_ms + 1;
    if (t.over && told.ended_ms == 0) {
        told.ended_ms = now_ms;
        fx_writes_audit(sc, &work.writes, "alarm", "storm.ended", storm->id,
                        fx_json_object_of(sc, "alarms", fx_json_int(sc, storm->count), NULL));
    }
    fx_writes_storm_told(sc, &work.writes, &told, storm->told_ms);
    if (storm->count > 0) { /* else whoever began it could not join it */
        FX_TRY(read_alarms(&t, err));
        FX_TRY(end_page(&t, err));
        FX_TRY(engine_put_card(&work, storm->id, "", storm->channel, storm_card(&t), err));
    }
    return store->write(store, sc, NULL, &work.writes, err);
}

void engine_tell_storms(struct fx_engine *engine, struct fx_scope *sc) {
    struct fx_store *store = engine->options.store;
    int64_t now_ms = fx_wall_ms(engine->options.clock);
    struct fx_storm **storms = NULL;
    size_t count = 0;
    struct fx_error err = {0};
    enum fx_code code = store->storms_due(store, sc, now_ms - FX_ENGINE_STORM_CARD_MS,
                                          now_ms - FX_ENGINE_STORM_QUIET_MS, &storms, &count, &err);

    for (size_t i = 0; code == FX_OK && i < count; i++) {
        code = tell(engine, sc, storms[i], now_ms, &err);
        if (code == FX_ERR_CONFLICT)
            code = FX_OK;
    }
    if (code != FX_OK)
        fx_log(sc, FX_LOG_ERROR, "storm.not_told", FX_E(&err));
}

/* ---- the list ---- */

static struct fx_json *list_buttons(struct fx_scope *sc, const char *storm_id,
                                    struct fx_incident **incidents, size_t count, size_t next,
                                    bool more) {
    enum { CARDS = 5 };
    struct fx_json *buttons = fx_json_array(sc);

    for (size_t i = 0; i < count && i < CARDS; i++) {
        struct fx_json *button =
            engine_button(sc, fx_printf(sc, "Card %zu", i + 1),
                          fx_printf(sc, "incident_card:%zu", i), incidents[i]->id, NULL);

        fx_json_put(button, "label",
                    fx_json_stringf(sc, "Put a card for %s into the channel", incidents[i]->title));
        fx_json_add(buttons, button);
    }
    if (more)
        fx_json_add(buttons, engine_button(sc, "Show more", "storm",
                                           fx_printf(sc, "%s;%zu", storm_id, next), NULL));
    return buttons;
}

enum fx_code engine_list_storm(struct engine_work *work, const struct fx_engine_system *system,
                               const char *storm_id, size_t skip, const char *user,
                               const char *channel, const char *response_url,
                               struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct fx_scope *sc = work->sc;
    struct fx_incident **incidents = NULL;
    struct fx_json *lines = fx_json_array(sc);
    size_t count = 0;

    FX_TRY(store->storm_incidents(store, sc, storm_id, skip, LISTED + 1, &incidents, &count, err));
    bool more = count > LISTED;

    count = more ? LISTED : count;
    for (size_t i = 0; i < count; i++)
        fx_json_add(lines, fx_json_array_of(sc, fx_json_stringf(sc, "%zu. ", skip + i + 1),
                                            alarm_line(sc, incidents[i]), NULL));
    return engine_whisper(
        work, channel, user, response_url,
        fx_json_object_of(
            sc, "title",
            fx_json_stringf(sc, "Alarms %zu to %zu of the storm", skip + 1, skip + count),
            "verdict",
            fx_json_string(sc, "Open ones first, the worst first. A card brings the alarm's "
                               "buttons into the channel."),
            "list", lines, "buttons",
            list_buttons(sc, storm_id, incidents, count, skip + LISTED, more), "context",
            fx_json_stringf(sc, "%s alarms asks CloudWatch what is firing now", system->command),
            NULL),
        err);
}
