/* reconcile_ask.c - what CloudWatch says of a topic's alarms.
 *
 * Those in ALARM are asked for by the topic; of those that changed since the last comparison, and
 * of those whose incident is open, the present state is asked for by name. In a storm there are
 * many of them, so they are looked at page by page. How far the history was read depends only on
 * the history and on those asked for by name: what is wrong with the list of those in ALARM must
 * not bring the same pages of it again and again.
 */
#include "reconcile.h"

#include "fluxabot/intake.h"

#include <string.h>

enum {
    /* history is read again that far back: it may show a change late, and a young one is left */
    MARGIN_MS = 5 * 60 * 1000,
    /* what began and ended longer ago than that is no news any more */
    MAX_BACK_MS = 72 * 60 * 60 * 1000,
};

/* "arn:aws:sns:eu-west-1:1:t" gives "arn:aws:cloudwatch:eu-west-1:": an alarm and the topics it
 * notifies are of one region. */
static struct fx_slice alarm_prefix(struct fx_scope *sc, const char *topic_arn) {
    struct fx_slice rest = fx_slice_of(topic_arn), parts[4] = {0};

    for (size_t i = 0; i < FX_COUNT_OF(parts); i++)
        (void)fx_slice_split(rest, ':', &parts[i], &rest);
    return fx_slice_of(fx_printf(sc, "arn:%.*s:cloudwatch:%.*s:", (int)parts[1].len, parts[1].ptr,
                                 (int)parts[3].len, parts[3].ptr));
}

const char *engine_alarm_name_in(const char *alarm_arn) {
    static const char mark[] = ":alarm:";
    const char *name = strstr(alarm_arn, mark);

    return name == NULL ? "" : name + sizeof mark - 1;
}

static enum fx_code load_open(struct engine_comparison *c, struct fx_error *err) {
    struct fx_store *store = c->work->engine->options.store;
    struct fx_slice prefix = alarm_prefix(c->work->sc, c->topic->arn);
    struct fx_incident **all = NULL;
    size_t count = 0;

    FX_TRY(store->incidents(store, c->work->sc, c->topic->system, true, FX_STORE_MAX_ROWS, &all,
                            &count, err));
    c->open = fx_alloc(c->work->sc, (count + 1) * sizeof(struct fx_incident *));
    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i]->environment, c->topic->environment) == 0 &&
            fx_slice_starts_with(fx_slice_of(all[i]->key), prefix) &&
            engine_alarm_name_in(all[i]->key)[0])
            c->open[c->open_count++] = all[i];
    for (size_t i = 0; i < c->open_count; i++) {
        fx_json_put(c->unseen, engine_alarm_name_in(c->open[i]->key), fx_json_null(c->work->sc));
        fx_json_put(c->hidden, c->open[i]->key, fx_json_null(c->work->sc));
    }
    return FX_OK;
}

static void take_history(struct engine_comparison *c, const struct fx_json *items) {
    for (size_t i = 0; i < fx_json_count(items); i++) {
        struct fx_json *item = fx_json_item(items, i);
        const char *name = fx_json_get_text(item, "AlarmName");

        if (name == NULL)
            continue;
        if (fx_json_at(c->history, name) == NULL)
            fx_json_put(c->history, name, fx_json_array(c->work->sc));
        fx_json_add(fx_json_at(c->history, name), item);
        fx_json_put(c->unseen, name, fx_json_null(c->work->sc));
    }
}

static struct fx_json *names_to_ask(struct engine_comparison *c) {
    struct fx_json *names = fx_json_array(c->work->sc), *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(c->unseen, &cursor, &name, &value))
        fx_json_add(names, fx_json_string(c->work->sc, name));
    return names;
}

enum fx_code engine_reconcile_note(struct engine_comparison *c, enum fx_code code,
                                   const struct fx_error *why) {
    if (code == FX_ERR_CANCELED)
        return code;
    if (code != FX_OK && !engine_reconcile_failed(c))
        c->trouble = *why;
    return FX_OK;
}

bool engine_reconcile_failed(const struct engine_comparison *c) {
    return c->trouble.code != FX_OK && c->trouble.code != FX_ERR_LIMIT;
}

static enum fx_code ask_history(struct engine_comparison *c, struct fx_error *err) {
    int64_t now_ms = c->work->now_ms, from_ms = c->until_ms, until_ms = 0;
    struct fx_json *items = NULL;

    if (from_ms < now_ms - MAX_BACK_MS)
        from_ms = now_ms - MAX_BACK_MS;
    FX_TRY(fx_intake_history(c->aws, c->work->sc, c->topic->arn, from_ms, now_ms, &items, &until_ms,
                             err));
    take_history(c, items);
    c->more = until_ms < now_ms;
    c->work->large = c->more;
    if (!c->more)
        until_ms = now_ms - MARGIN_MS;
    if (until_ms > c->until_ms) /* never back: what lies before the very first one is not ours */
        c->until_ms = until_ms;
    return FX_OK;
}

static enum fx_code look_at_page(struct engine_comparison *c, struct fx_scope *sc,
                                 const struct fx_json *page, struct fx_error *err) {
    for (size_t i = 0; i < fx_json_count(page); i++) {
        struct fx_json *alarm = fx_json_item(page, i);
        const char *arn = fx_json_get_text(alarm, "AlarmArn");
        const char *name = fx_json_get_text(alarm, "AlarmName");

        if (arn == NULL)
            continue;
        fx_json_remove(c->hidden, arn);
        if (name != NULL)
            fx_json_remove(c->unseen, name);
        FX_TRY(engine_reconcile_find(c, sc, alarm, err));
    }
    return FX_OK;
}

/* *ret_all: CloudWatch has shown all of them. */
static enum fx_code look_at(struct engine_comparison *c, struct fx_intake_alarms *alarms,
                            bool *ret_all, struct fx_error *err) {
    *ret_all = false;
    for (;;) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(c->work->sc);
        struct fx_json *page = NULL;

        engine_work_goes_on(c->work, FX_ENGINE_STALL_MS);
        enum fx_code code = fx_intake_next(alarms, sc, &page, err);

        FX_TRY(engine_reconcile_note(c, code, err));
        if (page == NULL) {
            *ret_all = code == FX_OK;
            return FX_OK;
        }
        FX_TRY(look_at_page(c, sc, page, err));
    }
}

enum fx_code engine_reconcile_ask(struct engine_comparison *c, struct fx_error *err) {
    struct fx_scope *sc = c->work->sc;
    int64_t known_ms = c->until_ms;
    bool all = false;

    FX_TRY(load_open(c, err));
    if (!c->first)
        FX_TRY(engine_reconcile_note(c, ask_history(c, err), err));
    /* DescribeAlarms is throttled soon, so a long history does not bring the long list each time */
    if (!c->more)
        FX_TRY(look_at(c, fx_intake_ringing(c->aws, sc, c->topic->arn), &all, err));
    if (c->first && !engine_reconcile_failed(c))
        c->until_ms = c->work->now_ms - FX_INCIDENT_GRACE_MS;
    FX_TRY(look_at(c, fx_intake_named(c->aws, sc, c->topic->arn, names_to_ask(c)), &all, err));
    if (!all) {
        c->until_ms = known_ms;
        c->more = false;
    }
    return FX_OK;
}
