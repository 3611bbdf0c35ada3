/* rescue.c - where several processes share a database: those that live go on with what was begun by
 * those that are gone. And whether another server may come in its place, one that knows less.
 *
 * The database knows who lives, because each process holds a lock there that ends with it (see
 * postgres_connect.c). A frozen process is not gone: its leases run out, its messages wait for it.
 */
#include "private.h"

#include <stdatomic.h>

/* Whoever comes when it is time looks; the others go on. */
static bool is_time(struct store_db *db) {
    int64_t now_ms = fx_mono_ms(db->clock);
    int64_t due_ms = atomic_load(&db->rescue_at_ms);

    return now_ms >= due_ms &&
           atomic_compare_exchange_strong(&db->rescue_at_ms, &due_ms, now_ms + STORE_RESCUE_MS);
}

enum fx_code store_rescue(struct fx_store *store, struct fx_scope *sc, struct fx_error *err) {
    struct store_db *db = store_of(store);

    if (!db->driver->shared || !is_time(db))
        return FX_OK;
    FX_TRY(store_write(store, sc, store_release_leases, NULL, err));
    return store_write(store, sc, store_recover_messages, NULL, err);
}

/* ---- another server ---- */

struct standbys {
    int64_t count, synchronous;
};

static enum fx_code count_standbys(struct store_link *link, struct standbys *ret,
                                   struct fx_error *err) {
    FX_CLEANUP(store_rows_end) struct store_rows rows = {0};
    bool row = false;

    FX_TRY(store_query(link, STMT_STANDBYS, NULL, 0, &rows, err));
    FX_TRY(store_next(&rows, &row, err));
    if (row)
        *ret = (struct standbys){store_int(&rows, 0), store_int(&rows, 1)};
    return FX_OK;
}

/* Where no server follows this one, none can take its place. Where a synchronous one was asked for,
 * a commit waits until it has the rows. */
enum fx_code store_may_forget(struct store_link *link, const char **ret_how, struct fx_error *err) {
    struct standbys found = {0};

    *ret_how = NULL;
    if (!link->db->driver->shared)
        return FX_OK;
    FX_TRY(count_standbys(link, &found, err));
    if (found.count > 0 && !found.synchronous)
        *ret_how = fx_printf(link->sc,
                             "this PostgreSQL has %lld standby%s and waits for none, so a failover "
                             "may forget changes",
                             (long long)found.count, found.count == 1 ? "" : "s");
    return FX_OK;
}

static enum fx_code look(struct store_link *link, void *what, struct fx_error *err) {
    return store_may_forget(link, what, err);
}

static enum fx_code may_forget(struct fx_store *store, struct fx_scope *sc, const char **ret_how,
                               struct fx_error *err) {
    *ret_how = NULL;
    return store_of(store)->driver->shared ? store_read(store, sc, look, ret_how, err) : FX_OK;
}

void store_rescue_bind(struct fx_store *store) {
    store->may_forget = may_forget;
}
