/* checklists.c - what people do by hand and check off on the card of a run.
 *
 * Who has checked what stands among the values of the run. A setting of its command counts every
 * change, so that of two people who press at once the second begins again with what the first has
 * done; it also keeps when the list was last finished.
 */
#include "steps.h"

#include <string.h>

/* The card as it was before anything was checked. */
static const char plain_card[] = "_card";

static const struct fx_runbook_step *checklist_of(const struct fx_runbook *runbook) {
    for (size_t i = 0; i < runbook->steps_count; i++)
        if (runbook->steps[i].kind->is_checklist)
            return &runbook->steps[i];
    return NULL;
}

/* ---- the setting: {changes, last: {at, by, outcome, run}} ---- */

static const char *setting_name(struct fx_scope *sc, const struct fx_run *run) {
    return fx_printf(sc, "checklist:%s/%s:%s", run->system, run->environment, run->command);
}

static enum fx_code read_setting(struct engine_work *work, const struct fx_run *run,
                                 const char **ret_stored, struct fx_json **ret_value,
                                 struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;

    FX_TRY(store->setting(store, work->sc, setting_name(work->sc, run), ret_stored, err));
    if ((*ret_stored)[0] != '\0')
        return fx_json_parse(work->sc, fx_slice_of(*ret_stored), ret_value, err);
    *ret_value = fx_json_object(work->sc);
    return FX_OK;
}

enum fx_code engine_checklist_recall(struct engine_run *run, struct fx_json *value,
                                     struct fx_error *err) {
    struct fx_json *kept = NULL, *last;
    const char *stored = "";

    FX_TRY(read_setting(run->work, run->row, &stored, &kept, err));
    last = fx_json_at(kept, "last");
    fx_json_put(value, "last", last == NULL ? fx_json_null(run->work->sc) : last);
    return FX_OK;
}

/* ---- the card ---- */

static size_t count_done(const struct fx_json *items) {
    size_t done = 0;

    for (size_t i = 0; i < fx_json_count(items); i++)
        done += fx_json_get_text(fx_json_item(items, i), "by") != NULL;
    return done;
}

static struct fx_json *drawn_item(struct fx_scope *sc, size_t number, const struct fx_json *item) {
    const char *by = fx_json_get_text(item, "by"), *link = fx_json_get_text(item, "link");
    struct fx_json *parts =
        fx_json_array_of(sc,
                         fx_json_stringf(sc, "%s %zu. %s", by != NULL ? "☑" : "☐", number,
                                         fx_json_get_text(item, "text")),
                         NULL);

    if (link != NULL) {
        fx_json_add(parts, fx_json_string(sc, " "));
        fx_json_add(parts, fx_json_object_of(sc, "link", fx_json_string(sc, link), "text",
                                             fx_json_string(sc, "(open)"), NULL));
    }
    if (by != NULL) {
        fx_json_add(parts, fx_json_string(sc, ": done by "));
        fx_json_add(parts, engine_user(sc, by));
        fx_json_add(parts, fx_json_string(sc, ", "));
        fx_json_add(parts, engine_time(sc, fx_json_get_int(item, "at", 0)));
    }
    return parts;
}

static struct fx_json *item_button(struct fx_scope *sc, const char *run_id, size_t i,
                                   const struct fx_json *item) {
    bool done = fx_json_get_text(item, "by") != NULL;
    struct fx_json *button =
        engine_button(sc, fx_printf(sc, "%s %zu", done ? "Undo" : "Done", i + 1),
                      fx_printf(sc, "check:%c%zu", done ? 'u' : 'c', i),
                      fx_printf(sc, "r=%s;%c=%zu", run_id, done ? 'u' : 'c', i), NULL);

    fx_json_put(button, "label",
                fx_json_stringf(sc, "%s %zu: %s", done ? "Undo" : "Done", i + 1,
                                fx_json_get_text(item, "text")));
    return button;
}

