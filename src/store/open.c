/* open.c - from an address to a store, whichever database it names. */
#include "private.h"

static void close_store(struct fx_store *store) {
    if (store != NULL)
        store_of(store)->driver->close(store_of(store));
}

void store_init(struct store_db *db, struct fx_scope *sc, struct fx_clock *clock,
                struct fx_random *random, const struct store_driver *driver) {
    struct fx_store *store = &db->store;

    db->sc = sc;
    db->clock = clock;
    db->random = random;
    db->driver = driver;
    pthread_mutex_init(&db->queue_lock, NULL);
    pthread_mutex_init(&db->unrecorded.lock, NULL);
    store->close = close_store;
    store_accept_bind(store);
    store_jobs_bind(store);
    store_effects_bind(store);
    store_approvals_bind(store);
    store_runs_bind(store);
    store_incidents_bind(store);
    store_outbox_bind(store);
    store_audit_bind(store);
    store_settings_bind(store);
    store_rescue_bind(store);
    store_storms_bind(store);
}

void store_free(struct store_db *db) {
    pthread_mutex_destroy(&db->queue_lock);
    pthread_mutex_destroy(&db->unrecorded.lock);
    fx_scope_free(db->sc);
}

enum fx_code fx_store_open(struct fx_scope *sc, const char *url, struct fx_clock *clock,
                           struct fx_random *random, struct fx_store **ret_store,
                           struct fx_error *err) {
    struct fx_slice given = fx_slice_of(url);

    *ret_store = NULL;
    if (fx_slice_starts_with(given, FX_SLICE("sqlite://")) && url[9] != '/')
        return fx_fail(err, FX_ERR_INPUT,
                       "store.url wants three slashes before an absolute path: sqlite:///%s",
                       url + 9);
    if (fx_slice_starts_with(given, FX_SLICE("sqlite://")))
        return store_sqlite_open(sc, url + 9, clock, random, ret_store, err);
    if (fx_slice_starts_with(given, FX_SLICE("sqlite:")))
        return store_sqlite_open(sc, url + 7, clock, random, ret_store, err);
    if (fx_slice_starts_with(given, FX_SLICE("postgresql://")) ||
        fx_slice_starts_with(given, FX_SLICE("postgres://")))
        return store_postgres_open(sc, url, clock, random, ret_store, err);
    return fx_fail(err, FX_ERR_INPUT,
                   "store.url is not an address of a store: write sqlite:///PATH or "
                   "postgresql://USER@HOST/DATABASE");
}
