/* answer_files.c - the `chart` and the `file` of an answer: what a step found, as a picture and as
 * a table to take away. They follow the card into its thread; the card says it all without them. */
#include "answer.h"
#include "files.h"

#include "fluxabot/base/clock.h"
#include "fluxabot/expr.h"

#include <math.h>
#include <string.h>

static enum fx_code is_wanted(struct engine_run *run, const struct fx_json *part, bool *ret_wanted,
                              struct fx_error *err) {
    const char *when = fx_json_get_text(part, "when");
    struct fx_json *value = NULL;

    *ret_wanted = true;
    if (when == NULL)
        return FX_OK;
    FX_TRY(fx_expr_fill(run->work->sc, when, run->names, &value, err));
    *ret_wanted = fx_json_to_bool(value, false);
    return FX_OK;
}

/* NULL when the part does not name it. */
static enum fx_code fill(struct engine_run *run, const struct fx_json *part, const char *name,
                         struct fx_json **ret_value, struct fx_error *err) {
    struct fx_json *template = fx_json_at(part, name);

    *ret_value = template;
    if (fx_json_text(template) == NULL)
        return FX_OK;
    return fx_expr_fill(run->work->sc, fx_json_text(template), run->names, ret_value, err);
}

static enum fx_code fill_title(struct engine_run *run, const struct fx_json *part,
                               const char *otherwise, const char **ret_title,
                               struct fx_error *err) {
    struct fx_json *title = NULL;

    *ret_title = otherwise;
    if (fx_json_at(part, "title") == NULL)
        return FX_OK;
    FX_TRY(engine_fill_text(run, fx_json_at(part, "title"), run->names, &title, err));
    if (fx_json_text_slice(title).len > 0)
        *ret_title = fx_json_text(title);
    return FX_OK;
}

static void add_file(struct engine_run *run, struct fx_json *card, struct fx_json *file) {
    if (fx_json_at(card, "files") == NULL)
        fx_json_put(card, "files", fx_json_array(run->work->sc));
    fx_json_add(fx_json_at(card, "files"), file);
}

/* A run has at most one of each, so that its id makes the name unique. */
static const char *name_of(struct engine_run *run, const char *what) {
    char *name = fx_printf(run->work->sc, "%s-%s", what, run->row->id);

    for (char *c = name; *c != '\0'; c++)
        if (*c == ' ')
            *c = '-';
    return name;
}

/* ---- the picture ---- */

/* Of what a step `metric` found; false when nothing was measured: then there is nothing to see. */
static enum fx_code read_series(struct fx_scope *sc, const struct fx_json *series,
                                struct fx_chart *chart, bool *ret_measured, struct fx_error *err) {
    const struct fx_json *points = fx_json_at(series, "points");
    size_t count = fx_json_count(points);

    if (fx_json_type(points) != FX_JSON_ARRAY || fx_json_get_int(series, "period", 0) <= 0)
        return fx_fail(err, FX_ERR_INPUT, "it needs what a step metric found");
    if (count > FILES_MAX_CHART_POINTS)
        return fx_fail(err, FX_ERR_LIMIT, "a chart has at most %d points", FILES_MAX_CHART_POINTS);
    double *values = fx_alloc(sc, (count + 1) * sizeof(double));

    *ret_measured = false;
    for (size_t i = 0; i < count; i++) {
        values[i] = fx_json_to_real(fx_json_item(points, i), NAN);
        *ret_measured |= isfinite(values[i]) != 0;
    }
    chart->values = values;
    chart->count = count;
    chart->from_ms = fx_json_get_int(series, "from", 0);
    chart->period_ms = fx_json_get_int(series, "period", 0);
    return FX_OK;
}

