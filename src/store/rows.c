/* rows.c - reads rows of any table into lists. */
#include "private.h"

#include <string.h>

enum { LIST_FIRST_ROOM = 8 };

int64_t store_max_rows(size_t max) {
    return max < FX_STORE_MAX_ROWS ? (int64_t)max : FX_STORE_MAX_ROWS;
}

/* ---- inside a unit of work ---- */

enum fx_code store_read_list(struct store_link *link, enum store_statement which,
                             const struct store_value *values, size_t count, store_read_fn *read,
                             void *ret_list, size_t *ret_count, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    size_t room = LIST_FIRST_ROOM;
    size_t found = 0;
    void **list = fx_alloc(link->sc, room * sizeof(void *));

    FX_TRY(store_query(link, which, values, count, &rows, err));
    for (;;) {
        bool row = false;
        FX_TRY(store_next(&rows, &row, err));
        if (!row)
            break;
        if (found == room) {
            void **larger = fx_alloc(link->sc, 2 * room * sizeof(void *));
            memcpy(larger, list, room * sizeof(void *));
            list = larger;
            room *= 2;
        }
        list[found++] = read(link->sc, &rows);
    }
    /* ret_list is the address of some struct's pointer to pointers */
    memcpy(ret_list, &list, sizeof(list));
    *ret_count = found;
    return FX_OK;
}

enum fx_code store_read_one(struct store_link *link, enum store_statement which,
                            const struct store_value *values, size_t count, store_read_fn *read,
                            void *ret_item, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    void *item = NULL;
    bool row = false;

    FX_TRY(store_query(link, which, values, count, &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    if (row)
        item = read(link->sc, &rows);
    memcpy(ret_item, &item, sizeof(item));
    return FX_OK;
}

enum fx_code store_read_int(struct store_link *link, enum store_statement which,
                            const struct store_value *values, size_t count, bool *ret_row,
                            int64_t *ret_number, struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};

    FX_TRY(store_query(link, which, values, count, &rows, err));
    FX_TRY(store_next(&rows, ret_row, err));
    *ret_number = *ret_row ? store_int(&rows, 0) : 0;
    return FX_OK;
}

/* ---- whole operations ---- */

struct look {
    enum store_statement which;
    const struct store_value *values;
    size_t values_count;
    store_read_fn *read;
    void *ret;
    size_t *ret_count;
};

static enum fx_code list_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct look *look = what;

    return store_read_list(link, look->which, look->values, look->values_count, look->read,
                           look->ret, look->ret_count, err);
}

static enum fx_code one_in(struct store_link *link, void *what, struct fx_error *err) {
    const struct look *look = what;

    return store_read_one(link, look->which, look->values, look->values_count, look->read,
                          look->ret, err);
}

enum fx_code store_list(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                        const struct store_value *values, size_t count, store_read_fn *read,
                        void *ret_list, size_t *ret_count, struct fx_error *err) {
    struct look look = {which, values, count, read, ret_list, ret_count};

    return store_read(store, sc, list_in, &look, err);
}

enum fx_code store_one(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                       const struct store_value *values, size_t count, store_read_fn *read,
                       void *ret_item, struct fx_error *err) {
    struct look look = {which, values, count, read, ret_item, NULL};

    return store_read(store, sc, one_in, &look, err);
}
