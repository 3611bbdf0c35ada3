/* answer.c - the answer part of a runbook, filled with what the steps found. */
#include "answer.h"
#include "files.h"
#include "steps.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/expr.h"

#include <string.h>

enum { ANSWER_MAX_ROWS = 100 };

/* A value as a person reads it: texts as they are, the rest as JSON writes it. */
static const char *readable(struct fx_scope *sc, const struct fx_json *value) {
    if (fx_json_type(value) == FX_JSON_STRING)
        return fx_json_text(value);
    if (value == NULL || fx_json_type(value) == FX_JSON_NULL)
        return "no data";
    return fx_json_dump(sc, value);
}

/* {"user": id} and {"time": ms} are drawn as Slack draws people and times; nothing else that steps
 * found may be more than text. */
static bool is_part(const struct fx_json *value) {
    return fx_json_type(value) == FX_JSON_OBJECT && fx_json_count(value) == 1 &&
           (fx_json_at(value, "user") != NULL || fx_json_at(value, "time") != NULL);
}

/* Texts with at least one of these among them: "held by ", {"user": id}. */
static bool is_mixed(const struct fx_json *value) {
    bool mixed = false;

    if (fx_json_type(value) != FX_JSON_ARRAY)
        return false;
    for (size_t i = 0; i < fx_json_count(value); i++) {
        const struct fx_json *item = fx_json_item(value, i);

        if (fx_json_text(item) == NULL && !is_part(item))
            return false;
        mixed |= is_part(item);
    }
    return mixed;
}

enum fx_code engine_fill_text(struct engine_run *run, const struct fx_json *template,
                              const struct fx_json *names, struct fx_json **ret_text,
                              struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *value = NULL;

    if (fx_json_text(template) == NULL) {
        *ret_text = fx_json_string(sc, readable(sc, template));
        return FX_OK;
    }
    FX_TRY(fx_expr_fill(sc, fx_json_text(template), names, &value, err));
    *ret_text = is_part(value) || is_mixed(value) ? value : fx_json_string(sc, readable(sc, value));
    return FX_OK;
}

static enum fx_code fill_member(struct engine_run *run, const char *name, struct fx_json *card,
                                struct fx_error *err) {
    const struct fx_json *template = fx_json_at(run->runbook->answer, name);
    struct fx_json *text = NULL;

    if (template == NULL)
        return FX_OK;
    if (engine_fill_text(run, template, run->names, &text, err) != FX_OK)
        return fx_fail_in(err, "answer %s", name);
    if (fx_json_text_slice(text).len > 0)
        fx_json_put(card, name, text);
    return FX_OK;
}

/* `shared`: the asker wants the channel to see a private answer; anything but true keeps it. */
static enum fx_code fill_shared(struct engine_run *run, struct fx_json *card,
                                struct fx_error *err) {
    const char *template = fx_json_get_text(run->runbook->answer, "shared");
    struct fx_json *shared = NULL;

    if (template == NULL)
        return FX_OK;
    if (fx_expr_fill(run->work->sc, template, run->names, &shared, err) != FX_OK)
        return fx_fail_in(err, "answer shared");
    fx_json_put(card, "shared", fx_json_bool(run->work->sc, fx_json_to_bool(shared, false)));
    return FX_OK;
}

/* Members of `fields` are name -> template; a field without data says so rather than vanish. */
static enum fx_code fill_fields(struct engine_run *run, struct fx_json *card,
                                struct fx_error *err) {
    const struct fx_json *templates = fx_json_at(run->runbook->answer, "fields");
    struct fx_json *fields = fx_json_array(run->work->sc), *template = NULL, *text = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(templates, &cursor, &name, &template)) {
        if (engine_fill_text(run, template, run->names, &text, err) != FX_OK)
            return fx_fail_in(err, "answer field %s", name);
        fx_json_add(fields, engine_field(run->work->sc, name, text));
    }
    FX_TRY(engine_answer_sparklines(run, fields, err));
    if (fx_json_count(fields) > 0)
        fx_json_put(card, "fields", fields);
    return FX_OK;
}

