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

/* ---- another server ---- */

/* When one that nobody waits for was there last; in the database, because a standby that is away
 * from it has that, too. */
static const char seen_setting[] = "store.standby_seen_ms";

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

static int64_t seen_ms_of(const char *value) {
    int64_t seen_ms = 0;

    return fx_slice_to_int(fx_slice_of(value), &seen_ms) ? seen_ms : 0;
}

/* A link that breaks is what comes before many a failover, and then nothing is there to be seen. */
static enum fx_code note_standbys(struct store_link *link, void *what, struct fx_error *err) {
    int64_t now_ms = fx_wall_ms(link->db->clock);
    struct standbys found = {0};
    const char *value = "";

    (void)what;
    FX_TRY(count_standbys(link, &found, err));
    if (found.count == 0 && !found.synchronous)
        return FX_OK;
    FX_TRY(store_setting_take(link, seen_setting, &value, err));
    int64_t seen_ms = seen_ms_of(value);

    if (found.synchronous ? seen_ms == 0
                          : now_ms >= seen_ms && now_ms - seen_ms < STORE_STANDBY_NOTE_MS)
        return FX_OK;
    value = found.synchronous ? "0" : fx_printf(link->sc, "%lld", (long long)now_ms);
    return store_setting_put(link, &(struct fx_setting){.name = seen_setting, .value = value}, err);
}

static enum fx_code say_when_one_was_there(struct store_link *link, const char **ret_how,
                                           struct fx_error *err) {
    const char *value = "";

    FX_TRY(store_setting_look(link, seen_setting, &value, err));
    int64_t seen_ms = seen_ms_of(value);

    if (seen_ms > 0 && fx_wall_ms(link->db->clock) - seen_ms < STORE_STANDBY_KEPT_MS)
        *ret_how = fx_printf(link->sc,
                             "this PostgreSQL had a standby on %s that it did not wait for, so a "
                             "failover to it may forget changes",
                             fx_time_iso(link->sc, seen_ms));
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
    if (found.synchronous)
        return FX_OK;
    if (found.count == 0)
        return say_when_one_was_there(link, ret_how, err);
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

/* ---- now and then ---- */

enum fx_code store_rescue(struct fx_store *store, struct fx_scope *sc, struct fx_error *err) {
    struct store_db *db = store_of(store);

    if (!db->driver->shared || !is_time(db))
        return FX_OK;
    FX_TRY(store_write(store, sc, store_release_leases, NULL, err));
    FX_TRY(store_write(store, sc, store_recover_messages, NULL, err));
    return store_write(store, sc, note_standbys, NULL, err);
}

void store_rescue_bind(struct fx_store *store) {
    store->may_forget = may_forget;
}
