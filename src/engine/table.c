/* table.c - rows as CSV (RFC 4180), safe to open with a program that calculates. */
#include "files.h"

#include "fluxabot/base/buf.h"

#include <string.h>

/* "-5" and "+3.1" are numbers and stay what they are. */
static bool is_number(struct fx_slice text) {
    bool digits = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c >= '0' && c <= '9')
            digits = true;
        else if (c != '.' && !(i == 0 && (c == '-' || c == '+')))
            return false;
    }
    return digits;
}

/* A cell that begins so is a formula to Excel and its like, also behind blanks; it may fetch
 * addresses and start programs. */
static bool is_formula(struct fx_slice text) {
    struct fx_slice rest = text;

    while (rest.len > 0 && rest.ptr[0] == ' ')
        rest = fx_slice_cut(rest, 1, rest.len - 1);
    return rest.len > 0 && strchr("=+-@\t\r\n", rest.ptr[0]) != NULL && !is_number(rest);
}

static void add_cell(struct fx_buf *line, const char *text) {
    struct fx_slice all = fx_slice_of(text);
    struct fx_slice cell = fx_slice_cut(all, 0, fx_slice_utf8_prefix(all, FILES_MAX_CELL));

    fx_buf_add_text(line, is_formula(cell) ? "\"'" : "\"");
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '"')
            fx_buf_add_char(line, '"');
        fx_buf_add_char(line, cell.ptr[i]);
    }
    fx_buf_add_text(line, cell.len < all.len ? "…\"" : "\"");
}

static struct fx_slice line_of(struct fx_scope *sc, const struct fx_json *cells) {
    struct fx_buf line;

    fx_buf_init(&line, sc, FILES_MAX_TABLE_BYTES);
    for (size_t i = 0; i < fx_json_count(cells); i++) {
        const char *text = fx_json_text(fx_json_item(cells, i));

        fx_buf_add_text(&line, i > 0 ? "," : "");
        add_cell(&line, text != NULL ? text : "");
    }
    fx_buf_add_text(&line, "\r\n");
    return fx_buf_slice(&line);
}

const char *engine_csv(struct fx_scope *sc, const struct fx_json *headings,
                       const struct fx_json *rows, size_t *ret_rows) {
    size_t count = fx_json_count(rows);
    struct fx_buf csv;

    fx_buf_init(&csv, sc, FILES_MAX_TABLE_BYTES);
    fx_buf_add(&csv, line_of(sc, headings));
    for (*ret_rows = 0; *ret_rows < count && *ret_rows < FILES_MAX_ROWS; ++*ret_rows) {
        struct fx_slice line = line_of(sc, fx_json_item(rows, *ret_rows));

        if (csv.len + line.len > FILES_MAX_TABLE_BYTES) /* no half rows */
            break;
        fx_buf_add(&csv, line);
    }
    return fx_buf_text(&csv);
}