/* One text may stand for a list of one. */
static const struct fx_json *as_list(struct fx_scope *sc, const struct fx_json *value) {
    if (fx_json_text(value) == NULL)
        return value;
    return fx_json_array_of(sc, fx_json_copy(sc, value), NULL);
}

/* `lines` is a list of templates; one that comes out empty is left out. */
static enum fx_code fill_lines(struct engine_run *run, struct fx_json *card, struct fx_error *err) {
    const struct fx_json *templates =
        as_list(run->work->sc, fx_json_at(run->runbook->answer, "lines"));
    struct fx_json *lines = fx_json_array(run->work->sc), *text = NULL;

    for (size_t i = 0; i < fx_json_count(templates); i++) {
        if (engine_fill_text(run, fx_json_item(templates, i), run->names, &text, err) != FX_OK)
            return fx_fail_in(err, "answer line %zu", i + 1);
        if (fx_json_text_slice(text).len > 0)
            fx_json_add(lines, text);
    }
    if (fx_json_count(lines) > 0)
        fx_json_put(card, "lines", lines);
    return FX_OK;
}

struct fx_json *engine_names_with(struct engine_run *run, const char *name, struct fx_json *value) {
    struct fx_json *names = fx_json_object(run->work->sc), *member = NULL;
    const char *key = NULL;
    void *cursor = NULL;

    while (fx_json_next(run->names, &cursor, &key, &member))
        fx_json_put(names, key, member);
    fx_json_put(names, name, value);
    return names;
}

enum fx_code engine_fill_rows(struct engine_run *run, const struct fx_json *template,
                              struct fx_json **ret_list, struct fx_error *err) {
    *ret_list = NULL;
    if (fx_json_text(template) == NULL)
        return fx_fail(err, FX_ERR_INPUT, "the rows must be an expression that gives a list");
    FX_TRY(fx_expr_fill(run->work->sc, fx_json_text(template), run->names, ret_list, err));
    if (fx_json_type(*ret_list) != FX_JSON_ARRAY)
        return fx_fail(err, FX_ERR_INPUT, "the rows are not a list");
    return FX_OK;
}

static enum fx_code fill_row(struct engine_run *run, const struct fx_json *columns,
                             struct fx_json *row, struct fx_json **ret_cells,
                             struct fx_error *err) {
    struct fx_json *names = engine_names_with(run, "row", row), *template = NULL, *text = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    *ret_cells = fx_json_array(run->work->sc);
    while (fx_json_next(columns, &cursor, &name, &template)) {
        if (engine_fill_text(run, template, names, &text, err) != FX_OK)
            return fx_fail_in(err, "column %s", name);
        fx_json_add(*ret_cells, text);
    }
    return FX_OK;
}

static enum fx_code fill_table(struct engine_run *run, struct fx_json *card, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_json *table = fx_json_at(run->runbook->answer, "table");
    const struct fx_json *columns = fx_json_at(table, "columns");
    struct fx_json *list = NULL, *rows = fx_json_array(sc), *headings = fx_json_array(sc);
    const char *name = NULL;
    void *cursor = NULL;

    if (table == NULL)
        return FX_OK;
    FX_TRY(engine_fill_rows(run, fx_json_at(table, "rows"), &list, err));
    while (fx_json_next(columns, &cursor, &name, NULL))
        fx_json_add(headings, fx_json_string(sc, name));
    for (size_t i = 0; i < fx_json_count(list) && i < ANSWER_MAX_ROWS; i++) {
        struct fx_json *cells = NULL;

        if (fill_row(run, columns, fx_json_item(list, i), &cells, err) != FX_OK)
            return fx_fail_in(err, "answer table, row %zu", i + 1);
        fx_json_add(rows, cells);
    }
    if (fx_json_count(rows) > 0)
        fx_json_put(card, "table", fx_json_object_of(sc, "columns", headings, "rows", rows, NULL));
    return FX_OK;
}

