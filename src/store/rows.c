/* rows.c - reads rows of any table into lists. */
#include "private.h"

#include <string.h>

enum { LIST_FIRST_ROOM = 8 };

int64_t store_max_rows(size_t max) {
    return max < FX_STORE_MAX_ROWS ? (int64_t)max : FX_STORE_MAX_ROWS;
}

enum fx_code store_read_list(struct sqlite_store *db, struct fx_scope *sc,
                             enum store_statement which, const struct store_value *values,
                             size_t count, store_read_fn *read, void *ret_list, size_t *ret_count,
                             struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    size_t room = LIST_FIRST_ROOM;
    size_t found = 0;
    void **list = fx_alloc(sc, room * sizeof(void *));

    FX_TRY(store_query(db, which, values, count, &rows, err));
    for (;;) {
        bool row = false;
        FX_TRY(store_next(&rows, &row, err));
        if (!row)
            break;
        if (found == room) {
            void **larger = fx_alloc(sc, 2 * room * sizeof(void *));
            memcpy(larger, list, room * sizeof(void *));
            list = larger;
            room *= 2;
        }
        list[found++] = read(sc, &rows);
    }
    /* ret_list is the address of some struct's pointer to pointers */
    memcpy(ret_list, &list, sizeof(list));
    *ret_count = found;
    return FX_OK;
}

enum fx_code store_read_one(struct sqlite_store *db, struct fx_scope *sc,
                            enum store_statement which, const struct store_value *values,
                            size_t count, store_read_fn *read, void *ret_item,
                            struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    void *item = NULL;
    bool row = false;

    FX_TRY(store_query(db, which, values, count, &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    if (row)
        item = read(sc, &rows);
    memcpy(ret_item, &item, sizeof(item));
    return FX_OK;
}

enum fx_code store_list(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                        const struct store_value *values, size_t count, store_read_fn *read,
                        void *ret_list, size_t *ret_count, struct fx_error *err) {
    struct sqlite_store *db = store_of(store);

    FX_TRY(store_lock(db, err));
    enum fx_code code =
        store_read_list(db, sc, which, values, count, read, ret_list, ret_count, err);
    store_unlock(db);
    return code;
}

enum fx_code store_one(struct fx_store *store, struct fx_scope *sc, enum store_statement which,
                       const struct store_value *values, size_t count, store_read_fn *read,
                       void *ret_item, struct fx_error *err) {
    struct sqlite_store *db = store_of(store);

    FX_TRY(store_lock(db, err));
    enum fx_code code = store_read_one(db, sc, which, values, count, read, ret_item, err);
    store_unlock(db);
    return code;
}