static void add_buttons(struct fx_scope *sc, const char *run_id, const struct fx_json *value,
                        struct fx_json *buttons) {
    const struct fx_json *items = fx_json_at(value, "items");
    const struct fx_json *outcomes = fx_json_at(value, "outcomes");

    for (size_t i = 0; i < fx_json_count(items); i++)
        fx_json_add(buttons, item_button(sc, run_id, i, fx_json_item(items, i)));
    if (count_done(items) < fx_json_count(items))
        return;
    for (size_t i = 0; i < fx_json_count(outcomes); i++)
        fx_json_add(buttons, engine_button(sc, fx_json_text(fx_json_item(outcomes, i)),
                                           fx_printf(sc, "check:o%zu", i),
                                           fx_printf(sc, "r=%s;o=%zu", run_id, i), "primary"));
}

static struct fx_json *ended_line(struct fx_scope *sc, const struct fx_json *end) {
    const char *outcome = fx_json_get_text(end, "outcome");

    return fx_json_array_of(
        sc, fx_json_stringf(sc, "Finished%s%s by ", outcome[0] == '\0' ? "" : ": ", outcome),
        engine_user(sc, fx_json_get_text(end, "by")), fx_json_string(sc, ", "),
        engine_time(sc, fx_json_get_int(end, "at", 0)), NULL);
}

static void draw(struct fx_scope *sc, const char *run_id, const struct fx_json *value,
                 struct fx_json *card) {
    const struct fx_json *items = fx_json_at(value, "items"), *end = fx_json_at(value, "end");
    struct fx_json *list = fx_json_at(card, "list"), *buttons = fx_json_at(card, "buttons");
    struct fx_json *lines = fx_json_at(card, "lines");
    size_t count = fx_json_count(items);

    if (list == NULL)
        fx_json_put(card, "list", list = fx_json_array(sc));
    for (size_t i = 0; i < count; i++)
        fx_json_add(list, drawn_item(sc, i + 1, fx_json_item(items, i)));
    fx_json_put(card, "progress",
                fx_json_object_of(sc, "done", fx_json_int(sc, (int64_t)count_done(items)), "total",
                                  fx_json_int(sc, (int64_t)count), NULL));
    if (end != NULL) {
        if (lines == NULL)
            fx_json_put(card, "lines", lines = fx_json_array(sc));
        fx_json_add(lines, ended_line(sc, end));
        return;
    }
    if (buttons == NULL)
        fx_json_put(card, "buttons", buttons = fx_json_array(sc));
    add_buttons(sc, run_id, value, buttons);
}

void engine_checklist_show(struct engine_run *run, struct fx_json *card) {
    const struct fx_runbook_step *step = checklist_of(run->runbook);
    const struct fx_json *value = step == NULL ? NULL : fx_json_at(run->values, step->id);

    if (fx_json_at(value, "items") == NULL)
        return;
    fx_json_put(run->values, plain_card, fx_json_copy(run->work->sc, card));
    draw(run->work->sc, run->row->id, value, card);
}

/* ---- a click ---- */

struct checking {
    struct engine_work *work;
    const struct fx_engine_system *system;
    struct fx_run *row;
    struct fx_json *values, *value; /* of the run, and of its checklist */
    const char *stored;             /* the setting as it was read */
    struct fx_json *setting;
};

/* The setting before the run: whoever changes the run after that changes the setting too. */
static enum fx_code load(struct engine_work *work, const struct fx_run *run,
                         struct checking *ret_checking, struct fx_error *err) {
    struct fx_store *store = work->engine->options.store;
    struct checking c = {.work = work, .system = engine_system(work->engine, run->system)};
    const struct fx_runbook *runbook =
        c.system == NULL ? NULL : fx_system_find(c.system->system, run->command);

    FX_TRY(read_setting(work, run, &c.stored, &c.setting, err));
    FX_TRY(store->run(store, work->sc, run->id, &c.row, err));
    if (runbook == NULL || c.row == NULL || checklist_of(runbook) == NULL ||
        strcmp(runbook->digest, run->runbook_digest) != 0)
        return fx_fail(err, FX_ERR_CONFLICT,
                       "the runbook was edited after this list was made; ask for it again with %s "
                       "%s",
                       c.system == NULL ? run->system : c.system->command, run->command);
    FX_TRY(fx_json_parse(work->sc, fx_slice_of(c.row->values_json), &c.values, err));
    c.value = fx_json_at(c.values, checklist_of(runbook)->id);
    if (fx_json_at(c.value, "items") == NULL || fx_json_at(c.values, plain_card) == NULL)
        return fx_fail(err, FX_ERR_INPUT, "this run has no list");
    if (fx_json_at(c.value, "end") != NULL)
        return fx_fail(err, FX_ERR_CONFLICT, "this list is finished already");
    *ret_checking = c;
    return FX_OK;
}