static enum fx_code fill_list(struct engine_run *run, struct fx_json *card, struct fx_error *err) {
    const struct fx_json *part = fx_json_at(run->runbook->answer, "list");
    struct fx_json *items = NULL, *list = fx_json_array(run->work->sc), *text = NULL;

    if (part == NULL)
        return FX_OK;
    FX_TRY(engine_fill_rows(run, fx_json_at(part, "items"), &items, err));
    for (size_t i = 0; i < fx_json_count(items) && i < ANSWER_MAX_ROWS; i++) {
        if (engine_fill_text(run, fx_json_at(part, "text"),
                             engine_names_with(run, "item", fx_json_item(items, i)), &text,
                             err) != FX_OK)
            return fx_fail_in(err, "answer list, item %zu", i + 1);
        fx_json_add(list, text);
    }
    if (fx_json_count(list) > 0)
        fx_json_put(card, "list", list);
    return FX_OK;
}

/* ---- buttons ---- */

struct fx_json *engine_remember_button(struct fx_scope *sc, const struct fx_engine_system *system,
                                       const struct fx_runbook *runbook, const char *arguments,
                                       const char *text) {
    const char *line = fx_printf(sc, "%s %s%s%s", system->command, runbook->command,
                                 arguments[0] == '\0' ? "" : " ", arguments);

    if (text == NULL)
        text = runbook->button != NULL ? runbook->button : line;
    return fx_json_object_of(sc, "command", fx_json_string(sc, runbook->command), "arguments",
                             fx_json_string(sc, arguments), "text", fx_json_string(sc, text),
                             "label", fx_json_stringf(sc, "%s: %s", text, line), "confirm",
                             runbook->confirm == NULL ? NULL : fx_json_string(sc, runbook->confirm),
                             NULL);
}

static enum fx_code fill_button(struct engine_run *run, const struct fx_json *template,
                                struct fx_json *buttons, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const char *when = fx_json_get_text(template, "when");
    struct fx_json *filled = NULL;

    /* before its arguments, which may read what is there only when it is offered */
    if (when != NULL) {
        FX_TRY(fx_expr_fill(sc, when, run->names, &filled, err));
        if (!fx_json_to_bool(filled, false))
            return FX_OK;
    }
    FX_TRY(fx_expr_fill_all(sc, template, run->names, &filled, err));
    const char *command = fx_json_get_text(filled, "command");
    /* an expression alone may come to a number; as a person would type it */
    const char *arguments = fx_json_at(filled, "arguments") == NULL
                                ? NULL
                                : readable(sc, fx_json_at(filled, "arguments"));
    const struct fx_runbook *runbook = fx_system_find(run->system->system, command);

    if (runbook == NULL)
        return fx_fail(err, FX_ERR_INTERNAL, "there is no command %s", command);
    struct fx_json *button =
        engine_remember_button(sc, run->system, runbook, arguments == NULL ? "" : arguments,
                               fx_json_get_text(filled, "text"));

    if (fx_json_get_text(filled, "style") != NULL)
        fx_json_put(button, "style", fx_json_at(filled, "style"));
    fx_json_add(buttons, button);
    return FX_OK;
}

/* Slack asks it before the click is sent. */
static struct fx_json *confirmation(struct fx_scope *sc, const struct fx_json *button) {
    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "%s?", fx_json_get_text(button, "text")), "text",
        fx_json_copy(sc, fx_json_at(button, "confirm")), "ok", fx_json_string(sc, "Yes"), "back",
        fx_json_string(sc, "Go back"), NULL);
}

struct fx_json *engine_command_buttons(struct fx_scope *sc, const struct fx_json *buttons,
                                       const char *owner) {
    struct fx_json *drawn = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(buttons); i++) {
        const struct fx_json *button = fx_json_item(buttons, i);
        struct fx_json *shown =
            engine_button(sc, fx_json_get_text(button, "text"), fx_printf(sc, "command:%zu", i),
                          fx_printf(sc, "%s;b=%zu", owner, i), fx_json_get_text(button, "style"));

        fx_json_put(shown, "label", fx_json_at(button, "label"));
        if (fx_json_at(button, "confirm") != NULL)
            fx_json_put(shown, "confirm", confirmation(sc, button));
        fx_json_add(drawn, shown);
    }
    return drawn;
}

