/* rescue.c - where several processes share a database: those that live go on with what was begun by
 * those that are gone.
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