static void finish(struct checking *c, const char *outcome, const char *user) {
    struct fx_scope *sc = c->work->sc;
    struct fx_json *end = fx_json_object_of(
        sc, "at", fx_json_int(sc, c->work->now_ms), "by", fx_json_string(sc, user), "outcome",
        fx_json_string(sc, outcome), "run", fx_json_string(sc, c->row->id), NULL);

    fx_json_put(c->value, "end", end);
    fx_json_put(c->setting, "last", fx_json_copy(sc, end));
    fx_writes_audit(sc, &c->work->writes, user, "checklist.finished", c->row->id,
                    fx_json_object_of(sc, "command", fx_json_string(sc, c->row->command), "outcome",
                                      fx_json_string(sc, outcome), NULL));
}

/* Run, setting and card, in the transaction of the click. */
static enum fx_code keep(struct checking *c, struct fx_error *err) {
    struct engine_work *work = c->work;
    struct fx_scope *sc = work->sc;
    struct fx_json *card = fx_json_copy(sc, fx_json_at(c->values, plain_card));

    fx_json_put(c->setting, "changes",
                fx_json_int(sc, fx_json_get_int(c->setting, "changes", 0) + 1));
    fx_writes_setting_if(sc, &work->writes, setting_name(sc, c->row), fx_json_dump(sc, c->setting),
                         c->stored);
    c->row->values_json = fx_json_dump(sc, c->values);
    c->row->updated_ms = work->now_ms;
    fx_writes_run(sc, &work->writes, c->row);
    draw(sc, c->row->id, c->value, card);
    return engine_put_card(work, engine_run_key(sc, c->row->id), c->row->parent, c->system->channel,
                           card, err);
}

static void audit_item(struct checking *c, const char *action, const char *user, size_t item,
                       const char *text) {
    struct fx_scope *sc = c->work->sc;

    fx_writes_audit(sc, &c->work->writes, user, action, c->row->id,
                    fx_json_object_of(sc, "command", fx_json_string(sc, c->row->command), "item",
                                      fx_json_int(sc, (int64_t)item + 1), "text",
                                      fx_json_string(sc, text), NULL));
}

enum fx_code engine_checklist_check(struct engine_work *work, const struct fx_run *run, size_t item,
                                    bool done, const char *user, struct fx_error *err) {
    struct fx_scope *sc = work->sc;
    struct checking c;

    FX_TRY(load(work, run, &c, err));
    const struct fx_json *items = fx_json_at(c.value, "items");
    struct fx_json *one = fx_json_item(items, item);
    bool is_done = fx_json_get_text(one, "by") != NULL;

    if (one == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the list has no such item");
    if (is_done == done)
        return fx_fail(err, FX_ERR_CONFLICT, "item %zu %s already", item + 1,
                       done ? "is checked" : "is open");
    if (done) {
        fx_json_put(one, "by", fx_json_string(sc, user));
        fx_json_put(one, "at", fx_json_int(sc, work->now_ms));
    } else {
        fx_json_remove(one, "by");
        fx_json_remove(one, "at");
    }
    audit_item(&c, done ? "checklist.checked" : "checklist.unchecked", user, item,
               fx_json_get_text(one, "text"));
    if (count_done(items) == fx_json_count(items) &&
        fx_json_count(fx_json_at(c.value, "outcomes")) == 0)
        finish(&c, "", user);
    return keep(&c, err);
}

enum fx_code engine_checklist_finish(struct engine_work *work, const struct fx_run *run,
                                     size_t outcome, const char *user, struct fx_error *err) {
    struct checking c;

    FX_TRY(load(work, run, &c, err));
    const struct fx_json *items = fx_json_at(c.value, "items");
    const char *word = fx_json_text(fx_json_item(fx_json_at(c.value, "outcomes"), outcome));

    if (word == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the list has no such outcome");
    if (count_done(items) < fx_json_count(items))
        return fx_fail(err, FX_ERR_CONFLICT, "not everything is checked; check the rest first");
    finish(&c, word, user);
    return keep(&c, err);
}
