/* sqlite_given.c - rows of ours as a table that a statement reads.
 *
 * Running a statement costs SQLite about as much as the row that it writes: values are bound one by
 * one, cursors are opened and closed. "given" is a table whose rows lie in our memory while one
 * statement runs, so a batch is written by as many statements as there are tables. It has columns
 * v1, v2, ... in the order of the values, SQLITE_GIVEN_COLUMNS of them.
 */
#include "sqlite.h"

#include <sqlite3.h>

static const char columns[] = "CREATE TABLE given (v1, v2, v3, v4, v5, v6, v7, v8, v9)";

struct table {
    struct sqlite3_vtab base;
    const struct sqlite_given *given;
};

struct cursor {
    struct sqlite3_vtab_cursor base;
    size_t row;
};

static const struct sqlite_given *given_of(struct sqlite3_vtab_cursor *cursor) {
    return FX_CONTAINER_OF(cursor->pVtab, struct table, base)->given;
}

static struct cursor *cursor_of(struct sqlite3_vtab_cursor *cursor) {
    return FX_CONTAINER_OF(cursor, struct cursor, base);
}

/* ---- the table ---- */

static int connect_table(struct sqlite3 *connection, void *given, int argc, const char *const *argv,
                         struct sqlite3_vtab **ret_table, char **err) {
    int rc = sqlite3_declare_vtab(connection, columns);
    struct table *table = rc == SQLITE_OK ? sqlite3_malloc(sizeof(*table)) : NULL;

    (void)argc;
    (void)argv;
    (void)err;
    if (table == NULL)
        return rc != SQLITE_OK ? rc : SQLITE_NOMEM;
    *table = (struct table){.given = given};
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int disconnect_table(struct sqlite3_vtab *base) {
    sqlite3_free(FX_CONTAINER_OF(base, struct table, base));
    return SQLITE_OK;
}

/* From the first to the last is the only way. */
static int choose_way(struct sqlite3_vtab *base, struct sqlite3_index_info *info) {
    (void)base;
    info->estimatedCost = STORE_BATCH_EVENTS;
    return SQLITE_OK;
}

/* ---- its rows ---- */

static int open_cursor(struct sqlite3_vtab *base, struct sqlite3_vtab_cursor **ret_cursor) {
    struct cursor *cursor = sqlite3_malloc(sizeof(*cursor));

    (void)base;
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){0};
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(struct sqlite3_vtab_cursor *cursor) {
    sqlite3_free(cursor_of(cursor));
    return SQLITE_OK;
}

static int go_to_first(struct sqlite3_vtab_cursor *cursor, int way, const char *name, int argc,
                       struct sqlite3_value **argv) {
    (void)way;
    (void)name;
    (void)argc;
    (void)argv;
    cursor_of(cursor)->row = 0;
    return SQLITE_OK;
}

static int go_to_next(struct sqlite3_vtab_cursor *cursor) {
    cursor_of(cursor)->row++;
    return SQLITE_OK;
}

static int is_behind_last(struct sqlite3_vtab_cursor *cursor) {
    return cursor_of(cursor)->row >= given_of(cursor)->rows;
}

/* The texts outlive the statement. */
static int read_column(struct sqlite3_vtab_cursor *cursor, struct sqlite3_context *result,
                       int column) {
    const struct sqlite_given *given = given_of(cursor);
    const struct store_value *value =
        &given->values[cursor_of(cursor)->row * SQLITE_GIVEN_COLUMNS + (size_t)column];

    if (value->text != NULL)
        sqlite3_result_text(result, value->text, -1, SQLITE_STATIC);
    else
        sqlite3_result_int64(result, value->number);
    return SQLITE_OK;
}

static int read_number(struct sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_number) {
    *ret_number = (sqlite3_int64)cursor_of(cursor)->row;
    return SQLITE_OK;
}

/* Without xCreate it is there by its name alone, and nobody can make another. */
static const struct sqlite3_module module = {
    .xConnect = connect_table,
    .xDisconnect = disconnect_table,
    .xBestIndex = choose_way,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = go_to_first,
    .xNext = go_to_next,
    .xEof = is_behind_last,
    .xColumn = read_column,
    .xRowid = read_number,
};

enum fx_code sqlite_given_open(struct sqlite_db *self, struct fx_error *err) {
    int rc = sqlite3_create_module(self->connection, "given", &module, &self->given);

    return rc == SQLITE_OK ? FX_OK : sqlite_fail(self, rc, "given", err);
}