static enum fx_code fill_buttons(struct engine_run *run, struct fx_json *card,
                                 struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_json *templates = fx_json_at(run->runbook->answer, "buttons");
    struct fx_json *buttons = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(templates); i++)
        if (fill_button(run, fx_json_item(templates, i), buttons, err) != FX_OK)
            return fx_fail_in(err, "answer button %zu", i + 1);
    if (fx_json_count(buttons) == 0)
        return FX_OK;
    /* a click names the run and the position; what it does is looked up here */
    fx_json_put(run->values, "_buttons", buttons);
    fx_json_put(card, "buttons",
                engine_command_buttons(sc, buttons, fx_printf(sc, "r=%s", run->row->id)));
    return FX_OK;
}

/* Where a step was a link, its button stands behind those of the answer. */
static void add_links(struct engine_run *run, struct fx_json *card) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *buttons = fx_json_at(card, "buttons");

    for (size_t i = 0; i < run->runbook->steps_count; i++) {
        const struct fx_runbook_step *step = &run->runbook->steps[i];
        const struct fx_json *value = fx_json_at(run->values, step->id);

        if (!step->kind->is_link || fx_json_get_text(value, "url") == NULL)
            continue;
        if (buttons == NULL)
            fx_json_put(card, "buttons", buttons = fx_json_array(sc));
        fx_json_add(buttons, engine_link_button(sc, fx_json_get_text(value, "text"),
                                                fx_printf(sc, "link:%s", step->id),
                                                fx_json_get_text(value, "url")));
    }
}

static struct fx_json *small_print(struct engine_run *run, const struct fx_json *context) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *parts = fx_json_array(sc);
    const char *took =
        fx_duration(sc, fx_wall_ms(run->work->engine->options.clock) - run->row->created_ms);

    if (fx_json_text(context) != NULL)
        fx_json_add(parts, fx_json_stringf(sc, "%s ", engine_sentence(sc, fx_json_text(context))));
    fx_json_add(parts, fx_json_string(sc, "Asked by "));
    fx_json_add(parts, engine_asker(run->work, run->row));
    for (size_t i = 0; i < run->runbook->steps_count; i++) {
        const struct fx_json *value = fx_json_at(run->values, run->runbook->steps[i].id);

        if (run->runbook->steps[i].kind->is_approval)
            engine_add_approvers(sc, parts, value, NULL);
    }
    fx_json_add(parts, fx_json_stringf(sc, " in %s, run %s, took %s", run->row->environment,
                                       run->row->id, took));
    return parts;
}

enum fx_code engine_answer(struct engine_run *run, struct fx_json **ret_card,
                           struct fx_error *err) {
    static const char *const members[] = {"title", "tone", "verdict", "code", "text", "context"};
    struct fx_json *card = fx_json_object(run->work->sc);

    for (size_t i = 0; i < FX_COUNT_OF(members); i++)
        FX_TRY(fill_member(run, members[i], card, err));
    if (fx_json_at(card, "title") == NULL)
        fx_json_put(
            card, "title",
            fx_json_stringf(run->work->sc, "%s %s", run->system->command, run->row->command));
    FX_TRY(fill_shared(run, card, err));
    FX_TRY(fill_lines(run, card, err));
    FX_TRY(fill_fields(run, card, err));
    FX_TRY(fill_table(run, card, err));
    FX_TRY(fill_list(run, card, err));
    FX_TRY(fill_buttons(run, card, err));
    add_links(run, card);
    FX_TRY(engine_answer_files(run, card, err));
    fx_json_put(card, "context", small_print(run, fx_json_at(card, "context")));
    engine_checklist_show(run, card);
    *ret_card = card;
    return FX_OK;
}
