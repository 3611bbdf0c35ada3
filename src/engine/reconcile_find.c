/* reconcile_find.c - what was missed becomes events, which outlive us like those that SNS brings.
 */
#include "reconcile.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/intake.h"

#include <string.h>

enum {
    MAX_CHANGES = 50, /* the newest missed ones of one alarm */
    MAX_MISSING = 20, /* alarms that are not shown, looked up in one comparison */
};

static enum fx_code put_event(struct engine_comparison *c, struct fx_scope *sc,
                              const char *alarm_arn, const char *state, int64_t at_ms,
                              struct fx_json *body, struct fx_error *err) {
    struct engine_work *work = c->work;
    struct fx_store *store = work->engine->options.store;
    const char *key = fx_printf(sc, "reconcile:%s:%s:%s:%lld", c->topic->system, alarm_arn, state,
                                (long long)at_ms);
    bool is_new = false;

    fx_json_put(body, "topic", fx_json_string(sc, c->topic->arn));
    const struct fx_event event = {.id = fx_uuid_new(sc, work->engine->options.random),
                                   .kind = "reconcile",
                                   .body = fx_json_dump(sc, body),
                                   .verified = true,
                                   .received_ms = work->now_ms,
                                   .keys = {key}};

    FX_TRY(store->accept(store, sc, &event, &is_new, err));
    if (!is_new)
        return FX_OK;
    c->found++;
    work->engine->options.state->wake(work->engine->options.state, "jobs");
    return FX_OK;
}

static const char *state_word(enum fx_alarm_state state) {
    return state == FX_ALARM_STATE_ALARM ? "ALARM" : "OK";
}

static struct fx_json *changes_body(struct fx_scope *sc, const struct fx_alarm_change *changes,
                                    size_t count) {
    struct fx_json *list = fx_json_array(sc);

    for (size_t i = count > MAX_CHANGES ? count - MAX_CHANGES : 0; i < count; i++)
        fx_json_add(list,
                    fx_json_object_of(sc, "state", fx_json_string(sc, state_word(changes[i].state)),
                                      "at", fx_json_int(sc, changes[i].at_ms), "reason",
                                      fx_json_string(sc, changes[i].reason), "data",
                                      fx_json_string(sc, changes[i].reason_data), NULL));
    return list;
}

enum fx_code engine_reconcile_find(struct engine_comparison *c, struct fx_scope *sc,
                                   struct fx_json *alarm, struct fx_error *err) {
    struct fx_store *store = c->work->engine->options.store;
    const char *arn = fx_json_get_text(alarm, "AlarmArn");
    const char *name = fx_json_get_text(alarm, "AlarmName");
    struct fx_incident *incident = NULL;
    struct fx_json *body = NULL;
    struct fx_incident_past past = {
        .notifies = fx_alarm_notifies(alarm, FX_ALARM_STATE_ALARM, c->topic->arn)};

    FX_TRY(store->incident_by_key(store, sc, c->topic->system, arn, &incident, err));
    if (incident != NULL)
        FX_TRY(fx_json_parse(sc, fx_slice_of(incident->body_json), &body, err));
    const struct fx_incident_facts facts = engine_incident_facts(incident, body);

    past.changes =
        fx_alarm_changes(sc, alarm, fx_json_at(c->history, name != NULL ? name : ""), &past.count);
    struct fx_alarm_change *missed = fx_alloc(sc, (past.count + 1) * sizeof *missed);
    size_t count = fx_incident_missed(&past, &facts, c->work->now_ms, missed);

    if (count == 0)
        return FX_OK;
    return put_event(c, sc, arn, state_word(missed[count - 1].state), missed[count - 1].at_ms,
                     fx_json_object_of(sc, "first", fx_json_bool(sc, c->first), "alarm", alarm,
                                       "changes", changes_body(sc, missed, count), NULL),
                     err);
}

static enum fx_code look_for(struct engine_comparison *c, const struct fx_incident *incident,
                             struct fx_error *err) {
    struct fx_scope *sc = c->work->sc;
    int64_t deleted_ms = 0;

    FX_TRY(engine_reconcile_note(c,
                                 fx_intake_deletion(c->aws, sc, incident->key,
                                                    engine_alarm_name_in(incident->key),
                                                    &deleted_ms, err),
                                 err));
    if (deleted_ms < incident->changed_ms || deleted_ms > c->work->now_ms - FX_INCIDENT_GRACE_MS)
        return FX_OK;
    return put_event(
        c, sc, incident->key, "deleted", deleted_ms,
        fx_json_object_of(sc, "gone",
                          fx_json_object_of(sc, "arn", fx_json_string(sc, incident->key), "at",
                                            fx_json_int(sc, deleted_ms), NULL),
                          NULL),
        err);
}

/* Open incidents of alarms that CloudWatch does not show. There may be many that it never showed,
 * those of other accounts, so each comparison looks at a few others. */
enum fx_code engine_reconcile_find_gone(struct engine_comparison *c, struct fx_error *err) {
    size_t tick = (size_t)(c->work->now_ms / FX_ENGINE_RECONCILE_MS), looked = 0;

    for (size_t i = 0; i < c->open_count && looked < MAX_MISSING; i++) {
        const struct fx_incident *incident = c->open[(i + tick * MAX_MISSING) % c->open_count];

        if (engine_reconcile_failed(c))
            return FX_OK; /* not shown because not asked */
        if (fx_json_at(c->hidden, incident->key) == NULL)
            continue;
        FX_TRY(look_for(c, incident, err));
        looked++;
    }
    return FX_OK;
}
