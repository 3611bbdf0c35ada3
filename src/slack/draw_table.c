/* draw_table.c - a table within Slack's limits, cut by rows and columns. */
#include "private.h"

#include <string.h>

/* Slack refuses an empty cell. */
static const char *const EMPTY_CELL = "–";

static size_t count_columns(const struct fx_json *columns, const struct fx_json *rows) {
    size_t count = fx_json_count(columns);

    if (count == 0)
        count = fx_json_count(fx_json_item(rows, 0));
    return count;
}

static struct fx_json *draw_cell(struct fx_scope *sc, const struct fx_json *text) {
    const char *drawn = slack_rich(sc, text, SLACK_PLAIN, SLACK_DRAW_CELL);

    return fx_json_object_of(sc, "type", fx_json_string(sc, "raw_text"), "text",
                             fx_json_string(sc, drawn[0] != '\0' ? drawn : EMPTY_CELL), NULL);
}

/* Rows may be shorter or longer than the heading; Slack wants them equal. */
static struct fx_json *draw_row(struct fx_scope *sc, const struct fx_json *cells, size_t columns) {
    struct fx_json *row = fx_json_array(sc);

    for (size_t i = 0; i < columns; i++)
        fx_json_add(row, draw_cell(sc, fx_json_item(cells, i)));
    return row;
}

static struct fx_json *draw_heading(struct fx_scope *sc, const struct fx_json *columns,
                                    size_t count) {
    struct fx_json *row = fx_json_array(sc);

    if (fx_json_count(columns) > 0)
        return draw_row(sc, columns, count);
    for (size_t i = 0; i < count; i++)
        fx_json_add(row, draw_cell(sc, fx_json_stringf(sc, "Column %zu", i + 1)));
    return row;
}

static bool is_number(const char *text) {
    return text[0] != '\0' && text[strspn(text, "0123456789.,+-% ")] == '\0';
}

static bool is_number_column(const struct fx_json *rows, size_t column) {
    for (size_t i = 1; i < fx_json_count(rows); i++) {
        const char *text = fx_json_get_text(fx_json_item(fx_json_item(rows, i), column), "text");
        if (!is_number(text) && strcmp(text, EMPTY_CELL) != 0)
            return false;
    }
    return true;
}

static struct fx_json *draw_settings(struct fx_scope *sc, const struct fx_json *rows,
                                     size_t columns) {
    struct fx_json *settings = fx_json_array(sc);

    for (size_t i = 0; i < columns; i++)
        fx_json_add(settings,
                    is_number_column(rows, i)
                        ? fx_json_object_of(sc, "align", fx_json_string(sc, "right"), NULL)
                        : fx_json_object_of(sc, "is_wrapped", fx_json_bool(sc, true), NULL));
    return settings;
}

void slack_draw_table(struct slack_drawing *d) {
    const struct fx_json *table = fx_json_at(d->card, "table");
    const struct fx_json *rows = fx_json_at(table, "rows");
    size_t all_columns = count_columns(fx_json_at(table, "columns"), rows);
    size_t columns = all_columns < SLACK_MAX_TABLE_COLUMNS ? all_columns : SLACK_MAX_TABLE_COLUMNS;
    size_t count = fx_json_count(rows), shown = 0;
    size_t room = slack_room(d, SLACK_MAX_TABLE_CHARACTERS);

    if (columns == 0)
        return;
    struct fx_json *drawn =
        fx_json_array_of(d->sc, draw_heading(d->sc, fx_json_at(table, "columns"), columns), NULL);
    size_t used = slack_count_points(drawn);
    for (; shown < count && shown + 1 < SLACK_MAX_TABLE_ROWS; shown++) {
        struct fx_json *row = draw_row(d->sc, fx_json_item(rows, shown), columns);
        used += slack_count_points(row);
        if (used > room)
            break;
        fx_json_add(drawn, row);
    }
    slack_lose(d, count - shown, "row", "rows");
    if (shown == 0)
        return;
    slack_lose(d, all_columns - columns, "column", "columns");
    slack_add_block(d, "t", 0,
                    fx_json_object_of(d->sc, "type", fx_json_string(d->sc, "table"),
                                      "column_settings", draw_settings(d->sc, drawn, columns),
                                      "rows", drawn, NULL));
}