static enum fx_code fill_chart(struct engine_run *run, const struct fx_json *part,
                               struct fx_json *card, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *series = NULL, *unit = NULL, *threshold = NULL, *alarm = NULL;
    struct fx_chart chart = {.unit = ""};
    bool wanted = false;

    FX_TRY(is_wanted(run, part, &wanted, err));
    if (!wanted)
        return FX_OK;
    FX_TRY(fill(run, part, "points", &series, err));
    if (fx_json_type(series) != FX_JSON_OBJECT) /* why there is none, which the card tells */
        return FX_OK;
    FX_TRY(read_series(sc, series, &chart, &wanted, err));
    if (!wanted)
        return FX_OK;
    FX_TRY(fill_title(run, part, run->row->command, &chart.title, err));
    FX_TRY(fill(run, part, "unit", &unit, err));
    FX_TRY(fill(run, part, "threshold", &threshold, err));
    FX_TRY(fill(run, part, "alarm", &alarm, err));
    if (fx_json_text(unit) != NULL)
        chart.unit = fx_json_text(unit);
    chart.threshold = fx_json_to_real(threshold, NAN);
    chart.alarm_ms = fx_json_to_int(alarm, 0);
    add_file(run, card, engine_chart_file(sc, name_of(run, run->row->command), &chart));
    return FX_OK;
}

/* ---- the table ---- */

/* {"user": id} and {"time": ms} as a table has them. */
static struct fx_json *plain(struct fx_scope *sc, struct fx_json *cell) {
    const struct fx_json *time = fx_json_at(cell, "time");

    if (fx_json_type(cell) != FX_JSON_OBJECT)
        return cell;
    if (time != NULL)
        return fx_json_string(sc, fx_time_iso(sc, fx_json_to_int(time, 0)));
    return fx_json_string(sc, fx_json_get_text(cell, "user"));
}

static enum fx_code fill_row(struct engine_run *run, const struct fx_json *columns,
                             struct fx_json *row, struct fx_json **ret_cells,
                             struct fx_error *err) {
    struct fx_json *names = engine_names_with(run, "row", row), *template = NULL, *cell = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    *ret_cells = fx_json_array(run->work->sc);
    while (fx_json_next(columns, &cursor, &name, &template)) {
        if (engine_fill_text(run, template, names, &cell, err) != FX_OK)
            return fx_fail_in(err, "column %s", name);
        fx_json_add(*ret_cells, plain(run->work->sc, cell));
    }
    return FX_OK;
}

/* Only the columns that are named: what else a row holds stays here. */
static enum fx_code fill_table(struct engine_run *run, const struct fx_json *part,
                               struct fx_json *card, struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_json *columns = fx_json_at(part, "columns");
    struct fx_json *list = NULL, *headings = fx_json_array(sc), *rows = fx_json_array(sc);
    const char *name = NULL, *title = NULL;
    void *cursor = NULL;
    size_t kept = 0;
    bool wanted = false;

    FX_TRY(is_wanted(run, part, &wanted, err));
    if (!wanted)
        return FX_OK;
    FX_TRY(engine_fill_rows(run, fx_json_at(part, "rows"), &list, err));
    if (fx_json_count(list) == 0)
        return FX_OK;
    while (fx_json_next(columns, &cursor, &name, NULL))
        fx_json_add(headings, fx_json_string(sc, name));
    for (size_t i = 0; i < fx_json_count(list) && i < FILES_MAX_ROWS; i++) {
        struct fx_json *cells = NULL;

        if (fill_row(run, columns, fx_json_item(list, i), &cells, err) != FX_OK)
            return fx_fail_in(err, "row %zu", i + 1);
        fx_json_add(rows, cells);
    }
    FX_TRY(fill_title(run, part, run->row->command, &title, err));
    const char *csv = engine_csv(sc, headings, rows, &kept);

    if (kept < fx_json_count(list))
        title = fx_printf(sc, "%s (the first %zu of %zu rows)", title, kept, fx_json_count(list));
    add_file(run, card,
             engine_table_file(sc, name_of(run, fx_json_get_text(part, "name")), title, csv));
    return FX_OK;
}

enum fx_code engine_answer_files(struct engine_run *run, struct fx_json *card,
                                 struct fx_error *err) {
    const struct fx_json *chart = fx_json_at(run->runbook->answer, "chart");
    const struct fx_json *file = fx_json_at(run->runbook->answer, "file");

    if (chart != NULL && fill_chart(run, chart, card, err) != FX_OK)
        return fx_fail_in(err, "answer chart");
    if (file != NULL && fill_table(run, file, card, err) != FX_OK)
        return fx_fail_in(err, "answer file");
    return FX_OK;
}
